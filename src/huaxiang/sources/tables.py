"""Columns to fields: what a table's header and cells mean.

Takes a header and rows of cells; gives nested records.

Rule 1. Names are trimmed; empty ones at the end are no columns; an empty one elsewhere, a name twice, or a name that is
        both a value and a parent (`a`, `a.b`) makes the file unreadable: each would lose values in silence.
Rule 2. A dotted name nests: `asrText.result` is `{"asrText": {"result": …}}`.
Rule 3. A cell that begins with `[` or `{` and parses as JSON is taken as JSON; if it does not parse, it is text.
Rule 4. An empty cell, or one of white space, is an absent field.
Rule 5. `="138…"`, the formula that protects digits, is its text.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from huaxiang.errors import SourceUnreadable
from huaxiang.sources.rows import EXCERPT_CHARS, Reject, Row
from huaxiang.sources.spreadsheet import Identifiers, unprotect

_json = msgspec.json.Decoder()


def unflatten(row: Mapping[str, object]) -> dict[str, object]:
    """Nest dotted names and take JSON cells for JSON.

    Raises ValueError where a name is both a value and a parent.
    """
    nested: dict[str, object] = {}
    for name, value in row.items():
        *parents, leaf = name.split(".")
        holder = nested
        for parent in parents:
            inner = holder.setdefault(parent, _Branch())
            if not isinstance(inner, _Branch):
                raise ValueError(name)  # noqa: TRY004 - it is the names that clash; no value has a wrong type
            holder = inner
        if leaf in holder:
            raise ValueError(name)
        holder[leaf] = _cell(value) if isinstance(value, str) and value[:1] in _SPECIAL else value
    return nested


class _Branch(dict[str, object]):
    """An object that dotted names made, as opposed to one that a cell held."""


_SPECIAL = frozenset("[{=")


def _cell(text: str) -> object:
    if text.startswith("="):
        return unprotect(text)
    try:
        return _json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


class Columns:
    """A table's header, ready to turn its rows of cells into rows of fields."""

    def __init__(self, header: Sequence[str], *, path: str, identifiers: Identifiers) -> None:
        self.names = _names(header, path)
        self._nests = any("." in name for name in self.names)
        self._identifiers = identifiers

    def row(self, line: int, cells: Sequence[object]) -> Row | Reject | None:
        """A Row, a Reject, or None for a row without a value. A cell is text or any other value; None is absent."""
        if len(cells) > len(self.names) and any(map(_is_value, cells[len(self.names) :])):
            return self._too_many(line, cells)
        data: dict[str, object] = {}
        special = False
        for name, cell in zip(self.names, cells, strict=False):
            if type(cell) is not str:
                if cell is not None:
                    data[name] = cell
            elif cell and not cell.isspace():
                data[name] = cell
                special = special or cell[0] in _SPECIAL
        if not data:
            return None
        if self._nests or special:
            data = unflatten(data)
        return self._identifiers.row(line, data)

    def sound_row(self, line: int, cells: Sequence[object]) -> Row | Reject | None:
        """As `row`, of cells that are known to be no more than the columns, and neither blank text nor JSON."""
        data = {name: cell for name, cell in zip(self.names, cells, strict=False) if cell is not None}
        if not data:
            return None
        return self._identifiers.row(line, unflatten(data) if self._nests else data)

    def _too_many(self, line: int, cells: Sequence[object]) -> Reject:
        reason = (
            f"{len(cells)} cells, but the header names {len(self.names)} columns / "
            f"该行有 {len(cells)} 个单元格, 表头只有 {len(self.names)} 列"
        )
        raw = msgspec.json.encode(cells).decode()[:EXCERPT_CHARS]
        return Reject(line=line, field="", reason=reason, raw=raw)


def _is_value(cell: object) -> bool:
    return cell is not None and not (isinstance(cell, str) and (not cell or cell.isspace()))


def _names(header: Sequence[str], path: str) -> tuple[str, ...]:
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    reason = _header_fault(names)
    if reason:
        raise SourceUnreadable(path=path, reason=reason)
    return tuple(names)


def _header_fault(names: Sequence[str]) -> str | None:
    """Columns are named by their place: in a file without a header, the first row is somebody's data."""
    if not names:
        return "the first row names no columns / 缺少表头"
    counts = Counter(names)
    parents = {name[:place] for name in names for place, character in enumerate(name) if character == "."}
    for column, name in enumerate(names, start=1):
        if not name:
            return f"column {column} has no name / 第 {column} 列没有列名"
        if counts[name] > 1:
            other = names.index(name, column) + 1
            return f"columns {column} and {other} have the same name / 第 {column} 列与第 {other} 列列名重复"
        if name in parents:
            return f"column {column} is a value, and the name of another one lies inside it / 第 {column} 列列名冲突"
    return None

"""A small file that says which column becomes which field: a table of anybody's, read as a vendor's format.

Takes TOML; gives a `Mapping`, which turns a row into the row that the format expects.

    format = "tinet.cdr"
    rest = "drop"                                   # "keep": columns not named here go along under their own names

    [fields]
    uniqueId = "通话编号"                            # field = column; dotted names reach into objects, on both sides
    userId = { value = "8000376" }                  # the same in every row
    customerNumber = { from = "电话", trim = true, prefix = "0" }
    startTime = { from = "开始", date = "%Y/%m/%d %H:%M", zone = "Asia/Shanghai" }
    callType = { from = "类型", values = { "呼入" = "1", "呼出" = "4" }, otherwise = "1" }

Rule 1. The steps have one order: trim, values, prefix, date and zone. A prefix is not put where it stands already.
Rule 2. `date` is a pattern of strptime, or `seconds` or `milliseconds` since 1970; without it, `zone` reads ISO 8601.
        A time that has its own offset keeps it; without `zone`, the tenant's is meant.
Rule 3. An absent column is an absent field. A column that a file can't have, or a field that the format does not know,
        is an error that names its line and key and what may have been meant; `optional = true` allows the first.
Rule 4. A value that a step can't take refuses its row, by its column.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection
from collections.abc import Mapping as Table
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from huaxiang.errors import InputInvalid, SettingsInvalid
from huaxiang.sources.spreadsheet import is_object

Scalar = str | int | float | bool
Step = Callable[[object], object]

_MOST_BYTES = 1 << 20
_AT_KEY = re.compile(r"^(?P<reason>.*?)(?: - at `\$\.?(?P<key>.*)`)?$", re.DOTALL)


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a field's value comes from, and what is done to it on the way."""

    from_: Annotated[str, msgspec.Meta(min_length=1)] | None = msgspec.field(default=None, name="from")
    value: Scalar | None = None
    trim: bool = False
    values: dict[str, Scalar] | None = None
    otherwise: Scalar | None = None
    prefix: str = ""
    date: str | None = None
    zone: str | None = None
    optional: bool = False


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    fields: dict[str, object]
    rest: Literal["drop", "keep"] = "drop"


class FieldMapping:
    """A mapping that was read. `text`: the file's bytes, by which an import knows it again."""

    def __init__(self, path: Path, text: bytes, read: _File) -> None:
        self.format = read.format
        self.text = text
        self._path = path
        self._rest = read.rest
        self._fields = {target: self._field(target, said) for target, said in read.fields.items()}
        self._columns = {
            target: tuple(field.from_.split(".")) for target, field in self._fields.items() if field.from_ is not None
        }
        self._constants = {target: field.value for target, field in self._fields.items() if field.value is not None}
        self._steps = {target: self._steps_of(target, field) for target, field in self._fields.items()}
        self._targets = {target: tuple(target.split(".")) for target in self._fields}
        self._used = {path[0] for path in self._columns.values()}

    def __reduce__(self) -> tuple[Callable[[Path, bytes], FieldMapping], tuple[Path, bytes]]:
        """For another process: it is read there from the same text."""
        return mapping_of, (self._path, self.text)

    # ── what it may say ───────────────────────────────────────────────────────────────────────────────────────────

    def check_targets(self, known: Collection[str]) -> None:
        """Hold it against the fields that its format knows.

        Raises:
            SettingsInvalid: a field is none of them, or is a value and the parent of another.

        """
        for target, path in self._targets.items():
            if target not in known and path[0] not in known:
                raise self._invalid(target, f"{self.format} has no field {target}{_near(target, known)}")
            if any(".".join(path[:depth]) in self._targets for depth in range(1, len(path))):
                raise self._invalid(target, "the field is a part of another one that is given too")

    def check_columns(self, known: Collection[str]) -> None:
        """Hold it against the columns that a file has.

        Raises:
            SettingsInvalid: a column is none of them.

        """
        for target, path in self._columns.items():
            column = ".".join(path)
            if not self._fields[target].optional and column not in known:
                raise self._invalid(target, f"the file has no column {column}{_near(column, known)}")

    def dropped(self, columns: Collection[str]) -> list[str]:
        """Those of a file's columns that it leaves behind."""
        return [] if self._rest == "keep" else [name for name in columns if name.split(".")[0] not in self._used]

    def columns_of(self, fields: Collection[str]) -> frozenset[str]:
        """The columns from which these fields come; for those that pass under their own names, the names."""
        found = {".".join(path) for target, path in self._columns.items() if target in fields}
        return frozenset(found | (set(fields) - self._used if self._rest == "keep" else set()))

    def _field(self, target: str, said: object) -> Field:
        if isinstance(said, str):
            said = {"from": said}
        try:
            return msgspec.convert(said, Field)
        except msgspec.ValidationError as error:
            raise self._invalid(target, _without_place(error)) from error

    def _invalid(self, target: str, reason: str) -> SettingsInvalid:
        return _invalid(self._path, self.text.decode(), f"fields.{target}", reason)

    # ── what it does ──────────────────────────────────────────────────────────────────────────────────────────────

    def row(self, data: dict[str, object]) -> dict[str, object]:
        """The row that the format expects.

        Raises:
            InputInvalid: a value that a step can't take; `field` is its column.

        """
        kept = {name: value for name, value in data.items() if name not in self._used} if self._rest == "keep" else {}
        for target, value in self._constants.items():
            _put(kept, self._targets[target], value)
        for target, path in self._columns.items():
            value = _get(data, path)
            if value is None:
                continue
            for step in self._steps[target]:
                try:
                    value = step(value)
                except (ValueError, OverflowError, OSError) as error:
                    raise InputInvalid(field=".".join(path), reason=f"{self._said(target)} is expected") from error
            if value is not None and value != "":
                _put(kept, self._targets[target], value)
        return kept

    def _said(self, target: str) -> str:
        date = self._fields[target].date
        return f"a time as {date}" if date else "a date and time"

    def _steps_of(self, target: str, field: Field) -> list[Step]:
        if (field.from_ is None) == (field.value is None):
            raise self._invalid(target, "either `from`, a column, or `value`, a constant, is needed")
        steps: list[Step] = []
        if field.trim:
            steps.append(lambda value: value.strip() if isinstance(value, str) else value)
        if field.values is not None:
            steps.append(_valued(field.values, field.otherwise))
        elif field.otherwise is not None:
            raise self._invalid(target, "`otherwise` belongs to `values`")
        if field.prefix:
            steps.append(_prefixed(field.prefix))
        if field.date is not None or field.zone is not None:
            steps.append(_timed(field.date, self._zone(target, field.zone)))
        return steps

    def _zone(self, target: str, name: str | None) -> ZoneInfo | None:
        try:
            return None if name is None else ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise self._invalid(target, f"there is no time zone {name}") from error


def read_mapping(path: Path) -> FieldMapping:
    """Read a mapping.

    Raises:
        SettingsInvalid: there is no such file, it is no TOML, or says what no mapping can; with line and key.

    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES)
    except OSError as error:
        raise SettingsInvalid(field="map", reason=f"{path} can't be read: {type(error).__name__}") from error
    return mapping_of(path, text)


def mapping_of(path: Path, text: bytes) -> FieldMapping:
    """The mapping that a file of this text is; raises as `read_mapping` does."""
    try:
        read = msgspec.convert(tomllib.loads(text.decode()), _File)
    except UnicodeDecodeError as error:
        raise SettingsInvalid(field="map", reason=f"{path.name} is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(field="map", reason=f"{path.name}: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsInvalid(field="map", reason=f"{path.name}: {error}") from error
    return FieldMapping(path, text, read)


def _without_place(error: msgspec.ValidationError) -> str:
    """What msgspec says, the key at the end of it apart where it is one of ours."""
    told = _AT_KEY.match(str(error))
    assert told is not None
    return f"{told['key']}: {told['reason']}" if told["key"] else told["reason"]


def _invalid(path: Path, text: str, key: str, reason: str) -> SettingsInvalid:
    where = ", ".join(part for part in (_line_of(text, key), key) if part)
    return SettingsInvalid(field="map", reason=f"{path.name}{': ' if where else ''}{where}: {reason}")


def _line_of(text: str, key: str) -> str:
    """`line 7`, where the key stands; nothing where that can't be told."""
    name = re.escape(key.removeprefix("fields."))
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"""\s*\[?(?:fields\.)?["']?{name}["']?\s*[\]=.]""", line) and name:
            return f"line {number}"
    return ""


def _near(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"; perhaps {' or '.join(near)}" if near else f"; there are {', '.join(sorted(known))}"


def _get(data: Table[str, object], path: tuple[str, ...]) -> object:
    value: object = data
    for name in path:
        if not is_object(value):
            return None
        value = value.get(name)
    return value


def _put(data: dict[str, object], path: tuple[str, ...], value: object) -> None:
    for name in path[:-1]:
        inner = data.get(name)
        if not is_object(inner):
            inner = data[name] = dict[str, object]()
        data = inner
    data[path[-1]] = value


def _valued(values: dict[str, Scalar], otherwise: Scalar | None) -> Step:
    return lambda value: values.get(str(value), value if otherwise is None else otherwise)


def _prefixed(prefix: str) -> Step:
    return lambda value: value if (text := str(value)).startswith(prefix) else prefix + text


def _timed(pattern: str | None, zone: ZoneInfo | None) -> Step:
    def step(value: object) -> object:
        if pattern in {"seconds", "milliseconds"}:
            number = float(str(value)) / (1000 if pattern == "milliseconds" else 1)
            return datetime.fromtimestamp(number, UTC).isoformat()
        text = str(value).strip()
        # Without an offset of its own it is the mapping's zone's, or comes out as it went in: the tenant's.
        time = datetime.fromisoformat(text) if pattern is None else datetime.strptime(text, pattern)  # noqa: DTZ007
        return (time if zone is None or time.tzinfo else time.replace(tzinfo=zone)).isoformat()

    return step

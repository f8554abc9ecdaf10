"""What spreadsheets do to identifiers: which damage is harmless, and which is refused.

A cell typed as a number keeps 15 digits. An 11-digit phone survives in .xlsx, but shows as `1.39E+10`, and that is what
a CSV export then writes. An 18-digit id is stored as 1.23456789012346E+17: the last three digits are gone for ever.

Rule 1. Text in scientific notation (`1.39E+10`, `1,39E+10`) is refused.
Rule 2. A float written in scientific notation in JSON is refused, whatever digits it seems to have.
Rule 3. A float from 10^15 on is refused when it lies above 2^53, or ends in 0 (the mark of a 16th digit cut off).
Rule 4. In an identifier field a float with a fraction is refused; other numbers, and `13812345678.0`, become their
        digits as text.
Rule 5. The ways people protect digits (`="138…"`, a leading apostrophe, tabs and spaces around) are taken off.
Not seen: text such as `123456789012346000`, which a CSV export with the number format «0» writes, and a phone that was
saved as CSV, opened and saved again (13900000000): some real values look like that.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import TypeGuard

from huaxiang.sources.rows import Reject, Row, reject_data

_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+?\d{2}", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"(\d+)\.0+", re.ASCII)
_FORMULA = re.compile(r'="([^"]*)"')

# What may be broken, or is to be freed of something, by its beginning.
_DOUBTFUL = re.compile(r"[\s=']|\d[\d.,]*(?:\.0|E)", re.IGNORECASE)

_KEPT_DIGITS_END = 10**15
_EXACT_END = 2**53


def broken_number(text: object) -> str | None:
    """Say why this value is a number that a spreadsheet broke, in English and Chinese, or None if it is none.

    Takes text, or a float as JSON and workbooks give it. What has lost nothing, `13812345678.0` for one, is not broken.
    """
    if isinstance(text, str):
        bare = unprotect(text)
        return _reason(bare) if _SCIENTIFIC.fullmatch(bare) else None
    if isinstance(text, float) and _has_lost_digits(text):
        return _reason(f"{text:.14E}")
    return None


def unprotect(text: str) -> str:
    """Take off what people put around digits to keep a spreadsheet from changing them."""
    bare = text.strip()
    if bare.startswith("="):
        match = _FORMULA.fullmatch(bare)
        return match[1].strip() if match else bare
    return bare.removeprefix("'")


def _is_doubtful(text: str) -> bool:
    return _DOUBTFUL.match(text) is not None or text[-1:].isspace()


def _has_lost_digits(value: float) -> bool:
    size = abs(value)
    return size >= _KEPT_DIGITS_END and (size > _EXACT_END or size % 10 == 0)


def _reason(shown: str) -> str:
    return (
        f"{shown} is a number that a spreadsheet broke; format the column as text and export again / "
        f"{shown} 是被电子表格改写的号码(科学计数法), 请将该列设为文本格式后重新导出"
    )


class Identifiers:
    """The identifier fields of a file's rows: checked, and freed of what a spreadsheet put around them.

    `fields` are dotted; a list on the way means each of its items. None means that no field is known to be an
    identifier: then any broken number refuses its row, and nothing is changed.
    """

    def __init__(self, fields: Collection[str] | None) -> None:
        self._paths = None if fields is None else [tuple(field.split(".")) for field in sorted(fields)]
        self._deep = any(len(path) > 1 for path in self._paths or ())

    def row(self, line: int, data: dict[str, object], scientific: Collection[float] = ()) -> Row | Reject:
        """Give the row, or its Reject. `scientific`: the floats that this row's text wrote in scientific notation."""
        fault = self._any_fault(data, scientific) if self._paths is None else self._named_fault(data, scientific)
        return Row(line, data) if fault is None else reject_data(line, *fault, data)

    def _named_fault(self, data: dict[str, object], scientific: Collection[float]) -> tuple[str, str] | None:
        for path in self._paths or ():
            value = _value_at(data, path) if self._deep else data.get(path[0])
            # Nearly every value is absent or sound text: pass these without a further call.
            if value is None or (type(value) is str and (value.isdigit() or not _is_doubtful(value))):
                continue
            reason = _mend(data, path, lambda leaf: _identifier(leaf, scientific))
            if reason is not None:
                return ".".join(path), reason
        return None

    @staticmethod
    def _any_fault(data: dict[str, object], scientific: Collection[float]) -> tuple[str, str] | None:
        for field, value in _leaves(data, ""):
            reason = broken_number(value)
            if reason is None and type(value) is float and value in scientific:
                reason = _reason(f"{value:E}")
            if reason is not None:
                return field, reason
        return None


def _value_at(data: dict[str, object], path: tuple[str, ...]) -> object:
    """What is found along a path: the value, or whatever on the way is no object."""
    holder: object = data
    for parent in path[:-1]:
        holder = holder.get(parent) if is_object(holder) else holder
    return holder.get(path[-1]) if is_object(holder) else holder


def _identifier(value: object, scientific: Collection[float]) -> tuple[object, str | None]:
    """One identifier as it is to be served to a dialect, or the reason why not."""
    if isinstance(value, str):
        bare = unprotect(value)
        whole = _WHOLE.fullmatch(bare)
        reason = broken_number(bare)
        return (value if reason else whole[1] if whole else bare), reason
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value), None
    if not isinstance(value, float):
        return value, None
    reason = broken_number(value) or (_reason(f"{value:E}") if value in scientific else None)
    if reason is None and not value.is_integer():
        reason = f"{value} is not a whole number / {value} 不是整数"
    return (value if reason else str(int(value))), reason


def _mend(holder: object, path: tuple[str, ...], mend: Callable[[object], tuple[object, str | None]]) -> str | None:
    """Put mended values in place along a path; the first reason stops it."""
    if is_list(holder):
        return next((reason for item in holder if (reason := _mend(item, path, mend))), None)
    name, rest = path[0], path[1:]
    if not is_object(holder) or name not in holder:
        return None
    value = holder[name]
    if rest:
        return _mend(value, rest, mend)
    if is_list(value):
        mended = [mend(leaf) for leaf in value]
        holder[name] = [leaf for leaf, _ in mended]
        return next((reason for _, reason in mended if reason), None)
    holder[name], reason = mend(value)
    return reason


def _leaves(value: object, field: str) -> Iterator[tuple[str, object]]:
    if is_object(value):
        for name, inner in value.items():
            yield from _leaves(inner, f"{field}.{name}" if field else name)
    elif is_list(value):
        for inner in value:
            yield from _leaves(inner, field)
    else:
        yield field, value


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """A JSON object, as the JSON decoder gives it."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """A JSON array, as the JSON decoder gives it."""
    return isinstance(value, list)

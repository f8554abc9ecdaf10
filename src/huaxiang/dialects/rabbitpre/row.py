"""One record of the vendor, read field by field: what is said is checked, what is not said is absent.

Takes a row as JSON or a spreadsheet gives it (in a CSV all scalars are strings, and lists are cells of JSON), gives
plain values. Each reader raises `InputInvalid` with the field's path and the reason, never with the value.

Rule 1: null, "", an empty list and an empty object say nothing.
Rule 2: a number may come as its digits, a text as a number; a float only where it is whole and no digit can be lost.
Rule 3: a time is epoch milliseconds, or a text; a text without a zone is in the tenant's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

import msgspec

from huaxiang.errors import InputInvalid, InputMissing
from huaxiang.model import Json

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
LONGEST_TEXT: Final = 4096

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_LARGEST_INT64 = 2**63 - 1
_LARGEST_WHOLE_FLOAT = 2**53
_NOTHING: tuple[Json, ...] = (None, "", [], {})


class Row:
    """A JSON object, and its place in the record. `rest` tells what nobody asked for."""

    def __init__(self, fields: dict[str, Json], zone: ZoneInfo, *, path: str = "") -> None:
        """Keep the fields that say something; times without a zone are in `zone`."""
        self.zone = zone
        self._path = path
        self._asked: set[str] = set()
        self._said = {name: value for name, value in fields.items() if value or value not in _NOTHING}

    def place(self, name: str) -> str:
        """The field's path in the record, for errors."""
        return f"{self._path}.{name}" if self._path else name

    def said(self, name: str) -> Json:
        """The field as it came; None when it says nothing."""
        self._asked.add(name)
        return self._said.get(name)

    def part(self, fields: dict[str, Json], name: str) -> Row:
        """An object of the record, as one at the place `name` of this one."""
        return Row(fields, self.zone, path=self.place(name))

    def item(self, value: Json, place: str, *, name: str) -> Row:
        """An item of a list, which is an object, or what its field `name` would say."""
        return self.part(cast("dict[str, Json]", value) if isinstance(value, dict) else {name: value}, place)

    def rest(self) -> dict[str, Json]:
        """The fields that no reader asked for, in their order."""
        return {name: value for name, value in self._said.items() if name not in self._asked}

    def text(self, name: str, *, longest: int = LONGEST_TEXT) -> str | None:
        """A text, without outer blanks."""
        self._asked.add(name)
        value = self._said.get(name)
        if type(value) is str and len(value) <= longest:  # as nearly all are
            return value.strip() or None
        return None if value is None else self._as_text(value, self.place(name), longest)

    def needed(self, name: str, *, longest: int = LONGEST_TEXT) -> str:
        """A text that the record can't do without; raises `InputMissing`."""
        value = self.text(name, longest=longest)
        if value is None:
            raise InputMissing(field=self.place(name), reason="a value is needed")
        return value

    def number(self, name: str) -> int | None:
        """An int64."""
        value = self.said(name)
        if type(value) is int and abs(value) <= _LARGEST_INT64:
            return value
        return None if value is None else self._as_number(value, self.place(name))

    def time(self, name: str) -> datetime | None:
        """An instant, in UTC."""
        value = self.said(name)
        if value is None:
            return None
        try:
            return self._as_time(value, self.place(name))
        except (ValueError, OverflowError):
            reason = "epoch milliseconds, or a time as yyyy-MM-dd HH:mm:ss, is wanted"
            raise InputInvalid(field=self.place(name), reason=reason) from None

    def inner(self, name: str) -> Row | None:
        """An object."""
        value = self._unpacked(name)
        return None if value is None else self._as_row(value, self.place(name))

    def rows(self, name: str) -> list[Row]:
        """A list of objects."""
        return [self._as_row(value, f"{self.place(name)}[{index}]") for index, value in enumerate(self.items(name))]

    def objects(self, name: str) -> list[dict[str, Json]]:
        """A list of objects, as they came."""
        found = self.items(name)
        if not all(isinstance(value, dict) for value in found):
            raise InputInvalid(field=self.place(name), reason="a list of objects is wanted")
        return found

    def texts(self, name: str) -> list[str]:
        """A list of texts; a lone text is a list of one."""
        found: list[str] = []
        for index, value in enumerate(self.items(name)):
            text = self._as_text(value, f"{self.place(name)}[{index}]", LONGEST_TEXT)
            if text is not None:
                found.append(text)
        return found

    def items(self, name: str) -> list[Json]:
        """A list of anything that says something; a lone value is a list of one."""
        value = self._unpacked(name)
        if value is None:
            return []
        if isinstance(value, list):
            return [item for item in cast("list[Json]", value) if item not in _NOTHING]
        return [value]

    def _unpacked(self, name: str) -> Json:
        """The field, or what its cell of JSON holds."""
        value = self.said(name)
        if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
            try:
                unpacked = msgspec.json.decode(value)
            except (msgspec.DecodeError, RecursionError):
                raise InputInvalid(field=self.place(name), reason="the cell's JSON can't be read") from None
            return None if unpacked in _NOTHING else unpacked
        return value

    def _as_row(self, value: Json, place: str) -> Row:
        if not isinstance(value, dict):
            raise InputInvalid(field=place, reason="an object is wanted")
        return Row(cast("dict[str, Json]", value), self.zone, path=place)

    def _as_text(self, value: Json, place: str, longest: int) -> str | None:
        if isinstance(value, float):
            value = self._as_number(value, place)
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise InputInvalid(field=place, reason="a text is wanted")
        text = str(value).strip()
        if len(text) > longest:
            raise InputInvalid(field=place, reason=f"longer than {longest} characters")
        return text or None

    def _as_number(self, value: Json, place: str) -> int:
        if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, float):
            if not value.is_integer() or abs(value) > _LARGEST_WHOLE_FLOAT:
                raise InputInvalid(field=place, reason="a fraction, or a whole number that has lost digits")
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputInvalid(field=place, reason="a whole number is wanted")
        if abs(value) > _LARGEST_INT64:
            raise InputInvalid(field=place, reason="beyond 64 bits")
        return value

    def _as_time(self, value: Json, place: str) -> datetime:
        if isinstance(value, str) and not _WHOLE.fullmatch(value.strip()):
            time = datetime.fromisoformat(value.strip().replace("/", "-"))
            return (time if time.tzinfo else time.replace(tzinfo=self.zone)).astimezone(UTC)
        return EPOCH + timedelta(milliseconds=self._as_number(value, place))

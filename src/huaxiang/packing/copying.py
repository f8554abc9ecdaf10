"""Rows as PostgreSQL's binary COPY takes them: made at the cost of joining bytes, where millions of rows go in.

Takes values, gives the bytes of fields, of rows, and of a whole copy, as
https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS lays them out: a field is its length in four
bytes and its value as the type's binary send function writes it; no value is the length -1.

Rule 1: who makes a row gives its fields in the order of the columns, and counts them; nothing is checked here.
Rule 2: what is the same in many rows is made once, and joined.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""How a copy begins: its signature, no flags, no extension."""
TAIL: Final = b"\xff\xff"
"""How it ends."""
NULL: Final = b"\xff\xff\xff\xff"
"""A field without a value."""
KEY: Final = b"\0\0\0\x10"
"""How a field of the type uuid begins, and of any other value of 16 bytes."""
TRUE: Final = b"\0\0\0\x01\x01"
FALSE: Final = b"\0\0\0\x01\0"

CHUNK_ROWS: Final = 256
"""Rows that are handed on together."""

_COUNT, _LENGTH = Struct(">h").pack, Struct(">i").pack
_COUNT_BYTES, _LENGTH_BYTES, _length_at = 2, 4, Struct(">i").unpack_from
_INTEGER, _TIME = Struct(">ii").pack, Struct(">iq").pack
_UUIDS: Final = Struct(">iiiiii").pack
_UUID: Final = 2950
"""The type uuid, as arrays name it."""
_UUIDS_HEAD, _UUID_BYTES = 20, 20
_ARRAY, _BOUNDS = Struct(">iii").pack, Struct(">ii").pack
_TEXT: Final = 25
"""The type text, as arrays name it."""
_ZERO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def chunks(rows: Sequence[bytes], last: bytes = b"") -> list[bytes]:
    """A whole copy of these rows, some hundreds of them together; `last`: the last field, if they lack it."""
    parts = [last.join((*rows[at : at + CHUNK_ROWS], b"")) for at in range(0, len(rows), CHUNK_ROWS)]
    return [HEAD, *parts, TAIL]


def values(copy: Sequence[bytes], place: int, many: int) -> Iterator[bytes]:
    """The field at a place, the same in all rows, of `chunks` whose rows have so many; none is without a value."""
    for rows in copy[1:-1]:
        at = 0
        while at < len(rows):
            at += _COUNT_BYTES
            for field in range(many):
                (length,) = _length_at(rows, at)
                at += _LENGTH_BYTES
                if field == place:
                    yield rows[at : at + length]
                at += max(length, 0)


def fields(count: int) -> bytes:
    """How a row of so many fields begins."""
    return _COUNT(count)


def text(value: str | None) -> bytes:
    """A field of the type text."""
    return NULL if value is None else raw(value.encode())


def raw(value: bytes) -> bytes:
    """A field whose value is sent as it is: bytea, json, and uuid by its 16 bytes."""
    return _LENGTH(len(value)) + value


def document(value: bytes) -> bytes:
    """A field of the type jsonb, of JSON in UTF-8."""
    return _LENGTH(len(value) + 1) + b"\x01" + value


def uuids(values: Sequence[bytes]) -> bytes:
    """A field of the type uuid[], of at least one, each by its 16 bytes."""
    return _begin_of_uuids(len(values)) + KEY.join(values)


@lru_cache(maxsize=256)
def _begin_of_uuids(count: int) -> bytes:
    """How a field of so many uuids begins; most have as many as those before."""
    return _UUIDS(_UUIDS_HEAD + _UUID_BYTES * count, 1, 0, _UUID, count, 1) + KEY


def texts(values: Sequence[bytes]) -> bytes:
    """A field of the type text[], of texts in UTF-8."""
    items = b"".join(map(raw, values))
    return raw(_ARRAY(1 if values else 0, 0, _TEXT) + (_BOUNDS(len(values), 1) if values else b"") + items)


def integer(value: int | None) -> bytes:
    """A field of the type integer."""
    return NULL if value is None else _INTEGER(4, value)


def time(value: datetime | None) -> bytes:
    """A field of the type timestamptz, of an aware time."""
    return NULL if value is None else _TIME(8, microseconds(value))


def microseconds(value: datetime) -> int:
    """A time as timestamptz counts it: from the year 2000 on."""
    since = value - _ZERO
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds

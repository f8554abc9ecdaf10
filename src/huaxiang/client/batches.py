"""Many rows handed over in a few calls: cut, counted, and told where it ended.

Takes rows as they come, each an object of JSON or a struct of the client; gives them in parts, each of which is a call.

Rule 1: a row counts from 0 over all that are handed over, whatever call it travels in.
Rule 2: rows are taken a part at a time, so that an endless or a huge iterable needs the memory of one.
Rule 3: a row that can't be written as JSON is refused by itself: the server never sees it, the rest goes on.
Rule 4: of a struct, what is None was not said, and is not sent; an object of JSON is sent as it is.
Rule 5: an error tells what became of the rows before its call, and with which row to go on.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Raw, Struct

from huaxiang.client import reading
from huaxiang.client.errors import ClientError, Invalid
from huaxiang.client.exchange import Call
from huaxiang.model import Json

Item = TypeVar("Item")
Answer = TypeVar("Answer")

ARow: TypeAlias = Struct | Mapping[str, Json]
UNWRITABLE = "can't be written as JSON"


@dataclass(frozen=True)
class Part:
    """Some rows: `places` are those of `rows`, which are written as `bodies`; the others of them are `unwritable`."""

    first: int
    places: Sequence[int]
    rows: Sequence[Mapping[str, Json]]
    bodies: Sequence[Raw]
    unwritable: Sequence[int]


@dataclass(frozen=True)
class Batch(Generic[Answer]):
    """A part of the rows, and the call that hands it over; None where no row of it can be sent."""

    part: Part
    call: Call[Answer] | None


def several(field: str, items: Iterable[Item]) -> Iterable[Item]:
    """The items, which are not the signs of one text. Raises `Invalid`."""
    if isinstance(items, str):
        raise Invalid(field=field, reason="a list of texts is expected, not one text")
    return items


def cut(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """The items, at most so many in each part."""
    source = iter(items)
    while part := list(islice(source, most)):
        yield part


def parts(rows: Iterable[ARow], most: int, also: Mapping[str, Json] | None = None) -> Iterator[Part]:
    """The rows, at most so many in each part; `also`: what each says that does not say it otherwise."""
    for some in cut(enumerate(rows), most):
        written = [(place, *_written(row, also or {})) for place, row in some]
        sent = [(place, row, body) for place, row, body in written if body is not None]
        yield Part(
            first=some[0][0],
            places=[place for place, _, _ in sent],
            rows=[row for _, row, _ in sent],
            bodies=[body for _, _, body in sent],
            unwritable=[place for place, _, body in written if body is None],
        )


@contextmanager
def marked(first: int, before: object) -> Generator[None]:
    """Tell an error what became of the rows before a call, whose first row is at the place `first`."""
    try:
        yield
    except ClientError as error:
        error.before, error.line = before, first + 1
        raise


def _written(row: ARow, also: Mapping[str, Json]) -> tuple[Mapping[str, Json], Raw | None]:
    try:
        own = reading.without_nulls(msgspec.to_builtins(row)) if isinstance(row, Struct) else row
        said = {**also, **own}
        return said, Raw(msgspec.json.encode(said))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return {}, None

"""The reading half of an import: a file as batches that are ready to land; pure work, on any thread or process.

Takes a file, how to read it and from where; gives its rows as what they claim, with those that are refused.

Rule 1. A batch is bounded in rows, in bytes of text, and in the names that its facts link.
Rule 2. The first batches of calls are smaller, so that what lands and what is read next are soon at work together.
        (Links cost more where they land in more batches.)
Rule 3. What was good before a file breaks off is given before that is told.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.bookmark import Bookmark
from huaxiang.dialects.contract import Format
from huaxiang.errors import Refused, SourceUnreadable
from huaxiang.model import Parsed, Tenant
from huaxiang.packing.ahead import Piles, Prepared, place_ahead, prepare
from huaxiang.sources import FieldMapping, Reader, Reject, Row

BATCH_ROWS = 25_000
"""Rows of a batch that land as claims."""
BATCH_BYTES = 16 << 20
BATCH_LINKED = 50_000
"""Names in the facts of a batch that have several, and so link them: a row may bring along many such facts."""
BATCH_CALLS = 40_000
"""Calls that are packed: the more land together, the fewer times the pages are gone over that they touch."""
FIRST_CALLS = BATCH_CALLS // 8
"""Of the first batch; each that follows has twice as many as the one before it, up to a whole one."""
BATCH_PACKED = 75_000
"""Rows of a batch whose facts are packed with their links. What lands together is joined in memory; what lands later
writes the nodes and the links once more that it joins."""
PACKED_LINKED = 2 * BATCH_PACKED
"""Names in the facts of a batch that are packed: they take less room than claims."""
CHUNK_ROWS = 32
"""Rows that are read, parsed and claimed together: few enough to be near at hand for the processor at each step."""


class Way(NamedTuple):
    """How files are read: as which format, through which mapping, so many rows at a time; None: as suits the rows."""

    form: Format
    mapping: FieldMapping | None
    batch_rows: int | None = None


class Source(NamedTuple):
    """What is read: whose, which file, how, and from where on."""

    tenant: Tenant
    path: Path
    way: Way
    start: Bookmark


def reader_of(path: Path, way: Way) -> Reader:
    """What reads a file so. Raises `SourceUnreadable` where it is nothing that can be read."""
    fields = way.form.identifier_fields
    return Reader(path, identifier_fields=way.mapping.columns_of(fields) if way.mapping else fields)


Refusal: TypeAlias = tuple[Reject, dict[str, object] | None]
"""A reject, and the row that it was, where it was one."""


class Batch(NamedTuple):
    """What lands together. `items`, `line` and `read_bytes` tell where it ends; behind the `last` there is no more.

    `said`: what is ready to land, or the bytes that another process gave for it. `columns`: the names of the header, or
    of the first batch's rows; for a mapping.
    """

    said: Prepared | bytes
    rejects: list[Refusal]
    items: int
    line: int
    read_bytes: int
    last: bool
    columns: frozenset[str]

    @property
    def prepared(self) -> Prepared:
        """What is ready to land. Made of its bytes each time: a batch that waits for its turn is in memory once."""
        return pickle.loads(self.said) if isinstance(self.said, bytes) else self.said  # noqa: S301 - our own process's

    def as_bytes(self) -> bytes:
        """The same as bytes, for another process of ours."""
        return pickle.dumps(self.said, pickle.HIGHEST_PROTOCOL)


class Batches:
    """The reading half: a file as batches that are ready to land, from a place on. `take` may run on any thread."""

    def __init__(self, source: Source) -> None:
        """Read this, from where it says."""
        self._tenant, self._way, start = source.tenant, source.way, source.start
        self._reader = reader_of(source.path, source.way)
        self._zone = ZoneInfo(self._tenant.time_zone)
        self._items = self._reader.after(items=start.items, line=start.line)
        self._count, self._line = start.items, start.line
        self._columns: set[str] = set()
        self._failure: SourceUnreadable | None = None
        self._looked_at = self._way.mapping is None
        self._most_calls = FIRST_CALLS

    def take(self, *, can_pile: bool) -> Batch:
        """The next batch; after the `last` there is none. `can_pile`: what can be packed may land so.

        Raises:
            SourceUnreadable: the file breaks off, and what was good of it has been given.

        """
        if self._failure:
            raise self._failure
        end_bytes = self._reader.text_bytes + BATCH_BYTES
        ready: list[Prepared] = []
        piles = Piles(self._tenant, _now()) if can_pile else None
        rejects: list[Refusal] = []
        rows, claimed, last = 0, 0, False
        while not last and self._has_room(rows, claimed, piles) and self._reader.text_bytes <= end_bytes:
            most = min(CHUNK_ROWS, (self._way.batch_rows or BATCH_PACKED) - rows)
            items = self._read(most)
            last = len(items) < most
            if not self._looked_at:
                self._columns |= _columns(self._reader, items)
            ready.append(self._prepared(items, rejects, piles))
            claimed += sum(len(one.named) for one in ready[-1].claims if len(one.named) > 1)
            rows += len(items)
            self._line = items[-1].line if items else self._line
        self._look_at_columns()
        self._count += rows
        self._most_calls = min(2 * self._most_calls, BATCH_CALLS)
        last = last and self._failure is None
        prepared = place_ahead(self._tenant, _together(ready), piles)
        columns = frozenset(self._columns)
        return Batch(prepared, rejects, self._count, self._line, self._reader.read_bytes, last, columns)

    def _has_room(self, rows: int, claimed: int, piles: Piles | None) -> bool:
        """Whether a batch of so many rows takes more; `claimed`: the names that claims link."""
        alone, linked, names = (len(piles.calls), len(piles.linked), piles.linked.names) if piles else (0, 0, 0)
        if claimed >= BATCH_LINKED or names >= PACKED_LINKED:
            return False
        if self._way.batch_rows is not None:
            return rows < self._way.batch_rows
        return rows - alone - linked < BATCH_ROWS and alone < self._most_calls and rows < BATCH_PACKED

    def _read(self, most: int) -> list[Row | Reject]:
        items: list[Row | Reject] = []
        try:
            # Item by item, so that those before a failure are kept.
            for item in islice(self._items, most):
                items.append(item)  # noqa: PERF402
        except SourceUnreadable as error:
            if not self._count and not items:
                raise
            self._failure = error
        return items

    def _look_at_columns(self) -> None:
        """Hold the mapping against the names that the file has: its header's, or those of its first batch."""
        if self._way.mapping and not self._looked_at and not self._count:
            self._way.mapping.check_columns(self._columns)
        self._looked_at = True

    def _prepared(self, items: list[Row | Reject], rejects: list[Refusal], piles: Piles | None) -> Prepared:
        """What a few rows claim; those that are refused are added to the rejects, in the file's order."""
        records: list[tuple[int, Parsed]] = []
        refused: list[tuple[int, Reject]] = []
        parse, zone, mapping = self._way.form.parse, self._zone, self._way.mapping
        for place, item in enumerate(items):
            if isinstance(item, Reject):
                refused.append((place, item))
                continue
            try:
                data = item.data if mapping is None else mapping.row(item.data)
                records.append((place, parse(data, zone)))
            except Refused as refusal:
                refused.append((place, Reject(item.line, refusal.field, refusal.reason, "")))
        prepared = prepare(self._tenant, records, _now(), piles)
        refused += [(one.line, Reject(items[one.line].line, one.field, one.reason, "")) for one in prepared.rejects]
        for place, reject in sorted(refused, key=lambda one: one[0]):
            item = items[place]
            rejects.append((reject, item.data if isinstance(item, Row) else None))
        return prepared


def _together(ready: list[Prepared]) -> Prepared:
    claims = tuple(chain.from_iterable(one.claims for one in ready))
    fields = tuple(chain.from_iterable(one.fields for one in ready))
    return Prepared(claims, fields, (), ready[0].came_at)


def _columns(reader: Reader, items: list[Row | Reject]) -> set[str]:
    """The header's names, or those of the rows; dotted ones, and what these are parts of."""
    if reader.columns is None:
        return set(chain.from_iterable(_names(item.data, "") for item in items if isinstance(item, Row)))
    parts = [name.split(".") for name in reader.columns]
    return {".".join(part[:depth]) for part in parts for depth in range(1, len(part) + 1)}


def _names(data: Mapping[str, object], prefix: str) -> Iterator[str]:
    for name, value in data.items():
        yield prefix + name
        if isinstance(value, Mapping):
            yield from _names(msgspec.convert(value, dict[str, object]), f"{prefix}{name}.")


def _now() -> datetime:
    return datetime.now(UTC)

"""One file on its way in: read, mapped, parsed and claimed on a thread, while the database lands what came before.

Takes a file and how to read it; lands it batch by batch; gives what became of it.

Rule 1. A batch's place in the file is committed with what it landed, so that a run that was killed at any moment is
        taken up where it was: nothing twice, nothing lost.
Rule 2. A batch's rejects are on the disk before it lands; a run that goes on cuts them back to those of what landed.
Rule 3. Two batches are in memory at most, each bounded in rows and in bytes of text.
Rule 4. One import of a file at a time: the kernel's lock on the file says so, and ends with whoever held it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.bookmark import Bookmark, Place
from huaxiang.dialects.contract import Format
from huaxiang.errors import Busy, Refused, SourceUnreadable
from huaxiang.model import Parsed, Tenant
from huaxiang.packing.ahead import Piles
from huaxiang.service import Prepared, Service
from huaxiang.sources import FieldMapping, Found, Reader, Reject, RejectWriter, Row

BATCH_ROWS = 25_000
BATCH_BYTES = 16 << 20
BATCH_LINKED = 50_000
"""Names in the facts of a batch that have several, and so link them: a row may bring along many such facts."""
BATCH_PACKED = 75_000
"""Rows of a batch whose facts are packed with their links. What lands together is joined in memory; what lands later
writes the nodes and the links once more that it joins."""
PACKED_LINKED = 2 * BATCH_PACKED
"""Names in the facts of a batch that are packed: they take less room than claims."""
CHUNK_ROWS = 32
"""Rows that are read, parsed and claimed together: few enough to be near at hand for the processor at each step."""
_HEAD_BYTES = 1 << 16


class Way(NamedTuple):
    """How files are read: as which format, through which mapping, so many rows at a time; None: as suits the rows."""

    form: Format
    mapping: FieldMapping | None
    batch_rows: int | None = None


@dataclass
class Taken:
    """What became of a file. `landed` and `known` count facts, the others rows; all of them over every run it took.

    `before`: the rows that were behind when this run began. `finished`: all of it had come in before.
    """

    name: str
    rejects: Path
    rows: int = 0
    rejected: int = 0
    landed: int = 0
    known: int = 0
    before: int = 0
    finished: bool = False
    afresh: bool = False
    """The rejects of the run before were gone, and so the file was begun again."""
    dropped: list[str] = field(default_factory=list[str])
    """Columns that the mapping leaves behind."""
    examples: list[Reject] = field(default_factory=list[Reject])
    """The first rejects of this run."""


Told = Callable[[Taken, int], None]
"""Is told how things stand, and how many bytes of the file are behind."""

SHOWN_REJECTS = 5


_Refusal: TypeAlias = tuple[Reject, dict[str, object] | None]
"""A reject, and the row that it was, where it was one."""


class _Batch(NamedTuple):
    prepared: Prepared
    rejects: list[_Refusal]
    items: int
    line: int
    read_bytes: int
    last: bool


class Batches:
    """The reading half: a file as batches that are ready to land, from a place on. `take` may run on any thread."""

    def __init__(self, service: Service, tenant: Tenant, reader: Reader, way: Way, start: Bookmark) -> None:
        self.columns: set[str] = set()
        """The names of the header, or of the first batch's rows; for a mapping."""
        self.service, self.tenant = service, tenant
        self._reader, self._way = reader, way
        self._zone = ZoneInfo(tenant.time_zone)
        self._items = reader.after(items=start.items, line=start.line)
        self._count, self._line = start.items, start.line
        self._failure: SourceUnreadable | None = None
        self.can_pile = True
        """Whether facts that can be packed are piled up, as long as they can land so."""
        self._looked_at = way.mapping is None

    def take(self) -> _Batch:
        """The next batch; after the `last` there is none.

        Raises:
            SourceUnreadable: the file breaks off, and what was good of it has been given.

        """
        if self._failure:
            raise self._failure
        end_bytes = self._reader.text_bytes + BATCH_BYTES
        ready: list[Prepared] = []
        piles = self.service.piles(self.tenant) if self.can_pile else None
        rejects: list[_Refusal] = []
        rows, claimed, last = 0, 0, False
        while not last and self._has_room(rows, claimed, piles) and self._reader.text_bytes <= end_bytes:
            most = min(CHUNK_ROWS, (self._way.batch_rows or BATCH_PACKED) - rows)
            items = self._read(most)
            last = len(items) < most
            if not self._looked_at:
                self.columns |= _columns(self._reader, items)
            ready.append(self._prepared(items, rejects, piles))
            claimed += sum(len(one.named) for one in ready[-1].claims if len(one.named) > 1)
            rows += len(items)
            self._line = items[-1].line if items else self._line
        self._look_at_columns()
        self._count += rows
        last = last and self._failure is None
        prepared = self.service.place_ahead(self.tenant, _together(ready), piles)
        return _Batch(prepared, rejects, self._count, self._line, self._reader.read_bytes, last)

    def _has_room(self, rows: int, claimed: int, piles: Piles | None) -> bool:
        """Whether a batch of so many rows takes more; `claimed`: the names that claims link."""
        packed, names = (len(piles.linked), piles.linked.names) if piles else (0, 0)
        if claimed >= BATCH_LINKED or names >= PACKED_LINKED:
            return False
        if self._way.batch_rows is not None:
            return rows < self._way.batch_rows
        return rows - packed < BATCH_ROWS and rows < BATCH_PACKED

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
            self._way.mapping.check_columns(self.columns)
        self._looked_at = True

    def _prepared(self, items: list[Row | Reject], rejects: list[_Refusal], piles: Piles | None) -> Prepared:
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
        prepared = self.service.prepare(self.tenant, records, piles)
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


async def take_in(
    service: Service, tenant: Tenant, file: Found, rejects: Path, way: Way, *, again: bool, told: Told
) -> Taken:
    """Land a file from where its import stands; from its beginning, if it is to be done `again`.

    Raises:
        SourceUnreadable: the file is nothing that can be read, or breaks off; what was good of it has landed.
        SettingsInvalid: the mapping names a column that the file has not.
        Busy: another import of the file is under way, or the database has no room.

    """
    identifiers = way.form.identifier_fields
    reader = Reader(file.path, identifier_fields=way.mapping.columns_of(identifiers) if way.mapping else identifiers)
    with _alone(file.path):
        name = _print(file.path, tenant, way)
        stand = await service.begin_import(tenant, name, file.name, way.form.name, again=again)
        writer = RejectWriter(rejects, source=file.name, kept_bytes=stand.rejects_bytes)
        afresh = not stand.finished_at and not writer.keeps()
        if afresh:
            stand = await service.begin_import(tenant, name, file.name, way.form.name, again=True)
            writer = RejectWriter(rejects, source=file.name)
        taken = _so_far(file, rejects, stand, afresh=afresh)
        if stand.finished_at is None:
            batches = Batches(service, tenant, reader, way, stand)
            with writer:
                await _land_all(batches, name, writer, taken, told)
            taken.dropped = way.mapping.dropped(sorted(batches.columns)) if way.mapping else []
    told(taken, reader.total_bytes)
    return taken


def _so_far(file: Found, rejects: Path, stand: Bookmark, *, afresh: bool) -> Taken:
    return Taken(
        name=file.name,
        rejects=rejects,
        rows=stand.items,
        rejected=stand.rejected,
        landed=stand.landed,
        known=stand.known,
        before=stand.items,
        finished=stand.finished_at is not None,
        afresh=afresh,
    )


async def _land_all(batches: Batches, name: UUID, writer: RejectWriter, taken: Taken, told: Told) -> None:
    kept_bytes = writer.settle()
    batches.can_pile = can_pile = await batches.service.can_pile(batches.tenant)
    ahead = asyncio.create_task(asyncio.to_thread(batches.take))
    try:
        while True:
            batch = await ahead
            if not batch.last:
                ahead = asyncio.create_task(asyncio.to_thread(batches.take))
            for reject, row in batch.rejects:
                writer.write(reject, row)
            if batch.rejects:
                kept_bytes = writer.settle()
            rejected = taken.rejected + len(batch.rejects)
            place = Place(name, taken.rows, batch.items, batch.line, rejected, kept_bytes, finished=batch.last)
            outcome = await batches.service.land_prepared(batches.tenant, batch.prepared, place)
            # Where most records have come before, they land as claims, and cost less as such from the beginning.
            batches.can_pile = can_pile and outcome.known <= outcome.landed
            taken.rows, taken.rejected = batch.items, rejected
            taken.landed += outcome.landed
            taken.known += outcome.known
            taken.examples += [reject for reject, _ in batch.rejects[: SHOWN_REJECTS - len(taken.examples)]]
            told(taken, batch.read_bytes)
            if batch.last:
                return
    finally:
        ahead.cancel()


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Hold the file for this import alone; a lock for reading would do, since nobody else locks it."""
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Busy(reason=f"another import of {path.name} is under way") from error
    finally:
        os.close(file)


def _print(path: Path, tenant: Tenant, way: Way) -> UUID:
    """A digest of all that decides what an import does: which file, how it is read, whose clock it means."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    stat = path.stat()
    parts: list[bytes | str | int] = [str(path.resolve()), stat.st_size, stat.st_mtime_ns, head]
    parts += [way.form.name, way.mapping.text if way.mapping else b"", tenant.time_zone]
    return UUID(bytes=blake2b(msgspec.json.encode(parts), digest_size=16).digest())

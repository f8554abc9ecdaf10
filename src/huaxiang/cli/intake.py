"""One file on its way in: read, mapped, parsed and claimed beside, while the database lands what came before.

Takes a file and how to read it; lands it batch by batch; gives what became of it.

Rule 1. A batch's place in the file is committed with what it landed, so that a run that was killed at any moment is
        taken up where it was: nothing twice, nothing lost.
Rule 2. A batch's rejects are on the disk before it lands; a run that goes on cuts them back to those of what landed.
Rule 3. Two batches are in memory at most: one lands, the other is read, or waits for its turn.
Rule 4. One import of a file at a time: the kernel's lock on the file says so, and ends with whoever held it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from uuid import UUID

import msgspec

from huaxiang.bookmark import Bookmark, Place
from huaxiang.cli.batches import Source, Way, reader_of
from huaxiang.cli.reading import Readers, Reading
from huaxiang.errors import Busy
from huaxiang.model import Tenant
from huaxiang.service import Service
from huaxiang.sources import Found, Reject, RejectWriter

_HEAD_BYTES = 1 << 16


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


class Intake:
    """What takes a tenant's files in, one after the other, all of them in one way; `told` is told how things stand."""

    def __init__(self, service: Service, tenant: Tenant, way: Way, told: Told) -> None:
        """Take nothing in yet; to be closed in the end."""
        self._service, self._tenant, self._way, self._told = service, tenant, way, told
        self._readers = Readers()

    def close(self) -> None:
        """End whatever reads."""
        self._readers.close()

    async def take_in(self, file: Found, rejects: Path, *, again: bool) -> Taken:
        """Land a file from where its import stands; from its beginning, if it is to be done `again`.

        Raises:
            SourceUnreadable: the file is nothing that can be read, or breaks off; what was good of it has landed.
            SettingsInvalid: the mapping names a column that the file has not.
            Busy: another import of the file is under way, or the database has no room.

        """
        service, tenant, way = self._service, self._tenant, self._way
        size_bytes = reader_of(file.path, way).total_bytes
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
                with self._readers.reading(Source(tenant, file.path, way, stand)) as reading, writer:
                    await self._land_all(reading, name, writer, taken)
        self._told(taken, size_bytes)
        return taken

    async def _land_all(self, reading: Reading, name: UUID, writer: RejectWriter, taken: Taken) -> None:
        service, tenant, mapping = self._service, self._tenant, self._way.mapping
        kept_bytes = writer.settle()
        can_pile, pays = await service.can_pile(tenant), True
        ahead = asyncio.create_task(asyncio.to_thread(reading.take, can_pile=can_pile))
        try:
            while True:
                batch = await ahead
                if not batch.last:
                    ahead = asyncio.create_task(asyncio.to_thread(reading.take, can_pile=can_pile and pays))
                for reject, row in batch.rejects:
                    writer.write(reject, row)
                if batch.rejects:
                    kept_bytes = writer.settle()
                rejected = taken.rejected + len(batch.rejects)
                place = Place(name, taken.rows, batch.items, batch.line, rejected, kept_bytes, finished=batch.last)
                prepared, batch = batch.prepared, batch._replace(said=b"")
                outcome = await service.land_prepared(tenant, prepared, place)
                del prepared  # not to be held while the next one is made of its bytes
                # Where most records have come before, they land as claims, and cost less as such from the beginning.
                pays = outcome.known <= outcome.landed
                taken.rows, taken.rejected = batch.items, rejected
                taken.landed += outcome.landed
                taken.known += outcome.known
                taken.examples += [reject for reject, _ in batch.rejects[: SHOWN_REJECTS - len(taken.examples)]]
                self._told(taken, batch.read_bytes)
                with suppress(Busy):  # it has landed
                    await service.store.keep_statistics()
                if batch.last:
                    taken.dropped = mapping.dropped(sorted(batch.columns)) if mapping else []
                    return
        finally:
            ahead.cancel()


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

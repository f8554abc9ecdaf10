"""Where the reading half of an import runs: on a thread, or for a large file in a process of its own.

Takes what is to be read; gives its batches, one for each question. Python runs on one processor a process, so that two
threads wait for each other all the time; but a process takes a while to begin, and claims take longer to be handed over
than to be made, where packed facts are but bytes.

Rule 1: a file whose facts can't be packed, or land as claims, is read on a thread, from where it has come to.
Rule 2: whoever of the two processes ends first, however harshly, the other one sees it and ends too.
Rule 3: a process is kept for the run's other files; it is ended where a file was left before its end.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

import msgspec

from huaxiang.cli.batches import Batch, Batches, Source, reader_of
from huaxiang.errors import HuaxiangError, SourceUnreadable

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from huaxiang.packing.ahead import Prepared

LARGE_BYTES: Final = 32 << 20
"""Of text, that takes longer to read than a process takes to begin."""
PACKED_BYTES: Final = 2 << 20
"""The same of a file that is packed, as Parquet is in itself."""
LOOKED_AT: Final = 1024
"""Rows by which a file is judged, before it is begun."""
MOST_CLAIMS: Final = 0.05
"""Of what a batch says, this part may be claims where it is handed over."""
FEWEST_OBJECTS: Final = 500_000
"""How many objects more there are before garbage is looked for: a batch has none, and is gone by itself."""
_STOP_SECONDS: Final = 5.0


class Readers:
    """Who reads the files of a run, one after the other."""

    def __init__(self) -> None:
        """Begin nothing yet."""
        self._process: _Process | None = None

    @contextmanager
    def reading(self, source: Source) -> Generator[Reading]:
        """Read a file, until what uses it ends."""
        process = None
        if (os.cpu_count() or 1) > 1 and _is_large(source) and _packs(source):
            process = self._process = self._process or _Process()
        try:
            yield Reading(source, process)
        finally:
            if process is not None and not process.is_free:
                self.close()

    def close(self) -> None:
        """End the process, if there is one; a question that waits for its answer is told so."""
        if self._process is not None:
            self._process.end()
            self._process = None


class Reading:
    """A file that is read."""

    def __init__(self, source: Source, process: _Process | None) -> None:
        """Read it in this process of its own, or here."""
        self._source, self._process = source, process
        self._batches: Batches | None = None

    def take(self, *, can_pile: bool) -> Batch:
        """The next batch; blocks meanwhile. `can_pile`: what can be packed may land so.

        Raises:
            SourceUnreadable: the file breaks off, and what was good of it has been given; or who read it has ended.
            SettingsInvalid: the mapping names a column that the file has not.

        """
        if self._batches is None and (self._process is None or not can_pile):
            self._batches = Batches(self._source)
        if self._batches is not None:
            return self._batches.take(can_pile=can_pile)
        assert self._process is not None
        batch, is_packed = self._process.ask(self._source)
        start = msgspec.structs.replace(self._source.start, items=batch.items, line=batch.line)
        self._source = self._source._replace(start=start)
        if not is_packed:
            self._process = None
        return batch


def _is_large(source: Source) -> bool:
    reader = reader_of(source.path, source.way)
    return reader.total_bytes >= (PACKED_BYTES if reader.is_packed else LARGE_BYTES)


def _packs(source: Source) -> bool:
    """Whether what a file's first rows say can be packed."""
    batches = Batches(source._replace(way=source.way._replace(batch_rows=LOOKED_AT)))
    try:
        return _is_packed(batches.take(can_pile=True).prepared)
    except HuaxiangError:  # it is told when the file is read
        return False


def _is_packed(said: Prepared) -> bool:
    """Whether nearly all that a batch says is packed."""
    packed = sum(len(facts.keys) for facts in (said.alone, said.linked) if facts is not None)
    return len(said.claims) <= MOST_CLAIMS * (packed + len(said.claims))


class _Process:
    """The other process, as the one that lands sees it."""

    def __init__(self) -> None:
        self.is_free = True
        """Whether it has given all of what it was to read."""
        context = get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_read, args=(theirs,), name="huaxiang-reading", daemon=True)
        self._process.start()
        theirs.close()  # or its end would not be seen here

    def ask(self, source: Source) -> tuple[Batch, bool]:
        """The next batch, and whether it is packed; what is to be read is told with the first question about it."""
        try:
            self._line.send(source if self.is_free else None)
            self.is_free = False
            answer: tuple[Batch, bool] | HuaxiangError = self._line.recv()
            if isinstance(answer, HuaxiangError):
                raise answer
            batch, is_packed = answer
            batch = batch._replace(said=self._line.recv_bytes())
        except (EOFError, OSError) as error:
            reason = "the process that read it has ended; the same command goes on from there / 读取进程已中止"
            raise SourceUnreadable(path=source.path.name, reason=reason) from error
        self.is_free = batch.last
        return batch, is_packed

    def end(self) -> None:
        self._process.terminate()
        self._process.join(_STOP_SECONDS)
        self._line.close()


def _read(line: Connection) -> None:
    """Be the other process: give batches of what is told, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the keyboard's goes to both, and who lands ends who reads
    gc.set_threshold(FEWEST_OBJECTS)
    batches: Batches | None = None
    with suppress(EOFError, ConnectionError):
        while True:
            source: Source | None = line.recv()
            try:
                batches = Batches(source) if source is not None else batches
                assert batches is not None
                batch = batches.take(can_pile=True)
            except HuaxiangError as error:
                line.send(error)
                continue
            is_packed, said = _is_packed(batch.prepared), batch.as_bytes()
            batch = batch._replace(said=b"")
            line.send((batch, is_packed))
            line.send_bytes(said)
            del said  # not to be held while the next one is made

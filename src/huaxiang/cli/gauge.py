"""How an import goes: a bar for a person at a terminal, a line every few seconds for a log."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from huaxiang.cli.intake import Taken
from huaxiang.cli.output import say

LINE_EVERY_SECONDS = 5.0


class Gauge:
    """Tells of one run over files of so many bytes; a context manager. `rows`: those that this run went through."""

    def __init__(self, total_bytes: int, *, every_seconds: float = LINE_EVERY_SECONDS) -> None:
        self.rows = 0
        self._total_bytes = max(total_bytes, 1)
        self._behind_bytes = 0
        self._skipped_bytes = 0
        self._every_seconds = every_seconds
        self._rows_of_files = 0
        self._began = self._said_at = time.monotonic()
        console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[told]}", markup=False),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("import", total=self._total_bytes, told="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def begin(self, name: str) -> None:
        """A file begins."""
        self._bar.update(self._task, description=name)

    def moved(self, taken: Taken, read_bytes: int) -> None:
        """A file has come so far."""
        self.rows = self._rows_of_files + taken.rows - taken.before
        behind_bytes = self._behind_bytes + read_bytes
        told = self._told(taken)
        self._bar.update(self._task, completed=behind_bytes, told=told)
        if self._bar.disable and time.monotonic() - self._said_at >= self._every_seconds:
            self._said_at = time.monotonic()
            part = f"{behind_bytes / self._total_bytes:.0%}"
            say(f"{taken.name}: {taken.rows:,} rows, {part}, {told}{self._left(behind_bytes)}")

    def end(self, size_bytes: int, *, skipped: bool = False) -> None:
        """A file has ended; `skipped`: nothing of it was read."""
        self._rows_of_files = self.rows
        self._behind_bytes += size_bytes
        self._skipped_bytes += size_bytes if skipped else 0

    def _told(self, taken: Taken) -> str:
        speed = self.rows / max(self.seconds, 0.001)
        return f"{speed:,.0f} rows/s; landed {taken.landed:,}, known {taken.known:,}, rejected {taken.rejected:,}"

    def _left(self, behind_bytes: int) -> str:
        done = behind_bytes - self._skipped_bytes
        if done <= 0:
            return ""
        return f"; {self.seconds * (self._total_bytes - behind_bytes) / done:,.0f} s left"

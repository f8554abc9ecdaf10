"""How a long run goes: a bar for a person at a terminal, a line every few seconds for a log."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from huaxiang.cli.output import say

LINE_EVERY_SECONDS = 5.0


class Meter:
    """Tells how far a run has come, of so much in all; a context manager."""

    def __init__(self, name: str, total: float | None, *, every_seconds: float = LINE_EVERY_SECONDS) -> None:
        self._every_seconds = every_seconds
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
        self._task = self._bar.add_task(name, total=total, told="")

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

    def name(self, name: str) -> None:
        """What is told of from now on is called so."""
        self._bar.update(self._task, description=name)

    def tell(self, done: float, told: str, line: str, *, total: float | None = None) -> None:
        """So much is done: `told` beside the bar, `line` for a log, if its time has come; `total`, if it is another."""
        self._bar.update(self._task, completed=done, told=told, total=total)
        if self._bar.disable and time.monotonic() - self._said_at >= self._every_seconds:
            self._said_at = time.monotonic()
            say(line)

    def left(self, done: float, to_do: float) -> str:
        """How long the rest will take, if it goes on as it did; nothing before anything is done."""
        return f"; {self.seconds * to_do / done:,.0f} s left" if done > 0 else ""

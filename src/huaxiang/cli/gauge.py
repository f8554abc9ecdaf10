"""How an import goes, over files of so many bytes."""

from __future__ import annotations

from huaxiang.cli.intake import Taken
from huaxiang.cli.meter import LINE_EVERY_SECONDS, Meter


class Gauge(Meter):
    """Tells of one run over files of so many bytes. `rows`: those that this run went through."""

    def __init__(self, total_bytes: int, *, every_seconds: float = LINE_EVERY_SECONDS) -> None:
        self.rows = 0
        self._total_bytes = max(total_bytes, 1)
        self._behind_bytes = 0
        self._skipped_bytes = 0
        self._rows_of_files = 0
        super().__init__("import", self._total_bytes, every_seconds=every_seconds)

    def begin(self, name: str) -> None:
        """A file begins."""
        self.name(name)

    def moved(self, taken: Taken, read_bytes: int) -> None:
        """A file has come so far."""
        self.rows = self._rows_of_files + taken.rows - taken.before
        behind_bytes = self._behind_bytes + read_bytes
        told = self._told(taken)
        part = f"{behind_bytes / self._total_bytes:.0%}"
        left = self.left(behind_bytes - self._skipped_bytes, self._total_bytes - behind_bytes)
        self.tell(behind_bytes, told, f"{taken.name}: {taken.rows:,} rows, {part}, {told}{left}")

    def end(self, size_bytes: int, *, skipped: bool = False) -> None:
        """A file has ended; `skipped`: nothing of it was read."""
        self._rows_of_files = self.rows
        self._behind_bytes += size_bytes
        self._skipped_bytes += size_bytes if skipped else 0

    def _told(self, taken: Taken) -> str:
        speed = self.rows / max(self.seconds, 0.001)
        return f"{speed:,.0f} rows/s; landed {taken.landed:,}, known {taken.known:,}, rejected {taken.rejected:,}"

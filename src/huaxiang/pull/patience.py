"""How a server that is not one's own is asked: as often as it allows, and again where it may pass."""

from __future__ import annotations

from dataclasses import dataclass

from huaxiang.client import Retry
from huaxiang.client.pace import Rate
from huaxiang.errors import SettingsInvalid

FASTEST = 1_000_000


@dataclass(frozen=True)
class Manner:
    """How patiently, and how often. `rate`: calls a second; 0 for as often as it answers, None for what it documents.

    Raises `SettingsInvalid` for figures that can't be meant.
    """

    rate: float | None = None
    tries: int = 12
    longest_wait_s: float = 60.0

    def __post_init__(self) -> None:
        """Check the figures."""
        if self.rate is not None and not 0 <= self.rate <= FASTEST:
            raise SettingsInvalid(field="rate", reason=f"from 0 to {FASTEST} calls a second")
        if self.tries < 1 or self.longest_wait_s < 0:
            raise SettingsInvalid(field="tries", reason="a call is tried once at least")

    @property
    def retry(self) -> Retry:
        """The same of single calls: with a minute as the longest wait, some eight minutes in all."""
        return Retry(self.tries, min(0.5, self.longest_wait_s), self.longest_wait_s)

    def scaled(self, documented: Rate, per_second: float = 1.0) -> Rate:
        """A documented rate, or the same times as much as this one is of so many a second."""
        if self.rate is None:
            return documented
        if not self.rate:
            return Rate(FASTEST, 0.0)
        return Rate(documented.calls, documented.seconds * per_second / self.rate)

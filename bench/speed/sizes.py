"""How much of everything, by the name of a size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Size:
    """How much of everything. Times in seconds, rates a second."""

    name: str
    customers: int
    """Each with a number, a profile, a CRM record and two calls: what lookups, pages and pushes are asked of."""
    requests: int
    """Different ones, of each kind."""
    rounds: int
    """How often each of the compared is measured, in turns; the median counts."""
    round_s: float
    pages: int
    """How often each page is fetched."""
    calls: tuple[int, int]
    """The two sizes of an import; a number has five calls."""
    records: int
    """With two identifiers each, for the links."""
    push_s: float
    pushes: float
    """A second, each with its look-up."""


SIZES: Final = {
    one.name: one
    for one in (
        Size("tiny", 1_000, 500, 2, 1, 2, (500, 5_000), 1_000, 2, 50),
        Size("small", 20_000, 10_000, 3, 2, 5, (100_000, 300_000), 30_000, 8, 500),
        Size("medium", 200_000, 50_000, 3, 5, 5, (200_000, 2_000_000), 200_000, 20, 500),
        Size("full", 1_000_000, 200_000, 5, 10, 7, (1_000_000, 10_000_000), 1_000_000, 60, 500),
    )
}
"""`full` is what the goals speak of; the smaller ones show where things stand."""

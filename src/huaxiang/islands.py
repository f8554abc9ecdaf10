"""What becomes of islands when links come: pure, over the labels of islands alone.

Takes pairs of labels that new links connect; gives which become one, and whether what they become is known without a
look at their nodes. An island is all that links reach, suspended or not, hubs apart.

Rule 1: *plain* is one customer without a suspended link. Plain ones that are within the limits together make a plain
        one.
Rule 2: *flat* is past the size bound and all of one strength, so that every link is suspended. Whatever is past the
        bound together, and all of one strength, makes a flat one, whatever its parts were.
Rule 3: any other is *mixed*: its nodes have to be asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from huaxiang.partition import limit_of

if TYPE_CHECKING:
    from huaxiang.model import Limits

State: TypeAlias = Literal["plain", "flat", "mixed"]


class Island(msgspec.Struct):
    """What is known of an island. `weakest` and `strongest` are 0 where nobody asked for them: of plain ones."""

    label: int
    size: int
    state: State
    weakest: int
    strongest: int
    kinds: dict[str, int]


class Group(msgspec.Struct):
    """Islands that new links connect, and the strengths of those links.

    `fresh`: the nodes that came with the links, counted as if they were one island.
    """

    islands: list[Island]
    weakest: int
    strongest: int
    fresh: Island | None = None

    @property
    def all(self) -> list[Island]:
        """Those that stand, and the fresh nodes."""
        return self.islands if self.fresh is None else [*self.islands, self.fresh]

    @property
    def size(self) -> int:
        """How many nodes they have together."""
        return sum(island.size for island in self.all)

    @property
    def labels(self) -> set[int]:
        """The names of those that stand."""
        return {island.label for island in self.islands}

    @property
    def smallest(self) -> int:
        """The smallest name."""
        return min(island.label for island in self.all)

    @property
    def largest(self) -> int:
        """The name of the largest one that stands, if any does."""
        return max(self.islands or self.all, key=lambda island: (island.size, -island.label)).label

    def merged(self, label: int, state: State) -> Island:
        """What they are together."""
        kinds: defaultdict[str, int] = defaultdict(int)
        for island in self.all:
            for kind, count in island.kinds.items():
                kinds[kind] += count
        weakest = min([self.weakest, *(island.weakest for island in self.islands if island.weakest)])
        strongest = max([self.strongest, *(island.strongest for island in self.islands)])
        return Island(label, self.size, state, weakest, strongest, dict(kinds))


def least_of(limits: Mapping[str, int | None]) -> int | None:
    """The smallest limit that any kind has; None when none has one."""
    return min((limit for limit in limits.values() if limit is not None), default=None)


def connected(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """The smallest label of the set that each label is in; a label stands under the smaller of two that meet."""
    above: dict[int, int] = {}
    for one, other in pairs:
        here, there = above.setdefault(one, one), above.setdefault(other, other)
        while here != (top := above[here]):
            above[here] = here = above[top]
        while there != (top := above[there]):
            above[there] = there = above[top]
        if here < there:
            above[there] = here
        elif there < here:
            above[here] = there
    for label in sorted(above):  # each one's upper is smaller, and so knows its own top by now
        above[label] = above[above[label]]
    return above


def stays_plain(group: Group, limits: Limits) -> bool:
    """Whether what they are together is one customer without a suspended link."""
    if any(island.state != "plain" for island in group.islands):
        return False
    together = group.merged(0, "plain")
    if limits.customer_size is not None and together.size > limits.customer_size:
        return False
    bounds = ((limit_of(limits.identifiers, kind), count) for kind, count in together.kinds.items())
    return all(limit is None or count <= limit for limit, count in bounds)


def is_past(group: Group, limits: Limits) -> bool:
    """Whether they are past the size bound together."""
    return limits.customer_size is not None and group.size > limits.customer_size


def becomes_flat(group: Group) -> bool:
    """Whether every link of them is suspended: they are past the bound, and their strengths, all known, are one."""
    together = group.merged(0, "flat")
    return together.weakest == together.strongest

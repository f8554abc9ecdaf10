"""From one identifier to another: the shortest way over standing links, or what stands between two customers.

Rule 1: of one customer, the way has the fewest steps; of two of equal length, the one over older identifiers.
Rule 2: of two customers, the way has the fewest links that do not stand, then the fewest steps.
Rule 3: both sides are searched in turns, so that a number shared by thousands is met and not walked through.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from huaxiang.dialects.native.evidence import MOST_RECORDS_OF_A_PAIR, CitedParting, Path, PathStep
from huaxiang.errors import NotFound
from huaxiang.steward.evidence.links import linked, partings
from huaxiang.steward.evidence.subject import MOST_NODES, Names, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from huaxiang.model import Tenant
    from huaxiang.service import Service
    from huaxiang.steward.evidence.subject import Wanted
    from huaxiang.store import Transaction

Graph: TypeAlias = "defaultdict[UUID, dict[UUID, bool]]"
"""Whom each node is linked with, and whether by a link that stands."""
MOST_NEIGHBOURS = 1_000
MOST_ROUNDS = 12


async def path(service: Service, tenant: Tenant, one: Wanted, other: Wanted) -> Path:
    """How two identifiers hang together; null in the place of one that is not known."""
    async with service.store.reading() as tx:
        names = Names(tx, tenant)
        ends = [await _known(tx, tenant, names, wanted, service.now()) for wanted in (one, other)]
        start, goal = ends
        told = [None if end is None else names[end] for end in ends]
        if start is None or goal is None:
            return Path(told[0], told[1], one_customer=False, steps=[], apart=[], complete=True)
        together = names[start].customer == names[goal].customer
        search = Search(tx, names)
        way = await (search.within(start, goal) if together else search.between(start, goal))
        steps = await _steps(tx, names, way, search.graph)
        apart = [] if together else await _apart(tx, names, start, goal)
        return Path(told[0], told[1], one_customer=together, steps=steps, apart=apart, complete=search.complete)


async def _known(tx: Transaction, tenant: Tenant, names: Names, wanted: Wanted, now: datetime) -> UUID | None:
    try:
        return await find(tx, tenant, names, wanted, now)
    except NotFound:
        return None


class Search:
    """A search over links; `graph` is what has been read of them."""

    def __init__(self, tx: Transaction, names: Names) -> None:
        """Nothing is read yet."""
        self._tx, self._names = tx, names
        self.graph: Graph = defaultdict(dict)
        self.complete = True

    async def within(self, start: UUID, goal: UUID) -> list[UUID]:
        """The shortest way between two nodes of one customer."""
        nodes, count = await self._names.members(self._names[start].customer)
        self.complete = count <= len(nodes)
        await self._read(nodes)
        return self._shortest(start, goal, standing_only=True)

    async def between(self, start: UUID, goal: UUID) -> list[UUID]:
        """The way between nodes of two customers over the fewest links that do not stand; empty where there is none."""
        reached: list[set[int]] = [{self._names[start].customer}, {self._names[goal].customer}]
        frontiers = [set(one) for one in reached]
        for turn in range(MOST_ROUNDS):
            side = turn % 2
            found = await self._beyond(frontiers[side])
            frontiers[side] = found - reached[side]
            reached[side] |= found
            if reached[0] & reached[1]:
                return self._shortest(start, goal, standing_only=False)
            if not frontiers[side]:
                return []
            if sum(map(len, reached)) > MOST_NODES:
                break
        self.complete = False
        return []

    async def _beyond(self, customers: Iterable[int]) -> set[int]:
        """The customers that these ones are linked with."""
        nodes: list[UUID] = []
        for customer in sorted(customers):
            members, count = await self._names.members(customer)
            self.complete &= count <= len(members)
            nodes += members
        others = await self._read(nodes)
        await self._names.load(others)
        return {self._names[node].customer for node in others if node in self._names}

    async def _read(self, nodes: Sequence[UUID]) -> set[UUID]:
        counts: defaultdict[UUID, int] = defaultdict(int)
        others: set[UUID] = set()
        for row in await self._tx.rows("evidence_neighbours", nodes, MOST_NEIGHBOURS):
            counts[row["node"]] += 1
            others.add(row["other"])
            self.graph[row["node"]][row["other"]] = self.graph[row["other"]][row["node"]] = row["standing"]
        self.complete &= all(count < MOST_NEIGHBOURS for count in counts.values())
        return others

    def _shortest(self, start: UUID, goal: UUID, *, standing_only: bool) -> list[UUID]:
        """By Dijkstra: what a way costs is (links that do not stand, steps), then the number before its last."""
        rows = self._names.rows
        waiting = [(0, 0, 0, start, start)]
        came_from: dict[UUID, UUID] = {}
        while waiting and goal not in came_from:
            broken, steps, _, node, previous = heapq.heappop(waiting)
            if node in came_from:
                continue
            came_from[node] = previous
            for other, stands in self.graph[node].items():
                if other not in came_from and other in rows and (stands or not standing_only):
                    heapq.heappush(waiting, (broken + (not stands), steps + 1, rows[node]["number"], other, node))
        way = [goal] if goal in came_from else []
        while way and way[-1] != start:
            way.append(came_from[way[-1]])
        return way[::-1]


async def _steps(tx: Transaction, names: Names, way: Sequence[UUID], graph: Graph) -> list[PathStep]:
    ends = list(pairwise(way))
    rows = await tx.rows(
        "evidence_between", [one for one, _ in ends], [other for _, other in ends], MOST_RECORDS_OF_A_PAIR
    )
    pairs = {frozenset((pair.one.number, pair.other.number)): pair for pair in await linked(tx, names, rows)}
    steps: list[PathStep] = []
    for one, other in ends:
        pair = pairs[frozenset((names[one].number, names[other].number))]
        steps.append(PathStep(names[one], names[other], graph[one][other], pair.links, pair.records))
    return steps


async def _apart(tx: Transaction, names: Names, start: UUID, goal: UUID) -> list[CitedParting]:
    """The partings that keep the customers of two nodes apart."""
    one, other = [set((await names.members(names[node].customer))[0]) for node in (start, goal)]
    return [
        parting.told
        for parting in await partings(tx, names, one)
        if any(mine & one and theirs & other for mine, theirs in (parting.nodes, parting.nodes[::-1]))
    ]

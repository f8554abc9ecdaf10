"""The pure heart of resolving: a set of links and partings -> customers, under the guards.

Takes nodes, the links between them and the partings of people; gives each node its customer and its island, and the
reason for each link that is suspended. A function of sets: the order in which anything came is not among its arguments.

Rule 1: where a set connected by all its links is too large, its weakest class of links is suspended whole, until it
        is not.
Rule 2: the rest join one by one: a person's first, then by strength, rank, time and id; one that would break a limit,
        or bring together what a person parted, is suspended.
Rule 3: a person's join newer than a parting, with one end on each side of it, takes the parting back.
Rule 4: a customer is called after the smallest number in it; an island, likewise, is all that links reach, suspended
        or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from huaxiang.model import Limits

PERSON = 3


class Place(NamedTuple):
    """What resolving knows of a node."""

    number: int
    kind: str


class Edge(NamedTuple):
    """One link, in canonical direction (`one` < `other`), citing a record."""

    one: UUID
    other: UUID
    record: UUID
    strength: int
    at: datetime
    record_id: str
    rank: int = 0


class Parting(msgspec.Struct):
    """A person's word that the nodes of one side are never those of the other."""

    at: datetime
    sides: tuple[set[UUID], set[UUID]]


class Partition(msgspec.Struct):
    """What became of a set of nodes: each node's customer and island, and why some links are suspended."""

    customers: dict[UUID, int]
    islands: dict[UUID, int]
    suspended: dict[tuple[UUID, UUID, UUID], str]


def limit_of(limits: Mapping[str, int | None], kind: str, other: str | None = None) -> int | None:
    """The limit for a kind: of `kind:other`, else of `kind`, else of `*`; None when there is none."""
    for name in (f"{kind}:{other}", kind, "*"):
        if name in limits:
            return limits[name]
    return None


class _Sets:
    """Disjoint sets of nodes, smaller into larger, with what the guards ask of each."""

    def __init__(self, places: Mapping[UUID, Place]) -> None:
        self._above = {node: node for node in places}
        self.members = {node: [node] for node in places}
        self.kinds = {node: {place.kind: 1} for node, place in places.items()}
        self.sides: dict[UUID, set[tuple[UUID, int]]] = {}

    def find(self, node: UUID) -> UUID:
        above = self._above
        while above[node] != node:
            above[node] = above[above[node]]
            node = above[node]
        return node

    def union(self, one: UUID, other: UUID) -> None:
        if len(self.members[one]) < len(self.members[other]):
            one, other = other, one
        self._above[other] = one
        self.members[one] += self.members.pop(other)
        kinds = self.kinds[one]
        for kind, count in self.kinds.pop(other).items():
            kinds[kind] = kinds.get(kind, 0) + count
        if sides := self.sides.pop(other, None):
            self.sides.setdefault(one, set()).update(sides)


def partition(
    places: Mapping[UUID, Place], edges: Iterable[Edge], partings: Mapping[UUID, Parting], limits: Limits
) -> Partition:
    """Customers and islands of these nodes by these links; hubs must be left out of `edges`."""
    ordered = sorted(edges, key=_precedence)
    islands = _Sets(places)
    for edge in ordered:
        _join(islands, edge)
    suspended: dict[tuple[UUID, UUID, UUID], str] = {}
    kept = _within_size(islands, places, ordered, limits.customer_size, suspended)
    customers = _Sets(places)
    standing = _standing(partings, ordered)
    for record, parting in standing.items():
        for side, nodes in enumerate(parting.sides):
            for node in nodes & places.keys():
                customers.sides.setdefault(node, set()).add((record, side))
    for edge in kept:
        reason = _refusal(customers, edge, limits)
        if reason is None:
            _join(customers, edge)
        else:
            suspended[edge.one, edge.other, edge.record] = reason
    return Partition(_labels(customers, places), _labels(islands, places), suspended)


def _precedence(edge: Edge) -> tuple[object, ...]:
    """Which link has its say first."""
    return -edge.strength, -edge.rank, edge.at, edge.record_id, edge.record, edge.one, edge.other


def _join(sets: _Sets, edge: Edge) -> None:
    one, other = sets.find(edge.one), sets.find(edge.other)
    if one != other:
        sets.union(one, other)


def _labels(sets: _Sets, places: Mapping[UUID, Place]) -> dict[UUID, int]:
    labels: dict[UUID, int] = {}
    for members in sets.members.values():
        smallest = min(places[node].number for node in members)
        labels.update(dict.fromkeys(members, smallest))
    return labels


def _within_size(
    sets: _Sets,
    places: Mapping[UUID, Place],
    edges: list[Edge],
    size: int | None,
    suspended: dict[tuple[UUID, UUID, UUID], str],
) -> list[Edge]:
    """Leave out the weakest class of links of every set that is too large, until none is; `sets`: by all links."""
    while size is not None:
        large = {root for root, members in sets.members.items() if len(members) > size}
        if not large:
            break
        weakest: dict[UUID, int] = {}
        for edge in edges:
            root = sets.find(edge.one)
            if root in large:
                weakest[root] = min(edge.strength, weakest.get(root, edge.strength))
        kept: list[Edge] = []
        for edge in edges:
            if edge.strength == weakest.get(sets.find(edge.one)):
                suspended[edge.one, edge.other, edge.record] = "size"
            else:
                kept.append(edge)
        edges = kept
        sets = _Sets(places)
        for edge in edges:
            _join(sets, edge)
    return edges


def _standing(partings: Mapping[UUID, Parting], edges: Iterable[Edge]) -> dict[UUID, Parting]:
    """The partings that no newer join of a person takes back."""
    by_node: defaultdict[UUID, set[tuple[UUID, int]]] = defaultdict(set)
    for record, parting in partings.items():
        for side, nodes in enumerate(parting.sides):
            for node in nodes:
                by_node[node].add((record, side))
    named: defaultdict[tuple[UUID, datetime], set[tuple[UUID, int]]] = defaultdict(set)
    for edge in edges:
        if edge.strength == PERSON:
            for node in (edge.one, edge.other):
                named[edge.record, edge.at] |= by_node.get(node, set())
    taken_back = {
        record
        for (_, at), sides in named.items()
        for record, side in sides
        if (record, 1 - side) in sides and at > partings[record].at
    }
    return {record: parting for record, parting in partings.items() if record not in taken_back}


def _refusal(sets: _Sets, edge: Edge, limits: Limits) -> str | None:
    """Why this link may not join, if it may not."""
    one, other = sets.find(edge.one), sets.find(edge.other)
    if one == other:
        return None
    sides = sets.sides.get(one, set())
    if any((record, 1 - side) in sides for record, side in sets.sides.get(other, ())):
        return "apart"
    mine = sets.kinds[one]
    for kind, count in sets.kinds[other].items():
        limit = limit_of(limits.identifiers, kind)
        if limit is not None and kind in mine and mine[kind] + count > limit:
            return "limit"
    return None

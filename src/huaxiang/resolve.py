"""Which identifiers are one customer: links that came or went -> the customers that they make.

Takes nodes whose links changed, names the customers anew wherever they stand, and gives who moved. What is decided
is `partition`, a function of the set of links; this room finds the sets to ask it about, and keeps its answer.

Rule 1: a node with more distinct neighbours of one kind than its limit is a hub: it joins nobody.
Rule 2: an island is all that links reach, suspended or not, hubs apart. Where links went, a hub turned, or a person
        parted, its whole island is partitioned anew.
Rule 3: where links only came, most islands need no second look. A *plain* one is one customer without a suspended link;
        plain ones within the limits make a plain one. A *flat* one is past the size bound and all of one strength, so
        that every link is suspended; whatever joins it with that strength is flat too. Any other is *mixed*.
Rule 4: so a feed that welds all identifiers together costs a label for each, not a walk through all of them each time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple
from uuid import UUID

import msgspec

from huaxiang.partition import Edge, Parting, Partition, Place, limit_of, partition

if TYPE_CHECKING:
    from huaxiang.model import Limits, Tenant
    from huaxiang.store import Row, Transaction


class Move(NamedTuple):
    """A node, by its number, that was one customer's and now is another's."""

    node: UUID
    number: int
    before: int
    after: int


class Island(msgspec.Struct):
    """What is kept of an island: enough to know what becomes of it when links come."""

    label: int
    size: int
    state: Literal["plain", "flat", "mixed"]
    weakest: int
    strongest: int
    kinds: dict[str, int]


async def resolve(tx: Transaction, tenant: Tenant, touched: set[UUID], shrunk: set[UUID]) -> list[Move]:
    """Name the customers anew wherever these nodes stand; gives who moved, by number.

    `touched`: nodes whose links differ. `shrunk`: nodes whose islands are to be partitioned anew: they lost links.
    """
    if not touched:
        return []
    turned = await _turn_hubs(tx, tenant, touched, shrunk)
    fresh = [_edge(row) for row in await tx.rows("fresh_links")]
    ends = {row["node"]: row for row in await tx.rows("places", tenant.id, list(touched | turned | shrunk))}
    parted = {row["node"] for row in await tx.rows("aparts_of", list(touched))}
    anew = {ends[node]["island"] for node in (turned | shrunk | parted) & ends.keys()}
    edges = await _between_islands(tx, fresh, ends)
    plan = await _plan(tx, tenant.settings.limits, edges, ends, anew)
    moves = await _join_plain(tx, tenant, plan) + await _join_flat(tx, tenant, plan)
    moves += await _partition_anew(tx, tenant, plan.anew)
    return sorted((move for move in moves if move.before != move.after), key=lambda move: move.number)


# ── links that only came ──────────────────────────────────────────────────────────────────────────────────────────


class _Group(msgspec.Struct):
    """Islands that new links connect."""

    islands: dict[int, Island] = msgspec.field(default_factory=dict[int, "Island"])
    edges: list[Edge] = msgspec.field(default_factory=list["Edge"])

    def merged(self, label: int, state: Literal["plain", "flat"]) -> Island:
        """What they are together."""
        kinds: defaultdict[str, int] = defaultdict(int)
        for island in self.islands.values():
            for kind, count in island.kinds.items():
                kinds[kind] += count
        strengths = [edge.strength for edge in self.edges]
        strengths += [
            strength for one in self.islands.values() if one.size > 1 for strength in (one.weakest, one.strongest)
        ]
        size = sum(island.size for island in self.islands.values())
        return Island(label, size, state, min(strengths), max(strengths), dict(kinds))


class _Plan(msgspec.Struct):
    """Which groups stay plain or flat as they grow, and which islands have to be partitioned anew."""

    plain: list[_Group] = msgspec.field(default_factory=list["_Group"])
    flat: list[_Group] = msgspec.field(default_factory=list["_Group"])
    anew: set[int] = msgspec.field(default_factory=set[int])


async def _between_islands(tx: Transaction, fresh: Sequence[Edge], ends: dict[UUID, Row]) -> list[Edge]:
    """The new links that may join; those of a hub are suspended at once."""
    of_hubs = [edge for edge in fresh if ends[edge.one]["hub"] or ends[edge.other]["hub"]]
    await _suspend_edges(tx, of_hubs, "neighbours")
    return [edge for edge in fresh if not ends[edge.one]["hub"] and not ends[edge.other]["hub"]]


async def _plan(tx: Transaction, limits: Limits, edges: Sequence[Edge], ends: dict[UUID, Row], anew: set[int]) -> _Plan:
    groups = await _groups(tx, edges, ends)
    plan = _Plan(anew=set(anew))
    for group in groups:
        if group.islands.keys() & anew:
            plan.anew |= group.islands.keys()
        elif _stays_plain(group, limits):
            plan.plain.append(group)
        elif _stays_flat(group, limits):
            plan.flat.append(group)
        else:
            plan.anew |= group.islands.keys()
    return plan


async def _groups(tx: Transaction, edges: Sequence[Edge], ends: dict[UUID, Row]) -> list[_Group]:
    """The islands at the ends of these links, put together as the links do."""
    above: dict[int, int] = {}

    def find(label: int) -> int:
        while above.setdefault(label, label) != label:
            above[label] = above[above[label]]
            label = above[label]
        return label

    for edge in edges:
        above[find(ends[edge.one]["island"])] = find(ends[edge.other]["island"])
    known = {row["label"]: _island(row) for row in await tx.rows("islands_of", list(above))}
    groups: defaultdict[int, _Group] = defaultdict(_Group)
    for edge in edges:
        group = groups[find(ends[edge.one]["island"])]
        group.edges.append(edge)
        for end in (ends[edge.one], ends[edge.other]):
            label = end["island"]
            group.islands[label] = known.get(label) or Island(label, 1, "plain", 0, 0, {end["kind"]: 1})
    return list(groups.values())


def _stays_plain(group: _Group, limits: Limits) -> bool:
    if any(island.state != "plain" for island in group.islands.values()):
        return False
    together = group.merged(0, "plain")
    if limits.customer_size is not None and together.size > limits.customer_size:
        return False
    bounds = ((limit_of(limits.identifiers, kind), count) for kind, count in together.kinds.items())
    return all(limit is None or count <= limit for limit, count in bounds)


def _stays_flat(group: _Group, limits: Limits) -> bool:
    if any(island.state == "mixed" for island in group.islands.values()):
        return False
    together = group.merged(0, "flat")
    past = limits.customer_size is not None and together.size > limits.customer_size
    return past and together.weakest == together.strongest


async def _join_plain(tx: Transaction, tenant: Tenant, plan: _Plan) -> list[Move]:
    """Plain islands become one, and one customer, called after its smallest number."""
    merged: list[Island] = []
    labels: dict[int, int] = {}
    for group in plan.plain:
        smallest = min(group.islands)
        merged.append(group.merged(smallest, "plain"))
        labels.update({label: smallest for label in group.islands if label != smallest})
    rows = await tx.rows("nodes_of_islands", tenant.id, list(labels)) if labels else []
    moves = [Move(row["node"], row["number"], row["customer"], labels[row["island"]]) for row in rows]
    await tx.each("relabel", [(move.node, move.after, move.after) for move in moves])
    await _keep(tx, tenant, merged, labels)
    return moves


async def _join_flat(tx: Transaction, tenant: Tenant, plan: _Plan) -> list[Move]:
    """What joins a flat island is suspended; of what was plain each node is a customer of its own again."""
    merged: list[Island] = []
    labels: dict[int, int] = {}
    plain: set[int] = set()
    for group in plan.flat:
        largest = max(group.islands.values(), key=lambda island: (island.size, -island.label)).label
        merged.append(group.merged(largest, "flat"))
        labels.update({label: largest for label in group.islands if label != largest})
        plain |= {label for label, island in group.islands.items() if island.state == "plain" and island.size > 1}
        await _suspend_edges(tx, group.edges, "size")
    if plain:
        await tx.run("suspend_islands", list(plain))
    rows = await tx.rows("nodes_of_islands", tenant.id, list(labels.keys() | plain)) if labels or plain else []
    moves = [Move(row["node"], row["number"], row["customer"], row["number"]) for row in rows]
    islands = [labels.get(row["island"], row["island"]) for row in rows]
    await tx.each("relabel", [(move.node, move.after, island) for move, island in zip(moves, islands, strict=True)])
    await _keep(tx, tenant, merged, labels)
    return moves


async def _keep(tx: Transaction, tenant: Tenant, islands: Iterable[Island], gone: Iterable[int]) -> None:
    await tx.run("drop_islands", list(gone))
    rows = [
        (one.label, one.size, one.state, one.weakest, one.strongest, msgspec.json.encode(one.kinds).decode())
        for one in islands
    ]
    await tx.each("put_islands", rows, tenant.id)


async def _suspend_edges(tx: Transaction, edges: Iterable[Edge], reason: str) -> None:
    both = [row for edge in edges for row in ((edge.one, edge.other), (edge.other, edge.one))]
    records = [edge.record for edge in edges for _ in range(2)]
    rows = [(*ends, record, reason) for ends, record in zip(both, records, strict=True)]
    await tx.each("suspend", rows)


def _island(row: Row) -> Island:
    kinds = msgspec.json.decode(row["kinds"], type=dict[str, int])
    return Island(row["label"], row["size"], row["state"], row["weakest"], row["strongest"], kinds)


# ── islands partitioned anew ──────────────────────────────────────────────────────────────────────────────────────


async def _partition_anew(tx: Transaction, tenant: Tenant, labels: set[int]) -> list[Move]:
    if not labels:
        return []
    rows = await tx.rows("nodes_of_islands", tenant.id, list(labels))
    free = [row["node"] for row in rows if not row["hub"]]
    links = await tx.rows("links_of", free)
    aparts = await tx.rows("aparts_of", [row["node"] for row in rows])
    places = {row["node"]: Place(row["number"], row["kind"]) for row in rows}
    standing = set(free)
    edges = {_edge(row) for row in links if row["node"] in standing and row["other"] in standing}
    found = partition(places, edges, _partings(aparts), tenant.settings.limits)
    await _relabel(tx, rows, found)
    await _suspend(tx, links, standing, found)
    await _keep(tx, tenant, _described(places, edges, found, {row["node"] for row in aparts}), labels)
    return [Move(row["node"], row["number"], row["customer"], found.customers[row["node"]]) for row in rows]


def _described(places: dict[UUID, Place], edges: Iterable[Edge], found: Partition, parted: set[UUID]) -> list[Island]:
    """What to keep of the islands that came out: of all but single nodes that nobody parted."""
    islands: dict[int, Island] = {}
    customers: defaultdict[int, set[int]] = defaultdict(set)
    for node, label in found.islands.items():
        island = islands.setdefault(label, Island(label, 0, "plain", 0, 0, {}))
        island.size += 1
        kind = places[node].kind
        island.kinds[kind] = island.kinds.get(kind, 0) + 1
        customers[label].add(found.customers[node])
    reasons: defaultdict[int, set[str | None]] = defaultdict(set)
    for edge in edges:
        island = islands[found.islands[edge.one]]
        island.weakest = min(edge.strength, island.weakest or edge.strength)
        island.strongest = max(edge.strength, island.strongest)
        reasons[island.label].add(found.suspended.get((edge.one, edge.other, edge.record)))
    mixed = {found.islands[node] for node in parted}
    for label, island in islands.items():
        if label in mixed:
            island.state = "mixed"
        elif reasons[label] <= {None} and len(customers[label]) == 1:
            island.state = "plain"
        else:
            flat = reasons[label] == {"size"} and island.weakest == island.strongest
            island.state = "flat" if flat else "mixed"
    return [island for island in islands.values() if island.size > 1 or island.state == "mixed"]


async def _turn_hubs(tx: Transaction, tenant: Tenant, touched: set[UUID], shrunk: set[UUID]) -> set[UUID]:
    """Find the nodes that became hubs, or are none any more; gives their neighbours, whose islands change with them."""
    hubs = {row["node"] for row in await tx.rows("hubs", list(touched))}
    crowded: set[UUID] = set()
    asked = list(touched - (hubs - shrunk))
    for row in await tx.rows("neighbours", asked):
        limit = limit_of(tenant.settings.limits.neighbours, row["kind"], row["other_kind"])
        if limit is not None and row["neighbours"] > limit:
            crowded.add(row["node"])
    turned = [(node, node in crowded) for node in asked if (node in crowded) != (node in hubs)]
    await tx.each("set_hubs", turned)
    await tx.each("suspend_hubs", turned)
    await tx.run("suspend_between_hubs", list(hubs & touched))
    return {row["other"] for row in await tx.rows("linked_to", [node for node, _ in turned])}


def _edge(row: Row) -> Edge:
    one, other = sorted((row["node"], row["other"]))
    return Edge(one, other, row["record"], row["strength"], row["at"], row["record_id"], row["rank"])


def _partings(rows: Iterable[Row]) -> dict[UUID, Parting]:
    partings: dict[UUID, Parting] = {}
    for row in rows:
        parting = partings.setdefault(row["record"], Parting(row["at"], (set(), set())))
        left, right = parting.sides
        (right if row["side"] else left).add(row["node"])
    return partings


async def _relabel(tx: Transaction, rows: Sequence[Row], found: Partition) -> None:
    changed = [
        (row["node"], found.customers[row["node"]], found.islands[row["node"]])
        for row in rows
        if (row["customer"], row["island"]) != (found.customers[row["node"]], found.islands[row["node"]])
    ]
    await tx.each("relabel", changed)


async def _suspend(tx: Transaction, links: Sequence[Row], standing: set[UUID], found: Partition) -> None:
    changed: list[tuple[UUID, UUID, UUID, str | None]] = []
    for row in links:
        ends = sorted((row["node"], row["other"]))
        reason = found.suspended.get((ends[0], ends[1], row["record"])) if row["other"] in standing else "neighbours"
        if reason != row["suspended"]:
            changed.append((row["node"], row["other"], row["record"], reason))
            if row["other"] not in standing:
                changed.append((row["other"], row["node"], row["record"], reason))
    await tx.each("suspend", changed)

"""Which identifiers are one customer: links that came or went -> the customers that they make.

Takes nodes whose links changed, names the customers anew wherever they stand, and gives who moved. What is decided
is `partition`, a function of the set of links; this room finds the sets to ask it about, and keeps its answer.

Rule 1: a node with more distinct neighbours of one kind than its limit is a hub: it joins nobody.
Rule 2: an island is all that links reach, suspended or not, hubs apart. Where links went, a hub turned, or a person
        parted, its whole island is partitioned anew.
Rule 3: where links only came, most islands are joined by their labels alone (`joining`), and are not partitioned.
Rule 4: a node's island is named by any label of its own, its customer by the smallest number in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from huaxiang.islands import Island, least_of
from huaxiang.joining import Came, Move, drop, join, keep, planned
from huaxiang.partition import Edge, Parting, Partition, Place, limit_of, partition

if TYPE_CHECKING:
    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction


async def resolve(tx: Transaction, tenant: Tenant, touched: set[UUID], shrunk: set[UUID]) -> list[Move]:
    """Name the customers anew wherever these nodes stand; gives who moved, by number.

    `touched`: nodes whose links differ. `shrunk`: nodes whose islands are to be partitioned anew: they lost links.
    """
    if not touched:
        return []
    seen = await _look(tx, tenant, touched)
    turned = await _turn_hubs(tx, tenant, seen, shrunk)
    if turned:
        seen = await _look(tx, tenant, touched)
    if seen.hubs:
        await tx.run("suspend_landed_at_hubs", seen.hubs)
    odd = shrunk.union(seen.parted, *turned.values())
    anew = {row["island"] for row in await tx.rows("islands_at", list(odd))} if odd else set[int]()
    plan = await planned(tx, tenant, Came(seen.ones, seen.others, seen.strengths), anew)
    moves = await join(tx, tenant, plan)
    if plan.flat:
        await tx.run("suspend_landed_in_islands", [group.largest for group in plan.flat])
    moves += await _partition_anew(tx, tenant, plan.anew)
    return sorted(move for move in moves if move.before != move.after)


# ── links that only came ──────────────────────────────────────────────────────────────────────────────────────────


class _Look(NamedTuple):
    """What stands where links came.

    `ones`, `others`, `strengths`: the new links that may join, by the islands of their ends. Of the nodes touched:
    `hubs`; `parted` by a person; `crowded`, so that they may have more neighbours than a limit.
    """

    ones: Sequence[int]
    others: Sequence[int]
    strengths: Sequence[int]
    hubs: Sequence[UUID]
    parted: Sequence[UUID]
    crowded: Sequence[UUID]


async def _look(tx: Transaction, tenant: Tenant, touched: set[UUID]) -> _Look:
    least = least_of(tenant.settings.limits.neighbours)
    row = await tx.row("landed_links", list(touched), least)
    assert row is not None
    return _Look(*(column or () for column in row.values()))


async def _turn_hubs(tx: Transaction, tenant: Tenant, seen: _Look, shrunk: set[UUID]) -> dict[UUID, set[UUID]]:
    """Find the nodes that became hubs, or are none any more; gives their neighbours, whose islands change with them."""
    hubs = set(seen.hubs)
    staying = hubs - shrunk
    crowded: set[UUID] = set()
    asked = [node for node in seen.crowded if node not in staying]
    for row in await tx.rows("neighbours", asked) if asked else ():
        limit = limit_of(tenant.settings.limits.neighbours, row["kind"], row["other_kind"])
        if limit is not None and row["neighbours"] > limit:
            crowded.add(row["node"])
    turned = [(node, True) for node in crowded - hubs] + [(node, False) for node in (hubs & shrunk) - crowded]
    if not turned:
        return {}
    await tx.each("set_hubs", turned)
    await tx.each("suspend_hubs", turned)
    around: dict[UUID, set[UUID]] = {node: set() for node, _ in turned}
    for row in await tx.rows("linked_to", list(around)):
        around[row["node"]].add(row["other"])
    return around


# ── islands partitioned anew ──────────────────────────────────────────────────────────────────────────────────────


async def _partition_anew(tx: Transaction, tenant: Tenant, labels: set[int]) -> list[Move]:
    if not labels:
        return []
    await drop(tx, labels)
    rows = await tx.rows("nodes_of_islands", tenant.id, list(labels))
    free = [row["node"] for row in rows if not row["hub"]]
    links = await tx.rows("links_of", free)
    aparts = await tx.rows("aparts_of", [row["node"] for row in rows])
    places = {row["node"]: Place(row["number"], row["kind"]) for row in rows}
    standing = set(free)
    # Of the two rows of a link, one tells all.
    edges = [_edge(row) for row in links if row["node"] < row["other"] and row["other"] in standing]
    found = partition(places, edges, _partings(aparts), tenant.settings.limits)
    await _relabel(tx, rows, found)
    await _suspend(tx, links, standing, found)
    await keep(tx, tenant, _described(places, edges, found, {row["node"] for row in aparts}))
    return [Move(row["number"], row["customer"], found.customers[row["node"]]) for row in rows]


def _described(places: dict[UUID, Place], edges: Iterable[Edge], found: Partition, parted: set[UUID]) -> list[Island]:
    """What to keep of the islands that came out: `keep` chooses."""
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
    return list(islands.values())


def _edge(row: Row) -> Edge:
    return Edge(row["node"], row["other"], row["record"], row["strength"], row["at"], row["record_id"], row["rank"])


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
        node, other = row["node"], row["other"]
        link = (node, other, row["record"]) if node < other else (other, node, row["record"])
        reason = found.suspended.get(link) if other in standing else "neighbours"
        if reason != row["suspended"]:
            changed.append((node, other, row["record"], reason))
            if other not in standing:
                changed.append((other, node, row["record"], reason))
    await tx.each("suspend", changed)

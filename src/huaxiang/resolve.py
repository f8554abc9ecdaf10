"""Which identifiers are one customer: links that came or went -> the customers that they make.

Takes nodes whose links changed, names the customers anew wherever they stand, and gives who moved. What is decided
is `partition`, a function of the set of links; this room finds the sets to ask it about, and keeps its answer.

Rule 1: a node with more distinct neighbours of one kind than its limit is a hub: it joins nobody.
Rule 2: an island is all that links reach, suspended or not, hubs apart. Where links went, a hub turned, or a person
        parted, its whole island is partitioned anew.
Rule 3: where links only came, most islands need no second look (`islands`): a batch is joined over their labels, and
        one statement names anew the nodes of those that changed. So a feed that welds all identifiers together costs
        a label for each, not a walk through all of them each time.
Rule 4: of an island something is kept only where it is not plain, or has many nodes: of few, they are counted.
Rule 5: a node's island is named by any label of its own, its customer by the smallest number in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec

from huaxiang.islands import Group, Island, becomes_flat, connected, is_past, least_of, stays_plain
from huaxiang.partition import Edge, Parting, Partition, Place, limit_of, partition

if TYPE_CHECKING:
    from huaxiang.model import Limits, Tenant
    from huaxiang.store import Row, Transaction

FEW = 32
"""The most nodes of a plain island of which nothing is kept."""


class Move(NamedTuple):
    """A node, by its number, that was one customer's and now is another's.

    Where a whole customer joined another, only the node that it was called after is told of.
    """

    number: int
    before: int
    after: int


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
    plan = await _plan(tx, tenant, seen, anew)
    await _drop(tx, plan)
    moves = await _join_plain(tx, tenant, plan) + await _join_flat(tx, tenant, plan)
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


class _Plan(msgspec.Struct):
    """What becomes of islands that new links connect.

    `joined`: plain ones, and what they become. `plain`, `flat`: those of which something is kept. `anew`: islands to
    be partitioned. `dropped`: those of which something was kept until now.
    """

    joined: dict[int, int] = msgspec.field(default_factory=dict[int, int])
    plain: list[Group] = msgspec.field(default_factory=list["Group"])
    flat: list[Group] = msgspec.field(default_factory=list["Group"])
    anew: set[int] = msgspec.field(default_factory=set[int])
    dropped: set[int] = msgspec.field(default_factory=set[int])


async def _plan(tx: Transaction, tenant: Tenant, seen: _Look, anew: set[int]) -> _Plan:
    plan = _Plan(anew=set(anew), dropped=set(anew))
    tops = connected(zip(seen.ones, seen.others, strict=True))
    if not tops:
        return plan
    limits = tenant.settings.limits
    spoiled = {tops[label] for label in tops.keys() & anew}
    known = await _known(tx, limits, tops)
    looked = known.looked | spoiled
    plan.joined = {label: top for label, top in tops.items() if label != top and top not in looked}
    plan.anew |= {label for label, top in tops.items() if top in spoiled}
    closer = {label: top for label, top in tops.items() if top in known.looked and top not in spoiled}
    for group in await _groups(tx, limits, seen, closer, known):
        if stays_plain(group, limits):
            plan.plain.append(group)
        elif is_past(group, limits) and await _all_of_one_strength(tx, group):
            plan.flat.append(group)
        else:
            plan.anew |= group.labels
    plan.dropped |= plan.anew | known.kept.keys()
    return plan


class _Known(NamedTuple):
    """What is `kept` of islands, the `sizes` of the others where they are not 1, and which need a closer look."""

    kept: dict[int, Island]
    sizes: dict[int, int]
    looked: set[int]

    def island(self, label: int) -> Island:
        """What is known of one; a plain one's kinds are not."""
        return self.kept.get(label) or Island(label, self.sizes.get(label, 1), "plain", 0, 0, {})


async def _known(tx: Transaction, limits: Limits, tops: Mapping[int, int]) -> _Known:
    """What is known of these islands, and of those that they make (by `tops`), which have to be looked at."""
    bounds = [bound for bound in (limits.customer_size, least_of(limits.identifiers)) if bound is not None]
    row = await tx.row("islands_of", list(tops), bool(bounds))
    assert row is not None
    known = _Known(
        {one.label: one for one in _kept(row)}, dict(zip(row["many"] or (), row["sizes"] or (), strict=True)), set()
    )
    known.looked.update(tops[label] for label, island in known.kept.items() if bounds or island.state != "plain")
    if bounds:
        together: defaultdict[int, int] = defaultdict(int)
        for label, top in tops.items():
            together[top] += known.sizes.get(label, 1)
        few = min(FEW, *bounds)
        known.looked.update(top for top, size in together.items() if size > few)
    return known


def _kept(row: Row) -> Iterator[Island]:
    columns = ("kept", "kept_sizes", "states", "weakest", "strongest", "kinds")
    for label, size, state, weakest, strongest, kinds in zip(*(row[name] or () for name in columns), strict=True):
        strengths = (0, 0) if state == "plain" else (weakest, strongest)
        yield Island(label, size, state, *strengths, msgspec.json.decode(kinds, type=dict[str, int]))


async def _groups(
    tx: Transaction, limits: Limits, seen: _Look, tops: Mapping[int, int], known: _Known
) -> Sequence[Group]:
    """The islands that need a closer look, put together as the links do."""
    groups: dict[int, Group] = {}
    for label, top in tops.items():
        groups.setdefault(top, Group([], 0, 0)).islands.append(known.island(label))
    for one, strength in zip(seen.ones, seen.strengths, strict=True) if groups else ():
        if one in tops:
            group = groups[tops[one]]
            group.weakest = min(strength, group.weakest or strength)
            group.strongest = max(strength, group.strongest)
    within = (group for group in groups.values() if not is_past(group, limits))
    uncounted = {one.label: one for group in within for one in group.islands if not one.kinds}
    for label, kind, count in await tx.rows("kinds_of", list(uncounted)) if uncounted else ():
        uncounted[label].kinds[kind] = count
    return list(groups.values())


async def _all_of_one_strength(tx: Transaction, group: Group) -> bool:
    """Whether every link of the group is; the plain islands in it are asked for theirs."""
    asked = [island.label for island in group.islands if island.state == "plain" and island.size > 1]
    if becomes_flat(group) and asked:
        row = await tx.row("strengths_of", asked)
        assert row is not None
        group.weakest = min(group.weakest, row["weakest"])
        group.strongest = max(group.strongest, row["strongest"])
    return becomes_flat(group)


async def _drop(tx: Transaction, plan: _Plan) -> None:
    """Forget what was kept of islands that are no more."""
    if plan.dropped:
        await tx.run("drop_islands", list(plan.dropped))


async def _join_plain(tx: Transaction, tenant: Tenant, plan: _Plan) -> list[Move]:
    """Plain islands become one, and one customer, called after its smallest number."""
    joined, merged = dict(plan.joined), list[Island]()
    for group in plan.plain:
        smallest = min(group.labels)
        merged.append(group.merged(smallest, "plain"))
        joined.update({label: smallest for label in group.labels if label != smallest})
    if joined:
        await tx.run("join_islands", list(joined), list(joined.values()))
    await _keep(tx, tenant, merged)
    return [Move(label, label, smallest) for label, smallest in joined.items()]


async def _join_flat(tx: Transaction, tenant: Tenant, plan: _Plan) -> list[Move]:
    """What joins a flat island is suspended; of what was not flat each node is a customer of its own again."""
    merged: list[Island] = []
    labels: dict[int, int] = {}
    standing: list[int] = []
    for group in plan.flat:
        largest = max(group.islands, key=lambda island: (island.size, -island.label)).label
        merged.append(group.merged(largest, "flat"))
        unlike = [island for island in group.islands if island.state != "flat"]
        labels.update({label: largest for label in group.labels if label != largest})
        labels.update({island.label: largest for island in unlike})
        standing += [island.label for island in unlike if island.size > 1]
    if not merged:
        return []
    rows: Sequence[Row] = ()
    if standing:
        await tx.run("suspend_islands", standing)
        rows = await tx.rows("joined_in_islands", standing)
    if labels:
        await tx.run("flatten_islands", list(labels), list(labels.values()))
    await tx.run("suspend_landed_in_islands", [island.label for island in merged])
    await _keep(tx, tenant, merged)
    return [Move(row["number"], row["customer"], row["number"]) for row in rows]


async def _keep(tx: Transaction, tenant: Tenant, islands: Iterable[Island]) -> None:
    """Keep what is known of islands; of plain ones only the size and the kinds, and of small plain ones nothing."""
    rows = [
        (one.label, one.size, one.state, one.weakest, one.strongest, msgspec.json.encode(one.kinds).decode())
        for one in islands
        if one.size > FEW or one.state != "plain"
    ]
    await tx.each("put_islands", rows, tenant.id)


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
    await _keep(tx, tenant, _described(places, edges, found, {row["node"] for row in aparts}))
    return [Move(row["number"], row["customer"], found.customers[row["node"]]) for row in rows]


def _described(places: dict[UUID, Place], edges: Iterable[Edge], found: Partition, parted: set[UUID]) -> list[Island]:
    """What to keep of the islands that came out: `_keep` chooses."""
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

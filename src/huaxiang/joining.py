"""What links that only came make of the islands that they connect: which become one, and what is written of that.

Takes the islands of the ends of new links; gives a plan, and carries it out where all that is needed is names: one
statement names anew the nodes of the islands that change. So a feed that welds all identifiers together costs a label
for each, not a walk through all of them each time.

Rule 1: most islands need no second look (`islands`); those that do are left for `resolve` to partition.
Rule 2: of an island something is kept only where it is not plain, or has many nodes: of few, they are counted.
Rule 3: a node that comes with the links is an island of its own, of which the store knows nothing yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from huaxiang.islands import Group, Island, becomes_flat, connected, is_past, least_of, stays_plain

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

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


class Came(NamedTuple):
    """Links that came and may join: the islands of their ends, and their strengths.

    `fresh`: the kinds of the nodes that came with them, by the labels that these have until they join.
    """

    ones: Sequence[int]
    others: Sequence[int]
    strengths: Sequence[int]
    fresh: Mapping[int, str] = {}


class Plan(msgspec.Struct):
    """What becomes of islands that new links connect. `tops`: the smallest label of those that each is connected with.

    `joined`: plain ones, and what they become. `plain`, `flat`: those of which something is kept. `anew`: islands to
    be partitioned. `dropped`: others, of which something was kept until now.
    """

    tops: dict[int, int] = msgspec.field(default_factory=dict[int, int])
    joined: dict[int, int] = msgspec.field(default_factory=dict[int, int])
    plain: list[Group] = msgspec.field(default_factory=list["Group"])
    flat: list[Group] = msgspec.field(default_factory=list["Group"])
    anew: set[int] = msgspec.field(default_factory=set[int])
    dropped: set[int] = msgspec.field(default_factory=set[int])


async def planned(tx: Transaction, tenant: Tenant, came: Came, anew: AbstractSet[int]) -> Plan:
    """What becomes of the islands that these links connect; `anew`: those that are to be partitioned in any case."""
    tops = connected(zip(came.ones, came.others, strict=True))
    plan = Plan(tops, anew=set(anew))
    if not tops:
        return plan
    limits = tenant.settings.limits
    left = {tops[label] for label in tops.keys() & anew}
    known = await _known(tx, limits, came, tops)
    closer = known.looked | left
    fresh = came.fresh
    plan.joined = {
        label: top for label, top in tops.items() if label != top and top not in closer and label not in fresh
    }
    for top, group in (await _groups(tx, limits, came, tops, known, known.looked - left)).items():
        if stays_plain(group, limits):
            plan.plain.append(group)
        elif is_past(group, limits) and await _all_of_one_strength(tx, group):
            plan.flat.append(group)
        else:
            left.add(top)
    plan.anew |= {label for label, top in tops.items() if top in left} if left else set()
    plan.dropped = known.kept.keys() - plan.anew
    return plan


class _Known(NamedTuple):
    """What is `kept` of islands, the `sizes` of the others where they are not 1, and which need a closer look.

    `looked` names those that are connected, by their smallest label.
    """

    kept: dict[int, Island]
    sizes: dict[int, int]
    looked: set[int]

    def island(self, label: int) -> Island:
        """What is known of one; a plain one's kinds are not."""
        return self.kept.get(label) or Island(label, self.sizes.get(label, 1), "plain", 0, 0, {})


async def _known(tx: Transaction, limits: Limits, came: Came, tops: Mapping[int, int]) -> _Known:
    """What is known of these islands, and of those that they make (by `tops`), which have to be looked at."""
    bounds = [bound for bound in (limits.customer_size, least_of(limits.identifiers)) if bound is not None]
    fresh = came.fresh
    row = await tx.row("islands_of", [label for label in tops if label not in fresh], bool(bounds))
    assert row is not None
    known = _Known(
        {one.label: one for one in _kept(row)}, dict(zip(row["many"] or (), row["sizes"] or (), strict=True)), set()
    )
    known.looked.update(tops[label] for label, island in known.kept.items() if bounds or island.state != "plain")
    if bounds:
        together = Counter(tops.values())
        for label, size in known.sizes.items():
            together[tops[label]] += size - 1
        few = min(FEW, *bounds)
        known.looked.update(top for top, size in together.items() if size > few)
    return known


def _kept(row: Row) -> Iterator[Island]:
    columns = ("kept", "kept_sizes", "states", "weakest", "strongest", "kinds")
    for label, size, state, weakest, strongest, kinds in zip(*(row[name] or () for name in columns), strict=True):
        strengths = (0, 0) if state == "plain" else (weakest, strongest)
        yield Island(label, size, state, *strengths, msgspec.json.decode(kinds, type=dict[str, int]))


async def _groups(
    tx: Transaction, limits: Limits, came: Came, tops: Mapping[int, int], known: _Known, looked: AbstractSet[int]
) -> dict[int, Group]:
    """The islands that need a closer look, put together as the links do, by the smallest label of each."""
    groups = {top: Group([], 0, 0) for top in looked}
    if not groups:
        return groups
    of_group: dict[int, list[int]] = {top: [] for top in looked}
    for label, top in tops.items():
        if top in of_group:
            of_group[top].append(label)
    for top, labels in of_group.items():
        fresh = [label for label in labels if label in came.fresh]
        groups[top].islands = [known.island(label) for label in labels if label not in came.fresh]
        groups[top].fresh = _as_one(fresh, came.fresh) if fresh else None
    for one, strength in zip(came.ones, came.strengths, strict=True):
        group = groups.get(tops[one])
        if group is not None:
            group.weakest = min(strength, group.weakest or strength)
            group.strongest = max(strength, group.strongest)
    within = (group for group in groups.values() if not is_past(group, limits))
    uncounted = {one.label: one for group in within for one in group.islands if not one.kinds}
    for label, kind, count in await tx.rows("kinds_of", list(uncounted)) if uncounted else ():
        uncounted[label].kinds[kind] = count
    return groups


def _as_one(fresh: Sequence[int], kinds: Mapping[int, str]) -> Island:
    """Nodes that came with the links, counted as if they were one island."""
    return Island(min(fresh), len(fresh), "plain", 0, 0, dict(Counter(map(kinds.__getitem__, fresh))))


async def _all_of_one_strength(tx: Transaction, group: Group) -> bool:
    """Whether every link of the group is; the plain islands in it are asked for theirs."""
    asked = [island.label for island in group.islands if island.state == "plain" and island.size > 1]
    if becomes_flat(group) and asked:
        row = await tx.row("strengths_of", asked)
        assert row is not None
        group.weakest = min(group.weakest, row["weakest"])
        group.strongest = max(group.strongest, row["strongest"])
    return becomes_flat(group)


# ── carried out ───────────────────────────────────────────────────────────────────────────────────────────────────


async def join(tx: Transaction, tenant: Tenant, plan: Plan) -> list[Move]:
    """Carry out a plan, but for the islands that are to be partitioned anew; gives who moved."""
    if plan.dropped:
        await drop(tx, plan.dropped)
    return await _join_plain(tx, tenant, plan) + await _join_flat(tx, tenant, plan)


async def drop(tx: Transaction, labels: AbstractSet[int]) -> None:
    """Forget what was kept of islands that are no more."""
    await tx.run("drop_islands", list(labels))


async def _join_plain(tx: Transaction, tenant: Tenant, plan: Plan) -> list[Move]:
    """Plain islands become one, and one customer, called after its smallest number."""
    joined, merged = dict(plan.joined), list[Island]()
    for group in plan.plain:
        smallest = group.smallest
        merged.append(group.merged(smallest, "plain"))
        joined.update({label: smallest for label in group.labels if label != smallest})
    if joined:
        await tx.run("join_islands", list(joined), list(joined.values()))
    await keep(tx, tenant, merged)
    return [Move(label, label, smallest) for label, smallest in joined.items()]


async def _join_flat(tx: Transaction, tenant: Tenant, plan: Plan) -> list[Move]:
    """What joins a flat island is suspended; of what was not flat each node is a customer of its own again."""
    merged: list[Island] = []
    labels: dict[int, int] = {}
    standing: list[int] = []
    for group in plan.flat:
        largest = group.largest
        merged.append(group.merged(largest, "flat"))
        unlike = [island for island in group.islands if island.state != "flat"]
        labels.update({label: largest for label in group.labels if label != largest})
        labels.update({island.label: largest for island in unlike})
        standing += [island.label for island in unlike if island.size > 1]
    rows: Sequence[Row] = ()
    if standing:
        await tx.run("suspend_islands", standing)
        rows = await tx.rows("joined_in_islands", standing)
    if labels:
        await tx.run("flatten_islands", list(labels), list(labels.values()))
    await keep(tx, tenant, merged)
    return [Move(row["number"], row["customer"], row["number"]) for row in rows]


async def keep(tx: Transaction, tenant: Tenant, islands: Iterable[Island]) -> None:
    """Keep what is known of islands; of plain ones only the size and the kinds, and of small plain ones nothing.

    Of flat ones the kinds don't matter: they are past the bound, whatever joins them.
    """
    rows = [
        (one.label, one.size, one.state, one.weakest, one.strongest, _kinds(one))
        for one in islands
        if one.size > FEW or one.state != "plain"
    ]
    await tx.each("put_islands", rows, tenant.id)


def _kinds(island: Island) -> str:
    return msgspec.json.encode(island.kinds).decode() if island.state != "flat" else "{}"

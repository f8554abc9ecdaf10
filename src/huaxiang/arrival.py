"""Nodes and links that come in bulk, written once, as they will stand: numbered, named, and suspended where they are.

Takes the nodes of a batch and the links between them; asks which of the nodes stand already, decides in memory what the
links make of them all, and writes each row with its last word. What can't be decided by names alone is written as if
nothing were joined, and left to `resolve`.

Rule 1: nodes get their numbers in the order of their first sight.
Rule 2: a link at a hub is suspended; a fresh node with more distinct neighbours of a kind than its limit comes as one.
Rule 3: left to `resolve` is what a person parted, and each node that stood and may become a hub, with all that is
        connected with it; and the islands that `joining` can't name.
"""

from __future__ import annotations

from collections import Counter
from itertools import compress
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from huaxiang.islands import least_of
from huaxiang.joining import Came, Move, Plan, join, planned
from huaxiang.packing import copying
from huaxiang.packing.linked import LINK_COLUMNS, NODE_COLUMNS, PLACE_COLUMNS, Ties
from huaxiang.partition import limit_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from huaxiang.model import Identifier, Limits, Tenant
    from huaxiang.packing.linked import Packed
    from huaxiang.store import Transaction

ROW_COLUMNS: Final = (
    "node", "other", "record", "tenant", "other_kind", "strength", "at", "rank", "record_id", "mentions", "spelling",
    "verified", "about", "created_at", "suspended", "came_at", "kind",
)  # fmt: skip
"""The columns of a link, as `Placing` gives them."""
LANDING_COLUMNS: Final = ("place", "node", "kind", "value", "scope", "epoch")
_STRENGTH: Final = ROW_COLUMNS.index("strength")
_standing = Struct(">iqi?iqiq").pack


class Arrival(NamedTuple):
    """What came of it: the first new number, who moved, and the nodes that are left to `resolve`.

    `customers`: of all nodes that came, but for those of which `resolve` has to say it, which are `unnamed`.
    """

    first_number: int | None
    moves: Sequence[Move]
    left: set[UUID]
    customers: set[int]
    unnamed: list[UUID]


class _Came(NamedTuple):
    """The same, with nodes by their places.

    `fresh`: nodes at first sight, as they are to be. `reasons`: why links are suspended, by their places.
    """

    first_number: int | None
    moves: Sequence[Move]
    left: set[int]
    customers: set[int]
    unnamed: list[int]
    fresh: Mapping[int, _Fresh]
    reasons: Mapping[int, str]


_Fresh: TypeAlias = tuple[int, bool, int, int]
"""Number, whether it is a hub, customer, island."""


class _Standing(msgspec.Struct):
    """Where each node stands, by its place: its label, that of its island or its own number; which are hubs.

    `numbers`: of the fresh nodes, by place. `odd`: places that are left to `resolve`. `links`: of those that stood,
    how many (up to the least limit). `stood`: these, each with its number and the customer that it was.
    """

    labels: list[int]
    hubs: list[bool]
    numbers: dict[int, int]
    odd: set[int]
    links: dict[int, int]
    stood: Sequence[tuple[int, int, int]]


async def arrive(
    tx: Transaction,
    tenant: Tenant,
    nodes: Mapping[UUID, tuple[Identifier, int]],
    links: Sequence[tuple[object, ...]],
    parted: AbstractSet[UUID],
) -> Arrival:
    """Write nodes, and links between them (rows of ROW_COLUMNS); `parted`: nodes of which a person says so just now."""
    place_of = {node: place for place, node in enumerate(nodes)}
    ties = Ties(
        [place_of[row[0]] for row in links],  # type: ignore[index] (the first two columns are nodes)
        [place_of[row[1]] for row in links],  # type: ignore[index]
        [row[_STRENGTH] for row in links],  # type: ignore[misc] (a number)
    )
    named = ((node, one.kind, one.value, one.scope, epoch) for node, (one, epoch) in nodes.items())
    await tx.copy("landing_node", LANDING_COLUMNS, ((place, *row) for place, row in enumerate(named)))
    await tx.copy("landing_link", ("place", *ROW_COLUMNS), ((place, *row) for place, row in enumerate(links)))
    kinds = [identifier.kind for identifier, _ in nodes.values()]
    came = await _arrive(tx, tenant, kinds, ties, {place_of[node] for node in parted})
    if came.fresh:
        columns = [list(column) for column in zip(*came.fresh.values(), strict=True)]
        await tx.run("put_landed_nodes", tenant.id, list(came.fresh), *columns)
    await tx.run("put_new_links", list(came.reasons), list(came.reasons.values()))
    return _named(came, {place: node for node, place in place_of.items()} if came.left or came.unnamed else {})


async def arrive_packed(tx: Transaction, tenant: Tenant, packed: Packed) -> tuple[Arrival, AbstractSet[int]]:
    """The same, of nodes and links that are packed; gives the places of the nodes at first sight too."""
    await tx.copy_packed("landing_node", PLACE_COLUMNS, packed.landing)
    came = await _arrive(tx, tenant, packed.kinds, packed.ties, set())
    if came.fresh:
        rows = _whole_nodes(packed, came.fresh)
        await tx.copy_packed("node", NODE_COLUMNS, copying.chunks(rows))
    if packed.links:
        await tx.copy_packed("link", LINK_COLUMNS, _with_reasons(packed, came.reasons))
    if came.left:  # `resolve` looks at what landed
        rows = [row + copying.NULL for row, end in zip(packed.links, packed.ends, strict=True) if not end % 2]
        await tx.copy_packed("landing_link", LINK_COLUMNS, copying.chunks(rows))
    arrival = _named(came, {place: UUID(bytes=packed.places[place]) for place in (*came.left, *came.unnamed)})
    return arrival, came.fresh.keys()


def _whole_nodes(packed: Packed, fresh: Mapping[int, _Fresh]) -> list[bytes]:
    """The rows of the fresh nodes, with the fields that were not known when they were packed."""
    nodes = packed.nodes
    return [
        nodes[place] + _standing(8, number, 1, is_hub, 8, customer, 8, island)
        for place, (number, is_hub, customer, island) in (
            (place, fresh[place]) for place in packed.order if place in fresh
        )
    ]


def _with_reasons(packed: Packed, reasons: Mapping[int, str]) -> Sequence[bytes]:
    """The rows of all links, each with the reason why it is suspended, if it is, for its last field."""
    if not reasons:
        return copying.chunks(packed.links, copying.NULL)
    field_of = {reason: copying.text(reason) for reason in set(reasons.values())} | {None: copying.NULL}
    reason = reasons.get
    return copying.chunks([
        row + field_of[reason(end >> 1)] for row, end in zip(packed.links, packed.ends, strict=True)
    ])  # fmt: skip


def _named(came: _Came, nodes: Mapping[int, UUID]) -> Arrival:
    left, unnamed = {nodes[place] for place in came.left}, [nodes[place] for place in came.unnamed]
    return Arrival(came.first_number, came.moves, left, came.customers, unnamed)


async def _arrive(tx: Transaction, tenant: Tenant, kinds: Sequence[str], ties: Ties, odd: set[int]) -> _Came:
    """Number and name the nodes that wait, and join those that stood; `odd`: places that are left to `resolve`."""
    stand = await _stand(tx, tenant, ties, len(kinds))
    stand.odd |= odd
    await _find_hubs(tx, tenant.settings.limits, stand, ties, kinds)
    plan = await planned(tx, tenant, _came(stand, ties, kinds), {stand.labels[place] for place in stand.odd})
    moves = await join(tx, tenant, plan)
    flat = {group.smallest: group.largest for group in plan.flat}
    customers, unnamed = _customers(stand, plan, flat)
    fresh = _fresh(stand, plan, flat)
    customers.update(customer for number, _, customer, _ in fresh.values() if number not in plan.anew)
    reasons = _reasons(stand, ties, plan, flat)
    first_number = min(stand.numbers.values(), default=None)
    return _Came(first_number, moves, _left(stand, ties, plan), customers, unnamed, fresh, reasons)


async def _stand(tx: Transaction, tenant: Tenant, ties: Ties, count: int) -> _Standing:
    """Where the nodes that wait, so many, stand; those that a person parted, and that are linked now, are odd."""
    row = await tx.row("standing_nodes", least_of(tenant.settings.limits.neighbours))
    assert row is not None
    labels, hubs = [0] * count, [False] * count
    stood: Sequence[int] = row["places"] or ()
    for place, island, hub in zip(stood, row["islands"] or (), row["hubs"] or (), strict=True):
        labels[place], hubs[place] = island, hub
    fresh: Sequence[int] = row["numbers"] or ()
    numbers = dict(zip((place for place, label in enumerate(labels) if not label), fresh, strict=True))
    for place, number in numbers.items():
        labels[place] = number
    parted = {place for place, said in zip(stood, row["parted"] or (), strict=True) if said}
    if parted:
        parted &= {place for one, other, strength in zip(*ties, strict=True) if strength for place in (one, other)}
    counted: Sequence[int] = row["links"] or ()
    links = dict(zip(stood, counted, strict=True))
    known = list(zip(stood, row["had_numbers"] or (), row["customers"] or (), strict=True))
    return _Standing(labels, hubs, numbers, parted, links, known)


# ── hubs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _find_hubs(tx: Transaction, limits: Limits, stand: _Standing, ties: Ties, kinds: Sequence[str]) -> None:
    """Make hubs of the fresh nodes that are; those that stood and may become hubs are odd."""
    least = least_of(limits.neighbours)
    if least is None:
        return
    degrees = Counter(compress(ties.ones, ties.strengths))
    degrees.update(compress(ties.others, ties.strengths))
    hubs, links = stand.hubs, stand.links
    crowded = {place for place, degree in degrees.items() if degree + links.get(place, 0) > least and not hubs[place]}
    if not crowded:
        return
    around = _neighbours(crowded, ties, kinds)
    # Who is asked has a limit to what came; a node without one may have very many links.
    stood = [
        place
        for place, counts in around.items()
        if place not in stand.numbers and any(limit_of(limits.neighbours, kinds[place], kind) for kind in counts)
    ]
    for row in await tx.rows("landed_neighbours", stood) if stood else ():
        counts = around[row["place"]]
        counts[row["other_kind"]] = counts.get(row["other_kind"], 0) + row["neighbours"]
    for place, counts in around.items():
        bounds = ((limit_of(limits.neighbours, kinds[place], kind), count) for kind, count in counts.items())
        if any(limit is not None and count > limit for limit, count in bounds):
            if place in stand.numbers:
                stand.hubs[place] = True
            else:  # some of those that came may be among those that it had
                stand.odd.add(place)


def _neighbours(crowded: AbstractSet[int], ties: Ties, kinds: Sequence[str]) -> dict[int, dict[str, int]]:
    """How many distinct neighbours of each kind come to these nodes."""
    found: dict[int, set[int]] = {place: set() for place in crowded}
    for one, other, strength in zip(*ties, strict=True):
        if strength:
            if one in found:
                found[one].add(other)
            if other in found:
                found[other].add(one)
    counts: dict[int, dict[str, int]] = {}
    for place, others in found.items():
        of_kind = counts[place] = dict[str, int]()
        for other in others:
            of_kind[kinds[other]] = of_kind.get(kinds[other], 0) + 1
    return counts


# ── what is joined ────────────────────────────────────────────────────────────────────────────────────────────────


def _came(stand: _Standing, ties: Ties, kinds: Sequence[str]) -> Came:
    """The links that may join, by the labels of their ends."""
    labels, hubs = stand.labels, stand.hubs
    fresh = dict(zip(stand.numbers.values(), map(kinds.__getitem__, stand.numbers), strict=True))
    if 0 not in ties.strengths and True not in hubs:
        at = labels.__getitem__
        return Came(list(map(at, ties.ones)), list(map(at, ties.others)), ties.strengths, fresh)
    joining = [
        (labels[one], labels[other], strength)
        for one, other, strength in zip(*ties, strict=True)
        if strength and not hubs[one] and not hubs[other]
    ]
    ones, others, strengths = zip(*joining, strict=True) if joining else ((), (), ())
    return Came(ones, others, strengths, fresh)


def _customers(stand: _Standing, plan: Plan, flat: Mapping[int, int]) -> tuple[set[int], list[int]]:
    """The customers that those who stood are now; and the places of all nodes of which that is not known."""
    found: set[int] = set()
    labels, tops, anew = stand.labels, plan.tops, plan.anew
    unnamed = [place for place, number in stand.numbers.items() if number in anew] if anew else []
    for place, number, customer in stand.stood:
        label = labels[place]
        top = tops.get(label)
        if label in anew:
            unnamed.append(place)
        elif top is None:
            found.add(customer)
        else:
            found.add(number if top in flat else top)
    return found, unnamed


def _fresh(stand: _Standing, plan: Plan, flat: Mapping[int, int]) -> dict[int, _Fresh]:
    """The fresh nodes, by place, under the customer and the island that they came to."""
    numbers, tops, anew, hubs = stand.numbers, plan.tops, plan.anew, stand.hubs
    if not anew and not flat:
        found = [tops.get(number, number) for number in numbers.values()]
        return dict(
            zip(numbers, zip(numbers.values(), map(hubs.__getitem__, numbers), found, found, strict=True), strict=True)
        )
    fresh: dict[int, _Fresh] = {}
    for place, number in numbers.items():
        top = number if number in anew else tops.get(number, number)
        fresh[place] = number, hubs[place], number if top in flat else top, flat.get(top, top)
    return fresh


def _reasons(stand: _Standing, ties: Ties, plan: Plan, flat: Mapping[int, int]) -> dict[int, str]:
    """Why links are suspended, by their place among the links."""
    reasons: dict[int, str] = {}
    labels, hubs, tops = stand.labels, stand.hubs, plan.tops
    if True in hubs:
        for place, (one, other, strength) in enumerate(zip(*ties, strict=True)):
            if strength and (hubs[one] or hubs[other]):
                reasons[place] = "neighbours"
    if flat:
        for place, (one, strength) in enumerate(zip(ties.ones, ties.strengths, strict=True)):
            if strength and place not in reasons and tops[labels[one]] in flat:
                reasons[place] = "size"
    return reasons


def _left(stand: _Standing, ties: Ties, plan: Plan) -> set[int]:
    """The places of the nodes that are left to `resolve`: odd ones, and both ends of links in such islands."""
    left = set(stand.odd)
    if plan.anew:
        labels = stand.labels
        for one, other, strength in zip(*ties, strict=True):
            if strength and labels[one] in plan.anew and labels[other] in plan.anew:
                left.update((one, other))
    return left

"""The links as they were known, and what they made: spans of knowing, groups at a moment, events in between.

Takes nodes, gives their `Past`: every link and parting that they have or had, as far as these lead, each with the time
from which and until which it was known. Its heart is `partition`, asked once for each moment.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from huaxiang.partition import PERSON, Edge, Parting, Place, limit_of, partition
from huaxiang.steward.evidence.subject import EVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from huaxiang.model import Limits
    from huaxiang.steward.evidence.subject import Names
    from huaxiang.store import Row, Transaction

MOST_FOLLOWED = 5_000
MOST_LINKS_OF_A_NODE = 20_000
MOST_STEPS = 300_000
"""Moments times links: what one answer may cost."""
NEVER = datetime.max.replace(tzinfo=UTC)


class Span(msgspec.Struct):
    """A link, or a node of a parting's side, and from when until when it was known.

    `came_at`: when the revision that says so came; `since` is later than that where a cut made it anew.
    """

    record: UUID
    nodes: tuple[UUID, ...]
    side: int | None
    at: datetime
    came_at: datetime
    since: datetime
    until: datetime
    strength: int = PERSON
    rank: int = 0
    record_id: str = ""

    def stood(self, at: datetime) -> bool:
        """Whether it was known at a moment."""
        return self.since <= at < self.until


class Past(msgspec.Struct):
    """What was ever known of these nodes. `kinds` tell those beyond them too; `first_seen` only those themselves."""

    places: dict[UUID, Place]
    kinds: dict[UUID, str]
    first_seen: dict[UUID, datetime]
    links: list[Span]
    sides: list[Span]
    limits: Limits
    complete: bool


class Event(NamedTuple):
    """What happened at a moment: the customers before and after, and what came and went to make it so."""

    at: datetime
    what: Literal["began", "grew", "joined", "parted"]
    before: list[frozenset[UUID]]
    after: list[frozenset[UUID]]
    came: list[Span]
    gone: list[Span]


# ── remembering ───────────────────────────────────────────────────────────────────────────────────────────────────


async def remember(tx: Transaction, names: Names, limits: Limits, nodes: set[UUID]) -> Past:
    """Everything that was ever known of these nodes, and of all that their links ever led to."""
    followed: set[UUID] = set()
    frontier, rows, complete = set(nodes), list["Row"](), True
    while frontier:
        if len(followed) + len(frontier) > MOST_FOLLOWED:
            complete = False
            frontier = set(sorted(frontier)[: max(0, MOST_FOLLOWED - len(followed))])
        followed |= frontier
        found: defaultdict[UUID, list[Row]] = defaultdict(list)
        for row in await tx.rows("evidence_ever", list(frontier), MOST_LINKS_OF_A_NODE):
            found[row["node"]].append(row)
        complete &= all(len(of_node) < MOST_LINKS_OF_A_NODE for of_node in found.values())
        await names.load({row["other"] for of_node in found.values() for row in of_node} | frontier)
        rows += [row for of_node in found.values() for row in of_node if row["other"] in names]
        frontier = {other for node, of in found.items() for other in _leads_to(names, node, of, limits)} - followed
    followed &= names.rows.keys()
    sides = await tx.rows("evidence_aparts_ever", list(followed))
    spans = _spans(names, [*_links(rows), *(_side(row) for row in sides)])
    return Past(
        places={node: Place(names.rows[node]["number"], names.rows[node]["kind"]) for node in followed},
        kinds={node: row["kind"] for node, row in names.rows.items()},
        first_seen=await _first_seen(tx, names, followed),
        links=[span for span in spans if span.side is None],
        sides=[span for span in spans if span.side is not None],
        limits=limits,
        complete=complete,
    )


async def _first_seen(tx: Transaction, names: Names, nodes: set[UUID]) -> dict[UUID, datetime]:
    """When each node was first heard of. What a later holder has now, an earlier one had until the cut was known."""
    holders = [listed for listed in (await names.holders()).values() if nodes.intersection(one.node for one in listed)]
    asked = nodes.union(one.node for listed in holders for one in listed)
    seen = {row["node"]: _time(row["first_seen"], EVER) for row in await tx.rows("evidence_first_seen", list(asked))}
    for listed in holders:
        earliest = NEVER
        for one in reversed(listed):
            earliest = min(earliest, seen.get(one.node, NEVER))
            if earliest != NEVER:
                seen[one.node] = max(earliest, one.known_since)
    return {node: at for node, at in seen.items() if node in nodes}


def _time(told: datetime | None, absent: datetime) -> datetime:
    """A time of the store: its «since ever» is the earliest one there is."""
    return absent if told is None else EVER if told.year == EVER.year else told


def _leads_to(names: Names, node: UUID, rows: Sequence[Row], limits: Limits) -> set[UUID]:
    """Whom a node's links lead to at any time at which it has not too many neighbours to join anybody."""
    if node not in names:
        return set()
    turns: defaultdict[datetime, list[tuple[int, UUID]]] = defaultdict(list)
    for row in rows:
        if row["other"] in names:
            turns[_time(row["came_at"], EVER)].append((1, row["other"]))
            turns[_time(row["gone_at"], NEVER)].append((-1, row["other"]))
    kind = names.rows[node]["kind"]
    links: defaultdict[UUID, int] = defaultdict(int)
    neighbours: defaultdict[str, set[UUID]] = defaultdict(set)
    followed: set[UUID] = set()
    was_hub = False
    for at in sorted(turns):
        for change, other in turns[at]:
            links[other] += change
            of_kind = neighbours[names.rows[other]["kind"]]
            (of_kind.add if links[other] > 0 else of_kind.discard)(other)
        is_hub = any(_beyond(limits, kind, other, len(found)) for other, found in neighbours.items())
        if not is_hub:
            fresh = {other for others in neighbours.values() for other in others} if was_hub else None
            followed |= {other for change, other in turns[at] if change > 0} if fresh is None else fresh
        was_hub = is_hub
    return followed


def _beyond(limits: Limits, kind: str, other: str, count: int) -> bool:
    limit = limit_of(limits.neighbours, kind, other)
    return limit is not None and count > limit


def _links(rows: Iterable[Row]) -> list[Span]:
    """Each link once, though both its ends tell of it: the n-th of a pair, record and coming is one at both ends."""
    by_end: defaultdict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        ends = tuple(sorted((row["node"], row["other"])))
        by_end[ends, row["record"], row["came_at"], row["node"]].append(row)
    found: dict[tuple[object, ...], Span] = {}
    for (ends, record, came_at, node), of_end in sorted(by_end.items(), key=str):
        of_end.sort(key=lambda row: _time(row["gone_at"], NEVER))
        for place, row in enumerate(of_end):
            assert isinstance(ends, tuple)
            if node == ends[0] or (ends, record, came_at, place) not in found:
                found[ends, record, came_at, place] = _link(row)
    return list(found.values())


def _link(row: Row) -> Span:
    came_at = _time(row["came_at"], EVER)
    return Span(
        record=row["record"],
        nodes=tuple(sorted((row["node"], row["other"]))),
        side=None,
        at=row["at"],
        came_at=came_at,
        since=came_at,
        until=_time(row["gone_at"], NEVER),
        strength=row["strength"],
        rank=row["rank"],
        record_id=row["record_id"],
    )


def _side(row: Row) -> Span:
    came_at, until = _time(row["came_at"], EVER), _time(row["gone_at"], NEVER)
    return Span(row["record"], (row["node"],), row["side"], row["at"], came_at, came_at, until)


def _spans(names: Names, found: Iterable[Span]) -> list[Span]:
    """A record says one thing at a time: each version of it ends where the next one begins."""
    by_record: defaultdict[UUID, list[Span]] = defaultdict(list)
    for span in found:
        if all(node in names for node in span.nodes):
            by_record[span.record].append(span)
    for spans in by_record.values():
        versions = _versions(names, spans)
        for version in versions:
            end = max(span.until for span in version)
            for span in version:
                span.until = end
        for before, after in pairwise(versions):
            if after[0].came_at > before[0].came_at:
                for span in before:
                    span.until = min(span.until, after[0].came_at)
            else:  # a cut has moved what was said to another epoch
                for span in after:
                    span.since = max(span.since, before[0].until)
    return [span for spans in by_record.values() for span in spans if span.since < span.until]


def _versions(names: Names, spans: list[Span]) -> list[list[Span]]:
    """A record's spans, version by version: told apart by their coming, else by an identifier's epoch."""
    versions: list[list[Span]] = []
    held: set[tuple[object, ...]] = set()
    epochs: dict[tuple[str, str, str], int] = {}
    for span in sorted(spans, key=lambda span: (span.until, span.came_at, span.nodes)):
        rows = [names.rows[node] for node in span.nodes]
        called = {(row["kind"], row["value"], row["scope"]): row["epoch"] for row in rows}
        key = (span.nodes, span.side)
        moved = key in held or any(epochs.get(name, epoch) != epoch for name, epoch in called.items())
        if not versions or moved or versions[-1][0].came_at != span.came_at:
            versions.append([])
            held, epochs = set(), {}
        versions[-1].append(span)
        held.add(key)
        epochs.update(called)
    return versions


# ── replaying ─────────────────────────────────────────────────────────────────────────────────────────────────────


def groups_at(past: Past, at: datetime) -> set[frozenset[UUID]]:
    """Who was one customer with whom at a moment: the nodes known by then, in groups."""
    known = {node for node, seen in past.first_seen.items() if seen <= at}
    standing = [span for span in past.links if span.stood(at)]
    hubs = _hubs(past, standing)
    edges = {
        Edge(span.nodes[0], span.nodes[1], span.record, span.strength, span.at, span.record_id, span.rank)
        for span in standing
        if all(node in past.places and node not in hubs for node in span.nodes)
    }
    partings: dict[UUID, Parting] = {}
    for span in past.sides:
        if span.stood(at) and span.side is not None:
            parting = partings.setdefault(span.record, Parting(span.at, (set(), set())))
            left, right = parting.sides
            (right if span.side else left).update(span.nodes)
    found = partition(past.places, edges, partings, past.limits)
    groups: defaultdict[int, set[UUID]] = defaultdict(set)
    for node in known & past.places.keys():
        groups[found.customers[node]].add(node)
    return {frozenset(group) for group in groups.values()}


def _hubs(past: Past, standing: Iterable[Span]) -> set[UUID]:
    """The nodes with more neighbours of a kind than their limit."""
    neighbours: defaultdict[tuple[UUID, str], set[UUID]] = defaultdict(set)
    for span in standing:
        one, other = span.nodes
        neighbours[one, past.kinds[other]].add(other)
        neighbours[other, past.kinds[one]].add(one)
    return {
        node for (node, kind), found in neighbours.items() if _beyond(past.limits, past.kinds[node], kind, len(found))
    }


def events(past: Past, nodes: set[UUID], now: datetime) -> tuple[list[Event], bool]:
    """What happened to the customers that held these nodes, oldest first; and whether that is all that did."""
    spans = [*past.links, *past.sides]
    moments = sorted({time for span in spans for time in (span.since, span.until) if time <= now and time != NEVER})
    most = max(1, MOST_STEPS // max(1, len(spans)))
    skipped, moments = moments[:-most], moments[-most:]
    before = groups_at(past, skipped[-1]) if skipped else set[frozenset["UUID"]]()
    found: list[Event] = []
    for at in moments:
        after = groups_at(past, at)
        if after != before:
            known = {node for node, seen in past.first_seen.items() if seen < at}
            found += _events(at, nodes, _with_single(before, known), after, spans)
        before = after
    return found, not skipped


def _with_single(groups: set[frozenset[UUID]], known: set[UUID]) -> set[frozenset[UUID]]:
    """The groups, and those nodes that had been heard of since, each for itself."""
    grouped = {node for group in groups for node in group}
    return groups | {frozenset((node,)) for node in known - grouped}


def _events(
    at: datetime,
    nodes: set[UUID],
    before: set[frozenset[UUID]],
    after: set[frozenset[UUID]],
    spans: Sequence[Span],
) -> list[Event]:
    was = {node: group for group in before for node in group}
    now = {node: group for group in after for node in group}
    found: list[Event] = []
    for group in sorted((group for group in before - after if group & nodes), key=sorted):
        pieces = {now[node] for node in group if node in now}
        if len(pieces) > 1:
            found.append(_event(at, "parted", [group], sorted(pieces, key=sorted), spans))
    for group in sorted((group for group in after - before if group & nodes), key=sorted):
        parts = sorted({was[node] for node in group if node in was}, key=sorted)
        fresh = any(node not in was for node in group)
        if len(parts) > 1:
            found.append(_event(at, "joined", parts, [group], spans))
        elif fresh and len(group) > 1:
            found.append(_event(at, "grew" if parts else "began", parts, [group], spans))
    return found


def _event(
    at: datetime,
    what: Literal["began", "grew", "joined", "parted"],
    before: list[frozenset[UUID]],
    after: list[frozenset[UUID]],
    spans: Sequence[Span],
) -> Event:
    concerned = {node for group in (*before, *after) for node in group}
    came = [span for span in spans if span.since == at and concerned.intersection(span.nodes)]
    gone = [span for span in spans if span.until == at and concerned.intersection(span.nodes)]
    return Event(at, what, before, after, came, gone)

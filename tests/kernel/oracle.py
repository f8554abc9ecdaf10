"""What customers come out of a list of facts, worked out slowly and plainly: no store, no increments, no cleverness.

Takes a tenant, all the facts that were ever said, in any order, and the cuts; gives each customer as a document of
dicts and lists. Only the words are the product's own: how a fact is keyed and normalised (`claim`), how an identifier
is named (`node_of`), how a dialogue is counted (`rounds`). All that *adds up* is done here by looping over everything.

`document` puts a served `Customer` into the same form. Numbers, which are assigned at first sight, are in neither.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.claim import Claim, claim
from huaxiang.dialogue import rounds
from huaxiang.identifiers import identifies, node_of, normalise, record_key
from huaxiang.model import (
    AnyFact,
    Call,
    Customer,
    Identifier,
    Interaction,
    Limits,
    Link,
    Mark,
    Mention,
    Newest,
    Order,
    Record,
    Step,
    Subscription,
    Tenant,
    Transcript,
)

Document: TypeAlias = dict[str, Any]
Cuts: TypeAlias = Mapping[Identifier, Sequence[datetime]]
LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)


class Said(NamedTuple):
    """A mention of a node: who said it, when, and how."""

    node: UUID
    order: Order
    mention: Mention
    created_at: datetime | None


class Tie(NamedTuple):
    """A link of two nodes."""

    ends: frozenset[UUID]
    strength: int
    order: Order


class Split(NamedTuple):
    """A parting: nodes of one side are never with those of the other."""

    at: datetime
    sides: tuple[frozenset[UUID], frozenset[UUID]]


class World:
    """All that was said, the older revisions of each record left out."""

    def __init__(self, tenant: Tenant, facts: Iterable[AnyFact], cuts: Cuts) -> None:
        self.tenant, self.cuts = tenant, cuts
        self.zone = ZoneInfo(tenant.time_zone)
        self.identifiers: dict[UUID, Identifier] = {}
        self.claims = winners(tenant, facts)

    def customers(self) -> list[Document]:
        """Every customer that somebody mentions, in the order of their least nodes."""
        mentions = [said for one in self.claims for said in self.mentions(one)]
        members = self.members()
        mentioned = [[said for said in mentions if said.node in nodes] for nodes in members]
        found = [self.customer(nodes, said) for nodes, said in zip(members, mentioned, strict=True) if said]
        return sorted(found, key=lambda document: document["identities"][0]["node"])

    # ── where things are ──────────────────────────────────────────────────────────────────────────────────────────

    def node(self, identifier: Identifier, at: datetime) -> UUID:
        """The identifier's place at a time: one for each time that it changed hands before."""
        past = [cut for cut in self.cuts.get(identifier, ()) if cut <= at]
        epoch = (max(past) - LONG_AGO) // timedelta(microseconds=1) if past else 0
        node = node_of(self.tenant.key, identifier, epoch)
        self.identifiers[node] = identifier
        return node

    def somebody(self, identifier: Identifier) -> bool:
        return identifies(identifier, frozenset(self.tenant.settings.blocked))

    def order(self, one: Claim) -> Order:
        assert one.fact.at is not None
        return Order(one.fact.at, self.tenant.settings.ranks.get(one.fact.source, 0), one.record_id, one.key)

    def nodes(self, one: Claim) -> list[UUID]:
        """The nodes of a record's identifiers, the one that it hangs on first."""
        assert one.fact.at is not None
        places = [self.node(identifier, one.fact.at) for identifier, _ in one.named]
        first = self.first(one)
        return [places[first], *places[:first], *places[first + 1 :]]

    def first(self, one: Claim) -> int:
        good = [index for index, (identifier, _) in enumerate(one.named) if self.somebody(identifier)]
        return good[0] if good else 0

    def hanging(self, nodes: frozenset[UUID]) -> Iterator[tuple[Order, Claim]]:
        """The facts that hang on any of these nodes."""
        for one in self.claims:
            if one.named and self.nodes(one)[0] in nodes:
                yield self.order(one), one

    def mentions(self, one: Claim) -> Iterator[Said]:
        """Whom a record mentions: a person's decision nobody; a parting or a withdrawn link only whom it hangs on."""
        fact, order = one.fact, self.order(one)
        if isinstance(fact, Link) and fact.author is not None:
            return
        if one.named:
            first = self.first(one)
            joins = not (isinstance(fact, Link) and (fact.withdrawn or one.apart))
            for index, (identifier, mention) in enumerate(one.named):
                if joins or index == first:
                    yield Said(self.node(identifier, order.at), order, mention, fact.created_at)
        if one.upstream is not None:
            yield Said(self.node(one.upstream[0], order.at), order, one.upstream[1], None)

    # ── who is who ────────────────────────────────────────────────────────────────────────────────────────────────

    def ties(self) -> Iterator[Tie]:
        """All links that could join: between the first identifier of a record and each other one."""
        for one in self.claims:
            if not one.named or one.apart or (isinstance(one.fact, Link) and one.fact.withdrawn):
                continue
            first = self.first(one)
            for index, (identifier, mention) in enumerate(one.named):
                if index == first or not (self.somebody(identifier) and self.somebody(one.named[first][0])):
                    continue
                decided = isinstance(one.fact, Link) and one.fact.author is not None
                strength = 3 if decided else 2 if mention.verified else 1
                order = self.order(one)
                ends = frozenset({self.node(one.named[first][0], order.at), self.node(identifier, order.at)})
                yield Tie(ends, strength, order)

    def splits(self) -> Iterator[Split]:
        for one in self.claims:
            if one.apart and isinstance(one.fact, Link) and not one.fact.withdrawn:
                at = self.order(one).at
                these = frozenset(self.node(identifier, at) for identifier, _ in one.named)
                yield Split(at, (these, frozenset(self.node(identifier, at) for identifier, _ in one.apart)))

    def members(self) -> list[frozenset[UUID]]:
        """Every customer as a set of nodes."""
        for one in self.claims:  # every node is seen, linked or not
            self.nodes(one) if one.named else ()
            list(self.mentions(one))
        ties, splits = list(self.ties()), list(self.splits())
        kinds = {node: identifier.kind for node, identifier in self.identifiers.items()}
        return joined(kinds, ties, splits, self.tenant.settings.limits)

    # ── what it adds up to ────────────────────────────────────────────────────────────────────────────────────────

    def customer(self, nodes: frozenset[UUID], said: Sequence[Said]) -> Document:
        nodes &= {one.node for one in said}  # what nobody mentions is not served
        hanging = list(self.hanging(nodes))
        identities = [self.identity(node, [one for one in said if one.node == node]) for node in sorted(nodes)]
        told = [identity["created_at"] for identity in identities if identity["created_at"]]
        return {
            "created_at": min(told or [identity["first_at"] for identity in identities]),
            "identities": identities,
            **self.calls(hanging),
            "traits": traits(hanging),
            "origin": origin(hanging),
            "buckets": self.buckets(nodes, hanging),
            "follows": follows(hanging),
            "records": records(hanging),
            "companies": self.companies(nodes, hanging),
            "steps": steps(hanging),
        }

    def companies(self, nodes: frozenset[UUID], hanging: Sequence[tuple[Order, Claim]]) -> list[str]:
        """The sub-enterprises that facts name, "" where one names none; a person's decision is nobody's."""
        told = [one.fact for _, one in hanging if not (isinstance(one.fact, Link) and one.fact.author is not None)]
        spread = [one for one in self.claims if one.upstream is not None]
        told += [one.fact for one in spread if one.upstream and self.node(one.upstream[0], self.order(one).at) in nodes]
        known = self.tenant.settings.companies
        return sorted({fact.enterprise if fact.enterprise in known else "" for fact in told}) if known else []

    def identity(self, node: UUID, said: Sequence[Said]) -> Document:
        newest = max(said, key=lambda one: (one.order, one.mention.value))
        described = [one for one in said if one.mention.about]
        created = [one.created_at for one in said if one.created_at is not None]
        return {
            "node": node,
            "identifier": self.identifiers[node],
            "spelling": newest.mention.value,
            "verified": any(one.mention.verified for one in said),
            "first_at": min(one.order.at for one in said),
            "created_at": min(created) if created else None,
            "newest": newest.order,
            "about": max(described, key=lambda one: one.order).mention.about if described else {},
        }

    def calls(self, hanging: Sequence[tuple[Order, Claim]]) -> Document:
        calls = [(order, one, one.fact) for order, one in hanging if isinstance(one.fact, Call)]
        durations = [call.duration for _, _, call in calls if call.duration is not None]
        counted = [count for _, one, call in calls if (count := self.rounds(one, call)) is not None]
        newest = max(calls, key=lambda call: call[0]) if calls else None
        refs = [(f"{call.enterprise}-{one.record_id}", order.at) for order, one, call in calls]
        marks: list[Document] = [
            {**mark, "label": f"{call.enterprise}-{one.record_id}", "at": order.at}
            for order, one, call in sorted(calls, key=lambda call: f"{call[2].enterprise}-{call[1].record_id}")
            for mark in self.marks(one)
        ]
        marks.sort(key=lambda mark: mark["at"], reverse=True)
        return {
            "calls": len(calls),
            "durations": (len(durations), sum(durations), max(durations, default=None)),
            "rounds": (len(counted), sum(counted), max(counted, default=None)),
            "newest_call": newest and (newest[0], newest[1].named[self.first(newest[1])][1].value, newest[2].city),
            "call_refs": sorted(refs, key=lambda ref: (-ref[1].timestamp(), ref[0])),
            "marks": sorted(marks, key=lambda mark: (mark["type"], mark["name"])),
        }

    def about_call(self, call: Claim) -> list[tuple[Order, AnyFact]]:
        """The transcripts and marks of a call."""
        return [
            (self.order(one), one.fact)
            for one in self.claims
            if isinstance(one.fact, (Transcript, Mark))
            and call.key == record_key(self.tenant.key, one.fact.source, one.fact.enterprise, "call", one.fact.call)
        ]

    def rounds(self, one: Claim, call: Call) -> int | None:
        counted = rounds(fact for _, fact in self.about_call(one) if isinstance(fact, Transcript))
        return call.rounds if counted is None else counted

    def marks(self, call: Claim) -> Iterator[Document]:
        told: defaultdict[tuple[str, str], list[tuple[Order, Mark]]] = defaultdict(list)
        for order, fact in self.about_call(call):
            if isinstance(fact, Mark):
                told[fact.type, fact.name].append((order, fact))
        for (kind, name), marks in told.items():
            if (standing := standing_mark([mark for _, mark in sorted(marks, key=lambda one: one[0])])) is not None:
                yield {"type": kind, "name": name, **standing}

    def buckets(self, nodes: frozenset[UUID], hanging: Sequence[tuple[Order, Claim]]) -> list[Document]:
        events = [("active", order.at, one.fact) for order, one in hanging if isinstance(one.fact, Interaction)]
        for one in self.claims:
            at = self.order(one).at
            if one.upstream is not None and self.node(one.upstream[0], at) in nodes:
                assert isinstance(one.fact, Interaction)
                events.append(("spread", at, one.fact))
        days: defaultdict[tuple[Any, ...], list[datetime]] = defaultdict(list)
        for side, at, fact in events:
            days[side, at.astimezone(self.zone).date(), fact.type, fact.account or ""].append(at)
        return [
            {"side": side, "day": day, "type": kind, "account": account, "count": len(times), "newest_at": max(times)}
            for (side, day, kind, account), times in sorted(days.items())
        ]


def winners(tenant: Tenant, facts: Iterable[AnyFact]) -> list[Claim]:
    """The revision of each record that counts: the latest updated, else the one of the greater digest."""
    best: dict[UUID, Claim] = {}
    for fact in facts:
        one = claim(tenant, 1, fact, LONG_AGO)
        assert isinstance(one, Claim), one
        had = best.get(one.key)
        if had is None or (one.fact.updated_at or LONG_AGO, one.digest) > (had.fact.updated_at or LONG_AGO, had.digest):
            best[one.key] = one
    return list(best.values())


def standing_mark(oldest_first: Sequence[Mark]) -> Document | None:
    """How a label stands on its call: a person's newest word beats any check's."""
    check = decision = addition = None
    for mark in oldest_first:
        if mark.by == "check":
            check = mark
        else:
            decision = mark
            addition = addition if mark.deleted else mark
    if check is not None and check.deleted:
        check = None
    if decision is None:
        return None if check is None else _mark(check, None, check, deleted=False)
    if not decision.deleted:
        return _mark(decision, decision, check, deleted=False)
    return _mark(check or addition, decision, check, deleted=True)


def _mark(shown: Mark | None, decision: Mark | None, check: Mark | None, *, deleted: bool) -> Document:
    seconds = [mark.second for mark in (decision, shown, check) if mark is not None and mark.second is not None]
    by_person = shown is not None and shown.by == "person"
    return {
        "checked": not by_person,
        "added": by_person,
        "deleted": deleted,
        "second": seconds[0] if seconds else None,
    }


def traits(hanging: Sequence[tuple[Order, Claim]]) -> dict[str, tuple[Order, Any]]:
    found: dict[str, tuple[Order, Any]] = {}
    for order, one in sorted(hanging, key=lambda told: told[0]):
        found.update({name: (order, value) for name, value in one.fact.traits.items()})
    return found


def origin(hanging: Sequence[tuple[Order, Claim]]) -> tuple[Order, Any] | None:
    told = [
        (order, msgspec.json.decode(msgspec.json.encode(one.fact.origin)))
        for order, one in hanging
        if one.fact.origin is not None and not isinstance(one.fact, Subscription)
    ]
    return min(told, key=lambda origin: origin[0]) if told else None


def follows(hanging: Sequence[tuple[Order, Claim]]) -> list[Document]:
    found: list[Document] = []
    for order, one in sorted(hanging, key=lambda told: told[0]):
        if isinstance(fact := one.fact, Subscription):
            openids = [normalise(mention).value for mention in fact.identifiers if mention.kind == "openid"]
            found.append(
                {
                    "order": order,
                    "openid": openids[0] if openids else "",
                    "account": fact.account,
                    "account_name": fact.account_name,
                    "followed": fact.followed,
                    "origin": fact.origin,
                }
            )
    return found


def records(hanging: Sequence[tuple[Order, Claim]]) -> list[Document]:
    found: dict[tuple[str, str, str], Document] = {}
    for order, one in sorted(hanging, key=lambda told: told[0]):
        if isinstance(fact := one.fact, Record):
            found[fact.source, fact.enterprise, fact.record] = {
                "order": order,
                "source": fact.source,
                "enterprise": fact.enterprise,
                "record": fact.record,
                "owner": fact.owner,
                "deleted": fact.deleted,
                "details": fact.details,
            }
    return [found[key] for key in sorted(found)]


def steps(hanging: Sequence[tuple[Order, Claim]]) -> list[Document]:
    return [
        {
            "order": order,
            "source": fact.source,
            "enterprise": fact.enterprise,
            "record": fact.record,
            "what": fact.what,
            "owner": fact.owner,
            "author": fact.author or "",
            "reason": fact.reason or "",
            "withdrawn": fact.withdrawn,
            "said_at": fact.updated_at or order.at,
        }
        for order, one in sorted(hanging, key=lambda told: told[0])
        if isinstance(fact := one.fact, Step)
    ]


# ── who is who, by repeated naive merging ─────────────────────────────────────────────────────────────────────────


def limit(limits: Mapping[str, int | None], *names: str) -> float:
    return next(
        (float("inf") if (found := limits[name]) is None else found for name in names if name in limits), float("inf")
    )


def merged(nodes: Iterable[UUID], ties: Iterable[Tie]) -> list[frozenset[UUID]]:
    """The sets that these links connect."""
    sets = [frozenset({node}) for node in nodes]
    for tie in ties:
        reached = [one for one in sets if one & tie.ends]
        sets = [one for one in sets if not one & tie.ends] + [frozenset[UUID]().union(*reached)]
    return sets


def crowded(kinds: Mapping[UUID, str], ties: Sequence[Tie], limits: Limits) -> set[UUID]:
    """The nodes with more neighbours of a kind than they may have."""
    neighbours: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for tie in ties:
        for end in tie.ends:
            neighbours[end] |= tie.ends - {end}
    return {
        node
        for node, others in neighbours.items()
        for kind in {kinds[other] for other in others}
        if len([other for other in others if kinds[other] == kind])
        > limit(limits.neighbours, f"{kinds[node]}:{kind}", kinds[node], "*")
    }


def small_enough(nodes: Iterable[UUID], ties: Sequence[Tie], size: int | None) -> list[Tie]:
    """The links that remain when sets that are too large lose their weakest ones, class by class."""
    if size is None:
        return list(ties)
    for members in merged(nodes, ties):
        inside = [tie for tie in ties if tie.ends <= members]
        if len(members) > size:
            weakest = min(tie.strength for tie in inside)
            return small_enough(nodes, [tie for tie in ties if tie not in inside or tie.strength > weakest], size)
    return list(ties)


def standing_splits(ties: Sequence[Tie], splits: Sequence[Split]) -> list[Split]:
    """The partings that no newer join of a person takes back."""
    decided: defaultdict[Order, set[UUID]] = defaultdict(set)
    for tie in ties:
        if tie.strength == 3:
            decided[tie.order] |= tie.ends
    return [
        split
        for split in splits
        if not any(
            order.at > split.at and nodes & split.sides[0] and nodes & split.sides[1]
            for order, nodes in decided.items()
        )
    ]


def joined(
    kinds: Mapping[UUID, str], ties: Sequence[Tie], splits: Sequence[Split], limits: Limits
) -> list[frozenset[UUID]]:
    """The customers that these links make, under the guards."""
    hubs = crowded(kinds, ties, limits)
    ties = [tie for tie in ties if not tie.ends & hubs]
    splits = standing_splits(ties, splits)
    sets = [frozenset({node}) for node in kinds]
    remaining = small_enough(kinds, ties, limits.customer_size)
    for tie in sorted(remaining, key=precedence):
        one, *others = [members for members in sets if members & tie.ends]
        if others and allowed(kinds, one, others[0], splits, limits):
            sets = [members for members in sets if members not in (one, others[0])] + [one | others[0]]
    return sets


def precedence(tie: Tie) -> tuple[object, ...]:
    """Which link has its say first: the stronger, of the higher rank, the earlier."""
    order = tie.order
    return -tie.strength, -order.rank, order.at, order.record_id, order.record, sorted(tie.ends)


def allowed(
    kinds: Mapping[UUID, str],
    one: frozenset[UUID],
    other: frozenset[UUID],
    splits: Sequence[Split],
    limits: Limits,
) -> bool:
    """Whether two sets may become one customer."""
    for left, right in ((one, other), (other, one)):
        if any(left & split.sides[0] and right & split.sides[1] for split in splits):
            return False
    shared = {kinds[node] for node in one} & {kinds[node] for node in other}
    return all(
        len([node for node in one | other if kinds[node] == kind]) <= limit(limits.identifiers, kind, "*")
        for kind in shared
    )


# ── what is served, in the same form ──────────────────────────────────────────────────────────────────────────────


def document(customer: Customer) -> Document:
    """A served customer as a document, without its numbers."""
    summary, calls = customer.summary, customer.summary.calls
    newest = calls.newest
    identities = [msgspec.structs.asdict(identity) for identity in customer.identities]
    for identity in identities:
        del identity["number"]
    return {
        "created_at": customer.created_at,
        "identities": sorted(identities, key=lambda identity: identity["node"]),
        "calls": calls.count,
        "durations": (calls.durations, calls.duration_sum, calls.duration_max),
        "rounds": (calls.rounds, calls.round_sum, calls.round_max),
        "newest_call": newest and (newest.order, newest.spelling, newest.city),
        "call_refs": [(ref.label, ref.at) for ref in summary.call_refs],
        "marks": [
            {
                **{field: getattr(mark, field) for field in ("type", "name", "checked", "added", "deleted", "second")},
                "label": mark.call.label,
                "at": mark.call.at,
            }
            for mark in summary.marks
        ],
        "traits": {name: (said.order, said.value) for name, said in summary.traits.items()},
        "origin": _pair(summary.origin),
        "buckets": [msgspec.structs.asdict(bucket) for bucket in summary.buckets],
        "follows": [msgspec.structs.asdict(follow) for follow in summary.follows],
        "records": [msgspec.structs.asdict(record) for record in summary.records],
        "companies": list(summary.companies),
        "steps": [msgspec.structs.asdict(step) for step in summary.steps],
    }


def _pair(newest: Newest | None) -> tuple[Order, Any] | None:
    return newest and (newest.order, newest.value)

"""The sum: from identifiers to customers, many at once.

Takes nodes or numbers; gives customers with the summaries that were asked for, added up.

Rule 1: nothing is written.
Rule 2: whatever is asked for at once is one statement, and so one snapshot; only the parts that are rendered are read.
Rule 3: sums are put in the orders that `model.Summary` states, so that equal sets of facts are equal bytes.
Rule 4: a node that no record mentions is not served.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import msgspec

from huaxiang.identifiers import normalise
from huaxiang.model import (
    Bucket,
    CallMark,
    CallRef,
    Calls,
    CrmRecord,
    CrmStep,
    Customer,
    Follow,
    Identifier,
    Identity,
    Json,
    Newest,
    NewestCall,
    Order,
    Record,
    Step,
    Subscription,
    Summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction

MOST_CALL_REFS = 10_000
IDENTITY = ""
"""The name, which no trait has, under which the trait fold keeps what was said of an identifier itself."""

PARTS: Final = ("calls", "refs", "marks", "traits", "origin", "buckets", "subscription", "record", "step")
"""The parts of a summary; what is said of an identifier itself is among the traits."""
MOST_CHANGES: Final = 1000
"""More changes than these are not told one by one."""
FIRST_DAY: Final = date(2000, 1, 1).toordinal()
NO_CALLS: Final = Calls()


class Part(IntEnum):
    """What a row of `look_up` tells of."""

    VERSION, CHANGE, FOUND, IDENTITY, CALLS, MARK, TRAIT, ORIGIN, BUCKET, SAID, CALL = range(11)


_decode: Final = msgspec.json.decode
_decode_follow = msgspec.json.Decoder(Subscription).decode
_decode_record = msgspec.json.Decoder(Record).decode
_decode_step = msgspec.json.Decoder(Step).decode


class Asked(NamedTuple):
    """What one caller asks for: the customers of nodes and of numbers of its tenant."""

    tenant: int
    nodes: Sequence[UUID] = ()
    numbers: Sequence[int] = ()


class Changed(NamedTuple):
    """A change of the feed: the ids of the customers that it tells of."""

    number: int
    customer: int
    other: int | None


class Seen(msgspec.Struct):
    """What one question saw, all in one snapshot.

    Of each tenant its version, the number of its newest change (0 before the first), and the changes that it was asked
    for, oldest first. `customers` by their ids; `of_nodes` and `of_numbers` (with their tenants) lead to those ids.
    """

    versions: dict[int, int] = {}
    newest: dict[int, int] = {}
    changed: dict[int, list[Changed]] = {}
    customers: dict[int, Customer] = {}
    of_nodes: dict[UUID, int] = {}
    of_numbers: dict[tuple[int, int], int] = {}

    def of_node(self, node: UUID) -> Customer | None:
        """The customer of a node that was asked for."""
        return self.customers.get(self.of_nodes.get(node, 0))

    def of_number(self, tenant: int, number: int) -> Customer | None:
        """The customer that a tenant's number leads to."""
        return self.customers.get(self.of_numbers.get((tenant, number), 0))


async def customers_of_nodes(tx: Transaction, tenant: Tenant, nodes: Iterable[UUID]) -> dict[UUID, Customer]:
    """The customer of each of these nodes that is known, whole."""
    seen = await look_up(tx, [Asked(tenant.id, nodes=list(nodes))])
    return {node: found for node in seen.of_nodes if (found := seen.of_node(node)) is not None}


async def customers_of_numbers(tx: Transaction, tenant: Tenant, numbers: Iterable[int]) -> dict[int, Customer]:
    """The customer that each of these numbers leads to, whole."""
    seen = await look_up(tx, [Asked(tenant.id, numbers=list(numbers))])
    return {number: found for of, number in seen.of_numbers if (found := seen.of_number(of, number)) is not None}


async def customers(tx: Transaction, labels: Iterable[int]) -> dict[int, Customer]:
    """Whole customers by their ids; one that no record mentions is left out."""
    return (await look_up(tx, (), labels=labels)).customers


async def look_up(
    tx: Transaction,
    asked: Sequence[Asked],
    *,
    parts: Sequence[str] = PARTS,
    after: Mapping[int, int | None] = {},
    labels: Iterable[int] = (),
) -> Seen:
    """All that many callers ask for, by one statement.

    `parts`: of the summaries only these. `after`: the tenants of which to tell the version, the newest change, and the
    changes after a number (none after None; at most `MOST_CHANGES`). `labels`: customers by their ids, of any tenant.
    """
    nodes = [(one.tenant, node) for one in asked for node in one.nodes]
    numbers = [(one.tenant, number) for one in asked for number in one.numbers]
    rows = await tx.rows(
        "look_up",
        list(after), list(after.values()), MOST_CHANGES,
        [of for of, _ in nodes], [node for _, node in nodes],
        [of for of, _ in numbers], [number for _, number in numbers],
        sorted(set(labels)), list(parts),
    )  # fmt: skip
    return _seen(rows)


def _seen(rows: Iterable[Row]) -> Seen:
    by_part: list[list[Row]] = [[] for _ in Part]
    for row in rows:
        by_part[row[0]].append(row)
    seen = Seen(customers=_customers(by_part))
    for row in by_part[Part.VERSION]:
        tenant = row["customer"]
        seen.versions[tenant], seen.newest[tenant] = row["number"], row["counts"][0] or 0
    for row in by_part[Part.CHANGE]:
        seen.changed.setdefault(row["rank"], []).append(Changed(row["number"], row["customer"], row["counts"][0]))
    for row in by_part[Part.FOUND]:
        if row["node"] is not None:
            seen.of_nodes[row["node"]] = row["customer"]
        elif row["number"] is not None:
            seen.of_numbers[row["rank"], row["number"]] = row["customer"]
    return seen


def _customers(by_part: Sequence[Sequence[Row]]) -> dict[int, Customer]:
    """The customers, each of its nodes' identities and the sum of their parts."""
    sums: defaultdict[int, Parts] = defaultdict(Parts)
    holders: dict[UUID, Parts] = {}
    told: defaultdict[int, list[Row]] = defaultdict(list)
    for row in by_part[Part.IDENTITY]:
        holders[row["node"]] = sums[row["customer"]]
        told[row["customer"]].append(row)
    about: dict[UUID, dict[str, Json]] = {}
    for row in by_part[Part.TRAIT]:
        if row["name"] == IDENTITY:
            about[row["node"]] = _decode(row["value"])
        elif holder := holders.get(row["node"]):
            holder.traits.append((row["name"], Newest(_order(row), _decode(row["value"]))))
    for part, take in _TAKE:
        for row in by_part[part]:
            if holder := holders.get(row["node"]):
                take(holder, row)
    return {
        label: _customer(label, [_identity(row, about.get(row["node"], {})) for row in of], sums[label])
        for label, of in told.items()
    }


def _customer(label: int, identities: list[Identity], parts: Parts) -> Customer:
    identities.sort(key=_number)
    told = [identity.created_at for identity in identities if identity.created_at is not None]
    return Customer(
        id=label,
        identities=tuple(identities),
        summary=parts.sum(),
        created_at=min(told or [identity.first_at for identity in identities]),
    )


def _number(identity: Identity) -> int:
    return identity.number


def _identity(row: Row, about: dict[str, Json]) -> Identity:
    return Identity(
        node=row["node"],
        identifier=Identifier(row["kind"], row["name"], row["scope"]),
        number=row["number"],
        spelling=row["spelling"],
        verified=row["verified"],
        first_at=row["first_at"],
        created_at=row["created_at"],
        newest=_order(row),
        about=about,
    )


class Parts:
    """What summaries are made of, collected in any order."""

    __slots__ = ("buckets", "calls", "follows", "marks", "origins", "records", "refs", "steps", "traits")

    def __init__(self) -> None:
        """Nothing yet."""
        self.calls: list[Calls] = []
        self.refs: list[CallRef] = []
        self.marks: list[CallMark] = []
        self.traits: list[tuple[str, Newest]] = []
        self.origins: list[Newest] = []
        self.buckets: list[Bucket] = []
        self.follows: list[Follow] = []
        self.records: list[CrmRecord] = []
        self.steps: list[CrmStep] = []

    def add(self, summary: Summary) -> None:
        """What a summary says."""
        self.calls.append(summary.calls)
        self.refs += summary.call_refs
        self.marks += summary.marks
        self.traits += summary.traits.items()
        self.origins += [] if summary.origin is None else [summary.origin]
        self.buckets += summary.buckets
        self.follows += summary.follows
        self.records += summary.records
        self.steps += summary.steps

    def sum(self) -> Summary:
        """The sum, in the orders that `Summary` states."""
        return Summary(
            calls=sum(self.calls[1:], self.calls[0]) if self.calls else NO_CALLS,
            call_refs=_refs_in_order(self.refs) if self.refs else (),
            marks=_marks_in_order(self.marks) if self.marks else (),
            traits=_newest_traits(self.traits) if self.traits else {},
            origin=min(self.origins, key=lambda origin: origin.order) if self.origins else None,
            buckets=_add_buckets(self.buckets) if self.buckets else (),
            follows=tuple(sorted(self.follows, key=lambda follow: follow.order)) if self.follows else (),
            records=_newest_records(self.records) if self.records else (),
            steps=tuple(sorted(self.steps, key=lambda step: step.order)) if self.steps else (),
        )


def total(parts: Iterable[Summary]) -> Summary:
    """The sum of summaries, whatever order they come in."""
    listed = list(parts)
    if len(listed) == 1:
        return listed[0]
    collected = Parts()
    for part in listed:
        collected.add(part)
    return collected.sum()


def _newest_traits(said: list[tuple[str, Newest]]) -> dict[str, Newest]:
    traits: dict[str, Newest] = {}
    for name, newest in said:
        traits[name] = newest + traits[name] if name in traits else newest
    return dict(sorted(traits.items()))


def _refs_in_order(refs: Iterable[CallRef]) -> tuple[CallRef, ...]:
    by_label = sorted(refs, key=lambda ref: ref.label)
    return tuple(sorted(by_label, key=lambda ref: ref.at, reverse=True)[:MOST_CALL_REFS])


def _marks_in_order(marks: Iterable[CallMark]) -> tuple[CallMark, ...]:
    by_label = sorted(marks, key=lambda mark: mark.call.label)
    by_time = sorted(by_label, key=lambda mark: mark.call.at, reverse=True)
    return tuple(sorted(by_time, key=lambda mark: (mark.type, mark.name)))


def _add_buckets(buckets: Iterable[Bucket]) -> tuple[Bucket, ...]:
    found: dict[tuple[str, object, str, str], Bucket] = {}
    for bucket in buckets:
        key = (bucket.side, bucket.day, bucket.type, bucket.account)
        if had := found.get(key):
            bucket = msgspec.structs.replace(  # noqa: PLW2901 (the sum takes the place of its part)
                had, count=had.count + bucket.count, newest_at=max(had.newest_at, bucket.newest_at)
            )
        found[key] = bucket
    return tuple(sorted(found.values(), key=lambda bucket: (bucket.side, bucket.day, bucket.type, bucket.account)))


def _newest_records(records: Iterable[CrmRecord]) -> tuple[CrmRecord, ...]:
    newest: dict[tuple[str, str, str], CrmRecord] = {}
    for record in sorted(records, key=lambda record: record.order):
        newest[record.source, record.enterprise, record.record] = record
    return tuple(newest[key] for key in sorted(newest))


async def call_summaries(tx: Transaction, nodes: Sequence[UUID]) -> dict[UUID, Summary]:
    """What the calls of each of these nodes add up to, and nothing else; a node without a call is left out."""
    calls = {row["node"]: _calls(row) for row in await tx.rows("calls", nodes)}
    refs, marks = await _call_refs(tx, list(calls)), await _marks(tx, list(calls))
    return {
        node: Summary(calls=calls[node], call_refs=tuple(refs[node]), marks=_marks_in_order(marks[node]))
        for node in calls
    }


async def _call_refs(tx: Transaction, nodes: Sequence[UUID]) -> defaultdict[UUID, list[CallRef]]:
    found: defaultdict[UUID, list[CallRef]] = defaultdict(list)
    for row in await tx.rows("call_refs", nodes) if nodes else ():
        found[row["node"]].append(CallRef(row["label"], row["at"]))
    return found


async def _marks(tx: Transaction, nodes: Sequence[UUID]) -> defaultdict[UUID, list[CallMark]]:
    found: defaultdict[UUID, list[CallMark]] = defaultdict(list)
    for row in await tx.rows("marks", nodes) if nodes else ():
        found[row["node"]].append(
            CallMark(
                type=row["type"],
                name=row["name"],
                checked=row["checked"],
                added=row["added"],
                deleted=row["deleted"],
                second=row["second"],
                call=CallRef(row["label"], row["at"]),
            )
        )
    return found


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _take_calls(parts: Parts, row: Row) -> None:
    counts: list[Any] = row["counts"]
    parts.calls.append(Calls(*counts, newest=NewestCall(_order(row), row["spelling"], row["kind"])))


def _take_mark(parts: Parts, row: Row) -> None:
    checked, added, deleted, second = row["counts"]
    call = CallRef(row["record_id"], row["at"])
    mark = CallMark(row["kind"], row["name"], bool(checked), bool(added), bool(deleted), second, call)
    parts.marks.append(mark)


def _take_origin(parts: Parts, row: Row) -> None:
    parts.origins.append(Newest(_order(row), _decode(row["value"])))


def _take_bucket(parts: Parts, row: Row) -> None:
    day = date.fromordinal(FIRST_DAY + row["rank"])
    parts.buckets.append(Bucket(row["kind"], day, row["name"], row["scope"], row["number"], row["at"]))


def _take_said(parts: Parts, row: Row) -> None:
    if row["kind"] == "subscription":
        parts.follows.append(_follow(row))
    elif row["kind"] == "record":
        parts.records.append(crm_record(row, row["name"], row["scope"]))
    else:
        parts.steps.append(crm_step(row, row["name"], row["scope"]))


def _take_ref(parts: Parts, row: Row) -> None:
    parts.refs.append(CallRef(row["name"], row["at"]))


_TAKE: Final = (
    (Part.CALLS, _take_calls),
    (Part.MARK, _take_mark),
    (Part.ORIGIN, _take_origin),
    (Part.BUCKET, _take_bucket),
    (Part.SAID, _take_said),
    (Part.CALL, _take_ref),
)


def _follow(row: Row) -> Follow:
    fact = _decode_follow(row["said"])
    openid = next((normalise(mention).value for mention in fact.identifiers if mention.kind == "openid"), "")
    return Follow(_order(row), openid, fact.account, fact.account_name, fact.followed, fact.origin)


def crm_record(row: Row, source: str, enterprise: str) -> CrmRecord:
    """The record that a fact's row tells of."""
    fact = _decode_record(row["said"])
    return CrmRecord(
        order=_order(row),
        source=source,
        enterprise=enterprise,
        record=fact.record,
        owner=fact.owner,
        deleted=fact.deleted,
        details=fact.details,
    )


def crm_step(row: Row, source: str, enterprise: str) -> CrmStep:
    """The step that a fact's row tells of."""
    fact = _decode_step(row["said"])
    return CrmStep(
        order=_order(row),
        source=source,
        enterprise=enterprise,
        record=fact.record,
        what=fact.what,
        owner=fact.owner,
        author=fact.author or "",
        reason=fact.reason or "",
        withdrawn=fact.withdrawn,
        said_at=fact.updated_at or row["at"],
    )


def _calls(row: Row) -> Calls:
    return Calls(
        count=row["calls"],
        durations=row["durations"],
        duration_sum=row["duration_sum"],
        duration_max=row["duration_max"],
        rounds=row["rounds"],
        round_sum=row["round_sum"],
        round_max=row["round_max"],
        newest=NewestCall(_order(row), row["spelling"], row["city"]),
    )


def _order(row: Row) -> Order:
    return Order(row["at"], row["rank"], row["record_id"], row["record"])

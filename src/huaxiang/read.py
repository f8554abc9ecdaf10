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
from datetime import date, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
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
    Mention,
    Newest,
    NewestCall,
    Order,
    Origin,
    Step,
    Summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction

MOST_CALL_REFS = 10_000
IDENTITY = ""
"""The name, which no trait has, under which the trait fold keeps what was said of an identifier itself."""

PARTS: Final = ("calls", "refs", "marks", "traits", "origin", "buckets", "subscription", "record", "step", "companies")
"""The parts of a summary; what is said of an identifier itself is among the traits. Beside them there are `values`: of
traits that are named, the newest values alone, which cost much less."""
MOST_CHANGES: Final = 1000
"""More changes than these are not told one by one."""
MOST_ROWS: Final = 64
"""So many rows of the feed are told along with an answer, at most; behind as many there may be more."""
FIRST_DAY: Final = date(2000, 1, 1).toordinal()
NO_CALLS: Final = Calls()
NOTHING: Final = Summary()


class Part(IntEnum):
    """What a row of `look_up` tells of."""

    VERSION, CHANGE, FOUND, IDENTITY, CALLS, MARK, TRAIT, ORIGIN, BUCKET, SAID, CALL, VALUE, ABOUT, COMPANY = range(14)


class Asked(NamedTuple):
    """What one caller asks for: the customers of nodes and of numbers of its tenant."""

    tenant: int
    nodes: Sequence[UUID] = ()
    numbers: Sequence[int] = ()


class Changed(NamedTuple):
    """A row of the feed: the customers that it tells of. A span has many `customers` instead of one, and no other."""

    number: int
    customer: int | None
    other: int | None = None
    customers: Sequence[int] | None = None

    @property
    def ids(self) -> Sequence[int]:
        """The ids of all of them."""
        return self.customers or [one for one in (self.customer, self.other) if one is not None]


class Seen(msgspec.Struct):
    """What one question saw, all in one snapshot.

    Of each tenant its version, the number of its newest change (0 before the first), and the feed's rows that it was
    asked for, oldest first. `customers` by their ids; `of_nodes` and `of_numbers` (with their tenants) lead to those.
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
    names: Sequence[str] = (),
    after: Mapping[int, int | None] = {},
    labels: Iterable[int] = (),
) -> Seen:
    """All that many callers ask for, by one statement.

    `parts`: of the summaries only these. `names`: the traits that `values` are asked of. `after`: the tenants of which
    to tell the version, the newest change, and the feed's rows after a number (none after None; at most `MOST_ROWS`).
    `labels`: customers by their ids, of any tenant.
    """
    nodes = [(one.tenant, node) for one in asked for node in one.nodes]
    numbers = [(one.tenant, number) for one in asked for number in one.numbers]
    rows = await tx.rows(
        "look_up",
        list(after), list(after.values()), MOST_ROWS,
        [of for of, _ in nodes], [node for _, node in nodes],
        [of for of, _ in numbers], [number for _, number in numbers],
        sorted(set(labels)), parts, names,
    )  # fmt: skip
    return _seen(rows)


def _seen(rows: Iterable[Row]) -> Seen:
    seen = Seen()
    told: dict[int, bytes] = {}
    about: dict[int, bytes] = {}
    sums: defaultdict[int, Parts] = defaultdict(Parts)
    for part, customer, body in rows:
        if take := _TAKE.get(part):
            take(sums[customer], body)
        elif part == Part.IDENTITY:
            told[customer] = body
        elif part == Part.ABOUT:
            about[customer] = body
        elif part == Part.FOUND:
            _found(seen, body)
        elif part == Part.VERSION:
            version, newest = _decode(body)
            seen.versions[customer], seen.newest[customer] = version, newest or 0
        else:
            seen.changed[customer] = rows_told(body)
    seen.customers = {
        label: _customer(label, _identities(body), _about(about.get(label)), sums.get(label))
        for label, body in told.items()
    }
    return seen


def _found(seen: Seen, body: bytes | None) -> None:
    for tenant, node, number, customer in _asked(body) if body else ():
        if node is not None:
            seen.of_nodes[node] = customer
        elif number is not None:
            seen.of_numbers[tenant, number] = customer


def _about(body: bytes | None) -> dict[UUID, dict[str, Json]]:
    return dict(_particulars(body)) if body else {}


def _customer(
    label: int, rows: Sequence[_Identity], about: Mapping[UUID, dict[str, Json]], parts: Parts | None
) -> Customer:
    identities = [
        Identity(
            node=row.node,
            identifier=Identifier(row.kind, row.value, row.scope),
            number=row.number,
            spelling=row.spelling,
            verified=row.verified,
            first_at=row.first_at,
            created_at=row.created_at,
            newest=Order(row.at, row.rank, row.record_id, row.record),
            about=about.get(row.node, {}),
        )
        for row in rows
    ]
    identities.sort(key=_number)
    told = [row.created_at for row in rows if row.created_at is not None]
    return Customer(
        id=label,
        identities=tuple(identities),
        summary=NOTHING if parts is None else parts.sum(),
        created_at=min(told or [row.first_at for row in rows]),
    )


def _number(identity: Identity) -> int:
    return identity.number


class Parts:
    """What summaries are made of, collected in any order."""

    __slots__ = (
        "buckets", "calls", "companies", "follows", "marks", "origins", "records", "refs", "steps", "traits", "values",
    )  # fmt: skip

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
        self.companies: set[str] = set()
        self.values: dict[str, Json] = {}
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
        self.companies.update(summary.companies)
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
            companies=tuple(sorted(self.companies)) if self.companies else (),
            values=self.values,
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


# ── rows: parts of a customer, as JSON ─────────────────────────────────────────────────────────────────────────────


class _Identity(msgspec.Struct, array_like=True, gc=False):
    node: UUID
    kind: str
    value: str
    scope: str
    number: int
    spelling: str
    verified: bool
    first_at: datetime
    created_at: datetime | None
    at: datetime
    rank: int
    record_id: str
    record: UUID


class _Summed(msgspec.Struct, array_like=True, gc=False):
    count: int
    durations: int
    duration_sum: int
    duration_max: int | None
    rounds: int
    round_sum: int
    round_max: int | None
    spelling: str
    city: str | None
    at: datetime
    rank: int
    record_id: str
    record: UUID


class _Marked(msgspec.Struct, array_like=True, gc=False):
    type: str
    name: str
    checked: bool
    added: bool
    deleted: bool
    second: int | None
    label: str
    at: datetime


class _Named(msgspec.Struct, gc=False):
    """Of a mention what a follow needs; it was checked when it came in."""

    kind: str
    value: str
    scope: str = ""


class _Followed(msgspec.Struct, tag_field="kind", tag="subscription", gc=False):
    account: str
    identifiers: list[_Named] = []
    account_name: str | None = None
    followed: bool = True
    origin: Origin | None = None


class _Recorded(msgspec.Struct, tag_field="kind", tag="record", gc=False):
    record: str
    owner: str = ""
    deleted: bool = False
    details: dict[str, Json] = {}


_decode: Final = msgspec.json.decode
_asked: Final = msgspec.json.Decoder(list[tuple[int, UUID | None, int | None, int]]).decode
rows_told: Final = msgspec.json.Decoder(list[Changed]).decode
"""The feed's rows as a question tells them: [number, customer, other, customers] each."""
_identities: Final = msgspec.json.Decoder(list[_Identity]).decode
_particulars: Final = msgspec.json.Decoder(list[tuple[UUID, dict[str, Json]]]).decode
_summed: Final = msgspec.json.Decoder(list[_Summed]).decode
_marked: Final = msgspec.json.Decoder(list[_Marked]).decode
_traits: Final = msgspec.json.Decoder(list[tuple[str, Json, datetime, int, str, UUID]]).decode
_origins: Final = msgspec.json.Decoder(list[tuple[Json, datetime, int, str, UUID]]).decode
_counted: Final = msgspec.json.Decoder(list[tuple[Literal["active", "spread"], int, str, str, int, datetime]]).decode
_said: Final = msgspec.json.Decoder(
    list[tuple[str, str, _Followed | _Recorded | Step, datetime, int, str, UUID]]
).decode
_decode_record: Final = msgspec.json.Decoder(_Recorded).decode
_decode_step: Final = msgspec.json.Decoder(Step).decode
_refs: Final = msgspec.json.Decoder(list[tuple[str, datetime]]).decode
_companies: Final = msgspec.json.Decoder(list[str]).decode
_values: Final = msgspec.json.Decoder(dict[str, Json]).decode


def _take_calls(parts: Parts, body: bytes) -> None:
    for row in _summed(body):
        order = Order(row.at, row.rank, row.record_id, row.record)
        parts.calls.append(
            Calls(
                row.count, row.durations, row.duration_sum, row.duration_max, row.rounds, row.round_sum, row.round_max,
                newest=NewestCall(order, row.spelling, row.city),
            )
        )  # fmt: skip


def _take_marks(parts: Parts, body: bytes) -> None:
    for row in _marked(body):
        call = CallRef(row.label, row.at)
        parts.marks.append(CallMark(row.type, row.name, row.checked, row.added, row.deleted, row.second, call))


def _take_traits(parts: Parts, body: bytes) -> None:
    for name, value, at, rank, record_id, record in _traits(body):
        parts.traits.append((name, Newest(Order(at, rank, record_id, record), value)))


def _take_values(parts: Parts, body: bytes) -> None:
    parts.values = _values(body)


def _take_origins(parts: Parts, body: bytes) -> None:
    for value, at, rank, record_id, record in _origins(body):
        parts.origins.append(Newest(Order(at, rank, record_id, record), value))


def _take_buckets(parts: Parts, body: bytes) -> None:
    for side, day, kind, account, count, newest_at in _counted(body):
        parts.buckets.append(Bucket(side, date.fromordinal(FIRST_DAY + day), kind, account, count, newest_at))


def _take_said(parts: Parts, body: bytes) -> None:
    for source, enterprise, said, at, rank, record_id, record in _said(body):
        order = Order(at, rank, record_id, record)
        if isinstance(said, _Followed):
            parts.follows.append(_follow(order, said))
        elif isinstance(said, Step):
            parts.steps.append(_step(order, source, enterprise, said))
        else:
            parts.records.append(_record(order, source, enterprise, said))


def _take_refs(parts: Parts, body: bytes) -> None:
    parts.refs += [CallRef(label, at) for label, at in _refs(body)]


def _take_companies(parts: Parts, body: bytes) -> None:
    parts.companies.update(_companies(body))


_TAKE: Final = {
    Part.CALLS: _take_calls,
    Part.MARK: _take_marks,
    Part.TRAIT: _take_traits,
    Part.ORIGIN: _take_origins,
    Part.BUCKET: _take_buckets,
    Part.SAID: _take_said,
    Part.CALL: _take_refs,
    Part.VALUE: _take_values,
    Part.COMPANY: _take_companies,
}


def _follow(order: Order, said: _Followed) -> Follow:
    openid = next((one for one in said.identifiers if one.kind == "openid"), None)
    value = "" if openid is None else normalise(Mention(openid.kind, openid.value, openid.scope)).value
    return Follow(order, value, said.account, said.account_name, said.followed, said.origin)


def _record(order: Order, source: str, enterprise: str, said: _Recorded) -> CrmRecord:
    return CrmRecord(order, source, enterprise, said.record, said.owner, said.deleted, said.details)


def _step(order: Order, source: str, enterprise: str, said: Step) -> CrmStep:
    return CrmStep(
        order=order,
        source=source,
        enterprise=enterprise,
        record=said.record,
        what=said.what,
        owner=said.owner,
        author=said.author or "",
        reason=said.reason or "",
        withdrawn=said.withdrawn,
        said_at=said.updated_at or order.at,
    )


# ── rows: columns ───────────────────────────────────────────────────────────────────────────────────────────────────


def crm_record(row: Row, source: str, enterprise: str) -> CrmRecord:
    """The record that a fact's row tells of."""
    return _record(_order(row), source, enterprise, _decode_record(row["said"]))


def crm_step(row: Row, source: str, enterprise: str) -> CrmStep:
    """The step that a fact's row tells of."""
    return _step(_order(row), source, enterprise, _decode_step(row["said"]))


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

"""The sum: from identifiers to customers, many at once.

Takes nodes, numbers or a page of callers; gives customers with the summaries that were asked for, added up.

Rule 1: nothing is written.
Rule 2: each kind of summary is one question for all nodes of all customers.
Rule 3: sums are put in the orders that `model.Summary` states, so that equal sets of facts are equal bytes.
Rule 4: a node that no record mentions is not served.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from huaxiang.identifiers import normalise
from huaxiang.model import (
    Bucket,
    CallMark,
    CallRef,
    Calls,
    CrmRecord,
    Customer,
    Follow,
    Identifier,
    Identity,
    Newest,
    NewestCall,
    Order,
    PortraitPage,
    PortraitRow,
    Record,
    Subscription,
    Summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction

MOST_CALL_REFS = 10_000
IDENTITY = ""
"""The name, which no trait has, under which the trait fold keeps what was said of an identifier itself."""

Scope: TypeAlias = Literal["number", "customer"]

_decode_follow = msgspec.json.Decoder(Subscription).decode
_decode_record = msgspec.json.Decoder(Record).decode


async def customers_of_nodes(tx: Transaction, tenant: Tenant, nodes: Iterable[UUID]) -> dict[UUID, Customer]:
    """The customer of each of these nodes that is known, whole."""
    labels = {row["node"]: row["customer"] for row in await tx.rows("customers_of_nodes", tenant.id, list(nodes))}
    found = await customers(tx, labels.values())
    return {node: found[label] for node, label in labels.items() if label in found}


async def customers_of_numbers(tx: Transaction, tenant: Tenant, numbers: Iterable[int]) -> dict[int, Customer]:
    """The customer that each of these numbers leads to, whole."""
    rows = await tx.rows("customers_of_numbers", tenant.id, list(numbers))
    labels = {row["number"]: row["customer"] for row in rows}
    found = await customers(tx, labels.values())
    return {number: found[label] for number, label in labels.items() if label in found}


async def customers(tx: Transaction, labels: Iterable[int]) -> dict[int, Customer]:
    """Whole customers by their ids; one that no record mentions is left out."""
    identities: defaultdict[int, list[Identity]] = defaultdict(list)
    rows = await tx.rows("nodes_of", sorted(set(labels)))
    nodes = [row["node"] for row in rows]
    traits = await _traits(tx, nodes)
    for row in rows:
        about = traits[row["node"]].pop(IDENTITY, None)
        identities[row["customer"]].append(_identity(row, about))
    parts = await _summaries(tx, nodes, traits)
    return {label: _customer(label, found, parts) for label, found in identities.items()}


def _customer(label: int, identities: list[Identity], parts: Mapping[UUID, Summary]) -> Customer:
    told = [identity.created_at for identity in identities if identity.created_at is not None]
    return Customer(
        id=label,
        identities=tuple(identities),
        summary=total(parts[identity.node] for identity in identities),
        created_at=min(told or [identity.first_at for identity in identities]),
    )


def _identity(row: Row, about: Newest | None) -> Identity:
    return Identity(
        node=row["node"],
        identifier=Identifier(row["kind"], row["value"], row["scope"]),
        number=row["number"],
        spelling=row["spelling"],
        verified=row["verified"],
        first_at=row["first_at"],
        created_at=row["created_at"],
        newest=_order(row),
        about=about.value if about else {},
    )


def total(parts: Iterable[Summary]) -> Summary:
    """The sum of summaries, whatever order they come in."""
    listed = list(parts)
    if len(listed) == 1:
        return listed[0]
    traits: dict[str, Newest] = {}
    for part in listed:
        for name, newest in part.traits.items():
            traits[name] = newest + traits[name] if name in traits else newest
    origins = [part.origin for part in listed if part.origin is not None]
    return Summary(
        calls=sum((part.calls for part in listed), Calls()),
        call_refs=_refs_in_order(ref for part in listed for ref in part.call_refs),
        marks=_marks_in_order(mark for part in listed for mark in part.marks),
        traits=dict(sorted(traits.items())),
        origin=min(origins, key=lambda origin: origin.order) if origins else None,
        buckets=_add_buckets(bucket for part in listed for bucket in part.buckets),
        follows=tuple(sorted((f for part in listed for f in part.follows), key=lambda follow: follow.order)),
        records=_newest_records(record for part in listed for record in part.records),
    )


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


async def _summaries(
    tx: Transaction, nodes: Sequence[UUID], traits: Mapping[UUID, dict[str, Newest]]
) -> dict[UUID, Summary]:
    """The summary of each node, a question a kind."""
    calls = {row["node"]: _calls(row) for row in await tx.rows("calls", nodes)}
    refs = await _call_refs(tx, list(calls))
    marks = await _marks(tx, list(calls))
    origins = {
        row["node"]: Newest(_order(row), msgspec.json.decode(row["value"])) for row in await tx.rows("origins", nodes)
    }
    buckets = await _buckets(tx, nodes)
    follows, records = await _follows_and_records(tx, nodes)
    return {
        node: total(
            [
                Summary(
                    calls=calls.get(node, Calls()),
                    call_refs=tuple(refs[node]),
                    marks=tuple(marks[node]),
                    traits=dict(sorted(traits[node].items())),
                    origin=origins.get(node),
                    buckets=tuple(buckets[node]),
                    follows=tuple(follows[node]),
                    records=tuple(records[node]),
                ),
                Summary(),
            ]
        )
        for node in nodes
    }


async def _traits(tx: Transaction, nodes: Sequence[UUID]) -> defaultdict[UUID, dict[str, Newest]]:
    found: defaultdict[UUID, dict[str, Newest]] = defaultdict(dict)
    for row in await tx.rows("traits", nodes):
        found[row["node"]][row["name"]] = Newest(_order(row), msgspec.json.decode(row["value"]))
    return found


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


async def _buckets(tx: Transaction, nodes: Sequence[UUID]) -> defaultdict[UUID, list[Bucket]]:
    found: defaultdict[UUID, list[Bucket]] = defaultdict(list)
    for row in await tx.rows("activity", nodes):
        found[row["node"]].append(
            Bucket(row["side"], row["day"], row["type"], row["account"], row["count"], row["newest_at"])
        )
    return found


async def _follows_and_records(
    tx: Transaction, nodes: Sequence[UUID]
) -> tuple[defaultdict[UUID, list[Follow]], defaultdict[UUID, list[CrmRecord]]]:
    follows: defaultdict[UUID, list[Follow]] = defaultdict(list)
    records: defaultdict[UUID, list[CrmRecord]] = defaultdict(list)
    for row in await tx.rows("follows_and_records", nodes):
        if row["kind"] == "subscription":
            follows[row["node"]].append(_follow(row))
        else:
            records[row["node"]].append(_crm_record(row))
    return follows, records


def _follow(row: Row) -> Follow:
    fact = _decode_follow(row["said"])
    openid = next((normalise(mention).value for mention in fact.identifiers if mention.kind == "openid"), "")
    return Follow(_order(row), openid, fact.account, fact.account_name, fact.followed, fact.origin)


def _crm_record(row: Row) -> CrmRecord:
    fact = _decode_record(row["said"])
    return CrmRecord(
        order=_order(row),
        source=row["source"],
        enterprise=row["enterprise"],
        record=fact.record,
        owner=fact.owner,
        deleted=fact.deleted,
        details=fact.details,
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


async def portraits(
    tx: Transaction,
    tenant: Tenant,
    *,
    nodes: Sequence[UUID] | None,
    past: Sequence[UUID],
    labels: Sequence[str],
    offset: int,
    limit: int,
) -> PortraitPage:
    """A page of numbers with calls (or of customers, if that is the tenant's scope), by descending spelling.

    `nodes`: only these; None for all. `past`: the nodes of former holders of numbers that changed hands: no row is
    called after one of these. `labels`: a row must carry them all, each a mark's name or `type/name`.
    """
    kind = "callers" if tenant.settings.portrait_scope == "customer" else "numbers"
    asked = None if nodes is None else list(nodes)
    counted = await tx.row(f"count_{kind}", tenant.id, asked, list(labels), list(past))
    assert counted is not None
    rows = await tx.rows(f"page_{kind}", tenant.id, asked, list(labels), limit, offset, list(past))
    every = [node for row in rows for node in row["nodes"]]
    calls = {row["node"]: _calls(row) for row in await tx.rows("calls", every)}
    refs, marks = await _call_refs(tx, every), await _marks(tx, every)
    page: list[PortraitRow] = []
    for row in rows:
        summary = total(
            Summary(calls=calls[node], call_refs=tuple(refs[node]), marks=tuple(marks[node])) for node in row["nodes"]
        )
        page.append(PortraitRow(row["spelling"], summary.calls, summary.call_refs, _marks_in_order(summary.marks)))
    return PortraitPage(counted["total"], tuple(page))

"""Which facts each served value is the sum, the newest or the earliest of.

Takes the nodes of a customer. Every kind of value is one question for all of them, which gives of each node the first
few facts in the value's own order and counts all; here they are put together in that order.

Rule 1: the first fact listed is the one that is served, the others are those that it has beaten.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from huaxiang.dialects.native.evidence import (
    MOST_FACTS_OF_A_VALUE,
    MOST_MENTIONS,
    MOST_VALUES,
    ActivityEvidence,
    CallsEvidence,
    CitedCall,
    CitedMention,
    CitedValue,
    CreatedEvidence,
    CrmEvidence,
    FollowEvidence,
    MarkedCallEvidence,
    MarkEvidence,
    MarkWord,
    OriginEvidence,
    TraitEvidence,
    ValuesEvidence,
)
from huaxiang.identifiers import normalise
from huaxiang.model import Json, Order, Record, Subscription
from huaxiang.steward.evidence.records import Revisions, cited, revisions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from huaxiang.dialects.native.evidence import CitedRecord
    from huaxiang.store import Row, Transaction

_decode_follow = msgspec.json.Decoder(Subscription).decode
_decode_record = msgspec.json.Decoder(Record).decode
_END = datetime(9999, 1, 1, tzinfo=UTC)


async def values(tx: Transaction, nodes: Sequence[UUID]) -> ValuesEvidence:
    """The facts under all that is served of these nodes."""
    follows, records = await _follows_and_records(tx, nodes)
    return ValuesEvidence(
        created_at=await _created(tx, nodes),
        origin=await _origin(tx, nodes),
        traits=await _traits(tx, nodes),
        calls=await _calls(tx, nodes),
        marks=await _marks(tx, nodes),
        activity=await _activity(tx, nodes),
        follows=follows,
        records=records,
    )


class Mentioned(msgspec.Struct):
    """What records say of one identifier: how many do, how many verify it, and the newest of them."""

    mentions: int = 0
    verified_by: int = 0
    newest: list[CitedMention] = msgspec.field(default_factory=list[CitedMention])


async def mentions(tx: Transaction, nodes: Sequence[UUID]) -> defaultdict[UUID, Mentioned]:
    """What records say of these nodes themselves: spelling, verified, particulars."""
    rows = await tx.rows("evidence_mentions", nodes, MOST_MENTIONS)
    said = await _said(tx, rows)
    found: defaultdict[UUID, Mentioned] = defaultdict(Mentioned)
    for row in rows:
        one = found[row["node"]]
        one.mentions, one.verified_by = row["mentions"], row["verified_by"]
        about: dict[str, Json] = msgspec.json.decode(row["about"] or b"{}")
        one.newest.append(CitedMention(_by(row, said), row["spelling"], row["verified"], row["created_at"], about))
    return found


async def _said(tx: Transaction, rows: Iterable[Row]) -> Revisions:
    """The records of those rows that are links, and so tell nothing of their record themselves."""
    return await revisions(tx, ((row["node"], row["record"]) for row in rows if row["kind"] is None))


def _by(row: Row, said: Revisions) -> CitedRecord:
    return cited(row if row["kind"] is not None else said[row["record"]][0])


async def _created(tx: Transaction, nodes: Sequence[UUID]) -> CreatedEvidence | None:
    rows = await tx.rows("evidence_created", nodes)
    if not rows:
        return None
    first = min(rows, key=lambda row: (row["created_at"] or _END, row["at"], row["record_id"]))
    told = first["created_at"] is not None
    by = _by(first, await _said(tx, [first]))
    return CreatedEvidence(first["created_at"] if told else first["at"], told, by)


async def _origin(tx: Transaction, nodes: Sequence[UUID]) -> OriginEvidence | None:
    rows = await tx.rows("evidence_origins", nodes, MOST_FACTS_OF_A_VALUE)
    if not rows:
        return None
    told = [_value(row) for row in sorted(rows, key=_order)]
    return OriginEvidence(_counted(rows), told[:MOST_FACTS_OF_A_VALUE])


async def _traits(tx: Transaction, nodes: Sequence[UUID]) -> dict[str, TraitEvidence]:
    by_name: defaultdict[str, list[Row]] = defaultdict(list)
    for row in await tx.rows("evidence_traits", nodes, MOST_FACTS_OF_A_VALUE):
        by_name[row["name"]].append(row)
    return {
        name: TraitEvidence(_counted(by_name[name]), [_value(row) for row in _newest(by_name[name])])
        for name in sorted(by_name)[:MOST_VALUES]
    }


async def _calls(tx: Transaction, nodes: Sequence[UUID]) -> CallsEvidence:
    rows = await tx.rows("evidence_calls", nodes, MOST_FACTS_OF_A_VALUE)
    newest = [row for row in rows if row["place"] <= MOST_FACTS_OF_A_VALUE]
    return CallsEvidence(
        count=_counted(newest),
        newest=[_call(row) for row in _newest(newest)],
        longest=_greatest(rows, "duration"),
        most_rounds=_greatest(rows, "rounds"),
    )


def _greatest(rows: Iterable[Row], field: str) -> CitedCall | None:
    measured = [row for row in rows if row[field] is not None]
    return _call(max(measured, key=lambda row: (row[field], _order(row)))) if measured else None


def _call(row: Row) -> CitedCall:
    return CitedCall(cited(row), row["spelling"], row["duration"], row["rounds"], row["city"])


async def _marks(tx: Transaction, nodes: Sequence[UUID]) -> list[MarkEvidence]:
    rows = await tx.rows("evidence_marks", nodes, MOST_FACTS_OF_A_VALUE)
    words: defaultdict[tuple[UUID, str, str], list[MarkWord]] = defaultdict(list)
    for row in await tx.rows("evidence_mark_words", list({row["record"] for row in rows})):
        word = MarkWord(cited(row), row["by"], row["deleted"], row["second"])
        words[row["node"], row["type"], row["name"]].append(word)
    labels: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["label"]):
        labels[tuple(row[name] for name in ("type", "name", "checked", "added", "deleted"))].append(row)
    found: list[MarkEvidence] = []
    for label in sorted(labels)[:MOST_VALUES]:
        of_label = labels[label]
        newest = sorted(of_label, key=lambda row: row["at"], reverse=True)[:MOST_FACTS_OF_A_VALUE]
        calls = [
            MarkedCallEvidence(
                row["label"], row["at"], words[row["record"], label[0], label[1]][:MOST_FACTS_OF_A_VALUE]
            )
            for row in newest
        ]
        found.append(MarkEvidence(*label, calls=_counted(of_label, "calls"), newest=calls))
    return found


async def _activity(tx: Transaction, nodes: Sequence[UUID]) -> list[ActivityEvidence]:
    facts: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in await tx.rows("evidence_activity", nodes, MOST_FACTS_OF_A_VALUE):
        side = "spread" if row["kind"] == "spread" else "active"
        facts[side, row["type"], row["account"]].append(row)
    counts: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    days: defaultdict[tuple[Any, ...], set[Any]] = defaultdict(set)
    for row in await tx.rows("activity", nodes):
        key = row["side"], row["type"], row["account"]
        counts[key] += row["count"]
        days[key].add(row["day"])
    return [
        ActivityEvidence(side, type_, account, count, len(days[key]), [cited(row) for row in _newest(facts[key])])
        for key, count in sorted(counts.items())[:MOST_VALUES]
        for side, type_, account in [key]
    ]


async def _follows_and_records(
    tx: Transaction, nodes: Sequence[UUID]
) -> tuple[list[FollowEvidence], list[CrmEvidence]]:
    follows: defaultdict[tuple[str, str], list[CitedValue]] = defaultdict(list)
    records: defaultdict[tuple[str, str, str], list[CitedValue]] = defaultdict(list)
    for row in sorted(await tx.rows("evidence_follows_and_records", nodes), key=_order, reverse=True):
        if row["kind"] == "subscription":
            follow = _decode_follow(row["said"])
            openid = next((normalise(one).value for one in follow.identifiers if one.kind == "openid"), "")
            follows[openid, follow.account].append(CitedValue(cited(row), follow.followed))
        else:
            record = _decode_record(row["said"])
            key = (row["source"], row["enterprise"], record.record)
            records[key].append(CitedValue(cited(row), record.deleted))
    most = MOST_FACTS_OF_A_VALUE
    return (
        [FollowEvidence(*key, len(follows[key]), follows[key][:most]) for key in sorted(follows)[:MOST_VALUES]],
        [CrmEvidence(*key, len(records[key]), records[key][:most]) for key in sorted(records)[:MOST_VALUES]],
    )


def _value(row: Row) -> CitedValue:
    return CitedValue(cited(row), msgspec.json.decode(row["value"]))


def _order(row: Row) -> Order:
    return Order(row["at"], row["rank"], row["record_id"], row["record"])


def _newest(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=_order, reverse=True)[:MOST_FACTS_OF_A_VALUE]


def _counted(rows: Iterable[Row], column: str = "facts") -> int:
    """The sum of what each node counts of its own; each row carries its node's count."""
    return sum({row["node"]: row[column] for row in rows}.values())

"""The native way out: a customer -> its answer, whole.

Takes a `Customer` of the model, gives the wire's; the same customer gives the same bytes.

Rule 1: marks are grouped as a portrait is: by (type, name, checked, added, deleted), calls newest first.
Rule 2: of the follows, the newest of each (openid, account) is shown.
Rule 3: lists are cut at the wire's most; counts are taken before the cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Literal

import msgspec

from huaxiang.dialects.native import wire
from huaxiang.model import Bucket, CallMark, Calls, Customer, Follow, Identity, Outcome, Reject, Summary

_ENCODER = msgspec.json.Encoder()


def customer(of: Customer) -> bytes:
    """The answer of `GET /v1/customers/{id}`."""
    return _ENCODER.encode(shown(of))


def customers(of: Sequence[Customer | None]) -> bytes:
    """The answer of `POST /v1/customers/lookup`, in the order given."""
    return _ENCODER.encode(wire.LookupAnswer(customers=[None if one is None else shown(one) for one in of]))


def outcome(of: Outcome, rejects: Iterable[Reject] = ()) -> bytes:
    """The answer of `POST /v1/facts`: what became of the batch, with `rejects` from before it landed, by line."""
    every = sorted([*of.rejects, *rejects], key=lambda reject: (reject.line, reject.field))
    rejected = [wire.Rejected(line=one.line, field=one.field, reason=one.reason) for one in every]
    return _ENCODER.encode(wire.FactsAnswer(landed=of.landed, known=of.known, rejected=rejected))


def shown(of: Customer) -> wire.Customer:
    """The customer as the native API shows it."""
    summary = of.summary
    origin = summary.origin
    return wire.Customer(
        id=of.id,
        created_at=of.created_at.astimezone(UTC),
        identifiers=[_identifier(one) for one in of.identities[: wire.MOST_SHOWN]],
        traits={
            name: wire.TraitAnswer(value=newest.value, at=newest.order.at.astimezone(UTC))
            for name, newest in sorted(summary.traits.items())[: wire.MOST_SHOWN]
        },
        origin=None if origin is None else wire.OriginAnswer(value=origin.value, at=origin.order.at.astimezone(UTC)),
        calls=_calls(summary.calls),
        marks=_marks(summary.marks),
        activity=wire.ActivityAnswer(active=_side(summary.buckets, "active"), spread=_side(summary.buckets, "spread")),
        follows=_follows(summary.follows),
        records=_records(summary),
    )


# ── parts of the answer ──────────────────────────────────────────────────────────────────────────────────────────


def _identifier(identity: Identity) -> wire.IdentifierAnswer:
    return wire.IdentifierAnswer(
        kind=identity.identifier.kind,
        value=identity.identifier.value,
        scope=identity.identifier.scope,
        spelling=identity.spelling,
        verified=identity.verified,
        number=identity.number,
        first_at=identity.first_at.astimezone(UTC),
        newest_at=identity.newest.at.astimezone(UTC),
        about=identity.about,
    )


def _calls(calls: Calls) -> wire.CallsAnswer:
    newest = calls.newest
    return wire.CallsAnswer(
        count=calls.count,
        total_duration=calls.duration_sum,
        average_duration=calls.duration_sum / calls.durations if calls.durations else None,
        longest_duration=calls.duration_max,
        total_rounds=calls.round_sum,
        average_rounds=calls.round_sum / calls.rounds if calls.rounds else None,
        most_rounds=calls.round_max,
        newest=None
        if newest is None
        else wire.NewestCallAnswer(at=newest.order.at.astimezone(UTC), spelling=newest.spelling, city=newest.city),
    )


def _marks(marks: Iterable[CallMark]) -> list[wire.MarkAnswer]:
    groups: dict[tuple[str, str, bool, bool, bool], list[CallMark]] = {}
    for mark in marks:
        groups.setdefault((mark.type, mark.name, mark.checked, mark.added, mark.deleted), []).append(mark)
    return [_mark(group) for _, group in sorted(groups.items())[: wire.MOST_SHOWN]]


def _mark(group: list[CallMark]) -> wire.MarkAnswer:
    group = sorted(group, key=lambda mark: mark.call.label)
    group = sorted(group, key=lambda mark: mark.call.at, reverse=True)
    first = group[0]
    return wire.MarkAnswer(
        type=first.type,
        name=first.name,
        checked=first.checked,
        added=first.added,
        deleted=first.deleted,
        calls=len(group),
        newest=[
            wire.MarkedCall(call=mark.call.label, at=mark.call.at.astimezone(UTC), second=mark.second)
            for mark in group[: wire.MOST_CALLS_OF_A_MARK]
        ],
    )


def _side(buckets: Iterable[Bucket], side: Literal["active", "spread"]) -> wire.SideAnswer:
    of_side = [bucket for bucket in buckets if bucket.side == side]
    by_type: dict[str, int] = {}
    for bucket in of_side:
        by_type[bucket.type] = by_type.get(bucket.type, 0) + bucket.count
    newest = max((bucket.newest_at for bucket in of_side), default=None)
    return wire.SideAnswer(
        total=sum(by_type.values()),
        by_type=dict(sorted(by_type.items())),
        newest_at=None if newest is None else newest.astimezone(UTC),
    )


def _follows(follows: Iterable[Follow]) -> list[wire.FollowAnswer]:
    newest: dict[tuple[str, str], Follow] = {}
    for follow in sorted(follows, key=lambda follow: follow.order):
        newest[follow.openid, follow.account] = follow
    ordered = sorted(newest.values(), key=lambda follow: follow.order, reverse=True)
    return [
        wire.FollowAnswer(
            openid=follow.openid,
            account=follow.account,
            account_name=follow.account_name,
            followed=follow.followed,
            at=follow.order.at.astimezone(UTC),
        )
        for follow in ordered[: wire.MOST_SHOWN]
    ]


def _records(summary: Summary) -> list[wire.RecordAnswer]:
    return [
        wire.RecordAnswer(
            source=record.source,
            enterprise=record.enterprise,
            record=record.record,
            owner=record.owner,
            deleted=record.deleted,
            at=record.order.at.astimezone(UTC),
            details=record.details,
        )
        for record in summary.records[: wire.MOST_SHOWN]
    ]

"""What is known of a customer: sums of summaries, and what is read of single calls.

Each summary is a commutative monoid (`+`), so that the sum over a customer's nodes does not depend on any order.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from huaxiang.model.said import Call, Identifier, Json, Origin, Transcript


class Order(NamedTuple):
    """The order of «newest»: compare as a tuple. `record` is the record's key, which makes it total."""

    at: datetime
    rank: int
    record_id: str
    record: UUID


class Newest(msgspec.Struct, frozen=True):
    """A value and the order of the fact that said it; the newer of two is their sum."""

    order: Order
    value: Json

    def __add__(self, other: Newest) -> Newest:
        """The newer one."""
        return max(self, other, key=lambda newest: newest.order)


class Identity(msgspec.Struct, frozen=True):
    """One node of a customer, as it is served.

    `spelling`: as the newest fact spells it. `verified`: by any live record. `about`: the newest particulars.
    `first_at`: the earliest fact that mentions it; `created_at`: the earliest creation that a source tells.
    `newest`: the order of its newest mention.
    """

    node: UUID
    identifier: Identifier
    number: int
    spelling: str
    verified: bool
    first_at: datetime
    created_at: datetime | None
    newest: Order
    about: dict[str, Json] = {}


class Calls(msgspec.Struct, frozen=True):
    """The sum of a node's calls. Durations in seconds; averages divide by the calls that have the value."""

    count: int = 0
    durations: int = 0
    duration_sum: int = 0
    duration_max: int | None = None
    rounds: int = 0
    round_sum: int = 0
    round_max: int | None = None
    newest: NewestCall | None = None

    def __add__(self, other: Calls) -> Calls:
        """Counts and sums add, maxima and newest win."""
        return Calls(
            count=self.count + other.count,
            durations=self.durations + other.durations,
            duration_sum=self.duration_sum + other.duration_sum,
            duration_max=_greater(self.duration_max, other.duration_max),
            rounds=self.rounds + other.rounds,
            round_sum=self.round_sum + other.round_sum,
            round_max=_greater(self.round_max, other.round_max),
            newest=_newer(self.newest, other.newest),
        )


class NewestCall(msgspec.Struct, frozen=True):
    """What is served from the newest call alone: the spelling of its number and its city."""

    order: Order
    spelling: str
    city: str | None = None


class CallRef(msgspec.Struct, frozen=True):
    """A call by name: `label` is the enterprise + `-` + the record id; `at` is when it started."""

    label: str
    at: datetime


class CallMark(msgspec.Struct, frozen=True):
    """One label as it stands on one call. `checked`: the quality check found it; else a person put it there."""

    type: str
    name: str
    checked: bool
    added: bool
    deleted: bool
    second: int | None
    call: CallRef


class Bucket(msgspec.Struct, frozen=True):
    """Interactions of one day (in the tenant's time zone), type and account; no type: what a source summed up.

    `side`: `active` the customer's own, `spread` those that name the customer as their direct upstream.
    """

    side: Literal["active", "spread"]
    day: date
    type: str
    account: str
    count: int
    newest_at: datetime


class Follow(msgspec.Struct, frozen=True):
    """One follow or unfollow of an account by an openid (empty where the record named none)."""

    order: Order
    openid: str
    account: str
    account_name: str | None
    followed: bool
    origin: Origin | None


class CrmRecord(msgspec.Struct, frozen=True):
    """The newest word on one CRM record. `details` as the source said them."""

    order: Order
    source: str
    enterprise: str
    record: str
    owner: str
    deleted: bool
    details: dict[str, Json]


class CrmStep(msgspec.Struct, frozen=True):
    """One step as it stands, by its id. `said_at`: when its newest revision was said."""

    order: Order
    source: str
    enterprise: str
    record: str
    what: Literal["follow", "settle", "claim", "release"]
    owner: str
    author: str
    reason: str
    withdrawn: bool
    said_at: datetime


class Summary(msgspec.Struct, frozen=True):
    """What a set of nodes amounts to. Sums are kept in a stated order, so that equal sets are equal values.

    `call_refs`: newest first, then by label. `marks`: by (type, name), newest call first. `buckets`: by (side, day,
    type, account). `follows`, `steps`: oldest first. `records`: by (source, enterprise, record). `companies`: the
    tenant's sub-enterprises that facts name, "" for the tenant's own; empty where it has none, or nothing hangs here.
    `values`: of traits that were read without the order of their facts, the newest values; they are no part of any sum.
    """

    calls: Calls = Calls()
    call_refs: tuple[CallRef, ...] = ()
    marks: tuple[CallMark, ...] = ()
    traits: dict[str, Newest] = {}
    origin: Newest | None = None
    buckets: tuple[Bucket, ...] = ()
    follows: tuple[Follow, ...] = ()
    records: tuple[CrmRecord, ...] = ()
    steps: tuple[CrmStep, ...] = ()
    companies: tuple[str, ...] = ()
    values: dict[str, Json] = {}


class Customer(msgspec.Struct, frozen=True):
    """A set of linked identifiers and the sum of their summaries. `id` is the smallest number among them.

    `identities` are in the order of their numbers. `created_at` is the earliest creation
    that a source tells of any of them, else the earliest fact.
    """

    id: int
    identities: tuple[Identity, ...]
    summary: Summary
    created_at: datetime

    def of_kind(self, kind: str) -> list[Identity]:
        """The identities of one kind, newest mention first."""
        found = [identity for identity in self.identities if identity.identifier.kind == kind]
        return sorted(found, key=lambda identity: identity.newest, reverse=True)

    def trait(self, name: str) -> Json:
        """The newest value said of `name`; None when nothing, or nothing any more."""
        newest = self.summary.traits.get(name)
        return self.summary.values.get(name) if newest is None else newest.value


class PortraitRow(msgspec.Struct, frozen=True):
    """One row of a page of portraits: a customer number (or a customer, under its newest number) and its calls."""

    number: str
    calls: Calls
    call_refs: tuple[CallRef, ...]
    marks: tuple[CallMark, ...]


class PortraitPage(msgspec.Struct, frozen=True):
    """A page of portraits; `total` counts all rows that match."""

    total: int
    rows: tuple[PortraitRow, ...]


class CallResult(msgspec.Struct, frozen=True):
    """One call as it stands. `call` as it was said; `at`: when it happened, given at arrival where nobody said it.

    `details`: the call's own, with its amendments over them. `marks`: by (type, name); beside each, in `evidence`, the
    hits of the rules that found it, else the `details` of the mark that decided it. `transcripts`: by their record ids.
    """

    call: Call
    at: datetime
    details: dict[str, Json]
    rounds: int | None
    marks: tuple[CallMark, ...]
    evidence: tuple[tuple[dict[str, Json], ...], ...]
    transcripts: tuple[Transcript, ...]


class CallPlace(NamedTuple):
    """A call's place among all: by the time it happened, then by its name: its id, and whose it is."""

    at: datetime
    id: str
    enterprise: str


class CallPage(msgspec.Struct, frozen=True):
    """A page of calls, oldest first; `total` counts all that match, `last` is the place of its last one."""

    total: int
    rows: tuple[CallResult, ...]
    last: CallPlace | None


def _greater(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _newer(one: NewestCall | None, other: NewestCall | None) -> NewestCall | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=lambda call: call.order)

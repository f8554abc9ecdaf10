"""The nouns of the house: what a source says, and what is known of a customer. Frozen, without I/O.

Two halves. *Facts* are what comes in: a `Fact` is one thing that one source said, under its record id, of the
identifiers that it mentions. *Summaries* are what is read: each is a commutative monoid (`+`), so that the sum over a
customer's nodes does not depend on any order.

Rule 1: a field that was not said is absent (None, or empty), which is not the same as said to be nothing.
Rule 2: times are aware datetimes; in JSON they are RFC 3339.
Rule 3: «newest» is by `Order`: the time it happened, then the source's rank, then the record id.
Rule 4: a vendor's words stay in its dialect; what a dialect alone knows travels in `details`, untouched.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

Json: TypeAlias = Any
"""A JSON value as msgspec decodes it: None, bool, int, float, str, list or dict."""

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
"""A short word: a kind, a type, a trait's name."""

Text: TypeAlias = Annotated[str, Meta(max_length=4096)]
"""A line that a person wrote."""

Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""Seconds of a call, rounds of a dialogue, a second in a call."""

VendorNumber: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""A numeric id that a vendor gave: int64, beyond 2^53 too."""


# ── identifiers ───────────────────────────────────────────────────────────────────────────────────────────────────


class Identifier(msgspec.Struct, frozen=True, order=True):
    """A normalised identifier: `kind`, `value`, and the `scope` that gives the value its meaning.

    The scope is the appid of an openid, the corpid of an external_userid, the company of a third_id, the enterprise of
    a crm_id; empty for what means the same everywhere (phone, email, unionid).
    """

    kind: str
    value: str
    scope: str = ""


class Mention(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """An identifier as a record spells it, and what the record says about it.

    `verified`: the source has proved that the customer holds it. `about`: particulars of the identifier itself, in the
    model's words (`platform`, `from_to`, `app`, `identity_id`, `identity_type`, …). `held_at`: where it changes hands,
    meant as it was held then; as it was held when the fact happened, unless given.
    """

    kind: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    value: Annotated[str, Meta(min_length=1, max_length=256)]
    scope: Annotated[str, Meta(max_length=128)] = ""
    verified: bool = False
    about: dict[Name, str | int] = {}
    held_at: Annotated[datetime, Meta(tz=True)] | None = None


class Origin(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a customer came from, as it was when first seen: these come together from one fact."""

    channel: VendorNumber | None = None
    channel_name: Text | None = None
    channel_type: Text | None = None
    department: VendorNumber | None = None
    department_name: Text | None = None
    task: VendorNumber | None = None
    work_type: Text | None = None
    upstream: Mention | None = None


# ── facts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="kind"):
    """One thing that one source said.

    `source`, `enterprise`, `id` (with the kind) are its key: the same key again is the same fact, revised; the newest
    `updated_at` wins. Without an `id` the fact is keyed by its content, if it has a time, else by an id given at
    arrival. `at`: when it happened; given at arrival when absent. `created_at`: when the source first knew the
    customer. `identifiers`: in matching order; the fact hangs on the first that identifies somebody. `traits`: what the
    fact says of the customer, newest by name; a null says that the customer has none.
    """

    source: Name
    enterprise: Annotated[str, Meta(max_length=128)] = ""
    id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    at: datetime | None = None
    updated_at: datetime | None = None
    created_at: datetime | None = None
    identifiers: Annotated[tuple[Mention, ...], Meta(max_length=32)] = ()
    traits: dict[Name, Json] = {}
    origin: Origin | None = None
    details: dict[str, Json] = {}


class Call(Fact, frozen=True, kw_only=True, tag="call"):
    """A call; hangs on the customer's number. `city`: where the customer called from, `省-市`.

    Durations in seconds. `rounds` is what the source counted; a transcript's own count comes first.
    """

    duration: Count | None = None
    rounds: Count | None = None
    city: Text | None = None


class Utterance(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one speaker said without a break. Offsets from the call's start in milliseconds."""

    text: Annotated[str, Meta(max_length=65536)] = ""
    begin_ms: Count | None = None
    end_ms: Count | None = None
    channel: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)] | None = None
    emotion: float | None = None
    silence_ms: Count | None = None
    rate: float | None = None


class Transcript(Fact, frozen=True, kw_only=True, tag="transcript"):
    """A call's transcript, or one side of it. Waits on the call's own node for the call `call` of this enterprise."""

    call: Annotated[str, Meta(min_length=1, max_length=256)]
    side: Literal["agent", "client"] | None = None
    utterances: Annotated[tuple[Utterance, ...], Meta(max_length=20_000)] = ()


class Mark(Fact, frozen=True, kw_only=True, tag="mark"):
    """One portrait label on one call: `type` is its group. `deleted`: taken off again, by a person."""

    call: Annotated[str, Meta(min_length=1, max_length=256)]
    type: Name
    name: Name
    by: Literal["check", "person"] = "person"
    deleted: bool = False
    second: Count | None = None


class Amendment(Fact, frozen=True, kw_only=True, tag="amendment"):
    """What a source changed of a call afterwards: where the call is read, `details` stand over the call's own.

    Waits on the call's own node, as a transcript does; of several, the newest word on each field counts.
    """

    call: Annotated[str, Meta(min_length=1, max_length=256)]


class Interaction(Fact, frozen=True, kw_only=True, tag="interaction"):
    """Something the customer did. `account`: with which official account. `upstream`: who passed it on to them."""

    type: Name
    account: Name | None = None
    upstream: Mention | None = None


class Trait(Fact, frozen=True, kw_only=True, tag="trait"):
    """Only what the base says: identifiers, traits, origin. A profile."""


class Subscription(Fact, frozen=True, kw_only=True, tag="subscription"):
    """The customer followed an account, or unfollowed it; folds per (openid, account) by time."""

    account: Name
    account_name: Text | None = None
    followed: bool = True


class Record(Fact, frozen=True, kw_only=True, tag="record"):
    """A CRM's record of a customer, whole, as its `details`; `record` is its own id there.

    Newest by `at` answers. `deleted`: taken out at that time; a later one of the same `record` makes it live again.
    """

    record: Annotated[str, Meta(min_length=1, max_length=256)]
    owner: Annotated[str, Meta(max_length=128)] = ""
    deleted: bool = False


class Step(Fact, frozen=True, kw_only=True, tag="step"):
    """What a person did about a CRM's customer: followed it up, closed it, claimed it from the pool, released it.

    Hangs on the record's own id, as `crm_id`; may come before the record. `record` is the CRM's own id of it. `owner`:
    the account that claims. `withdrawn` takes the step back.
    """

    record: Annotated[str, Meta(min_length=1, max_length=256)]
    what: Literal["follow", "settle", "claim", "release"]
    owner: Annotated[str, Meta(max_length=128)] = ""
    author: Text | None = None
    reason: Text | None = None
    withdrawn: bool = False


class Link(Fact, frozen=True, kw_only=True, tag="link"):
    """`identifiers` are one customer, says the source, or, where `author` is given, a person, for `reason`.

    With `apart_from` it is a parting: no customer holds one of `identifiers` and one of `apart_from`. `withdrawn`
    takes the decision back.
    """

    apart_from: Annotated[tuple[Mention, ...], Meta(max_length=4096)] = ()
    author: Text | None = None
    reason: Text | None = None
    withdrawn: bool = False


AnyFact: TypeAlias = Call | Transcript | Mark | Amendment | Interaction | Trait | Subscription | Record | Step | Link
"""Every kind of fact; in JSON told apart by `kind`."""


class CustomField(msgspec.Struct, frozen=True):
    """The definition of a field that an account added to its CRM; kept beside the facts, newest `updated_at` wins.

    `details` is the whole definition in its dialect's words.
    """

    id: UUID
    owner: str
    sort: int
    updated_at: datetime
    details: dict[str, Json]


class Parsed(msgspec.Struct, frozen=True):
    """What one record of a dialect says: facts, and definitions of custom fields that it brings along."""

    facts: tuple[AnyFact, ...]
    fields: tuple[CustomField, ...] = ()


class Reject(msgspec.Struct, frozen=True):
    """A record that was not taken: its place in the batch or file (from 1), the field at fault, and why."""

    line: int
    field: str
    reason: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of a batch: `landed` changed something, `known` were there already (or older), the rest rejected."""

    landed: int = 0
    known: int = 0
    rejects: tuple[Reject, ...] = ()


# ── what is read ──────────────────────────────────────────────────────────────────────────────────────────────────


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
    """Interactions of one day (in the tenant's time zone), type and account.

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
    """A call's place among all: by the time it happened, then by its record's key."""

    at: datetime
    record: UUID


class CallPage(msgspec.Struct, frozen=True):
    """A page of calls, oldest first; `total` counts all that match, `last` is the place of its last one."""

    total: int
    rows: tuple[CallResult, ...]
    last: CallPlace | None


# ── tenants and keys ──────────────────────────────────────────────────────────────────────────────────────────────


class Limits(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The guards against false merges; None lifts one.

    `neighbours`: most distinct neighbours of one kind that an identifier may have before it joins nobody, by its kind
    and theirs (`phone:unionid`), else by its kind, else `*`. A phone or a mailbox of more than five WeChat users is an
    office's; a WeChat user may well have dozens of openids. `identifiers`: most identifiers of one kind in a customer.
    `customer_size`: most nodes of a set connected by all its links before its weakest class is suspended.
    """

    neighbours: dict[str, Annotated[int, Meta(ge=1)] | None] = msgspec.field(
        default_factory=lambda: {"phone:unionid": 5, "email:unionid": 5, "unionid:openid": 100, "*": 20}
    )
    identifiers: dict[str, Annotated[int, Meta(ge=1)] | None] = msgspec.field(
        default_factory=lambda: {"openid": 100, "*": 50}
    )
    customer_size: Annotated[int, Meta(ge=1)] | None = 1000


EVERY_COMPANY: Final = "*"
"""Stands for every sub-enterprise, those still to come too; none has it for its id."""


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sub-enterprise under a tenant: what people call it, and its own id as an organisation."""

    name: str
    org: UUID


class TenantSettings(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a tenant decides. `weights`: by interaction type, `*` for every other; `ranks`: by source, 0 else.

    `matching`: by source, `*` for every other: kinds of identifiers in the order in which a fact hangs on them; others
    come after, in the record's own order. A call always hangs on its number. `erasure_marks`: keep a keyed mark of each
    erased record, pseudonymous data, which keeps its redelivery out. Not unless the tenant says so: of somebody who
    asked to be forgotten, nothing that could be left out stays by default. `companies`: the tenant's sub-enterprises by
    their ids, which facts name as their enterprise; a fact that names none of them is the tenant's own.
    `unfollow_days`, `unsettled_days`: after so many days without a follow-up, or without being closed, a CRM's customer
    goes back to the public pool; None: never.
    """

    portrait_scope: Literal["number", "customer"] = "number"
    weights: dict[str, Annotated[int, Meta(ge=0, le=1_000_000)]] = msgspec.field(default_factory=lambda: {"*": 1})
    ranks: dict[str, Annotated[int, Meta(ge=-1000, le=1000)]] = {}
    blocked: tuple[str, ...] = ()
    matching: dict[str, tuple[str, ...]] = {}
    limits: Limits = Limits()
    erasure_marks: bool = False
    companies: dict[str, Company] = {}
    unfollow_days: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    unsettled_days: Annotated[int, Meta(ge=1, le=10_000)] | None = None

    def weight(self, kind: str) -> int:
        """How much one interaction of this type counts."""
        return self.weights.get(kind, self.weights.get("*", 1))


class Tenant(msgspec.Struct, frozen=True):
    """The enterprise whose customers these are. `key` keys its nodes; `org` and `main_account` are its uuids."""

    id: int
    name: str
    login_name: str
    time_zone: str
    key: bytes
    org: UUID
    main_account: UUID
    settings: TenantSettings


class AccessKey(msgspec.Struct, frozen=True):
    """A credential's row, without what only its holder knows.

    `name` is its public half (access key id, app id, …). `secret` is kept only where signing needs it (tinet).
    `rate`: calls a second, None for no limit. `options`: the dialect's (`clock`, `retry`, `companies`, …).
    `readings`: by which readings of its clock its signatures were right so far.
    """

    id: int
    tenant: Tenant
    dialect: str
    name: str
    secret: str | None
    account: UUID | None
    permissions: tuple[str, ...]
    rate: float | None
    options: dict[str, Json]
    readings: tuple[str, ...] = ()


def _greater(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _newer(one: NewestCall | None, other: NewestCall | None) -> NewestCall | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=lambda call: call.order)

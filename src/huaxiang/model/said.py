"""What sources say: identifiers as they spell them, and facts, each with what it is keyed and ordered by.

A `Fact` is one thing that one source said, under its record id, of the identifiers that it mentions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
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


# ── identifiers ─────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── facts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


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


class Portion(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What interactions of one day come to, as a source weighs them; `at`: the newest. `side` as in `Bucket`."""

    at: Annotated[datetime, Meta(tz=True)]
    count: Annotated[int, Meta(ge=0, le=2**40)] = 0
    side: Literal["active", "spread"] = "active"
    account: Annotated[str, Meta(max_length=128)] = ""


class Tally(Fact, frozen=True, kw_only=True, tag="tally"):
    """What a source says that interactions come to which it does not tell one by one; counts beside those it tells."""

    portions: Annotated[tuple[Portion, ...], Meta(max_length=1000)] = ()


AnyFact: TypeAlias = (
    Call | Transcript | Mark | Amendment | Interaction | Tally | Trait | Subscription | Record | Step | Link
)
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

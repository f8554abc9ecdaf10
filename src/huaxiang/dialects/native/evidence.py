"""The native wire of evidence: why a customer is one, what it was, what stands under each value, and all of it to take.

Rule 1: whoever says something is cited: source, enterprise, kind and id of the record, when it happened, when it came.
Rule 2: lists are cut at a stated most; the counts beside them are exact.
Rule 3: of facts under a value, the first one listed is the one that is served.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native.wire import Customer, Refusal
from huaxiang.model import Json, Mention

MOST_IDENTIFIERS = 1_000
MOST_PAIRS = 1_000
MOST_RECORDS_OF_A_PAIR = 5
MOST_MENTIONS = 5
MOST_FACTS_OF_A_VALUE = 20
MOST_PARTINGS = 100
MOST_VALUES = 1_000
MOST_EVENTS = 1_000
MOST_OF_A_GROUP = 100

Strength: TypeAlias = Literal["person", "verified", "stated", "nobody"]
"""Of a link: a person's word; a source that has proved it; a source that says it; a value that identifies nobody."""
Suspension: TypeAlias = Literal["neighbours", "size", "apart", "limit", "nobody"]
"""Why a link joins nobody. `neighbours`: an end has more neighbours than its limit (a shared phone). `size`: all that
is linked is too large. `apart`: a person parted them. `limit`: the customer would have too many identifiers of a kind.
`nobody`: an end identifies nobody (a placeholder, a blocked value)."""


class CitedRecord(msgspec.Struct, frozen=True):
    """The record that says so. `at`: when it happened; `came_at`: when it came here, null where that was not noted."""

    source: str
    enterprise: str
    kind: str
    id: str
    at: datetime
    came_at: datetime | None


class NamedIdentifier(msgspec.Struct, frozen=True):
    """An identifier by name. `number` is its own, `customer` the id of the customer that it belongs to now.

    `held_since`: when it came into these hands, where it changes hands; null for its first holder.
    """

    kind: str
    value: str
    scope: str
    number: int
    customer: int
    held_since: datetime | None


class CitedMention(msgspec.Struct, frozen=True):
    """What one record says of an identifier itself."""

    by: CitedRecord
    spelling: str
    verified: bool
    created_at: datetime | None
    about: dict[str, Json]


class ExplainedIdentifier(msgspec.Struct, frozen=True):
    """One identifier, and which records say so. `hub`: it has too many neighbours to join anybody.

    `spelling` is that of `newest[0]`, of up to 5. `mentions` and `verified_by` count all records that mention it and
    that verify it; `first_seen_at`: when the house first heard of it.
    """

    identifier: NamedIdentifier
    hub: bool
    spelling: str | None
    verified: bool
    first_seen_at: datetime | None
    mentions: int
    verified_by: int
    newest: list[CitedMention]


class CitedLink(msgspec.Struct, frozen=True):
    """One link. `author` and `reason` are those of a decision; `suspended`: why it joins nobody, null where it does."""

    by: CitedRecord
    strength: Strength
    author: str | None
    reason: str | None
    suspended: Suspension | None


class LinkedPair(msgspec.Struct, frozen=True):
    """Two identifiers, how many `links` there are between them, and the first 5 in the order of their say."""

    one: NamedIdentifier
    other: NamedIdentifier
    links: int
    records: list[CitedLink]


class CitedParting(msgspec.Struct, frozen=True):
    """A person's word that no customer holds one of `identifiers` and one of `apart_from`.

    `holds`: they are apart now; else a newer join of a person has taken it back.
    """

    by: CitedRecord
    author: str | None
    reason: str | None
    identifiers: list[NamedIdentifier]
    apart_from: list[NamedIdentifier]
    holds: bool


# ── values ────────────────────────────────────────────────────────────────────────────────────────────────────────


class CitedValue(msgspec.Struct, frozen=True):
    """A value, and who said it."""

    by: CitedRecord
    value: Json


class TraitEvidence(msgspec.Struct, frozen=True):
    """`facts` count all that say something of the trait; `newest[0]` is served, the others it has beaten; up to 20."""

    facts: int
    newest: list[CitedValue]


class OriginEvidence(msgspec.Struct, frozen=True):
    """`facts` count all that tell an origin; `earliest[0]` is served; up to 20."""

    facts: int
    earliest: list[CitedValue]


class CreatedEvidence(msgspec.Struct, frozen=True):
    """`told`: a source tells when it first knew the customer; else `at` is the earliest mention's time."""

    at: datetime
    told: bool
    by: CitedRecord | None


class CitedCall(msgspec.Struct, frozen=True):
    """One call that is counted. `duration` in seconds; `rounds` by its transcript, else as the source counted."""

    by: CitedRecord
    spelling: str
    duration: int | None
    rounds: int | None
    city: str | None


class CallsEvidence(msgspec.Struct, frozen=True):
    """`count` calls make up the sums, `newest` lists up to 20. `longest` and `most_rounds`: the calls of the maxima."""

    count: int
    newest: list[CitedCall]
    longest: CitedCall | None
    most_rounds: CitedCall | None


class MarkWord(msgspec.Struct, frozen=True):
    """What one record says of a label on a call. `said_by`: `check` or `person`."""

    by: CitedRecord
    said_by: str
    deleted: bool
    second: int | None


class MarkedCallEvidence(msgspec.Struct, frozen=True):
    """A call that has the label, and what was said of that, newest first. `call` is its label as it is served."""

    call: str
    at: datetime
    words: list[MarkWord]


class MarkEvidence(msgspec.Struct, frozen=True):
    """One label as it stands: `calls` counts all calls that have it, `newest` lists up to 20."""

    type: str
    name: str
    checked: bool
    added: bool
    deleted: bool
    calls: int
    newest: list[MarkedCallEvidence]


class ActivityEvidence(msgspec.Struct, frozen=True):
    """Interactions of one type and account: `count` of them, in `days` day buckets; `newest` lists up to 20.

    `side`: `active` the customer's own, `spread` those that name it as their upstream.
    """

    side: Literal["active", "spread"]
    type: str
    account: str
    count: int
    days: int
    newest: list[CitedRecord]


class FollowEvidence(msgspec.Struct, frozen=True):
    """How an openid stands to an account: `facts` follows and unfollows; `newest[0]` decides; a value is `followed`."""

    openid: str
    account: str
    facts: int
    newest: list[CitedValue]


class CrmEvidence(msgspec.Struct, frozen=True):
    """One CRM record: `facts` words on it; `newest[0]` is served, its value is whether the record is deleted."""

    source: str
    enterprise: str
    record: str
    facts: int
    newest: list[CitedValue]


class ValuesEvidence(msgspec.Struct, frozen=True):
    """Which facts each served value is the sum, the newest or the earliest of; each list up to 1,000."""

    created_at: CreatedEvidence | None
    origin: OriginEvidence | None
    traits: dict[str, TraitEvidence]
    calls: CallsEvidence
    marks: list[MarkEvidence]
    activity: list[ActivityEvidence]
    follows: list[FollowEvidence]
    records: list[CrmEvidence]


class IdChange(msgspec.Struct, frozen=True):
    """What became of an id. `joined`: `customer` leads to `other`; `parted`: it is an id again, and was `other`'s."""

    number: int
    at: datetime
    what: Literal["joined", "parted", "updated", "erased"]
    customer: int
    other: int | None


class EvidenceCounts(msgspec.Struct, frozen=True):
    """How many there are of what is listed up to a most. `links` stand between `pairs`; suspended ones join nobody."""

    identifiers: int
    pairs: int
    links: int
    suspended_pairs: int
    suspended_links: int
    changes: int


class Explanation(msgspec.Struct, frozen=True):
    """Why a customer is one. `asked` is the identifier by which it was asked for.

    `identifiers` by number and `links` pair by pair, each up to 1,000; `suspended` links join nobody, and lead out of
    the customer, or lie within it beside others; `apart` lists partings that name it, up to 100; `changes` of its id
    are the newest first.
    """

    id: int
    asked: NamedIdentifier
    counts: EvidenceCounts
    identifiers: list[ExplainedIdentifier]
    links: list[LinkedPair]
    suspended: list[LinkedPair]
    apart: list[CitedParting]
    values: ValuesEvidence
    changes: list[IdChange]


# ── history ───────────────────────────────────────────────────────────────────────────────────────────────────────


class PastGroup(msgspec.Struct, frozen=True):
    """Identifiers that were one customer: `id` is the smallest number, `count` how many they are; up to 100 listed."""

    id: int
    count: int
    identifiers: list[NamedIdentifier]


class PastEvent(msgspec.Struct, frozen=True):
    """What happened to who is who.

    `what`: `began`: identifiers came, linked at once; `grew`: new ones came to a known customer; `joined`: customers
    became one; `parted`: one fell apart.
    `before` and `after` are the customers concerned; `came` and `gone` the links and partings that made it so, up to 5
    each.
    """

    at: datetime | None
    what: Literal["began", "grew", "joined", "parted"]
    before: list[PastGroup]
    after: list[PastGroup]
    came: list[CitedLink]
    gone: list[CitedLink]


class PastMoment(msgspec.Struct, frozen=True):
    """Who was one customer with the identifier asked for; `customer` is null where it was not known yet."""

    at: datetime
    customer: PastGroup | None


class HistoryQuery(msgspec.Struct, frozen=True):
    """`at`: a past moment (RFC 3339; without a zone in the tenant's), or a day, which means its end."""

    at: Annotated[str, Meta(max_length=40)] | None = None


class History(msgspec.Struct, frozen=True):
    """What a customer was. `events` newest first, up to 1,000 of `count`; `then` only where a moment was asked for.

    `complete`: false where so much was ever linked that not all of it was followed.
    """

    id: int
    asked: NamedIdentifier
    complete: bool
    then: PastMoment | None
    count: int
    events: list[PastEvent]


# ── path ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class PathBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two identifiers, spelled in any way that their kinds allow."""

    one: Mention
    other: Mention


class PathStep(msgspec.Struct, frozen=True):
    """From one identifier to the next: `links` between them, the first 5 listed. `stands`: one of them joins."""

    one: NamedIdentifier
    other: NamedIdentifier
    stands: bool
    links: int
    records: list[CitedLink]


class Path(msgspec.Struct, frozen=True):
    """How two identifiers hang together. `one`, `other`: null for an unknown one.

    `one_customer`: they are; then `steps` are the shortest way over standing links. Else `steps` are the way with the
    fewest links that do not stand, empty where there is none, and `apart` the partings that keep them so.
    `complete`: false where so much is linked that not all of it was searched.
    """

    one: NamedIdentifier | None
    other: NamedIdentifier | None
    one_customer: bool
    steps: list[PathStep]
    apart: list[CitedParting]
    complete: bool


# ── export ────────────────────────────────────────────────────────────────────────────────────────────────────────


class ExportedFact(msgspec.Struct, frozen=True):
    """A fact as it was said. `current`: false for a revision that another has superseded.

    The kind `spread` is an interaction of somebody else that named the person as its upstream, without that somebody.
    """

    kind: str
    source: str
    enterprise: str
    id: str
    at: datetime
    came_at: datetime | None
    updated_at: datetime | None
    current: bool
    said: dict[str, Json]


class ExportedLink(msgspec.Struct, frozen=True):
    """A link of the person's identifiers. `other`: null where that end is not the person's; `gone_at`: when it went."""

    one: NamedIdentifier
    other: NamedIdentifier | None
    other_kind: str
    record: CitedRecord
    strength: Strength
    author: str | None
    reason: str | None
    suspended: Suspension | None
    gone_at: datetime | None


class Export(msgspec.Struct, frozen=True):
    """All of a person, to take away.

    `customer`: the values served. `facts` in the order in which they happened, each as it was said, but for the
    identifiers of others, whose values are left out. `decisions`: the facts among them that persons decided.
    `changes`: of the customer's id, oldest first.
    """

    format: Literal["huaxiang.export/1"]
    exported_at: datetime
    id: int
    identifiers: list[NamedIdentifier]
    customer: Customer | None
    changes: list[IdChange]
    links: list[ExportedLink]
    decisions: list[ExportedFact]
    facts: list[ExportedFact]


EXPLAIN = Endpoint(
    method="GET",
    path="/v1/customers/{id}/explain",
    title="客户的依据",
    summary="Why a customer is one: identifiers, links, records, and the facts under every served value",
    auth="bearer",
    answer=Explanation,
    refusal=Refusal,
    statuses=(401, 403, 404, 429, 500, 503),
)
HISTORY = Endpoint(
    method="GET",
    path="/v1/customers/{id}/history",
    title="客户的历史",
    summary="What the customer was before each join and parting, and at any past moment",
    auth="bearer",
    query=HistoryQuery,
    answer=History,
    refusal=Refusal,
    statuses=(400, 401, 403, 404, 429, 500, 503),
)
PATH = Endpoint(
    method="POST",
    path="/v1/customers/path",
    title="两个标识之间的路径",
    summary="How two identifiers hang together, link by link, or what stands between them",
    auth="bearer",
    body=PathBody,
    answer=Path,
    refusal=Refusal,
    statuses=(400, 401, 403, 413, 415, 429, 500, 503),
)
EXPORT = Endpoint(
    method="GET",
    path="/v1/customers/{id}/export",
    title="导出客户的全部数据",
    summary="All of a person as one JSON document: facts as they were said, links, decisions, values served",
    auth="bearer",
    answer=Export,
    refusal=Refusal,
    statuses=(401, 403, 404, 429, 500, 503),
)
ENDPOINTS: tuple[Endpoint, ...] = (EXPLAIN, HISTORY, PATH, EXPORT)

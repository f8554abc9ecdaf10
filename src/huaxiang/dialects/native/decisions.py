"""The native wire of decisions: join, part, keep apart, undo, cut; and the queue of what waits for a person's word.

Rule 1: an id is a number of ours, as text, or `kind:value`, with `@scope` behind it for the kinds that have one.
Rule 2: a decision has an author and a reason; it answers with whose the identifiers are now.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native.wire import Refusal

MOST_LISTED = 1_000

Id = Annotated[str, Meta(min_length=1, max_length=512, description="a number of ours, or kind:value[@scope]")]
Word = Annotated[str, Meta(min_length=1, max_length=4096)]


class DecisionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's word on these identifiers."""

    ids: Annotated[list[Id], Meta(min_length=1, max_length=32)]
    author: Word
    reason: Word


class UndoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes a decision back, and why."""

    author: Word
    reason: Word


class DecisionAnswer(msgspec.Struct, frozen=True):
    """The decision's id, and whose the identifiers that it names are now: each customer's id, once.

    `waits`: why a join does not hold (`neighbours`, `limit`, `size`, `apart`); empty when it does.
    """

    id: str
    customers: list[int]
    waits: list[str]


class UndoneAnswer(msgspec.Struct, frozen=True):
    """By whom, why and when a decision was taken back."""

    author: str
    reason: str
    at: datetime


class DecisionListed(msgspec.Struct, frozen=True):
    """A decision: `identifiers` are one customer; with `apart_from`, no customer holds one of each."""

    id: str
    source: str
    what: Literal["join", "part", "apart"]
    identifiers: list[str]
    apart_from: list[str]
    author: str
    reason: str
    at: datetime
    undone: UndoneAnswer | None


class DecisionsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED)] = 100


class DecisionsAnswer(msgspec.Struct, frozen=True):
    """The decisions, the newest word first; those taken back are among them."""

    decisions: list[DecisionListed]


class CutBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An identifier (`kind:value`) changed hands `at` a time; without a zone, in the tenant's."""

    identifier: Id
    at: datetime
    author: Word
    reason: Word


class CutAnswer(msgspec.Struct, frozen=True):
    """That it changed hands. `customer`: who holds it now; null when nobody has mentioned it since."""

    identifier: str
    at: datetime
    author: str
    reason: str
    customer: int | None


class ReviewQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only what waits for this `reason`; at most `limit` entries of each."""

    reason: Literal["neighbours", "limit", "size", "apart"] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED)] = 20


class CrowdedAnswer(msgspec.Struct, frozen=True):
    """An identifier with more neighbours of a kind than its limit: it joins nobody. All counts are exact."""

    id: str
    number: int
    customer: int
    neighbours: int
    records: int


class CitedAnswer(msgspec.Struct, frozen=True):
    """A record that says that two identifiers are one customer's."""

    source: str
    enterprise: str
    id: str


class SuspendedAnswer(msgspec.Struct, frozen=True):
    """Two identifiers whose links wait. `records`: how many say that they are one's; `cited`: up to five of them."""

    one: str
    one_customer: int
    other: str
    other_customer: int
    strength: str
    records: int
    cited: list[CitedAnswer]
    since: datetime


class WaitingAnswer(msgspec.Struct, frozen=True):
    """What waits for one reason: `links` in all; `identifiers` for `neighbours`, `pairs` for the other reasons."""

    reason: str
    links: int
    identifiers: list[CrowdedAnswer]
    pairs: list[SuspendedAnswer]


class ReviewAnswer(msgspec.Struct, frozen=True):
    """What waits for a person's word, by reason."""

    groups: list[WaitingAnswer]


_READS = (400, 401, 403, 429, 500, 503)
_DECIDES = (400, 401, 403, 404, 413, 415, 429, 500, 503)

JOIN = Endpoint(
    method="POST",
    path="/v1/decisions/join",
    title="合并客户",
    summary="A person says that identifiers are one customer",
    auth="bearer",
    body=DecisionBody,
    answer=DecisionAnswer,
    refusal=Refusal,
    statuses=_DECIDES,
)
PART = Endpoint(
    method="POST",
    path="/v1/decisions/part",
    title="拆分客户",
    summary="A person says that these identifiers of a customer are one, and the rest of it another",
    auth="bearer",
    body=DecisionBody,
    answer=DecisionAnswer,
    refusal=Refusal,
    statuses=_DECIDES,
)
APART = Endpoint(
    method="POST",
    path="/v1/decisions/apart",
    title="保持分开",
    summary="A person says that two customers are two people, whatever links may say",
    auth="bearer",
    body=DecisionBody,
    answer=DecisionAnswer,
    refusal=Refusal,
    statuses=_DECIDES,
)
UNDO = Endpoint(
    method="POST",
    path="/v1/decisions/{id}/undo",
    title="撤销决定",
    summary="A person takes a decision back, by another one",
    auth="bearer",
    body=UndoBody,
    answer=DecisionAnswer,
    refusal=Refusal,
    statuses=_DECIDES,
)
DECISIONS = Endpoint(
    method="GET",
    path="/v1/decisions",
    title="查看决定",
    summary="What persons decided, the newest word first",
    auth="bearer",
    query=DecisionsQuery,
    answer=DecisionsAnswer,
    refusal=Refusal,
    statuses=_READS,
)
CUT = Endpoint(
    method="POST",
    path="/v1/cuts",
    title="号码易主",
    summary="An identifier changed hands at a time: facts and links, late ones too, go by their own time",
    auth="bearer",
    body=CutBody,
    answer=CutAnswer,
    refusal=Refusal,
    statuses=(400, 401, 403, 413, 415, 429, 500, 503),
)
REVIEW = Endpoint(
    method="GET",
    path="/v1/review",
    title="待审核",
    summary="Links that a guard has suspended, and identifiers too common to join anybody",
    auth="bearer",
    query=ReviewQuery,
    answer=ReviewAnswer,
    refusal=Refusal,
    statuses=_READS,
)
ENDPOINTS: tuple[Endpoint, ...] = (JOIN, PART, APART, UNDO, DECISIONS, CUT, REVIEW)

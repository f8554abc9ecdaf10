"""The native wire: bodies, answers, refusals, and the endpoints as data.

Rule 1: an answer has all its fields; null where there is no value.
Rule 2: lists in an answer have a stated order and a stated most; the counts beside them are exact.
Rule 3: a refusal is `{"error": {code, field, reason}, "request_id"}`; `code` is stable, `reason` is for people.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from huaxiang.dialects.contract import Endpoint
from huaxiang.model import AnyFact, Json, Mention

MOST_FACTS = 10_000
MOST_LOOKUPS = 1_000
MOST_SHOWN = 1_000
MOST_CALLS_OF_A_MARK = 100


class FactsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of facts; each is taken or rejected for itself. As JSON Lines: one fact a line, without this wrapping."""

    facts: Annotated[list[AnyFact], Meta(max_length=MOST_FACTS)]


class Rejected(msgspec.Struct, frozen=True):
    """A fact that was not taken: its place in the batch (from 1), the field at fault, and why."""

    line: int
    field: str
    reason: str


class FactsAnswer(msgspec.Struct, frozen=True):
    """What became of a batch. `landed` changed something; `known` were there already, or are older than what is."""

    landed: int
    known: int
    rejected: list[Rejected]


class IdentifierAnswer(msgspec.Struct, frozen=True):
    """One identifier of a customer. `value` is normalised, `spelling` as the newest fact wrote it.

    `number` finds the customer too. `about`: the newest particulars.
    """

    kind: str
    value: str
    scope: str
    spelling: str
    verified: bool
    number: int
    first_at: datetime
    newest_at: datetime
    about: dict[str, Json]


class TraitAnswer(msgspec.Struct, frozen=True):
    """The newest value, and when it was said of the customer."""

    value: Json
    at: datetime


class OriginAnswer(msgspec.Struct, frozen=True):
    """Where the customer came from: the fields of a fact's `origin`, and when."""

    value: Json
    at: datetime


class NewestCallAnswer(msgspec.Struct, frozen=True):
    """The newest call: when, with which number as written, and from where."""

    at: datetime
    spelling: str
    city: str | None


class CallsAnswer(msgspec.Struct, frozen=True):
    """The sum of the calls. Durations in seconds; averages over the calls that have the value, null when none has."""

    count: int
    total_duration: int
    average_duration: float | None
    longest_duration: int | None
    total_rounds: int
    average_rounds: float | None
    most_rounds: int | None
    newest: NewestCallAnswer | None


class MarkedCall(msgspec.Struct, frozen=True):
    """A call that has the mark, and the second in it."""

    call: str
    at: datetime
    second: int | None


class MarkAnswer(msgspec.Struct, frozen=True):
    """One label as it stands, and its calls: `calls` is exact, `newest` lists up to 100 of them, newest first."""

    type: str
    name: str
    checked: bool
    added: bool
    deleted: bool
    calls: int
    newest: list[MarkedCall]


class SideAnswer(msgspec.Struct, frozen=True):
    """Interactions counted, in all and by type, unweighted; `newest_at` is the newest of them."""

    total: int
    by_type: dict[str, int]
    newest_at: datetime | None


class ActivityAnswer(msgspec.Struct, frozen=True):
    """`active`: the customer's own interactions; `spread`: those whose direct upstream the customer is."""

    active: SideAnswer
    spread: SideAnswer


class FollowAnswer(msgspec.Struct, frozen=True):
    """How an openid stands to an account: the newest follow or unfollow, and when it was."""

    openid: str
    account: str
    account_name: str | None
    followed: bool
    at: datetime


class RecordAnswer(msgspec.Struct, frozen=True):
    """The newest word on a CRM record; `details` as the source said them."""

    source: str
    enterprise: str
    record: str
    owner: str
    deleted: bool
    at: datetime
    details: dict[str, Json]


class Customer(msgspec.Struct, frozen=True):
    """A customer whole. `id` is the smallest number among its identifiers.

    `identifiers` by number, `traits` by name, `marks` by (type, name, checked, added, deleted), `follows` newest first,
    `records` by (source, enterprise, record); each up to 1,000.
    """

    id: int
    created_at: datetime
    identifiers: list[IdentifierAnswer]
    traits: dict[str, TraitAnswer]
    origin: OriginAnswer | None
    calls: CallsAnswer
    marks: list[MarkAnswer]
    activity: ActivityAnswer
    follows: list[FollowAnswer]
    records: list[RecordAnswer]


class LookupBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which customers: each by any identifier of it, spelled in any way that its kind allows."""

    identifiers: Annotated[list[Mention], Meta(max_length=MOST_LOOKUPS)]


class LookupAnswer(msgspec.Struct, frozen=True):
    """The customers, one for each identifier asked for and in its place; null where none is known."""

    customers: list[Customer | None]


Code = Literal[
    "input_missing",
    "input_invalid",
    "input_unknown",
    "input_too_large",
    "not_authenticated",
    "credential_expired",
    "not_permitted",
    "not_found",
    "wrong_method",
    "wrong_media_type",
    "too_often",
    "busy",
    "failed",
]


class Error(msgspec.Struct, frozen=True):
    """What is wrong: a stable `code`, the `field` at fault (or empty), the `reason` in words (or empty)."""

    code: Code
    field: str
    reason: str


class Refusal(msgspec.Struct, frozen=True):
    """Any refusal. The log has more of a failure under `request_id`."""

    error: Error
    request_id: str


POST_FACTS = Endpoint(
    method="POST",
    path="/v1/facts",
    title="写入事实",
    summary="Land a batch of facts, each once, whatever the order and however often it comes",
    auth="bearer",
    body=FactsBody,
    answer=FactsAnswer,
    refusal=Refusal,
    statuses=(400, 401, 413, 415, 429, 500, 503),
)
GET_CUSTOMER = Endpoint(
    method="GET",
    path="/v1/customers/{id}",
    title="查看客户",
    summary="A customer by its number, or by the number of any of its identifiers",
    auth="bearer",
    answer=Customer,
    refusal=Refusal,
    statuses=(401, 404, 429, 500, 503),
)
LOOK_UP = Endpoint(
    method="POST",
    path="/v1/customers/lookup",
    title="批量查找客户",
    summary="Customers by their identifiers, up to 1,000 at once",
    auth="bearer",
    body=LookupBody,
    answer=LookupAnswer,
    refusal=Refusal,
    statuses=(400, 401, 413, 415, 429, 500, 503),
)
ENDPOINTS: tuple[Endpoint, ...] = (POST_FACTS, GET_CUSTOMER, LOOK_UP)

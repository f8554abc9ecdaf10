"""The native wire of suggestions: pairs of customers that look like one, and a person's answer to them.

Rule 1: a suggestion is called by the numbers of both: `12-15`. It can be called by any other two numbers of the same
    customers too, and an answer settles all that were suggested between the two.
Rule 2: weights are log2: one more is twice as likely. The parts of a suggestion add up to its weight, beside what any
    two customers start with. They name columns and levels, and hold no value.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native.wire import Refusal

MOST_LISTED = 1_000

State: TypeAlias = Literal["open", "accepted", "refused"]
Word = Annotated[str, Meta(min_length=1, max_length=4096)]


class SuggestionsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Those of one `state` behind the one numbered `after`, at most `limit`; 0: from the beginning."""

    state: State = "open"
    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED)] = 100


class PartAnswer(msgspec.Struct, frozen=True):
    """What one column says of the pair, and the weight of that: above 0 it speaks for one customer, below against."""

    column: str
    says: str
    weight: float


class SuggestionAnswer(msgspec.Struct, frozen=True):
    """Two customers that may be one. `one`, `other`: their ids of now, the same where they have become one.

    `author`, `reason`, `at`: who answered, why and when; `decision`: the join that it was accepted by.
    """

    id: str
    number: int
    one: int
    other: int
    probability: float
    weight: float
    parts: list[PartAnswer]
    state: State
    found_at: datetime
    author: str | None
    reason: str | None
    at: datetime | None
    decision: str | None


class SuggestionsAnswer(msgspec.Struct, frozen=True):
    """A page, the likeliest first. `after`: the cursor for the next; null when there is none."""

    suggestions: list[SuggestionAnswer]
    after: int | None


class SettleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answers, and why."""

    author: Word
    reason: Word


class SettledAnswer(msgspec.Struct, frozen=True):
    """What became of it, and whose the two are now: each customer's id, once.

    `waits`: why an accepted join does not hold (`neighbours`, `limit`, `size`); empty when it does.
    """

    state: State
    customers: list[int]
    decision: str | None
    waits: list[str]


_SETTLES = (400, 401, 403, 404, 413, 415, 429, 500, 503)

SUGGESTIONS = Endpoint(
    method="GET",
    path="/v1/suggestions",
    title="疑似同一人",
    summary="Pairs of customers that look like one, and what speaks for and against it",
    auth="bearer",
    query=SuggestionsQuery,
    answer=SuggestionsAnswer,
    refusal=Refusal,
    statuses=(400, 401, 403, 429, 500, 503),
)
ACCEPT = Endpoint(
    method="POST",
    path="/v1/suggestions/{id}/accept",
    title="采纳建议",
    summary="A person says that the two are one: a join like any other, to be undone as one",
    auth="bearer",
    body=SettleBody,
    answer=SettledAnswer,
    refusal=Refusal,
    statuses=_SETTLES,
)
REFUSE = Endpoint(
    method="POST",
    path="/v1/suggestions/{id}/refuse",
    title="拒绝建议",
    summary="A person says no: the two are never suggested again",
    auth="bearer",
    body=SettleBody,
    answer=SettledAnswer,
    refusal=Refusal,
    statuses=_SETTLES,
)
ENDPOINTS: tuple[Endpoint, ...] = (SUGGESTIONS, ACCEPT, REFUSE)

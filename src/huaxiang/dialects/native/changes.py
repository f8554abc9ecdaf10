"""The native wire of the change feed: what became of customers, in order, and where an id leads.

Rule 1: `after` is the number of the last change that was read; the next page begins behind it, after any restart.
Rule 2: an id, once given, answers for ever: by the customer that it leads to, or by the change that erased it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native.wire import Refusal

MOST_CHANGES = 1_000


class ChangesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The changes behind the one numbered `after`, at most `limit`; 0: from the beginning."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_CHANGES)] = 100


class ChangeAnswer(msgspec.Struct, frozen=True):
    """One change.

    `joined`: the id `customer` leads to `other` from now on. `parted`: `customer` is an id again; it was `other`'s.
    `updated`: something was said of it, or taken back. `erased`: it leads nowhere, for ever.
    """

    number: int
    at: datetime
    what: Literal["joined", "parted", "updated", "erased"]
    customer: int
    other: int | None


class ChangesAnswer(msgspec.Struct, frozen=True):
    """A page, oldest first. `after`: the cursor for the next; `newest`: the last change there is."""

    changes: list[ChangeAnswer]
    after: int
    newest: int


class IdAnswer(msgspec.Struct, frozen=True):
    """Where an id leads: `customer` is the id of now, null when it was erased.

    `ids`: every number that leads to that customer, oldest first. `changes`: what became of the id, and what joined it.
    """

    id: int
    customer: int | None
    ids: list[int]
    changes: list[ChangeAnswer]


CHANGES = Endpoint(
    method="GET",
    path="/v1/changes",
    title="变更流",
    summary="What became of customers, in order, from a cursor on",
    auth="bearer",
    query=ChangesQuery,
    answer=ChangesAnswer,
    refusal=Refusal,
    statuses=(400, 401, 403, 429, 500, 503),
)
GET_ID = Endpoint(
    method="GET",
    path="/v1/ids/{id}",
    title="编号去向",
    summary="Where an id leads now, and which ids lead there",
    auth="bearer",
    answer=IdAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 429, 500, 503),
)
ENDPOINTS: tuple[Endpoint, ...] = (CHANGES, GET_ID)

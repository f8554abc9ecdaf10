"""The native wire of steps about a CRM's customers: follow up, close, claim from the public pool, release, take back.

Rule 1: a record is called by the CRM's own id of it, as Telrobot's `customer/detail` calls it.
Rule 2: a step has an author and a reason. With an `id` of the caller's it may be sent twice.
Rule 3: every answer tells how the customer stands then.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native.wire import Refusal

Word = Annotated[str, Meta(min_length=1, max_length=4096)]
StepId = Annotated[str, Meta(min_length=1, max_length=256, description="what the caller calls the step")]


class StepBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes the step, and why. `at`: when it was, unless now; without a zone in the tenant's."""

    author: Word
    reason: Word
    at: datetime | None = None
    id: StepId | None = None


class ClaimBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same, and for which account of the tenant's the customer is claimed."""

    account: UUID
    author: Word
    reason: Word
    at: datetime | None = None
    id: StepId | None = None


class UndoStepBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes the step back, and why."""

    author: Word
    reason: Word


class StepAnswer(msgspec.Struct, frozen=True):
    """One step. `account`: who claimed. `is_undone`: it was taken back; author and reason are then of that."""

    id: str
    what: Literal["follow", "settle", "claim", "release"]
    account: str | None
    author: str
    reason: str
    at: datetime
    is_undone: bool


class StandingAnswer(msgspec.Struct, frozen=True):
    """How the customer stands: whose it is, since when, and when it goes to the public pool, or that it is there.

    `is_settled`: closed since it is its holder's. `steps`: the newest first, 1,000 at most.
    """

    record: str
    account: str
    since: datetime
    is_back: bool
    is_settled: bool
    followed_at: datetime | None
    unfollow_back_at: datetime | None
    unsettled_back_at: datetime | None
    steps: list[StepAnswer]


_TAKES: Final = (400, 401, 403, 404, 413, 415, 429, 500, 503)


def _step(path: str, title: str, summary: str, body: type = StepBody) -> Endpoint:
    return Endpoint(
        method="POST",
        path=path,
        title=title,
        summary=summary,
        auth="bearer",
        body=body,
        answer=StandingAnswer,
        refusal=Refusal,
        statuses=_TAKES,
    )


FOLLOW: Final = _step("/v1/records/{record}/follow", "跟进客户", "A person has followed a CRM's customer up")
SETTLE: Final = _step("/v1/records/{record}/settle", "客户成交", "A person has closed a CRM's customer")
CLAIM: Final = _step(
    "/v1/records/{record}/claim",
    "领取客户",
    "A person takes a customer out of the public pool, for an account",
    ClaimBody,
)
RELEASE: Final = _step("/v1/records/{record}/release", "释放到公海", "A person puts a customer into the public pool")
UNDO_STEP: Final = _step("/v1/steps/{id}/undo", "撤销操作", "A person takes a step back", UndoStepBody)
STANDING: Final = Endpoint(
    method="GET",
    path="/v1/records/{record}",
    title="客户归属与公海状态",
    summary="Whose a CRM's customer is, when it goes to the public pool, and what was done about it",
    auth="bearer",
    answer=StandingAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 429, 500, 503),
)
ENDPOINTS: Final[tuple[Endpoint, ...]] = (STANDING, FOLLOW, SETTLE, CLAIM, RELEASE, UNDO_STEP)

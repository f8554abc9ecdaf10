"""What goes over Tinet's wire: the endpoints, a page of portraits with its query, the refusal.

The other calls' types are in `push.py` and `results.py`. The order of the fields is the order in the vendor's sample. A
field without a value is left out, never null. A page has ten thousand rows and more details, which can't refer to each
other: the collector of cycles need not walk them (`gc`).

How a query is read: `query.py`; `offset` and `limit` are 0 and 10 when absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.tinet import query
from huaxiang.dialects.tinet.push import PushAnswer, PushedCall, PushedPriority, PushedTranscript
from huaxiang.dialects.tinet.query import ITEM_MAX, ITEMS_MAX
from huaxiang.dialects.tinet.results import (
    CallDetailAnswer,
    CallDetailQuery,
    CallDetailsAnswer,
    CallDetailsQuery,
    CallRowsAnswer,
    CallRowsQuery,
)

OFFSET_MAX: Final = 2**31 - 1
LIMIT_DEFAULT: Final = 10
LIMIT_MAX: Final = 10_000
CDR_IDS_MAX: Final = 10_000
"""Calls that a row or a detail names; its counts stay exact."""

Flag = Literal[0, 1]
Seconds = Annotated[int, Meta(ge=0)]
Item = Annotated[str, Meta(min_length=1, max_length=ITEM_MAX)]


class CustomerPortraitQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The business parameters. `customerNumber`: only these numbers; `portraits`: labels that a row must have, all."""

    customerNumber: Annotated[tuple[Item, ...], Meta(max_length=ITEMS_MAX)] = ()
    portraits: Annotated[tuple[Item, ...], Meta(max_length=ITEMS_MAX)] = ()
    offset: Annotated[int, Meta(ge=0, le=OFFSET_MAX)] = 0
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT


class PortraitDetail(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A label on a customer. `qcType` 0: the quality check, 1: a person; `startTime`: the second in its newest call."""

    added: Flag
    cdrIds: list[str]
    deleted: Flag
    message: str | UnsetType = UNSET
    name: str
    portraitTypeName: str
    qcType: Flag
    startTime: Seconds | UnsetType = UNSET


class CustomerPortrait(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One customer number and its calls. Durations in seconds, `recentlyCallTime` in epoch seconds."""

    id: str
    retry: Literal[0] | UnsetType = UNSET
    customerNumber: str
    customerCity: str | UnsetType = UNSET
    totalCallCount: Annotated[int, Meta(ge=1)]
    maxCallDuration: Seconds | UnsetType = UNSET
    maxRound: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    avgRound: float | UnsetType = UNSET
    avgCallDuration: float | UnsetType = UNSET
    cdrIds: list[str]
    recentlyCallTime: int | UnsetType = UNSET
    portraitDetails: list[PortraitDetail]


class CustomerPortraitAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of customer numbers, in descending order of the number."""

    requestId: str
    pageNumber: Annotated[int, Meta(ge=1)]
    pageSize: Annotated[int, Meta(ge=1, le=LIMIT_MAX)]
    totalCount: Annotated[int, Meta(ge=0)]
    start: Annotated[int, Meta(ge=0, le=OFFSET_MAX)]
    totalPageCount: Annotated[int, Meta(ge=0)]
    data: list[CustomerPortrait]


class RefusalError(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a request was refused: the vendor's code, and words for a person."""

    code: str
    message: str


class Refusal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a refused request; one field more, here or in `error`, and the vendor's SDK can't parse it."""

    requestId: str
    error: RefusalError


_STATUSES: Final = (400, 401, 403, 404, 405, 429, 500)

CUSTOMER_PORTRAIT: Final = Endpoint(
    method="GET",
    path="/sqc/customerPortrait",
    title="批量获取客户画像详情",
    summary="A page of customer numbers with their calls and portraits",
    auth="signature",
    query=CustomerPortraitQuery,
    answer=CustomerPortraitAnswer,
    refusal=Refusal,
    statuses=_STATUSES,
)

PUSH_CALL: Final = Endpoint(
    method="POST",
    path="/sqc/cdr",
    title="推送 CDR 话单",
    summary="One call record; twice is once",
    auth="signature",
    body=PushedCall,
    answer=PushAnswer,
    refusal=Refusal,
    statuses=_STATUSES,
)

CHANGE_CALL: Final = Endpoint(
    method="PUT",
    path="/sqc/cdr",
    title="修改 CDR 话单(业务优先级)",
    summary="A call's new priority; the newest one counts, and stands over what the call record says",
    auth="signature",
    body=PushedPriority,
    answer=PushAnswer,
    refusal=Refusal,
    statuses=_STATUSES,
)

PUSH_TRANSCRIPT: Final = Endpoint(
    method="POST",
    path="/sqc/asr_text",
    title="推送 AsrText(转写文本)",
    summary="A call's transcript, or one side of it, before or after its call",
    auth="signature",
    body=PushedTranscript,
    answer=PushAnswer,
    refusal=Refusal,
    statuses=_STATUSES,
)

CALL_DETAIL: Final = Endpoint(
    method="GET",
    path="/sqc/cdrSqcDetails",
    title="获取质检详情",
    summary="One call: its labels, the rounds of its dialogue, its transcript",
    auth="signature",
    query=CallDetailQuery,
    answer=CallDetailAnswer,
    refusal=Refusal,
    statuses=_STATUSES,
)

CALL_DETAILS: Final = Endpoint(
    method="GET",
    path="/sqc/listCdrSqcDetails",
    title="话单质检详情批量获取",
    summary="The same for the calls of a day, page by page",
    auth="signature",
    query=CallDetailsQuery,
    answer=CallDetailsAnswer,
    refusal=Refusal,
    statuses=_STATUSES,
)

CALL_ROWS: Final = Endpoint(
    method="GET",
    path="/sqc/listCdrsByConditions",
    title="批量获取质检话单详情",
    summary="Call records of a span of time, with their labels",
    auth="signature",
    query=CallRowsQuery,
    answer=CallRowsAnswer,
    refusal=Refusal,
    statuses=_STATUSES,
)

ENDPOINTS: Final = (
    CUSTOMER_PORTRAIT,
    PUSH_CALL,
    CHANGE_CALL,
    PUSH_TRANSCRIPT,
    CALL_DETAIL,
    CALL_DETAILS,
    CALL_ROWS,
)


def read_query(pairs: Sequence[tuple[str, str]]) -> CustomerPortraitQuery:
    """The business parameters among decoded pairs (`query.py`).

    Raises InputUnknown, InputInvalid and InputTooLarge with the name of the parameter.
    """
    if len(pairs) == 1 and pairs[0][0] == "customerNumber":  # most ask for a number, and for nothing else
        return CustomerPortraitQuery(customerNumber=query.items("customerNumber", (pairs[0][1],)))
    given = query.given(pairs, CustomerPortraitQuery.__struct_fields__)
    return CustomerPortraitQuery(
        customerNumber=query.items("customerNumber", given["customerNumber"]),
        portraits=query.items("portraits", given["portraits"]),
        offset=query.integer("offset", given["offset"], at_least=0, at_most=OFFSET_MAX, otherwise=0),
        limit=query.integer("limit", given["limit"], at_least=1, at_most=LIMIT_MAX, otherwise=LIMIT_DEFAULT),
    )

"""The requests of a Smartlink server, under the names and fields of the vendor's SDK. Pure: each gives its `Call`.

    CustomerPortraitRequest(customerNumber=["19999999901"], portraits=["意向/高"], offset=0, limit=1000)

Rule 1: a list in a query is one parameter, its items joined by `, ` as the SDK joins them, and where it does in
        brackets; so no item has a comma.
Rule 2: a field that is None is not sent.
Rule 3: a push may be sent twice: the server knows a record by `userId` and `uniqueId`.
Rule 4: a request for a page knows the request for the next, given the answer; a list that changes meanwhile may show
        a row twice, or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Literal, Protocol, TypeVar

import msgspec
from msgspec import Struct

from huaxiang.client.batches import several
from huaxiang.client.errors import Invalid
from huaxiang.client.exchange import PERHAPS_DONE, Call, encoded
from huaxiang.client.tinet.answers import (
    Answer,
    CdrSqcDetailsResponse,
    CustomerPortrait,
    CustomerPortraitResponse,
    ListCdrsByConditionsResponse,
    ListCdrSqcDetailsResponse,
    PushResponse,
    Row,
    read,
    read_push,
)
from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.tinet.wire import (
    CALL_DETAIL,
    CALL_DETAILS,
    CALL_ROWS,
    CHANGE_CALL,
    CUSTOMER_PORTRAIT,
    LIMIT_MAX,
    PUSH_CALL,
    PUSH_TRANSCRIPT,
)

Out = TypeVar("Out")
Page = TypeVar("Page")
Item_co = TypeVar("Item_co", covariant=True)

_PASSING = PERHAPS_DONE | {500}
"""The vendor's document of errors says of a failure inside: ask again."""


class Request(Protocol[Out]):
    """Whatever can be asked."""

    def call(self) -> Call[Out]:
        """What is sent, and how its answer is read. Raises `Invalid` for what can't be sent."""
        ...


class PagedRequest(Request[Page], Protocol[Page, Item_co]):
    """What is asked a page at a time."""

    def next(self, page: Page) -> PagedRequest[Page, Item_co] | None:
        """The request for the page after this one; None after the last."""
        ...

    def items(self, page: Page) -> Sequence[Item_co]:
        """The rows of a page."""
        ...


# ── portraits ─────────────────────────────────────────────────────────────────────────────────────────────────────


class CustomerPortraitRequest(Struct, kw_only=True):
    """A page of customers with their portraits.

    `customerNumber`: only these numbers. `portraits`: labels that a customer must have, all of them; each a name, or
    `type/name`. `limit`: 1 to 10,000.
    """

    customerNumber: Collection[str] = ()
    portraits: Collection[str] = ()
    offset: int = 0
    limit: int = 10

    def setCustomerNumber(self, customerNumber: Collection[str]) -> None:
        """Ask for these numbers only."""
        self.customerNumber = customerNumber

    def setPortraits(self, portraits: Collection[str]) -> None:
        """Ask for customers with all of these labels only."""
        self.portraits = portraits

    def setOffset(self, offset: int) -> None:
        """Begin after so many customers."""
        self.offset = offset

    def setLimit(self, limit: int) -> None:
        """Ask for so many customers at most."""
        self.limit = limit

    def call(self) -> Call[CustomerPortraitResponse]:
        """What is sent. Raises `Invalid`."""
        if not 1 <= self.limit <= LIMIT_MAX:
            raise Invalid(field="limit", reason=f"1 to {LIMIT_MAX}")
        lists = (("customerNumber", self.customerNumber), ("portraits", self.portraits))
        return _get(
            CUSTOMER_PORTRAIT,
            CustomerPortraitResponse,
            *((name, _joined(name, items)) for name, items in lists if items),
            ("offset", self.offset),
            ("limit", self.limit),
        )

    def next(self, page: CustomerPortraitResponse) -> CustomerPortraitRequest | None:
        """The request for the page after this one."""
        end = self.offset + len(page.data)
        return msgspec.structs.replace(self, offset=end) if page.data and end < page.totalCount else None

    def items(self, page: CustomerPortraitResponse) -> Sequence[CustomerPortrait]:
        """The customers of a page."""
        return page.data


# ── pushes ────────────────────────────────────────────────────────────────────────────────────────────────────────


class OriginData(Struct):
    """A field of your own on a call."""

    name: str
    value: str

    def __str__(self) -> str:
        """As Java writes it."""
        return f"OriginData(name={self.name}, value={self.value})"


class Record(Struct, kw_only=True, omit_defaults=True):
    """A recording of a call. `recordSide`: `agent` or `client`, where it has one side only."""

    fileUrl: str | None = None
    recordSide: str | None = None
    erpetualUrl: bool | None = None
    storageRecord: bool | None = None
    fileId: str | None = None


class PushCdrRequest(Struct, kw_only=True, omit_defaults=True):
    """One call record. Times in epoch seconds, durations in seconds; `uniqueId` and `userId` name the call.

    `cdrType`: `cdr_ib`, `cdr_ob_agent`, `cdr_ob_customer`. `callType`: 1 in, 2 by the web, 3 out.
    """

    uniqueId: str
    userId: str | int
    cdrType: str | None = None
    callType: int | None = None
    cdrSource: int | None = None
    agentNumber: str | None = None
    startTime: int | None = None
    createTime: int | None = None
    answerTime: int | None = None
    endTime: int | None = None
    bridgeTime: int | None = None
    bridgeDuration: int | None = None
    totalDuration: int | None = None
    status: int | None = None
    endReason: int | None = None
    cno: str | None = None
    agentName: str | None = None
    qno: str | None = None
    qname: str | None = None
    exten: str | None = None
    mainUniqueId: str | None = None
    customerNumber: str | None = None
    customerNumberType: str | None = None
    customerAreaCode: str | None = None
    customerProvince: str | None = None
    customerCity: str | None = None
    joinQueueTime: int | None = None
    recordFile: str | None = None
    numberTrunk: str | None = None
    hotline: str | None = None
    clid: str | None = None
    records: list[Record] | None = None
    callbackUrl: str | None = None
    asrProvider: str | None = None
    businessPriority: str | None = None
    originDataList: list[OriginData] | None = None
    fileAuthFlag: bool | None = None
    userField: str | None = None
    channelSpeaker: list[str] | None = None
    fileUrlEncrypt: bool | None = None
    expirationTime: int | None = None
    ringDuration: int | None = None

    def call(self) -> Call[PushResponse]:
        """What is sent. Raises `Invalid`."""
        return _push(PUSH_CALL, self, ("Version", "2019-07-22"))


class UpdateCdrRequest(Struct, kw_only=True, omit_defaults=True):
    """Another priority for a call that was pushed."""

    uniqueId: str
    userId: str | int
    businessPriority: str | None = None

    def call(self) -> Call[PushResponse]:
        """What is sent. Raises `Invalid`."""
        return _push(CHANGE_CALL, self)


class SentenceResult(Struct, kw_only=True, omit_defaults=True):
    """One utterance: offsets and silence in milliseconds, `speechRate` in words a minute, `emotionValue` 1 to 10."""

    channelId: int | None = None
    beginTime: int | None = None
    endTime: int | None = None
    emotionValue: int | None = None
    silenceDuration: int | None = None
    speechRate: int | None = None
    text: str


class AsrText(Struct, kw_only=True, omit_defaults=True):
    """What was understood of a recording."""

    bizDuration: int | None = None
    result: list[SentenceResult]


class PushAsrTextRequest(Struct, kw_only=True, omit_defaults=True):
    """A call's transcript: one push for each side, or one without `recordSide` for a single track."""

    uniqueId: str
    userId: str | int
    asrText: AsrText
    recordSide: Literal["agent", "client"] | None = None
    fastAsr: bool | None = None

    def call(self) -> Call[PushResponse]:
        """What is sent. Raises `Invalid`."""
        return _push(PUSH_TRANSCRIPT, self)


# ── results of calls ──────────────────────────────────────────────────────────────────────────────────────────────


class CdrSqcDetailsRequest(Struct, kw_only=True):
    """The quality check of one call."""

    uniqueId: str
    userId: str | int
    resultEncrypt: bool | None = None

    def call(self) -> Call[CdrSqcDetailsResponse]:
        """What is sent. Raises `Invalid`."""
        return _get(
            CALL_DETAIL,
            CdrSqcDetailsResponse,
            ("uniqueId", self.uniqueId),
            ("userId", self.userId),
            ("resultEncrypt", self.resultEncrypt),
        )


class ListCdrSqcDetailsRequest(Struct, kw_only=True):
    """The quality check of a day's calls. `channelTime`: the day of the calls, `qcTime`: of the check; `2020-08-25`.

    `limit`: 1 to 100. `scrollId`: the cursor of an earlier answer, which the vendor keeps for two minutes.
    `originDataList`: only calls with all of these fields.
    """

    channelTime: str
    qcTime: str | None = None
    scrollId: str | None = None
    limit: int = 100
    userId: str | int | None = None
    originDataList: Collection[OriginData] = ()

    def call(self) -> Call[ListCdrSqcDetailsResponse]:
        """What is sent. Raises `Invalid`."""
        return _get(
            CALL_DETAILS,
            ListCdrSqcDetailsResponse,
            ("channelTime", self.channelTime),
            ("qcTime", self.qcTime),
            ("scrollId", self.scrollId),
            ("limit", self.limit),
            ("userId", self.userId),
            (
                "originDataList",
                _listed(map(str, self.originDataList)),
            ),
        )

    def next(self, page: ListCdrSqcDetailsResponse) -> ListCdrSqcDetailsRequest | None:
        """The request for the calls after these."""
        cursor = page.result.message
        return msgspec.structs.replace(self, scrollId=cursor) if page.result.data and cursor else None

    def items(self, page: ListCdrSqcDetailsResponse) -> Sequence[Row]:
        """The calls of a page."""
        return page.result.data


class ListCdrsByConditionsRequest(Struct, kw_only=True):
    """The calls of a span of time: `startChannelTime`, `endChannelTime` as `2020-08-25 09:30:00`; half a year at most.

    `uniqueIdList`: only these calls.
    """

    startChannelTime: str
    endChannelTime: str
    uniqueIdList: Collection[str] = ()
    offset: int = 0
    limit: int = 100

    def call(self) -> Call[ListCdrsByConditionsResponse]:
        """What is sent. Raises `Invalid`."""
        return _get(
            CALL_ROWS,
            ListCdrsByConditionsResponse,
            ("uniqueIdList", _listed([_joined("uniqueIdList", self.uniqueIdList)] if self.uniqueIdList else ())),
            ("startChannelTime", self.startChannelTime),
            ("endChannelTime", self.endChannelTime),
            ("offset", self.offset),
            ("limit", self.limit),
        )

    def next(self, page: ListCdrsByConditionsResponse) -> ListCdrsByConditionsRequest | None:
        """The request for the calls after these."""
        end = self.offset + len(page.result.cdrList)
        more = page.result.cdrList and end < page.result.totalSize
        return msgspec.structs.replace(self, offset=end) if more else None

    def items(self, page: ListCdrsByConditionsResponse) -> Sequence[Row]:
        """The calls of a page."""
        return page.result.cdrList


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _get(of: Endpoint, kind: type[Answer], *pairs: tuple[str, str | int | bool | None]) -> Call[Answer]:
    query = tuple((name, _written(value)) for name, value in pairs if value is not None)
    return Call(of.method, of.path, read=partial(read, kind), repeatable=True, query=query, passing=_PASSING)


def _push(
    of: Endpoint, request: PushCdrRequest | UpdateCdrRequest | PushAsrTextRequest, *query: tuple[str, str]
) -> Call[PushResponse]:
    if not request.uniqueId:
        raise Invalid(field="uniqueId", reason="is required")
    return Call(
        of.method,
        of.path,
        read=read_push,
        repeatable=True,
        media_type="application/json",
        body=encoded(request),
        query=query,
        passing=_PASSING,
    )


def _written(value: str | int | bool) -> str:  # noqa: FBT001 - the value of a parameter
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(items: Iterable[str]) -> str | None:
    """A list as Java writes it, which is how the SDK sends these."""
    joined = ", ".join(items)
    return f"[{joined}]" if joined else None


def _joined(name: str, items: Collection[str]) -> str:
    if any("," in item for item in several(name, items)):
        raise Invalid(field=name, reason="an item can't have a comma, which the wire joins by")
    ordered = items if isinstance(items, Sequence) else sorted(items)
    return ", ".join(ordered)

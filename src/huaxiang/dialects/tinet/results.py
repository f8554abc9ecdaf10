"""What is read of calls on Tinet's wire: queries, answers, and the place at which a scrolled page begins.

The source is the vendor's documents and its SDK, whose answers have the fields `result` (a String there, an object in
the documents) and `message`. The order of the fields is the order of the documents' samples; a field without a value is
left out.

Rule 1: a day is `yyyy-MM-dd`, a time `yyyy-MM-dd HH:mm:ss`, both in the tenant's zone; a span counts its last second,
    and is half a year at most.
Rule 2: a `scrollId` tells the place behind the last row of its page and how many rows came before; it never expires.
Rule 3: `originDataList` comes as JSON, or as the SDK writes it: `[OriginData(name=a, value=b)]`.
Rule 4: whom and when are required: `uniqueId` and `userId`, `channelTime`, `startChannelTime` and `endChannelTime`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, UnsetType

from huaxiang.dialects.tinet import query
from huaxiang.dialects.tinet.push import OriginData
from huaxiang.errors import InputInvalid, InputMissing
from huaxiang.model import CallPlace

PAGE_DEFAULT: Final = 10
PAGE_MAX: Final = 100
"""Calls of a page, each with its transcript."""

SPAN_MAX: Final = timedelta(days=184)
OFFSET_MAX: Final = 2**31 - 1

_UNIQUE_ID_MAX: Final = 249
_USER_ID_MAX: Final = 128
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_YEARS: Final = range(1900, 2200)
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ITEM: Final = re.compile(r"OriginData\(name=(.*?), value=(.*?)\)(?=, OriginData\(|\]?$)", re.DOTALL)

Flag = Literal[0, 1]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Moment = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$")]
UniqueId = Annotated[str, Meta(min_length=1, max_length=_UNIQUE_ID_MAX)]
UserId = Annotated[str, Meta(min_length=1, max_length=_USER_ID_MAX)]
Limit = Annotated[int, Meta(ge=1, le=PAGE_MAX)]
_Packed = tuple[
    int, Annotated[str, Meta(max_length=256)], Annotated[str, Meta(max_length=128)], Annotated[int, Meta(ge=0)]
]
"""What a `scrollId` tells: microseconds, an id, an enterprise, and how many rows came before."""


class CallDetailQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which call. `resultEncrypt`: only false; nothing public says how a result is encrypted."""

    uniqueId: UniqueId
    userId: UserId
    resultEncrypt: Literal["false"] = "false"


class CallDetailsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The calls of a day (`channelTime`), from the place of `scrollId` on; `userId`: only this enterprise's.

    `originDataList`: only calls with all these fields. `qcTime`: not taken, since no check tells its time.
    """

    channelTime: Day
    qcTime: Annotated[str, Meta(max_length=0)] = ""
    scrollId: str = ""
    limit: Limit = PAGE_DEFAULT
    userId: Annotated[str, Meta(max_length=_USER_ID_MAX)] = ""
    originDataList: str = ""


class CallRowsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Call records of a span of time; `uniqueIdList`: only these. The SDK can't set `offset` and `limit`."""

    uniqueIdList: Annotated[tuple[UniqueId, ...], Meta(max_length=query.ITEMS_MAX)] = ()
    startChannelTime: Moment
    endChannelTime: Moment
    offset: Annotated[int, Meta(ge=0, le=OFFSET_MAX)] = 0
    limit: Limit = PAGE_MAX


class SpokenSentence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One sentence; `callSide` 0: the agent, 1: the client; `id`: `side.place`, from 1; times in milliseconds."""

    callSide: Flag | UnsetType = UNSET
    beginTime: int | UnsetType = UNSET
    endTime: int | UnsetType = UNSET
    id: str
    text: str


class MeasuredSentence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One sentence of one side, with what was measured; times in milliseconds."""

    id: str
    emotionValue: float | UnsetType = UNSET
    speechRate: float | UnsetType = UNSET
    silenceDuration: int | UnsetType = UNSET
    beginTime: int | UnsetType = UNSET
    endTime: int | UnsetType = UNSET
    text: str


class KeywordMark(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Words that made a label: `length` characters from `index` on of the sentence `id`; `type` is its side."""

    length: int
    index: int
    id: str
    keyword: str
    type: Flag | UnsetType = UNSET
    group: str


class CallTag(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A label on the call; the sides 0 and 1 are the agent and the client.

    `tagType` 0: the quality check, 1: a person; `startTime` in milliseconds; `portraitTypeName` is ours.
    """

    added: Flag
    asrSide: Flag | UnsetType = UNSET
    deleted: Flag
    message: str | UnsetType = UNSET
    name: str
    portraitTypeName: str
    startTime: int | UnsetType = UNSET
    tagSide: Flag | UnsetType = UNSET
    tagType: Flag


class CallDetail(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call and what the quality check knows of it.

    `cdrId`: `userId`-`uniqueId`. `clientName`: the agent. `qcStatus` 2: checked, 3: a person has decided; else absent.
    `businessPriority`, `round` (rounds of the dialogue) are ours.
    """

    id: str
    cdrId: str
    enterpriseId: str
    mainUniqueId: str | UnsetType = UNSET
    clientName: str | UnsetType = UNSET
    cno: str | UnsetType = UNSET
    status: int | UnsetType = UNSET
    callType: int | UnsetType = UNSET
    asr: list[SpokenSentence]
    recordFile: str | UnsetType = UNSET
    statMark: list[KeywordMark]
    qcStatus: Literal[2, 3] | UnsetType = UNSET
    dpTag: list[CallTag]
    businessPriority: str | UnsetType = UNSET
    round: int | UnsetType = UNSET


class CallDetails(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A page of a day's calls, oldest first; `message` is the `scrollId` of the page after it."""

    start: int
    pageNumber: int
    pageSize: int
    data: list[CallDetail]
    totalCount: int
    message: str
    totalPageCount: int


class RecordFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A recording, by the name that was pushed."""

    file: str
    type: Literal["record"] = "record"


class CallRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call record with its labels. `channel_time`: when it happened; `business_priority`, `round` are ours."""

    id: str
    retry: Literal[0] = 0
    agent_name: str | UnsetType = UNSET
    answer_time: int | UnsetType = UNSET
    agent_number: str | UnsetType = UNSET
    account_login_name: str
    bridge_time: int | UnsetType = UNSET
    cdr_type: str | UnsetType = UNSET
    cno: str | UnsetType = UNSET
    call_type: int | UnsetType = UNSET
    channel_time: int
    enterprise_id: str
    end_time: int | UnsetType = UNSET
    end_reason: int | UnsetType = UNSET
    main_unique_id: str | UnsetType = UNSET
    record_file: list[RecordFile] | UnsetType = UNSET
    start_time: int | UnsetType = UNSET
    unique_id: str
    bridge_duration: int | UnsetType = UNSET
    status: int | UnsetType = UNSET
    total_duration: int | UnsetType = UNSET
    hotline: str | UnsetType = UNSET
    number_trunk: str | UnsetType = UNSET
    cdr_source: int | UnsetType = UNSET
    customer_number: str
    customer_number_type: int | UnsetType = UNSET
    customer_area_code: str | UnsetType = UNSET
    customer_province: str | UnsetType = UNSET
    customer_city: str | UnsetType = UNSET
    exten: str | UnsetType = UNSET
    join_queue_time: int | UnsetType = UNSET
    qname: str | UnsetType = UNSET
    qno: str | UnsetType = UNSET
    clid: str | UnsetType = UNSET
    qc_status: Literal[2, 3] | UnsetType = UNSET
    asr_customer: list[MeasuredSentence]
    asr_agent: list[MeasuredSentence]
    stat_mark: list[KeywordMark]
    dp_tag: list[CallTag]
    business_priority: str | UnsetType = UNSET
    round: int | UnsetType = UNSET


class CallRows(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A page of calls, oldest first."""

    totalSize: int
    offset: int
    cdrList: list[CallRow]
    limit: int


class CallDetailAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One call; `result` is its JSON as a text where the caller is the vendor's SDK."""

    result: CallDetail | str
    requestId: str
    message: str


class CallDetailsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a day's calls; `result` is its JSON as a text where the caller is the vendor's SDK."""

    result: CallDetails | str
    requestId: str
    message: str


class CallRowsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of call records; `result` is its JSON as a text where the caller is the vendor's SDK."""

    result: CallRows | str
    requestId: str
    message: str


# ── the queries ───────────────────────────────────────────────────────────────────────────────────────────────────


class Scroll(NamedTuple):
    """Where a scrolled page begins: behind this place, with so many rows before it."""

    after: CallPlace
    start: int


def read_call_detail(pairs: Iterable[tuple[str, str]]) -> CallDetailQuery:
    """The query of `cdrSqcDetails`. Raises InputUnknown, InputMissing, InputInvalid with the parameter's name."""
    given = query.given(pairs, CallDetailQuery.__struct_fields__)
    encrypted = query.once("resultEncrypt", given["resultEncrypt"]) or "false"
    if encrypted.lower() != "false":
        raise InputInvalid(field="resultEncrypt", reason="不支持结果加密,应为 false")
    return CallDetailQuery(
        uniqueId=_required("uniqueId", given["uniqueId"], _UNIQUE_ID_MAX),
        userId=_required("userId", given["userId"], _USER_ID_MAX),
    )


def read_call_details(pairs: Iterable[tuple[str, str]]) -> CallDetailsQuery:
    """The query of `listCdrSqcDetails`. Raises InputUnknown, InputMissing, InputInvalid with the parameter's name."""
    given = query.given(pairs, CallDetailsQuery.__struct_fields__)
    if query.once("qcTime", given["qcTime"]):
        raise InputInvalid(field="qcTime", reason="不支持按质检时间查询")
    return CallDetailsQuery(
        channelTime=_required("channelTime", given["channelTime"], 10),
        scrollId=query.once("scrollId", given["scrollId"]),
        limit=query.integer("limit", given["limit"], at_least=1, at_most=PAGE_MAX, otherwise=PAGE_DEFAULT),
        userId=_text("userId", query.once("userId", given["userId"]), _USER_ID_MAX),
        originDataList=query.once("originDataList", given["originDataList"]),
    )


def read_call_rows(pairs: Iterable[tuple[str, str]]) -> CallRowsQuery:
    """The query of `listCdrsByConditions`. Raises InputUnknown, InputMissing, InputInvalid, InputTooLarge."""
    given = query.given(pairs, CallRowsQuery.__struct_fields__)
    return CallRowsQuery(
        uniqueIdList=query.items("uniqueIdList", given["uniqueIdList"]),
        startChannelTime=_required("startChannelTime", given["startChannelTime"], 19),
        endChannelTime=_required("endChannelTime", given["endChannelTime"], 19),
        offset=query.integer("offset", given["offset"], at_least=0, at_most=OFFSET_MAX, otherwise=0),
        limit=query.integer("limit", given["limit"], at_least=1, at_most=PAGE_MAX, otherwise=PAGE_MAX),
    )


def day(asked: CallDetailsQuery, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to before when the day of `channelTime` lasts. Raises InputInvalid."""
    try:
        begins = date.fromisoformat(asked.channelTime) if _DAY.fullmatch(asked.channelTime) else None
    except ValueError:
        begins = None
    if begins is None or begins.year not in _YEARS:
        raise InputInvalid(field="channelTime", reason="格式应为 yyyy-MM-dd")
    since, until = (datetime.combine(one, time(), zone) for one in (begins, begins + timedelta(days=1)))
    return since.astimezone(UTC), until.astimezone(UTC)


def span(asked: CallRowsQuery, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to before when the calls of a span happened (Rule 1). Raises InputInvalid."""
    since = _moment("startChannelTime", asked.startChannelTime, zone)
    until = _moment("endChannelTime", asked.endChannelTime, zone) + timedelta(seconds=1)
    if not timedelta() < until - since <= SPAN_MAX + timedelta(seconds=1):
        raise InputInvalid(field="endChannelTime", reason="应不早于 startChannelTime,时间段不能超过半年")
    return since, until


def scroll_id(after: CallPlace, start: int) -> str:
    """The place behind a page, as text (Rule 2)."""
    at = (after.at - _EPOCH) // _MICROSECOND
    packed = msgspec.json.encode((at, after.id, after.enterprise, min(start, OFFSET_MAX)))
    return base64.urlsafe_b64encode(packed).decode("ascii")


def scroll(asked: CallDetailsQuery, since: datetime) -> Scroll:
    """The place of a `scrollId`, else of the day's begin. Raises InputInvalid for what is none of ours."""
    if not asked.scrollId:
        return Scroll(CallPlace(since, "", ""), 0)
    try:
        packed = base64.b64decode(asked.scrollId, altchars=b"-_", validate=True)
        told, id_, enterprise, start = msgspec.json.decode(packed, type=_Packed)
        at = _EPOCH + told * _MICROSECOND
    except (ValueError, OverflowError, RecursionError, binascii.Error):
        raise InputInvalid(field="scrollId", reason="不是本接口返回的 scrollId") from None
    if at.year not in _YEARS or "\0" in id_ + enterprise:
        raise InputInvalid(field="scrollId", reason="不是本接口返回的 scrollId")
    return Scroll(CallPlace(at, id_, enterprise), start)


def origin_data(asked: CallDetailsQuery) -> tuple[OriginData, ...]:
    """The fields of `originDataList` (Rule 3). Raises InputInvalid."""
    text = asked.originDataList.strip()
    if not text or text == "[]":
        return ()
    found = tuple(OriginData(name, value) for name, value in _ITEM.findall(text))
    if found:
        return found
    try:
        return msgspec.json.decode(text, type=tuple[OriginData, ...])
    except (ValueError, RecursionError):
        raise InputInvalid(field="originDataList", reason='应为 [{"name":…,"value":…}]') from None


def _required(name: str, values: list[str], most: int) -> str:
    text = _text(name, query.once(name, values), most)
    if not text:
        raise InputMissing(field=name)
    return text


def _text(name: str, text: str, most: int) -> str:
    if len(text) > most or "\0" in text:
        raise InputInvalid(field=name, reason=f"最多 {most} 个字符,不能含有空字符")
    return text


def _moment(name: str, text: str, zone: ZoneInfo) -> datetime:
    try:
        at = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        at = None
    if at is None or at.year not in _YEARS:
        raise InputInvalid(field=name, reason="格式应为 yyyy-MM-dd HH:mm:ss")
    return at.replace(tzinfo=zone).astimezone(UTC)

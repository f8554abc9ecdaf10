"""What a Smartlink server answers, under the names of the vendor's SDK; and what a refusal of it means here.

Takes a `Reply`, gives the typed answer, or raises the `ClientError` that it amounts to. Pure.

Rule 1: a field that did not come, or came as null, is None; a list that did not is empty.
Rule 2: a field that is not known here is passed over, so that the vendor may add some.
Rule 3: `result` of a call's details comes as JSON, or as a text that holds JSON; either is read.
Rule 4: a push that is answered with `failed` is `Declined`; the vendor's words are in `message`.
Rule 5: the vendor's code goes into an error's text, its words do not: they may quote a value.
"""

from __future__ import annotations

import re
from typing import TypeVar, cast

import msgspec
from msgspec import Struct

from huaxiang.client import reading
from huaxiang.client.errors import (
    BY_STATUS,
    ClientError,
    Declined,
    Expired,
    Invalid,
    NotFound,
    NotPermitted,
    ServerFault,
    TooOften,
    Unauthenticated,
    Unexpected,
)
from huaxiang.client.exchange import Reply
from huaxiang.model import Json

Answer = TypeVar("Answer", bound=Struct)
Row = dict[str, Json]
"""A call as the vendor's quality check tells of it: some seventy fields, of which each server has its own choice."""


class PortraitDetail(Struct, kw_only=True):
    """A label on a customer. `qcType` 0: the quality check, 1: a person; `startTime`: the second in the call."""

    added: int = 0
    cdrIds: list[str] = []
    deleted: int = 0
    message: str | None = None
    name: str | None = None
    portraitTypeName: str | None = None
    qcType: int = 0
    startTime: int | None = None


class CustomerPortrait(Struct, kw_only=True):
    """One customer number and its calls. Durations in seconds, `recentlyCallTime` in epoch seconds."""

    id: str | None = None
    retry: int | None = None
    customerNumber: str | None = None
    customerCity: str | None = None
    totalCallCount: int | None = None
    maxCallDuration: int | None = None
    maxRound: int | None = None
    avgRound: float | None = None
    avgCallDuration: float | None = None
    accountLoginName: str | None = None
    cdrIds: list[str] = []
    totalCallDuration: int | None = None
    totalRound: int | None = None
    recentlyCallTime: int | None = None
    portraitDetails: list[PortraitDetail] = []


class CustomerPortraitResponse(Struct, kw_only=True):
    """A page of customer numbers."""

    requestId: str | None = None
    pageNumber: int = 1
    pageSize: int = 0
    totalCount: int = 0
    start: int = 0
    totalPageCount: int = 0
    data: list[CustomerPortrait]


class PushResponse(Struct, kw_only=True):
    """What became of a push: `result` is `success`."""

    requestId: str | None = None
    result: str
    message: str | None = None


class CdrSqcDetailsResponse(Struct, kw_only=True):
    """The quality check of one call."""

    requestId: str | None = None
    result: Row = {}
    message: str | None = None


class ScrolledCdrs(Struct, kw_only=True):
    """Some of a day's calls; `message` is the cursor to the next ones."""

    start: int = 0
    pageNumber: int = 1
    pageSize: int = 0
    totalCount: int = 0
    totalPageCount: int = 0
    data: list[Row] = []
    message: str | None = None


class ListCdrSqcDetailsResponse(Struct, kw_only=True):
    """The quality check of a day's calls, a cursor's length at a time."""

    requestId: str | None = None
    result: ScrolledCdrs = msgspec.field(default_factory=ScrolledCdrs)
    message: str | None = None


class ListedCdrs(Struct, kw_only=True):
    """Some of a span's calls, from `offset` on."""

    totalSize: int = 0
    offset: int = 0
    limit: int = 0
    cdrList: list[Row] = []


class ListCdrsByConditionsResponse(Struct, kw_only=True):
    """The calls of a span of time, with their recordings."""

    requestId: str | None = None
    result: ListedCdrs = msgspec.field(default_factory=ListedCdrs)
    message: str | None = None


class JsonUtils:
    """As in the vendor's document: `JsonUtils.toJsonString(response, True)`."""

    @staticmethod
    def toJsonString(response: Struct, pretty: bool = False) -> str:  # noqa: FBT001, FBT002 - the vendor's demo says it so
        """The answer as JSON, without what did not come; indented where `pretty`."""
        text = msgspec.json.encode(reading.without_nulls(msgspec.to_builtins(response)))
        return (msgspec.json.format(text, indent=2) if pretty else text).decode()


# ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────────

_OK = range(200, 300)
_CODES: dict[str, type[ClientError]] = {
    "AuthFailure": Unauthenticated,
    "MissingAuthenticationToken": Unauthenticated,
    "SignaturesExpired": Expired,
    "UnauthorizedOperation": NotPermitted,
    "InvalidParameter": Invalid,
    "MissingParameter": Invalid,
    "UnknownParameter": Invalid,
    "MissingRequestBody": Invalid,
    "HttpMediaTypeNotSupported": Invalid,
    "ResourceNotFound": NotFound,
    "HttpRequestMethodNotSupported": Unexpected,
    "TooManyRequests": TooOften,
    "InternalError": ServerFault,
}
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
_SUCCESS = "success"


class _Error(Struct):
    code: str = ""
    message: str = ""


class _Refusal(Struct):
    error: _Error
    requestId: str | None = None


def read(kind: type[Answer], reply: Reply) -> Answer:
    """The answer in a reply. Raises the `ClientError` that the reply amounts to."""
    if reply.status not in _OK:
        raise refused(reply)
    return reading.read(kind, reply, _unfolded)


def read_push(reply: Reply) -> PushResponse:
    """What became of a push. Raises `Declined` for a `failed`, and what `read` raises."""
    answer = read(PushResponse, reply)
    if answer.result.lower() != _SUCCESS:
        error = Declined(status=reply.status, request_id=answer.requestId or "")
        error.message = answer.message or ""
        raise error
    return answer


def refused(reply: Reply) -> ClientError:
    """The error that a reply other than the answer amounts to."""
    try:
        refusal = msgspec.json.decode(reply.body, type=_Refusal)
    except (ValueError, RecursionError):
        kind = BY_STATUS.get(reply.status, Unexpected)
        return kind(status=reply.status, reason="the body is no refusal of this API")
    said = refusal.error
    code = said.code if _CODE.fullmatch(said.code) else ""
    kind = _CODES.get(code) or BY_STATUS.get(reply.status, Unexpected)
    error = kind(code=code, status=reply.status, request_id=refusal.requestId or "")
    error.message = said.message
    return error


def _unfolded(answer: Json) -> Json:
    """An answer whose `result` is JSON, and not a text that holds it (Rule 3)."""
    fields = cast("dict[str, Json]", answer) if isinstance(answer, dict) else {}
    result = fields.get("result")
    if isinstance(result, str) and result.lstrip().startswith("{"):
        return {**fields, "result": msgspec.json.decode(result)}
    return cast("Json", answer)

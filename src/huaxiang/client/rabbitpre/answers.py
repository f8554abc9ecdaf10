"""What Rabbitpre answers, under the names of its document; and what a refusal of it means here. Pure.

The vendor says everything with HTTP 200; what a reply amounts to stands in `code`, `errorCode` and `msg`.

Rule 1: the document leaves out a field without a value: here it is None, and a list is empty.
Rule 2: past the rate is known by the documented words (操作频繁), whatever code comes with them.
Rule 3: the vendor's `errorCode` goes into an error's text, its `msg` does not: it may quote a value.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from huaxiang.client import reading
from huaxiang.client.batches import UNWRITABLE, Part
from huaxiang.client.errors import BY_STATUS, ClientError, Declined, Invalid, Unexpected
from huaxiang.client.exchange import Reply
from huaxiang.model import Json

Answer = TypeVar("Answer")


class OpenId(Struct, kw_only=True):
    """One identity of a customer at a platform."""

    openid: str | None = None
    unionid: str | None = None
    fromTo: str | None = None
    appid: str | None = None
    platform: str | None = None
    jcappid: int | None = None
    identityId: str | None = None
    identityType: str | None = None


class Phone(Struct, kw_only=True):
    """A phone; `isVerify` is "1" when the customer has proved to hold it, else "0"."""

    phone: str | None = None
    isVerify: str | None = None


class Account(Struct, kw_only=True):
    """An official account that the customer follows, or once did; the first subscription's time and source."""

    appid: str | None = None
    wechatName: str | None = None
    gzhInteractTime: int | None = None
    firstSubDate: int | None = None
    firstSubSourceCnlType: str | None = None
    firstSubSourceCnl: int | None = None
    firstSubSourceCnlDeptId: int | None = None
    firstSubSourceTaskId: int | None = None


class Window(Struct, kw_only=True):
    """A sum over the last days, and when it last changed (epoch milliseconds)."""

    count: int = 0
    updateTime: int | None = None


class Profile(Struct, kw_only=True):
    """A customer, as the document lays it out. Times in epoch milliseconds; `createTime` of a detail is a text."""

    orgId: str | None = None
    createTime: str | int | None = None
    audienceUserId: int
    openids: list[OpenId] = []
    unionid: str | None = None
    mpAppid: str | None = None
    phoneList: list[Phone] = []
    realName: str | None = None
    sex: int | None = None
    avatar: str | None = None
    wxNickname: str | None = None
    wxCountry: str | None = None
    wxProvince: str | None = None
    wxCity: str | None = None
    province: str | None = None
    city: str | None = None
    lbsProvince: str | None = None
    lbsCity: str | None = None
    addressList: list[Json] = []
    birthday: int | None = None
    remark: str | None = None
    lastActiveTime: int | None = None
    gzhInteractTime: int | None = None
    markFlag: int | None = None
    userType: list[Json] = []
    payFeature: str | None = None
    industry: list[Json] = []
    subWechatList: list[Account] = []
    sourceAudid: int | None = None
    sourceCnl: int | None = None
    sourceCnlName: str | None = None
    sourceCnlDeptId: int | None = None
    sourceCnlDeptName: str | None = None
    sourceCnlType: str | None = None
    sourceAppType: str | None = None
    active: int | None = None
    weekActive: Window | None = None
    monthActive: Window | None = None
    spread: int | None = None
    weekSpread: Window | None = None
    monthSpread: Window | None = None
    phone: str | None = None
    wechatList: list[Account] = []
    thirdId: str | None = None


class TagValue(Struct, kw_only=True):
    """A value of a tag, and its weight."""

    tagValueId: int | None = None
    tagValue: str | None = None
    markCount: int | None = None


class Tag(Struct, kw_only=True):
    """A tag on a customer; `tagTime` in epoch milliseconds."""

    tagId: int | None = None
    execCount: int | None = None
    tagTime: int | None = None
    tagName: str | None = None
    tagType: str | None = None
    execUserCount: int | None = None
    tagValueList: list[TagValue] = []


class Tagged(Struct, kw_only=True):
    """A customer's tags."""

    orgId: str | None = None
    audienceUserId: int
    tagList: list[Tag] = []


class UserIds(Struct, kw_only=True):
    """Some of an enterprise's customers, by id."""

    orgId: str | None = None
    audienceUserIdList: list[int] = []


class RowAnswer(Struct, kw_only=True):
    """What became of a row that was handed over: its place, from 0, and the word for it in `errorCode` and `msg`."""

    index: int
    code: str | None = None
    errorCode: str | None = None
    msg: str | None = None

    @property
    def taken(self) -> bool:
        """Whether it was taken."""
        return str(self.code) == str(_OK) and (self.errorCode or "") in _SUCCESS


class BatchAnswer(Struct, kw_only=True):
    """The answer to a batch. `rows`: each row's own, which a Huaxiang tells and the vendor's document does not."""

    data: Json = None
    rows: list[RowAnswer] = []


class Added(Struct, kw_only=True):
    """What became of the rows that were handed over.

    `taken`: how many were; where a server tells nothing of single rows, all of a batch that it took. `refused`: those
    that were not, by their place among all. `data`: what stands in `data` of each answer, as it came.
    """

    taken: int = 0
    refused: list[RowAnswer] = []
    data: list[Json] = []

    def note(self, part: Part, answer: BatchAnswer | None) -> None:
        """Add what became of a part. Raises `Unexpected` for a row that was not sent."""
        rows = answer.rows if answer else []
        if not all(0 <= row.index < len(part.places) for row in rows):
            raise Unexpected(reason="a row that was not sent")
        refused = [structs.replace(row, index=part.places[row.index]) for row in rows if not row.taken]
        self.taken += len(part.places) - len({row.index for row in refused})
        unwritable = [RowAnswer(index=place, msg=UNWRITABLE) for place in part.unwritable]
        self.refused += sorted((*refused, *unwritable), key=lambda row: row.index)
        self.data += [answer.data] if answer else []


class Tokens(Struct, kw_only=True):
    """A pair of tokens; `expire` is the access token's life in seconds."""

    orgAccessToken: str
    orgRefreshToken: str = ""
    expire: int


# ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Head(Struct):
    code: str | int = ""
    errorCode: str | int | None = ""
    msg: str | None = ""


_OK, _BAD_INPUT, _NOT_YOU, _FORBIDDEN, _TOO_OFTEN, _FAILED, _DECLINED = 200, 400, 401, 403, 429, 500, 422
_SUCCESS = {"SUCCESS", "0", ""}
_TOO_OFTEN_WORDS = "操作频繁"
_CODES = {
    "APPID_SECRET_ERROR": _NOT_YOU,
    "TOKEN_ERROR": _NOT_YOU,
    "PERMISSION_DENIED": _FORBIDDEN,
    "TOO_FREQUENT": _TOO_OFTEN,
    "PARAM_ERROR": _BAD_INPUT,
    "SERVER_ERROR": _FAILED,
}
_KINDS = {**BY_STATUS, _DECLINED: Declined}
_FIELD = re.compile(
    r"(?:缺少参数|参数错误|未知参数|参数超出限制|Content-Type错误):([A-Za-z][A-Za-z0-9_.,[\]]{0,127})(?= |$)", re.ASCII
)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


def status_of(reply: Reply) -> int:
    """What a reply amounts to, as HTTP would say it; 422 for a refusal that the document does not list."""
    head = _head(reply)
    if head is None:
        return reply.status
    if _TOO_OFTEN_WORDS in (head.msg or ""):
        return _TOO_OFTEN
    code = str(head.errorCode or "")
    if str(head.code) == str(_OK) and code in _SUCCESS:
        return reply.status
    return _CODES.get(code, _DECLINED if reply.status == _OK else reply.status)


def read(kind: type[Answer], reply: Reply) -> Answer:
    """The answer in a reply. Raises the `ClientError` that the reply amounts to."""
    status = status_of(reply)
    if status != _OK:
        raise _refused(status, reply)
    return reading.read(kind, reply)


def _refused(status: int, reply: Reply) -> ClientError:
    head, kind = _head(reply), _KINDS.get(status, Unexpected)
    if head is None:
        return kind(status=reply.status, reason="the body is no refusal of this API")
    code = str(head.errorCode or head.code)
    named = _FIELD.match(head.msg or "") if kind is Invalid else None
    field = named[1] if named else ""
    error = kind(code=code if _CODE.fullmatch(code) else "", field=field, status=reply.status)
    error.message = head.msg or ""
    return error


def _head(reply: Reply) -> _Head | None:
    try:
        head = msgspec.json.decode(reply.body, type=_Head)
    except (ValueError, RecursionError):
        return None
    return head if head.code != "" else None

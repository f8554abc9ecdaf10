"""Rabbitpre's wire: its types, its calls as data (`ENDPOINTS`), and how the body of the detail call is read.

The types are the vendor's document, name for name and in its order; every field of a profile may be absent.

Rule 1: an id comes as a JSON number or as a string of digits, and goes out as a number; real ids pass 2^53.
Rule 2: a field that the document does not know is passed over; null stands for an absent one.
Rule 3: at most 1,000 ids over the three lists, and at least one.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from huaxiang.dialects.contract import Endpoint
from huaxiang.errors import InputInvalid, InputMissing, InputTooLarge
from huaxiang.model import Json

MOST_IDS: Final = 1000
ACCESS_TOKEN_SECONDS: Final = 7200
OFFICIAL_ACCOUNT: Final = "gzh"

_LARGEST_INT64 = 2**63 - 1
_MISSING = re.compile(r"Object missing required field `(\w+)`")

Body = TypeVar("Body")

AudienceId = Annotated[int, Meta(ge=1, le=_LARGEST_INT64)] | Annotated[str, Meta(pattern=r"^[0-9]{1,19}$")]
"""A customer's id as asked for: a positive int64, as a number or as its digits."""


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────


class TokenQuery(Struct, frozen=True):
    """The query of `getOrgAccessToken`; the vendor spells the secret so."""

    instanceAppid: Annotated[str, Meta(description="应用实例ID")]
    instanceSecrect: Annotated[str, Meta(description="应用实例密钥")]


class RefreshQuery(Struct, frozen=True):
    """The query of `refreshOrgAccessToken`."""

    orgRefreshToken: Annotated[str, Meta(description="刷新令牌, 有效期14400秒")]


class Tokens(Struct, frozen=True):
    """A pair of tokens; `expire` is the access token's life in seconds."""

    orgAccessToken: str
    orgRefreshToken: str
    expire: int = ACCESS_TOKEN_SECONDS


class TokenAnswer(Struct, frozen=True, kw_only=True):
    """The answer to both token calls."""

    code: str = "200"
    errorCode: str = "0"
    msg: str = "操作成功"
    data: Tokens


# ── audience/detail ───────────────────────────────────────────────────────────────────────────────────────────────


class DetailBody(Struct, frozen=True):
    """The body of the detail call; the three lists may not all be empty."""

    companyId: Annotated[str, Meta(description="第三方平台企业id")] | None = None
    audienceUserIdList: Annotated[list[AudienceId], Meta(max_length=MOST_IDS, description="用户档案ID集合")] | None = (
        None
    )
    thirdIdList: Annotated[list[str], Meta(max_length=MOST_IDS, description="第三方客户ID集合")] | None = None
    phoneList: Annotated[list[str], Meta(max_length=MOST_IDS, description="手机号集合")] | None = None
    instanceAppid: Annotated[str, Meta(description="应用实例ID")] | None = None


class Asked(Struct, frozen=True):
    """What a detail call asks for: ids as numbers, and "" for a company or an app that it does not name."""

    ids: tuple[int, ...]
    third_ids: tuple[str, ...]
    phones: tuple[str, ...]
    company: str
    app: str


class OpenId(Struct, frozen=True):
    """One identity of a customer at a platform."""

    openid: str | UnsetType = UNSET
    unionid: str | UnsetType = UNSET
    fromTo: str | UnsetType = UNSET
    appid: str | UnsetType = UNSET
    platform: str | UnsetType = UNSET
    jcappid: int | UnsetType = UNSET
    identityId: str | UnsetType = UNSET
    identityType: str | UnsetType = UNSET


class Phone(Struct, frozen=True):
    """A phone; `isVerify` is "1" when the customer has proved to hold it, else "0"."""

    phone: str
    isVerify: str


class Followed(Struct, frozen=True):
    """An official account that the customer follows now."""

    appid: str
    wechatName: str | UnsetType = UNSET


class EverFollowed(Struct, frozen=True):
    """An official account that the customer followed once, with the first subscription's time and source."""

    appid: str
    wechatName: str | UnsetType = UNSET
    gzhInteractTime: int | UnsetType = UNSET
    firstSubDate: int | UnsetType = UNSET
    firstSubSourceCnlType: str | UnsetType = UNSET
    firstSubSourceCnl: int | UnsetType = UNSET
    firstSubSourceCnlDeptId: int | UnsetType = UNSET
    firstSubSourceTaskId: int | UnsetType = UNSET


class Window(Struct, frozen=True):
    """A sum over the last days, today included, and when it last changed (epoch milliseconds)."""

    count: int
    updateTime: int


class Profile(Struct, frozen=True, kw_only=True):
    """A customer, as the document lays it out."""

    orgId: str
    createTime: str
    audienceUserId: int
    openids: list[OpenId] | UnsetType = UNSET
    unionid: str | UnsetType = UNSET
    mpAppid: str | UnsetType = UNSET
    phoneList: list[Phone] | UnsetType = UNSET
    realName: str | UnsetType = UNSET
    sex: int | UnsetType = UNSET
    avatar: str | UnsetType = UNSET
    wxNickname: str | UnsetType = UNSET
    wxCountry: str | UnsetType = UNSET
    wxProvince: str | UnsetType = UNSET
    wxCity: str | UnsetType = UNSET
    province: str | UnsetType = UNSET
    city: str | UnsetType = UNSET
    lbsProvince: str | UnsetType = UNSET
    lbsCity: str | UnsetType = UNSET
    addressList: list[dict[str, Json]] | UnsetType = UNSET
    birthday: int | UnsetType = UNSET
    remark: str | UnsetType = UNSET
    lastActiveTime: int | UnsetType = UNSET
    gzhInteractTime: int | UnsetType = UNSET
    markFlag: int | UnsetType = UNSET
    userType: list[str] | UnsetType = UNSET
    payFeature: str | UnsetType = UNSET
    industry: list[str] | UnsetType = UNSET
    subWechatList: list[Followed] | UnsetType = UNSET
    sourceAudid: int | UnsetType = UNSET
    sourceCnl: int | UnsetType = UNSET
    sourceCnlName: str | UnsetType = UNSET
    sourceCnlDeptId: int | UnsetType = UNSET
    sourceCnlDeptName: str | UnsetType = UNSET
    sourceCnlType: str | UnsetType = UNSET
    sourceAppType: str | UnsetType = UNSET
    active: int
    weekActive: Window
    monthActive: Window
    spread: int
    weekSpread: Window
    monthSpread: Window
    phone: str | UnsetType = UNSET
    wechatList: list[EverFollowed] | UnsetType = UNSET
    thirdId: str | UnsetType = UNSET


class DetailAnswer(Struct, frozen=True, kw_only=True):
    """Each matching customer once, in the order first asked for."""

    code: str = "200"
    errorCode: str = "SUCCESS"
    msg: str = "ok"
    data: list[Profile]


class Refusal(Struct, frozen=True):
    """The answer to whatever is refused."""

    code: str
    errorCode: str
    msg: str


_body = msgspec.json.Decoder(DetailBody)


def read_detail(body: bytes) -> Asked:
    """What the body of a detail call asks for.

    Raises `InputInvalid` for what is no JSON object or of a bad type (the field by its JSON path), `InputMissing` when
    all three lists are empty, `InputTooLarge` past 1,000 ids.
    """
    asked = decoded(_body, body, most=MOST_IDS)
    ids = whole(asked.audienceUserIdList or [])
    third_ids, phones = tuple(asked.thirdIdList or ()), tuple(asked.phoneList or ())
    count = len(ids) + len(third_ids) + len(phones)
    if count == 0:
        raise InputMissing(field="audienceUserIdList,thirdIdList,phoneList", reason="不能同时为空")
    if count > MOST_IDS:
        raise InputTooLarge(field="audienceUserIdList,thirdIdList,phoneList", reason=f"合计最多{MOST_IDS}个")
    return Asked(ids, third_ids, phones, asked.companyId or "", asked.instanceAppid or "")


def decoded(decoder: msgspec.json.Decoder[Body], body: bytes, *, most: int = 0) -> Body:
    """A body of JSON, read; `most`: what its lists may hold.

    Raises `InputInvalid` for what is no JSON, or of a bad type (the field by its JSON path), `InputTooLarge` for a list
    that is too long, `InputMissing` for an absent field, or a list that may not be empty.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        said = str(error)
        if missing := _MISSING.match(said):
            raise InputMissing(field=missing[1]) from None
        if "of length <=" in said:
            raise InputTooLarge(field=_place(said), reason=f"最多{most}个") from None
        if "of length >=" in said:
            raise InputMissing(field=_place(said), reason="不能为空") from None
        raise InputInvalid(field=_place(said), reason="类型或取值不正确") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputInvalid(field="body", reason="不是合法的JSON") from None


def whole(ids: list[int | str]) -> tuple[int, ...]:
    """Ids as numbers. Raises `InputInvalid`."""
    numbers = tuple(int(one) for one in ids)
    for place, number in enumerate(numbers):
        if not 1 <= number <= _LARGEST_INT64:
            raise InputInvalid(field=f"audienceUserIdList[{place}]", reason="类型或取值不正确")
    return numbers


def _place(message: str) -> str:
    """The JSON path in a message of the decoder, without its root; `body` where the whole is at fault."""
    _, _, path = message.partition(" - at `")
    return path.removesuffix("`").removeprefix("$").removeprefix(".") or "body"


# ── the calls ─────────────────────────────────────────────────────────────────────────────────────────────────────

STATUSES: Final = (200, 500)

ACCESS_TOKEN: Final = Endpoint(
    method="GET",
    path="/api/open/app/getOrgAccessToken",
    title="获取访问令牌",
    summary="A pair of tokens for an app and its secret",
    auth="none",
    query=TokenQuery,
    answer=TokenAnswer,
    refusal=Refusal,
    statuses=STATUSES,
)
REFRESH_TOKEN: Final = Endpoint(
    method="GET",
    path="/api/open/app/refreshOrgAccessToken",
    title="刷新访问令牌",
    summary="A new pair of tokens for a refresh token",
    auth="none",
    query=RefreshQuery,
    answer=TokenAnswer,
    refusal=Refusal,
    statuses=STATUSES,
)
DETAIL: Final = Endpoint(
    method="POST",
    path="/api/open/api/audience/detail",
    title="获取客户详情",
    summary="Customers by their ids, third-party ids or phones",
    auth="x-token",
    body=DetailBody,
    answer=DetailAnswer,
    refusal=Refusal,
    statuses=STATUSES,
)
ENDPOINTS: Final = (ACCESS_TOKEN, REFRESH_TOKEN, DETAIL)

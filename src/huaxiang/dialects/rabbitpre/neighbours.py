"""The calls beside `audience/detail`, as data: reads of ids and tags, and the ways in; and how their inputs are read.

Rule 1: an id comes as a JSON number or as its digits, and goes out as a number, as in the detail call.
Rule 2: a batch has 1 to 500 rows. The batch is refused where it is none; a row, by itself.
Rule 3: what `publicParams` says of matching and importing is taken, but for `identifyWay`, which orders identities.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.rabbitpre.wire import MOST_IDS, STATUSES, AudienceId, Profile, Refusal, decoded, whole
from huaxiang.errors import InputInvalid, InputMissing, InputTooLarge
from huaxiang.model import Json

MOST_USER_IDS: Final = 10_000
MOST_ROWS: Final = 500

_LARGEST_INT64: Final = 2**63 - 1
_WRONG: Final = "类型或取值不正确"


# ── reads ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class InfoBody(Struct, frozen=True):
    """Who is asked for: by phone, by openid, or a customer that has both."""

    companyId: Annotated[str, Meta(description="第三方平台企业id")] | None = None
    phone: Annotated[str, Meta(description="手机号")] | None = None
    openid: Annotated[str, Meta(description="openid")] | None = None


def _as_in_info(name: str, of: Any) -> tuple[str, Any, Any]:  # noqa: ANN401 (types as data)
    """A field of the detail call as this call has it: here the creation's time is in epoch milliseconds."""
    field = next(one for one in msgspec.structs.fields(of) if one.name == name)
    kind = int if name == "createTime" else field.type
    return (name, kind) if field.required else (name, kind, field.default)  # type: ignore[return-value] (or a pair)


Info: Final = msgspec.defstruct(
    "Info",
    [*(_as_in_info(name, Profile) for name in Profile.__struct_fields__), ("openid", str | UnsetType, UNSET)],
    namespace={"__doc__": "A customer as in the detail call, with its newest openid; `createTime` in epoch ms."},
    module=__name__,
    frozen=True,
    kw_only=True,
)


class InfoAnswer(Struct, frozen=True, kw_only=True):
    """The customer, or null where nobody is meant."""

    code: str = "200"
    errorCode: str = "SUCCESS"
    msg: str = "ok"
    data: Info | None  # type: ignore[valid-type] (made above, field by field from the detail call's)


class UserIdsQuery(Struct, frozen=True):
    """Which page of ids."""

    audienceUserId: Annotated[AudienceId, Meta(description="从该客户ID之后开始, 首次不传")] | None = None
    size: Annotated[int, Meta(ge=1, le=MOST_USER_IDS, description="数量, 默认10000")] = MOST_USER_IDS
    companyId: Annotated[str, Meta(description="第三方平台企业id")] | None = None


class UserIds(Struct, frozen=True, kw_only=True):
    """Ids, ascending."""

    orgId: str
    audienceUserIdList: list[int]


class UserIdsAnswer(Struct, frozen=True, kw_only=True):
    """A page of ids; an empty one is the end."""

    code: str = "200"
    errorCode: str = "SUCCESS"
    msg: str = "ok"
    data: UserIds


class TagsQuery(Struct, frozen=True):
    """Whose tags."""

    audienceUserId: Annotated[AudienceId, Meta(description="客户ID")]
    companyId: Annotated[str, Meta(description="第三方平台企业id")] | None = None


class TagsBody(Struct, frozen=True):
    """Whose tags, of many."""

    audienceUserIdList: Annotated[list[AudienceId], Meta(min_length=1, max_length=MOST_IDS, description="客户ID集合")]
    companyId: Annotated[str, Meta(description="第三方平台企业id")] | None = None


class TagValue(Struct, frozen=True, kw_only=True):
    """A value of a tag, and its weight."""

    tagValueId: int | UnsetType = UNSET
    tagValue: str
    markCount: int | UnsetType = UNSET


class Tag(Struct, frozen=True, kw_only=True):
    """A tag on a customer; `tagTime`: of its newest word, in epoch milliseconds."""

    tagId: int | UnsetType = UNSET
    execCount: int | UnsetType = UNSET
    tagTime: int
    tagName: str
    tagType: str | UnsetType = UNSET
    execUserCount: int | UnsetType = UNSET
    tagValueList: list[TagValue] | UnsetType = UNSET


class Tagged(Struct, frozen=True, kw_only=True):
    """A customer's tags, newest first, then by name; the values of one by their text."""

    orgId: str
    audienceUserId: int
    tagList: list[Tag]


class TagsAnswer(Struct, frozen=True, kw_only=True):
    """One customer's tags; null where nobody has the id."""

    code: str = "200"
    errorCode: str = "SUCCESS"
    msg: str = "ok"
    data: Tagged | None


class TagsOfAnswer(Struct, frozen=True, kw_only=True):
    """Each customer once, in the order first asked for; an unknown one is left out."""

    code: str = "200"
    errorCode: str = "SUCCESS"
    msg: str = "ok"
    data: list[Tagged]


# ── the ways in ───────────────────────────────────────────────────────────────────────────────────────────────────


class PublicParams(Struct, frozen=True):
    """What holds for all rows of a batch."""

    isMatching: Annotated[bool, Meta(description="是否进行匹配")] | None = None
    matchingType: Annotated[int, Meta(description="1 精准匹配, 2 模糊匹配")] | None = None
    identifyWay: (
        Annotated[Literal[1, 2], Meta(description="1 unionid>openid>手机号>客户ID, 2 手机号>unionid>openid>客户ID")]
        | None
    ) = None
    importMode: Annotated[int, Meta(description="1 完全导入, 2 不完全导入")] | None = None


class TagParams(PublicParams, frozen=True):
    """The same of tags."""

    optType: Annotated[Literal["add", "delete"], Meta(description="add 新增, delete 删除")] | None = None


Rows = Annotated[list[dict[str, Json]], Meta(min_length=1, max_length=MOST_ROWS, description="每次最大500条")]


class BatchBody(Struct, frozen=True):
    """Profiles or events: rows of `rabbitpre.profile`, of `rabbitpre.event`."""

    data: Rows
    publicParams: PublicParams | None = None


class TagBatchBody(Struct, frozen=True):
    """Rows of `rabbitpre.tag`."""

    data: Rows
    publicParams: TagParams | None = None


class RowAnswer(Struct, frozen=True):
    """What became of a row: its place in `data`, from 0, and the word for it."""

    index: int
    code: str
    errorCode: str
    msg: str


class BatchAnswer(Struct, frozen=True, kw_only=True):
    """A batch that was read: how many rows were taken, and what became of each, in its order."""

    code: str = "200"
    errorCode: str = "SUCCESS"
    msg: str = "ok"
    data: int
    rows: list[RowAnswer]


# ── what apps are told ────────────────────────────────────────────────────────────────────────────────────────────


class ChangeTag(Struct, frozen=True, kw_only=True):
    """What an app is told when a customer's tags have changed: all of them, as they stand when it is sent.

    `createTime`: when the change was seen, in epoch milliseconds. `notifyId`: the same however often it is sent.
    `thirdCompanyId`: the sub-enterprise, if the app is told as one. Source: the vendor's document of `changeTag`, and,
    for the last three, of its other callbacks.
    """

    orgId: str
    createTime: int
    msgType: str = "event"
    event: str = "changeTag"
    changeType: str = "update"
    audienceUserId: int
    taglist: list[Tag]
    notifyId: str
    instanceAppId: str
    thirdCompanyId: str | UnsetType = UNSET


# ── how inputs are read ───────────────────────────────────────────────────────────────────────────────────────────

_info = msgspec.json.Decoder(InfoBody)
_tags = msgspec.json.Decoder(TagsBody)
_batch = msgspec.json.Decoder(BatchBody)
_tag_batch = msgspec.json.Decoder(TagBatchBody)


def read_info(body: bytes) -> InfoBody:
    """Who is asked for. Raises `InputInvalid`, and `InputMissing` where neither phone nor openid is given."""
    asked = decoded(_info, body)
    if not asked.phone and not asked.openid:
        raise InputMissing(field="phone,openid", reason="不能同时为空")
    return asked


def read_user_ids(query: bytes) -> tuple[int, int, str]:
    """After which id, 0 for the first page, how many, and of which company. Raises `InputInvalid`, `InputTooLarge`."""
    asked = _pairs(query)
    after, size = asked.get("audienceUserId", ""), asked.get("size", "")
    count = _number("size", size) if size else MOST_USER_IDS
    if count > MOST_USER_IDS:
        raise InputTooLarge(field="size", reason=f"最多{MOST_USER_IDS}个")
    return (_number("audienceUserId", after) if after else 0), count, asked.get("companyId", "")


def read_tags(query: bytes) -> tuple[int, str]:
    """Whose tags, and in which company. Raises `InputMissing`, `InputInvalid`."""
    pairs = _pairs(query)
    asked = pairs.get("audienceUserId", "")
    if not asked:
        raise InputMissing(field="audienceUserId")
    return _number("audienceUserId", asked), pairs.get("companyId", "")


def read_tags_of(body: bytes) -> tuple[tuple[int, ...], str]:
    """Whose tags, 1,000 at most, and in which company. Raises `InputMissing`, `InputInvalid`, `InputTooLarge`."""
    asked = decoded(_tags, body, most=MOST_IDS)
    return whole(asked.audienceUserIdList), asked.companyId or ""


def read_batch(body: bytes) -> list[dict[str, Json]]:
    """The rows of a batch of profiles or events, each with what holds for all. Raises as `decoded` does."""
    batch = decoded(_batch, body, most=MOST_ROWS)
    return _with_order(batch.data, batch.publicParams)


def read_tag_batch(body: bytes) -> list[dict[str, Json]]:
    """The rows of a batch of tags, each with what holds for all. Raises as `decoded` does."""
    batch = decoded(_tag_batch, body, most=MOST_ROWS)
    rows = _with_order(batch.data, batch.publicParams)
    way = batch.publicParams.optType if batch.publicParams else None
    return [{"optType": way, **row} for row in rows] if way else rows


def _with_order(rows: list[dict[str, Json]], params: PublicParams | None) -> list[dict[str, Json]]:
    if params is None or params.identifyWay is None:
        return rows
    order = "unionid" if params.identifyWay == 1 else "phone"
    return [{"matchOrder": order, **row} for row in rows]


def _pairs(query: bytes) -> dict[str, str]:
    """The query's parameters; of a repeated one the first."""
    return dict(reversed(parse_qsl(query.decode("latin-1"), keep_blank_values=True)))


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST_INT64))):
        raise InputInvalid(field=name, reason=_WRONG)
    if not 1 <= int(text) <= _LARGEST_INT64:
        raise InputInvalid(field=name, reason=_WRONG)
    return int(text)


# ── the calls ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _call(method: Literal["GET", "POST"], path: str, title: str, summary: str, **types: Any) -> Endpoint:  # noqa: ANN401
    """A call with a token; `types` are the endpoint's `query` or `body`, and `answer`."""
    return Endpoint(
        method=method,
        path=f"/api/open{path}",
        title=title,
        summary=summary,
        auth="x-token",
        refusal=Refusal,
        statuses=STATUSES,
        **types,
    )


INFO: Final = _call(
    "POST",
    "/api/audience/getInfoByPhoneAndOpenid",
    "根据手机号和openid获取客户信息",
    "The customer of a phone, of an openid, or of both",
    body=InfoBody,
    answer=InfoAnswer,
)
USER_IDS: Final = _call(
    "GET",
    "/api/audience/user/id/list",
    "获取客户列表",
    "All customers by their ids, a page at a time",
    query=UserIdsQuery,
    answer=UserIdsAnswer,
)
TAGS: Final = _call(
    "GET",
    "/api/audience/user/tag/list",
    "获取客户所打标签",
    "A customer's tags",
    query=TagsQuery,
    answer=TagsAnswer,
)
TAGS_OF: Final = _call(
    "POST",
    "/api/audience/user/tag/batchlist",
    "批量获取客户所打标签",
    "The tags of many customers",
    body=TagsBody,
    answer=TagsOfAnswer,
)
ADD_PROFILES: Final = _call(
    "POST",
    "/audience/info/v2/batchAdd",
    "导入用户资料",
    "Profiles in, each row answered for itself",
    body=BatchBody,
    answer=BatchAnswer,
)
ADD_EVENTS: Final = _call(
    "POST",
    "/api/integrate/event/batchAdd",
    "导入行为事件",
    "Events in, each row answered for itself",
    body=BatchBody,
    answer=BatchAnswer,
)
ADD_TAGS: Final = _call(
    "POST",
    "/api/integrate/audience/tag/v2/batchAdd",
    "导入用户标签",
    "Tags put on customers, or taken off, each row answered for itself",
    body=TagBatchBody,
    answer=BatchAnswer,
)
ENDPOINTS: Final = (INFO, USER_IDS, TAGS, TAGS_OF, ADD_PROFILES, ADD_EVENTS, ADD_TAGS)

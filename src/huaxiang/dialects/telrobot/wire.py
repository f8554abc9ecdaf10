"""Telrobot's wire: the answers' types in the document's order, the endpoints as data, and derived ids.

Takes and gives plain values; the server, the client, the docs and the tests share it.

Rule 1: an answer is `{code, status, message, data}`; a refusal is the same with `data: []`, and for a failed validation
        `message` is an object {field: [reasons]}.
Rule 2: a customer without a CRM record has an id that is derived from its number and can be read back (`derived_id`,
        `number_of`), so that no table of ids is needed; a tag tells them from ids of another tenant and ids made up.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from huaxiang.dialects.contract import Endpoint
from huaxiang.model import Json

Time = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$",
        description="yyyy-MM-dd HH:mm:ss in the account's time zone",
        examples=["2023-09-21 11:23:12"],
    ),
]
Account = Annotated[str, Meta(description="an account's uuid", examples=["4fab5764-63c4-4d36-b4ef-1dcb670df629"])]
Flag = Annotated[int, Meta(ge=0, le=1)]
Fee = Annotated[str, Meta(pattern=r"^-?\d+\.\d{2}$", description="a decimal with two places", examples=["0.00"])]


class ComponentData(msgspec.Struct, frozen=True):
    """What one customer has in one custom field."""

    customer_id: UUID
    component_id: UUID
    value: Json


class Component(msgspec.Struct, frozen=True):
    """A custom field of the account: its definition, and `data`, null where the customer has it not filled in.

    `type` is text, date or number; `validate` holds names of rules (`required`, `integer`, `date`, `sometimes`).
    """

    id: UUID
    user_id: Account
    name: str
    type: str
    sort: int
    validate: tuple[str, ...]
    status: bool
    warehouse_id: int
    created_at: Time | None
    updated_at: Time | None
    data: ComponentData | None


class Detail(msgspec.Struct, frozen=True):
    """A customer as an account sees it.

    `is_back`: 1 when returned to the public pool. `sort` is always 0. `operator`: the number's carrier, 1 电信, 2 联通,
    3 移动, 0 unknown. `flow`: the stage, 0 the pool. `extra`: an opaque mark of a third party. `sex`: 0 unknown,
    1 male, 2 female. `unfollow_back_at`, `unsettled_back_at`: when it goes back to the pool, unless it is followed,
    or closed, before.
    """

    id: UUID
    user_id: Account
    created_user_id: Account
    phone: str | None
    company: str | None
    email: str | None
    is_back: Flag
    source_id: int
    industry_id: int
    grade_id: int
    name: str | None
    sort: int
    created_at: Time
    updated_at: Time
    inputted_at: Time
    viewed_at: Time | None
    province_id: int
    city_id: int
    operator: Annotated[int, Meta(ge=0)]
    flow: int
    extra: Json
    sex: Annotated[int, Meta(ge=0, le=2)]
    expect_transaction_at: Time | None
    expect_transaction_fee: Fee
    unfollow_back_at: Time | None
    unsettled_back_at: Time | None
    followed_at: Time | None
    components: tuple[Component, ...]


class DetailAnswer(msgspec.Struct, frozen=True):
    """The answer of `customer/detail`."""

    code: Literal[200]
    status: Literal["success"]
    message: str
    data: Detail


class Pages(msgspec.Struct, frozen=True):
    """Where in a list a page is. `has_pages`: there is more than one."""

    has_pages: bool
    total: int
    last_page: int
    current_page: int
    per_page: int


class ListAnswer(msgspec.Struct, frozen=True):
    """The answer of `get_customer`: each customer as `customer/detail` has it."""

    code: Literal[200]
    status: Literal["success"]
    message: str
    meta: Pages
    data: tuple[Detail, ...]


class Template(msgspec.Struct, frozen=True):
    """A custom field to be filled in: its id, and what may be written there."""

    id: UUID
    name: str
    type: str
    sort: int
    validate: tuple[str, ...]


class TemplateAnswer(msgspec.Struct, frozen=True):
    """The answer of `customer/create`, in `sort` order."""

    code: Literal[200]
    status: Literal["success"]
    message: str
    data: tuple[Template, ...]


class Landed(msgspec.Struct, frozen=True):
    """What became of one row: `row` counts from 0. `id`: of the record. `message`: a sentence, or the reasons."""

    row: int
    id: UUID | None
    status: Literal["success", "error"]
    message: str | dict[str, list[str]]


class LandedAnswer(msgspec.Struct, frozen=True):
    """The answer of `async_customer`: one for each row, in their order."""

    code: Literal[200]
    status: Literal["success"]
    message: str
    data: tuple[Landed, ...]


class Deleted(msgspec.Struct, frozen=True):
    """How many customers, or custom fields, were deleted."""

    deleted: int


class DeletedAnswer(msgspec.Struct, frozen=True):
    """The answer of a call that deletes."""

    code: Literal[200]
    status: Literal["success"]
    message: str
    data: Deleted


class ComponentAnswer(msgspec.Struct, frozen=True):
    """The answer of `component`: the field as it is now; `data` in it is null."""

    code: Literal[200]
    status: Literal["success"]
    message: str
    data: Component


class TokenState(msgspec.Struct, frozen=True):
    """What a token is good for: its account, and when it expires (null: not until it is revoked)."""

    user_id: UUID
    expired_at: Time | None = None


class TokenAnswer(msgspec.Struct, frozen=True):
    """The answer of `token`."""

    code: Literal[200]
    status: Literal["success"]
    message: str
    data: TokenState


class Refusal(msgspec.Struct, frozen=True):
    """Any refusal. `message` is a sentence, or for a failed validation {field: [reasons]}."""

    code: int
    status: Literal["error"]
    message: str | dict[str, list[str]]
    data: Annotated[list[Json], Meta(max_length=0)]


# ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────────

MOST_ROWS = 200
MOST_DELETED = 100
MOST_A_PAGE = 100
Rule = Literal["required", "integer", "date", "sometimes"]
Day = Annotated[str, Meta(description="yyyy-MM-dd HH:mm:ss, or a day alone", examples=["2023-09-21 11:23:12"])]
Line = Annotated[str, Meta(max_length=4096)]


class ListQuery(msgspec.Struct, frozen=True):
    """Which customers. An empty filter is none; `encryption` can only be false.

    Lists as PHP writes them (`operator[0]=1`), or in one parameter: `components` as JSON, the others between commas.
    The same may stand in a body of JSON. `company`: a part of it. `components`: [{`id`, `value`}], all of which hold.
    """

    page: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1
    per_page: Annotated[int, Meta(ge=1, le=MOST_A_PAGE)] = 15
    components: str | None = None
    phone: str | None = None
    email: str | None = None
    company: str | None = None
    created_at: Annotated[tuple[Day, ...], Meta(max_length=2)] = ()
    operator: Annotated[tuple[Literal[1, 2, 3], ...], Meta(max_length=3)] = ()
    encryption: Literal["false", "0"] | None = None


class StageQuery(ListQuery, frozen=True):
    """The same, and of which sexes (0 unknown, 1 male, 2 female), and whether somebody has followed them up (1) or not.

    `type` in the path: `clue` 线索, held and not closed; `deal` 成交, held and closed; `own`, both; `pool` 公海, in the
    public pool, whichever account held it.
    """

    sex: Annotated[tuple[Literal[0, 1, 2], ...], Meta(max_length=3)] = ()
    is_follow: Literal["0", "1"] | None = None


class Filled(msgspec.Struct, frozen=True):
    """A value for a custom field."""

    id: UUID
    value: Json = None


class Row(msgspec.Struct, frozen=True):
    """A customer to be kept, whole: what a row leaves out, the record has not. `sort`: 0.

    `extra`: an opaque mark of a third party. `sub_user_id`: whose it is, the account in the path unless said. `sex`: 0
    unknown, 1 male, 2 female.
    """

    phone: Annotated[str, Meta(max_length=256)]
    sort: int
    name: Line | None = None
    email: Annotated[str, Meta(max_length=256)] | None = None
    company: Line | None = None
    sex: Annotated[int, Meta(ge=0, le=2)] | None = None
    source_id: int | None = None
    industry_id: int | None = None
    grade_id: int | None = None
    extra: Json = None
    sub_user_id: str | None = None
    components: Annotated[tuple[Filled, ...], Meta(max_length=1000)] | None = None


class AddBody(msgspec.Struct, frozen=True):
    """The body of `async_customer`. `sub_user_id`: whose the rows are that do not say it."""

    data: Annotated[tuple[Row, ...], Meta(max_length=MOST_ROWS)]
    sub_user_id: str | None = None
    encryption: Literal[False] | None = None


class DeleteBody(msgspec.Struct, frozen=True):
    """Whom to delete: of these phones, and created in this span, ends included. Neither given: nobody."""

    phone: Annotated[tuple[Annotated[str, Meta(max_length=256)], ...], Meta(max_length=MOST_DELETED)] | None = None
    created_at: Annotated[tuple[Day, ...], Meta(max_length=2)] | None = None


class FieldBody(msgspec.Struct, frozen=True):
    """A custom field to be made. `validate`: names of rules, applied whenever a value is written."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    type: Literal["text", "date", "number"] = "text"
    sort: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    validate: Annotated[tuple[Rule, ...], Meta(max_length=4)] = ()
    status: bool = True


class FieldsBody(msgspec.Struct, frozen=True):
    """Which custom fields to delete. One that is none of the account's, or was deleted before, is passed over."""

    deletes: Annotated[tuple[UUID, ...], Meta(max_length=MOST_DELETED)]


class FieldChange(msgspec.Struct, frozen=True):
    """What to change of a custom field; null, and what is left out, stay."""

    name: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    type: Literal["text", "date", "number"] | None = None
    sort: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    validate: Annotated[tuple[Rule, ...], Meta(max_length=4)] | None = None
    status: bool | None = None


DETAIL = Endpoint(
    method="GET",
    path="/agent-api/user/{user_id}/customer/detail/{customer_id}",
    title="查看客户详情",
    summary="A customer's CRM record with the account's custom fields",
    auth="bearer",
    answer=DetailAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 422, 429, 500, 503),
)
TOKEN = Endpoint(
    method="GET",
    path="/agent-api/token",
    title="查看token有效期",
    summary="Whether the token is valid, for which account, and until when",
    auth="bearer",
    answer=TokenAnswer,
    refusal=Refusal,
    statuses=(401, 422, 429, 500, 503),
)
LIST = Endpoint(
    method="GET",
    path="/agent-api/user/{user_id}/get_customer",
    title="客户公海筛选",
    summary="The account's CRM records by the page, newest first",
    auth="bearer",
    query=ListQuery,
    answer=ListAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 422, 429, 500, 503),
)
STAGE = Endpoint(
    method="GET",
    path="/agent-api/user/{user_id}/type/{type}/get_customer",
    title="客户公海(线索阶段)筛选",
    summary="CRM records at one stage (clue, deal, own, pool) by the page, newest first",
    auth="bearer",
    query=StageQuery,
    answer=ListAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 422, 429, 500, 503),
)
TEMPLATE = Endpoint(
    method="GET",
    path="/agent-api/user/{user_id}/customer/create",
    title="公海创建模板",
    summary="The account's custom fields, to be filled in",
    auth="bearer",
    answer=TemplateAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 422, 429, 500, 503),
)
ADD = Endpoint(
    method="POST",
    path="/agent-api/user/{user_id}/async_customer",
    title="批量导入客户公海",
    summary="Customers in: at most 200 rows, each answered for itself",
    auth="bearer",
    body=AddBody,
    answer=LandedAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 415, 422, 429, 500, 503),
)
DELETE = Endpoint(
    method="DELETE",
    path="/agent-api/user/{user_id}/del_customer",
    title="删除客户公海",
    summary="Delete customers, by phone, by the time they were created, or both",
    auth="bearer",
    body=DeleteBody,
    answer=DeletedAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 415, 422, 429, 500, 503),
)
MAKE_FIELD = Endpoint(
    method="POST",
    path="/agent-api/user/{user_id}/component",
    title="公海组件创建",
    summary="Make a custom field",
    auth="bearer",
    body=FieldBody,
    answer=ComponentAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 415, 422, 429, 500, 503),
)
CHANGE_FIELD = Endpoint(
    method="PUT",
    path="/agent-api/user/{user_id}/component/{id}",
    title="公海组件修改",
    summary="Change a custom field",
    auth="bearer",
    body=FieldChange,
    answer=ComponentAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 415, 422, 429, 500, 503),
)
DELETE_FIELDS = Endpoint(
    method="DELETE",
    path="/agent-api/user/{user_id}/component",
    title="公海组件删除",
    summary="Delete custom fields: they are served no more, and what customers have in them stays known",
    auth="bearer",
    body=FieldsBody,
    answer=DeletedAnswer,
    refusal=Refusal,
    statuses=(401, 403, 404, 415, 422, 429, 500, 503),
)
ENDPOINTS: tuple[Endpoint, ...] = (
    DETAIL,
    LIST,
    STAGE,
    TEMPLATE,
    ADD,
    DELETE,
    MAKE_FIELD,
    CHANGE_FIELD,
    DELETE_FIELDS,
    TOKEN,
)


# ── ids of customers that have no CRM record ─────────────────────────────────────────────────────────────────────

# A version 8 uuid has 122 free bits: 64 carry the number, 58 a tag that only the tenant's key can make.
_NUMBER_BITS = 64
_TAG_BITS = 58
_PERSON = b"telrobot.id"


def derived_id(tenant_key: bytes, number: int) -> UUID:
    """The uuid under which a customer without a CRM record answers: `number` (0 to 2^63 - 1), and a keyed tag.

    The same for the same key and number, always; `number_of` reads it back.
    """
    free = (number << _TAG_BITS) | _tag(tenant_key, number)
    return UUID(int=(free >> 74) << 80 | 8 << 76 | (free >> 62 & 0xFFF) << 64 | 2 << 62 | free & (1 << 62) - 1)


def number_of(tenant_key: bytes, id: UUID) -> int | None:  # noqa: A002 (an id is called id, here as on the wire)
    """The number that `derived_id` put into this uuid with this key; None for any other uuid."""
    value = id.int
    if value >> 76 & 0xF != 8 or value >> 62 & 0b11 != 0b10:  # noqa: PLR2004 (version 8, variant of RFC 9562)
        return None
    free = (value >> 80) << 74 | (value >> 64 & 0xFFF) << 62 | value & (1 << 62) - 1
    number = free >> _TAG_BITS
    expected = _tag(tenant_key, number).to_bytes(8, "big")
    given = (free & (1 << _TAG_BITS) - 1).to_bytes(8, "big")
    return number if number < 1 << 63 and hmac.compare_digest(expected, given) else None


def _tag(tenant_key: bytes, number: int) -> int:
    digest = blake2b(number.to_bytes(_NUMBER_BITS // 8, "big"), digest_size=8, key=tenant_key, person=_PERSON)
    return int.from_bytes(digest.digest(), "big") >> (64 - _TAG_BITS)

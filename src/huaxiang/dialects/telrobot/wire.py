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
ENDPOINTS: tuple[Endpoint, ...] = (DETAIL, TOKEN)


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

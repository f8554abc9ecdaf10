"""What is handed over to Telrobot, under the names of its document. Pure.

A row may as well be an object of JSON with the same fields; what a row leaves out, or has None, the record has not.

Rule 1: times are `yyyy-MM-dd HH:mm:ss` in the time zone of the account.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypedDict
from uuid import UUID

from msgspec import Struct

from huaxiang.model import Json

FieldType: TypeAlias = Literal["text", "date", "number"]
FieldRule: TypeAlias = Literal["required", "integer", "date", "sometimes"]
"""What holds for a value of a custom field, whenever one is written; `sometimes`: it may be left out."""


class Value(Struct, kw_only=True):
    """What a customer has in the custom field `id`."""

    id: str | UUID
    value: Json = None


class CustomerRow(Struct, kw_only=True):
    """A customer, whole.

    `sort` is always 0. `sex`: 0 unknown, 1 male, 2 female. `source_id`, `industry_id`, `grade_id`: of the account's
    dictionaries. `extra`: an opaque mark of yours. `sub_user_id`: the account below that it is of, if it is another's.

    The vendor documents these fields, to `components`. A Huaxiang takes those after them too: the record's own `id`,
    else one that its owner and phone always give, and what `customer/detail` tells of it; `updated_at` says which of
    two words on one record is the newer.
    """

    phone: str
    sort: int = 0
    name: str | None = None
    email: str | None = None
    company: str | None = None
    sex: Literal[0, 1, 2] | None = None
    source_id: int | None = None
    industry_id: int | None = None
    grade_id: int | None = None
    extra: Json = None
    sub_user_id: str | UUID | None = None
    components: Sequence[Value] | None = None
    id: str | UUID | None = None
    province_id: int | None = None
    city_id: int | None = None
    operator: int | None = None
    flow: int | None = None
    is_back: Literal[0, 1] | None = None
    expect_transaction_at: str | None = None
    expect_transaction_fee: str | None = None
    unfollow_back_at: str | None = None
    unsettled_back_at: str | None = None
    followed_at: str | None = None
    inputted_at: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class FieldChanges(TypedDict, total=False):
    """What to change of a custom field. `status` False switches it off: it is in no template, and its rules sleep."""

    name: str
    type: FieldType
    sort: int
    validate: Sequence[FieldRule]
    status: bool

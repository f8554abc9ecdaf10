"""What Telrobot answers, under the names of its document; and what a refusal of it means here. Pure.

Rule 1: a field that did not come, or came as null, is None; a list that did not is empty.
Rule 2: what a reply amounts to is its `code`, where the body has one and says `error`; else the HTTP status.
Rule 3: a failed validation names its fields: they are the error's `field`, and the vendor's words are in `message`.
"""

from __future__ import annotations

import re
from typing import TypeVar, cast

import msgspec
from msgspec import Struct, field, structs

from huaxiang.client import reading
from huaxiang.client.batches import UNWRITABLE, Part
from huaxiang.client.errors import BY_STATUS, ClientError, Declined, Invalid, NotFound, Unexpected
from huaxiang.client.exchange import Reply
from huaxiang.model import Json

Answer = TypeVar("Answer")

_SUCCESS, _ERROR = "success", "error"


class ComponentData(Struct, kw_only=True):
    """What one customer has in one custom field."""

    customer_id: str | None = None
    component_id: str | None = None
    value: Json = None


class Component(Struct, kw_only=True):
    """A custom field of the account; `data` is None where the customer has it not filled in."""

    id: str
    user_id: str | None = None
    name: str | None = None
    type: str | None = None
    sort: int | None = None
    validate: list[str] = []
    status: bool | None = None
    warehouse_id: int | None = None
    created_at: str | None = None
    updated_at: str | None = None
    data: ComponentData | None = None


class Customer(Struct, kw_only=True):
    """A customer as an account sees it; times are `yyyy-MM-dd HH:mm:ss` in the account's time zone."""

    id: str
    user_id: str | None = None
    created_user_id: str | None = None
    phone: str | None = None
    company: str | None = None
    email: str | None = None
    is_back: int | None = None
    source_id: int | None = None
    industry_id: int | None = None
    grade_id: int | None = None
    name: str | None = None
    sort: int | None = None
    created_at: str | None = None
    updated_at: str | None = None
    inputted_at: str | None = None
    viewed_at: str | None = None
    province_id: int | None = None
    city_id: int | None = None
    operator: int | None = None
    operator_name: str | None = None
    flow: int | None = None
    extra: Json = None
    sex: int | None = None
    expect_transaction_at: str | None = None
    expect_transaction_fee: str | None = None
    unfollow_back_at: str | None = None
    unsettled_back_at: str | None = None
    followed_at: str | None = None
    components: list[Component] = []


class Meta(Struct, kw_only=True):
    """Where in a list a page is."""

    has_pages: bool = False
    total: int = 0
    last_page: int = 1
    current_page: int = 1
    per_page: int = 15


class Page(Struct, kw_only=True):
    """Some of an account's customers; a list tells less of each than `customer/detail`."""

    meta: Meta = field(default_factory=Meta)
    data: list[Customer] = []


class Landed(Struct, kw_only=True):
    """What became of a row that was handed over: its place, from 0; the record's `id`, or the reasons in `message`.

    `status`: `success` or `error`. `message`: a sentence, or {field: [reasons]}. Where a server tells nothing of single
    rows, as the vendor's document, each says what was said of all, without an `id`.
    """

    row: int
    id: str | None = None
    status: str = _SUCCESS
    message: Json = None

    @property
    def taken(self) -> bool:
        """Whether it was taken."""
        return self.status == _SUCCESS


class Handed(Struct, kw_only=True):
    """The answer to a batch of rows."""

    message: Json = None
    data: Json = None

    def told(self, part: Part) -> list[Landed]:
        """What became of each row of the part, in their order. Raises `Unexpected` for rows other than those sent."""
        rows = shaped(list[Landed], self.data)
        if not rows:
            return [Landed(row=place, message=self.message) for place in part.places]
        if sorted(one.row for one in rows) != list(range(len(part.places))):
            raise Unexpected(reason="not an answer to each row that was sent")
        return [structs.replace(one, row=part.places[one.row]) for one in rows]


def told(part: Part, answer: Handed | None) -> list[Landed]:
    """What became of each row of a part, in their order; `answer` to those that were sent, if any was."""
    unwritable = [Landed(row=place, status=_ERROR, message={"request": [UNWRITABLE]}) for place in part.unwritable]
    return sorted([*(answer.told(part) if answer else ()), *unwritable], key=lambda one: one.row)


class Deleted(Struct, kw_only=True):
    """How many customers were deleted."""

    deleted: int


class TokenState(Struct, kw_only=True):
    """What a token is good for: its account, and when it expires (None: not until it is revoked)."""

    user_id: str | None = None
    expired_at: str | None = None


def shaped(kind: type[Answer], data: Json) -> Answer | None:
    """The `data` of an answer whose shape the vendor does not tell; None where it has another than is known here."""
    try:
        return msgspec.convert(reading.without_nulls(data), kind, strict=False)
    except ValueError:
        return None


# ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Head(Struct):
    code: int | str = 0
    status: str = ""
    message: Json = None


_OK = 200
_KINDS = {**BY_STATUS, 404: NotFound, 422: Invalid}
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}", re.ASCII)


def status_of(reply: Reply) -> int:
    """What a reply amounts to, as HTTP would say it."""
    head = _head(reply)
    if reply.status != _OK or head is None or head.status != _ERROR:
        return reply.status
    return int(head.code) if str(head.code).isdigit() and str(head.code) != str(_OK) else 0


def read(kind: type[Answer], reply: Reply) -> Answer:
    """The answer in a reply. Raises the `ClientError` that the reply amounts to."""
    status = status_of(reply)
    if status != _OK:
        raise _refused(status, reply)
    return reading.read(kind, reply)


def _refused(status: int, reply: Reply) -> ClientError:
    head = _head(reply)
    if head is None or head.status != _ERROR:
        kind = _KINDS.get(status, Unexpected)
        return (Unexpected if kind is NotFound else kind)(
            status=reply.status, reason="the body is no refusal of this API"
        )
    said = head.message
    fields = cast("dict[str, Json]", said) if isinstance(said, dict) else {}
    place = ",".join(name for name in fields if _FIELD.fullmatch(name))
    error = _KINDS.get(status, Declined if reply.status == _OK else Unexpected)(field=place, status=reply.status)
    error.message = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    return error


def _head(reply: Reply) -> _Head | None:
    try:
        return msgspec.json.decode(reply.body, type=_Head)
    except (ValueError, RecursionError):
        return None

"""What goes over Tinet's wire: the structs of `GET /sqc/customerPortrait`, and its query, read from decoded pairs.

The order of the fields is the order in the vendor's sample. A field without a value is left out, never null. A page has
ten thousand rows and more details, which can't refer to each other: the collector of cycles need not walk them (`gc`).

Rule 1: the signature's parameters and `Version` may stand in every query; any other unknown one is InputUnknown.
Rule 2: a list is one parameter whose items stand between commas, as the vendor's SDK joins them; blanks around an item
    don't count, `[a, b]` and a repeated parameter are tolerated; an empty item is none, an empty list was not given.
Rule 3: `offset` and `limit` are decimal integers, come once at most, and are 0 and 10 when absent.
Rule 4: a list has at most 10,000 items (else InputTooLarge), an item at most 257 characters, none of them NUL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.tinet import signing
from huaxiang.errors import InputInvalid, InputTooLarge, InputUnknown

OFFSET_MAX: Final = 2**31 - 1
LIMIT_DEFAULT: Final = 10
LIMIT_MAX: Final = 10_000
ITEMS_MAX: Final = 10_000
"""Items of a list in a query."""

ITEM_MAX: Final = 257
"""Characters of an item: a label's type and its name have 128 each, and a slash between them."""

CDR_IDS_MAX: Final = 10_000
"""Calls that a row or a detail names; its counts stay exact."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,10}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")

Flag = Literal[0, 1]
Seconds = Annotated[int, Meta(ge=0)]
Item = Annotated[str, Meta(min_length=1, max_length=ITEM_MAX)]


class CustomerPortraitQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The business parameters. `customerNumber`: only these numbers; `portraits`: labels that a row must have, all."""

    customerNumber: Annotated[tuple[Item, ...], Meta(max_length=ITEMS_MAX)] = ()
    portraits: Annotated[tuple[Item, ...], Meta(max_length=ITEMS_MAX)] = ()
    offset: Annotated[int, Meta(ge=0, le=OFFSET_MAX)] = 0
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT


class PortraitDetail(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A label on a customer. `qcType` 0: the quality check, 1: a person; `startTime`: the second in its newest call."""

    added: Flag
    cdrIds: list[str]
    deleted: Flag
    message: str | UnsetType = UNSET
    name: str
    portraitTypeName: str
    qcType: Flag
    startTime: Seconds | UnsetType = UNSET


class CustomerPortrait(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One customer number and its calls. Durations in seconds, `recentlyCallTime` in epoch seconds."""

    id: str
    retry: Literal[0] | UnsetType = UNSET
    customerNumber: str
    customerCity: str | UnsetType = UNSET
    totalCallCount: Annotated[int, Meta(ge=1)]
    maxCallDuration: Seconds | UnsetType = UNSET
    maxRound: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    avgRound: float | UnsetType = UNSET
    avgCallDuration: float | UnsetType = UNSET
    cdrIds: list[str]
    recentlyCallTime: int | UnsetType = UNSET
    portraitDetails: list[PortraitDetail]


class CustomerPortraitAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of customer numbers, in descending order of the number."""

    requestId: str
    pageNumber: Annotated[int, Meta(ge=1)]
    pageSize: Annotated[int, Meta(ge=1, le=LIMIT_MAX)]
    totalCount: Annotated[int, Meta(ge=0)]
    start: Annotated[int, Meta(ge=0, le=OFFSET_MAX)]
    totalPageCount: Annotated[int, Meta(ge=0)]
    data: list[CustomerPortrait]


class RefusalError(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a request was refused: the vendor's code, and words for a person."""

    code: str
    message: str


class Refusal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a refused request; one field more, here or in `error`, and the vendor's SDK can't parse it."""

    requestId: str
    error: RefusalError


CUSTOMER_PORTRAIT: Final = Endpoint(
    method="GET",
    path="/sqc/customerPortrait",
    title="批量获取客户画像详情",
    summary="A page of customer numbers with their calls and portraits",
    auth="signature",
    query=CustomerPortraitQuery,
    answer=CustomerPortraitAnswer,
    refusal=Refusal,
    statuses=(400, 401, 403, 404, 405, 429, 500),
)

ENDPOINTS: Final = (CUSTOMER_PORTRAIT,)

_ALWAYS_ALLOWED: Final = signing.PARAMETERS | {"Version"}


def read_query(pairs: Iterable[tuple[str, str]]) -> CustomerPortraitQuery:
    """The business parameters among decoded pairs (Rules 1 to 4).

    Raises InputUnknown, InputInvalid and InputTooLarge with the name of the parameter.
    """
    given: dict[str, list[str]] = {name: [] for name in CustomerPortraitQuery.__struct_fields__}
    for key, value in pairs:
        if key in given:
            given[key].append(value)
        elif key not in _ALWAYS_ALLOWED:
            raise InputUnknown(field=key if _NAME.fullmatch(key) else "query")
    return CustomerPortraitQuery(
        customerNumber=_items("customerNumber", given["customerNumber"]),
        portraits=_items("portraits", given["portraits"]),
        offset=_integer("offset", given["offset"], at_least=0, at_most=OFFSET_MAX, otherwise=0),
        limit=_integer("limit", given["limit"], at_least=1, at_most=LIMIT_MAX, otherwise=LIMIT_DEFAULT),
    )


def _items(name: str, values: Sequence[str]) -> tuple[str, ...]:
    items: dict[str, None] = {}
    for value in values:
        bare = value.strip()
        if bare.startswith("[") and bare.endswith("]"):
            bare = bare[1:-1]
        items.update((item.strip(), None) for item in bare.split(","))
    items.pop("", None)
    if len(items) > ITEMS_MAX:
        raise InputTooLarge(field=name, reason=f"最多 {ITEMS_MAX} 项")
    if any(len(item) > ITEM_MAX or "\0" in item for item in items):
        raise InputInvalid(field=name, reason=f"每项最多 {ITEM_MAX} 个字符,不能含有空字符")
    return tuple(items)


def _integer(name: str, values: Sequence[str], *, at_least: int, at_most: int, otherwise: int) -> int:
    if not values:
        return otherwise
    if len(values) > 1:
        raise InputInvalid(field=name, reason="只能出现一次")
    if not _INTEGER.fullmatch(values[0]) or not at_least <= int(values[0]) <= at_most:
        raise InputInvalid(field=name, reason=f"应为 {at_least} 到 {at_most} 的整数")
    return int(values[0])

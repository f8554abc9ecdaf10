"""The native wire of a CRM's dictionaries: what the ids of sources, industries and grades mean to an account.

Rule 1: a dictionary belongs to one account, the main one unless another is named; 0 means unset, and is no id.
Rule 2: an entry is not needed for a record to carry its id: what a CRM says comes before what anybody says it means.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native.wire import Refusal

Kind: TypeAlias = Literal["source", "industry", "grade"]
EntryId = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class DictionaryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only those of one account, of one dictionary, where these are given."""

    account: UUID | None = None
    kind: Kind | None = None


class EntryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an id means from now on; without an id, the next of the dictionary gets the meaning."""

    kind: Kind
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    id: EntryId | None = None
    account: UUID | None = None


class EntryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which id is to mean nothing any more; records keep it."""

    kind: Kind
    id: EntryId
    account: UUID | None = None


class EntryAnswer(msgspec.Struct, frozen=True):
    """What an id means, to an account."""

    account: UUID
    kind: Kind
    id: int
    name: str


class DictionaryAnswer(msgspec.Struct, frozen=True):
    """The entries, by account, kind and id."""

    entries: list[EntryAnswer]


DICTIONARY: Final = Endpoint(
    method="GET",
    path="/v1/dictionary",
    title="查看字典",
    summary="What the ids of sources, industries and grades mean",
    auth="bearer",
    query=DictionaryQuery,
    answer=DictionaryAnswer,
    refusal=Refusal,
    statuses=(400, 401, 403, 429, 500, 503),
)
PUT_ENTRY: Final = Endpoint(
    method="PUT",
    path="/v1/dictionary",
    title="设置字典项",
    summary="Say what an id means, a new one or one that is there",
    auth="bearer",
    body=EntryBody,
    answer=EntryAnswer,
    refusal=Refusal,
    statuses=(400, 401, 403, 413, 415, 429, 500, 503),
)
DROP_ENTRY: Final = Endpoint(
    method="DELETE",
    path="/v1/dictionary",
    title="删除字典项",
    summary="Forget what an id means; the answer is what it meant",
    auth="bearer",
    query=EntryQuery,
    answer=EntryAnswer,
    refusal=Refusal,
    statuses=(400, 401, 403, 404, 429, 500, 503),
)
ENDPOINTS: Final[tuple[Endpoint, ...]] = (DICTIONARY, PUT_ENTRY, DROP_ENTRY)

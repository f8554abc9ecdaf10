"""The calls of Rabbitpre as data: what is asked -> bytes, bytes -> typed answer or error. Pure, without a socket.

Rule 1: more than a call may ask for is cut into several.
Rule 2: what was not said is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Struct, field

from huaxiang.client.errors import Invalid, Unexpected
from huaxiang.client.exchange import PERHAPS_DONE, Call, Reply
from huaxiang.client.rabbitpre import answers
from huaxiang.client.rabbitpre.answers import Profile, Tagged, UserIds
from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.rabbitpre.wire import DETAIL, MOST_IDS
from huaxiang.model import Json

Answer = TypeVar("Answer")
Item = TypeVar("Item")

MOST_USER_IDS = 10_000
MOST_TAGGED = 100
MOST_ROWS = 500
"""Rows of a batch, says the document; what it says of ids in a call for tags is nothing."""


class Place(NamedTuple):
    """Where a call goes."""

    method: str
    path: str


INFO = Place("POST", "/api/open/api/audience/getInfoByPhoneAndOpenid")
USER_IDS = Place("GET", "/api/open/api/audience/user/id/list")
TAGS = Place("GET", "/api/open/api/audience/user/tag/list")
TAGS_OF = Place("POST", "/api/open/api/audience/user/tag/batchlist")
PROFILES = Place("POST", "/api/open/audience/info/v2/batchAdd")
EVENTS = Place("POST", "/api/open/api/integrate/event/batchAdd")
TAGGING = Place("POST", "/api/open/api/integrate/audience/tag/v2/batchAdd")

_READS = PERHAPS_DONE | {500}
"""A server without room says so with the code of a failure inside."""


def details(
    ids: Iterable[int], third_ids: Iterable[str], phones: Iterable[str], company_id: str | None
) -> Iterator[Call[list[Profile]]]:
    """The calls that read these customers, 1,000 in each; nobody asked for, no call."""
    wanted = [
        *(("audienceUserIdList", one) for one in ids),
        *(("thirdIdList", one) for one in third_ids),
        *(("phoneList", one) for one in phones),
    ]
    for part in cut(wanted, MOST_IDS):
        lists: dict[str, Json] = {}
        for name, value in part:
            lists.setdefault(name, []).append(value)
        yield posted(DETAIL, {"companyId": company_id, **lists}, _read_profiles)


def info(phone: str | None, openid: str | None, company_id: str | None) -> Call[Profile | None]:
    """The call that reads the customer of a phone or an openid; None where nobody has it. Raises `Invalid`."""
    if not phone and not openid:
        raise Invalid(field="phone,openid", reason="one of the two at least")
    body = {"companyId": company_id, "phone": phone or None, "openid": openid or None}
    return posted(INFO, body, _read_profile)


def user_ids(after: int | None, size: int) -> Call[list[int]]:
    """The call that lists so many ids, ascending, strictly after this one. Raises `Invalid`."""
    if not 1 <= size <= MOST_USER_IDS:
        raise Invalid(field="size", reason=f"1 to {MOST_USER_IDS}")
    return got(USER_IDS, (("audienceUserId", after), ("size", size)), _read_user_ids)


def last(ids: Sequence[int], after: int | None) -> int:
    """Where to go on. Raises `Unexpected` for a page that leads nowhere, which would be asked for without end."""
    if after is not None and max(ids) <= after:
        raise Unexpected(reason="ids that were listed before")
    return max(ids)


def tags(audience_user_id: int) -> Call[Tagged | None]:
    """The call that reads one customer's tags; None where nobody has the id."""
    return got(TAGS, (("audienceUserId", audience_user_id),), _read_tagged)


def tags_of(ids: Iterable[int]) -> Iterator[Call[list[Tagged]]]:
    """The calls that read the tags of these customers, 100 in each."""
    for part in cut(ids, MOST_TAGGED):
        yield posted(TAGS_OF, {"audienceUserIdList": part}, _read_tagged_list)


def batches(of: Place, rows: Iterable[Mapping[str, Json]], settings: Mapping[str, Json]) -> Iterator[Call[Json]]:
    """The calls that hand these rows over, 500 in each; the answer to each is the server's word on that batch."""
    for part in cut(rows, MOST_ROWS):
        body = {"publicParams": dict(settings) or None, "data": [dict(row) for row in part]}
        yield posted(of, body, _read_data, repeatable=of is not EVENTS or all(row.get("eventId") for row in part))


def each_once(profiles: Iterable[Profile]) -> list[Profile]:
    """Each customer once, where it was first."""
    known: dict[int, Profile] = {}
    for one in profiles:
        known.setdefault(one.audienceUserId, one)
    return list(known.values())


def cut(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """The items, at most so many in each part."""
    source = iter(items)
    while part := list(islice(source, most)):
        yield part


def posted(
    of: Endpoint | Place, body: dict[str, Json], read: Callable[[Reply], Answer], *, repeatable: bool = True
) -> Call[Answer]:
    """A call with a body. Raises `Invalid` for what JSON can't hold."""
    said = {name: value for name, value in body.items() if value is not None}
    return Call(
        of.method,
        of.path,
        read=read,
        repeatable=repeatable,
        media_type="application/json; charset=utf-8",
        body=encoded(said),
        passing=_READS,
        status_of=answers.status_of,
    )


def got(
    of: Endpoint | Place, query: Sequence[tuple[str, str | int | None]], read: Callable[[Reply], Answer]
) -> Call[Answer]:
    """A call with a query."""
    said = tuple((name, str(value)) for name, value in query if value is not None)
    return Call(of.method, of.path, read=read, repeatable=True, query=said, passing=_READS, status_of=answers.status_of)


def encoded(value: Json) -> bytes:
    """As JSON. Raises `Invalid`."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise Invalid(field="body", reason="can't be written as JSON") from None


class _Profiles(Struct, kw_only=True):
    data: list[Profile] = []


class _Profile(Struct, kw_only=True):
    data: Profile | None = None


class _UserIds(Struct, kw_only=True):
    data: UserIds = field(default_factory=UserIds)


class _Tagged(Struct, kw_only=True):
    data: Tagged | None = None


class _TaggedList(Struct, kw_only=True):
    data: list[Tagged] = []


class _Data(Struct, kw_only=True):
    data: Json = None


def _read_profiles(reply: Reply) -> list[Profile]:
    return answers.read(_Profiles, reply).data


def _read_profile(reply: Reply) -> Profile | None:
    return answers.read(_Profile, reply).data


def _read_user_ids(reply: Reply) -> list[int]:
    return answers.read(_UserIds, reply).data.audienceUserIdList


def _read_tagged(reply: Reply) -> Tagged | None:
    return answers.read(_Tagged, reply).data


def _read_tagged_list(reply: Reply) -> list[Tagged]:
    return answers.read(_TaggedList, reply).data


def _read_data(reply: Reply) -> Json:
    return answers.read(_Data, reply).data

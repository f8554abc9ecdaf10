"""The calls of Rabbitpre as data: what is asked -> bytes, bytes -> typed answer or error. Pure, without a socket.

Rule 1: more than a call may ask for is cut into several.
Rule 2: what was not said is not sent.
Rule 3: a batch may be sent twice, but for events of which one has no `eventId`: that one would count twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, field

from huaxiang.client.batches import ARow, Batch, Part, cut, parts, several
from huaxiang.client.errors import Invalid, Unexpected
from huaxiang.client.exchange import PERHAPS_DONE, Call, Reply, encoded
from huaxiang.client.rabbitpre import answers
from huaxiang.client.rabbitpre.answers import BatchAnswer, Profile, Tagged, UserIds
from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.rabbitpre.neighbours import ADD_EVENTS, INFO, MOST_ROWS, MOST_USER_IDS, TAGS, TAGS_OF, USER_IDS
from huaxiang.dialects.rabbitpre.wire import DETAIL, MOST_IDS
from huaxiang.model import Json

Answer = TypeVar("Answer")

MOST_TAGGED = 100
"""Customers in a call for tags. The vendor names no most; a Huaxiang takes 1,000."""

_READS = PERHAPS_DONE | {500}
"""A server without room says so with the code of a failure inside."""


def details(
    ids: Iterable[int], third_ids: Iterable[str], phones: Iterable[str], settings: Mapping[str, Json]
) -> Iterator[Call[list[Profile]]]:
    """The calls that read these customers, 1,000 in each; nobody asked for, no call. `settings` go along with each.

    Raises `Invalid`.
    """
    wanted = [
        *(("audienceUserIdList", one) for one in ids),
        *(("thirdIdList", one) for one in several("third_ids", third_ids)),
        *(("phoneList", one) for one in several("phones", phones)),
    ]
    for part in cut(wanted, MOST_IDS):
        lists: dict[str, Json] = {}
        for name, value in part:
            lists.setdefault(name, []).append(value)
        yield posted(DETAIL, {**settings, **lists}, _read_profiles)


def info(phone: str | None, openid: str | None, company_id: str | None) -> Call[Profile | None]:
    """The call that reads the customer of a phone or an openid; None where nobody has it. Raises `Invalid`."""
    if not phone and not openid:
        raise Invalid(field="phone,openid", reason="one of the two at least")
    body = {"companyId": company_id, "phone": phone or None, "openid": openid or None}
    return posted(INFO, body, _read_profile)


def user_ids(after: int | None, size: int, company_id: str | None) -> Call[list[int]]:
    """The call that lists so many ids, ascending, strictly after this one. Raises `Invalid`."""
    if not 1 <= size <= MOST_USER_IDS:
        raise Invalid(field="size", reason=f"1 to {MOST_USER_IDS}")
    return got(USER_IDS, (("audienceUserId", after), ("size", size), ("companyId", company_id)), _read_user_ids)


def last(ids: Sequence[int], after: int | None) -> int:
    """Where to go on. Raises `Unexpected` for a page that leads nowhere, which would be asked for without end."""
    if after is not None and max(ids) <= after:
        raise Unexpected(reason="ids that were listed before")
    return max(ids)


def tags(audience_user_id: int, company_id: str | None) -> Call[Tagged | None]:
    """The call that reads one customer's tags; None where nobody has the id."""
    return got(TAGS, (("audienceUserId", audience_user_id), ("companyId", company_id)), _read_tagged)


def tags_of(ids: Iterable[int], size: int, company_id: str | None) -> Iterator[Call[list[Tagged]]]:
    """The calls that read the tags of these customers, so many in each. Raises `Invalid`."""
    if not 1 <= size <= MOST_IDS:
        raise Invalid(field="size", reason=f"1 to {MOST_IDS}")
    for part in cut(ids, size):
        yield posted(TAGS_OF, {"companyId": company_id, "audienceUserIdList": part}, _read_tagged_list)


def batches(
    of: Endpoint, rows: Iterable[ARow], params: Mapping[str, Json], company_id: str | None
) -> Iterator[Batch[BatchAnswer]]:
    """The calls that hand rows over, 500 in each, with `publicParams`; `company_id`: of those that say no other."""
    said = {name: value for name, value in params.items() if value is not None}
    for part in parts(rows, MOST_ROWS, {"companyId": company_id} if company_id else None):
        yield Batch(part, _handed_over(of, part, said) if part.rows else None)


def _handed_over(of: Endpoint, part: Part, params: Mapping[str, Json]) -> Call[BatchAnswer]:
    body: dict[str, Json] = {"publicParams": dict(params) or None, "data": part.bodies}
    repeatable = of is not ADD_EVENTS or all(row.get("eventId") for row in part.rows)
    return posted(of, body, _read_batch, repeatable=repeatable)


def each_once(profiles: Iterable[Profile]) -> list[Profile]:
    """Each customer once, where it was first."""
    known: dict[int, Profile] = {}
    for one in profiles:
        known.setdefault(one.audienceUserId, one)
    return list(known.values())


def unseen(tagged: Iterable[Tagged], seen: set[int]) -> Iterator[Tagged]:
    """The customers who are not among those seen; from now on they are."""
    for one in tagged:
        if one.audienceUserId not in seen:
            seen.add(one.audienceUserId)
            yield one


def posted(
    of: Endpoint, body: dict[str, Json], read: Callable[[Reply], Answer], *, repeatable: bool = True
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


def got(of: Endpoint, query: Sequence[tuple[str, str | int | None]], read: Callable[[Reply], Answer]) -> Call[Answer]:
    """A call with a query."""
    said = tuple((name, str(value)) for name, value in query if value is not None)
    return Call(of.method, of.path, read=read, repeatable=True, query=said, passing=_READS, status_of=answers.status_of)


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


def _read_batch(reply: Reply) -> BatchAnswer:
    return answers.read(BatchAnswer, reply)

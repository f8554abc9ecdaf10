"""Rabbitpre's neighbours of the detail call over HTTP: reads of ids, of tags and by openid; and the ways in.

Takes a request, gives the vendor's bytes; whatever is refused is raised as an error of the house, and the app finds the
vendor's word for it.

Rule 1: in this order: the token, the permission, the query or body, the limit. A refused request does not count.
Rule 2: customers are read with `profile`, tags with `tags`; whatever writes needs `write`.
Rule 3: a customer's tags are read once in 2 seconds, those of many ten times in 5, over all processes; a key's rate
    scales both.
Rule 4: whoever is read is one of the enterprise that `companyId` names, the app's own where it is absent; a row of a
    batch says by itself whose it is.
Rule 5: each row of a batch lands or is refused by itself, and is answered so; what a row may say is what a row of the
    same import format may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.dialects.rabbitpre import enterprise, inward, neighbours, outward
from huaxiang.dialects.rabbitpre.errors import refusal
from huaxiang.dialects.rabbitpre.neighbours import (
    ADD_EVENTS,
    ADD_PROFILES,
    ADD_TAGS,
    INFO,
    TAGS,
    TAGS_OF,
    USER_IDS,
    BatchAnswer,
    RowAnswer,
    TagsAnswer,
    TagsOfAnswer,
    UserIds,
    UserIdsAnswer,
)
from huaxiang.errors import InputInvalid, NotAuthenticated, NotPermitted, Refused
from huaxiang.keyring import Limit, digest
from huaxiang.memory import Credential
from huaxiang.server.hot import Hot
from huaxiang.server.rabbitpre import DIALECT, PARTS, PERMISSION, above

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from huaxiang.dialects.contract import Endpoint
    from huaxiang.lookup import Passage
    from huaxiang.model import Customer, Identifier, Json, Parsed
    from huaxiang.server.call import Call
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

TAGS_PERMISSION: Final = "tags"
"""用户->用户标签."""
WRITE_PERMISSION: Final = "write"
ONE: Final = Limit("tag/list", 1, 2.0)
MANY: Final = Limit("tag/batchlist", 10, 5.0)
WAYS_IN: Final = (
    (ADD_PROFILES, neighbours.read_batch, inward.parse_profile),
    (ADD_EVENTS, neighbours.read_batch, inward.parse_event),
    (ADD_TAGS, neighbours.read_tag_batch, inward.parse_tag),
)
TAKEN: Final = ("200", "SUCCESS", "ok")


def hots(service: Service, options: ServerOptions) -> list[Hot]:
    """The dialect's handlers beside the detail call."""
    del options
    return [
        *_profiles(service),
        *_tags(service),
        *(_way_in(service, endpoint, read, parse) for endpoint, read, parse in WAYS_IN),
    ]


# ── reads ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _profiles(service: Service) -> list[Hot]:
    async def info(call: Call) -> bytes:
        async def serve(passage: Passage) -> bytes:
            asked = neighbours.read_info(await call.body())
            now = service.now()
            company = enterprise.meant(passage.key, passage.tenant, asked.companyId or "")
            customer = await _meant(service, passage, asked, company)
            names, _ = await above(service, passage, [customer] if customer else [], now)
            return outward.info(customer, tenant=passage.tenant, now=now, audience_ids=names, company=company)

        return await _through(service, call, PERMISSION, serve)

    async def user_ids(call: Call) -> bytes:
        async def serve(passage: Passage) -> bytes:
            after, size, asked = neighbours.read_user_ids(call.query_string)
            tenant = passage.tenant
            company = enterprise.meant(passage.key, tenant, asked)
            within = company if enterprise.has_any(tenant) else None
            found = await service.audience_ids(tenant, after=after, size=size, company=within)
            ids = UserIds(orgId=str(enterprise.org(tenant, company)), audienceUserIdList=found)
            return msgspec.json.encode(UserIdsAnswer(data=ids))

        return await _through(service, call, PERMISSION, serve)

    return [Hot(INFO, info), Hot(USER_IDS, user_ids)]


async def _meant(service: Service, passage: Passage, asked: neighbours.InfoBody, company: str) -> Customer | None:
    """The customer who has the phone, the openid, or both where both are given; of several, the first known."""
    held: list[dict[int, Customer]] = []
    if asked.phone:
        phone = outward.wanted((), (), (asked.phone,), "", passage.tenant)
        held.append(_by_id(await _found(service, passage, phone, company)))
    if asked.openid:
        openids = await service.openids(passage.tenant, asked.openid.strip())
        held.append(_by_id(await _found(service, passage, openids, company)))
    both = set(held[0]).intersection(*held)
    return held[0][min(both)] if both else None


async def _found(
    service: Service, passage: Passage, wanted: Sequence[Identifier | int], company: str
) -> Sequence[Customer]:
    """Who is one of the company's."""
    if not wanted:
        return ()
    parts = enterprise.parts(passage.tenant, PARTS)
    found = await service.lookups.customers(passage, wanted, parts=parts, now=service.now())
    return enterprise.among(found.customers, passage.tenant, company)


def _by_id(customers: Sequence[Customer]) -> dict[int, Customer]:
    return {customer.id: customer for customer in customers}


def _tags(service: Service) -> list[Hot]:
    async def tags(call: Call) -> bytes:
        async def serve(passage: Passage) -> bytes:
            asked, named = neighbours.read_tags(call.query_string)
            company = enterprise.meant(passage.key, passage.tenant, named)
            await _accept(service, passage, ONE)
            found = await _found(service, passage, outward.wanted((asked,), (), (), "", passage.tenant), company)
            told = outward.tagged(found[0], passage.tenant, company) if found else None
            return msgspec.json.encode(TagsAnswer(data=told))

        return await _through(service, call, TAGS_PERMISSION, serve)

    async def tags_of(call: Call) -> bytes:
        async def serve(passage: Passage) -> bytes:
            asked, named = neighbours.read_tags_of(await call.body())
            company = enterprise.meant(passage.key, passage.tenant, named)
            await _accept(service, passage, MANY)
            found = _by_id(await _found(service, passage, outward.wanted(asked, (), (), "", passage.tenant), company))
            told = [outward.tagged(customer, passage.tenant, company) for customer in found.values()]
            return msgspec.json.encode(TagsOfAnswer(data=told))

        return await _through(service, call, TAGS_PERMISSION, serve)

    return [Hot(TAGS, tags), Hot(TAGS_OF, tags_of)]


async def _through(
    service: Service, call: Call, permission: str, serve: Callable[[Passage], Awaitable[bytes]]
) -> bytes:
    """What `serve` gives to the holder of the call's token. Raises `NotAuthenticated`, `NotPermitted`."""
    token = call.header("x-token")
    if not token:
        raise NotAuthenticated

    async def passed(passage: Passage) -> bytes:
        if permission not in passage.key.permissions:
            raise NotPermitted(reason=permission)
        return await serve(passage)

    return await service.lookups.through(Credential(DIALECT, "access", digest(token)), passed)


async def _accept(service: Service, passage: Passage, limit: Limit) -> None:
    """Count the call against its limit, once, however often it begins anew. Raises `TooOften`."""
    if not passage.is_accepted:
        await service.accept_within(passage.key, limit)
        passage.is_accepted = True


# ── the ways in ───────────────────────────────────────────────────────────────────────────────────────────────────


def _way_in(
    service: Service,
    endpoint: Endpoint,
    read: Callable[[bytes], list[dict[str, Json]]],
    parse: Callable[[dict[str, Json], ZoneInfo], Parsed],
) -> Hot:
    async def add(call: Call) -> bytes:
        # Not as reads pass: they begin anew where the tenant has changed meanwhile, and a row must land once.
        token = call.header("x-token")
        key = await service.key_by_access_token(DIALECT, token) if token else None
        if key is None:
            raise NotAuthenticated
        if WRITE_PERMISSION not in key.permissions:
            raise NotPermitted(reason=WRITE_PERMISSION)
        rows = read(await call.body())
        refused: dict[int, Refused] = {}
        records: list[tuple[int, Parsed]] = []
        for index, row in enumerate(rows):
            try:
                named = enterprise.in_row(key, key.tenant, row)
                records.append((index, parse(named, ZoneInfo(key.tenant.time_zone))))
            except Refused as error:
                refused[index] = error
        for reject in (await service.land(key.tenant, records)).rejects if records else ():
            refused[reject.line] = InputInvalid(field=reject.field, reason=reject.reason)
        return msgspec.json.encode(_answered(len(rows), refused))

    return Hot(endpoint, add)


def _answered(count: int, refused: dict[int, Refused]) -> BatchAnswer:
    """How many rows were taken, and the word for each."""
    rows: list[RowAnswer] = []
    for index in range(count):
        error = refused.get(index)
        said = None if error is None else refusal(error)
        rows.append(RowAnswer(index, *((said.code, said.errorCode, said.msg) if said else TAKEN)))
    return BatchAnswer(data=count - len(refused), rows=rows)

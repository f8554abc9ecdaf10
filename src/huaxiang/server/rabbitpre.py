"""Rabbitpre over HTTP: the two token calls and `POST /api/open/api/audience/detail`.

Takes a request, gives the vendor's bytes; whatever is refused is raised as an error of the house, and the app finds the
vendor's word for it.

Rule 1: in this order: the token, the permission, the body, the app that it names, the rate. Who is not known learns
    nothing of the parameters; a refused request does not count against the rate.
Rule 2: the key must have the call's permission; it has all of its dialect's, unless it was made with fewer.
Rule 3: a wrong app, a wrong secret and a missing one are answered alike.
Rule 4: an app that acts for another one reads what that one may, with the permission of both; it counts as the other's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get

from huaxiang.dialects.rabbitpre import enterprise, outward
from huaxiang.dialects.rabbitpre.errors import APP_FIELD
from huaxiang.dialects.rabbitpre.wire import (
    ACCESS_TOKEN,
    DETAIL,
    REFRESH_TOKEN,
    Asked,
    TokenAnswer,
    Tokens,
    read_detail,
)
from huaxiang.errors import NotAuthenticated, NotPermitted
from huaxiang.keyring import digest
from huaxiang.lookup import Stale
from huaxiang.memory import Credential
from huaxiang.server import bearer
from huaxiang.server.hot import Hot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from litestar.handlers import HTTPRouteHandler

    from huaxiang.lookup import Found, Made, Passage
    from huaxiang.model import AccessKey, Customer, Identifier
    from huaxiang.server.call import Call
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "rabbitpre"
PERMISSION: Final = "profile"
"""用户->用户资料."""
PARTS: Final = ("traits", "origin", "buckets", "subscription")
"""What any answer of the dialect is made from."""
SHOWN: Final = ("values", "origin", "buckets", "subscription")
"""What the detail call is answered from."""


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The dialect's handlers, over this service."""
    del options

    @get(ACCESS_TOKEN.path, include_in_schema=False)
    async def access_token(request: Request[Any, Any, Any]) -> Response[bytes]:
        query = _query(request)
        app, secret = query.get("instanceAppid", ""), query.get("instanceSecrect", "")
        key = await service.key_by_name(DIALECT, app) if app and "\0" not in app else None
        if key is None or not await service.check_secret(key, secret):
            raise NotAuthenticated(field=APP_FIELD)
        return _tokens(await service.issue_tokens(key))

    @get(REFRESH_TOKEN.path, include_in_schema=False)
    async def refresh_token(request: Request[Any, Any, Any]) -> Response[bytes]:
        token = _query(request).get("orgRefreshToken", "")
        pair = await service.refresh_tokens(DIALECT, token) if token and "\0" not in token else None
        if pair is None:
            raise NotAuthenticated
        return _tokens(pair)

    return [access_token, refresh_token]


def hots(service: Service, options: ServerOptions) -> list[Hot]:
    """The detail call, for the fast entry."""
    del options

    async def audience_detail(call: Call) -> bytes:
        token = call.header("x-token")
        if not token:
            raise NotAuthenticated

        async def serve(passage: Passage) -> bytes:
            if PERMISSION not in passage.key.permissions:
                raise NotPermitted(reason=PERMISSION)
            body = await call.body()
            if passage.key.rate is not None or _may_name_an_app(body):
                key, _, _ = await _read(service, passage, body)
                await bearer.accept(service, passage, key)
            now = service.now()
            # The same body of the same key was read before, if its answer is kept.
            name = b"%d %b" % (outward.local_day(passage.tenant, now), body)

            async def make(passage: Passage) -> Made:
                _, asked, company = await _read(service, passage, body)
                return await _detail(service, passage, asked, company, now)

            return await service.lookups.answer(passage, name, make)

        return await service.lookups.through(Credential(DIALECT, "access", digest(token)), serve)

    return [Hot(DETAIL, audience_detail)]


def _may_name_an_app(body: bytes) -> bool:
    """Whether another key's rate may count; a name can be spelled with escapes."""
    return b"instanceAppid" in body or b"\\" in body


async def _read(service: Service, passage: Passage, body: bytes) -> tuple[AccessKey, Asked, str]:
    """In whose name a body asks, what, and of which enterprise. Raises `NotPermitted` where that may not be."""
    asked = read_detail(body)
    key = await _acting(service, passage, asked.app)
    return key, asked, enterprise.meant(key, passage.tenant, asked.company)


async def _acting(service: Service, passage: Passage, app: str) -> AccessKey:
    """The key in whose name the request is made. Raises `NotPermitted`, and `Stale` where the tenant has changed."""
    if app in {"", passage.key.name}:
        return passage.key
    credential = Credential(DIALECT, "name", app)
    is_allowed = enterprise.may_act_for(passage.key, app)
    known = (service.memory.recall(credential) or await service.memory.meet(credential)) if is_allowed else None
    if known is not None and known.key.tenant.id == passage.tenant.id and known.kept is not passage.kept:
        raise Stale
    if known is None or known.kept is not passage.kept or PERMISSION not in known.key.permissions:
        raise NotPermitted(field="instanceAppid", reason="not the token's own app, nor one that it may act for")
    return known.key


async def _detail(service: Service, passage: Passage, asked: Asked, company: str, now: datetime) -> Made:
    """Each matching customer once, in the order first asked for; with the ids of the customers above them."""
    tenant = passage.tenant
    wanted = outward.wanted(asked.ids, asked.third_ids, asked.phones, company, tenant)
    found = await service.lookups.customers(
        passage, wanted, parts=enterprise.parts(tenant, SHOWN), names=outward.TRAITS, now=now
    )
    customers = list({one.id: one for one in enterprise.among(found.customers, tenant, company)}.values())
    audience_ids, led = await above(service, passage, customers, now)
    content = outward.detail(customers, tenant=tenant, now=now, audience_ids=audience_ids, company=company)
    return found.made(content, led)


async def above(
    service: Service, passage: Passage, customers: Sequence[Customer], now: datetime
) -> tuple[dict[Identifier, int], Found | None]:
    """The ids of the customers above these, and what was found of them."""
    names = outward.upstreams(customers)
    led = await service.lookups.customers(passage, names, parts=(), now=now) if names else None
    known = zip(names, led.customers, strict=True) if led else ()
    return {name: outward.audience_id(customer, passage.tenant) for name, customer in known if customer}, led


def _query(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The query's parameters; of a repeated one the first."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return dict(reversed(pairs))


def _tokens(pair: tuple[str, str]) -> Response[bytes]:
    access, refresh = pair
    content = msgspec.json.encode(TokenAnswer(data=Tokens(orgAccessToken=access, orgRefreshToken=refresh)))
    return Response(content=content, media_type="application/json")

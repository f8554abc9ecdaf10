"""Rabbitpre over HTTP: the two token calls and `POST /api/open/api/audience/detail`.

Takes a request, gives the vendor's bytes; whatever is refused is raised as an error of the house, and the app finds the
vendor's word for it.

Rule 1: in this order: the token, the permission, the body, the app that it names, the rate. Who is not known learns
    nothing of the parameters; a refused request does not count against the rate.
Rule 2: the key must have the call's permission; it has all of its dialect's, unless it was made with fewer.
Rule 3: a wrong app, a wrong secret and a missing one are answered alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get

from huaxiang.dialects.rabbitpre import outward
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
from huaxiang.memory import Credential
from huaxiang.server import bearer
from huaxiang.server.hot import Hot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from litestar.handlers import HTTPRouteHandler

    from huaxiang.lookup import Found, Made, Passage
    from huaxiang.model import Customer, Identifier
    from huaxiang.server.call import Call
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "rabbitpre"
PERMISSION: Final = "profile"
"""用户->用户资料."""
PARTS: Final = ("traits", "origin", "buckets", "subscription")
"""What the answer is made from."""


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
        token = call.header(b"x-token")
        if not token:
            raise NotAuthenticated

        async def serve(passage: Passage) -> bytes:
            if PERMISSION not in passage.key.permissions:
                raise NotPermitted(reason=PERMISSION)
            asked = read_detail(await call.body())
            if asked.app and asked.app != passage.key.name:
                raise NotPermitted(field="instanceAppid", reason="not the token's own app")
            await bearer.accept(service, passage)
            now = service.now()

            async def make(passage: Passage) -> Made:
                return await _detail(service, passage, asked, now)

            today = outward.local_date(passage.tenant, now).toordinal()
            return await service.lookups.answer(passage, b"%d %b" % (today, await call.body()), make)

        return await service.lookups.through(Credential(DIALECT, "access", digest(token)), serve)

    return [Hot(DETAIL, audience_detail)]


async def _detail(service: Service, passage: Passage, asked: Asked, now: datetime) -> Made:
    """Each matching customer once, in the order first asked for; with the ids of the customers above them."""
    wanted = outward.wanted(asked.ids, asked.third_ids, asked.phones, asked.company, passage.tenant)
    found = await service.lookups.customers(passage, wanted, parts=PARTS, now=now)
    customers = list({customer.id: customer for customer in found.customers if customer}.values())
    audience_ids, led = await above(service, passage, customers, now)
    content = outward.detail(
        customers, tenant=passage.tenant, now=now, audience_ids=audience_ids, company=asked.company
    )
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

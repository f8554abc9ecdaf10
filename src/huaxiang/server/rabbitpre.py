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
from litestar import Request, Response, get, post

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
from huaxiang.model import AccessKey, Customer

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "rabbitpre"
PERMISSION: Final = "profile"
"""用户->用户资料."""


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

    @post(DETAIL.path, include_in_schema=False, status_code=200)
    async def audience_detail(request: Request[Any, Any, Any]) -> Response[bytes]:
        key = await _caller(service, request)
        asked = read_detail(await request.body())
        if asked.app and asked.app != key.name:
            raise NotPermitted(field="instanceAppid", reason="not the token's own app")
        await service.accept(key)
        customers = await _matching(service, key, asked)
        above = outward.upstreams(customers)
        known = zip(above, await service.customers(key.tenant, above) if above else [], strict=True)
        content = outward.detail(
            customers,
            tenant=key.tenant,
            now=service.now(),
            audience_ids={name: outward.audience_id(customer) for name, customer in known if customer},
            company=asked.company,
        )
        return Response(content=content, media_type="application/json")

    return [access_token, refresh_token, audience_detail]


async def _caller(service: Service, request: Request[Any, Any, Any]) -> AccessKey:
    """The key behind the token; raises NotAuthenticated without one, NotPermitted where it may not read profiles."""
    token = request.headers.get("x-token", "")
    key = await service.key_by_access_token(DIALECT, token) if token else None
    if key is None:
        raise NotAuthenticated
    if PERMISSION not in key.permissions:
        raise NotPermitted(reason=PERMISSION)
    return key


async def _matching(service: Service, key: AccessKey, asked: Asked) -> list[Customer]:
    """Each matching customer once, in the order first asked for."""
    wanted = outward.wanted(asked.ids, asked.third_ids, asked.phones, asked.company)
    found = await service.customers(key.tenant, wanted)
    return list({customer.id: customer for customer in found if customer}.values())


def _query(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The query's parameters; of a repeated one the first."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return dict(reversed(pairs))


def _tokens(pair: tuple[str, str]) -> Response[bytes]:
    access, refresh = pair
    content = msgspec.json.encode(TokenAnswer(data=Tokens(orgAccessToken=access, orgRefreshToken=refresh)))
    return Response(content=content, media_type="application/json")

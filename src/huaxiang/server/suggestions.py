"""Suggestions over HTTP: the likely pairs, and a person's answer to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litestar import Request, Response, get, post

from huaxiang.dialects.native.suggestions import (
    ACCEPT,
    REFUSE,
    SUGGESTIONS,
    SettleBody,
    SettledAnswer,
    SuggestionsAnswer,
    SuggestionsQuery,
)
from huaxiang.server import asked, bearer
from huaxiang.steward import suggestions

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.dialects.contract import Endpoint
    from huaxiang.model import Tenant
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "native"
PERMISSION: Final = "steward"


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The handlers, over this service."""
    del options  # nothing here depends on how the server was started

    @get(SUGGESTIONS.path, include_in_schema=False)
    async def listed(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request)
        wanted = asked.query(request, SuggestionsQuery)
        found = await suggestions.page(service, tenant, state=wanted.state, after=wanted.after, limit=wanted.limit)
        return asked.answer(found, SuggestionsAnswer)

    return [listed, *(_settling(service, endpoint) for endpoint in (ACCEPT, REFUSE))]


def _settling(service: Service, endpoint: Endpoint) -> HTTPRouteHandler:
    """The handler of one kind of answer."""
    settle = {ACCEPT.path: suggestions.accept, REFUSE.path: suggestions.refuse}[endpoint.path]

    @post(endpoint.path.replace("{id}", "{id_:str}"), status_code=200, include_in_schema=False)
    async def settled(request: Request[Any, Any, Any], id_: str) -> Response[bytes]:
        tenant = await _tenant(service, request)
        said = await asked.body(request, SettleBody)
        done = await settle(service, tenant, suggestions.pair(id_), author=said.author, reason=said.reason)
        return asked.answer(done, SettledAnswer)

    return settled


async def _tenant(service: Service, request: Request[Any, Any, Any]) -> Tenant:
    """The caller's tenant, if the caller may decide."""
    key = await bearer.caller(service, request, dialect=DIALECT, permission=PERMISSION)
    return key.tenant

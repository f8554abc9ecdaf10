"""Decisions over HTTP: join, part, keep apart, undo, cut, and the queue of what waits for a person's word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litestar import Request, Response, get, post

from huaxiang.dialects.native.decisions import (
    APART,
    CUT,
    DECISIONS,
    JOIN,
    PART,
    REVIEW,
    UNDO,
    CutAnswer,
    CutBody,
    DecisionAnswer,
    DecisionBody,
    DecisionsAnswer,
    DecisionsQuery,
    ReviewAnswer,
    ReviewQuery,
    UndoBody,
)
from huaxiang.server import asked, bearer
from huaxiang.steward import decisions, review

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

    @post(UNDO.path.replace("{id}", "{id_:str}"), status_code=200, include_in_schema=False)
    async def undo(request: Request[Any, Any, Any], id_: str) -> Response[bytes]:
        tenant = await _tenant(service, request)
        said = await asked.body(request, UndoBody)
        done = await decisions.undo(service, tenant, id_, author=said.author, reason=said.reason)
        return asked.answer(done, DecisionAnswer)

    @get(DECISIONS.path, include_in_schema=False)
    async def listed(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request)
        wanted = asked.query(request, DecisionsQuery)
        found = await decisions.decisions(service, tenant, limit=wanted.limit)
        return asked.answer({"decisions": found}, DecisionsAnswer)

    @post(CUT.path, status_code=200, include_in_schema=False)
    async def cut(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request)
        said = await asked.body(request, CutBody)
        done = await decisions.cut(service, tenant, said.identifier, said.at, author=said.author, reason=said.reason)
        return asked.answer(done, CutAnswer)

    @get(REVIEW.path, include_in_schema=False)
    async def waiting(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request)
        wanted = asked.query(request, ReviewQuery)
        found = await review.review(service, tenant, reason=wanted.reason, limit=wanted.limit)
        return asked.answer({"groups": found}, ReviewAnswer)

    deciding = [_deciding(service, endpoint) for endpoint in (JOIN, PART, APART)]
    return [*deciding, undo, listed, cut, waiting]


def _deciding(service: Service, endpoint: Endpoint) -> HTTPRouteHandler:
    """The handler of one kind of decision."""
    decide = {JOIN.path: decisions.join, PART.path: decisions.part, APART.path: decisions.keep_apart}[endpoint.path]

    @post(endpoint.path, status_code=200, include_in_schema=False)
    async def decided(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request)
        said = await asked.body(request, DecisionBody)
        done = await decide(service, tenant, said.ids, author=said.author, reason=said.reason)
        return asked.answer(done, DecisionAnswer)

    return decided


async def _tenant(service: Service, request: Request[Any, Any, Any]) -> Tenant:
    """The caller's tenant, if the caller may decide."""
    key = await bearer.caller(service, request, dialect=DIALECT, permission=PERMISSION)
    return key.tenant

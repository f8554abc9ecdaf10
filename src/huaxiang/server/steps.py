"""Steps about a CRM's customers over HTTP: follow up, close, claim from the public pool, release, take back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litestar import Request, Response, get, post

from huaxiang.dialects.native.steps import (
    CLAIM,
    FOLLOW,
    RELEASE,
    SETTLE,
    STANDING,
    UNDO_STEP,
    ClaimBody,
    StandingAnswer,
    StepBody,
    UndoStepBody,
)
from huaxiang.server import asked, bearer
from huaxiang.steward import steps

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.dialects.contract import Endpoint
    from huaxiang.model import Tenant
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "native"
READ: Final = "customers"
TAKE: Final = "facts"
"""A step is a fact: whoever may land facts may take one."""
WHAT: Final[dict[str, steps.What]] = {
    FOLLOW.path: "follow",
    SETTLE.path: "settle",
    CLAIM.path: "claim",
    RELEASE.path: "release",
}


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The handlers, over this service."""
    del options  # nothing here depends on how the server was started

    @get(_path(STANDING), include_in_schema=False)
    async def standing(request: Request[Any, Any, Any], record: str) -> Response[bytes]:
        tenant = await _tenant(service, request, READ)
        return asked.answer(await steps.standing(service, tenant, record), StandingAnswer)

    @post(_path(UNDO_STEP), status_code=200, include_in_schema=False)
    async def undo(request: Request[Any, Any, Any], id_: str) -> Response[bytes]:
        tenant = await _tenant(service, request, TAKE)
        said = await asked.body(request, UndoStepBody)
        done = await steps.undo(service, tenant, id_, author=said.author, reason=said.reason)
        return asked.answer(done, StandingAnswer)

    return [standing, *(_taking(service, endpoint) for endpoint in (FOLLOW, SETTLE, CLAIM, RELEASE)), undo]


def _taking(service: Service, endpoint: Endpoint) -> HTTPRouteHandler:
    """The handler of one kind of step."""
    what = WHAT[endpoint.path]

    @post(_path(endpoint), status_code=200, include_in_schema=False)
    async def taken(request: Request[Any, Any, Any], record: str) -> Response[bytes]:
        tenant = await _tenant(service, request, TAKE)
        said = await asked.body(request, ClaimBody if what == "claim" else StepBody)
        words = steps.Words(
            author=said.author,
            reason=said.reason,
            at=said.at,
            id=said.id,
            account=said.account if isinstance(said, ClaimBody) else None,
        )
        return asked.answer(await steps.take(service, tenant, record, what, words), StandingAnswer)

    return taken


def _path(endpoint: Endpoint) -> str:
    """An endpoint's path as the framework writes it."""
    return endpoint.path.replace("{record}", "{record:str}").replace("{id}", "{id_:str}")


async def _tenant(service: Service, request: Request[Any, Any, Any], permission: str) -> Tenant:
    key = await bearer.caller(service, request, dialect=DIALECT, permission=permission)
    return key.tenant

"""The quality check's rules over HTTP: kept, tried, put in force."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from litestar import Request, Response, get, post

from huaxiang.dialects.native.rules import (
    APPLY_RULES,
    MOST_APPLIED,
    NO_RULES,
    PUT_RULES,
    RULES,
    TRY_RULES,
    WRITTEN_RULES,
    ApplyBody,
    KeptAnswer,
    ProgressAnswer,
    RulesBody,
    TrialAnswer,
    TrialBody,
    VersionsAnswer,
    WrittenAnswer,
)
from huaxiang.portrait import load
from huaxiang.server import asked, bearer
from huaxiang.steward import rules

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.model import Tenant
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "native"
PERMISSION: Final = "steward"
SLICE_SECONDS: Final = 1.0
"""For so long at least an `apply` goes on, before it answers."""


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The handlers, over this service."""
    del options  # nothing here depends on how the server was started

    @get(RULES.path, include_in_schema=False)
    async def listed(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request)
        versions, applied = (
            await rules.versions(service, tenant),
            await rules.applied(service, tenant, limit=MOST_APPLIED),
        )
        return asked.answer({"versions": versions, "applied": applied}, VersionsAnswer)

    @post(PUT_RULES.path, status_code=200, include_in_schema=False)
    async def put(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request)
        said = await asked.body(request, RulesBody)
        ruleset = load(said.text, "text")
        version = await rules.put(service, tenant, ruleset, text=said.text, author=said.author)
        return asked.answer({"version": version, "rules": len(ruleset.rules)}, KeptAnswer)

    @post(TRY_RULES.path, status_code=200, include_in_schema=False)
    async def tried(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request)
        said = await asked.body(request, TrialBody)
        draft = load(said.text, "text")
        told = [one async for one in rules.trial(service, tenant, draft, calls=said.calls, examples=said.examples)]
        return asked.answer(told[-1], TrialAnswer)

    @get(WRITTEN_RULES.path.replace("{version}", "{version:str}"), include_in_schema=False)
    async def written(request: Request[Any, Any, Any], version: str) -> Response[bytes]:
        tenant = await _tenant(service, request)
        return asked.answer({"version": version, "text": await rules.written(service, tenant, version)}, WrittenAnswer)

    @post(APPLY_RULES.path.replace("{version}", "{version:str}"), status_code=200, include_in_schema=False)
    async def applied(request: Request[Any, Any, Any], version: str) -> Response[bytes]:
        tenant = await _tenant(service, request)
        said = await asked.body(request, ApplyBody)
        await rules.begin(service, tenant, None if version == NO_RULES else version, author=said.author)
        until, changed = time.monotonic() + SLICE_SECONDS, 0
        told = await rules.go_on(service, tenant)
        while not told.finished:
            changed += told.changed
            if time.monotonic() >= until:
                break
            told = await rules.go_on(service, tenant, done=told.done, calls=told.calls)
        answer = ProgressAnswer(told.version, told.done, told.calls, changed, told.finished)
        return asked.answer(answer, ProgressAnswer)

    return [listed, put, tried, written, applied]


async def _tenant(service: Service, request: Request[Any, Any, Any]) -> Tenant:
    """The caller's tenant, if the caller may decide."""
    key = await bearer.caller(service, request, dialect=DIALECT, permission=PERMISSION)
    return key.tenant

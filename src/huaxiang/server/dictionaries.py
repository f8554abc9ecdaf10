"""A CRM's dictionaries over HTTP: listed, said, forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litestar import Request, Response, delete, get, put

from huaxiang.dialects.native.dictionaries import (
    DICTIONARY,
    DROP_ENTRY,
    PUT_ENTRY,
    DictionaryAnswer,
    DictionaryQuery,
    EntryAnswer,
    EntryBody,
    EntryQuery,
)
from huaxiang.server import asked, bearer
from huaxiang.steward import dictionaries

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.model import Tenant
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "native"
READ: Final = "customers"
CHANGE: Final = "steward"


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The handlers, over this service."""
    del options  # nothing here depends on how the server was started

    @get(DICTIONARY.path, include_in_schema=False)
    async def listed(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request, READ)
        wanted = asked.query(request, DictionaryQuery)
        found = await dictionaries.entries(service, tenant, account=wanted.account, kind=wanted.kind)
        return asked.answer({"entries": found}, DictionaryAnswer)

    @put(PUT_ENTRY.path, include_in_schema=False)
    async def said(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request, CHANGE)
        body = await asked.body(request, EntryBody)
        entry = await dictionaries.put(
            service, tenant, account=body.account, kind=body.kind, name=body.name, id_=body.id
        )
        return asked.answer(entry, EntryAnswer)

    @delete(DROP_ENTRY.path, status_code=200, include_in_schema=False)
    async def dropped(request: Request[Any, Any, Any]) -> Response[bytes]:
        tenant = await _tenant(service, request, CHANGE)
        wanted = asked.query(request, EntryQuery)
        entry = await dictionaries.drop(service, tenant, account=wanted.account, kind=wanted.kind, id_=wanted.id)
        return asked.answer(entry, EntryAnswer)

    return [listed, said, dropped]


async def _tenant(service: Service, request: Request[Any, Any, Any], permission: str) -> Tenant:
    key = await bearer.caller(service, request, dialect=DIALECT, permission=permission)
    return key.tenant

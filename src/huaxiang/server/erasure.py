"""Erasure over HTTP: `DELETE /v1/customers/{id}`, for keys that may.

Rule 1: who erases, and why, comes in the query, which no log of ours holds; a proxy's may, so no personal datum belongs
        there.
Rule 2: an id that is no number of ours, whatever it looks like, is not found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request, Response, delete

from huaxiang.dialects.native import inward
from huaxiang.dialects.native.erasure import ERASE, EraseQuery
from huaxiang.errors import NotFound
from huaxiang.server import bearer
from huaxiang.steward import erasure

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The handlers, over this service."""
    del options  # nothing here depends on how the server was started

    @delete(ERASE.path.replace("{id}", "{id_:str}"), status_code=200, include_in_schema=False)
    async def erase(request: Request[Any, Any, Any], id_: str) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect="native", permission="erase")
        asked = _asked(dict(request.query_params))
        if not _NUMBER.fullmatch(id_):
            raise NotFound(field="id", reason="no customer has this number")
        if asked.preview:
            told = await erasure.preview(service, key.tenant, int(id_), only=asked.only)
        else:
            told = await erasure.erase(
                service, key.tenant, int(id_), author=asked.author, reason=asked.reason, only=asked.only
            )
        return Response(content=msgspec.json.encode(told), media_type="application/json")

    return [erase]


def _asked(query: dict[str, Any]) -> EraseQuery:
    try:
        return msgspec.convert(query, EraseQuery, strict=False)
    except ValueError as error:
        raise inward.refusal(error) from None

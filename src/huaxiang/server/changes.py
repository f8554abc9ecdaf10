"""The change feed over HTTP: `/v1/changes` and `/v1/ids/{id}`.

Rule 1: an id that is no number of ours, whatever it looks like, is not found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from litestar import Request, Response, get

from huaxiang.dialects.native.changes import CHANGES, GET_ID, ChangesAnswer, ChangesQuery, IdAnswer
from huaxiang.server import asked, bearer
from huaxiang.steward import ids

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "native"

_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The handlers, over this service."""
    del options  # nothing here depends on how the server was started

    @get(CHANGES.path, include_in_schema=False)
    async def changes(request: Request[Any, Any, Any]) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT, permission="customers")
        wanted = asked.query(request, ChangesQuery)
        page = await ids.page(service, key.tenant, after=wanted.after, limit=wanted.limit)
        return asked.answer(page, ChangesAnswer)

    @get(GET_ID.path.replace("{id}", "{id_:str}"), include_in_schema=False)
    async def get_id(request: Request[Any, Any, Any], id_: str) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT, permission="customers")
        number = int(id_) if _NUMBER.fullmatch(id_) else 0
        return asked.answer(await ids.lead(service, key.tenant, number), IdAnswer)

    return [changes, get_id]

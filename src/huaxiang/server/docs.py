"""The documentation that the server serves: a page for people, an OpenAPI for tools; `/` leads to the page.

Takes nothing, gives handlers. Both are made once in a worker, at the first question, from what its handlers run on.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec
from litestar import Response, get
from litestar.response import Redirect

from huaxiang.server.page import html, openapi

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

PAGE, OPENAPI = "/docs", "/docs/openapi.json"

_SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def routes() -> list[HTTPRouteHandler]:
    """The handlers of the documentation: no key is asked for, and nothing of a tenant is told."""

    @get("/", include_in_schema=False)
    async def root() -> Redirect:
        return Redirect(PAGE)

    @get(PAGE, include_in_schema=False)
    async def page() -> Response[bytes]:
        return Response(content=_page(), media_type="text/html", headers=_SAFE)

    @get(OPENAPI, include_in_schema=False)
    async def document() -> Response[bytes]:
        return Response(content=_document(), media_type="application/json", headers=_SAFE)

    return [root, page, document]


@cache
def _page() -> bytes:
    return html.page().encode()


@cache
def _document() -> bytes:
    return msgspec.json.encode(openapi.document())

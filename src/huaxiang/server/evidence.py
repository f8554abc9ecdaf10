"""Evidence over HTTP: why a customer is one, what it was, how two identifiers hang together, all of it to take away.

Rule 1: an id that is no number of ours, whatever it looks like, is not found.
Rule 2: an export goes out as it is read; whoever is refused is refused before its first byte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.response import Stream

from huaxiang.dialects.native import inward
from huaxiang.dialects.native.evidence import EXPLAIN, EXPORT, HISTORY, PATH, PathBody
from huaxiang.errors import NotFound, Refused, WrongMediaType
from huaxiang.identifiers import normalise
from huaxiang.server import bearer
from huaxiang.steward import evidence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litestar.handlers import HTTPRouteHandler

    from huaxiang.model import Identifier, Mention
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "native"

_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_LARGEST: Final = 2**63 - 1
_PATH_BODY = msgspec.json.Decoder(PathBody)
_ENCODER = msgspec.json.Encoder()


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The handlers, over this service."""
    del options  # nothing here depends on how the server was started

    @get(_below(EXPLAIN.path), include_in_schema=False)
    async def explain(request: Request[Any, Any, Any], id_: str) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT, permission="customers")
        return _answer(await evidence.explain(service, key.tenant, _number(id_)))

    @get(_below(HISTORY.path), include_in_schema=False)
    async def history(request: Request[Any, Any, Any], id_: str) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT, permission="customers")
        told = request.query_params.get("at")
        at = None if told is None else evidence.moment(key.tenant, told)
        return _answer(await evidence.history(service, key.tenant, _number(id_), at=at))

    @post(PATH.path, status_code=200, include_in_schema=False)
    async def path(request: Request[Any, Any, Any]) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT, permission="customers")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {"", "application/json"}:
            raise WrongMediaType
        asked = _asked(await request.body())
        one, other = _meant("one", asked.one), _meant("other", asked.other)
        return _answer(await evidence.path(service, key.tenant, one, other))

    @get(_below(EXPORT.path), include_in_schema=False)
    async def export(request: Request[Any, Any, Any], id_: str) -> Stream:
        key = await bearer.caller(service, request, dialect=DIALECT, permission="erase")
        pieces = evidence.export(service, key.tenant, _number(id_))
        return Stream(_after(await anext(pieces), pieces), media_type="application/json")

    return [explain, history, path, export]


def _below(path: str) -> str:
    return path.replace("{id}", "{id_:str}")


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > _LARGEST:
        raise NotFound(field="id", reason="no customer has this number")
    return int(text)


def _asked(body: bytes) -> PathBody:
    try:
        return _PATH_BODY.decode(body)
    except (ValueError, RecursionError) as error:
        raise inward.refusal(error) from None


def _meant(field: str, mention: Mention) -> Identifier:
    try:
        return normalise(mention)
    except Refused as refusal:
        raise type(refusal)(field=field, reason=refusal.reason) from None


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


def _answer(found: msgspec.Struct) -> Response[bytes]:
    return Response(content=_ENCODER.encode(found), media_type="application/json")

"""The native API over HTTP: `/v1/facts`, `/v1/customers/{id}`, `/v1/customers/lookup`.

Takes a request, gives the answer's bytes; whatever is refused is raised as an error of the house, and the app finds the
words for it.

Rule 1: in this order: the token is known and not too often seen, the body is of a type that the call takes, the body
    is right. Who is not known learns nothing of the input.
Rule 2: a batch with bad facts is a success that names them; only a body that is no batch is refused.
Rule 3: an identifier that can't be one of its kind has no customer: null in its place.
Rule 4: an id that is no number of ours, whatever it looks like, is not found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post

from huaxiang.dialects.native import inward, outward
from huaxiang.dialects.native.wire import GET_CUSTOMER, LOOK_UP, POST_FACTS
from huaxiang.errors import InputInvalid, NotFound, WrongMediaType
from huaxiang.identifiers import normalise
from huaxiang.model import Identifier, Mention, Parsed
from huaxiang.server import bearer

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "native"

_JSON: Final = frozenset({"", "application/json"})
_LINES: Final = frozenset({"application/x-ndjson", "application/jsonl"})
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The dialect's handlers, over this service."""
    del options  # nothing here depends on how the server was started

    @post(POST_FACTS.path, status_code=200, include_in_schema=False)
    async def facts(request: Request[Any, Any, Any]) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT, permission="facts")
        kind = _media_type(request, _JSON | _LINES)
        decode = inward.decode_lines if kind in _LINES else inward.decode_batch
        found, rejects = decode(await request.body(), ZoneInfo(key.tenant.time_zone))
        outcome = await service.land(key.tenant, [(line, Parsed(facts=(fact,))) for line, fact in found])
        return _answer(outward.outcome(outcome, rejects))

    @get(GET_CUSTOMER.path.replace("{id}", "{id_:str}"), include_in_schema=False)
    async def customer(request: Request[Any, Any, Any], id_: str) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT, permission="customers")
        number = int(id_) if _NUMBER.fullmatch(id_) else 0
        found = await service.customers(key.tenant, [number]) if 0 < number < 1 << 63 else [None]
        if found[0] is None:
            raise NotFound(field="id", reason="no customer has this number")
        return _answer(outward.customer(found[0]))

    @post(LOOK_UP.path, status_code=200, include_in_schema=False)
    async def look_up(request: Request[Any, Any, Any]) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT, permission="customers")
        _media_type(request, _JSON)
        wanted = [_meant(mention) for mention in inward.decode_lookup(await request.body())]
        known = [identifier for identifier in wanted if identifier is not None]
        found = iter(await service.customers(key.tenant, known))
        return _answer(outward.customers([None if identifier is None else next(found) for identifier in wanted]))

    return [facts, customer, look_up]


def _media_type(request: Request[Any, Any, Any], taken: frozenset[str]) -> str:
    """The body's media type without its parameters; raises `WrongMediaType` for one that the call does not take."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in taken:
        raise WrongMediaType
    return kind


def _meant(mention: Mention) -> Identifier | None:
    try:
        return normalise(mention)
    except InputInvalid:
        return None


def _answer(content: bytes) -> Response[bytes]:
    return Response(content=content, media_type="application/json")

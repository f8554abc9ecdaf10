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
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from huaxiang import read
from huaxiang.dialects.native import inward, outward
from huaxiang.dialects.native.wire import GET_CUSTOMER, LOOK_UP, POST_FACTS
from huaxiang.errors import InputInvalid, NotFound, WrongMediaType
from huaxiang.identifiers import normalise
from huaxiang.lookup import Made
from huaxiang.model import Identifier, Mention, Parsed
from huaxiang.server import bearer
from huaxiang.server.hot import Hot

if TYPE_CHECKING:
    from huaxiang.lookup import Passage
    from huaxiang.server.call import Call
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "native"

PARTS: Final = tuple(part for part in read.PARTS if part not in {"refs", "step"})
"""What is shown of a customer: all but the names of its calls, and what was done about its records."""

_JSON: Final = frozenset({"", "application/json"})
_LINES: Final = frozenset({"application/x-ndjson", "application/jsonl"})
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


def hots(service: Service, options: ServerOptions) -> list[Hot]:
    """The dialect's endpoints, for the fast entry."""
    del options  # nothing here depends on how the server was started

    async def facts(call: Call) -> bytes:
        authorization = call.header(b"authorization")
        key = await bearer.holder(service, authorization, dialect=DIALECT, permission="facts")
        kind = _media_type(call.header(b"content-type"), _JSON | _LINES)
        decode = inward.decode_lines if kind in _LINES else inward.decode_batch
        found, rejects = decode(await call.body(), ZoneInfo(key.tenant.time_zone))
        outcome = await service.land(key.tenant, [(line, Parsed(facts=(fact,))) for line, fact in found])
        return outward.outcome(outcome, rejects)

    async def customer(call: Call) -> bytes:
        id_ = call.parameters["id"]
        number = int(id_) if _NUMBER.fullmatch(id_) else 0

        async def make(passage: Passage) -> Made:
            if not 0 < number < 1 << 63:
                raise NotFound(field="id", reason="no customer has this number")
            found = await service.lookups.customers(passage, [number], parts=PARTS, now=service.now())
            if (customer := found.customers[0]) is None:
                raise NotFound(field="id", reason="no customer has this number")
            return found.made(outward.customer(customer))

        async def serve(passage: Passage) -> bytes:
            return await service.lookups.answer(passage, call.path.encode(), make)

        return await bearer.through(service, call, serve, dialect=DIALECT, permission="customers")

    async def look_up(call: Call) -> bytes:
        async def make(passage: Passage) -> Made:
            wanted = [_meant(mention) for mention in inward.decode_lookup(await call.body())]
            known = [identifier for identifier in wanted if identifier is not None]
            found = await service.lookups.customers(passage, known, parts=PARTS, now=service.now())
            each = iter(found.customers)
            shown = [None if identifier is None else next(each) for identifier in wanted]
            return found.made(outward.customers(shown))

        async def serve(passage: Passage) -> bytes:
            _media_type(call.header(b"content-type"), _JSON)
            return await service.lookups.answer(passage, b"lookup" + await call.body(), make)

        return await bearer.through(service, call, serve, dialect=DIALECT, permission="customers")

    return [Hot(POST_FACTS, facts), Hot(GET_CUSTOMER, customer, r"/v1/customers/(?P<id>[0-9]+)"), Hot(LOOK_UP, look_up)]


def _media_type(said: str, taken: frozenset[str]) -> str:
    """The body's media type without its parameters; raises `WrongMediaType` for one that the call does not take."""
    kind = said.partition(";")[0].strip().lower()
    if kind not in taken:
        raise WrongMediaType
    return kind


def _meant(mention: Mention) -> Identifier | None:
    try:
        return normalise(mention)
    except InputInvalid:
        return None

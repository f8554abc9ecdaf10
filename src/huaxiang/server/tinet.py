"""Tinet over HTTP: `GET /sqc/customerPortrait`.

Takes a request, gives the vendor's bytes; whatever is refused is raised as an error of the house, and the app finds the
vendor's word for it.

Rule 1: in this order: the query decodes, the signature passes, it is not too often, the key may do this, the
    parameters are right. Who is not known learns nothing of the parameters.
Rule 2: the host that counts is the one that the client addressed: the public host where one is set, else the `Host`
    header; without its port.
Rule 3: the key must have the permission `portrait`.
Rule 4: the caller is taken for the vendor's SDK as the key's `retry` says: `auto`, when the `User-Agent` starts with
    `Apache-HttpClient/`; `never` (serve no `retry`), always; `always`, never.
Rule 5: a long page goes out in pieces, while the store still reads; a single number's row travels with other callers'.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final, NamedTuple

from huaxiang.dialects.tinet import outward, signing
from huaxiang.dialects.tinet.wire import CUSTOMER_PORTRAIT, CustomerPortraitQuery, read_query
from huaxiang.errors import NotPermitted
from huaxiang.memory import Credential
from huaxiang.model import AccessKey, Tenant
from huaxiang.pages import CHUNK_ROWS, Rendering
from huaxiang.relay import relayed
from huaxiang.server import bearer, signed
from huaxiang.server.hot import Hot

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from huaxiang.lookup import Passage
    from huaxiang.server.call import Call
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

PERMISSION: Final = "portrait"
DIALECT: Final = "tinet"
RENDERING: Final = Rendering(outward.EDITION, outward.prepared)
PIECES_AHEAD: Final = 2

_SDK: Final = "Apache-HttpClient/"


class _Page(NamedTuple):
    """A page that passed: what is asked for, of whom, for whom."""

    query: CustomerPortraitQuery
    tenant: Tenant
    for_sdk: bool
    request_id: str

    def head(self, total: int) -> bytes:
        query = self.query
        return outward.head(total, offset=query.offset, limit=query.limit, request_id=self.request_id)

    def opening(self) -> bytes:
        """What stands between two rows before they are made fit for the caller."""
        return outward.opening(self.tenant.login_name)

    def fit(self, rows: bytes) -> bytes:
        """Rows as this caller can read them."""
        return outward.for_sdk(rows) if self.for_sdk else rows


def hots(service: Service, options: ServerOptions) -> list[Hot]:
    """The dialect's page of portraits, for the fast entry."""

    async def customer_portrait(call: Call) -> bytes | AsyncIterator[bytes]:
        claimed, pairs = signing.read(call.query_string)
        host = options.public_host or call.header("host")

        async def serve(passage: Passage) -> bytes | _Page:
            await _pass(service, passage, call, claimed, host)
            for_sdk = is_sdk(passage.key, call.header("user-agent"))
            page = _Page(read_query(pairs), passage.tenant, for_sdk, call.request_id)
            if len(page.query.customerNumber) == 1 and _is_plain(page):
                return await _of_number(service, passage, page)
            if min(page.query.limit, len(page.query.customerNumber) or page.query.limit) > CHUNK_ROWS:
                return page
            return b"".join([piece async for piece in _pieces(service, page)])

        answer = await service.lookups.through(Credential(DIALECT, "name", claimed.access_key_id), serve)
        if isinstance(answer, bytes):
            return answer
        return relayed(_pieces(service, answer), pieces=PIECES_AHEAD)

    return [Hot(CUSTOMER_PORTRAIT, customer_portrait)]


def is_sdk(key: AccessKey, user_agent: str) -> bool:
    """Whether to answer as the vendor's SDK can read it (Rule 4)."""
    retry = key.options.get("retry", "auto")
    return retry == "never" or (retry == "auto" and user_agent.startswith(_SDK))


async def _pass(service: Service, passage: Passage, call: Call, claimed: signing.Claim, host: str) -> None:
    """Raises what `signing` raises, TooOften, and NotPermitted."""
    key = passage.key
    reading = signed.verify(service, key, claimed, method=call.method, host=host, path=call.path)
    if reading not in key.readings:
        await service.note_clock(key, reading)
    if key.rate is not None:
        await bearer.accept(service, passage)
    if PERMISSION not in key.permissions:
        raise NotPermitted(reason=PERMISSION)


def _is_plain(page: _Page) -> bool:
    """Whether a row is a number, whatever labels it carries."""
    return not page.query.portraits and page.tenant.settings.portrait_scope == "number"


async def _of_number(service: Service, passage: Passage, page: _Page) -> bytes:
    """The page of a single number."""
    row = await service.ready.of_number(passage, page.query.customerNumber[0], RENDERING, now=service.now())
    head = page.head(1 if row else 0)
    if not row or page.query.offset:
        return head + outward.TAIL
    return b"".join((head, page.fit(page.opening()[1:] + row), outward.TAIL))


async def _pieces(service: Service, page: _Page) -> AsyncGenerator[bytes]:
    """A page's bytes, a piece at a time."""
    query, opening = page.query, page.opening()
    found = service.rendered_portraits(
        page.tenant,
        numbers=query.customerNumber or None,
        labels=query.portraits,
        offset=query.offset,
        limit=query.limit,
        rendering=RENDERING,
        between=opening,
    )
    is_first = True
    async with aclosing(found):
        async for total, rows in found:
            if not rows:
                yield page.head(total)
                continue
            yield page.fit((opening[1:] if is_first else opening) + rows)
            is_first = False
    yield outward.TAIL

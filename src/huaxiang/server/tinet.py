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
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from litestar import Request, Response, get

from huaxiang.dialects.tinet import outward, signing
from huaxiang.dialects.tinet.wire import CUSTOMER_PORTRAIT, read_query
from huaxiang.errors import NotAuthenticated, NotPermitted
from huaxiang.model import AccessKey

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "tinet"
PERMISSION: Final = "portrait"

_SDK: Final = "Apache-HttpClient/"


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The dialect's handlers, over this service."""

    @get(CUSTOMER_PORTRAIT.path, include_in_schema=False)
    async def customer_portrait(request: Request[Any, Any, Any]) -> Response[bytes]:
        pairs = signing.decode_query(request.scope["query_string"])
        key = await _caller(service, request, pairs, public_host=options.public_host)
        if PERMISSION not in key.permissions:
            raise NotPermitted(reason=PERMISSION)
        query = read_query(pairs)
        portraits = await service.portraits(
            key.tenant,
            numbers=query.customerNumber or None,
            labels=query.portraits,
            offset=query.offset,
            limit=query.limit,
        )
        content = outward.page(
            portraits,
            login_name=key.tenant.login_name,
            offset=query.offset,
            limit=query.limit,
            request_id=request.state.request_id,
            for_sdk=is_sdk(key, request.headers.get("user-agent", "")),
        )
        return Response(content=content, media_type="application/json")

    return [customer_portrait]


def is_sdk(key: AccessKey, user_agent: str) -> bool:
    """Whether to answer as the vendor's SDK can read it (Rule 4)."""
    retry = key.options.get("retry", "auto")
    return retry == "never" or (retry == "auto" and user_agent.startswith(_SDK))


async def _caller(
    service: Service, request: Request[Any, Any, Any], pairs: signing.Pairs, *, public_host: str | None
) -> AccessKey:
    """The key that signed the request; raises what `signing` raises, NotAuthenticated for an unknown key, TooOften."""
    claimed = signing.claim(pairs)
    key = await service.key_by_name(DIALECT, claimed.access_key_id)
    if key is None:
        raise NotAuthenticated
    reading = signing.verify(
        claimed,
        request.method,
        public_host or request.headers.get("host", ""),
        request.scope["path"],
        secret=key.secret,
        clock=cast("signing.Clock", key.options.get("clock", "both")),
        now=service.now(),
    )
    await service.note_clock(key, reading)
    await service.accept(key)
    return key

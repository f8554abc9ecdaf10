"""Tinet's calls over HTTP: the pushes (`cdr`, `asr_text`), and the reads of calls' results.

Takes a request, gives the vendor's bytes; whatever is refused is raised as an error of the house, and the app finds the
vendor's word for it.

Rule 1: in this order: the query decodes, the signature passes, it is not too often, the key may do this, the query's
    parameters are known, the body is JSON by its media type, it is there, it is right. Who is not known learns nothing
    of the input.
Rule 2: a push needs the permission `push`, a read `results`. A key has what it was made with.
Rule 3: a push that was answered with success has landed; whatever can't land is refused, with its field and why.
Rule 4: a call, its transcripts and its priority come in any order, twice, or late.
Rule 5: the caller is taken for the vendor's SDK as for a page of portraits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post, put

from huaxiang.calls import Wanted
from huaxiang.dialects.tinet import calls, inward, query, results
from huaxiang.dialects.tinet.wire import (
    CALL_DETAIL,
    CALL_DETAILS,
    CALL_ROWS,
    CHANGE_CALL,
    PUSH_CALL,
    PUSH_TRANSCRIPT,
)
from huaxiang.errors import InputInvalid, NotFound, WrongMediaType
from huaxiang.server import signed
from huaxiang.server.tinet import is_sdk

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.dialects.tinet import signing
    from huaxiang.model import AccessKey, Parsed
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

PUSH: Final = "push"
RESULTS: Final = "results"

_JSON: Final = frozenset({"", "application/json"})


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The handlers, over this service."""
    host = options.public_host
    return [*_pushes(service, host), *_reads(service, host)]


def _pushes(service: Service, host: str | None) -> list[HTTPRouteHandler]:
    @post(PUSH_CALL.path, status_code=200, include_in_schema=False)
    async def push_call(request: Request[Any, Any, Any]) -> Response[bytes]:
        key, body = await _pushed(service, request, host)
        parsed = inward.call(inward.body(body), ZoneInfo(key.tenant.time_zone))
        return await _land(service, request, key, parsed, "cdr推送成功")

    @put(CHANGE_CALL.path, include_in_schema=False)
    async def change_call(request: Request[Any, Any, Any]) -> Response[bytes]:
        key, body = await _pushed(service, request, host)
        parsed = inward.priority(inward.body(body), ZoneInfo(key.tenant.time_zone), service.now())
        return await _land(service, request, key, parsed, "cdr修改成功")

    @post(PUSH_TRANSCRIPT.path, status_code=200, include_in_schema=False)
    async def push_transcript(request: Request[Any, Any, Any]) -> Response[bytes]:
        key, body = await _pushed(service, request, host)
        parsed = inward.transcript(inward.body(body), ZoneInfo(key.tenant.time_zone))
        return await _land(service, request, key, parsed, "asr推送成功,正在质检")

    return [push_call, change_call, push_transcript]


def _reads(service: Service, host: str | None) -> list[HTTPRouteHandler]:
    @get(CALL_DETAIL.path, include_in_schema=False)
    async def call_detail(request: Request[Any, Any, Any]) -> Response[bytes]:
        key, pairs = await _asked(service, request, host, RESULTS)
        asked = results.read_call_detail(pairs)
        (found,) = await service.call_results(key.tenant, inward.SOURCE, [(asked.userId, asked.uniqueId)])
        if found is None:
            raise NotFound(field="uniqueId")
        return _answer(calls.detail(found, **_told(request, key)))

    @get(CALL_DETAILS.path, include_in_schema=False)
    async def call_details(request: Request[Any, Any, Any]) -> Response[bytes]:
        key, pairs = await _asked(service, request, host, RESULTS)
        asked = results.read_call_details(pairs)
        since, until = results.day(asked, ZoneInfo(key.tenant.time_zone))
        fields = results.origin_data(asked)
        scroll = results.scroll(asked, since)
        wanted = Wanted(
            source=inward.SOURCE,
            since=since,
            until=until,
            enterprise=asked.userId or None,
            details={"originDataList": fields} if fields else None,
        )
        page = await service.call_page(key.tenant, wanted, limit=asked.limit, after=scroll.after)
        return _answer(
            calls.details(page, start=scroll.start, limit=asked.limit, begin=scroll.after, **_told(request, key))
        )

    @get(CALL_ROWS.path, include_in_schema=False)
    async def call_rows(request: Request[Any, Any, Any]) -> Response[bytes]:
        key, pairs = await _asked(service, request, host, RESULTS)
        asked = results.read_call_rows(pairs)
        since, until = results.span(asked, ZoneInfo(key.tenant.time_zone))
        wanted = Wanted(source=inward.SOURCE, since=since, until=until, ids=asked.uniqueIdList or None)
        page = await service.call_page(key.tenant, wanted, limit=asked.limit, offset=asked.offset)
        login_name = key.tenant.login_name
        return _answer(
            calls.rows(page, login_name=login_name, offset=asked.offset, limit=asked.limit, **_told(request, key))
        )

    return [call_detail, call_details, call_rows]


async def _asked(
    service: Service, request: Request[Any, Any, Any], host: str | None, permission: str
) -> tuple[AccessKey, signing.Pairs]:
    """The key that asks, which may do this, and the query's parameters but for the signature's."""
    return await signed.caller(
        service,
        request.scope["query_string"],
        method=request.method,
        host=host or request.headers.get("host", ""),
        path=request.scope["path"],
        permission=permission,
    )


async def _pushed(service: Service, request: Request[Any, Any, Any], host: str | None) -> tuple[AccessKey, bytes]:
    """The key that pushes, and the body. Raises InputUnknown for a parameter, WrongMediaType, InputTooLarge."""
    key, pairs = await _asked(service, request, host, PUSH)
    query.given(pairs, ())
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _JSON:
        raise WrongMediaType
    return key, await request.body()


async def _land(
    service: Service, request: Request[Any, Any, Any], key: AccessKey, parsed: Parsed, message: str
) -> Response[bytes]:
    """Land a push. Raises InputInvalid for what the house can't take."""
    outcome = await service.land(key.tenant, [(1, parsed)])
    for reject in outcome.rejects:
        raise InputInvalid(field=reject.field or "body", reason=reject.reason)
    return _answer(calls.pushed(message, **_told(request, key)))


def _told(request: Request[Any, Any, Any], key: AccessKey) -> dict[str, Any]:
    """What every answer is made with."""
    return {
        "request_id": request.state.request_id,
        "for_sdk": is_sdk(key, request.headers.get("user-agent", "")),
    }


def _answer(content: bytes) -> Response[bytes]:
    return Response(content=content, media_type="application/json")

"""The server: every route on one screen, every error in its caller's words.

Takes options, gives the ASGI application that Granian's workers run.

Rule 1: a path belongs to a dialect; whatever is refused below it, a path that is not there included, is answered in
        that dialect's words.
Rule 2: a handler raises errors of the house; only `_refused` turns one into bytes.
Rule 3: the log tells method, route, status and time of a request, and of a failure where it happened: no query, no
        body, no id, no name.
"""

from __future__ import annotations

import asyncio
import gc
import time
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.status_codes import HTTP_404_NOT_FOUND, HTTP_405_METHOD_NOT_ALLOWED, HTTP_413_REQUEST_ENTITY_TOO_LARGE

from huaxiang import __version__, logs
from huaxiang.dialects.native import errors as native_words
from huaxiang.dialects.rabbitpre import errors as rabbitpre_words
from huaxiang.dialects.telrobot import errors as telrobot_words
from huaxiang.dialects.tinet import errors as tinet_words
from huaxiang.errors import Busy, Failed, InputInvalid, InputTooLarge, NotFound, Refused, WrongMethod
from huaxiang.identifiers import carrier, home
from huaxiang.server import (
    changes,
    decisions,
    dictionaries,
    docs,
    erasure,
    evidence,
    native,
    rabbitpre,
    rabbitpre_calls,
    rules,
    steps,
    suggestions,
    telrobot,
    telrobot_calls,
    tinet,
    tinet_calls,
)
from huaxiang.server.call import LARGEST_BODY_BYTES, Call
from huaxiang.server.hot import Entry, Hot, Refusal, mounted
from huaxiang.server.options import ServerOptions
from huaxiang.service import Service
from huaxiang.shelf import Shelf
from huaxiang.store import Store
from huaxiang.webhooks.courier import Courier

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from litestar.types import ASGIApp, Message, Receive, Scope, Send

WARM = "+8613800138000"
COLLECT = (10_000, 20, 1_000)
"""How seldom garbage is collected: what requests leave is freed at once, and a walk through all there is takes long."""
HOT = (tinet, rabbitpre, rabbitpre_calls, telrobot, native)
"""Whose most called endpoints stand beside the framework."""
WORDS: dict[str, Callable[..., tuple[int, bytes]]] = {
    "/sqc": tinet_words.answer,
    "/api/open": rabbitpre_words.answer,
    "/agent-api": telrobot_words.answer,
    "": native_words.answer,
}
"""Which dialect answers below which path."""

_log = structlog.get_logger("huaxiang.server")


def create() -> ASGIApp:
    """The application, for a worker: its options from the environment, and every request in the log."""
    logs.configure()
    return application(ServerOptions.from_environment())


def application(options: ServerOptions) -> ASGIApp:
    """The application, over the database of `options`: the fast entry, and the framework behind it."""
    store = Store()
    shelf = Shelf.at(options.shelf) if options.shelf else None
    service = Service(store, answer_bytes=options.answer_mib << 20, shelf=shelf)
    hots = [hot for module in HOT for hot in module.hots(service, options)]
    return _observed(_framework(store, service, hots, options), Entry(hots, worded))


def _framework(store: Store, service: Service, hots: Sequence[Hot], options: ServerOptions) -> Litestar:
    """Every route."""

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncGenerator[None]:
        # What looks a number up takes a second to load: now, rather than in somebody's first request.
        carrier(WARM)
        home(WARM)
        async with store.open(options.database):
            # What is there now stays: no collection has to walk it.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*COLLECT)
            courier = Courier(service)
            sending = asyncio.create_task(courier.run())
            yield
            courier.stop()
            await sending
            await service.flush()

    return Litestar(
        route_handlers=[
            *tinet_calls.routes(service, options),
            *rabbitpre.routes(service, options),
            *telrobot.routes(service, options),
            *telrobot_calls.routes(service, options),
            *evidence.routes(service, options),
            *erasure.routes(service, options),
            *changes.routes(service, options),
            *decisions.routes(service, options),
            *rules.routes(service, options),
            *suggestions.routes(service, options),
            *steps.routes(service, options),
            *dictionaries.routes(service, options),
            *(mounted(hot) for hot in hots),
            *docs.routes(),
            _health(store),
        ],
        lifespan=[lifespan],
        exception_handlers={HTTPException: _refused, Refused: _refused, Exception: _refused},
        request_max_body_size=LARGEST_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )


def _health(store: Store) -> Any:  # noqa: ANN401 - the decorator's own type tells more than a reader needs
    @get("/health", include_in_schema=False)
    async def health() -> Response[dict[str, str]]:
        """Whether this worker reaches its database."""
        try:
            async with store.reading() as tx:
                await tx.row("alive")
        except Refused:
            return Response({"status": "down", "version": __version__}, status_code=503)
        return Response({"status": "up", "version": __version__})

    return health


def _observed(app: ASGIApp, entry: Entry) -> ASGIApp:
    """Give every request its id, an answer, and the log a line when it is answered."""
    log = logs.Requests()

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started, status, request_id = time.perf_counter(), 0, logs.request_id()
        method = scope["method"]
        found = entry.find(method, scope["path"])
        if found is not None:
            hot, parameters = found
            try:
                status = await entry.answer(hot, Call(scope, receive, parameters, request_id), send)
            finally:
                log.tell(method, hot.endpoint.path, status, time.perf_counter() - started, request_id)
            return

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            scope.setdefault("state", {})["request_id"] = request_id
            await app(scope, receive, noting)
        finally:
            log.tell(method, scope.get("path_template") or "-", status, time.perf_counter() - started, request_id)

    return observed


def _refused(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The framework's answer to a request that ends with an error."""
    refusal = worded(request.scope["path"], request.scope["state"]["request_id"], error)
    return Response(
        content=refusal.content,
        status_code=refusal.status,
        media_type="application/json",
        headers=dict(refusal.headers),
    )


def worded(path: str, request_id: str, error: Exception) -> Refusal:
    """An error in the words of the dialect whose path it is; the log is told of what is our fault."""
    refusal = _as_refusal(error)
    if isinstance(refusal, Failed):
        # Where it happened, not what it held: the text of a foreign error may quote a value.
        frames = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        _log.error("failure", request_id=request_id, error=type(error).__name__, frames=frames[-12:])
    elif isinstance(refusal, Busy):
        _log.warning("busy", request_id=request_id, reason=refusal.reason)
    words = next(answer for prefix, answer in WORDS.items() if path == prefix or path.startswith(f"{prefix}/"))
    status, content = words(refusal, request_id=request_id)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return Refusal(status, content, {name: value for name, value in headers.items() if name.lower() == "allow"})


def _as_refusal(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, HTTPException):
        if error.status_code == HTTP_404_NOT_FOUND:
            return NotFound()
        if error.status_code == HTTP_405_METHOD_NOT_ALLOWED:
            return WrongMethod()
        if error.status_code == HTTP_413_REQUEST_ENTITY_TOO_LARGE:
            return InputTooLarge(field="body")
        if 400 <= error.status_code < 500:  # noqa: PLR2004 - what HTTP calls the client's fault
            return InputInvalid(field="request")
    return Failed()

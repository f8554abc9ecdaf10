"""The server: every route on one screen, every error in its caller's words.

Takes options, gives the application that Granian's workers run, by its own interface (RSGI).

Rule 1: a path belongs to a dialect; whatever is refused below it, a path that is not there included, is answered in
        that dialect's words.
Rule 2: a handler raises errors of the house; only `_refused` turns one into bytes.
Rule 3: the log tells method, route, status (0: no whole answer went out) and time of a request, and of a failure where
        it happened: no query, no body, no id, no name.
"""

from __future__ import annotations

import asyncio
import gc
import time
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import structlog
from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException, LitestarException
from litestar.status_codes import HTTP_404_NOT_FOUND, HTTP_405_METHOD_NOT_ALLOWED, HTTP_413_REQUEST_ENTITY_TOO_LARGE

from huaxiang import __version__, logs
from huaxiang.dialects.native import errors as native_words
from huaxiang.dialects.rabbitpre import errors as rabbitpre_words
from huaxiang.dialects.telrobot import errors as telrobot_words
from huaxiang.dialects.tinet import errors as tinet_words
from huaxiang.errors import Busy, Failed, InputInvalid, InputTooLarge, NotFound, Refused, WrongMethod
from huaxiang.identifiers import carrier, home
from huaxiang.server import (
    bridge,
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
from huaxiang.server.call import GONE, LARGEST_BODY_BYTES, BrokenOff, ServerCall
from huaxiang.server.hot import Entry, Hot, Refusal, mounted
from huaxiang.server.options import ServerOptions
from huaxiang.service import Service
from huaxiang.shelf import Shelf
from huaxiang.store import Store
from huaxiang.webhooks.courier import Courier

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from granian.rsgi import Scope as ServerScope
    from litestar.types import Scope

    from huaxiang.server.call import ServerProtocol
    from huaxiang.server.hot import Reply

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


def create() -> Application:
    """The application, for a worker: its options from the environment, and every request in the log."""
    logs.configure()
    return application(ServerOptions.from_environment())


def application(options: ServerOptions) -> Application:
    """The application, over the database of `options`: the fast entry, and the framework behind it."""
    store = Store()
    shelf = Shelf.at(options.shelf) if options.shelf else None
    service = Service(store, answer_bytes=options.answer_mib << 20, shelf=shelf)
    hots = [hot for module in HOT for hot in module.hots(service, options)]
    return Application(_framework(store, service, hots, options), Entry(hots, worded))


class Application:
    """Gives every request its id, an answer, and the log a line when it is answered."""

    def __init__(self, framework: Litestar, entry: Entry) -> None:
        """Answer by the entry what it knows, all else by the framework."""
        self._framework, self._entry = framework, entry
        self._begun, self._over = asyncio.Event(), asyncio.Event()
        self._living: asyncio.Task[None] | None = None
        self._log = logs.Requests()

    def __rsgi_init__(self, loop: AbstractEventLoop) -> None:
        """Begin to serve; the loop does not run yet."""
        self._living = loop.create_task(self._live())
        loop.run_until_complete(self._is_up())

    def __rsgi_del__(self, loop: AbstractEventLoop) -> None:
        """End, when the last request is answered."""
        self._over.set()
        if self._living is not None:
            loop.run_until_complete(self._living)

    async def _live(self) -> None:
        """Hold what the framework holds while it serves: in one task, from beginning to end, as its parts want it."""
        async with self._framework.lifespan():
            self._begun.set()
            await self._over.wait()

    async def _is_up(self) -> None:
        assert self._living is not None
        begun = asyncio.create_task(self._begun.wait())
        await asyncio.wait({begun, self._living}, return_when=asyncio.FIRST_COMPLETED)
        if not begun.done():
            begun.cancel()
            await self._living  # it failed, and says why

    async def __rsgi__(self, scope: ServerScope, protocol: ServerProtocol) -> None:
        """Answer a request."""
        started, status, request_id = time.perf_counter(), 0, logs.request_id()
        method, path = scope.method, scope.path
        found = self._entry.find(method, path)
        route = "-"
        try:
            if found is None:
                asked = bridge.scope_of(scope, path, request_id)
                try:
                    status = await bridge.serve(self._framework, cast("Scope", asked), protocol)
                finally:
                    route = asked.get("path_template") or "-"
                return
            hot, parameters = found
            route = hot.endpoint.path
            reply = await self._entry.answer(hot, ServerCall(scope, protocol, method, path, parameters, request_id))
            status = reply.status
            if reply.rest is None:
                protocol.response_bytes(status, reply.headers, reply.content)
            else:
                await _send_pieces(protocol, reply, reply.rest)
        except BrokenOff as broken:
            status = 0
            _tell_broken(request_id, broken)
        finally:
            self._log.tell(method, route, status, time.perf_counter() - started, request_id)


async def _send_pieces(protocol: ServerProtocol, reply: Reply, rest: AsyncIterator[bytes]) -> None:
    stream = protocol.response_stream(reply.status, reply.headers)
    try:
        await stream.send_bytes(reply.content)
        async for piece in rest:
            await stream.send_bytes(piece)
    except Exception as error:
        raise BrokenOff from error
    finally:
        del stream  # held by the error's traceback, it would not end


def _tell_broken(request_id: str, broken: BrokenOff) -> None:
    """Tell the log of an answer that ends in the middle, where not because its caller went away.

    The server knows no way to end it but well: what was sent is the beginning of a JSON document, and so can't be taken
    for a whole one.
    """
    error = _cause(broken)
    if not isinstance(error, GONE):
        _log.error("broken off", request_id=request_id, error=type(error).__name__, frames=_frames(error))


def _cause(error: BaseException) -> BaseException:
    """What is behind the framework's words for it."""
    if isinstance(error, ExceptionGroup):
        return _cause(cast("ExceptionGroup[Exception]", error).exceptions[0])
    if isinstance(error, (BrokenOff, LitestarException)) and error.__cause__ is not None:
        return _cause(error.__cause__)
    return error


def _frames(error: BaseException) -> list[str]:
    """Where an error happened, and not what it held: the text of a foreign one may quote a value."""
    return [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)][-12:]


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
        _log.error("failure", request_id=request_id, error=type(error).__name__, frames=_frames(error))
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

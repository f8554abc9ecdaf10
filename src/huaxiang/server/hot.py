"""The fast entry: the endpoints that are called most stand beside the framework, which costs more than their answers.

Takes an endpoint's handler, gives two ways to it that are one code: by `Entry`, which knows method and path and calls
it at once, and by a route of the framework, for whatever the entry does not know by sight (a wrong method, a slash too
many).

Rule 1: the entry takes what is exactly an endpoint's method and path; all else goes to the framework.
Rule 2: refusals, request ids and the log's line are the same on both ways.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from huaxiang.server.call import Answer, Call, FrameworkCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from litestar.types import Scope

    from huaxiang.dialects.contract import Endpoint
    from huaxiang.server.call import Handler

NOTHING: Mapping[str, str] = {}
_NAME = re.compile(r"\{(\w+)\}")
_JSON = ("content-type", "application/json")
_HEADERS: list[tuple[str, str]] = [_JSON]


class Refusal(NamedTuple):
    """An error in the words of its dialect, ready to be sent."""

    status: int
    content: bytes
    headers: Mapping[str, str] = NOTHING


class Reply(NamedTuple):
    """What goes out: its body whole, or what of it comes first, and the rest."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes
    rest: AsyncIterator[bytes] | None = None


class Hot(NamedTuple):
    """An endpoint with its handler. `pattern`: what the entry takes for its path, where that has parameters.

    The pattern names the parameters as the path does; it may match less than the path (digits alone, say).
    """

    endpoint: Endpoint
    answer: Handler
    pattern: str | None = None


class Entry:
    """Finds a request's endpoint, and answers it."""

    def __init__(self, hots: Sequence[Hot], refused: Callable[[str, str, Exception], Refusal]) -> None:
        """`refused` gives an error in words, by the path and the request's id."""
        self._exact = {hot.endpoint.path: hot for hot in hots if hot.pattern is None}
        self._patterns = [(hot, re.compile(hot.pattern, re.ASCII)) for hot in hots if hot.pattern is not None]
        self._refused = refused

    def find(self, method: str, path: str) -> tuple[Hot, Mapping[str, str]] | None:
        """The endpoint of a request, and the parameters in its path; None for what is the framework's."""
        if exact := self._exact.get(path):
            return (exact, NOTHING) if exact.endpoint.method == method else None
        for hot, pattern in self._patterns:
            if hot.endpoint.method == method and (match := pattern.fullmatch(path)):
                return hot, match.groupdict()
        return None

    async def answer(self, hot: Hot, call: Call) -> Reply:
        """The answer to a call, or the refusal."""
        try:
            found = await hot.answer(call)
            if isinstance(found, bytes):
                return Reply(200, _HEADERS, found)
            return Reply(200, _HEADERS, await anext(found, b""), found)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told in its dialect's words
            refusal = self._refused(call.path, call.request_id, error)
            return Reply(refusal.status, [_JSON, *refusal.headers.items()], refusal.content)


def mounted(hot: Hot) -> HTTPRouteHandler:
    """The framework's way to the same handler."""
    names = _NAME.findall(hot.endpoint.path)

    async def handler(request: Request[Any, Any, Any]) -> Response[bytes] | Stream:
        scope: Scope = request.scope
        parameters = dict(zip(names, scope["path_params"].values(), strict=True))
        found: Answer = await hot.answer(
            FrameworkCall(scope, request.receive, parameters, scope["state"]["request_id"])
        )
        if isinstance(found, bytes):
            return Response(content=found, media_type="application/json")
        return Stream(found, media_type="application/json")

    path = _NAME.sub(lambda name: f"{{{'id_' if name[1] == 'id' else name[1]}:str}}", hot.endpoint.path)
    route = HTTPRouteHandler(path, http_method=hot.endpoint.method, status_code=200, include_in_schema=False)
    return route(handler)

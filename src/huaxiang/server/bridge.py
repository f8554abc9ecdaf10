"""The framework's application behind the server's own interface.

Takes an ASGI application; serves requests as Granian gives them (RSGI, https://github.com/emmett-framework/granian,
docs/spec/RSGI.md), which costs less than ASGI for those that never get here.

Rule 1: a body is passed on piece by piece as it comes; behind its end, the next thing to be received is that the client
        went away, which may be never.
Rule 2: an answer that is whole goes out whole, another one as its pieces come. It ends when its stream is let go of:
        with the last piece, since the framework may hold on for long to where it sent it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from huaxiang.server.call import GONE, BrokenOff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from granian.rsgi import Scope as ServerScope
    from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope

    from huaxiang.server.call import ServerProtocol, ServerStream

_OVER: HTTPReceiveMessage = {"type": "http.disconnect"}


def scope_of(given: ServerScope, path: str, request_id: str) -> dict[str, Any]:
    """A request as ASGI describes it. `path`: as it was read already."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": given.http_version,
        "scheme": given.scheme,
        "method": given.method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": given.query_string.encode(),
        "headers": _headers(given),
        "client": _place(given.client),
        "server": _place(given.server),
        "state": {"request_id": request_id},
    }


async def serve(app: ASGIApp, scope: Scope, protocol: ServerProtocol) -> int:
    """Let the application answer; gives the status, 0 if it never came to one.

    Raises:
        BrokenOff: it failed when a part of the answer was out; its cause is the framework's word, or the error itself.

    """
    sending = _Sending(protocol)
    try:
        await app(scope, _receiving(protocol), sending.send)
    except Exception as error:
        if sending.status:
            raise BrokenOff from error
        raise
    finally:
        sending.let_go()
    return sending.status


def _headers(given: ServerScope) -> list[tuple[bytes, bytes]]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.headers.items()]
    if given.authority and not any(name == b"host" for name, _ in headers):
        headers.insert(0, (b"host", given.authority.encode("latin-1")))
    return headers


def _place(address: str) -> tuple[str, int] | None:
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if port.isdecimal() else None


def _receiving(protocol: ServerProtocol) -> Receive:
    pieces: list[AsyncIterator[bytes]] = []
    is_over = False

    async def receive() -> HTTPReceiveMessage:
        nonlocal is_over
        if is_over:
            await protocol.client_disconnect()
            return _OVER
        if not pieces:
            pieces.append(aiter(protocol))
        try:
            # Without a default: Python's wrapper for one does not get along with what the server gives to be awaited.
            return {"type": "http.request", "body": await anext(pieces[0]), "more_body": True}
        except StopAsyncIteration:
            is_over = True
            return {"type": "http.request", "body": b"", "more_body": False}
        except GONE:
            return _OVER

    return cast("Receive", receive)


class _Sending:
    """Where the application sends its answer. `status`: 0 until there is one."""

    def __init__(self, protocol: ServerProtocol) -> None:
        self.status = 0
        self._protocol = protocol
        self._headers: list[tuple[str, str]] = []
        self._stream: ServerStream | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            await self._send_body(message["body"], more=message["more_body"])

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        if self._stream is None and not more:
            self._protocol.response_bytes(self.status, self._headers, body)
            return
        if self._stream is None:
            self._stream = self._protocol.response_stream(self.status, self._headers)
        if body:
            await self._stream.send_bytes(body)
        if not more:
            self.let_go()

    def let_go(self) -> None:
        """End the answer, if it is in pieces: also where an error's traceback still holds on to this."""
        self._stream = None

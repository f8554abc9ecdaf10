"""A call as a handler of the fast entry sees it: read where it lies, nothing made of it that nobody asks for.

Takes what the server gives (RSGI), or what the framework passes on (ASGI); gives headers, parameters and the body.

Rule 1: a body over `LARGEST_BODY_BYTES` is refused: by its stated length before it is read, else while it is.
Rule 2: of a header that is sent twice, the first counts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from granian import rsgi

from huaxiang.errors import InputInvalid, InputTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from granian.rsgi import Scope as ServerScope
    from litestar.types import Receive

LARGEST_BODY_BYTES = 32 * 2**20
GONE: Final = (rsgi.ProtocolClosed, rsgi.ProtocolError)  # type: ignore[attr-defined] (documented there, not marked so)
"""What the server raises where a client went away."""


class BrokenOff(Exception):
    """An answer whose first part was out when it failed, for the reason that is its cause."""


Answer: TypeAlias = bytes | AsyncIterator[bytes]
"""A success: its JSON, whole or in pieces."""


class ServerStream(Protocol):
    """An answer in pieces, as the server takes it."""

    async def send_bytes(self, data: bytes) -> None:
        """Send a piece; the server keeps what the client does not take yet."""
        ...


class ServerProtocol(Protocol):
    """What the server gives with a request to read its body and to answer it (a part of RSGI)."""

    async def __call__(self) -> bytes:
        """The body, whole."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, piece by piece."""
        ...

    async def client_disconnect(self) -> None:
        """Wait until the client has gone."""
        ...

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer whole."""
        ...

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> ServerStream:
        """Answer in pieces; the last one is sent when nobody holds the stream any more."""
        ...


class Call(ABC):
    """One request.

    `method`: in capitals. `path`: percent-decoded, without the query. `parameters`: those of its path, by the names of
    its endpoint.
    """

    __slots__ = ("_body", "method", "parameters", "path", "request_id")

    def __init__(self, method: str, path: str, parameters: Mapping[str, str], request_id: str) -> None:
        """See a request that nothing was read of yet."""
        self.method, self.path, self.parameters, self.request_id = method, path, parameters, request_id
        self._body: bytes | None = None

    @property
    @abstractmethod
    def query_string(self) -> bytes:
        """As it came."""

    @abstractmethod
    def header(self, name: str) -> str:
        """The header of this name (in small letters), or the empty string."""

    @abstractmethod
    async def _read(self, stated: int) -> bytes:
        """The body, of this length if it is stated (not negative). Raises as `body`."""

    async def body(self) -> bytes:
        """The whole body; asked for again, the same.

        Raises:
            InputTooLarge: it is longer than the limit.
            InputInvalid: the client went away.

        """
        if self._body is None:
            length = self.header("content-length")
            stated = int(length) if length.isdecimal() else -1
            if stated > LARGEST_BODY_BYTES:
                raise InputTooLarge(field="body")
            self._body = await self._read(stated)
        return self._body


class ServerCall(Call):
    """A request as the server gives it."""

    __slots__ = ("_protocol", "_scope")

    def __init__(
        self,
        scope: ServerScope,
        protocol: ServerProtocol,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        request_id: str,
    ) -> None:
        """See a request whose method and path were read already, and nothing else."""
        super().__init__(method, path, parameters, request_id)
        self._scope, self._protocol = scope, protocol

    @property
    def query_string(self) -> bytes:
        """As it came."""
        return self._scope.query_string.encode()

    def header(self, name: str) -> str:
        """The header of this name (in small letters), or the empty string; the host also where HTTP/2 has it."""
        value = self._scope.headers.get(name)
        if value is None:
            return (self._scope.authority or "") if name == "host" else ""
        return value

    async def _read(self, stated: int) -> bytes:
        try:
            if stated >= 0:
                return await self._protocol()
            parts: list[bytes] = []
            size = 0
            async for part in self._protocol:
                parts.append(part)
                size += len(part)
                _check(size)
            return b"".join(parts)
        except GONE as error:
            raise _gone() from error


class FrameworkCall(Call):
    """A request that went through the framework."""

    __slots__ = ("_receive", "_scope")

    def __init__(
        self, scope: Mapping[str, Any], receive: Receive, parameters: Mapping[str, str], request_id: str
    ) -> None:
        """See a request that nothing was read of yet."""
        super().__init__(scope["method"], scope["path"], parameters, request_id)
        self._scope, self._receive = scope, receive

    @property
    def query_string(self) -> bytes:
        """As it came."""
        return self._scope["query_string"]

    def header(self, name: str) -> str:
        """The header of this name (in small letters), or the empty string."""
        wanted = name.encode()
        return next((value.decode("latin-1") for one, value in self._scope["headers"] if one == wanted), "")

    async def _read(self, stated: int) -> bytes:
        """The body; as soon as the stated length has come, nobody is asked whether there is more."""
        parts: list[bytes] = []
        size, more = 0, True
        while more and size != stated:
            message = await self._receive()
            if message["type"] != "http.request":
                raise _gone()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
            size += len(parts[-1])
            _check(size)
        return b"".join(parts)


def _check(size: int) -> None:
    if size > LARGEST_BODY_BYTES:
        raise InputTooLarge(field="body")


def _gone() -> InputInvalid:
    return InputInvalid(field="body", reason="the client went away")


Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]
"""Answers a call, or raises an error of the house."""

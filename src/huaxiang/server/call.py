"""A call as a handler of the fast entry sees it: read where it lies, nothing made of it that nobody asks for.

Takes the server's own scope, gives headers, parameters and the body.

Rule 1: a body over `LARGEST_BODY_BYTES` is refused: by its stated length before it is read, else while it is.
Rule 2: of a header that is sent twice, the first counts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from huaxiang.errors import InputInvalid, InputTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar.types import Receive

LARGEST_BODY_BYTES = 32 * 2**20

Answer: TypeAlias = bytes | AsyncIterator[bytes]
"""A success: its JSON, whole or in pieces."""


class Call:
    """One request. `parameters`: those of its path, by the names of its endpoint."""

    __slots__ = ("_body", "_receive", "parameters", "request_id", "scope")

    def __init__(
        self, scope: Mapping[str, Any], receive: Receive, parameters: Mapping[str, str], request_id: str
    ) -> None:
        """See a request that nothing was read of yet."""
        self.scope, self.parameters, self.request_id = scope, parameters, request_id
        self._receive = receive
        self._body: bytes | None = None

    @property
    def method(self) -> str:
        """In capitals."""
        return self.scope["method"]

    @property
    def path(self) -> str:
        """Percent-decoded, without the query."""
        return self.scope["path"]

    @property
    def query_string(self) -> bytes:
        """As it came."""
        return self.scope["query_string"]

    def header(self, name: bytes) -> str:
        """The header of this name (in small letters), or the empty string."""
        for one, value in self.scope["headers"]:
            if one == name:
                return value.decode("latin-1")
        return ""

    async def body(self) -> bytes:
        """The whole body; asked for again, the same.

        Raises:
            InputTooLarge: it is longer than the limit.
            InputInvalid: the client went away.

        """
        if self._body is None:
            length = self.header(b"content-length")
            stated = int(length) if length.isdecimal() else -1
            if stated > LARGEST_BODY_BYTES:
                raise InputTooLarge(field="body")
            self._body = await self._received(stated)
        return self._body

    async def _received(self, stated: int) -> bytes:
        """The body; as soon as the `stated` length has come, nobody is asked whether there is more."""
        parts: list[bytes] = []
        size, more = 0, True
        while more and size != stated:
            message = await self._receive()
            if message["type"] != "http.request":
                raise InputInvalid(field="body", reason="the client went away")
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
            size += len(parts[-1])
            if size > LARGEST_BODY_BYTES:
                raise InputTooLarge(field="body")
        return parts[0] if len(parts) == 1 else b"".join(parts)


Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]
"""Answers a call, or raises an error of the house."""

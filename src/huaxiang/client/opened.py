"""What every client is beside its calls: a transport that is held until it is closed, blocking or for asyncio.

    with Client(…) as client:
        ...

Rule 1: what the block raises goes on; the connections are given up all the same.
Rule 2: an httpx client that was brought along stays open; it is its owner's.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from huaxiang.client.transport import AsyncTransport, Transport


class Opened:
    """A client that blocks."""

    def __init__(self, transport: Transport) -> None:
        """Ask by this transport."""
        self._transport = transport

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the connections."""
        self._transport.close()


class AsyncOpened:
    """A client for asyncio."""

    def __init__(self, transport: AsyncTransport) -> None:
        """Ask by this transport."""
        self._transport = transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give up the connections."""
        await self._transport.close()

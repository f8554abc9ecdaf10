"""A relay: what one task makes, another takes, a few pieces behind.

Takes an asynchronous source, gives its pieces in order. The source runs in a task of its own, so that what it holds (a
connection) is given back when it ends, however slow the taker is.

Rule 1: at most `pieces` wait; a taker that takes none for `STALL_SECONDS` ends the source.
Rule 2: an error of the source comes to the taker where the pieces end.
Rule 3: a taker that goes away ends the source.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from huaxiang.errors import Busy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

STALL_SECONDS = 30.0

Piece = TypeVar("Piece")


async def relayed(
    source: AsyncGenerator[Piece], *, pieces: int, stall_s: float = STALL_SECONDS
) -> AsyncGenerator[Piece]:
    """The pieces of a source, made in a task of its own, at most so many ahead of who takes them.

    Raises:
        Busy: nothing was taken for too long; and whatever the source raises.

    """
    waiting: asyncio.Queue[Piece] = asyncio.Queue(pieces)

    async def make() -> None:
        async with aclosing(source):
            async for piece in source:
                try:
                    async with asyncio.timeout(stall_s):
                        await waiting.put(piece)
                except TimeoutError as error:
                    raise Busy(reason="nobody takes what was asked for") from error

    making = asyncio.create_task(make())
    try:
        while not (making.done() and waiting.empty()):
            taking = asyncio.ensure_future(waiting.get())
            try:
                await asyncio.wait({taking, making}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not taking.done():
                    taking.cancel()
            if taking.done() and not taking.cancelled():
                yield taking.result()
        making.result()
    finally:
        making.cancel()

"""Questions that travel together: what is asked while one is under way goes along in the next, in one batch.

Takes single questions from many tasks, gives each its own answer; a function answers a whole batch at once. On a busy
server a batch holds what came in during one round trip to the database, on an idle one a single question: nobody waits
for a batch to fill.

Rule 1: at most `most_at_once` batches are under way, of at most `most_items` questions each, first come first served.
Rule 2: where `most_waiting` wait already, the next one is refused at once (`Busy`): nothing queues without end.
Rule 3: a question that fails fails alone. The function gives an exception in the place of an answer; where it raises
        instead, and not to refuse, each question of the batch is asked once more by itself.
Rule 4: who no longer waits is not asked for, and disturbs nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from huaxiang.errors import Busy, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Item = TypeVar("Item")
Found = TypeVar("Found")

MOST_ITEMS, MOST_WAITING = 256, 2048


class Together(Generic[Item, Found]):
    """Asks many questions with one. Lives on one event loop."""

    def __init__(
        self,
        answer: Callable[[list[Item]], Awaitable[Sequence[Found | BaseException]]],
        *,
        most_items: int = MOST_ITEMS,
        most_waiting: int = MOST_WAITING,
        most_at_once: int = 1,
    ) -> None:
        """`answer` gives one answer, or an exception, for each question of a batch, in its order."""
        self._answer = answer
        self._most_items, self._most_waiting, self._most_at_once = most_items, most_waiting, most_at_once
        self._waiting: deque[tuple[Item, asyncio.Future[Found]]] = deque()
        self._asking: set[asyncio.Task[None]] = set()
        self._at_once = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self, item: Item) -> asyncio.Future[Found]:
        """The future answer to one question; to be awaited.

        Raises:
            Busy: too many wait already.

        """
        if len(self._waiting) >= self._most_waiting:
            raise Busy(reason="too many questions wait for the database just now")
        if self._loop is None:  # to find it asks the system which process this is
            self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Found] = self._loop.create_future()
        self._waiting.append((item, future))
        if self._at_once < self._most_at_once:
            self._at_once += 1
            task = self._loop.create_task(self._work())
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return future

    async def _work(self) -> None:
        """Ask batch after batch, until nobody waits."""
        batch: list[tuple[Item, asyncio.Future[Found]]] = []
        try:
            while batch := self._next_batch():
                await self._settle(batch)
        finally:
            # Here and not when the task is seen to be done, which is later: who asks in between starts the next one.
            self._at_once -= 1
            for _, future in batch:
                future.cancel()

    def _next_batch(self) -> list[tuple[Item, asyncio.Future[Found]]]:
        batch: list[tuple[Item, asyncio.Future[Found]]] = []
        while self._waiting and len(batch) < self._most_items:
            item, future = self._waiting.popleft()
            if not future.done():
                batch.append((item, future))
        return batch

    async def _settle(self, batch: list[tuple[Item, asyncio.Future[Found]]]) -> None:
        """Answer a batch."""
        answers = await self._answers([item for item, _ in batch])
        for (_, future), found in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(found, BaseException):
                future.set_exception(found)
            else:
                future.set_result(found)

    async def _answers(self, items: list[Item]) -> Sequence[Found | BaseException]:
        try:
            return await self._answer(items)
        except Refused as refused:
            return [refused] * len(items)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is given to those who asked
            if len(items) == 1:
                return [failure]
        return [(await self._answers([item]))[0] for item in items]

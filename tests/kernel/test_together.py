"""Questions that travel together: batches, bounds, failures and cancellations, on a real event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from huaxiang.errors import Busy, NotFound
from huaxiang.together import Together


class Answering:
    """Doubles numbers; keeps the batches that it was asked, and answers each when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Semaphore(0)
        self.most_at_once = self.at_once = 0

    async def __call__(self, items: list[int]) -> Sequence[int | BaseException]:
        self.batches.append(items)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.gate.acquire()
        finally:
            self.at_once -= 1
        return [2 * item for item in items]


async def turn() -> None:
    """Let every task that can go on go on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_is_asked_while_a_question_is_under_way_travels_in_the_next_one() -> None:
    answering = Answering()
    together = Together(answering)
    first = together.ask(1)
    await turn()
    others = [together.ask(number) for number in (2, 3, 4)]
    await turn()
    assert answering.batches == [[1]]
    answering.gate.release()
    answering.gate.release()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert answering.batches == [[1], [2, 3, 4]]


async def test_a_single_question_waits_for_no_other() -> None:
    answering = Answering()
    answering.gate.release()
    assert await Together(answering).ask(5) == 10
    assert answering.batches == [[5]]


async def test_who_asks_again_as_soon_as_the_answer_is_there_is_answered_again() -> None:
    answering = Answering()
    together = Together(answering)
    for number in range(20):
        answering.gate.release()
        assert await asyncio.wait_for(together.ask(number), 60) == 2 * number
    assert answering.batches == [[number] for number in range(20)]


async def test_a_batch_holds_no_more_than_its_bound_and_no_question_is_lost() -> None:
    answering = Answering()
    together = Together(answering, most_items=3, most_at_once=2)
    asked = [together.ask(number) for number in range(10)]
    for _ in range(10):
        answering.gate.release()
    assert await asyncio.gather(*asked) == [2 * number for number in range(10)]
    assert max(map(len, answering.batches)) == 3
    assert sorted(number for batch in answering.batches for number in batch) == list(range(10))
    assert answering.most_at_once <= 2


async def test_at_most_so_many_batches_are_under_way() -> None:
    answering = Answering()
    together = Together(answering, most_items=1, most_at_once=2)
    asked = [together.ask(number) for number in range(6)]
    await turn()
    assert answering.most_at_once == 2
    for _ in range(6):
        answering.gate.release()
    await asyncio.gather(*asked)
    assert answering.most_at_once == 2


async def test_past_the_bound_a_question_is_refused_at_once_and_later_ones_are_taken_again() -> None:
    answering = Answering()
    together = Together(answering, most_waiting=2)
    first = together.ask(1)
    await turn()
    waiting = [together.ask(2), together.ask(3)]
    with pytest.raises(Busy):
        together.ask(4)
    answering.gate.release()
    answering.gate.release()
    assert await asyncio.gather(first, *waiting) == [2, 4, 6]
    answering.gate.release()
    assert await together.ask(5) == 10


async def test_a_question_that_fails_fails_alone() -> None:
    async def answer(items: list[int]) -> Sequence[int | BaseException]:
        return [NotFound(field="id") if item == 2 else item for item in items]

    together = Together(answer)
    asked = [together.ask(number) for number in (1, 2, 3)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert (found[0], found[2]) == (1, 3)
    assert isinstance(found[1], NotFound)


async def test_a_question_that_breaks_its_batch_leaves_the_others_their_answers() -> None:
    async def answer(items: list[int]) -> Sequence[int | BaseException]:
        if 2 in items:
            raise ValueError
        return items

    together = Together(answer)
    asked = [together.ask(number) for number in (1, 2, 3)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert (found[0], found[2]) == (1, 3)
    assert isinstance(found[1], ValueError)


async def test_a_refusal_of_the_batch_is_everybodys_and_is_not_asked_again() -> None:
    asked: list[list[int]] = []

    async def answer(items: list[int]) -> Sequence[int | BaseException]:
        asked.append(items)
        raise Busy(reason="no room")

    together = Together(answer)
    futures = [together.ask(number) for number in (1, 2)]
    found = await asyncio.gather(*futures, return_exceptions=True)
    assert all(isinstance(one, Busy) for one in found)
    assert asked == [[1, 2]]


async def test_who_waits_no_longer_is_not_asked_for_and_disturbs_nobody() -> None:
    answering = Answering()
    together = Together(answering)
    first = together.ask(1)
    await turn()
    gone, stays = together.ask(2), together.ask(3)
    gone.cancel()
    answering.gate.release()
    answering.gate.release()
    assert await first == 2
    assert await stays == 6
    assert answering.batches == [[1], [3]]


async def test_one_who_leaves_while_the_question_is_under_way_takes_nobody_along() -> None:
    answering = Answering()
    together = Together(answering)
    asked = [together.ask(number) for number in (1, 2)]
    await turn()
    asked[0].cancel()
    answering.gate.release()
    assert await asked[1] == 4
    with pytest.raises(asyncio.CancelledError):
        await asked[0]

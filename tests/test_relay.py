"""A relay passes on what its source makes, and ends with it, however either of them ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.errors import Busy, NotFound
from huaxiang.relay import relayed


class Source:
    """Makes numbers, and knows how many it made and whether it was ended."""

    def __init__(self, last: int, *, fails: bool = False) -> None:
        self.last, self.fails = last, fails
        self.made = 0
        self.ended = asyncio.Event()

    async def numbers(self) -> AsyncGenerator[int]:
        try:
            for number in range(self.last):
                self.made = number + 1
                yield number
            if self.fails:
                raise NotFound
        finally:
            self.ended.set()


@given(st.integers(0, 20), st.integers(1, 3), st.booleans())
async def test_all_pieces_come_in_order_and_then_the_error(last: int, pieces: int, fails: bool) -> None:
    source = Source(last, fails=fails)
    taken: list[int] = []
    try:
        async for number in relayed(source.numbers(), pieces=pieces):
            taken.append(number)  # noqa: PERF401 (what was taken before the error counts)
    except NotFound:
        assert fails
    else:
        assert not fails
    assert taken == list(range(last))


async def test_a_source_is_at_most_so_many_pieces_ahead() -> None:
    source = Source(100)
    async with aclosing(relayed(source.numbers(), pieces=2)) as numbers:
        assert await anext(numbers) == 0
        for _ in range(50):
            await asyncio.sleep(0)
        assert source.made <= 4  # two wait, one wants to, one was taken


async def test_a_source_ends_when_its_taker_goes_away() -> None:
    source = Source(100)
    async with aclosing(relayed(source.numbers(), pieces=1)) as numbers:
        await anext(numbers)
    await asyncio.wait_for(source.ended.wait(), 10)
    assert source.made < 100


async def test_a_source_ends_when_nobody_takes() -> None:
    source = Source(100)
    numbers = relayed(source.numbers(), pieces=1, stall_s=0.01)
    assert await anext(numbers) == 0
    await asyncio.wait_for(source.ended.wait(), 10)
    with pytest.raises(Busy):
        [number async for number in numbers]

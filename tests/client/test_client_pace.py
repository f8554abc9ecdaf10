"""The rate of a vendor, kept by waiting: by the clock of the test, and once each by the real one."""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.client.pace import AsyncPace, Pace, Rate, Tickets
from huaxiang.errors import SettingsInvalid

whole = st.integers(0, 50).map(float)


@given(st.integers(1, 4), whole, st.lists(st.tuples(whole, whole, whole), max_size=40))
def test_a_server_never_counts_more_calls_in_a_window_than_the_rate(
    calls: int, seconds: float, wanted: list[tuple[float, float, float]]
) -> None:
    """Each call: how long after the one before it is wanted, how long its way there takes, how long the way back."""
    tickets, in_flight, counted, now = Tickets(Rate(calls, seconds)), list[float](), list[float](), 0.0
    for gap, there, back in wanted:
        now += gap
        while in_flight and (len(in_flight) == calls or in_flight[0] <= now):
            answered = heapq.heappop(in_flight)
            tickets.give_back(answered)
            now = max(now, answered)
        now = max(now, tickets.take())
        counted.append(now + there)
        heapq.heappush(in_flight, now + there + back)
    counted.sort()
    assert all(late - early >= seconds for early, late in zip(counted, counted[calls:], strict=False))


def test_as_many_calls_as_the_rate_has_go_at_once() -> None:
    tickets = Tickets(Rate(3, 5.0))
    assert [tickets.take() for _ in range(3)] == [float("-inf")] * 3
    tickets.give_back(10.0)
    assert tickets.take() == 15.0


def test_a_ticket_that_was_not_used_keeps_its_time() -> None:
    tickets = Tickets(Rate(2, 5.0))
    first = tickets.take()
    tickets.take()
    tickets.give_back(10.0)
    tickets.put_back(first)
    assert [tickets.take(), tickets.take()] == [first, 15.0]


def test_threads_take_turns() -> None:
    pace, began = Pace(Rate(1, 0.02)), list[float]()

    def call() -> None:
        with pace:
            began.append(time.monotonic())

    threads = [threading.Thread(target=call) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert all(late - early >= 0.02 for early, late in pairwise(began))
    assert len(began) == 4


async def test_tasks_take_turns() -> None:
    pace, began = AsyncPace(Rate(1, 0.02)), list[float]()

    async def call() -> None:
        async with pace:
            began.append(time.monotonic())

    await asyncio.gather(*(call() for _ in range(4)))
    assert all(late - early >= 0.02 for early, late in pairwise(began))
    assert len(began) == 4


async def test_a_wait_that_is_given_up_leaves_its_ticket_to_others() -> None:
    pace = AsyncPace(Rate(1, 3600.0))
    async with pace:
        waiting = asyncio.create_task(pace.__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
    sleeping = asyncio.create_task(pace.__aenter__())
    await asyncio.sleep(0)
    sleeping.cancel()
    assert [type(one) for one in await asyncio.gather(waiting, sleeping, return_exceptions=True)] == [
        asyncio.CancelledError
    ] * 2
    again = asyncio.create_task(pace.__aenter__())
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


def test_a_call_that_failed_gives_its_ticket_back() -> None:
    pace = Pace(Rate(1, 0.0))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), pace:
            raise ZeroDivisionError


@pytest.mark.parametrize("figures", [(0, 1.0), (1, -1.0), (1, float("inf"))])
def test_a_rate_that_cannot_be_meant_is_refused(figures: tuple[int, float]) -> None:
    with pytest.raises(SettingsInvalid):
        Rate(*figures)

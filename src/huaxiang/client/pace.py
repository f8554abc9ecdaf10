"""A vendor's rate, kept by waiting: `calls` at most in any `seconds`, whoever of this client makes them.

Takes a `Rate`; gives a `Pace` for threads, and an `AsyncPace` for the tasks of a loop, to be held while a call is made.

    with pace:
        ...  # one try of one call

The idea: a call needs a ticket, and there are as many as the rate has calls. A ticket may be used again `seconds` after
the call that used it was answered. The server counted that call before it answered, and counts the next after it was
sent, so that whatever the way takes, it never sees more than the rate.

Rule 1: a wait that is given up gives its ticket back unused.
Rule 2: there is a ticket for each that the semaphore lets in, so that taking one never waits.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass

from huaxiang.errors import SettingsInvalid


@dataclass(frozen=True)
class Rate:
    """So many calls at most in so many seconds. Raises `SettingsInvalid` for figures that can't be meant."""

    calls: int
    seconds: float

    def __post_init__(self) -> None:
        """Check the figures."""
        if self.calls < 1:
            raise SettingsInvalid(field="calls", reason="one at least")
        if not 0 <= self.seconds < float("inf"):
            raise SettingsInvalid(field="seconds", reason="from 0, and finite")


class Tickets:
    """The tickets of a rate, each with the time from which it may be used: pure, it knows no clock."""

    def __init__(self, rate: Rate) -> None:
        """All may be used at once."""
        self._seconds = rate.seconds
        self._ready = deque([float("-inf")] * rate.calls)

    def take(self) -> float:
        """The time from which the next ticket may be used, in seconds; there is one."""
        return self._ready.popleft()

    def give_back(self, answered: float) -> None:
        """A ticket whose call was answered then."""
        self._ready.append(answered + self._seconds)

    def put_back(self, ready: float) -> None:
        """A ticket that was not used."""
        self._ready.appendleft(ready)


class Pace:
    """A rate for threads."""

    def __init__(self, rate: Rate) -> None:
        """Keep this rate."""
        self._tickets, self._there = Tickets(rate), threading.Semaphore(rate.calls)

    def __enter__(self) -> None:
        """Wait for a ticket, and until it may be used."""
        self._there.acquire()
        ready = self._tickets.take()
        try:
            time.sleep(max(0.0, ready - time.monotonic()))
        except BaseException:
            self._tickets.put_back(ready)
            self._there.release()
            raise

    def __exit__(self, *_: object) -> None:
        """Give the ticket back."""
        self._tickets.give_back(time.monotonic())
        self._there.release()


class AsyncPace:
    """A rate for the tasks of one loop."""

    def __init__(self, rate: Rate) -> None:
        """Keep this rate."""
        self._tickets, self._there = Tickets(rate), asyncio.Semaphore(rate.calls)

    async def __aenter__(self) -> None:
        """Wait for a ticket, and until it may be used."""
        await self._there.acquire()
        ready = self._tickets.take()
        try:
            await asyncio.sleep(max(0.0, ready - time.monotonic()))
        except BaseException:
            self._tickets.put_back(ready)
            self._there.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Give the ticket back."""
        self._tickets.give_back(time.monotonic())
        self._there.release()

"""One call as data, and when to try it again: pure, without a socket.

A `Call` is a request and the way to read its answer; a `Reply` is what came back. `Retry` decides, from what came of a
try, how long to wait before the next, or that there is none.

Rule 1: what was surely not done is tried again: nobody could be reached, or the caller was past the rate (429).
Rule 2: what may have been done (no answer came, or 502, 503, 504) is tried again only if doing it twice is once.
Rule 3: waits are drawn from zero to a bound that doubles (full jitter), so that callers who were refused together do
        not come back together; a server that names a wait (Retry-After) gets it, unless that is past the longest.
Rule 4: every other answer is the answer, and stands.
Rule 5: what a reply amounts to is said as HTTP would say it; a call to a vendor that answers everything with 200 brings
        along how to tell (`status_of`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote

import msgspec

from huaxiang.client.errors import ClientError, Invalid, Unconfirmed
from huaxiang.errors import SettingsInvalid
from huaxiang.model import Json

Answer = TypeVar("Answer")

TOO_MANY_REQUESTS = 429
PERHAPS_DONE = frozenset({502, 503, 504})
"""Said by a server without room or by a proxy before it; the request may have been worked on all the same."""


@dataclass(frozen=True)
class Reply:
    """What came back. Names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def status_of(reply: Reply) -> int:
    """The HTTP status of a reply: what it amounts to, for whoever means it."""
    return reply.status


def placed(path: str, places: Mapping[str, object]) -> str:
    """A path with its places (`{name}`) filled in. Raises `Invalid` for one without a value."""
    for name, value in places.items():
        if not str(value):
            raise Invalid(field=name, reason="is required")
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    return path


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """A request, and how its answer is read. `path` is below the server's address; `query` in decoded pairs.

    `repeatable`: doing it twice is the same as once. `read` raises `ClientError` for a reply that is not the answer.
    `passing`: the statuses that may pass, beside 429. `headers`: beside those that every call carries.
    """

    method: str
    path: str
    read: Callable[[Reply], Answer]
    repeatable: bool
    media_type: str = ""
    body: bytes = field(default=b"", repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    passing: frozenset[int] = PERHAPS_DONE
    status_of: Callable[[Reply], int] = status_of


def encoded(value: Json, *, field: str = "body") -> bytes:
    """The value as JSON. Raises `Invalid`, with `field`, for what JSON can't hold."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):  # its words may quote the value
        raise Invalid(field=field, reason="can't be written as JSON") from None


@dataclass(frozen=True)
class Retry:
    """How often a call is tried (the first time included), and the bounds of the waits between, in seconds.

    With the bounds as they are, six tries wait under 8 s in all, 4 s on average. Raises `SettingsInvalid` for figures
    that can't be meant.
    """

    tries: int = 6
    first_wait_s: float = 0.25
    longest_wait_s: float = 10.0

    def __post_init__(self) -> None:
        """Check the figures."""
        if self.tries < 1:
            raise SettingsInvalid(field="tries", reason="a call is tried once at least")
        if not 0 <= self.first_wait_s <= self.longest_wait_s < float("inf"):
            raise SettingsInvalid(field="first_wait_s", reason="from 0 to `longest_wait_s`, which is finite")

    def wait_s(
        self, call: Call[Answer], outcome: Reply | ClientError, *, tried: int, chance: float | None = None
    ) -> float | None:
        """The seconds to wait before the next try; None where what came of the last one stands.

        `tried`: how many tries there were. `chance`: from 0 to 1, where in the bound to wait; drawn unless given.
        """
        if tried >= self.tries or not _may_pass(call, outcome):
            return None
        asked = _asked_wait_s(outcome)
        if asked > self.longest_wait_s:
            return None
        bound = min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(tried - 1, 64))
        drawn = random.random() if chance is None else chance  # noqa: S311 - spreads callers in time; guards nothing
        return asked + bound * drawn


def _may_pass(call: Call[Answer], outcome: Reply | ClientError) -> bool:
    """Whether trying again can help and do no harm."""
    if isinstance(outcome, Unconfirmed):
        return call.repeatable
    if isinstance(outcome, ClientError):
        return True
    status = call.status_of(outcome)
    return status == TOO_MANY_REQUESTS or (call.repeatable and status in call.passing)


def _asked_wait_s(outcome: Reply | ClientError) -> float:
    """The wait that the server names (RFC 9110, 10.2.3), in seconds; a date, or none, is no wait."""
    asked = outcome.headers.get("retry-after", "") if isinstance(outcome, Reply) else ""
    return float(asked) if asked.isascii() and asked.isdigit() else 0.0

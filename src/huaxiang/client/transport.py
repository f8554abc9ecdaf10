"""How a call travels, over httpx: the one part of the client that knows a socket, in a blocking and an async form.

Takes a `Call`, gives its answer or raises its `ClientError`, after as many tries as `Retry` allows.

Rule 1: the token goes out in a header, and nowhere else: not into a text, a `repr` or a log.
Rule 2: a redirect is not followed; a token is for the address that it was given with.
Rule 3: an httpx client that is brought along keeps its own timeouts, proxies and certificates, and is not closed here.
Rule 4: address and headers are made anew for each try, so that a signature is as young as the try that carries it.
Rule 5: vendors put secrets and numbers of people into queries, and httpx logs addresses: while a call of ours is under
        way, the query is left out of what httpx logs. Nobody else's log is touched.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

import httpx

from huaxiang import __version__
from huaxiang.client.errors import ClientError, Unavailable, Unconfirmed
from huaxiang.client.exchange import Call, Reply, Retry
from huaxiang.client.pace import AsyncPace, Pace
from huaxiang.errors import SettingsInvalid

Answer = TypeVar("Answer")

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True)
class Reach:
    """How a client of our own connects: timeouts in seconds, how many connections, and by which proxy."""

    timeout: httpx.Timeout
    limits: httpx.Limits = field(default_factory=httpx.Limits)
    proxy: str | None = field(default=None, repr=False)

    @classmethod
    def within(cls, timeout_s: float) -> Reach:
        """The same timeout for each of connecting, sending, waiting for bytes, and waiting for a connection."""
        return cls(httpx.Timeout(timeout_s), httpx.Limits(max_connections=100, max_keepalive_connections=20))


class Destination:
    """A server's address, and a token for it where each call has the same one."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        """Raises `SettingsInvalid` for an address or a token that can't be one."""
        self.base_url = _checked(base_url)
        self._headers = {"User-Agent": f"huaxiang/{__version__}"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {checked_credential('token', token)}"

    def url(self, call: Call[Answer]) -> str:
        """Where a call goes, with its query."""
        query = f"?{urlencode(call.query)}" if call.query else ""
        return f"{self.base_url}{call.path}{query}"

    def headers(self, call: Call[Answer]) -> dict[str, str]:
        """The headers that a call goes out with."""
        kind = {"Content-Type": call.media_type} if call.media_type else {}
        return {**self._headers, "Accept": "application/json", **kind, **call.headers}


def checked_credential(field: str, value: str) -> str:
    """A credential that can travel in a header or a query. Raises `SettingsInvalid`, without the value."""
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise SettingsInvalid(field=field, reason="letters, digits and signs of ASCII are expected, and no space")
    return value


class Transport:
    """Calls, one at a time in each thread that asks."""

    def __init__(self, to: Destination, *, retry: Retry, reach: Reach, http: httpx.Client | None) -> None:
        """Send to this destination."""
        self._to, self._retry, self._owned = to, retry, http is None
        self._http = http or httpx.Client(timeout=reach.timeout, limits=reach.limits, proxy=reach.proxy)

    def close(self) -> None:
        """Give up the connections."""
        if self._owned:
            self._http.close()

    def ask(self, call: Call[Answer], pace: Pace | None = None) -> Answer:
        """The answer to a call, each try of it at this pace. Raises `ClientError`."""
        tried = 0
        while True:
            with pace or nullcontext():
                outcome, tried = self._try(call), tried + 1
            wait_s = self._retry.wait_s(call, outcome, tried=tried)
            if wait_s is None:
                return _settled(call, outcome)
            time.sleep(wait_s)

    def _try(self, call: Call[Answer]) -> Reply | ClientError:
        try:
            with _quietly():
                return _reply(
                    self._http.request(
                        call.method,
                        self._to.url(call),
                        content=call.body,
                        headers=self._to.headers(call),
                        follow_redirects=False,
                    )
                )
        except httpx.RequestError as error:
            return _not_answered(error)


class AsyncTransport:
    """Calls, as many at once as tasks that ask."""

    def __init__(self, to: Destination, *, retry: Retry, reach: Reach, http: httpx.AsyncClient | None) -> None:
        """Send to this destination."""
        self._to, self._retry, self._owned = to, retry, http is None
        self._http = http or httpx.AsyncClient(timeout=reach.timeout, limits=reach.limits, proxy=reach.proxy)

    async def close(self) -> None:
        """Give up the connections."""
        if self._owned:
            await self._http.aclose()

    async def ask(self, call: Call[Answer], pace: AsyncPace | None = None) -> Answer:
        """The answer to a call, each try of it at this pace. Raises `ClientError`."""
        tried = 0
        while True:
            async with pace or nullcontext():
                outcome, tried = await self._try(call), tried + 1
            wait_s = self._retry.wait_s(call, outcome, tried=tried)
            if wait_s is None:
                return _settled(call, outcome)
            await asyncio.sleep(wait_s)

    async def _try(self, call: Call[Answer]) -> Reply | ClientError:
        try:
            with _quietly():
                return _reply(
                    await self._http.request(
                        call.method,
                        self._to.url(call),
                        content=call.body,
                        headers=self._to.headers(call),
                        follow_redirects=False,
                    )
                )
        except httpx.RequestError as error:
            return _not_answered(error)


_is_ours: ContextVar[bool] = ContextVar("is_ours", default=False)


@contextmanager
def _quietly() -> Generator[None]:
    """Leave the query out of what httpx logs meanwhile, in this thread or task (Rule 5)."""
    before = _is_ours.set(True)
    try:
        yield
    finally:
        _is_ours.reset(before)


def _without_query(record: logging.LogRecord) -> bool:
    if _is_ours.get() and isinstance(record.args, tuple):
        record.args = tuple(one.copy_with(query=None) if isinstance(one, httpx.URL) else one for one in record.args)
    return True


logging.getLogger("httpx").addFilter(_without_query)


def _checked(base_url: str) -> str:
    """The address without a slash at its end."""
    reason = "an address like https://profiles.example.com is expected"
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        raise SettingsInvalid(field="base_url", reason=reason) from None
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query or url.fragment:
        raise SettingsInvalid(field="base_url", reason=reason)
    return str(url).rstrip("/")


def _reply(response: httpx.Response) -> Reply:
    return Reply(
        response.status_code, {name.lower(): value for name, value in response.headers.items()}, response.content
    )


def _not_answered(error: httpx.RequestError) -> ClientError:
    """What no answer means; the kind of the failure is told, and not its words, which may quote an address."""
    kind = Unavailable if isinstance(error, _NOT_SENT) else Unconfirmed
    return kind(reason=type(error).__name__)


def _settled(call: Call[Answer], outcome: Reply | ClientError) -> Answer:
    if isinstance(outcome, ClientError):
        raise outcome
    return call.read(outcome)

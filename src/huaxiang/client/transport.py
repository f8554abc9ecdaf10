"""How a call travels, over httpx: the one part of the client that knows a socket, in a blocking and an async form.

Takes a `Call`, gives its answer or raises its `ClientError`, after as many tries as `Retry` allows.

Rule 1: the token goes out in a header, and nowhere else: not into a text, a `repr` or a log.
Rule 2: a redirect is not followed; a token is for the address that it was given with.
Rule 3: an httpx client that is brought along keeps its own timeouts, proxies and certificates, and is not closed here.
"""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

import httpx

from huaxiang import __version__
from huaxiang.client.errors import ClientError, Unavailable, Unconfirmed
from huaxiang.client.exchange import Call, Reply, Retry
from huaxiang.errors import SettingsInvalid

Answer = TypeVar("Answer")

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class Destination:
    """A server's address, and a token for it."""

    def __init__(self, base_url: str, token: str) -> None:
        """Raises `SettingsInvalid` for an address or a token that can't be one."""
        self.base_url = _checked(base_url)
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise SettingsInvalid(field="token", reason="letters, digits and signs of ASCII are expected, and no space")
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": f"huaxiang/{__version__}"}

    def headers(self, call: Call[Answer]) -> dict[str, str]:
        """The headers that a call goes out with."""
        kind = {"Content-Type": call.media_type} if call.media_type else {}
        return {**self._headers, "Accept": "application/json", **kind}


class Transport:
    """Calls, one at a time in each thread that asks."""

    def __init__(self, to: Destination, *, retry: Retry, timeout_s: float, http: httpx.Client | None) -> None:
        """Send to this destination."""
        self._to, self._retry, self._owned = to, retry, http is None
        self._http = httpx.Client(timeout=timeout_s) if http is None else http

    def close(self) -> None:
        """Give up the connections."""
        if self._owned:
            self._http.close()

    def ask(self, call: Call[Answer]) -> Answer:
        """The answer to a call. Raises `ClientError`."""
        tried = 0
        while True:
            outcome, tried = self._try(call), tried + 1
            wait_s = self._retry.wait_s(call, outcome, tried=tried)
            if wait_s is None:
                return _settled(call, outcome)
            time.sleep(wait_s)

    def _try(self, call: Call[Answer]) -> Reply | ClientError:
        try:
            return _reply(
                self._http.request(
                    call.method,
                    self._to.base_url + call.path,
                    content=call.body,
                    headers=self._to.headers(call),
                    follow_redirects=False,
                )
            )
        except httpx.RequestError as error:
            return _not_answered(error)


class AsyncTransport:
    """Calls, as many at once as tasks that ask."""

    def __init__(self, to: Destination, *, retry: Retry, timeout_s: float, http: httpx.AsyncClient | None) -> None:
        """Send to this destination."""
        self._to, self._retry, self._owned = to, retry, http is None
        self._http = httpx.AsyncClient(timeout=timeout_s) if http is None else http

    async def close(self) -> None:
        """Give up the connections."""
        if self._owned:
            await self._http.aclose()

    async def ask(self, call: Call[Answer]) -> Answer:
        """The answer to a call. Raises `ClientError`."""
        tried = 0
        while True:
            outcome, tried = await self._try(call), tried + 1
            wait_s = self._retry.wait_s(call, outcome, tried=tried)
            if wait_s is None:
                return _settled(call, outcome)
            await asyncio.sleep(wait_s)

    async def _try(self, call: Call[Answer]) -> Reply | ClientError:
        try:
            return _reply(
                await self._http.request(
                    call.method,
                    self._to.base_url + call.path,
                    content=call.body,
                    headers=self._to.headers(call),
                    follow_redirects=False,
                )
            )
        except httpx.RequestError as error:
            return _not_answered(error)


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

"""What the client's tests call: a real server in a process of its own, and a proxy before it that obeys a script."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias, cast
from zoneinfo import ZoneInfo

import httpx
import msgspec

from huaxiang.client import AsyncClient, Client, Retry
from huaxiang.client.calls import AFact, AnIdentifier
from huaxiang.client.pace import Rate
from huaxiang.client.rabbitpre import App, Rates
from huaxiang.dialects.native.inward import FORMATS as NATIVE
from huaxiang.dialects.native.wire import Customer, FactsAnswer
from huaxiang.dialects.rabbitpre.inward import FORMATS as RABBITPRE
from huaxiang.dialects.telrobot.inward import FORMATS as TELROBOT
from huaxiang.dialects.tinet.inward import FORMATS as TINET
from huaxiang.keyring import Dialect, KeyOptions
from huaxiang.model import Tenant
from huaxiang.service import Service

START_SECONDS = 60.0
AT_ONCE = Retry(tries=4, first_wait_s=0, longest_wait_s=0)
AT_ANY = Rates(detail=Rate(100, 0.0), tags=Rate(100, 0.0), tags_of=Rate(100, 0.0))
PASSED_ON = ("authorization", "content-type", "user-agent", "x-token")


@contextmanager
def serving(database: str, folder: Path) -> Generator[str]:
    """The address of a server over this database, which lives as long as the block."""
    address = f"http://127.0.0.1:{free_port()}"
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "huaxiang", "serve", "--database", database, "--port", address.rpartition(":")[2]],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HUAXIANG_DATA": str(folder)},
        )
    try:
        if not is_up(address, server):
            raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8')[-2000:]}")
        yield address
    finally:
        server.terminate()
        server.wait(30)


def is_up(address: str, server: subprocess.Popen[bytes]) -> bool:
    """Wait for the server to answer; whether it does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            return httpx.get(f"{address}/health", trust_env=False).is_success
        except httpx.TransportError:
            time.sleep(0.05)
    return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PARSERS = {form.name: form.parse for form in (*TINET, *RABBITPRE, *TELROBOT, *NATIVE)}


@dataclass(frozen=True)
class House:
    """The server's address, and the house over the same database."""

    address: str
    service: Service
    database: str

    async def land(self, tenant: Tenant, *rows: tuple[str, dict[str, Any]]) -> None:
        """Land rows, each with the name of its format; none may be rejected."""
        zone = ZoneInfo(tenant.time_zone)
        parsed = [PARSERS[form](row, zone) for form, row in rows]
        outcome = await self.service.land(tenant, list(enumerate(parsed, 1)))
        assert outcome.rejects == ()

    async def key(self, tenant: Tenant, dialect: Dialect, **options: Any) -> dict[str, str]:  # noqa: ANN401 - of KeyOptions
        """A credential; without a rate, unless the test says one."""
        return await self.service.create_key(tenant, dialect, msgspec.convert({"rate": 0, **options}, KeyOptions))


def app_of(credential: dict[str, str]) -> App:
    """The app that a credential of Rabbitpre's dialect is."""
    return App(credential["instanceAppid"], credential["instanceSecrect"])


async def said(client: object, verb: str, *args: object, **particulars: object) -> Any:  # noqa: ANN401 - whatever it says
    """What a client of either form says to a call of this name; of an iterator, all that it gives."""
    method = getattr(client, verb)
    if inspect.isasyncgenfunction(method):
        return [one async for one in method(*args, **particulars)]
    if inspect.iscoroutinefunction(method):
        return await method(*args, **particulars)

    def blocking() -> object:
        answer = method(*args, **particulars)
        return list(cast("Iterator[object]", answer)) if isinstance(answer, Iterator) else answer

    return await asyncio.to_thread(blocking)


class Either:
    """A client of either form, to be awaited: the tests say once what holds for both."""

    def __init__(self, address: str, token: str, *, blocking: bool, retry: Retry, batch_facts: int) -> None:
        self.client: Client | AsyncClient
        self.http: httpx.Client | httpx.AsyncClient
        if blocking:
            self.http = httpx.Client(timeout=30, trust_env=False)
            self.client = Client(address, token, http=self.http, retry=retry, batch_facts=batch_facts)
        else:
            self.http = httpx.AsyncClient(timeout=30, trust_env=False)
            self.client = AsyncClient(address, token, http=self.http, retry=retry, batch_facts=batch_facts)

    async def facts(self, facts: Iterable[AFact]) -> FactsAnswer:
        if isinstance(self.client, Client):
            return await asyncio.to_thread(self.client.facts, facts)
        return await self.client.facts(facts)

    async def customer(self, number: int) -> Customer | None:
        if isinstance(self.client, Client):
            return await asyncio.to_thread(self.client.customer, number)
        return await self.client.customer(number)

    async def lookup(self, identifiers: Iterable[AnIdentifier]) -> list[Customer | None]:
        if isinstance(self.client, Client):
            return await asyncio.to_thread(self.client.lookup, identifiers)
        return await self.client.lookup(identifiers)

    async def ask(self, name: str, *arguments: object, **more: object) -> Any:  # noqa: ANN401 (what that method gives)
        """What the client's method of this name gives."""
        method = getattr(self.client, name)
        if isinstance(self.client, Client):
            return await asyncio.to_thread(method, *arguments, **more)
        return await method(*arguments, **more)

    async def close(self) -> None:
        if isinstance(self.http, httpx.Client):
            self.http.close()
        else:
            await self.http.aclose()


@dataclass(frozen=True)
class Say:
    """The proxy answers by itself, without asking the server."""

    status: int
    body: bytes = b"<h1>no</h1>"
    header: tuple[str, str] = ("X-Proxy", "1")


@dataclass(frozen=True)
class Lose:
    """The proxy asks the server, and loses the answer: the request is done, and the caller hears nothing."""


@dataclass(frozen=True)
class Pass:
    """The proxy passes the request on, and the answer back."""


Step: TypeAlias = Say | Lose | Pass


class Between(ThreadingHTTPServer):
    """A proxy before the server. It does what `script` says, a step for each request; after that it passes all on."""

    daemon_threads = True

    def __init__(self, upstream: str, script: list[Step]) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.upstream, self.script = upstream, script
        self.requests: list[bytes] = []
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        """Deal with one request."""
        body = request.rfile.read(int(request.headers.get("content-length", "0")))
        self.requests.append(body)
        self.targets.append(f"{request.command} {request.path}")
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        step = self.script.pop(0) if self.script else Pass()
        if isinstance(step, Say):
            return answer(request, step)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        url = self.upstream + request.path
        reply = httpx.request(request.command, url, content=body, headers=headers, timeout=30, trust_env=False)
        return None if isinstance(step, Lose) else answer(request, Say(reply.status_code, reply.content))


def answer(request: BaseHTTPRequestHandler, say: Say) -> None:
    """Answer a request."""
    request.send_response(say.status)
    request.send_header(*say.header)
    request.send_header("Content-Length", str(len(say.body)))
    request.end_headers()
    request.wfile.write(say.body)


class _Passing(BaseHTTPRequestHandler):
    server: Between  # pyright: ignore[reportIncompatibleVariableOverride] -- no other server makes one

    def do_GET(self) -> None:
        self.server.pass_on(self)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - as above

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Keep quiet."""


@contextmanager
def between(upstream: str, *script: Step) -> Generator[Between]:
    """A proxy for as long as the block lasts."""
    with Between(upstream, list(script)) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()

"""An app's end of a webhook, on a real socket: takes what it is told, refuses, hangs, fails or dies, as it is bid."""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import msgspec

Manner: TypeAlias = Literal["take", "fail", "refuse", "redirect", "hang", "die", "drop", "plain", "flood"]
"""How a request is met.

take: 200, code 200   fail: 500   refuse: 200, with another code   redirect: to somewhere else   hang: never
die: half an answer   drop: none, the connection ends   plain: 204, no body   flood: 200, a body without an end
"""
JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"


def _json(content: bytes) -> bytes:
    return JSON + b"content-length: %d\r\n\r\n" % len(content) + content


ANSWERS: dict[Manner, bytes] = {
    "take": _json(b'{"code":"200","msg":"ok"}'),
    "refuse": _json(b'{"code":"10001"}'),
    "fail": b"HTTP/1.1 500 Oops\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    "redirect": b"HTTP/1.1 307 Go\r\nconnection: close\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
    "die": JSON + b'content-length: 999\r\n\r\n{"code',
    "drop": b"",
    "plain": b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
}


@dataclass(frozen=True)
class Told:
    """One request: its path, its parameters, headers and body, and how it was met."""

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    content: bytes
    manner: Manner

    @property
    def body(self) -> dict[str, Any]:
        return msgspec.json.decode(self.content)

    @property
    def tags(self) -> list[str]:
        return [tag["tagName"] for tag in self.body["taglist"]]

    def is_signed(self, secret: str) -> bool:
        """Whether both signatures are right, as the README says they are made."""
        rest = {name: value for name, value in self.parameters.items() if name != "signature"}
        text = "&".join(f"{name}={value}" for name, value in sorted({**rest, "secret": secret}.items()))
        said = f"{self.parameters['timestamp']}.{self.parameters['nonce']}.".encode() + self.content
        body = f"sha256={hmac.new(secret.encode(), said, sha256).hexdigest()}"
        ours = sha1(text.encode()).hexdigest(), body  # noqa: S324 (the vendor's way)
        return ours == (self.parameters["signature"], self.headers["x-huaxiang-signature"])


@dataclass
class Receiver:
    """Who listens. `manners`: how the next requests are met, then all others by `choose`."""

    port: int = 0
    told: list[Told] = field(default_factory=list["Told"])
    manners: deque[Manner] = field(default_factory=deque["Manner"])
    choose: Callable[[dict[str, Any]], Manner] = lambda _body: "take"
    hanging: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/told"

    @property
    def taken(self) -> list[Told]:
        """What was taken, in order."""
        return [one for one in self.told if one.manner in {"take", "plain"}]

    def ids(self) -> list[int]:
        """Of whom something was taken, in order."""
        return [one.body["audienceUserId"] for one in self.taken]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; a test that waits in vain fails after a while."""
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110 (what is waited for comes over a socket)
                await asyncio.sleep(0.01)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            content = await reader.readexactly(int(headers["content-length"]))
            url = urlsplit(head[0].split(" ")[1])
            manner = self.manners.popleft() if self.manners else self.choose(msgspec.json.decode(content))
            self.told.append(Told(url.path, dict(parse_qsl(url.query)), headers, content, manner))
            await self._meet(writer, manner)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _meet(self, writer: asyncio.StreamWriter, manner: Manner) -> None:
        if manner == "hang":
            self.hanging += 1
            await asyncio.sleep(3600)
        if manner == "flood":
            writer.write(JSON + b"\r\n")
            for _ in range(100):
                writer.write(b" " * 10_000)
                await writer.drain()
            return
        writer.write(ANSWERS[manner])
        await writer.drain()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds that has to be asked for."""
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 (what is waited for happens elsewhere)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncGenerator[Receiver]:
    """A receiver that listens as long as the block lasts."""
    receiver = Receiver()
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", port)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()

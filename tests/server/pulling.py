"""Pulls between two running servers: the command in a process of its own, and answers held against each other."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
from caller import Serving

from huaxiang.model import Tenant
from huaxiang.service import Service

_REQUEST_ID = re.compile(rb'"requestId":"[0-9a-f-]{36}"')


@dataclass(frozen=True)
class Here:
    """The server that is pulled into, its database, and a folder."""

    serving: Serving
    database: str
    folder: Path

    @property
    def service(self) -> Service:
        """The house over the same database."""
        return self.serving.service

    def command(self, tenant: Tenant, dialect: str, address: str, *more: str) -> list[str]:
        """The command that pulls into a tenant."""
        where = ["--tenant", tenant.name, "--from", address, "--database", self.database]
        return [sys.executable, "-m", "huaxiang", "pull", dialect, *where, "--rate", "0", "--json", *more]

    def environment(self, credential: Mapping[str, str]) -> dict[str, str]:
        """What a process gets to know: the credential, and no machine's settings."""
        told = {f"HUAXIANG_{name.upper()}": value for name, value in credential.items()}
        return {**os.environ, "HUAXIANG_DATA": str(self.folder), **told}

    async def run(
        self, tenant: Tenant, dialect: str, address: str, credential: Mapping[str, str], *more: str
    ) -> subprocess.CompletedProcess[str]:
        """Pull, and wait for it."""
        return await asyncio.to_thread(
            subprocess.run,
            self.command(tenant, dialect, address, *more),
            env=self.environment(credential),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    async def pull(
        self, tenant: Tenant, dialect: str, address: str, credential: Mapping[str, str], *more: str
    ) -> dict[str, Any]:
        """What a pull that must succeed reports."""
        done = await self.run(tenant, dialect, address, credential, *more)
        assert done.returncode == 0, done.stderr
        for secret in credential.values():
            assert secret not in done.stderr
        return json.loads(done.stdout)

    async def killed(self, gate: Gate, tenant: Tenant, dialect: str, credential: Mapping[str, str], *more: str) -> None:
        """Pull through a gate until it holds a request; then end the process without a word, and open the gate."""
        command = self.command(tenant, dialect, gate.address, *more)
        process = await asyncio.create_subprocess_exec(*command, env=self.environment(credential))
        assert await asyncio.to_thread(gate.held.wait, 120)
        process.kill()
        await process.wait()
        gate.open()


def bare(content: bytes) -> bytes:
    """An answer without what is each request's own."""
    return _REQUEST_ID.sub(b"", content)


class Gate:
    """A proxy before a server, which can be told to hold requests, or to answer some itself; a context manager."""

    def __init__(self, target: str) -> None:
        self.passes: int | None = None
        """How many more requests pass before all are held; None: all pass."""
        self.answers: list[tuple[int, bytes]] = []
        """What the next requests are answered with, instead of by the server."""
        self.asked = 0
        self.held = threading.Event()
        self._open = threading.Event()
        self._lock = threading.Lock()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                gate.serve(self, target)

            do_POST = do_GET  # noqa: N815 - the name that the library calls

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's word
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.open()
        self._server.shutdown()
        self._server.server_close()

    def open(self) -> None:
        """Let all pass."""
        self.passes = None
        self._open.set()

    def serve(self, request: BaseHTTPRequestHandler, target: str) -> None:
        """Pass a request on, or not."""
        with self._lock:
            self.asked += 1
            own = self.answers.pop(0) if self.answers else None
            stays = self.passes == 0
            self.passes = self.passes - 1 if self.passes else self.passes
        if stays:
            self.held.set()
            self._open.wait(60)
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        status, content = own or self._passed_on(request, target, body)
        with suppress(OSError):
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)

    @staticmethod
    def _passed_on(request: BaseHTTPRequestHandler, target: str, body: bytes) -> tuple[int, bytes]:
        names = ("authorization", "content-type", "x-token", "user-agent")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        answer = httpx.request(request.command, target + request.path, content=body, headers=headers, trust_env=False)
        return answer.status_code, answer.content

"""Who calls the server in these tests: a real `huaxiang serve` with two workers; tenants and keys made by the house.

A test takes a tenant of its own, so that one server and one database do for all; a `Door` is a key of one dialect, and
calls with its credentials as the vendor's clients do.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import msgspec

from huaxiang.dialects.native.inward import FORMATS as NATIVE
from huaxiang.dialects.rabbitpre.inward import FORMATS as RABBITPRE
from huaxiang.dialects.telrobot.inward import FORMATS as TELROBOT
from huaxiang.dialects.tinet import signing
from huaxiang.dialects.tinet.inward import FORMATS as TINET
from huaxiang.keyring import Dialect, KeyOptions
from huaxiang.model import Outcome, Tenant
from huaxiang.service import Service

PARSERS = {form.name: form.parse for form in (*TINET, *RABBITPRE, *TELROBOT, *NATIVE)}
START_SECONDS = 60.0


@dataclass(frozen=True)
class Serving:
    """A server that runs: where it answers, where its log goes, its database, and the house over the same one."""

    url: str
    log: Path
    service: Service
    database: str

    @property
    def host(self) -> str:
        """The host as a client addresses it, without its port."""
        return httpx.URL(self.url).host

    async def tenant(self, *, time_zone: str = "Asia/Shanghai", login_name: str | None = None) -> Tenant:
        """A tenant that nobody else has."""
        return await self.service.create_tenant(f"t-{uuid4()}", time_zone=time_zone, login_name=login_name)

    async def door(self, tenant: Tenant, dialect: Dialect, **options: object) -> Door:
        """A key; without a rate, unless the test says one."""
        kept = msgspec.convert({"rate": 0, **options}, KeyOptions)
        credential = await self.service.create_key(tenant, dialect, kept)
        return Door(self.url, dialect, credential)

    async def land(self, tenant: Tenant, records: Sequence[Mapping[str, Any]]) -> Outcome:
        """Land rows, each `{"as": format, "row": …}`."""
        zone = ZoneInfo(tenant.time_zone)
        parsed = [PARSERS[record["as"]](record["row"], zone) for record in records]
        return await self.service.land(tenant, list(enumerate(parsed, 1)))


@dataclass
class Door:
    """One key of a dialect, and how its holder calls."""

    url: str
    dialect: Dialect
    credential: Mapping[str, str]
    access_token: str = ""
    refresh_token: str = ""

    def get(
        self, path: str, *, pairs: Sequence[tuple[str, str]] = (), headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Call with GET."""
        return self.call("GET", path, pairs=pairs, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        *,
        pairs: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """Call with this key's credentials; `pairs` are the query, `headers` come on top of the credentials."""
        sent = {**self.headers(), **(headers or {})}
        url = self.address(method, path, pairs)
        return httpx.request(method, url, headers=sent, json=json, content=content, trust_env=False, timeout=30)

    def address(self, method: str, path: str, pairs: Sequence[tuple[str, str]] = ()) -> str:
        """The whole URL, signed where the dialect signs."""
        if self.dialect == "tinet":
            pairs = signed(self.credential, method, httpx.URL(self.url).host, path, pairs)
        query = "&".join(f"{signing.enc(name)}={signing.enc(value)}" for name, value in pairs)
        return self.url + path + ("?" + query if query else "")

    def headers(self) -> dict[str, str]:
        """What this dialect's callers send in their headers."""
        if self.dialect == "rabbitpre":
            return {"X-Token": self.token()}
        if self.dialect == "tinet":
            return {}
        return {"Authorization": f"Bearer {self.credential['token']}"}

    def token(self) -> str:
        """Rabbitpre's access token, asked for once."""
        if not self.access_token:
            pairs = {name: self.credential[name] for name in ("instanceAppid", "instanceSecrect")}
            answer = httpx.get(f"{self.url}/api/open/app/getOrgAccessToken", params=pairs, trust_env=False).json()
            self.access_token = answer["data"]["orgAccessToken"]
            self.refresh_token = answer["data"]["orgRefreshToken"]
        return self.access_token


def signed(
    credential: Mapping[str, str],
    method: str,
    host: str,
    path: str,
    pairs: Sequence[tuple[str, str]],
    wrong: Mapping[str, Any] | None = None,
) -> list[tuple[str, str]]:
    """The pairs with Tinet's signature; `wrong` says what the client does wrong, as the golden cases do."""
    wrong = wrong or {}
    at = datetime.now(UTC) - timedelta(seconds=wrong.get("age_s", 0))
    sent = [
        ("AccessKeyId", wrong.get("access_key_id", credential["access_key_id"])),
        ("Expires", wrong.get("expires", "60")),
        ("Timestamp", wrong.get("timestamp", at.strftime("%Y-%m-%dT%H:%M:%SZ"))),
        *pairs,
    ]
    secret = wrong.get("secret", credential["access_key_secret"])
    sent.append(("Signature", signing.sign(secret, method, host, path, sent)))
    return [(name, value) for name, value in sent if name not in wrong.get("leave_out", ())]


@contextmanager
def serving(database: str, service: Service, folder: Path, *, workers: int = 2) -> Generator[Serving]:
    """A server over a database for as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    command = [sys.executable, "-m", "huaxiang", "serve", "--database", database]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "--port", str(port), "--workers", str(workers)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HUAXIANG_DATA": str(folder)},
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _await_answer(url, server, log)
        yield Serving(url, log, service, database)
    finally:
        server.terminate()
        server.wait(30)


def _await_answer(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/health", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8')[-2000:]}")

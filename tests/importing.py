"""Calls in files, and `huaxiang import` of them in processes of its own, for the tests of importing."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import polars as pl

from huaxiang.dialects.tinet.outward import page
from huaxiang.service import Service
from huaxiang.store import opened

ROWS, BATCH = 900, 50
BASE = {"userId": "sqcTest", "startTime": 1597656604, "bridgeDuration": 60, "customerProvince": "北京"}


def calls(count: int, *, offset: int = 0) -> list[dict[str, Any]]:
    """Calls of few customers; every ninth lacks its number."""
    rows: list[dict[str, Any]] = []
    for n in range(offset, offset + count):
        number = {} if n % 9 == 4 else {"customerNumber": f"139{n % 97:08d}"}
        rows.append({**BASE, "uniqueId": f"c.{n}", "startTime": 1597656604 + n, "bridgeDuration": n % 500, **number})
    return rows


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def as_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(path, row_group_size=100)


def as_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    pl.DataFrame(rows, infer_schema_length=None).write_csv(path)


def lines_of(path: str | Path) -> list[bytes]:
    return Path(path).read_bytes().splitlines()


class Home(NamedTuple):
    """A tenant in a database of its own, and a folder."""

    url: str
    folder: Path

    def command(self, *arguments: str | Path) -> list[str]:
        place = ("--tenant", "acme", "--database", self.url)
        return [sys.executable, "-m", "huaxiang", "import", *map(str, arguments), *place]

    def begun(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, *arguments: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == status, done.stderr
        return done

    def told(self, *arguments: str | Path, status: int = 0) -> dict[str, Any]:
        return json.loads(self.run(*arguments, "--json", status=status).stdout)


async def served(home: Home) -> bytes:
    """All the tenant's callers, as the vendor serves them."""
    async with opened(home.url, connections=1) as store:
        service = Service(store)
        tenant = await service.tenant("acme")
        rows = await service.portraits(tenant, numbers=None, labels=[], offset=0, limit=10_000)
    return page(rows, login_name="acme", offset=0, limit=10_000, request_id="r", for_sdk=False)


async def killed_at(home: Home, hold: str, *arguments: str | Path) -> int:
    """Start an import, stop it where it wants what `hold` takes, and kill it there; gives how far it had come."""
    process = home.begun(*arguments)
    connection = await asyncpg.connect(home.url)
    try:
        before = await connection.fetchval("select coalesce(max(items), 0) from import_file")
        while await connection.fetchval("select coalesce(max(items), 0) from import_file") == before:
            assert process.poll() is None
            await asyncio.sleep(0.01)
        async with connection.transaction():
            await connection.execute(hold)
            waiting = "select count(*) from pg_locks where not granted"
            while not await connection.fetchval(waiting):
                assert process.poll() is None
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        return await connection.fetchval("select max(items) from import_file")
    finally:
        process.kill()
        process.wait()
        await connection.close()


BEFORE_A_BATCH = "select pg_advisory_xact_lock(7283, id) from tenant"
BEFORE_ITS_PLACE = "lock table import_file in share mode"

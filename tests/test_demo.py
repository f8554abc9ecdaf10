"""The demo: loaded into a real database, served, and asked by pasting its own calls into bash."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec
import pytest
import pytest_asyncio

from huaxiang import demo
from huaxiang.demo.documents import WRITTEN_ON, document_rows
from huaxiang.dialects.native.wire import LOOK_UP
from huaxiang.dialects.rabbitpre import wire
from huaxiang.model import Json
from huaxiang.service import Service
from huaxiang.store import opened

GOLDEN = Path(__file__).resolve().parent / "golden"
START_SECONDS = 60.0


class Loaded(NamedTuple):
    service: Service
    credentials: demo.Credentials
    told: list[tuple[int, int]]
    database: str


async def prepared(service: Service, kept: demo.Credentials | None = None) -> demo.Credentials:
    return await demo.prepare(service, kept, customers=100, calls=200)


@pytest_asyncio.fixture(scope="module")
async def loaded(fresh_database: Callable[[], AbstractAsyncContextManager[str]]) -> AsyncGenerator[Loaded]:
    """A small demo, in a database that the tests of this module share; none of them takes its keys away."""
    told: list[tuple[int, int]] = []
    async with fresh_database() as database, opened(database, connections=3) as store:
        service = Service(store)
        credentials = await demo.prepare(
            service, customers=100, calls=200, progress=lambda done, total: told.append((done, total))
        )
        yield Loaded(service, credentials, told, database)


@contextmanager
def served(database: str, folder: Path) -> Generator[int]:
    """The port of a server over this database, for as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "huaxiang", "serve", "--database", database, "--port", str(port)]
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "HUAXIANG_DATA": str(folder)}
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            assert server.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest_asyncio.fixture(scope="module")
async def pasted(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """What bash prints when the four lines are pasted into it, one after the other."""
    if not shutil.which("bash") or not shutil.which("curl"):
        pytest.skip("bash and curl are what the lines are for")

    def paste() -> list[Json]:
        with served(loaded.database, tmp_path_factory.mktemp("served")) as port:
            lines = demo.curls(loaded.credentials, "127.0.0.1", port)
            environment = {**os.environ, "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
            return [
                msgspec.json.decode(
                    subprocess.run(["bash", "-c", line], check=True, capture_output=True, env=environment).stdout  # noqa: S607 (bash is looked up as a person's is)
                )
                for line in lines
            ]

    return await asyncio.to_thread(paste)


def golden(name: str) -> Json:
    return msgspec.json.decode((GOLDEN / name).read_bytes())["response"]


# ── what is answered ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_tinet_line_answers_with_the_documents_page(pasted: list[Json]) -> None:
    expected = golden("tinet/page_document.json")["json"]
    assert pasted[0] | {"requestId": "*"} == expected | {"requestId": "*"}


def test_the_rabbitpre_line_answers_with_a_customer_who_fills_every_field(pasted: list[Json]) -> None:
    assert pasted[1]["errorCode"] == "SUCCESS"
    (customer,) = pasted[1]["data"]
    assert set(customer) == {field.name for field in msgspec.structs.fields(wire.Profile)}
    for items, kind in (
        (customer["openids"], wire.OpenId),
        (customer["phoneList"], wire.Phone),
        (customer["subWechatList"], wire.Followed),
        (customer["wechatList"], wire.EverFollowed),
    ):
        assert all(set(item) == {field.name for field in msgspec.structs.fields(kind)} for item in items)


def test_the_windows_of_that_customer_are_filled_and_nested(pasted: list[Json]) -> None:
    (customer,) = pasted[1]["data"]
    assert 0 < customer["weekActive"]["count"] < customer["monthActive"]["count"] < customer["active"]
    assert 0 < customer["weekSpread"]["count"] < customer["monthSpread"]["count"] == customer["spread"]
    assert customer["sourceAudid"] == 237


def test_the_telrobot_line_answers_with_the_documents_customer(pasted: list[Json]) -> None:
    assert pasted[2] == golden("telrobot/document.json")["body"]


def test_the_native_line_finds_the_customer_by_phone(pasted: list[Json]) -> None:
    assert "13339938205" in msgspec.json.encode(pasted[3]).decode()


def test_the_curls_address_this_machine_where_the_server_listens_everywhere(loaded: Loaded) -> None:
    for host, address in (("0.0.0.0", "127.0.0.1:8080"), ("::", "[::1]:8080"), ("localhost", "localhost:8080")):  # noqa: S104 (compared, not bound)
        assert all(f"http://{address}/" in line for line in demo.curls(loaded.credentials, host, 8080))


def test_what_the_shell_would_read_is_quoted(tmp_path: Path) -> None:
    secret = "a'b\"c $(touch seen) `touch seen`"
    key: dict[str, Json] = dict.fromkeys(
        ("access_key_id", "access_key_secret", "instanceAppid", "instanceSecrect", "user_id", "token"), secret
    )
    key["phones"] = [secret]
    line = demo.curls(dict.fromkeys(("tinet", "rabbitpre", "telrobot", "native"), key), "127.0.0.1", 9)[3]
    script = f'curl() {{ printf "%s\\n" "$@"; }}; {line}'
    told = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path).stdout  # noqa: S607 (bash is looked up as a person's is)
    assert f"Authorization: Bearer {secret}" in told.splitlines()
    assert LOOK_UP.path in told
    assert not list(tmp_path.iterdir())


# ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_progress_ends_when_all_is_loaded(loaded: Loaded) -> None:
    assert loaded.told[-1] == (300, 300)
    assert [done for done, _ in loaded.told] == sorted(done for done, _ in loaded.told)


async def test_the_credentials_are_those_that_key_create_prints(loaded: Loaded) -> None:
    assert {dialect: set(key) for dialect, key in loaded.credentials.items()} == {
        "tinet": {"access_key_id", "access_key_secret"},
        "rabbitpre": {"instanceAppid", "instanceSecrect", "phones"},
        "telrobot": {"user_id", "token", "customer_id"},
        "native": {"token"},
    }
    assert loaded.credentials["telrobot"]["user_id"] == str(demo.ACCOUNT)


async def test_a_second_time_keeps_the_credentials_and_adds_nothing(service: Service) -> None:
    first = await prepared(service)
    tenant = await service.tenant(demo.TENANT)
    before, keys = await service.counts(tenant), await service.keys()
    assert await prepared(service, first) == first
    assert await service.counts(tenant) == before
    assert await service.keys() == keys


async def test_without_its_credentials_it_makes_new_ones_and_lands_nothing_twice(service: Service) -> None:
    first = await prepared(service)
    tenant = await service.tenant(demo.TENANT)
    before = await service.counts(tenant)
    second = await prepared(service)
    assert second["native"]["token"] != first["native"]["token"]
    assert await service.counts(tenant) == before
    assert (await demo.load(service, tenant, customers=100, calls=200)).landed == 0


async def test_credentials_that_no_longer_let_in_are_replaced(service: Service) -> None:
    first = await demo.prepare(service, customers=0, calls=0)
    await service.revoke_key(first["tinet"]["access_key_id"])
    second = await demo.prepare(service, first, customers=0, calls=0)
    assert await service.key_by_name("tinet", second["tinet"]["access_key_id"]) is not None


@pytest.mark.parametrize("kept", [{}, {"tinet": {}}])
async def test_credentials_that_are_not_whole_are_replaced(service: Service, kept: demo.Credentials) -> None:
    made = await demo.prepare(service, kept, customers=0, calls=0)
    assert set(made) == {"tinet", "rabbitpre", "telrobot", "native"}


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_credentials_file_is_the_owners_alone_and_reads_back(tmp_path: Path) -> None:
    file = tmp_path / "new" / demo.CREDENTIALS
    demo.write_credentials(file, {"native": {"token": "t"}})
    assert demo.read_credentials(file) == {"native": {"token": "t"}}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == [demo.CREDENTIALS]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"tinet": 1}'])
def test_a_credentials_file_that_can_not_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / demo.CREDENTIALS
    file.write_bytes(content)
    assert demo.read_credentials(file) is None
    assert demo.read_credentials(tmp_path / "nowhere") is None


def test_what_is_recent_in_the_documents_rows_moves_with_the_day() -> None:
    then, later = document_rows(WRITTEN_ON), document_rows(date(2031, 1, 2))
    times = [max(row["time"] for kind, row in rows if kind == "rabbitpre.event") for rows in (then, later)]
    assert [time[:10] for time in times] == ["2024-05-18", "2030-12-31"]
    created = [[row["createTime"] for kind, row in rows if kind == "rabbitpre.profile"] for rows in (then, later)]
    assert created[0] == created[1]


def test_the_signature_of_the_tinet_line_is_made_when_it_is_printed(loaded: Loaded) -> None:
    line = demo.curls(loaded.credentials, "127.0.0.1", 80, now=datetime(2030, 5, 6, 7, 8, 9, tzinfo=UTC))[0]
    assert "Timestamp=2030-05-06T07%3A08%3A09Z" in line
    assert "Expires=604800" in line
    assert "http://127.0.0.1/sqc/" in line

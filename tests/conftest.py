"""The real parts that tests stand on: one embedded PostgreSQL a worker, and a database for each test that wants one.

A template database is migrated once; a test's own is a clone of it, so that tests share nothing but the server.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from huaxiang.cluster import running
from huaxiang.model import Tenant
from huaxiang.service import Service
from huaxiang.store import Store, opened
from importing import Home

TEMPLATE = "huaxiang_template"
_serial = itertools.count(1)


@pytest.fixture(scope="session")
def server_url() -> Generator[str]:
    """The URL of this worker's server, stopped and removed when the worker is done."""
    # The server's socket lies in the folder, and the path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="hx"))
    try:
        with running(None, folder) as cluster:
            yield cluster.url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def named(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    head, mark, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{database}{mark}{query}"


@asynccontextmanager
async def a_database(server_url: str, template: str) -> AsyncGenerator[str]:
    """A database for as long as the block lasts."""
    name = f"test_{next(_serial)}"
    # Page by page, a clone goes through the log; to pack each of them takes longer than all the rest.
    connection = await asyncpg.connect(server_url, server_settings={"wal_compression": "off"})
    try:
        await connection.execute(f"create database {name} template {template}")
        yield named(server_url, name)
        await connection.execute(f"drop database {name} with (force)")
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="session")
async def template(server_url: str) -> str:
    """The name of a database with the schema and nothing in it."""
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f"create database {TEMPLATE}")
    finally:
        await connection.close()
    async with opened(named(server_url, TEMPLATE), connections=1):
        pass
    return TEMPLATE


@pytest_asyncio.fixture(scope="session")
async def fresh_database(server_url: str, template: str) -> Callable[[], AbstractAsyncContextManager[str]]:
    """Makes a database that lasts as long as a block; for a module whose tests share one."""
    return lambda: a_database(server_url, template)


@pytest_asyncio.fixture
async def database_url(server_url: str, template: str) -> AsyncGenerator[str]:
    """The URL of this test's own database."""
    async with a_database(server_url, template) as url:
        yield url


@pytest_asyncio.fixture
async def empty_database_url(server_url: str) -> AsyncGenerator[str]:
    """The URL of a database without our schema."""
    async with a_database(server_url, "template0") as url:
        yield url


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncGenerator[Store]:
    """A store over this test's own database."""
    async with opened(database_url, connections=4) as store:
        yield store


@pytest_asyncio.fixture
async def service(store: Store) -> AsyncGenerator[Service]:
    """The house over this test's own database."""
    service = Service(store)
    yield service
    await service.flush()


@pytest_asyncio.fixture
async def tenant(service: Service) -> Tenant:
    """A tenant in Shanghai, as `tenant create` makes one."""
    return await service.create_tenant("acme")


@pytest_asyncio.fixture
async def home(database_url: str, tmp_path: Path) -> Home:
    async with opened(database_url, connections=1) as store:
        await Service(store).create_tenant("acme", login_name="acme")
    return Home(database_url, tmp_path)


@pytest_asyncio.fixture
async def twin(home: Home, fresh_database: Callable[[], AbstractAsyncContextManager[str]]) -> AsyncGenerator[Home]:
    """The same tenant, with the same key, in another database and folder."""
    folder = home.folder / "twin"
    folder.mkdir()
    async with fresh_database() as url:
        ours, other = await asyncpg.connect(home.url), await asyncpg.connect(url)
        row = await ours.fetchval("select to_jsonb(tenant) from tenant")
        await other.execute("insert into tenant select (jsonb_populate_record(null::tenant, $1)).*", row)
        await ours.close()
        await other.close()
        yield Home(url, folder)

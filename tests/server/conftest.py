"""One server with two workers for a worker of pytest, over a database of its own; and another to pull into."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from caller import Serving, serving
from pulling import Here

from huaxiang.service import Service
from huaxiang.store import opened


@pytest_asyncio.fixture(scope="session")
async def server(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Serving]:
    """The server, and the house over the same database."""
    async with _a_database(server_url, template) as database, opened(database, connections=4) as store:
        with serving(database, Service(store), tmp_path_factory.mktemp("server")) as running:
            yield running


@pytest_asyncio.fixture(scope="session")
async def here(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Here]:
    """Another server, over another database, into which the first is pulled."""
    folder = tmp_path_factory.mktemp("here")
    async with _a_database(server_url, template) as database, opened(database, connections=4) as store:
        with serving(database, Service(store), folder, workers=1) as running:
            yield Here(running, database, folder)


@asynccontextmanager
async def _a_database(server_url: str, template: str) -> AsyncGenerator[str]:
    name = f"served_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name} template {template}")
    await connection.close()
    head, mark, query = server_url.partition("?")
    yield f"{head.rpartition('/')[0]}/{name}{mark}{query}"

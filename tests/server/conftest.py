"""One server with two workers for the tests of a worker of pytest, over a database of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from caller import Serving, serving

from huaxiang.service import Service
from huaxiang.store import opened


@pytest_asyncio.fixture(scope="session")
async def server(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Serving]:
    """The server, and the house over the same database."""
    name = f"served_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name} template {template}")
    await connection.close()
    head, mark, query = server_url.partition("?")
    database = f"{head.rpartition('/')[0]}/{name}{mark}{query}"
    async with opened(database, connections=4) as store:
        with serving(database, Service(store), tmp_path_factory.mktemp("server")) as running:
            yield running

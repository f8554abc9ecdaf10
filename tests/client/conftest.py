"""One server for the client's tests, over a database of its own, and a tenant with a token for each test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from served import Either, House, serving

from huaxiang.client import Retry
from huaxiang.client.native import RETRY
from huaxiang.dialects.native.wire import MOST_FACTS
from huaxiang.keyring import KeyOptions
from huaxiang.model import Tenant
from huaxiang.service import Service
from huaxiang.store import opened


@pytest_asyncio.fixture(scope="session")
async def house(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[House]:
    """A server, and the house over the same database."""
    name = f"client_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name} template {template}")
    await connection.close()
    head, mark, query = server_url.partition("?")
    database = f"{head.rpartition('/')[0]}/{name}{mark}{query}"
    async with opened(database, connections=2) as store:
        with serving(database, tmp_path_factory.mktemp("server")) as address:
            yield House(address, Service(store))


@pytest.fixture
def address(house: House) -> str:
    """Where the server answers."""
    return house.address


@pytest_asyncio.fixture
async def mine(house: House) -> Tenant:
    """A tenant that nobody else has."""
    return await house.service.create_tenant(f"t-{uuid4()}")


@pytest_asyncio.fixture
async def token(house: House, mine: Tenant) -> str:
    """A token of that tenant, without a rate."""
    return (await house.service.create_key(mine, "native", KeyOptions(rate=0)))["token"]


@pytest_asyncio.fixture(params=["blocking", "asyncio"])
async def connect(request: pytest.FixtureRequest, token: str) -> AsyncGenerator[Callable[..., Either]]:
    """Make a client of one form or the other; with this test's token, unless the test says another."""
    made: list[Either] = []

    def make(address: str, *, token: str = token, retry: Retry = RETRY, batch_facts: int = MOST_FACTS) -> Either:
        blocking = request.param == "blocking"
        made.append(Either(address, token, blocking=blocking, retry=retry, batch_facts=batch_facts))
        return made[-1]

    yield make
    for one in made:
        await one.close()

"""One server for the client's tests, over a database of its own; for each test a tenant, its keys, and clients."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from served import AT_ANY, AT_ONCE, Either, House, app_of, serving

from huaxiang.client import Retry
from huaxiang.client.native import RETRY
from huaxiang.client.pace import Rate
from huaxiang.client.rabbitpre import App, AsyncRabbitpreClient, RabbitpreClient, Rates
from huaxiang.client.telrobot import AsyncTelrobotClient, TelrobotClient
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
            yield House(address, Service(store), database)


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


@pytest_asyncio.fixture(params=["blocking", "asyncio"])
async def http(request: pytest.FixtureRequest) -> AsyncGenerator[httpx.Client | httpx.AsyncClient]:
    """The connections of a client of one form or the other."""
    if request.param == "blocking":
        with httpx.Client(timeout=30, trust_env=False) as blocking:
            yield blocking
    else:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as waiting:
            yield waiting


@pytest_asyncio.fixture
async def app(house: House, mine: Tenant) -> App:
    """A Rabbitpre app of that tenant, without a rate."""
    return app_of(await house.key(mine, "rabbitpre"))


@pytest.fixture
def rabbitpre(
    house: House, app: App, http: httpx.Client | httpx.AsyncClient
) -> Callable[..., RabbitpreClient | AsyncRabbitpreClient]:
    """Make a Rabbitpre client of one form or the other, at the server unless the test says another place."""

    def make(
        address: str = house.address, app: App = app, *, rates: Rates = AT_ANY, retry: Retry = AT_ONCE
    ) -> RabbitpreClient | AsyncRabbitpreClient:
        if isinstance(http, httpx.Client):
            return RabbitpreClient(address, app, rates=rates, retry=retry, http=http)
        return AsyncRabbitpreClient(address, app, rates=rates, retry=retry, http=http)

    return make


@pytest_asyncio.fixture
async def credential(house: House, mine: Tenant) -> dict[str, str]:
    """A Telrobot token of that tenant, without a rate, and its account."""
    return await house.key(mine, "telrobot")


@pytest.fixture
def telrobot(
    house: House, credential: dict[str, str], http: httpx.Client | httpx.AsyncClient
) -> Callable[..., TelrobotClient | AsyncTelrobotClient]:
    """Make a Telrobot client of one form or the other, at the server unless the test says another place."""

    def make(
        address: str = house.address, *, retry: Retry = AT_ONCE, rate: Rate | None = None, **other: str
    ) -> TelrobotClient | AsyncTelrobotClient:
        known = {**credential, **other}
        if isinstance(http, httpx.Client):
            return TelrobotClient(address, known["token"], known["user_id"], retry=retry, rate=rate, http=http)
        return AsyncTelrobotClient(address, known["token"], known["user_id"], retry=retry, rate=rate, http=http)

    return make

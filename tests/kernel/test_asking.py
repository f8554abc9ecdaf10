"""Questions: over connections that are kept, each of which answers what it was asked, whatever came before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
import pytest_asyncio

from huaxiang.errors import Busy
from huaxiang.store import MOST_ASKING, Store, opened


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncGenerator[Store]:
    async with opened(database_url, connections=1) as store:
        yield store


@pytest_asyncio.fixture
async def beside(database_url: str) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    """A connection of somebody else's."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


ASKERS = "select pid from pg_stat_activity where datname = current_database() and application_name = 'huaxiang'"


async def zones(store: Store, name: str) -> int:
    """How many time zones the database knows by a name."""
    async with store.asking() as tx:
        return len(await tx.rows("time_zone", name))


async def versions(store: Store, tenant: int) -> list[int]:
    async with store.asking() as tx:
        return [row["tenant"] for row in await tx.rows("versions", [tenant])]


async def waiting(beside: asyncpg.Connection[asyncpg.Record]) -> int:
    """The process that waits for a lock, as soon as there is one."""
    while (pid := await beside.fetchval("select pid from pg_locks where not granted")) is None:
        await beside.execute("select pg_sleep(0.01)")
    return pid


async def test_questions_one_after_the_other_go_over_one_connection(
    store: Store, beside: asyncpg.Connection[asyncpg.Record]
) -> None:
    assert await zones(store, "UTC") == 1
    askers = set(await beside.fetch(ASKERS))
    for tenant in range(5):
        assert await versions(store, tenant) == [tenant]
    assert set(await beside.fetch(ASKERS)) == askers


async def test_questions_at_once_go_over_so_many_connections_and_wait_for_them(
    store: Store, beside: asyncpg.Connection[asyncpg.Record]
) -> None:
    before = len(await beside.fetch(ASKERS))
    asked = await asyncio.gather(*(versions(store, tenant) for tenant in range(50)))
    assert asked == [[tenant] for tenant in range(50)]
    assert len(await beside.fetch(ASKERS)) == before + MOST_ASKING


async def test_a_question_that_is_given_up_leaves_no_answer_to_the_next_one(
    store: Store, beside: asyncpg.Connection[asyncpg.Record]
) -> None:
    assert await versions(store, 1) == [1]
    async with beside.transaction():
        await beside.execute("lock table version in access exclusive mode")
        given_up = asyncio.create_task(versions(store, 2))
        await waiting(beside)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        asked = asyncio.create_task(zones(store, "UTC"))
        assert await asked == 1
    assert [await versions(store, tenant) for tenant in range(5)] == [[tenant] for tenant in range(5)]


async def test_a_connection_that_the_database_ends_is_made_anew(
    store: Store, beside: asyncpg.Connection[asyncpg.Record]
) -> None:
    assert await versions(store, 1) == [1]
    for row in await beside.fetch(ASKERS):
        await beside.execute("select pg_terminate_backend($1, 5000)", row["pid"])
    with suppress(Busy):  # where the end was not seen yet
        await versions(store, 1)
    assert [await versions(store, tenant) for tenant in range(5)] == [[tenant] for tenant in range(5)]


class Way:
    """A way to the database, over which a client is told of a hang-up only as long as `tells` is set."""

    def __init__(self, folder: str) -> None:
        self.folder, self.tells, self.hung_up = folder, asyncio.Event(), asyncio.Event()
        self.tells.set()

    @contextmanager
    def keeps_quiet(self) -> Generator[None]:
        """Tell of no hang-up in this block."""
        self.tells.clear()
        self.hung_up.clear()
        try:
            yield
        finally:
            self.tells.set()

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_unix_connection(f"{self.folder}/.s.PGSQL.5432")
        asking = asyncio.create_task(self.pass_on(reader, there[1]))
        await self.pass_on(there[0], writer)
        self.hung_up.set()
        await self.tells.wait()
        writer.close()
        await asking
        there[1].close()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def a_way(url: str) -> AsyncGenerator[tuple[str, Way]]:
    """The URL of a way of one's own to the database of another URL."""
    address = urlsplit(url)
    way = Way(parse_qs(address.query)["host"][0])
    server = await asyncio.start_server(way.relay, "127.0.0.1")
    host, port = server.sockets[0].getsockname()
    yield address._replace(netloc=f"{address.username}@{host}:{port}", query="").geturl(), way
    server.close()


@pytest.mark.parametrize("asks", [True, False], ids=["asking", "reading"])
async def test_a_connection_that_is_just_ending_is_asked_no_more(
    database_url: str, beside: asyncpg.Connection[asyncpg.Record], *, asks: bool
) -> None:
    async def asked(store: Store) -> list[int]:
        async with store.asking() if asks else store.reading() as tx:
            return [row["tenant"] for row in await tx.rows("versions", [1])]

    async with a_way(database_url) as (url, way), opened(url, connections=1) as store:
        assert await asked(store) == [1]
        with way.keeps_quiet():
            for row in await beside.fetch(ASKERS):
                await beside.execute("select pg_terminate_backend($1, 5000)", row["pid"])
            await way.hung_up.wait()
            for _ in range(5):  # what was sent last is read meanwhile
                await beside.execute("select 1")
            with pytest.raises(Busy):
                await asked(store)
        assert await asked(store) == [1]


async def test_a_question_that_the_database_ends_is_refused_as_busy_and_the_next_is_answered(
    store: Store, beside: asyncpg.Connection[asyncpg.Record]
) -> None:
    async with beside.transaction():
        await beside.execute("lock table version in access exclusive mode")
        asked = asyncio.create_task(versions(store, 2))
        await beside.execute("select pg_terminate_backend($1)", await waiting(beside))
        with pytest.raises(Busy):
            await asked
    assert await versions(store, 3) == [3]


async def test_what_a_database_refuses_leaves_its_connection_fit_for_the_next_question(
    store: Store, beside: asyncpg.Connection[asyncpg.Record]
) -> None:
    assert await versions(store, 1) == [1]
    before = set(await beside.fetch(ASKERS))
    with pytest.raises(asyncpg.PostgresError, match="read-only"):
        async with store.asking() as tx:
            await tx.run("put_views", [], [], [])
    assert await versions(store, 1) == [1]
    assert set(await beside.fetch(ASKERS)) == before


async def test_a_store_that_is_closed_answers_nobody(database_url: str) -> None:
    async with opened(database_url, connections=1) as store:
        assert await versions(store, 1) == [1]
    with pytest.raises(Busy):
        await versions(store, 1)

"""What PostgreSQL can do by itself, over the same socket and with the same settings: the measure for all that stores.

Tables of the bench's own stand in a schema of their own (`bench`), and go with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias, TypeVar

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Result = TypeVar("Result")

_CALLS = """
    create table bench.call (
        unique_id text, user_id text, cdr_type text, call_type text, customer_number text, customer_number_type integer,
        area text, province text, city text, cno text, agent text, qno text, qname text, hotline text,
        start_time bigint, answer_time bigint, end_time bigint, bridge_duration integer, total_duration integer,
        status text, rounds integer, primary key (user_id, unique_id))
"""
_PAGE = """
    create table bench.page (number text primary key, body text not null);
    insert into bench.page select n::text, repeat('x', $size) from generate_series(10000000000, 9999999999 + $rows) n;
"""


def asked(url: str, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Do some work on a connection, in a schema of the bench's own, made afresh, and dropped at the end."""

    async def all_of_it() -> Result:
        async with _schema(url) as connection:
            return await work(connection)

    return asyncio.run(all_of_it())


@asynccontextmanager
async def _schema(url: str) -> AsyncGenerator[Connection]:
    connection = await asyncpg.connect(url, server_settings={"jit": "off"})
    try:
        await connection.execute("drop schema if exists bench cascade; create schema bench")
        yield connection
        await connection.execute("drop schema bench cascade")
    finally:
        await connection.close()


async def copy_calls(connection: Connection, file: Path) -> float:
    """Seconds to COPY a CSV of calls into one table with its primary key, committed."""
    await connection.execute(f"drop table if exists bench.call;{_CALLS}")
    started = time.perf_counter()
    await connection.copy_to_table("call", schema_name="bench", source=file, format="csv")
    return time.perf_counter() - started


async def copy_links(connection: Connection, nodes: Path, edges: Path) -> float:
    """Seconds to COPY CSVs into keyed tables: nodes (uuid, number, customer, value), edges (node, other, number)."""
    await connection.execute(
        "create table bench.node (node uuid primary key, number bigint, customer bigint, value text);"
        "create table bench.link (node uuid, other uuid, number bigint, primary key (node, other, number))"
    )
    started = time.perf_counter()
    async with connection.transaction():
        await connection.copy_to_table("node", schema_name="bench", source=nodes, format="csv")
        await connection.copy_to_table("link", schema_name="bench", source=edges, format="csv")
    seconds = time.perf_counter() - started
    await connection.execute("drop table bench.node, bench.link")
    return seconds


async def make_page(connection: Connection, rows: int, size: int) -> None:
    """A table with so many rows, keyed by number, each with a text of this size (bytes)."""
    for statement in _PAGE.split(";")[:2]:
        await connection.execute(statement.replace("$size", str(int(size))).replace("$rows", str(int(rows))))
    await connection.execute("vacuum analyze bench.page")


async def copy_page(connection: Connection, limit: int) -> tuple[float, int]:
    """(seconds, bytes) to receive the first rows of that table by COPY."""
    received = 0

    async def take(piece: bytes) -> None:
        nonlocal received
        received += len(piece)

    started = time.perf_counter()
    query = "select body from bench.page order by number desc limit $1"
    await connection.copy_from_query(query, limit, output=take)
    return time.perf_counter() - started, received


async def version(connection: Connection) -> str:
    """The server's version."""
    return str(await connection.fetchval("show server_version"))

"""A rebuild leaves calls that stand alone where they stand, and puts right whatever does not stand as it is to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from desk import OTHER, PHONE, PHONE_SPELLED, SAID, SOMEBODY, call, later, mark, profile, transcript

from huaxiang.model import Mention, TenantSettings
from huaxiang.packing import copying
from huaxiang.packing.standing import Standing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from desk import Desk

KEPT = {"migration", "tenant", "account", "version", "change", "portrait_segment"}
THIRD = Mention("phone", "13900000003")


@pytest_asyncio.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def rows(connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, list[str]]:
    """Every row of every table, but for when it came into the feed."""
    found: dict[str, list[str]] = {}
    for table in await connection.fetch("select tablename from pg_tables where schemaname = 'public' order by 1"):
        if table[0] not in KEPT:
            statement = f"select (to_jsonb(t) - 'spelling_before')::text from {table[0]} as t order by 1"  # noqa: S608 (our own tables)
            found[table[0]] = [row[0] for row in await connection.fetch(statement)]
    return found


async def rebuild(desk: Desk, page_rows: int = 3) -> int:
    done = 0
    async for count in desk.service.rebuild(desk.tenant, page_rows=page_rows):
        done = count
    return done


async def some_of_everything(desk: Desk) -> None:
    """Calls that stand alone, on nodes of their own and beside others; revised, waiting and marked ones."""
    await desk.land(*(call(str(place), minutes=place, by=THIRD, duration=place, city="北京") for place in range(6)))
    await desk.land(call("a", rounds=3), call("b", minutes=-5, by=PHONE_SPELLED), call("c", by=OTHER, traits={"x": 1}))
    await desk.land(call("d", by=OTHER), call("d", by=OTHER, duration=9, updated_at=later(5)))
    await desk.land(call("e", by=THIRD, duration=1, updated_at=later(1)))
    await desk.land(call("e", by=PHONE, duration=2, updated_at=later(2)))
    await desk.land(call("f", by=Mention("phone", "13900000004")), transcript("f", utterances=SAID), mark("m", of="a"))
    await desk.land(msgspec.structs.replace(transcript("never"), id="n"), profile("p", PHONE, SOMEBODY))


@pytest.mark.parametrize("page_rows", [1, 3, 1000])
async def test_a_rebuild_leaves_every_row_as_it_was(
    desk: Desk, connection: asyncpg.Connection[asyncpg.Record], page_rows: int
) -> None:
    await desk.decide(TenantSettings(ranks={"tinet": 2}))
    await desk.service.cut(desk.tenant, OTHER, later(-1))
    await some_of_everything(desk)
    before = await rows(connection)
    await rebuild(desk, page_rows)
    assert await rows(connection) == before


async def read(desk: Desk) -> Standing:
    """What the tenant's facts come to."""
    async with desk.service.store.reading() as tx:
        found = Standing(desk.tenant, {})
        low, high = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
        await tx.read_packed("facts_of_nodes", found.read, desk.tenant.id, low, high)
    return found


async def test_calls_that_stand_alone_are_not_written_again(
    desk: Desk, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    await desk.land(*(call(str(place), minutes=place, by=(PHONE, OTHER)[place % 2]) for place in range(8)))
    found = await read(desk)
    assert (len(found.calls), found.others) == (8, [])
    stood = "select array_agg(xmin::text || ctid::text order by ctid) from {}"
    before = [await connection.fetchval(stood.format(table)) for table in ("fact", "record")]
    assert await rebuild(desk) == 8
    assert [await connection.fetchval(stood.format(table)) for table in ("fact", "record")] == before


async def test_what_does_not_stand_alone_is_told_with_its_place(
    desk: Desk, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    await some_of_everything(desk)
    found = await read(desk)
    others = await connection.fetch("""
        select node, record from fact
        where kind <> 'call' or not current or gathered is not null or said -> 'traits' is not null""")
    assert sorted(found.others) == sorted((row["node"], row["record"]) for row in others)
    assert len(found.calls) == await connection.fetchval("select count(*) from fact") - len(others)
    mixed = {row["node"] for row in others}
    pure = await connection.fetchval("select count(distinct node) from fact where node <> all($1::uuid[])", list(mixed))
    assert b"".join(found.nodes()).count(copying.text("phone")) == pure


WRONG = [
    "update fact set rank = 7",
    "update fact set at = at + interval '1 second'",
    "update fact set spelling = 'x'",
    "update fact set duration = coalesce(duration, 0) + 1",
    "update fact set rounds = 77",
    "update fact set city = 'x'",
    "update fact set verified = true",
    """update fact set gathered = '{"rounds": 9}'""",
    "update fact set current = false where record_id = '3'",
    "update record set nodes = array['00000000-0000-0000-0000-000000000001'::uuid]",
    "update summary_call set calls = calls + 1",
    "delete from summary_identity",
    "delete from node",
    "update fact set node = '00000000-0000-0000-0000-000000000001' where record_id = '3'",
]


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_derived_and_wrong_is_right_after_a_rebuild(
    desk: Desk, connection: asyncpg.Connection[asyncpg.Record], wrong: str
) -> None:
    await desk.land(*(call(str(place), minutes=place, by=(PHONE, OTHER)[place % 2], duration=2) for place in range(6)))
    before = await rows(connection)
    await connection.execute(wrong)
    assert await rows(connection) != before
    await rebuild(desk)
    assert unnumbered(await rows(connection)) == unnumbered(before)


def unnumbered(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without what is given, and can't be made anew: numbers of nodes, and when a record came to be known."""
    return {table: found[table] for table in found if table not in {"node", "record"}} | {
        table: [str(len(found[table]))] for table in ("node", "record")
    }

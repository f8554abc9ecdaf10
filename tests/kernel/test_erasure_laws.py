"""The laws with erasures in the mix: joins, partings, revisions, cuts, and people who ask to be forgotten.

After any history, and an erasure of whoever it names: what is served is what a rebuild serves; no stored fact mentions
the person; and with marks kept, the whole history delivered once more changes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import asyncpg
import facts as drawn
import msgspec
import pytest_asyncio
from facts import Cut
from hypothesis import given, settings
from hypothesis import strategies as st
from test_laws import KEPT, LAW, House, Step, histories

from huaxiang.errors import NotFound
from huaxiang.identifiers import normalise
from huaxiang.model import AnyFact, Identifier, Interaction, Link, Mention, TenantSettings
from huaxiang.service import Service
from huaxiang.steward import erasure
from huaxiang.store import opened

_decode = msgspec.json.Decoder(AnyFact).decode
DERIVED = ("link", "apart", "island", "record", "summary_trait", "summary_activity", "past_link", "past_apart")
"""What a rebuild must find as it was; of tables whose rows have no order, all rows in theirs."""


@pytest_asyncio.fixture(scope="module")
async def house(fresh_database: Callable[[], AbstractAsyncContextManager[str]]) -> AsyncGenerator[House]:
    async with fresh_database() as url, opened(url, connections=4) as store:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        tables = [row["tablename"] for row in rows if row["tablename"] not in KEPT]
        service = Service(store)
        yield House(service, service, await service.create_tenant("acme"), connection, tables)
        await connection.close()


async def standing(house: House) -> list[object]:
    """Everything that is made of the facts, row by row."""
    found: list[object] = [msgspec.json.encode(await house.customers())]
    for table in DERIVED:
        rows = await house.connection.fetch(f"select t::text from {table} as t order by 1")  # noqa: S608 (our own tables)
        found.append([row[0] for row in rows])
    return found


def mentioned(fact: AnyFact) -> Iterator[Mention]:
    """Every mention of a fact."""
    yield from fact.identifiers
    if isinstance(fact, Link):
        yield from fact.apart_from
    if isinstance(fact, Interaction) and fact.upstream is not None:
        yield fact.upstream
    if fact.origin is not None and fact.origin.upstream is not None:
        yield fact.origin.upstream


async def check_forgotten(house: House, was: dict[Identifier, set[object]]) -> None:
    """No node of the person is there, and of identifiers that nobody holds any more no fact has a mention."""
    left = await house.connection.fetch("select node, kind, value, scope from node")
    nodes = {row["node"] for row in left}
    held = {Identifier(row["kind"], row["value"], row["scope"]) for row in left}
    assert all(nodes.isdisjoint(of_one) for of_one in was.values())
    for row in await house.connection.fetch("select said, kind from fact where kind <> 'spread'"):
        named = {normalise(one) for one in mentioned(_decode(row["said"]))}
        assert named.isdisjoint(was.keys() - held)


@given(histories(), drawn.tenant_settings, st.data())
@settings(LAW, max_examples=50)
async def test_after_an_erasure_a_rebuild_changes_nothing_and_a_redelivery_neither(
    house: House,
    history: tuple[list[AnyFact], list[Cut], list[Step]],
    decided: TenantSettings,
    data: st.DataObject,
) -> None:
    said, _, steps = history
    await house.empty(msgspec.structs.replace(decided, erasure_marks=True))
    await house.follow(steps)
    for _ in range(data.draw(st.integers(1, 2))):
        wanted, only = normalise(data.draw(st.sampled_from(drawn.SPELLINGS))), data.draw(st.booleans())
        before = {row["number"]: row for row in await house.connection.fetch("select * from node")}
        try:
            done = await erasure.erase(house.service, house.tenant, wanted, author="me", reason="asked", only=only)
        except NotFound:
            continue
        went: dict[Identifier, set[object]] = {}
        for number in {*done.unknown, *done.leading_on} & before.keys():
            row = before[number]
            went.setdefault(Identifier(row["kind"], row["value"], row["scope"]), set()).add(row["node"])
        await check_forgotten(house, went)
    running = await standing(house)
    await house.rebuild(page_rows=data.draw(st.integers(1, 6)))
    assert await standing(house) == running
    await house.land(said)
    assert await standing(house) == running

"""Pages of portraits: what is kept beside a summary and counted along a page says what a fresh look at all facts says.

The rows that a page must have are found by looking at every call and every mark of the tables; their bytes by rendering
each row anew. Buckets are made so small that a handful of rows splits and joins them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import facts as drawn
import pytest
import pytest_asyncio
from desk import PHONE_SPELLED, Desk, call, mark
from facts import Cut
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huaxiang import pages
from huaxiang.dialects.tinet import outward
from huaxiang.model import AnyFact, Mention, Parsed, PortraitPage, PortraitRow, Tenant, TenantSettings
from huaxiang.pages import Rendering
from huaxiang.service import Service
from huaxiang.store import opened

LAW = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
KEPT = {"migration", "tenant", "account"}
RENDERING = Rendering(outward.EDITION, outward.prepared)
BETWEEN = outward.opening("acme")
LABELS = [(), ("高",), ("意向/高",), ("低",), ("高", "低"), ("没有",), ("高", "")]


class Row(NamedTuple):
    """A row that a page must have."""

    spelling: str
    node: UUID
    labels: frozenset[str]


@dataclass
class House:
    """A service with one tenant, and a second one over the same database."""

    service: Service
    other: Service
    tenant: Tenant
    connection: asyncpg.Connection[asyncpg.Record]
    tables: Sequence[str]

    async def empty(self) -> None:
        for table in self.tables:
            await self.connection.execute(f"delete from {table}")  # noqa: S608 (our own tables)
        self.tenant = await self.service.set_tenant(self.tenant, settings=TenantSettings())

    async def follow(self, steps: Sequence[list[AnyFact] | Cut], *, by: Service | None = None) -> None:
        for step in steps:
            if isinstance(step, list):
                records = [(line, Parsed((fact,))) for line, fact in enumerate(step, start=1)]
                await (by or self.service).land(self.tenant, records)
            else:
                await (by or self.service).cut(self.tenant, *step)

    async def rendered(self, labels: Sequence[str] = (), offset: int = 0, limit: int = 100) -> tuple[int, bytes]:
        """A page as it goes out: its total, and its rows."""
        pieces = [
            piece
            async for piece in self.service.rendered_portraits(
                self.tenant,
                numbers=None,
                labels=labels,
                offset=offset,
                limit=limit,
                rendering=RENDERING,
                between=BETWEEN,
            )
        ]
        assert len({total for total, _ in pieces}) == 1
        return pieces[0][0], BETWEEN.join(body for _, body in pieces if body)

    async def fresh(self, labels: Sequence[str] = (), offset: int = 0, limit: int = 100) -> PortraitPage:
        """The same page, from the facts' summaries and not from what was rendered."""
        return await self.service.portraits(self.tenant, numbers=None, labels=labels, offset=offset, limit=limit)

    async def rows(self) -> list[Row]:
        """Every row that is one, in a page's order, by a look at all of them."""
        cuts = await self.connection.fetch("select kind, value, scope, max(at) as at from cut group by 1, 2, 3")
        held = {(row["kind"], row["value"], row["scope"]): row["at"] for row in cuts if row["at"] < datetime.now(UTC)}
        nodes = {row["node"]: row for row in await self.connection.fetch("select * from node")}
        found = list[Row]()
        for row in await self.connection.fetch("select node, spelling from summary_call"):
            node = nodes[row["node"]]
            held_since = held.get((node["kind"], node["value"], node["scope"]))
            if held_since is None or node["epoch"] == _epoch(held_since):
                found.append(Row(row["spelling"], row["node"], await self._labels(row["node"])))
        return sorted(sorted(found, key=lambda row: row.node), key=lambda row: row.spelling.encode(), reverse=True)

    async def _labels(self, node: UUID) -> frozenset[str]:
        marks = await self.connection.fetch("select type, name from summary_mark where node = $1 and not deleted", node)
        return frozenset(label for row in marks for label in (row["name"], f"{row['type']}/{row['name']}"))

    async def counts(self) -> list[tuple[str, str, int]]:
        """The buckets."""
        rows = await self.connection.fetch("select label, low, rows from portrait_count order by label, low")
        return [tuple(row) for row in rows]


def _epoch(at: datetime) -> int:
    """An epoch is named by its cut, in microseconds since 1900."""
    return (at - datetime(1900, 1, 1, tzinfo=UTC)) // (datetime.resolution)


@pytest.fixture(autouse=True)
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets of two rows, chunks of three: what happens to thousands of rows happens to a handful."""
    for name, rows in (("BUCKET_ROWS", 2), ("FULL_ROWS", 3), ("CHUNK_ROWS", 3), ("PORTION_CALLS", 2)):
        monkeypatch.setattr(pages, name, rows)


@pytest_asyncio.fixture(scope="module")
async def house(fresh_database: Callable[[], AbstractAsyncContextManager[str]]) -> AsyncGenerator[House]:
    async with fresh_database() as url, opened(url, connections=6) as store, opened(url, connections=4) as second:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        tables = [row["tablename"] for row in rows if row["tablename"] not in KEPT]
        service = Service(store)
        yield House(service, Service(second), await service.create_tenant("acme"), connection, tables)
        await service.ready.kept()
        await connection.close()


CALLERS = [Mention("phone", f"139000000{end:02}") for end in range(14)]
SPELLED = [
    *CALLERS[:6],
    PHONE_SPELLED,
    Mention("phone", "+86 13900000002"),
    Mention("phone", "123"),
    Mention("phone", "9x"),
]
calls = st.builds(
    call,
    st.sampled_from([str(number) for number in range(18)]),
    minutes=st.integers(0, 3),
    by=st.sampled_from(SPELLED),
    updated_at=st.sampled_from([None, *drawn.TIMES[:2]]),
)
marks = st.builds(
    mark,
    st.sampled_from(["m1", "m2", "m3", "m4", "m5"]),
    minutes=st.integers(0, 3),
    of=st.sampled_from([str(number) for number in range(18)]),
    name=st.sampled_from(["高", "低"]),
    by=st.sampled_from(["check", "person"]),
    deleted=st.booleans(),
)
said = st.lists(st.lists(calls | marks, min_size=1, max_size=12) | drawn.cuts, min_size=1, max_size=8)


async def check(house: House) -> None:
    """Every page is what a look at all rows says, twice: as it is rendered, and as it is kept."""
    rows = await house.rows()
    for labels, (offset, limit) in itertools.product(LABELS, [(0, 100), (1, 2), (4, 4), (9, 100)]):
        match = [row for row in rows if row.labels.issuperset(labels)]
        page = await house.fresh(labels, offset, limit)
        assert page.total == len(match)
        assert [row.number for row in page.rows] == [row.spelling for row in match[offset : offset + limit]]
        expected = page.total, BETWEEN.join(map(outward.prepared, page.rows))
        assert await house.rendered(labels, offset, limit) == expected
    await house.service.ready.kept()
    assert (await house.rendered())[1] == BETWEEN.join(map(outward.prepared, (await house.fresh()).rows))


async def check_counts(house: House) -> None:
    """Buckets hold all rows, none is empty, and each begins where a row is, or at the beginning."""
    buckets = await house.counts()
    rows = await house.connection.fetch("select spelling from summary_call")
    labels = await house.connection.fetch("select label, spelling from portrait_label")
    spelled = [("", row["spelling"]) for row in rows] + [(row["label"], row["spelling"]) for row in labels]
    place = Counter[tuple[str, str]]()
    for label, spelling in spelled:
        lows = [low for of, low, _ in buckets if of == label and low.encode() <= spelling.encode()]
        place[label, max(lows, key=str.encode)] += 1
    assert {(label, low): count for label, low, count in buckets} == place
    assert all(low == "" or (label, low) in spelled for label, low, _ in buckets)


@given(said)
@settings(LAW, max_examples=40)
async def test_a_page_is_what_a_look_at_all_rows_says(house: House, said: list[list[AnyFact] | Cut]) -> None:
    await house.empty()
    for step in said:
        await house.follow([step])
        for labels in LABELS:  # what is kept now must not outlive what comes next
            await house.rendered(labels)
            await house.service.ready.kept()
    await check(house)
    await check_counts(house)


@given(said, st.integers(1, 6))
@settings(LAW, max_examples=15)
async def test_a_rebuild_leaves_pages_and_counts_as_they_were(
    house: House, said: list[list[AnyFact] | Cut], page_rows: int
) -> None:
    await house.empty()
    await house.follow(said)
    before = await house.rendered()
    async for _ in house.service.rebuild(house.tenant, page_rows=page_rows):
        pass
    assert await house.rendered() == before
    await check(house)
    await check_counts(house)


@given(said, said)
@settings(LAW, max_examples=20)
async def test_what_is_kept_while_others_write_is_never_stale(
    house: House, one: list[list[AnyFact] | Cut], other: list[list[AnyFact] | Cut]
) -> None:
    """Readers keep what they rendered while two servers write; then every row that is kept is as it would be now."""
    await house.empty()
    writing = [asyncio.create_task(house.follow(one)), asyncio.create_task(house.follow(other, by=house.other))]
    while not all(task.done() for task in writing):
        await asyncio.gather(house.rendered(), house.rendered(("高",)))
    await asyncio.gather(*writing)
    await house.service.ready.kept()
    await check(house)
    await check_counts(house)


async def test_no_bucket_begins_with_a_spelling_that_is_gone(house: House) -> None:
    await house.empty()
    await house.follow([[call(str(number), by=one) for number, one in enumerate(CALLERS)]])
    before = {low for _, low, _ in await house.counts() if low}
    assert before
    for number, one in enumerate(CALLERS):
        await house.follow([[call(f"n{number}", minutes=5, by=Mention("phone", f"+86 {one.value}"))]])
        await check_counts(house)
    assert before.isdisjoint(low for _, low, _ in await house.counts())


# ── sentences ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def prepared(desk: Desk, *numbers: str) -> Any:  # noqa: ANN401 (what the store has)
    found = [
        body
        async for _, body in desk.service.rendered_portraits(
            desk.tenant,
            numbers=numbers or None,
            labels=(),
            offset=0,
            limit=100,
            rendering=RENDERING,
            between=BETWEEN,
        )
    ]
    await desk.service.ready.kept()
    async with desk.service.store.reading() as tx:
        nodes = [row["node"] for row in await tx.rows("page_asked", desk.tenant.id, await all_nodes(desk), [], [])]
        rows = await tx.rows("portrait_rows", nodes, outward.EDITION)
    return b"".join(found), [row["portrait"] for row in rows]


async def all_nodes(desk: Desk) -> list[UUID]:
    async with desk.service.store.reading() as tx:
        return [row["node"] for row in await tx.rows("nodes_of_tenant", desk.tenant.id)]


async def test_a_row_is_kept_as_it_was_rendered(desk: Desk) -> None:
    await desk.land(call("1"))
    body, kept = await prepared(desk)
    assert kept == [body]


async def test_another_call_empties_what_was_kept(desk: Desk) -> None:
    await desk.land(call("1"))
    before, _ = await prepared(desk)
    await desk.land(call("2", minutes=1))
    async with desk.service.store.reading() as tx:
        rows = await tx.rows("portrait_rows", await all_nodes(desk), outward.EDITION)
    assert [row["portrait"] for row in rows] == [None]
    after, kept = await prepared(desk)
    assert kept == [after] != [before]


async def test_a_row_of_another_edition_is_rendered_anew(desk: Desk) -> None:
    await desk.land(call("1"))
    await prepared(desk)

    def louder(row: PortraitRow) -> bytes:
        return f"{row.number}!".encode()

    newer = Rendering(outward.EDITION + 1, louder)
    found = [
        body
        async for _, body in desk.service.rendered_portraits(
            desk.tenant, numbers=None, labels=(), offset=0, limit=10, rendering=newer, between=b","
        )
    ]
    assert found == [b"", b"13900000001!"]


async def test_a_row_that_changed_after_it_was_read_is_not_kept(desk: Desk) -> None:
    await desk.land(call("1"))
    async with desk.service.store.reading() as tx:
        (row,) = await tx.rows("portrait_rows", await all_nodes(desk), outward.EDITION)
    await desk.land(call("2"))
    async with desk.service.store.writing() as tx:
        await pages.keep(tx, outward.EDITION, [pages.Ready(row["node"], row["version"], b"stale")])
    _, kept = await prepared(desk)
    assert b"stale" not in kept


async def segments(desk: Desk) -> list[tuple[str, bytes]]:
    """The segments that are kept, as (label, rows)."""
    async with desk.service.store.reading() as tx:
        found: list[tuple[str, bytes]] = []
        for label in ("", "高", "意向/高"):
            rows = await tx.rows("page_buckets", desk.tenant.id, label, 0, [], 100, outward.EDITION)
            for low in [row["low"] for row in rows if row["is_whole"]]:
                row = await tx.row("page_segment", desk.tenant.id, label, low, outward.EDITION)
                assert row is not None
                found.append((label, row["body"]))
    return found


async def two_pages(desk: Desk, *labels: str) -> list[bytes]:
    """A page asked for twice: the second one finds what the first one left."""
    found: list[bytes] = []
    for _ in range(2):
        pieces = desk.service.rendered_portraits(
            desk.tenant, numbers=None, labels=labels, offset=0, limit=100, rendering=RENDERING, between=BETWEEN
        )
        found.append(BETWEEN.join([body async for _, body in pieces if body]))
        await desk.service.ready.kept()
    return found


async def test_the_rows_of_a_bucket_are_kept_as_one_segment_and_served_from_it(desk: Desk) -> None:
    await desk.land(*(call(str(number), by=one) for number, one in enumerate(CALLERS)), mark("m", of="3"))
    for labels in ((), ("高",)):
        first, second = await two_pages(desk, *labels)
        assert first == second != b""
    kept = await segments(desk)
    assert {label for label, _ in kept} == {"", "高"}
    assert b"\n".join(body for label, body in kept if not label).count(b'"customerNumber"') == len(CALLERS)
    async with desk.service.store.writing() as tx:
        await tx.run("forget_portraits", desk.tenant.id)  # labels: the label's page now comes from its segment alone
    assert (await two_pages(desk, "高"))[0] == second


async def test_a_segment_goes_with_any_change_of_its_rows(desk: Desk) -> None:
    await desk.land(call("1"), mark("m", of="1"))
    await two_pages(desk)
    await two_pages(desk, "高")
    assert len(await segments(desk)) == 2
    await desk.land(call("2", minutes=1))
    assert await segments(desk) == []


async def test_a_segment_is_put_together_only_while_nobody_writes(desk: Desk) -> None:
    await desk.land(call("1"))
    async with desk.service.store.writing() as writer:
        await writer.run("lock_tenant", desk.tenant.id)
        await two_pages(desk)
        assert await segments(desk) == []
    await two_pages(desk)
    assert len(await segments(desk)) == 1


async def test_keeping_waits_for_no_writer(desk: Desk) -> None:
    await desk.land(call("1"))
    async with desk.service.store.reading() as tx:
        (row,) = await tx.rows("portrait_rows", await all_nodes(desk), outward.EDITION)
    async with desk.service.store.writing() as writer:
        await writer.run("drop_call", [row["node"]])
        async with desk.service.store.writing() as tx:
            await pages.keep(tx, outward.EDITION, [pages.Ready(row["node"], row["version"], b"late")])
    async with desk.service.store.reading() as tx:
        assert await tx.rows("portrait_rows", [row["node"]], outward.EDITION) == []


async def test_a_row_too_long_is_served_and_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "READY_BYTES", 10)
    await desk.land(call("1"))
    body, kept = await prepared(desk)
    assert body.startswith(b'-13900000001","retry":0')
    assert kept == [None]


async def test_a_customer_s_page_is_rendered_whole(desk: Desk) -> None:
    await desk.decide(TenantSettings(portrait_scope="customer"))
    await desk.land(call("1"), *(call(str(number), by=one) for number, one in enumerate(CALLERS, 2)))
    page = await desk.service.portraits(desk.tenant, numbers=None, labels=(), offset=0, limit=100)
    body, kept = await prepared(desk)
    assert set(kept) == {None}
    assert sum(body.count(f'"customerNumber":"{row.number}"'.encode()) for row in page.rows) == page.total == 14

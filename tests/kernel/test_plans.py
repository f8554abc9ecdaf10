"""Served reads stay on indexes: how PostgreSQL plans them over 200,000 customers, with the settings they run under.

What is small (tenants, versions, cuts, counts) may be read whole; what grows with customers may not.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from huaxiang.read import PARTS
from huaxiang.service import Service
from huaxiang.store import ASKING, SETTINGS, STATEMENTS, opened

ROWS = 200_000
GROWING = {
    "node", "fact", "record", "link", "change", "summary_identity", "summary_call", "summary_mark", "summary_trait",
    "summary_origin", "summary_activity", "portrait_label", "summary_company", "crm_entry",
    "view",
}  # fmt: skip
FILL = """
create temporary table caller as
select i, md5(i::text)::uuid as node, (13000000000 + i * 4999)::text as number from generate_series(1, $rows) as i;
insert into node (node, tenant, number, kind, value, scope, epoch, customer, island)
select node, $tenant, i, 'phone', '+86' || number, '', 0, i, i from caller;
insert into summary_identity (node, tenant, at, rank, record_id, record, spelling, verified, first_at)
select node, $tenant, '2026-01-01', 0, 'r', node, number, false, '2026-01-01' from caller;
insert into fact (node, record, kind, digest, tenant, current, at, rank, record_id, source, enterprise, came_at,
                  spelling, verified, said)
select node, node, 'call', '', $tenant, true, '2026-01-01', 0, i::text, 'tinet', 'e', now(), number, false, '{}'
from caller;
insert into fact (node, record, kind, digest, tenant, current, at, rank, record_id, source, enterprise, came_at,
                  verified, said)
select node, node, 'record', '', $tenant, true, '2026-01-01', 0, i::text, 'crm', 'e', now(), false, '{}'
from caller where i % 10 = 0;
insert into change (tenant, number, what, customer)
select $tenant, i, case when i % 50 = 0 then 'joined' else 'updated' end, i from caller;
insert into change (tenant, number, what, customers)
select $tenant, $rows + span * 256, 'updated', array(select span * 100 + place from generate_series(1, 256) as place)
from generate_series(1, 2000) as span;
insert into summary_call (node, tenant, calls, durations, duration_sum, rounds, round_sum, at, rank, record_id, record,
                          spelling)
select node, $tenant, 1, 0, 0, 0, 0, '2026-01-01', 0, i::text, node, number from caller;
insert into summary_mark (node, record, type, name, checked, added, deleted, at, label)
select node, node, '意向', case when i % 100 = 0 then '高' else '低' end, true, false, false, '2026-01-01', i::text
from caller where i % 100 = 0 or i % 3 = 0;
insert into summary_trait (node, name, at, rank, record_id, record, value)
select node, 'name', '2026-01-01', 0, 'r', node, '"x"' from caller where i % 5 = 0;
insert into summary_company (node, company, tenant)
select node, case when i % 50 = 0 then '31' else '' end, $tenant from caller;
insert into summary_origin (node, at, rank, record_id, record, value)
select node, '2026-01-01', 0, 'r', node, '{}' from caller where i % 5 = 0;
insert into crm_entry (tenant, name, at_node, owner, at, is_deleted, made_at, phone, email, company, carrier, sex,
                       is_followed, is_settled, is_pooled, unfollow_from, unsettled_from, words)
select $tenant, node, node, (i % 3)::text, '2026-01-01', i % 50 = 0, timestamptz '2026-01-01' + i * interval '1 minute',
       number, i || '@x.cn', 'c' || i, 1 + i % 3, i % 3, i % 2 = 0, i % 7 = 0, i % 11 = 0, '2026-01-01', '2026-01-01',
       array[i % 1000, 1000 + i]
from caller;
insert into summary_activity (node, side, day, type, account, count, newest_at)
select node, 'active', '2026-01-01', 'view', '', 1, '2026-01-01' from caller where i % 5 = 0;
"""


@dataclass
class Plans:
    """A database with many customers of one tenant, and a connection for each way to read."""

    tenant: int
    node: UUID
    reading: asyncpg.Connection[asyncpg.Record]
    asking: asyncpg.Connection[asyncpg.Record]

    async def scans(self, connection: asyncpg.Connection[asyncpg.Record], name: str, *parameters: object) -> list[str]:
        """The tables that grow, and that the statement reads whole."""
        plan = await connection.fetchval(f"explain (format json) {STATEMENTS[name]}", *parameters)
        return [node["Relation Name"] for node in nodes(json.loads(plan)[0]["Plan"]) if is_whole(node)]

    async def kept_plan(self, name: str, mode: str, *parameters: object) -> dict[str, Any]:
        """The plan of a list's statement as a connection keeps it: for these parameters, or for any (`mode`)."""
        async with self.reading.transaction():
            await self.reading.execute(f"set local plan_cache_mode = {mode}")
            await self.reading.execute(STATEMENTS["stay_on_indexes"])
            plan = await self.reading.fetchval(f"explain (format json) {STATEMENTS[name]}", *parameters)
        return json.loads(plan)[0]["Plan"]


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """A plan's nodes."""
    return [plan, *(node for one in plan.get("Plans", ()) for node in nodes(one))]


def is_whole(node: dict[str, Any]) -> bool:
    """Whether a node of a plan reads a growing table from end to end; by an index without a condition counts too."""
    if node.get("Relation Name") not in GROWING:
        return False
    return node["Node Type"] == "Seq Scan" or ("Index" in node["Node Type"] and "Index Cond" not in node)


@pytest_asyncio.fixture(scope="module")
async def plans(fresh_database: Callable[[], AbstractAsyncContextManager[str]]) -> AsyncGenerator[Plans]:
    async with fresh_database() as url, opened(url, connections=1) as store:
        tenant = await Service(store).create_tenant("acme")
        reading = await asyncpg.connect(url, server_settings=SETTINGS)
        asking = await asyncpg.connect(url, server_settings=ASKING)
        await reading.execute(FILL.replace("$tenant", str(tenant.id)).replace("$rows", str(ROWS)))
        # The labels and the counts of pages, as the migration makes them of what is there.
        await reading.execute("""
            insert into portrait_label (node, label, tenant, spelling)
            select node, name, tenant, spelling from summary_mark join summary_call using (node)""")
        await reading.execute("""
            insert into portrait_count (tenant, label, low, rows)
            select tenant, '', left(spelling, 5), count(*) from summary_call group by 1, 3
            union all select tenant, label, left(spelling, 5), count(*) from portrait_label group by 1, 2, 3""")
        await reading.execute("analyze")
        await reading.execute("vacuum crm_entry")
        node = await reading.fetchval("select node from node limit 1")
        yield Plans(tenant.id, node, reading, asking)
        await reading.close()
        await asking.close()


def page(plans: Plans, *, size: int, skip: int) -> Sequence[object]:
    """What a piece of a page is asked for."""
    return plans.tenant, "13555555555", plans.node, [], size, skip, 1, b",", "13444444444"


@pytest.mark.parametrize("size", [10, 1000])
@pytest.mark.parametrize("skip", [0, 4000])
async def test_a_piece_of_a_page_is_read_along_an_index(plans: Plans, size: int, skip: int) -> None:
    assert await plans.scans(plans.reading, "page_chunk", *page(plans, size=size, skip=skip)) == []


@pytest.mark.parametrize(("label", "others"), [("高", []), ("低", []), ("高", ["低"])])
async def test_a_piece_of_a_page_of_a_label_is_read_along_an_index(plans: Plans, label: str, others: list[str]) -> None:
    asked = (*page(plans, size=1000, skip=0), label, others)
    assert await plans.scans(plans.reading, "page_chunk_labelled", *asked) == []


PLACES: list[tuple[str, Sequence[object]]] = [
    ("page_buckets", ("", 190_000, [], 10_000, 1)),
    ("page_buckets", ("高", 1900, [UUID(int=1)], 10_000, 1)),
    ("page_segment", ("高", "135", 1)),
    ("put_segment", ("", "135", "\U0010ffff", 1, 1000)),
    ("put_segment_labelled", ("高", "135", "\U0010ffff", 1, 1000)),
    ("count_labels", (["高", "低"],)),
    ("count_labelled", ("高", ["低"], [])),
    ("page_asked", ([UUID(int=number) for number in range(10)], ["高"], [])),
]


@pytest.mark.parametrize(("name", "more"), PLACES)
async def test_the_place_and_the_total_of_a_page_come_from_counts(
    plans: Plans, name: str, more: Sequence[object]
) -> None:
    assert await plans.scans(plans.reading, name, plans.tenant, *more) == []


@pytest.mark.parametrize("name", ["calls", "call_refs", "marks"])
@pytest.mark.parametrize("count", [1, 1000])
async def test_rows_are_rendered_from_what_indexes_find(plans: Plans, name: str, count: int) -> None:
    assert await plans.scans(plans.reading, name, [UUID(int=number) for number in range(count)]) == []


@pytest.mark.parametrize("count", [1, 500, 1000])
async def test_rows_are_found_and_kept_by_their_nodes(plans: Plans, count: int) -> None:
    some = [UUID(int=number) for number in range(count)]
    assert await plans.scans(plans.reading, "portrait_rows", some, 1) == []
    versions, portraits = ["1"] * count, [b"{}"] * count
    assert await plans.scans(plans.reading, "put_portraits", 1, some, versions, portraits) == []


OWNERS = ["0", "1", "2"]
NEWEST: list[object] = [None, None, None, None, None, None, None, None, None]
A_DAY = datetime(2026, 3, 1, tzinfo=UTC)
LISTS: list[list[object]] = [
    NEWEST,
    [A_DAY, A_DAY + timedelta(days=1), *NEWEST[2:]],
    [None, None, [1, 3], [2], True, None, None, None, None],
    [None, None, None, None, None, "pool", A_DAY, A_DAY, A_DAY],
    [None, None, None, None, None, "clue", A_DAY, A_DAY, A_DAY],
]


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("asked", LISTS)
@pytest.mark.parametrize("owners", [OWNERS, OWNERS[:1]])
async def test_a_list_of_customers_and_its_count_are_read_along_an_index(
    plans: Plans, owners: list[str], asked: list[object], mode: str
) -> None:
    for name, more in (("crm_count", []), ("crm_page", [15, 0]), ("crm_page", [100, 9000])):
        parameters = plans.tenant, owners, *asked, *more
        plan = await plans.kept_plan(name, mode, *parameters)
        assert [node["Relation Name"] for node in nodes(plan) if is_whole(node)] == []
        if name == "crm_count":
            assert {node["Node Type"] for node in nodes(plan) if "Relation Name" in node} == {"Index Only Scan"}


FOUND: list[tuple[list[str] | None, str | None, list[int], str | None]] = [
    (["13000004999", "8613000004999"], None, [], None),
    (None, "7@X.cn", [], None),
    (None, None, [7, 1007], "c7"),
    (["13000004999"], "1@x.cn", [1, 1001], "c1"),
]


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("by", FOUND)
async def test_customers_are_found_by_phone_e_mail_and_words_by_indexes(
    plans: Plans, by: tuple[object, ...], mode: str
) -> None:
    for asked in LISTS:
        parameters = plans.tenant, OWNERS, *asked, 15, 0, *by
        plan = await plans.kept_plan("crm_found", mode, *parameters)
        assert [node["Relation Name"] for node in nodes(plan) if is_whole(node)] == []
        for branch in nodes(plan):
            if branch.get("Relation Name") == "crm_entry" and "Index Name" in branch:
                assert branch["Index Name"] != "crm_entry_page"


@pytest.mark.parametrize("count", [1, 2000])
async def test_an_entry_is_made_and_found_by_indexes(plans: Plans, count: int) -> None:
    names = [UUID(int=number) for number in range(count)]
    assert await plans.scans(plans.reading, "crm_words", plans.tenant, "telrobot", list(map(str, names))) == []
    assert await plans.scans(plans.reading, "crm_standing", plans.tenant, names) == []


@pytest.mark.parametrize("tidy", ["select", "vacuum analyze"])
async def test_views_are_looked_for_one_by_one_also_by_a_plan_that_is_older_than_they(
    fresh_database: Callable[[], AbstractAsyncContextManager[str]], tidy: str
) -> None:
    async with fresh_database() as url, opened(url, connections=1) as store:
        tenant = await Service(store).create_tenant("acme")
        connection = await asyncpg.connect(url, server_settings=ASKING | {"default_transaction_read_only": "off"})
        try:
            await connection.execute(tidy)
            empty, some = Plans(tenant.id, UUID(int=0), connection, connection), [UUID(int=0)] * 128
            assert await empty.scans(connection, "watch_views", tenant.id, 0, 1000, some) == []
            assert await empty.scans(connection, "watch_many", [tenant.id], [0], 1000, [tenant.id] * 128, some) == []
            assert await empty.scans(connection, "views", [tenant.id] * 128, some) == []
        finally:
            await connection.close()


async def test_a_table_that_has_outgrown_its_statistics_is_looked_at_at_once(
    fresh_database: Callable[[], AbstractAsyncContextManager[str]],
) -> None:
    async with fresh_database() as url, opened(url, connections=1) as store:
        tenant = await Service(store).create_tenant("acme")
        asking = await asyncpg.connect(url, server_settings=ASKING)
        writing = await asyncpg.connect(url, server_settings=SETTINGS)
        empty = Plans(tenant.id, UUID(int=0), asking, writing)
        numbers = list(range(100))
        asked = [tenant.id], [0], 1000, [tenant.id], [UUID(int=0)], [tenant.id] * 100, numbers, numbers, PARTS, [""]
        try:
            await writing.execute("alter table node set (autovacuum_enabled = off)")
            await writing.execute("vacuum analyze")
            assert "node" in await empty.scans(asking, "look_up", *asked)
            await writing.execute("""
                insert into node (node, tenant, number, kind, value, scope, epoch, customer, island)
                select md5(i::text)::uuid, 1, i, 'phone', i, '', 0, i, i from generate_series(1, 20000) as i""")
            before = await writing.fetchval("select reltuples from pg_class where relname = 'node'")
            await store.keep_statistics()
            after = await writing.fetchval("select reltuples from pg_class where relname = 'node'")
            assert (before, after) == (0, 20_000)
            assert "node" not in await empty.scans(asking, "look_up", *asked)
            assert await writing.fetch(STATEMENTS["outgrown_tables"]) == []
        finally:
            await asking.close()
            await writing.close()


async def test_many_look_ups_stay_on_indexes(plans: Plans) -> None:
    many, some = [plans.tenant] * 128, [UUID(int=number) for number in range(128)]
    numbers = list(range(128))
    asked = [plans.tenant], [ROWS - 5], 1000, many, some, many, numbers, [1, 2], [*PARTS, "values"], ["name"]
    assert await plans.scans(plans.asking, "look_up", *asked) == []
    assert await plans.scans(plans.asking, "watch", plans.tenant, ROWS - 5, 1000) == []
    assert await plans.scans(plans.asking, "watch_views", plans.tenant, ROWS - 5, 1000, some) == []
    assert await plans.scans(plans.asking, "watch_many", [plans.tenant], [ROWS - 5], 1000, many, some) == []
    assert await plans.scans(plans.asking, "ready_portraits", many, some, 1) == []


@pytest.mark.parametrize("after", [0, ROWS - 500, ROWS + 256 * 1500])
async def test_the_feed_is_read_in_its_order_and_what_became_of_an_id_by_the_id(plans: Plans, after: int) -> None:
    for limit in (1, 1000):
        assert await plans.scans(plans.reading, "changes_after", plans.tenant, after, limit) == []
    assert await plans.scans(plans.reading, "changes_of", plans.tenant, 50) == []
    assert await plans.scans(plans.reading, "newest_change", plans.tenant) == []


async def test_a_page_of_the_feed_takes_few_spans_apart_that_it_does_not_tell(plans: Plans) -> None:
    query = f"explain (analyze, format json) {STATEMENTS['changes_after']}"
    for limit in (1, 300, 1000):
        plan = json.loads(await plans.reading.fetchval(query, plans.tenant, ROWS + 100, limit))[0]["Plan"]
        (taken,) = (node for node in nodes(plan) if node["Node Type"] == "Function Scan")
        assert taken["Actual Rows"] * taken["Actual Loops"] <= limit + 3 * 256


async def test_a_plan_that_reads_a_table_whole_is_seen(plans: Plans) -> None:
    for query in ("select * from summary_call where city = 'x'", "select max(calls) from summary_call"):
        plan = json.loads(await plans.reading.fetchval(f"explain (format json) {query}"))
        assert any(is_whole(node) for node in nodes(plan[0]["Plan"]))

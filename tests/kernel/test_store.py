"""The schema, its migrations and the named statements, asked of PostgreSQL itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from desk import call

from huaxiang.errors import ClusterUnavailable
from huaxiang.model import Parsed
from huaxiang.service import Service
from huaxiang.store import STAGING, STAGING_BYTES, STATEMENTS, Store, can_be_kept, migrations, opened, statements

SCRIPTS = {"staging", "clear_staging", *(f"cut_{table}" for table in STAGING)}
"""Those that make and empty the staging tables."""
CATALOG = {
    "columns": """select table_name, ordinal_position, column_name, data_type, is_nullable, column_default,
        collation_name from information_schema.columns where table_schema = 'public' order by 1, 2""",
    "indexes": "select indexdef from pg_indexes where schemaname = 'public' order by 1",
    "constraints": "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint order by 1, 2",
    "views": "select viewname, definition from pg_views where schemaname = 'public' order by 1",
    "sequences": "select sequencename, data_type from pg_sequences where schemaname = 'public' order by 1",
    "migrations": "select name, run_at from migration order by 1",
}


@pytest_asyncio.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def catalog(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything that a schema is made of."""
    connection = await asyncpg.connect(url)
    try:
        return {name: [tuple(row) for row in await connection.fetch(query)] for name, query in CATALOG.items()}
    finally:
        await connection.close()


async def migrate(url: str) -> None:
    async with opened(url, connections=1):
        pass


# ── schema ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_schema_is_the_sum_of_the_migrations(empty_database_url: str, database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(
        "create table migration (name text primary key, run_at timestamptz not null default now())"
    )
    for text in migrations().values():
        await connection.execute(text)
    await connection.close()
    by_hand, opened_one = await catalog(empty_database_url), await catalog(database_url)
    assert [name for name, _ in opened_one.pop("migrations")] == list(migrations())
    assert by_hand | {"migrations": []} == opened_one | {"migrations": []}


async def test_migrating_twice_changes_nothing(database_url: str) -> None:
    before = await catalog(database_url)
    await migrate(database_url)
    assert await catalog(database_url) == before


async def test_two_servers_that_start_on_an_empty_database_at_once_both_find_it_migrated(
    empty_database_url: str,
) -> None:
    await asyncio.gather(*(migrate(empty_database_url) for _ in range(3)))
    assert [name for name, _ in (await catalog(empty_database_url))["migrations"]] == list(migrations())


async def test_a_schema_newer_than_the_program_is_refused(
    database_url: str, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    await connection.execute("insert into migration (name) values ('9999_later.sql')")
    with pytest.raises(ClusterUnavailable, match="newer than this program"):
        await migrate(database_url)


async def test_a_url_where_nothing_answers_is_refused_without_its_password() -> None:
    with pytest.raises(ClusterUnavailable) as refused:
        await migrate("postgresql://somebody:secret@127.0.0.1:1/nothing")
    assert "secret" not in str(refused.value)


# ── fit for a cluster ─────────────────────────────────────────────────────────────────────────────────────────────


async def distributed(connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, str]:
    """The distribution column of each table that has one: `node`, and the key of the registry."""
    rows = await connection.fetch(
        "select table_name from information_schema.columns where table_schema = 'public' and column_name = 'node'"
    )
    return {row["table_name"]: "node" for row in rows} | {"record": "key"}


async def test_the_schema_has_no_foreign_keys(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    assert await connection.fetchval("select count(*) from pg_constraint where contype = 'f'") == 0


async def test_every_unique_index_of_a_distributed_table_holds_its_distribution_column(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    rows = await connection.fetch("""
        select indrelid::regclass::text as name, array_agg(attname::text) as columns
        from pg_index join pg_attribute on attrelid = indrelid and attnum = any(indkey)
        where indisunique and indrelid::regclass::text !~ '^pg_' group by indexrelid, indrelid""")
    columns = await distributed(connection)
    held = {(row["name"], columns[row["name"]] in row["columns"]) for row in rows if row["name"] in columns}
    assert held == {(name, True) for name in columns}


async def test_no_statement_updates_a_distribution_column(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    columns = await distributed(connection)
    for name, statement in STATEMENTS.items():
        for table, assigned in assignments(statement):
            assert columns.get(table) not in assigned, f"{name} moves rows of {table}"


def assignments(statement: str) -> list[tuple[str, set[str]]]:
    """The columns that a statement sets, by table."""
    found: list[tuple[str, set[str]]] = []
    for updated in re.finditer(r"(?s)(?:update (\w+)(?: as \w+)?|do update)\s+set\b(.*)", statement):
        table = updated[1] or re.findall(r"insert into (\w+)", statement[: updated.start()])[-1]
        columns = re.findall(r"(?m)(?:^|,|set)\s*(\w+) =", f"set{updated[2]}")
        tuples = re.findall(r"\(([\w, ]+)\) = \(", updated[2])
        found.append((table, {*columns, *re.findall(r"\w+", " ".join(tuples))}))
    return found


def test_what_a_statement_sets_is_seen() -> None:
    assert assignments("update fact set node = 1, at = 2 where x = 3") == [("fact", {"node", "at"})]
    assert assignments(
        "insert into node as had values (1) on conflict (node) do update\n    set (node, at) = (1, 2)"
    ) == [("node", {"node", "at"})]


# ── statements ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_named_statement_fits_the_schema(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.execute(STATEMENTS["staging"])
    wrong: dict[str, str] = {}
    for name in STATEMENTS.keys() - SCRIPTS:
        try:
            await connection.prepare(STATEMENTS[name])
        except asyncpg.PostgresError as error:
            wrong[name] = str(error)
    assert wrong == {}


def test_the_sentence_after_a_name_is_part_of_the_statement() -> None:
    text = "-- A file.\n\n-- name: one\n-- Why.\nselect 1;\n\n-- name: two\nselect 2;\n"
    assert statements(text) == {"one": "-- Why.\nselect 1;", "two": "select 2;"}


@pytest.mark.parametrize(("text", "kept"), [("", True), ("画像 𠀀", True), ("a\0", False), ("\ud800", False)])
def test_a_text_with_nul_or_half_a_surrogate_pair_can_not_be_kept(text: str, kept: bool) -> None:
    assert can_be_kept(text) is kept


async def test_each_staging_table_is_swept_and_can_be_cut(store: Store) -> None:
    async with store.writing() as tx:
        for table in STAGING:
            await tx.run(f"cut_{table}")
    swept = set(re.findall(r"delete from (\w+)", STATEMENTS["sweep_staging"]))
    assert swept == set(STAGING)


@pytest.mark.parametrize("calls", [1, 3_000])
async def test_a_transaction_leaves_nothing_staged_and_little_room_taken(database_url: str, calls: int) -> None:
    async with opened(database_url, connections=1) as store:
        service = Service(store)
        tenant = await service.create_tenant("acme")
        for batch in range(2):
            facts = [call(f"{batch}-{place}", minutes=place) for place in range(calls)]
            await service.land(tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)])
            async with store.writing() as tx:
                changed, taken = (
                    await tx.row("page_changes", tenant.id),
                    await tx.rows("staging_taken", STAGING, STAGING_BYTES),
                )
            assert changed
            assert not changed["rows"]
            assert not changed["labels"]
            assert taken == []


# ── what runs later ───────────────────────────────────────────────────────────────────────────────────────────────


async def is_listed(database_url: str, tenant: int) -> bool:
    """Whether a tenant's mark is there, as others see it."""
    connection = await asyncpg.connect(database_url)
    try:
        return bool(await connection.fetchval(STATEMENTS["crm_listed"], tenant))
    finally:
        await connection.close()


async def test_what_is_to_run_later_has_run_when_the_next_question_is_answered(database_url: str) -> None:
    async with opened(database_url, connections=1) as store:
        tenant = await Service(store).create_tenant("acme")
        for _ in range(2):  # the second time, the connection knows the statements
            async with store.landing(tenant.id) as tx:
                tx.later("keep_listed", tenant.id)
                kept = await tx.row("crm_listed", tenant.id)
                tx.later("forget_listed", tenant.id)
                gone = await tx.row("crm_listed", tenant.id)
            assert kept
            assert gone
            assert (kept["any"], gone["any"]) == (True, False)


@pytest.mark.parametrize("way", ["landing", "writing"])
async def test_what_is_to_run_later_is_committed_with_the_rest(database_url: str, way: str) -> None:
    async with opened(database_url, connections=1) as store:
        tenant = await Service(store).create_tenant("acme")
        async with store.landing(tenant.id) if way == "landing" else store.writing() as tx:
            tx.later("keep_listed", tenant.id)
        assert await is_listed(database_url, tenant.id)


async def test_a_landing_that_fails_leaves_nothing_and_its_connection_serves_the_next(database_url: str) -> None:
    async with opened(database_url, connections=1) as store:
        tenant = await Service(store).create_tenant("acme")

        async def land(*, wrong: bool) -> None:
            async with store.landing(tenant.id) as tx:
                await tx.run("keep_listed", tenant.id)
                tx.later("crm_listed", [tenant.id] if wrong else tenant.id)
                if not wrong:
                    raise ZeroDivisionError

        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await land(wrong=True)
        with pytest.raises(ZeroDivisionError):
            await land(wrong=False)
        assert not await is_listed(database_url, tenant.id)
        async with store.landing(tenant.id) as tx:
            row = await tx.row("crm_listed", tenant.id)
        assert row
        assert not row["any"]


async def test_a_landing_that_is_given_up_leaves_nothing_and_frees_the_lock(database_url: str) -> None:
    async with opened(database_url, connections=2) as store:
        tenant = await Service(store).create_tenant("acme")
        begun = asyncio.Event()

        async def land() -> None:
            async with store.landing(tenant.id) as tx:
                await tx.run("keep_listed", tenant.id)
                begun.set()
                await asyncio.Event().wait()

        landing = asyncio.create_task(land())
        await begun.wait()
        landing.cancel()
        await asyncio.wait([landing])
        async with asyncio.timeout(30), store.landing(tenant.id) as tx:
            row = await tx.row("crm_listed", tenant.id)
        assert row
        assert not row["any"]


async def test_two_landings_of_a_tenant_come_one_behind_the_other(database_url: str) -> None:
    async with opened(database_url, connections=3) as store:
        tenant = await Service(store).create_tenant("acme")
        under_way = most = 0

        async def land() -> None:
            nonlocal under_way, most
            async with store.landing(tenant.id) as tx:
                await tx.row("tenant_by_id", tenant.id)
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(0)
                await tx.row("tenant_by_id", tenant.id)
                under_way -= 1

        await asyncio.gather(*(land() for _ in range(6)))
        assert most == 1


async def test_numbers_times_and_ids_are_written_out_and_a_text_never_is(database_url: str) -> None:
    at, one, two = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC), UUID(int=1), UUID(int=2**128 - 1)
    async with opened(database_url, connections=1) as store, store.landing(7) as tx:
        tx.later("put_new_records", at)
        tx.later("put_updates", 7, [one, two], {2**62}, [])
        await tx.settle()
        with pytest.raises(ValueError, match="invalid literal"):
            tx.later("put_updates", 7, "1') --", [], [])  # type: ignore[arg-type] (that is the point)

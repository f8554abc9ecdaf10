"""Calls that stand alone, packed for COPY and added up, are what any other way would make of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from desk import OTHER, PHONE, SAID, SOMEBODY, later, profile
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.claim import Claim, Placing, Rows, claim
from huaxiang.identifiers import normalise
from huaxiang.ingest import FACT_COLUMNS
from huaxiang.model import Call, Mention, Origin, Parsed, Tenant, TenantSettings, Transcript
from huaxiang.packing import copying
from huaxiang.packing.ahead import Piles, place_ahead, prepare
from huaxiang.packing.alone import FACT_COLUMNS as PACKED_COLUMNS
from huaxiang.packing.alone import Pile
from huaxiang.portrait import load
from huaxiang.steward import companies, erasure, rules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from desk import Desk

    from huaxiang.model import Customer, PortraitPage
    from huaxiang.packing.alone import Alone

NOW = datetime(2026, 5, 1, 9, 30, 0, 123456, tzinfo=UTC)
TIMES = [None, datetime(1901, 2, 3, tzinfo=UTC), NOW, NOW + timedelta(days=60_000, microseconds=1)]
SILENCE = """
rules:
  - id: long
    portrait: {type: 通话, name: 长通话}
    when: {call: {duration: {above: 100}}}
"""
CITIES = [None, "", "北京-北京", 'it\'s \\ "quoted"\n\t']
NUMBERS = ["13800000001", "+86 138-0000-0001", "010-88888888", "123", "13900000002"]


def calls() -> list[Call]:
    """Calls with and without each thing that a call may say."""
    return [
        Call(
            source=("tinet", "another")[place % 2],
            enterprise=("8000376", "")[place % 3 == 0],
            id=None if place % 7 == 0 else f"medias-{place}·壹",
            at=TIMES[place % 4],
            updated_at=TIMES[place // 2 % 4],
            identifiers=(Mention("phone", NUMBERS[place % 5]),),
            duration=(None, 0, 2**31 - 1)[place % 3],
            rounds=(None, 7)[place // 3 % 2],
            city=CITIES[place // 5 % 4],
            details={"note": CITIES[place % 4], "place": place},
        )
        for place in range(240)
    ]


def piled(tenant: Tenant, facts: list[Call]) -> Alone:
    """These calls, packed; all of them stand alone."""
    pile = Pile(tenant, NOW)
    assert all(pile.take(fact) for fact in facts)
    packed = pile.packed()
    assert packed is not None
    return packed


async def test_packed_calls_are_the_rows_that_placing_makes(tenant: Tenant, database_url: str) -> None:
    tenant = msgspec.structs.replace(tenant, settings=TenantSettings(ranks={"another": -3}))
    facts = [fact for fact in calls() if fact.id or fact.at]  # any other has another key for every way
    packed, rows = piled(tenant, facts), Rows()
    claims = [claim(tenant, line, fact, NOW) for line, fact in enumerate(facts, 1)]
    for one in claims:
        assert isinstance(one, Claim)
        Placing(tenant, {}, frozenset()).add(rows, one, NOW, current=True)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.set_type_codec("json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")
        await connection.execute("create temporary table one (like fact)")
        await connection.execute("create temporary table other (like fact)")
        await connection.copy_records_to_table("one", records=rows.facts, columns=FACT_COLUMNS)
        await connection.copy_to_table("other", source=chunks(packed.facts), columns=PACKED_COLUMNS, format="binary")
        one = await connection.fetch("select one::text as row, node from one")
        other = await connection.fetch("select other::text as row, node from other")
    finally:
        await connection.close()
    assert sorted(row["row"] for row in one) == sorted(row["row"] for row in other)
    assert [row["node"] for row in other] == sorted(row["node"] for row in other)
    assert {one.key for one in claims if isinstance(one, Claim)} == set(map(UUID, packed.keys))
    expected = [msgspec.structs.replace(one, line=0) for one in claims if isinstance(one, Claim)]
    assert sorted(packed.claims(tenant), key=by_key) == sorted(expected, key=by_key)


def by_key(one: Claim) -> UUID:
    return one.key


ODD = [
    {"identifiers": (PHONE, OTHER)},
    {"identifiers": (Mention("phone", "13900000001/13900000002"),)},
    {"identifiers": (Mention("unionid", "u1"),)},
    {"identifiers": (Mention("phone", "13900000001", verified=True),)},
    {"identifiers": (Mention("phone", "13900000001", about={"app": "x"}),)},
    {"identifiers": (Mention("phone", "13900000001", held_at=NOW),)},
    {"identifiers": (Mention("phone", "1.39E+10"),)},
    {"identifiers": ()},
    {"at": NOW.replace(tzinfo=None)},
    {"updated_at": NOW.astimezone(timezone(timedelta(hours=8)))},
    {"created_at": NOW},
    {"traits": {"name": "王"}},
    {"origin": Origin(channel=3)},
    {"details": {"deep": [1]}},
    {"details": {"nul": "\0"}},
    {"details": {"half": "\ud800"}},
    {"duration": -1},
    {"rounds": 2**31},
    {"id": "x" * 257},
    {"id": ""},
    {"source": ""},
    {"enterprise": "x" * 129},
    {"city": "x" * 4097},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_call_that_says_more_or_is_not_within_the_limits_is_not_taken(tenant: Tenant, odd: dict[str, Any]) -> None:
    plain = calls()[1]
    pile = Pile(tenant, NOW)
    assert not pile.take(msgspec.structs.replace(plain, **odd))
    assert pile.packed() is None
    assert pile.take(plain)
    assert not pile.take(msgspec.structs.replace(plain, duration=3)), "a second revision of its record"


async def chunks(packed: Sequence[bytes]) -> AsyncIterator[bytes]:
    """Chunks as the driver takes them."""
    for chunk in packed:
        yield chunk


async def nothing(_desk: Desk) -> None:
    """Nothing came in between."""


async def a_record_came(desk: Desk) -> None:
    """One of its records came by another way, and newer."""
    await desk.land(msgspec.structs.replace(calls()[9], updated_at=NOW + timedelta(days=80_000), duration=5))


async def a_number_changed_hands(desk: Desk) -> None:
    """A cut divides one of its numbers."""
    await desk.service.cut(desk.tenant, Mention("phone", NUMBERS[0]), NOW - timedelta(days=1))


async def a_rank_changed(desk: Desk) -> None:
    """Another source is believed more."""
    await desk.service.set_tenant(desk.tenant, settings=TenantSettings(ranks={"tinet": 5}))


async def a_transcript_waits(desk: Desk) -> None:
    """What was said in one of its calls is here already."""
    first = calls()[2]
    await desk.land(
        Transcript(
            source=first.source, enterprise=first.enterprise, id="t", at=NOW, call=str(first.id), utterances=SAID
        )
    )


async def a_rule_minds_silence(desk: Desk) -> None:
    """A rule finds something in calls in which nothing was said."""
    version = await rules.put(desk.service, desk.tenant, load(SILENCE), text=SILENCE, author="me")
    async for _ in rules.apply(desk.service, desk.tenant, version, author="me"):
        pass


async def somebody_was_erased(desk: Desk) -> None:
    """Of one of its calls an erasure left its mark."""
    await desk.decide(TenantSettings(erasure_marks=True))
    await desk.land(calls()[4])
    wanted = normalise(Mention("phone", NUMBERS[4]))
    await erasure.erase(desk.service, desk.tenant, wanted, author="me", reason="asked", only=True)


async def companies_were_named(desk: Desk) -> None:
    """The tenant has a sub-enterprise."""
    await companies.put(desk.service, desk.tenant, "8000376")


async def they_had_called_before(desk: Desk) -> None:
    """Its numbers have calls, older and newer ones, and a profile."""
    for place, minutes in enumerate((-9_000_000, 90_000_000)):
        facts = [fact for fact in calls() if fact.id][place::7]
        await desk.land(*(msgspec.structs.replace(one, id=f"b{one.id}", at=later(minutes)) for one in facts))
    await desk.land(profile("p", Mention("phone", NUMBERS[0]), SOMEBODY))


BETWEEN = [
    nothing, a_record_came, a_number_changed_hands, a_rank_changed, a_transcript_waits, a_rule_minds_silence,
    somebody_was_erased, they_had_called_before, companies_were_named,
]  # fmt: skip


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("first", [False, True])
async def test_whatever_comes_before_or_in_between_a_packed_batch_lands_as_any_other(
    desk: Desk, between: Callable[[Desk], Awaitable[None]], *, twice: bool, first: bool
) -> None:
    service = desk.service
    if first:
        await between(desk)
    tenant = await service.tenant(desk.tenant.name)
    facts = calls() + (calls()[1:4] if twice else [])
    piles = Piles(tenant, service.now())
    prepared = prepare(tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)], service.now(), piles)
    batch = place_ahead(tenant, prepared, piles)
    assert batch.alone
    assert len(batch.claims) == (3 if twice else 0), "a second revision of a record is not packed"
    if not first:
        await between(desk)
    outcome = await service.land_prepared(tenant, batch)
    assert outcome.landed + outcome.known == len(facts)
    served = await all_served(desk)
    async for _ in service.rebuild(tenant):
        pass
    assert await all_served(desk) == served
    assert served[1].total >= len(NUMBERS) - 1


async def all_served(desk: Desk) -> tuple[list[Customer | None], PortraitPage]:
    """The customers of all numbers, and the page of all callers."""
    wanted = [normalise(Mention("phone", number)) for number in NUMBERS]
    page = await desk.service.portraits(desk.tenant, numbers=None, labels=(), offset=0, limit=100)
    return await desk.service.customers(desk.tenant, wanted), page


TOLD = {
    "fact": "to_jsonb(t) - 'came_at'",
    "record": "to_jsonb(t) - 'given_at'",
    "change": "to_jsonb(t) - 'at' - 'number'",
    **dict.fromkeys(
        ("node", "summary_identity", "summary_call", "summary_mark", "summary_company", "portrait_count"), "to_jsonb(t)"
    ),
}
"""What landing leaves, but for when."""


@pytest.mark.parametrize("first", [nothing, they_had_called_before, a_transcript_waits, companies_were_named])
async def test_calls_that_stand_alone_leave_the_rows_that_claims_leave(
    desk: Desk, database_url: str, first: Callable[[Desk], Awaitable[None]]
) -> None:
    service = desk.service
    connection = await asyncpg.connect(database_url)
    tables = [row[0] for row in await connection.fetch("select tablename from pg_tables where schemaname = 'public'")]
    left: list[dict[str, list[str]]] = []
    try:
        for packs in (True, False):
            for table in set(tables) - {"migration", "tenant", "account", "version"}:
                await connection.execute(f"delete from {table}")  # noqa: S608 (our own tables)
            await connection.execute("select setval('node_number', 1, false)")
            desk.tenant = await service.set_tenant(desk.tenant, settings=TenantSettings())
            await first(desk)
            tenant = await service.tenant(desk.tenant.name)
            facts = [(line, Parsed((fact,))) for line, fact in enumerate(calls(), 1) if fact.at]
            piles = Piles(tenant, service.now()) if packs else None
            batch = place_ahead(tenant, prepare(tenant, facts, service.now(), piles), piles)
            assert bool(batch.claims) is not packs
            assert (await service.land_prepared(tenant, batch)).landed == len(facts)
            left.append({
                table: [row[0] for row in await connection.fetch(f"select ({row})::text from {table} as t order by 1")]  # noqa: S608 (as above)
                for table, row in TOLD.items()
            })  # fmt: skip
    finally:
        await connection.close()
    assert left[0] == left[1]
    assert all(left[0][table] for table in ("fact", "record", "node", "summary_identity", "summary_call", "change"))


@given(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)))  # noqa: DTZ001 (a zone is added)
def test_a_time_is_packed_to_the_microsecond(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    packed = copying.time(moment)
    assert packed[:4] == b"\0\0\0\x08"
    counted = int.from_bytes(packed[4:], "big", signed=True)
    assert datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=counted) == moment

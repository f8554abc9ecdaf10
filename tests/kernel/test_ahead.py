"""Calls packed for COPY are the very rows that any other way would make of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest
from desk import SAID
from hypothesis import given
from hypothesis import strategies as st

from huaxiang import copying
from huaxiang.ahead import CALL_COLUMNS, placed_ahead
from huaxiang.claim import Claim, Placing, Rows, claim
from huaxiang.identifiers import normalise
from huaxiang.ingest import FACT_COLUMNS
from huaxiang.model import Call, Mention, Parsed, Tenant, TenantSettings, Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from desk import Desk

    from huaxiang.model import Customer, PortraitPage

NOW = datetime(2026, 5, 1, 9, 30, 0, 123456, tzinfo=UTC)
TIMES = [None, datetime(1901, 2, 3, tzinfo=UTC), NOW, NOW + timedelta(days=60_000, microseconds=1)]
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


def claimed(tenant: Tenant, facts: list[Call]) -> list[Claim]:
    """What these calls claim; each must land."""
    claims = [claim(tenant, line, fact, NOW) for line, fact in enumerate(facts, 1)]
    return [one for one in claims if isinstance(one, Claim)]


async def test_packed_calls_are_the_rows_that_placing_makes(tenant: Tenant, database_url: str) -> None:
    tenant = msgspec.structs.replace(tenant, settings=TenantSettings(ranks={"another": -3}))
    claims = claimed(tenant, calls())
    ahead = placed_ahead(tenant, claims, NOW)
    assert len(claims) == len(calls())
    assert all(one.is_call_alone for one in claims)
    assert ahead.packed
    rows = Rows()
    for one in claims:
        Placing(tenant, {}, frozenset()).add(rows, one, NOW, current=True)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.set_type_codec("json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")
        await connection.execute("create temporary table one (like fact)")
        await connection.execute("create temporary table other (like fact)")
        await connection.copy_records_to_table("one", records=rows.facts, columns=FACT_COLUMNS)
        await connection.copy_to_table("other", source=chunks(ahead.packed), columns=CALL_COLUMNS, format="binary")
        one = await connection.fetch("select one::text as row, node from one")
        other = await connection.fetch("select other::text as row, node from other")
    finally:
        await connection.close()
    assert sorted(row["row"] for row in one) == sorted(row["row"] for row in other)
    assert [row["node"] for row in other] == sorted(row["node"] for row in other)
    assert ahead.nodes == rows.nodes


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
        Transcript(source=first.source, enterprise=first.enterprise, id="t", call=str(first.id), utterances=SAID)
    )


BETWEEN = [nothing, a_record_came, a_number_changed_hands, a_rank_changed, a_transcript_waits]


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("twice", [False, True])
async def test_whatever_comes_in_between_a_packed_batch_lands_as_any_other(
    desk: Desk, between: Callable[[Desk], Awaitable[None]], *, twice: bool
) -> None:
    service, tenant = desk.service, desk.tenant
    facts = calls() + (calls()[:3] if twice else [])
    prepared = service.prepare(tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)])
    batch = service.place_ahead(tenant, prepared)
    assert batch.ahead
    assert batch.ahead.packed
    await between(desk)
    await service.land_prepared(tenant, batch)
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


@given(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)))  # noqa: DTZ001 (a zone is added)
def test_a_time_is_packed_to_the_microsecond(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    packed = copying.time(moment)
    assert packed[:4] == b"\0\0\0\x08"
    counted = int.from_bytes(packed[4:], "big", signed=True)
    assert datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=counted) == moment

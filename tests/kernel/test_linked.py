"""Facts of several identifiers, packed with their links, are the rows, the customers and the islands of other ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from uuid import UUID

import asyncpg
import msgspec
import pytest
from desk import Desk
from shapes import LIMITS, SHAPES, feed, land, standing

from huaxiang import listing
from huaxiang.arrival import ROW_COLUMNS
from huaxiang.claim import Claim, Placing, Rows, claim
from huaxiang.feed import changes
from huaxiang.fold import EVERY_SUMMARY
from huaxiang.identifiers import normalise
from huaxiang.ingest import FACT_COLUMNS
from huaxiang.model import (
    AnyFact,
    Company,
    Customer,
    Interaction,
    Link,
    Mention,
    Origin,
    Parsed,
    Record,
    Subscription,
    Tenant,
    TenantSettings,
    Trait,
)
from huaxiang.packing import copying
from huaxiang.packing.ahead import Piles, Prepared, place_ahead, prepare
from huaxiang.packing.linked import FACT_COLUMNS as PACKED_FACT_COLUMNS
from huaxiang.packing.linked import LINK_COLUMNS, NODE_COLUMNS, PLACE_COLUMNS, Bundle, Packed
from huaxiang.service import Service
from huaxiang.store import Store

NOW = datetime(2026, 5, 1, 9, 30, 0, 123456, tzinfo=UTC)
TIMES = [None, NOW - timedelta(days=900), NOW, NOW + timedelta(microseconds=1)]
SETTINGS = TenantSettings(
    ranks={"crm": -3}, matching={"crm": ("phone", "unionid")}, blocked=("13900000003", "unionid:u5")
)


def mentions(place: int) -> tuple[Mention, ...]:
    """One to four identifiers of several kinds, some of nobody, some twice, some with more to tell."""
    named = (
        Mention("unionid", f"u{place % 11}"),
        Mention("phone", f"139-0000-00{place % 13:02d}", verified=place % 4 == 0),
        Mention("openid", f"o{place % 17}", "wx1", about={"platform": "gzh", "from_to": "扫码"} if place % 3 else {}),
        Mention("phone", "12345" if place % 2 else "+86 13900000007", held_at=NOW if place % 5 else None),
        Mention("email", "Nobody@Example.com"),
    )
    return named[place % 5 : place % 5 + 1 + place % 4] or named


def facts() -> list[AnyFact]:
    """Facts of each kind that is packed, with and without each thing that they may say."""
    told: list[AnyFact] = []
    for place in range(240):
        said = {
            "source": ("crm", "telrobot")[place % 2],
            "enterprise": ("e", "")[place % 3 == 0],
            "id": f"{place}·壹" if place % 7 else None,
            "at": TIMES[place % 4],
            "updated_at": TIMES[place // 2 % 4],
            "created_at": TIMES[place // 3 % 4],
            "identifiers": mentions(place),
            "traits": {"name": "王", "age": place} if place % 2 else {"tags": ["a", {"b": 1.5}]} if place % 6 else {},
            "origin": Origin(channel=place) if place % 8 == 0 else None,
        }
        kinds: list[Callable[..., AnyFact]] = [Trait, Trait, Record, Subscription, Interaction]
        more = [{}, {}, {"record": str(UUID(int=place))}, {"account": "a"}, {"type": "view"}][place % 5]
        told.append(kinds[place % 5](**said, **more))
    return told


def claimed(tenant: Tenant, told: Sequence[AnyFact]) -> list[Claim]:
    """What these facts claim; each must land."""
    claims = [claim(tenant, line, fact, NOW) for line, fact in enumerate(told, 1)]
    assert all(isinstance(one, Claim) for one in claims)
    return [one for one in claims if isinstance(one, Claim)]


def packed_of(tenant: Tenant, claims: Sequence[Claim], *, as_claims: bool) -> Packed:
    """These packed: all of them as claims, or as facts where they are plain."""
    bundle = Bundle(tenant, NOW)
    taken = [(not as_claims and bundle.take(one.fact)) or (not bundle.add(one)) for one in claims]
    assert as_claims or taken.count(True) > len(claims) // 5, "some are plain"
    packed = bundle.packed()
    assert packed is not None
    assert len(packed.keys) == len(claims)
    return packed


class Tables:
    """The same rows twice: one by one, and packed."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection

    async def same(
        self,
        like: str,
        rows: tuple[Sequence[str], Sequence[Sequence[object]]],
        packed: tuple[Sequence[str], Sequence[bytes]],
    ) -> bool:
        """Whether both, each as (columns, rows), are the same rows of a table made `like` this."""
        ask = self._connection
        await ask.execute(f"drop table if exists plain, packed; create temporary table plain ({like})")
        await ask.execute(f"create temporary table packed ({like})")
        await ask.copy_records_to_table("plain", columns=rows[0], records=rows[1])
        await ask.copy_to_table("packed", columns=packed[0], source=chunks(packed[1]), format="binary")
        one = await ask.fetch("select whole::text as row from plain as whole order by 1")
        other = await ask.fetch("select whole::text as row from packed as whole order by 1")
        return len(one) > 0 and one == other


@pytest.fixture
async def tables(database_url: str) -> AsyncIterator[Tables]:
    connection = await asyncpg.connect(database_url)
    for kind, head in (("json", b""), ("jsonb", b"\x01")):
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=head.__add__, decoder=bytes, format="binary")
    yield Tables(connection)
    await connection.close()


async def chunks(packed: Sequence[bytes]) -> AsyncIterator[bytes]:
    """Chunks as the driver takes them."""
    for chunk in packed:
        yield chunk


@pytest.mark.parametrize("as_claims", [True, False])
@pytest.mark.parametrize("settings", [TenantSettings(), SETTINGS])
async def test_packed_facts_and_links_are_the_rows_that_placing_makes(
    tenant: Tenant, tables: Tables, settings: TenantSettings, *, as_claims: bool
) -> None:
    tenant = msgspec.structs.replace(tenant, settings=settings)
    # Any other has another key for every way.
    claims = claimed(tenant, [fact for fact in facts() if fact.id or fact.at])
    packed, rows = packed_of(tenant, claims, as_claims=as_claims), Rows()
    for one in claims:
        Placing(tenant, {}, frozenset(settings.blocked)).add(rows, one, NOW, current=True)
    nodes = [
        (node, one.kind, one.value, one.scope, epoch, tenant.id, place, True, 7, 8)
        for place, (node, (one, epoch)) in enumerate(rows.nodes.items())
    ]
    stand = Struct(">iqiBiqiq").pack
    packed_nodes = copying.chunks([row + stand(8, place, 1, 1, 8, 7, 8, 8) for place, row in enumerate(packed.nodes)])
    assert await tables.same("like fact", (FACT_COLUMNS, rows.facts), (PACKED_FACT_COLUMNS, packed.facts))
    assert await tables.same("like node", (NODE_COLUMNS, nodes), (NODE_COLUMNS, packed_nodes))
    landing = [(place, row[0]) for place, row in enumerate(nodes)]
    assert await tables.same("place integer, node uuid", (PLACE_COLUMNS, landing), (PLACE_COLUMNS, packed.landing))
    says = [row[:-1] for row in rows.links]
    mute = [
        (*row[1::-1], *row[2:4], row[-1], *row[5:9], False, None, False, None, None, None, row[-2])
        for row in rows.links
    ]
    columns, wanted = ROW_COLUMNS[:-1], [*says, *mute]
    assert await tables.same("like link", (columns, wanted), (LINK_COLUMNS, copying.chunks(packed.links, copying.NULL)))
    assert [row[6:42] for row in packed.links] == sorted(row[6:42] for row in packed.links)
    saying = [row + copying.NULL for row, end in zip(packed.links, packed.ends, strict=True) if not end % 2]
    assert await tables.same("like link", (columns, says), (LINK_COLUMNS, copying.chunks(saying)))
    ends = [(rows.links[place][0].bytes, rows.links[place][1].bytes) for place in range(len(rows.links))]  # type: ignore[attr-defined]
    assert [(packed.places[one], packed.places[other]) for one, other in zip(*packed.ties[:2], strict=True)] == ends
    assert packed.ties.strengths == [row[5] for row in rows.links]
    places = [end // 2 for end in packed.ends if not end % 2]
    assert [row[6:22] for row in packed.links[:3]] == [
        packed.places[(packed.ties.others if end % 2 else packed.ties.ones)[end // 2]] for end in packed.ends[:3]
    ]
    assert sorted(places) == list(range(len(rows.links)))
    assert {(one.key, one.digest) for one in packed.claims(tenant)} == {(one.key, one.digest) for one in claims}


async def test_the_registry_names_packed_records_and_their_nodes_in_the_order_of_their_links(
    service: Service, tenant: Tenant, database_url: str
) -> None:
    told = [fact for fact in facts() if fact.id or fact.at]
    batch = prepared(service, tenant, told)
    assert batch.linked
    rows, placing = Rows(), Placing(tenant, {}, frozenset())
    given_at = batch.linked.came_at
    expected = {
        (one.key, tenant.id, one.fact.updated_at, one.digest, given_at, *placing.add(rows, one, NOW, current=True))
        for one in claimed(tenant, told)
    }
    await service.land_prepared(tenant, batch)
    connection = await asyncpg.connect(database_url)
    found = {(*row[:-1], *row[-1]) for row in await connection.fetch("select * from record")}
    await connection.close()
    assert found == expected


SUMMARIES = (f"summary_{summary}" for summary in EVERY_SUMMARY if summary not in {"call", "mark"})
DERIVED = (*SUMMARIES, "link", "crm_entry")
"""Tables with what packed facts come to."""


@pytest.mark.parametrize("companies", [{}, {"e": Company("A company", UUID(int=1))}])
async def test_what_packed_facts_come_to_is_what_a_rebuild_makes_of_them(
    service: Service, store: Store, tenant: Tenant, database_url: str, companies: dict[str, Company]
) -> None:
    tenant = await service.set_tenant(tenant, settings=TenantSettings(ranks={"crm": -3}, companies=companies))
    await listing.keep(store, tenant)
    told = [fact for fact in facts() if not isinstance(fact, Link)]
    for start in range(0, len(told), 60):
        await service.land_prepared(tenant, prepared(service, tenant, told[start : start + 60]))
    running = await derived(database_url)
    async for _ in service.rebuild(tenant):
        pass
    await listing.keep(store, tenant)
    assert await derived(database_url) == running
    assert all(rows for table, rows in running.items() if companies or table != "summary_company")


async def derived(url: str) -> dict[str, list[str]]:
    """All rows of what is derived from facts."""
    connection = await asyncpg.connect(url)
    try:
        ask = "select whole::text as row from {} as whole order by 1"
        return {table: [row["row"] for row in await connection.fetch(ask.format(table))] for table in DERIVED}
    finally:
        await connection.close()


def prepared(service: Service, tenant: Tenant, told: Sequence[AnyFact]) -> Prepared:
    """A batch that is packed."""
    piles = Piles(tenant, service.now())
    batch = prepare(tenant, [(line, Parsed((fact,))) for line, fact in enumerate(told, 1)], service.now(), piles)
    batch = place_ahead(tenant, batch, piles)
    assert batch.linked
    return batch


async def nothing(_desk: Desk) -> None:
    """Nothing came in between."""


async def a_record_came(desk: Desk) -> None:
    """One of its records came by another way, and newer."""
    await desk.land(msgspec.structs.replace(facts()[9], updated_at=NOW + timedelta(days=80)))


async def an_identifier_changed_hands(desk: Desk) -> None:
    """A cut divides one of its identifiers."""
    await desk.service.cut(desk.tenant, Mention("unionid", "u1"), NOW - timedelta(days=1))


async def another_name_matches_first(desk: Desk) -> None:
    """Facts hang on other identifiers now, and some identify nobody."""
    await desk.decide(SETTINGS)


async def a_person_parted(desk: Desk) -> None:
    """A person parted two that the batch links."""
    one, other = Mention("unionid", "u1"), Mention("phone", "13900000001")
    await desk.land(
        Link(source="desk", id="d", at=NOW, author="me", reason="no", identifiers=(one,), apart_from=(other,))
    )


BETWEEN = [nothing, a_record_came, an_identifier_changed_hands, another_name_matches_first, a_person_parted]


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("twice", [False, True])
async def test_whatever_comes_in_between_a_packed_batch_lands_as_any_other(
    desk: Desk, between: Callable[[Desk], Awaitable[None]], *, twice: bool
) -> None:
    batch = prepared(desk.service, desk.tenant, facts() + (facts()[1:4] if twice else []))
    assert len(batch.claims) == (3 if twice else 0), "a second fact of a record is not packed"
    await between(desk)
    await desk.service.land_prepared(desk.tenant, batch)
    served = await all_served(desk)
    async for _ in desk.service.rebuild(desk.tenant):
        pass
    assert await all_served(desk) == served
    assert all(served)


async def all_served(desk: Desk) -> list[Customer | None]:
    """The customers of all that is named."""
    wanted = {normalise(mention) for fact in facts() for mention in fact.identifiers}
    return await desk.service.customers(desk.tenant, sorted(wanted))


# ── customers and islands ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("guards", list(LIMITS))
@pytest.mark.parametrize("shape", list(SHAPES))
async def test_packed_batches_of_any_shape_make_the_customers_of_small_ones_and_keep_what_their_islands_are(
    service: Service, store: Store, tenant: Tenant, database_url: str, shape: str, guards: str
) -> None:
    decided = TenantSettings(limits=LIMITS[guards])
    tenant = await service.set_tenant(tenant, settings=decided)
    told = [fact for fact in feed(shape, records=1_200) if isinstance(fact, Trait)]
    for start in range(0, len(told), 400):
        await service.land_prepared(tenant, prepared(service, tenant, told[start : start + 400]))
    running = await standing(store, tenant)
    assert await misjudged(database_url) == []
    other = await service.set_tenant(await service.create_tenant("small"), settings=decided)
    await land(service, other, told, 100)
    small = await standing(store, other)
    first = min(small[0])
    assert ({one - first + 1: customer - first + 1 for one, customer in small[0].items()}, small[1]) == (
        {one - min(running[0]) + 1: customer - min(running[0]) + 1 for one, customer in running[0].items()},
        running[1],
    )
    assert await misjudged(database_url) == []


@pytest.mark.parametrize("guards", list(LIMITS))
@pytest.mark.parametrize("shape", list(SHAPES))
async def test_the_feed_tells_of_a_packed_batch_what_it_tells_of_any_other(
    service: Service, store: Store, tenant: Tenant, shape: str, guards: str
) -> None:
    decided = TenantSettings(limits=LIMITS[guards])
    tenant = await service.set_tenant(tenant, settings=decided)
    told = [fact for fact in feed(shape, records=900) if isinstance(fact, Trait)]
    for start in range(0, len(told), 300):
        await service.land_prepared(tenant, prepared(service, tenant, told[start : start + 300]))
    other = await service.set_tenant(await service.create_tenant("other"), settings=decided)
    await land(service, other, told, 300)
    assert await changed(store, tenant) == await changed(store, other)


async def changed(store: Store, tenant: Tenant) -> list[tuple[str, int, int | None]]:
    """The feed, with the tenant's numbers counted from its first."""
    async with store.reading() as tx:
        told = await changes(tx, tenant, after=0, limit=100_000)
    first = min(one.customer for one in told)
    return [(one.what, one.customer - first, None if one.other is None else one.other - first) for one in told]


async def misjudged(url: str) -> list[asyncpg.Record]:
    """Islands that are not what is kept of them: their sizes, their kinds, whether they are one customer, or many."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch("""
            with counted as (
                select island as label, sum(count) as size, jsonb_object_agg(kind, count) as kinds
                from (select island, kind, count(*) from node group by 1, 2) as kind group by 1),
            named as (select island as label, count(distinct customer) as customers from node group by 1)
            select label, island.state, island.size, counted.size as counted, island.kinds, named.customers
            from island full join counted using (label) join named using (label)
            where island.size <> counted.size
               or island.state <> 'flat' and island.kinds <> counted.kinds
               or coalesce(island.state, 'plain') = 'plain' and named.customers > 1
               or island.state = 'flat' and named.customers < counted.size""")
    finally:
        await connection.close()

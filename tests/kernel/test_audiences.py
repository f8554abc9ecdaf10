"""Pages of customers by the ids that they answer under, held against single reads; their plans; and limits of calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from huaxiang import audiences
from huaxiang.errors import TooOften
from huaxiang.keyring import FASTEST_RATE, KeyOptions, Limit
from huaxiang.model import AccessKey, Customer, Identifier, Mention, Parsed, Tenant, Trait
from huaxiang.service import Service
from huaxiang.steward import companies
from huaxiang.steward.erasure import erase
from huaxiang.store import SETTINGS, STATEMENTS, opened

OURS = 5_000
"""A small one, so that ids on both sides of it come up."""
ROWS = 100_000
PHONE = "+8613339938205"


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def listed(service: Service, tenant: Tenant, size: int) -> list[int]:
    """All ids, page after page."""
    found: list[int] = []
    while page := await service.audience_ids(tenant, after=found[-1] if found else 0, size=size, ours=OURS):
        assert len(page) <= size
        found += page
    return found


def served(customer: Customer) -> int:
    """The id that a customer answers under, seen by itself."""
    values = [identity.identifier.value for identity in customer.of_kind("audience_id")]
    return min((int(one) for one in values if one.isdecimal() and int(one) < OURS), default=OURS + customer.id)


def trait(number: int, *names: tuple[str, str]) -> tuple[int, Parsed]:
    """A record that names somebody."""
    mentions = tuple(Mention(kind, value) for kind, value in names)
    return number + 1, Parsed((Trait(source="x", id=str(number), identifiers=mentions),))


@pytest.mark.parametrize("seed", range(6))
async def test_pages_of_any_size_hold_each_customer_once_under_the_id_that_it_answers_under(
    service: Service, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - an example, no secret
    tenant, other = await service.create_tenant(f"mine-{seed}"), await service.create_tenant(f"theirs-{seed}")
    names: list[list[tuple[str, str]]] = []
    for _ in range(60):
        ids = [("audience_id", str(random.choice([3, 40, 500, 4_999, 5_000, 7_000]) + random.randrange(40)))]
        person = ("unionid", f"person-{random.randrange(40)}")
        names.append([person, *ids * random.randrange(2), *[("audience_id", "none")] * (random.random() < 0.05)])
    await service.land(tenant, [trait(number, *of) for number, of in enumerate(names)])
    await service.land(other, [trait(1, ("audience_id", "7")), trait(2, ("unionid", "foreign"))])
    asked = [Identifier(kind, value) for of in names for kind, value in of]
    known = {one.id: one for one in await service.customers(tenant, asked) if one is not None}
    expected = sorted(served(one) for one in known.values())
    for size in (1, 2, 7, 1000):
        assert await listed(service, tenant, size) == expected


async def test_a_page_begins_strictly_after_the_id_given_whether_anybody_has_it_or_not(
    service: Service, tenant: Tenant
) -> None:
    await service.land(tenant, [trait(one, ("audience_id", str(one))) for one in (9, 10, 100)])
    pages = {
        after: await service.audience_ids(tenant, after=after, size=2, ours=OURS) for after in (0, 8, 9, 11, 100, OURS)
    }
    assert pages == {0: [9, 10], 8: [9, 10], 9: [10, 100], 11: [100], 100: [], OURS: []}


async def test_who_lives_on_after_the_identifier_that_named_it_was_erased_is_listed_still(
    service: Service, tenant: Tenant
) -> None:
    await service.land(tenant, [trait(1, ("unionid", "person-1")), trait(2, ("unionid", "person-1"), ("phone", PHONE))])
    (before,) = await listed(service, tenant, 10)
    await erase(service, tenant, Identifier("unionid", "person-1"), author="me", reason="asked", only=True)
    await service.land(tenant, [trait(3, ("phone", PHONE))])
    (customer,) = await service.customers(tenant, [Identifier("phone", PHONE)])
    assert customer is not None
    assert await listed(service, tenant, 10) == [OURS + customer.id]
    assert OURS + customer.id > before


@pytest.mark.parametrize("few", [10_000, 3, 0])
async def test_pages_of_a_sub_enterprise_hold_its_customers_and_no_others(
    service: Service, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(audiences, "FEW", few)
    for company in ("31", "32"):
        await companies.put(service, tenant, company)
    random = Random(few)  # noqa: S311 - an example, no secret
    records: list[tuple[int, Parsed]] = []
    for number in range(60):
        kinds = [("audience_id", str(random.randint(1, 99))), ("unionid", f"u{random.randint(0, 40)}")]
        names = tuple(Mention(*name) for name in random.sample(kinds, random.randint(1, 2)))
        enterprise = random.choice(["", "31", "32", "unheard of"])
        records.append((number, Parsed((Trait(source="x", enterprise=enterprise, id=str(number), identifiers=names),))))
    await service.land(tenant, records)
    numbers = range(1, 200)
    customers = {one.id: one for one in await service.customers(tenant, numbers) if one is not None}
    for company in ("31", "32", ""):
        expected = sorted(served(one) for one in customers.values() if company in one.summary.companies)
        for size in (1, 3, 100):
            found: list[int] = []
            while page := await service.audience_ids(
                tenant, after=found[-1] if found else 0, size=size, ours=OURS, company=company
            ):
                found += page
            assert found == expected
        assert expected


async def test_an_openid_is_found_in_every_app(service: Service, tenant: Tenant) -> None:
    mentions = (Mention("openid", "oXz", scope="wx1"), Mention("external_userid", "oXz", scope="corp"))
    await service.land(tenant, [(1, Parsed((Trait(source="x", id="1", identifiers=mentions),)))])
    found = await service.openids(tenant, "oXz")
    assert found == [Identifier("external_userid", "oXz", "corp"), Identifier("openid", "oXz", "wx1")]
    assert await service.openids(await service.create_tenant("other"), "oXz") == []
    assert await service.openids(tenant, "\0") == []


# ── plans ─────────────────────────────────────────────────────────────────────────────────────────────────────────

FILL = """
insert into node (node, tenant, number, kind, value, scope, epoch, customer, island)
select md5(i::text)::uuid, $tenant, i, (array['audience_id', 'openid', 'phone'])[1 + i % 3], (i * 7919)::text,
       '', 0, i - i % 2, i from generate_series(2, $rows) as i;
insert into summary_identity (node, tenant, at, rank, record_id, record, spelling, verified, first_at)
select node, $tenant, '2026-01-01', 0, 'r', node, value, false, '2026-01-01' from node;
insert into summary_company (node, company, tenant)
select node, case when number % 40 < 2 then '31' else '' end, tenant from node;
insert into summary_trait (node, name, at, rank, record_id, record, value)
select node, 'tag:x', '2026-01-01', 0, 'r', node, '{}' from node;
"""


@pytest_asyncio.fixture(scope="module")
async def filled(
    fresh_database: Callable[[], AbstractAsyncContextManager[str]],
) -> AsyncGenerator[tuple[int, asyncpg.Connection[asyncpg.Record]]]:
    """A tenant with many customers, and a connection as reads have it."""
    async with fresh_database() as url, opened(url, connections=1) as store:
        tenant = await Service(store).create_tenant("acme")
        connection = await asyncpg.connect(url, server_settings=SETTINGS)
        await connection.execute(FILL.replace("$tenant", str(tenant.id)).replace("$rows", str(ROWS)))
        await connection.execute("analyze")
        yield tenant.id, connection
        await connection.close()


def scanned(plan: dict[str, Any]) -> list[str]:
    """The nodes of a plan that read a table, or an index, from end to end."""
    own = plan["Node Type"] == "Seq Scan" or ("Index" in plan["Node Type"] and "Index Cond" not in plan)
    found = [plan["Relation Name"]] if own and "Relation Name" in plan else []
    return found + [one for below in plan.get("Plans", ()) for one in scanned(below)]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("vendors_ids", (3, "500", 100, str(5 * 10**18))),
        ("vendors_ids_of", (list(range(100)), str(5 * 10**18))),
        ("customers_after", (50_000, 100)),
        ("customers_mentioned", (list(range(100)),)),
        ("openids", ("7919",)),
        ("customers_within", ("31", 100)),
        ("companies_among", (list(range(100)),)),
        ("tagged_customers", (50_000, 100)),
    ],
)
async def test_a_page_is_read_along_indexes(
    filled: tuple[int, asyncpg.Connection[asyncpg.Record]], name: str, asked: tuple[object, ...]
) -> None:
    tenant, connection = filled
    plan = await connection.fetchval(f"explain (format json) {STATEMENTS[name]}", tenant, *asked)
    assert scanned(json.loads(plan)[0]["Plan"]) == []


@pytest_asyncio.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    """A connection of one's own to the service's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────────

TEN = Limit("ten", 10, 5.0)


async def key_of(service: Service, tenant: Tenant, rate: float) -> AccessKey:
    """A new key of Rabbitpre's with this rate."""
    credential = await service.create_key(tenant, "rabbitpre", KeyOptions(rate=rate))
    key = await service.key_by_name("rabbitpre", credential["instanceAppid"])
    assert key is not None
    return key


async def passed(service: Service, key: AccessKey, limit: Limit) -> bool:
    try:
        await service.accept_within(key, limit)
    except TooOften:
        return False
    return True


async def test_two_servers_on_one_database_let_so_many_calls_pass_together(
    service: Service, tenant: Tenant, database_url: str
) -> None:
    key, other = await key_of(service, tenant, 0.001), await key_of(service, tenant, 0.001)
    async with opened(database_url, connections=4) as store:
        second = Service(store)
        found = await asyncio.gather(*(passed(one, key, TEN) for one in (service, second) for _ in range(15)))
    assert sum(found) == 10
    assert await passed(service, key, Limit("another", 1, 2.0))
    assert not await passed(service, key, Limit("another", 1, 2.0))
    assert await passed(service, other, TEN)


async def test_what_was_accepted_before_the_window_counts_no_longer(
    service: Service, tenant: Tenant, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    key = await key_of(service, tenant, 0.001)
    assert [await passed(service, key, TEN) for _ in range(11)] == [True] * 10 + [False]
    # As if the oldest three had been accepted long ago: so many may pass now, and no more.
    await connection.execute("""
        update gate_call set accepted_at = array(
            select case when place <= 3 then at - interval '1 day' else at end
            from unnest(accepted_at) with ordinality as one (at, place) order by place)""")
    assert [await passed(service, key, TEN) for _ in range(5)] == [True] * 3 + [False] * 2
    assert await connection.fetchval("select max(cardinality(accepted_at)) from gate_call") == 10


async def test_a_limit_scales_with_the_keys_rate_and_ends_with_it(service: Service, tenant: Tenant) -> None:
    fast, free = await key_of(service, tenant, FASTEST_RATE), await key_of(service, tenant, 0)
    for key in (fast, free):
        assert all([await passed(service, key, Limit("one", 1, 1e-3)) for _ in range(20)])

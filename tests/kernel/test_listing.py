"""The entries of a CRM's records: a function of what was said, however it came; and lists that are what they say."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huaxiang import crm, listing, roster
from huaxiang.errors import NotFound
from huaxiang.memory import Kept
from huaxiang.model import Identifier, Json, Mention, Parsed, Record, Step, Tenant, TenantSettings
from huaxiang.pool import CrmView
from huaxiang.roster import Filter
from huaxiang.service import Service
from huaxiang.store import opened

SLOWLY = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
LAW = settings(max_examples=40, deadline=None, suppress_health_check=SLOWLY)
START = datetime(2024, 3, 1, tzinfo=UTC)
NAMES = [UUID(int=number << 64 | 0x4000 << 60) for number in (1, 2, 3)]
OWNERS = [str(UUID(int=number)) for number in (7, 8)]
SPELLED = ["13667679151", "+86 130-1212-1212", "０１０-62345678", None]
FOUND = (1, "1")
"""What a field holds that is found by 1."""
DAY = st.integers(0, 8).map(lambda days: START + timedelta(days=days))
Said: TypeAlias = Record | Step


class AtATime(Service):
    """The house, at a time of the test's own."""

    at = START + timedelta(days=6)

    def now(self) -> datetime:
        """That time."""
        return self.at


@dataclass
class House:
    """A house at a time, and a connection beside it."""

    service: AtATime
    connection: asyncpg.Connection[asyncpg.Record]

    async def tenant(self) -> Tenant:
        """A tenant of the test's own, with days for its pool."""
        tenant = await self.service.create_tenant(f"t-{uuid4()}")
        return await self.service.set_tenant(tenant, settings=TenantSettings(unfollow_days=2, unsettled_days=5))

    async def land(self, tenant: Tenant, batches: Sequence[Sequence[Said]]) -> None:
        for batch in batches:
            await self.service.land(tenant, [(line, Parsed((fact,))) for line, fact in enumerate(batch, 1)])

    async def kept(self, tenant: Tenant) -> Kept:
        kept = await self.service.memory.tenant(tenant.id)
        assert kept is not None
        return kept

    async def entries(self, tenant: Tenant) -> list[tuple[object, ...]]:
        """The tenant's entries, without the tenant, and without what is its key's."""
        rows = await self.connection.fetch("select * from crm_entry where tenant = $1 order by name", tenant.id)
        hidden = {"tenant", "at_node", "words"}
        return [(len(row["words"]), *(value for name, value in row.items() if name not in hidden)) for row in rows]

    async def listed(self, tenant: Tenant, wanted: Filter, account: UUID | None = None) -> list[UUID]:
        """The names on a page, as many as there are said to be."""
        kept = await self.kept(tenant)
        account = account or kept.tenant.main_account
        page = await roster.page(self.service, kept, account, wanted, limit=100, offset=0)
        assert page.total == len(page.views)
        return [view.id for view in page.views]


@pytest_asyncio.fixture(scope="module")
async def house(fresh_database: Callable[[], AbstractAsyncContextManager[str]]) -> AsyncGenerator[House]:
    async with fresh_database() as url, opened(url, connections=4) as store:
        connection = await asyncpg.connect(url)
        yield House(AtATime(store), connection)
        await connection.close()


def named(name: UUID) -> tuple[Mention, ...]:
    return (Mention("crm_id", str(name), scope="telrobot"),)


def a_record(name: UUID, **said: Any) -> Record:  # noqa: ANN401 (fields of a record)
    return Record(source="telrobot", record=str(name), identifiers=named(name), **said)


def a_step(name: UUID, **said: Any) -> Step:  # noqa: ANN401 (fields of a step)
    return Step(source="huaxiang", record=str(name), identifiers=named(name), **said)


records = st.builds(
    a_record,
    st.sampled_from(NAMES),
    id=st.sampled_from(["1", "2", "3"]),
    at=DAY,
    updated_at=st.none() | DAY,
    created_at=st.none() | DAY,
    owner=st.sampled_from(["", *OWNERS]),
    deleted=st.sampled_from([False, False, False, True]),
    details=st.fixed_dictionaries(
        {},
        optional={
            "phone": st.sampled_from(SPELLED),
            "email": st.sampled_from(["A@x.cn", "b@x.cn", 7]),
            "company": st.sampled_from(["云蝠智能", "云上", "x"]),
            "operator": st.sampled_from([1, 3, 99]),
            "sex": st.sampled_from([0, 1, 2]),
            "is_back": st.sampled_from([0, 1]),
            "followed_at": DAY.map(datetime.isoformat),
            "unfollow_back_at": DAY.map(datetime.isoformat),
            "components": st.dictionaries(st.sampled_from(["f", "g"]), st.sampled_from([1, "1", None, "2"])),
        },
    ),
)
steps = st.builds(
    a_step,
    st.sampled_from(NAMES),
    id=st.sampled_from(["s1", "s2", "s3"]),
    at=DAY,
    updated_at=st.none() | DAY,
    what=st.sampled_from(["follow", "settle", "claim", "release"]),
    owner=st.sampled_from(OWNERS),
    withdrawn=st.sampled_from([False, False, True]),
)
histories = st.lists(st.lists(records | steps, min_size=1, max_size=4), max_size=4)


@LAW
@given(history=histories, order=st.randoms(use_true_random=False))
async def test_entries_are_the_same_in_any_order_and_batches_and_when_they_are_made_at_once(
    house: House, history: list[list[Said]], order: Random
) -> None:
    one, other, late = [await house.tenant() for _ in range(3)]
    facts = [fact for batch in history for fact in batch]
    await listing.keep(house.service.store, one)
    await house.land(one, history)
    await listing.keep(house.service.store, other)
    shuffled = list(facts)
    order.shuffle(shuffled)
    await house.land(other, [[fact] for fact in shuffled])
    await house.land(late, [facts])
    await listing.keep(house.service.store, late)
    assert await house.entries(one) == await house.entries(other) == await house.entries(late)


@LAW
@given(history=histories)
async def test_a_rebuild_forgets_the_entries_and_makes_the_same_again(house: House, history: list[list[Said]]) -> None:
    tenant = await house.tenant()
    await listing.keep(house.service.store, tenant)
    await house.land(tenant, history)
    before = await house.entries(tenant)
    async for _ in house.service.rebuild(tenant):
        pass
    assert await house.entries(tenant) == []
    await house.listed(tenant, Filter())
    assert await house.entries(tenant) == before


async def views(house: House, tenant: Tenant, account: UUID) -> dict[UUID, CrmView]:
    """What the account sees of each customer, asked for one by one."""
    kept = await house.kept(tenant)
    found: dict[UUID, CrmView] = {}
    for name in NAMES:
        (customer,) = await house.service.customers(tenant, [Identifier("crm_id", str(name), "telrobot")])
        try:
            found[name] = crm.view(kept, customer, account=account, customer_id=name, now=house.service.now())
        except NotFound:
            continue
    return found


@LAW
@given(history=histories, whose=st.sampled_from([None, *OWNERS]))
async def test_a_list_has_whom_the_details_show(house: House, history: list[list[Said]], whose: str | None) -> None:
    tenant = await house.tenant()
    await house.land(tenant, history)
    kept = await house.kept(tenant)
    account = kept.tenant.main_account if whose is None else UUID(whose)
    seen = await views(house, tenant, account)
    below = {*map(str, kept.accounts_under(account)), *([""] if whose is None else [])}
    pooled = {name for name, view in seen.items() if view.pool and view.pool.is_back}
    held = {name for name, view in seen.items() if view.pool and view.pool.held.owner in below}
    settled = {name for name, view in seen.items() if view.pool and view.pool.held.is_settled}
    followed = {name for name, view in seen.items() if view.pool and view.pool.held.followed_at}

    async def listed(**wanted: object) -> set[UUID]:
        return set(await house.listed(tenant, Filter(**wanted), account))  # type: ignore[arg-type] (as the test says)

    assert await listed() == held
    assert await listed(stage="pool") == pooled
    assert await listed(stage="own") == held - pooled
    assert await listed(stage="clue") == held - pooled - settled
    assert await listed(stage="deal") == (held - pooled) & settled
    assert await listed(is_followed=True) == held & followed
    assert await listed(is_followed=False) == held - followed
    assert await listed(company="云", is_followed=True) == {
        name for name in held & followed if "云" in str(said(seen[name], "company"))
    }
    for field in ("f", "g"):
        having = {name for name in held if component(seen[name], field) in FOUND}
        assert await listed(values=((field, "1"),)) == having
        assert await listed(values=((field, "1"),), stage="pool") == {
            name for name in pooled if component(seen[name], field) in FOUND
        }


def component(view: CrmView, field: str) -> Json:
    values: dict[str, Json] = said(view, "components") or {}
    return values.get(field)


def said(view: CrmView, name: str) -> Json:
    assert view.record is not None
    return view.record.details.get(name)


@pytest.mark.parametrize("part", ["云", "云蝠", "蝠智能", "云蝠智能", "智云", "云云", "x"])
async def test_a_part_of_a_name_is_found_exactly(house: House, part: str) -> None:
    tenant = await house.tenant()
    companies = ["云蝠智能", "智能云蝠", "云智", "x", "蝠云"]
    rows = [
        Record(source="telrobot", id=str(number), at=START, record=str(name), identifiers=named(name),
               details={"company": company})
        for number, (name, company) in enumerate(zip([uuid4() for _ in companies], companies, strict=True))
    ]  # fmt: skip
    await house.land(tenant, [rows])
    found = set(await house.listed(tenant, Filter(company=part)))
    assert found == {UUID(row.record) for row in rows if part in row.details["company"]}

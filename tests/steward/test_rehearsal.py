"""A rehearsal, a sentence each: it tells what publishing does, changes nothing, and publishing does what it told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from huaxiang import feed
from huaxiang.errors import SettingsInvalid
from huaxiang.model import AnyFact, Call, Customer, Identifier, Limits, Mention, Parsed, Tenant, TenantSettings, Trait
from huaxiang.service import Service
from huaxiang.steward.rehearsal import Plan, Rehearsal, rehearse

NOON = datetime(2021, 3, 1, 4, tzinfo=UTC)
A, B, C = (Mention("unionid", name) for name in ("ua", "ub", "uc"))
LINE = Mention("phone", "13900000001")
NUMBER = Identifier("phone", "+8613900000001")


def profile(record: str, *mentions: Mention, minutes: int = 0, source: str = "crm", **more: Any) -> Trait:  # noqa: ANN401 - a field's value
    at = NOON + timedelta(minutes=minutes)
    return Trait(source=source, id=record, at=at, identifiers=mentions, **more)


class Desk:
    """The house as these sentences use it: a tenant, and one who changes its settings."""

    def __init__(self, service: Service, tenant: Tenant) -> None:
        self.service, self.tenant = service, tenant

    async def land(self, *facts: AnyFact) -> None:
        outcome = await self.service.land(self.tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)])
        assert outcome.rejects == ()

    async def rehearse(self, *, publish: bool = False, **changed: Any) -> Rehearsal:  # noqa: ANN401 - a field's value
        settings = msgspec.structs.replace(self.tenant.settings, **changed)
        done = await rehearse(self.service, self.tenant, Plan(settings=settings), publish=publish)
        if publish:
            self.tenant = done.tenant
        return done

    async def everybody(self) -> list[Customer]:
        """Every customer, once."""
        found = await self.service.customers(self.tenant, list(range(1, 100)))
        return sorted({one.id: one for one in found if one}.values(), key=lambda one: one.id)

    async def state(self) -> tuple[object, ...]:
        """All that a rehearsal may not touch."""
        async with self.service.store.reading() as tx:
            changes = await feed.changes(tx, self.tenant, after=0, limit=1000)
            waiting = [tuple(row) for row in await tx.rows("suspended_counts", self.tenant.id)]
        return await self.everybody(), changes, waiting, (await self.service.tenant(self.tenant.name)).settings


@pytest.fixture
def desk(service: Service, tenant: Tenant) -> Desk:
    return Desk(service, tenant)


CHANGES: list[dict[str, Any]] = [
    {"blocked": ("13900000001",)},
    {"limits": Limits(neighbours={"phone": 2})},
    {"limits": Limits(identifiers={"unionid": 1})},
    {"limits": Limits(customer_size=2)},
    {"ranks": {"web": 1}},
    {"matching": {"crm": ("unionid",)}},
]


async def a_line_of_an_office(desk: Desk) -> None:
    people = [A, B, C]
    await desk.land(*[profile(one.value, LINE, one, minutes=place) for place, one in enumerate(people)])
    await desk.land(profile("w", A, B, minutes=9, source="web", traits={"name": "张"}))


@pytest.mark.parametrize("changed", CHANGES, ids="+".join)
async def test_a_rehearsal_leaves_everything_as_it_is_and_publishing_does_what_it_told(
    desk: Desk, changed: dict[str, Any]
) -> None:
    await a_line_of_an_office(desk)
    before, ids = await desk.state(), {one.id for one in await desk.everybody()}
    told = await desk.rehearse(**changed)
    assert await desk.state() == before
    done = await desk.rehearse(publish=True, **changed)
    assert msgspec.structs.replace(done, published=False) == told
    after = {one.id for one in await desk.everybody()}
    assert (told.joined, told.parted) == (len(ids - after), len(after - ids))
    running = await desk.state()
    async for _ in desk.service.rebuild(desk.tenant):
        pass
    assert await desk.state() == running


async def test_blocking_a_line_tells_whom_it_parts_and_unblocking_it_whom_it_joins(desk: Desk) -> None:
    await a_line_of_an_office(desk)
    parted = await desk.rehearse(publish=True, blocked=("13900000001",))
    assert (parted.joined, parted.parted) == (0, 2)
    assert {one.identifiers for one in parted.examples.parted} == {("unionid:ua", "unionid:ub"), ("unionid:uc",)}
    assert {one.other for one in parted.examples.parted} == {1}
    joined = await desk.rehearse(publish=True, blocked=())
    assert (joined.joined, joined.parted) == (2, 0)
    assert {one.identifiers for one in joined.examples.joined} == {("unionid:ua", "unionid:ub"), ("unionid:uc",)}
    assert len(await desk.everybody()) == 1


async def test_a_tighter_limit_tells_which_links_it_suspends_and_a_wider_one_which_it_frees(desk: Desk) -> None:
    await a_line_of_an_office(desk)
    told = await desk.rehearse(publish=True, limits=Limits(neighbours={"phone": 2}))
    assert (told.suspended, told.freed) == ({"neighbours": 3}, 0)
    assert {(one.reason, one.links) for one in told.examples.suspended} == {("neighbours", 1)}
    assert all("phone:+8613900000001" in {one.one, one.other} for one in told.examples.suspended)
    wider = await desk.rehearse(publish=True, limits=Limits())
    assert (wider.suspended, wider.freed, wider.joined) == ({}, 3, 2)


async def test_a_change_of_limits_replays_no_fact(desk: Desk, database_url: str) -> None:
    await a_line_of_an_office(desk)
    connection = await asyncpg.connect(database_url)
    before = await connection.fetch("select ctid, xmin from fact order by 1")
    await desk.rehearse(publish=True, limits=Limits(neighbours={"phone": 2}))
    assert await connection.fetch("select ctid, xmin from fact order by 1") == before
    await connection.close()


async def test_a_published_change_is_told_in_the_feed(desk: Desk) -> None:
    await a_line_of_an_office(desk)
    async with desk.service.store.reading() as tx:
        before = await feed.changes(tx, desk.tenant, after=0, limit=1000)
    done = await desk.rehearse(publish=True, limits=Limits(neighbours={"phone": 2}))
    async with desk.service.store.reading() as tx:
        after = await feed.changes(tx, desk.tenant, after=before[-1].number, limit=1000)
    parted = [(one.customer, one.other) for one in after if one.what == "parted"]
    assert sorted(parted) == sorted((one.customer, one.other) for one in done.examples.parted)
    assert {one.customer for one in after if one.what == "updated"} >= {one.customer for one in done.examples.parted}


async def test_a_refused_setting_changes_nothing(desk: Desk) -> None:
    await a_line_of_an_office(desk)
    before = await desk.state()
    with pytest.raises(SettingsInvalid):
        await desk.rehearse(publish=True, limits=Limits(customer_size=0))
    assert await desk.state() == before


async def test_what_lands_meanwhile_waits_and_is_not_lost(desk: Desk) -> None:
    await a_line_of_an_office(desk)
    await asyncio.gather(
        desk.rehearse(blocked=("13900000001",)), desk.land(profile("z", Mention("unionid", "uz"))), desk.rehearse()
    )
    assert (await desk.service.customers(desk.tenant, [Identifier("unionid", "uz")]))[0] is not None
    assert len(await desk.everybody()) == 2


async def test_matching_order_says_on_which_identifier_a_sources_facts_hang(desk: Desk) -> None:
    await desk.land(profile("1", LINE, A, traits={"name": "张"}), profile("2", LINE, B, minutes=1, source="web"))
    await desk.land(Call(source="crm", id="c", at=NOON, identifiers=(LINE, A), duration=7))
    await desk.rehearse(publish=True, matching={"crm": ("email", "unionid")}, blocked=("unionid:ub",))
    async with desk.service.store.reading() as tx:
        ends = await tx.rows(
            "named_nodes", desk.tenant.id, [one.node for one in (await desk.everybody())[0].identities]
        )
        traits = {row["node"] for row in await tx.rows("traits", [row["node"] for row in ends])}
        calls = {row["node"] for row in await tx.rows("calls", [row["node"] for row in ends])}
    by_kind = {row["node"]: row["kind"] for row in ends}
    assert ({by_kind[node] for node in traits}, {by_kind[node] for node in calls}) == ({"unionid"}, {"phone"})


async def test_the_settings_as_they_are_change_nothing(desk: Desk) -> None:
    await a_line_of_an_office(desk)
    done = await desk.rehearse(publish=True)
    assert (done.joined, done.parted, done.moved, done.suspended, done.freed) == (0, 0, 0, {}, 0)
    assert done.tenant.settings == TenantSettings()

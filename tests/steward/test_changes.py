"""The change feed, a sentence each: whoever follows it knows every id that lives, and where each dead one leads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from huaxiang.errors import NotFound
from huaxiang.feed import Change
from huaxiang.model import AnyFact, Limits, Mention, Parsed, Tenant, TenantSettings, Trait
from huaxiang.service import Service
from huaxiang.steward import decisions, ids
from huaxiang.store import opened

NOON = datetime(2021, 3, 1, 4, tzinfo=UTC)
A, B, C = (Mention("unionid", name) for name in ("ua", "ub", "uc"))
WORDS: dict[str, str] = {"author": "wang", "reason": "heard both voices"}


def profile(record: str, *mentions: Mention) -> Trait:
    return Trait(source="crm", id=record, at=NOON, identifiers=mentions)


class Desk:
    """The house as these sentences use it."""

    def __init__(self, service: Service, tenant: Tenant) -> None:
        self.service, self.tenant = service, tenant

    async def land(self, *facts: AnyFact) -> None:
        await self.service.land(self.tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)])

    async def told(self, *, after: int = 0) -> list[tuple[str, int, int | None]]:
        """What the feed says, without its numbers and times."""
        page = await ids.page(self.service, self.tenant, after=after, limit=1000)
        return [(one.what, one.customer, one.other) for one in page.changes]

    async def newest(self) -> int:
        return (await ids.page(self.service, self.tenant)).newest

    async def alive(self) -> set[int]:
        found = await self.service.customers(self.tenant, list(range(1, 1000)))
        return {one.id for one in found if one is not None}


@pytest.fixture
def desk(service: Service, tenant: Tenant) -> Desk:
    return Desk(service, tenant)


class Follower:
    """A downstream system: it knows ids by the feed alone, page by page, from a cursor."""

    def __init__(self, page_rows: int) -> None:
        self.cursor, self.page_rows = 0, page_rows
        self.alive: set[int] = set()
        self.seen: list[Change] = []

    async def read(self, service: Service, tenant: Tenant) -> int:
        """Read one page, and remember."""
        page = await ids.page(service, tenant, after=self.cursor, limit=self.page_rows)
        for change in page.changes:
            if change.what in ("joined", "erased"):
                self.alive.discard(change.customer)
            else:
                self.alive.add(change.customer)
        self.seen += page.changes
        self.cursor = page.after
        return len(page.changes)


async def test_joined_then_parted_tells_both_ids_and_who_else_changed(desk: Desk) -> None:
    await desk.land(profile("a", A), profile("b", B))
    assert await desk.told() == [("updated", 1, None), ("updated", 2, None)]
    cursor = await desk.newest()
    joined = await decisions.join(desk.service, desk.tenant, ["1", "2"], **WORDS)
    assert await desk.told(after=cursor) == [("joined", 2, 1), ("updated", 1, None)]
    cursor = await desk.newest()
    await decisions.undo(desk.service, desk.tenant, joined.id, **WORDS)
    assert await desk.told(after=cursor) == [("parted", 2, 1), ("updated", 1, None), ("updated", 2, None)]


async def test_an_identifier_that_moves_updates_whom_it_left_too(desk: Desk) -> None:
    await desk.land(profile("1", A, C), profile("2", B))
    cursor = await desk.newest()
    await desk.land(Trait(source="crm", id="1", at=NOON, updated_at=NOON, identifiers=(A,)), profile("3", B, C))
    told = await desk.told(after=cursor)
    assert {one for one in told if one[0] == "updated"} == {("updated", 1, None), ("updated", 2, None)}


async def test_an_id_leads_on_and_back_and_knows_which_ids_lead_there(desk: Desk) -> None:
    await desk.land(profile("a", A), profile("b", B), profile("c", C))
    joined = await decisions.join(desk.service, desk.tenant, ["2", "3"], **WORDS)
    await decisions.join(desk.service, desk.tenant, ["1", "3"], **WORDS)
    lead = await ids.lead(desk.service, desk.tenant, 3)
    assert (lead.customer, lead.ids) == (1, (1, 2, 3))
    assert [(one.what, one.customer, one.other) for one in lead.changes] == [("joined", 3, 2)]
    (second,) = (await ids.lead(desk.service, desk.tenant, 2)).changes[1:]
    assert (second.what, second.customer, second.other) == ("joined", 2, 1)
    await decisions.undo(desk.service, desk.tenant, joined.id, **WORDS)
    assert (await ids.lead(desk.service, desk.tenant, 2)).customer == 2
    assert (await ids.lead(desk.service, desk.tenant, 3)).ids == (1, 3)


@pytest.mark.parametrize("number", [0, 9, 2**63 - 1, 2**64])
async def test_an_id_that_nobody_ever_had_leads_nowhere(desk: Desk, number: int) -> None:
    await desk.land(profile("a", A))
    with pytest.raises(NotFound):
        await ids.lead(desk.service, desk.tenant, number)


async def test_pages_of_any_size_put_together_are_the_feed(desk: Desk) -> None:
    for number in range(7):
        await desk.land(profile(str(number), Mention("unionid", f"n{number}"), Mention("phone", "13900000001")))
    whole = (await ids.page(desk.service, desk.tenant, limit=1000)).changes
    for rows in (1, 3):
        follower = Follower(rows)
        while await follower.read(desk.service, desk.tenant):
            pass
        assert tuple(follower.seen) == whole
    assert [one.at for one in whole] == sorted(one.at for one in whole)


async def test_a_rebuild_tells_nothing_new(desk: Desk) -> None:
    await desk.land(profile("1", A, B), profile("2", C))
    before = await desk.told()
    async for _ in desk.service.rebuild(desk.tenant):
        pass
    assert await desk.told() == before


async def test_a_reader_beside_writers_on_two_servers_misses_nothing_and_sees_all_in_order(
    desk: Desk, database_url: str
) -> None:
    people = [Mention("unionid", f"n{number}") for number in range(12)]
    done = asyncio.Event()

    async def write(service: Service, lines: Sequence[int]) -> None:
        for line in lines:
            await service.land(desk.tenant, [(1, Parsed((profile(f"p{line}", people[line]),)))])
            pair = (people[line], people[(line * 5 + 1) % len(people)])
            await service.land(desk.tenant, [(1, Parsed((profile(f"l{line}", *pair),)))])
        limits = TenantSettings(limits=Limits(identifiers={"unionid": 2 + lines[0]}))
        await service.set_tenant(desk.tenant, settings=limits)

    async def follow(follower: Follower) -> Follower:
        # A restart every page: the cursor is all that lives on, in a store of its own.
        while not done.is_set() or follower.cursor < await desk.newest():
            async with opened(database_url, connections=1) as store:
                await follower.read(Service(store), desk.tenant)
        return follower

    async with opened(database_url, connections=2) as second:
        following = asyncio.create_task(follow(Follower(3)))
        await asyncio.gather(write(desk.service, range(0, 12, 2)), write(Service(second), range(1, 12, 2)))
        done.set()
        follower = await following
    whole = (await ids.page(desk.service, desk.tenant, limit=1000)).changes
    assert tuple(follower.seen) == whole
    assert [one.number for one in whole] == sorted({one.number for one in whole})
    assert [one.at for one in whole] == sorted(one.at for one in whole)
    assert follower.alive == await desk.alive()


async def test_another_tenants_changes_are_not_told(desk: Desk) -> None:
    await desk.land(profile("1", A))
    other = await desk.service.create_tenant("other")
    page = await ids.page(desk.service, other)
    assert (page.changes, page.after, page.newest) == ((), 0, 0)
    with pytest.raises(NotFound):
        await ids.lead(desk.service, other, 1)

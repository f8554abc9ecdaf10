"""Spans: what a batch updates is kept many in a row, and whoever reads the feed is told each change by itself."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_changes import NOON, Desk, profile

from huaxiang.feed import Change
from huaxiang.model import Call, Limits, Mention, Parsed, Tenant, TenantSettings
from huaxiang.packing.ahead import Piles, place_ahead, prepare
from huaxiang.service import Service
from huaxiang.steward import erasure, ids
from huaxiang.store import Row, Store, migrations, opened

MANY = 650
PHONES = tuple(Mention("phone", f"139{serial:08}") for serial in range(MANY))
PAGES = (1, 7, 256, 1000)


@pytest.fixture
def desk(service: Service, tenant: Tenant) -> Desk:
    return Desk(service, tenant)


def calls(turn: int, phones: Sequence[Mention] = PHONES) -> list[Call]:
    return [Call(source="tinet", id=f"{one.value}-{turn}", at=NOON, identifiers=(one,)) for one in phones]


async def as_an_import(desk: Desk) -> None:
    """Many customers, in a batch that was packed ahead."""
    now = desk.service.now()
    piles = Piles(desk.tenant, now)
    records = [(line, Parsed((fact,))) for line, fact in enumerate(calls(0), 1)]
    batch = place_ahead(desk.tenant, prepare(desk.tenant, records, now, piles), piles)
    assert (await desk.service.land_prepared(desk.tenant, batch)).landed == MANY


async def as_a_push(desk: Desk) -> None:
    """The same, claimed and staged; the numbers are spelled as no import packs them."""
    await desk.land(*(profile(one.value, one) for one in PHONES))


async def by_new_limits(desk: Desk) -> None:
    """Each of two whom a profile joins, until no customer may have two of them."""
    pairs = [[Mention("unionid", f"{end}{pair}") for end in "ab"] for pair in range(MANY // 2)]
    await desk.land(*(profile(f"{pair}", *ends) for pair, ends in enumerate(pairs)))
    limits = TenantSettings(limits=Limits(identifiers={"unionid": 1}))
    desk.tenant = await desk.service.set_tenant(desk.tenant, settings=limits)


async def read(desk: Desk, *, limit: int, after: int = 0) -> list[Change]:
    """The feed behind a number, page by page; each page but the last is full, and the last one ends with the newest."""
    found: list[Change] = []
    while True:
        page = await ids.page(desk.service, desk.tenant, after=after, limit=limit)
        found += page.changes
        assert len(page.changes) == limit or page.after == page.newest
        if not page.changes:
            return found
        assert page.after > after
        after = page.after


async def kept(url: str) -> list[tuple[int | None, list[int]]]:
    """The rows in which the feed is kept: the customer, or the customers, of each."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select customer, customers from change order by number")
    finally:
        await connection.close()
    return [(row["customer"], row["customers"] or []) for row in rows]


@pytest.mark.parametrize("happens", [as_an_import, as_a_push, by_new_limits])
async def test_what_a_batch_updates_is_told_one_by_one_by_pages_of_any_size(
    desk: Desk, database_url: str, happens: Callable[[Desk], Awaitable[None]]
) -> None:
    await happens(desk)
    whole = await read(desk, limit=1000)
    last = [one.customer for one in whole[-MANY:]]
    assert last == sorted(await desk.alive())
    assert (await kept(database_url))[-3:] == [(None, last[:256]), (None, last[256:512]), (None, last[512:])]
    assert {(one.what, one.other) for one in whole[-MANY:]} == {("updated", None)}
    numbers = [one.number for one in whole]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0
    for limit in PAGES:
        assert await read(desk, limit=limit) == whole
    for place in (*range(0, len(whole), 97), len(whole) - 1):
        assert await read(desk, limit=100, after=numbers[place]) == whole[place + 1 :]
        assert await read(desk, limit=100, after=numbers[place] - 1) == whole[place:]


async def test_a_customer_alone_is_a_row_as_any_other_between_two_batches(desk: Desk, database_url: str) -> None:
    await as_an_import(desk)
    before = await read(desk, limit=1000)
    await desk.land(*calls(1, PHONES[3:4]))
    await desk.land(*calls(2, PHONES[:257]))
    after = await read(desk, limit=7)
    again = [one.customer for one in before[:257]]
    assert (await kept(database_url))[3:] == [(before[3].customer, []), (None, again[:256]), (again[256], [])]
    assert after[:MANY] == before
    assert [one.customer for one in after[MANY:]] == [before[3].customer, *again]
    assert [one.at for one in after] == sorted(one.at for one in after)


@pytest.mark.parametrize("places", [(256,), (300,), (511,), (649,), (256, 257, 300, 302, 510, 511)])
async def test_who_is_erased_out_of_a_span_leaves_no_trace_and_shifts_no_number(
    desk: Desk, database_url: str, places: Sequence[int]
) -> None:
    await as_an_import(desk)
    before = await read(desk, limit=1000)
    gone = [before[place].customer for place in places]
    for customer in gone:
        told = await erasure.preview(desk.service, desk.tenant, customer)
        done = await erasure.erase(desk.service, desk.tenant, customer, author="wang", reason="asked")
        assert (told.rows["change"], done.rows["change"]) == (1, 1)
    left = [one for one in before if one.customer not in gone]
    whole = await read(desk, limit=1000)
    assert whole[: len(left)] == left
    assert [(one.what, one.customer) for one in whole[len(left) :]] == [("erased", customer) for customer in gone]
    for limit in PAGES:
        assert await read(desk, limit=limit) == whole
    rows = await kept(database_url)
    assert [customer for customer, _ in rows if customer in gone] == gone
    assert not any(set(gone) & set(customers) for _, customers in rows)
    for customer in gone:
        assert [one.what for one in (await ids.lead(desk.service, desk.tenant, customer)).changes] == ["erased"]


async def test_what_was_told_before_there_were_spans_stays_and_the_numbers_go_on_behind_it(
    empty_database_url: str,
) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("create table migration (name text primary key, run_at timestamptz default now())")
    for name, text in migrations().items():
        if name < "0025":
            await connection.execute(text)
            await connection.execute("insert into migration (name) values ($1)", name)
    await connection.execute(
        "insert into change (tenant, number, what, customer) "
        "select 7, nextval('change_number'), 'updated', generate_series(1, 300)"
    )
    await connection.close()
    async with opened(empty_database_url, connections=1) as store:
        telling = Telling(store, 7)
        telling.told = await telling.page(0, 1000)
        assert [one[0] for one in telling.told] == [one[2] for one in telling.told] == list(range(1, 301))
        await telling.update(set(range(200, 600)))
        await telling.erase({1, 250, 599})
        assert await telling.page(0, 1000) == telling.told


# ── any history ───────────────────────────────────────────────────────────────────────────────────────────────────

TENANTS = itertools.count(1000)
Told = tuple[int, str, int, int | None]


@dataclass
class Telling:
    """A feed, and what it has told so far, change by change."""

    store: Store
    tenant: int = field(default_factory=lambda: next(TENANTS))
    told: list[Told] = field(default_factory=list[Told])

    async def put(self, name: str, *parameters: object, told: Sequence[tuple[str, int, int | None]]) -> None:
        """Write, and see that this was told behind all that was told before."""
        async with self.store.writing() as tx:
            await tx.run(name, self.tenant, *parameters)
        whole = await self.page(0, 10_000)
        new = whole[len(self.told) :]
        assert whole[: len(self.told)] == self.told
        assert [one[1:] for one in new] == list(told)
        self.told = whole

    async def update(self, customers: set[int]) -> None:
        told = [("updated", one, None) for one in sorted(customers)]
        await self.put("put_updates_of", list(customers), [], [], told=told)

    async def join(self, one: int, other: int) -> None:
        await self.put("put_changes", ["joined"], [one], [other], told=[("joined", one, other)])

    async def erase(self, customers: set[int]) -> None:
        async with self.store.writing() as tx:
            found = {row["number"] for row in await tx.rows("erasure_ids", self.tenant, list(customers))}
            await tx.run("erase_changes", self.tenant, list(customers))
            await tx.run("strip_changes", self.tenant, list(customers))
            assert await tx.rows("erasure_ids", self.tenant, list(customers)) == []
        assert found == customers & {end for one in self.told for end in one[2:]}
        left = [one for one in self.told if one[2] not in customers]
        self.told = [(one[0], "updated", one[2], None) if one[3] in customers else one for one in left]

    async def page(self, after: int, limit: int) -> list[Told]:
        async with self.store.reading() as tx:
            rows: Sequence[Row] = await tx.rows("changes_after", self.tenant, after, limit)
        return [(row["number"], row["what"], row["customer"], row["other"]) for row in rows]

    async def newest(self) -> int:
        async with self.store.reading() as tx:
            ((newest,),) = await tx.rows("newest_change", self.tenant)
        return newest


def crowd(first: int, size: int) -> set[int]:
    return set(range(first, first + size))


PEOPLE = st.integers(1, 700)
SOME = st.sets(PEOPLE, min_size=1, max_size=12)
CROWDS = st.builds(crowd, PEOPLE, st.sampled_from([2, 3, 255, 256, 257, 512, 600]))
STEPS = st.one_of(
    st.tuples(st.just("update"), CROWDS | SOME),
    st.tuples(st.just("join"), PEOPLE, PEOPLE),
    st.tuples(st.just("erase"), SOME | CROWDS),
)


@given(st.lists(STEPS, min_size=2, max_size=8), st.integers(1, 600), st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_after_any_history_every_page_tells_what_was_told_once_and_stays(
    store: Store, steps: list[tuple[str, set[int]] | tuple[str, int, int]], limit: int, data: st.DataObject
) -> None:
    telling = Telling(store)
    for name, *parameters in steps:
        await getattr(telling, name)(*parameters)
        assert await telling.page(0, 10_000) == telling.told
        assert await telling.newest() == (telling.told[-1][0] if telling.told else 0)
    assert [one[0] for one in telling.told] == sorted({one[0] for one in telling.told})
    numbers = [one[0] for one in telling.told]
    for number in data.draw(st.lists(st.sampled_from(numbers or [1]), min_size=1, max_size=6)):
        for after in (number - 1, number):
            behind = [one for one in telling.told if one[0] > after]
            assert await telling.page(after, limit) == behind[:limit]

"""The laws of the kernel, on the real PostgreSQL, against the oracle.

What is served is a function of what was said: of no order, no batch, no redelivery, no race; a join undone is no join;
and a rebuild changes nothing. One tenant for all examples, emptied in between, so that the names of nodes are the same
and only numbers differ.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg
import facts as drawn
import msgspec
import oracle
import pytest_asyncio
from facts import Cut
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from huaxiang import read
from huaxiang.claim import claim
from huaxiang.identifiers import normalise
from huaxiang.model import AnyFact, Customer, Link, Outcome, Parsed, Reject, Tenant, TenantSettings
from huaxiang.packing.ahead import Piles, place_ahead, prepare
from huaxiang.service import Service
from huaxiang.store import opened

# The house is emptied by each example itself.
LAW = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
Step: TypeAlias = list[AnyFact] | Cut
KEPT = {"migration", "tenant", "account"}


@dataclass
class House:
    """A service with one tenant, which can be emptied; `other` is a second server over the same database."""

    service: Service
    other: Service
    tenant: Tenant
    connection: asyncpg.Connection[asyncpg.Record]
    tables: Sequence[str]

    async def empty(self, decided: TenantSettings | None = None) -> None:
        """Forget everything, numbers too; the tenant's name and key stay."""
        for table in self.tables:
            await self.connection.execute(f"delete from {table}")  # noqa: S608 (our own tables)
        await self.connection.execute("select setval('node_number', 1, false)")
        self.tenant = await self.service.set_tenant(self.tenant, settings=decided or TenantSettings())

    async def land(self, facts: Sequence[AnyFact], *, by: Service | None = None, prepared: bool = False) -> Outcome:
        """Land a batch as a push; or `prepared`, as an import does."""
        service = by or self.service
        records = [(line, Parsed((fact,))) for line, fact in enumerate(facts, start=1)]
        if not prepared:
            return await service.land(self.tenant, records)
        piles = Piles(self.tenant, service.now())
        batch = place_ahead(self.tenant, prepare(self.tenant, records, service.now(), piles), piles)
        return await service.land_prepared(self.tenant, batch)

    async def follow(self, steps: Sequence[Step], *, by: Service | None = None) -> None:
        """Land these batches, every other one as an import does, and cut where it says so, one after the other."""
        for place, step in enumerate(steps):
            if isinstance(step, list):
                await self.land(step, by=by, prepared=place % 2 == 0)
            else:
                await (by or self.service).cut(self.tenant, *step)

    async def rebuild(self, page_rows: int) -> None:
        async for _ in self.service.rebuild(self.tenant, page_rows=page_rows):
            pass

    async def customers(self) -> list[Customer]:
        """Every customer, in the order of their least nodes."""
        async with self.service.store.reading() as tx:
            found = await read.customers_of_numbers(tx, self.tenant, range(1, 1000))
        distinct = {customer.id: customer for customer in found.values()}
        return sorted(distinct.values(), key=lambda customer: min(one.node for one in customer.identities))

    async def served(self) -> bytes:
        """All that is served, byte for byte, but for our own numbers."""
        return msgspec.json.encode([_renamed(customer) for customer in await self.customers()])

    async def documents(self) -> list[oracle.Document]:
        return [oracle.document(customer) for customer in await self.customers()]

    def expected(self, facts: Sequence[AnyFact], cuts: Sequence[Cut] = ()) -> list[oracle.Document]:
        """What the oracle says."""
        by_identifier = {
            normalise(mention): [at for one, at in cuts if normalise(one) == normalise(mention)] for mention, _ in cuts
        }
        return oracle.World(
            self.tenant, self.accepted(facts), {one: sorted(set(ats)) for one, ats in by_identifier.items()}
        ).customers()

    def accepted(self, facts: Sequence[AnyFact]) -> list[AnyFact]:
        """The facts that land; the others are refused by themselves."""
        now = self.service.now()
        return [fact for fact in facts if not isinstance(claim(self.tenant, 1, fact, now), Reject)]


def _renamed(customer: Customer) -> Customer:
    """The customer with its numbers replaced by the places of its nodes, which do not depend on arrival."""
    assert [one.number for one in customer.identities] == sorted(one.number for one in customer.identities)
    by_node = sorted(customer.identities, key=lambda one: one.node)
    identities = tuple(msgspec.structs.replace(one, number=place) for place, one in enumerate(by_node))
    return msgspec.structs.replace(customer, id=0, identities=identities)


@pytest_asyncio.fixture(scope="module")
async def house(fresh_database: Callable[[], AbstractAsyncContextManager[str]]) -> AsyncGenerator[House]:
    async with fresh_database() as url, opened(url, connections=4) as store, opened(url, connections=4) as second:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        tables = [row["tablename"] for row in rows if row["tablename"] not in KEPT]
        service = Service(store)
        yield House(service, Service(second), await service.create_tenant("acme"), connection, tables)
        await connection.close()


@st.composite
def deliveries(draw: st.DrawFn, facts: Sequence[AnyFact], cuts: Sequence[Cut] = ()) -> list[Step]:
    """The same facts in another order, some of them twice, in batches, with the cuts somewhere in between."""
    again = draw(st.lists(st.sampled_from(facts), max_size=3)) if facts else []
    steps: list[Step] = []
    for fact in draw(st.permutations([*facts, *again])):
        if not steps or draw(st.booleans()):
            steps.append([])
        batch = steps[-1]
        assert isinstance(batch, list)
        batch.append(fact)
    for cut in cuts:
        steps.insert(draw(st.integers(0, len(steps))), cut)
    return steps


@st.composite
def histories(
    draw: st.DrawFn, facts: st.SearchStrategy[AnyFact] = drawn.facts, least: int = 1, most: int = 14
) -> tuple[list[AnyFact], list[Cut], list[Step]]:
    said = draw(st.lists(facts, min_size=least, max_size=most))
    cuts = draw(st.lists(drawn.cuts, max_size=2, unique_by=str))
    return said, cuts, draw(deliveries(said, cuts))


@given(histories() | histories(drawn.calling, least=6), st.integers(1, 6))
@settings(LAW, max_examples=80)
async def test_what_is_served_depends_on_what_was_said_alone(
    house: House, history: tuple[list[AnyFact], list[Cut], list[Step]], page_rows: int
) -> None:
    said, cuts, steps = history
    await house.empty()
    await house.land(said)
    await house.follow(cuts)
    assert await house.documents() == house.expected(said, cuts)
    at_once = await house.served()
    await house.empty()
    await house.follow(steps)
    assert await house.served() == at_once
    running = await house.customers()
    await house.rebuild(page_rows)
    assert msgspec.json.encode(await house.customers()) == msgspec.json.encode(running)


@given(histories(drawn.linking, most=16), drawn.tenant_settings)
@settings(LAW, max_examples=60)
async def test_guards_are_functions_of_the_set_of_links(
    house: House, history: tuple[list[AnyFact], list[Cut], list[Step]], decided: TenantSettings
) -> None:
    said, cuts, steps = history
    await house.empty(decided)
    await house.follow(steps)
    assert await house.documents() == house.expected(said, cuts)
    running, suspended = await house.served(), await _links(house)
    await house.rebuild(page_rows=5)
    assert (await house.served(), await _links(house)) == (running, suspended)


async def _links(house: House) -> list[object]:
    rows = await house.connection.fetch("select node, other, record, suspended from link order by 1, 2, 3")
    assert all(
        {"suspended": row["suspended"]} == {"suspended": other["suspended"]}
        for row in rows
        for other in rows
        if (row["node"], row["other"], row["record"]) == (other["other"], other["node"], other["record"])
    )
    return [tuple(row) for row in rows]


@given(histories(most=12), drawn.tenant_settings)
@settings(LAW, max_examples=25)
async def test_settings_changed_afterwards_serve_as_if_they_had_always_been(
    house: House, history: tuple[list[AnyFact], list[Cut], list[Step]], decided: TenantSettings
) -> None:
    said, cuts, steps = history
    await house.empty()
    await house.follow(steps)
    house.tenant = await house.service.set_tenant(house.tenant, settings=decided)
    assert await house.documents() == house.expected(said, cuts)


@given(st.lists(drawn.facts, min_size=2, max_size=12), st.lists(drawn.cuts, max_size=1), st.data())
@settings(LAW, max_examples=25)
async def test_two_writers_at_once_serve_what_one_would(
    house: House, said: list[AnyFact], cuts: list[Cut], data: st.DataObject
) -> None:
    one, other = data.draw(deliveries(said, cuts)), data.draw(deliveries(said))
    await house.empty(data.draw(drawn.tenant_settings))
    await asyncio.gather(house.follow(one), house.follow(other, by=house.other))
    assert await house.documents() == house.expected(said, cuts)


@given(st.lists(drawn.facts, min_size=1, max_size=10), st.one_of(drawn.links, drawn.partings), st.data())
@settings(LAW, max_examples=30)
async def test_a_decision_taken_back_leaves_what_was_before(
    house: House, said: list[AnyFact], decision: Link, data: st.DataObject
) -> None:
    """A person's word names nobody by itself, so that without it nothing is left of it."""
    decision = msgspec.structs.replace(
        decision, source="huaxiang", id="d", author="me", withdrawn=False, updated_at=None, traits={}, origin=None
    )
    assume(house.accepted([decision]))
    await house.empty(data.draw(drawn.tenant_settings))
    await house.land(said)
    before = await house.served()
    await house.land([decision])
    await house.land([msgspec.structs.replace(decision, withdrawn=True, updated_at=drawn.TIMES[0])])
    assert await house.served() == before


@given(st.lists(drawn.facts, max_size=6), st.data())
@settings(LAW, max_examples=20)
async def test_a_batch_with_bad_facts_keeps_its_good_ones(
    house: House, good: list[AnyFact], data: st.DataObject
) -> None:
    bad = data.draw(st.lists(drawn.bad_facts, min_size=1, max_size=3))
    batch = data.draw(st.permutations([*good, *bad]))
    await house.empty()
    outcome = await house.land(batch)
    refused = {reject.line for reject in outcome.rejects}
    assert refused >= {line for line, fact in enumerate(batch, start=1) if any(fact is one for one in bad)}
    assert all(reject.reason for reject in outcome.rejects)
    assert outcome.landed + outcome.known + len(outcome.rejects) == len(batch)
    assert await house.documents() == house.expected(good)

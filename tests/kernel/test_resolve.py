"""Which nodes are one customer: the pure partition against the oracle, and through the store."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from huaxiang.model import Customer, Identifier, Limits, Mention, Order, Parsed, Tenant, TenantSettings, Trait
from huaxiang.partition import Edge, Parting, Partition, Place, limit_of, partition
from huaxiang.service import Service

NOON = datetime(2021, 3, 1, 12, tzinfo=UTC)
NO_LIMITS = Limits(neighbours={}, identifiers={}, customer_size=None)
PERSON, VERIFIED, STATED = 3, 2, 1


def node(number: int) -> UUID:
    """A node; its name says nothing of its number's place in the order."""
    return UUID(int=(number * 0x9E3779B97F4A7C15) % 2**128)


def edge(one: int, other: int, strength: int = STATED, minute: int = 0, record: int | None = None) -> Edge:
    """A link of two nodes, cited by a record of its own unless one is named."""
    ends = sorted((node(one), node(other)))
    name = f"{one}-{other}" if record is None else str(record)
    return Edge(ends[0], ends[1], UUID(int=hash_of(name)), strength, NOON + timedelta(minutes=minute), name)


def hash_of(name: str) -> int:
    return int.from_bytes(name.encode(), "big") % 2**128


def phones(count: int) -> dict[UUID, Place]:
    return {node(number): Place(number, "phone") for number in range(1, count + 1)}


def parting(minute: int, one: Iterable[int], other: Iterable[int]) -> Parting:
    return Parting(NOON + timedelta(minutes=minute), (set(map(node, one)), set(map(node, other))))


def groups(found: Partition) -> set[frozenset[UUID]]:
    by_label: dict[int, set[UUID]] = {}
    for member, label in found.customers.items():
        by_label.setdefault(label, set()).add(member)
    return {frozenset(members) for members in by_label.values()}


def together(found: Partition, *numbers: int) -> bool:
    return len({found.customers[node(number)] for number in numbers}) == 1


# ── the partition ─────────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[UUID, Place], list[Edge], dict[UUID, Parting], Limits]:
    count = draw(st.integers(2, 9))
    places = {
        node(number): Place(number, draw(st.sampled_from(["phone", "unionid"]))) for number in range(1, count + 1)
    }
    numbers = st.integers(1, count)
    ends = st.tuples(numbers, numbers).filter(lambda pair: pair[0] != pair[1])
    edges = {
        edge(*draw(ends), draw(st.integers(1, 3)), draw(st.integers(0, 3)), record)._replace(
            rank=draw(st.integers(0, 1))
        )
        for record in range(draw(st.integers(0, 14)))
    }
    sides = st.lists(numbers, min_size=2, max_size=4, unique=True)
    partings: dict[UUID, Parting] = {}
    for record in range(draw(st.integers(0, 2))):
        (first, *rest), at = draw(sides), draw(st.integers(0, 3))
        partings[UUID(int=record)] = parting(at, [first], rest)
    limits = Limits(
        neighbours={},
        identifiers=draw(st.sampled_from([{}, {"*": 1}, {"phone": 2, "*": None}, {"unionid": 1}])),
        customer_size=draw(st.sampled_from([None, 2, 3, 5])),
    )
    return places, sorted(edges), partings, limits


@given(graphs())
@settings(max_examples=300, deadline=None)
def test_customers_are_those_of_naive_merging(
    graph: tuple[dict[UUID, Place], list[Edge], dict[UUID, Parting], Limits],
) -> None:
    places, edges, partings, limits = graph
    kinds = {member: place.kind for member, place in places.items()}
    ties = [
        oracle.Tie(frozenset({one.one, one.other}), one.strength, Order(one.at, one.rank, one.record_id, one.record))
        for one in edges
    ]
    splits = [oracle.Split(one.at, (frozenset(one.sides[0]), frozenset(one.sides[1]))) for one in partings.values()]
    found = partition(places, edges, partings, limits)
    assert groups(found) == set(oracle.joined(kinds, ties, splits, limits))


@given(graphs(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_in_which_links_came_changes_nothing(
    graph: tuple[dict[UUID, Place], list[Edge], dict[UUID, Parting], Limits], chance: random.Random
) -> None:
    places, edges, partings, limits = graph
    before = partition(places, edges, partings, limits)
    shuffled = dict(chance.sample(list(places.items()), len(places)))
    after = partition(
        shuffled,
        chance.sample(edges, len(edges)),
        dict(chance.sample(list(partings.items()), len(partings))),
        limits,
    )
    assert (after.customers, after.islands, after.suspended) == (before.customers, before.islands, before.suspended)


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_a_link_is_suspended_exactly_when_it_joins_nobody(
    graph: tuple[dict[UUID, Place], list[Edge], dict[UUID, Parting], Limits],
) -> None:
    places, edges, partings, limits = graph
    found = partition(places, edges, partings, limits)
    for one in edges:
        apart = found.customers[one.one] != found.customers[one.other]
        reason = found.suspended.get((one.one, one.other, one.record))
        assert not apart or reason in {"size", "apart", "limit"}
        assert apart or reason in {None, "size"}
        assert found.islands[one.one] == found.islands[one.other]


def test_a_chain_of_a_thousand_in_random_order_is_one_customer() -> None:
    links = [edge(number, number + 1) for number in range(1, 1000)]
    random.Random(7).shuffle(links)  # noqa: S311 (an example)
    found = partition(phones(1000), links, {}, NO_LIMITS)
    assert set(found.customers.values()) == {1}
    assert found.suspended == {}


def test_a_star_of_a_thousand_is_one_customer() -> None:
    links = [edge(500, number) for number in range(1, 1001) if number != 500]
    found = partition(phones(1000), links, {}, NO_LIMITS)
    assert set(found.customers.values()) == {1}


def test_a_chain_longer_than_the_size_falls_apart_and_a_shorter_one_stays() -> None:
    limits = Limits(neighbours={}, identifiers={}, customer_size=999)
    links = [edge(number, number + 1) for number in range(1, 1000)]
    assert set(partition(phones(999), links[:-1], {}, limits).customers.values()) == {1}
    found = partition(phones(1000), links, {}, limits)
    assert len(set(found.customers.values())) == 1000
    assert set(found.islands.values()) == {1}
    assert set(found.suspended.values()) == {"size"}


def test_of_a_set_that_is_too_large_the_weakest_class_of_links_goes_whole() -> None:
    limits = Limits(neighbours={}, identifiers={}, customer_size=3)
    links = [edge(1, 2, VERIFIED), edge(2, 3), edge(3, 4, PERSON), edge(4, 5)]
    found = partition(phones(5), links, {}, limits)
    assert groups(found) == {frozenset(map(node, pair)) for pair in ((1, 2), (3, 4), (5,))}


def test_a_customer_is_called_after_its_smallest_number() -> None:
    found = partition(phones(4), [edge(4, 2), edge(3, 4)], {}, NO_LIMITS)
    assert [found.customers[node(number)] for number in (1, 2, 3, 4)] == [1, 2, 2, 2]


def test_the_earlier_of_two_links_that_a_limit_lets_not_both_join_wins() -> None:
    limits = Limits(neighbours={}, identifiers={"phone": 1}, customer_size=None)
    places = phones(2) | {node(3): Place(3, "unionid")}
    found = partition(places, [edge(1, 3, STATED, 5), edge(2, 3, STATED, 4)], {}, limits)
    assert together(found, 2, 3)
    assert not together(found, 1, 3)
    assert list(found.suspended.values()) == ["limit"]


def test_a_stronger_link_joins_before_an_earlier_one() -> None:
    limits = Limits(neighbours={}, identifiers={"phone": 1}, customer_size=None)
    places = phones(2) | {node(3): Place(3, "unionid")}
    found = partition(places, [edge(1, 3, VERIFIED, 5), edge(2, 3, STATED, 4)], {}, limits)
    assert together(found, 1, 3)


def test_what_a_person_parted_stays_apart_by_any_way() -> None:
    links = [edge(1, 2), edge(2, 3), edge(3, 4), edge(1, 4)]
    found = partition(phones(4), links, {UUID(int=1): parting(9, [1], [3])}, NO_LIMITS)
    assert not together(found, 1, 3)
    assert "apart" in found.suspended.values()


def test_a_parting_names_nodes_that_no_link_reaches() -> None:
    found = partition(phones(2), [edge(1, 2)], {UUID(int=1): parting(9, [1, 77], [78])}, NO_LIMITS)
    assert together(found, 1, 2)


def test_a_newer_join_of_a_person_takes_a_parting_back_and_an_older_one_does_not() -> None:
    apart = {UUID(int=1): parting(5, [1], [2])}
    assert together(partition(phones(2), [edge(1, 2, PERSON, 6)], apart, NO_LIMITS), 1, 2)
    assert not together(partition(phones(2), [edge(1, 2, PERSON, 5)], apart, NO_LIMITS), 1, 2)
    assert not together(partition(phones(2), [edge(1, 2, VERIFIED, 6)], apart, NO_LIMITS), 1, 2)


def test_a_join_of_three_takes_back_the_parting_of_two_that_it_names_beside_the_first() -> None:
    apart = {UUID(int=1): parting(5, [2], [3])}
    links = [edge(1, 2, PERSON, 6, record=9), edge(1, 3, PERSON, 6, record=9)]
    assert together(partition(phones(3), links, apart, NO_LIMITS), 1, 2, 3)


def test_limits_are_found_by_pair_of_kinds_then_by_kind_then_for_all() -> None:
    limits: Mapping[str, int | None] = {"phone:email": 1, "phone": 2, "*": 3, "unionid": None}
    asked = [("phone", "email"), ("phone", "openid"), ("email", "phone"), ("unionid", "phone")]
    assert [limit_of(limits, *kinds) for kinds in asked] == [1, 2, 3, None]
    assert limit_of({}, "phone") is None


# ── through the store ─────────────────────────────────────────────────────────────────────────────────────────────


def profile(serial: int, *mentions: Mention, deleted: bool = False) -> tuple[int, Parsed]:
    """A record that names these identifiers; `deleted` leaves it with its first one alone."""
    named = mentions[:1] if deleted else mentions
    updated_at = NOON + timedelta(days=1) if deleted else None
    return serial, Parsed((Trait(source="crm", id=str(serial), at=NOON, updated_at=updated_at, identifiers=named),))


def person(serial: int) -> Mention:
    return Mention("unionid", f"u{serial}")


LINE = Mention("phone", "13900000001")


async def found(service: Service, tenant: Tenant, mentions: Sequence[Mention]) -> list[Customer]:
    wanted = [
        Identifier("phone", "+86" + one.value) if one.kind == "phone" else Identifier(one.kind, one.value)
        for one in mentions
    ]
    customers = await service.customers(tenant, wanted)
    assert all(customers)
    return [customer for customer in customers if customer is not None]


async def limited(service: Service, tenant: Tenant, most: int) -> Tenant:
    return await service.set_tenant(
        tenant, settings=TenantSettings(limits=Limits(neighbours={"phone": most, "*": None}))
    )


async def test_a_shared_phone_turns_into_a_hub_and_back(service: Service, tenant: Tenant) -> None:
    tenant = await limited(service, tenant, 3)
    three = [person(serial) for serial in range(3)]
    await service.land(tenant, [profile(serial, one, LINE) for serial, one in enumerate(three)])
    assert len({customer.id for customer in await found(service, tenant, [LINE, *three])}) == 1
    await service.land(tenant, [profile(3, person(3), LINE)])
    everybody = [LINE, *three, person(3)]
    assert len({customer.id for customer in await found(service, tenant, everybody)}) == 5
    assert (await service.counts(tenant))["suspended"] == 4
    await service.land(tenant, [profile(3, person(3), LINE, deleted=True)])
    customers = await found(service, tenant, everybody)
    assert len({customer.id for customer in customers[:4]}) == 1
    assert customers[4].id != customers[0].id
    assert (await service.counts(tenant))["suspended"] == 0


async def test_a_hub_that_gains_neighbours_stays_one_and_its_links_are_kept(service: Service, tenant: Tenant) -> None:
    tenant = await limited(service, tenant, 1)
    for serial in range(5):
        await service.land(tenant, [profile(serial, person(serial), LINE)])
    customers = await found(service, tenant, [LINE, *map(person, range(5))])
    assert len({customer.id for customer in customers}) == 6
    assert (await service.counts(tenant))["suspended"] == 5


async def test_a_link_between_two_hubs_is_suspended_too(service: Service, tenant: Tenant) -> None:
    decided = TenantSettings(limits=Limits(neighbours={"*": 2}))
    tenant = await service.set_tenant(tenant, settings=decided)
    other = Mention("phone", "13900000002")
    lines = itertools.product([LINE, other], range(3))
    await service.land(tenant, [profile(serial, line, person(serial)) for serial, (line, _) in enumerate(lines)])
    before = (await service.counts(tenant))["suspended"]
    await service.land(tenant, [profile(99, LINE, other)])
    assert (await service.counts(tenant))["suspended"] == before + 1


async def test_lifting_a_limit_joins_what_was_suspended(service: Service, tenant: Tenant) -> None:
    tenant = await limited(service, tenant, 1)
    await service.land(tenant, [profile(serial, person(serial), LINE) for serial in range(3)])
    assert len({customer.id for customer in await found(service, tenant, list(map(person, range(3))))}) == 3
    tenant = await limited(service, tenant, 3)
    assert len({customer.id for customer in await found(service, tenant, list(map(person, range(3))))}) == 1
    assert (await service.counts(tenant))["suspended"] == 0

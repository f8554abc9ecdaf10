"""Links of whole batches at once: what becomes of islands is what a look at each of their nodes would find."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.islands import Group, Island, becomes_flat, connected, is_past, least_of, stays_plain
from huaxiang.model import AnyFact, Limits, Link, Mention, Parsed, Tenant, TenantSettings, Trait
from huaxiang.service import Service
from huaxiang.store import Store

NOON = datetime(2021, 3, 1, 12, tzinfo=UTC)
MOST = 60
"""The size bound; a batch of 600 records is one of many links, of which is said beforehand what is suspended."""

# ── labels alone ──────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=40))
def test_labels_that_pairs_connect_come_under_the_smallest_of_them(pairs: list[tuple[int, int]]) -> None:
    expected = {label: label for pair in pairs for label in pair}
    for _ in expected:
        for one, other in pairs:
            expected[one] = expected[other] = min(expected[one], expected[other])
    assert connected(pairs) == expected


def test_a_long_chain_in_random_order_comes_under_its_smallest_label() -> None:
    pairs = [(label, label + 1) for label in range(1, 20_000)]
    random.Random(7).shuffle(pairs)  # noqa: S311 - an example
    assert set(connected(pairs).values()) == {1}


def plain(label: int, size: int, **kinds: int) -> Island:
    return Island(label, size, "plain", 0, 0, kinds or {"phone": size})


def test_plain_islands_within_every_limit_stay_plain_together() -> None:
    limits = Limits(neighbours={}, identifiers={"phone": 3, "*": None}, customer_size=9)
    assert stays_plain(Group([plain(1, 1), plain(2, 2)], 1, 1), limits)
    assert not stays_plain(Group([plain(1, 2), plain(2, 2)], 1, 1), limits)
    assert stays_plain(Group([plain(1, 2), plain(2, 7, email=7)], 1, 1), limits)
    assert not stays_plain(Group([plain(1, 2), plain(2, 8, email=8)], 1, 1), limits)
    assert not stays_plain(Group([plain(1, 1), Island(2, 1, "mixed", 1, 1, {"email": 1})], 1, 1), limits)


def test_what_is_past_the_bound_is_flat_where_all_strengths_are_one() -> None:
    limits = Limits(customer_size=3)
    group = Group([plain(1, 3), Island(2, 2, "mixed", 1, 1, {})], 1, 1)
    assert is_past(group, limits)
    assert becomes_flat(group)
    assert not becomes_flat(Group([*group.islands, Island(9, 2, "mixed", 1, 2, {})], 1, 1))
    assert not becomes_flat(Group(group.islands, 2, 2))
    assert not is_past(group, Limits(customer_size=5))
    assert not is_past(group, Limits(customer_size=None))


def test_the_least_limit_is_that_of_any_kind() -> None:
    assert least_of({"phone": 5, "*": 20, "email": None}) == 5
    assert least_of({"*": None}) is None
    assert least_of({}) is None


# ── through the store ─────────────────────────────────────────────────────────────────────────────────────────────


def _chain(_chance: random.Random, i: int) -> tuple[int, int]:
    return i, i + 1


def _random(chance: random.Random, _i: int) -> tuple[int, int]:
    return chance.randrange(1_000), chance.randrange(1_000)


def _stars(chance: random.Random, i: int) -> tuple[int, int]:
    return 1_000 + i, chance.randrange(40)


def _both(chance: random.Random, i: int) -> tuple[int, int]:
    return (_stars if i % 2 else _random)(chance, i)


def _hubs_in_a_chain(_chance: random.Random, i: int) -> tuple[int, int]:
    return (i, i + 1) if i % 4 else (i, i % 16)


SHAPES: dict[str, Callable[[random.Random, int], tuple[int, int]]] = {
    "chain": _chain,
    "random": _random,
    "stars": _stars,
    "stars in a random graph": _both,
    "a chain through hubs": _hubs_in_a_chain,
}
LIMITS = {
    "off": Limits(neighbours={}, identifiers={}, customer_size=None),
    "on": Limits(neighbours={"*": 8}, identifiers={"phone": 20, "*": None}, customer_size=MOST),
    "a bound of size alone": Limits(neighbours={}, identifiers={}, customer_size=MOST),
}


def feed(shape: str, *, records: int = 1_800) -> Iterator[AnyFact]:
    """Records of two identifiers each, of two kinds; a few verified, and a few partings and joins of a person."""
    chance = random.Random(shape)  # noqa: S311 - a feed, not a secret
    for i in chance.sample(range(records), records):
        verified = "random" in shape and chance.random() < 0.02
        ends = tuple(
            Mention("phone" if end % 7 == 0 else "unionid", f"{13_900_000_000 + end}", verified=verified)
            for end in SHAPES[shape](chance, i)
        )
        if i % 300 == 7 and ends[0].value != ends[1].value:
            joins = i % 600 == 7
            yield Link(
                source="desk", id=f"d{i}", at=NOON, author="me", reason="heard",
                identifiers=ends if joins else ends[:1], apart_from=() if joins else ends[1:],
            )  # fmt: skip
        yield Trait(source="feed", id=f"{i}", at=NOON, identifiers=ends)


async def land(service: Service, tenant: Tenant, facts: Sequence[AnyFact], batch: int) -> None:
    for start in range(0, len(facts), batch):
        records = [(line, Parsed((fact,))) for line, fact in enumerate(facts[start : start + batch], 1)]
        assert (await service.land(tenant, records)).rejects == ()


async def standing(store: Store, tenant: Tenant) -> tuple[dict[int, int], Counter[str]]:
    """Whose customer each number is, and how many links are suspended, by reason."""
    async with store.reading() as tx:
        nodes = [row["node"] for row in await tx.rows("nodes_of_tenant", tenant.id)]
        rows = await tx.rows("erasure_of_nodes", tenant.id, nodes)
        links = await tx.rows("links_of", nodes)
    both = {(row["node"], row["other"], row["record"]): row["suspended"] for row in links}
    assert all(both[other, node, record] == reason for (node, other, record), reason in both.items())
    return {row["number"]: row["customer"] for row in rows}, Counter(str(reason) for reason in both.values())


@pytest.mark.parametrize("guards", list(LIMITS))
@pytest.mark.parametrize("shape", list(SHAPES))
async def test_large_batches_and_small_ones_make_the_same_customers_and_suspend_the_same_links(
    service: Service, store: Store, tenant: Tenant, shape: str, guards: str
) -> None:
    tenant = await service.set_tenant(tenant, settings=TenantSettings(limits=LIMITS[guards]))
    await land(service, tenant, list(feed(shape)), 600)
    running = await standing(store, tenant)
    async for _ in service.rebuild(tenant, page_rows=100):
        pass
    assert await standing(store, tenant) == running
    tenant = await service.set_tenant(tenant, settings=TenantSettings(limits=Limits(customer_size=7)))
    await service.set_tenant(tenant, settings=TenantSettings(limits=LIMITS[guards]))
    assert await standing(store, tenant) == running

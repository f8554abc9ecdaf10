"""Links of whole batches at once: what becomes of islands is what a look at each of their nodes would find."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapes import LIMITS, SHAPES, feed, land, standing

from huaxiang.islands import Group, Island, becomes_flat, connected, is_past, least_of, stays_plain
from huaxiang.model import Limits, Tenant, TenantSettings
from huaxiang.service import Service
from huaxiang.store import Store

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

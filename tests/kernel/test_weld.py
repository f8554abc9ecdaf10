"""A feed that tries to weld all customers into one does not succeed: no customer grows past its bound, in any shape."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from huaxiang.model import Limits, Mention, Parsed, Tenant, TenantSettings, Trait
from huaxiang.service import Service
from huaxiang.store import Store

NOON = datetime(2021, 3, 1, 12, tzinfo=UTC)
RECORDS, BATCH, BOUND = 3_000, 500, 100

SHAPES: dict[str, Callable[[int], tuple[str, str]]] = {
    "chain": lambda i: (f"u{i}", f"u{i + 1}"),
    "star": lambda i: (f"u{i}", "hub"),
    "tree": lambda i: (f"u{i // 8}", f"u{i + 1}"),
    "ring of rings": lambda i: (f"u{i}", f"u{(i * 7 + 1) % RECORDS}"),
}


async def welded(service: Service, tenant: Tenant, shape: str) -> Tenant:
    """The tenant, after the whole feed came in random order."""
    tenant = await service.set_tenant(tenant, settings=TenantSettings(limits=Limits(customer_size=BOUND)))
    ends = [SHAPES[shape](i) for i in range(RECORDS)]
    random.Random(shape).shuffle(ends)  # noqa: S311 - a feed, not a secret
    facts = [
        Trait(
            source="feed",
            id=f"{one}-{other}",
            at=NOON,
            identifiers=(Mention("unionid", one), Mention("unionid", other)),
        )
        for one, other in ends
    ]
    for start in range(0, RECORDS, BATCH):
        batch = facts[start : start + BATCH]
        outcome = await service.land(tenant, [(line, Parsed((fact,))) for line, fact in enumerate(batch, 1)])
        assert outcome.rejects == ()
    return tenant


async def labels(store: Store, tenant: Tenant) -> dict[int, int]:
    """Whose customer each number is."""
    async with store.reading() as tx:
        nodes = [row["node"] for row in await tx.rows("nodes_of_tenant", tenant.id)]
        return {row["number"]: row["customer"] for row in await tx.rows("erasure_of_nodes", tenant.id, nodes)}


@pytest.mark.parametrize("shape", list(SHAPES))
async def test_no_customer_grows_past_its_bound_and_a_rebuild_agrees(
    service: Service, store: Store, tenant: Tenant, shape: str
) -> None:
    tenant = await welded(service, tenant, shape)
    found = await labels(store, tenant)
    assert max(Counter(found.values()).values()) <= BOUND
    async for _ in service.rebuild(tenant):
        pass
    assert await labels(store, tenant) == found

"""How long a feed takes that tries to weld all identifiers into one customer, beside one that only joins pairs.

    python bench/weld.py [RECORDS]        (20,000 unless given; in batches of 2,000, over an embedded PostgreSQL)

Every record names two identifiers. What counts is the ratio to `pairs`, in the same run: a guarded feed of any shape
should cost about as much as an honest one.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from huaxiang.cluster import running
from huaxiang.model import Limits, Mention, Parsed, TenantSettings, Trait
from huaxiang.service import Service
from huaxiang.store import opened

NOON = datetime(2021, 3, 1, 12, tzinfo=UTC)
BATCH = 2_000
SHAPES: dict[str, Callable[[int], tuple[str, str]]] = {
    "first": lambda i: (f"u{i}", f"v{i}"),
    "pairs": lambda i: (f"u{i}", f"v{i}"),
    "chain": lambda i: (f"u{i}", f"u{i + 1}"),
    "star": lambda i: (f"u{i}", "hub"),
    "tree": lambda i: (f"u{i // 8}", f"u{i + 1}"),
    "chain, guards off": lambda i: (f"u{i}", f"u{i + 1}"),
}
OFF = TenantSettings(limits=Limits(neighbours={}, identifiers={}, customer_size=None))


async def seconds(service: Service, shape: str, records: int) -> float:
    """How long the feed takes, in random order."""
    tenant = await service.create_tenant(shape)
    if shape.endswith("off"):
        tenant = await service.set_tenant(tenant, settings=OFF)
    order = list(range(records))
    random.Random(1).shuffle(order)  # noqa: S311 - a feed, not a secret
    facts = [
        Trait(source="feed", id=str(i), at=NOON, identifiers=tuple(Mention("unionid", one) for one in SHAPES[shape](i)))
        for i in order
    ]
    started = time.perf_counter()
    for start in range(0, records, BATCH):
        batch = facts[start : start + BATCH]
        await service.land(tenant, [(line, Parsed((fact,))) for line, fact in enumerate(batch, 1)])
    return time.perf_counter() - started


async def main(url: str, records: int) -> None:
    """Print the table."""
    async with opened(url) as store:
        service = Service(store)
        await seconds(service, "first", BATCH)  # who comes first pays for plans and caches
        honest = 0.0
        for shape in [shape for shape in SHAPES if shape != "first"]:
            taken = await seconds(service, shape, records)
            honest = honest or taken
            print(f"{shape:20} {taken:7.1f} s  {records / taken:8,.0f} records/s  {taken / honest:5.2f} x pairs")  # noqa: T201 - a table


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="hx") as folder, running(None, Path(folder)) as cluster:
        asyncio.run(main(cluster.url, int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))

"""How long it takes to resolve records of two identifiers each, beside the same graph worked out in memory.

    python bench/links.py [RECORDS]        (100,000 unless given; in batches of 50,000, over an embedded PostgreSQL)

Three graphs: ends drawn at random from as many identifiers as there are records (four fifths become one set), one
long chain, and one star; the records in random order, the guards off, and again on. Beside each, in the same run, what
the machine can do: SciPy's `connected_components` on the edges as integers, and COPY of the labelled nodes and the
edges into two tables, each with a primary key. What counts is the ratio. Every run has a database of its own.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import numpy as np
from scipy import sparse

from huaxiang.cluster import running
from huaxiang.model import Limits, Mention, Parsed, TenantSettings, Trait
from huaxiang.service import Service
from huaxiang.store import opened

NOON = datetime(2021, 3, 1, 12, tzinfo=UTC)
RECORDS = 100_000
BATCH = 50_000
Edges = list[tuple[int, int]]


def _random(records: int) -> Edges:
    chance = random.Random(2)  # noqa: S311 - a feed, not a secret
    ends = ((chance.randrange(records), chance.randrange(records - 1)) for _ in range(records))
    return [(one, other + (other >= one)) for one, other in ends]


SHAPES: dict[str, Callable[[int], Edges]] = {
    "random": _random,
    "chain": lambda records: [(i, i + 1) for i in range(records)],
    "star": lambda records: [(i + 1, 0) for i in range(records)],
}
GUARDS = {
    "off": TenantSettings(limits=Limits(neighbours={}, identifiers={}, customer_size=None)),
    "on": TenantSettings(),
}


def figures(records: int = RECORDS, *, batch: int = BATCH) -> dict[str, dict[str, float]]:
    """Run it all; seconds and ratios by shape and guards.

    `scipy_s` and `copy_s`: the yardstick; `seconds`: ours; `ratio`: ours by the yardstick.
    """
    with tempfile.TemporaryDirectory(prefix="hx") as folder, running(None, Path(folder)) as cluster:
        return asyncio.run(_all(cluster.url, records, batch))


async def _all(url: str, records: int, batch: int) -> dict[str, dict[str, float]]:
    await _once(url, "random", 2_000, 1_000)  # who comes first pays for caches
    return {
        f"{shape}, guards {guards}": figure
        for shape in SHAPES
        for guards, figure in (await _once(url, shape, records, batch)).items()
    }


async def _once(url: str, shape: str, records: int, batch: int) -> dict[str, dict[str, float]]:
    """One shape: the yardstick, then ours with the guards off and on."""
    edges = SHAPES[shape](records)
    random.Random(1).shuffle(edges)  # noqa: S311 - a feed, not a secret
    async with _database(url) as its:
        scipy_s, copy_s = await yardstick(its, edges)
    found: dict[str, dict[str, float]] = {}
    for guards, settings in GUARDS.items():
        async with _database(url) as its:
            ours = await seconds(its, edges, settings, batch)
        ratio = ours / (scipy_s + copy_s)
        found[guards] = {"seconds": ours, "scipy_s": scipy_s, "copy_s": copy_s, "ratio": ratio}
    return found


@asynccontextmanager
async def _database(url: str) -> AsyncGenerator[str]:
    """A database of its own beside the one at `url`, gone in the end."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("create database links")
        try:
            yield urlunsplit(urlsplit(url)._replace(path="/links"))
        finally:
            await connection.execute("drop database links with (force)")
    finally:
        await connection.close()


async def yardstick(url: str, edges: Edges) -> tuple[float, float]:
    """Seconds of SciPy on these edges, and of COPY of the labelled nodes and the edges into keyed tables."""
    ends = np.array(edges)
    count = int(ends.max()) + 1
    started = time.perf_counter()
    graph = sparse.coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, labels = cast("tuple[int, Any]", sparse.csgraph.connected_components(graph, directed=False))  # type: ignore[attr-defined]
    labelled = cast("list[int]", labels.tolist())
    scipy_s = time.perf_counter() - started
    chance = random.Random(3)  # noqa: S311 - names of rows
    names = [UUID(int=chance.getrandbits(128)) for _ in range(count)]
    used = sorted({end for edge in edges for end in edge})
    nodes = [(names[node], node, "unionid", f"u{node}", labelled[node]) for node in used]
    links = [(names[one], names[other], f"{line}", NOON) for line, (one, other) in enumerate(edges)]
    connection = await asyncpg.connect(url)
    await connection.execute(
        "create table nodes (node uuid primary key, number bigint, kind text, value text, customer bigint);"
        "create table links (one uuid, other uuid, record text, at timestamptz, primary key (one, other, record))"
    )
    started = time.perf_counter()
    await connection.copy_records_to_table("nodes", records=nodes)
    await connection.copy_records_to_table("links", records=links)
    copy_s = time.perf_counter() - started
    await connection.close()
    return scipy_s, copy_s


async def seconds(url: str, edges: Sequence[tuple[int, int]], settings: TenantSettings, batch: int) -> float:
    """How long the feed takes: landed, resolved, told to the change feed."""
    async with opened(url) as store:
        service = Service(store)
        tenant = await service.create_tenant("links")
        tenant = await service.set_tenant(tenant, settings=settings)
        facts = [
            Trait(
                source="feed", id=str(line), at=NOON, identifiers=tuple(Mention("unionid", f"u{end}") for end in edge)
            )
            for line, edge in enumerate(edges)
        ]
        started = time.perf_counter()
        for start in range(0, len(facts), batch):
            records = [(line, Parsed((fact,))) for line, fact in enumerate(facts[start : start + batch], 1)]
            await service.land(tenant, records)
        return time.perf_counter() - started


def main(records: int) -> None:
    """Print the table."""
    for name, one in figures(records).items():
        print(  # noqa: T201 - a table
            f"{name:20} {one['seconds']:7.1f} s  {records / one['seconds']:8,.0f} records/s  "
            f"SciPy {one['scipy_s']:.2f} s + COPY {one['copy_s']:.1f} s  {one['ratio']:5.1f} x"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS)

"""Links: records with two identifiers each, resolved into customers; beside SciPy's components of the same edges.

Three shapes of as many records: pairs drawn at random among as many identifiers, one long chain in random order, and
one star. Each with the tenant's guards, and without them. What it is measured against is SciPy's work in memory, and
the COPY of nodes and edges, ready made as CSV, into tables with their primary keys; the better of two.

Rule 1: without guards, as many customers must come out as there are components, and as many nodes.
Rule 2: what an import of a single record takes (mostly Python's start) is taken off every time.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import msgspec
import numpy as np
import polars as pl
from scipy.sparse import coo_matrix, csgraph

from huaxiang.model import Limits, TenantSettings
from huaxiang.service import Service
from huaxiang.store import opened as opened_store

from . import database
from .figures import Figure, Part, now
from .house import House, opened
from .load import WrongAnswers
from .sizes import Size
from .telling import load, say

Numbers = np.ndarray[Any, np.dtype[np.int64]]

_OFF: Final = TenantSettings(limits=Limits(neighbours={}, identifiers={}, customer_size=None))
_ENCODE: Final = msgspec.json.Encoder().encode


class Edges(NamedTuple):
    """Records as pairs of the identifiers' numbers; and how many identifiers there are."""

    one: Numbers
    other: Numbers
    nodes: int


def measure(work: Path, size: Size) -> Part:
    """Resolve each shape, guarded and not."""
    at, busy = now(), load()
    folder = work / "links"
    shutil.rmtree(folder, ignore_errors=True)
    raw: dict[str, Any] = {"records": size.records}
    figures: list[Figure] = []
    with opened(folder / "data") as house:
        single = _written(folder, Edges(np.array([0]), np.array([1]), 2), "single")
        started = min(_imported(house, single, f"single{place}", guarded=True) for place in range(3))
        raw["start_seconds"] = started
        for shape, make in SHAPES.items():
            found = _compared(house, folder, shape, make(size.records), started)
            raw[shape] = found
            figures += _figures(shape, size.records, found)
    shutil.rmtree(folder, ignore_errors=True)
    return Part(size.name, at, busy, figures, raw)


def _random(records: int) -> Edges:
    chance = np.random.default_rng(1)
    one, other = chance.integers(0, records, records), chance.integers(0, records, records)
    return _numbered(one, np.where(one == other, (other + 1) % records, other))


def _chain(records: int) -> Edges:
    order = np.random.default_rng(2).permutation(records)
    return _numbered(order, order + 1)


def _star(records: int) -> Edges:
    order = np.random.default_rng(3).permutation(records)
    return _numbered(order + 1, np.zeros(records, dtype=np.int64))


def _numbered(one: Numbers, other: Numbers) -> Edges:
    """The identifiers that are named at all, numbered from 0."""
    names, places = np.unique(np.concatenate([one, other]), return_inverse=True)
    return Edges(places[: len(one)], places[len(one) :], len(names))


SHAPES: Final[dict[str, Callable[[int], Edges]]] = {"random": _random, "chain": _chain, "star": _star}


def _compared(house: House, folder: Path, shape: str, edges: Edges, started: float) -> dict[str, Any]:
    """Seconds of ours with and without guards, of SciPy, and of COPY."""
    file = _written(folder, edges, shape)
    count, labels, in_memory = _components(edges)
    told: dict[str, Any] = {"components": count, "nodes": edges.nodes, "scipy_seconds": in_memory}
    tables = _tables(folder, edges, labels)
    told["copy_seconds"] = min(
        database.asked(house.url, lambda connection: database.copy_links(connection, *tables)) for _ in range(2)
    )
    for way, guarded in (("guarded", True), ("unguarded", False)):
        tenant = f"{shape}-{way}"
        told[way] = max(_imported(house, file, tenant, guarded=guarded) - started, 1e-3)
        say(f"{shape}, {way}: {told[way]:.1f} s")
        told[f"{way}_counts"] = asyncio.run(_counts(house, tenant))
    counts = told["unguarded_counts"]
    if (counts["customers"], counts["nodes"]) != (count, edges.nodes):
        raise WrongAnswers(f"{shape}: {counts['customers']} customers where there are {count} components")
    return told


def _components(edges: Edges) -> tuple[int, Numbers, float]:
    """How many components, which each node is in, and the seconds that SciPy took."""
    seconds: list[float] = []
    count, labels = 0, edges.one
    for _ in range(2):
        began = time.perf_counter()
        ones = np.ones(len(edges.one), dtype=np.int8)
        graph = coo_matrix((ones, (edges.one, edges.other)), shape=(edges.nodes, edges.nodes))
        # It is compiled, and brings no types along.
        count, labels = cast("tuple[int, Numbers]", cast("Any", csgraph).connected_components(graph, directed=False))
        seconds.append(time.perf_counter() - began)
    return int(count), labels, min(seconds)


def _imported(house: House, file: Path, tenant: str, *, guarded: bool) -> float:
    """Seconds to import a file of records as a new tenant's."""
    house.run("tenant", "create", tenant)
    if not guarded:
        asyncio.run(_without_guards(house, tenant))
    return house.run("import", str(file), "--tenant", tenant, "--as", "facts").seconds


async def _without_guards(house: House, tenant: str) -> None:
    async with opened_store(house.url) as store:
        service = Service(store)
        await service.set_tenant(await service.tenant(tenant), settings=_OFF)


async def _counts(house: House, tenant: str) -> dict[str, int]:
    async with opened_store(house.url) as store:
        service = Service(store)
        return await service.counts(await service.tenant(tenant))


def _written(folder: Path, edges: Edges, name: str) -> Path:
    """The records as native facts."""
    file = folder / f"{name}.jsonl"
    with file.open("wb", buffering=1 << 18) as out:
        for place, pair in enumerate(zip(edges.one.tolist(), edges.other.tolist(), strict=True)):
            named = [{"kind": "unionid", "value": f"u{one}"} for one in pair]
            told = {"kind": "trait", "source": "feed", "id": str(place), "at": "2021-03-01T12:00:00Z"}
            out.write(_ENCODE({**told, "identifiers": named}) + b"\n")
    return file


def _tables(folder: Path, edges: Edges, labels: Numbers) -> tuple[Path, Path]:
    """Nodes and edges as CSV: keys as wide as ours (a uuid), spread as ours."""
    files = folder / "nodes.csv", folder / "edges.csv"
    keys = pl.Series(np.random.default_rng(4).permutation(edges.nodes)).cast(pl.String).str.zfill(32)
    keys = keys.str.reverse()  # so that neighbours do not lie side by side
    place = np.arange(edges.nodes)
    nodes = pl.DataFrame({"node": keys, "number": place, "customer": labels})
    nodes.with_columns(value=pl.format("u{}", pl.col("number"))).write_csv(files[0], include_header=False)
    ends = {"node": keys.gather(edges.one), "other": keys.gather(edges.other)}
    pl.DataFrame({**ends, "number": np.arange(len(edges.one))}).write_csv(files[1], include_header=False)
    return files


def _figures(shape: str, records: int, found: dict[str, Any]) -> list[Figure]:
    least = found["scipy_seconds"] + found["copy_seconds"]
    return [
        Figure(f"links: {shape} of {records:,} records, guards {word}", "SciPy in memory + COPY", found[way] / least,
               10, "less", group="links", ours=f"{found[way]:,.1f} s", theirs=f"{least:,.2f} s")
        for way, word in (("unguarded", "off"), ("guarded", "on"))
    ]  # fmt: skip

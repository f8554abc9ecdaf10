"""Feeds of every shape, records of two identifiers each that make chains, stars and the like; and what came of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from huaxiang.model import AnyFact, Limits, Link, Mention, Parsed, Tenant, Trait
from huaxiang.service import Service
from huaxiang.store import Store

NOON = datetime(2021, 3, 1, 12, tzinfo=UTC)
MOST = 60
"""The size bound; a batch of 600 records is one of many links, which are joined as they are written."""


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

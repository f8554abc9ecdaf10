"""What joins a customer: its links pair by pair, those that are suspended and why, and what a person keeps apart."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from huaxiang.dialects.native.evidence import (
    MOST_IDENTIFIERS,
    MOST_PAIRS,
    MOST_PARTINGS,
    MOST_RECORDS_OF_A_PAIR,
    CitedParting,
    LinkedPair,
)
from huaxiang.steward.evidence.records import cited, cited_link, revisions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from huaxiang.steward.evidence.subject import Names
    from huaxiang.store import Row, Transaction


class Pairs(NamedTuple):
    """Pairs that are linked, the first 1,000; how many pairs there are, and how many links between them."""

    listed: list[LinkedPair]
    pairs: int
    links: int


async def standing(tx: Transaction, names: Names, nodes: Sequence[UUID]) -> Pairs:
    """The links that join these nodes."""
    return await _pairs(tx, names, "evidence_standing", nodes)


async def suspended(tx: Transaction, names: Names, nodes: Sequence[UUID]) -> Pairs:
    """The links at these nodes that join nobody, within them and out of them."""
    return await _pairs(tx, names, "evidence_suspended", nodes)


async def _pairs(tx: Transaction, names: Names, statement: str, nodes: Sequence[UUID]) -> Pairs:
    rows = await tx.rows(statement, nodes, MOST_RECORDS_OF_A_PAIR, MOST_PAIRS * MOST_RECORDS_OF_A_PAIR)
    if not rows:
        return Pairs([], 0, 0)
    listed = await linked(tx, names, rows)
    listed.sort(key=lambda pair: (pair.one.number, pair.other.number))
    return Pairs(listed[:MOST_PAIRS], rows[0]["pairs"], rows[0]["total"])


async def linked(tx: Transaction, names: Names, rows: Sequence[Row]) -> list[LinkedPair]:
    """Rows of links, pair by pair; the older identifier of a pair first."""
    await names.load({end for row in rows for end in (row["node"], row["other"])})
    said = await revisions(tx, ((row["node"], row["record"]) for row in rows))
    pairs: defaultdict[tuple[UUID, UUID], list[Row]] = defaultdict(list)
    for row in rows:
        pairs[row["node"], row["other"]].append(row)
    found: list[LinkedPair] = []
    for ends, of_pair in pairs.items():
        one, other = sorted((names[end] for end in ends), key=lambda end: end.number)
        records = [cited_link(row, said[row["record"]]) for row in of_pair if row["record"] in said]
        found.append(LinkedPair(one, other, of_pair[0]["links"], records))
    return found


class Sides(NamedTuple):
    """A parting, and the nodes of its two sides."""

    told: CitedParting
    nodes: tuple[set[UUID], set[UUID]]


async def partings(tx: Transaction, names: Names, nodes: Iterable[UUID]) -> list[Sides]:
    """The partings that name these nodes, the first 100, oldest first."""
    asked = [row["record"] for row in await tx.rows("evidence_aparts", list(nodes), MOST_PARTINGS)]
    if not asked:
        return []
    registry = await tx.rows("known_records", asked)
    touched = list({node for row in registry for node in row["nodes"]})
    sides: defaultdict[UUID, tuple[set[UUID], set[UUID]]] = defaultdict(lambda: (set(), set()))
    for row in await tx.rows("evidence_sides", touched, asked):
        left, right = sides[row["record"]]
        (right if row["side"] else left).add(row["node"])
    await names.load(touched)
    said = await revisions(tx, ((row["nodes"][0], row["key"]) for row in registry))
    found = [_parting(names, said[record][0], both) for record, both in sides.items() if record in said]
    return sorted(found, key=lambda one: (one.told.by.at, one.told.by.id))


def _parting(names: Names, revision: Row, both: tuple[set[UUID], set[UUID]]) -> Sides:
    left, right = ({names[node].customer for node in side if node in names} for side in both)
    told = CitedParting(
        by=cited(revision),
        author=revision["author"],
        reason=revision["reason"],
        identifiers=names.listed(both[0], MOST_IDENTIFIERS),
        apart_from=names.listed(both[1], MOST_IDENTIFIERS),
        holds=not left & right,
    )
    return Sides(told, both)

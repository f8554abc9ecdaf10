"""The queue of what waits for a person's word: links that a guard has suspended, and identifiers that are too common.

Takes a tenant; gives the links that are suspended, by the reason why, with the identifiers and the records that say so.
Nothing here writes: a person answers by a decision (join, or keep apart), or by blocking the value.

Rule 1: `neighbours`: an identifier with more neighbours of a kind than its limit joins nobody; one entry for each such
        identifier. `limit`, `size`: the join would make, or has made, too large a customer; `apart`: a person keeps the
        two apart; one entry for each pair of identifiers, the best attested first.
Rule 2: counts are exact, lists are cut at the limit asked for.
Rule 3: `frequent` looks at all identifiers that may join, hubs or not: a line of the tenant's own stands at its head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from huaxiang.errors import InputInvalid
from huaxiang.steward.names import name_of_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from huaxiang.model import Tenant
    from huaxiang.service import Service
    from huaxiang.store import Row, Transaction

REASONS = ("neighbours", "limit", "size", "apart")
STRENGTHS = {3: "person", 2: "verified", 1: "stated"}
MOST_SHOWN = 1_000
FEWEST_NEIGHBOURS = 3
"""Fewer neighbours of one kind than this make no identifier suspicious."""


class Crowded(msgspec.Struct, frozen=True):
    """An identifier with many neighbours.

    `neighbours`: distinct, of the kind `of`, or of any kind; `records` that link it.
    """

    id: str
    number: int
    customer: int
    neighbours: int
    of: str | None = None
    hub: bool = True
    records: int | None = None


class Cited(msgspec.Struct, frozen=True):
    """A record that says that two identifiers are one customer's."""

    source: str
    enterprise: str
    id: str


class Suspended(msgspec.Struct, frozen=True):
    """Two identifiers of two customers whose links wait. `records`: how many; `cited`: up to five of them."""

    one: str
    one_customer: int
    other: str
    other_customer: int
    strength: str
    records: int
    cited: tuple[Cited, ...]
    since: datetime


class Group(msgspec.Struct, frozen=True):
    """What waits for one reason: `links` in all; `identifiers` for `neighbours`, `pairs` for every other reason."""

    reason: str
    links: int
    identifiers: tuple[Crowded, ...] = ()
    pairs: tuple[Suspended, ...] = ()


async def review(service: Service, tenant: Tenant, *, reason: str | None = None, limit: int = 20) -> list[Group]:
    """What waits, by reason, at most `limit` entries for each; only this reason, if one is given.

    Raises:
        InputInvalid: there is no such reason.

    """
    if reason is not None and reason not in REASONS:
        raise InputInvalid(field="reason", reason=f"one of {', '.join(REASONS)} is expected")
    async with service.store.reading() as tx:
        counts = {row["reason"]: row["links"] for row in await tx.rows("suspended_counts", tenant.id)}
        wanted = [one for one in REASONS if one in counts and reason in (None, one)]
        return [await _group(tx, tenant, one, counts[one], min(limit, MOST_SHOWN)) for one in wanted]


async def frequent(
    service: Service, tenant: Tenant, *, kind: str | None = None, fewest: int = FEWEST_NEIGHBOURS, limit: int = 20
) -> list[Crowded]:
    """The identifiers with the most distinct neighbours of one kind; only identifiers of `kind`, if it is given."""
    async with service.store.reading() as tx:
        rows = await tx.rows("frequent_nodes", tenant.id, kind, fewest, min(limit, MOST_SHOWN))
    return [
        Crowded(name_of_row(row), row["number"], row["customer"], row["neighbours"], row["other_kind"], row["hub"])
        for row in rows
    ]


async def _group(tx: Transaction, tenant: Tenant, reason: str, links: int, limit: int) -> Group:
    if reason == "neighbours":
        rows = await tx.rows("crowded_nodes", tenant.id, limit)
        hubs = [
            Crowded(name_of_row(row), row["number"], row["customer"], row["neighbours"], records=row["links"])
            for row in rows
        ]
        return Group(reason, links, identifiers=tuple(hubs))
    rows = await tx.rows("suspended_links", tenant.id, reason, limit)
    ends = await _ends(tx, tenant, rows)
    cited = await _cited(tx, {record for row in rows for record in row["cited"]})
    return Group(reason, links, pairs=tuple(_pair(row, ends, cited) for row in rows))


async def _ends(tx: Transaction, tenant: Tenant, rows: Iterable[Row]) -> dict[UUID, Row]:
    nodes = list({row[end] for row in rows for end in ("node", "other")})
    return {row["node"]: row for row in await tx.rows("named_nodes", tenant.id, nodes)}


async def _cited(tx: Transaction, records: Iterable[UUID]) -> dict[UUID, Cited]:
    """These records as their sources call them."""
    known = await tx.rows("known_records", list(records))
    said = await tx.rows("said_by", [row["nodes"][0] for row in known], [row["key"] for row in known])
    found: dict[UUID, Cited] = {}
    for row in said:
        fact: dict[str, Any] = msgspec.json.decode(row["said"])
        found[row["record"]] = Cited(fact["source"], fact.get("enterprise", ""), row["record_id"])
    return found


def _pair(row: Row, ends: dict[UUID, Row], cited: dict[UUID, Cited]) -> Suspended:
    one, other = ends[row["node"]], ends[row["other"]]
    return Suspended(
        one=name_of_row(one),
        one_customer=one["customer"],
        other=name_of_row(other),
        other_customer=other["customer"],
        strength=STRENGTHS[row["strength"]],
        records=row["links"],
        cited=_known(row["cited"], cited),
        since=row["since"],
    )


def _known(records: Sequence[UUID], cited: dict[UUID, Cited]) -> tuple[Cited, ...]:
    return tuple(cited[record] for record in records if record in cited)

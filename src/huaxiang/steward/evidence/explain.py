"""Why a customer is one: its identifiers, the links that join them, what is suspended, what stands under its values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from huaxiang import feed
from huaxiang.dialects.native.evidence import (
    MOST_EVENTS,
    MOST_IDENTIFIERS,
    EvidenceCounts,
    ExplainedIdentifier,
    Explanation,
    IdChange,
)
from huaxiang.steward.evidence import links
from huaxiang.steward.evidence.records import noted
from huaxiang.steward.evidence.subject import Names, Wanted, find
from huaxiang.steward.evidence.values import mentions, values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from huaxiang.model import Tenant
    from huaxiang.service import Service
    from huaxiang.store import Transaction


async def explain(service: Service, tenant: Tenant, wanted: Wanted) -> Explanation:
    """Why the customer of this number or identifier is one, from one snapshot.

    Raises `NotFound` for one that the tenant does not know.
    """
    async with service.store.reading() as tx:
        names = Names(tx, tenant)
        asked = await find(tx, tenant, names, wanted, service.now())
        customer = names[asked].customer
        nodes, members = await names.members(customer)
        standing, suspended = await links.standing(tx, names, nodes), await links.suspended(tx, names, nodes)
        changes = await changes_of(tx, tenant, customer)
        return Explanation(
            id=customer,
            asked=names[asked],
            counts=EvidenceCounts(
                identifiers=members,
                pairs=standing.pairs,
                links=standing.links,
                suspended_pairs=suspended.pairs,
                suspended_links=suspended.links,
                changes=len(changes),
            ),
            identifiers=await _identifiers(tx, names, nodes[:MOST_IDENTIFIERS]),
            links=standing.listed,
            suspended=suspended.listed,
            apart=[parting.told for parting in await links.partings(tx, names, nodes)],
            values=await values(tx, nodes),
            changes=changes[::-1][:MOST_EVENTS],
        )


async def changes_of(tx: Transaction, tenant: Tenant, customer: int) -> list[IdChange]:
    """What became of an id, and which ids joined it, oldest first."""
    found = await feed.changes_of(tx, tenant, customer)
    return [IdChange(one.number, one.at, one.what, one.customer, one.other) for one in found]


async def _identifiers(tx: Transaction, names: Names, nodes: Sequence[UUID]) -> list[ExplainedIdentifier]:
    mentioned = await mentions(tx, nodes)
    seen = {row["node"]: row["first_seen"] for row in await tx.rows("evidence_first_seen", nodes)}
    found: list[ExplainedIdentifier] = []
    for node in nodes:
        of = mentioned[node]
        found.append(
            ExplainedIdentifier(
                identifier=names[node],
                hub=names.rows[node]["hub"],
                spelling=of.newest[0].spelling if of.newest else None,
                verified=of.verified_by > 0,
                first_seen_at=noted(seen.get(node)),
                mentions=of.mentions,
                verified_by=of.verified_by,
                newest=of.newest,
            )
        )
    return found

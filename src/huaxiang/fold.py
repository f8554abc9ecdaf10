"""Facts into summaries: what is staged is added to those of its nodes; a node that lost something is folded anew.

Takes what a batch staged inside its transaction, gives nothing: the statements of `sql/fold.sql`, and which of them.

Rule 1: what is fresh is added as it is; a node from which something was taken away is folded from all its facts.
Rule 2: a fold that nothing staged can concern is left out; one of sub-enterprises is for tenants that have some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from huaxiang.packing.alone import TOLD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from collections.abc import Set as AbstractSet
    from uuid import UUID

    from huaxiang.claim import Claim
    from huaxiang.model import Tenant
    from huaxiang.store import Transaction

SUMMARIES: Final = ("identity", "call", "mark", "trait", "origin", "activity")
EVERY_SUMMARY: Final = (*SUMMARIES, "company")
"""With the one that only tenants with sub-enterprises have."""


def summaries(tenant: Tenant) -> Sequence[str]:
    """The summaries that nodes of this tenant have."""
    return EVERY_SUMMARY if tenant.settings.companies else SUMMARIES


def of_calls_alone(tenant: Tenant) -> Sequence[str]:
    """Those of them that calls add to which stand alone."""
    return [one for one in summaries(tenant) if one in {*TOLD, "company"}]


async def add(tx: Transaction, tenant: Tenant, dirty: set[UUID], winners: Sequence[Claim], *, whole: bool) -> None:
    """Add fresh facts to the summaries of their nodes; fold the dirty nodes anew from all their facts.

    `winners`: what landed, of each sort of it at least one. `whole`: all of it is to be added as it is.
    """
    if not whole:
        tx.later("unstage", dirty)
    if any(len(one.named) > 1 for one in winners):
        tx.later("stage_links", dirty)
    await add_staged(tx, tenant, dirty, {summary for one in winners for summary in one.told})


async def add_staged(tx: Transaction, tenant: Tenant, dirty: Collection[UUID], told: AbstractSet[str]) -> None:
    """Add what is staged, by what is `told`, and fold the dirty nodes anew."""
    nodes = list(dirty)
    if nodes:
        for summary in summaries(tenant):
            tx.later(f"drop_{summary}", nodes)
        await anew(tx, tenant, nodes)
    else:
        await staged(tx, tenant, [one for one in summaries(tenant) if one in told or one == "company"])


async def anew(tx: Transaction, tenant: Tenant, nodes: Sequence[UUID]) -> None:
    """Add what is staged, and all that was said on these nodes, which have no summaries now."""
    tx.later("stage_nodes", nodes)
    tx.later("stage_node_links", nodes)
    await staged(tx, tenant, summaries(tenant))


async def staged(tx: Transaction, tenant: Tenant, among: Iterable[str]) -> None:
    """Add what is staged to these of the summaries."""
    for summary in among:
        if summary == "company":
            await tx.run("fold_company", list(tenant.settings.companies))
        else:
            tx.later(f"fold_{summary}")


async def companies(tx: Transaction, tenant: Tenant) -> None:
    """Say anew of every node which of the tenant's sub-enterprises its facts name; the tenant's lock must be held."""
    await tx.run("forget_company", tenant.id)
    if tenant.settings.companies:
        await tx.run("fold_companies_anew", tenant.id, list(tenant.settings.companies))

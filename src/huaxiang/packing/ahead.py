"""What is done of a batch before its turn to land comes: facts packed as they come, and where the others go.

Takes a tenant and facts; gives `Piles` of what can be packed, and for claims that can't an `Ahead`: their rows, as they
are if none of the records is known and no identifier has changed hands; who lands them sees whether that holds. Pure
work, for another thread than the one that lands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from huaxiang.claim import Placing, Rows, by_node
from huaxiang.model import Call
from huaxiang.packing.alone import Pile
from huaxiang.packing.linked import Bundle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from huaxiang.claim import Claim
    from huaxiang.model import AnyFact, Tenant, TenantSettings


class Piles:
    """What takes the facts of a batch that can be packed: calls that stand alone, and facts with links."""

    def __init__(self, tenant: Tenant, now: datetime) -> None:
        """Take facts of this tenant that come `now`."""
        self.calls, self.linked = Pile(tenant, now), Bundle(tenant, now)

    def take(self, fact: AnyFact) -> bool:
        """Take a fact, if it can be packed as it is."""
        return self.calls.take(fact) if type(fact) is Call else self.linked.take(fact)

    def add(self, one: Claim) -> bool:
        """Take a claim, if it can be packed."""
        return self.linked.add(one)


class Ahead(NamedTuple):
    """Where claims go, by these settings of their tenant. `touching`: the nodes of each record, its own first."""

    settings: TenantSettings
    rows: Rows
    touching: dict[UUID, list[UUID]]


def placed_ahead(tenant: Tenant, claims: Sequence[Claim], now: datetime) -> Ahead:
    """Place claims of a batch that came at `now`."""
    placing, rows = Placing(tenant, {}, frozenset(tenant.settings.blocked)), Rows()
    touching = {one.key: placing.add(rows, one, now, current=True) for one in claims}
    rows.facts.sort(key=by_node)
    return Ahead(tenant.settings, rows, touching)

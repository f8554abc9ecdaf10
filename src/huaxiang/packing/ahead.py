"""Where a batch's claims go, worked out before its turn to land comes: mostly they do go there.

Takes a tenant and claims; gives an `Ahead`: their rows, as they are if none of the records is known and no identifier
has changed hands; who lands them sees whether that holds. Pure work, for another thread than the one that lands.

Rule 1: a batch of facts that may link identifiers, and do nothing beside, is packed with its links (`linked`).
Rule 2: any other batch gives rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from huaxiang.claim import Placing, Rows, by_node
from huaxiang.packing.linked import Packed, can_be_packed
from huaxiang.packing.linked import packed as packed_with_links

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from huaxiang.claim import Claim
    from huaxiang.model import Tenant, TenantSettings


class Ahead(NamedTuple):
    """Where claims go, by these settings of their tenant: as rows, or packed with their links.

    `touching`: the nodes that each record touches, its own first. `linked`: if it is there, there is nothing else.
    """

    settings: TenantSettings
    rows: Rows
    touching: dict[UUID, list[UUID]]
    linked: Packed | None = None


def placed_ahead(tenant: Tenant, claims: Sequence[Claim], now: datetime) -> Ahead:
    """Place claims of a batch that came at `now`."""
    if can_be_packed(claims):
        return Ahead(tenant.settings, Rows(), {}, linked=packed_with_links(tenant, claims, now))
    placing, rows = Placing(tenant, {}, frozenset(tenant.settings.blocked)), Rows()
    touching = {one.key: placing.add(rows, one, now, current=True) for one in claims}
    rows.facts.sort(key=by_node)
    return Ahead(tenant.settings, rows, touching)

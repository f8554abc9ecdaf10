"""What is done of a batch before its turn to land: pure work, for another thread or process than the one that lands.

Takes a tenant and what records say; gives a `Prepared`: facts packed as they came, in `Piles`, and for those that can't
be packed their claims, with an `Ahead`: their rows, as they are if none of the records is known and no identifier has
changed hands; who lands them sees whether that holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from huaxiang.claim import Claim, Placing, Rows, by_node, claim, definition
from huaxiang.model import Call, CustomField, Reject
from huaxiang.packing.alone import Pile
from huaxiang.packing.linked import Bundle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from huaxiang.model import AnyFact, Parsed, Tenant, TenantSettings
    from huaxiang.packing.alone import Alone
    from huaxiang.packing.linked import Packed
    from huaxiang.plain import Seen


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


class Prepared(NamedTuple):
    """A batch that is ready to land: what its good records claim and define, and its bad ones.

    `alone`: calls that stand alone, packed; `linked`: facts with links, packed; what the other records say is in
    `claims`.
    """

    claims: tuple[Claim, ...]
    fields: tuple[CustomField, ...]
    rejects: tuple[Reject, ...]
    came_at: datetime
    ahead: Ahead | None = None
    alone: Alone | None = None
    linked: Packed | None = None


def prepare(
    tenant: Tenant, records: Sequence[tuple[int, Parsed]], now: datetime, piles: Piles | None = None
) -> Prepared:
    """What a batch of records claims that came `now`, each record under its line.

    `piles`: take what can be packed as it is.
    """
    rejects: list[Reject] = []
    claims: list[Claim] = []
    fields: list[CustomField] = []
    for line, parsed in records:
        if len(parsed.facts) == 1 and not parsed.fields:  # nearly every record; the lists below cost more than it
            fact = parsed.facts[0]
            if piles is not None and piles.take(fact):
                continue
            one = claim(tenant, line, fact, now)
            if isinstance(one, Reject):
                rejects.append(one)
            elif piles is None or not piles.add(one):
                claims.append(one)
            continue
        seen: Seen = {}
        claimed = [claim(tenant, line, fact, now, seen) for fact in parsed.facts]
        defined = [definition(tenant, line, field) for field in parsed.fields]
        refused = [one for one in (*claimed, *defined) if isinstance(one, Reject)]
        rejects += refused[:1]
        if refused:
            continue
        good = [one for one in claimed if isinstance(one, Claim)]
        claims += good if piles is None else [one for one in good if not piles.add(one)]
        fields += [one for one in defined if isinstance(one, CustomField)]
    return Prepared(tuple(claims), tuple(fields), tuple(rejects), now)


def place_ahead(tenant: Tenant, batch: Prepared, piles: Piles | None = None) -> Prepared:
    """Do beforehand what landing would do first; worth it for a batch that waits for the one before to land."""
    if piles is not None:
        batch = batch._replace(alone=piles.calls.packed(), linked=piles.linked.packed())
    return batch._replace(ahead=_placed(tenant, batch.claims, batch.came_at))


def _placed(tenant: Tenant, claims: Sequence[Claim], now: datetime) -> Ahead:
    """Place claims of a batch that came at `now`."""
    placing, rows = Placing(tenant, {}, frozenset(tenant.settings.blocked)), Rows()
    touching = {one.key: placing.add(rows, one, now, current=True) for one in claims}
    rows.facts.sort(key=by_node)
    return Ahead(tenant.settings, rows, touching)

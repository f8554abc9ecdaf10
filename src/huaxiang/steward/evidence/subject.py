"""Who is asked about: a number of ours or an identifier -> the node that is meant; and nodes by what they are called.

Rule 1: an identifier is meant as it is held now, unless a moment is told.
Rule 2: a number that was erased leads on to its customer, as it does everywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from uuid import UUID

from huaxiang.claim import epoch_of
from huaxiang.dialects.native.evidence import NamedIdentifier
from huaxiang.errors import NotFound
from huaxiang.identifiers import node_of
from huaxiang.model import Identifier
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Iterable

    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction

Wanted: TypeAlias = int | Identifier
"""A number of ours, or an identifier."""
MOST_NODES = 10_000
"""Of one customer; a larger one, which only lifted limits allow, is told by its oldest nodes."""
EVER = datetime.min.replace(tzinfo=UTC)
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
"""From when epochs are counted, in microseconds."""


class Holder(NamedTuple):
    """One who held an identifier that changes hands: the node, from when on, and since when that is known."""

    node: UUID
    since: datetime
    known_since: datetime


class Names:
    """Nodes of one tenant by what they are called, read as they are needed."""

    def __init__(self, tx: Transaction, tenant: Tenant) -> None:
        """None is known yet."""
        self._tx, self._tenant = tx, tenant
        self.rows: dict[UUID, Row] = {}

    async def load(self, nodes: Iterable[UUID]) -> None:
        """Read the names of those of these nodes that are not known yet."""
        missing = [node for node in set(nodes) if node not in self.rows]
        if missing:
            found = await self._tx.rows("evidence_names", self._tenant.id, missing)
            self.rows.update({row["node"]: row for row in found})

    async def members(self, customer: int) -> tuple[list[UUID], int]:
        """The nodes of a customer, oldest first (the first 10,000), and how many there are."""
        rows = await self._tx.rows("evidence_members", self._tenant.id, customer, MOST_NODES)
        self.rows.update({row["node"]: row for row in rows})
        return [row["node"] for row in rows], rows[0]["members"] if rows else 0

    async def holders(self) -> dict[Identifier, list[Holder]]:
        """Of the identifiers that changed hands, the nodes of all their holders, the first one first."""
        found: dict[Identifier, list[Holder]] = {}
        for row in sorted(await self._tx.rows("cuts_made", self._tenant.id), key=lambda row: row["at"]):
            identifier = Identifier(row["kind"], row["value"], row["scope"])
            listed = found.setdefault(identifier, [self.first_holder(identifier)])
            node = node_of(self._tenant.key, identifier, epoch_of([row["at"]], row["at"]))
            listed.append(Holder(node, max(row["at"], row["came_at"]), row["came_at"]))
        return found

    def first_holder(self, identifier: Identifier) -> Holder:
        """The node of an identifier before any cut."""
        return Holder(node_of(self._tenant.key, identifier), EVER, EVER)

    def __getitem__(self, node: UUID) -> NamedIdentifier:
        row = self.rows[node]
        held_since = _FIRST + timedelta(microseconds=row["epoch"]) if row["epoch"] else None
        return NamedIdentifier(row["kind"], row["value"], row["scope"], row["number"], row["customer"], held_since)

    def __contains__(self, node: object) -> bool:
        return node in self.rows

    def get(self, node: UUID) -> NamedIdentifier | None:
        """The node by its name, if that is known."""
        return self[node] if node in self.rows else None

    def listed(self, nodes: Iterable[UUID], most: int) -> list[NamedIdentifier]:
        """Those of the nodes that are known, oldest first, at most so many."""
        found = sorted((self[node] for node in nodes if node in self.rows), key=lambda one: one.number)
        return found[:most]


async def find(tx: Transaction, tenant: Tenant, names: Names, wanted: Wanted, now: datetime) -> UUID:
    """The node that is meant, its name read.

    Raises `NotFound` for one that the tenant does not know.
    """
    if isinstance(wanted, int):
        labels = [row["customer"] for row in await tx.rows("customers_of_numbers", tenant.id, [wanted])]
        rows = await tx.rows("evidence_numbers", tenant.id, [wanted, *labels])
        nodes = [row["node"] for row in sorted(rows, key=lambda row: row["number"] != wanted)]
    else:
        nodes = (await nodes_of(names, wanted, now))[:1]
    await names.load(nodes)
    for node in nodes:
        if node in names:
            return node
    raise NotFound(field="id", reason="no identifier of this tenant is called so")


async def nodes_of(names: Names, identifier: Identifier, at: datetime) -> list[UUID]:
    """The nodes that an identifier had at a moment, by the cuts that were known then, the last holder first."""
    if not can_be_kept(identifier.kind + identifier.value + identifier.scope):
        return []
    listed = (await names.holders()).get(identifier) or [names.first_holder(identifier)]
    return [holder.node for holder in reversed(listed) if holder.since <= at]

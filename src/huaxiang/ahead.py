"""Where a batch's claims go, worked out before its turn to land comes: mostly they do go there.

Takes a tenant and claims; gives an `Ahead`: their rows, as they are if none of the records is known and no identifier
has changed hands; who lands them sees whether that holds. Pure work, for another thread than the one that lands.

Rule 1: a batch of calls alone (`Claim.is_call_alone`), which an import mostly is, is packed into the bytes that COPY
        takes: the same rows as `Placing` makes, in the order of their nodes, at a fraction of the cost. A test holds
        both ways against each other.
Rule 2: a batch of facts that may link identifiers, and do nothing beside, is packed with its links (`linked`).
Rule 3: any other batch gives rows.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from huaxiang import copying
from huaxiang.claim import Placing, Rows, by_node
from huaxiang.identifiers import node_of
from huaxiang.linked import Packed, can_be_packed
from huaxiang.linked import packed as packed_with_links

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from huaxiang.claim import Claim
    from huaxiang.model import Call, Identifier, Tenant, TenantSettings

CALL_COLUMNS: Final = (
    "kind", "tenant", "current", "rank", "source", "enterprise", "came_at", "created_at", "verified", "about",
    "gathered", "node", "record", "digest", "at", "updated_at", "duration", "rounds", "record_id", "spelling", "city",
    "said",
)  # fmt: skip
"""The columns of a packed row: first what many calls have in common."""

_place = Struct(">i16si16si16siq").pack


class Ahead(NamedTuple):
    """Where claims go, by these settings of their tenant: as rows, or, if they are calls alone, as `packed` chunks.

    `nodes`: all that they stand on. `touching`: the nodes that each record touches, its own first; for calls alone,
    nothing. `linked`: facts with their links, packed; then there is nothing else.
    """

    settings: TenantSettings
    nodes: Mapping[UUID, tuple[Identifier, int]]
    rows: Rows
    touching: dict[UUID, list[UUID]]
    packed: Sequence[bytes] = ()
    linked: Packed | None = None


def placed_ahead(tenant: Tenant, claims: Sequence[Claim], now: datetime) -> Ahead:
    """Place claims of a batch that came at `now`."""
    if claims and all(one.is_call_alone for one in claims):
        return _packed(tenant, claims, now)
    if can_be_packed(claims):
        return Ahead(tenant.settings, {}, Rows(), {}, linked=packed_with_links(tenant, claims, now))
    placing, rows = Placing(tenant, {}, frozenset(tenant.settings.blocked)), Rows()
    touching = {one.key: placing.add(rows, one, now, current=True) for one in claims}
    rows.facts.sort(key=by_node)
    return Ahead(tenant.settings, rows.nodes, rows, touching)


def _packed(tenant: Tenant, claims: Sequence[Claim], now: datetime) -> Ahead:
    nodes: dict[UUID, tuple[Identifier, int]] = {}
    found: dict[str, UUID] = {}
    shared: dict[tuple[str, str], bytes] = {}
    rows: list[tuple[bytes, bytes]] = []
    for one in claims:
        identifier, mention = one.named[0]
        spelled = identifier.kind + identifier.value
        node = found.get(spelled)
        if node is None:
            node = found[spelled] = node_of(tenant.key, identifier)
            nodes[node] = identifier, 0
        call: Call = one.fact  # type: ignore[assignment] (it is a call alone)
        whose = call.source, call.enterprise
        if whose not in shared:
            shared[whose] = _in_common(tenant, call, one.came_at)
        at = node.bytes
        rows.append((at, _row(shared[whose], at, one, call, mention.value, now)))
    rows.sort()
    return Ahead(tenant.settings, nodes, Rows(), {}, copying.chunks([row for _, row in rows]))


def _in_common(tenant: Tenant, call: Call, came_at: datetime) -> bytes:
    """The fields that all calls of a source and an enterprise have in common, in one batch."""
    return b"".join((
        copying.fields(len(CALL_COLUMNS)), copying.text("call"), copying.integer(tenant.id), copying.TRUE,
        copying.integer(tenant.settings.ranks.get(call.source, 0)), copying.text(call.source),
        copying.text(call.enterprise), copying.time(came_at), copying.NULL, copying.FALSE, copying.NULL,
        copying.NULL,
    ))  # fmt: skip


def _row(shared: bytes, node: bytes, one: Claim, call: Call, spelling: str, now: datetime) -> bytes:
    at = copying.microseconds(call.at or now)
    return b"".join((
        shared, _place(16, node, 16, one.key.bytes, 16, one.digest, 8, at), copying.time(call.updated_at),
        copying.integer(call.duration), copying.integer(call.rounds), copying.text(one.record_id),
        copying.text(spelling), copying.text(call.city), copying.raw(one.said),
    ))  # fmt: skip

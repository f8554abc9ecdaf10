"""All of a person as one JSON document, to take away: streamed, since it may be long.

Takes a number or an identifier, gives the bytes of a `wire.Export`, piece by piece, from one snapshot.

Rule 1: facts are given as they were said, superseded revisions too; transcripts and marks of the person's calls with
        them.
Rule 2: what is somebody else's stays out: the value of an identifier that another customer holds (an upstream, the
        other side of a parting, a shared number), and the other end of a link that joins nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from huaxiang import read
from huaxiang.dialects.native.evidence import ExportedFact, ExportedLink, NamedIdentifier, Suspension
from huaxiang.dialects.native.outward import shown
from huaxiang.errors import Refused
from huaxiang.identifiers import identifies, normalise
from huaxiang.model import Identifier, Mention
from huaxiang.steward.evidence.explain import changes_of
from huaxiang.steward.evidence.records import STRENGTHS, cited, noted, revisions
from huaxiang.steward.evidence.subject import Names, Wanted, find

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from uuid import UUID

    from huaxiang.model import Json, Tenant
    from huaxiang.service import Service
    from huaxiang.store import Row, Transaction

PAGE_FACTS = 500
SOMEBODY_ELSE = "…"
_ENCODER = msgspec.json.Encoder()


async def export(service: Service, tenant: Tenant, wanted: Wanted) -> AsyncIterator[bytes]:
    """The document, in pieces; nothing is given before the person is found.

    Raises `NotFound` for one that the tenant does not know.
    """
    async with service.store.reading() as tx:
        names = Names(tx, tenant)
        asked = await find(tx, tenant, names, wanted, service.now())
        customer = names[asked].customer
        nodes, _ = await names.members(customer)
        served = (await read.customers(tx, [customer])).get(customer)
        head = {
            "format": "huaxiang.export/1",
            "exported_at": service.now(),
            "id": customer,
            "identifiers": [names[node] for node in nodes],
            "customer": None if served is None else shown(served),
            "changes": await changes_of(tx, tenant, customer),
            "links": await _links(tx, names, nodes),
        }
        yield _ENCODER.encode(head)[:-1] + b',"facts":['
        others, decisions, comma = _Others(tenant, names, nodes), list[ExportedFact](), b""
        async for page in tx.pages("export_facts", nodes, size=PAGE_FACTS):
            calls = [row["record"] for row in page if row["kind"] == "call" and row["current"]]
            waiting = await tx.rows("export_waiting", calls) if calls else []
            facts = [others.left_out(row) for row in (*page, *waiting)]
            decisions += [fact for fact in facts if fact.kind == "link" and fact.said.get("author")]
            yield comma + b",".join(map(_ENCODER.encode, facts))
            comma = b","
        yield b'],"decisions":' + _ENCODER.encode(decisions) + b"}"


async def _links(tx: Transaction, names: Names, nodes: Sequence[UUID]) -> list[ExportedLink]:
    rows = await tx.rows("export_links", nodes)
    await names.load({row["other"] for row in rows})
    said = await revisions(tx, {(row["node"], row["record"]) for row in rows})
    mine = set(nodes)
    # A link within the person is told once, from its lesser end.
    told = [row for row in rows if row["record"] in said and (row["other"] not in mine or row["node"] < row["other"])]
    return [_link(row, names, said[row["record"]][0], row["other"] in mine) for row in told]


def _link(row: Row, names: Names, revision: Row, within: bool) -> ExportedLink:  # noqa: FBT001 - a column of the row
    other: NamedIdentifier | None = names.get(row["other"])
    why = row["suspended"] or (None if row["strength"] else "nobody")
    return ExportedLink(
        one=names[row["node"]],
        other=other if within else None,
        other_kind=other.kind if other else "",
        record=cited(revision),
        strength=STRENGTHS[int(row["strength"])],
        author=revision["author"],
        reason=revision["reason"],
        suspended=cast("Suspension | None", why),
        gone_at=row["gone_at"],
    )


class _Others:
    """Leaves out of what was said the identifiers that somebody else holds."""

    def __init__(self, tenant: Tenant, names: Names, nodes: Iterable[UUID]) -> None:
        self._blocked = frozenset(tenant.settings.blocked)
        called = (names[node] for node in nodes)
        self._own = {Identifier(one.kind, one.value, one.scope) for one in called}

    def left_out(self, row: Row) -> ExportedFact:
        """A fact as it was said, without others."""
        said = cast("dict[str, Json]", msgspec.json.decode(row["said"]))
        for field in ("identifiers", "apart_from"):
            if field in said:
                said[field] = [self._mention(one) for one in said[field]]
        for holder in (said, said.get("origin") or {}):
            if "upstream" in holder:
                holder["upstream"] = self._mention(holder["upstream"])
        return ExportedFact(
            kind=row["kind"],
            source=row["source"],
            enterprise=row["enterprise"],
            id=row["record_id"],
            at=row["at"],
            came_at=noted(row["came_at"]),
            updated_at=row["updated_at"],
            current=row["current"],
            said=said,
        )

    def _mention(self, told: dict[str, Any]) -> dict[str, Any]:
        try:
            identifier = normalise(msgspec.convert(told, Mention))
        except (Refused, msgspec.ValidationError):
            return told
        if identifier in self._own or not identifies(identifier, self._blocked):
            return told
        return {"kind": told["kind"], "value": SOMEBODY_ELSE}

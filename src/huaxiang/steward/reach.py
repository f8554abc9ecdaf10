"""How far an erasure reaches: what is of the person, what refers to them, what their numbers lead to. Only reads.

Takes a customer, by a number or an identifier, or one identifier of it only; gives a `Reach`.

Rule 1: a record is the person's if its winning revision hangs on them, or waits for a call of theirs: it goes whole.
        Revisions that once hung on them, of a record that is somebody else's now, go alone.
Rule 2: a node of which no other record says anything goes along; so does every epoch of an identifier without a holder.
Rule 3: what refers is found by one scan of the tenant's facts, in SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from huaxiang import ingest
from huaxiang.claim import epoch_of
from huaxiang.dialects.telrobot.wire import derived_id
from huaxiang.errors import NotFound
from huaxiang.identifiers import node_of, normalise, sealed
from huaxiang.model import AnyFact, Identifier, Mention
from huaxiang.steward import references
from huaxiang.steward.references import Person
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction

LARGEST = 2**63 - 1
_decode_fact = msgspec.json.Decoder(AnyFact).decode


class Rewriting(msgspec.Struct, frozen=True):
    """A stored revision of somebody else's record (its row), and what it is to say."""

    row: Any
    before: AnyFact
    after: AnyFact


class Own(msgspec.Struct):
    """What is the person's: nodes (rows), all `places` (those without a row too), nodes of their calls, records.

    `alone`: identifiers that nobody else holds at any time. `revisions`: (record, digest) of those that go alone.
    """

    nodes: list[Row]
    places: set[UUID]
    alone: set[Identifier]
    calls: set[UUID] = msgspec.field(default_factory=set["UUID"])
    records: set[UUID] = msgspec.field(default_factory=set["UUID"])
    revisions: set[tuple[UUID, bytes]] = msgspec.field(default_factory=set["tuple[UUID, bytes]"])


class Reach(msgspec.Struct):
    """All that goes and changes. `customer`: whose, by id; `person`: how others' facts name them.

    `registered`: the nodes that the registry names for records that go, and for those whose winner is rewritten.
    `onward`: which number an erased one leads to from now on; `unknown`: those that lead nowhere. `views`: of whom.
    """

    customer: int
    own: Own
    person: Person
    rewriting: list[Rewriting]
    registered: dict[UUID, list[UUID]]
    onward: dict[int, int]
    unknown: list[int]
    views: list[UUID]

    @property
    def places(self) -> set[UUID]:
        """Every node on which nothing stays."""
        return self.own.places | self.own.calls


async def reach(tx: Transaction, tenant: Tenant, wanted: Identifier | int, now: datetime, *, only: bool) -> Reach:
    """How far the erasure of a customer goes, or of `only` the identifier that is named.

    Raises:
        NotFound: nobody is known by this number or identifier.

    """
    cuts = await ingest.cuts(tx, tenant)
    nodes = await _wanted(tx, tenant, wanted, cuts, now, only=only)
    own = Own(nodes, *await _places(tx, tenant, nodes, cuts))
    await _add_records(tx, own)
    await _add_orphans(tx, tenant, own, cuts)
    person, rewriting = await _references(tx, tenant, own, cuts)
    winners = {one.row["record"] for one in rewriting if one.row["current"]}
    rows = await tx.rows("known_records", list(own.records | winners))
    onward, unknown = await _numbers(tx, tenant, own)
    return Reach(
        customer=nodes[0]["customer"],
        own=own,
        person=person,
        rewriting=rewriting,
        registered={row["key"]: row["nodes"] for row in rows},
        onward=onward,
        unknown=unknown,
        views=_views(tenant, own, (*onward, *unknown)),
    )


async def _wanted(
    tx: Transaction,
    tenant: Tenant,
    wanted: Identifier | int,
    cuts: Mapping[Identifier, Sequence[datetime]],
    now: datetime,
    *,
    only: bool,
) -> list[Row]:
    """The nodes that are asked for."""
    found: list[Row] = []
    if isinstance(wanted, Identifier):
        if can_be_kept(wanted.kind + wanted.scope + wanted.value):
            # What is kept only as a keyed hash is looked for as such.
            kept = normalise(sealed(tenant.key, Mention(wanted.kind, wanted.value, wanted.scope)))
            node = node_of(tenant.key, kept, epoch_of(cuts.get(kept, ()), now))
            found = await tx.rows("erasure_of_nodes", tenant.id, [node])
    elif 0 < wanted <= LARGEST:
        found = await tx.rows("erasure_of_number", tenant.id, wanted)
        if not found and not only:
            found = await tx.rows("customers_of_numbers", tenant.id, [wanted])
    if not found:
        raise NotFound(field="id", reason="nobody is known by this number or identifier")
    return found if only else await tx.rows("erasure_of_customer", tenant.id, found[0]["customer"])


async def _places(
    tx: Transaction, tenant: Tenant, nodes: Iterable[Row], cuts: Mapping[Identifier, Sequence[datetime]]
) -> tuple[set[UUID], set[Identifier]]:
    """Where these nodes' facts lie, and which of their identifiers nobody else holds: those go in all their epochs."""
    mine = {row["node"] for row in nodes}
    epochs = {
        identifier: {
            node_of(tenant.key, identifier, epoch) for epoch in (0, *(epoch_of(at_cuts, at) for at in at_cuts))
        }
        for identifier in map(_identifier, nodes)
        for at_cuts in (cuts.get(identifier, ()),)
    }
    others = {node for of_one in epochs.values() for node in of_one} - mine
    held = {row["node"] for row in await tx.rows("known_nodes", list(others))}
    alone = {identifier for identifier, of_one in epochs.items() if held.isdisjoint(of_one)}
    return mine.union(*(epochs[identifier] for identifier in alone)), alone


async def _add_records(tx: Transaction, own: Own) -> None:
    """Whose records the revisions at these places are; then the same for what waits on their calls' nodes."""
    found = await tx.rows("erasure_revisions", list(own.places))
    own.calls = {row["record"] for row in found if row["kind"] == "call" and row["current"]}
    found += await tx.rows("erasure_revisions", list(own.calls))
    said = [row for row in found if row["kind"] != "spread"]
    own.records = {row["record"] for row in said if row["current"]}
    own.revisions = {(row["record"], row["digest"]) for row in said if row["record"] not in own.records}


async def _add_orphans(
    tx: Transaction, tenant: Tenant, own: Own, cuts: Mapping[Identifier, Sequence[datetime]]
) -> None:
    rows = await tx.rows("known_records", list(own.records))
    near = {node for row in rows for node in row["nodes"]}
    near |= {row["node"] for row in await tx.rows("erasure_neighbours", list(own.places))}
    records = list(own.records)
    orphans = [row["node"] for row in await tx.rows("erasure_orphans", list(near - own.places), records)]
    nodes = await tx.rows("erasure_of_nodes", tenant.id, orphans)
    places, alone = await _places(tx, tenant, nodes, cuts)
    own.nodes = [*own.nodes, *nodes]
    own.places |= places
    own.alone |= alone
    # What hangs there counts no more: revisions of the same records, or of those that are somebody else's now.
    said = [row for row in await tx.rows("erasure_revisions", list(places)) if row["kind"] != "spread"]
    own.revisions |= {(row["record"], row["digest"]) for row in said if row["record"] not in own.records}


async def _references(
    tx: Transaction, tenant: Tenant, own: Own, cuts: Mapping[Identifier, Sequence[datetime]]
) -> tuple[Person, list[Rewriting]]:
    """How others' facts name the person, and all revisions that do."""
    identifiers = {_identifier(row) for row in own.nodes}
    places = list(own.places)
    values = sorted({one.value for one in identifiers})
    rows = await tx.rows("erasure_held_by_others", tenant.id, values, places)
    shared = frozenset(row["value"] for row in rows)
    worded = references.searched(identifiers, frozenset(tenant.settings.blocked), shared)
    spellings = await _spellings(tx, own, set(worded))
    person = Person(
        tenant.key,
        cuts,
        frozenset(own.places),
        frozenset(identifiers),
        frozenset(own.alone),
        references.words(worded, spellings),
    )
    pattern = references.pattern(identifiers, worded, spellings)
    said = await tx.rows("erasure_references", tenant.id, pattern) + await _tied(tx, own)
    revisions = {(row["record"], row["node"], row["digest"]): row for row in said}
    return person, [one for place in sorted(revisions) if (one := _rewriting(person, own, revisions[place]))]


async def _tied(tx: Transaction, own: Own) -> list[Row]:
    """What the records said whose links, partings or spread facts stand on the person's nodes."""
    places = list(own.places)
    rows = await tx.rows("erasure_neighbours", places) + await tx.rows("erasure_revisions", places)
    registered = await tx.rows("known_records", list({row["record"] for row in rows} - own.records))
    at_nodes = [(node, row["key"]) for row in registered for node in row["nodes"]]
    return await tx.each("erasure_said", at_nodes)


def _rewriting(person: Person, own: Own, row: Row) -> Rewriting | None:
    """How a revision changes; None where it does not, or goes."""
    if row["node"] in own.places or row["node"] in own.calls or row["record"] in own.records:
        return None
    before = _decode_fact(row["said"])
    after = references.without(person, before, row["at"])
    return None if after is None else Rewriting(row, before, after)


async def _spellings(tx: Transaction, own: Own, worded: set[Identifier]) -> list[str]:
    """How records spell those of the person's identifiers that are searched for."""
    nodes = [row["node"] for row in own.nodes if _identifier(row) in worded]
    return sorted(row["spelling"] for row in await tx.rows("erasure_spellings", nodes))


async def _numbers(tx: Transaction, tenant: Tenant, own: Own) -> tuple[dict[int, int], list[int]]:
    """Where the numbers of the nodes that go lead on to; and those that nobody has any more."""
    numbers = {row["number"]: row["customer"] for row in own.nodes}
    customers = list(set(numbers.values()))
    rows = await tx.rows("erasure_survivors", tenant.id, customers, [row["node"] for row in own.nodes])
    lives = {row["customer"]: row["onward"] for row in rows}
    onward = {number: lives[customer] for number, customer in numbers.items() if customer in lives}
    unknown = numbers.keys() - onward.keys()
    for row in await tx.rows("erasure_led", tenant.id, list(numbers)):
        if row["onward"] in onward:
            onward[row["number"]] = onward[row["onward"]]
        else:
            unknown.add(row["number"])
    return onward, sorted(unknown)


def _views(tenant: Tenant, own: Own, numbers: Iterable[int]) -> list[UUID]:
    """The ids under which somebody may have looked at the person."""
    found = [derived_id(tenant.key, number) for number in numbers]
    for row in own.nodes:
        if row["kind"] == "crm_id":
            try:
                found.append(UUID(row["value"]))
            except ValueError:
                continue
    return found


def _identifier(row: Row) -> Identifier:
    return Identifier(row["kind"], row["value"], row["scope"])

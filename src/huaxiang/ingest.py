"""Land facts, once each, and add them to the summaries of their nodes.

Takes a batch of facts inside a transaction, gives what changed: how many landed, and which nodes have other links
than before, for `resolve`. The steps: claims (pure: normalised, keyed, digested) -> winners (by the registry) -> rows
-> folds.

Rule 1: a record's key names it, however it comes; the newest `updated_at` wins, else the greater digest of its bytes.
Rule 2: a fact hangs on one node, the first of its identifiers that identifies somebody; the others get links to it.
Rule 3: a fresh fact is added to its node's summaries; where something was taken away, the node is folded anew.
Rule 4: a call folds with what waits on its own node: its transcripts and marks.
Rule 5: a rebuild lands what was said once more; numbers and given times stay.
Rule 6: a record of which an erasure left its mark is known, and stays out.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from huaxiang.claim import Claim, Placing, Rows, call_key, epoch_of, of_stored
from huaxiang.gather import gathered
from huaxiang.identifiers import node_of, revision_mark
from huaxiang.model import AnyFact, Call, Identifier, Mark, Order, Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from uuid import UUID

    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction

FACT_COLUMNS = (
    "node", "record", "kind", "digest", "tenant", "current", "at", "rank", "record_id", "source", "enterprise",
    "updated_at", "came_at", "created_at", "spelling", "verified", "about", "said", "gathered",
)  # fmt: skip
LINK_COLUMNS = (
    "node", "other", "record", "tenant", "other_kind", "strength", "at", "rank", "record_id", "mentions", "spelling",
    "verified", "about", "created_at", "suspended", "came_at",
)  # fmt: skip
SUMMARIES = ("identity", "call", "mark", "trait", "origin", "activity")
REPLAY_ROWS = 20_000

_decode_fact = msgspec.json.Decoder(AnyFact).decode


class Cut(NamedTuple):
    """Somebody's word that an identifier changed hands at a time."""

    at: datetime
    author: str = ""
    reason: str = ""


class Landed(msgspec.Struct):
    """What a batch changed. `touched`: nodes whose links differ; `shrunk`: those of them that lost some.

    `fresh`: nodes seen for the first time; `dirty`: nodes from which something was taken away. `called`: nodes whose
    calls, or what these gathered, differ.
    """

    landed: int = 0
    known: int = 0
    touched: set[UUID] = msgspec.field(default_factory=set["UUID"])
    shrunk: set[UUID] = msgspec.field(default_factory=set["UUID"])
    fresh: set[UUID] = msgspec.field(default_factory=set["UUID"])
    dirty: set[UUID] = msgspec.field(default_factory=set["UUID"])
    called: set[UUID] = msgspec.field(default_factory=set["UUID"])


async def land(tx: Transaction, tenant: Tenant, claims: Sequence[Claim], now: datetime) -> Landed:
    """Land a batch of claims; the tenant's lock must be held (`lock`)."""
    came = len(claims)
    claims = await _not_erased(tx, tenant, claims)
    known = {row["key"]: row for row in await tx.rows("known_records", [claim.key for claim in claims])}
    winners, losers, repeats = _contest(claims, known)
    landed = await _apply(tx, tenant, winners, losers, known, now)
    landed.landed, landed.known = len(winners), len(losers) + repeats + came - len(claims)
    return landed


async def _not_erased(tx: Transaction, tenant: Tenant, claims: Sequence[Claim]) -> Sequence[Claim]:
    """The claims without those of records, revisions and calls that were erased, where marks of them are kept."""
    row = await tx.row("has_erased", tenant.id)
    if row is None or not row["any"]:
        return claims
    marks = [_marks(tenant, one) for one in claims]
    erased = {row["key"] for row in await tx.rows("erased_among", list({mark for of_one in marks for mark in of_one}))}
    return [one for one, of_one in zip(claims, marks, strict=True) if erased.isdisjoint(of_one)]


def _marks(tenant: Tenant, one: Claim) -> tuple[UUID, ...]:
    """Each mark that would keep the claim out: of its record, of this revision, of the call that it waits for."""
    own = one.key, revision_mark(tenant.key, one.key, one.digest)
    return (*own, call_key(tenant, one.fact)) if isinstance(one.fact, (Transcript, Mark)) else own


async def replace(tx: Transaction, tenant: Tenant, claims: Sequence[Claim], dirty: set[UUID], now: datetime) -> Landed:
    """Put stored revisions, rewritten, where they hung, their old rows being gone; fold the dirty nodes anew.

    A revision keeps its digest, and so its place among the others, whatever was taken out of it.
    """
    landed = Landed()
    known = {row["key"]: row for row in await tx.rows("known_records", [one.key for one in claims])}
    winners = [one for one in claims if one.was_current]
    losers = [one for one in claims if not one.was_current]
    given = {key: row["given_at"] for key, row in known.items()}
    touching = await _place(tx, tenant, winners, losers, given, now, landed)
    landed.dirty = dirty | await _gather(tx, winners, touching, known)
    landed.called |= landed.dirty
    await _fold(tx, tenant, landed.dirty)
    return landed


async def lock(tx: Transaction, tenant: Tenant) -> None:
    """Wait until no other transaction writes for this tenant, and keep it so until this one ends."""
    await tx.run("lock_tenant", tenant.id)
    await tx.prepare_staging()


async def cut(tx: Transaction, tenant: Tenant, identifier: Identifier, made: Cut, now: datetime) -> Landed:
    """The identifier changed hands at a time: divide its node into epochs, and let every record go by its time."""
    before = (await cuts(tx, tenant)).get(identifier, [])
    place = identifier.kind, identifier.value, identifier.scope
    await tx.run("add_cut", tenant.id, *place, made.at, made.author, made.reason)
    # Only the epoch that the time lies in is divided.
    nodes = [node_of(tenant.key, identifier, epoch_of(before, made.at))]
    keys = [row["record"] for row in await tx.rows("touching_records", nodes)]
    known = {row["key"]: row for row in await tx.rows("known_records", keys)}
    places = [known[key]["nodes"][0] for key in known]
    stored = await tx.rows("said_by", places, list(known))
    return await _apply(tx, tenant, [_stored_claim(row) for row in stored], [], known, now)


async def forget(tx: Transaction, tenant: Tenant) -> None:
    """Drop all that is derived from the tenant's facts; the tenant's lock must be held."""
    for part in (*SUMMARIES, "nodes", "islands", "links", "aparts", "spread", "gathered"):
        await tx.run(f"forget_{part}", tenant.id)


async def replay(
    tx: Transaction, tenant: Tenant, now: datetime, *, page_rows: int = REPLAY_ROWS
) -> AsyncIterator[Landed]:
    """Land all that was ever said once more, after `forget`; a `Landed` for each page of it.

    All facts find their places first, then calls gather, then nodes fold: a page holds any part of a node's facts.
    """
    held: list[Row] = []
    async for page in tx.pages("all_said", tenant.id, size=page_rows):
        held += page
        last = held[-1]["record"]
        ready = [row for row in held if row["record"] != last]
        held = [row for row in held if row["record"] == last]
        yield await _replay_page(tx, tenant, ready, now)
    yield await _replay_page(tx, tenant, held, now)
    async for page in tx.pages("calls_awaited", tenant.id, size=max(1, page_rows // 10)):
        await _gather_calls(tx, [row["node"] for row in page])
        yield Landed()
    async for page in tx.pages("nodes_of_tenant", tenant.id, size=page_rows):
        await tx.run("clear_staging")
        nodes = [row["node"] for row in page]
        await _fold_whole(tx, tenant, nodes)
        yield Landed(called=set(nodes))


async def _replay_page(tx: Transaction, tenant: Tenant, rows: list[Row], now: datetime) -> Landed:
    await tx.run("clear_staging")
    claims = [_stored_claim(row) for row in rows]
    winners, losers, _ = _contest(claims, {})
    fallen = [claim for claim in losers if claim.was_current]
    await tx.each("retire_revisions", [(one.stored_node, one.key, one.digest) for one in fallen])
    registry = {row["key"]: row for row in await tx.rows("known_records", [claim.key for claim in winners])}
    given = {key: row["given_at"] for key, row in registry.items()}
    landed = Landed(landed=len(winners))
    await _place(tx, tenant, winners, losers, given, now, landed)
    return landed


def _stored_claim(row: Row) -> Claim:
    columns = ("node", "record", "record_id", "digest", "came_at", "current")
    return of_stored(_decode_fact(row["said"]), **{column: row[column] for column in columns})


def _contest(claims: Iterable[Claim], known: dict[UUID, Row]) -> tuple[list[Claim], list[Claim], int]:
    """Winners over the registry, losers to be kept as history, and how many say what is known already."""
    best: dict[UUID, Claim] = {}
    losers: list[Claim] = []
    seen: set[tuple[UUID, bytes]] = {(key, had["digest"]) for key, had in known.items()}
    repeats = 0
    for claim in claims:
        had = known.get(claim.key)
        rival = best.get(claim.key)
        if (claim.key, claim.digest) in seen:
            repeats += 1
        elif had is not None and claim.precedence < Claim.precedence_of(had["updated_at"], had["digest"]):
            losers.append(claim)
        elif rival is None:
            best[claim.key] = claim
        else:
            loser, best[claim.key] = sorted((claim, rival), key=lambda one: one.precedence)
            losers.append(loser)
        seen.add((claim.key, claim.digest))
    return list(best.values()), losers, repeats


async def _apply(
    tx: Transaction,
    tenant: Tenant,
    winners: Sequence[Claim],
    losers: Sequence[Claim],
    known: Mapping[UUID, Row],
    now: datetime,
) -> Landed:
    """Write what the winners say in place of what their records said before (`known`); losers become history."""
    landed = Landed()
    if not winners and not losers:
        return landed
    given = {key: row["given_at"] for key, row in known.items()}
    dirty = await _take_out(tx, [(known[one.key], one.key) for one in winners if one.key in known], landed)
    touching = await _place(tx, tenant, winners, losers, given, now, landed)
    dirty |= await _gather(tx, winners, touching, known)
    await _fold(tx, tenant, dirty)
    landed.dirty = dirty
    landed.called |= dirty
    return landed


async def _place(
    tx: Transaction,
    tenant: Tenant,
    winners: Sequence[Claim],
    losers: Sequence[Claim],
    given: Mapping[UUID, datetime],
    now: datetime,
    landed: Landed,
) -> dict[UUID, list[UUID]]:
    """Put facts and links where they belong, and say so in the registry; gives the nodes that each winner touches."""
    placing = Placing(tenant, await cuts(tx, tenant), frozenset(tenant.settings.blocked))
    rows = Rows()
    touching = {one.key: placing.add(rows, one, given.get(one.key, now), current=True) for one in winners}
    landed.called |= {touching[one.key][0] for one in winners if isinstance(one.fact, Call)}
    for one in losers:
        placing.add(rows, one, given.get(one.key, now), current=False)
    await _move(tx, [one for one in (*winners, *losers) if one.stored_node], rows)
    await _put(tx, tenant, rows, landed)
    await _register(tx, tenant, winners, touching, given, now)
    return touching


async def cuts(tx: Transaction, tenant: Tenant) -> dict[Identifier, list[datetime]]:
    """When the tenant's identifiers changed hands, oldest first."""
    found: defaultdict[Identifier, list[datetime]] = defaultdict(list)
    for row in await tx.rows("cuts", tenant.id):
        found[Identifier(row["kind"], row["value"], row["scope"])].append(row["at"])
    return found


async def _take_out(tx: Transaction, old: Sequence[tuple[Row, UUID]], landed: Landed) -> set[UUID]:
    """Take out what records said before; gives the nodes to fold anew."""
    places = [(node, key) for row, key in old for node in row["nodes"]]
    await tx.each("retire_facts", places)
    await tx.each("drop_spread", places)
    for statement in ("drop_links", "drop_aparts"):
        landed.shrunk |= {row["node"] for row in await tx.each(statement, places)}
    landed.touched |= landed.shrunk
    return {node for node, _ in places}


async def _move(tx: Transaction, stored: Sequence[Claim], rows: Rows) -> None:
    """A stored fact that now hangs on another node leaves the old one."""
    places = {(row[1], row[3]): row[0] for row in rows.facts if row[2] != "spread"}
    moved = [one for one in stored if places[one.key, one.digest] != one.stored_node]
    await tx.each("drop_revisions", [(one.stored_node, one.key, one.digest) for one in moved])


async def _put(tx: Transaction, tenant: Tenant, rows: Rows, landed: Landed) -> None:
    landed.fresh |= await _put_nodes(tx, tenant, rows.nodes)
    await tx.copy("landing_fact", FACT_COLUMNS, rows.facts)
    await tx.run("put_facts")
    if rows.links:
        await tx.copy("landing_link", LINK_COLUMNS, rows.links)
        await tx.run("put_links")
    await tx.each("put_aparts", rows.aparts, tenant.id)
    landed.touched |= {row[0] for row in rows.links if row[5]} | {row[0] for row in rows.aparts}  # type: ignore[misc]


async def _put_nodes(tx: Transaction, tenant: Tenant, nodes: Mapping[UUID, tuple[Identifier, int]]) -> set[UUID]:
    """Give the nodes that are new their numbers, in the order of their first sight; gives those nodes."""
    known = {row["node"] for row in await tx.rows("known_nodes", list(nodes))}
    fresh = [(node, *place) for node, place in nodes.items() if node not in known]
    if not fresh:
        return set()
    numbers = await tx.rows("numbers", len(fresh))
    places = [
        (node, row["number"], identifier.kind, identifier.value, identifier.scope, epoch)
        for (node, identifier, epoch), row in zip(fresh, numbers, strict=True)
    ]
    await tx.each("put_nodes", places, tenant.id)
    return {node for node, _, _ in fresh}


async def _register(
    tx: Transaction,
    tenant: Tenant,
    winners: Sequence[Claim],
    touching: Mapping[UUID, list[UUID]],
    given: Mapping[UUID, datetime],
    now: datetime,
) -> None:
    revisions: list[Sequence[object]] = []
    for one in winners:
        nodes = ",".join(dict.fromkeys(map(str, touching[one.key])))
        revisions.append((one.key, one.fact.updated_at, one.digest, given.get(one.key, now), nodes))
    await tx.each("put_records", revisions, tenant.id)


async def _gather(
    tx: Transaction,
    winners: Sequence[Claim],
    touching: Mapping[UUID, list[UUID]],
    known: Mapping[UUID, Row],
) -> set[UUID]:
    """Give calls what waits for them, on both ways: the call may come first or last. Gives the nodes to fold anew."""
    calls = {one.key for one in winners if isinstance(one.fact, Call)}
    for one in winners:
        if one.waits:
            calls.update(touching[one.key])
            calls.update(known[one.key]["nodes"] if one.key in known else ())
    return await _gather_calls(tx, list(calls)) if calls else set()


async def _gather_calls(tx: Transaction, calls: Sequence[UUID]) -> set[UUID]:
    """Give these calls, where they have come, what waits for them; gives the nodes of those that changed."""
    waiting: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in await tx.rows("waiting", calls):
        waiting[row["node"]].append(row)
    places = [(row["node"], row["key"]) for row in await tx.rows("call_places", calls)]
    changed: list[tuple[UUID, UUID, str | None]] = []
    for row in await tx.each("call_facts", places):
        document = gathered(_waits(row) for row in waiting[row["record"]])
        if document != (row["gathered"] and msgspec.json.decode(row["gathered"])):
            encoded = None if document is None else msgspec.json.encode(document).decode()
            changed.append((row["node"], row["record"], encoded))
    await tx.each("put_gathered", changed)
    return {node for node, _, _ in changed}


def _waits(row: Row) -> tuple[Order, AnyFact]:
    return Order(row["at"], row["rank"], row["record_id"], row["record"]), _decode_fact(row["said"])


async def _fold(tx: Transaction, tenant: Tenant, dirty: set[UUID]) -> None:
    """Add fresh facts to the summaries of their nodes; fold the dirty nodes anew from all their facts."""
    nodes = list(dirty)
    await tx.run("stage_fresh", nodes)
    await tx.run("stage_fresh_links", nodes)
    if nodes:
        for summary in SUMMARIES:
            await tx.run(f"drop_{summary}", nodes)
    await _fold_whole(tx, tenant, nodes)


async def _fold_whole(tx: Transaction, tenant: Tenant, nodes: Sequence[UUID]) -> None:
    """Add what is staged, and all that was said on these nodes, which have no summaries now."""
    if nodes:
        await tx.run("stage_nodes", nodes)
        await tx.run("stage_node_links", nodes)
    for summary in SUMMARIES:
        await tx.run(f"fold_{summary}", *([tenant.time_zone] if summary == "activity" else []))

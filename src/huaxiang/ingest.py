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
from uuid import UUID

import msgspec

from huaxiang import fold, rulebook
from huaxiang.arrival import ROW_COLUMNS, arrive, arrive_packed
from huaxiang.claim import Claim, Cuts, Placing, Rows, by_node, call_key, epoch_of, of_stored
from huaxiang.errors import NotFound
from huaxiang.identifiers import node_of, revision_mark
from huaxiang.model import Amendment, AnyFact, Call, Identifier, Mark, TenantSettings, Transcript
from huaxiang.packing import alone as calls_alone
from huaxiang.packing import copying
from huaxiang.packing.alone import Alone
from huaxiang.packing.folding import IDENTITY_COLUMNS, ORIGIN_COLUMNS, TRAIT_COLUMNS
from huaxiang.packing.linked import FACT_COLUMNS as FACTS_WITH_LINKS
from huaxiang.packing.linked import RECORD_COLUMNS
from huaxiang.packing.standing import CALL_COLUMNS as STANDING_COLUMNS
from huaxiang.packing.standing import Standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from huaxiang.joining import Move
    from huaxiang.model import Tenant
    from huaxiang.packing.ahead import Ahead
    from huaxiang.packing.linked import Packed
    from huaxiang.store import Row, Transaction

FACT_COLUMNS = (
    "node", "record", "kind", "digest", "tenant", "current", "at", "rank", "record_id", "source", "enterprise",
    "updated_at", "came_at", "created_at", "spelling", "verified", "about", "said", "gathered", "duration", "rounds",
    "city",
)  # fmt: skip
PLACED_COLUMNS = (*FACT_COLUMNS[:8], *FACT_COLUMNS[12:17], *FACT_COLUMNS[19:])
"""What is made of a fact, beside what it said and what a call gathered."""
FOLDED_WHERE_STAGED = frozenset({"activity", "company"})
"""What is not folded before it lands (`folding`)."""
REPLAY_ROWS = 20_000
LAST_NODE = UUID(int=2**128 - 1)
MANY_LINKS = 500
"""So many that it pays to decide in memory what they make of their nodes, rather than to correct it afterwards."""

NODE_FIELDS = 5
FEW_ROWS = 100
"""So few facts go along as parameters: COPY takes two trips, and theirs is one with their nodes."""
FEW_RECORDS = 20
"""So few are registered one by one, together with what else runs later."""

_decode_fact = msgspec.json.Decoder(AnyFact).decode
_decode_settings = msgspec.json.Decoder(TenantSettings).decode


class Cut(NamedTuple):
    """Somebody's word that an identifier changed hands at a time."""

    at: datetime
    author: str = ""
    reason: str = ""


class Landed(msgspec.Struct):
    """What a batch changed. `won`: the records whose newest revision came with it.

    `touched`: nodes whose links differ, and who have no customer yet by all of them; `shrunk`: those of them that lost
    some. `moves`: who moved already. `first_number`: the smallest number of a node seen for the first time. `dirty`:
    nodes from which something was taken away. `customers`: those of which something was said, if that is known already,
    as it is of all but the `unnamed` nodes. Of what was packed: whether it tells of a CRM's records (`listed`), and the
    accounts that these belong to (`owners`).
    """

    landed: int = 0
    known: int = 0
    won: set[UUID] = msgspec.field(default_factory=set["UUID"])
    touched: set[UUID] = msgspec.field(default_factory=set["UUID"])
    shrunk: set[UUID] = msgspec.field(default_factory=set["UUID"])
    first_number: int | None = None
    dirty: set[UUID] = msgspec.field(default_factory=set["UUID"])
    moves: Sequence[Move] = ()
    customers: set[int] | None = None
    unnamed: Sequence[UUID] = ()
    listed: bool = False
    owners: frozenset[str] = frozenset()


class Met(NamedTuple):
    """What a batch meets: its tenant as it is now, records that are known, cuts, and whether anything was erased."""

    tenant: Tenant
    known: Mapping[UUID, Row]
    cuts: Cuts
    has_erased: bool


async def meet(tx: Transaction, tenant: Tenant, claims: Sequence[Claim]) -> Met:
    """What a batch of claims meets; the tenant's lock must be held (`lock`).

    Raises:
        NotFound: there is no such tenant any more.

    """
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for row in await tx.rows("standing", tenant.id, [claim.key for claim in claims]):
        rows[row["what"]].append(row)
    if not rows["tenant"]:
        raise NotFound(field="tenant", reason="there is no such tenant any more")
    (told,) = rows["tenant"]
    settings = _decode_settings(told["settings"])
    return Met(
        msgspec.structs.replace(tenant, login_name=told["login_name"], time_zone=told["time_zone"], settings=settings),
        {row["key"]: row for row in rows["record"]},
        _cuts(rows["cut"]),
        bool(rows["erased"]),
    )


async def land(
    tx: Transaction, met: Met, claims: Sequence[Claim], now: datetime, *, ahead: Ahead | None = None
) -> Landed:
    """Land a batch of claims that was met. `ahead`: as they were placed beforehand."""
    came, said = len(claims), claims
    tenant, known, changed_hands, has_erased = met
    if has_erased:
        claims = await _not_erased(tx, tenant, claims)
    contest = _contest(claims, known)
    if contest.winners is not said or known or changed_hands or (ahead and ahead.settings != tenant.settings):
        ahead = None
    landed = await _apply(tx, tenant, contest._replace(ahead=ahead, cuts=changed_hands), known, now)
    landed.landed, landed.known = len(contest.winners), came - len(contest.winners)
    landed.won = {one.key for one in contest.winners}
    return landed


async def land_packed(tx: Transaction, tenant: Tenant, packed: Alone | Packed) -> Landed | None:
    """Land facts as they were packed; None, and nothing is done, if they can't: they land as claims.

    `won` is left empty: all of them won. The tenant's lock must be held.
    """
    return await (_land_alone(tx, tenant, packed) if isinstance(packed, Alone) else _land_linked(tx, tenant, packed))


async def _land_alone(tx: Transaction, tenant: Tenant, calls: Alone) -> Landed | None:
    met = await tx.row("met_alone", tenant.id, calls.keys)
    if met is None or met["any"] or calls.settings != tenant.settings:
        return None
    await tx.copy_packed("fact", calls_alone.FACT_COLUMNS, calls.facts)
    await tx.copy_packed("record", calls_alone.RECORD_COLUMNS, calls.records)
    await tx.copy_packed("landing_call", calls_alone.NODE_COLUMNS, calls.nodes)
    row = await tx.row("put_nodes_alone")
    assert row is not None
    landed = Landed(landed=len(calls.keys), first_number=row["first"], customers=set(row["customers"]))
    book = await rulebook.in_force(tx, tenant)
    gathering = list(map(UUID, calls.keys)) if book.minds_silence else met["awaited"]
    if gathering:
        landed.dirty = await rulebook.gather(tx, tenant, gathering, set(gathering))
        await tx.run("unstage_alone", list(landed.dirty))
    await fold.add_staged(tx, tenant, landed.dirty, calls_alone.TOLD)
    return landed


async def _land_linked(tx: Transaction, tenant: Tenant, packed: Packed) -> Landed | None:
    met = await tx.row("met_packed", tenant.id, ",".join(packed.keys))
    if met is None or met["any"] or packed.settings != tenant.settings:
        return None
    landed = Landed(landed=len(packed.keys), listed=bool(packed.named), owners=packed.owners)
    came, fresh = await arrive_packed(tx, tenant, packed)
    landed.first_number, landed.moves, landed.touched, landed.customers, landed.unnamed = came
    await tx.copy_packed("fact", FACTS_WITH_LINKS, packed.facts)
    await tx.copy_packed("record", RECORD_COLUMNS, packed.records)
    await _add(tx, "identity", IDENTITY_COLUMNS, packed.folded.identities, fresh)
    await _add(tx, "trait", TRAIT_COLUMNS, packed.folded.traits, fresh)
    await _add(tx, "origin", ORIGIN_COLUMNS, packed.folded.origins, fresh)
    if packed.staged:
        await tx.copy_packed("staged_fact", FACTS_WITH_LINKS, packed.staged)
        await fold.staged(tx, tenant, [one for one in fold.summaries(tenant) if one in FOLDED_WHERE_STAGED])
    if packed.named:
        await tx.copy_packed("relisted", ("name",), packed.named)
    return landed


async def _not_erased(tx: Transaction, tenant: Tenant, claims: Sequence[Claim]) -> Sequence[Claim]:
    """The claims without those of records, revisions and calls that were erased, where marks of them are kept."""
    marks = [_marks(tenant, one) for one in claims]
    erased = {row["key"] for row in await tx.rows("erased_among", list({mark for of_one in marks for mark in of_one}))}
    return [one for one, of_one in zip(claims, marks, strict=True) if erased.isdisjoint(of_one)]


def _marks(tenant: Tenant, one: Claim) -> tuple[UUID, ...]:
    """Each mark that would keep the claim out: of its record, of this revision, of the call that it waits for."""
    own = one.key, revision_mark(tenant.key, one.key, one.digest)
    return (*own, call_key(tenant, one.fact)) if isinstance(one.fact, (Transcript, Mark, Amendment)) else own


async def replace(tx: Transaction, tenant: Tenant, claims: Sequence[Claim], dirty: set[UUID], now: datetime) -> Landed:
    """Put stored revisions, rewritten, where they hung, their old rows being gone; fold the dirty nodes anew.

    A revision keeps its digest, and so its place among the others, whatever was taken out of it.
    """
    landed = Landed()
    known = {row["key"]: row for row in await tx.rows("known_records", [one.key for one in claims])}
    winners = [one for one in claims if one.was_current]
    losers = [one for one in claims if not one.was_current]
    touching = await _place(tx, tenant, Contest(winners, losers, await cuts(tx, tenant)), known, now, landed)
    landed.dirty = dirty | await _gather(tx, tenant, winners, touching, known)
    await fold.add(tx, tenant, landed.dirty, winners, whole=False)
    return landed


async def lock(tx: Transaction, tenant: Tenant) -> None:
    """Wait until no other transaction writes for this tenant, and keep it so until this one ends."""
    await tx.run("lock_tenant", tenant.id)


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
    contest = Contest([_stored_claim(row) for row in stored], [], await cuts(tx, tenant))
    return await _apply(tx, tenant, contest, known, now)


async def forget(tx: Transaction, tenant: Tenant) -> None:
    """Drop all that is derived from the tenant's facts; the tenant's lock must be held."""
    for part in (*fold.EVERY_SUMMARY, "nodes", "islands", "links", "aparts", "spread", "gathered"):
        await tx.run(f"forget_{part}", tenant.id)


async def replay(
    tx: Transaction, tenant: Tenant, now: datetime, *, page_rows: int = REPLAY_ROWS
) -> AsyncIterator[Landed]:
    """Land all that was ever said once more, after `forget`; a `Landed` for each page of it.

    Calls that stand alone, and stand as they are to stand, are added up where they lie. All other facts find their
    places first, then calls gather, then the nodes of all these fold: a page holds any part of a node's facts.
    """
    async for landed in _replay_standing(tx, tenant, page_rows):
        yield landed
    held: list[Row] = []
    async for page in tx.pages("said_again", tenant.id, size=page_rows):
        held += page
        last = held[-1]["record"]
        ready = [row for row in held if row["record"] != last]
        held = [row for row in held if row["record"] == last]
        yield await _replay_page(tx, tenant, ready, now)
    yield await _replay_page(tx, tenant, held, now)
    minds_silence = (await rulebook.in_force(tx, tenant)).minds_silence
    calls = "calls_of_tenant" if minds_silence else "calls_awaited"
    async for page in tx.pages(calls, tenant.id, size=max(1, page_rows // 10)):
        await _refold_later(tx, await rulebook.gather(tx, tenant, [row["node"] for row in page]))
        yield Landed()
    async for page in tx.pages("nodes_replayed", size=page_rows):
        await tx.run("clear_staging")
        nodes = [row["node"] for row in page]
        for summary in fold.of_calls_alone(tenant):  # calls that stand may have been added up there
            await tx.run(f"drop_{summary}", nodes)
        await fold.anew(tx, tenant, nodes)
        yield Landed()


async def _replay_standing(tx: Transaction, tenant: Tenant, page_rows: int) -> AsyncIterator[Landed]:
    """Add up the calls that stand alone, as they stand; note the places of all other facts."""
    changed_hands, low = await cuts(tx, tenant), UUID(int=0)
    while low != LAST_NODE:
        await tx.run("clear_staging")
        end = await tx.row("end_of_page", low, page_rows)
        high = LAST_NODE if end is None else end["node"]
        standing = Standing(tenant, changed_hands)
        await tx.read_packed("facts_of_nodes", standing.read, tenant.id, low, high)
        await tx.copy_packed("standing_call", STANDING_COLUMNS, copying.chunks(standing.calls))
        unnamed = await tx.rows("calls_unnamed")
        for row in unnamed:
            standing.fall(row["node"], row["record"])
        await tx.copy_packed("landing_call", calls_alone.NODE_COLUMNS, standing.nodes())
        await tx.run("put_nodes_alone")
        await fold.staged(tx, tenant, fold.of_calls_alone(tenant))
        await tx.copy("replaying", ("node", "record"), standing.others)
        yield Landed(landed=len(standing.calls) - len(unnamed))
        low = high


async def _refold_later(tx: Transaction, nodes: Iterable[UUID]) -> None:
    """Note nodes that a rebuild is to fold from all their facts."""
    await tx.copy("replaying", ("node", "record"), [(node, None) for node in nodes])


async def _replay_page(tx: Transaction, tenant: Tenant, rows: list[Row], now: datetime) -> Landed:
    await tx.run("clear_staging")
    claims = [_stored_claim(row) for row in rows]
    contest = _contest(claims, {})._replace(cuts=await cuts(tx, tenant))
    fallen = [claim for claim in contest.losers if claim.was_current]
    await tx.each("retire_revisions", [(one.stored_node, one.key, one.digest) for one in fallen])
    known = {row["key"]: row for row in await tx.rows("known_records", [claim.key for claim in contest.winners])}
    landed = Landed(landed=len(contest.winners))
    standing = {tuple(row[column] for column in PLACED_COLUMNS) for row in rows}
    touching = await _place(tx, tenant, contest, known, now, landed, standing=standing)
    await _refold_later(tx, {row["node"] for row in rows}.union(*touching.values()))
    return landed


def _stored_claim(row: Row) -> Claim:
    columns = ("node", "record", "record_id", "digest", "came_at", "current")
    return of_stored(_decode_fact(row["said"]), **{column: row[column] for column in columns})


class Contest(NamedTuple):
    """Claims that win over the registry, and those that lose and become history; who says what is known is neither.

    `ahead`: where they go, if that was right; else `cuts` tells where they go.
    """

    winners: Sequence[Claim]
    losers: Sequence[Claim]
    cuts: Cuts
    ahead: Ahead | None = None


def _contest(claims: Sequence[Claim], known: Mapping[UUID, Row]) -> Contest:
    if not known and len({claim.key.int for claim in claims}) == len(claims):
        return Contest(claims, [], {})
    best: dict[UUID, Claim] = {}
    losers: list[Claim] = []
    seen: set[tuple[UUID, bytes]] = {(key, had["digest"]) for key, had in known.items()}
    for claim in claims:
        had = known.get(claim.key)
        rival = best.get(claim.key)
        if (claim.key, claim.digest) in seen:
            continue
        if had is not None and claim.precedence < Claim.precedence_of(had["updated_at"], had["digest"]):
            losers.append(claim)
        elif rival is None:
            best[claim.key] = claim
        else:
            loser, best[claim.key] = sorted((claim, rival), key=lambda one: one.precedence)
            losers.append(loser)
        seen.add((claim.key, claim.digest))
    return Contest(list(best.values()), losers, {})


async def _apply(
    tx: Transaction,
    tenant: Tenant,
    contest: Contest,
    known: Mapping[UUID, Row],
    now: datetime,
) -> Landed:
    """Write what the winners say in place of what their records said before (`known`); losers become history."""
    landed = Landed()
    winners, losers = contest.winners, contest.losers
    if not winners and not losers:
        return landed
    dirty = await _take_out(tx, [(known[one.key], one.key) for one in winners if one.key in known], landed)
    touching = await _place(tx, tenant, contest, known, now, landed)
    dirty |= await _gather(tx, tenant, winners, touching, known)
    whole = not dirty and not losers and not any(one.waits for one in winners)
    await fold.add(tx, tenant, dirty, winners, whole=whole)
    landed.dirty = dirty
    return landed


async def _add(
    tx: Transaction, summary: str, columns: Sequence[str], rows: Sequence[tuple[int, bytes]], fresh: AbstractSet[int]
) -> None:
    """Add rows of a summary, which are folded, each at the place of its node; those that are fresh have none yet."""
    new = [row for place, row in rows if place in fresh]
    if new:
        await tx.copy_packed(f"summary_{summary}", columns, copying.chunks(new))
    if len(new) < len(rows):
        others = [row for place, row in rows if place not in fresh]
        await tx.copy_packed(f"landing_{summary}", columns, copying.chunks(others))
        await tx.run(f"add_{summary}")


async def _place(
    tx: Transaction,
    tenant: Tenant,
    contest: Contest,
    known: Mapping[UUID, Row],
    now: datetime,
    landed: Landed,
    *,
    standing: AbstractSet[tuple[object, ...]] = frozenset(),
) -> dict[UUID, list[UUID]]:
    """Put facts and links where they belong, and say so in the registry; gives the nodes that each winner touches.

    `standing`: of a rebuild, facts that lie in the store as they are to be; they are left where they lie.
    """
    winners, losers, changed_hands, ahead = contest
    if ahead is not None:
        rows, touching = ahead.rows, ahead.touching
    else:
        placing, rows = Placing(tenant, changed_hands, frozenset(tenant.settings.blocked)), Rows()
        given = {key: row["given_at"] for key, row in known.items()}
        touching = {one.key: placing.add(rows, one, given.get(one.key, now), current=True) for one in winners}
        for one in losers:
            placing.add(rows, one, given.get(one.key, now), current=False)
    stored = [one for one in (*winners, *losers) if one.stored_node]
    await _move(tx, stored, rows)
    if standing:
        rows.facts = [row for row in rows.facts if _placed(row) not in standing]
    fresh = not known and not stored
    many = len(rows.links) >= MANY_LINKS and (fresh or bool(standing))
    await _put(tx, tenant, rows, landed, fresh=fresh, many=many)
    if not known and all(len(nodes) == 1 for nodes in touching.values()):
        tx.later("put_new_records", now)
    elif not known and len(winners) <= FEW_RECORDS:
        for one in winners:
            tx.later("put_new_record", now, one.key, list(dict.fromkeys(touching[one.key])))
    else:
        await _register(tx, tenant, winners, touching, known, now)
    return touching


async def cuts(tx: Transaction, tenant: Tenant) -> Cuts:
    """When the tenant's identifiers changed hands, oldest first."""
    return _cuts(await tx.rows("cuts", tenant.id))


def _cuts(rows: Iterable[Row]) -> Cuts:
    found: defaultdict[Identifier, list[datetime]] = defaultdict(list)
    for row in rows:
        found[Identifier(row["kind"], row["value"], row["scope"])].append(row["at"])
    return {identifier: sorted(times) for identifier, times in found.items()}


async def _take_out(tx: Transaction, old: Sequence[tuple[Row, UUID]], landed: Landed) -> set[UUID]:
    """Take out what records said before; gives the nodes to fold anew."""
    places = [(node, key) for row, key in old for node in row["nodes"]]
    if not places:
        return set()
    nodes, records = map(list, zip(*places, strict=True))
    tx.later("retire_facts", nodes, records)
    tx.later("drop_spread", nodes, records)
    landed.shrunk |= {row["node"] for row in await tx.rows("drop_ties", nodes, records)}
    landed.touched |= landed.shrunk
    return set(nodes)


async def _move(tx: Transaction, stored: Sequence[Claim], rows: Rows) -> None:
    """A stored fact that now hangs on another node leaves the old one."""
    places = {(row[1], row[3]): row[0] for row in rows.facts if row[2] != "spread"}
    moved = [one for one in stored if places[one.key, one.digest] != one.stored_node]
    await tx.each("drop_revisions", [(one.stored_node, one.key, one.digest) for one in moved])


async def _put(tx: Transaction, tenant: Tenant, rows: Rows, landed: Landed, *, fresh: bool, many: bool) -> None:
    """Put nodes, facts and links; the facts stay staged. `fresh`: no record of these was known before.

    `many`: the links are new, and so many that they are joined as they are written.
    """
    rows.facts.sort(key=by_node)
    few = not many and len(rows.facts) <= FEW_ROWS
    if not many:
        landed.first_number = await _put_nodes(tx, tenant, rows.nodes, rows.facts if few else ())
    if rows.facts and not few:
        await tx.copy("staged_fact", FACT_COLUMNS, rows.facts)
    if rows.links and not many:
        await _stage_links(tx, rows)
    if rows.facts:
        tx.later("put_new_facts" if fresh else "put_facts")
    parted = {row[0] for row in rows.aparts}
    landed.touched |= parted
    if many:
        came = await arrive(tx, tenant, rows.nodes, rows.links, parted)
        landed.first_number, landed.moves = came.first_number, came.moves
        landed.touched |= came.left
    elif rows.links:
        tx.later("put_links")
        landed.touched |= {end for row in rows.links if row[5] for end in row[:2]}  # type: ignore[misc] (nodes)
    await tx.each("put_aparts", rows.aparts, tenant.id)


async def _put_nodes(
    tx: Transaction,
    tenant: Tenant,
    nodes: Mapping[UUID, tuple[Identifier, int]],
    facts: Sequence[Sequence[object]] = (),
) -> int | None:
    """Give the nodes that are new their numbers, in the order of their first sight; gives the first, if any is new.

    `facts`: a few, which are staged with it; they may hang on a call's own node, which is not among these.
    """
    places = [
        (node, identifier.kind, identifier.value, identifier.scope, epoch)
        for node, (identifier, epoch) in nodes.items()
    ]
    row = await tx.row("put_nodes", tenant.id, *_columns(places, NODE_FIELDS), *_columns(facts, len(FACT_COLUMNS)))
    return row["first"] if row else None


def _columns(rows: Sequence[Sequence[object]], count: int) -> list[list[object]]:
    """So many columns of these rows, of which there may be none."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(count)]


async def _stage_links(tx: Transaction, rows: Rows) -> None:
    if len(rows.links) <= FEW_ROWS:
        await tx.each("stage_few_links", rows.links)
    else:
        await tx.copy("landing_link", ROW_COLUMNS, rows.links)


def _placed(row: Sequence[object]) -> tuple[object, ...]:
    """What a row of FACT_COLUMNS says in the columns of PLACED_COLUMNS."""
    return (*row[:8], *row[12:17], *row[19:])


async def _register(
    tx: Transaction,
    tenant: Tenant,
    winners: Sequence[Claim],
    touching: Mapping[UUID, list[UUID]],
    known: Mapping[UUID, Row],
    now: datetime,
) -> None:
    """Name the winners in the registry, where it does not name them as they are already."""
    revisions: list[Sequence[object]] = []
    for one in winners:
        nodes, had = list(dict.fromkeys(touching[one.key])), known.get(one.key)
        revision = one.fact.updated_at, one.digest
        if had is None or (had["updated_at"], had["digest"]) != revision or list(had["nodes"]) != nodes:
            revisions.append((one.key, *revision, had["given_at"] if had else now, ",".join(map(str, nodes))))
    await tx.each("put_records", revisions, tenant.id)


async def _gather(
    tx: Transaction,
    tenant: Tenant,
    winners: Sequence[Claim],
    touching: Mapping[UUID, list[UUID]],
    known: Mapping[UUID, Row],
) -> set[UUID]:
    """Give calls what waits for them, on both ways: the call may come first or last. Gives the nodes to fold anew."""
    landing = {one.key for one in winners if isinstance(one.fact, Call)}
    calls = set(landing)
    for one in winners:
        if one.waits:
            calls.update(touching[one.key])
            calls.update(known[one.key]["nodes"] if one.key in known else ())
    return await rulebook.gather(tx, tenant, list(calls), landing) if calls else set()


async def regather(tx: Transaction, tenant: Tenant, calls: Sequence[UUID]) -> Landed:
    """Look at calls anew, by the keys of their records: the rules that they are under have changed."""
    landed = Landed(dirty=await rulebook.gather(tx, tenant, calls))
    await fold.add(tx, tenant, landed.dirty, [], whole=True)
    return landed

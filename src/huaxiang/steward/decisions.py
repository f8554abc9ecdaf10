"""What a person decides about who is who: join, part, keep apart, take back; and that an identifier changed hands.

Takes identifiers as `names` tells them, an author and a reason; gives what became of the customers.

Rule 1: a decision is a fact like any other: it lands once, a rebuild keeps it, and one that takes it back is a newer
        revision of it, by its own author, for its own reason. Nothing of it is ever lost.
Rule 2: a part holds however many links connect the two sides: it names every identifier of both, and sources' links
        between them wait, now and later. An identifier that comes later follows its strongest link.
Rule 3: a join names, beside what it was asked for, an identifier of each side of every parting that stands between the
        two customers, and so takes those back; undone, they stand again.
Rule 4: a join may yet not hold: a hub joins nobody, and the limits bind persons too. Then the answer says why.
Rule 5: a cut is for good. What it divided wrongly, a join of the two holders by their numbers puts together again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.errors import InputInvalid, InputMissing, InputTooLarge, NotFound
from huaxiang.identifiers import normalise, record_key
from huaxiang.model import Identifier, Link, Mention
from huaxiang.service import DECIDED
from huaxiang.steward.names import Named, meant, members, name_of, named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from huaxiang.model import Tenant
    from huaxiang.service import Service
    from huaxiang.store import Row, Transaction

What: TypeAlias = Literal["join", "part", "apart"]
MOST_NAMED, MOST_APART = 32, 4096
"""How many identifiers a fact may name, and on the other side of a parting."""
MOST_DECISIONS = 1_000
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

_decode = msgspec.json.Decoder(Link).decode


class Decided(msgspec.Struct, frozen=True):
    """What became of a decision: its id, and whose the identifiers named are now, each customer once.

    `waits`: the join does not hold, for these reasons (`neighbours`, `limit`, `size`, `apart`).
    """

    id: str
    customers: tuple[int, ...]
    waits: tuple[str, ...] = ()


class Undone(msgspec.Struct, frozen=True):
    """That a decision was taken back: by whom, why, when."""

    author: str
    reason: str
    at: datetime


class Decision(msgspec.Struct, frozen=True):
    """A person's word. `identifiers` are one customer; with `apart_from`, no customer holds one of each."""

    id: str
    source: str
    what: What
    identifiers: tuple[str, ...]
    apart_from: tuple[str, ...]
    author: str
    reason: str
    at: datetime
    undone: Undone | None


class Cut(msgspec.Struct, frozen=True):
    """That an identifier changed hands at a time; `customer`: who holds it now, if anybody has mentioned it since."""

    identifier: str
    at: datetime
    author: str
    reason: str
    customer: int | None = None


# ── decide ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def join(service: Service, tenant: Tenant, ids: Sequence[str], *, author: str, reason: str) -> Decided:
    """These are one customer.

    Raises:
        InputInvalid, InputMissing: not two different identifiers, or no author or reason.
        NotFound: nobody has mentioned one of them.

    """
    said = _Words(author, reason)
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        given = await named(tx, tenant, ids, service.now())
        if len({one.node for one in given}) < 2:  # noqa: PLR2004 (a join has two ends)
            raise InputMissing(field="ids", reason="two different identifiers are needed")
        customers = list({one.customer for one in given})
        every = await members(tx, tenant, customers, service.now()) if len(customers) > 1 else []
        decision = said.link("join", [*given, *await _bridges(tx, every)])
        return await _decide(service, tx, tenant, decision)


async def part(service: Service, tenant: Tenant, ids: Sequence[str], *, author: str, reason: str) -> Decided:
    """These identifiers of a customer are one, and the rest of the customer is another: the two never meet.

    Raises:
        InputInvalid: they are not of one customer, or they are all of it. InputMissing, NotFound: as for `join`.
        InputTooLarge: both sides have more than 32 identifiers, or one has more than 4,096.

    """
    said = _Words(author, reason)
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        given = await named(tx, tenant, ids, service.now())
        if not given:
            raise InputMissing(field="ids", reason="an identifier is needed")
        if len({one.customer for one in given}) > 1:
            raise InputInvalid(field="ids", reason="these are not one customer; `apart` keeps customers apart")
        nodes = {one.node for one in given}
        every = await members(tx, tenant, [given[0].customer], service.now())
        side, rest = [one for one in every if one.node in nodes], [one for one in every if one.node not in nodes]
        if not rest:
            raise InputInvalid(field="ids", reason="this is the whole customer: there is nothing to part it from")
        decision = said.link("part", side, rest)
        decided = await _decide(service, tx, tenant, decision)
        for place, members_of_one in enumerate((side, rest), start=1):
            await _hold_together(service, tx, tenant, members_of_one, said, f"{decision.id}/{place}")
        return msgspec.structs.replace(decided, customers=await _customers(tx, tenant, [one.node for one in every]))


async def keep_apart(service: Service, tenant: Tenant, ids: Sequence[str], *, author: str, reason: str) -> Decided:
    """The two customers of these two identifiers are two people, whatever links may say.

    Raises:
        InputInvalid: they are one customer now. InputMissing, NotFound, InputTooLarge: as for `part`.

    """
    said = _Words(author, reason)
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        given = await named(tx, tenant, ids, service.now())
        if len(given) != 2:  # noqa: PLR2004 (one for each side)
            raise InputMissing(field="ids", reason="two identifiers are needed, one of each customer")
        one, other = (found.customer for found in given)
        if one == other:
            raise InputInvalid(field="ids", reason="these are one customer now; `part` parts them")
        every = await members(tx, tenant, [one, other], service.now())
        side, rest = ([found for found in every if found.customer == customer] for customer in (one, other))
        return await _decide(service, tx, tenant, said.link("apart", side, rest))


async def undo(service: Service, tenant: Tenant, decision: str, *, author: str, reason: str) -> Decided:
    """A decision is taken back: what it joined parts again, what it kept apart may join.

    Raises:
        NotFound: there is no such decision. InputInvalid: it is undone already, or several sources call one so.

    """
    said = _Words(author, reason)
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        row = _the_one(await tx.rows("decisions_called", tenant.id, decision))
        nodes = await _touched(tx, row["record"])
        if _decode(row["said"]).withdrawn:
            raise InputInvalid(field="id", reason="this decision is undone already")
        await service.land_decision(tx, tenant, said.withdrawal(row, service.now()))
        for held in await tx.rows("decisions_within", tenant.id, DECIDED, decision):
            await service.land_decision(tx, tenant, said.withdrawal(held, service.now()))
        return Decided(decision, await _customers(tx, tenant, nodes))


class _Words:
    """Who decides, and why."""

    def __init__(self, author: str, reason: str) -> None:
        for field, text in (("author", author), ("reason", reason)):
            if not text.strip():
                raise InputMissing(field=field, reason="a decision has an author and a reason")
        self.author, self.reason = author, reason

    def link(self, what: What, side: Sequence[Named], rest: Sequence[Named] = (), *, called: str | None = None) -> Link:
        """The decision as a fact. Raises InputTooLarge for more identifiers than a fact may name."""
        # The sides of a parting are alike; the one with more room takes the longer.
        side, rest = sorted((side, rest), key=len) if rest else (side, rest)
        mentions, others = _mentions(side), _mentions(rest)
        if len(mentions) > MOST_NAMED or len(others) > MOST_APART:
            raise InputTooLarge(field="ids", reason=f"more than {MOST_NAMED} identifiers against {MOST_APART}")
        return Link(
            source=DECIDED,
            id=called or str(uuid4()),
            at=datetime.now(UTC),
            identifiers=mentions,
            apart_from=others,
            author=self.author,
            reason=self.reason,
            details={"what": what},
        )

    def withdrawal(self, row: Row, now: datetime) -> Link:
        """What takes a decision back: a newer revision of it."""
        updated_at = max(now, (row["updated_at"] or EARLIEST) + timedelta(microseconds=1))
        return msgspec.structs.replace(
            _decode(row["said"]),
            id=row["record_id"],
            updated_at=updated_at,
            author=self.author,
            reason=self.reason,
            withdrawn=True,
        )


async def _hold_together(
    service: Service, tx: Transaction, tenant: Tenant, side: Sequence[Named], said: _Words, called: str
) -> None:
    """Join what a parting left of one side, where only the other side had held it together."""
    rows = await tx.rows("named_nodes", tenant.id, [one.node for one in side])
    customers = {row["node"]: row["customer"] for row in rows}
    pieces = list({customers[one.node]: one for one in side}.values())
    for begin in range(1, len(pieces), MOST_NAMED - 1):
        some = [pieces[0], *pieces[begin : begin + MOST_NAMED - 1]]
        await service.land_decision(tx, tenant, said.link("part", some, called=f"{called}/{begin}"))


async def _bridges(tx: Transaction, every: Sequence[Named]) -> list[Named]:
    """One identifier of each side of every parting between these customers."""
    by_node = {one.node: one for one in every}
    sides: dict[tuple[UUID, int], list[Named]] = {}
    for row in await tx.rows("aparts_of", list(by_node)):
        sides.setdefault((row["record"], row["side"]), []).append(by_node[row["node"]])
    found: dict[UUID, Named] = {}
    for (record, side), left in sides.items():
        right = sides.get((record, 1), []) if side == 0 else []
        pair = next(((one, two) for one in left for two in right if one.customer != two.customer), ())
        found.update({one.node: one for one in pair})
    return list(found.values())


async def _decide(service: Service, tx: Transaction, tenant: Tenant, decision: Link) -> Decided:
    await service.land_decision(tx, tenant, decision)
    record = record_key(tenant.key, DECIDED, "", "link", str(decision.id))
    nodes = await _touched(tx, record)
    customers = await _customers(tx, tenant, nodes)
    joins = len(customers) > 1 and not decision.apart_from
    waiting = await tx.rows("why_suspended", nodes, record) if joins else []
    return Decided(str(decision.id), customers, tuple(sorted(row["suspended"] for row in waiting)))


def _mentions(side: Iterable[Named]) -> tuple[Mention, ...]:
    return tuple({one.node: one.mention for one in side}.values())


async def _touched(tx: Transaction, record: UUID) -> list[UUID]:
    return [node for row in await tx.rows("known_records", [record]) for node in row["nodes"]]


async def _customers(tx: Transaction, tenant: Tenant, nodes: Sequence[UUID]) -> tuple[int, ...]:
    """Whose these nodes are now, each customer once."""
    return tuple(sorted({row["customer"] for row in await tx.rows("named_nodes", tenant.id, list(nodes))}))


def _the_one(rows: Sequence[Row]) -> Row:
    """The decision that is meant: of those taken here, or of any source's, the only one."""
    ours = [row for row in rows if row["source"] == DECIDED and not row["enterprise"]] or rows
    if not ours:
        raise NotFound(field="id", reason="there is no such decision")
    if len(ours) > 1:
        raise InputInvalid(field="id", reason="several sources have a decision with this id")
    return ours[0]


# ── what was decided ──────────────────────────────────────────────────────────────────────────────────────────────


async def decisions(service: Service, tenant: Tenant, *, limit: int = MOST_DECISIONS) -> list[Decision]:
    """The decisions of which there was a word last, newest first; undone ones too."""
    async with service.store.reading() as tx:
        newest = [row["record"] for row in await tx.rows("decisions", tenant.id, DECIDED, limit)]
        rows = await tx.rows("decision_revisions", tenant.id, newest)
    revisions: dict[UUID, list[Row]] = {record: [] for record in newest}
    for row in rows:
        revisions[row["record"]].append(row)
    return [_decision(said) for said in revisions.values()]


def _decision(revisions: Sequence[Row]) -> Decision:
    """A decision as it was taken last, and whether it still stands."""
    said = [(_decode(row["said"]), row) for row in revisions]
    current, current_row = next((fact, row) for fact, row in said if row["current"])
    fact, row = next(((fact, row) for fact, row in reversed(said) if not fact.withdrawn), (current, current_row))
    undone = None
    if current.withdrawn:
        undone = Undone(current.author or "", current.reason or "", current.updated_at or current_row["came_at"])
    what = fact.details.get("what")
    if what not in ("join", "part", "apart"):
        what = "apart" if fact.apart_from else "join"
    return Decision(
        id=row["record_id"],
        source=fact.source,
        what=what,
        identifiers=tuple(map(_name, fact.identifiers)),
        apart_from=tuple(map(_name, fact.apart_from)),
        author=fact.author or "",
        reason=fact.reason or "",
        at=row["at"],
        undone=undone,
    )


def _name(mention: Mention) -> str:
    return name_of(normalise(mention))


# ── change of hands ───────────────────────────────────────────────────────────────────────────────────────────────


async def cut(
    service: Service, tenant: Tenant, identifier: str, at: datetime, *, author: str = "", reason: str = ""
) -> Cut:
    """From a time on, an identifier is another person's: each fact and link, late ones too, goes by its own time.

    A time without a zone is in the tenant's.

    Raises:
        InputInvalid: no identifier, or a time before 1900 or after 2199.

    """
    wanted = meant(identifier)
    if isinstance(wanted, int):
        raise InputInvalid(field="identifier", reason="kind:value is expected: a number of ours never changes hands")
    at = (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(tenant.time_zone))).astimezone(UTC)
    if not EARLIEST < at < LATEST:
        raise InputInvalid(field="at", reason="a time between the years 1900 and 2200 is needed")
    await service.cut(
        tenant, Mention(wanted.kind, wanted.value, wanted.scope), at, author=author.strip(), reason=reason.strip()
    )
    (holder,) = await service.customers(tenant, [wanted])
    return Cut(name_of(wanted), at, author.strip(), reason.strip(), None if holder is None else holder.id)


async def cuts(service: Service, tenant: Tenant) -> list[Cut]:
    """All that have changed hands, the newest word first."""
    async with service.store.reading() as tx:
        rows = await tx.rows("cuts_made", tenant.id)
    wanted = [Identifier(row["kind"], row["value"], row["scope"]) for row in rows]
    holders = await service.customers(tenant, wanted)
    return [
        Cut(name_of(one), row["at"], row["author"], row["reason"], None if holder is None else holder.id)
        for one, row, holder in zip(wanted, rows, holders, strict=True)
    ]

"""Which rules each call is under, and what calls gather under them: the quality check, inside a transaction.

Takes calls by the keys of their records; gives the nodes on which something differs now, to be folded anew.

Rule 1: a tenant's calls are under the version in force. While one takes over from another, a call is under the one or
        the other by its place (node, record): what it gathers is a function of what was said, of the versions and of
        how far the taking over has come, never of when the call came.
Rule 2: a call is looked at when it comes, when something of it comes, and when a version takes over from its place on.
Rule 3: what rules find is derived: it is kept with the call, goes with the version, and a rebuild finds it again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

import msgspec

from huaxiang.gather import gathered
from huaxiang.model import AnyFact, Call, Order, Transcript
from huaxiang.portrait import Checker, Ruleset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from huaxiang.gather import Waiting
    from huaxiang.model import Tenant
    from huaxiang.portrait import Hit
    from huaxiang.store import Row, Transaction

MOST_CHECKERS: Final = 16
"""Compiled versions that a process keeps."""
FEW_CALLS: Final = 20
"""So many are looked at at once: quicker than to hand them over."""

_decode_fact = msgspec.json.Decoder(AnyFact).decode
_decode_call = msgspec.json.Decoder(Call).decode
_checkers: OrderedDict[str, Checker] = OrderedDict()
_checkers_lock = Lock()


class Place(NamedTuple):
    """Where a call lies: its node, then its record."""

    node: UUID
    record: UUID


FIRST: Final = Place(UUID(int=0), UUID(int=0))


class Book(NamedTuple):
    """The rules in force: under `now` are the calls up to the place `upto` (all of them, if None), others `before`."""

    now: Checker | None = None
    before: Checker | None = None
    upto: Place | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no call is under any rules."""
        return self.now is None and self.before is None

    @property
    def minds_silence(self) -> bool:
        """Whether a rule may find something in a call of which nothing but itself has come."""
        return any(checker is not None and checker.minds_silence for checker in (self.now, self.before))

    def over(self, place: Place) -> Checker | None:
        """The rules that the call at this place is under."""
        return self.now if self.upto is None or _order(place) <= _order(self.upto) else self.before


def _order(place: Place) -> tuple[int, int]:
    return place.node.int, place.record.int


async def in_force(tx: Transaction, tenant: Tenant) -> Book:
    """The tenant's book as it is now."""
    row = await tx.row("rules_in_force", tenant.id)
    if row is None:
        return Book()
    upto = None if row["upto_node"] is None else Place(row["upto_node"], row["upto_record"])
    return Book(await checker(tx, tenant, row["version"]), await checker(tx, tenant, row["before"]), upto)


async def checker(tx: Transaction, tenant: Tenant, version: str | None) -> Checker | None:
    """The compiled rules of a version of the tenant's; None for no rules."""
    if version is None:
        return None
    with _checkers_lock:
        if version in _checkers:
            _checkers.move_to_end(version)
            return _checkers[version]
    row = await tx.row("ruleset", tenant.id, version)
    assert row is not None, "a version in force is kept"
    # Thousands of rules take seconds to compile: in a thread, so that nobody else waits for them.
    compiled = await asyncio.to_thread(Checker, msgspec.json.decode(row["document"], type=Ruleset))
    with _checkers_lock:
        _checkers[version] = compiled
        while len(_checkers) > MOST_CHECKERS:
            _checkers.popitem(last=False)
    return compiled


async def gather(
    tx: Transaction, tenant: Tenant, calls: Sequence[UUID], landing: AbstractSet[UUID] = frozenset()
) -> set[UUID]:
    """Give these calls, where they have come, what waits for them and what rules find; gives the nodes that changed.

    `landing`: calls that land with this batch, and so have gathered nothing yet.
    """
    book = await in_force(tx, tenant)
    waiting = await waiting_for(tx, calls)
    asked = [call for call in calls if call in waiting or call not in landing or book.minds_silence]
    rows = await calls_of(tx, asked, said=not book.is_empty)
    hits = await found(book, rows, waiting)
    changed: list[tuple[UUID, UUID, str | None]] = []
    for row in rows:
        document = gathered(waiting.get(row["record"], ()), hits.get(Place(row["node"], row["record"]), ()))
        if document != (row["gathered"] and msgspec.json.decode(row["gathered"])):
            encoded = None if document is None else msgspec.json.encode(document).decode()
            changed.append((row["node"], row["record"], encoded))
    await tx.each("put_gathered", changed)
    return {node for node, _, _ in changed}


async def waiting_for(tx: Transaction, calls: Sequence[UUID]) -> Mapping[UUID, list[Waiting]]:
    """What waits for calls, by the keys of their records."""
    waiting: defaultdict[UUID, list[Waiting]] = defaultdict(list)
    for row in await tx.rows("waiting", list(calls)) if calls else ():
        order = Order(row["at"], row["rank"], row["record_id"], row["record"])
        waiting[row["node"]].append((order, _decode_fact(row["said"])))
    return waiting


async def calls_of(tx: Transaction, calls: Sequence[UUID], *, said: bool) -> list[Row]:
    """The calls that have come: `node`, `record`, `at`, `gathered`, and what they `said`, if asked for."""
    if not calls:
        return []
    rows = await tx.rows("call_places", list(calls))
    return await tx.rows("call_facts", [row["node"] for row in rows], [row["key"] for row in rows], said)


async def found(
    book: Book, rows: Sequence[Row], waiting: Mapping[UUID, Sequence[Waiting]]
) -> dict[Place, tuple[Hit, ...]]:
    """What the rules find in calls, by their places; each call under its own version."""
    if book.is_empty:
        return {}
    under: defaultdict[int, list[Row]] = defaultdict(list)
    checkers: dict[int, Checker] = {}
    for row in rows:
        rules = book.over(Place(row["node"], row["record"]))
        if rules is not None:
            checkers[id(rules)] = rules
            under[id(rules)].append(row)
    hits: dict[Place, tuple[Hit, ...]] = {}
    for one, asked in under.items():
        hits.update(await checked(checkers[one], asked, waiting))
    return hits


async def checked(
    rules: Checker, rows: Sequence[Row], waiting: Mapping[UUID, Sequence[Waiting]]
) -> list[tuple[Place, tuple[Hit, ...]]]:
    """What one version finds in calls, in their order; many are looked at in a thread."""
    if len(rows) > FEW_CALLS:
        return await asyncio.to_thread(_checked, rules, rows, waiting)
    return _checked(rules, rows, waiting)


def _checked(
    rules: Checker, rows: Sequence[Row], waiting: Mapping[UUID, Sequence[Waiting]]
) -> list[tuple[Place, tuple[Hit, ...]]]:
    calls = [
        (
            msgspec.structs.replace(_decode_call(row["said"]), at=row["at"]),
            [fact for _, fact in waiting.get(row["record"], ()) if isinstance(fact, Transcript)],
        )
        for row in rows
    ]
    places = [Place(row["node"], row["record"]) for row in rows]
    return list(zip(places, rules.check_many(calls), strict=True))

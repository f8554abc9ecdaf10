"""Likely matches that no identifier proves: found among a tenant's customers, shown to a person, answered by one.

Takes what is known of all customers at one moment; keeps the pairs that look like one, with what speaks for and
against each; and lets a person accept or refuse. How pairs are found is the engine's business (`huaxiang.suggest`).

Rule 1: nothing is joined but by a person's word. To accept is a decision like any other join, and is undone as one.
Rule 2: a pair is kept by the oldest node of each customer; whose the nodes are is asked anew whenever it is shown.
Rule 3: a run replaces what waits for an answer. It leaves out who is one by now, whom a person keeps apart, and any two
    customers on whom a person has answered, whatever they have been joined with since.
Rule 4: the engine works outside of any transaction, so that nobody waits for it; what it found is looked at again under
    the tenant's lock before it is kept.
Rule 5: a hub is nobody's, and what a former holder of an identifier leaves behind is no likeness to the holder of now.
"""

from __future__ import annotations

import asyncio
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

import msgspec

from huaxiang import ingest
from huaxiang.claim import epoch_of
from huaxiang.dialects.native.suggestions import PartAnswer, SettledAnswer, SuggestionAnswer, SuggestionsAnswer
from huaxiang.errors import InputInvalid, InputMissing, NotFound, SettingsInvalid
from huaxiang.identifiers import record_key
from huaxiang.model import Identifier, Link
from huaxiang.service import DECIDED
from huaxiang.steward.names import members, named
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from huaxiang.dialects.native.suggestions import State
    from huaxiang.model import Tenant
    from huaxiang.service import Service
    from huaxiang.steward.names import Named
    from huaxiang.store import Row, Transaction
    from huaxiang.suggest import Suggestion

MOST_KEPT: Final = 100_000
"""How many suggestions wait at most: more than any desk answers before the next run."""
BANDS: Final = (0.99, 0.9, 0.8, 0.7, 0.6, 0.5, 0.0)
"""Where the bands of probability begin that a run is told by."""
TEXTS: Final = ("real_name", "company", "birthday", "email")
PLACES: Final = ("gps_place", "wechat_place", "ip_place")
"""Where somebody is, the best known first."""
PAGE_ROWS: Final = 20_000

_PAIR: Final = re.compile(r"([1-9][0-9]{0,18})-([1-9][0-9]{0,18})", re.ASCII)
_decode_parts = msgspec.json.Decoder(list[PartAnswer]).decode


class Band(msgspec.Struct, frozen=True):
    """How many suggestions have this probability at `least`, and fall in no likelier band."""

    least: float
    suggestions: int


class Run(msgspec.Struct, frozen=True):
    """What a run found: among so many customers, of so many pairs compared, so many suggestions, by probability.

    `left_out`: found, but one already, kept apart, answered before, or more than were wanted.
    """

    customers: int
    compared: int
    suggestions: int
    left_out: int
    bands: tuple[Band, ...]


class _Known(msgspec.Struct):
    """What is known of one customer."""

    said: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    cities: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    phones: list[str] = msgspec.field(default_factory=list[str])
    emails: list[str] = msgspec.field(default_factory=list[str])
    apps: list[str] = msgspec.field(default_factory=list[str])

    def city(self) -> str | None:
        """Where the customer is; else from where they called last."""
        return next((self.cities[place] for place in (*PLACES, "call") if place in self.cities), None)


# ── find ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _untold(_line: str) -> None:
    """Nobody listens."""


async def run(
    service: Service,
    tenant: Tenant,
    *,
    least: float = 0.5,
    most: int = MOST_KEPT,
    tell: Callable[[str], None] = _untold,
) -> Run:
    """Find the likely pairs of now, and keep them for a person to answer, in place of those that wait.

    `least`: the probability from which on a pair is worth a look. `most`: how many are kept, the likeliest. `tell`
    hears how far it is.

    Raises:
        SettingsInvalid: the engine is not installed, or a number is out of its range.

    """
    _check(least, most)
    tell("reading the customers")
    known = await _known(service, tenant)
    tell(f"{len(known)} customers: comparing those that may be alike")
    found, compared = await asyncio.to_thread(_found, known, least)
    tell(f"{compared} pairs compared, {len(found)} look like one: keeping them")
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        kept = (await _worth_asking(tx, tenant, found))[:most]
        await tx.run("drop_open_suggestions", tenant.id)
        rows = [(*nodes, one.weight, one.probability, msgspec.json.encode(one.parts).decode()) for nodes, one in kept]
        await tx.each("put_suggestions", rows, tenant.id, service.now())
    bands = _bands([one.probability for _, one in kept])
    return Run(len(known), compared, len(kept), len(found) - len(kept), bands)


def _check(least: float, most: int) -> None:
    if find_spec("splink") is None:
        raise SettingsInvalid(field="suggest", reason="its engine is an extra: pip install 'huaxiang[suggest]'")
    if not 0 < least < 1:
        raise SettingsInvalid(field="least", reason="a probability between 0 and 1")
    if not 1 <= most <= MOST_KEPT:
        raise SettingsInvalid(field="most", reason=f"1 to {MOST_KEPT}")


async def _known(service: Service, tenant: Tenant) -> dict[int, _Known]:
    """What is known of each customer now, by id: one snapshot."""
    known: dict[int, _Known] = {}
    async with service.store.reading() as tx:
        cuts, now = await ingest.cuts(tx, tenant), service.now()
        async for page in tx.pages("likenesses_named", tenant.id, size=PAGE_ROWS):
            for row in page:
                _note_name(known.setdefault(row["customer"], _Known()), row, cuts, now)
        async for page in tx.pages("likenesses_said", tenant.id, [*TEXTS, *PLACES], size=PAGE_ROWS):
            for row in page:
                if row["customer"] in known:
                    _note_trait(known[row["customer"]], row)
        async for page in tx.pages("likenesses_called", tenant.id, size=PAGE_ROWS):
            for row in page:
                if row["customer"] in known:
                    known[row["customer"]].cities["call"] = row["city"]
    return known


def _note_name(one: _Known, row: Row, cuts: Mapping[Identifier, Sequence[datetime]], now: datetime) -> None:
    """Note an identifier that the customer holds now."""
    identifier = Identifier(row["kind"], row["value"], row["scope"])
    if epoch_of(cuts.get(identifier, ()), now) != row["epoch"]:
        return
    match identifier.kind:
        case "phone" | "raw_number":
            one.phones.append(identifier.value)
        case "email":
            one.emails.append(identifier.value)
        case "openid":
            one.apps.append(identifier.scope)
        case _:
            pass


def _note_trait(one: _Known, row: Row) -> None:
    """Note a trait, where its value is of the shape that it should be."""
    name, value = row["name"], msgspec.json.decode(row["value"])
    if name in PLACES:
        city = cast("dict[str, Any]", value).get("city") if isinstance(value, dict) else None
        if isinstance(city, str) and city:
            one.cities[name] = city
    elif isinstance(value, str) and value:
        one.said[name] = value


def _found(known: Mapping[int, _Known], least: float) -> tuple[list[Suggestion], int]:
    """The likely pairs, the likeliest first, and how many pairs were compared."""
    # The engine is an extra, and heavy: only who asks for suggestions loads it.
    from huaxiang.suggest import Person, Settings, study, suggestions  # noqa: PLC0415  (for the reason above)
    from huaxiang.suggest.people import COLUMNS  # noqa: PLC0415  (likewise)

    people = [
        Person(
            id=customer,
            name=one.said.get("real_name"),
            phones=tuple(one.phones),
            emails=(*one.emails, *([one.said["email"]] if "email" in one.said else [])),
            accounts=tuple(one.apps),
            company=one.said.get("company"),
            city=one.city(),
            birthday=one.said.get("birthday"),
        )
        for customer, one in known.items()
    ]
    findings = study(people, settings=Settings(least_probability=least))
    return suggestions(findings, COLUMNS), findings.compared


async def _worth_asking(
    tx: Transaction, tenant: Tenant, found: Sequence[Suggestion]
) -> list[tuple[tuple[UUID, UUID], Suggestion]]:
    """Those that a person should see (rule 3), each with its nodes."""
    numbers = list({number for one in found for number in (one.one, one.other)})
    nodes = {row["number"]: row for row in await tx.rows("numbered_nodes", tenant.id, numbers)}
    sides = await _sides(tx, tenant, {row["customer"] for row in nodes.values()})
    settled = await _answered(tx, tenant)
    kept: list[tuple[tuple[UUID, UUID], Suggestion]] = []
    for suggestion in found:
        one, other = nodes.get(suggestion.one), nodes.get(suggestion.other)
        if one is None or other is None:  # erased since
            continue
        pair = one["customer"], other["customer"]
        if pair[0] != pair[1] and frozenset(pair) not in settled and not _kept_apart(sides, *pair):
            settled.add(frozenset(pair))  # two pairs that have become the same two customers are asked about once
            kept.append(((one["node"], other["node"]), suggestion))
    return kept


async def _answered(tx: Transaction, tenant: Tenant) -> set[frozenset[int]]:
    """The pairs of customers, as they are now, on whom a person has answered."""
    rows = await tx.rows("answered_suggestions", tenant.id)
    nodes = list({node for row in rows for node in (row["one_node"], row["other_node"])})
    customers = {row["node"]: row["customer"] for row in await tx.rows("named_nodes", tenant.id, nodes)}
    pairs = [(customers.get(row["one_node"]), customers.get(row["other_node"])) for row in rows]
    return {frozenset((one, other)) for one, other in pairs if one is not None and other is not None}


async def _sides(tx: Transaction, tenant: Tenant, customers: Iterable[int]) -> dict[int, set[tuple[UUID, int]]]:
    """On which sides of which partings these customers stand."""
    sides: dict[int, set[tuple[UUID, int]]] = {}
    for row in await tx.rows("sides_of", tenant.id, list(customers)):
        sides.setdefault(row["customer"], set()).add((row["record"], row["side"]))
    return sides


def _kept_apart(sides: Mapping[int, set[tuple[UUID, int]]], one: int, other: int) -> bool:
    """Whether some parting has one of them on either side."""
    facing = {(record, 1 - side) for record, side in sides.get(one, ())}
    return not facing.isdisjoint(sides.get(other, ()))


def _bands(probabilities: Iterable[float]) -> tuple[Band, ...]:
    """How many fall in each band; those that are empty are left out."""
    counts = dict.fromkeys(BANDS, 0)
    for probability in probabilities:
        counts[next(least for least in BANDS if probability >= least)] += 1
    return tuple(Band(least, count) for least, count in counts.items() if count)


# ── show ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def page(
    service: Service, tenant: Tenant, *, state: State | None = "open", after: int = 0, limit: int = 100
) -> SuggestionsAnswer:
    """A page of suggestions, the likeliest of a run first; of open ones, those that a person can still answer.

    So a page of these may be shorter than `limit` while more follow: `after` says whether.
    """
    async with service.store.reading() as tx:
        rows = await tx.rows("suggestions", tenant.id, state, after, limit)
        nodes = list({node for row in rows for node in (row["one_node"], row["other_node"])})
        places = {row["node"]: row for row in await tx.rows("named_nodes", tenant.id, nodes)}
        sides = await _sides(tx, tenant, {row["customer"] for row in places.values()})
    shown = [_shown(row, places) for row in rows if {row["one_node"], row["other_node"]} <= places.keys()]
    return SuggestionsAnswer(
        [
            one
            for one in shown
            if one.state != "open" or (one.one != one.other and not _kept_apart(sides, one.one, one.other))
        ],
        rows[-1]["number"] if len(rows) == limit else None,
    )


def _shown(row: Row, places: Mapping[UUID, Row]) -> SuggestionAnswer:
    one, other = sorted((places[row["one_node"]], places[row["other_node"]]), key=lambda place: place["number"])
    return SuggestionAnswer(
        id=f"{one['number']}-{other['number']}",
        number=row["number"],
        one=one["customer"],
        other=other["customer"],
        probability=row["probability"],
        weight=row["weight"],
        parts=_decode_parts(row["parts"]),
        state=row["state"],
        found_at=row["run_at"],
        author=row["author"],
        reason=row["reason"],
        at=row["at"],
        decision=row["decision"],
    )


# ── answer ────────────────────────────────────────────────────────────────────────────────────────────────────────


def pair(called: str) -> tuple[str, str]:
    """The two numbers that a suggestion is called by: `12-15`.

    Raises:
        NotFound: it is called by something else.

    """
    if (found := _PAIR.fullmatch(called)) is None:
        raise NotFound(field="id", reason="a suggestion is called by two numbers: 12-15")
    return found[1], found[2]


async def accept(service: Service, tenant: Tenant, ids: Sequence[str], *, author: str, reason: str) -> SettledAnswer:
    """The customers of these two identifiers are one, as was suggested: a person's join.

    Raises:
        InputInvalid: they are one already, or kept apart, or a person has answered before.
        InputMissing: there are not two, or no author or reason.
        NotFound: nobody has mentioned one of them, or they were never suggested.

    """
    _check_words(author, reason)
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        given, asked = await _open_between(service, tx, tenant, ids)
        customers = [one.customer for one in given]
        if _kept_apart(await _sides(tx, tenant, customers), *customers):
            raise InputInvalid(field="id", reason="a person keeps these apart; a join by their ids takes that back")
        decision = Link(
            source=DECIDED,
            id=str(uuid4()),
            at=service.now(),
            identifiers=tuple(one.mention for one in given),
            author=author,
            reason=reason,
            details={"what": "join"},
        )
        await service.land_decision(tx, tenant, decision)
        await tx.each("answer_suggestions", asked, tenant.id, "accepted", author, reason, service.now(), decision.id)
        return await _joined(tx, tenant, given, str(decision.id))


async def refuse(service: Service, tenant: Tenant, ids: Sequence[str], *, author: str, reason: str) -> SettledAnswer:
    """The customers of these two identifiers are not to be suggested again. It keeps nobody apart: links may join them.

    Raises:
        InputInvalid: they are one already, or a person has answered before. InputMissing, NotFound: as for `accept`.

    """
    _check_words(author, reason)
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        given, asked = await _open_between(service, tx, tenant, ids)
        await tx.each("answer_suggestions", asked, tenant.id, "refused", author, reason, service.now(), None)
        return SettledAnswer("refused", sorted(one.customer for one in given), None, [])


def _check_words(author: str, reason: str) -> None:
    for field, text in (("author", author), ("reason", reason)):
        if not text.strip():
            raise InputMissing(field=field, reason="an answer has an author and a reason")
        if not can_be_kept(text):
            raise InputInvalid(field=field, reason="no text that can be kept")


async def _open_between(
    service: Service, tx: Transaction, tenant: Tenant, ids: Sequence[str]
) -> tuple[list[Named], list[tuple[UUID, UUID]]]:
    """The two that are meant, and every suggestion between their customers that waits for an answer."""
    given = await named(tx, tenant, ids, service.now())
    if len(given) != 2:  # noqa: PLR2004 (a pair)
        raise InputMissing(field="id", reason="two identifiers are needed, one of each customer")
    if given[0].customer == given[1].customer:
        raise InputInvalid(field="id", reason="these are one customer already")
    sides = [await members(tx, tenant, [one.customer], service.now()) for one in given]
    rows = await tx.rows("suggestions_between", tenant.id, *([one.node for one in side] for side in sides))
    if not rows:
        raise NotFound(field="id", reason="these two were never suggested")
    waiting = [(row["one_node"], row["other_node"]) for row in rows if row["state"] == "open"]
    if not waiting:
        raise InputInvalid(field="id", reason="a person has answered this already")
    return given, waiting


async def _joined(tx: Transaction, tenant: Tenant, given: Sequence[Named], decision: str) -> SettledAnswer:
    """Whose the two are after the join, and why it waits, if they are not one."""
    nodes = [one.node for one in given]
    customers = sorted({row["customer"] for row in await tx.rows("named_nodes", tenant.id, nodes)})
    record = record_key(tenant.key, DECIDED, "", "link", decision)
    waiting = await tx.rows("why_suspended", nodes, record) if len(customers) > 1 else []
    return SettledAnswer("accepted", customers, decision, sorted(row["suspended"] for row in waiting))

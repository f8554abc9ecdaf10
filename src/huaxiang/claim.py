"""What a fact claims, worked out before it lands: pure, without a store.

Takes a fact and its tenant, gives a `Claim` (its key, its revision, its identifiers, normalised) or the reason why not;
and from a claim that has won, its `Rows`: the fact on its node, the links from there, and the nodes they stand on.

Rule 1: the key is (source, enterprise, kind, record id). Without an id a timed fact is keyed by its content; without
        either it gets an id and a time at arrival.
Rule 2: times without a zone are the tenant's; all are kept in UTC, between the years 1900 and 2200.
Rule 3: a fact hangs on the first of its identifiers, in matching order, that identifies somebody, or on the first;
        transcripts, marks and amendments wait on the call's own node: the key of its record.
Rule 4: a person's link joins or parts, and says nothing of the identifiers themselves.
Rule 5: an id that the tenant gave to a customer itself is no identifier: a record that has others is taken without it.
Rule 6: what lands can be read again: a fact is what its canonical bytes decode to, within the limits of the model,
        however it was made; and whatever the store would refuse is refused here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.errors import InputInvalid, InputMissing, Refused
from huaxiang.identifiers import SEALED, identifies, lone_phone, node_of, normalise, parts_of, record_key, sealed
from huaxiang.model import (
    OWN_IDS,
    Amendment,
    AnyFact,
    Call,
    CustomField,
    Identifier,
    Interaction,
    Json,
    Link,
    Mark,
    Mention,
    Reject,
    Tally,
    Tenant,
    Transcript,
)
from huaxiang.plain import (
    EARLIEST,
    LATEST,
    LONGEST_ID,
    LONGEST_LINE,
    PLAIN_KINDS,
    PLAIN_VALUES,
    is_count,
    is_instant,
    is_named,
    is_own,
    plain_names,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from huaxiang.plain import Seen

STRENGTH_PERSON, STRENGTH_VERIFIED, STRENGTH_STATED, STRENGTH_NONE = 3, 2, 1, 0
LARGEST_FACT_BYTES = 8 * 2**20
DEEPEST_VALUE = 32
"""Lists and objects within each other; reading must never run out of stack over what landing took."""
_SUMMARY_OF = {"call": ("call",), "interaction": ("activity",), "tally": ("activity",)}
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_OWN_ID = "an id that this server gave out itself; name the customer by another"
_ID = re.compile(r"\s*[0-9]{1,20}\s*", re.ASCII)
_PATH = re.compile(r"^(?P<reason>.*) - at (?:`key` in )?`\$\.?(?P<field>.*)`$", re.DOTALL)
_encoder = msgspec.json.Encoder(order="deterministic")
_decode = msgspec.json.Decoder(AnyFact).decode

Cuts: TypeAlias = "Mapping[Identifier, Sequence[datetime]]"
"""When identifiers changed hands, oldest first."""
Named: TypeAlias = tuple[Identifier, Mention]
"""An identifier, and how the record put it."""
Names: TypeAlias = tuple[tuple[Named, ...], tuple[Named, ...], Named | None]
"""Whom a record names: who they are, whom it parts them from, and its upstream."""


class Claim(msgspec.Struct, frozen=True):
    """A fact ready to land. `said`: its canonical bytes. `given_at`: its time, if it brings none of its own.

    `stored_node` and `was_current` tell of a revision that lies in the store already, where it hangs and if it counts.
    """

    line: int
    fact: AnyFact
    key: UUID
    record_id: str
    digest: bytes
    said: bytes
    named: tuple[Named, ...]
    apart: tuple[Named, ...]
    upstream: Named | None
    came_at: datetime
    stored_node: UUID | None = None
    was_current: bool = False

    @property
    def precedence(self) -> tuple[datetime, bytes]:
        """The greater one wins, of two revisions of a record."""
        return self.precedence_of(self.fact.updated_at, self.digest)

    @staticmethod
    def precedence_of(updated_at: datetime | None, digest: bytes) -> tuple[datetime, bytes]:
        """The precedence of a revision by what the registry keeps of it."""
        return updated_at or EARLIEST, digest

    @property
    def told(self) -> tuple[str, ...]:
        """Which summaries it adds to, where it comes new: those that no part of it can concern are left out."""
        fact = self.fact
        told = ["identity", *_SUMMARY_OF.get(kind_of(fact), ())]
        mentions = (*self.named, self.upstream) if self.upstream else self.named
        if fact.traits or any(mention.about for _, mention in mentions):
            told.append("trait")
        if fact.origin is not None:
            told.append("origin")
        return tuple(told)

    @property
    def is_plain(self) -> bool:
        """Whether it says something of one identifier, and links nobody."""
        return len(self.named) == 1 and not self.apart and self.upstream is None and not isinstance(self.fact, Link)

    @property
    def waits(self) -> bool:
        """Whether it waits for a call on that call's own node."""
        return isinstance(self.fact, (Transcript, Mark, Amendment))


def claim(tenant: Tenant, line: int, fact: AnyFact, now: datetime, seen: Seen | None = None) -> Claim | Reject:
    """What a fact claims, or why it can't land; by a short way for plain calls, profiles, follows and records.

    `seen`: for facts of one row, one for all of them.
    """
    try:
        if type(fact) in PLAIN_KINDS and (
            (names := plain_names(fact, tenant.own_ids, {} if seen is None else seen)) is not None
        ):
            return _claim(tenant, line, fact, written(fact), (names, (), None), now)
        if type(fact) is Call and (named := plainly_named(fact)) is not None:
            return _claim(tenant, line, fact, written(fact), ((named,), (), None), now)
    except Refused:
        pass
    return any_claim(tenant, line, fact, now)


def claims_again(tenant: Tenant, said: Iterable[bytes], now: datetime) -> list[Claim]:
    """The claims of facts by their canonical bytes, which were taken before."""
    made = [claim(tenant, 0, read_again(one), now) for one in said]
    return [one for one in made if isinstance(one, Claim)]


def any_claim(tenant: Tenant, line: int, fact: AnyFact, now: datetime) -> Claim | Reject:
    """What any fact claims, by reading its bytes again."""
    try:
        fact = _sealed(_in_utc(_without_own(fact, tenant.own_ids), ZoneInfo(tenant.time_zone)), tenant.key)
        said = written(fact)
        fact = read_again(said)
        named = _named(fact)
    except Refused as refusal:
        return Reject(line, refusal.field, refusal.reason)
    return _claim(tenant, line, fact, said, named, now)


def _claim(tenant: Tenant, line: int, fact: AnyFact, said: bytes, named: Names, now: datetime) -> Claim:
    digest = blake2b(said, digest_size=16).digest()
    record_id = record_id_of(fact, digest)
    key = record_key(tenant.key, fact.source, fact.enterprise, kind_of(fact), record_id)
    return Claim(line, fact, key, record_id, digest, said, *named, now)


def record_id_of(fact: AnyFact, digest: bytes) -> str:
    """The id of a fact's record: its own, else by its content, else one given now."""
    return fact.id or (f"~{digest.hex()}" if fact.at else f"~{uuid4().hex}")


def of_stored(
    fact: AnyFact, *, node: UUID, record: UUID, record_id: str, digest: bytes, came_at: datetime, current: bool
) -> Claim:
    """The claim of a fact that landed before; whatever was accepted once still normalises."""
    named, apart, upstream = _named(fact)
    return Claim(0, fact, record, record_id, digest, b"", named, apart, upstream, came_at, node, current)


def epoch_of(cuts: Sequence[datetime], at: datetime) -> int:
    """Which holder's time it is: 0 before the first of these cuts, else named by the newest of them up to `at`.

    Named by its time (in microseconds since 1900), an epoch stays the same one when an earlier or a later cut is added.
    """
    return max(((one - EARLIEST) // timedelta(microseconds=1) for one in cuts if one <= at), default=0)


def kind_of(fact: AnyFact) -> str:
    """The fact's kind, as on the wire."""
    return str(fact.__struct_config__.tag)


def call_key(tenant: Tenant, fact: Transcript | Mark | Amendment) -> UUID:
    """The key of the call that a transcript, a mark or an amendment is about."""
    return record_key(tenant.key, fact.source, fact.enterprise, "call", fact.call)


def definition(tenant: Tenant, line: int, field: CustomField) -> CustomField | Reject:
    """A custom field's definition as the store keeps it, or why it can't."""
    try:
        updated_at = _instant("updated_at", field.updated_at, ZoneInfo(tenant.time_zone))
        field = msgspec.structs.replace(field, updated_at=updated_at)
        written(field)
        if _too_deep(field.details, DEEPEST_VALUE) or abs(field.sort) >= 2**31:
            raise InputInvalid(field="details", reason="a definition nested too deep, or its place out of range")
    except Refused as refusal:
        return Reject(line, refusal.field, refusal.reason)
    return field


def plainly_named(fact: Call) -> Named | None:
    """The one name of a call that is just what its bytes decode to; None for any other.

    Most calls are: nothing in them to convert, to seal, or to be found out by reading them again.
    """
    identifiers = fact.identifiers
    if type(identifiers) is not tuple or len(identifiers) != 1 or fact.created_at or fact.traits or fact.origin:
        return None
    mention = identifiers[0]
    value = mention.value
    if mention.kind != "phone" or mention.scope or mention.verified or mention.about or mention.held_at:
        return None
    if type(value) is not str or not 0 < len(value) <= LONGEST_ID or not _is_within_limits(fact):
        return None
    if not PLAIN_VALUES.issuperset(map(type, fact.details.values())):
        return None
    number = lone_phone(value)
    return None if number is None else (number, mention)


def _is_within_limits(call: Call) -> bool:
    """Whether a call's own fields are what the model allows, and its times in UTC."""
    city = call.city
    return (
        is_named(call)
        and (city is None or (type(city) is str and len(city) <= LONGEST_LINE))
        and is_count(call.duration)
        and is_count(call.rounds)
        and is_instant(call.at)
        and is_instant(call.updated_at)
    )


def _in_utc(fact: AnyFact, zone: ZoneInfo) -> AnyFact:
    changed: dict[str, Any] = {}
    for field in ("at", "updated_at", "created_at"):
        time: datetime | None = getattr(fact, field)
        if time is not None and (instant := _instant(field, time, zone)) is not time:
            changed[field] = instant
    if isinstance(fact, Tally) and fact.portions:
        changed["portions"] = tuple(
            msgspec.structs.replace(one, at=_instant("portions", one.at, zone)) for one in fact.portions
        )
    return msgspec.structs.replace(fact, **changed) if changed else fact


def _instant(field: str, time: datetime, zone: ZoneInfo) -> datetime:
    try:
        instant = time if time.tzinfo is UTC else (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        instant = datetime.max.replace(tzinfo=UTC)
    if not EARLIEST <= instant < LATEST:
        raise InputInvalid(field=field, reason="a time between the years 1900 and 2200 is needed")
    return instant


def _without_own(fact: AnyFact, own: range) -> AnyFact:
    """The fact without ids that the tenant gave out itself; refuses one that names somebody by nothing else."""
    changed: dict[str, Any] = {}
    kept = tuple(mention for mention in fact.identifiers if not is_own(mention, own))
    if len(kept) < len(fact.identifiers):
        if not kept:
            raise InputInvalid(field="identifiers", reason=_OWN_ID)
        changed["identifiers"] = kept
    if isinstance(fact, Interaction) and fact.upstream is not None and is_own(fact.upstream, own):
        raise InputInvalid(field="upstream", reason=_OWN_ID)
    if fact.origin is not None and fact.origin.upstream is not None and is_own(fact.origin.upstream, own):
        changed["origin"] = msgspec.structs.replace(fact.origin, upstream=None)
    return msgspec.structs.replace(fact, **changed) if changed else fact


def _sealed(fact: AnyFact, key: bytes) -> AnyFact:
    """The fact with what may be kept only as a keyed hash so kept."""
    changed: dict[str, Any] = {}
    for field in ("identifiers", "apart_from"):
        mentions: tuple[Mention, ...] = getattr(fact, field, ())
        if not SEALED.isdisjoint(mention.kind for mention in mentions):
            changed[field] = tuple(sealed(key, mention) for mention in mentions)
    upstream: Mention | None = getattr(fact, "upstream", None)
    if upstream is not None and upstream.kind in SEALED:
        changed["upstream"] = sealed(key, upstream)
    if fact.origin is not None and fact.origin.upstream is not None and fact.origin.upstream.kind in SEALED:
        changed["origin"] = msgspec.structs.replace(fact.origin, upstream=sealed(key, fact.origin.upstream))
    return msgspec.structs.replace(fact, **changed) if changed else fact


def written(fact: AnyFact | CustomField) -> bytes:
    """Its canonical bytes. Raises `InputInvalid` where it has none that could be kept."""
    try:
        said = _encoder.encode(fact)
    except (ValueError, RecursionError) as error:  # half a surrogate pair, or an integer of thousands of digits
        raise InputInvalid(field="", reason="a value that JSON can't carry") from error
    if len(said) > LARGEST_FACT_BYTES:
        raise InputInvalid(field="", reason=f"a fact of more than {LARGEST_FACT_BYTES} bytes")
    # One byte is looked for many times faster than six.
    if b"\\" in said and b"\\u0000" in said and _NUL.search(said):
        raise InputInvalid(field=_field_with_nul(fact), reason="a text holds the character NUL, which no text may")
    return said


def _field_with_nul(fact: AnyFact | CustomField) -> str:
    fields = (name for name in fact.__struct_fields__ if _NUL.search(_encoder.encode(getattr(fact, name))))
    return next(fields, "")


def read_again(said: bytes) -> AnyFact:
    """The fact as every later reader will see it; refuses what the model does not allow."""
    try:
        fact = _decode(said)
    except msgspec.ValidationError as error:
        told = _PATH.match(str(error))
        field, reason = (told["field"], told["reason"]) if told else ("", str(error))
        raise InputInvalid(field=field, reason=reason) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputInvalid(field="", reason="a value that JSON can't carry") from error
    for field in ("traits", "details"):
        if _too_deep(getattr(fact, field), DEEPEST_VALUE):
            raise InputInvalid(field=field, reason=f"more than {DEEPEST_VALUE} lists and objects within each other")
    return fact


def _too_deep(value: Json, left: int) -> bool:
    if isinstance(value, dict):
        value = list(cast("dict[str, Json]", value).values())
        if PLAIN_VALUES.issuperset(map(type, value)):
            return left == 0
    elif not isinstance(value, list):
        return False
    return left == 0 or any(_too_deep(part, left - 1) for part in cast("list[Json]", value))


def _named(fact: AnyFact) -> Names:
    if isinstance(fact, (Transcript, Mark, Amendment)):
        return (), (), None
    named = _distinct(fact.identifiers)
    if not named:
        raise InputMissing(field="identifiers", reason="at least one identifier is needed")
    apart: tuple[Named, ...] = ()
    if isinstance(fact, Link):
        apart = _distinct(fact.apart_from)
        _check_link(named, apart, withdrawn=fact.withdrawn)
    upstream = None
    if isinstance(fact, Interaction) and fact.upstream is not None:
        upstream = (_normal(fact.upstream, "upstream"), fact.upstream)
    if fact.origin is not None and fact.origin.upstream is not None:
        _normal(fact.origin.upstream, "origin.upstream")
    return named, apart, upstream


def _check_link(named: Sequence[Named], apart: Sequence[Named], *, withdrawn: bool) -> None:
    if not withdrawn and len(named) + len(apart) < 2:  # noqa: PLR2004 (a link has two ends)
        raise InputMissing(field="identifiers", reason="a link needs two different identifiers")
    if _ends(named) & _ends(apart):
        raise InputInvalid(field="apart_from", reason="an identifier can't be parted from itself")


def _ends(named: Sequence[Named]) -> set[tuple[Identifier, datetime | None]]:
    return {(identifier, mention.held_at) for identifier, mention in named}


def _normal(mention: Mention, field: str) -> Identifier:
    try:
        return normalise(mention)
    except Refused as refusal:
        raise InputInvalid(field=field, reason=refusal.reason) from refusal


def _parts(mention: Mention) -> tuple[Mention, ...]:
    try:
        return parts_of(mention)
    except Refused as refusal:
        raise InputInvalid(field="identifiers", reason=refusal.reason) from refusal


def _distinct(mentions: Sequence[Mention]) -> tuple[Named, ...]:
    """Each identifier once, in order, or once for each time that is meant; verified if any mention of it is."""
    found: dict[tuple[Identifier, datetime | None], Mention] = {}
    for mention in chain.from_iterable(map(_parts, mentions)):
        identifier = _normal(mention, "identifiers")
        had = found.setdefault((identifier, mention.held_at), mention)
        if mention.verified and not had.verified:
            found[identifier, mention.held_at] = msgspec.structs.replace(had, verified=True)
    return tuple((identifier, mention) for (identifier, _), mention in found.items())


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Rows(msgspec.Struct):
    """What claims become in the store: rows in the order of its columns, and the nodes that they stand on."""

    facts: list[tuple[object, ...]] = msgspec.field(default_factory=list["tuple[object, ...]"])
    links: list[tuple[object, ...]] = msgspec.field(default_factory=list["tuple[object, ...]"])
    aparts: list[tuple[UUID, UUID, int, datetime, datetime]] = msgspec.field(
        default_factory=list["tuple[UUID, UUID, int, datetime, datetime]"]
    )
    nodes: dict[UUID, tuple[Identifier, int]] = msgspec.field(default_factory=dict["UUID", "tuple[Identifier, int]"])


class Placing(msgspec.Struct, frozen=True):
    """What decides where claims go: the tenant, its cuts, and what it blocks."""

    tenant: Tenant
    cuts: Cuts
    blocked: frozenset[str]

    def add(self, rows: Rows, one: Claim, given_at: datetime, *, current: bool) -> list[UUID]:
        """Add a claim's rows; gives the nodes that the record touches, its own first.

        A claim that did not win leaves its fact, as history, and nothing else.
        """
        at = one.fact.at or given_at
        if one.waits:
            node = call_key(self.tenant, one.fact)  # type: ignore[arg-type]
            rows.facts.append(self._fact_row(one, node, at, None, current=current))
            return [node]
        if current and one.is_plain:
            node = self._place(rows, one.named[0], at)
            rows.facts.append(self._fact_row(one, node, at, one.named[0][1], current=True))
            return [node]
        places = [self._place(rows, named, at) if current else self._node(named, at)[0] for named in one.named]
        somebody = [i for i, (identifier, _) in enumerate(one.named) if identifies(identifier, self.blocked)]
        primary = primary_of(self.tenant, one.fact, [identifier.kind for identifier, _ in one.named], somebody)
        decision = isinstance(one.fact, Link) and one.fact.author is not None
        mention = None if decision else one.named[primary][1]
        rows.facts.append(self._fact_row(one, places[primary], at, mention, current=current))
        if not current:
            return [places[primary]]
        return [places[primary], *self._add_rest(rows, one, places, primary, at)]

    def _add_rest(self, rows: Rows, one: Claim, places: list[UUID], primary: int, at: datetime) -> list[UUID]:
        if isinstance(one.fact, Link) and one.fact.withdrawn:
            return []
        if one.apart:
            return self._add_aparts(rows, one, places, at)
        touched = self._add_spread(rows, one, at)
        linked = {places[primary]}
        for index, place in enumerate(places):
            if place not in linked:
                linked.add(place)
                self._add_link(rows, one, (primary, index), places, at)
                touched.append(place)
        return touched

    def _place(self, rows: Rows, named: Named, at: datetime) -> UUID:
        """The node of an identifier of a fact that happened then; it becomes one of the rows."""
        node, epoch = self._node(named, at)
        rows.nodes[node] = (named[0], epoch)
        return node

    def _node(self, named: Named, at: datetime) -> tuple[UUID, int]:
        identifier, mention = named
        epoch = epoch_of(self.cuts.get(identifier, ()), mention.held_at or at) if self.cuts else 0
        return node_of(self.tenant.key, identifier, epoch), epoch

    def _rank(self, one: Claim) -> int:
        return self.tenant.settings.ranks.get(one.fact.source, 0)

    def _fact_row(
        self, one: Claim, node: UUID, at: datetime, mention: Mention | None, *, current: bool, spread: bytes = b""
    ) -> tuple[object, ...]:
        fact = one.fact
        call = (fact.duration, fact.rounds, fact.city) if isinstance(fact, Call) else (None, None, None)
        return (
            node, one.key, "spread" if spread else kind_of(fact), one.digest, self.tenant.id, current, at,
            self._rank(one), one.record_id, fact.source, fact.enterprise, fact.updated_at, one.came_at,
            None if mention is None or spread else fact.created_at,
            *_spelled(mention), spread or one.said or _encoder.encode(fact), None, *call,
        )  # fmt: skip

    def _add_spread(self, rows: Rows, one: Claim, at: datetime) -> list[UUID]:
        if one.upstream is None or not isinstance(one.fact, Interaction):
            return []
        node, mention = self._place(rows, one.upstream, at), one.upstream[1]
        said = _encoder.encode({"type": one.fact.type, "account": one.fact.account or ""})
        rows.facts.append(self._fact_row(one, node, at, mention, current=True, spread=said))
        return [node]

    def _add_link(self, rows: Rows, one: Claim, ends: tuple[int, int], places: list[UUID], at: datetime) -> None:
        primary, end = ends
        mentions = not (isinstance(one.fact, Link) and one.fact.author is not None)
        identifier, mention = one.named[end]
        rows.links.append((
            places[end], places[primary], one.key, self.tenant.id, one.named[primary][0].kind,
            self._strength(one, ends), at, self._rank(one), one.record_id, mentions,
            *_spelled(mention if mentions else None), one.fact.created_at if mentions else None, None, one.came_at,
            identifier.kind,
        ))  # fmt: skip

    def _strength(self, one: Claim, ends: tuple[int, int]) -> int:
        if not all(identifies(one.named[end][0], self.blocked) for end in ends):
            is_one = is_name([(identifier.kind, identifier.value) for identifier, _ in one.named])
            return STRENGTH_STATED if is_one else STRENGTH_NONE
        if isinstance(one.fact, Link) and one.fact.author is not None:
            return STRENGTH_PERSON
        return STRENGTH_VERIFIED if one.named[ends[1]][1].verified else STRENGTH_STATED

    def _add_aparts(self, rows: Rows, one: Claim, places: list[UUID], at: datetime) -> list[UUID]:
        rows.aparts += [(place, one.key, 0, at, one.came_at) for place in places]
        others = [self._place(rows, named, at) for named in one.apart]
        rows.aparts += [(node, one.key, 1, at, one.came_at) for node in others]
        return [*places, *others]


def is_name(named: Sequence[tuple[str, str]]) -> bool:
    """Whether a record that names these (kind, value) tells what another house calls a value, and nothing else.

    An id that a house gave out itself stands for one of its identifiers; if that identifies nobody, for it alone.
    """
    ids = [value for kind, value in named if kind == "audience_id"]
    return len(named) == 2 and len(ids) == 1 and bool(_ID.fullmatch(ids[0])) and int(ids[0]) >= OWN_IDS  # noqa: PLR2004 (an id, and what it stands for)


def primary_of(tenant: Tenant, fact: AnyFact, kinds: Sequence[str], somebody: Sequence[int]) -> int:
    """Which of its identifiers, of these kinds, a fact hangs on: the first in matching order that identifies somebody.

    `somebody`: the places of those that do.
    """
    matching = tenant.settings.matching
    if not matching or isinstance(fact, Call):
        return somebody[0] if somebody else 0
    order = matching.get(fact.source, matching.get("*", ()))
    places = {kind: place for place, kind in reversed(list(enumerate(order)))}
    return min(somebody, key=lambda i: (places.get(kinds[i], len(order)), i), default=0)


def by_node(row: Sequence[Any]) -> int:
    """The order in which facts are written: neighbours in an index together."""
    node: UUID = row[0]
    return node.int


def _spelled(mention: Mention | None) -> tuple[str | None, bool, bytes | None]:
    """The columns `spelling`, `verified`, `about`."""
    if mention is None:
        return None, False, None
    return mention.value, mention.verified, _encoder.encode(mention.about) if mention.about else None

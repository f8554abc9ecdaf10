"""Facts of several identifiers, packed for COPY: each on its node, with the links from there.

Takes claims of facts that wait for nothing, and decide nothing; gives the same rows as `Placing` makes of them where no
identifier has changed hands, as bytes, and the nodes and links as numbers: places in a list.

Rule 1: an identifier is hashed, and looked at whether it identifies anybody, once in a batch.
Rule 2: a link is packed once, as its second end sees it; the other end's row says nothing that this one does not.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from huaxiang import copying
from huaxiang.claim import STRENGTH_NONE, STRENGTH_STATED, STRENGTH_VERIFIED, is_name, kind_of, primary_of
from huaxiang.identifiers import identifies, node_of
from huaxiang.model import Identifier, Interaction, Record, Subscription, Trait

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from huaxiang.claim import Claim, Named
    from huaxiang.model import AnyFact, Mention, Tenant

FACT_COLUMNS: Final = (
    "kind", "tenant", "current", "rank", "source", "enterprise", "came_at", "node", "record", "digest", "at",
    "updated_at", "created_at", "record_id", "spelling", "verified", "about", "said",
)  # fmt: skip
LINK_COLUMNS: Final = (
    "tenant", "rank", "came_at", "mentions", "place", "node", "other", "record", "at", "strength", "kind",
    "other_kind", "created_at", "record_id", "spelling", "verified", "about",
)  # fmt: skip
NODE_COLUMNS: Final = ("place", "node", "kind", "value", "scope", "epoch")

_PLAIN: Final = frozenset({Trait, Record, Subscription, Interaction})
_fact = Struct(">i16si16si16siq").pack
_link = Struct(">iii16si16si16siqih").pack
_node = Struct(">hiii16s").pack
_EPOCH: Final = Struct(">iq").pack(8, 0)
_encode = msgspec.json.Encoder(order="deterministic").encode


class Ties(NamedTuple):
    """Links: the places of their two ends among the nodes, and their strengths."""

    ones: list[int]
    others: list[int]
    strengths: list[int]


class Packed(NamedTuple):
    """What a batch is, packed. `places`: its nodes as bytes; `kinds`: of the nodes; `ties`: of the links.

    `sorts`: of each sort of claims one, by what they are summed up in.
    """

    facts: Sequence[bytes]
    nodes: Sequence[bytes]
    links: Sequence[bytes]
    places: Sequence[bytes]
    kinds: Sequence[str]
    ties: Ties
    sorts: Sequence[Claim]


def can_be_packed(claims: Sequence[Claim]) -> bool:
    """Whether all of them can."""
    return all(type(one.fact) in _PLAIN and one.upstream is None and not one.apart for one in claims)


def packed(tenant: Tenant, claims: Sequence[Claim], now: datetime) -> Packed:
    """Pack claims of a batch that came at `now`."""
    packing = _Packing(tenant)
    for one in claims:
        packing.add(one, now)
    packing.facts.sort()
    facts = [row for _, row in packing.facts]
    chunked = copying.chunks(facts), copying.chunks(packing.nodes), copying.chunks(packing.links)
    return Packed(*chunked, packing.places, packing.kinds, packing.ties, list(packing.sorts.values()))


class _Shared(NamedTuple):
    """The fields that facts of a kind and a source have in common, and those that their links have."""

    fact: bytes
    link: bytes


class _Packing:
    def __init__(self, tenant: Tenant) -> None:
        self.facts: list[tuple[bytes, bytes]] = []
        self.nodes: list[bytes] = []
        self.links: list[bytes] = []
        self.places: list[bytes] = []
        self.kinds: list[str] = []
        self.ties = Ties([], [], [])
        self.sorts: dict[tuple[object, ...], Claim] = {}
        self._tenant, self._blocked = tenant, frozenset(tenant.settings.blocked)
        self._place_of: dict[Identifier, int] = {}
        self._somebody: list[bool] = []
        self._kinds: list[bytes] = []
        self._values: list[bytes] = []
        self._shared: dict[tuple[type[AnyFact], str, str], _Shared] = {}

    def add(self, one: Claim, now: datetime) -> None:
        """Add a claim's rows."""
        fact, key = one.fact, one.key.bytes
        whose = type(fact), fact.source, fact.enterprise
        shared = self._shared.get(whose) or self._share(whose, one)
        at = copying.microseconds(fact.at or now)
        where = [self._place(identifier) for identifier, _ in one.named]
        somebody = self._somebody
        mine = primary_of(self._tenant, one, [index for index, place in enumerate(where) if somebody[place]])
        place, mention = where[mine], one.named[mine][1]
        node = self.places[place]
        created_at, record_id = copying.time(fact.created_at), copying.text(one.record_id)
        row = b"".join((
            shared.fact, _fact(16, node, 16, key, 16, one.digest, 8, at), copying.time(fact.updated_at), created_at,
            record_id, self._spelled(mention, place),
            copying.raw(_encode(mention.about)) if mention.about else copying.NULL, copying.raw(one.said),
        ))  # fmt: skip
        self.facts.append((node, row))
        self._note(one)
        linked = {place}
        least = STRENGTH_STATED if is_name(one) else STRENGTH_NONE
        for other, named in zip(where, one.named, strict=True):
            if other not in linked:
                linked.add(other)
                self._add_link(shared.link, (other, place), named, (key, at, created_at, record_id), least)

    def _place(self, identifier: Identifier) -> int:
        """The place of an identifier's node."""
        place = self._place_of.get(identifier)
        if place is not None:
            return place
        place = self._place_of[identifier] = len(self.places)
        node = node_of(self._tenant.key, identifier).bytes
        self.places.append(node)
        self.kinds.append(identifier.kind)
        self._somebody.append(identifies(identifier, self._blocked))
        kind, value = copying.text(identifier.kind), copying.text(identifier.value)
        self._kinds.append(kind)
        self._values.append(value + copying.FALSE)
        head = _node(len(NODE_COLUMNS), 4, place, 16, node)
        self.nodes.append(b"".join((head, kind, value, copying.text(identifier.scope), _EPOCH)))
        return place

    def _spelled(self, mention: Mention, place: int) -> bytes:
        """The fields `spelling` and `verified` of a mention of the node at this place."""
        if mention.verified:
            return copying.text(mention.value) + copying.TRUE
        value = self._values[place]
        spelled = mention.value.encode()
        return value if value[4:-5] == spelled else copying.raw(spelled) + copying.FALSE

    def _add_link(
        self, shared: bytes, ends: tuple[int, int], named: Named, told: tuple[bytes, int, bytes, bytes], least: int
    ) -> None:
        """Add a link of the nodes at these places, as a record (its key, time, creation and id) tells of it.

        `least`: its strength where one of them identifies nobody.
        """
        (one, other), (_, mention), (key, at, created_at, record_id) = ends, named, told
        strength = STRENGTH_VERIFIED if mention.verified else STRENGTH_STATED
        if not (self._somebody[one] and self._somebody[other]):
            strength = least
        ties, places = self.ties, self.places
        about = copying.raw(b"\x01" + _encode(mention.about)) if mention.about else copying.NULL
        row = (
            shared, _link(4, len(ties.ones), 16, places[one], 16, places[other], 16, key, 8, at, 2, strength),
            self._kinds[one], self._kinds[other], created_at, record_id, self._spelled(mention, one), about,
        )  # fmt: skip
        self.links.append(b"".join(row))
        ties.ones.append(one)
        ties.others.append(other)
        ties.strengths.append(strength)

    def _share(self, whose: tuple[type[AnyFact], str, str], one: Claim) -> _Shared:
        fact, tenant = one.fact, copying.integer(self._tenant.id)
        rank, came_at = copying.integer(self._tenant.settings.ranks.get(fact.source, 0)), copying.time(one.came_at)
        shared = self._shared[whose] = _Shared(
            b"".join((
                copying.fields(len(FACT_COLUMNS)), copying.text(kind_of(fact)), tenant, copying.TRUE, rank,
                copying.text(fact.source), copying.text(fact.enterprise), came_at,
            )),
            b"".join((copying.fields(len(LINK_COLUMNS)), tenant, rank, came_at, copying.TRUE)),
        )  # fmt: skip
        return shared

    def _note(self, one: Claim) -> None:
        """Keep one claim of each sort."""
        fact = one.fact
        has_about = any(mention.about for _, mention in one.named)
        sort = type(fact), len(one.named) > 1, bool(fact.traits), fact.origin is None, has_about
        if sort not in self.sorts:
            self.sorts[sort] = one

"""Facts of several identifiers, packed for COPY: each on its node, with the links from there.

Takes claims of facts that wait for nothing, and decide nothing; gives the same rows as `Placing` makes of them where no
identifier has changed hands, as bytes, and the nodes and links as numbers: places in a list.

Rule 1: an identifier is hashed, and looked at whether it identifies anybody, once in a batch.
Rule 2: rows of facts, links and the registry are whole, and in the order of their keys; of a node's row, what its
        number and its customer come behind.
Rule 3: what facts say of their nodes is folded here (`folding`); only what its rules leave out is staged to be folded.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec

from huaxiang.claim import STRENGTH_NONE, STRENGTH_STATED, STRENGTH_VERIFIED, is_name, kind_of, primary_of
from huaxiang.identifiers import identifies, nodes_of
from huaxiang.model import Identifier, Interaction, Record, Subscription, Trait
from huaxiang.packing import copying
from huaxiang.packing.folding import Folding, when

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from huaxiang.claim import Claim
    from huaxiang.model import AnyFact, Mention, Tenant
    from huaxiang.packing.folding import Folded, When

FACT_COLUMNS: Final = (
    "node", "record", "digest", "kind", "tenant", "current", "rank", "source", "enterprise", "came_at", "at",
    "updated_at", "created_at", "record_id", "spelling", "verified", "about", "said",
)  # fmt: skip
LINK_COLUMNS: Final = (
    "node", "other", "record", "tenant", "rank", "came_at", "at", "record_id", "strength", "mentions", "other_kind",
    "spelling", "verified", "about", "created_at", "suspended",
)  # fmt: skip
NODE_COLUMNS: Final = (
    "node", "kind", "value", "scope", "epoch", "tenant", "number", "hub", "customer", "island",
)  # fmt: skip
RECORD_COLUMNS: Final = ("key", "digest", "tenant", "given_at", "updated_at", "nodes")
PLACE_COLUMNS: Final = ("place", "node")

_PLAIN: Final = frozenset({Trait, Record, Subscription, Interaction})
_KEY: Final = copying.KEY
_FACT: Final = copying.fields(len(FACT_COLUMNS)) + _KEY
_RECORD: Final = copying.fields(len(RECORD_COLUMNS)) + _KEY
_LINK: Final = copying.fields(len(LINK_COLUMNS)) + _KEY
_NODE: Final = copying.fields(len(NODE_COLUMNS)) + _KEY
_ONE: Final = copying.fields(1)
_place, _time, _length = Struct(">hiii16s").pack, Struct(">iq").pack, Struct(">i").pack
_strength = Struct(">ih").pack
_EPOCH: Final = _time(8, 0)
_SAYS: Final = tuple(_strength(2, strength) + copying.TRUE for strength in range(4))
"""The strength of a link, in the row that tells of its node, and in the other one."""
_MUTE: Final = tuple(_strength(2, strength) + copying.FALSE for strength in range(4))
_NOTHING_SAID: Final = copying.NULL + copying.FALSE + copying.NULL * 3
_encode = msgspec.json.Encoder(order="deterministic").encode


class Ties(NamedTuple):
    """Links: the places of their two ends among the nodes, and their strengths."""

    ones: list[int]
    others: list[int]
    strengths: list[int]


class Packed(NamedTuple):
    """What a batch is, packed: each part whole but for `nodes` and `links`, which are rows.

    `places`: the nodes as bytes; `kinds`: theirs; `order`: their places in the order of the nodes. `nodes`: of each,
    its row as far as it is known. `landing`: the places, to be asked for. `links`: two rows of each, as its ends see
    it; `ties`: what they tie. `whole_links`: the same, in order, for COPY. `staged`: facts that wait to be folded.
    `named`: the records of a CRM that facts are about.
    """

    facts: Sequence[bytes]
    records: Sequence[bytes]
    landing: Sequence[bytes]
    whole_links: Sequence[bytes]
    staged: Sequence[bytes]
    named: Sequence[bytes]
    links: Sequence[tuple[bytes, bytes]]
    nodes: Sequence[bytes]
    places: Sequence[bytes]
    order: Sequence[int]
    kinds: Sequence[str]
    ties: Ties
    folded: Folded


def can_be_packed(claims: Sequence[Claim]) -> bool:
    """Whether all of them can."""
    return all(type(one.fact) in _PLAIN and one.upstream is None and not one.apart for one in claims)


def packed(tenant: Tenant, claims: Sequence[Claim], now: datetime) -> Packed:
    """Pack claims of a batch that came at `now`."""
    packing = _Packing(tenant, now)
    for one in claims:
        packing.add(one)
    return packing.packed()


class _Shared(NamedTuple):
    """The fields that facts of a kind and a source have in common, and those that their links have."""

    fact: bytes
    link: bytes
    rank: int
    is_folded: bool


class _Sort(NamedTuple):
    """What nodes of one kind and scope have in common: how they are named, and the fields around their value."""

    node: Callable[[bytes], bytes]
    kind: str
    field: bytes
    rest: bytes


_Spot: TypeAlias = "tuple[int, bytes, bool, str, bytes, _Sort]"
"""A node in a batch: its place, its name, whether it is somebody's, its value, that as a field, and its sort."""


class _Packing:
    def __init__(self, tenant: Tenant, now: datetime) -> None:
        self._tenant, self._blocked = tenant, frozenset(tenant.settings.blocked)
        self._is_matched = bool(tenant.settings.matching)
        self._now = copying.microseconds(now)
        self._given = copying.integer(tenant.id) + copying.time(now)
        self._facts: list[bytes] = []
        self._records: list[bytes] = []
        self._staged: list[bytes] = []
        self._named: set[str] = set()
        self._links: list[tuple[bytes, bytes]] = []
        self._ties = Ties([], [], [])
        self._spots: list[_Spot] = []
        self._spot_of: dict[Identifier, _Spot] = {}
        self._sorts: dict[tuple[str, str], _Sort] = {}
        self._shared: dict[tuple[type[AnyFact], str, str], _Shared] = {}
        self._folding = Folding()

    def packed(self) -> Packed:
        """All of it."""
        spots, links = self._spots, self._links
        places = [spot[1] for spot in spots]
        order = sorted(range(len(places)), key=places.__getitem__)
        return Packed(
            facts=copying.chunks(sorted(self._facts)),
            records=copying.chunks(sorted(self._records)),
            landing=copying.chunks([_place(len(PLACE_COLUMNS), 4, spot[0], 16, spot[1]) for spot in spots]),
            whole_links=copying.chunks(sorted([row for both in links for row in both])) if links else (),
            staged=copying.chunks(self._staged) if self._staged else (),
            named=copying.chunks([_ONE + copying.text(name) for name in sorted(self._named)]) if self._named else (),
            links=links,
            nodes=[b"".join((_NODE, node, sort.field, spelled, sort.rest)) for _, node, _, _, spelled, sort in spots],
            places=places,
            order=order,
            kinds=[spot[5].kind for spot in spots],
            ties=self._ties,
            folded=self._folding.folded(self._tenant.id, places, order),
        )

    def add(self, one: Claim) -> None:
        """Add a claim's rows."""
        fact, named, known = one.fact, one.named, self._spot_of
        whose = type(fact), fact.source, fact.enterprise
        shared = self._shared.get(whose) or self._share(whose, one)
        at = self._now if fact.at is None else copying.microseconds(fact.at)
        created = None if fact.created_at is None else copying.microseconds(fact.created_at)
        record_id, at_field, key = copying.text(one.record_id), _time(8, at), one.key.bytes
        created_at = copying.NULL if created is None else _time(8, created)
        told = when(at, shared.rank, one.record_id, record_id, key)
        spots = [known[identifier] if identifier in known else self._spot(identifier) for identifier, _ in named]
        mine = 0 if spots[0][2] and not self._is_matched else self._primary(one, spots)
        own, mention = spots[mine], named[mine][1]
        linked, nodes, said = {own[0]}, [own[1]], b""
        for spot, (_, mentioned) in zip(spots, named, strict=True):
            if spot is own and not said:
                said = self._say(own, mention, told, created)
            elif spot[0] not in linked:
                linked.add(spot[0])
                nodes.append(spot[1])
                told_of_it = self._say(spot, mentioned, told, created)
                self._add_link(
                    spot, own, one, mentioned, (key + shared.link + at_field + record_id, told_of_it, created_at)
                )
        updated_at = copying.NULL if fact.updated_at is None else copying.time(fact.updated_at)
        about = copying.raw(_encode(mention.about)) if mention.about else copying.NULL
        row = b"".join((
            _FACT, own[1], _KEY, key, _KEY, one.digest, shared.fact, at_field, updated_at, created_at, record_id, said,
            about, _length(len(one.said)), one.said,
        ))  # fmt: skip
        self._facts.append(row)
        if not shared.is_folded:
            self._staged.append(row)
        self._records.append(b"".join((_RECORD, key, _KEY, one.digest, self._given, updated_at, copying.uuids(nodes))))
        self._fold(fact, own[0], told)

    def _fold(self, fact: AnyFact, place: int, told: When) -> None:
        """Fold what a fact says of its own node's customer."""
        if fact.traits:
            self._folding.traits(place, told, fact.traits)
        if fact.origin is not None and type(fact) is not Subscription:
            self._folding.origin(place, told, fact.origin)
        if type(fact) is Record:
            self._named.add(fact.record)

    def _primary(self, one: Claim, spots: Sequence[_Spot]) -> int:
        return primary_of(self._tenant, one, [index for index, spot in enumerate(spots) if spot[2]])

    def _spot(self, identifier: Identifier) -> _Spot:
        """The node of an identifier that was not seen yet."""
        value = identifier.value
        sort = self._sorts.get((identifier.kind, identifier.scope)) or self._sort(identifier.kind, identifier.scope)
        written = value.encode()
        spelled = _length(len(written)) + written
        spot = len(self._spots), sort.node(written), identifies(identifier, self._blocked), value, spelled, sort
        self._spots.append(spot)
        self._spot_of[identifier] = spot
        return spot

    def _sort(self, kind: str, scope: str) -> _Sort:
        rest = copying.text(scope) + _EPOCH + copying.integer(self._tenant.id)
        sort = self._sorts[kind, scope] = _Sort(nodes_of(self._tenant.key, kind, scope), kind, copying.text(kind), rest)
        return sort

    def _say(self, spot: _Spot, mention: Mention, told: When, created: int | None) -> bytes:
        """Fold what a record says of an identifier itself; gives the fields `spelling` and `verified`."""
        spelled = spot[4] if mention.value == spot[3] else copying.text(mention.value)
        self._folding.mention(spot[0], told, spelled, created, verified=mention.verified)
        if mention.about:
            self._folding.traits(spot[0], told, {"": mention.about})
        return spelled + (copying.TRUE if mention.verified else copying.FALSE)

    def _add_link(
        self, this: _Spot, own: _Spot, one: Claim, mention: Mention, told: tuple[bytes, bytes, bytes]
    ) -> None:
        """Add a link of a node with the record's own, as the record says in its mention of it.

        `told`: the fields that all links of the record have in common, what it says of the node, when that was created.
        """
        common, said, created_at = told
        strength = STRENGTH_VERIFIED if mention.verified else STRENGTH_STATED
        if not (this[2] and own[2]):
            strength = STRENGTH_STATED if is_name(one) else STRENGTH_NONE
        about = copying.document(_encode(mention.about)) if mention.about else copying.NULL
        says = (_SAYS[strength], own[5].field, said, about, created_at, copying.NULL)
        self._links.append((
            b"".join((_LINK, this[1], _KEY, own[1], _KEY, common, *says)),
            b"".join((_LINK, own[1], _KEY, this[1], _KEY, common, _MUTE[strength], this[5].field, _NOTHING_SAID)),
        ))  # fmt: skip
        ties = self._ties
        ties.ones.append(this[0])
        ties.others.append(own[0])
        ties.strengths.append(strength)

    def _share(self, whose: tuple[type[AnyFact], str, str], one: Claim) -> _Shared:
        fact, settings = one.fact, self._tenant.settings
        number = settings.ranks.get(fact.source, 0)
        tenant, rank, came_at = copying.integer(self._tenant.id), copying.integer(number), copying.time(one.came_at)
        source = copying.text(fact.source), copying.text(fact.enterprise)
        shared = self._shared[whose] = _Shared(
            b"".join((copying.text(kind_of(fact)), tenant, copying.TRUE, rank, *source, came_at)),
            tenant + rank + came_at,
            number,
            type(fact) is not Interaction and not settings.companies,
        )
        return shared

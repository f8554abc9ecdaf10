"""Facts of several identifiers, packed for COPY as they come: each on its node, with the links from there.

Takes facts that wait for nothing, and decide nothing: plain ones as they are, others as claims; gives the same rows as
`claim` and `Placing` make of them where no identifier has changed hands, as bytes, and the nodes and links as numbers:
places in a list. Most facts are plain, and a claim for each would cost as much as all of this.

Rule 1: an identifier is hashed, and looked at whether it identifies anybody, once in a batch.
Rule 2: rows are in the order of their nodes, as indexes like it best; those of facts and the registry are whole. Of a
        node's row, its number and its customer come behind; of a link's, why it is suspended.
Rule 3: what facts say of their nodes is folded here (`folding`); only what its rules leave out is staged to be folded.
Rule 4: a second fact of a record is not taken.
Rule 5: what was packed can be had as claims, for any other way: a fact is what its bytes decode to.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec

from huaxiang.claim import (
    STRENGTH_NONE,
    STRENGTH_STATED,
    STRENGTH_VERIFIED,
    claims_again,
    is_name,
    kind_of,
    primary_of,
    record_id_of,
    written,
)
from huaxiang.errors import Refused
from huaxiang.identifiers import identifies, keying, nodes_of
from huaxiang.model import Interaction, Record, Subscription, Trait
from huaxiang.packing import copying
from huaxiang.packing.folding import Folding
from huaxiang.plain import MOST_NAMES, PLAIN_KINDS, is_plain, plain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from huaxiang.claim import Claim
    from huaxiang.model import AnyFact, Identifier, Mention, Tenant, TenantSettings
    from huaxiang.packing.folding import Folded, When

FACT_COLUMNS: Final = (
    "node", "rank", "record", "at", "record_id", "kind", "tenant", "current", "source", "enterprise", "came_at",
    "digest", "updated_at", "created_at", "spelling", "verified", "about", "said",
)  # fmt: skip
"""The second to the fifth are the same bytes in all rows of a record, its stamp."""
LINK_COLUMNS: Final = (
    "node", "other", "rank", "record", "at", "record_id", "tenant", "came_at", "strength", "mentions", "other_kind",
    "spelling", "verified", "about", "created_at", "suspended",
)  # fmt: skip
NODE_COLUMNS: Final = (
    "node", "kind", "value", "scope", "epoch", "tenant", "number", "hub", "customer", "island",
)  # fmt: skip
RECORD_COLUMNS: Final = ("key", "digest", "tenant", "given_at", "updated_at", "nodes")
PLACE_COLUMNS: Final = ("place", "node")

_PACKED: Final = frozenset({Trait, Record, Subscription, Interaction})
_KEY: Final = copying.KEY
_FACT: Final = copying.fields(len(FACT_COLUMNS)) + _KEY
_RECORD: Final = copying.fields(len(RECORD_COLUMNS)) + _KEY
_LINK: Final = copying.fields(len(LINK_COLUMNS)) + _KEY
_NODE: Final = copying.fields(len(NODE_COLUMNS)) + _KEY
_ONE: Final = copying.fields(1)
_place, _time, _length = Struct(">hiii16s").pack, Struct(">iq").pack, Struct(">i").pack
_happened = Struct(">iqi").pack
_strength = Struct(">ih").pack
_EPOCH: Final = _time(8, 0)
_SAYS: Final = tuple(_strength(2, strength) + copying.TRUE for strength in range(4))
"""The strength of a link, in the row that tells of its node, and in the other one."""
_MUTE: Final = tuple(_strength(2, strength) + copying.FALSE for strength in range(4))
_NOTHING_SAID: Final = copying.NULL + copying.FALSE + copying.NULL * 2
_encode = msgspec.json.Encoder(order="deterministic").encode


class Ties(NamedTuple):
    """Links: the places of their two ends among the nodes, and their strengths."""

    ones: list[int]
    others: list[int]
    strengths: list[int]


class Packed(NamedTuple):
    """Facts with links, packed by these settings of their tenant; they came at `came_at`.

    `keys`: of their records, in hexadecimal digits, in order. `facts`, `records`, `staged` (facts that wait to be
    folded), `landing` (the places, to be asked for) and `named` (records of a CRM that facts are about) are whole
    copies. `places`: the nodes as bytes; `kinds`: theirs; `order`: their places in the order of the nodes. `nodes`: of
    each, its row as far as it is known. `links`: two rows of each, as its ends see it, but for the last field, in the
    order of their nodes; `ends`: of each twice the place of its link, and one more where the row says nothing; `ties`:
    what they tie. `owners`: the accounts that records belong to.
    """

    settings: TenantSettings
    came_at: datetime
    keys: Sequence[str]
    facts: Sequence[bytes]
    records: Sequence[bytes]
    landing: Sequence[bytes]
    staged: Sequence[bytes]
    named: Sequence[bytes]
    links: Sequence[bytes]
    ends: Sequence[int]
    nodes: Sequence[bytes]
    places: Sequence[bytes]
    order: Sequence[int]
    kinds: Sequence[str]
    ties: Ties
    folded: Folded
    owners: frozenset[str]

    def claims(self, tenant: Tenant) -> list[Claim]:
        """The same facts as claims."""
        said = copying.values(self.facts, FACT_COLUMNS.index("said"), len(FACT_COLUMNS))
        return claims_again(tenant, said, self.came_at)


class _Shared(NamedTuple):
    """What facts of a kind and a source have in common: fields of theirs and of their links, how their keys are made.

    `is_folded`: whether all that they say is folded here.
    """

    stamp: bytes
    fact: bytes
    link: bytes
    rank: int
    is_folded: bool
    key_of: Callable[[bytes], bytes]


class _Sort(NamedTuple):
    """What nodes of one kind and scope have in common: how they are named, and the fields around their value."""

    node: Callable[[bytes], bytes]
    kind: str
    field: bytes
    rest: bytes


_Name: TypeAlias = tuple[str, str, str]
"""The kind, the scope and the value of an identifier: as it was spelled, or as it is normalised."""
_Spot: TypeAlias = "tuple[int, bytes, bool, str, bytes, _Sort]"
"""A node in a batch: its place, its name, whether it is somebody's, its value, that as a field, and its sort."""


def can_be_packed(one: Claim) -> bool:
    """Whether a claim can."""
    return type(one.fact) in _PACKED and one.upstream is None and not one.apart


class Bundle:
    """Facts of one batch, taken one by one."""

    def __init__(self, tenant: Tenant, now: datetime) -> None:
        """Take facts of this tenant that come `now`."""
        self._tenant, self._came_at, self._own = tenant, now, tenant.own_ids
        self._blocked, self._is_matched = frozenset(tenant.settings.blocked), bool(tenant.settings.matching)
        self._now = copying.microseconds(now)
        self._given = copying.integer(tenant.id) + copying.time(now)
        self._keys: set[bytes] = set()
        self._facts: list[bytes] = []
        self._hang: list[int] = []
        self._records: list[bytes] = []
        self._staged: list[bytes] = []
        self._crm: set[str] = set()
        self._owners: set[str] = set()
        self._links: list[bytes] = []
        self._ties = Ties([], [], [])
        self._spots: list[_Spot] = []
        self._known: dict[_Name, _Spot] = {}
        self._sorts: dict[tuple[str, str], _Sort] = {}
        self._shared: dict[tuple[type[AnyFact], str, str], _Shared] = {}
        self._folding = Folding()
        self.names = 0
        """The names in facts that have several."""

    def __len__(self) -> int:
        """How many facts were taken."""
        return len(self._keys)

    # ── taken ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, fact: AnyFact) -> bool:
        """Take a fact, if it is plain, and no other one of its record was taken."""
        if type(fact) not in PLAIN_KINDS or not is_plain(fact):
            return False
        try:
            named = self._plainly_named(fact.identifiers)
            said = None if named is None else written(fact)
        except Refused:
            return False
        if named is None or said is None:
            return False
        digest = blake2b(said, digest_size=16).digest()
        record_id = record_id_of(fact, digest)
        shared = self._shared.get((type(fact), fact.source, fact.enterprise)) or self._share(fact)
        key = shared.key_of(record_id.encode())
        if key in self._keys:
            return False
        spots = [one if isinstance(one, tuple) else self._spell(one, name) for one, name in named]
        self._add(fact, shared, (key, record_id, digest, said), spots, fact.identifiers)
        return True

    def add(self, one: Claim) -> bool:
        """Take a claim, if it can be packed, and no other one of its record was taken."""
        fact, key = one.fact, one.key.bytes
        if not can_be_packed(one) or key in self._keys:
            return False
        shared = self._shared.get((type(fact), fact.source, fact.enterprise)) or self._share(fact)
        spots = [self._spot(identifier) for identifier, _ in one.named]
        self._add(fact, shared, (key, one.record_id, one.digest, one.said), spots, [one for _, one in one.named])
        return True

    def _plainly_named(self, mentions: tuple[Mention, ...]) -> list[tuple[_Spot | Identifier, _Name]] | None:
        """The nodes of these, or who is new, each with its spelling; None if they are not plain, or name one twice."""
        if type(mentions) is not tuple or not 0 < len(mentions) <= MOST_NAMES:
            return None
        found: list[tuple[_Spot | Identifier, _Name]] = []
        for mention in mentions:
            name = mention.kind, mention.scope, mention.value
            one: _Spot | Identifier | None = None
            if mention.verified is False and not mention.about and mention.held_at is None:
                one = self._known.get(name)
            if one is None:
                one = plain_name(mention, self._own)
                if one is None:
                    return None
                one = self._known.get((one.kind, one.scope, one.value)) or one
            for had, _ in found:
                if had == one:
                    return None
            found.append((one, name))
        return found

    def _spell(self, identifier: Identifier, name: _Name) -> _Spot:
        """The node of an identifier, to be known by this spelling too."""
        spot = self._known[name] = self._spot(identifier)
        return spot

    def _spot(self, identifier: Identifier) -> _Spot:
        normal = kind, scope, value = identifier.kind, identifier.scope, identifier.value
        spot = self._known.get(normal)
        if spot is None:
            sort, spelled = self._sorts.get((kind, scope)) or self._sort(kind, scope), value.encode()
            is_somebody = identifies(identifier, self._blocked)
            spot = len(self._spots), sort.node(spelled), is_somebody, value, _length(len(spelled)) + spelled, sort
            self._known[normal] = spot
            self._spots.append(spot)
        return spot

    def _sort(self, kind: str, scope: str) -> _Sort:
        rest = copying.text(scope) + _EPOCH + copying.integer(self._tenant.id)
        sort = self._sorts[kind, scope] = _Sort(nodes_of(self._tenant.key, kind, scope), kind, copying.text(kind), rest)
        return sort

    def _share(self, fact: AnyFact) -> _Shared:
        tenant, settings, kind = self._tenant, self._tenant.settings, kind_of(fact)
        number = settings.ranks.get(fact.source, 0)
        whose, rank, came_at = copying.integer(tenant.id), copying.integer(number), copying.time(self._came_at)
        source = copying.text(fact.source) + copying.text(fact.enterprise)
        shared = self._shared[type(fact), fact.source, fact.enterprise] = _Shared(
            rank + _KEY,
            b"".join((copying.text(kind), whose, copying.TRUE, source, came_at, _KEY)),
            whose + came_at,
            number,
            type(fact) is not Interaction and not settings.companies,
            keying(tenant.key, fact.source, fact.enterprise, kind),
        )
        return shared

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _add(
        self,
        fact: AnyFact,
        shared: _Shared,
        record: tuple[bytes, str, bytes, bytes],
        spots: Sequence[_Spot],
        mentions: Sequence[Mention],
    ) -> None:
        """Add a fact's rows. `record`: its key, its id, the digest of its bytes, and these."""
        key, record_id, digest, said = record
        at = self._now if fact.at is None else copying.microseconds(fact.at)
        created, created_at, updated_at = None, copying.NULL, copying.NULL
        if fact.created_at is not None:
            created = copying.microseconds(fact.created_at)
            created_at = _time(8, created)
        if fact.updated_at is not None:
            updated_at = copying.time(fact.updated_at)
        name = record_id.encode()
        stamp = b"".join((shared.stamp, key, _happened(8, at, len(name)), name))
        told: When = at, shared.rank, record_id, key, stamp
        mine = 0 if spots[0][2] and not self._is_matched else self._primary(fact, spots)
        own, mention, spelling = spots[mine], mentions[mine], b""
        place, nodes = own[0], [own[1]]
        if len(spots) == 1:
            spelling = self._say(own, mention, told, created)
        else:
            self.names += len(spots)
            linked = [place]
            for spot, mentioned in zip(spots, mentions, strict=True):
                if spot is own and not spelling:
                    spelling = self._say(own, mention, told, created)
                elif spot[0] not in linked:
                    linked.append(spot[0])
                    nodes.append(spot[1])
                    said_of_it = self._say(spot, mentioned, told, created)
                    self._link((spot, own), spots, mentioned, (stamp, shared.link, said_of_it, created_at))
        about = copying.raw(_encode(mention.about)) if mention.about else copying.NULL
        row = b"".join((
            _FACT, own[1], stamp, shared.fact, digest, updated_at, created_at, spelling, about, _length(len(said)),
            said,
        ))  # fmt: skip
        self._keys.add(key)
        self._facts.append(row)
        self._hang.append(place)
        if not shared.is_folded:
            self._staged.append(row)
        self._records.append(b"".join((_RECORD, key, _KEY, digest, self._given, updated_at, copying.uuids(nodes))))
        if fact.traits or fact.origin is not None or type(fact) is Record:
            self._fold(fact, place, told)

    def _fold(self, fact: AnyFact, place: int, told: When) -> None:
        """Fold what a fact says of its own node's customer; note what else is told."""
        if fact.traits:
            self._folding.traits(place, told, fact.traits)
        if fact.origin is not None and type(fact) is not Subscription:
            self._folding.origin(place, told, fact.origin)
        if type(fact) is Record:
            self._crm.add(fact.record)
            self._owners.add(fact.owner)

    def _primary(self, fact: AnyFact, spots: Sequence[_Spot]) -> int:
        somebody = [place for place, spot in enumerate(spots) if spot[2]]
        return primary_of(self._tenant, fact, [spot[5].kind for spot in spots], somebody)

    def _say(self, spot: _Spot, mention: Mention, told: When, created: int | None) -> bytes:
        """Fold what a record says of an identifier itself; gives the fields `spelling` and `verified`."""
        spelled = spot[4] if mention.value == spot[3] else copying.text(mention.value)
        self._folding.mention(spot[0], told, spelled, created, verified=mention.verified)
        if mention.about:
            self._folding.traits(spot[0], told, {"": mention.about})
        return spelled + (copying.TRUE if mention.verified else copying.FALSE)

    def _link(
        self,
        ends: tuple[_Spot, _Spot],
        named: Sequence[_Spot],
        mention: Mention,
        told: tuple[bytes, bytes, bytes, bytes],
    ) -> None:
        """Add a link of a node with the record's own, as the record says in its mention of it; whom it names in all.

        `told`: the record's stamp, what its links have in common, what it says of the node, when that was created.
        """
        (this, own), (stamp, common, said, created_at) = ends, told
        strength = STRENGTH_VERIFIED if mention.verified else STRENGTH_STATED
        if not (this[2] and own[2]):
            is_one = is_name([(spot[5].kind, spot[3]) for spot in named])
            strength = STRENGTH_STATED if is_one else STRENGTH_NONE
        about = copying.document(_encode(mention.about)) if mention.about else copying.NULL
        one, other = this[1], own[1]
        self._links += (
            b"".join((_LINK, one, _KEY, other, stamp, common, _SAYS[strength], own[5].field, said, about, created_at)),
            b"".join((_LINK, other, _KEY, one, stamp, common, _MUTE[strength], this[5].field, _NOTHING_SAID)),
        )
        ties = self._ties
        ties.ones.append(this[0])
        ties.others.append(own[0])
        ties.strengths.append(strength)

    # ── given ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def packed(self) -> Packed | None:
        """All that was taken; None if nothing was."""
        if not self._keys:
            return None
        spots, facts, links = self._spots, self._facts, self._links
        places = [spot[1] for spot in spots]
        order = sorted(range(len(places)), key=places.__getitem__)
        ranks = [0.0] * len(order)  # numbers of this kind are sorted faster than bytes
        for rank, place in enumerate(order):
            ranks[place] = float(rank)
        rank_of = ranks.__getitem__
        ends = self._ends(rank_of)
        records, owners = sorted(self._records), list(map(rank_of, self._hang))
        return Packed(
            settings=self._tenant.settings,
            came_at=self._came_at,
            keys=[row[len(_RECORD) : len(_RECORD) + 16].hex() for row in records],
            facts=copying.chunks([facts[at] for at in sorted(range(len(facts)), key=owners.__getitem__)]),
            records=copying.chunks(records),
            landing=copying.chunks([_place(len(PLACE_COLUMNS), 4, place, 16, places[place]) for place in order]),
            staged=copying.chunks(self._staged) if self._staged else (),
            named=copying.chunks([_ONE + copying.text(name) for name in sorted(self._crm)]) if self._crm else (),
            links=[links[end] for end in ends],
            ends=ends,
            nodes=[b"".join((_NODE, node, sort.field, spelled, sort.rest)) for _, node, _, _, spelled, sort in spots],
            places=places,
            order=order,
            kinds=[spot[5].kind for spot in spots],
            ties=self._ties,
            folded=self._folding.folded(self._tenant.id, places, order),
            owners=frozenset(self._owners),
        )

    def _ends(self, rank_of: Callable[[int], float]) -> list[int]:
        """The rows of links in the order of the nodes that they are at, and lead to."""
        ones, others = list(map(rank_of, self._ties.ones)), list(map(rank_of, self._ties.others))
        many = float(len(self._spots))
        ways = [0.0] * (2 * len(ones))
        ways[::2] = [one * many + other for one, other in zip(ones, others, strict=True)]
        ways[1::2] = [other * many + one for one, other in zip(ones, others, strict=True)]
        return sorted(range(len(ways)), key=ways.__getitem__)

"""Calls that stand alone (of one number, and saying nothing beside), packed as they come, and added up by their nodes.

Takes calls; gives the rows of the facts and of the registry as binary COPY takes them, and a row for each node with
what its calls come to, so that a batch is landed by three copies and folded without a look at its facts. Most calls
stand alone, and a claim for each would cost more than all of this.

Rule 1: the rows are those that `claim` and `Placing` make of the same calls, and what the calls of a node come to is
        what the folds make of them. Tests hold both ways against each other.
Rule 2: a call that is not seen here to stand alone is not taken, nor a second one of the same record.
Rule 3: what was packed can be had as claims, for any other way: a fact is what its bytes decode to.
"""

from __future__ import annotations

from hashlib import blake2b
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from uuid import uuid4

from huaxiang.claim import claims_again, plainly_named, written
from huaxiang.errors import Refused
from huaxiang.identifiers import keying, placing
from huaxiang.packing import copying

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from huaxiang.claim import Claim, Named
    from huaxiang.model import Call, Tenant, TenantSettings

FACT_COLUMNS: Final = (
    "kind", "tenant", "current", "rank", "source", "enterprise", "came_at", "created_at", "verified", "about",
    "gathered", "node", "record", "digest", "at", "record_id", "spelling", "updated_at", "duration", "rounds", "city",
    "said",
)  # fmt: skip
"""The columns of a fact's row: first what many calls have in common."""
TOLD: Final = frozenset({"identity", "call"})
"""The summaries that such calls add to."""
RECORD_COLUMNS: Final = ("tenant", "given_at", "key", "digest", "nodes", "updated_at")
NODE_COLUMNS: Final = (
    "tenant", "node", "place", "kind", "value", "spelling", "enterprises", "at", "rank", "record_id", "record",
    "first_at", "calls", "durations", "duration_sum", "rounds", "round_sum", "duration_max", "round_max", "city",
)  # fmt: skip
"""Of a node's row: who it is, in which order it was seen, and what its calls come to."""

_UUID_ARRAY: Final = Struct(">5i").pack(1, 0, 2950, 1, 1)
"""How a list of one uuid begins: one dimension, no null, of the type uuid, one item from 1 on."""
_fact = Struct(">i16si16si16siqi").pack
_record = Struct(">i16si16si20si16s").pack
_begin = Struct(">hiii16sii").pack
_newest = Struct(">iqiii").pack
_sums = Struct(">i16siqiqiqiqiqiq").pack
_length = Struct(">i").pack
_first = itemgetter(0)


class Alone(NamedTuple):
    """Calls that stand alone, as they were packed by these settings of their tenant; they came at `came_at`.

    `keys`: of their records, in hexadecimal digits. `facts`, `records` and `nodes` are whole copies.
    """

    settings: TenantSettings
    came_at: datetime
    keys: Sequence[str]
    facts: Sequence[bytes]
    records: Sequence[bytes]
    nodes: Sequence[bytes]

    def claims(self, tenant: Tenant) -> list[Claim]:
        """The same calls as claims."""
        said = copying.values(self.facts, FACT_COLUMNS.index("said"), len(FACT_COLUMNS))
        return claims_again(tenant, said, self.came_at)


class _Whose(NamedTuple):
    """What calls of a source and an enterprise have in common: how their rows begin, and how their keys are made."""

    fact: bytes
    rank: int
    enterprise: bytes
    key_of: Callable[[bytes], bytes]


Told: TypeAlias = "tuple[int, int, bytes, bytes, int | None, int | None, bytes, bytes, bytes, bytes]"
"""(at, rank, record id, record, duration, rounds, spelling, city, enterprise, row) of a call.

The newest of many is the greatest: no two have the first four in common. Spelling and city are fields.
"""


class Node(NamedTuple):
    """A node: its bytes, in which order it was seen, its kind and value as fields, and its calls."""

    node: bytes
    place: int
    named: bytes
    calls: list[Told]


class Pile:
    """Calls of one batch, taken one by one."""

    def __init__(self, tenant: Tenant, now: datetime) -> None:
        """Take calls of this tenant that come `now`."""
        self._tenant, self._now = tenant, now
        self._now_us = copying.microseconds(now)
        self._whose: dict[tuple[str, str], _Whose] = {}
        self._spelled: dict[str, tuple[Node, bytes]] = {}
        self._nodes: dict[bytes, Node] = {}
        self._kinds: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {}
        self._cities: dict[str | None, bytes] = {}
        self._keys: set[bytes] = set()
        self._records: list[tuple[bytes, bytes]] = []

    def __len__(self) -> int:
        """How many calls it has taken."""
        return len(self._keys)

    def take(self, call: Call) -> bool:
        """Take a call, if it stands alone."""
        try:
            named = plainly_named(call)
            said = None if named is None else written(call)
        except Refused:
            return False
        if named is None or said is None:
            return False
        whose = self._whose.get((call.source, call.enterprise)) or self._share(call)
        digest = blake2b(said, digest_size=16).digest()
        name = (call.id or (f"~{digest.hex()}" if call.at else f"~{uuid4().hex}")).encode()
        key = whose.key_of(name)
        if key in self._keys:
            return False
        self._keys.add(key)
        node, spelling = self._spelled.get(named[1].value) or self._place(named)
        city = self._cities.get(call.city) or self._city(call.city)
        at = copying.microseconds(call.at) if call.at else self._now_us
        updated_at, place = copying.time(call.updated_at), node.node
        duration, rounds = call.duration, call.rounds
        counted = copying.integer(duration) + copying.integer(rounds)
        row = b"".join((
            whose.fact, _fact(16, place, 16, key, 16, digest, 8, at, len(name)), name, spelling, updated_at, counted,
            city, _length(len(said)), said,
        ))  # fmt: skip
        node.calls.append((at, whose.rank, name, key, duration, rounds, spelling, city, whose.enterprise, row))
        self._records.append((key, _record(16, key, 16, digest, 40, _UUID_ARRAY, 16, place) + updated_at))
        return True

    def _share(self, call: Call) -> _Whose:
        tenant = self._tenant
        rank = tenant.settings.ranks.get(call.source, 0)
        fact = b"".join((
            copying.fields(len(FACT_COLUMNS)), copying.text("call"), copying.integer(tenant.id), copying.TRUE,
            copying.integer(rank), copying.text(call.source), copying.text(call.enterprise), copying.time(self._now),
            copying.NULL, copying.FALSE, copying.NULL, copying.NULL,
        ))  # fmt: skip
        key_of = keying(tenant.key, call.source, call.enterprise, "call")
        whose = _Whose(fact, rank, call.enterprise.encode(), key_of)
        self._whose[call.source, call.enterprise] = whose
        return whose

    def _place(self, named: Named) -> tuple[Node, bytes]:
        identifier, mention = named
        kind, place_of = self._kinds.get(identifier.kind) or self._kind(identifier.kind)
        value = identifier.value.encode()
        place = place_of(value)
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes[place] = Node(place, len(self._nodes), kind + copying.raw(value), [])
        found = self._spelled[mention.value] = node, copying.text(mention.value)
        return found

    def _kind(self, kind: str) -> tuple[bytes, Callable[[bytes], bytes]]:
        found = self._kinds[kind] = copying.text(kind), placing(self._tenant.key, kind)
        return found

    def _city(self, city: str | None) -> bytes:
        packed = self._cities[city] = copying.text(city)
        return packed

    def packed(self) -> Alone | None:
        """All that was taken; None if nothing was."""
        if not self._keys:
            return None
        self._records.sort(key=_first)
        nodes = sorted(self._nodes.values(), key=_first)
        begin = copying.fields(len(RECORD_COLUMNS)) + copying.integer(self._tenant.id) + copying.time(self._now)
        with_companies = bool(self._tenant.settings.companies)
        return Alone(
            self._tenant.settings,
            self._now,
            [key.hex() for key, _ in self._records],
            copying.chunks([call[-1] for node in nodes for call in node.calls]),
            copying.chunks([begin + row for _, row in self._records]),
            copying.chunks([node_row(node, self._tenant.id, with_companies=with_companies) for node in nodes]),
        )


def node_row(node: Node, tenant: int, *, with_companies: bool) -> bytes:
    """What a node's calls come to."""
    calls = node.calls
    at, rank, name, key, duration, rounds, spelling, city, _, _ = calls[0] if len(calls) == 1 else max(calls)
    if len(calls) == 1:  # most are
        first_at, longest, most = at, duration, rounds
        sums = 8, 1, 8, int(duration is not None), 8, duration or 0, 8, int(rounds is not None), 8, rounds or 0
    else:
        first_at = min(calls)[0]
        durations = [one for _, _, _, _, one, *_ in calls if one is not None]
        counts = [one for _, _, _, _, _, one, *_ in calls if one is not None]
        longest, most = max(durations, default=None), max(counts, default=None)
        sums = 8, len(calls), 8, len(durations), 8, sum(durations), 8, len(counts), 8, sum(counts)
    enterprises = copying.NULL
    if with_companies:
        enterprises = copying.texts(sorted({call[8] for call in calls}))
    return b"".join((
        _begin(len(NODE_COLUMNS), 4, tenant, 16, node.node, 4, node.place), node.named, spelling, enterprises,
        _newest(8, at, 4, rank, len(name)), name, _sums(16, key, 8, first_at, *sums),
        copying.integer(longest), copying.integer(most), city,
    ))  # fmt: skip

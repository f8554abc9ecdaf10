"""What a batch says of its nodes, folded before it lands: the rows that it adds to their summaries, packed for COPY.

Takes what each fact says of a node (by its place in the batch), gives a row for each node of which anything was said:
the fold of the batch alone. It is what `sql/fold.sql` makes of the same facts; a test holds both against each other.

Rule 1: the newest is the one with the greatest (at, rank, record id, record), the first the one with the least.
Rule 2: no record says the same thing of a node twice, so that this order has no ties.
Rule 3: what depends on the tenant's clock (activity), or on what else is known (marks, calls), is not folded here.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec

from huaxiang.packing import copying

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from huaxiang.model import Json, Origin

IDENTITY_COLUMNS: Final = (
    "node", "tenant", "rank", "record", "at", "record_id", "spelling", "verified", "first_at", "created_at",
)  # fmt: skip
TRAIT_COLUMNS: Final = ("node", "name", "rank", "record", "at", "record_id", "value")
ORIGIN_COLUMNS: Final = ("node", "rank", "record", "at", "record_id", "value")

_encode = msgspec.json.Encoder(order="deterministic").encode
_time = Struct(">iq").pack
_KEY: Final = copying.KEY
_IDENTITY: Final = copying.fields(len(IDENTITY_COLUMNS)) + _KEY
_TRAIT: Final = copying.fields(len(TRAIT_COLUMNS)) + _KEY
_ORIGIN: Final = copying.fields(len(ORIGIN_COLUMNS)) + _KEY


When: TypeAlias = "tuple[int, int, str, bytes, bytes]"
"""The place of a record in the order of «newest»: at, rank, record id, record; and behind it the same as fields, in the
order of the columns above."""


class Folded(NamedTuple):
    """Rows of summaries, each with the place of its node, in the order of their keys."""

    identities: Sequence[tuple[int, bytes]]
    traits: Sequence[tuple[int, bytes]]
    origins: Sequence[tuple[int, bytes]]


class Folding:
    """The summaries of a batch's nodes, as they grow. A node's place is how many came before it."""

    def __init__(self) -> None:
        self._said: list[tuple[When, bytes, bool, int, int | None]] = []
        self._traits: dict[int, dict[str, tuple[When, Json]]] = {}
        self._origins: dict[int, tuple[When, Origin]] = {}

    def mention(self, place: int, told: When, spelled: bytes, created: int | None, *, verified: bool) -> None:
        """A record spells a node's identifier so (as a field), and knows the customer since then, if it says."""
        if place == len(self._said):
            self._said.append((told, spelled, verified, told[0], created))
            return
        newest, had_spelled, was_verified, first, had_created = self._said[place]
        if told > newest:
            newest, had_spelled = told, spelled
        if created is not None and (had_created is None or created < had_created):
            had_created = created
        self._said[place] = newest, had_spelled, verified or was_verified, min(first, told[0]), had_created

    def traits(self, place: int, told: When, traits: Mapping[str, Json]) -> None:
        """A record tells this of a node; under no name, of the identifier itself."""
        had = self._traits.get(place)
        if had is None:
            self._traits[place] = {name: (told, value) for name, value in traits.items()}
            return
        for name, value in traits.items():
            if name not in had or told > had[name][0]:
                had[name] = told, value

    def origin(self, place: int, told: When, origin: Origin) -> None:
        """A record says where a node's customer came from."""
        had = self._origins.get(place)
        if had is None or told < had[0]:
            self._origins[place] = told, origin

    def folded(self, tenant: int, nodes: Sequence[bytes], order: Sequence[int]) -> Folded:
        """All rows, of these nodes, in this order of their places."""
        told = self._traits
        traits = [
            (place, b"".join((_TRAIT, nodes[place], copying.text(name), when[4], copying.document(_encode(value)))))
            for place in order
            if place in told
            for name, (when, value) in sorted(told[place].items(), key=_name)
        ]
        origins = [
            (place, b"".join((_ORIGIN, nodes[place], when[4], copying.document(_encode(origin)))))
            for place, (when, origin) in ((place, self._origins[place]) for place in order if place in self._origins)
        ]
        return Folded(self._identities(copying.integer(tenant), nodes, order), traits, origins)

    def _identities(self, tenant: bytes, nodes: Sequence[bytes], order: Sequence[int]) -> Sequence[tuple[int, bytes]]:
        truth, rows = (copying.FALSE, copying.TRUE), list[tuple[int, bytes]]()
        for place in order:
            newest, spelled, verified, first, created = self._said[place]
            since = copying.NULL if created is None else _time(8, created)
            parts = _IDENTITY, nodes[place], tenant, newest[4], spelled, truth[verified], _time(8, first), since
            rows.append((place, b"".join(parts)))
        return rows


def _name(trait: tuple[str, object]) -> str:
    return trait[0]

"""A tenant's facts as the store has them: which are calls alone that stand as they would land, and what these come to.

Takes rows as binary COPY gives them, all that hang on some nodes, in the order of the nodes; gives a row for each node
that holds nothing but such calls, as `alone` makes it of calls that come, and the places of all other facts.

Rule 1: a call stands if what is made of its bytes is what its row says, byte for byte; then there is nothing to write.
Rule 2: whatever is not seen here to stand lands once more, as any other fact; its node is folded from all its facts.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from huaxiang.claim import plainly_named
from huaxiang.errors import Refused
from huaxiang.identifiers import placing
from huaxiang.model import Call
from huaxiang.packing import copying
from huaxiang.packing.alone import Node, node_row

if TYPE_CHECKING:
    from huaxiang.claim import Cuts, Named
    from huaxiang.model import Tenant

FIELDS: Final = 14
"""Of a row: what it said (none, where it can't stand), its node, record and digest, and all that is made of it."""
CALL_COLUMNS: Final = ("node", "record", "digest", "updated_at")
"""What the registry is asked about each call."""
_SAID, _FACT = 6, 60
"""Where what a row said begins, and behind it what is made of that: a length, and three fields of 16 bytes before."""
_BEGIN: Final = copying.fields(len(CALL_COLUMNS))
_decode = msgspec.json.Decoder(Call).decode
_length_at = Struct(">i").unpack_from
_when = Struct(">iqi").pack


class Standing:
    """What some nodes hold, read row by row."""

    def __init__(self, tenant: Tenant, cuts: Cuts) -> None:
        """Read rows of this tenant, whose identifiers changed hands then."""
        self._tenant, self._cuts = tenant, cuts
        self._whose: dict[tuple[str, str], tuple[bytes, int, bytes]] = {}
        self._nodes: dict[bytes, Node] = {}
        self._mixed: set[bytes] = set()
        self._spelled: dict[str, tuple[bytes, bytes, bytes]] = {}
        self.calls: list[bytes] = []
        """The calls that stand, if the registry names them so: rows for a copy."""
        self.others: list[tuple[UUID, UUID]] = []
        """Node and record of each other fact."""

    def read(self, chunk: bytes) -> None:
        """Read some rows, each of them whole, with what a copy begins and ends with."""
        data = bytes(chunk)  # the driver may give what can be changed
        at, end = len(copying.HEAD) if data.startswith(copying.HEAD) else 0, len(data)
        while at < end and not data.startswith(copying.TAIL, at):
            behind = self._stands(data, at)
            at = self._other(data, at) if behind is None else behind

    def _stands(self, data: bytes, at: int) -> int | None:
        """Where the next row begins, if this one stands; its call is added to its node."""
        begin = at + _SAID
        length: int = _length_at(data, begin - 4)[0]
        if length < 0:
            return None
        said_end = begin + length
        said = data[begin:said_end]
        call = _decode(said)
        try:
            named = plainly_named(call)
        except Refused:
            return None
        if named is None or call.id is None or call.at is None or named[0] in self._cuts:
            return None
        place, who, spelling = self._spelled.get(named[1].value) or self._spell(named)
        whose, rank, enterprise = self._whose.get((call.source, call.enterprise)) or self._share(call)
        name, happened, city = call.id.encode(), copying.microseconds(call.at), copying.text(call.city)
        updated_at = copying.time(call.updated_at)
        made = b"".join((
            whose, _when(8, happened, len(name)), name, updated_at, spelling,
            copying.integer(call.duration), copying.integer(call.rounds), city,
        ))  # fmt: skip
        facts = said_end + _FACT
        if data[said_end + 4 : said_end + 20] != place or not data.startswith(made, facts):
            return None
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes[place] = Node(place, len(self._nodes), who, [])
        record = data[said_end + 24 : said_end + 40]
        self.calls.append(_BEGIN + data[said_end:facts] + updated_at)
        told = happened, rank, name, record, call.duration, call.rounds, spelling, city, enterprise, b""
        node.calls.append(told)
        return facts + len(made)

    def _share(self, call: Call) -> tuple[bytes, int, bytes]:
        rank = self._tenant.settings.ranks.get(call.source, 0)
        begin = copying.text(call.source) + copying.text(call.enterprise) + copying.integer(rank)
        shared = self._whose[call.source, call.enterprise] = begin, rank, call.enterprise.encode()
        return shared

    def _spell(self, named: Named) -> tuple[bytes, bytes, bytes]:
        identifier, mention = named
        value = identifier.value.encode()
        place = placing(self._tenant.key, identifier.kind)(value)
        who = copying.text(identifier.kind) + copying.raw(value)
        spelled = self._spelled[mention.value] = place, who, copying.text(mention.value)
        return spelled

    def _other(self, data: bytes, at: int) -> int:
        """Note the place of a row that does not stand; gives where the next one begins."""
        at += 2
        found: list[bytes] = []
        for _ in range(FIELDS):
            length: int = _length_at(data, at)[0]
            at += 4
            found.append(data[at : at + max(length, 0)])
            at += max(length, 0)
        self.fall(UUID(bytes=found[1]), UUID(bytes=found[2]))
        return at

    def fall(self, node: UUID, record: UUID) -> None:
        """A fact of this node and record does not stand."""
        self._mixed.add(node.bytes)
        self.others.append((node, record))

    def nodes(self) -> list[bytes]:
        """The nodes that hold nothing but calls that stand, each with what these come to, as a whole copy."""
        with_companies, tenant = bool(self._tenant.settings.companies), self._tenant.id
        pure = (node for node in self._nodes.values() if node.node not in self._mixed)
        return copying.chunks([node_row(node, tenant, with_companies=with_companies) for node in pure])

"""What a person calls an identifier: `phone:13900000001`, `openid:o-1@wx-1`, or a number of ours.

Takes such texts, gives the nodes that they mean; and from a node the text, and the mention that means it again.

Rule 1: `kind:value`, and after the last `@` the scope, for the kinds that have one; spelled in any way that its kind
        allows.
Rule 2: an identifier that has changed hands is its holder of now; a number of ours is the node that it was given to,
        whenever that held the identifier.
Rule 3: a refusal never repeats a value.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec

from huaxiang import ingest
from huaxiang.claim import epoch_of
from huaxiang.errors import InputInvalid, NotFound
from huaxiang.identifiers import SCOPELESS, node_of, normalise
from huaxiang.model import Identifier, Mention
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction

LARGEST = 2**63 - 1
_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


class Named(NamedTuple):
    """A node as a person names it. `mention` means this node, whoever holds the identifier now."""

    node: UUID
    number: int
    customer: int
    name: str
    mention: Mention


def meant(text: str) -> Identifier | int:
    """The identifier, or the number, that a text means.

    Raises:
        InputInvalid: it is neither.

    """
    if _NUMBER.fullmatch(text) and int(text) <= LARGEST:
        return int(text)
    kind, colon, value = text.partition(":")
    scope = ""
    if kind not in SCOPELESS and "@" in value:
        value, _, scope = value.rpartition("@")
    if not colon or not can_be_kept(text):
        raise InputInvalid(field="id", reason="a number of ours, kind:value or kind:value@scope is expected")
    try:
        return normalise(msgspec.convert({"kind": kind, "value": value, "scope": scope}, Mention))
    except msgspec.ValidationError as error:
        raise InputInvalid(field="id", reason="no kind, value or scope of an identifier") from error
    except InputInvalid as refusal:
        raise InputInvalid(field="id", reason=refusal.reason) from refusal


def name_of(identifier: Identifier) -> str:
    """The text that means this identifier."""
    ambiguous = identifier.kind not in SCOPELESS and "@" in identifier.value
    scope = f"@{identifier.scope}" if identifier.scope or ambiguous else ""
    return f"{identifier.kind}:{identifier.value}{scope}"


def name_of_row(row: Row) -> str:
    """The text that means the identifier of a node's row."""
    return name_of(Identifier(row["kind"], row["value"], row["scope"]))


async def named(tx: Transaction, tenant: Tenant, texts: Sequence[str], now: datetime) -> list[Named]:
    """The nodes that these texts mean, in their order.

    Raises:
        InputInvalid: one means nothing. NotFound: one means what nobody has mentioned.

    """
    cuts = await ingest.cuts(tx, tenant)
    wanted = [meant(text) for text in texts]
    nodes = {
        one: node_of(tenant.key, one, epoch_of(cuts.get(one, ()), now)) for one in wanted if isinstance(one, Identifier)
    }
    numbers = [one for one in wanted if isinstance(one, int)]
    by_number = {row["number"]: row for row in await tx.rows("numbered_nodes", tenant.id, numbers)}
    by_node = {row["node"]: row for row in await tx.rows("named_nodes", tenant.id, list(nodes.values()))}
    found: list[Named] = []
    for place, one in enumerate(wanted, start=1):
        row = by_number.get(one) if isinstance(one, int) else by_node.get(nodes[one])
        if row is None:
            raise NotFound(field="id", reason=f"nobody has mentioned it: the one given as no. {place}")
        found.append(_named(row, cuts, now))
    return found


async def members(tx: Transaction, tenant: Tenant, customers: Sequence[int], now: datetime) -> list[Named]:
    """All nodes of these customers, oldest first."""
    cuts = await ingest.cuts(tx, tenant)
    return [_named(row, cuts, now) for row in await tx.rows("members", tenant.id, list(customers))]


def _named(row: Row, cuts: Mapping[Identifier, Sequence[datetime]], now: datetime) -> Named:
    identifier = Identifier(row["kind"], row["value"], row["scope"])
    held_at = _held_at(row, cuts.get(identifier, ()), now)
    mention = Mention(identifier.kind, identifier.value, identifier.scope, held_at=held_at)
    return Named(row["node"], row["number"], row["customer"], name_of(identifier), mention)


def _held_at(row: Row, cuts: Sequence[datetime], now: datetime) -> datetime | None:
    """A time at which this node held its identifier; None when it does so now."""
    if epoch_of(cuts, now) == row["epoch"]:
        return None
    if row["newest_at"] is not None:
        return row["newest_at"]
    begins = (cut for cut in cuts if epoch_of([cut], cut) == row["epoch"])
    return next(begins, None) or min(cuts) - timedelta(microseconds=1)

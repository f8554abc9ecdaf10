"""The change feed: what became of customers, in order, for systems that keep our ids.

Takes who moved in a batch, and what it touched; gives pages of changes after a cursor.

Rule 1: `joined`: the id `customer` leads to `other` from now on. `parted`: `customer` is an id again; it was `other`'s.
        `updated`: something was said of it, or taken back. `erased`: it leads nowhere, for ever.
Rule 2: a number, once given, stays: the cursor is the number of the last change read, and survives every restart.
        Numbers ascend in the order of commits, with gaps; that of a change which an erasure took away stays a gap.
Rule 3: what was never to be seen is not told: an identifier that joins a customer as it comes, comes as an update.
Rule 4: how changes are kept is not seen. Of many customers that were updated together 256 are one row, a span, in which
        each has a number of its own; a page tells of each by itself, and may begin and end inside a span.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from huaxiang.ingest import Landed
    from huaxiang.joining import Move
    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction

What: TypeAlias = Literal["joined", "parted", "updated", "erased"]


class Change(msgspec.Struct, frozen=True):
    """One change. `customer` and `other` are ids of customers; `other` only where there are two."""

    number: int
    at: datetime
    what: What
    customer: int
    other: int | None


async def note(tx: Transaction, tenant: Tenant, landed: Landed, moves: Sequence[Move]) -> None:
    """Tell what a batch changed, in its own transaction, while its facts are still staged."""
    first = landed.first_number  # a node that came with the batch has a greater number than any that was there before
    moves = sorted((*landed.moves, *moves))
    seen = [move for move in moves if first is None or move.number < first]
    await tx.each("put_changes", _turned(seen), tenant.id)
    came_to = {move.after for move in seen}
    left = {move.before for move in seen} - {move.number for move in seen}
    if landed.customers is None:
        tx.later("put_updates", tenant.id, landed.dirty, came_to, left)
    else:
        await tx.run("put_updates_of", tenant.id, list(landed.customers | came_to), landed.unnamed, list(left))


async def remember(tx: Transaction, tenant: Tenant) -> None:
    """Remember whose id leads where, before all that is derived is made anew."""
    await tx.run("remember_labels", tenant.id)


async def note_rebuilt(tx: Transaction, tenant: Tenant) -> None:
    """Tell what differs from what `remember` remembers: nothing, unless what customers are made from has changed."""
    rows = await tx.rows("labels_changed", tenant.id)
    await tx.each("put_changes", _turned((row["number"], row["before"], row["after"]) for row in rows), tenant.id)
    if rows:
        await tx.run("put_moved", tenant.id, list({row[end] for row in rows for end in ("before", "after")}))


async def changes(tx: Transaction, tenant: Tenant, *, after: int, limit: int) -> list[Change]:
    """The changes after a cursor (0: from the beginning), oldest first, at most so many."""
    return [_change(row) for row in await tx.rows("changes_after", tenant.id, after, limit)]


async def changes_of(tx: Transaction, tenant: Tenant, customer: int) -> list[Change]:
    """What became of an id, and which ids joined it; its updates left out."""
    return [_change(row) for row in await tx.rows("changes_of", tenant.id, customer)]


def _turned(moves: Iterable[tuple[int, int, int]]) -> list[tuple[What, int, int]]:
    """A number that stops being an id has joined; one that becomes an id has parted."""
    turns: list[tuple[What, int, int]] = []
    for number, before, after in moves:
        if before == number:
            turns.append(("joined", number, after))
        elif after == number:
            turns.append(("parted", number, before))
    return turns


def _change(row: Row) -> Change:
    return Change(row["number"], row["at"], row["what"], row["customer"], row["other"])

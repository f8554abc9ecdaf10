"""How far the import of a file has come: its place, moved in the transaction that lands what lies before it.

Takes a file's print (a digest that names it) and places; gives where an import stands. A run that is killed at any
moment has landed exactly what its last place says, so the next one goes on from there.

Rule 1: a place moves only from where the mover stood: two imports of one file at once can't skip or count a row twice.
Rule 2: a finished file moves no more, unless it is begun again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from huaxiang.errors import Busy

if TYPE_CHECKING:
    from datetime import datetime

    from huaxiang.model import Tenant
    from huaxiang.store import Transaction


class Place(msgspec.Struct, frozen=True):
    """Where a batch ends in its file. `before`: the items behind the run when it began the batch.

    `items`: rows and rejects of the file that are behind then; `line`: the line of the last. `rejected` of them were
    refused, and take `rejects_bytes` of the rejects file. `finished`: there is no more.
    """

    print: UUID
    before: int
    items: int
    line: int
    rejected: int
    rejects_bytes: int
    finished: bool = False


class Bookmark(msgspec.Struct, frozen=True):
    """Where an import stands (see `Place`); `landed` and `known` count facts, over all the runs that it took."""

    items: int = 0
    line: int = 0
    rejected: int = 0
    rejects_bytes: int = 0
    landed: int = 0
    known: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


async def begin(tx: Transaction, tenant: Tenant, name: UUID, file: str, form: str, *, again: bool) -> Bookmark:
    """Where the import of the file with this print stands; at its beginning if it is new, or begun `again`."""
    await tx.run("begin_import_again" if again else "begin_import", tenant.id, name, file, form)
    row = await tx.row("import_place", tenant.id, name)
    assert row is not None
    return Bookmark(**dict(row))


async def move(tx: Transaction, tenant: Tenant, place: Place, landed: int, known: int) -> None:
    """Move to a place, with what became of the batch before it.

    Raises:
        Busy: another import of the same file has moved meanwhile.

    """
    moved = await tx.row(
        "move_import", tenant.id, place.print, place.before, place.items, place.line, place.rejected,
        place.rejects_bytes, landed, known, place.finished,
    )  # fmt: skip
    if moved is None:
        raise Busy(reason="another import of the same file is under way, or has ended")

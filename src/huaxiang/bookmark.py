"""How far the import of a file, or a pull from a vendor, has come: moved in the transaction that lands what is behind.

Takes a print (a digest that names the file, or the pull) and places; gives where it stands. A run that is killed at any
moment has landed exactly what its last place says, so the next one goes on from there.

Rule 1: a place moves only from where the mover stood: two imports of one file at once can't skip or count a row twice.
Rule 2: a finished file moves no more, unless it is begun again; a pull that has ended begins anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from huaxiang.errors import Busy
from huaxiang.model import Json

if TYPE_CHECKING:
    from datetime import datetime

    from huaxiang.model import Tenant
    from huaxiang.store import Transaction


_encode = msgspec.json.encode


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


class Turn(msgspec.Struct, frozen=True):
    """Where a step of a pull ends: `place`, None behind the last. `step`: the moves behind the run when it began this.

    `told`: things that the source told of in it; of them `known` were as they stood, and `rejected` not taken.
    """

    print: UUID
    step: int
    place: Json
    told: int = 0
    known: int = 0
    rejected: int = 0


class Pull(msgspec.Struct, frozen=True):
    """Where a pull stands (see `Turn`); the counts are those of its run."""

    place: Json = None
    steps: int = 0
    told: int = 0
    landed: int = 0
    known: int = 0
    rejected: int = 0
    started_at: datetime | None = None


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


async def begin_pull(tx: Transaction, tenant: Tenant, name: UUID, dialect: str, address: str, *, again: bool) -> Pull:
    """Where the pull of this print stands; at its beginning if it is new, has ended, or is begun `again`."""
    await tx.run("begin_pull", tenant.id, name, dialect, address, again)
    row = await tx.row("pull_place", tenant.id, name)
    assert row is not None
    place = None if row["place"] is None else msgspec.json.decode(row["place"])
    return msgspec.structs.replace(Pull(**dict(row)), place=place)


async def move(tx: Transaction, tenant: Tenant, place: Place | Turn, landed: int, known: int) -> None:
    """Move to a place, with what became of the batch before it.

    Raises:
        Busy: another import of the same file, or another such pull, has moved meanwhile.

    """
    if isinstance(place, Turn):
        went = await tx.row(
            "move_pull", tenant.id, place.print, place.step, None if place.place is None else _encode(place.place),
            place.told, landed, place.known, place.rejected, place.place is None,
        )  # fmt: skip
        if went is None:
            raise Busy(reason="another pull from the same source is under way, or has ended")
        return
    moved = await tx.row(
        "move_import", tenant.id, place.print, place.before, place.items, place.line, place.rejected,
        place.rejects_bytes, landed, known, place.finished,
    )  # fmt: skip
    if moved is None:
        raise Busy(reason="another import of the same file is under way, or has ended")

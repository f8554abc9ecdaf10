"""The records behind links: who says so, when it happened, when it came; of a decision its author and reason.

Takes places (a node and a record that has a row there), gives what the record said, revision by revision.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias, cast

from huaxiang.dialects.native.evidence import CitedLink, CitedRecord, Strength, Suspension

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from huaxiang.store import Row, Transaction

Revisions: TypeAlias = "dict[UUID, list[Row]]"
"""What each record said, the current revision first, then the newest that came."""
STRENGTHS: tuple[Strength, ...] = ("nobody", "stated", "verified", "person")
_NOT_NOTED = 1
"""The year of a time that stands for «since ever»."""


async def revisions(tx: Transaction, places: Iterable[tuple[UUID, UUID]]) -> Revisions:
    """What the records of these (node, record) said, wherever their revisions hang now."""
    asked = set(places)
    registry = await tx.rows("known_records", list({record for _, record in asked}))
    asked |= {(row["nodes"][0], row["key"]) for row in registry}
    found: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in await tx.each("evidence_revisions", sorted(asked)):
        found[row["record"]].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (row["current"], row["came_at"]), reverse=True)
    return dict(found)


def cited(row: Row) -> CitedRecord:
    """The record that a row of a fact tells of."""
    return CitedRecord(
        source=row["source"],
        enterprise=row["enterprise"],
        kind=row["kind"],
        id=row["record_id"],
        at=row["at"],
        came_at=noted(row["came_at"]),
    )


def noted(at: datetime | None) -> datetime | None:
    """A time of coming, or None where it was not noted."""
    return None if at is None or at.year == _NOT_NOTED else at


def cited_link(row: Row, said: Sequence[Row]) -> CitedLink:
    """One link, by the current revision of its record."""
    return link_of(said[0], row["strength"], row["suspended"])


def link_of(revision: Row, strength: int, suspended: str | None) -> CitedLink:
    """One link, by this revision of its record."""
    why = suspended or (None if strength else "nobody")
    return CitedLink(
        by=cited(revision),
        strength=STRENGTHS[strength],
        author=revision["author"],
        reason=revision["reason"],
        suspended=cast("Suspension | None", why),
    )

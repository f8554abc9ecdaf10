"""Single calls, as they stand: what was said, with its amendments, its rounds, labels and transcripts.

Takes calls by their names, or a span of time, inside a transaction; gives `CallResult`s.

Rule 1: nothing is written; a page costs three questions, whatever its length.
Rule 2: rounds and labels are those that the call gathered when something of it came: the same that its customer shows.
Rule 3: of each field that amendments name, the newest word counts, by when its source changed it, else by when it
        happened; it stands over the call's own, whichever came first.
Rule 4: calls follow each other by the time they happened, then by their names: their ids, and whose they are.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from huaxiang.identifiers import record_key
from huaxiang.model import (
    Amendment,
    AnyFact,
    Call,
    CallMark,
    CallPage,
    CallPlace,
    CallRef,
    CallResult,
    Json,
    Mark,
    Order,
    Transcript,
)
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction

_decode_call = msgspec.json.Decoder(Call).decode
_decode_said = msgspec.json.Decoder(AnyFact).decode


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls of a source: from `since` to before `until`, and, where given, of one enterprise, of these ids.

    `details`: what a call's own details must hold, as PostgreSQL's `@>` has it.
    """

    source: str
    since: datetime
    until: datetime
    enterprise: str | None = None
    ids: tuple[str, ...] | None = None
    details: dict[str, Json] | None = None


async def by_name(
    tx: Transaction, tenant: Tenant, source: str, named: Sequence[tuple[str, str]]
) -> list[CallResult | None]:
    """The calls of a source by (enterprise, id); None for one that has not come."""
    keys = [record_key(tenant.key, source, enterprise, "call", one) for enterprise, one in named]
    places = [(row["node"], row["key"]) for row in await tx.rows("calls_registered", keys)]
    rows = await tx.each("calls_at", places)
    found = dict(zip((row["record"] for row in rows), await _results(tx, rows), strict=True))
    return [found.get(key) for key in keys]


async def page(
    tx: Transaction, tenant: Tenant, wanted: Wanted, *, limit: int, offset: int, after: CallPlace | None
) -> CallPage:
    """A page of calls, oldest first: from row `offset` after the place `after`, or of all."""
    texts = [wanted.enterprise or "", *(wanted.ids or ())]
    details = None if wanted.details is None else msgspec.json.encode(wanted.details)
    if not all(map(can_be_kept, texts)) or (details is not None and b"\\u0000" in details):
        return CallPage(0, (), after)
    ids = None if wanted.ids is None else list(wanted.ids)
    match = (tenant.id, wanted.source, wanted.since, wanted.until, wanted.enterprise, ids, details)
    counted = await tx.row("count_calls", *match)
    assert counted is not None
    start = after or CallPlace(wanted.since, "", "")
    rows = await tx.rows("page_calls", *match, *start, limit, offset)
    last = CallPlace(rows[-1]["at"], rows[-1]["record_id"], rows[-1]["enterprise"]) if rows else after
    return CallPage(counted["total"], tuple(await _results(tx, rows)), last)


async def _results(tx: Transaction, rows: Sequence[Row]) -> list[CallResult]:
    """The calls of these rows, in their order."""
    waiting: defaultdict[UUID, list[tuple[Order, AnyFact]]] = defaultdict(list)
    for row in await tx.rows("said_of_calls", [row["record"] for row in rows]) if rows else ():
        order = Order(row["at"], row["rank"], row["record_id"], row["record"])
        waiting[row["node"]].append((order, _decode_said(row["said"])))
    return [_result(row, sorted(waiting[row["record"]], key=lambda one: one[0])) for row in rows]


def _result(row: Row, told: Sequence[tuple[Order, AnyFact]]) -> CallResult:
    """A call and what was said of it, oldest first."""
    call = _decode_call(row["said"])
    gathered: dict[str, Json] = msgspec.json.decode(row["gathered"]) if row["gathered"] else {}
    ref = CallRef(f"{row['enterprise']}-{row['record_id']}", row["at"])
    marks = tuple(CallMark(**label, call=ref) for label in gathered.get("marks", ()))
    hits = gathered.get("evidence") or [None] * len(marks)
    rounds = gathered.get("rounds")
    transcripts = [fact for _, fact in told if isinstance(fact, Transcript)]
    return CallResult(
        call=call,
        at=row["at"],
        details=call.details | _amended(told),
        rounds=call.rounds if rounds is None else rounds,
        marks=marks,
        evidence=tuple(_evidence(mark, found, told) for mark, found in zip(marks, hits, strict=True)),
        transcripts=tuple(sorted(transcripts, key=lambda one: one.id or "")),
    )


def _amended(told: Sequence[tuple[Order, AnyFact]]) -> dict[str, Json]:
    """What amendments say, the newest last and over the others."""
    found = [(fact.updated_at or order.at, order, fact.details) for order, fact in told if isinstance(fact, Amendment)]
    amended: dict[str, Json] = {}
    for _, _, details in sorted(found, key=lambda one: one[:2]):
        amended |= details
    return amended


def _evidence(
    standing: CallMark, hits: Sequence[dict[str, Json]] | None, told: Sequence[tuple[Order, AnyFact]]
) -> tuple[dict[str, Json], ...]:
    """Why a label stands: what rules found, else the details of the newest mark that put it where it stands."""
    if standing.checked and hits:
        return tuple(hits)
    by = "check" if standing.checked else "person"
    label = (standing.type, standing.name)
    marks = (fact for _, fact in reversed(told) if isinstance(fact, Mark) and (fact.type, fact.name) == label)
    newest = next((mark for mark in marks if mark.by == by and not mark.deleted), None)
    return (newest.details,) if newest is not None and newest.details else ()

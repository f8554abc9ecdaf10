"""What a customer was: the links as they were known, replayed through `partition`, guards included.

Takes the links that nodes have and ever had, as far as they lead; gives every join and parting, and who was one
customer at any past moment.

What is approximated: settings (limits, blocked values, ranks) are today's, so a past under other guards is told as
today's would have had it; and links that went before their times were noted are not known any more.

Rule 1: a link is known from when its record came until a later revision, or a cut, took it away: a record says one
        thing at a time.
Rule 2: of a node with more neighbours than its limit only those links are followed that came while it had not.
Rule 3: what is followed is bounded; past that the answer says that it is not complete.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from huaxiang.dialects.native.evidence import (
    MOST_EVENTS,
    MOST_OF_A_GROUP,
    MOST_RECORDS_OF_A_PAIR,
    CitedLink,
    History,
    PastEvent,
    PastGroup,
    PastMoment,
)
from huaxiang.errors import InputInvalid
from huaxiang.steward.evidence.past import Event, Past, Span, events, groups_at, remember
from huaxiang.steward.evidence.records import Revisions, link_of, noted, revisions
from huaxiang.steward.evidence.subject import Names, Wanted, find, nodes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from huaxiang.model import Tenant
    from huaxiang.service import Service
    from huaxiang.store import Row

DAY = 10
"""The length of a date as it is written."""


def moment(tenant: Tenant, text: str) -> datetime:
    """The moment that `2026-05-01` (the end of that day in the tenant's zone) or an RFC 3339 time means.

    Raises `InputInvalid` (field `at`) for anything else.
    """
    zone = ZoneInfo(tenant.time_zone)
    try:
        if len(text) == DAY:
            midnight = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), zone)
            return midnight.astimezone(UTC) - timedelta(microseconds=1)
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputInvalid(field="at", reason="a day (2026-05-01) or a time (RFC 3339) is expected") from error


async def history(service: Service, tenant: Tenant, wanted: Wanted, *, at: datetime | None = None) -> History:
    """Every join and parting that made the customer what it is, and, with `at`, who was one customer then.

    `at` is a moment of knowing: what had come by then counts, whenever it had happened.

    Raises `NotFound` for one that the tenant does not know.
    """
    async with service.store.reading() as tx:
        names = Names(tx, tenant)
        asked = await find(tx, tenant, names, wanted, service.now())
        then = [asked]
        if at is not None and not isinstance(wanted, int):
            then = await nodes_of(names, wanted, at)
        members, _ = await names.members(names[asked].customer)
        past = await remember(tx, names, tenant.settings.limits, {*members, *then})
        found, complete = await asyncio.to_thread(events, past, set(members), service.now())
        listed = found[::-1][:MOST_EVENTS]
        said = await revisions(tx, _places(listed))
        return History(
            id=names[asked].customer,
            asked=names[asked],
            complete=past.complete and complete,
            then=None if at is None else await asyncio.to_thread(_then, names, past, then, at),
            count=len(found),
            events=[_event(names, event, said) for event in listed],
        )


def _then(names: Names, past: Past, nodes: Sequence[UUID], at: datetime) -> PastMoment:
    """The group of the first of these nodes that was known by then."""
    known = next((node for node in nodes if node in past.first_seen and past.first_seen[node] <= at), None)
    if known is None:
        return PastMoment(at, None)
    group = next(group for group in groups_at(past, at) if known in group)
    return PastMoment(at, _group(names, group))


def _group(names: Names, nodes: Iterable[UUID]) -> PastGroup:
    listed = names.listed(nodes, len(names.rows))
    return PastGroup(listed[0].number, len(listed), listed[:MOST_OF_A_GROUP])


def _groups(names: Names, groups: Iterable[Iterable[UUID]]) -> list[PastGroup]:
    return sorted((_group(names, group) for group in groups), key=lambda group: group.id)[:MOST_OF_A_GROUP]


def _places(listed: Iterable[Event]) -> set[tuple[UUID, UUID]]:
    return {(node, span.record) for event in listed for span in (*event.came, *event.gone) for node in span.nodes}


def _event(names: Names, event: Event, said: Revisions) -> PastEvent:
    return PastEvent(
        at=noted(event.at),
        what=event.what,
        before=_groups(names, event.before),
        after=_groups(names, event.after),
        came=_links(event.came, said, gone=False),
        gone=_links(event.gone, said, gone=True),
    )


def _links(spans: Iterable[Span], said: Revisions, *, gone: bool) -> list[CitedLink]:
    """Each record once, the strongest first."""
    by_record: dict[UUID, Span] = {}
    for span in sorted(spans, key=lambda span: (-span.strength, span.came_at, span.record)):
        by_record.setdefault(span.record, span)
    known = [span for span in by_record.values() if span.record in said][:MOST_RECORDS_OF_A_PAIR]
    return [link_of(_revision(said[span.record], span, gone=gone), span.strength, None) for span in known]


def _revision(rows: Sequence[Row], span: Span, *, gone: bool) -> Row:
    """The revision that said so; of a link that went, the one that took it away, if a revision did."""
    by_coming = sorted(rows, key=lambda row: row["came_at"])
    if gone:
        later = [row for row in by_coming if span.came_at < row["came_at"] <= span.until]
        if later:
            return later[-1]
    return next((row for row in by_coming if row["came_at"] == span.came_at), rows[0])

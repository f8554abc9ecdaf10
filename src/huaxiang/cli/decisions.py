"""`huaxiang join`, `part`, `apart`, `undo`, `decisions`, `cut`, `cuts`, `review`: a person's word on who is who."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from huaxiang.cli.output import print_json, say, show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.errors import SettingsInvalid
from huaxiang.service import Service
from huaxiang.steward import decisions as deciding
from huaxiang.steward import review as reviewing

Author = Annotated[str, Parameter(help="Who decides.")]
Reason = Annotated[str, Parameter(help="Why.")]


def join(*ids: str, tenant: str, author: Author, reason: Reason, place: Place = HERE) -> None:
    """Say that identifiers are one customer. It takes back what keeps them apart; undone, it is as it was before.

    Parameters
    ----------
    ids
        Two or more: numbers of ours, or kind:value[@scope].
    tenant
        Whose customers they are.

    """
    _decide(deciding.join, ids, tenant, author, reason, place)


def part(*ids: str, tenant: str, author: Author, reason: Reason, place: Place = HERE) -> None:
    """Say that these identifiers of a customer are one, and all others of it another, whatever links them.

    Parameters
    ----------
    ids
        One side: numbers of ours, or kind:value[@scope]. The rest of the customer is the other side.
    tenant
        Whose customer it is.

    """
    _decide(deciding.part, ids, tenant, author, reason, place)


def apart(one: str, other: str, /, *, tenant: str, author: Author, reason: Reason, place: Place = HERE) -> None:
    """Say that two customers are two people, so that no link ever joins them.

    Parameters
    ----------
    one
        Any identifier of the one: a number of ours, or kind:value[@scope].
    other
        Any identifier of the other.
    tenant
        Whose customers they are.

    """
    _decide(deciding.keep_apart, (one, other), tenant, author, reason, place)


def undo(decision: str, /, *, tenant: str, author: Author, reason: Reason, place: Place = HERE) -> None:
    """Take a decision back, by another one.

    Parameters
    ----------
    decision
        Its id, as `huaxiang decisions` lists it.
    tenant
        Whose decision it is.

    """

    async def work(service: Service) -> deciding.Decided:
        return await deciding.undo(service, await service.tenant(tenant), decision, author=author, reason=reason)

    show(place.run(work), as_json=place.json)


def decisions(*, tenant: str, limit: int = 100, place: Place = HERE) -> None:
    """List what persons decided, the newest word first; what was taken back too.

    Parameters
    ----------
    tenant
        Whose customers they decided on.
    limit
        How many.

    """

    async def work(service: Service) -> list[deciding.Decision]:
        return await deciding.decisions(service, await service.tenant(tenant), limit=_checked(limit))

    found = [msgspec.structs.asdict(one) for one in place.run(work)]
    for row in found if not place.json else ():
        row["undone"] = row["undone"] and f"{row['undone'].author}: {row['undone'].reason}"
    show_rows(
        found, ("id", "what", "identifiers", "apart_from", "author", "reason", "at", "undone"), as_json=place.json
    )


def cut(
    identifier: str, /, *, at: datetime, tenant: str, author: Author = "", reason: Reason = "", place: Place = HERE
) -> None:
    """Say that an identifier changed hands: what was said of it before, and comes late, is its former holder's.

    Not to be undone: where it was wrong, join the two holders by their numbers.

    Parameters
    ----------
    identifier
        kind:value[@scope], such as phone:13900000001.
    at
        When: a date, or a date and time; without a zone, in the tenant's.
    tenant
        Whose customers hold it.

    """

    async def work(service: Service) -> deciding.Cut:
        found = await service.tenant(tenant)
        return await deciding.cut(service, found, identifier, at, author=author, reason=reason)

    show(place.run(work), as_json=place.json)


def cuts(*, tenant: str, place: Place = HERE) -> None:
    """List the identifiers that changed hands."""

    async def work(service: Service) -> list[deciding.Cut]:
        return await deciding.cuts(service, await service.tenant(tenant))

    rows = [msgspec.structs.asdict(one) for one in place.run(work)]
    show_rows(rows, ("identifier", "at", "customer", "author", "reason"), as_json=place.json)


def review(
    *,
    tenant: str,
    reason: str | None = None,
    frequent: Annotated[bool, Parameter(negative="")] = False,
    kind: str | None = None,
    limit: int = 20,
    place: Place = HERE,
) -> None:
    """List what waits for a person's word: suspended links, and identifiers too common to join anybody.

    Answer each: `huaxiang join`, `huaxiang apart`, or `huaxiang rehearse --block` for a value that identifies nobody.

    Parameters
    ----------
    tenant
        Whose links they are.
    reason
        Only links that wait for this: neighbours, limit, size, apart.
    frequent
        The identifiers with the most distinct neighbours instead: among them are the tenant's own lines.
    kind
        With --frequent: only identifiers of this kind.
    limit
        How many of each.

    """
    if frequent:
        _show_frequent(tenant, kind, _checked(limit), place)
        return

    async def work(service: Service) -> list[reviewing.Group]:
        return await reviewing.review(service, await service.tenant(tenant), reason=reason, limit=_checked(limit))

    groups = place.run(work)
    if place.json:
        print_json(groups)
        return
    if not groups:
        say("Nothing waits.  没有待审核的关联。")
    for group in groups:
        say(f"\n{group.reason}: {group.links} links wait")
        rows = [msgspec.structs.asdict(one) for one in (*group.identifiers, *group.pairs)]
        for row in rows:
            row["cited"] = [f"{record.source}:{record.id}" for record in row.get("cited", ())]
        columns = ("one", "one_customer", "other", "other_customer", "strength", "records", "cited", "since")
        crowded = ("id", "number", "neighbours", "records")
        show_rows(rows, crowded if group.identifiers else columns, as_json=False)


def _show_frequent(tenant: str, kind: str | None, limit: int, place: Place) -> None:
    async def work(service: Service) -> list[reviewing.Crowded]:
        return await reviewing.frequent(service, await service.tenant(tenant), kind=kind, limit=limit)

    rows = [msgspec.structs.asdict(one) for one in place.run(work)]
    show_rows(rows, ("id", "number", "neighbours", "of", "hub"), as_json=place.json)


def _decide(
    decide: Callable[..., Coroutine[Any, Any, deciding.Decided]],
    ids: tuple[str, ...],
    tenant: str,
    author: str,
    reason: str,
    place: Place,
) -> None:
    async def work(service: Service) -> deciding.Decided:
        return await decide(service, await service.tenant(tenant), ids, author=author, reason=reason)

    done = place.run(work)
    show(done, as_json=place.json)
    if done.waits:
        say(f"huaxiang: kept, but it does not hold yet: {', '.join(done.waits)} (see `huaxiang review`)")


def _checked(limit: int) -> int:
    if not 1 <= limit <= deciding.MOST_DECISIONS:
        raise SettingsInvalid(field="limit", reason=f"1 to {deciding.MOST_DECISIONS}")
    return limit

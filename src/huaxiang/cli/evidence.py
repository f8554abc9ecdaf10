"""`huaxiang explain`, `export`: why a customer is one, what it was, and all of it to take away."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import msgspec
from cyclopts import Parameter

from huaxiang.cli.output import print_json, say
from huaxiang.cli.place import HERE, Place
from huaxiang.dialects.native import evidence as wire
from huaxiang.steward import evidence
from huaxiang.steward.names import meant

if TYPE_CHECKING:
    from huaxiang.model import Tenant
    from huaxiang.service import Service


class Explained(msgspec.Struct):
    """What `explain` tells, as JSON too: the API's answers side by side."""

    explanation: wire.Explanation
    history: wire.History
    path: wire.Path | None


def explain(
    customer: Annotated[str, Parameter(name="ID")],
    *,
    tenant: str,
    to: str | None = None,
    at: str | None = None,
    place: Place = HERE,
) -> None:
    """Tell why a customer is one: which identifiers, by which links, from which records; and what it was before.

    Parameters
    ----------
    customer
        A number of ours, or an identifier: phone:13800000001, openid:o-1@wx-1.
    tenant
        Whose customer it is.
    to
        Another one: tell the way from the first to it, link by link, or what stands between them.
    at
        A past day (2026-05-01, its end) or time: tell who was one customer then.

    """
    wanted, other = meant(customer), None if to is None else meant(to)

    async def work(service: Service) -> tuple[Tenant, Explained]:
        of = await service.tenant(tenant)
        moment: datetime | None = None if at is None else evidence.moment(of, at)
        told = Explained(
            explanation=await evidence.explain(service, of, wanted),
            history=await evidence.history(service, of, wanted, at=moment),
            path=None if other is None else await evidence.path(service, of, wanted, other),
        )
        return of, told

    of, told = place.run(work)
    if place.json:
        print_json(told)
        return
    from huaxiang.cli.telling import Telling

    telling = Telling(ZoneInfo(of.time_zone))
    if told.path is not None:
        telling.path(told.path)
    elif told.history.then is not None:
        telling.moment(told.history.then, told.history.asked)
    else:
        telling.explanation(told.explanation)
        telling.history(told.history)


def export(
    customer: Annotated[str, Parameter(name="ID")],
    *,
    tenant: str,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    place: Place = HERE,
) -> None:
    """Hand over all of a person as one JSON document: facts as they were said, links, decisions, values served.

    Parameters
    ----------
    customer
        A number of ours, or an identifier: phone:13800000001, openid:o-1@wx-1.
    tenant
        Whose customer it is.
    output
        The file to write; the standard output, unless given.

    """
    wanted = meant(customer)

    async def work(service: Service) -> int:
        of = await service.tenant(tenant)
        pieces = evidence.export(service, of, wanted)
        first, written = await anext(pieces), 0
        with nullcontext(sys.stdout.buffer) if output is None else output.open("wb") as file:
            written += file.write(first)
            async for piece in pieces:
                written += file.write(piece)
            file.write(b"\n")
            file.flush()
        return written + 1

    written = place.run(work)
    if output is not None and place.json:
        print_json({"output": str(output), "bytes": written})
    elif output is not None:
        say(f"{written:,} bytes are in {output}")

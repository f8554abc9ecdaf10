"""`huaxiang rehearse`: what a change of guards, blocked values, ranks or matching order would do, before it is done."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from huaxiang.cli.guards import UNCHANGED, Guards, checked
from huaxiang.cli.output import print_json, say, show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.service import Service
from huaxiang.steward import rehearsal
from huaxiang.steward.rehearsal import Plan, Rehearsal


def rehearse(
    *,
    tenant: str,
    time_zone: str | None = None,
    publish: Annotated[bool, Parameter(negative="")] = False,
    examples: int = 10,
    guards: Guards = UNCHANGED,
    place: Place = HERE,
) -> None:
    """List which customers a change would join and part, and which links it would suspend; with --publish, do it.

    Beside a running server: its writers wait as long as the change takes, and without --publish nothing comes of it.

    Parameters
    ----------
    tenant
        Whose customers.
    time_zone
        In which its days begin.
    publish
        Make the change, and tell what it did.
    examples
        How many examples of each to list.

    """

    async def work(service: Service) -> Rehearsal:
        found = await service.tenant(tenant)
        plan = Plan(settings=checked(guards.over(found.settings)), time_zone=time_zone)
        return await rehearsal.rehearse(service, found, plan, publish=publish, examples=max(0, examples))

    done = place.run(work)
    if place.json:
        print_json({**told(done), "examples": msgspec.to_builtins(done.examples)})
    else:
        _show(done)


def told(done: Rehearsal) -> dict[str, Any]:
    """The counts of a rehearsal, without the tenant."""
    names = ("published", "joined", "parted", "moved", "suspended", "freed")
    return {name: getattr(done, name) for name in names}


def _show(done: Rehearsal) -> None:
    show(told(done), as_json=False)
    for heading, turned in (("joined", done.examples.joined), ("parted", done.examples.parted)):
        if turned:
            say(f"\n{heading}")
            rows = [msgspec.structs.asdict(one) for one in turned]
            show_rows(rows, ("customer", "other", "identifiers"), as_json=False)
    if done.examples.suspended:
        say("\nsuspended")
        rows = [msgspec.structs.asdict(one) for one in done.examples.suspended]
        show_rows(rows, ("one", "other", "reason", "links"), as_json=False)
    if not done.published:
        say("\nNothing is changed; --publish does it.  尚未生效；--publish 使其生效。")

"""`huaxiang rebuild`, `generate`: what is made from what came in, and what may come in for a try."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from huaxiang.cli.output import progress, show
from huaxiang.cli.place import HERE, Place
from huaxiang.errors import SettingsInvalid
from huaxiang.service import Service


def rebuild(*, tenant: str | None = None, place: Place = HERE) -> None:
    """Make all that is derived (summaries, links, customers) anew from the facts; what is served does not change.

    Parameters
    ----------
    tenant
        Only this one; all of them, unless given.

    """

    async def work(service: Service) -> dict[str, int]:
        tenants = await service.tenants() if tenant is None else [await service.tenant(tenant)]
        done: dict[str, int] = {}
        with progress() as bar:
            for one in tenants:
                total = (await service.counts(one))["records"]
                task = bar.add_task(one.name, total=total, speed="")
                done[one.name] = 0
                async for count in service.rebuild(one):
                    done[one.name] = count
                    bar.update(task, completed=count)
        return done

    show(place.run(work), as_json=place.json)


def generate(
    folder: Path,
    *,
    customers: Annotated[int, Parameter(help="How many customers.")] = 1000,
    calls: Annotated[int | None, Parameter(help="How many calls they make: 5000, unless given.")] = None,
    seed: Annotated[int, Parameter(help="The same seed makes the same files.")] = 1,
    hard: Annotated[
        bool, Parameter(negative=(), help="Instead, records that are hard to tell apart; truth.csv says whose each is.")
    ] = False,
    place: Place = HERE,
) -> None:
    """Make files of realistic customers, in the vendors' formats, ready to import.

    The hard mode is for measuring how well customers are told apart: shared family phones, numbers that changed hands,
    typing errors. Its records are native facts; it makes no calls, and needs numpy.

    Parameters
    ----------
    folder
        Where to put them; each file is named after its format.

    """
    from huaxiang import generate as generator

    if hard and calls is not None:
        raise SettingsInvalid(field="calls", reason="the hard mode makes none")
    with progress() as bar:
        task = bar.add_task("generate", total=None, speed="")
        told: Callable[[int, int], None] = lambda done, total: bar.update(task, completed=done, total=total)  # noqa: E731 (one line)
        if hard:
            written = generator.generate_hard(folder, customers=customers, seed=seed, progress=told)
        else:
            made = 5000 if calls is None else calls
            written = generator.generate(folder, customers=customers, calls=made, seed=seed, progress=told)
    show(written, as_json=place.json)

"""`huaxiang import`, `rebuild`, `generate`: what comes in, and what is made from it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import Parameter

from huaxiang.cli.output import progress, say, show
from huaxiang.cli.place import HERE, Place
from huaxiang.dialects.contract import Format
from huaxiang.dialects.native.inward import FORMATS as NATIVE
from huaxiang.dialects.rabbitpre.inward import FORMATS as RABBITPRE
from huaxiang.dialects.telrobot.inward import FORMATS as TELROBOT
from huaxiang.dialects.tinet.inward import FORMATS as TINET
from huaxiang.errors import Refused, SettingsInvalid
from huaxiang.model import Parsed, Tenant
from huaxiang.service import Service
from huaxiang.sources import Reader, Reject, RejectWriter, Row

FORMATS: dict[str, Format] = {one.name: one for one in (*NATIVE, *TINET, *RABBITPRE, *TELROBOT)}
BATCH_ROWS = 2_000
SHOWN_REJECTS = 5


@dataclass
class Tally:
    """What became of a file's rows. `landed` and `known` count facts, the others rows."""

    rows: int = 0
    rejected: int = 0
    landed: int = 0
    known: int = 0
    examples: list[str] = field(default_factory=list[str])


def import_(file: Path, *, tenant: str, as_: Annotated[str, Parameter(name="--as")], place: Place = HERE) -> None:
    """Import a file of records; beside a running server too. A file may be imported twice: nothing counts twice.

    Reads JSON Lines, CSV and .xlsx, in UTF-8, GB18030 or UTF-16. Rows that are refused are written, with line, field
    and reason, to FILE.rejects.jsonl, from where they can be corrected and imported again.

    Parameters
    ----------
    file
        The file.
    tenant
        Whose customers it tells of.
    as_
        What its rows are: facts, tinet.cdr, tinet.asr_text, rabbitpre.profile, rabbitpre.event, telrobot.customer.

    """
    form = FORMATS.get(as_)
    if form is None:
        raise SettingsInvalid(field="as", reason=f"{as_} is none of {', '.join(sorted(FORMATS))}")
    reader = Reader(file, identifier_fields=form.identifier_fields)

    async def work(service: Service) -> Tally:
        return await _import(service, await service.tenant(tenant), form, reader, file)

    tally = place.run(work)
    told: dict[str, Any] = {
        "rows": tally.rows,
        "taken": tally.rows - tally.rejected,
        "rejected": tally.rejected,
        "landed": tally.landed,
        "known": tally.known,
        "rejects": str(RejectWriter.beside(file).path) if tally.rejected else None,
    }
    show(told, as_json=place.json)
    for example in tally.examples:
        say(example)
    if tally.rows == tally.rejected:
        sys.exit(1)


async def _import(service: Service, tenant: Tenant, form: Format, reader: Reader, file: Path) -> Tally:
    tally = Tally()
    batch: list[tuple[Row, Parsed]] = []
    zone = ZoneInfo(tenant.time_zone)
    started = time.monotonic()
    with RejectWriter.beside(file) as rejects, progress() as bar:
        task = bar.add_task(file.name, total=reader.total_bytes, speed="")
        for item in reader:
            tally.rows += 1
            if isinstance(item, Reject):
                _refuse(tally, rejects, item)
                continue
            try:
                batch.append((item, form.parse(item.data, zone)))
            except Refused as refusal:
                _refuse(tally, rejects, Reject(item.line, refusal.field, refusal.reason, ""), item)
            if len(batch) >= BATCH_ROWS:
                await _land(service, tenant, batch, tally, rejects)
                speed = f"{tally.rows / (time.monotonic() - started):,.0f} rows/s"
                bar.update(task, completed=reader.read_bytes, speed=speed)
        await _land(service, tenant, batch, tally, rejects)
        bar.update(task, completed=reader.total_bytes)
    return tally


async def _land(
    service: Service, tenant: Tenant, batch: list[tuple[Row, Parsed]], tally: Tally, rejects: RejectWriter
) -> None:
    outcome = await service.land(tenant, [(row.line, parsed) for row, parsed in batch])
    tally.landed += outcome.landed
    tally.known += outcome.known
    rows = {row.line: row for row, _ in batch}
    for reject in outcome.rejects:
        _refuse(tally, rejects, Reject(reject.line, reject.field, reject.reason, ""), rows[reject.line])
    batch.clear()


def _refuse(tally: Tally, rejects: RejectWriter, reject: Reject, row: Row | None = None) -> None:
    rejects.write(reject, None if row is None else row.data)
    tally.rejected += 1
    if len(tally.examples) < SHOWN_REJECTS:
        where = f"line {reject.line}" + (f", {reject.field}" if reject.field else "")
        tally.examples.append(f"{where}: {reject.reason}")


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

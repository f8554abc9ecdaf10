"""`huaxiang import`: files and folders of anybody's records, landed, and taken up again where a run broke off."""

from __future__ import annotations

import gc
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from huaxiang.cli.batches import Way
from huaxiang.cli.gauge import Gauge
from huaxiang.cli.intake import Intake, Taken
from huaxiang.cli.output import say, show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.cli.reading import FEWEST_OBJECTS
from huaxiang.dialects.contract import Format
from huaxiang.dialects.native.inward import FORMATS as NATIVE
from huaxiang.dialects.rabbitpre.inward import FORMATS as RABBITPRE
from huaxiang.dialects.telrobot.inward import FORMATS as TELROBOT
from huaxiang.dialects.tinet.inward import FORMATS as TINET
from huaxiang.errors import SettingsInvalid, SourceUnreadable
from huaxiang.model import Tenant
from huaxiang.service import Service
from huaxiang.sources import FieldMapping, Found, files_below, read_mapping
from huaxiang.sources.rejects import SUFFIX as REJECTS_SUFFIX

FORMATS: dict[str, Format] = {one.name: one for one in (*NATIVE, *TINET, *RABBITPRE, *TELROBOT)}
MOST_BATCH_ROWS = 100_000
SWITCH_SECONDS = 0.0005
"""How long the reading thread may keep the one that lands waiting: Python's own 5 ms is long beside a statement."""
_SUMS = ("rows", "taken", "rejected", "landed", "known")


@Parameter(name="*")
@dataclass(frozen=True)
class Manner:
    """How an import is done."""

    again: Annotated[bool, Parameter(negative=(), help="Begin at the first row, whatever has come in before.")] = False
    rejects: Annotated[
        Path | None, Parameter(help="A folder for the rejects files, which lie beside their sources otherwise.")
    ] = None
    batch: Annotated[
        int | None,
        Parameter(
            help="Rows that land together; as many as suit them, if it is not given. What a server writes meanwhile "
            "waits for one batch at most: the fewer rows, the shorter."
        ),
    ] = None


_USUAL = Manner()


def import_(
    paths: list[Path],
    /,
    *,
    tenant: str,
    as_: Annotated[str | None, Parameter(name="--as")] = None,
    map_: Annotated[Path | None, Parameter(name="--map")] = None,
    manner: Manner = _USUAL,
    place: Place = HERE,
) -> None:
    """Import files of records, beside a running server too. What comes in twice counts once.

    Reads JSON Lines, JSON, CSV, .xlsx and Parquet, the text ones in UTF-8, GB18030 or UTF-16, plain or packed (.gz,
    .bz2, .xz, .zst). Rows that are refused are written, with file, line, field and reason, to FILE.rejects.jsonl, from
    where they can be corrected and imported again.

    A run that is interrupted, however harshly, goes on where it was when the same command is given again; a file that
    has come in whole is left alone then. A file counts as the same while its path, size, time and beginning are.

    A mapping is a small TOML file, for tables that are not in a vendor's own words:

        format = "tinet.cdr"
        rest = "drop"            # "keep": columns that are not named go along

        [fields]
        uniqueId = "通话编号"     # field = column
        userId = { value = "8000376" }
        customerNumber = { from = "电话", trim = true, prefix = "0" }
        startTime = { from = "开始", date = "%Y/%m/%d %H:%M", zone = "Asia/Shanghai" }
        callType = { from = "类型", values = { "呼入" = "1", "呼出" = "4" } }

    Parameters
    ----------
    paths
        Files, or folders: of these, all files of a known type at any depth, in the order of their names.
    tenant
        Whose customers they tell of.
    as_
        What the rows are: facts, tinet.cdr, tinet.asr_text, rabbitpre.profile, rabbitpre.event, rabbitpre.tag,
        telrobot.customer. A mapping says it too.
    map_
        The mapping.

    """
    mapping = None if map_ is None else read_mapping(map_)
    form = _format(as_, mapping)
    if manner.batch is not None and not 1 <= manner.batch <= MOST_BATCH_ROWS:
        raise SettingsInvalid(field="batch", reason=f"from 1 to {MOST_BATCH_ROWS}")
    if mapping is not None:
        mapping.check_targets(_targets(form))
    files, passed_over = files_below(paths)
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(FEWEST_OBJECTS)
    run = _Run(files, Way(form, mapping, manner.batch), again=manner.again, rejects=manner.rejects)

    async def work(service: Service) -> None:
        await run.all(service, await service.tenant(tenant))

    try:
        place.run(work)
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        sys.exit(130)
    _tell(run, passed_over, as_json=place.json)
    sys.exit(run.status())


def _format(name: str | None, mapping: FieldMapping | None) -> Format:
    told = mapping.format if mapping else None
    if name is None and told is None:
        raise SettingsInvalid(field="as", reason=f"one of {', '.join(sorted(FORMATS))} is needed")
    if name is not None and told is not None and name != told:
        raise SettingsInvalid(field="as", reason=f"the mapping is for {told}, not for {name}")
    form = FORMATS.get(name or told or "")
    if form is None:
        raise SettingsInvalid(field="as", reason=f"{name or told} is none of {', '.join(sorted(FORMATS))}")
    return form


def _targets(form: Format) -> frozenset[str]:
    from huaxiang.server.page.columns import COLUMNS

    return frozenset(name for column in COLUMNS[form.name] for name in column.names)


class _Run:
    """One run of the command over its files."""

    def __init__(self, files: list[Found], way: Way, *, again: bool, rejects: Path | None) -> None:
        self.taken: list[Taken] = []
        self.unreadable: list[tuple[str, str]] = []
        self.seconds = 0.0
        self.rows = 0
        self._files, self._way, self._again, self._rejects = files, way, again, rejects

    async def all(self, service: Service, tenant: Tenant) -> None:
        sizes = [file.path.stat().st_size for file in self._files]
        with Gauge(sum(sizes)) as gauge:
            with closing(Intake(service, tenant, self._way, gauge.moved)) as intake:
                for file, size_bytes in zip(self._files, sizes, strict=True):
                    gauge.begin(file.name)
                    skipped = not await self._one(intake, file)
                    gauge.end(size_bytes, skipped=skipped)
            self.seconds, self.rows = gauge.seconds, gauge.rows

    async def _one(self, intake: Intake, file: Found) -> bool:
        """Land one file; gives whether any of it was read."""
        rejects = self._rejects_of(file)
        try:
            taken = await intake.take_in(file, rejects, again=self._again)
        except SourceUnreadable as error:
            if len(self._files) == 1:
                raise
            self.unreadable.append((file.name, str(error.fields.get("reason", ""))))
            return False
        self.taken.append(taken)
        return not taken.finished

    def _rejects_of(self, file: Found) -> Path:
        if self._rejects is None:
            return file.path.with_name(file.path.name + REJECTS_SUFFIX)
        path = self._rejects / (file.name + REJECTS_SUFFIX)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def status(self) -> int:
        """The command's exit status: 2 where a file could not be read, 1 where nothing was taken."""
        if self.unreadable:
            return 2
        return int(all(taken.rows == taken.rejected for taken in self.taken))


def _told(taken: Taken) -> dict[str, Any]:
    state = "done before" if taken.finished else "resumed" if taken.before else "imported"
    return {
        "file": taken.name,
        "state": state,
        "rows": taken.rows,
        "taken": taken.rows - taken.rejected,
        "rejected": taken.rejected,
        "landed": taken.landed,
        "known": taken.known,
        "rejects": str(taken.rejects) if taken.rejected else None,
    }


def _tell(run: _Run, passed_over: list[str], *, as_json: bool) -> None:
    files = [_told(taken) for taken in run.taken]
    speed = {"seconds": round(run.seconds, 3), "rows_per_second": round(run.rows / max(run.seconds, 0.001))}
    if len(files) == 1 and not run.unreadable and not passed_over:
        show(files[0] | speed, as_json=as_json)
    else:
        sums: dict[str, Any] = {name: sum(file[name] for file in files) for name in _SUMS}
        unreadable = [{"file": name, "reason": reason} for name, reason in run.unreadable]
        if as_json:
            whole = {"files": files, "unreadable": unreadable, "passed_over": passed_over}
            show(sums | speed | whole, as_json=True)
        else:
            show_rows(files, ["file", "state", *_SUMS, "rejects"], as_json=False)
            show(sums | speed, as_json=False)
    for line in _remarks(run, passed_over):
        say(line)


def _remarks(run: _Run, passed_over: list[str]) -> list[str]:
    remarks = [f"{name}: {reason}" for name, reason in run.unreadable]
    for taken in run.taken:
        if taken.finished:
            remarks.append(f"{taken.name} has come in before; --again does it once more")
        elif taken.before:
            remarks.append(f"{taken.name} went on behind row {taken.before:,}, where the run before it had come")
        if taken.afresh:
            remarks.append(f"{taken.name} was begun again: the rejects of the run before it were gone")
        if taken.dropped:
            remarks.append(f'{taken.name}: not taken: {", ".join(taken.dropped)} (rest = "keep" takes them along)')
        for reject in taken.examples:
            where = f"line {reject.line}" + (f", {reject.field}" if reject.field else "")
            remarks.append(f"{taken.name if len(run.taken) > 1 else ''} {where}: {reject.reason}".lstrip())
    if passed_over:
        remarks.append(f"passed over, of no known type: {', '.join(passed_over)}")
    return remarks

"""Import: calls as JSON Lines and as Parquet, by `huaxiang import`, beside COPY of the same calls; then a rebuild.

For each format, in a database of its own: a part into an empty database, the whole as another tenant's, and as many
again as the first part, of the same numbers, on top. The last against the first tells whether size slows it down.

Rule 1: what an import of a single row takes (mostly Python's start) is taken off every time.
Rule 2: COPY has the calls as CSV, ready made: it pays for no parsing of ours, and for its primary key;
    the better of two, before the import and after it.
Rule 3: a rebuild is measured against the import of the same calls, with a few marks on them.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

from . import data, database
from .figures import Figure, Part, now
from .house import CommandFailed, House, opened
from .sizes import Size
from .telling import load, say

FORMATS: Final = {"jsonl": "JSON Lines", "parquet": "Parquet"}
_MIB: Final = 1 << 20
_SAME: Final = 1.1
"""Two peaks of memory within a tenth are the same."""


def measure(work: Path, size: Size) -> Part:
    """Import in each format."""
    at, busy = now(), load()
    small, large = size.calls
    numbers = large // data.CALLS_A_NUMBER
    files = work / "calls"
    bounds = {"one": (0, 1), "first": (0, small), "whole": (0, large), "last": (large, large + small)}
    try:
        written = {name: data.write_calls(files, name, *bound, numbers) for name, bound in bounds.items()}
        marks = data.write_call_marks(files / "marks.jsonl", 0, large, numbers)
        raw = {ending: _imported(work / f"import-{ending}", ending, written, marks) for ending in FORMATS}
    finally:
        shutil.rmtree(files, ignore_errors=True)
    figures = [figure for ending in FORMATS for figure in _figures(FORMATS[ending], raw[ending], small, large)]
    return Part(size.name, at, busy, figures, {"calls": large, "numbers": numbers, "first": small, **raw})


def _imported(folder: Path, ending: str, written: dict[str, dict[str, Path]], marks: Path) -> dict[str, Any]:
    """Seconds and bytes of each step, in one format."""
    shutil.rmtree(folder, ignore_errors=True)
    with opened(folder) as house:
        singles = [f"single{place}" for place in range(3)]
        for tenant in (*singles, "part", "whole"):
            house.run("tenant", "create", tenant)
        started = min(_import(house, tenant, written["one"][ending])["seconds"] for tenant in singles)
        told: dict[str, Any] = {"start_seconds": started}
        told["first"] = _import(house, "part", written["first"][ending])
        copied = [_copied(house, written["whole"]["csv"])]
        told["whole"] = _import(house, "whole", written["whole"][ending])
        told["copy_seconds"] = min(*copied, _copied(house, written["whole"]["csv"]))
        told["last"] = _import(house, "whole", written["last"][ending])
        if ending == "jsonl":
            house.run("import", str(marks), "--tenant", "whole", "--as", "facts")
            told["rebuild_seconds"] = house.run("rebuild", "--tenant", "whole").seconds
            say(f"rebuilt them in {told['rebuild_seconds']:.1f} s")
    shutil.rmtree(folder, ignore_errors=True)
    return told


def _copied(house: House, file: Path) -> float:
    return database.asked(house.url, lambda connection: database.copy_calls(connection, file))


def _import(house: House, tenant: str, file: Path) -> dict[str, Any]:
    ran = house.run("import", str(file), "--tenant", tenant, "--as", "tinet.cdr")
    if ran.answer["landed"] != ran.answer["rows"]:
        raise CommandFailed(f"of {ran.answer['rows']} rows of {file.name} only {ran.answer['landed']} landed")
    say(f"imported {ran.answer['rows']:,} rows of {file.name} in {ran.seconds:.1f} s")
    return {"rows": ran.answer["rows"], "landed": ran.answer["landed"], "seconds": ran.seconds,
            "peak_mib": round(ran.peak_bytes / _MIB, 1)}  # fmt: skip


def _figures(form: str, told: dict[str, Any], small: int, large: int) -> list[Figure]:
    net = {name: max(told[name]["seconds"] - told["start_seconds"], 1e-3) for name in ("first", "whole", "last")}
    speed, copied = large / net["whole"], large / told["copy_seconds"]
    peaks = told["first"]["peak_mib"], told["whole"]["peak_mib"]
    figures = [
        Figure(f"import of {large:,} calls, {form}", "COPY into one keyed table", speed / copied, 0.3, "more",
               group="import, speed", ours=f"{speed:,.0f} rows/s", theirs=f"{copied:,.0f} rows/s"),
        Figure(f"import's memory at {large:,}, {form}", "-", peaks[1], 1024, "less", "MiB",
               group="import, memory"),
        Figure(f"import's memory at {large:,}, {form}", f"its memory at {small:,}", peaks[1] / peaks[0], _SAME, "less",
               group="import, memory at two sizes", ours=f"{peaks[1]:,.0f} MiB", theirs=f"{peaks[0]:,.0f} MiB"),
        Figure(f"the last {small:,} calls, {form}", f"the first {small:,}", net["last"] / net["first"], 1.3, "less",
               group="import, last", ours=f"{net['last']:,.1f} s", theirs=f"{net['first']:,.1f} s"),
    ]  # fmt: skip
    if "rebuild_seconds" in told:
        rebuilt = max(told["rebuild_seconds"] - told["start_seconds"], 1e-3)
        both = net["whole"] + net["last"]
        figures.append(
            Figure(f"rebuild of {large + small:,} calls", "their import", rebuilt / both, 1, "less",
                   ours=f"{rebuilt:,.1f} s", theirs=f"{both:,.1f} s")
        )  # fmt: skip
    return figures

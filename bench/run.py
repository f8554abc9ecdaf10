"""How fast the product is, side by side with what the machine can do.

    python bench/run.py                           all parts, at the size small
    python bench/run.py lookups push              these parts alone
    python bench/run.py --size full               the numbers that the goals speak of
    python bench/run.py lookups --data DIR --keep the customers stay loaded in DIR, for the next run

Prints a table, writes results.json beside this file (each part under its own key, the others stay), and draws
docs/speed.svg. What each figure means is in README.md beside this file.
"""

# ruff: noqa: T201 -- a script that speaks to its reader
from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from speed import figures, importing, links, lookups, page, push
from speed.drawing import drawn
from speed.house import CommandFailed
from speed.load import WrongAnswers
from speed.prepared import Ready, folders, prepared
from speed.sizes import SIZES, Size

DRAWING = Path(__file__).resolve().parent.parent / "docs" / "speed.svg"
OVER_CUSTOMERS: dict[str, Callable[[Ready], figures.Part]] = {
    "lookups": lookups.measure,
    "page": page.measure,
    "push": push.measure,
}
BY_ITSELF: dict[str, Callable[[Path, Size], figures.Part]] = {"import": importing.measure, "links": links.measure}


def main() -> None:
    """Run what was asked for."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(figures.PARTS)}; all, unless given")
    asked.add_argument("--size", choices=SIZES, default="small")
    asked.add_argument("--data", type=Path, help="where the databases are made; a temporary folder, unless given")
    asked.add_argument("--keep", action="store_true", help="leave the loaded customers in DATA, for the next run")
    options = asked.parse_args()
    if unknown := set(options.parts) - set(figures.PARTS):
        asked.error(f"there is no part {', '.join(sorted(unknown))}")
    if options.keep and options.data is None:
        asked.error("--keep needs --data")
    with folders(options.data, keep=options.keep) as work:
        wrong = _run(options.parts or figures.PARTS, SIZES[options.size], work)
    _draw()
    sys.exit(1 if wrong else 0)


def _run(parts: list[str] | tuple[str, ...], size: Size, work: Path) -> list[str]:
    """Run parts, and keep what each found; gives those that were answered wrongly, of which nothing is kept."""
    wrong: list[str] = []
    if over := [name for name in OVER_CUSTOMERS if name in parts]:
        with prepared(work, size) as ready:
            for name in over:
                wrong += _one(name, partial(OVER_CUSTOMERS[name], ready))
    for name, measure in BY_ITSELF.items():
        if name in parts:
            wrong += _one(name, partial(measure, work, size))
    return wrong


def _one(name: str, measure: Callable[[], figures.Part]) -> list[str]:
    started = time.perf_counter()
    try:
        found = measure()
    except (WrongAnswers, CommandFailed, OSError) as error:
        print(f"\n{name} failed: {error}", file=sys.stderr)
        return [name]
    figures.keep(name, found)
    print(f"\n{name}, size {found.size}, {time.perf_counter() - started:.0f} s (load before: {found.load})")
    print(figures.table(found.figures), flush=True)
    return []


def _draw() -> None:
    parts = figures.kept()
    if parts:
        sizes = ", ".join(f"{name} ({part.size}, {part.at[:10]})" for name, part in parts.items())
        DRAWING.parent.mkdir(exist_ok=True)
        every = [figure for part in parts.values() for figure in part.figures]
        DRAWING.write_text(drawn(every, f"{figures.where()}: {sizes}"), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Puts the figures of results.json in their places: `python bench/table.py`, after a run worth telling of.

In each page, what stands between `<!-- speed: begin -->` (or `<!-- speed, in short: begin -->`) and
`<!-- speed: end -->` is written anew: all figures in README.md beside this file; in the README of the project, of each
group the worst.
"""

# ruff: noqa: T201 -- a script that speaks to its reader
from __future__ import annotations

import sys
from pathlib import Path

from speed import figures
from speed.marked import Unmarked, between

HERE = Path(__file__).resolve().parent
PAGES = (HERE / "README.md", HERE.parent / "README.md")


def main() -> None:
    """Write them."""
    parts = figures.kept()
    if not parts:
        sys.exit("There is no results.json yet: run bench/run.py first.")
    for page in PAGES:
        try:
            page.write_text(between(page.read_text("utf-8"), parts, figures.where()), encoding="utf-8")
        except Unmarked:
            print(f"{page.name} of {page.parent.name} has no marked block; it stays as it is", file=sys.stderr)


if __name__ == "__main__":
    main()

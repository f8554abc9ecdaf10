"""The page of portraits: whole, far from the beginning, and by a mark; beside COPY of as many bytes.

Each is fetched in turns over one connection; the median of the whole body's time counts. What the very first fetch
took, of rows that nobody had asked for as a page before, is kept beside it (`cold_seconds`).
"""

from __future__ import annotations

import asyncio
import json
import socket
from statistics import median
from typing import Any, Final

from . import asking, data, database
from .figures import Figure, Part, now
from .load import WrongAnswers, fetch
from .prepared import Ready
from .telling import load

MOST: Final = 10_000
"""Rows of a page."""

FEW: Final = 100

Times = dict[str, list[float]]


def measure(ready: Ready) -> Part:
    """Fetch the pages, in turns."""
    at, busy, rows = now(), load(), ready.size.customers
    many = min(MOST, rows // data.RARE_EVERY)
    with ready.house.serving() as port, socket.create_connection(("127.0.0.1", port), timeout=300) as line:
        pages = _Pages(line, ready, {
            "whole": ({"limit": min(MOST, rows)}, rows),
            "at 0": ({"limit": many, "offset": 0}, rows),
            "deep": ({"limit": many, "offset": rows - many}, rows),
            "few": ({"limit": FEW}, rows),
            "marked": ({"limit": many, "portraits": data.RARE}, -(-rows // data.RARE_EVERY)),
            "few marked": ({"limit": FEW, "portraits": data.RARE}, -(-rows // data.RARE_EVERY)),
        })  # fmt: skip
        copied = database.asked(ready.house.url, lambda connection: _in_turns(pages, connection, ready))
    times = {name: median(found) for name, found in pages.times.items()}
    raw = {
        "rows": rows,
        "page_rows": many,
        "body_bytes": pages.sizes,
        "copy_bytes": copied,
        "cold_seconds": pages.cold,
        "seconds": pages.times,
    }
    return Part(ready.size.name, at, busy, _figures(times, min(MOST, rows), many, rows), raw)


class _Pages:
    """Pages that are fetched again and again, each with the `totalCount` that it must tell."""

    def __init__(self, line: socket.socket, ready: Ready, asked: dict[str, tuple[dict[str, Any], int]]) -> None:
        self._line = line
        self._wires = {
            name: asking.page(ready.doors, [(key, str(value)) for key, value in query.items()])
            for name, (query, _) in asked.items()
        }
        self._asked = asked
        self.times: Times = {name: [] for name in (*asked, "copy")}
        self.sizes: dict[str, int] = {}
        self.cold: dict[str, float] = {}

    def fetch(self) -> None:
        """Fetch each of them once.

        Raises:
            WrongAnswers: one has not the rows, or does not tell the total, that it must.

        """
        for name, wire in self._wires.items():
            got = fetch(self._line, wire)
            told: dict[str, Any] = json.loads(got.body) if " 200" in got.status else {"data": []}
            query, total = self._asked[name]
            rows = min(query["limit"], total - query.get("offset", 0))
            if told.get("totalCount") != total or len(told["data"]) != rows:
                raise WrongAnswers(f"the page {name}: {got.status}, totalCount {told.get('totalCount')}")
            self.sizes[name] = len(got.body)
            self.times[name].append(got.seconds)


async def _in_turns(pages: _Pages, connection: database.Connection, ready: Ready) -> int:
    """Fetch and copy in turns; gives the bytes that were copied."""
    rows = min(MOST, ready.size.customers)
    await asyncio.to_thread(pages.fetch)
    pages.cold = {name: found[0] for name, found in pages.times.items() if found}
    await database.make_page(connection, ready.size.customers, pages.sizes["whole"] // rows)
    copied = 0
    for number in range(ready.size.pages + 1):
        await asyncio.to_thread(pages.fetch)
        seconds, copied = await database.copy_page(connection, rows)
        pages.times["copy"].append(seconds)
        if number == 0:  # who comes first pays for plans and caches
            for found in pages.times.values():
                found.clear()
    return copied


def _figures(times: dict[str, float], whole: int, many: int, rows: int) -> list[Figure]:
    def figure(what: str, against: str, own: str, other: str, goal: float) -> Figure:
        ours, theirs = (f"{times[name] * 1000:,.1f} ms" for name in (own, other))
        return Figure(what, against, times[own] / times[other], goal, "less", ours=ours, theirs=theirs)

    with_mark, without = "page with `portraits=` of 1 %", "the page without it"
    return [
        figure(f"page of {whole:,}, whole body", "COPY of rows of the same size", "whole", "copy", 2),
        figure(f"page of {many:,} at offset {rows - many:,} of {rows:,}", "the page at offset 0", "deep", "at 0", 1.3),
        figure(f"{with_mark}, limit={many}", without, "marked", "at 0", 2),
        figure(f"{with_mark}, limit={FEW}", without, "few marked", "few", 2),
    ]

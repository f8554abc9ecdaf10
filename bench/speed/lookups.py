"""Look-ups: how many a second over 64 connections, beside a constant and beside the obvious alternative.

The three servers run all along, with the same number of workers; they are asked in turns, the very same requests.
While ours and the alternative are asked, calls of the same customers are pushed, a few a second, so that nothing can be
served that was learnt by heart.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import zip_longest
from statistics import median
from typing import Any, Final, cast

from . import asking
from .figures import Figure, Part, now
from .house import alternative, constant
from .load import Asked, Fetched, Measured, Stream, fetch, run
from .prepared import Ready
from .telling import load, say

WRITES: Final = 5.0
"""Pushes a second, beside the look-ups."""

_SAMPLES: Final = 20
_MOST_PASSES: Final = 8
_PASS_STEP_S: Final = 1.0
_FASTER: Final = 1.1
"""A pass that is not this much faster than the one before it shows that all is warm."""

_VOLATILE: Final = frozenset({"requestId", "viewed_at", "weekActive", "monthActive", "weekSpread", "monthSpread"})
"""What two answers to one question may differ in: they tell when they were made."""


def measure(ready: Ready) -> Part:
    """Measure each kind of look-up."""
    at, busy = now(), load()
    figures: list[Figure] = []
    raw: dict[str, Any] = {"customers": ready.size.customers, "requests": ready.size.requests, "writes": WRITES}
    customers = ready.customers(ready.size.requests)
    with ready.house.serving() as ours, alternative(ready.house.url) as theirs:
        pushes = asking.calls(ready.doors, customers)
        for kind, ask in asking.lookups(ready.doors, ours).items():
            writing = Stream("pushes", ours, pushes, connections=1, rate=WRITES)
            found = _compared([ask(customer) for customer in customers], ours, theirs, writing, ready)
            figures += _figures(kind, found)
            raw[kind] = found
            say(f"{kind}: {found['per_second']} a second")
    return Part(ready.size.name, at, busy, figures, raw)


def _compared(asked: Sequence[Asked], ours: int, theirs: int, writing: Stream, ready: Ready) -> dict[str, Any]:
    """One kind of request: the three in turns, then ours at half of what it can do, and the constant at that rate."""
    size = ready.size
    samples = [(_once(ours, one), _once(theirs, one)) for one in asked[:_SAMPLES]]
    body = sum(len(own.body) for own, _ in samples) // len(samples)
    with ExitStack() as opened:
        bare = opened.enter_context(constant(body))
        same = [one._replace(expects=b"xxxxxxxx") for one in asked]
        runs = {
            "constant": [Stream("constant", bare, same)],
            "ours": [Stream("ours", ours, asked), writing],
            "alternative": [Stream("alternative", theirs, asked), writing],
        }
        passes = _warmed(runs["ours"], len(asked))
        for name in ("constant", "alternative"):
            run(runs[name], size.round_s / 2)  # who comes first pays for plans and caches
        rounds = {name: list[Measured]() for name in runs}
        for _ in range(size.rounds):
            for name, streams in runs.items():
                rounds[name].append(run(streams, size.round_s, lead_s=min(1, size.round_s / 2))[0])
        rate = max(median(one.rate for one in rounds["ours"]) / 2, 1)
        half = run([Stream("ours", ours, asked, rate=rate), writing], size.round_s * 2)[0]
        bare_half = run([Stream("constant", bare, same, rate=rate)], size.round_s * 2)[0]
    return {
        "body_bytes": body,
        "differs_from_alternative": sorted({name for own, other in samples for name in _differing(own, other)}),
        # At the smallest size a busy machine may leave a round without a single answer.
        "per_second": {name: max(round(median(one.rate for one in found), 1), 0.1) for name, found in rounds.items()},
        "passes_per_second": [round(one, 1) for one in passes],
        "rounds": {name: [one.told() for one in found] for name, found in rounds.items()},
        "at_half": {"asked_per_second": round(rate, 1), **half.told()},
        "constant_at_half": bare_half.told(),
    }


def _warmed(streams: Sequence[Stream], requests: int) -> list[float]:
    """Ask for everything, again and again, until that is hardly faster than before; gives the answers a second of each.

    The first pass is of what nobody has asked for before; then each worker has yet to meet what others answered.
    """
    passes = [_pass(streams, requests)]
    while len(passes) < _MOST_PASSES:
        passes.append(_pass(streams, requests))
        if passes[-1] < passes[-2] * _FASTER:
            break
    return passes


def _pass(streams: Sequence[Stream], requests: int) -> float:
    answers = seconds = 0.0
    while answers < requests:
        answers += len(run(streams, _PASS_STEP_S)[0].times)
        seconds += _PASS_STEP_S
    return answers / seconds


def _figures(kind: str, found: dict[str, Any]) -> list[Figure]:
    """The figures of one kind."""
    speed = found["per_second"]
    ours, bare, other = f"{speed['ours']:,.0f}/s", f"{speed['constant']:,.0f}/s", f"{speed['alternative']:,.0f}/s"
    return [
        Figure(f"look-up: {kind}", "a constant, bare Granian", speed["ours"] / speed["constant"], 0.4, "more",
               group="look-ups, constant", ours=ours, theirs=bare),
        Figure(f"look-up: {kind}, p99 at half of that load", "-", found["at_half"]["p99_ms"], 5, "less", "ms",
               group="look-ups, p99", theirs=f"a constant at this rate: {found['constant_at_half']['p99_ms']:.1f} ms"),
        Figure(f"look-up: {kind}", "FastAPI + SQLAlchemy", speed["ours"] / speed["alternative"], 8, "more",
               group="look-ups, alternative", ours=ours, theirs=other),
    ]  # fmt: skip


def _once(port: int, asked: Asked) -> Fetched:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        return fetch(line, asked.wire)


def _differing(own: Fetched, other: Fetched) -> set[str]:
    """The names of fields in which two answers differ, but for those that tell when they were made."""
    return _unequal("", json.loads(own.body), json.loads(other.body))


def _unequal(name: str, own: Any, other: Any) -> set[str]:  # noqa: ANN401 - whatever JSON holds
    if isinstance(own, dict) and isinstance(other, dict):
        one, two = cast("dict[str, Any]", own), cast("dict[str, Any]", other)
        every = {*one, *two} - _VOLATILE
        return {found for field in every for found in _unequal(field, one.get(field), two.get(field))}
    if isinstance(own, list) and isinstance(other, list):
        pairs = zip_longest(cast("list[Any]", own), cast("list[Any]", other))
        return {found for pair in pairs for found in _unequal(name, *pair)}
    return set() if own == other else {name}

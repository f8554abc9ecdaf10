"""Push: from a fact sent over HTTP to the same fact in the answer to a look-up, at a rate that does not wait.

Each of so many pushes a second is followed, as soon as it is answered, by the look-up that must show it: as many
look-ups as pushes. An answer without the fact is an error. It has gone on so for half as long before it is measured.
"""

from __future__ import annotations

from . import asking
from .figures import Figure, Part, now
from .load import Stream, run
from .prepared import Ready
from .telling import load


def measure(ready: Ready) -> Part:
    """Push and look, at the size's rate."""
    at, busy, size = now(), load(), ready.size
    with ready.house.serving() as port:
        asked = asking.said_and_seen(ready.doors, ready.customers(size.customers))
        stream = Stream("pushes", port, asked, rate=size.pushes)
        run([stream], size.push_s / 2)
        found = run([stream], size.push_s)[0]
    told = found.told()
    figure = Figure(
        f"a push to its fact served, p99, at {size.pushes:,.0f} pushes/s and as many look-ups", "-",
        sorted(found.times)[int(len(found.times) * 0.99)] * 1000, 50, "less", "ms",
        ours=f"{found.rate:,.0f}/s done in time",
    )  # fmt: skip
    return Part(size.name, at, busy, [figure], {"asked_per_second": size.pushes, **told})

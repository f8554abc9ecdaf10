"""Tells, while a part runs, how far it is: a line on stderr, which no table is made of."""

from __future__ import annotations

import os
import sys


def say(line: str) -> None:
    """Tell a person."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - a part of a script, which speaks to its reader


def load() -> float:
    """The mean number of processes that wanted a processor in the last minute: how busy the machine is."""
    return round(os.getloadavg()[0], 1)

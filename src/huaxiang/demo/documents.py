"""The customers of the vendors' documents, as rows: the package's data files, their recent times moved to now.

`rows/tinet.cdr.jsonl`: the four callers of Tinet's page. `rows/telrobot.customer.jsonl`: Telrobot's customer with its
two components. `rows/rabbitpre.*.jsonl`: a customer who fills every field that Rabbitpre documents; the one who passed
the work on to them, and two to whom they passed one on. Rabbitpre's own sample is filler, so these values are ours.

Rule 1: a file is named by the format that imports it.
Rule 2: `time` and `updateTime` of Rabbitpre's rows are written as of `WRITTEN_ON`, and move by whole days with the day
        that is asked for; what lies years back stays.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Final

import msgspec

from huaxiang.model import Json

WRITTEN_ON: Final = date(2024, 5, 20)

_FORMATS: Final = ("tinet.cdr", "telrobot.customer", "rabbitpre.profile", "rabbitpre.event")
_MOVING: Final = ("time", "updateTime")
_decoder = msgspec.json.Decoder(dict[str, Json])


def document_rows(today: date) -> list[tuple[str, dict[str, Json]]]:
    """The rows, each with its import format, as they would have been written on `today`."""
    days = today - WRITTEN_ON
    found: list[tuple[str, dict[str, Json]]] = []
    for kind in _FORMATS:
        text = files("huaxiang.demo").joinpath("rows", f"{kind}.jsonl").read_bytes()
        found += [(kind, _moved(row, days)) for row in _decoder.decode_lines(text)]
    return found


def _moved(row: dict[str, Json], days: timedelta) -> dict[str, Json]:
    moving = {name: datetime.fromisoformat(row[name]) for name in _MOVING if name in row}
    return row | {name: (time + days).isoformat(sep=" ") for name, time in moving.items()}

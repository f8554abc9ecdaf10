"""The call's own metrics -> whether a rule's condition on them holds.

Rule 1: a metric that the call does not have holds nothing but `exists: false`; all that a condition gives holds.
Rule 2: a number is compared as a number, also where the source wrote it as text (`"60"`); a text as normalised text;
    true and false only with themselves.
Rule 3: of a list, one item that holds is enough. An object is compared with nothing; its fields are, by their path.
Rule 4: rounds are the transcript's own, else what the source counted.
Rule 5: the time of day is that of the call's beginning, in the ruleset's time zone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from huaxiang.model import Call, Json
from huaxiang.portrait.rules import OfCall, Value
from huaxiang.portrait.text import normalised

if TYPE_CHECKING:
    from datetime import tzinfo

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_MINUTES: Final = 60


def failing(condition: OfCall, call: Call, rounds: int | None, zone: tzinfo) -> str | None:
    """The first of the condition's metrics that does not hold, by its path; None when all hold."""
    metrics: tuple[tuple[str, Value | None, Json], ...] = (
        ("duration", condition.duration, call.duration),
        ("rounds", condition.rounds, call.rounds if rounds is None else rounds),
        ("city", condition.city, call.city),
    )
    for name, value, told in metrics:
        if value is not None and not _holds(value, told):
            return name
    if condition.time is not None:
        if call.at is None:
            return "time"
        at = call.at.astimezone(zone)
        if not condition.time.holds(at.hour * _MINUTES + at.minute):
            return "time"
    for path, value in condition.details.items():
        if not _holds(value, _at(call.details, path)):
            return f"details.{path}"
    return None


def _at(details: Json, path: str) -> Json:
    """What stands under the name `path`, else at the end of the names that it joins by dots."""
    if isinstance(details, dict):
        fields = cast("dict[str, Json]", details)
        if path in fields:
            return fields[path]
        name, dot, rest = path.partition(".")
        if dot:
            return _at(fields.get(name), rest)
    return None


def _holds(value: Value, told: Json) -> bool:
    if value.exists is not None and (told is not None) != value.exists:
        return False
    items = cast("list[Json]", told) if isinstance(told, list) else [told]
    if value.one_of and not any(_equals(wanted, item) for wanted in value.one_of for item in items):
        return False
    bounds = value.bounds
    if bounds is None:
        return True
    numbers = [number for item in items if (number := _number(item)) is not None]
    return any(bounds.hold(number) for number in numbers)


def _equals(wanted: str | float | bool, told: Json) -> bool:  # noqa: FBT001 - a value of the source's, of any type
    if isinstance(wanted, bool) or isinstance(told, bool):
        return wanted is told
    if isinstance(wanted, str):
        return isinstance(told, str | int | float) and normalised(wanted) == normalised(str(told))
    return _number(told) == wanted


def _number(told: Json) -> float | None:
    if isinstance(told, bool):
        return None
    if isinstance(told, int | float):
        return told
    if isinstance(told, str) and _DECIMAL.fullmatch(told.strip()):
        return float(told)
    return None

"""What a Telrobot server answers about customers -> the facts that make this one answer the same.

Takes rows of `get_customer`, as they came, in the list's order; gives a record each, with the fields that it brings.

Rule 1: a row is the record whole, with what it borrowed there from its customer: who answers knows no more.
Rule 2: a list is ordered by times that it shows in seconds only. So each record is given a time at which it is listed:
        its second, and as many microseconds as rows of that second behind it stand against the order of their ids; no
        later than the row before.
Rule 3: a record that was changed here since it was changed there stays as it is.
Rule 4: who viewed a record last is no change of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from huaxiang.dialects.telrobot import inward
from huaxiang.model import AnyFact, CustomField, Json, Parsed, Record

PULLED: Final = "pulled"
"""The detail that tells by which account of the source a record came, so that its end there can be told from others."""
TICK: Final = timedelta(microseconds=1)
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Json]


def customer(row: Row, listed_at: datetime | None, account: str, zone: ZoneInfo) -> Parsed:
    """The record of a row, listed as of a time, pulled for an account. Raises `InputMissing`, `InputInvalid`."""
    said = {name: value for name, value in row.items() if value is not None and (name, value) != ("sex", 0)}
    parsed = inward.customer(said, zone, checked=False)
    (fact,) = parsed.facts
    assert isinstance(fact, Record)
    fact = replace(
        fact, updated_at=None, created_at=listed_at or fact.created_at, details={**fact.details, PULLED: account}
    )
    return Parsed((fact,), parsed.fields)


def listed(rows: Sequence[Row], before: datetime | None, zone: ZoneInfo) -> list[datetime | None]:
    """When each of these rows is listed, all of which a list shows in one second; `before`: the row before them."""
    behind, times = 0, list[datetime | None]()
    for place in range(len(rows) - 1, -1, -1):
        if place + 1 < len(rows) and _name(rows[place]) > _name(rows[place + 1]):
            behind += 1
        second = second_of(rows[place], zone)
        if second is not None and before is not None:
            second = min(second, before.replace(microsecond=0))
        times.append(None if second is None else second + behind * TICK)
    return times[::-1]


def second_of(row: Row, zone: ZoneInfo) -> datetime | None:
    """The second in which a row was created, in UTC, as it shows it."""
    try:
        at = datetime.fromisoformat(str(row.get("created_at")))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC).replace(microsecond=0)


def template(fields: Iterable[Row], account: str, known: Sequence[CustomField], now: datetime) -> Iterator[CustomField]:
    """The definitions of an account's field template that rows did not bring along already."""
    had = {field.id: field for field in known}
    for field in fields:
        details: dict[str, Any] = {
            "id": str(field["id"]),
            "user_id": account,
            "name": field.get("name") or "",
            "type": field.get("type") or "text",
            "sort": field.get("sort") or 0,
            "validate": list(field.get("validate") or ()),
            "status": True,
            "warehouse_id": 0,
        }
        stands = had.get(UUID(details["id"]))
        if stands is not None and all(stands.details.get(name) == details[name] for name in _SHOWN):
            continue
        at = _NEVER if stands is None else max(now, stands.updated_at + TICK)
        kept = {} if stands is None else stands.details
        yield CustomField(UUID(details["id"]), account, details["sort"], at, {**kept, **details})


def settled(standing: AnyFact | None, told: AnyFact) -> AnyFact:
    """What is to stand of a record, after what stands and what was told of it (Rules 3 and 4)."""
    if not (isinstance(standing, Record) and isinstance(told, Record)):
        return told
    if _changed_at(standing) > _changed_at(told):
        return standing
    viewed = standing.details.get("viewed_at")
    seen = {"viewed_at": viewed} if viewed is not None else {}
    rest = {name: value for name, value in told.details.items() if name != "viewed_at"}
    if rest == {name: value for name, value in standing.details.items() if name != "viewed_at"}:
        return replace(told, details=rest | seen)
    return told


_SHOWN: Final = ("name", "type", "sort", "validate")


def _changed_at(record: Record) -> str:
    return str(record.details.get("updated_at") or "")


def _name(row: Row) -> str:
    return str(row.get("id"))

"""Activity and spread from real facts, while a clock walks: midnights, a leap day, months' ends, a summer's beginning.

The clock is the time that a request is answered at. What is served at each of its hours is held against the plain list
of what had happened until then.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from huaxiang.dialects.rabbitpre import inward, outward
from huaxiang.model import Identifier, Tenant, TenantSettings
from huaxiang.service import Service

WEIGHTS = {"view": 1, "share": 5, "scan": 0}
CREATED = datetime(2024, 1, 20, tzinfo=UTC)
NAMES = [Identifier("unionid", "un-1"), Identifier("unionid", "above-1")]
STEP = timedelta(hours=7)
"""No divisor of a day: the clock stops at every hour of it, by and by."""


class Event(NamedTuple):
    """Something the customer did, when it did, by the tenant's clock."""

    at: datetime
    type: str


def events(zone: ZoneInfo) -> list[Event]:
    """Round midnights: before and after the leap day, two months' ends, and a night in which clocks change."""
    texts = [
        ("2024-01-31 23:59:59", "view"), ("2024-02-01 00:00:00", "share"), ("2024-02-01 12:00:00", "scan"),
        ("2024-02-22 23:59:59", "share"), ("2024-02-28 23:59:59", "view"), ("2024-02-29 00:00:00", "view"),
        ("2024-02-29 23:59:59", "share"), ("2024-03-01 00:00:00", "view"), ("2024-03-10 01:30:00", "view"),
        ("2024-03-10 03:30:00", "share"), ("2024-03-31 23:59:59", "view"), ("2024-04-01 00:00:00", "scan"),
    ]  # fmt: skip
    return [Event(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC), type_) for text, type_ in texts]


def ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def window(happened: list[Event], days: int, now: datetime, zone: ZoneInfo) -> dict[str, int]:
    """What a window holds, told event by event: which count today, and at which midnight each of the others left."""
    today, count, changes = now.astimezone(zone).date(), 0, [CREATED]
    worthy = [event for event in happened if WEIGHTS[event.type]]
    for event in worthy:
        age = (today - event.at.astimezone(zone).date()).days
        if age < days:
            count += WEIGHTS[event.type]
            changes.append(event.at)
        else:
            changes.append(midnight(event.at.astimezone(zone).date() + timedelta(days=days), zone))
    return {"count": count, "updateTime": ms(max(changes))}


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def expected(happened: list[Event], now: datetime, zone: ZoneInfo, side: str) -> dict[str, Any]:
    name = side.title()
    return {
        side: sum(WEIGHTS[event.type] for event in happened),
        f"week{name}": window(happened, 7, now, zone),
        f"month{name}": window(happened, 30, now, zone),
    }


async def answered(service: Service, tenant: Tenant, now: datetime) -> list[dict[str, Any]]:
    """What the detail call answers at this time, of the customer and of the one above."""
    found = [one for one in await service.customers(tenant, NAMES) if one is not None]
    return json.loads(outward.detail(found, tenant=tenant, now=now, audience_ids={}))["data"]


@pytest.mark.parametrize("name", ["Asia/Shanghai", "America/New_York"])
async def test_windows_follow_a_clock_that_walks_over_midnights_a_leap_day_and_months_ends(
    service: Service, name: str
) -> None:
    zone = ZoneInfo(name)
    tenant = await service.create_tenant("walked", time_zone=name)
    tenant = await service.set_tenant(tenant, settings=TenantSettings(weights=WEIGHTS))
    for unionid in ("un-1", "above-1"):
        row = {"unionid": unionid, "createTime": ms(CREATED), "updateTime": ms(CREATED)}
        await service.land(tenant, [(1, inward.parse_profile(row, zone))])
    waiting, happened = events(zone), list[Event]()
    # Every stop of the walk, and the last second before each midnight and the first after it.
    nights = [midnight(date(2024, 1, 30) + timedelta(days=number), zone) for number in range(100)]
    walk = [nights[0] + STEP * number for number in range(int((nights[-1] - nights[0]) / STEP))]
    stops = sorted({*walk, *nights, *(night - timedelta(seconds=1) for night in nights)})
    for now in stops:
        while waiting and waiting[0].at <= now:
            event = waiting.pop(0)
            row = {
                "eventKey": event.type, "eventId": f"e{len(happened)}", "unionid": "un-1", "time": ms(event.at),
                "eventargs": {"upstream": {"unionid": "above-1"}},
            }  # fmt: skip
            await service.land(tenant, [(1, inward.parse_event(row, zone))])
            happened.append(event)
        one, above = await answered(service, tenant, now)
        assert {key: one[key] for key in one if key in expected([], now, zone, "active")} == expected(
            happened, now, zone, "active"
        ), now
        assert {key: above[key] for key in above if key in expected([], now, zone, "spread")} == expected(
            happened, now, zone, "spread"
        ), now
        assert (above["active"], one["spread"]) == (0, 0)
    assert not waiting

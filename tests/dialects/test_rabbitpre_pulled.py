"""What is made of pulled rows: sums that come out as they were told, that day and later; lists in their order."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.dialects.rabbitpre import outward, pulled
from huaxiang.model import (
    Bucket,
    Customer,
    Follow,
    Identifier,
    Identity,
    Order,
    Origin,
    Subscription,
    Summary,
    Tally,
    Tenant,
    TenantSettings,
)

ZONES = ["Asia/Shanghai", "America/New_York"]
NOW = datetime(2024, 3, 31, 9, 30, tzinfo=UTC)
CREATED = datetime(2023, 1, 1, 8, 0, 0, 250_000, tzinfo=UTC)
FIELDS = (
    "lastActiveTime", "gzhInteractTime", "active", "weekActive", "monthActive", "spread", "weekSpread", "monthSpread",
    "wechatList", "subWechatList",
)  # fmt: skip


def tenant(zone: str) -> Tenant:
    weights = TenantSettings(weights={"view": 1, "share": 5, "scan": 0})
    return Tenant(1, "demo", "demo", zone, bytes(32), UUID(int=1), UUID(int=2), weights)


def row_of(buckets: list[Bucket], follows: list[Follow], zone: str, now: datetime = NOW) -> dict[str, Any]:
    """What the detail call answers of a customer with these sums."""
    order = Order(CREATED, 0, "r", UUID(int=7))
    one = Identity(UUID(int=3), Identifier("audience_id", "643"), 1, "643", False, CREATED, CREATED, order)  # noqa: FBT003 - a struct's field
    summary = Summary(buckets=tuple(buckets), follows=tuple(sorted(follows, key=lambda follow: follow.order)))
    content = outward.detail([Customer(1, (one,), summary, CREATED)], tenant=tenant(zone), now=now, audience_ids={})
    return json.loads(content)["data"][0]


Side = Literal["active", "spread"]
Event = tuple[Side, str, str, datetime]
SIDES: list[Side] = ["active", "spread"]


def before(days: int, minutes: int) -> datetime:
    return NOW - timedelta(days=days, minutes=minutes)


events: st.SearchStrategy[Event] = st.tuples(
    st.sampled_from(SIDES),
    st.sampled_from(["view", "share", "scan"]),
    st.sampled_from(["", "wxa", "wxb"]),
    # Around midnights, within and beyond the windows, over a night in which clocks change.
    st.builds(
        before,
        st.sampled_from([0, 1, 5, 6, 7, 8, 13, 22, 23, 29, 30, 31, 37, 60, 400]),
        st.sampled_from([-60, 0, 1, 329, 330, 331, 570, 571, 1000, 1439]),
    ),
)


def buckets_of(happened: list[Event], zone: ZoneInfo) -> list[Bucket]:
    found: dict[tuple[Any, ...], Bucket] = {}
    for side, kind, account, at in happened:
        key: tuple[Side, date, str, str] = (side, at.astimezone(zone).date(), kind, account)
        had = found.get(key)
        count, newest = (had.count + 1, max(had.newest_at, at)) if had else (1, at)
        found[key] = Bucket(*key, count, newest)
    return list(found.values())


def pulled_from(row: dict[str, Any], zone: str, known: list[Bucket] | None = None) -> tuple[list[Bucket], list[Follow]]:
    """The sums of the facts that are made of a row, beside what is known."""
    settings = tenant(zone).settings
    own = [(bucket, bucket.count * settings.weight(bucket.type)) for bucket in known or []]
    heard = pulled.Heard(NOW, ZoneInfo(zone), "", CREATED, own)
    facts = pulled.facts(row, heard)
    tally = next((fact for fact in facts if isinstance(fact, Tally)), Tally(source="x"))
    parts = [
        Bucket(part.side, part.at.astimezone(ZoneInfo(zone)).date(), "", part.account, part.count, part.at)
        for part in tally.portions
    ]
    follows = [
        Follow(
            Order(fact.at or NOW, 0, fact.id or "", UUID(int=9)),
            "",
            fact.account,
            fact.account_name,
            fact.followed,
            fact.origin,
        )
        for fact in facts
        if isinstance(fact, Subscription)
    ]
    return [*(known or []), *parts], follows


def shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in FIELDS if name in row}


@given(st.lists(events, max_size=8), st.sampled_from(ZONES))
def test_sums_come_out_as_they_were_told_whatever_had_happened(happened: list[Event], zone: str) -> None:
    told = row_of(buckets_of(happened, ZoneInfo(zone)), [], zone)
    buckets, _ = pulled_from(told, zone)
    assert shown(row_of(buckets, [], zone)) == shown(told)


@given(st.lists(events, max_size=6), st.sampled_from(ZONES), st.data())
def test_events_that_are_known_one_by_one_do_not_count_twice(
    happened: list[Event], zone: str, data: st.DataObject
) -> None:
    known = [event for event in happened if data.draw(st.booleans())]
    told = row_of(buckets_of(happened, ZoneInfo(zone)), [], zone)
    buckets, _ = pulled_from(told, zone, buckets_of(known, ZoneInfo(zone)))
    again = row_of(buckets, [], zone)
    for name in ("active", "spread", "lastActiveTime"):
        assert again.get(name) == told.get(name)
    for name in ("weekActive", "monthActive", "weekSpread", "monthSpread"):
        assert again[name]["count"] == told[name]["count"]


@given(st.lists(events, max_size=6), st.integers(0, 45), st.sampled_from(ZONES))
def test_on_later_days_what_was_told_leaves_the_windows_and_stays_in_the_sums(
    happened: list[Event], days: int, zone: str
) -> None:
    told = row_of(buckets_of(happened, ZoneInfo(zone)), [], zone)
    buckets, _ = pulled_from(told, zone)
    later = row_of(buckets, [], zone, NOW + timedelta(days=days))
    for side in ("active", "spread"):
        week, month = later[f"week{side.title()}"], later[f"month{side.title()}"]
        assert later[side] == told[side]
        assert week["count"] <= told[f"week{side.title()}"]["count"] <= later[side]
        assert week["count"] <= month["count"] <= told[f"month{side.title()}"]["count"]
        if days >= pulled.MONTH_DAYS:
            assert (week["count"], month["count"]) == (0, 0)


follow_events = st.tuples(
    st.sampled_from(["wxa", "wxb", "wxc"]), st.booleans(), st.integers(0, 4), st.sampled_from([None, 7])
)


@given(st.lists(follow_events, max_size=8))
def test_accounts_stand_in_the_order_in_which_they_are_listed_with_their_first_subscriptions(
    told: list[tuple[str, bool, int, int | None]],
) -> None:
    follows = [
        Follow(
            Order(NOW - timedelta(days=9 - days), 0, str(place), UUID(int=place)),
            "", account, f"name of {account}", followed, Origin(channel=channel) if channel else None,
        )
        for place, (account, followed, days, channel) in enumerate(told)
    ]  # fmt: skip
    row = row_of([], follows, ZONES[0])
    _, again = pulled_from(row, ZONES[0])
    assert shown(row_of([], again, ZONES[0])) == shown(row)


def test_a_customer_with_more_identities_than_a_fact_may_name_is_told_in_parts_that_name_it() -> None:
    openids = [{"openid": f"o{number}", "appid": f"wx{number}", "fromTo": "gzh"} for number in range(70)]
    row = {"audienceUserId": 643, "createTime": "2023-01-01 16:00:00", "unionid": "u", "openids": openids}
    facts = pulled.facts(row, pulled.Heard(NOW, ZoneInfo(ZONES[0]), "", CREATED))
    assert [len(fact.identifiers) for fact in facts] == [32, 32, 10]
    assert all(pulled.name(643) in fact.identifiers for fact in facts)
    named = [mention.value for fact in facts for mention in fact.identifiers if mention.kind == "openid"]
    assert named == [f"o{number}" for number in range(70)]


def test_a_creation_is_known_to_the_millisecond_by_a_window_that_nothing_was_ever_in() -> None:
    row: dict[str, Any] = row_of([], [], ZONES[0])
    assert pulled.creation(row, ZoneInfo(ZONES[0])) == (CREATED, True)
    busy = row_of([Bucket(side, date(2024, 1, 1), "view", "", 1, NOW) for side in ("active", "spread")], [], ZONES[0])
    assert pulled.creation(busy, ZoneInfo(ZONES[0])) == (CREATED.replace(microsecond=0), False)


def test_what_is_taken_back_says_nothing_more() -> None:
    told = row_of([], [Follow(Order(NOW, 0, "f", UUID(int=1)), "", "wxa", None, True, None)], ZONES[0])  # noqa: FBT003 - a struct's field
    told |= {"unionid": "u", "realName": "甲", "sourceCnl": 7, "active": 3}
    for fact in pulled.facts(told, pulled.Heard(NOW, ZoneInfo(ZONES[0]), "", CREATED)):
        bare = pulled.taken_back(fact)
        assert (bare.traits, bare.origin, len(bare.identifiers)) == ({}, None, 1)
        assert msgspec.structs.asdict(bare).get("portions", ()) == ()
        assert not getattr(bare, "followed", False)

"""The public pool worked out of times: by the rules, in any order, and as a clock walks over its moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.model import CrmRecord, CrmStep, Json, Order, TenantSettings
from huaxiang.pool import Held, Pool, cutoffs, held, pool

SHANGHAI = ZoneInfo("Asia/Shanghai")
START = datetime(2024, 3, 1, 1, tzinfo=UTC)
DAYS = TenantSettings(unfollow_days=3, unsettled_days=10)
SECOND = timedelta(seconds=1)
What = Literal["follow", "settle", "claim", "release"]


def day(count: float) -> datetime:
    """So many days after the record was entered."""
    return START + timedelta(days=count)


def record(*, said_on: float = 0, owner: str = "a", **details: Json) -> CrmRecord:
    """A record that was entered at the start, and whose newest word is of a later day."""
    order = Order(day(said_on), 0, "r", UUID(int=1))
    said = {"created_at": START.isoformat(), **details}
    return CrmRecord(order, "telrobot", "", "r", owner, deleted=False, details=said)


def step(what: What, on: float, *, owner: str = "", withdrawn: bool = False) -> CrmStep:
    """A step of a day."""
    order = Order(day(on), 0, f"{what} {on}", UUID(int=2))
    return CrmStep(
        order, "huaxiang", "", "r", what, owner, author="me", reason="why", withdrawn=withdrawn, said_at=day(on)
    )


def stands(on: float, *steps: CrmStep, of: CrmRecord | None = None, days: TenantSettings = DAYS) -> Pool:
    """How the customer stands on a day."""
    return pool(held(of or record(), steps, SHANGHAI), days, day(on))


def back_on(*steps: CrmStep, of: CrmRecord | None = None, days: TenantSettings = DAYS) -> float | None:
    """The day on which the customer goes back, as a clock finds it that stands still before and at each moment."""
    found = held(of or record(), steps, SHANGHAI)
    until = pool(found, days, START).until
    if until is None:
        return None
    assert not pool(found, days, until - timedelta(microseconds=1)).is_back
    assert pool(found, days, until).is_back
    assert pool(found, days, until + timedelta(days=5000)).is_back
    return (until - START) / timedelta(days=1)


def test_without_days_nobody_goes_back() -> None:
    assert back_on(days=TenantSettings()) is None
    assert not stands(9999, days=TenantSettings()).is_back


def test_a_customer_not_followed_in_time_goes_back_at_that_very_moment() -> None:
    assert back_on() == 3
    assert stands(1).unfollow_back_at == day(3)
    assert stands(1).unsettled_back_at == day(10)
    assert stands(4).unfollow_back_at == day(3)


def test_a_follow_up_begins_the_days_anew_but_not_those_to_the_closing() -> None:
    assert back_on(step("follow", 2)) == 5
    assert back_on(step("follow", 2), step("follow", 4.5), step("follow", 7)) == 10
    assert stands(1, step("follow", 1)).unsettled_back_at == day(10)


def test_of_follow_ups_the_newest_counts_however_they_come_and_a_late_one_takes_out_again() -> None:
    assert stands(4).is_back
    assert not stands(5, step("follow", 4.5)).is_back
    assert stands(5, step("follow", 2), step("follow", 1)).unfollow_back_at == day(5)


def test_closing_ends_both_days_until_somebody_claims() -> None:
    assert back_on(step("settle", 1)) is None
    closed = stands(5000, step("settle", 1))
    assert (closed.is_back, closed.held.is_settled) == (False, True)
    assert (closed.unfollow_back_at, closed.unsettled_back_at) == (None, None)
    again = step("settle", 1), step("release", 2), step("claim", 20, owner="b")
    assert back_on(*again) == 23
    assert not stands(21, *again).held.is_settled


def test_a_release_puts_into_the_pool_and_a_claim_takes_out_for_another_account_with_new_times() -> None:
    released = stands(2, step("release", 1))
    assert (released.is_back, released.held.owner, released.until) == (True, "a", None)
    claimed = stands(6, step("release", 1), step("claim", 5, owner="b"))
    assert (claimed.is_back, claimed.held.owner, claimed.held.since) == (False, "b", day(5))
    assert (claimed.unfollow_back_at, claimed.unsettled_back_at) == (day(8), day(15))


def test_a_claim_of_a_customer_that_went_back_by_the_clock_begins_anew() -> None:
    assert stands(5).is_back
    assert back_on(step("claim", 5, owner="b")) == 8


def test_a_step_taken_back_is_as_if_it_had_not_been_but_for_the_time_of_the_change() -> None:
    back = stands(2, step("release", 1, withdrawn=True))
    assert (back.is_back, back.held.changed_at) == (False, day(1))
    assert back_on(step("follow", 2, withdrawn=True)) == 3
    assert stands(1, step("settle", 0.5, withdrawn=True)).until == day(3)


def test_what_the_record_says_of_its_end_counts_and_the_days_only_where_it_is_silent() -> None:
    said = record(unfollow_back_at=day(7).isoformat())
    assert back_on(of=said) == 7
    assert back_on(of=said, days=TenantSettings()) == 7
    assert stands(1, of=said).unsettled_back_at == day(10)
    both = record(unfollow_back_at=day(7).isoformat(), unsettled_back_at=day(6).isoformat())
    assert back_on(of=both) == 6


def test_what_the_record_says_of_its_end_is_overtaken_by_a_step_after_it_and_stands_again_when_said_again() -> None:
    said = record(said_on=1, unfollow_back_at=day(7).isoformat())
    assert back_on(step("follow", 2), of=said) == 5
    assert back_on(step("follow", 2), of=said, days=TenantSettings()) is None
    assert back_on(step("follow", 0.5), of=said) == 7


def test_an_end_that_was_past_when_the_record_said_so_does_not_take_back() -> None:
    said = record(said_on=8, unfollow_back_at=day(7).isoformat(), is_back=0)
    found = stands(9, of=said, days=TenantSettings())
    assert (found.is_back, found.unfollow_back_at) == (False, day(7))


def test_a_record_that_says_it_is_in_the_pool_is_until_a_claim_after_it() -> None:
    said = record(said_on=1, is_back=1)
    assert stands(1, of=said, days=TenantSettings()).is_back
    assert stands(2, step("claim", 0.5, owner="b"), of=said).is_back
    assert not stands(2, step("claim", 1.5, owner="b"), of=said).is_back


def test_a_record_that_says_it_is_not_in_the_pool_takes_it_out_of_a_release_before_it() -> None:
    assert not stands(2, step("release", 0.5), of=record(said_on=1, is_back=0)).is_back
    assert stands(2, step("release", 1.5), of=record(said_on=1, is_back=0)).is_back
    assert stands(2, step("release", 0.5), of=record(said_on=1)).is_back


def test_the_owner_is_whoever_the_newest_word_names() -> None:
    claim = step("claim", 5, owner="b")
    assert stands(6, claim, of=record(said_on=1)).held.owner == "b"
    later = stands(7, claim, of=record(said_on=6, owner="c"))
    assert (later.held.owner, later.held.since) == ("c", day(5))


def test_the_newest_follow_up_is_told_whether_the_record_or_a_person_says_it() -> None:
    said = record(followed_at=day(2).isoformat())
    assert stands(2, of=said).held.followed_at == day(2)
    assert stands(2, step("follow", 1), of=said).held.followed_at == day(2)
    assert stands(2, step("follow", 2.5), of=said).held.followed_at == day(2.5)


def test_steps_before_the_record_was_created_say_nothing_of_it() -> None:
    assert not stands(1, step("release", -1)).is_back
    assert back_on(step("settle", -1)) == 3
    assert stands(1, step("claim", -1, owner="b")).held.owner == "a"


def test_times_without_a_zone_are_the_accounts_and_what_is_no_time_says_nothing() -> None:
    said = record(unfollow_back_at="2024-03-05 09:00:00", followed_at="soon", unsettled_back_at=7)
    assert stands(1, of=said).unfollow_back_at == datetime(2024, 3, 5, 1, tzinfo=UTC)
    assert stands(1, of=said).held.followed_at is None
    assert stands(1, of=said).unsettled_back_at == day(10)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_a_day_has_24_hours_wherever_clocks_are_put_forward(zone: str) -> None:
    # Between the two, clocks are put forward in New York.
    start = datetime(2024, 3, 9, 22, tzinfo=ZoneInfo(zone))
    found = pool(held(record(inputted_at=start.isoformat()), (), ZoneInfo(zone)), DAYS, start)
    assert found.unfollow_back_at is not None
    assert found.unfollow_back_at - start.astimezone(UTC) == timedelta(hours=72)


DAY = st.integers(-2, 14).map(lambda halves: halves / 2)
steps = st.lists(
    st.builds(
        step,
        st.sampled_from(["follow", "settle", "claim", "release"]),
        DAY,
        owner=st.sampled_from(["b", "c"]),
        withdrawn=st.booleans(),
    ),
    max_size=6,
)
details = st.fixed_dictionaries(
    {},
    optional={
        "is_back": st.sampled_from([0, 1]),
        "followed_at": DAY.map(lambda on: day(on).isoformat()),
        "unfollow_back_at": DAY.map(lambda on: day(on).isoformat()),
        "unsettled_back_at": DAY.map(lambda on: day(on).isoformat()),
    },
)
settings_of_days = st.builds(
    TenantSettings, unfollow_days=st.sampled_from([None, 1, 3]), unsettled_days=st.sampled_from([None, 2, 5])
)


@given(steps, details, DAY, st.randoms(use_true_random=False))
def test_the_order_in_which_steps_come_changes_nothing(
    taken: list[CrmStep], said: dict[str, Json], on: float, chance: Random
) -> None:
    found = held(record(said_on=on, **said), taken, SHANGHAI)
    shuffled = list(taken)
    chance.shuffle(shuffled)
    assert held(record(said_on=on, **said), shuffled, SHANGHAI) == found


@given(steps, details, DAY, settings_of_days, DAY)
def test_what_a_list_asks_by_cutoffs_is_what_the_customer_tells(
    taken: list[CrmStep], said: dict[str, Json], said_on: float, days: TenantSettings, on: float
) -> None:
    found, now = held(record(said_on=said_on, **said), taken, SHANGHAI), day(on)
    assert is_back_by_cutoffs(found, days, now) == pool(found, days, now).is_back


def is_back_by_cutoffs(found: Held, days: TenantSettings, now: datetime) -> bool:
    """Whether a list of the pool has the customer: what its statement looks at."""
    unfollow, unsettled = cutoffs(days, now)
    ends = ((found.back_at, now), (found.unfollow_from, unfollow), (found.unsettled_from, unsettled))
    return found.is_pooled or any(at is not None and upto is not None and at <= upto for at, upto in ends)


@given(steps, details, DAY, settings_of_days, DAY)
def test_nothing_changes_before_the_moment_that_is_told(
    taken: list[CrmStep], said: dict[str, Json], said_on: float, days: TenantSettings, on: float
) -> None:
    found, now = held(record(said_on=said_on, **said), taken, SHANGHAI), day(on)
    first = pool(found, days, now)
    later = pool(found, days, day(5000) if first.until is None else first.until - SECOND)
    assert first.is_back == later.is_back or (first.until is not None and first.until - SECOND < now)
    assert first.until is None or pool(found, days, first.until).is_back

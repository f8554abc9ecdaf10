"""The public pool of a CRM: who holds a customer, and when it goes back, worked out of its times whenever it is read.

Takes a record and the steps that persons took about it (in any order), the tenant's days, and a time; gives how the
customer stands. Pure: nothing runs by night, and nothing is kept that the clock could make wrong.

Rule 1: of the record's own word and a step, the newer one counts: a record that says whose it is, that it is in the
        pool or not, or when it will be, is overtaken by a step that comes after it, and the other way round.
Rule 2: the holder's times run from when the record was entered, and anew from each claim. A follow-up begins the days
        without one again; closing ends both; a claim undoes a closing before it.
Rule 3: when the record itself says when it goes back, that time counts until a step comes after the record; else the
        tenant's days do, where there are any. A time that was past when the record said so did not take it back.
Rule 4: a step before the record was created says nothing of it: the same id was another customer's then.
Rule 5: a day has 24 hours. Only the newest follow-up counts: one that comes too late takes the customer out again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from huaxiang.model import CrmRecord, CrmStep, Customer, CustomField, Json, Order, TenantSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID
    from zoneinfo import ZoneInfo

_YEARS = range(1900, 9000)
_TIMES = ("created_at", "inputted_at", "followed_at", "unfollow_back_at", "unsettled_back_at")
_NEVER = (None, None)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a CRM's customer, and until when, as `pool` works it out of a record and the steps about it.

    `owner`: an account, empty for the main one. `since`: from when its times run. `is_pooled`: somebody put it into the
    public pool. `unfollow_at`, `unsettled_at`: when it goes there, as the record itself says; `back_at`: the earlier of
    those that is still to be waited for. `unfollow_from`, `unsettled_from`: from when the tenant's days count, where
    the record says nothing. `changed_at`: when the newest step was said.
    """

    owner: str
    since: datetime
    followed_at: datetime | None = None
    is_settled: bool = False
    is_pooled: bool = False
    unfollow_at: datetime | None = None
    unsettled_at: datetime | None = None
    back_at: datetime | None = None
    unfollow_from: datetime | None = None
    unsettled_from: datetime | None = None
    changed_at: datetime | None = None


class Pool(msgspec.Struct, frozen=True):
    """How a customer stands to the public pool at a time: whether it is there, and when it goes there otherwise.

    `until`: how long this holds, unless somebody says something; None for as long as nobody does.
    """

    held: Held
    is_back: bool
    until: datetime | None
    unfollow_back_at: datetime | None
    unsettled_back_at: datetime | None


class CrmView(msgspec.Struct, frozen=True):
    """A CRM record with its customer, as an account sees it. `record` is None for a customer that has none.

    `fields`: the account's custom fields, in (sort, id) order. `viewed_at`: the view before this one. `pool`: None
    where there is no record.
    """

    id: UUID
    record: CrmRecord | None
    customer: Customer
    fields: tuple[CustomField, ...]
    viewed_at: datetime | None
    pool: Pool | None = None


def held(record: CrmRecord, steps: Iterable[CrmStep], zone: ZoneInfo) -> Held:
    """Who holds the customer of a record, and until when; of the steps only those about this record count.

    Times of the record without a zone are in `zone`.
    """
    said = {name: time_of(record.details.get(name), zone) for name in _TIMES}
    created = said["created_at"]
    told = [one for one in steps if one.record == record.record and (created is None or one.order.at >= created)]
    live = sorted((one for one in told if not one.withdrawn), key=lambda one: one.order)
    claim = next((one for one in reversed(live) if one.what == "claim"), None)
    entered = said["inputted_at"] or created or record.order.at
    since = entered if claim is None else max(entered, claim.order.at)
    is_settled = any(one.what == "settle" and one.order.at >= since for one in live)
    is_pooled = _is_pooled(record, live)
    follows = [one.order.at for one in live if one.what == "follow"]
    followed_at = max((at for at in (said["followed_at"], *follows) if at is not None), default=None)
    is_newest = not live or record.order > live[-1].order
    unfollow_at, unsettled_at = ends = (said["unfollow_back_at"], said["unsettled_back_at"]) if is_newest else _NEVER
    runs = not is_settled and not is_pooled
    return Held(
        owner=record.owner if claim is None or claim.order < record.order else claim.owner,
        since=since,
        followed_at=followed_at,
        is_settled=is_settled,
        is_pooled=is_pooled,
        unfollow_at=unfollow_at,
        unsettled_at=unsettled_at,
        back_at=min((at for at in ends if at and at > record.order.at and not is_pooled), default=None),
        unfollow_from=max(since, followed_at or since) if runs and unfollow_at is None else None,
        unsettled_from=since if runs and unsettled_at is None else None,
        changed_at=max((one.said_at for one in told), default=None),
    )


def pool(found: Held, settings: TenantSettings, now: datetime) -> Pool:
    """How a customer stands to the pool now."""
    unfollow_at = _after(found.unfollow_from, settings.unfollow_days)
    unsettled_at = _after(found.unsettled_from, settings.unsettled_days)
    until = min((end for end in (found.back_at, unfollow_at, unsettled_at) if end is not None), default=None)
    is_back = found.is_pooled or (until is not None and until <= now)
    return Pool(
        held=found,
        is_back=is_back,
        until=None if is_back else until,
        unfollow_back_at=found.unfollow_at or unfollow_at,
        unsettled_back_at=found.unsettled_at or unsettled_at,
    )


def cutoffs(settings: TenantSettings, now: datetime) -> tuple[datetime | None, datetime | None]:
    """From where back on `unfollow_from`, and `unsettled_from`, mean that a customer is in the pool; None: never."""
    unfollow, unsettled = settings.unfollow_days, settings.unsettled_days
    return (
        None if unfollow is None else now - timedelta(days=unfollow),
        None if unsettled is None else now - timedelta(days=unsettled),
    )


def _is_pooled(record: CrmRecord, live: list[CrmStep]) -> bool:
    """Whether the newest word on it, the record's or a person's, is that it is in the pool."""
    is_back = record.details.get("is_back")
    said: list[tuple[Order, bool]] = [(record.order, is_back == 1)] if isinstance(is_back, int) else []
    said += [(one.order, one.what == "release") for one in live if one.what in ("claim", "release")]
    return max(said)[1] if said else False


def _after(start: datetime | None, days: int | None) -> datetime | None:
    return None if start is None or days is None else start + timedelta(days=days)


def time_of(value: Json, zone: ZoneInfo) -> datetime | None:
    """A time of a record, which may have come from anywhere; None for what is no time."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if time is None or time.year not in _YEARS:
        return None
    return time.replace(tzinfo=zone) if time.tzinfo is None else time

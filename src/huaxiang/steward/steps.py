"""What persons do about a CRM's customers: follow up, close, claim from the public pool, release into it, take back.

Takes a record's id, an author and a reason; gives how the customer stands then. Each is a fact (`Step`) like any other.

Rule 1: a customer in the pool can only be claimed; one out of it can be followed up, closed or released. That is looked
        at under the tenant's lock, as things stood at the time of the step.
Rule 2: an id given by the caller makes a step the same step however often it comes; with other words it is refused.
Rule 3: a step that does not say when it was is later than all that was said of the record so far.
Rule 4: a step is taken back by a newer revision of it, with an author and a reason of its own. Nothing is lost.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec

from huaxiang import pool, read
from huaxiang.dialects.telrobot.inward import SOURCE
from huaxiang.errors import InputInvalid, InputMissing, NotFound
from huaxiang.identifiers import record_key
from huaxiang.model import Mention, Step
from huaxiang.service import DECIDED
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huaxiang.model import CrmRecord, CrmStep, Tenant
    from huaxiang.service import Service
    from huaxiang.store import Row, Transaction

What: TypeAlias = Literal["follow", "settle", "claim", "release"]

LONGEST_ID = 256
MOST_TOLD = 1_000
"""Steps that are told of a record, the newest first."""
_TICK = timedelta(microseconds=1)
_decode = msgspec.json.Decoder(Step).decode


class Told(msgspec.Struct, frozen=True):
    """One step: what, when and by whom; `account`: who claimed. `is_undone`: taken back; the words are then of that."""

    id: str
    what: What
    account: str | None
    author: str
    reason: str
    at: datetime
    is_undone: bool


class Standing(msgspec.Struct, frozen=True):
    """How a record's customer stands: whose it is, since when, whether it is in the public pool, else when it will be.

    `steps`: the newest first, 1,000 at most.
    """

    record: str
    account: str
    since: datetime
    is_back: bool
    is_settled: bool
    followed_at: datetime | None
    unfollow_back_at: datetime | None
    unsettled_back_at: datetime | None
    steps: tuple[Told, ...]


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes a step, and why; `at`: when it was; `id`: what the caller calls it; `account`: for whom one claims."""

    author: str
    reason: str
    at: datetime | None = None
    id: str | None = None
    account: UUID | None = None


async def take(service: Service, tenant: Tenant, record: str, what: What, words: Words) -> Standing:
    """Take a step about a record; how its customer stands then.

    Raises:
        NotFound: there is no such record, or it is deleted.
        InputMissing: no author, no reason, or a claim that names no account.
        InputInvalid: the customer is in the pool, or for a claim is not; the account is none of the tenant's; the time
            is still to come; another step has this id.

    """
    _check_words(words)
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        found, steps = await _about(tx, tenant, record)
        if words.id is None or not await _is_known(tx, tenant, _step(record, what, words, service.now())):
            at = await _checked(tx, tenant, what, words, (found, steps), service.now())
            await service.land_decision(tx, tenant, _step(record, what, words, at))
            found, steps = await _about(tx, tenant, record)
        return _standing(tenant, found, steps, service.now())


async def undo(service: Service, tenant: Tenant, id_: str, *, author: str, reason: str) -> Standing:
    """Take a step back; how its customer stands then.

    Raises:
        NotFound: there is no such step of ours. InputMissing: no author, or no reason.
        InputInvalid: it is taken back already.

    """
    _check_words(Words(author=author, reason=reason))
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        row = await _stored(tx, tenant, id_)
        if row is None:
            raise NotFound(field="id", reason="there is no such step")
        step = _decode(row["said"])
        if step.withdrawn:
            raise InputInvalid(field="id", reason="this step is taken back already")
        updated_at = max(service.now(), (step.updated_at or row["came_at"]) + _TICK)
        back = msgspec.structs.replace(step, withdrawn=True, author=author, reason=reason, updated_at=updated_at)
        await service.land_decision(tx, tenant, back)
        found, steps = await _about(tx, tenant, step.record)
        return _standing(tenant, found, steps, service.now())


async def standing(service: Service, tenant: Tenant, record: str) -> Standing:
    """How a record's customer stands now. Raises NotFound."""
    async with service.store.reading() as tx:
        return _standing(tenant, *await _about(tx, tenant, record), service.now())


# ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────────


async def _about(tx: Transaction, tenant: Tenant, record: str) -> tuple[CrmRecord, list[CrmStep]]:
    """A live record, and the steps about it in their order."""
    rows = await tx.rows("crm_words", tenant.id, SOURCE, [record]) if can_be_kept(record) else []
    said = [(row["kind"], row, row["source"], row["enterprise"]) for row in rows]
    found = next((read.crm_record(*one) for kind, *one in said if kind == "record"), None)
    if found is None or found.deleted:
        raise NotFound(field="record", reason="there is no such record")
    return found, sorted((read.crm_step(*one) for kind, *one in said if kind == "step"), key=lambda step: step.order)


async def _stored(tx: Transaction, tenant: Tenant, id_: str) -> Row | None:
    """The newest revision of a step of ours."""
    key = record_key(tenant.key, DECIDED, "", "step", id_) if can_be_kept(id_) else None
    places = [row["nodes"][0] for row in await tx.rows("known_records", [key])] if key else []
    return await tx.row("said_by", places, [key]) if places else None


async def _is_known(tx: Transaction, tenant: Tenant, step: Step) -> bool:
    """Whether this very step was taken already. Raises InputInvalid where another one has its id."""
    row = await _stored(tx, tenant, str(step.id))
    if row is None:
        return False
    had = _decode(row["said"])
    names = ("record", "what", "owner", "author", "reason", "withdrawn")
    if any(getattr(had, name) != getattr(step, name) for name in names):
        raise InputInvalid(field="id", reason="another step has this id")
    return True


async def _checked(
    tx: Transaction,
    tenant: Tenant,
    what: What,
    words: Words,
    of: tuple[CrmRecord, Sequence[CrmStep]],
    now: datetime,
) -> datetime:
    """When a step is taken that may be."""
    found, steps = of
    latest = max([found.order.at, *(one.order.at for one in steps), *(one.said_at for one in steps)])
    at = max(now, latest + _TICK) if words.at is None else _in_utc(words.at, tenant)
    if words.at is not None and at > now:
        raise InputInvalid(field="at", reason="a time that is still to come")
    held = pool.held(found, steps, ZoneInfo(tenant.time_zone))
    is_back = pool.pool(held, tenant.settings, at).is_back
    if what == "claim":
        if words.account is None:
            raise InputMissing(field="account", reason="a claim is for an account")
        if await tx.row("account", tenant.id, words.account) is None:
            raise InputInvalid(field="account", reason="none of this tenant's")
        if not is_back:
            raise InputInvalid(field="record", reason="the customer is not in the public pool")
    elif is_back:
        raise InputInvalid(field="record", reason="the customer is in the public pool: it can only be claimed")
    return at


def _step(record: str, what: What, words: Words, at: datetime) -> Step:
    return Step(
        source=DECIDED,
        id=words.id or str(uuid4()),
        at=at,
        identifiers=(Mention("crm_id", record, scope=SOURCE),),
        record=record,
        what=what,
        owner=str(words.account) if what == "claim" and words.account else "",
        author=words.author,
        reason=words.reason,
    )


def _check_words(words: Words) -> None:
    for field, text in (("author", words.author), ("reason", words.reason)):
        if not text.strip():
            raise InputMissing(field=field, reason="a step has an author and a reason")
    if words.id is not None and not 1 <= len(words.id) <= LONGEST_ID:
        raise InputInvalid(field="id", reason=f"1 to {LONGEST_ID} characters")


def _in_utc(at: datetime, tenant: Tenant) -> datetime:
    try:
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(tenant.time_zone))).astimezone(UTC)
    except OverflowError:
        raise InputInvalid(field="at", reason="a time that nobody can mean") from None


# ── how it stands ─────────────────────────────────────────────────────────────────────────────────────────────────


def _standing(tenant: Tenant, record: CrmRecord, steps: Sequence[CrmStep], now: datetime) -> Standing:
    held = pool.held(record, steps, ZoneInfo(tenant.time_zone))
    stands = pool.pool(held, tenant.settings, now)
    return Standing(
        record=record.record,
        account=held.owner or str(tenant.main_account),
        since=held.since,
        is_back=stands.is_back,
        is_settled=held.is_settled,
        followed_at=held.followed_at,
        unfollow_back_at=stands.unfollow_back_at,
        unsettled_back_at=stands.unsettled_back_at,
        steps=tuple(_told(one) for one in reversed(steps[-MOST_TOLD:])),
    )


def _told(step: CrmStep) -> Told:
    return Told(
        step.order.record_id, step.what, step.owner or None, step.author, step.reason, step.order.at, step.withdrawn
    )

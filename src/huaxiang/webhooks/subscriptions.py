"""Who is told where: webhooks as an operator makes, changes, reads and drops them.

Takes a `Service` and what an operator says; gives what `huaxiang webhook` prints.

Rule 1: a webhook belongs to an app that may read tags (`tags`); one that may not any more is told nothing.
Rule 2: its secret is told once, when it is made; it signs, so it is kept as it is.
Rule 3: where an app is told is the operator's word: an address of http or https, in whatever network. None comes in by
        any API, and none that a receiver answers with is gone to.
Rule 4: the log has no content and no value of a customer's; it is kept for 30 days from the end of a delivery.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from uuid import UUID

import msgspec

from huaxiang.dialects.rabbitpre.webhook import check_url
from huaxiang.errors import InputInvalid, NotFound
from huaxiang.webhooks import watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huaxiang.service import Service

State: TypeAlias = Literal["waiting", "delivered", "given_up", "void"]
MOST: Final = 10
"""Webhooks of one app."""
MOST_LISTED: Final = 10_000


class Made(msgspec.Struct, frozen=True):
    """A webhook as it is told when it is made: its secret is told only then."""

    webhook: int
    secret: str


class Webhook(msgspec.Struct, frozen=True):
    """Where an app is told, whether it is, and how many deliveries wait, or were given up.

    `permitted`: whether its key lives and may read tags.
    """

    id: int
    tenant: str
    app: str
    url: str
    paused: bool
    permitted: bool
    waiting: int
    given_up: int
    created_at: datetime


class Delivery(msgspec.Struct, frozen=True):
    """What was to be told, how it stands, and the last attempt (`at`): how long it took, and what came back."""

    number: int
    event: UUID
    state: State
    attempts: int
    created_at: datetime
    next_at: datetime | None
    at: datetime | None
    ms: int | None
    status: int | None
    outcome: str | None


class Attempt(msgspec.Struct, frozen=True):
    """One attempt: when, how long it took, the status that came back, and what became of it."""

    at: datetime
    ms: int
    status: int | None
    outcome: str


async def create(service: Service, app: str, url: str) -> Made:
    """Tell an app at this address from now on; what its customers' tags are now is taken as known.

    Raises:
        NotFound: there is no living app of this name.
        InputInvalid: the address can't be one, the app may not read tags, or has too many webhooks.

    """
    url = check_url(url)
    key = await service.key_by_name("rabbitpre", app)
    if key is None:
        raise NotFound(field="app", reason=f"there is no living rabbitpre key {app}")
    if "tags" not in key.permissions:
        raise InputInvalid(field="app", reason="it has not the permission `tags`; `huaxiang key set` gives it")
    secret = secrets.token_urlsafe(32)
    async with service.store.writing() as tx:
        await watch.begin(service.store, tx, key.tenant)
        own = [row for row in await tx.rows("webhooks", key.tenant.name) if row["app"] == app]
        if len(own) >= MOST:
            raise InputInvalid(field="app", reason=f"at most {MOST} webhooks of an app")
        made = await tx.row("put_webhook", key.tenant.id, key.id, url, secret)
    assert made is not None
    return Made(made["id"], secret)


async def webhooks(service: Service, tenant: str | None = None) -> list[Webhook]:
    """All webhooks, or a tenant's, oldest first."""
    async with service.store.reading() as tx:
        return [Webhook(**row) for row in await tx.rows("webhooks", tenant)]


async def change(service: Service, id_: int, *, url: str | None = None, paused: bool | None = None) -> None:
    """Tell at another address, pause, or go on; what waits, waits.

    Raises:
        NotFound: there is no such webhook. InputInvalid: the address can't be one.

    """
    checked = None if url is None else check_url(url)
    async with service.store.writing() as tx:
        if await tx.row("set_webhook", id_, checked, paused) is None:
            raise _unknown(id_)


async def drop(service: Service, id_: int) -> None:
    """Tell there no more; what waits goes, and so does the log.

    Raises:
        NotFound: there is no such webhook.

    """
    async with service.store.writing() as tx:
        found = [row for row in await tx.rows("webhooks", None) if row["id"] == id_]
        if not found:
            raise _unknown(id_)
        tenant = await tx.row("tenant_by_name", found[0]["tenant"])
        assert tenant is not None
        await tx.run("await_watch", tenant["id"])
        await tx.run("drop_webhook", id_)
        rest = await tx.row("webhooks_left", tenant["id"])
        if rest is not None and not rest["left"]:
            await tx.run("drop_watch", tenant["id"])


async def log(service: Service, id_: int, *, state: State | None = None, limit: int = 100) -> list[Delivery]:
    """What was told and is to be, newest first, at most so many.

    Raises:
        NotFound: there is no such webhook. InputInvalid: the limit is out of its range.

    """
    if not 1 <= limit <= MOST_LISTED:
        raise InputInvalid(field="limit", reason=f"1 to {MOST_LISTED}")
    async with service.store.reading() as tx:
        rows = await tx.rows("webhook_log", id_, state, limit)
        if not rows and id_ not in {row["id"] for row in await tx.rows("webhooks", None)}:
            raise _unknown(id_)
    return [
        Delivery(
            row["number"], row["event"], row["state"], row["attempts"], row["created_at"],
            row["next_at"] if row["state"] == "waiting" else None,
            row["at"], row["ms"], row["status"], row["outcome"],
        )
        for row in rows
    ]  # fmt: skip


async def attempts(service: Service, id_: int, number: int) -> list[Attempt]:
    """Every attempt at a delivery, oldest first."""
    async with service.store.reading() as tx:
        return [Attempt(**row) for row in await tx.rows("webhook_attempts", id_, number)]


async def send(service: Service, id_: int, numbers: Sequence[int] = (), *, given_up: bool = False) -> list[int]:
    """Send deliveries again that are over: these, or all that were given up; gives which. A server does it, soon."""
    async with service.store.writing() as tx:
        return sorted(row["number"] for row in await tx.rows("webhook_send", id_, list(numbers), given_up))


def _unknown(id_: int) -> NotFound:
    return NotFound(field="webhook", reason=f"there is no webhook {id_}; `huaxiang webhook list` tells which there are")

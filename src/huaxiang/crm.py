"""A CRM's record of a customer as an account sees it, and when it was seen last.

Takes what the tenant is (`memory.Kept`) and a customer, gives its `CrmView`; `Views` keeps the times of views, which
are no facts: written together, read by many at once.

Rule 1: an account sees the records that it and the accounts below it hold. Those that name no owner are the main
        account's, and so is a customer without a record.
Rule 2: a record in the public pool is seen by every account of its tenant (`pool`).
Rule 3: a view is known in the process that saw it at once, in others as soon as it is written (`VIEW_SECONDS`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from huaxiang import pool
from huaxiang.dialects.telrobot.wire import number_of
from huaxiang.errors import Busy, NotFound
from huaxiang.model import CrmRecord, Customer, Identifier
from huaxiang.pool import CrmView, Pool
from huaxiang.together import Together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huaxiang.memory import Kept
    from huaxiang.model import Tenant
    from huaxiang.store import Store

VIEW_SECONDS = 0.5
VIEWS_TOGETHER = 256
"""So many are written at once: few enough that nobody waits for it."""
KEPT_SECONDS = 60
"""At most one view in so many is written of each (`put_views`)."""
MOST_WAITING = 200_000
"""Views that wait to be written; past it, none is noted."""


def wanted(tenant: Tenant, customer_id: UUID) -> Identifier | int:
    """Whom the dialect's id of a customer stands for: a record, or one of our own numbers."""
    number = number_of(tenant.key, customer_id)
    return Identifier("crm_id", str(customer_id), "telrobot") if number is None else number


def view(kept: Kept, customer: Customer | None, *, account: UUID, customer_id: UUID, now: datetime) -> CrmView:
    """The customer as `account` sees it now; when it was viewed is not told.

    Raises:
        NotFound: no such record, or it is deleted, or neither held below that account nor in the pool.

    """
    tenant = kept.tenant
    below = kept.accounts_under(account)
    if customer is None or not below:
        raise NotFound(field="customer_id", reason="unknown")
    main = str(tenant.main_account)
    if number_of(tenant.key, customer_id) is not None:
        if account != tenant.main_account:
            raise NotFound(field="customer_id", reason="unknown")
        return CrmView(customer_id, None, customer, kept.fields.get(main, ()), None)
    record, stands = _live_record(kept, customer, str(customer_id), {str(one) for one in below}, now)
    return CrmView(customer_id, record, customer, kept.fields.get(record.owner or main, ()), None, stands)


def _live_record(
    kept: Kept, customer: Customer, record_id: str, owners: set[str], now: datetime
) -> tuple[CrmRecord, Pool]:
    tenant = kept.tenant
    for record in customer.summary.records:
        if record.record == record_id and not record.deleted:
            found = pool.held(record, customer.summary.steps, ZoneInfo(tenant.time_zone))
            stands = pool.pool(found, tenant.settings, now)
            if stands.is_back or (found.owner or str(tenant.main_account)) in owners:
                return record, stands
    raise NotFound(field="customer_id", reason="unknown")


class Views:
    """When records were viewed, by tenant and dialect id."""

    def __init__(self, store: Store) -> None:
        """Keep them in this store."""
        self._store = store
        self._waiting: dict[tuple[int, UUID], datetime] = {}
        self._writing: asyncio.Task[None] | None = None
        self._questions: Together[tuple[int, UUID], datetime | None] = Together(self._ask, most_items=512)

    def ask(self, tenant: Tenant, viewed: UUID) -> asyncio.Future[datetime | None]:
        """The last view that is written; to be awaited."""
        return self._questions.ask((tenant.id, viewed))

    def note(self, tenant: Tenant, viewed: UUID, written: datetime | None) -> datetime | None:
        """Remember a view, to be written with others; gives the one before it."""
        key, now = (tenant.id, viewed), datetime.now(UTC)
        waiting = self._waiting.get(key)
        is_kept = written is not None and (now - written).total_seconds() < KEPT_SECONDS
        if not is_kept and (waiting is not None or len(self._waiting) < MOST_WAITING):
            self._waiting[key] = now
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(self._write())
        if written is None or waiting is None:
            return written or waiting
        return max(written, waiting)

    async def flush(self, *, within_s: float = 0.0) -> None:
        """Write the views that wait, a few at a time, spread over so many seconds. Raises Busy, and keeps them."""
        waiting = list(self._waiting)
        pieces = [waiting[at : at + VIEWS_TOGETHER] for at in range(0, len(waiting), VIEWS_TOGETHER)]
        for piece in pieces:
            await self._put({key: self._waiting[key] for key in piece if key in self._waiting})
            if piece is not pieces[-1]:
                await asyncio.sleep(within_s / len(pieces))

    async def _put(self, views: dict[tuple[int, UUID], datetime]) -> None:
        async with self._store.writing() as tx:
            await tx.each("put_views", [(viewed, tenant, at) for (tenant, viewed), at in views.items()])
        for key, at in views.items():
            if self._waiting.get(key) == at:
                del self._waiting[key]

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(VIEW_SECONDS)
            with suppress(Busy):  # the views wait on
                await self.flush(within_s=VIEW_SECONDS)

    async def _ask(self, wanted: list[tuple[int, UUID]]) -> Sequence[datetime | None]:
        async with self._store.asking() as tx:
            rows = await tx.rows("views", [tenant for tenant, _ in wanted], [viewed for _, viewed in wanted])
        found = {(row["tenant"], row["id"]): row["viewed_at"] for row in rows}
        return [found[one] for one in wanted]

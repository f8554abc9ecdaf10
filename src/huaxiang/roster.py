"""An account's CRM records as a list: which there are, what stands of them, and the fields that the account gave them.

Takes a `Service` and what is asked; gives `CrmView`s by the page, or names. What is read is one snapshot.

Rule 1: a record is live as its newest word says, and listed under the account that holds it and those above; in a list
        of the public pool, under every account of the tenant (`crm.view`).
Rule 2: a filter looks at the record's own word; a carrier that the record does not tell is its mobile number's.
Rule 3: the newest created come first, by the second; of one second, by their ids.
Rule 4: lists are read from the entries of `listing`; where there are none yet, they are made first.
Rule 5: names of fields are unique in an account: they are looked at under the tenant's lock.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from huaxiang import crm, listing, pool, read
from huaxiang.errors import Busy, InputInvalid, NotFound
from huaxiang.model import CustomField, Tenant
from huaxiang.pool import CrmView
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

    from huaxiang.memory import Kept
    from huaxiang.service import Service
    from huaxiang.store import Row, Transaction

LARGEST: Final = 2**63 - 1
MOST_TRIES: Final = 5

Stage: TypeAlias = Literal["own", "pool", "clue", "deal"]
"""Held by somebody; in the public pool; held and not closed; held and closed."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which live records; None, and nothing, ask for no more.

    `phones`: any of these, however written. `company`: a part of it. `since`, `until`: created from, and before.
    `carriers`: 1 电信, 2 联通, 3 移动, any of them. `values`: what custom fields hold, by their ids, all of it.
    `sexes`: 0 unknown, 1 male, 2 female, any of them. `is_followed`: whether anybody has followed it up. `stage`: as it
    is now.
    """

    phones: tuple[str, ...] | None = None
    email: str | None = None
    company: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    carriers: tuple[int, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    sexes: tuple[int, ...] = ()
    is_followed: bool | None = None
    stage: Stage | None = None


class Page(NamedTuple):
    """Some of an account's records, and how many match in all."""

    total: int
    views: tuple[CrmView, ...]


class Standing(NamedTuple):
    """The newest word on a record: its owner ("" for the main account), when it was said, since when there is one."""

    owner: str
    at: datetime
    deleted: bool
    created_at: str | None


class Matched(NamedTuple):
    """A live record by name: its owner, and when its newest word was said."""

    name: str
    owner: str
    at: datetime


async def page(service: Service, kept: Kept, account: UUID, wanted: Filter, *, limit: int, offset: int) -> Page:
    """A page of the records that `account` sees, each as `customer/detail` would show it."""
    now = service.now()
    async with _reading(service, kept.tenant) as tx:
        total, rows = await _rows(tx, kept, account, wanted, now, limit=limit, offset=offset)
        customers = await read.customers_of_nodes(tx, kept.tenant, [row["at_node"] for row in rows]) if rows else {}
    views: list[CrmView] = []
    for row in rows:
        with suppress(NotFound):  # what hangs together is told by the customer, and may not be this account's
            customer = customers.get(row["at_node"])
            views.append(crm.view(kept, customer, account=account, customer_id=row["name"], now=now))
    seen = [service.views.ask(kept.tenant, view.id) for view in views]
    told = [msgspec.structs.replace(view, viewed_at=await at) for view, at in zip(views, seen, strict=True)]
    return Page(total, tuple(told))


async def matched(service: Service, kept: Kept, account: UUID, wanted: Filter, *, most: int) -> list[Matched]:
    """The records that `account` holds, or one below it, and that match, `most` of them at most."""
    async with _reading(service, kept.tenant) as tx:
        _, rows = await _rows(tx, kept, account, wanted, service.now(), limit=most, offset=0)
    return [Matched(str(row["name"]), row["owner"], row["at"]) for row in rows]


async def standing(service: Service, tenant: Tenant, names: Iterable[str]) -> dict[str, Standing]:
    """The newest word on these records, deleted ones too; nothing of a record that nobody spoke of."""
    async with _reading(service, tenant) as tx:
        rows = await tx.rows("crm_standing", tenant.id, [UUID(name) for name in names])
    return {
        str(row["name"]): Standing(
            row["owner"], row["at"], row["is_deleted"], row["created_at"] and row["created_at"].isoformat()
        )
        for row in rows
    }


async def define(
    service: Service, kept: Kept, owners: frozenset[UUID], change: Callable[[Fields], CustomField]
) -> CustomField:
    """The definition that `change` makes of the fields of these accounts, as they stand under the lock; it is kept.

    Raises:
        InputInvalid: the field's account has another one of that name.
        whatever `change` raises.

    """
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, kept.tenant)
        rows = await tx.rows("fields_of_tenant", tenant.id)
        fields = {row["id"]: _field(row) for row in rows if row["owner"] in {str(one) for one in owners}}
        changed = change(fields)
        name = changed.details["name"]
        if any(
            one.owner == changed.owner and one.details.get("name") == name and one.id != changed.id
            for one in fields.values()
        ):
            raise InputInvalid(field="name", reason="名称已存在")
        await service.keep_fields(tx, tenant, [changed])
    return changed


async def drop_fields(
    service: Service, kept: Kept, owners: frozenset[UUID], drop: Callable[[Fields], Sequence[CustomField]]
) -> int:
    """Keep the definitions of deleted fields that `drop` makes of the fields of these accounts; gives how many."""
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, kept.tenant)
        rows = await tx.rows("fields_of_tenant", tenant.id)
        gone = drop({row["id"]: _field(row) for row in rows if row["owner"] in {str(one) for one in owners}})
        await service.keep_fields(tx, tenant, gone)
    return len(gone)


def spellings(phone: str) -> list[str]:
    """The digits in which a number may be written, which says nothing of blanks, signs and hyphens; none for no number.

    A mobile number of the mainland may have 86, 0086, or a 0 before it.
    """
    digits = listing.digits_of(phone)
    mobile = listing.MOBILE.fullmatch(digits)
    if mobile is None:
        return [digits] if digits else []
    return [f"{before}{mobile[1]}" for before in ("", "0", "86", "0086", "860", "00860")]


Fields = dict[UUID, CustomField]
"""Custom fields by their ids."""


@asynccontextmanager
async def _reading(service: Service, tenant: Tenant) -> AsyncGenerator[Transaction]:
    """A snapshot in which every record of the tenant has its entry. Raises Busy where rebuilds follow each other."""
    for _ in range(MOST_TRIES):
        async with service.store.reading() as tx:
            if await listing.is_kept(tx, tenant):
                await tx.run("stay_on_indexes")
                yield tx
                return
        await listing.keep(service.store, tenant)
    raise Busy(reason="the lists of records are made anew all the time")


async def _rows(
    tx: Transaction, kept: Kept, account: UUID, wanted: Filter, now: datetime, *, limit: int, offset: int
) -> tuple[int, list[Row]]:
    """How many records match, and some of them."""
    texts = [wanted.email or "", wanted.company or "", *(text for pair in wanted.values for text in pair)]
    owners = _owners(kept, account, wanted.stage)
    if not owners or not all(map(can_be_kept, texts)):
        return 0, []
    counted = (
        kept.tenant.id, owners, wanted.since, wanted.until, list(wanted.carriers) or None, list(wanted.sexes) or None,
        wanted.is_followed, wanted.stage, now, *pool.cutoffs(kept.tenant.settings, now),
    )  # fmt: skip
    asked = (*counted, min(limit, LARGEST // 2), min(offset, LARGEST // 2))
    words = {listing.field_word(kept.tenant, field, value) for field, value in wanted.values}
    words |= listing.company_words(kept.tenant, wanted.company) if wanted.company else set()
    if wanted.phones is None and wanted.email is None and not words:
        row = await tx.row("crm_count", *counted)
        total = 0 if row is None else row["total"]
        return total, await tx.rows("crm_page", *asked) if offset < total else []
    phones = None if wanted.phones is None else [one for phone in wanted.phones for one in spellings(phone)]
    rows = await tx.rows("crm_found", *asked, phones, wanted.email, sorted(words), wanted.company)
    return rows[0]["total"], [row for row in rows if row["name"] is not None]


def _owners(kept: Kept, account: UUID, stage: Stage | None) -> list[str]:
    """Whose records are listed: the account's and those below it; in a list of the pool, everybody's."""
    below = kept.accounts_under(account)
    if below and stage == "pool":
        below = frozenset(kept.parents)
    return [*map(str, below), *([""] if kept.tenant.main_account in below else [])]


def _field(row: Row) -> CustomField:
    return CustomField(row["id"], row["owner"], row["sort"], row["updated_at"], msgspec.json.decode(row["details"]))

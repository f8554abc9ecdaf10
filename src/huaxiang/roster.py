"""An account's CRM records as a list: which there are, what stands of them, and the fields that the account gave them.

Takes a `Service` and what is asked; gives `CrmView`s by the page, or names. What is read is one snapshot.

Rule 1: a record is live as its newest word says, and listed under the accounts that see it (`crm.view`).
Rule 2: a filter looks at the record's own word; a carrier that the record does not tell is its mobile number's.
Rule 3: the newest created come first; of one time, by their ids.
Rule 4: names of fields are unique in an account: they are looked at under the tenant's lock.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

import msgspec

from huaxiang import crm, read
from huaxiang.dialects.telrobot.inward import SOURCE
from huaxiang.errors import InputInvalid, NotFound
from huaxiang.identifiers import carrier
from huaxiang.model import CrmView, CustomField, Tenant
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from huaxiang.memory import Kept
    from huaxiang.service import Service
    from huaxiang.store import Row, Transaction

LARGEST: Final = 2**63 - 1
_MOBILE: Final = re.compile(r"(?:00)?(?:86)?0?(1[0-9]{10})", re.ASCII)
_PREFIX_DIGITS: Final = 4
"""A mobile number's carrier shows in so many of its first digits."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which live records; None, and nothing, ask for no more.

    `phones`: any of these, however written. `company`: a part of it. `since`, `until`: created from, and before.
    `carriers`: 1 电信, 2 联通, 3 移动, any of them. `values`: what custom fields hold, by their ids, all of it.
    """

    phones: tuple[str, ...] | None = None
    email: str | None = None
    company: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    carriers: tuple[int, ...] = ()
    values: tuple[tuple[str, str], ...] = ()


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
    async with service.store.reading() as tx:
        total, rows = await _rows(tx, kept, account, wanted, limit=limit, offset=offset)
        customers = await read.customers_of_nodes(tx, kept.tenant, [row["node"] for row in rows]) if rows else {}
    views: list[CrmView] = []
    for row in rows:
        with suppress(NotFound):  # what hangs together is told by the customer, and may not be this account's
            views.append(crm.view(kept, customers.get(row["node"]), account=account, customer_id=UUID(row["name"])))
    seen = [service.views.ask(kept.tenant, view.id) for view in views]
    told = [msgspec.structs.replace(view, viewed_at=await at) for view, at in zip(views, seen, strict=True)]
    return Page(total, tuple(told))


async def matched(service: Service, kept: Kept, account: UUID, wanted: Filter, *, most: int) -> list[Matched]:
    """The records that `account` sees and that match, `most` of them at most."""
    async with service.store.reading() as tx:
        _, rows = await _rows(tx, kept, account, wanted, limit=most, offset=0)
    return [Matched(row["name"], row["owner"], row["at"]) for row in rows]


async def standing(service: Service, tenant: Tenant, names: Iterable[str]) -> dict[str, Standing]:
    """The newest word on these records, deleted ones too; nothing of a record that nobody spoke of."""
    async with service.store.reading() as tx:
        rows = await tx.rows("crm_standing", tenant.id, SOURCE, list(names))
    return {row["name"]: Standing(row["owner"], row["at"], row["deleted"], row["created_at"]) for row in rows}


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


def spellings(phone: str) -> list[str]:
    """The digits in which a number may be written, which says nothing of blanks, signs and hyphens; none for no number.

    A mobile number of the mainland may have 86, 0086, or a 0 before it.
    """
    digits = "".join(sign for sign in unicodedata.normalize("NFKC", phone) if sign in "0123456789")[:32]
    mobile = _MOBILE.fullmatch(digits)
    if mobile is None:
        return [digits] if digits else []
    return [f"{before}{mobile[1]}" for before in ("", "0", "86", "0086", "860", "00860")]


Fields = dict[UUID, CustomField]
"""Custom fields by their ids."""


async def _rows(
    tx: Transaction, kept: Kept, account: UUID, wanted: Filter, *, limit: int, offset: int
) -> tuple[int, list[Row]]:
    """How many records match, and some of them."""
    texts = [wanted.email or "", wanted.company or "", *(text for pair in wanted.values for text in pair)]
    owners = _owners(kept, account)
    if not owners or not all(map(can_be_kept, texts)):
        return 0, []
    names = phones = None
    if wanted.phones is not None:
        phones = [one for phone in wanted.phones for one in spellings(phone)]
        names = [row["name"] for row in await tx.rows("crm_names", kept.tenant.id, SOURCE, phones)]
    rows = await tx.rows(
        "crm_page",
        kept.tenant.id,
        SOURCE,
        owners,
        names,
        phones,
        wanted.email,
        wanted.company,
        wanted.since,
        wanted.until,
        [str(one) for one in wanted.carriers] or None,
        [prefix for one in wanted.carriers for prefix in _prefixes().get(one, ())],
        [field for field, _ in wanted.values],
        [value for _, value in wanted.values],
        min(limit, LARGEST),
        min(offset, LARGEST),
    )
    return rows[0]["total"], [row for row in rows if row["name"] is not None]


def _owners(kept: Kept, account: UUID) -> list[str]:
    below = kept.accounts_under(account)
    return [*map(str, below), *([""] if kept.tenant.main_account in below else [])]


@lru_cache(maxsize=1)
def _prefixes() -> dict[int, list[str]]:
    """The first digits of mobile numbers, by their carrier."""
    found: dict[int, list[str]] = {}
    for number in range(10 ** (_PREFIX_DIGITS - 1), 2 * 10 ** (_PREFIX_DIGITS - 1)):
        found.setdefault(carrier(f"+86{number}0000000"), []).append(str(number))
    return found


def _field(row: Row) -> CustomField:
    return CustomField(row["id"], row["owner"], row["sort"], row["updated_at"], msgspec.json.decode(row["details"]))

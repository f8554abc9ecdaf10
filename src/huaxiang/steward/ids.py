"""Where an id leads: the customer of now, every number that leads there, and what became of it on the way.

Takes a number of ours, gives its `Lead`. Old ids keep answering: a joined one leads to the customer that it joined, a
parted one to itself again, an erased one nowhere, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from huaxiang import feed, read
from huaxiang.errors import NotFound
from huaxiang.feed import Change

if TYPE_CHECKING:
    from huaxiang.model import Tenant
    from huaxiang.service import Service

LARGEST = 2**63 - 1


class Lead(msgspec.Struct, frozen=True):
    """`customer`: the id of now, None when it was erased; `ids`: every number that leads to it, oldest first."""

    id: int
    customer: int | None
    ids: tuple[int, ...]
    changes: tuple[Change, ...]


class Page(msgspec.Struct, frozen=True):
    """A page of changes, oldest first; `after`: the cursor behind it; `newest`: the number of the last there is."""

    changes: tuple[Change, ...]
    after: int
    newest: int


async def lead(service: Service, tenant: Tenant, number: int) -> Lead:
    """Where this id leads.

    Raises:
        NotFound: no customer ever had it.

    """
    if not 0 < number <= LARGEST:
        raise NotFound(field="id", reason="no customer ever had this id")
    async with service.store.reading() as tx:
        known = await read.customers_of_numbers(tx, tenant, [number])
        changes = await feed.changes_of(tx, tenant, number)
        customer = known[number].id if number in known else None
        led = await tx.rows("led_numbers", tenant.id, customer) if customer is not None else []
    if customer is None and not any(one.what == "erased" and one.customer == number for one in changes):
        raise NotFound(field="id", reason="no customer ever had this id")
    return Lead(number, customer, tuple(row["number"] for row in led), tuple(changes))


async def page(service: Service, tenant: Tenant, *, after: int = 0, limit: int = 100) -> Page:
    """The changes behind a cursor."""
    async with service.store.reading() as tx:
        changes = tuple(await feed.changes(tx, tenant, after=after, limit=limit))
        newest = await tx.row("newest_change", tenant.id)
    assert newest is not None
    return Page(changes, changes[-1].number if changes else after, newest["number"])

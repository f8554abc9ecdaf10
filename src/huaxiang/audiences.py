"""Customers in the order of the ids that they answer under, a page at a time.

Takes where the page before ended, gives the ids that follow. A customer answers under the smallest id that a vendor
gave it, else under our own number, set off into a range above the vendor's: so those with a vendor's id come first.

Rule 1: a page holds ids strictly above the one given, ascending, and each customer once; so whoever goes on from the
        last id of a page meets every customer whose id does not change meanwhile, however many come or go.
Rule 2: a customer whose id has changed answers under either; two that were joined, under the smaller.
Rule 3: a customer that no record mentions any more is not listed.
Rule 4: within a sub-enterprise, its customers alone are listed, each under the id that it has everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from huaxiang.model import Identifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from huaxiang.model import Tenant
    from huaxiang.store import Transaction


MOST_AT_ONCE: Final = 10_000
"""Rows of a question. Where most rows are passed over, each question asks for more than the one before."""
FEW: Final = 10_000
"""Identifiers of a sub-enterprise that are looked at whole for each page."""


async def page(
    tx: Transaction, tenant: Tenant, *, after: int, size: int, ours: int, company: str | None = None
) -> list[int]:
    """The next `size` ids above `after`; our own begin behind `ours`, which is above all of a vendor's.

    `company`: only customers of this sub-enterprise, "" for the tenant's own; None where the tenant has none.
    """
    if company and (few := await _few(tx, tenant, company)) is not None:
        smallest = await _smallest(tx, tenant, few, ours)
        mentioned: list[int] = [row["customer"] for row in await tx.rows("customers_mentioned", tenant.id, few)]
        ids = sorted(smallest.get(one, ours + one) for one in mentioned)
        return [one for one in ids if one > after][:size]
    found: list[int] = []
    if after < ours:
        found = await _vendors(tx, tenant, after, size, ours, company)
    if len(found) < size:
        found += await _own(tx, tenant, max(after - ours, 0), size - len(found), ours, company)
    return found


async def openids(tx: Transaction, tenant: Tenant, value: str) -> list[Identifier]:
    """What the vendor calls an openid, in every app that has one of this value."""
    return [Identifier(row["kind"], row["value"], row["scope"]) for row in await tx.rows("openids", tenant.id, value)]


async def _few(tx: Transaction, tenant: Tenant, company: str) -> list[int] | None:
    """The customers of a sub-enterprise, if they are few; one with many is met by passing over the others."""
    rows = await tx.rows("customers_within", tenant.id, company, FEW + 1)
    return None if len(rows) > FEW else list({row["customer"] for row in rows})


async def _within(tx: Transaction, tenant: Tenant, customers: Iterable[int], company: str | None) -> set[int]:
    """Those of these customers that a sub-enterprise has; the tenant's own are also those on whom no fact hangs."""
    some = set(customers)
    if company is None:
        return some
    rows = await tx.rows("companies_among", tenant.id, list(some))
    found = {row["customer"] for row in rows if row["company"] == company}
    return found if company else found | (some - {row["customer"] for row in rows})


async def _vendors(tx: Transaction, tenant: Tenant, after: int, size: int, ours: int, company: str | None) -> list[int]:
    """Ids that a vendor gave: of a customer with several, the smallest."""
    found: dict[int, None] = {}
    last, count = str(after) if after else "", size
    while len(found) < size:
        rows = await tx.rows("vendors_ids", tenant.id, len(last), last, count, str(ours))
        within = await _within(tx, tenant, (row["customer"] for row in rows), company)
        smallest = await _smallest(tx, tenant, within, ours)
        found |= {number: None for row in rows if (number := int(row["value"])) == smallest.get(row["customer"])}
        if len(rows) < count:
            break
        last, count = rows[-1]["value"], _more(count)
    return list(found)[:size]


async def _own(tx: Transaction, tenant: Tenant, after: int, size: int, ours: int, company: str | None) -> list[int]:
    """Ids of our own: of customers that no vendor gave one."""
    found: list[int] = []
    count = size
    while len(found) < size:
        rows = [row["customer"] for row in await tx.rows("customers_after", tenant.id, after, count)]
        named = await _smallest(tx, tenant, rows, ours)
        mentioned = {row["customer"] for row in await tx.rows("customers_mentioned", tenant.id, rows)}
        mentioned &= await _within(tx, tenant, mentioned, company)
        found += [ours + number for number in rows if number in mentioned and number not in named]
        if len(rows) < count:
            break
        after, count = rows[-1], _more(count)
    return found[:size]


def _more(count: int) -> int:
    return min(4 * count, max(count, MOST_AT_ONCE))


async def _smallest(tx: Transaction, tenant: Tenant, customers: Iterable[int], ours: int) -> dict[int, int]:
    """The smallest id that a vendor gave each of these customers; those without one are left out."""
    smallest: dict[int, int] = {}
    for row in await tx.rows("vendors_ids_of", tenant.id, list(customers), str(ours)):
        number = int(row["value"])
        smallest[row["customer"]] = min(number, smallest.get(row["customer"], number))
    return smallest

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


async def page(
    tx: Transaction, tenant: Tenant, *, after: int, size: int, ours: int, company: str | None = None
) -> list[int]:
    """The next `size` ids above `after`; our own begin behind `ours`, which is above all of a vendor's.

    `company`: only customers of this sub-enterprise, "" for the tenant's own; None where the tenant has none.
    """
    found: list[int] = []
    if after < ours:
        found = await _vendors(tx, tenant, after, size, ours, company)
    if len(found) < size:
        found += await _own(tx, tenant, max(after - ours, 0), size - len(found), ours, company)
    return found


async def openids(tx: Transaction, tenant: Tenant, value: str) -> list[Identifier]:
    """What the vendor calls an openid, in every app that has one of this value."""
    return [Identifier(row["kind"], row["value"], row["scope"]) for row in await tx.rows("openids", tenant.id, value)]


async def _vendors(tx: Transaction, tenant: Tenant, after: int, size: int, ours: int, company: str | None) -> list[int]:
    """Ids that a vendor gave: of a customer with several, the smallest."""
    statement, within = _narrowed("vendors_ids", "vendors_ids", company)
    found: dict[int, None] = {}
    last, count = str(after) if after else "", size
    while len(found) < size:
        rows = await tx.rows(statement, tenant.id, len(last), last, count, str(ours), *within)
        smallest = await _smallest(tx, tenant, {row["customer"] for row in rows}, ours)
        found |= {number: None for row in rows if (number := int(row["value"])) == smallest[row["customer"]]}
        if len(rows) < count:
            break
        last, count = rows[-1]["value"], _more(count)
    return list(found)[:size]


async def _own(tx: Transaction, tenant: Tenant, after: int, size: int, ours: int, company: str | None) -> list[int]:
    """Ids of our own: of customers that no vendor gave one."""
    statement, within = _narrowed("customers_after", "customers", company)
    found: list[int] = []
    count = size
    while len(found) < size:
        rows = [row["customer"] for row in await tx.rows(statement, tenant.id, after, count, *within)]
        named = await _smallest(tx, tenant, rows, ours)
        mentioned = {row["customer"] for row in await tx.rows("customers_mentioned", tenant.id, rows)}
        found += [ours + number for number in rows if number in mentioned and number not in named]
        if len(rows) < count:
            break
        after, count = rows[-1], _more(count)
    return found[:size]


def _narrowed(whole: str, name: str, company: str | None) -> tuple[str, tuple[str, ...]]:
    """The statement for one sub-enterprise, for the tenant's own customers, or for all, and what it takes beside."""
    if company is None:
        return whole, ()
    return (f"{name}_within", (company,)) if company else (f"{name}_of_none", ())


def _more(count: int) -> int:
    return min(4 * count, max(count, MOST_AT_ONCE))


async def _smallest(tx: Transaction, tenant: Tenant, customers: Iterable[int], ours: int) -> dict[int, int]:
    """The smallest id that a vendor gave each of these customers; those without one are left out."""
    smallest: dict[int, int] = {}
    for row in await tx.rows("vendors_ids_of", tenant.id, list(customers), str(ours)):
        number = int(row["value"])
        smallest[row["customer"]] = min(number, smallest.get(row["customer"], number))
    return smallest

"""What has changed: the change feed -> what is to be told.

Takes a tenant with webhooks; compares the tags of the customers that its feed tells of with what was told last, under
the ids that they answer under (both as digests), and puts a delivery for each webhook that may know of who differs.

Rule 1: one transaction reads the feed, compares, puts deliveries and moves the place in the feed: each change is seen
        once, whoever is killed when.
Rule 2: what counts is what is served: a change that leaves a customer's tags as they were tells nothing, and several of
        one customer, seen together, tell once.
Rule 3: settings that change how facts are weighed are in no feed: after them every customer with tags is compared.
Rule 4: who keeps, by id, what it was told last, has in the end what is served, whatever was told in between (`look`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from huaxiang.dialects.rabbitpre import enterprise, webhook
from huaxiang.keyring import access_key_of, tenant_of
from huaxiang.read import Asked, look_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from huaxiang.model import AccessKey, Customer, Tenant
    from huaxiang.store import Row, Store, Transaction

MOST_CHANGES: Final = 500
MOST_CUSTOMERS: Final = 100
"""Customers that are compared in one go, so that a worker's requests never wait for long."""


async def watch(store: Store, tenant: int) -> bool:
    """Read on in a tenant's feed; gives whether there may be more of it to read at once."""
    async with store.writing() as tx:
        held, row = await tx.row("hold_watch", tenant), await tx.row("watched", tenant)
        if held is None or not held["held"] or row is None:
            return False
        found = tenant_of(await tx.row("tenant_by_id", tenant))
        apps = [(one["webhook"], access_key_of(one)) for one in await tx.rows("webhooks_of_tenant", tenant)]
        changes = await tx.rows("changes_after", tenant, row["upto"], MOST_CHANGES)
        erased = [one["customer"] for one in changes if one["what"] == "erased"]
        ids = {one[end] for one in changes for end in ("customer", "other")} - {None}
        await tx.run("erase_told", tenant, erased)
        await _compare(tx, found, sorted(ids), apps)
        if row["settings"] != row["settings_now"]:
            for statement in ("tagged_customers", "told_after"):
                async for page in _pages(tx, statement, tenant):
                    await _compare(tx, found, page, apps)
        upto = changes[-1]["number"] if changes else row["upto"]
        await tx.run("put_watch", tenant, upto, row["settings_now"])
    return len(changes) >= MOST_CHANGES


async def look(tx: Transaction, tenant: Tenant, taken: Sequence[Row]) -> list[Customer | None]:
    """The customers that deliveries name, as they are to be told now: no comparing goes on until the transaction ends.

    What is told now may never have been compared, and be otherwise again before it is; and what a delivery was for may
    be told under another id now. Neither counts as told then; the next comparing, which the feed makes sure of, puts
    it right.
    """
    await tx.run("await_watch", tenant.id)
    numbers = [row["customer"] for row in taken]
    seen = await look_up(tx, [Asked(tenant.id, numbers=numbers)], parts=enterprise.parts(tenant, webhook.PARTS))
    customers = [seen.of_number(tenant.id, number) for number in numbers]
    marks = {webhook.mark(one, tenant): one for one in customers if one is not None}
    told = {row["mark"]: row["digest"] for row in await tx.rows("told_of", tenant.id, list(marks))}
    doubtful = {mark: one.id for mark, one in marks.items() if told.get(mark) != webhook.digest(one, tenant)}
    for row, customer in zip(taken, customers, strict=True):
        if customer is not None and row["mark"] is not None and row["mark"] not in marks:
            doubtful[row["mark"]] = row["customer"]
    await tx.each("put_told", [(mark, customer, b"") for mark, customer in doubtful.items()], tenant.id)
    return customers


async def begin(store: Store, tx: Transaction, tenant: Tenant) -> None:
    """Take down what all tags are now, unless they are watched already; `tx` commits it with whatever it is for."""
    await tx.run("await_watch", tenant.id)
    if await tx.row("watched", tenant.id) is not None:
        return
    async with store.reading() as snapshot:
        newest, settings = (
            await snapshot.row("newest_change", tenant.id),
            await snapshot.row("settings_version", tenant.id),
        )
        async for page in _pages(snapshot, "tagged_customers", tenant.id):
            customers = await _customers(snapshot, tenant, page)
            await tx.each("put_told", _told(customers, tenant), tenant.id)
    assert newest is not None
    assert settings is not None
    await tx.run("put_watch", tenant.id, newest["number"], settings["number"])


async def _pages(tx: Transaction, statement: str, tenant: int) -> AsyncIterator[list[int]]:
    """Customers by their ids, a page at a time."""
    last = 0
    while page := [row["customer"] for row in await tx.rows(statement, tenant, last, MOST_CUSTOMERS)]:
        yield page
        last = page[-1]


async def _compare(tx: Transaction, tenant: Tenant, ids: Sequence[int], apps: Sequence[tuple[int, AccessKey]]) -> None:
    """Compare these customers, and put what is to be told of those that differ."""
    for start in range(0, len(ids), MOST_CUSTOMERS):
        customers = {
            webhook.mark(one, tenant): one for one in await _customers(tx, tenant, ids[start : start + MOST_CUSTOMERS])
        }
        await tx.each("turn_deliveries", [(mark, one.id) for mark, one in customers.items()], tenant.id)
        told = {row["mark"]: row["digest"] for row in await tx.rows("told_of", tenant.id, list(customers))}
        changed = {mark: one for mark, one in customers.items() if told.get(mark) != webhook.digest(one, tenant)}
        tagged = _told(changed.values(), tenant)
        await tx.each("put_told", tagged, tenant.id)
        await tx.run("drop_told", tenant.id, list(changed.keys() - {mark for mark, _, _ in tagged}))
        rows = [
            (app, uuid4(), customer.id, company, mark)
            for mark, customer in changed.items()
            for app, key in apps
            if (company := webhook.company_told(customer, key, tenant)) is not None
        ]
        await tx.each("put_deliveries", rows, tenant.id)


def _told(customers: Iterable[Customer], tenant: Tenant) -> list[tuple[bytes, int, bytes]]:
    """The marks, ids and digests of those who have tags."""
    return [
        (webhook.mark(one, tenant), one.id, digest)
        for one in customers
        if (digest := webhook.digest(one, tenant)) is not None
    ]


async def _customers(tx: Transaction, tenant: Tenant, ids: Sequence[int]) -> list[Customer]:
    """The customers that these ids lead to now."""
    parts = enterprise.parts(tenant, webhook.PARTS)
    return list((await look_up(tx, [Asked(tenant.id, numbers=ids)], parts=parts)).customers.values())

"""What has changed: the change feed -> what is to be told.

Takes a tenant with webhooks; compares the tags of the customers that its feed tells of with what they were when they
were compared last (a digest), and puts a delivery for each webhook that may know of a customer whose tags differ.

Rule 1: one transaction reads the feed, compares, puts deliveries and moves the place in the feed: each change is seen
        once, whoever is killed when.
Rule 2: what counts is what is served: a change that leaves a customer's tags as they were tells nothing, and several of
        one customer, seen together, tell once.
Rule 3: settings that change how facts are weighed are in no feed: after them every customer with tags is compared.
Rule 4: an id that leads on to another, or nowhere, is compared no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from huaxiang.dialects.rabbitpre import enterprise, webhook
from huaxiang.keyring import access_key_of, tenant_of
from huaxiang.read import look_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from huaxiang.model import AccessKey, Customer, Tenant
    from huaxiang.store import Store, Transaction

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
        ids = {one[end] for one in changes for end in ("customer", "other")} - {None}
        await _compare(tx, found, sorted(ids), apps)
        if row["settings"] != row["settings_now"]:
            for statement in ("tagged_customers", "told_after"):
                async for page in _pages(tx, statement, tenant):
                    await _compare(tx, found, page, apps)
        upto = changes[-1]["number"] if changes else row["upto"]
        await tx.run("put_watch", tenant, upto, row["settings_now"])
    return len(changes) >= MOST_CHANGES


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
            rows = [(id_, mark) for id_, one in customers.items() if (mark := webhook.digest(one, tenant)) is not None]
            await tx.each("put_told", rows, tenant.id)
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
        some = ids[start : start + MOST_CUSTOMERS]
        customers = await _customers(tx, tenant, some)
        told = {row["customer"]: row["digest"] for row in await tx.rows("told_of", tenant.id, some)}
        marks = {id_: webhook.digest(one, tenant) for id_, one in customers.items()}
        changed = [id_ for id_ in some if marks.get(id_) != told.get(id_)]
        await tx.each("put_told", [(id_, mark) for id_ in changed if (mark := marks.get(id_)) is not None], tenant.id)
        await tx.run("drop_told", tenant.id, [id_ for id_ in changed if marks.get(id_) is None])
        rows = [
            (app, uuid4(), id_, company)
            for id_ in changed
            if (customer := customers.get(id_)) is not None
            for app, key in apps
            if (company := webhook.company_told(customer, key, tenant)) is not None
        ]
        await tx.each("put_deliveries", rows, tenant.id)


async def _customers(tx: Transaction, tenant: Tenant, ids: Sequence[int]) -> dict[int, Customer]:
    """The customers who have these ids now, by them."""
    return (await look_up(tx, (), parts=enterprise.parts(tenant, webhook.PARTS), labels=ids)).customers

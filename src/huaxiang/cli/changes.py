"""`huaxiang changes` and `huaxiang id`: what became of customers, in order, and where an old id leads."""

from __future__ import annotations

import msgspec

from huaxiang.cli.output import print_json, show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.errors import SettingsInvalid
from huaxiang.service import Service
from huaxiang.steward import ids as leading

MOST_CHANGES = 1_000
COLUMNS = ("number", "at", "what", "customer", "other")


def changes(*, tenant: str, after: int = 0, limit: int = 100, place: Place = HERE) -> None:
    """List what became of customers, oldest first: joined, parted, updated, erased.

    Parameters
    ----------
    tenant
        Whose customers.
    after
        The number of the last change that you have read.
    limit
        How many, at most 1,000.

    """
    if after < 0 or not 1 <= limit <= MOST_CHANGES:
        raise SettingsInvalid(field="limit", reason=f"1 to {MOST_CHANGES}, after a change numbered 0 or more")

    async def work(service: Service) -> leading.Page:
        return await leading.page(service, await service.tenant(tenant), after=after, limit=limit)

    page = place.run(work)
    if place.json:
        print_json(page)
    else:
        show_rows([msgspec.structs.asdict(one) for one in page.changes], COLUMNS, as_json=False)


def id_(number: int, /, *, tenant: str, place: Place = HERE) -> None:
    """Tell where an id leads now, which ids lead there, and what became of it.

    Parameters
    ----------
    number
        An id that any customer ever had.
    tenant
        Whose customers.

    """

    async def work(service: Service) -> leading.Lead:
        return await leading.lead(service, await service.tenant(tenant), number)

    lead = place.run(work)
    if place.json:
        print_json(lead)
        return
    show({"id": lead.id, "customer": lead.customer, "ids": lead.ids}, as_json=False)
    show_rows([msgspec.structs.asdict(one) for one in lead.changes], COLUMNS, as_json=False)

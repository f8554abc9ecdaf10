"""`huaxiang step …`: what persons do about a CRM's customers, and how these stand to the public pool."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from cyclopts import App, Parameter

from huaxiang.cli.output import print_json, show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.service import Service
from huaxiang.steward import steps

step = App(
    name="step",
    help="Steps about a CRM's customers: follow up, close, claim, release.  客户跟进、成交、领取、释放。",
)

Author = Annotated[str, Parameter(help="Who takes the step.")]
Reason = Annotated[str, Parameter(help="Why; a remark.")]
Tenant = Annotated[str, Parameter(help="Whose customer it is.")]
COLUMNS = ("id", "what", "account", "author", "reason", "at", "is_undone")


@Parameter(name="*")
@dataclass(frozen=True)
class Words:
    """Who takes a step, why and when."""

    author: Author
    reason: Reason
    at: Annotated[datetime | None, Parameter(help="When it was, unless now; without a zone, in the tenant's.")] = None
    id: Annotated[str | None, Parameter(help="What you call the step: the same again is the same step.")] = None

    def of(self, account: UUID | None = None) -> steps.Words:
        """The same, as the house takes it."""
        return steps.Words(author=self.author, reason=self.reason, at=self.at, id=self.id, account=account)


@step.command
def follow(record: str, /, *, tenant: Tenant, words: Words, place: Place = HERE) -> None:
    """Say that a customer was followed up, by its record's id in the CRM."""
    _take(record, "follow", tenant, words.of(), place)


@step.command
def settle(record: str, /, *, tenant: Tenant, words: Words, place: Place = HERE) -> None:
    """Say that a customer is closed: it goes back to the public pool no more, until somebody claims it."""
    _take(record, "settle", tenant, words.of(), place)


@step.command
def claim(record: str, /, *, account: UUID, tenant: Tenant, words: Words, place: Place = HERE) -> None:
    """Take a customer out of the public pool; its times run anew from then on.

    Parameters
    ----------
    record
        Its record's id in the CRM.
    account
        Whose customer it is from now on.

    """
    _take(record, "claim", tenant, words.of(account), place)


@step.command
def release(record: str, /, *, tenant: Tenant, words: Words, place: Place = HERE) -> None:
    """Put a customer into the public pool."""
    _take(record, "release", tenant, words.of(), place)


@step.command
def undo(id_: str, /, *, tenant: Tenant, author: Author, reason: Reason, place: Place = HERE) -> None:
    """Take a step back, by its id."""

    async def work(service: Service) -> steps.Standing:
        return await steps.undo(service, await service.tenant(tenant), id_, author=author, reason=reason)

    _show(place.run(work), place)


@step.command(name="list")
def list_(record: str, /, *, tenant: Tenant, place: Place = HERE) -> None:
    """Tell how a customer stands to the public pool, and what was done about it."""

    async def work(service: Service) -> steps.Standing:
        return await steps.standing(service, await service.tenant(tenant), record)

    _show(place.run(work), place)


def _take(record: str, what: steps.What, tenant: str, words: steps.Words, place: Place) -> None:
    async def work(service: Service) -> steps.Standing:
        return await steps.take(service, await service.tenant(tenant), record, what, words)

    _show(place.run(work), place)


def _show(found: steps.Standing, place: Place) -> None:
    if place.json:
        print_json(found)
        return
    told: dict[str, Any] = msgspec.structs.asdict(found)
    rows = [msgspec.structs.asdict(one) for one in told.pop("steps")]
    show(told, as_json=False)
    show_rows(rows, COLUMNS, as_json=False)

"""What a change of settings would do to who is who: tried in a transaction, told, and then undone or published.

Takes what a tenant would decide (guards, blocked values, ranks, matching order, time zone); gives how many customers it
would join and part, how many links it would suspend or set free, with examples.

Rule 1: a rehearsal is the change itself, by the code that publishes it, so that the two can't differ; unless it is
        published, the transaction is undone, and nobody has seen anything.
Rule 2: where only limits change, the links as they stand are resolved anew; for all else the facts are replayed.
Rule 3: it takes as long as the change itself, and holds the tenant's writers up as long.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from huaxiang.model import TenantSettings
from huaxiang.steward.names import name_of_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huaxiang.model import Tenant
    from huaxiang.service import Service
    from huaxiang.store import Row, Transaction

MOST_NAMES = 20
"""Identifiers of a customer that are told in an example."""


class Plan(msgspec.Struct, frozen=True):
    """What a tenant would decide; None leaves what is."""

    settings: TenantSettings | None = None
    time_zone: str | None = None
    login_name: str | None = None


class Turned(msgspec.Struct, frozen=True):
    """A customer's id that ends (it leads to `other` from then on), or begins (it was `other`'s), and whose it is."""

    customer: int
    other: int
    identifiers: tuple[str, ...]


class Waiting(msgspec.Struct, frozen=True):
    """Two identifiers whose links are suspended, that were not, or for another reason."""

    one: str
    other: str
    reason: str
    links: int


class Examples(msgspec.Struct, frozen=True):
    """Some of each, the smallest numbers first."""

    joined: tuple[Turned, ...] = ()
    parted: tuple[Turned, ...] = ()
    suspended: tuple[Waiting, ...] = ()


class Rehearsal(msgspec.Struct, frozen=True):
    """What changes. `joined`: ids that end; `parted`: ids that begin; `moved`: identifiers whose customer is another.

    `suspended`: links, by the reason why they wait from then on; `freed`: links that wait no longer.
    """

    tenant: Tenant
    published: bool
    joined: int
    parted: int
    moved: int
    suspended: dict[str, int]
    freed: int
    examples: Examples


class _Unpublished(Exception):
    """The rehearsal is over."""


async def rehearse(
    service: Service, tenant: Tenant, plan: Plan, *, publish: bool = False, examples: int = 10
) -> Rehearsal:
    """What this plan would change, or, published, has changed.

    Raises:
        SettingsInvalid: there is no such time zone, or a setting is out of its range.

    """
    found: Rehearsal | None = None
    with suppress(_Unpublished):
        async with service.store.writing() as tx:
            found = await _try(tx, service, tenant, plan, publish=publish, examples=examples)
            if not publish:
                raise _Unpublished
    assert found is not None
    return found


async def _try(
    tx: Transaction, service: Service, tenant: Tenant, plan: Plan, *, publish: bool, examples: int
) -> Rehearsal:
    await service.hold(tx, tenant)
    await tx.run("remember_suspended", tenant.id)
    changed = await service.change_tenant(
        tx, tenant, time_zone=plan.time_zone, login_name=plan.login_name, settings=plan.settings
    )
    turned = await tx.row("labels_turned", tenant.id)
    assert turned is not None
    links = {row["reason"]: row["links"] for row in await tx.rows("suspended_turned", tenant.id)}
    return Rehearsal(
        tenant=changed,
        published=publish,
        joined=turned["joined"],
        parted=turned["parted"],
        moved=turned["moved"],
        freed=links.pop("none", 0),
        suspended=links,
        examples=await _examples(tx, tenant, examples),
    )


async def _examples(tx: Transaction, tenant: Tenant, most: int) -> Examples:
    ended = await tx.rows("labels_turned_shown", tenant.id, True, most)  # noqa: FBT003 (a statement's parameters have no names)
    begun = await tx.rows("labels_turned_shown", tenant.id, False, most)  # noqa: FBT003 (as above)
    waiting = await tx.rows("suspended_turned_shown", tenant.id, most)
    before = await _names(tx, "members_before", tenant, [row["number"] for row in ended])
    after = await _names(tx, "members", tenant, [row["number"] for row in begun])
    ends = list({row[end] for row in waiting for end in ("node", "other")})
    nodes = {row["node"]: name_of_row(row) for row in await tx.rows("named_nodes", tenant.id, ends)}
    return Examples(
        joined=tuple(Turned(row["number"], row["after"], before[row["number"]]) for row in ended),
        parted=tuple(Turned(row["number"], row["before"], after[row["number"]]) for row in begun),
        suspended=tuple(
            Waiting(nodes[row["node"]], nodes[row["other"]], row["reason"], row["links"]) for row in waiting
        ),
    )


async def _names(
    tx: Transaction, statement: str, tenant: Tenant, customers: Sequence[int]
) -> dict[int, tuple[str, ...]]:
    """The identifiers of each of these customers, by number."""
    rows: dict[int, list[Row]] = {customer: [] for customer in customers}
    for row in await tx.rows(statement, tenant.id, list(customers)):
        rows[row["customer"]].append(row)
    return {customer: tuple(map(name_of_row, found[:MOST_NAMES])) for customer, found in rows.items()}

"""A person's word on identifiers, landed as the steward's decisions land, for tests that need one and no more."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from huaxiang.model import Link, Mention, Tenant
from huaxiang.service import DECIDED, Service


async def decide(
    service: Service,
    tenant: Tenant,
    identifiers: Sequence[Mention],
    *,
    author: str,
    reason: str,
    apart_from: Sequence[Mention] = (),
) -> str:
    """These are one customer, or, with `apart_from`, never one with those. Gives the decision's id."""
    decision = Link(
        source=DECIDED,
        id=str(uuid4()),
        at=service.now(),
        identifiers=tuple(identifiers),
        apart_from=tuple(apart_from),
        author=author,
        reason=reason,
    )
    await _land(service, tenant, decision)
    return str(decision.id)


async def withdraw(
    service: Service, tenant: Tenant, decision: str, identifiers: Sequence[Mention], *, author: str
) -> None:
    """Take a decision back."""
    now = service.now()
    taken_back = Link(
        source=DECIDED,
        id=decision,
        at=now,
        updated_at=now,
        identifiers=tuple(identifiers),
        author=author,
        withdrawn=True,
    )
    await _land(service, tenant, taken_back)


async def _land(service: Service, tenant: Tenant, decision: Link) -> None:
    async with service.store.writing() as tx:
        await service.land_decision(tx, await service.hold(tx, tenant), decision)

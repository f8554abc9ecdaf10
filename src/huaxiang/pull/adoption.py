"""Whether a tenant may take over the names of its source's enterprise: while nobody can have stored its own."""

from __future__ import annotations

from uuid import UUID

from huaxiang.model import Tenant
from huaxiang.service import Service


async def may_adopt(service: Service, tenant: Tenant, dialect: str) -> bool:
    """Whether no key of a dialect was ever made, or nothing has come in that it could have shown."""
    async with service.store.reading() as tx:
        row = await tx.row("has_key", tenant.id, dialect)
    return row is None or not row["any"]


async def adopt_org(service: Service, tenant: Tenant, org: UUID) -> Tenant:
    """The tenant, which answers as this enterprise from now on."""
    async with service.store.writing() as tx:
        held = await service.hold(tx, tenant)
        await tx.run("adopt_org", held.id, org)
    return await service.tenant(tenant.name)


async def adopt_account(service: Service, tenant: Tenant, account: UUID) -> Tenant:
    """The tenant with this main account; the one before it, and all below that, stand below it."""
    async with service.store.writing() as tx:
        held = await service.hold(tx, tenant)
        await tx.run("put_main_account", account, held.id)
        await tx.run("set_main_account", held.id, account)
        await tx.run("move_accounts", held.id, held.main_account, account)
    return await service.tenant(tenant.name)

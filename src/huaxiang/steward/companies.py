"""A tenant's sub-enterprises: those that facts name (`companyId`), as an operator makes, names and drops them.

Takes a `Service` and what an operator says; gives `Enterprise`s. They are among the tenant's settings, so that every
worker knows them at once.

Rule 1: a sub-enterprise that comes or goes parts the tenant's customers anew, in the same transaction; facts stay.
Rule 2: one that a living key is of, or may act for by its name, is not dropped: its border would fall unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import msgspec

from huaxiang.errors import InputInvalid, NotFound
from huaxiang.model import EVERY_COMPANY, Company
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from huaxiang.model import Tenant
    from huaxiang.service import Service
    from huaxiang.store import Transaction

LONGEST: Final = 128
MOST: Final = 1_000


class Enterprise(msgspec.Struct, frozen=True):
    """A sub-enterprise: its id, its name, its own id as an organisation, and how many customers are its."""

    id: str
    name: str
    org: UUID
    customers: int


async def companies(service: Service, tenant: Tenant) -> list[Enterprise]:
    """All of a tenant's, by their ids."""
    async with service.store.reading() as tx:
        counts = {row["company"]: row["customers"] for row in await tx.rows("customers_of_companies", tenant.id)}
    found = sorted(tenant.settings.companies.items())
    return [Enterprise(id_, one.name, one.org, counts.get(id_, 0)) for id_, one in found]


async def put(service: Service, tenant: Tenant, id_: str, *, name: str = "", org: UUID | None = None) -> Company:
    """Make a sub-enterprise, or name one anew; its id as an organisation is kept, unless another one is given.

    Raises:
        InputInvalid: the id or the name can't be one, or there are too many.

    """
    id_, name = id_.strip(), name.strip()
    for field, text in (("id", id_), ("name", name or id_)):
        if not text or len(text) > LONGEST or not can_be_kept(text) or text == EVERY_COMPANY:
            raise InputInvalid(field=field, reason=f"1 to {LONGEST} characters, and not {EVERY_COMPANY}")
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        had = tenant.settings.companies
        known = had.get(id_)
        if known is None and len(had) >= MOST:
            raise InputInvalid(field="id", reason=f"at most {MOST} sub-enterprises")
        company = Company(name or (known.name if known else id_), org or (known.org if known else uuid4()))
        await _change(tx, service, tenant, {**had, id_: company})
    return company


async def drop(service: Service, tenant: Tenant, id_: str) -> None:
    """Know a sub-enterprise no longer: its facts are the tenant's own then.

    Raises:
        NotFound: there is none of this id.
        InputInvalid: a living key names it.

    """
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        if id_ not in tenant.settings.companies:
            raise NotFound(field="id", reason=f"there is no sub-enterprise {id_}")
        naming = [row["name"] for row in await tx.rows("keys_of_company", tenant.id, id_)]
        if naming:
            raise InputInvalid(field="id", reason=f"keys name it: {', '.join(naming)}; `huaxiang key set` changes them")
        rest = {one: company for one, company in tenant.settings.companies.items() if one != id_}
        await _change(tx, service, tenant, rest)


async def _change(tx: Transaction, service: Service, tenant: Tenant, companies: dict[str, Company]) -> None:
    settings = msgspec.structs.replace(tenant.settings, companies=companies)
    await service.change_tenant(tx, tenant, settings=settings)

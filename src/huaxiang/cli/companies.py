"""`huaxiang company …`: the sub-enterprises under a tenant, which keep their customers apart."""

from __future__ import annotations

from uuid import UUID

import msgspec
from cyclopts import App

from huaxiang.cli.output import show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.model import Company
from huaxiang.service import Service
from huaxiang.steward import companies
from huaxiang.steward.companies import Enterprise

company = App(name="company", help="Sub-enterprises under a tenant (Rabbitpre's companyId).  租户下的子企业。")


@company.command(name="set")
def set_(id_: str, /, *, tenant: str, name: str = "", org: UUID | None = None, place: Place = HERE) -> None:
    """Make a sub-enterprise, or name one anew.

    Records that name it (`companyId`, `enterprise`) are its own from then on, those that came before too. A customer is
    seen by an enterprise if one of its records is that enterprise's; the tenant's own has all records that name none.
    Who reads or writes for it needs a key that may: `huaxiang key set APP --companies ID`.

    Parameters
    ----------
    id_
        As records and requests name it.
    tenant
        Under which tenant.
    name
        What people call it; its id, unless given.
    org
        Its orgId (a uuid), as a vendor gave it; a new one, unless given.

    """

    async def work(service: Service) -> Company:
        return await companies.put(service, await service.tenant(tenant), id_, name=name, org=org)

    show({"id": id_, **msgspec.structs.asdict(place.run(work))}, as_json=place.json)


@company.command(name="list")
def list_(*, tenant: str, place: Place = HERE) -> None:
    """List a tenant's sub-enterprises, and how many customers are theirs.

    Parameters
    ----------
    tenant
        Under which tenant.

    """

    async def work(service: Service) -> list[Enterprise]:
        return await companies.companies(service, await service.tenant(tenant))

    rows = [msgspec.structs.asdict(one) for one in place.run(work)]
    show_rows(rows, ("id", "name", "org", "customers"), as_json=place.json)


@company.command
def drop(id_: str, /, *, tenant: str, place: Place = HERE) -> None:
    """Know a sub-enterprise no longer: its records are the tenant's own from then on.

    Parameters
    ----------
    id_
        The sub-enterprise.
    tenant
        Under which tenant.

    """

    async def work(service: Service) -> None:
        await companies.drop(service, await service.tenant(tenant), id_)

    place.run(work)
    show({"dropped": id_}, as_json=place.json)

"""In whose name a request is made: the sub-enterprise that `companyId` names, and who belongs to it; pure.

A tenant is an enterprise of its own, and may have sub-enterprises (`companies` in its settings). Facts name them in
`companyId`. An app is of the tenant or of one sub-enterprise, and may act for others.

Rule 1: absent, `companyId` is the app's own enterprise. Another one is read and written only by an app that may act for
        it; which ones there are is told to nobody.
Rule 2: a customer belongs to every enterprise that one of its facts names, and to the tenant's own if a fact names none
        of the sub-enterprises, or if no fact hangs on it. It is served whole to each of them, with its own `orgId` and
        `thirdId` there.
Rule 3: where a tenant has no sub-enterprises, there is nothing to keep apart: `companyId` is whatever it is, and only
        says in which company a third party's id is looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from huaxiang.errors import NotPermitted
from huaxiang.model import EVERY_COMPANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from huaxiang.model import AccessKey, Customer, Json, Tenant

PART: Final = "companies"
"""The part of a summary that tells of them."""


def has_any(tenant: Tenant) -> bool:
    """Whether there are sub-enterprises, and so borders."""
    return bool(tenant.settings.companies)


def own(key: AccessKey) -> str:
    """The enterprise that an app is of: "" for the tenant's own."""
    company = key.options.get("company")
    return company if isinstance(company, str) else ""


def others(key: AccessKey, tenant: Tenant) -> list[str]:
    """The sub-enterprises that an app may act for beside its own, by their ids."""
    named = _named(key, "companies")
    return sorted(one for one in tenant.settings.companies if EVERY_COMPANY in named or one in named)


def meant(key: AccessKey, tenant: Tenant, asked: str) -> str:
    """The enterprise that a request is about. Raises `NotPermitted` for one that the app may not act for."""
    if not has_any(tenant) or asked in {"", own(key)}:
        return asked or own(key)
    if asked not in others(key, tenant):
        raise NotPermitted(field="companyId", reason="not the app's own, nor one that it may act for")
    return asked


def may_act_for(key: AccessKey, app: str) -> bool:
    """Whether an app may act for another one of its tenant."""
    return app in _named(key, "apps")


def belongs(customer: Customer, tenant: Tenant, company: str) -> bool:
    """Whether a customer is one of this enterprise's (Rule 2); its summary must have been read with `PART`."""
    found = customer.summary.companies
    return not has_any(tenant) or company in found or (not company and not found)


def among(customers: Iterable[Customer | None], tenant: Tenant, company: str) -> list[Customer]:
    """The customers that belong there, in their order; None is nobody."""
    return [customer for customer in customers if customer is not None and belongs(customer, tenant, company)]


def org(tenant: Tenant, company: str) -> UUID:
    """The `orgId` of an enterprise."""
    known = tenant.settings.companies.get(company)
    return tenant.org if known is None else known.org


def parts(tenant: Tenant, wanted: Sequence[str]) -> tuple[str, ...]:
    """The parts of a summary to read: these, and who belongs where, if there are borders."""
    return (*wanted, PART) if has_any(tenant) else tuple(wanted)


def in_row(key: AccessKey, tenant: Tenant, row: Mapping[str, Json]) -> dict[str, Json]:
    """A row of a batch, which names its enterprise if the app is not of the tenant's own. Raises `NotPermitted`."""
    asked = row.get("companyId")
    named = "" if asked is None or isinstance(asked, (bool, list, dict)) else str(asked).strip()
    company = meant(key, tenant, named)
    return {**row, "companyId": company} if company and not named else dict(row)


def _named(key: AccessKey, option: str) -> list[str]:
    said = key.options.get(option)
    return cast("list[str]", said) if isinstance(said, list) else []

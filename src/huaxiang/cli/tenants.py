"""`huaxiang tenant …` and `huaxiang key …`: who is served, and who may ask."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from cyclopts import App, Parameter

from huaxiang.cli.guards import UNCHANGED, Guards, checked, number, pairs
from huaxiang.cli.output import say, show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.cli.rehearsal import told
from huaxiang.keyring import Dialect, KeyListing, KeyOptions
from huaxiang.model import Tenant
from huaxiang.service import Service
from huaxiang.steward.rehearsal import Plan, Rehearsal, rehearse

tenant = App(name="tenant", help="Tenants: the enterprises whose customers are served.")
key = App(name="key", help="Access keys: who may ask, in which dialect.")
KEY_COLUMNS = ("name", "tenant", "dialect", "permissions", "rate", "account", "options", "readings", "revoked_at")


@tenant.command
def create(name: str, *, time_zone: str = "Asia/Shanghai", login_name: str | None = None, place: Place = HERE) -> None:
    """Make a tenant.

    Parameters
    ----------
    name
        What commands call it; unique.
    time_zone
        In which its days begin, and its times without a zone are read.
    login_name
        Begins the ids of its Tinet portraits; the name, unless given.

    """

    async def work(service: Service) -> Tenant:
        return await service.create_tenant(name, time_zone=time_zone, login_name=login_name)

    show(_told(place.run(work)), as_json=place.json)


@tenant.command(name="set")
def set_(  # noqa: PLR0913 - an option each for what a tenant decides
    name: str,
    *,
    time_zone: str | None = None,
    login_name: str | None = None,
    portrait_scope: Literal["number", "customer"] | None = None,
    weight: Annotated[list[str] | None, Parameter(name="--weight", consume_multiple=False)] = None,
    erasure_marks: bool | None = None,
    unfollow_days: str | None = None,
    unsettled_days: str | None = None,
    guards: Guards = UNCHANGED,
    place: Place = HERE,
) -> None:
    """Change what a tenant decides. What depends on it is made anew in the same transaction.

    It tells how many customers that joined and parted; `huaxiang rehearse` tells it before.

    Parameters
    ----------
    name
        The tenant.
    time_zone
        In which its days begin.
    login_name
        Begins the ids of its Tinet portraits.
    portrait_scope
        What a row of Tinet's portraits is: a number (the vendor's way), or a customer with all its numbers.
    weight
        TYPE=N: how much an interaction of this type counts; `*=N` for every other. May be repeated.
    erasure_marks
        Keep a keyed mark of each record that is erased, pseudonymous data, so that its redelivery stays out. Given up,
        the marks go.
    unfollow_days
        After so many days without a follow-up a CRM's customer goes back to the public pool; `none`: never.
    unsettled_days
        After so many days without being closed it does; `none`: never.

    """

    async def work(service: Service) -> Rehearsal:
        found = await service.tenant(name)
        had = found.settings
        changed = msgspec.structs.replace(
            guards.over(had),
            portrait_scope=portrait_scope or had.portrait_scope,
            weights={**had.weights, **pairs("weight", weight)},
            erasure_marks=had.erasure_marks if erasure_marks is None else erasure_marks,
            unfollow_days=_days("unfollow_days", unfollow_days, had.unfollow_days),
            unsettled_days=_days("unsettled_days", unsettled_days, had.unsettled_days),
        )
        plan = Plan(settings=checked(changed), time_zone=time_zone, login_name=login_name)
        return await rehearse(service, found, plan, publish=True, examples=0)

    done = place.run(work)
    show({**_told(done.tenant), **told(done)}, as_json=place.json)


@tenant.command(name="list")
def tenant_list(*, place: Place = HERE) -> None:
    """List the tenants."""

    async def work(service: Service) -> list[Tenant]:
        return await service.tenants()

    rows = [_told(found) for found in place.run(work)]
    show_rows(rows, ("name", "login_name", "time_zone", "portrait_scope", "org"), as_json=place.json)


@key.command(name="create")
def key_create(  # noqa: PLR0913 - an option each for what a key may be made with
    *,
    tenant: str,
    dialect: Dialect,
    permissions: str | None = None,
    rate: float | None = None,
    account: UUID | None = None,
    clock: Literal["both", "utc", "shanghai"] | None = None,
    retry: Literal["auto", "always", "never"] | None = None,
    company: str | None = None,
    companies: str | None = None,
    apps: str | None = None,
    place: Place = HERE,
) -> None:
    """Make an access key, and print its credential: this once, and never again.

    Parameters
    ----------
    tenant
        Whose customers it opens.
    dialect
        Whose API its holder speaks.
    permissions
        Only these of the dialect's permissions, joined by commas; all, unless given.
    rate
        Calls a second, 0 for no limit; rabbitpre: 1, the others: no limit, unless given.
    account
        telrobot: the account (a uuid) that the token acts for; the tenant's main one, unless given.
    clock
        tinet: how to read a signature's timestamp.
    retry
        tinet: whether rows carry `retry`; auto leaves it out for the vendor's SDK, which can't read it.
    company
        rabbitpre: the sub-enterprise that the app is of; the tenant's own, unless given.
    companies
        rabbitpre: sub-enterprises that it may read and write beside, joined by commas; * for all.
    apps
        rabbitpre: other apps that it may act for (`instanceAppid`), joined by commas.

    """
    options = KeyOptions(
        permissions=_listed(permissions),
        rate=rate,
        account=account,
        clock=clock,
        retry=retry,
        company=company,
        companies=_listed(companies),
        apps=_listed(apps),
    )

    async def work(service: Service) -> dict[str, str]:
        return await service.create_key(await service.tenant(tenant), dialect, options)

    show(place.run(work), as_json=place.json)
    if not place.json:
        say("Keep it: it is not shown again.  请保存：它不会再次显示。")


@key.command(name="set")
def key_set(  # noqa: PLR0913 - an option each for what a key may be made with
    name: str,
    /,
    *,
    permissions: str | None = None,
    rate: float | None = None,
    clock: Literal["both", "utc", "shanghai"] | None = None,
    retry: Literal["auto", "always", "never"] | None = None,
    company: str | None = None,
    companies: str | None = None,
    apps: str | None = None,
    place: Place = HERE,
) -> None:
    """Change what an access key may do; what is not named stays. Running servers know at once.

    Parameters
    ----------
    name
        The key, by the name that `key list` tells.
    permissions
        These of its dialect's permissions, joined by commas; `all` for all that there are now, "" for none.
    rate
        Calls a second, 0 for no limit.
    clock
        tinet: how to read a signature's timestamp.
    retry
        tinet: whether rows carry `retry`.
    company
        rabbitpre: the sub-enterprise that the app is of; "" for the tenant's own.
    companies
        rabbitpre: sub-enterprises that it may read and write beside, joined by commas; * for all, "" for none.
    apps
        rabbitpre: other apps that it may act for (`instanceAppid`), joined by commas; "" for none.

    """

    async def work(service: Service) -> KeyListing:
        options = KeyOptions(
            permissions=_listed(permissions),
            rate=rate,
            clock=clock,
            retry=retry,
            company=company,
            companies=_listed(companies),
            apps=_listed(apps),
        )
        return await service.set_key(name, options)

    changed = msgspec.structs.asdict(place.run(work))
    show({column: changed[column] for column in KEY_COLUMNS}, as_json=place.json)


@key.command(name="list")
def key_list(*, tenant: str | None = None, place: Place = HERE) -> None:
    """List the access keys, without what would let anybody in."""

    async def work(service: Service) -> list[dict[str, Any]]:
        return [msgspec.structs.asdict(found) for found in await service.keys(tenant)]

    show_rows(place.run(work), KEY_COLUMNS, as_json=place.json)


@key.command(name="revoke")
def key_revoke(name: str, *, place: Place = HERE) -> None:
    """End the life of an access key, by the name that `key list` tells."""

    async def work(service: Service) -> None:
        await service.revoke_key(name)

    place.run(work)
    show({"revoked": name}, as_json=place.json)


def _listed(text: str | None) -> tuple[str, ...] | None:
    """Names between commas; None for what is not given."""
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _days(field: str, given: str | None, had: int | None) -> int | None:
    return had if given is None else number(field, given)


def _told(found: Tenant) -> dict[str, Any]:
    """A tenant without its key."""
    told = {
        "name": found.name,
        "login_name": found.login_name,
        "time_zone": found.time_zone,
        "org": str(found.org),
        "main_account": str(found.main_account),
    }
    settings = found.settings
    return {
        **told,
        "portrait_scope": settings.portrait_scope,
        "weights": settings.weights,
        "ranks": settings.ranks,
        "blocked": list(settings.blocked),
        "matching": settings.matching,
        "limits": msgspec.structs.asdict(settings.limits),
        "erasure_marks": settings.erasure_marks,
        "companies": sorted(settings.companies),
        "unfollow_days": settings.unfollow_days,
        "unsettled_days": settings.unsettled_days,
    }

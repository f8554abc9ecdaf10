"""`huaxiang dictionary …`: what the ids of a CRM's sources, industries and grades mean to an account."""

from __future__ import annotations

from uuid import UUID

import msgspec
from cyclopts import App

from huaxiang.cli.output import show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.service import Service
from huaxiang.steward import dictionaries
from huaxiang.steward.dictionaries import Entry, Kind

dictionary = App(
    name="dictionary", help="A CRM's dictionaries: sources, industries, grades.  字典：信息来源、行业、客户等级。"
)
COLUMNS = ("account", "kind", "id", "name")


@dictionary.command(name="list")
def list_(*, tenant: str, account: UUID | None = None, kind: Kind | None = None, place: Place = HERE) -> None:
    """List what ids mean.

    Parameters
    ----------
    tenant
        Whose dictionaries.
    account
        Only this account's; of all, unless given.
    kind
        Only this dictionary.

    """

    async def work(service: Service) -> list[Entry]:
        return await dictionaries.entries(service, await service.tenant(tenant), account=account, kind=kind)

    show_rows([msgspec.structs.asdict(one) for one in place.run(work)], COLUMNS, as_json=place.json)


@dictionary.command(name="set")
def set_(
    kind: Kind,
    name: str,
    /,
    *,
    tenant: str,
    id: int | None = None,  # noqa: A002 (it is the flag's name)
    account: UUID | None = None,
    place: Place = HERE,
) -> None:
    """Say what an id means, a new one or one that is there.

    Parameters
    ----------
    kind
        source, industry or grade.
    name
        What it means.
    tenant
        Whose dictionary.
    id
        The id that records carry, 1 or more; the next one, unless given.
    account
        To which account; to the main one, unless given.

    """

    async def work(service: Service) -> Entry:
        found = await service.tenant(tenant)
        return await dictionaries.put(service, found, account=account, kind=kind, name=name, id_=id)

    show(place.run(work), as_json=place.json)


@dictionary.command
def drop(kind: Kind, number: int, /, *, tenant: str, account: UUID | None = None, place: Place = HERE) -> None:
    """Forget what an id means; records keep the id.

    Parameters
    ----------
    kind
        source, industry or grade.
    number
        The id.
    tenant
        Whose dictionary.
    account
        Of which account; of the main one, unless given.

    """

    async def work(service: Service) -> None:
        await dictionaries.drop(service, await service.tenant(tenant), account=account, kind=kind, id_=number)

    place.run(work)
    show({"dropped": number}, as_json=place.json)

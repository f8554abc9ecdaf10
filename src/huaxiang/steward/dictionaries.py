"""A CRM's dictionaries: what the ids of sources, industries and grades mean to an account.

Takes a `Service` and what an operator says; gives `Entry`s. Records carry the ids (`source_id`, `industry_id`,
`grade_id`), whether anybody has said what they mean or not.

Rule 1: a dictionary belongs to one account; 0 means unset, and is no id of an entry.
Rule 2: names are unique in a dictionary: they are looked at under the tenant's lock.
Rule 3: an entry without an id gets the one after the greatest that its dictionary has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from uuid import UUID

import msgspec

from huaxiang.errors import InputInvalid, NotFound
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Iterable

    from huaxiang.model import Tenant
    from huaxiang.service import Service
    from huaxiang.store import Row

Kind: TypeAlias = Literal["source", "industry", "grade"]
"""Which dictionary."""

LARGEST_ID: Final = 2**31 - 1
LONGEST_NAME: Final = 128


class Entry(msgspec.Struct, frozen=True):
    """What an id means: `name`, in one dictionary of one account."""

    account: UUID
    kind: Kind
    id: int
    name: str


async def entries(
    service: Service, tenant: Tenant, *, account: UUID | None = None, kind: Kind | None = None
) -> list[Entry]:
    """All entries, or those of one account, of one dictionary; by account, kind and id."""
    async with service.store.reading() as tx:
        found = _entries(await tx.rows("dictionary", tenant.id))
    return [one for one in found if account in (None, one.account) and kind in (None, one.kind)]


async def put(
    service: Service, tenant: Tenant, *, account: UUID | None, kind: Kind, name: str, id_: int | None = None
) -> Entry:
    """Say what an id means from now on, to the main account unless another one is named.

    Raises:
        InputInvalid: the account is none of the tenant's, another id has the name, or it is out of its range.

    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not can_be_kept(name):
        raise InputInvalid(field="name", reason=f"1 to {LONGEST_NAME} characters")
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        owner = account or tenant.main_account
        if await tx.row("account", tenant.id, owner) is None:
            raise InputInvalid(field="account", reason="none of this tenant's")
        own = [
            one for one in _entries(await tx.rows("dictionary", tenant.id)) if (one.account, one.kind) == (owner, kind)
        ]
        following = max((one.id for one in own), default=0) + 1
        entry = Entry(owner, kind, following if id_ is None else id_, name)
        if not 1 <= entry.id <= LARGEST_ID:
            raise InputInvalid(field="id", reason=f"1 to {LARGEST_ID}")
        if any(one.name == name and one.id != entry.id for one in own):
            raise InputInvalid(field="name", reason="another id of this dictionary has it")
        await tx.run("put_dictionary", tenant.id, owner, kind, entry.id, name)
    return entry


async def drop(service: Service, tenant: Tenant, *, account: UUID | None, kind: Kind, id_: int) -> Entry:
    """Forget what an id means, and tell what it meant; records keep the id.

    Raises:
        NotFound: it means nothing.

    """
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        row = await tx.row("drop_dictionary", tenant.id, account or tenant.main_account, kind, id_)
        if row is None:
            raise NotFound(field="id", reason="not in this dictionary")
        (entry,) = _entries([row])
    return entry


def _entries(rows: Iterable[Row]) -> list[Entry]:
    return [Entry(row["account"], row["kind"], row["id"], row["name"]) for row in rows]

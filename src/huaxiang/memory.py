"""What a worker remembers of tenants and their keys, so that nobody asks for them with each request.

Takes credentials as callers present them, gives the key that they stand for and what its tenant is beside its facts:
settings, accounts, custom fields, cuts. All of it hangs on the tenant's version, which whatever changes it counts up in
its own transaction.

Rule 1: nothing remembered is answered with before the tenant's version was read again, after the request had come.
Rule 2: a credential that is not remembered is asked for; that it is nobody's is never remembered.
Rule 3: what ends by the clock (a token) is remembered with its end.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from huaxiang.keyring import access_key_of, tenant_of
from huaxiang.model import AccessKey, CustomField, Identifier, Tenant
from huaxiang.store import can_be_kept
from huaxiang.together import Together

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from huaxiang.keyring import Dialect
    from huaxiang.store import Row, Store, Transaction

Way: TypeAlias = Literal["name", "token", "access"]
"""By what a key is known: its public half, its token (as a digest), or an access token given for it (as a digest)."""

MOST_KNOWN = 10_000
_STATEMENTS: dict[Way, tuple[str, tuple[str, ...]]] = {
    "name": ("key_by_name", ()),
    "token": ("key_by_digest", ()),
    "access": ("key_by_access_token", ("access",)),
}


class Credential(NamedTuple):
    """What a caller presents."""

    dialect: Dialect
    way: Way
    value: str | bytes


class Kept(msgspec.Struct, frozen=True):
    """What a tenant is beside its facts, at one version.

    `cuts`: when identifiers changed hands, oldest first. `parents`: the account above each account. `fields`: custom
    fields by their owners, in (sort, id) order. `below`: what `accounts_under` found so far.
    """

    tenant: Tenant
    version: int
    cuts: dict[Identifier, list[datetime]]
    parents: dict[UUID, UUID | None]
    fields: dict[str, tuple[CustomField, ...]]
    below: dict[UUID, frozenset[UUID]]

    def accounts_under(self, account: UUID) -> frozenset[UUID]:
        """An account and those below it; empty when it is none of the tenant's."""
        if account not in self.parents:
            return frozenset()
        if account not in self.below:
            found, size = {account}, 0
            while len(found) > size:
                size = len(found)
                found |= {one for one, parent in self.parents.items() if parent in found}
            self.below[account] = frozenset(found)
        return self.below[account]


class Known(msgspec.Struct, frozen=True):
    """A key as it was at its tenant's version; `ends_at` on this process's clock, None for never."""

    credential: Credential
    key: AccessKey
    kept: Kept
    ends_at: float | None

    @property
    def is_over(self) -> bool:
        """Whether its time is up."""
        return self.ends_at is not None and time.monotonic() >= self.ends_at


class Memory:
    """Keys and tenants of one store, as far as they were asked for."""

    def __init__(self, store: Store) -> None:
        """Remember nothing yet."""
        self._store = store
        self._known: dict[Credential, Known] = {}
        self._kept: dict[int, Kept] = {}
        self._versions: Together[int, int] = Together(self._ask_versions, most_items=1024)
        self._meetings: Together[Credential, Known | None] = Together(self._meet_all, most_at_once=2)

    async def key(self, credential: Credential) -> AccessKey | None:
        """The key that a credential stands for, as of now."""
        known = self.recall(credential)
        if known is None or not await self.is_current(known):
            known = await self.meet(credential)
        return None if known is None else known.key

    def recall(self, credential: Credential) -> Known | None:
        """What is remembered of a credential: to be held against the tenant's version before it counts."""
        known = self._known.get(credential)
        if known is not None and (known.is_over or known.kept is not self._kept.get(known.key.tenant.id)):
            del self._known[credential]
            return None
        return known

    async def is_current(self, known: Known) -> bool:
        """Whether what is remembered still holds; if not, it is forgotten."""
        tenant = known.key.tenant.id
        if await self._versions.ask(tenant) == known.kept.version:
            return not known.is_over
        self.forget(known.kept)
        return False

    async def meet(self, credential: Credential) -> Known | None:
        """Ask whose a credential is, and remember it with its tenant; many that ask at once ask together."""
        if isinstance(credential.value, str) and not can_be_kept(credential.value):
            return None
        return await self._meetings.ask(credential)

    async def _meet_all(self, credentials: list[Credential]) -> Sequence[Known | None]:
        async with self._store.reading() as tx:
            met = {credential: await self._met(tx, credential) for credential in dict.fromkeys(credentials)}
        return [met[credential] for credential in credentials]

    async def _met(self, tx: Transaction, credential: Credential) -> Known | None:
        statement, more = _STATEMENTS[credential.way]
        row = await tx.row(statement, credential.dialect, credential.value, *more)
        if row is None:
            return None
        key = access_key_of(row)
        kept = await self._keep(tx, key.tenant.id)
        ends_at = time.monotonic() + row["ends_in"] if credential.way == "access" else None
        known = Known(credential, key, kept, ends_at)
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[credential] = known
        return known

    async def tenant(self, tenant: int) -> Kept | None:
        """What a tenant is, as of now; None if there is none."""
        kept = self._kept.get(tenant)
        if kept is not None and await self._versions.ask(tenant) == kept.version:
            return kept
        async with self._store.reading() as tx:
            if await tx.row("tenant_by_id", tenant) is None:
                return None
            return await self._keep(tx, tenant)

    def forget(self, kept: Kept) -> None:
        """Remember this of a tenant no longer, nor its keys."""
        if self._kept.get(kept.tenant.id) is kept:
            self.forget_tenant(kept.tenant.id)

    def forget_tenant(self, tenant: int) -> None:
        """Remember nothing of a tenant."""
        self._kept.pop(tenant, None)

    async def _keep(self, tx: Transaction, tenant: int) -> Kept:
        """What the tenant is in this transaction's snapshot."""
        (row,) = await tx.rows("versions", [tenant])
        had = self._kept.get(tenant)
        if had is None or had.version != row["number"]:
            had = self._kept[tenant] = await _read(tx, tenant, row["number"])
        return had

    async def _ask_versions(self, tenants: list[int]) -> Sequence[int]:
        async with self._store.asking() as tx:
            rows = await tx.rows("versions", list(set(tenants)))
        versions = {row["tenant"]: row["number"] for row in rows}
        return [versions[tenant] for tenant in tenants]


async def _read(tx: Transaction, tenant: int, version: int) -> Kept:
    cuts: dict[Identifier, list[datetime]] = {}
    for row in await tx.rows("cuts", tenant):
        cuts.setdefault(Identifier(row["kind"], row["value"], row["scope"]), []).append(row["at"])
    fields: dict[str, list[CustomField]] = {}
    for row in await tx.rows("fields_of_tenant", tenant):
        fields.setdefault(row["owner"], []).append(_field(row))
    return Kept(
        tenant=tenant_of(await tx.row("tenant_by_id", tenant)),
        version=version,
        cuts=cuts,
        parents={row["id"]: row["parent"] for row in await tx.rows("accounts_of_tenant", tenant)},
        fields={owner: tuple(of) for owner, of in fields.items()},
        below={},
    )


def _field(row: Row) -> CustomField:
    return CustomField(row["id"], row["owner"], row["sort"], row["updated_at"], msgspec.json.decode(row["details"]))

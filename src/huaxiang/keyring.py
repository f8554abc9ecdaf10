"""Tenants with their accounts and custom fields, and the keys by which their callers are known.

Takes credentials as callers present them, gives the `AccessKey` that they stand for, or None.

Rule 1: a credential is shown once, when it is made; what is kept is a digest, but for a secret that signs (tinet).
Rule 2: secrets are 256 random bits, so that a fast digest is as good as a slow one.
Rule 3: rates are counted in the database, so that they hold over all processes; a refused call does not count.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from huaxiang.errors import NotFound, SettingsInvalid, TooOften
from huaxiang.identifiers import slot_of
from huaxiang.model import EVERY_COMPANY, AccessKey, Json, Tenant, TenantSettings
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from huaxiang.model import CustomField
    from huaxiang.store import Row, Store, Transaction

Dialect: TypeAlias = Literal["tinet", "rabbitpre", "telrobot", "native"]
ACCESS_SECONDS, REFRESH_SECONDS = 7200.0, 14400.0
PERMISSIONS: dict[str, tuple[str, ...]] = {
    "tinet": ("portrait", "push", "results"),
    "rabbitpre": ("profile", "tags", "write"),
    "telrobot": ("customer", "change"),
    "native": ("facts", "customers", "steward", "erase"),
}
"""Every permission of each dialect; a key has them all unless it is made with fewer."""
RATES: dict[str, float | None] = {"tinet": None, "rabbitpre": 1.0, "telrobot": None, "native": None}
"""Calls a second, unless a key is made with another rate."""
SLOWEST_RATE, FASTEST_RATE = 0.0001, 1_000_000
LONGEST_NAME = 128


class KeyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a key may be made with; None leaves the dialect's default, or, of a key that is there, what it has.

    `company`: the sub-enterprise that an app is of, "" for the tenant's own; `companies`: others that it may act for,
    `EVERY_COMPANY` for all. `apps`: other apps of the tenant that it may act for, by their names.
    """

    permissions: tuple[str, ...] | None = None
    rate: float | None = None
    account: UUID | None = None
    clock: Literal["both", "utc", "shanghai"] | None = None
    retry: Literal["auto", "always", "never"] | None = None
    company: str | None = None
    companies: tuple[str, ...] | None = None
    apps: tuple[str, ...] | None = None


OPTIONS: Final[dict[str, Dialect]] = {
    "clock": "tinet",
    "retry": "tinet",
    "company": "rabbitpre",
    "companies": "rabbitpre",
    "apps": "rabbitpre",
}
"""What a key may be made with beside its permissions, rate and account, and the dialect that knows it."""


class Limit(NamedTuple):
    """So many calls of a kind in so many seconds, for a key that has its dialect's own rate."""

    call: str
    times: int
    seconds: float


class KeyListing(msgspec.Struct, frozen=True):
    """A key as it is listed: nothing that would let anybody in."""

    id: int
    tenant: str
    dialect: str
    name: str
    account: UUID | None
    permissions: list[str]
    rate: float | None
    options: dict[str, Json]
    readings: list[str]
    created_at: datetime
    revoked_at: datetime | None


class Keyring:
    """Tenants, keys and tokens of one store."""

    def __init__(self, store: Store) -> None:
        """Keep them in this store."""
        self.store = store

    # ── tenants ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def create_tenant(
        self, name: str, *, time_zone: str = "Asia/Shanghai", login_name: str | None = None
    ) -> Tenant:
        """A new tenant, with a key of its own for its nodes.

        Raises:
            SettingsInvalid: the name is taken, empty or too long, or there is no such time zone.

        """
        for field, text in (("name", name), ("login_name", login_name or name)):
            _check_name(field, text)
        main_account = uuid4()
        async with self.store.writing() as tx:
            await check_time_zone(tx, time_zone)
            settings = msgspec.json.encode(TenantSettings())
            key = secrets.token_bytes(32)
            created = await tx.row(
                "create_tenant",
                name, login_name or name, time_zone, key, uuid4(), main_account, settings, slot_of(key),
            )  # fmt: skip
            if created is None:
                raise SettingsInvalid(field="name", reason=f"there is a tenant {name} already")
            tenant = tenant_of(await tx.row("tenant_by_name", name))
            await tx.run("put_main_account", main_account, tenant.id)
        return tenant

    async def tenant(self, name: str) -> Tenant:
        """The tenant of this name.

        Raises:
            NotFound: there is none.

        """
        async with self.store.reading() as tx:
            row = await tx.row("tenant_by_name", name)
        if row is None:
            raise NotFound(field="tenant", reason=f"there is no tenant {name}; `huaxiang tenant create` makes one")
        return tenant_of(row)

    async def tenants(self) -> list[Tenant]:
        """All tenants, oldest first."""
        async with self.store.reading() as tx:
            return [tenant_of(row) for row in await tx.rows("tenants")]

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def create_key(self, tenant: Tenant, dialect: Dialect, options: KeyOptions) -> dict[str, str]:
        """A new credential, in the words of its dialect; its secret half is told here and never again.

        Raises:
            SettingsInvalid: an option that the dialect does not have.

        """
        kept = _check_options(dialect, options)
        permissions = PERMISSIONS[dialect] if options.permissions is None else _every(dialect, options)
        rate = RATES[dialect] if options.rate is None else (options.rate or None)
        async with self.store.writing() as tx:
            account = await _account(tx, tenant, options.account) if dialect == "telrobot" else None
            await _check_acting(tx, tenant, options)
            credential, name, secret, token = _credential(dialect, account)
            await tx.run(
                "create_key",
                tenant.id, dialect, name, secret, token and digest(token), account, list(permissions), rate,
                msgspec.json.encode(kept),
            )  # fmt: skip
        return credential

    async def keys(self, tenant: str | None = None) -> list[KeyListing]:
        """All keys, or those of one tenant, oldest first; the revoked ones too."""
        async with self.store.reading() as tx:
            rows = await tx.rows("keys", tenant)
        return [_listing(row) for row in rows]

    async def set_key(self, name: str, options: KeyOptions) -> KeyListing:
        """Change what a living key may do, by the name that `keys` lists; None leaves it. All workers know at once.

        Raises:
            NotFound: no living key has that name.
            SettingsInvalid: an option that the dialect does not have, or that is no one's.

        """
        if options.account is not None:
            raise SettingsInvalid(field="account", reason="a key keeps its account; make another one")
        async with self.store.writing() as tx:
            row = await tx.row("key_of_name", name)
            if row is None:
                raise NotFound(field="key", reason=f"there is no living key {name}")
            dialect: Dialect = row["dialect"]
            kept = {**msgspec.json.decode(row["options"]), **_check_options(dialect, options)}
            await _check_acting(tx, tenant_of(await tx.row("tenant_by_id", row["tenant"])), options)
            rate = row["rate"] if options.rate is None else (options.rate or None)
            permissions = row["permissions"] if options.permissions is None else list(_every(dialect, options))
            await tx.run("set_key", row["id"], permissions, rate, msgspec.json.encode(kept))
            (changed,) = [one for one in await tx.rows("keys", None) if one["id"] == row["id"]]
        return _listing(changed)

    async def revoke_key(self, name: str) -> None:
        """End a key's life, by the name that `keys` lists.

        Raises:
            NotFound: no living key has that name.

        """
        async with self.store.writing() as tx:
            if await tx.row("revoke_key", name) is None:
                raise NotFound(field="key", reason=f"there is no key {name} to revoke")

    async def key_by_name(self, dialect: Dialect, name: str) -> AccessKey | None:
        """The key with this public half (tinet's AccessKeyId, rabbitpre's instanceAppid)."""
        return await self._key("key_by_name", dialect, name)

    async def key_by_token(self, dialect: Dialect, token: str) -> AccessKey | None:
        """The key whose token this is (telrobot, native)."""
        return await self._key("key_by_digest", dialect, digest(token))

    async def key_by_access_token(self, dialect: Dialect, token: str) -> AccessKey | None:
        """The key that a live access token was given for (rabbitpre)."""
        return await self._key("key_by_access_token", dialect, digest(token), "access")

    async def _key(self, statement: str, *parameters: object) -> AccessKey | None:
        if any(isinstance(parameter, str) and not can_be_kept(parameter) for parameter in parameters):
            return None
        async with self.store.reading() as tx:
            row = await tx.row(statement, *parameters)
        return None if row is None else access_key_of(row)

    async def check_secret(self, key: AccessKey, secret: str) -> bool:
        """Whether this is the key's secret; takes the same time either way."""
        async with self.store.reading() as tx:
            row = await tx.row("key_by_name", key.dialect, key.name)
        return row is not None and row["digest"] is not None and hmac.compare_digest(row["digest"], digest(secret))

    # ── tokens and rates ──────────────────────────────────────────────────────────────────────────────────────────

    async def issue_tokens(self, key: AccessKey) -> tuple[str, str]:
        """An access token for two hours, and a refresh token for four."""
        tokens = secrets.token_hex(32), secrets.token_hex(32)
        async with self.store.writing() as tx:
            await tx.run("drop_expired_tokens", key.id)
            await tx.run(
                "put_access_tokens",
                key.id, [digest(token) for token in tokens], ["access", "refresh"], [ACCESS_SECONDS, REFRESH_SECONDS],
            )  # fmt: skip
        return tokens

    async def refresh_tokens(self, dialect: Dialect, refresh_token: str) -> tuple[str, str] | None:
        """New tokens for a live refresh token, which they replace; None for any other."""
        found = digest(refresh_token)
        key = await self._key("key_by_access_token", dialect, found, "refresh")
        if key is None:
            return None
        async with self.store.writing() as tx:
            if await tx.row("drop_access_token", found) is None:
                return None
        return await self.issue_tokens(key)

    async def accept(self, key: AccessKey) -> None:
        """Let a call pass, or not, by the key's rate.

        Raises:
            TooOften: the last accepted call is too near.

        """
        if key.rate is None:
            return
        async with self.store.writing() as tx:
            if await tx.row("pass_gate", key.id, 1 / key.rate) is None:
                raise TooOften(reason=f"at most {key.rate:g} calls a second")

    async def accept_within(self, key: AccessKey, limit: Limit) -> None:
        """Let a call pass, or not, by a limit of its own, which scales with the key's rate; without a rate all pass.

        Raises:
            TooOften: there were as many already.

        """
        if key.rate is None:
            return
        seconds = limit.seconds * (RATES[key.dialect] or 1.0) / key.rate
        async with self.store.writing() as tx:
            if await tx.row("pass_call_gate", key.id, limit.call, limit.times, seconds) is None:
                raise TooOften(reason=f"at most {limit.times} in {seconds:g} seconds")

    async def note_clock(self, key: AccessKey, reading: str) -> None:
        """Remember by which reading of its clock a key's signature was right."""
        if reading in key.readings:
            return
        async with self.store.writing() as tx:
            await tx.run("note_reading", key.id, reading)

    async def accounts_under(self, tenant: Tenant, account: UUID) -> frozenset[UUID]:
        """An account and those below it; empty when it is none of the tenant's."""
        async with self.store.reading() as tx:
            return frozenset(row["id"] for row in await tx.rows("accounts", tenant.id, account))


async def put_fields(tx: Transaction, tenant: Tenant, fields: Sequence[CustomField]) -> None:
    """Keep definitions of custom fields; the newest of each wins."""
    rows = [
        (field.id, field.owner, field.sort, field.updated_at, msgspec.json.encode(field.details).decode())
        for field in fields
    ]
    await tx.each("put_custom_fields", rows, tenant.id)


async def put_owners(tx: Transaction, tenant: Tenant, owners: AbstractSet[str]) -> None:
    """Accounts that own records stand below the tenant's main account."""
    accounts = sorted({account for owner in owners if (account := _uuid(owner)) and account != tenant.main_account})
    if accounts:
        await tx.run("put_accounts", tenant.id, tenant.main_account, accounts)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


_DIGEST: Final = blake2b(digest_size=32, person=b"huaxiang-key")


def digest(secret: str) -> bytes:
    """What is kept of a secret: 32 bytes."""
    made = _DIGEST.copy()  # to begin with it takes longer than all the rest
    made.update(secret.encode("utf-8", "surrogatepass"))
    return made.digest()


async def check_time_zone(tx: Transaction, name: str) -> None:
    """Accept the name of a time zone that both Python and the database know.

    Raises:
        SettingsInvalid: there is none of that name.

    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsInvalid(field="time_zone", reason=f"there is no time zone {name}") from error
    if await tx.row("time_zone", name) is None:
        raise SettingsInvalid(field="time_zone", reason=f"the database knows no time zone {name}")


def _check_name(field: str, text: str) -> None:
    if not text.strip():
        raise SettingsInvalid(field=field, reason="a tenant needs a name")
    if len(text) > LONGEST_NAME or not can_be_kept(text):
        raise SettingsInvalid(field=field, reason=f"at most {LONGEST_NAME} characters, none of them NUL")


async def _account(tx: Transaction, tenant: Tenant, asked: UUID | None) -> UUID:
    """The account that a key acts for. The first one named takes the main account's place while that is unused."""
    await tx.run("lock_tenant", tenant.id)
    tenant = tenant_of(await tx.row("tenant_by_id", tenant.id))
    main = tenant.main_account
    if asked is None or asked == main:
        return main
    if await tx.row("account", tenant.id, asked) is not None:
        return asked
    if any(row["account"] == main for row in await tx.rows("keys", tenant.name)):
        await tx.run("put_accounts", tenant.id, main, [asked])
    else:
        await tx.run("put_main_account", asked, tenant.id)
        await tx.run("set_main_account", tenant.id, asked)
        await tx.run("move_accounts", tenant.id, main, asked)
    return asked


def _check_options(dialect: Dialect, options: KeyOptions) -> dict[str, Json]:
    """The options to keep, once all fit the dialect."""
    kept: dict[str, Json] = {}
    for field, owner in OPTIONS.items():
        if (value := getattr(options, field)) is not None:
            if dialect != owner:
                raise SettingsInvalid(field=field, reason=f"{dialect} keys have no --{field}")
            kept[field] = msgspec.to_builtins(value)
    if options.account is not None and dialect != "telrobot":
        raise SettingsInvalid(field="account", reason=f"{dialect} keys have no --account")
    if options.rate is not None and options.rate != 0 and not SLOWEST_RATE <= options.rate <= FASTEST_RATE:
        reason = f"a rate lies between {SLOWEST_RATE} and {FASTEST_RATE} calls a second, or is 0 for no limit"
        raise SettingsInvalid(field="rate", reason=reason)
    _check_permissions(dialect, _every(dialect, options))
    return kept


def _every(dialect: Dialect, options: KeyOptions) -> tuple[str, ...]:
    """The permissions that are named; `all` names each that the dialect has."""
    asked = options.permissions or ()
    return PERMISSIONS[dialect] if asked == ("all",) else asked


def _check_permissions(dialect: Dialect, asked: Sequence[str]) -> None:
    if unknown := sorted(set(asked) - set(PERMISSIONS[dialect])):
        known = ", ".join(PERMISSIONS[dialect])
        raise SettingsInvalid(field="permissions", reason=f"{', '.join(unknown)}: {dialect} knows {known}")


async def _check_acting(tx: Transaction, tenant: Tenant, options: KeyOptions) -> None:
    """Accept only sub-enterprises and apps that the tenant has; its lock is held then, so that it has them still."""
    if options.company is None and options.companies is None and options.apps is None:
        return
    await tx.run("lock_tenant", tenant.id)
    tenant = tenant_of(await tx.row("tenant_by_id", tenant.id))
    known = tenant.settings.companies.keys()
    unknown = {
        "company": {options.company or ""} - {""} - known,
        "companies": set(options.companies or ()) - {EVERY_COMPANY} - known,
    }
    for field, names in unknown.items():
        if names:
            reason = f"{', '.join(sorted(names))}: no sub-enterprise of this tenant; `huaxiang company set` makes one"
            raise SettingsInvalid(field=field, reason=reason)
    keys = await tx.rows("keys", tenant.name)
    apps = {row["name"] for row in keys if row["dialect"] == "rabbitpre" and row["revoked_at"] is None}
    if strangers := sorted(set(options.apps or ()) - apps):
        raise SettingsInvalid(field="apps", reason=f"{', '.join(strangers)}: no living app of this tenant")


def _listing(row: Row) -> KeyListing:
    return KeyListing(**{**row, "options": msgspec.json.decode(row["options"])})


def _credential(dialect: Dialect, account: UUID | None) -> tuple[dict[str, str], str, str | None, str | None]:
    """The credential as it is told, the key's name, the secret kept in clear, and the one kept as a digest."""
    secret = secrets.token_urlsafe(32)
    if dialect == "tinet":
        name = f"AK{secrets.token_hex(10).upper()}"
        return {"access_key_id": name, "access_key_secret": secret}, name, secret, None
    if dialect == "rabbitpre":
        name = str(uuid4())
        return {"instanceAppid": name, "instanceSecrect": secret}, name, None, secret
    name = f"{dialect}-{secrets.token_hex(6)}"
    if dialect == "telrobot":
        return {"user_id": str(account), "token": secret}, name, None, secret
    return {"token": secret}, name, None, secret


def tenant_of(row: Row) -> Tenant:
    """The tenant that a row of the table tells of."""
    return Tenant(
        id=row["id"],
        name=row["name"],
        login_name=row["login_name"],
        time_zone=row["time_zone"],
        key=bytes(row["key"]),
        org=row["org"],
        main_account=row["main_account"],
        settings=msgspec.json.decode(row["settings"], type=TenantSettings),
        slot=row["slot"],
    )


def access_key_of(row: Row) -> AccessKey:
    """The key that a row of `usable_key` tells of."""
    return AccessKey(
        id=row["key_id"],
        tenant=tenant_of(row),
        dialect=row["dialect"],
        name=row["key_name"],
        secret=row["secret"],
        account=row["account"],
        permissions=tuple(row["permissions"]),
        rate=row["rate"],
        options=msgspec.json.decode(row["options"]),
        readings=tuple(row["readings"]),
    )

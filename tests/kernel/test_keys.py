"""Tenants, keys, tokens and rates: who is let in, and how often."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from huaxiang.errors import NotFound, SettingsInvalid, TooOften
from huaxiang.keyring import PERMISSIONS, Dialect, KeyOptions
from huaxiang.model import AccessKey, Tenant
from huaxiang.service import Service
from huaxiang.store import opened


async def key_of(service: Service, tenant: Tenant, dialect: Dialect, **options: float) -> AccessKey:
    """A new key, found again by its public half."""
    await service.create_key(tenant, dialect, KeyOptions(**options))  # type: ignore[arg-type]
    listed = (await service.keys(tenant.name))[-1]
    key = await service.key_by_name(dialect, listed.name)
    assert key is not None
    return key


# ── tenants ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_tenant_is_found_by_its_name_with_all_that_was_decided(service: Service, tenant: Tenant) -> None:
    assert await service.tenant("acme") == tenant
    assert tenant in await service.tenants()
    with pytest.raises(NotFound):
        await service.tenant("nobody")


@pytest.mark.parametrize(
    ("name", "zone"), [("", "UTC"), ("acme", "UTC"), ("n" * 129, "UTC"), ("\0", "UTC"), ("b", "Mars")]
)
async def test_a_tenant_without_a_good_name_and_zone_is_refused(
    service: Service, tenant: Tenant, name: str, zone: str
) -> None:
    with pytest.raises(SettingsInvalid):
        await service.create_tenant(name, time_zone=zone)
    assert await service.tenants() == [tenant]


async def test_of_two_that_create_one_tenant_at_once_one_is_refused(service: Service) -> None:
    found = await asyncio.gather(*(service.create_tenant("twin") for _ in range(3)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["SettingsInvalid", "SettingsInvalid", "Tenant"]


async def test_two_tenants_have_keys_of_their_own_for_their_nodes(service: Service, tenant: Tenant) -> None:
    assert (await service.create_tenant("other")).key != tenant.key


# ── credentials ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_dialect_names_its_credential_in_its_own_words(service: Service, tenant: Tenant) -> None:
    dialects: tuple[Dialect, ...] = ("tinet", "rabbitpre", "telrobot", "native")
    told = {dialect: set(await service.create_key(tenant, dialect, KeyOptions())) for dialect in dialects}
    assert told == {
        "tinet": {"access_key_id", "access_key_secret"},
        "rabbitpre": {"instanceAppid", "instanceSecrect"},
        "telrobot": {"user_id", "token"},
        "native": {"token"},
    }


async def test_a_token_stands_for_its_key_in_its_dialect_alone(service: Service, tenant: Tenant) -> None:
    token = (await service.create_key(tenant, "native", KeyOptions()))["token"]
    key = await service.key_by_token("native", token)
    assert key is not None
    assert (key.tenant, key.permissions, key.secret) == (tenant, PERMISSIONS["native"], None)
    assert await service.key_by_token("telrobot", token) is None
    for wrong in ("", token + "x", "\0", "\ud800"):
        assert await service.key_by_token("native", wrong) is None


async def test_a_name_that_no_text_can_be_is_no_key(service: Service) -> None:
    assert await service.key_by_name("tinet", "\0") is None
    assert await service.key_by_name("tinet", "\ud800") is None


async def test_only_the_digest_of_a_token_lies_in_the_database(
    service: Service, tenant: Tenant, database_url: str
) -> None:
    told = [
        (await service.create_key(tenant, "native", KeyOptions()))["token"],
        (await service.create_key(tenant, "rabbitpre", KeyOptions()))["instanceSecrect"],
        *await service.issue_tokens(await key_of(service, tenant, "rabbitpre")),
    ]
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("select row_to_json(k)::text as told from access_key as k")
    rows += await connection.fetch("select row_to_json(t)::text as told from access_token as t")
    await connection.close()
    assert not any(secret in row["told"] for secret in told for row in rows)


async def test_a_revoked_key_is_nobodys_from_then_on(service: Service, tenant: Tenant) -> None:
    credential = await service.create_key(tenant, "rabbitpre", KeyOptions())
    key = await service.key_by_name("rabbitpre", credential["instanceAppid"])
    assert key is not None
    assert await service.check_secret(key, credential["instanceSecrect"])
    assert not await service.check_secret(key, "wrong")
    access, refresh = await service.issue_tokens(key)
    await service.revoke_key(key.name)
    assert not await service.check_secret(key, credential["instanceSecrect"])
    assert await service.key_by_name("rabbitpre", key.name) is None
    assert await service.key_by_access_token("rabbitpre", access) is None
    assert await service.refresh_tokens("rabbitpre", refresh) is None
    assert [one.revoked_at is not None for one in await service.keys(tenant.name)] == [True]
    with pytest.raises(NotFound):
        await service.revoke_key(key.name)


async def test_a_permission_or_an_option_that_a_dialect_lacks_is_refused(service: Service, tenant: Tenant) -> None:
    for options in (
        KeyOptions(permissions=("everything",)),
        KeyOptions(clock="utc"),
        KeyOptions(account=uuid4()),
        KeyOptions(rate=-1),
        KeyOptions(rate=float("nan")),
        KeyOptions(rate=1e-300),
        KeyOptions(rate=float("inf")),
    ):
        with pytest.raises(SettingsInvalid):
            await service.create_key(tenant, "native", options)
    assert await service.keys(tenant.name) == []


async def test_the_first_account_named_is_the_main_one_and_later_ones_stand_below_it(
    service: Service, tenant: Tenant
) -> None:
    first, second = uuid4(), uuid4()
    for account in (first, second):
        credential = await service.create_key(tenant, "telrobot", KeyOptions(account=account))
        assert credential["user_id"] == str(account)
    now = await service.tenant(tenant.name)
    assert now.main_account == first
    assert await service.accounts_under(now, first) >= {first, second}
    assert await service.accounts_under(now, second) == {second}


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_refresh_token_is_good_once_and_an_access_token_refreshes_nothing(
    service: Service, tenant: Tenant
) -> None:
    key = await key_of(service, tenant, "rabbitpre")
    access, refresh = await service.issue_tokens(key)
    assert (await service.key_by_access_token("rabbitpre", access)) == key
    assert await service.key_by_access_token("rabbitpre", refresh) is None
    assert await service.refresh_tokens("rabbitpre", access) is None
    pairs = await asyncio.gather(*(service.refresh_tokens("rabbitpre", refresh) for _ in range(3)))
    (fresh,) = [pair for pair in pairs if pair is not None]
    assert (await service.key_by_access_token("rabbitpre", fresh[0])) == key


async def test_an_expired_token_is_nobodys_and_goes_with_the_next_one(
    service: Service, tenant: Tenant, database_url: str
) -> None:
    key = await key_of(service, tenant, "rabbitpre")
    access, refresh = await service.issue_tokens(key)
    connection = await asyncpg.connect(database_url)
    await connection.execute("update access_token set expires_at = now() - interval '1 second'")
    assert await service.key_by_access_token("rabbitpre", access) is None
    assert await service.refresh_tokens("rabbitpre", refresh) is None
    await service.issue_tokens(key)
    assert await connection.fetchval("select count(*) from access_token") == 2
    await connection.close()


# ── rates ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_rate_holds_over_two_servers(service: Service, tenant: Tenant, database_url: str) -> None:
    key = await key_of(service, tenant, "rabbitpre", rate=0.001)
    async with opened(database_url, connections=4) as store:
        servers = [service, Service(store)] * 3
        found = await asyncio.gather(*(one.accept(key) for one in servers), return_exceptions=True)
    assert sum(one is None for one in found) == 1
    assert sum(isinstance(one, TooOften) for one in found) == 5


async def test_a_call_passes_once_its_time_has_come(service: Service, tenant: Tenant, database_url: str) -> None:
    key = await key_of(service, tenant, "rabbitpre", rate=0.001)
    await service.accept(key)
    with pytest.raises(TooOften):
        await service.accept(key)
    connection = await asyncpg.connect(database_url)
    await connection.execute("update gate set accepted_at = accepted_at - interval '1000 seconds'")
    await connection.close()
    await service.accept(key)


async def test_a_key_without_a_rate_passes_always(service: Service, tenant: Tenant) -> None:
    key = await key_of(service, tenant, "native")
    for _ in range(3):
        await service.accept(key)


async def test_a_clock_once_read_is_remembered_once(service: Service, tenant: Tenant) -> None:
    key = await key_of(service, tenant, "tinet")
    await asyncio.gather(*(service.note_clock(key, "utc") for _ in range(3)))
    await service.note_clock(key, "shanghai")
    again = await service.key_by_name("tinet", key.name)
    assert again is not None
    assert sorted(again.readings) == ["shanghai", "utc"]

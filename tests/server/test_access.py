"""Who may see what: keys, tenants, rates over two workers, tokens, and what a view leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from caller import Door, Serving

from huaxiang.keyring import Dialect
from huaxiang.model import Tenant

PHONE = "13667679151"
DETAIL = "/api/open/api/audience/detail"
PORTRAIT = "/sqc/customerPortrait"
SLOW = 0.001
"""Calls a second: one is accepted, and no other for a quarter of an hour."""
PATHS: dict[Dialect, tuple[str, str, dict[str, Any]]] = {
    "tinet": ("GET", PORTRAIT, {}),
    "rabbitpre": ("POST", DETAIL, {"json": {"phoneList": [PHONE]}}),
    "telrobot": ("GET", "/agent-api/token", {}),
    "native": ("POST", "/v1/customers/lookup", {"json": {"identifiers": [{"kind": "phone", "value": PHONE}]}}),
}
"""A call of each dialect that any good key may make."""


async def with_a_customer(server: Serving) -> tuple[Tenant, str]:
    """A tenant with one customer in every dialect, and the uuid of its CRM record."""
    tenant, record = await server.tenant(), str(uuid4())
    call = {"uniqueId": "1.1", "customerNumber": PHONE, "startTime": 1597657704, "bridgeDuration": 60}
    rows = [
        {"as": "tinet.cdr", "row": call},
        {"as": "rabbitpre.profile", "row": {"audienceUserId": 643, "phone": PHONE, "realName": "王伟"}},
        {"as": "telrobot.customer", "row": {"id": record, "phone": PHONE, "name": "王伟"}},
    ]
    assert (await server.land(tenant, rows)).rejects == ()
    return tenant, record


def calls(door: Door, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """The dialect's call with this key."""
    method, path, particulars = PATHS[door.dialect]
    return door.call(method, path, headers=headers, **particulars)


def is_refused(response: httpx.Response) -> bool:
    """Whether an answer is a refusal, in whichever dialect."""
    body = response.json()
    return not response.is_success or ("errorCode" in body and body["code"] != "200")


@pytest.mark.parametrize("dialect", PATHS)
async def test_a_key_lets_in_until_it_is_revoked(server: Serving, dialect: Dialect) -> None:
    tenant = await server.tenant()
    door = await server.door(tenant, dialect)
    assert not is_refused(calls(door))
    (key,) = await server.service.keys(tenant.name)
    await server.service.revoke_key(key.name)
    assert is_refused(calls(door))


@pytest.mark.parametrize("dialect", PATHS)
async def test_a_key_of_one_dialect_opens_no_other(server: Serving, dialect: Dialect) -> None:
    tenant = await server.tenant()
    doors = [await server.door(tenant, one) for one in PATHS if one != dialect]
    secrets = {value for door in doors for value in (*door.credential.values(), door.access_token) if value}
    method, path, particulars = PATHS[dialect]
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        for secret in secrets:
            headers = {"Authorization": f"Bearer {secret}", "X-Token": secret}
            query = f"?AccessKeyId={secret}&Expires=60&Timestamp=2024-01-01T00:00:00Z&Signature=x"
            response = await client.request(method, path + query, headers=headers, **particulars)
            assert is_refused(response), response.text


@pytest.mark.parametrize("token", ["", "Bearer", "Basic eA==", "Bearer nobody", "bearer x y", "Bearer \xe9"])
@pytest.mark.parametrize("path", ["/agent-api/token", "/v1/customers/1"])
def test_a_header_that_is_no_token_of_ours_is_refused_like_a_missing_one(
    server: Serving, token: str, path: str
) -> None:
    missing = httpx.get(f"{server.url}{path}", trust_env=False)
    wrong = httpx.get(f"{server.url}{path}", headers={b"authorization": token.encode()}, trust_env=False)
    assert (wrong.status_code, missing.status_code) == (401, 401)
    assert {**wrong.json(), "request_id": ""} == {**missing.json(), "request_id": ""}


async def test_a_customer_of_another_tenant_is_nobody(server: Serving) -> None:
    tenant, record = await with_a_customer(server)
    other = await server.tenant()
    ours = {dialect: await server.door(tenant, dialect) for dialect in PATHS}
    theirs = {dialect: await server.door(other, dialect) for dialect in PATHS}
    assert calls(ours["tinet"]).json()["totalCount"] == 1
    assert calls(theirs["tinet"]).json()["totalCount"] == 0
    assert [one["audienceUserId"] for one in calls(ours["rabbitpre"]).json()["data"]] == [643]
    assert calls(theirs["rabbitpre"]).json()["data"] == []
    (found,) = calls(ours["native"]).json()["customers"]
    assert calls(theirs["native"]).json()["customers"] == [None]
    assert ours["native"].get(f"/v1/customers/{found['id']}").json() == found
    assert theirs["native"].get(f"/v1/customers/{found['id']}").status_code == 404
    account = ours["telrobot"].credential["user_id"]
    path = f"/agent-api/user/{account}/customer/detail/{record}"
    assert ours["telrobot"].get(path).json()["data"]["name"] == "王伟"
    assert theirs["telrobot"].get(path).status_code == 403
    own = theirs["telrobot"].credential["user_id"]
    assert theirs["telrobot"].get(f"/agent-api/user/{own}/customer/detail/{record}").status_code == 404


@pytest.mark.parametrize("dialect", PATHS)
async def test_a_second_call_within_the_interval_is_refused(server: Serving, dialect: Dialect) -> None:
    door = await server.door(await server.tenant(), dialect, rate=SLOW)
    assert not is_refused(calls(door))
    second = calls(door)
    assert is_refused(second)
    assert second.status_code == (200 if dialect == "rabbitpre" else 429)
    assert dialect != "rabbitpre" or second.json()["errorCode"] == "TOO_FREQUENT"


async def test_a_rabbitpre_key_has_one_call_a_second_unless_it_is_made_otherwise(server: Serving) -> None:
    tenant = await server.tenant()
    await server.door(tenant, "rabbitpre", rate=None)
    (key,) = await server.service.keys(tenant.name)
    assert key.rate == 1.0


async def test_of_many_calls_at_once_one_passes_whichever_worker_it_meets(server: Serving) -> None:
    door = await server.door(await server.tenant(), "rabbitpre", rate=SLOW)
    headers = door.headers()

    async def call() -> str:
        # A connection of its own, so that the calls are spread over the workers.
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
            response = await client.post(DETAIL, json={"phoneList": [PHONE]}, headers=headers)
            return response.json()["errorCode"]

    codes = await asyncio.gather(*(call() for _ in range(24)))
    assert sorted(codes) == ["SUCCESS", *["TOO_FREQUENT"] * 23]


async def test_a_refused_body_does_not_use_up_a_rabbitpre_call(server: Serving) -> None:
    door = await server.door(await server.tenant(), "rabbitpre", rate=SLOW)
    assert door.call("POST", DETAIL, json={}).json()["errorCode"] == "PARAM_ERROR"
    assert not is_refused(calls(door))


async def test_a_refresh_token_gives_new_tokens_once(server: Serving) -> None:
    door = await server.door(await server.tenant(), "rabbitpre")
    old = door.token()

    def refresh(token: str) -> dict[str, Any]:
        params = {"orgRefreshToken": token}
        return httpx.get(f"{server.url}/api/open/app/refreshOrgAccessToken", params=params, trust_env=False).json()

    first = refresh(door.refresh_token)
    assert first["data"]["expire"] == 7200
    new = first["data"]["orgAccessToken"]
    assert new not in {old, door.refresh_token}
    assert not is_refused(calls(door, headers={"X-Token": new}))
    assert refresh(door.refresh_token)["errorCode"] == "TOKEN_ERROR"
    assert refresh(new)["errorCode"] == "TOKEN_ERROR"
    assert is_refused(calls(door, headers={"X-Token": first["data"]["orgRefreshToken"]}))


async def test_a_view_shows_the_one_before_it(server: Serving) -> None:
    for _ in range(2):  # what is viewed later does not wait for what was viewed before
        tenant, record = await with_a_customer(server)
        door = await server.door(tenant, "telrobot")
        path = f"/agent-api/user/{door.credential['user_id']}/customer/detail/{record}"
        before = server.service.now().replace(microsecond=0)
        assert door.get(path).json()["data"]["viewed_at"] is None
        assert await is_written(server, record, tenant.id)
        shown = door.get(path).json()["data"]["viewed_at"]
        viewed_at = datetime.strptime(shown, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo("Asia/Shanghai"))
        assert before <= viewed_at <= server.service.now()


async def is_written(server: Serving, record: str, tenant: int) -> bool:
    """Wait for a record's view: views are written together, some tenths of a second later."""
    for _ in range(600):
        async with server.service.store.reading() as tx:
            if await tx.row("viewed_at", record, tenant):
                return True
        await asyncio.sleep(0.05)
    return False


async def test_the_vendors_sdk_gets_what_its_parser_can_read(server: Serving) -> None:
    tenant = await server.tenant()
    call = {"uniqueId": "1.1", "customerNumber": PHONE, "customerProvince": "重庆", "customerCity": "重庆"}
    await server.land(tenant, [{"as": "tinet.cdr", "row": call}])
    door = await server.door(tenant, "tinet")
    for_sdk = door.get(PORTRAIT, headers={"User-Agent": "Apache-HttpClient/4.5.13 (Java/1.8.0_292)"})
    for_others = door.get(PORTRAIT, headers={"User-Agent": "okhttp/4.9.1"})
    assert for_sdk.content.isascii()
    assert "retry" not in for_sdk.json()["data"][0]
    assert not for_others.content.isascii()
    assert for_others.json()["data"][0] == {**for_sdk.json()["data"][0], "retry": 0}


async def test_a_signature_is_good_for_one_request_only(server: Serving) -> None:
    door = await server.door(await server.tenant(), "tinet")
    url = door.address("GET", PORTRAIT, [("limit", "10")])
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url)).is_success
        changed = await client.get(url.replace("limit=10", "limit=11"))
    assert changed.json()["error"]["code"] == "AuthFailure"

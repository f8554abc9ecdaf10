"""What the server's log tells: requests by their route, failures by their place; and nothing of anybody."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from caller import Serving

from huaxiang.model import Call, Mention, Parsed

END_READERS = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start < query_start and state <> 'idle'
  and backend_type = 'client backend'"""
AT = datetime(2025, 1, 1, tzinfo=UTC)
LONG = {"text": "字" * 10_000}
PHONE, NAME, UNIONID = "13788990011", "欧阳不为人知", "union-of-nobody-else"


async def test_the_log_names_requests_and_no_person_no_token_no_query(server: Serving) -> None:
    tenant, record = await server.tenant(), str(uuid4())
    row = {"id": record, "phone": PHONE, "name": NAME}
    await server.land(tenant, [{"as": "telrobot.customer", "row": row}])
    doors = [await server.door(tenant, dialect) for dialect in ("tinet", "rabbitpre", "telrobot", "native")]
    tinet, rabbitpre, telrobot, native = doors
    answers = [
        tinet.get("/sqc/customerPortrait", pairs=[("customerNumber", PHONE), ("portraits", NAME)]),
        rabbitpre.call("POST", "/api/open/api/audience/detail", json={"phoneList": [PHONE], "thirdIdList": [NAME]}),
        telrobot.get(f"/agent-api/user/{telrobot.credential['user_id']}/customer/detail/{record}"),
        native.call("POST", "/v1/customers/lookup", json={"identifiers": [{"kind": "phone", "value": PHONE}]}),
        native.call("POST", "/v1/facts", json={"facts": [{"kind": UNIONID, "source": NAME}]}),
        native.get(f"/v1/customers/{PHONE}"),
        native.call("DELETE", f"/no/{PHONE}", pairs=[("name", UNIONID)]),
        native.get("/v1/customers/1", headers={"Authorization": f"Bearer {UNIONID}"}),
    ]
    log = server.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    told = {(one["method"], one["route"], one["status"]) for one in lines if one.get("event") == "request"}
    assert ("GET", "/sqc/customerPortrait", 200) in told
    assert ("POST", "/v1/facts", 200) in told
    assert any(status == 404 for _, _, status in told)
    secrets = {value for door in doors for value in (*door.credential.values(), door.access_token) if value}
    for secret in {PHONE, NAME, UNIONID, record, "customerNumber=", "Signature", *secrets}:
        assert secret not in log, secret
        assert json.dumps(secret)[1:-1] not in log
    assert all(answer.status_code < 500 for answer in answers)


async def break_off(server: Serving, url: str, headers: Mapping[str, str], route: str) -> bytes:
    """What comes of an answer in pieces, when the database ends its connection behind the first of them."""
    beside = await asyncpg.connect(server.database)
    body = b"{}"
    try:
        for _ in range(50):  # it may be whole before its reader is found
            if not is_json(body):
                break
            body = await ended_early(beside, url, headers)
    finally:
        await beside.close()
    asked = await told(server, route=route, status=0)
    broken = await told(server, event="broken off", request_id=asked["request_id"])
    assert not is_json(body)
    assert broken["error"] == "Busy"
    assert "Traceback" not in server.log.read_text(encoding="utf-8")
    return body


async def ended_early(beside: asyncpg.Connection[asyncpg.Record], url: str, headers: Mapping[str, str]) -> bytes:
    pieces, is_ended = list[bytes](), False
    async with httpx.AsyncClient(trust_env=False) as client, client.stream("GET", url, headers=headers) as answer:
        async for piece in answer.aiter_bytes():
            is_ended = is_ended or bool(await beside.fetch(END_READERS))
            pieces.append(piece)
    assert answer.status_code == 200
    return b"".join(pieces)


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except json.JSONDecodeError:
        return False
    return True


async def told(server: Serving, **wanted: object) -> dict[str, Any]:
    """The log's line that says so, as soon as it is there."""
    for _ in range(1_000):
        lines = [line for line in server.log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
        for line in map(json.loads, lines):
            if wanted.items() <= line.items():
                return line
        await asyncio.sleep(0.01)
    raise AssertionError(wanted)


async def test_an_export_that_breaks_off_is_no_json_and_the_log_tells_where(server: Serving) -> None:
    tenant, named = await server.tenant(), (Mention("phone", PHONE),)
    calls = [Call(source=NAME, id=f"{place}", at=AT, identifiers=named, details=LONG) for place in range(500)]
    await server.service.land(tenant, [(line, Parsed((call,))) for line, call in enumerate(calls, 1)])
    native = await server.door(tenant, "native")
    found = native.call("POST", "/v1/customers/lookup", json={"identifiers": [{"kind": "phone", "value": PHONE}]})
    address = native.address("GET", f"/v1/customers/{found.json()['customers'][0]['id']}/export")
    body = await break_off(server, address, native.headers(), "/v1/customers/{id_}/export")
    assert body.startswith(b'{"format":"huaxiang.export/1"')


async def test_a_page_that_breaks_off_is_no_json_and_the_log_tells_where(server: Serving) -> None:
    tenant = await server.tenant()
    calls = [
        Call(source=NAME, id=f"{place}", at=AT, identifiers=(Mention("phone", f"13{place:09}"),))
        for place in range(10_000)
    ]
    await server.service.land(tenant, [(line, Parsed((call,))) for line, call in enumerate(calls, 1)])
    tinet = await server.door(tenant, "tinet")
    address = tinet.address("GET", "/sqc/customerPortrait", [("limit", "10000")])
    assert await break_off(server, address, tinet.headers(), "/sqc/customerPortrait")


async def test_a_caller_who_goes_away_in_the_middle_is_no_failure(server: Serving) -> None:
    tenant = await server.tenant()
    native = await server.door(tenant, "native")
    url = httpx.URL(server.url)
    head = f"POST /v1/facts HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: {native.headers()['Authorization']}\r\n"
    with socket.create_connection((url.host, url.port or 0)) as line:
        line.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    assert native.get("/v1/customers/1").status_code == 404
    assert "Traceback" not in server.log.read_text(encoding="utf-8")

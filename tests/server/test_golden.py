"""Every golden case of every dialect over a socket: rows land through the house, the request goes to a real server.

In a case `*` stands for any text. What the day of the request decides (windows of 7 and 30 days, in a case with `now`)
is the business of the dialect's own tests; all else of such a case is compared here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from caller import PARSERS, Door, Serving, signed

from huaxiang.dialects.tinet import signing
from huaxiang.model import Record, Tenant, TenantSettings
from huaxiang.steward import companies

GOLDEN: Final = Path(__file__).parent.parent / "golden"
WINDOWS: Final = frozenset({"weekActive", "monthActive", "weekSpread", "monthSpread"})
INSIDE: Final = {
    "rabbitpre/refused_failure_inside": "only a failure inside answers so",
    "telrobot/failed": "only a failure inside answers so",
    "telrobot/validation": "no call of this dialect that is served has an input that could fail a validation",
    "native/failed": "only a failure inside answers so",
    "native/customer": "given as a customer's summary, which nobody can send",
}
"""Cases that no request brings about, and why."""
BODIES: Final[dict[str, Any]] = {
    "native/facts_missing": {},
    "native/facts_too_many": {"facts": [{}] * 10_001},
}
"""Bodies that cases leave to whoever runs them."""
SLOW: Final = 0.001
"""Calls a second: one is accepted, and no other for a quarter of an hour."""


def cases(dialect: str) -> list[Any]:
    """The dialect's cases, as parameters."""
    paths = sorted((GOLDEN / dialect).glob("*.json"))
    return [pytest.param(path.stem, json.loads(path.read_text(encoding="utf-8")), id=path.stem) for path in paths]


def differences(
    found: object, expected: object, place: str = "$", *, ignoring: frozenset[str] = frozenset()
) -> list[str]:
    """Where two decoded JSON values differ, the order of the fields counted; `*` stands for any text."""
    if expected == "*" and isinstance(found, str):
        return []
    if isinstance(found, dict) and isinstance(expected, dict):
        ours, theirs = cast("dict[str, object]", found), cast("dict[str, object]", expected)
        if list(ours) != list(theirs):
            return [f"{place}: fields {list(ours)} rather than {list(theirs)}"]
        pairs = [(f"{place}.{name}", ours[name], theirs[name]) for name in ours if name not in ignoring]
    elif isinstance(found, list) and isinstance(expected, list):
        items, others = cast("list[object]", found), cast("list[object]", expected)
        if len(items) != len(others):
            return [f"{place}: {len(items)} items rather than {len(others)}"]
        pairs = [
            (f"{place}[{index}]", one, other) for index, (one, other) in enumerate(zip(items, others, strict=True))
        ]
    else:
        said = cast("object", found)
        return [] if is_same(said, expected) else [f"{place}: {said!r}, not {expected!r}"]
    return [one for where, ours, theirs in pairs for one in differences(ours, theirs, where, ignoring=ignoring)]


def is_same(found: object, expected: object) -> bool:
    """Whether two scalars are one: 3 is not 3.0, and 1 is not true."""
    return found.__class__ is expected.__class__ and found == expected


def check(response: httpx.Response, case: Mapping[str, Any]) -> None:
    """Compare a response with the case's: status, body, order of fields."""
    expected = case["response"]
    body = expected["json"] if "json" in expected else expected["body"]
    ignoring = WINDOWS if "now" in case else frozenset[str]()
    assert response.status_code == expected["status"], response.text
    assert differences(response.json(), body, ignoring=ignoring) == []
    assert response.headers["content-type"] == "application/json"


async def tenant_of(server: Serving, given: Mapping[str, Any]) -> Tenant:
    """A tenant as the case gives it, with its rows landed."""
    tenant = await server.tenant(
        time_zone=given.get("time_zone", "Asia/Shanghai"), login_name=given.get("tenant", {}).get("login_name")
    )
    for company in given.get("companies", ()):
        await companies.put(server.service, tenant, company)
    if "weights" in given:
        tenant = await server.service.set_tenant(tenant, settings=TenantSettings(weights=given["weights"]))
    rows = given.get("records", given.get("rows", []))
    tenant = await server.service.tenant(tenant.name)
    records = [row if "as" in row else {"as": given["format"], "row": row} for row in rows]
    outcome = await server.land(tenant, records)
    assert outcome.rejects == ()
    return tenant


@pytest.mark.parametrize(("name", "case"), cases("tinet"))
async def test_tinet_answers_over_the_socket_as_the_case_says(server: Serving, name: str, case: dict[str, Any]) -> None:
    del name
    tenant = await tenant_of(server, case["given"])
    door = await server.door(tenant, "tinet", **case["given"].get("key", {}))
    request = case["request"]
    business = [(pair[0], pair[1]) for pair in request["query"]]
    pairs = signed(
        door.credential, request["method"], server.host, request["path"], business, wrong=request.get("sign")
    )
    query = "&".join(f"{signing.enc(key)}={signing.enc(value)}" for key, value in pairs)
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        path = f"{request['path']}?{query}"
        sent = {"json": request["body"]} if "body" in request else {"content": request.get("content", "")}
        response = await client.request(request["method"], path, headers=request.get("headers", {}), **sent)
    check(response, case)


@pytest.mark.parametrize(("name", "case"), cases("rabbitpre"))
async def test_rabbitpre_answers_over_the_socket_as_the_case_says(
    server: Serving, name: str, case: dict[str, Any]
) -> None:
    if reason := INSIDE.get(f"rabbitpre/{name}"):
        pytest.skip(reason)
    tenant = await tenant_of(server, case["given"])
    request = case["request"]
    is_slow = case["given"].get("refused") == "TooOften"
    options: dict[str, Any] = {"rate": SLOW if is_slow else 0, **case["given"].get("key", {})}
    if "permissions" in request:
        options["permissions"] = tuple(request["permissions"])
    door = await server.door(tenant, "rabbitpre", **options)
    if is_slow:
        assert filled(door, request).is_success
    check(filled(door, request), case)


def filled(door: Door, request: Mapping[str, Any]) -> httpx.Response:
    """Send a Rabbitpre request, its `*` filled in with what the key really has."""
    known = {"X-Token": door.token(), "orgRefreshToken": door.refresh_token, **door.credential}
    headers = {name: known[name] if value == "*" else value for name, value in request.get("headers", {}).items()}
    query = {name: known[name] if value == "*" else value for name, value in request.get("query", {}).items()}
    with httpx.Client(base_url=door.url, trust_env=False) as client:
        return client.request(
            request["method"], request["path"], params=query, headers=headers, json=request.get("body")
        )


def of_own_accounts(name: str, case: dict[str, Any]) -> dict[str, Any]:
    """A Telrobot case with accounts of its own: an account belongs to one tenant. The document's case stays."""
    if name == "document":
        return case
    text = json.dumps(case)
    for account in ("5832d184-dd53-42a0-8ace-0bf8d660f4cc", "4fab5764-63c4-4d36-b4ef-1dcb670df629"):
        text = text.replace(account, str(uuid4()))
    changed = json.loads(text)
    for row in changed["given"].get("rows", []):
        # A row without an id has one that its owner and its phone give.
        (fact,) = PARSERS[changed["given"]["format"]](row, ZoneInfo("Asia/Shanghai")).facts
        assert isinstance(fact, Record)
        old = case["request"]["path"].rpartition("/")[2]
        changed = json.loads(json.dumps(changed).replace(old, fact.record))
    return changed


@pytest.mark.parametrize(("name", "case"), cases("telrobot"))
async def test_telrobot_answers_over_the_socket_as_the_case_says(
    server: Serving, name: str, case: dict[str, Any]
) -> None:
    if reason := INSIDE.get(f"telrobot/{name}"):
        pytest.skip(reason)
    case = of_own_accounts(name, case)
    account = case["request"]["path"].split("/")[3]
    tenant = await server.tenant()
    is_slow = case["given"].get("refused") == "TooOften"
    own = None if name == "account_of_another" else account
    door = await server.door(tenant, "telrobot", account=own, rate=SLOW if is_slow else 0)
    tenant = await server.service.tenant(tenant.name)
    rows = [{"as": case["given"]["format"], "row": row} for row in case["given"].get("rows", [])]
    assert (await server.land(tenant, rows)).rejects == ()
    headers = {"Authorization": "Bearer wrong"} if name == "token_wrong" else {}
    if is_slow:
        assert door.get("/agent-api/token").is_success
    check(door.get(case["request"]["path"], headers=headers), case)


@pytest.mark.parametrize(("name", "case"), cases("native"))
async def test_the_native_api_answers_over_the_socket_as_the_case_says(
    server: Serving, name: str, case: dict[str, Any]
) -> None:
    if reason := INSIDE.get(f"native/{name}"):
        pytest.skip(reason)
    door = await server.door(await server.tenant(), "native")
    request = case["request"]
    if "request_id" in case["response"]["body"]:
        case["response"]["body"]["request_id"] = "*"
    body = request.get("body", BODIES.get(f"native/{name}"))
    sent = {} if body is None else {"json": body}
    headers = {"Authorization": "Bearer wrong"} if name == "token_wrong" else {}
    check(door.call(request["method"], request["path"], headers=headers, **sent), case)


@pytest.mark.parametrize(("dialect", "name"), [("tinet", "page_document"), ("telrobot", "document")])
def test_the_vendors_samples_are_among_the_cases(dialect: str, name: str) -> None:
    (case,) = [case.values[1] for case in cases(dialect) if case.id == name]
    assert case["origin"] == "document"
    assert case["response"]["status"] == 200

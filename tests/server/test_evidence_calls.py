"""Evidence over a real socket: the four calls as their holders of keys make them."""

from __future__ import annotations

from typing import Any

import msgspec
from caller import Door, Serving

from huaxiang.dialects.native import evidence as wire

PHONE = {"kind": "phone", "value": "13667679151"}
UNIONID, EMAIL = {"kind": "unionid", "value": "u1"}, {"kind": "email", "value": "wang@example.cn"}


def profile(record: str, *identifiers: dict[str, str]) -> dict[str, Any]:
    return {"kind": "trait", "source": "crm", "id": record, "identifiers": identifiers, "traits": {"name": "王伟"}}


async def opened(server: Serving, *facts: dict[str, Any], **options: object) -> tuple[Door, int]:
    """A key of a tenant that has these facts, and the number of the customer that has the phone."""
    tenant = await server.tenant()
    door = await server.door(tenant, "native")
    assert door.call("POST", "/v1/facts", json={"facts": facts}).json()["rejected"] == []
    found = door.call("POST", "/v1/customers/lookup", json={"identifiers": [PHONE]}).json()
    return await server.door(tenant, "native", **options), found["customers"][0]["id"]


async def test_a_customer_is_explained(server: Serving) -> None:
    door, number = await opened(server, profile("p1", UNIONID, PHONE))
    answer = door.get(f"/v1/customers/{number}/explain")
    told = msgspec.json.decode(answer.content, type=wire.Explanation)
    assert told.id == number
    assert [link.by.id for pair in told.links for link in pair.records] == ["p1"]
    assert told.values.traits["name"].newest[0].value == "王伟"


async def test_a_history_tells_events_and_a_moment(server: Serving) -> None:
    door, number = await opened(server, profile("p1", UNIONID, PHONE))
    told = msgspec.json.decode(door.get(f"/v1/customers/{number}/history").content, type=wire.History)
    assert ([event.what for event in told.events], told.then) == (["began"], None)
    then = door.get(f"/v1/customers/{number}/history", pairs=[("at", "2021-05-01")]).json()["then"]
    assert then == {"at": "2021-05-01T15:59:59.999999Z", "customer": None}
    refused = door.get(f"/v1/customers/{number}/history", pairs=[("at", "yesterday")])
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "at")


async def test_a_path_is_told_whatever_the_spelling_and_null_for_the_unknown(server: Serving) -> None:
    door, _ = await opened(server, profile("p1", UNIONID, PHONE))
    spelled = {"kind": "phone", "value": "+86 136-6767-9151"}
    told = door.call("POST", "/v1/customers/path", json={"one": spelled, "other": UNIONID}).json()
    assert (told["one_customer"], [step["stands"] for step in told["steps"]]) == (True, [True])
    unknown = door.call("POST", "/v1/customers/path", json={"one": PHONE, "other": EMAIL}).json()
    assert (unknown["one_customer"], unknown["other"]) == (False, None)
    refused = door.call("POST", "/v1/customers/path", json={"one": PHONE, "other": {"kind": "email", "value": "x"}})
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "other")


async def test_an_export_is_one_document(server: Serving) -> None:
    door, number = await opened(server, profile("p1", UNIONID, PHONE), profile("p2", PHONE))
    told = msgspec.json.decode(door.get(f"/v1/customers/{number}/export").content, type=wire.Export)
    assert {fact.id for fact in told.facts} == {"p1", "p2"}
    assert told.customer is not None
    assert told.customer.id == number


async def test_an_export_needs_the_permission_to_erase(server: Serving) -> None:
    door, number = await opened(server, profile("p1", PHONE), permissions=("customers",))
    assert door.get(f"/v1/customers/{number}/explain").status_code == 200
    refused = door.get(f"/v1/customers/{number}/export")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_permitted")


async def test_an_unknown_or_another_tenants_number_is_not_found(server: Serving) -> None:
    door, _ = await opened(server, profile("p1", PHONE))
    _, elsewhere = await opened(server, profile("p1", PHONE))
    for number in (str(elsewhere), "0", "x", str(2**64)):
        for call in ("explain", "history", "export"):
            answer = door.get(f"/v1/customers/{number}/{call}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")

"""Erasure over the socket: who may, what is asked, what is answered."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from caller import Door, Serving

from huaxiang.dialects.native.erasure import Erasure

FACT = {"kind": "call", "source": "pbx", "id": "1", "at": "2024-05-01T09:30:00Z"}
PHONE = {"kind": "phone", "value": "13667679151"}
BY = [("author", "clerk"), ("reason", "asked for it")]


async def customer(server: Serving, **options: object) -> tuple[Door, int]:
    """A door to a new tenant, and the id of its one customer."""
    tenant = await server.tenant()
    full, door = await server.door(tenant, "native"), await server.door(tenant, "native", **options)
    full.call("POST", "/v1/facts", json={"facts": [{**FACT, "identifiers": [PHONE]}]})
    found: Any = full.call("POST", "/v1/customers/lookup", json={"identifiers": [PHONE]}).json()
    return door, found["customers"][0]["id"]


async def test_a_person_is_shown_what_goes_then_erased_then_unknown(server: Serving) -> None:
    door, number = await customer(server)
    path = f"/v1/customers/{number}"
    seen = msgspec.json.decode(door.call("DELETE", path, pairs=[*BY, ("preview", "true")]).content, type=Erasure)
    assert (seen.done, door.get(path).status_code) == (False, 200)
    gone = msgspec.json.decode(door.call("DELETE", path, pairs=BY).content, type=Erasure)
    assert (gone.done, gone.unknown, gone.rows["fact"]) == (True, [number], 1)
    assert any("Backups" in line for line in gone.stays)
    assert (door.get(path).status_code, door.call("DELETE", path, pairs=BY).status_code) == (404, 404)


async def test_a_key_without_the_permission_erases_nobody(server: Serving) -> None:
    door, number = await customer(server, permissions=["customers"])
    assert door.call("DELETE", f"/v1/customers/{number}", pairs=BY).status_code == 403
    assert door.get(f"/v1/customers/{number}").status_code == 200


@pytest.mark.parametrize(
    ("pairs", "field"), [(BY[:1], "reason"), ([*BY, ("only", "perhaps")], "only"), ([*BY, ("force", "true")], "force")]
)
async def test_an_erasure_that_is_not_rightly_asked_is_refused(
    server: Serving, pairs: list[tuple[str, str]], field: str
) -> None:
    door, number = await customer(server)
    answer = door.call("DELETE", f"/v1/customers/{number}", pairs=pairs)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert door.get(f"/v1/customers/{number}").status_code == 200

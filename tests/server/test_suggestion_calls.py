"""Suggestions over the socket: listed with what speaks for and against them, accepted, refused, and for whom."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Door, Serving

from huaxiang.model import Mention, Parsed, Tenant, Trait
from huaxiang.steward import suggestions

pytest.importorskip("splink", reason="the extra `suggest` is not installed")

WORDS = {"author": "wang", "reason": "heard both voices"}
NAMES = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰"


@pytest.fixture
async def tenant(server: Serving) -> Tenant:
    """A tenant with two dozen people, three of whom two records know."""
    tenant = await server.tenant()
    parsed: list[Parsed] = []
    for number, name in enumerate(NAMES):
        traits = {"real_name": f"王{name}建", "birthday": f"19{60 + number}-03-{number + 1:02}"}
        for record in range(2 if number < 3 else 1):
            # Another last digit: a number that was mistyped.
            phone = Mention("phone", f"1391234{number:02}5{record}")
            parsed.append(Parsed((Trait(source="crm", id=f"{number}-{record}", identifiers=(phone,), traits=traits),)))
    assert (await server.service.land(tenant, list(enumerate(parsed, 1)))).rejects == ()
    done = await suggestions.run(server.service, tenant)
    assert done.suggestions == 3
    return tenant


def answered(door: Door, method: str, path: str, json: Any = None) -> Any:  # noqa: ANN401 - JSON
    response = door.call(method, path, json=json)
    assert response.is_success, response.text
    return response.json()


async def test_suggestions_are_read_page_by_page_and_accepted_or_refused_for_good(
    server: Serving, tenant: Tenant
) -> None:
    door = await server.door(tenant, "native", permissions=["steward"])
    first = answered(door, "GET", "/v1/suggestions?limit=2")
    rest = answered(door, "GET", f"/v1/suggestions?limit=2&after={first['after']}")
    assert (len(first["suggestions"]), len(rest["suggestions"]), rest["after"]) == (2, 1, None)
    one, other = first["suggestions"]
    says = {part["column"]: part["says"] for part in one["parts"]}
    assert (says["birthday"], says["phones"]) == ("same", "one digit astray")
    accepted = answered(door, "POST", f"/v1/suggestions/{one['id']}/accept", WORDS)
    assert (accepted["state"], accepted["customers"], accepted["waits"]) == ("accepted", [one["one"]], [])
    assert answered(door, "GET", "/v1/decisions")["decisions"][0]["id"] == accepted["decision"]
    refused = answered(door, "POST", f"/v1/suggestions/{other['id']}/refuse", WORDS)
    assert refused == {
        "state": "refused",
        "customers": [other["one"], other["other"]],
        "decision": None,
        "waits": [],
    }
    assert answered(door, "GET", "/v1/suggestions")["suggestions"] == rest["suggestions"]
    (kept,) = answered(door, "GET", "/v1/suggestions?state=refused")["suggestions"]
    assert (kept["author"], kept["reason"]) == (WORDS["author"], WORDS["reason"])
    await suggestions.run(server.service, tenant)
    assert [found["id"] for found in answered(door, "GET", "/v1/suggestions")["suggestions"]] == [
        found["id"] for found in rest["suggestions"]
    ]


@pytest.mark.parametrize(
    ("called", "body", "status"),
    [
        ("nobody", WORDS, 404),
        ("999998-999999", WORDS, 404),
        ("1-2", {"author": "wang"}, 400),
        ("1-2", {"author": " ", "reason": "x"}, 400),
    ],
)
async def test_what_can_not_be_answered_is_refused(
    server: Serving, tenant: Tenant, called: str, body: dict[str, str], status: int
) -> None:
    door = await server.door(tenant, "native", permissions=["steward"])
    assert door.call("POST", f"/v1/suggestions/{called}/accept", json=body).status_code == status
    assert door.call("POST", f"/v1/suggestions/{called}/refuse", json=body).status_code == status


async def test_only_who_may_decide_sees_and_answers_suggestions(server: Serving, tenant: Tenant) -> None:
    door = await server.door(tenant, "native", permissions=["customers"])
    assert door.call("GET", "/v1/suggestions").status_code == 403
    assert door.call("POST", "/v1/suggestions/1-2/accept", json=WORDS).status_code == 403
    assert door.call("POST", "/v1/suggestions/1-2/refuse", json=WORDS).status_code == 403


async def test_an_answer_given_twice_is_taken_once(server: Serving, tenant: Tenant) -> None:
    door = await server.door(tenant, "native", permissions=["steward"])
    (one, *_) = answered(door, "GET", "/v1/suggestions")["suggestions"]
    statuses = [door.call("POST", f"/v1/suggestions/{one['id']}/accept", json=WORDS).status_code for _ in range(2)]
    assert statuses == [200, 400]

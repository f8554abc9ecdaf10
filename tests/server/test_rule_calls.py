"""The quality check over HTTP: rules kept, tried, put in force, and what customers show then."""

from __future__ import annotations

import pytest
from caller import Serving

PRICE = """
rules:
  - id: price
    portrait: {type: 意向, name: 问价}
    when: {words: [多少钱], speaker: client}
    examples: {hit: [client: 多少钱], miss: [agent: 多少钱]}
"""
CALL = {
    "kind": "call",
    "source": "tinet",
    "enterprise": "e",
    "id": "1",
    "at": "2026-05-01T09:00:00Z",
    "identifiers": [{"kind": "phone", "value": "13812345678"}],
}
SAID = {
    "kind": "transcript",
    "source": "tinet",
    "enterprise": "e",
    "id": "1/client",
    "call": "1",
    "side": "client",
    "utterances": [{"text": "你好", "begin_ms": 0}, {"text": "这个多少钱", "begin_ms": 5200}],
}


async def test_rules_are_tried_kept_put_in_force_and_taken_out_again(server: Serving) -> None:
    tenant = await server.tenant()
    door, tinet = await server.door(tenant, "native"), await server.door(tenant, "tinet")

    def shown() -> list[tuple[str, int]]:
        answer = tinet.call("GET", "/sqc/customerPortrait", pairs=[("offset", "0"), ("limit", "10")]).json()
        return [(one["name"], one["startTime"]) for row in answer["data"] for one in row["portraitDetails"]]

    assert door.call("POST", "/v1/facts", json={"facts": [CALL, SAID]}).json()["landed"] == 2
    tried = door.call("POST", "/v1/rules/try", json={"text": PRICE}).json()
    assert [(one["name"], one["comes"], one["coming"][0]["text"]) for one in tried["effects"]] == [
        ("问价", 1, "这个多少钱")
    ]
    assert shown() == []
    version = door.call("POST", "/v1/rules/keep", json={"text": PRICE, "author": "li"}).json()["version"]
    done = door.call("POST", f"/v1/rules/{version}/apply", json={"author": "li"}).json()
    assert (done["finished"], done["changed"]) == (True, 1)
    assert shown() == [("问价", 5)]
    listed = door.call("GET", "/v1/rules").json()
    assert [(one["version"], one["in_force"]) for one in listed["versions"]] == [(version, True)]
    assert [(one["version"], one["author"]) for one in listed["applied"]] == [(version, "li")]
    assert door.call("GET", f"/v1/rules/{version}/text").json()["text"] == PRICE
    assert door.call("POST", "/v1/rules/none/apply", json={"author": "li"}).json()["changed"] == 1
    assert shown() == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PRICE.replace("words", "wordz"), "text:5:12"),
        (PRICE.replace("miss: [agent", "miss: [client"), "miss 1"),
        ("- {", "not YAML"),
    ],
)
async def test_rules_that_are_wrong_are_refused_with_the_place_and_the_reason(
    server: Serving, text: str, told: str
) -> None:
    door = await server.door(await server.tenant(), "native")
    refused = door.call("POST", "/v1/rules/keep", json={"text": text, "author": "li"})
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "rules")
    assert told in refused.json()["error"]["reason"]
    assert door.call("GET", "/v1/rules").json()["versions"] == []

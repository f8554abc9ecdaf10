"""Every refusal has a word in every dialect, and a path, a method or a body that is none is refused in its dialect."""

from __future__ import annotations

from typing import Any, get_args

import httpx
import msgspec
import pytest
from caller import Serving

from huaxiang import errors as house
from huaxiang.dialects.native import wire as native
from huaxiang.dialects.rabbitpre import wire as rabbitpre
from huaxiang.dialects.telrobot import wire as telrobot
from huaxiang.dialects.tinet import wire as tinet
from huaxiang.keyring import Dialect
from huaxiang.server.app import LARGEST_BODY_BYTES
from huaxiang.server.page.contracts import DIALECTS, Contract, refusals

SHAPES: dict[str, Any] = {
    "/sqc": tinet.Refusal,
    "/api/open": rabbitpre.Refusal,
    "/agent-api": telrobot.Refusal,
    "/v1": native.Refusal,
    "": native.Refusal,
}
"""How a refusal looks, by the path below which it is said."""
VENDORS = [prefix for prefix in SHAPES if prefix not in {"", "/v1"}]


def refused(response: httpx.Response, prefix: str, status: int) -> Any:  # noqa: ANN401 - one of the dialects' refusals
    """The refusal that a response is, in the very fields of its dialect."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    refusal = msgspec.json.decode(response.content, type=SHAPES[prefix])
    assert msgspec.json.decode(msgspec.json.encode(refusal)) == response.json()
    return refusal


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_refusal_has_a_word_and_only_ours_are_failures(dialect: Contract) -> None:
    said = {kind: (status, body) for kind, status, body in refusals(dialect)}
    assert set(said) == set(house.Refused.__subclasses__())
    for kind, (status, body) in said.items():
        msgspec.json.decode(body, type=SHAPES[dialect.prefix])
        assert (status < 500) or kind in {house.Failed, house.Busy}
        assert kind is house.Failed or kind is house.Busy or body != said[house.Failed][1]


def test_there_is_a_contract_for_every_dialect_that_has_keys() -> None:
    assert {dialect.name for dialect in DIALECTS} == set(get_args(Dialect))


@pytest.mark.parametrize("prefix", SHAPES)
def test_a_path_that_is_none_is_refused_in_the_dialect_of_its_prefix(server: Serving, prefix: str) -> None:
    refused(httpx.get(f"{server.url}{prefix}/nothing/here", trust_env=False), prefix, 404)


@pytest.mark.parametrize("prefix", [*VENDORS, "/v1"])
def test_the_bare_prefix_is_refused_in_its_dialect(server: Serving, prefix: str) -> None:
    refused(httpx.get(f"{server.url}{prefix}", trust_env=False), prefix, 404)


def test_a_path_that_only_begins_like_a_prefix_is_not_the_vendors(server: Serving) -> None:
    refused(httpx.get(f"{server.url}/sqcx", trust_env=False), "", 404)


@pytest.mark.parametrize(
    ("method", "path", "prefix", "allowed"),
    [
        ("POST", "/sqc/customerPortrait", "/sqc", "GET"),
        ("GET", "/api/open/api/audience/detail", "/api/open", "POST"),
        ("DELETE", "/agent-api/token", "/agent-api", "GET"),
        ("GET", "/v1/facts", "/v1", "POST"),
        ("PATCH", "/docs", "", "GET"),
    ],
)
def test_a_wrong_method_is_refused_in_the_dialect_and_names_the_right_one(
    server: Serving, method: str, path: str, prefix: str, allowed: str
) -> None:
    response = httpx.request(method, f"{server.url}{path}", trust_env=False)
    refused(response, prefix, 405)
    assert allowed in response.headers["allow"]


async def test_a_body_over_the_limit_is_refused_in_the_dialect(server: Serving) -> None:
    tenant = await server.tenant()
    body = b" " * (LARGEST_BODY_BYTES + 1)
    doors = {
        "/v1": await server.door(tenant, "native"),
        "/api/open": await server.door(tenant, "rabbitpre"),
    }
    response = doors["/v1"].call("POST", "/v1/facts", content=body, headers={"Content-Type": "application/json"})
    assert refused(response, "/v1", 413).error.code == "input_too_large"
    response = doors["/api/open"].call("POST", "/api/open/api/audience/detail", content=body)
    assert refused(response, "/api/open", 200).code == "100400"


def test_the_words_of_a_chinese_dialect_are_chinese(server: Serving) -> None:
    for prefix in VENDORS:
        text = httpx.get(f"{server.url}{prefix}/nothing", trust_env=False).json()
        message = text["error"]["message"] if "error" in text else text.get("msg", text.get("message"))
        assert not any("a" <= letter <= "z" for letter in message), message

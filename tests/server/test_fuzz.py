"""Requests that nobody would write, made from the OpenAPI document: no failure, and every answer as it is documented.

Each call is tried with a good key, which lets the request in, and with a bad one. Schemathesis makes the requests, some
that the document allows and some that it doesn't; the examples are the same at every run.
"""

# Schemathesis is generic over things that it gives no names to.
# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import msgspec
import pytest
import pytest_asyncio
import requests
import schemathesis
from caller import Door, Serving, signed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.tinet import signing
from huaxiang.keyring import Dialect
from huaxiang.server.page import openapi
from huaxiang.server.page.contracts import DIALECTS, Contract, call_name

EXAMPLES, EXAMPLES_OF_STRANGERS = 40, 8
SLOWLY = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
TOO_LONG, LONGEST_URL = frozenset({414, 431}), 60_000
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(json.loads(msgspec.json.encode(openapi.document())))
CALLS = [
    pytest.param(dialect, endpoint, id=call_name(dialect, endpoint))
    for dialect in DIALECTS
    for endpoint in dialect.endpoints
]
MODES = pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)


@dataclass(frozen=True)
class Known:
    """What there is to be found, and a key of each dialect."""

    server: Serving
    doors: dict[str, Door]
    path_parameters: dict[str, str]
    query: dict[str, str]


@pytest_asyncio.fixture(scope="module")
async def known(server: Serving) -> Known:
    """A tenant with a customer, and its keys."""
    tenant, record = await server.tenant(), str(uuid4())
    row = {"id": record, "phone": "13667679151", "name": "王伟"}
    await server.land(tenant, [{"as": "telrobot.customer", "row": row}])
    dialects: tuple[Dialect, ...] = ("tinet", "rabbitpre", "telrobot", "native")
    doors = {dialect: await server.door(tenant, dialect) for dialect in dialects}
    doors["rabbitpre"].token()
    found = doors["native"].call(
        "POST", "/v1/customers/lookup", json={"identifiers": [{"kind": "phone", "value": "13667679151"}]}
    )
    return Known(
        server,
        doors,
        {
            "user_id": doors["telrobot"].credential["user_id"],
            "customer_id": record,
            "id": str(found.json()["customers"][0]["id"]),
            "version": "none",
            "record": record,
            "type": "clue",
        },
        {**doors["rabbitpre"].credential, "orgRefreshToken": doors["rabbitpre"].refresh_token},
    )


def send(case: Case, server: Serving, door: Door | None) -> requests.Response:
    """Send a case with the credentials of `door`, or with those that the case made up."""
    made = case.as_transport_kwargs(base_url=server.url)
    made["headers"] = {**made.get("headers", {}), **(door.headers() if door else {})}
    made.pop("cookies", None)
    prepared = requests.Request(
        **{name: made[name] for name in made if name in {"method", "url", "headers", "params", "json", "data", "files"}}
    ).prepare()
    if door and door.dialect == "tinet":
        url = urlsplit(prepared.url or "")
        pairs = [pair for pair in parse_qsl(url.query, keep_blank_values=True) if pair[0] not in openapi.SIGNATURE]
        pairs = signed(door.credential, case.method, server.host, url.path, pairs)
        query = "&".join(f"{signing.enc(name)}={signing.enc(value)}" for name, value in pairs)
        prepared.url = url._replace(query=query).geturl()
    with requests.Session() as session:
        session.trust_env = False
        return session.send(prepared, timeout=30, allow_redirects=False)


def check(case: Case, response: requests.Response) -> None:
    """Hold a response against the document; a URL that is too long never reaches a dialect: HTTP itself refuses it."""
    if response.status_code in TOO_LONG:
        assert len(response.request.url or "") > LONGEST_URL
        return
    case.validate_response(response, checks=CHECKS)


def operation(endpoint: Endpoint) -> Any:  # noqa: ANN401 (the package gives its type no public name)
    return SCHEMA[endpoint.path][endpoint.method]


def test_a_tool_can_load_the_document_and_finds_every_call() -> None:
    endpoints = [endpoint for dialect in DIALECTS for endpoint in dialect.endpoints]
    assert len(list(SCHEMA.get_all_operations())) == len(endpoints)
    assert [(operation(one).method.upper(), operation(one).path) for one in endpoints] == [
        (one.method, one.path) for one in endpoints
    ]


@MODES
@pytest.mark.parametrize(("dialect", "endpoint"), CALLS)
def test_a_caller_with_a_key_is_answered_as_documented_whatever_it_sends(
    known: Known, dialect: Contract, endpoint: Endpoint, mode: GenerationMode
) -> None:
    try:
        cases = operation(endpoint).as_strategy(generation_mode=mode)
    except ValueError:
        pytest.skip("the call takes nothing that could be wrong")

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOWLY)
    @given(case=cases, is_known=st.booleans())
    def fuzz(case: Case, is_known: bool) -> None:
        if is_known and case.path_parameters:
            case.path_parameters = {name: known.path_parameters[name] for name in case.path_parameters}
        if is_known and dialect.name == "rabbitpre" and endpoint.auth == "none":
            case.query = {name: known.query.get(name, value) for name, value in (case.query or {}).items()}
        check(case, send(case, known.server, known.doors[dialect.name]))

    fuzz()


@pytest.mark.parametrize(("dialect", "endpoint"), CALLS)
def test_a_stranger_is_refused_as_documented_whatever_it_sends(
    known: Known, dialect: Contract, endpoint: Endpoint
) -> None:
    del dialect

    @settings(max_examples=EXAMPLES_OF_STRANGERS, deadline=None, suppress_health_check=SLOWLY)
    @given(case=operation(endpoint).as_strategy())
    def fuzz(case: Case) -> None:
        response = send(case, known.server, None)
        check(case, response)
        assert response.status_code != 200 or response.json()["errorCode"] not in {"0", "SUCCESS"}

    fuzz()

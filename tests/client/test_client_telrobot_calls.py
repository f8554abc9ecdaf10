"""The Telrobot client without a socket: what the document's answers mean, and what its refusals are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from huaxiang.client import (
    ClientError,
    Declined,
    Invalid,
    NotFound,
    NotPermitted,
    Retry,
    ServerFault,
    TooOften,
    Unauthenticated,
    Unconfirmed,
    Unexpected,
)
from huaxiang.client.exchange import Reply
from huaxiang.client.telrobot import Customer, answers, calls, rows
from huaxiang.dialects.telrobot import errors as words
from huaxiang.dialects.telrobot import wire
from huaxiang.errors import Refused

GOLDEN = Path(__file__).parent.parent / "golden" / "telrobot"
ACCOUNT = "5832d184-dd53-42a0-8ace-0bf8d660f4cc"


def reply(body: object, status: int = 200) -> Reply:
    return Reply(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def of_the_document() -> dict[str, Any]:
    response = json.loads((GOLDEN / "document.json").read_text(encoding="utf-8"))["response"]
    return response["json"] if "json" in response else response["body"]


def error_of(body: object, status: int = 200) -> ClientError:
    with pytest.raises(ClientError) as caught:
        calls.detail(ACCOUNT, "780f7216").read(reply(body, status))
    return caught.value


# ── what is sent, and what is answered ────────────────────────────────────────────────────────────────────────────


def test_the_path_is_the_documents_whatever_an_id_holds() -> None:
    assert calls.detail(ACCOUNT, "780f7216").path == f"/agent-api/user/{ACCOUNT}/customer/detail/780f7216"
    assert calls.detail(ACCOUNT, "../a?b").path == f"/agent-api/user/{ACCOUNT}/customer/detail/..%2Fa%3Fb"


def test_an_id_that_says_nothing_is_not_sent() -> None:
    with pytest.raises(Invalid) as caught:
        calls.detail(ACCOUNT, "")
    assert caught.value.field == "customer_id"


def test_the_customer_of_the_document_is_read_whole() -> None:
    body = of_the_document()
    read = calls.detail(ACCOUNT, "780f7216").read(reply(body))
    said = {name: value for name, value in body["data"].items() if value is not None and name != "components"}
    assert {name: getattr(read, name) for name in said} == said
    assert [(one.name, one.data and one.data.value) for one in read.components] == [
        (one["name"], one["data"]["value"]) for one in body["data"]["components"]
    ]


def test_a_customer_of_whom_next_to_nothing_is_known_is_read() -> None:
    known: dict[str, Any] = {"id": "780f7216", "components": None, "source_id": "715", "mood": "sunny"}
    read = calls.detail(ACCOUNT, "780f7216").read(reply({"code": 200, "status": "success", "data": known}))
    assert read == Customer(id="780f7216", source_id=715)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (answers.Customer, wire.Detail),
        (answers.Component, wire.Component),
        (answers.ComponentData, wire.ComponentData),
        (answers.TokenState, wire.TokenState),
        (answers.Component, wire.Template),
        (answers.Meta, wire.Pages),
        (answers.Landed, wire.Landed),
        (answers.Deleted, wire.Deleted),
        (rows.CustomerRow, wire.Row),
        (rows.Value, wire.Filled),
        (calls.Filter, wire.ListQuery),
    ],
)
def test_every_field_of_the_wire_is_known_to_the_client(ours: type[Any], theirs: type[Any]) -> None:
    elsewhere = {"page", "per_page", "encryption"}  # said beside a filter; never asked for
    assert set(theirs.__struct_fields__) - elsewhere <= set(ours.__struct_fields__)


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────

SAID: dict[int, type[ClientError]] = {
    401: Unauthenticated,
    403: NotPermitted,
    404: NotFound,
    405: Unexpected,
    415: Invalid,
    422: Invalid,
    429: TooOften,
    500: ServerFault,
    503: Unconfirmed,
}


def refusals() -> list[type[Refused]]:
    kinds = [Refused]
    for kind in kinds:  # which grows meanwhile
        kinds += kind.__subclasses__()
    return [kind for kind in kinds if kind.__module__ == Refused.__module__]  # what others add has its parent's word


@pytest.mark.parametrize("kind", refusals(), ids=lambda kind: kind.code)
def test_every_refusal_of_the_server_is_an_error_of_its_own_kind(kind: type[Refused]) -> None:
    status, body = words.answer(kind(field="somewhere", reason="because"), request_id="r-1")
    said, error = json.loads(body), error_of(body, status)
    assert type(error) is SAID[said["code"]]
    assert error.status == status
    assert (error.field == "somewhere") is isinstance(said["message"], dict)
    assert error.message


def test_a_failed_validation_names_its_fields_and_quotes_no_value() -> None:
    error = error_of(
        {"code": 422, "status": "error", "message": {"phone": ["13677770000 无效"], "13677770000": [""]}}, 422
    )
    assert (type(error), error.field) == (Invalid, "phone")
    assert "13677770000" not in str(error)
    assert "13677770000" in error.message


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"code": 404, "status": "error", "message": "客户不存在", "data": []}, NotFound),
        (200, {"code": 40001, "status": "error", "message": "13677770000", "data": []}, Declined),
        (200, {"code": "x", "status": "error", "message": None, "data": []}, Declined),
        (200, {"code": 200, "status": "success", "data": 1}, Unexpected),
        (200, b"<html>13677770000", Unexpected),
        (404, b"<html>", Unexpected),
        (401, b"", Unauthenticated),
        (302, b"", Unexpected),
    ],
)
def test_what_is_said_in_other_words_is_an_error_and_not_quoted(
    status: int, body: object, kind: type[ClientError]
) -> None:
    error = error_of(body, status)
    assert type(error) is kind
    assert "13677770000" not in str(error)


@pytest.mark.parametrize(("code", "again"), [(429, True), (500, True), (503, True), (404, False), (422, False)])
def test_a_refusal_that_came_with_200_is_tried_again_where_it_may_pass(code: int, again: bool) -> None:
    outcome = reply({"code": code, "status": "error", "message": "", "data": []})
    assert (Retry().wait_s(calls.token(), outcome, tried=1) is not None) is again

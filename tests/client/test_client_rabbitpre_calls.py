"""The Rabbitpre client without a socket: which token is good, what the document's answers mean, what is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from huaxiang.client import (
    ClientError,
    Declined,
    Invalid,
    NotPermitted,
    Retry,
    ServerFault,
    TooOften,
    Unauthenticated,
    Unconfirmed,
    Unexpected,
)
from huaxiang.client.exchange import Reply
from huaxiang.client.rabbitpre import App, Params, Profile, ProfileRow, RabbitpreClient, TagParams, answers, calls
from huaxiang.client.rabbitpre.tokens import Keeping, TokenAnswer
from huaxiang.dialects.rabbitpre import errors as words
from huaxiang.dialects.rabbitpre import neighbours, wire
from huaxiang.errors import Refused, SettingsInvalid

GOLDEN = Path(__file__).parent.parent / "golden" / "rabbitpre"


def reply(body: object, status: int = 200) -> Reply:
    return Reply(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def answered(access: str, *, refresh: str = "r-1", expire: int = 7200) -> TokenAnswer:
    return TokenAnswer(data=answers.Tokens(orgAccessToken=access, orgRefreshToken=refresh, expire=expire))


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_renewed_before_it_expires_by_its_refresh_token_while_that_is_good() -> None:
    keeping = Keeping("app", "hidden")
    assert keeping.current(1000.0) is None
    assert keeping.refresh(1000.0) is None
    keeping.note(answered("a-1"), 1000.0)
    assert [keeping.current(now) for now in (1000.0, 8139.0, 8140.0)] == ["a-1", "a-1", None]
    due = keeping.refresh(8140.0)
    assert due is not None
    assert (due.path, dict(due.query)) == (wire.REFRESH_TOKEN.path, {"orgRefreshToken": "r-1"})
    assert keeping.refresh(1000.0 + 14_400) is None
    assert dict(keeping.fetch().query) == {"instanceAppid": "app", "instanceSecrect": "hidden"}


def test_a_token_of_a_short_life_is_used_for_most_of_it() -> None:
    keeping = Keeping("app", "hidden")
    keeping.note(answered("a-1", expire=10), 0.0)
    assert [keeping.current(now) for now in (8.9, 9.0)] == ["a-1", None]


def test_a_token_that_was_refused_is_forgotten_unless_another_has_come() -> None:
    keeping = Keeping("app", "hidden")
    keeping.note(answered("a-1"), 0.0)
    keeping.note(answered("a-2"), 0.0)
    keeping.drop("a-1")
    assert keeping.current(1.0) == "a-2"
    keeping.drop("a-2")
    assert (keeping.current(1.0), keeping.refresh(1.0)) == (None, None)


def test_tokens_and_secrets_are_not_shown() -> None:
    keeping = Keeping("app", "hidden-secret")
    keeping.note(answered("hidden-access", refresh="hidden-refresh"), 0.0)
    shown = (
        f"{keeping!r} {vars(keeping)['_pair']!r} {keeping.fetch()!r} {keeping.refresh(0.0)!r} {App('a', 'hidden-b')!r}"
    )
    assert "hidden" not in shown


# ── what is sent ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_body_is_the_documents() -> None:
    (call,) = calls.details([747], ["0rtxiw"], ["ncqtyf"], {"companyId": "31", "instanceAppid": None})
    assert call.path == "/api/open/api/audience/detail"
    assert json.loads(call.body) == {
        "companyId": "31",
        "audienceUserIdList": [747],
        "thirdIdList": ["0rtxiw"],
        "phoneList": ["ncqtyf"],
    }


def test_more_than_a_thousand_ids_are_asked_for_in_several_calls() -> None:
    asked = [json.loads(call.body) for call in calls.details(range(1500), ["t"] * 200, ["p"] * 500, {})]
    assert [{name: len(ids) for name, ids in body.items()} for body in asked] == [
        {"audienceUserIdList": 1000},
        {"audienceUserIdList": 500, "thirdIdList": 200, "phoneList": 300},
        {"phoneList": 200},
    ]


def test_nobody_asks_for_nobody() -> None:
    assert list(calls.details([], [], [], {"companyId": "31"})) == []


# ── what is answered ──────────────────────────────────────────────────────────────────────────────────────────────


def test_every_field_of_the_document_is_read() -> None:
    case = json.loads((GOLDEN / "every_field.json").read_text(encoding="utf-8"))
    body = case["response"]["json"] if "json" in case["response"] else case["response"]["body"]
    (call,) = calls.details([1], [], [], {})
    (read,) = call.read(reply(body))
    (said,) = body["data"]
    assert {name: value for name in said if (value := getattr(read, name)) in (None, [])} == {}
    assert (read.realName, read.openids[0].openid) == (said["realName"], said["openids"][0]["openid"])


def test_a_customer_of_whom_next_to_nothing_is_known_is_read() -> None:
    (call,) = calls.details([1], [], [], {})
    body: dict[str, Any] = {
        "code": 200,
        "errorCode": None,
        "msg": "ok",
        "data": [{"audienceUserId": "643", "openids": None, "x": {}}],
    }
    (read,) = call.read(reply(body))
    assert read == Profile(audienceUserId=643)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (answers.Profile, wire.Profile),
        (answers.OpenId, wire.OpenId),
        (answers.Phone, wire.Phone),
        (answers.Account, wire.Followed),
        (answers.Account, wire.EverFollowed),
        (answers.Window, wire.Window),
        (answers.Tokens, wire.Tokens),
        (answers.Tag, neighbours.Tag),
        (answers.TagValue, neighbours.TagValue),
        (answers.Tagged, neighbours.Tagged),
        (answers.UserIds, neighbours.UserIds),
        (answers.RowAnswer, neighbours.RowAnswer),
    ],
)
def test_every_field_of_the_wire_is_known_to_the_client(ours: type[Any], theirs: type[Any]) -> None:
    assert set(theirs.__struct_fields__) <= set(ours.__struct_fields__)


def test_each_customer_is_told_once_where_it_was_first() -> None:
    told = [Profile(audienceUserId=number, phone=phone) for number, phone in ((2, "a"), (1, "b"), (2, "c"), (3, "d"))]
    assert [(one.audienceUserId, one.phone) for one in calls.each_once(told)] == [(2, "a"), (1, "b"), (3, "d")]


def test_what_holds_for_all_rows_has_the_wires_names() -> None:
    assert set(Params.__annotations__) == set(neighbours.PublicParams.__struct_fields__)
    assert set(TagParams.__annotations__) == set(neighbours.TagParams.__struct_fields__)


def test_a_row_has_every_field_of_the_answer_that_is_not_worked_out() -> None:
    derived = {"orgId", "mpAppid", "lastActiveTime", "gzhInteractTime"}
    derived |= {"active", "weekActive", "monthActive", "spread", "weekSpread", "monthSpread"}
    assert set(wire.Profile.__struct_fields__) - derived <= set(ProfileRow.__struct_fields__)


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────

SAID: dict[str, type[ClientError]] = {
    "APPID_SECRET_ERROR": Unauthenticated,
    "TOKEN_ERROR": Unauthenticated,
    "PERMISSION_DENIED": NotPermitted,
    "TOO_FREQUENT": TooOften,
    "PARAM_ERROR": Invalid,
    "NOT_FOUND": Unexpected,
    "METHOD_NOT_ALLOWED": Unexpected,
    "SERVER_ERROR": ServerFault,
}


def refusals() -> list[type[Refused]]:
    kinds = [Refused]
    for kind in kinds:  # which grows meanwhile
        kinds += kind.__subclasses__()
    return [kind for kind in kinds if kind.__module__ == Refused.__module__]  # what others add has its parent's word


def error_of(body: object, status: int = 200) -> ClientError:
    (call,) = calls.details([1], [], [], {})
    with pytest.raises(ClientError) as caught:
        call.read(reply(body, status))
    return caught.value


@pytest.mark.parametrize("kind", refusals(), ids=lambda kind: kind.code)
def test_every_refusal_of_the_server_is_an_error_of_its_own_kind(kind: type[Refused]) -> None:
    status, body = words.answer(kind(field="somewhere", reason="because"), request_id="r-1")
    said, error = json.loads(body), error_of(body, status)
    assert type(error) is SAID[said["errorCode"]]
    assert (error.code, error.message, error.status) == (said["errorCode"], said["msg"], status)
    assert error.field == ("somewhere" if said["errorCode"] == "PARAM_ERROR" else "")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"code": "9", "errorCode": "9", "msg": "操作频繁,请稍后重试"}, TooOften),
        (200, {"code": "9", "errorCode": "手机 13677770000", "msg": "手机 13677770000"}, Declined),
        (200, {"code": "500", "errorCode": "0", "msg": ""}, Declined),
        (200, {"code": "1", "errorCode": "PARAM_ERROR", "msg": "参数错误:13677770000 无效"}, Invalid),
        (200, b"<html>13677770000", Unexpected),
        (200, {"data": 1}, Unexpected),
        (502, b"<html>", Unconfirmed),
        (401, b"", Unauthenticated),
    ],
)
def test_what_is_said_in_other_words_is_an_error_and_not_quoted(
    status: int, body: object, kind: type[ClientError]
) -> None:
    error = error_of(body, status)
    assert type(error) is kind
    assert "13677770000" not in str(error)


def test_a_refusal_that_came_with_200_is_tried_again_where_it_may_pass() -> None:
    (call,) = calls.details([1], [], [], {})
    refused = {"TOO_FREQUENT": True, "SERVER_ERROR": True, "TOKEN_ERROR": False, "PARAM_ERROR": False}
    for code, again in refused.items():
        outcome = reply({"code": "1", "errorCode": code, "msg": ""})
        assert (Retry().wait_s(call, outcome, tried=1) is not None) is again


@pytest.mark.parametrize(("app", "field"), [(App("", "s"), "app_id"), (App("a", "s\n"), "secret")])
def test_an_app_that_cannot_be_meant_is_refused(app: App, field: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        RabbitpreClient("https://open.example.com", app)
    assert caught.value.fields["field"] == field

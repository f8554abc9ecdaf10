"""The Smartlink client without a server: the bytes that the vendor's SDK sends, the answers that its document shows."""

from __future__ import annotations

import doctest
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from huaxiang.client import (
    ClientError,
    Declined,
    Expired,
    Invalid,
    NotFound,
    NotPermitted,
    Retry,
    ServerFault,
    TooOften,
    Unauthenticated,
    Unconfirmed,
    Unexpected,
    tinet,
)
from huaxiang.client.exchange import Call, Reply
from huaxiang.client.tinet import (
    CustomerPortraitRequest,
    CustomerPortraitResponse,
    JsonUtils,
    ListCdrsByConditionsRequest,
    ListCdrSqcDetailsRequest,
    OriginData,
    PushCdrRequest,
    SmartlinkClient,
    SmartlinkClientConfiguration,
    UpdateCdrRequest,
    answers,
)
from huaxiang.client.tinet.signed import Signed
from huaxiang.dialects.tinet import errors as words
from huaxiang.dialects.tinet import wire
from huaxiang.errors import Refused, SettingsInvalid

HERE = Path(__file__).parent
SENT: dict[str, Any] = json.loads((HERE / "golden" / "tinet_sent.json").read_text(encoding="utf-8"))
ANSWERS: list[dict[str, Any]] = json.loads((HERE / "golden" / "tinet_answers.json").read_text(encoding="utf-8"))
DOCUMENT = HERE.parent / "golden" / "tinet" / "page_document.json"
NOT_ASKED: dict[str, Any] = {
    "CustomerPortraitRequest": {},
    "PushCdrRequest": {"uniqueId": "a-1", "userId": "110Y"},
    "CdrSqcDetailsRequest": {"uniqueId": "a-1", "userId": "110Y"},
    "ListCdrSqcDetailsRequest": {"channelTime": "2020-08-25"},
    "ListCdrsByConditionsRequest": {"startChannelTime": "2020-08-25 00:00:00", "endChannelTime": "2020-08-25 23:59:59"},
}


def named(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in cases]


def call_of(case: dict[str, Any], fields: dict[str, Any]) -> Call[Any]:
    return msgspec.convert(fields, getattr(tinet, case["class"])).call()


def stated(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query)[name][0]


def reply(status: int, body: object) -> Reply:
    return Reply(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def configured(**settings: str | int) -> SmartlinkClientConfiguration:
    usual = {"accessKeyId": "AKDEMO0001", "accessKeySecret": "demo-secret", "host": "sqc.example.com"}
    return msgspec.convert({**usual, **settings}, SmartlinkClientConfiguration)


# ── what is sent ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("case", named(SENT["cases"]))
def test_a_request_is_the_very_bytes_that_the_vendors_sdk_sent(case: dict[str, Any]) -> None:
    stamp = stated(case["sent"]["target"], "Timestamp")
    shanghai = datetime.fromisoformat(stamp.removesuffix("Z") + "+08:00")
    call = call_of(case, case["fields"])
    signed = Signed(SmartlinkClientConfiguration(**SENT["key"]), lambda: shanghai.astimezone(UTC))
    assert call.method == case["sent"]["method"]
    assert signed.url(call) == f"http://127.0.0.1:18932{case['sent']['target']}"
    if "body" in case["sent"]:
        said = {name: value for name, value in case["sent"]["body"].items() if value is not None}
        assert json.loads(call.body) == said
        assert call.media_type == case["sent"]["content_type"].partition(";")[0]


def test_the_signature_of_the_documents_vector_is_made() -> None:
    configuration = configured(host="smartlink-sqc-openapi-test.tinetcloud.com", expires=5)
    url = Signed(configuration, lambda: datetime(2020, 8, 25, 2, tzinfo=UTC)).url(CustomerPortraitRequest().call())
    assert stated(url, "Signature") == "AnPoKLAIFjcyD4vqI2CPfgbWabc="


def test_each_try_is_signed_anew() -> None:
    clock = iter([datetime(2020, 8, 25, 2, 0, 0, tzinfo=UTC), datetime(2020, 8, 25, 2, 0, 1, tzinfo=UTC)])
    signed, call = Signed(configured(), lambda: next(clock)), CustomerPortraitRequest().call()
    first, second = signed.url(call), signed.url(call)
    assert [stated(url, "Timestamp") for url in (first, second)] == ["2020-08-25T02:00:00Z", "2020-08-25T02:00:01Z"]
    assert stated(first, "Signature") != stated(second, "Signature")


@pytest.mark.parametrize(
    "call", [tinet.CustomerPortraitRequest().call(), UpdateCdrRequest(uniqueId="a", userId=1).call()]
)
def test_a_failure_inside_may_be_asked_again_as_the_vendor_says(call: Call[Any]) -> None:
    waits = {
        status: Retry().wait_s(call, reply(status, b""), tried=1) is not None for status in (429, 500, 503, 400, 403)
    }
    assert waits == {429: True, 500: True, 503: True, 400: False, 403: False}


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (CustomerPortraitRequest(limit=0), "limit"),
        (CustomerPortraitRequest(limit=10_001), "limit"),
        (CustomerPortraitRequest(portraits=["高,低"]), "portraits"),
        (CustomerPortraitRequest(customerNumber="13977952899"), "customerNumber"),
        (PushCdrRequest(uniqueId="", userId="1"), "uniqueId"),
        (PushCdrRequest(uniqueId="a-1", userId="1", agentName="\ud800"), "body"),
    ],
)
def test_what_cannot_be_sent_is_told_before_it_is_sent(
    request_: CustomerPortraitRequest | PushCdrRequest, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        request_.call()
    assert caught.value.field == field


def test_a_set_of_numbers_is_sent_in_one_order() -> None:
    query = CustomerPortraitRequest(customerNumber={"3", "1", "2"}).call().query
    assert dict(query)["customerNumber"] == "1, 2, 3"


def test_fields_of_ones_own_are_asked_for_as_the_sdk_writes_them() -> None:
    query = ListCdrSqcDetailsRequest(channelTime="2020-08-25", originDataList=[OriginData("城市", "北京")]).call().query
    assert dict(query)["originDataList"] == "[OriginData(name=城市, value=北京)]"


# ── what is answered ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("case", named(ANSWERS))
def test_an_answer_is_read_as_the_case_says(case: dict[str, Any]) -> None:
    read = call_of(case, NOT_ASKED[case["class"]]).read(reply(200, case["body"]))
    assert json.loads(JsonUtils.toJsonString(read)) == case["read"]


def test_the_page_of_the_document_is_read_whole() -> None:
    body = json.loads(DOCUMENT.read_text(encoding="utf-8"))["response"]["json"]
    read = CustomerPortraitRequest().call().read(reply(200, body))
    assert [row.customerNumber for row in read.data] == ["19999999901", "13977952899", "13833332222", "010-1234567"]
    assert json.loads(JsonUtils.toJsonString(read, pretty=True)) == body


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (answers.PortraitDetail, wire.PortraitDetail),
        (answers.CustomerPortrait, wire.CustomerPortrait),
        (answers.CustomerPortraitResponse, wire.CustomerPortraitAnswer),
        (answers.PushResponse, wire.PUSH_CALL.answer),
        (answers.CdrSqcDetailsResponse, wire.CALL_DETAIL.answer),
        (answers.ListCdrSqcDetailsResponse, wire.CALL_DETAILS.answer),
        (answers.ListCdrsByConditionsResponse, wire.CALL_ROWS.answer),
        (tinet.PushCdrRequest, wire.PUSH_CALL.body),
        (tinet.UpdateCdrRequest, wire.CHANGE_CALL.body),
        (tinet.PushAsrTextRequest, wire.PUSH_TRANSCRIPT.body),
        (tinet.CustomerPortraitRequest, wire.CUSTOMER_PORTRAIT.query),
        (tinet.CdrSqcDetailsRequest, wire.CALL_DETAIL.query),
        (tinet.ListCdrSqcDetailsRequest, wire.CALL_DETAILS.query),
        (tinet.ListCdrsByConditionsRequest, wire.CALL_ROWS.query),
    ],
)
def test_every_field_of_the_wire_is_known_to_the_client(ours: type[Any], theirs: type[Any]) -> None:
    assert set(theirs.__struct_fields__) <= set(ours.__struct_fields__)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", {"data": 1}, {"requestId": "r"}, b"[" * 100_000, b"\xff"])
def test_a_success_that_is_not_the_answer_is_unexpected(body: object) -> None:
    with pytest.raises(Unexpected):
        CustomerPortraitRequest().call().read(reply(200, body))


def test_a_push_that_failed_is_declined_in_the_vendors_words() -> None:
    body = {"requestId": None, "result": "failed", "message": "未推送cdr数据,请先推送cdr"}
    with pytest.raises(Declined) as caught:
        PushCdrRequest(uniqueId="a-1", userId="110Y").call().read(reply(200, body))
    assert caught.value.message == "未推送cdr数据,请先推送cdr"
    assert "cdr数据" not in str(caught.value)


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def page(rows: int, total: int) -> CustomerPortraitResponse:
    return CustomerPortraitResponse(totalCount=total, data=[tinet.CustomerPortrait() for _ in range(rows)])


@pytest.mark.parametrize(("rows", "total", "offset"), [(10, 25, 10), (3, 25, 3), (10, 10, None), (0, 25, None)])
def test_the_next_page_begins_behind_the_rows_that_came(rows: int, total: int, offset: int | None) -> None:
    following = CustomerPortraitRequest(portraits=["高"]).next(page(rows, total))
    assert (following and following.offset) == offset
    assert following is None or following.portraits == ["高"]


def test_a_days_calls_are_scrolled_until_a_page_is_empty() -> None:
    asked = ListCdrSqcDetailsRequest(channelTime="2020-08-25")
    some = answers.ListCdrSqcDetailsResponse(result=answers.ScrolledCdrs(data=[{"id": "a"}], message="s-1"))
    following = asked.next(some)
    assert following is not None
    assert following.scrollId == "s-1"
    assert following.next(answers.ListCdrSqcDetailsResponse(result=answers.ScrolledCdrs(message="s-2"))) is None


def test_a_spans_calls_are_read_until_their_count() -> None:
    asked = ListCdrsByConditionsRequest(startChannelTime="a", endChannelTime="b")
    some = answers.ListCdrsByConditionsResponse(result=answers.ListedCdrs(totalSize=2, cdrList=[{"id": "a"}]))
    following = asked.next(some)
    assert following is not None
    assert following.offset == 1
    assert following.next(some) is None


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────

SAID: dict[str, type[ClientError]] = {
    "AuthFailure": Unauthenticated,
    "MissingAuthenticationToken": Unauthenticated,
    "SignaturesExpired": Expired,
    "UnauthorizedOperation": NotPermitted,
    "InvalidParameter": Invalid,
    "MissingParameter": Invalid,
    "UnknownParameter": Invalid,
    "MissingRequestBody": Invalid,
    "HttpMediaTypeNotSupported": Invalid,
    "ResourceNotFound": NotFound,
    "HttpRequestMethodNotSupported": Unexpected,
    "TooManyRequests": TooOften,
    "InternalError": ServerFault,
}


def refusals() -> list[type[Refused]]:
    kinds = [Refused]
    for kind in kinds:  # which grows meanwhile
        kinds += kind.__subclasses__()
    return [kind for kind in kinds if kind.__module__ == Refused.__module__]  # what others add has its parent's word


@pytest.mark.parametrize("kind", refusals(), ids=lambda kind: kind.code)
def test_every_refusal_of_the_server_is_an_error_of_its_own_kind(kind: type[Refused]) -> None:
    status, body = words.answer(kind(field="somewhere", reason="because"), request_id="r-1")
    said = json.loads(body)["error"]
    error = answers.refused(reply(status, body))
    assert type(error) is SAID[said["code"]]
    assert (error.code, error.message, error.status, error.request_id) == (said["code"], said["message"], status, "r-1")


@pytest.mark.parametrize("code", SAID)
def test_every_code_of_the_vendors_document_is_an_error_of_its_own_kind(code: str) -> None:
    error = answers.refused(
        reply(418, {"requestId": None, "error": {"code": code, "message": "客户 13677770000"}, "x": 1})
    )
    assert type(error) is SAID[code]
    assert "13677770000" not in str(error)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, b"<h1>no</h1>", Unconfirmed),
        (401, b"", Unauthenticated),
        (302, b"", Unexpected),
        (400, {"error": {"code": "号码 13677770000", "message": ""}}, Invalid),
        (500, {"error": {"code": "Unheard", "message": ""}}, ServerFault),
    ],
)
def test_what_is_said_in_other_words_goes_by_its_status_and_is_not_quoted(
    status: int, body: object, kind: type[ClientError]
) -> None:
    error = answers.refused(reply(status, body))
    assert type(error) is kind
    assert "13677770000" not in str(error)


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_host_is_said_as_in_the_vendors_sdk() -> None:
    configuration = SmartlinkClientConfiguration()
    configuration.setHost("a.example.com", 80)
    assert configuration.address == "http://a.example.com:80"
    configuration.setHost("a.example.com:8080")
    assert configuration.address == "http://a.example.com:8080"
    configuration.setHost("[::1]:8080")
    assert configuration.address == "http://[::1]:8080"
    configuration.setHost("a.example.com", 443, "https")
    assert configuration.address == "https://a.example.com:443"
    configuration.setHost("b.example.com")
    assert configuration.address == "https://b.example.com"


def test_the_timeouts_are_milliseconds_and_each_goes_to_its_place() -> None:
    configuration = configured()
    configuration.setConnectTimeout(1000)
    configuration.setSocketTimeout(2000)
    configuration.setConnectionRequestTimeout(3000)
    configuration.setMaxConnections(7)
    configuration.setMaxConnectionsPerRoute(5)
    configuration.setKeepAliveDurationMillis(4000)
    configuration.setProxy("http://proxy.example.com:3128")
    reach = configuration.reach
    assert reach.timeout.as_dict() == {"connect": 1.0, "read": 2.0, "write": 2.0, "pool": 3.0}
    limits = reach.limits
    assert (limits.max_connections, limits.max_keepalive_connections, limits.keepalive_expiry) == (5, 5, 4.0)
    assert reach.proxy == "http://proxy.example.com:3128"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"accessKeyId": ""}, "accessKeyId"),
        ({"accessKeyId": "AK\r\nX: y"}, "accessKeyId"),
        ({"accessKeySecret": ""}, "accessKeySecret"),
        ({"host": ""}, "base_url"),
        ({"scheme": "ftp"}, "base_url"),
        ({"host": "sqc.example.com/sqc"}, "host"),
        ({"proxy": "proxy.example.com:3128"}, "proxy"),
        ({"expires": 0}, "expires"),
        ({"expires": 604_801}, "expires"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_without_telling_the_secret(
    settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        SmartlinkClient(configured(**settings))
    assert caught.value.fields["field"] == field
    assert "demo-secret" not in str(caught.value)


def test_a_client_and_its_calls_do_not_show_what_they_hold() -> None:
    configuration = configured(proxy="http://me:hidden@proxy.example.com")
    call = CustomerPortraitRequest(customerNumber=["13677770000"]).call()
    shown = f"{configuration!r} {configuration.reach!r} {Signed(configuration)!r} {call!r}"
    assert [held for held in ("demo-secret", "hidden", "13677770000") if held in shown] == []


def test_the_examples_of_the_package_run() -> None:
    assert doctest.testmod(tinet).attempted == 7
    assert doctest.testmod(tinet).failed == 0

"""Tinet's pushes and reads of calls over a running server: any order, twice, late; and what is refused, and how.

A story is one call in four pushes (the record, both sides of its transcript, a priority), and labels that land beside.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from caller import Door, Serving, signed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huaxiang.dialects.tinet import signing
from huaxiang.model import Mark, Parsed, Tenant
from huaxiang.server.app import LARGEST_BODY_BYTES

NAMED = {"uniqueId": "f939-1660032894.1238", "userId": "1234567"}
CDR: dict[str, Any] = {
    **NAMED,
    "cdrType": "cdr_ob_customer",
    "callType": 3,
    "status": "52",
    "customerNumber": "136-6767-9151",
    "startTime": 1660032894,
    "bridgeDuration": 63,
    "cno": "2001",
    "agentName": "王大宝",
    "businessPriority": "1",
    "originDataList": [{"name": "渠道", "value": "官网"}, {"name": "批次", "value": "7"}],
    "connectTimeout": None,
    "records": [{"fileUrl": "http://demo.invalid/a.mp3", "erpetualUrl": True}],
}
AGENT: dict[str, Any] = {
    **NAMED,
    "recordSide": "agent",
    "asrText": {
        "bizDuration": 63000,
        "result": [
            {"channelId": 0, "beginTime": 500, "endTime": 2300, "speechRate": 210, "text": "您好,请问需要加微信吗"},
            {"channelId": 0, "beginTime": 7150, "endTime": 8100, "text": "好的,再见"},
        ],
    },
}
CLIENT: dict[str, Any] = {
    **NAMED,
    "recordSide": "client",
    "asrText": {"bizDuration": 63000, "result": [{"beginTime": 3410, "endTime": 5330, "text": "微信可以,加微信吧"}]},
}
PRIORITY: dict[str, Any] = {**NAMED, "businessPriority": "3"}
STORY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cdr": ("POST", "/sqc/cdr", CDR),
    "agent": ("POST", "/sqc/asr_text", AGENT),
    "client": ("POST", "/sqc/asr_text", CLIENT),
    "priority": ("PUT", "/sqc/cdr", PRIORITY),
}
MARKS = (
    Mark(
        source="tinet",
        enterprise="1234567",
        id="m1",
        call=NAMED["uniqueId"],
        type="意向",
        name="高",
        by="check",
        second=3,
        details={"rule": "wechat", "rule_version": "a1", "speaker": "client", "words": ["微信"]},
    ),
    Mark(source="tinet", enterprise="1234567", id="m2", call=NAMED["uniqueId"], type="情绪", name="平和", second=7),
)


def push(
    door: Door,
    method: str,
    path: str,
    body: dict[str, Any],
    *,
    pairs: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Push a body as JSON."""
    return door.call(method, path, json=body, pairs=pairs, headers=headers)


def told(door: Door, named: dict[str, str] = NAMED) -> dict[str, Any]:
    """What `cdrSqcDetails` tells of a call."""
    return door.get("/sqc/cdrSqcDetails", pairs=list(named.items())).json()["result"]


def wrongly(
    server: Serving, door: Door, method: str, path: str, body: dict[str, Any], wrong: Mapping[str, Any]
) -> httpx.Response:
    """Push with a signature that has something wrong."""
    pairs = signed(door.credential, method, server.host, path, [], wrong=wrong)
    query = "&".join(f"{signing.enc(key)}={signing.enc(value)}" for key, value in pairs)
    return httpx.request(method, f"{server.url}{path}?{query}", json=body, trust_env=False)


async def a_door(server: Serving) -> tuple[Tenant, Door]:
    """A fresh tenant and a key that may do everything."""
    tenant = await server.tenant(login_name="sqc-test")
    return tenant, await server.door(tenant, "tinet")


def refusal(response: httpx.Response, status: int, code: str) -> str:
    """The message of a refusal with this status and code."""
    body = response.json()
    assert (response.status_code, body["error"]["code"]) == (status, code), response.text
    assert set(body) == {"requestId", "error"}
    assert set(body["error"]) == {"code", "message"}
    return body["error"]["message"]


# ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_story_is_the_same_whatever_order_it_is_pushed_in_and_however_often(server: Serving) -> None:
    seen: list[tuple[Any, Any]] = []
    for order in itertools.permutations(STORY.values()):
        _, door = await a_door(server)
        for one in (*order, order[0]):
            assert push(door, *one).json()["result"] == "success"
        page = door.get("/sqc/customerPortrait").json()
        seen.append((page["data"], told(door)))
    assert all(one == seen[0] for one in seen)
    (row,), detail = seen[0]
    assert (row["customerNumber"], row["totalCallCount"], row["maxRound"]) == ("136-6767-9151", 1, 1)
    assert row["cdrIds"] == ["1234567-f939-1660032894.1238"]
    assert (detail["round"], detail["businessPriority"], len(detail["asr"])) == (1, "3", 3)


async def test_the_answers_to_pushes_are_in_the_vendors_words(server: Serving) -> None:
    _, door = await a_door(server)
    said = {name: push(door, *one).json() for name, one in STORY.items()}
    assert {name: (list(body), body["result"], body["message"]) for name, body in said.items()} == {
        "cdr": (["requestId", "result", "message"], "success", "cdr推送成功"),
        "agent": (["requestId", "result", "message"], "success", "asr推送成功,正在质检"),
        "client": (["requestId", "result", "message"], "success", "asr推送成功,正在质检"),
        "priority": (["requestId", "result", "message"], "success", "cdr修改成功"),
    }


async def test_a_push_and_a_file_give_the_same_fact(server: Serving) -> None:
    tenant, door = await a_door(server)
    for name in ("cdr", "agent"):
        push(door, *STORY[name])
    rows = [{"as": "tinet.cdr", "row": CDR}, {"as": "tinet.asr_text", "row": AGENT}]
    outcome = await server.land(tenant, rows)
    assert (outcome.landed, outcome.known) == (0, 2)


async def test_of_priorities_the_newest_counts_and_the_record_pushed_again_takes_nothing_back(server: Serving) -> None:
    _, door = await a_door(server)
    for priority in ("9", "2", "9", "5"):
        push(door, "PUT", "/sqc/cdr", {**NAMED, "businessPriority": priority})
    push(door, "POST", "/sqc/cdr", CDR)
    assert told(door)["businessPriority"] == "5"
    push(door, "POST", "/sqc/cdr", {**CDR, "businessPriority": "7", "bridgeDuration": 64})
    push(door, "POST", "/sqc/cdr", CDR)
    assert told(door)["businessPriority"] == "5"
    push(door, "PUT", "/sqc/cdr", {**NAMED, "businessPriority": 2})
    assert told(door)["businessPriority"] == "2"


async def test_without_a_change_the_priority_is_the_records_own(server: Serving) -> None:
    _, door = await a_door(server)
    push(door, "POST", "/sqc/cdr", CDR)
    assert told(door)["businessPriority"] == "1"


async def test_a_rebuild_tells_of_calls_what_the_running_server_tells(server: Serving) -> None:
    tenant, door = await a_door(server)
    for one in STORY.values():
        push(door, *one)
    await server.service.land(tenant, [(1, Parsed(MARKS))])
    before = told(door)
    async for _ in server.service.rebuild(tenant):
        pass
    assert told(door) == before


async def test_the_version_parameter_is_allowed_and_any_other_is_unknown(server: Serving) -> None:
    _, door = await a_door(server)
    pairs = [("Version", "2019-07-22")]
    assert push(door, "POST", "/sqc/cdr", CDR, pairs=pairs).status_code == 200
    for method, path, body in STORY.values():
        response = push(door, method, path, body, pairs=[("force", "1")])
        assert "force" in refusal(response, 400, "UnknownParameter")
    for path in ("/sqc/cdrSqcDetails", "/sqc/listCdrSqcDetails", "/sqc/listCdrsByConditions"):
        refusal(door.get(path, pairs=[("force", "1")]), 400, "UnknownParameter")


@pytest.mark.parametrize("name", STORY)
async def test_a_push_whose_signature_is_wrong_or_old_lands_nothing(server: Serving, name: str) -> None:
    tenant, door = await a_door(server)
    method, path, body = STORY[name]
    wrongs: dict[str, dict[str, Any]] = {
        "AuthFailure": {"secret": "not-it"},
        "SignaturesExpired": {"age_s": 3600},
        "MissingAuthenticationToken": {"leave_out": ["Signature"]},
    }
    for code, wrong in wrongs.items():
        response = wrongly(server, door, method, path, body, wrong)
        refusal(response, response.status_code, code)
    assert (await server.service.counts(tenant))["records"] == 0


@pytest.mark.parametrize("name", STORY)
async def test_a_body_that_is_not_json_is_refused_by_what_is_wrong_with_it(server: Serving, name: str) -> None:
    _, door = await a_door(server)
    method, path, body = STORY[name]
    kind = {"Content-Type": "application/json"}
    for content, code in {
        b"": "MissingRequestBody",
        b" \n": "MissingRequestBody",
        b"{": "InvalidParameter",
        b"[]": "InvalidParameter",
        b'"\xff"': "InvalidParameter",
        b"[" * 100_000: "InvalidParameter",
        b"{}": "MissingParameter",
    }.items():
        refusal(door.call(method, path, content=content, headers=kind), 400, code)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refusal(door.call(method, path, content=json.dumps(body).encode(), headers=form), 400, "HttpMediaTypeNotSupported")
    utf8 = {"Content-Type": "application/json; charset=UTF-8"}
    assert door.call(method, path, content=json.dumps(body).encode(), headers=utf8).status_code == 200


async def test_a_body_over_the_limit_is_refused(server: Serving) -> None:
    _, door = await a_door(server)
    kind = {"Content-Type": "application/json"}
    response = door.call("POST", "/sqc/cdr", content=b" " * (LARGEST_BODY_BYTES + 1), headers=kind)
    refusal(response, 400, "InvalidParameter")
    long = {**AGENT, "asrText": {"result": [{"text": "好" * 60_000}] * 60}}
    assert "8388608" in refusal(push(door, "POST", "/sqc/asr_text", long), 400, "InvalidParameter")


@pytest.mark.parametrize(
    ("name", "field", "value", "code"),
    [
        ("cdr", "uniqueId", None, "MissingParameter"),
        ("cdr", "userId", "", "MissingParameter"),
        ("cdr", "customerNumber", None, "MissingParameter"),
        ("cdr", "uniqueId", 1660032894.1238, "InvalidParameter"),
        ("cdr", "startTime", "soon", "InvalidParameter"),
        ("cdr", "bridgeDuration", -1, "InvalidParameter"),
        ("cdr", "customerNumber", "1.36E+10", "InvalidParameter"),
        ("agent", "asrText", None, "MissingParameter"),
        ("agent", "recordSide", "IN", "InvalidParameter"),
        ("priority", "businessPriority", None, "MissingParameter"),
        ("priority", "userId", None, "MissingParameter"),
    ],
)
async def test_a_field_that_can_t_be_meant_is_named_in_chinese(
    server: Serving, name: str, field: str, value: str | float | None, code: str
) -> None:
    tenant, door = await a_door(server)
    method, path, body = STORY[name]
    message = refusal(push(door, method, path, {**body, field: value}), 400, code)
    assert f":{field}:" in message or ":identifiers:" in message
    assert "expected" not in message
    assert (await server.service.counts(tenant))["records"] == 0


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSONS = st.recursive(SCALARS, lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(), below, max_size=2))


@given(
    st.sampled_from(list(STORY)),
    st.dictionaries(st.sampled_from([*CDR, "asrText", "recordSide", "updatedAt", "rounds", "news"]), JSONS, max_size=3),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_pushed_lands_or_is_refused_in_chinese(one_door: Door, name: str, spoiled: dict[str, Any]) -> None:
    method, path, body = STORY[name]
    content = json.dumps({**body, **spoiled}).encode()
    response = one_door.call(method, path, content=content, headers={"Content-Type": "application/json"})
    answer = response.json()
    if response.status_code == 200:
        assert answer["result"] == "success"
        return
    assert response.status_code == 400, response.text
    reason = answer["error"]["message"].rpartition(":")[2]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in reason), answer


@pytest.fixture
async def one_door(server: Serving) -> Door:
    """A key for many pushes."""
    return (await a_door(server))[1]


async def test_a_key_does_what_it_was_made_for(server: Serving) -> None:
    tenant = await server.tenant()
    reads = [("GET", "/sqc/customerPortrait"), ("GET", "/sqc/cdrSqcDetails"), ("GET", "/sqc/listCdrSqcDetails")]
    calls = {"portrait": reads[:1], "results": [*reads[1:], ("GET", "/sqc/listCdrsByConditions")]}
    calls["push"] = [(method, path) for method, path, _ in STORY.values()]
    for permission in calls:
        door = await server.door(tenant, "tinet", permissions=(permission,))
        for of, listed in calls.items():
            for method, path in listed:
                code = door.call(method, path).json().get("error", {}).get("code")
                assert (code == "UnauthorizedOperation") is (of != permission), (permission, method, path)


def test_a_wrong_method_names_the_right_ones(server: Serving) -> None:
    response = httpx.delete(f"{server.url}/sqc/cdr", trust_env=False)
    refusal(response, 405, "HttpRequestMethodNotSupported")
    assert {"POST", "PUT"} <= {one.strip() for one in response.headers["allow"].split(",")}


# ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_that_nobody_pushed_is_not_found_and_neither_is_another_tenants(server: Serving) -> None:
    _, door = await a_door(server)
    push(door, *STORY["agent"])
    _, other = await a_door(server)
    push(other, *STORY["cdr"])
    for named in (NAMED, {**NAMED, "userId": "7"}, {**NAMED, "uniqueId": "a\ufffd"}):
        refusal(door.get("/sqc/cdrSqcDetails", pairs=list(named.items())), 404, "ResourceNotFound")


async def test_labels_stand_at_their_sentence_with_the_words_and_the_rule(server: Serving) -> None:
    tenant, door = await a_door(server)
    for one in STORY.values():
        push(door, *one)
    await server.service.land(tenant, [(1, Parsed(MARKS))])
    detail = told(door)
    assert [one["id"] for one in detail["asr"]] == ["0.1", "1.1", "0.2"]
    assert detail["qcStatus"] == 3
    assert detail["dpTag"] == [
        {
            "added": 1, "asrSide": 0, "deleted": 0, "name": "平和", "portraitTypeName": "情绪", "startTime": 7150,
            "tagSide": 0, "tagType": 1,
        },
        {
            "added": 0, "asrSide": 1, "deleted": 0, "message": "规则:wechat,版本:a1", "name": "高",
            "portraitTypeName": "意向", "startTime": 3410, "tagSide": 1, "tagType": 0,
        },
    ]  # fmt: skip
    assert detail["statMark"] == [
        {"length": 2, "index": 0, "id": "1.1", "keyword": "微信", "type": 1, "group": "高"},
        {"length": 2, "index": 6, "id": "1.1", "keyword": "微信", "type": 1, "group": "高"},
    ]


async def test_a_label_that_a_person_took_off_is_told_as_deleted(server: Serving) -> None:
    tenant, door = await a_door(server)
    push(door, *STORY["cdr"])
    off = Mark(
        source="tinet", enterprise="1234567", id="m3", call=NAMED["uniqueId"], type="意向", name="高", deleted=True
    )
    await server.service.land(tenant, [(1, Parsed((MARKS[0], off)))])
    detail = told(door)
    (tag,) = detail["dpTag"]
    assert (tag["added"], tag["deleted"], tag["tagType"], tag["startTime"]) == (0, 1, 0, 3000)
    assert detail["qcStatus"] == 3


async def with_a_day_of_calls(server: Serving) -> Door:
    """Seven calls of a day, two at the same second, of two enterprises; and one each of the day before and after."""
    tenant, door = await a_door(server)
    times = [1597852800, 1597852800, 1597860000, 1597870000, 1597880000, 1597890000, 1597939199, 1597852799, 1597939200]
    rows = [
        {
            "uniqueId": f"{at}.{place}", "userId": "u1" if place % 2 else "u2", "customerNumber": f"1391234567{place}",
            "startTime": at, "originDataList": [{"name": "批次", "value": str(place % 3)}, {"name": "a", "value": "b"}],
        }
        for place, at in enumerate(times)
    ]  # fmt: skip
    outcome = await server.land(tenant, [{"as": "tinet.cdr", "row": row} for row in rows])
    assert outcome.landed == len(rows)
    return door


async def test_a_day_is_scrolled_through_each_call_once_and_ends_with_an_empty_page(server: Serving) -> None:
    door = await with_a_day_of_calls(server)
    seen: list[str] = []
    scroll, starts = "", list[int]()
    while True:
        pairs = [("channelTime", "2020-08-20"), ("limit", "3"), *([("scrollId", scroll)] if scroll else [])]
        result = door.get("/sqc/listCdrSqcDetails", pairs=pairs).json()["result"]
        assert (result["totalCount"], result["totalPageCount"], result["pageSize"]) == (7, 3, 3)
        starts.append(result["start"])
        scroll = result["message"]
        if not result["data"]:
            break
        seen += [one["id"] for one in result["data"]]
    assert starts == [0, 3, 6, 7]
    assert len(seen) == len(set(seen)) == 7
    assert sorted(seen, key=lambda one: one.partition(".")[0]) == seen


async def test_a_day_is_told_by_enterprise_and_by_fields_of_ones_own(server: Serving) -> None:
    door = await with_a_day_of_calls(server)

    def ids(*pairs: tuple[str, str]) -> set[str]:
        asked = door.get("/sqc/listCdrSqcDetails", pairs=[("channelTime", "2020-08-20"), *pairs])
        return {one["id"].partition(".")[2] for one in asked.json()["result"]["data"]}

    assert ids() == set("0123456")
    assert ids(("userId", "u1")) == set("135")
    assert ids(("originDataList", '[{"name":"批次","value":"1"}]')) == set("14")
    assert ids(("originDataList", "[OriginData(name=批次, value=1), OriginData(name=a, value=b)]")) == set("14")
    assert ids(("originDataList", "[OriginData(name=批次, value=1)]"), ("userId", "u1")) == {"1"}
    assert ids(("userId", "nobody")) == set()


async def test_call_records_are_told_by_time_and_by_id(server: Serving) -> None:
    door = await with_a_day_of_calls(server)
    day = [("startChannelTime", "2020-08-20 00:00:00"), ("endChannelTime", "2020-08-20 23:59:59")]

    def rows(*pairs: tuple[str, str]) -> tuple[int, list[str]]:
        result = door.get("/sqc/listCdrsByConditions", pairs=[*day, *pairs]).json()["result"]
        return result["totalSize"], [one["unique_id"].partition(".")[2] for one in result["cdrList"]]

    total, first = rows()
    assert (total, set(first)) == (7, set("0123456"))
    assert rows(("offset", "5"), ("limit", "10")) == (7, first[5:])
    assert rows(("limit", "2")) == (7, first[:2])
    assert rows(("uniqueIdList", "[1597870000.3, 1597852799.7]")) == (1, ["3"])


@pytest.mark.parametrize(
    ("path", "pairs", "code"),
    [
        ("cdrSqcDetails", {"uniqueId": "1"}, "MissingParameter"),
        ("cdrSqcDetails", {"userId": "1"}, "MissingParameter"),
        ("cdrSqcDetails", {"userId": "1", "uniqueId": "1\0"}, "InvalidParameter"),
        ("cdrSqcDetails", {"userId": "1", "uniqueId": "1", "resultEncrypt": "true"}, "InvalidParameter"),
        ("cdrSqcDetails", {"userId": "1", "uniqueId": "1", "resultEncrypt": "false"}, "ResourceNotFound"),
        ("listCdrSqcDetails", {}, "MissingParameter"),
        ("listCdrSqcDetails", {"channelTime": "2020-02-30"}, "InvalidParameter"),
        ("listCdrSqcDetails", {"channelTime": "20200230"}, "InvalidParameter"),
        ("listCdrSqcDetails", {"channelTime": "9999-12-31"}, "InvalidParameter"),
        ("listCdrSqcDetails", {"channelTime": "2020-08-20", "limit": "101"}, "InvalidParameter"),
        ("listCdrSqcDetails", {"channelTime": "2020-08-20", "qcTime": "2020-08-20"}, "InvalidParameter"),
        ("listCdrSqcDetails", {"channelTime": "2020-08-20", "scrollId": "x"}, "InvalidParameter"),
        ("listCdrSqcDetails", {"channelTime": "2020-08-20", "scrollId": "f" * 37 + "==="}, "InvalidParameter"),
        ("listCdrSqcDetails", {"channelTime": "2020-08-20", "scrollId": "fw" + "_" * 36 + "=="}, "InvalidParameter"),
        ("listCdrSqcDetails", {"channelTime": "2020-08-20", "originDataList": "{"}, "InvalidParameter"),
        ("listCdrsByConditions", {"startChannelTime": "2020-08-20 00:00:00"}, "MissingParameter"),
        (
            "listCdrsByConditions",
            {"startChannelTime": "2020-08-20", "endChannelTime": "2020-08-21 00:00:00"},
            "InvalidParameter",
        ),
        (
            "listCdrsByConditions",
            {"startChannelTime": "2020-08-20 00:00:00", "endChannelTime": "2020-08-19 00:00:00"},
            "InvalidParameter",
        ),
        (
            "listCdrsByConditions",
            {"startChannelTime": "2020-01-01 00:00:00", "endChannelTime": "2020-08-19 00:00:00"},
            "InvalidParameter",
        ),
    ],
)
async def test_a_read_that_can_t_be_meant_is_refused(
    server: Serving, path: str, pairs: dict[str, str], code: str
) -> None:
    _, door = await a_door(server)
    response = door.get(f"/sqc/{path}", pairs=list(pairs.items()))
    refusal(response, 404 if code == "ResourceNotFound" else 400, code)


async def test_the_sdk_has_results_as_a_text_in_ascii(server: Serving) -> None:
    tenant, door = await a_door(server)
    for one in STORY.values():
        push(door, *one)
    sdk = {"User-Agent": "Apache-HttpClient/4.5.5 (Java/1.8.0_192)"}
    await server.service.land(tenant, [(1, Parsed(MARKS))])
    day = [("startChannelTime", "2022-08-09 00:00:00"), ("endChannelTime", "2022-08-10 00:00:00")]
    asked = {
        "/sqc/cdrSqcDetails": list(NAMED.items()),
        "/sqc/listCdrSqcDetails": [("channelTime", "2022-08-09")],
        "/sqc/listCdrsByConditions": day,
    }
    for path, pairs in asked.items():
        plain, texted = door.get(path, pairs=pairs), door.get(path, pairs=pairs, headers=sdk)
        assert texted.content.isascii()
        assert json.loads(texted.json()["result"]) == plain.json()["result"]
        assert set(texted.json()) == {"requestId", "result", "message"}
    assert push(door, *STORY["cdr"], headers=sdk).content.isascii()

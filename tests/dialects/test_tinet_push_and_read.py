"""Tinet's pushes and results without a server: what a body says, what a query asks, how a call is told, and why not."""

from __future__ import annotations

import ast
import inspect
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang import claim
from huaxiang import errors as house
from huaxiang.dialects.tinet import calls, errors, inward, push, reasons, results, wire
from huaxiang.dialogue import rounds
from huaxiang.model import (
    Amendment,
    Call,
    CallMark,
    CallPage,
    CallPlace,
    CallRef,
    CallResult,
    Json,
    Mention,
    Transcript,
    Utterance,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2020, 8, 25, 2, 0, 0, tzinfo=UTC)
NAMED: dict[str, Json] = {"uniqueId": "1597888058.638", "userId": "110Y-a"}

# ── pushes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_priority_amends_its_call_and_is_one_record_whose_newest_revision_counts() -> None:
    (fact,) = inward.priority({**NAMED, "businessPriority": "2"}, SHANGHAI, NOW).facts
    (other,) = inward.priority({**NAMED, "businessPriority": 3}, SHANGHAI, NOW + timedelta(microseconds=1)).facts
    assert isinstance(fact, Amendment)
    assert (fact.source, fact.enterprise, fact.id, fact.call) == ("tinet", "110Y-a", *["1597888058.638"] * 2)
    assert (fact.details, fact.updated_at) == ({"businessPriority": 2}, NOW)
    assert (other.id, other.details) == (fact.id, {"businessPriority": 3})


@pytest.mark.parametrize("field", ["uniqueId", "businessPriority"])
def test_a_priority_without_a_call_or_a_value_is_missing_it(field: str) -> None:
    with pytest.raises(house.InputMissing) as missing:
        inward.priority({**NAMED, "businessPriority": "2", field: " "}, SHANGHAI, NOW)
    assert missing.value.field == field


@pytest.mark.parametrize(
    ("content", "kind", "field"),
    [
        (b"", house.InputMissing, "body"),
        (b"\n ", house.InputMissing, "body"),
        (b"null", house.InputInvalid, "body"),
        (b'{"userId"', house.InputInvalid, "body"),
        (b'{"userId": "\xff"}', house.InputInvalid, "body"),
        (b"[" * 100_000, house.InputInvalid, "body"),
        (b'{"uniqueId": "1"}', house.InputMissing, "userId"),
        (b'{"userId": 1.5}', house.InputInvalid, "userId"),
    ],
)
def test_a_body_that_is_no_push_is_refused_by_what_is_wrong(
    content: bytes, kind: type[house.Refused], field: str
) -> None:
    with pytest.raises(kind) as refused:
        inward.body(content)
    assert refused.value.field == field


def test_a_body_is_the_row_of_a_file_and_the_sdks_own_settings_say_nothing() -> None:
    row: dict[str, Json] = {**NAMED, "customerNumber": "13667679151", "startTime": 1597888058}
    sent = {**row, "connectTimeout": None, "socketTimeout": None, "connectionRequestTimeout": None}
    assert inward.call(inward.body(json.dumps(sent).encode()), SHANGHAI) == inward.call(row, SHANGHAI)


def test_the_wire_names_every_field_that_a_call_is_made_of() -> None:
    source = inspect.getsource(inward)
    for struct in (push.PushedCall, push.PushedPriority, push.PushedTranscript, push.Sentence):
        assert [name for name in struct.__struct_fields__ if name not in source] == []


def test_the_vendors_pushes_fit_the_types_of_the_wire() -> None:
    body: dict[str, Json] = {
        **NAMED,
        "userId": 1234567,
        "customerNumber": "1",
        "callType": 3,
        "status": 52,
        "records": [{}],
        "x": None,
    }
    assert msgspec.convert(body, push.PushedCall).callType == 3
    text = {"bizDuration": 34180, "result": [{"channelId": 1, "beginTime": 1410, "text": "World", "speechRate": 65}]}
    assert msgspec.convert({**NAMED, "asrText": text, "fastAsr": False}, push.PushedTranscript).asrText.result


# ── reasons ───────────────────────────────────────────────────────────────────────────────────────────────────────


def reasons_of(module: Any) -> set[str]:  # noqa: ANN401 - any module
    """Every reason for a refusal that stands in a module's source, with 7 for what is filled in."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.keyword) and node.arg == "reason":
            if isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
            elif isinstance(node.value, ast.JoinedStr):
                found.add(
                    "".join(str(one.value) if isinstance(one, ast.Constant) else "7" for one in node.value.values)
                )
    return found


def test_every_reason_of_the_importer_is_said_in_chinese_over_http() -> None:
    found = reasons_of(inward)
    assert len(found) > 10
    assert [reason for reason in sorted(found) if reasons.in_chinese(reason) == reason] == []


def test_a_reason_why_a_call_or_a_transcript_can_t_land_is_said_in_chinese() -> None:
    ours = {
        "a time between the years 1900 and 2200 is needed",
        "a text holds the character NUL, which no text may",
        "a value that JSON can't carry",
        "a fact of more than 7 bytes",
        "more than 7 lists and objects within each other",
    }
    assert ours <= reasons_of(claim)
    assert [reason for reason in sorted(ours) if reasons.in_chinese(reason) == reason] == []


def test_a_reason_that_is_chinese_or_unknown_stays_as_it_is() -> None:
    for reason in ("应为 1 到 2 的整数", "the moon is full", ""):
        assert reasons.in_chinese(reason) == reason


def test_a_refusal_carries_the_reason_in_chinese_and_keeps_the_fields_name() -> None:
    _, body = errors.answer(house.InputInvalid(field="rounds", reason="at most 9 characters"), request_id="r")
    assert json.loads(body)["error"]["message"] == "参数无效:rounds:最多 9 个字符"


# ── queries ───────────────────────────────────────────────────────────────────────────────────────────────────────


def a_day(**more: str) -> results.CallDetailsQuery:
    return results.read_call_details([("channelTime", "2020-08-20"), *more.items()])


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - st takes naive bounds
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=256),
    st.integers(0, 2**31 - 1),
)
def test_a_scroll_id_is_read_as_the_place_that_it_was_made_of(at: datetime, name: str, start: int) -> None:
    place = CallPlace(at, name, "8000376")
    assert results.scroll(a_day(scrollId=results.scroll_id(place, start)), NOW) == (place, start)


@given(st.text(st.characters(codec="utf-8")))
def test_any_other_scroll_id_is_read_or_refused(text: str) -> None:
    refused: house.Refused | None = None
    try:
        assert results.scroll(a_day(scrollId=text), NOW).after.at.tzinfo is UTC
    except house.InputInvalid as error:
        refused = error
    assert refused is None or refused.field == "scrollId"


def test_a_day_is_the_tenants_and_may_be_longer_than_24_hours() -> None:
    asked = results.read_call_details([("channelTime", "2020-11-01")])
    since, until = results.day(asked, ZoneInfo("America/New_York"))
    assert (since, until - since) == (datetime(2020, 11, 1, 4, tzinfo=UTC), timedelta(hours=25))


def test_a_span_counts_its_last_second() -> None:
    pairs = [("startChannelTime", "2020-08-20 00:00:00"), ("endChannelTime", "2020-08-20 00:00:00")]
    since, until = results.span(results.read_call_rows(pairs), SHANGHAI)
    assert (since, until - since) == (datetime(2020, 8, 19, 16, tzinfo=UTC), timedelta(seconds=1))


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", ()),
        ("[]", ()),
        ('[{"name":"a","value":"b"}]', (("a", "b"),)),
        ("[OriginData(name=a, value=b)]", (("a", "b"),)),
        ("[OriginData(name=a, value=b, c), OriginData(name=d, value=)]", (("a", "b, c"), ("d", ""))),
        ("OriginData(name=a, value=(b))", (("a", "(b)"),)),
    ],
)
def test_fields_of_ones_own_come_as_json_or_as_the_sdk_writes_them(text: str, fields: tuple[Any, ...]) -> None:
    found = results.origin_data(a_day(originDataList=text))
    assert tuple((one.name, one.value) for one in found) == fields


@given(st.lists(st.tuples(st.sampled_from(["channelTime", "limit", "scrollId", "userId", "uniqueId", "x"]), st.text())))
def test_any_query_is_read_or_refused_with_the_parameters_name(pairs: list[tuple[str, str]]) -> None:
    for read in (results.read_call_detail, results.read_call_details, results.read_call_rows):
        refused: house.Refused | None = None
        try:
            assert msgspec.to_builtins(read(pairs))
        except (house.InputUnknown, house.InputMissing, house.InputInvalid) as error:
            refused = error
        assert refused is None or refused.field


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_call(**more: Any) -> CallResult:  # noqa: ANN401 - any of its fields
    """A call of which nothing is known but its name."""
    call = Call(source="tinet", enterprise="e", id="1.1", at=NOW, identifiers=(Mention("phone", "13667679151"),))
    bare: dict[str, Any] = {"details": {}, "rounds": None, "marks": (), "evidence": (), "transcripts": ()}
    return CallResult(call=call, at=NOW, **{**bare, **more})


def told(call: CallResult) -> dict[str, Any]:
    return json.loads(calls.detail(call, request_id="r", for_sdk=False))["result"]


def track(side: Any, *said: tuple[int | None, str]) -> Transcript:  # noqa: ANN401 - a side, or none
    utterances = tuple(Utterance(text, begin) for begin, text in said)
    return Transcript(source="tinet", enterprise="e", id=f"1.1/{side}", call="1.1", side=side, utterances=utterances)


def test_a_call_of_which_nothing_is_known_has_its_name_and_empty_lists() -> None:
    assert told(a_call()) == {
        "id": "1.1", "cdrId": "e-1.1", "enterpriseId": "e", "asr": [], "statMark": [], "dpTag": []
    }  # fmt: skip


def test_sentences_of_two_sides_follow_each_other_the_agents_first_at_the_same_moment() -> None:
    call = a_call(transcripts=(track("client", (900, "b"), (100, "a")), track("agent", (900, "c"), (None, "d"))))
    found = [(one.get("callSide"), one["id"], one["text"]) for one in told(call)["asr"]]
    assert found == [(0, "0.1", "d"), (1, "1.1", "a"), (0, "0.2", "c"), (1, "1.2", "b")]


def test_a_single_track_has_places_and_no_sides() -> None:
    found = told(a_call(transcripts=(track(None, (0, "a"), (5, "b")),)))["asr"]
    assert found == [{"beginTime": 0, "id": "1", "text": "a"}, {"beginTime": 5, "id": "2", "text": "b"}]


def label(second: int | None) -> CallMark:
    ref = CallRef("e-1.1", NOW)
    return CallMark("意向", "高", checked=True, added=False, deleted=False, second=second, call=ref)


@pytest.mark.parametrize(
    ("second", "evidence", "start", "side"),
    [
        (None, {}, None, None),
        (9, {}, 9000, None),
        (3, {}, 3100, 0),
        (3, {"words": ["要"]}, 3200, 1),
        (3, {"speaker": "client"}, 3200, 1),
        (3, {"speaker": "client", "words": ["nothing", 7, ""]}, 3200, 1),
        (3, {"words": "要"}, 3100, 0),
    ],
)
def test_a_labels_sentence_is_of_its_second_its_speaker_and_its_words(
    second: int | None, evidence: dict[str, Json], start: int | None, side: int | None
) -> None:
    transcripts = (track("agent", (3100, "您好")), track("client", (3200, "要"), (4000, "要")))
    call = a_call(marks=(label(second),), evidence=((evidence,),), transcripts=transcripts)
    (tag,) = told(call)["dpTag"]
    assert (tag.get("startTime"), tag.get("asrSide"), tag.get("tagSide")) == (start, side, side)


def test_words_are_found_whatever_their_case_and_each_time() -> None:
    transcripts = (track("client", (0, "加WeChat,wechat号")),)
    call = a_call(marks=(label(0),), evidence=(({"words": ["wechat", "wechat"]},),), transcripts=transcripts)
    assert [(one["index"], one["length"]) for one in told(call)["statMark"]] == [(1, 6), (8, 6)]


def test_numbers_that_were_pushed_as_digits_are_served_as_numbers_and_others_left_out() -> None:
    told_of = told(a_call(details={"status": "33", "callType": True, "cno": 2001, "agentName": ["x"]}))
    assert (told_of["status"], told_of["cno"]) == (33, "2001")
    assert told_of.keys().isdisjoint({"callType", "clientName"})


def test_hits_of_several_rules_tell_all_of_them_and_each_its_words() -> None:
    transcripts = (track("agent", (3100, "您好,要吗")), track("client", (4200, "要")))
    hits: tuple[dict[str, Json], ...] = (
        {"rule": "b", "rule_version": "2", "second": 4, "speaker": "client", "words": ["要"]},
        {"rule": "a", "rule_version": "1", "second": 3, "speaker": "agent", "words": ["您好", "要"]},
        {"rule": "c", "rule_version": "3"},
    )
    detail = told(a_call(marks=(label(3),), evidence=(hits,), transcripts=transcripts))
    (tag,) = detail["dpTag"]
    assert (tag["startTime"], tag["asrSide"]) == (3100, 0)
    assert tag["message"] == "规则:b,版本:2;规则:a,版本:1;规则:c,版本:3"
    found = [(one["id"], one["keyword"], one["index"]) for one in detail["statMark"]]
    assert found == [("1.1", "要", 0), ("0.1", "您好", 0), ("0.1", "要", 3)]


@pytest.mark.parametrize("for_sdk", [False, True])
def test_every_answer_is_one_of_its_type(for_sdk: bool) -> None:
    call = a_call(details={"agentName": "王"}, rounds=2, marks=(label(1),), evidence=((),))
    page = CallPage(1, (call,), CallPlace(NOW, "1", "e"))
    answers: dict[type[Any], bytes] = {
        results.CallDetailAnswer: calls.detail(call, request_id="r", for_sdk=for_sdk),
        results.CallDetailsAnswer: calls.details(
            page, start=0, limit=10, begin=CallPlace(NOW, "", ""), request_id="r", for_sdk=for_sdk
        ),
        results.CallRowsAnswer: calls.rows(page, login_name="a", offset=0, limit=10, request_id="r", for_sdk=for_sdk),
    }
    for kind, body in answers.items():
        result: Any = msgspec.json.decode(body, type=kind)
        assert isinstance(result.result, str) is for_sdk
        assert body.isascii() or not for_sdk


# ── the README ────────────────────────────────────────────────────────────────────────────────────────────────────

README = (Path(str(inward.__file__)).parent / "README.md").read_text(encoding="utf-8")
ROUNDS = re.findall(r"^\| ((?:client|agent): .*?) \| ([0-9]+) \|", README, re.MULTILINE)


@pytest.mark.parametrize(("said", "count"), ROUNDS)
def test_an_example_of_rounds_in_the_readme_holds(said: str, count: str) -> None:
    spoken = [(one.partition(": ")[0], (at * 1000, one.partition(": ")[2])) for at, one in enumerate(said.split(" · "))]
    tracks = [track(side, *(what for who, what in spoken if who == side)) for side in ("agent", "client")]
    assert rounds(tracks) == int(count)


def test_the_readme_shows_rounds_and_every_call_of_the_wire() -> None:
    assert len(ROUNDS) > 4
    assert [one.path for one in wire.ENDPOINTS if f"`{one.method} {one.path}`" not in README] == []

"""The Tinet dialect without a server: the query, the ways in and out, each error's word, the golden cases.

The golden cases run here through the pure code, with a fold that a reader believes at sight in the store's place; over
a socket they run in the server's tests. In a case's `request.sign` stands what a client does wrong: `secret`,
`access_key_id`, `expires`, `timestamp` as sent, `age_s` (seconds before now), `leave_out`. In `given.key` stand the
options of its key, and `permissions`. A `requestId` of `*` is any.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang import errors as house
from huaxiang.dialects.tinet import errors, inward, outward, signing, wire
from huaxiang.identifiers import normalise
from huaxiang.model import (
    Call,
    CallMark,
    CallRef,
    Calls,
    Identifier,
    Json,
    Mark,
    Mention,
    NewestCall,
    Order,
    PortraitPage,
    PortraitRow,
    Transcript,
)

GOLDEN = Path(__file__).parent.parent / "golden" / "tinet"
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOST = "smartlink-sqc-openapi-test.tinetcloud.com"
PATH = "/sqc/customerPortrait"
KEY, SECRET = "AKDEMO0001", "demo-secret"
NOW = datetime(2020, 8, 25, 2, 0, 0, tzinfo=UTC)

# ── the query ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_query_of_nothing_is_the_first_ten_rows() -> None:
    assert (
        wire.read_query([("Version", "2019-07-22"), ("AccessKeyId", KEY), ("Signature", "x")])
        == wire.CustomerPortraitQuery()
    )


@pytest.mark.parametrize(
    ("values", "items"),
    [
        (["13700000000, 13800000000"], ("13700000000", "13800000000")),
        (["[意向/高, 低]"], ("意向/高", "低")),
        (["b,a", " a ", "c"], ("b", "a", "c")),
        (["", " , ", "[]"], ()),
        (["[a"], ("[a",)),
    ],
)
def test_a_list_comes_joined_in_brackets_or_repeated(values: list[str], items: tuple[str, ...]) -> None:
    for name in ("customerNumber", "portraits"):
        assert getattr(wire.read_query([(name, value) for value in values]), name) == items


@pytest.mark.parametrize(
    ("pair", "error"),
    [
        (("customernumber", "1"), house.InputUnknown),
        (("", ""), house.InputUnknown),
        (("offset", ""), house.InputInvalid),
        (("offset", "2147483648"), house.InputInvalid),
        (("limit", "1e1"), house.InputInvalid),
        (("limit", "１"), house.InputInvalid),
        (("customerNumber", "1\0"), house.InputInvalid),
        (("portraits", "x" * 258), house.InputInvalid),
        (("customerNumber", ",".join(map(str, range(10_001)))), house.InputTooLarge),
    ],
)
def test_a_query_that_is_not_the_vendor_s_is_refused(pair: tuple[str, str], error: type[house.Refused]) -> None:
    with pytest.raises(error):
        wire.read_query([pair])


def test_paging_parameters_come_once() -> None:
    with pytest.raises(house.InputInvalid, match="limit"):
        wire.read_query([("limit", "1"), ("limit", "1")])


@given(st.lists(st.tuples(st.sampled_from(["offset", "limit", "portraits", "customerNumber", "x"]), st.text())))
def test_any_query_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        query = wire.read_query(pairs)
    except house.Refused:
        return
    assert msgspec.convert(msgspec.to_builtins(query), wire.CustomerPortraitQuery) == query


@given(st.one_of(st.text(max_size=260), st.from_regex(r"\A\w{1,260}\Z"), st.text("12,[] \0", max_size=8)))
def test_a_number_that_is_asked_for_alone_is_read_as_beside_anything_else(text: str) -> None:
    def outcome(*more: tuple[str, str]) -> object:
        try:
            return wire.read_query([("customerNumber", text), *more])
        except house.Refused as refused:
            return type(refused), refused.field, refused.reason

    assert outcome() == outcome(("customerNumber", "")) == outcome(("Version", "1"), ("customerNumber", " "))


# ── ways in ───────────────────────────────────────────────────────────────────────────────────────────────────────

CDR: dict[str, Json] = {
    "uniqueId": "1597888058.638",
    "userId": "110Y-a",
    "customerNumber": "010-1234567",
    "startTime": 1597888058,
}
ASR: dict[str, Json] = {"uniqueId": "1597888058.638", "userId": "110Y-a", "asrText": {"bizDuration": 9, "result": []}}


def a_call(**row: Json) -> Call:
    """The call that the row says, over a sound one."""
    (fact,) = inward.call(CDR | row, SHANGHAI).facts
    assert isinstance(fact, Call)
    return fact


def a_transcript(**row: Json) -> Transcript:
    """The transcript that the row says, over a sound one."""
    (fact,) = inward.transcript(ASR | row, SHANGHAI).facts
    assert isinstance(fact, Transcript)
    return fact


def test_a_call_is_named_by_enterprise_and_id_and_hangs_on_the_number_as_spelled() -> None:
    call = a_call()
    assert (call.source, call.enterprise, call.id) == ("tinet", "110Y-a", "1597888058.638")
    assert [(mention.kind, mention.value) for mention in call.identifiers] == [("phone", "010-1234567")]
    assert a_call(customerNumber=" 13912345678 ") == a_call(customerNumber=13912345678)


@pytest.mark.parametrize("field", ["uniqueId", "customerNumber"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_call_without_id_or_number_is_missing_it(field: str, value: str | None) -> None:
    with pytest.raises(house.InputMissing) as missing:
        a_call(**{field: value})
    assert missing.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uniqueId", 1597888058.638),
        ("uniqueId", "x" * 250),
        ("customerNumber", 1.39e10),
        ("customerNumber", True),
        ("customerNumber", "1" * 257),
        ("startTime", "soon"),
        ("startTime", -1),
        ("startTime", 1597888058000),
        ("startTime", "1969-01-01 00:00:00"),
        ("bridgeDuration", -1),
        ("bridgeDuration", "1.5"),
        ("totalDuration", 2**31),
        ("rounds", "many"),
        ("rounds", True),
        ("updatedAt", []),
    ],
)
def test_a_call_whose_field_can_t_be_meant_is_refused_by_its_name(field: str, value: Json) -> None:
    with pytest.raises(house.InputInvalid) as invalid:
        a_call(**{field: value})
    assert invalid.value.field == field


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"bridgeDuration": 0, "totalDuration": 9}, 0),
        ({"bridgeDuration": "", "totalDuration": "9"}, 9),
        ({"totalDuration": 9.0, "endTime": 1597888059}, 9),
        ({"endTime": 1597888158}, 100),
        ({"endTime": 1597888058}, 0),
        ({"endTime": 0}, None),
        ({"endTime": 1597888158, "startTime": None, "createTime": 1597888058}, None),
        ({}, None),
    ],
)
def test_a_call_s_duration_is_bridged_else_total_else_from_start_to_end(
    fields: dict[str, Any], seconds: int | None
) -> None:
    assert a_call(**fields).duration == seconds


@pytest.mark.parametrize(
    ("fields", "epoch"),
    [
        ({"startTime": 0, "createTime": 5}, 0),
        ({"startTime": None, "createTime": "5"}, 5),
        ({"startTime": "2020-08-20 09:47:38"}, 1597888058),
        ({"startTime": "2020-08-20T01:47:38Z"}, 1597888058),
        ({"startTime": 1597888058.0}, 1597888058),
        ({"startTime": None}, None),
    ],
)
def test_a_call_s_time_is_its_start_else_its_creation(fields: dict[str, Any], epoch: int | None) -> None:
    at = a_call(**fields).at
    assert (at and at.timestamp()) == epoch


@pytest.mark.parametrize(
    ("province", "city", "shown"),
    [("北京", "北京", "北京-北京"), ("", "北京", "北京"), ("江苏", None, "江苏"), (None, "", None)],
)
def test_a_call_s_city_is_what_was_pushed(province: str | None, city: str | None, shown: str | None) -> None:
    assert a_call(customerProvince=province, customerCity=city).city == shown


def test_a_file_of_text_says_the_same_as_the_push() -> None:
    pushed = a_call(
        bridgeDuration=9, cno="2001", businessPriority=1, originDataList=[{"name": "a", "value": "b"}], status=None
    )
    text = a_call(
        startTime="1597888058",
        bridgeDuration="9",
        cno=2001,
        businessPriority="1",
        originDataList='[{"name": "a", "value": "b"}]',
        status="",
    )
    assert pushed == text
    assert a_call(rounds="41", updatedAt="2020-08-21 00:00:00") == a_call(rounds=41, updatedAt=1597939200)


def test_what_the_vendor_pushed_is_kept_whole_and_what_only_stands_there_is_never_refused() -> None:
    odd = {"answerTime": "never", "businessPriority": "high", "originDataList": "[", "agentName": 1.5, "news": {"a": 1}}
    assert a_call(**odd, rounds=4).details == dict(sorted((CDR | odd).items()))


def test_a_transcript_waits_for_its_call_under_an_id_of_its_side() -> None:
    for side, name in (("agent", "agent"), ("client", "client"), (None, "all"), ("", "all"), ("ALL", "all")):
        said = a_transcript(recordSide=side)
        assert (said.call, said.enterprise, said.id) == ("1597888058.638", "110Y-a", f"1597888058.638/{name}")
        assert said.side == (None if name == "all" else name)


def test_a_transcript_s_utterances_keep_their_order_and_units() -> None:
    item = {
        "channelId": 1,
        "beginTime": 4670,
        "endTime": "15570",
        "emotionValue": 6.5,
        "silenceDuration": 4,
        "speechRate": "220",
        "text": "您好",
    }
    first, second = a_transcript(asrText={"bizDuration": 9, "result": [item, {"text": None}]}).utterances
    assert (first.channel, first.begin_ms, first.end_ms, first.emotion) == (1, 4670, 15570, 6.5)
    assert (first.silence_ms, first.rate, first.text) == (4, 220.0, "您好")
    assert (second.text, second.begin_ms) == ("", None)


def test_a_transcript_in_a_csv_is_json_text() -> None:
    assert a_transcript(asrText=json.dumps(ASR["asrText"])) == a_transcript()
    assert a_transcript().details == {"bizDuration": 9, "uniqueId": "1597888058.638", "userId": "110Y-a"}


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"recordSide": "IN"}, "recordSide"),
        ({"asrText": "{"}, "asrText"),
        ({"asrText": [1]}, "asrText"),
        ({"asrText": {"result": "x"}}, "asrText.result"),
        ({"asrText": {"result": [1]}}, "asrText.result"),
        ({"asrText": {"result": [{"text": 1.5}]}}, "text"),
        ({"asrText": {"result": [{"beginTime": -1}]}}, "beginTime"),
        ({"asrText": {"result": [{"speechRate": "nan"}]}}, "speechRate"),
        ({"asrText": {"result": [{"text": "嗯"}] * 20_001}}, "asrText.result"),
    ],
)
def test_a_transcript_that_can_t_be_meant_is_refused_by_its_field(fields: dict[str, Any], at_fault: str) -> None:
    with pytest.raises(house.InputInvalid) as invalid:
        a_transcript(**fields)
    assert invalid.value.field == at_fault


def test_a_transcript_without_text_or_call_is_missing_it() -> None:
    for field in ("asrText", "uniqueId"):
        with pytest.raises(house.InputMissing) as missing:
            a_transcript(**{field: None})
        assert missing.value.field == field


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSONS = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3)
)
FIELDS = ("uniqueId", "userId", "customerNumber", "startTime", "endTime", "createTime", "answerTime", "bridgeDuration")
OTHER_FIELDS = (
    "rounds",
    "updatedAt",
    "customerCity",
    "originDataList",
    "asrText",
    "recordSide",
    "businessPriority",
    "x",
)


@given(st.dictionaries(st.sampled_from([*FIELDS, *OTHER_FIELDS]), JSONS))
def test_any_row_becomes_a_sound_fact_or_is_refused_with_a_field(row: dict[str, Any]) -> None:
    for parse in (inward.call, inward.transcript):
        refused: house.Refused | None = None
        try:
            (fact,) = parse(CDR | ASR | row, SHANGHAI).facts
            plain = msgspec.to_builtins(fact) | {"details": {}}
            assert msgspec.convert(plain, type(fact)).id == fact.id
        except (house.InputMissing, house.InputInvalid) as error:
            refused = error
        assert refused is None or (refused.field and refused.reason)


# ── ways out ──────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.text(st.characters(codec="utf-8")))
def test_ascii_json_is_the_same_json(text: str) -> None:
    escaped = outward.ascii_json(msgspec.json.encode([text]))
    assert escaped.isascii()
    assert json.loads(escaped) == [text]


def test_a_row_names_its_newest_ten_thousand_calls_and_counts_them_all() -> None:
    refs = tuple(CallRef(f"u-{n:05}", NOW + timedelta(seconds=n // 2)) for n in range(10_003))
    marks = tuple(
        CallMark("意向", "高", checked=True, added=False, deleted=False, second=None, call=ref) for ref in refs
    )
    page = PortraitPage(1, (PortraitRow("1", Calls(count=10_003), refs, marks),))
    body = json.loads(outward.page(page, login_name="a", offset=0, limit=10, request_id="r", for_sdk=False))
    (row,) = body["data"]
    assert row["totalCallCount"] == 10_003
    assert len(row["cdrIds"]) == 10_000
    assert row["cdrIds"][:3] == ["u-10002", "u-10000", "u-10001"]
    assert row["portraitDetails"][0]["cdrIds"] == row["cdrIds"]
    assert "startTime" not in row["portraitDetails"][0]


# ── errors ────────────────────────────────────────────────────────────────────────────────────────────────────────

STATUS = {
    "AuthFailure": 401,
    "InvalidParameter": 400,
    "MissingParameter": 400,
    "UnknownParameter": 400,
    "MissingRequestBody": 400,
    "MissingAuthenticationToken": 400,
    "HttpMediaTypeNotSupported": 400,
    "UnauthorizedOperation": 403,
    "SignaturesExpired": 403,
    "ResourceNotFound": 404,
    "HttpRequestMethodNotSupported": 405,
    "TooManyRequests": 429,
    "InternalError": 500,
}


def words_of(error: house.Refused) -> tuple[int, str, str]:
    """Status, code and message of an answer that is nothing but a refusal."""
    status, body = errors.answer(error, request_id="r")
    assert body.isascii()
    refusal = msgspec.json.decode(body, type=wire.Refusal)
    assert refusal.requestId == "r"
    return status, refusal.error.code, refusal.error.message


def test_every_error_of_the_house_has_a_word_of_the_vendor_s_table() -> None:
    answers = {kind: words_of(kind(field="x", reason="y")) for kind in house.Refused.__subclasses__()}
    assert {code: status for status, code, _ in answers.values()}.items() <= STATUS.items()
    assert [kind for kind, (_, code, _) in answers.items() if code == "InternalError"] == [house.Failed]


def test_a_missing_credential_and_a_missing_body_have_words_of_their_own() -> None:
    fields = {"AccessKeyId": "MissingAuthenticationToken", "Signature": "MissingAuthenticationToken"}
    for field, code in (fields | {"body": "MissingRequestBody", "offset": "MissingParameter"}).items():
        assert words_of(house.InputMissing(field=field))[:2] == (400, code)


def test_an_error_without_a_word_has_its_parent_s_and_a_failure_says_nothing() -> None:
    late = type("Late", (house.CredentialExpired,), {})
    assert words_of(late(reason="y"))[:2] == (403, "SignaturesExpired")
    assert words_of(house.Refused(reason="a password")) == (500, "InternalError", "系统内部错误")
    assert words_of(house.Failed(reason="a password")) == (500, "InternalError", "系统内部错误")


# ── a page put together ───────────────────────────────────────────────────────────────────────────────────────────

words = st.text(max_size=8) | st.sampled_from(
    ['","retry":0,"customerNumber":', '"', "\\", '\\","retry":0,"customerNumber":', "画像😀"]
)
portrait_rows = st.builds(
    PortraitRow,
    number=words,
    calls=st.builds(
        Calls,
        count=st.integers(1, 9),
        durations=st.integers(0, 3),
        duration_sum=st.integers(0, 99),
        duration_max=st.none() | st.integers(0, 99),
        rounds=st.integers(0, 3),
        round_sum=st.integers(0, 99),
        round_max=st.none() | st.integers(0, 99),
        newest=st.none() | st.builds(NewestCall, st.just(Order(NOW, 0, "1", UUID(int=0))), words, st.none() | words),
    ),
    call_refs=st.lists(st.builds(CallRef, words, st.just(NOW)), max_size=2).map(tuple),
    marks=st.lists(
        st.builds(
            CallMark,
            type=words,
            name=words,
            checked=st.booleans(),
            added=st.booleans(),
            deleted=st.booleans(),
            second=st.none() | st.integers(0, 9),
            call=st.builds(CallRef, words, st.just(NOW)),
        ),
        max_size=2,
    ).map(tuple),
)


@given(st.lists(portrait_rows, max_size=4), st.integers(0, 10**9), words, st.booleans())
def test_a_page_put_together_from_prepared_rows_is_the_page(
    rows: list[PortraitRow], total: int, login_name: str, for_sdk: bool
) -> None:
    whole = outward.page(
        PortraitPage(total, tuple(rows)), login_name=login_name, offset=3, limit=7, request_id="r", for_sdk=for_sdk
    )
    opening = outward.opening(login_name)
    body = b"".join(opening + outward.prepared(row) for row in rows)[1:]
    fit = outward.for_sdk(body) if for_sdk else body
    assert outward.head(total, offset=3, limit=7, request_id="r") + fit + outward.TAIL == whole


# ── golden cases ──────────────────────────────────────────────────────────────────────────────────────────────────


def golden(*patterns: str) -> list[Any]:
    """The cases of these names, as parameters."""
    paths = sorted(path for pattern in patterns for path in GOLDEN.glob(pattern))
    return [pytest.param(json.loads(path.read_text(encoding="utf-8")), id=path.stem) for path in paths]


def rows_of(records: list[dict[str, Any]]) -> list[tuple[Identifier, PortraitRow]]:
    """The obvious fold: a row a number, its newest call's spelling and city, marks under their calls."""
    parsers = {form.name: form.parse for form in inward.FORMATS}
    facts = [
        msgspec.convert(record["row"], Mark)
        if record["as"] == "facts"
        else parsers[record["as"]](record["row"], SHANGHAI).facts[0]
        for record in records
    ]
    calls: defaultdict[Identifier, list[Call]] = defaultdict(list)
    for fact in facts:
        if isinstance(fact, Call):
            calls[normalise(fact.identifiers[0])].append(fact)
    marks = [fact for fact in facts if isinstance(fact, Mark)]
    rows = [(number, row_of(found, marks)) for number, found in calls.items()]
    return sorted(rows, key=lambda pair: pair[1].number, reverse=True)


def row_of(calls: list[Call], marks: list[Mark]) -> PortraitRow:
    total = Calls()
    refs: dict[tuple[str, str | None], CallRef] = {}
    for call in calls:
        assert call.at is not None
        refs[call.enterprise, call.id] = CallRef(f"{call.enterprise}-{call.id}", call.at)
        total += Calls(
            count=1,
            durations=int(call.duration is not None),
            duration_sum=call.duration or 0,
            duration_max=call.duration,
            rounds=int(call.rounds is not None),
            round_sum=call.rounds or 0,
            round_max=call.rounds,
            newest=NewestCall(Order(call.at, 0, call.id or "", UUID(int=0)), call.identifiers[0].value, call.city),
        )
    gone = {(mark.call, mark.name) for mark in marks if mark.deleted}
    standing = tuple(
        CallMark(
            type=mark.type,
            name=mark.name,
            checked=mark.by == "check",
            added=mark.by == "person",
            deleted=(mark.call, mark.name) in gone,
            second=mark.second,
            call=refs[mark.enterprise, mark.call],
        )
        for mark in marks
        if not mark.deleted and (mark.enterprise, mark.call) in refs
    )
    assert total.newest is not None
    return PortraitRow(total.newest.spelling, total, tuple(refs.values()), standing)


def page_of(records: list[dict[str, Any]], query: wire.CustomerPortraitQuery) -> PortraitPage:
    wanted = {normalise(Mention(kind="phone", value=number)) for number in query.customerNumber}
    found = [
        row
        for number, row in rows_of(records)
        if (not wanted or number in wanted)
        and all(
            any(label in {mark.name, f"{mark.type}/{mark.name}"} for mark in row.marks if not mark.deleted)
            for label in query.portraits
        )
    ]
    return PortraitPage(len(found), tuple(found[query.offset : query.offset + query.limit]))


def sent(request: dict[str, Any]) -> list[tuple[str, str]]:
    """The pairs that the case's client sends."""
    wrong = request.get("sign", {})
    stamp = (NOW - timedelta(seconds=wrong.get("age_s", 0))).strftime("%Y-%m-%dT%H:%M:%SZ")
    pairs = [
        ("AccessKeyId", wrong.get("access_key_id", KEY)),
        ("Expires", wrong.get("expires", "5")),
        ("Timestamp", wrong.get("timestamp", stamp)),
        *((name, value) for name, value in request["query"]),
    ]
    pairs.append(
        ("Signature", signing.sign(wrong.get("secret", SECRET), request["method"], HOST, request["path"], pairs))
    )
    return [(name, value) for name, value in pairs if name not in wrong.get("leave_out", ())]


def received(case: dict[str, Any]) -> wire.CustomerPortraitQuery:
    """What the server reads of the case's request, or the error that it raises."""
    request = case["request"]
    raw = "&".join(f"{signing.enc(name)}={signing.enc(value)}" for name, value in sent(request))
    pairs = signing.decode_query(raw.encode())
    claimed = signing.claim(pairs)
    secret = SECRET if claimed.access_key_id == KEY else None
    clock = case["given"].get("key", {}).get("clock", "both")
    signing.verify(claimed, request["method"], HOST, request["path"], secret=secret, clock=clock, now=NOW)
    return wire.read_query(pairs)


def in_order(body: bytes | str) -> Json:
    """JSON whose objects compare with the order of their keys; `requestId` is any."""
    return json.loads(body, object_pairs_hook=lambda pairs: [(k, "*" if k == "requestId" else v) for k, v in pairs])


@pytest.mark.parametrize(
    "case",
    golden("page_*.json", "sdk_*.json", "retry_*.json", "values_*.json", "details_*.json", "a_*.json", "clock_*.json"),
)
def test_a_golden_page_is_answered_key_for_key(case: dict[str, Any]) -> None:
    query = received(case)
    retry = case["given"].get("key", {}).get("retry", "auto")
    sdk = case["request"].get("headers", {}).get("User-Agent", "").startswith("Apache-HttpClient/")
    for_sdk = retry == "never" or (retry == "auto" and sdk)
    body = outward.page(
        page_of(case["given"]["records"], query),
        login_name=case["given"]["tenant"]["login_name"],
        offset=query.offset,
        limit=query.limit,
        request_id="6b5d80f7-0127-4274-b9c0-fbaa9c1a740d",
        for_sdk=for_sdk,
    )
    assert in_order(body) == in_order(json.dumps(case["response"]["json"]))
    assert not for_sdk or body.isascii()
    msgspec.json.decode(body, type=wire.CustomerPortraitAnswer)


@pytest.mark.parametrize("case", golden("refused_*.json"))
def test_a_golden_refusal_is_answered_word_for_word(case: dict[str, Any]) -> None:
    with pytest.raises(house.Refused) as refused:
        received(case)
    status, body = errors.answer(refused.value, request_id="r")
    assert status == case["response"]["status"]
    assert in_order(body) == in_order(json.dumps(case["response"]["json"]))

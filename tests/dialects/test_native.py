"""The native dialect without a server: batches to facts and rejects, rows to facts, customers to bytes, refusals.

Golden cases are data under `tests/golden/native`.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang import errors as house
from huaxiang.dialects import native
from huaxiang.dialects.native import errors, inward, outward, wire
from huaxiang.model import AnyFact, Call, Customer, Mention, Outcome, Record, Reject

GOLDEN = sorted((Path(__file__).parent.parent / "golden" / "native").glob("*.json"))
README = Path(str(native.__file__)).with_name("README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def cases(given_name: str) -> list[Any]:
    """The golden cases that are given such a thing."""
    loaded = [(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in GOLDEN]
    return [pytest.param(case, id=name) for name, case in loaded if given_name in case["given"]]


def batch(*facts: object) -> bytes:
    return json.dumps({"facts": facts}).encode()


@pytest.mark.parametrize("case", cases("customer"))
def test_a_customer_is_shown_as_the_golden_case_says(case: dict[str, Any]) -> None:
    customer = msgspec.convert(case["given"]["customer"], Customer)
    body = outward.customer(customer)
    assert body.decode() == json.dumps(case["response"]["body"], ensure_ascii=False, separators=(",", ":"))
    msgspec.json.decode(body, type=wire.Customer, strict=True)


@pytest.mark.parametrize("case", cases("landed"))
def test_a_batch_is_answered_as_the_golden_case_says(case: dict[str, Any]) -> None:
    facts, rejects = inward.decode_batch(json.dumps(case["request"]["body"]).encode(), SHANGHAI)
    assert len(facts) == case["given"]["landed"]
    body = outward.outcome(Outcome(landed=len(facts)), rejects)
    assert json.loads(body) == case["response"]["body"]


@pytest.mark.parametrize("case", cases("refused"))
def test_a_refusal_is_worded_as_the_golden_case_says(case: dict[str, Any]) -> None:
    refused = getattr(house, case["given"]["refused"])(**case["given"].get("fields", {}))
    status, body = errors.answer(refused, request_id=case["response"]["body"]["request_id"])
    assert (status, json.loads(body)) == (case["response"]["status"], case["response"]["body"])


def test_every_refusal_of_the_house_has_a_word() -> None:
    for kind in house.Refused.__subclasses__():
        status, body = errors.answer(kind(field="f", reason="why"), request_id="r")
        answer = msgspec.json.decode(body, type=wire.Refusal)
        assert answer.error.code == kind.code
        assert answer.error.reason
        assert (status == 500) == (kind is house.Failed), kind


def test_a_failure_says_nothing_of_itself() -> None:
    assert b"secret" not in errors.answer(house.Failed(field="secret", reason="secret"), request_id="r")[1]


def test_a_refusal_without_a_word_answers_as_a_failure() -> None:
    assert errors.answer(house.Refused(reason="secret"), request_id="r") == errors.answer(
        house.Failed(), request_id="r"
    )


def test_the_readme_shows_one_good_fact_of_each_kind() -> None:
    body = "\n".join(example.replace("\n", " ") for example in EXAMPLES)
    facts, rejects = inward.decode_lines(body.encode(), SHANGHAI)
    assert rejects == []
    assert sorted(type(fact).__name__ for _, fact in facts) == sorted(kind.__name__ for kind in get_args(AnyFact))


def test_the_readme_names_every_refusal_and_its_status() -> None:
    for kind in house.Refused.__subclasses__():
        status, _ = errors.answer(kind(), request_id="r")
        assert re.search(rf"\b{status}\b[^;.]*`{kind.code}`", README), kind.code


def test_one_bad_fact_does_not_refuse_the_batch() -> None:
    good = {"kind": "call", "source": "x"}
    facts, rejects = inward.decode_batch(
        batch(good, {"source": "x"}, {**good, "city": 7}, 7, {**good, "identifiers": [{"kind": "phone"}]}, good),
        SHANGHAI,
    )
    assert [line for line, _ in facts] == [1, 6]
    assert [(one.line, one.field) for one in rejects] == [
        (2, "kind"),
        (3, "city"),
        (4, ""),
        (5, "identifiers[0].value"),
    ]


@pytest.mark.parametrize(
    ("fact", "field"),
    [
        ({"kind": "13667679151"}, "kind"),
        ({"kind": "transcript", "call": "c", "side": "13667679151"}, "side"),
        ({"kind": "call", "duration": "13667679151"}, "duration"),
        ({"kind": "call", "at": "13667679151"}, "at"),
        ({"kind": "call", "at": "0001-01-01T00:00:00Z"}, "at"),
        ({"kind": "call", "traits": {"": 1}}, "traits"),
        ({"kind": "call", "extra": 1}, "extra"),
        ({"kind": "call", "identifiers": [{"kind": "Phone 13667679151", "value": "1"}]}, "identifiers[0].kind"),
        ({"kind": "call", "identifiers": [{"kind": "phone", "value": "1"}] * 33}, "identifiers"),
        ({"kind": "call", "origin": {"upstream": {"kind": "phone"}}}, "origin.upstream.value"),
    ],
)
def test_a_reject_names_the_field_and_never_the_value(fact: dict[str, Any], field: str) -> None:
    facts, rejects = inward.decode_batch(batch({"source": "x", **fact}), SHANGHAI)
    assert facts == []
    assert (rejects[0].line, rejects[0].field) == (1, field)
    assert rejects[0].reason
    assert "13667679151" not in rejects[0].reason


@pytest.mark.parametrize(
    ("body", "refused", "field"),
    [
        (b"", house.InputInvalid, ""),
        (b"[]", house.InputInvalid, ""),
        (b"\xff", house.InputInvalid, ""),
        (b'{"facts":["\\ud800"]}', house.InputInvalid, ""),
        (b'{"facts":' + b"[" * 200_000, house.InputInvalid, ""),
        (b"{}", house.InputMissing, "facts"),
        (b'{"facts":7}', house.InputInvalid, "facts"),
        (b'{"facts":[],"fact":7}', house.InputUnknown, "fact"),
        (b'{"facts":[' + b"1," * 10_000 + b"1]}", house.InputTooLarge, "facts"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(body: bytes, refused: type[house.Refused], field: str) -> None:
    with pytest.raises(refused) as caught:
        inward.decode_batch(body, SHANGHAI)
    assert (type(caught.value), caught.value.field) == (refused, field)


def test_text_that_is_not_utf8_and_values_nested_without_end_cost_only_their_own_fact() -> None:
    deep = b'{"kind":"call","source":"x","traits":{"a":' + b"[" * 500 + b"]" * 500 + b"}}"
    wide = b'{"kind":"call","source":"x","traits":{"a":"' + b"[" * 500 + b'"}}'
    facts, rejects = inward.decode_batch(b'{"facts":[{"kind":"call","source":"\xff"},%b,%b]}' % (deep, wide), SHANGHAI)
    assert [line for line, _ in facts] == [3]
    assert [one.line for one in rejects] == [1, 2]


def test_json_lines_are_a_batch_whose_lines_count_empty_ones_too() -> None:
    body = b'\xef\xbb\xbf{"kind":"call","source":"x"}\r\n\r\n{"kind":"mark","source":"x"}\n{"kind"\n'
    facts, rejects = inward.decode_lines(body, SHANGHAI)
    assert [line for line, _ in facts] == [1]
    assert [(one.line, one.field) for one in rejects] == [(3, "call"), (4, "")]


def test_more_json_lines_than_the_limit_are_refused() -> None:
    with pytest.raises(house.InputTooLarge):
        inward.decode_lines(b"1\n" * 10_001, SHANGHAI)


def test_a_time_without_a_zone_is_in_the_tenants_and_every_time_is_kept_in_utc() -> None:
    times = ("2024-05-01T08:00:00", "2024-05-01 08:00:00", "2024-05-01T08:00:00+08:00", "2024-05-01T00:00:00Z")
    facts, _ = inward.decode_batch(batch(*({"kind": "call", "source": "x", "at": at} for at in times)), SHANGHAI)
    assert [fact for _, fact in facts] == [Call(source="x", at=datetime(2024, 5, 1, tzinfo=UTC))] * 4
    assert {fact.at.tzinfo for _, fact in facts if fact.at} == {UTC}


@given(st.binary() | st.text().map(str.encode))
def test_whatever_a_body_holds_it_is_taken_or_refused(body: bytes) -> None:
    for decode in (inward.decode_batch, inward.decode_lines):
        try:
            facts, rejects = decode(body, SHANGHAI)
        except house.Refused as refused:
            assert refused.reason  # noqa: PT017 (a body may be good or bad: both are facts to check)
        else:
            assert len(facts) + len(rejects) <= body.count(b"\n") + 1


def test_a_row_of_a_table_says_what_the_fact_says() -> None:
    row = {
        "kind": "record",
        "source": "crm",
        "id": 7,
        "record": 7,
        "deleted": "true",
        "owner": "",
        "city": None,
        "updated_at": "2024-05-01 08:00:00",
        "identifiers": '[{"kind":"phone","value":"13667679151"}]',
        "details": '{"grade":"A"}',
    }
    at = datetime(2024, 5, 1, tzinfo=UTC)
    assert inward.fact(row, SHANGHAI).facts == (
        Record(
            source="crm",
            id="7",
            record="7",
            deleted=True,
            updated_at=at,
            identifiers=(Mention(kind="phone", value="13667679151"),),
            details={"grade": "A"},
        ),
    )


@pytest.mark.parametrize(
    ("row", "refused", "field"),
    [
        ({"kind": "call"}, house.InputMissing, "source"),
        ({"source": "x"}, house.InputMissing, "kind"),
        ({"kind": "call", "source": "x", "unknown": "1"}, house.InputInvalid, "unknown"),
        ({"kind": "call", "source": "x", "duration": "1.5"}, house.InputInvalid, "duration"),
        ({"kind": "call", "source": "x", "identifiers": "13667679151x"}, house.InputInvalid, "identifiers"),
        ({"kind": "call", "source": "x", "identifiers": [7] * 33}, house.InputInvalid, "identifiers"),
    ],
)
def test_a_bad_row_is_refused_by_the_name_of_its_field(
    row: dict[str, Any], refused: type[house.Refused], field: str
) -> None:
    with pytest.raises(refused) as caught:
        inward.fact(row, SHANGHAI)
    assert (type(caught.value), caught.value.field.partition("[")[0]) == (refused, field)


def test_a_lookup_takes_a_thousand_identifiers_and_no_more() -> None:
    one = {"kind": "phone", "value": "13667679151"}
    mention = Mention(kind="phone", value="13667679151")
    assert inward.decode_lookup(json.dumps({"identifiers": [one]}).encode()) == [mention]
    assert len(inward.decode_lookup(json.dumps({"identifiers": [one] * 1000}).encode())) == 1000
    with pytest.raises(house.InputTooLarge):
        inward.decode_lookup(json.dumps({"identifiers": [one] * 1001}).encode())
    with pytest.raises(house.InputMissing):
        inward.decode_lookup(b"{}")


def test_a_lookup_answers_in_the_order_asked_with_null_for_the_unknown() -> None:
    assert json.loads(outward.customers([None, None])) == {"customers": [None, None]}


def test_rejects_from_before_and_after_landing_stand_by_line() -> None:
    answer = outward.outcome(
        Outcome(landed=1, rejects=(Reject(3, "a", "x"),)), [Reject(5, "b", "y"), Reject(1, "", "z")]
    )
    assert [one["line"] for one in json.loads(answer)["rejected"]] == [1, 3, 5]


def test_a_number_past_2_to_the_53_is_shown_to_the_last_digit() -> None:
    case = cases("customer")[0].values[0]
    customer = msgspec.structs.replace(msgspec.convert(case["given"]["customer"], Customer), id=2**63 - 1)
    assert outward.customer(customer).startswith(b'{"id":9223372036854775807,')


def test_long_lists_are_cut_and_their_counts_are_not() -> None:
    given_one = msgspec.convert(cases("customer")[0].values[0]["given"]["customer"], Customer)
    mark = given_one.summary.marks[0]
    marks = tuple(
        msgspec.structs.replace(mark, call=msgspec.structs.replace(mark.call, label=f"c-{index:04}"))
        for index in range(150)
    )
    customer = msgspec.structs.replace(given_one, summary=msgspec.structs.replace(given_one.summary, marks=marks))
    shown = outward.shown(customer).marks[0]
    assert (shown.calls, len(shown.newest), shown.newest[0].call) == (150, 100, "c-0000")

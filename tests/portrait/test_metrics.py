"""The call's own metrics: what is compared with what, and what a metric that is not there holds."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from huaxiang.model import Call, Json
from huaxiang.portrait.metrics import failing
from huaxiang.portrait.rules import Bounds, Clock, OfCall, Value

SHANGHAI = ZoneInfo("Asia/Shanghai")


def holds(value: Value, told: Json, path: str = "x") -> bool:
    details: dict[str, Json] = {} if told is None else {"x": told}
    return failing(OfCall(details={path: value}), Call(source="test", details=details), None, SHANGHAI) is None


COMPARED: list[tuple[Value, list[Json], list[Json]]] = [
    (Value(one_of=("售后",)), ["售后", ["售前", "售后"]], ["售前", [], {}, True, None]),
    (Value(one_of=("ＶＩＰ",)), ["vip", "VIP"], ["vi"]),
    (Value(one_of=("60",)), ["60", 60, "６０"], ["060", 60.5]),
    (Value(one_of=(60.0,)), [60, 60.0, "60", " 60 ", "60.0"], [61, "６1", "sixty", True]),
    (Value(one_of=(True,)), [True, [False, True]], [False, 1, "true"]),
    (Value(one_of=(1.0,)), [1, "1"], [True]),
    (Value(one_of=("a", 2.0)), ["a", 2], ["b", 3]),
    (Value(bounds=Bounds(at_least=60, below=90)), [60, "89.5", [1, 70]], [59, 90, "many", [1, 99], {}, True, None]),
    (Value(bounds=Bounds(above=0, at_most=1)), [1, 0.5], [0, 1.5]),
    (Value(exists=True), [0, "", False, [], {}], [None]),
    (Value(exists=False), [None], [0, ""]),
    (Value(one_of=(5.0, 70.0), bounds=Bounds(above=60)), [70], [5, 61]),
]


@pytest.mark.parametrize(("value", "held", "not_held"), COMPARED)
def test_a_value_is_compared_by_its_kind(value: Value, held: list[Json], not_held: list[Json]) -> None:
    assert [told for told in held if not holds(value, told)] == []
    assert [told for told in not_held if holds(value, told)] == []


def test_a_path_leads_into_objects_and_a_name_with_dots_comes_first() -> None:
    three = Value(one_of=(3.0,))
    assert holds(three, {"y": {"z": 3}}, "x.y.z")
    assert not holds(three, {"y": 3}, "x.y.z")
    assert not holds(three, [{"y": 3}], "x.y")
    call = Call(source="test", details={"x.y": 3, "x": {"y": 4}})
    assert failing(OfCall(details={"x.y": three}), call, None, SHANGHAI) is None


def test_the_rounds_of_the_transcript_come_before_those_that_the_source_counted() -> None:
    condition = OfCall(rounds=Value(one_of=(2.0,)))
    call = Call(source="test", rounds=2)
    assert [failing(condition, call, rounds, SHANGHAI) for rounds in (None, 2, 0)] == [None, None, "rounds"]


@pytest.mark.parametrize(
    ("clock", "held"),
    [
        (Clock(9 * 60, 18 * 60), [*range(9, 18)]),
        (Clock(22 * 60, 6 * 60), [*range(6), 22, 23]),
        (Clock(0, 24 * 60), [*range(24)]),
        (Clock(18 * 60, 0), [*range(18, 24)]),
    ],
)
def test_the_time_of_day_is_that_of_the_rulesets_zone(clock: Clock, held: list[int]) -> None:
    condition = OfCall(time=clock)
    found = [
        hour
        for hour in range(24)
        if failing(
            condition,
            Call(source="test", at=datetime(2026, 1, 5, hour, tzinfo=SHANGHAI).astimezone(UTC)),
            None,
            SHANGHAI,
        )
        is None
    ]
    assert found == held


def test_what_the_call_does_not_have_does_not_hold_and_is_named() -> None:
    any_value = Value(bounds=Bounds(at_least=0))
    call = Call(source="test")
    assert failing(OfCall(duration=any_value), call, None, SHANGHAI) == "duration"
    assert failing(OfCall(city=Value(one_of=("上海",))), call, None, SHANGHAI) == "city"
    assert failing(OfCall(time=Clock(0, 1440)), call, None, SHANGHAI) == "time"
    assert failing(OfCall(details={"a.b": any_value}), call, None, SHANGHAI) == "details.a.b"
    assert failing(OfCall(), call, None, SHANGHAI) is None

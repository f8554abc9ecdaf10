"""Identifiers: real spellings as data, the two ways to normalise a mobile, what identifies nobody, the keyed names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import carrier as carriers

from huaxiang.errors import InputInvalid
from huaxiang.identifiers import carrier, home, identifies, node_of, normalise, record_key
from huaxiang.model import Identifier, Mention

GOLDEN = Path(__file__).parent / "golden" / "identifiers"
KEY = bytes(range(32))
A_MOBILE = Identifier("phone", "+8613977952899")

names = st.text(max_size=12)


def cases(name: str) -> list[Any]:
    """Give the golden cases of a file, each named by what is given."""
    rows = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(row, id=f"{number}-{row['given'][:24]!a}") for number, row in enumerate(rows, 1)]


def by_the_library(spelled: str) -> Identifier:
    """Give what the phone library alone makes of a number: the slow and obvious way."""
    try:
        number = phonenumbers.parse(spelled, "CN")
    except phonenumbers.NumberParseException:
        return Identifier("raw_number", spelled)
    if phonenumbers.is_valid_number(number):
        return Identifier("phone", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return Identifier("raw_number", spelled)


# ── spelling ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("case", cases("phones"))
def test_a_phone_as_people_spell_it_is_the_number_that_is_meant(case: dict[str, str]) -> None:
    assert normalise(Mention("phone", case["given"])) == Identifier(case["kind"], case["value"])


@pytest.mark.parametrize("case", [case for case in cases("phones") if case.values[0]["kind"] == "phone"])
def test_a_normalised_phone_normalises_to_itself(case: dict[str, str]) -> None:
    assert normalise(Mention("phone", case["value"])) == Identifier("phone", case["value"])


def test_the_short_way_agrees_with_the_library_on_every_five_digit_prefix() -> None:
    for prefix in range(10_000, 20_000):
        for subscriber in ("000000", "138000", "999999"):
            spelled = f"{prefix}{subscriber}"
            assert normalise(Mention("phone", spelled)) == by_the_library(spelled)


@given(st.integers(min_value=10_000_000_000, max_value=19_999_999_999))
def test_the_short_way_agrees_with_the_library_on_any_eleven_digits(digits: int) -> None:
    assert normalise(Mention("phone", str(digits))) == by_the_library(str(digits))
    assert normalise(Mention("phone", f"+86{digits}")) == by_the_library(f"+86{digits}")


@given(st.text(min_size=1, max_size=256))
def test_any_text_as_a_phone_is_a_phone_or_a_raw_number_or_refused(text: str) -> None:
    try:
        found = normalise(Mention("phone", text))
    except InputInvalid:
        return
    assert found.kind in {"phone", "raw_number"}
    assert found.value
    assert normalise(Mention(found.kind, found.value)) == found


@pytest.mark.parametrize("spelled", ["1.39E+10", "1.39e10", "1.397795E+10", "1E+10", " 1.39E+10 ", "１.39Ｅ+10"])
def test_a_number_that_a_spreadsheet_broke_is_refused(spelled: str) -> None:
    with pytest.raises(InputInvalid, match="spreadsheet"):
        normalise(Mention("phone", spelled))


@pytest.mark.parametrize("case", cases("emails"))
def test_an_email_is_one_address_in_lower_case_or_refused(case: dict[str, str]) -> None:
    if "refused" in case:
        with pytest.raises(InputInvalid, match=case["refused"]):
            normalise(Mention("email", case["given"]))
    else:
        assert normalise(Mention("email", case["given"])) == Identifier("email", case["value"])


@given(st.emails())
def test_a_normalised_email_normalises_to_itself(address: str) -> None:
    found = normalise(Mention("email", address))
    assert normalise(Mention("email", found.value)) == found


@given(st.text(alphabet="0123456789+-() .,;#x转/~ext=\u3000\uff11\u200b", min_size=1, max_size=30))
def test_a_text_made_of_what_numbers_are_made_of_normalises_once_for_all(text: str) -> None:
    try:
        found = normalise(Mention("phone", text))
    except InputInvalid:
        return
    assert normalise(Mention(found.kind, found.value)) == found
    assert isinstance(identifies(found), bool)


@pytest.mark.parametrize(
    "kind", ["unionid", "openid", "third_id", "crm_id", "external_userid", "audience_id", "new_kind"]
)
def test_an_id_keeps_its_case_and_its_width_and_loses_its_outer_blanks(kind: str) -> None:
    assert normalise(Mention(kind, " oAbＣ-1 \n")).value == "oAbＣ-1"


@pytest.mark.parametrize(
    "kind", ["phone", "raw_number", "email", "unionid", "openid", "third_id", "id_number", "new_kind"]
)
def test_a_blank_value_is_refused(kind: str) -> None:
    with pytest.raises(InputInvalid) as refusal:
        normalise(Mention(kind, " \u3000\t"))
    assert refusal.value.field == "identifiers"


def test_no_refusal_repeats_the_value() -> None:
    for kind, value in [("email", "li.lei at corp.cn"), ("phone", "1.39E+10")]:
        with pytest.raises(InputInvalid) as refusal:
            normalise(Mention(kind, value))
        assert value not in str(refusal.value)


def test_a_scope_stays_where_it_gives_the_value_its_meaning_and_nowhere_else() -> None:
    assert normalise(Mention("openid", "oAb", scope=" wx1 ")).scope == "wx1"
    assert normalise(Mention("third_id", "7", scope="company")).scope == "company"
    for kind, value in [("phone", "13977952899"), ("email", "a@b.cn"), ("unionid", "oAb"), ("raw_number", "95588")]:
        assert normalise(Mention(kind, value, scope="wx1")).scope == ""


def test_a_raw_number_given_as_one_stays_one() -> None:
    assert normalise(Mention("raw_number", " 139 7795 2899 ")) == Identifier("raw_number", "13977952899")


def test_an_id_number_is_written_in_capitals_without_blanks() -> None:
    assert normalise(Mention("id_number", "110105 19491231 002x")).value == "11010519491231002X"


# ── worth ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("case", cases("worth"))
def test_a_value_identifies_somebody_or_nobody(case: dict[str, Any]) -> None:
    identifier = normalise(Mention(case["kind"], case["given"], scope="wx1"))
    assert identifies(identifier) is case["identifies"]


@pytest.mark.parametrize(
    "entry", ["13977952899", "139 7795 2899", "+8613977952899", "phone:13977952899", "phone:+86 139-7795-2899"]
)
def test_a_blocked_number_identifies_nobody_however_the_entry_is_spelled(entry: str) -> None:
    assert not identifies(A_MOBILE, frozenset({"other", entry}))


def test_a_blocked_value_is_blocked_for_the_kind_that_is_named_or_for_all() -> None:
    third = Identifier("third_id", "A:7", "company")
    assert not identifies(third, frozenset({"A:7"}))
    assert not identifies(third, frozenset({"third_id:A:7"}))
    assert identifies(third, frozenset({"crm_id:A:7", "email:A:7", "13977952899"}))
    assert not identifies(Identifier("email", "li@corp.cn"), frozenset({"Li@Corp.cn"}))
    assert not identifies(Identifier("email", "li@corp.cn"), frozenset({"email: Li@Corp.cn"}))


def test_blocking_a_switchboard_leaves_its_extensions() -> None:
    blocked = frozenset({"0755-26738888"})
    assert not identifies(Identifier("phone", "+8675526738888"), blocked)
    assert identifies(Identifier("phone", "+8675526738888;ext=12"), blocked)


# ── names in the store ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_node_is_the_same_in_every_release() -> None:
    assert node_of(KEY, A_MOBILE) == UUID("81c23843-c6e5-2a3a-a4cf-d87850945b86")
    assert record_key(KEY, "tinet", "7600001", "call", "c-1") == UUID("0a92885f-63e3-1f57-073c-68e74d17d5c1")


def test_a_node_depends_on_key_kind_scope_value_and_epoch() -> None:
    nodes = {
        node_of(KEY, A_MOBILE),
        node_of(KEY[::-1], A_MOBILE),
        node_of(KEY, A_MOBILE, 1),
        node_of(KEY, Identifier("raw_number", A_MOBILE.value)),
        node_of(KEY, Identifier("phone", A_MOBILE.value, "wx1")),
        node_of(KEY, Identifier("phone", "+8613977952898")),
    }
    assert len(nodes) == 6


@given(st.tuples(names, names, names, names), st.tuples(names, names, names, names))
def test_two_lists_of_parts_have_one_record_key_only_if_they_are_equal(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert (record_key(KEY, *one) == record_key(KEY, *other)) is (one == other)


@given(names, names, st.integers(min_value=0, max_value=12))
def test_moving_the_boundary_between_scope_and_value_moves_the_node(scope: str, value: str, epoch: int) -> None:
    text = scope + value
    nodes = {node_of(KEY, Identifier("openid", text[cut:], text[:cut]), epoch) for cut in range(len(text) + 1)}
    assert len(nodes) == len(text) + 1


@given(names, names, names)
def test_a_record_key_is_no_node_of_the_same_parts(kind: str, scope: str, value: str) -> None:
    assert record_key(KEY, kind, scope, value, "0") != node_of(KEY, Identifier(kind, value, scope))


@pytest.mark.parametrize("length", [0, 15, 65])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="key"):
        node_of(bytes(length), A_MOBILE)
    with pytest.raises(ValueError, match="key"):
        record_key(bytes(length), "tinet", "", "call", "c-1")


# ── phones ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+8618910001234", 1),  # 电信
        ("+8613339938205", 1),
        ("+8619999999901", 1),
        ("+8618610001234", 2),  # 联通
        ("+8613012345678", 2),
        ("+8613977952899", 3),  # 移动
        ("+8613667679151", 3),  # as the Telrobot document says of its customer
        ("+8613667679151;ext=12", 3),
        ("+8619212345678", 0),  # 广电, for which the vendor has no code
        ("+8675526738888", 0),
        ("+864001234567", 0),
        ("+16502530000", 0),
        ("+85291234567", 0),
        ("95588", 0),
        ("+86", 0),
    ],
)
def test_a_mobile_has_the_carrier_that_issued_it_and_other_numbers_have_none(number: str, code: int) -> None:
    assert carrier(number) == code


def test_a_mobile_has_the_carrier_that_the_library_finds_for_any_number() -> None:
    numbers = [f"+861{second}{rest:09d}" for second in range(10) for rest in range(0, 10**9, 3_456_789)]
    named = {number: carriers.name_for_number(phonenumbers.parse(number), "zh") for number in numbers}
    codes = {"中国电信": 1, "中国联通": 2, "中国移动": 3}
    assert [number for number, name in named.items() if carrier(number) != codes.get(name, 0)] == []
    assert len(set(named.values())) > len(codes)


def test_the_home_of_a_number_is_asked_here_too() -> None:
    place = home("+8613977952899")
    assert place is not None
    assert place.city == "北海市"

"""Places: every prefix of the phone library has a place, and the ids of the table stay what they are."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from typing import Any

import phonenumbers
import pytest
from phonenumbers.geodata import GEOCODE_DATA

from huaxiang.places import Home, home, parsed

TABLE: dict[str, Any] = json.loads(files("huaxiang").joinpath("places.json").read_text(encoding="utf-8"))
PROVINCES = {province["id"]: province for province in TABLE["provinces"]}
CITIES = {city["id"]: city for city in TABLE["cities"]}
MAINLAND = {prefix: words for prefix, words in GEOCODE_DATA.items() if prefix.startswith("86")}


def completed(prefix: str) -> str | None:
    """Give some valid number that begins with the prefix, or None where the library has none."""
    for length in (13, 12, 11, 10):
        for filler in "0258":
            spelled = "+" + prefix.ljust(length, filler)
            if phonenumbers.is_valid_number(phonenumbers.parse(spelled)):
                return spelled
    return None


def test_every_description_of_the_library_leads_to_one_city() -> None:
    known = Counter(text for city in TABLE["cities"] for text in city["descriptions"])
    assert set(known.values()) == {1}
    assert {words.get("zh") or words["en"] for words in MAINLAND.values()} == set(known)


def test_every_area_code_and_a_sample_of_the_mobile_prefixes_have_a_home() -> None:
    fixed = sorted(prefix for prefix in MAINLAND if not prefix.startswith("861") or prefix == "8610")
    mobiles = sorted(prefix for prefix in MAINLAND if prefix.startswith("861") and prefix != "8610")
    numbers = [number for prefix in [*fixed, *mobiles[::97]] if (number := completed(prefix))]
    assert len(numbers) > 1_000
    assert [number for number in numbers if home(number) is None] == []


@pytest.mark.parametrize(
    ("number", "province", "city"),
    [
        ("+861065551234", "北京市", "北京市"),
        ("+862162881234", "上海市", "上海市"),
        ("+862881234567", "四川省", "成都市"),
        ("+8675526738888", "广东省", "深圳市"),
        ("+8675526738888;ext=12", "广东省", "深圳市"),
        ("+867797251234", "广西壮族自治区", "北海市"),
        ("+868875551234", "云南省", "迪庆藏族自治州"),
        ("+868792123456", "云南省", "普洱市"),
        ("+867103451234", "湖北省", "襄阳市"),
        ("+863543051234", "山西省", "晋中市"),
        ("+863588231234", "山西省", "吕梁市"),
        ("+8613977952899", "广西壮族自治区", "北海市"),
        ("+8618819270183", "广东省", "广州市"),
        ("+8613339938205", "湖北省", "鄂州市"),
    ],
)
def test_a_number_is_at_home_where_its_prefix_was_given_out(number: str, province: str, city: str) -> None:
    place = home(number)
    assert place is not None
    assert (place.province, place.city) == (province, city)
    assert PROVINCES[place.province_id]["name"] == province
    assert CITIES[place.city_id]["name"] == city


@pytest.mark.parametrize(
    "number", ["+864001234567", "+8619999999901", "+85291234567", "+886912345678", "+16502530000", "95588", "+86", ""]
)
def test_a_number_without_a_home_on_the_mainland_has_none(number: str) -> None:
    assert home(number) is None


def test_a_number_that_is_read_without_the_librarys_parser_is_read_as_it_would_be() -> None:
    numbers = [f"+861{second}{rest:09d}" for second in range(10) for rest in range(0, 10**9, 1_234_567)]
    assert [number for number in numbers if parsed(number) != phonenumbers.parse(number)] == []


def test_all_provinces_are_there_under_their_public_codes() -> None:
    written = " ".join(f"{province['id']}{province['short']}" for province in TABLE["provinces"])
    assert written == (
        "11北京 12天津 13河北 14山西 15内蒙古 21辽宁 22吉林 23黑龙江 31上海 32江苏 33浙江 34安徽 35福建 36江西 "
        "37山东 41河南 42湖北 43湖南 44广东 45广西 46海南 50重庆 51四川 52贵州 53云南 54西藏 61陕西 62甘肃 63青海 "
        "64宁夏 65新疆 71台湾 81香港 82澳门"
    )


def test_a_city_has_one_id_under_its_own_province() -> None:
    assert len(CITIES) == len(TABLE["cities"])
    assert len({(city["province"], city["name"]) for city in TABLE["cities"]}) == len(TABLE["cities"])
    for city in TABLE["cities"]:
        assert city["id"] // 1000 == city["province"]
        assert city["province"] in PROVINCES
    assert set(TABLE["area_codes"].values()) <= set(CITIES)


def test_ids_once_given_stay() -> None:
    """The first and the last id of some provinces, as they were first given; a table made anew would move them."""
    given = {11001: "北京市", 13001: "保定市", 13011: "邯郸市", 44001: "东莞市", 44013: "深圳市", 44021: "韶关市"}
    given |= {45001: "北海市", 46001: "海口市", 50001: "重庆市", 65001: "乌鲁木齐市", 65015: "阿勒泰地区"}
    assert {city: CITIES[city]["name"] for city in given} == given
    assert home("+861065551234") == Home(province_id=11, city_id=11001, province="北京市", city="北京市")

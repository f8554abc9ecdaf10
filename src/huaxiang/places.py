"""The home of a telephone number -> province and city, with the project's own ids, which never change.

Takes an E.164 number. Gives a `Home`, or None for a number of another country and one that has no home (400, M2M).

The idea: the phone library's geocoding data says in words where a prefix was given out; `places.json` turns each of its
descriptions into an id. Fixed lines are found by area code, mobiles by their first seven digits.

Rule 1: a province's id is its code in GB/T 2260 (two digits).
Rule 2: a city's id is the project's own: the province's × 1000 + its place among them when they were written down.
Rule 3: an id once given is never changed, nor given again; a new city takes the next free number of its province.
Rule 4: where one description names several cities, the first of them is taken; `area_codes` corrects it where two codes
share one description. Former names lead to the city of today where it is the same one.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import msgspec
import phonenumbers

# Eleven digits of a mobile, none of which are a prefix that the library's parser would take off.
_PLAIN = re.compile(r"\+861(?:[3-689]\d|7[0-8])\d{8}", re.ASCII)


class Home(NamedTuple):
    """Where a number was given out: the project's ids, and the names in Chinese."""

    province_id: int
    city_id: int
    province: str
    city: str


class _Province(msgspec.Struct, frozen=True):
    id: int
    name: str
    short: str


class _City(msgspec.Struct, frozen=True):
    id: int
    province: int
    name: str
    descriptions: tuple[str, ...]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provinces: tuple[_Province, ...]
    cities: tuple[_City, ...]
    area_codes: dict[str, int]


@lru_cache(maxsize=16_384)
def home(value: str) -> Home | None:
    """The home of an E.164 number (with `;ext=` or without) of mainland China, as of its prefix; else None.

    The first call in a process loads the library's prefixes of all the world; a server calls it once before it serves.
    """
    if not value.startswith("+86"):
        return None
    number = parsed(value)
    if number is None:
        return None
    # An area code has three digits behind its zero, but for the two-digit ones, which need no correction.
    code = str(number.national_number)[:3]
    return _homes_by_area_code().get(code) or _homes_by_description().get(_description(number))


def parsed(value: str) -> phonenumbers.PhoneNumber | None:
    """An E.164 number as the library's parser reads it, a mobile of the mainland without its help; None for none."""
    if _PLAIN.fullmatch(value):
        return phonenumbers.PhoneNumber(country_code=86, national_number=int(value[3:]))
    try:
        return phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return None


def _description(number: phonenumbers.PhoneNumber) -> str:
    """What the library says in Chinese of the number's prefix."""
    # The library loads its whole geocoding data with the module, which only a server that asks for a home should pay.
    from phonenumbers import geocoder  # noqa: PLC0415  (for the reason above)

    return geocoder.description_for_valid_number(number, "zh")


@cache
def _table() -> _Table:
    return msgspec.json.decode(files("huaxiang").joinpath("places.json").read_bytes(), type=_Table)


@cache
def _homes_by_id() -> dict[int, Home]:
    provinces = {province.id: province.name for province in _table().provinces}
    return {
        city.id: Home(province_id=city.province, city_id=city.id, province=provinces[city.province], city=city.name)
        for city in _table().cities
    }


@cache
def _homes_by_description() -> dict[str, Home]:
    return {text: _homes_by_id()[city.id] for city in _table().cities for text in city.descriptions}


@cache
def _homes_by_area_code() -> dict[str, Home]:
    return {code: _homes_by_id()[city] for code, city in _table().area_codes.items()}

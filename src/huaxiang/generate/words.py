"""What the generated people are called, where they live and what they say: the package's data files, read once.

`names.json`: surnames with their frequency, given names, companies. `cities.json`: the larger cities, each with
prefixes of mobiles that were given out there (as the phone library knows them) and the area code, where fixed lines
have eight digits. `dialogues.json`: pieces of calls by topic, each with the mark that the quality check would give.

Rule 1: no prefix here is one of a number that the vendors' documents or the demo show, and none runs on one digit.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

import msgspec


class City(msgspec.Struct, frozen=True):
    """A city. `area_code`: "" where fixed lines are too short to be told apart. `prefixes`: seven digits each."""

    province: str
    city: str
    area_code: str
    prefixes: str


class GivenNames(msgspec.Struct, frozen=True):
    """Given names: of one character, or of two."""

    whole: tuple[str, ...]
    first: str
    second: str


class Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What people and companies are called. `surnames`: the name, in pinyin, how many of 10,000 have it."""

    surnames: tuple[tuple[str, str, int], ...]
    male: GivenNames
    female: GivenNames
    nicknames: tuple[str, ...]
    emails: tuple[str, ...]
    trade_names: tuple[str, ...]
    trades: tuple[tuple[str, str, int], ...]
    streets: tuple[str, ...]
    remarks: tuple[str, ...]
    pay_features: tuple[str, ...]
    works: tuple[str, ...]
    departments: tuple[tuple[int, str], ...]
    channels: tuple[tuple[int, str], ...]


class Topic(msgspec.Struct, frozen=True):
    """What a call can be about: the mark's type and name, how often, and turns (the client's words, the answer)."""

    type: str
    name: str
    weight: int
    turns: tuple[tuple[str, str], ...]


class Dialogues(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pieces of calls: (agent, client) but for the topics' turns. `by_hand`: marks that only a person gives."""

    greetings: tuple[tuple[str, str], ...]
    fillers: tuple[tuple[str, str], ...]
    farewells: tuple[tuple[str, str], ...]
    topics: tuple[Topic, ...]
    by_hand: tuple[tuple[str, str], ...]
    days: tuple[str, ...]
    prices: tuple[str, ...]


class Account(msgspec.Struct, frozen=True):
    """An app of the enterprise at WeChat: an official account (`gzh`), a mini program, its WeCom."""

    appid: str
    name: str
    from_to: str
    platform: str


OFFICIAL: Final = (
    Account("wx2b7e1f60c4d98a35", "云上优选", "gzh", "gzh"),
    Account("wx81d05c9e7ab3f426", "云上会员中心", "gzh", "gzh"),
)
MINI_PROGRAM: Final = Account("wx5f3c0a97be1d6482", "云上优选商城", "contentminiapp", "contentminiapp")
WECOM: Final = Account("ww9c41e7d0a85b2f36", "云上优选", "workwechat", "workwechat")


@cache
def cities() -> tuple[City, ...]:
    """The larger cities, the one with the most numbers first."""
    return msgspec.json.decode(_text("cities.json"), type=tuple[City, ...])


@cache
def names() -> Names:
    """What people and companies are called."""
    return msgspec.json.decode(_text("names.json"), type=Names)


@cache
def dialogues() -> Dialogues:
    """Pieces of calls."""
    return msgspec.json.decode(_text("dialogues.json"), type=Dialogues)


def _text(name: str) -> bytes:
    return files("huaxiang.generate").joinpath(name).read_bytes()

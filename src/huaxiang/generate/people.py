"""The generated customers: who they are, and by which identifiers which system knows them.

Takes draws, gives a `Person` for an index; no person is kept, each can be made again.

Rule 1: a person's mobile is theirs alone, and of the city where it was given out; what two people share, they share on
    purpose: some give their spouse's number to the CRM, some a number that is nobody's.
Rule 2: 60 of 100 are known to more than one system, and an identifier that both systems have proves it.
Rule 3: `place` is also how well a customer is known: the first ones call most, and pass most on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from huaxiang.generate.draws import Draws, Shuffle, Weighted, pick
from huaxiang.generate.words import City, cities, names

MOST_CUSTOMERS: Final = 10_000_000
"""Each has up to two mobiles, of the twenty million that the prefixes hold."""

NOBODYS_NUMBERS: Final = ("13800138000", "13888888888", "00000000000")
"""What is typed where a form wants a number."""

SYSTEMS: Final = Weighted(
    (
        frozenset({"calls"}),
        frozenset({"crm"}),
        frozenset({"wechat"}),
        frozenset({"calls", "crm"}),
        frozenset({"calls", "wechat"}),
        frozenset({"crm", "wechat"}),
        frozenset({"calls", "crm", "wechat"}),
    ),
    (15, 10, 15, 22, 14, 9, 15),
)
"""Which systems know a person, in how many of 100 cases."""

_SUFFIXES: Final = 10_000
_LINES: Final = 18_000_000
_LINES_OF_A_LEAD: Final = 9_000_000
_SHARING, _SECOND, _LANDLINE, _NAMELESS = 0.03, 0.08, 0.18, 0.02
_KEPT: Final = 65_536
_HOME: Final = 0.85


class Person(NamedTuple):
    """One customer, as nature made them; the systems each know a part. Phones are plain, without a country code."""

    place: int
    systems: frozenset[str]
    surname: str
    given: str
    pinyin: str
    male: bool
    home: City
    """Where the mobile was given out; calls come from there."""
    city: City
    phone: str
    second_phone: str | None
    landline: str | None
    crm_phone: str
    """What the CRM has for a phone: their own, their spouse's, or nobody's."""
    email: str | None
    birthday: str


class People:
    """All the customers of one seed."""

    def __init__(self, draws: Draws, count: int) -> None:
        """`count`: at most `MOST_CUSTOMERS`."""
        self.draws, self.count = draws, count
        self._names = names()
        self._surnames = Weighted(self._names.surnames, [weight for _, _, weight in self._names.surnames])
        self._prefixes = [(prefix, city) for city in cities() for prefix in city.prefixes.split()]
        self._mobiles = Shuffle(draws, b"mobiles", len(self._prefixes) * _SUFFIXES)
        self._lines = Shuffle(draws, b"landlines", _LINES)
        self.person = lru_cache(maxsize=_KEPT)(self._person)

    def knows(self, system: str, start: int) -> Person | None:
        """The first person from `start` on, and on from the beginning, whom the system knows; None if there is none."""
        for step in range(min(self.count, 200)):
            person = self.person((start + step) % self.count)
            if system in person.systems:
                return person
        return None

    def before(self, person: Person, number: float) -> Person | None:
        """A follower of a smaller place, the smallest most likely: who passed a work on to this person."""
        first = int(person.place * number * number)
        for place in range(first, max(first - 50, -1), -1):
            if "wechat" in self.person(place).systems:
                return self.person(place)
        return None

    def _person(self, index: int) -> Person:
        chance = self.draws.numbers(b"person", index)
        surname, pinyin, _ = self._surnames.at(chance[0])
        male = chance[1] < 0.51  # noqa: PLR2004 (of 100 people, 51 are men)
        phone, home = self._mobile(2 * index)
        systems = SYSTEMS.at(chance[2])
        return Person(
            place=index,
            systems=systems,
            surname=surname,
            given=self._given(chance[3], chance[4], chance[5], male=male),
            pinyin=pinyin,
            male=male,
            home=home,
            city=home if chance[6] < _HOME else pick(cities(), chance[7]),
            phone=phone,
            second_phone=self._mobile(2 * index + 1)[0] if chance[8] < _SECOND else None,
            landline=self._landline(index, home) if chance[9] < _LANDLINE and home.area_code else None,
            crm_phone=self._crm_phone(index, phone, chance[10], systems),
            email=self._email(index, pinyin, chance[11], chance[12]),
            birthday=f"{int(1955 + 50 * chance[13])}-{int(1 + 12 * chance[14]):02}-{int(1 + 28 * chance[15]):02}",
        )

    def _given(self, form: float, one: float, two: float, *, male: bool) -> str:
        given = self._names.male if male else self._names.female
        if form < 0.25:  # noqa: PLR2004 (a quarter of given names have one character)
            return pick(given.whole, one)
        return pick(given.first, one) + pick(given.second, two)

    def _mobile(self, index: int) -> tuple[str, City]:
        prefix, suffix = divmod(self._mobiles[index], _SUFFIXES)
        digits, city = self._prefixes[prefix]
        return f"{digits}{suffix:04}", city

    def _landline(self, index: int, city: City) -> str:
        """Leads 6 and 8 are the ones that subscribers have, and no second digit is 0."""
        lead, rest = divmod(self._lines[index], _LINES_OF_A_LEAD)
        return f"{city.area_code}-{'68'[lead]}{rest + 1_000_000}"

    def _crm_phone(self, index: int, phone: str, number: float, systems: frozenset[str]) -> str:
        if number < _SHARING and index:
            return self._mobile(2 * (index - 1))[0]
        if number > 1 - _NAMELESS and len(systems) == 1:
            return pick(NOBODYS_NUMBERS, (number - 1 + _NAMELESS) / _NAMELESS)
        return phone

    def _email(self, index: int, pinyin: str, has: float, number: float) -> str | None:
        if has > 0.6:  # noqa: PLR2004 (three of five have given one)
            return None
        domain = pick(self._names.emails, number)
        digits = 100_000_000 + self._mobiles[index]
        return f"{digits}@{domain}" if domain == "qq.com" else f"{pinyin}{digits % 100}_{index:x}@{domain}"


def spelled(phone: str, number: float) -> str:
    """A phone as somebody wrote it: mostly plain, else in one of the usual forms, all of them the same number."""
    if not phone.isdigit() or phone in NOBODYS_NUMBERS:
        return phone
    form = pick(_FORMS, number)
    return form.format(phone[:3], phone[3:7], phone[7:]) if form else phone


_FORMS: Final = (
    *("",) * 13, "+86{}{}{}", "+86 {} {} {}", "{}-{}-{}", "{} {} {}", "0086{}{}{}", "86{}{}{}", "0{}{}{}",
)  # fmt: skip

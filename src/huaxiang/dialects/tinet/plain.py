"""The short way in for calls as the vendor pushes them: nothing to trim, to convert or to refuse, only to be taken.

Takes a row; gives what the rules of `inward` would make of it, or None where they have to look at it: any row but one
whose fields are all text or integers, of the type that the vendor gives them (or integers in digits, as in a CSV),
within the limits, without outer blanks.

The idea: rows of one source have few shapes (names, in an order, with types). What a shape means is worked out once; a
row then costs a few passes that run in C. A test holds both ways against each other for any row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, NamedTuple, cast

from huaxiang.model import Call, Json, Mention, Parsed

LONGEST_TEXT = 128
"""Characters of any field: what is longer may be over the limit of its own."""
LARGEST_NUMBER = 2**31 - 1
"""Of durations and rounds; and of epoch seconds, until 2038: later ones go the long way."""
_MOST_DIGITS = 10
_MOST_NAMES = 64
_MOST_SHAPES = 512
_SHAPE_CHARS = 2_048
_MOST_SOUND = 4_096
_TYPES = frozenset({str, int})

Shape = tuple[tuple[str, ...], tuple[type, ...]]


class _Plan(NamedTuple):
    """What is to be looked at in the rows of a shape, by what takes the values out of a row.

    `texts`: but for those that nearly every row has its own of. `spelled` are the numbers that came as text. `ours`:
    those of our fields that are there.
    """

    texts: Callable[[Mapping[str, Any]], tuple[str, ...]]
    spelled_names: tuple[str, ...]
    spelled: Callable[[Mapping[str, Any]], tuple[str, ...]] | None
    numbers: Callable[[Mapping[str, Any]], tuple[int, ...]]
    ours: tuple[str, ...]


class PlainCalls:
    """Rows to calls, where they are plain.

    `times` (epoch seconds), `integers` and `texts` are the fields of that type; `ours` are ours, and stay out of
    the details; `structured` are those that text stands for something else in.
    """

    def __init__(
        self,
        *,
        source: str,
        times: frozenset[str],
        integers: frozenset[str],
        texts: frozenset[str],
        ours: frozenset[str],
        structured: frozenset[str],
    ) -> None:
        self._source = source
        self._times = times | {"updatedAt"}
        self._integers = integers
        self._texts = texts
        self._ours = ours
        self._structured = structured
        self._plans: dict[Shape, _Plan | None] = {}
        self._sound: set[str] = set()

    def __call__(self, row: Mapping[str, Json]) -> Parsed | None:
        """The call of a plain row; None for any other."""
        plan = self._plan(row)
        if plan is None:
            return None
        told: dict[str, Any] = dict(row)
        if plan.spelled is not None:
            digits = plan.spelled(row)
            if not _are_numbers(digits):
                return None
            told.update(zip(plan.spelled_names, map(int, digits), strict=True))
        numbers = plan.numbers(told)
        if min(numbers) < 0 or max(numbers) > LARGEST_NUMBER:
            return None
        if not (_is_sound(told["uniqueId"]) and _is_sound(told["customerNumber"])):
            return None
        texts = plan.texts(told)
        if not self._sound.issuperset(texts) and not self._are_sound(texts):
            return None
        return Parsed((self._call(told, plan.ours),))

    def _are_sound(self, texts: tuple[str, ...]) -> bool:
        """Whether all of them are; they are remembered, since the same few come again and again."""
        if not all(map(_is_sound, texts)):
            return False
        if len(self._sound) > _MOST_SOUND:
            self._sound.clear()
        self._sound.update(texts)
        return True

    def _call(self, told: dict[str, Any], ours: tuple[str, ...]) -> Call:
        value = told.get
        start = value("startTime")
        at = start if start is not None else value("createTime")
        updated_at = value("updatedAt")
        province, city = value("customerProvince"), value("customerCity")
        rounds = value("rounds")
        for name in ours:
            del told[name]
        return Call(
            source=self._source,
            enterprise=value("userId") or "",
            id=told["uniqueId"],
            at=None if at is None else datetime.fromtimestamp(at, UTC),
            updated_at=None if updated_at is None else datetime.fromtimestamp(updated_at, UTC),
            identifiers=(Mention("phone", told["customerNumber"]),),
            duration=_duration(value, start),
            rounds=rounds,
            city=f"{province}-{city}" if province and city else province or city,
            details=told,
        )

    def _plan(self, row: Mapping[str, Json]) -> _Plan | None:
        shape = tuple(row), tuple(map(type, row.values()))
        try:
            return self._plans[shape]
        except KeyError:
            pass
        if len(self._plans) >= _MOST_SHAPES or len(row) > _MOST_NAMES or sum(map(len, row)) > _SHAPE_CHARS:
            return None
        plan = self._plans[shape] = self._planned(*shape)
        return plan

    def _planned(self, names: tuple[str, ...], types: tuple[type, ...]) -> _Plan | None:
        of = dict(zip(names, types, strict=True))
        numbers = self._times | self._integers | {"rounds"}
        if not _TYPES.issuperset(types) or of.get("uniqueId") is not str or of.get("customerNumber") is not str:
            return None
        if any(name in self._texts and of[name] is int for name in names):
            return None
        if not self._structured.isdisjoint(names):
            return None
        spelled = tuple(name for name in names if name in numbers and of[name] is str)
        texts = {name for name in names if of[name] is str} - numbers - {"uniqueId", "customerNumber"}
        return _Plan(
            texts=_taking(texts) if texts else _no_texts,
            spelled_names=_some(spelled),
            spelled=_taking(spelled) if spelled else None,
            numbers=_taking(numbers.intersection(names)) if numbers.intersection(names) else _no_numbers,
            ours=tuple(self._ours.intersection(names)),
        )


def _taking(names: Iterable[str]) -> Callable[[Mapping[str, Any]], Any]:
    """What takes these values, at least one, out of a row."""
    return cast("Callable[[Mapping[str, Any]], Any]", itemgetter(*_some(names)))


def _is_sound(text: str) -> bool:
    return 0 < len(text) <= LONGEST_TEXT and text.strip() == text


def _some(names: Iterable[str]) -> tuple[str, ...]:
    """The names, at least two of them: what takes one value out of a row gives no tuple."""
    some = tuple(names)
    return some * 2 if len(some) == 1 else some


def _are_numbers(texts: tuple[str, ...]) -> bool:
    together = "".join(texts)
    return together.isascii() and together.isdigit() and all(texts) and max(map(len, texts)) <= _MOST_DIGITS


def _no_texts(_row: Mapping[str, Any]) -> tuple[str, ...]:
    return ()


def _no_numbers(_row: Mapping[str, Any]) -> tuple[int, ...]:
    return (0,)


def _duration(value: Callable[[str], Any], start: int | None) -> int | None:
    for field in ("bridgeDuration", "totalDuration"):
        seconds = value(field)
        if seconds is not None:
            return seconds
    end = value("endTime")
    if start is None or end is None:
        return None
    return end - start if 0 <= end - start <= LARGEST_NUMBER else None

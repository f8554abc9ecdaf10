"""A YAML text -> a Ruleset, or all that is wrong with it, each with line, column, rule, field and reason.

The grammar of the rule language, a method for each noun; what the nouns mean is in the README of this folder.

Rule 1: what `load` gives can be checked with: its expressions compile, its limits hold, its conditions can be asked.
Rule 2: a noun that is wrong is left out, its problems are noted, and nothing is given in the end.
Rule 3: everything has a limit, and past it comes a problem, never a guess.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast
from zoneinfo import ZoneInfo

from huaxiang.portrait.document import Problem, RulesInvalid, Sheet, Spot
from huaxiang.portrait.engines import Regex
from huaxiang.portrait.examples import local
from huaxiang.portrait.pattern import PatternInvalid
from huaxiang.portrait.rules import (
    TIME_ZONE,
    AllOf,
    AnyOf,
    Bounds,
    Clock,
    Condition,
    Count,
    Example,
    Line,
    Near,
    Not,
    OfCall,
    Portrait,
    Rule,
    Ruleset,
    Said,
    Span,
    Speaker,
    Value,
)
from huaxiang.portrait.text import normalised

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Problem", "RulesInvalid", "load"]

MOST_RULES: Final = 5_000
"""In a file."""
MOST_WORDS_IN_FILE: Final = 100_000
MOST_REGEXES_IN_FILE: Final = 5_000
"""Expressions take the longest to compile, those with a wide gap (`.{0,20}`) above all."""
MOST_PARTS: Final = 200
"""Conditions in a rule."""
DEEPEST: Final = 12
"""Conditions inside each other."""
MOST_WORDS: Final = 2_000
"""In one list."""
LONGEST_WORD: Final = 100
MOST_REGEXES: Final = 200
"""In one list."""
LONGEST_REGEX: Final = 1_000
MOST_EXAMPLES: Final = 100
"""In one list."""
MOST_LINES: Final = 200
"""In one example."""
LONGEST_TEXT: Final = 1_000
"""Of a line, a description, a value."""
LONGEST_NAME: Final = 128
"""Of a rule's id and a portrait's type and name: what a mark can hold."""
MOST_FIELDS: Final = 100
"""Of the call's details, in one condition."""

_ID: Final = re.compile(r"\S+")
_TIME: Final = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])")
_DAY: Final = 24 * 60
_BOUNDS: Final = ("at_least", "at_most", "above", "below")
_SPANS: Final = ("rounds", "seconds", "utterances")
_WORD_LISTS: Final = ("words", "all_words", "no_words")
_REGEX_LISTS: Final = ("regex", "no_regex")
_MEASURES: Final = ("silence", "pause", "rate", "emotion")
_SAID: Final = (*_WORD_LISTS, *_REGEX_LISTS, *_MEASURES, "speaker", "first", "last")
_TREE: Final = ("all", "any", "not", "near", "count", "call")
_LINE: Final = ("agent", "client", "begin_ms", "end_ms", "silence_ms", "rate", "emotion")
_CALL: Final = ("at", "duration", "rounds", "city", "details")


def load(text: str, name: str = "rules.yaml") -> Ruleset:
    """The ruleset that `text` holds, called `name` in what is told of it. Raises `RulesInvalid` with all problems."""
    sheet = Sheet(text, name)
    ruleset = _Reading(sheet).ruleset(sheet.root())
    sheet.settle()
    return ruleset


class _Reading:
    """One text on its way to a ruleset. What is wrong is noted on the sheet; what is given then stands for nothing."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._parts = 0
        self._all_words = 0
        self._all_regexes = 0
        self._zone = ZoneInfo(TIME_ZONE)

    def ruleset(self, root: Spot) -> Ruleset:
        fields = self._sheet.fields(root, ("time_zone", "channels", "rules"))
        time_zone = self._time_zone(fields["time_zone"]) if "time_zone" in fields else TIME_ZONE
        channels = self._channels(fields["channels"]) if "channels" in fields else {}
        self._missing(root, fields, "rules")
        if "rules" not in fields:
            return Ruleset()
        ids: dict[str, Spot] = {}
        self._zone = ZoneInfo(time_zone)
        rules = [self._rule(one, ids) for one in self._sheet.items(fields["rules"], MOST_RULES, fewest=0)]
        self._sheet.rule = ""
        if self._all_words > MOST_WORDS_IN_FILE:
            self._sheet.wrong(fields["rules"], f"{self._all_words:,} words, at most {MOST_WORDS_IN_FILE:,}")
        if self._all_regexes > MOST_REGEXES_IN_FILE:
            self._sheet.wrong(fields["rules"], f"{self._all_regexes:,} expressions, at most {MOST_REGEXES_IN_FILE:,}")
        return Ruleset(tuple(rules), time_zone, channels)

    def _missing(self, spot: Spot, fields: dict[str, Spot], *names: str) -> None:
        """Note which of `names` the object at `spot` lacks, if it is one."""
        for name in names:
            if name not in fields and self._sheet.is_object(spot):
                self._sheet.wrong(Spot(spot.node, f"{spot.path}.{name}".lstrip(".")), "missing")

    def _time_zone(self, spot: Spot) -> str:
        name = self._sheet.text(spot, LONGEST_NAME)
        try:
            ZoneInfo(name or TIME_ZONE)
        except (ValueError, OSError, KeyError):
            self._sheet.wrong(spot, "no time zone of this name is known; one is Asia/Shanghai")
            return TIME_ZONE
        return name or TIME_ZONE

    def _channels(self, spot: Spot) -> dict[int, Speaker]:
        found: dict[int, Speaker] = {}
        for name, one in self._sheet.fields(spot, None).items():
            if re.fullmatch(r"[0-9]{1,9}", name):
                found[int(name)] = self._speaker(one)
            else:
                self._sheet.wrong(one, "a channel is a number")
        return found

    def _speaker(self, spot: Spot) -> Speaker:
        return cast("Speaker", self._among(spot, ("agent", "client")))

    def _among(self, spot: Spot, known: tuple[str, ...]) -> str:
        text = self._sheet.text(spot, LONGEST_NAME)
        if text not in known:
            if text:
                self._sheet.wrong(spot, f"one of {', '.join(known)}")
            return known[0]
        return text

    # ── a rule ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _rule(self, spot: Spot, ids: dict[str, Spot]) -> Rule:
        self._sheet.rule, self._parts = "", 0
        fields = self._sheet.fields(
            Spot(spot.node, ""), ("id", "portrait", "description", "enabled", "when", "examples")
        )
        id_ = self._id(fields["id"], ids) if "id" in fields else ""
        self._sheet.rule = id_
        self._missing(Spot(spot.node, ""), fields, "id", "portrait", "when")
        examples = self._sheet.fields(fields["examples"], ("hit", "miss")) if "examples" in fields else {}
        return Rule(
            id=id_,
            portrait=self._portrait(fields["portrait"]) if "portrait" in fields else Portrait("", ""),
            when=self._condition(fields["when"], 1) if "when" in fields else Said(),
            description=self._sheet.text(fields["description"], LONGEST_TEXT) if "description" in fields else "",
            enabled=self._sheet.flag(fields["enabled"]) if "enabled" in fields else True,
            hit=self._examples(examples["hit"]) if "hit" in examples else (),
            miss=self._examples(examples["miss"]) if "miss" in examples else (),
        )

    def _id(self, spot: Spot, ids: dict[str, Spot]) -> str:
        id_ = self._sheet.text(spot, LONGEST_NAME)
        if id_ in ids:
            self._sheet.rule = id_
            self._sheet.wrong(spot, f"another rule has this id, in line {ids[id_].node.start_mark.line + 1}")
        elif id_ and not _ID.fullmatch(id_):
            self._sheet.wrong(spot, "an id has no blanks")
        ids.setdefault(id_, spot)
        return id_

    def _portrait(self, spot: Spot) -> Portrait:
        fields = self._sheet.fields(spot, ("type", "name"))
        self._missing(spot, fields, "type", "name")
        told = {name: self._sheet.text(one, LONGEST_NAME) for name, one in fields.items()}
        return Portrait(told.get("type", ""), told.get("name", ""))

    # ── conditions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _condition(self, spot: Spot, depth: int) -> Condition:
        """An object: what it says of one utterance, and the conditions on the call, all of which are to hold."""
        self._parts += 1
        if depth > DEEPEST or self._parts > MOST_PARTS:
            if depth > DEEPEST or self._parts == MOST_PARTS + 1:
                most = f"{DEEPEST} conditions inside each other" if depth > DEEPEST else f"{MOST_PARTS} conditions"
                self._sheet.wrong(spot, f"more than {most} in one rule")
            return Said()
        fields = self._sheet.fields(spot, (*_SAID, *_TREE))
        parts: list[Condition] = []
        if any(name in fields for name in _SAID):
            parts.append(self._said({name: one for name, one in fields.items() if name in _SAID}))
        readers: dict[str, Callable[[Spot, int], Condition]] = {
            "all": lambda one, below: AllOf(self._conditions(one, below)),
            "any": lambda one, below: AnyOf(self._conditions(one, below)),
            "not": lambda one, below: Not(self._condition(one, below)),
            "near": self._near,
            "count": self._counted,
            "call": lambda one, _: self._of_call(one),
        }
        parts += [readers[name](fields[name], depth + 1) for name in _TREE if name in fields]
        if not parts:
            self._sheet.wrong(spot, "a condition says something")
            return Said()
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts), spared=True)

    def _conditions(self, spot: Spot, depth: int) -> tuple[Condition, ...]:
        return tuple(self._condition(one, depth) for one in self._sheet.items(spot, MOST_PARTS))

    def _said(self, fields: dict[str, Spot]) -> Said:
        given = fields.get
        speaker = self._among(fields["speaker"], ("agent", "client", "any")) if "speaker" in fields else "any"
        return Said(
            words=self._words(given("words")),
            all_words=self._words(given("all_words")),
            no_words=self._words(given("no_words")),
            regex=self._regexes(given("regex")),
            no_regex=self._regexes(given("no_regex")),
            speaker=None if speaker == "any" else cast("Speaker", speaker),
            first=self._span(fields["first"], _SPANS) if "first" in fields else None,
            last=self._span(fields["last"], _SPANS) if "last" in fields else None,
            silence=self._bounds(given("silence")),
            pause=self._bounds(given("pause")),
            rate=self._bounds(given("rate")),
            emotion=self._bounds(given("emotion")),
        )

    def _words(self, spot: Spot | None) -> tuple[str, ...]:
        if spot is None:
            return ()
        told = self._sheet.texts(spot, MOST_WORDS, LONGEST_WORD)
        self._all_words += len(told)
        for at, word in told:
            if not normalised(word).strip():
                self._sheet.wrong(at, "a word is not blank")
        return tuple(word for _, word in told)

    def _regexes(self, spot: Spot | None) -> tuple[str, ...]:
        if spot is None:
            return ()
        told = self._sheet.texts(spot, MOST_REGEXES, LONGEST_REGEX)
        self._all_regexes += len(told)
        for at, pattern in told:
            try:
                Regex(pattern)
            except PatternInvalid as error:
                self._sheet.wrong(at, f"not a regular expression that can be used: {error}")
        return tuple(pattern for _, pattern in told)

    def _span(self, spot: Spot, units: tuple[str, ...]) -> Span:
        fields = self._sheet.fields(spot, units)
        if len(fields) != 1:
            self._sheet.wrong(spot, f"exactly one of {', '.join(units)}")
            return Span()
        (unit, one), *_ = fields.items()
        least = 0 if "rounds" not in units else 1
        if unit == "seconds":
            return Span(seconds=self._sheet.number(one, least))
        count = self._sheet.whole(one, least)
        return Span(rounds=count) if unit == "rounds" else Span(utterances=count)

    def _bounds(self, spot: Spot | None) -> Bounds | None:
        return None if spot is None else self._bounds_of(spot, self._sheet.fields(spot, _BOUNDS))

    def _bounds_of(self, spot: Spot, fields: dict[str, Spot]) -> Bounds:
        if not fields:
            self._sheet.wrong(spot, f"at least one of {', '.join(_BOUNDS)}")
        told = {name: self._sheet.number(one, -1e12) for name, one in fields.items()}
        bounds = Bounds(**told)
        lows = [low for low in (bounds.at_least, bounds.above) if low is not None]
        highs = [high for high in (bounds.at_most, bounds.below) if high is not None]
        # Between equal limits lies a number only if both of them may be reached.
        strict = bounds.above is not None or bounds.below is not None
        if lows and highs and (max(lows) > min(highs) or (strict and max(lows) == min(highs))):
            self._sheet.wrong(spot, "no number is between these limits")
        return bounds

    def _near(self, spot: Spot, depth: int) -> Condition:
        fields = self._sheet.fields(spot, ("one", "other", "within", "ordered"))
        self._missing(spot, fields, "one", "other", "within")
        one, other = (self._placed(fields[name], depth) if name in fields else Said() for name in ("one", "other"))
        within = self._span(fields["within"], ("utterances", "seconds")) if "within" in fields else Span()
        ordered = self._sheet.flag(fields["ordered"]) if "ordered" in fields else False
        return Near(one, other, within.utterances, within.seconds, ordered)

    def _placed(self, spot: Spot, depth: int) -> Condition:
        condition = self._condition(spot, depth)
        if not _has_place(condition):
            self._sheet.wrong(spot, "what is near is in an utterance: no `not`, no `call`, no count from 0 in here")
        return condition

    def _counted(self, spot: Spot, depth: int) -> Condition:
        fields = self._sheet.fields(spot, ("of", "at_least", "at_most"))
        self._missing(spot, fields, "of")
        if "at_least" not in fields and "at_most" not in fields:
            self._sheet.wrong(spot, "at least one of at_least, at_most")
        part = self._condition(fields["of"], depth) if "of" in fields else Said()
        least = (self._sheet.whole(fields["at_least"], 0) or 0) if "at_least" in fields else 0
        most = self._sheet.whole(fields["at_most"], 0) if "at_most" in fields else None
        if most is not None and least > most:
            self._sheet.wrong(spot, "no number is between these limits")
        return Count(part, least, most)

    # ── the call's metrics ────────────────────────────────────────────────────────────────────────────────────────

    def _of_call(self, spot: Spot) -> OfCall:
        fields = self._sheet.fields(spot, ("duration", "rounds", "city", "time", "details"))
        if not fields:
            self._sheet.wrong(spot, "a condition says something")
        values = {name: self._value(fields[name]) for name in ("duration", "rounds", "city") if name in fields}
        details = self._sheet.fields(fields["details"], None) if "details" in fields else {}
        if len(details) > MOST_FIELDS:
            self._sheet.wrong(fields["details"], f"{len(details)} fields, at most {MOST_FIELDS}")
        return OfCall(
            **values,
            time=self._clock(fields["time"]) if "time" in fields else None,
            details={name: self._value(one) for name, one in details.items()},
        )

    def _value(self, spot: Spot) -> Value:
        """`一个值` · `[几个值之一]` · `{at_least: 60, exists: true, …}`."""
        if not self._sheet.is_object(spot):
            return Value(one_of=self._scalars(spot))
        fields = self._sheet.fields(spot, ("equals", "one_of", "exists", *_BOUNDS))
        if not fields:
            self._sheet.wrong(spot, "a condition says something")
        equal = [one for name in ("equals", "one_of") if name in fields for one in self._scalars(fields[name])]
        limits = {name: one for name, one in fields.items() if name in _BOUNDS}
        return Value(
            one_of=tuple(equal),
            bounds=self._bounds_of(spot, limits) if limits else None,
            exists=self._sheet.flag(fields["exists"]) if "exists" in fields else None,
        )

    def _scalars(self, spot: Spot) -> tuple[str | float | bool, ...]:
        spots = self._sheet.items(spot, MOST_WORDS) if self._sheet.is_list(spot) else [spot]
        told = [self._sheet.scalar(one, LONGEST_TEXT) for one in spots]
        return tuple(value for value in told if value is not None)

    def _clock(self, spot: Spot) -> Clock:
        fields = self._sheet.fields(spot, ("from", "to"))
        self._missing(spot, fields, "from", "to")
        told = {name: self._minute(one) for name, one in fields.items()}
        start, end = told.get("from", 0), told.get("to", 1)
        if start == end:
            self._sheet.wrong(spot, "from and to are the same moment")
        return Clock(start, end)

    def _minute(self, spot: Spot) -> int:
        text = self._sheet.text(spot, LONGEST_NAME)
        told = _TIME.fullmatch(normalised(text))
        minute = int(told[1]) * 60 + int(told[2]) if told else 0
        if text and (told is None or minute > _DAY):
            self._sheet.wrong(spot, "a time of day: 22:00")
        return minute

    # ── examples ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _examples(self, spot: Spot) -> tuple[Example, ...]:
        return tuple(self._example(one) for one in self._sheet.items(spot, MOST_EXAMPLES))

    def _example(self, spot: Spot) -> Example:
        """A list of lines, one line alone, or `{lines: […], call: {…}}`."""
        if self._sheet.is_list(spot):
            return Example(self._lines(spot))
        if not self._sheet.is_object(spot) or not self._sheet.has_key(spot, ("lines", "call")):
            return Example((self._line(spot),))
        fields = self._sheet.fields(spot, ("lines", "call"))
        lines = self._lines(fields["lines"]) if "lines" in fields else ()
        told = self._sheet.fields(fields["call"], _CALL) if "call" in fields else {}
        details = self._sheet.fields(told["details"], None) if "details" in told else {}
        scalars = {name: self._sheet.scalar(one, LONGEST_TEXT) for name, one in details.items()}
        return Example(
            lines=lines,
            at=self._moment(told["at"]) if "at" in told else None,
            duration=self._sheet.whole(told["duration"], 0) if "duration" in told else None,
            rounds=self._sheet.whole(told["rounds"], 0) if "rounds" in told else None,
            city=self._sheet.text(told["city"], LONGEST_TEXT) if "city" in told else None,
            details={name: value for name, value in scalars.items() if value is not None},
        )

    def _moment(self, spot: Spot) -> str:
        text = self._sheet.text(spot, LONGEST_NAME)
        try:
            local(text, self._zone)
        except ValueError:
            if text:
                self._sheet.wrong(spot, "a time: 2026-01-05 21:30")
        return text

    def _lines(self, spot: Spot) -> tuple[Line, ...]:
        return tuple(self._line(one) for one in self._sheet.items(spot, MOST_LINES))

    def _line(self, spot: Spot) -> Line:
        fields = self._sheet.fields(spot, _LINE)
        speakers = [name for name in ("agent", "client") if name in fields]
        if len(speakers) != 1:
            self._sheet.wrong(spot, "a line is said by one speaker: agent: … or client: …")
            return Line("agent", "")
        speaker = cast("Speaker", speakers[0])
        whole = {name: self._sheet.whole(one, 0) for name, one in fields.items() if name.endswith("_ms")}
        measured = {name: self._sheet.number(fields[name], -1e12) for name in ("rate", "emotion") if name in fields}
        return Line(
            speaker,
            self._sheet.text(fields[speaker], LONGEST_TEXT),
            begin_ms=whole.get("begin_ms"),
            end_ms=whole.get("end_ms"),
            silence_ms=whole.get("silence_ms"),
            rate=measured.get("rate"),
            emotion=measured.get("emotion"),
        )


def _has_place(condition: Condition) -> bool:
    """Whether it has an utterance wherever it holds."""
    match condition:
        case AllOf() | AnyOf():
            return all(_has_place(part) for part in condition.parts)
        case Said() | Near():
            return True
        case Count():
            return condition.at_least > 0 and _has_place(condition.part)
        case Not() | OfCall():
            return False

"""The nouns of the rule language: frozen, equal by value, and through msgspec to the database and back unchanged.

A `Ruleset` is what a file holds: rules, and what they are read against (a time zone, which channel is whose). A `Rule`
names its portrait and says when, as a tree of conditions. What each condition means is in the folder's README.

    Said      one utterance in which all of it holds: words, expressions, speaker, place, silence, rate, emotion
    AllOf AnyOf Not      and, or, not, over the whole call
    Near      two conditions close to each other       Count    in how many utterances a condition holds
    OfCall    the call's own metrics

Rule 1: `version` is a digest of the canonical form: the order of rules, comments and blanks don't count, all else does.
Rule 2: a rule's own version is a digest of what decides its marks, so that another description changes no mark.
Rule 3: what comes from a file or a request goes through `reading.load`, which alone checks it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, Literal, TypeAlias

import msgspec

Speaker: TypeAlias = Literal["agent", "client"]

TIME_ZONE: Final = "Asia/Shanghai"
"""The time zone of a ruleset that names none."""


class _Noun(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What all of them are."""


class Bounds(_Noun, frozen=True):
    """Limits of a number; those that are given all hold."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    def hold(self, number: float) -> bool:
        """Whether `number` is within."""
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )


class Span(_Noun, frozen=True):
    """How much of a call, from its beginning or its end; exactly one is given."""

    rounds: int | None = None
    seconds: float | None = None
    utterances: int | None = None


class Said(_Noun, frozen=True, tag="said", tag_field="is"):
    """One utterance in which all that is given holds.

    `words`: any of them. `all_words`: every one. `no_words`: none. `regex`, `no_regex`: any and none, RE2 syntax.
    `silence`: bounds of the utterance's own silence, `pause`: of the gap before it, both in milliseconds.
    """

    words: tuple[str, ...] = ()
    all_words: tuple[str, ...] = ()
    no_words: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()
    no_regex: tuple[str, ...] = ()
    speaker: Speaker | None = None
    first: Span | None = None
    last: Span | None = None
    silence: Bounds | None = None
    pause: Bounds | None = None
    rate: Bounds | None = None
    emotion: Bounds | None = None


class AllOf(_Noun, frozen=True, tag="all", tag_field="is"):
    """Each of them holds somewhere in the call. `spared`: it was written as one object, without the word `all`."""

    parts: tuple[Condition, ...]
    spared: bool = False


class AnyOf(_Noun, frozen=True, tag="any", tag_field="is"):
    """At least one of them holds."""

    parts: tuple[Condition, ...]


class Not(_Noun, frozen=True, tag="not", tag_field="is"):
    """It holds nowhere in the call."""

    part: Condition


class Near(_Noun, frozen=True, tag="near", tag_field="is"):
    """`one` and `other` hold at most so many utterances or seconds apart; `ordered`: `other` in a later utterance."""

    one: Condition
    other: Condition
    utterances: int | None = None
    seconds: float | None = None
    ordered: bool = False


class Count(_Noun, frozen=True, tag="count", tag_field="is"):
    """The number of utterances in which `part` holds is within the limits."""

    part: Condition
    at_least: int = 0
    at_most: int | None = None


class Clock(_Noun, frozen=True):
    """A part of the day from `start` on and before `end`, in minutes; over midnight if it ends first."""

    start: int
    end: int

    def holds(self, minute: int) -> bool:
        """Whether the minute of the day lies within."""
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


class Value(_Noun, frozen=True):
    """What a metric is compared with; all that is given holds. `one_of`: it equals one of them."""

    one_of: tuple[str | float | bool, ...] = ()
    bounds: Bounds | None = None
    exists: bool | None = None


class OfCall(_Noun, frozen=True, tag="call", tag_field="is"):
    """The call's own metrics. `details`: by name, or by names joined with dots where objects are nested."""

    duration: Value | None = None
    rounds: Value | None = None
    city: Value | None = None
    time: Clock | None = None
    details: dict[str, Value] = {}


Condition: TypeAlias = Said | AllOf | AnyOf | Not | Near | Count | OfCall


class Line(_Noun, frozen=True):
    """An utterance of an example. Without times, a line begins when the one before it ends, and lasts two seconds."""

    speaker: Speaker
    text: str
    begin_ms: int | None = None
    end_ms: int | None = None
    silence_ms: int | None = None
    rate: float | None = None
    emotion: float | None = None


class Example(_Noun, frozen=True):
    """A small dialogue, and the metrics of its call. `at`: when it was, in the ruleset's time zone if it names none."""

    lines: tuple[Line, ...] = ()
    at: str | None = None
    duration: int | None = None
    rounds: int | None = None
    city: str | None = None
    details: dict[str, str | float | bool] = {}


class Portrait(_Noun, frozen=True, order=True):
    """The label that a rule gives: its type (the group) and its name."""

    type: str
    name: str


class Rule(_Noun, frozen=True):
    """When a call gets a portrait. `hit` and `miss`: examples that must, and must not."""

    id: str
    portrait: Portrait
    when: Condition
    description: str = ""
    enabled: bool = True
    hit: tuple[Example, ...] = ()
    miss: tuple[Example, ...] = ()


class Ruleset(_Noun, frozen=True):
    """All rules that are in force together. `channels`: whose a channel is, in a transcript that tells no side."""

    rules: tuple[Rule, ...] = ()
    time_zone: str = TIME_ZONE
    channels: dict[int, Speaker] = {}

    @property
    def version(self) -> str:
        """32 hexadecimal digits: the same for the same rules, in whatever order and layout."""
        # The time zone by itself: a struct leaves a default out, but not the same text written down.
        return _digest((sorted(self.rules, key=lambda rule: rule.id), self.time_zone, self.channels))

    def rule_versions(self) -> dict[str, str]:
        """Of each enabled rule, by its id: 32 hexadecimal digits of what decides its marks."""
        return {
            rule.id: _digest((rule.portrait, rule.when, self.time_zone, self.channels))
            for rule in self.rules
            if rule.enabled
        }


def _digest(thing: object) -> str:
    plain = msgspec.to_builtins(thing, str_keys=True)
    return blake2b(msgspec.json.encode(plain, order="deterministic"), digest_size=16, person=b"ruleset").hexdigest()

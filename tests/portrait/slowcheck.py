"""The quality check as slowly and obviously as it can be written: rule by rule, utterance by utterance, `in` and `re`.

Order, speakers and turns come from `Spoken`, which has tests of its own.
"""

from __future__ import annotations

import re
from datetime import tzinfo

from huaxiang.model import Call
from huaxiang.portrait import metrics
from huaxiang.portrait.rules import AllOf, AnyOf, Bounds, Condition, Count, Near, Not, OfCall, Said
from huaxiang.portrait.spoken import Spoken
from huaxiang.portrait.text import normalised


def holds(condition: Condition, call: Call, spoken: Spoken, zone: tzinfo) -> set[int] | None:
    """The utterances in which it holds; None where it does not hold."""
    found: set[int] | None
    match condition:
        case Said():
            found = {at for at in range(len(spoken.utterances)) if said(condition, spoken, at)} or None
        case AllOf(parts):
            told = [holds(part, call, spoken, zone) for part in parts]
            found = None if None in told else {at for places in told for at in places or ()}
        case AnyOf(parts):
            some = [places for part in parts if (places := holds(part, call, spoken, zone)) is not None]
            found = {at for places in some for at in places} if some else None
        case Not(part):
            found = set() if holds(part, call, spoken, zone) is None else None
        case Count(part, at_least, at_most):
            places = holds(part, call, spoken, zone) or set()
            found = places if at_least <= len(places) <= (len(places) if at_most is None else at_most) else None
        case Near():
            found = near(condition, call, spoken, zone)
        case OfCall():
            found = set() if metrics.failing(condition, call, spoken.rounds, zone) is None else None
    return found


def near(condition: Near, call: Call, spoken: Spoken, zone: tzinfo) -> set[int] | None:
    ones = holds(condition.one, call, spoken, zone) or set()
    others = holds(condition.other, call, spoken, zone) or set()
    found: set[int] = set()
    for one in ones:
        for other in others:
            if condition.seconds is None:
                close = spoken.ordered and abs(one - other) <= (condition.utterances or 0)
            else:
                begins = spoken.begins_ms[one], spoken.begins_ms[other]
                close = spoken.timed and abs(begins[0] - begins[1]) <= 1000 * condition.seconds
            if close and (one < other or not condition.ordered):
                found |= {one, other}
    return found or None


def said(condition: Said, spoken: Spoken, at: int) -> bool:
    utterance = spoken.utterances[at]
    text = normalised(utterance.text)

    def has(word: str) -> bool:
        return normalised(word) in text

    def matches(pattern: str) -> bool:
        return re.search(pattern, text, re.IGNORECASE | re.ASCII) is not None

    def within(bounds: Bounds | None, number: float | None) -> bool:
        return bounds is None or (number is not None and bounds.hold(number))

    return (
        (not condition.words or any(map(has, condition.words)))
        and all(map(has, condition.all_words))
        and not any(map(has, condition.no_words))
        and (not condition.regex or any(map(matches, condition.regex)))
        and not any(map(matches, condition.no_regex))
        and (condition.speaker is None or spoken.speakers[at] == condition.speaker)
        and (condition.first is None or spoken.within_first(condition.first, at))
        and (condition.last is None or spoken.within_last(condition.last, at))
        and within(condition.silence, utterance.silence_ms)
        and within(condition.pause, spoken.pauses[at])
        and within(condition.rate, utterance.rate)
        and within(condition.emotion, utterance.emotion)
    )

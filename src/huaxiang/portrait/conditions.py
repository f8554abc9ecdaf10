"""A tree of conditions -> where in a call it holds, given which words and expressions hit which utterance.

A condition, once compiled, answers with its *places*: the numbers of the utterances in which it holds, ascending; none
for one that holds of the call as a whole (a negation, a metric); None where it does not hold.

Rule 1: `AllOf` and `AnyOf` have the places of all their parts that hold; `Not` and `OfCall` have none.
Rule 2: `Near` has both utterances of every close enough pair, one utterance with itself too unless it is ordered.
Rule 3: words and expressions are *atoms*, numbered once for the whole ruleset. A condition's `triggers` are atoms of
    which at least one hits wherever it holds; None for a condition that may hold without any: those are always asked.
Rule 4: what a condition says of an utterance that the source did not tell (a rate, an emotion) does not hold of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol, TypeAlias

from huaxiang.portrait import metrics
from huaxiang.portrait.rules import AllOf, AnyOf, Condition, Count, Near, Not, OfCall, Said
from huaxiang.portrait.text import normalised

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from huaxiang.model import Call
    from huaxiang.portrait.spoken import Spoken

Places: TypeAlias = list[int]


class Scene:
    """One call as conditions see it. `hits`: by atom, the utterances that it hits, ascending."""

    __slots__ = ("call", "hits", "spoken", "zone")

    def __init__(self, call: Call, spoken: Spoken, hits: Mapping[int, Places], zone: tzinfo) -> None:
        self.call = call
        self.spoken = spoken
        self.hits = hits
        self.zone = zone


class Compiled(Protocol):
    """A condition that can be asked."""

    @property
    def triggers(self) -> frozenset[int] | None:
        """Atoms of which one hits wherever it holds; None when it may hold without."""
        ...

    @property
    def wanted(self) -> frozenset[int]:
        """Every atom that it looks for, those that it looks for in vain apart: its evidence is among them."""
        ...

    def places(self, scene: Scene) -> Places | None:
        """Where it holds; None when it does not."""
        ...

    def why_not(self, scene: Scene, path: str) -> str:
        """In words, why it does not hold; `path` is where it stands in the rule."""
        ...


class Atoms:
    """Words and expressions of all rules, each numbered once. `words` normalised, `regexes` as they are written."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}
        self.regexes: dict[str, int] = {}

    def of_words(self, words: Sequence[str]) -> frozenset[int]:
        """The numbers of words: even ones."""
        return frozenset(2 * self.words.setdefault(normalised(word), len(self.words)) for word in words)

    def of_regexes(self, regexes: Sequence[str]) -> frozenset[int]:
        """The numbers of expressions: odd ones."""
        return frozenset(2 * self.regexes.setdefault(regex, len(self.regexes)) + 1 for regex in regexes)


def compiled(condition: Condition, atoms: Atoms) -> Compiled:
    """The condition, with its words and expressions numbered among `atoms`."""
    match condition:
        case Said():
            made = _Said(condition, atoms)
        case AllOf():
            made = _AllOf([compiled(part, atoms) for part in condition.parts], spared=condition.spared)
        case AnyOf():
            made = _AnyOf([compiled(part, atoms) for part in condition.parts])
        case Not():
            made = _Not(compiled(condition.part, atoms))
        case Near():
            made = _Near(condition, compiled(condition.one, atoms), compiled(condition.other, atoms))
        case Count():
            made = _Count(condition, compiled(condition.part, atoms))
        case OfCall():
            made = _OfCall(condition)
    return made


class _Said:
    """Candidates come from the hits of what must be there; the rest is asked of each candidate."""

    def __init__(self, said: Said, atoms: Atoms) -> None:
        groups = [atoms.of_words(said.words)] if said.words else []
        groups += [atoms.of_words([word]) for word in said.all_words]
        groups += [atoms.of_regexes(said.regex)] if said.regex else []
        self._groups = sorted(groups, key=len)
        self.wanted = frozenset[int]().union(*groups)
        self._barred = atoms.of_words(said.no_words) | atoms.of_regexes(said.no_regex)
        self._said = said
        self._measures = any(bounds is not None for bounds in (said.silence, said.pause, said.rate, said.emotion))
        self._more = said != Said(words=said.words, all_words=said.all_words, regex=said.regex)
        self.triggers = self._groups[0] if self._groups else None

    def places(self, scene: Scene) -> Places | None:
        found: Sequence[int] | set[int]
        if self._groups:
            found = _hit_by(self._groups[0], scene.hits)
            for group in self._groups[1:]:
                found = set(found).intersection(_hit_by(group, scene.hits))
        else:
            found = range(len(scene.spoken.utterances))
        if found and self._more:
            # What the words leave is mostly little: the rest is asked of it one by one.
            barred = set(_hit_by(self._barred, scene.hits)) if self._barred else ()
            found = [at for at in found if at not in barred and self._fits(scene.spoken, at)]
        return sorted(found) if found else None

    def _fits(self, spoken: Spoken, at: int) -> bool:
        """Whether all but the words holds of the utterance."""
        said = self._said
        if said.speaker is not None and spoken.speakers[at] != said.speaker:
            return False
        if said.first is not None and not spoken.within_first(said.first, at):
            return False
        if said.last is not None and not spoken.within_last(said.last, at):
            return False
        return not self._measures or self._measured(spoken, at)

    def _measured(self, spoken: Spoken, at: int) -> bool:
        """Whether what was measured of the utterance is within bounds."""
        said, utterance = self._said, spoken.utterances[at]
        pause = spoken.pauses[at] if said.pause is not None else None
        told = (
            (said.silence, utterance.silence_ms),
            (said.pause, pause),
            (said.rate, utterance.rate),
            (said.emotion, utterance.emotion),
        )
        return all(bounds is None or (number is not None and bounds.hold(number)) for bounds, number in told)

    def why_not(self, scene: Scene, path: str) -> str:
        if self._groups and not any(_hit_by(group, scene.hits) for group in self._groups):
            return f"{path}: no utterance has the words or matches the expression"
        return f"{path}: no utterance has all of it"


def _hit_by(group: frozenset[int], hits: Mapping[int, Places]) -> Places:
    """The utterances that any atom of the group hits; in order only if a single atom does."""
    if len(group) <= len(hits):
        lists = [hits[atom] for atom in group if atom in hits]
    else:
        lists = [places for atom, places in hits.items() if atom in group]
    if len(lists) == 1:
        return lists[0]
    return list(set[int]().union(*lists))


class _AllOf:
    def __init__(self, parts: list[Compiled], *, spared: bool) -> None:
        self._parts = parts
        self._spared = spared
        self.wanted = frozenset[int]().union(*(part.wanted for part in parts))
        known = [part.triggers for part in parts if part.triggers is not None]
        self.triggers = min(known, key=len) if known else None

    def places(self, scene: Scene) -> Places | None:
        found: set[int] = set()
        for part in self._parts:
            places = part.places(scene)
            if places is None:
                return None
            found.update(places)
        return sorted(found)

    def why_not(self, scene: Scene, path: str) -> str:
        at, part = next((at, part) for at, part in enumerate(self._parts) if part.places(scene) is None)
        return part.why_not(scene, path if self._spared else f"{path}.all[{at}]")


class _AnyOf:
    def __init__(self, parts: list[Compiled]) -> None:
        self._parts = parts
        self.wanted = frozenset[int]().union(*(part.wanted for part in parts))
        known = [part.triggers for part in parts if part.triggers is not None]
        self.triggers = frozenset[int]().union(*known) if len(known) == len(parts) else None

    def places(self, scene: Scene) -> Places | None:
        told = [places for part in self._parts if (places := part.places(scene)) is not None]
        return sorted({at for places in told for at in places}) if told else None

    def why_not(self, scene: Scene, path: str) -> str:
        return "; ".join(part.why_not(scene, f"{path}.any[{at}]") for at, part in enumerate(self._parts))


class _Not:
    triggers = None
    wanted = frozenset[int]()

    def __init__(self, part: Compiled) -> None:
        self._part = part

    def places(self, scene: Scene) -> Places | None:
        return [] if self._part.places(scene) is None else None

    def why_not(self, scene: Scene, path: str) -> str:
        places = self._part.places(scene)
        return f"{path}.not: it holds" + (f" in utterance {places[0] + 1}" if places else "")


class _Near:
    def __init__(self, near: Near, one: Compiled, other: Compiled) -> None:
        self._near = near
        self._one = one
        self._other = other
        self.wanted = one.wanted | other.wanted
        known = [part.triggers for part in (one, other) if part.triggers is not None]
        self.triggers = min(known, key=len) if known else None

    def places(self, scene: Scene) -> Places | None:
        one, other = self._one.places(scene), self._other.places(scene)
        if not one or not other or not scene.spoken.ordered:
            return None
        one, other = self._measured(scene.spoken, one), self._measured(scene.spoken, other)
        found = self._beside(one, other, ahead=1) | self._beside(other, one, ahead=-1)
        return sorted(found) if found else None

    def _measured(self, spoken: Spoken, places: Places) -> list[tuple[float, int]]:
        """(where, place) of those whose distance can be known."""
        if self._near.seconds is None:
            return [(at, at) for at in places]
        told = [(begin_ms / 1000, at) for at in places if (begin_ms := spoken.begins_ms[at]) >= 0]
        # Where times contradict the order in which it is written, nothing is known of distances.
        return told if told == sorted(told) else []

    def _beside(self, these: list[tuple[float, int]], those: list[tuple[float, int]], *, ahead: int) -> set[int]:
        """The places of `these` with one of `those` in reach; which, where order counts, comes after it or before."""
        reach = float(self._near.utterances or 0) if self._near.seconds is None else self._near.seconds
        found: set[int] = set()
        for where, at in these:
            first = bisect_left(those, where - reach, key=itemgetter(0))
            end = bisect_right(those, where + reach, key=itemgetter(0))
            farthest = end - 1 if ahead > 0 else first
            if first < end and (not self._near.ordered or (those[farthest][1] - at) * ahead > 0):
                found.add(at)
        return found

    def why_not(self, scene: Scene, path: str) -> str:
        for part, name in ((self._one, "one"), (self._other, "other")):
            if part.places(scene) is None:
                return part.why_not(scene, f"{path}.near.{name}")
        return f"{path}.near: both hold, but nowhere so close"


class _Count:
    def __init__(self, count: Count, part: Compiled) -> None:
        self._count = count
        self._part = part
        self.wanted = part.wanted
        self.triggers = part.triggers if count.at_least > 0 else None

    def places(self, scene: Scene) -> Places | None:
        places = self._part.places(scene) or []
        most = self._count.at_most
        return places if self._count.at_least <= len(places) and (most is None or len(places) <= most) else None

    def why_not(self, scene: Scene, path: str) -> str:
        return f"{path}.count: it holds in {len(self._part.places(scene) or [])} utterances"


class _OfCall:
    triggers = None
    wanted = frozenset[int]()

    def __init__(self, condition: OfCall) -> None:
        self._condition = condition

    def _failing(self, scene: Scene) -> str | None:
        return metrics.failing(self._condition, scene.call, scene.spoken.rounds, scene.zone)

    def places(self, scene: Scene) -> Places | None:
        return [] if self._failing(scene) is None else None

    def why_not(self, scene: Scene, path: str) -> str:
        return f"{path}.call: {self._failing(scene)} does not hold"

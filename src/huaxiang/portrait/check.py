"""A ruleset over calls and their transcripts -> the portraits that it finds in them, each with its evidence.

Takes `model.Call` and the `model.Transcript` facts of that call, in any order; gives `Hit`s. In two stages: one pass of
a set automaton over each utterance tells which words and expressions hit; then the trees of conditions are asked, but
only of the rules of which an atom hit, and of those that can hold without any.

Rule 1: the answer depends on the ruleset, the call and the set of its transcripts, and on nothing else.
Rule 2: a hit is of the first utterance in which the rule's condition has a place; one that rests on what was not said
    or on metrics alone has no utterance, and no second.
Rule 3: hits come in the order of the rules' ids; several rules may give one portrait, and each gives its own hit.
Rule 4: disabled rules find nothing, but their examples are checked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.model import Call, Transcript
from huaxiang.portrait.conditions import Atoms, Compiled, Places, Scene, compiled
from huaxiang.portrait.engines import Regex, Scanner
from huaxiang.portrait.examples import acted
from huaxiang.portrait.rules import Example, Rule, Ruleset, Speaker
from huaxiang.portrait.spoken import Spoken
from huaxiang.portrait.text import normalised_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_EXCERPT: Final = 200
"""Characters of an utterance that a hit quotes."""
MOST_WORDS: Final = 10
"""Matched words and pieces that a hit quotes."""

_TOGETHER: Final = 256
"""Calls whose texts are normalised in one go."""


class Hit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A portrait that a rule found in a call, and why.

    `rule_version`: what decided. `second`, `utterance` (from 0, blanks left out), `speaker`, `text` (an excerpt) are of
    the first utterance that matched; `words`: what matched there, normalised.
    """

    rule: str
    rule_version: str
    type: str
    name: str
    second: int | None = None
    utterance: int | None = None
    speaker: Speaker | None = None
    words: tuple[str, ...] = ()
    text: str = ""


class Failure(msgspec.Struct, frozen=True):
    """An example that does not do what it must. `wanted`: what its list says; `number`: its place there, from 1."""

    rule: str
    wanted: str
    number: int
    reason: str


class _Asked:
    """A rule, ready to be asked."""

    def __init__(self, rule: Rule, version: str, atoms: Atoms) -> None:
        self.rule = rule
        self.version = version
        self.condition: Compiled = compiled(rule.when, atoms)


class Checker:
    """A ruleset, compiled: some seconds for thousands of rules, then used for any number of calls, by any thread.

    Raises `PatternInvalid` for an expression that `load` would have refused.
    """

    def __init__(self, ruleset: Ruleset) -> None:
        """Compile `ruleset`."""
        self.ruleset = ruleset
        self._zone = ZoneInfo(ruleset.time_zone)
        atoms, versions = Atoms(), ruleset.rule_versions()
        ordered = sorted(ruleset.rules, key=lambda rule: rule.id)
        self._asked = [_Asked(rule, versions.get(rule.id, ""), atoms) for rule in ordered]
        self._regexes = [Regex(regex) for regex in atoms.regexes]
        self._words = list(atoms.words)
        self._scanner = Scanner(self._words, self._regexes)
        # What the scanner calls by one number; a word's atom is even, an expression's odd.
        self._atoms = [*range(0, 2 * len(atoms.words), 2), *range(1, 2 * len(atoms.regexes), 2)]
        self._always: list[int] = []
        self._by_atom: defaultdict[int, list[int]] = defaultdict(list)
        for index, asked in enumerate(self._asked):
            if asked.rule.enabled:
                self._file(index, asked.condition.triggers)

    def _file(self, index: int, triggers: frozenset[int] | None) -> None:
        if triggers is None:
            self._always.append(index)
        else:
            for atom in triggers:
                self._by_atom[atom].append(index)

    @property
    def minds_silence(self) -> bool:
        """Whether a rule may find something in a call without a word."""
        return bool(self._always)

    def check(self, call: Call, transcripts: Iterable[Transcript]) -> tuple[Hit, ...]:
        """What the ruleset finds in one call."""
        return next(self.check_many([(call, transcripts)]))

    def check_many(self, calls: Iterable[tuple[Call, Iterable[Transcript]]]) -> Iterator[tuple[Hit, ...]]:
        """What the ruleset finds in each of many calls, in their order: a few hundred are read ahead."""
        waiting = iter(calls)
        while batch := list(islice(waiting, _TOGETHER)):
            for scene, lines in self._scenes(batch):
                rules = set(self._always)
                for atom in scene.hits:
                    rules.update(self._by_atom.get(atom, ()))
                yield tuple(
                    self._hit(self._asked[index], scene, places, lines)
                    for index in sorted(rules)
                    if (places := self._asked[index].condition.places(scene)) is not None
                )

    def failing_examples(self) -> tuple[Failure, ...]:
        """The examples that do not do what they must, by rule, and why."""
        return tuple(failure for asked in self._asked for failure in self._failing(asked))

    def _failing(self, asked: _Asked) -> Iterator[Failure]:
        for wanted, examples in (("hit", asked.rule.hit), ("miss", asked.rule.miss)):
            for number, (scene, lines) in enumerate(self._scenes(self._acted(examples)), 1):
                places = asked.condition.places(scene)
                if wanted == "hit" and places is None:
                    yield Failure(asked.rule.id, wanted, number, asked.condition.why_not(scene, "when"))
                elif wanted == "miss" and places is not None:
                    yield Failure(asked.rule.id, wanted, number, _why(self._hit(asked, scene, places, lines)))

    def _acted(self, examples: Iterable[Example]) -> list[tuple[Call, Iterable[Transcript]]]:
        return [acted(example, self._zone) for example in examples]

    def _scenes(self, calls: list[tuple[Call, Iterable[Transcript]]]) -> Iterator[tuple[Scene, list[bytes]]]:
        """Each call as conditions see it, and its normalised utterances."""
        told = [Spoken(transcripts, self.ruleset.channels) for _, transcripts in calls]
        lines = normalised_lines([said.text for spoken in told for said in spoken.utterances])
        start = 0
        for (call, _), spoken in zip(calls, told, strict=True):
            own = lines[start : start + len(spoken.utterances)]
            start += len(own)
            yield Scene(call, spoken, self._hits(own), self._zone), own

    def _hits(self, lines: list[bytes]) -> dict[int, Places]:
        return {self._atoms[number]: places for number, places in self._scanner.hits(lines).items()}

    def _hit(self, asked: _Asked, scene: Scene, places: Places, lines: list[bytes]) -> Hit:
        rule, portrait = asked.rule, asked.rule.portrait
        if not places:
            return Hit(rule.id, asked.version, portrait.type, portrait.name)
        at, spoken = places[0], scene.spoken
        begin_ms = spoken.begins_ms[at]
        words = self._matched(asked, scene.hits, at, lines[at])
        return Hit(
            rule.id,
            asked.version,
            portrait.type,
            portrait.name,
            second=begin_ms // 1000 if begin_ms >= 0 else None,
            utterance=at,
            speaker=spoken.speakers[at],
            words=words,
            text=_excerpt(spoken.utterances[at].text, words),
        )

    def _matched(self, asked: _Asked, hits: Mapping[int, Places], at: int, line: bytes) -> tuple[str, ...]:
        """What of the rule's words and expressions stands in the utterance, normalised, in the order of the text."""
        wanted = asked.condition.wanted
        atoms = wanted if len(wanted) <= len(hits) else hits.keys() & wanted
        there = [atom for atom in atoms if atom in hits and at in hits[atom]]
        pieces = [self._regexes[atom // 2].matched(line) if atom % 2 else self._words[atom // 2] for atom in there]
        if len(pieces) <= 1:
            return tuple(pieces)
        text = line.decode()
        return tuple(sorted(set(pieces), key=lambda piece: (text.find(piece), piece))[:MOST_WORDS])


def _excerpt(text: str, words: tuple[str, ...]) -> str:
    """So much of the utterance as a hit quotes: where it is long, what stands around the first word found as such."""
    if len(text) <= LONGEST_EXCERPT:
        return text
    found = max(0, next((at for word in words if (at := text.find(word)) >= 0), 0))
    start = max(0, min(found - LONGEST_EXCERPT // 2, len(text) - LONGEST_EXCERPT))
    return text[start : start + LONGEST_EXCERPT]


def _why(hit: Hit) -> str:
    """Why an example hits that must not, in words."""
    if hit.utterance is None:
        return "it holds of the call as a whole"
    quoted = "、".join(hit.words)
    return f"it holds in utterance {hit.utterance + 1}" + (f": {quoted}" if quoted else "")

"""How many utterances a second the quality check reads under 1,000 rules, beside Python's `re` rule by rule.

    python bench/rules.py [UTTERANCES]        (100,000 unless given; one core, under 40 s)

Half of the utterances are what people say in such calls, half are random Han text, so that no automaton lives off its
cache. Seven rules in ten look for words, two for expressions, one combines conditions. The whole check is measured
(transcripts put in order, normalised, matched, conditions asked, evidence kept); the others have less to do: they get
normalised texts and only find which expressions hit which utterance.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable
from importlib import import_module, resources
from typing import Any

import msgspec

from huaxiang.model import Call, Transcript, Utterance
from huaxiang.portrait import Checker, Ruleset, load
from huaxiang.portrait.conditions import Atoms, compiled
from huaxiang.portrait.engines import Regex, Scanner
from huaxiang.portrait.rules import Speaker
from huaxiang.portrait.text import normalised, normalised_lines

RULES = 1_000
UTTERANCES = 100_000
A_CALL = 20
SIDES: tuple[tuple[int, Speaker], ...] = ((0, "agent"), (1, "client"))
FEW = 4_000
"""Utterances that Python's `re` is given: it would take minutes for all."""
SOME = 20_000
"""Utterances that RE2's set is given, once: it may be slow where texts are many."""


def sentences() -> list[str]:
    """What is said in the generator's dialogues."""
    text = resources.files("huaxiang.generate").joinpath("dialogues.json").read_text(encoding="utf-8")
    pieces = msgspec.json.decode(text)
    pairs = [*pieces["greetings"], *pieces["fillers"], *pieces["farewells"]]
    pairs += [pair for topic in pieces["topics"] for pair in topic["turns"]]
    return [sentence for pair in pairs for sentence in pair]


class Made:
    """Rules and calls, the same at every run."""

    def __init__(self) -> None:
        """Draw from the dialogues."""
        self.chance = random.Random(7)  # noqa: S311 - a workload, not a secret
        self.sentences = sentences()
        self.characters = sorted({one for sentence in self.sentences for one in sentence if one > "\u4e00"})

    def utterance(self) -> str:
        """A sentence of a dialogue, or Han text at random."""
        if self.chance.random() < 0.5:  # noqa: PLR2004 - half
            return self.chance.choice(self.sentences)
        return "".join(self.chance.choices(self.characters, k=self.chance.randint(4, 24)))

    def word(self) -> str:
        """Mostly words that are rarely said, some that are said often."""
        if self.chance.random() < 0.05:  # noqa: PLR2004 - one in twenty
            sentence = self.chance.choice(self.sentences)
            start = self.chance.randrange(len(sentence) - 3)
            return re.sub(r"\W", "", sentence[start : start + 4]) or "您好"
        return "".join(self.chance.choices(self.characters, k=self.chance.randint(2, 4)))

    def rule(self, number: int) -> dict[str, Any]:
        """One rule, as a file holds it."""
        words = [self.word() for _ in range(self.chance.randint(1, 5))]
        one, two, three = words[0], self.word(), self.word()
        regex = self.chance.choice(
            [f"{one}.{{0,12}}{two}", f"(?:{one}|{two}){three[0]}?", f"[0-9]{{2,}}{one}", f"{one}(?:了|吗|呢)?{two[0]}"]
        )
        when: dict[str, Any] = {"words": words}
        kind = number % 10
        if kind in {7, 8}:
            when = {"regex": regex}
        elif kind == 9:  # noqa: PLR2004 - one in ten
            near = {"one": {"words": words}, "other": {"words": two}, "within": {"utterances": 4}}
            when = self.chance.choice(
                [
                    {"near": near},
                    {"count": {"of": {"words": words}, "at_least": 2}},
                    {"words": words, "speaker": "client", "first": {"rounds": 3}, "not": {"words": three}},
                    {"any": [{"words": words}, {"regex": regex}], "call": {"duration": {"at_least": 30}}},
                ]
            )
        return {"id": f"r{number}", "portrait": {"type": "测试", "name": f"标签{number}"}, "when": when}

    def ruleset(self, count: int) -> Ruleset:
        """So many rules, through the very loader."""
        return load(msgspec.json.encode({"rules": [self.rule(number) for number in range(count)]}).decode())

    def calls(self, utterances: int) -> list[tuple[Call, tuple[Transcript, ...]]]:
        """Calls of twenty utterances, in two tracks."""
        made: list[tuple[Call, tuple[Transcript, ...]]] = []
        for number in range(utterances // A_CALL):
            said = [Utterance(self.utterance(), at * 3000, at * 3000 + 2500) for at in range(A_CALL)]
            tracks = tuple(
                Transcript(source="bench", call=str(number), side=side, utterances=tuple(said[start::2]))
                for start, side in SIDES
            )
            made.append((Call(source="bench", id=str(number), duration=60), tracks))
        return made


def per_second(count: int, run: Callable[[], object], *, runs: int = 2) -> float:
    """How many a second of the processor's time, the best of the runs: one thread, and nothing waits for anything."""
    best = float("inf")
    for _ in range(runs):
        started = time.process_time()
        run()
        best = min(best, time.process_time() - started)
    return count / best


def atoms_of(ruleset: Ruleset) -> Atoms:
    """The words and expressions of all rules."""
    atoms = Atoms()
    for rule in ruleset.rules:
        compiled(rule.when, atoms)
    return atoms


def by_python(ruleset: Ruleset) -> list[re.Pattern[str]]:
    """One expression for each rule: its words and expressions as alternatives."""
    patterns: list[re.Pattern[str]] = []
    for rule in ruleset.rules:
        atoms = Atoms()
        compiled(rule.when, atoms)
        patterns.append(re.compile("|".join([*map(re.escape, atoms.words), *atoms.regexes]), re.IGNORECASE))
    return patterns


def by_set_of_re2(ruleset: Ruleset) -> Callable[[bytes], list[int] | None]:
    """RE2's own set of all words and expressions."""
    re2 = import_module("re2")
    options = re2.Options()
    options.max_mem, options.case_sensitive, options.never_capture = 256 << 20, False, True
    whole = re2.Set.SearchSet(options)
    atoms = atoms_of(ruleset)
    for pattern in [*map(re2.escape, atoms.words), *atoms.regexes]:
        whole.Add(pattern)
    whole.Compile()
    return whole.Match


def figures(utterances: int = UTTERANCES) -> dict[str, object]:
    """Utterances a second of each way, and the ratio of the whole check to Python's `re`."""
    made = Made()
    ruleset, calls = made.ruleset(RULES), made.calls(utterances)
    started = time.process_time()
    checker = Checker(ruleset)
    compile_s = time.process_time() - started
    texts = [said.text for _, tracks in calls for track in tracks for said in track.utterances]
    lines = normalised_lines(texts)
    atoms = atoms_of(ruleset)
    scanner = Scanner(list(atoms.words), [Regex(regex) for regex in atoms.regexes])
    some, few = lines[:SOME], [normalised(text) for text in texts[:FEW]]
    patterns, set_of_re2 = by_python(ruleset), by_set_of_re2(ruleset)
    hits = sum(len(found) for found in checker.check_many(calls))
    whole = per_second(len(texts), lambda: sum(len(found) for found in checker.check_many(calls)))
    by_re = per_second(len(few), lambda: [pattern.search(text) for text in few for pattern in patterns])
    return {
        "rules": len(ruleset.rules),
        "words_and_expressions": len(atoms.words) + len(atoms.regexes),
        "utterances": len(texts),
        "hits": hits,
        "compile_s": round(compile_s, 2),
        "check_utterances_s": round(whole),
        "matcher_utterances_s": round(per_second(len(lines), lambda: scanner.hits(lines))),
        "re2_set_utterances_s": round(per_second(len(some), lambda: [set_of_re2(line) for line in some], runs=1)),
        "python_re_utterances_s": round(by_re),
        "check_to_python_re": round(whole / by_re, 1),
    }


def main() -> None:
    """Print the figures."""
    told = figures(int(sys.argv[1]) if len(sys.argv) > 1 else UTTERANCES)
    for name, value in told.items():
        print(f"{name:24} {value:>12,}")  # noqa: T201 - a table


if __name__ == "__main__":
    main()

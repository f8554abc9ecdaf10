"""What is said in a call: pieces of dialogue by topic, put together, and timed.

Takes numbers one after the other and who speaks, gives the lines of the call, each with the mark that the quality check
would give for it.

Rule 1: agent and client take turns; a line lasts as long as it takes to say it.
"""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from huaxiang.generate.draws import Weighted, pick
from huaxiang.generate.people import Person
from huaxiang.generate.words import dialogues

_MS_A_CHARACTER: Final = 230


class Line(NamedTuple):
    """What one of the two said. `mark`: type and name, at the first line of a topic."""

    side: str
    text: str
    begin_ms: int
    end_ms: int
    silence_ms: int
    mark: tuple[str, str] | None


class Scripts:
    """All the calls that the pieces can make."""

    def __init__(self) -> None:
        """From the package's own pieces."""
        self._pieces = dialogues()
        self._topics = Weighted(self._pieces.topics, [topic.weight for topic in self._pieces.topics])

    def script(self, turns: Random, person: Person, agent: str, cno: str) -> list[Line]:
        """A whole call, with one to four topics."""
        draw, pieces = turns.random, self._pieces
        said: list[tuple[str, str, tuple[str, str] | None]] = []
        for piece in (pick(pieces.greetings, draw()), *_some(pieces.fillers, draw(), draw())):
            said += [("agent", piece[0], None), ("client", piece[1], None)]
        for _ in range(1 + int(4 * draw() * draw())):
            topic = self._topics.at(draw())
            asked, answered = pick(topic.turns, draw())
            said += [("client", asked, (topic.type, topic.name)), ("agent", answered, None)]
        farewell = pick(pieces.farewells, draw())
        said += [("agent", farewell[0], None), ("client", farewell[1], None)]
        return self._timed(turns, said, self._words(turns, person, agent, cno))

    def _words(self, turns: Random, person: Person, agent: str, cno: str) -> dict[str, str]:
        return {
            "surname": person.surname,
            "title": "先生" if person.male else "女士",
            "city": person.city.city,
            "agent": agent,
            "cno": cno,
            "price": pick(self._pieces.prices, turns.random()),
            "day": pick(self._pieces.days, turns.random()),
            "order": f"{int(10_000 * turns.random()):04}",
        }

    def _timed(
        self, turns: Random, said: list[tuple[str, str, tuple[str, str] | None]], words: dict[str, str]
    ) -> list[Line]:
        lines: list[Line] = []
        seen: set[tuple[str, str]] = set()
        clock = 0
        for side, text, mark in said:
            silence = 200 + int(1500 * turns.random() ** 2)
            begin = clock + silence
            spoken = text.format_map(words) if "{" in text else text
            clock = begin + _MS_A_CHARACTER * len(spoken)
            lines.append(Line(side, spoken, begin, clock, silence, None if mark in seen else mark))
            if mark:
                seen.add(mark)
        return lines


def _some(pieces: tuple[tuple[str, str], ...], many: float, which: float) -> tuple[tuple[str, str], ...]:
    """None to two of the pieces, next to each other."""
    start = int(which * (len(pieces) - 2))
    return pieces[start : start + int(3 * many)]

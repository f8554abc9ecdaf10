"""A call's transcripts, in whatever order they come -> its utterances in the order in which they were said.

The order, the turns and the rounds are those of `dialogue.py`; here every utterance has a speaker and its place.

Rule 1: an utterance of blanks alone is left out.
Rule 2: utterances follow each other by when they begin; at the same moment the agent's or the lower channel's first.
    One transcript without all its times is taken as it is written; of several, the order can't be known.
Rule 3: what can't be known holds nowhere: without an order, no place from the beginning or the end and no distance;
    without known speakers, no round; without a time, no second.
Rule 4: a turn and its answer are a round. The last turn, if nobody answers it, comes after the last round: the last
    two rounds are the last two with an answer, and all that follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from huaxiang.dialogue import Dialogue
from huaxiang.model import Transcript, Utterance
from huaxiang.portrait.rules import Span, Speaker

_SIDES: dict[str, Speaker] = {"agent": "agent", "client": "client"}


class Spoken(Dialogue):
    """A dialogue whose `speakers` have names (None: unknown)."""

    def __init__(self, transcripts: Iterable[Transcript], channels: Mapping[int, Speaker]) -> None:
        """From a call's transcripts; `channels`: whose a channel is, where a transcript tells no side."""
        super().__init__(transcripts)
        self.speakers: list[Speaker | None] = [
            _SIDES[side] if side else None if said.channel is None else channels.get(said.channel)
            for side, said in zip(self.sides, self.utterances, strict=True)
        ]

    @cached_property
    def _end_ms(self) -> int:
        """When the last utterance ends, as far as ends are known."""
        return max(map(_end, self.begins_ms, self.utterances), default=0)

    @cached_property
    def pauses(self) -> list[int | None]:
        """The gap before each place, in milliseconds: since the latest end of all before it, 0 where they overlap."""
        if not self.timed:
            return [None] * len(self.utterances)
        found: list[int | None] = []
        silent_since = 0
        for begin_ms, utterance in zip(self.begins_ms, self.utterances, strict=True):
            found.append(max(0, begin_ms - silent_since))
            silent_since = max(silent_since, _end(begin_ms, utterance))
        return found

    def within_first(self, span: Span, at: int) -> bool:
        """Whether the place `at` is within the call's beginning."""
        if span.rounds is not None:
            return self.turns is not None and self.turns[at] < 2 * span.rounds
        if span.seconds is not None:
            return 0 <= self.begins_ms[at] < 1000 * span.seconds
        return self.ordered and span.utterances is not None and at < span.utterances

    def within_last(self, span: Span, at: int) -> bool:
        """Whether the place `at` is within the call's end."""
        if span.rounds is not None:
            rounds = self.rounds
            return self.turns is not None and rounds is not None and self.turns[at] // 2 >= rounds - span.rounds
        if span.seconds is not None:
            return self.timed and self.begins_ms[at] >= self._end_ms - 1000 * span.seconds
        return self.ordered and span.utterances is not None and at >= len(self.utterances) - span.utterances


def _end(begin_ms: int, utterance: Utterance) -> int:
    end_ms = utterance.end_ms
    return begin_ms if end_ms is None else max(end_ms, begin_ms)

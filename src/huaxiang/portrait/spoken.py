"""A call's transcripts, in whatever order they come -> its utterances in the order in which they were said.

The order, the speakers and the turns are those of `dialogue.py`, which counts the rounds; here every utterance has its
place among them.

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
from operator import itemgetter
from typing import TypeAlias

import msgspec

from huaxiang.model import Transcript, Utterance
from huaxiang.portrait.rules import Span, Speaker

_Placed: TypeAlias = tuple[int, str, int, int, int, Utterance, Speaker | None]
"""Begin (-1 where it isn't known), side, channel, place in its transcript, its number, utterance, speaker: sorted."""


class Spoken:
    """What was said in one call, in order: `utterances`, `speakers` (None: unknown), `begins_ms` (-1: unknown)."""

    def __init__(self, transcripts: Iterable[Transcript], channels: Mapping[int, Speaker]) -> None:
        """From a call's transcripts; `channels`: whose a channel is, where a transcript tells no side."""
        given = _in_one_order(list(transcripts))
        placed = [one for rank, transcript in enumerate(given) for one in _placed(rank, transcript, channels)]
        # Place and number tell all apart: no comparison comes as far as the utterance.
        placed.sort()
        self.timed = not placed or placed[0][0] >= 0
        self.ordered = self.timed or len({one[4] for one in placed}) == 1
        if not self.timed and self.ordered:
            placed.sort(key=itemgetter(3))
        self._placed = placed
        self._transcripts = len(given)
        self.begins_ms = [one[0] for one in placed]
        self.utterances = [one[5] for one in placed]
        self.speakers: list[Speaker | None] = [one[6] for one in placed]

    @cached_property
    def turns(self) -> list[int] | None:
        """The number of each place's turn, from 0; None where they can't be told."""
        if not self.ordered or not self._speakers_known():
            return None
        turns: list[int] = []
        turn, before = -1, ("", -1)
        for _, side, channel, *_ in self._placed:
            if turn < 0 or (side, channel) != before:
                turn, before = turn + 1, (side, channel)
            turns.append(turn)
        return turns

    @property
    def rounds(self) -> int | None:
        """How many rounds the dialogue has: as `dialogue.rounds` counts them."""
        if not self._transcripts:
            return None
        if not self.utterances:
            return 0
        return None if self.turns is None else (self.turns[-1] + 1) // 2

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

    def _speakers_known(self) -> bool:
        """Whether every transcript has a side, or none has and every utterance is on one of several channels."""
        sides = {one[1] for one in self._placed}
        if "" not in sides:
            return True
        channels = {utterance.channel for utterance in self.utterances}
        return sides == {""} and None not in channels and len(channels) > 1


def _placed(rank: int, transcript: Transcript, channels: Mapping[int, Speaker]) -> list[_Placed]:
    """The audible utterances of one transcript."""
    side = transcript.side
    audible = [
        (position, said) for position, said in enumerate(transcript.utterances) if said.text and not said.text.isspace()
    ]
    if side:
        return [
            (-1 if said.begin_ms is None else said.begin_ms, side, 0, position, rank, said, side)
            for position, said in audible
        ]
    found: list[_Placed] = []
    for position, said in audible:
        speaker = None if said.channel is None else channels.get(said.channel)
        begin_ms = -1 if said.begin_ms is None else said.begin_ms
        found.append((begin_ms, "", said.channel or 0, position, rank, said, speaker))
    return found


def _end(begin_ms: int, utterance: Utterance) -> int:
    end_ms = utterance.end_ms
    return begin_ms if end_ms is None else max(end_ms, begin_ms)


def _in_one_order(transcripts: list[Transcript]) -> list[Transcript]:
    """The transcripts in an order that does not depend on how they came."""
    if len(transcripts) < 2:  # noqa: PLR2004 - one is in order
        return transcripts
    if len({transcript.side for transcript in transcripts}) == len(transcripts):
        return sorted(transcripts, key=lambda transcript: transcript.side or "")
    return sorted(transcripts, key=lambda transcript: (transcript.side or "", msgspec.json.encode(transcript)))

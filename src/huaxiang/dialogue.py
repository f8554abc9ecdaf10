"""A call's transcript, one track or a track for each side -> how many rounds the dialogue had (对话轮数).

A round is a turn of the client answered by the agent, or the other way round.

Rule 1: an utterance of blanks alone is silence, and counts for nothing.
Rule 2: the speaker is the transcript's side; where no transcript has one, the channel, if there are at least two.
Rule 3: utterances follow each other by when they begin; at the same moment, the agent's or the lower channel's first.
A single transcript in which a begin is missing is taken as it is written; in several, their order can't be known.
Rule 4: what one speaker says without being answered is one turn, however many utterances it has.
Rule 5: turns pair off from the first one on; each belongs to one round at most, so that rounds = turns // 2. A last
turn without an answer is no round.
Rule 6: what can't be known is None, never a guess; a call in which nobody spoke, or one side alone, has 0 rounds.

    client: 你好 | agent: 您好，请讲            1 round
    client: 你好 | agent: 您好 | client: 再见   1 round: nobody answers the goodbye
    agent: 您好 | agent: 请讲 | client: 好      1 round: the agent's two utterances are one turn
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from operator import itemgetter
from typing import TypeAlias

import msgspec

from huaxiang.model import Transcript, Utterance

_Placed: TypeAlias = tuple[int, str, int, int, int, Utterance]
"""Begin (-1 where it isn't known), side, channel, place in its transcript, its number, utterance: sorted."""


def rounds(transcripts: Iterable[Transcript]) -> int | None:
    """The rounds of one call's dialogue, whatever order its transcripts come in; None where they can't be told.

    None: no transcript at all, speakers that can't be told apart, or several tracks without times.

    >>> said = (Utterance("你好", 0, channel=1), Utterance("您好", 900, channel=0), Utterance("再见", 2000, channel=1))
    >>> rounds([Transcript(source="demo", call="c-1", utterances=said)])
    1
    >>> client = Transcript(source="demo", call="c-1", side="client", utterances=(Utterance("你好", 0),))
    >>> agent = Transcript(source="demo", call="c-1", side="agent", utterances=(Utterance("您好", 900),))
    >>> rounds([client, agent]), rounds([client]), rounds([])
    (1, 0, None)
    """
    return Dialogue(transcripts).rounds


class Dialogue:
    """What was said in one call, in order: `utterances`, `sides` ("" where none is told), `begins_ms` (-1: unknown).

    `ordered`: whether the order can be known.
    """

    def __init__(self, transcripts: Iterable[Transcript]) -> None:
        """From a call's transcripts, whatever order they come in."""
        given = _in_one_order(list(transcripts))
        placed = [one for rank, transcript in enumerate(given) for one in _placed(rank, transcript)]
        # Place and number tell all apart: no comparison comes as far as the utterance.
        placed.sort()
        self.timed = not placed or placed[0][0] >= 0
        self.ordered = self.timed or len({one[4] for one in placed}) == 1
        if not self.timed and self.ordered:
            placed.sort(key=itemgetter(3))
        self._placed = placed
        self._transcripts = len(given)
        self.begins_ms = [one[0] for one in placed]
        self.sides = [one[1] for one in placed]
        self.utterances = [one[5] for one in placed]

    @cached_property
    def turns(self) -> list[int] | None:
        """The number of each utterance's turn, from 0; None where they can't be told."""
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
        """How many rounds it has: see `rounds`."""
        if not self._transcripts:
            return None
        if not self.utterances:
            return 0
        return None if self.turns is None else (self.turns[-1] + 1) // 2

    def _speakers_known(self) -> bool:
        """Whether every transcript has a side, or none has and every utterance is on one of several channels."""
        sides = set(self.sides)
        if "" not in sides:
            return True
        channels = {utterance.channel for utterance in self.utterances}
        return sides == {""} and None not in channels and len(channels) > 1


def _placed(rank: int, transcript: Transcript) -> list[_Placed]:
    """The audible utterances of one transcript."""
    side = transcript.side or ""
    return [
        (-1 if said.begin_ms is None else said.begin_ms, side, 0 if side else said.channel or 0, position, rank, said)
        for position, said in enumerate(transcript.utterances)
        if said.text and not said.text.isspace()
    ]


def _in_one_order(transcripts: list[Transcript]) -> list[Transcript]:
    """The transcripts in an order that does not depend on how they came."""
    if len(transcripts) < 2:  # noqa: PLR2004 - one is in order
        return transcripts
    if len({transcript.side for transcript in transcripts}) == len(transcripts):
        return sorted(transcripts, key=lambda transcript: transcript.side or "")
    return sorted(transcripts, key=lambda transcript: (transcript.side or "", msgspec.json.encode(transcript)))

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
from itertools import groupby
from typing import NamedTuple

from huaxiang.model import Transcript, Utterance


class _Said(NamedTuple):
    """One utterance and its place: compare as a tuple. `speaker` is a side, or a channel after an empty one."""

    begin_ms: int
    speaker: tuple[str, int]
    position: int


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
    given = list(transcripts)
    if not given:
        return None
    spoken = [(transcript, said) for transcript in given if (said := _audible(transcript))]
    if not spoken:
        return 0
    if not _speakers_known(spoken):
        return None
    timed = all(utterance.begin_ms is not None for _, said in spoken for utterance in said)
    if not timed and len(spoken) > 1:
        return None
    placed = sorted(
        _Said((utterance.begin_ms or 0) if timed else 0, _speaker(transcript, utterance), position)
        for transcript, said in spoken
        for position, utterance in enumerate(said)
    )
    if not timed:
        placed.sort(key=lambda said: said.position)
    turns = sum(1 for _ in groupby(placed, key=lambda said: said.speaker))
    return turns // 2


def _audible(transcript: Transcript) -> list[Utterance]:
    return [utterance for utterance in transcript.utterances if utterance.text.strip()]


def _speakers_known(spoken: list[tuple[Transcript, list[Utterance]]]) -> bool:
    """Whether every transcript has a side, or none has and every utterance is on one of several channels."""
    sides = {transcript.side for transcript, _ in spoken}
    if None not in sides:
        return True
    channels = {utterance.channel for _, said in spoken for utterance in said}
    return sides == {None} and None not in channels and len(channels) > 1


def _speaker(transcript: Transcript, utterance: Utterance) -> tuple[str, int]:
    return (transcript.side or "", 0 if transcript.side else utterance.channel or 0)

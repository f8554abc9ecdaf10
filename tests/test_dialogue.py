"""Rounds: each rule of the module has an example, and the count is checked against a slower way to count."""

from __future__ import annotations

import doctest
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang import dialogue
from huaxiang.dialogue import rounds
from huaxiang.model import Transcript, Utterance

SIDES = {"C": "client", "A": "agent"}


def tracks(script: str) -> list[Transcript]:
    """Give a call of two tracks in which C and A speak in the order of the script, a second apart."""
    said = {side: [Utterance("嗯", at * 1000) for at, who in enumerate(script) if who == side] for side in "CA"}
    return [
        Transcript(source="test", call="c-1", side="client", utterances=tuple(said["C"])),
        Transcript(source="test", call="c-1", side="agent", utterances=tuple(said["A"])),
    ]


def single(*said: tuple[int | None, int | None, str]) -> Transcript:
    """Give one track without a side; each utterance is (begin, channel, text)."""
    utterances = tuple(Utterance(text, begin_ms=begin, channel=channel) for begin, channel, text in said)
    return Transcript(source="test", call="c-1", utterances=utterances)


def counted_by_walking(script: str) -> int:
    """Count the rounds as a person would: look for a turn, then for its answer, then begin again."""
    count, waiting, last = 0, False, ""
    for who in script:
        if who != last:
            count += waiting
            waiting = not waiting
        last = who
    return count


def test_the_examples_of_the_module_hold() -> None:
    assert doctest.testmod(dialogue).failed == 0


@pytest.mark.parametrize(
    ("script", "count"),
    [("", 0), ("C", 0), ("AAA", 0), ("CA", 1), ("AC", 1), ("CAC", 1), ("CACA", 2), ("AACCCAC", 2), ("ACACACAC", 4)],
)
def test_a_round_is_a_turn_and_its_answer(script: str, count: int) -> None:
    assert rounds(tracks(script)) == count


@given(st.text(alphabet="CA", max_size=60), st.randoms(use_true_random=False))
def test_the_count_is_that_of_a_person_and_the_same_in_any_order_of_tracks(script: str, random: Random) -> None:
    shuffled = tracks(script)
    random.shuffle(shuffled)
    assert rounds(shuffled) == counted_by_walking(script)


@given(st.text(alphabet="CA", max_size=40), st.randoms(use_true_random=False))
def test_a_side_may_come_in_parts_and_in_any_order(script: str, random: Random) -> None:
    parts = [
        Transcript(source="test", call="c-1", side=track.side, utterances=(said,))
        for track in tracks(script)
        for said in track.utterances
    ]
    random.shuffle(parts)
    assert rounds([*parts, *tracks("")]) == counted_by_walking(script)


@given(st.lists(st.tuples(st.integers(min_value=0, max_value=3), st.sampled_from([0, 1]), st.just("嗯")), max_size=8))
def test_utterances_that_begin_together_count_the_same_however_a_track_lists_them(
    said: list[tuple[int, int, str]],
) -> None:
    assert rounds([single(*said)]) == rounds([single(*reversed(said))])


def test_a_call_without_a_transcript_has_no_count() -> None:
    assert rounds([]) is None


def test_a_transcript_in_which_nothing_is_said_has_no_rounds() -> None:
    assert rounds([single()]) == 0
    assert rounds([single((0, None, ""), (900, None, " \u3000\n"))]) == 0


def test_blanks_are_not_an_answer() -> None:
    assert rounds([single((0, 0, "喂"), (900, 1, "  "), (1800, 0, "喂"), (2700, 1, "你好"))]) == 1


def test_channels_tell_the_speakers_of_a_single_track() -> None:
    assert rounds([single((0, 0, "喂"), (900, 1, "你好"), (1800, 0, "再见"), (2700, 1, "再见"))]) == 2


def test_a_side_counts_more_than_its_channels() -> None:
    client = Transcript(
        source="test",
        call="c-1",
        side="client",
        utterances=(Utterance("喂", 0, channel=0), Utterance("喂", 9, channel=1)),
    )
    assert rounds([client]) == 0


def test_speakers_that_cannot_be_told_apart_give_no_count() -> None:
    assert rounds([single((0, None, "喂"), (900, None, "你好"))]) is None
    assert rounds([single((0, 0, "喂"), (900, 0, "你好"))]) is None
    assert rounds([single((0, 0, "喂"), (900, None, "你好"))]) is None
    assert rounds([*tracks("CA"), single((0, 0, "喂"), (900, 1, "你好"))]) is None


def test_a_single_track_without_times_is_taken_as_it_is_written() -> None:
    assert rounds([single((None, 1, "喂"), (None, 0, "你好"), (None, 1, "好"), (None, 0, "再见"))]) == 2
    assert rounds([single((5000, 1, "喂"), (None, 0, "你好"), (0, 1, "好"), (None, 0, "再见"))]) == 2


def test_several_tracks_without_times_give_no_count() -> None:
    client = Transcript(source="test", call="c-1", side="client", utterances=(Utterance("喂"),))
    agent = Transcript(source="test", call="c-1", side="agent", utterances=(Utterance("你好", 0),))
    assert rounds([client, agent]) is None

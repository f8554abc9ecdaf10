"""The order of what was said: that of the dialogue's rounds, whatever order the transcripts come in."""

from __future__ import annotations

from random import Random
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.dialogue import rounds
from huaxiang.model import Transcript, Utterance
from huaxiang.portrait.rules import Span
from huaxiang.portrait.spoken import Spoken

UTTERANCES = st.builds(
    Utterance,
    text=st.sampled_from(["好", "嗯", " ", "", "\u3000", "再见"]),
    begin_ms=st.none() | st.integers(0, 5).map(lambda second: second * 1000),
    end_ms=st.none() | st.integers(0, 7).map(lambda second: second * 1000),
    channel=st.none() | st.integers(0, 2),
)
TRANSCRIPTS = st.lists(
    st.builds(
        Transcript,
        source=st.sampled_from(["one", "other"]),
        id=st.none() | st.sampled_from(["1", "2"]),
        call=st.just("c"),
        side=st.sampled_from(["agent", "client", None]),
        utterances=st.lists(UTTERANCES, max_size=5).map(tuple),
    ),
    max_size=4,
)


def said(*texts: str, side: Literal["agent", "client"] | None = None, begin: int | None = 0) -> Transcript:
    """A track, of utterances three seconds apart that last two."""
    utterances = tuple(
        Utterance(text)
        if begin is None
        else Utterance(text, begin + at * 3000, begin + at * 3000 + 2000, channel=at % 2)
        for at, text in enumerate(texts)
    )
    return Transcript(source="test", call="c", side=side, utterances=utterances)


def heard(spoken: Spoken) -> list[tuple[str, int, str | None]]:
    return [
        (utterance.text, begin, speaker)
        for utterance, begin, speaker in zip(spoken.utterances, spoken.begins_ms, spoken.speakers, strict=True)
    ]


@given(TRANSCRIPTS)
def test_the_rounds_are_those_of_the_dialogue(transcripts: list[Transcript]) -> None:
    assert Spoken(transcripts, {}).rounds == rounds(transcripts)


@given(TRANSCRIPTS, st.randoms(use_true_random=False))
def test_any_order_of_the_transcripts_gives_the_same(transcripts: list[Transcript], random: Random) -> None:
    shuffled = list(transcripts)
    random.shuffle(shuffled)
    one, other = Spoken(transcripts, {0: "agent"}), Spoken(shuffled, {0: "agent"})
    assert (heard(one), one.turns, one.pauses, one.ordered) == (heard(other), other.turns, other.pauses, other.ordered)


@given(TRANSCRIPTS)
def test_whatever_is_audible_is_heard_once(transcripts: list[Transcript]) -> None:
    audible = [said.text for transcript in transcripts for said in transcript.utterances if said.text.strip()]
    assert sorted(said.text for said in Spoken(transcripts, {}).utterances) == sorted(audible)


def test_two_tracks_are_one_dialogue_by_time() -> None:
    agent, client = said("您好", "请讲", side="agent"), said("喂", side="client", begin=1500)
    assert heard(Spoken([client, agent], {})) == [("您好", 0, "agent"), ("喂", 1500, "client"), ("请讲", 3000, "agent")]


def test_a_channel_tells_the_speaker_only_where_the_ruleset_says_so() -> None:
    track = said("您好", "喂")
    assert Spoken([track], {}).speakers == [None, None]
    assert Spoken([track], {0: "agent", 1: "client"}).speakers == ["agent", "client"]
    assert Spoken([said("您好", "喂", side="client")], {0: "agent"}).speakers == ["client", "client"]


def test_what_nobody_answers_comes_after_the_last_round() -> None:
    spoken = Spoken([said("喂", "您好", "问一下", "请讲", "没了")], {})
    assert (spoken.turns, spoken.rounds) == ([0, 1, 2, 3, 4], 2)
    first = [at for at in range(5) if spoken.within_first(Span(rounds=1), at)]
    last = [at for at in range(5) if spoken.within_last(Span(rounds=1), at)]
    assert (first, last) == ([0, 1], [2, 3, 4])


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        (Span(seconds=3), [0], [4]),
        (Span(seconds=5), [0, 1], [3, 4]),
        (Span(seconds=99), [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        (Span(utterances=2), [0, 1], [3, 4]),
        (Span(rounds=99), [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
    ],
)
def test_the_beginning_and_the_end_of_a_call(span: Span, first: list[int], last: list[int]) -> None:
    # They begin at 0, 3, 6, 9 and 12 seconds, and the last one ends at 14.
    spoken = Spoken([said("喂", "您好", "问一下", "请讲", "没了")], {})
    assert [at for at in range(5) if spoken.within_first(span, at)] == first
    assert [at for at in range(5) if spoken.within_last(span, at)] == last


def test_a_pause_is_since_the_latest_end_of_all_before() -> None:
    agent = Transcript(
        source="test", call="c", side="agent", utterances=(Utterance("喂", 500, 9000), Utterance("嗯", 12_000))
    )
    client = Transcript(source="test", call="c", side="client", utterances=(Utterance("好", 1000, 2000),))
    assert Spoken([agent, client], {}).pauses == [500, 0, 3000]


def test_a_single_track_without_all_its_times_is_taken_as_it_is_written() -> None:
    spoken = Spoken([said("一", "二", "三", begin=None)], {})
    assert [said.text for said in spoken.utterances] == ["一", "二", "三"]
    assert spoken.pauses == [None, None, None]
    assert spoken.within_first(Span(utterances=1), 0)
    assert not spoken.within_first(Span(seconds=99), 0)
    assert not spoken.within_last(Span(seconds=99), 2)


def test_several_tracks_without_times_have_no_order() -> None:
    spoken = Spoken([said("一", side="agent", begin=None), said("二", side="client", begin=None)], {})
    assert not spoken.ordered
    spans = (Span(rounds=9), Span(utterances=9), Span(seconds=9))
    assert not any(spoken.within_first(span, 0) or spoken.within_last(span, 0) for span in spans)
    assert (spoken.turns, spoken.rounds) == (None, None)


def test_two_parts_of_one_side_are_told_apart_by_what_they_say() -> None:
    one, other = said("一", side="agent"), said("二", side="agent")
    assert heard(Spoken([one, other], {})) == heard(Spoken([other, one], {}))
    assert msgspec.json.encode(one) != msgspec.json.encode(other)

"""The check as a whole: equal to the slow one, the same in any order, with its evidence; and examples that fail."""

from __future__ import annotations

from random import Random
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slowcheck import holds

from huaxiang.model import Call, Transcript, Utterance
from huaxiang.portrait import Checker, Failure, Hit, Portrait, Rule, Ruleset, load
from huaxiang.portrait.check import LONGEST_EXCERPT, MOST_WORDS
from huaxiang.portrait.rules import AllOf, AnyOf, Bounds, Condition, Count, Near, Not, OfCall, Said, Span, Value
from huaxiang.portrait.spoken import Spoken
from huaxiang.portrait.text import normalised

WORDS = st.lists(st.sampled_from(["退", "款", "退款", "Ａ", "好", "1"]), max_size=2).map(tuple)
REGEXES = st.lists(st.sampled_from(["退.?款", "^好", "a+$", "[0-9]", "(退|好)a"]), max_size=2).map(tuple)
SPANS = st.none() | st.sampled_from([Span(rounds=1), Span(seconds=2.0), Span(utterances=1), Span(utterances=3)])
BOUNDS = st.none() | st.sampled_from([Bounds(at_least=1.0), Bounds(below=2.0), Bounds(above=0.0, at_most=2.0)])
SAID = st.builds(
    Said,
    words=WORDS,
    all_words=WORDS,
    no_words=WORDS,
    regex=REGEXES,
    no_regex=REGEXES,
    speaker=st.none() | st.sampled_from(["agent", "client"]),
    first=SPANS,
    last=SPANS,
    silence=BOUNDS,
    pause=BOUNDS,
    rate=BOUNDS,
    emotion=BOUNDS,
)
PLAINLY = st.builds(Said, words=WORDS, speaker=st.none() | st.sampled_from(["agent", "client"]))
OF_CALL = st.builds(OfCall, duration=st.sampled_from([Value(one_of=(1.0,)), Value(exists=False)]))


def larger(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    reach = st.integers(0, 2)
    return (
        st.builds(AllOf, parts)
        | st.builds(AnyOf, parts)
        | st.builds(Not, inner)
        | st.builds(Near, inner, inner, utterances=reach, ordered=st.booleans())
        | st.builds(Near, inner, inner, seconds=reach.map(float), ordered=st.booleans())
        | st.builds(Count, inner, at_least=st.integers(0, 2), at_most=st.none() | st.integers(0, 3))
    )


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(PLAINLY | SAID | OF_CALL, larger, max_leaves=5)
UTTERANCES = st.builds(
    Utterance,
    text=st.text(alphabet="退款好aＡ1 ", max_size=5),
    begin_ms=st.integers(0, 4).map(lambda second: second * 1000),
    end_ms=st.none() | st.integers(0, 5).map(lambda second: second * 1000),
    channel=st.integers(0, 1),
    emotion=st.none() | st.sampled_from([0.0, 1.0, 2.0]),
    silence_ms=st.none() | st.integers(0, 2),
    rate=st.none() | st.sampled_from([0.0, 2.0]),
)
TRANSCRIPTS = st.lists(
    st.builds(
        Transcript,
        source=st.just("test"),
        call=st.just("c"),
        side=st.sampled_from(["agent", "client", "client", None]),
        utterances=st.lists(UTTERANCES | st.builds(Utterance, st.just("退款")), max_size=5).map(tuple),
    ),
    max_size=3,
)
CALLS = st.tuples(st.builds(Call, source=st.just("test"), duration=st.none() | st.just(1)), TRANSCRIPTS)
CHANNELS = st.sampled_from([{}, {0: "agent", 1: "client"}])
ZONE = ZoneInfo("Asia/Shanghai")


def ruleset_of(conditions: list[Condition]) -> Ruleset:
    return Ruleset(tuple(Rule(f"r{at}", Portrait("类", f"名{at}"), one) for at, one in enumerate(conditions)))


@settings(max_examples=300)
@given(st.lists(CONDITIONS, max_size=5), st.lists(CALLS, max_size=3), CHANNELS)
def test_the_check_finds_what_the_slow_one_finds(
    conditions: list[Condition], calls: list[tuple[Call, list[Transcript]]], channels: dict[int, str]
) -> None:
    ruleset = msgspec.structs.replace(ruleset_of(conditions), channels=channels)
    found = list(Checker(ruleset).check_many(calls))
    for (call, transcripts), hits in zip(calls, found, strict=True):
        spoken = Spoken(transcripts, ruleset.channels)
        slowly = {rule.id: holds(rule.when, call, spoken, ZONE) for rule in ruleset.rules}
        expected = {id_: min(places, default=None) for id_, places in slowly.items() if places is not None}
        assert {hit.rule: hit.utterance for hit in hits} == expected
        for hit in hits:
            begin = None if hit.utterance is None else spoken.begins_ms[hit.utterance]
            assert hit.second == (None if begin is None or begin < 0 else begin // 1000)


@given(st.lists(CONDITIONS, max_size=4), CALLS, st.randoms(use_true_random=False))
def test_any_order_of_rules_and_transcripts_gives_the_same_hits(
    conditions: list[Condition], call: tuple[Call, list[Transcript]], random: Random
) -> None:
    ruleset = ruleset_of(conditions)
    rules, transcripts = list(ruleset.rules), list(call[1])
    random.shuffle(rules)
    random.shuffle(transcripts)
    shuffled = msgspec.structs.replace(ruleset, rules=tuple(rules))
    assert Checker(shuffled).check(call[0], transcripts) == Checker(ruleset).check(call[0], call[1])
    assert shuffled.version == ruleset.version


@given(st.lists(CONDITIONS, min_size=1, max_size=4), CALLS)
def test_what_other_rules_say_changes_nothing_of_a_rules_hit(
    conditions: list[Condition], call: tuple[Call, list[Transcript]]
) -> None:
    together = Checker(ruleset_of(conditions)).check(*call)
    alone = Checker(ruleset_of(conditions[:1])).check(*call)
    assert tuple(hit for hit in together if hit.rule == "r0") == alone


@given(st.lists(CONDITIONS, max_size=4))
def test_a_ruleset_goes_through_the_store_unchanged(conditions: list[Condition]) -> None:
    ruleset = msgspec.structs.replace(ruleset_of(conditions), channels={0: "agent"})
    again = msgspec.json.decode(msgspec.json.encode(ruleset), type=Ruleset)
    assert again == ruleset
    assert (again.version, again.rule_versions()) == (ruleset.version, ruleset.rule_versions())


# ── evidence ──────────────────────────────────────────────────────────────────────────────────────────────────────


def call_of(*said: tuple[str, str]) -> tuple[Call, list[Transcript]]:
    """A call in two tracks, an utterance every three seconds from half a second on."""
    tracks = [
        Transcript(
            source="test",
            call="c",
            side=side,
            utterances=tuple(
                Utterance(text, at * 3000 + 500, at * 3000 + 2500) for at, (who, text) in enumerate(said) if who == side
            ),
        )
        for side in ("agent", "client")
    ]
    return Call(source="test", id="c"), tracks


def rules_of(when: str) -> Ruleset:
    return load(f"rules: [{{id: r, portrait: {{type: 类, name: 名}}, when: {when}}}]")


def test_a_hit_keeps_its_evidence() -> None:
    ruleset = rules_of("{words: [ＶＩＰ, 退款], regex: '[0-9]{2,}元', speaker: client}")
    hits = Checker(ruleset).check(
        *call_of(("agent", "退款９９元"), ("client", "Vip退款要９９元？"), ("client", "退款99元"))
    )
    assert hits == (
        Hit(
            rule="r",
            rule_version=ruleset.rule_versions()["r"],
            type="类",
            name="名",
            second=3,
            utterance=1,
            speaker="client",
            words=("vip", "退款", "99元"),
            text="Vip退款要９９元？",
        ),
    )


def test_a_hit_that_rests_on_what_was_not_said_has_no_utterance() -> None:
    (hit,) = Checker(rules_of("{not: {words: 抱歉}}")).check(*call_of(("agent", "您好")))
    assert (hit.second, hit.utterance, hit.speaker, hit.words, hit.text) == (None, None, None, (), "")


def test_words_that_must_not_be_there_are_no_evidence() -> None:
    ruleset = rules_of("{words: 退款, no_words: 不, not: {words: 您好}}")
    (hit,) = Checker(ruleset).check(*call_of(("client", "退款"), ("client", "不退款")))
    assert hit.words == ("退款",)


def test_evidence_has_bounds() -> None:
    words = [f"词{at}" for at in range(30)]
    long = "前" * 500 + "".join(words) + "后" * 500
    (hit,) = Checker(rules_of(f"{{words: [{', '.join(words)}]}}")).check(*call_of(("client", long)))
    assert len(hit.words) == MOST_WORDS
    assert len(hit.text) == LONGEST_EXCERPT
    assert normalised(hit.words[0]) in hit.text


def test_a_call_without_a_transcript_hits_only_what_holds_of_the_call() -> None:
    ruleset = load(
        """
rules:
  - {id: a, portrait: {type: t, name: a}, when: {words: 好}}
  - {id: b, portrait: {type: t, name: b}, when: {call: {duration: {above: 5}}}}
  - {id: c, portrait: {type: t, name: c}, when: {count: {of: {speaker: any}, at_most: 0}}}
"""
    )
    hits = Checker(ruleset).check(Call(source="test", duration=6), [])
    assert [hit.rule for hit in hits] == ["b", "c"]


@pytest.mark.parametrize(
    ("when", "minds"),
    [
        ("{words: 好}", False),
        ("{words: 好, not: {words: 坏}, call: {duration: 5}}", False),
        ("{count: {of: {words: 好}, at_least: 1}}", False),
        ("{any: [{words: 好}, {regex: 坏}]}", False),
        ("{not: {words: 好}}", True),
        ("{any: [{words: 好}, {call: {duration: 5}}]}", True),
        ("{count: {of: {words: 好}, at_most: 1}}", True),
        ("{rate: {above: 5}}", True),
    ],
)
def test_a_ruleset_knows_whether_it_is_to_be_asked_where_no_word_hits(when: str, minds: bool) -> None:
    assert Checker(rules_of(when)).minds_silence is minds


def test_a_disabled_rule_finds_nothing_and_its_examples_are_checked() -> None:
    ruleset = load(
        """
rules:
  - id: off
    portrait: {type: t, name: n}
    enabled: false
    when: {words: 好}
    examples: {hit: [client: 坏]}
"""
    )
    checker = Checker(ruleset)
    assert checker.check(*call_of(("client", "好"))) == ()
    assert [failure.rule for failure in checker.failing_examples()] == ["off"]
    assert ruleset.rule_versions() == {}


def test_many_calls_are_answered_in_their_order() -> None:
    checker = Checker(rules_of("{words: 退款}"))
    calls = [call_of(("client", "退款" if number % 3 == 0 else "您好")) for number in range(1_000)]
    assert [len(hits) for hits in checker.check_many(calls)] == [int(number % 3 == 0) for number in range(1_000)]


# ── examples ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_example_that_fails_is_told_with_the_reason() -> None:
    text = """
rules:
  - id: r
    portrait: {type: t, name: n}
    when:
      all:
        - words: 退款
        - near: {one: {words: 优惠}, other: {words: 不要}, within: {utterances: 1}}
      not: {words: 抱歉}
      call: {duration: {at_least: 60}}
    examples:
      hit:
        - client: 您好
        - client: 退款
        - [client: 退款, agent: 优惠, agent: 嗯, client: 不要]
        - [client: 退款, agent: 优惠, client: 不要, agent: 抱歉]
        - [client: 退款, agent: 优惠, client: 不要]
        - {lines: [client: 退款, agent: 优惠, client: 不要], call: {duration: 60}}
      miss:
        - {lines: [client: 退款, agent: 优惠, client: 不要], call: {duration: 60}}
"""
    failures = Checker(load(text)).failing_examples()
    assert [(failure.wanted, failure.number) for failure in failures] == [
        *(("hit", at) for at in range(1, 6)),
        ("miss", 1),
    ]
    assert [failure.reason for failure in failures] == [
        "when.all[0]: no utterance has the words or matches the expression",
        "when.all[1].near.one: no utterance has the words or matches the expression",
        "when.all[1].near: both hold, but nowhere so close",
        "when.not: it holds in utterance 4",
        "when.call: duration does not hold",
        "it holds in utterance 1: 退款",
    ]


def test_every_kind_of_condition_says_why_it_does_not_hold() -> None:
    text = """
rules:
  - id: r
    portrait: {type: t, name: n}
    when:
      any:
        - {words: 退款, speaker: agent}
        - {count: {of: {words: 退}, at_least: 3}}
        - {not: {call: {city: {exists: false}}}}
    examples:
      hit: [client: 退款]
      miss: [agent: 退款]
"""
    hit, miss = Checker(load(text)).failing_examples()
    reasons = [
        "when.any[0]: no utterance has all of it",
        "when.any[1].count: it holds in 1 utterances",
        "when.any[2].not: it holds",
    ]
    assert hit == Failure("r", "hit", 1, "; ".join(reasons))
    assert miss == Failure("r", "miss", 1, "it holds in utterance 1: 退、退款")

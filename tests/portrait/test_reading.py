"""Reading rules: every problem of a file at once, each with its line, column, rule, field and reason."""

from __future__ import annotations

import pytest

from huaxiang.errors import InputInvalid
from huaxiang.portrait import Problem, Ruleset, RulesInvalid, load
from huaxiang.portrait import reading as limits
from huaxiang.portrait.document import MOST_CHARACTERS, MOST_NESTING, MOST_NODES, MOST_PROBLEMS
from huaxiang.portrait.rules import AllOf, AnyOf, Bounds, Clock, Count, Near, Not, OfCall, Said, Span, Value


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(RulesInvalid) as refused:
        load(text, "规则.yaml")
    return refused.value.problems


def rule(when: str, more: str = "") -> str:
    """A file of one rule, whose condition begins in line 4, column 11."""
    return f"rules:\n  - id: r\n    portrait: {{type: t, name: n}}\n    when: {when}\n{more}"


def wrong(when: str) -> list[tuple[str, str]]:
    """Field and reason of each problem of a condition."""
    return [(problem.field, problem.reason) for problem in problems(rule(when))]


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() -> None:
    text = """
rules:
  - id: 退款 诉求
    portrait: {type: 风险, nmae: 退款}
    when: {wrods: [退款], regex: ['(退', 退款, '好*']}
  - id: second
    when: {}
  - id: second
    portrait: 风险
    when: {first: {rounds: 0}}
    enabled: 1
ruels: 1
"""
    with pytest.raises(RulesInvalid) as refused:
        load(text, "规则.yaml")
    unusable = "not a regular expression that can be used"
    assert refused.value.reason.splitlines() == [
        "规则.yaml:3:9: id: an id has no blanks",
        "规则.yaml:4:15: rule 退款 诉求: portrait.name: missing",
        "规则.yaml:4:26: rule 退款 诉求: portrait.nmae: unknown here; did you mean name?",
        "规则.yaml:5:12: rule 退款 诉求: when.wrods: unknown here; did you mean words?",
        f"规则.yaml:5:33: rule 退款 诉求: when.regex[0]: {unusable}: missing ): (退",
        f"规则.yaml:5:43: rule 退款 诉求: when.regex[2]: {unusable}: it matches an empty text, and so every utterance",
        "规则.yaml:6:5: rule second: portrait: missing",
        "规则.yaml:7:11: rule second: when: a condition says something",
        "规则.yaml:8:9: rule second: id: another rule has this id, in line 6",
        "规则.yaml:9:15: rule second: portrait: an object is needed here: name: value",
        "规则.yaml:10:28: rule second: when.first.rounds: between 1 and 1e+12",
        "规则.yaml:11:14: rule second: enabled: true or false is needed here",
        "规则.yaml:12:1: ruels: unknown here; did you mean rules?",
    ]
    assert isinstance(refused.value, InputInvalid)
    assert refused.value.field == "rules"


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("", 1, 1, "nothing is in it"),
        ("# 只有注释\n", 1, 1, "nothing is in it"),
        ("rules: [", 2, 1, "not YAML"),
        ("rules:\n\t- id: a", 2, 1, "not YAML"),
        ("rules: []\n---\nrules: []", 2, 1, "not YAML"),
        ("rules: []\n# \x01", 2, 3, "not YAML"),
        ("[" * (MOST_NESTING + 1), 1, MOST_NESTING + 1, "inside each other"),
        (" " * (MOST_CHARACTERS + 1), 1, 1, "longer than"),
        ("- a", 1, 1, "an object is needed"),
        ("time_zone: UTC", 1, 1, "missing"),
    ],
)
def test_what_is_no_file_of_rules_stops_at_its_place(text: str, line: int, column: int, reason: str) -> None:
    (problem,) = problems(text)
    assert (problem.line, problem.column) == (line, column)
    assert reason in problem.reason


def test_no_rules_are_a_ruleset_if_it_is_said() -> None:
    assert load("rules: []") == Ruleset()


def test_a_value_is_what_is_written_not_what_yaml_makes_of_it() -> None:
    text = rule("{words: [no, 1e3, 0x10, null, 22:00], call: {city: ['60', yes, true, 60, 1_0]}}")
    (one,) = load(text).rules
    assert one.when == AllOf(
        (
            Said(words=("no", "1e3", "0x10", "null", "22:00")),
            OfCall(city=Value(one_of=("60", "yes", True, 60.0, "1_0"))),
        ),
        spared=True,
    )


def test_every_noun_of_the_language_is_read() -> None:
    text = rule(
        """
      words: [退款]
      all_words: 我
      no_words: 不
      regex: [a, b]
      no_regex: c
      speaker: client
      first: {seconds: 1.5}
      last: {utterances: 2}
      silence: {at_least: 1}
      pause: {at_most: 2}
      rate: {above: 3}
      emotion: {below: -0.5}
      all: [{words: 一}]
      any: [{words: 二}, {speaker: any}]
      not: {words: 三}
      near: {one: {words: 四}, other: {words: 五}, within: {seconds: 3}, ordered: true}
      count: {of: {words: 六}, at_least: 1, at_most: 2}
      call:
        duration: {at_least: 60, exists: true}
        rounds: 3
        city: [上海-上海]
        time: {from: '9:30', to: '24:00'}
        details: {a.b: {equals: x, one_of: [y]}}
"""
    )
    (one,) = load(text).rules
    assert one.when == AllOf(
        (
            Said(
                words=("退款",),
                all_words=("我",),
                no_words=("不",),
                regex=("a", "b"),
                no_regex=("c",),
                speaker="client",
                first=Span(seconds=1.5),
                last=Span(utterances=2),
                silence=Bounds(at_least=1),
                pause=Bounds(at_most=2),
                rate=Bounds(above=3),
                emotion=Bounds(below=-0.5),
            ),
            AllOf((Said(words=("一",)),)),
            AnyOf((Said(words=("二",)), Said())),
            Not(Said(words=("三",))),
            Near(Said(words=("四",)), Said(words=("五",)), seconds=3.0, ordered=True),
            Count(Said(words=("六",)), 1, 2),
            OfCall(
                duration=Value(bounds=Bounds(at_least=60), exists=True),
                rounds=Value(one_of=(3.0,)),
                city=Value(one_of=("上海-上海",)),
                time=Clock(570, 1440),
                details={"a.b": Value(one_of=("x", "y"))},
            ),
        ),
        spared=True,
    )


@pytest.mark.parametrize(
    ("when", "field", "reason"),
    [
        ("退款", "when", "an object is needed"),
        ("{words: []}", "when.words", "empty"),
        ("{words: ['']}", "when.words[0]", "a text is needed"),
        ("{words: {a: b}}", "when.words", "a text is needed"),
        ("{words: a, words: b}", "when.words", "given twice"),
        ("{[a]: b}", "when.", "a key is a word"),
        ("{speaker: 客户}", "when.speaker", "one of agent, client, any"),
        ("{first: {}}", "when.first", "exactly one of"),
        ("{first: {rounds: 1, seconds: 2}}", "when.first", "exactly one of"),
        ("{last: {rounds: 1.5}}", "when.last.rounds", "a whole number"),
        ("{last: {seconds: '5'}}", "when.last.seconds", "a number"),
        ("{rate: {}}", "when.rate", "at least one of"),
        ("{rate: {above: 5, below: 5}}", "when.rate", "no number is between"),
        ("{rate: {at_least: 5, below: 5}}", "when.rate", "no number is between"),
        ("{rate: {abvoe: 5}}", "when.rate.abvoe", "did you mean above?"),
        ("{all: {words: a}}", "when.all", "a list is needed"),
        ("{count: {of: {words: a}}}", "when.count", "at least one of"),
        ("{count: {at_least: 1}}", "when.count.of", "missing"),
        ("{count: {of: {words: a}, at_least: 3, at_most: 2}}", "when.count", "no number is between"),
        ("{near: {one: {words: a}, other: {words: b}}}", "when.near.within", "missing"),
        ("{near: {one: {words: a}, other: {words: b}, within: {rounds: 1}}}", "when.near.within.rounds", "unknown"),
        (
            "{near: {one: {words: a, not: {words: c}}, other: {words: b}, within: {seconds: 1}}}",
            "when.near.one",
            "what is near is in an utterance",
        ),
        (
            "{near: {one: {words: a}, other: {count: {of: {words: b}, at_most: 1}}, within: {seconds: 1}}}",
            "when.near.other",
            "what is near is in an utterance",
        ),
        ("{call: {}}", "when.call", "says something"),
        ("{call: {duration: {}}}", "when.call.duration", "says something"),
        ("{call: {time: {from: 25:00, to: 1:00}}}", "when.call.time.from", "a time of day"),
        ("{call: {time: {from: 24:30, to: 1:00}}}", "when.call.time.from", "a time of day"),
        ("{call: {time: {from: 1:00, to: 1:00}}}", "when.call.time", "the same moment"),
        ("{call: {time: {from: 1:00}}}", "when.call.time.to", "missing"),
        ("{regex: '[㈱]'}", "when.regex", "several characters"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(when: str, field: str, reason: str) -> None:
    found = wrong(when)
    assert [one for one in found if one[0] == field and reason in one[1]], found


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ("time_zone: Asia/Nowhere\nrules: []", "time_zone", "no time zone"),
        ("time_zone: ../etc\nrules: []", "time_zone", "no time zone"),
        ("channels: {a: agent}\nrules: []", "channels.a", "a channel is a number"),
        ("channels: {0: 坐席}\nrules: []", "channels.0", "one of agent, client"),
        (rule("{words: a}", "    examples: {hit: {a: b}}"), "examples.hit", "a list is needed"),
        (rule("{words: a}", "    examples: {hit: [{a: b}]}"), "examples.hit[0]", "one speaker"),
        (rule("{words: a}", "    examples: {hit: [{agent: a, client: b}]}"), "examples.hit[0]", "one speaker"),
        (rule("{words: a}", "    examples: {miss: [{agent: a, rate: 快}]}"), "examples.miss[0].rate", "a number"),
        (rule("{words: a}", "    examples: {hit: [{call: {at: 昨天}}]}"), "examples.hit[0].call.at", "a time"),
        (rule("{words: a}", "    examples: {hits: []}"), "examples.hits", "did you mean hit?"),
    ],
)
def test_what_stands_around_the_conditions_is_checked_too(text: str, field: str, reason: str) -> None:
    found = [(problem.field, problem.reason) for problem in problems(text)]
    assert [one for one in found if one[0] == field and reason in one[1]], found


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────────


def nested(depth: int) -> str:
    return "{not: " * depth + "{words: a}" + "}" * depth


@pytest.mark.parametrize(
    ("within", "beyond", "reason"),
    [
        (nested(limits.DEEPEST - 1), nested(limits.DEEPEST), "conditions inside each other"),
        (
            f"{{any: [{', '.join(['{words: a}'] * (limits.MOST_PARTS - 1))}]}}",
            f"{{any: [{', '.join(['{words: a}'] * limits.MOST_PARTS)}]}}",
            "conditions in one rule",
        ),
        (
            f"{{words: [{', '.join(['a'] * limits.MOST_WORDS)}]}}",
            f"{{words: [{', '.join(['a'] * (limits.MOST_WORDS + 1))}]}}",
            "items, at most",
        ),
        (f"{{words: {'a' * limits.LONGEST_WORD}}}", f"{{words: {'a' * (limits.LONGEST_WORD + 1)}}}", "characters, at"),
        (
            f"{{regex: [{', '.join(['a'] * limits.MOST_REGEXES)}]}}",
            f"{{regex: [{', '.join(['a'] * (limits.MOST_REGEXES + 1))}]}}",
            "items, at most",
        ),
        (
            f"{{regex: {'a' * limits.LONGEST_REGEX}}}",
            f"{{regex: {'a' * (limits.LONGEST_REGEX + 1)}}}",
            "characters, at most",
        ),
        ("{regex: 'a{1000}'}", "{regex: 'a{1001}'}", "repetition size"),
        ("{regex: '.{0,300}a'}", "{regex: '.{0,900}a'}", "too large"),
        ("{rate: {above: 1000000000000}}", "{rate: {above: 1000000000001}}", "between"),
    ],
    ids=range(9),
)
def test_a_condition_may_come_up_to_its_limits_and_not_past_them(within: str, beyond: str, reason: str) -> None:
    assert len(load(rule(within)).rules) == 1
    assert [told for _, told in wrong(beyond) if reason in told]


def test_the_rules_and_examples_of_a_file_have_limits() -> None:
    def many(count: int) -> str:
        return "rules:\n" + "".join(
            f"  - {{id: r{number}, portrait: {{type: t, name: n}}, when: {{words: a}}}}\n" for number in range(count)
        )

    assert len(load(many(limits.MOST_RULES)).rules) == limits.MOST_RULES
    assert "at most" in problems(many(limits.MOST_RULES + 1))[0].reason
    lines = ", ".join(["agent: a"] * (limits.MOST_LINES + 1))
    examples = ", ".join(["agent: a"] * (limits.MOST_EXAMPLES + 1))
    found = problems(rule("{words: a}", f"    examples: {{hit: [[{lines}]], miss: [{examples}]}}"))
    assert [problem.field for problem in found] == ["examples.hit[0]", "examples.miss"]


@pytest.mark.parametrize(("key", "each", "rules"), [("words", 2_000, 51), ("regex", 200, 26)])
def test_a_file_has_a_limit_of_words_and_of_expressions(key: str, each: int, rules: int) -> None:
    when = f"{{{key}: [{', '.join(['a'] * each)}]}}"
    text = "".join(f"  - {{id: r{at}, portrait: {{type: t, name: n}}, when: {when}}}\n" for at in range(rules))
    (problem,) = problems("rules:\n" + text)
    assert f"{each * rules:,} " in problem.reason
    assert "at most" in problem.reason


def test_more_problems_than_can_be_told_are_counted() -> None:
    with pytest.raises(RulesInvalid) as refused:
        load("rules: []\n" + "".join(f"unknown{number}: 1\n" for number in range(MOST_PROBLEMS + 7)))
    assert (len(refused.value.problems), refused.value.more) == (MOST_PROBLEMS, 7)
    assert refused.value.reason.endswith("and 7 more")


def test_aliases_are_followed_and_may_not_multiply_without_end() -> None:
    shared = "rules:\n  - {id: a, portrait: &p {type: t, name: n}, when: &w {words: 退款}}\n"
    ruleset = load(shared + "  - {id: b, portrait: *p, when: *w}\n")
    assert ruleset.rules[0].when == ruleset.rules[1].when
    laughs = "a: &a {words: [" + ", ".join(["b"] * 2000) + "]}\n"
    rules = "".join(
        f"  - {{id: r{at}, portrait: {{type: t, name: n}}, when: {{any: [{', '.join(['*a'] * 150)}]}}}}\n"
        for at in range(40)
    )
    found = problems(laughs + "rules:\n" + rules)
    assert f"more than {MOST_NODES:,} values in one file" in found[-1].reason


def test_an_alias_of_itself_ends() -> None:
    found = problems("rules:\n  - {id: a, portrait: {type: t, name: n}, when: &w {not: *w}}")
    assert "conditions inside each other" in found[0].reason


# ── versions ──────────────────────────────────────────────────────────────────────────────────────────────────────

ONE = "  - {id: a, portrait: {type: t, name: n}, when: {words: 退款}}\n"
OTHER = "  - id: b\n    portrait: {type: t, name: m}\n    when: {call: {details: {x: 1, y: 2}}}\n"


def test_the_order_of_rules_comments_and_blanks_do_not_count() -> None:
    first = load("rules:\n" + ONE + OTHER)
    for text in (
        "rules:\n" + OTHER + ONE,
        "# 规则\nrules:\n\n" + ONE + "\n  # 另一条\n" + OTHER,
        "time_zone: Asia/Shanghai\nrules:\n" + ONE + OTHER.replace("{x: 1, y: 2}", "{y: 2.0, x: 1}"),
    ):
        assert load(text).version == first.version
        assert load(text).rule_versions() == first.rule_versions()


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("rules:\n" + ONE, {"b"}),
        ("rules:\n" + ONE.replace("退款", "退货") + OTHER, {"a"}),
        ("rules:\n" + ONE.replace("name: n", "name: k") + OTHER, {"a"}),
        ("time_zone: UTC\nrules:\n" + ONE + OTHER, {"a", "b"}),
        ("channels: {0: agent}\nrules:\n" + ONE + OTHER, {"a", "b"}),
        ("rules:\n" + ONE.replace("id: a", "id: a, enabled: false") + OTHER, {"a"}),
        ("rules:\n" + ONE.replace("id: a", "id: a, description: 说明") + OTHER, set[str]()),
        ("rules:\n" + ONE.replace("id: a", "id: a, examples: {hit: [client: 退款]}") + OTHER, set[str]()),
    ],
    ids=range(8),
)
def test_any_other_change_is_another_version_and_of_the_rules_that_it_concerns(text: str, changed: set[str]) -> None:
    before, after = load("rules:\n" + ONE + OTHER), load(text)
    assert before.version != after.version
    old, new = before.rule_versions(), after.rule_versions()
    assert {id_ for id_ in old if old[id_] != new.get(id_)} == changed

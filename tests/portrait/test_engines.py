"""Words and expressions: what the two engines find is what Python's own `in` and `re` find, one by one."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from huaxiang.portrait.engines import Regex, Scanner
from huaxiang.portrait.pattern import PatternInvalid, translated
from huaxiang.portrait.text import normalised

LETTERS = "退款好a1Bé ，.?？ＶⅣ\n_-"
"""Enough alike that drawn expressions often match drawn texts."""


class Written(NamedTuple):
    """One expression, as a rule writes it and as Python's `re` has it over normalised texts."""

    rule: str
    python: str


def a_literal(one: str) -> Written:
    escaped = "\\" + one if one.isascii() and not one.isalnum() and one not in "\n _" else one
    spelled = normalised(one) if one != "\n" else one
    return Written(escaped, f"(?:{re.escape(spelled)})")


def a_class(drawn: tuple[bool, list[str]]) -> Written:
    negated, ones = drawn
    rule = "".join("\\" + one if one in "-]^\\[" else one for one in ones)
    python = "".join("\n" if one == "\n" else re.escape(normalised(one)) for one in ones)
    sign = "^" if negated else ""
    return Written(f"[{sign}{rule}]", f"[{sign}{python}]")


def a_repeat(drawn: tuple[Written, str]) -> Written:
    inner, repeat = drawn
    return Written(f"(?:{inner.rule}){repeat}", f"(?:{inner.python}){repeat}")


SINGLE = "".join(one for one in LETTERS if len(normalised(one)) == 1)
LITERALS = st.sampled_from(LETTERS).map(a_literal)
CLASSES = st.tuples(st.booleans(), st.lists(st.sampled_from(SINGLE), min_size=1, max_size=4)).map(a_class)
SIGNS = st.sampled_from(
    [
        *(Written(one, one) for one in (".", r"\d", r"\D", r"\w", r"\W", r"\b", "^", "[0-9]", "[a-c退-遟]", "[^0-9]")),
        Written("$", r"\Z"),
        Written(r"\z", r"\Z"),
        Written(r"\A", r"\A"),
        Written(r"\s", "[ \t\n\f\r]"),
        Written(r"\S", "[^ \t\n\f\r]"),
        Written(r"[\s1]", "[ \t\n\f\r1]"),
        Written(r"\x{9000}", "退"),
        Written(r"\x41", "a"),
        Written("(?i)", ""),
        Written("[Ａ-Ｃ]", "[a-c]"),
        Written(r"\pN", r"[0-9]"),
        Written("[[:digit:]]", "[0-9]"),
        Written("{", re.escape("{")),
        Written("a{,2}", re.escape("a{,2}")),
    ]
)
REPEATS = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?"])
EXPRESSIONS = st.recursive(
    LITERALS | CLASSES | SIGNS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: Written("".join(one.rule for one in parts), "".join(one.python for one in parts))
        )
        | st.lists(inner, min_size=2, max_size=3).map(
            lambda parts: Written(
                "(" + "|".join(one.rule for one in parts) + ")", "(?:" + "|".join(one.python for one in parts) + ")"
            )
        )
        | st.tuples(inner, REPEATS).map(a_repeat)
    ),
    max_leaves=6,
)
TEXTS = st.lists(st.text(alphabet=LETTERS + "bd2{,", max_size=12), max_size=5)


def usable(written: Written) -> tuple[Regex, re.Pattern[str]] | None:
    """Both, where the rule may use it."""
    try:
        regex = Regex(written.rule)
    except PatternInvalid as refused:
        reason = str(refused)
    else:
        return regex, re.compile(written.python, re.IGNORECASE | re.ASCII)
    assert any(word in reason for word in ("empty text", "repetition")), reason
    return None


@given(st.lists(EXPRESSIONS, max_size=6), st.lists(st.text(alphabet=SINGLE, min_size=1, max_size=3), max_size=4), TEXTS)
@example([Written(r"a{,2}", re.escape("a{,2}"))], [], ["a{,2}", "aa"])
@example([Written("退[^款]$", r"退[^款]\Z")], [], ["退款\n", "退\n"])
def test_the_set_finds_what_python_finds_one_by_one(
    expressions: list[Written], words: list[str], texts: list[str]
) -> None:
    lines = [normalised(text) for text in texts]
    both = [pair for written in expressions if (pair := usable(written)) is not None]
    wanted = sorted({normalised(word) for word in words} - {""})
    found = Scanner(wanted, [regex for regex, _ in both]).hits([line.encode() for line in lines])
    slowly = {number: [at for at, line in enumerate(lines) if word in line] for number, word in enumerate(wanted)}
    for number, (_, pattern) in enumerate(both, len(wanted)):
        slowly[number] = [at for at, line in enumerate(lines) if pattern.search(line)]
    assert found == {number: places for number, places in slowly.items() if places}


@given(EXPRESSIONS, st.text(alphabet=LETTERS, max_size=12))
def test_what_is_quoted_as_matched_is_what_python_matches_first(written: Written, text: str) -> None:
    both = usable(written)
    line = normalised(text)
    if both is not None:
        regex, pattern = both
        found = pattern.search(line)
        assert regex.matched(line.encode()) == (found[0] if found else "")
        assert regex.matches(line.encode()) is (found is not None)


@pytest.mark.parametrize(
    ("pattern", "finds"),
    [
        (r"\p{Han}款", None),
        ("[[:alpha:]]1", None),
        (r"a\B", None),
        ("(?s)a.b", None),
        ("(?s:a.b)", None),
        ("(?P<what>退)款", r"(?:\x{9000})\x{6b3e}"),
        ("(?i:退)款", r"(?:\x{9000})\x{6b3e}"),
        ("多？", r"\x{591a}\x{3f}"),
    ],
)
def test_what_both_engines_may_read_differently_stays_out_of_the_set(pattern: str, finds: str | None) -> None:
    assert translated(pattern).finds == finds


@pytest.mark.parametrize(
    ("pattern", "hit", "miss"),
    [
        ("多少钱？", "多少钱？", "多少"),
        ("多少钱？", "多少钱?", "多少钱"),
        ("（退|换）", "(退|换)", "退"),
        ("（退", "(退", "退"),
        ("㈱+$", "(株)(株)", "(株"),
        ("[（）]", "(", "退"),
        ("[？！]", "!", "退"),
        ("ＶＩＰ", "vip", "vap"),
        ("VIP", "ｖｉｐ", "vi p"),
        ("e\u0301t", "ét", "et"),
        ("(?i)a(?-i)b", "AB", "A"),
        (r"[\]退]好", "]好", "好"),
        ("[]退]好", "]好", "[好"),
        ("[^]退]好", "换好", "]好"),
    ],
)
def test_characters_beyond_ascii_are_literal_and_normalised(pattern: str, hit: str, miss: str) -> None:
    regex = Regex(pattern)
    lines = [normalised(text).encode() for text in (hit, miss)]
    assert [regex.matches(line) for line in lines] == [True, False]
    assert Scanner([], [regex]).hits(lines) == {0: [0]}


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(退", "missing"),
        ("退(?=款)", "perl operator"),
        ("退(?<!不)款", "perl operator"),
        (r"(退)\1", "escape"),
        ("好*", "empty text"),
        ("^$|退", "empty text"),
        (r"\Q退.款\E", "can't be used"),
        (r"\C", "can't be used"),
        (r"\退", "no backslash"),
        ("[㈱]", "several characters"),
        ("退{1001}", "repetition size"),
        ("[z-a]", "range"),
        ("退\\", "trailing"),
        ("[退", "missing"),
        ("a**", "repetition operator"),
        (r"\p{Han}{500}", "too large"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_in_words(pattern: str, reason: str) -> None:
    with pytest.raises(PatternInvalid, match=re.escape(reason)):
        Regex(pattern)


def test_an_expression_of_many_instructions_is_looked_for_alone_and_found_all_the_same() -> None:
    large = Regex("退.{0,300}款")
    scanner = Scanner(["款"], [large, Regex("退.{0,3}款")])
    assert scanner.alone == 1
    assert scanner.hits(["退了款".encode(), ("退" + "了" * 200 + "款").encode()]) == {0: [0, 1], 1: [0, 1], 2: [0]}


def test_an_expression_that_the_set_refuses_costs_the_others_nothing() -> None:
    # An anchor inside of a repeat: the set refuses it when it is compiled.
    odd = Regex("(?:^退|款$)+好")
    scanner = Scanner(["好"], [Regex("退款?"), odd, Regex("[0-9]+")])
    assert scanner.alone == 1
    assert scanner.hits(["退好".encode(), "退7".encode()]) == {0: [0], 1: [0, 1], 2: [0], 3: [1]}


def test_nothing_to_look_for_is_found_nowhere() -> None:
    assert Scanner([], []).hits([b"", "退款".encode()]) == {}


def test_the_longest_search_that_defeats_backtracking_takes_no_longer_than_its_text() -> None:
    # (a+)+$ over 20,000 letters and a digit would take Python's `re` longer than the universe has been.
    regex = Regex("(a+)+b")
    assert Scanner([], [regex]).hits([b"a" * 20_000 + b"1"]) == {}
    assert not regex.matches(b"a" * 20_000 + b"1")


def test_threads_share_a_scanner() -> None:
    scanner = Scanner(["退款", "投诉"], [Regex("[0-9]{3}")])
    lines = [f"第{number}次退款".encode() for number in range(50)] * 20
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(scanner.hits, [lines] * 8))
    assert all(one == {0: list(range(len(lines)))} for one in found)

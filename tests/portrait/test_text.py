"""One spelling for one text: the quick way gives what the library gives, for any text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.portrait.text import PLAIN, normalised, normalised_lines

PLAIN_TEXT = st.text(alphabet=st.sampled_from(sorted(PLAIN)), max_size=30)
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(PLAIN_TEXT | ANY_TEXT, max_size=8))
def test_many_texts_together_normalise_as_each_alone(texts: list[str]) -> None:
    assert [line.decode() for line in normalised_lines(texts)] == [normalised(text) for text in texts]


def test_no_plain_character_composes_with_another() -> None:
    # Each alone, and both sides of every other kind of neighbour: a letter, a Han character, a full-width letter.
    for one in sorted(PLAIN - {"\n"}):
        for other in "aé中Ａ":
            text = one + other + one
            assert normalised(text) == normalised(one) + normalised(other) + normalised(one)
        assert not unicodedata.combining(normalised(one)[0])


@given(ANY_TEXT)
def test_what_is_normalised_stays_as_it_is(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("ＶＩＰ会员，好吗？", "vip会员,好吗?"),
        ("Straße", "strasse"),
        ("ｱｲｳ", "アイウ"),
        ("e\u0301", "é"),
        ("第①条\u3000㈱", "第1条 (株)"),
        ("一\r\n二\n三\r四", "一 二 三 四"),
    ],
)
def test_width_case_and_composition_do_not_tell_texts_apart(text: str, spelled: str) -> None:
    assert normalised(text) == spelled
    assert normalised_lines(["前", text, ""]) == ["前".encode(), spelled.encode(), b""]


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert normalised_lines(["好\ud800"]) == ["好?".encode()]


def test_no_texts_are_no_lines() -> None:
    assert normalised_lines([]) == []

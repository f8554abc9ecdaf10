"""The language's README: each of its blocks is a whole file that loads, and whose examples do what they must."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import huaxiang.portrait
from huaxiang.portrait import Checker, load
from huaxiang.portrait import reading as limits
from huaxiang.portrait.document import MOST_CHARACTERS
from huaxiang.portrait.engines import MOST_IN_SET, MOST_PROGRAM

README = Path(huaxiang.portrait.__file__).with_name("README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


def test_every_rule_of_the_language_has_a_block() -> None:
    numbers = [int(number) for number in re.findall(r"^\*\*Rule (\d+):", README, re.MULTILINE)]
    assert numbers == list(range(1, 12))
    assert len(BLOCKS) == 11


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.findall(r"id: (\S+)", block)[0])
def test_the_examples_of_the_readme_hold(block: str) -> None:
    ruleset = load(block, "README.md")
    assert all(rule.hit and rule.miss for rule in ruleset.rules)
    assert Checker(ruleset).failing_examples() == ()


def test_the_limits_of_the_readme_are_those_of_the_code() -> None:
    section = " ".join(README.partition("## Errors and limits")[2].split())
    said = [
        f"{MOST_CHARACTERS:,} characters and {limits.MOST_RULES:,} rules a file",
        f"{limits.MOST_WORDS_IN_FILE:,} words and {limits.MOST_REGEXES_IN_FILE:,} expressions;",
        f"{limits.MOST_PARTS} conditions a rule, {limits.DEEPEST} inside each other",
        f"{limits.MOST_WORDS:,} words a list, {limits.LONGEST_WORD} characters a word",
        f"{limits.MOST_REGEXES} expressions a list, {limits.LONGEST_REGEX:,} characters and {MOST_PROGRAM:,} RE2",
        f"{limits.MOST_EXAMPLES} examples a list, {limits.MOST_LINES} lines each",
        f"more than {MOST_IN_SET:,} instructions",
    ]
    assert [text for text in said if text not in section] == []

"""What a column means -> how two of its values compare, by levels from «the same» to «something else».

Takes a `Column` (its name and its kind); gives its `Level`s, and the Splink comparison that they make with the weights
that were learnt. The condition of a level is an expression in DuckDB's SQL over the column's name with `_l` and `_r`.

Rule 1: the first level that holds counts; where either value is missing, none does, and the column says nothing.
Rule 2: an equal value weighs by how rare it is: two Ouyangs prove more than two Wangs.
Rule 3: a distance is computed only behind a cheaper test that nearly all pairs fail: the distance that knows
    transpositions costs ten times what the similarity in front of it costs.
Rule 4: `share` is where learning starts: in how many true matches the level is expected. Data soon outweighs it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import msgspec
import splink.comparison_level_library as levels
from splink.comparison_library import CustomComparison

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind: TypeAlias = Literal["name", "text", "date", "number", "word", "numbers", "texts", "words"]
"""name: a person's, or a part of one. text: an address, a company. date: eight digits, year first. number: digits of which
one can be mistyped. word: one of few, a city. numbers, texts, words: lists of such, of which any may agree; of words, only
exactly."""

LISTS: Final = frozenset({"numbers", "texts", "words"})
_SAFE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Column(msgspec.Struct, frozen=True):
    """A column of the table. `partner`: the column with which its values get swapped, as given name and surname do."""

    name: str
    kind: Kind
    partner: str | None = None

    def __post_init__(self) -> None:
        """Names become parts of expressions, so they are plain words.

        Raises:
            ValueError: the name is no plain word.
        """
        for name in (self.name, self.partner or self.name):
            if not _SAFE_NAME.fullmatch(name):
                raise ValueError(f"a column's name is lower-case letters, digits and _, not {name!r}")


class Level(NamedTuple):
    """One grade of likeness: what it says to a reader, its condition, its first `share` (rule 4)."""

    says: str
    condition: str
    share: float


class Weights(NamedTuple):
    """How often each level holds, among matches (`m`) and among others (`u`); in the order of the column's levels."""

    m: tuple[float, ...]
    u: tuple[float, ...]


SAME: Final = "same"
OTHER: Final = "different"


def levels_of(column: Column) -> tuple[Level, ...]:
    """The column's levels, the most alike first; the last holds for all the rest and has no condition."""
    left, right = f"{column.name}_l", f"{column.name}_r"
    found = [Level(SAME, f"{left} = {right}", 0.8), *_between(column, left, right)]
    if column.kind in LISTS:
        found[0] = Level(SAME, f"list_has_any({left}, {right})", 0.8)
    rest = max(0.05, 1 - sum(level.share for level in found))
    return (*found, Level(OTHER, "", rest))


def _between(column: Column, left: str, right: str) -> list[Level]:
    """The levels between the same and different."""
    close = f"jaro_winkler_similarity({left}, {right}) >= 0.88"
    match column.kind:
        case "name":
            between = [
                Level("one letter astray", _within(left, right, 1, 0.75), 0.08),
                Level("alike", f"{close} or {_one_of_two(left, right)}", 0.04),
            ]
        case "text":
            between = [Level("two letters astray", _within(left, right, 2, 0.75), 0.1), Level("alike", close, 0.05)]
        case "date":
            between = [
                Level("day and month swapped", _day_and_month_swapped(left, right), 0.02),
                Level("one digit astray", _within(left, right, 1, 0.8), 0.07),
                Level("two digits astray", _within(left, right, 2, 0.75), 0.02),
            ]
        case "number":
            between = [
                Level("one digit astray", _within(left, right, 1, 0.8), 0.08),
                Level("two digits astray", _within(left, right, 2, 0.75), 0.02),
            ]
        case "word":
            between = [Level("one letter astray", _within(left, right, 1, 0.8), 0.04)]
        case "numbers":
            between = [Level("one digit astray", _any_within_one(left, right), 0.1)]
        case "texts":
            between = [Level("one letter astray", _any_within_one(left, right), 0.1)]
        case "words":
            between = []
    if column.partner is not None:
        between.insert(0, Level("swapped", _swapped(column.name, column.partner), 0.02))
    return between


def _within(left: str, right: str, most: int, gate: float) -> str:
    """Within `most` letters or digits added, lost, mistaken or transposed; behind the cheaper test of rule 3."""
    return f"(jaro_similarity({left}, {right}) >= {gate} and damerau_levenshtein({left}, {right}) <= {most})"


def _any_within_one(left: str, right: str) -> str:
    """Some number of the one list is within a digit of some number of the other."""
    near = "jaro_similarity(x, y) >= 0.8 and damerau_levenshtein(x, y) <= 1"
    return f"len(list_filter({left}, lambda x: len(list_filter({right}, lambda y: {near})) > 0)) > 0"


def _one_of_two(left: str, right: str) -> str:
    """Names of two characters that share one in its place: the unit of a Chinese given name is the character."""
    both_two = f"length({left}) = 2 and length({right}) = 2"
    return f"({both_two} and hamming({left}, {right}) <= 1)"


def _day_and_month_swapped(left: str, right: str) -> str:
    """The same year; the day of the one is the month of the other."""
    return f"{left}[1:4] = {right}[1:4] and {left}[5:6] = {right}[7:8] and {left}[7:8] = {right}[5:6]"


def _swapped(name: str, partner: str) -> str:
    """A value of one column stands in the other column of the other record, whole on at least one side."""
    return f"({name}_l = {partner}_r or {partner}_l = {name}_r)"


def comparison(column: Column, weights: Weights) -> CustomComparison:
    """The column's Splink comparison with these weights; an equal value's weight goes by its frequency (rule 2)."""
    made: list[levels.CustomLevel | levels.NullLevel | levels.ElseLevel | levels.ExactMatchLevel] = [
        levels.NullLevel(column.name)
    ]
    for level, m, u in zip(levels_of(column), weights.m, weights.u, strict=True):
        if not level.condition:
            one = levels.ElseLevel()
        elif level.says == SAME and column.kind not in LISTS:
            one = levels.ExactMatchLevel(column.name, term_frequency_adjustments=True)
        else:
            one = levels.CustomLevel(level.condition, label_for_charts=level.says)
        one.configure(m_probability=m, u_probability=u)
        made.append(one)
    return CustomComparison(list(made), output_column_name=column.name)


def first_weights(column: Column) -> Weights:
    """The weights before anything was learnt: the levels' shares, and chances that any data will correct."""
    shares = [level.share for level in levels_of(column)]
    m = tuple(share / sum(shares) for share in shares)
    u = (*(0.001 for _ in shares[1:]), 1 - 0.001 * (len(shares) - 1))
    return Weights(m, u)


def level_at(column: Column, gamma: int) -> str | None:
    """What Splink's number of a level says; None where a value was missing. Splink counts from the last, which is 0."""
    found: Sequence[Level] = levels_of(column)
    return found[len(found) - 1 - gamma].says if gamma >= 0 else None


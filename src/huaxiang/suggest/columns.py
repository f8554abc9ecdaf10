"""What a column means -> how two of its values compare, by levels from «the same» to «something else».

Takes a `Column` (its name and its kind); gives its `Level`s, and the Splink comparison that they make with the weights
that were learnt. The condition of a level is an expression in DuckDB's SQL over the column's name with `_l` and `_r`.

Rule 1: the first level that holds counts; where either value is missing, none does, and the column says nothing.
Rule 2: an equal value weighs by how rare it is: two Ouyangs prove more than two Wangs.
Rule 3: a distance is computed only behind a cheaper test that nearly all pairs fail: the distance that knows
    transpositions costs ten times what the similarity in front of it costs.
Rule 4: `share` and `chance` are where learning starts: in how many matches a level is expected, and in how many other
    pairs. They stand while there is little to learn from, and any larger table outweighs them.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
import splink.comparison_level_library as levels
from splink.comparison_library import CustomComparison

Kind: TypeAlias = Literal["name", "text", "date", "number", "word", "numbers", "texts", "words"]
"""name: a person's, or a part of one. text: an address, a company. date: eight digits, year first. number: digits of
which one can be mistyped. word: one of few, a city. numbers, texts, words: lists of such, of which any may agree; of
words, only exactly."""

LISTS: Final = frozenset({"numbers", "texts", "words"})
_SAFE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Column(msgspec.Struct, frozen=True):
    """A column of the table.

    `partner`: the column with which its values get swapped, as given name and surname do. `shared`: families or
    colleagues have it in common, so that to have it in common does not make two of them one.
    """

    name: str
    kind: Kind
    partner: str | None = None
    shared: bool = False

    def __post_init__(self) -> None:
        """Names become parts of expressions, so they are plain words.

        Raises:
            ValueError: the name is no plain word.

        """
        for name in (self.name, self.partner or self.name):
            if not _SAFE_NAME.fullmatch(name):
                raise ValueError(f"a column's name is lower-case letters, digits and _, not {name!r}")


class Level(NamedTuple):
    """One grade of likeness: what it says to a reader, its condition, its first `share` and `chance` (rule 4)."""

    says: str
    condition: str
    share: float
    chance: float


class Weights(NamedTuple):
    """How often each level holds, among matches (`m`) and among others (`u`); in the order of the column's levels."""

    m: tuple[float, ...]
    u: tuple[float, ...]


_SAME_BY_CHANCE: Final[dict[Kind, float]] = {
    "name": 0.01,
    "text": 5e-4,
    "date": 5e-5,
    "number": 1e-5,
    "word": 0.1,
    "numbers": 1e-6,
    "texts": 1e-6,
    "words": 0.01,
}
SAME: Final = "same"
OTHER: Final = "different"


def levels_of(column: Column) -> tuple[Level, ...]:
    """The column's levels, the most alike first; the last holds for all the rest and has no condition."""
    left, right = f"{column.name}_l", f"{column.name}_r"
    same = f"list_has_any({left}, {right})" if column.kind in LISTS else f"{left} = {right}"
    found = [Level(SAME, same, 0.8, _SAME_BY_CHANCE[column.kind]), *_between(column, left, right)]
    rest = max(0.05, 1 - sum(level.share for level in found))
    return (*found, Level(OTHER, "", rest, 1 - sum(level.chance for level in found)))


def _between(column: Column, left: str, right: str) -> list[Level]:
    """The levels between the same and different."""
    close = f"jaro_winkler_similarity({left}, {right}) >= 0.88"
    match column.kind:
        case "name":
            between = [
                Level("one letter astray", _within(left, right, 1, 0.75), 0.08, 0.002),
                Level("alike", f"{close} or {_one_of_two(left, right)}", 0.04, 0.003),
            ]
        case "text":
            between = [
                Level("two letters astray", _within(left, right, 2, 0.75), 0.1, 1e-4),
                Level("alike", close, 0.05, 0.001),
            ]
        case "date":
            between = [
                Level("day and month swapped", _day_and_month_swapped(left, right), 0.02, 2e-5),
                Level("one digit astray", _within(left, right, 1, 0.8), 0.07, 0.001),
                Level("two digits astray", _within(left, right, 2, 0.75), 0.02, 0.01),
            ]
        case "number":
            between = [
                Level("one digit astray", _within(left, right, 1, 0.8), 0.08, 1e-4),
                Level("two digits astray", _within(left, right, 2, 0.75), 0.02, 0.01),
            ]
        case "word":
            between = [Level("one letter astray", _within(left, right, 1, 0.8), 0.04, 0.001)]
        case "numbers":
            between = [Level("one digit astray", _any_within_one(left, right), 0.1, 1e-6)]
        case "texts":
            between = [Level("one letter astray", _any_within_one(left, right), 0.1, 1e-5)]
        case "words":
            between = []
    if column.partner is not None:
        between.insert(0, Level("swapped", _swapped(column.name, column.partner), 0.02, 1e-4))
    return between


def _within(left: str, right: str, most: int, gate: float) -> str:
    """Within `most` letters or digits added, lost, mistaken or transposed; behind the cheaper test of rule 3."""
    return f"(jaro_similarity({left}, {right}) >= {gate} and damerau_levenshtein({left}, {right}) <= {most})"


def _any_within_one(left: str, right: str) -> str:
    """Some value of the one list is within a letter of some value of the other; lists of one go straight."""
    single = _within(f"{left}[1]", f"{right}[1]", 1, 0.8)
    any_of_right = f"len(list_filter({right}, lambda y: {_within('x', 'y', 1, 0.8)})) > 0"
    any_of_left = f"len(list_filter({left}, lambda x: {any_of_right})) > 0"
    return f"(case when len({left}) = 1 and len({right}) = 1 then {single} else {any_of_left} end)"


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


def weighs_by_rarity(column: Column) -> bool:
    """Whether an equal value of this column weighs by its frequency (rule 2): where a frequency was counted."""
    return column.kind not in LISTS


def comparison(column: Column, weights: Weights, *, by_rarity: bool) -> CustomComparison:
    """The column's Splink comparison with these weights; `by_rarity`: with rule 2, if the column has it."""
    made: list[levels.CustomLevel | levels.NullLevel | levels.ElseLevel | levels.ExactMatchLevel] = [
        levels.NullLevel(column.name)
    ]
    for level, m, u in zip(levels_of(column), weights.m, weights.u, strict=True):
        if not level.condition:
            one = levels.ElseLevel()
        elif level.says == SAME and by_rarity and weighs_by_rarity(column):
            one = levels.ExactMatchLevel(column.name, term_frequency_adjustments=True)
        else:
            one = levels.CustomLevel(level.condition, label_for_charts=level.says)
        one.configure(m_probability=m, u_probability=u)
        made.append(one)
    return CustomComparison(list(made), output_column_name=column.name)


def first_weights(column: Column) -> Weights:
    """The weights before anything was learnt (rule 4)."""
    found = levels_of(column)
    shares = sum(level.share for level in found)
    return Weights(tuple(level.share / shares for level in found), tuple(level.chance for level in found))


def says(column: Column) -> dict[int, str]:
    """What each of Splink's numbers of a level says: it counts from the last, which is 0; -1 is a missing value."""
    return dict(enumerate(level.says for level in reversed(levels_of(column))))

"""Likely matches that no identifier proves: pairs of customers that look like one, for a person to accept or refuse.

Takes what is known of a tenant's customers; gives `Suggestion`s, each with the weights that speak for it and against
it. Nothing is joined here, and nothing is stored: a suggestion is a question.

    blocks   which pairs are worth comparing
    columns  how two values compare, by levels; Splink computes them, in DuckDB, in memory
    learn    how much each level says: learnt from these very customers, without labels
    engine   the way from a table to its likely pairs; any table, if its columns are told
    people   customers as such a table

Rule 1: a weight is the log2 of how much likelier a level is among matches than by chance. The weights of a suggestion's
    parts, and the weight that any two customers start with, add up to its own: the log2 of the odds.
Rule 2: the same customers give the same suggestions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import polars as pl

from huaxiang.suggest.columns import Column, says
from huaxiang.suggest.engine import Findings, Settings, find
from huaxiang.suggest.people import BLOCKS, COLUMNS, Person, frame_of, spelt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Column", "Findings", "Part", "Person", "Settings", "Suggestion", "find", "score", "study", "suggestions"]


_NOTED = -0.005
"""A weight nearer to 0 than this is not worth a line."""


class Part(msgspec.Struct, frozen=True):
    """What one column says of a pair: its level («same», «one digit astray», …), and the weight of that."""

    column: str
    says: str
    weight: float


class Suggestion(msgspec.Struct, frozen=True):
    """Two customers that may be one; `one` is the smaller id. `parts`: what both have, the weightiest first."""

    one: int
    other: int
    weight: float
    probability: float
    parts: tuple[Part, ...]


def score(people: Iterable[Person] | pl.DataFrame, *, settings: Settings | None = None) -> list[Suggestion]:
    """The likely pairs among these people, the weightiest first. A frame has an `id` and any of a `Person`'s fields."""
    return suggestions(study(people, settings=settings), COLUMNS)


def study(people: Iterable[Person] | pl.DataFrame, *, settings: Settings | None = None) -> Findings:
    """As `score`, with the weights that were learnt, and the pairs as a frame: for many."""
    frame = people if isinstance(people, pl.DataFrame) else frame_of(people)
    return find(spelt(frame), COLUMNS, blocks=BLOCKS, settings=settings)


def suggestions(findings: Findings, columns: Sequence[Column]) -> list[Suggestion]:
    """The findings about these columns, as suggestions."""
    pairs = findings.pairs
    parts: list[list[Part]] = [[] for _ in range(pairs.height)]
    for column in columns:
        if column.name in pairs.columns:
            said, level_and_weight = says(column), pairs.select(column.name, f"{column.name}_weight")
            for place, (level, weight) in enumerate(level_and_weight.iter_rows()):
                if level >= 0:
                    parts[place].append(Part(column.name, said[level], weight))
    for place, weight in enumerate(pairs["relatives_weight"]):
        if weight < _NOTED:
            parts[place].append(Part("relatives", "could be relatives or colleagues", weight))
    rows = pairs.select("one", "other", "weight", "probability").iter_rows()
    return [_suggestion(row, told) for row, told in zip(rows, parts, strict=True)]


def _suggestion(row: tuple[int, int, float, float], parts: list[Part]) -> Suggestion:
    """One pair, with what its columns say."""
    one, other, weight, probability = row
    parts.sort(key=lambda part: -abs(part.weight))
    return Suggestion(min(one, other), max(one, other), weight, probability, tuple(parts))

"""Likely matches that no identifier proves: pairs of customers that look like one, for a person to accept or refuse.

Takes what is known of a tenant's customers; gives `Suggestion`s, each with the weights that speak for it and against
it. Nothing is joined here, and nothing is stored: a suggestion is a question.

    blocks   which pairs are worth comparing
    columns  how two values compare, by levels; Splink computes them, in DuckDB, in memory
    learn    how much each level says: learnt from these very customers, without labels
    engine   the way from a table to its likely pairs; any table, if its columns are told
    people   customers as such a table

Rule 1: a weight is the log2 of how much likelier a level is among matches than by chance; the weights of a suggestion and
    the weight that any two customers start with add up to its own, which is the log2 of the odds.
Rule 2: the same customers give the same suggestions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import polars as pl

from huaxiang.suggest.columns import Column, level_at
from huaxiang.suggest.engine import Findings, Settings, find
from huaxiang.suggest.people import BLOCKS, COLUMNS, Person, frame_of, spelt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Column", "Findings", "Part", "Person", "Settings", "Suggestion", "find", "score", "study", "suggestions"]


class Part(msgspec.Struct, frozen=True):
    """What one column says of a pair: its level («same», «one digit astray», …), and the weight of that."""

    column: str
    says: str
    weight: float


class Suggestion(msgspec.Struct, frozen=True):
    """Two customers that may be one; `one` is the smaller id. `parts`: the columns that both have, the weightiest first."""

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
    present = [column for column in columns if column.name in findings.pairs.columns]
    return [_suggestion(row, present) for row in findings.pairs.iter_rows(named=True)]


def _suggestion(row: dict[str, int | float], columns: Sequence[Column]) -> Suggestion:
    """One row of the findings."""
    parts: list[Part] = []
    for column in columns:
        says = level_at(column, int(row[column.name]))
        if says is not None:
            parts.append(Part(column.name, says, row[f"{column.name}_weight"]))
    parts.sort(key=lambda part: -abs(part.weight))
    one, other = sorted((int(row["one"]), int(row["other"])))
    return Suggestion(one, other, row["weight"], row["probability"], tuple(parts))

"""How often each level holds among matches, and how often by chance: learnt from the data, without a label.

Takes counts of *patterns* (which level each column reached) among the compared pairs, and among pairs drawn at random;
gives the weights, and how many matches there are in all. Expectation and maximisation over the whole of the pairs:
a pair that no block has brought together counts as no match. The random pairs say how often a level holds in all
pairs; less the share of the matches, that is how often it holds by chance. Fellegi and Sunter (1969) for the model;
Dempster, Laird and Rubin (1977) for the way.

Rule 1: nothing becomes certain: a level never seen among matches keeps a part of the share it began with (`_KEPT`), and one never
    seen by chance is taken to hold as often as would just have escaped the sample.
Rule 2: what few matches teach moves the weights little; a table without matches leaves them as they began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import polars as pl

from huaxiang.suggest.columns import Weights, first_weights, levels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huaxiang.suggest.columns import Column

_KEPT: Final = 20.0
"""The first shares count as this many matches that were seen."""
_MOST_ROUNDS: Final = 200
_STILL: Final = 1e-6
"""The estimate of the matches has come to rest when a round changes it by less than this share."""
COUNT: Final = "count"


class Learnt(msgspec.Struct, frozen=True):
    """Weights by column, how many matches are expected, and among how many possible pairs; `rounds` that it took."""

    weights: dict[str, Weights]
    matches: float
    possible: int
    rounds: int

    @property
    def chance(self) -> float:
        """The probability that two records drawn at random match; within what a logarithm can bear."""
        return min(max(self.matches, 0.5) / max(self.possible, 1), 0.5)


class Evidence(msgspec.Struct, frozen=True):
    """What there is to learn from.

    `compared`, `at_random`: patterns, one column each with Splink's number of the level (-1: a value is missing), and
    their `count`. `sampled`: which share of the compared pairs was taken. `same_by_chance`: for columns where it was
    counted and not sampled, how often two records have the same value, among pairs where both have one.
    """

    compared: pl.DataFrame
    at_random: pl.DataFrame
    sampled: float
    possible: int
    same_by_chance: dict[str, float]


class _Totals(msgspec.Struct, frozen=True):
    """A column in all possible pairs: how many have both values, which share of them reach each level, from 0 up."""

    present: float
    shares: list[float]
    least: list[float]


def learn(columns: Sequence[Column], evidence: Evidence) -> Learnt:
    """Learn the weights of these columns."""
    totals = {column.name: _totals(column, evidence) for column in columns}
    start = {column.name: first_weights(column) for column in columns}
    weights = {name: Weights(start[name].m, tuple(reversed(totals[name].shares))) for name in start}
    learnt = Learnt(weights, _guess(evidence), evidence.possible, 0)
    for rounds in range(1, _MOST_ROUNDS + 1):
        expected = _expected(columns, learnt, evidence)
        matches = float(expected["match"].sum())
        weights = {
            column.name: _weights(_hits(expected, column), totals[column.name], start[column.name]) for column in columns
        }
        still = abs(matches - learnt.matches) <= _STILL * max(matches, 1.0)
        learnt = Learnt(weights, matches, evidence.possible, rounds)
        if still:
            break
    return learnt


def _guess(evidence: Evidence) -> float:
    """Where the number of matches starts: a tenth of the compared pairs, and no more than one for each record."""
    pairs = float(evidence.compared[COUNT].sum()) / evidence.sampled
    records = (2.0 * evidence.possible) ** 0.5
    return max(1.0, min(pairs / 10, records))


def _totals(column: Column, evidence: Evidence) -> _Totals:
    """What random pairs, and counts of equal values, say of one column."""
    number = len(levels_of(column))
    found = evidence.at_random.filter(pl.col(column.name) >= 0).group_by(column.name).agg(pl.col(COUNT).sum())
    counts = {int(level): float(count) for level, count in found.iter_rows()}
    seen, drawn = sum(counts.values()), float(evidence.at_random[COUNT].sum())
    present = max(seen, 1.0) / max(drawn, 1.0) * evidence.possible
    one_unseen = 1.0 / (seen + number)
    shares = [(counts.get(level, 0.0) + 1.0) / (seen + number) for level in range(number)]
    least = [one_unseen] * number
    if column.name in evidence.same_by_chance:
        least[-1] = 1.0 / max(present, 2.0)
        shares[-1] = max(evidence.same_by_chance[column.name], least[-1])
        rest = sum(shares[:-1])
        shares = [*(max(share / rest * (1 - shares[-1]), one_unseen) for share in shares[:-1]), shares[-1]]
    return _Totals(present, shares, least)


def _expected(columns: Sequence[Column], learnt: Learnt, evidence: Evidence) -> pl.DataFrame:
    """The compared patterns, each with how many of its pairs are expected to be matches: `match`, of all pairs."""
    chance = learnt.chance
    logit = pl.lit(chance / (1 - chance)).log()
    for column in columns:
        m, u = learnt.weights[column.name]
        factors = [pl.lit(a / b).log() for a, b in zip(reversed(m), reversed(u), strict=True)]
        told = pl.lit(0.0)
        for level, factor in enumerate(factors):
            told = pl.when(pl.col(column.name) == level).then(factor).otherwise(told)
        logit += told
    probability = 1 / (1 + (-logit).exp())
    return evidence.compared.with_columns(match=probability * pl.col(COUNT) / evidence.sampled)


def _hits(expected: pl.DataFrame, column: Column) -> list[float]:
    """The matches expected at each of the column's levels, from 0 up."""
    found = expected.filter(pl.col(column.name) >= 0).group_by(column.name).agg(pl.col("match").sum())
    counts = {int(level): float(match) for level, match in found.iter_rows()}
    return [counts.get(level, 0.0) for level in range(len(levels_of(column)))]


def _weights(hits: list[float], totals: _Totals, start: Weights) -> Weights:
    """One column's weights from the matches at each level; levels from 0 up in, in the order of the levels out."""
    seen = sum(hits)
    m = [(hit + _KEPT * share) / (seen + _KEPT) for hit, share in zip(hits, reversed(start.m), strict=True)]
    others = max(totals.present - seen, 1.0)
    left = [(share * totals.present - hit) / others for share, hit in zip(totals.shares, hits, strict=True)]
    # What the sample did not see, or the matches account for wholly, still happens by chance now and then.
    floored = [max(share, least) for share, least in zip(left, totals.least, strict=True)]
    u = [share / sum(floored) for share in floored]
    return Weights(tuple(reversed(m)), tuple(reversed(u)))

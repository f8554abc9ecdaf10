"""How often each level holds among matches, and how often by chance: learnt from the data, without a label.

Takes counts of *patterns* (which level each column reached) among the compared pairs, and among pairs drawn at random;
gives the weights, and how many matches there are in all. Expectation and maximisation over the whole of the pairs: a
pair that no block has brought together counts as no match. The random pairs say how often a level holds in all pairs;
less what the matches account for, that is how often it holds by chance. Fellegi and Sunter (1969) for the model;
Dempster, Laird and Rubin (1977) for the way.

Between one person and two strangers stand *relatives*: families and colleagues share a surname, an address, a number,
and are still two. Without a class of their own they pass for matches, and teach that a match may well have another
given name. They differ from strangers in the columns that are `shared`, and agree in the others as seldom.

Rule 1: nothing becomes certain: a level never seen keeps a part of the share it began with, and one never seen by
    chance is taken to hold as often as may well have escaped the sample.
Rule 2: what little data teaches moves the weights little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import polars as pl

from huaxiang.suggest.columns import Weights, first_weights, levels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huaxiang.suggest.columns import Column

COUNT: Final = "count"
_KEPT: Final = 20.0
"""The first shares count as this many matches that were seen."""
_MOST_ROUNDS: Final = 200
_STILL: Final = 1e-6
"""The estimate of the matches has come to rest when a round changes it by less than this share."""


class Learnt(msgspec.Struct, frozen=True):
    """Weights by column; how many `matches` and pairs of `relatives` are expected, among how many `possible` pairs.

    `among_relatives`: how often each level of a shared column holds among relatives. `rounds` that it took.
    """

    weights: dict[str, Weights]
    among_relatives: dict[str, tuple[float, ...]]
    matches: float
    relatives: float
    possible: int
    rounds: int

    @property
    def chance(self) -> float:
        """The probability that two records drawn at random match; within what a logarithm can bear."""
        return _bearable(self.matches, self.possible)

    @property
    def odds_of_relatives(self) -> float:
        """How many pairs of relatives come on one pair of strangers; 0 where no column is shared."""
        chance = _bearable(self.relatives, self.possible)
        return chance / (1 - chance) if self.among_relatives else 0.0


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
    """A column in all possible pairs: how many have both values, which share of them reach each level.

    `least`: the smallest share that what was seen allows (rule 1). Levels are in the order of the column's.
    """

    present: float
    shares: tuple[float, ...]
    least: tuple[float, ...]


def learn(columns: Sequence[Column], evidence: Evidence) -> Learnt:
    """Learn the weights of these columns."""
    totals = {column.name: _totals(column, evidence) for column in columns}
    learnt = start = _start(columns, totals, evidence)
    for rounds in range(1, _MOST_ROUNDS + 1):
        before, learnt = learnt, _round(columns, totals, start, learnt, evidence)
        learnt = msgspec.structs.replace(learnt, rounds=rounds)
        if abs(learnt.matches - before.matches) <= _STILL * max(learnt.matches, 1.0):
            break
    return learnt


def unlearnt(columns: Sequence[Column], possible: int) -> Learnt:
    """What is believed before anything was seen."""
    weights = {column.name: first_weights(column) for column in columns}
    return Learnt(weights, {}, 0.0, 0.0, max(possible, 1), 0)


def _start(columns: Sequence[Column], totals: dict[str, _Totals], evidence: Evidence) -> Learnt:
    """Where learning starts. The matches: a tenth of the compared pairs, and no more than one for each record."""
    weights = {column.name: Weights(first_weights(column).m, totals[column.name].shares) for column in columns}
    shared = [column.name for column in columns if column.shared]
    halfway = {name: tuple((m + u) / 2 for m, u in zip(*weights[name], strict=True)) for name in shared}
    pairs = float(evidence.compared[COUNT].sum()) / evidence.sampled
    guess = max(1.0, min(pairs / 10, (2.0 * evidence.possible) ** 0.5))
    return Learnt(weights, halfway, guess, guess, evidence.possible, 0)


def _round(
    columns: Sequence[Column], totals: dict[str, _Totals], start: Learnt, learnt: Learnt, evidence: Evidence
) -> Learnt:
    """One round: who is expected to be what, by the weights so far; and the weights that follow from it."""
    expected = _expected(columns, learnt, evidence)
    weights: dict[str, Weights] = {}
    among_relatives: dict[str, tuple[float, ...]] = {}
    for column in columns:
        name, matches = column.name, _reached(expected, column, "match")
        accounted = matches
        if column.shared:
            relatives = _reached(expected, column, "relative")
            among_relatives[name] = _shares(relatives, start.among_relatives[name])
            accounted = [one + other for one, other in zip(matches, relatives, strict=True)]
        weights[name] = Weights(_shares(matches, start.weights[name].m), _by_chance(totals[name], accounted))
    match, relative = float(expected["match"].sum()), float(expected["relative"].sum())
    return Learnt(weights, among_relatives, match, relative, evidence.possible, learnt.rounds)


def _totals(column: Column, evidence: Evidence) -> _Totals:
    """What random pairs, and counts of equal values, say of one column."""
    counts = _reached(evidence.at_random, column, COUNT)
    seen, drawn = sum(counts), float(evidence.at_random[COUNT].sum())
    present = seen / max(drawn, 1.0) * evidence.possible
    believed = first_weights(column).u
    shares = [_rate(count, seen, chance) for count, chance in zip(counts, believed, strict=True)]
    least = [_rate(0.0, seen, chance) for chance in believed]
    if column.name in evidence.same_by_chance:
        same = evidence.same_by_chance[column.name] * present
        shares[0], least[0] = _rate(same, present, believed[0]), _rate(0.0, present, believed[0])
    return _Totals(present, tuple(share / sum(shares) for share in shares), tuple(least))


def _rate(count: float, seen: float, believed: float) -> float:
    """A rate of which `count` in `seen` were seen, and which was believed to be so much before (Poisson and Gamma)."""
    return (count + 1.0) / (seen + 1.0 / believed)


def _expected(columns: Sequence[Column], learnt: Learnt, evidence: Evidence) -> pl.DataFrame:
    """The compared patterns, each with how many of all pairs are expected to be a `match`, or a `relative` there."""
    match = pl.lit(learnt.chance / (1 - learnt.chance))
    relative = pl.lit(learnt.odds_of_relatives)
    for column in columns:
        m, u = learnt.weights[column.name]
        match *= _factor(column, m, u)
        if column.shared:
            relative *= _factor(column, learnt.among_relatives[column.name], u)
    pairs = pl.col(COUNT) / evidence.sampled / (1 + match + relative)
    return evidence.compared.with_columns(match=match * pairs, relative=relative * pairs)


def _factor(column: Column, likely: Sequence[float], by_chance: Sequence[float]) -> pl.Expr:
    """How much likelier the level that a pattern has in this column is; 1 where a value is missing."""
    told = pl.lit(1.0)
    for level, (one, other) in enumerate(zip(reversed(likely), reversed(by_chance), strict=True)):
        told = pl.when(pl.col(column.name) == level).then(one / other).otherwise(told)
    return told


def _reached(patterns: pl.DataFrame, column: Column, what: str) -> list[float]:
    """How many of `what` reach each of the column's levels, in their order."""
    found = patterns.filter(pl.col(column.name) >= 0).group_by(column.name, maintain_order=True).agg(pl.col(what).sum())
    counts = {int(level): float(count) for level, count in found.iter_rows()}
    return [counts.get(level, 0.0) for level in reversed(range(len(levels_of(column))))]


def _shares(reached: Sequence[float], start: Sequence[float]) -> tuple[float, ...]:
    """What share of a class reaches each level; see rule 1."""
    seen = sum(reached) + _KEPT
    return tuple((count + _KEPT * share) / seen for count, share in zip(reached, start, strict=True))


def _by_chance(totals: _Totals, accounted: Sequence[float]) -> tuple[float, ...]:
    """What share of strangers reaches each level: of all pairs, less those that are accounted for."""
    others = max(totals.present - sum(accounted), 1.0)
    left = [(share * totals.present - hit) / others for share, hit in zip(totals.shares, accounted, strict=True)]
    kept = [max(share, least) for share, least in zip(left, totals.least, strict=True)]
    return tuple(share / sum(kept) for share in kept)


def _bearable(count: float, possible: int) -> float:
    """A count among the possible pairs, as a probability that is neither 0 nor more than a half."""
    return min(max(count, 0.5) / max(possible, 1), 0.5)

"""A table and what its columns mean -> the pairs that are likely the same, each with the weights that say so.

Takes any table; gives `Findings`. The way: block (which pairs are worth comparing), compare a sample of them and as
many pairs drawn at random, learn the weights from both, then compare and weigh all. Splink compares and weighs, in
DuckDB, in memory; nothing is written, and nothing leaves the process.

Rule 1: the same records and settings give the same findings, in whatever order the records come: samples are drawn by
    seed, from records in the order of their ids.
Rule 2: a value that more than `most_sharing` records hold is dropped from the lists before anything is compared: a
    switchboard's number says nothing of who calls from it.
Rule 3: empty strings and empty lists are values that nobody gave.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Final

import duckdb
import msgspec
import polars as pl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from huaxiang.suggest.blocks import Block, blocks_of, packed, pairs, unpacked
from huaxiang.suggest.columns import LISTS, Column, comparison, first_weights, weighs_by_rarity
from huaxiang.suggest.learn import COUNT, Evidence, Learnt, learn, unlearnt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splink.comparison_library import CustomComparison
    from splink.internals.splink_dataframe import SplinkDataFrame


_LOST_IN_ROUNDING: Final = 60
_ALWAYS: Final = 500_000
"""A block may always give this many pairs: a small table is looked through whole."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How far to look, and what to give.

    `least_probability` of a suggestion. `most_sharing`: the most records that may share a value for it to count.
    `most_pairs`: how many pairs a block may give for each record, beside the first half million. `sample`: pairs to
    learn from, of those compared and of those drawn at random each. `one_to_one`: each record matches one at most, as
    between two sources that hold nobody twice. `most`: suggestions given, the weightiest first. `threads`: of DuckDB;
    the processors at hand if not said.
    """

    least_probability: float = 0.5
    most_sharing: int = 50
    most_pairs: float = 2.0
    sample: int = 300_000
    seed: int = 1
    one_to_one: bool = False
    most: int | None = None
    threads: int | None = None


class Findings(msgspec.Struct, frozen=True):
    """What was found.

    `pairs`: `one`, `other` (ids, the first of them the smaller row), `weight` (log2 of the odds), `probability`, for
    each column `<name>` (Splink's number of the level; -1: a value is missing) and `<name>_weight`, and
    `relatives_weight`: what it takes off that they may be relatives; the weightiest first. `learnt`: by which weights.
    `compared`: how many pairs were compared.
    """

    pairs: pl.DataFrame
    learnt: Learnt
    compared: int


def find(
    table: pl.DataFrame,
    columns: Sequence[Column],
    *,
    blocks: Sequence[Block] | None = None,
    settings: Settings | None = None,
) -> Findings:
    """Find the likely pairs of a table with a unique `id`, and the columns, as strings or lists of strings.

    With a column `source`, pairs only go across sources. Without `blocks`, they follow from the columns.
    """
    settings, table = settings or Settings(), table.sort("id")
    columns = [column for column in columns if table[column.name].null_count() < table.height]
    ids = table["id"]
    rows = _cleaned(table, columns, settings).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    chosen = [block for block in (blocks or blocks_of(columns)) if _held(block, columns)]
    budget = _ALWAYS + int(settings.most_pairs * rows.height)
    paired = pairs(rows, chosen, budget=budget, most_sharing=settings.most_sharing)
    if paired.is_empty():
        return Findings(_nothing(ids, columns), unlearnt(columns, _possible(rows)), 0)
    comparing = _Comparing(rows, columns, settings)
    learnt = learn(columns, _evidence(comparing, rows, paired, settings))
    found = comparing.weighed(unpacked(paired), learnt, settings.least_probability)
    return Findings(_chosen(found, ids, settings), learnt, paired.len())


def _held(block: Block, columns: Sequence[Column]) -> bool:
    """Whether the table has all that the block needs."""
    names = {column.name for column in columns}
    return all(key.column in names for key in block.keys)


def _cleaned(table: pl.DataFrame, columns: Sequence[Column], settings: Settings) -> pl.DataFrame:
    """The columns without what is empty (rule 3), and without the list values that too many hold (rule 2)."""
    cleaned = table.select(*(["source"] if "source" in table.columns else []), *(column.name for column in columns))
    for column in columns:
        value = pl.col(column.name)
        if column.kind in LISTS:
            cleaned = cleaned.with_columns(_rare(cleaned[column.name], settings.most_sharing))
        else:
            cleaned = cleaned.with_columns(pl.when(value != "").then(value))
    return cleaned


def _rare(lists: pl.Series, most_sharing: int) -> pl.Series:
    """The lists without repetitions, and without the values that more than `most_sharing` of them hold."""
    each = pl.DataFrame({"row": pl.int_range(lists.len(), eager=True), "value": lists}).explode("value").unique()
    each = each.filter(pl.col("value").is_not_null() & (pl.col("value") != ""))
    each = each.filter(pl.len().over("value") <= most_sharing)
    kept = each.sort("row", "value").group_by("row", maintain_order=True).agg(pl.col("value"))
    every = pl.DataFrame({"row": pl.int_range(lists.len(), eager=True)})
    return every.join(kept, on="row", how="left", maintain_order="left")["value"].alias(lists.name)


def _possible(rows: pl.DataFrame) -> int:
    """How many pairs there are: of any two records, or of any two of different sources."""
    every = rows.height * (rows.height - 1) // 2
    if "source" not in rows.columns:
        return every
    within = rows.group_by("source").agg(pl.len())["len"].to_list()
    return every - sum(count * (count - 1) // 2 for count in within)


def _evidence(comparing: _Comparing, rows: pl.DataFrame, paired: pl.Series, settings: Settings) -> Evidence:
    """Compare a sample of the pairs, and pairs drawn at random."""
    taken = paired.sort().sample(min(settings.sample, paired.len()), seed=settings.seed)
    at_random = _drawn(rows, settings)
    return Evidence(
        comparing.patterns(unpacked(taken)),
        comparing.patterns(at_random),
        taken.len() / paired.len(),
        max(_possible(rows), 1),
        {column.name: _same(rows, column.name) for column in comparing.columns if column.kind not in LISTS},
    )


def _drawn(rows: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Pairs drawn at random, each once, across sources where there are any."""
    number = min(settings.sample, 4 * _possible(rows)) * 2
    left = rows["row"].sample(number, with_replacement=True, seed=settings.seed)
    right = rows["row"].sample(number, with_replacement=True, seed=settings.seed + 1)
    drawn = pl.DataFrame({"left": left, "right": right})
    if "source" in rows.columns:
        sources = rows["source"]
        drawn = drawn.filter(sources.gather(left) < sources.gather(right))
    else:
        drawn = drawn.filter(pl.col("left") < pl.col("right"))
    return unpacked(drawn.select(pair=packed(pl.col("left"), pl.col("right"))).to_series().unique(maintain_order=True))


def _same(rows: pl.DataFrame, name: str) -> float:
    """How often two records have the same value, among the pairs where both have one."""
    present = rows.filter(pl.col(name).is_not_null())
    if "source" not in rows.columns:
        counts = present.group_by(name).agg(pl.len().cast(pl.Float64))["len"]
        both = float(present.height) * (present.height - 1)
        return float((counts * (counts - 1)).sum()) / both if both else 0.0
    counts = present.group_by(name, "source").agg(pl.len().cast(pl.Float64))
    every = float(counts.group_by(name).agg(pl.col("len").sum())["len"].pow(2).sum()) - float(
        counts["len"].pow(2).sum()
    )
    sources = counts.group_by("source").agg(pl.col("len").sum())["len"]
    both = float(sources.sum()) ** 2 - float(sources.pow(2).sum())
    return every / both if both else 0.0


class _Comparing:
    """Splink at work on one table: compares pairs that it is given."""

    def __init__(self, rows: pl.DataFrame, columns: Sequence[Column], settings: Settings) -> None:
        self.columns = columns
        self._rows = rows.select("row", *(column.name for column in columns))
        self._connection = duckdb.connect(config={"threads": settings.threads} if settings.threads else {})
        self._connection.execute("set enable_progress_bar = false")

    def patterns(self, paired: pl.DataFrame) -> pl.DataFrame:
        """How many of these pairs reach which levels; see `Evidence`."""
        splink = DuckDBAPI(self._connection.cursor())
        unweighed = [comparison(column, first_weights(column), by_rarity=False) for column in self.columns]
        compared = _predicted(splink, self._linker(splink, unweighed, 0.5), paired, None)
        levels = [pl.col(f"gamma_{column.name}").alias(column.name) for column in self.columns]
        return compared.group_by(levels).agg(pl.len().alias(COUNT)).sort(pl.all())

    def weighed(self, paired: pl.DataFrame, learnt: Learnt, least_probability: float) -> pl.DataFrame:
        """The pairs that weigh enough: `left`, `right`, and the rest of what `Findings` has."""
        splink = DuckDBAPI(self._connection.cursor())
        made = [comparison(column, learnt.weights[column.name], by_rarity=True) for column in self.columns]
        linker = self._linker(splink, made, learnt.chance)
        for column in filter(weighs_by_rarity, self.columns):
            rarity = _rarity(self._rows[column.name], learnt.weights[column.name].u[0])
            linker.table_management.register_term_frequency_lookup(
                _registered(splink, f"rarity_of_{column.name}", rarity), column.name
            )
        found = _predicted(splink, linker, paired, least_probability)
        told: list[pl.Expr] = []
        for column in self.columns:
            terms = [f"mw_{column.name}", *([f"mw_tf_adj_{column.name}"] if weighs_by_rarity(column) else [])]
            told.append(pl.col(f"gamma_{column.name}").cast(pl.Int8).alias(column.name))
            told.append(pl.sum_horizontal(terms).alias(f"{column.name}_weight"))
        ends = {"left": "row_l", "right": "row_r", "weight": "match_weight", "probability": "match_probability"}
        found = found.select(*(pl.col(theirs).alias(ours) for ours, theirs in ends.items()), *told)
        return _beside_relatives(found, self.columns, learnt).filter(pl.col("probability") >= least_probability)

    def _linker(self, splink: DuckDBAPI, comparisons: list[CustomComparison], chance: float) -> Linker:
        """The model in Splink's words. Its blocking rule is never used: the pairs are given."""
        model = SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name="row",
            comparisons=list(comparisons),
            blocking_rules_to_generate_predictions=[block_on("row")],
            probability_two_random_records_match=chance,
            retain_matching_columns=True,
            retain_intermediate_calculation_columns=True,
        )
        return Linker(_registered(splink, "customers", self._rows), model, log_level=None, validate_settings=False)


def _predicted(splink: DuckDBAPI, linker: Linker, paired: pl.DataFrame, least: float | None) -> pl.DataFrame:
    """Have Splink compare exactly these pairs."""
    asked = paired.select(join_key_l="left", join_key_r="right", match_key=pl.lit("0"))
    linker.table_management.register_blocked_pairs_for_predict(_registered(splink, "asked", asked))
    found = linker.inference.predict(threshold_match_probability=least, warning_mode="never")
    frame = found.as_duckdbpyrelation().pl()
    linker.table_management.delete_tables_created_by_splink_from_db()
    return frame


def _registered(splink: DuckDBAPI, name: str, frame: pl.DataFrame) -> SplinkDataFrame:
    """A frame as a table that Splink can ask, without a copy of it."""
    splink.duckdb_con.register(name, frame)
    # It may take a table of pyarrow's too, which has no types.
    return splink.register(name)  # pyright: ignore[reportUnknownMemberType]


def _beside_relatives(found: pl.DataFrame, columns: Sequence[Column], learnt: Learnt) -> pl.DataFrame:
    """The pairs weighed by what they are if not one: strangers, as Splink has it, or else relatives.

    With `s` for the odds of relatives to strangers, given the pair, the odds of a match are 1 + s times smaller.
    """
    weight = pl.lit(learnt.odds_of_relatives).log(2)
    for column in columns:
        if column.shared:
            ratios = [
                (h / m) for h, m in zip(learnt.among_relatives[column.name], learnt.weights[column.name].m, strict=True)
            ]
            told = pl.lit(0.0)
            for level, ratio in enumerate(reversed(ratios)):
                told = (
                    pl.when(pl.col(column.name) == level)
                    .then(pl.col(f"{column.name}_weight") + log2(ratio))
                    .otherwise(told)
                )
            weight += told
    # Beyond this the 1 is lost in rounding, and the power would soon be more than a float holds.
    weight = pl.when(weight > _LOST_IN_ROUNDING).then(-weight).otherwise(-(1 + pl.lit(2.0).pow(weight)).log(2))
    found = found.with_columns(relatives_weight=weight if learnt.among_relatives else pl.lit(0.0))
    found = found.with_columns(pl.col("weight") + pl.col("relatives_weight"))
    return found.with_columns(probability=1 / (1 + pl.lit(2.0).pow(-pl.col("weight"))))


def _rarity(values: pl.Series, by_chance: float) -> pl.DataFrame:
    """How frequent each value is beside the two records that are compared, which would have it anyway."""
    counts = values.drop_nulls().value_counts(name="count")
    beside = (pl.col("count").cast(pl.Int64) - 2).clip(lower_bound=0) + 1.0
    frequency = beside / (values.len() - values.null_count() + 1.0 / by_chance)
    return counts.select(pl.col(values.name), frequency.alias(f"tf_{values.name}"))


def _chosen(found: pl.DataFrame, ids: pl.Series, settings: Settings) -> pl.DataFrame:
    """The pairs by their ids, the weightiest first, as many as are wanted."""
    found = found.sort(["weight", "left", "right"], descending=[True, False, False])
    if settings.one_to_one:
        found = _one_to_one(found)
    found = found.head(settings.most) if settings.most is not None else found
    one, other = ids.gather(found["left"]).alias("one"), ids.gather(found["right"]).alias("other")
    return found.drop("left", "right").select(one, other, pl.all())


def _one_to_one(found: pl.DataFrame) -> pl.DataFrame:
    """Each record in one pair at most: the weightiest pairs first, then those whose records are still free."""
    taken: set[int] = set()
    keep: list[bool] = []
    for pair in found.select("left", "right").iter_rows():
        keep.append(taken.isdisjoint(pair))
        if keep[-1]:
            taken.update(pair)
    return found.filter(pl.Series(keep, dtype=pl.Boolean))


def _nothing(ids: pl.Series, columns: Sequence[Column]) -> pl.DataFrame:
    """No pairs, with the columns that they would have."""
    told: dict[str, pl.DataType | type[pl.DataType]] = {"relatives_weight": pl.Float64}
    for column in columns:
        told |= {column.name: pl.Int8, f"{column.name}_weight": pl.Float64}
    return pl.DataFrame(
        schema={"one": ids.dtype, "other": ids.dtype, "weight": pl.Float64, "probability": pl.Float64, **told}
    )

"""The records -> the pairs that are worth a comparison: those that agree in some block, where the block is not too big.

Takes a table with a row number `row` (and a `source`, where pairs only go across sources) and the blocks; gives pairs
of row numbers. A block is a conjunction of keys: a column's value, its beginning, its end.

Rule 1: a key that too many records share is no key: its records are not paired by it. So the number of pairs is bounded
    by the number of records, whatever the data: a placeholder that a whole table holds costs nothing.
Rule 2: how many are too many follows from a block's budget: pairs are taken from the smallest groups up.
Rule 3: a list gives a key for each of its values.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import polars as pl

from huaxiang.suggest.columns import LISTS, Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Key(msgspec.Struct, frozen=True):
    """A column's value (`whole`), or its first or last `length` letters; what is shorter than that gives no key."""

    column: str
    part: Literal["whole", "first", "last"] = "whole"
    length: int = 0


class Block(msgspec.Struct, frozen=True):
    """Records are paired that agree in all of its keys; `unordered`: whichever column holds which value."""

    keys: tuple[Key, ...]
    unordered: bool = False


_ROW: Final = 2**32
"""A pair travels as one number: the left row times this, plus the right row."""


def blocks_of(columns: Sequence[Column]) -> tuple[Block, ...]:
    """The blocks of a table of which nothing is known but its columns: each value, its parts, and any two values."""
    return tuple(_blocks_of(columns))


def _blocks_of(columns: Sequence[Column]) -> Iterator[Block]:
    for column in columns:
        yield Block((Key(column.name),))
        if column.kind in {"name", "text", "number"}:
            yield Block((Key(column.name, "first", 4),))
        if column.kind == "number":
            yield Block((Key(column.name, "last", 4),))
    for one, other in combinations([column for column in columns if column.kind not in LISTS], 2):
        yield Block((Key(one.name), Key(other.name)))
        if one.partner == other.name:
            yield Block((Key(one.name), Key(other.name)), unordered=True)


def pairs(table: pl.DataFrame, blocks: Sequence[Block], *, budget: int, most_sharing: int) -> pl.Series:
    """The pairs of all blocks, each once, packed as `left * 2**32 + right`.

    `budget`: pairs that one block may give. `most_sharing`: the most records that share a key (rule 1).
    """
    found = [_pairs_of(table, block, budget=budget, most_sharing=most_sharing) for block in blocks]
    return pl.concat(found).unique() if found else pl.Series(dtype=pl.UInt64)


def unpacked(packed: pl.Series) -> pl.DataFrame:
    """Packed pairs -> `left` and `right` row numbers."""
    return packed.to_frame("pair").select(
        left=(pl.col("pair") // _ROW).cast(pl.Int64), right=(pl.col("pair") % _ROW).cast(pl.Int64)
    )


def packed(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """A pair of row numbers -> one number."""
    return left.cast(pl.UInt64) * _ROW + right.cast(pl.UInt64)


def _pairs_of(table: pl.DataFrame, block: Block, *, budget: int, most_sharing: int) -> pl.Series:
    """One block's pairs, from its smallest groups up to its budget."""
    keyed = _keyed(table, block)
    across = "source" in keyed.columns
    size = pl.len().over("key").alias("size")
    keyed = keyed.with_columns(size).filter(pl.col("size").is_between(2, most_sharing))
    allowed = _largest_affordable(keyed, budget)
    keyed = keyed.filter(pl.col("size") <= allowed).drop("size")
    paired = keyed.join(keyed, on="key", suffix="_right")
    ordered = pl.col("source") < pl.col("source_right") if across else pl.col("row") < pl.col("row_right")
    return paired.filter(ordered).select(pair=packed(pl.col("row"), pl.col("row_right"))).to_series()


def _keyed(table: pl.DataFrame, block: Block) -> pl.DataFrame:
    """Each record's `key` in this block, as a hash; a record without one is absent, one with a list may come twice."""
    names = dict.fromkeys(key.column for key in block.keys)
    keyed = table.select("row", *(["source"] if "source" in table.columns else []), *names).drop_nulls(list(names))
    for name in names:
        if keyed.schema[name] == pl.List(pl.String):
            keyed = keyed.explode(name).drop_nulls(name)
    parts = [_part(key).alias(f"part_{place}") for place, key in enumerate(block.keys)]
    keyed = keyed.select("row", *(["source"] if "source" in table.columns else []), *parts)
    keyed = keyed.drop_nulls()
    held = [pl.col(f"part_{place}") for place in range(len(parts))]
    if block.unordered:
        held = [pl.concat_list(held).list.sort().list.get(place) for place in range(len(parts))]
    key = pl.struct(held[0] if len(held) == 1 else pl.concat_str(held, separator="\x1f")).hash()
    others = ["row", *(["source"] if "source" in table.columns else [])]
    return keyed.select(*others, key=key).unique()


def _part(key: Key) -> pl.Expr:
    """The value of a key; null where the column's value is too short for it."""
    value = pl.col(key.column)
    match key.part:
        case "whole":
            return value
        case "first":
            part = value.str.slice(0, key.length)
        case "last":
            part = value.str.slice(-key.length)
    return pl.when(value.str.len_chars() >= key.length).then(part)


def _largest_affordable(keyed: pl.DataFrame, budget: int) -> int:
    """The size of group up to which all groups together stay within the budget of pairs."""
    sizes = keyed.group_by("size").agg(records=pl.len()).sort("size")
    spent = sizes.select("size", spent=(pl.col("records") * (pl.col("size") - 1) // 2).cum_sum())
    within = spent.filter(pl.col("spent") <= budget)
    return int(within["size"][-1]) if within.height else 0

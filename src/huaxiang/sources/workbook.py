"""A spreadsheet's file as rows: .xlsx, and the older .xls, by their first visible sheet.

Takes a path; gives rows and rejects. The library keeps the type of each cell; one that infers a type for a column turns
the number 1.23456789012346E+17 into the text 123456789012346000, a wrong id that nothing tells from a right one.

Rule 1. The first row that is not empty is the header; `line` is the sheet's row number.
Rule 2. Whole floats become ints; dates become `YYYY-MM-DD HH:MM:SS`, to the nearest second; times of day `HH:MM:SS`,
        durations seconds. Errors (#N/A) and formulas without a stored value are absent: they come as nothing.
Rule 3. A workbook is held whole while it is read, so its unpacked size is limited.
"""

import datetime as dt
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from huaxiang.errors import SourceUnreadable
from huaxiang.sources.rows import Reject, Row
from huaxiang.sources.spreadsheet import Identifiers
from huaxiang.sources.tables import Columns

UNPACKED_LIMIT_BYTES = 1 << 30

_NO_WORKBOOK = "not a workbook that can be read, or it has a password / 无法读取该工作簿, 或已加密"
_TOO_LARGE = "the workbook is too large; export it as CSV (UTF-8) / 工作簿过大, 请导出为 CSV"


def read_workbook(
    path: Path, identifiers: Identifiers, *, after_line: int = 0, named: Callable[[Sequence[str]], None] | None = None
) -> tuple[int, Iterator[Row | Reject]]:
    """Give (rows in the sheet, the header apart; rows and rejects behind a line). `named` is told the columns.

    Raises SourceUnreadable for what is no workbook, is locked, too large, or has no usable header.
    """
    _check_size(path)
    try:
        # The library's types leave open what kind of path-like object it takes.
        book = CalamineWorkbook.from_path(str(path))  # pyright: ignore[reportUnknownMemberType]
        visible = [
            place for place, sheet in enumerate(book.sheets_metadata) if sheet.visible == SheetVisibleEnum.Visible
        ]
        sheet = book.get_sheet_by_index(visible[0] if visible else 0)
    except (CalamineError, OSError, IndexError) as error:
        raise SourceUnreadable(path=str(path), reason=_NO_WORKBOOK) from error
    if not sheet.height:
        raise SourceUnreadable(path=str(path), reason="the first sheet is empty / 第一个工作表为空")
    rows = _rows(sheet, identifiers, path, named)
    return sheet.height - 1, (item for item in rows if item.line > after_line)


def _check_size(path: Path) -> None:
    """An .xlsx is a zip: a small one may unpack to more than the memory."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist() if entry.filename.startswith("xl/"))
    if not size:
        raise SourceUnreadable(path=str(path), reason="a zip that is no workbook; unpack it first / 请先解压")
    if size > UNPACKED_LIMIT_BYTES:
        raise SourceUnreadable(path=str(path), reason=_TOO_LARGE)


def _rows(
    sheet: CalamineSheet, identifiers: Identifiers, path: Path, named: Callable[[Sequence[str]], None] | None
) -> Iterator[Row | Reject]:
    # The library gives the empty rows above a table, and leaves out the empty columns before it.
    lines = enumerate(sheet.iter_rows(), start=1)
    header = next((cells for _, cells in lines if any(cell != "" for cell in cells)), list[object]())
    columns = Columns([_name(cell) for cell in header], path=str(path), identifiers=identifiers)
    if named is not None:
        named(columns.names)
    for line, cells in lines:
        item = columns.row(line, [_value(cell) for cell in cells])
        if item is not None:
            yield item


def _name(cell: object) -> str:
    value = _value(cell)
    return "" if value is None else str(value)


def _value(cell: object) -> object:
    if isinstance(cell, str | bool):
        return cell
    if isinstance(cell, float):
        # One that lost digits stays a float, by which the check of identifiers knows it.
        return int(cell) if cell.is_integer() and abs(cell) < _EXACT_END else cell
    return _moment(cell)


_EXACT_END = 10**15


def _moment(cell: object) -> object:
    if isinstance(cell, dt.datetime):
        # Days and their fractions are stored in binary: 12:30:00 may come as 12:29:59.999997.
        return (cell + dt.timedelta(milliseconds=500)).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, dt.date):
        return f"{cell.isoformat()} 00:00:00"
    if isinstance(cell, dt.time):
        return cell.strftime("%H:%M:%S")
    if isinstance(cell, dt.timedelta):
        return round(cell.total_seconds())
    return cell

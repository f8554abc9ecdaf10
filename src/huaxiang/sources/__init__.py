"""Files as a source: rows out of JSON, CSV, Excel and Parquet, one at a time, with a reason for each that is refused.

    with RejectWriter.beside(path) as rejects:
        for item in Reader(path, identifier_fields=frozenset({"phone", "phoneList.phone"})):
            if isinstance(item, Reject): rejects.write(item)        else: ...item.line, item.data...

What is read (content decides before the suffix): JSON Lines, a JSON array or object (`.json`); CSV and TSV by RFC 4180,
separated by comma, semicolon or tab; all of these plain or packed by gzip, bzip2, xz or zstd; `.xlsx` and `.xls`, first
visible sheet; Parquet. Not `.zip`: refused with a word on what to do.

Rule 1. One bad line is a `Reject`; a file that cannot be read is `huaxiang.errors.SourceUnreadable`; nothing is skipped
        in silence but blank lines and rows without a value.
Rule 2. Memory is bounded by the longest row (`line_limit_bytes`); only a workbook is held whole, and has a size limit.
Rule 3. Encoding: a BOM decides; else UTF-8 if the first MiB is valid UTF-8 (a cut last character apart); else, of its
        lines that are not ASCII, the majority decides between UTF-8 and GB18030, so that one spoilt byte does not turn
        every name to noise. Where that MiB is all ASCII, a later line that is not UTF-8 is tried as GB18030, by itself.
Rule 4. Tables: the first row names the columns; an empty cell is an absent field; dotted names nest; a cell that begins
        with `[` or `{` and is JSON, is JSON; other cells of a CSV are text. Missing cells at the end are absent.
Rule 5. A number that a spreadsheet broke is refused in an identifier field (`spreadsheet.py`), never mended by a guess.
Rule 6. A rejects file can be corrected by hand and read again: each line's `row` is taken for the row.
"""

from huaxiang.sources.folder import Found, files_below
from huaxiang.sources.mapping import FieldMapping, read_mapping
from huaxiang.sources.reader import Reader, read_rows
from huaxiang.sources.rejects import RejectWriter
from huaxiang.sources.rows import LINE_LIMIT_BYTES, Reject, Row
from huaxiang.sources.spreadsheet import broken_number
from huaxiang.sources.tables import unflatten

__all__ = [
    "LINE_LIMIT_BYTES",
    "FieldMapping",
    "Found",
    "Reader",
    "Reject",
    "RejectWriter",
    "Row",
    "broken_number",
    "files_below",
    "read_mapping",
    "read_rows",
    "unflatten",
]

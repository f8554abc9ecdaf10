"""A file as an iterator of rows and rejects that knows how far it has come."""

import contextlib
import io
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

from huaxiang.errors import SourceUnreadable
from huaxiang.sources.delimited import read_table
from huaxiang.sources.json_rows import RowDecoder, read_json_lines, read_json_values
from huaxiang.sources.opening import UNREADABLE, Encoding, Format, open_text, sniff
from huaxiang.sources.rejects import SUFFIX as REJECTS_SUFFIX
from huaxiang.sources.rows import LINE_LIMIT_BYTES, Reject, Row
from huaxiang.sources.spreadsheet import Identifiers


class Reader:
    """Rows and rejects of a file, in its order; each iteration begins anew, `after` goes on behind a place.

    `identifier_fields`: dotted names of the fields that a spreadsheet may have broken; their numbers come as text,
    freed of what protected them. None: every field is looked at, and none is changed. `line_limit_bytes`: the longest
    row.

    Raises SourceUnreadable at once where the file is nothing that can be read; in the iteration, where a header can't
    be used or the file breaks off (rows given before are good).
    """

    def __init__(
        self,
        path: Path,
        *,
        identifier_fields: Collection[str] | None = None,
        line_limit_bytes: int = LINE_LIMIT_BYTES,
    ) -> None:
        self.path = path
        self._kind = sniff(path)
        self._identifiers = Identifiers(identifier_fields)
        self._line_limit_bytes = line_limit_bytes
        self.total_bytes = path.stat().st_size
        self.total_rows: int | None = None
        """Known once a workbook or a Parquet file is opened by the iteration; else None."""
        self.columns: tuple[str, ...] | None = None
        """The header of a table, a workbook or a Parquet file, known from the first row on; else None."""
        self._file: io.FileIO | None = None
        self._stream: io.BufferedIOBase | None = None
        self._rows_read = 0
        self._ended = False

    @property
    def format(self) -> Format:
        """What the file was found to be."""
        return self._kind.format

    @property
    def is_packed(self) -> bool:
        """Whether its text takes several times the bytes of the file."""
        return self._kind.packing is not None or self._kind.format in {"workbook", "parquet"}

    @property
    def encoding(self) -> Encoding | None:
        """The encoding of a text file; None for the others."""
        return self._kind.encoding

    @property
    def read_bytes(self) -> int:
        """How much of `total_bytes` is behind; for a workbook or Parquet, in proportion to its rows."""
        if self._ended:
            return self.total_bytes
        if self._file is not None and not self._file.closed:
            return self._file.tell()
        return self.total_bytes * self._rows_read // self.total_rows if self.total_rows else 0

    @property
    def text_bytes(self) -> int:
        """How much text, unpacked, this iteration has gone through; 0 for a workbook or Parquet."""
        return self._stream.tell() if self._stream is not None and not self._stream.closed else 0

    def __iter__(self) -> Iterator[Row | Reject]:
        return self.after(items=0, line=0)

    def after(self, *, items: int, line: int) -> Iterator[Row | Reject]:
        """What comes behind so many items, the last of which began on `line`; most files pass over them unparsed."""
        self._ended = False
        self._rows_read = 0
        if self._kind.format in {"workbook", "parquet"}:
            yield from self._counted(items, line)
        else:
            yield from self._text(items, line)
        self._ended = True

    def _named(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)

    def _counted(self, items: int, line: int) -> Iterator[Row | Reject]:
        if self._kind.format == "workbook":
            from huaxiang.sources.workbook import read_workbook as read  # noqa: PLC0415 - loaded only where it is needed
        else:
            from huaxiang.sources.parquet import read_parquet as read  # noqa: PLC0415 - it loads Polars, a tenth of a second
        self.total_rows, rows = read(self.path, self._identifiers, after_line=line, named=self._named)
        self._rows_read = items
        for item in rows:
            self._rows_read += 1
            yield item

    def _text(self, items: int, line: int) -> Iterator[Row | Reject]:
        with contextlib.ExitStack() as held:
            try:
                self._file = held.enter_context(io.FileIO(self.path))
                self._stream = open_text(self._file, self._kind, held)
                yield from self._text_rows(self._stream, items, line)
            except UNREADABLE as error:
                reason = f"it breaks off: {type(error).__name__} / 文件已损坏"
                raise SourceUnreadable(path=str(self.path), reason=reason) from error

    def _text_rows(self, stream: io.BufferedIOBase, items: int, line: int) -> Iterator[Row | Reject]:
        limit_bytes = self._line_limit_bytes
        gb18030_too = self._kind.ascii_prefix
        if self._kind.format == "table":
            return read_table(
                stream,
                self._identifiers,
                path=str(self.path),
                limit_bytes=limit_bytes,
                gb18030_too=gb18030_too,
                after_line=line,
                named=self._named,
            )
        decoder = RowDecoder(
            self._identifiers,
            limit_bytes=limit_bytes,
            gb18030_too=gb18030_too,
            from_rejects=self.path.name.endswith(REJECTS_SUFFIX),
        )
        if self._kind.format == "json values":
            # Several values may begin on one line: these are told by their number.
            return islice(read_json_values(stream, decoder, limit_bytes), items, None)
        return read_json_lines(stream, decoder, limit_bytes, after_line=line)


def read_rows(
    path: Path, *, identifier_fields: Collection[str] | None = None, line_limit_bytes: int = LINE_LIMIT_BYTES
) -> Iterator[Row | Reject]:
    """Rows and rejects of a file; see Reader, which also tells how far it has come."""
    return iter(Reader(path, identifier_fields=identifier_fields, line_limit_bytes=line_limit_bytes))

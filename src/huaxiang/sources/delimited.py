"""CSV and TSV as rows, by RFC 4180, with line numbers, and with a way back after a quote that never closes.

Takes a UTF-8 stream; gives rows and rejects. The standard library's reader does the parsing, strictly; this module
feeds it line by line and keeps the lines of the record at hand, so that a fault costs one record.

Rule 1. The separator is the one of comma, semicolon and tab that cuts the first line into most cells; a first line
        `sep=;` decides by itself, and is no row.
Rule 2. A record whose quotes are wrong is refused together with the lines after it, up to the next line that has all
        the header's cells by itself: a stray quote does not swallow the file, and half a cell is not taken for a row.
Rule 3. A record over the limit is refused in the same way.
"""

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from huaxiang.errors import SourceUnreadable
from huaxiang.sources.lines import NOT_DECODED, decode_line, numbered_lines, too_long
from huaxiang.sources.rows import Reject, Row, reject_line
from huaxiang.sources.spreadsheet import Identifiers
from huaxiang.sources.tables import Columns

_SEPARATORS = ",;\t"


class _TooLong(Exception):
    """The record at hand is over the limit."""


class _Feed:
    """Lines for the parser, one by one; `lines` are those of the record at hand."""

    def __init__(self, stream: io.BufferedIOBase, limit_bytes: int, *, gb18030_too: bool) -> None:
        self._source = numbered_lines(stream, limit_bytes)
        self._limit_bytes = limit_bytes
        self._gb18030_too = gb18030_too
        self._again: deque[tuple[int, str]] = deque()
        self._bytes = 0
        self.lines: list[tuple[int, str]] = []
        self.fault: str | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, text = self._again.popleft() if self._again else self._decoded(*next(self._source))
        self.lines.append((number, text))
        self._bytes += len(text)
        if self._bytes > self._limit_bytes:
            raise _TooLong
        return text

    def _decoded(self, number: int, line: bytes) -> tuple[int, str]:
        try:
            text = decode_line(line, gb18030_too=self._gb18030_too)
        except UnicodeDecodeError:
            # The parser goes on, to find where the record ends; the record is refused then.
            text = line.decode("utf-8", "replace")
            self.fault = NOT_DECODED
        if "\0" in text:
            self.fault = "it holds a NUL character / 含有空字符"
        if len(line) > self._limit_bytes:
            self._bytes += self._limit_bytes
        return number, text

    def begin(self) -> None:
        """Start a record."""
        self.lines.clear()
        self._bytes = 0
        self.fault = None

    def give_back(self, lines: list[tuple[int, str]]) -> None:
        """Take lines of the record at hand to be read again."""
        self._again.extendleft(reversed(lines))

    @property
    def line(self) -> int:
        """Where the record at hand begins."""
        return self.lines[0][0]

    @property
    def text(self) -> str:
        """The record at hand as it stands in the file."""
        return "".join(text for _, text in self.lines)


def read_table(
    stream: io.BufferedIOBase,
    identifiers: Identifiers,
    *,
    path: str,
    limit_bytes: int,
    gb18030_too: bool,
    after_line: int = 0,
    named: Callable[[Sequence[str]], None] | None = None,
) -> Iterator[Row | Reject]:
    """Rows of a CSV or TSV stream behind a line; `named` is told the columns before the first row.

    Raises SourceUnreadable where the header can't be used.
    """
    # The limit belongs to the whole process: it is only ever raised, to what a record may hold here.
    csv.field_size_limit(max(csv.field_size_limit(), limit_bytes))
    feed = _Feed(stream, limit_bytes, gb18030_too=gb18030_too)
    separator = _separator(feed)
    parser = csv.reader(feed, delimiter=separator, strict=True)
    columns = _header(feed, parser, path=path, identifiers=identifiers)
    width = len(columns.names)
    if named is not None:
        named(columns.names)
    while True:
        feed.begin()
        try:
            cells = next(parser)
        except StopIteration:
            return
        except (csv.Error, _TooLong) as error:
            reason = too_long(limit_bytes) if isinstance(error, _TooLong) else f"{error} / CSV 引号有误"
            refused = _refuse_broken(feed, separator, width, reason)
            if refused.line > after_line:
                yield refused
            continue
        if feed.line <= after_line:
            continue
        if feed.fault:
            yield reject_line(feed.line, feed.fault, feed.text)
        elif (item := columns.row(feed.line, cells)) is not None:
            yield item


def _separator(feed: _Feed) -> str:
    """Look at the first line that is not blank, and give it back to be read."""
    try:
        first = next(line for line in feed if line.strip())
    except (StopIteration, _TooLong):
        return ","
    if first.lower().startswith("sep=") and first[4:5] in _SEPARATORS and not first[5:].strip():
        return first[4]
    feed.give_back(feed.lines[-1:])
    return max(_SEPARATORS, key=lambda separator: len(_alone(first, separator) or ()))


def _alone(line: str, separator: str) -> list[str] | None:
    """The cells of a line by itself, if it is a whole record."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), None)
    except csv.Error:
        return None


def _header(feed: _Feed, parser: Iterator[list[str]], *, path: str, identifiers: Identifiers) -> Columns:
    feed.begin()
    try:
        cells = next((cells for cells in parser if cells), list[str]())
    except (csv.Error, _TooLong) as error:
        raise SourceUnreadable(path=path, reason="the header's quotes are wrong / 表头引号有误") from error
    if feed.fault:
        raise SourceUnreadable(path=path, reason=f"the header: {feed.fault}")
    return Columns(cells, path=path, identifiers=identifiers)


def _refuse_broken(feed: _Feed, separator: str, width: int, reason: str) -> Reject:
    """Refuse the record at hand; one of several lines up to the next line that is a whole record by itself."""
    lines = list(feed.lines)
    if len(lines) > 1:
        feed.give_back(lines[1:])
        last = _skip_to_record(feed, separator, width)
        # In the file's order and without what was given back: the text of the refused lines alone.
        feed.lines = [entry for entry in lines if entry[0] <= last]
        reason = f"{reason} (lines {lines[0][0]}-{last} / 第 {lines[0][0]}-{last} 行)"
    return reject_line(feed.line, reason, feed.text)


def _skip_to_record(feed: _Feed, separator: str, width: int) -> int:
    """Pass over lines until one has all the header's cells, and give that one back; the last number passed over."""
    last = feed.line
    while True:
        feed.begin()
        try:
            text = next(feed)
        except StopIteration:
            return last
        except _TooLong:
            last = feed.line
            continue
        cells = _alone(text, separator)
        if cells is not None and len(cells) == width:
            feed.give_back(feed.lines)
            return last
        last = feed.line

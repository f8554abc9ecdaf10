"""JSON as rows: one object a line, or objects in an array, or one object spread over lines.

Takes a UTF-8 stream; gives rows and rejects. Lines are decoded by themselves; an array is cut into its items by
brackets and quotes, so that it is never held whole.

Rule 1. A row is an object; anything else is a Reject.
Rule 2. In an array, an item whose brackets do not match takes what follows it along into its Reject: there is no line
        to start again from. JSON Lines does not have this weakness.
Rule 3. Numbers keep their digits: integers of any length are exact, floats in scientific notation are noted for the
        identifiers' sake.
Rule 4. In a rejects file, the row is what stands under `row`.
"""

import io
import re
from collections.abc import Iterator

import msgspec

from huaxiang.sources.lines import NOT_DECODED, decode_line, numbered_lines, too_long
from huaxiang.sources.rows import Reject, Row, reject_line
from huaxiang.sources.spreadsheet import Identifiers, is_object

_CHUNK_BYTES = 1 << 18
_NO_OBJECT = "not a JSON object / 不是 JSON 对象"
_NO_ROW = "this line of a rejects file holds no row; correct it in the file it came from / 请在原文件中修改该行"
_TOO_DEEP = "JSON nested too deep / JSON 嵌套过深"


class RowDecoder:
    """One piece of JSON -> a Row or a Reject."""

    def __init__(
        self, identifiers: Identifiers, *, limit_bytes: int, gb18030_too: bool = False, from_rejects: bool = False
    ) -> None:
        self._identifiers = identifiers
        self._limit_bytes = limit_bytes
        self._gb18030_too = gb18030_too
        self._from_rejects = from_rejects
        self._scientific: set[float] = set()
        self._decoder = msgspec.json.Decoder(float_hook=self._float)

    def _float(self, text: str) -> float:
        value = float(text)
        if "e" in text or "E" in text:
            self._scientific.add(value)
        return value

    def row(self, line: int, piece: bytes) -> Row | Reject:
        """Decode a piece that began at a line."""
        if len(piece) > self._limit_bytes:
            return reject_line(line, too_long(self._limit_bytes), piece)
        self._scientific.clear()
        try:
            data = self._decode(piece)
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
            return reject_line(line, _reason(error), piece)
        if self._from_rejects:
            data = data.get("row") if is_object(data) else None
        if not is_object(data):
            return reject_line(line, _NO_ROW if self._from_rejects else _NO_OBJECT, piece)
        return self._identifiers.row(line, data, self._scientific)

    def _decode(self, piece: bytes) -> object:
        try:
            return self._decoder.decode(piece)
        except UnicodeDecodeError:
            return self._decoder.decode(decode_line(piece, gb18030_too=self._gb18030_too))


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    return NOT_DECODED if isinstance(error, UnicodeDecodeError) else f"{error} / JSON 格式错误"


def read_json_lines(
    stream: io.BufferedIOBase, decoder: RowDecoder, limit_bytes: int, *, after_line: int = 0
) -> Iterator[Row | Reject]:
    """Rows of a JSON Lines stream behind a line; blank lines are passed over."""
    for number, line in numbered_lines(stream, limit_bytes):
        if number > after_line and not line.isspace():
            yield decoder.row(number, line)


def read_json_values(stream: io.BufferedIOBase, decoder: RowDecoder, limit_bytes: int) -> Iterator[Row | Reject]:
    """Rows of one array of objects, or of objects one after the other, however they are broken into lines."""
    for number, piece in _Values(stream, limit_bytes):
        yield decoder.row(number, piece)


# Up to the next bracket (or comma) that is not in a string; a whole string is passed over, one without an end is not.
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_TO_MARK = re.compile(rb'(?:[^"\[\]{},]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_QUOTE, _ARRAY, _COMMA = b'"[,'
_STRING_PART = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


class _Values:
    """Cuts a stream into its values: (line, bytes). One over the limit comes cut, and longer than the limit."""

    def __init__(self, stream: io.BufferedIOBase, limit_bytes: int) -> None:
        self._stream = stream
        self._limit_bytes = limit_bytes
        self._buffer = b""
        self._start = 0  # where the current value begins in the buffer
        self._scan = 0  # up to where tokens were looked for
        self._line = 1  # the line of `_start`
        self._depth = 0
        self._in_array = False
        self._too_long = False  # the current value was given already, cut
        self._in_long_string = False  # inside a string that is over the limit by itself

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        while True:
            while self._next_mark():
                place = self._scan
                self._scan += 1
                end = self._mark(self._buffer[place], place)
                if end is not None:
                    yield from self._value(end, self._scan)
            yield from self._cut_too_long()
            if not self._read_on():
                yield from self._value(len(self._buffer), len(self._buffer))
                return

    def _next_mark(self) -> bool:
        """Go on to the next bracket or comma that counts; False where the buffer must be filled first."""
        if self._in_long_string and not self._passed_string():
            return False
        between_items = self._in_array and self._depth == 1
        match = (_TO_MARK if between_items else _TO_BRACKET).match(self._buffer, self._scan)
        self._scan = match.end() if match else self._scan
        # A quote here begins a string whose end is not in the buffer yet.
        return self._scan < len(self._buffer) and self._buffer[self._scan] != _QUOTE

    def _mark(self, mark: int, place: int) -> int | None:
        """Take a bracket or comma into account; where the current value ends, if it does."""
        if mark in b"[{":
            self._depth += 1
            if mark == _ARRAY and self._depth == 1 and not self._buffer[self._start : place].strip():
                self._in_array = True
                self._begin_at(place + 1)
            return None
        if mark == _COMMA:
            return place
        self._depth = max(self._depth - 1, 0)
        if self._depth:
            return None
        end = place if self._in_array else place + 1
        self._in_array = False
        return end

    def _read_on(self) -> bool:
        chunk = self._stream.read(_CHUNK_BYTES)
        self._buffer = self._buffer[self._start :] + chunk
        self._scan -= self._start
        self._start = 0
        return bool(chunk)

    def _value(self, end: int, next_start: int) -> Iterator[tuple[int, bytes]]:
        piece = self._buffer[self._start : end]
        bare = piece.lstrip()
        if bare and not self._too_long:
            yield self._line + piece.count(b"\n", 0, len(piece) - len(bare)), bare
        self._too_long = False
        self._begin_at(next_start)

    def _begin_at(self, place: int) -> None:
        self._line += self._buffer.count(b"\n", self._start, place)
        self._start = place

    def _cut_too_long(self) -> Iterator[tuple[int, bytes]]:
        """Give a value that grew over the limit at once, and let go of what was looked through."""
        if len(self._buffer) - self._start <= self._limit_bytes:
            return
        if not self._too_long:
            yield self._line, self._buffer[self._start : self._start + self._limit_bytes + 1]
            self._too_long = True
        if self._scan == self._start and not self._in_long_string:
            self._in_long_string = True
            self._scan += 1
        self._begin_at(self._scan)

    def _passed_string(self) -> bool:
        """Go on to the end of a string that is longer than the limit by itself, keeping none of it."""
        match = _STRING_PART.match(self._buffer, self._scan)
        self._scan = match.end() if match else self._scan
        if self._buffer[self._scan : self._scan + 1] == b'"':
            self._scan += 1
            self._in_long_string = False
        return not self._in_long_string

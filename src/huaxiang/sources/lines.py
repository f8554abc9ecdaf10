"""Lines of a stream, with their numbers, in bounded memory."""

import io
from collections.abc import Iterator

_SKIP_BYTES = 1 << 16


def numbered_lines(stream: io.BufferedIOBase, limit_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Give (number from 1, line with its end).

    A line over the limit comes cut, but longer than the limit: by that it is known.
    """
    number = 0
    while line := stream.readline(limit_bytes + 1):
        number += 1
        yield number, line
        if len(line) > limit_bytes and not line.endswith(b"\n"):
            while (rest := stream.readline(_SKIP_BYTES)) and not rest.endswith(b"\n"):
                pass


def too_long(limit_bytes: int) -> str:
    """The reason for refusing a row over the limit."""
    return f"longer than {limit_bytes} bytes / 超过 {limit_bytes} 字节"


NOT_DECODED = "its bytes are not valid in the file's encoding / 编码无效"


def decode_line(line: bytes, *, gb18030_too: bool) -> str:
    """Decode a line.

    Raises UnicodeDecodeError where it is not UTF-8 and not, where that is allowed, GB18030.
    """
    try:
        return line.decode()
    except UnicodeDecodeError:
        if gb18030_too:
            return line.decode("gb18030")
        raise

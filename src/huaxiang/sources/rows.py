"""What reading a file gives: a row, or the reason why a line is not one."""

import msgspec

LINE_LIMIT_BYTES = 8 << 20
"""The longest row that is taken: a transcript of a few hours fits, a file without line ends does not."""

EXCERPT_CHARS = 16_384


class Row(msgspec.Struct, frozen=True):
    """One record. `line` is where it begins in the file (a sheet's row number; in Parquet the n-th row, from 1)."""

    line: int
    data: dict[str, object]


class Reject(msgspec.Struct, frozen=True):
    """Why a record is refused. `field` is dotted, "" when the whole line is at fault.

    `raw` is its text, cut at 16,384 characters: personal data, which belongs in the rejects file and in no log.
    """

    line: int
    field: str
    reason: str
    raw: str


def reject_line(line: int, reason: str, raw: bytes | str) -> Reject:
    """Refuse a whole line."""
    if isinstance(raw, bytes):
        # A character takes four bytes at most: cut before decoding, so that a long line is not copied.
        raw = raw[: EXCERPT_CHARS * 4].decode("utf-8", "replace")
    return Reject(line=line, field="", reason=reason, raw=raw.rstrip("\r\n")[:EXCERPT_CHARS])


def reject_data(line: int, field: str, reason: str, data: dict[str, object]) -> Reject:
    """Refuse a parsed row for one field; `raw` is its JSON, which a correction can start from."""
    return Reject(line=line, field=field, reason=reason, raw=msgspec.json.encode(data).decode()[:EXCERPT_CHARS])

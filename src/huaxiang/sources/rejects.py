"""What was refused, written down beside the file, so that it can be corrected and imported again.

Takes rejects; writes JSON Lines: `file`, `line`, `field`, `reason`, and the row: as `row` where it is a record, else
its text as `raw`.

Rule 1. The file holds personal data, as the input did: only its owner may read it (mode 0600).
Rule 2. It appears with the first reject, in the place of an earlier run's; a run without rejects removes the earlier
        one. A run that ends by an exception before its first reject leaves it alone.
Rule 3. A run that goes on where another broke off keeps what that one had settled (`kept_bytes`), and only that.
"""

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from huaxiang.sources.rows import Reject
from huaxiang.sources.spreadsheet import is_object

SUFFIX = ".rejects.jsonl"


class RejectWriter:
    """Writes rejects to a path and counts them; a context manager. Raises OSError where the place can't be written.

    `source`: the file that they are of, as its name is to stand beside them. `kept_bytes`: how much of the rejects file
    an earlier run had settled.
    """

    def __init__(self, path: Path, *, source: str = "", kept_bytes: int = 0) -> None:
        self.path = path
        self.count = 0
        self._source = source
        self._kept_bytes = kept_bytes
        self._file: BinaryIO | None = None

    @classmethod
    def beside(cls, source: Path, *, kept_bytes: int = 0) -> Self:
        """The writer for a source's own rejects file, `FILE.rejects.jsonl`."""
        return cls(source.with_name(source.name + SUFFIX), source=source.name, kept_bytes=kept_bytes)

    def keeps(self) -> bool:
        """Whether all that an earlier run had settled is still there."""
        return not self._kept_bytes or (self.path.is_file() and self.path.stat().st_size >= self._kept_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        elif kind is None and not self._kept_bytes:
            self.path.unlink(missing_ok=True)

    def write(self, reject: Reject, row: dict[str, object] | None = None) -> None:
        """Write one down. `row`: the record, where a dialect refused what the reader had taken."""
        row = _record(reject.raw) if row is None else row
        entry: dict[str, object] = {"file": self._source} if self._source else {}
        entry |= {"line": reject.line, "field": reject.field, "reason": reject.reason}
        entry |= {"raw": reject.raw} if row is None else {"row": row}
        file = self._opened()
        file.write(msgspec.json.encode(entry) + b"\n")
        self.count += 1

    def settle(self) -> int:
        """Put what was written beyond any harm; gives the file's length then, from which another run may go on."""
        if self._file is None:
            return self._kept_bytes
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def _opened(self) -> BinaryIO:
        if self._file is None and self._kept_bytes:
            self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW), "wb")
            self._file.truncate(self._kept_bytes)
            self._file.seek(0, os.SEEK_END)
        if self._file is None:
            # A new file, never an old one's inode: that may be open to others, or be a link to elsewhere.
            self.path.unlink(missing_ok=True)
            self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        return self._file


def _record(raw: str) -> dict[str, object] | None:
    """The row, where what was refused is a JSON object in full."""
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        value: object = msgspec.json.decode(raw)
        return value if is_object(value) else None
    return None

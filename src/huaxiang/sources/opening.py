"""From a path to bytes of text: what kind of file it is, unpacked, in UTF-8, with lines that end in a line feed.

Takes a path; gives what it is (`Kind`) and a stream of its bytes. Everything after this knows UTF-8 alone: UTF-16 and
GB18030 are converted on the way, and bytes that mean nothing stay invalid UTF-8, so that their line is refused.

Rule 1. What the first bytes say (a workbook, Parquet, gzip, …) beats the suffix: exports are often named wrongly.
Rule 2. For text, a suffix that is known decides between JSON and a table; else the first character does.
Rule 3. The encoding is decided on the first MiB, as the package's docstring says.
"""

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal, cast

import msgspec

from huaxiang.errors import SourceUnreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PREFIX_BYTES = 1 << 20

Format = Literal["json lines", "json values", "table", "workbook", "parquet"]
Packing = Literal["gzip", "bzip2", "xz", "zstd"]
Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "gb18030"]


class Kind(msgspec.Struct, frozen=True):
    """What a file was found to be. `encoding` is None for what is not text."""

    format: Format
    packing: Packing | None = None
    encoding: Encoding | None = None
    bom_bytes: int = 0
    ascii_prefix: bool = False
    """All of the first MiB is ASCII: a later line that is not UTF-8 may be GB18030."""
    old_line_ends: bool = False
    """Lines end in a carriage return alone, as old spreadsheets for the Mac write them."""


UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError)
"""What a broken disk or a cut archive raises."""

_SPREADSHEET = "save it as .xlsx or CSV / 请另存为 .xlsx 或 CSV"
_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"7z\xbc\xaf", "7z is not read; unpack it first / 请先解压"),
    (b"Rar!", "rar is not read; unpack it first / 请先解压"),
    (b"%PDF", "it is a PDF, not a table / 这是 PDF 文件"),
    (b"<", f"it is a web page or XML, whatever its name says; {_SPREADSHEET}"),
)
_TEXT_FAMILIES: dict[str, Literal["json", "lines", "table"]] = {
    ".json": "json",
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".csv": "table",
    ".tsv": "table",
}
_PACKINGS: tuple[tuple[bytes, Packing], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
PACKED_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".zst"})
TEXT_SUFFIXES = frozenset({*_TEXT_FAMILIES, ".txt"})
SUFFIXES = TEXT_SUFFIXES | {".xlsx", ".xls", ".parquet"}
"""What a file of a folder ends in, if it is to be read; those of text may be followed by one of `PACKED_SUFFIXES`."""


def sniff(path: Path) -> Kind:
    """Find out what a file is from its first MiB and its suffix.

    Raises SourceUnreadable where it is nothing that can be read.
    """
    if not path.is_file():
        raise SourceUnreadable(path=str(path), reason="there is no such file / 文件不存在")
    try:
        with path.open("rb") as file:
            head = file.read(8)
            file.seek(0)
            packing = _packing(head)
            with contextlib.ExitStack() as held:
                source = held.enter_context(_unpacked(file, packing)) if packing else file
                prefix = source.read(PREFIX_BYTES)
                whole = not source.read(1)
    except UNREADABLE as error:
        raise SourceUnreadable(path=str(path), reason=f"it can't be read: {type(error).__name__}") from error
    kind = _binary_kind(prefix, path, packed=packing is not None)
    return kind or _text_kind(prefix, path, packing=packing, whole=whole)


def _packing(head: bytes) -> Packing | None:
    return next((packing for magic, packing in _PACKINGS if head.startswith(magic)), None)


def _unpacked(file: IO[bytes], packing: Packing) -> io.BufferedIOBase:
    # The four agree in what they give and differ in how they are typed.
    openers: dict[Packing, Callable[[IO[bytes]], object]] = {
        "gzip": gzip.open,
        "bzip2": bz2.open,
        "xz": lzma.open,
        "zstd": zstd.open,
    }
    return cast("io.BufferedIOBase", openers[packing](file))


def _binary_kind(prefix: bytes, path: Path, *, packed: bool) -> Kind | None:
    kind = None
    if prefix.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        kind = Kind("workbook")
    elif prefix.startswith(b"PAR1"):
        kind = Kind("parquet")
    if kind and packed:
        raise SourceUnreadable(path=str(path), reason="a packed format, packed once more; unpack it first / 请先解压")
    for magic, reason in _REFUSED:
        if prefix.lstrip(codecs.BOM_UTF8 + b" \t\r\n").startswith(magic):
            raise SourceUnreadable(path=str(path), reason=reason)
    return kind


def _text_kind(prefix: bytes, path: Path, *, packing: Packing | None, whole: bool) -> Kind:
    encoding, bom_bytes = detect_encoding(prefix, whole=whole)
    text = prefix[bom_bytes:].decode(encoding, "replace")
    if whole and not text.strip():
        raise SourceUnreadable(path=str(path), reason="it is empty / 文件为空")
    if "\0" in text[:1024]:
        raise SourceUnreadable(path=str(path), reason="it is neither text nor a known format / 无法识别的文件格式")
    return Kind(
        format=_text_format(text, path),
        packing=packing,
        encoding=encoding,
        bom_bytes=bom_bytes,
        ascii_prefix=encoding == "utf-8" and not bom_bytes and prefix.isascii(),
        old_line_ends="\r" in text and "\n" not in text,
    )


_BOMS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)


def detect_encoding(prefix: bytes, *, whole: bool) -> tuple[Encoding, int]:
    """The encoding and the length of its BOM. `whole`: the prefix is all of the file, so its end cuts no character."""
    for bom, encoding in _BOMS:
        if prefix.startswith(bom):
            return encoding, len(bom)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(prefix, final=whole)
    except UnicodeDecodeError:
        lines = prefix.split(b"\n")
        votes = [1 if _is_utf8(line) else -1 for line in (lines if whole else lines[:-1]) if not line.isascii()]
        return ("utf-8" if sum(votes) > 0 else "gb18030"), 0
    return "utf-8", 0


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text_format(text: str, path: Path) -> Format:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in {*PACKED_SUFFIXES, ".txt"}]
    begin = text.lstrip()[:1]
    family = _TEXT_FAMILIES.get(suffixes[-1] if suffixes else "", "json" if begin in {"{", "["} else "table")
    if family == "table":
        return "table"
    if begin == "[":
        return "json values"
    first_line = text.lstrip().partition("\n")[0].rstrip()
    spread_out = (
        family == "json" and begin == "{" and not first_line.endswith("}") and len(first_line) < len(text.strip())
    )
    return "json values" if spread_out else "json lines"


def open_text(file: io.FileIO, kind: Kind, held: contextlib.ExitStack) -> io.BufferedIOBase:
    """A file's text as bytes: unpacked, without BOM, in UTF-8, with line feeds.

    `held` closes what is opened on the way; the caller keeps `file`, whose place tells how far the reading has come.
    """
    source: io.BufferedIOBase
    if kind.packing:
        unpacked = held.enter_context(_unpacked(cast("IO[bytes]", file), kind.packing))
        # Two types for one thing: a buffered reader takes whatever has `readinto`.
        source = held.enter_context(io.BufferedReader(cast("io.RawIOBase", unpacked), PREFIX_BYTES))
    else:
        source = held.enter_context(io.BufferedReader(file, PREFIX_BYTES))
    source.read(kind.bom_bytes)
    conversions: list[Callable[[bytes, bool], bytes]] = []
    if kind.encoding is not None and kind.encoding != "utf-8":
        conversions.append(_to_utf8(kind.encoding))
    if kind.old_line_ends:
        conversions.append(lambda chunk, _: chunk.replace(b"\r", b"\n"))
    for convert in conversions:
        source = held.enter_context(io.BufferedReader(_Converted(source, convert), PREFIX_BYTES))
    return source


def _to_utf8(encoding: str) -> Callable[[bytes, bool], bytes]:
    """Convert chunk by chunk; what can't be decoded comes out as a lone surrogate, which is not valid UTF-8."""
    errors = "surrogateescape" if encoding == "gb18030" else "surrogatepass"
    decoder = codecs.getincrementaldecoder(encoding)(errors)

    def convert(chunk: bytes, final: bool) -> bytes:  # noqa: FBT001 - a callable's arguments have no names
        try:
            return decoder.decode(chunk, final).encode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            decoder.reset()
            return b"\xff"

    return convert


class _Converted(io.RawIOBase):
    """A stream whose chunks pass through a function."""

    def __init__(self, source: io.BufferedIOBase, convert: Callable[[bytes, bool], bytes]) -> None:
        self._source = source
        self._convert = convert
        self._ready = b""
        self._ended = False
        self._given_bytes = 0

    def tell(self) -> int:
        return self._given_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # the stub's Buffer has no length
        while not self._ready and not self._ended:
            chunk = self._source.read(PREFIX_BYTES // 4)
            self._ended = not chunk
            self._ready = self._convert(chunk, self._ended)
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        self._given_bytes += count
        return count

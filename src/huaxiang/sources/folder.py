"""Files and folders as a list of files to read, in an order that is the same every time.

Takes paths; gives files, each with the name by which a person knows it, and the names of what was passed over.

Rule 1. A folder is walked whole, sorted by name; of it, only files of a known type are taken: text, workbooks, Parquet,
        by their suffix, the text ones packed too. Hidden files and our own rejects are not looked at.
Rule 2. A file that is named by itself is taken whatever it is called; its content decides.
Rule 3. A file that is reached twice is read once.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from huaxiang.errors import SourceUnreadable
from huaxiang.sources.opening import PACKED_SUFFIXES, SUFFIXES, TEXT_SUFFIXES
from huaxiang.sources.rejects import SUFFIX as REJECTS_SUFFIX


class Found(msgspec.Struct, frozen=True):
    """A file to read. `name`: its path below the folder that was named, or the file's own name."""

    path: Path
    name: str


def files_below(paths: Sequence[Path]) -> tuple[list[Found], list[str]]:
    """Give (files to read, names passed over).

    Raises SourceUnreadable where a path does not exist, or a folder can't be read.
    """
    found: dict[Path, Found] = {}
    passed_over: list[str] = []
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                raise SourceUnreadable(path=str(path), reason="there is no such file / 文件不存在")
            found.setdefault(path.resolve(), Found(path, path.name))
            continue
        for file in _walk(path):
            name = file.relative_to(path).as_posix()
            if is_known(file):
                found.setdefault(file.resolve(), Found(file, name))
            else:
                passed_over.append(name)
    return list(found.values()), passed_over


def is_known(file: Path) -> bool:
    """Whether a file's name says that it can be read."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in PACKED_SUFFIXES:
        return len(suffixes) == 1 or suffixes[-2] in TEXT_SUFFIXES
    return bool(suffixes) and suffixes[-1] in SUFFIXES


def _walk(folder: Path) -> Iterator[Path]:
    try:
        below = sorted(folder.iterdir())
    except OSError as error:
        raise SourceUnreadable(path=str(folder), reason=f"it can't be read: {type(error).__name__}") from error
    for path in below:
        if path.name.startswith(".") or path.name.endswith(REJECTS_SUFFIX):
            continue
        # A link to a folder may lead back up, and is not followed.
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        elif path.is_file():
            yield path

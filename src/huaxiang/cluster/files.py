"""Locks that end with the processes that hold them, and names short enough for a socket.

A lock is the kernel's `flock` on an open file: it lasts until the last process that has the file open, by inheritance
too, closes it or dies. So to ask whether anybody holds it is to ask who lives, and no answer can be stale.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from huaxiang.errors import ClusterUnavailable

SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 103  # bytes; macOS has 104 with the closing zero, Linux 108


def open_file(path: Path, owner: os.stat_result, flags: int = 0) -> int:
    """Open a file for writing, made where it is missing, the owner's even where root makes it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600)
    if os.geteuid() == 0:
        os.fchown(file, owner.st_uid, owner.st_gid)
    return file


def try_lock(path: Path, owner: os.stat_result | None = None) -> int | None:
    """Open the file (making it for `owner`) and lock it; None where somebody holds it."""
    file = open_file(path, owner) if owner else os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return file


def short_name(folder: Path) -> Path:
    """A name of the folder that is short and plain enough for a socket in it, and for a URL: its own, or a link's."""
    if _fits_a_socket(folder):
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    link = _private_short_folder(name) / name
    if not link.is_symlink() or link.readlink() != folder:
        fresh = link.with_name(secrets.token_hex(8))
        fresh.symlink_to(folder)
        fresh.replace(link)
    return link


def _fits_a_socket(folder: Path) -> bool:
    plain = re.fullmatch(r"/[\w./-]*", str(folder), re.ASCII)
    return plain is not None and len(os.fsencode(folder / SOCKET)) <= _SOCKET_PATH_LIMIT


def _private_short_folder(name: str) -> Path:
    """A folder of this user alone in which `name` is short enough for a socket's folder."""
    me = os.geteuid()
    for place in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - checked below
        folder = Path(place or "/nonexistent") / f"huaxiang-{me}"
        if _fits_a_socket(folder / name):
            with suppress(OSError):
                folder.mkdir(mode=0o700, exist_ok=True)
                state = folder.lstat()
                if stat.S_ISDIR(state.st_mode) and state.st_uid == me and not state.st_mode & 0o077:
                    return folder
    raise ClusterUnavailable(reason="no folder that is short and private enough for a socket; set XDG_RUNTIME_DIR")


def size_of(folder: Path) -> int:
    """Bytes on the disk; files may go while it counts."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.lstat().st_blocks * 512
    return total


def tail(said: bytes) -> str:
    """The last lines of a log, in one."""
    lines = said.decode("utf-8", "replace").split("\n")
    return " | ".join([line.strip() for line in lines if line.strip()][-8:])


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder outlive a loss of power."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)

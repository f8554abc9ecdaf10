"""A data folder with its database, the commands that work on it, and servers over it; all ended when they are left.

Takes a folder; runs `huaxiang` as anybody would, in a process of its own.

Rule 1: the embedded server of the folder runs as long as the house is open, so that no command pays for its start.
Rule 2: memory is the most that the command's own processes held at once, the database's left out.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from huaxiang.cluster import running

from .load import fetch

BENCH = Path(__file__).resolve().parent.parent
WORKERS = 2
_START_S, _STOP_S = 60.0, 30.0
_LOOK_EVERY_S = 0.05
_COMPLAINT_CHARACTERS = 2000


class Ran(NamedTuple):
    """What a command answered, how long it took from start to end, and the most memory it held (bytes)."""

    answer: Any
    seconds: float
    peak_bytes: int


class CommandFailed(Exception):
    """A command ended with an error; its message is what it said on stderr."""


@dataclass(frozen=True)
class House:
    """A data folder whose database runs."""

    folder: Path
    url: str

    def run(self, *words: str) -> Ran:
        """Run `huaxiang` with these words, on this folder.

        Raises:
            CommandFailed: it ended with an error.

        """
        command = [sys.executable, "-m", "huaxiang", *words, "--data", str(self.folder), "--json"]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # noqa: S603 - our own
            memory = _Memory(child.pid)
            said, complaint = child.communicate()
            seconds = time.perf_counter() - started
            peak = memory.stop()
        if child.returncode:
            raise CommandFailed(f"huaxiang {words[0]}: {complaint.decode('utf-8', 'replace')[-_COMPLAINT_CHARACTERS:]}")
        return Ran(msgspec.json.decode(said) if said.strip() else None, seconds, peak)

    def serving(self) -> AbstractContextManager[int]:
        """`huaxiang serve` over this folder, for as long as a block lasts; gives its port."""
        words = ["-m", "huaxiang", "serve", "--workers", str(WORKERS), "--data", str(self.folder), "--port"]
        return serving(words, ready=b"/health")


@contextmanager
def opened(folder: Path) -> Generator[House]:
    """The house in a data folder, which is made if need be."""
    with running(None, folder) as cluster:
        yield House(folder, cluster.url)


# ── servers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def serving(words: Sequence[str], *, ready: bytes, environment: dict[str, str] | None = None) -> Generator[int]:
    """A server of Python's: `words` and a free port after them; gives the port once `ready`, a path, is answered.

    Raises:
        CommandFailed: it does not answer in a minute.

    """
    port, variables = _free_port(), {**os.environ, **(environment or {})}
    command = [sys.executable, *words, str(port)]
    # A log costs what it costs: it is written, to a file that nobody else sees.
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, cwd=BENCH, env=variables, stdout=log, stderr=log) as child,  # noqa: S603 - our own
    ):
        try:
            if not _answers(port, ready, child):
                log.seek(0)
                said = log.read().decode("utf-8", "replace")[-_COMPLAINT_CHARACTERS:]
                raise CommandFailed(f"{' '.join(words)} does not answer: {said}")
            yield port
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()


def constant(size: int) -> AbstractContextManager[int]:
    """The bare server that answers with so many bytes."""
    words = ["-m", "granian", "--interface", "rsgi", "--workers", str(WORKERS), "--log-level", "error"]
    return serving([*words, "speed.constant:app", "--port"], ready=b"/", environment={"CONSTANT_BYTES": str(size)})


def alternative(url: str) -> AbstractContextManager[int]:
    """What is kept in `bench/alternative`, over the database at `url`."""
    words = ["-m", "uvicorn", "alternative.app:app", "--workers", str(WORKERS), "--log-level", "error"]
    return serving([*words, "--no-access-log", "--port"], ready=b"/health", environment={"ALTERNATIVE_DATABASE": url})


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _answers(port: int, path: bytes, child: subprocess.Popen[bytes]) -> bool:
    """Wait until a server answers; False when it ends before, or takes too long."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and child.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            if fetch(line, b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").status.startswith("HTTP/1.1 200"):
                return True
        time.sleep(0.1)
    return False


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Memory:
    """Looks, while it runs, how much memory a process and its children hold."""

    def __init__(self, process: int) -> None:
        self._process, self._peak, self._done = process, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The most that was held, in bytes; 0 where the system does not tell."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while not self._done.wait(_LOOK_EVERY_S):
            # One process: its own high-water mark, which misses nothing. Several: what they hold now, together.
            family = [self._process, *_children(self._process)]
            what = "VmHWM" if len(family) == 1 else "VmRSS"
            self._peak = max(self._peak, sum(_held(one, what) for one in family))


def _children(process: int) -> list[int]:
    """All processes below one, the database's left out (whose first process is nobody's child)."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (task / "children").read_text("ascii").split())
    return found + [below for child in found for below in _children(child)]


def _held(process: int, what: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text("ascii", "replace").splitlines():
            if line.startswith(what):
                return int(line.split()[1]) << 10
    return 0

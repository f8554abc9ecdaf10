"""The settings of PostgreSQL that fit this machine: its memory, its processors, its disk.

Takes what the system tells (and what a container is allowed of it); gives names and values for `postgresql.conf`. The
server shares the machine with the processes that use it, so it takes a fraction of all, and nothing at a fixed size.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def settings_here(folder: Path) -> dict[str, str]:
    """Choose for this machine, with the data in `folder`."""
    return settings_for(
        memory_bytes=memory_bytes(),
        processors=os.cpu_count() or 1,
        shared_bytes=_shared_bytes(),
        disk_bytes=shutil.disk_usage(folder).free,
    )


def settings_for(*, memory_bytes: int, processors: int, shared_bytes: int | None, disk_bytes: int) -> dict[str, str]:
    """Choose PostgreSQL's settings for a machine that it shares with the processes that use it.

    `shared_bytes` is the size of /dev/shm, None where the system shares memory without it (macOS); `disk_bytes` what is
    free for the data.
    """
    parallel = max(1, min(processors, 8) // 2)
    chosen = {
        "shared_buffers": megabytes(_between(32 << 20, memory_bytes // 8, 8 << 30)),
        "effective_cache_size": megabytes(max(64 << 20, memory_bytes // 2)),
        "maintenance_work_mem": megabytes(_between(16 << 20, memory_bytes // 32, 1 << 30)),
        "autovacuum_work_mem": megabytes(_between(16 << 20, memory_bytes // 64, 256 << 20)),
        "work_mem": megabytes(_between(4 << 20, memory_bytes // 1024, 32 << 20)),
        "max_wal_size": megabytes(_between(128 << 20, disk_bytes // 8, 16 << 30)),
        "min_wal_size": "80MB",
        "wal_compression": "off",  # keys spread like ours hardly compress, and trying to takes longer than writing them
        "max_connections": "120",
        "max_worker_processes": str(parallel + 4),
        "max_parallel_workers": str(parallel),
        "max_parallel_workers_per_gather": str(parallel),
        "random_page_cost": "1.1",
        "jit": "off",
        "checkpoint_timeout": "15min",
        "autovacuum_naptime": "20s",
        "autovacuum_vacuum_scale_factor": "0.05",
    }
    if shared_bytes is not None and shared_bytes < 256 << 20:  # a container has 64 MB, too little for parallel queries
        chosen["dynamic_shared_memory_type"] = "sysv"
    return chosen


def _shared_bytes() -> int | None:
    if sys.platform != "linux":
        return None
    shared = Path("/dev/shm")  # noqa: S108 - no file is made there; its size is asked for
    return shutil.disk_usage(shared).total if shared.exists() else 0


def memory_bytes() -> int:
    """The memory that this process may use: the machine's, or less where its control group has a limit."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_group_limits()])


def _group_limits() -> Iterator[int]:
    """The limits of the control groups around this process, of both versions; none outside Linux."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            root, file = Path("/sys/fs/cgroup"), "memory.max"
            if controllers == "memory":
                root, file = root / "memory", "memory.limit_in_bytes"
            here = root / path.lstrip("/")
            for group in (here, *here.parents):
                with suppress(OSError, ValueError):  # no limit is the word "max"
                    yield int((group / file).read_text("ascii"))


def _between(least: int, wish: int, most: int) -> int:
    return max(least, min(wish, most))


def megabytes(size: int) -> str:
    """Bytes in PostgreSQL's spelling, rounded down."""
    return f"{size >> 20}MB"

"""How the house writes its log: one JSON object a line, on stderr, of our own events and of the server's.

Rule 1: what is logged is chosen where it is logged; no request's query, body, id or header is ever bound to it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import structlog

_IDS_AT_ONCE = 256

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": '{"event": "%(message)s", "level": "%(levelname)s"}'}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
    "loggers": {"_granian": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}
"""The web server's own messages: warnings and worse."""


def configure() -> None:
    """Set the log up for this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


class Requests:
    """The lines of requests: as structlog would write them, those of one turn of the event loop at once."""

    def __init__(self) -> None:
        """Nothing to write yet."""
        self._lines: list[str] = []

    def tell(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        """Write a line, soon. No argument may need escaping in JSON: names of ours, methods, ids."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        second, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        self._lines.append(
            f'{{"method": "{method}", "route": "{route}", "status": {status}, "ms": {seconds * 1000:.1f}, '
            f'"request_id": "{request_id}", "event": "request", "level": "info", '
            f'"timestamp": "{_second(second)}.{nanoseconds // 1000:06d}Z"}}\n'
        )

    def _write(self) -> None:
        lines, self._lines = "".join(self._lines), []
        sys.stderr.write(lines)
        sys.stderr.flush()


@lru_cache(maxsize=2)  # a second has many requests
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat(timespec="seconds")[:19]


_ids: list[str] = []


def request_id() -> str:
    """A random UUID (version 4) as text; made many at a time, since each would ask the kernel for its bits."""
    if not _ids:
        drawn = os.urandom(16 * _IDS_AT_ONCE).hex()
        _ids.extend(_uuid(drawn[at : at + 32]) for at in range(0, len(drawn), 32))
    return _ids.pop()


_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"

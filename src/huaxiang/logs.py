"""How the house writes its log: one JSON object a line, on stderr, of our own events and of the server's.

Rule 1: what is logged is chosen where it is logged; no request's query, body, id or header is ever bound to it.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

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

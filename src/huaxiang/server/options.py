"""How a server was started, as its workers are told: through the environment, since each is a process of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self

DATABASE, PUBLIC_HOST = "HUAXIANG_SERVE_DATABASE", "HUAXIANG_PUBLIC_HOST"
ANSWERS, SHELF = "HUAXIANG_SERVE_ANSWER_MIB", "HUAXIANG_SERVE_SHELF"
ANSWER_MIB = 64


@dataclass(frozen=True)
class ServerOptions:
    """`database`: the URL to serve from. `public_host`: the host that clients address, where a proxy stands between.

    `answer_mib`: how much memory each worker gives to answers that it keeps. `shelf`: the place of the shelf on which
    workers share them, if there is one.
    """

    database: str
    public_host: str | None = None
    answer_mib: int = ANSWER_MIB
    shelf: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """What `to_environment` left for this worker."""
        kept = os.environ.get(ANSWERS)
        return cls(
            database=os.environ[DATABASE],
            public_host=os.environ.get(PUBLIC_HOST) or None,
            answer_mib=int(kept) if kept else ANSWER_MIB,
            shelf=os.environ.get(SHELF) or None,
        )

    def to_environment(self) -> None:
        """Leave the options to the processes that this one starts."""
        os.environ[DATABASE] = self.database
        os.environ[PUBLIC_HOST] = self.public_host or ""
        os.environ[ANSWERS] = str(self.answer_mib)
        os.environ[SHELF] = self.shelf or ""

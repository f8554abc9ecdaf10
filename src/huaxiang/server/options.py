"""How a server was started, as its workers are told: through the environment, since each is a process of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self

DATABASE, PUBLIC_HOST = "HUAXIANG_SERVE_DATABASE", "HUAXIANG_PUBLIC_HOST"


@dataclass(frozen=True)
class ServerOptions:
    """`database`: the URL to serve from. `public_host`: the host that clients address, where a proxy stands between."""

    database: str
    public_host: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """What `to_environment` left for this worker."""
        return cls(os.environ[DATABASE], os.environ.get(PUBLIC_HOST) or None)

    def to_environment(self) -> None:
        """Leave the options to the processes that this one starts."""
        os.environ[DATABASE] = self.database
        os.environ[PUBLIC_HOST] = self.public_host or ""

"""Where a command works: the options that every command has, and the service that they lead to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter

from huaxiang.cluster import running
from huaxiang.service import Service
from huaxiang.settings import Settings
from huaxiang.store import opened

Result = TypeVar("Result")


@Parameter(name="*")
@dataclass(frozen=True)
class Place:
    """Where to work, and how to answer."""

    database: Annotated[str | None, Parameter(help="A PostgreSQL of yours, by URL (or HUAXIANG_DATABASE).")] = None
    data: Annotated[Path | None, Parameter(help="The data folder of the embedded PostgreSQL (or HUAXIANG_DATA).")] = (
        None
    )
    json: Annotated[bool, Parameter(name="--json", negative="", help="Answer in JSON.")] = False

    def settings(self) -> Settings:
        """The process's settings: these flags over the environment."""
        return Settings.from_environment(self.database, self.data)

    def run(self, work: Callable[[Service], Awaitable[Result]]) -> Result:
        """Do some work with a service over this place's database, which is started for it if need be."""
        settings = self.settings()
        with running(settings.database, settings.data) as cluster:
            return asyncio.run(_with_service(cluster.url, work))


async def _with_service(url: str, work: Callable[[Service], Awaitable[Result]]) -> Result:
    async with opened(url) as store:
        return await work(Service(store))


HERE = Place()
"""Neither flag given."""

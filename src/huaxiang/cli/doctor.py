"""`huaxiang doctor`: how things stand."""

from __future__ import annotations

import asyncio
import platform
from typing import Any

from huaxiang import __version__
from huaxiang.cli.output import show
from huaxiang.cli.place import HERE, Place
from huaxiang.cluster import check, facts_about, running
from huaxiang.service import Service
from huaxiang.store import migrations, opened


def doctor(*, place: Place = HERE) -> None:
    """Look at the database, its settings and what it holds, and say what is wrong, if anything is."""
    settings = place.settings()
    with running(settings.database, settings.data) as cluster:
        told: dict[str, Any] = {"huaxiang": __version__, "python": platform.python_version()}
        told |= facts_about(cluster)
        told["postgresql"] = asyncio.run(check(cluster.url))
        told["schema"] = list(migrations())[-1]
        told["tenants"] = asyncio.run(_tenants(cluster.url))
    show(told, as_json=place.json)


async def _tenants(url: str) -> dict[str, dict[str, int]]:
    async with opened(url) as store:
        service = Service(store)
        return {one.name: await service.counts(one) for one in await service.tenants()}

"""`huaxiang serve` and `huaxiang demo`: the server, and a tenant to try it with."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import Annotated, Any

import httpx
from cyclopts import Parameter

from huaxiang.cli.output import print_json, progress, say
from huaxiang.cli.place import HERE, Place
from huaxiang.cluster import running
from huaxiang.errors import SettingsInvalid
from huaxiang.service import Service
from huaxiang.store import opened

START_SECONDS = 60.0
ANSWER_SHARE = 16
"""One part in so many of the machine's memory is for answers that the workers keep."""
SHELF_SHARE = 32
"""One part in so many is for those that they share."""
Host = Annotated[str, Parameter(help="The address to listen on.")]
Port = Annotated[int, Parameter(help="The port to listen on.")]
Workers = Annotated[int, Parameter(help="Processes that answer.")]
PublicHost = Annotated[
    str | None,
    Parameter(help="The host that clients address and sign, where a proxy stands between (or HUAXIANG_PUBLIC_HOST)."),
]


def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    workers: Workers = 1,
    public_host: PublicHost = None,
    place: Place = HERE,
) -> None:
    """Serve every tenant's customers, in every dialect, until told to stop."""
    settings = place.settings()
    public_host = public_host or settings.public_host
    with running(settings.database, settings.data) as cluster:
        asyncio.run(_prepare(cluster.url))
        _serve(cluster.url, host, port, workers, public_host, lambda: _say_ready(host, port, as_json=place.json))


def demo(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    workers: Workers = 1,
    public_host: PublicHost = None,
    place: Place = HERE,
) -> None:
    """Load a demonstration tenant, serve it, and print a ready-to-paste call of each API.

    Its credentials are written to credentials.json in the data folder, last, when all is loaded and served.
    """
    from huaxiang import demo as demonstration

    settings = place.settings()
    public_host = public_host or settings.public_host
    path = settings.data / demonstration.CREDENTIALS
    with running(settings.database, settings.data) as cluster:
        credentials = asyncio.run(_load(cluster.url, demonstration.read_credentials(path)))

        def ready() -> None:
            demonstration.write_credentials(path, credentials)
            _say_ready(host, port, as_json=place.json)
            if not place.json:
                say(f"Credentials: {path}")
                for line in demonstration.curls(credentials, host, port, public_host=public_host):
                    print(f"\n{line}", flush=True)  # noqa: T201 - the answer of the command, to be copied as it is

        _serve(cluster.url, host, port, workers, public_host, ready)


async def _prepare(url: str) -> None:
    """Bring the schema up to date before any worker starts."""
    async with opened(url):
        pass


async def _load(url: str, kept: dict[str, Any] | None) -> dict[str, Any]:
    from huaxiang import demo as demonstration

    async with opened(url) as store:
        with progress() as bar:
            task = bar.add_task("demo", total=None, speed="")
            return await demonstration.prepare(
                Service(store), kept, progress=lambda done, total: bar.update(task, completed=done, total=total)
            )


def _serve(url: str, host: str, port: int, workers: int, public_host: str | None, ready: Callable[[], None]) -> None:
    if not 0 < port < 1 << 16:
        raise SettingsInvalid(field="port", reason="a port lies between 1 and 65535")
    if not 1 <= workers <= 256:  # noqa: PLR2004 - the limit is named here
        raise SettingsInvalid(field="workers", reason="1 to 256 workers")
    from granian.constants import Interfaces
    from granian.server import Server

    from huaxiang.cluster.machine import memory_bytes
    from huaxiang.logs import LOGGING
    from huaxiang.server.options import ServerOptions
    from huaxiang.shelf import Shelf

    answer_mib = (memory_bytes() // ANSWER_SHARE // workers) >> 20
    shelf = Shelf.of(memory_bytes() // SHELF_SHARE) if workers > 1 else None
    ServerOptions(url, public_host, answer_mib, shelf.place if shelf else None).to_environment()
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    server = Server(
        "huaxiang.server.app:create",
        factory=True,
        interface=Interfaces.RSGI,
        address=host,
        port=port,
        workers=workers,
        websockets=False,
        log_dictconfig=LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    )
    waiting = threading.Thread(
        target=_when_up, args=(host, port, ready, lambda: len(server.wrks) == workers), daemon=True
    )
    waiting.start()
    server.serve()


def _when_up(host: str, port: int, ready: Callable[[], None], is_begun: Callable[[], bool]) -> None:
    """Call `ready` once the server answers."""
    # Workers are forked: a lock that this thread held just then (to import something, say) would never open in them.
    while not is_begun():
        time.sleep(0.01)
    address = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not bound
    url = f"http://[{address}]:{port}/health" if ":" in address else f"http://{address}:{port}/health"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2, trust_env=False).is_success:
                ready()
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    say(f"huaxiang: the server did not answer at {url} within {START_SECONDS:.0f} s")


def _say_ready(host: str, port: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"url": f"http://{host}:{port}", "docs": f"http://{host}:{port}/docs"})
    else:
        say(f"Serving on http://{host}:{port}   (API docs: http://{host}:{port}/docs)")

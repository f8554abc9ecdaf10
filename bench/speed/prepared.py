"""A data folder with customers in it, loaded once through the product's own import; kept for the next run, if asked to.

Takes a size, and perhaps a folder to keep it in; gives a house that is ready to be asked, and keys to ask it with.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from huaxiang.store import migrations

from . import asking, data
from .house import CommandFailed, House, opened
from .sizes import Size
from .telling import say

TENANT: Final = "bench"
_WRITTEN: Final = "customers.json"
"""In the data folder once all is loaded: what was."""


class Ready(NamedTuple):
    """A house with customers, and keys to it."""

    house: House
    doors: asking.Doors
    size: Size

    def customers(self, count: int) -> list[int]:
        """So many of the customers, all different as far as there are as many, and far from each other."""
        step = next(
            step for step in range(self.size.customers * 5 // 8 | 1, 0, -2) if _apart(step, self.size.customers)
        )
        return [place * step % self.size.customers for place in range(count)]


@contextmanager
def folders(data_folder: Path | None, *, keep: bool) -> Generator[Path]:
    """A folder to work in: the one that is named, or one that is gone in the end."""
    if data_folder is not None and keep:
        data_folder.mkdir(parents=True, exist_ok=True)
        yield data_folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="hx-bench-", dir=data_folder) as folder:
        yield Path(folder)


@contextmanager
def prepared(work: Path, size: Size) -> Generator[Ready]:
    """The house with the customers of a size; loaded unless it was before, with the schema that there is now."""
    folder = work / f"customers-{size.name}"
    written = folder / _WRITTEN
    told = {"customers": size.customers, "rows": data.VERSION, "schema": _schema()}
    if not written.exists() or json.loads(written.read_text("utf-8")) != told:
        shutil.rmtree(folder, ignore_errors=True)
        with opened(folder) as house:
            _load(house, work, size.customers)
        written.write_text(json.dumps(told), encoding="utf-8")
    with opened(folder) as house:
        yield Ready(house, asking.doors(house, TENANT), size)


def _schema() -> str:
    return blake2b(repr(sorted(migrations().items())).encode(), digest_size=8).hexdigest()


def _load(house: House, work: Path, customers: int) -> None:
    house.run("tenant", "create", TENANT, "--login-name", TENANT)
    with tempfile.TemporaryDirectory(dir=work) as files:
        for kind, file in data.write_customers(Path(files), customers).items():
            told = house.run("import", str(file), "--tenant", TENANT, "--as", kind)
            if told.answer["rejected"]:
                raise CommandFailed(f"{told.answer['rejected']} rows of {file.name} were refused")
            say(f"loaded {told.answer['rows']:,} rows of {kind} in {told.seconds:.1f} s")
    asyncio.run(_tidy(house.url))


async def _tidy(url: str) -> None:
    """Leave the tables as the database itself leaves them after a while."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")
    finally:
        await connection.close()


def _apart(step: int, count: int) -> bool:
    """Whether steps of this length visit everybody."""
    while count:
        step, count = count, step % count
    return step == 1

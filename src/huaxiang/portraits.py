"""Portraits for many callers: one number's row for each of them, pages that stream, and what is kept of the rendering.

Takes a caller's number, or what a page is asked for; gives rows as bytes. The questions of all callers travel together
(`together`), and with them the versions of their tenants.

Rule 1: a row goes out by a question that began after its request had come, and that found the tenant's version as it is
        remembered; else `Stale`. Of what is ready, a worker keeps some, as it keeps answers (`lookup`).
Rule 2: what was rendered is kept when there is time, a bounded number of rows; nobody waits for that.
Rule 3: a page holds a connection while its pieces are made; at most `MOST_STREAMS` do, others wait or are refused.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from huaxiang import pages
from huaxiang.errors import Busy, Refused
from huaxiang.identifiers import normalise
from huaxiang.lookup import Made, Stale, nodes_of
from huaxiang.model import Mention
from huaxiang.together import Together

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from datetime import datetime
    from uuid import UUID

    from huaxiang.lookup import Lookups, Passage
    from huaxiang.pages import Ready, Rendering
    from huaxiang.store import Store

MOST_TO_KEEP = 20_000
KEPT_AT_ONCE = 500
MOST_TO_JOIN = 1000
MOST_STREAMS = 4
WAIT_SECONDS = 5.0
NOBODY = Made(b"", None, 0)
"""No row; a number without one may have one without a change of anybody."""


class _Question(NamedTuple):
    tenant: int
    version: int
    node: UUID


class _Ready(NamedTuple):
    """A number's row as it is kept in the store, if it is, its customer, and the newest change when it was read."""

    row: bytes | None
    customer: int
    made_at: int


class Portraits:
    """Over one store, for one event loop."""

    def __init__(self, store: Store, lookups: Lookups) -> None:
        """Nothing is asked for yet."""
        self._store, self._lookups = store, lookups
        self._ready: dict[int, Together[_Question, _Ready | None]] = {}
        self._fresh: dict[int, Together[_Question, Sequence[bytes]]] = {}
        self._to_keep: dict[int, list[Ready]] = {}
        self._to_join: dict[tuple[int, int, tuple[str, str]], None] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._streams = asyncio.Semaphore(MOST_STREAMS)

    async def of_number(self, passage: Passage, number: str, rendering: Rendering, *, now: datetime) -> bytes:
        """The row of a number, as it is held now, as it is rendered; nothing if it has no row.

        Raises:
            Stale: the tenant has changed.

        """

        async def make(passage: Passage) -> Made:
            return await self._made(passage, number, rendering, now)

        name = b"portrait %d %b" % (rendering.edition, number.encode())
        return await self._lookups.answer(passage, name, make)

    async def _made(self, passage: Passage, number: str, rendering: Rendering, now: datetime) -> Made:
        try:
            identifier = normalise(Mention("phone", number))
        except Refused:
            return NOBODY
        node = nodes_of(passage.kept, (identifier,), now).get(identifier)
        if node is None:
            return NOBODY
        question = _Question(passage.tenant.id, passage.kept.version, node)
        ready, fresh = self._lanes(rendering)
        found = await ready.ask(question)
        passage.is_current = True
        if found is None:
            return NOBODY
        if found.row is None:
            rows = await fresh.ask(question)
            return Made(rows[0], None, 0) if rows else NOBODY
        # A number that changes hands is another's as soon as the time has come, without any change.
        changes_hands = identifier in passage.kept.cuts
        return Made(found.row, None if changes_hands else (found.customer,), found.made_at)

    def _lanes(
        self, rendering: Rendering
    ) -> tuple[Together[_Question, _Ready | None], Together[_Question, Sequence[bytes]]]:
        """The batches that questions for an edition travel in: for what is ready, and for what has to be rendered."""
        edition = rendering.edition
        if edition not in self._ready:

            async def ask(questions: list[_Question]) -> Sequence[_Ready | Stale | None]:
                return await self._ask(questions, edition)

            async def render(questions: list[_Question]) -> Sequence[Sequence[bytes] | Stale]:
                return await self._render(questions, rendering)

            self._ready[edition] = Together(ask, most_items=128)
            self._fresh[edition] = Together(render, most_items=128)
        return self._ready[edition], self._fresh[edition]

    async def _ask(self, questions: list[_Question], edition: int) -> Sequence[_Ready | Stale | None]:
        tenants = [question.tenant for question in questions]
        async with self._store.asking() as tx:
            rows = await tx.rows("ready_portraits", tenants, [question.node for question in questions], edition)
        versions = {tenant: version for tenant, version, node, _, _ in rows if node is None}
        newest = {tenant: number or 0 for tenant, _, node, _, number in rows if node is None}
        self._lookups.begin(newest)
        found = {
            node: _Ready(portrait, number, newest[tenant])
            for tenant, _, node, portrait, number in rows
            if node is not None
        }
        return [found.get(of.node) if versions[of.tenant] == of.version else Stale() for of in questions]

    async def _render(self, questions: list[_Question], rendering: Rendering) -> Sequence[Sequence[bytes] | Stale]:
        """Rows that are not ready, all from one snapshot."""
        fresh: list[Ready] = []
        async with self._store.reading() as tx:
            rows = await tx.rows("versions", list({question.tenant for question in questions}))
            found = await pages.rows(tx, list({question.node for question in questions}), rendering, fresh)
        self.keep(rendering.edition, fresh)
        versions = {row["tenant"]: row["number"] for row in rows}
        portraits: dict[UUID, Sequence[bytes]] = {node: (portrait,) for node, portrait in found.items()}
        return [portraits.get(of.node, ()) if versions[of.tenant] == of.version else Stale() for of in questions]

    @asynccontextmanager
    async def streaming(self) -> AsyncGenerator[None]:
        """A place among the pages that hold a connection.

        Raises:
            Busy: none was free in time.

        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._streams.acquire()
        except TimeoutError as error:
            raise Busy(reason="too many pages are under way just now") from error
        try:
            yield
        finally:
            self._streams.release()

    def keep(self, edition: int, fresh: Sequence[Ready]) -> None:
        """Remember rows that were rendered, to be kept in the store when there is time; past a bound, none."""
        waiting = self._to_keep.setdefault(edition, [])
        waiting += fresh[: MOST_TO_KEEP - len(waiting)]
        self._keep_soon()

    def join(self, tenant: int, edition: int, buckets: Sequence[tuple[str, str]]) -> None:
        """Remember buckets whose rows a page has asked for one by one, to be joined in the store."""
        for bucket in buckets[: MOST_TO_JOIN - len(self._to_join)]:
            self._to_join[tenant, edition, bucket] = None
        self._keep_soon()

    def _keep_soon(self) -> None:
        if (self._to_keep or self._to_join) and (self._keeping is None or self._keeping.done()):
            self._keeping = asyncio.create_task(self._keep_all())

    async def kept(self) -> None:
        """Wait until all that was rendered is kept."""
        if self._keeping is not None:
            await self._keeping

    async def _keep_all(self) -> None:
        while self._to_keep:
            edition, waiting = self._to_keep.popitem()
            for at in range(0, len(waiting), KEPT_AT_ONCE):
                with suppress(Busy):  # they will be rendered again
                    async with self._store.writing() as tx:
                        await pages.keep(tx, edition, waiting[at : at + KEPT_AT_ONCE])
        while self._to_join:
            (tenant, edition, bucket), _ = self._to_join.popitem()
            with suppress(Busy):
                async with self._store.writing() as tx:
                    await pages.join(tx, tenant, edition, bucket)
        if self._to_keep:
            await self._keep_all()

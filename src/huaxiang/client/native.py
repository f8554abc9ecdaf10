"""The client of the native API: `Client`, which blocks, and `AsyncClient`, its twin for asyncio.

    with Client("https://profiles.example.com", token) as client:
        client.facts([Call(source="pbx", id="c-1", identifiers=(Mention("phone", "13667679151"),))])
        client.lookup([Mention("phone", "136 6767 9151")])

Takes facts and identifiers of `huaxiang.model`, or the same as objects of JSON; gives the structs of the wire. What an
operator does (see why, decide, review, erase) is in `steward.py`.

Rule 1: both forms build the same requests and read the same answers; only the waiting differs.
Rule 2: facts are taken as they come, a batch at a time, so that an endless or a huge iterable needs the memory of one.
Rule 3: what is wrong with one fact is a reject of the answer; an exception means that a call failed.
Rule 4: a batch that failed leaves those before it landed. `ClientError.before` has the sum of their answers, and
        `ClientError.line` the first line that is not in it, to go on from.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from datetime import datetime
from uuid import UUID

import httpx

from huaxiang.client import calls, records
from huaxiang.client.calls import LARGEST_BODY_BYTES, AFact, AnIdentifier, Batch, Landing
from huaxiang.client.errors import ClientError
from huaxiang.client.exchange import Retry
from huaxiang.client.records import What
from huaxiang.client.steward import AsyncSteward, Steward
from huaxiang.client.transport import AsyncTransport, Destination, Reach, Transport
from huaxiang.dialects.native.dictionaries import EntryAnswer, Kind
from huaxiang.dialects.native.steps import StandingAnswer
from huaxiang.dialects.native.wire import MOST_FACTS, Customer, FactsAnswer

TIMEOUT_S = 60.0
"""A batch of 10,000 facts is landed in one transaction, which may take a while."""
RETRY = Retry()


class Client(Steward):
    """A server's native API. Threads may share it; each call blocks the thread that makes it."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_s: float = TIMEOUT_S,
        retry: Retry = RETRY,
        batch_facts: int = MOST_FACTS,
        batch_bytes: int = LARGEST_BODY_BYTES,
        http: httpx.Client | None = None,
    ) -> None:
        """Speak to the server at `base_url` with a token of `huaxiang key create --dialect native`.

        `timeout_s`: for each of connecting, sending, and waiting for the next bytes. `batch_facts`, `batch_bytes`: the
        most in one request, for a server or a proxy that takes less than it may. `http`: a client of yours, with its
        proxies, certificates and timeouts in place of `timeout_s`; it is yours to close.

        Raises `SettingsInvalid` for an address, a token or a figure that can't be meant.
        """
        super().__init__(Transport(Destination(base_url, token), retry=retry, reach=Reach.within(timeout_s), http=http))
        self._batches = calls.Sizes(batch_facts, batch_bytes)

    def facts(self, facts: Iterable[AFact]) -> FactsAnswer:
        """Land facts, in batches of up to 10,000 and the size of a body; the sum of the answers, by line of `facts`.

        A batch is sent again after no answer or 503 only if each of its facts has an `id` or a time (`at`); facts
        without either would count twice. Facts of a try whose answer was lost come back as `known`.

        Raises `ClientError`, with `before` and `line`.
        """
        landing = Landing(self._batches)
        for fact in facts:
            if batch := landing.take(fact):
                self._land(landing, batch)
        if rest := landing.rest():
            self._land(landing, rest)
        return landing.answer()

    def _land(self, landing: Landing, batch: Batch) -> None:
        try:
            landing.note(self._transport.ask(batch.call()))
        except ClientError as error:
            landing.mark(error, batch)
            raise

    def customer(self, number: int) -> Customer | None:
        """The customer that has this number, or one of whose identifiers has it; None where nobody has.

        Raises `ClientError`.
        """
        return self._transport.ask(calls.customer(number))

    def lookup(self, identifiers: Iterable[AnIdentifier]) -> list[Customer | None]:
        """The customers of these identifiers, each in its place, None where none is known; 1,000 in a request.

        Raises `ClientError`; `Invalid` if one of them can't be an identifier by its form.
        """
        return [one for call in calls.lookups(identifiers) for one in self._transport.ask(call)]

    def step(
        self,
        what: What,
        record: str,
        *,
        author: str,
        reason: str,
        at: datetime | None = None,
        step_id: str | None = None,
        account: UUID | None = None,
    ) -> StandingAnswer:
        """Take a step about a CRM's customer, by its record's id: follow, settle, claim (for an `account`), release.

        It is one step however often it is sent; with a `step_id` of yours, also from another process.
        Raises `ClientError`; `NotFound` for no such record, `Invalid` where the customer stands otherwise.
        """
        return self._transport.ask(
            records.step(what, record, author=author, reason=reason, at=at, step_id=step_id, account=account)
        )

    def undo_step(self, step_id: str, *, author: str, reason: str) -> StandingAnswer:
        """Take a step back, by its id. Raises `ClientError`."""
        return self._transport.ask(records.undo(step_id, author=author, reason=reason))

    def standing(self, record: str) -> StandingAnswer:
        """How a CRM's customer stands to the public pool, and the steps about it. Raises `ClientError`."""
        return self._transport.ask(records.standing(record))

    def dictionary(self, kind: Kind | None = None, *, account: UUID | None = None) -> list[EntryAnswer]:
        """What the ids of sources, industries and grades mean. Raises `ClientError`."""
        return self._transport.ask(records.dictionary(kind, account))

    def put_entry(
        self, kind: Kind, name: str, *, entry_id: int | None = None, account: UUID | None = None
    ) -> EntryAnswer:
        """Say what an id of a dictionary means; a new one, unless it is named. Raises `ClientError`."""
        return self._transport.ask(records.put_entry(kind, name, entry_id=entry_id, account=account))

    def drop_entry(self, kind: Kind, entry_id: int, *, account: UUID | None = None) -> EntryAnswer:
        """Let an id of a dictionary mean nothing any more; what it meant. Raises `ClientError`."""
        return self._transport.ask(records.drop_entry(kind, entry_id, account=account))


class AsyncClient(AsyncSteward):
    """A server's native API, for asyncio: what `Client` does, without blocking. Tasks of one loop may share it."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_s: float = TIMEOUT_S,
        retry: Retry = RETRY,
        batch_facts: int = MOST_FACTS,
        batch_bytes: int = LARGEST_BODY_BYTES,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Speak to the server at `base_url`; see `Client`."""
        super().__init__(
            AsyncTransport(Destination(base_url, token), retry=retry, reach=Reach.within(timeout_s), http=http)
        )
        self._batches = calls.Sizes(batch_facts, batch_bytes)

    async def facts(self, facts: Iterable[AFact] | AsyncIterable[AFact]) -> FactsAnswer:
        """Land facts, as `Client.facts` does; they may come from an async iterable too."""
        landing = Landing(self._batches)
        async for fact in _each(facts):
            if batch := landing.take(fact):
                await self._land(landing, batch)
        if rest := landing.rest():
            await self._land(landing, rest)
        return landing.answer()

    async def _land(self, landing: Landing, batch: Batch) -> None:
        try:
            landing.note(await self._transport.ask(batch.call()))
        except ClientError as error:
            landing.mark(error, batch)
            raise

    async def customer(self, number: int) -> Customer | None:
        """The customer that has this number; see `Client.customer`."""
        return await self._transport.ask(calls.customer(number))

    async def lookup(self, identifiers: Iterable[AnIdentifier]) -> list[Customer | None]:
        """The customers of these identifiers, each in its place; see `Client.lookup`."""
        return [one for call in calls.lookups(identifiers) for one in await self._transport.ask(call)]

    async def step(
        self,
        what: What,
        record: str,
        *,
        author: str,
        reason: str,
        at: datetime | None = None,
        step_id: str | None = None,
        account: UUID | None = None,
    ) -> StandingAnswer:
        """Take a step about a CRM's customer; see `Client.step`."""
        return await self._transport.ask(
            records.step(what, record, author=author, reason=reason, at=at, step_id=step_id, account=account)
        )

    async def undo_step(self, step_id: str, *, author: str, reason: str) -> StandingAnswer:
        """Take a step back; see `Client.undo_step`."""
        return await self._transport.ask(records.undo(step_id, author=author, reason=reason))

    async def standing(self, record: str) -> StandingAnswer:
        """How a CRM's customer stands; see `Client.standing`."""
        return await self._transport.ask(records.standing(record))

    async def dictionary(self, kind: Kind | None = None, *, account: UUID | None = None) -> list[EntryAnswer]:
        """What ids mean; see `Client.dictionary`."""
        return await self._transport.ask(records.dictionary(kind, account))

    async def put_entry(
        self, kind: Kind, name: str, *, entry_id: int | None = None, account: UUID | None = None
    ) -> EntryAnswer:
        """Say what an id means; see `Client.put_entry`."""
        return await self._transport.ask(records.put_entry(kind, name, entry_id=entry_id, account=account))

    async def drop_entry(self, kind: Kind, entry_id: int, *, account: UUID | None = None) -> EntryAnswer:
        """Let an id mean nothing; see `Client.drop_entry`."""
        return await self._transport.ask(records.drop_entry(kind, entry_id, account=account))


async def _each(facts: Iterable[AFact] | AsyncIterable[AFact]) -> AsyncIterator[AFact]:
    if isinstance(facts, AsyncIterable):
        async for fact in facts:
            yield fact
    else:
        for fact in facts:
            yield fact

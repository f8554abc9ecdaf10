"""The client of Rabbitpre's open platform: `RabbitpreClient`, which blocks, and its twin for asyncio.

    with RabbitpreClient("https://devintegrate.rabbitpre.com", App(app_id, secret)) as client:
        for customer in client.detail(phones=["13339938205"]):
            print(customer.audienceUserId, customer.realName)

Rule 1: both forms send the same requests and read the same answers; only the waiting differs.
Rule 2: the token is got when first needed, renewed before it expires, and once when it is refused; by one at a time.
Rule 3: a call that has a rate waits for its turn, each try of it.
Rule 4: a row that is refused is told in the answer, and keeps no other out; an exception means that a call failed, and
        tells with `before` and `line` what became of the rows before it, and where to go on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar, Unpack

import httpx

from huaxiang.client.batches import Batch, marked
from huaxiang.client.errors import Unauthenticated
from huaxiang.client.exchange import Call, Retry
from huaxiang.client.opened import AsyncOpened, Opened
from huaxiang.client.pace import AsyncPace, Pace, Rate
from huaxiang.client.rabbitpre import calls
from huaxiang.client.rabbitpre.answers import Added, BatchAnswer, Profile, Tagged
from huaxiang.client.rabbitpre.rows import EventRow, Params, ProfileRow, TagParams, TagRow
from huaxiang.client.rabbitpre.tokens import Keeping
from huaxiang.client.transport import AsyncTransport, Destination, Reach, Transport
from huaxiang.dialects.rabbitpre.neighbours import ADD_EVENTS, ADD_PROFILES, ADD_TAGS
from huaxiang.model import Json

Answer = TypeVar("Answer")

TIMEOUT_S = 60.0
RETRY = Retry()


@dataclass(frozen=True)
class Rates:
    """The vendor's rates, for each app. One's own server may allow more: the rate of a key there scales all three."""

    detail: Rate = field(default_factory=lambda: Rate(1, 1.0))
    tags: Rate = field(default_factory=lambda: Rate(1, 2.0))
    tags_of: Rate = field(default_factory=lambda: Rate(10, 5.0))


RATES = Rates()


@dataclass(frozen=True)
class App:
    """Who asks: an app's `instanceAppid` and `instanceSecrect`.

    `company_id`: the enterprise under the app that is meant, in reads, and of rows that say no other; None: the app's
    own. `acting_for`: the `instanceAppid` of another app, where this one may read as that one.
    """

    id: str
    secret: str = field(repr=False)
    company_id: str | None = None
    acting_for: str | None = None


class RabbitpreClient(Opened):
    """One app of a Rabbitpre server. Threads may share it; each call blocks the thread that makes it."""

    def __init__(
        self,
        base_url: str,
        app: App,
        *,
        rates: Rates = RATES,
        timeout_s: float = TIMEOUT_S,
        retry: Retry = RETRY,
        http: httpx.Client | None = None,
    ) -> None:
        """Speak to the server at `base_url` (without `/api/open`) as this app.

        `http`: a client of yours, with its proxies, certificates and timeouts; it is yours to close. Raises
        `SettingsInvalid` for what can't be meant.
        """
        super().__init__(Transport(Destination(base_url), retry=retry, reach=Reach.within(timeout_s), http=http))
        self._keeping, self._renewing = Keeping(app.id, app.secret), threading.Lock()
        self._app = app
        self._detail, self._tags, self._tags_of = Pace(rates.detail), Pace(rates.tags), Pace(rates.tags_of)

    def detail(
        self, *, ids: Iterable[int] = (), third_ids: Iterable[str] = (), phones: Iterable[str] = ()
    ) -> list[Profile]:
        """The customers of these ids, third parties' ids and phones, each once, in the order first asked for.

        An unknown one is left out. 1,000 in a request, and a request a second. Raises `ClientError`.
        """
        asked = calls.details(ids, third_ids, phones, _meant(self._app))
        return calls.each_once(one for call in asked for one in self._ask(call, self._detail))

    def info(self, *, phone: str | None = None, openid: str | None = None) -> Profile | None:
        """The customer of a phone or an openid (one of the two at least); None where nobody has it.

        Raises `ClientError`.
        """
        return self._ask(calls.info(phone, openid, self._app.company_id))

    def user_ids(self, *, after: int | None = None, size: int = calls.MOST_USER_IDS) -> Iterator[int]:
        """The ids of all customers, ascending, strictly after this one; `size` in a request. Raises `ClientError`."""
        while ids := self._ask(calls.user_ids(after, size, self._app.company_id)):
            yield from ids
            after = calls.last(ids, after)

    def tags(self, audience_user_id: int) -> Tagged | None:
        """One customer's tags, a request in two seconds; None where nobody has the id. Raises `ClientError`."""
        return self._ask(calls.tags(audience_user_id, self._app.company_id), self._tags)

    def tags_of(self, ids: Iterable[int], *, size: int = calls.MOST_TAGGED) -> Iterator[Tagged]:
        """The tags of these customers, each once; `size` in a request, 1,000 at most, ten requests in five seconds.

        An unknown one is left out. Raises `ClientError`.
        """
        seen: set[int] = set()
        for call in calls.tags_of(ids, size, self._app.company_id):
            yield from calls.unseen(self._ask(call, self._tags_of), seen)

    def add_profiles(
        self, rows: Iterable[ProfileRow | Profile | Mapping[str, Json]], **params: Unpack[Params]
    ) -> Added:
        """Hand profiles over, 500 in a request: `audience/info/v2/batchAdd`. What `detail` gives may be handed over.

        `params`: the document's `publicParams`, for all rows. Raises `ClientError`.
        """
        return self._hand_over(calls.batches(ADD_PROFILES, rows, params, self._app.company_id))

    def add_events(self, rows: Iterable[EventRow | Mapping[str, Json]], **params: Unpack[Params]) -> Added:
        """Hand events over, 500 in a request: `event/batchAdd`.

        A request of which no answer came is sent again only where each of its rows has its `eventId`: any other would
        count twice. Raises `ClientError`; `Unconfirmed` where it is not known whether they were taken.
        """
        return self._hand_over(calls.batches(ADD_EVENTS, rows, params, self._app.company_id))

    def tag(self, rows: Iterable[TagRow | Mapping[str, Json]], **params: Unpack[TagParams]) -> Added:
        """Put tags on customers, or with `optType="delete"` take them off, 500 rows in a request: `tag/v2/batchAdd`.

        A tag that is taken off with values loses these alone. Raises `ClientError`.
        """
        return self._hand_over(calls.batches(ADD_TAGS, rows, {"optType": "add", **params}, self._app.company_id))

    def _hand_over(self, batches: Iterable[Batch[BatchAnswer]]) -> Added:
        added = Added()
        for batch in batches:
            with marked(batch.part.first, added):
                added.note(batch.part, self._ask(batch.call) if batch.call else None)
        return added

    def _ask(self, call: Call[Answer], pace: Pace | None = None) -> Answer:
        token = self._token()
        try:
            return self._transport.ask(_carrying(call, token), pace)
        except Unauthenticated:
            with self._renewing:
                self._keeping.drop(token)
        return self._transport.ask(_carrying(call, self._token()), pace)

    def _token(self) -> str:
        with self._renewing:
            now = time.monotonic()
            if token := self._keeping.current(now):
                return token
            if call := self._keeping.refresh(now):
                try:
                    return self._keeping.note(self._transport.ask(call), now)
                except Unauthenticated:
                    now = time.monotonic()
            return self._keeping.note(self._transport.ask(self._keeping.fetch()), now)


class AsyncRabbitpreClient(AsyncOpened):
    """One app of a Rabbitpre server, for asyncio: what `RabbitpreClient` does, not blocking, for tasks of one loop."""

    def __init__(
        self,
        base_url: str,
        app: App,
        *,
        rates: Rates = RATES,
        timeout_s: float = TIMEOUT_S,
        retry: Retry = RETRY,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Speak to the server at `base_url` as this app; see `RabbitpreClient`."""
        super().__init__(AsyncTransport(Destination(base_url), retry=retry, reach=Reach.within(timeout_s), http=http))
        self._keeping, self._renewing = Keeping(app.id, app.secret), asyncio.Lock()
        self._app = app
        self._detail, self._tags = AsyncPace(rates.detail), AsyncPace(rates.tags)
        self._tags_of = AsyncPace(rates.tags_of)

    async def detail(
        self, *, ids: Iterable[int] = (), third_ids: Iterable[str] = (), phones: Iterable[str] = ()
    ) -> list[Profile]:
        """The customers of these ids, third parties' ids and phones; see `RabbitpreClient.detail`."""
        asked = calls.details(ids, third_ids, phones, _meant(self._app))
        return calls.each_once([one for call in asked for one in await self._ask(call, self._detail)])

    async def info(self, *, phone: str | None = None, openid: str | None = None) -> Profile | None:
        """The customer of a phone or an openid; see `RabbitpreClient.info`."""
        return await self._ask(calls.info(phone, openid, self._app.company_id))

    async def user_ids(self, *, after: int | None = None, size: int = calls.MOST_USER_IDS) -> AsyncIterator[int]:
        """The ids of all customers; see `RabbitpreClient.user_ids`."""
        while ids := await self._ask(calls.user_ids(after, size, self._app.company_id)):
            for one in ids:
                yield one
            after = calls.last(ids, after)

    async def tags(self, audience_user_id: int) -> Tagged | None:
        """One customer's tags; see `RabbitpreClient.tags`."""
        return await self._ask(calls.tags(audience_user_id, self._app.company_id), self._tags)

    async def tags_of(self, ids: Iterable[int], *, size: int = calls.MOST_TAGGED) -> AsyncIterator[Tagged]:
        """The tags of these customers; see `RabbitpreClient.tags_of`."""
        seen: set[int] = set()
        for call in calls.tags_of(ids, size, self._app.company_id):
            for one in calls.unseen(await self._ask(call, self._tags_of), seen):
                yield one

    async def add_profiles(
        self, rows: Iterable[ProfileRow | Profile | Mapping[str, Json]], **params: Unpack[Params]
    ) -> Added:
        """Hand profiles over; see `RabbitpreClient.add_profiles`."""
        return await self._hand_over(calls.batches(ADD_PROFILES, rows, params, self._app.company_id))

    async def add_events(self, rows: Iterable[EventRow | Mapping[str, Json]], **params: Unpack[Params]) -> Added:
        """Hand events over; see `RabbitpreClient.add_events`."""
        return await self._hand_over(calls.batches(ADD_EVENTS, rows, params, self._app.company_id))

    async def tag(self, rows: Iterable[TagRow | Mapping[str, Json]], **params: Unpack[TagParams]) -> Added:
        """Put tags on customers, or take them off; see `RabbitpreClient.tag`."""
        return await self._hand_over(calls.batches(ADD_TAGS, rows, {"optType": "add", **params}, self._app.company_id))

    async def _hand_over(self, batches: Iterable[Batch[BatchAnswer]]) -> Added:
        added = Added()
        for batch in batches:
            with marked(batch.part.first, added):
                added.note(batch.part, await self._ask(batch.call) if batch.call else None)
        return added

    async def _ask(self, call: Call[Answer], pace: AsyncPace | None = None) -> Answer:
        token = await self._token()
        try:
            return await self._transport.ask(_carrying(call, token), pace)
        except Unauthenticated:
            self._keeping.drop(token)
        return await self._transport.ask(_carrying(call, await self._token()), pace)

    async def _token(self) -> str:
        async with self._renewing:
            now = time.monotonic()
            if token := self._keeping.current(now):
                return token
            if call := self._keeping.refresh(now):
                try:
                    return self._keeping.note(await self._transport.ask(call), now)
                except Unauthenticated:
                    now = time.monotonic()
            return self._keeping.note(await self._transport.ask(self._keeping.fetch()), now)


def _meant(app: App) -> Mapping[str, Json]:
    """Which enterprise and which app a read is about, in the document's words."""
    return {"companyId": app.company_id, "instanceAppid": app.acting_for}


def _carrying(call: Call[Answer], token: str) -> Call[Answer]:
    return replace(call, headers={**call.headers, "X-Token": token})

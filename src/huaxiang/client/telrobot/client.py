"""The client of Telrobot's customer contact: `TelrobotClient`, which blocks, and its twin for asyncio.

    with TelrobotClient("https://telrobot.example.com", token, user_id) as client:
        print(client.detail("780f7216-b131-462b-ba30-de7cd1f527de").name)

Rule 1: both forms send the same requests and read the same answers; only the waiting differs.
Rule 2: what is asked is asked of the account `user_id`, and of those below it.
Rule 3: a row that is refused is told in the answer, and keeps no other out; an exception means that a call failed, and
        tells with `before` and `line` what became of the rows before it, and where to go on.
Rule 4: a list that changes while it is read may show a customer twice, or not: pages are counted from its newest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar, Unpack
from uuid import UUID

import httpx

from huaxiang.client.batches import marked
from huaxiang.client.exchange import Call, Retry
from huaxiang.client.opened import AsyncOpened, Opened
from huaxiang.client.pace import AsyncPace, Pace, Rate
from huaxiang.client.telrobot import answers, calls
from huaxiang.client.telrobot.answers import Component, Customer, Landed, Page, TokenState
from huaxiang.client.telrobot.calls import Filter
from huaxiang.client.telrobot.rows import CustomerRow, FieldChanges, FieldRule, FieldType
from huaxiang.client.transport import AsyncTransport, Destination, Reach, Transport
from huaxiang.model import Json

Answer = TypeVar("Answer")

TIMEOUT_S = 60.0
RETRY = Retry()
ALL = Filter()
PER_PAGE = 100


class TelrobotClient(Opened):
    """One account of a Telrobot server. Threads may share it; each call blocks the thread that makes it."""

    def __init__(
        self,
        base_url: str,
        token: str,
        user_id: str | UUID,
        *,
        timeout_s: float = TIMEOUT_S,
        retry: Retry = RETRY,
        rate: Rate | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        """Speak to the server at `base_url` (without `/agent-api`) for the account `user_id`.

        `rate`: the calls to make at most in so many seconds; the vendor's document names none, and None waits only
        where the server says that it was too often. `http`: a client of yours, with its proxies, certificates and
        timeouts; it is yours to close. Raises `SettingsInvalid` for what can't be meant.
        """
        super().__init__(Transport(Destination(base_url, token), retry=retry, reach=Reach.within(timeout_s), http=http))
        self._user_id, self._pace = str(user_id), Pace(rate) if rate else None

    def token(self) -> TokenState:
        """What the token is good for. Raises `ClientError`."""
        return self._ask(calls.token())

    def detail(self, customer_id: str | UUID) -> Customer:
        """One customer. Raises `ClientError`; `NotFound` for one that is not the account's."""
        return self._ask(calls.detail(self._user_id, str(customer_id)))

    def fields(self) -> list[Component]:
        """The account's custom fields that can be filled in, in their order. Raises `ClientError`."""
        return self._ask(calls.fields(self._user_id))

    def pages(self, wanted: Filter = ALL, *, per_page: int = PER_PAGE, first: int = 1) -> Iterator[Page]:
        """The account's customers, the newest first, page by page, at least one, from page `first` on.

        `per_page`: 100 at most. Raises `ClientError`; `Invalid` for a filter that can't be meant.
        """
        number: int | None = first
        while number is not None:
            page = self._ask(calls.page(self._user_id, wanted, number, per_page))
            yield page
            number = calls.next_page(page, number)

    def customers(self, wanted: Filter = ALL, *, per_page: int = PER_PAGE) -> Iterator[Customer]:
        """The account's customers, the newest first, over all pages; see `pages`. Raises `ClientError`."""
        for page in self.pages(wanted, per_page=per_page):
            yield from page.data

    def add(
        self, rows: Iterable[CustomerRow | Mapping[str, Json]], *, sub_user_id: str | UUID | None = None
    ) -> list[Landed]:
        """Hand customers over, 200 in a request: `async_customer`. What became of each row, in their order.

        `sub_user_id`: the account below whose the rows are that do not say it. Raises `ClientError`.
        """
        told: list[Landed] = []
        for batch in calls.batches(self._user_id, rows, sub_user_id):
            with marked(batch.part.first, told):
                told += answers.told(batch.part, self._ask(batch.call) if batch.call else None)
        return told

    def delete(self, phones: Iterable[str] | None = None, *, created_at: tuple[str, str] | None = None) -> int | None:
        """Delete customers by phone, 100 in a request, by the span in which they were made, or by both together.

        How many were deleted; None where the server does not say. Neither deletes nobody, and so does a list of phones
        that is empty, whatever the span. Raises `ClientError`.
        """
        deleted: int | None = 0
        for first, call in calls.deletions(self._user_id, phones, created_at):
            with marked(first, deleted):
                deleted = calls.plus(deleted, self._ask(call))
        return deleted

    def make_field(
        self,
        name: str,
        *,
        type: FieldType = "text",  # noqa: A002 - the document's name
        sort: int = 0,
        validate: Sequence[FieldRule] = (),
        status: bool = True,
    ) -> Component | None:
        """Make a custom field: its name is the only one of the account. `status` False: it is switched off.

        The field as it is now; None where the server does not say. Raises `ClientError`.
        """
        said = {"name": name, "type": type, "sort": sort, "validate": list(validate), "status": status}
        return self._ask(calls.make_field(self._user_id, said))

    def change_field(self, component_id: str | UUID, **changes: Unpack[FieldChanges]) -> Component | None:
        """Change a custom field; what is left out stays.

        The field as it is now; None where the server does not say. Raises `ClientError`; `NotFound` for one that is not
        the account's.
        """
        return self._ask(calls.change_field(self._user_id, str(component_id), changes))

    def _ask(self, call: Call[Answer]) -> Answer:
        return self._transport.ask(call, self._pace)


class AsyncTelrobotClient(AsyncOpened):
    """One account of a Telrobot server, for asyncio: what `TelrobotClient` does, not blocking, for one loop."""

    def __init__(
        self,
        base_url: str,
        token: str,
        user_id: str | UUID,
        *,
        timeout_s: float = TIMEOUT_S,
        retry: Retry = RETRY,
        rate: Rate | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Speak to the server at `base_url` for the account `user_id`; see `TelrobotClient`."""
        super().__init__(
            AsyncTransport(Destination(base_url, token), retry=retry, reach=Reach.within(timeout_s), http=http)
        )
        self._user_id, self._pace = str(user_id), AsyncPace(rate) if rate else None

    async def token(self) -> TokenState:
        """What the token is good for; see `TelrobotClient.token`."""
        return await self._ask(calls.token())

    async def detail(self, customer_id: str | UUID) -> Customer:
        """One customer; see `TelrobotClient.detail`."""
        return await self._ask(calls.detail(self._user_id, str(customer_id)))

    async def fields(self) -> list[Component]:
        """The account's custom fields; see `TelrobotClient.fields`."""
        return await self._ask(calls.fields(self._user_id))

    async def pages(self, wanted: Filter = ALL, *, per_page: int = PER_PAGE, first: int = 1) -> AsyncIterator[Page]:
        """The account's customers, page by page; see `TelrobotClient.pages`."""
        number: int | None = first
        while number is not None:
            page = await self._ask(calls.page(self._user_id, wanted, number, per_page))
            yield page
            number = calls.next_page(page, number)

    async def customers(self, wanted: Filter = ALL, *, per_page: int = PER_PAGE) -> AsyncIterator[Customer]:
        """The account's customers, over all pages; see `TelrobotClient.customers`."""
        async for page in self.pages(wanted, per_page=per_page):
            for one in page.data:
                yield one

    async def add(
        self, rows: Iterable[CustomerRow | Mapping[str, Json]], *, sub_user_id: str | UUID | None = None
    ) -> list[Landed]:
        """Hand customers over; see `TelrobotClient.add`."""
        told: list[Landed] = []
        for batch in calls.batches(self._user_id, rows, sub_user_id):
            with marked(batch.part.first, told):
                told += answers.told(batch.part, await self._ask(batch.call) if batch.call else None)
        return told

    async def delete(
        self, phones: Iterable[str] | None = None, *, created_at: tuple[str, str] | None = None
    ) -> int | None:
        """Delete customers; see `TelrobotClient.delete`."""
        deleted: int | None = 0
        for first, call in calls.deletions(self._user_id, phones, created_at):
            with marked(first, deleted):
                deleted = calls.plus(deleted, await self._ask(call))
        return deleted

    async def make_field(
        self,
        name: str,
        *,
        type: FieldType = "text",  # noqa: A002 - the document's name
        sort: int = 0,
        validate: Sequence[FieldRule] = (),
        status: bool = True,
    ) -> Component | None:
        """Make a custom field; see `TelrobotClient.make_field`."""
        said = {"name": name, "type": type, "sort": sort, "validate": list(validate), "status": status}
        return await self._ask(calls.make_field(self._user_id, said))

    async def change_field(self, component_id: str | UUID, **changes: Unpack[FieldChanges]) -> Component | None:
        """Change a custom field; see `TelrobotClient.change_field`."""
        return await self._ask(calls.change_field(self._user_id, str(component_id), changes))

    async def _ask(self, call: Call[Answer]) -> Answer:
        return await self._transport.ask(call, self._pace)

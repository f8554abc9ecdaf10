"""The client of Telrobot's customer contact: `TelrobotClient`, which blocks, and its twin for asyncio.

    with TelrobotClient("https://telrobot.example.com", token, user_id) as client:
        print(client.detail("780f7216-b131-462b-ba30-de7cd1f527de").name)

Rule 1: both forms send the same requests and read the same answers; only the waiting differs.
Rule 2: the account is the token's own, unless one is said; what is asked is asked of that account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx

from huaxiang.client.exchange import Retry
from huaxiang.client.telrobot import calls
from huaxiang.client.telrobot.answers import Component, Customer, Page, TokenState
from huaxiang.client.telrobot.calls import Filter
from huaxiang.client.transport import AsyncTransport, Destination, Reach, Transport
from huaxiang.model import Json

TIMEOUT_S = 60.0
RETRY = Retry()
ALL = Filter()
PER_PAGE = 100


class TelrobotClient:
    """One account of a Telrobot server. Threads may share it; each call blocks the thread that makes it."""

    def __init__(
        self,
        base_url: str,
        token: str,
        user_id: str | UUID,
        *,
        timeout_s: float = TIMEOUT_S,
        retry: Retry = RETRY,
        http: httpx.Client | None = None,
    ) -> None:
        """Speak to the server at `base_url` (without `/agent-api`) for the account `user_id`.

        `http`: a client of yours, with its proxies, certificates and timeouts; it is yours to close. Raises
        `SettingsInvalid` for what can't be meant.
        """
        self._transport = Transport(Destination(base_url, token), retry=retry, reach=Reach.within(timeout_s), http=http)
        self._user_id = str(user_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the connections."""
        self._transport.close()

    def token(self) -> TokenState:
        """What the token is good for. Raises `ClientError`."""
        return self._transport.ask(calls.token())

    def detail(self, customer_id: str | UUID) -> Customer:
        """One customer. Raises `ClientError`; `NotFound` for one that is not the account's."""
        return self._transport.ask(calls.detail(self._user_id, str(customer_id)))

    def fields(self) -> list[Component]:
        """The account's custom fields. Raises `ClientError`."""
        return self._transport.ask(calls.fields(self._user_id))

    def pages(self, wanted: Filter = ALL, *, per_page: int = PER_PAGE, first: int = 1) -> Iterator[Page]:
        """The account's customers, page by page, at least one, from page `first` on. Raises `ClientError`."""
        number: int | None = first
        while number is not None:
            page = self._transport.ask(calls.page(self._user_id, wanted, number, per_page))
            yield page
            number = calls.next_page(page, number)

    def customers(self, wanted: Filter = ALL, *, per_page: int = PER_PAGE) -> Iterator[Customer]:
        """The account's customers, over all pages. Raises `ClientError`."""
        for page in self.pages(wanted, per_page=per_page):
            yield from page.data

    def add(self, rows: Iterable[Mapping[str, Json]]) -> list[Json]:
        """Hand customers over, 200 in a request; the server's word on each of these batches, as it came.

        A row has the fields of `async_customer`: `phone` and `sort`, and what else is known. Raises `ClientError`.
        """
        return [self._transport.ask(call) for call in calls.batches(self._user_id, rows)]

    def delete(self, phones: Iterable[str] = (), *, created_at: tuple[str, str] | None = None) -> list[Json]:
        """Delete customers by phone, by the span in which they were made, or both; the server's word on each request.

        100 phones in a request. Neither deletes nothing. Raises `ClientError`.
        """
        return [self._transport.ask(call) for call in calls.deletions(self._user_id, phones, created_at)]

    def change_field(self, component_id: str | UUID, **changes: Json) -> Json:
        """Change a custom field: `name`, `type`, `sort`, `validate`, `status`. Raises `ClientError`."""
        return self._transport.ask(calls.change_field(self._user_id, str(component_id), changes))


class AsyncTelrobotClient:
    """One account of a Telrobot server, for asyncio: what `TelrobotClient` does, not blocking, for one loop."""

    def __init__(
        self,
        base_url: str,
        token: str,
        user_id: str | UUID,
        *,
        timeout_s: float = TIMEOUT_S,
        retry: Retry = RETRY,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Speak to the server at `base_url` for the account `user_id`; see `TelrobotClient`."""
        self._transport = AsyncTransport(
            Destination(base_url, token), retry=retry, reach=Reach.within(timeout_s), http=http
        )
        self._user_id = str(user_id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give up the connections."""
        await self._transport.close()

    async def token(self) -> TokenState:
        """What the token is good for; see `TelrobotClient.token`."""
        return await self._transport.ask(calls.token())

    async def detail(self, customer_id: str | UUID) -> Customer:
        """One customer; see `TelrobotClient.detail`."""
        return await self._transport.ask(calls.detail(self._user_id, str(customer_id)))

    async def fields(self) -> list[Component]:
        """The account's custom fields; see `TelrobotClient.fields`."""
        return await self._transport.ask(calls.fields(self._user_id))

    async def pages(self, wanted: Filter = ALL, *, per_page: int = PER_PAGE, first: int = 1) -> AsyncIterator[Page]:
        """The account's customers, page by page; see `TelrobotClient.pages`."""
        number: int | None = first
        while number is not None:
            page = await self._transport.ask(calls.page(self._user_id, wanted, number, per_page))
            yield page
            number = calls.next_page(page, number)

    async def customers(self, wanted: Filter = ALL, *, per_page: int = PER_PAGE) -> AsyncIterator[Customer]:
        """The account's customers, over all pages; see `TelrobotClient.customers`."""
        async for page in self.pages(wanted, per_page=per_page):
            for one in page.data:
                yield one

    async def add(self, rows: Iterable[Mapping[str, Json]]) -> list[Json]:
        """Hand customers over; see `TelrobotClient.add`."""
        return [await self._transport.ask(call) for call in calls.batches(self._user_id, rows)]

    async def delete(self, phones: Iterable[str] = (), *, created_at: tuple[str, str] | None = None) -> list[Json]:
        """Delete customers; see `TelrobotClient.delete`."""
        return [await self._transport.ask(call) for call in calls.deletions(self._user_id, phones, created_at)]

    async def change_field(self, component_id: str | UUID, **changes: Json) -> Json:
        """Change a custom field; see `TelrobotClient.change_field`."""
        return await self._transport.ask(calls.change_field(self._user_id, str(component_id), changes))

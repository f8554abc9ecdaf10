"""The client of a Smartlink server: `SmartlinkClient`, which blocks, and `AsyncSmartlinkClient`, its twin for asyncio.

    configuration = SmartlinkClientConfiguration()
    configuration.setAccessKeyId("AKDEMO0001")
    configuration.setAccessKeySecret("…")
    configuration.setHost("smartlink-sqc-openapi-test.tinetcloud.com", 80)
    with SmartlinkClient(configuration) as client:
        for customer in client.iterate(CustomerPortraitRequest(limit=1000)):
            print(customer.customerNumber, customer.portraitDetails)

Rule 1: both forms send the same requests and read the same answers; only the waiting differs.
Rule 2: what may pass is tried again, as `configuration.retry` says, under a new signature each time.
Rule 3: a page is asked for when its first row is wanted, and not before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

import httpx

from huaxiang.client.opened import AsyncOpened, Opened
from huaxiang.client.tinet.configuration import SmartlinkClientConfiguration
from huaxiang.client.tinet.requests import PagedRequest, Request
from huaxiang.client.tinet.signed import Now, Signed, now_utc
from huaxiang.client.transport import AsyncTransport, Transport

Out = TypeVar("Out")
Page = TypeVar("Page")
Item = TypeVar("Item")


class SmartlinkClient(Opened):
    """A Smartlink server. Threads may share it; each call blocks the thread that makes it."""

    def __init__(
        self, configuration: SmartlinkClientConfiguration, *, http: httpx.Client | None = None, now: Now = now_utc
    ) -> None:
        """Speak to the server that the configuration names.

        `http`: a client of yours, with its proxies, certificates and timeouts in place of the configuration's; it is
        yours to close. `now`: the clock that signs. Raises `SettingsInvalid` for settings that can't be meant.
        """
        super().__init__(
            Transport(Signed(configuration, now), retry=configuration.retry, reach=configuration.reach, http=http)
        )

    def getResponseModel(self, request: Request[Out]) -> Out:
        """The answer to a request. Raises `ClientError`."""
        return self._transport.ask(request.call())

    def pages(self, request: PagedRequest[Page, Item]) -> Iterator[Page]:
        """All pages from this request on, at least one. Raises `ClientError`."""
        asked: PagedRequest[Page, Item] | None = request
        while asked is not None:
            page = self.getResponseModel(asked)
            yield page
            asked = asked.next(page)

    def iterate(self, request: PagedRequest[Page, Item]) -> Iterator[Item]:
        """All rows from this request on, over all pages. Raises `ClientError`."""
        for page in self.pages(request):
            yield from request.items(page)


class AsyncSmartlinkClient(AsyncOpened):
    """A Smartlink server, for asyncio: what `SmartlinkClient` does, not blocking. Tasks of one loop may share it."""

    def __init__(
        self, configuration: SmartlinkClientConfiguration, *, http: httpx.AsyncClient | None = None, now: Now = now_utc
    ) -> None:
        """Speak to the server that the configuration names; see `SmartlinkClient`."""
        super().__init__(
            AsyncTransport(Signed(configuration, now), retry=configuration.retry, reach=configuration.reach, http=http)
        )

    async def getResponseModel(self, request: Request[Out]) -> Out:
        """The answer to a request. Raises `ClientError`."""
        return await self._transport.ask(request.call())

    async def pages(self, request: PagedRequest[Page, Item]) -> AsyncIterator[Page]:
        """All pages from this request on; see `SmartlinkClient.pages`."""
        asked: PagedRequest[Page, Item] | None = request
        while asked is not None:
            page = await self.getResponseModel(asked)
            yield page
            asked = asked.next(page)

    async def iterate(self, request: PagedRequest[Page, Item]) -> AsyncIterator[Item]:
        """All rows from this request on; see `SmartlinkClient.iterate`."""
        async for page in self.pages(request):
            for item in request.items(page):
                yield item

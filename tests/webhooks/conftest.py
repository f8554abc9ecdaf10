"""What the tests of webhooks share: a shop, and a receiver on a socket."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest_asyncio
from shop import Shop

from huaxiang.model import Tenant
from huaxiang.service import Service
from receiver import Receiver, receiving


@pytest_asyncio.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    """Where an app is told."""
    async with receiving() as found:
        yield found


@pytest_asyncio.fixture
async def shop(service: Service, tenant: Tenant, receiver: Receiver) -> Shop:
    """A tenant with an app that is told at the receiver."""
    made = Shop(service, tenant)
    await made.subscribe(receiver)
    return made

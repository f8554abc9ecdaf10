"""A tenant whose app is told of tags: what a source says in a word, and a courier that goes about it quickly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from huaxiang.dialects.rabbitpre import outward, tags
from huaxiang.dialects.rabbitpre.inward import parse_profile, parse_tag
from huaxiang.keyring import KeyOptions
from huaxiang.model import AnyFact, Identifier, Parsed, Tenant
from huaxiang.service import Service
from huaxiang.webhooks import subscriptions
from huaxiang.webhooks.courier import Courier, Pace
from huaxiang.webhooks.subscriptions import Delivery, Made, State
from receiver import Receiver, until

QUICK = Pace(poll_s=0.01, delay_s=0.01)
ZONE = ZoneInfo("Asia/Shanghai")
AT = 1648097254000


@dataclass
class Shop:
    """A service and a tenant; `hook`: the webhook that was made last, of `app`."""

    service: Service
    tenant: Tenant
    app: str = ""
    hook: Made = Made(0, "")  # noqa: RUF009 (it is frozen)

    async def key(self, **options: Any) -> str:  # noqa: ANN401 (one of each kind)
        """A new app."""
        made = await self.service.create_key(self.tenant, "rabbitpre", KeyOptions(**options))
        return made["instanceAppid"]

    async def subscribe(self, receiver: Receiver, **options: Any) -> Made:  # noqa: ANN401 (as above)
        """A new app, told at this receiver."""
        self.app = await self.key(**options)
        self.hook = await subscriptions.create(self.service, self.app, receiver.url)
        return self.hook

    async def land(self, *facts: AnyFact) -> None:
        await self.parsed(*(Parsed((fact,)) for fact in facts))

    async def parsed(self, *records: Parsed) -> None:
        outcome = await self.service.land(self.tenant, list(enumerate(records, 1)))
        assert outcome.rejects == ()

    async def profile(self, number: int, **row: object) -> None:
        await self.parsed(parse_profile({"audienceUserId": number, "updateTime": AT, **row}, ZONE))

    async def tag(self, number: int, *names: str, minute: int = 0, **row: object) -> None:
        """Tags put on (or, with `optType`, taken off) a customer at a minute."""
        said = {"audienceUserId": number, "tags": ",".join(names), "updateTime": AT + minute * 60_000, **row}
        await self.parsed(parse_tag(said, ZONE))

    async def served(self) -> dict[int, list[str]]:
        """The tags of all customers who have any, by the ids that they answer under."""
        ids = await self.service.audience_ids(self.tenant, after=0, size=1000, ours=outward.wire.OURS)
        found = await self.service.customers(self.tenant, [*outward.wanted(ids, (), (), "")])
        customers = [customer for customer in found if customer is not None]
        told = {
            outward.audience_id(one): [tag.tagName for tag in tags.standing(one.summary.traits)] for one in customers
        }
        return {number: names for number, names in told.items() if names}

    async def log(self, state: State | None = None) -> list[Delivery]:
        """What became of all deliveries, oldest first."""
        return (await subscriptions.log(self.service, self.hook.webhook, state=state, limit=1000))[::-1]

    async def idle(self) -> bool:
        """Whether nothing waits, and nothing is still to be seen."""
        async with self.service.store.asking() as tx:
            rows = await tx.rows("webhook_work")
        async with self.service.store.reading() as tx:
            waiting = sum(row["waiting"] for row in await tx.rows("webhooks", self.tenant.name))
        return not rows and not waiting

    async def until_seen(self) -> None:
        """Wait until all that has changed was looked at."""

        async def seen() -> bool:
            async with self.service.store.asking() as tx:
                return not any(row["what"] == "watch" for row in await tx.rows("webhook_work"))

        await until(seen)

    async def until_idle(self) -> None:
        await until(self.idle)

    async def until_logged(self, holds: Callable[[list[Delivery]], bool]) -> list[Delivery]:
        """The log, once something holds of it."""

        async def asked() -> bool:
            return holds(await self.log())

        await until(asked)
        return await self.log()


def identifier(number: int) -> Identifier:
    return Identifier("audience_id", str(number))


@asynccontextmanager
async def going(service: Service, pace: Pace = QUICK) -> AsyncGenerator[Courier]:
    """A courier that goes about it as long as the block lasts."""
    courier = Courier(service, pace)
    task = asyncio.create_task(courier.run())
    try:
        yield courier
    finally:
        courier.stop()
        await task

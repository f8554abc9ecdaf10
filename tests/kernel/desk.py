"""The house as the sentences of these tests use it: what a source says in a word, and one tenant to say it to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from huaxiang.model import (
    AnyFact,
    Call,
    Customer,
    Identifier,
    Interaction,
    Json,
    Mark,
    Mention,
    Outcome,
    Parsed,
    PortraitPage,
    Tenant,
    TenantSettings,
    Trait,
    Transcript,
    Utterance,
)
from huaxiang.service import Service

NOON = datetime(2021, 3, 1, 4, tzinfo=UTC)
"""Noon in Shanghai."""
PHONE, PHONE_SPELLED = Mention("phone", "13900000001"), Mention("phone", "+86 139-0000-0001")
OTHER = Mention("phone", "13900000002")
NUMBER, OTHER_NUMBER = Identifier("phone", "+8613900000001"), Identifier("phone", "+8613900000002")
SOMEBODY, SOMEBODY_ELSE = Mention("unionid", "u1"), Mention("unionid", "u2")
UNIONID, OTHER_UNIONID = Identifier("unionid", "u1"), Identifier("unionid", "u2")
SAID = (
    Utterance("你好", 0, channel=1),
    Utterance("您好", 900, channel=0),
    Utterance("再见", 2000, channel=1),
    Utterance("再见", 2500, channel=0),
)


def later(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def call(record: str, *, minutes: int = 0, by: Mention = PHONE, **more: Json) -> Call:
    return Call(source="tinet", enterprise="e", id=record, at=later(minutes), identifiers=(by,), **more)


def transcript(of: str, **more: Json) -> Transcript:
    return Transcript(source="tinet", enterprise="e", id="t", at=NOON, call=of, **more)


def mark(record: str, *, minutes: int = 0, of: str = "1", name: str = "高", **more: Json) -> Mark:
    return Mark(source="tinet", enterprise="e", id=record, at=later(minutes), call=of, type="意向", name=name, **more)


def profile(record: str | None, *mentions: Mention, minutes: int = 0, **more: Json) -> Trait:
    return Trait(source="crm", id=record, at=later(minutes), identifiers=mentions, **more)


def event(record: str, *mentions: Mention, **more: Json) -> Interaction:
    return Interaction(source="web", id=record, at=NOON, identifiers=mentions, type="view", **more)


class Desk:
    """The house as these sentences use it: a fact at a time, for one tenant."""

    def __init__(self, service: Service, tenant: Tenant) -> None:
        self.service, self.tenant = service, tenant

    async def land(self, *facts: AnyFact) -> Outcome:
        return await self.service.land(self.tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)])

    async def ask(self, wanted: Identifier | int) -> Customer | None:
        return (await self.service.customers(self.tenant, [wanted]))[0]

    async def find(self, wanted: Identifier = NUMBER) -> Customer:
        customer = await self.ask(wanted)
        assert customer is not None
        return customer

    async def decide(self, settings: TenantSettings) -> None:
        self.tenant = await self.service.set_tenant(self.tenant, settings=settings)

    async def page(self, *labels: str, numbers: Sequence[str] | None = None) -> PortraitPage:
        return await self.service.portraits(self.tenant, numbers=numbers, labels=labels, offset=0, limit=10)

    async def one_customer(self, *wanted: Identifier) -> bool:
        return len({(await self.find(one)).id for one in wanted}) == 1

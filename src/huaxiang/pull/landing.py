"""What is new of what a source tells lands, step by step, each with its place in one transaction.

Takes a tenant and a `Source`; gives a `Report`. While a step lands, the next one is asked for.

Rule 1: what a record says already, but for when it was heard, is known, and lands nothing.
Rule 2: what is new is a revision as of when it was heard, so that it stands over what was told before.
Rule 3: a record that only pulls tell, and that its thing has no more, is taken back.
Rule 4: a run that was killed at any moment goes on behind the last step that landed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from huaxiang import bookmark
from huaxiang.bookmark import Turn
from huaxiang.claim import Claim, any_claim, call_key, kind_of
from huaxiang.errors import NotFound, Refused
from huaxiang.identifiers import normalise, record_key
from huaxiang.lookup import nodes_of
from huaxiang.model import Amendment, AnyFact, Identifier, Mark, Parsed, Tenant, Transcript
from huaxiang.packing.ahead import prepare
from huaxiang.pull.told import PREFIX, Progress, Refusal, Source, Step, Told, Watch

if TYPE_CHECKING:
    from huaxiang.memory import Kept
    from huaxiang.service import Service

SHOWN: Final = 5
"""Refusals that a report shows."""

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode_fact = msgspec.json.Decoder(AnyFact).decode


@dataclass
class Report:
    """What became of a run. `told`: things that the source told of; `changed` of them were new, or new in part.

    `before`: the things behind this run when it went on from one that broke off. `landed` counts facts.
    """

    before: int = 0
    told: int = 0
    changed: int = 0
    known: int = 0
    rejected: int = 0
    landed: int = 0
    examples: list[Refusal] = field(default_factory=list[Refusal])
    remarks: list[str] = field(default_factory=list[str])


async def pull(service: Service, tenant: Tenant, source: Source, watch: Watch, *, again: bool = False) -> Report:
    """Pull all that the source tells, from where the last run broke off, or from the beginning.

    Raises:
        ClientError: the source refuses, or can't be reached; what came before has landed.
        Busy: another such pull is under way, or the database has no room.

    """
    try:
        return await _pull(service, tenant, source, watch, again=again)
    finally:
        await source.close()


async def _pull(service: Service, tenant: Tenant, source: Source, watch: Watch, *, again: bool) -> Report:
    tenant = await source.begin(service, tenant)
    name = _print(tenant, source)
    async with service.store.writing() as tx:
        stand = await bookmark.begin_pull(tx, tenant, name, source.dialect, source.address, again=again)
    report = Report(
        before=stand.told, told=stand.told, changed=stand.told - stand.known - stand.rejected, known=stand.known,
        rejected=stand.rejected, landed=stand.landed,
    )  # fmt: skip
    steps = source.steps(service, tenant, stand.place)
    number = stand.steps
    ahead = asyncio.create_task(anext(steps, None))
    try:
        while (step := await ahead) is not None:
            ahead = asyncio.create_task(anext(steps, None))
            await _land(service, tenant, source, step, Turn(name, number, step.place), report)
            number += 1
            watch(Progress(step.done, step.total, report.told, report.changed, report.known, report.rejected))
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)
        await steps.aclose()
    await service.land_prepared(tenant, prepare(tenant, [], service.now()), Turn(name, number, None))
    report.remarks = source.remarks
    return report


async def _land(service: Service, tenant: Tenant, source: Source, step: Step, turn: Turn, report: Report) -> None:
    news = await _news(service, tenant, source, step)
    prepared = await asyncio.to_thread(prepare, tenant, news, service.now())
    refused = [*step.refused, *(Refusal(step.told[one.line].name, one.field, one.reason) for one in prepared.rejects)]
    told = len(step.told) + len(step.refused)
    known = len(step.told) - len(news)
    turn = replace(turn, told=told, known=known, rejected=len(refused))
    outcome = await service.land_prepared(tenant, prepared, turn)
    report.told += told
    report.known += known
    report.changed += len(news) - len(prepared.rejects)
    report.rejected += len(refused)
    report.landed += outcome.landed
    report.examples += refused[: SHOWN - len(report.examples)]


async def _news(service: Service, tenant: Tenant, source: Source, step: Step) -> list[tuple[int, Parsed]]:
    """What is new of each thing, under its place in the step; a thing that says what stands is left out."""
    kept = await service.memory.tenant(tenant.id)
    if kept is None:
        raise NotFound(field="tenant", reason="there is no such tenant any more")
    standing, own = await _standing(service, kept, source, step.told)
    news: list[tuple[int, Parsed]] = []
    for place, told in enumerate(step.told):
        facts: list[AnyFact] = []
        named: set[UUID] = set()
        for fact in told.facts:
            key = _key(tenant, fact)
            named.add(key)
            if (
                new := _new(tenant, source.settled(standing.get(key), fact), standing.get(key), step.heard_at)
            ) is not None:
                facts.append(new)
        for key, fact in (pair for prefix in told.own for pair in own[prefix]):
            if key not in named and (new := _new(tenant, source.taken_back(fact), fact, step.heard_at)) is not None:
                facts.append(new)
        fields = tuple(one for one in told.fields if _is_new_field(kept, one.owner, one))
        if facts or fields:
            news.append((place, Parsed(tuple(facts), fields)))
    return news


def _is_new_field(kept: Kept, owner: str, told: msgspec.Struct) -> bool:
    return told not in kept.fields.get(owner, ())


def _new(tenant: Tenant, told: AnyFact, standing: AnyFact | None, heard_at: datetime) -> AnyFact | None:
    """The fact as of when it was heard; None for one that says what stands."""
    if standing is not None:
        claimed = any_claim(tenant, 0, told, heard_at)
        if isinstance(claimed, Claim) and _timeless(claimed.fact, told) == _timeless(standing, told):
            return None
    return replace(told, at=told.at or heard_at, updated_at=heard_at)


def _timeless(fact: AnyFact, told: AnyFact) -> bytes:
    """What a fact says, but for when it was heard."""
    return _encode(replace(fact, updated_at=None, at=fact.at if told.at else None))


async def _standing(
    service: Service, kept: Kept, source: Source, told: Sequence[Told]
) -> tuple[dict[UUID, AnyFact], defaultdict[str, list[tuple[UUID, AnyFact]]]]:
    """What stands of the records of these things; and, by how their ids begin, all that pulls told of them before."""
    tenant = kept.tenant
    keys = list({_key(tenant, fact) for one in told for fact in one.facts})
    places = list(_places(kept, told, service.now()))
    async with service.store.reading() as tx:
        registered = await tx.rows("known_records", keys)
        rows = await tx.rows(
            "standing_facts", [row["nodes"][0] for row in registered], [row["key"] for row in registered]
        )
        earlier = await tx.rows("told_facts", places, source.source)
    own: defaultdict[str, list[tuple[UUID, AnyFact]]] = defaultdict(list)
    for row in earlier:
        fact = _decode_fact(row["said"])
        own[_own(fact.id or "")].append((row["record"], fact))
    return {row["record"]: _decode_fact(row["said"]) for row in rows}, own


def _own(id_: str) -> str:
    """How the ids begin of the records of the thing that a record with this id is of: `pull:THING:`."""
    return id_[: id_.find(":", len(PREFIX)) + 1]


def _places(kept: Kept, told: Sequence[Told], now: datetime) -> set[UUID]:
    """The nodes on which earlier words on these things may hang."""
    facts = [fact for one in told for fact in one.facts]
    calls = {call_key(kept.tenant, fact) for fact in facts if isinstance(fact, (Transcript, Mark, Amendment))}
    mentions = chain((one for fact in facts for one in fact.identifiers), (one for of in told for one in of.anchors))
    identifiers: set[Identifier] = set()
    for mention in mentions:
        try:
            identifiers.add(normalise(mention))
        except Refused:
            continue
    return calls | set(nodes_of(kept, list(identifiers), now).values())


def _key(tenant: Tenant, fact: AnyFact) -> UUID:
    assert fact.id, "what a pull tells has a name"
    return record_key(tenant.key, fact.source, fact.enterprise, kind_of(fact), fact.id)


def _print(tenant: Tenant, source: Source) -> UUID:
    """A digest of whose the pull is, and where it pulls what from."""
    parts = [tenant.id, source.dialect, source.address, source.who, tenant.time_zone]
    return UUID(bytes=blake2b(_encode(parts), digest_size=16).digest())

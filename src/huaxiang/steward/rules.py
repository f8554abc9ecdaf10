"""The rules of the quality check: kept by version, tried on history, put in force.

Takes a tenant and a ruleset; gives its version, what it would change, and how far it has come while it takes over.

Rule 1: a version is kept as it was first written; the same rules are the same version, whoever writes them.
Rule 2: a trial writes nothing. It looks at all calls, or the first so many in the order of their places, which is as
        good as a random choice, and tells of each label how many calls would gain it and lose it, with examples.
Rule 3: a version takes over call by call, some thousands in a transaction; killed at any moment, it goes on where it
        was. Another version has to wait until it has come to the end.
Rule 4: what a person said of a label stands, whatever version is in force.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from huaxiang import feed, ingest, pages, rulebook
from huaxiang.dialects.native.rules import (
    AppliedAnswer,
    EffectAnswer,
    ExampleAnswer,
    ProgressAnswer,
    TrialAnswer,
    VersionAnswer,
)
from huaxiang.errors import InputInvalid, InputMissing, NotFound
from huaxiang.gather import gathered
from huaxiang.portrait import Checker, Ruleset
from huaxiang.rulebook import FIRST, Place
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from huaxiang.model import Json, Tenant
    from huaxiang.service import Service
    from huaxiang.store import Row, Transaction

CALLS_AT_ONCE = 1_000
LONGEST_AUTHOR = 4096
MOST_EXAMPLES = 100


# ── versions ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def put(service: Service, tenant: Tenant, ruleset: Ruleset, *, text: str, author: str) -> str:
    """Keep a version, once its examples do what they must; gives its name.

    Raises:
        InputInvalid: an example hits that must miss, or misses that must hit. InputMissing: no author.

    """
    if not author.strip() or len(author) > LONGEST_AUTHOR or not can_be_kept(author):
        raise InputMissing(field="author", reason="rules have an author")
    compiled = await asyncio.to_thread(Checker, ruleset)
    for failure in compiled.failing_examples():
        where = f"rule {failure.rule}, {failure.wanted} {failure.number}"
        raise InputInvalid(field="rules", reason=f"{where}: {failure.reason}")
    document = msgspec.json.encode(ruleset)
    async with service.store.writing() as tx:
        await tx.run("put_ruleset", tenant.id, ruleset.version, author, document, text)
    return ruleset.version


async def versions(service: Service, tenant: Tenant) -> list[VersionAnswer]:
    """All versions, newest first."""
    async with service.store.reading() as tx:
        now = await tx.row("rules_in_force", tenant.id)
        rows = await tx.rows("rulesets", tenant.id)
    return [VersionAnswer(**dict(row), in_force=now is not None and row["version"] == now["version"]) for row in rows]


async def applied(service: Service, tenant: Tenant, *, limit: int) -> list[AppliedAnswer]:
    """Which version was put in force when, and by whom, the newest first; None where the rules were taken out."""
    async with service.store.reading() as tx:
        return [AppliedAnswer(**dict(row)) for row in await tx.rows("rules_history", tenant.id, limit)]


async def written(service: Service, tenant: Tenant, version: str) -> str:
    """A version as a person wrote it.

    Raises:
        NotFound: the tenant has no such version.

    """
    async with service.store.reading() as tx:
        return (await _kept(tx, tenant, version))["text"]


async def _kept(tx: Transaction, tenant: Tenant, version: str) -> Row:
    row = await tx.row("ruleset", tenant.id, version) if can_be_kept(version) else None
    if row is None:
        raise NotFound(field="version", reason="the tenant has no such version of its rules")
    return row


# ── in force ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def begin(service: Service, tenant: Tenant, version: str | None, *, author: str) -> None:
    """Let a kept version (None: no rules) begin to take over; nothing is done where it is in force, or taking over.

    Raises:
        NotFound: no such version. InputInvalid: another one has not come to its end. InputMissing: no author.

    """
    if not author.strip() or len(author) > LONGEST_AUTHOR or not can_be_kept(author):
        raise InputMissing(field="author", reason="who puts rules in force is noted")
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        if version is not None:
            await _kept(tx, tenant, version)
        now = await tx.row("rules_in_force", tenant.id)
        if (now["version"] if now else None) == version:
            return
        if now is not None and now["upto_node"] is not None:
            raise InputInvalid(field="version", reason=f"{now['version'] or 'no rules'} is taking over: let it finish")
        await tx.run("begin_rules", tenant.id, version, FIRST.node, author)
        await tx.run("note_applied", tenant.id, version, author)


async def go_on(service: Service, tenant: Tenant, *, done: int = 0, calls: int | None = None) -> ProgressAnswer:
    """Let the version that takes over come some thousand calls further; `done` and `calls` as told the time before."""
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        now = await tx.row("rules_in_force", tenant.id)
        calls = await _count(tx, tenant) if calls is None else calls
        if now is None or now["upto_node"] is None:
            return ProgressAnswer(now["version"] if now else None, done, calls, 0, finished=True)
        rows = await tx.rows("calls_behind", tenant.id, now["upto_node"], now["upto_record"], CALLS_AT_ONCE)
        if not rows:
            await tx.run("finish_rules", tenant.id)
            return ProgressAnswer(now["version"], done, calls, 0, finished=True)
        await tx.run("move_rules", tenant.id, rows[-1]["node"], rows[-1]["record"])
        landed = await ingest.regather(tx, tenant, [row["record"] for row in rows])
        await pages.refresh(tx, tenant)
        await feed.note(tx, tenant, landed, [])
        return ProgressAnswer(now["version"], done + len(rows), calls, len(landed.dirty), finished=False)


async def apply(service: Service, tenant: Tenant, version: str | None, *, author: str) -> AsyncIterator[ProgressAnswer]:
    """Put a version in force and see it to its end; where one was interrupted, the same call goes on with it.

    Raises:
        NotFound, InputInvalid, InputMissing: as `begin`.

    """
    await begin(service, tenant, version, author=author)
    told = await go_on(service, tenant)
    yield told
    while not told.finished:
        told = await go_on(service, tenant, done=told.done, calls=told.calls)
        yield told


async def _count(tx: Transaction, tenant: Tenant) -> int:
    row = await tx.row("count_calls_of_tenant", tenant.id)
    return row["calls"] if row else 0


# ── a trial ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def trial(
    service: Service, tenant: Tenant, draft: Ruleset, *, calls: int | None = None, examples: int = 3
) -> AsyncIterator[TrialAnswer]:
    """Try a draft on history, or on so many calls of it; tells how far it has come, and at last what it found."""
    rules, tally = await asyncio.to_thread(Checker, draft), _Tally(min(examples, MOST_EXAMPLES))
    place, done = FIRST, 0
    async with service.store.reading() as tx:
        total = await _count(tx, tenant)
        total = total if calls is None else min(calls, total)
        while done < total:
            size = min(CALLS_AT_ONCE, total - done)
            rows = await tx.rows("calls_behind", tenant.id, place.node, place.record, size)
            if not rows:
                break
            place, done = Place(rows[-1]["node"], rows[-1]["record"]), done + len(rows)
            await _try(tx, rules, [row["record"] for row in rows], tally)
            yield TrialAnswer(draft.version, done, total, finished=False, effects=())
    yield TrialAnswer(draft.version, done, total, finished=True, effects=tally.effects())


async def _try(tx: Transaction, rules: Checker, calls: Sequence[Any], tally: _Tally) -> None:
    waiting = await rulebook.waiting_for(tx, calls)
    rows = await rulebook.calls_of(tx, calls, said=True)
    for row, (_, hits) in zip(rows, await rulebook.checked(rules, rows, waiting), strict=True):
        before = msgspec.json.decode(row["gathered"]) if row["gathered"] else None
        after = gathered(waiting.get(row["record"], ()), hits)
        tally.add(f"{row['enterprise']}-{row['record_id']}", _labels(before), _labels(after))


def _labels(document: Mapping[str, Json] | None) -> dict[tuple[str, str], list[dict[str, Json]]]:
    """The labels that are live on a call, each with the hits that found it."""
    if document is None:
        return {}
    marks = document["marks"]
    evidence = document.get("evidence") or [None] * len(marks)
    found = zip(marks, evidence, strict=True)
    return {(mark["type"], mark["name"]): hits or [] for mark, hits in found if not mark["deleted"]}


class _Tally:
    """What a trial has found so far."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self._counts: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        self._shown: defaultdict[tuple[str, str, int], list[ExampleAnswer]] = defaultdict(list)

    def add(
        self,
        call: str,
        before: Mapping[tuple[str, str], Sequence[dict[str, Json]]],
        after: Mapping[tuple[str, str], Sequence[dict[str, Json]]],
    ) -> None:
        """Note the labels of one call, as they are and as they would be."""
        for label in before.keys() | after.keys():
            fate = 2 if label in before and label in after else 0 if label in after else 1
            self._counts[label][fate] += 1
            shown = self._shown[*label, fate]
            if fate < 2 and len(shown) < self._examples:  # noqa: PLR2004 - what stays is not shown
                hits = (after if fate == 0 else before)[label]
                shown.append(_example(call, hits[0] if hits else {}))

    def effects(self) -> tuple[EffectAnswer, ...]:
        """All of it, by type and name."""
        return tuple(
            EffectAnswer(*label, *counts, coming=tuple(self._shown[*label, 0]), going=tuple(self._shown[*label, 1]))
            for label, counts in sorted(self._counts.items())
        )


def _example(call: str, hit: Mapping[str, Json]) -> ExampleAnswer:
    told = {name: hit[name] for name in ("rule", "second", "speaker", "text") if name in hit}
    return ExampleAnswer(call, **told, words=tuple(hit.get("words", ())))

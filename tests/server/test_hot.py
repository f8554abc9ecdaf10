"""Answers at the fast entry: what a worker remembers is never served once another one has changed it.

Two workers, each with a pool, a memory and kept answers of its own, over one database: one writes, and the other, which
has the old answer ready, must not give it. A third that keeps nothing says what is right.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from huaxiang.dialects.tinet.signing import sign
from huaxiang.errors import Busy, HuaxiangError
from huaxiang.identifiers import normalise
from huaxiang.keyring import Dialect, KeyOptions
from huaxiang.model import (
    AnyFact,
    Call,
    Interaction,
    Mark,
    Mention,
    Origin,
    Parsed,
    Record,
    Subscription,
    Tenant,
    TenantSettings,
    Trait,
)
from huaxiang.server.app import HOT, worded
from huaxiang.server.call import FrameworkCall
from huaxiang.server.hot import Entry
from huaxiang.server.options import ServerOptions
from huaxiang.service import Service
from huaxiang.shelf import Shelf
from huaxiang.steward import decisions, erasure
from huaxiang.store import Transaction, opened

NOON: Final = datetime(2026, 3, 1, 4, tzinfo=UTC)
PHONES: Final = tuple(Mention("phone", f"1390000000{digit}") for digit in range(4))
UNIONIDS: Final = tuple(Mention("unionid", f"u{digit}") for digit in range(3))
RECORDS: Final = tuple(str(UUID(int=number)) for number in range(1, 4))
STATES: Final = range(16)
SOMEBODY: Final = {"author": "wang", "reason": "a test"}
DETAIL: Final = "/api/open/api/audience/detail"
LOOKUP: Final = "/v1/customers/lookup"
PORTRAIT: Final = "/sqc/customerPortrait"


class Worker:
    """One worker: a house of its own, asked as the server asks it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        options = ServerOptions("")
        self.entry = Entry([hot for module in HOT for hot in module.hots(service, options)], worded)

    async def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes = b"", query: bytes = b""
    ) -> tuple[int, Any]:
        """The status and what the answer says."""
        found = self.entry.find(method, path)
        assert found is not None

        async def receive() -> Any:  # noqa: ANN401 - a message as ASGI has it
            return {"type": "http.request", "body": body, "more_body": False}

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"method": method, "path": path, "headers": raw, "query_string": query}
        reply = await self.entry.answer(found[0], FrameworkCall(scope, receive, found[1], str(uuid4())))
        rest = [] if reply.rest is None else [piece async for piece in reply.rest]
        return reply.status, msgspec.json.decode(b"".join((reply.content, *rest)))


class Desk:
    """A tenant, its keys, and three workers: two that keep answers, and one that keeps none."""

    def __init__(self, services: Sequence[Service], tenant: Tenant) -> None:
        self.one, self.other, self.plain = map(Worker, services)
        self.tenant = tenant
        self.headers: dict[Dialect, dict[str, str]] = {}
        self.account = ""
        self.signing = ("", "")

    async def make_keys(self) -> None:
        """A key of each dialect, without a rate."""
        service = self.one.service
        for dialect in ("telrobot", "native"):
            made = await service.create_key(self.tenant, dialect, KeyOptions(rate=0))
            self.headers[dialect] = {"authorization": f"Bearer {made['token']}"}
            self.account = made.get("user_id", self.account)
        made = await service.create_key(self.tenant, "rabbitpre", KeyOptions(rate=0))
        key = await service.key_by_name("rabbitpre", made["instanceAppid"])
        assert key is not None
        self.headers["rabbitpre"] = {"x-token": (await service.issue_tokens(key))[0]}
        made = await service.create_key(self.tenant, "tinet", KeyOptions(rate=0))
        self.signing = made["access_key_id"], made["access_key_secret"]

    async def land(self, service: Service, *facts: AnyFact) -> None:
        """Let these facts land."""
        outcome = await service.land(self.tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)])
        assert outcome.rejects == ()

    async def phones(self, worker: Worker, *phones: Mention) -> Any:  # noqa: ANN401 - the answer's rows
        """Rabbitpre's answer for these phones."""
        body = msgspec.json.encode({"phoneList": [phone.value for phone in phones]})
        status, answer = await worker.ask("POST", DETAIL, self.headers["rabbitpre"], body)
        assert status == 200
        return answer["data"] if "data" in answer else answer["errorCode"]

    async def crm(self, worker: Worker, record: str) -> Any:  # noqa: ANN401 - the answer
        """Telrobot's answer for a record, without when it was viewed."""
        path = f"/agent-api/user/{self.account}/customer/detail/{record}"
        status, answer = await worker.ask("GET", path, self.headers["telrobot"])
        if status == 200:
            del answer["data"]["viewed_at"]
        return status, answer

    async def portrait(self, worker: Worker, phone: Mention) -> tuple[int, Any]:
        """Tinet's answer for a phone, without the request's id."""
        key, secret = self.signing
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        pairs = [("AccessKeyId", key), ("Expires", "600"), ("Timestamp", at), ("customerNumber", phone.value)]
        signature = sign(secret, "GET", "here", PORTRAIT, pairs)
        query = urlencode([*pairs, ("Signature", signature)]).encode()
        status, answer = await worker.ask("GET", PORTRAIT, {"host": "here"}, query=query)
        del answer["requestId"]
        return status, answer

    async def everything(self, worker: Worker) -> list[Any]:
        """All that is asked in these tests, of one worker."""
        answers: list[Any] = [await self.phones(worker, phone) for phone in PHONES]
        answers.append(await self.phones(worker, *PHONES))
        answers += [await self.portrait(worker, phone) for phone in PHONES]
        answers += [await self.crm(worker, record) for record in RECORDS]
        for phone in PHONES:
            body = msgspec.json.encode({"identifiers": [{"kind": "phone", "value": phone.value}]})
            headers = {**self.headers["native"], "content-type": "application/json"}
            answers.append(await worker.ask("POST", LOOKUP, headers, body))
        for number in range(1, 12):
            status, answer = await worker.ask("GET", f"/v1/customers/{number}", self.headers["native"])
            answers.append((status, answer if status == 200 else answer["error"]["code"]))
        return answers

    async def is_true(self) -> bool:
        """Whether both workers answer as the one that keeps nothing; asked twice, so that they have answers ready."""
        right = await self.everything(self.plain)
        return all([await self.everything(worker) == right for worker in (self.one, self.other, self.one)])


@pytest_asyncio.fixture
async def desk(database_url: str) -> AsyncGenerator[Desk]:
    """A desk with a tenant in Shanghai."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(opened(database_url, connections=2)) for _ in range(3)]
        shelf = Shelf.of(1 << 20)
        services = [Service(store, answer_bytes=8 << 20, shelf=shelf) for store in stores[:2]]
        services.append(Service(stores[2], answer_bytes=0))
        desk = Desk(services, await services[0].create_tenant("acme"))
        await desk.make_keys()
        yield desk
        for service in services:
            await service.flush()


def profile(record: str, *mentions: Mention, at: int = 0, **more: Any) -> Trait:  # noqa: ANN401 - fields of a fact
    then = NOON + timedelta(minutes=at)
    return Trait(source="crm", id=record, at=then, updated_at=then, identifiers=mentions, **more)


def word(refusal: dict[str, Any]) -> object:
    """By which word a dialect refuses."""
    return refusal["error"]["code"] if "error" in refusal else refusal


def named(name: str) -> dict[str, str]:
    return {"real_name": name}


# ── one fact at a time ────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_another_worker_lands_is_answered_at_once(desk: Desk) -> None:
    for turn in range(5):
        await desk.land(desk.other.service, profile("p", PHONES[0], at=turn, traits=named(f"name {turn}")))
        assert [row["realName"] for row in await desk.phones(desk.one, PHONES[0])] == [f"name {turn}"]
        assert [row["realName"] for row in await desk.phones(desk.one, PHONES[0])] == [f"name {turn}"]


async def test_an_answer_that_is_kept_is_given_without_making_it_again(desk: Desk) -> None:
    await desk.land(desk.other.service, profile("p", PHONES[0]))
    await desk.phones(desk.one, PHONES[0])
    kept = desk.one.service.lookups.answers.bytes
    assert kept > 0
    before = desk.one.service.lookups.asked
    await desk.phones(desk.one, PHONES[0])
    assert (desk.one.service.lookups.asked, desk.one.service.lookups.answers.bytes) == (before, kept)
    await desk.land(desk.other.service, profile("q", PHONES[1]))
    await desk.phones(desk.one, PHONES[0])
    assert desk.one.service.lookups.asked == before


async def test_somebody_who_becomes_known_is_answered_at_once(desk: Desk) -> None:
    assert await desk.phones(desk.one, PHONES[0]) == []
    await desk.land(desk.other.service, profile("p", PHONES[0]))
    assert len(await desk.phones(desk.one, PHONES[0])) == 1


async def test_the_id_of_a_customer_above_changes_in_the_answers_below(desk: Desk) -> None:
    below = profile("b", PHONES[0], origin=Origin(upstream=UNIONIDS[0]))
    await desk.land(desk.other.service, below, profile("a", UNIONIDS[0], Mention("audience_id", "900")))
    assert [row["sourceAudid"] for row in await desk.phones(desk.one, PHONES[0])] == [900]
    await desk.land(desk.other.service, profile("c", UNIONIDS[0], Mention("audience_id", "700"), at=1))
    assert [row["sourceAudid"] for row in await desk.phones(desk.one, PHONES[0])] == [700]


SIZES: Final = [(3,), (300,), (1100,), (1,) * 70, (*(1,) * 70, 1100)]
"""Few rows of the feed that tell of few or many, rows that are more than are told along, and both."""


class Crowd:
    """Many customers of whom names are told, to one worker of two tenants; the last of them is in the CRM, too."""

    def __init__(self, desk: Desk, beside: Desk, size: int) -> None:
        self.desk, self.beside = desk, beside
        self.phones = [Mention("phone", f"138{serial:08}") for serial in range(size)]
        self.kept = [self.phones[0], self.phones[size // 2], self.phones[-1]]

    async def become(self, turn: int, sizes: Sequence[int]) -> None:
        """Another worker lands a new name of each, in batches of these sizes."""
        left = iter(self.phones)
        for size in sizes:
            facts: list[AnyFact] = [
                profile(one.value, one, at=turn, traits=named(f"name {turn}")) for one in itertools.islice(left, size)
            ]
            if facts[-1].identifiers[0] == self.kept[-1]:
                facts.append(self.record(turn))
            await self.desk.land(self.desk.other.service, *facts)

    def record(self, turn: int) -> Record:
        """What the CRM says of the last one."""
        mentions = Mention("crm_id", RECORDS[0], scope="telrobot"), self.kept[-1]
        then = NOON + timedelta(minutes=turn)
        return Record(
            source="telrobot", id="r", at=then, updated_at=then, identifiers=mentions, record=RECORDS[0],
            details={"name": f"name {turn}"},
        )  # fmt: skip

    async def asked_singly(self) -> list[str]:
        """The names that answers tell which may be kept each for itself."""
        return [row["realName"] for one in self.kept for row in await self.desk.phones(self.desk.one, one)]

    async def asked_together(self) -> list[str]:
        """The same in one answer, which somebody unknown makes one that is never kept."""
        return [row["realName"] for row in await self.desk.phones(self.desk.one, *self.kept, PHONES[0])]

    async def asked_of_the_crm(self) -> list[str]:
        """The name in an answer that tells when it was viewed, too."""
        return [(await self.desk.crm(self.desk.one, RECORDS[0]))[1]["data"]["name"]]

    async def asked_for_both_tenants(self) -> list[str]:
        """The same, asked for while somebody asks for the other tenant."""
        both = [one.crm(self.desk.one, RECORDS[0]) for one in (self.desk, self.beside)]
        return [(await asyncio.gather(*both))[0][1]["data"]["name"]]


@pytest.mark.parametrize("sizes", SIZES, ids=["few", "spans", "many spans", "rows", "rows and spans"])
async def test_what_batches_of_many_customers_change_is_answered_at_once_however_it_is_asked_first(
    desk: Desk, sizes: Sequence[int]
) -> None:
    services = [worker.service for worker in (desk.one, desk.other, desk.plain)]
    beside = Desk(services, await services[0].create_tenant("beside"))
    beside.one = desk.one
    await beside.make_keys()
    crowd = Crowd(desk, beside, sum(sizes))
    await beside.land(services[1], crowd.record(0))
    ways = crowd.asked_singly, crowd.asked_of_the_crm, crowd.asked_for_both_tenants, crowd.asked_together
    for turn, first in enumerate((ways[0], *ways)):
        await crowd.become(turn, sizes)
        for ask in (first, *ways):
            assert set(await ask()) == {f"name {turn}"}, ask.__name__


async def test_what_lands_while_a_worker_reads_on_in_the_feed_is_newer_than_its_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd, asks, late = Crowd(desk, desk, 1170), Transaction.rows, [True]
    await crowd.become(0, (1170,))
    await crowd.asked_singly()
    await crowd.become(1, (*(1,) * 70, 1100))
    phone = crowd.phones[5]

    async def rows(self: Transaction, statement: str, *parameters: Any) -> Any:  # noqa: ANN401 (as it was)
        if statement == "newest_change" and late:
            late.clear()
            await desk.land(desk.other.service, profile(phone.value, phone, at=9, traits=named("late")))
        return await asks(self, statement, *parameters)

    monkeypatch.setattr(Transaction, "rows", rows)
    assert [row["realName"] for row in await desk.phones(desk.one, phone)] == ["name 1"]
    assert not late, "it has come between"
    assert [row["realName"] for row in await desk.phones(desk.one, phone)] == ["late"]


async def test_a_key_that_another_worker_revokes_lets_nobody_in_any_more(desk: Desk) -> None:
    await desk.land(desk.other.service, profile("p", PHONES[0]))
    await desk.everything(desk.one)
    for key in await desk.other.service.keys(desk.tenant.name):
        await desk.other.service.revoke_key(key.name)
    assert await desk.phones(desk.one, PHONES[0]) == "TOKEN_ERROR"
    body = b'{"phoneList": 7}'
    refused = await desk.one.ask("POST", DETAIL, desk.headers["rabbitpre"], body)
    assert refused[1]["errorCode"] == "TOKEN_ERROR"
    assert (await desk.one.ask("GET", "/v1/customers/1", desk.headers["native"]))[0] == 401
    assert (await desk.crm(desk.one, RECORDS[0]))[0] == 401


async def test_a_setting_that_another_worker_changes_counts_at_once(desk: Desk) -> None:
    one = Interaction(source="x", id="i", at=NOON, identifiers=(PHONES[0],), type="点击")
    await desk.land(desk.other.service, one)
    assert [row["active"] for row in await desk.phones(desk.one, PHONES[0])] == [1]
    await desk.other.service.set_tenant(desk.tenant, settings=TenantSettings(weights={"*": 5}))
    assert [row["active"] for row in await desk.phones(desk.one, PHONES[0])] == [5]
    await desk.other.service.set_tenant(desk.tenant, time_zone="America/New_York")
    created = [row["createTime"] for row in await desk.phones(desk.one, PHONES[0])]
    assert created == ["2026-02-28 23:00:00"]


async def test_a_rate_is_counted_once_however_often_a_request_begins_anew(desk: Desk) -> None:
    await desk.land(desk.other.service, profile("p", PHONES[0]))
    made = await desk.one.service.create_key(desk.tenant, "native", KeyOptions(rate=0.001))
    headers = {"authorization": f"Bearer {made['token']}"}
    # Known to the worker by a look that no rate counts; then the tenant changes, and the first call begins anew.
    assert await desk.one.service.key_by_token("native", made["token"]) is not None
    await desk.other.service.set_tenant(desk.tenant, settings=TenantSettings(weights={"*": 2}))
    assert (await desk.one.ask("GET", "/v1/customers/1", headers))[0] == 200
    assert (await desk.one.ask("GET", "/v1/customers/1", headers))[0] == 429


async def test_a_customer_of_another_tenant_in_the_same_batch_is_nobody(desk: Desk) -> None:
    await desk.land(desk.other.service, profile("p", PHONES[0]))
    other = await desk.one.service.create_tenant("other")
    made = await desk.one.service.create_key(other, "native", KeyOptions(rate=0))
    strange = {"authorization": f"Bearer {made['token']}"}
    for _ in range(3):
        asked = [desk.headers["native"], strange] * 20
        found = await asyncio.gather(*(desk.one.ask("GET", "/v1/customers/1", headers) for headers in asked))
        assert [status for status, _ in found] == [200, 404] * 20


# ── too many at once ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", ["native", "rabbitpre", "telrobot"])
async def test_past_its_bounds_a_server_answers_that_it_is_busy_and_then_serves_again(
    desk: Desk, database_url: str, dialect: Dialect
) -> None:
    path = f"/agent-api/user/{desk.account}/customer/detail/{RECORDS[0]}"
    method, path, body = {
        "native": ("GET", "/v1/customers/1", b""),
        "rabbitpre": ("POST", DETAIL, b'{"phoneList": ["13900000000"]}'),
        "telrobot": ("GET", path, b""),
    }[dialect]
    mentions = (Mention("crm_id", RECORDS[0], scope="telrobot"), PHONES[0])
    told = Record(source="telrobot", id="1", at=NOON, identifiers=mentions, record=RECORDS[0])
    await desk.land(desk.other.service, profile("p", PHONES[0]), told)
    good = await desk.plain.ask(method, path, desk.headers[dialect], body)
    assert good[0] == 200
    blocking = await asyncpg.connect(database_url)
    held = blocking.transaction()
    await held.start()
    await blocking.execute("lock table version, view in access exclusive mode")
    asked = [asyncio.create_task(desk.plain.ask(method, path, desk.headers[dialect], body)) for _ in range(3000)]
    done, waiting = await asyncio.wait(asked, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    while len(waiting) > 2500:
        finished, waiting = await asyncio.wait(waiting, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        done |= finished
    busy = worded(path, "", Busy())
    for refused in done:
        status, answer = refused.result()
        assert (status, word(answer)) == (busy.status, word(msgspec.json.decode(busy.content)))
    await held.rollback()
    await blocking.close()
    answers = await asyncio.gather(*waiting)
    assert 200 in {status for status, _ in answers}
    assert (await desk.plain.ask(method, path, desk.headers[dialect], body))[0] == 200


# ── any order of anything ─────────────────────────────────────────────────────────────────────────────────────────


class Life:
    """What may happen to a tenant, drawn by chance, each at one of the two workers."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.at = desk, 0
        self.draw = random.Random(seed)  # noqa: S311 - a life is drawn, not a secret
        self.decided: list[str] = []
        self.deeds: list[Callable[[Service], Awaitable[None]]] = [
            self.say, self.say, self.say, self.mark, self.mark, self.link, self.unlink, self.record, self.act,
            self.join, self.part, self.undo, self.settle, self.cut, self.erase,
        ]  # fmt: skip

    async def step(self) -> str:
        """Something happens; a decision that can't be made is none."""
        service = self.draw.choice((self.desk.one, self.desk.other)).service
        deed = self.draw.choice(self.deeds)
        self.at += 1
        try:
            await deed(service)
        except HuaxiangError:
            return "nothing"
        return deed.__name__

    def some(self, count: int) -> list[Mention]:
        """Distinct identifiers."""
        return self.draw.sample((*PHONES, *UNIONIDS), count)

    async def say(self, service: Service) -> None:
        """A profile, or a new word of one."""
        told = profile(f"p{self.draw.randrange(6)}", *self.some(1), at=self.at, traits=named(f"name {self.at}"))
        more = Call(source="tinet", id=f"k{self.at}", at=NOON, identifiers=(self.draw.choice(PHONES),), duration=3)
        await self.desk.land(service, told, more)

    async def mark(self, service: Service) -> None:
        """A label on a call, before the call or after it, or taken off again."""
        call, name = f"k{self.draw.randrange(self.at + 2)}", self.draw.choice(("高", "低"))
        label = Mark(
            source="tinet", id=f"{call}/{name}", at=NOON, updated_at=NOON + timedelta(minutes=self.at), call=call,
            type="意向", name=name, deleted=self.draw.random() < 0.3,
        )  # fmt: skip
        await self.desk.land(service, label)

    async def link(self, service: Service) -> None:
        """A record that joins two."""
        told = profile(f"l{self.draw.randrange(4)}", *self.some(2), at=self.at)
        await self.desk.land(service, told)

    async def unlink(self, service: Service) -> None:
        """The same record that joins nobody any more."""
        told = profile(f"l{self.draw.randrange(4)}", *self.some(1), at=self.at)
        await self.desk.land(service, told)

    async def record(self, service: Service) -> None:
        """A CRM's record."""
        name = self.draw.choice(RECORDS)
        mentions = (Mention("crm_id", name, scope="telrobot"), self.draw.choice(PHONES))
        told = Record(
            source="telrobot", id=name, at=NOON + timedelta(minutes=self.at), identifiers=mentions, record=name,
            deleted=self.draw.random() < 0.2, details={"name": f"name {self.at}"},
        )  # fmt: skip
        await self.desk.land(service, told)

    async def act(self, service: Service) -> None:
        """Something a customer did, passed on by another; and whom it follows."""
        one, other = self.some(2)
        did = Interaction(source="x", id=f"i{self.at}", at=NOON, identifiers=(one,), type="点击", upstream=other)
        follows = Subscription(source="x", id=f"s{self.at}", at=NOON, identifiers=(one,), account="wx1")
        await self.desk.land(service, did, follows)

    async def join(self, service: Service) -> None:
        """A person's word."""
        names = [f"{one.kind}:{one.value}" for one in self.some(2)]
        self.decided.append((await decisions.join(service, self.desk.tenant, names, **SOMEBODY)).id)

    async def part(self, service: Service) -> None:
        """Another one."""
        names = [f"{one.kind}:{one.value}" for one in self.some(1)]
        self.decided.append((await decisions.part(service, self.desk.tenant, names, **SOMEBODY)).id)

    async def undo(self, service: Service) -> None:
        """A word is taken back."""
        if self.decided:
            decision = self.decided.pop(self.draw.randrange(len(self.decided)))
            await decisions.undo(service, self.desk.tenant, decision, **SOMEBODY)

    async def settle(self, service: Service) -> None:
        """Settings."""
        weights = {"*": self.draw.randrange(4)}
        zone = self.draw.choice(("Asia/Shanghai", "UTC"))
        await service.set_tenant(self.desk.tenant, settings=TenantSettings(weights=weights), time_zone=zone)

    async def cut(self, service: Service) -> None:
        """A number changes hands."""
        at = NOON + timedelta(minutes=self.draw.randrange(-5, 40))
        await service.cut(self.desk.tenant, self.draw.choice(PHONES), at)

    async def erase(self, service: Service) -> None:
        """Somebody is forgotten, or one identifier of theirs."""
        wanted = normalise(self.some(1)[0])
        only = self.draw.random() < 0.5
        await erasure.erase(service, self.desk.tenant, wanted, only=only, author="wang", reason="a test")


@pytest.mark.parametrize("seed", STATES)
async def test_whatever_happens_at_one_worker_is_what_the_other_answers(desk: Desk, seed: int) -> None:
    life = Life(desk, seed)
    happened: list[str] = []
    for _ in range(16):
        happened.append(await life.step())
        assert await desk.is_true(), happened
    assert desk.one.service.lookups.answers.bytes > 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("changes", "rows"), [(2, 64), (2, 1), (1000, 1)])
async def test_where_more_changes_than_are_told_at_once_the_other_answers_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, changes: int, rows: int, seed: int
) -> None:
    monkeypatch.setattr("huaxiang.lookup.MOST_CHANGES", changes)
    for room in ("lookup", "read"):
        monkeypatch.setattr(f"huaxiang.{room}.MOST_ROWS", rows)
    life = Life(desk, seed)
    happened: list[str] = []
    for _ in range(8):
        happened += [await life.step() for _ in range(seed + 1)]
        assert await desk.is_true(), happened


async def test_many_tenants_that_are_asked_for_at_once_are_each_told_what_has_changed(desk: Desk) -> None:
    desks = [desk]
    for name in ("b", "c"):
        services = [worker.service for worker in (desk.one, desk.other, desk.plain)]
        desks.append(Desk(services, await services[0].create_tenant(name)))
        desks[-1].one, desks[-1].other = desk.one, desk.other
        await desks[-1].make_keys()
    mentions = Mention("crm_id", RECORDS[0], scope="telrobot"), PHONES[0]
    for turn in range(3):
        for one in desks:
            then = NOON + timedelta(minutes=turn)
            told = Record(
                source="telrobot", id="r", at=then, updated_at=then, identifiers=mentions, record=RECORDS[0],
                details={"name": f"{one.tenant.name} {turn}"},
            )  # fmt: skip
            await one.land(one.other.service, told, profile("p", PHONES[0], at=turn, traits=named(f"name {turn}")))
        for _ in range(2):
            asked = [
                *(one.phones(one.one, PHONES[0]) for one in desks),
                *(one.crm(one.one, RECORDS[0]) for one in desks),
            ]
            answers = await asyncio.gather(*asked)
            assert [rows[0]["realName"] for rows in answers[:3]] == [f"name {turn}"] * 3
            assert [told["data"]["name"] for _, told in answers[3:]] == [f"{one.tenant.name} {turn}" for one in desks]


async def test_of_records_that_are_asked_for_at_once_each_tells_of_its_own_last_view(desk: Desk) -> None:
    for at, name in enumerate(RECORDS):
        mentions = (Mention("crm_id", name, scope="telrobot"),)
        await desk.land(
            desk.other.service,
            Record(source="telrobot", id=name, at=NOON + timedelta(minutes=at), identifiers=mentions, record=name),
        )
    await desk.crm(desk.one, RECORDS[1])
    await desk.one.service.flush()
    paths = [f"/agent-api/user/{desk.account}/customer/detail/{name}" for name in RECORDS]
    asked = [desk.other.ask("GET", path, desk.headers["telrobot"]) for path in paths]
    seen = [answer["data"]["viewed_at"] is not None for _, answer in await asyncio.gather(*asked)]
    assert seen == [False, True, False]


async def test_a_view_does_not_wait_for_those_that_were_written_before(desk: Desk) -> None:
    views, tenant = desk.one.service.views, desk.tenant
    for record in (uuid4(), uuid4()):
        views.note(tenant, record, None)
        for _ in range(600):  # far more than it takes, and far less than it once did
            if await views.ask(tenant, record):
                break
            await asyncio.sleep(0.05)
        assert await views.ask(tenant, record)

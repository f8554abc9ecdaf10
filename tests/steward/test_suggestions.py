"""Suggestions, a sentence each: who is suggested, who is not, what an answer does, and what the command line tells."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from huaxiang.errors import InputInvalid, InputMissing, NotFound, SettingsInvalid
from huaxiang.model import Mention, Parsed, Tenant, Trait
from huaxiang.service import Service
from huaxiang.steward import decisions, erasure, suggestions
from huaxiang.steward.names import meant

pytest.importorskip("splink", reason="the extra `suggest` is not installed")

NOON = datetime(2021, 3, 1, 4, tzinfo=UTC)
WORDS: dict[str, str] = {"author": "wang", "reason": "heard both voices"}
FAMILIES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
FIRST = "建国志文俊子浩宇泽家明海天嘉晓永振春正宏立少景博铭承思逸梓奕秀桂玉淑美雅丽佳梦雨欣诗婉紫"
SECOND = "华军伟强平辉峰林波涛轩杰龙飞鹏斌民东生宁阳然博豪源航凯睿晨瑞英兰珍芳梅琴云莲霞娟玲红燕萍涵怡"
CITIES = ("北京", "上海", "广州", "深圳", "成都", "杭州", "武汉", "西安", "重庆", "南京")
PEOPLE, TWICE = 200, 20
"""How many there are, and how many of them a second record knows under a mistyped number and an e-mail."""


def person(random: Random) -> dict[str, Any]:
    return {
        "real_name": random.choice(FAMILIES) + random.choice(FIRST) + random.choice(SECOND),
        "birthday": f"{random.randint(1950, 2004)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
        "gps_place": {"country": "中国", "province": "", "city": random.choice(CITIES)},
    }


def mistyped(random: Random, text: str, letters: str) -> str:
    """The text with one of its last six letters another one."""
    place = random.randrange(max(1, len(text) - 6), len(text))
    return text[:place] + random.choice([letter for letter in letters if letter != text[place]]) + text[place + 1 :]


def crowd() -> tuple[list[Trait], list[tuple[str, str]]]:
    """The records of some people, and which two of them are one person's, by what each is called."""
    random = Random(7)  # noqa: S311 - the same crowd in every run
    facts: list[Trait] = []
    twice: list[tuple[str, str]] = []
    for number in range(PEOPLE):
        traits, phone = person(random), f"139{random.randrange(10**8):08}"
        facts.append(profile(f"p{number}", traits, Mention("phone", phone)))
        if number < TWICE:
            other, email = mistyped(random, phone, "0123456789"), f"m{number}@example.cn"
            again = {**traits, "company": "云店"}
            if number % 2:
                again["real_name"] = mistyped(random, traits["real_name"], SECOND)
            facts.append(profile(f"q{number}", again, Mention("phone", other), Mention("email", email)))
            twice.append((f"phone:{phone}", f"email:{email}"))
    return facts, twice


def profile(record: str, traits: dict[str, Any], *mentions: Mention) -> Trait:
    return Trait(source="crm", id=record, at=NOON, identifiers=mentions, traits=traits)


FACTS, TWINS = crowd()


class Desk:
    """The house as these sentences use it: a tenant, its suggestions, and one who answers."""

    def __init__(self, service: Service, tenant: Tenant) -> None:
        self.service, self.tenant = service, tenant

    async def land(self, *facts: Trait) -> None:
        outcome = await self.service.land(self.tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)])
        assert outcome.rejects == ()

    async def run(self, **wanted: Any) -> suggestions.Run:  # noqa: ANN401 - a setting
        return await suggestions.run(self.service, self.tenant, **wanted)

    async def ids(self, *names: str) -> tuple[int, ...]:
        found = await self.service.customers(self.tenant, [meant(name) for name in names])
        return tuple(sorted(one.id for one in found if one is not None))

    async def open(self) -> dict[tuple[int, ...], suggestions.SuggestionAnswer]:
        page = await suggestions.page(self.service, self.tenant, limit=1_000)
        assert page.after is None
        return {tuple(sorted((one.one, one.other))): one for one in page.suggestions}

    async def accept(self, *names: str) -> suggestions.SettledAnswer:
        return await suggestions.accept(self.service, self.tenant, names, **WORDS)

    async def refuse(self, *names: str) -> suggestions.SettledAnswer:
        return await suggestions.refuse(self.service, self.tenant, names, **WORDS)


@pytest.fixture
async def desk(service: Service, tenant: Tenant) -> Desk:
    desk = Desk(service, tenant)
    await desk.land(*FACTS)
    return desk


# ── who is suggested ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_records_of_one_person_with_a_letter_and_a_digit_astray_are_suggested_with_what_speaks_for_it(
    desk: Desk,
) -> None:
    heard: list[str] = []
    done = await desk.run(tell=heard.append)
    found = await desk.open()
    twins = {await desk.ids(*names) for names in TWINS}
    assert len(twins & found.keys()) >= TWICE - 1
    assert len(found.keys() - twins) <= 2
    assert (done.customers, done.suggestions) == (PEOPLE + TWICE, len(found))
    assert sum(band.suggestions for band in done.bands) == done.suggestions
    assert len(heard) == 3
    one = found[await desk.ids(*TWINS[0])]
    says = {part.column: (part.says, part.weight > 0) for part in one.parts}
    assert (says["birthday"], says["phones"]) == (("same", True), ("one digit astray", True))
    assert {one.state, one.author, one.decision} == {"open", None}


async def test_what_is_kept_of_a_suggestion_holds_no_value_of_anybody(desk: Desk) -> None:
    await desk.run()
    kept = msgspec.json.encode([one.parts for one in (await desk.open()).values()]).decode()
    values = {str(value) for fact in FACTS for value in fact.traits.values() if isinstance(value, str)}
    assert not [value for value in values | {one.value for fact in FACTS for one in fact.identifiers} if value in kept]


async def test_a_run_joins_nobody_and_the_likeliest_come_first_page_by_page(desk: Desk) -> None:
    before = await desk.service.counts(desk.tenant)
    await desk.run()
    assert await desk.service.counts(desk.tenant) == before
    assert await decisions.decisions(desk.service, desk.tenant) == []
    paged: list[suggestions.SuggestionAnswer] = []
    after: int | None = 0
    while after is not None:
        page = await suggestions.page(desk.service, desk.tenant, after=after, limit=10)
        paged, after = [*paged, *page.suggestions], page.after
    assert paged == sorted((await desk.open()).values(), key=lambda one: one.number)
    assert [one.probability for one in paged] == sorted((one.probability for one in paged), reverse=True)


async def test_the_same_customers_give_the_same_suggestions_after_a_rebuild_too_and_fewer_are_the_likeliest(
    desk: Desk,
) -> None:
    await desk.run()
    before = await desk.open()
    _ = [count async for count in desk.service.rebuild(desk.tenant)]
    assert (await desk.open()).keys() == before.keys()
    await desk.run()
    weights = {pair: (one.id, one.probability, one.parts) for pair, one in (await desk.open()).items()}
    assert weights == {pair: (one.id, one.probability, one.parts) for pair, one in before.items()}
    done = await desk.run(most=3)
    assert (done.suggestions, done.left_out) == (3, len(before) - 3)
    assert (await desk.open()).keys() == set(list(before)[:3])


async def test_who_is_one_already_or_kept_apart_by_a_person_is_not_suggested_nor_shown(desk: Desk) -> None:
    await desk.run()
    joined, apart = await desk.ids(*TWINS[0]), await desk.ids(*TWINS[2])
    assert {joined, apart} <= (await desk.open()).keys()
    await decisions.join(desk.service, desk.tenant, TWINS[0], **WORDS)
    await decisions.keep_apart(desk.service, desk.tenant, TWINS[2], **WORDS)
    shown = (await desk.open()).keys()
    assert not {joined, joined[:1] * 2, apart} & shown
    await desk.run()
    assert (await desk.open()).keys() == shown


async def test_former_and_present_holder_of_a_number_are_not_alike_by_it(service: Service, tenant: Tenant) -> None:
    desk = Desk(service, tenant)
    phone = Mention("phone", "13900000001")
    await desk.land(
        profile("a", {"real_name": "王伟"}, phone),
        msgspec.structs.replace(profile("b", {"real_name": "李娜"}, phone), at=NOON + timedelta(days=9)),
    )
    await decisions.cut(service, tenant, "phone:13900000001", NOON + timedelta(days=5), **WORDS)
    await desk.run(least=0.01)
    assert await desk.open() == {}


async def test_a_wish_out_of_its_range_is_refused(service: Service, tenant: Tenant) -> None:
    for least, most, field in ((0.0, 1, "least"), (1.0, 1, "least"), (0.5, 0, "most"), (0.5, 1_000_000, "most")):
        with pytest.raises(SettingsInvalid) as refused:
            await suggestions.run(service, tenant, least=least, most=most)
        assert refused.value.fields["field"] == field


async def test_where_nobody_is_known_nobody_is_suggested(service: Service, tenant: Tenant) -> None:
    assert await suggestions.run(service, tenant) == suggestions.Run(0, 0, 0, 0, ())


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_accepted_suggestion_is_a_persons_join_and_its_undoing_gives_both_back(desk: Desk) -> None:
    await desk.run()
    pair = await desk.ids(*TWINS[0])
    called = (await desk.open())[pair].id
    done = await desk.accept(*suggestions.pair(called))
    assert (done.state, done.customers, done.waits) == ("accepted", [pair[0]], [])
    (decision,) = await decisions.decisions(desk.service, desk.tenant)
    assert (decision.id, decision.what, decision.author) == (done.decision, "join", "wang")
    (kept,) = (await suggestions.page(desk.service, desk.tenant, state="accepted")).suggestions
    assert (kept.id, kept.one, kept.other, kept.decision) == (called, pair[0], pair[0], done.decision)
    assert pair not in await desk.open()
    await decisions.undo(desk.service, desk.tenant, decision.id, **WORDS)
    assert await desk.ids(*TWINS[0]) == pair
    await desk.run()
    assert pair not in await desk.open()


async def test_a_refused_pair_never_comes_again_whoever_joins_it_since(desk: Desk) -> None:
    await desk.run()
    pair = await desk.ids(*TWINS[0])
    done = await desk.refuse(*map(str, pair))
    assert (done.state, done.customers, done.decision) == ("refused", list(pair), None)
    assert await desk.ids(*TWINS[0]) == pair
    friend = "email:friend@example.cn"
    await desk.land(profile("f", {}, Mention("email", "friend@example.cn")))
    await decisions.join(desk.service, desk.tenant, [friend, TWINS[0][1]], **WORDS)
    again = await desk.run()
    assert again.left_out >= 1
    assert pair not in await desk.open()
    with pytest.raises(InputInvalid, match="answered this already"):
        await desk.accept(*map(str, pair))


async def test_an_answer_is_called_by_any_identifiers_of_the_two_and_settles_all_that_was_suggested_between_them(
    desk: Desk,
) -> None:
    twin = FACTS[1]
    third = profile("third", twin.traits, Mention("email", "third@example.cn"), Mention("unionid", "third"))
    await desk.land(third)
    await desk.run()
    other = await desk.ids(TWINS[0][0], "unionid:third")
    assert {await desk.ids(*TWINS[0]), other} <= (await desk.open()).keys()
    await decisions.join(desk.service, desk.tenant, [TWINS[0][1], "unionid:third"], **WORDS)
    await desk.accept(TWINS[0][0], "email:third@example.cn")
    page = await suggestions.page(desk.service, desk.tenant, state="accepted")
    assert len(page.suggestions) == 2


async def test_what_can_not_be_answered_is_refused_by_its_reason_and_changes_nothing(desk: Desk) -> None:
    await desk.run()
    before, strangers = await desk.open(), await desk.ids(TWINS[0][0], TWINS[1][0])
    with pytest.raises(NotFound, match="never suggested"):
        await desk.accept(*map(str, strangers))
    with pytest.raises(NotFound):
        await desk.refuse("999999", TWINS[0][0])
    with pytest.raises(InputMissing):
        await desk.refuse(TWINS[0][0])
    with pytest.raises(InputInvalid, match="one customer already"):
        await desk.accept(TWINS[0][0], TWINS[0][0])
    with pytest.raises(InputMissing):
        await suggestions.refuse(desk.service, desk.tenant, TWINS[0], author=" ", reason="x")
    with pytest.raises(InputInvalid):
        await suggestions.refuse(desk.service, desk.tenant, TWINS[0], author="a\0", reason="x")
    await decisions.keep_apart(desk.service, desk.tenant, TWINS[0], **WORDS)
    with pytest.raises(InputInvalid, match="keeps these apart"):
        await desk.accept(*TWINS[0])
    assert (await desk.open()).keys() == before.keys() - {await desk.ids(*TWINS[0])}
    for called in ("1", "1-", "0-2", "1-2-3", "a-b"):
        with pytest.raises(NotFound):
            suggestions.pair(called)


async def test_of_two_answers_given_at_once_one_is_taken(desk: Desk) -> None:
    await desk.run()
    pair = await desk.ids(*TWINS[0])
    names = [str(number) for number in pair]
    told = await asyncio.gather(desk.accept(*names), desk.refuse(*names), desk.refuse(*names), return_exceptions=True)
    (taken,) = (one for one in told if isinstance(one, suggestions.SettledAnswer))
    assert [type(one) for one in told if one is not taken] == [InputInvalid] * 2
    assert taken.customers == sorted(set(await desk.ids(*TWINS[0])))


async def test_another_tenants_suggestions_are_neither_seen_nor_answered(desk: Desk) -> None:
    await desk.run()
    pair = await desk.ids(*TWINS[0])
    other = Desk(desk.service, await desk.service.create_tenant("other"))
    assert await other.open() == {}
    with pytest.raises(NotFound):
        await other.accept(*map(str, pair))


async def test_an_erased_customer_leaves_no_suggestion(desk: Desk) -> None:
    await desk.run()
    pair = await desk.ids(*TWINS[0])
    await desk.refuse(*map(str, pair))
    erased = await erasure.erase(desk.service, desk.tenant, meant(TWINS[0][1]), author="li", reason="asked")
    assert erased.rows["suggestion"] == 1
    async with desk.service.store.reading() as tx:
        nodes = [row["node"] for row in await tx.rows("numbered_nodes", desk.tenant.id, list(pair))]
        rows = await tx.rows("suggestions", desk.tenant.id, None, 0, 1_000)
    assert len(nodes) == 1
    assert not [row for row in rows if row["state"] == "refused"]
    assert pair not in await desk.open()


# ── the command line ──────────────────────────────────────────────────────────────────────────────────────────────


def huaxiang(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "huaxiang", *arguments, "--tenant", "acme", "--database", database],
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def answer(database: str, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    done = huaxiang(database, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_an_operator_finds_lists_accepts_and_refuses_suggestions_by_command(
    desk: Desk, database_url: str
) -> None:
    found = huaxiang(database_url, "suggest", "--least", "0.6")
    assert found.returncode == 0, found.stderr
    assert "≥ 0.99" in found.stdout
    assert "220 customers" in found.stderr
    listed = huaxiang(database_url, "suggestion", "list", "--limit", "2")
    assert "birthday same +" in listed.stdout
    assert "more: --after" in listed.stderr
    page = answer(database_url, "suggestion", "list", "--limit", "1000")
    one, other = page["suggestions"][:2]
    words = ("--author", "li", "--reason", "same address")
    accepted = answer(database_url, "suggestion", "accept", one["id"], *words)
    assert (accepted["state"], accepted["customers"]) == ("accepted", [one["one"]])
    refused = answer(database_url, "suggestion", "refuse", str(other["one"]), str(other["other"]), *words)
    assert refused["state"] == "refused"
    (kept,) = (await suggestions.page(desk.service, desk.tenant, state="refused")).suggestions
    assert (kept.id, kept.author, kept.reason) == (other["id"], "li", "same address")
    again = huaxiang(database_url, "suggestion", "refuse", other["id"], *words)
    assert (again.returncode, again.stdout) == (2, "")
    assert "a person has answered this already" in again.stderr
    assert len(await desk.open()) == len(page["suggestions"]) - 2


def test_without_its_engine_the_command_says_how_to_install_it(tenant: Tenant, database_url: str) -> None:
    # A module that is None can't be imported: so it looks where the extra is not installed.
    program = "import sys; sys.modules['splink'] = None; from huaxiang.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "suggest", "--tenant", tenant.name, "--database", database_url],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'huaxiang[suggest]'" in done.stderr

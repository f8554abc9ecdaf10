"""The quality check in the store: which marks calls have is a function of what was said and of the rules in force."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huaxiang.dialects.native.rules import ProgressAnswer
from huaxiang.errors import InputInvalid, NotFound
from huaxiang.model import AnyFact, Call, Mark, Mention, Parsed, PortraitPage, Tenant, Transcript, Utterance
from huaxiang.portrait import load
from huaxiang.service import Service
from huaxiang.steward import rules
from huaxiang.store import Store

NOON = datetime(2021, 3, 1, 12, tzinfo=UTC)
PRICE = """
rules:
  - id: price
    portrait: {type: 意向, name: 问价}
    when: {words: [多少钱, 价格], speaker: client}
    examples: {hit: [[{client: 多少钱}]], miss: [[{agent: 多少钱}]]}
  - id: long
    portrait: {type: 通话, name: 长通话}
    when: {call: {duration: {above: 100}}}
"""
REFUND = """
rules:
  - id: refund
    portrait: {type: 售后, name: 退款}
    when: {words: [退款]}
"""


def call(name: str, *, number: str = "13812345678", duration: int = 60) -> Call:
    phone = Mention("phone", number)
    at = NOON + timedelta(minutes=int(name))
    return Call(source="tinet", enterprise="e", id=name, at=at, identifiers=(phone,), duration=duration)


def said(name: str, *texts: str, side: str = "client") -> Transcript:
    spoken = tuple(
        Utterance(text, begin_ms=place * 5_000, end_ms=place * 5_000 + 900) for place, text in enumerate(texts)
    )
    whose = "client" if side == "client" else "agent"
    return Transcript(source="tinet", enterprise="e", id=f"{name}/{side}", call=name, side=whose, utterances=spoken)


def marked(name: str, kind: str, label: str, *, deleted: bool = False) -> Mark:
    return Mark(
        source="tinet", enterprise="e", id=f"{name}/{label}", at=NOON, call=name, type=kind, name=label, deleted=deleted
    )


class Desk:
    """A tenant whose calls are checked."""

    def __init__(self, service: Service, tenant: Tenant) -> None:
        self.service, self.tenant = service, tenant

    async def land(self, *facts: AnyFact) -> None:
        outcome = await self.service.land(self.tenant, [(1, Parsed((fact,))) for fact in facts])
        assert not outcome.rejects

    async def put(self, text: str) -> str:
        return await rules.put(self.service, self.tenant, load(text), text=text, author="li")

    async def apply(self, text: str | None) -> list[ProgressAnswer]:
        version = None if text is None else await self.put(text)
        return [told async for told in rules.apply(self.service, self.tenant, version, author="li")]

    async def page(self) -> PortraitPage:
        return await self.service.portraits(self.tenant, numbers=None, labels=(), offset=0, limit=100)

    async def labels(self) -> dict[tuple[str, str], tuple[str, int | None]]:
        """(call, label) of all marks -> how it stands, and its second."""
        page = await self.page()
        return {
            (mark.call.label, mark.name): (
                "deleted" if mark.deleted else "checked" if mark.checked else "added",
                mark.second,
            )
            for row in page.rows
            for mark in row.marks
        }

    async def rebuild(self) -> None:
        async for _ in self.service.rebuild(self.tenant, page_rows=2):
            pass


@pytest_asyncio.fixture
async def desk(service: Service, tenant: Tenant) -> AsyncGenerator[Desk]:
    yield Desk(service, tenant)


async def test_a_version_marks_the_calls_that_were_there_and_those_that_come(desk: Desk) -> None:
    await desk.land(call("1"), said("1", "你好", "这个多少钱"))
    await desk.apply(PRICE)
    await desk.land(said("2", "价格呢"))
    await desk.land(call("2", duration=200))
    assert await desk.labels() == {
        ("e-1", "问价"): ("checked", 5),
        ("e-2", "问价"): ("checked", 0),
        ("e-2", "长通话"): ("checked", None),
    }


async def test_a_removed_rule_takes_its_marks_along_and_a_changed_one_moves_them(desk: Desk) -> None:
    await desk.land(call("1", duration=200), said("1", "多少钱", "我要退款"))
    await desk.apply(PRICE)
    await desk.apply(REFUND)
    assert await desk.labels() == {("e-1", "退款"): ("checked", 5)}
    await desk.apply(None)
    assert await desk.labels() == {}


async def test_what_a_person_said_of_a_label_outlives_every_version(desk: Desk) -> None:
    await desk.land(
        call("1"), said("1", "多少钱"), marked("1", "意向", "问价", deleted=True), marked("1", "意向", "重点")
    )
    await desk.apply(PRICE)
    assert await desk.labels() == {("e-1", "问价"): ("deleted", 0), ("e-1", "重点"): ("added", None)}
    await desk.apply(None)
    assert (await desk.labels())["e-1", "重点"] == ("added", None)
    await desk.apply(PRICE)
    assert await desk.labels() == {("e-1", "问价"): ("deleted", 0), ("e-1", "重点"): ("added", None)}


async def test_a_trial_tells_what_would_come_and_go_with_the_words_and_changes_nothing(desk: Desk) -> None:
    await desk.land(call("1"), said("1", "你好", "这个多少钱"), call("2"), said("2", "我要退款"))
    await desk.apply(PRICE)
    before = await desk.page()
    told = [one async for one in rules.trial(desk.service, desk.tenant, load(REFUND))]
    effects = {one.name: one for one in told[-1].effects}
    assert (effects["退款"].comes, effects["问价"].goes, told[-1].done) == (1, 1, 2)
    [coming], [going] = effects["退款"].coming, effects["问价"].going
    assert (coming.call, coming.second, coming.text, coming.words) == ("e-2", 0, "我要退款", ("退款",))
    assert (going.call, going.second, going.rule) == ("e-1", 5, "price")
    assert await desk.page() == before


async def test_a_version_whose_examples_do_not_hold_is_not_kept(desk: Desk) -> None:
    with pytest.raises(InputInvalid, match="price") as refused:
        await desk.put(PRICE.replace("miss: [[{agent: 多少钱}]]", "miss: [[{client: 价格}]]"))
    assert refused.value.field == "rules"
    assert await rules.versions(desk.service, desk.tenant) == []


async def test_versions_are_listed_newest_first_and_read_as_they_were_written(desk: Desk) -> None:
    first, second = await desk.put(PRICE), await desk.put(REFUND)
    await desk.apply(PRICE)
    listed = await rules.versions(desk.service, desk.tenant)
    assert [(one.version, one.rules, one.in_force) for one in listed] == [(second, 1, False), (first, 2, True)]
    assert await rules.written(desk.service, desk.tenant, first) == PRICE
    with pytest.raises(NotFound):
        await rules.written(desk.service, desk.tenant, "no such")


async def test_another_version_waits_until_the_one_that_takes_over_has_come_to_its_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "CALLS_AT_ONCE", 1)
    await desk.land(call("1"), said("1", "多少钱"), call("2"), said("2", "多少钱"))
    await rules.begin(desk.service, desk.tenant, await desk.put(PRICE), author="li")
    await rules.go_on(desk.service, desk.tenant)
    with pytest.raises(InputInvalid, match="taking over"):
        await desk.apply(REFUND)
    assert (await desk.apply(PRICE))[-1].finished
    assert (await desk.apply(REFUND))[-1].finished


NAMES = st.sampled_from(["1", "2", "3"])
FACTS = st.one_of(
    st.builds(call, NAMES, number=st.sampled_from(["13812345678", "13812345679"]), duration=st.sampled_from([60, 200])),
    st.builds(said, NAMES, st.sampled_from(["多少钱", "退款", "好的"]), side=st.sampled_from(["client", "agent"])),
    st.builds(marked, NAMES, st.just("意向"), st.sampled_from(["问价", "重点"]), deleted=st.booleans()),
)
LAW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(facts=st.lists(FACTS, min_size=1, max_size=8), data=st.data())
@LAW
async def test_whenever_a_call_its_words_and_the_rules_come_the_marks_are_the_same_and_a_rebuild_keeps_them(
    store: Store, facts: list[AnyFact], data: st.DataObject
) -> None:
    service = Service(store)
    order = data.draw(st.permutations(facts))
    early = data.draw(st.integers(0, len(order)))
    served: list[object] = []
    for sequence, at in ((facts, 0), (order, early)):
        desk = Desk(service, await service.create_tenant(f"t{uuid4()}"))
        for place, fact in enumerate(sequence):
            if place == at:
                await desk.apply(PRICE)
            await desk.land(fact)
        await desk.apply(PRICE)
        served.append(await desk.labels())
        await desk.rebuild()
        served.append(await desk.labels())
    assert served[1:] == served[:-1]


async def test_a_rebuild_while_a_version_takes_over_changes_nothing_and_the_rest_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "CALLS_AT_ONCE", 2)
    for name in ("1", "2", "3", "4", "5"):
        await desk.land(call(name, number=f"1381234567{name}", duration=200), said(name, "多少钱", "退款"))
    await desk.apply(REFUND)
    await rules.begin(desk.service, desk.tenant, await desk.put(PRICE), author="li")
    await rules.go_on(desk.service, desk.tenant)
    halfway = await desk.labels()
    assert {name for _, name in halfway} == {"退款", "问价", "长通话"}
    await desk.rebuild()
    assert await desk.labels() == halfway
    assert (await desk.apply(PRICE))[-1].finished
    assert {name for _, name in await desk.labels()} == {"问价", "长通话"}


# ── by command ────────────────────────────────────────────────────────────────────────────────────────────────────


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "huaxiang", "rules", *words], capture_output=True, text=True, check=False, timeout=120
    )


def test_the_command_tells_every_problem_of_a_file_with_its_line(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(PRICE, encoding="utf-8")
    bad.write_text(PRICE.replace("words:", "wordz:").replace("above", "abov"), encoding="utf-8")
    done = command("check", str(good))
    assert (done.returncode, "2 rules" in done.stderr) == (0, True)
    done = command("check", str(bad), "--json")
    [told] = json.loads(done.stdout)
    assert done.returncode == 1
    assert {problem.split(":")[1] for problem in told["problems"]} == {"5", "9"}


async def test_rules_are_tried_applied_and_withdrawn_by_command(desk: Desk, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(PRICE, encoding="utf-8")
    await desk.land(call("1"), said("1", "多少钱"))
    whose = ("--tenant", desk.tenant.name, "--database", database_url, "--json")
    tried = json.loads(command("try", str(file), *whose).stdout)
    assert [(one["name"], one["comes"]) for one in tried["effects"]] == [("问价", 1)]
    applied = json.loads(command("apply", str(file), "--author", "li", *whose).stdout)
    assert (applied["finished"], applied["changed"]) == (True, 1)
    assert await desk.labels() == {("e-1", "问价"): ("checked", 0)}
    [listed] = json.loads(command("list", *whose).stdout)
    assert listed["in_force"]
    assert json.loads(command("show", listed["version"], *whose).stdout)["text"] == PRICE
    assert json.loads(command("withdraw", "--author", "wang", *whose).stdout)["changed"] == 1
    assert await desk.labels() == {}
    told = json.loads(command("history", *whose).stdout)
    assert [(one["version"], one["author"]) for one in told] == [(None, "wang"), (listed["version"], "li")]

"""Single calls as they are read: amended by the newest word, with their labels' evidence, by time, on an index."""

from __future__ import annotations

import itertools
from datetime import timedelta

import asyncpg
import msgspec
from desk import NOON, PHONE, SAID, Desk, call, later, mark, transcript

from huaxiang.calls import Wanted
from huaxiang.model import Amendment, CallResult, Identifier, Json
from huaxiang.steward.erasure import erase
from huaxiang.store import STATEMENTS

DAY = Wanted(source="tinet", since=NOON, until=NOON + timedelta(days=1))


def amendment(record: str, *, minutes: int | None, at: int = 0, of: str = "1", **details: Json) -> Amendment:
    updated_at = None if minutes is None else later(minutes)
    return Amendment(
        source="tinet", enterprise="e", id=record, at=later(at), updated_at=updated_at, call=of, details=details
    )


async def the_call(desk: Desk, of: str = "1") -> CallResult:
    (found,) = await desk.service.call_results(desk.tenant, "tinet", [("e", of)])
    assert found is not None
    return found


async def test_of_each_field_the_newest_word_stands_over_the_calls_own_in_whatever_order_they_come(
    desk: Desk,
) -> None:
    facts = (
        call("1", details={"priority": "1", "cno": "7", "status": 3}),
        amendment("a", minutes=5, priority="2", cno=None),
        amendment("b", minutes=9, priority="3"),
        amendment("c", minutes=None, at=7, priority="4", city="x"),
        amendment("d", minutes=99, of="2", priority="9"),
    )
    seen: list[dict[str, Json]] = []
    for number, order in enumerate(itertools.permutations(facts)):
        if number % 10 == 0:
            desk.tenant = await desk.service.create_tenant(f"t{number}")
            for fact in (*order, order[0]):
                await desk.land(fact)
            seen.append((await the_call(desk)).details)
    assert seen == [{"priority": "3", "cno": None, "status": 3, "city": "x"}] * len(seen)


async def test_an_amendment_changes_no_summary_and_is_nobody(desk: Desk) -> None:
    await desk.land(call("1", duration=5), transcript("1", utterances=SAID))
    before = await desk.find()
    await desk.land(amendment("a", minutes=1, priority="2"))
    assert await desk.find() == before
    counts = await desk.service.counts(desk.tenant)
    assert (counts["nodes"], counts["customers"]) == (1, 1)


async def test_amendments_go_with_their_customer_and_stay_after_a_rebuild(desk: Desk) -> None:
    await desk.land(amendment("a", minutes=1, priority="2"), call("1"))
    before = msgspec.json.encode(await the_call(desk))
    async for _ in desk.service.rebuild(desk.tenant):
        pass
    assert msgspec.json.encode(await the_call(desk)) == before
    await erase(desk.service, desk.tenant, Identifier("phone", "+8613900000001"), author="me", reason="asked")
    assert (await desk.service.counts(desk.tenant))["records"] == 0


async def test_a_label_shows_the_details_of_the_mark_that_put_it_there(desk: Desk) -> None:
    await desk.land(
        call("1"),
        mark("m1", by="check", minutes=1, second=3, details={"rule": "old"}),
        mark("m2", by="check", minutes=2, second=4, details={"rule": "new"}),
        mark("m3", minutes=3, deleted=True, details={"why": "wrong"}),
        mark("m4", minutes=4, name="低", details={"why": "heard"}),
    )
    found = await the_call(desk)
    assert [(one.name, one.deleted) for one in found.marks] == [("低", False), ("高", True)]
    assert found.evidence == (({"why": "heard"},), ({"rule": "new"},))


async def test_a_calls_rounds_are_its_transcripts_else_its_own(desk: Desk) -> None:
    await desk.land(call("1", rounds=7), call("2", rounds=8), transcript("2", utterances=SAID))
    assert [(await the_call(desk, of)).rounds for of in ("1", "2")] == [7, 2]


async def test_calls_of_the_same_moment_are_paged_through_once_each_by_their_ids(desk: Desk) -> None:
    for name in "abcdefg":
        await desk.land(call(name))
    after, seen = None, list[str | None]()
    while (page := await desk.service.call_page(desk.tenant, DAY, limit=3, after=after)).rows:
        assert page.total == 7
        seen += [one.call.id for one in page.rows]
        after = page.last
    assert seen == list("abcdefg")
    page = await desk.service.call_page(desk.tenant, DAY, limit=3, offset=2)
    assert [one.call.id for one in page.rows] == seen[2:5]


async def test_a_text_that_no_store_can_hold_names_no_call(desk: Desk) -> None:
    await desk.land(call("1"))
    for odd in ({"enterprise": "\0"}, {"ids": ("\ud800",)}, {"details": {"a": "\0"}}):
        page = await desk.service.call_page(desk.tenant, msgspec.structs.replace(DAY, **odd), limit=3)
        assert (page.total, page.rows) == (0, ())


async def test_calls_of_a_day_are_found_by_an_index(desk: Desk, database_url: str) -> None:
    await desk.land(*(call(str(number), minutes=600 * number, by=PHONE) for number in range(2_000)))
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("analyze fact")
        match = (desk.tenant.id, "tinet", NOON, NOON + timedelta(days=1), None, None, None)
        plan = await connection.fetch(f"explain {STATEMENTS['page_calls']}", *match, NOON, "", "", 10, 0)
        counted = await connection.fetch(f"explain {STATEMENTS['count_calls']}", *match)
    finally:
        await connection.close()
    for rows in (plan, counted):
        text = "\n".join(row[0] for row in rows)
        assert "fact_call_at" in text, text
        assert "Seq Scan" not in text, text

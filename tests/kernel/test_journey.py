"""The journey of single records, one sentence each: from what a source says to what is served."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from desk import (
    NOON,
    NUMBER,
    OTHER,
    OTHER_NUMBER,
    OTHER_UNIONID,
    PHONE,
    PHONE_SPELLED,
    SAID,
    SOMEBODY,
    SOMEBODY_ELSE,
    UNIONID,
    Desk,
    call,
    event,
    later,
    mark,
    profile,
    transcript,
)

from deciding import decide, withdraw
from huaxiang.dialects.rabbitpre.inward import parse_profile
from huaxiang.errors import InputInvalid, SettingsInvalid
from huaxiang.model import (
    Identifier,
    Limits,
    Mention,
    Origin,
    Subscription,
    TenantSettings,
    Trait,
)
from huaxiang.service import Service
from huaxiang.store import opened

# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_late_transcript_gives_its_call_the_rounds(desk: Desk) -> None:
    await desk.land(call("1", rounds=9), call("2", rounds=1))
    assert (await desk.find()).summary.calls.round_sum == 10
    await desk.land(transcript("1", utterances=SAID))
    calls = (await desk.find()).summary.calls
    assert (calls.rounds, calls.round_sum, calls.round_max) == (2, 3, 2)


async def test_a_transcript_that_comes_first_waits_unseen_for_its_call(desk: Desk) -> None:
    await desk.land(transcript("1", utterances=SAID), mark("m"))
    assert (await desk.service.counts(desk.tenant))["nodes"] == 0
    await desk.land(call("1"))
    summary = (await desk.find()).summary
    assert summary.calls.round_sum == 2
    assert [one.name for one in summary.marks] == ["高"]


async def test_a_transcript_corrected_to_another_call_leaves_the_first_one(desk: Desk) -> None:
    await desk.land(call("1", rounds=9), call("2", by=OTHER), transcript("1", utterances=SAID))
    await desk.land(transcript("2", utterances=SAID, updated_at=NOON))
    assert (await desk.find()).summary.calls.round_sum == 9
    assert (await desk.find(OTHER_NUMBER)).summary.calls.round_sum == 2


async def test_a_call_corrected_to_another_number_takes_its_transcript_and_marks_along(desk: Desk) -> None:
    await desk.land(call("1", duration=60), transcript("1", utterances=SAID), mark("m"))
    await desk.land(call("1", by=OTHER, duration=70, updated_at=NOON))
    assert await desk.ask(NUMBER) is None
    summary = (await desk.find(OTHER_NUMBER)).summary
    assert (summary.calls.count, summary.calls.duration_sum, summary.calls.round_sum) == (1, 70, 2)
    assert len(summary.marks) == 1


async def test_an_older_revision_that_comes_late_changes_nothing(desk: Desk) -> None:
    await desk.land(call("1", duration=70, updated_at=later(2)))
    before = await desk.find()
    outcome = await desk.land(call("1", duration=60, updated_at=later(1)), call("1", duration=60, updated_at=later(1)))
    assert (outcome.landed, outcome.known) == (0, 2)
    assert await desk.find() == before


async def test_a_revision_twice_in_a_batch_around_a_newer_one_is_kept_once(desk: Desk) -> None:
    older, newer = call("1", duration=60), call("1", duration=70, updated_at=NOON)
    outcome = await desk.land(older, newer, older, newer)
    assert (outcome.landed, outcome.known) == (1, 3)
    assert (await desk.find()).summary.calls.duration_sum == 70


async def test_averages_divide_by_the_calls_that_have_the_value(desk: Desk) -> None:
    await desk.land(call("1", duration=60), call("2"), call("3", duration=0))
    calls = (await desk.find()).summary.calls
    assert (calls.count, calls.durations, calls.duration_sum, calls.duration_max) == (3, 2, 60, 60)


async def test_the_newest_spelling_is_served_by_time_and_not_by_arrival(desk: Desk) -> None:
    await desk.land(call("2", minutes=2, by=PHONE_SPELLED, city="上海-上海"), call("1", minutes=1, city="北京-北京"))
    customer = await desk.find()
    assert [identity.spelling for identity in customer.identities] == [PHONE_SPELLED.value]
    assert customer.summary.calls.newest is not None
    assert customer.summary.calls.newest.city == "上海-上海"
    assert (await desk.page()).rows[0].number == PHONE_SPELLED.value


# ── marks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_persons_deletion_outlives_every_later_check(desk: Desk) -> None:
    await desk.land(call("1"), mark("c1", by="check", second=7), mark("p", minutes=1, deleted=True))
    await desk.land(mark("c2", minutes=9, by="check", second=8))
    (standing,) = (await desk.find()).summary.marks
    assert (standing.checked, standing.added, standing.deleted, standing.second) == (True, False, True, 8)
    assert (await desk.page("高")).total == 0


async def test_a_persons_addition_outlives_a_check_that_finds_nothing(desk: Desk) -> None:
    await desk.land(call("1"), mark("p", second=3), mark("c", minutes=9, by="check", deleted=True))
    (standing,) = (await desk.find()).summary.marks
    assert (standing.checked, standing.added, standing.deleted, standing.second) == (False, True, False, 3)


async def test_a_mark_withdrawn_by_its_own_correction_is_no_more(desk: Desk) -> None:
    await desk.land(call("1"), mark("c", by="check"))
    await desk.land(mark("c", by="check", deleted=True, updated_at=NOON))
    assert (await desk.find()).summary.marks == ()


async def test_pages_ask_for_all_labels_and_count_every_row(desk: Desk) -> None:
    await desk.land(call("1"), call("2", by=OTHER), mark("a"), mark("b", of="2"), mark("c", of="2", name="急"))
    assert [row.number for row in (await desk.page("高")).rows] == [OTHER.value, PHONE.value]
    assert [row.number for row in (await desk.page("意向/高", "急")).rows] == [OTHER.value]
    assert (await desk.page("高", numbers=[PHONE.value])).total == 1
    assert (await desk.page("低")).total == 0


async def test_a_label_that_no_text_can_be_matches_nothing(desk: Desk) -> None:
    await desk.land(call("1"), mark("a"))
    assert (await desk.page("高\0")).total == 0
    assert (await desk.page("\ud800")).total == 0
    assert (await desk.page(numbers=["\0", "\ud800"])).total == 0


async def test_a_page_by_customer_adds_up_the_numbers_of_each(desk: Desk) -> None:
    await desk.land(call("1", duration=1), call("2", minutes=1, by=OTHER, duration=2), mark("a"))
    await desk.land(profile("p", SOMEBODY, PHONE, OTHER), call("3", by=Mention("phone", "13900000009")))
    await desk.decide(TenantSettings(portrait_scope="customer"))
    page = await desk.page()
    assert [(row.number, row.calls.duration_sum, len(row.call_refs)) for row in page.rows] == [
        ("13900000009", 0, 1),
        (OTHER.value, 3, 2),
    ]
    assert (await desk.page("高", numbers=[OTHER.value])).total == 1


# ── identity ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_record_with_two_identifiers_joins_them_and_its_correction_parts_them(desk: Desk) -> None:
    await desk.land(call("1"), profile("p", SOMEBODY, PHONE))
    assert await desk.one_customer(NUMBER, UNIONID)
    await desk.land(profile("p", SOMEBODY, updated_at=NOON))
    assert not await desk.one_customer(NUMBER, UNIONID)


async def test_a_customer_keeps_the_older_id_and_a_parting_gives_the_younger_one_back(desk: Desk) -> None:
    await desk.land(profile("a", SOMEBODY))
    await desk.land(profile("b", SOMEBODY_ELSE))
    older, younger = await desk.find(UNIONID), await desk.find(OTHER_UNIONID)
    decision = await decide(desk.service, desk.tenant, [SOMEBODY, SOMEBODY_ELSE], author="me", reason="same voice")
    assert (await desk.ask(younger.id)) == (await desk.ask(older.id)) == (await desk.find(OTHER_UNIONID))
    assert (await desk.find(OTHER_UNIONID)).id == older.id
    await withdraw(desk.service, desk.tenant, decision, [SOMEBODY, SOMEBODY_ELSE], author="me")
    assert (await desk.find(UNIONID), await desk.find(OTHER_UNIONID)) == (older, younger)


async def test_a_parting_of_one_from_one_can_be_withdrawn_by_naming_either(desk: Desk) -> None:
    await desk.land(profile("p", SOMEBODY, PHONE))
    before = await desk.find()
    decision = await decide(desk.service, desk.tenant, [PHONE], apart_from=[SOMEBODY], author="me", reason="two people")
    assert not await desk.one_customer(NUMBER, UNIONID)
    assert (await desk.service.counts(desk.tenant))["suspended"] == 1
    await withdraw(desk.service, desk.tenant, decision, [SOMEBODY], author="me")
    assert await desk.find() == before


async def test_a_decision_about_what_can_not_be_is_refused_with_its_field(desk: Desk) -> None:
    with pytest.raises(InputInvalid) as refused:
        await decide(desk.service, desk.tenant, [PHONE, PHONE_SPELLED], author="me", reason="")
    assert refused.value.field == "identifiers"


async def test_placeholders_keep_their_facts_and_never_link(desk: Desk) -> None:
    placeholder = Mention("phone", "13800138000")
    await desk.land(call("1", by=placeholder), profile("p", placeholder, SOMEBODY), profile("q", placeholder, PHONE))
    assert not await desk.one_customer(UNIONID, NUMBER)
    lonely = await desk.find(Identifier("phone", "+8613800138000"))
    assert (lonely.summary.calls.count, len(lonely.identities)) == (1, 1)
    assert (await desk.find(UNIONID)).summary.traits == {}


async def test_a_record_of_placeholders_alone_hangs_on_the_first(desk: Desk) -> None:
    await desk.land(profile("p", Mention("phone", "123"), Mention("phone", "13800138000"), traits={"name": "张"}))
    assert (await desk.find(Identifier("raw_number", "123"))).trait("name") == "张"
    assert (await desk.find(Identifier("phone", "+8613800138000"))).trait("name") is None


async def test_two_spellings_of_one_number_in_a_record_are_one_identity(desk: Desk) -> None:
    await desk.land(profile("p", PHONE, PHONE_SPELLED, SOMEBODY, Mention("unionid", "u1 ", verified=True)))
    customer = await desk.find()
    assert [(one.identifier, one.verified) for one in customer.identities] == [(NUMBER, False), (UNIONID, True)]


async def test_a_node_that_only_a_decision_names_is_not_served(desk: Desk) -> None:
    await desk.land(profile("p", SOMEBODY))
    await decide(desk.service, desk.tenant, [SOMEBODY, PHONE], author="me", reason="")
    assert [one.identifier for one in (await desk.find(UNIONID)).identities] == [UNIONID]


async def test_settings_that_change_what_links_take_effect_at_once_and_back(desk: Desk) -> None:
    await desk.land(call("1"), profile("p", PHONE, SOMEBODY, traits={"name": "张"}))
    before = await desk.find()
    await desk.decide(TenantSettings(blocked=("13900000001",)))
    assert not await desk.one_customer(NUMBER, UNIONID)
    assert (await desk.find(UNIONID)).trait("name") == "张"
    await desk.decide(TenantSettings())
    assert await desk.find() == before


async def test_ranks_decide_between_facts_of_one_time_after_the_change_too(desk: Desk) -> None:
    await desk.land(
        Trait(source="a", id="2", at=NOON, identifiers=(SOMEBODY,), traits={"name": "张"}),
        Trait(source="b", id="1", at=NOON, identifiers=(SOMEBODY,), traits={"name": "李"}),
    )
    assert (await desk.find(UNIONID)).trait("name") == "张"
    await desk.decide(TenantSettings(ranks={"b": 1}))
    assert (await desk.find(UNIONID)).trait("name") == "李"


async def test_another_server_lands_by_the_settings_of_now_and_not_of_when_it_asked(
    desk: Desk, database_url: str
) -> None:
    async with opened(database_url, connections=2) as store:
        stale = Desk(Service(store), desk.tenant)
        await desk.decide(TenantSettings(blocked=("13900000001",)))
        await stale.land(profile("p", SOMEBODY, PHONE))
    assert not await desk.one_customer(NUMBER, UNIONID)


async def test_a_change_of_one_setting_leaves_what_another_server_set(desk: Desk) -> None:
    stale = Desk(desk.service, desk.tenant)
    await desk.decide(TenantSettings(ranks={"b": 1}))
    changed = await stale.service.set_tenant(stale.tenant, login_name="acme-2")
    assert (changed.login_name, changed.settings.ranks) == ("acme-2", {"b": 1})


async def test_settings_out_of_their_range_are_refused(desk: Desk) -> None:
    with pytest.raises(SettingsInvalid):
        await desk.decide(TenantSettings(limits=Limits(customer_size=0)))
    with pytest.raises(SettingsInvalid):
        await desk.service.set_tenant(desk.tenant, time_zone="Asia/Atlantis")


async def test_a_change_of_time_zone_moves_the_days(desk: Desk) -> None:
    at = datetime(2021, 3, 1, 17, tzinfo=UTC)
    await desk.land(msgspec.structs.replace(event("i", SOMEBODY), at=at))
    assert [one.day for one in (await desk.find(UNIONID)).summary.buckets] == [date(2021, 3, 2)]
    await desk.service.set_tenant(desk.tenant, time_zone="UTC")
    assert [one.day for one in (await desk.find(UNIONID)).summary.buckets] == [date(2021, 3, 1)]


# ── identifiers that change hands ─────────────────────────────────────────────────────────────────────────────────


async def test_a_cut_divides_a_number_and_late_facts_go_by_their_time(desk: Desk) -> None:
    await desk.land(call("1", minutes=1), call("9", minutes=9), profile("p", PHONE, SOMEBODY, minutes=2))
    await desk.service.cut(desk.tenant, PHONE, later(5))
    assert (await desk.find()).summary.calls.count == 1
    assert (await desk.find(UNIONID)).summary.calls.count == 1
    await desk.land(call("2", minutes=3), call("8", minutes=8), profile("q", PHONE, SOMEBODY_ELSE, minutes=7))
    assert (await desk.find(UNIONID)).summary.calls.count == 2
    assert (await desk.find()).summary.calls.count == 2
    assert await desk.one_customer(NUMBER, OTHER_UNIONID)


async def test_a_cut_divides_what_hangs_on_the_call_too(desk: Desk) -> None:
    await desk.land(call("1", minutes=1), call("9", minutes=9), mark("m"), mark("n", of="9", name="低"))
    await desk.land(transcript("1", utterances=SAID), profile("p", PHONE, SOMEBODY, minutes=1))
    await desk.service.cut(desk.tenant, PHONE, later(5))
    old, new = await desk.find(UNIONID), await desk.find()
    assert ([one.name for one in old.summary.marks], old.summary.calls.round_sum) == (["高"], 2)
    assert ([one.name for one in new.summary.marks], new.summary.calls.round_sum) == (["低"], 0)


async def test_a_profile_of_today_does_not_claim_who_had_the_number_before(desk: Desk) -> None:
    await desk.land(profile("p", PHONE, SOMEBODY), call("1"))
    await desk.service.cut(desk.tenant, PHONE, later(5))
    row = {
        "unionid": "u2",
        "phone": PHONE.value,
        "createTime": later(-60).isoformat(),
        "updateTime": later(60).isoformat(),
        "sourceCnl": 907,
        "wechatList": [{"appid": "wx1", "firstSubDate": later(-50).isoformat()}],
    }
    await desk.land(*parse_profile(row, ZoneInfo("UTC")).facts)
    assert await desk.one_customer(NUMBER, OTHER_UNIONID)
    assert not await desk.one_customer(UNIONID, OTHER_UNIONID)
    assert [one.account for one in (await desk.find()).summary.follows] == ["wx1", "wx1"]


async def test_the_same_cut_twice_is_one(desk: Desk) -> None:
    await desk.land(call("1", minutes=1), call("9", minutes=9))
    await desk.service.cut(desk.tenant, PHONE, later(5))
    before = await desk.find()
    await desk.service.cut(desk.tenant, PHONE_SPELLED, later(5))
    assert await desk.find() == before


async def test_history_survives_a_cut_and_a_rebuild(desk: Desk) -> None:
    older, newer = call("1", duration=60), call("1", duration=70, updated_at=NOON)
    await desk.land(older)
    await desk.land(newer)
    await desk.service.cut(desk.tenant, PHONE, later(-5))
    await desk.land(older)
    before = await desk.find()
    async for _ in desk.service.rebuild(desk.tenant):
        pass
    assert await desk.find() == before
    assert before.summary.calls.duration_sum == 70


# ── interactions ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_spread_fact_counts_once_and_moves_with_its_revision(desk: Desk) -> None:
    shared = event("i", SOMEBODY, upstream=PHONE)
    await desk.land(shared, shared)
    await desk.land(shared)
    assert [(one.side, one.count) for one in (await desk.find()).summary.buckets] == [("spread", 1)]
    await desk.land(event("i", SOMEBODY, upstream=OTHER, updated_at=NOON))
    assert await desk.ask(NUMBER) is None
    assert [(one.side, one.count) for one in (await desk.find(OTHER_NUMBER)).summary.buckets] == [("spread", 1)]
    await desk.land(event("i", SOMEBODY, updated_at=later(1)))
    assert await desk.ask(OTHER_NUMBER) is None


async def test_one_that_passes_a_work_on_to_himself_is_counted_on_both_sides(desk: Desk) -> None:
    await desk.land(event("i", PHONE, upstream=PHONE_SPELLED))
    customer = await desk.find()
    assert [(one.side, one.count) for one in customer.summary.buckets] == [("active", 1), ("spread", 1)]
    async for _ in desk.service.rebuild(desk.tenant):
        pass
    assert await desk.find() == customer


async def test_where_a_customer_came_from_is_the_earliest_word_whole(desk: Desk) -> None:
    await desk.land(profile("b", SOMEBODY, minutes=2, origin=Origin(channel=2, channel_name="two")))
    await desk.land(profile("a", SOMEBODY, minutes=1, origin=Origin(channel=1)))
    origin = (await desk.find(UNIONID)).summary.origin
    assert origin is not None
    assert origin.value == {"channel": 1}


async def test_follows_are_told_by_the_openid_that_is_meant(desk: Desk) -> None:
    for record, spelled in enumerate(("o1", " o1 ")):
        openid = Mention("openid", spelled, scope="app")
        await desk.land(
            Subscription(source="rp", id=str(record), at=later(record), identifiers=(openid,), account="gh")
        )
    follows = (await desk.find(Identifier("openid", "o1", "app"))).summary.follows
    assert [one.openid for one in follows] == ["o1", "o1"]


# ── rebuild ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_rebuild_tells_how_far_it_is_and_serves_the_same_while_it_runs(desk: Desk) -> None:
    await desk.land(*(call(str(serial)) for serial in range(5)), mark("m"), transcript("1", utterances=SAID))
    before = await desk.find()
    told: list[int] = []
    async for count in desk.service.rebuild(desk.tenant, page_rows=2):
        told.append(count)
        assert await desk.find() == before
    assert told == sorted(told)
    assert told[-1] == 7
    assert await desk.find() == before


async def test_a_rebuild_given_up_halfway_leaves_everything_as_it_was(desk: Desk) -> None:
    await desk.land(call("1"), profile("p", PHONE, SOMEBODY))
    before = await desk.find()
    rebuild = desk.service.rebuild(desk.tenant, page_rows=1)
    await anext(rebuild)
    await rebuild.aclose()  # type: ignore[attr-defined]
    assert await desk.find() == before
    await asyncio.wait_for(desk.land(call("2")), 60)

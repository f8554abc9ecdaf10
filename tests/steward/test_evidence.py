"""Evidence, on a real database: why a customer is one, what it was, and what stands under each value."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deciding import decide, withdraw
from huaxiang.dialects.native import evidence as wire
from huaxiang.errors import InputInvalid, NotFound
from huaxiang.identifiers import normalise
from huaxiang.model import (
    AnyFact,
    Call,
    Customer,
    Identifier,
    Interaction,
    Limits,
    Mark,
    Mention,
    Origin,
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
from huaxiang.steward import evidence

NOON = datetime(2021, 3, 1, 4, tzinfo=UTC)
PHONE, OTHER = Mention("phone", "13900000001"), Mention("phone", "13900000002")
UNIONID, EMAIL = Mention("unionid", "u1"), Mention("email", "wang@example.cn")


def later(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def profile(record: str, *mentions: Mention, minutes: int = 0, **more: Any) -> Trait:  # noqa: ANN401 - a field's value
    return Trait(source="crm", id=record, at=later(minutes), identifiers=mentions, **more)


def call(record: str, *, minutes: int = 0, by: Mention = PHONE, **more: Any) -> Call:  # noqa: ANN401 - a field's value
    return Call(source="pbx", id=record, at=later(minutes), identifiers=(by,), **more)


class Desk:
    """The house as these sentences use it."""

    def __init__(self, service: Service, tenant: Tenant) -> None:
        self.service, self.tenant = service, tenant

    async def land(self, *facts: AnyFact) -> datetime:
        """Land these facts at once; gives a moment after that."""
        outcome = await self.service.land(self.tenant, [(line, Parsed((one,))) for line, one in enumerate(facts, 1)])
        assert outcome.rejects == ()
        return self.service.now()

    async def served(self, of: Mention) -> Customer:
        found = (await self.service.customers(self.tenant, [normalise(of)]))[0]
        assert found is not None
        return found

    async def explain(self, of: Mention | int) -> wire.Explanation:
        wanted = of if isinstance(of, int) else normalise(of)
        return await evidence.explain(self.service, self.tenant, wanted)

    async def history(self, of: Mention, at: datetime | None = None) -> wire.History:
        return await evidence.history(self.service, self.tenant, normalise(of), at=at)

    async def path(self, one: Mention, other: Mention) -> wire.Path:
        return await evidence.path(self.service, self.tenant, normalise(one), normalise(other))

    async def export(self, of: Mention) -> Any:  # noqa: ANN401 - JSON
        pieces = [piece async for piece in evidence.export(self.service, self.tenant, normalise(of))]
        return json.loads(b"".join(pieces))

    async def limit(self, **limits: Any) -> None:  # noqa: ANN401 - a field's value
        settings = TenantSettings(limits=Limits(**limits))
        self.tenant = await self.service.set_tenant(self.tenant, settings=settings)


@pytest.fixture
def desk(service: Service, tenant: Tenant) -> Desk:
    return Desk(service, tenant)


def values(identifiers: Sequence[wire.NamedIdentifier]) -> set[str]:
    return {one.value for one in identifiers}


def named(*mentions: Mention) -> set[str]:
    return {normalise(one).value for one in mentions}


def happened(history: wire.History) -> list[tuple[str, list[set[str]], list[set[str]]]]:
    """The events, oldest first, by the values of their identifiers."""
    return [
        (
            event.what,
            [values(group.identifiers) for group in event.before],
            [values(group.identifiers) for group in event.after],
        )
        for event in reversed(history.events)
    ]


# ── why it is one ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_is_explained_by_the_records_that_link_its_identifiers(desk: Desk) -> None:
    verified = Mention("phone", "13900000001", verified=True)
    await desk.land(profile("p1", UNIONID, verified), profile("p2", UNIONID, PHONE), profile("p3", UNIONID, EMAIL))
    told = await desk.explain(PHONE)
    assert values([one.identifier for one in told.identifiers]) == named(UNIONID, PHONE, EMAIL)
    assert (told.counts.identifiers, told.counts.pairs, told.counts.links) == (3, 2, 3)
    pair = next(pair for pair in told.links if normalise(PHONE).value in values([pair.one, pair.other]))
    assert [(link.by.source, link.by.kind, link.by.id, link.strength) for link in pair.records] == [
        ("crm", "trait", "p1", "verified"),
        ("crm", "trait", "p2", "stated"),
    ]
    assert pair.records[0].by.at == NOON
    assert pair.records[0].by.came_at is not None
    assert told.asked.value == normalise(PHONE).value


async def test_a_decision_is_told_with_its_author_and_reason(desk: Desk) -> None:
    await desk.land(profile("p1", UNIONID), profile("p2", EMAIL))
    await decide(desk.service, desk.tenant, [UNIONID, EMAIL], author="li", reason="same voice")
    (pair,) = (await desk.explain(UNIONID)).links
    (link,) = pair.records
    assert (link.strength, link.author, link.reason) == ("person", "li", "same voice")


async def test_more_links_of_a_pair_than_are_listed_are_counted(desk: Desk) -> None:
    await desk.land(*(profile(f"p{serial}", UNIONID, PHONE) for serial in range(8)))
    told = await desk.explain(PHONE)
    assert (told.links[0].links, len(told.links[0].records), told.counts.links) == (8, 5, 8)


async def test_a_shared_number_is_told_as_one_with_its_links_suspended(desk: Desk) -> None:
    await desk.limit(neighbours={"phone": 2})
    await desk.land(*(profile(f"p{serial}", Mention("unionid", f"u{serial}"), PHONE) for serial in range(3)))
    told = await desk.explain(PHONE)
    assert [one.hub for one in told.identifiers] == [True]
    assert (told.counts.suspended_pairs, told.links) == (3, [])
    assert {link.suspended for pair in told.suspended for link in pair.records} == {"neighbours"}


async def test_a_placeholder_is_told_to_identify_nobody(desk: Desk) -> None:
    await desk.land(profile("p1", UNIONID, Mention("phone", "13800138000")))
    (pair,) = (await desk.explain(UNIONID)).suspended
    assert (pair.records[0].suspended, pair.records[0].strength) == ("nobody", "nobody")


async def test_what_a_person_keeps_apart_is_told_with_both_sides(desk: Desk) -> None:
    await desk.land(profile("p1", UNIONID, PHONE), profile("p2", EMAIL, PHONE))
    await decide(desk.service, desk.tenant, [UNIONID], apart_from=[EMAIL], author="li", reason="father and son")
    told = await desk.explain(UNIONID)
    (parting,) = told.apart
    assert (values(parting.identifiers), values(parting.apart_from)) == (named(UNIONID), named(EMAIL))
    assert (parting.author, parting.reason, parting.holds) == ("li", "father and son", True)
    assert {link.suspended for pair in told.suspended for link in pair.records} == {"apart"}


async def test_any_number_of_a_customer_explains_it_and_an_unknown_one_is_not_found(desk: Desk) -> None:
    await desk.land(profile("p1", UNIONID, PHONE))
    told = await desk.explain(UNIONID)
    numbers = [one.identifier.number for one in told.identifiers]
    assert {(await desk.explain(number)).id for number in numbers} == {told.id}
    with pytest.raises(NotFound):
        await desk.explain(max(numbers) + 1000)


# ── what stands under a value ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_trait_lists_the_fact_that_is_served_and_those_that_it_beat(desk: Desk) -> None:
    await desk.land(
        profile("p1", UNIONID, PHONE, minutes=1, traits={"name": "王"}),
        profile("p2", EMAIL, UNIONID, minutes=3, traits={"name": "王伟"}),
        profile("p3", PHONE, minutes=2, traits={"name": "小王"}),
    )
    name = (await desk.explain(PHONE)).values.traits["name"]
    assert [(one.value, one.by.id) for one in name.newest] == [("王伟", "p2"), ("小王", "p3"), ("王", "p1")]
    assert name.facts == 3
    assert name.newest[0].value == (await desk.served(PHONE)).trait("name")


async def test_calls_are_counted_exactly_and_the_newest_are_listed(desk: Desk) -> None:
    await desk.land(profile("p", PHONE, OTHER), call("x", by=OTHER, minutes=500, duration=1))
    await desk.land(*(call(str(serial), minutes=serial, duration=serial, rounds=1) for serial in range(30)))
    calls = (await desk.explain(PHONE)).values.calls
    assert (calls.count, len(calls.newest)) == (31, 20)
    assert [one.by.id for one in calls.newest[:2]] == ["x", "29"]
    assert calls.longest is not None
    assert (calls.longest.by.id, calls.longest.duration) == ("29", 29)


async def test_a_mark_is_told_with_what_was_said_of_it_newest_first(desk: Desk) -> None:
    def mark(record: str, minutes: int, **more: Any) -> Mark:  # noqa: ANN401 - a field's value
        return Mark(source="pbx", id=record, at=later(minutes), call="1", type="意向", name="高", **more)

    await desk.land(call("1"), mark("m1", 1, by="check", second=7), mark("m2", 2, deleted=True))
    (found,) = (await desk.explain(PHONE)).values.marks
    assert (found.type, found.name, found.checked, found.deleted, found.calls) == ("意向", "高", True, True, 1)
    assert [(word.by.id, word.said_by, word.deleted) for word in found.newest[0].words] == [
        ("m2", "person", True),
        ("m1", "check", False),
    ]


async def test_activity_origin_follows_records_and_creation_cite_their_facts(desk: Desk) -> None:
    openid = Mention("openid", "o1", "app")
    await desk.land(
        Interaction(source="web", id="i1", at=NOON, identifiers=(openid,), type="view", upstream=UNIONID),
        Interaction(source="web", id="i2", at=later(24 * 60), identifiers=(openid,), type="view"),
        Subscription(source="mp", id="s1", at=NOON, identifiers=(openid,), account="gh"),
        Subscription(source="mp", id="s2", at=later(1), identifiers=(openid,), account="gh", followed=False),
        Record(source="crm", id="r1", at=NOON, identifiers=(openid,), record="r"),
        profile("p1", openid, minutes=5, origin=Origin(channel=2), created_at=later(-5)),
        profile("p0", openid, minutes=-9, origin=Origin(channel=1)),
    )
    told = (await desk.explain(openid)).values
    (view,) = told.activity
    assert (view.side, view.type, view.count, view.days) == ("active", "view", 2, 2)
    assert [one.id for one in view.newest] == ["i2", "i1"]
    assert [(one.by.id, one.value) for one in told.follows[0].newest] == [("s2", False), ("s1", True)]
    assert (told.records[0].record, told.records[0].newest[0].by.id) == ("r", "r1")
    assert told.origin is not None
    assert [one.by.id for one in told.origin.earliest] == ["p0", "p1"]
    assert told.created_at is not None
    assert told.created_at.by is not None
    assert (told.created_at.at, told.created_at.by.id) == ((await desk.served(openid)).created_at, "p1")
    spread = (await desk.explain(UNIONID)).values.activity
    assert [(one.side, one.count, one.newest[0].id) for one in spread] == [("spread", 1, "i1")]


async def test_an_identifier_cites_its_newest_spelling_and_who_verified_it(desk: Desk) -> None:
    spelled = Mention("phone", "+86 139-0000-0001")
    proved = Mention("phone", "13900000001", verified=True)
    await desk.land(profile("p1", UNIONID, proved), call("1", minutes=9, by=spelled))
    told = next(one for one in (await desk.explain(PHONE)).identifiers if one.identifier.kind == "phone")
    assert (told.spelling, told.verified, told.mentions, told.verified_by) == (spelled.value, True, 2, 1)
    assert [(one.by.kind, one.by.id, one.verified) for one in told.newest] == [
        ("call", "1", False),
        ("trait", "p1", True),
    ]


# ── the way between two ───────────────────────────────────────────────────────────────────────────────────────────


async def test_the_way_between_two_of_a_customer_is_the_shortest_with_its_records(desk: Desk) -> None:
    await desk.land(
        profile("a", PHONE, UNIONID),
        profile("b", UNIONID, EMAIL),
        profile("c", EMAIL, OTHER),
        profile("d", UNIONID, OTHER),
    )
    way = await desk.path(PHONE, OTHER)
    assert way.one_customer
    assert [(step.one.kind, step.other.kind, step.records[0].by.id) for step in way.steps] == [
        ("phone", "unionid", "a"),
        ("unionid", "phone", "d"),
    ]


async def test_the_way_between_two_customers_names_the_suspended_links(desk: Desk) -> None:
    await desk.limit(neighbours={"phone": 2})
    people = [Mention("unionid", f"u{serial}") for serial in range(3)]
    await desk.land(*(profile(f"p{serial}", one, PHONE) for serial, one in enumerate(people)))
    await desk.land(profile("e", people[0], EMAIL))
    way = await desk.path(EMAIL, people[2])
    assert not way.one_customer
    assert [(step.other.value, step.stands) for step in way.steps] == [
        ("u0", True),
        (normalise(PHONE).value, False),
        ("u2", False),
    ]
    assert way.steps[1].records[0].suspended == "neighbours"
    assert way.complete


async def test_a_parting_that_stands_between_two_customers_is_named(desk: Desk) -> None:
    await desk.land(profile("p1", UNIONID, PHONE), profile("p2", EMAIL, PHONE))
    await decide(desk.service, desk.tenant, [UNIONID], apart_from=[EMAIL], author="li", reason="two people")
    way = await desk.path(UNIONID, EMAIL)
    assert (way.one_customer, [one.reason for one in way.apart]) == (False, ["two people"])
    assert [step.stands for step in way.steps].count(False) == 1


async def test_strangers_have_no_way_and_the_unknown_are_null(desk: Desk) -> None:
    await desk.land(profile("p1", UNIONID), profile("p2", EMAIL))
    way = await desk.path(UNIONID, EMAIL)
    assert (way.one_customer, way.steps, way.apart, way.complete) == (False, [], [], True)
    unknown = await desk.path(UNIONID, OTHER)
    assert (unknown.other, unknown.one_customer) == (None, False)


# ── what it was ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_join_and_parting_is_told_with_what_was_before(desk: Desk) -> None:
    await desk.land(profile("a", UNIONID, PHONE))
    await desk.land(profile("b", EMAIL))
    decision = await decide(desk.service, desk.tenant, [UNIONID, EMAIL], author="li", reason="same")
    await desk.land(profile("c", EMAIL, OTHER))
    await withdraw(desk.service, desk.tenant, decision, [UNIONID, EMAIL], author="wu")
    history = await desk.history(UNIONID)
    ours, theirs = named(UNIONID, PHONE), named(EMAIL, OTHER)
    assert happened(history) == [
        ("began", [], [ours]),
        ("joined", [ours, named(EMAIL)], [ours | named(EMAIL)]),
        ("grew", [ours | named(EMAIL)], [ours | theirs]),
        ("parted", [ours | theirs], [ours, theirs]),
    ]
    assert history.complete
    parted, joined = history.events[0], history.events[2]
    assert [(link.author, link.reason) for link in joined.came] == [("li", "same")]
    assert [link.author for link in parted.gone] == ["wu"]


async def test_on_a_past_day_a_customer_was_what_was_known_then(desk: Desk) -> None:
    before = await desk.land(profile("x", Mention("unionid", "elsewhere")))
    first = await desk.land(profile("a", UNIONID, PHONE))
    second = await desk.land(profile("b", EMAIL, UNIONID))
    third = await desk.land(profile("b", EMAIL, updated_at=later(9)))
    for moment, then in (
        (first, named(UNIONID, PHONE)),
        (second, named(UNIONID, PHONE, EMAIL)),
        (third, named(UNIONID, PHONE)),
    ):
        told = (await desk.history(UNIONID, moment)).then
        assert told is not None
        assert told.customer is not None
        assert values(told.customer.identifiers) == then
    told = (await desk.history(UNIONID, before)).then
    assert told is not None
    assert told.customer is None


async def test_a_record_corrected_to_another_number_moves_at_one_moment(desk: Desk) -> None:
    await desk.land(call("1"), call("2", by=OTHER))
    await desk.land(profile("a", UNIONID, PHONE))
    await desk.land(profile("a", UNIONID, OTHER, updated_at=later(5)))
    events = happened(await desk.history(UNIONID))
    assert sorted(events[-2:], reverse=True) == [
        ("parted", [named(UNIONID, PHONE)], [named(PHONE), named(UNIONID, OTHER)]),
        ("joined", [named(UNIONID, PHONE), named(OTHER)], [named(UNIONID, OTHER)]),
    ]
    assert len({event.at for event in (await desk.history(UNIONID)).events[:2]}) == 1


async def test_a_number_that_became_shared_was_not_so_before(desk: Desk) -> None:
    await desk.limit(neighbours={"phone": 2})
    people = [Mention("unionid", f"u{serial}") for serial in range(3)]
    two = await desk.land(*(profile(one.value, one, PHONE) for one in people[:2]))
    three = await desk.land(profile("u2", people[2], PHONE))
    for moment, then in ((two, named(PHONE, *people[:2])), (three, {"u0"})):
        told = (await desk.history(people[0], moment)).then
        assert told is not None
        assert told.customer is not None
        assert values(told.customer.identifiers) == then
    assert happened(await desk.history(people[0]))[-1][0] == "parted"


async def test_a_cut_is_not_known_before_it_was_made(desk: Desk) -> None:
    await desk.land(profile("a", UNIONID, PHONE, minutes=0))
    before = await desk.land(profile("b", EMAIL, PHONE, minutes=100))
    await desk.service.cut(desk.tenant, PHONE, later(50))
    then = (await desk.history(UNIONID, before)).then
    now = (await desk.history(UNIONID, desk.service.now())).then
    assert then is not None
    assert now is not None
    assert then.customer is not None
    assert now.customer is not None
    assert values(then.customer.identifiers) == named(UNIONID, PHONE, EMAIL)
    assert values(now.customer.identifiers) == named(UNIONID, PHONE)


@pytest.mark.parametrize("seed", range(3))
async def test_at_every_moment_the_replay_is_what_was_served_then(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - an example
    await desk.limit(neighbours={"*": 3}, identifiers={"phone": 2}, customer_size=6)
    phones = [Mention("phone", f"1390000000{serial}") for serial in range(4)]
    people = [Mention("unionid", f"u{serial}", verified=serial % 2 == 0) for serial in range(4)]
    everybody = [*phones, *people]
    await desk.land(*(profile(one.value, one, minutes=500) for one in everybody))
    moments: list[tuple[datetime, set[frozenset[str]]]] = []
    decisions: list[tuple[str, list[Mention]]] = []
    for step in range(24):
        await one_step(desk, chance, step, everybody, decisions)
        moments.append((desk.service.now(), {await group_of(desk, one) for one in everybody}))
    for moment, groups in moments:
        told = {await group_then(desk, one, moment) for one in everybody}
        assert told == groups


async def one_step(
    desk: Desk, chance: random.Random, step: int, everybody: list[Mention], decisions: list[tuple[str, list[Mention]]]
) -> None:
    """A record that comes or is corrected, a decision, one taken back, or a number that changes hands."""
    some = chance.sample(everybody, 3)
    turn = chance.random()
    if turn < 0.7:
        record = str(chance.randrange(9))
        mentions = some[: chance.randint(1, 3)]
        await desk.land(profile(record, *mentions, minutes=chance.randrange(9), updated_at=later(step)))
    elif turn < 0.85 or not decisions:
        apart = some[1:2] if chance.random() < 0.5 else []
        made = await decide(
            desk.service, desk.tenant, some[:2] if not apart else some[:1], apart_from=apart, author="li", reason=""
        )
        decisions.append((made, some[:1]))
    elif turn < 0.95:
        made, of = decisions.pop()
        await withdraw(desk.service, desk.tenant, made, of, author="wu")
    else:
        await desk.service.cut(desk.tenant, some[0], later(chance.randrange(9)))


async def group_of(desk: Desk, one: Mention) -> frozenset[str]:
    return frozenset(identity.identifier.value for identity in (await desk.served(one)).identities)


async def group_then(desk: Desk, one: Mention, moment: datetime) -> frozenset[str]:
    then = (await desk.history(one, moment)).then
    assert then is not None
    assert then.customer is not None
    return frozenset(values(then.customer.identifiers))


def test_a_day_means_its_end_in_the_tenants_zone(tenant: Tenant) -> None:
    assert evidence.moment(tenant, "2026-05-01") == datetime(2026, 5, 1, 15, 59, 59, 999999, tzinfo=UTC)
    assert evidence.moment(tenant, "2026-05-01T08:00:00") == datetime(2026, 5, 1, tzinfo=UTC)
    for nonsense in ("tomorrow", "2026-13-01", "9999-12-31", ""):
        with pytest.raises(InputInvalid):
            evidence.moment(tenant, nonsense)


# ── export ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_export_holds_every_fact_as_it_was_said_superseded_ones_too(desk: Desk) -> None:
    await desk.land(
        call("1", duration=60),
        Transcript(source="pbx", id="t1", at=NOON, call="1", utterances=(Utterance("你好"),)),
        Mark(source="pbx", id="m1", at=NOON, call="1", type="意向", name="高"),
        profile("a", UNIONID, PHONE, traits={"name": "王"}),
    )
    await desk.land(profile("a", UNIONID, PHONE, traits={"name": "王伟"}, updated_at=later(1)))
    await decide(desk.service, desk.tenant, [UNIONID, EMAIL], author="li", reason="same voice")
    told = await desk.export(PHONE)
    assert {(fact["kind"], fact["id"], fact["current"]) for fact in told["facts"] if fact["kind"] != "link"} == {
        ("call", "1", True),
        ("transcript", "t1", True),
        ("mark", "m1", True),
        ("trait", "a", True),
        ("trait", "a", False),
    }
    assert [one["said"]["reason"] for one in told["decisions"]] == ["same voice"]
    assert {one["value"] for one in told["identifiers"]} == named(UNIONID, PHONE, EMAIL)
    assert told["customer"]["traits"]["name"]["value"] == "王伟"
    assert any(fact["said"].get("utterances") for fact in told["facts"])
    # A link is told once, and its superseded revision beside it.
    assert sorted(link["gone_at"] is None for link in told["links"]) == [False, True, True]


async def test_an_export_leaves_out_what_identifies_somebody_else(desk: Desk) -> None:
    await desk.limit(neighbours={"phone": 2})
    upstream = Mention("unionid", "somebody-else")
    await desk.land(
        Interaction(source="web", id="i1", at=NOON, identifiers=(UNIONID,), type="view", upstream=upstream),
        *(profile(f"p{serial}", Mention("unionid", f"stranger-{serial}"), PHONE) for serial in range(3)),
        profile("mine", UNIONID, PHONE),
    )
    await decide(desk.service, desk.tenant, [UNIONID], apart_from=[EMAIL], author="li", reason="two people")
    text = json.dumps(await desk.export(UNIONID), ensure_ascii=False)
    assert "u1" in text
    for others in ("somebody-else", "stranger", PHONE.value, EMAIL.value):
        assert others not in text


async def test_an_export_of_nobody_is_refused_before_its_first_byte(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await anext(evidence.export(desk.service, desk.tenant, Identifier("unionid", "nobody")))

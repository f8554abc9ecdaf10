"""What a person decides, a sentence each: join, part, keep apart, take back, cut; and the queue that waits for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from huaxiang.errors import InputInvalid, InputMissing, InputTooLarge, NotFound
from huaxiang.model import (
    AnyFact,
    Call,
    Customer,
    Identifier,
    Limits,
    Link,
    Mention,
    Parsed,
    PortraitPage,
    Tenant,
    TenantSettings,
    Trait,
)
from huaxiang.service import Service
from huaxiang.steward import decisions, review
from huaxiang.steward.names import meant, name_of

NOON = datetime(2021, 3, 1, 4, tzinfo=UTC)
A, B, C, D = (Mention("unionid", f"u{letter}") for letter in "abcd")
PHONE = Mention("phone", "13900000001")
WORDS: dict[str, str] = {"author": "wang", "reason": "heard both voices"}


def later(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def profile(record: str, *mentions: Mention, minutes: int = 0, **more: Any) -> Trait:  # noqa: ANN401 - a field's value
    return Trait(source="crm", id=record, at=later(minutes), identifiers=mentions, **more)


def call(record: str, *, minutes: int = 0, by: Mention = PHONE, **more: Any) -> Call:  # noqa: ANN401 - a field's value
    return Call(source="pbx", id=record, at=later(minutes), identifiers=(by,), **more)


class Desk:
    """The house as these sentences use it: a tenant, and one who decides."""

    def __init__(self, service: Service, tenant: Tenant) -> None:
        self.service, self.tenant = service, tenant

    async def land(self, *facts: AnyFact) -> None:
        outcome = await self.service.land(self.tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)])
        assert outcome.rejects == ()

    async def join(self, *ids: str) -> decisions.Decided:
        return await decisions.join(self.service, self.tenant, ids, **WORDS)

    async def part(self, *ids: str) -> decisions.Decided:
        return await decisions.part(self.service, self.tenant, ids, **WORDS)

    async def apart(self, *ids: str) -> decisions.Decided:
        return await decisions.keep_apart(self.service, self.tenant, ids, **WORDS)

    async def undo(self, decided: decisions.Decided) -> decisions.Decided:
        return await decisions.undo(self.service, self.tenant, decided.id, author="li", reason="a slip")

    async def cut(self, identifier: str, at: datetime) -> decisions.Cut:
        return await decisions.cut(self.service, self.tenant, identifier, at, **WORDS)

    async def listed(self) -> list[decisions.Decision]:
        return await decisions.decisions(self.service, self.tenant)

    async def set_limits(self, **limits: Any) -> None:  # noqa: ANN401 - a field's value
        settings = TenantSettings(limits=Limits(**limits))
        self.tenant = await self.service.set_tenant(self.tenant, settings=settings)

    async def waiting(self) -> dict[str, review.Group]:
        return {group.reason: group for group in await review.review(self.service, self.tenant)}

    async def find(self, name: str) -> Customer:
        found = (await self.service.customers(self.tenant, [meant(name)]))[0]
        assert found is not None
        return found

    async def groups(self, *names: str) -> list[set[str]]:
        """Who is with whom of these identifiers."""
        together: dict[int, set[str]] = {}
        for name in names:
            together.setdefault((await self.find(name)).id, set()).add(name)
        return sorted(together.values(), key=min)

    async def page(self) -> PortraitPage:
        return await self.service.portraits(self.tenant, numbers=None, labels=(), offset=0, limit=10)


@pytest.fixture
def desk(service: Service, tenant: Tenant) -> Desk:
    return Desk(service, tenant)


# ── what identifiers are called ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("phone:139 0000 0001", Identifier("phone", "+8613900000001")),
        ("email:A@example.cn", Identifier("email", "a@example.cn")),
        ("openid:o-1@wx-1", Identifier("openid", "o-1", "wx-1")),
        ("third_id:a@b@", Identifier("third_id", "a@b")),
        ("unionid:a@b", Identifier("unionid", "a@b")),
        ("crm_id:x:y@telrobot", Identifier("crm_id", "x:y", "telrobot")),
    ],
)
def test_a_name_means_an_identifier_and_is_told_so_again(text: str, identifier: Identifier) -> None:
    assert meant(text) == identifier
    assert meant(name_of(identifier)) == identifier


@pytest.mark.parametrize("text", ["", "0", "-1", "9223372036854775808", "phone:", ":1", "Phone:1", "nobody", "a:\0"])
def test_what_is_no_name_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        meant(text)
    assert refused.value.field == "id"
    assert not text or text not in refused.value.reason


# ── join ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_join_leads_the_younger_id_to_the_older_and_its_undoing_gives_both_back(desk: Desk) -> None:
    await desk.land(profile("a", A), profile("b", B))
    older, younger = await desk.find("unionid:ua"), await desk.find("unionid:ub")
    joined = await desk.join(str(younger.id), "unionid:ua")
    assert (joined.customers, joined.waits) == ((older.id,), ())
    assert (await desk.find(str(younger.id))).id == older.id
    undone = await desk.undo(joined)
    assert undone.customers == (older.id, younger.id)
    assert (await desk.find("unionid:ua"), await desk.find("unionid:ub")) == (older, younger)


async def test_decisions_are_listed_with_their_author_and_reason_and_by_whom_they_were_undone(desk: Desk) -> None:
    await desk.land(profile("a", A, B), profile("c", C))
    parted, joined = await desk.part("unionid:ua"), await desk.join("unionid:ub", "unionid:uc")
    await desk.undo(parted)
    undone, stands = await desk.listed()
    assert (stands.id, stands.what, stands.undone) == (joined.id, "join", None)
    assert (undone.id, undone.what, undone.author, undone.reason) == (parted.id, "part", *WORDS.values())
    assert (undone.identifiers, undone.apart_from) == (("unionid:ua",), ("unionid:ub",))
    assert undone.undone is not None
    assert (undone.undone.author, undone.undone.reason) == ("li", "a slip")


async def test_a_decision_is_undone_once_and_only_if_there_is_one(desk: Desk) -> None:
    await desk.land(profile("a", A), profile("b", B))
    joined = await desk.join("unionid:ua", "unionid:ub")
    await desk.undo(joined)
    with pytest.raises(InputInvalid):
        await desk.undo(joined)
    with pytest.raises(NotFound):
        await desk.undo(decisions.Decided("nothing", ()))


async def test_a_decision_that_came_as_a_fact_can_be_undone_too(desk: Desk) -> None:
    await desk.land(profile("a", A), profile("b", B))
    await desk.land(Link(source="console", id="7", updated_at=later(9), identifiers=(A, B), author="me", reason="x"))
    assert await desk.groups("unionid:ua", "unionid:ub") == [{"unionid:ua", "unionid:ub"}]
    await desk.undo(decisions.Decided("7", ()))
    assert await desk.groups("unionid:ua", "unionid:ub") == [{"unionid:ua"}, {"unionid:ub"}]


async def test_a_decision_needs_two_ends_that_somebody_mentioned_and_an_author_and_a_reason(desk: Desk) -> None:
    await desk.land(profile("a", A), profile("b", B))
    with pytest.raises(InputMissing):
        await desk.join("unionid:ua", " unionid:ua ".strip())
    with pytest.raises(NotFound):
        await desk.join("unionid:ua", "unionid:nobody")
    with pytest.raises(NotFound):
        await desk.join("unionid:ua", "999")
    for words in ({"author": " ", "reason": "x"}, {"author": "x", "reason": ""}):
        with pytest.raises(InputMissing):
            await decisions.join(desk.service, desk.tenant, ["unionid:ua", "unionid:ub"], **words)
    assert await desk.listed() == []


async def test_a_join_past_a_limit_is_kept_and_says_why_it_waits(desk: Desk) -> None:
    await desk.set_limits(identifiers={"unionid": 1})
    await desk.land(profile("a", A), profile("b", B))
    joined = await desk.join("unionid:ua", "unionid:ub")
    assert (len(joined.customers), joined.waits) == (2, ("limit",))
    await desk.set_limits()
    assert await desk.groups("unionid:ua", "unionid:ub") == [{"unionid:ua", "unionid:ub"}]


# ── part and keep apart ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_part_parts_even_where_several_links_connect_the_sides(desk: Desk) -> None:
    await desk.land(profile("1", A, B), profile("2", A, C), profile("3", B, C), profile("4", D, A), profile("5", D, C))
    parted = await desk.part("unionid:ua", "unionid:ud")
    assert len(parted.customers) == 2
    names = ("unionid:ua", "unionid:ub", "unionid:uc", "unionid:ud")
    assert await desk.groups(*names) == [{"unionid:ua", "unionid:ud"}, {"unionid:ub", "unionid:uc"}]
    await desk.undo(parted)
    assert await desk.groups(*names) == [set(names)]


async def test_later_records_of_known_identifiers_stay_on_their_side_and_new_ones_follow(desk: Desk) -> None:
    await desk.land(profile("1", A, B))
    await desk.part("unionid:ua")
    await desk.land(profile("2", A, B, minutes=1), profile("3", B, C, minutes=2), profile("4", C, A, minutes=3))
    await desk.land(Link(source="crm", id="5", at=later(4), identifiers=(A, B)))
    assert await desk.groups("unionid:ua", "unionid:ub", "unionid:uc") == [{"unionid:ua"}, {"unionid:ub", "unionid:uc"}]


async def test_a_join_after_a_part_takes_it_back_and_undone_it_stands_again(desk: Desk) -> None:
    await desk.land(profile("1", A, B, C))
    await desk.part("unionid:ua")
    await desk.land(profile("2", A, D), profile("3", B, D, minutes=1))
    # D came after the parting, which does not know it; the join names whom the parting names.
    joined = await desk.join("unionid:ud", "unionid:uc")
    names = ("unionid:ua", "unionid:ub", "unionid:uc", "unionid:ud")
    assert (len(joined.customers), await desk.groups(*names)) == (1, [set(names)])
    await desk.undo(joined)
    assert await desk.groups(*names) == [{"unionid:ua", "unionid:ud"}, {"unionid:ub", "unionid:uc"}]


async def test_two_customers_kept_apart_stay_so_whichever_of_their_identifiers_a_source_links(desk: Desk) -> None:
    await desk.land(profile("1", A, B), profile("2", C, D))
    await desk.apart("unionid:ua", "unionid:uc")
    await desk.land(profile("3", B, D, minutes=1), profile("4", A, D, minutes=2))
    names = ("unionid:ua", "unionid:ub", "unionid:uc", "unionid:ud")
    assert await desk.groups(*names) == [{"unionid:ua", "unionid:ub"}, {"unionid:uc", "unionid:ud"}]
    (pair, _) = (await desk.waiting())["apart"].pairs
    assert (pair.records, pair.cited[0].source) == (1, "crm")


async def test_what_can_not_be_parted_or_kept_apart_is_refused(desk: Desk) -> None:
    await desk.land(profile("1", A, B), profile("2", C))
    for deciding in (desk.part("unionid:ua", "unionid:ub"), desk.part("unionid:ua", "unionid:uc")):
        with pytest.raises(InputInvalid):
            await deciding
    with pytest.raises(InputInvalid):
        await desk.apart("unionid:ua", "unionid:ub")
    with pytest.raises(InputMissing):
        await desk.apart("unionid:ua")


async def test_a_part_of_two_sides_too_large_for_a_fact_is_refused(desk: Desk) -> None:
    many = [Mention("unionid", f"n{number}") for number in range(66)]
    await desk.set_limits(neighbours={}, identifiers={})
    await desk.land(*[profile(str(place), one, two) for place, (one, two) in enumerate(pairwise(many))])
    with pytest.raises(InputTooLarge):
        await desk.part(*[f"unionid:n{number}" for number in range(33)])
    parted = await desk.part(*[f"unionid:n{number}" for number in range(34)])
    assert len(parted.customers) == 2


async def test_decisions_survive_a_rebuild(desk: Desk) -> None:
    await desk.land(profile("1", A, B), profile("2", C), profile("3", D))
    await desk.part("unionid:ua")
    await desk.join("unionid:ua", "unionid:uc")
    await desk.undo(await desk.join("unionid:uc", "unionid:ud"))
    names = ("unionid:ua", "unionid:ub", "unionid:uc", "unionid:ud")
    before = [await desk.find(name) for name in names], await desk.listed()
    async for _ in desk.service.rebuild(desk.tenant):
        pass
    assert ([await desk.find(name) for name in names], await desk.listed()) == before


# ── change of hands ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_number_that_changed_hands_is_one_row_of_portraits_its_holder_of_now(desk: Desk) -> None:
    await desk.land(call("1", duration=1), call("9", minutes=9, duration=9), profile("p", PHONE, A))
    told = await desk.cut("phone:13900000001", later(5))
    assert told.customer == (await desk.find("phone:13900000001")).id
    page = await desk.page()
    assert (page.total, [row.calls.duration_sum for row in page.rows]) == (1, [9])
    await desk.land(call("2", minutes=2, duration=2), call("8", minutes=8, duration=8))
    assert [row.calls.duration_sum for row in (await desk.page()).rows] == [17]
    assert (await desk.find("unionid:ua")).summary.calls.duration_sum == 3


async def test_a_page_by_customer_calls_nobody_by_a_number_that_another_holds_now(desk: Desk) -> None:
    other = Mention("phone", "13900000002")
    await desk.land(call("1", duration=1), call("9", minutes=9, duration=9), profile("p", PHONE, A, other))
    await desk.land(call("0", minutes=-9, by=other, duration=4), profile("q", B), call("x", by=Mention("phone", "7")))
    await desk.cut("phone:13900000001", later(5))
    settings = TenantSettings(portrait_scope="customer")
    desk.tenant = await desk.service.set_tenant(desk.tenant, settings=settings)
    page = await desk.page()
    assert (page.total, [(row.number, row.calls.duration_sum) for row in page.rows]) == (
        3,
        [("7", 0), ("13900000002", 5), ("13900000001", 9)],
    )
    await desk.part("phone:13900000002")
    assert [(row.number, row.calls.duration_sum) for row in (await desk.page()).rows] == [
        ("7", 0),
        ("13900000002", 4),
        ("13900000001", 9),
    ]


async def test_another_cut_leaves_the_ids_of_the_other_holders_as_they_are(desk: Desk) -> None:
    await desk.land(*[call(str(minute), minutes=minute) for minute in (1, 4, 8)])
    await desk.cut("phone:13900000001", later(6))
    now = await desk.find("phone:13900000001")
    await desk.cut("phone:13900000001", later(3))
    assert await desk.find("phone:13900000001") == now
    assert [ref.label for ref in now.summary.call_refs] == ["-8"]


async def test_a_former_holder_is_decided_on_by_number(desk: Desk) -> None:
    await desk.land(call("1"), call("9", minutes=9), profile("p", PHONE, A), profile("b", B))
    await desk.cut("phone:13900000001", later(5))
    former = await desk.find("unionid:ua")
    (number,) = (one.number for one in former.of_kind("phone"))
    await desk.part(str(number))
    assert (await desk.find("unionid:ua")).of_kind("phone") == []
    await desk.join(str(number), "unionid:ub")
    assert (await desk.find("unionid:ub")).summary.calls.count == 1
    assert (await desk.find("phone:13900000001")).summary.calls.count == 1
    # Two holders joined by their numbers are one again, whatever the cut says.
    current = await desk.find("phone:13900000001")
    joined = await desk.join(str(number), str(current.id))
    assert (len(joined.customers), (await desk.find("unionid:ub")).summary.calls.count) == (1, 2)
    before = await desk.find("unionid:ub")
    async for _ in desk.service.rebuild(desk.tenant):
        pass
    assert await desk.find("unionid:ub") == before


async def test_cuts_are_listed_with_who_says_so_and_without_a_zone_they_are_in_the_tenants(desk: Desk) -> None:
    await desk.cut("phone:13900000001", datetime(2021, 3, 1, 12))  # noqa: DTZ001 - the tenant's zone is meant
    (cut,) = await decisions.cuts(desk.service, desk.tenant)
    assert (cut.identifier, cut.at, cut.author, cut.customer) == ("phone:+8613900000001", NOON, "wang", None)
    for identifier, at in (("7", NOON), ("phone:13900000001", datetime(1800, 1, 1, tzinfo=UTC))):
        with pytest.raises(InputInvalid):
            await desk.cut(identifier, at)


# ── review ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_suspended_links_wait_by_reason_with_their_records(desk: Desk) -> None:
    await desk.set_limits(identifiers={"unionid": 1}, neighbours={"phone": 2})
    await desk.land(profile("1", A, B), profile("2", B, A), profile("3", A, PHONE, minutes=1))
    waiting = await desk.waiting()
    (pair,) = waiting["limit"].pairs
    assert {pair.one, pair.other} == {"unionid:ua", "unionid:ub"}
    assert (pair.records, {one.id for one in pair.cited}, waiting["limit"].links) == (2, {"1", "2"}, 2)
    await desk.land(profile("4", B, PHONE), profile("5", C, PHONE))
    hub = (await desk.waiting())["neighbours"]
    (crowded,) = hub.identifiers
    assert (crowded.id, crowded.neighbours, crowded.records, hub.links) == ("phone:+8613900000001", 3, 3, 3)


async def test_a_pair_answered_by_keeping_it_apart_waits_for_that_reason_and_one_joined_waits_no_more(
    desk: Desk,
) -> None:
    await desk.set_limits(identifiers={"unionid": 2})
    await desk.land(profile("1", A, B), profile("2", C, D, minutes=1), profile("3", A, C, minutes=2))
    assert list(await desk.waiting()) == ["limit"]
    apart = await desk.apart("unionid:ua", "unionid:uc")
    assert list(await desk.waiting()) == ["apart"]
    await desk.undo(apart)
    await desk.set_limits()
    assert await desk.waiting() == {}


async def test_lines_of_the_tenants_own_stand_at_the_head_of_the_frequent(desk: Desk) -> None:
    people = [Mention("unionid", f"n{number}") for number in range(9)]
    await desk.land(*[profile(f"p{place}", one, PHONE) for place, one in enumerate(people)], profile("x", A, B))
    (line,) = await review.frequent(desk.service, desk.tenant)
    assert (line.id, line.of, line.neighbours, line.hub) == ("phone:+8613900000001", "unionid", 9, True)
    assert await review.frequent(desk.service, desk.tenant, kind="email") == []
    settings = msgspec.structs.replace(desk.tenant.settings, blocked=("13900000001",))
    desk.tenant = await desk.service.set_tenant(desk.tenant, settings=settings)
    assert await review.frequent(desk.service, desk.tenant) == []

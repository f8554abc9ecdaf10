"""What a fact may hold: every value that comes back as it was, and every one that is refused by its field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from desk import (
    NOON,
    NUMBER,
    PHONE,
    SOMEBODY,
    UNIONID,
    Desk,
    call,
    event,
    profile,
)

from huaxiang.model import (
    AnyFact,
    Call,
    Identifier,
    Interaction,
    Link,
    Mark,
    Mention,
    Origin,
    Parsed,
    Trait,
)

# ── traits and values ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_null_says_that_the_customer_has_none_any_more(desk: Desk) -> None:
    await desk.land(profile("a", SOMEBODY, traits={"name": "张", "city": "北京"}))
    await desk.land(profile("b", SOMEBODY, minutes=1, traits={"name": None}))
    customer = await desk.find(UNIONID)
    assert (customer.trait("name"), customer.trait("city")) == (None, "北京")


VALUES: dict[str, Any] = {
    "nested": {"b": [1, {"a": None}], "": ""},
    "large": 123456789012345678901234567890,
    "small": -1,
    "float": 2.5,
    "huge": 10**300,
    "tiny": 1e-300,
    "text": "画像 𠀀 \u2028 \\u0000",
    " identity": "a trait like any other",
    "n" * 128: True,
    "名" * 128: False,
}


async def test_every_value_that_json_can_say_comes_back_as_it_was(desk: Desk) -> None:
    outcome = await desk.land(profile("a", SOMEBODY, traits=VALUES, details=VALUES))
    assert outcome.rejects == ()
    customer = await desk.find(UNIONID)
    assert {name: customer.trait(name) for name in VALUES} == VALUES
    assert [one.about for one in customer.identities] == [{}]


async def test_the_largest_names_that_the_model_allows_can_be_kept(desk: Desk) -> None:
    wide = "𠀀"
    outcome = await desk.land(
        Interaction(source=wide * 128, enterprise=wide * 128, id=wide * 256, at=NOON, identifiers=(
            Mention("third_id", wide * 256, scope=wide * 128), PHONE), type=wide * 128, account=wide * 128),
        Call(source=wide * 128, enterprise=wide * 128, id=wide * 256, at=NOON,
             identifiers=(Mention("third_id", wide * 256, scope=wide * 128),)),
        Mark(source=wide * 128, enterprise=wide * 128, id=wide * 256, at=NOON, call=wide * 256, type=wide * 128,
             name=wide * 128),
    )  # fmt: skip
    assert outcome.rejects == ()
    assert len((await desk.find()).summary.marks) == 1
    assert (await desk.page(wide * 128)).total == 1


async def test_a_fact_without_a_time_is_given_one_and_a_rebuild_keeps_it(desk: Desk) -> None:
    untimed = Trait(source="crm", identifiers=(SOMEBODY,), traits={"name": "张"})
    await desk.land(untimed, untimed)
    given = await desk.find(UNIONID)
    assert (await desk.service.counts(desk.tenant))["records"] == 2
    async for _ in desk.service.rebuild(desk.tenant):
        pass
    assert await desk.find(UNIONID) == given


async def test_a_timed_fact_without_an_id_is_one_however_often_it_comes(desk: Desk) -> None:
    nameless = msgspec.structs.replace(call("1", duration=5), id=None)
    await desk.land(nameless, nameless)
    assert (await desk.land(nameless)).known == 1
    assert (await desk.find()).summary.calls.count == 1


async def test_a_fact_keyed_by_its_record_keeps_the_time_of_its_first_arrival(desk: Desk) -> None:
    untimed = Trait(source="crm", id="1", identifiers=(SOMEBODY,), traits={"name": "张"})
    await desk.land(untimed)
    first = (await desk.find(UNIONID)).summary.traits["name"].order.at
    await desk.land(msgspec.structs.replace(untimed, traits={"name": "李"}, updated_at=NOON))
    said = (await desk.find(UNIONID)).summary.traits["name"]
    assert (said.order.at, said.value) == (first, "李")


REFUSED: list[tuple[AnyFact, str]] = [
    (profile("a", SOMEBODY, traits={"name": "\0"}), "traits"),
    (profile("a\0", SOMEBODY), "id"),
    (profile("a", Mention("unionid", "u\0")), "identifiers"),
    (profile("a", SOMEBODY, traits={"n" * 129: 1}), "traits"),
    (profile("a", SOMEBODY, minutes=60 * 24 * 365 * 500), "at"),
    (profile("a", SOMEBODY, updated_at=datetime(1899, 12, 31, tzinfo=UTC)), "updated_at"),
    (profile("a", SOMEBODY, created_at=datetime(2200, 1, 1, tzinfo=UTC)), "created_at"),
    (profile("a"), "identifiers"),
    (profile("a", Mention("email", "nobody")), "identifiers"),
    (event("a", SOMEBODY, upstream=Mention("email", "nobody")), "upstream"),
    (profile("a", SOMEBODY, origin=Origin(upstream=Mention("email", "nobody"))), "origin.upstream"),
    (call("1", duration=-1), "duration"),
    (Link(source="crm", id="1", identifiers=(SOMEBODY,)), "identifiers"),
    (profile("a", SOMEBODY, details={"text": "x" * 9_000_000}), ""),
]


@pytest.mark.parametrize(("fact", "field"), REFUSED)
async def test_a_fact_that_can_not_be_kept_is_refused_by_its_field_and_the_next_one_lands(
    desk: Desk, fact: AnyFact, field: str
) -> None:
    outcome = await desk.land(fact, profile("good", SOMEBODY, traits={"name": "张"}))
    assert [(reject.line, reject.field) for reject in outcome.rejects] == [(1, field)]
    assert outcome.landed == 1
    assert (await desk.find(UNIONID)).trait("name") == "张"


async def test_of_a_record_of_many_facts_all_land_or_none(desk: Desk) -> None:
    records = [(7, Parsed((profile("a", SOMEBODY), profile("b"))))]
    outcome = await desk.service.land(desk.tenant, records)
    assert [reject.line for reject in outcome.rejects] == [7]
    assert await desk.ask(UNIONID) is None


async def test_an_unknown_identifier_or_number_is_nobody(desk: Desk) -> None:
    wanted = [NUMBER, Identifier("unionid", "\0"), Identifier("unionid", "\ud800"), 7, 0, -1, 2**63, -(2**64)]
    assert await desk.service.customers(desk.tenant, wanted) == [None] * len(wanted)


async def test_another_tenant_sees_nothing_of_it(desk: Desk) -> None:
    await desk.land(profile("p", SOMEBODY))
    ours = await desk.find(UNIONID)
    other = await desk.service.create_tenant("other")
    assert await desk.service.customers(other, [UNIONID, ours.id]) == [None, None]
    await desk.service.land(other, [(1, Parsed((profile("p", SOMEBODY, traits={"name": "李"}),)))])
    assert await desk.find(UNIONID) == ours

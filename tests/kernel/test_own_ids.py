"""Ids that houses give to customers themselves: a slot for each tenant, its own no identifier, another's a name."""

from __future__ import annotations

import pytest
from desk import NOON, SOMEBODY, Desk

from huaxiang.identifiers import slot_of
from huaxiang.model import OWN_IDS, SLOT_IDS, Identifier, Interaction, Mention, Origin, Trait
from huaxiang.service import Service

PLACEHOLDER = Mention("phone", "13800138000")
NOBODY = Identifier("phone", "+8613800138000")


def trait(record: str, *mentions: Mention, **more: object) -> Trait:
    return Trait(source="x", id=record, at=NOON, identifiers=mentions, **more)  # type: ignore[arg-type] (fields of a trait)


def audience(number: int) -> Mention:
    return Mention("audience_id", str(number))


async def test_new_tenants_have_slots_apart_from_each_other_and_from_those_of_old(service: Service) -> None:
    tenants = [await service.create_tenant(f"slot-{number}") for number in range(5)]
    assert len({one.slot for one in tenants}) == 5
    for one in tenants:
        assert one.slot == slot_of(one.key) > 0
        assert one.own_ids.start == OWN_IDS + one.slot * SLOT_IDS
        assert one.own_ids.stop < 2**63
        assert (await service.tenant(one.name)).slot == one.slot


async def test_a_tenants_own_id_is_no_identifier_of_its_customers(desk: Desk) -> None:
    own = audience(desk.tenant.own_ids.start + 7)
    taken = await desk.land(trait("1", SOMEBODY, own, origin=Origin(channel=1, upstream=own)))
    assert (taken.landed, taken.rejects) == (1, ())
    (customer,) = await desk.service.customers(desk.tenant, [Identifier("unionid", "u1")])
    assert customer is not None
    assert [one.identifier.kind for one in customer.identities] == ["unionid"]
    assert customer.summary.origin is not None
    assert customer.summary.origin.value == {"channel": 1}


@pytest.mark.parametrize("names_upstream", [True, False])
async def test_who_is_named_by_a_tenants_own_id_alone_is_refused(
    desk: Desk,
    names_upstream: bool,
) -> None:
    own = audience(desk.tenant.own_ids.start + 7)
    event = Interaction(source="x", id="e", at=NOON, identifiers=(SOMEBODY,), type="view", upstream=own)
    outcome = await desk.land(event if names_upstream else trait("1", own))
    assert outcome.landed == 0
    assert [reject.field for reject in outcome.rejects] == ["upstream" if names_upstream else "identifiers"]


async def test_another_houses_id_is_the_name_of_a_value_that_identifies_nobody_if_it_stands_with_it_alone(
    desk: Desk,
) -> None:
    other = desk.tenant.own_ids.stop + 7
    await desk.land(trait("1", PLACEHOLDER, audience(other)))
    await desk.land(trait("2", PLACEHOLDER, audience(643)))
    await desk.land(trait("3", SOMEBODY, PLACEHOLDER, audience(other + 1)))
    asked = [NOBODY, *(Identifier("audience_id", str(number)) for number in (other, 643, other + 1))]
    number, named, vendors, person = await desk.service.customers(desk.tenant, asked)
    assert number is not None
    assert named is not None
    assert vendors is not None
    assert person is not None
    assert number.id == named.id
    assert len({number.id, vendors.id, person.id}) == 3

"""Several numbers in one field are several identifiers; the number of an identity card is kept only as a keyed hash."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from huaxiang.identifiers import normalise, parts_of, sealed
from huaxiang.model import Identifier, Mention, Parsed, Tenant, Trait
from huaxiang.service import Service

CARD = "11010519491231002X"
NOON = datetime(2021, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "field",
    [
        "13800000001/010-65551234",
        "13800000001，010-65551234",
        "13800000001、01065551234",
        "13800000001;010-65551234",
        "１３８００００００００１ / 010-65551234",
        "13800000001或010-65551234",
        "13800000001\n010-65551234",
    ],
)
def test_several_numbers_in_one_field_are_several_phones(field: str) -> None:
    values = [normalise(part).value for part in parts_of(Mention("phone", field))]
    if "００" in field:  # one digit too many: half a list is kept whole
        assert normalise(parts_of(Mention("phone", field))[0]).kind == "raw_number"
    else:
        assert values == ["+8613800000001", "+861065551234"]


@pytest.mark.parametrize(
    "field", ["13800000001", "+86 138 0000 0001", "13800000001转12", "13800000001/abc", "010-1234567"]
)
def test_a_single_number_and_half_a_list_stay_as_they_are(field: str) -> None:
    assert parts_of(Mention("phone", field)) == (Mention("phone", field),)


async def test_two_numbers_of_one_field_are_one_customer(service: Service, tenant: Tenant) -> None:
    fact = Trait(source="crm", id="1", at=NOON, identifiers=(Mention("phone", "13800000001/13900000002"),))
    await service.land(tenant, [(1, Parsed((fact,)))])
    one, other = await service.customers(
        tenant, [Identifier("phone", "+8613800000001"), Identifier("phone", "+8613900000002")]
    )
    assert one is not None
    assert one == other


def test_the_same_card_under_another_key_is_another_value() -> None:
    card = Mention("id_number", CARD.lower())
    assert sealed(b"a" * 32, card) == sealed(b"a" * 32, Mention("id_number", CARD))
    assert sealed(b"a" * 32, card) != sealed(b"b" * 32, card)
    assert sealed(b"a" * 32, sealed(b"a" * 32, card)) == sealed(b"a" * 32, card)


async def test_a_card_finds_its_customer_and_its_number_is_nowhere(service: Service, tenant: Tenant) -> None:
    mentions = (Mention("id_number", CARD), Mention("unionid", "u-1"))
    await service.land(tenant, [(1, Parsed((Trait(source="crm", id="1", at=NOON, identifiers=mentions),)))])
    [found] = await service.customers(tenant, [Identifier("id_number", CARD)])
    assert found is not None
    [by_unionid] = await service.customers(tenant, [Identifier("unionid", "u-1")])
    assert found == by_unionid
    assert CARD not in str(found)
    async for _ in service.rebuild(tenant):
        pass
    assert (await service.customers(tenant, [Identifier("id_number", CARD.lower())]))[0] == found

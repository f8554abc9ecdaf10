"""What a detail call reads of a customer is what it shows: no trait is shown that was not read."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from huaxiang.dialects.rabbitpre import outward as rabbitpre
from huaxiang.dialects.telrobot import outward as telrobot
from huaxiang.model import CrmRecord, Customer, Json, Newest, Order, Summary, Tenant, TenantSettings
from huaxiang.pool import CrmView, held, pool

AT = datetime(2026, 3, 1, 4, tzinfo=UTC)
TENANT = Tenant(1, "acme", "acme", "Asia/Shanghai", bytes(32), UUID(int=1), UUID(int=2), TenantSettings())
RECORD = CrmRecord(Order(AT, 0, "r", UUID(int=3)), "telrobot", "", str(UUID(int=4)), "", deleted=False, details={})


class Traits(dict[str, Newest]):
    """No traits, and a note of each that was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, name: str, default: Json = None) -> Json:
        self.asked.add(name)
        return default


def known(traits: Traits) -> Customer:
    return Customer(id=17, identities=(), summary=Summary(traits=traits), created_at=AT)


def test_a_profile_reads_the_traits_that_it_shows_and_no_other() -> None:
    traits = Traits()
    rabbitpre.detail([known(traits)], tenant=TENANT, now=AT, audience_ids={})
    assert traits.asked | {""} == set(rabbitpre.TRAITS)


@pytest.mark.parametrize("record", [None, RECORD])
def test_a_crm_detail_reads_the_traits_that_it_shows(record: CrmRecord | None) -> None:
    traits = Traits()
    stands = record and pool(held(record, (), ZoneInfo(TENANT.time_zone)), TENANT.settings, AT)
    view = CrmView(UUID(int=4), record, known(traits), fields=(), viewed_at=None, pool=stands)
    telrobot.detail(view, tenant=TENANT)
    assert traits.asked == set(telrobot.TRAITS)


def test_values_that_were_read_alone_are_told_as_traits_are() -> None:
    customer = Customer(id=17, identities=(), summary=Summary(values={"sex": "male"}), created_at=AT)
    assert [customer.trait("sex"), customer.trait("name")] == ["male", None]

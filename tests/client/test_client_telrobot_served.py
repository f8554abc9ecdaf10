"""The Telrobot client and the server, one against the other, in every call: what goes in comes out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace
from served import House, Lose, Pass, Say, between, said

from huaxiang.client import Invalid, NotFound, NotPermitted, Retry, Unconfirmed
from huaxiang.client.pace import Rate
from huaxiang.client.telrobot import (
    AsyncTelrobotClient,
    Component,
    Customer,
    CustomerRow,
    Filter,
    TelrobotClient,
    Value,
)
from huaxiang.model import Tenant

AClient: TypeAlias = TelrobotClient | AsyncTelrobotClient
Connect: TypeAlias = Callable[..., AClient]

ALL = Filter()
ONCE = Retry(tries=1)
MOBILE, UNICOM, TELECOM = "13667679151", "13012121211", "13312121212"
DENIED = Say(403, json.dumps({"code": 403, "status": "error", "message": "", "data": []}).encode())


def phones(found: list[Customer]) -> list[str | None]:
    return [one.phone for one in found]


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_that_says_everything_comes_out_as_it_went_in(telrobot: Connect) -> None:
    client = telrobot()
    field = await said(client, "make_field", "姓名", validate=["sometimes"])
    row = CustomerRow(
        phone=MOBILE,
        name="联系人1",
        email="123456@qq.com",
        company="xxx公司",
        sex=2,
        source_id=715,
        industry_id=1167,
        grade_id=66,
        extra={"mark": [1]},
        components=[Value(id=UUID(field.id), value="小牛")],
        id=uuid4(),
        province_id=71,
        city_id=72,
        operator=3,
        expect_transaction_at="2024-01-01 00:00:00",
        expect_transaction_fee="12.50",
        followed_at="2023-10-09 10:41:52",
        inputted_at="2023-09-21 11:23:12",
        created_at="2023-09-21 11:23:12",
        updated_at="2023-10-11 10:18:55",
    )
    (told,) = await said(client, "add", [row])
    assert (told.row, told.id, told.status, told.taken) == (0, str(row.id), "success", True)
    found = await said(client, "detail", told.id)
    same = [name for name in row.__struct_fields__ if name not in ("id", "components", "sub_user_id")]
    same = [name for name in same if getattr(row, name) is not None]
    assert {name: getattr(found, name) for name in same} == {name: getattr(row, name) for name in same}
    (component,) = found.components
    assert (component.name, component.validate, component.data.value) == ("姓名", ["sometimes"], "小牛")


async def test_each_row_is_told_by_its_place_whatever_became_of_it(telrobot: Connect, house: House) -> None:
    rows: list[Any] = [CustomerRow(phone=f"1366767{number:04d}") for number in range(401)]
    rows[1] = {"name": "ohne Nummer", "sort": 0}
    rows[2] = CustomerRow(phone=MOBILE, extra=object())
    rows[3] = {"phone": UNICOM, "sort": 0, "name": "\ud800"}
    rows[400] = CustomerRow(phone="1.38E+10")
    with between(house.address) as proxy:
        told = await said(telrobot(proxy.address), "add", iter(rows))
    assert [one.row for one in told] == list(range(401))
    assert [one.row for one in told if not one.taken] == [1, 2, 3, 400]
    assert [list(told[bad].message) for bad in (1, 2, 3, 400)] == [["phone"], ["request"], ["request"], ["phone"]]
    assert [len(json.loads(body)["data"]) for body in proxy.requests] == [198, 200, 1]
    assert len(await said(telrobot(), "customers")) == 397


async def test_a_batch_that_fails_tells_what_became_of_those_before_it(telrobot: Connect, house: House) -> None:
    rows = [CustomerRow(phone=f"1366767{number:04d}") for number in range(250)]
    with between(house.address, Pass(), DENIED) as proxy, pytest.raises(NotPermitted) as caught:
        await said(telrobot(proxy.address), "add", rows)
    assert [one.row for one in caught.value.before] == list(range(200))
    assert caught.value.line == 201


async def test_rows_may_be_of_an_account_below(telrobot: Connect, house: House, mine: Tenant) -> None:
    below = uuid4()
    await house.land(mine, ("telrobot.customer", {"phone": UNICOM, "user_id": str(below)}))
    client = telrobot()
    assert (await said(client, "add", [CustomerRow(phone=MOBILE)], sub_user_id=below))[0].taken
    assert (await said(client, "add", [CustomerRow(phone=TELECOM, sub_user_id=below)]))[0].taken
    found = await said(telrobot(user_id=str(below)), "customers")
    assert {one.user_id for one in found} == {str(below)}
    assert set(phones(found)) == {MOBILE, UNICOM, TELECOM}
    with pytest.raises(Invalid) as caught:
        await said(client, "add", [CustomerRow(phone=MOBILE)], sub_user_id=uuid4())
    assert (caught.value.field, caught.value.line) == ("sub_user_id", 1)


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_all_customers_are_listed_over_pages_of_any_size(telrobot: Connect) -> None:
    client = telrobot()
    rows = [CustomerRow(phone=f"1366767{day:04d}", created_at=f"2024-01-{day:02d} 09:00:00") for day in range(1, 8)]
    await said(client, "add", rows)
    newest_first = [row.phone for row in reversed(rows)]
    for per_page in (1, 3, 7, 100):
        assert phones(await said(client, "customers", per_page=per_page)) == newest_first
    pages = await said(client, "pages", per_page=3)
    assert [(page.meta.current_page, page.meta.total, page.meta.has_pages) for page in pages] == [
        (1, 7, True),
        (2, 7, True),
        (3, 7, True),
    ]
    assert await said(client, "pages", per_page=3, first=2) == pages[1:]
    found = await said(client, "customers")
    assert [await said(client, "detail", one.id) for one in found[:2]] == found[:2]


async def test_nobody_is_one_empty_page(telrobot: Connect) -> None:
    (page,) = await said(telrobot(), "pages")
    assert (page.data, page.meta.total, page.meta.last_page) == ([], 0, 1)


async def test_every_filter_finds_whom_it_says_and_all_of_them_together(telrobot: Connect) -> None:
    client = telrobot()
    field = await said(client, "make_field", "年龄", type="number", validate=["integer", "sometimes"])
    one = CustomerRow(
        phone=MOBILE,
        email="One@Example.com",
        company="云蝠智能",
        created_at="2024-03-01 09:00:00",
        components=[Value(id=field.id, value=42)],
    )
    other = CustomerRow(phone=UNICOM, company="兔展", created_at="2024-03-02 09:00:00")
    await said(client, "add", [one, other])
    filters: dict[str, Any] = {
        "phone": "+86 136 6767 9151",
        "email": "one@example.com",
        "company": "云蝠",
        "created_at": ("2024-03-01", "2024-03-01"),
        "operator": [3],
        "components": {field.id: 42},
    }
    for name, wanted in filters.items():
        assert phones(await said(client, "customers", replace(ALL, **{name: wanted}))) == [MOBILE], name
    assert phones(await said(client, "customers", replace(ALL, **filters))) == [MOBILE]
    assert phones(await said(client, "customers", replace(ALL, **{**filters, "phone": UNICOM}))) == []
    assert phones(await said(client, "customers", Filter(operator=[2, 3]), per_page=1)) == [UNICOM, MOBILE]


async def test_a_filter_that_cannot_be_meant_names_its_field(telrobot: Connect) -> None:
    bad: list[tuple[Filter, dict[str, Any], str]] = [
        (Filter(created_at=("2024-03-02", "2024-03-01")), {}, "created_at"),
        (Filter(operator=[9]), {}, "operator"),
        (Filter(components={"x": "y"}), {}, "components.0.id"),
        (Filter(phone=" "), {}, "phone"),
        (Filter(company=""), {}, "company"),
        (Filter(), {"per_page": 101}, "per_page"),
        (Filter(), {"per_page": 0}, "per_page"),
    ]
    for wanted, sizes, field in bad:
        with pytest.raises(Invalid) as caught:
            await said(telrobot(), "customers", wanted, **sizes)
        assert caught.value.field == field


# ── deletions ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_customers_are_deleted_by_phone_by_span_and_by_both(telrobot: Connect, house: House) -> None:
    client = telrobot()
    rows = [CustomerRow(phone=f"1366767{day:04d}", created_at=f"2024-01-{day:02d} 09:00:00") for day in range(1, 8)]
    await said(client, "add", rows)
    assert await said(client, "delete", [rows[0].phone, rows[1].phone, TELECOM]) == 2
    assert await said(client, "delete", created_at=("2024-01-03", "2024-01-04")) == 2
    assert await said(client, "delete", [rows[4].phone, rows[5].phone], created_at=("2024-01-05", "2024-01-05")) == 1
    for nobody in ([], [""], [" "]):
        assert await said(client, "delete", nobody, created_at=("2024-01-01", "2024-01-31")) == 0
    with pytest.raises(Invalid):
        await said(client, "delete", MOBILE)
    with between(house.address) as proxy:
        many = (f"1366767{day:04d}" for day in range(205))
        assert await said(telrobot(proxy.address), "delete", many) == 2
    assert len(proxy.targets) == 3
    assert await said(client, "customers") == []


async def test_a_deletion_that_fails_tells_how_many_are_gone(telrobot: Connect, house: House) -> None:
    client = telrobot()
    await said(client, "add", [CustomerRow(phone=MOBILE)])
    wanted = [MOBILE, *(f"1366767{number:04d}" for number in range(150))]
    with between(house.address, Pass(), DENIED) as proxy, pytest.raises(NotPermitted) as caught:
        await said(telrobot(proxy.address), "delete", wanted)
    assert (caught.value.before, caught.value.line) == (1, 101)


# ── custom fields ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_custom_fields_are_made_changed_switched_off_and_read(telrobot: Connect) -> None:
    client = telrobot()
    made = await said(client, "make_field", "生日", type="date", sort=2, validate=["date", "sometimes"])
    await said(client, "make_field", "姓名", sort=1)
    assert (made.name, made.type, made.sort, made.validate, made.status) == (
        "生日",
        "date",
        2,
        ["date", "sometimes"],
        True,
    )
    assert [(one.name, one.type, one.validate) for one in await said(client, "fields")] == [
        ("姓名", "text", []),
        ("生日", "date", ["date", "sometimes"]),
    ]
    changed = await said(client, "change_field", made.id, name="Birthday", sort=0, validate=["sometimes"])
    assert isinstance(changed, Component)
    assert (changed.id, changed.name, changed.type, changed.sort, changed.validate) == (
        made.id,
        "Birthday",
        "date",
        0,
        ["sometimes"],
    )
    assert [one.name for one in await said(client, "fields")] == ["Birthday", "姓名"]
    off = await said(client, "change_field", UUID(made.id), status=False)
    assert off.status is False
    assert [one.name for one in await said(client, "fields")] == ["姓名"]


async def test_a_field_that_cannot_be_made_or_changed_is_told(telrobot: Connect) -> None:
    client = telrobot()
    field = await said(client, "make_field", "姓名", validate=["required"])
    with pytest.raises(Invalid) as caught:
        await said(client, "make_field", "姓名")
    assert caught.value.field == "name"
    with pytest.raises(NotFound):
        await said(client, "change_field", uuid4(), name="x")
    with pytest.raises(Invalid) as caught:
        await said(client, "change_field", field.id, type="colour")
    assert caught.value.field == "type"
    (told,) = await said(client, "add", [CustomerRow(phone=MOBILE)])
    assert (told.taken, list(told.message)) == (False, [f"components.{field.id}"])


async def test_a_field_is_not_made_twice_where_the_answer_was_lost(telrobot: Connect, house: House) -> None:
    with between(house.address, Lose()) as proxy, pytest.raises(Unconfirmed):
        await said(telrobot(proxy.address), "make_field", "姓名")
    assert len(proxy.targets) == 1
    assert [one.name for one in await said(telrobot(), "fields")] == ["姓名"]


# ── who may, and how often ────────────────────────────────────────────────────────────────────────────────────────


async def test_who_may_only_read_is_told_so(telrobot: Connect, house: House, mine: Tenant) -> None:
    reader = telrobot(**await house.key(mine, "telrobot", permissions=("customer",)))
    assert await said(reader, "customers") == []
    refused: list[tuple[str, Any]] = [
        ("add", [CustomerRow(phone=MOBILE)]),
        ("delete", [MOBILE]),
        ("make_field", "x"),
        ("change_field", uuid4()),
    ]
    for verb, wanted in refused:
        with pytest.raises(NotPermitted):
            await said(reader, verb, wanted)


async def test_a_rate_that_is_said_is_kept_by_waiting(telrobot: Connect, house: House, mine: Tenant) -> None:
    await said(telrobot(), "add", [CustomerRow(phone=f"1366767{number:04d}") for number in range(5)])
    key = await house.key(mine, "telrobot", rate=20)
    patient = telrobot(retry=ONCE, rate=Rate(1, 0.05), **key)
    assert len(await said(patient, "customers", per_page=1)) == 5

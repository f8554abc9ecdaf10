"""Telrobot's `get_customer` over a running server: pages, filters, and whose records an account sees."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from caller import Serving
from telrobot_house import MOBILE, TELECOM, UNICOM, a_house, with_rows

from huaxiang.model import Mention, Parsed, Record

# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_list_tells_of_each_customer_what_its_detail_tells_newest_created_first(server: Serving) -> None:
    house = await with_rows(server)
    field = house.make_field(name="年龄")
    house.add({"phone": TELECOM, "sort": 0, "components": [{"id": field["id"], "value": "41"}]})
    listed = house.list()["data"]
    assert [one["phone"] for one in listed] == [TELECOM, MOBILE[:-1] + "9", "+86 130-1212-1212", MOBILE]
    for one in listed:
        assert house.detail(one["id"]) == one
    assert listed[0]["components"][0]["data"]["value"] == "41"


async def test_pages_hold_each_customer_once_and_tell_where_they_are(server: Serving) -> None:
    house = await a_house(server)
    house.add(*({"phone": f"138000000{number:02}", "sort": 0} for number in range(31)))
    metas: list[list[int]] = []
    seen: list[str] = []
    for number in (1, 2, 3, 4):
        page = house.list(("page", str(number)))
        metas.append([page["meta"][name] for name in ("has_pages", "total", "last_page", "current_page", "per_page")])
        seen += [one["phone"] for one in page["data"]]
    assert metas == [[True, 31, 3, number, 15] for number in (1, 2, 3, 4)]
    assert len(seen) == len(set(seen)) == 31
    assert house.list(("per_page", "100"))["meta"] == {
        "has_pages": False, "total": 31, "last_page": 1, "current_page": 1, "per_page": 100,
    }  # fmt: skip


async def test_a_list_of_nobody_is_one_empty_page(server: Serving) -> None:
    page = (await a_house(server)).list()
    assert (page["data"], page["meta"]["total"], page["meta"]["last_page"]) == ([], 0, 1)


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([("phone", MOBILE)], [0]),
        ([("phone", "0086 136-6767-9151")], [0]),
        ([("phone", "13012121212")], [1]),
        ([("phone", "130")], []),
        ([("phone", "no number")], []),
        ([("phone", "")], [2, 1, 0]),
        ([("email", "a@X.cn")], [0]),
        ([("company", "云")], [1, 0]),
        ([("company", "云蝠")], [0]),
        ([("company", "%")], []),
        ([("created_at[0]", "2024-03-01 09:00:00"), ("created_at[1]", "2024-03-02 09:00:00")], [1, 0]),
        ([("created_at[1]", "2024-03-02 08:59:59"), ("created_at[0]", "2024-03-01 09:00:00")], [0]),
        ([("created_at[]", "2024-03-02"), ("created_at[]", "2024-03-03")], [2, 1]),
        ([("created_at", '["2024-03-03 00:00:00","2024-03-03 23:00:00"]')], [2]),
        ([("operator[0]", "3")], [0]),
        ([("operator[]", "1"), ("operator[]", "2")], [2, 1]),
        ([("operator", "2,3")], [1, 0]),
        ([("operator", "3"), ("company", "云"), ("phone", UNICOM)], []),
        ([("encryption", "false")], [2, 1, 0]),
    ],
)
async def test_a_filter_finds_whom_it_says(server: Serving, pairs: list[tuple[str, str]], found: list[int]) -> None:
    house = await with_rows(server)
    phones = [MOBILE, "+86 130-1212-1212", MOBILE[:-1] + "9"]
    assert house.phones(*pairs) == [phones[number] for number in found]


async def test_a_filter_may_stand_in_a_body_as_the_document_shows_it(server: Serving) -> None:
    house = await with_rows(server)
    body = {"components": [], "phone": UNICOM, "created_at": ["2024-03-01", "2024-03-09"], "operator": [2]}
    answer = house.door.call("GET", house.path("get_customer"), json=body)
    assert [one["phone"] for one in answer.json()["data"]] == ["+86 130-1212-1212"]


async def test_a_filter_on_custom_fields_finds_those_that_have_all_the_values(server: Serving) -> None:
    house = await a_house(server)
    age, city = house.make_field(name="年龄", type="number"), house.make_field(name="城市")
    values = {MOBILE: (41, "上海"), UNICOM: ("41", "北京"), TELECOM: (None, "上海")}
    house.add(
        *(
            {"phone": phone, "sort": 0, "components": [{"id": age["id"], "value": a}, {"id": city["id"], "value": c}]}
            for phone, (a, c) in values.items()
        )
    )

    def found(*wanted: tuple[dict[str, Any], str]) -> set[str]:
        items = [
            (f"components[{place}][{name}]", value)
            for place, (field, text) in enumerate(wanted)
            for name, value in (("id", field["id"]), ("value", text))
        ]
        as_json = json.dumps([{"id": field["id"], "value": text} for field, text in wanted])
        assert house.phones(*items) == house.phones(("components", as_json))
        return set(house.phones(*items))

    assert found((age, "41")) == {MOBILE, UNICOM}
    assert found((age, "41"), (city, "上海")) == {MOBILE}
    assert found((city, "广州")) == set()


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        ([("page", "0")], "page"),
        ([("page", "x")], "page"),
        ([("page", "1"), ("page", "1")], "page"),
        ([("per_page", "101")], "per_page"),
        ([("phone", "1" * 257)], "phone"),
        ([("fone", "1")], "fone"),
        ([("created_at[]", "2024-03-01")], "created_at"),
        ([("created_at", "2024-03-01,2024-02-30")], "created_at"),
        ([("created_at", "2024-03-02,2024-03-01")], "created_at"),
        ([("created_at[0][x]", "1")], "created_at"),
        ([("operator", "4")], "operator"),
        ([("components", "{")], "components"),
        ([("components[0][value]", "1")], "components.0.id"),
        ([("components[0][id]", str(uuid4()))], "components.0.value"),
        ([("encryption", "true")], "encryption"),
    ],
)
async def test_a_filter_that_can_t_be_meant_is_refused_with_its_field(
    server: Serving, pairs: list[tuple[str, str]], field: str
) -> None:
    house = await a_house(server)
    answer = house.door.get(house.path("get_customer"), pairs=pairs)
    assert (answer.status_code, list(answer.json()["message"])) == (422, [field])


async def test_an_account_lists_its_own_records_and_the_main_one_all_below(server: Serving) -> None:
    house = await with_rows(server)
    below, other = str(uuid4()), str(uuid4())
    rows = [{"phone": TELECOM, "user_id": below}, {"phone": UNICOM, "user_id": other}]
    await server.land(house.tenant, [{"as": "telrobot.customer", "row": row} for row in rows])
    assert house.phones(account=below) == [TELECOM]
    assert house.list()["meta"]["total"] == 5
    own = await server.door(house.tenant, "telrobot", account=below)
    assert own.get(house.path("get_customer", below)).json()["meta"]["total"] == 1
    for account in (house.account, other, str(uuid4()), "nobody"):
        assert own.get(house.path("get_customer", account)).status_code == 403


async def test_of_a_records_words_the_newest_is_listed_wherever_they_came_from(server: Serving) -> None:
    house = await with_rows(server)
    first = house.list(("phone", MOBILE))["data"][0]
    word = Record(
        source="telrobot",
        id="another word",
        at=server.service.now(),
        record=first["id"],
        owner=house.account,
        identifiers=(Mention("crm_id", first["id"], scope="telrobot"),),
        details={"phone": TELECOM, "name": "乙"},
    )
    assert (await server.service.land(house.tenant, [(1, Parsed((word,)))])).landed == 1
    assert house.phones(("phone", MOBILE)) == []
    assert house.list(("phone", TELECOM))["data"] == [house.detail(first["id"])]
    assert house.list()["meta"]["total"] == 3

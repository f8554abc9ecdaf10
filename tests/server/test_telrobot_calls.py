"""Telrobot's neighbours of `customer/detail` over a running server: rows in, deletions, custom fields, permissions.

Golden cases are data under `tests/golden/telrobot/calls`: requests that follow each other, each with its answer. In a
request and in an answer `{account}` stands for the key's own account, and in an answer `*` for any text.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from caller import Serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telrobot_house import MOBILE, TELECOM, UNICOM, a_house, with_rows
from test_golden import differences

from huaxiang.client.telrobot import AsyncTelrobotClient
from huaxiang.client.telrobot import Filter as Wanted
from huaxiang.dialects.telrobot.wire import derived_id
from huaxiang.model import CustomField, Json, Mention, Parsed, Record

FOLDER: Final = Path(__file__).parent.parent / "golden" / "telrobot" / "calls"
GOLDEN: Final = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.json"))}


# ── golden cases ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", GOLDEN)
async def test_the_calls_are_answered_as_the_golden_case_says(server: Serving, name: str) -> None:
    house = await a_house(server)
    case = json.loads(GOLDEN[name].replace("{account}", house.account))
    rows = [{"as": "telrobot.customer", "row": row} for row in case["given"].get("rows", [])]
    assert (await server.land(house.tenant, rows)).rejects == ()
    for step in case["steps"]:
        request, expected = step["request"], step["response"]
        pairs = [(pair[0], pair[1]) for pair in request.get("query", [])]
        sent = {"json": request["body"]} if "body" in request else {}
        answer = house.door.call(request["method"], request["path"], pairs=pairs, **sent)
        assert answer.status_code == expected["status"], answer.text
        assert differences(answer.json(), expected["body"]) == []


# ── rows in ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_row_is_answered_for_itself_and_a_bad_one_keeps_no_good_one_out(server: Serving) -> None:
    house = await a_house(server)
    told = house.add(
        {"phone": MOBILE, "sort": 0},
        {"phone": UNICOM},
        {"sort": 0},
        "no row",
        {"phone": "12E+10", "sort": 0, "sex": 3},
        {"phone": TELECOM, "sort": "0", "components": [{"value": 1}]},
        {"phone": UNICOM, "sort": 0, "encryption": True},
        {"phone": UNICOM, "sort": 0, "name": "a\0b"},
        {"phone": TELECOM, "sort": 0, "extra": {"deep": [1]}},
    )
    assert [(one["row"], one["status"]) for one in told] == [
        (0, "success"), *((number, "error") for number in range(1, 8)), (8, "success"),
    ]  # fmt: skip
    assert [next(iter(one["message"])) for one in told[1:8]] == [
        "sort", "phone", "request", "sex", "components.0.id", "encryption", "name",
    ]  # fmt: skip
    assert sorted(house.phones()) == [MOBILE, TELECOM]
    found = house.detail(told[8]["id"])
    assert found is not None
    assert found["extra"] == {"deep": [1]}


async def test_a_row_pushed_again_is_the_same_record_whole_with_the_time_of_its_creation(server: Serving) -> None:
    house = await a_house(server)
    (first,) = house.add({"phone": MOBILE, "sort": 0, "name": "甲", "company": "云"})
    was = house.detail(first["id"])
    (second,) = house.add({"phone": "+86 136 6767 9151", "sort": 0, "name": "乙"})
    now = house.detail(second["id"])
    assert was is not None
    assert now is not None
    assert first["id"] == second["id"]
    assert (now["name"], now["phone"], now["company"]) == ("乙", "+86 136 6767 9151", None)
    assert now["created_at"] == was["created_at"]
    assert now["updated_at"] >= was["updated_at"]


async def test_of_two_rows_of_one_record_in_a_batch_the_later_one_stands(server: Serving) -> None:
    house = await a_house(server)
    for names in (("甲", "乙"), ("乙", "甲")):
        told = house.add(*({"phone": MOBILE, "sort": 0, "name": name} for name in names))
        found = house.detail(told[0]["id"])
        assert found is not None
        assert found["name"] == names[-1]


async def test_a_row_from_a_file_and_the_same_row_pushed_are_one_fact(server: Serving) -> None:
    house = await a_house(server)
    times = {"created_at": "2024-03-01 09:00:00", "updated_at": "2024-03-02 09:00:00"}
    row = {"phone": MOBILE, "sort": 0, "name": "甲", "sex": 1, "user_id": house.account, **times}
    house.add(row)
    outcome = await server.land(house.tenant, [{"as": "telrobot.customer", "row": row}])
    assert (outcome.landed, outcome.known) == (0, 1)


async def test_rows_may_be_of_an_account_below_and_of_no_other(server: Serving) -> None:
    house = await a_house(server)
    below = str(uuid4())
    await server.land(house.tenant, [{"as": "telrobot.customer", "row": {"phone": MOBILE, "user_id": below}}])
    other = str(uuid4())
    told = house.add(
        {"phone": UNICOM, "sort": 0, "sub_user_id": below},
        {"phone": UNICOM, "sort": 0, "sub_user_id": other},
        {"phone": UNICOM, "sort": 0},
    )
    assert [one["status"] for one in told] == ["success", "error", "success"]
    house.add({"phone": TELECOM, "sort": 0}, sub_user_id=below)
    assert sorted(house.phones(account=below)) == [UNICOM, MOBILE, TELECOM]
    body = {"data": [{"phone": TELECOM, "sort": 0}], "sub_user_id": other}
    assert list(house.refusal("POST", "async_customer", body)) == ["sub_user_id"]


async def test_a_record_of_another_account_can_not_be_overwritten_by_its_id(server: Serving) -> None:
    house = await a_house(server)
    below, record = str(uuid4()), str(uuid4())
    row = {"id": record, "phone": MOBILE, "name": "甲"}
    await server.land(house.tenant, [{"as": "telrobot.customer", "row": {"phone": UNICOM, "user_id": below}}])
    await server.land(house.tenant, [{"as": "telrobot.customer", "row": row}])
    own = await server.door(house.tenant, "telrobot", account=below)
    body = {"data": [{**row, "sort": 0, "name": "乙"}]}
    (told,) = own.call("POST", house.path("async_customer", below), json=body).json()["data"]
    assert (told["status"], list(told["message"])) == ("error", ["id"])
    found = house.detail(record)
    assert found is not None
    assert found["name"] == "甲"


async def test_the_id_of_a_customer_without_a_record_is_no_records_id(server: Serving) -> None:
    house = await a_house(server)
    id_ = str(derived_id(house.tenant.key, 1))
    (told,) = house.add({"id": id_, "phone": MOBILE, "sort": 0})
    assert (told["status"], list(told["message"])) == ("error", ["id"])


async def test_values_keep_the_rules_of_the_accounts_fields(server: Serving) -> None:
    house = await a_house(server)
    name = house.make_field(name="姓名", validate=["required"])["id"]
    age = house.make_field(name="年龄", type="number", validate=["sometimes", "integer"])["id"]
    off = house.make_field(name="旧", validate=["required"], status=False)["id"]

    def told(**values: Json) -> Json:
        ids = {"name": name, "age": age, "off": off}
        filled = [{"id": ids[key], "value": value} for key, value in values.items()]
        return house.add({"phone": MOBILE, "sort": 0, "components": filled})[0]["message"]

    assert told(name="甲") == told(name="甲", age="41") == told(name="甲", off="x") == "导入成功"
    assert told() == told(age=1) == {f"components.{name}": ["姓名不能为空"]}
    assert told(name="", age="x") == {f"components.{name}": ["姓名不能为空"], f"components.{age}": ["年龄必须是整数"]}


async def test_a_row_defines_no_field(server: Serving) -> None:
    house = await a_house(server)
    house.add({"phone": MOBILE, "sort": 0, "components": [{"id": str(uuid4()), "name": "新", "value": 1}]})
    assert house.door.get(house.path("customer/create")).json()["data"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "data"),
        ({"data": {}}, "data"),
        ({"data": [{"phone": MOBILE, "sort": 0}] * 201}, "data"),
        ({"data": [], "encryption": True}, "encryption"),
        ({"data": [], "sub_user_id": 1}, "sub_user_id"),
        ([], "request"),
    ],
)
async def test_a_batch_that_can_t_be_meant_is_refused_with_its_field(server: Serving, body: Json, field: str) -> None:
    house = await a_house(server)
    message = house.refusal("POST", "async_customer", body)
    assert list(message) == [field]
    assert all(isinstance(reason, str) for reason in message[field])


async def test_a_body_that_is_no_json_is_refused_by_its_type_or_by_its_text(server: Serving) -> None:
    house = await a_house(server)
    path = house.path("async_customer")
    typed = house.door.call("POST", path, content=b"{", headers={"Content-Type": "application/json"})
    assert (typed.status_code, list(typed.json()["message"])) == (422, ["request"])
    untyped = house.door.call("POST", path, content=b"{}", headers={"Content-Type": "text/plain"})
    assert untyped.status_code == 415


# ── deletions ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_deleted_customer_is_gone_until_a_row_makes_it_live_again(server: Serving) -> None:
    house = await a_house(server)
    (told,) = house.add({"phone": MOBILE, "sort": 0})
    assert house.delete(phone=["0086-136-6767-9151", UNICOM]) == 1
    assert (house.detail(told["id"]), house.phones(), house.delete(phone=[MOBILE])) == (None, [], 0)
    assert house.add({"phone": MOBILE, "sort": 0})[0]["id"] == told["id"]
    assert house.phones() == [MOBILE]
    assert house.detail(told["id"]) is not None
    assert house.delete(phone=[MOBILE]) == 1
    assert house.phones() == []


async def test_a_deletion_is_by_phone_by_the_time_of_creation_or_by_both(server: Serving) -> None:
    house = await with_rows(server)
    span = ["2024-03-01 00:00:00", "2024-03-02 09:00:00"]
    assert house.delete(phone=[MOBILE[:-1] + "9"], created_at=span) == 0
    assert house.delete(phone=[MOBILE], created_at=span) == 1
    assert house.delete(created_at=span) == 1
    assert house.phones() == [MOBILE[:-1] + "9"]


async def test_a_deletion_that_names_nobody_deletes_nobody(server: Serving) -> None:
    house = await with_rows(server)
    nobody: list[dict[str, Json]] = [{}, {"phone": [], "created_at": []}, {"phone": None}, {"phone": ["", "x"]}]
    for said in nobody:
        assert house.delete(**said) == 0
    assert house.list()["meta"]["total"] == 3


async def test_a_deletion_reaches_the_accounts_below_and_no_other(server: Serving) -> None:
    house = await with_rows(server)
    below = str(uuid4())
    await server.land(house.tenant, [{"as": "telrobot.customer", "row": {"phone": MOBILE, "user_id": below}}])
    own = await server.door(house.tenant, "telrobot", account=below)
    answer = own.call("DELETE", house.path("del_customer", below), json={"phone": [MOBILE]})
    assert answer.json()["data"] == {"deleted": 1}
    assert house.phones(("phone", MOBILE)) == [MOBILE]
    assert house.delete(phone=[MOBILE]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"phone": [MOBILE] * 101}, "phone"),
        ({"phone": MOBILE}, "phone"),
        ({"phone": [1]}, "phone.0"),
        ({"created_at": ["2024-03-01"]}, "created_at"),
        ({"created_at": ["2024-03-01", "yesterday"]}, "created_at"),
    ],
)
async def test_a_deletion_that_can_t_be_meant_is_refused_and_deletes_nobody(
    server: Serving, body: Json, field: str
) -> None:
    house = await with_rows(server)
    assert list(house.refusal("DELETE", "del_customer", body)) == [field]
    assert house.list()["meta"]["total"] == 3


@given(steps=st.lists(st.tuples(st.sampled_from((MOBILE, UNICOM, TELECOM)), st.none() | st.integers(1, 9)), max_size=8))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_pushes_and_deletions_leave_what_a_dictionary_would_hold(
    server: Serving, steps: list[tuple[str, int | None]]
) -> None:
    house = await a_house(server)
    held: dict[str, str] = {}
    for phone, number in steps:
        if number is None:
            assert house.delete(phone=[phone]) == (held.pop(phone, None) is not None)
        else:
            house.add({"phone": phone, "sort": 0, "name": f"客{number}"})
            held[phone] = f"客{number}"
    assert {one["phone"]: one["name"] for one in house.list()["data"]} == held
    async for _ in server.service.rebuild(house.tenant):
        pass
    assert {one["phone"]: one["name"] for one in house.list()["data"]} == held


async def test_a_rebuild_lists_what_the_running_server_lists(server: Serving) -> None:
    house = await with_rows(server)
    house.add({"phone": TELECOM, "sort": 0}, {"phone": UNICOM, "sort": 0})
    house.delete(phone=[MOBILE, UNICOM])
    house.add({"phone": UNICOM, "sort": 0, "name": "又来"})
    before = house.list()
    async for _ in server.service.rebuild(house.tenant):
        pass
    assert house.list() == before
    assert before["meta"]["total"] == 3


async def test_deletions_and_rows_land_in_any_order_to_the_same_end(server: Serving) -> None:
    told: list[Any] = []
    record = str(uuid4())
    named = (Mention("crm_id", record, scope="telrobot"),)
    now = server.service.now()
    words = [
        Record(source="telrobot", id=record, at=now.replace(hour=1), updated_at=now.replace(hour=1), record=record,
               identifiers=named, details={"phone": MOBILE}),
        Record(source="telrobot", id=f"{record} deleted", at=now.replace(hour=2), record=record, identifiers=named,
               deleted=True),
        Record(source="telrobot", id=record, at=now.replace(hour=3), updated_at=now.replace(hour=3), record=record,
               identifiers=named, details={"phone": UNICOM}),
    ]  # fmt: skip
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)):
        house = await a_house(server)
        for place in order:
            await server.service.land(house.tenant, [(1, Parsed((words[place],)))])
        told.append(house.phones())
    assert told == [[UNICOM]] * 4


# ── custom fields ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_field_is_made_changed_and_told_in_its_place(server: Serving) -> None:
    house = await a_house(server)
    late = house.make_field(name="城市", sort=2)
    age = house.make_field(name=" 年龄 ", type="number", sort=1, validate=["sometimes", "integer"])
    assert (age["name"], age["user_id"], age["status"], age["data"]) == ("年龄", house.account, True, None)
    template = house.door.get(house.path("customer/create")).json()["data"]
    assert [one["id"] for one in template] == [age["id"], late["id"]]
    changed = house.door.call("PUT", house.path(f"component/{late['id']}"), json={"name": "省市", "sort": 0}).json()
    assert (changed["data"]["name"], changed["data"]["sort"], changed["data"]["type"]) == ("省市", 0, "text")
    assert changed["data"]["created_at"] == late["created_at"]
    template = house.door.get(house.path("customer/create")).json()["data"]
    assert [one["name"] for one in template] == ["省市", "年龄"]
    house.door.call("PUT", house.path(f"component/{late['id']}"), json={"status": False})
    assert [one["name"] for one in house.door.get(house.path("customer/create")).json()["data"]] == ["年龄"]


async def test_of_many_fields_of_one_name_made_at_once_one_is_kept(server: Serving) -> None:
    house = await a_house(server)
    path = house.path("component")
    answers = await asyncio.gather(
        *(asyncio.to_thread(house.door.call, "POST", path, json={"name": "年龄"}) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422, 422]
    assert [list(one.json()["message"]) for one in answers if one.status_code == 422] == [["name"]] * 4


async def test_names_are_unique_in_an_account_and_a_field_may_keep_its_own(server: Serving) -> None:
    house = await a_house(server)
    below = str(uuid4())
    await server.land(house.tenant, [{"as": "telrobot.customer", "row": {"phone": MOBILE, "user_id": below}}])
    age, city = house.make_field(name="年龄")["id"], house.make_field(name="城市")["id"]
    assert list(house.refusal("PUT", f"component/{city}", {"name": "年龄"})) == ["name"]
    assert house.door.call("PUT", house.path(f"component/{age}"), json={"name": "年龄"}).status_code == 200
    own = await server.door(house.tenant, "telrobot", account=below)
    assert own.call("POST", house.path("component", below), json={"name": "年龄"}).status_code == 200
    assert own.call("PUT", house.path(f"component/{age}", below), json={"name": "岁"}).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a" * 129}, "name"),
        ({"name": "a", "type": "file"}, "type"),
        ({"name": "a", "sort": -1}, "sort"),
        ({"name": "a", "validate": ["max:20"]}, "validate.0"),
        ({"name": "a", "status": "yes"}, "status"),
    ],
)
async def test_a_field_that_can_t_be_meant_is_refused(server: Serving, body: Json, field: str) -> None:
    assert list((await a_house(server)).refusal("POST", "component", body)) == [field]


async def test_a_field_that_is_not_there_can_not_be_changed(server: Serving) -> None:
    house = await a_house(server)
    for one in (str(uuid4()), "no-uuid"):
        assert house.refusal("PUT", f"component/{one}", {"name": "a"}, 404) == "请求的内容不存在"


async def test_a_field_that_a_file_brought_can_be_changed_though_its_time_is_to_come(server: Serving) -> None:
    house = await a_house(server)
    id_, late = uuid4(), server.service.now().replace(year=2100)
    field = CustomField(id_, house.account, 1, late, {"id": str(id_), "name": "旧"})
    await server.service.land(house.tenant, [(1, Parsed((), (field,)))])
    house.door.call("PUT", house.path(f"component/{id_}"), json={"name": "新"})
    assert [one["name"] for one in house.door.get(house.path("customer/create")).json()["data"]] == ["新"]


# ── who may ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_that_may_only_read_changes_nothing(server: Serving) -> None:
    house = await a_house(server, permissions=("customer",))
    assert house.phones() == []
    for method, name in (
        ("POST", "async_customer"), ("DELETE", "del_customer"), ("POST", "component"), ("PUT", f"component/{uuid4()}"),
    ):  # fmt: skip
        house.refusal(method, name, {}, 403)


async def test_a_key_that_may_only_change_reads_nobody(server: Serving) -> None:
    house = await a_house(server, permissions=("change",))
    for name in ("get_customer", "customer/create"):
        assert house.door.get(house.path(name)).status_code == 403


async def test_our_client_speaks_to_these_calls(server: Serving) -> None:
    house = await a_house(server)
    field = house.make_field(name="城市")
    async with AsyncTelrobotClient(server.url, house.door.credential["token"], house.account) as client:
        rows: list[dict[str, Json]] = [
            {"phone": f"138000001{number:02}", "sort": 0, "components": [{"id": field["id"], "value": str(number % 2)}]}
            for number in range(7)
        ]
        assert [one.status for one in await client.add(rows)] == ["success"] * 7
        assert len([one async for one in client.customers(per_page=3)]) == 7
        odd = [one.phone async for one in client.customers(Wanted(components={field["id"]: "1"}, operator=(3,)))]
        assert sorted(str(one) for one in odd) == ["13800000101", "13800000103", "13800000105"]
        assert [one.name for one in await client.fields()] == ["城市"]
        await client.change_field(UUID(field["id"]), name="省市")
        assert [one.name for one in await client.fields()] == ["省市"]
        assert await client.delete(["13800000101"]) == 1
        assert await client.delete() == 0

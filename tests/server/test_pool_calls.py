"""The public pool over a running server: steps by the native API, and what Telrobot's calls tell of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from caller import Door, Serving
from telrobot_house import MOBILE, TELECOM, UNICOM, House, a_house

from huaxiang.client.telrobot import AsyncTelrobotClient
from huaxiang.client.telrobot import Filter as Wanted
from huaxiang.model import Json, TenantSettings

WORDS = {"author": "王芳", "reason": "约了周三上门"}
SHANGHAI = ZoneInfo("Asia/Shanghai")


class Desk:
    """A Telrobot house whose customers go back after days, and a native key."""

    def __init__(self, house: House, native: Door) -> None:
        self.house, self.native = house, native
        (told,) = house.add({"phone": MOBILE, "sort": 0, "name": "甲"})
        self.record: str = told["id"]

    def call(self, what: str, record: str | None = None, **said: Json) -> Any:  # noqa: ANN401 (JSON)
        answer = self.native.call("POST", f"/v1/records/{record or self.record}/{what}", json={**WORDS, **said})
        return answer.json() | {"status": answer.status_code}

    def detail(self) -> dict[str, Any]:
        found = self.house.detail(self.record)
        assert found is not None
        return found

    def stage(
        self, name: str, *pairs: tuple[str, str], door: Door | None = None, account: str | None = None
    ) -> list[str]:
        path = self.house.path(f"type/{name}/get_customer", account)
        answer = (door or self.house.door).get(path, pairs=pairs)
        assert answer.status_code == 200, answer.text
        return sorted(one["phone"] for one in answer.json()["data"])

    async def account(self, phone: str = UNICOM) -> str:
        """An account below the main one, with a customer of its own."""
        account = str(uuid4())
        row = {"phone": phone, "user_id": account}
        await self.house.server.land(self.house.tenant, [{"as": "telrobot.customer", "row": row}])
        return account


async def a_desk(server: Serving, *, unfollow_days: int | None = None, unsettled_days: int | None = None) -> Desk:
    house = await a_house(server)
    days = TenantSettings(unfollow_days=unfollow_days, unsettled_days=unsettled_days)
    await server.service.set_tenant(house.tenant, settings=days)
    return Desk(house, await server.door(house.tenant, "native"))


def seconds(text: str | None) -> datetime:
    assert text is not None
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


async def test_without_days_nothing_is_told_of_a_pool(server: Serving) -> None:
    found = (await a_desk(server)).detail()
    assert (found["is_back"], found["unfollow_back_at"], found["unsettled_back_at"]) == (0, None, None)


async def test_the_detail_tells_when_the_customer_goes_back_in_the_accounts_time(server: Serving) -> None:
    desk = await a_desk(server, unfollow_days=3, unsettled_days=30)
    found = desk.detail()
    created = seconds(found["created_at"])
    assert seconds(found["unfollow_back_at"]) == created + timedelta(days=3)
    assert seconds(found["unsettled_back_at"]) == created + timedelta(days=30)
    assert (found["is_back"], found["followed_at"]) == (0, None)


async def test_a_follow_up_moves_the_moment_and_a_closing_takes_it_away(server: Serving) -> None:
    desk = await a_desk(server, unfollow_days=3, unsettled_days=30)
    before = desk.detail()
    told = desk.call("follow")
    assert (told["status"], told["is_back"], [one["what"] for one in told["steps"]]) == (200, False, ["follow"])
    found = desk.detail()
    followed = seconds(found["followed_at"])
    assert seconds(found["unfollow_back_at"]) == followed + timedelta(days=3)
    assert found["unsettled_back_at"] == before["unsettled_back_at"]
    assert seconds(found["updated_at"]) == followed
    assert desk.call("settle")["is_settled"] is True
    found = desk.detail()
    assert (found["unfollow_back_at"], found["unsettled_back_at"], found["is_back"]) == (None, None, 0)


async def test_a_released_customer_is_in_the_pool_until_an_account_claims_it(server: Serving) -> None:
    desk = await a_desk(server, unfollow_days=3)
    other = await desk.account()
    assert desk.call("claim", account=other)["error"]["field"] == "record"
    assert desk.call("release")["is_back"] is True
    found = desk.detail()
    assert (found["is_back"], found["flow"], found["user_id"]) == (1, 0, desk.house.account)
    for what in ("follow", "settle", "release"):
        refused = desk.call(what)
        assert (refused["status"], refused["error"]["code"], refused["error"]["field"]) == (
            400, "input_invalid", "record",
        )  # fmt: skip
    told = desk.call("claim", account=other)
    assert (told["status"], told["is_back"], told["account"]) == (200, False, other)
    found = desk.detail()
    assert (found["is_back"], found["user_id"]) == (0, other)
    assert found["created_user_id"] == desk.house.account
    assert seconds(found["unfollow_back_at"]) > seconds(found["created_at"]) + timedelta(days=3) - timedelta(seconds=1)
    assert sorted(desk.house.phones(account=other)) == [UNICOM, MOBILE]


async def test_a_customer_is_seen_by_who_holds_it_and_in_the_pool_by_every_account(server: Serving) -> None:
    desk = await a_desk(server)
    one, other = await desk.account(UNICOM), await desk.account(TELECOM)
    doors = {account: await server.door(desk.house.tenant, "telrobot", account=account) for account in (one, other)}

    def seen(account: str) -> tuple[int, list[str], list[str]]:
        door, path = doors[account], desk.house.path(f"customer/detail/{desk.record}", account)
        return (
            door.get(path).status_code,
            desk.stage("pool", door=door, account=account),
            desk.stage("own", door=door, account=account),
        )

    assert [seen(one), seen(other)] == [(404, [], [UNICOM]), (404, [], [TELECOM])]
    desk.call("release")
    assert [seen(one), seen(other)] == [(200, [MOBILE], [UNICOM]), (200, [MOBILE], [TELECOM])]
    assert desk.stage("pool") == [MOBILE]
    assert sorted(desk.house.phones()) == [UNICOM, MOBILE, TELECOM]
    desk.call("claim", account=other)
    assert [seen(one), seen(other)] == [(404, [], [UNICOM]), (200, [], [MOBILE, TELECOM])]


async def test_the_stages_part_the_customers_and_take_the_filters_of_the_list(server: Serving) -> None:
    desk = await a_desk(server)
    closed, loose = (
        desk.house.add({"phone": phone, "sort": 0, "sex": sex})[0]["id"] for phone, sex in ((UNICOM, 1), (TELECOM, 2))
    )
    desk.call("settle", closed)
    desk.call("release", loose)
    desk.call("follow")
    assert (desk.stage("clue"), desk.stage("deal"), desk.stage("pool")) == ([MOBILE], [UNICOM], [TELECOM])
    assert desk.stage("own") == [UNICOM, MOBILE]
    assert desk.stage("own", ("is_follow", "1")) == desk.stage("own", ("phone", MOBILE)) == [MOBILE]
    assert desk.stage("own", ("is_follow", "0")) == desk.stage("own", ("sex[0]", "1")) == [UNICOM]
    assert desk.stage("own", ("sex", "0,2")) == desk.stage("own", ("operator", "3")) == [MOBILE]
    assert desk.stage("pool", ("sex", "2"), ("phone", TELECOM)) == [TELECOM]
    async with AsyncTelrobotClient(server.url, desk.house.door.credential["token"], desk.house.account) as client:
        assert [one.phone async for one in client.customers(Wanted(stage="pool"))] == [TELECOM]
    body = {"sex": [1], "is_follow": 0}
    answer = desk.house.door.call("GET", desk.house.path("type/own/get_customer"), json=body)
    assert ([one["phone"] for one in answer.json()["data"]], answer.json()["meta"]["total"]) == ([UNICOM], 1)


@pytest.mark.parametrize(
    ("stage", "pairs", "field"),
    [
        ("trash", [], "type"),
        ("CLUE", [], "type"),
        ("clue", [("sex", "3")], "sex"),
        ("clue", [("is_follow", "2")], "is_follow"),
        ("clue", [("ai_call", "1")], "ai_call"),
        ("clue", [("page", "0")], "page"),
    ],
)
async def test_a_stage_or_a_filter_that_can_t_be_meant_is_refused_with_its_field(
    server: Serving, stage: str, pairs: list[tuple[str, str]], field: str
) -> None:
    house = await a_house(server)
    answer = house.door.get(house.path(f"type/{stage}/get_customer"), pairs=pairs)
    assert (answer.status_code, list(answer.json()["message"])) == (422, [field])
    assert house.door.get(house.path("get_customer"), pairs=[("sex", "1")]).status_code == 422


async def test_no_answer_that_began_after_the_moment_tells_of_a_customer_out_of_the_pool(server: Serving) -> None:
    desk = await a_desk(server)
    now = server.service.now()
    moment = now + timedelta(seconds=2)
    row = {
        "id": desk.record,
        "phone": MOBILE,
        "flow": 4,
        "created_at": "2024-03-01 09:00:00",
        "updated_at": (now + timedelta(seconds=1)).isoformat(),
        "unfollow_back_at": moment.isoformat(),
    }
    await server.land(desk.house.tenant, [{"as": "telrobot.customer", "row": row}])
    told: list[tuple[int, int]] = []
    while not told or told[-1] != (1, 0):
        began = server.service.now()
        found = desk.detail()
        told.append((found["is_back"], found["flow"]))
        assert told[-1] == (1, 0) or (told[-1] == (0, 4) and began < moment)
    assert desk.stage("pool") == [MOBILE]
    assert desk.detail()["is_back"] == 1


async def test_a_step_sent_twice_is_one_and_its_id_is_no_other_steps(server: Serving) -> None:
    desk = await a_desk(server)
    first, again = desk.call("follow", id="f-1"), desk.call("follow", id="f-1")
    assert first == again
    assert len(again["steps"]) == 1
    refused = desk.call("settle", id="f-1")
    assert (refused["status"], refused["error"]["field"]) == (400, "id")


async def test_a_step_taken_back_leaves_the_customer_as_it_was_before(server: Serving) -> None:
    desk = await a_desk(server, unfollow_days=3)
    before = desk.detail()
    for what in ("follow", "settle", "release"):
        desk.call(what, id=what)
        back = desk.native.call("POST", f"/v1/steps/{what}/undo", json={"author": "李", "reason": "弄错了"})
        assert back.status_code == 200, back.text
        told = back.json()["steps"][0]
        assert (told["id"], told["is_undone"], told["author"], told["reason"]) == (what, True, "李", "弄错了")
        moved = {"viewed_at", "updated_at"}
        assert {name: one for name, one in desk.detail().items() if name not in moved} == {
            name: one for name, one in before.items() if name not in moved
        }
        twice = desk.native.call("POST", f"/v1/steps/{what}/undo", json=WORDS)
        assert (twice.status_code, twice.json()["error"]["field"]) == (400, "id")
    assert desk.native.call("POST", "/v1/steps/none/undo", json=WORDS).status_code == 404


@pytest.mark.parametrize(
    ("what", "said", "status", "field"),
    [
        ("follow", {"author": ""}, 400, "author"),
        ("follow", {"author": "  "}, 400, "author"),
        ("follow", {"reason": None}, 400, "reason"),
        ("follow", {"at": "2199-01-01T00:00:00Z"}, 400, "at"),
        ("follow", {"at": "then"}, 400, "at"),
        ("follow", {"id": ""}, 400, "id"),
        ("follow", {"author": "a\0"}, 400, "author"),
        ("follow", {"account": str(uuid4())}, 400, "account"),
        ("claim", {}, 400, "account"),
        ("claim", {"account": str(uuid4())}, 400, "account"),
    ],
)
async def test_a_step_that_can_t_be_meant_is_refused_with_its_field(
    server: Serving, what: str, said: dict[str, Json], status: int, field: str
) -> None:
    told = (await a_desk(server)).call(what, **said)
    assert (told["status"], told["error"]["field"]) == (status, field)


async def test_a_step_about_nobody_is_not_found(server: Serving) -> None:
    desk = await a_desk(server)
    for record in (str(uuid4()), "no-record", "%00"):
        assert desk.call("follow", record)["status"] == 404
        assert desk.native.get(f"/v1/records/{record}").status_code == 404
    desk.house.delete(phone=[MOBILE])
    assert desk.call("follow")["status"] == 404


async def test_a_step_needs_the_permission_to_land_facts_and_a_look_the_one_to_read(server: Serving) -> None:
    desk = await a_desk(server)
    reader = await server.door(desk.house.tenant, "native", permissions=("customers",))
    writer = await server.door(desk.house.tenant, "native", permissions=("facts",))
    path = f"/v1/records/{desk.record}"
    assert reader.get(path).status_code == 200
    assert writer.get(path).status_code == 403
    assert reader.call("POST", f"{path}/follow", json=WORDS).status_code == 403
    assert writer.call("POST", f"{path}/follow", json=WORDS).status_code == 200


async def test_a_step_may_come_as_a_fact_before_its_record_and_a_late_one_counts_by_its_own_time(
    server: Serving,
) -> None:
    desk = await a_desk(server, unfollow_days=3)
    record, now = str(uuid4()), server.service.now()
    fact = {
        "kind": "step", "source": "desk", "id": "s-1", "at": (now - timedelta(days=1)).isoformat(), "record": record,
        "what": "follow", "author": "王芳", "identifiers": [{"kind": "crm_id", "value": record, "scope": "telrobot"}],
    }  # fmt: skip
    assert desk.native.call("POST", "/v1/facts", json={"facts": [fact]}).json()["landed"] == 1
    row = {"id": record, "phone": TELECOM, "created_at": (now - timedelta(days=3, hours=1)).isoformat()}
    await server.land(desk.house.tenant, [{"as": "telrobot.customer", "row": row}])
    found = desk.house.detail(record)
    assert found is not None
    assert (found["is_back"], found["followed_at"] is None) == (0, False)
    assert sorted(desk.stage("clue")) == [MOBILE, TELECOM]
    assert desk.stage("clue", ("is_follow", "1")) == [TELECOM]


async def test_a_push_of_the_row_again_leaves_owner_and_times_of_a_claim_but_for_another_owner(server: Serving) -> None:
    desk = await a_desk(server, unfollow_days=3)
    other = await desk.account()
    desk.call("release")
    told = desk.call("claim", account=other)
    own = {"id": desk.record, "phone": MOBILE, "sort": 0, "name": "乙"}
    (pushed,) = desk.house.add({**own, "sub_user_id": other})
    assert pushed["status"] == "success"
    found = desk.detail()
    assert (found["name"], found["user_id"], found["is_back"]) == ("乙", other, 0)
    assert seconds(found["unfollow_back_at"]) == seconds(found["unfollow_back_at"]).replace(microsecond=0)
    state = desk.native.get(f"/v1/records/{desk.record}").json()
    assert (state["since"], state["account"]) == (told["since"], other)
    desk.house.add(own)
    assert desk.detail()["user_id"] == desk.house.account


async def test_a_row_from_elsewhere_serves_the_same_again_in_another_house(server: Serving) -> None:
    desk = await a_desk(server, unfollow_days=3, unsettled_days=9)
    desk.call("follow")
    desk.house.add({"phone": UNICOM, "sort": 0}, {"phone": TELECOM, "sort": 0})
    rows = desk.house.list()["data"]
    desk.call("release", rows[0]["id"])
    rows = desk.house.list()["data"]
    mirror = await a_house(server)
    await server.land(mirror.tenant, [{"as": "telrobot.customer", "row": row} for row in rows])
    hidden = {"viewed_at"}
    assert [{name: value for name, value in one.items() if name not in hidden} for one in mirror.list()["data"]] == [
        {name: value for name, value in one.items() if name not in hidden} for one in rows
    ]


# ── custom fields and dictionaries ───────────────────────────────────────────────────────────────────────────────


async def test_a_deleted_field_is_served_no_more_and_its_values_stay_known(server: Serving) -> None:
    house = await a_house(server)
    field, kept = house.make_field(name="年龄", validate=["required"]), house.make_field(name="城市")
    filled = [{"id": field["id"], "value": "41"}, {"id": kept["id"], "value": "上海"}]
    (told,) = house.add({"phone": MOBILE, "sort": 0, "components": filled})
    body = {"deletes": [field["id"], field["id"], str(uuid4())]}
    answer = house.door.call("DELETE", house.path("component"), json=body).json()
    assert (answer["message"], answer["data"]) == ("删除公海组件成功", {"deleted": 1})
    found = house.detail(told["id"])
    assert found is not None
    assert [one["name"] for one in found["components"]] == ["城市"]
    assert [one["name"] for one in house.door.get(house.path("customer/create")).json()["data"]] == ["城市"]
    assert house.add({"phone": UNICOM, "sort": 0})[0]["status"] == "success"
    assert house.refusal("PUT", f"component/{field['id']}", {"name": "岁"}, 404) == "请求的内容不存在"
    again = house.make_field(name="年龄")
    assert again["id"] != field["id"]
    native = await server.door(house.tenant, "native")
    wanted = {"identifiers": [{"kind": "crm_id", "value": told["id"], "scope": "telrobot"}]}
    (customer,) = native.call("POST", "/v1/customers/lookup", json=wanted).json()["customers"]
    assert customer["records"][0]["details"]["components"][field["id"]] == "41"


async def test_a_deleted_field_comes_back_with_a_newer_definition_and_with_no_older_one(server: Serving) -> None:
    house = await a_house(server)
    field = house.make_field(name="年龄")
    house.door.call("DELETE", house.path("component"), json={"deletes": [field["id"]]})

    async def names(updated_at: str) -> list[str]:
        row = {"phone": MOBILE, "user_id": house.account, "components": [{**field, "updated_at": updated_at}]}
        await server.land(house.tenant, [{"as": "telrobot.customer", "row": row}])
        return [one["name"] for one in house.door.get(house.path("customer/create")).json()["data"]]

    assert await names(field["updated_at"]) == []
    assert await names("2100-01-01 00:00:00") == ["年龄"]


@pytest.mark.parametrize(("body", "field"), [({}, "deletes"), ({"deletes": ["x"]}, "deletes.0")])
async def test_a_deletion_of_fields_that_can_t_be_meant_is_refused(server: Serving, body: Json, field: str) -> None:
    assert list((await a_house(server)).refusal("DELETE", "component", body)) == [field]


async def test_a_field_of_another_account_is_not_deleted(server: Serving) -> None:
    house = await a_house(server)
    below = str(uuid4())
    await server.land(house.tenant, [{"as": "telrobot.customer", "row": {"phone": MOBILE, "user_id": below}}])
    own = await server.door(house.tenant, "telrobot", account=below)
    body = {"deletes": [house.make_field(name="年龄")["id"]]}
    assert own.call("DELETE", house.path("component", below), json=body).json()["data"] == {"deleted": 0}


async def test_dictionaries_are_said_listed_and_forgotten_by_calls(server: Serving) -> None:
    tenant = await server.tenant()
    door = await server.door(tenant, "native")
    path = "/v1/dictionary"
    first = door.call("PUT", path, json={"kind": "grade", "name": "A"}).json()
    assert first == {"account": str(tenant.main_account), "kind": "grade", "id": 1, "name": "A"}
    assert door.call("PUT", path, json={"kind": "grade", "name": "甲", "id": 1}).json()["name"] == "甲"
    source = door.call("PUT", path, json={"kind": "source", "name": "官网", "id": 715}).json()
    assert door.get(path).json() == {"entries": [{**first, "name": "甲"}, source]}
    assert door.get(path, pairs=[("kind", "source")]).json() == {"entries": [source]}
    assert door.get(path, pairs=[("account", str(uuid4()))]).json() == {"entries": []}
    assert door.call("DELETE", path, pairs=[("kind", "source"), ("id", "715")]).json() == source
    assert door.call("DELETE", path, pairs=[("kind", "source"), ("id", "715")]).status_code == 404
    for said, field in (
        ({"kind": "grade", "name": "甲", "id": 2}, "name"),
        ({"kind": "colour", "name": "x"}, "kind"),
        ({"kind": "grade", "name": "x", "id": 0}, "id"),
        ({"kind": "grade", "name": "x", "account": str(uuid4())}, "account"),
    ):
        refused = door.call("PUT", path, json=said)
        assert (refused.status_code, refused.json()["error"]["field"]) == (400, field)
    reader = await server.door(tenant, "native", permissions=("customers",))
    assert reader.get(path).status_code == 200
    assert reader.call("PUT", path, json={"kind": "grade", "name": "B"}).status_code == 403
    assert reader.call("DELETE", path, pairs=[("kind", "grade"), ("id", "1")]).status_code == 403

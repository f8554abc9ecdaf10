"""The mirror law for Telrobot: one server pulled into an empty one answers every read in the same bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from caller import Door, Serving
from pulling import Gate, Here
from telrobot_house import MOBILE, House

from huaxiang.generate import rows
from huaxiang.model import Tenant

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AGENT, TRAINEE, OTHER, NOBODY = (str(UUID(int=number)) for number in (0xA1, 0xA2, 0xA3, 0xA4))


async def filled(server: Serving) -> House:
    """A house with generated records, pushed ones of one second, custom fields, accounts in three tiers, a deletion."""
    tenant = await server.tenant()
    house = House(server, tenant, await server.door(tenant, "telrobot"))
    made = [
        {"as": kind, "row": {**row, "user_id": [house.account, AGENT, TRAINEE, OTHER][number % 4]}}
        for number, unit in enumerate(rows(customers=60, calls=0, seed=5, now=NOW))
        for kind, row in unit
        if kind == "telrobot.customer"
    ]
    assert (await server.land(tenant, made)).rejects == ()
    async with server.service.store.writing() as tx:
        await tx.run("put_parents", tenant.id, [UUID(TRAINEE)], [UUID(AGENT)])
    age = house.make_field(name="年龄", type="number", sort=2, validate=["required", "integer"])
    house.make_field(name="旧", sort=1, status=False)
    house.add(*(
        {"phone": f"1380000{number:04}", "sort": 0, "components": [{"id": age["id"], "value": str(number)}]}
        for number in range(60)
    ))  # fmt: skip
    odd = {"phone": MOBILE, "created_at": "2024-03-01 09:00:00", "email": "no address", "extra": {"b": [1, None]}}
    later = {"phone": "19900001111", "inputted_at": "2023-01-01 00:00:00", "updated_at": "2024-01-01 08:00:00"}
    await server.land(tenant, [{"as": "telrobot.customer", "row": {**row, "sort": 0}} for row in (odd, later)])
    # A rule that what stands already breaks.
    house.door.call("PUT", house.path(f"component/{age['id']}"), json={"validate": ["date"], "name": "年纪"})
    assert house.delete(phone=["13800000007"]) == 1
    return house


def answers(door: Door, account: str) -> dict[str, bytes]:
    """Every read of the dialect but for single customers, by what was asked."""
    lists: list[tuple[str, list[tuple[str, str]]]] = [
        (account, []),
        *((account, [("per_page", "7"), ("page", str(number))]) for number in range(1, 9)),
        (account, [("per_page", "100"), ("page", "2")]),
        *((one, [("per_page", "100")]) for one in (AGENT, TRAINEE, OTHER, NOBODY)),
        (account, [("phone", MOBILE)]),
        (account, [("created_at[0]", "2024-03-01"), ("created_at[1]", "2025-03-01"), ("per_page", "100")]),
        (account, [("operator", "1,2"), ("per_page", "100")]),
        (account, [("email", "no address")]),
    ]
    paths = [(f"/agent-api/user/{one}/get_customer", pairs) for one, pairs in lists]
    paths += [(f"/agent-api/user/{one}/customer/create", []) for one in (account, AGENT, OTHER)]
    paths += [("/agent-api/token", [])]
    return {f"{path} {pairs}": door.get(path, pairs=pairs).content for path, pairs in paths}


def names(door: Door, account: str) -> list[str]:
    page = door.get(f"/agent-api/user/{account}/get_customer", pairs=[("per_page", "100")])
    return [row["id"] for row in page.json()["data"]]


async def test_a_server_pulled_into_an_empty_one_answers_every_read_with_the_same_bytes(
    server: Serving, here: Here
) -> None:
    house = await filled(server)
    tenant = await here.service.create_tenant("mirror-of-telrobot")
    report = await here.pull(tenant, "telrobot", server.url, house.door.credential)
    assert (report["rejected"], report["told"]) == (0, report["changed"]), report
    door = await here.serving.door(await here.service.tenant(tenant.name), "telrobot")
    assert door.credential["user_id"] == house.account
    there = answers(house.door, house.account)
    own = answers(door, house.account)
    for name, answer in there.items():
        assert own[name] == answer, name
    again = await here.pull(tenant, "telrobot", server.url, house.door.credential)
    assert (again["changed"], again["landed"], again["rejected"]) == (0, 0, 0), again
    async for _ in here.service.rebuild(tenant):
        pass
    assert answers(door, house.account) == there
    listed = names(house.door, house.account)
    assert len(listed) == 100
    for name in listed:
        path = f"/agent-api/user/{house.account}/customer/detail/{name}"
        assert door.get(path).content == house.door.get(path).content


async def test_a_second_pull_brings_what_changed_and_what_was_deleted(server: Serving, here: Here) -> None:
    there = await server.tenant()
    house = House(server, there, await server.door(there, "telrobot"))
    tenant = await here.service.create_tenant("telrobot-again")
    house.add(*({"phone": f"1380000{number:04}", "sort": 0} for number in range(5)))
    await here.pull(tenant, "telrobot", server.url, house.door.credential)
    door = await here.serving.door(await here.service.tenant(tenant.name), "telrobot")
    own = House(here.serving, tenant, door)
    own.add({"phone": "13900000009", "sort": 0, "name": "here alone"})
    own.add({"phone": "13800000004", "sort": 0, "name": "changed here"})
    house.delete(phone=["13800000001"])
    house.add({"phone": "13800000002", "sort": 0, "name": "changed"}, {"phone": "13800000008", "sort": 0})
    field = house.make_field(name="年龄")
    report = await here.pull(tenant, "telrobot", server.url, house.door.credential)
    assert (report["told"], report["rejected"]) == (6, 0), report
    told: dict[str, Any] = {row["phone"]: row["name"] for row in own.list()["data"]}
    assert told == {
        "13800000000": None, "13800000002": "changed", "13800000003": None, "13800000004": "changed here",
        "13800000008": None, "13900000009": "here alone",
    }  # fmt: skip
    assert own.list()["data"][0]["components"][0]["id"] == field["id"]
    again = await here.pull(tenant, "telrobot", server.url, house.door.credential)
    assert (again["changed"], again["landed"]) == (0, 0)


async def test_a_tenant_whose_account_somebody_may_have_stored_keeps_it(server: Serving, here: Here) -> None:
    there = await server.tenant()
    house = House(server, there, await server.door(there, "telrobot"))
    house.add({"phone": MOBILE, "sort": 0})
    tenant: Tenant = await here.service.create_tenant("telrobot-kept")
    door = await here.serving.door(tenant, "telrobot")
    own = House(here.serving, tenant, door)
    own.add({"phone": "13800000000", "sort": 0})
    report = await here.pull(tenant, "telrobot", server.url, house.door.credential)
    assert any("stands below the main account" in remark for remark in report["remarks"])
    assert own.phones() == [MOBILE, "13800000000"] or own.phones() == ["13800000000", MOBILE]
    assert own.phones(account=house.account) == [MOBILE]


async def test_a_pull_that_was_killed_goes_on_where_it_was(server: Serving, here: Here) -> None:
    there = await server.tenant()
    house = House(server, there, await server.door(there, "telrobot"))
    row = {"user_id": house.account}
    made = [
        {**row, "phone": f"1380000{number:04}", "created_at": f"2024-03-01 10:{number % 60:02}:00"}
        for number in range(430)
    ]
    await server.land(there, [{"as": "telrobot.customer", "row": one} for one in made])
    tenant = await here.service.create_tenant("telrobot-killed")
    with Gate(server.url) as gate:
        # The token, and three pages: the fourth is asked for, and never answered, when the second has landed.
        gate.passes = 4
        await here.killed(gate, tenant, "telrobot", house.door.credential)
        report = await here.pull(tenant, "telrobot", gate.address, house.door.credential)
    assert (report["state"], report["landed"], report["rejected"]) == ("resumed", 430, 0)
    door = await here.serving.door(await here.service.tenant(tenant.name), "telrobot")
    for page in range(1, 6):
        pairs = [("per_page", "100"), ("page", str(page))]
        path = f"/agent-api/user/{house.account}/get_customer"
        assert door.get(path, pairs=pairs).content == house.door.get(path, pairs=pairs).content


async def test_a_credential_may_lie_in_a_file_as_its_maker_printed_it(
    server: Serving, here: Here, tmp_path: Path
) -> None:
    there = await server.tenant()
    house = House(server, there, await server.door(there, "telrobot"))
    house.add({"phone": MOBILE, "sort": 0})
    tenant = await here.service.create_tenant("telrobot-by-file")
    file = tmp_path / "credential.json"
    file.write_text(json.dumps(house.door.credential), encoding="utf-8")
    report = await here.pull(tenant, "telrobot", server.url, {}, "--credential", str(file))
    assert report["told"] == 1
    file.write_text("[]", encoding="utf-8")
    refused = await here.run(tenant, "telrobot", server.url, {}, "--credential", str(file))
    assert (refused.returncode, "credential" in refused.stderr) == (2, True)

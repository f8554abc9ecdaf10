"""The Telrobot client, blocking and asyncio, against a real server over a real socket; and one that fails between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import msgspec
import pytest
from served import House, Lose, Pass, Say, between, said

from huaxiang.client import NotFound, NotPermitted, TooOften, Unauthenticated, Unexpected, reading
from huaxiang.client.telrobot import AsyncTelrobotClient, CustomerRow, Filter, TelrobotClient
from huaxiang.model import Tenant

CUSTOMER = UUID("780f7216-b131-462b-ba30-de7cd1f527de")

ACCOUNT = "5832d184-dd53-42a0-8ace-0bf8d660f4cc"
SAID = json.loads((Path(__file__).parent / "golden" / "telrobot_said.json").read_text(encoding="utf-8"))

AClient: TypeAlias = TelrobotClient | AsyncTelrobotClient
Connect: TypeAlias = Callable[..., AClient]
Credential: TypeAlias = dict[str, str]


def row(credential: Credential, **fields: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - any field of a customer
    times = {"created_at": "2023-09-21 11:23:12", "updated_at": "2023-10-11 10:18:55"}
    known = {"id": str(CUSTOMER), "user_id": credential["user_id"], "phone": "13667679151", **times}
    return "telrobot.customer", {**known, **fields}


async def test_a_customer_is_read_by_its_id(
    telrobot: Connect, house: House, mine: Tenant, credential: Credential
) -> None:
    await house.land(mine, row(credential, name="ai_7227840", sex=2, expect_transaction_fee="12.50"))
    found = await said(telrobot(), "detail", CUSTOMER)
    assert (found.id, found.name, found.sex, found.phone) == (str(CUSTOMER), "ai_7227840", 2, "13667679151")
    assert (found.expect_transaction_fee, found.updated_at, found.components) == ("12.50", "2023-10-11 10:18:55", [])


async def test_a_token_tells_its_account(telrobot: Connect, credential: Credential) -> None:
    state = await said(telrobot(), "token")
    assert (state.user_id, state.expired_at) == (credential["user_id"], None)


async def test_a_customer_that_is_not_there_is_not_found(telrobot: Connect) -> None:
    with pytest.raises(NotFound) as caught:
        await said(telrobot(), "detail", uuid4())
    assert caught.value.message == "客户不存在"


async def test_a_wrong_token_and_an_account_of_another_are_told(telrobot: Connect) -> None:
    with pytest.raises(Unauthenticated):
        await said(telrobot(token="wrong"), "detail", CUSTOMER)
    with pytest.raises(NotPermitted):
        await said(telrobot(user_id=str(uuid4())), "detail", CUSTOMER)


async def test_what_may_pass_is_tried_again(telrobot: Connect, house: House) -> None:
    with between(house.address, Say(503), Lose(), Say(429), Pass()) as proxy:
        await said(telrobot(proxy.address), "token")
    assert len(proxy.targets) == 4


async def test_past_the_rate_at_every_try_is_too_often(telrobot: Connect, house: House, mine: Tenant) -> None:
    client = telrobot(**await house.key(mine, "telrobot", rate=0.001))
    await said(client, "token")
    with pytest.raises(TooOften):
        await said(client, "token")


async def test_a_client_of_its_own_connections_asks_and_closes(house: House, credential: Credential) -> None:
    with TelrobotClient(house.address, credential["token"], credential["user_id"]) as client:
        assert client.token().user_id == credential["user_id"]
    async with AsyncTelrobotClient(house.address, credential["token"], credential["user_id"]) as waiting:
        assert (await waiting.token()).user_id == credential["user_id"]


# ── neighbours: the vendor's document played over a socket ────────────────────────────────────────────────────────


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in SAID])
async def test_a_call_of_the_document_is_sent_and_read_as_it_says(telrobot: Connect, case: dict[str, Any]) -> None:
    wanted = [msgspec.convert(case["filter"], Filter)] if "filter" in case else []
    played = [Say(200, json.dumps(answer).encode()) for answer in case["answers"]]
    with between("http://127.0.0.1:9", *played) as vendor:
        found = await said(telrobot(vendor.address, user_id=ACCOUNT), case["verb"], *wanted, **case["arguments"])
    assert plain(found) == case["read"]
    assert vendor.targets == [one["target"] for one in case["sent"]]
    assert [json.loads(body or b"null") for body in vendor.requests] == [one.get("body") for one in case["sent"]]


@pytest.mark.parametrize("data", [None, [], {}, True, 7, "ok", [1], {"deleted": "viele"}])
async def test_what_was_done_is_done_whatever_the_vendor_says_of_it(telrobot: Connect, data: Any) -> None:  # noqa: ANN401 - any JSON
    done = Say(200, json.dumps({"code": 200, "status": "success", "message": "成功", "data": data}).encode())
    with between("http://127.0.0.1:9", *[done] * 3) as vendor:
        client = telrobot(vendor.address)
        (told,) = await said(client, "add", [CustomerRow(phone="13012121211")])
        assert (told.taken, told.id, told.message) == (True, None, "成功")
        assert await said(client, "delete", ["13012121211"]) is None
        assert await said(client, "change_field", CUSTOMER, name="x") is None


async def test_an_answer_to_other_rows_is_unexpected(telrobot: Connect) -> None:
    data = [{"row": row, "status": "success"} for row in (0, 2)]
    done = Say(200, json.dumps({"code": 200, "status": "success", "message": "", "data": data}).encode())
    with between("http://127.0.0.1:9", done) as vendor, pytest.raises(Unexpected):
        await said(telrobot(vendor.address), "add", [CustomerRow(phone="1"), CustomerRow(phone="2")])


async def test_rows_and_deletions_are_cut_to_what_a_call_may_carry(telrobot: Connect) -> None:
    done = Say(200, json.dumps({"code": 200, "status": "success", "message": "", "data": []}).encode())
    with between("http://127.0.0.1:9", *[done] * 8) as vendor:
        client = telrobot(vendor.address)
        await said(client, "add", ({"phone": f"{number}", "sort": 0} for number in range(401)))
        await said(client, "delete", [f"{number}" for number in range(101)])
        assert await said(client, "delete") == 0
        assert await said(client, "delete", [], created_at=("2024-07-26", "2024-07-27")) == 0
        await said(client, "delete", created_at=("2024-07-26 00:00:00", "2024-07-27 23:59:59"))
    bodies = [json.loads(body) for body in vendor.requests]
    assert [len(body.get("data", body.get("phone", []))) for body in bodies] == [200, 200, 1, 100, 1, 0]


def plain(value: object) -> object:
    """An answer without what did not come."""
    return reading.without_nulls(lean(msgspec.to_builtins(value)))


def lean(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Without the list of custom fields that a list does not tell."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "phone" in value[0]:
        return [{name: one for name, one in row.items() if name != "components"} for row in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] -- any JSON
    return value  # pyright: ignore[reportUnknownVariableType] -- any JSON

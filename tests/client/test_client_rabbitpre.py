"""The Rabbitpre client, blocking and asyncio, against a real server over a real socket; and one that fails between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest
from served import House, Lose, Pass, Say, app_of, between, said

from huaxiang.client import Invalid, NotPermitted, Retry, TooOften, Unauthenticated, Unconfirmed, Unexpected
from huaxiang.client.pace import Rate
from huaxiang.client.rabbitpre import App, AsyncRabbitpreClient, RabbitpreClient, Rates
from huaxiang.model import Tenant

ONCE = Retry(tries=1)
WRONG_TOKEN = Say(200, json.dumps({"code": "100200", "errorCode": "TOKEN_ERROR", "msg": "token错误"}).encode())
TOO_OFTEN = Say(200, json.dumps({"code": "100429", "errorCode": "TOO_FREQUENT", "msg": "操作频繁,请稍后重试"}).encode())

DONE: dict[str, Any] = {"code": "200", "errorCode": "SUCCESS", "msg": "ok", "data": None}
TOKEN: dict[str, Any] = {**DONE, "data": {"orgAccessToken": "a-1", "orgRefreshToken": "r-1", "expire": 7200}}
SAID = json.loads((Path(__file__).parent / "golden" / "rabbitpre_said.json").read_text(encoding="utf-8"))

AClient: TypeAlias = RabbitpreClient | AsyncRabbitpreClient
Connect: TypeAlias = Callable[..., AClient]


def profile(number: int, **fields: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - any field of a profile
    return "rabbitpre.profile", {"unionid": f"u-{number}", "phone": f"1388800{number:04d}", **fields}


async def test_customers_are_read_by_phone_by_id_and_by_a_third_partys_id(
    rabbitpre: Connect, house: House, mine: Tenant
) -> None:
    await house.land(mine, profile(1, realName="俊驰.莫", thirdId="t-1"), profile(2, sex="女"))
    client = rabbitpre()
    first, second = await said(client, "detail", phones=["13888000001", "13888000002", "13900000000"])
    assert (first.realName, first.phone, first.thirdId, second.sex) == ("俊驰.莫", "13888000001", "t-1", 2)
    assert await said(client, "detail", ids=[first.audienceUserId], phones=["13888000001"]) == [first]
    assert await said(client, "detail", third_ids=["t-1"]) == [first]


async def test_one_token_serves_until_it_is_refused_and_is_then_got_anew_once(rabbitpre: Connect, house: House) -> None:
    with between(house.address, Pass(), Pass(), Pass(), WRONG_TOKEN) as proxy:
        client = rabbitpre(proxy.address)
        for _ in range(3):
            assert await said(client, "detail", phones=["13888000001"]) == []
    asked = [target.partition("?")[0].rpartition("/")[2] for target in proxy.targets]
    assert asked == ["getOrgAccessToken", "detail", "detail", "detail", "getOrgAccessToken", "detail"]
    tokens = [headers["x-token"] for headers in proxy.headers if "x-token" in headers]
    assert tokens[0] == tokens[1] == tokens[2] != tokens[3]


async def test_a_token_that_is_refused_again_is_told(rabbitpre: Connect, house: House) -> None:
    with between(house.address, Pass(), WRONG_TOKEN, Pass(), WRONG_TOKEN) as proxy:
        with pytest.raises(Unauthenticated) as caught:
            await said(rabbitpre(proxy.address), "detail", phones=["13888000001"])
        assert (caught.value.code, len(proxy.targets)) == ("TOKEN_ERROR", 4)


async def test_a_wrong_secret_is_told_at_once(rabbitpre: Connect, house: House, app: App) -> None:
    with between(house.address) as proxy:
        with pytest.raises(Unauthenticated) as caught:
            await said(rabbitpre(proxy.address, App(app.id, "wrong")), "detail", phones=["13888000001"])
        assert (caught.value.code, len(proxy.targets)) == ("APPID_SECRET_ERROR", 1)


async def test_a_call_without_permission_or_with_a_bad_id_is_told(
    rabbitpre: Connect, house: House, mine: Tenant
) -> None:
    with pytest.raises(NotPermitted):
        await said(rabbitpre(app=app_of(await house.key(mine, "rabbitpre", permissions=()))), "detail", phones=["1"])
    with pytest.raises(Invalid) as caught:
        await said(rabbitpre(), "detail", ids=[0])
    assert caught.value.field == "audienceUserIdList[0]"


async def test_neither_secrets_nor_tokens_are_logged(
    rabbitpre: Connect, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await said(rabbitpre(), "detail", phones=["13888000001"])
    assert "getOrgAccessToken" in caplog.text
    assert [held for held in (app.secret, app.id, "13888000001") if held in caplog.text] == []


async def test_what_may_pass_is_tried_again(rabbitpre: Connect, house: House) -> None:
    with between(house.address, Say(503), Lose(), Pass(), TOO_OFTEN, Say(500), Lose(), Pass()) as proxy:
        assert await said(rabbitpre(proxy.address), "detail", phones=["13888000001"]) == []
    assert len(proxy.targets) == 7


async def test_the_vendors_rate_is_kept_by_waiting(rabbitpre: Connect, house: House, mine: Tenant) -> None:
    app = app_of(await house.key(mine, "rabbitpre", rate=10))
    patient = rabbitpre(app=app, rates=Rates(detail=Rate(1, 0.1)), retry=ONCE)
    for _ in range(4):
        assert await said(patient, "detail", phones=["13888000001"]) == []


async def test_a_rate_that_others_use_up_too_is_told_in_the_end(rabbitpre: Connect, house: House, mine: Tenant) -> None:
    app = app_of(await house.key(mine, "rabbitpre", rate=0.001))
    client = rabbitpre(app=app)
    await said(client, "detail", phones=["13888000001"])
    with pytest.raises(TooOften):
        await said(client, "detail", phones=["13888000001"])


async def test_a_client_of_its_own_connections_asks_and_closes(house: House, app: App) -> None:
    with RabbitpreClient(house.address, app) as client:
        assert client.detail(phones=["13888000001"]) == []
    async with AsyncRabbitpreClient(house.address, app) as waiting:
        assert await waiting.detail(phones=["13888000001"]) == []


# ── neighbours: the vendor's document played over a socket ────────────────────────────────────────────────────────


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in SAID])
async def test_a_call_of_the_document_is_sent_and_read_as_it_says(rabbitpre: Connect, case: dict[str, Any]) -> None:
    played = [Say(200, json.dumps(answer).encode()) for answer in [TOKEN, *case["answers"]]]
    with between("http://127.0.0.1:9", *played) as vendor:
        found = await said(rabbitpre(vendor.address), case["verb"], **case["arguments"])
    assert plain(found) == case["read"]
    assert vendor.targets[1:] == [one["target"] for one in case["sent"]]
    assert [json.loads(body or b"null") for body in vendor.requests[1:]] == [one.get("body") for one in case["sent"]]
    assert {headers["x-token"] for headers in vendor.headers[1:]} == {"a-1"}


def plain(value: object) -> object:
    """An answer without what did not come."""
    return json.loads(msgspec.json.encode(lean(msgspec.to_builtins(value))))


def lean(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {name: lean(one) for name, one in value.items() if one not in (None, [])}  # pyright: ignore[reportUnknownVariableType] -- any JSON
    return [lean(one) for one in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType] -- any JSON


async def test_five_hundred_rows_go_in_a_request(rabbitpre: Connect) -> None:
    played = [Say(200, json.dumps(answer).encode()) for answer in (TOKEN, DONE, DONE, DONE)]
    with between("http://127.0.0.1:9", *played) as vendor:
        rows = ({"eventId": f"e-{number}"} for number in range(1001))
        added = await said(rabbitpre(vendor.address), "add_events", rows)
    assert (added.taken, added.refused, added.data) == (1001, [], [None, None, None])
    assert [len(json.loads(body)["data"]) for body in vendor.requests[1:]] == [500, 500, 1]


async def test_an_answer_to_other_rows_is_unexpected(rabbitpre: Connect) -> None:
    answer = {**DONE, "rows": [{"index": 1, "code": "200", "errorCode": "SUCCESS", "msg": "ok"}]}
    played = [Say(200, json.dumps(one).encode()) for one in (TOKEN, answer)]
    with between("http://127.0.0.1:9", *played) as vendor, pytest.raises(Unexpected):
        await said(rabbitpre(vendor.address), "add_profiles", [{"unionid": "un-1"}])


async def test_events_are_sent_again_only_where_each_has_its_id(rabbitpre: Connect) -> None:
    token, done = (Say(200, json.dumps(answer).encode()) for answer in (TOKEN, DONE))
    with between("http://127.0.0.1:9", token, Say(503), done) as vendor:
        await said(rabbitpre(vendor.address), "add_events", [{"eventId": "e-1"}])
        assert len(vendor.targets) == 3
    with between("http://127.0.0.1:9", token, Say(503), done) as vendor:
        with pytest.raises(Unconfirmed):
            await said(rabbitpre(vendor.address), "add_events", [{"eventId": "e-1"}, {"eventKey": "c_buy"}])
        assert len(vendor.targets) == 2


async def test_a_list_that_leads_nowhere_is_unexpected_rather_than_endless(rabbitpre: Connect) -> None:
    page = {**DONE, "data": {"audienceUserIdList": ["1", "2"]}}
    played = [Say(200, json.dumps(answer).encode()) for answer in (TOKEN, page, page)]
    with between("http://127.0.0.1:9", *played) as vendor, pytest.raises(Unexpected):
        await said(rabbitpre(vendor.address), "user_ids", size=2)


async def test_what_cannot_be_asked_is_told_before_it_is_asked(rabbitpre: Connect) -> None:
    bad: list[tuple[str, dict[str, Any], str]] = [
        ("info", {}, "phone,openid"),
        ("detail", {"phones": "13888000001"}, "phones"),
        ("detail", {"third_ids": "t-1"}, "third_ids"),
        ("user_ids", {"size": 0}, "size"),
        ("user_ids", {"size": 10_001}, "size"),
        ("tags_of", {"ids": [1], "size": 1001}, "size"),
    ]
    for verb, asked, field in bad:
        with pytest.raises(Invalid) as caught:
            await said(rabbitpre(), verb, **asked)
        assert caught.value.field == field

"""Rabbitpre's neighbours of the detail call over a running server with two workers: pages of ids, tags, the ways in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec
import pytest
from caller import Door, Serving

from huaxiang.client.pace import Rate
from huaxiang.client.rabbitpre import App, AsyncRabbitpreClient, Rates
from huaxiang.dialects.rabbitpre.neighbours import BatchAnswer, InfoAnswer, TagsOfAnswer
from huaxiang.model import OWN_IDS, Tenant

SLOW = 0.001
"""A key a thousand times slower than the vendor's: what it may do once in 2 seconds, it may do once in half an hour."""
AUDIENCE = "/api/open/api/audience"
INFO, IDS = f"{AUDIENCE}/getInfoByPhoneAndOpenid", f"{AUDIENCE}/user/id/list"
TAGS, TAGS_OF = f"{AUDIENCE}/user/tag/list", f"{AUDIENCE}/user/tag/batchlist"
PROFILES = "/api/open/audience/info/v2/batchAdd"
EVENTS = "/api/open/api/integrate/event/batchAdd"
TAGGING = "/api/open/api/integrate/audience/tag/v2/batchAdd"
AT = 1648097254000


async def a_door(server: Serving, **options: object) -> tuple[Tenant, Door]:
    """A fresh tenant and a key of it."""
    tenant = await server.tenant()
    return tenant, await server.door(tenant, "rabbitpre", **options)


def add(door: Door, path: str, rows: Sequence[dict[str, Any]], **settings: object) -> dict[str, Any]:
    """Hand rows over; the whole answer."""
    answer = door.call("POST", path, json={"data": list(rows), **({"publicParams": settings} if settings else {})})
    assert msgspec.json.decode(answer.content, type=BatchAnswer).code == "200", answer.text
    return answer.json()


def detail(door: Door, *ids: int) -> list[dict[str, Any]]:
    """The customers of these ids, without the enterprise's own id."""
    answer = door.call("POST", f"{AUDIENCE}/detail", json={"audienceUserIdList": ids}).json()
    return [{name: value for name, value in one.items() if name != "orgId"} for one in answer["data"]]


def tags_of(door: Door, *ids: int) -> list[list[dict[str, Any]]]:
    """The tags of these customers."""
    answer = door.call("POST", TAGS_OF, json={"audienceUserIdList": ids})
    assert msgspec.json.decode(answer.content, type=TagsOfAnswer).code == "200", answer.text
    return [one["tagList"] for one in answer.json()["data"]]


def listed(door: Door, size: int) -> list[list[int]]:
    """All pages of ids, to the empty one."""
    pages: list[list[int]] = []
    while not pages or pages[-1]:
        pairs = [("size", str(size)), *((("audienceUserId", str(pages[-1][-1])),) if pages else ())]
        pages.append(door.get(IDS, pairs=pairs).json()["data"]["audienceUserIdList"])
    return pages[:-1]


def code(answer: httpx.Response) -> str:
    """The vendor's word for what became of a request."""
    return answer.json()["errorCode"]


# ── ids ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def profile(**row: object) -> dict[str, Any]:
    return {"as": "rabbitpre.profile", "row": {"updateTime": AT, **row}}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_pages_hold_every_customer_once_by_the_id_that_it_answers_under(server: Serving, size: int) -> None:
    tenant, door = await a_door(server)
    ids = [9, 10, 643, 1200, 958788729483837440, OWN_IDS - 1]
    others = tenant.own_ids.stop + 5
    await server.land(tenant, [profile(audienceUserId=one, unionid=f"u{one}") for one in (*ids, others)])
    # One with two of the vendor's ids, which answers under the smaller; one with an id that is none; four without any.
    await server.land(tenant, [profile(audienceUserId=one, unionid="joined") for one in (5000, 77)])
    await server.land(tenant, [profile(unionid=f"own{number}") for number in range(4)])
    fact = {"kind": "trait", "source": "x", "identifiers": [{"kind": "audience_id", "value": "no number"}]}
    await server.land(tenant, [{"as": "facts", "row": fact}])
    await server.land(await server.tenant(), [profile(audienceUserId=11), profile(unionid="foreign")])
    pages = listed(door, size)
    found = [one for page in pages for one in page]
    assert found == sorted(set(found))
    assert found[:7] == sorted([*ids, 77])
    assert (len(found), found[-1]) == (13, others)
    assert all(one in tenant.own_ids for one in found[7:-1])
    assert all(len(page) == size for page in pages[:-1])
    assert [one["audienceUserId"] for one in detail(door, *found)] == found


async def test_whoever_goes_on_meets_all_that_stay_however_many_come_meanwhile(server: Serving) -> None:
    tenant, door = await a_door(server)
    await server.land(tenant, [profile(audienceUserId=number) for number in range(100, 200, 10)])
    first = door.get(IDS, pairs=[("size", "5")]).json()["data"]["audienceUserIdList"]
    await server.land(tenant, [profile(audienceUserId=number) for number in range(101, 200, 10)])
    rest = door.get(IDS, pairs=[("size", "100"), ("audienceUserId", str(first[-1]))]).json()["data"]
    assert {*first, *rest["audienceUserIdList"]} >= set(range(100, 200, 10))
    assert min(rest["audienceUserIdList"]) > first[-1]


async def test_a_customer_is_found_by_an_openid_of_any_app_and_only_where_a_phone_agrees(server: Serving) -> None:
    tenant, door = await a_door(server)
    openids = [{"openid": "o1", "appid": "wx1"}, {"openid": "w1", "appid": "corp", "platform": "workwechat"}]
    await server.land(
        tenant,
        [
            profile(audienceUserId=1, openids=openids, phone="13339938205"),
            profile(audienceUserId=2, phone="13339938206"),
        ],
    )
    asked: list[tuple[dict[str, Any], int | None]] = [
        ({"openid": "o1"}, 1), ({"openid": "w1"}, 1), ({"phone": "133-3993-8206"}, 2),
        ({"phone": "13339938205", "openid": "o1"}, 1), ({"phone": "13339938206", "openid": "o1"}, None),
        ({"openid": "o2"}, None), ({"openid": "\0"}, None), ({"phone": "x"}, None),
    ]  # fmt: skip
    for body, expected in asked:
        answer = door.call("POST", INFO, json=body)
        assert msgspec.json.decode(answer.content, type=InfoAnswer).code == "200"
        data = answer.json()["data"]
        assert (data and data["audienceUserId"]) == expected, body


# ── limits and permissions ────────────────────────────────────────────────────────────────────────────────────────


async def at_once(door: Door, count: int, method: str, path: str, sent: Mapping[str, Any]) -> Counter[str]:
    """What many requests at once are answered, over connections of their own, so that all workers take part."""
    headers = door.headers()

    async def one() -> str:
        async with httpx.AsyncClient(base_url=door.url, trust_env=False, timeout=30) as client:
            return code(await client.request(method, path, headers=headers, **sent))

    return Counter(await asyncio.gather(*(one() for _ in range(count))))


async def test_a_limit_holds_over_all_workers(server: Serving) -> None:
    _, door = await a_door(server, rate=SLOW)
    many = await at_once(door, 25, "POST", TAGS_OF, {"json": {"audienceUserIdList": [1]}})
    assert many == {"SUCCESS": 10, "TOO_FREQUENT": 15}
    one = await at_once(door, 8, "GET", TAGS, {"params": {"audienceUserId": "1"}})
    assert one == {"SUCCESS": 1, "TOO_FREQUENT": 7}


async def test_a_refused_request_does_not_count(server: Serving) -> None:
    _, door = await a_door(server, rate=SLOW)
    assert code(door.get(TAGS, pairs=[("audienceUserId", "x")])) == "PARAM_ERROR"
    assert code(door.get(TAGS, pairs=[("audienceUserId", "1")])) == "SUCCESS"
    assert code(door.get(TAGS, pairs=[("audienceUserId", "1")])) == "TOO_FREQUENT"


async def test_each_call_needs_its_own_permission(server: Serving) -> None:
    needs = {
        (INFO, "POST"): "profile", (IDS, "GET"): "profile", (TAGS, "GET"): "tags", (TAGS_OF, "POST"): "tags",
        (PROFILES, "POST"): "write", (EVENTS, "POST"): "write", (TAGGING, "POST"): "write",
    }  # fmt: skip
    tenant = await server.tenant()
    for permission in ("profile", "tags", "write"):
        door = await server.door(tenant, "rabbitpre", permissions=(permission,))
        for (path, method), needed in needs.items():
            denied = code(door.call(method, path)) == "PERMISSION_DENIED"
            assert denied is (needed != permission), (path, permission)
    stranger = Door(server.url, "rabbitpre", {}, access_token="nobody")
    assert {code(stranger.call(method, path)) for path, method in needs} == {"TOKEN_ERROR"}


# ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────────

UPSTREAM = {"unionid": "above"}
STORY: list[tuple[str, str, dict[str, Any]]] = [
    ("rabbitpre.profile", PROFILES, {"audienceUserId": 7, "unionid": "un-1", "sex": "男", "updateTime": AT,
     "openids": [{"openid": "oXz", "appid": "wx1", "fromTo": "gzh"}],
     "customFields": [{"configId": 1, "configName": "属性1", "values": ["a"]}]}),
    ("rabbitpre.profile", PROFILES, {"audienceUserId": 8, "unionid": "above", "updateTime": AT}),
    ("rabbitpre.event", EVENTS, {"eventKey": "view", "eventId": "e1", "time": AT, "unionid": "un-1",
     "eventargs": {"appid": "wx1", "upstream": UPSTREAM, "province": "广东", "city": "深圳"}}),
    ("rabbitpre.event", EVENTS, {"eventKey": "share", "eventId": "e2", "time": AT + 1, "unionid": "un-1",
     "eventargs": {"upstream": UPSTREAM, "lbsProvince": "湖南", "lbsCity": "长沙"}}),
    ("rabbitpre.event", EVENTS, {"eventKey": "subscribe", "eventId": "e3", "time": AT + 2, "openid": "oXz",
     "eventargs": {"appid": "wx1", "wechatName": "兔展", "sourceCnl": 907}}),
    ("rabbitpre.event", EVENTS, {"eventKey": "unsubscribe", "eventId": "e4", "time": AT + 3, "openid": "oXz",
     "eventargs": {"appid": "wx1"}}),
    ("rabbitpre.tag", TAGGING, {"unionid": "un-1", "tags": "老客,重点", "updateTime": AT}),
    ("rabbitpre.tag", TAGGING, {"unionid": "un-1", "optType": "delete", "tags": "老客", "updateTime": AT + 9}),
]  # fmt: skip


async def test_a_file_and_a_request_say_the_same_in_any_order_and_twice(server: Serving) -> None:
    tenant, file = await a_door(server)
    await server.land(tenant, [{"as": form, "row": row} for form, _, row in STORY])
    expected = detail(file, 7, 8), tags_of(file, 7)
    (one, above), (found,) = expected
    assert (one["sex"], one["active"], above["spread"], one["city"], one["lbsCity"]) == (1, 2, 2, "深圳", "长沙")
    assert [account["appid"] for account in one["wechatList"]] == ["wx1"]
    assert "subWechatList" not in one
    assert found == [{"tagTime": AT, "tagName": "重点"}]
    turns = (STORY, STORY[::-1], [*STORY[3:], *STORY[:3]])
    for story in turns:
        other, door = await a_door(server)
        for _, path, row in (*story, story[0]):
            assert add(door, path, [row])["data"] == 1
        assert detail(door, 7, 8) == expected[0]
        assert tags_of(door, 7) == expected[1]
        async for _ in server.service.rebuild(other):
            pass
        assert detail(door, 7, 8) == expected[0]
        assert tags_of(door, 7) == expected[1]


async def test_each_row_is_answered_for_itself_where_the_house_refuses_it_too(server: Serving) -> None:
    _, door = await a_door(server)
    rows: list[dict[str, Any]] = [
        {"audienceUserId": 1, "realName": "一"},
        {"realName": "无身份"},
        {"audienceUserId": 2, "realName": "\0"},
        {"audienceUserId": 3, "updateTime": "1066-10-14 09:00:00"},
        {"audienceUserId": 4},
    ]
    answer = add(door, PROFILES, rows)
    assert (answer["data"], [row["errorCode"] for row in answer["rows"]]) == (
        2,
        ["SUCCESS", "PARAM_ERROR", "PARAM_ERROR", "PARAM_ERROR", "SUCCESS"],
    )
    assert [row["index"] for row in answer["rows"]] == [0, 1, 2, 3, 4]
    assert listed(door, 100) == [[1, 4]]
    for row in answer["rows"]:
        assert not any(word in row["msg"] for word in ("wanted", "needed", "between"))


async def test_five_hundred_rows_are_taken_and_one_more_refuses_the_batch(server: Serving) -> None:
    _, door = await a_door(server)
    rows = [{"audienceUserId": number, "updateTime": AT} for number in range(1, 502)]
    refused = door.call("POST", PROFILES, json={"data": rows})
    assert (code(refused), listed(door, 1000)) == ("PARAM_ERROR", [])
    assert add(door, PROFILES, rows[:500])["data"] == 500
    assert listed(door, 1000) == [list(range(1, 501))]


async def test_tags_of_a_joined_customer_are_the_sum_of_both(server: Serving) -> None:
    _, door = await a_door(server)
    add(door, TAGGING, [{"unionid": "un-1", "tags": "a", "updateTime": AT}])
    add(door, TAGGING, [{"phone": "13339938205", "tags": "b,c", "updateTime": AT}])
    add(door, TAGGING, [{"unionid": "un-1", "tags": "c", "updateTime": AT + 1}], optType="delete")
    add(door, PROFILES, [{"audienceUserId": 5, "unionid": "un-1", "phone": "13339938205"}])
    assert [[tag["tagName"] for tag in found] for found in tags_of(door, 5)] == [["a", "b"]]


async def test_an_id_of_our_own_reads_and_tags_no_one_by_itself(server: Serving) -> None:
    tenant, door = await a_door(server)
    add(door, TAGGING, [{"unionid": "un-1", "tags": "a", "updateTime": AT}])
    ((own,),) = listed(door, 10)
    assert own in tenant.own_ids
    assert door.get(TAGS, pairs=[("audienceUserId", str(own))]).json()["data"]["tagList"][0]["tagName"] == "a"
    answer = add(door, TAGGING, [{"audienceUserId": own, "tags": "b"}])
    assert (answer["data"], answer["rows"][0]["errorCode"]) == (0, "PARAM_ERROR")


async def test_our_own_client_reads_what_it_wrote(server: Serving) -> None:
    _, door = await a_door(server)
    app = App(door.credential["instanceAppid"], door.credential["instanceSecrect"])
    named = [{"identityType": "unionid", "identityValue": "un-1"}]
    at_any = Rates(detail=Rate(100, 0.0), tags=Rate(100, 0.0), tags_of=Rate(100, 0.0))
    async with AsyncRabbitpreClient(server.url, app, rates=at_any) as client:
        assert (await client.add_profiles([{"identities": named, "phone": "13339938205", "sex": "男"}])).data == [1]
        assert (await client.add_events([{"eventKey": "view", "eventId": "e1", "identities": named}])).data == [1]
        tagged_so = {"identities": named, "operateTags": [{"tagName": "a", "tagValues": ["b"]}]}
        assert (await client.tag([tagged_so])).data == [1]
        (own,) = [one async for one in client.user_ids(size=1)]
        found = await client.info(phone="13339938205")
        assert found is not None
        assert (found.audienceUserId, found.sex, found.active) == (own, 1, 1)
        (tagged,) = [one async for one in client.tags_of([own, 7])]
        assert [(tag.tagName, [value.tagValue for value in tag.tagValueList]) for tag in tagged.tagList] == [
            ("a", ["b"])
        ]
        assert (await client.tag([{"identities": named, "operateTags": ["a"]}], optType="delete")).data == [1]
        left = await client.tags(own)
        assert left is not None
        assert left.tagList == []
        assert await client.tags(7) is None

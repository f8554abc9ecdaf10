"""The mirror law for Rabbitpre: one server pulled into an empty one answers every read in the same bytes.

Clocks: answers are compared on the day of the pull; what becomes of them on later days has tests of its own.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from caller import Door, Serving
from pulling import Gate, Here

from huaxiang.generate import rows
from huaxiang.model import OWN_IDS, Tenant

DETAIL = "/api/open/api/audience/detail"
INFO = "/api/open/api/audience/getInfoByPhoneAndOpenid"
IDS = "/api/open/api/audience/user/id/list"
TAGS, TAGS_OF = "/api/open/api/audience/user/tag/list", "/api/open/api/audience/user/tag/batchlist"
TODAY = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0)


def ms(days: float = 0) -> int:
    """So many days ago."""
    return int((TODAY - timedelta(days=days)).timestamp()) * 1000 + 123


def profile(**row: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a row
    return {"as": "rabbitpre.profile", "row": {"updateTime": ms(3), **row}}


def event(id_: str, days: float, key: str = "view", **row: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a row
    args = row.pop("args", {})
    return {
        "as": "rabbitpre.event",
        "row": {"eventKey": key, "eventId": id_, "time": ms(days), "eventargs": args, **row},
    }


def odd_customers() -> list[dict[str, Any]]:
    """Customers that the generated ones are not like."""
    gzh = {"appid": "wxa", "fromTo": "gzh"}
    many = [{"openid": f"many{number:02}", "appid": f"wxm{99 - number}", "platform": "gzh"} for number in range(45)]
    return [
        # Joined by the vendor's ids; both ask under the smaller.
        profile(audienceUserId=88, unionid="joined", createTime=ms(40), realName="甲"),
        profile(audienceUserId=77, unionid="joined", phone="13900000001", createTime=ms(50)),
        # Without a vendor's id, with a phone that identifies nobody, with one that is none.
        profile(phone="13800138000", realName="占位"),
        profile(phone="010-1234567"),
        profile(unionid="alone", openids=[{"openid": "o-alone"}], sex="未知", userType=["个人"], birthday="1990-02-28"),
        profile(
            unionid="many",
            openids=many[:20],
            phoneList=[{"phone": f"1360000{n:04}", "isVerify": str(n % 2)} for n in (4, 2, 9)],
        ),
        profile(unionid="many", openids=many[20:], updateTime=ms(1)),
        profile(identityId="i-1", jcappid=12, identityType="card", platform="YOUZAN"),
        profile(
            openids=[{"openid": "wm-1", "appid": "ww1", "platform": "workwechat", "jcappid": 7, "identityId": "x"}]
        ),
        profile(audienceUserId=OWN_IDS + 77, unionid="of-another-house", thirdId="t-1"),
        # Followed, left, left before it was ever followed.
        event("f1", 20, "subscribe", openid="o-f", args={**gzh, "wechatName": "甲"}),
        event("f2", 10, "unsubscribe", openid="o-f", args=gzh),
        event("f3", 30, "unsubscribe", openid="o-f2", args={"appid": "wxb", "fromTo": "gzh"}, unionid="followed"),
        event(
            "f4",
            5,
            "subscribe",
            openid="o-f2",
            args={"appid": "wxb", "fromTo": "gzh", "sourceCnl": 7},
            unionid="followed",
        ),
        event("f5", 15, "subscribe", openid="o-f3", args={"appid": "wxc", "fromTo": "gzh"}, unionid="followed"),
        event("f6", 25, "unsubscribe", openid="o-f4", args={"appid": "wxd", "fromTo": "gzh"}, unionid="followed"),
        # Weights of nothing, windows that were left, spread without activity.
        event("w1", 0, "scan", unionid="weightless", args=gzh),
        event("w2", 8, unionid="left-the-week", args={"upstream": {"unionid": "above"}}),
        event("w3", 12.5, unionid="left-the-week", args=gzh),
        event("w4", 45, unionid="left-the-month", args={"upstream": {"unionid": "above"}}),
        event("w5", 1, unionid="both", args={"upstream": {"unionid": "both-above"}}),
        event("w6", 31, unionid="both-above"),
        event("w7", 9, "share", unionid="both-above", args={"upstream": {"unionid": "both"}}),
        event("w8", 6.2, unionid="both-above"),
        profile(unionid="both-above", phone="13912345678"),
        event(
            "w9", 100, unionid="both", args={"sourceAudid": 424242, "sourceCnlType": "FIXED", "sourceAppType": "别的"}
        ),
    ]


def tag(**row: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a row
    return {"as": "rabbitpre.tag", "row": row}


def some_tags() -> list[dict[str, Any]]:
    return [
        tag(
            unionid="alone",
            operateTags=[{"tagName": "a", "tagId": 9, "tagTime": ms(9), "tagType": "x"}],
            updateTime=ms(1),
        ),
        tag(
            unionid="alone", operateTags=[{"tagName": "b/c", "tagValues": ["2", "1"], "execCount": 4}], updateTime=ms(2)
        ),
        tag(
            unionid="alone",
            operateTags=[{"tagName": "b/c", "tagValueList": [{"tagValue": "3", "tagValueId": 5}]}],
            updateTime=ms(1),
        ),
        tag(unionid="joined", tags="新,老", updateTime=ms(1)),
        tag(unionid="joined", tags="老", updateTime=ms(0), optType="delete"),
    ]


async def filled(server: Serving) -> tuple[Tenant, Door]:
    """A tenant with generated customers of every system, odd ones, tags, weights; and a key of it."""
    tenant = await server.tenant()
    weights = {"view": 1, "share": 5, "scan": 0, "*": 2}
    settings = msgspec.structs.replace(tenant.settings, weights=weights)
    tenant = await server.service.set_tenant(tenant, settings=settings)
    made = [
        {"as": kind, "row": row}
        for unit in rows(customers=70, calls=40, seed=3, now=TODAY)
        for kind, row in unit
        if kind != "tinet.asr_text"
    ]
    outcome = await server.land(tenant, [*made, *odd_customers(), *some_tags()])
    assert outcome.rejects == ()
    return tenant, await server.door(tenant, "rabbitpre")


def listed(door: Door) -> list[int]:
    return door.get(IDS).json()["data"]["audienceUserIdList"]


def phones_and_openids(door: Door, ids: list[int]) -> tuple[list[str], list[str], list[str]]:
    found = door.call("POST", DETAIL, json={"audienceUserIdList": ids}).json()["data"]
    phones = [phone["phone"] for one in found for phone in one.get("phoneList", ())]
    openids = [openid["openid"] for one in found for openid in one.get("openids", ()) if "openid" in openid]
    return phones, openids, [one["thirdId"] for one in found if "thirdId" in one]


def answers(door: Door, ids: list[int], names: tuple[list[str], list[str], list[str]]) -> dict[str, bytes]:
    """Every read of the dialect, by what was asked."""
    phones, openids, third_ids = names
    said: dict[str, bytes] = {}
    for pairs in ([], [("size", "9")], [("size", "5"), ("audienceUserId", str(ids[20]))]):
        said[f"ids {pairs}"] = door.get(IDS, pairs=pairs).content
    for one in [*ids, 424242]:
        said[f"detail {one}"] = door.call("POST", DETAIL, json={"audienceUserIdList": [one]}).content
    asked = {"phoneList": [*phones, "13311112222"], "thirdIdList": third_ids, "audienceUserIdList": [str(ids[3])]}
    said["detail of phones"] = door.call("POST", DETAIL, json=asked).content
    for phone in phones[:40]:
        said[f"info {phone}"] = door.call("POST", INFO, json={"phone": phone}).content
    for openid in openids[:40]:
        said[f"info {openid}"] = door.call("POST", INFO, json={"openid": openid}).content
    said["tags"] = door.call("POST", TAGS_OF, json={"audienceUserIdList": ids}).content
    for one in ids[:5]:
        said[f"tags {one}"] = door.get(TAGS, pairs=[("audienceUserId", str(one))]).content
    return said


async def test_a_server_pulled_into_an_empty_one_answers_every_read_with_the_same_bytes(
    server: Serving, here: Here
) -> None:
    _, there_door = await filled(server)
    tenant = await here.service.create_tenant("mirror-of-rabbitpre")
    report = await here.pull(tenant, "rabbitpre", server.url, there_door.credential)
    assert report["rejected"] == 0, report
    door = await here.serving.door(tenant, "rabbitpre")
    ids = listed(there_door)
    assert len(ids) > 80
    names = phones_and_openids(there_door, ids)
    there = answers(there_door, ids, names)
    own = answers(door, ids, names)
    for name, answer in there.items():
        assert json.loads(own[name]) == json.loads(answer), name
        assert own[name] == answer, name
    again = await here.pull(tenant, "rabbitpre", server.url, there_door.credential)
    assert (again["changed"], again["landed"], again["rejected"]) == (0, 0, 0), again
    async for _ in here.service.rebuild(tenant):
        pass
    assert answers(door, ids, names) == there


# ── again, and taken up again ─────────────────────────────────────────────────────────────────────────────────────


async def two_houses(server: Serving, here: Here, name: str) -> tuple[Tenant, Door, Tenant, Door]:
    """A tenant there, one here that answers as the same enterprise, and their doors."""
    there, tenant = await server.tenant(), await here.service.create_tenant(name)
    door = await server.door(there, "rabbitpre")
    return there, door, tenant, await here.serving.door(tenant, "rabbitpre")


def shown(door: Door, *more: int) -> list[dict[str, Any]]:
    """What is served of all customers and of these ids, and their tags; but for the enterprise's id."""
    ids = [*listed(door), *more]
    parts = [ids[start : start + 1000] for start in range(0, len(ids), 1000)]
    asked = [(path, {"audienceUserIdList": part}) for path in (DETAIL, TAGS_OF) for part in parts]
    rows = [door.call("POST", path, json=body).json()["data"] for path, body in asked]
    return [{name: value for name, value in row.items() if name != "orgId"} for one in rows for row in one]


async def test_a_second_pull_brings_what_changed_meanwhile_and_takes_back_what_is_told_no_longer(
    server: Serving, here: Here
) -> None:
    there, door, tenant, own = await two_houses(server, here, "rabbitpre-again")
    rows = [
        profile(
            audienceUserId=1,
            unionid="u1",
            phone="13900000011",
            realName="甲",
            companyId="",
            sourceCnl=3,
            createTime=ms(9),
        ),
        profile(audienceUserId=2, unionid="u2", createTime=ms(20)),
        profile(audienceUserId=3, unionid="u3", createTime=ms(20)),
        event("e1", 2, unionid="u1", args={"upstream": {"unionid": "u2"}}),
        event("e2", 2, unionid="u2"),
        event("e3", 8, "subscribe", unionid="u3", args={"appid": "wxa", "fromTo": "gzh"}),
        tag(audienceUserId=1, unionid="u1", tags="a,b", updateTime=ms(1)),
    ]
    await server.land(there, rows)
    await here.pull(tenant, "rabbitpre", server.url, door.credential)
    assert shown(own) == shown(door)
    # An event that is pushed to both, a tag that is taken off, an account that is left; two who become one; one more.
    both = event("e4", 0, unionid="u1")
    await here.serving.land(tenant, [both])
    later = [
        both,
        tag(unionid="u1", tags="a", optType="delete", updateTime=ms(0)),
        event("e5", 1, "unsubscribe", unionid="u3", args={"appid": "wxa", "fromTo": "gzh"}),
        profile(unionid="u2", openids=[{"openid": "o-both", "appid": "wxz", "fromTo": "gzh"}], updateTime=ms(0)),
        profile(unionid="u3", openids=[{"openid": "o-both", "appid": "wxz", "fromTo": "gzh"}], updateTime=ms(0)),
        profile(audienceUserId=4, unionid="u4"),
    ]
    await server.land(there, later)
    assert shown(own) != shown(door)
    report = await here.pull(tenant, "rabbitpre", server.url, door.credential)
    assert report["rejected"] == 0
    assert listed(door) == [1, 2, 4]
    for _ in range(2):
        assert shown(own, 3) == shown(door, 3)
        again = await here.pull(tenant, "rabbitpre", server.url, door.credential)
        assert (again["changed"], again["landed"]) == (0, 0), again


async def test_a_pull_that_was_killed_goes_on_where_it_was(server: Serving, here: Here) -> None:
    there, door, tenant, own = await two_houses(server, here, "rabbitpre-killed")
    await server.land(
        there, [profile(audienceUserId=one, unionid=f"k{one}", createTime=ms(9)) for one in range(1, 1601)]
    )
    with Gate(server.url) as gate:
        whole = await here.pull(tenant, "rabbitpre", gate.address, door.credential)
        assert (whole["told"], whole["changed"]) == (1600, 1600)
        gate.passes = gate.asked - 3
        tenant = await here.service.create_tenant("rabbitpre-killed-once")
        await here.killed(gate, tenant, "rabbitpre", door.credential)
        report = await here.pull(tenant, "rabbitpre", gate.address, door.credential)
    assert (report["state"], report["told"], report["landed"]) == ("resumed", 1600, whole["landed"])
    assert shown(await here.serving.door(tenant, "rabbitpre")) == shown(own) == shown(door)


async def test_what_an_app_may_not_read_is_told_and_the_rest_is_pulled(server: Serving, here: Here) -> None:
    there, _, tenant, own = await two_houses(server, here, "rabbitpre-untagged")
    await server.land(there, [profile(audienceUserId=1, unionid="u1"), tag(unionid="u1", tags="a", updateTime=ms(1))])
    door = await server.door(there, "rabbitpre", permissions=["profile"])
    report = await here.pull(tenant, "rabbitpre", server.url, door.credential)
    assert report["told"] == 1
    assert any("tags can't be read" in remark for remark in report["remarks"])
    assert [row["audienceUserId"] for row in shown(own)] == [1, 1]
    door = await server.door(there, "rabbitpre", permissions=["tags"])
    refused = await here.run(tenant, "rabbitpre", server.url, door.credential)
    assert (refused.returncode, "may not read there" in refused.stderr) == (2, True)


async def test_a_source_that_gives_out_ids_of_the_same_range_is_refused_before_anything_comes_in(
    server: Serving, here: Here
) -> None:
    there, door, tenant, _ = await two_houses(server, here, "rabbitpre-of-one-range")
    await server.land(there, [profile(audienceUserId=tenant.own_ids.start + 5, unionid="u1")])
    refused = await here.run(tenant, "rabbitpre", server.url, door.credential)
    assert (refused.returncode, "the same range" in refused.stderr) == (2, True)

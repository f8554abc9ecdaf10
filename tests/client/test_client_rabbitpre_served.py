"""The Rabbitpre client and the server, one against the other, in every call: what goes in comes out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeAlias
from uuid import uuid4

import asyncpg
import pytest
from msgspec import structs
from served import AT_ANY, House, Lose, Pass, Say, app_of, between, said

from huaxiang.client import Invalid, NotPermitted, Retry, ServerFault, TooOften, Unconfirmed
from huaxiang.client.pace import Rate
from huaxiang.client.rabbitpre import (
    Account,
    App,
    AsyncRabbitpreClient,
    CustomField,
    EventArgs,
    EventRow,
    Identity,
    OpenId,
    Phone,
    ProfileRow,
    RabbitpreClient,
    Rates,
    Tag,
    TagRow,
    TagValue,
    Upstream,
)
from huaxiang.model import OWN_IDS, Tenant

AClient: TypeAlias = RabbitpreClient | AsyncRabbitpreClient
Connect: TypeAlias = Callable[..., AClient]

ONCE = Retry(tries=1)
AT = 1_648_097_254_000
DENIED = Say(200, json.dumps({"code": "100403", "errorCode": "PERMISSION_DENIED", "msg": ""}).encode())


# ── reads ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_is_read_by_phone_by_openid_and_where_both_are_given_by_both(rabbitpre: Connect) -> None:
    client = rabbitpre()
    rows = [
        ProfileRow(audienceUserId=1, openids=[OpenId(openid="o-1", appid="wx1")], phone="13888000001", createTime=AT),
        ProfileRow(audienceUserId=2, phone="13888000002"),
    ]
    assert (await said(client, "add_profiles", rows)).taken == 2
    found = await said(client, "info", phone="13888000001", openid="o-1")
    assert (found.audienceUserId, found.openids[0].appid, found.createTime) == (1, "wx1", AT)
    assert (await said(client, "info", openid="o-1")).audienceUserId == 1
    assert (await said(client, "info", phone="13888000002")).audienceUserId == 2
    assert await said(client, "info", phone="13888000002", openid="o-1") is None


@pytest.mark.parametrize("size", [1, 3, 10_000])
async def test_all_ids_are_listed_ascending_over_pages_of_any_size(rabbitpre: Connect, size: int) -> None:
    client = rabbitpre()
    ids = [9, 10, 643, 958788729483837440]
    await said(client, "add_profiles", [*({"audienceUserId": one} for one in ids), {"unionid": "un-1"}])
    found = await said(client, "user_ids", size=size)
    assert found[:-1] == ids
    assert found[-1] > OWN_IDS
    assert await said(client, "user_ids", after=10, size=size) == found[2:]
    assert await said(client, "user_ids", after=found[-1], size=size) == []


async def test_tags_that_are_put_on_are_read_of_one_and_of_many_each_once(rabbitpre: Connect) -> None:
    client = rabbitpre()
    values = [TagValue(tagValueId=5, tagValue="深圳", markCount=2)]
    await said(client, "add_profiles", [{"audienceUserId": one, "unionid": f"un-{one % 2}"} for one in (1, 2, 3)])
    rows = [
        TagRow(
            unionid="un-1",
            updateTime=AT,
            operateTags=[Tag(tagName="城市", tagId=4, tagType="OPERATE", tagTime=AT + 9, tagValueList=values), "老客"],
        ),
        TagRow(identities=[Identity(identityValue="2", identityType="audienceUserId")], tags="a,b", updateTime=AT),
    ]
    added = await said(client, "tag", rows)
    assert (added.taken, added.refused) == (2, [])
    one = await said(client, "tags", 3)
    assert (one.audienceUserId, [tag.tagName for tag in one.tagList]) == (1, ["城市", "老客"])
    assert one.tagList[0] == Tag(tagName="城市", tagId=4, tagType="OPERATE", tagTime=AT + 9, tagValueList=values)
    many = await said(client, "tags_of", [3, 404, 2, 1], size=1)
    assert [(each.audienceUserId, [tag.tagName for tag in each.tagList]) for each in many] == [
        (1, ["城市", "老客"]),
        (2, ["a", "b"]),
    ]
    assert await said(client, "tags_of", [3, 404, 2, 1]) == many
    assert await said(client, "tags", 404) is None
    await said(client, "tag", [TagRow(unionid="un-1", tags="城市", updateTime=AT + 10)], optType="delete")
    assert [tag.tagName for tag in (await said(client, "tags", 1)).tagList] == ["老客"]


async def test_a_third_partys_id_is_of_the_enterprise_that_the_app_is_to_mean(rabbitpre: Connect, app: App) -> None:
    client = rabbitpre(app=App(app.id, app.secret, company_id="c-1"))
    await said(client, "add_profiles", [ProfileRow(audienceUserId=1, thirdId="t-1")])
    await said(client, "add_profiles", [{"audienceUserId": 2, "companyId": "c-2", "thirdId": "t-1"}])
    await said(rabbitpre(), "add_profiles", [{"audienceUserId": 3, "thirdId": "t-1"}])
    assert [one.audienceUserId for one in await said(client, "detail", third_ids=["t-1"])] == [1]
    assert [one.audienceUserId for one in await said(rabbitpre(), "detail", third_ids=["t-1"])] == [3]


async def test_whatever_is_read_names_the_enterprise_that_is_meant(rabbitpre: Connect, house: House, app: App) -> None:
    with between(house.address) as proxy:
        client = rabbitpre(proxy.address, App(app.id, app.secret, company_id="c-1"))
        await said(client, "detail", ids=[1])
        await said(client, "info", phone="13888000001")
        await said(client, "tags_of", [1])
        await said(client, "tags", 1)
        await said(client, "user_ids")
    assert [json.loads(body)["companyId"] for body in proxy.requests[1:4]] == ["c-1"] * 3
    assert [target.rpartition("?")[2] for target in proxy.targets[4:]] == [
        "audienceUserId=1&companyId=c-1",
        "size=10000&companyId=c-1",
    ]


async def test_an_app_may_say_for_whom_it_acts(rabbitpre: Connect, app: App) -> None:
    itself = rabbitpre(app=App(app.id, app.secret, acting_for=app.id))
    assert await said(itself, "detail", phones=["13888000001"]) == []
    with pytest.raises(NotPermitted):
        await said(rabbitpre(app=App(app.id, app.secret, acting_for="another")), "detail", phones=["13888000001"])


# ── the ways in ───────────────────────────────────────────────────────────────────────────────────────────────────

WHOLE = ProfileRow(
    audienceUserId=643,
    unionid="un-1",
    openids=[OpenId(openid="o-1", appid="wx1", fromTo="gzh", platform="gzh", jcappid=7)],
    phoneList=[Phone(phone="13888000001", isVerify="1"), Phone(phone="13888000002", isVerify="0")],
    thirdId="t-1",
    matchOrder="phone",
    updateTime=AT,
    createTime=AT,
    realName="莫俊驰",
    sex="男",
    avatar="https://example.com/a.png",
    wxNickname="俊驰",
    wxCountry="中国",
    wxProvince="广东",
    wxCity="深圳",
    province="湖南",
    city="长沙",
    lbsProvince="北京",
    lbsCity="海淀",
    addressList=[{"address": "南山"}],
    birthday="2000-05-01",
    remark="重点",
    markFlag=1,
    userType=["员工"],
    payFeature="微信",
    industry=["教育"],
    customFields=[CustomField(configId=1, configName="属性1", values=["a", "b"])],
    subWechatList=[Account(appid="wx1", wechatName="兔展", firstSubDate=AT)],
    wechatList=[Account(appid="wx1", firstSubDate=AT, firstSubSourceCnl=907), Account(appid="wx2")],
    sourceAudid=77,
    sourceCnl=907,
    sourceCnlName="渠道",
    sourceCnlDeptId=8,
    sourceCnlDeptName="部门",
    sourceCnlType="FIXED",
    sourceAppType="h5",
)


async def test_a_profile_that_says_everything_comes_out_as_it_went_in(rabbitpre: Connect) -> None:
    client = rabbitpre()
    assert (await said(client, "add_profiles", [WHOLE])).refused == []
    (read,) = await said(client, "detail", ids=[643])
    same = ["audienceUserId", "unionid", "thirdId", "realName", "avatar", "remark", "markFlag", "userType", "industry"]
    same += ["wxNickname", "wxCountry", "wxProvince", "wxCity", "province", "city", "lbsProvince", "lbsCity"]
    same += ["payFeature", "addressList", "sourceAudid", "sourceCnl", "sourceCnlName", "sourceCnlDeptId"]
    same += ["sourceCnlDeptName", "sourceCnlType", "openids", "phoneList"]
    was = {**{name: getattr(WHOLE, name) for name in same}, "openids": WHOLE.openids}
    found = {name: getattr(read, name) for name in same}
    found["openids"] = [
        OpenId(openid=one.openid, appid=one.appid, fromTo=one.fromTo, platform=one.platform, jcappid=one.jcappid)
        for one in read.openids
    ]
    assert found == was
    assert (read.sex, read.phone, read.birthday) == (1, "13888000001", 957110400000)
    assert [account.appid for account in read.subWechatList] == ["wx1"]
    assert {account.appid for account in read.wechatList} == {"wx1", "wx2"}
    assert (read.wechatList[0].firstSubDate, read.wechatList[0].firstSubSourceCnl) == (AT, 907)


async def test_what_one_server_answers_another_takes_and_answers_the_same(rabbitpre: Connect, house: House) -> None:
    client = rabbitpre()
    await said(client, "add_profiles", [WHOLE, ProfileRow(audienceUserId=2, phone="13888000005", createTime=AT)])
    ids = [2, 643]
    read = await said(client, "detail", ids=ids)
    tenant = await house.service.create_tenant(f"t-{uuid4()}")
    other = rabbitpre(app=app_of(await house.key(tenant, "rabbitpre")))
    assert (await said(other, "add_profiles", read)).taken == 2
    again = await said(other, "detail", ids=ids)
    assert [structs.replace(one, orgId=None) for one in again] == [structs.replace(one, orgId=None) for one in read]


async def test_events_make_activity_spread_and_follows(rabbitpre: Connect) -> None:
    client = rabbitpre()
    await said(
        client, "add_profiles", [{"audienceUserId": 7, "unionid": "un-1"}, {"audienceUserId": 8, "unionid": "un-2"}]
    )
    about = EventArgs(appid="wx1", wechatName="兔展", upstream=Upstream(unionid="un-2"), province="广东", city="深圳")
    events = [
        EventRow(eventKey="view", eventId="e-1", time=AT, unionid="un-1", eventargs=about),
        EventRow(eventKey="view", eventId="e-1", time=AT, unionid="un-1", eventargs=about),
        EventRow(eventKey="share", time=AT + 1, identities=[Identity(identityValue="un-1", identityType="unionid")]),
        EventRow(eventKey="subscribe", time=AT + 2, unionid="un-1", eventargs={"appid": "wx1"}),
        EventRow(eventKey="unsubscribe", time=AT + 3, unionid="un-1", eventargs=EventArgs(appid="wx1")),
    ]
    added = await said(client, "add_events", events)
    assert (added.taken, added.refused, added.data) == (5, [], [5])
    one, above = await said(client, "detail", ids=[7, 8])
    assert (one.active, one.city, one.lastActiveTime, above.spread) == (2, "深圳", AT + 1, 1)
    assert [account.appid for account in one.wechatList] == ["wx1"]
    assert one.subWechatList == []


async def test_bad_rows_are_told_by_their_place_and_keep_no_other_out(rabbitpre: Connect, house: House) -> None:
    rows: list[Any] = [{"audienceUserId": number} for number in range(1, 502)]
    rows[3] = {"realName": "无身份"}
    rows[5] = ProfileRow(audienceUserId=6, realName="\ud800")
    rows[6] = {"audienceUserId": 7, "remark": object()}
    rows[500] = ProfileRow(audienceUserId=501, updateTime="gestern")
    with between(house.address) as proxy:
        client = rabbitpre(proxy.address)
        added = await said(client, "add_profiles", iter(rows))
    assert added.taken == 497
    assert [one.index for one in added.refused] == [3, 5, 6, 500]
    assert [one.errorCode for one in added.refused] == ["PARAM_ERROR", None, None, "PARAM_ERROR"]
    assert [len(json.loads(body)["data"]) for body in proxy.requests[1:]] == [498, 1]
    assert await said(rabbitpre(), "user_ids") == [one for one in range(1, 501) if one not in (4, 6, 7)]


async def test_where_no_row_can_be_sent_none_is(rabbitpre: Connect, house: House) -> None:
    with between(house.address) as proxy:
        added = await said(rabbitpre(proxy.address), "add_events", [{"eventKey": object()}])
    assert (added.taken, [one.index for one in added.refused], proxy.targets) == (0, [0], [])


async def test_a_batch_that_fails_tells_what_became_of_those_before_it(rabbitpre: Connect, house: House) -> None:
    rows: list[dict[str, Any]] = [{"audienceUserId": number} for number in range(1, 1201)]
    rows[1] = {}
    with between(house.address, Pass(), Pass(), DENIED) as proxy:
        with pytest.raises(NotPermitted) as caught:
            await said(rabbitpre(proxy.address), "add_profiles", rows)
        assert (caught.value.before.taken, [one.index for one in caught.value.before.refused]) == (499, [1])
        assert caught.value.line == 501
        added = await said(rabbitpre(proxy.address), "add_profiles", rows[caught.value.line - 1 :])
    assert added.taken == 700
    assert len(await said(rabbitpre(), "user_ids")) == 1199


async def test_what_holds_for_all_rows_is_the_documents(rabbitpre: Connect, house: House) -> None:
    with between(house.address) as proxy:
        client = rabbitpre(proxy.address)
        params: dict[str, Any] = {"isMatching": True, "matchingType": 1, "identifyWay": 2, "importMode": 1}
        assert (await said(client, "add_profiles", [{"audienceUserId": 1}], **params)).taken == 1
        with pytest.raises(Invalid) as caught:
            await said(client, "tag", [{"audienceUserId": 1, "tags": "a"}], optType="drop")
    assert json.loads(proxy.requests[1])["publicParams"] == params
    assert caught.value.field == "publicParams.optType"


async def test_who_may_not_write_or_read_tags_is_told_so(rabbitpre: Connect, house: House, mine: Tenant) -> None:
    reader = rabbitpre(app=app_of(await house.key(mine, "rabbitpre", permissions=("profile",))))
    refused: list[tuple[str, Any]] = [
        ("add_profiles", [{}]),
        ("add_events", [{}]),
        ("tag", [{}]),
        ("tags_of", [1]),
        ("tags", 1),
    ]
    for verb, wanted in refused:
        with pytest.raises(NotPermitted) as caught:
            await said(reader, verb, wanted)
        assert caught.value.code == "PERMISSION_DENIED"


# ── tokens and rates ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_token_that_expired_meanwhile_is_got_anew(rabbitpre: Connect, house: House, app: App) -> None:
    key = await house.service.key_by_name("rabbitpre", app.id)
    assert key is not None
    with between(house.address, Pass(), Say(500)) as proxy:
        client = rabbitpre(proxy.address, retry=ONCE)
        with pytest.raises(ServerFault):  # the server has not seen the token yet
            await said(client, "detail", phones=["13888000001"])
        connection = await asyncpg.connect(house.database)
        await connection.execute(
            "update access_token set expires_at = now() - interval '1 second' where access_key = $1", key.id
        )
        await connection.close()
        assert await said(client, "detail", phones=["13888000001"]) == []
    assert asked(proxy.targets) == ["getOrgAccessToken", "detail", "detail", "getOrgAccessToken", "detail"]


async def test_a_token_that_is_about_to_expire_is_renewed_by_its_refresh_token(
    rabbitpre: Connect, house: House, app: App
) -> None:
    key = await house.service.key_by_name("rabbitpre", app.id)
    assert key is not None
    access, refresh = await house.service.issue_tokens(key)
    short = {"orgAccessToken": access, "orgRefreshToken": refresh, "expire": 0}
    first = Say(200, json.dumps({"code": "200", "errorCode": "0", "msg": "", "data": short}).encode())
    with between(house.address, first) as proxy:
        client = rabbitpre(proxy.address)
        for _ in range(3):
            assert await said(client, "detail", phones=["13888000001"]) == []
    assert asked(proxy.targets) == ["getOrgAccessToken", "detail", "refreshOrgAccessToken", "detail", "detail"]
    assert f"orgRefreshToken={refresh}" in proxy.targets[2]


async def test_a_refresh_token_that_was_used_up_is_replaced_by_the_secret(
    rabbitpre: Connect, house: House, app: App
) -> None:
    key = await house.service.key_by_name("rabbitpre", app.id)
    assert key is not None
    access, refresh = await house.service.issue_tokens(key)
    await house.service.refresh_tokens("rabbitpre", refresh)
    short = {"orgAccessToken": access, "orgRefreshToken": refresh, "expire": 0}
    first = Say(200, json.dumps({"code": "200", "errorCode": "0", "msg": "", "data": short}).encode())
    with between(house.address, first) as proxy:
        client = rabbitpre(proxy.address)
        await said(client, "info", phone="13888000001")
        await said(client, "info", phone="13888000001")
    assert asked(proxy.targets)[2:4] == ["refreshOrgAccessToken", "getOrgAccessToken"]


async def test_many_at_once_share_one_token(rabbitpre: Connect, house: House) -> None:
    with between(house.address) as proxy:
        client = rabbitpre(proxy.address)
        found = await asyncio.gather(*(said(client, "info", phone="13888000001") for _ in range(12)))
    assert found == [None] * 12
    assert asked(proxy.targets).count("getOrgAccessToken") == 1


async def test_the_rates_of_tags_are_kept_by_waiting_whoever_asks(
    rabbitpre: Connect, house: House, mine: Tenant
) -> None:
    app = app_of(await house.key(mine, "rabbitpre", rate=40))  # one call in 1/20 s, and ten in 1/8 s
    patient = rabbitpre(app=app, rates=Rates(tags=Rate(1, 0.05), tags_of=Rate(10, 0.125)), retry=ONCE)
    assert await asyncio.gather(*(said(patient, "tags", 1) for _ in range(4))) == [None] * 4
    assert await said(patient, "tags_of", range(1, 26), size=1) == []
    app = app_of(await house.key(mine, "rabbitpre", rate=0.001))
    hasty = rabbitpre(app=app, rates=AT_ANY, retry=ONCE)
    await said(hasty, "tags", 1)
    with pytest.raises(TooOften):
        await said(hasty, "tags", 1)


async def test_events_whose_answer_was_lost_count_once_where_they_have_their_ids(
    rabbitpre: Connect, house: House
) -> None:
    await said(rabbitpre(), "add_profiles", [{"audienceUserId": 7, "unionid": "un-1"}])
    event = EventRow(eventKey="view", eventId="e-1", unionid="un-1", time=AT)
    with between(house.address, Pass(), Lose(), Pass()) as proxy:
        assert (await said(rabbitpre(proxy.address), "add_events", [event])).taken == 1
    with between(house.address, Pass(), Lose()) as proxy, pytest.raises(Unconfirmed) as caught:
        await said(rabbitpre(proxy.address), "add_events", [EventRow(eventKey="view", unionid="un-1", time=AT)])
    assert (caught.value.line, caught.value.before.taken) == (1, 0)
    (one,) = await said(rabbitpre(), "detail", ids=[7])
    assert one.active == 2


def asked(targets: list[str]) -> list[str]:
    """The last names of what was called."""
    return [target.partition("?")[0].rpartition("/")[2] for target in targets]

"""What is told, and to whom: every change of what is served of a customer's tags, by any way, and no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import msgspec
import pytest
from shop import AT, ZONE, Shop, going, identifier

from huaxiang.dialects.rabbitpre import webhook
from huaxiang.dialects.rabbitpre.inward import parse_profile
from huaxiang.dialects.rabbitpre.neighbours import ChangeTag
from huaxiang.errors import InputInvalid
from huaxiang.keyring import KeyOptions
from huaxiang.model import Call, Mention, TenantSettings, Trait
from huaxiang.service import Service
from huaxiang.steward import companies, decisions
from huaxiang.steward.erasure import erase
from huaxiang.webhooks import subscriptions
from receiver import Receiver, receiving


def named(number: int) -> str:
    """A customer as a person names one."""
    return f"audience_id:{number}"


NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)
TAGGED = {"tag:重点": {"tag": "重点"}}


# ── what an app is told ───────────────────────────────────────────────────────────────────────────────────────────


async def test_an_app_is_told_all_tags_of_a_customer_signed_in_both_ways(shop: Shop, receiver: Receiver) -> None:
    await shop.tag(643, "老客", tagList=[{"tagName": "重点", "tagId": 7, "tagTime": AT, "tagValueList": ["a"]}])
    async with going(shop.service):
        await receiver.until(lambda: bool(receiver.taken))
    (one,) = receiver.told
    assert one.is_signed(shop.hook.secret)
    assert not one.is_signed("another")
    assert one.parameters["instanceAppId"] == shop.app
    assert one.headers["content-type"] == "application/json; charset=utf-8"
    told = msgspec.json.decode(one.content, type=ChangeTag)
    created = datetime.fromtimestamp(told.createTime / 1000, UTC)
    assert datetime.now(UTC) - timedelta(minutes=5) < created <= datetime.now(UTC)
    assert one.headers["x-huaxiang-event"] == told.notifyId
    assert one.body == {
        "orgId": str(shop.tenant.org),
        "createTime": told.createTime,
        "msgType": "event",
        "event": "changeTag",
        "changeType": "update",
        "audienceUserId": 643,
        "taglist": [
            {"tagTime": AT, "tagName": "老客"},
            {"tagId": 7, "tagTime": AT, "tagName": "重点", "tagValueList": [{"tagValue": "a"}]},
        ],
        "notifyId": str(UUID(told.notifyId)),
        "instanceAppId": shop.app,
    }


async def by_tags(shop: Shop) -> None:
    await shop.tag(643, "重点")


async def by_a_native_fact(shop: Shop) -> None:
    await shop.land(Trait(source="x", id="9", at=NOON, identifiers=(Mention("audience_id", "643"),), traits=TAGGED))


async def by_a_join_with_somebody_tagged(shop: Shop) -> None:
    await shop.tag(1000, "重点")
    await shop.parsed(parse_profile({"audienceUserId": 643, "unionid": "un-1", "updateTime": AT}, ZONE))
    await shop.parsed(parse_profile({"audienceUserId": 1000, "unionid": "un-1", "updateTime": AT}, ZONE))


async def by_a_persons_join(shop: Shop) -> None:
    await shop.tag(1000, "重点")
    await decisions.join(shop.service, shop.tenant, [named(643), named(1000)], author="me", reason="heard")


WAYS: list[Callable[[Shop], Awaitable[None]]] = [
    by_tags, by_a_native_fact, by_a_join_with_somebody_tagged, by_a_persons_join,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_tags_that_change_in_any_way_are_told(
    shop: Shop, receiver: Receiver, way: Callable[[Shop], Awaitable[None]]
) -> None:
    await shop.profile(643)
    async with going(shop.service):
        await way(shop)
        await receiver.until(lambda: 643 in receiver.ids())
        await shop.until_idle()
    assert {one.body["audienceUserId"]: one.tags for one in receiver.taken}[643] == ["重点"]
    assert (await shop.served())[643] == ["重点"]


async def test_a_parting_tells_of_both_who_are_left_where_their_tags_differ(shop: Shop, receiver: Receiver) -> None:
    await shop.profile(643)
    await shop.tag(1000, "重点")
    join = await decisions.join(shop.service, shop.tenant, [named(643), named(1000)], author="me", reason="heard")
    async with going(shop.service):
        await receiver.until(lambda: receiver.ids() == [643])
        await decisions.undo(shop.service, shop.tenant, join.id, author="me", reason="not")
        await shop.until_idle()
    assert {one.body["audienceUserId"]: one.tags for one in receiver.taken[1:]} == {643: [], 1000: ["重点"]}


async def test_what_changes_no_tag_is_not_told(shop: Shop, receiver: Receiver) -> None:
    async with going(shop.service):
        await shop.tag(643, "重点")
        await receiver.until(lambda: receiver.ids() == [643])
        await shop.tag(643, "重点")
        await shop.profile(643, realName="王伟", phone="13339938205")
        await shop.land(
            Call(source="tinet", enterprise="e", id="1", at=NOON, identifiers=(Mention("phone", "13339938205"),))
        )
        await shop.tag(643, "别的", minute=-5, optType="delete")
        async for _ in shop.service.rebuild(shop.tenant):
            pass
        await shop.service.set_tenant(shop.tenant, settings=TenantSettings(weights={"view": 3}))
        await shop.until_idle()
        await shop.tag(644, "x")
        await receiver.until(lambda: len(receiver.told) > 1)
        await shop.until_idle()
    assert receiver.ids() == [643, 644]


async def test_settings_that_weigh_facts_otherwise_are_told_of(shop: Shop, receiver: Receiver) -> None:
    # The newest word is a matter of rank where two were said at one time.
    for source, value in (("x", "a"), ("y", "b")):
        fact = {"tag_value:类/v": {"tag": "类", "value": "v", "value_id": len(value), "type": value, "on": True}}
        await shop.land(
            Trait(source=source, id="1", at=NOON, identifiers=(Mention("audience_id", "643"),), traits=fact)
        )
    async with going(shop.service):
        await receiver.until(lambda: receiver.ids() == [643])
        before = receiver.taken[0].body["taglist"][0]["tagType"]
        favoured = {"a": "y", "b": "x"}[before]
        await shop.service.set_tenant(shop.tenant, settings=TenantSettings(ranks={favoured: 5}))
        await receiver.until(lambda: receiver.ids() == [643, 643])
    assert receiver.taken[1].body["taglist"][0]["tagType"] == {"x": "a", "y": "b"}[favoured]


async def test_somebody_erased_is_told_of_to_nobody(shop: Shop, receiver: Receiver) -> None:
    await shop.tag(643, "重点")
    await shop.service.store.maintain("checkpoint")
    receiver.choose = lambda _body: "fail"
    async with going(shop.service):
        await receiver.until(lambda: bool(receiver.told))
        (found,) = await shop.service.customers(shop.tenant, [identifier(643)])
        assert found is not None
        await erase(shop.service, shop.tenant, found.id, author="me", reason="asked")
        await shop.until_idle()
    (one,) = await shop.log()
    assert (one.state, one.outcome, one.status) == ("void", "void", None)
    async with shop.service.store.reading() as tx:
        assert await tx.rows("told_after", shop.tenant.id, 0, 10) == []


async def test_an_id_that_is_erased_alone_leaves_no_mark_and_its_customer_is_told_of_under_another(
    shop: Shop, receiver: Receiver
) -> None:
    await shop.profile(643, phone="13339938205")
    await shop.tag(7, "重点", phone="13339938205")
    async with going(shop.service):
        await receiver.until(lambda: receiver.ids() == [7])
        await shop.until_idle()
        (found,) = await shop.service.customers(shop.tenant, [identifier(7)])
        assert found is not None
        mark = webhook.mark(found, shop.tenant)
        await erase(shop.service, shop.tenant, identifier(7), author="me", reason="asked", only=True)
        async with shop.service.store.reading() as tx:
            assert await tx.rows("told_of", shop.tenant.id, [mark]) == []
        await shop.until_idle()
    assert [(one.body["audienceUserId"], one.tags) for one in receiver.taken[1:]] == [(643, ["重点"])]
    assert await shop.served() == {643: ["重点"]}


@pytest.mark.parametrize("seed", range(6))
async def test_who_keeps_what_it_was_told_last_knows_what_is_served(shop: Shop, receiver: Receiver, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - an example, no secret
    whims = Random(seed + 100)  # noqa: S311 - an example, no secret
    receiver.choose = lambda _body: whims.choice(["take", "take", "fail", "die"])
    joins: list[str] = []
    async with going(shop.service):
        for step in range(40):
            number, names = random.randint(1, 5), random.sample(["a", "b", "c"], random.randint(1, 2))
            match random.randint(0, 5):
                case 0:
                    two = random.sample(range(1, 6), 2)
                    for one in two:
                        await shop.profile(one)
                    names = [named(one) for one in two]
                    done = await decisions.join(shop.service, shop.tenant, names, author="me", reason="x")
                    joins.append(done.id)
                case 1 if joins:
                    undone = joins.pop(random.randrange(len(joins)))
                    await decisions.undo(shop.service, shop.tenant, undone, author="me", reason="y")
                case 2:
                    await shop.tag(number, *names, minute=step, optType="delete")
                case _:
                    await shop.tag(number, *names, minute=step)
        receiver.choose = lambda _body: "take"
        await shop.until_idle()
    last = {one.body["audienceUserId"]: one.tags for one in receiver.taken}
    served = await shop.served()
    living = set(await shop.service.audience_ids(shop.tenant, after=0, size=1000))
    assert {number: names for number, names in last.items() if names and number in living} == served


# ── who is told ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_there_when_an_app_subscribes_is_known_and_what_comes_then_is_told(
    service: Service, receiver: Receiver
) -> None:
    shop = Shop(service, await service.create_tenant("later"))
    for number in range(1, 251):
        await shop.tag(number, "old")
    await shop.subscribe(receiver)
    async with going(service):
        await shop.profile(1, realName="王伟")
        await shop.tag(2, "new", minute=1)
        await receiver.until(lambda: bool(receiver.taken))
        await shop.until_idle()
    assert [(one.body["audienceUserId"], one.tags) for one in receiver.taken] == [(2, ["new", "old"])]


async def test_each_app_is_told_of_its_own_enterprises_customers_alone(service: Service, receiver: Receiver) -> None:
    shop = Shop(service, await service.create_tenant("group"))
    for company in ("31", "32"):
        await companies.put(service, shop.tenant, company)
    shop.tenant = await service.tenant("group")
    async with receiving() as first, receiving() as both:
        await shop.subscribe(receiver)
        await shop.subscribe(first, company="31")
        await shop.subscribe(both, company="31", companies=("32",))
        async with going(service):
            for number, company in ((1, None), (2, "31"), (3, "32")):
                await shop.tag(number, "x", companyId=company)
            await shop.until_idle()
        assert (receiver.ids(), first.ids(), sorted(both.ids())) == ([1], [2], [2, 3])
        known = shop.tenant.settings.companies
        (one,) = first.taken
        assert (one.body["orgId"], one.body["thirdCompanyId"]) == (str(known["31"].org), "31")
        (other,) = [one for one in both.taken if one.body["audienceUserId"] == 3]
        assert (other.body["orgId"], other.body["thirdCompanyId"]) == (str(known["32"].org), "32")


async def test_what_changes_during_a_pause_is_told_after_it(shop: Shop, receiver: Receiver) -> None:
    await subscriptions.change(shop.service, shop.hook.webhook, paused=True)
    async with going(shop.service):
        await shop.tag(1, "x")
        await shop.until_seen()
        assert [(one.state, one.attempts) for one in await shop.log()] == [("waiting", 0)]
        await subscriptions.change(shop.service, shop.hook.webhook, paused=False)
        await receiver.until(lambda: receiver.ids() == [1])


async def test_an_app_that_may_read_no_tags_any_more_or_is_revoked_is_told_nothing(
    shop: Shop, receiver: Receiver
) -> None:
    async with going(shop.service):
        await shop.service.set_key(shop.app, KeyOptions(permissions=("profile",)))
        await shop.tag(1, "x")
        await shop.until_seen()
        await shop.service.set_key(shop.app, KeyOptions(permissions=("tags",)))
        await shop.tag(2, "x")
        await receiver.until(lambda: receiver.ids() == [2])
        await shop.service.revoke_key(shop.app)
        await shop.tag(3, "x")
        await shop.until_seen()
        other = Shop(shop.service, shop.tenant)
        await other.subscribe(receiver)
        await shop.tag(4, "x")
        await receiver.until(lambda: receiver.ids() == [2, 4])
        await shop.until_idle()
    assert [one.parameters["instanceAppId"] for one in receiver.told] == [shop.app, other.app]


async def test_the_last_webhook_takes_all_that_was_kept_along(shop: Shop, receiver: Receiver) -> None:
    del receiver
    await shop.tag(1, "x")
    async with going(shop.service):
        await shop.until_idle()
    await subscriptions.drop(shop.service, shop.hook.webhook)
    assert await subscriptions.webhooks(shop.service) == []
    async with shop.service.store.reading() as tx:
        assert await tx.rows("told_after", shop.tenant.id, 0, 10) == []
        assert await tx.row("watched", shop.tenant.id) is None


ADDRESSES = [
    "", "ftp://example.cn/", "example.cn/hook", "https://", "https:///hook", "https://user:word@example.cn/",
    "https://example.cn/#part", "https://example.cn:99999/", "https://example.cn:0/", "https://a b/",
    "https://example.cn/\nx", "javascript:alert(1)", "file:///etc/passwd", "https://example.cn/" + "x" * 2048,
]  # fmt: skip


@pytest.mark.parametrize("url", ADDRESSES)
async def test_an_address_that_is_none_is_refused(shop: Shop, url: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        await subscriptions.create(shop.service, shop.app, url)
    assert refused.value.field == "url"
    with pytest.raises(InputInvalid):
        await subscriptions.change(shop.service, shop.hook.webhook, url=url)

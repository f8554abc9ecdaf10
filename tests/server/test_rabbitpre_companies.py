"""Sub-enterprises and apps over a running server with two workers: who sees whom, and who may act for whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest
from caller import Door, Serving

from huaxiang.errors import InputInvalid, NotFound, SettingsInvalid
from huaxiang.keyring import KeyOptions
from huaxiang.model import Tenant
from huaxiang.service import Service
from huaxiang.steward import companies

AUDIENCE = "/api/open/api/audience"
DETAIL, INFO, IDS = f"{AUDIENCE}/detail", f"{AUDIENCE}/getInfoByPhoneAndOpenid", f"{AUDIENCE}/user/id/list"
TAGS, TAGS_OF = f"{AUDIENCE}/user/tag/list", f"{AUDIENCE}/user/tag/batchlist"
PROFILES = "/api/open/audience/info/v2/batchAdd"
EVENTS = "/api/open/api/integrate/event/batchAdd"
AT = 1648097254000
BOTH, OURS_ALONE, FIRST, SECOND = 1, 2, 3, 4
EVERYBODY = [BOTH, OURS_ALONE, FIRST, SECOND]


def profile(number: int, company: str | None = None, **row: object) -> dict[str, Any]:
    """A profile of one company's."""
    named = {} if company is None else {"companyId": company}
    said = {"audienceUserId": number, "phone": f"1333993820{number}", "updateTime": AT, **row}
    return {"as": "rabbitpre.profile", "row": {**said, **named}}


async def enterprise(server: Serving) -> Tenant:
    """A tenant with two sub-enterprises; one customer is its own and the first one's, the others have one each."""
    tenant = await server.tenant()
    for company in ("31", "32"):
        await companies.put(server.service, tenant, company)
    rows = [
        profile(BOTH, tags="a"), profile(BOTH, "31", thirdId="t1"), profile(OURS_ALONE, thirdId="t2"),
        profile(FIRST, "31", thirdId="t3"), profile(SECOND, "32", thirdId="t3"),
    ]  # fmt: skip
    await server.land(tenant, rows)
    return await server.service.tenant(tenant.name)


def ask(door: Door, company: str | None, **more: object) -> httpx.Response:
    """The detail of everybody, in the name of a company."""
    body = {"audienceUserIdList": EVERYBODY, **({} if company is None else {"companyId": company}), **more}
    return door.call("POST", DETAIL, json=body)


def seen(door: Door, company: str | None = None, **more: object) -> list[int] | str:
    """Whom a company sees, or the word for why it may not."""
    answer = ask(door, company, **more).json()
    return [one["audienceUserId"] for one in answer["data"]] if answer["code"] == "200" else answer["errorCode"]


def listed(door: Door, company: str | None, size: int) -> list[int]:
    """All ids of a company, by pages."""
    found: list[int] = []
    while True:
        after = [("audienceUserId", str(found[-1]))] if found else []
        pairs = [("size", str(size)), *after, *([("companyId", company)] if company else [])]
        page = door.get(IDS, pairs=pairs).json()["data"]["audienceUserIdList"]
        if not page:
            return found
        found += page


DENIED = "PERMISSION_DENIED"


async def test_an_enterprise_sees_the_customers_that_its_records_name_and_no_others(server: Serving) -> None:
    tenant = await enterprise(server)
    door = await server.door(tenant, "rabbitpre", companies=("31",))
    every = await server.door(tenant, "rabbitpre", companies=("*",))
    first = await server.door(tenant, "rabbitpre", company="31")
    none = await server.door(tenant, "rabbitpre")
    own, of_first, of_second = [BOTH, OURS_ALONE], [BOTH, FIRST], [SECOND]
    expected: list[tuple[Door, list[object]]] = [
        (door, [own, of_first, DENIED, DENIED]),
        (every, [own, of_first, of_second, DENIED]),
        (first, [of_first, of_first, DENIED, DENIED]),
        (none, [own, DENIED, DENIED, DENIED]),
    ]
    for one, found in expected:
        assert [seen(one, company) for company in (None, "31", "32", "unheard of")] == found
    # The same at every other read.
    assert [listed(every, company, 1) for company in (None, "31", "32")] == [own, of_first, of_second]
    for number in EVERYBODY:
        sees = number in of_first
        told = every.get(TAGS, pairs=[("audienceUserId", str(number)), ("companyId", "31")]).json()["data"]
        assert (told is not None) is sees
        body = {"phone": f"1333993820{number}", "companyId": "31"}
        assert (every.call("POST", INFO, json=body).json()["data"] is not None) is sees
    told = every.call("POST", TAGS_OF, json={"audienceUserIdList": EVERYBODY, "companyId": "32"}).json()["data"]
    assert [one["audienceUserId"] for one in told] == of_second
    for method, path, body in (("POST", INFO, {"phone": "1"}), ("POST", TAGS_OF, {"audienceUserIdList": [1]})):
        assert none.call(method, path, json={**body, "companyId": "31"}).json()["errorCode"] == DENIED
    for path, query in ((IDS, []), (TAGS, [("audienceUserId", "1")])):
        assert none.get(path, pairs=[*query, ("companyId", "31")]).json()["errorCode"] == DENIED


async def test_a_customer_has_the_org_and_the_third_id_of_the_enterprise_that_asks(server: Serving) -> None:
    tenant = await enterprise(server)
    door = await server.door(tenant, "rabbitpre", companies=("*",))
    orgs = {None: tenant.org, **{company: one.org for company, one in tenant.settings.companies.items()}}
    for company, third_id in ((None, None), ("31", "t1")):
        (one, *_) = ask(door, company).json()["data"]
        assert (one["orgId"], one.get("thirdId")) == (str(orgs[company]), third_id)
    # One third party's id of two companies is two customers.
    for company, number in (("31", FIRST), ("32", SECOND)):
        body = {"thirdIdList": ["t3"], "companyId": company}
        assert [one["audienceUserId"] for one in door.call("POST", DETAIL, json=body).json()["data"]] == [number]
        assert door.get(IDS, pairs=[("companyId", company)]).json()["data"]["orgId"] == str(orgs[company])


async def test_a_record_that_names_the_enterprise_lets_it_see_at_once_and_one_that_goes_hides_again(
    server: Serving,
) -> None:
    tenant = await enterprise(server)
    door = await server.door(tenant, "rabbitpre", companies=("*",))
    assert [seen(door, "32") for _ in range(4)] == [[SECOND]] * 4  # kept in both workers by now
    event = {"eventKey": "view", "eventId": "e", "time": AT, "phone": "13339938202", "companyId": "32"}
    assert door.call("POST", EVENTS, json={"data": [event]}).json()["data"] == 1
    assert [seen(door, "32") for _ in range(4)] == [[OURS_ALONE, SECOND]] * 4
    async for _ in server.service.rebuild(tenant):
        pass
    assert [seen(door, company) for company in (None, "31", "32")] == [[1, 2], [1, 3], [2, 4]]


async def test_sub_enterprises_part_what_came_before_them_and_give_it_back_when_they_go(server: Serving) -> None:
    tenant = await server.tenant()
    await server.land(tenant, [profile(OURS_ALONE), profile(FIRST, "31", thirdId="t3")])
    door = await server.door(tenant, "rabbitpre")
    assert [seen(door, company) for company in (None, "31", "unheard of")] == [[OURS_ALONE, FIRST]] * 3
    await companies.put(server.service, tenant, "31", name="子企业", org=UUID(int=31))
    assert [seen(door, company) for company in (None, "31")] == [[OURS_ALONE], DENIED]
    await server.service.set_key(door.credential["instanceAppid"], KeyOptions(companies=("31",)))
    assert [seen(door, company) for company in (None, "31")] == [[OURS_ALONE], [FIRST]]
    (one,) = await companies.companies(server.service, await server.service.tenant(tenant.name))
    assert (one.id, one.name, one.org, one.customers) == ("31", "子企业", UUID(int=31), 1)
    with pytest.raises(InputInvalid, match="keys name it"):
        await companies.drop(server.service, tenant, "31")
    await server.service.set_key(door.credential["instanceAppid"], KeyOptions(companies=()))
    await companies.drop(server.service, tenant, "31")
    assert seen(door) == [OURS_ALONE, FIRST]
    with pytest.raises(NotFound):
        await companies.drop(server.service, tenant, "31")


async def test_a_row_lands_in_the_enterprise_that_it_names_or_the_apps_own_and_in_no_other(server: Serving) -> None:
    tenant = await enterprise(server)
    first = await server.door(tenant, "rabbitpre", company="31")
    rows = [{"audienceUserId": 70 + index, **named} for index, named in enumerate(NAMED)]
    answer = first.call("POST", PROFILES, json={"data": rows}).json()
    assert [row["errorCode"] for row in answer["rows"]] == ["SUCCESS", "SUCCESS", "SUCCESS", DENIED, DENIED]
    assert answer["data"] == 3
    every = await server.door(tenant, "rabbitpre", companies=("*",))
    assert listed(every, "31", 100) == [BOTH, FIRST, 70, 71, 72]


NAMED: list[dict[str, object]] = [
    {}, {"companyId": " "}, {"companyId": 31}, {"companyId": "32"}, {"companyId": "unheard of"},
]  # fmt: skip


# ── apps ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def app(door: Door) -> dict[str, str]:
    return {"instanceAppid": door.credential["instanceAppid"]}


def changes(**options: Any) -> KeyOptions:  # noqa: ANN401 (one of each kind)
    return KeyOptions(**options)


async def test_an_app_acts_for_another_one_if_it_may_and_reads_what_that_one_may(server: Serving) -> None:
    tenant = await enterprise(server)
    first = await server.door(tenant, "rabbitpre", company="31")
    silent = await server.door(tenant, "rabbitpre", company="31", permissions=("tags",))
    stranger = await server.door(await enterprise(server), "rabbitpre")
    names = tuple(app(one)["instanceAppid"] for one in (first, silent))
    acting = await server.door(tenant, "rabbitpre", apps=names)
    plain = await server.door(tenant, "rabbitpre")
    assert seen(acting) == seen(acting, **app(acting)) == [BOTH, OURS_ALONE]
    assert seen(acting, **app(first)) == seen(acting, "31", **app(first)) == [BOTH, FIRST]
    assert seen(acting, "32", **app(first)) == DENIED  # what the other may not, nobody may for it
    assert seen(acting, **app(silent)) == DENIED  # without the permission
    assert seen(plain, **app(first)) == seen(first, **app(acting)) == DENIED
    assert seen(acting, **app(stranger)) == seen(acting, instanceAppid="\0") == DENIED
    await server.service.revoke_key(app(first)["instanceAppid"])
    assert [seen(acting, **app(first)) for _ in range(4)] == [DENIED] * 4


async def test_a_call_for_another_app_counts_as_that_apps(server: Serving) -> None:
    tenant = await enterprise(server)
    slow = await server.door(tenant, "rabbitpre", rate=0.001)
    acting = await server.door(tenant, "rabbitpre", rate=0.001, apps=(app(slow)["instanceAppid"],))
    assert seen(acting, **app(slow)) == [BOTH, OURS_ALONE]
    assert seen(slow) == seen(acting, **app(slow)) == "TOO_FREQUENT"
    assert seen(acting) == [BOTH, OURS_ALONE]


OPTIONS: list[tuple[Mapping[str, Any], list[object]]] = [
    ({"permissions": ("tags",)}, [DENIED, DENIED]),
    ({"permissions": ("all",)}, [[BOTH, OURS_ALONE], DENIED]),
    ({"companies": ("31",)}, [[BOTH, OURS_ALONE], [BOTH, FIRST]]),
    ({"company": "31", "companies": ()}, [[BOTH, FIRST], [BOTH, FIRST]]),
    ({"company": "", "rate": 0.001}, [[BOTH, OURS_ALONE], DENIED]),
    ({"rate": 0}, [[BOTH, OURS_ALONE], DENIED]),
]


async def test_what_a_living_key_may_turns_at_once_in_every_worker(server: Serving) -> None:
    tenant = await enterprise(server)
    door = await server.door(tenant, "rabbitpre", permissions=("profile",))
    assert [seen(door) for _ in range(4)] == [[BOTH, OURS_ALONE]] * 4
    listing = None
    for change, expected in OPTIONS:
        listing = await server.service.set_key(app(door)["instanceAppid"], changes(**change))
        assert listing.name == app(door)["instanceAppid"]
        assert [seen(door, company) for company in (None, "31")] == expected, change
        if change.get("rate"):
            assert [seen(door) for _ in range(4)] == ["TOO_FREQUENT"] * 4
        else:
            assert [seen(door) for _ in range(4)] == [expected[0]] * 4
    assert listing is not None
    assert set(listing.permissions) == {"profile", "tags", "write"}


async def test_a_key_is_given_nothing_that_nobody_has(service: Service, tenant: Tenant) -> None:
    made = await service.create_key(tenant, "rabbitpre", KeyOptions())
    for wrong in (
        {"permissions": ("everything",)}, {"rate": -1}, {"clock": "utc"}, {"company": "31"}, {"companies": ("31",)},
        {"apps": ("nobody",)}, {"account": UUID(int=1)},
    ):  # fmt: skip
        with pytest.raises(SettingsInvalid):
            await service.set_key(made["instanceAppid"], changes(**wrong))
    with pytest.raises(NotFound):
        await service.set_key("nobody", KeyOptions(rate=2))
    native = await service.create_key(tenant, "native", KeyOptions())
    assert native
    with pytest.raises(SettingsInvalid):
        await service.create_key(tenant, "native", KeyOptions(company=""))
    (listed, _) = await service.keys(tenant.name)
    assert (listed.options, listed.rate) == ({}, 1.0)
    with pytest.raises(InputInvalid):
        await companies.put(service, tenant, "*")

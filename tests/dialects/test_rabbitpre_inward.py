"""Rabbitpre's ways in: what a profile row and an event row say, in the house's words, and what they may not say."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang import errors as house
from huaxiang.dialects.rabbitpre import inward
from huaxiang.model import OWN_IDS, AnyFact, Interaction, Json, Mention, Origin, Subscription, Trait

SHANGHAI = ZoneInfo("Asia/Shanghai")
FORMATS = {form.name: form.parse for form in inward.FORMATS}
ACCOUNT = "wx0123456789abcdef"
IDENTITIES = {"unionid": "u", "openid": "o", "appid": ACCOUNT, "phone": "13339938205", "audienceUserId": 643}


def at_shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def kinds(fact: AnyFact) -> list[str]:
    return [mention.kind for mention in fact.identifiers]


def test_identities_match_in_the_order_that_the_row_asks_for() -> None:
    plain = inward.parse_profile({**IDENTITIES, "thirdId": "t"}, SHANGHAI).facts[0]
    assert kinds(plain) == ["unionid", "openid", "phone", "audience_id", "third_id"]
    by_phone = inward.parse_profile({**IDENTITIES, "matchOrder": "phone"}, SHANGHAI).facts[0]
    assert kinds(by_phone) == ["phone", "unionid", "openid", "audience_id"]


def test_a_row_of_strings_says_what_the_row_of_values_says() -> None:
    values = {
        **IDENTITIES, "sex": 1, "markFlag": 1, "userType": ["个人"],
        "phoneList": [{"phone": "13339938205", "isVerify": 1}], "createTime": 1648097254000,
        "updateTime": 1648097254000, "sourceCnl": 907,
    }  # fmt: skip
    strings = {
        **IDENTITIES, "audienceUserId": "643", "sex": "男", "markFlag": "是", "userType": "个人",
        "phoneList": '[{"phone": "13339938205", "isVerify": "1"}]', "createTime": "2022-03-24 12:47:34",
        "updateTime": "2022/03/24 12:47:34", "sourceCnl": "907", "remark": "", "avatar": None,
    }  # fmt: skip
    assert inward.parse_profile(values, SHANGHAI) == inward.parse_profile(strings, SHANGHAI)


def test_a_row_says_nothing_by_null_blank_and_empty() -> None:
    nothing: dict[str, Json] = {"realName": None, "remark": " ", "userType": [], "addressList": None, "openids": []}
    row = {"phone": "13339938205", **nothing}
    fact = inward.parse_profile(row, SHANGHAI).facts[0]
    assert (fact.traits, fact.details, kinds(fact)) == ({}, {}, ["phone"])


def test_where_a_customer_came_from_is_a_fact_of_its_creation() -> None:
    row = {**IDENTITIES, "sourceCnl": 907, "createTime": "2022-01-10 12:00:00", "updateTime": "2022-03-24 12:00:00"}
    now, then = inward.parse_profile(row, SHANGHAI).facts
    assert (now.origin, now.at) == (None, at_shanghai("2022-03-24 12:00"))
    assert (then.origin, then.at) == (Origin(channel=907), at_shanghai("2022-01-10 12:00"))


def test_a_row_without_a_creation_tells_its_source_itself() -> None:
    (fact,) = inward.parse_profile({**IDENTITIES, "sourceCnl": 907}, SHANGHAI).facts
    assert (fact.origin, fact.at, fact.id) == (Origin(channel=907), None, None)


def test_an_account_only_in_the_list_of_all_was_followed_once_and_is_no_longer() -> None:
    row = {
        **IDENTITIES,
        "updateTime": "2022-03-24 12:00:00",
        "wechatList": [
            {"appid": ACCOUNT, "firstSubDate": 1643000000000, "firstSubSourceTaskId": 598},
            {"appid": "wx9", "firstSubDate": 1643000000001},
        ],
        "subWechatList": [{"appid": ACCOUNT, "wechatName": "兔展"}],
    }
    follows = [fact for fact in inward.parse_profile(row, SHANGHAI).facts if isinstance(fact, Subscription)]
    assert [(one.account, one.followed) for one in follows] == [
        (ACCOUNT, True), (ACCOUNT, True), ("wx9", True), ("wx9", False),
    ]  # fmt: skip
    assert follows[0].origin == Origin(task=598)
    assert follows[0].account_name == "兔展"
    assert [kinds(one) for one in follows] == [["openid"], ["openid"], *(2 * [["unionid", "audience_id"]])]


def test_who_belongs_together_is_said_at_the_time_of_the_row_alone() -> None:
    times = {"createTime": "2022-01-10 12:00:00", "updateTime": "2022-03-24 12:00:00"}
    followed = {"wechatList": [{"appid": ACCOUNT, "firstSubDate": 1643000000000}], "sourceCnl": 907}
    row = {"unionid": "u", "phone": "13339938205", **times, **followed}
    facts = inward.parse_profile(row, SHANGHAI).facts
    assert [fact.at == at_shanghai(times["updateTime"]) for fact in facts if "phone" in kinds(fact)] == [True]
    assert [kinds(fact) for fact in facts[1:]] == [["unionid"]] * 3
    by_phone_alone = {name: value for name, value in row.items() if name != "unionid"}
    assert {tuple(kinds(fact)) for fact in inward.parse_profile(by_phone_alone, SHANGHAI).facts} == {("phone",)}


def test_an_identity_of_wecom_is_an_external_userid_and_a_self_built_app_has_its_own() -> None:
    row = {
        "openids": [
            {"openid": "wm1", "appid": "ww1", "fromTo": "workwechat"},
            {"openid": "wm2", "appid": "ww1", "platform": "selfbuilt"},
            {"openid": "zhang", "appid": "workwechat_employee"},
            {"openid": "o1", "appid": "wx1", "fromTo": "gzh"},
        ]
    }
    fact = inward.parse_profile(row, SHANGHAI).facts[0]
    assert kinds(fact) == ["external_userid", "selfbuilt_userid", "external_userid", "openid"]


def test_an_identity_of_a_system_needs_the_system() -> None:
    with pytest.raises(house.InputMissing) as raised:
        inward.parse_profile({"openids": [{"identityId": "31"}]}, SHANGHAI)
    assert raised.value.field == "openids[0].jcappid"


def test_an_id_of_another_house_is_taken_as_a_vendors() -> None:
    fact = inward.parse_profile({**IDENTITIES, "audienceUserId": OWN_IDS + 1}, SHANGHAI).facts[0]
    assert Mention("audience_id", str(OWN_IDS + 1)) in fact.identifiers
    assert fact.details == {}


def test_an_event_is_an_interaction_with_its_account_and_its_upstream() -> None:
    row = {
        "eventKey": "share", "eventId": "e1", "time": 1648097254000, "unionid": "u", "uuid": "x", "companyId": "31",
        "eventargs": {
            "appid": ACCOUNT, "wechatName": "兔展", "upstream": {"openid": "o9", "audienceUserId": 237},
            "sourceCnl": 907, "province": "广东省", "lbsCity": "佛山市", "title": "作品",
        },
    }  # fmt: skip
    (event,) = inward.parse_event(row, SHANGHAI).facts
    upstream = Mention("openid", "o9", scope=ACCOUNT)
    assert event == Interaction(
        source="rabbitpre",
        enterprise="31",
        id="e1",
        at=datetime(2022, 3, 24, 4, 47, 34, tzinfo=UTC),
        identifiers=(Mention("unionid", "u"),),
        traits={"ip_place": {"province": "广东省"}, "gps_place": {"city": "佛山市"}},
        origin=Origin(channel=907, upstream=upstream),
        details={"uuid": "x", "eventargs": {"title": "作品"}, "wechatName": "兔展"},
        type="share",
        account=ACCOUNT,
        upstream=upstream,
    )


def test_a_mini_programs_event_is_with_no_official_account() -> None:
    row = {"eventKey": "view", "openid": "o", "eventargs": {"appid": "wx7", "fromTo": "contentminiapp"}}
    (event,) = inward.parse_event(row, SHANGHAI).facts
    assert isinstance(event, Interaction)
    assert (event.account, event.identifiers) == (None, (Mention("openid", "o", scope="wx7"),))


@pytest.mark.parametrize(("key", "followed"), [("gzh_subscribe", True), ("关注", True), ("gzh_unsubscribe", False)])
def test_a_follow_and_an_unfollow_are_subscriptions(key: str, followed: bool) -> None:
    row = {"eventKey": key, "eventId": "e1", "openid": "o", "eventargs": {"appid": ACCOUNT, "sourceCnl": 9}}
    follow_fact, first_seen = inward.parse_event(row, SHANGHAI).facts
    assert isinstance(follow_fact, Subscription)
    assert isinstance(first_seen, Trait)
    assert (follow_fact.account, follow_fact.followed) == (ACCOUNT, followed)
    assert follow_fact.identifiers == (Mention("openid", "o", scope=ACCOUNT),)
    assert first_seen.origin == Origin(channel=9)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"unionid": "u"}, "eventKey"),
        ({"eventKey": "view"}, "unionid"),
        ({"eventKey": "gzh_subscribe", "openid": "o"}, "eventargs.appid"),
        ({"eventKey": "view", "unionid": "u", "eventargs": {"upstream": {"x": 1}}}, "eventargs.upstream.unionid"),
    ],
)
def test_an_event_that_lacks_something_names_the_field(row: dict[str, Json], field: str) -> None:
    with pytest.raises(house.InputMissing) as raised:
        inward.parse_event(row, SHANGHAI)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("audienceUserId", 0), ("audienceUserId", 2**63), ("audienceUserId", 1.5), ("audienceUserId", True),
        ("updateTime", "yesterday"), ("updateTime", 10**18), ("sex", "3"), ("markFlag", "maybe"),
        ("birthday", "2023-02-30"), ("sourceCnlType", "SHOP"), ("matchOrder", "name"), ("remark", "x" * 5000),
        ("addressList", ["x"]),
        ("openids", "[{"), ("sourceCnl", "1.39E+10"), ("unionid", 1e300), ("unionid", {"a": 1}),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_meant_is_refused_by_its_field_and_never_repeated(field: str, value: Json) -> None:
    with pytest.raises(house.InputInvalid) as raised:
        inward.parse_profile({"phone": "13339938205", field: value}, SHANGHAI)
    assert raised.value.field == field
    assert str(value) not in raised.value.reason or field == "audienceUserId"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["appid", "openid", "phone"]), inner),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        "audienceUserId", "openids", "unionid", "openid", "appid", "phone", "phoneList",
        "thirdId", "companyId", "realName", "sex", "birthday", "markFlag", "addressList",
        "userType", "sourceAudid", "sourceCnl", "createTime", "updateTime", "customFields", "wechatList",
        "subWechatList", "matchOrder", "eventKey", "eventId", "time", "eventargs", "identityId",
        "jcappid", "intid",
    ]
)  # fmt: skip


@given(st.dictionaries(FIELDS, JSON, max_size=8), st.sampled_from(sorted(FORMATS)))
def test_any_row_is_parsed_or_refused_and_what_is_parsed_is_a_fact(row: dict[str, Json], name: str) -> None:
    try:
        parsed = FORMATS[name](row, SHANGHAI)
    except (house.InputInvalid, house.InputMissing):
        return
    for fact in parsed.facts:
        assert msgspec.json.decode(msgspec.json.encode(fact), type=AnyFact).source == "rabbitpre"

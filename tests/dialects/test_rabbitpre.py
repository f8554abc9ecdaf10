"""The Rabbitpre dialect without a server: the answer with its windows, each error's word, the golden cases.

The golden cases run here through the pure code, with a fold that a reader believes at sight in the store's place; over
a socket they run in the server's tests. In a case `*` stands for any text; `request.permissions` are those of its key;
`given.weights` are the tenant's; what a refusal needs beyond its request stands in its name.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang import errors as house
from huaxiang.dialects.rabbitpre import errors, inward, outward, wire
from huaxiang.identifiers import normalise
from huaxiang.model import (
    OWN_IDS,
    AnyFact,
    Bucket,
    Customer,
    Follow,
    Identifier,
    Identity,
    Interaction,
    Json,
    Mention,
    Newest,
    Order,
    Origin,
    Subscription,
    Summary,
    Tenant,
    TenantSettings,
)

GOLDEN = Path(__file__).parent.parent / "golden" / "rabbitpre"
SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
CREATED = datetime(2020, 1, 1, tzinfo=UTC)
FORMATS = {form.name: form.parse for form in inward.FORMATS}
ACCOUNT = "wx0123456789abcdef"


def tenant(zone: str = "Asia/Shanghai", weights: dict[str, int] | None = None) -> Tenant:
    return Tenant(
        id=1,
        name="demo",
        login_name="demo",
        time_zone=zone,
        key=bytes(range(32)),
        org=UUID(int=1),
        main_account=UUID(int=2),
        settings=TenantSettings(weights=weights or {"*": 1}),
    )


def order(at: datetime, record_id: str = "r") -> Order:
    return Order(at=at, rank=0, record_id=record_id, record=UUID(int=7))


def ms(time: datetime) -> int:
    return int(time.timestamp()) * 1000


# ── the obvious fold ──────────────────────────────────────────────────────────────────────────────────────────────


class Fold:
    """Facts -> customers, one fact after the other, as the design words it; no guards, every identifier identifies."""

    def __init__(self, facts: list[AnyFact], zone: ZoneInfo, arrived_at: datetime) -> None:
        self.zone = zone
        self.facts = [(fact, self._order(fact, arrived_at)) for fact in facts]
        self.names = list(dict.fromkeys(normalise(m) for fact in facts for m in (*fact.identifiers, *above(fact))))
        self.groups = {name: {name} for name in self.names}
        for fact in facts:
            merged = set[Identifier]().union(*(self.groups[normalise(mention)] for mention in fact.identifiers))
            self.groups |= dict.fromkeys(merged, merged)

    @staticmethod
    def _order(fact: AnyFact, arrived_at: datetime) -> Order:
        digest = blake2b(msgspec.json.encode(fact), digest_size=16).hexdigest()
        return order(fact.at or arrived_at, fact.id or f"~{digest}")

    def customer(self, wanted: Identifier | int) -> Customer | None:
        if isinstance(wanted, int) or wanted not in self.groups:
            return None
        group = self.groups[wanted]
        facts = [(fact, at) for fact, at in self.facts if normalise(fact.identifiers[0]) in group]
        told = [fact.created_at for fact, _ in facts if fact.created_at]
        return Customer(
            id=min(self.names.index(name) + 1 for name in group),
            identities=tuple(self._identity(name, facts) for name in self.names if name in group),
            summary=self._summary(group, facts),
            created_at=min(told or [at.at for _, at in facts]),
        )

    def _identity(self, name: Identifier, facts: list[tuple[AnyFact, Order]]) -> Identity:
        told = [fact.created_at for fact, _ in facts if fact.created_at and name in map(normalise, fact.identifiers)]
        said = [(at, m) for fact, at in self.facts for m in (*fact.identifiers, *above(fact)) if normalise(m) == name]
        said.sort(key=lambda one: one[0])
        return Identity(
            node=UUID(int=self.names.index(name) + 100),
            identifier=name,
            number=self.names.index(name) + 1,
            spelling=said[-1][1].value,
            verified=any(mention.verified for _, mention in said),
            first_at=said[0][0].at,
            created_at=min(told, default=None),
            newest=said[-1][0],
            about=next((mention.about for _, mention in reversed(said) if mention.about), dict[str, str | int]()),
        )

    def _summary(self, group: set[Identifier], facts: list[tuple[AnyFact, Order]]) -> Summary:
        traits: dict[str, Newest] = {}
        for fact, at in sorted(facts, key=lambda one: one[1]):
            traits |= {name: Newest(at, value) for name, value in fact.traits.items()}
        origins = [
            Newest(at, msgspec.to_builtins(fact.origin))
            for fact, at in facts
            if fact.origin and not isinstance(fact, Subscription)
        ]
        follows = [
            Follow(at, next((m.value for m in f.identifiers if m.kind == "openid"), ""), f.account, f.account_name,
                   f.followed, f.origin)
            for f, at in facts
            if isinstance(f, Subscription)
        ]  # fmt: skip
        return Summary(
            traits=traits,
            origin=min(origins, key=lambda one: one.order, default=None),
            buckets=tuple(self._buckets(group)),
            follows=tuple(sorted(follows, key=lambda one: one.order)),
        )

    def _buckets(self, group: set[Identifier]) -> list[Bucket]:
        found: defaultdict[tuple[Json, ...], list[datetime]] = defaultdict(list)
        for fact, at in self.facts:
            if not isinstance(fact, Interaction):
                continue
            key = (at.at.astimezone(self.zone).date(), fact.type, fact.account or "")
            if normalise(fact.identifiers[0]) in group:
                found["active", *key].append(at.at)
            if any(normalise(mention) in group for mention in above(fact)):
                found["spread", *key].append(at.at)
        return [Bucket(*key, count=len(times), newest_at=max(times)) for key, times in found.items()]


def above(fact: AnyFact) -> tuple[Mention, ...]:
    """Whom an interaction names as its direct upstream."""
    return (fact.upstream,) if isinstance(fact, Interaction) and fact.upstream else ()


def answered(case: dict[str, Json]) -> Json:
    """What a golden case's request is answered with."""
    said, now = case["given"], datetime.fromisoformat(case["now"])
    zone = ZoneInfo(said["time_zone"])
    facts = [fact for record in said["rows"] for fact in FORMATS[record["as"]](record["row"], zone).facts]
    fold = Fold(facts, zone, now)
    asked = wire.read_detail(json.dumps(case["request"]["body"]).encode())
    wanted = outward.wanted(asked.ids, asked.third_ids, asked.phones, asked.company, tenant())
    found = {one.id: one for name in wanted if (one := fold.customer(name))}
    names = outward.upstreams(found.values())
    known = {name: outward.audience_id(one, tenant()) for name in names if (one := fold.customer(name))}
    content = outward.detail(
        list(found.values()),
        tenant=tenant(said["time_zone"], said.get("weights")),
        now=now,
        audience_ids=known,
        company=asked.company,
    )
    assert msgspec.json.decode(content, type=wire.DetailAnswer)
    return json.loads(content)


# ── golden cases ──────────────────────────────────────────────────────────────────────────────────────────────────


def golden(*, refused: bool) -> list[Json]:
    cases = [(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(GOLDEN.glob("*.json"))]
    mark = "refused" if refused else "rows"
    return [pytest.param(case, id=name) for name, case in cases if mark in case["given"]]


def as_listed(value: Json) -> Json:
    """The same with objects as lists of pairs, so that the order of fields counts."""
    if isinstance(value, dict):
        return [[name, "*" if name == "orgId" else as_listed(one)] for name, one in value.items()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] (any JSON)
    return [as_listed(one) for one in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType] (any JSON)


@pytest.mark.parametrize("case", golden(refused=False))
def test_rows_come_back_as_the_golden_case_says_in_its_order(case: dict[str, Json]) -> None:
    assert as_listed(answered(case)) == as_listed(case["response"]["body"])


@pytest.mark.parametrize("case", golden(refused=False))
def test_the_order_of_the_rows_does_not_change_the_answer(case: dict[str, Json]) -> None:
    turned = {**case["given"], "rows": case["given"]["rows"][::-1]}
    assert answered({**case, "given": turned}) == answered(case)


def test_the_golden_customer_fills_every_field_of_the_document() -> None:
    row = json.loads((GOLDEN / "every_field.json").read_text(encoding="utf-8"))["response"]["body"]["data"][0]
    assert set(row) == set(wire.Profile.__struct_fields__)
    assert set(wire.OpenId.__struct_fields__) == {name for one in row["openids"] for name in one}
    assert set(wire.EverFollowed.__struct_fields__) == {name for one in row["wechatList"] for name in one}
    assert {"appid", "wechatName"} == {name for one in row["subWechatList"] for name in one}


def test_a_row_of_the_answer_can_be_imported_and_answers_the_same_but_for_what_is_derived() -> None:
    case = json.loads((GOLDEN / "every_field.json").read_text(encoding="utf-8"))
    row = case["response"]["body"]["data"][0]
    case["given"]["rows"] = [{"as": "rabbitpre.profile", "row": row}]
    (again,) = answered(case)["data"]
    derived = {"orgId", "lastActiveTime", "gzhInteractTime"} | {
        name for name in row if "ctive" in name or "pread" in name
    }
    del row["wechatList"][1]["gzhInteractTime"]
    assert {name: again.get(name) for name in row if name not in derived} == {
        name: value for name, value in row.items() if name not in derived
    }


@pytest.mark.parametrize("case", golden(refused=True))
def test_a_refusal_is_worded_as_the_golden_case_says(case: dict[str, Json]) -> None:
    refused: house.Refused = getattr(house, case["given"]["refused"])(**case["given"]["fields"])
    if case["given"]["refused"].startswith("Input"):
        with pytest.raises(type(refused)) as raised:
            wire.read_detail(json.dumps(case["request"]["body"]).encode())
        assert raised.value.fields == refused.fields
    status, body = errors.answer(refused, request_id="r")
    assert (status, json.loads(body)) == (case["response"]["status"], case["response"]["body"])


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_refusal_of_the_house_has_a_word_in_the_vendors_envelope() -> None:
    for kind in house.Refused.__subclasses__():
        status, body = errors.answer(kind(field="phoneList", reason="不能为空"), request_id="r")
        refusal = msgspec.json.decode(body, type=wire.Refusal)
        assert list(json.loads(body)) == ["code", "errorCode", "msg"]
        assert (status == 500) == (refusal.code == "100500"), kind
        assert (refusal.code == "100400") == ("phoneList" in refusal.msg)


def test_a_refusal_without_a_word_answers_as_a_failure() -> None:
    strange = type("Strange", (house.Refused,), {})()
    assert errors.answer(strange, request_id="r") == errors.answer(house.Failed(), request_id="r")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"companyId":"\xff"}', b"null", b'{"x":' + b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(house.InputInvalid) as raised:
        wire.read_detail(body)
    assert raised.value.field == "body"


@given(st.integers(1, 2**63 - 1))
def test_an_id_reads_the_same_as_a_number_and_as_its_digits(number: int) -> None:
    body = json.dumps({"audienceUserIdList": [number, str(number)]}).encode()
    assert wire.read_detail(body).ids == (number, number)


# ── ids ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def customer(number: int = 17, **parts: Json) -> Customer:
    return Customer(id=number, identities=parts.pop("identities", ()), summary=Summary(**parts), created_at=CREATED)


def named(kind: str, value: str, at: datetime = CREATED, **parts: Json) -> Identity:
    name = Identifier(kind, value, parts.pop("scope", ""))
    number = parts.pop("number", 1)
    return Identity(
        node=UUID(int=hash(name) % 2**64),
        identifier=name,
        number=number,
        spelling=value,
        verified=parts.pop("verified", False),
        first_at=at,
        created_at=None,
        newest=order(at, parts.pop("record_id", "r")),
        about=parts.pop("about", {}),
    )


def test_a_customer_answers_under_the_smallest_id_that_the_vendor_gave_it() -> None:
    ids = (named("audience_id", "900"), named("audience_id", "88"), named("audience_id", "not-a-number"))
    assert outward.audience_id(customer(identities=ids), tenant()) == 88


def test_a_customer_without_a_vendors_id_answers_under_our_own_range_and_is_found_by_that() -> None:
    number = outward.audience_id(customer(17), tenant())
    assert number == OWN_IDS + 17
    assert outward.wanted([number, 643], [], [], "", tenant()) == [17, Identifier("audience_id", "643")]


def test_a_third_partys_id_is_asked_for_in_its_company() -> None:
    assert outward.wanted([], ["t-1"], [], "31", tenant()) == [Identifier("third_id", "t-1", "31")]


def test_a_blank_phone_stands_for_nobody() -> None:
    assert outward.wanted([], [" "], ["", "13339938205"], "", tenant()) == [Identifier("phone", "+8613339938205")]


# ── windows ───────────────────────────────────────────────────────────────────────────────────────────────────────


def bucket(day: str, *, count: int = 1, side: Json = "active", kind: str = "view", account: str = "",
           zone: ZoneInfo = SHANGHAI, hour: int = 12) -> Bucket:  # fmt: skip
    at = datetime.combine(date.fromisoformat(day), datetime.min.time(), zone) + timedelta(hours=hour)
    return Bucket(side, date.fromisoformat(day), kind, account, count, at.astimezone(UTC))


def profile(one: Customer, now: datetime, zone: str = "Asia/Shanghai", weights: dict[str, int] | None = None) -> Json:
    content = outward.detail([one], tenant=tenant(zone, weights), now=now, audience_ids={})
    return json.loads(content)["data"][0]


def at_shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def test_a_window_of_nothing_has_the_count_0_and_the_customers_creation() -> None:
    row = profile(customer(), at_shanghai("2024-03-05 10:00"))
    nothing = {"count": 0, "updateTime": ms(CREATED)}
    assert (row["active"], row["weekActive"], row["monthActive"]) == (0, nothing, nothing)
    assert (row["spread"], row["weekSpread"], row["monthSpread"]) == (0, nothing, nothing)


def test_a_day_counts_for_seven_days_and_leaves_at_the_midnight_after() -> None:
    one = customer(buckets=(bucket("2024-03-01", count=2),))
    newest = ms(at_shanghai("2024-03-01 12:00"))
    last = profile(one, at_shanghai("2024-03-07 23:59:59"))["weekActive"]
    assert last == {"count": 2, "updateTime": newest}
    left = profile(one, at_shanghai("2024-03-08 00:00"))["weekActive"]
    assert left == {"count": 0, "updateTime": ms(at_shanghai("2024-03-08 00:00"))}
    later = profile(one, at_shanghai("2024-03-20 09:00"))
    assert later["weekActive"] == left
    assert later["monthActive"] == {"count": 2, "updateTime": newest}


def test_a_month_is_thirty_days_over_a_leap_day_and_a_months_end() -> None:
    one = customer(buckets=(bucket("2024-01-31"), bucket("2024-02-29")))
    assert profile(one, at_shanghai("2024-02-29 23:00"))["monthActive"]["count"] == 2
    after = profile(one, at_shanghai("2024-03-01 00:00"))["monthActive"]
    assert after == {"count": 1, "updateTime": ms(at_shanghai("2024-03-01 00:00"))}
    assert profile(one, at_shanghai("2024-03-29 23:59"))["monthActive"]["count"] == 1
    assert profile(one, at_shanghai("2024-03-30 00:00"))["monthActive"] == {
        "count": 0,
        "updateTime": ms(at_shanghai("2024-03-30 00:00")),
    }


def test_an_event_after_the_newest_leaving_midnight_is_when_the_window_changed() -> None:
    one = customer(buckets=(bucket("2024-03-01"), bucket("2024-03-09")))
    assert profile(one, at_shanghai("2024-03-10 08:00"))["weekActive"] == {
        "count": 1,
        "updateTime": ms(at_shanghai("2024-03-09 12:00")),
    }


def test_midnight_is_the_tenants_where_the_clocks_change() -> None:
    one = customer(buckets=(bucket("2024-03-04", zone=NEW_YORK),))
    before = datetime(2024, 3, 11, 3, 59, tzinfo=UTC)
    after = datetime(2024, 3, 11, 4, 0, tzinfo=UTC)
    assert profile(one, before, "America/New_York")["weekActive"]["count"] == 1
    assert profile(one, after, "America/New_York")["weekActive"] == {"count": 0, "updateTime": ms(after)}


def test_where_the_clock_skips_midnight_a_window_changes_at_that_instant() -> None:
    skipped = datetime(2018, 11, 4, 3, 0, tzinfo=UTC)
    one = customer(buckets=(bucket("2018-10-28", zone=ZoneInfo("America/Sao_Paulo")),))
    assert profile(one, skipped, "America/Sao_Paulo")["weekActive"] == {"count": 0, "updateTime": ms(skipped)}


def test_a_weight_of_nothing_neither_counts_nor_changes_a_window() -> None:
    one = customer(buckets=(bucket("2024-03-01", kind="ping", count=9), bucket("2024-03-02", kind="share")))
    row = profile(one, at_shanghai("2024-03-02 13:00"), weights={"ping": 0, "share": 5})
    assert (row["active"], row["weekActive"]["count"]) == (5, 5)
    gone = profile(one, at_shanghai("2024-03-08 13:00"), weights={"ping": 0, "share": 5})
    assert gone["weekActive"]["updateTime"] == ms(at_shanghai("2024-03-02 12:00"))


def test_spread_is_counted_apart_from_activity_and_is_no_activity() -> None:
    row = profile(customer(buckets=(bucket("2024-03-01", side="spread", count=4),)), at_shanghai("2024-03-01 13:00"))
    assert (row["active"], row["spread"], row["weekSpread"]["count"]) == (0, 4, 4)
    assert "lastActiveTime" not in row


def test_a_day_still_to_come_is_in_the_total_but_in_no_window() -> None:
    row = profile(customer(buckets=(bucket("2024-03-02"),)), at_shanghai("2024-03-01 13:00"))
    assert (row["active"], row["weekActive"]) == (1, {"count": 0, "updateTime": ms(CREATED)})


days = st.dates(date(2023, 12, 1), date(2024, 4, 30))


@given(st.lists(st.tuples(days, st.integers(1, 3)), max_size=8, unique_by=lambda one: one[0]), days)
def test_a_window_changes_only_at_the_times_that_it_tells(counts: list[tuple[date, int]], today: date) -> None:
    one = customer(buckets=tuple(bucket(day.isoformat(), count=count, hour=0) for day, count in counts))

    def week(day: date) -> dict[str, int]:
        return profile(one, datetime(day.year, day.month, day.day, 1, tzinfo=SHANGHAI))["weekActive"]

    first = today - timedelta(days=6)
    assert week(today)["count"] == sum(count for day, count in counts if first <= day <= today)
    changed = datetime.fromtimestamp(week(today)["updateTime"] / 1000, SHANGHAI).date()
    for back in range(1, 40):
        day = today - timedelta(days=back)
        if day >= changed:
            assert week(day) == week(today)


# ── the answer's other fields ─────────────────────────────────────────────────────────────────────────────────────


def follow(text: str, openid: str, account: str, *, followed: bool = True) -> Follow:
    return Follow(order(at_shanghai(text)), openid, account, "号" + account, followed, None)


def test_an_unfollowed_account_stays_in_one_list_and_leaves_the_other() -> None:
    follows = (follow("2024-01-01", "a", "wx1"), follow("2024-01-02", "a", "wx1", followed=False))
    row = profile(customer(follows=follows), at_shanghai("2024-03-01"))
    assert "subWechatList" not in row
    assert row["wechatList"] == [
        {"appid": "wx1", "wechatName": "号wx1", "firstSubDate": ms(at_shanghai("2024-01-01 00:00"))}
    ]


def test_a_customer_follows_an_account_if_any_of_its_openids_does() -> None:
    follows = (
        follow("2024-01-01", "a", "wx1"),
        follow("2024-01-02", "b", "wx1"),
        follow("2024-01-03", "a", "wx1", followed=False),
    )
    row = profile(customer(follows=follows), at_shanghai("2024-03-01"))
    assert row["subWechatList"] == [{"appid": "wx1", "wechatName": "号wx1"}]


def test_an_account_of_which_only_an_unfollow_is_known_has_no_first_subscription() -> None:
    row = profile(customer(follows=(follow("2024-01-01", "a", "wx1", followed=False),)), at_shanghai("2024-03-01"))
    assert row["wechatList"] == [{"appid": "wx1", "wechatName": "号wx1"}]


def test_an_interaction_with_an_account_is_its_newest_and_the_customers() -> None:
    buckets = (bucket("2024-01-05", account="wx1"), bucket("2024-01-06"))
    row = profile(customer(buckets=buckets, follows=(follow("2024-01-01", "a", "wx1"),)), at_shanghai("2024-03-01"))
    met = ms(at_shanghai("2024-01-05 12:00"))
    assert (row["gzhInteractTime"], row["wechatList"][0]["gzhInteractTime"]) == (met, met)
    assert row["lastActiveTime"] == ms(at_shanghai("2024-01-06 12:00"))


def test_the_phone_is_the_verified_one_else_the_latest() -> None:
    old, new = at_shanghai("2024-01-01"), at_shanghai("2024-02-01")
    phones = (named("phone", "13700000001", old, verified=True), named("phone", "13700000002", new))
    assert profile(customer(identities=phones), new)["phone"] == "13700000001"
    plain = (named("phone", "13700000001", old), named("phone", "13700000002", new))
    assert profile(customer(identities=plain), new)["phone"] == "13700000002"


def test_the_official_account_is_of_the_newest_openid_that_is_one() -> None:
    old, new = at_shanghai("2024-01-01"), at_shanghai("2024-02-01")
    openids = (
        named("openid", "a", old, scope="wx1", about={"from_to": "gzh"}),
        named("openid", "b", new, scope="wx2", about={"from_to": "contentminiapp"}),
    )
    assert profile(customer(identities=openids), new)["mpAppid"] == "wx1"


def test_an_openid_that_followed_its_account_is_an_official_accounts() -> None:
    openids = (named("openid", "a", scope="wx1"),)
    row = profile(customer(identities=openids, follows=(follow("2024-01-01", "a", "wx1"),)), CREATED)
    assert row["mpAppid"] == "wx1"


def test_numbers_of_nodes_never_order_what_is_served() -> None:
    one, other = named("phone", "13700000001", number=9), named("phone", "13700000002", number=2)
    assert profile(customer(identities=(one, other)), CREATED) == profile(customer(identities=(other, one)), CREATED)


def test_a_customer_above_that_is_not_known_here_keeps_the_vendors_id() -> None:
    origin = Newest(order(CREATED), msgspec.to_builtins(Origin(upstream=Mention("audience_id", "237"))))
    assert profile(customer(origin=origin), CREATED)["sourceAudid"] == 237
    nobody = Newest(order(CREATED), msgspec.to_builtins(Origin(upstream=Mention("unionid", "u"))))
    assert "sourceAudid" not in profile(customer(origin=nobody), CREATED)


def test_values_of_other_sources_that_the_document_does_not_know_are_not_served() -> None:
    said: dict[str, Json] = {
        "real_name": 5,
        "sex": "?",
        "birthday": "spring",
        "user_types": "个人",
        "starred": "yes",
        "ip_place": [],
    }
    traits = {name: Newest(order(CREATED), value) for name, value in said.items()}
    origin = Newest(order(CREATED), {"channel_type": "SHOP", "work_type": "抖音"})
    row = profile(customer(traits=traits, origin=origin), CREATED)
    assert set(row) == set(profile(customer(), CREATED)) | {"sourceAppType"}
    assert row["sourceAppType"] == "其他"


@pytest.mark.parametrize(
    ("said", "served"),
    [("1990-02-28", "1990-02-28 00:00"), ("19900228", "1990-02-28 00:00"), (636134400000, "1990-02-28 00:00")],
)
def test_a_birthday_is_its_midnight_in_the_tenants_time_zone(said: Json, served: str) -> None:
    fact = inward.parse_profile({"phone": "13339938205", "birthday": said}, SHANGHAI).facts[0]
    traits = {"birthday": Newest(order(CREATED), fact.traits["birthday"])}
    assert profile(customer(traits=traits), CREATED)["birthday"] == ms(at_shanghai(served))

"""Decisions over the socket, and what becomes of old ids in every dialect: joined they lead on, parted they return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import pytest
from caller import Door, Serving

from huaxiang.dialects.telrobot.wire import derived_id
from huaxiang.keyring import Dialect
from huaxiang.model import Tenant

ONE, OTHER = "13667679151", "13977952899"
DETAIL, PORTRAIT = "/api/open/api/audience/detail", "/sqc/customerPortrait"
NAMED = {"realName": "王伟", "updateTime": 1597657704000}
WORDS = {"author": "wang", "reason": "heard both voices"}
NOT_THE_CUSTOMERS = frozenset({"requestId", "request_id", "viewed_at", "last_view_at", "last_viewed_at"})
"""What a view leaves behind, and the names of requests."""


@dataclass
class House:
    """A tenant with two customers, and a key of each dialect."""

    tenant: Tenant
    doors: dict[Dialect, Door]
    record: str
    one: int
    other: int

    def native(self, method: str, path: str, json: Any = None) -> Any:  # noqa: ANN401 - JSON
        response = self.doors["native"].call(method, path, json=json)
        assert response.is_success, response.text
        return response.json()

    def decide(self, what: str, *ids: str) -> dict[str, Any]:
        return self.native("POST", f"/v1/decisions/{what}", {"ids": ids, **WORDS})

    @property
    def ours(self) -> int:
        """Where the tenant's own ids begin."""
        return self.tenant.own_ids.start

    def audience(self, *ids: int) -> list[dict[str, Any]]:
        """Rabbitpre's rows for these ids."""
        return self.doors["rabbitpre"].call("POST", DETAIL, json={"audienceUserIdList": ids}).json()["data"]

    def crm(self, uuid: object) -> dict[str, Any]:
        """Telrobot's customer of this uuid."""
        account = self.doors["telrobot"].credential["user_id"]
        response = self.doors["telrobot"].get(f"/agent-api/user/{account}/customer/detail/{uuid}")
        assert response.is_success, response.text
        return response.json()["data"]

    def portraits(self, *pairs: tuple[str, str]) -> list[dict[str, Any]]:
        """Tinet's rows."""
        return self.doors["tinet"].get(PORTRAIT, pairs=pairs).json()["data"]

    def by_every_id(self) -> dict[str, Any]:
        """What each id of each dialect answers, but for what a view leaves behind."""
        key = self.tenant.key
        answers: dict[str, Any] = {
            "rabbitpre, ours": self.audience(self.ours + self.one),
            "rabbitpre, the vendor's": self.audience(900),
            "rabbitpre, ours of one that has the vendor's": self.audience(self.ours + self.other),
            "telrobot, derived": self.crm(derived_id(key, self.one)),
            "telrobot, a record's": self.crm(self.record),
            "telrobot, derived, of one that has a record": self.crm(derived_id(key, self.other)),
            "native": [self.native("GET", f"/v1/customers/{number}") for number in (self.one, self.other)],
            "tinet": self.portraits(),
        }
        return {name: without(answer, NOT_THE_CUSTOMERS) for name, answer in answers.items()}


def without(answer: Any, names: frozenset[str]) -> Any:  # noqa: ANN401 - JSON
    """The answer but for these fields, at any depth."""
    if isinstance(answer, dict):
        fields = cast("dict[str, Any]", answer)
        return {name: without(value, names) for name, value in fields.items() if name not in names}
    if isinstance(answer, list):
        return [without(item, names) for item in cast("list[Any]", answer)]
    return answer


@pytest.fixture
async def house(server: Serving) -> House:
    tenant, record = await server.tenant(), str(uuid4())
    rows: list[dict[str, Any]] = [
        {"as": "tinet.cdr", "row": call("1.1", ONE, 1597657704, 60)},
        {"as": "rabbitpre.profile", "row": {"phone": ONE, "unionid": "union-1", **NAMED}},
        {"as": "tinet.cdr", "row": call("1.2", OTHER, 1597657705, 30)},
        {"as": "rabbitpre.profile", "row": {"audienceUserId": 900, "phone": OTHER, "realName": "李娜"}},
        {"as": "telrobot.customer", "row": {"id": record, "phone": OTHER, "name": "李娜"}},
    ]
    assert (await server.land(tenant, rows)).rejects == ()
    dialects: tuple[Dialect, ...] = ("tinet", "rabbitpre", "telrobot", "native")
    doors: dict[Dialect, Door] = {dialect: await server.door(tenant, dialect) for dialect in dialects}
    found = House(tenant, doors, record, 0, 0)
    wanted = [{"kind": "phone", "value": number} for number in (ONE, OTHER)]
    customers = found.native("POST", "/v1/customers/lookup", {"identifiers": wanted})["customers"]
    found.one, found.other = (customer["id"] for customer in customers)
    return found


def call(record: str, number: str, at: int, seconds: int) -> dict[str, Any]:
    return {"uniqueId": record, "customerNumber": number, "startTime": at, "bridgeDuration": seconds}


async def test_joined_old_ids_lead_on_in_every_dialect_and_parted_each_answers_for_itself_again(house: House) -> None:
    before = house.by_every_id()
    joined = house.decide("join", str(house.one), f"phone:{OTHER}")
    assert joined["customers"] == [house.one]
    after = house.by_every_id()
    for name in ("rabbitpre, ours", "rabbitpre, the vendor's", "rabbitpre, ours of one that has the vendor's"):
        assert [row["audienceUserId"] for row in after[name]] == [900]
    assert len(house.audience(house.ours + house.one, 900, house.ours + house.other)) == 1
    one, other = after["native"]
    assert (one, one["calls"]["count"]) == (other, 2)
    assert {after[name]["id"] for name in after if name.startswith("telrobot")} >= {house.record}
    undone = house.native("POST", f"/v1/decisions/{joined['id']}/undo", {**WORDS, "reason": "a slip"})
    assert undone["customers"] == [house.one, house.other]
    assert house.by_every_id() == before


async def test_a_part_divides_what_a_source_had_joined_and_each_id_answers_for_itself(house: House) -> None:
    before = house.by_every_id()
    identifiers = [{"kind": "phone", "value": OTHER}, {"kind": "unionid", "value": "union-1"}]
    fact = {"kind": "link", "source": "crm", "id": "l", "identifiers": identifiers}
    house.native("POST", "/v1/facts", {"facts": [fact]})
    assert len({row["audienceUserId"] for row in house.audience(house.ours + house.one, 900)}) == 1
    house.decide("part", str(house.one), "unionid:union-1")
    assert {row["audienceUserId"] for row in house.audience(house.ours + house.one, 900)} == {
        house.ours + house.one,
        900,
    }
    names = ("rabbitpre, ours", "rabbitpre, the vendor's", "telrobot, a record's", "tinet")
    after = house.by_every_id()
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    (decided,) = house.native("GET", "/v1/decisions")["decisions"]
    assert (decided["what"], decided["author"], decided["undone"]) == ("part", "wang", None)
    (group,) = house.native("GET", "/v1/review?reason=apart&limit=5")["groups"]
    assert (group["links"], group["pairs"][0]["cited"]) == (1, [{"source": "crm", "enterprise": "", "id": "l"}])


async def test_a_number_that_changed_hands_finds_its_holder_of_now_in_every_dialect(
    house: House, server: Serving
) -> None:
    said = {"identifier": f"phone:{ONE}", "at": "2022-01-01T00:00:00", **WORDS}
    cut = house.native("POST", "/v1/cuts", said)
    assert (cut["at"], cut["customer"]) == ("2021-12-31T16:00:00Z", None)
    late = [
        {"as": "tinet.cdr", "row": call("2.1", ONE, 1660000000, 7)},
        {"as": "rabbitpre.profile", "row": {"phone": ONE, "realName": "赵敏", "updateTime": 1660000000000}},
        {"as": "tinet.cdr", "row": call("1.0", ONE, 1597657000, 50)},
    ]
    assert (await server.land(house.tenant, late)).rejects == ()
    (row,) = house.portraits(("customerNumber", ONE))
    assert [label.rpartition("-")[2] for label in row["cdrIds"]] == ["2.1"]
    assert len(house.portraits()) == 2
    (found,) = house.native("POST", "/v1/customers/lookup", {"identifiers": [{"kind": "phone", "value": ONE}]})[
        "customers"
    ]
    assert found["calls"]["count"] == 1
    detail = house.doors["rabbitpre"].call("POST", DETAIL, json={"phoneList": [ONE]}).json()["data"]
    assert [(row["audienceUserId"], row["realName"]) for row in detail] == [(house.ours + found["id"], "赵敏")]
    former = house.native("GET", f"/v1/customers/{house.one}")
    assert (former["calls"]["count"], former["traits"]["real_name"]["value"]) == (2, "王伟")
    assert house.audience(house.ours + house.one)[0]["realName"] == "王伟"
    assert house.crm(derived_id(house.tenant.key, house.one))["name"] == "王伟"


async def test_the_feed_and_the_ids_are_told_over_the_socket(house: House) -> None:
    cursor = house.native("GET", "/v1/changes?limit=1000")["after"]
    house.decide("join", str(house.one), str(house.other))
    page = house.native("GET", f"/v1/changes?after={cursor}&limit=1")
    (change,) = page["changes"]
    assert (change["what"], change["customer"], change["other"]) == ("joined", house.other, house.one)
    assert page["after"] == change["number"] < page["newest"]
    lead = house.native("GET", f"/v1/ids/{house.other}")
    assert (lead["customer"], lead["changes"]) == (house.one, [change])
    assert {house.one, house.other} <= set(lead["ids"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "/v1/changes?after=-1", None, 400, "after"),
        ("GET", "/v1/changes?limit=1001", None, 400, "limit"),
        ("GET", "/v1/changes?before=1", None, 400, "before"),
        ("GET", "/v1/changes?after=1&after=2", None, 400, "query"),
        ("GET", "/v1/ids/0", None, 404, "id"),
        ("GET", "/v1/ids/99999999", None, 404, "id"),
        ("GET", "/v1/review?reason=none", None, 400, "reason"),
        ("POST", "/v1/decisions/join", {"ids": ["1", "2"], "author": "a"}, 400, "reason"),
        ("POST", "/v1/decisions/join", {"ids": ["1", "2"], "author": "a", "reason": " "}, 400, "reason"),
        ("POST", "/v1/decisions/join", {"ids": ["nobody", "x"], **WORDS}, 400, "id"),
        ("POST", "/v1/decisions/join", {"ids": ["unionid:a1", "unionid:b1"], **WORDS}, 404, "id"),
        ("POST", "/v1/decisions/apart", {"ids": [f"phone:{ONE}", f"phone:{ONE}"], **WORDS}, 400, "ids"),
        ("POST", "/v1/decisions/nothing/undo", WORDS, 404, "id"),
        ("POST", "/v1/cuts", {"identifier": "7", "at": "2022-01-01T00:00:00Z", **WORDS}, 400, "identifier"),
    ],
)
async def test_what_can_not_be_asked_is_refused_with_its_field(
    house: House, method: str, path: str, body: object, status: int, field: str
) -> None:
    response = house.doors["native"].call(method, path, json=body)
    assert (response.status_code, response.json()["error"]["field"]) == (status, field), response.text


@pytest.mark.parametrize("path", ["/v1/decisions/join", "/v1/decisions/1/undo", "/v1/cuts"])
async def test_a_key_that_may_only_read_decides_nothing(house: House, server: Serving, path: str) -> None:
    door = await server.door(house.tenant, "native", permissions=("facts", "customers"))
    assert door.call("POST", path, json={}).status_code == 403
    assert door.get("/v1/decisions").status_code == 403
    assert door.get("/v1/changes").status_code == 200

"""Telrobot's dialect without a server: rows to facts, views to bytes, refusals, rules, and the ids of the recordless.

Golden cases are data under `tests/golden/telrobot`; a case with `rows` goes all the way from the rows to the answer.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang import errors as house
from huaxiang import pool
from huaxiang.dialects.telrobot import errors, inward, outward, rules, wire
from huaxiang.model import (
    CrmRecord,
    Customer,
    CustomField,
    Identifier,
    Identity,
    Newest,
    Order,
    Parsed,
    Record,
    Summary,
    Tenant,
    TenantSettings,
)
from huaxiang.pool import CrmView

GOLDEN = sorted((Path(__file__).parent.parent / "golden" / "telrobot").glob("*.json"))
SHANGHAI = ZoneInfo("Asia/Shanghai")
MAIN = UUID("5832d184-dd53-42a0-8ace-0bf8d660f4cc")
TENANT = Tenant(
    id=1,
    name="demo",
    login_name="demo",
    time_zone="Asia/Shanghai",
    key=bytes(range(32)),
    org=UUID(int=1),
    main_account=MAIN,
    settings=TenantSettings(),
)
EMPTY = {"id": "780f7216-b131-462b-ba30-de7cd1f527de"}
FIELD = "823c2978-6c93-402c-b2a0-a92e56853382"


def order(at: str) -> Order:
    return Order(at=datetime.fromisoformat(at), rank=0, record_id="r", record=UUID(int=7))


def identity(kind: str, value: str, spelling: str, at: str) -> Identity:
    return Identity(
        node=UUID(int=3),
        identifier=Identifier(kind, value),
        number=12,
        spelling=spelling,
        verified=False,
        first_at=datetime.fromisoformat(at),
        created_at=datetime.fromisoformat(at),
        newest=order(at),
    )


def known(*identities: Identity, **traits: object) -> Customer:
    at = "2024-05-01T00:00:00+00:00"
    return Customer(
        id=12,
        identities=identities,
        summary=Summary(traits={name: Newest(order(at), value) for name, value in traits.items()}),
        created_at=datetime.fromisoformat(at),
    )


def view_of(parsed: Parsed, customer: Customer | None = None, viewed_at: datetime | None = None) -> CrmView:
    """What the house shows of a row, when nothing else is known."""
    fact = parsed.facts[0]
    assert isinstance(fact, Record)
    record = CrmRecord(
        order=order((fact.at or datetime(2024, 6, 1, tzinfo=UTC)).isoformat()),
        source=fact.source,
        enterprise=fact.enterprise,
        record=fact.record,
        owner=fact.owner,
        deleted=False,
        details=fact.details,
    )
    fields = tuple(sorted(parsed.fields, key=lambda field: (field.sort, field.id)))
    now = datetime(2024, 7, 1, tzinfo=UTC)
    return CrmView(
        id=UUID(fact.record),
        record=record,
        customer=customer or known(),
        fields=fields,
        viewed_at=viewed_at,
        pool=pool.pool(pool.held(record, (), SHANGHAI), TENANT.settings, now),
    )


def answered(
    row: dict[str, Any], customer: Customer | None = None, viewed_at: datetime | None = None
) -> dict[str, Any]:
    view = view_of(inward.customer(row, SHANGHAI), customer, viewed_at)
    return json.loads(outward.detail(view, tenant=TENANT))["data"]


def definition(**said: object) -> dict[str, Any]:
    return {"id": FIELD, "name": "姓名", "type": "text", "sort": 0, "validate": [], **said}


@pytest.mark.parametrize("path", [path for path in GOLDEN if "rows" in path.read_text()], ids=lambda path: path.stem)
def test_a_row_comes_back_as_the_golden_case_says_key_for_key_and_value_for_value(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    zone = ZoneInfo(case["given"]["time_zone"])
    parsed = inward.customer(case["given"]["rows"][-1], zone)
    answer = outward.detail(view_of(parsed), tenant=TENANT)
    assert answer.decode() == json.dumps(case["response"]["body"], ensure_ascii=False, separators=(",", ":"))
    assert msgspec.json.decode(answer, type=wire.DetailAnswer).data.id == view_of(parsed).id


@pytest.mark.parametrize(
    "path", [path for path in GOLDEN if '"refused"' in path.read_text()], ids=lambda path: path.stem
)
def test_a_refusal_is_worded_as_the_golden_case_says(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    refused = getattr(house, case["given"]["refused"])(**case["given"].get("fields", {}))
    status, body = errors.answer(refused, request_id="r")
    assert (status, json.loads(body)) == (case["response"]["status"], case["response"]["body"])


def test_every_refusal_of_the_house_has_a_word_and_keeps_the_envelope() -> None:
    for kind in house.Refused.__subclasses__():
        status, body = errors.answer(kind(field="phone", reason="不能为空"), request_id="r")
        answer = msgspec.json.decode(body, type=wire.Refusal)
        assert (answer.code, answer.status, answer.data) == (status, "error", [])
        assert list(json.loads(body)) == ["code", "status", "message", "data"]
        assert (status == 500) == (kind is house.Failed), kind


def test_a_refusal_without_a_word_answers_as_a_failure() -> None:
    assert errors.answer(house.Refused(reason="secret"), request_id="r") == errors.answer(
        house.Failed(), request_id="r"
    )


def test_a_record_hangs_on_its_own_id_then_phone_then_email() -> None:
    row = {**EMPTY, "phone": "136 6767 9151", "email": "a@b.cn", "name": "王", "company": "云", "sex": 2}
    fact = inward.customer(row, SHANGHAI).facts[0]
    assert [(one.kind, one.value, one.scope) for one in fact.identifiers] == [
        ("crm_id", EMPTY["id"], "telrobot"),
        ("phone", "136 6767 9151", ""),
        ("email", "a@b.cn", ""),
    ]
    assert fact.traits == {"real_name": "王", "company": "云", "email": "a@b.cn", "sex": "female"}


def test_an_email_that_is_none_stays_in_the_record_and_links_nothing() -> None:
    fact = inward.customer({**EMPTY, "email": "无"}, SHANGHAI).facts[0]
    assert [one.kind for one in fact.identifiers] == ["crm_id"]
    assert fact.details["email"] == "无"


def test_a_record_happens_when_it_was_updated_and_is_known_since_it_was_created() -> None:
    fact = inward.customer(
        {**EMPTY, "created_at": "2023-09-21 11:23:12", "updated_at": "2023-10-11 10:18:55"}, SHANGHAI
    ).facts[0]
    assert fact.at == fact.updated_at == datetime(2023, 10, 11, 2, 18, 55, tzinfo=UTC)
    assert fact.created_at == datetime(2023, 9, 21, 3, 23, 12, tzinfo=UTC)


def test_an_unset_sex_says_nothing_of_the_customer() -> None:
    assert inward.customer({**EMPTY, "sex": 0}, SHANGHAI).facts[0].traits == {}


@pytest.mark.parametrize("phone", ["13667679151", "+86 136-6767-9151", "008613667679151", "１３６６７６７９１５１"])
def test_a_row_without_an_id_revises_one_record_however_its_phone_is_written(phone: str) -> None:
    assert inward.record_id("o", phone) == inward.record_id("o", "13667679151")


def test_a_row_without_an_id_is_another_record_for_another_owner_or_phone() -> None:
    assert len({inward.record_id(owner, phone) for owner in "ab" for phone in ("13667679151", "13667679152")}) == 4


def test_a_cell_says_what_the_value_says() -> None:
    said = {
        "phone": 13667679151,
        "sort": 0,
        "source_id": 715,
        "expect_transaction_fee": 12.5,
        "company": None,
        "components": [{"id": FIELD, "value": "wula"}],
    }
    cells = {
        "phone": " 13667679151 ",
        "sort": "0",
        "source_id": "715",
        "expect_transaction_fee": "12.50",
        "company": "",
        "components": json.dumps(said["components"]),
    }
    assert inward.customer(cells, SHANGHAI) == inward.customer(said, SHANGHAI)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"id": "7"}, "id"),
        ({"updated_at": "2023-13-01 00:00:00"}, "updated_at"),
        ({"followed_at": "2023W38"}, "followed_at"),
        ({"followed_at": "0001-01-01 00:00:00"}, "followed_at"),
        ({"created_at": 45678.5}, "created_at"),
        ({"sex": 3}, "sex"),
        ({"is_back": True}, "is_back"),
        ({"source_id": "1.5"}, "source_id"),
        ({"flow": 2**64}, "flow"),
        ({"expect_transaction_fee": "1e400"}, "expect_transaction_fee"),
        ({"expect_transaction_fee": "NaN"}, "expect_transaction_fee"),
        ({"expect_transaction_fee": "一百"}, "expect_transaction_fee"),
        ({"name": ["王"]}, "name"),
        ({"phone": "1" * 300}, "phone"),
        ({"phone": "1.39E+10"}, "phone"),
        ({"components": "[{"}, "components"),
        ({"components": {}}, "components"),
        ({"components": [7]}, "components.0"),
        ({"components": [{"value": 1}]}, "components.0.id"),
        ({"components": [{"id": "x"}]}, "components.0.id"),
        ({"components": [{"id": FIELD, "data": 7}]}, "components.0.data"),
        ({"components": [definition(status="maybe")]}, "components.0.status"),
        ({"components": [definition(validate="required")]}, "components.0.validate"),
        ({"components": [definition(validate=["integer"], data={"value": "x"})]}, "components.0.value"),
        ({"components": [definition(validate=["required"], data={"value": ""})]}, "components.0.value"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field_and_never_repeated(said: dict[str, Any], field: str) -> None:
    with pytest.raises((house.InputInvalid, house.InputMissing)) as caught:
        inward.customer({**EMPTY, **said}, SHANGHAI)
    assert caught.value.field == field
    assert caught.value.reason
    assert "13667679151" not in str(caught.value)


def test_a_row_with_neither_id_nor_phone_misses_its_phone() -> None:
    with pytest.raises(house.InputMissing) as caught:
        inward.customer({"name": "王"}, SHANGHAI)
    assert caught.value.field == "phone"


@given(
    st.dictionaries(
        st.sampled_from([*wire.Detail.__struct_fields__, "other"]),
        st.from_type(type(None))
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(
            st.dictionaries(st.sampled_from(wire.Component.__struct_fields__), st.text() | st.integers() | st.none())
        ),
    )
)
def test_whatever_a_row_holds_it_is_taken_or_refused_by_name(row: dict[str, Any]) -> None:
    try:
        parsed = inward.customer(row, SHANGHAI)
    except (house.InputInvalid, house.InputMissing) as refused:
        assert refused.field  # noqa: PT017 (a row may be good or bad: both are facts to check)
    else:
        msgspec.json.decode(outward.detail(view_of(parsed), tenant=TENANT), type=wire.DetailAnswer)


def test_a_field_that_nobody_filled_in_is_served_with_null_and_breaks_no_rule() -> None:
    answer = answered({**EMPTY, "components": [definition(validate=["required"], data=None)]})
    assert answer["components"][0]["data"] is None


def test_a_pushed_value_waits_for_its_definition() -> None:
    pushed = inward.customer({**EMPTY, "components": [{"id": FIELD, "value": "wula"}]}, SHANGHAI)
    assert pushed.fields == ()
    field = inward.customer({**EMPTY, "components": [definition()]}, SHANGHAI).fields[0]
    view = msgspec.structs.replace(view_of(pushed), fields=(field,))
    shown = outward.shown(view, tenant=TENANT).components[0]
    assert shown.data == wire.ComponentData(customer_id=UUID(EMPTY["id"]), component_id=UUID(FIELD), value="wula")


def test_a_definition_is_owned_by_its_own_account_else_by_the_rows() -> None:
    row = {**EMPTY, "user_id": str(MAIN), "updated_at": "2023-10-11 10:18:55", "components": [definition()]}
    field = inward.customer(row, SHANGHAI).fields[0]
    assert (field.owner, field.updated_at) == (str(MAIN), datetime(2023, 10, 11, 2, 18, 55, tzinfo=UTC))
    other = definition(user_id=str(UUID(int=9)), updated_at="2023-09-20 19:43:54")
    field = inward.customer({**row, "components": [other]}, SHANGHAI).fields[0]
    assert (field.owner, field.updated_at) == (str(UUID(int=9)), datetime(2023, 9, 20, 11, 43, 54, tzinfo=UTC))


def test_carrier_and_home_come_from_the_phone_where_the_record_is_silent() -> None:
    derived = answered({**EMPTY, "phone": "13667679151"})
    assert derived["operator"] == 3
    assert derived["province_id"] > 0
    assert derived["city_id"] > 0
    given_ones = answered({**EMPTY, "phone": "13667679151", "operator": 1, "city_id": 71})
    assert (given_ones["operator"], given_ones["city_id"]) == (1, 71)
    assert given_ones["province_id"] == derived["province_id"]
    nothing = answered({**EMPTY, "phone": "12"})
    assert (nothing["operator"], nothing["province_id"], nothing["city_id"]) == (0, 0, 0)


def test_what_the_record_leaves_open_is_the_customers() -> None:
    customer = known(real_name="王伟", company="云", email="w@x.cn", sex="male")
    answer = answered(dict(EMPTY), customer=customer)
    assert [answer[name] for name in ("name", "company", "email", "sex")] == ["王伟", "云", "w@x.cn", 1]
    answer = answered({**EMPTY, "name": "ai_1", "sex": 0}, customer=customer)
    assert [answer[name] for name in ("name", "company", "email", "sex")] == ["ai_1", "云", "w@x.cn", 0]


def test_the_view_shown_is_the_later_of_the_records_own_and_ours() -> None:
    row = {**EMPTY, "viewed_at": "2023-10-11 10:18:55"}
    assert answered(row)["viewed_at"] == "2023-10-11 10:18:55"
    assert answered(row, viewed_at=datetime(2023, 10, 11, tzinfo=UTC))["viewed_at"] == "2023-10-11 10:18:55"
    assert answered(row, viewed_at=datetime(2023, 10, 12, tzinfo=UTC))["viewed_at"] == "2023-10-12 08:00:00"


def test_a_customer_without_a_record_appears_under_the_main_account() -> None:
    customer = known(
        identity("phone", "+8613667679151", "13667679151", "2024-05-02T00:00:00+00:00"),
        identity("phone", "+8613667679152", "136-6767-9152", "2024-05-03T00:00:00+00:00"),
        identity("email", "w@x.cn", "W@x.cn", "2024-05-01T00:00:00+00:00"),
        real_name="王伟",
    )
    id_ = wire.derived_id(TENANT.key, customer.id)
    field = CustomField(id=UUID(FIELD), owner=str(MAIN), sort=0, updated_at=customer.created_at, details=definition())
    view = CrmView(id=id_, record=None, customer=customer, fields=(field,), viewed_at=None)
    answer = json.loads(outward.detail(view, tenant=TENANT))["data"]
    assert (answer["id"], answer["user_id"], answer["created_user_id"]) == (str(id_), str(MAIN), str(MAIN))
    assert (answer["phone"], answer["email"], answer["name"]) == ("136-6767-9152", "W@x.cn", "王伟")
    assert (answer["created_at"], answer["updated_at"]) == ("2024-05-01 08:00:00", "2024-05-03 08:00:00")
    assert (answer["flow"], answer["is_back"], answer["viewed_at"], answer["extra"]) == (0, 0, None, None)
    assert [component["data"] for component in answer["components"]] == [None]


def test_details_that_came_another_way_never_break_the_shape() -> None:
    wrong = {name: ["?"] for name in wire.Detail.__struct_fields__}
    wrong_types = {**wrong, "sex": 9, "created_at": "0001-01-01T00:00:00+14:00", "expect_transaction_fee": "dear"}
    view = view_of(inward.customer(dict(EMPTY), SHANGHAI))
    assert view.record is not None
    view = msgspec.structs.replace(view, record=msgspec.structs.replace(view.record, details=wrong_types))
    msgspec.json.decode(outward.detail(view, tenant=TENANT), type=wire.DetailAnswer)


def test_a_token_answers_with_its_account() -> None:
    body = outward.token(account=MAIN)
    assert json.loads(body) == {
        "code": 200,
        "status": "success",
        "message": "查看token有效期成功",
        "data": {"user_id": str(MAIN), "expired_at": None},
    }


@given(st.integers(0, 2**63 - 1), st.binary(min_size=16, max_size=64))
def test_a_derived_id_gives_its_number_back(number: int, key: bytes) -> None:
    id_ = wire.derived_id(key, number)
    assert (id_.version, id_.variant) == (8, "specified in RFC 4122")
    assert wire.number_of(key, id_) == number
    assert wire.derived_id(key, number) == id_


@given(st.uuids() | st.integers(0, 2**128 - 1).map(lambda value: UUID(int=value)))
def test_a_uuid_from_elsewhere_has_no_number(id_: UUID) -> None:
    assert wire.number_of(TENANT.key, id_) is None


@given(st.integers(0, 2**63 - 1), st.integers(0, 127))
def test_a_derived_id_with_one_bit_turned_or_of_another_tenant_has_no_number(number: int, bit: int) -> None:
    id_ = wire.derived_id(TENANT.key, number)
    assert wire.number_of(TENANT.key, UUID(int=id_.int ^ 1 << bit)) is None
    assert wire.number_of(bytes(32), id_) is None


@pytest.mark.parametrize(
    ("validate", "values", "reasons"),
    [
        (["required"], {}, ["姓名不能为空"]),
        (["required"], {FIELD: None}, ["姓名不能为空"]),
        (["required"], {FIELD: ""}, ["姓名不能为空"]),
        (["required"], {FIELD: []}, ["姓名不能为空"]),
        (["required"], {FIELD: 0}, []),
        (["sometimes", "required"], {}, []),
        (["sometimes", "required"], {FIELD: None}, ["姓名不能为空"]),
        (["integer"], {}, []),
        (["integer"], {FIELD: "-12"}, []),
        (["integer"], {FIELD: 12}, []),
        (["integer"], {FIELD: 1.5}, ["姓名必须是整数"]),
        (["integer"], {FIELD: True}, ["姓名必须是整数"]),
        (["integer"], {FIELD: "１２"}, ["姓名必须是整数"]),
        (["date"], {FIELD: "2024-02-29"}, []),
        (["date"], {FIELD: "2024-02-29 10:00"}, []),
        (["date"], {FIELD: "2023-02-29"}, ["姓名不是有效的日期"]),
        (["date"], {FIELD: 20240229}, ["姓名不是有效的日期"]),
        (["required", "integer", "max:20"], {FIELD: "x"}, ["姓名必须是整数"]),
    ],
)
def test_a_rule_speaks_as_the_document_says(validate: list[str], values: dict[str, Any], reasons: list[str]) -> None:
    field = inward.customer({**EMPTY, "components": [definition(validate=validate)]}, SHANGHAI).fields[0]
    assert rules.violations([field], values) == ({FIELD: reasons} if reasons else {})

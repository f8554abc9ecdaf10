"""Telrobot's way out: a CRM record with its customer -> the bytes of `customer/detail`, and of its neighbours.

Takes what an account sees (`CrmView`) and the tenant, gives the vendor's answer; the same input gives the same bytes.

Rule 1: the record's own word comes first; name, company, e-mail and sex that it leaves open are the customer's.
Rule 2: carrier and home are what the record gives, else they are derived from its phone; 0 where nothing is known.
Rule 3: a customer without a record appears under the main account, with its newest phone and its traits.
Rule 4: how a customer stands to the public pool is what `pool` makes of the record and the steps about it.
Rule 5: a record may have come from anywhere: a detail of the wrong type is served as if it had not been given.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from huaxiang import identifiers
from huaxiang.dialects.telrobot import wire
from huaxiang.errors import InputInvalid
from huaxiang.model import Customer, CustomField, Json, Mention, Tenant
from huaxiang.pool import CrmView, time_of

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAITS: Final = ("company", "email", "real_name", "sex")
"""The traits that a detail is made from."""

_SEXES = {"male": 1, "female": 2}
_FEE = re.compile(r"-?[0-9]+\.[0-9]{2}")
_ENCODER = msgspec.json.Encoder()


def detail(view: CrmView, *, tenant: Tenant) -> bytes:
    """The answer of `customer/detail`, every field of the document in its order, nulls kept."""
    answer = wire.DetailAnswer(code=200, status="success", message="查看客户详情成功", data=shown(view, tenant=tenant))
    return _ENCODER.encode(answer)


def viewed(content: bytes, at: datetime | None, *, tenant: Tenant) -> bytes:
    """The same answer of `detail` with the view at `at`, if that is later than the one that it tells of."""
    if at is None:
        return content
    # The first of this name is the answer's own: within a text its quotes would be escaped.
    before, name, rest = content.partition(b',"viewed_at":')
    said, comma, after = rest.partition(b",")
    written = f'"{_written(at, ZoneInfo(tenant.time_zone))}"'.encode()
    return b"".join((before, name, written if said == b"null" else max(said, written), comma, after))


def token(*, account: UUID) -> bytes:
    """The answer of `token` for a token of `account`; tokens of ours last until they are revoked."""
    state = wire.TokenState(user_id=account)
    return _ENCODER.encode(wire.TokenAnswer(code=200, status="success", message="查看token有效期成功", data=state))


def listed(views: Sequence[CrmView], *, total: int, page: int, per_page: int, tenant: Tenant) -> bytes:
    """The answer of `get_customer`."""
    last = max(1, -(-total // per_page))
    answer = wire.ListAnswer(
        code=200,
        status="success",
        message="筛选客户公海列表成功",
        meta=wire.Pages(has_pages=last > 1, total=total, last_page=last, current_page=page, per_page=per_page),
        data=tuple(shown(view, tenant=tenant) for view in views),
    )
    return _ENCODER.encode(answer)


def template(fields: Sequence[CustomField]) -> bytes:
    """The answer of `customer/create`."""
    data = tuple(
        wire.Template(id=field.id, name=_name(field), type=_type(field), sort=field.sort, validate=_rules(field))
        for field in fields
    )
    return _ENCODER.encode(wire.TemplateAnswer(code=200, status="success", message="查看公海创建模板成功", data=data))


def component(field: CustomField, *, message: str, tenant: Tenant) -> bytes:
    """The answer of a call that makes or changes a custom field."""
    data = _defined(field, None, ZoneInfo(tenant.time_zone))
    return _ENCODER.encode(wire.ComponentAnswer(code=200, status="success", message=message, data=data))


def landed(rows: Sequence[wire.Landed]) -> bytes:
    """The answer of `async_customer`."""
    return _ENCODER.encode(
        wire.LandedAnswer(code=200, status="success", message="批量导入客户公海成功", data=tuple(rows))
    )


def deleted(count: int, *, message: str = "删除客户公海成功") -> bytes:
    """The answer of `del_customer`, and of the call that deletes custom fields."""
    data = wire.Deleted(deleted=count)
    return _ENCODER.encode(wire.DeletedAnswer(code=200, status="success", message=message, data=data))


def shown(view: CrmView, *, tenant: Tenant) -> wire.Detail:
    """The customer as the account sees it."""
    zone = ZoneInfo(tenant.time_zone)
    said = {} if view.record is None else view.record.details
    owner, stands = (view.record and view.record.owner) or str(tenant.main_account), view.pool
    holder = owner if stands is None else stands.held.owner or str(tenant.main_account)
    phone = _line(said.get("phone")) if view.record else _phone(view.customer)
    province_id, city_id, operator = _place_and_carrier(said, phone)
    created, updated = _created(view, zone), _updated(view, zone)
    traits = view.customer.trait
    return wire.Detail(
        id=view.id,
        user_id=holder,
        created_user_id=_line(said.get("created_user_id")) or owner,
        phone=phone,
        company=_line(said.get("company")) or _line(traits("company")),
        email=_line(said.get("email")) or _email(view),
        is_back=_among(said.get("is_back"), 1) if stands is None else int(stands.is_back),
        source_id=_whole(said.get("source_id")),
        industry_id=_whole(said.get("industry_id")),
        grade_id=_whole(said.get("grade_id")),
        name=_line(said.get("name")) or _line(traits("real_name")),
        sort=0,
        created_at=_written(created, zone),
        updated_at=_written(updated, zone),
        inputted_at=_written(time_of(said.get("inputted_at"), zone) or created, zone),
        viewed_at=_viewed(view, said, zone),
        province_id=province_id,
        city_id=city_id,
        operator=operator,
        flow=0 if stands and stands.is_back else _whole(said.get("flow")),
        extra=said.get("extra"),
        sex=_among(said["sex"], 2) if "sex" in said else _SEXES.get(str(traits("sex")), 0),
        expect_transaction_at=_again(said.get("expect_transaction_at"), zone),
        expect_transaction_fee=_fee(said.get("expect_transaction_fee")),
        unfollow_back_at=_at(stands and stands.unfollow_back_at, zone),
        unsettled_back_at=_at(stands and stands.unsettled_back_at, zone),
        followed_at=_at(stands and stands.held.followed_at, zone),
        components=_components(view, said, zone),
    )


# ── parts of the answer ──────────────────────────────────────────────────────────────────────────────────────────


def _components(view: CrmView, said: dict[str, Json], zone: ZoneInfo) -> tuple[wire.Component, ...]:
    given = said.get("components")
    values = cast("dict[str, Json]", given) if isinstance(given, dict) else {}
    return tuple(_component(field, view, values, zone) for field in view.fields)


def _component(field: CustomField, view: CrmView, values: dict[str, Json], zone: ZoneInfo) -> wire.Component:
    key = str(field.id)
    filled = None
    if key in values:
        filled = wire.ComponentData(customer_id=view.id, component_id=field.id, value=values[key])
    return _defined(field, filled, zone)


def _defined(field: CustomField, filled: wire.ComponentData | None, zone: ZoneInfo) -> wire.Component:
    said = field.details
    return wire.Component(
        id=field.id,
        user_id=field.owner,
        name=_name(field),
        type=_type(field),
        sort=field.sort,
        validate=_rules(field),
        status=bool(said.get("status", True)),
        warehouse_id=_whole(said.get("warehouse_id")),
        created_at=_again(said.get("created_at"), zone),
        updated_at=_again(said.get("updated_at"), zone),
        data=filled,
    )


def _name(field: CustomField) -> str:
    return _line(field.details.get("name")) or ""


def _type(field: CustomField) -> str:
    return _line(field.details.get("type")) or "text"


def _rules(field: CustomField) -> tuple[str, ...]:
    return tuple(rule for rule in field.details.get("validate") or () if isinstance(rule, str))


def _place_and_carrier(said: dict[str, Json], phone: str | None) -> tuple[int, int, int]:
    """(province_id, city_id, operator): each as given, else derived from the phone, else 0."""
    given = (said.get("province_id"), said.get("city_id"), said.get("operator"))
    if all(isinstance(value, int) for value in given):
        return cast("tuple[int, int, int]", given)
    derived = _derived(phone)
    found = [value if isinstance(value, int) else own for value, own in zip(given, derived, strict=True)]
    return found[0], found[1], found[2]


def _derived(phone: str | None) -> tuple[int, int, int]:
    try:
        identifier = identifiers.normalise(Mention(kind="phone", value=phone or ""))
    except InputInvalid:
        return 0, 0, 0
    if identifier.kind != "phone":
        return 0, 0, 0
    home = identifiers.home(identifier.value)
    province_id, city_id = (0, 0) if home is None else (home.province_id, home.city_id)
    return province_id, city_id, identifiers.carrier(identifier.value)


def _phone(customer: Customer) -> str | None:
    found = customer.of_kind("phone") or customer.of_kind("raw_number")
    return found[0].spelling if found else None


def _email(view: CrmView) -> str | None:
    found = view.customer.of_kind("email")
    return _line(view.customer.trait("email")) or (found[0].spelling if found and view.record is None else None)


def _created(view: CrmView, zone: ZoneInfo) -> datetime:
    said = None if view.record is None else time_of(view.record.details.get("created_at"), zone)
    return said or view.customer.created_at


def _updated(view: CrmView, zone: ZoneInfo) -> datetime:
    if view.record is None:
        return max((identity.newest.at for identity in view.customer.identities), default=view.customer.created_at)
    updated = time_of(view.record.details.get("updated_at"), zone) or view.record.order.at
    return max(updated, (view.pool and view.pool.held.changed_at) or updated)


def _viewed(view: CrmView, said: dict[str, Json], zone: ZoneInfo) -> str | None:
    views = [time for time in (view.viewed_at, time_of(said.get("viewed_at"), zone)) if time is not None]
    return _written(max(views), zone) if views else None


# ── one value ────────────────────────────────────────────────────────────────────────────────────────────────────


def _line(value: Json) -> str | None:
    return value or None if isinstance(value, str) else None


def _whole(value: Json) -> int:
    return int(value) if isinstance(value, int) else 0


def _among(value: Json, most: int) -> int:
    number = _whole(value)
    return number if 0 <= number <= most else 0


def _fee(value: Json) -> str:
    return value if isinstance(value, str) and _FEE.fullmatch(value) else "0.00"


def _written(time: datetime, zone: ZoneInfo) -> str:
    return time.astimezone(zone).isoformat(sep=" ", timespec="seconds")[:19]


def _again(value: Json, zone: ZoneInfo) -> str | None:
    return _at(time_of(value, zone), zone)


def _at(time: datetime | None, zone: ZoneInfo) -> str | None:
    return None if time is None else _written(time, zone)

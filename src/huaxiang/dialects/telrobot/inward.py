"""Telrobot's way in by file: a customer row -> one record fact, and the custom fields that it brings along.

A row is the `data` object of `customer/detail`, or a row of `async_customer` (`phone`, `sort`, …, `components`
[{`id`, `value`}]). In a CSV every cell is a string, and `components` is a cell of JSON.

Rule 1: null, "" and an absent field say nothing; a field that the document does not know is kept, and not served.
Rule 2: a record's id is the row's `id`, else a uuid that owner and phone always give again, so that a row pushed twice
        revises one record. Either is an identifier (`crm_id`), before the phone and the e-mail.
Rule 3: `details` are the record's own fields: times aware and in UTC, the fee with two places, components by field id.
Rule 4: a component with a name brings its definition along; a value that breaks a rule of that definition is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import cast
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.dialects.contract import Format
from huaxiang.dialects.telrobot import rules
from huaxiang.errors import InputInvalid, InputMissing
from huaxiang.identifiers import normalise
from huaxiang.model import CustomField, Json, Mention, Parsed, Record

SOURCE = "telrobot"

_SEXES = {1: "male", 2: "female"}
_TRAITS = {"name": "real_name", "company": "company", "email": "email"}
_RECORDS = UUID("6a1d5a0e-6f0c-5d0e-9b53-5f2b7d3b7c11")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII | re.IGNORECASE
)
_LONGEST_TIME = 40
_YEARS = range(1900, 9000)
_CENTS = Decimal("0.01")
_MOST_MONEY = Decimal(10) ** 15
_MOST_COMPONENTS = 1000
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def customer(row: dict[str, Json], zone: ZoneInfo, *, checked: bool = True) -> Parsed:
    """One customer row as a `Record` fact, with the definitions of the custom fields that it carries.

    Times without a zone are in `zone`. Not `checked`: what stands elsewhere already, whatever rules it broke there.
    Raises `InputMissing` (neither `id` nor `phone`), `InputInvalid`.
    """
    details = dict(_said(row, zone))
    id_, owner = details.pop("id", None), details.pop("user_id", "")
    phone = details.get("phone")
    if id_ is None and phone is None:
        raise InputMissing(field="phone", reason="不能为空")
    record: str = id_ or record_id(owner, str(phone))
    at = _instant(details.get("updated_at") or details.get("created_at"))
    components = _components(row.get("components"))
    fields = tuple(_definition(place, item, (owner, at, zone)) for place, item in components if _text(item.get("name")))
    values = _values(components)
    if checked:
        _keep_rules(fields, values, components)
    if components:
        details["components"] = values
    fact = Record(
        source=SOURCE,
        id=record,
        at=at,
        updated_at=_instant(details.get("updated_at")),
        created_at=_instant(details.get("created_at") or details.get("inputted_at")),
        identifiers=_identifiers(record, details),
        traits=_traits(details),
        record=record,
        owner=owner,
        details=details,
    )
    return Parsed(facts=(fact,), fields=fields)


def record_id(owner: str, phone: str) -> str:
    """The id of a record that came without one: the same for the same owner and phone, however the phone is written."""
    digits = "".join(sign for sign in unicodedata.normalize("NFKC", phone) if sign.isdigit())
    mobile = re.fullmatch(r"(?:00)?86(1[0-9]{10})", digits)
    return str(uuid5(_RECORDS, f"{owner}\n{mobile[1] if mobile else digits or phone}"))


FORMATS: tuple[Format, ...] = (
    Format(
        name="telrobot.customer",
        summary="A Telrobot customer: the data of customer/detail, or a row of async_customer",
        parse=customer,
        identifier_fields=frozenset({"phone"}),
    ),
)


# ── what the record says ─────────────────────────────────────────────────────────────────────────────────────────


def _said(row: dict[str, Json], zone: ZoneInfo) -> Iterator[tuple[str, Json]]:
    """The row's own fields that say something, each in its canonical form."""
    for name, raw in row.items():
        value = raw.strip() if isinstance(raw, str) else raw
        if name == "components" or value is None or value == "":
            continue
        if name in _TIMES:
            yield name, _time(name, value, zone).isoformat()
        else:
            convert = _CONVERSIONS.get(name)
            yield name, value if convert is None else convert(name, value)


def _identifiers(record: str, details: dict[str, Json]) -> tuple[Mention, ...]:
    """The record's own id, its phone, its e-mail; an e-mail that is none stays in the record, and links nothing."""
    found = [Mention(kind="crm_id", value=record, scope=SOURCE)]
    found += [Mention(kind=kind, value=details[kind]) for kind in ("phone", "email") if kind in details]
    return tuple(mention for mention in found if _identifies(mention))


def _identifies(mention: Mention) -> bool:
    try:
        normalise(mention)
    except InputInvalid:
        if mention.kind == "email":
            return False
        raise InputInvalid(field=mention.kind, reason="不是电话号码") from None
    return True


def _traits(details: dict[str, Json]) -> dict[str, Json]:
    traits = {trait: details[name] for name, trait in _TRAITS.items() if name in details}
    sex = _SEXES.get(details.get("sex", 0))
    return traits if sex is None else {**traits, "sex": sex}


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


# ── components ───────────────────────────────────────────────────────────────────────────────────────────────────


def _components(raw: Json) -> list[tuple[str, dict[str, Json]]]:
    """The components with their places (`components.0`, …), `id` checked."""
    if isinstance(raw, str):
        raw = _decoded(raw)
    if raw is None:
        return []
    if not isinstance(raw, list) or len(cast("list[Json]", raw)) > _MOST_COMPONENTS:
        raise InputInvalid(field="components", reason=f"必须是不超过{_MOST_COMPONENTS}项的数组")
    found: list[tuple[str, dict[str, Json]]] = []
    for index, item in enumerate(cast("list[Json]", raw)):
        place = f"components.{index}"
        if not isinstance(item, dict):
            raise InputInvalid(field=place, reason="必须是对象")
        fields = cast("dict[str, Json]", item)
        if fields.get("id") in (None, ""):
            raise InputMissing(field=f"{place}.id", reason="不能为空")
        found.append((place, {**fields, "id": _uuid(f"{place}.id", fields["id"])}))
    return found


def _decoded(cell: str) -> Json:
    if not cell.strip():
        return None
    try:
        return msgspec.json.decode(cell)
    except (ValueError, RecursionError):
        raise InputInvalid(field="components", reason="不是有效的JSON") from None


def _values(components: list[tuple[str, dict[str, Json]]]) -> dict[str, Json]:
    """What is filled in, by field id: `data.value` of a detail, `value` of a pushed row."""
    values: dict[str, Json] = {}
    for place, item in components:
        data = item.get("data", item)
        if data is None:
            continue
        if not isinstance(data, dict):
            raise InputInvalid(field=f"{place}.data", reason="必须是对象")
        filled = cast("dict[str, Json]", data)
        if "value" in filled:
            values[item["id"]] = filled["value"]
    return values


def _definition(place: str, item: dict[str, Json], of_row: tuple[str, datetime | None, ZoneInfo]) -> CustomField:
    """The definition that a component carries; its owner, and its time at the latest, are the row's."""
    owner, at, zone = of_row
    raw_owner = item.get("user_id")
    owner = _uuid(f"{place}.user_id", raw_owner) if raw_owner else owner
    times = {
        name: _time(f"{place}.{name}", item[name], zone).isoformat()
        for name in ("created_at", "updated_at")
        if item.get(name)
    }
    sort = _whole(f"{place}.sort", item.get("sort") or 0)
    details: dict[str, Json] = {
        "id": item["id"],
        "user_id": owner,
        "name": _line(f"{place}.name", item["name"]),
        "type": _line(f"{place}.type", item.get("type") or "text"),
        "sort": sort,
        "validate": _names(f"{place}.validate", item.get("validate")),
        "status": _truth(f"{place}.status", item.get("status", True)),
        "warehouse_id": _whole(f"{place}.warehouse_id", item.get("warehouse_id") or 0),
        **times,
    }
    newest = _instant(times.get("updated_at") or times.get("created_at")) or at or _NEVER
    return CustomField(id=UUID(item["id"]), owner=owner, sort=sort, updated_at=newest, details=details)


def _keep_rules(
    fields: tuple[CustomField, ...], values: dict[str, Json], components: list[tuple[str, dict[str, Json]]]
) -> None:
    """Refuse the first written value that breaks its field's rules; a field not filled in is not written."""
    written = [field for field in fields if str(field.id) in values]
    broken = rules.violations(written, values)
    for place, item in components:
        for reason in broken.get(item["id"], ()):
            raise InputInvalid(field=f"{place}.value", reason=reason)


# ── one value ────────────────────────────────────────────────────────────────────────────────────────────────────


def _text(value: Json) -> str:
    """The value's own words; "" for what is no text and no whole number."""
    if type(value) is str:
        return value.strip()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _line(field: str, value: Json) -> str:
    text, longest = _text(value), 256 if field in ("phone", "email") else 4096
    if not text or len(text) > longest:
        raise InputInvalid(field=field, reason=f"必须是不超过{longest}个字符的文本")
    return text


def _uuid(field: str, value: Json) -> str:
    text = value.strip().lower() if isinstance(value, str) else ""
    if not _UUID.fullmatch(text):
        raise InputInvalid(field=field, reason="必须是uuid")
    return text


def _whole(field: str, value: Json, most: int = 2**63 - 1) -> int:
    if type(value) is int and abs(value) <= most:
        return value
    text = _text(value)
    if not _WHOLE.fullmatch(text) or abs(number := int(text)) > most:
        raise InputInvalid(field=field, reason="必须是整数")
    return number


def _natural(most: int) -> Callable[[str, Json], int]:
    """A conversion to a whole number from 0 to `most`."""

    def convert(field: str, value: Json) -> int:
        number = _whole(field, value)
        if not 0 <= number <= most:
            raise InputInvalid(field=field, reason=f"必须在0到{most}之间")
        return number

    return convert


def _truth(field: str, value: Json) -> bool:
    word = str(value).strip().lower()
    if word not in ("true", "false", "1", "0"):
        raise InputInvalid(field=field, reason="必须是布尔值")
    return word in ("true", "1")


def _names(field: str, value: Json) -> list[str]:
    names = cast("list[Json]", value) if isinstance(value, list) else [] if value in (None, "") else [None]
    if not all(isinstance(name, str) for name in names):
        raise InputInvalid(field=field, reason="必须是文本数组")
    return cast("list[str]", names)


def _fee(field: str, value: Json) -> str:
    """A decimal string with two places, rounded half up."""
    try:
        amount = Decimal(str(value).strip())
        if isinstance(value, bool) or not abs(amount) < _MOST_MONEY:
            raise InputInvalid(field=field, reason="必须是金额")
        return f"{amount.quantize(_CENTS, rounding=ROUND_HALF_UP):f}"
    except InvalidOperation:
        raise InputInvalid(field=field, reason="必须是金额") from None


def _time(field: str, value: Json, zone: ZoneInfo) -> datetime:
    """An aware time in UTC from `yyyy-MM-dd HH:mm:ss` in `zone`, a day alone, or RFC 3339."""
    text = value.strip() if isinstance(value, str) else ""
    time = _as_time(text, zone) if len(text) <= _LONGEST_TIME else None
    if time is None:
        raise InputInvalid(field=field, reason="必须是yyyy-MM-dd HH:mm:ss格式的时间")
    return time


@lru_cache(maxsize=1_024)
def _as_time(text: str, zone: ZoneInfo) -> datetime | None:
    """A time, if the text is one; several fields of a row mostly tell the same."""
    try:
        time = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        return None
    if time is None or time.year not in _YEARS:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)


_CONVERSIONS: dict[str, Callable[[str, Json], Json]] = {
    **dict.fromkeys(("id", "user_id", "created_user_id"), _uuid),
    **dict.fromkeys(("phone", "company", "email", "name"), _line),
    **dict.fromkeys(("source_id", "industry_id", "grade_id", "sort", "province_id", "city_id", "flow"), _whole),
    "is_back": _natural(1),
    "sex": _natural(2),
    "operator": _natural(2**31 - 1),
    "expect_transaction_fee": _fee,
}
_TIMES = frozenset(
    {
        "created_at",
        "updated_at",
        "inputted_at",
        "viewed_at",
        "expect_transaction_at",
        "unfollow_back_at",
        "unsettled_back_at",
        "followed_at",
    }
)

"""Telrobot's way in by HTTP: rows of `async_customer`, deletions, and custom fields, as facts and definitions.

A row goes through the same door as a file's (`inward.customer`), so that both give the same fact.

Rule 1: a row needs a phone and `sort`. It is the record whole: what it leaves out, the record has not.
Rule 2: a row that does not say when it was changed was changed as it came, after whatever stood; one that does not say
        when its customer was created keeps what stood, else it was created as it came.
Rule 3: a row's values keep the rules of all custom fields of its account, of those not filled in too. A row defines no
        field: of a component, only its id and its value count.
Rule 4: a deletion is a fact of its own about one record, later than whatever stood; the record's own facts stay.
Rule 5: a changed definition is newer than the one that stood.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from huaxiang.dialects.telrobot import rules, wire
from huaxiang.dialects.telrobot.inward import SOURCE, customer
from huaxiang.errors import InputInvalid, InputMissing
from huaxiang.model import CustomField, Json, Mention, Record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

TICK: Final = timedelta(microseconds=1)
"""The least that one time can be after another."""
_OURS: Final = frozenset({"sub_user_id", "encryption"})


def row(said: Json, zone: ZoneInfo) -> dict[str, Json]:
    """A row of `async_customer`, as far as anything can be read from it. Raises InputMissing, InputInvalid."""
    if not isinstance(said, dict):
        raise InputInvalid(field="request", reason="必须是对象")
    given = cast("dict[str, Json]", said)
    for name in ("phone", "sort"):
        if given.get(name) in (None, ""):
            raise InputMissing(field=name, reason="不能为空")
    if given.get("encryption") not in (None, False, 0):
        raise InputInvalid(field="encryption", reason="不支持加密号码")
    for name, value in given.items():
        if isinstance(value, str) and "\0" in value:
            raise InputInvalid(field=name if name.isidentifier() else "request", reason="不能含有空字符")
    kept = {name: value for name, value in given.items() if name not in _OURS}
    if given.get("sub_user_id") not in (None, ""):
        kept["user_id"] = given["sub_user_id"]
    components = given.get("components")
    if isinstance(components, list):
        kept["components"] = [_value_alone(item) for item in cast("list[Json]", components)]
    customer(kept, zone)
    return kept


def owned(given: dict[str, Json], account: UUID, below: frozenset[UUID]) -> dict[str, Json]:
    """A row with its account: its own, which must be one of `below`, else `account`. Raises InputInvalid."""
    said = given.get("user_id")
    if said in (None, ""):
        return {**given, "user_id": str(account)}
    if str(said).strip().lower() not in {str(one) for one in below}:
        raise InputInvalid(field="user_id", reason="没有权限访问该用户")
    return given


def record(given: dict[str, Json], zone: ZoneInfo) -> Record:
    """The fact that an owned row says. Raises InputMissing, InputInvalid."""
    (fact,) = customer(given, zone).facts
    assert isinstance(fact, Record)
    return fact


def reasons(fact: Record, fields: Sequence[CustomField]) -> dict[str, list[str]]:
    """Why a record breaks the rules of its account's fields, by place; a field that is switched off has none."""
    live = [field for field in fields if is_live(field)]
    broken = rules.violations(live, fact.details.get("components", {}))
    return {f"components.{id_}": told for id_, told in broken.items()}


def is_live(field: CustomField) -> bool:
    """Whether a field is to be filled in."""
    return bool(field.details.get("status", True))


def timed(given: dict[str, Json], now: datetime, stood: datetime | None, created: str | None) -> dict[str, Json]:
    """The row with its times: it changed now, but after `stood`, and was created when it was, else now."""
    changed = after(now, stood)
    return {
        **given,
        "updated_at": given.get("updated_at") or changed.isoformat(),
        "created_at": given.get("created_at") or created or changed.isoformat(),
    }


def deletion(name: str, owner: str, at: datetime) -> Record:
    """The fact that a record is deleted since a time."""
    return Record(
        source=SOURCE,
        id=f"{name} deleted {at.isoformat()}",
        at=at,
        updated_at=at,
        identifiers=(Mention(kind="crm_id", value=name, scope=SOURCE),),
        record=name,
        owner=owner,
        deleted=True,
    )


def made_field(id_: UUID, owner: UUID, said: wire.FieldBody, now: datetime) -> CustomField:
    """The definition of a new field. Raises InputInvalid."""
    details: dict[str, Json] = {
        "id": str(id_),
        "user_id": str(owner),
        "name": _name(said.name),
        "type": said.type,
        "sort": said.sort,
        "validate": list(said.validate),
        "status": said.status,
        "warehouse_id": 0,
        "created_at": now.isoformat(),
        "updated_at": now.isoformat(),
    }
    return CustomField(id=id_, owner=str(owner), sort=said.sort, updated_at=now, details=details)


def changed_field(had: CustomField, said: wire.FieldChange, now: datetime) -> CustomField:
    """The definition as it is changed. Raises InputInvalid."""
    at = after(now, had.updated_at)
    changes: dict[str, Json] = {
        name: value for name in said.__struct_fields__ if (value := getattr(said, name)) is not None
    }
    if "name" in changes:
        changes["name"] = _name(changes["name"])
    if "validate" in changes:
        changes["validate"] = list(changes["validate"])
    details = {**had.details, **changes, "updated_at": at.isoformat()}
    return CustomField(id=had.id, owner=had.owner, sort=changes.get("sort", had.sort), updated_at=at, details=details)


def deleted_field(had: CustomField, now: datetime) -> CustomField:
    """The definition of a deleted field, newer than the one that stood: only a still newer one brings it back."""
    at = after(now, had.updated_at)
    details = {**had.details, "deleted": True, "updated_at": at.isoformat()}
    return CustomField(id=had.id, owner=had.owner, sort=had.sort, updated_at=at, details=details)


def after(now: datetime, stood: datetime | None) -> datetime:
    """Now, but later than what stood."""
    return now if stood is None else max(now, stood + TICK)


def _value_alone(item: Json) -> Json:
    if not isinstance(item, dict):
        return item
    return {name: value for name, value in cast("dict[str, Json]", item).items() if name in ("id", "value")}


def _name(text: str) -> str:
    name = text.strip()
    if not name or "\0" in name or any("\ud800" <= sign <= "\udfff" for sign in name):
        raise InputInvalid(field="name", reason="不能为空")
    return name

"""The answers, from rows to what FastAPI makes JSON of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from huaxiang import identifiers

from .tables import (
    CustomField,
    Fact,
    Node,
    SummaryActivity,
    SummaryCall,
    SummaryIdentity,
    SummaryMark,
    SummaryOrigin,
    SummaryTrait,
    Tenant,
)

Answer = dict[str, Any]
People = Mapping[int, Sequence[tuple[Node, SummaryIdentity]]]
_OURS, _SLOT = 5 * 10**18, 2**40
_SEXES = {"male": 1, "female": 2}


class Told(NamedTuple):
    """What is known of some identifiers."""

    traits: Sequence[SummaryTrait]
    origins: Sequence[SummaryOrigin]
    activity: Sequence[SummaryActivity]
    follows: Sequence[Fact]


# ── Tinet ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def portraits(
    tenant: Tenant, calls: Sequence[SummaryCall], refs: Sequence[Any], marks: Sequence[SummaryMark]
) -> Answer:
    """A page of portraits."""
    ids: dict[UUID, list[str]] = {}
    for node, enterprise, record_id in refs:
        ids.setdefault(node, []).append(f"{enterprise}-{record_id}")
    rows = [
        _portrait(tenant, call, ids.get(call.node, []), [mark for mark in marks if mark.node == call.node])
        for call in calls
    ]
    paging = {
        "pageNumber": 1,
        "pageSize": 10,
        "totalCount": len(rows),
        "start": 0,
        "totalPageCount": -(-len(rows) // 10),
    }
    return {"requestId": str(uuid4()), **paging, "data": rows}


def _portrait(tenant: Tenant, call: SummaryCall, ids: list[str], marks: Sequence[SummaryMark]) -> Answer:
    row = {
        "id": f"{tenant.login_name}-{call.spelling}",
        "retry": 0,
        "customerNumber": call.spelling,
        "customerCity": call.city,
        "totalCallCount": call.calls,
        "maxCallDuration": call.duration_max,
        "maxRound": call.round_max,
        "avgRound": call.round_sum / call.rounds if call.rounds else None,
        "avgCallDuration": call.duration_sum / call.durations if call.durations else None,
        "cdrIds": ids,
        "recentlyCallTime": int(call.at.timestamp()),
        "portraitDetails": _details(marks),
    }
    return {name: value for name, value in row.items() if value is not None}


def _details(marks: Sequence[SummaryMark]) -> list[Answer]:
    def group(mark: SummaryMark) -> tuple[str, str, int, int, int]:
        return mark.type, mark.name, 0 if mark.checked else 1, int(mark.added), int(mark.deleted)

    newest_first = sorted(sorted(marks, key=lambda mark: mark.label), key=lambda mark: mark.at, reverse=True)
    details: list[Answer] = []
    for (kind, name, by, added, deleted), members in groupby(sorted(newest_first, key=group), key=group):
        listed = list(members)
        detail: Answer = {"added": added, "cdrIds": [mark.label for mark in listed], "deleted": deleted, "name": name}
        detail |= {"portraitTypeName": kind, "qcType": by}
        if listed[0].second is not None:
            detail["startTime"] = listed[0].second
        details.append(detail)
    return details


# ── Rabbitpre ────────────────────────────────────────────────────────────────────────────────────────────────────────


def profiles(tenant: Tenant, people: People, told: Told) -> Answer:
    """The detail of some customers."""
    rows = [_profile(tenant, customer, found, told) for customer, found in people.items()]
    return {"code": "200", "errorCode": "SUCCESS", "msg": "ok", "data": rows}


def _profile(tenant: Tenant, customer: int, found: Sequence[tuple[Node, SummaryIdentity]], told: Told) -> Answer:
    zone, nodes = ZoneInfo(tenant.time_zone), {node.node for node, _ in found}
    made = [identity.created_at for _, identity in found if identity.created_at is not None]
    created = min(made or [identity.first_at for _, identity in found])
    ids = [int(node.value) for node, _ in found if node.kind == "audience_id"]
    about = {trait.node: trait.value for trait in told.traits if trait.name == "" and trait.node in nodes}
    traits = {trait.name: trait.value for trait in told.traits if trait.node in nodes}
    newest = sorted(found, key=lambda pair: (pair[1].at, pair[1].rank), reverse=True)
    profile = {
        "orgId": str(tenant.org),
        "createTime": f"{created.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        "audienceUserId": min(ids, default=_OURS + tenant.slot * _SLOT + customer),
        **_identities(newest, about),
        **_traits(traits, zone),
        **_activity([day for day in told.activity if day.node in nodes], zone, created),
        **_follows([fact for fact in told.follows if fact.node in nodes]),
        **_source(min((one for one in told.origins if one.node in nodes), key=lambda one: one.at, default=None)),
    }
    return {name: value for name, value in profile.items() if value is not None}


def _identities(found: Sequence[tuple[Node, SummaryIdentity]], about: Mapping[UUID, Any]) -> Answer:
    openids: list[Answer] = []
    for node, identity in found:
        if node.kind in {"openid", "external_userid"}:
            more = about.get(node.node, {})
            openid = {"openid": identity.spelling, "unionid": more.get("unionid"), "fromTo": more.get("from_to")}
            openid |= {"appid": node.scope, "platform": more.get("platform")}
            openids.append({name: value for name, value in openid.items() if value is not None})
    phones = [identity for node, identity in found if node.kind in {"phone", "raw_number"}]
    verified = sorted(phones, key=lambda phone: not phone.verified)
    return {
        "openids": openids or None,
        "unionid": next((identity.spelling for node, identity in found if node.kind == "unionid"), None),
        "mpAppid": next((one["appid"] for one in openids if one.get("fromTo") == "gzh"), None),
        "phoneList": [{"phone": one.spelling, "isVerify": "1" if one.verified else "0"} for one in phones] or None,
        "phone": verified[0].spelling if verified else None,
        "thirdId": next((identity.spelling for node, identity in found if node.kind == "third_id"), None),
    }


def _traits(traits: Mapping[str, Any], zone: ZoneInfo) -> Answer:
    wechat, by_ip, by_gps = (traits.get(f"{name}_place", {}) for name in ("wechat", "ip", "gps"))
    birthday = traits.get("birthday")
    return {
        "realName": traits.get("real_name"),
        "sex": _SEXES.get(traits.get("sex", "")),
        "avatar": traits.get("avatar"),
        "wxNickname": traits.get("nickname"),
        "wxCountry": wechat.get("country"),
        "wxProvince": wechat.get("province"),
        "wxCity": wechat.get("city"),
        "province": by_ip.get("province"),
        "city": by_ip.get("city"),
        "lbsProvince": by_gps.get("province"),
        "lbsCity": by_gps.get("city"),
        "addressList": traits.get("addresses"),
        "birthday": birthday and int(datetime.fromisoformat(birthday).replace(tzinfo=zone).timestamp() * 1000),
        "remark": traits.get("remark"),
        "markFlag": int(traits["starred"]) if "starred" in traits else None,
        "userType": traits.get("user_types"),
        "payFeature": traits.get("pay_feature"),
        "industry": traits.get("industries"),
    }


def _activity(days: Sequence[SummaryActivity], zone: ZoneInfo, created: datetime) -> Answer:
    today = datetime.now(UTC).astimezone(zone).date()
    fields: Answer = {}
    for side, name in (("active", "Active"), ("spread", "Spread")):
        own = [day for day in days if day.side == side]
        fields[side] = sum(day.count for day in own)
        for window, length in ((f"week{name}", 7), (f"month{name}", 30)):
            counted = [day for day in own if today - timedelta(days=length) < day.day <= today]
            last = max((day.newest_at for day in counted), default=created)
            fields[window] = {"count": sum(day.count for day in counted), "updateTime": int(last.timestamp() * 1000)}
    return fields


def _follows(facts: Sequence[Fact]) -> Answer:
    accounts: dict[str, list[Fact]] = {}
    for fact in facts:
        accounts.setdefault(fact.said["account"], []).append(fact)
    followed, ever = list[Answer](), list[Answer]()
    for account, told in sorted(accounts.items(), key=lambda one: (one[1][0].at, one[0])):
        named = {"appid": account, "wechatName": told[-1].said.get("account_name")}
        first = next((fact for fact in told if fact.said.get("followed", True)), None)
        if told[-1].said.get("followed", True):
            followed.append(named)
        ever.append(named | ({"firstSubDate": int(first.at.timestamp() * 1000)} if first else {}))
    return {"subWechatList": followed or None, "wechatList": ever or None}


def _source(origin: SummaryOrigin | None) -> Answer:
    said = origin.value if origin else {}
    return {
        "sourceCnl": said.get("channel"),
        "sourceCnlName": said.get("channel_name"),
        "sourceCnlDeptId": said.get("department"),
        "sourceCnlDeptName": said.get("department_name"),
        "sourceCnlType": said.get("channel_type"),
        "sourceAppType": said.get("work_type"),
    }


# ── Telrobot ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def crm(
    tenant: Tenant, record: Fact, traits: Sequence[SummaryTrait], fields: Sequence[CustomField], viewed: datetime | None
) -> Answer:
    """The detail of a CRM record."""
    zone, said = ZoneInfo(tenant.time_zone), record.said["details"]
    known = {trait.name: trait.value for trait in traits}
    owner = record.said.get("owner") or str(tenant.main_account)
    phone = said.get("phone")

    def told(name: str) -> str | None:
        at = said.get(name)
        return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M:%S}" if at else None

    place = identifiers.home(f"+86{phone}") if phone else None
    data = {
        "id": record.record_id,
        "user_id": owner,
        "created_user_id": said.get("created_user_id") or owner,
        "phone": phone,
        "company": said.get("company") or known.get("company"),
        "email": said.get("email"),
        **{name: said.get(name, 0) for name in ("is_back", "source_id", "industry_id", "grade_id")},
        "name": said.get("name") or known.get("real_name"),
        "sort": 0,
        **{name: told(name) for name in ("created_at", "updated_at", "inputted_at")},
        "viewed_at": f"{viewed.astimezone(zone):%Y-%m-%d %H:%M:%S}" if viewed else None,
        "province_id": place.province_id if place else 0,
        "city_id": place.city_id if place else 0,
        "operator": identifiers.carrier(f"+86{phone}") if phone else 0,
        "flow": said.get("flow", 0),
        "extra": said.get("extra"),
        "sex": said.get("sex", 0),
        "expect_transaction_at": told("expect_transaction_at"),
        "expect_transaction_fee": said.get("expect_transaction_fee", "0.00"),
        **{name: told(name) for name in ("unfollow_back_at", "unsettled_back_at", "followed_at")},
        "components": [{"id": str(field.id), "sort": field.sort, **field.details} for field in fields],
    }
    return {"code": 200, "status": "success", "message": "查看客户详情成功", "data": data}

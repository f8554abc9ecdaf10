"""Rabbitpre's way out: customers -> the bytes of the detail answer, and of its neighbours; pure.

Takes customers with the tenant and the time, gives JSON in the document's field order.

Rule 1: a field without a value is absent. The sums and their windows always have one: 0, of nothing.
Rule 2: identities stand newest mention first, by time and rank; those of one instant as their record had them, then by
        scope and value. Followed accounts stand by the first that is told of them, oldest first, then by appid.
Rule 3: activity and spread are sums of count x weight over day buckets; a weight of 0 makes a bucket nothing.
Rule 4: a window is N days in the tenant's time zone, today included. Its `updateTime` is the later of its newest
        counted event and the newest midnight at which a bucket left it, else the customer's creation.
Rule 5: `phone` is the newest verified one, else the newest. `mpAppid` is of the newest openid of an official account.
Rule 6: an account is followed if any of its openids' newest word is a follow; it was ever followed if any word is told.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, cast
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType

from huaxiang.dialects.rabbitpre import enterprise, tags, wire
from huaxiang.dialects.rabbitpre.neighbours import Tagged
from huaxiang.errors import Refused
from huaxiang.identifiers import normalise
from huaxiang.model import Customer, Follow, Identifier, Identity, Json, Mention, Origin, Tenant, TenantSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WEEK_DAYS: Final = 7
MONTH_DAYS: Final = 30
WORK_TYPES: Final = frozenset(
    {
        "微信", "微博", "QQ空间", "QQ", "今日头条", "知客名片", "编辑器小程序", "内容小程序", "公众号", "企业微信",
        "其他",
    }
)  # fmt: skip

TRAITS: Final = (
    "", "addresses", "avatar", "birthday", "gps_place", "industries", "ip_place", "nickname", "pay_feature",
    "real_name", "remark", "sex", "starred", "user_types", "wechat_place",
)  # fmt: skip
"""The traits that a profile is made from; "" is what is said of an identifier itself."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SEXES = {"male": 1, "female": 2, "unknown": 0}
_CHANNEL_TYPES = frozenset({"EMPLOYEE", "FIXED"})
_OTHER_WORK = "其他"
_LARGEST_ID = 2**63 - 1
_DIGITS = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)

_T = TypeVar("_T")
_encode = msgspec.json.Encoder().encode


# ── ids ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def audience_id(customer: Customer, tenant: Tenant) -> int:
    """The id that a customer answers under: the smallest that a vendor gave it, else the tenant's own."""
    vendors = [_vendors_id(identity.identifier, tenant) for identity in customer.of_kind("audience_id")]
    return min((number for number in vendors if number is not None), default=tenant.own_ids.start + customer.id)


def wanted(
    ids: Sequence[int], third_ids: Sequence[str], phones: Sequence[str], company: str, tenant: Tenant
) -> list[Identifier | int]:
    """What a request asks for, in its order: ids, third-party ids of `company`, phones; own ids as node numbers.

    A phone or an id that can't be one stands for nobody, and is left out.
    """
    asked: list[Identifier | int] = [
        number - tenant.own_ids.start if number in tenant.own_ids else Identifier("audience_id", str(number))
        for number in ids
    ]
    mentions = [Mention("third_id", third_id, scope=company) for third_id in third_ids]
    mentions += [Mention("phone", phone) for phone in phones]
    return asked + [found for mention in mentions if (found := _normal(mention)) is not None]


def local_day(tenant: Tenant, now: datetime) -> int:
    """The tenant's day (its ordinal), on which windows begin and end: with customers, all that an answer depends on."""
    return _day(tenant.time_zone, int(now.timestamp()) // 60)


@lru_cache(maxsize=256)  # a minute has many requests, and no clock of today is ahead by less than whole minutes
def _day(zone: str, minute: int) -> int:
    return datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).toordinal()


def upstreams(customers: Iterable[Customer]) -> list[Identifier]:
    """Each customer above that an origin names, once; `detail` wants the ids that they answer under."""
    found = (upstream for customer in customers if (upstream := _upstream(_origin(customer))) is not None)
    return list(dict.fromkeys(found))


def _upstream(origin: Origin) -> Identifier | None:
    return None if origin.upstream is None else _normal(origin.upstream)


def _vendors_id(identifier: Identifier, tenant: Tenant) -> int | None:
    if not _DIGITS.fullmatch(identifier.value) or int(identifier.value) in tenant.own_ids:
        return None
    return int(identifier.value) if int(identifier.value) <= _LARGEST_ID else None


def _normal(mention: Mention) -> Identifier | None:
    try:
        return normalise(mention)
    except Refused:
        return None


# ── the answer ────────────────────────────────────────────────────────────────────────────────────────────────────


def detail(
    customers: Sequence[Customer],
    *,
    tenant: Tenant,
    now: datetime,
    audience_ids: Mapping[Identifier, int],
    company: str = "",
) -> bytes:
    """The answer of the detail call, one row for each customer, in the order given.

    `audience_ids`: of the customers above, by the identifiers that `upstreams` gave. `company`: whose `orgId` and
    third-party id are served. Source: the vendor's document of `/api/audience/detail`.
    """
    zone = ZoneInfo(tenant.time_zone)
    rows = [_profile(customer, tenant, zone, now, audience_ids, company) for customer in customers]
    return _encode(wire.DetailAnswer(data=rows))


def info(
    customer: Customer | None,
    *,
    tenant: Tenant,
    now: datetime,
    audience_ids: Mapping[Identifier, int],
    company: str = "",
) -> bytes:
    """The answer of `getInfoByPhoneAndOpenid`: a profile as in the detail call, with its newest openid; or null.

    Source: the vendor's document of `/api/audience/getInfoByPhoneAndOpenid`, whose `createTime` is in milliseconds.
    """
    answer: dict[str, Json] = {"code": "200", "errorCode": "SUCCESS", "msg": "ok", "data": None}
    if customer is not None:
        profile = _profile(customer, tenant, ZoneInfo(tenant.time_zone), now, audience_ids, company)
        said = {name: getattr(profile, name) for name in profile.__struct_fields__}
        said |= {"createTime": _ms(customer.created_at), "openid": _newest_openid(customer)}
        answer["data"] = {name: value for name, value in said.items() if value is not UNSET}
    return _encode(answer)


def _newest_openid(customer: Customer) -> str | UnsetType:
    identities = _in_served_order(customer.identities)
    return _spelling(one for one in identities if one.identifier.kind in OPENIDS) or UNSET


def tagged(customer: Customer, tenant: Tenant, company: str = "") -> Tagged:
    """A customer's tags, as an enterprise is told of them."""
    found = tags.standing(customer.summary.traits)
    org = str(enterprise.org(tenant, company))
    return Tagged(orgId=org, audienceUserId=audience_id(customer, tenant), tagList=found)


def _profile(
    customer: Customer,
    tenant: Tenant,
    zone: ZoneInfo,
    now: datetime,
    audience_ids: Mapping[Identifier, int],
    company: str,
) -> wire.Profile:
    said: dict[str, Json] = {
        **_identity_fields(customer, tenant, company),
        **_trait_fields(customer, zone),
        **_activity_fields(customer, tenant.settings, zone, now),
        **_follow_fields(customer),
        **_source_fields(_origin(customer), audience_ids, tenant),
    }
    return wire.Profile(
        orgId=str(enterprise.org(tenant, company)),
        createTime=_local(customer.created_at, zone),
        audienceUserId=audience_id(customer, tenant),
        **{name: value for name, value in said.items() if value is not None},
    )


# ── identities ────────────────────────────────────────────────────────────────────────────────────────────────────


def _identity_fields(customer: Customer, tenant: Tenant, company: str) -> dict[str, Json]:
    identities = _in_served_order(customer.identities)
    phones = [identity for identity in identities if identity.identifier.kind in {"phone", "raw_number"}]
    third_ids = [identity for identity in identities if identity.identifier.kind == "third_id"]
    own = [identity for identity in third_ids if identity.identifier.scope == company]
    others = [one for one in third_ids if not company and one.identifier.scope not in tenant.settings.companies]
    return {
        "openids": _openids(identities) or None,
        "unionid": _spelling(identity for identity in identities if identity.identifier.kind == "unionid"),
        "mpAppid": _official_appid(identities, customer.summary.follows),
        "phoneList": [wire.Phone(phone.spelling, "1" if phone.verified else "0") for phone in phones] or None,
        "phone": _spelling(sorted(phones, key=lambda phone: not phone.verified)),
        "thirdId": _spelling(own or (others if enterprise.has_any(tenant) else third_ids)),
    }


def _in_served_order(identities: Iterable[Identity]) -> list[Identity]:
    """Rule 2; never by number, which tells in what order things came."""

    def of_one_instant(identity: Identity) -> tuple[int, str, str, str]:
        place, name = identity.about.get("place", 0), identity.identifier
        return place if isinstance(place, int) else 0, name.scope, name.value, name.kind

    def newest(identity: Identity) -> tuple[datetime, int]:
        return identity.newest.at, identity.newest.rank

    return sorted(sorted(identities, key=of_one_instant), key=newest, reverse=True)


def _spelling(identities: Iterable[Identity]) -> str | None:
    return next((identity.spelling for identity in identities), None)


OPENIDS: Final = frozenset({"openid", "external_userid", "selfbuilt_userid"})
"""The kinds of identifier that the vendor calls an openid."""


def _openids(identities: Sequence[Identity]) -> list[wire.OpenId]:
    """Openids with their particulars; an integrated system's identity by itself, if no openid brings it along."""
    openids = [identity for identity in identities if identity.identifier.kind in OPENIDS]
    brought = {(str(identity.about.get("app")), identity.about.get("identity_id")) for identity in openids}
    alone = [
        identity
        for identity in identities
        if identity.identifier.kind == "identity_id" and (identity.identifier.scope, identity.spelling) not in brought
    ]
    chosen = {identity.node for identity in (*openids, *alone)}
    return [_openid(identity) for identity in identities if identity.node in chosen]


def _openid(identity: Identity) -> wire.OpenId:
    about, name = identity.about, identity.identifier
    integrated = name.kind == "identity_id"
    system = about.get("app", int(name.scope) if integrated and _DIGITS.fullmatch(name.scope) else None)
    return wire.OpenId(
        openid=UNSET if integrated else identity.spelling,
        unionid=_text(about.get("unionid")) or UNSET,
        fromTo=_text(about.get("from_to")) or UNSET,
        appid=UNSET if integrated else name.scope or UNSET,
        platform=_text(about.get("platform")) or UNSET,
        jcappid=system if isinstance(system, int) else UNSET,
        identityId=identity.spelling if integrated else _text(about.get("identity_id")) or UNSET,
        identityType=_text(about.get("identity_type")) or UNSET,
    )


def _official_appid(identities: Sequence[Identity], follows: Sequence[Follow]) -> str | None:
    """The appid of the newest openid that is an official account's: it is said to be, or it followed that account."""
    accounts = {follow.account for follow in follows}
    for identity in identities:
        appid = identity.identifier.scope
        official = identity.about.get("from_to") == wire.OFFICIAL_ACCOUNT or appid in accounts
        if identity.identifier.kind == "openid" and appid and official:
            return appid
    return None


# ── traits and source ─────────────────────────────────────────────────────────────────────────────────────────────


def _trait_fields(customer: Customer, zone: ZoneInfo) -> dict[str, Json]:
    starred = customer.trait("starred")
    by_ip, by_gps, by_wechat = (_parts(customer.trait(name)) for name in ("ip_place", "gps_place", "wechat_place"))
    sex = customer.trait("sex")
    return {
        "realName": _text(customer.trait("real_name")),
        "sex": _SEXES.get(sex) if isinstance(sex, str) else None,
        "avatar": _text(customer.trait("avatar")),
        "wxNickname": _text(customer.trait("nickname")),
        "wxCountry": _text(by_wechat.get("country")),
        "wxProvince": _text(by_wechat.get("province")),
        "wxCity": _text(by_wechat.get("city")),
        "province": _text(by_ip.get("province")),
        "city": _text(by_ip.get("city")),
        "lbsProvince": _text(by_gps.get("province")),
        "lbsCity": _text(by_gps.get("city")),
        "addressList": _each(customer.trait("addresses"), dict),
        "birthday": _birthday(customer.trait("birthday"), zone),
        "remark": _text(customer.trait("remark")),
        "markFlag": int(starred) if isinstance(starred, bool) else None,
        "userType": _each(customer.trait("user_types"), str),
        "payFeature": _text(customer.trait("pay_feature")),
        "industry": _each(customer.trait("industries"), str),
    }


def _source_fields(origin: Origin, audience_ids: Mapping[Identifier, int], tenant: Tenant) -> dict[str, Json]:
    """Where the customer came from. A customer above that is not known here keeps the id that the vendor told."""
    upstream, work = _upstream(origin), _text(origin.work_type)
    return {
        "sourceAudid": None if upstream is None else audience_ids.get(upstream, _told_id(upstream, tenant)),
        "sourceCnl": origin.channel,
        "sourceCnlName": _text(origin.channel_name),
        "sourceCnlDeptId": origin.department,
        "sourceCnlDeptName": _text(origin.department_name),
        "sourceCnlType": _channel_type(origin),
        "sourceAppType": _OTHER_WORK if work and work not in WORK_TYPES else work,
    }


def _told_id(upstream: Identifier, tenant: Tenant) -> int | None:
    return _vendors_id(upstream, tenant) if upstream.kind == "audience_id" else None


def _origin(customer: Customer) -> Origin:
    origin = customer.summary.origin
    return Origin() if origin is None else msgspec.convert(origin.value, Origin)


def _channel_type(origin: Origin | None) -> str | None:
    return origin.channel_type if origin and origin.channel_type in _CHANNEL_TYPES else None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _parts(value: Json) -> dict[str, Json]:
    return cast("dict[str, Json]", value) if isinstance(value, dict) else {}


def _each(value: Json, kind: type[_T]) -> list[_T] | None:
    """The items of a list that are what the document says they are."""
    if not isinstance(value, list):
        return None
    return [item for item in cast("list[Json]", value) if isinstance(item, kind)] or None


def _birthday(value: Json, zone: ZoneInfo) -> int | None:
    """Epoch milliseconds of a date (its midnight in the tenant's zone) or of a time."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return _ms(time if time.tzinfo else time.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return None


# ── activity ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Day(NamedTuple):
    """What one bucket is worth."""

    day: date
    worth: int
    newest_at: datetime


def _activity_fields(customer: Customer, settings: TenantSettings, zone: ZoneInfo, now: datetime) -> dict[str, Json]:
    today = now.astimezone(zone).date()
    buckets = customer.summary.buckets
    own = [bucket for bucket in buckets if bucket.side == "active"]
    fields: dict[str, Json] = {
        "lastActiveTime": _newest_ms(bucket.newest_at for bucket in own),
        "gzhInteractTime": _newest_ms(bucket.newest_at for bucket in own if bucket.account),
    }
    for side, total in (("active", "Active"), ("spread", "Spread")):
        days = [
            _Day(bucket.day, worth, bucket.newest_at)
            for bucket in buckets
            if bucket.side == side and (worth := bucket.count * settings.weight(bucket.type))
        ]
        fields[side] = sum(day.worth for day in days)
        fields[f"week{total}"] = _window(days, WEEK_DAYS, today, zone, customer.created_at)
        fields[f"month{total}"] = _window(days, MONTH_DAYS, today, zone, customer.created_at)
    return fields


def _window(days: Sequence[_Day], length: int, today: date, zone: ZoneInfo, created_at: datetime) -> wire.Window:
    """The last `length` days, today included (Rule 4). A bucket of a day still to come is not counted yet."""
    first = today - timedelta(days=length - 1)
    counted = [day for day in days if first <= day.day <= today]
    changes = [day.newest_at for day in counted]
    gone = max((day.day for day in days if day.day < first), default=None)
    if gone is not None:
        changes.append(_midnight(gone + timedelta(days=length), zone))
    return wire.Window(sum(day.worth for day in counted), _ms(max(changes, default=created_at)))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins; where the clock skips midnight, the instant at which it does."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


# ── follows ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _follow_fields(customer: Customer) -> dict[str, Json]:
    told: dict[str, list[Follow]] = {}
    for follow in sorted(customer.summary.follows, key=lambda follow: follow.order):
        told.setdefault(follow.account, []).append(follow)
    accounts = sorted(told.items(), key=lambda account: (account[1][0].order.at, account[0]))
    newest: dict[str, datetime] = {}
    for bucket in customer.summary.buckets:
        if bucket.side == "active":
            newest[bucket.account] = max(bucket.newest_at, newest.get(bucket.account, bucket.newest_at))
    return {
        "subWechatList": [
            wire.Followed(account, _account_name(follows)) for account, follows in accounts if _is_followed(follows)
        ]
        or None,
        "wechatList": [_ever_followed(account, follows, newest.get(account)) for account, follows in accounts] or None,
    }


def _is_followed(follows: Iterable[Follow]) -> bool:
    """Whether any openid's newest word is a follow; oldest first."""
    return any({follow.openid: follow.followed for follow in follows}.values())


def _account_name(follows: Sequence[Follow]) -> str | UnsetType:
    return next((follow.account_name for follow in reversed(follows) if follow.account_name), UNSET)


def _ever_followed(account: str, follows: Sequence[Follow], interacted_at: datetime | None) -> wire.EverFollowed:
    """With the first subscription's time and source; an account of which only an unfollow is known has neither."""
    first = next((follow for follow in follows if follow.followed), None)
    origin = (first.origin if first else None) or Origin()
    return wire.EverFollowed(
        appid=account,
        wechatName=_account_name(follows),
        gzhInteractTime=_or_unset(_ms(interacted_at) if interacted_at else None),
        firstSubDate=_or_unset(_ms(first.order.at) if first else None),
        firstSubSourceCnlType=_or_unset(_channel_type(origin)),
        firstSubSourceCnl=_or_unset(origin.channel),
        firstSubSourceCnlDeptId=_or_unset(origin.department),
        firstSubSourceTaskId=_or_unset(origin.task),
    )


def _or_unset(value: _T | None) -> _T | UnsetType:
    return UNSET if value is None else value


# ── times ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _ms(time: datetime) -> int:
    return (time - _EPOCH) // _MILLISECOND


def _newest_ms(times: Iterable[datetime]) -> int | None:
    newest = max(times, default=None)
    return None if newest is None else _ms(newest)


def _local(time: datetime, zone: ZoneInfo) -> str:
    return time.astimezone(zone).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")

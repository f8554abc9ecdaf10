"""Rabbitpre's ways in, by file and by request: a profile row, an event row, a row of tags -> facts.

`rabbitpre.profile` takes the fields of `batchAdd`, named as the detail call answers them, so that an answer's row can
be imported; `rabbitpre.event` the event push, `rabbitpre.tag` the tags'. README.md decides what the vendor leaves open.

Rule 1: identities match in the order unionid > openid > phone > id, or, as a row's `matchOrder` says "phone", with the
        phone first; an event's as unionid > openid > identityId. The third party's id stands last.
Rule 2: a profile row is no record of its own: what it says is new at its `updateTime`, else at its arrival, and what it
        leaves out stays. Where it came from is a fact of its `createTime`, so that the earliest word on that wins.
Rule 3: an account in `subWechatList` is followed at the row's time; one that is only in `wechatList` no longer is.
        A first subscription is a fact of its own time, with its own source.
Rule 4: a follow is told of the account's own openid alone; without one, of what the customer has for good.
Rule 5: who belongs together is said at the row's time alone: a phone may have been somebody else's before.
Rule 6: ids that the tenant gave out itself are no vendor's: what lands a fact leaves them out, or refuses it.
Rule 7: what is derived (activity, spread, newest times) is not taken in.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from huaxiang.dialects.contract import Format
from huaxiang.dialects.rabbitpre import tags
from huaxiang.dialects.rabbitpre.row import Row
from huaxiang.dialects.rabbitpre.wire import OFFICIAL_ACCOUNT
from huaxiang.errors import InputInvalid, InputMissing
from huaxiang.model import AnyFact, Interaction, Json, Mention, Origin, Parsed, Subscription, Trait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

SOURCE: Final = "rabbitpre"
FOLLOW_KEYS: Final = frozenset({"gzh_subscribe", "subscribe", "follow", "关注"})
UNFOLLOW_KEYS: Final = frozenset({"gzh_unsubscribe", "unsubscribe", "unfollow", "取关", "取消关注"})
EMPLOYEE_APPID: Final = "workwechat_employee"
MOST_IDENTIFIERS: Final = 32
MOST_TAGS: Final = 100

_LONGEST_ID, _LONGEST_NAME = 256, 128
_WECOM = frozenset({"workwechat", "workwechatgroup", "selfbuilt"})
_FROM_TO = frozenset({"gzh", "contentminiapp", "workwechat"})
_CHANNEL_TYPES = frozenset({"EMPLOYEE", "FIXED"})
_SEXES = {"男": "male", "1": "male", "女": "female", "2": "female", "0": "unknown", "未知": "unknown"}
_FLAGS = {"1": True, "0": False, "是": True, "否": False, "true": True, "false": False}
_ORDERS = {
    "unionid": ("unionid", "openid", "phone", "audience_id", "third_id"),
    "phone": ("phone", "unionid", "openid", "audience_id", "third_id"),
    "event": ("unionid", "openid", "identity_id", "phone", "audience_id", "third_id"),
}
_DERIVED = frozenset(
    {
        "orgId", "mpAppid", "lastActiveTime", "gzhInteractTime", "active", "weekActive", "monthActive", "spread",
        "weekSpread", "monthSpread",
    }
)  # fmt: skip
_DAY = re.compile(r"(\d{4})([-/]?)(\d{1,2})\2(\d{1,2})", re.ASCII)
_MOMENT = timedelta(milliseconds=1)


# ── profiles ──────────────────────────────────────────────────────────────────────────────────────────────────────


def parse_profile(row: dict[str, Json], zone: ZoneInfo) -> Parsed:
    """A profile row -> what it says of the customer, where the customer came from, and the accounts it follows."""
    fields = Row(row, zone)
    company = fields.text("companyId", longest=_LONGEST_NAME) or ""
    updated_at, created_at = fields.time("updateTime"), fields.time("createTime")
    identifiers = _identifiers(_profile_mentions(fields, company), _order(fields))
    origin = origin_of(fields)
    traits = profile_traits(fields)
    follows = list(_follows(fields, company, identifiers, updated_at))
    details = {name: value for name, value in fields.rest().items() if name not in _DERIVED}
    profile = Trait(
        source=SOURCE,
        enterprise=company,
        at=updated_at,
        updated_at=updated_at,
        created_at=created_at,
        identifiers=identifiers,
        traits=traits,
        origin=None if created_at else origin,
        details=details,
    )
    facts: list[AnyFact] = [profile]
    if created_at and origin:
        facts.append(
            Trait(
                source=SOURCE,
                enterprise=company,
                at=created_at,
                created_at=created_at,
                identifiers=_lasting(identifiers),
                origin=origin,
            )
        )
    return Parsed((*facts, *follows))


def _order(fields: Row) -> Sequence[str]:
    order = fields.text("matchOrder") or "unionid"
    if order not in {"unionid", "phone"}:
        raise InputInvalid(field="matchOrder", reason="unionid or phone is wanted")
    return _ORDERS[order]


def _profile_mentions(fields: Row, company: str) -> Iterator[Mention]:
    yield from _listed(fields, company)
    if unionid := fields.text("unionid", longest=_LONGEST_ID):
        yield Mention("unionid", unionid, about={"place": 0} if fields.said("openids") else {})
    if fields.said("openid") is not None or fields.said("identityId") is not None:
        yield from _element(fields)
    for index, element in enumerate(fields.rows("openids")):
        yield from _element(element, place=index + 1)
    yield from _phones(fields)
    if audience := _audience_id(fields, "audienceUserId"):
        yield audience
    if third_id := fields.text("thirdId", longest=_LONGEST_ID):
        yield Mention("third_id", third_id, scope=company)


def _phones(fields: Row) -> Iterator[Mention]:
    """`phone` first, then `phoneList`; a phone is verified if any element says so."""
    verified: dict[str, bool] = {}
    if phone := fields.text("phone", longest=_LONGEST_ID):
        verified[phone] = False
    for index, item in enumerate(fields.items("phoneList")):
        element = fields.item(item, f"phoneList[{index}]", name="phone")
        phone = element.needed("phone", longest=_LONGEST_ID)
        verified[phone] = verified.get(phone, False) or _flag(element, "isVerify") is True
    for index, (phone, is_verified) in enumerate(verified.items()):
        yield Mention("phone", phone, verified=is_verified, about={"place": index} if len(verified) > 1 else {})


def profile_traits(fields: Row) -> dict[str, Json]:
    """What a profile row says of the customer, by the model's names."""
    said: dict[str, Json] = {
        "real_name": fields.text("realName"),
        "sex": _word(fields, "sex", _SEXES),
        "avatar": fields.text("avatar"),
        "nickname": fields.text("wxNickname"),
        "birthday": _birthday(fields),
        "remark": fields.text("remark"),
        "pay_feature": fields.text("payFeature"),
        "starred": _flag(fields, "markFlag"),
        "user_types": fields.texts("userType"),
        "industries": fields.texts("industry"),
        "addresses": _addresses(fields),
        "wechat_place": _place(fields, country="wxCountry", province="wxProvince", city="wxCity"),
    }
    said |= _places(fields) | _custom_fields(fields)
    return {name: value for name, value in said.items() if value not in (None, [], {})}


def _addresses(fields: Row) -> list[dict[str, Json]]:
    """Objects, or the text of one address."""
    text = fields.text("address")
    return fields.objects("addressList") or ([{"address": text}] if text else [])


def _places(fields: Row) -> dict[str, Json]:
    """Where an IP and where a granted location put the customer."""
    found = {
        "ip_place": _place(fields, province="province", city="city"),
        "gps_place": _place(fields, province="lbsProvince", city="lbsCity"),
    }
    return {name: value for name, value in found.items() if value}


def _place(fields: Row, **names: str) -> dict[str, Json]:
    said = {part: fields.text(name) for part, name in names.items()}
    return {part: text for part, text in said.items() if text}


def _birthday(fields: Row) -> str | None:
    """A date where the row gives no more, else the instant."""
    said = fields.said("birthday")
    day = _DAY.fullmatch(said.strip()) if isinstance(said, str) else None
    if day:
        try:
            return date(int(day[1]), int(day[3]), int(day[4])).isoformat()
        except ValueError:
            raise InputInvalid(field="birthday", reason="no such day") from None
    instant = fields.time("birthday")
    return instant.isoformat() if instant else None


def _custom_fields(fields: Row) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for custom in fields.rows("customFields"):
        key = custom.needed("configId", longest=_LONGEST_NAME - len("custom:"))
        values = custom.items("values")
        if values:
            found[f"custom:{key}"] = {"name": custom.text("configName"), "values": values}
    return found


def _follows(
    fields: Row, company: str, identifiers: Sequence[Mention], updated_at: datetime | None
) -> Iterator[Subscription]:
    """The first subscriptions that the row tells of, and how each account stands at the row's time."""
    ever = {element.needed("appid", longest=_LONGEST_NAME): element for element in fields.rows("wechatList")}
    now = {element.needed("appid", longest=_LONGEST_NAME): element for element in fields.rows("subWechatList")}
    for account in [*ever, *(account for account in now if account not in ever)]:
        elements = [element for element in (ever.get(account), now.get(account)) if element]
        name = next((name for element in elements if (name := element.text("wechatName"))), None)
        by = _follower(identifiers, account)
        first_at = elements[0].time("firstSubDate")
        if first_at:
            yield Subscription(
                source=SOURCE,
                enterprise=company,
                at=first_at,
                identifiers=by,
                account=account,
                account_name=name,
                origin=first_source(elements[0]),
            )
        at = max(updated_at, first_at + _MOMENT) if updated_at and first_at else updated_at
        yield Subscription(
            source=SOURCE,
            enterprise=company,
            at=at,
            identifiers=by,
            account=account,
            account_name=name,
            followed=account in now,
        )


def _follower(identifiers: Sequence[Mention], account: str) -> tuple[Mention, ...]:
    """Who follows an account by a profile row: the openid that it knows the customer by, else what lasts."""
    openids = (one for one in identifiers if one.kind == "openid" and one.scope == account)
    if openid := next(openids, None):
        return (replace(openid, about={}),)
    return _lasting(_followers(identifiers, account))


def _lasting(identifiers: Sequence[Mention]) -> tuple[Mention, ...]:
    """The identifiers that don't change hands; all, where there is nothing else."""
    kept = tuple(mention for mention in identifiers if mention.kind != "phone")
    return kept or tuple(identifiers)


def _followers(identifiers: Sequence[Mention], account: str) -> tuple[Mention, ...]:
    """The identifiers without the openids of other apps, which follow nothing here; all, where nothing else is left."""
    kept = tuple(mention for mention in identifiers if mention.kind != "openid" or mention.scope == account)
    return kept or tuple(identifiers)


def first_source(element: Row) -> Origin | None:
    """Where the first subscription of an account came from."""
    origin = Origin(
        channel=element.number("firstSubSourceCnl"),
        channel_type=_channel_type(element, "firstSubSourceCnlType"),
        department=element.number("firstSubSourceCnlDeptId"),
        task=element.number("firstSubSourceTaskId"),
    )
    return None if origin == Origin() else origin


# ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────


def parse_event(row: dict[str, Json], zone: ZoneInfo) -> Parsed:
    """An event row -> an interaction, or a follow or unfollow of an official account."""
    fields = Row(row, zone)
    inner = fields.inner("eventargs") or Row({}, zone, path="eventargs")
    company = fields.text("companyId", longest=_LONGEST_NAME) or ""
    key = fields.needed("eventKey", longest=_LONGEST_NAME)
    record, at = fields.text("eventId", longest=_LONGEST_ID), fields.time("time")
    from_to = inner.text("fromTo") or fields.text("fromTo")
    app = inner.text("appid", longest=_LONGEST_NAME)
    identifiers = _identifiers(_event_mentions(fields, app, company), _ORDERS["event"])
    origin, upstream = _event_source(inner, app)
    traits, name = _places(inner), inner.text("wechatName")
    details = {**fields.rest(), **({"eventargs": rest} if (rest := inner.rest()) else {})}
    if key not in FOLLOW_KEYS | UNFOLLOW_KEYS:
        event = Interaction(
            source=SOURCE,
            enterprise=company,
            id=record,
            at=at,
            identifiers=identifiers,
            traits=traits,
            origin=origin,
            details={**details, **({"wechatName": name} if name else {})},
            type=key,
            account=app if from_to in {None, OFFICIAL_ACCOUNT} else None,
            upstream=upstream,
        )
        return Parsed((event,))
    account = app or fields.text("appid", longest=_LONGEST_NAME)
    if account is None:
        raise InputMissing(field="eventargs.appid", reason="a follow needs its account")
    follow = Subscription(
        source=SOURCE,
        enterprise=company,
        id=record,
        at=at,
        identifiers=_followers(identifiers, account),
        traits=traits,
        origin=origin,
        details=details,
        account=account,
        account_name=name,
        followed=key in FOLLOW_KEYS,
    )
    return Parsed((follow, *_first_seen(follow, identifiers)))


def _first_seen(follow: Subscription, identifiers: tuple[Mention, ...]) -> Iterator[Trait]:
    """A follow's own source is its account's; this says the same of the customer."""
    if follow.origin:
        yield Trait(
            source=SOURCE,
            enterprise=follow.enterprise,
            id=follow.id,
            at=follow.at,
            identifiers=identifiers,
            origin=follow.origin,
        )


def _event_mentions(fields: Row, app: str | None, company: str) -> Iterator[Mention]:
    """The customer of an event; an openid without an app is of the app that the event is about.

    Particulars are told only where they are a profile's: the newest set stands whole, and half of one would hide it.
    """
    for mention in _listed(fields, company):
        yield mention if "platform" in mention.about else replace(mention, about={})
    if fields.said("openid") is not None or fields.said("identityId") is not None:
        for mention in _element(fields, app=app):
            yield mention if "platform" in mention.about else replace(mention, about={})
    elif unionid := fields.text("unionid", longest=_LONGEST_ID):
        yield Mention("unionid", unionid)
    yield from _phones(fields)
    if audience := _audience_id(fields, "audienceUserId"):
        yield audience


# ── tags ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def parse_tag(row: dict[str, Json], zone: ZoneInfo) -> Parsed:
    """A row of tags -> what it puts on a customer, each at its own time, or takes off, at the row's."""
    fields = Row(row, zone)
    company = fields.text("companyId", longest=_LONGEST_NAME) or ""
    off = fields.text("optType") or "add"
    if off not in {"add", "delete"}:
        raise InputInvalid(field="optType", reason="add or delete is wanted")
    identifiers = _identifiers(_profile_mentions(fields, company), _order(fields))
    row_at = fields.time("updateTime")
    traits: dict[datetime | None, dict[str, Json]] = {}
    for tag in _tags(fields):
        at = row_at if off == "delete" else tag.time("tagTime") or row_at
        traits.setdefault(at, {}).update(tags.told(tag, off=off == "delete"))
    if not traits:
        raise InputMissing(field="operateTags", reason="a tag is needed")
    return Parsed(
        tuple(
            Trait(source=SOURCE, enterprise=company, at=at, identifiers=identifiers, traits=said)
            for at, said in traits.items()
        )
    )


def _tags(fields: Row) -> Iterator[Row]:
    """The tags that a row names: objects as they are answered, or their names, between commas."""
    found: list[Row] = []
    for name in ("operateTags", "tagList"):
        for index, item in enumerate(fields.items(name)):
            found.append(fields.item(item, f"{name}[{index}]", name="tagName"))
    names = (fields.text("tags") or "").replace("，", ",").split(",")
    found += [fields.part({"tagName": name}, "tags") for name in names if name.strip()]
    if len(found) > MOST_TAGS:
        raise InputInvalid(field="operateTags", reason=f"more than {MOST_TAGS} tags in a row")
    yield from found


# ── what events tell beside ───────────────────────────────────────────────────────────────────────────────────────


def _event_source(inner: Row, app: str | None) -> tuple[Origin | None, Mention | None]:
    """Where the event came from, and who passed the work on; the latter is the origin's too, if it names no other."""
    origin, above = origin_of(inner), inner.inner("upstream")
    if above is None:
        return origin, None
    upstream = next(_upstream_mentions(above, app), None)
    if upstream is None:
        raise InputMissing(field=above.place("unionid"), reason="unionid, openid or audienceUserId is needed")
    if origin and origin.upstream is None:
        origin = replace(origin, upstream=upstream)
    return origin, upstream


def _upstream_mentions(above: Row, app: str | None) -> Iterator[Mention]:
    """In the matching order: the first is the one to go by."""
    if unionid := above.text("unionid", longest=_LONGEST_ID):
        yield Mention("unionid", unionid)
    if above.said("openid") is not None:
        yield from (replace(mention, about={}) for mention in _element(above, app=app))
    if audience := _audience_id(above, "audienceUserId"):
        yield audience


# ── what both have ────────────────────────────────────────────────────────────────────────────────────────────────


def _identifiers(mentions: Iterator[Mention], order: Sequence[str]) -> tuple[Mention, ...]:
    """Each identifier once, in the matching order; within a kind as the row has them."""
    standing = {"external_userid": "openid", "selfbuilt_userid": "openid"} | (
        {} if "identity_id" in order else {"identity_id": "openid"}
    )
    found: dict[tuple[str, str, str], Mention] = {}
    for mention in mentions:
        key = (mention.kind, mention.scope, mention.value)
        if key not in found or (mention.about and not found[key].about):
            found[key] = mention
    if not found:
        raise InputMissing(field="unionid", reason="no identity: unionid, openid, identityId, phone or an id is needed")
    if len(found) > MOST_IDENTIFIERS:
        raise InputInvalid(field="openids", reason=f"more than {MOST_IDENTIFIERS} identities in a row")
    return tuple(sorted(found.values(), key=lambda mention: order.index(standing.get(mention.kind, mention.kind))))


def _listed(fields: Row, company: str) -> Iterator[Mention]:
    """The `identities` of `batchAdd` v2: a value, its type, and the app or the system that it is of."""
    for index, one in enumerate(fields.rows("identities")):
        value, kind = one.needed("identityValue", longest=_LONGEST_ID), one.needed("identityType")
        if kind in {"unionid", "phone"}:
            yield Mention(kind, value)
        elif kind == "uid":
            yield Mention("third_id", value, scope=company)
        elif kind == "audienceUserId":
            number = _audience_id(one.part({kind: value}, f"identities[{index}]"), kind)
            yield from (number,) if number else ()
        else:
            yield from _element(one.part(_flat(one, value, kind), f"identities[{index}]"), place=index + 1)


def _flat(one: Row, value: str, kind: str) -> dict[str, Json]:
    """An openid, or an identity in an integrated system, as an element of `openids` has it."""
    platform = one.text("platform", longest=_LONGEST_NAME)
    if kind == "openid":
        from_to = platform if platform in _FROM_TO else None
        return {"openid": value, "appid": one.text("mpid"), "platform": platform, "fromTo": from_to}
    system = one.number("mpid")
    if system is None:
        raise InputMissing(field=one.place("mpid"), reason="an identity of this type needs the id of its system")
    return {"identityId": value, "identityType": kind, "platform": platform, "jcappid": system}


def _element(element: Row, *, place: int = 0, app: str | None = None) -> Iterator[Mention]:
    """One identity at a platform: its unionid, its openid, its identity in an integrated system.

    `place`: which of the row's elements it is, from 1. `app`: the appid of an openid that comes without one.
    """
    openid = element.text("openid", longest=_LONGEST_ID)
    own_app = element.text("appid", longest=_LONGEST_NAME) or element.text("appId", longest=_LONGEST_NAME)
    scope = own_app or app or ""
    unionid = element.text("unionid", longest=_LONGEST_ID)
    identity = element.text("identityId", longest=_LONGEST_ID)
    system = element.number("jcappid")
    if system is None:
        system = element.number("intid")
    about = _about(element, system, identity)
    if about and place:
        about["place"] = place
    if unionid:
        yield Mention("unionid", unionid, about={"place": place} if place else {})
    if openid:
        wecom = scope == EMPLOYEE_APPID or not _WECOM.isdisjoint({about.get("from_to"), about.get("platform")})
        told = {**about, "unionid": unionid} if about and unionid else about
        # A self-built app and a third party's see different ids of one person: kinds of their own, never mixed.
        selfbuilt = about.get("platform") == "selfbuilt"
        kind = "selfbuilt_userid" if selfbuilt else "external_userid" if wecom else "openid"
        yield Mention(kind, openid, scope=scope, about=told)
    if identity and system is not None:
        yield Mention("identity_id", identity, scope=str(system), about={} if openid else about)
    elif not (openid or unionid):
        field = "jcappid" if identity else "openid"
        raise InputMissing(field=element.place(field), reason="an identity is an openid, or identityId with jcappid")


def _about(element: Row, system: int | None, identity: str | None) -> dict[str, str | int]:
    """The particulars of an openid; the newest set that was told stands whole, so half a set is better not told."""
    said: dict[str, str | int | None] = {
        "from_to": element.text("fromTo", longest=_LONGEST_NAME),
        "platform": element.text("platform", longest=_LONGEST_NAME),
        "app": system,
        "identity_id": identity,
        "identity_type": element.text("identityType", longest=_LONGEST_NAME),
    }
    return {name: value for name, value in said.items() if value is not None}


def _audience_id(fields: Row, name: str) -> Mention | None:
    """The vendor's id, or another house's."""
    number = fields.number(name)
    if number is None:
        return None
    if number < 1:
        raise InputInvalid(field=fields.place(name), reason="a positive number is wanted")
    return Mention("audience_id", str(number))


def origin_of(fields: Row) -> Origin | None:
    """Where a row says that the customer came from."""
    above = None if fields.number("sourceAudid") == 0 else _audience_id(fields, "sourceAudid")
    origin = Origin(
        channel=fields.number("sourceCnl"),
        channel_name=fields.text("sourceCnlName"),
        channel_type=_channel_type(fields, "sourceCnlType"),
        department=fields.number("sourceCnlDeptId"),
        department_name=fields.text("sourceCnlDeptName"),
        work_type=fields.text("sourceAppType"),
        upstream=above,
    )
    return None if origin == Origin() else origin


def _channel_type(fields: Row, name: str) -> str | None:
    word = fields.text(name)
    if word is not None and word not in _CHANNEL_TYPES:
        raise InputInvalid(field=fields.place(name), reason="EMPLOYEE or FIXED is wanted")
    return word


def _flag(fields: Row, name: str) -> bool | None:
    value = fields.said(name)
    return value if isinstance(value, bool) else _word(fields, name, _FLAGS)


def _word(fields: Row, name: str, words: dict[str, Json]) -> Json:
    """What a word or a digit means."""
    text = fields.text(name)
    if text is None:
        return None
    if text.lower() not in words:
        raise InputInvalid(field=fields.place(name), reason=f"one of {', '.join(words)} is wanted")
    return words[text.lower()]


_NUMBERS = frozenset(
    {
        "audienceUserId", "phone", "phoneList", "openid", "unionid", "thirdId", "identityId", "companyId", "eventId",
        "sourceAudid", "sourceCnl", "sourceCnlDeptId",
    }
)  # fmt: skip

FORMATS: Final = (
    Format(
        name="rabbitpre.profile",
        summary="A customer's profile: the fields of batchAdd, or a row of the detail call's answer",
        parse=parse_profile,
        identifier_fields=_NUMBERS,
    ),
    Format(
        name="rabbitpre.event",
        summary="What a customer did: a view, a share, a follow of an official account",
        parse=parse_event,
        identifier_fields=_NUMBERS,
    ),
    Format(
        name="rabbitpre.tag",
        summary="Tags put on a customer, or taken off: the fields of the tags' batchAdd, or a row of their answer",
        parse=parse_tag,
        identifier_fields=_NUMBERS,
    ),
)

"""What an open platform answers about a customer -> the facts that make this one answer the same.

Takes a row of the detail call, and one of its tags, as they came; gives facts whose ids begin with `pull:ID:`, so that
what is told no longer can be taken back.

Rule 1: a profile is so since it was heard; it came, from where its source says, when the customer was created.
Rule 2: identities stand in the order in which they are listed. So do accounts: where a list stands against the first
        subscriptions that it tells, an account was left before, at a time that is not told.
Rule 3: activity comes without its events, as sums. They become a tally: what the last 7 days hold, what the 23 before
        them do, and all before, each on one day, such that sums, windows and their times come out as they were told.
Rule 4: events that are known here one by one are taken off the sums, so that they do not count twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from msgspec.structs import replace

from huaxiang.dialects.rabbitpre import inward, tags
from huaxiang.dialects.rabbitpre.row import EPOCH, MILLISECOND, Row
from huaxiang.errors import InputInvalid
from huaxiang.model import AnyFact, Bucket, Json, Mention, Portion, Subscription, Tally, Trait

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

WEEK_DAYS: Final = 7
MONTH_DAYS: Final = 30
MOST_TOGETHER: Final = 32
"""Identifiers that one fact may name."""
NO_ACCOUNT: Final = "-"
"""An official account of which only the time is told."""

_TICK: Final = timedelta(milliseconds=1)
_ORDER: Final = (
    "unionid",
    "openid",
    "external_userid",
    "selfbuilt_userid",
    "identity_id",
    "phone",
    "audience_id",
    "third_id",
)
_WECOM: Final = frozenset({"workwechat", "workwechatgroup", "selfbuilt"})

Fields = Mapping[str, Json]


class Heard(NamedTuple):
    """How a row was heard: when, in which company, by whose clock; `known`: what is known of it event by event.

    `created_at`: when the customer was created, to the millisecond where the source tells it so.
    """

    at: datetime
    zone: ZoneInfo
    company: str
    created_at: datetime
    known: Sequence[tuple[Bucket, int]] = ()
    """Day buckets, each with what it is worth."""


class _Said(Row):
    """A row that a server answered: texts are as they are."""

    def _as_text(self, value: Json, place: str, longest: int) -> str | None:
        del longest
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise InputInvalid(field=place, reason="a text is wanted")
        return value or None


# ── the customer ──────────────────────────────────────────────────────────────────────────────────────────────────


def own(number: int) -> str:
    """How the ids begin of the records that pulls tell of a customer."""
    return f"pull:{number}:"


def name(number: int) -> Mention:
    """The customer by the source's id."""
    return Mention("audience_id", str(number))


def creation(row: Fields, zone: ZoneInfo) -> tuple[datetime, bool]:
    """When a customer was created, and whether to the millisecond: as a window tells that nothing was ever in."""
    text = str(row.get("createTime") or "")
    at = _local(text, zone)
    for side, window in (("active", "weekActive"), ("spread", "weekSpread")):
        since = _fields(row.get(window)).get("updateTime")
        if not row.get(side) and isinstance(since, int) and _at(since).replace(microsecond=0) == at:
            return _at(since), True
    return at, False


def facts(row: Fields, heard: Heard) -> tuple[AnyFact, ...]:
    """What a row of the detail call says of its customer. Raises `InputMissing`, `InputInvalid`."""
    number = int(row["audienceUserId"])
    fields = _Said(dict(row), heard.zone)
    mentions = list(identities(row, heard.company))
    told: list[AnyFact] = [
        Trait(
            source=inward.SOURCE,
            enterprise=heard.company,
            id=f"{own(number)}profile{place or ''}",
            created_at=heard.created_at,
            identifiers=part,
            traits={} if place else inward.profile_traits(fields),
        )
        for place, part in enumerate(_parts(mentions, name(number)))
    ]
    if origin := inward.origin_of(fields):
        told.append(
            Trait(
                source=inward.SOURCE,
                enterprise=heard.company,
                id=f"{own(number)}origin",
                at=heard.created_at,
                identifiers=(name(number),),
                origin=origin,
            )
        )
    told += _follows(row, mentions, heard, number)
    tally = Tally(
        source=inward.SOURCE,
        enterprise=heard.company,
        id=f"{own(number)}tally",
        identifiers=(name(number),),
        portions=tuple(_portions(row, heard)),
    )
    return (*told, tally) if tally.portions else tuple(told)


def joined(number: int, into: int, company: str) -> AnyFact:
    """What is left of a customer whom the source has joined to another since."""
    mentions = (name(number), name(into))
    return Trait(source=inward.SOURCE, enterprise=company, id=f"{own(number)}joined", identifiers=mentions)


def taken_back(fact: AnyFact) -> AnyFact:
    """What a record is to say that is told no longer: nothing; a follow, that it is none."""
    bare = [mention for mention in fact.identifiers if mention.kind == "audience_id"] or list(fact.identifiers[:1])
    fact = replace(fact, identifiers=tuple(bare), traits={}, origin=None, created_at=None)
    if isinstance(fact, Subscription):
        return replace(fact, followed=False, account_name=None)
    return replace(fact, portions=()) if isinstance(fact, Tally) else fact


# ── identities ────────────────────────────────────────────────────────────────────────────────────────────────────


def identities(row: Fields, company: str) -> Iterator[Mention]:
    """Each identity that a row lists, with its place (Rule 2), in the matching order."""
    found: dict[tuple[str, str, str], Mention] = {}
    for mention in (*_unplaced(row, company), *_elements(row)):
        found.setdefault((mention.kind, mention.scope, mention.value), mention)
    yield from sorted(found.values(), key=lambda mention: _ORDER.index(mention.kind))


def _unplaced(row: Fields, company: str) -> Iterator[Mention]:
    if unionid := _text(row.get("unionid")):
        yield Mention("unionid", unionid, about={"place": 0})
    for place, phone in enumerate(_rows(row.get("phoneList"))):
        if value := _text(phone.get("phone")):
            yield Mention("phone", value, verified=str(phone.get("isVerify")) == "1", about={"place": place})
    yield name(int(row["audienceUserId"]))
    if third_id := _text(row.get("thirdId")):
        yield Mention("third_id", third_id, scope=company)


def _elements(row: Fields) -> Iterator[Mention]:
    for place, one in enumerate(_rows(row.get("openids")), 1):
        openid, appid, unionid = (_text(one.get(field)) for field in ("openid", "appid", "unionid"))
        identity, system = _text(one.get("identityId")), one.get("jcappid")
        told = {
            "from_to": _text(one.get("fromTo")),
            "platform": _text(one.get("platform")),
            "app": system if isinstance(system, int) else None,
            "identity_id": identity,
            "identity_type": _text(one.get("identityType")),
            "unionid": unionid,
            "place": place,
        }
        about = {field: value for field, value in told.items() if value is not None}
        if openid:
            yield Mention(_kind(appid, about), openid, scope=appid or "", about=about)
        if identity and (system is not None or not openid):
            scope = "" if system is None else str(system)
            yield Mention("identity_id", identity, scope=scope, about={} if openid else about)
        if unionid:
            yield Mention("unionid", unionid, about={"place": place})


def _kind(appid: str | None, about: Mapping[str, str | int]) -> str:
    """What the vendor calls an openid: as in a row that comes by file."""
    if about.get("platform") == "selfbuilt":
        return "selfbuilt_userid"
    wecom = appid == inward.EMPLOYEE_APPID or not _WECOM.isdisjoint({about.get("from_to"), about.get("platform")})
    return "external_userid" if wecom else "openid"


def _parts(mentions: Sequence[Mention], by: Mention) -> Iterator[tuple[Mention, ...]]:
    """The mentions, so many together as a fact may name; each part names the customer."""
    if len(mentions) <= MOST_TOGETHER:
        yield tuple(mentions)
        return
    others = [mention for mention in mentions if mention != by]
    for start in range(0, len(others), MOST_TOGETHER - 1):
        yield (*others[start : start + MOST_TOGETHER - 1], by)


# ── follows ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Followed(NamedTuple):
    """An account in its place: its element, since when it is told, and whether it is followed now."""

    account: str
    element: Fields
    first_at: datetime | None
    now: bool


def _follows(row: Fields, mentions: Iterable[Mention], heard: Heard, number: int) -> Iterator[Subscription]:
    followed = {str(one.get("appid")): one for one in _rows(row.get("subWechatList"))}
    ever = {str(one.get("appid")): one for one in _rows(row.get("wechatList"))}
    told = [
        _Followed(
            account, {**followed.get(account, {}), **element}, _time(element.get("firstSubDate")), account in followed
        )
        for account, element in (ever | {one: it for one, it in followed.items() if one not in ever}).items()
    ]
    openids = {mention.scope: mention for mention in reversed(list(mentions)) if mention.kind == "openid"}
    for one, left_before in zip(told, _left_before(told, heard.created_at), strict=True):
        by = openids.get(one.account, name(number))
        about = Subscription(
            source=inward.SOURCE,
            enterprise=heard.company,
            identifiers=(replace(by, about={}, verified=False),),
            account=one.account,
            account_name=_text(one.element.get("wechatName")),
        )
        id_ = f"{own(number)}{{}}:{_digest(one.account)}"
        if left_before is not None:
            yield replace(about, id=id_.format("before"), at=left_before, followed=False)
        if one.first_at or one.now:
            origin = inward.first_source(_Said(dict(one.element), heard.zone))
            yield replace(about, id=id_.format("first"), at=one.first_at, origin=origin)
        if not one.now and (one.first_at or left_before is None):
            late = one.first_at is not None and one.first_at >= heard.at
            at = one.first_at + _TICK if late and one.first_at else None
            yield replace(about, id=id_.format("left"), at=at, followed=False)


def _left_before(told: Sequence[_Followed], since: datetime) -> list[datetime | None]:
    """When each account was left before its first subscription, for the list to stand as it does (Rule 2).

    An account of which no subscription is told was left at some time: after all that is told, if it stands last.
    """
    found: list[datetime | None] = []
    latest = max((one.first_at for one in told if one.first_at), default=since) + _TICK
    behind: tuple[datetime, str] | None = None
    for one in reversed(told):
        at = one.first_at
        if behind is None and at is None and not one.now:
            at = latest
            found.append(at)
        elif behind is not None and (at is None or (at, one.account) > behind):
            limit, account = behind
            at = limit if one.account < account else limit - _TICK
            found.append(at)
        else:
            found.append(None)
        behind = behind if at is None else (at, one.account)
    return found[::-1]


# ── activity ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Sums(NamedTuple):
    """What is told of one side: all, and of the windows how much and since when."""

    total: int
    week: int
    month: int
    week_at: datetime | None
    month_at: datetime | None


def _portions(row: Fields, heard: Heard) -> Iterator[Portion]:
    newest = _time(row.get("lastActiveTime"))
    found = [part for side in ("active", "spread") for part in _side(row, side, newest, heard)]
    yield from found
    active = [bucket for bucket, _ in heard.known if bucket.side == "active"]
    known_at = max((bucket.newest_at for bucket in active), default=None)
    if newest and not _is_known(newest, known_at) and all(part.at != newest or part.side != "active" for part in found):
        yield Portion(newest)
    of_accounts: list[datetime] = []
    for one in _rows(row.get("wechatList")):
        at, account = _time(one.get("gzhInteractTime")), str(one.get("appid"))
        if at is not None:
            of_accounts.append(at)
            own_at = max((bucket.newest_at for bucket in active if bucket.account == account), default=None)
            if not _is_known(at, own_at):
                yield Portion(at, account=account)
    latest = _time(row.get("gzhInteractTime"))
    if latest is not None and latest > max(of_accounts, default=EPOCH):
        own_at = max((bucket.newest_at for bucket in active if bucket.account), default=None)
        if not _is_known(latest, own_at):
            yield Portion(latest, account=_text(row.get("mpAppid")) or NO_ACCOUNT)


def _is_known(at: datetime, own_at: datetime | None) -> bool:
    return own_at is not None and own_at >= at


def _side(row: Fields, side: Any, newest: datetime | None, heard: Heard) -> Iterator[Portion]:  # noqa: ANN401 - a side's name
    """The portions of one side: the week's, the month's before it, and all before that (Rule 3)."""
    today = heard.at.astimezone(heard.zone).date()
    told = _less(_sums(row, side), [pair for pair in heard.known if pair[0].side == side], today)
    week_at = told.week_at or heard.at
    month_at = told.month_at or heard.at
    seen = newest if side == "active" and newest else max(week_at, month_at)
    if told.week:
        at = min(week_at, month_at, seen)
        at = at if _day(at, heard.zone) <= today else heard.at
        yield Portion(max(at, _midnight(today - timedelta(days=WEEK_DAYS - 1), heard.zone)), told.week, side)
    if told.month - told.week:
        day = _day(week_at, heard.zone) - timedelta(days=WEEK_DAYS)
        day = min(max(day, today - timedelta(days=MONTH_DAYS - 1)), today - timedelta(days=WEEK_DAYS))
        at = _within(day, () if told.week else (month_at, seen), heard.zone)
        yield Portion(at, told.month - told.week, side)
    if told.total - told.month:
        day = min(_day(month_at, heard.zone), today) - timedelta(days=MONTH_DAYS)
        yield Portion(_within(day, () if told.month else (seen,), heard.zone), told.total - told.month, side)


def _sums(row: Fields, side: str) -> _Sums:
    week, month = (_fields(row.get(f"{span}{side.title()}")) for span in ("week", "month"))
    counts = [_count(week.get("count")), _count(month.get("count")), _count(row.get(side))]
    counts = [counts[0], max(counts[:2]), max(counts)]
    return _Sums(counts[2], counts[0], counts[1], _time(week.get("updateTime")), _time(month.get("updateTime")))


def _less(told: _Sums, known: Sequence[tuple[Bucket, int]], today: date) -> _Sums:
    """The sums without what is known event by event (Rule 4)."""
    ages = [((today - bucket.day).days, worth) for bucket, worth in known]
    week = max(0, told.week - sum(worth for age, worth in ages if 0 <= age < WEEK_DAYS))
    month = max(week, told.month - sum(worth for age, worth in ages if 0 <= age < MONTH_DAYS))
    return told._replace(week=week, month=month, total=max(month, told.total - sum(worth for _, worth in ages)))


def _within(day: date, times: Iterable[datetime], zone: ZoneInfo) -> datetime:
    """The first of these times that lies on a day; else when the day begins."""
    return next((at for at in times if _day(at, zone) == day), _midnight(day, zone))


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


# ── tags ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def own_tags(number: int) -> str:
    """How the ids begin of the records that pulls tell of a customer's tags."""
    return f"pull:{number}-tags:"


def tag_facts(row: Fields, heard_zone: ZoneInfo, company: str) -> tuple[AnyFact, ...]:
    """What a row of the tags' answer puts on its customer, each at its time. Raises `InputMissing`, `InputInvalid`."""
    number, told = int(row["audienceUserId"]), _rows(row.get("tagList"))
    return tuple(
        Trait(
            source=inward.SOURCE,
            enterprise=company,
            id=f"{own_tags(number)}{_digest(str(tag.get('tagName')))}",
            at=_time(tag.get("tagTime")),
            identifiers=(name(number),),
            traits=tags.told(_Said(dict(tag), heard_zone), off=False),
        )
        for tag in told
    )


# ── one value ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _rows(value: Json) -> list[Fields]:
    if not isinstance(value, list):
        return []
    return [cast("Fields", one) for one in cast("list[Json]", value) if isinstance(one, dict)]


def _fields(value: Json) -> Fields:
    return cast("Fields", value) if isinstance(value, dict) else {}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _time(value: Json) -> datetime | None:
    return _at(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _at(ms: int) -> datetime:
    try:
        return EPOCH + ms * MILLISECOND
    except OverflowError:
        raise InputInvalid(field="time", reason="epoch milliseconds are wanted") from None


def _local(text: str, zone: ZoneInfo) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        raise InputInvalid(field="createTime", reason="yyyy-MM-dd HH:mm:ss is wanted") from None


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()

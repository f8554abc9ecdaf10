"""The generated followers: `rabbitpre.profile` rows, and the `rabbitpre.event` rows of what they did.

Takes a person, gives the rows of that person: the profile, a follow (and, for some, an unfollow) of an official
account, and the views, clicks, shares and forms of the last 90 days.

Rule 1: a follower has a unionid, an openid of an official account, and for some one of the mini program, and of WeCom.
Rule 2: who came by somebody's share names them, in the profile's source and in the events: a work goes from the well
        known to the less known, so that nobody is above themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from huaxiang.generate.calls import SHANGHAI, Rows
from huaxiang.generate.draws import Weighted, pick
from huaxiang.generate.people import People, Person, spelled
from huaxiang.generate.words import MINI_PROGRAM, OFFICIAL, WECOM, Account, names
from huaxiang.model import Json

PROFILE, EVENT = "rabbitpre.profile", "rabbitpre.event"

EVENT_DAYS: Final = 90
_DAY: Final = 86_400
_KNOWN_DAYS: Final = 400
_KEYS: Final = Weighted(("view", "click", "share", "form", "read_finish"), (50, 18, 14, 5, 13))
_MINI, _WECOM_TOO, _CAME_BY_SHARE, _LEFT, _ACTIVE, _VERIFIED = 0.55, 0.35, 0.4, 0.1, 0.7, 0.8
_MOST_EVENTS: Final = 40
_EMPLOYEES: Final = 20


class _Follower(NamedTuple):
    """What the platform knows of one person. Times in epoch seconds. `accounts`: each with the openid there."""

    person: Person
    unionid: str
    accounts: list[tuple[Account, str]]
    above: Person | None
    created: int
    updated: int
    recent: bool
    """Whether they came within the days of which there are events."""


class Followers:
    """What the marketing platform knows."""

    def __init__(self, people: People, now: datetime) -> None:
        """Known since some day before `now` (aware)."""
        self._people, self._draws = people, people.draws
        self._now = int(now.timestamp())
        self._events_begin = self._now - EVENT_DAYS * _DAY
        self._turns = people.draws.turns(b"events")
        self._batch = people.draws.word(b"batch", 0, 10)

    def of(self, person: Person) -> Rows:
        """The rows of one person, asked for in their order; none where the platform does not know them."""
        if "wechat" not in person.systems:
            return []
        chance = self._draws.numbers(b"follower", person.place)
        created = self._now - _DAY - int(_KNOWN_DAYS * _DAY * chance[0])
        follower = _Follower(
            person=person,
            unionid=self._unionid(person),
            accounts=self._accounts(person, chance),
            above=self._people.before(person, chance[1]) if chance[2] < _CAME_BY_SHARE else None,
            created=created,
            updated=created + int((self._now - created) * chance[3]),
            recent=created >= self._events_begin,
        )
        events = [*self._follows(follower, chance[4]), *self._events(follower)]
        return [(PROFILE, self._profile(follower)), *((EVENT, event) for event in events)]

    def _unionid(self, person: Person) -> str:
        return "o" + self._draws.word(b"unionid", person.place, 27)

    def _audience_id(self, person: Person) -> int:
        """The vendor's own number of the person, of 18 digits."""
        return self._draws.whole(b"audience", person.place, 10**17, 10**18)

    def _accounts(self, person: Person, chance: tuple[float, ...]) -> list[tuple[Account, str]]:
        """The apps that know the person, an official account first."""
        found = [pick(OFFICIAL, chance[5])]
        found += [MINI_PROGRAM] if chance[6] < _MINI else []
        found += [WECOM] if chance[7] < _WECOM_TOO else []
        return [(account, self._openid(person, account)) for account in found]

    def _openid(self, person: Person, account: Account) -> str:
        purpose = account.appid[:16].encode()
        if account is WECOM:
            return "wm" + self._draws.word(purpose, person.place, 30)
        return "o" + self._draws.word(purpose, person.place, 27)

    # ── the profile ───────────────────────────────────────────────────────────────────────────────────────────────

    def _profile(self, follower: _Follower) -> dict[str, Json]:
        person = follower.person
        chance = self._draws.numbers(b"profile", person.place)
        row: dict[str, Json] = {
            "audienceUserId": self._audience_id(person),
            "createTime": _text(follower.created),
            "updateTime": _text(follower.updated),
            "unionid": follower.unionid,
            "openids": [_openid(account, openid, follower.unionid) for account, openid in follower.accounts],
            "sex": "男" if person.male else "女",
            "avatar": f"https://thirdwx.qlogo.cn/mmopen/{self._draws.word(b'avatar', person.place, 24)}/132",
            "wxNickname": _nickname(person, chance[1], chance[2]),
            "wxCountry": "中国",
            "wxProvince": person.city.province,
            "wxCity": person.city.city,
            "province": person.city.province,
            "city": person.city.city,
            **self._source(follower.above, chance),
        }
        if len(person.systems) > 1:
            row["phoneList"] = list(_phones(person, chance[3], chance[4]))
            row |= {"realName": person.surname + person.given, "birthday": person.birthday}
        if not follower.recent:
            account = follower.accounts[0][0]
            followed = {"appid": account.appid, "wechatName": account.name}
            row["subWechatList"] = [followed]
            row["wechatList"] = [{**followed, "firstSubDate": 1000 * follower.created}]
        return row | {name: value for name, value in _particulars(person, chance) if value is not None}

    def _source(self, above: Person | None, chance: tuple[float, ...]) -> dict[str, Json]:
        if above is None:
            channel, name = pick(names().channels, chance[6])
            return {"sourceCnl": channel, "sourceCnlName": name, "sourceCnlType": "FIXED", "sourceAppType": "公众号"}
        department, department_name = pick(names().departments, chance[5])
        staff = self._people.person(int(_EMPLOYEES * chance[6]) % self._people.count)
        return {
            "sourceAudid": self._audience_id(above),
            "sourceCnl": 9000 + staff.place,
            "sourceCnlName": f"{staff.surname}{staff.given}",
            "sourceCnlDeptId": department,
            "sourceCnlDeptName": department_name,
            "sourceCnlType": "EMPLOYEE",
            "sourceAppType": "微信",
        }

    # ── events ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _follows(self, follower: _Follower, number: float) -> Iterator[dict[str, Json]]:
        """A follow, where it is not so old that the profile tells of it; for some, an unfollow."""
        account = follower.accounts[0]
        name = {"wechatName": account[0].name}
        if follower.recent:
            yield self._event(follower, account, "gzh_subscribe", follower.created, "f", name)
        if number < _LEFT:
            since = max(follower.updated, self._events_begin)
            at = since + int((self._now - since) * (0.5 + 0.5 * number / _LEFT))
            yield self._event(follower, account, "gzh_unsubscribe", at, "u", name)

    def _events(self, follower: _Follower) -> Iterator[dict[str, Json]]:
        draw, person = self._turns.random, follower.person
        begin = max(follower.created, self._events_begin)
        accounts = [account for account in follower.accounts if account[0] is not WECOM]
        for number in range(int(_MOST_EVENTS * draw() ** 4) + (draw() < _ACTIVE)):
            args: dict[str, Json] = {
                "workName": pick(names().works, draw()),
                "province": person.city.province,
                "city": person.city.city,
            }
            passer = self._people.before(person, draw()) if draw() < _CAME_BY_SHARE else follower.above
            if passer is not None:
                args["upstream"] = {"unionid": self._unionid(passer)}
            at = begin + int((self._now - begin) * draw())
            yield self._event(follower, pick(accounts, draw()), _KEYS.at(draw()), at, str(number), args)

    def _event(
        self, follower: _Follower, account: tuple[Account, str], key: str, at: int, name: str, args: dict[str, Json]
    ) -> dict[str, Json]:
        return {
            "eventKey": key,
            "eventId": f"{self._batch}-{follower.person.place}-{name}",
            "time": 1000 * at,
            "unionid": follower.unionid,
            "openid": account[1],
            "eventargs": {"fromTo": account[0].from_to, "appid": account[0].appid, **args},
        }


def _phones(person: Person, form: float, number: float) -> Iterator[dict[str, Json]]:
    """Their mobiles; most were proved by a code that was sent there."""
    yield {"phone": spelled(person.phone, form), "isVerify": "1" if number < _VERIFIED else "0"}
    if person.second_phone:
        yield {"phone": person.second_phone, "isVerify": "0"}


def _openid(account: Account, openid: str, unionid: str) -> dict[str, Json]:
    return {
        "openid": openid,
        "unionid": unionid,
        "fromTo": account.from_to,
        "appid": account.appid,
        "platform": account.platform,
    }


def _nickname(person: Person, form: float, number: float) -> str:
    """A made-up one, or what friends call them."""
    if form < 0.6:  # noqa: PLR2004 (three of five are made up)
        return pick(names().nicknames, number)
    return f"{'小老阿'[int(3 * number)]}{person.surname}" if form < 0.8 else person.given  # noqa: PLR2004 (and so on)


def _particulars(person: Person, chance: tuple[float, ...]) -> Iterator[tuple[str, Json]]:
    """What is known of some."""
    yield "lbsProvince", person.home.province if chance[7] < 0.3 else None  # noqa: PLR2004 (shares; so below)
    yield "lbsCity", person.home.city if chance[7] < 0.3 else None  # noqa: PLR2004
    street = f"{person.city.city}{pick(names().streets, chance[8])}{int(1 + 300 * chance[9])}号"
    yield "addressList", [{"address": street}] if chance[10] < 0.25 else None  # noqa: PLR2004
    yield "remark", pick(names().remarks, chance[11]) if chance[12] < 0.2 else None  # noqa: PLR2004
    yield "markFlag", int(chance[12] < 0.08)  # noqa: PLR2004
    yield "userType", ["商家" if chance[13] < 0.2 else "个人"]  # noqa: PLR2004
    yield "payFeature", pick(names().pay_features, chance[14]) if chance[15] < 0.3 else None  # noqa: PLR2004
    yield "industry", [pick(names().trades, chance[13])[1]] if chance[15] > 0.6 else None  # noqa: PLR2004


def _text(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")

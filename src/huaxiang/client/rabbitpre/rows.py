"""What is handed over to Rabbitpre, under the names of its document: profiles, events, tags. Pure.

A row may as well be an object of JSON with the same fields; what a row leaves out, or has None, says nothing.

Rule 1: times are epoch milliseconds, or `yyyy-MM-dd HH:mm:ss` in the time zone of the enterprise.
Rule 2: the vendor documents the names of `batchAdd` v2; a Huaxiang takes all that stands here, and says in the README
        of its Rabbitpre dialect what it makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from msgspec import Struct

from huaxiang.client.rabbitpre.answers import Account, OpenId, Phone, Tag
from huaxiang.model import Json


class Params(TypedDict, total=False):
    """`publicParams`: what holds for all rows.

    `identifyWay`: 1 matches by unionid > openid > phone > id, 2 by phone > unionid > openid > id. `matchingType`: 1
    exactly, 2 roughly. `importMode`: 1 whole rows, 2 what there is. A Huaxiang heeds `identifyWay` alone.
    """

    isMatching: bool
    matchingType: int
    identifyWay: Literal[1, 2]
    importMode: int


class TagParams(Params, total=False):
    """The same of tags. `optType`: whether they are put on, as unless it is said, or taken off."""

    optType: Literal["add", "delete"]


class Identity(Struct, kw_only=True):
    """Who is meant.

    `identityType`: `unionid`, `openid` (of the app `mpid`), `phone`, `uid` (a third party's id), `audienceUserId`, or a
    system's own, whose id is `mpid`.
    """

    identityValue: str
    identityType: str
    platform: str | None = None
    mpid: str | int | None = None


class CustomField(Struct, kw_only=True):
    """An attribute that the enterprise has defined, and its values."""

    configId: int | str
    configName: str | None = None
    values: Sequence[Json] = ()


class Who(Struct, kw_only=True):
    """The customer that a row is about: at least one identity, in either form.

    `companyId`: the enterprise of the third party's id. `matchOrder`: `unionid` or `phone`, which of them goes first.
    `updateTime`: when the row was said; without it, when it arrives.
    """

    identities: Sequence[Identity] | None = None
    audienceUserId: int | None = None
    unionid: str | None = None
    openids: Sequence[OpenId] | None = None
    openid: str | None = None
    appid: str | None = None
    platform: str | None = None
    fromTo: str | None = None
    identityId: str | None = None
    identityType: str | None = None
    jcappid: int | None = None
    phone: str | None = None
    phoneList: Sequence[Phone] | None = None
    thirdId: str | None = None
    companyId: str | None = None
    matchOrder: Literal["unionid", "phone"] | None = None
    updateTime: int | str | None = None


class ProfileRow(Who, kw_only=True):
    """What is known of a customer.

    `sex`: 1 or 男, 2 or 女, 0 or 未知. `birthday`: a day, or a time. `source*`: how the customer came, at `createTime`.
    `subWechatList`: the official accounts followed at `updateTime`; `wechatList`: those ever followed.
    """

    realName: str | None = None
    sex: int | Literal["男", "女", "未知"] | None = None
    avatar: str | None = None
    wxNickname: str | None = None
    wxCountry: str | None = None
    wxProvince: str | None = None
    wxCity: str | None = None
    province: str | None = None
    city: str | None = None
    lbsProvince: str | None = None
    lbsCity: str | None = None
    address: str | None = None
    addressList: Sequence[Json] | None = None
    birthday: int | str | None = None
    remark: str | None = None
    markFlag: Literal[0, 1] | None = None
    userType: Sequence[str] | None = None
    payFeature: str | None = None
    industry: Sequence[str] | None = None
    customFields: Sequence[CustomField] | None = None
    subWechatList: Sequence[Account] | None = None
    wechatList: Sequence[Account] | None = None
    createTime: int | str | None = None
    sourceAudid: int | None = None
    sourceCnl: int | None = None
    sourceCnlName: str | None = None
    sourceCnlDeptId: int | None = None
    sourceCnlDeptName: str | None = None
    sourceCnlType: Literal["EMPLOYEE", "FIXED"] | None = None
    sourceAppType: str | None = None


class Upstream(Struct, kw_only=True):
    """Who passed the work on: by the first of these that is said."""

    unionid: str | None = None
    openid: str | None = None
    appid: str | None = None
    audienceUserId: int | None = None


class EventArgs(Struct, kw_only=True):
    """The particulars of an event: the account it happened at, who passed it on, where, and how the customer came.

    `province`, `city`: by IP; `lbs*`: by granted location.
    """

    appid: str | None = None
    wechatName: str | None = None
    fromTo: str | None = None
    upstream: Upstream | None = None
    province: str | None = None
    city: str | None = None
    lbsProvince: str | None = None
    lbsCity: str | None = None
    title: str | None = None
    sourceAudid: int | None = None
    sourceCnl: int | None = None
    sourceCnlName: str | None = None
    sourceCnlDeptId: int | None = None
    sourceCnlDeptName: str | None = None
    sourceCnlType: Literal["EMPLOYEE", "FIXED"] | None = None
    sourceAppType: str | None = None


class EventRow(Struct, kw_only=True):
    """Something that a customer did: a view, a share, a follow of an official account.

    Who: unionid > openid (of `appid`) > identityId (of the system `intid`), then `phone`, `audienceUserId`; or
    `identities`. `eventId` makes that the same event counts once. `uuid` identifies nobody.
    """

    eventKey: str
    eventId: str | None = None
    time: int | str | None = None
    identities: Sequence[Identity] | None = None
    unionid: str | None = None
    openid: str | None = None
    appid: str | None = None
    identityId: str | None = None
    intid: int | str | None = None
    uuid: str | None = None
    phone: str | None = None
    audienceUserId: int | None = None
    companyId: str | None = None
    eventargs: EventArgs | dict[str, Json] | None = None


class TagRow(Who, kw_only=True):
    """Tags of a customer, as objects or by name; 100 at most. `optType`: of this row, in place of the call's."""

    operateTags: Sequence[Tag | str] | None = None
    tags: str | None = None
    optType: Literal["add", "delete"] | None = None

"""An example of each kind of fact, and the kinds of identifiers with an example spelling of each.

Plain data: a test decodes each example as a fact, and lands it; what a spelling becomes is computed when it is shown.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from huaxiang.model import Mention

COMMON: Final = {
    "kind": "种类 which of the ten kinds of fact below; each has its own fields beside these",
    "source": "来源 who says it: a name of your choosing, the same every time",
    "enterprise": "企业 whose record it is, where one source has several",
    "id": "记录 ID the record's id there; the same kind, source, enterprise and id again are the same fact, revised. "
    "Without it the fact is keyed by its content, if it has a time, else by an id given at arrival",
    "at": "发生时间 when it happened, RFC 3339; without a zone in the tenant's; when it came, if absent",
    "updated_at": "更新时间 when the source last changed the record: the newest revision wins",
    "created_at": "建档时间 when the source first knew the customer",
    "identifiers": "标识 whom it is about, in matching order: the fact hangs on the first that identifies somebody",
    "traits": "特征 what it says of the customer, by name; the newest wins, and null takes a value back",
    "origin": "来路 where the customer came from; the earliest wins",
    "details": "其他 whatever else the source said, kept as it is",
}
"""What the fields say that every kind of fact has."""

CALL: Final[dict[str, Any]] = {
    "kind": "call",
    "source": "pbx",
    "id": "c-1",
    "at": "2024-05-01T09:30:00+08:00",
    "identifiers": [{"kind": "phone", "value": "13667679151"}],
    "duration": 63,
    "rounds": 4,
    "city": "重庆-重庆",
}
EXAMPLES: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("通话", "A call: seconds, rounds of the dialogue, where the customer called from", CALL),
    (
        "转写",
        "What was said in a call; it waits for its call, in whatever order they come",
        {
            "kind": "transcript",
            "source": "pbx",
            "id": "t-1",
            "call": "c-1",
            "side": "client",
            "utterances": [{"text": "你好", "begin_ms": 1200, "end_ms": 2100}],
        },
    ),
    (
        "标签",
        "One portrait label on one call, by the quality check or a person",
        {
            "kind": "mark",
            "source": "qc",
            "id": "m-1",
            "call": "c-1",
            "type": "意向",
            "name": "高意向",
            "by": "check",
            "second": 12,
        },
    ),
    (
        "更正",
        "What was changed of a call afterwards: it stands over the call's own details, whichever came first",
        {
            "kind": "amendment",
            "source": "pbx",
            "id": "a-1",
            "call": "c-1",
            "updated_at": "2024-05-01T11:00:00+08:00",
            "details": {"priority": "high"},
        },
    ),
    (
        "互动",
        "Something the customer did, and who passed it on to them",
        {
            "kind": "interaction",
            "source": "h5",
            "id": "e-1",
            "at": "2024-05-01T10:00:00+08:00",
            "type": "view",
            "identifiers": [{"kind": "openid", "value": "o-1", "scope": "wx-1"}],
            "upstream": {"kind": "openid", "value": "o-2", "scope": "wx-1"},
        },
    ),
    (
        "资料",
        "A profile: identifiers, traits, origin",
        {
            "kind": "trait",
            "source": "shop",
            "id": "u-1",
            "updated_at": "2024-05-01T10:00:00+08:00",
            "identifiers": [
                {"kind": "unionid", "value": "un-1"},
                {"kind": "phone", "value": "13667679151", "verified": True},
            ],
            "traits": {"real_name": "王伟", "sex": "male", "birthday": "1990-02-28"},
            "origin": {"channel": 7, "channel_name": "官网"},
        },
    ),
    (
        "关注",
        "The customer followed an account, or with false left it",
        {
            "kind": "subscription",
            "source": "mp",
            "id": "s-1",
            "at": "2024-05-01T10:00:00+08:00",
            "account": "gh-1",
            "account_name": "云店",
            "followed": True,
            "identifiers": [{"kind": "openid", "value": "o-1", "scope": "wx-1"}],
        },
    ),
    (
        "CRM 记录",
        "A record of a CRM, whole; the newest revision answers",
        {
            "kind": "record",
            "source": "crm",
            "id": "780f7216",
            "record": "780f7216",
            "owner": "sales-2",
            "updated_at": "2024-05-01T10:00:00+08:00",
            "identifiers": [{"kind": "phone", "value": "13667679151"}],
            "details": {"grade": "A"},
        },
    ),
    (
        "操作",
        "What a person did about a CRM's customer: follow, settle, claim (for an owner), release",
        {
            "kind": "step",
            "source": "desk",
            "id": "st-1",
            "at": "2024-05-02T10:00:00+08:00",
            "record": "780f7216",
            "what": "follow",
            "author": "王芳",
            "reason": "约了周三上门",
            "identifiers": [{"kind": "crm_id", "value": "780f7216", "scope": "crm"}],
        },
    ),
    (
        "关联",
        "These identifiers are one customer; with apart_from, never one with those",
        {
            "kind": "link",
            "source": "shop",
            "id": "l-1",
            "reason": "logged in with both",
            "identifiers": [{"kind": "third_id", "value": "77"}, {"kind": "phone", "value": "13667679151"}],
        },
    ),
)
"""Title, summary, and the fact, one of each kind."""


class Kind(NamedTuple):
    """A kind of identifier: what it is, what its scope is, how it is normalised, and spellings of one to show it by."""

    name: str
    title: str
    scope: str
    rule: str
    spellings: tuple[Mention, ...] = ()


KINDS: Final = (
    Kind(
        "phone",
        "电话号码",
        "—",
        "E.164, region CN; direction marks, blanks and full-width digits go, an extension stays; "
        "a number that can't be valid is kept as raw_number; one that a spreadsheet broke is refused",
        (
            Mention("phone", "136 6767-9151"),
            Mention("phone", "０１０-６２３４５６７８"),
            Mention("phone", "010-62345678转801"),
            Mention("phone", "010-1234567"),
        ),
    ),
    Kind(
        "raw_number",
        "无法规范的号码",
        "—",
        "NFKC, without blanks; keeps its facts, joins nobody",
        (Mention("raw_number", "955 88"),),
    ),
    Kind("email", "邮箱", "—", "lower case, NFKC; one without a domain is refused", (Mention("email", " W@X.cn "),)),
    Kind("unionid", "微信 unionid", "—", "outer blanks go", (Mention("unionid", " un-1 "),)),
    Kind("openid", "微信 openid", "appid", "outer blanks go", (Mention("openid", "o-1", "wx-1"),)),
    Kind(
        "external_userid",
        "企业微信外部联系人",
        "corpid",
        "outer blanks go",
        (Mention("external_userid", "wm-1", "ww-1"),),
    ),
    Kind("third_id", "第三方客户 ID", "company, or empty", "outer blanks go", (Mention("third_id", "77"),)),
    Kind("crm_id", "CRM 记录 ID", "source or enterprise", "outer blanks go", (Mention("crm_id", "780f7216", "crm"),)),
    Kind("audience_id", "兔展用户 ID", "—", "an int64 in decimal", (Mention("audience_id", "182736455463728190"),)),
    Kind("identity_id", "集成系统身份 ID", "jcappid", "outer blanks go", (Mention("identity_id", "i-1", "9"),)),
    Kind(
        "id_number",
        "证件号",
        "yours",
        "NFKC, upper case, without blanks",
        (Mention("id_number", "11010119900101001x"),),
    ),
    Kind("…", "其他", "yours", "any other name, a-z 0-9 _ up to 32; outer blanks go"),
)

TRAITS: Final = (
    ("real_name", "姓名", "text"),
    ("sex", "性别", "male, female, unknown"),
    ("avatar", "头像", "address of a picture"),
    ("nickname", "昵称", "text"),
    ("birthday", "生日", "a date, or a date and time"),
    ("remark", "备注", "text"),
    ("company", "公司", "text"),
    ("email", "邮箱", "text"),
    ("pay_feature", "消费特征", "text"),
    ("starred", "星标", "true, false"),
    ("user_types", "用户类型", "list of text"),
    ("industries", "行业", "list of text"),
    ("addresses", "地址", "list of objects"),
    ("ip_place", "IP 所在地", "{country, province, city}"),
    ("gps_place", "授权定位所在地", "{country, province, city}"),
    ("wechat_place", "微信所在地", "{country, province, city}"),
    ("custom:<configId>", "自定义字段", "{name, values}"),
)
"""The names of traits that the vendors' dialects serve; any other is kept, and shown by the native one."""

"""What a row of each import format may say, and a small row of each.

Plain data, by the format's name: a test holds it against the formats that there are, and parses the rows.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class Column(NamedTuple):
    """Columns that say one thing: their names, what they mean in Chinese and in English."""

    names: tuple[str, ...]
    title: str
    summary: str
    required: bool = False


COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "tinet.cdr": (
        Column(("uniqueId",), "通话唯一标识", "the call's id, at most 249 characters", required=True),
        Column(("customerNumber",), "客户号码", "the customer's number, as it was dialled", required=True),
        Column(("userId",), "企业", "the enterprise whose call it is"),
        Column(("startTime", "createTime"), "开始时间", "epoch seconds, or a date and time; the first that is there"),
        Column(("bridgeDuration", "totalDuration"), "通话时长", "seconds; the first that is there"),
        Column(("endTime",), "结束时间", "gives the duration where none is said"),
        Column(("rounds",), "对话轮次", "rounds of the dialogue; a field of ours"),
        Column(("customerProvince", "customerCity"), "客户归属地", "where the customer called from"),
        Column(("updatedAt",), "更新时间", "of two versions of a record the newer wins; a field of ours"),
        Column(
            (
                *("cdrType", "callType", "status", "endReason", "cno", "agentName", "agentNumber", "qno", "qname"),
                *("mainUniqueId", "customerAreaCode", "customerNumberType", "recordFile", "numberTrunk", "hotline"),
                *("clid", "callbackUrl", "answerTime", "bridgeTime", "joinQueueTime", "businessPriority"),
                "originDataList",
            ),
            "其他字段",
            "kept with the call as pushed",
        ),
    ),
    "tinet.asr_text": (
        Column(("uniqueId",), "通话唯一标识", "the call that was transcribed", required=True),
        Column(("asrText",), "转写结果", "an object (in a CSV a cell of JSON) with a list `result`", required=True),
        Column(("userId",), "企业", "the enterprise whose call it is"),
        Column(("recordSide",), "录音侧", "agent or client; absent for a single track"),
        Column(("updatedAt",), "更新时间", "of two versions the newer wins; a field of ours"),
    ),
    "rabbitpre.profile": (
        Column(
            (
                *("unionid", "openids", "openid", "phone", "phoneList", "audienceUserId", "thirdId", "identityId"),
                "identities",
            ),
            "身份",
            "at least one; lists are cells of JSON in a CSV",
            required=True,
        ),
        Column(("companyId",), "企业", "the third party's company"),
        Column(("matchOrder",), "匹配顺序", "unionid (the default) or phone"),
        Column(("updateTime", "createTime"), "更新与创建时间", "epoch milliseconds, or a date and time"),
        Column(
            (
                *("realName", "sex", "avatar", "wxNickname", "birthday", "remark", "payFeature", "markFlag"),
                *("userType", "industry", "addressList", "address", "customFields"),
            ),
            "资料",
            "traits; what is left out stays as it was",
        ),
        Column(
            ("wxCountry", "wxProvince", "wxCity", "province", "city", "lbsProvince", "lbsCity"),
            "所在地",
            "by WeChat, by IP, by a granted location",
        ),
        Column(
            (
                *("sourceCnl", "sourceCnlName", "sourceCnlType", "sourceCnlDeptId", "sourceCnlDeptName"),
                *("sourceAppType", "sourceAudid"),
            ),
            "来源",
            "where the customer came from; the earliest word wins",
        ),
        Column(("subWechatList", "wechatList"), "公众号", "accounts followed now, and ever"),
    ),
    "rabbitpre.event": (
        Column(
            ("eventKey",), "事件", "what happened; a follow or unfollow of an account is told by its key", required=True
        ),
        Column(
            ("unionid", "openid", "identityId", "phone", "audienceUserId", "identities"),
            "身份",
            "at least one",
            required=True,
        ),
        Column(("eventId", "time"), "事件 ID 与时间", "the id makes a second delivery the same event"),
        Column(("companyId", "fromTo"), "企业与平台", "the third party's company; the platform"),
        Column(("eventargs",), "事件参数", "an object: appid, wechatName, upstream, places, origin"),
    ),
    "rabbitpre.tag": (
        Column(
            (
                *("unionid", "openids", "openid", "phone", "phoneList", "audienceUserId", "thirdId", "identityId"),
                "identities",
            ),
            "身份",
            "at least one; lists are cells of JSON in a CSV",
            required=True,
        ),
        Column(
            ("operateTags", "tagList", "tags"), "标签", "at least one: objects, or names between commas", required=True
        ),
        Column(("optType",), "操作", "add (the default) or delete"),
        Column(("updateTime",), "时间", "when this was said; a tag's own tagTime comes first"),
        Column(("companyId", "matchOrder"), "企业与匹配顺序", "as in a profile"),
    ),
    "telrobot.customer": (
        Column(("id", "phone"), "客户", "the record's uuid, or a phone: one of the two", required=True),
        Column(("user_id", "created_user_id"), "所属账号", "uuids of accounts"),
        Column(("name", "company", "email", "sex"), "资料", "what the record says of the customer"),
        Column(("updated_at", "created_at", "inputted_at"), "时间", "the newest `updated_at` of a record answers"),
        Column(
            (
                *("is_back", "source_id", "industry_id", "grade_id", "sort", "viewed_at", "province_id", "city_id"),
                *("operator", "flow", "extra", "expect_transaction_at", "expect_transaction_fee"),
                *("unfollow_back_at", "unsettled_back_at", "followed_at"),
            ),
            "其他字段",
            "served as they came",
        ),
        Column(("components",), "自定义字段", "a list (in a CSV a cell of JSON) of {id, value}, or whole definitions"),
    ),
    "facts": (
        Column(("kind",), "种类", "one of the nine kinds of fact", required=True),
        Column(("source",), "来源", "who says it", required=True),
        Column(
            ("enterprise", "id", "at", "updated_at", "created_at"), "记录", "the record's key and times, as in a fact"
        ),
        Column(
            ("identifiers", "traits", "origin", "details", "utterances", "upstream", "apart_from"),
            "结构化字段",
            "as in a fact; in a CSV cells of JSON",
        ),
        Column(
            (
                *("duration", "rounds", "city", "call", "side", "type", "name", "by", "deleted", "second", "account"),
                *("account_name", "followed", "record", "owner", "what", "author", "reason", "withdrawn"),
            ),
            "各种类的字段",
            "the fields of the kind",
        ),
    ),
}

ROWS: Final[dict[str, dict[str, Any]]] = {
    "tinet.cdr": {
        "uniqueId": "1597888058.638",
        "userId": "110Y-1",
        "customerNumber": "13667679151",
        "startTime": "2024-05-01 09:30:00",
        "bridgeDuration": 63,
    },
    "tinet.asr_text": {
        "uniqueId": "1597888058.638",
        "userId": "110Y-1",
        "recordSide": "client",
        "asrText": {"result": [{"text": "你好", "beginTime": 1200, "endTime": 2100}]},
    },
    "rabbitpre.profile": {
        "unionid": "un-1",
        "phoneList": [{"phone": "13667679151", "isVerify": "1"}],
        "realName": "王伟",
        "updateTime": "2024-05-01 10:00:00",
    },
    "rabbitpre.event": {
        "eventId": "e-1",
        "eventKey": "view",
        "unionid": "un-1",
        "time": 1714528800000,
        "eventargs": {"appid": "wx-1"},
    },
    "rabbitpre.tag": {
        "unionid": "un-1",
        "operateTags": [{"tagName": "意向", "tagValues": ["高"]}],
        "updateTime": "2024-05-01 10:00:00",
    },
    "telrobot.customer": {
        "id": "780f7216-b131-462b-ba30-de7cd1f527de",
        "phone": "13667679151",
        "name": "王伟",
        "updated_at": "2024-05-01 10:00:00",
    },
    "facts": {
        "kind": "call",
        "source": "pbx",
        "id": "c-1",
        "at": "2024-05-01T09:30:00+08:00",
        "identifiers": [{"kind": "phone", "value": "13667679151"}],
        "duration": 63,
    },
}

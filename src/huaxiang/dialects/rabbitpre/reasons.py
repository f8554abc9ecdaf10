"""Why an input is refused, in Chinese: house and importer say it in English, a caller of Rabbitpre reads Chinese.

Takes a reason in English, gives it in Chinese; a reason without a translation is left as it is, in whatever language.
"""

from __future__ import annotations

import re
from typing import Final

_WHOLE: Final[dict[str, str]] = {
    "a value is needed": "必填",
    "a text is wanted": "应为文本",
    "a whole number is wanted": "应为整数",
    "a positive number is wanted": "应为正整数",
    "a fraction, or a whole number that has lost digits": "应为整数,且不能丢失位数",
    "beyond 64 bits": "超出64位整数",
    "epoch milliseconds, or a time as yyyy-MM-dd HH:mm:ss, is wanted": "应为毫秒时间戳,或yyyy-MM-dd HH:mm:ss",
    "no such day": "日期不存在",
    "an object is wanted": "应为对象",
    "a list of objects is wanted": "应为对象列表",
    "the cell's JSON can't be read": "不是合法的JSON",
    "unionid or phone is wanted": "应为unionid或phone",
    "add or delete is wanted": "应为add或delete",
    "EMPLOYEE or FIXED is wanted": "应为EMPLOYEE或FIXED",
    "a tag is needed": "至少需要一个标签",
    "a follow needs its account": "关注事件需要公众号appid",
    "unionid, openid or audienceUserId is needed": "需要unionid、openid或audienceUserId",
    "no identity: unionid, openid, identityId, phone or an id is needed": "至少需要一个用户身份",
    "an identity is an openid, or identityId with jcappid": "身份应为openid,或identityId加jcappid",
    "an identity of this type needs the id of its system": "该身份类型需要应用id",
    "an id that this server gave out; name the customer by unionid or openid": "本系统分配的ID,请使用unionid或openid",
    "a time between the years 1900 and 2200 is needed": "时间应在1900年至2200年之间",
    "a text holds the character NUL, which no text may": "文本不能含有空字符",
    "a value that JSON can't carry": "含有JSON无法表示的值",
    "a spreadsheet turned this number into a power of ten": "号码被表格软件改成了科学计数法",
    "phone is blank": "手机号为空",
}
_PATTERNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"longer than ([0-9]+) characters", r"最多\1个字符"),
        (r"longer than ([0-9]+) characters, with its value", r"连同标签值最多\1个字符"),
        (r"more than ([0-9]+) identities in a row", r"身份最多\1个"),
        (r"more than ([0-9]+) tags in a row", r"标签最多\1个"),
        (r"one of (.+) is wanted", r"应为其中之一:\1"),
        (r"a fact of more than ([0-9]+) bytes", r"数据不能超过\1字节"),
        (r"more than ([0-9]+) lists and objects within each other", r"列表和对象的嵌套不能超过\1层"),
    )
)


def in_chinese(reason: str) -> str:
    """The reason in Chinese, where it is one that the house has words for."""
    if reason in _WHOLE:
        return _WHOLE[reason]
    for pattern, words in _PATTERNS:
        if found := pattern.fullmatch(reason):
            return found.expand(words)
    return reason

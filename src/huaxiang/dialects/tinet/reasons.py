"""Why an input is refused, in Chinese: the house and the importer say it in English, a caller of Tinet's reads Chinese.

Takes a reason in English, gives it in Chinese; a reason without a translation is left as it is, in whatever language.

Rule 1: a number in a reason stays what it is.
Rule 2: every reason for which a push can be refused has its words here: a test pushes whatever comes to mind.
"""

from __future__ import annotations

import re
from typing import Final

_WHOLE: Final[dict[str, str]] = {
    "required": "必填",
    "text is expected; a number with a fraction may have lost digits": "应为文本;带小数的数字可能已丢失位数",
    "a number is expected": "应为数字",
    "epoch seconds, or a date and time, are expected": "应为秒级时间戳,或日期时间",
    "an object is expected": "应为对象",
    "an item is not an object": "其中一项不是对象",
    "a list is expected": "应为列表",
    "not JSON": "不是 JSON",
    "agent or client is expected, or nothing for a single track": "应为 agent 或 client,单轨录音不传",
    "a time between the years 1900 and 2200 is needed": "时间应在 1900 年至 2200 年之间",
    "a text holds the character NUL, which no text may": "文本不能含有空字符",
    "a value that JSON can't carry": "含有 JSON 无法表示的值",
    "a spreadsheet turned this number into a power of ten": "号码被表格软件改成了科学计数法",
    "phone is blank": "号码为空",
}
_PATTERNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"at most ([0-9]+) characters", r"最多 \1 个字符"),
        (r"at most ([0-9]+) utterances", r"最多 \1 句话"),
        (r"an integer from (-?[0-9]+) to ([0-9]+) is expected", r"应为 \1 到 \2 的整数"),
        (r"a fact of more than ([0-9]+) bytes", r"记录不能超过 \1 字节"),
        (r"more than ([0-9]+) lists and objects within each other", r"列表和对象的嵌套不能超过 \1 层"),
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

"""Telrobot's word for each refusal of the house.

Takes a `Refused`, gives HTTP status and body: `{"code", "status": "error", "message", "data": []}`, the code being the
HTTP status. The vendor's public pages give the shape of a refusal; the codes are decided here.

Rule 1: a failed validation's `message` is an object {field: [reasons]}; where no single field is at fault, the field is
        called `request`.
Rule 2: a refusal says no more of a customer than that there is none for this caller.
"""

from __future__ import annotations

import msgspec

from huaxiang.dialects.telrobot import wire
from huaxiang.errors import (
    Busy,
    CredentialExpired,
    Failed,
    InputInvalid,
    InputMissing,
    InputTooLarge,
    InputUnknown,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Refused,
    TooOften,
    WrongMediaType,
    WrongMethod,
)

_INVALID: dict[type[Refused], str] = {
    InputMissing: "不能为空",
    InputInvalid: "格式不正确",
    InputUnknown: "不支持该参数",
    InputTooLarge: "超出限制",
}
_WORDS: dict[type[Refused], tuple[int, str]] = {
    NotAuthenticated: (401, "token无效或已过期"),
    CredentialExpired: (401, "token无效或已过期"),
    NotPermitted: (403, "没有权限访问该用户"),
    NotFound: (404, "请求的内容不存在"),
    WrongMethod: (405, "不支持该请求方式"),
    WrongMediaType: (415, "不支持该内容类型"),
    TooOften: (429, "请求过于频繁,请稍后重试"),
    Busy: (503, "系统繁忙,请稍后重试"),
    Failed: (500, "系统错误,请稍后重试"),
}
_NO_CUSTOMER = "客户不存在"


def answer(error: Refused, *, request_id: str) -> tuple[int, bytes]:
    """HTTP status and body of a refusal; a class that has no word here answers as a failure.

    The vendor's envelope has no place for `request_id`; it travels in the response's headers.
    """
    del request_id
    status, message = _word(error)
    refusal = wire.Refusal(code=status, status="error", message=message, data=[])
    return status, msgspec.json.encode(refusal)


def _word(error: Refused) -> tuple[int, str | dict[str, list[str]]]:
    for kind in type(error).__mro__:
        if kind in _INVALID:
            return 422, {error.field or "request": [error.reason or _INVALID[kind]]}
        if kind is NotFound and error.field == "customer_id":
            return 404, _NO_CUSTOMER
        if kind in _WORDS:
            return _WORDS[kind]
    return _WORDS[Failed]

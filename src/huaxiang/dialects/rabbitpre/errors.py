"""Rabbitpre's word for each refusal of the house.

Takes a `Refused`, gives HTTP status and body: `{"code", "errorCode", "msg"}`, all strings. The vendor documents two
codes and the words of a third; the others are decided here.

Rule 1: the HTTP status is 200, but for a failure inside (500), a path that is none (404) and a wrong method (405).
Rule 2: a refused input is named by its field, with the reason where there is one.
Rule 3: a wrong app or secret differs from a wrong token by the field that the refusal names.
"""

from __future__ import annotations

import msgspec

from huaxiang.dialects.rabbitpre.reasons import in_chinese
from huaxiang.dialects.rabbitpre.wire import Refusal
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

APP_FIELD = "instanceAppid"
"""The field that `NotAuthenticated` names when app or secret are wrong, rather than the token."""

_WRONG_APP = Refusal("100100", "APPID_SECRET_ERROR", "appid、secret错误")
_WRONG_TOKEN = Refusal("100200", "TOKEN_ERROR", "token错误")
_FAILED = (500, Refusal("100500", "SERVER_ERROR", "系统繁忙,请稍后重试"))

_WORDS: dict[type[Refused], tuple[int, Refusal]] = {
    NotAuthenticated: (200, _WRONG_TOKEN),
    CredentialExpired: (200, _WRONG_TOKEN),
    NotPermitted: (200, Refusal("100403", "PERMISSION_DENIED", "应用没有该接口权限")),
    TooOften: (200, Refusal("100429", "TOO_FREQUENT", "操作频繁,请稍后重试")),
    NotFound: (404, Refusal("100404", "NOT_FOUND", "接口不存在")),
    WrongMethod: (405, Refusal("100405", "METHOD_NOT_ALLOWED", "请求方法不支持")),
    Busy: _FAILED,
    Failed: _FAILED,
}
_INPUTS: dict[type[Refused], str] = {
    InputMissing: "缺少参数",
    InputInvalid: "参数错误",
    InputUnknown: "未知参数",
    InputTooLarge: "参数超出限制",
    WrongMediaType: "Content-Type错误",
}


def answer(error: Refused, *, request_id: str) -> tuple[int, bytes]:
    """HTTP status and body of a refusal; a class that has no word here answers as a failure.

    The vendor's envelope has no place for `request_id`; it travels in the response's headers.
    """
    del request_id
    status, refusal = _word(error)
    return status, msgspec.json.encode(refusal)


def refusal(error: Refused) -> Refusal:
    """The word for a refusal: of a row in a batch, say."""
    return _word(error)[1]


def _word(error: Refused) -> tuple[int, Refusal]:
    kind = type(error)
    if kind in _INPUTS:
        place = " ".join(part for part in (error.field, in_chinese(error.reason)) if part)
        words = f"{_INPUTS[kind]}:{place}" if place else _INPUTS[kind]
        return 200, Refusal("100400", "PARAM_ERROR", words)
    if kind is NotAuthenticated and error.field == APP_FIELD:
        return 200, _WRONG_APP
    return _WORDS.get(kind, _FAILED)

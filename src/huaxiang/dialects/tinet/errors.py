"""The vendor's word for each error of the house: takes a Refused, gives the HTTP status and the body.

Rule 1: the body is `requestId` and `error` {`code`, `message`}, and nothing more: the SDK's parser breaks on more.
Rule 2: the body is ASCII, other characters escaped: a client in the C locale decodes bytes as ASCII.
Rule 3: a class without a word of its own has its parent's; a failure says nothing of what happened inside.
Rule 4: a message names the parameter and the reason, never a value.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from huaxiang.dialects.tinet.outward import ascii_json
from huaxiang.dialects.tinet.reasons import in_chinese
from huaxiang.dialects.tinet.wire import Refusal, RefusalError
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


class Word(NamedTuple):
    """HTTP status, the vendor's code, and what a person reads."""

    status: int
    code: str
    message: str


_FAILED: Final = Word(500, "InternalError", "系统内部错误")

_WORDS: Final[dict[type[Refused], Word]] = {
    InputMissing: Word(400, "MissingParameter", "缺少必需的参数"),
    InputInvalid: Word(400, "InvalidParameter", "参数无效"),
    InputUnknown: Word(400, "UnknownParameter", "未知的参数"),
    InputTooLarge: Word(400, "InvalidParameter", "参数过长"),
    NotAuthenticated: Word(401, "AuthFailure", "身份验证失败:AccessKeyId 或签名不正确"),
    CredentialExpired: Word(403, "SignaturesExpired", "签名已过期"),
    NotPermitted: Word(403, "UnauthorizedOperation", "没有此操作的权限"),
    NotFound: Word(404, "ResourceNotFound", "资源不存在"),
    WrongMethod: Word(405, "HttpRequestMethodNotSupported", "不支持的请求方法"),
    WrongMediaType: Word(400, "HttpMediaTypeNotSupported", "不支持的媒体类型"),
    TooOften: Word(429, "TooManyRequests", "请求过于频繁,请稍后再试"),
    Busy: Word(429, "TooManyRequests", "服务繁忙,请稍后再试"),
    Failed: _FAILED,
}

_MISSING: Final[dict[str, Word]] = {
    "AccessKeyId": Word(400, "MissingAuthenticationToken", "缺少身份验证信息"),
    "Signature": Word(400, "MissingAuthenticationToken", "缺少身份验证信息"),
    "body": Word(400, "MissingRequestBody", "缺少请求体"),
}

_ENCODER: Final = msgspec.json.Encoder()


def word(error: Refused) -> Word:
    """The vendor's word for an error, without its particulars."""
    if isinstance(error, InputMissing) and error.field in _MISSING:
        return _MISSING[error.field]
    for kind in type(error).__mro__:
        if kind in _WORDS:
            return _WORDS[kind]
    return _FAILED


def answer(error: Refused, *, request_id: str) -> tuple[int, bytes]:
    """HTTP status and body of a refusal, whatever subclass of Refused it is."""
    status, code, message = word(error)
    if code != _FAILED.code:
        message = ":".join([message, *(part for part in (error.field, in_chinese(error.reason)) if part)])
    return status, ascii_json(_ENCODER.encode(Refusal(request_id, RefusalError(code, message))))

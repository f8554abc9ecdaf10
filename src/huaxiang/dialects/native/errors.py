"""The native word for each refusal of the house: HTTP status, and `{"error": {code, field, reason}, "request_id"}`.

Rule 1: the code is the error's own, and stable.
Rule 2: a failure inside says nothing of itself; neither does a class that has no word here.
"""

from __future__ import annotations

from typing import cast

import msgspec

from huaxiang.dialects.native import wire
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

_WORDS: dict[type[Refused], tuple[int, str]] = {
    InputMissing: (400, "is required"),
    InputInvalid: (400, "is not valid"),
    InputUnknown: (400, "is not known here"),
    InputTooLarge: (413, "is past the limit"),
    NotAuthenticated: (401, "a bearer token is needed, and this is not one of ours"),
    CredentialExpired: (401, "the token has expired"),
    NotPermitted: (403, "the token may not do this"),
    NotFound: (404, "there is nothing here"),
    WrongMethod: (405, "the path does not take this method"),
    WrongMediaType: (415, "the body is to be application/json, or application/x-ndjson for facts"),
    TooOften: (429, "past the rate of this token; try again later"),
    Busy: (503, "no room just now; try again later"),
    Failed: (500, "a failure inside; the log has it under the request's id"),
}


def answer(error: Refused, *, request_id: str) -> tuple[int, bytes]:
    """HTTP status and body of a refusal."""
    kind = next((kind for kind in _WORDS if isinstance(error, kind)), Failed)
    status, reason = _WORDS[kind]
    said = wire.Error(code=cast("wire.Code", kind.code), field="", reason=reason)
    if kind is not Failed:
        said = wire.Error(code=said.code, field=error.field, reason=error.reason or reason)
    return status, msgspec.json.encode(wire.Refusal(error=said, request_id=request_id))

"""The native calls about a CRM's records as data: steps of persons, how a customer stands, dictionaries. Pure.

Rule 1: a step without an id gets one here, so that it may be sent twice and is one step.
Rule 2: a record, a step or an entry that is not there is `NotFound`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, TypeAlias, TypeVar
from uuid import UUID, uuid4

import msgspec

from huaxiang.client.calls import refused
from huaxiang.client.errors import Invalid, NotFound, Unexpected
from huaxiang.client.exchange import Call, Reply, placed
from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native import dictionaries, steps
from huaxiang.dialects.native.dictionaries import DictionaryAnswer, EntryAnswer, Kind
from huaxiang.dialects.native.steps import StandingAnswer
from huaxiang.model import Json

What: TypeAlias = Literal["follow", "settle", "claim", "release"]
Answer = TypeVar("Answer")

_OK, _NOT_FOUND = 200, 404
_STEPS: dict[What, Endpoint] = {
    "follow": steps.FOLLOW,
    "settle": steps.SETTLE,
    "claim": steps.CLAIM,
    "release": steps.RELEASE,
}


def step(
    what: What,
    record: str,
    *,
    author: str,
    reason: str,
    at: datetime | None = None,
    step_id: str | None = None,
    account: UUID | None = None,
) -> Call[StandingAnswer]:
    """The call that takes a step. Raises `Invalid` for what can't be sent."""
    body: dict[str, Json] = {"author": author, "reason": reason, "at": at, "id": step_id or str(uuid4())}
    if account is not None:
        body["account"] = account
    return _call(_STEPS[what], StandingAnswer, body=body, record=record)


def undo(step_id: str, *, author: str, reason: str) -> Call[StandingAnswer]:
    """The call that takes a step back; sent twice, the second is told that it is back already."""
    body = {"author": author, "reason": reason}
    return _call(steps.UNDO_STEP, StandingAnswer, body=body, repeatable=False, id=step_id)


def standing(record: str) -> Call[StandingAnswer]:
    """The call that tells how a customer stands."""
    return _call(steps.STANDING, StandingAnswer, record=record)


def dictionary(kind: Kind | None, account: UUID | None) -> Call[list[EntryAnswer]]:
    """The call that lists entries."""
    query = {"kind": kind, "account": account}
    made = _call(dictionaries.DICTIONARY, DictionaryAnswer, query=query)
    return Call(made.method, made.path, query=made.query, repeatable=True, read=lambda reply: made.read(reply).entries)


def put_entry(
    kind: Kind,
    name: str,
    *,
    entry_id: int | None = None,
    account: UUID | None = None,
) -> Call[EntryAnswer]:
    """The call that says what an id means; without an id it is not sent twice."""
    body = {"kind": kind, "name": name, "id": entry_id, "account": account}
    return _call(dictionaries.PUT_ENTRY, EntryAnswer, body=body, repeatable=entry_id is not None)


def drop_entry(kind: Kind, entry_id: int, *, account: UUID | None = None) -> Call[EntryAnswer]:
    """The call that makes an id mean nothing."""
    query = {"kind": kind, "id": entry_id, "account": account}
    return _call(dictionaries.DROP_ENTRY, EntryAnswer, query=query, repeatable=False)


def _call(
    of: Endpoint,
    kind: type[Answer],
    *,
    query: Mapping[str, object] | None = None,
    body: Json = None,
    repeatable: bool = True,
    **places: str,
) -> Call[Answer]:
    return Call(
        of.method,
        placed(of.path, places),
        query=tuple((name, str(value)) for name, value in (query or {}).items() if value is not None),
        repeatable=repeatable,
        read=_reader(kind),
        media_type="" if body is None else "application/json",
        body=b"" if body is None else _encoded(body),
    )


def _encoded(body: Json) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise Invalid(field="body", reason="can't be written as JSON") from None


def _reader(kind: type[Answer]) -> Callable[[Reply], Answer]:
    def read(reply: Reply) -> Answer:
        if reply.status == _NOT_FOUND:
            error = refused(reply)
            raise NotFound(code=error.code, field=error.field, reason=error.reason, status=reply.status)
        if reply.status != _OK:
            raise refused(reply)
        try:
            return msgspec.json.decode(reply.body, type=kind)
        except (ValueError, RecursionError):  # its words may quote the answer
            raise Unexpected(status=reply.status, reason="the body is not the answer to this call") from None

    return read

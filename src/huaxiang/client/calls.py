"""The calls of the native API as data: what is asked -> bytes, bytes -> typed answer or error. Pure, without a socket.

The types are those of the wire (`huaxiang.dialects.native.wire`), the same that the server answers with.

Rule 1: facts travel as JSON Lines, so that each is judged for itself, and a batch is cut between any two of them.
Rule 2: a line counts from 1 over all the facts that were handed over, whatever batches they travelled in.
Rule 3: a fact that can't be written as JSON, or fills more than a body, is a reject like any other: the server never
        sees it, the rest goes on.
Rule 4: a batch may be sent twice only if each of its facts has an id or a time (`at`): without either, the server takes
        every coming for a new one.
Rule 5: an answer may have more fields than are known here; a newer server adds some.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

import msgspec

from huaxiang.client.errors import BY_STATUS, ClientError, NotFound, Unexpected
from huaxiang.client.exchange import Call, Reply, encoded
from huaxiang.dialects.native import wire
from huaxiang.dialects.native.wire import Customer, FactsAnswer, Rejected
from huaxiang.errors import SettingsInvalid
from huaxiang.model import Fact, Identifier, Json, Mention

LARGEST_BODY_BYTES = 32 * 2**20
"""What a server takes in one request."""

AFact: TypeAlias = Fact | Mapping[str, Json]
"""A fact of the model, or the same as an object of JSON."""
AnIdentifier: TypeAlias = Mention | Identifier | Mapping[str, Json]
"""An identifier in any spelling of its kind."""

Answer = TypeVar("Answer")

_OK, _NOT_FOUND = 200, 404
_PLACES = {"", "path"}
"""Of what is not found, the fields that mean the call itself: another server, or an older one."""
_encoder = msgspec.json.Encoder()


class _Error(msgspec.Struct, frozen=True):
    code: str
    field: str = ""
    reason: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    """`wire.Refusal` as it is read: a code that is new is still a code."""

    error: _Error
    request_id: str = ""


# ── facts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Sizes:
    """The most facts, and bytes of a body, in one request. Raises `SettingsInvalid` for what no server takes."""

    facts: int = wire.MOST_FACTS
    body_bytes: int = LARGEST_BODY_BYTES

    def __post_init__(self) -> None:
        """Check the figures."""
        if not 1 <= self.facts <= wire.MOST_FACTS:
            raise SettingsInvalid(field="batch_facts", reason=f"1 to {wire.MOST_FACTS}")
        if not 1 <= self.body_bytes <= LARGEST_BODY_BYTES:
            raise SettingsInvalid(field="batch_bytes", reason=f"1 to {LARGEST_BODY_BYTES}")


class Batch:
    """Facts on their way, with the line that each came from."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.repeatable = True
        self._body = bytearray()

    def __len__(self) -> int:
        return len(self.lines)

    def add(self, line: int, fact: AFact, encoded: bytes) -> None:
        """Take a fact along."""
        self.lines.append(line)
        self.repeatable = self.repeatable and _is_keyed(fact)
        self._body += encoded
        self._body += b"\n"

    def size_with(self, encoded: bytes) -> int:
        """The bytes of the body once this fact is in it."""
        return len(self._body) + len(encoded) + 1

    def call(self) -> Call[FactsAnswer]:
        """The call that lands it; the answer's lines are those of the facts as they were handed over."""
        return Call(
            method=wire.POST_FACTS.method,
            path=wire.POST_FACTS.path,
            media_type="application/x-ndjson",
            body=bytes(self._body),
            repeatable=self.repeatable,
            read=self._read,
        )

    def _read(self, reply: Reply) -> FactsAnswer:
        answer = read(FactsAnswer, reply)
        if not all(1 <= one.line <= len(self.lines) for one in answer.rejected):
            raise Unexpected(status=reply.status, reason="a line that was not sent")
        rejected = [msgspec.structs.replace(one, line=self.lines[one.line - 1]) for one in answer.rejected]
        return msgspec.structs.replace(answer, rejected=rejected)


class Landing:
    """A run of facts, cut into batches, and the sum of the answers.

    Hand over each fact with `take`, and send the batch that it gives back, if any; at the end send `rest`. `note` adds
    an answer to the sum; `mark` tells an error where the run ended.
    """

    def __init__(self, most: Sizes) -> None:
        """Cut batches at so many facts or bytes, whichever comes first."""
        self._most = most
        self._batch = Batch()
        self._line = 0
        self._landed = self._known = 0
        self._rejected: list[Rejected] = []

    def take(self, fact: AFact) -> Batch | None:
        """Take one fact in; give the batch that is full by now."""
        self._line += 1
        try:
            encoded = _encode(fact)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return self._reject("neither a fact of the model nor an object that JSON can hold")
        full = self._batch if self._batch.size_with(encoded) > self._most.body_bytes else None
        if full is not None:
            if len(encoded) >= self._most.body_bytes:
                return self._reject(f"more than the {self._most.body_bytes} bytes of a body")
            self._batch = Batch()
        self._batch.add(self._line, fact, encoded)
        if len(self._batch) == self._most.facts:
            full, self._batch = self._batch, Batch()
        return full

    def _reject(self, reason: str) -> None:
        self._rejected.append(Rejected(line=self._line, field="", reason=reason))

    def rest(self) -> Batch | None:
        """The facts that wait for company, if any."""
        rest, self._batch = self._batch, Batch()
        return rest or None

    def note(self, answer: FactsAnswer) -> None:
        """Add what became of a batch."""
        self._landed += answer.landed
        self._known += answer.known
        self._rejected += answer.rejected

    def answer(self) -> FactsAnswer:
        """What became of all that was sent so far, and of what could not be: the rejects by line."""
        rejected = sorted(self._rejected, key=lambda one: (one.line, one.field))
        return FactsAnswer(landed=self._landed, known=self._known, rejected=rejected)

    def mark(self, error: ClientError, batch: Batch) -> None:
        """Tell an error what became of the lines before the batch that failed with it."""
        answer, error.line = self.answer(), batch.lines[0]
        rejected = [one for one in answer.rejected if one.line < error.line]
        error.before = msgspec.structs.replace(answer, rejected=rejected)


def _is_keyed(fact: AFact) -> bool:
    """Whether the same fact again is known again: it has an id, or a time."""
    if isinstance(fact, Fact):
        return bool(fact.id or fact.at)
    return bool(fact.get("id") or fact.get("at"))


# ── customers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def customer(number: int) -> Call[Customer | None]:
    """The call that reads one customer by a number of it; None for a number that nobody has."""
    path = wire.GET_CUSTOMER.path.replace("{id}", f"{number:d}")
    return Call(method=wire.GET_CUSTOMER.method, path=path, repeatable=True, read=_read_customer)


def lookups(identifiers: Iterable[AnIdentifier]) -> Iterable[Call[Sequence[Customer | None]]]:
    """The calls that look these up, at most 1,000 each; their answers in a row are in the order of the identifiers."""
    every = [dict(one) if isinstance(one, Mapping) else one for one in identifiers]
    for start in range(0, len(every), wire.MOST_LOOKUPS):
        part = every[start : start + wire.MOST_LOOKUPS]
        yield Call(
            method=wire.LOOK_UP.method,
            path=wire.LOOK_UP.path,
            media_type="application/json",
            body=encoded({"identifiers": part}, field="identifiers"),
            repeatable=True,
            read=partial(_read_customers, len(part)),
        )


def _read_customer(reply: Reply) -> Customer | None:
    if reply.status == _NOT_FOUND:
        refusal = _refusal(reply)
        if refusal is not None and (refusal.error.code, refusal.error.field) == ("not_found", "id"):
            return None
    return read(Customer, reply)


def _read_customers(asked: int, reply: Reply) -> Sequence[Customer | None]:
    found = read(wire.LookupAnswer, reply).customers
    if len(found) != asked:
        raise Unexpected(status=reply.status, reason="not as many customers as were asked for")
    return found


# ── bytes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _encode(fact: AFact) -> bytes:
    return _encoder.encode(fact if isinstance(fact, Fact) else dict(fact))


def read(kind: type[Answer], reply: Reply) -> Answer:
    """The answer in a reply. Raises the `ClientError` that the reply amounts to."""
    if reply.status != _OK:
        raise refused(reply)
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (ValueError, RecursionError):  # its words may quote the answer
        raise Unexpected(status=reply.status, reason="the body is not the answer to this call") from None


def refused(reply: Reply) -> ClientError:
    """The error that a reply other than the answer amounts to."""
    refusal = _refusal(reply)
    kind = BY_STATUS.get(reply.status, Unexpected)
    if refusal is None:
        return kind(status=reply.status, reason="the body is no refusal of this API")
    said = refusal.error
    if said.code == NotFound.code and said.field not in _PLACES:
        kind = NotFound
    return kind(
        code=said.code, field=said.field, reason=said.reason, status=reply.status, request_id=refusal.request_id
    )


def _refusal(reply: Reply) -> _Refusal | None:
    try:
        return msgspec.json.decode(reply.body, type=_Refusal)
    except (ValueError, RecursionError):
        return None

"""The native way in: facts in the model's own format, from a request's body or from a row of a file.

Takes bytes or a row and the tenant's time zone, gives facts, and rejects with line, field and reason.

Rule 1: each fact of a batch is judged for itself; a body that is no batch at all is refused whole.
Rule 2: `line` is the place in the batch, from 1; in JSON Lines the line of the body, empty ones counted too.
Rule 3: a time without a zone is in the tenant's; inside, every time is in UTC.
Rule 4: a row of a file is taken leniently: its cells are strings, the structured ones JSON; an empty cell says nothing.
Rule 5: a reason never repeats a value, since values are personal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.dialects.contract import Format
from huaxiang.dialects.native import wire
from huaxiang.errors import InputInvalid, InputMissing, InputTooLarge, InputUnknown, Refused
from huaxiang.model import AnyFact, Json, Mention, Parsed, Reject

Batch = tuple[list[tuple[int, AnyFact]], list[Reject]]
"""The facts that are well formed, each with its line, and the rejects."""

_STRUCTURED = frozenset(
    {"identifiers", "traits", "origin", "details", "utterances", "portions", "upstream", "apart_from"}
)
_TIMES = ("at", "updated_at", "created_at")
_KINDS: dict[str, type[AnyFact]] = {str(one.__struct_config__.tag): one for one in get_args(AnyFact)}
_YEARS = range(1900, 9000)
_DEEPEST = 100
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_FACT: msgspec.json.Decoder[AnyFact] = msgspec.json.Decoder(AnyFact)
_LOOKUP = msgspec.json.Decoder(wire.LookupBody)

_AT_PATH = re.compile(r"^(?P<what>.*) - at (?:`key` in )?`\$\.?(?P<path>.*)`$", re.DOTALL)
_NAMED = re.compile(r"^Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    facts: list[msgspec.Raw]


def decode_batch(body: bytes, zone: ZoneInfo) -> Batch:
    """The facts of a JSON body `{"facts": […]}`, at most 10,000.

    Raises `InputMissing`, `InputUnknown`, `InputInvalid`, `InputTooLarge` for a body that is no batch.
    """
    try:
        items = msgspec.json.decode(body, type=_Batch).facts
    except (ValueError, RecursionError) as error:
        raise refusal(error) from None
    if len(items) > wire.MOST_FACTS:
        raise InputTooLarge(field="facts", reason=f"more than {wire.MOST_FACTS} facts in a batch")
    return _decode_each(enumerate(items, 1), zone)


def decode_lines(body: bytes, zone: ZoneInfo) -> Batch:
    """The facts of a JSON Lines body, one a line, at most 10,000. Raises `InputTooLarge`."""
    lines = enumerate(body.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)
    items = [(number, line) for number, line in lines if line.strip()]
    if len(items) > wire.MOST_FACTS:
        raise InputTooLarge(field="", reason=f"more than {wire.MOST_FACTS} facts in a batch")
    return _decode_each(items, zone)


def decode_lookup(body: bytes) -> Sequence[Mention]:
    """The identifiers of a lookup. Raises `InputMissing`, `InputUnknown`, `InputInvalid`, `InputTooLarge`."""
    try:
        return _LOOKUP.decode(body).identifiers
    except (ValueError, RecursionError) as error:
        raise refusal(error) from None


def fact(row: dict[str, Json], zone: ZoneInfo) -> Parsed:
    """One row of a file as one fact. Raises `InputMissing`, `InputInvalid`."""
    said = {name: _cell(name, value) for name, value in row.items() if value is not None and value != ""}
    try:
        # To a class of its own, what is told is converted five times as fast as to the union of them all.
        told: Any = _KINDS.get(said["kind"], AnyFact) if isinstance(said.get("kind"), str) else AnyFact
        found: AnyFact = msgspec.convert(said, told, strict=False)
    except (ValueError, RecursionError) as error:
        kind, field, reason = _said(error)
        raise (InputMissing if kind is InputMissing else InputInvalid)(field=field, reason=reason) from None
    return Parsed(facts=(_in_utc(found, zone),))


FORMATS: tuple[Format, ...] = (
    Format(
        name="facts",
        summary="Facts in the native format: one a row; in a CSV the structured fields are cells of JSON",
        parse=fact,
        identifier_fields=frozenset({"id", "call", "record"}),
    ),
)


def refusal(error: ValueError | RecursionError) -> Refused:
    """The house's error for what msgspec says of an input."""
    kind, field, reason = _said(error)
    return kind(field=field, reason=reason)


# ── each fact for itself ─────────────────────────────────────────────────────────────────────────────────────────


def _decode_each(items: Iterable[tuple[int, bytes | msgspec.Raw]], zone: ZoneInfo) -> Batch:
    facts: list[tuple[int, AnyFact]] = []
    rejects: list[Reject] = []
    for line, item in items:
        try:
            _measure(bytes(item))
            facts.append((line, _in_utc(_FACT.decode(item), zone)))
        except Refused as error:
            rejects.append(Reject(line=line, field=error.field, reason=error.reason))
        except (ValueError, RecursionError) as error:
            _, field, reason = _said(error)
            rejects.append(Reject(line=line, field=field, reason=reason))
    return facts, rejects


def _measure(item: bytes) -> None:
    """Raise `InputInvalid` for JSON nested deeper than what comes after can be sure to walk."""
    if item.count(b"[") + item.count(b"{") <= _DEEPEST:
        return
    depth = 0
    for sign in _BRACKET.findall(_STRING.sub(b"", item)):
        depth += 1 if sign in b"[{" else -1
        if depth > _DEEPEST:
            raise InputInvalid(field="", reason=f"nested deeper than {_DEEPEST}")


def _in_utc(found: AnyFact, zone: ZoneInfo) -> AnyFact:
    """The fact with its times in UTC. Raises `InputInvalid` for a year that no source can mean."""
    times: dict[str, datetime] = {}
    for name in _TIMES:
        time: datetime | None = getattr(found, name)
        if time is None:
            continue
        if time.year not in _YEARS:
            raise InputInvalid(field=name, reason=f"a year from {_YEARS.start} to {_YEARS.stop - 1} is expected")
        if time.tzinfo is not UTC:
            times[name] = (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    return msgspec.structs.replace(found, **times) if times else found


def _cell(name: str, value: Json) -> Json:
    """A cell of a row: structured ones decoded, whole numbers in the place of words taken as the words."""
    if isinstance(value, str) and name in _STRUCTURED:
        try:
            return msgspec.json.decode(value)
        except (ValueError, RecursionError):
            raise InputInvalid(field=name, reason="the cell is not JSON") from None
    if isinstance(value, int) and not isinstance(value, bool) and name in _WORDS:
        return str(value)
    return value


_WORDS = frozenset(
    {"source", "enterprise", "id", "call", "record", "owner", "type", "name", "account", "account_name", "city"}
)


# ── what msgspec says ────────────────────────────────────────────────────────────────────────────────────────────


def _said(error: ValueError | RecursionError) -> tuple[type[Refused], str, str]:
    """(class, field, reason) of an error of msgspec, without any value of the input."""
    if isinstance(error, RecursionError):
        return InputInvalid, "", "nested too deep"
    if not isinstance(error, msgspec.ValidationError):
        return InputInvalid, "", "not valid JSON in UTF-8"
    placed = _AT_PATH.match(str(error))
    what, path = (placed["what"], placed["path"]) if placed else (str(error), "")
    named = _NAMED.match(what)
    if named is not None:
        field = f"{path}.{named['name']}" if path else named["name"]
        missing = named["what"] == "missing required"
        return (InputMissing, field, "is required") if missing else (InputUnknown, field, "is not a field of this")
    if what.startswith("Invalid "):
        return InputInvalid, path, "is not one of the values that are known"
    if what.startswith("Expected `array` of length <="):
        return InputTooLarge, path, what
    return InputInvalid, path, what

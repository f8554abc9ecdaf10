"""The ways in: a call record (`tinet.cdr`), a transcript (`tinet.asr_text`), a priority, in the fields of the pushes.

Takes a row and the tenant's time zone, gives one fact; raises InputMissing or InputInvalid with field and reason.
A push over HTTP is its body as a row: a push and a file give the same fact.

Rule 1: null and blank text are not said; text is taken without the blanks around it; a CSV's text serves as number,
    object or list where the field is one; the same record gives the same fact, whichever file it came in.
Rule 2: a call is `uniqueId` of the enterprise `userId`, and hangs on `customerNumber` as it is spelled; both id and
    number are required. A fractional number is no `uniqueId`: digits were lost.
Rule 3: its time is `startTime`, else `createTime`, else none; in epoch seconds, or a date and time, in the tenant's
    zone unless it says its own.
Rule 4: its duration is `bridgeDuration`, else `totalDuration`, else `endTime` - `startTime` if not negative; 0 stays 0.
Rule 5: its city is `customerProvince`-`customerCity`, or the one of them that is there.
Rule 6: two fields are ours, for files: `rounds`, and `updatedAt`, which decides between two versions of a record.
Rule 7: everything the vendor pushed is in the fact's `details`; fields that only stand there are never refused.
Rule 8: a transcript's id is `uniqueId`/`recordSide`, or `uniqueId`/all for a single track (no `recordSide`, or the
    SDK's `ALL`); its offsets and silences are in milliseconds.
Rule 9: a priority amends its call, which may come before or after it, or again: the newest one counts, by when it came.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, cast
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.dialects.contract import Format
from huaxiang.dialects.tinet.plain import PlainCalls
from huaxiang.errors import InputInvalid, InputMissing
from huaxiang.model import Amendment, Call, Json, Mention, Parsed, Transcript, Utterance

SOURCE: Final = "tinet"

UNIQUE_ID_MAX: Final = 249
"""Characters: with `/client` it is the id of a transcript, which has 256."""

_ENTERPRISE_MAX: Final = 128
_NAME_MAX: Final = 128
_NUMBER_MAX: Final = 256
_CITY_MAX: Final = 2_000
_TEXT_MAX: Final = 65_536
_UTTERANCES_MAX: Final = 20_000
_INT32: Final = 2**31 - 1
_EPOCH_MAX: Final = 253_402_214_400  # the last day of the year 9999, so that any zone can tell it

_WHOLE: Final = re.compile(r"-?[0-9]{1,12}(\.0{1,9})?")
_OURS: Final = frozenset({"rounds", "updatedAt"})
_TIMES: Final = frozenset({"startTime", "createTime", "answerTime", "endTime", "bridgeTime", "joinQueueTime"})
_INTEGERS: Final = _TIMES | {
    "bridgeDuration",
    "totalDuration",
    "customerNumberType",
    "businessPriority",
}
_TEXTS: Final = frozenset(
    {
        *("uniqueId", "userId", "cdrType", "callType", "agentNumber", "status", "endReason", "cno", "agentName"),
        *("qno", "qname", "mainUniqueId", "customerNumber", "customerAreaCode", "customerProvince", "customerCity"),
        *("recordFile", "numberTrunk", "hotline", "clid", "callbackUrl"),
    }
)


_plain_call: Final = PlainCalls(
    source=SOURCE,
    times=_TIMES,
    integers=_INTEGERS,
    texts=_TEXTS,
    ours=_OURS,
    structured=frozenset({"originDataList"}),
)


def call(row: Mapping[str, Json], zone: ZoneInfo) -> Parsed:
    """The call of a `tinet.cdr` row (Rules 1 to 7), by the short way where the row is plain."""
    return _plain_call(row) or any_call(row, zone)


def any_call(row: Mapping[str, Json], zone: ZoneInfo) -> Parsed:
    """The call of any `tinet.cdr` row, field by field (Rules 1 to 7)."""
    said = _said(row)
    number = _required(said, "customerNumber", _NUMBER_MAX)
    return Parsed(
        facts=(
            Call(
                source=SOURCE,
                enterprise=_text(said, "userId", _ENTERPRISE_MAX) or "",
                id=_required(said, "uniqueId", UNIQUE_ID_MAX),
                at=_first_time(said, ("startTime", "createTime"), zone),
                updated_at=_first_time(said, ("updatedAt",), zone),
                identifiers=(Mention(kind="phone", value=number),),
                duration=_duration(said, zone),
                rounds=_integer(said, "rounds", at_least=0),
                city=_city(said),
                details=_details(said, zone),
            ),
        )
    )


def transcript(row: Mapping[str, Json], zone: ZoneInfo) -> Parsed:
    """The transcript, or one side of it, of a `tinet.asr_text` row (Rules 1, 6, 8)."""
    said = _said(row)
    unique_id = _required(said, "uniqueId", UNIQUE_ID_MAX)
    side = _side(said)
    text = _object(said, "asrText")
    rest = {name: value for name, value in text.items() if name != "result"} | said
    del rest["asrText"]
    return Parsed(
        facts=(
            Transcript(
                source=SOURCE,
                enterprise=_text(said, "userId", _ENTERPRISE_MAX) or "",
                id=f"{unique_id}/{side or 'all'}",
                updated_at=_first_time(said, ("updatedAt",), zone),
                call=unique_id,
                side=side,
                utterances=_utterances(text),
                details=_details(rest, zone),
            ),
        )
    )


def priority(row: Mapping[str, Json], zone: ZoneInfo, came_at: datetime) -> Parsed:
    """The amendment of a `PUT /sqc/cdr` that came at `came_at` (aware): one a call, revised (Rules 1 and 9)."""
    said = _said(row)
    unique_id = _required(said, "uniqueId", UNIQUE_ID_MAX)
    _required(said, "businessPriority", _NAME_MAX)
    return Parsed(
        facts=(
            Amendment(
                source=SOURCE,
                enterprise=_text(said, "userId", _ENTERPRISE_MAX) or "",
                id=unique_id,
                updated_at=came_at,
                call=unique_id,
                details={"businessPriority": _detail(said, "businessPriority", zone)},
            ),
        )
    )


def body(content: bytes) -> dict[str, Json]:
    """The row that a push is. Whose call it is, `userId`, is required here, as the vendor's document has it.

    Raises InputMissing for an empty body (its field is `body`) and a missing `userId`, InputInvalid for no JSON object.
    """
    if not content.strip():
        raise InputMissing(field="body")
    try:
        row = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        raise InputInvalid(field="body", reason="not JSON") from None
    if not isinstance(row, dict):
        raise InputInvalid(field="body", reason="an object is expected")
    said = cast("dict[str, Json]", row)
    _required(_said(said), "userId", _ENTERPRISE_MAX)
    return said


FORMATS: Final = (
    Format(
        name="tinet.cdr",
        summary="Tinet call records, as in POST /sqc/cdr",
        parse=call,
        identifier_fields=frozenset({"customerNumber", "uniqueId"}),
    ),
    Format(
        name="tinet.asr_text",
        summary="Tinet transcripts, as in POST /sqc/asr_text",
        parse=transcript,
        identifier_fields=frozenset({"uniqueId"}),
    ),
)


# ── a call ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _duration(said: Mapping[str, Json], zone: ZoneInfo) -> int | None:
    for field in ("bridgeDuration", "totalDuration"):
        seconds = _integer(said, field, at_least=0)
        if seconds is not None:
            return seconds
    start, end = (_first_time(said, (field,), zone) for field in ("startTime", "endTime"))
    if start is None or end is None:
        return None
    seconds = math.floor((end - start).total_seconds())
    return seconds if 0 <= seconds <= _INT32 else None  # an end before the start (or 0, «not yet») says nothing


def _city(said: Mapping[str, Json]) -> str | None:
    parts = [_text(said, field, _CITY_MAX) for field in ("customerProvince", "customerCity")]
    return "-".join(part for part in parts if part) or None


def _details(said: Mapping[str, Json], zone: ZoneInfo) -> dict[str, Json]:
    return {name: _detail(said, name, zone) for name in sorted(said) if name not in _OURS}


def _detail(said: Mapping[str, Json], name: str, zone: ZoneInfo) -> Json:
    """A field in the type that the vendor gives it, or untouched where it is not of that type."""
    value = said[name]
    try:
        if name in _TIMES and (at := _first_time(said, (name,), zone)) is not None:
            return math.floor(at.timestamp())
        if name in _INTEGERS:
            return _integer(said, name, at_least=-_INT32)
        if name in _TEXTS:
            return _text(said, name, _TEXT_MAX)
        if name == "originDataList" and isinstance(value, str):
            return msgspec.json.decode(value)
    except (InputInvalid, msgspec.DecodeError):
        return value
    return value


# ── a transcript ──────────────────────────────────────────────────────────────────────────────────────────────────


def _side(said: Mapping[str, Json]) -> Literal["agent", "client"] | None:
    side = said.get("recordSide")
    if side is None or side == "ALL":
        return None
    if side == "agent" or side == "client":  # noqa: PLR1714 (two comparisons narrow the type, a membership does not)
        return side
    raise InputInvalid(field="recordSide", reason="agent or client is expected, or nothing for a single track")


def _utterances(text: Mapping[str, Json]) -> tuple[Utterance, ...]:
    result = text.get("result")
    if result is None:
        return ()
    if not isinstance(result, list):
        raise InputInvalid(field="asrText.result", reason="a list is expected")
    items = cast("list[Json]", result)
    if len(items) > _UTTERANCES_MAX:
        raise InputInvalid(field="asrText.result", reason=f"at most {_UTTERANCES_MAX} utterances")
    return tuple(_utterance(item) for item in items)


def _utterance(item: Json) -> Utterance:
    if not isinstance(item, dict):
        raise InputInvalid(field="asrText.result", reason="an item is not an object")
    said = _said(cast("dict[str, Json]", item))
    return Utterance(
        text=_text(said, "text", _TEXT_MAX) or "",
        begin_ms=_integer(said, "beginTime", at_least=0),
        end_ms=_integer(said, "endTime", at_least=0),
        channel=_integer(said, "channelId", at_least=-_INT32),
        emotion=_number(said, "emotionValue"),
        silence_ms=_integer(said, "silenceDuration", at_least=0),
        rate=_number(said, "speechRate"),
    )


# ── fields ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _said(row: Mapping[str, Json]) -> dict[str, Json]:
    bare = {name: value.strip() if isinstance(value, str) else value for name, value in row.items()}
    return {name: value for name, value in bare.items() if value is not None and value != ""}


def _required(said: Mapping[str, Json], field: str, most: int) -> str:
    text = _text(said, field, most)
    if text is None:
        raise InputMissing(field=field, reason="required")
    return text


def _text(said: Mapping[str, Json], field: str, most: int) -> str | None:
    value = said.get(field)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise InputInvalid(field=field, reason="text is expected; a number with a fraction may have lost digits")
    if len(value) > most:
        raise InputInvalid(field=field, reason=f"at most {most} characters")
    return value


def _integer(said: Mapping[str, Json], field: str, *, at_least: int, at_most: int = _INT32) -> int | None:
    value = said.get(field)
    if value is None:
        return None
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value.partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value <= at_most:
        raise InputInvalid(field=field, reason=f"an integer from {at_least} to {at_most} is expected")
    return value


def _number(said: Mapping[str, Json], field: str) -> float | None:
    value = said.get(field)
    if value is None:
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputInvalid(field=field, reason="a number is expected")
    return number


def _first_time(said: Mapping[str, Json], fields: tuple[str, ...], zone: ZoneInfo) -> datetime | None:
    for field in fields:
        value = said.get(field)
        if value is not None:
            return _time(said, field, zone)
    return None


def _time(said: Mapping[str, Json], field: str, zone: ZoneInfo) -> datetime:
    value = said[field]
    try:
        if isinstance(value, str) and not _WHOLE.fullmatch(value):
            at = datetime.fromisoformat(value)
            at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
            if 0 <= at.timestamp() <= _EPOCH_MAX:
                return at
        elif (epoch := _integer(said, field, at_least=0, at_most=_EPOCH_MAX)) is not None:
            return datetime.fromtimestamp(epoch, UTC)
    except (ValueError, OverflowError, InputInvalid):
        pass
    raise InputInvalid(field=field, reason="epoch seconds, or a date and time, are expected")


def _object(said: Mapping[str, Json], field: str) -> dict[str, Json]:
    value = said.get(field)
    if value is None:
        raise InputMissing(field=field, reason="required")
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            raise InputInvalid(field=field, reason="not JSON") from None
    if not isinstance(value, dict):
        raise InputInvalid(field=field, reason="an object is expected")
    return _said(cast("dict[str, Json]", value))

"""What a Smartlink server answers about calls -> the facts that make this one answer the same.

Takes rows of `listCdrsByConditions` and `listCdrSqcDetails`, as they came; gives a call, its transcripts, its labels.

Rule 1: a row is the push that it came from: its fields under their names there, what nobody asks for kept along. The
        call's key, and its transcripts', are those of a push.
Rule 2: `round` is the call's; it counts where no transcript tells (a single track comes without its channels).
Rule 3: a label is at most two marks: that it was found or added, as of the call; and that a person took it off, as of
        when it was heard. Their ids begin with `pull:`, so that one that is told no longer can be taken back.
Rule 4: what a label's evidence shows (its message, its words, its sentence) is kept as it was told.
Rule 5: of what stands already, a pull adds and changes, and takes nothing away: a push may have said more of a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple, cast
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from huaxiang.dialects.tinet import inward
from huaxiang.errors import InputMissing
from huaxiang.model import AnyFact, Call, Json, Mark, Transcript, Utterance

NO_TYPE: Final = "其他"
"""The group of a label of which no group is told."""

_LISTS: Final = frozenset({"asrCustomer", "asrAgent", "statMark", "dpTag", "recordFile"})
_OURS: Final = frozenset({"id", "retry", "accountLoginName", "channelTime", "qcStatus", "round", "enterpriseId"})
_HUMP: Final = re.compile(r"_([a-z0-9])")
_SIDES: Final = ("agent", "client")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MEASURES: Final = ("emotion", "silence_ms", "rate")

Fields = Mapping[str, Json]


class Name(NamedTuple):
    """A call by whose it is, and its id."""

    enterprise: str
    id: str

    @property
    def digest(self) -> str:
        """What stands for it in the ids of its marks."""
        return _digest(*self)


def name_of(row: Fields) -> Name:
    """The call that a row tells of. Raises `InputMissing`."""
    said = _in_humps(row)
    enterprise, id_ = said.get("enterpriseId"), said.get("uniqueId", said.get("id"))
    if not id_:
        raise InputMissing(field="unique_id", reason="required")
    return Name(str(enterprise or ""), str(id_))


def call_facts(row: Fields, types: Mapping[tuple[str, str], str], zone: ZoneInfo) -> tuple[AnyFact, ...]:
    """The call of a row of `listCdrsByConditions`, the sides of its dialogue, its labels.

    `types`: the groups of labels, by call (`userId`-`uniqueId`) and name, where the row does not tell them. Raises
    `InputMissing`, `InputInvalid`.
    """
    said, name = _in_humps(row), name_of(row)
    pushed = {field: value for field, value in said.items() if field not in _LISTS | _OURS}
    pushed |= {"uniqueId": name.id, "userId": name.enterprise, "rounds": said.get("round")}
    if said.get("startTime") is None:
        pushed.setdefault("createTime", said.get("channelTime"))
    if file := _file(said.get("recordFile")):
        pushed["recordFile"] = file
    (call,) = inward.any_call(pushed, zone).facts
    assert isinstance(call, Call)
    tracks = zip(_SIDES, (_rows(said.get("asrAgent")), _rows(said.get("asrCustomer"))), strict=True)
    transcripts = [_transcript(name, side, spoken) for side, spoken in tracks if spoken]
    marks = _marks(name, call.at, _rows(said.get("dpTag")), _rows(said.get("statMark")), types)
    return call, *transcripts, *marks


def needs_types(row: Fields) -> bool:
    """Whether a row has labels of which it does not tell the group."""
    return any(not tag.get("portraitTypeName") for tag in _rows(_in_humps(row).get("dpTag")))


def track_facts(row: Fields) -> tuple[AnyFact, ...]:
    """The tracks of a row of `listCdrSqcDetails`: each side's, and the one that tells no side."""
    name, spoken = name_of(row), _rows(row.get("asr"))
    tracks: dict[str | None, list[Fields]] = {}
    for one in spoken:
        side = one.get("callSide")
        tracks.setdefault(_SIDES[side] if side in (0, 1) else None, []).append(one)
    return tuple(_transcript(name, side, of_side) for side, of_side in tracks.items())


def settled(standing: AnyFact | None, told: AnyFact) -> AnyFact:
    """What is to stand, after what stands and what was told of the same record (Rule 5)."""
    if isinstance(told, Call) and isinstance(standing, Call):
        same = told.at and standing.at and standing.at.replace(microsecond=0) == told.at
        return replace(
            told,
            at=standing.at if same else told.at or standing.at,
            duration=standing.duration if told.duration is None else told.duration,
            rounds=standing.rounds if told.rounds is None else told.rounds,
            city=told.city or standing.city,
            details=dict(sorted({**standing.details, **told.details}.items())),
        )
    if isinstance(told, Transcript) and isinstance(standing, Transcript) and _says(standing, told):
        return standing
    return told


def taken_back(fact: AnyFact) -> AnyFact:
    """What a mark is to say that is told no longer: that a check took it back, before any other word on its label."""
    assert isinstance(fact, Mark)
    return replace(fact, at=_EPOCH, by="check", deleted=True, second=None, details={})


# ── transcripts ───────────────────────────────────────────────────────────────────────────────────────────────────


def _transcript(name: Name, side: Any, spoken: Sequence[Fields]) -> Transcript:  # noqa: ANN401 - one of the sides, or none
    return Transcript(
        source=inward.SOURCE,
        enterprise=name.enterprise,
        id=f"{name.id}/{side or 'all'}",
        call=name.id,
        side=side,
        utterances=tuple(
            Utterance(
                text=str(one.get("text") or ""),
                begin_ms=_whole(one.get("beginTime")),
                end_ms=_whole(one.get("endTime")),
                emotion=_number(one.get("emotionValue")),
                silence_ms=_whole(one.get("silenceDuration")),
                rate=_number(one.get("speechRate")),
            )
            for one in spoken
        ),
    )


def _says(standing: Transcript, told: Transcript) -> bool:
    """Whether a transcript says all that another does."""
    if len(standing.utterances) != len(told.utterances):
        return False
    by_begin = [sorted(one.utterances, key=lambda said: said.begin_ms or 0) for one in (standing, told)]
    return all(
        (one.text, one.begin_ms, one.end_ms) == (other.text, other.begin_ms, other.end_ms)
        and all(getattr(other, name) in (None, getattr(one, name)) for name in _MEASURES)
        for one, other in zip(*by_begin, strict=True)
    )


# ── labels ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _marks(
    name: Name,
    at: datetime | None,
    tags: Iterable[Fields],
    words: Sequence[Fields],
    types: Mapping[tuple[str, str], str],
) -> Iterator[Mark]:
    waiting = list(words)
    for tag in tags:
        label = str(tag.get("name") or "")
        if not label:
            continue
        kind = str(tag.get("portraitTypeName") or types.get((f"{name.enterprise}-{name.id}", label)) or NO_TYPE)
        # The words stand in the order of the labels: each has those of its name that come next.
        own: list[Json] = []
        while waiting and waiting[0].get("group") == label:
            own.append({field: value for field, value in waiting.pop(0).items() if field != "group"})
        start, id_ = _whole(tag.get("startTime")), f"pull:{name.digest}:{_digest(kind, label)}"
        found = Mark(
            source=inward.SOURCE,
            enterprise=name.enterprise,
            id=f"{id_}:found",
            at=at,
            call=name.id,
            type=kind,
            name=label,
            by="person" if tag.get("tagType") == 1 else "check",
            second=None if start is None else start // 1000,
            details=_evidence(tag, start, own),
        )
        yield found
        if tag.get("deleted") == 1:
            yield replace(found, id=f"{id_}:deleted", at=None, by="person", deleted=True, details={})


def _evidence(tag: Fields, start: int | None, words: list[Json]) -> dict[str, Json]:
    side = tag.get("asrSide", tag.get("tagSide"))
    told = {
        "message": tag.get("message"),
        "begin_ms": start,
        "speaker": _SIDES[side] if side in (0, 1) else None,
        "keywords": words or None,
    }
    return {field: value for field, value in told.items() if value is not None}


def _digest(*parts: str) -> str:
    return blake2b("\n".join(map(repr, parts)).encode("utf-8", "replace"), digest_size=16).hexdigest()


# ── one value ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_humps(row: Fields) -> dict[str, Json]:
    """The row's fields as in a push: the documents write both `agent_name` and `agentName`."""
    return {_HUMP.sub(lambda found: found[1].upper(), field): value for field, value in row.items()}


def _rows(value: Json) -> list[Fields]:
    if not isinstance(value, list):
        return []
    return [cast("Fields", one) for one in cast("list[Json]", value) if isinstance(one, dict)]


def _file(value: Json) -> str | None:
    """The name of a recording: by itself, or of the first of a list."""
    for one in _rows(value):
        value = one.get("file")
        break
    return value if isinstance(value, str) and value else None


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

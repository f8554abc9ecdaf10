"""Calls' results as the vendor serves them: takes the model's `CallResult`s, gives bytes; pure.

Rule 1: a field without a value is left out; what was pushed as digits is served as the number that it is.
Rule 2: sentences follow each other by when they begin, the agent's first at the same moment; `id` is `side.place`, the
    place among the sentences of that side, from 1. Where a track has no side, `callSide` is left out and `id` is the
    place alone.
Rule 3: a label's `startTime` is when the sentence begins in which it was found, else its second; its sides are those
    of that sentence. That is one that begins in the label's second: of the speaker whom its evidence names, with one of
    its words, as far as there is such a one; else the first.
Rule 4: `message` of a label tells the rules that found it; a keyword mark is a word that told of it, in its sentence.
Rule 5: what another server told of a label (its message, its words, when its sentence begins) is served as it was told.
Rule 6: for the vendor's SDK `result` is the JSON as a text, and what is not ASCII is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType

from huaxiang.dialects.tinet.outward import ascii_json
from huaxiang.dialects.tinet.push import PushAnswer
from huaxiang.dialects.tinet.results import (
    CallDetail,
    CallDetailAnswer,
    CallDetails,
    CallDetailsAnswer,
    CallRow,
    CallRows,
    CallRowsAnswer,
    CallTag,
    Flag,
    KeywordMark,
    MeasuredSentence,
    RecordFile,
    SpokenSentence,
    scroll_id,
)
from huaxiang.model import CallMark, CallPage, CallPlace, CallResult, Json, Utterance

_ENCODER: Final = msgspec.json.Encoder()
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_SECOND: Final = timedelta(seconds=1)
_SIDES: Final[dict[str | None, Flag]] = {"agent": 0, "client": 1}
_DIGITS_MAX: Final = 18

Fields: TypeAlias = Mapping[str, Json]
_Value = TypeVar("_Value")


def pushed(message: str, *, request_id: str, for_sdk: bool) -> bytes:
    """The answer to a push that was taken."""
    return _encoded(PushAnswer(requestId=request_id, result="success", message=message), for_sdk=for_sdk)


def detail(call: CallResult, *, request_id: str, for_sdk: bool) -> bytes:
    """The answer of `GET /sqc/cdrSqcDetails`."""
    result = _result(_detail(call), for_sdk=for_sdk)
    return _encoded(
        CallDetailAnswer(result=result, requestId=request_id, message="通话质检详细查询成功"), for_sdk=for_sdk
    )


def details(page: CallPage, *, start: int, limit: int, begin: CallPlace, request_id: str, for_sdk: bool) -> bytes:
    """The answer of `GET /sqc/listCdrSqcDetails`: a page from row `start`, which is behind the place `begin`."""
    behind = start + len(page.rows)
    told = CallDetails(
        start=start,
        pageNumber=start // limit + 1,
        pageSize=limit,
        data=[_detail(call) for call in page.rows],
        totalCount=page.total,
        message=scroll_id(page.last or begin, behind),
        totalPageCount=-(-page.total // limit),
    )
    result = _result(told, for_sdk=for_sdk)
    return _encoded(
        CallDetailsAnswer(result=result, requestId=request_id, message="批量获取话单质检详情成功"), for_sdk=for_sdk
    )


def rows(page: CallPage, *, login_name: str, offset: int, limit: int, request_id: str, for_sdk: bool) -> bytes:
    """The answer of `GET /sqc/listCdrsByConditions`: a page of `limit` rows from row `offset`."""
    listed = [_row(call, login_name) for call in page.rows]
    told = CallRows(totalSize=page.total, offset=offset, cdrList=listed, limit=limit)
    result = _result(told, for_sdk=for_sdk)
    return _encoded(
        CallRowsAnswer(result=result, requestId=request_id, message="获取话单详情和录音文件地址成功"), for_sdk=for_sdk
    )


def _result(told: Any, *, for_sdk: bool) -> Any:  # noqa: ANN401 - one of the three results, or its JSON as a text
    return _ENCODER.encode(told).decode() if for_sdk else told


def _encoded(answer: msgspec.Struct, *, for_sdk: bool) -> bytes:
    encoded = _ENCODER.encode(answer)
    return ascii_json(encoded) if for_sdk else encoded


# ── what was said ─────────────────────────────────────────────────────────────────────────────────────────────────


class _Spoken(NamedTuple):
    """One sentence in its place."""

    side: Flag | None
    id: str
    said: Utterance


def _spoken(call: CallResult) -> list[_Spoken]:
    """All sentences of the call, in order (Rule 2)."""
    found: list[_Spoken] = []
    for transcript in call.transcripts:
        side = _SIDES.get(transcript.side)
        placed = sorted(transcript.utterances, key=_begin)
        named = (str(place) if side is None else f"{side}.{place}" for place in range(1, len(placed) + 1))
        found += [_Spoken(side, name, said) for name, said in zip(named, placed, strict=True)]
    return sorted(found, key=lambda one: (_begin(one.said), one.side or 0))


def _begin(said: Utterance) -> int:
    return said.begin_ms or 0


def _sentence(one: _Spoken) -> SpokenSentence:
    return SpokenSentence(
        callSide=_or_unset(one.side),
        beginTime=_or_unset(one.said.begin_ms),
        endTime=_or_unset(one.said.end_ms),
        id=one.id,
        text=one.said.text,
    )


def _measured(one: _Spoken) -> MeasuredSentence:
    return MeasuredSentence(
        id=one.id,
        emotionValue=_or_unset(one.said.emotion),
        speechRate=_or_unset(one.said.rate),
        silenceDuration=_or_unset(one.said.silence_ms),
        beginTime=_or_unset(one.said.begin_ms),
        endTime=_or_unset(one.said.end_ms),
        text=one.said.text,
    )


# ── labels ────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Clue(NamedTuple):
    """What told of a label: a rule's hit, or a mark's own words; and the sentence, as far as it is known."""

    rule: str
    words: Sequence[str]
    second: int | None
    sentence: _Spoken | None
    begin_ms: int | None = None
    keywords: Sequence[Fields] = ()


class _Found(NamedTuple):
    """A label, the sentence in which it was found first, and all that told of it."""

    mark: CallMark
    sentence: _Spoken | None
    clues: Sequence[_Clue]
    begin_ms: int | None


def _found(call: CallResult, spoken: Sequence[_Spoken]) -> list[_Found]:
    labels: list[_Found] = []
    for mark, evidence in zip(call.marks, call.evidence, strict=True):
        clues = [_clue(one, mark, spoken) for one in evidence]
        first = next((one for one in clues if one.second == mark.second), None)
        sentence = first.sentence if first else _sentence_of(mark.second, None, (), spoken)
        labels.append(_Found(mark, sentence, clues, first.begin_ms if first else None))
    return labels


def _clue(evidence: Fields, mark: CallMark, spoken: Sequence[_Spoken]) -> _Clue:
    words = [word for word in _list(evidence.get("words")) if isinstance(word, str) and word]
    told = evidence.get("second", mark.second)
    second = told if isinstance(told, int) else None
    if "begin_ms" in evidence or "keywords" in evidence:
        begin_ms = evidence.get("begin_ms")
        side = _SIDES.get(str(evidence.get("speaker")))
        said = next((one for one in spoken if one.said.begin_ms == begin_ms and one.side == side), None)
        said = said if begin_ms is not None else None
        keywords = [cast("Fields", one) for one in _list(evidence.get("keywords")) if isinstance(one, dict)]
        return _Clue(_rule(evidence), (), second, said, begin_ms if isinstance(begin_ms, int) else None, keywords)
    sentence = _sentence_of(second, _SIDES.get(str(evidence.get("speaker"))), words, spoken)
    return _Clue(_rule(evidence), words, second, sentence)


def _rule(evidence: Fields) -> str:
    """Which rule, and which version of it, as the evidence tells it; or what another server said of that."""
    if isinstance(message := evidence.get("message"), str):
        return message
    rule, version = evidence.get("rule"), evidence.get("rule_version")
    if not isinstance(rule, str) or not rule:
        return ""
    return f"规则:{rule}" + (f",版本:{version}" if isinstance(version, str | int) else "")


def _sentence_of(
    second: int | None, side: Flag | None, words: Sequence[str], spoken: Sequence[_Spoken]
) -> _Spoken | None:
    """The sentence in which a label was found (Rule 3)."""
    if second is None:
        return None
    begun = [one for one in spoken if one.said.begin_ms is not None and one.said.begin_ms // 1000 == second]
    by_speaker = [one for one in begun if side is not None and one.side == side] or begun
    telling = [one for one in by_speaker if any(_places(word, one.said.text) for word in words)]
    return next(iter(telling or by_speaker), None)


def _tag(found: _Found) -> CallTag:
    mark, sentence = found.mark, found.sentence
    side = _side(sentence)
    start = found.begin_ms
    if start is None and mark.second is not None:
        start = mark.second * 1000
    return CallTag(
        added=_flag(mark.added),
        asrSide=side,
        deleted=_flag(mark.deleted),
        message=";".join(dict.fromkeys(one.rule for one in found.clues if one.rule)) or UNSET,
        name=mark.name,
        portraitTypeName=mark.type,
        startTime=_or_unset(start if sentence is None else sentence.said.begin_ms),
        tagSide=side,
        tagType=0 if mark.checked else 1,
    )


def _keywords(found: Iterable[_Found]) -> list[KeywordMark]:
    """Each place in which a word that told of a label stands in its sentence (Rule 4), once."""
    places: dict[tuple[str, str, str, int], KeywordMark] = {}
    for one in found:
        for clue in one.clues:
            for mark in (*_words_found(one.mark.name, clue), *_words_told(one.mark.name, clue)):
                places.setdefault((mark.group, mark.id, mark.keyword, mark.index), mark)
    return list(places.values())


def _words_found(label: str, clue: _Clue) -> Iterator[KeywordMark]:
    if clue.sentence is None:
        return
    for word in clue.words:
        for index in _places(word, clue.sentence.said.text):
            side = _side(clue.sentence)
            yield KeywordMark(length=len(word), index=index, id=clue.sentence.id, keyword=word, type=side, group=label)


def _words_told(label: str, clue: _Clue) -> Iterator[KeywordMark]:
    for told in clue.keywords:
        length, index, id_, word = (told.get(name) for name in ("length", "index", "id", "keyword"))
        if isinstance(length, int) and isinstance(index, int) and isinstance(id_, str) and isinstance(word, str):
            side: Flag | UnsetType = told["type"] if told.get("type") in (0, 1) else UNSET
            yield KeywordMark(length=length, index=index, id=id_, keyword=word, type=side, group=label)


def _side(sentence: _Spoken | None) -> Flag | UnsetType:
    return UNSET if sentence is None or sentence.side is None else sentence.side


def _places(word: str, text: str) -> list[int]:
    """Where a word stands in a text, whatever its case."""
    if len(text.lower()) == len(text):
        word, text = word.lower(), text.lower()
    found: list[int] = []
    at = text.find(word)
    while at >= 0:
        found.append(at)
        at = text.find(word, at + len(word))
    return found


def _status(marks: Iterable[CallMark]) -> Literal[2, 3] | UnsetType:
    """Whether a person has decided on a label, else whether the check found one; else nothing is known."""
    listed = list(marks)
    if any(not mark.checked or mark.deleted for mark in listed):
        return 3
    return 2 if listed else UNSET


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _detail(call: CallResult) -> CallDetail:
    said, spoken = call.details, _spoken(call)
    found = _found(call, spoken)
    return CallDetail(
        id=call.call.id or "",
        cdrId=_cdr_id(call),
        enterpriseId=call.call.enterprise,
        mainUniqueId=_text(said, "mainUniqueId"),
        clientName=_text(said, "agentName"),
        cno=_text(said, "cno"),
        status=_whole(said, "status"),
        callType=_whole(said, "callType"),
        asr=[_sentence(one) for one in spoken],
        recordFile=_text(said, "recordFile"),
        statMark=_keywords(found),
        qcStatus=_status(call.marks),
        dpTag=[_tag(one) for one in found],
        businessPriority=_text(said, "businessPriority"),
        round=_or_unset(call.rounds),
    )


def _row(call: CallResult, login_name: str) -> CallRow:
    said, spoken = call.details, _spoken(call)
    found = _found(call, spoken)
    file = _text(said, "recordFile")
    return CallRow(
        id=_cdr_id(call),
        agent_name=_text(said, "agentName"),
        answer_time=_whole(said, "answerTime"),
        agent_number=_text(said, "agentNumber"),
        account_login_name=login_name,
        bridge_time=_whole(said, "bridgeTime"),
        cdr_type=_text(said, "cdrType"),
        cno=_text(said, "cno"),
        call_type=_whole(said, "callType"),
        channel_time=(call.at - _EPOCH) // _SECOND,
        enterprise_id=call.call.enterprise,
        end_time=_whole(said, "endTime"),
        end_reason=_whole(said, "endReason"),
        main_unique_id=_text(said, "mainUniqueId"),
        record_file=UNSET if file is UNSET else [RecordFile(file=file)],
        start_time=_whole(said, "startTime"),
        unique_id=call.call.id or "",
        bridge_duration=_whole(said, "bridgeDuration"),
        status=_whole(said, "status"),
        total_duration=_whole(said, "totalDuration"),
        hotline=_text(said, "hotline"),
        number_trunk=_text(said, "numberTrunk"),
        cdr_source=_whole(said, "cdrSource"),
        customer_number=call.call.identifiers[0].value,
        customer_number_type=_whole(said, "customerNumberType"),
        customer_area_code=_text(said, "customerAreaCode"),
        customer_province=_text(said, "customerProvince"),
        customer_city=_text(said, "customerCity"),
        exten=_text(said, "exten"),
        join_queue_time=_whole(said, "joinQueueTime"),
        qname=_text(said, "qname"),
        qno=_text(said, "qno"),
        clid=_text(said, "clid"),
        qc_status=_status(call.marks),
        asr_customer=[_measured(one) for one in spoken if one.side == 1],
        asr_agent=[_measured(one) for one in spoken if one.side == 0],
        stat_mark=_keywords(found),
        dp_tag=[_tag(one) for one in found],
        business_priority=_text(said, "businessPriority"),
        round=_or_unset(call.rounds),
    )


def _cdr_id(call: CallResult) -> str:
    return f"{call.call.enterprise}-{call.call.id or ''}"


def _text(said: Fields, name: str) -> str | UnsetType:
    value = said.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else UNSET


def _whole(said: Fields, name: str) -> int | UnsetType:
    value = said.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else UNSET


def _list(value: Json) -> list[Json]:
    return cast("list[Json]", value) if isinstance(value, list) else []


def _flag(value: bool) -> Flag:  # noqa: FBT001 - a conversion
    return 1 if value else 0


def _or_unset(value: _Value | None) -> _Value | UnsetType:
    return UNSET if value is None else value

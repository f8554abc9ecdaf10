"""What is pushed to Tinet's wire: a call record, a call's new priority, a transcript; and the answer to each.

What these say of types is how the vendor's document and its SDK have them; what is taken of a body is in `inward.py`.

Rule 1: null and blank text were not said; a number may come as its digits.
Rule 2: a body may have fields that are not here: the SDK sends its own settings along, a newer one more fields yet.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Word: TypeAlias = str | int | None
"""A text, or a number that stands for its digits; null and blank text were not said."""

Whole: TypeAlias = int | str | None
"""A whole number, or its digits; null and blank text were not said."""


class OriginData(msgspec.Struct, frozen=True):
    """A field of the enterprise's own."""

    name: str
    value: str | int | float | bool | None = None


class PushedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call record; times in epoch seconds, durations in seconds.

    `customerNumber`: the call hangs on it. `cdrType`: `cdr_ib`, `cdr_ob_agent`, `cdr_ob_customer`. `startTime`: the
    call's time, else `createTime` is. `bridgeDuration`: its duration, else `totalDuration`, else the time to `endTime`.
    """

    uniqueId: Word
    userId: Word
    customerNumber: Word
    cdrType: Word = None
    callType: Word = None
    agentNumber: Word = None
    startTime: Whole = None
    createTime: Whole = None
    answerTime: Whole = None
    endTime: Whole = None
    bridgeTime: Whole = None
    bridgeDuration: Whole = None
    totalDuration: Whole = None
    status: Word = None
    endReason: Word = None
    cno: Word = None
    agentName: Word = None
    qno: Word = None
    qname: Word = None
    mainUniqueId: Word = None
    customerNumberType: Whole = None
    customerAreaCode: Word = None
    customerProvince: Word = None
    customerCity: Word = None
    joinQueueTime: Whole = None
    recordFile: Word = None
    numberTrunk: Word = None
    hotline: Word = None
    clid: Word = None
    callbackUrl: Word = None
    businessPriority: Word = None
    originDataList: list[OriginData] | None = None


class PushedPriority(msgspec.Struct, frozen=True, kw_only=True):
    """A call's new priority; it may come before its call."""

    uniqueId: Word
    userId: Word
    businessPriority: Word


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """What one speaker said; `beginTime`, `endTime`, `silenceDuration` in milliseconds, `speechRate` words a minute."""

    channelId: Whole = None
    beginTime: Whole = None
    endTime: Whole = None
    emotionValue: float | str | None = None
    silenceDuration: Whole = None
    speechRate: float | str | None = None
    text: str | None = None


class AsrText(msgspec.Struct, frozen=True, kw_only=True):
    """A transcript, or one side of it."""

    bizDuration: Whole = None
    result: list[Sentence] | None = None


class PushedTranscript(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a call's transcript (`agent`, `client`), or a single track; it may come before its call."""

    uniqueId: Word
    userId: Word
    asrText: AsrText
    recordSide: Literal["agent", "client", "ALL", ""] | None = None


class PushAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a push. Whatever can't be taken is a refusal, so that `result` never says `failed` here."""

    requestId: str
    result: Literal["success", "failed"]
    message: str

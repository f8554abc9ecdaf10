"""The generated calls, with their transcripts and marks, as the call centre would push them.

Takes people, gives the rows of one call after the other, the oldest day first.

Rule 1: everybody who calls at all calls once, if there are calls enough; the rest is heavy-tailed: few call often.
Rule 2: a call of three has a transcript: on two tracks, or on one with channels; the others tell their rounds.
Rule 3: a mark of the quality check stands on a line of the transcript; some a person took off, some a person added.
Rule 4: all happen in the year that ends with the day before `now`, in the hours in which people call.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from huaxiang.generate.draws import Draws, Weighted, pick
from huaxiang.generate.people import People, Person, spelled
from huaxiang.generate.scripts import Line, Scripts
from huaxiang.generate.words import dialogues
from huaxiang.model import Json

Rows: TypeAlias = list[tuple[str, dict[str, Json]]]
"""Rows, each with the name of its import format."""

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
ENTERPRISE: Final = "8000376"
HOTLINE: Final = "4006660376"
CDR, ASR_TEXT, FACTS = "tinet.cdr", "tinet.asr_text", "facts"

_DAYS: Final = 365
_WEEKDAYS: Final = (1.15, 1.1, 1.0, 1.0, 1.05, 0.6, 0.45)
_HOURS: Final = Weighted(range(8, 22), (2, 8, 11, 10, 5, 5, 9, 10, 10, 9, 6, 5, 4, 2))
_ANSWERED, _TRANSCRIBED, _SINGLE_TRACK, _NO_CITY = 0.9, 0.34, 0.2, 0.04
_TAKEN_OFF, _BY_HAND, _SECOND_PHONE, _LANDLINE = 0.06, 0.12, 0.3, 0.3
_TAIL: Final = 1.8
_SECONDS_A_ROUND: Final = 14
_AGENTS: Final = 40
_QUEUES: Final = ("售前咨询", "售后服务", "投诉专线", "会员服务")


class Calls:
    """The calls that a number of people make."""

    def __init__(self, people: People, count: int, now: datetime) -> None:
        """`count` calls in the year before `now` (aware)."""
        self._people, self._count = people, count
        self._scripts, self._pieces = Scripts(), dialogues()
        self._turns = people.draws.turns(b"calls")
        today = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
        days = [today - timedelta(days=_DAYS - day) for day in range(_DAYS)]
        self._midnights = [int(day.timestamp()) for day in days]
        self._bounds = list(accumulate(_WEEKDAYS[day.weekday()] for day in days))
        staff = People(Draws(int(ENTERPRISE)), _AGENTS)
        self._agents = [agent.surname + agent.given for agent in map(staff.person, range(_AGENTS))]

    def __iter__(self) -> Iterator[Rows]:
        """The rows of each call."""
        for number in range(self._count):
            person = self._caller(number)
            yield [] if person is None else self._call(number, person)

    def _caller(self, number: int) -> Person | None:
        """The next of all people, as long as there is a next one; else whoever calls often."""
        people = self._people
        turn = number * people.count // self._count
        if self._count >= people.count and (number == 0 or turn != (number - 1) * people.count // self._count):
            person = people.person(turn)
            if "calls" in person.systems:
                return person
        return people.knows("calls", int(people.count * self._turns.random() ** _TAIL))

    def _start(self, number: int) -> int:
        """Epoch seconds: the calls spread over the days by the weights of their weekdays."""
        place = (number + 0.5) / self._count * self._bounds[-1]
        midnight = self._midnights[bisect_right(self._bounds, place, hi=_DAYS - 1)]
        return midnight + 3600 * _HOURS.at(self._turns.random()) + int(3600 * self._turns.random())

    def _call(self, number: int, person: Person) -> Rows:
        draw = self._turns.random
        start = self._start(number)
        unique_id = f"medias_{number % 4 + 1}-{start}.{number}"
        seat = int(_AGENTS * draw())
        wait = 3 + int(27 * draw())
        row = self._cdr(person, unique_id, start, seat, wait)
        rows: Rows = [(CDR, row)]
        seconds = 0
        if draw() < _ANSWERED:
            seconds = 20 + min(3580, int(math.exp(3.2 + 2.4 * (draw() + draw()) / 2 + draw())))
            if draw() < _TRANSCRIBED:
                lines = self._scripts.script(self._turns, person, self._agents[seat], str(row["cno"]))
                seconds = lines[-1].end_ms // 1000 + 2
                rows += self._transcript(unique_id, seconds, lines)
                rows += self._marks(unique_id, start + wait + seconds, lines)
            else:
                row["rounds"] = seconds // _SECONDS_A_ROUND
        _end(row, start, wait, seconds)
        return rows

    def _cdr(self, person: Person, unique_id: str, start: int, seat: int, wait: int) -> dict[str, Json]:
        draw = self._turns.random
        inbound, queue = draw() < 0.6, int(len(_QUEUES) * draw())  # noqa: PLR2004 (three calls of five come in)
        number = _number(person, self._turns)
        row: dict[str, Json] = {
            "uniqueId": unique_id,
            "userId": ENTERPRISE,
            "cdrType": "cdr_ib" if inbound else "cdr_ob_agent",
            "callType": "1" if inbound else "4",
            "customerNumber": number,
            "customerNumberType": 1 if number.startswith("0") and "-" in number else 2,
        }
        if draw() >= _NO_CITY:
            home = person.home
            area = {"customerAreaCode": home.area_code} if home.area_code else {}
            row |= {**area, "customerProvince": home.province, "customerCity": home.city}
        return row | {
            "cno": str(2001 + seat),
            "agentName": self._agents[seat],
            "qno": f"000{queue + 1}",
            "qname": _QUEUES[queue],
            "hotline": HOTLINE,
            "startTime": start,
            **({"joinQueueTime": start + wait // 3} if inbound else {}),
        }

    def _transcript(self, unique_id: str, seconds: int, lines: Sequence[Line]) -> Rows:
        if self._turns.random() < _SINGLE_TRACK:
            return [_asr_text(unique_id, seconds, lines, None)]
        return [
            _asr_text(unique_id, seconds, [line for line in lines if line.side == side], side)
            for side in ("agent", "client")
        ]

    def _marks(self, unique_id: str, end: int, lines: Sequence[Line]) -> Rows:
        draw = self._turns.random
        rows: Rows = []
        for line in lines:
            if line.mark is None:
                continue
            rows.append(_mark(unique_id, line.mark, end + 60, by="check", second=line.begin_ms // 1000))
            if draw() < _TAKEN_OFF:
                at = end + 3600 + int(86_400 * draw())
                rows.append(_mark(unique_id, line.mark, at, by="person", deleted=True))
        if draw() < _BY_HAND:
            mark = pick(self._pieces.by_hand, draw())
            rows.append(_mark(unique_id, mark, end + 600, by="person", second=int(draw() * lines[-1].end_ms / 1000)))
        return rows


def _number(person: Person, turns: Random) -> str:
    """The number that a person calls from, as this call spelled it."""
    chance, form = turns.random(), turns.random()
    if person.landline and chance < _LANDLINE:
        return person.landline
    if person.second_phone and chance > 1 - _SECOND_PHONE:
        return spelled(person.second_phone, form)
    # A switch mostly writes a number as it is: the other spellings are a tenth here of what they are in a CRM.
    return spelled(person.phone, form) if chance * 10 % 1 < 0.1 else person.phone  # noqa: PLR2004 (said above)


def _end(row: dict[str, Json], start: int, wait: int, seconds: int) -> None:
    """How the call went on: answered after `wait` seconds, for `seconds`; never, when that is 0."""
    row["bridgeDuration"] = seconds
    row["totalDuration"] = wait + seconds
    row["endTime"] = start + wait + seconds
    if seconds:
        row |= {"answerTime": start + 1, "bridgeTime": start + wait, "status": "bridged", "endReason": "1000"}
        row["recordFile"] = f"{ENTERPRISE}-{row['uniqueId']}.mp3"
    else:
        row |= {"status": "missed", "endReason": "1017"}


def _asr_text(unique_id: str, seconds: int, lines: Sequence[Line], side: str | None) -> tuple[str, dict[str, Json]]:
    result = [
        {
            "channelId": 0 if line.side == "agent" else 1,
            "beginTime": line.begin_ms,
            "endTime": line.end_ms,
            "emotionValue": 0.6 if line.mark is None else 0.4,
            "silenceDuration": line.silence_ms,
            "speechRate": 200 + line.begin_ms % 90,
            "text": line.text,
        }
        for line in lines
    ]
    track = {} if side is None else {"recordSide": side}
    text = {"bizDuration": 1000 * seconds, "result": result}
    return ASR_TEXT, {"uniqueId": unique_id, "userId": ENTERPRISE, **track, "asrText": text}


def _mark(
    unique_id: str, mark: tuple[str, str], at: int, *, by: str, second: int | None = None, deleted: bool = False
) -> tuple[str, dict[str, Json]]:
    row: dict[str, Json] = {
        "kind": "mark",
        "source": "tinet",
        "enterprise": ENTERPRISE,
        "id": f"{unique_id}/{mark[0]}/{mark[1]}/{by}",
        "at": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "call": unique_id,
        "type": mark[0],
        "name": mark[1],
        "by": by,
    }
    if deleted:
        row["deleted"] = True
    if second is not None:
        row["second"] = second
    return FACTS, row

"""A rule's example -> the call and the transcripts that it stands for, so that it is checked as any call is.

Rule 1: two tracks, one for each side. Where a line has no time it begins when the one before it ends; where it has no
    end it lasts two seconds. So lines without times leave no pause between them.
Rule 2: a call without a time of its own has none: conditions on the time of day need the example's `at`.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, tzinfo
from typing import Final

from huaxiang.model import Call, Json, Transcript, Utterance
from huaxiang.portrait.rules import Example, Speaker

LINE_MS: Final = 2_000
"""How long a line lasts that does not say when it ends."""


def acted(example: Example, zone: tzinfo) -> tuple[Call, tuple[Transcript, ...]]:
    """The call and its transcripts. Raises `ValueError` where the example's `at` is no time."""
    at = None if example.at is None else local(example.at, zone)
    details: dict[str, Json] = {name: _whole(value) for name, value in example.details.items()}
    call = Call(
        source="example",
        id="example",
        at=at,
        duration=example.duration,
        rounds=example.rounds,
        city=example.city,
        details=details,
    )
    tracks: defaultdict[Speaker, list[Utterance]] = defaultdict(list)
    clock = 0
    for line in example.lines:
        begin = clock if line.begin_ms is None else line.begin_ms
        clock = begin + LINE_MS if line.end_ms is None else line.end_ms
        tracks[line.speaker].append(
            Utterance(line.text, begin, clock, emotion=line.emotion, silence_ms=line.silence_ms, rate=line.rate)
        )
    return call, tuple(
        Transcript(source="example", call="example", side=side, utterances=tuple(track))
        for side, track in sorted(tracks.items())
    )


def _whole(value: str | float | bool) -> str | float | bool:  # noqa: FBT001 - a value of the source's, of any type
    """A number without a fraction as a source would write it: 60, not 60.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def local(at: str, zone: tzinfo) -> datetime:
    """The moment that `at` tells (`2026-01-05 21:30`), in `zone` unless it names one. Raises `ValueError`."""
    moment = datetime.fromisoformat(at)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)

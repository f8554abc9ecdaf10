"""The native wire of the quality check's rules: their versions, a trial, and putting one in force.

Rule 1: rules come as the YAML that a file of them holds. What is wrong with it is told in one refusal, a problem a
    line, each with its line and column in the text.
Rule 2: a version takes over call by call. Each call of `apply` goes on with it for a second or two, and says whether it
    has come to its end; to be called again until it has, by whomever, whenever.
Rule 3: the version `none` is no rules at all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native.wire import Refusal

MOST_TRIED: Final = 10_000
MOST_APPLIED: Final = 100
NO_RULES: Final = "none"

Word = Annotated[str, Meta(min_length=1, max_length=4096)]
Text = Annotated[str, Meta(min_length=1, max_length=8 * 2**20)]


class RulesBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ruleset, as YAML, and who wrote it."""

    text: Text
    author: Word


class TrialBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draft, as YAML, to be tried on so many calls of history, with so many examples of each label."""

    text: Text
    calls: Annotated[int, Meta(ge=1, le=MOST_TRIED)] = 1_000
    examples: Annotated[int, Meta(ge=0, le=100)] = 3


class ApplyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who puts the version in force."""

    author: Word


class VersionAnswer(msgspec.Struct, frozen=True):
    """A version of the rules: how many it has, who wrote it, and whether calls are under it, or coming to be."""

    version: str
    came_at: datetime
    author: str
    rules: int
    in_force: bool


class AppliedAnswer(msgspec.Struct, frozen=True):
    """When a version was put in force, and by whom; null where the rules were taken out of force."""

    number: int
    at: datetime
    version: str | None
    author: str


class VersionsAnswer(msgspec.Struct, frozen=True):
    """All versions, newest first; and the last hundred times that one was put in force, the newest first."""

    versions: list[VersionAnswer]
    applied: list[AppliedAnswer]


class KeptAnswer(msgspec.Struct, frozen=True):
    """A version that is kept now, and how many rules it has."""

    version: str
    rules: int


class WrittenAnswer(msgspec.Struct, frozen=True):
    """A version as it was written."""

    version: str
    text: str


class ExampleAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call that would gain or lose a label, and what the rule quotes of it."""

    call: str
    rule: str | None = None
    second: int | None = None
    speaker: str | None = None
    text: str = ""
    words: tuple[str, ...] = ()


class EffectAnswer(msgspec.Struct, frozen=True):
    """In how many calls a label would come, go and stay; examples of the first two."""

    type: str
    name: str
    comes: int
    goes: int
    stays: int
    coming: tuple[ExampleAnswer, ...]
    going: tuple[ExampleAnswer, ...]


class TrialAnswer(msgspec.Struct, frozen=True):
    """What a draft would do, by type and name: tried on `done` calls, of which the trial is to see `calls`."""

    version: str
    done: int
    calls: int
    finished: bool
    effects: tuple[EffectAnswer, ...]


class ProgressAnswer(msgspec.Struct, frozen=True):
    """How far a version came in this call: `done` calls looked at, `changed` of which differ now; `calls` there are."""

    version: str | None
    done: int
    calls: int
    changed: int
    finished: bool


def _endpoint(method: str, path: str, title: str, summary: str, answer: type, body: type | None = None) -> Endpoint:
    return Endpoint(
        method="POST" if method == "POST" else "GET",
        path=path,
        title=title,
        summary=summary,
        auth="bearer",
        body=body,
        answer=answer,
        refusal=Refusal,
        statuses=(400, 401, 403, 404, 413, 415, 429, 500, 503) if body else (401, 403, 404, 429, 500, 503),
    )


RULES: Final = _endpoint("GET", "/v1/rules", "质检规则版本", "All versions of the rules, newest first", VersionsAnswer)
PUT_RULES: Final = _endpoint(
    "POST", "/v1/rules/keep", "保存质检规则", "Keep a version of the rules", KeptAnswer, RulesBody
)
TRY_RULES: Final = _endpoint(
    "POST", "/v1/rules/try", "试运行质检规则", "Try a draft on history; nothing changes", TrialAnswer, TrialBody
)
WRITTEN_RULES: Final = _endpoint(
    "GET", "/v1/rules/{version}/text", "查看质检规则", "A version as it was written", WrittenAnswer
)
APPLY_RULES: Final = _endpoint(
    "POST",
    "/v1/rules/{version}/apply",
    "启用质检规则",
    "Put a version in force, a slice of history each time",
    ProgressAnswer,
    ApplyBody,
)

ENDPOINTS: Final = (RULES, PUT_RULES, TRY_RULES, WRITTEN_RULES, APPLY_RULES)

"""What an operator asks of the native API, as data: evidence, decisions, rules, erasure. Pure, without a socket.

The types are those of the wire, the same that the server answers with.

Rule 1: a call is sent again after no answer only where doing it twice is once: reads, trials, and what goes on from
        where it stands. A decision, or an erasure, whose answer was lost is `Unconfirmed`: look before saying it again.
Rule 2: what is left out is not sent, and the server's own default holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from huaxiang.client.calls import AnIdentifier, read
from huaxiang.client.errors import Unexpected
from huaxiang.client.exchange import Call, encoded, placed
from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native import changes, decisions, erasure, evidence, rules, suggestions
from huaxiang.model import Json

Answer = TypeVar("Answer")

AnId: TypeAlias = int | str
"""A number of the server's, or `kind:value`, with `@scope` behind it for the kinds that have one."""


def explain(number: int) -> Call[evidence.Explanation]:
    """Why a customer is one."""
    return _call(evidence.EXPLAIN, evidence.Explanation, id=number)


def history(number: int, at: datetime | str | None) -> Call[evidence.History]:
    """What a customer was."""
    moment = at.isoformat() if isinstance(at, datetime) else at
    return _call(evidence.HISTORY, evidence.History, query=evidence.HistoryQuery(at=moment), id=number)


def path(one: AnIdentifier, other: AnIdentifier) -> Call[evidence.Path]:
    """How two identifiers hang together."""
    return _call(evidence.PATH, evidence.Path, body={"one": _plain(one), "other": _plain(other)})


def export(number: int) -> Call[evidence.Export]:
    """All of a person."""
    return _call(evidence.EXPORT, evidence.Export, id=number)


def erase(number: int, wanted: erasure.EraseQuery) -> Call[erasure.Erasure]:
    """A person gone from everywhere, or what would go."""
    return _call(erasure.ERASE, erasure.Erasure, query=wanted, repeatable=wanted.preview, id=number)


# ── changes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def changes_after(after: int, limit: int) -> Call[changes.ChangesAnswer]:
    """A page of the feed."""
    return _call(changes.CHANGES, changes.ChangesAnswer, query=changes.ChangesQuery(after=after, limit=limit))


def next_after(after: int, page: changes.ChangesAnswer) -> int | None:
    """The cursor for the next page; None after the last. Raises `Unexpected` for a page that leads nowhere."""
    if not page.changes or page.after >= page.newest:
        return None
    if page.after <= after:
        raise Unexpected(reason="changes that were read before")
    return page.after


def leads_to(number: int) -> Call[changes.IdAnswer]:
    """Where an id leads."""
    return _call(changes.GET_ID, changes.IdAnswer, id=number)


# ── decisions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def decide(of: Endpoint, ids: Iterable[AnId], author: str, reason: str) -> Call[decisions.DecisionAnswer]:
    """A person's word on these identifiers: `JOIN`, `PART` or `APART`."""
    body = decisions.DecisionBody([str(one) for one in ids], author, reason)
    return _call(of, decisions.DecisionAnswer, body=body, repeatable=False)


def undo(decision: str, author: str, reason: str) -> Call[decisions.DecisionAnswer]:
    """A decision taken back."""
    body = decisions.UndoBody(author, reason)
    return _call(decisions.UNDO, decisions.DecisionAnswer, body=body, repeatable=False, id=decision)


def decided(limit: int) -> Call[decisions.DecisionsAnswer]:
    """What persons decided."""
    return _call(decisions.DECISIONS, decisions.DecisionsAnswer, query=decisions.DecisionsQuery(limit=limit))


def cut(identifier: str, at: datetime, author: str, reason: str) -> Call[decisions.CutAnswer]:
    """An identifier changed hands."""
    body = decisions.CutBody(identifier, at, author, reason)
    return _call(decisions.CUT, decisions.CutAnswer, body=body, repeatable=False)


def review(wanted: decisions.ReviewQuery) -> Call[decisions.ReviewAnswer]:
    """What waits for a person's word."""
    return _call(decisions.REVIEW, decisions.ReviewAnswer, query=wanted)


def suggested(state: suggestions.State, after: int, limit: int) -> Call[suggestions.SuggestionsAnswer]:
    """A page of suggestions."""
    wanted = suggestions.SuggestionsQuery(state=state, after=after, limit=limit)
    return _call(suggestions.SUGGESTIONS, suggestions.SuggestionsAnswer, query=wanted)


def settle(of: Endpoint, suggestion: str, author: str, reason: str) -> Call[suggestions.SettledAnswer]:
    """A person's answer to a suggestion: `ACCEPT` or `REFUSE`."""
    body = suggestions.SettleBody(author, reason)
    return _call(of, suggestions.SettledAnswer, body=body, repeatable=False, id=suggestion)


# ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def versions() -> Call[rules.VersionsAnswer]:
    """All versions of the rules."""
    return _call(rules.RULES, rules.VersionsAnswer)


def keep(text: str, author: str) -> Call[rules.KeptAnswer]:
    """A version kept; a version is its text."""
    return _call(rules.PUT_RULES, rules.KeptAnswer, body=rules.RulesBody(text, author))


def attempt(wanted: rules.TrialBody) -> Call[rules.TrialAnswer]:
    """A draft tried."""
    return _call(rules.TRY_RULES, rules.TrialAnswer, body=wanted)


def written(version: str) -> Call[rules.WrittenAnswer]:
    """A version as it was written."""
    return _call(rules.WRITTEN_RULES, rules.WrittenAnswer, version=version)


def apply(version: str, author: str) -> Call[rules.ProgressAnswer]:
    """A slice of history put under a version."""
    return _call(rules.APPLY_RULES, rules.ProgressAnswer, body=rules.ApplyBody(author), version=version)


# ── how a call is made ────────────────────────────────────────────────────────────────────────────────────────────


def _call(
    of: Endpoint,
    kind: type[Answer],
    *,
    query: Struct | None = None,
    body: Json = None,
    repeatable: bool = True,
    **places: AnId,
) -> Call[Answer]:
    """A call; `places` are the parts of its path. Raises `Invalid`."""
    return Call(
        method=of.method,
        path=placed(of.path, places),
        read=partial(read, kind),
        repeatable=repeatable,
        query=_pairs(query) if query is not None else (),
        media_type="" if body is None else "application/json",
        body=b"" if body is None else encoded(body),
    )


def _pairs(query: Struct) -> tuple[tuple[str, str], ...]:
    said: Mapping[str, Json] = msgspec.to_builtins(query)
    return tuple((name, _written(value)) for name, value in said.items() if value is not None)


def _written(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(identifier: AnIdentifier) -> Json:
    return dict(identifier) if isinstance(identifier, Mapping) else identifier

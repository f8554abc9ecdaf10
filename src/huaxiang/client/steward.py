"""What an operator does by the native API: see why, decide, review, erase; rules and suggestions. Both forms.

Rule 1: every method is one call of the API, but for those that give an iterator, which is one call a page.
Rule 2: who decides, and why, is said each time, and kept. No personal datum belongs there.
Rule 3: what needs the permission `steward` or `erase` is `NotPermitted` without it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from typing import Literal

from huaxiang.client import steward_calls as asks
from huaxiang.client.calls import AnIdentifier
from huaxiang.client.opened import AsyncOpened, Opened
from huaxiang.client.steward_calls import AnId
from huaxiang.dialects.native.changes import MOST_CHANGES, ChangeAnswer, IdAnswer
from huaxiang.dialects.native.decisions import (
    APART,
    JOIN,
    MOST_LISTED,
    PART,
    CutAnswer,
    DecisionAnswer,
    DecisionListed,
    ReviewQuery,
    WaitingAnswer,
)
from huaxiang.dialects.native.erasure import EraseQuery, Erasure
from huaxiang.dialects.native.evidence import Explanation, Export, History, Path
from huaxiang.dialects.native.rules import KeptAnswer, ProgressAnswer, TrialAnswer, TrialBody, VersionsAnswer
from huaxiang.dialects.native.suggestions import ACCEPT, REFUSE, SettledAnswer, State, SuggestionAnswer


class Steward(Opened):
    """An operator's calls; each blocks the thread that makes it."""

    def explain(self, number: int) -> Explanation:
        """Why a customer is one: identifiers, links, records, and the facts under each served value.

        Raises `ClientError`; `NotFound` for a number that nobody has.
        """
        return self._transport.ask(asks.explain(number))

    def history(self, number: int, *, at: datetime | str | None = None) -> History:
        """What the customer was before each join and parting, and at a past moment.

        `at`: a time (without a zone, in the tenant's), or a day as text, which means its end. Raises `ClientError`.
        """
        return self._transport.ask(asks.history(number, at))

    def path(self, one: AnIdentifier, other: AnIdentifier) -> Path:
        """How two identifiers hang together, link by link, or what stands between them. Raises `ClientError`."""
        return self._transport.ask(asks.path(one, other))

    def export(self, number: int) -> Export:
        """All of a person to take away, for a key that may erase. Raises `ClientError`."""
        return self._transport.ask(asks.export(number))

    def erase(self, number: int, *, author: str, reason: str, only: bool = False, preview: bool = False) -> Erasure:
        """Erase a person from everywhere, for good; with `preview`, only tell what would go.

        `only`: this one identifier, by its own number. Raises `ClientError`; `Unconfirmed` where no answer came.
        """
        wanted = EraseQuery(author=author, reason=reason, only=only, preview=preview)
        return self._transport.ask(asks.erase(number, wanted))

    def changes(self, *, after: int = 0, limit: int = MOST_CHANGES) -> Iterator[ChangeAnswer]:
        """What became of customers, in order, behind the change numbered `after`; `limit` in a request.

        It ends with the newest; go on later from the `number` of the last one read. Raises `ClientError`.
        """
        cursor: int | None = after
        while cursor is not None:
            page = self._transport.ask(asks.changes_after(cursor, limit))
            yield from page.changes
            cursor = asks.next_after(cursor, page)

    def leads_to(self, number: int) -> IdAnswer:
        """Where an id leads now, and which ids lead there; an id answers for ever.

        Raises `ClientError`; `NotFound` for one that was never given.
        """
        return self._transport.ask(asks.leads_to(number))

    def join(self, ids: Iterable[AnId], *, author: str, reason: str) -> DecisionAnswer:
        """Say that these identifiers are one customer; see `AnId`. Raises `ClientError`."""
        return self._transport.ask(asks.decide(JOIN, ids, author, reason))

    def part(self, ids: Iterable[AnId], *, author: str, reason: str) -> DecisionAnswer:
        """Say that these identifiers of a customer are one, and the rest of it another. Raises `ClientError`."""
        return self._transport.ask(asks.decide(PART, ids, author, reason))

    def apart(self, ids: Iterable[AnId], *, author: str, reason: str) -> DecisionAnswer:
        """Say that two customers are two people, whatever links may say. Raises `ClientError`."""
        return self._transport.ask(asks.decide(APART, ids, author, reason))

    def undo(self, decision: str, *, author: str, reason: str) -> DecisionAnswer:
        """Take a decision back, by another one. Raises `ClientError`."""
        return self._transport.ask(asks.undo(decision, author, reason))

    def decisions(self, *, limit: int = MOST_LISTED) -> list[DecisionListed]:
        """What persons decided, the newest word first; those taken back are among them. Raises `ClientError`."""
        return self._transport.ask(asks.decided(limit)).decisions

    def cut(self, identifier: str, *, at: datetime, author: str, reason: str) -> CutAnswer:
        """Say that an identifier (`kind:value`) changed hands at a time; without a zone, in the tenant's.

        Raises `ClientError`.
        """
        return self._transport.ask(asks.cut(identifier, at, author, reason))

    def review(
        self, *, reason: Literal["neighbours", "limit", "size", "apart"] | None = None, limit: int = 20
    ) -> list[WaitingAnswer]:
        """What a guard has suspended, and waits for a person's word; at most `limit` of each reason.

        Raises `ClientError`.
        """
        return self._transport.ask(asks.review(ReviewQuery(reason=reason, limit=limit))).groups

    def suggestions(self, *, state: State = "open", limit: int = 100) -> Iterator[SuggestionAnswer]:
        """Pairs of customers that look like one, the likeliest first; `limit` in a request. Raises `ClientError`."""
        after: int | None = 0
        while after is not None:
            page = self._transport.ask(asks.suggested(state, after, limit))
            yield from page.suggestions
            after = page.after

    def accept(self, suggestion: str, *, author: str, reason: str) -> SettledAnswer:
        """Say that the two are one: a join like any other, to be undone as one. Raises `ClientError`."""
        return self._transport.ask(asks.settle(ACCEPT, suggestion, author, reason))

    def refuse(self, suggestion: str, *, author: str, reason: str) -> SettledAnswer:
        """Say no: the two are never suggested again. Raises `ClientError`."""
        return self._transport.ask(asks.settle(REFUSE, suggestion, author, reason))

    def rules(self) -> VersionsAnswer:
        """All versions of the quality check's rules, and when each was put in force. Raises `ClientError`."""
        return self._transport.ask(asks.versions())

    def keep_rules(self, text: str, *, author: str) -> KeptAnswer:
        """Keep a version of the rules, which are YAML.

        Raises `ClientError`; the `reason` of `Invalid` names each line that is wrong.
        """
        return self._transport.ask(asks.keep(text, author))

    def try_rules(self, text: str, *, calls: int = 1_000, examples: int = 3) -> TrialAnswer:
        """Try a draft on so many calls: which labels would come and go; nothing changes. Raises `ClientError`."""
        return self._transport.ask(asks.attempt(TrialBody(text, calls, examples)))

    def rules_text(self, version: str) -> str:
        """A version as it was written. Raises `ClientError`."""
        return self._transport.ask(asks.written(version)).text

    def apply_rules(self, version: str, *, author: str) -> ProgressAnswer:
        """Put a version in force, or with the version `none` no rules at all, a second or two of history each time.

        To be called until the answer is `finished`, by whomever, whenever. Raises `ClientError`.
        """
        return self._transport.ask(asks.apply(version, author))


class AsyncSteward(AsyncOpened):
    """An operator's calls, for asyncio: what `Steward` does, without blocking."""

    async def explain(self, number: int) -> Explanation:
        """Why a customer is one; see `Steward.explain`."""
        return await self._transport.ask(asks.explain(number))

    async def history(self, number: int, *, at: datetime | str | None = None) -> History:
        """What the customer was before each join and parting, and at a past moment; see `Steward.history`."""
        return await self._transport.ask(asks.history(number, at))

    async def path(self, one: AnIdentifier, other: AnIdentifier) -> Path:
        """How two identifiers hang together, link by link, or what stands between them; see `Steward.path`."""
        return await self._transport.ask(asks.path(one, other))

    async def export(self, number: int) -> Export:
        """All of a person to take away, for a key that may erase; see `Steward.export`."""
        return await self._transport.ask(asks.export(number))

    async def erase(
        self, number: int, *, author: str, reason: str, only: bool = False, preview: bool = False
    ) -> Erasure:
        """Erase a person from everywhere, for good; see `Steward.erase`."""
        wanted = EraseQuery(author=author, reason=reason, only=only, preview=preview)
        return await self._transport.ask(asks.erase(number, wanted))

    async def changes(self, *, after: int = 0, limit: int = MOST_CHANGES) -> AsyncIterator[ChangeAnswer]:
        """What became of customers, in order, behind the change numbered `after`; see `Steward.changes`."""
        cursor: int | None = after
        while cursor is not None:
            page = await self._transport.ask(asks.changes_after(cursor, limit))
            for one in page.changes:
                yield one
            cursor = asks.next_after(cursor, page)

    async def leads_to(self, number: int) -> IdAnswer:
        """Where an id leads now, and which ids lead there; see `Steward.leads_to`."""
        return await self._transport.ask(asks.leads_to(number))

    async def join(self, ids: Iterable[AnId], *, author: str, reason: str) -> DecisionAnswer:
        """Say that these identifiers are one customer; see `Steward.join`."""
        return await self._transport.ask(asks.decide(JOIN, ids, author, reason))

    async def part(self, ids: Iterable[AnId], *, author: str, reason: str) -> DecisionAnswer:
        """Say that these identifiers of a customer are one, and the rest of it another; see `Steward.part`."""
        return await self._transport.ask(asks.decide(PART, ids, author, reason))

    async def apart(self, ids: Iterable[AnId], *, author: str, reason: str) -> DecisionAnswer:
        """Say that two customers are two people, whatever links may say; see `Steward.apart`."""
        return await self._transport.ask(asks.decide(APART, ids, author, reason))

    async def undo(self, decision: str, *, author: str, reason: str) -> DecisionAnswer:
        """Take a decision back, by another one; see `Steward.undo`."""
        return await self._transport.ask(asks.undo(decision, author, reason))

    async def decisions(self, *, limit: int = MOST_LISTED) -> list[DecisionListed]:
        """What persons decided, the newest word first; see `Steward.decisions`."""
        return (await self._transport.ask(asks.decided(limit))).decisions

    async def cut(self, identifier: str, *, at: datetime, author: str, reason: str) -> CutAnswer:
        """Say that an identifier (`kind:value`) changed hands at a time; see `Steward.cut`."""
        return await self._transport.ask(asks.cut(identifier, at, author, reason))

    async def review(
        self, *, reason: Literal["neighbours", "limit", "size", "apart"] | None = None, limit: int = 20
    ) -> list[WaitingAnswer]:
        """What a guard has suspended, and waits for a person's word; see `Steward.review`."""
        return (await self._transport.ask(asks.review(ReviewQuery(reason=reason, limit=limit)))).groups

    async def suggestions(self, *, state: State = "open", limit: int = 100) -> AsyncIterator[SuggestionAnswer]:
        """Pairs of customers that look like one, the likeliest first; see `Steward.suggestions`."""
        after: int | None = 0
        while after is not None:
            page = await self._transport.ask(asks.suggested(state, after, limit))
            for one in page.suggestions:
                yield one
            after = page.after

    async def accept(self, suggestion: str, *, author: str, reason: str) -> SettledAnswer:
        """Say that the two are one; see `Steward.accept`."""
        return await self._transport.ask(asks.settle(ACCEPT, suggestion, author, reason))

    async def refuse(self, suggestion: str, *, author: str, reason: str) -> SettledAnswer:
        """Say no; see `Steward.refuse`."""
        return await self._transport.ask(asks.settle(REFUSE, suggestion, author, reason))

    async def rules(self) -> VersionsAnswer:
        """All versions of the quality check's rules, and when each was put in force; see `Steward.rules`."""
        return await self._transport.ask(asks.versions())

    async def keep_rules(self, text: str, *, author: str) -> KeptAnswer:
        """Keep a version of the rules, which are YAML; see `Steward.keep_rules`."""
        return await self._transport.ask(asks.keep(text, author))

    async def try_rules(self, text: str, *, calls: int = 1_000, examples: int = 3) -> TrialAnswer:
        """Try a draft on so many calls; see `Steward.try_rules`."""
        return await self._transport.ask(asks.attempt(TrialBody(text, calls, examples)))

    async def rules_text(self, version: str) -> str:
        """A version as it was written; see `Steward.rules_text`."""
        return (await self._transport.ask(asks.written(version))).text

    async def apply_rules(self, version: str, *, author: str) -> ProgressAnswer:
        """Put a version in force, a second or two of history each time; see `Steward.apply_rules`."""
        return await self._transport.ask(asks.apply(version, author))

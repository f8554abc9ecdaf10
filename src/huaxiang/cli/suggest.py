"""`huaxiang suggest` and `huaxiang suggestion …`: customers that look like one, found, listed, accepted or refused."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from huaxiang.cli.output import print_json, say, show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.dialects.native.suggestions import (
    MOST_LISTED,
    PartAnswer,
    SettledAnswer,
    State,
    SuggestionAnswer,
    SuggestionsAnswer,
)
from huaxiang.errors import SettingsInvalid
from huaxiang.service import Service
from huaxiang.steward import suggestions

suggestion = App(name="suggestion", help="Suggestions: pairs of customers that look like one, and your answer to each.")

Author = Annotated[str, Parameter(help="Who answers.")]
Reason = Annotated[str, Parameter(help="Why.")]


def suggest(*, tenant: str, least: float = 0.5, most: int = suggestions.MOST_KEPT, place: Place = HERE) -> None:
    """Find customers that look like one though no identifier says so, and keep them for review. Nobody is joined.

    It takes the place of what waits from the run before; what a person has answered is not asked again.

    Parameters
    ----------
    tenant
        Whose customers.
    least
        The probability from which on a pair is worth a look.
    most
        How many to keep, the likeliest.

    """

    async def work(service: Service) -> suggestions.Run:
        found = await service.tenant(tenant)
        return await suggestions.run(service, found, least=least, most=most, tell=lambda line: say(f"huaxiang: {line}"))

    done = place.run(work)
    if place.json:
        print_json(done)
        return
    show({name: value for name, value in msgspec.structs.asdict(done).items() if name != "bands"}, as_json=False)
    if done.bands:
        rows = [{"probability": f"≥ {band.least:g}", "suggestions": band.suggestions} for band in done.bands]
        show_rows(rows, ("probability", "suggestions"), as_json=False)
        say("Nobody is joined; answer with `huaxiang suggestion`.  未合并任何客户，请逐条审核。")


@suggestion.command(name="list")
def list_(*, tenant: str, state: State = "open", after: int = 0, limit: int = 20, place: Place = HERE) -> None:
    """List suggestions, the likeliest first, with what speaks for and against each, in powers of two.

    Parameters
    ----------
    tenant
        Whose customers.
    state
        open, accepted or refused.
    after
        Begin behind the one with this number, as the end of a page tells it.
    limit
        How many.

    """
    if not 1 <= limit <= MOST_LISTED or after < 0:
        raise SettingsInvalid(field="limit", reason=f"1 to {MOST_LISTED}, and --after from 0")

    async def work(service: Service) -> SuggestionsAnswer:
        return await suggestions.page(service, await service.tenant(tenant), state=state, after=after, limit=limit)

    page = place.run(work)
    if place.json:
        print_json(page)
        return
    columns = ("id", "one", "other", "probability", "for", "against")
    answered = () if state == "open" else ("author", "reason", "decision")
    show_rows([_row(one) for one in page.suggestions], (*columns, *answered), as_json=False)
    if page.after is not None:
        say(f"more: --after {page.after}")


@suggestion.command
def accept(*ids: str, tenant: str, author: Author, reason: Reason, place: Place = HERE) -> None:
    """Accept a suggestion: its two customers are one, by your decision; `huaxiang undo` takes it back.

    Parameters
    ----------
    ids
        The suggestion (12-15), or an identifier of each customer: a number of ours, or kind:value[@scope].
    tenant
        Whose customers.

    """
    _settle(suggestions.accept, ids, tenant, author, reason, place)


@suggestion.command
def refuse(*ids: str, tenant: str, author: Author, reason: Reason, place: Place = HERE) -> None:
    """Refuse a suggestion: it never comes again. To keep the two apart whatever links say, there is `huaxiang apart`.

    Parameters
    ----------
    ids
        The suggestion (12-15), or an identifier of each customer: a number of ours, or kind:value[@scope].
    tenant
        Whose customers.

    """
    _settle(suggestions.refuse, ids, tenant, author, reason, place)


def _settle(
    settle: Callable[..., Coroutine[Any, Any, SettledAnswer]],
    ids: tuple[str, ...],
    tenant: str,
    author: str,
    reason: str,
    place: Place,
) -> None:
    meant = suggestions.pair(ids[0]) if len(ids) == 1 else ids

    async def work(service: Service) -> SettledAnswer:
        return await settle(service, await service.tenant(tenant), meant, author=author, reason=reason)

    done = place.run(work)
    show(done, as_json=place.json)
    if done.waits:
        say(f"huaxiang: kept, but it does not hold yet: {', '.join(done.waits)} (see `huaxiang review`)")


def _row(one: SuggestionAnswer) -> dict[str, object]:
    """A suggestion as a line of the table."""
    return {
        **msgspec.structs.asdict(one),
        "probability": f"{one.probability:.3f}",
        "for": [_words(part) for part in one.parts if part.weight > 0],
        "against": [_words(part) for part in one.parts if part.weight <= 0],
    }


def _words(part: PartAnswer) -> str:
    return f"{part.column} {part.says} {part.weight:+.1f}"

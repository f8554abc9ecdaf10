"""What a call gathers: the transcripts and marks that wait on its own node -> its rounds and its labels as they stand.

Takes what waits, in any order; gives a document that the call's fact keeps, and that folds with it. Pure.

Rule 1: a mark is keyed by (type, name); the newest decision of a person beats any check.
Rule 2: a person's mark is added; a person's deletion deletes what the check found, or what a person had added.
Rule 3: a mark without a second takes that of the mark it stands over.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from huaxiang.dialogue import rounds
from huaxiang.model import AnyFact, Json, Mark, Order, Transcript

if TYPE_CHECKING:
    from collections.abc import Iterable

Waiting: TypeAlias = tuple[Order, AnyFact]
"""A fact that waits for its call, and its place in the order of «newest»."""


def gathered(waiting: Iterable[Waiting]) -> dict[str, Json] | None:
    """The call's `rounds` (None when no transcript tells) and its `marks`, by (type, name); None if nothing waits."""
    listed = list(waiting)
    if not listed:
        return None
    marks: defaultdict[tuple[str, str], list[tuple[Order, Mark]]] = defaultdict(list)
    for order, fact in listed:
        if isinstance(fact, Mark):
            marks[fact.type, fact.name].append((order, fact))
    return {
        "rounds": rounds(fact for _, fact in listed if isinstance(fact, Transcript)),
        "marks": [standing for label in sorted(marks) if (standing := _standing(marks[label]))],
    }


def _standing(told: list[tuple[Order, Mark]]) -> dict[str, Json] | None:
    """How one label stands on the call, after all that was said of it; None when a check alone took it back."""
    newest_first = [mark for _, mark in sorted(told, key=lambda one: one[0], reverse=True)]
    decision = next((mark for mark in newest_first if mark.by == "person"), None)
    check = next((mark for mark in newest_first if mark.by == "check"), None)
    if check is not None and check.deleted:
        check = None
    addition = next((mark for mark in newest_first if mark.by == "person" and not mark.deleted), None)
    under = (check or addition) if decision is None or decision.deleted else decision
    shown = under or decision
    if shown is None:
        return None
    seconds = [mark.second for mark in (decision, under, check) if mark is not None and mark.second is not None]
    by_person = under is not None and under.by == "person"
    return {
        "type": shown.type,
        "name": shown.name,
        "checked": not by_person,
        "added": by_person,
        "deleted": decision is not None and decision.deleted,
        "second": seconds[0] if seconds else None,
    }

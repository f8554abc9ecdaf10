"""What a call gathers: what waits on its own node, and what rules find in it -> its rounds, its labels as they stand.

Takes what waits, in any order, and the hits of the rules that the call is under; gives a document that the call's fact
keeps, and that folds with it. Pure.

Rule 1: a mark is keyed by (type, name); the newest decision of a person beats any check.
Rule 2: a person's mark is added; a person's deletion deletes what the check found, or what a person had added.
Rule 3: a mark without a second takes that of the mark it stands over.
Rule 4: a label that rules find is checked, whatever other checks said of it; its second is the earliest that a rule
        found. Beside it stands its evidence: each hit, by rule.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from huaxiang.dialogue import rounds
from huaxiang.model import AnyFact, Json, Mark, Order, Transcript

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from huaxiang.portrait import Hit

Waiting: TypeAlias = tuple[Order, AnyFact]
"""A fact that waits for its call, and its place in the order of «newest»."""

MOST_HITS = 8
"""Of one label on one call that are kept as evidence."""


def gathered(waiting: Iterable[Waiting], hits: Iterable[Hit] = ()) -> dict[str, Json] | None:
    """The call's `rounds` (None when no transcript tells) and its `marks`, by (type, name); None if there is nothing.

    Where rules found a mark, `evidence` holds their hits, in the order of `marks` (null for a mark that none found).
    """
    listed, found = list(waiting), list(hits)
    if not listed and not found:
        return None
    marks: defaultdict[tuple[str, str], list[tuple[Order, Mark]]] = defaultdict(list)
    for order, fact in listed:
        if isinstance(fact, Mark):
            marks[fact.type, fact.name].append((order, fact))
    by_label: defaultdict[tuple[str, str], list[Hit]] = defaultdict(list)
    for hit in sorted(found, key=lambda hit: hit.rule):
        by_label[hit.type, hit.name].append(hit)
    labels = sorted(marks.keys() | by_label.keys())
    standing = {label: one for label in labels if (one := _standing(marks[label], by_label[label]))}
    document: dict[str, Json] = {
        "rounds": rounds(fact for _, fact in listed if isinstance(fact, Transcript)),
        "marks": list(standing.values()),
    }
    if found:
        document["evidence"] = [msgspec.to_builtins(by_label[label][:MOST_HITS]) or None for label in standing]
    return document


def _standing(told: list[tuple[Order, Mark]], hits: Sequence[Hit]) -> dict[str, Json] | None:
    """How one label stands on the call, after all that was said of it; None when a check alone took it back."""
    newest_first = [mark for _, mark in sorted(told, key=lambda one: one[0], reverse=True)]
    decision = next((mark for mark in newest_first if mark.by == "person"), None)
    check = _by_rules(hits) if hits else next((mark for mark in newest_first if mark.by == "check"), None)
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


def _by_rules(hits: Sequence[Hit]) -> Mark:
    """The mark that rules set: at the earliest second that one of them found."""
    second = min((hit.second for hit in hits if hit.second is not None), default=None)
    return Mark(source="rules", call="-", type=hits[0].type, name=hits[0].name, by="check", second=second)

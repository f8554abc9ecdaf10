"""The native wire of erasure: a person gone from everywhere, and what is said of it.

Rule 1: with `preview` nothing is changed, and the answer tells what would go.
Rule 2: an answer holds no value of the person: numbers, counts, and the names of other people's records.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native.wire import Refusal

MOST_EXAMPLES = 20
Word = Annotated[str, Meta(min_length=1, max_length=4096)]


class EraseQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who erases, and why: both are kept. `only`: this one identifier, by its own number, not its whole customer."""

    author: Word
    reason: Word
    only: bool = False
    preview: bool = False


class RewrittenFact(msgspec.Struct, frozen=True):
    """A fact of somebody else that refers to the person: its record, and which of its fields change."""

    source: str
    enterprise: str
    kind: str
    id: str
    fields: list[str]


class Erasure(msgspec.Struct, frozen=True):
    """What went, or, where not `done`, what would go. `customer`: whose, by id.

    `unknown`: numbers that nobody has any more, for ever; `leading_on`: numbers that lead to what is left of their
    customer. `rows`: how many rows of each table go. `rewritten` counts the revisions of other people's records that
    change, `examples` shows up to 20. `marks`: how many keyed marks are kept. `stays`: what stays where, until when.
    """

    done: bool
    customer: int
    unknown: list[int]
    leading_on: list[int]
    rows: dict[str, int]
    rewritten: int
    examples: list[RewrittenFact]
    marks: int
    stays: list[str]


ERASE = Endpoint(
    method="DELETE",
    path="/v1/customers/{id}",
    title="删除客户的全部数据",
    summary="Erase a person: facts, identifiers, links, and what other people's facts say of them",
    auth="bearer",
    query=EraseQuery,
    answer=Erasure,
    refusal=Refusal,
    statuses=(400, 401, 403, 404, 429, 500, 503),
)
ENDPOINTS: tuple[Endpoint, ...] = (ERASE,)

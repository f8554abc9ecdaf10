"""The calls of Telrobot as data: what is asked -> bytes, bytes -> typed answer or error. Pure, without a socket.

Rule 1: more than a call may carry is cut into several.
Rule 2: what was not said is not sent.
Rule 3: every call may be sent twice, but the one that makes a field: a row that comes again is the same row, and what
        is deleted stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from msgspec import Struct, structs

from huaxiang.client.batches import ARow, Batch, cut, parts, several
from huaxiang.client.errors import Invalid
from huaxiang.client.exchange import PERHAPS_DONE, Call, Reply, encoded, placed
from huaxiang.client.telrobot import answers
from huaxiang.client.telrobot.answers import Component, Customer, Deleted, Handed, Page, TokenState, shaped
from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.telrobot.wire import (
    ADD,
    CHANGE_FIELD,
    DELETE,
    DETAIL,
    LIST,
    MAKE_FIELD,
    MOST_DELETED,
    MOST_ROWS,
    TEMPLATE,
    TOKEN,
)
from huaxiang.model import Json

Answer = TypeVar("Answer")

STAGE = structs.replace(LIST, path="/agent-api/user/{user_id}/type/{type}/get_customer")
"""The same list, of one stage of the public pool."""

_READS = PERHAPS_DONE | {500}


class Filter(Struct, frozen=True, kw_only=True):
    """Which customers of an account: those of whom all that is said here holds.

    `phone`, `email`: whole; `company`: a part of it. `created_at`: from and to, each `yyyy-MM-dd HH:mm:ss` in the
    account's time zone, or a day alone; both belong to it. `operator`: 1 电信, 2 联通, 3 移动, any of them.
    `components`: the id of a custom field -> the value that it must have. `stage`: of the public pool, as `clue`.
    """

    phone: str | None = None
    email: str | None = None
    company: str | None = None
    created_at: tuple[str, str] | None = None
    operator: Sequence[int] = ()
    components: Mapping[str, str | int | float] = {}
    stage: str | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """The same in a query, lists as PHP writes them: the vendor's server is one of Laravel.

        Raises `Invalid` for a text without a sign, which the server would take for no filter, and find everybody.
        """
        plain = (("phone", self.phone), ("email", self.email), ("company", self.company))
        pairs = [(name, value) for name, value in plain if value is not None]
        for name, value in pairs:
            if not value.strip():
                raise Invalid(field=name, reason="is blank: leave it out, to ask for everybody")
        pairs += [(f"created_at[{place}]", one) for place, one in enumerate(self.created_at or ())]
        pairs += [(f"operator[{place}]", str(one)) for place, one in enumerate(self.operator)]
        for place, (name, value) in enumerate(self.components.items()):
            pairs += [(f"components[{place}][id]", name), (f"components[{place}][value]", str(value))]
        return pairs


def detail(user_id: str, customer_id: str) -> Call[Customer]:
    """The call that reads one customer."""
    return call(DETAIL, lambda reply: answers.read(_Customer, reply).data, user_id=user_id, customer_id=customer_id)


def fields(user_id: str) -> Call[list[Component]]:
    """The call that reads the account's custom fields."""
    return call(TEMPLATE, lambda reply: answers.read(_Components, reply).data, user_id=user_id)


def page(user_id: str, wanted: Filter, number: int, size: int) -> Call[Page]:
    """The call that reads a page of the account's customers. Raises `Invalid`."""
    if size < 1:
        raise Invalid(field="per_page", reason="one at least")
    query = (("page", str(number)), ("per_page", str(size)), *wanted.pairs())
    if wanted.stage is None:
        return call(LIST, lambda reply: answers.read(Page, reply), query=query, user_id=user_id)
    return call(STAGE, lambda reply: answers.read(Page, reply), query=query, user_id=user_id, type=wanted.stage)


def next_page(of: Page, number: int) -> int | None:
    """The number of the page after this one; None after the last."""
    return number + 1 if of.data and number < of.meta.last_page else None


def batches(user_id: str, rows: Iterable[ARow], sub_user_id: str | UUID | None) -> Iterator[Batch[Handed]]:
    """The calls that hand these rows over, 200 in each."""
    of = {"sub_user_id": str(sub_user_id)} if sub_user_id else {}
    for part in parts(rows, MOST_ROWS):
        body: dict[str, Json] = {"data": part.bodies, **of}
        handed = call(ADD, lambda reply: answers.read(Handed, reply), body=body, user_id=user_id)
        yield Batch(part, handed if part.rows else None)


def deletions(
    user_id: str, phones: Iterable[str] | None, created_at: tuple[str, str] | None
) -> Iterator[tuple[int, Call[int | None]]]:
    """The calls that delete these customers, 100 in each, with the place of the first. Nobody named, no call.

    The answer is how many were deleted, None where the server does not say. Raises `Invalid`.
    """
    span = {"created_at": list(created_at)} if created_at else {}
    if phones is None and span:
        yield 0, call(DELETE, _read_deleted, body=span, user_id=user_id)
    for number, part in enumerate(cut(several("phones", phones or ()), MOST_DELETED)):
        yield number * MOST_DELETED, call(DELETE, _read_deleted, body={"phone": part, **span}, user_id=user_id)


def plus(count: int | None, more: int | None) -> int | None:
    """The sum; None where either is not known."""
    return None if count is None or more is None else count + more


def make_field(user_id: str, said: Mapping[str, Json]) -> Call[Component | None]:
    """The call that makes a custom field."""
    return call(MAKE_FIELD, _read_field, body=_said(said), repeatable=False, user_id=user_id)


def change_field(user_id: str, component_id: str, changes: Mapping[str, Json]) -> Call[Component | None]:
    """The call that changes a custom field."""
    return call(CHANGE_FIELD, _read_field, body=_said(changes), user_id=user_id, id=component_id)


def _said(fields: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value is not None}


def token() -> Call[TokenState]:
    """The call that tells what the token is good for."""
    return call(TOKEN, lambda reply: answers.read(_TokenState, reply).data)


def call(
    of: Endpoint,
    read: Callable[[Reply], Answer],
    *,
    query: Sequence[tuple[str, str]] = (),
    body: Json = None,
    repeatable: bool = True,
    **places: str,
) -> Call[Answer]:
    """A call; `places` are the parts of its path. Raises `Invalid` for what can't be sent."""
    return Call(
        of.method,
        placed(of.path, places),
        read=read,
        repeatable=repeatable,
        query=tuple(query),
        media_type="" if body is None else "application/json",
        body=b"" if body is None else encoded(body),
        passing=_READS,
        status_of=answers.status_of,
    )


class _Customer(Struct, kw_only=True):
    data: Customer


class _TokenState(Struct, kw_only=True):
    data: TokenState


class _Components(Struct, kw_only=True):
    data: list[Component] = []


class _Done(Struct, kw_only=True):
    data: Json = None


def _read_deleted(reply: Reply) -> int | None:
    done = shaped(Deleted, answers.read(_Done, reply).data)
    return done.deleted if done else None


def _read_field(reply: Reply) -> Component | None:
    return shaped(Component, answers.read(_Done, reply).data)

"""The calls of Telrobot as data: what is asked -> bytes, bytes -> typed answer or error. Pure, without a socket.

Rule 1: more than a call may carry is cut into several.
Rule 2: what was not said is not sent.
Rule 3: every call may be sent twice: a row that comes again is the same row, and what is deleted stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from huaxiang.client.errors import Invalid
from huaxiang.client.exchange import PERHAPS_DONE, Call, Reply
from huaxiang.client.telrobot import answers
from huaxiang.client.telrobot.answers import Component, Customer, Page, TokenState
from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.telrobot.wire import DETAIL, TOKEN
from huaxiang.model import Json

Answer = TypeVar("Answer")

MOST_ROWS = 200
MOST_DELETED = 100


class Place(NamedTuple):
    """Where a call goes."""

    method: str
    path: str


FIELDS = Place("GET", "/agent-api/user/{user_id}/customer/create")
LIST = Place("GET", "/agent-api/user/{user_id}/get_customer")
STAGE = Place("GET", "/agent-api/user/{user_id}/type/{type}/get_customer")
ADD = Place("POST", "/agent-api/user/{user_id}/async_customer")
DELETE = Place("DELETE", "/agent-api/user/{user_id}/del_customer")
CHANGE = Place("PUT", "/agent-api/user/{user_id}/component/{component_id}")

_READS = PERHAPS_DONE | {500}


class Filter(Struct, frozen=True, kw_only=True):
    """Which customers of an account. `created_at`: from and to; `operator`: 1 电信, 2 联通, 3 移动, any of them.

    `components`: the id of a custom field -> the value that it must have. `stage`: of the public pool, as `clue`.
    """

    phone: str | None = None
    email: str | None = None
    company: str | None = None
    created_at: tuple[str, str] | None = None
    operator: tuple[int, ...] = ()
    components: Mapping[str, str] = {}
    stage: str | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """The same in a query, lists as PHP writes them: the vendor's server is one of Laravel."""
        plain = (("phone", self.phone), ("email", self.email), ("company", self.company))
        pairs = [(name, value) for name, value in plain if value is not None]
        pairs += [(f"created_at[{place}]", one) for place, one in enumerate(self.created_at or ())]
        pairs += [(f"operator[{place}]", str(one)) for place, one in enumerate(self.operator)]
        for place, (name, value) in enumerate(self.components.items()):
            pairs += [(f"components[{place}][id]", name), (f"components[{place}][value]", value)]
        return pairs


def detail(user_id: str, customer_id: str) -> Call[Customer]:
    """The call that reads one customer."""
    return call(DETAIL, lambda reply: answers.read(_Customer, reply).data, user_id=user_id, customer_id=customer_id)


def fields(user_id: str) -> Call[list[Component]]:
    """The call that reads the account's custom fields."""
    return call(FIELDS, lambda reply: answers.read(_Components, reply).data, user_id=user_id)


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


def batches(user_id: str, rows: Iterable[Mapping[str, Json]]) -> Iterator[Call[Json]]:
    """The calls that hand these rows over, 200 in each; the answer to each is the server's word on that batch."""
    source = iter(rows)
    while part := [dict(row) for row in islice(source, MOST_ROWS)]:
        yield call(ADD, _read_data, body={"data": part}, user_id=user_id)


def deletions(user_id: str, phones: Iterable[str], created_at: tuple[str, str] | None) -> Iterator[Call[Json]]:
    """The calls that delete these customers, 100 in each. Nobody named, no call."""
    span = {"created_at": list(created_at)} if created_at else {}
    source = iter(phones)
    part = list(islice(source, MOST_DELETED))
    if not part and span:
        yield call(DELETE, _read_data, body=span, user_id=user_id)
    while part:
        yield call(DELETE, _read_data, body={"phone": part, **span}, user_id=user_id)
        part = list(islice(source, MOST_DELETED))


def change_field(user_id: str, component_id: str, changes: Mapping[str, Json]) -> Call[Json]:
    """The call that changes a custom field."""
    return call(CHANGE, _read_data, body=dict(changes), user_id=user_id, component_id=component_id)


def token() -> Call[TokenState]:
    """The call that tells what the token is good for."""
    return call(TOKEN, lambda reply: answers.read(_TokenState, reply).data)


def call(
    of: Endpoint | Place,
    read: Callable[[Reply], Answer],
    *,
    query: Sequence[tuple[str, str]] = (),
    body: Json = None,
    **places: str,
) -> Call[Answer]:
    """A call; `places` are the parts of its path. Raises `Invalid` for what can't be sent."""
    path = of.path
    for name, value in places.items():
        if not value:
            raise Invalid(field=name, reason="is required")
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return Call(
        of.method,
        path,
        read=read,
        repeatable=True,
        query=tuple(query),
        media_type="" if body is None else "application/json",
        body=b"" if body is None else _encoded(body),
        passing=_READS,
        status_of=answers.status_of,
    )


def _encoded(value: Json) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise Invalid(field="body", reason="can't be written as JSON") from None


class _Customer(Struct, kw_only=True):
    data: Customer


class _TokenState(Struct, kw_only=True):
    data: TokenState


class _Components(Struct, kw_only=True):
    data: list[Component] = []


class _Data(Struct, kw_only=True):
    data: Json = None


def _read_data(reply: Reply) -> Json:
    return answers.read(_Data, reply).data

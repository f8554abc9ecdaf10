"""What every dialect states as data: its endpoints and its import formats.

`Endpoint` is one call of a wire contract: server, client, the page at `/docs` and the tests read the same object.
`Format` is one way in by file: how a row of the vendor becomes facts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.model import Json, Parsed


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One call: its place, who may call it, the types that go in and come out.

    `path` is in OpenAPI's form (`/agent-api/user/{user_id}/…`). `title` is Chinese, `summary` English. `auth` names
    the dialect's way to authenticate. `query` and `body` are structs whose fields are the parameters; `answer` is the
    type of a success, `refusal` of every refusal, with the HTTP `statuses` it may carry.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    title: str
    summary: str
    auth: Literal["signature", "x-token", "bearer", "none"]
    query: type | None = None
    body: Any = None
    answer: Any
    refusal: Any
    statuses: tuple[int, ...]


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """One way in by file.

    `parse` takes a row (strings, numbers, lists and objects; in a CSV all scalars are strings) and the tenant's time
    zone, and raises `InputMissing` or `InputInvalid` with `field` and `reason`. `identifier_fields`: columns that hold
    numbers which a spreadsheet might have broken.
    """

    name: str
    summary: str
    parse: Callable[[dict[str, Json], ZoneInfo], Parsed]
    identifier_fields: frozenset[str]

"""A vendor's JSON, read as it comes: what a strict reader would refuse for its form is read once more, leniently.

Takes bytes and a type whose fields have defaults, gives a value of the type. Pure.

Rule 1: a field that is null did not come; an item that is null is none.
Rule 2: a number may come as its digits, an integer as a float without a fraction.
Rule 3: a field that is not known here is passed over, so that a vendor, or a newer server, may add some.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import msgspec

from huaxiang.client.errors import Unexpected
from huaxiang.client.exchange import Reply
from huaxiang.model import Json

Kind = TypeVar("Kind")


def _as_it_is(value: Json) -> Json:
    return value


def read(kind: type[Kind], reply: Reply, mend: Callable[[Json], Json] = _as_it_is) -> Kind:
    """The body of a reply, which is the answer. `mend` is tried on what can't be read at once.

    Raises `Unexpected` for what is not the answer, and does not quote it.
    """
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (ValueError, RecursionError):
        pass
    try:
        return msgspec.convert(without_nulls(mend(msgspec.json.decode(reply.body))), kind, strict=False)
    except (ValueError, RecursionError):  # its words may quote the answer
        raise Unexpected(status=reply.status, reason="the body is not the answer to this call") from None


def without_nulls(value: Json) -> Json:
    """The same without what is null, at any depth."""
    if isinstance(value, dict):
        fields = cast("dict[str, Json]", value)
        return {name: without_nulls(one) for name, one in fields.items() if one is not None}
    if isinstance(value, list):
        return [without_nulls(one) for one in cast("list[Json]", value) if one is not None]
    return value

"""What a native call asks for, and how it is answered: a query or a body -> its struct, a struct -> bytes.

Rule 1: a parameter or a field that the call does not know is refused by its name, and so is one given twice.
Rule 2: a refusal names the field at fault, and never repeats a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response

from huaxiang.dialects.native import inward
from huaxiang.errors import InputInvalid, WrongMediaType

if TYPE_CHECKING:
    from msgspec import Struct

Asked = TypeVar("Asked", bound="Struct")


def query(request: Request[Any, Any, Any], kind: type[Asked]) -> Asked:
    """The query's parameters. Raises InputUnknown, InputInvalid, InputMissing."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    said = dict(pairs)
    if len(said) < len(pairs):
        raise InputInvalid(field="query", reason="a parameter is given twice")
    try:
        return msgspec.convert(said, kind, strict=False)
    except (ValueError, RecursionError) as error:
        raise inward.refusal(error) from None


async def body(request: Request[Any, Any, Any], kind: type[Asked]) -> Asked:
    """The body, which is JSON. Raises WrongMediaType, InputUnknown, InputInvalid, InputMissing, InputTooLarge."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in {"", "application/json"}:
        raise WrongMediaType
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (ValueError, RecursionError) as error:
        raise inward.refusal(error) from None


def answer(found: object, kind: type[Struct]) -> Response[bytes]:
    """What the house found, as the wire's `kind`, field for field."""
    told = msgspec.convert(found, kind, from_attributes=True)
    return Response(content=msgspec.json.encode(told), media_type="application/json")

"""Who is asking, where a bearer token says so: Telrobot and the native API.

Takes a request with `Authorization: Bearer <token>`, gives the access key that the token belongs to.

Rule 1: a missing header, another scheme, an unknown token and a revoked one are refused alike.
Rule 2: a call counts against the key's rate as soon as its token is known, whatever becomes of it then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from huaxiang.errors import NotAuthenticated, NotPermitted
from huaxiang.keyring import digest
from huaxiang.memory import Credential

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litestar import Request

    from huaxiang.keyring import Dialect
    from huaxiang.lookup import Passage
    from huaxiang.model import AccessKey
    from huaxiang.server.call import Call
    from huaxiang.service import Service


async def caller(
    service: Service, request: Request[Any, Any, Any], *, dialect: Dialect, permission: str | None = None
) -> AccessKey:
    """The key of the request's token in `dialect`.

    Raises `NotAuthenticated`, `TooOften`, and `NotPermitted` for a key without the permission that is asked for.
    """
    return await holder(service, request.headers.get("authorization", ""), dialect=dialect, permission=permission)


async def holder(service: Service, authorization: str, *, dialect: Dialect, permission: str | None = None) -> AccessKey:
    """The same, by what stands in the header."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    key = await service.key_by_token(dialect, token) if scheme.lower() == "bearer" and token else None
    if key is None:
        raise NotAuthenticated
    await service.accept(key)
    if permission is not None and permission not in key.permissions:
        raise NotPermitted(field="permission", reason=permission)
    return key


async def through(
    service: Service,
    call: Call,
    serve: Callable[[Passage], Awaitable[bytes]],
    *,
    dialect: Dialect,
    permission: str,
) -> bytes:
    """What `serve` gives to the holder of the call's token; refuses as `caller` does (see `Lookups.through`)."""
    scheme, _, token = call.header(b"authorization").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated

    async def passed(passage: Passage) -> bytes:
        if passage.key.rate is not None:
            await accept(service, passage)
        if permission not in passage.key.permissions:
            raise NotPermitted(field="permission", reason=permission)
        return await serve(passage)

    return await service.lookups.through(Credential(dialect, "token", digest(token)), passed)


async def accept(service: Service, passage: Passage, key: AccessKey | None = None) -> None:
    """Count the call against its key's rate, or against that of the key it acts for, once. Raises TooOften."""
    counted = key or passage.key
    if counted.rate is not None and not passage.is_accepted:
        await service.accept(counted)
        passage.is_accepted = True

"""Who is asking, where the query is signed: Tinet.

Takes a request's method, host, path and raw query, gives the access key that signed it.

Rule 1: the host that counts is the one that the client addressed: the public host where one is set, else the `Host`
    header; without its port.
Rule 2: a call counts against the key's rate as soon as its signature has passed, whatever becomes of it then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from huaxiang.dialects.tinet import signing
from huaxiang.errors import NotAuthenticated, NotPermitted

if TYPE_CHECKING:
    from huaxiang.model import AccessKey
    from huaxiang.service import Service

DIALECT: Final = "tinet"


async def caller(
    service: Service, query: bytes, *, method: str, host: str, path: str, permission: str
) -> tuple[AccessKey, signing.Pairs]:
    """The key that signed the request, if it may do this, and the query's parameters but for the signature's.

    Raises what `signing` raises, `NotAuthenticated` for an unknown key, `TooOften`, and `NotPermitted` for a key
    without the permission.
    """
    claimed, pairs = signing.read(query)
    key = await service.key_by_name(DIALECT, claimed.access_key_id)
    if key is None:
        raise NotAuthenticated
    reading = verify(service, key, claimed, method=method, host=host, path=path)
    if reading not in key.readings:
        await service.note_clock(key, reading)
    await service.accept(key)
    if permission not in key.permissions:
        raise NotPermitted(reason=permission)
    return key, pairs


def verify(
    service: Service, key: AccessKey, claimed: signing.Claim, *, method: str, host: str, path: str
) -> signing.Reading:
    """Hold the signature against the key's secret and clock; gives by which reading of the clock it was right.

    The caller notes a reading that is new of the key (`note_clock`). Raises what `signing.verify` raises.
    """
    clock = cast("signing.Clock", key.options.get("clock", "both"))
    return signing.verify(claimed, method, host, path, secret=key.secret, clock=clock, now=service.now())

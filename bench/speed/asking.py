"""The requests of each dialect, byte for byte, each with what its answer must hold; and keys to make them with.

The same bytes go to every server that is compared: the host that is addressed, and signed, names no port.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode
from uuid import uuid4

import msgspec

from huaxiang.dialects.tinet import signing

from . import data
from .house import House
from .load import Asked

HOST: Final = "127.0.0.1"
_WEEK_S: Final = "604800"


class Doors(NamedTuple):
    """A key of each dialect, without a limit to its rate."""

    tinet_id: str
    tinet_secret: str
    app: str
    app_secret: str
    user: str
    user_token: str
    native_token: str


def doors(house: House, tenant: str) -> Doors:
    """Make the keys."""
    told = {
        dialect: house.run("key", "create", "--tenant", tenant, "--dialect", dialect, "--rate", "0").answer
        for dialect in ("tinet", "rabbitpre", "telrobot", "native")
    }
    tinet, rabbitpre, telrobot = told["tinet"], told["rabbitpre"], told["telrobot"]
    return Doors(
        *(tinet["access_key_id"], tinet["access_key_secret"], rabbitpre["instanceAppid"], rabbitpre["instanceSecrect"]),
        *(telrobot["user_id"], telrobot["token"], told["native"]["token"]),
    )


def lookups(doors: Doors, port: int) -> dict[str, Callable[[int], Asked]]:
    """How to ask for a customer, by kind; `port`: where an access token is asked for."""
    token = _access_token(doors, port)
    return {
        "tinet by number": lambda customer: portrait(doors, data.phone(customer)),
        "rabbitpre by phone": lambda customer: _detail(token, customer, b'{"phoneList":["%s"]}', data.phone(customer)),
        "rabbitpre by id": lambda customer: _detail(
            token, customer, b'{"audienceUserIdList":[%s]}', str(data.audience(customer))
        ),
        "telrobot by id": lambda customer: _customer(doors, data.crm_id(customer)),
    }


def portrait(doors: Doors, number: str) -> Asked:
    """Tinet's portrait of one number."""
    return Asked(page(doors, [("customerNumber", number)]), f'"customerNumber":"{number}"'.encode())


def page(doors: Doors, pairs: Iterable[tuple[str, str]]) -> bytes:
    """A signed request for a page of portraits."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = [("AccessKeyId", doors.tinet_id), ("Expires", _WEEK_S), ("Timestamp", now), *pairs]
    query.sort()
    signature = signing.sign(doors.tinet_secret, "GET", HOST, "/sqc/customerPortrait", query)
    return _wire("GET", f"/sqc/customerPortrait?{urlencode(query)}&Signature={quote(signature, safe='')}")


def push(doors: Doors, facts: Iterable[object]) -> bytes:
    """A push of facts through the native API."""
    return _native(doors, "/v1/facts", msgspec.json.encode({"facts": list(facts)}))


def lookup(doors: Doors, number: str) -> bytes:
    """A look-up of a phone through the native API."""
    return _native(
        doors, "/v1/customers/lookup", msgspec.json.encode({"identifiers": [{"kind": "phone", "value": number}]})
    )


def calls(doors: Doors, customers: Sequence[int]) -> Iterator[Asked]:
    """Pushes of one new call each, of these customers in turns, without end."""
    for customer in cycle(customers):
        yield Asked(push(doors, [_call(data.phone(customer), str(uuid4()))]), b'"landed":1')


def said_and_seen(doors: Doors, customers: Sequence[int]) -> Iterator[Asked]:
    """Pushes of one new fact each, without end, of these customers in turns; then the look-up that must show it."""
    for place, customer in enumerate(cycle(customers)):
        number, word = data.phone(customer), f"{uuid4()}-{place}"
        named = [{"kind": "phone", "value": number}]
        told = {"kind": "trait", "source": "bench", "id": word, "at": datetime.now(UTC).isoformat()}
        seen = Asked(lookup(doors, number), f'"{word}"'.encode())
        yield Asked(push(doors, [{**told, "identifiers": named, "traits": {"remark": word}}]), b'"landed":1', seen)


def _call(number: str, id_: str) -> object:
    at = datetime.now(UTC).isoformat()
    named = [{"kind": "phone", "value": number}]
    return {"kind": "call", "source": "bench", "id": id_, "at": at, "identifiers": named, "duration": 61}


def _detail(token: str, customer: int, body: bytes, value: str) -> Asked:
    headers = {"X-Token": token, "Content-Type": "application/json; charset=utf-8"}
    wire = _wire("POST", "/api/open/api/audience/detail", headers, body % value.encode())
    return Asked(wire, b'"audienceUserId":%d' % data.audience(customer))


def _customer(doors: Doors, id_: str) -> Asked:
    headers = {"Authorization": f"Bearer {doors.user_token}"}
    wire = _wire("GET", f"/agent-api/user/{doors.user}/customer/detail/{id_}", headers)
    return Asked(wire, f'"id":"{id_}"'.encode())


def _native(doors: Doors, path: str, body: bytes) -> bytes:
    headers = {"Authorization": f"Bearer {doors.native_token}", "Content-Type": "application/json"}
    return _wire("POST", path, headers, body)


def _wire(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {HOST}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _access_token(doors: Doors, port: int) -> str:
    query = urlencode({"instanceAppid": doors.app, "instanceSecrect": doors.app_secret})
    line = http.client.HTTPConnection(HOST, port)
    try:
        line.request("GET", f"/api/open/app/getOrgAccessToken?{query}")
        return str(msgspec.json.decode(line.getresponse().read())["data"]["orgAccessToken"])
    finally:
        line.close()

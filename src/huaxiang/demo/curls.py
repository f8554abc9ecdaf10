"""One ready-to-paste `curl` for each API, for the customers of the vendors' documents.

Takes the demo's credentials and where the server listens, gives lines for bash.

Rule 1: whatever is not ours to choose is quoted for the shell.
Rule 2: Tinet's signature is made for the host that the line addresses, and is good for a week.
Rule 3: a line needs nothing but bash, curl and sed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from shlex import quote
from typing import Final, TypeAlias

import msgspec

from huaxiang.dialects.native.wire import LOOK_UP
from huaxiang.dialects.rabbitpre.wire import ACCESS_TOKEN, DETAIL
from huaxiang.dialects.telrobot.wire import DETAIL as CUSTOMER_DETAIL
from huaxiang.dialects.tinet.signing import EXPIRES_MAX_S, enc, sign
from huaxiang.dialects.tinet.wire import CUSTOMER_PORTRAIT
from huaxiang.model import Json

Credentials: TypeAlias = dict[str, dict[str, Json]]
"""By dialect, each as `key create --json` prints it."""

CALLERS: Final = ("19999999901", "13977952899", "13833332222", "010-1234567")
PHONES: Final = ("13339938205", "18819270183")
"""Of the one customer who fills every field that Rabbitpre documents."""
CUSTOMER_ID: Final = "780f7216-b131-462b-ba30-de7cd1f527de"

_JSON: Final = "Content-Type: application/json; charset=utf-8"
_OUT_OF_ANSWER: Final = r"""sed 's/.*"orgAccessToken":"\([^"]*\)".*/\1/'"""


def curls(
    credentials: Credentials, host: str, port: int, *, public_host: str | None = None, now: datetime | None = None
) -> list[str]:
    """A line for each API: Tinet's, Rabbitpre's, Telrobot's, the native one.

    `host`: where the server listens, `port` 80 left out of the URL; `public_host`: for which it verifies signatures, if
    that is another one. `now` (aware): when the signature is made.
    """
    address = _address(host)
    url = f"http://{address}" if port == 80 else f"http://{address}:{port}"  # noqa: PLR2004 (what http means)
    return [
        _tinet(credentials["tinet"], url, public_host or address, now or datetime.now(UTC)),
        _rabbitpre(credentials["rabbitpre"], url),
        _telrobot(credentials["telrobot"], url),
        _native(credentials["native"], url),
    ]


def _address(host: str) -> str:
    """What a client on this machine can write into a URL: no wildcard, and brackets around IPv6."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"  # noqa: PLR2004 (IPv4)
    return str(address) if address.version == 4 else f"[{address}]"  # noqa: PLR2004 (IPv4)


def _tinet(key: dict[str, Json], url: str, host: str, now: datetime) -> str:
    """The page of the document: its four callers."""
    pairs = [
        ("AccessKeyId", str(key["access_key_id"])),
        ("Expires", str(EXPIRES_MAX_S)),
        ("Timestamp", now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
        ("customerNumber", ", ".join(CALLERS)),
        ("limit", "10000"),
        ("offset", "0"),
    ]
    signature = sign(str(key["access_key_secret"]), "GET", host, CUSTOMER_PORTRAIT.path, pairs)
    query = "&".join(f"{name}={enc(value)}" for name, value in [*pairs, ("Signature", signature)])
    return f"curl -sS {quote(f'{url}{CUSTOMER_PORTRAIT.path}?{query}')}"


def _rabbitpre(key: dict[str, Json], url: str) -> str:
    """The customer who fills every field: a token first, and with it the detail."""
    names = ("instanceAppid", "instanceSecrect")
    query = "&".join(f"{name}={enc(str(key[name]))}" for name in names)
    token = f"curl -sS {quote(f'{url}{ACCESS_TOKEN.path}?{query}')} | {_OUT_OF_ANSWER}"
    return (
        f"curl -sS {quote(url + DETAIL.path)} -H {quote(_JSON)} "
        f'-H "X-Token: $({token})" --data {_body({"phoneList": key["phones"]})}'
    )


def _telrobot(key: dict[str, Json], url: str) -> str:
    path = CUSTOMER_DETAIL.path.format(user_id=key["user_id"], customer_id=CUSTOMER_ID)
    return f"curl -sS {quote(url + path)} -H {_bearer(key)}"


def _native(key: dict[str, Json], url: str) -> str:
    body = _body({"identifiers": [{"kind": "phone", "value": PHONES[0]}]})
    return f"curl -sS {quote(url + LOOK_UP.path)} -H {quote(_JSON)} -H {_bearer(key)} --data {body}"


def _bearer(key: dict[str, Json]) -> str:
    return quote(f"Authorization: Bearer {key['token']}")


def _body(value: Json) -> str:
    return quote(msgspec.json.encode(value).decode())

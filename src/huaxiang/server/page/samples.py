"""A request for each endpoint, as a command to copy: `curl`, and for a signed call `openssl`, which are everywhere.

Takes an endpoint, gives lines for a shell. The variables at the top are what the reader fills in; a test fills them in
and runs every command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from huaxiang.server.page.facts import CALL

if TYPE_CHECKING:
    from huaxiang.dialects.contract import Endpoint

HOST: Final = "127.0.0.1:8080"


class Sample(msgspec.Struct, frozen=True):
    """What a call of the endpoint may look like: values for its path and its query, and a body."""

    path: dict[str, str] = {}
    query: dict[str, str] = {}
    body: Any = None


DECIDED: Final = {"author": "me", "reason": "heard both voices"}
SAMPLES: Final[dict[str, Sample]] = {
    "/sqc/customerPortrait": Sample(query={"limit": "10", "offset": "0"}),
    "/api/open/app/getOrgAccessToken": Sample(query={"instanceAppid": "$APP", "instanceSecrect": "$SECRET"}),
    "/api/open/app/refreshOrgAccessToken": Sample(query={"orgRefreshToken": "$REFRESH_TOKEN"}),
    "/api/open/api/audience/detail": Sample(body={"phoneList": ["13667679151"]}),
    "/agent-api/user/{user_id}/customer/detail/{customer_id}": Sample(
        path={"user_id": "$ACCOUNT", "customer_id": "780f7216-b131-462b-ba30-de7cd1f527de"}
    ),
    "/agent-api/token": Sample(),
    "/v1/facts": Sample(body={"facts": [CALL]}),
    "/v1/customers/{id}": Sample(path={"id": "1"}),
    "DELETE /v1/customers/{id}": Sample(path={"id": "1"}, query={"author": "me", "reason": "asked"}),
    "/v1/customers/{id}/explain": Sample(path={"id": "1"}),
    "/v1/customers/{id}/history": Sample(path={"id": "1"}, query={"at": "2026-05-01"}),
    "/v1/customers/path": Sample(
        body={
            "one": {"kind": "phone", "value": "136-6767-9151"},
            "other": {"kind": "openid", "value": "o-1", "scope": "wx-1"},
        }
    ),
    "/v1/customers/{id}/export": Sample(path={"id": "1"}),
    "/v1/decisions/join": Sample(body={"ids": ["phone:13667679151", "unionid:u-1"], **DECIDED}),
    "/v1/decisions/part": Sample(body={"ids": ["unionid:u-1"], **DECIDED}),
    "/v1/decisions/apart": Sample(body={"ids": ["1", "2"], **DECIDED}),
    "/v1/decisions/{id}/undo": Sample(path={"id": "780f7216-b131-462b-ba30-de7cd1f527de"}, body=DECIDED),
    "/v1/decisions": Sample(query={"limit": "100"}),
    "/v1/cuts": Sample(body={"identifier": "phone:13667679151", "at": "2026-05-01T00:00:00+08:00", **DECIDED}),
    "/v1/review": Sample(query={"limit": "20"}),
    "/v1/changes": Sample(query={"after": "0", "limit": "100"}),
    "/v1/ids/{id}": Sample(path={"id": "1"}),
    "/v1/suggestions": Sample(query={"limit": "10"}),
    "/v1/suggestions/{id}/accept": Sample(path={"id": "1-2"}, body={"author": "me", "reason": "heard both"}),
    "/v1/suggestions/{id}/refuse": Sample(path={"id": "1-2"}, body={"author": "me", "reason": "two sisters"}),
    "/v1/customers/lookup": Sample(body={"identifiers": [{"kind": "phone", "value": "136-6767-9151"}]}),
}
"""By path, or by method and path where two share one; an endpoint that is not here is shown with open parameters."""

_CREDENTIALS: Final = {
    "signature": ("KEY", "SECRET"),
    "x-token": ("TOKEN",),
    "bearer": ("TOKEN",),
    "none": (),
}
_HEADERS: Final = {
    "x-token": '-H "X-Token: $TOKEN"',
    "bearer": '-H "Authorization: Bearer $TOKEN"',
}


def command(endpoint: Endpoint) -> str:
    """The shell's lines that make a call of this endpoint."""
    sample = SAMPLES.get(f"{endpoint.method} {endpoint.path}") or SAMPLES.get(endpoint.path, Sample())
    path = endpoint.path
    for name, value in sample.path.items():
        path = path.replace(f"{{{name}}}", value)
    lines = [f"HOST={HOST}", *(f"{name}=…" for name in _variables(endpoint, sample))]
    if endpoint.auth == "signature":
        return "\n".join(lines + _signed(endpoint.method, path, sample))
    query = "&".join(f"{name}={value}" for name, value in sample.query.items())
    call = f'curl -sS "http://$HOST{path}{"?" if query else ""}{query}"'
    parts = [call] if endpoint.method == "GET" else [call.replace("-sS", f"-sS -X {endpoint.method}")]
    parts += [_HEADERS[endpoint.auth]] if endpoint.auth in _HEADERS else []
    if sample.body is not None:
        body = msgspec.json.format(msgspec.json.encode(sample.body), indent=2).decode()
        parts += ['-H "Content-Type: application/json"', f"-d '{body}'"]
    return "\n".join([*lines, " \\\n  ".join(parts)])


def _variables(endpoint: Endpoint, sample: Sample) -> list[str]:
    asked = [value[1:] for value in (*sample.query.values(), *sample.path.values()) if value.startswith("$")]
    return [*_CREDENTIALS[endpoint.auth], *asked]


def _signed(method: str, path: str, sample: Sample) -> list[str]:
    """Names in byte order, as they are signed: the signature's own begin with capitals, and come first."""
    business = "".join(f"&{name}={value}" for name, value in sorted(sample.query.items()))
    return [
        "AT=$(date -u +%Y-%m-%dT%H%%3A%M%%3A%SZ)",
        f'QUERY="AccessKeyId=$KEY&Expires=60&Timestamp=$AT{business}"',
        f'SIGNATURE=$(printf %s "{method}${{HOST%%:*}}{path}?$QUERY" |',
        '  openssl dgst -sha1 -hmac "$SECRET" -binary | base64)',
        f'curl -sS -G "http://$HOST{path}?$QUERY" --data-urlencode "Signature=$SIGNATURE"',
    ]

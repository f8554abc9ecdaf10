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


CALLED: Final = {"uniqueId": "1597888058.638", "userId": "110Y-1"}
IDENTITIES: Final = [{"identityType": "unionid", "identityValue": "un-1"}]
DECIDED: Final = {"author": "me", "reason": "heard both voices"}
RECORD: Final = "780f7216-b131-462b-ba30-de7cd1f527de"
FIELD: Final = "823c2978-6c93-402c-b2a0-a92e56853382"
RULES: Final = "rules:\n- {id: price, portrait: {type: 意向, name: 问价}, when: {words: [多少钱], speaker: client}}\n"
SAMPLES: Final[dict[str, Sample]] = {
    "/sqc/customerPortrait": Sample(query={"limit": "10", "offset": "0"}),
    "/sqc/cdr": Sample(body={**CALLED, "customerNumber": "13667679151", "startTime": 1597888058, "bridgeDuration": 63}),
    "PUT /sqc/cdr": Sample(body={**CALLED, "businessPriority": "1"}),
    "/sqc/asr_text": Sample(
        body={
            **CALLED,
            "recordSide": "client",
            "asrText": {"bizDuration": 63000, "result": [{"beginTime": 1200, "endTime": 2100, "text": "你好"}]},
        }
    ),
    "/sqc/cdrSqcDetails": Sample(query=CALLED),
    "/sqc/listCdrSqcDetails": Sample(query={"channelTime": "2020-08-20", "limit": "10"}),
    "/sqc/listCdrsByConditions": Sample(
        query={
            "startChannelTime": "2020-08-20+00%3A00%3A00",
            "endChannelTime": "2020-08-20+23%3A59%3A59",
            "offset": "0",
            "limit": "100",
        }
    ),
    "/api/open/app/getOrgAccessToken": Sample(query={"instanceAppid": "$APP", "instanceSecrect": "$SECRET"}),
    "/api/open/app/refreshOrgAccessToken": Sample(query={"orgRefreshToken": "$REFRESH_TOKEN"}),
    "/api/open/api/audience/detail": Sample(body={"phoneList": ["13667679151"]}),
    "/api/open/api/audience/getInfoByPhoneAndOpenid": Sample(body={"phone": "13667679151"}),
    "/api/open/api/audience/user/id/list": Sample(query={"size": "100"}),
    "/api/open/api/audience/user/tag/list": Sample(query={"audienceUserId": "643"}),
    "/api/open/api/audience/user/tag/batchlist": Sample(body={"audienceUserIdList": [643]}),
    "/api/open/audience/info/v2/batchAdd": Sample(
        body={
            "publicParams": {"identifyWay": 1},
            "data": [{"identities": IDENTITIES, "realName": "王伟", "sex": "男", "updateTime": "2024-05-01 10:00:00"}],
        }
    ),
    "/api/open/api/integrate/event/batchAdd": Sample(
        body={"data": [{"eventKey": "view", "eventId": "e-1", "time": 1714528800000, "unionid": "un-1"}]}
    ),
    "/api/open/api/integrate/audience/tag/v2/batchAdd": Sample(
        body={
            "publicParams": {"optType": "add"},
            "data": [{"identities": IDENTITIES, "operateTags": [{"tagName": "意向", "tagValues": ["高"]}]}],
        }
    ),
    "/agent-api/user/{user_id}/customer/detail/{customer_id}": Sample(
        path={"user_id": "$ACCOUNT", "customer_id": "780f7216-b131-462b-ba30-de7cd1f527de"}
    ),
    "/agent-api/user/{user_id}/get_customer": Sample(
        path={"user_id": "$ACCOUNT"}, query={"page": "1", "per_page": "15", "phone": "13667679151"}
    ),
    "/agent-api/user/{user_id}/type/{type}/get_customer": Sample(
        path={"user_id": "$ACCOUNT", "type": "clue"}, query={"page": "1", "is_follow": "0"}
    ),
    "DELETE /agent-api/user/{user_id}/component": Sample(path={"user_id": "$ACCOUNT"}, body={"deletes": [FIELD]}),
    "/agent-api/user/{user_id}/customer/create": Sample(path={"user_id": "$ACCOUNT"}),
    "/agent-api/user/{user_id}/async_customer": Sample(
        path={"user_id": "$ACCOUNT"}, body={"data": [{"phone": "13667679151", "sort": 0, "name": "王伟"}]}
    ),
    "/agent-api/user/{user_id}/del_customer": Sample(path={"user_id": "$ACCOUNT"}, body={"phone": ["13667679151"]}),
    "/agent-api/user/{user_id}/component": Sample(
        path={"user_id": "$ACCOUNT"}, body={"name": "年龄", "type": "number", "validate": ["sometimes", "integer"]}
    ),
    "/agent-api/user/{user_id}/component/{id}": Sample(
        path={"user_id": "$ACCOUNT", "id": FIELD}, body={"name": "岁数"}
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
    "/v1/rules/keep": Sample(body={"text": RULES, "author": "me"}),
    "/v1/rules/try": Sample(body={"text": RULES, "calls": 1000}),
    "/v1/rules": Sample(),
    "/v1/rules/{version}/text": Sample(path={"version": "0f2a4c6e8b1d3f5a7c9e0b2d4f6a8c1e"}),
    "/v1/rules/{version}/apply": Sample(path={"version": "0f2a4c6e8b1d3f5a7c9e0b2d4f6a8c1e"}, body={"author": "me"}),
    "/v1/records/{record}": Sample(path={"record": RECORD}),
    "/v1/records/{record}/follow": Sample(path={"record": RECORD}, body=DECIDED),
    "/v1/records/{record}/settle": Sample(path={"record": RECORD}, body=DECIDED),
    "/v1/records/{record}/claim": Sample(
        path={"record": RECORD}, body={"account": "4fab5764-63c4-4d36-b4ef-1dcb670df629", **DECIDED}
    ),
    "/v1/records/{record}/release": Sample(path={"record": RECORD}, body=DECIDED),
    "/v1/steps/{id}/undo": Sample(path={"id": "st-1"}, body=DECIDED),
    "/v1/dictionary": Sample(query={"kind": "grade"}),
    "PUT /v1/dictionary": Sample(body={"kind": "grade", "name": "A"}),
    "DELETE /v1/dictionary": Sample(query={"kind": "grade", "id": "1"}),
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
    # `-G` puts the signature behind the query, encoded; where the body needs its place, the shell encodes it itself.
    ends = [f'curl -sS -G "http://$HOST{path}?$QUERY" --data-urlencode "Signature=$SIGNATURE"']
    if sample.body is not None:
        body = msgspec.json.format(msgspec.json.encode(sample.body), indent=2).decode()
        ends = [
            "SIGNATURE=$(printf %s \"$SIGNATURE\" | sed 's/+/%2B/g; s|/|%2F|g; s/=/%3D/g')",
            f'curl -sS -X {method} "http://$HOST{path}?$QUERY&Signature=$SIGNATURE" \\',
            f"  -H \"Content-Type: application/json\" \\\n  -d '{body}'",
        ]
    return [
        "AT=$(date -u +%Y-%m-%dT%H%%3A%M%%3A%SZ)",
        f'QUERY="AccessKeyId=$KEY&Expires=60&Timestamp=$AT{business}"',
        f'SIGNATURE=$(printf %s "{method}${{HOST%%:*}}{path}?$QUERY" |',
        '  openssl dgst -sha1 -hmac "$SECRET" -binary | base64)',
        *ends,
    ]

"""What the server's log tells: requests by their route, failures by their place; and nothing of anybody."""

from __future__ import annotations

import json
from uuid import uuid4

from caller import Serving

PHONE, NAME, UNIONID = "13788990011", "欧阳不为人知", "union-of-nobody-else"


async def test_the_log_names_requests_and_no_person_no_token_no_query(server: Serving) -> None:
    tenant, record = await server.tenant(), str(uuid4())
    row = {"id": record, "phone": PHONE, "name": NAME}
    await server.land(tenant, [{"as": "telrobot.customer", "row": row}])
    doors = [await server.door(tenant, dialect) for dialect in ("tinet", "rabbitpre", "telrobot", "native")]
    tinet, rabbitpre, telrobot, native = doors
    answers = [
        tinet.get("/sqc/customerPortrait", pairs=[("customerNumber", PHONE), ("portraits", NAME)]),
        rabbitpre.call("POST", "/api/open/api/audience/detail", json={"phoneList": [PHONE], "thirdIdList": [NAME]}),
        telrobot.get(f"/agent-api/user/{telrobot.credential['user_id']}/customer/detail/{record}"),
        native.call("POST", "/v1/customers/lookup", json={"identifiers": [{"kind": "phone", "value": PHONE}]}),
        native.call("POST", "/v1/facts", json={"facts": [{"kind": UNIONID, "source": NAME}]}),
        native.get(f"/v1/customers/{PHONE}"),
        native.call("DELETE", f"/no/{PHONE}", pairs=[("name", UNIONID)]),
        native.get("/v1/customers/1", headers={"Authorization": f"Bearer {UNIONID}"}),
    ]
    log = server.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    told = {(one["method"], one["route"], one["status"]) for one in lines if one.get("event") == "request"}
    assert ("GET", "/sqc/customerPortrait", 200) in told
    assert ("POST", "/v1/facts", 200) in told
    assert any(status == 404 for _, _, status in told)
    secrets = {value for door in doors for value in (*door.credential.values(), door.access_token) if value}
    for secret in {PHONE, NAME, UNIONID, record, "customerNumber=", "Signature", *secrets}:
        assert secret not in log, secret
        assert json.dumps(secret)[1:-1] not in log
    assert all(answer.status_code < 500 for answer in answers)

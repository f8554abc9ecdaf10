"""The mirror law for Tinet: one server pulled into an empty one answers every read of the dialect in the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from caller import Door, Serving
from pulling import Gate, Here, bare

from huaxiang.generate import rows
from huaxiang.model import Tenant

RULES = """
rules:
  - id: price;a
    portrait: {type: 意向, name: 问价}
    when: {words: [多少钱, 钱], speaker: client}
    examples: {hit: [client: 多少钱], miss: [agent: 多少钱]}
  - id: price-b
    portrait: {type: 意向, name: 问价}
    when: {words: [这个]}
    examples: {hit: [client: 这个], miss: [agent: 那个]}
  - id: other
    portrait: {type: 竞品, name: 问价}
    when: {words: [这个]}
    examples: {hit: [client: 这个], miss: [agent: 那个]}
"""
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = [NOW.date() - timedelta(days=number) for number in range(45)]


def odd_calls() -> list[dict[str, Any]]:
    """Calls that the generated ones are not like."""
    at = int(NOW.timestamp()) - 86_400
    said = [
        {"beginTime": 0, "text": "你好"},
        {"beginTime": 5200, "endTime": 6000, "emotionValue": 0.5, "text": "这个多少钱"},
    ]
    named = {"userId": "1234567", "customerNumber": "010-1234567"}
    cdr = {"as": "tinet.cdr", "row": {**named, "uniqueId": "odd-1", "startTime": at, "callType": 3, "status": "52"}}
    texts = [
        {"uniqueId": "odd-1", "userId": "1234567", "recordSide": side, "asrText": {"result": said}}
        for side in ("agent", "client")
    ]
    silent = [
        {"as": "tinet.cdr", "row": {**named, "uniqueId": "odd-2", "createTime": at, "totalDuration": 0, "rounds": 0}},
        {
            "as": "tinet.cdr",
            "row": {**named, "uniqueId": "odd-3", "startTime": at, "endTime": at + 9, "cno": "07"},
        },
        {"as": "tinet.cdr", "row": {**named, "uniqueId": "odd-4", "startTime": at + 1, "customerCity": "北京"}},
        {"as": "tinet.cdr", "row": {**named, "uniqueId": "odd-5", "userId": "", "startTime": 0}},
    ]
    label = {"kind": "mark", "source": "tinet", "enterprise": "1234567", "call": "odd-3", "type": "意向", "name": "低"}
    marks = [
        {
            **label,
            "id": "m1",
            "by": "person",
            "at": "2026-01-01T00:00:00Z",
            "details": {"words": ["好"], "rule": "r;1"},
        },
        {**label, "id": "m2", "by": "person", "at": "2026-01-02T00:00:00Z", "deleted": True},
        {**label, "id": "m3", "by": "person", "at": "2026-01-02T00:00:00Z", "deleted": True, "name": "无"},
    ]
    return [
        cdr,
        *({"as": "tinet.asr_text", "row": row} for row in texts),
        *silent,
        *({"as": "facts", "row": mark} for mark in marks),
    ]


async def filled(server: Serving) -> tuple[Tenant, Door]:
    """A tenant with generated calls and odd ones, labels by rules, a changed priority; and a key of it."""
    tenant = await server.tenant(login_name="sqc-there")
    made = [
        {"as": kind, "row": row}
        for unit in rows(customers=30, calls=260, seed=7, now=NOW)
        for kind, row in unit
        if kind in {"tinet.cdr", "tinet.asr_text", "facts"}
    ]
    outcome = await server.land(tenant, [*made, *odd_calls()])
    assert outcome.rejects == ()
    native = await server.door(tenant, "native")
    version = native.call("POST", "/v1/rules/keep", json={"text": RULES, "author": "li"}).json()["version"]
    assert native.call("POST", f"/v1/rules/{version}/apply", json={"author": "li"}).json()["finished"]
    door = await server.door(tenant, "tinet")
    changed = {"uniqueId": "odd-1", "userId": "1234567", "businessPriority": "5"}
    assert door.call("PUT", "/sqc/cdr", json=changed).is_success
    return tenant, door


def answers(door: Door) -> dict[str, bytes]:
    """Every read of the dialect, by what was asked."""
    asked: list[tuple[str, list[tuple[str, str]]]] = [
        ("/sqc/customerPortrait", [("offset", "0"), ("limit", "1000")]),
        ("/sqc/customerPortrait", [("offset", "7"), ("limit", "5")]),
        ("/sqc/customerPortrait", [("customerNumber", "010-1234567")]),
        ("/sqc/customerPortrait", [("portraits", "意向/问价")]),
        ("/sqc/customerPortrait", [("portraits", "问价, 低")]),
        ("/sqc/cdrSqcDetails", [("uniqueId", "odd-1"), ("userId", "1234567")]),
        ("/sqc/cdrSqcDetails", [("uniqueId", "odd-3"), ("userId", "1234567")]),
        ("/sqc/cdrSqcDetails", [("uniqueId", "none"), ("userId", "1234567")]),
        *((
            "/sqc/listCdrsByConditions",
            [("startChannelTime", f"{day} 00:00:00"), ("endChannelTime", f"{day} 23:59:59")],
        ) for day in DAYS),
        *(("/sqc/listCdrSqcDetails", [("channelTime", str(day)), ("limit", "3")]) for day in DAYS),
        ("/sqc/listCdrsByConditions", [
            ("startChannelTime", "1970-01-01 00:00:00"), ("endChannelTime", "1970-03-01 00:00:00"),
        ]),
    ]  # fmt: skip
    return {f"{path} {pairs}": bare(door.get(path, pairs=pairs).content) for path, pairs in asked}


async def test_a_server_pulled_into_an_empty_one_answers_every_read_with_the_same_bytes(
    server: Serving, here: Here
) -> None:
    _, there_door = await filled(server)
    tenant = await here.service.create_tenant("mirror-of-tinet")
    report = await here.pull(tenant, "tinet", server.url, there_door.credential)
    door = await here.serving.door(tenant, "tinet")
    assert report["rejected"] == 0, report
    there, own = answers(there_door), answers(door)
    for name, answer in there.items():
        assert own[name] == answer, name
    assert report["told"] >= 260
    assert sum(answer.count(b'"unique_id"') for answer in there.values()) > 20
    assert any("portraits: " in remark and " 0 do not" in remark for remark in report["remarks"]), report

    again = await here.pull(tenant, "tinet", server.url, there_door.credential)
    assert (again["changed"], again["landed"], again["rejected"]) == (0, 0, 0)
    assert again["told"] == report["told"]
    async for _ in here.service.rebuild(tenant):
        pass
    assert answers(door) == there


# ── again, and taken up again ─────────────────────────────────────────────────────────────────────────────────────

DAY = datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=3)
AT = int(datetime.combine(DAY, time(9), ZoneInfo("Asia/Shanghai")).timestamp())
OLD = str(DAY - timedelta(days=9))


def few_calls(count: int) -> list[dict[str, Any]]:
    """Calls of one hour."""
    named = {"userId": "7", "customerNumber": "13667679151"}
    return [
        {"as": "tinet.cdr", "row": {**named, "uniqueId": f"few-{number:03}", "startTime": AT + number}}
        for number in range(count)
    ]


def mark(name: str, **more: object) -> dict[str, Any]:
    said = {"kind": "mark", "source": "tinet", "enterprise": "7", "call": "few-000", "type": "意向", "name": name}
    return {"as": "facts", "row": {**said, "id": f"m-{name}", "updated_at": "2026-01-01T00:00:00Z", **more}}


def shown(door: Door) -> bytes:
    """All that is served of these calls."""
    span = [("startChannelTime", f"{DAY} 00:00:00"), ("endChannelTime", f"{DAY} 23:00:00")]
    pages = [door.get("/sqc/listCdrsByConditions", pairs=[*span, ("offset", str(at))]) for at in (0, 100, 200, 300)]
    return bare(b"".join(page.content for page in (*pages, door.get("/sqc/customerPortrait"))))


async def test_a_second_pull_brings_what_changed_meanwhile_and_takes_back_what_is_told_no_longer(
    server: Serving, here: Here
) -> None:
    there, tenant = await server.tenant(login_name="same"), await here.service.create_tenant("again", login_name="same")
    doors = await server.door(there, "tinet"), await here.serving.door(tenant, "tinet")
    await server.land(there, [*few_calls(3), mark("高", by="check", second=3), mark("低"), mark("中"), mark("弱")])
    await here.pull(tenant, "tinet", server.url, doors[0].credential, "--since", OLD)
    assert shown(doors[1]) == shown(doors[0])
    later = {"updated_at": "2026-01-02T00:00:00Z"}
    await server.land(there, [
        mark("高", by="check", second=3, deleted=True, **later),
        mark("低", deleted=True, id="off", at="2030-01-01T00:00:00Z"),
        mark("新"),
        mark("弱", deleted=True, by="check", **later),
        *few_calls(5)[3:],
    ])  # fmt: skip
    doors[0].call("PUT", "/sqc/cdr", json={"uniqueId": "few-001", "userId": "7", "businessPriority": "9"})
    report = await here.pull(tenant, "tinet", server.url, doors[0].credential, "--since", OLD)
    assert shown(doors[1]) == shown(doors[0])
    assert (report["told"], report["changed"], report["known"]) == (5, 4, 1)
    await server.land(there, [mark("低", id="on", at="2031-01-01T00:00:00Z")])
    await here.pull(tenant, "tinet", server.url, doors[0].credential, "--since", OLD)
    assert shown(doors[1]) == shown(doors[0])
    assert (await here.pull(tenant, "tinet", server.url, doors[0].credential, "--since", OLD))["changed"] == 0


async def test_a_pull_that_was_killed_goes_on_where_it_was(server: Serving, here: Here) -> None:
    there = await server.tenant(login_name="same")
    tenant = await here.service.create_tenant("killed", login_name="same")
    doors = await server.door(there, "tinet"), await here.serving.door(tenant, "tinet")
    await server.land(there, few_calls(350))
    with Gate(server.url) as gate:
        # The login name, the count of a half year, and two pages: the third is asked for, and never answered, when the
        # first has landed.
        gate.passes = 4
        await here.killed(gate, tenant, "tinet", doors[0].credential, "--since", OLD)
        report = await here.pull(tenant, "tinet", gate.address, doors[0].credential, "--since", OLD)
    assert (report["state"], report["told"], report["landed"], report["known"]) == ("resumed", 350, 350, 0)
    assert shown(doors[1]) == shown(doors[0])


# ── servers that differ ───────────────────────────────────────────────────────────────────────────────────────────


async def test_what_passes_is_waited_out_and_a_refused_credential_is_said_so(server: Serving, here: Here) -> None:
    there, tenant = await server.tenant(), await here.service.create_tenant("patient")
    door = await server.door(there, "tinet")
    await server.land(there, few_calls(2))
    with Gate(server.url) as gate:
        busy = b'{"requestId":"r","error":{"code":"TooManyRequests","message":"m"}}'
        gate.answers = [(429, busy), (503, b""), (200, busy[:9]), (500, b"{}")][::-1]
        gate.answers.remove((200, busy[:9]))
        report = await here.pull(
            tenant, "tinet", gate.address, door.credential, "--since", OLD, "--longest-wait", "0.1"
        )
        assert (report["told"], report["landed"]) == (2, 2)
    wrong = {**door.credential, "access_key_secret": "not-the-secret"}
    refused = await here.run(tenant, "tinet", server.url, wrong)
    assert refused.returncode == 2
    assert "the source refuses the credential" in refused.stderr
    assert "not-the-secret" not in refused.stderr
    missing = await here.run(tenant, "tinet", server.url, {})
    assert (missing.returncode, "HUAXIANG_ACCESS_KEY_ID" in missing.stderr) == (2, True)


async def test_what_a_key_may_not_read_is_told_and_the_rest_is_pulled(server: Serving, here: Here) -> None:
    there = await server.tenant()
    await server.land(there, few_calls(2))
    for permission, told, remark in (("results", 2, "portraits can't be held"), ("portrait", 0, "calls can't be read")):
        tenant = await here.service.create_tenant(f"only-{permission}")
        door = await server.door(there, "tinet", permissions=[permission])
        report = await here.pull(tenant, "tinet", server.url, door.credential, "--since", OLD)
        assert report["told"] == told
        assert any(remark in one for one in report["remarks"]), report


async def test_a_pull_adds_to_what_was_pushed_and_takes_nothing_away(server: Serving, here: Here) -> None:
    there, tenant = await server.tenant(login_name="same"), await here.service.create_tenant("both", login_name="same")
    await server.land(there, few_calls(1))
    door = await server.door(there, "tinet")
    pushed = few_calls(1)[0]
    pushed["row"] |= {"originDataList": [{"name": "渠道", "value": "官网"}], "cno": "old"}
    await here.serving.land(tenant, [pushed])
    await here.pull(tenant, "tinet", server.url, door.credential, "--since", OLD)
    asked = [("channelTime", str(DAY)), ("originDataList", '[{"name":"渠道","value":"官网"}]')]
    own = await here.serving.door(tenant, "tinet")
    assert own.get("/sqc/listCdrSqcDetails", pairs=asked).json()["result"]["totalCount"] == 1

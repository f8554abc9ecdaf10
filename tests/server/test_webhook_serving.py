"""Webhooks by a real server with two workers, stopped in the middle and started again, and by the command line."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from caller import Serving, serving

from huaxiang.keyring import KeyOptions
from huaxiang.model import Tenant
from huaxiang.service import Service
from huaxiang.webhooks import subscriptions
from receiver import receiving, until

TAGGING = "/api/open/api/integrate/audience/tag/v2/batchAdd"
SECRET_TAG = "机密标签"


@asynccontextmanager
async def running(database: str, service: Service, folder: Path) -> AsyncGenerator[Serving]:
    """A server, started and stopped while this process goes on to receive."""
    server = serving(database, service, folder)
    yield await asyncio.to_thread(server.__enter__)
    await asyncio.to_thread(server.__exit__, None, None, None)


async def tag(server: Serving, tenant: Tenant, number: int, name: str) -> None:
    door = await server.door(tenant, "rabbitpre")
    row = {"audienceUserId": number, "tags": name}
    answer = await asyncio.to_thread(door.call, "POST", TAGGING, json={"data": [row]})
    assert answer.json()["data"] == 1


async def test_what_a_server_could_not_tell_before_its_end_the_next_one_tells(
    service: Service, tenant: Tenant, database_url: str, tmp_path: Path
) -> None:
    app = (await service.create_key(tenant, "rabbitpre", KeyOptions()))["instanceAppid"]
    async with receiving() as receiver:
        made = await subscriptions.create(service, app, receiver.url)
        async with running(database_url, service, tmp_path) as server:
            await tag(server, tenant, 1, SECRET_TAG)
            await receiver.until(lambda: receiver.ids() == [1])
            receiver.manners.append("hang")
            await tag(server, tenant, 2, SECRET_TAG)
            await receiver.until(lambda: receiver.hanging == 1)
            await tag(server, tenant, 3, SECRET_TAG)
        ended = server.log.read_text(encoding="utf-8")
        told = len(receiver.told)
        async with running(database_url, service, tmp_path) as server:
            await receiver.until(lambda: {2, 3} <= set(receiver.ids()))
        assert all(one.is_signed(made.secret) for one in receiver.told)
        assert len({one.body["notifyId"] for one in receiver.told}) == 3
        assert receiver.told[told:]
        log = ended + server.log.read_text(encoding="utf-8")
    lines = [line for line in log.splitlines() if '"webhook"' in line]
    assert json.loads(lines[0]).keys() == {
        "event",
        "level",
        "timestamp",
        "webhook",
        "delivery",
        "outcome",
        "status",
        "ms",
    }
    assert not any(word in log for word in (SECRET_TAG, made.secret, "/told", app))


def command(database: str, *arguments: str) -> Any:  # noqa: ANN401 (JSON)
    """A command's answer."""
    done = subprocess.run(
        [sys.executable, "-m", "huaxiang", *arguments, "--database", database, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_an_operator_manages_companies_keys_and_webhooks_by_command(
    service: Service, database_url: str, tmp_path: Path
) -> None:
    await service.create_tenant("acme")

    async def told(*arguments: str) -> Any:  # noqa: ANN401 (as above)
        return await asyncio.to_thread(command, database_url, *arguments)

    made = await told("company", "set", "31", "--tenant", "acme", "--name", "子企业")
    assert (made["id"], made["name"]) == ("31", "子企业")
    key = await told("key", "create", "--tenant", "acme", "--dialect", "rabbitpre", "--permissions", "profile")
    app = key["instanceAppid"]
    changed = await told("key", "set", app, "--permissions", "all", "--rate", "0", "--companies", "31,*", "--apps", app)
    assert (changed["permissions"], changed["rate"]) == (["profile", "tags", "write"], None)
    assert changed["options"] == {"companies": ["31", "*"], "apps": [app]}
    assert [one["customers"] for one in await told("company", "list", "--tenant", "acme")] == [0]
    async with receiving() as receiver:
        hook = await told("webhook", "create", app, receiver.url)
        number = str(hook["webhook"])
        assert len(hook["secret"]) >= 40
        async with running(database_url, service, tmp_path) as server:
            await tag(server, await service.tenant("acme"), 643, "x")
            await receiver.until(lambda: receiver.ids() == [643])
            assert receiver.told[0].is_signed(hook["secret"])

            async def is_over() -> bool:
                return bool(await subscriptions.log(service, hook["webhook"], state="delivered"))

            await until(is_over)
            (delivery,) = await told("webhook", "log", number, "--state", "delivered")
            sent = await told("webhook", "send", number, str(delivery["number"]))
            assert sent == {"sending": [delivery["number"]]}
            await receiver.until(lambda: receiver.ids() == [643, 643])
        attempts = await told("webhook", "log", number, "--delivery", str(delivery["number"]))
        assert [one["outcome"] for one in attempts] == ["delivered", "delivered"]
        (listed,) = await told("webhook", "list", "--tenant", "acme")
        assert (listed["app"], listed["url"], listed["permitted"]) == (app, receiver.url, True)
        paused = await told("webhook", "set", number, "--paused", "--url", "https://example.cn/told")
        assert (paused["paused"], paused["url"]) == (True, "https://example.cn/told")
    assert await told("webhook", "drop", number) == {"dropped": int(number)}
    assert await told("webhook", "list") == []
    await told("key", "set", app, "--companies", "")
    assert await told("company", "drop", "31", "--tenant", "acme") == {"dropped": "31"}

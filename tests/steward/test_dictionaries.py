"""A CRM's dictionaries, by the house and by the real command line."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from huaxiang.cluster import running
from huaxiang.errors import InputInvalid, NotFound
from huaxiang.model import Mention, Parsed, Record, Tenant
from huaxiang.service import Service
from huaxiang.steward import dictionaries


async def put(service: Service, tenant: Tenant, kind: dictionaries.Kind, name: str, **more: Any) -> int:  # noqa: ANN401 (as put takes it)
    return (await dictionaries.put(service, tenant, account=more.pop("account", None), kind=kind, name=name, **more)).id


async def test_an_entry_without_an_id_gets_the_next_of_its_dictionary(service: Service, tenant: Tenant) -> None:
    assert await put(service, tenant, "source", "官网") == 1
    assert await put(service, tenant, "source", "展会", id_=715) == 715
    assert await put(service, tenant, "source", " 转介绍 ") == 716
    assert await put(service, tenant, "grade", "官网") == 1
    told = await dictionaries.entries(service, tenant, kind="source")
    assert [(one.id, one.name) for one in told] == [(1, "官网"), (715, "展会"), (716, "转介绍")]


async def test_an_id_can_mean_something_else_and_nothing_any_more(service: Service, tenant: Tenant) -> None:
    await put(service, tenant, "grade", "A")
    await put(service, tenant, "grade", "甲", id_=1)
    assert [one.name for one in await dictionaries.entries(service, tenant)] == ["甲"]
    await dictionaries.drop(service, tenant, account=None, kind="grade", id_=1)
    assert await dictionaries.entries(service, tenant) == []
    with pytest.raises(NotFound):
        await dictionaries.drop(service, tenant, account=None, kind="grade", id_=1)


@pytest.mark.parametrize(
    ("name", "id_", "field"),
    [("", None, "name"), ("a\0", None, "name"), ("x" * 129, None, "name"), ("a", 0, "id"), ("a", 2**31, "id")],
)
async def test_an_entry_that_can_t_be_meant_is_refused(
    service: Service, tenant: Tenant, name: str, id_: int | None, field: str
) -> None:
    with pytest.raises(InputInvalid) as refused:
        await put(service, tenant, "source", name, id_=id_)
    assert refused.value.field == field


async def test_of_one_name_said_many_times_at_once_one_entry_is_kept(service: Service, tenant: Tenant) -> None:
    told = await asyncio.gather(*(put(service, tenant, "source", "官网") for _ in range(4)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in told) == ["InputInvalid", "InputInvalid", "InputInvalid", "int"]
    assert len(await dictionaries.entries(service, tenant)) == 1


async def test_each_account_has_dictionaries_of_its_own(service: Service, tenant: Tenant) -> None:
    account = uuid4()
    with pytest.raises(InputInvalid, match="account"):
        await put(service, tenant, "source", "官网", account=account)
    owned = Record(
        source="telrobot", id="r", record="r", owner=str(account), identifiers=(Mention("phone", "13667679151"),)
    )
    await service.land(tenant, [(1, Parsed((owned,)))])
    assert await put(service, tenant, "source", "官网", account=account) == 1
    assert await put(service, tenant, "source", "官网") == 1
    assert [one.account for one in await dictionaries.entries(service, tenant, account=account)] == [account]
    other = await service.create_tenant("other")
    assert await dictionaries.entries(service, other) == []


def test_dictionaries_are_listed_and_changed_by_command(tmp_path: Path) -> None:
    def huaxiang(*arguments: str) -> Any:  # noqa: ANN401 - JSON
        done = subprocess.run(
            [sys.executable, "-m", "huaxiang", *arguments, "--json"],
            env={**os.environ, "HUAXIANG_DATA": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr

    with running(None, tmp_path):
        account = huaxiang("tenant", "create", "acme")["main_account"]
        of = ("--tenant", "acme")
        entry = {"account": account, "kind": "source", "id": 715, "name": "官网"}
        assert huaxiang("dictionary", "set", "source", "官网", "--id", "715", *of) == entry
        assert huaxiang("dictionary", "list", *of, "--kind", "source") == [entry]
        assert huaxiang("dictionary", "list", *of, "--kind", "grade") == []
        assert "another id" in huaxiang("dictionary", "set", "source", "官网", *of)
        assert huaxiang("dictionary", "drop", "source", "715", *of) == {"dropped": 715}
        assert "not in this dictionary" in huaxiang("dictionary", "drop", "source", "715", *of)

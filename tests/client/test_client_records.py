"""The client's calls about a CRM's records, blocking and asyncio, against a real server: steps and dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from served import Either

from huaxiang.client import Invalid, NotFound
from huaxiang.model import Mention, Record, Tenant

Connect = Callable[..., Either]
WORDS: dict[str, Any] = {"author": "王芳", "reason": "约了周三上门"}


async def with_record(connect: Connect, address: str) -> tuple[Either, str]:
    """A client, and the id of a record that its tenant has."""
    client, record = connect(address), str(uuid4())
    named = (Mention("crm_id", record, scope="telrobot"),)
    at = datetime(2024, 3, 1, tzinfo=UTC)
    landed = await client.facts([Record(source="telrobot", id=record, at=at, record=record, identifiers=named)])
    assert landed.landed == 1
    return client, record


async def test_steps_are_taken_told_and_taken_back(connect: Connect, address: str, mine: Tenant) -> None:
    client, record = await with_record(connect, address)
    followed = await client.ask("step", "follow", record, step_id="f-1", **WORDS)
    assert followed.followed_at is not None
    assert await client.ask("step", "follow", record, step_id="f-1", **WORDS) == followed
    assert (await client.ask("undo_step", "f-1", **WORDS)).followed_at is None
    assert (await client.ask("step", "settle", record, **WORDS)).is_settled
    assert (await client.ask("step", "release", record, **WORDS)).is_back
    claimed = await client.ask("step", "claim", record, account=mine.main_account, **WORDS)
    assert (claimed.is_back, claimed.account) == (False, str(mine.main_account))
    standing = await client.ask("standing", record)
    assert standing == claimed
    assert [one.what for one in standing.steps] == ["claim", "release", "settle", "follow"]


async def test_a_step_tells_its_time(connect: Connect, address: str) -> None:
    client, record = await with_record(connect, address)
    at = datetime.now(UTC) - timedelta(days=1)
    assert (await client.ask("step", "follow", record, at=at, **WORDS)).followed_at == at


async def test_a_record_that_is_not_there_and_a_step_that_can_t_be_are_told_apart(
    connect: Connect, address: str
) -> None:
    client, record = await with_record(connect, address)
    with pytest.raises(NotFound) as unknown:
        await client.ask("standing", str(uuid4()))
    assert unknown.value.field == "record"
    with pytest.raises(Invalid) as refused:
        await client.ask("step", "claim", record, account=uuid4(), **WORDS)
    assert refused.value.field == "account"
    with pytest.raises(Invalid):
        await client.ask("standing", "")


async def test_dictionaries_are_said_listed_and_forgotten(connect: Connect, address: str, mine: Tenant) -> None:
    client = connect(address)
    grade = await client.ask("put_entry", "grade", "A")
    source = await client.ask("put_entry", "source", "官网", entry_id=715, account=mine.main_account)
    assert (grade.id, source.id, source.account) == (1, 715, mine.main_account)
    assert await client.ask("dictionary") == [grade, source]
    assert await client.ask("dictionary", "source", account=mine.main_account) == [source]
    assert await client.ask("drop_entry", "grade", 1) == grade
    with pytest.raises(NotFound):
        await client.ask("drop_entry", "grade", 1)

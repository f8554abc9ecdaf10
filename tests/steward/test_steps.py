"""Steps about a CRM's customers, by the house while a clock walks over the pool's moments, and by the command line."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from huaxiang import crm, roster
from huaxiang.cluster import running
from huaxiang.errors import InputInvalid, NotFound
from huaxiang.model import Identifier, Mention, Parsed, Record, Tenant, TenantSettings
from huaxiang.pool import CrmView
from huaxiang.roster import Filter
from huaxiang.service import Service
from huaxiang.steward import erasure, steps
from huaxiang.store import Store

START = datetime(2024, 2, 27, 15, 30, tzinfo=UTC)
"""Half an hour before midnight in Shanghai, two days before a leap day."""
SECOND = timedelta(seconds=1)
RECORD = UUID("780f7216-b131-462b-ba30-de7cd1f527de")


class Clocked(Service):
    """The house, by a clock that a test sets."""

    clock = START

    def now(self) -> datetime:
        """What the clock shows."""
        return self.clock


class Desk:
    """A tenant with one customer, that goes back after three days without a follow-up, or ten without a closing."""

    def __init__(self, service: Clocked, tenant: Tenant) -> None:
        self.service, self.tenant = service, tenant

    async def take(self, what: steps.What, *, after: timedelta | None = None, **words: Any) -> steps.Standing:  # noqa: ANN401 (as Words takes them)
        """Take a step, when so much time has passed since the start."""
        if after is not None:
            self.service.clock = START + after
        said = steps.Words(author="me", reason="why", **words)
        return await steps.take(self.service, self.tenant, str(RECORD), what, said)

    async def view(self) -> CrmView:
        """The customer as the main account sees it now."""
        kept = await self.service.memory.tenant(self.tenant.id)
        assert kept is not None
        named = Identifier("crm_id", str(RECORD), "telrobot")
        (customer,) = await self.service.customers(self.tenant, [named])
        account = self.tenant.main_account
        return crm.view(kept, customer, account=account, customer_id=RECORD, now=self.service.now())

    async def is_back(self, after: timedelta) -> bool:
        """Whether the customer is in the pool, so long after the start: as its detail says, and as the list does."""
        self.service.clock = START + after
        kept = await self.service.memory.tenant(self.tenant.id)
        assert kept is not None
        page = await roster.page(self.service, kept, self.tenant.main_account, Filter(stage="pool"), limit=9, offset=0)
        view = await self.view()
        standing = await steps.standing(self.service, self.tenant, str(RECORD))
        assert view.pool is not None
        assert (page.total == 1) == view.pool.is_back == standing.is_back
        return view.pool.is_back


@pytest_asyncio.fixture
async def desk(store: Store) -> Desk:
    service = Clocked(store)
    tenant = await service.create_tenant("acme")
    tenant = await service.set_tenant(tenant, settings=TenantSettings(unfollow_days=3, unsettled_days=10))
    record = Record(
        source="telrobot",
        id=str(RECORD),
        at=START,
        created_at=START,
        record=str(RECORD),
        identifiers=(Mention("crm_id", str(RECORD), scope="telrobot"), Mention("phone", "13667679151")),
        details={"created_at": START.isoformat(), "phone": "13667679151", "company": "云蝠智能"},
    )
    await service.land(tenant, [(1, Parsed((record,)))])
    return Desk(service, tenant)


def days(count: float) -> timedelta:
    return timedelta(days=count)


async def test_a_clock_that_walks_over_the_moments_sees_the_customer_go_back_at_each_of_them(desk: Desk) -> None:
    assert not await desk.is_back(days(3) - SECOND)
    assert await desk.is_back(days(3))
    with pytest.raises(InputInvalid, match="claimed"):
        await desk.take("follow", after=days(3))
    await desk.take("claim", after=days(4), account=desk.tenant.main_account)
    assert not await desk.is_back(days(4))
    await desk.take("follow", after=days(6))
    assert not await desk.is_back(days(9) - SECOND)
    assert await desk.is_back(days(9))
    await desk.take("claim", account=desk.tenant.main_account)
    for day in (11, 13, 15, 17):
        await desk.take("follow", after=days(day))
    assert not await desk.is_back(days(19) - SECOND)
    assert await desk.is_back(days(19))
    await desk.take("claim", account=desk.tenant.main_account)
    await desk.take("settle", after=days(20))
    assert not await desk.is_back(days(9000))


async def test_a_tenants_days_changed_change_the_moment_at_once(desk: Desk) -> None:
    assert await desk.is_back(days(4))
    desk.tenant = await desk.service.set_tenant(desk.tenant, settings=TenantSettings(unfollow_days=5))
    assert not await desk.is_back(days(4))
    assert await desk.is_back(days(5))
    desk.tenant = await desk.service.set_tenant(desk.tenant, settings=TenantSettings())
    assert not await desk.is_back(days(5))


async def test_a_step_told_late_counts_by_its_own_time(desk: Desk) -> None:
    assert await desk.is_back(days(4))
    told = await desk.take("follow", at=START + days(2))
    assert (told.is_back, told.followed_at, told.unfollow_back_at) == (False, START + days(2), START + days(5))


async def test_a_rebuild_and_another_order_leave_what_was_done(desk: Desk) -> None:
    await desk.take("follow", after=days(1))
    await desk.take("release", after=days(2))
    await desk.take("claim", after=days(3), account=desk.tenant.main_account, id="c")
    await steps.undo(desk.service, desk.tenant, "c", author="you", reason="mistaken")
    before = await steps.standing(desk.service, desk.tenant, str(RECORD))
    assert before.is_back
    assert [(one.what, one.is_undone) for one in before.steps] == [
        ("claim", True), ("release", False), ("follow", False),
    ]  # fmt: skip
    async for _ in desk.service.rebuild(desk.tenant):
        pass
    assert await steps.standing(desk.service, desk.tenant, str(RECORD)) == before
    assert await desk.is_back(days(3))


async def test_of_one_customer_claimed_by_many_at_once_one_gets_it(desk: Desk) -> None:
    await desk.take("release")
    claims = (desk.take("claim", account=desk.tenant.main_account) for _ in range(4))
    told = await asyncio.gather(*claims, return_exceptions=True)
    assert sorted(type(one).__name__ for one in told) == ["InputInvalid"] * 3 + ["Standing"]


async def test_an_erasure_takes_the_entry_and_the_steps_along(desk: Desk) -> None:
    await desk.is_back(days(1))
    await desk.take("follow")
    wanted = Identifier("phone", "+8613667679151")
    told = await erasure.erase(desk.service, desk.tenant, wanted, author="me", reason="asked")
    assert told.rows["fact"] == 2
    async with desk.service.store.reading() as tx:
        assert await tx.rows("crm_standing", desk.tenant.id, [RECORD]) == []
    with pytest.raises(NotFound):
        await steps.standing(desk.service, desk.tenant, str(RECORD))


def test_steps_and_days_by_the_command_line(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    row = {"id": str(RECORD), "phone": "13667679151", "created_at": "2024-03-01 09:00:00"}
    rows.write_text(json.dumps(row) + "\n", encoding="utf-8")
    folder = tmp_path / "data"

    def huaxiang(*arguments: str, fails: bool = False) -> Any:  # noqa: ANN401 (JSON)
        done = subprocess.run(
            [sys.executable, "-m", "huaxiang", *arguments, *([] if fails else ["--json"])],
            env={**os.environ, "HUAXIANG_DATA": str(folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode == 2) == fails, done.stderr
        return done.stderr if fails else json.loads(done.stdout)

    words = ("--tenant", "acme", "--author", "王芳", "--reason", "约了")
    with running(None, folder):
        main = huaxiang("tenant", "create", "acme")["main_account"]
        told = huaxiang("tenant", "set", "acme", "--unfollow-days", "30", "--unsettled-days", "90")
        assert (told["unfollow_days"], told["unsettled_days"]) == (30, 90)
        assert huaxiang("tenant", "set", "acme", "--unsettled-days", "none")["unsettled_days"] is None
        assert "unfollow_days" in huaxiang("tenant", "set", "acme", "--unfollow-days", "soon", fails=True)
        huaxiang("import", str(rows), "--as", "telrobot.customer", "--tenant", "acme")
        assert huaxiang("step", "list", str(RECORD), "--tenant", "acme")["is_back"] is True
        assert "claimed" in huaxiang("step", "follow", str(RECORD), *words, fails=True)
        claimed = huaxiang("step", "claim", str(RECORD), "--account", main, *words)
        assert (claimed["is_back"], claimed["steps"][0]["what"]) == (False, "claim")
        assert huaxiang("step", "follow", str(RECORD), *words, "--id", "f-1")["followed_at"] is not None
        assert huaxiang("step", "settle", str(RECORD), *words)["is_settled"] is True
        assert huaxiang("step", "release", str(RECORD), *words)["is_back"] is True
        undone = huaxiang("step", "undo", "f-1", *words)
        assert undone["followed_at"] is None
        assert "no such record" in huaxiang("step", "list", str(uuid4()), "--tenant", "acme", fails=True)

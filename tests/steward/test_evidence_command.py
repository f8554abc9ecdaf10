"""`huaxiang explain` and `export`, in processes of their own, as an operator sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio

from deciding import decide
from huaxiang.model import Call, Mention, Parsed, Trait
from huaxiang.service import Service
from huaxiang.store import opened

NOON = datetime(2021, 3, 1, 4, tzinfo=UTC)
PHONE, UNIONID, EMAIL = Mention("phone", "13900000001"), Mention("unionid", "u1"), Mention("email", "w@example.cn")


@pytest_asyncio.fixture(scope="module")
async def database(fresh_database: Callable[[], AbstractAsyncContextManager[str]]) -> AsyncGenerator[str]:
    """A database with a customer that a record and a person's decision made, and one kept apart from it."""
    async with fresh_database() as url:
        async with opened(url, connections=2) as store:
            service = Service(store)
            tenant = await service.create_tenant("acme")
            profile = Trait(source="crm", id="p1", at=NOON, identifiers=(UNIONID, PHONE), traits={"name": "[王伟]"})
            other = Trait(source="crm", id="p2", at=NOON, identifiers=(Mention("unionid", "son"), PHONE))
            call = Call(source="pbx", id="c1", at=NOON, identifiers=(PHONE,))
            await service.land(tenant, [(1, Parsed((profile,))), (2, Parsed((other,))), (3, Parsed((call,)))])
            await decide(service, tenant, [UNIONID, EMAIL], author="li", reason="same voice")
            await decide(
                service, tenant, [UNIONID], apart_from=[Mention("unionid", "son")], author="li", reason="father and son"
            )
        yield url


def huaxiang(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "huaxiang", *arguments, "--tenant", "acme", "--database", database],
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def told(database: str, *arguments: str) -> str:
    done = huaxiang(database, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_person_sees_why_a_customer_is_one(database: str) -> None:
    text = told(database, "explain", "phone:13900000001")
    for words in (
        "3 identifiers",
        "phone:+8613900000001",
        "trait crm p1",
        "by li",
        "«same voice»",
        "«father and son»",
        "suspended: a person keeps them apart",
        "[王伟]",
        "What it was",
        "parted",
    ):
        assert words in text


def test_a_machine_gets_the_answers_of_the_api(database: str) -> None:
    answer = json.loads(told(database, "explain", "unionid:u1", "--to", "unionid:son", "--json"))
    assert answer["explanation"]["counts"]["identifiers"] == 3
    assert answer["path"]["one_customer"] is False
    assert answer["path"]["apart"][0]["reason"] == "father and son"


def test_a_person_sees_the_way_to_another_and_what_it_was_on_a_day(database: str) -> None:
    text = told(database, "explain", "unionid:u1", "--to", "unionid:son")
    assert "They are two customers" in text
    assert "«father and son»" in text
    assert "was not known at 2021-05-01" in told(database, "explain", "unionid:u1", "--at", "2021-05-01")


def test_an_export_goes_to_a_file_or_to_the_standard_output(database: str, tmp_path: Path) -> None:
    document = json.loads(told(database, "export", "unionid:u1"))
    file = tmp_path / "person.json"
    told(database, "export", "unionid:u1", "--output", str(file))
    assert {one["id"] for one in json.loads(file.read_text(encoding="utf-8"))["facts"]} >= {"p1", "c1"}
    assert document["format"] == "huaxiang.export/1"


def test_what_nobody_mentioned_or_means_nothing_is_refused(database: str) -> None:
    for wrong, words in (("unionid:nobody", "no identifier of this tenant"), ("13x", "is expected")):
        done = huaxiang(database, "explain", wrong)
        assert (done.returncode, words in done.stderr) == (2, True)

"""What a worker remembers of keys and tenants, and what makes it forget."""

from __future__ import annotations

import asyncio
import re
from uuid import uuid4

import asyncpg
from desk import NOON, PHONE, Desk

from huaxiang.identifiers import normalise
from huaxiang.keyring import KeyOptions, digest
from huaxiang.memory import Credential
from huaxiang.model import Parsed, Record
from huaxiang.service import Service
from huaxiang.store import STATEMENTS, opened

REMEMBERED = r"(insert into|update|delete from) (tenant|access_key|access_token|account|custom_field|cut)\b"
LEFT_OUT = {
    "create_tenant": "nobody remembers a tenant that was not there",
    "create_key": "that a credential is nobody's is never remembered",
    "put_access_tokens": "as with keys",
    "drop_access_token": "only of a refresh token, which is never remembered",
    "drop_expired_tokens": "a token is remembered with its end",
    "note_reading": "who remembers fewer readings notes one again, and forgets the key then",
}


def test_whatever_changes_what_is_remembered_counts_the_version_up() -> None:
    changing = {name for name, text in STATEMENTS.items() if re.search(REMEMBERED, text)}
    counting = {name for name in changing if "insert into version" in STATEMENTS[name]}
    assert changing - counting == LEFT_OUT.keys()
    assert {"revoke_key", "set_tenant", "add_cut", "erase_cuts", "put_accounts", "put_custom_fields"} <= counting


async def test_a_key_is_asked_for_once_and_holds_until_its_tenant_changes(desk: Desk) -> None:
    made = await desk.service.create_key(desk.tenant, "native", KeyOptions())
    credential = Credential("native", "token", digest(made["token"]))
    other = Service(desk.service.store)
    first = await desk.service.memory.meet(credential)
    assert first is not None
    assert desk.service.memory.recall(credential) is first
    assert await desk.service.memory.is_current(first)
    (listed,) = await other.keys()
    await other.revoke_key(listed.name)
    assert not await desk.service.memory.is_current(first)
    assert desk.service.memory.recall(credential) is None
    assert await desk.service.key_by_token("native", made["token"]) is None


async def test_many_who_ask_at_once_whose_a_key_is_hold_few_connections(desk: Desk, database_url: str) -> None:
    made = await desk.service.create_key(desk.tenant, "native", KeyOptions())
    watching = await asyncpg.connect(database_url)
    counted = "select count(*) from pg_stat_activity where datname = current_database()"
    before = await watching.fetchval(counted)
    async with opened(database_url, connections=8) as store:
        service = Service(store)
        tokens = [made["token"], "nobody's"] * 100
        keys = await asyncio.gather(*(service.key_by_token("native", token) for token in tokens))
        held = await watching.fetchval(counted) - before
    await watching.close()
    assert [key is not None for key in keys] == [True, False] * 100
    assert held <= 2, "two at a time ask, all the others together"


async def test_an_access_token_is_remembered_no_longer_than_it_lives(desk: Desk) -> None:
    made = await desk.service.create_key(desk.tenant, "rabbitpre", KeyOptions())
    key = await desk.service.key_by_name("rabbitpre", made["instanceAppid"])
    assert key is not None
    token, _ = await desk.service.issue_tokens(key)
    credential = Credential("rabbitpre", "access", digest(token))
    known = await desk.service.memory.meet(credential)
    assert known is not None
    assert known.ends_at is not None
    assert not known.is_over
    async with desk.service.store.writing() as tx:
        await tx.run("drop_access_token", digest(token))
    again = Service(desk.service.store)
    assert await again.memory.meet(credential) is None


async def test_accounts_and_cuts_of_another_worker_are_known_at_once(desk: Desk) -> None:
    other = Service(desk.service.store)
    before = await desk.service.memory.tenant(desk.tenant.id)
    assert before is not None
    owner, told = uuid4(), Record(source="t", id="1", at=NOON, identifiers=(PHONE,), record="1")
    owned = Record(source="t", id="2", at=NOON, identifiers=(PHONE,), record="2", owner=str(owner))
    await other.land(desk.tenant, [(1, Parsed((told,))), (2, Parsed((owned,)))])
    await other.cut(desk.tenant, PHONE, NOON)
    after = await desk.service.memory.tenant(desk.tenant.id)
    assert after is not None
    assert after.version > before.version
    assert after.accounts_under(desk.tenant.main_account) == {desk.tenant.main_account, owner}
    assert after.accounts_under(owner) == {owner}
    assert after.accounts_under(uuid4()) == frozenset()
    assert after.cuts == {normalise(PHONE): [NOON]}


async def test_a_batch_that_brings_nothing_new_of_a_tenant_leaves_its_version(desk: Desk) -> None:
    owned = Record(source="t", id="2", at=NOON, identifiers=(PHONE,), record="2", owner=str(uuid4()))
    await desk.land(owned)
    before = await desk.service.memory.tenant(desk.tenant.id)
    await desk.land(Record(source="t", id="3", at=NOON, identifiers=(PHONE,), record="3", owner=owned.owner))
    after = await desk.service.memory.tenant(desk.tenant.id)
    assert before is not None
    assert after is before

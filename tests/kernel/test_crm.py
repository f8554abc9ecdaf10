"""CRM records as an account sees them, the views of them, and the definitions of their fields."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
from desk import (
    NOON,
    PHONE,
    Desk,
    later,
)

from huaxiang.errors import NotFound
from huaxiang.keyring import KeyOptions
from huaxiang.model import (
    AccessKey,
    CustomField,
    Json,
    Mention,
    Parsed,
    Record,
)

# ── CRM records ───────────────────────────────────────────────────────────────────────────────────────────────────


def crm_record(record: UUID, *, minutes: int = 0, **more: Json) -> Record:
    named = (Mention("crm_id", str(record), scope="telrobot"), PHONE)
    serial = f"{record}-{minutes}"
    return Record(source="telrobot", id=serial, at=later(minutes), record=str(record), identifiers=named, **more)


async def reader(desk: Desk) -> AccessKey:
    credential = await desk.service.create_key(desk.tenant, "native", KeyOptions())
    key = await desk.service.key_by_token("native", credential["token"])
    assert key is not None
    return key


async def test_a_deleted_record_is_not_found_until_a_later_word_makes_it_live_again(desk: Desk) -> None:
    record, key = uuid4(), await reader(desk)
    account = desk.tenant.main_account

    async def view() -> bool:
        try:
            return (await desk.service.crm_view(desk.tenant, account=account, customer_id=record, by=key)).id == record
        except NotFound:
            return False

    await desk.land(crm_record(record))
    assert await view()
    await desk.land(crm_record(record, minutes=2, deleted=True))
    assert not await view()
    await desk.land(crm_record(record, minutes=1))
    assert not await view()
    await desk.land(crm_record(record, minutes=3))
    assert await view()


async def test_a_view_tells_of_the_one_before_and_is_kept_at_most_once_a_minute(desk: Desk, database_url: str) -> None:
    record, key = uuid4(), await reader(desk)
    account = desk.tenant.main_account
    await desk.land(crm_record(record))
    connection = await asyncpg.connect(database_url)

    async def view() -> datetime | None:
        return (await desk.service.crm_view(desk.tenant, account=account, customer_id=record, by=key)).viewed_at

    async def kept() -> list[datetime]:
        await desk.service.flush()
        return [row["viewed_at"] for row in await connection.fetch("select viewed_at from view")]

    assert await view() is None
    first = await view()
    assert first is not None
    (written,) = await kept()
    assert written >= first
    assert await view() == written
    assert await kept() == [written]  # it was looked at again within the minute
    await connection.execute("update view set viewed_at = viewed_at - interval '2 minutes'")
    assert await view() == written - timedelta(minutes=2)
    (rewritten,) = await kept()
    assert rewritten > written
    await connection.close()


async def test_the_same_records_and_accounts_in_two_tenants_know_nothing_of_each_other(desk: Desk) -> None:
    record, owner, key = uuid4(), uuid4(), await reader(desk)
    other = Desk(desk.service, await desk.service.create_tenant("other"))
    for one in (desk, other):
        await one.land(crm_record(record, owner=str(owner)))
        viewed = await one.service.crm_view(one.tenant, account=owner, customer_id=record, by=key)
        assert viewed.viewed_at is None
        await one.service.flush()


async def test_the_newest_definition_of_a_field_wins_in_any_order(desk: Desk) -> None:
    field, key = uuid4(), await reader(desk)
    record = uuid4()
    main = str(desk.tenant.main_account)

    def defined(minutes: int, name: str) -> Parsed:
        return Parsed((), (CustomField(field, main, 1, later(minutes), {"name": name}),))

    async def names() -> list[object]:
        view = await desk.service.crm_view(desk.tenant, account=desk.tenant.main_account, customer_id=record, by=key)
        return [one.details["name"] for one in view.fields]

    await desk.land(crm_record(record))
    await desk.service.land(desk.tenant, [(1, defined(2, "new")), (2, defined(1, "old"))])
    assert await names() == ["new"]
    await desk.service.land(desk.tenant, [(1, defined(1, "old")), (2, defined(2, "newest"))])
    assert await names() == ["newest"]


async def test_a_definition_that_can_not_be_kept_is_refused(desk: Desk) -> None:
    broken = Parsed((), (CustomField(uuid4(), "", 1, NOON, {"name": "\0"}),))
    outcome = await desk.service.land(desk.tenant, [(3, broken)])
    assert [(reject.line, reject.field) for reject in outcome.rejects] == [(3, "details")]

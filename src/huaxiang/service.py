"""The journey in order, one verb each: what the server and the command line can ask of the house.

    land       claims -> winners -> rows -> summaries -> customers, in one transaction
    customers  identifiers or numbers -> customers        portraits  a page of callers
    crm_view   a CRM record and its customer               rebuild    all that is derived, made anew
    land_decision  a person's word                         cut        an identifier changed hands

Rule 1: the stages meet in tables; only this room knows their order.
Rule 2: whatever changes what is served happens in one transaction, under its tenant's lock.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec

from huaxiang import feed, ingest, read
from huaxiang.claim import Claim, claim, definition, epoch_of
from huaxiang.dialects.telrobot.wire import number_of
from huaxiang.errors import Busy, InputInvalid, NotFound, Refused, SettingsInvalid
from huaxiang.identifiers import SEALED, node_of, normalise, sealed
from huaxiang.keyring import Keyring, check_time_zone, tenant_of
from huaxiang.model import (
    CrmRecord,
    CrmView,
    Customer,
    CustomField,
    Identifier,
    Link,
    Mention,
    Outcome,
    Parsed,
    PortraitPage,
    Reject,
    Tenant,
    TenantSettings,
)
from huaxiang.resolve import resolve
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from huaxiang.model import AccessKey
    from huaxiang.store import Row, Store, Transaction

VIEW_SECONDS = 0.2
LARGEST = 2**63 - 1
LONGEST_CUT = 256
DECIDED = "huaxiang"
"""The source of what a person decided here."""


class Prepared(NamedTuple):
    """A batch that is ready to land: what its good records claim and define, and its bad ones."""

    claims: tuple[Claim, ...]
    fields: tuple[CustomField, ...]
    rejects: tuple[Reject, ...]
    came_at: datetime


class Service(Keyring):
    """The house, over one store. `land` and the reads may run side by side."""

    def __init__(self, store: Store) -> None:
        """Serve from this store."""
        super().__init__(store)
        self._views: dict[tuple[int, UUID], datetime] = {}
        self._writing_views: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.now(UTC)

    # ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def land(self, tenant: Tenant, records: Sequence[tuple[int, Parsed]]) -> Outcome:
        """Land what a batch of records says, each under its line; good ones land, bad ones come back with reasons."""
        return await self.land_prepared(tenant, self.prepare(tenant, records))

    def prepare(self, tenant: Tenant, records: Sequence[tuple[int, Parsed]]) -> Prepared:
        """Make a batch ready to land: pure work, which another thread may do while the store lands the one before."""
        now = self.now()
        rejects: list[Reject] = []
        claims: list[Claim] = []
        fields: list[CustomField] = []
        for line, parsed in records:
            claimed = [claim(tenant, line, fact, now) for fact in parsed.facts]
            defined = [definition(tenant, line, field) for field in parsed.fields]
            refused = [one for one in (*claimed, *defined) if isinstance(one, Reject)]
            rejects += refused[:1]
            claims += [] if refused else [one for one in claimed if isinstance(one, Claim)]
            fields += [] if refused else [one for one in defined if isinstance(one, CustomField)]
        return Prepared(tuple(claims), tuple(fields), tuple(rejects), now)

    async def land_prepared(self, tenant: Tenant, batch: Prepared) -> Outcome:
        """Land what `prepare` made ready, in one transaction."""
        async with self.store.writing() as tx:
            tenant = await _locked(tx, tenant)
            landed = await ingest.land(tx, tenant, batch.claims, batch.came_at)
            moves = await resolve(tx, tenant, landed.touched, landed.shrunk)
            await feed.note(tx, tenant, landed, moves)
            await _put_fields(tx, tenant, batch.fields)
            await _put_owners(tx, tenant, batch.claims, batch.fields)
        return Outcome(landed.landed, landed.known, batch.rejects)

    async def rebuild(self, tenant: Tenant, *, page_rows: int = ingest.REPLAY_ROWS) -> AsyncIterator[int]:
        """Make all that is derived anew from the facts, in one transaction; the records landed so far, as they land."""
        async with self.store.writing() as tx:
            tenant = await _locked(tx, tenant)
            async for count in self._rebuild(tx, tenant, page_rows=page_rows):
                yield count

    async def _rebuild(
        self, tx: Transaction, tenant: Tenant, *, page_rows: int = ingest.REPLAY_ROWS
    ) -> AsyncIterator[int]:
        await feed.remember(tx, tenant)
        await ingest.forget(tx, tenant)
        done = 0
        async for page in ingest.replay(tx, tenant, self.now(), page_rows=page_rows):
            await resolve(tx, tenant, page.touched, set())
            done += page.landed
            yield done
        await feed.note_rebuilt(tx, tenant)

    async def set_tenant(
        self,
        tenant: Tenant,
        *,
        time_zone: str | None = None,
        login_name: str | None = None,
        settings: TenantSettings | None = None,
    ) -> Tenant:
        """Change what a tenant decides; what is derived from it is made anew in the same transaction.

        Raises:
            SettingsInvalid: there is no such time zone, or a setting is out of its range.

        """
        async with self.store.writing() as tx:
            return await self.change_tenant(tx, tenant, time_zone=time_zone, login_name=login_name, settings=settings)

    async def hold(self, tx: Transaction, tenant: Tenant) -> Tenant:
        """Hold the tenant's lock until the transaction ends; gives the tenant as it is now.

        Raises:
            NotFound: there is no such tenant any more.

        """
        return await _locked(tx, tenant)

    async def change_tenant(
        self,
        tx: Transaction,
        tenant: Tenant,
        *,
        time_zone: str | None = None,
        login_name: str | None = None,
        settings: TenantSettings | None = None,
    ) -> Tenant:
        """What `set_tenant` does, in a transaction that decides for itself how it ends."""
        tenant = await _locked(tx, tenant)
        changed = msgspec.structs.replace(
            tenant,
            time_zone=time_zone or tenant.time_zone,
            login_name=login_name or tenant.login_name,
            settings=settings or tenant.settings,
        )
        await check_time_zone(tx, changed.time_zone)
        encoded = _encode_settings(changed.settings)
        await tx.run("set_tenant", tenant.id, changed.login_name, changed.time_zone, encoded)
        if not changed.settings.erasure_marks:
            await tx.run("drop_erased", tenant.id)
        if _summed_by(tenant) != _summed_by(changed):
            async for _ in self._rebuild(tx, changed):
                pass
        elif tenant.settings.limits != changed.settings.limits:
            await _resolve_all(tx, changed)
        return changed

    # ── decisions ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def land_decision(self, tx: Transaction, tenant: Tenant, decision: Link) -> None:
        """Land a person's word where the tenant's lock is held; the next one, in the same transaction, sees its effect.

        Raises:
            InputInvalid: an identifier can't be one, or a field is out of its range.

        """
        now = self.now()
        claimed = claim(tenant, 1, decision, now)
        if isinstance(claimed, Reject):
            raise InputInvalid(field=claimed.field, reason=claimed.reason)
        await tx.run("clear_staging")
        landed = await ingest.land(tx, tenant, [claimed], now)
        moves = await resolve(tx, tenant, landed.touched, landed.shrunk)
        await feed.note(tx, tenant, landed, moves)

    async def cut(self, tenant: Tenant, mention: Mention, at: datetime, *, author: str = "", reason: str = "") -> None:
        """The identifier changed hands at a time: what was said of it before is another customer's.

        Raises:
            InputInvalid: the identifier can't be one.

        """
        identifier = normalise(mention)
        if len(identifier.value) > LONGEST_CUT or not all(map(can_be_kept, (identifier.value, identifier.scope))):
            raise InputInvalid(field="identifiers", reason="no text for an identifier that changes hands")
        async with self.store.writing() as tx:
            tenant = await _locked(tx, tenant)
            landed = await ingest.cut(tx, tenant, identifier, ingest.Cut(at, author, reason), self.now())
            moves = await resolve(tx, tenant, landed.touched, landed.shrunk)
            await feed.note(tx, tenant, landed, moves)

    # ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def customers(self, tenant: Tenant, wanted: Sequence[Identifier | int]) -> list[Customer | None]:
        """The customers of identifiers (as they are held now) and of our own numbers; None for what is unknown."""
        async with self.store.reading() as tx:
            numbers = [one for one in wanted if isinstance(one, int) and -LARGEST <= one <= LARGEST]
            by_number = await read.customers_of_numbers(tx, tenant, numbers) if numbers else {}
            nodes = await _nodes(tx, tenant, [one for one in wanted if isinstance(one, Identifier)], self.now())
            by_node = await read.customers_of_nodes(tx, tenant, nodes.values()) if nodes else {}
        by_identifier = {one: by_node.get(node) for one, node in nodes.items()}
        return [by_number.get(one) if isinstance(one, int) else by_identifier.get(one) for one in wanted]

    async def portraits(
        self, tenant: Tenant, *, numbers: Sequence[str] | None, labels: Sequence[str], offset: int, limit: int
    ) -> PortraitPage:
        """A page of the tenant's callers; only these numbers, if given, and only rows that carry all labels."""
        asked: list[Identifier] | None = None
        if numbers is not None:
            asked = [identifier for number in numbers if (identifier := _phone(number)) is not None]
        async with self.store.reading() as tx:
            nodes = None if asked is None else list((await _nodes(tx, tenant, asked, self.now())).values())
            if not all(can_be_kept(label) for label in labels):
                return PortraitPage(0, ())
            offset, limit = min(offset, LARGEST), min(limit, LARGEST)
            return await read.portraits(
                tx,
                tenant,
                nodes=nodes,
                past=await _past_nodes(tx, tenant, self.now()),
                labels=labels,
                offset=offset,
                limit=limit,
            )

    async def crm_view(self, tenant: Tenant, *, account: UUID, customer_id: UUID, by: AccessKey) -> CrmView:
        """A CRM record with its customer, as `account` sees it; the view is noted, the answer tells of the one before.

        Raises:
            NotFound: no such record, or it is deleted, or not below that account.

        """
        _ = by
        below = await self.accounts_under(tenant, account)
        number = number_of(tenant.key, customer_id)
        wanted = Identifier("crm_id", str(customer_id), "telrobot") if number is None else number
        customer = (await self.customers(tenant, [wanted]))[0]
        if customer is None or not below:
            raise NotFound(field="customer_id", reason="unknown")
        record = None
        if number is None:
            owners = {str(one) for one in below}
            record = _live_record(customer, str(customer_id), owners, str(tenant.main_account))
        elif account != tenant.main_account:
            raise NotFound(field="customer_id", reason="unknown")
        async with self.store.reading() as tx:
            owner = record.owner if record and record.owner else str(tenant.main_account)
            fields = [_custom_field(row) for row in await tx.rows("custom_fields", tenant.id, [owner])]
            viewed = await tx.row("viewed_at", customer_id, tenant.id)
        before = self._note_view(tenant, customer_id, viewed and viewed["viewed_at"])
        return CrmView(customer_id, record, customer, tuple(fields), before)

    def _note_view(self, tenant: Tenant, viewed: UUID, kept: datetime | None) -> datetime | None:
        """Remember a view, to be written with others; gives the one before it."""
        times = [time for time in (kept, self._views.get((tenant.id, viewed))) if time is not None]
        self._views[tenant.id, viewed] = self.now()
        if self._writing_views is None or self._writing_views.done():
            self._writing_views = asyncio.create_task(self._write_views())
        return max(times, default=None)

    async def _write_views(self) -> None:
        while self._views:
            await asyncio.sleep(VIEW_SECONDS)
            with suppress(Busy):  # the views wait on
                await self.flush()

    async def flush(self) -> None:
        """Write the views that wait; the server calls it once more before it ends."""
        views, self._views = self._views, {}
        if not views:
            return
        try:
            async with self.store.writing() as tx:
                await tx.each("put_views", [(viewed, tenant, at) for (tenant, viewed), at in views.items()])
        except Busy:
            self._views = views | self._views
            raise

    async def counts(self, tenant: Tenant) -> dict[str, int]:
        """How much there is of a tenant: records, nodes, customers, suspended links."""
        async with self.store.reading() as tx:
            row = await tx.row("counts", tenant.id)
        return dict(row) if row else {}


async def _locked(tx: Transaction, tenant: Tenant) -> Tenant:
    """Hold the tenant's lock; gives the tenant as it is now, since another process may have changed its settings."""
    await ingest.lock(tx, tenant)
    row = await tx.row("tenant_by_id", tenant.id)
    if row is None:
        raise NotFound(field="tenant", reason="there is no such tenant any more")
    return tenant_of(row)


def _encode_settings(settings: TenantSettings) -> bytes:
    """The settings, if they can be read again."""
    encoded = msgspec.json.encode(settings)
    try:
        msgspec.json.decode(encoded, type=TenantSettings)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(field="settings", reason=str(error)) from error
    return encoded


def _summed_by(tenant: Tenant) -> object:
    """What summaries, places and links are derived from, beside the facts."""
    settings = tenant.settings
    return tenant.time_zone, settings.ranks, settings.blocked, settings.matching


async def _resolve_all(tx: Transaction, tenant: Tenant) -> None:
    """Name all customers anew from the links as they stand: a change of limits moves no fact."""
    await feed.remember(tx, tenant)
    linked = {row["node"] for row in await tx.rows("linked_nodes", tenant.id)}
    await resolve(tx, tenant, linked, linked)
    await feed.note_rebuilt(tx, tenant)


def _phone(number: str) -> Identifier | None:
    try:
        return normalise(Mention("phone", number))
    except Refused:
        return None


async def _nodes(
    tx: Transaction, tenant: Tenant, identifiers: Iterable[Identifier], now: datetime
) -> dict[Identifier, UUID]:
    """The nodes that these identifiers have now."""
    cuts = await ingest.cuts(tx, tenant)
    known = [one for one in identifiers if can_be_kept(one.kind + one.scope + one.value)]
    kept = {one: _sealed(tenant, one) if one.kind in SEALED else one for one in known}
    return {one: node_of(tenant.key, seal, epoch_of(cuts.get(seal, ()), now)) for one, seal in kept.items()}


def _sealed(tenant: Tenant, identifier: Identifier) -> Identifier:
    """An identifier as its node is called, where its value is kept only as a keyed hash."""
    return normalise(sealed(tenant.key, Mention(identifier.kind, identifier.value, identifier.scope)))


async def _past_nodes(tx: Transaction, tenant: Tenant, now: datetime) -> list[UUID]:
    """The nodes of identifiers that changed hands, but for those that hold them now."""
    past: list[UUID] = []
    for identifier, cuts in (await ingest.cuts(tx, tenant)).items():
        epochs = {0, *(epoch_of([cut], cut) for cut in cuts)} - {epoch_of(cuts, now)}
        past += [node_of(tenant.key, identifier, epoch) for epoch in sorted(epochs)]
    return past


def _live_record(customer: Customer, record_id: str, owners: set[str], main: str) -> CrmRecord:
    for record in customer.summary.records:
        owner = record.owner or main
        if record.record == record_id and not record.deleted and owner in owners:
            return record
    raise NotFound(field="customer_id", reason="unknown")


async def _put_fields(tx: Transaction, tenant: Tenant, fields: Sequence[CustomField]) -> None:
    rows = [
        (field.id, field.owner, field.sort, field.updated_at, msgspec.json.encode(field.details).decode())
        for field in fields
    ]
    await tx.each("put_custom_fields", rows, tenant.id)


async def _put_owners(tx: Transaction, tenant: Tenant, claims: Sequence[Claim], fields: Sequence[CustomField]) -> None:
    """Accounts that own records stand below the tenant's main account."""
    owners = {getattr(one.fact, "owner", "") for one in claims} | {field.owner for field in fields}
    accounts = sorted({account for owner in owners if (account := _uuid(owner)) and account != tenant.main_account})
    if accounts:
        await tx.run("put_accounts", tenant.id, tenant.main_account, accounts)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _custom_field(row: Row) -> CustomField:
    return CustomField(row["id"], row["owner"], row["sort"], row["updated_at"], msgspec.json.decode(row["details"]))

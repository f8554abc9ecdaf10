"""The journey in order, one verb each: what the server and the command line can ask of the house.

    land       claims -> winners -> rows -> summaries -> customers, in one transaction
    customers  identifiers or numbers -> customers        portraits  a page of callers
    crm_view   a CRM record and its customer               rebuild    all that is derived, made anew
    land_decision  a person's word                         cut        an identifier changed hands

Rule 1: the stages meet in tables; only this room knows their order.
Rule 2: whatever changes what is served happens in one transaction, under its tenant's lock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from huaxiang import audiences, bookmark, calls, crm, feed, fold, ingest, listing, pages, read
from huaxiang.claim import Claim, claim, epoch_of
from huaxiang.errors import InputInvalid, NotFound, Refused, SettingsInvalid
from huaxiang.identifiers import SEALED, node_of, normalise, sealed
from huaxiang.keyring import Keyring, check_time_zone, digest, put_fields, put_owners, tenant_of
from huaxiang.lookup import Lookups
from huaxiang.memory import Credential, Memory
from huaxiang.model import (
    CallPage,
    CallPlace,
    CallResult,
    Customer,
    CustomField,
    Identifier,
    Link,
    Mention,
    Outcome,
    Parsed,
    PortraitPage,
    Record,
    Reject,
    Step,
    Tenant,
    TenantSettings,
)
from huaxiang.packing.ahead import Prepared, prepare
from huaxiang.pages import Asked, Made
from huaxiang.pool import CrmView
from huaxiang.portraits import Portraits
from huaxiang.resolve import resolve
from huaxiang.store import can_be_kept
from huaxiang.together import Together

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence

    from huaxiang.bookmark import Bookmark, Place, Turn
    from huaxiang.ingest import Landed
    from huaxiang.keyring import Dialect
    from huaxiang.model import AccessKey
    from huaxiang.pages import Rendering
    from huaxiang.shelf import Shelf
    from huaxiang.store import Store, Transaction

ANSWER_BYTES = 64 * 2**20
"""How much memory a process gives to answers that it keeps."""
MOST_CLAIMS_TOGETHER = 20_000
"""Of several callers, in one transaction; one caller's own batch is never divided."""
LARGEST = 2**63 - 1
LONGEST_CUT = 256
DECIDED = "huaxiang"
"""The source of what a person decided here."""


class Service(Keyring):
    """The house, over one store. `land` and the reads may run side by side."""

    def __init__(self, store: Store, *, answer_bytes: int = ANSWER_BYTES, shelf: Shelf | None = None) -> None:
        """Serve from this store; keep answers in so much memory, and share them on a shelf."""
        super().__init__(store)
        self.memory = Memory(store)
        self.lookups = Lookups(store, self.memory, most_bytes=answer_bytes, shelf=shelf)
        self.views = crm.Views(store)
        self.ready = Portraits(store, self.lookups)
        self._landing: dict[int, Together[tuple[Tenant, Prepared], Outcome]] = {}

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.now(UTC)

    # ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def land(self, tenant: Tenant, records: Sequence[tuple[int, Parsed]]) -> Outcome:
        """Land what a batch of records says, each under its line; good ones land, bad ones come back with reasons."""
        batch = prepare(tenant, records, self.now())
        if not batch.claims and not batch.fields:
            return Outcome(rejects=batch.rejects)
        landing = self._landing.setdefault(tenant.id, Together(self._land_all))
        return await landing.ask((tenant, batch))

    async def _land_all(self, asked: list[tuple[Tenant, Prepared]]) -> list[Outcome]:
        """Land what many callers brought while others landed, in as few transactions as their records allow.

        A record that several of them revise lands once for each, in the order in which they came.
        """
        outcomes: list[Outcome] = []
        while rest := asked[len(outcomes) :]:
            tenant = rest[0][0]
            batches = _together(batch for _, batch in rest)
            async with self.store.landing(tenant.id) as tx:
                won = await self._land_claims(tx, tenant, _merged(batches))
            outcomes += [_outcome(batch, won) for batch in batches]
        return outcomes

    async def can_pile(self, tenant: Tenant) -> bool:
        """Whether facts that are piled up may land so: not where identifiers changed hands, or anything was erased."""
        async with self.store.reading() as tx:
            met = await tx.row("met_alone", tenant.id, [])
        return met is not None and not met["any"]

    async def land_prepared(self, tenant: Tenant, batch: Prepared, place: Place | Turn | None = None) -> Outcome:
        """Land what `prepare` made ready, in one transaction; with it, move an import or a pull behind it."""
        won: set[UUID] = set()
        async with self.store.landing(tenant.id) as tx:
            if batch.alone is not None or batch.linked is not None:
                tenant = await _current(tx, tenant)
            batch, packed = await _land_packed(tx, tenant, batch)
            if packed and batch.claims:
                await tx.run("clear_staging")
            if not packed or batch.claims or batch.fields:
                won = await self._land_claims(tx, tenant, batch)
            outcome = _outcome(batch, won)
            outcome = msgspec.structs.replace(outcome, landed=outcome.landed + packed)
            if place is not None:
                await bookmark.move(tx, tenant, place, outcome.landed, outcome.known)
        return outcome

    async def _land_claims(self, tx: Transaction, tenant: Tenant, batch: Prepared) -> set[UUID]:
        """Land a batch of claims; gives the records that it changed."""
        met = await ingest.meet(tx, tenant, batch.claims)
        landed = await ingest.land(tx, met, batch.claims, batch.came_at, ahead=batch.ahead)
        await _settle(tx, met.tenant, landed, said=any(isinstance(one.fact, (Record, Step)) for one in batch.claims))
        await put_fields(tx, tenant, batch.fields)
        owners = {getattr(one.fact, "owner", "") for one in batch.claims}
        await put_owners(tx, tenant, owners.union(field.owner for field in batch.fields))
        return landed.won

    async def begin_import(self, tenant: Tenant, name: UUID, file: str, form: str, *, again: bool) -> Bookmark:
        """Where the import of a file stands, by the digest that names it; at its beginning if it is new or `again`."""
        async with self.store.writing() as tx:
            return await bookmark.begin(tx, tenant, name, file, form, again=again)

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
        await pages.forget(tx, tenant)
        await listing.forget(tx, tenant)
        done = 0
        async for page in ingest.replay(tx, tenant, self.now(), page_rows=page_rows):
            await pages.refresh(tx, tenant)
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
        if tenant.settings.companies.keys() != changed.settings.companies.keys():
            await fold.companies(tx, changed)
        return changed

    # ── decisions ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def land_decision(self, tx: Transaction, tenant: Tenant, decision: Link | Step) -> None:
        """Land a person's word where the tenant's lock is held; the next one, in the same transaction, sees its effect.

        Raises:
            InputInvalid: an identifier can't be one, or a field is out of its range.

        """
        now = self.now()
        one = claim(tenant, 1, decision, now)
        if isinstance(one, Reject):
            raise InputInvalid(field=one.field, reason=one.reason)
        await tx.run("clear_staging")
        landed = await ingest.land(tx, await ingest.meet(tx, tenant, [one]), [one], now)
        await pages.refresh(tx, tenant)
        await listing.refresh(tx, tenant)
        moves = await resolve(tx, tenant, landed.touched, landed.shrunk)
        await feed.note(tx, tenant, landed, moves)

    async def keep_fields(self, tx: Transaction, tenant: Tenant, fields: Sequence[CustomField]) -> None:
        """Keep definitions of custom fields where the tenant's lock is held."""
        await put_fields(tx, tenant, fields)
        await put_owners(tx, tenant, {field.owner for field in fields})

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
            await pages.refresh(tx, tenant)
            await listing.refresh(tx, tenant)
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
        async with self.store.reading() as tx:
            asked = await self._asked(tx, tenant, numbers, labels, offset, limit)
            return PortraitPage(0, ()) if asked is None else await pages.page(tx, tenant, asked)

    async def rendered_portraits(
        self,
        tenant: Tenant,
        *,
        numbers: Sequence[str] | None,
        labels: Sequence[str],
        offset: int,
        limit: int,
        rendering: Rendering,
        between: bytes,
    ) -> AsyncGenerator[tuple[int, bytes]]:
        """The same, rendered, in pieces: each holds rows, with `between` between two of them, and how many rows match.

        The first piece has no rows. One snapshot, and so one connection, lasts until the last.
        """
        made = Made([], [])
        async with self.ready.streaming(), self.store.reading() as tx:
            asked = await self._asked(tx, tenant, numbers, labels, offset, limit)
            page = asked and await pages.rendered(tx, tenant, asked, rendering, between=between, made=made)
            yield (page.total if page else 0), b""
            if page:
                async for body in page.bodies:
                    yield page.total, body
        self.ready.keep(rendering.edition, made.rows)
        self.ready.join(tenant.id, rendering.edition, made.buckets)

    async def _asked(
        self,
        tx: Transaction,
        tenant: Tenant,
        numbers: Sequence[str] | None,
        labels: Sequence[str],
        offset: int,
        limit: int,
    ) -> Asked | None:
        """What a page is asked for, in the store's words; None if nothing can match."""
        nodes: list[UUID] | None = None
        if numbers is not None:
            asked = [identifier for number in numbers if (identifier := _phone(number)) is not None]
            nodes = list((await _nodes(tx, tenant, asked, self.now())).values())
        if not all(can_be_kept(label) for label in labels):
            return None
        past = await _past_nodes(tx, tenant, self.now())
        return Asked(nodes, past, labels, min(offset, LARGEST), min(limit, LARGEST))

    async def call_results(
        self, tenant: Tenant, source: str, named: Sequence[tuple[str, str]]
    ) -> list[CallResult | None]:
        """The calls of a source by (enterprise, id), as they stand; None for one that has not come."""
        async with self.store.reading() as tx:
            return await calls.by_name(tx, tenant, source, named)

    async def call_page(
        self, tenant: Tenant, wanted: calls.Wanted, *, limit: int, offset: int = 0, after: CallPlace | None = None
    ) -> CallPage:
        """A page of the calls that match, oldest first: from row `offset`, or from `after` a place."""
        async with self.store.reading() as tx:
            return await calls.page(tx, tenant, wanted, limit=limit, offset=offset, after=after)

    async def audience_ids(self, tenant: Tenant, *, after: int, size: int, company: str | None = None) -> list[int]:
        """The next `size` ids above `after` that customers answer under: a vendor's, else the tenant's own.

        `company`: only customers of this sub-enterprise, "" for the tenant's own; None where the tenant has none.
        """
        async with self.store.reading() as tx:
            return await audiences.page(tx, tenant, after=after, size=size, company=company)

    async def openids(self, tenant: Tenant, value: str) -> list[Identifier]:
        """What a vendor calls an openid, in every app that has one of this value."""
        if not can_be_kept(value):
            return []
        async with self.store.reading() as tx:
            return await audiences.openids(tx, tenant, value)

    async def crm_view(self, tenant: Tenant, *, account: UUID, customer_id: UUID, by: AccessKey) -> CrmView:
        """A CRM record with its customer, as `account` sees it; the view is noted, the answer tells of the one before.

        Raises:
            NotFound: no such record, or it is deleted, or not below that account.

        """
        _ = by
        kept = await self.memory.tenant(tenant.id)
        if kept is None:
            raise NotFound(field="customer_id", reason="unknown")
        (customer,) = await self.customers(tenant, [crm.wanted(tenant, customer_id)])
        view = crm.view(kept, customer, account=account, customer_id=customer_id, now=self.now())
        before = self.views.note(tenant, customer_id, await self.views.ask(tenant, customer_id))
        return msgspec.structs.replace(view, viewed_at=before)

    async def flush(self) -> None:
        """Write the views that wait; the server calls it once more before it ends. Raises Busy."""
        await self.views.flush()

    # ── who is asking ─────────────────────────────────────────────────────────────────────────────────────────────

    async def key_by_name(self, dialect: Dialect, name: str) -> AccessKey | None:
        """The key with this public half (tinet's AccessKeyId, rabbitpre's instanceAppid), remembered and current."""
        return await self.memory.key(Credential(dialect, "name", name))

    async def key_by_token(self, dialect: Dialect, token: str) -> AccessKey | None:
        """The key whose token this is (telrobot, native), remembered and current."""
        return await self.memory.key(Credential(dialect, "token", digest(token)))

    async def key_by_access_token(self, dialect: Dialect, token: str) -> AccessKey | None:
        """The key that a live access token was given for (rabbitpre), remembered and current."""
        return await self.memory.key(Credential(dialect, "access", digest(token)))

    async def note_clock(self, key: AccessKey, reading: str) -> None:
        """Remember by which reading of its clock a key's signature was right."""
        if reading not in key.readings:
            await super().note_clock(key, reading)
            self.memory.forget_tenant(key.tenant.id)

    async def counts(self, tenant: Tenant) -> dict[str, int]:
        """How much there is of a tenant: records, nodes, customers, suspended links."""
        async with self.store.reading() as tx:
            row = await tx.row("counts", tenant.id)
        return dict(row) if row else {}


async def _settle(tx: Transaction, tenant: Tenant, landed: Landed, *, said: bool) -> None:
    """Do what follows where facts landed: counts, lists, customers, the feed; `said`: whether any told of records."""
    await pages.refresh(tx, tenant)
    await listing.refresh(tx, tenant, said=said)
    moves = await resolve(tx, tenant, landed.touched, landed.shrunk)
    await feed.note(tx, tenant, landed, moves)


async def _land_packed(tx: Transaction, tenant: Tenant, batch: Prepared) -> tuple[Prepared, int]:
    """Land what is packed; gives the batch with what can't land so among its claims, and how many facts did."""
    done, claims = 0, list[Claim]()
    for packed in (batch.alone, batch.linked):
        if packed is None:
            continue
        if done:
            await tx.run("clear_staging")
        landed = await ingest.land_packed(tx, tenant, packed)
        if landed is None:
            claims += packed.claims(tenant)
            continue
        done += landed.landed
        await _settle(tx, tenant, landed, said=landed.listed)
        await put_owners(tx, tenant, landed.owners)
    return (batch._replace(claims=(*claims, *batch.claims), ahead=None) if claims else batch), done


def _together(batches: Iterable[Prepared]) -> list[Prepared]:
    """The first of these batches that can land as one: no record in two of them, and not too many in all."""
    taken: list[Prepared] = []
    keys: set[UUID] = set()
    for batch in batches:
        own = {one.key for one in batch.claims}
        if taken and (not keys.isdisjoint(own) or len(keys) + len(own) > MOST_CLAIMS_TOGETHER):
            break
        taken.append(batch)
        keys |= own
    return taken


def _merged(batches: Sequence[Prepared]) -> Prepared:
    claims = tuple(one for batch in batches for one in batch.claims)
    fields = tuple(field for batch in batches for field in batch.fields)
    return Prepared(claims, fields, (), batches[-1].came_at)


def _outcome(batch: Prepared, won: set[UUID]) -> Outcome:
    landed = len({one.key for one in batch.claims} & won)
    return Outcome(landed, len(batch.claims) - landed, batch.rejects)


async def _locked(tx: Transaction, tenant: Tenant) -> Tenant:
    """Hold the tenant's lock; gives the tenant as it is now."""
    await ingest.lock(tx, tenant)
    return await _current(tx, tenant)


async def _current(tx: Transaction, tenant: Tenant) -> Tenant:
    """The tenant as it is now, since another process may have changed its settings before the lock was held."""
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

"""CRM records, custom fields and accounts, from a Telrobot server.

Takes a server's address, a token and an account of it; gives steps: the pages of its list, then the field templates and
the order of its accounts, then the records that came before and are there no longer.

Rule 1: rows of one second are taken together, so that they stand here as they stand there; the place kept is the page
        on which those begin that wait.
Rule 2: a record is deleted here when the source, asked for it by its id, does not know it.
Rule 3: the account is the tenant's main one from then on, while nobody can have stored the tenant's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from huaxiang import roster
from huaxiang.client import NotFound, NotPermitted
from huaxiang.client.pace import AsyncPace, Rate
from huaxiang.client.telrobot import AsyncTelrobotClient, Filter
from huaxiang.client.telrobot.client import ALL
from huaxiang.dialects.telrobot import inward, pulled, pushes
from huaxiang.errors import Refused, SettingsInvalid
from huaxiang.model import AnyFact, Json, Tenant
from huaxiang.pull.adoption import adopt_account, may_adopt
from huaxiang.pull.patience import Manner
from huaxiang.pull.told import Refusal, Row, Step, Told
from huaxiang.service import Service

POLITE: Final = Rate(10, 1.0)
"""The vendor names no rate for its reads."""
PAGE: Final = 100


class Telrobot:
    """An account of a Telrobot server as a source."""

    dialect = "telrobot"
    source = inward.SOURCE

    def __init__(self, address: str, token: str, account: str | None, manner: Manner) -> None:
        """Ask this server with a token, for its own account or another below it. Raises `SettingsInvalid`."""
        self._pace = AsyncPace(manner.scaled(POLITE, POLITE.calls))
        self._made = address, token, manner.retry
        self._clients: dict[str, AsyncTelrobotClient] = {}
        self._account = str(_uuid(account)) if account else ""
        self._token = AsyncTelrobotClient(address, token, self._account or "-", retry=manner.retry)
        self._seen: set[UUID] | None = set()
        self._owners: Counter[str] = Counter()
        self.address, self.who = address, self._account
        self.remarks: list[str] = []

    # ── the source ────────────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self, service: Service, tenant: Tenant) -> Tenant:
        """Find out whose the token is, and take that account over."""
        async with self._pace:
            state = await self._token.token()
        if not self._account:
            if not state.user_id:
                raise SettingsInvalid(field="account", reason="the source does not tell whose the token is")
            self._account = str(_uuid(state.user_id))
        self.who = self._account
        account = UUID(self._account)
        if account == tenant.main_account:
            return tenant
        if await may_adopt(service, tenant, self.dialect):
            return await adopt_account(service, tenant, account)
        self.remarks.append(
            f"the account {account} stands below the main account of {tenant.name}, {tenant.main_account}, for which "
            "keys of it were made before"
        )
        return tenant

    async def steps(self, service: Service, tenant: Tenant, place: Json) -> AsyncGenerator[Step]:
        """Pages of records; templates and accounts; deletions."""
        zone, stand = ZoneInfo(tenant.time_zone), dict[str, Any](place or {"page": 1})
        if stand["page"] > 1:
            self._seen = None
        async for step in self._records(zone, stand):
            yield step
        yield Step(stand, service.now())  # before this house is looked at, all must have landed
        heard_at = service.now()
        kept = await service.memory.tenant(tenant.id)
        accounts = {str(one) for one in kept.accounts_under(UUID(self._account))} if kept else set[str]()
        async for step in self._templates(service, tenant, accounts | {self._account}, stand):
            yield step
        await self._order(service, tenant, accounts - {self._account})
        async for step in self._gone(service, tenant, zone, stand, heard_at):
            yield step

    async def close(self) -> None:
        """Give up the connections."""
        for client in (self._token, *self._clients.values()):
            await client.close()

    def settled(self, standing: AnyFact | None, told: AnyFact) -> AnyFact:
        """See `pulled.settled`."""
        return pulled.settled(standing, told)

    def taken_back(self, fact: AnyFact) -> AnyFact:
        """Nothing here is told by pulls alone."""
        return fact

    # ── records ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _records(self, zone: ZoneInfo, stand: dict[str, Any]) -> AsyncGenerator[Step]:
        waiting: list[Row] = []
        before: datetime | None = None
        number = waits_since = stand["page"]
        totals: set[int] = set()
        async for page, heard_at in self._pages(self._account, first=number):
            totals.add(page.meta.total)
            step = Step({}, heard_at, done=min(number * PAGE, page.meta.total), total=page.meta.total)
            for row in map(msgspec.to_builtins, page.data):
                if waiting and pulled.second_of(row, zone) != pulled.second_of(waiting[0], zone):
                    before = self._take(waiting, before, zone, step)
                    waiting = []
                if not waiting:
                    waits_since = number
                waiting.append(row)
            number += 1
            stand["page"] = waits_since
            yield Step(dict(stand), step.heard_at, step.told, step.refused, step.done, step.total)
        last = Step(dict(stand), datetime.now(UTC))
        self._take(waiting, before, zone, last)
        yield Step(last.place, last.heard_at, last.told, last.refused, max(totals), max(totals))
        if len(totals) > 1:
            self.remarks.append("the list changed while it was read; another pull brings what was missed")

    def _take(self, rows: Sequence[Row], before: datetime | None, zone: ZoneInfo, step: Step) -> datetime | None:
        """Rows of one second become things that a step tells; gives when the last of them is listed."""
        times = pulled.listed(rows, before, zone)
        for row, at in zip(rows, times, strict=True):
            self._tell(row, at, zone, step)
        return next((at for at in reversed(times) if at is not None), before)

    def _tell(self, row: Row, at: datetime | None, zone: ZoneInfo, step: Step) -> None:
        name = str(row.get("id"))
        try:
            parsed = pulled.customer(row, at, self._account, zone)
            if self._seen is not None:
                self._seen.add(UUID(name))
        except (Refused, ValueError) as error:
            refusal = error if isinstance(error, Refused) else None
            step.refused.append(Refusal(name, refusal.field if refusal else "id", refusal.reason if refusal else ""))
            return
        self._owners[str(row.get("user_id"))] += 1
        step.told.append(Told(name, (), parsed.facts, parsed.fields))

    # ── fields and accounts ───────────────────────────────────────────────────────────────────────────────────────

    async def _templates(
        self, service: Service, tenant: Tenant, accounts: set[str], stand: dict[str, Any]
    ) -> AsyncGenerator[Step]:
        for account in sorted(accounts):
            heard_at = service.now()
            try:
                async with self._pace:
                    fields = await self._client(account).fields()
            except (NotPermitted, NotFound):
                continue
            kept = await service.memory.tenant(tenant.id)
            known = kept.fields.get(account, ()) if kept else ()
            told = tuple(pulled.template(map(msgspec.to_builtins, fields), account, known, heard_at))
            if told:
                yield Step(dict(stand), heard_at, [Told(account, (), (), told)])

    async def _order(self, service: Service, tenant: Tenant, accounts: set[str]) -> None:
        """Which account stands below which, as far as their lists show it."""
        below: dict[str, set[str]] = {}
        for account in sorted(accounts):
            try:
                below[account] = await self._owners_below(account) & accounts - {account}
            except (NotPermitted, NotFound):
                continue
        parents: dict[str, str] = {}
        for account in accounts:
            above = [one for one, under in below.items() if account in under]
            parents[account] = min(above, key=lambda one: (len(below[one]), one), default=self._account)
        if not parents:
            return
        async with service.store.writing() as tx:
            held = await service.hold(tx, tenant)
            await tx.run(
                "put_parents", held.id, [UUID(one) for one in parents], [UUID(one) for one in parents.values()]
            )

    async def _owners_below(self, account: str) -> set[str]:
        """Whose records the list of an account shows; only its first page, where it shows no more than its own."""
        owners: set[str] = set()
        async for page, _ in self._pages(account):
            if self._seen is not None and page.meta.total == self._owners[account]:
                break
            owners |= {row.user_id for row in page.data if row.user_id}
        return owners

    # ── what is there no longer ───────────────────────────────────────────────────────────────────────────────────

    async def _gone(
        self, service: Service, tenant: Tenant, zone: ZoneInfo, stand: dict[str, Any], heard_at: datetime
    ) -> AsyncGenerator[Step]:
        async with service.store.reading() as tx:
            rows = await tx.rows("pulled_records", tenant.id, self.source, self._account)
        names = {row["name"] for row in rows}
        if self._seen is None:
            if names:
                self.remarks.append("what was deleted there is looked for by the next pull that is not interrupted")
            return
        missing = [name for name in sorted(names) if UUID(name) not in self._seen]
        stands = await roster.standing(service, tenant, missing)
        step = Step(dict(stand), heard_at)
        for name in missing:
            if name not in stands or stands[name].deleted:
                continue
            try:
                async with self._pace:
                    row = await self._client(self._account).detail(name)
            except NotFound:
                fact = pushes.deletion(name, stands[name].owner, pushes.after(heard_at, stands[name].at))
                step.told.append(Told(name, (), (fact,)))
            else:
                self._tell(msgspec.to_builtins(row), None, zone, step)
        if step.told or step.refused:
            yield step

    # ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _client(self, account: str) -> AsyncTelrobotClient:
        if account not in self._clients:
            address, token, retry = self._made
            self._clients[account] = AsyncTelrobotClient(address, token, account, retry=retry)
        return self._clients[account]

    async def _pages(self, account: str, *, first: int = 1, wanted: Filter = ALL) -> AsyncGenerator[Any]:
        """Pages of an account's list, each with when it was asked for."""
        pages = self._client(account).pages(wanted, per_page=PAGE, first=first)
        while True:
            heard_at = datetime.now(UTC)
            async with self._pace:
                page = await anext(pages, None)
            if page is None:
                return
            yield page, heard_at


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise SettingsInvalid(field="account", reason="a uuid is expected") from None

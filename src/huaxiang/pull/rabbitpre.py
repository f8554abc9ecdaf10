"""Customers from an open platform of Rabbitpre's: profiles, activity, accounts, tags.

Takes a server's address and an app; gives steps of some hundred customers, by their ids, ascending.

Rule 1: when a customer was created is told in seconds here, in milliseconds there: where no window tells it, it is
        asked for by phone or openid.
Rule 2: of the ids between those of a step, who came before and is listed no longer is asked for by its id: joined to
        another, it leads there; unknown, it stays as it was.
Rule 3: the enterprise's id is taken over while nobody can have stored the tenant's own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.client import NotPermitted
from huaxiang.client.rabbitpre import App, AsyncRabbitpreClient, Profile, Rates
from huaxiang.dialects.rabbitpre import inward, pulled
from huaxiang.errors import Refused, SettingsInvalid
from huaxiang.identifiers import normalise, record_key
from huaxiang.lookup import nodes_of
from huaxiang.model import AnyFact, Bucket, Identifier, Json, Tenant
from huaxiang.pull.adoption import adopt_org, may_adopt
from huaxiang.pull.patience import Manner
from huaxiang.pull.told import Refusal, Row, Step, Told
from huaxiang.service import Service

TOGETHER: Final = 500
"""Customers of a step: half of what the detail call gives, with their tags in five calls."""
LAST: Final = 2**63 - 1
_DOCUMENTED: Final = Rates()
_decode_fact = msgspec.json.Decoder(AnyFact).decode
_AS_IT_IS: Final = frozenset({"addressList", "userType", "industry"})


class Rabbitpre:
    """An app of an open platform as a source."""

    dialect = "rabbitpre"
    source = inward.SOURCE

    def __init__(self, address: str, app: tuple[str, str], company: str | None, manner: Manner) -> None:
        """Ask this server as an app, by its id and secret; of an enterprise under it. Raises `SettingsInvalid`."""
        rates = Rates(
            detail=manner.scaled(_DOCUMENTED.detail),
            tags=manner.scaled(_DOCUMENTED.tags),
            tags_of=manner.scaled(_DOCUMENTED.tags_of),
        )
        self._client = AsyncRabbitpreClient(address, App(*app, company_id=company), rates=rates, retry=manner.retry)
        self._company = company or ""
        self._reads_tags = True
        self._gone = 0
        self.address, self.who = address, f"{app[0]} {self._company}"
        self.remarks: list[str] = []

    # ── the source ────────────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self, service: Service, tenant: Tenant) -> Tenant:
        """Take over the enterprise's id."""
        row = await self._first()
        try:
            org = UUID(row.orgId or "") if row else tenant.org
        except ValueError:
            return tenant
        if org == tenant.org:
            return tenant
        if await may_adopt(service, tenant, self.dialect):
            return await adopt_org(service, tenant, org)
        self.remarks.append(
            f"the enterprise answers as {org} there, and as {tenant.org} here, where it was asked before"
        )
        return tenant

    async def steps(self, service: Service, tenant: Tenant, place: Json) -> AsyncGenerator[Step]:
        """Customers by their ids, from behind the last one that landed. Raises `SettingsInvalid` for ids of its own."""
        stand: dict[str, Any] = place or {}
        after = int(stand.get("after", 0))
        ids, done = list[int](), 0
        total = 0
        async for one in self._client.user_ids():
            total += 1
            done += one <= after
            if one in tenant.own_ids:
                reason = "the source gives out ids of the same range; pull into a tenant that is made anew"
                raise SettingsInvalid(field="tenant", reason=reason)
        async for one in self._client.user_ids(after=after or None):
            ids.append(one)
            if len(ids) == TOGETHER:
                done += len(ids)
                yield await self._step(service, tenant, after, ids, done, total)
                after, ids = ids[-1], []
        yield await self._step(service, tenant, after, [*ids, LAST], done + len(ids), total)
        if self._gone:
            self.remarks.append(f"{self._gone:,} customers are known there no longer, and stay here as they were")

    async def close(self) -> None:
        """Give up the connections."""
        await self._client.close()

    def settled(self, standing: AnyFact | None, told: AnyFact) -> AnyFact:
        """What was told: other ways in have records of their own."""
        del standing
        return told

    def taken_back(self, fact: AnyFact) -> AnyFact:
        """See `pulled.taken_back`."""
        return pulled.taken_back(fact)

    # ── customers ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _step(
        self, service: Service, tenant: Tenant, after: int, ids: Sequence[int], done: int, total: int
    ) -> Step:
        """What is told of these customers, and of those between them that are listed no longer."""
        zone, wanted = ZoneInfo(tenant.time_zone), [one for one in ids if one != LAST]
        heard_at, rows = await self._details(wanted, zone)
        step = Step({"after": ids[-1]}, heard_at, done=done, total=total)
        known = await self._known(service, tenant, rows)
        tags = await self._tags(wanted)
        for row in rows:
            number = row["audienceUserId"]
            try:
                created_at = await self._created(row, zone)
                heard = pulled.Heard(heard_at, zone, self._company, created_at, known.get(number, ()))
                facts = pulled.facts(row, heard)
                if number in tags:
                    facts += pulled.tag_facts(tags[number], zone, self._company)
            except Refused as error:
                step.refused.append(Refusal(str(number), error.field, error.reason))
                continue
            own = (pulled.own(number), *([pulled.own_tags(number)] if number in tags else []))
            step.told.append(Told(str(number), own, facts))
        for one in await self._unlisted(service, tenant, after, ids[-1], set(wanted)):
            await self._tell_unlisted(one, step)
        return step

    async def _details(self, ids: Sequence[int], zone: ZoneInfo) -> tuple[datetime, list[Row]]:
        """Rows, all of one day of the tenant's, and when they were asked for."""
        while True:
            heard_at = datetime.now(UTC)
            rows = await self._client.detail(ids=ids) if ids else []
            if datetime.now(zone).date() == heard_at.astimezone(zone).date():
                return heard_at, [_row(row) for row in rows]

    async def _created(self, row: Row, zone: ZoneInfo) -> datetime:
        """When a customer was created (Rule 1)."""
        at, is_exact = pulled.creation(row, zone)
        if is_exact:
            return at
        phone = next((one["phone"] for one in row.get("phoneList", ()) if one.get("phone")), None)
        openid = next((one["openid"] for one in row.get("openids", ()) if one.get("openid")), None)
        if not phone and not openid:
            return at
        found = await self._client.info(phone=phone, openid=None if phone else openid)
        if found is None or found.audienceUserId != row["audienceUserId"] or not isinstance(found.createTime, int):
            return at
        told = datetime.fromtimestamp(found.createTime // 1000, UTC).replace(microsecond=found.createTime % 1000 * 1000)
        return told if told.replace(microsecond=0) == at else at

    async def _known(
        self, service: Service, tenant: Tenant, rows: Sequence[Row]
    ) -> dict[int, list[tuple[Bucket, int]]]:
        """What is known here, event by event, of the identities that each of these rows lists."""
        kept = await service.memory.tenant(tenant.id)
        if kept is None or not rows:
            return {}
        holders: dict[Identifier, int] = {}
        for row in rows:
            for mention in pulled.identities(row, self._company):
                try:
                    holders.setdefault(normalise(mention), row["audienceUserId"])
                except Refused:
                    continue
        nodes = {node: holders[one] for one, node in nodes_of(kept, list(holders), service.now()).items()}
        known: dict[int, list[tuple[Bucket, int]]] = {}
        async with service.store.reading() as tx:
            for row in await tx.rows("activity", list(nodes)):
                if row["type"]:
                    bucket = Bucket(
                        row["side"], row["day"], row["type"], row["account"], row["count"], row["newest_at"]
                    )
                    worth = bucket.count * tenant.settings.weight(bucket.type)
                    known.setdefault(nodes[row["node"]], []).append((bucket, worth))
        return known

    async def _tags(self, ids: Sequence[int]) -> dict[int, Row]:
        """The tags of these customers; none, where the app may not read them."""
        if not self._reads_tags or not ids:
            return {}
        try:
            return {one.audienceUserId: _row(one) async for one in self._client.tags_of(ids)}
        except NotPermitted as error:
            self._reads_tags = False
            self.remarks.append(f"tags can't be read: {error.code} (user/tag/batchlist)")
            return {}

    # ── who is listed no longer ───────────────────────────────────────────────────────────────────────────────────

    async def _unlisted(self, service: Service, tenant: Tenant, after: int, last: int, listed: set[int]) -> list[int]:
        """Ids above one, up to another, that a pull told of before and that stand as customers of their own."""
        low, high, found = str(after) if after else "", str(last), list[int]()
        async with service.store.reading() as tx:
            while rows := await tx.rows("told_ids", tenant.id, len(low), low, len(high), high, TOGETHER):
                low = rows[-1]["value"]
                ids = [one for row in rows if (one := int(row["value"])) not in listed]
                keys = {self._key(tenant, one, what): one for one in ids for what in ("profile", "joined")}
                known = await tx.rows("known_records", list(keys))
                said = await tx.rows(
                    "standing_facts", [row["nodes"][0] for row in known], [row["key"] for row in known]
                )
                facts = [_decode_fact(row["said"]) for row in said]
                standing = {fact.id for fact in facts if fact.created_at or len(fact.identifiers) > 1}
                found += [
                    one
                    for one in ids
                    if f"{pulled.own(one)}profile" in standing and f"{pulled.own(one)}joined" not in standing
                ]
        return found

    def _key(self, tenant: Tenant, number: int, what: str) -> UUID:
        """The key of a record that pulls tell of a customer."""
        return record_key(tenant.key, self.source, self._company, "trait", f"{pulled.own(number)}{what}")

    async def _tell_unlisted(self, number: int, step: Step) -> None:
        rows = await self._client.detail(ids=[number])
        if not rows:
            self._gone += 1
            return
        into = rows[0].audienceUserId
        if into == number:
            return
        anchors = (pulled.name(number), *pulled.identities(_row(rows[0]), self._company))
        fact = pulled.joined(number, into, self._company)
        own = pulled.own(number), pulled.own_tags(number)
        step.told.append(Told(str(number), own, (fact,), anchors=anchors))

    async def _first(self) -> Profile | None:
        async for one in self._client.user_ids(size=1):
            return next(iter(await self._client.detail(ids=[one])), None)
        return None


def _row(answer: msgspec.Struct) -> Row:
    """An answer as it came: without what did not."""
    row: Row = msgspec.to_builtins(answer)
    return {
        name: value if name in _AS_IT_IS else _bare(value)
        for name, value in row.items()
        if value is not None and value != []
    }


def _bare(value: Json) -> Json:
    if isinstance(value, list):
        return [_bare(one) for one in cast("list[Json]", value)]
    if isinstance(value, dict):
        return {name: _bare(one) for name, one in cast("dict[str, Json]", value).items() if one is not None}
    return value

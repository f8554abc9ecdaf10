"""Calls, their dialogues and labels, from a Smartlink server.

Takes a server's address and a key; gives steps. Calls are asked for by the time they happened: half years first, which
are halved until a span has few enough; then, of days with calls whose speakers no row told, their transcripts. At the
end every row of portraits is held against the same row here.

Rule 1: a span is read by pages; its place is kept with each. A day's transcripts are read once its calls are.
Rule 2: a right that the key has not is a remark; what needs it is left out: all, for `listCdrsByConditions`.
Rule 3: the login name, with which ids of portraits begin, is taken over while nobody can have stored the tenant's own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.client import ClientError, NotFound, NotPermitted, Unexpected
from huaxiang.client.pace import AsyncPace, Rate
from huaxiang.client.tinet import (
    AsyncSmartlinkClient,
    CustomerPortrait,
    CustomerPortraitRequest,
    ListCdrsByConditionsRequest,
    ListCdrSqcDetailsRequest,
    SmartlinkClientConfiguration,
)
from huaxiang.client.tinet.requests import Request
from huaxiang.dialects.tinet import inward, outward, pulled
from huaxiang.errors import Refused, SettingsInvalid
from huaxiang.model import AnyFact, Json, Tenant
from huaxiang.pull.adoption import may_adopt
from huaxiang.pull.patience import Manner
from huaxiang.pull.told import PREFIX, Refusal, Step, Told
from huaxiang.service import Service

Span = tuple[datetime, datetime]
"""From when to before when, on the wall clock of the tenant."""

PAGE: Final = 100
ROWS: Final = 500
"""Rows of portraits in a page."""
MOST_IN_A_SPAN: Final = 2_000
WIDTH: Final = timedelta(days=180)
SECOND: Final = timedelta(seconds=1)
FIRST: Final = date(1970, 1, 1)
POLITE: Final = Rate(10, 1.0)
"""The vendor names no rate for its reads."""

_LACKING = (NotPermitted, NotFound, Unexpected)
"""What a call is answered with that the server does not have, or does not let this key make."""


class Tinet:
    """A Smartlink server as a source."""

    dialect = "tinet"
    source = inward.SOURCE

    def __init__(
        self, address: str, key: tuple[str, str], manner: Manner, *, since: date | None = None, clock: str = "utc"
    ) -> None:
        """Ask this server with an access key and its secret; for calls since a day. Raises `SettingsInvalid`."""
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise SettingsInvalid(field="from", reason="an address like https://profiles.example.com is expected")
        configuration = SmartlinkClientConfiguration(
            *key, host=parts.netloc, scheme=parts.scheme, retry=manner.retry, clock=msgspec.convert(clock, Any)
        )
        configuration.setHost(parts.netloc)
        self._client = AsyncSmartlinkClient(configuration)
        self._pace = AsyncPace(manner.scaled(POLITE, POLITE.calls))
        self._since = since or FIRST
        self.address, self.who = configuration.address, f"{key[0]} {self._since}"
        self.remarks: list[str] = []

    # ── the source ────────────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self, service: Service, tenant: Tenant) -> Tenant:
        """Take over the login name."""
        try:
            (row,) = (await self._ask(CustomerPortraitRequest(limit=1))).data or [CustomerPortrait()]
        except NotPermitted:
            return tenant
        ending = f"-{row.customerNumber}"
        if not row.id or not row.id.endswith(ending) or row.id == ending:
            return tenant
        login_name = row.id.removesuffix(ending)
        if login_name == tenant.login_name:
            return tenant
        if await may_adopt(service, tenant, self.dialect):
            return await service.set_tenant(tenant, login_name=login_name)
        self.remarks.append(
            f"ids of portraits begin with {login_name} there, and with {tenant.login_name} here; "
            f"`huaxiang tenant set {tenant.name} --login-name {login_name}` makes them the same"
        )
        return tenant

    async def steps(self, service: Service, tenant: Tenant, place: Json) -> AsyncGenerator[Step]:
        """Calls by spans, with their transcripts; then a look at the portraits."""
        zone, stand = ZoneInfo(tenant.time_zone), dict[str, Any](place or {})
        try:
            async for step in self._calls(zone, stand):
                yield step
        except _LACKING as error:
            if isinstance(error, Unexpected) and error.status != _NOT_FOUND:
                raise
            self.remarks.append(f"calls can't be read: {_why(error)} (listCdrsByConditions)")
            return
        yield Step(stand, service.now())  # before this house is looked at, all must have landed
        try:
            alike, unlike = await self._held_against(service, tenant)
        except NotPermitted as error:
            self.remarks.append(f"portraits can't be held against the source's: {_why(error)} (customerPortrait)")
        else:
            self.remarks.append(f"portraits: {alike:,} rows answer as the source's do, {unlike:,} do not")

    async def close(self) -> None:
        """Give up the connections."""
        await self._client.close()

    def settled(self, standing: AnyFact | None, told: AnyFact) -> AnyFact:
        """See `pulled.settled`."""
        return pulled.settled(standing, told)

    def taken_back(self, fact: AnyFact) -> AnyFact:
        """See `pulled.taken_back`."""
        return pulled.taken_back(fact)

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _calls(self, zone: ZoneInfo, stand: dict[str, Any]) -> AsyncGenerator[Step]:
        """Spans in the order of time; `stand` is moved along: `after`, `span`, `offset`, `days`, `done`."""
        after = datetime.fromisoformat(stand["after"]) if "after" in stand else datetime.combine(date.min, time())
        counted = [(span, await self._count(span)) for span in self._half_years(zone)]
        total = sum(count for _, count in counted)
        for half_year, count in counted:
            async for span in self._halved(half_year, count, after):
                async for step in self._rows(span, zone, stand):
                    yield _at(step, total)
                stand |= {"after": span[1].isoformat(), "offset": 0}
                async for step in self._tracks(stand, span[1].date()):
                    yield _at(step, total)
        async for step in self._tracks(stand, date.max):
            yield _at(step, total)

    def _half_years(self, zone: ZoneInfo) -> list[Span]:
        end = datetime.combine(datetime.now(zone).date() + timedelta(days=2), time())
        start = datetime.combine(self._since, time())
        spans = [(start + number * WIDTH, start + (number + 1) * WIDTH) for number in range((end - start) // WIDTH + 1)]
        return [(since, min(until, end)) for since, until in spans if since < end]

    async def _halved(self, span: Span, count: int, after: datetime) -> AsyncGenerator[Span]:
        """The span, or its parts that have few enough calls, in order; without those before a time."""
        since, until = span
        if not count or until <= after:
            return
        if count <= MOST_IN_A_SPAN or until - since <= SECOND:
            yield span
            return
        middle = since + max(SECOND, (until - since) // 2 // SECOND * SECOND)
        for part in ((since, middle), (middle, until)):
            if part[1] > after:
                async for one in self._halved(part, await self._count(part), after):
                    yield one

    async def _count(self, span: Span) -> int:
        return (await self._ask(_asked(span, 0, 1))).result.totalSize

    async def _rows(self, span: Span, zone: ZoneInfo, stand: dict[str, Any]) -> AsyncGenerator[Step]:
        named = [moment.isoformat() for moment in span]
        offset = stand.get("offset", 0) if stand.get("span") == named else 0
        days = set[str](stand.get("days", ()))
        while True:
            heard_at = datetime.now(UTC)
            rows = (await self._ask(_asked(span, offset, PAGE))).result.cdrList
            if not rows:
                return
            types = await self._types(rows)
            told: list[Told] = []
            refused: list[Refusal] = []
            for row in rows:
                days |= _silent_day(row, zone)
                try:
                    name = pulled.name_of(row)
                    told.append(Told("-".join(name), (_own(name),), pulled.call_facts(row, types, zone)))
                except Refused as refusal:
                    refused.append(Refusal(str(row.get("id", "?")), refusal.field, refusal.reason))
            offset += len(rows)
            stand |= {"span": named, "offset": offset, "days": sorted(days), "done": stand.get("done", 0) + len(rows)}
            yield Step(dict(stand), heard_at, told, refused)
            if len(rows) < PAGE:
                return

    async def _types(self, rows: Sequence[dict[str, Json]]) -> dict[tuple[str, str], str]:
        """The groups of labels that rows name without them, as the portraits of their numbers have them."""
        unknown = [row for row in rows if pulled.needs_types(row)]
        told = {str(row.get("customer_number", row.get("customerNumber"))) for row in unknown}
        numbers = {number for number in told if "," not in number}
        if not numbers:
            return {}
        try:
            page = await self._ask(CustomerPortraitRequest(customerNumber=sorted(numbers), limit=len(numbers)))
        except NotPermitted:
            return {}
        return {
            (call, detail.name): detail.portraitTypeName
            for row in page.data
            for detail in row.portraitDetails
            if detail.name and detail.portraitTypeName
            for call in detail.cdrIds
        }

    # ── transcripts of which no row tells the side ────────────────────────────────────────────────────────────────

    async def _tracks(self, stand: dict[str, Any], before: date) -> AsyncGenerator[Step]:
        """Those of the days that wait, as far as all their calls are behind."""
        for day in [one for one in stand.get("days", ()) if one < before.isoformat()]:
            request: ListCdrSqcDetailsRequest | None = ListCdrSqcDetailsRequest(channelTime=day, limit=PAGE)
            while request is not None:
                heard_at = datetime.now(UTC)
                try:
                    page = await self._ask(request)
                except _LACKING as error:
                    if isinstance(error, Unexpected) and error.status != _NOT_FOUND:
                        raise
                    remark = f"transcripts without a side can't be read: {_why(error)} (listCdrSqcDetails)"
                    self.remarks += [] if remark in self.remarks else [remark]
                    break
                told = [
                    Told("-".join(pulled.name_of(row)), (), facts)
                    for row in page.result.data
                    if (facts := pulled.track_facts(row))
                ]
                request = request.next(page)
                if told:
                    yield Step(dict(stand), heard_at, told)
            stand["days"] = [one for one in stand["days"] if one != day]

    # ── portraits ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _held_against(self, service: Service, tenant: Tenant) -> tuple[int, int]:
        """How many rows of portraits are the same there and here, and how many are not."""
        alike = unlike = 0
        request: CustomerPortraitRequest | None = CustomerPortraitRequest(limit=ROWS)
        while request is not None:
            page = await self._ask(request)
            rows = {row.customerNumber: row for row in page.data if row.customerNumber}
            own = await service.portraits(tenant, numbers=list(rows), labels=(), offset=0, limit=2 * ROWS)
            here = {row.number: msgspec.json.decode(b'{"id":"' + outward.prepared(row)) for row in own.rows}
            same = sum(_is_same(there, here.get(number)) for number, there in rows.items())
            alike, unlike = alike + same, unlike + len(page.data) - same
            request = request.next(page)
        return alike, unlike

    async def _ask(self, request: Request[Any]) -> Any:  # noqa: ANN401 - whatever the request is answered with
        async with self._pace:
            return await self._client.getResponseModel(request)


_NOT_FOUND = 404
_OF_THE_HOUSE: Final = frozenset({"id", "retry", "accountLoginName", "totalCallDuration", "totalRound", "message"})


def _is_same(there: CustomerPortrait, here: dict[str, Json] | None) -> bool:
    return here is not None and _told(msgspec.to_builtins(there)) == _told(here)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is not the calls', and without what says nothing."""
    said = {name: value for name, value in row.items() if value is not None and name not in _OF_THE_HOUSE}
    details = [
        {name: value for name, value in one.items() if value is not None and name not in _OF_THE_HOUSE}
        for one in said.get("portraitDetails", ())
    ]
    return said | {"portraitDetails": details}


def _asked(span: Span, offset: int, limit: int) -> ListCdrsByConditionsRequest:
    since, last = (moment.strftime("%Y-%m-%d %H:%M:%S") for moment in (span[0], span[1] - SECOND))
    return ListCdrsByConditionsRequest(startChannelTime=since, endChannelTime=last, offset=offset, limit=limit)


def _own(name: pulled.Name) -> str:
    return f"{PREFIX}{name.digest}:"


def _silent_day(row: dict[str, Json], zone: ZoneInfo) -> set[str]:
    """The day of a call of which no sentence with a side is told."""
    if any(row.get(name) for name in ("asr_agent", "asr_customer", "asrAgent", "asrCustomer")):
        return set()
    at = next((row[name] for name in ("start_time", "channel_time", "startTime", "channelTime") if row.get(name)), None)
    if not isinstance(at, int):
        return set()
    try:
        return {datetime.fromtimestamp(at, zone).date().isoformat()}
    except (ValueError, OverflowError, OSError):
        return set()


def _at(step: Step, total: int) -> Step:
    """The step with how far it comes."""
    done = step.place["done"]
    return Step(step.place, step.heard_at, step.told, step.refused, done, max(done, total))


def _why(error: ClientError) -> str:
    return error.code

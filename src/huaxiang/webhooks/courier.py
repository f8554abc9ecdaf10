"""Sends what is to be told: a courier in each worker of a server, over one database.

Takes what waits (`watch` puts it there), gives signed POSTs, and notes what became of each.

Rule 1: one courier at a time holds a webhook, for `hold_s` seconds or until it lets go; who dies is followed then.
Rule 2: of a customer, what came first is sent first: what follows waits until that is delivered or given up.
Rule 3: an attempt is counted before it is made, and what is sent is made after it was counted; so whoever dies in
        between has it sent once more, and none is sent with less than was known when it was put.
Rule 4: an attempt that failed is made again after 5 seconds, twice as long after each other failure, an hour at most,
        each time by up to a quarter more or less; after `MOST_ATTEMPTS`, some eleven hours, it is given up, and listed.
Rule 5: no redirect is followed, no proxy of the environment is used, of an answer no more than `MOST_ANSWER_BYTES` are
        read, and nothing of it is kept but its status. The log names webhook, delivery, outcome, status and time.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID, uuid4

import httpx
import structlog

from huaxiang import __version__
from huaxiang.dialects.rabbitpre import webhook
from huaxiang.errors import HuaxiangError
from huaxiang.keyring import access_key_of
from huaxiang.webhooks.watch import look, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from huaxiang.model import AccessKey, Customer
    from huaxiang.service import Service
    from huaxiang.store import Row

POLL_SECONDS: Final = 1.0
HOLD_SECONDS: Final = 60.0
ATTEMPT_SECONDS: Final = 10.0
STOP_SECONDS: Final = 6.0
TURN_SECONDS: Final = 30.0
MOST_AT_ONCE: Final = 8
"""Requests of a webhook under way together."""
MOST_WEBHOOKS: Final = 8
"""Webhooks that a courier holds together."""
MOST_ATTEMPTS: Final = 20
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 5.0, 3600.0
MOST_ANSWER_BYTES: Final = 65_536
KEPT_DAYS: Final = 30
TIDY_SECONDS: Final = 3600.0

_log = structlog.get_logger("huaxiang.webhooks")
_jitter = random.SystemRandom()


class Pace(NamedTuple):
    """How a courier goes about it, in seconds; `delay_s`: after the first failure."""

    poll_s: float = POLL_SECONDS
    hold_s: float = HOLD_SECONDS
    attempt_s: float = ATTEMPT_SECONDS
    delay_s: float = FIRST_DELAY_SECONDS


class Told(NamedTuple):
    """One attempt, and what became of it."""

    number: int
    at: datetime
    ms: int
    status: int | None
    outcome: str


class _Target(NamedTuple):
    """A webhook that is held."""

    id: int
    url: str
    secret: str
    key: AccessKey


class Courier:
    """Sends for all tenants of a service, until it is told to stop. Lives on one event loop."""

    def __init__(self, service: Service, pace: Pace = Pace()) -> None:  # noqa: B008 (a tuple, which nobody can change)
        """Send nothing yet."""
        self._service, self._pace = service, pace
        self._name = uuid4()
        self._ending = asyncio.Event()
        self._watching: dict[int, asyncio.Task[None]] = {}
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._client: httpx.AsyncClient | None = None
        self._tidied = float("-inf")

    async def run(self) -> None:
        """Look for work and begin with it, again and again, until `stop` is called."""
        while not self._ending.is_set():
            await self._guarded(self._look())
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.poll_s):
                    await self._ending.wait()
        sending = list(self._sending.values())
        late = (await asyncio.wait(sending, timeout=STOP_SECONDS))[1] if sending else set[asyncio.Task[None]]()
        rest = [*late, *self._watching.values()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def stop(self) -> None:
        """Begin nothing any more; `run` ends when what is under way has ended, or has had its time."""
        self._ending.set()

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """Do it; whatever goes wrong, it is looked at again later. The log has the error's name: a text may quote."""
        try:
            await work
        except HuaxiangError as error:
            _log.warning("webhooks wait", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - nothing may end the courier but `stop`
            _log.error("webhooks wait", error=type(error).__name__)

    async def _look(self) -> None:
        """See what there is to do, and begin with it."""
        async with self._service.store.asking() as tx:
            work = await tx.rows("webhook_work")
        for row in work:
            id_ = row["id"]
            if row["what"] == "watch":
                self._begin(self._watching, id_, self._watch)
            elif len(self._sending) < MOST_WEBHOOKS:
                self._begin(self._sending, id_, self._serve)
        if time.monotonic() - self._tidied > TIDY_SECONDS:
            self._tidied = time.monotonic()
            async with self._service.store.writing() as tx:
                await tx.run("forget_deliveries", KEPT_DAYS)

    def _begin(
        self,
        tasks: dict[int, asyncio.Task[None]],
        id_: int,
        work: Callable[[int], Coroutine[None, None, None]],
    ) -> None:
        """Do this of a tenant or a webhook, unless it is being done."""
        if id_ not in tasks:
            tasks[id_] = asyncio.create_task(self._guarded(work(id_)))
            tasks[id_].add_done_callback(lambda _: tasks.pop(id_, None))

    async def _watch(self, tenant: int) -> None:
        while not self._ending.is_set() and await watch(self._service.store, tenant):
            pass

    async def _serve(self, id_: int) -> None:
        """Hold a webhook, and send what is due, as long as something is, and no longer than is fair to others."""
        until = time.monotonic() + TURN_SECONDS
        try:
            while not self._ending.is_set() and time.monotonic() < until and await self._send_due(id_):
                pass
        finally:
            async with self._service.store.writing() as tx:
                await tx.run("release_webhook", id_, self._name)

    async def _send_due(self, id_: int) -> bool:
        """Send some of what is due; gives whether there was any."""
        async with self._service.store.writing() as tx:
            held = await tx.row("hold_webhook", id_, self._name, self._pace.hold_s)
            row = await tx.row("held_webhook", id_, self._name) if held else None
            taken = await tx.rows("take_deliveries", id_, MOST_AT_ONCE) if row else []
        if row is None or not taken:
            return False
        target = _Target(id_, row["url"], row["webhook_secret"], access_key_of(row))
        told = await self._tell(target, taken)
        attempts = {one["number"]: one["attempts"] for one in taken}
        standing = [(one.number, *self._standing(one.outcome, attempts[one.number])) for one in told]
        async with self._service.store.writing() as tx:
            await tx.each("put_attempts", told, id_)
            await tx.each("settle_deliveries", standing, id_)
        return True

    def _standing(self, outcome: str, attempts: int) -> tuple[str, float]:
        """How a delivery stands after an attempt, and after how many seconds it is tried again."""
        if outcome in {"delivered", "void"}:
            return outcome, 0.0
        if attempts >= MOST_ATTEMPTS:
            return "given_up", 0.0
        delay = min(self._pace.delay_s * 2.0 ** (attempts - 1), LONGEST_DELAY_SECONDS)
        return "waiting", delay * _jitter.uniform(0.75, 1.25)

    async def _tell(self, target: _Target, taken: Sequence[Row]) -> list[Told]:
        """Send these together."""
        async with self._service.store.writing() as tx:
            customers = await look(tx, target.key.tenant, taken)
        return list(await asyncio.gather(*(self._tell_one(target, *one) for one in zip(taken, customers, strict=True))))

    async def _tell_one(self, target: _Target, row: Row, customer: Customer | None) -> Told:
        """Make one attempt; a customer who is known no more, or not to the app any more, is told of to nobody."""
        now, started = self._service.now(), time.perf_counter()
        key, company = target.key, row["company"]
        status, outcome = None, "void"
        if customer is not None and webhook.may_be_told(customer, key, key.tenant, company):
            content = webhook.body(customer, key, key.tenant, company=company, event=row["event"], at=row["created_at"])
            status, outcome = await self._post(target, row["event"], content, now)
        ms = round((time.perf_counter() - started) * 1000)
        _log.info("webhook", webhook=target.id, delivery=row["number"], outcome=outcome, status=status, ms=ms)
        return Told(row["number"], now, ms, status, outcome)

    async def _post(self, target: _Target, event: UUID, content: bytes, now: datetime) -> tuple[int | None, str]:
        """The status that came back, if any, and what became of it."""
        timestamp, nonce = str(round(now.timestamp() * 1000)), secrets.token_hex(3)
        said = {"instanceAppId": target.key.name, "nonce": nonce, "timestamp": timestamp}
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": f"huaxiang/{__version__}",
            "Accept-Encoding": "identity",
            webhook.EVENT: str(event),
            webhook.SIGNATURE: webhook.body_signature(content, target.secret, timestamp=timestamp, nonce=nonce),
        }
        status: int | None = None
        try:
            async with asyncio.timeout(self._pace.attempt_s):
                url = webhook.addressed(target.url, said, target.secret)
                async with self._http().stream("POST", url, content=content, headers=headers) as response:
                    status = response.status_code
                    return status, webhook.is_taken(status, await _beginning(response))
        except (TimeoutError, httpx.TimeoutException):
            return status, "timeout"
        except httpx.ConnectError:
            return None, "unreachable"
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
            return status, "broken"

    def _http(self) -> httpx.AsyncClient:
        """The client, made when the first request is: its certificates take a while to load."""
        if self._client is None:
            limits = httpx.Limits(max_connections=MOST_AT_ONCE * MOST_WEBHOOKS)
            self._client = httpx.AsyncClient(timeout=self._pace.attempt_s, limits=limits, trust_env=False)
        return self._client


async def _beginning(response: httpx.Response) -> bytes:
    """An answer's body; of a longer one, nothing that could be read."""
    found = b""
    async for piece in response.aiter_raw():
        found += piece
        if len(found) > MOST_ANSWER_BYTES:
            return b""
    return found

"""How it is sent: at least once, in order, again after every kind of failure, by one at a time, until given up."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL
from collections import Counter, defaultdict
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
from shop import QUICK, Shop, going

from huaxiang.service import Service
from huaxiang.store import opened
from huaxiang.webhooks import subscriptions
from huaxiang.webhooks.courier import MOST_ATTEMPTS, Pace
from huaxiang.webhooks.watch import watch
from receiver import Manner, Receiver, receiving

FAILURES: dict[Manner, tuple[str, int | None]] = {
    "fail": ("status", 500),
    "redirect": ("status", 307),
    "refuse": ("code", 200),
    "die": ("broken", 200),
    "drop": ("broken", None),
    "hang": ("timeout", None),
}
HASTY = Pace(poll_s=0.01, delay_s=0.01, attempt_s=0.5)


# ── again and again ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("manner", FAILURES)
async def test_what_was_not_taken_is_told_again_under_its_own_id(
    shop: Shop, receiver: Receiver, manner: Manner
) -> None:
    receiver.manners.extend([manner, manner])
    await shop.tag(643, "重点")
    async with going(shop.service, HASTY):
        await receiver.until(lambda: bool(receiver.taken))
        await shop.until_idle()
    assert [one.manner for one in receiver.told] == [manner, manner, "take"]
    assert len({one.body["notifyId"] for one in receiver.told}) == 1
    assert len({one.parameters["nonce"] for one in receiver.told}) == 3
    assert all(one.path == "/told" and one.is_signed(shop.hook.secret) for one in receiver.told)
    (delivery,) = await shop.log()
    assert (delivery.state, delivery.attempts, delivery.outcome) == ("delivered", 3, "delivered")
    attempts = await subscriptions.attempts(shop.service, shop.hook.webhook, delivery.number)
    assert [(one.outcome, one.status) for one in attempts] == [*[FAILURES[manner]] * 2, ("delivered", 200)]
    assert all(one.ms >= 0 for one in attempts)


@pytest.mark.parametrize("manner", ["plain", "flood"])
async def test_an_answer_without_a_code_counts_by_its_status(shop: Shop, receiver: Receiver, manner: Manner) -> None:
    receiver.manners.append(manner)
    await shop.tag(643, "重点")
    async with going(shop.service):
        await receiver.until(lambda: bool(receiver.told))
        await shop.until_idle()
    assert [one.state for one in await shop.log()] == ["delivered"]


async def test_who_does_not_listen_is_told_when_he_does(shop: Shop) -> None:
    async with receiving() as gone:
        pass
    await subscriptions.change(shop.service, shop.hook.webhook, url=gone.url)
    await shop.tag(643, "重点")
    async with going(shop.service, HASTY):
        (one,) = await shop.until_logged(lambda log: bool(log) and log[0].attempts > 2 and log[0].at is not None)
        assert (one.state, one.outcome, one.status) == ("waiting", "unreachable", None)
        async with receiving(gone.port) as back:
            await back.until(lambda: back.ids() == [643])
            await shop.until_idle()


async def test_what_is_never_taken_is_given_up_and_listed_and_can_be_sent_again(shop: Shop, receiver: Receiver) -> None:
    receiver.choose = lambda _body: "fail"
    await shop.tag(643, "老客")
    pace = Pace(poll_s=0.01, delay_s=1e-9)
    async with going(shop.service, pace):
        await shop.until_idle()
        (one,) = await shop.log("given_up")
        assert (one.attempts, one.next_at, len(receiver.told)) == (MOST_ATTEMPTS, None, MOST_ATTEMPTS)
        assert [hook.given_up for hook in await subscriptions.webhooks(shop.service)] == [1]
        receiver.choose = lambda _body: "take"
        await shop.tag(643, "重点", minute=1)
        await receiver.until(lambda: len(receiver.taken) == 1)
        sent = await subscriptions.send(shop.service, shop.hook.webhook, given_up=True)
        assert sent == [one.number]
        await receiver.until(lambda: len(receiver.taken) == 2)
        await shop.until_idle()
    # What is sent again says what is true now, under the id that the event had.
    assert [told.tags for told in receiver.taken] == [["重点", "老客"], ["重点", "老客"]]
    assert receiver.taken[1].body["notifyId"] == str(one.event)
    assert [done.state for done in await shop.log()] == ["delivered", "delivered"]
    assert await subscriptions.send(shop.service, shop.hook.webhook, [10**6], given_up=True) == []


def test_the_pauses_grow_to_an_hour_and_what_is_given_up_was_tried_for_half_a_day() -> None:
    pace = Pace()
    delays = [min(pace.delay_s * 2.0**tried, 3600.0) for tried in range(MOST_ATTEMPTS - 1)]
    assert delays[:4] == [5.0, 10.0, 20.0, 40.0]
    assert delays[-1] == 3600.0
    assert 10 * 3600 < sum(delays) < 12 * 3600


# ── in order ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_of_one_customer_what_came_first_is_told_first_and_others_do_not_wait_for_it(
    shop: Shop, receiver: Receiver
) -> None:
    stuck = True

    def choose(body: dict[str, Any]) -> Manner:
        return "fail" if body["audienceUserId"] == 1 and stuck else "take"

    receiver.choose = choose
    async with going(shop.service):
        await shop.tag(1, "first")
        await receiver.until(lambda: bool(receiver.told))
        for step in range(1, 4):
            await shop.tag(1, f"then{step}", minute=step)
            await shop.tag(2, f"other{step}", minute=step)
            await receiver.until(lambda step=step: any(f"other{step}" in one.tags for one in receiver.taken))
        assert set(receiver.ids()) == {2}
        stuck = False
        await shop.until_idle()
    of_one = [one for one in receiver.told if one.body["audienceUserId"] == 1]
    ids = [one.body["notifyId"] for one in of_one]
    assert ids == sorted(ids, key=ids.index)
    assert [one.body["notifyId"] for one in of_one if one.manner == "take"] == list(dict.fromkeys(ids))
    # Those that waited untried behind the first told together what the last one would.
    assert len(set(ids)) == 2
    assert sorted(of_one[-1].tags) == ["first", "then1", "then2", "then3"]


# ── by one at a time ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_several_couriers_make_each_attempt_once(shop: Shop, receiver: Receiver, database_url: str) -> None:
    seen: Counter[str] = Counter()
    flights: defaultdict[int, int] = defaultdict(int)

    def choose(body: dict[str, Any]) -> Manner:
        seen[body["notifyId"]] += 1
        flights[body["audienceUserId"]] += 1
        return "fail" if seen[body["notifyId"]] == 1 and body["audienceUserId"] % 3 == 0 else "take"

    receiver.choose = choose
    async with AsyncExitStack() as stack:
        for _ in range(3):
            store = await stack.enter_async_context(opened(database_url, connections=3))
            await stack.enter_async_context(going(Service(store)))
        for number in range(1, 31):
            await shop.tag(number, "x")
        await shop.until_idle()
    log = await shop.log()
    assert len(log) == 30
    assert {one.state for one in log} == {"delivered"}
    assert seen == {str(one.event): one.attempts for one in log}
    assert sum(one.attempts for one in log) == len(receiver.told) == 40
    assert sorted(receiver.ids()) == list(range(1, 31))


COURIER = """
import asyncio, sys
from huaxiang.service import Service
from huaxiang.store import opened
from huaxiang.webhooks.courier import Courier

async def main():
    async with opened(sys.argv[1], connections=3) as store:
        await Courier(Service(store)).run()

asyncio.run(main())
"""


async def test_who_dies_in_the_middle_is_followed_when_his_hold_ends(
    shop: Shop, receiver: Receiver, database_url: str
) -> None:
    receiver.manners.append("hang")
    await shop.tag(643, "重点")
    dying = await asyncio.create_subprocess_exec(sys.executable, "-c", COURIER, database_url, stderr=DEVNULL)
    await receiver.until(lambda: receiver.hanging == 1)
    dying.kill()
    await dying.wait()
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("select held_until > now() + interval '30 seconds' from webhook")
    async with going(shop.service):
        await shop.tag(644, "x")
        await shop.until_logged(lambda log: len(log) == 2)
        assert receiver.taken == []  # somebody may still be at it
        await connection.execute("update webhook set held_until = held_until - interval '60 seconds'")
        await shop.until_idle()
    await connection.close()
    assert sorted(receiver.ids()) == [643, 644]
    assert [(one.state, one.attempts) for one in await shop.log()] == [("delivered", 2), ("delivered", 1)]
    assert len({told.body["notifyId"] for told in receiver.told}) == 2


async def test_a_change_is_seen_once_however_many_look_at_the_same_time(
    shop: Shop, receiver: Receiver, database_url: str
) -> None:
    del receiver
    for number in range(1, 21):
        await shop.tag(number, "x")
    async with opened(database_url, connections=8) as store:
        await asyncio.gather(*(watch(store, shop.tenant.id) for _ in range(8)))
        while await watch(store, shop.tenant.id):
            pass
    assert len(await shop.log()) == 20


async def test_a_courier_told_to_stop_ends_at_once_and_lets_go(shop: Shop, receiver: Receiver) -> None:
    await shop.tag(643, "重点")
    async with going(shop.service, Pace(poll_s=3600)):
        # The first look finds something to be seen; the next one is an hour away.
        await shop.until_logged(bool)
    assert receiver.told == []
    async with going(shop.service, QUICK):
        await shop.until_idle()
    assert receiver.ids() == [643]

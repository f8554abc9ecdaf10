"""The client, blocking and asyncio, against a real server over a real socket; and a proxy that fails between them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from served import Either, House, Lose, Pass, Say, between, free_port

from huaxiang.client import (
    AsyncClient,
    Client,
    Invalid,
    NotPermitted,
    Retry,
    TooOften,
    Unauthenticated,
    Unavailable,
    Unconfirmed,
    Unexpected,
)
from huaxiang.keyring import KeyOptions
from huaxiang.model import Call, Identifier, Mention, Tenant, Trait

AT = datetime(2024, 5, 1, 9, 30, tzinfo=UTC)
AT_ONCE = Retry(tries=4, first_wait_s=0, longest_wait_s=0)
PATIENT = Retry(tries=50, first_wait_s=0.05, longest_wait_s=0.5)

Connect = Callable[..., Either]


def call(number: int) -> Call:
    phone = Mention("phone", f"138{number:08d}")
    at = AT + timedelta(seconds=number)
    return Call(source="pbx", id=f"c-{number}", at=at, identifiers=(phone,), duration=63, city="重庆-重庆")


async def test_a_fact_goes_in_and_its_customer_comes_out_by_number_and_by_identifier(
    connect: Connect, address: str
) -> None:
    client = connect(address)
    assert (await client.facts([call(1)])).landed == 1
    found, unknown, by_identifier = await client.lookup(
        [
            Mention("phone", "138 0000 0001"),
            {"kind": "phone", "value": "13999999999"},
            Identifier("phone", "13800000001"),
        ]
    )
    assert found is not None
    assert (found.calls.count, found.calls.total_duration) == (1, 63)
    assert found.calls.newest is not None
    assert (found.calls.newest.at, found.calls.newest.city) == (AT + timedelta(seconds=1), "重庆-重庆")
    assert unknown is None
    assert by_identifier == found
    assert await client.customer(found.id) == found


@pytest.mark.parametrize("number", [0, -1, 2**62, 2**64])
async def test_a_number_that_is_nobodys_is_none(connect: Connect, address: str, number: int) -> None:
    assert await connect(address).customer(number) is None


async def test_facts_are_summed_over_batches_and_rejects_keep_their_lines(connect: Connect, address: str) -> None:
    client = connect(address, batch_facts=10)
    facts: list[Any] = [call(number) for number in range(1, 36)]
    facts[4], facts[21], facts[34] = {"kind": "visit", "source": "h5"}, object(), {"kind": "call"}
    first = await client.facts(iter(facts))
    assert (first.landed, first.known) == (32, 0)
    assert [(one.line, one.field) for one in first.rejected] == [(5, "kind"), (22, ""), (35, "source")]
    again = await client.facts(facts)
    assert (again.landed, again.known, again.rejected) == (0, 32, first.rejected)


async def test_more_than_ten_thousand_facts_go_in_several_requests(connect: Connect, address: str) -> None:
    with between(address) as proxy:
        answer = await connect(proxy.address).facts({"kind": "visit", "source": "h5"} for _ in range(10_001))
    assert [body.count(b"\n") for body in proxy.requests] == [10_000, 1]
    assert [one.line for one in answer.rejected] == list(range(1, 10_002))


async def test_more_than_a_thousand_identifiers_are_looked_up_in_their_places(connect: Connect, address: str) -> None:
    client = connect(address)
    await client.facts([call(7)])
    wanted = [
        Mention("phone", "13800000007" if place in {0, 999, 1000, 1004} else "13999999999") for place in range(1005)
    ]
    with between(address) as proxy:
        found = await connect(proxy.address).lookup(wanted)
    assert [place for place, one in enumerate(found) if one is not None] == [0, 999, 1000, 1004]
    assert (len(found), len(proxy.requests)) == (1005, 2)


async def test_nothing_asks_for_nothing(connect: Connect, address: str) -> None:
    with between(address) as proxy:
        client = connect(proxy.address)
        answer = await client.facts([])
        assert (answer.landed, answer.known, answer.rejected) == (0, 0, [])
        assert await client.lookup([]) == []
    assert proxy.requests == []


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_wrong_token_is_unauthenticated_with_the_id_of_the_request(connect: Connect, address: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await connect(address, token="wrong").customer(1)
    assert (caught.value.status, len(caught.value.request_id)) == (401, 36)
    assert "wrong" not in str(caught.value)


async def test_a_token_without_the_permission_is_told_which(connect: Connect, house: House, mine: Tenant) -> None:
    made = await house.service.create_key(mine, "native", KeyOptions(rate=0, permissions=("customers",)))
    client = connect(house.address, token=made["token"])
    assert await client.customer(1) is None
    with pytest.raises(NotPermitted) as caught:
        await client.facts([call(1)])
    assert caught.value.reason == "facts"


async def test_an_identifier_without_a_kind_is_invalid(connect: Connect, address: str) -> None:
    with pytest.raises(Invalid) as caught:
        await connect(address).lookup([{"value": "13800000001"}])
    assert caught.value.field.endswith("kind")


async def test_an_address_of_something_else_is_unexpected(connect: Connect, address: str) -> None:
    with pytest.raises(Unexpected) as caught:
        await connect(f"{address}/elsewhere").customer(1)
    assert caught.value.status == 404


async def test_past_the_rate_the_client_waits_and_goes_on(connect: Connect, house: House, mine: Tenant) -> None:
    made = await house.service.create_key(mine, "native", KeyOptions(rate=20))
    client = connect(house.address, token=made["token"], retry=PATIENT, batch_facts=1)
    answer = await client.facts([Trait(source="crm", identifiers=(Mention("phone", "13800000001"),))] * 4)
    assert (answer.landed, answer.rejected) == (4, [])


async def test_past_the_rate_at_every_try_is_too_often(connect: Connect, house: House, mine: Tenant) -> None:
    made = await house.service.create_key(mine, "native", KeyOptions(rate=0.001))
    client = connect(house.address, token=made["token"], retry=AT_ONCE)
    assert await client.customer(1) is None
    with pytest.raises(TooOften):
        await client.customer(1)


# ── a bad way ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_where_nobody_listens_the_server_is_unavailable(connect: Connect) -> None:
    with pytest.raises(Unavailable) as caught:
        await connect(f"http://127.0.0.1:{free_port()}", retry=AT_ONCE).facts([call(1)])
    assert type(caught.value) is Unavailable


async def test_an_answer_that_was_lost_is_asked_for_again_and_the_fact_counts_once(
    connect: Connect, address: str
) -> None:
    with between(address, Lose(), Lose()) as proxy:
        client = connect(proxy.address, retry=AT_ONCE)
        answer = await client.facts([call(1), call(2)])
        (found,) = await client.lookup([Mention("phone", "13800000001")])
    assert (answer.landed, answer.known) == (0, 2)
    assert found is not None
    assert found.calls.count == 1


async def test_a_fact_with_neither_id_nor_time_is_not_sent_twice_when_its_answer_was_lost(
    connect: Connect, address: str
) -> None:
    phone = Mention("phone", "13800000001")
    with between(address, Lose()) as proxy:
        client = connect(proxy.address, retry=AT_ONCE)
        with pytest.raises(Unconfirmed):
            await client.facts([Call(source="pbx", identifiers=(phone,))])
        assert len(proxy.requests) == 1
        (found,) = await client.lookup([phone])
    assert found is not None
    assert found.calls.count == 1


async def test_a_server_without_room_is_asked_again(connect: Connect, address: str) -> None:
    with between(address, Say(503), Say(502), Say(429, header=("Retry-After", "0"))) as proxy:
        assert (await connect(proxy.address, retry=AT_ONCE).facts([call(1)])).landed == 1
    assert len(proxy.requests) == 4


async def test_a_batch_that_fails_tells_what_landed_before_it_and_where_to_go_on(
    connect: Connect, address: str
) -> None:
    facts: list[Any] = [call(1), {"kind": "visit"}, call(3), call(4), object(), call(6)]
    with between(address, Pass(), Say(503)) as proxy, pytest.raises(Unconfirmed) as caught:
        await connect(proxy.address, retry=Retry(tries=1), batch_facts=2).facts(facts)
    before = caught.value.before
    assert before is not None
    assert (before.landed, [one.line for one in before.rejected], caught.value.line) == (1, [2], 3)
    rest = await connect(address).facts(facts[caught.value.line - 1 :])
    assert (rest.landed, [one.line for one in rest.rejected]) == (3, [3])


async def test_a_redirect_is_not_followed_with_the_token(connect: Connect, address: str) -> None:
    with between(address, Say(307, header=("Location", f"{address}/v1/customers/1"))) as proxy:
        with pytest.raises(Unexpected) as caught:
            await connect(proxy.address).customer(1)
        assert (caught.value.status, len(proxy.requests)) == (307, 1)


# ── each form for itself ──────────────────────────────────────────────────────────────────────────────────────────


async def test_the_asyncio_client_takes_facts_as_they_come(address: str, token: str) -> None:
    async def coming() -> AsyncIterator[Call]:
        for number in range(1, 6):
            yield call(number)

    async with AsyncClient(address, token, batch_facts=2) as client:
        assert (await client.facts(coming())).landed == 5


def test_the_client_works_where_nothing_of_the_server_is_installed(address: str, token: str) -> None:
    program = """
        import asyncio, os, sys

        MAY = {"huaxiang", "msgspec", "httpx", "httpcore", "h11", "anyio", "sniffio", "certifi", "idna",
               "typing_extensions"} | sys.stdlib_module_names

        class NotInstalled:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] not in MAY and not name.startswith("_sysconfigdata"):
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, NotInstalled())
        from huaxiang.client import AsyncClient, Client
        from huaxiang.model import Call, Mention

        address, token = sys.argv[1], os.environ["TOKEN"]
        phone = Mention("phone", "13800000001")
        with Client(address, token) as client:
            print(client.facts([Call(source="pbx", id="c-1", identifiers=(phone,))]).landed)
            found, = client.lookup([phone])

        async def again():
            async with AsyncClient(address, token) as client:
                return await client.customer(found.id)

        print(asyncio.run(again()) == found)
        rooms = {name.split(".")[1] for name in sys.modules if name.startswith("huaxiang.")}
        print(*sorted(rooms))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), address],
        env={"TOKEN": token, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split("\n"), done.stderr) == (["1", "True", "client dialects errors model", ""], "")


def test_a_client_brought_along_is_not_closed(address: str, token: str) -> None:
    with httpx.Client(trust_env=False) as http:
        with Client(address, token, http=http) as client:
            assert client.customer(1) is None
        assert not http.is_closed

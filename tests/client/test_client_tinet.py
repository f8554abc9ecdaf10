"""The Smartlink client, blocking and asyncio, against a real server over a real socket; and one that fails between."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from served import House, Lose, Pass, Say, between, said

from huaxiang.client import (
    Expired,
    Invalid,
    NotFound,
    NotPermitted,
    Retry,
    ServerFault,
    TooOften,
    Unauthenticated,
    Unavailable,
    Unconfirmed,
)
from huaxiang.client.tinet import (
    AsrText,
    AsyncSmartlinkClient,
    CdrSqcDetailsRequest,
    CustomerPortraitRequest,
    CustomerPortraitResponse,
    JsonUtils,
    ListCdrsByConditionsRequest,
    ListCdrSqcDetailsRequest,
    OriginData,
    PushAsrTextRequest,
    PushCdrRequest,
    SentenceResult,
    SmartlinkClient,
    SmartlinkClientConfiguration,
    UpdateCdrRequest,
)
from huaxiang.client.tinet.signed import Now, now_utc
from huaxiang.model import Tenant

AT_ONCE = Retry(tries=4, first_wait_s=0, longest_wait_s=0)
ONCE = Retry(tries=1)
FIRST = 1_597_656_604

Configure: TypeAlias = Callable[..., SmartlinkClientConfiguration]
Connect: TypeAlias = Callable[..., SmartlinkClient | AsyncSmartlinkClient]


def cdr(number: int) -> tuple[str, dict[str, Any]]:
    row = {"uniqueId": f"{FIRST + number}.{number}", "userId": "110Y", "cdrType": "cdr_ob_agent"}
    timed = {"startTime": FIRST + number, "bridgeDuration": 60, "rounds": 3}
    return "tinet.cdr", {**row, **timed, "customerNumber": f"1397795{number:04d}"}


def mark(number: int, name: str) -> tuple[str, dict[str, Any]]:
    call = {"source": "tinet", "enterprise": "110Y", "call": f"{FIRST + number}.{number}"}
    label = {"type": "意向", "name": name, "second": 8}
    return "facts", {"kind": "mark", "id": f"m-{number}-{name}", **call, **label}


@pytest_asyncio.fixture
async def configure(house: House, mine: Tenant) -> Configure:
    """Make settings for this test's key; at the server, unless the test says another place."""
    credential = await house.key(mine, "tinet")

    def make(address: str = house.address, *, key: dict[str, str] = credential, **settings: Any) -> Any:  # noqa: ANN401
        configuration = SmartlinkClientConfiguration(key["access_key_id"], key["access_key_secret"], **settings)
        configuration.setHost(urlsplit(address).netloc)
        return configuration

    return make


@pytest_asyncio.fixture(params=["blocking", "asyncio"])
async def connect(request: pytest.FixtureRequest) -> AsyncGenerator[Connect]:
    """Make a client of one form or the other."""
    made: list[httpx.Client | httpx.AsyncClient] = []

    def make(
        configuration: SmartlinkClientConfiguration, *, now: Now = now_utc
    ) -> SmartlinkClient | AsyncSmartlinkClient:
        if request.param == "blocking":
            made.append(blocking := httpx.Client(timeout=30, trust_env=False))
            return SmartlinkClient(configuration, http=blocking, now=now)
        made.append(waiting := httpx.AsyncClient(timeout=30, trust_env=False))
        return AsyncSmartlinkClient(configuration, http=waiting, now=now)

    yield make
    for http in made:
        if isinstance(http, httpx.Client):
            http.close()
        else:
            await http.aclose()


async def ask(client: SmartlinkClient | AsyncSmartlinkClient, **asked: Any) -> CustomerPortraitResponse:  # noqa: ANN401
    return await said(client, "getResponseModel", CustomerPortraitRequest(**asked))


# ── portraits ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_vendors_demo_reads_the_same(house: House, mine: Tenant, configure: Configure) -> None:
    await house.land(mine, *(cdr(number) for number in range(1, 5)))
    known, address = configure(), urlsplit(house.address)

    configuration = SmartlinkClientConfiguration()
    configuration.setAccessKeyId(known.accessKeyId)
    configuration.setAccessKeySecret(known.accessKeySecret)
    configuration.setHost(address.hostname or "", address.port)
    configuration.setConnectTimeout(5000)
    configuration.setSocketTimeout(5000)
    configuration.setConnectionRequestTimeout(5000)

    smartLinkClient = SmartlinkClient(configuration)  # noqa: N806 - the demo's name
    request = CustomerPortraitRequest()
    request.setOffset(1)
    request.setLimit(2)
    response = smartLinkClient.getResponseModel(request)
    smartLinkClient.close()

    assert [row.customerNumber for row in response.data] == ["13977950003", "13977950002"]
    assert (response.start, response.pageSize, response.totalCount, response.totalPageCount) == (1, 2, 4, 2)
    assert '"customerNumber": "13977950003"' in JsonUtils.toJsonString(response, True)  # noqa: FBT003 - the demo's way


async def test_all_rows_come_page_by_page(connect: Connect, configure: Configure, house: House, mine: Tenant) -> None:
    await house.land(mine, *(cdr(number) for number in range(1, 8)))
    with between(house.address) as proxy:
        client = connect(configure(proxy.address))
        rows = await said(client, "iterate", CustomerPortraitRequest(limit=3))
        pages = await said(client, "pages", CustomerPortraitRequest(limit=7))
    assert [row.customerNumber for row in rows] == [f"1397795{number:04d}" for number in range(7, 0, -1)]
    assert (len(pages), len(proxy.targets)) == (1, 4)


async def test_nobody_is_one_empty_page(connect: Connect, configure: Configure) -> None:
    client = connect(configure())
    (page,) = await said(client, "pages", CustomerPortraitRequest())
    assert (page.totalCount, page.data) == (0, [])


async def test_labels_in_chinese_are_filtered_by_and_come_back(
    connect: Connect, configure: Configure, house: House, mine: Tenant
) -> None:
    await house.land(mine, cdr(1), cdr(2), mark(1, "高"), mark(2, "低"), mark(2, "价格 100%*~"))
    client = connect(configure())
    (row,) = (await ask(client, portraits=["意向/高"])).data
    (detail,) = row.portraitDetails
    assert (row.customerNumber, detail.portraitTypeName, detail.name) == ("13977950001", "意向", "高")
    assert (detail.startTime, detail.qcType, detail.added, detail.deleted) == (8, 1, 1, 0)
    assert [row.customerNumber for row in (await ask(client, portraits=["价格 100%*~", "低"])).data] == ["13977950002"]
    assert (await ask(client, portraits=["高", "低"])).data == []
    numbers = {"13977950001", "13977950002", "13900000000"}
    assert (await ask(client, customerNumber=numbers)).totalCount == 2


@pytest.mark.parametrize("clock", ["utc", "shanghai"])
async def test_either_clock_is_understood(connect: Connect, configure: Configure, clock: str) -> None:
    assert (await ask(connect(configure(clock=clock)))).totalCount == 0


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_wrong_secret_is_unauthenticated(connect: Connect, configure: Configure) -> None:
    key = {"access_key_id": configure().accessKeyId, "access_key_secret": "wrong"}
    with pytest.raises(Unauthenticated) as caught:
        await ask(connect(configure(key=key)))
    assert (caught.value.code, caught.value.status) == ("AuthFailure", 401)
    assert caught.value.request_id


async def test_a_clock_that_is_off_is_told_as_such(connect: Connect, configure: Configure) -> None:
    with pytest.raises(Expired):
        await ask(connect(configure(), now=lambda: datetime.now(UTC) - timedelta(hours=1)))


async def test_a_wrong_parameter_is_invalid(connect: Connect, configure: Configure) -> None:
    with pytest.raises(Invalid) as caught:
        await ask(connect(configure()), offset=-1)
    assert caught.value.code == "InvalidParameter"
    assert "offset" in caught.value.message


async def test_a_key_without_the_permission_is_not_permitted(
    connect: Connect, configure: Configure, house: House, mine: Tenant
) -> None:
    key = await house.key(mine, "tinet", permissions=())
    with pytest.raises(NotPermitted):
        await ask(connect(configure(key=key)))


async def test_past_the_rate_at_every_try_is_too_often(
    connect: Connect, configure: Configure, house: House, mine: Tenant
) -> None:
    key = await house.key(mine, "tinet", rate=0.001)
    client = connect(configure(key=key, retry=AT_ONCE))
    await ask(client)
    with pytest.raises(TooOften):
        await ask(client)


async def test_neither_numbers_nor_signatures_are_logged(
    connect: Connect, configure: Configure, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await ask(connect(configure()), customerNumber=["13677770000"])
    ours = caplog.text
    assert "/sqc/customerPortrait" in ours
    assert [held for held in ("13677770000", "Signature", configure().accessKeyId) if held in ours] == []
    async with httpx.AsyncClient(trust_env=False) as anybody:
        await anybody.get(f"{house.address}/health?of=somebody")
    assert "of=somebody" in caplog.text


# ── tries ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_may_pass_is_tried_again(connect: Connect, configure: Configure, house: House) -> None:
    with between(house.address, Say(500), Say(429), Lose(), Pass()) as proxy:
        assert (await ask(connect(configure(proxy.address, retry=AT_ONCE)))).totalCount == 0
    assert len(proxy.targets) == 4


@pytest.mark.parametrize(
    ("step", "kind"), [(Say(500), ServerFault), (Say(503), Unconfirmed), (Say(429), TooOften), (Lose(), Unconfirmed)]
)
async def test_what_does_not_pass_is_told_in_the_end(
    connect: Connect, configure: Configure, house: House, step: Say | Lose, kind: type[Exception]
) -> None:
    with between(house.address, *[step] * 4) as proxy, pytest.raises(kind):
        await ask(connect(configure(proxy.address, retry=AT_ONCE)))
    assert len(proxy.targets) == 4


async def test_what_stands_is_not_tried_again(connect: Connect, configure: Configure, house: House) -> None:
    with between(house.address, Say(403)) as proxy, pytest.raises(NotPermitted):
        await ask(connect(configure(proxy.address, retry=AT_ONCE)))
    assert len(proxy.targets) == 1


async def test_a_server_that_is_not_there_is_unavailable(connect: Connect, configure: Configure) -> None:
    with pytest.raises(Unavailable) as caught:
        await ask(connect(configure("http://127.0.0.1:9", retry=ONCE)))
    assert not isinstance(caught.value, Unconfirmed)


async def test_a_client_of_its_own_connections_asks_and_closes(configure: Configure) -> None:
    with SmartlinkClient(configure()) as client:
        assert client.getResponseModel(CustomerPortraitRequest()).totalCount == 0
    async with AsyncSmartlinkClient(configure()) as waiting:
        assert (await waiting.getResponseModel(CustomerPortraitRequest())).totalCount == 0


def test_the_client_works_where_nothing_of_the_server_is_installed(configure: Configure, house: House) -> None:
    program = """
        import os, sys

        MAY = {"huaxiang", "msgspec", "httpx", "httpcore", "h11", "anyio", "sniffio", "certifi", "idna",
               "typing_extensions"} | sys.stdlib_module_names

        class NotInstalled:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] not in MAY and not name.startswith("_sysconfigdata"):
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, NotInstalled())
        from huaxiang.client.tinet import CustomerPortraitRequest, SmartlinkClient, SmartlinkClientConfiguration

        configuration = SmartlinkClientConfiguration(os.environ["ID"], os.environ["SECRET"])
        configuration.setHost(sys.argv[1])
        with SmartlinkClient(configuration) as client:
            print(client.getResponseModel(CustomerPortraitRequest()).totalCount)
        rooms = {name.split(".")[1] for name in sys.modules if name.startswith("huaxiang.")}
        print(*sorted(rooms))
    """
    key = configure()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), urlsplit(house.address).netloc],
        env={"ID": key.accessKeyId, "SECRET": key.accessKeySecret, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split("\n"), done.stderr) == (["0", "client dialects errors model", ""], "")


# ── pushes, and what is known of calls ────────────────────────────────────────────────────────────────────────────


def call(number: int, **fields: Any) -> PushCdrRequest:  # noqa: ANN401 - any field of a call
    started: dict[str, Any] = {"startTime": FIRST + number, "bridgeDuration": 60, "customerNumber": "13677770000"}
    unique_id = f"medias_1-{FIRST + number}.{number}"
    return PushCdrRequest(uniqueId=unique_id, userId="110Y", cdrType="cdr_ib", **{**started, **fields})


def transcript(number: int, side: Literal["agent", "client"], *said: tuple[int, str]) -> PushAsrTextRequest:
    sentences = [SentenceResult(channelId=1, beginTime=at, endTime=at + 900, text=text) for at, text in said]
    unique_id = f"medias_1-{FIRST + number}.{number}"
    text = AsrText(bizDuration=60_000, result=sentences)
    return PushAsrTextRequest(uniqueId=unique_id, userId="110Y", recordSide=side, asrText=text)


async def test_a_call_its_transcript_and_its_priority_go_in_in_any_order_and_twice(
    connect: Connect, configure: Configure
) -> None:
    client = connect(configure())
    pushes = [
        transcript(1, "client", (1_410, "我想买你们的套餐,多少钱?"), (9_000, "好的")),
        UpdateCdrRequest(uniqueId=call(1).uniqueId, userId="110Y", businessPriority="high"),
        call(
            1,
            agentName="王大宝",
            customerProvince="北京",
            customerCity="北京",
            originDataList=[OriginData("城市", "北京")],
        ),
        transcript(1, "agent", (200, "您好"), (3_000, "九十九元")),
    ]
    for push in [*pushes, *pushes]:
        assert (await said(client, "getResponseModel", push)).result == "success"
    (row,) = (await ask(client, customerNumber=["13677770000"])).data
    assert (row.totalCallCount, row.maxCallDuration, row.customerCity) == (1, 60, "北京-北京")
    assert row.maxRound
    details = await said(client, "getResponseModel", CdrSqcDetailsRequest(uniqueId=call(1).uniqueId, userId="110Y"))
    assert details.result["businessPriority"] == "high"
    assert [one["text"] for one in details.result["asr"]] == ["您好", "我想买你们的套餐,多少钱?", "九十九元", "好的"]


async def test_a_push_is_sent_again_when_its_answer_was_lost(
    connect: Connect, configure: Configure, house: House
) -> None:
    with between(house.address, Lose(), Say(500), Pass()) as proxy:
        answer = await said(connect(configure(proxy.address, retry=AT_ONCE)), "getResponseModel", call(1))
    assert (answer.result, len(proxy.requests), len(set(proxy.requests))) == ("success", 3, 1)
    assert (await ask(connect(configure()))).data[0].totalCallCount == 1


async def test_a_push_without_a_number_is_invalid(connect: Connect, configure: Configure) -> None:
    with pytest.raises(Invalid) as caught:
        await said(connect(configure()), "getResponseModel", call(1, customerNumber=None))
    assert caught.value.code == "MissingParameter"
    assert "customerNumber" in caught.value.message


async def test_a_call_that_nobody_pushed_is_not_found(connect: Connect, configure: Configure) -> None:
    with pytest.raises(NotFound):
        await said(connect(configure()), "getResponseModel", CdrSqcDetailsRequest(uniqueId="nobody", userId="110Y"))


async def test_a_days_and_a_spans_calls_come_page_by_page_each_once(connect: Connect, configure: Configure) -> None:
    client = connect(configure())
    own = [OriginData("城市", "北京")]
    for number in range(1, 8):
        await said(client, "getResponseModel", call(number, originDataList=own if number == 3 else None))
    day = datetime.fromtimestamp(FIRST, UTC) + timedelta(hours=8)
    scrolled = await said(client, "iterate", ListCdrSqcDetailsRequest(channelTime=f"{day:%F}", limit=3))
    assert [row["id"] for row in scrolled] == [call(number).uniqueId for number in range(1, 8)]
    mine = ListCdrSqcDetailsRequest(channelTime=f"{day:%F}", originDataList=own)
    assert [row["id"] for row in await said(client, "iterate", mine)] == [call(3).uniqueId]
    span: dict[str, Any] = {"startChannelTime": f"{day:%F} 00:00:00", "endChannelTime": f"{day:%F} 23:59:59"}
    listed = await said(client, "iterate", ListCdrsByConditionsRequest(limit=2, **span))
    assert [row["unique_id"] for row in listed] == [call(number).uniqueId for number in range(1, 8)]
    two = ListCdrsByConditionsRequest(uniqueIdList=[call(2).uniqueId, call(5).uniqueId], **span)
    assert [row["unique_id"] for row in await said(client, "iterate", two)] == [call(2).uniqueId, call(5).uniqueId]

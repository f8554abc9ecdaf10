"""What an operator asks by the native client, in both forms, of a real server: every call of the API has its method."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from served import Between, Either, House, Lose, Say, between, said

from huaxiang.client import Invalid, NotFound, NotPermitted, Retry, Unconfirmed, Unexpected
from huaxiang.dialects.native.endpoints import ENDPOINTS
from huaxiang.dialects.native.evidence import Explanation, Export
from huaxiang.model import Mention, Parsed, Tenant, Trait
from huaxiang.steward import suggestions

BY = {"author": "wang", "reason": "heard both voices"}
AT_ONCE = Retry(tries=4, first_wait_s=0, longest_wait_s=0)
RULES = """
rules:
  - id: price
    portrait: {type: 意向, name: 问价}
    when: {words: [多少钱], speaker: client}
    examples: {hit: [client: 多少钱], miss: [agent: 多少钱]}
"""
CALL: dict[str, Any] = {
    "kind": "call",
    "source": "pbx",
    "id": "c-1",
    "at": "2026-05-01T09:00:00Z",
    "identifiers": [{"kind": "phone", "value": "13812345678"}],
}
SAID: dict[str, Any] = {
    "kind": "transcript",
    "source": "pbx",
    "id": "c-1/client",
    "call": "c-1",
    "side": "client",
    "utterances": [{"text": "这个多少钱", "begin_ms": 5200}],
}


def fact(record: str, *phones: str) -> dict[str, Any]:
    """What a record says, of these phones."""
    identifiers = [{"kind": "phone", "value": phone} for phone in phones]
    return {"kind": "trait", "source": "crm", "id": record, "identifiers": identifiers, "traits": {"real_name": record}}


async def numbers(client: object, *phones: str) -> list[int]:
    """Whose these phones are."""
    return [one.id for one in await said(client, "lookup", [Mention("phone", phone) for phone in phones])]


ONE, TWO, THREE = "13812345678", "13812345679", "13812345670"


async def test_every_call_of_the_api_has_its_method(connect: Callable[..., Either], house: House, mine: Tenant) -> None:
    pytest.importorskip("splink", reason="the extra `suggest` is not installed")
    with between(house.address) as proxy:
        client = connect(proxy.address).client
        await said(client, "facts", [CALL, SAID, fact("p1", ONE, TWO), fact("p2", THREE)])
        one, other = await numbers(client, ONE, THREE)
        await evidence(client, one)
        await decisions(client, one, other)
        await rules(client, one)
        await pairs(client, house, mine)
        await records(client, house, mine)
        shown = await said(client, "erase", other, preview=True, **BY)
        assert (shown.done, (await said(client, "customer", other)).id) == (False, other)
        gone = await said(client, "erase", other, **BY)
        assert (gone.done, gone.unknown, await said(client, "customer", other)) == (True, [other], None)
        assert (await said(client, "leads_to", other)).customer is None
    assert met(proxy) == {(of.method, of.path) for of in ENDPOINTS}


async def evidence(client: object, one: int) -> None:
    """Why a customer is one, and what it was."""
    told = await said(client, "explain", one)
    assert isinstance(told, Explanation)
    assert [link.by.id for pair in told.links for link in pair.records] == ["p1"]
    assert [event.what for event in (await said(client, "history", one)).events] == ["began"]
    then = (await said(client, "history", one, at=datetime(2021, 5, 1, tzinfo=UTC))).then
    assert (then.at, then.customer) == (datetime(2021, 5, 1, tzinfo=UTC), None)
    found = await said(client, "path", Mention("phone", ONE), {"kind": "phone", "value": TWO})
    assert (found.one_customer, [step.stands for step in found.steps]) == (True, [True])
    taken = await said(client, "export", one)
    assert isinstance(taken, Export)
    assert {each.kind for each in taken.facts} >= {"call", "trait"}


async def decisions(client: object, one: int, other: int) -> None:
    """A person's words, and what became of the customers."""
    joined = await said(client, "join", [one, f"phone:{THREE}"], **BY)
    assert (joined.customers, await numbers(client, THREE)) == ([one], [one])
    undone = await said(client, "undo", joined.id, **BY)
    assert undone.customers == [one, other]
    parted = await said(client, "part", [f"phone:{TWO}"], **BY)
    assert parted.customers == sorted(await numbers(client, ONE, TWO))
    assert len(set(parted.customers)) == 2
    await said(client, "undo", parted.id, **BY)
    kept = await said(client, "apart", [one, other], **BY)
    assert [each.what for each in await said(client, "decisions")] == ["apart", "part", "join"]
    assert [each.id for each in await said(client, "decisions", limit=1)] == [kept.id]
    assert await said(client, "review", reason="apart") == []
    await said(client, "facts", [fact("p3", ONE, THREE)])
    (waiting,) = await said(client, "review", reason="apart", limit=1)
    assert (waiting.links, {waiting.pairs[0].one_customer, waiting.pairs[0].other_customer}) == (1, {one, other})
    cut = await said(client, "cut", f"phone:{TWO}", at=datetime(2020, 1, 1, tzinfo=UTC), **BY)
    assert (cut.identifier, cut.customer) == (f"phone:+86{TWO}", one)
    changes = await said(client, "changes", limit=2)
    assert {change.what for change in changes} >= {"joined", "parted"}
    assert [change.number for change in changes] == sorted({change.number for change in changes})
    assert await said(client, "changes", after=changes[1].number, limit=1000) == changes[2:]
    assert (await said(client, "leads_to", one)).customer == one


async def rules(client: object, one: int) -> None:
    """A version tried, kept, put in force, and taken out again."""
    tried = await said(client, "try_rules", RULES, calls=10, examples=1)
    assert [(each.name, each.comes, each.coming[0].text) for each in tried.effects] == [("问价", 1, "这个多少钱")]
    kept = await said(client, "keep_rules", RULES, author="wang")
    assert (kept.rules, await said(client, "rules_text", kept.version)) == (1, RULES)
    done = await said(client, "apply_rules", kept.version, author="wang")
    assert (done.finished, done.changed) == (True, 1)
    assert [mark.name for mark in (await said(client, "customer", one)).marks] == ["问价"]
    (listed,) = (await said(client, "rules")).versions
    assert (listed.version, listed.in_force) == (kept.version, True)
    assert (await said(client, "apply_rules", "none", author="wang")).changed == 1


async def pairs(client: object, house: House, mine: Tenant) -> None:
    """Customers that look like one."""
    parsed: list[Parsed] = []
    for number, name in enumerate("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰"):
        traits = {"real_name": f"王{name}建", "birthday": f"19{60 + number}-03-{number + 1:02}"}
        for record in range(2 if number < 3 else 1):
            phone = Mention("phone", f"1391234{number:02}5{record}")  # another last digit: mistyped
            parsed.append(Parsed((Trait(source="hr", id=f"{number}-{record}", identifiers=(phone,), traits=traits),)))
    assert (await house.service.land(mine, list(enumerate(parsed, 1)))).rejects == ()
    await suggestions.run(house.service, mine)
    found = await said(client, "suggestions", limit=1)
    assert len(found) == 3
    assert await said(client, "suggestions") == found
    accepted = await said(client, "accept", found[0].id, **BY)
    assert (accepted.state, accepted.customers, accepted.waits) == ("accepted", [found[0].one], [])
    refused = await said(client, "refuse", found[1].id, **BY)
    assert (refused.state, refused.customers) == ("refused", [found[1].one, found[1].other])
    assert [each.id for each in await said(client, "suggestions", state="refused")] == [found[1].id]
    assert await said(client, "suggestions") == found[2:]


async def records(client: object, house: House, mine: Tenant) -> None:
    """What is done about a CRM's customer, and what its ids mean."""
    record, account = str(uuid4()), mine.main_account
    row = {"id": record, "user_id": str(account), "phone": "13667679151", "created_at": "2026-01-01 09:00:00"}
    await house.land(mine, ("telrobot.customer", row))
    at = datetime(2026, 2, 1, tzinfo=UTC)
    followed = await said(client, "step", "follow", record, at=at, step_id="s-1", **BY)
    assert (followed.followed_at, [step.what for step in followed.steps]) == (at, ["follow"])
    assert await said(client, "step", "follow", record, at=at, step_id="s-1", **BY) == followed
    assert (await said(client, "step", "settle", record, **BY)).is_settled
    assert (await said(client, "step", "release", record, **BY)).is_back
    claimed = await said(client, "step", "claim", record, account=account, **BY)
    assert (claimed.account, claimed.is_back, claimed.steps[0].what) == (str(account), False, "claim")
    undone = await said(client, "undo_step", claimed.steps[0].id, **BY)
    assert undone.is_back
    assert await said(client, "standing", record) == undone
    entry = await said(client, "put_entry", "source", "展会")
    assert (await said(client, "put_entry", "source", "网站", entry_id=entry.id, account=account)).name == "网站"
    assert [(one.id, one.name) for one in await said(client, "dictionary", "source")] == [(entry.id, "网站")]
    assert (await said(client, "drop_entry", "source", entry.id)).name == "网站"
    assert await said(client, "dictionary", account=account) == []


def met(proxy: Between) -> set[tuple[str, str]]:
    """Which calls came through a proxy: method and path; of two that fit, the one that says more."""
    fitting = [(of, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(of.path)))) for of in ENDPOINTS]
    found: set[tuple[str, str]] = set()
    for target in proxy.targets:
        method, _, rest = target.partition(" ")
        path = rest.partition("?")[0]
        fits = [of for of, form in fitting if of.method == method and form.fullmatch(path)]
        found |= {(of.method, of.path) for of in fits if "{" not in of.path or len(fits) == 1}
    return found


async def test_what_is_not_there_is_not_found_and_what_is_wrong_names_its_field(
    connect: Callable[..., Either], address: str
) -> None:
    client = connect(address).client
    missing: list[tuple[str, list[Any], dict[str, str]]] = [
        ("explain", [999_999], {}),
        ("export", [999_999], {}),
        ("erase", [999_999], BY),
        ("leads_to", [999_999], {}),
        ("undo", ["nobody"], BY),
        ("accept", ["1-2"], BY),
        ("rules_text", ["v"], {}),
    ]
    for verb, args, words in missing:
        with pytest.raises(NotFound):
            await said(client, verb, *args, **words)
    wrong: list[tuple[str, list[Any], dict[str, Any], str]] = [
        ("join", [["1"]], {"author": "", "reason": "x"}, "author"),
        ("history", [1], {"at": "yesterday"}, "at"),
        ("changes", [], {"limit": 0}, "limit"),
        ("keep_rules", ["rules: 1"], {"author": "wang"}, "rules"),
        ("leads_to", [""], {}, "id"),
    ]
    for verb, args, words, field in wrong:
        with pytest.raises(Invalid) as caught:
            await said(client, verb, *args, **words)
        assert field in caught.value.field, verb


async def test_who_may_not_decide_is_told_so(connect: Callable[..., Either], house: House, mine: Tenant) -> None:
    client = connect(house.address, token=(await house.key(mine, "native", permissions=("customers",)))["token"]).client
    for verb, args in (("review", []), ("rules", []), ("join", [["1", "2"]]), ("erase", [1]), ("export", [1])):
        with pytest.raises(NotPermitted):
            await said(client, verb, *args, **(BY if verb in {"join", "erase"} else {}))


async def test_a_decision_whose_answer_was_lost_is_not_said_twice(connect: Callable[..., Either], house: House) -> None:
    with between(house.address) as proxy:
        client = connect(proxy.address, retry=AT_ONCE).client
        await said(client, "facts", [fact("p1", ONE), fact("p2", THREE)])
        proxy.script += [Lose()]
        with pytest.raises(Unconfirmed):
            await said(client, "join", [f"phone:{ONE}", f"phone:{THREE}"], **BY)
        proxy.script += [Say(503), Lose()]
        assert [one.what for one in await said(client, "decisions")] == ["join"]


async def test_the_feed_is_read_to_its_end_whatever_lies_where_a_page_ends(
    connect: Callable[..., Either], house: House
) -> None:
    client = connect(house.address).client
    phones = [f"139{serial:08}" for serial in range(300)]
    await said(client, "facts", [fact(phone, phone) for phone in phones])
    told = await said(client, "changes")
    assert [(one.what, one.other) for one in told] == [("updated", None)] * len(phones)
    last = told[-1].customer
    await said(client, "erase", last, **BY)
    for limit in (100, 299, 1000):
        read = await said(client, "changes", limit=limit)
        assert read[:-1] == told[:-1]
        assert [(one.what, one.customer) for one in read[-1:]] == [("erased", last)]
        assert await said(client, "changes", after=told[150].number, limit=limit) == read[151:]


async def test_a_feed_that_leads_nowhere_is_unexpected_rather_than_endless(connect: Callable[..., Either]) -> None:
    change = b'{"number": 1, "at": "2026-05-01T09:00:00Z", "what": "updated", "customer": 1, "other": null}'
    page = Say(200, b'{"changes": [' + change + b'], "after": 0, "newest": 9}')
    with between("http://127.0.0.1:9", page) as proxy, pytest.raises(Unexpected):
        await said(connect(proxy.address).client, "changes")

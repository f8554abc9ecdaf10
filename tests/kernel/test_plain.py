"""What is plain claims the same by the short way, which takes it as it is, and by reading its bytes again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.claim import Claim, any_claim, claim
from huaxiang.dialects.native import inward
from huaxiang.errors import Refused
from huaxiang.model import AnyFact, Mention, Origin, Record, Reject, Subscription, Tenant, TenantSettings, Trait
from huaxiang.packing.linked import Bundle
from huaxiang.plain import Seen, plain_names

NOW = datetime(2024, 5, 1, tzinfo=UTC)
Way: TypeAlias = Callable[[Tenant, int, AnyFact, datetime], Claim | Reject]
TENANT = Tenant(1, "acme", "acme", "Asia/Shanghai", b"k" * 32, UUID(int=1), UUID(int=2), TenantSettings())
TIMES = st.none() | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]))
WORDS = st.text(max_size=3) | st.sampled_from(["\ud800", "\0", "x" * 129])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)
ABOUT = st.dictionaries(st.sampled_from(["place", "platform"]), st.text(max_size=2) | st.integers(0, 9), max_size=2)
PLAIN_MENTIONS = st.builds(
    Mention,
    kind=st.sampled_from(["phone", "email", "unionid", "openid", "crm_id"]),
    value=st.sampled_from(["13900000001", "010-62356151", "a@b.cn", " u1 ", "x" * 256]),
    scope=st.sampled_from(["", "wx1"]),
    verified=st.booleans(),
    about=ABOUT,
)
ODD_ABOUTS: list[Any] = [
    {}, {"app": "x"}, None, {"": "x"}, {"x" * 129: 1}, {"a": 1.5}, {"a": True}, {"a": [1]}, {1: "a"},
]  # fmt: skip
ODD_MENTIONS = st.builds(
    Mention,
    kind=st.sampled_from(["phone", "id_number", "Bad", "", "k" * 33, "raw_number"]),
    value=st.sampled_from(["13900000001/13900000002", "1.39E+10", "", " ", "x" * 257, "\ud800", "\0"])
    | st.text(max_size=9),
    scope=st.sampled_from(["s", "x" * 129]),
    about=st.sampled_from(ODD_ABOUTS),
    held_at=TIMES,
)
INNER = st.lists(st.text() | st.integers(), max_size=2) | st.dictionaries(st.text(max_size=2), st.text(), max_size=2)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "source": st.just("crm"),
    "enterprise": st.sampled_from(["", "e"]),
    "id": st.just("c.1"),
    "at": st.datetimes(datetime(1900, 1, 2), datetime(2199, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (as the strategy wants them)
    "identifiers": st.lists(PLAIN_MENTIONS, min_size=1, max_size=3).map(tuple),
    "traits": st.dictionaries(
        st.text(min_size=1, max_size=3), st.text() | st.integers() | st.none() | INNER, max_size=2
    ),
    "details": st.dictionaries(st.text(max_size=3), st.text() | st.booleans() | INNER, max_size=2),
    "origin": st.none() | st.builds(Origin, channel=st.none() | st.integers(-9, 9), work_type=st.none() | st.text()),
}
ORIGINS: list[dict[str, Any]] = [
    {}, {"channel": 2**63}, {"channel": True}, {"channel_name": "x" * 4097}, {"department_name": ""}, {"task": 1.5},
    {"upstream": Mention("unionid", "u")}, {"channel_type": 7},
]  # fmt: skip
ODD_ORIGINS = [*(Origin(**one) for one in ORIGINS), {"channel": 3}]
ODD: dict[str, st.SearchStrategy[Any]] = {
    "source": st.sampled_from(["", "x" * 129, 5, None]),
    "enterprise": st.sampled_from(["x" * 129, None]),
    "id": st.sampled_from(["", "x" * 257, "\ud800", "\0", 7]),
    "at": TIMES.filter(bool),
    "updated_at": TIMES,
    "created_at": TIMES,
    "identifiers": st.lists(PLAIN_MENTIONS | ODD_MENTIONS, max_size=3).map(tuple)
    | st.just((Mention("unionid", "u"),) * 33),
    "traits": st.dictionaries(WORDS, VALUES, max_size=2) | st.none(),
    "details": st.dictionaries(WORDS, VALUES, max_size=2),
    "origin": st.sampled_from(ODD_ORIGINS),
}
ODD_FIELDS: dict[type[AnyFact], dict[str, list[Any]]] = {
    Trait: {},
    Subscription: {
        "account": ["", "x" * 129, 5, None, "\0"],
        "account_name": [None, "", "x" * 4097, 7, "\ud800"],
        "followed": [False, None, 1],
    },
    Record: {
        "record": ["", "x" * 257, 5, None],
        "owner": ["x" * 129, None, "o"],
        "deleted": [True, None, 0],
    },
}
PLAIN_FIELDS: dict[type[AnyFact], dict[str, Any]] = {Trait: {}, Subscription: {"account": "a"}, Record: {"record": "r"}}
ODDLY = st.one_of(st.just({}), *(st.fixed_dictionaries({name: values}) for name, values in ODD.items()))
TWICE = Mention("unionid", "u"), Mention("unionid", "u", verified=True)
KINDS = st.sampled_from(list(ODD_FIELDS))
PROFILES = st.tuples(st.fixed_dictionaries(PLAIN), ODDLY)


@st.composite
def told(draw: st.DrawFn) -> AnyFact:
    """A fact, odd in one way at most."""
    kind, (plain, oddly) = draw(KINDS), draw(PROFILES)
    fields = PLAIN_FIELDS[kind]
    if not oddly and (odd := ODD_FIELDS[kind]) and draw(st.booleans()):
        name = draw(st.sampled_from(list(odd)))
        fields = {**fields, name: draw(st.sampled_from(odd[name]))}
    return kind(**{**plain, **oddly, **fields})


@given(told())
def test_a_fact_claims_the_same_by_the_short_way_and_by_reading_its_bytes_again(fact: AnyFact) -> None:
    assert claimed(claim, fact) == claimed(any_claim, fact)


@given(told(), told())
def test_facts_of_one_row_claim_together_what_each_claims_by_itself(fact: AnyFact, other: AnyFact) -> None:
    seen: Seen = {}
    both = [fact, msgspec.structs.replace(other, identifiers=fact.identifiers)]
    together = partial(claim, seen=seen)
    assert [claimed(together, one) for one in both] == [claimed(any_claim, one) for one in both]


def claimed(way: Way, fact: AnyFact) -> object:
    """What it claims, or what it can't even be asked."""
    try:
        return way(TENANT, 3, fact, NOW)
    except (TypeError, AttributeError) as error:  # what no dialect gives: neither way takes it
        return type(error)


@given(st.lists(told(), max_size=4))
def test_facts_are_packed_the_same_as_they_come_and_as_claims(facts: list[AnyFact]) -> None:
    as_facts, as_claims = Bundle(TENANT, NOW), Bundle(TENANT, NOW)
    for place, fact in enumerate(facts):
        other = msgspec.structs.replace(fact, id=f"c.{place // 2}") if fact.id == "c.1" else fact
        one = claimed(any_claim, other)
        if not isinstance(one, Claim):
            assert not as_facts.take(other)
        elif as_facts.take(other):
            assert as_claims.add(one)
        else:
            assert as_facts.add(one) is as_claims.add(one)
    packed = as_facts.packed()
    assert packed == as_claims.packed()
    if packed is not None:
        assert sorted(one.key.hex for one in packed.claims(TENANT)) == packed.keys
        assert len(as_facts) == len(packed.keys)


OWN = Mention("audience_id", str(TENANT.own_ids.start))


@pytest.mark.parametrize("kind", list(PLAIN_FIELDS))
def test_a_plain_fact_is_packed_as_it_is_and_no_other_one(kind: type[AnyFact]) -> None:
    told: dict[str, Any] = {"source": "crm", "at": NOW, **PLAIN_FIELDS[kind]}
    fact = kind(id="1", identifiers=(Mention("unionid", "u"), Mention("phone", "13900000001")), **told)
    bundle = Bundle(TENANT, NOW)
    assert bundle.take(fact)
    assert not bundle.take(fact), "a second fact of its record"
    odd = [TWICE, (), (Mention("id_number", "11010119900307001X"),), (Mention("unionid", "u"), OWN)]
    assert not any(bundle.take(kind(id="2", identifiers=names, **told)) for names in odd)
    assert not bundle.take(kind(id="2", identifiers=(Mention("unionid", "\0"),), **told))
    packed = bundle.packed()
    assert packed is not None
    assert len(packed.keys) == 1
    assert len(packed.nodes) == len(fact.identifiers), "what is not taken leaves no node"


@pytest.mark.parametrize("kind", list(PLAIN_FIELDS))
def test_a_plain_fact_goes_the_short_way(kind: type[AnyFact]) -> None:
    names = Mention("unionid", "u", about={"place": 1}), Mention("phone", "13900000001")
    traits = {"tags": ["a"], "place": {"city": "b"}}
    fact = kind(
        source="crm", id="1", at=NOW, identifiers=names, traits=traits, origin=Origin(channel=3), **PLAIN_FIELDS[kind]
    )
    assert plain_names(fact, TENANT.own_ids, {}) is not None
    assert plain_names(msgspec.structs.replace(fact, identifiers=TWICE), TENANT.own_ids, {}) is None


ROWS: list[dict[str, Any]] = [
    {"kind": "trait", "source": "crm", "identifiers": '[{"kind": "unionid", "value": "u"}]'},
    {"kind": "trait", "source": "crm", "id": 7, "identifiers": [{"kind": "unionid", "value": 5}]},
    {"kind": "call", "source": "t", "identifiers": [], "duration": "17"},
    {"kind": "call", "source": "t", "identifiers": [], "duration": -1},
    {"kind": "nothing", "source": "t"},
    {"kind": 5, "source": "t"},
    {"kind": ["trait"], "source": "t"},
    {"source": "t"},
    {"kind": "trait", "source": "t", "surprise": 1},
    {"kind": "trait"},
]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_the_fact_of_its_kind_or_refused_as_by_all_kinds_together(row: dict[str, Any]) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    try:
        found: object = inward.fact(row, zone).facts
    except Refused as refusal:
        found = type(refusal), refusal.field, refusal.reason
    assert found == by_all_kinds(row)


def by_all_kinds(row: dict[str, Any]) -> object:
    """The fact, or the refusal, where the row is held against the union of all kinds."""
    identifiers = row.get("identifiers")
    cells = {name: str(value) if name == "id" else value for name, value in row.items()}
    if isinstance(identifiers, str):
        cells["identifiers"] = msgspec.json.decode(identifiers)
    try:
        return (msgspec.convert(cells, AnyFact, strict=False),)  # pyright: ignore[reportArgumentType] -- a union is a type to msgspec
    except ValueError as error:
        refusal = inward.refusal(error)
        kind = type(refusal) if type(refusal).__name__ == "InputMissing" else inward.InputInvalid
        return kind, refusal.field, refusal.reason

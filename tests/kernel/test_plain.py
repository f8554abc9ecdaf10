"""A profile claims the same by the short way, which takes it as it is, and by reading its bytes again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.claim import Claim, any_claim, claim
from huaxiang.dialects.native import inward
from huaxiang.errors import Refused
from huaxiang.model import AnyFact, Mention, Origin, Reject, Tenant, TenantSettings, Trait
from huaxiang.plain import plain_names

NOW = datetime(2024, 5, 1, tzinfo=UTC)
TENANT = Tenant(1, "acme", "acme", "Asia/Shanghai", b"k" * 32, UUID(int=1), UUID(int=2), TenantSettings())
TIMES = st.none() | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]))
WORDS = st.text(max_size=3) | st.sampled_from(["\ud800", "\0", "x" * 129])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)
PLAIN_MENTIONS = st.builds(
    Mention,
    kind=st.sampled_from(["phone", "email", "unionid", "openid", "crm_id"]),
    value=st.sampled_from(["13900000001", "010-62356151", "a@b.cn", " u1 ", "x" * 256]),
    scope=st.sampled_from(["", "wx1"]),
    verified=st.booleans(),
)
ODD_MENTIONS = st.builds(
    Mention,
    kind=st.sampled_from(["phone", "id_number", "Bad", "", "k" * 33, "raw_number"]),
    value=st.sampled_from(["13900000001/13900000002", "1.39E+10", "", " ", "x" * 257, "\ud800", "\0"])
    | st.text(max_size=9),
    scope=st.sampled_from(["s", "x" * 129]),
    about=st.sampled_from([{}, {"app": "x"}, None]),
    held_at=TIMES,
)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "source": st.just("crm"),
    "enterprise": st.sampled_from(["", "e"]),
    "id": st.just("c.1"),
    "at": st.datetimes(datetime(1900, 1, 2), datetime(2199, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (as the strategy wants them)
    "identifiers": st.lists(PLAIN_MENTIONS, min_size=1, max_size=3).map(tuple),
    "traits": st.dictionaries(st.text(min_size=1, max_size=3), st.text() | st.integers() | st.none(), max_size=2),
    "details": st.dictionaries(st.text(max_size=3), st.text() | st.booleans(), max_size=2),
}
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
    "origin": st.none() | st.just(Origin(channel=3)),
}
ODDLY = st.one_of(st.just({}), *(st.fixed_dictionaries({name: values}) for name, values in ODD.items()))
TWICE = Mention("unionid", "u"), Mention("unionid", "u", verified=True)
PROFILES = st.tuples(st.fixed_dictionaries(PLAIN), ODDLY).map(lambda both: Trait(**{**both[0], **both[1]}))


@given(PROFILES)
def test_a_profile_claims_the_same_by_the_short_way_and_by_reading_its_bytes_again(fact: Trait) -> None:
    assert claimed(claim, fact) == claimed(any_claim, fact)


def claimed(way: Callable[[Tenant, int, AnyFact, datetime], Claim | Reject], fact: Trait) -> object:
    """What it claims, or what it can't even be asked."""
    try:
        return way(TENANT, 3, fact, NOW)
    except (TypeError, AttributeError) as error:  # what no dialect gives: neither way takes it
        return type(error)


def test_a_plain_profile_goes_the_short_way() -> None:
    fact = Trait(source="crm", id="1", at=NOW, identifiers=(Mention("unionid", "u"), Mention("phone", "13900000001")))
    assert plain_names(fact, TENANT.own_ids) is not None
    assert plain_names(msgspec.structs.replace(fact, identifiers=TWICE), TENANT.own_ids) is None


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

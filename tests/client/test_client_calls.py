"""The client without a socket: facts to bodies, bytes to answers and errors, and when to try again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang import errors as house
from huaxiang.client import (
    AsyncClient,
    Client,
    ClientError,
    Invalid,
    NotFound,
    NotPermitted,
    Retry,
    ServerFault,
    TooLarge,
    TooOften,
    Unauthenticated,
    Unavailable,
    Unconfirmed,
    Unexpected,
    calls,
)
from huaxiang.client.calls import Batch, Landing, Sizes
from huaxiang.client.exchange import Call, Reply
from huaxiang.dialects.native import errors as words
from huaxiang.dialects.native import wire
from huaxiang.dialects.native.wire import FactsAnswer, Rejected
from huaxiang.model import AnyFact, Mention
from huaxiang.model import Call as Phoned
from huaxiang.server.app import LARGEST_BODY_BYTES

GOLDEN = Path(__file__).parent.parent / "golden" / "native"
AT = datetime(2024, 5, 1, tzinfo=UTC)
TOKEN = "tok-3f9a"
SAID: dict[str, type[ClientError]] = {
    "input_missing": Invalid,
    "input_invalid": Invalid,
    "input_unknown": Invalid,
    "input_too_large": TooLarge,
    "not_authenticated": Unauthenticated,
    "credential_expired": Unauthenticated,
    "not_permitted": NotPermitted,
    "not_found": NotFound,
    "wrong_method": Unexpected,
    "wrong_media_type": Invalid,
    "too_often": TooOften,
    "busy": Unconfirmed,
    "failed": ServerFault,
    "refused": ServerFault,
}


def golden(name: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def reply(status: int, body: object, **headers: str) -> Reply:
    return Reply(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def refusals() -> list[type[house.Refused]]:
    kinds = [house.Refused]
    for kind in kinds:  # which grows meanwhile
        kinds += kind.__subclasses__()
    return [
        kind for kind in kinds if kind.__module__ == house.Refused.__module__
    ]  # what others add has its parent's word


def batches(facts: list[Any], most: Sizes) -> tuple[list[Batch], Landing]:
    landing = Landing(most)
    full = [batch for fact in facts if (batch := landing.take(fact))]
    rest = landing.rest()
    return full + ([rest] if rest else []), landing


# ── batches ───────────────────────────────────────────────────────────────────────────────────────────────────────


@given(
    st.lists(st.one_of(st.text(max_size=60).map(lambda text: {"kind": "trait", "id": text}), st.just({1, 2}))),
    st.integers(1, 5),
    st.integers(1, 200),
)
def test_batches_hold_every_fact_once_in_order_within_both_limits(facts: list[Any], count: int, size: int) -> None:
    cut, landing = batches(facts, Sizes(count, size))
    sent = [line for batch in cut for line in batch.lines]
    rejected = [one.line for one in landing.answer().rejected]
    assert sent == sorted(sent)
    assert sorted([*sent, *rejected]) == list(range(1, len(facts) + 1))
    assert all(0 < len(batch) <= count and len(batch.call().body) <= size for batch in cut)
    lines = [line for batch in cut for line in batch.call().body.splitlines()]
    assert [json.loads(line) for line in lines] == [facts[line - 1] for line in sent]
    assert all(isinstance(facts[line - 1], set) or len(json.dumps(facts[line - 1])) >= size - 1 for line in rejected)


@given(st.lists(st.sampled_from([{"kind": "trait", "id": "x" * n} for n in range(1, 60)])), st.integers(30, 90))
def test_a_batch_is_cut_only_where_the_next_fact_would_not_fit(facts: list[Any], size: int) -> None:
    cut, _ = batches(facts, Sizes(body_bytes=size))
    bodies = [batch.call().body for batch in cut]
    assert all(len(one) + len(other.partition(b"\n")[0]) + 1 > size for one, other in pairwise(bodies))


def test_a_fact_of_the_model_travels_as_the_wire_writes_it() -> None:
    fact = Phoned(source="pbx", id="c-1", at=AT, identifiers=(Mention("phone", "13667679151"),), duration=63)
    (batch,), _ = batches([fact], Sizes())
    assert batch.call().media_type == "application/x-ndjson"
    found: Any = msgspec.json.decode(batch.call().body, type=AnyFact)  # pyright: ignore[reportArgumentType] -- a union is a type to msgspec
    assert found == fact


def test_rejects_are_told_by_the_line_that_the_fact_was_handed_over_in() -> None:
    facts = [{"id": "1"}, object(), {"id": "3"}, {"id": "4"}, {"id": "5" * 100}, {"id": "6"}]
    cut, landing = batches(facts, Sizes(facts=2, body_bytes=60))
    assert [batch.lines for batch in cut] == [[1, 3], [4, 6]]
    for batch in cut:
        answer = FactsAnswer(landed=1, known=0, rejected=[Rejected(line=2, field="kind", reason="is required")])
        landing.note(batch.call().read(reply(200, msgspec.json.encode(answer))))
    told = landing.answer()
    assert (told.landed, [one.line for one in told.rejected]) == (2, [2, 3, 5, 6])
    assert told.rejected[2].reason == "more than the 60 bytes of a body"


def test_an_answer_about_a_line_that_was_not_sent_is_unexpected() -> None:
    (batch,), _ = batches([{"id": "1"}], Sizes())
    answer = FactsAnswer(landed=0, known=0, rejected=[Rejected(line=2, field="", reason="")])
    with pytest.raises(Unexpected):
        batch.call().read(reply(200, msgspec.json.encode(answer)))


@pytest.mark.parametrize(
    ("facts", "repeatable"),
    [
        ([{"id": "1"}, {"at": "2024-05-01T00:00:00Z"}], True),
        ([Phoned(source="pbx", id="1"), Phoned(source="pbx", at=AT)], True),
        ([{"id": "1"}, {"kind": "trait", "id": None}], False),
        ([Phoned(source="pbx", id="1"), Phoned(source="pbx", updated_at=AT)], False),
    ],
)
def test_a_batch_may_be_sent_twice_only_if_each_fact_has_an_id_or_a_time(facts: list[Any], repeatable: bool) -> None:
    (batch,), _ = batches(facts, Sizes())
    assert batch.call().repeatable is repeatable


def test_a_body_is_never_larger_than_the_server_takes() -> None:
    assert Sizes().body_bytes == LARGEST_BODY_BYTES
    assert Sizes().facts == wire.MOST_FACTS


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_customer_is_read_as_the_golden_case_says() -> None:
    body = golden("customer")["response"]["body"]
    found = calls.customer(1).read(reply(200, body))
    assert msgspec.convert(body, wire.Customer) == found


def test_fields_that_a_newer_server_adds_are_passed_over() -> None:
    body = {**golden("customer")["response"]["body"], "mood": "sunny"}
    assert calls.customer(1).read(reply(200, body)) is not None


def test_a_number_that_nobody_has_is_no_customer() -> None:
    assert calls.customer(7).read(reply(404, golden("customer_unknown")["response"]["body"])) is None


@pytest.mark.parametrize(
    "body", [b"<h1>Not Found</h1>", {"error": {"code": "not_found", "field": "path"}}, {"code": "not_found"}, b""]
)
def test_a_404_of_anybody_else_is_not_taken_for_an_unknown_customer(body: object) -> None:
    with pytest.raises(Unexpected) as caught:
        calls.customer(7).read(reply(404, body))
    assert caught.value.status == 404


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", {"customers": [1]}, {"landed": 1}, b"[" * 100_000])
def test_a_success_that_is_not_the_answer_is_unexpected(body: object) -> None:
    (call,) = calls.lookups([Mention("phone", "13667679151")])
    with pytest.raises(Unexpected):
        call.read(reply(200, body))


def test_a_lookup_with_too_few_answers_is_unexpected() -> None:
    (call,) = calls.lookups([Mention("phone", "1"), {"kind": "phone", "value": "2"}])
    assert call.read(reply(200, {"customers": [None, None]})) == [None, None]
    with pytest.raises(Unexpected):
        call.read(reply(200, {"customers": [None]}))


def test_a_lookup_is_cut_at_a_thousand() -> None:
    sent = [
        json.loads(call.body)["identifiers"] for call in calls.lookups(Mention("phone", f"{n}") for n in range(2500))
    ]
    assert [len(part) for part in sent] == [1000, 1000, 500]
    assert [one["value"] for part in sent for one in part] == [f"{n}" for n in range(2500)]


def test_an_identifier_that_json_cannot_hold_is_invalid() -> None:
    with pytest.raises(Invalid):
        list(calls.lookups([{"kind": "phone", "value": object()}]))


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", refusals(), ids=lambda kind: kind.code)
def test_every_refusal_of_the_server_is_an_error_of_its_own_kind(kind: type[house.Refused]) -> None:
    status, body = words.answer(kind(field="somewhere", reason="because"), request_id="r-1")
    said = msgspec.json.decode(body, type=wire.Refusal).error
    error = calls.refused(reply(status, body))
    assert type(error) is SAID[kind.code]
    assert (error.code, error.field, error.reason) == (said.code, said.field, said.reason)
    assert (error.status, error.request_id) == (status, "r-1")
    assert "request_id=r-1" in str(error)


def test_a_refusal_with_a_code_that_is_new_goes_by_its_status() -> None:
    error = calls.refused(reply(429, {"error": {"code": "quota_spent", "field": "", "reason": "x"}, "request_id": "r"}))
    assert (type(error), error.code) == (TooOften, "quota_spent")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Unexpected),
        (401, Unauthenticated),
        (413, TooLarge),
        (418, Unexpected),
        (500, ServerFault),
        (504, Unconfirmed),
    ],
)
def test_what_a_proxy_says_in_words_of_its_own_goes_by_its_status_and_is_not_quoted(
    status: int, kind: type[ClientError]
) -> None:
    error = calls.refused(reply(status, b"<h1>13667679151</h1>"))
    assert type(error) is kind
    assert "13667679151" not in str(error)


# ── when to try again ─────────────────────────────────────────────────────────────────────────────────────────────

ONCE = Call("POST", "/v1/facts", read=calls.refused, repeatable=False)
OFTEN = Call("POST", "/v1/facts", read=calls.refused, repeatable=True)


@pytest.mark.parametrize(
    ("outcome", "of_once", "of_often"),
    [
        (Unavailable(), True, True),
        (reply(429, b""), True, True),
        (Unconfirmed(), False, True),
        (reply(502, b""), False, True),
        (reply(503, b""), False, True),
        (reply(504, b""), False, True),
        (reply(200, b""), False, False),
        (reply(400, b""), False, False),
        (reply(401, b""), False, False),
        (reply(404, b""), False, False),
        (reply(500, b""), False, False),
    ],
)
def test_what_may_have_been_done_is_tried_again_only_if_twice_is_once(
    outcome: Reply | ClientError, of_once: bool, of_often: bool
) -> None:
    assert (Retry().wait_s(ONCE, outcome, tried=1) is not None) is of_once
    assert (Retry().wait_s(OFTEN, outcome, tried=1) is not None) is of_often


@given(st.integers(1, 200), st.floats(0, 1), st.floats(0, 10), st.floats(0, 100))
def test_waits_double_up_to_the_longest_and_tries_end(tried: int, chance: float, first: float, more: float) -> None:
    retry = Retry(tries=100, first_wait_s=first, longest_wait_s=first + more)
    wait_s = retry.wait_s(OFTEN, Unavailable(), tried=tried, chance=chance)
    if tried >= 100:
        assert wait_s is None
    else:
        assert wait_s == pytest.approx(chance * min(first + more, first * 2 ** (tried - 1)))


def test_six_tries_wait_under_eight_seconds_in_all() -> None:
    waits = [Retry().wait_s(OFTEN, Unavailable(), tried=tried, chance=1) for tried in range(1, 7)]
    assert waits == [0.25, 0.5, 1, 2, 4, None]


def test_the_wait_that_a_server_names_is_kept_or_the_call_is_given_up() -> None:
    def wait_s(asked: str) -> float | None:
        return Retry().wait_s(OFTEN, reply(429, b"", **{"retry-after": asked}), tried=1, chance=0)

    assert [wait_s(asked) for asked in ("3", "11", "Wed, 21 Oct 2026 07:28:00 GMT", "", "٣")] == [3, None, 0, 0, 0]


@pytest.mark.parametrize(
    "figures", [{"tries": 0}, {"first_wait_s": -1}, {"first_wait_s": 11}, {"longest_wait_s": float("inf")}]
)
def test_a_retry_that_cannot_be_meant_is_refused(figures: dict[str, Any]) -> None:
    with pytest.raises(house.SettingsInvalid):
        Retry(**figures)


# ── what a client is made with ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("address", "token", "particulars", "field"),
    [
        ("profiles.example.com", TOKEN, {}, "base_url"),
        ("ftp://profiles.example.com", TOKEN, {}, "base_url"),
        (f"https://me:{TOKEN}@profiles.example.com", "x", {}, "base_url"),
        ("https://profiles.example.com/?a=1", TOKEN, {}, "base_url"),
        ("https://profiles.example.com:port", TOKEN, {}, "base_url"),
        ("https://profiles.example.com", "", {}, "token"),
        ("https://profiles.example.com", f"{TOKEN}\r\nX: y", {}, "token"),
        ("https://profiles.example.com", f"{TOKEN}号", {}, "token"),
        ("https://profiles.example.com", TOKEN, {"batch_facts": 10_001}, "batch_facts"),
        ("https://profiles.example.com", TOKEN, {"batch_bytes": 0}, "batch_bytes"),
    ],
)
def test_a_client_that_cannot_be_meant_is_refused_without_telling_its_token(
    kind: type[Any], address: str, token: str, particulars: dict[str, Any], field: str
) -> None:
    with pytest.raises(house.SettingsInvalid) as caught:
        kind(address, token, **particulars)
    assert caught.value.fields["field"] == field
    assert TOKEN not in str(caught.value)


def test_a_client_and_its_calls_do_not_show_what_they_hold() -> None:
    with Client("https://profiles.example.com", TOKEN) as client:
        shown = f"{client!r} {vars(client)!r}"
    (call,) = calls.lookups([Mention("phone", "13667679151")])
    assert TOKEN not in shown
    assert "13667679151" not in f"{call!r} {reply(200, b'13667679151')!r}"

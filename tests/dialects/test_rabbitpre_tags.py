"""Tags without a server: what rows put on and take off, held against an oracle that takes word after word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.dialects.rabbitpre import inward, neighbours, tags
from huaxiang.errors import InputInvalid, InputMissing
from huaxiang.model import Json, Newest, Order

SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2024, 5, 1, tzinfo=UTC)
NAMES = ("意向", "a/b", "a", "a\\")
VALUES = ("高", "b/c", "/c")


class Word(NamedTuple):
    """A tag put on or taken off, at a second; with a value, or whole."""

    second: int
    off: bool
    name: str
    value: str | None


def row_of(word: Word) -> dict[str, Json]:
    """The word as a row of the vendor's."""
    at = int((BEGIN + timedelta(seconds=word.second)).timestamp()) * 1000
    tag = {"tagName": word.name, **({"tagValues": [word.value]} if word.value else {})}
    return {"unionid": "u", "optType": "delete" if word.off else "add", "updateTime": at, "operateTags": [tag]}


def folded(rows: list[dict[str, Json]]) -> dict[str, Newest]:
    """The traits that rows leave behind, the newest of each name."""
    traits: dict[str, Newest] = {}
    for row in rows:
        for fact in inward.parse_tag(row, SHANGHAI).facts:
            for name, value in fact.traits.items():
                order = Order(fact.at or BEGIN, 0, repr(row), UUID(int=1))
                said = Newest(order, value)
                traits[name] = said + traits[name] if name in traits else said
    return traits


def oracle(words: list[Word]) -> dict[str, set[str | None]]:
    """What stands after these words, oldest first: values by their tags, None for a tag put on without a value."""
    stands: dict[str, set[str | None]] = {}
    for word in words:
        mine = stands.setdefault(word.name, set())
        if not word.off:
            mine.add(word.value)
        elif word.value:
            mine.discard(word.value)
        else:
            mine.clear()
    return {name: mine for name, mine in stands.items() if mine}


words = st.lists(
    st.builds(Word, st.integers(0, 10**6), st.booleans(), st.sampled_from(NAMES), st.sampled_from((None, *VALUES))),
    max_size=20,
    unique_by=lambda word: word.second,
)


@given(words, st.randoms())
def test_the_newest_word_wins_whatever_order_words_come_in(said: list[Word], random: Random) -> None:
    shuffled = [*said, *said]
    random.shuffle(shuffled)
    found = tags.standing(folded([row_of(word) for word in shuffled]))
    expected = oracle(sorted(said))
    assert {tag.tagName for tag in found} == expected.keys()
    for tag in found:
        values = [value.tagValue for value in tag.tagValueList] if tag.tagValueList else []
        assert values == sorted(value for value in expected[tag.tagName] if value)
    assert [tag.tagTime for tag in found] == sorted((tag.tagTime for tag in found), reverse=True)


@given(words)
def test_tags_as_they_are_answered_can_come_in_and_answer_the_same(said: list[Word]) -> None:
    found = tags.standing(folded([row_of(word) for word in said]))
    if not found:
        return
    again = folded([{"unionid": "u", "tagList": msgspec.to_builtins(found)}])
    kept = tags.standing(again)
    assert kept == found


def test_a_name_of_one_tag_and_a_value_of_another_never_meet() -> None:
    row: dict[str, Json] = {
        "unionid": "u",
        "operateTags": [{"tagName": "a", "tagValues": ["b/c"]}, {"tagName": "a/b", "tagValues": ["c"]}, "a/b/c"],
    }
    (fact,) = inward.parse_tag(row, SHANGHAI).facts
    assert len(fact.traits) == 3


def test_particulars_are_those_of_the_newest_standing_word() -> None:
    rows = [
        {"unionid": "u", "tagList": [{"tagName": "t", "tagId": 1, "tagType": "OPERATE", "tagTime": 1000}]},
        {"unionid": "u", "tagList": [{"tagName": "t", "tagId": 2, "tagValueList": ["v"], "tagTime": 2000}]},
    ]
    (tag,) = tags.standing(folded(rows))
    assert (tag.tagId, tag.tagType, tag.tagTime) == (2, "OPERATE", 2000)


def test_what_somebody_else_put_under_such_a_name_is_no_tag() -> None:
    order = Order(BEGIN, 0, "r", UUID(int=1))
    said: dict[str, Json] = {"tag:x": "x", "tag:y": {"tag": 3}, "untag:z": None, "colour": {"tag": "red"}}
    assert tags.standing({name: Newest(order, value) for name, value in said.items()}) == []


@pytest.mark.parametrize(
    ("said", "error", "field"),
    [
        ({}, InputMissing, "operateTags"),
        ({"operateTags": []}, InputMissing, "operateTags"),
        ({"operateTags": [{"tagId": 1}]}, InputMissing, "operateTags[0].tagName"),
        ({"tagList": [{"tagName": "t", "tagValues": [{}, 1, {"tagValueId": 1}]}]}, InputMissing,
         "tagList[0].tagValues[1].tagValue"),
        ({"operateTags": [{"tagName": "t" * 125}]}, InputInvalid, "operateTags[0].tagName"),
        ({"tags": "t", "optType": "replace"}, InputInvalid, "optType"),
        ({"tags": ",".join("abcdefghijk" * 10)}, InputInvalid, "operateTags"),
        ({"tags": "t", "unionid": None, "audienceUserId": -1}, InputInvalid, "audienceUserId"),
    ],
)  # fmt: skip
def test_a_row_of_tags_that_says_too_little_or_too_much_is_refused(
    said: dict[str, Json], error: type[Exception], field: str
) -> None:
    with pytest.raises(error) as refused:
        inward.parse_tag({"unionid": "u", **said}, SHANGHAI)
    assert getattr(refused.value, "field", None) == field


def test_identities_of_a_batch_say_what_the_flat_fields_say() -> None:
    listed = [
        {"identityType": "unionid", "identityValue": "u"},
        {"identityType": "openid", "identityValue": "o", "platform": "gzh", "mpid": "wx1"},
        {"identityType": "phone", "identityValue": "13339938205"},
        {"identityType": "audienceUserId", "identityValue": "643"},
        {"identityType": "card", "identityValue": "c", "mpid": "12"},
        {"identityType": "uid", "identityValue": "t"},
    ]
    flat = {
        "unionid": "u", "openids": [{"openid": "o", "appid": "wx1", "platform": "gzh", "fromTo": "gzh"},
                                    {"identityId": "c", "identityType": "card", "jcappid": 12}],
        "phone": "13339938205", "audienceUserId": 643, "thirdId": "t",
    }  # fmt: skip
    for order in ("unionid", "phone"):
        one = inward.parse_profile({"identities": listed, "matchOrder": order}, SHANGHAI).facts[0]
        other = inward.parse_profile({**flat, "matchOrder": order}, SHANGHAI).facts[0]
        named = [
            [(mention.kind, mention.value, mention.scope) for mention in fact.identifiers] for fact in (one, other)
        ]
        assert named[0] == named[1]


def test_what_holds_for_a_batch_holds_for_its_rows_unless_one_says_otherwise() -> None:
    rows: list[dict[str, Json]] = [{"phone": "1"}, {"phone": "2", "matchOrder": "unionid", "optType": "add"}]
    params = {"identifyWay": 2, "matchingType": 1, "importMode": 2, "isMatching": True}
    assert neighbours.read_batch(msgspec.json.encode({"data": rows, "publicParams": params})) == [
        {"matchOrder": "phone", "phone": "1"},
        rows[1],
    ]
    assert neighbours.read_batch(msgspec.json.encode({"data": rows})) == rows
    found = neighbours.read_tag_batch(msgspec.json.encode({"data": rows, "publicParams": {"optType": "delete"}}))
    assert [row["optType"] for row in found] == ["delete", "add"]


def test_an_events_identities_stand_in_the_order_of_events() -> None:
    listed = [
        {"identityType": "phone", "identityValue": "13339938205"},
        {"identityType": "card", "identityValue": "c", "mpid": "12"},
        {"identityType": "openid", "identityValue": "o", "mpid": "wx1"},
    ]
    (fact,) = inward.parse_event({"eventKey": "view", "identities": listed}, SHANGHAI).facts
    assert [mention.kind for mention in fact.identifiers] == ["openid", "identity_id", "phone"]
    assert all(not mention.about for mention in fact.identifiers)

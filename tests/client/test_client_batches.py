"""Rows handed over in parts: whatever they are, and however they are cut, each is told of once, in its place."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.client import ClientError, Invalid
from huaxiang.client.batches import cut, marked, parts, several
from huaxiang.client.rabbitpre import Added, Identity, ProfileRow, RowAnswer
from huaxiang.client.rabbitpre.answers import BatchAnswer
from huaxiang.client.telrobot import CustomerRow, Landed, Value
from huaxiang.client.telrobot.answers import Handed, told
from huaxiang.model import Json

UNWRITABLE: list[Json] = [{"name": "\ud800"}, {"name": object()}, CustomerRow(phone="1", extra=object()), 7]
ROWS = st.lists(
    st.one_of(st.integers().map(lambda number: {"number": number % 2**53}), st.sampled_from(UNWRITABLE)), max_size=30
)
MOST = st.integers(min_value=1, max_value=7)


def is_good(row: Json) -> bool:
    return not any(row is bad for bad in UNWRITABLE)


@given(rows=ROWS, most=MOST)
def test_every_row_is_in_one_part_in_its_order_and_no_part_is_too_large(rows: list[Json], most: int) -> None:
    made = list(parts(iter(rows), most))
    places = [sorted([*part.places, *part.unwritable]) for part in made]
    assert [place for part in places for place in part] == list(range(len(rows)))
    assert all(len(part) == most for part in places[:-1])
    assert [part.first for part in made] == [part[0] for part in places]
    sent = [msgspec.json.decode(body) for part in made for body in part.bodies]
    assert sent == [row for row in rows if is_good(row)] == [row for part in made for row in part.rows]


@given(rows=ROWS, most=MOST, refused=st.sets(st.integers(min_value=0, max_value=29)))
def test_what_is_taken_and_what_is_refused_is_all_there_is(rows: list[Json], most: int, refused: set[int]) -> None:
    added, landed = Added(), list[Landed]()
    for part in parts(rows, most):
        said = [(here, place in refused) for here, place in enumerate(part.places)]
        words = [RowAnswer(index=here, code="1" if bad else "200") for here, bad in said]
        added.note(part, BatchAnswer(data=1, rows=words) if words else None)
        told_of = [{"row": here, "status": "error" if bad else "success"} for here, bad in said]
        landed += told(part, Handed(data=told_of) if told_of else None)
    expected = [place for place, row in enumerate(rows) if place in refused or not is_good(row)]
    assert [one.index for one in added.refused] == expected
    assert added.taken == len(rows) - len(expected)
    assert [one.row for one in landed] == list(range(len(rows)))
    assert [one.row for one in landed if not one.taken] == expected


def test_rows_are_taken_a_part_at_a_time() -> None:
    taken: list[int] = []

    def endless() -> Iterator[dict[str, Json]]:
        while True:
            taken.append(len(taken))
            yield {"number": len(taken)}

    source = parts(endless(), 5)
    assert (next(source).first, len(taken), next(source).first, len(taken)) == (0, 5, 5, 10)


def test_of_a_struct_what_was_not_said_is_not_sent_and_of_an_object_all_is() -> None:
    rows: list[Json] = [
        ProfileRow(identities=[Identity(identityValue="1", identityType="uid")], markFlag=0, remark=""),
        CustomerRow(phone="13667679151", components=[Value(id="a")]),
        {"phone": None},
    ]
    (part,) = parts(rows, 10, {"companyId": "c-1"})
    assert [msgspec.json.decode(body) for body in part.bodies] == [
        {
            "companyId": "c-1",
            "identities": [{"identityValue": "1", "identityType": "uid"}],
            "markFlag": 0,
            "remark": "",
        },
        {"companyId": "c-1", "phone": "13667679151", "sort": 0, "components": [{"id": "a"}]},
        {"companyId": "c-1", "phone": None},
    ]
    (own,) = parts([{"companyId": "c-2"}], 10, {"companyId": "c-1"})
    assert own.rows == [{"companyId": "c-2"}]


def test_an_error_is_told_where_it_ended_and_others_pass_as_they_are() -> None:
    with pytest.raises(ClientError) as caught, marked(500, ["done"]):
        raise Invalid(field="x")
    assert (caught.value.before, caught.value.line) == (["done"], 501)
    with pytest.raises(KeyError), marked(0, None):
        raise KeyError


def test_one_text_is_not_a_list_of_its_signs() -> None:
    assert list(cut(several("phones", ("1", "2", "3")), 2)) == [["1", "2"], ["3"]]
    with pytest.raises(Invalid) as caught:
        several("phones", "123")
    assert caught.value.field == "phones"

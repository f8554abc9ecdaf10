"""Kept answers: what is dropped, what is refused, and how much is kept."""

from __future__ import annotations

from huaxiang.answers import OVERHEAD_BYTES, Answers, Key
from huaxiang.read import Changed

ACME, OTHER = 1, 2


def key(name: str) -> Key:
    return 7, 1, name.encode()


def begun(most_bytes: int = 1 << 20, *, newest: int = 10) -> Answers:
    """Answers of a tenant whose feed was read up to `newest`."""
    answers = Answers(most_bytes)
    answers.learn({ACME: None}, {ACME: newest}, {}, most=100)
    return answers


def put(answers: Answers, name: str, *customers: int, made_at: int = 10, size: int = 100) -> None:
    answers.put(key(name), b"x" * size, tenant=ACME, customers=customers, made_at=made_at)


def tell(answers: Answers, *changes: tuple[int, int, int | None]) -> None:
    """Changes after the ones that were read."""
    told = [Changed(*change) for change in changes]
    answers.learn(answers.after([ACME]), {ACME: told[-1].number}, {ACME: told}, most=100)


def test_an_answer_is_dropped_with_any_of_its_customers_and_with_no_other() -> None:
    answers = begun()
    put(answers, "a", 1, 2)
    put(answers, "b", 2)
    put(answers, "c", 3)
    tell(answers, (11, 1, None))
    assert [answers.get(key(name)) is None for name in "abc"] == [True, False, False]
    tell(answers, (12, 9, 2))
    assert [answers.get(key(name)) is None for name in "abc"] == [True, True, False]
    assert answers.bytes == 100 + OVERHEAD_BYTES


def test_an_answer_made_before_a_change_that_was_read_since_is_not_kept() -> None:
    answers = begun()
    tell(answers, (11, 1, None), (12, 2, None))
    put(answers, "a", 1, made_at=10)
    put(answers, "b", 3, made_at=10)
    put(answers, "c", 2, made_at=12)
    assert [answers.get(key(name)) is None for name in "abc"] == [True, False, False]


def test_nothing_is_kept_of_a_tenant_whose_feed_was_not_read() -> None:
    answers = Answers(1 << 20)
    put(answers, "a", 1)
    assert answers.get(key("a")) is None
    assert answers.after([ACME, OTHER]) == {ACME: None, OTHER: None}


def test_an_older_reading_takes_nothing_back() -> None:
    answers = begun()
    tell(answers, (15, 1, None))
    put(answers, "a", 1, made_at=15)
    answers.learn({ACME: None}, {ACME: 12}, {}, most=100)
    assert answers.after([ACME]) == {ACME: 15}
    assert answers.get(key("a")) is not None


def test_more_changes_than_are_told_singly_drop_all_and_the_feed_goes_on_from_the_newest() -> None:
    answers = begun()
    put(answers, "a", 1)
    changes = [Changed(number, 5, None) for number in range(11, 14)]
    answers.learn({ACME: 10}, {ACME: 99}, {ACME: changes}, most=3)
    assert answers.get(key("a")) is None
    assert answers.bytes == 0
    assert answers.after([ACME]) == {ACME: 99}
    put(answers, "b", 1, made_at=50)
    assert answers.get(key("b")) is None
    put(answers, "c", 1, made_at=99)
    assert answers.get(key("c")) is not None


def test_a_row_that_tells_of_many_drops_the_answers_of_each_and_no_other() -> None:
    answers = begun()
    for name, customer in (("a", 1), ("b", 2), ("c", 3), ("d", 4)):
        put(answers, name, customer)
    span = Changed(13, None, customers=[1, 2, 4])
    answers.learn({ACME: 10}, {}, {ACME: [span]}, most=100)
    assert [answers.get(key(name)) is None for name in "abcd"] == [True, True, False, True]
    assert answers.after([ACME]) == {ACME: 13}
    for made_at, holds in ((12, False), (13, True)):
        put(answers, "b", 2, made_at=made_at)
        assert (answers.get(key("b")) is not None) is holds


def test_one_row_may_tell_of_more_than_are_followed_singly() -> None:
    answers = begun()
    put(answers, "a", 9)
    put(answers, "b", 7)
    rows = [Changed(11, 9), Changed(267, None, customers=range(20, 120))]
    answers.learn({ACME: 10}, {}, {ACME: rows}, most=102)
    assert [answers.get(key(name)) is None for name in "ab"] == [True, False]
    answers.learn({ACME: 267}, {}, {ACME: [row._replace(number=row.number + 512) for row in rows]}, most=101)
    assert answers.bytes == 0
    assert answers.after([ACME]) == {ACME: 267 + 512}


def test_memory_is_bounded_and_what_was_asked_for_last_stays() -> None:
    answers = begun(20 * (100 + OVERHEAD_BYTES))
    for number in range(20):
        put(answers, f"{number}", number)
    assert answers.get(key("0")) is not None
    put(answers, "20", 20)
    assert answers.get(key("0")) is not None
    assert answers.get(key("1")) is None
    for number in range(21, 200):
        put(answers, f"{number}", number)
        assert answers.bytes <= 20 * (100 + OVERHEAD_BYTES)


def test_an_answer_that_would_take_a_good_part_of_all_is_not_kept() -> None:
    answers = begun(64_000)
    put(answers, "a", 1, size=10_000)
    assert answers.get(key("a")) is None
    assert answers.bytes == 0


def test_an_answer_put_again_is_counted_once() -> None:
    answers = begun()
    put(answers, "a", 1, 2)
    put(answers, "a", 2, 3)
    assert answers.bytes == 100 + OVERHEAD_BYTES
    tell(answers, (11, 1, None))
    assert answers.get(key("a")) is not None
    tell(answers, (12, 3, None))
    assert answers.get(key("a")) is None
    assert answers.bytes == 0

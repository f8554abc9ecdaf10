"""The shelf that workers share: what is got from it is what somebody put there under that very name, or nothing."""

from __future__ import annotations

import random
import threading
from itertools import count

import pytest

from huaxiang.answers import Answers
from huaxiang.read import Changed
from huaxiang.shelf import MOST_CUSTOMERS, SLOT_BYTES, WAYS, Shelf, Shelved, named

ACME = 1
KEY = 7, 1, b"who"


def shelf(slots: int = 64) -> Shelf:
    made = Shelf.of(slots * SLOT_BYTES)
    if made is None:
        pytest.skip("the system has no memory that processes share without a name")
    return made


def other(one: Shelf) -> Shelf:
    """The same shelf, as another process reaches it."""
    found = Shelf.at(one.place)
    assert found is not None
    return found


def begun(at: Shelf, *, newest: int) -> Answers:
    """A worker that read the feed up to `newest`."""
    answers = Answers(1 << 20, at)
    answers.learn({ACME: None}, {ACME: newest}, {}, most=100)
    return answers


def test_what_one_puts_there_the_other_gets() -> None:
    one = shelf()
    one.put(named(b"a"), b"content", (3, -1, 2**62), 10)
    assert other(one).get(named(b"a")) == Shelved(b"content", (3, -1, 2**62), 10)
    assert other(one).get(named(b"b")) is None


def test_a_shelf_that_is_half_full_has_nearly_all_that_was_put_there() -> None:
    one, names = shelf(4096), [named(b"%d" % number) for number in range(2048)]
    for number, name in enumerate(names):
        one.put(name, b"%d" % number, (number,), 10)
    found = [one.get(name) for name in names]
    assert all(answer in (None, Shelved(b"%d" % number, (number,), 10)) for number, answer in enumerate(found))
    assert 0.95 * len(names) < len(names) - found.count(None) < len(names)


def test_an_answer_that_is_put_there_again_takes_the_place_that_it_has() -> None:
    one = shelf(WAYS)
    for name in range(WAYS):
        one.put(named(b"%d" % name), b"first", (1,), 10)
    for made_at in (11, 12):
        one.put(named(b"0"), b"again", (1,), made_at)
    assert one.get(named(b"0")) == Shelved(b"again", (1,), 12)
    assert [one.get(named(b"%d" % name)) for name in range(1, WAYS)] == [Shelved(b"first", (1,), 10)] * (WAYS - 1)


def test_a_shelf_that_nobody_has_is_none() -> None:
    assert Shelf.at("/proc/self/fd/999999") is None
    assert Shelf.of(SLOT_BYTES - 1) is None


def test_what_does_not_fit_is_not_put_there() -> None:
    one = shelf(WAYS)
    one.put(named(b"a"), b"x", (1,), 10)
    one.put(named(b"b"), b"x" * SLOT_BYTES, (1,), 10)
    one.put(named(b"c"), b"x", range(MOST_CUSTOMERS + 1), 10)
    assert one.get(named(b"a")) == Shelved(b"x", (1,), 10)
    assert [one.get(named(name)) for name in (b"b", b"c")] == [None, None]


def test_a_wiped_answer_leaves_no_byte_and_another_in_its_slot_stays() -> None:
    one = shelf(WAYS)
    one.put(named(b"a"), b"somebody", (1,), 10)
    one.wipe(named(b"b"))
    assert one.get(named(b"a")) is not None
    one.wipe(named(b"a"))
    assert one.get(named(b"a")) is None
    with open(one.place, "rb") as memory:  # noqa: PTH123 - a place in /proc, not a file
        assert memory.read() == bytes(WAYS * SLOT_BYTES)


def test_a_slot_of_which_any_byte_is_another_is_nothing() -> None:
    one = shelf(WAYS)
    one.put(named(b"a"), b"content", (3,), 10)
    with open(one.place, "r+b") as memory:  # noqa: PTH123 - as above
        whole = memory.read(100).rstrip(b"\0")
        for place, byte in enumerate(whole):
            memory.seek(place)
            memory.write(bytes([byte ^ 1]))
            memory.flush()
            assert one.get(named(b"a")) is None, place
            memory.seek(place)
            memory.write(bytes([byte]))
            memory.flush()
    assert one.get(named(b"a")) is not None


def test_no_two_names_share_a_digest_because_of_where_their_parts_end() -> None:
    assert len({named(b"ab", b"c"), named(b"a", b"bc"), named(b"abc"), named(b"abc", b""), named(b"", b"abc")}) == 5


def test_whoever_writes_at_once_nobody_gets_what_was_not_put_there() -> None:
    one = shelf(8)
    ends, wrong = threading.Event(), list[object]()

    def work(seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - a load is drawn, not a secret
        at = other(one)
        for _ in count():
            if ends.is_set():
                return
            name = b"%d" % draw.randrange(32)
            if draw.random() < 0.5:
                at.put(named(name), name * draw.randrange(1, 500), (int(name),), draw.randrange(99))
            elif (got := at.get(named(name))) and (got.customers != (int(name),) or got.content.strip(name)):
                wrong.append(got)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    ends.wait(1)
    ends.set()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_a_worker_keeps_what_another_has_made() -> None:
    one = shelf()
    first, second = begun(one, newest=10), begun(other(one), newest=10)
    first.put(KEY, b"content", tenant=ACME, customers=(3,), made_at=12)
    assert second.get(KEY) is None
    assert second.find(KEY, tenant=ACME) == b"content"
    assert second.get(KEY) == b"content"


def test_a_worker_does_not_keep_what_a_change_that_it_knows_of_has_made_old() -> None:
    one = shelf()
    first, second, late = begun(one, newest=10), begun(other(one), newest=10), begun(other(one), newest=13)
    first.put(KEY, b"content", tenant=ACME, customers=(3,), made_at=12)
    second.learn({ACME: 10}, {ACME: 13}, {ACME: [Changed(13, 3, None)]}, most=100)
    assert second.find(KEY, tenant=ACME) is None
    assert late.find(KEY, tenant=ACME) is None
    second.put(KEY, b"newer", tenant=ACME, customers=(3,), made_at=13)
    assert late.find(KEY, tenant=ACME) == b"newer"


def test_an_answer_that_is_dropped_for_a_change_is_wiped() -> None:
    one = shelf()
    first = begun(one, newest=10)
    first.put(KEY, b"content", tenant=ACME, customers=(3,), made_at=10)
    first.learn({ACME: 10}, {ACME: 11}, {ACME: [Changed(11, 3, None)]}, most=100)
    with open(one.place, "rb") as memory:  # noqa: PTH123 - a place in /proc, not a file
        assert b"content" not in memory.read()

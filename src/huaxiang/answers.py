"""Answers that a worker keeps, and drops as soon as the change feed tells of one of their customers.

Takes rendered answers, each with the ids of all customers that it was made from and the change that it was made at;
gives them back while they hold. Who asks reads the feed on from `after` first (the feed is numbered in the order of
its commits), and tells what it read here (`learn`); what is still kept then is what the store would answer.

Rule 1: an answer is given only after the feed was read, by a question that began after the request had come.
Rule 2: an answer is kept only if no change since the one it was made at tells of its customers.
Rule 3: memory is bounded: what was not asked for the longest goes first; what stands there for over
        `LONGEST_SECONDS` goes too.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeAlias

from huaxiang.shelf import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from huaxiang.read import Changed
    from huaxiang.shelf import Shelf

LONGEST_SECONDS = 600.0
MOST_RECENT = 20_000
"""Customers whose last change is remembered."""
OVERHEAD_BYTES = 800
"""What an answer costs beside its own bytes: its entries in the tables, its key."""

Key: TypeAlias = tuple[int, int, bytes]
"""What an answer depends on beside customers: whose key it was given to, at which version, and what was asked."""
Answer: TypeAlias = tuple[bytes, tuple[int, ...], float]
"""Its bytes, the customers, and since when it is kept. Plain tuples, which the garbage collector need not walk."""


class _Feed:
    """How far a tenant's feed was read: up to `cursor`, one by one since `floor`; who changed when."""

    def __init__(self, newest: int) -> None:
        self.cursor = self.floor = newest
        self.recent: dict[int, int] = {}


class Answers:
    """What a worker keeps. `most_bytes`: of memory, about."""

    def __init__(self, most_bytes: int, shelf: Shelf | None = None) -> None:
        """Keep nothing yet. `shelf`: where other workers' answers are found, and one's own are put."""
        self._most_bytes, self._shelf = most_bytes, shelf
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._of_customer: dict[int, tuple[Key, ...]] = {}
        self._feeds: dict[int, _Feed] = {}
        self.bytes = 0
        """How much is kept, about."""

    def get(self, key: Key) -> bytes | None:
        """The answer that is kept under a key."""
        answer = self._answers.get(key)
        if answer is None:
            return None
        self._answers.move_to_end(key)
        return answer[0]

    def has(self, key: Key, content: bytes) -> bool:
        """Whether this very answer is kept under a key still."""
        answer = self._answers.get(key)
        return answer is not None and answer[0] is content

    def find(self, key: Key, *, tenant: int) -> bytes | None:
        """The same, or what another worker has put on the shelf under this key, kept from now on, if it may be."""
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
            return answer[0]
        if self._shelf is None or (found := self._shelf.get(_name(key))) is None:
            return None
        self._put(key, found.content, tenant=tenant, customers=found.customers, made_at=found.made_at)
        return self.get(key)

    def put(self, key: Key, content: bytes, *, tenant: int, customers: Sequence[int], made_at: int) -> None:
        """Keep an answer that was made from these customers, as they were at the change `made_at`."""
        if self._put(key, content, tenant=tenant, customers=customers, made_at=made_at) and self._shelf is not None:
            self._shelf.put(_name(key), content, customers, made_at)

    def _put(self, key: Key, content: bytes, *, tenant: int, customers: Sequence[int], made_at: int) -> bool:
        feed = self._feeds.get(tenant)
        if feed is None or made_at < feed.floor or (len(content) + OVERHEAD_BYTES) * 16 > self._most_bytes:
            return False
        if any(feed.recent.get(customer, 0) > made_at for customer in customers):
            return False
        self._drop(key)
        now = time.monotonic()
        self._answers[key] = content, tuple(dict.fromkeys(customers)), now
        self.bytes += len(content) + OVERHEAD_BYTES
        for customer in self._answers[key][1]:
            self._of_customer[customer] = (*self._of_customer.get(customer, ()), key)
        self._make_room(now)
        return True

    def after(self, tenants: Iterable[int]) -> dict[int, int | None]:
        """From where on to read the feeds of these tenants; None for one of which nothing is kept yet."""
        return {tenant: feed.cursor if (feed := self._feeds.get(tenant)) else None for tenant in tenants}

    def learn(
        self,
        after: Mapping[int, int | None],
        newest: Mapping[int, int],
        changed: Mapping[int, Sequence[Changed]],
        *,
        most: int,
    ) -> None:
        """What a question read of the feeds after `after`; `most` changes or more are too many to be followed singly.

        `newest`: of a tenant whose feed was not read yet, or of which not all was told.
        """
        for tenant, was in after.items():
            feed = self._feeds.get(tenant)
            if feed is None:
                self._feeds[tenant] = _Feed(newest[tenant])
            elif was is None or not (changes := changed.get(tenant)):
                continue
            elif how_many(changes) >= most:
                self._forget(tenant, max(feed.cursor, newest.get(tenant, 0), changes[-1].number))
            else:
                self._follow(feed, changes)

    def _follow(self, feed: _Feed, changes: Sequence[Changed]) -> None:
        for change in changes:
            for customer in change.ids:  # those of a span were told at once: its number does for each of them
                feed.recent[customer] = max(change.number, feed.recent.get(customer, 0))
                for key in self._of_customer.get(customer, ()):
                    self._drop(key)
                    if self._shelf is not None:
                        self._shelf.wipe(_name(key))
        feed.cursor = max(feed.cursor, changes[-1].number)
        if len(feed.recent) > MOST_RECENT:
            feed.floor, feed.recent = feed.cursor, {}

    def _forget(self, tenant: int, newest: int) -> None:
        """Too much has changed of a tenant: keep nothing, and begin at its newest change."""
        self._answers.clear()
        self._of_customer.clear()
        self.bytes = 0
        self._feeds[tenant] = _Feed(newest)

    def _make_room(self, now: float) -> None:
        while self._answers:
            key, (_, _, since) = next(iter(self._answers.items()))
            if self.bytes <= self._most_bytes and now - since <= LONGEST_SECONDS:
                return
            self._drop(key)

    def _drop(self, key: Key) -> None:
        answer = self._answers.pop(key, None)
        if answer is None:
            return
        content, customers, _ = answer
        self.bytes -= len(content) + OVERHEAD_BYTES
        for customer in customers:
            if rest := tuple(one for one in self._of_customer[customer] if one != key):
                self._of_customer[customer] = rest
            else:
                del self._of_customer[customer]


def how_many(rows: Sequence[Changed]) -> int:
    """How many changes these rows of a feed are."""
    return sum(len(row.customers) if row.customers else 1 for row in rows)


def _name(key: Key) -> bytes:
    whose, version, name = key
    return named(b"%d %d" % (whose, version), name)

"""Chance that can be asked for by name: the same seed, purpose and index always draw the same numbers.

Takes a seed, gives numbers. What is drawn for one customer does not hang on who was drawn before, so that a million
customers need no memory: each is made again whenever it is wanted.

Rule 1: nothing here reads a clock, a hash of Python's, or the machine's own randomness.
"""

from __future__ import annotations

import struct
from base64 import urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate
from math import gcd
from random import Random
from typing import Final, Generic, TypeVar
from uuid import UUID

T = TypeVar("T")

_NUMBERS = struct.Struct("<16I")
_WHOLE: Final = 2.0**32


class Draws:
    """The chance of one seed."""

    def __init__(self, seed: int) -> None:
        """`seed`: any whole number."""
        self._key = blake2b(str(seed).encode(), digest_size=32).digest()

    def numbers(self, purpose: bytes, index: int) -> tuple[float, ...]:
        """Sixteen numbers from 0 to 1 (1 excluded). `purpose`: at most 16 bytes."""
        return tuple(number / _WHOLE for number in _NUMBERS.unpack(self._digest(purpose, index, 64)))

    def word(self, purpose: bytes, index: int, length: int) -> str:
        """A word of `length` letters, digits, `-` and `_`, at most 64: the look of an id of WeChat's."""
        return urlsafe_b64encode(self._digest(purpose, index, 48))[:length].decode("ascii")

    def uuid(self, purpose: bytes, index: int) -> UUID:
        """A uuid that looks drawn (version 4)."""
        return UUID(bytes=self._digest(purpose, index, 16), version=4)

    def whole(self, purpose: bytes, index: int, low: int, high: int) -> int:
        """A whole number from `low` to `high` (excluded), of up to 64 bits."""
        return low + int.from_bytes(self._digest(purpose, index, 8), "little") % (high - low)

    def turns(self, purpose: bytes) -> Random:
        """Numbers one after the other, for what comes in a row anyway."""
        return Random(self._digest(purpose, 0, 64))  # noqa: S311 (made-up data, not a secret)

    def _digest(self, purpose: bytes, index: int, size: int) -> bytes:
        return blake2b(index.to_bytes(8, "little"), digest_size=size, key=self._key, person=purpose).digest()


class Shuffle:
    """A rearrangement of the whole numbers below `size`: each index has its own place, and no two have the same."""

    def __init__(self, draws: Draws, purpose: bytes, size: int) -> None:
        """`size`: more than 2."""
        self._size = size
        self._shift = draws.whole(purpose, 0, 0, size)
        step = draws.whole(purpose, 1, size // 3, 2 * size // 3)
        while gcd(step, size) > 1:
            step += 1
        self._step = step

    def __getitem__(self, index: int) -> int:
        """The place of an index below `size`."""
        return (index * self._step + self._shift) % self._size


class Weighted(Generic[T]):
    """Things, each as likely as its weight."""

    def __init__(self, things: Sequence[T], weights: Sequence[float]) -> None:
        """One weight a thing."""
        self._things = things
        self._bounds = list(accumulate(weights))

    def at(self, number: float) -> T:
        """The thing that a number from 0 to 1 falls on."""
        return self._things[bisect_right(self._bounds, number * self._bounds[-1], hi=len(self._things) - 1)]


def pick(things: Sequence[T], number: float) -> T:
    """One of the things, all equally likely, by a number from 0 to 1 (1 excluded)."""
    return things[int(number * len(things))]

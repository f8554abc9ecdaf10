"""A shelf of answers that the workers of one server share, so that each is made once, and not once in every worker.

Takes answers under digests of their names, each with the ids of its customers and the change that it was made at; gives
them back to any worker. The memory belongs to the processes that hold it, and is gone with the last of them.

The idea: a few slots for each name, by its digest, and no lock. Whoever writes may be overtaken, and whoever reads may
see half of it: the slot's own digest tells, and what does not fit it is nothing. With a single slot for each name, a
shelf that is half full would have lost a fifth of what was put there.

Rule 1: what is taken from the shelf is no better than what one has made oneself at that change: whether it holds still
        is for `answers` to see.
Rule 2: an answer that does not fit a slot is not put there; where none of its slots is free, another one's goes.
Rule 3: what is told to be gone is wiped, but what nobody remembers any more stays until another takes its slot.
"""

from __future__ import annotations

import mmap
import os
import struct
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOT_BYTES = 2048
WAYS = 4
"""Slots in which an answer may stand: neighbours, the first of which its name tells."""
MOST_CUSTOMERS = 64
DIGEST_BYTES = 16

_NOBODY = bytes(DIGEST_BYTES)
_HEAD = struct.Struct("<qHI")
_START = 2 * DIGEST_BYTES + _HEAD.size


class Shelved(NamedTuple):
    """An answer from the shelf: its bytes, its customers, and the change that it was made at."""

    content: bytes
    customers: tuple[int, ...]
    made_at: int


class Shelf:
    """Memory that several processes share."""

    def __init__(self, descriptor: int, size: int) -> None:
        """Share the first `size` bytes of an open file."""
        self._memory = mmap.mmap(descriptor, size)
        self._sets = size // (WAYS * SLOT_BYTES)
        self._descriptor = descriptor

    @classmethod
    def of(cls, size: int) -> Self | None:
        """A new one of about this many bytes; None where the system has no memory of this kind, or none to give."""
        size -= size % (WAYS * SLOT_BYTES)
        if not size or not hasattr(os, "memfd_create"):
            return None
        try:
            descriptor = os.memfd_create("huaxiang-answers")
            os.ftruncate(descriptor, size)
            return cls(descriptor, size)
        except (OSError, ValueError):
            return None

    @classmethod
    def at(cls, place: str) -> Self | None:
        """The one that another process has at a `place`; None if it can't be reached."""
        try:
            descriptor = os.open(place, os.O_RDWR)
            return cls(descriptor, os.fstat(descriptor).st_size)
        except (OSError, ValueError):
            return None

    @property
    def place(self) -> str:
        """Where processes of the same user find it, as long as this one lives."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    def put(self, name: bytes, content: bytes, customers: Sequence[int], made_at: int) -> None:
        """Put an answer there."""
        size = _START + 8 * len(customers) + len(content)
        if size > SLOT_BYTES or len(customers) > MOST_CUSTOMERS:
            return
        told = _HEAD.pack(made_at, len(customers), len(content)) + struct.pack(f"<{len(customers)}q", *customers)
        at = self._room(name)
        self._memory[at : at + size] = name + _digest(name, told, content) + told + content

    def get(self, name: bytes) -> Shelved | None:
        """The answer of this name, if it is there whole."""
        at = self._place(name)
        if at is None:
            return None
        taken = self._memory[at : at + SLOT_BYTES]
        made_at, count, length = _HEAD.unpack_from(taken, 2 * DIGEST_BYTES)
        begin = _START + 8 * count
        if begin + length > SLOT_BYTES:
            return None
        content = taken[begin : begin + length]
        if _digest(name, taken[2 * DIGEST_BYTES : begin], content) != taken[DIGEST_BYTES : 2 * DIGEST_BYTES]:
            return None
        return Shelved(content, struct.unpack_from(f"<{count}q", taken, _START), made_at)

    def wipe(self, name: bytes) -> None:
        """Leave nothing of the answer of this name."""
        while (at := self._place(name)) is not None:  # two that put it there at once may have chosen two
            self._memory[at : at + SLOT_BYTES] = bytes(SLOT_BYTES)

    def _place(self, name: bytes) -> int | None:
        """Where the answer of this name stands, if it does."""
        return self._among(self._slots(name), name)

    def _room(self, name: bytes) -> int:
        """Where to put it: where it stands, else where nothing does, else where its name tells."""
        slots = self._slots(name)
        for wanted in (name, _NOBODY):
            if (at := self._among(slots, wanted)) is not None:
                return at
        return slots[name[8] % WAYS]

    def _among(self, slots: range, name: bytes) -> int | None:
        memory = self._memory
        for at in slots:
            if memory[at : at + DIGEST_BYTES] == name:
                return at
        return None

    def _slots(self, name: bytes) -> range:
        begin = int.from_bytes(name[:8], "little") % self._sets * WAYS * SLOT_BYTES
        return range(begin, begin + WAYS * SLOT_BYTES, SLOT_BYTES)


def named(*parts: bytes) -> bytes:
    """The digest of a name; no two names have the same."""
    lengths = b" ".join(b"%d" % len(part) for part in parts)
    return blake2b(lengths + b":" + b"".join(parts), digest_size=DIGEST_BYTES, person=b"answer").digest()


def _digest(name: bytes, told: bytes, content: bytes) -> bytes:
    return blake2b(name + told + content, digest_size=DIGEST_BYTES, person=b"shelved").digest()

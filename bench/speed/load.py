"""Asks an HTTP server over many connections from one process, and tells how fast and how rightly it answered.

Takes streams of requests, each ready to be sent; gives for each stream the answers, the times they took and what was
wrong. A stream asks as fast as answers come (closed), or at a rate (paced), whatever the server makes of it.

Rule 1: an answer counts if its status is 200 and it holds what the request expects; all else is an error.
Rule 2: a paced request's time begins when it was due, not when a connection was free for it: a server that stalls is
    told all the waiting that it caused. (The client itself may be up to a millisecond late; that counts too.)
Rule 3: what is due and can't be sent before the end, or is not answered ten seconds after it, counts with the time
    that it had waited.
Rule 4: bodies end by Content-Length or in chunks; an answer lies in memory whole. A connection that ends is not made
    again, and is an error if an answer was due.
"""

from __future__ import annotations

import select
import socket
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from typing import NamedTuple

READ_BYTES = 1 << 18
DRAIN_S = 10.0
"""How long answers are waited for that were asked for in time."""

_LENGTH = b"content-length: "
_clock = time.perf_counter


class Asked(NamedTuple):
    """A request, and what its answer must hold; `then` is asked next on the same connection, and belongs to it."""

    wire: bytes
    expects: bytes
    then: Asked | None = None


@dataclass
class Stream:
    """Who asks what of whom. A stream goes on where it was when it is run again; a sequence begins again at its end."""

    name: str
    """Of the server that is asked, for whoever reads what went wrong."""
    port: int
    asked: Iterable[Asked]
    connections: int = 64
    rate: float | None = None
    """Requests a second; None: as fast as answers come."""

    def __post_init__(self) -> None:
        """Begin at the first request."""
        self.following = cycle(self.asked) if isinstance(self.asked, Sequence) else iter(self.asked)


@dataclass
class Measured:
    """What became of a stream. Times in seconds; `steps` are the times of a request's parts, where it has several."""

    seconds: float = 0.0
    times: array[float] = field(default_factory=lambda: array("d"))
    steps: tuple[array[float], array[float]] = field(default_factory=lambda: (array("d"), array("d")))
    wrong: Counter[str] = field(default_factory=Counter[str])
    unsent: int = 0
    unanswered: int = 0
    """Asked in time, and not answered ten seconds after the end."""
    in_time: int = 0
    """Answered before the end."""
    client_s: float = 0.0
    """The processor time of this process, for all streams, the lead included."""
    lead_s: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.in_time / self.seconds

    def told(self) -> dict[str, object]:
        """The figures, for a file."""
        told: dict[str, object] = {
            "answers": len(self.times), "per_second": round(self.rate, 1), **quantiles(self.times),
            "errors": sum(self.wrong.values()),
            "unsent": self.unsent,
            "unanswered": self.unanswered,
            "client_cpu_share": round(self.client_s / (self.seconds + self.lead_s), 3),
            "client_us_an_answer": round(self.client_s / (self.seconds + self.lead_s) / max(self.rate, 1) * 1e6, 1),
        }  # fmt: skip
        if self.steps[1]:
            told |= {"first": quantiles(self.steps[0]), "then": quantiles(self.steps[1])}
        return told


def quantiles(times: Iterable[float]) -> dict[str, float]:
    """Milliseconds: the middle, p90, p99 and the most."""
    ordered = sorted(times)
    if not ordered:
        return {}
    at = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[min(last, int(share * len(ordered)))] * 1000, 3) for name, share in at.items()}


class WrongAnswers(Exception):
    """Answers were not the ones expected."""


def run(streams: Sequence[Stream], seconds: float, *, lead_s: float = 0.0) -> list[Measured]:
    """Run streams beside each other for so long, after a lead that does not count.

    A server that takes long to answer is asked at its full load only once the first answers have come: the lead is for
    that, since what is under way when the time begins stands for what is under way when it ends.

    Raises:
        WrongAnswers: any answer was not the expected one; its message has counts and status lines, no body.

    """
    with ExitStack() as opened, select.epoll() as poll:
        runs = [_Run(stream, poll, opened) for stream in streams]
        lines = {line.number: line for each in runs for line in each.lines}
        at_work, started = time.process_time(), _clock()
        end = started + lead_s + seconds
        for each in runs:
            each.begin(started, started + lead_s, end)
        _loop(poll, lines, runs, end)
        for each in runs:
            each.found.seconds = seconds
            each.found.lead_s = lead_s
            each.found.client_s = time.process_time() - at_work
    if any(each.found.wrong for each in runs):
        counted = [(each.stream.name, *wrong) for each in runs for wrong in each.found.wrong.most_common(5)]
        raise WrongAnswers(", ".join(f"{name}: {count} times {what}" for name, what, count in counted))
    return [each.found for each in runs]


def _loop(poll: select.epoll, lines: dict[int, _Line], runs: Sequence[_Run], end: float) -> None:
    paced = [each for each in runs if each.gap]
    while True:
        now = _clock()
        wait = min([end - now, *(each.due - now for each in paced if each.idle)]) if now < end else 0.1
        for number, _ in poll.poll(max(wait, 0), len(lines)):
            lines[number].read()
        now = _clock()
        for each in paced:
            each.send_due(now)
        if now >= end and (now >= end + DRAIN_S or not any(line.asked for line in lines.values())):
            break
    for each in runs:
        each.close(end, _clock())


class _Run:
    """One stream while it runs."""

    def __init__(self, stream: Stream, poll: select.epoll, opened: ExitStack) -> None:
        self.stream, self.following = stream, stream.following
        self.gap = 1 / stream.rate if stream.rate else 0.0
        self.due = self.since = self.end = 0.0
        self.found = Measured()
        self.lines = [_Line(self, poll, opened) for _ in range(stream.connections)]
        self.idle: deque[_Line] = deque()

    def begin(self, now: float, since: float, end: float) -> None:
        """Ask the first requests; what is answered from `since` on counts."""
        self.due, self.since, self.end = now, since, end
        self.idle = deque(self.lines)
        if not self.gap:
            while self.idle:
                self.idle.popleft().ask(next(self.following), now)

    def send_due(self, now: float) -> None:
        """Ask whatever is due, as long as a connection is free."""
        while self.idle and self.due <= now < self.end:
            # In turns: a connection that lies idle for long is one that a server may end.
            self.idle.popleft().ask(next(self.following), self.due)
            self.due += self.gap

    def free(self, line: _Line, now: float) -> None:
        """A connection has its answer."""
        if self.gap:
            self.idle.append(line)
        elif now < self.end:
            line.ask(next(self.following), now)

    def close(self, end: float, now: float) -> None:
        """Count what was due and never asked, and what was asked and never answered."""
        for line in self.lines:
            if line.asked is not None:
                self.found.unanswered += 1
                self.found.times.append(now - line.due)
        while self.gap and self.due < end:
            self.found.unsent += 1
            self.found.times.append(now - self.due)
            self.due += self.gap


class _Line:
    """One connection."""

    __slots__ = ("asked", "begun", "due", "held", "number", "of", "poll", "recv", "second", "send")

    def __init__(self, of: _Run, poll: select.epoll, opened: ExitStack) -> None:
        line = opened.enter_context(socket.create_connection(("127.0.0.1", of.stream.port), timeout=DRAIN_S))
        line.setblocking(False)  # noqa: FBT003 - socket's own word
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(line.fileno(), select.EPOLLIN)
        self.poll = poll
        self.of, self.number, self.recv, self.send = of, line.fileno(), line.recv, line.send
        self.asked: Asked | None = None
        self.held, self.due, self.begun, self.second = b"", 0.0, 0.0, False

    def ask(self, asked: Asked, due: float) -> None:
        """Send a request."""
        self.asked, self.due, self.begun = asked, due, _clock()
        try:
            sent = self.send(asked.wire)
        except OSError:
            self._lost()
            return
        assert sent == len(asked.wire), "a request is larger than what a socket takes at once"

    def read(self) -> None:
        """Take what has come; once it is whole, judge it, and go on."""
        try:
            data = self.recv(READ_BYTES)
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        if self.held:
            data = self.held + data
        if not is_whole(data):
            self.held = data
            return
        self.held = b""
        self._judge(data, _clock())

    def _judge(self, data: bytes, now: float) -> None:
        asked, of = self.asked, self.of
        assert asked is not None, "an answer that nobody asked for"
        second, self.asked, self.second = self.second, None, False
        if not _is_right(data, asked.expects):
            of.found.wrong[data[:60].partition(b"\r\n")[0].decode("latin-1")] += 1
            of.free(self, now)
        elif asked.then is not None:
            of.found.steps[0].append(now - self.begun)
            self.second = True
            self.ask(asked.then, self.due)
        else:
            if second:
                of.found.steps[1].append(now - self.begun)
            if now >= of.since:
                of.found.times.append(now - self.due)
                of.found.in_time += now <= of.end
            of.free(self, now)

    def _lost(self) -> None:
        if self.asked is not None:
            self.of.found.wrong["a connection that ended"] += 1
        elif self in self.of.idle:
            self.of.idle.remove(self)
        self.asked = None
        self.poll.unregister(self.number)


def _is_right(data: bytes, expects: bytes) -> bool:
    if not data.startswith(b"HTTP/1.1 200"):
        return False
    if expects in data:
        return True
    head, _, body = data.partition(b"\r\n\r\n")  # it may stand across the chunks
    return b"chunked" in head.lower() and expects in _joined(body)


def is_whole(data: bytes) -> bool:
    """Whether an answer has come to its end."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return False
    at = data.find(_LENGTH, 0, head)
    if at < 0:
        lowered = data[:head].lower()
        at = lowered.find(_LENGTH)
        if at < 0:
            # JSON has no line ends of this kind, so what looks like the last chunk is the last chunk.
            return b"chunked" in lowered and data.endswith(b"\r\n0\r\n\r\n")
    start = at + len(_LENGTH)
    return len(data) >= head + 4 + int(data[start : data.index(b"\r", start)])


# ── one answer, as large as it likes ─────────────────────────────────────────────────────────────────────────────────


class Fetched(NamedTuple):
    """An answer's status line, its body, and the seconds from the first byte sent to the last one received."""

    status: str
    body: bytes
    seconds: float
    first_s: float
    """Until the first byte."""


def fetch(line: socket.socket, wire: bytes) -> Fetched:
    """Ask once over a connection that blocks, and take the whole answer.

    Raises:
        ConnectionError: the server ended the connection before the answer.

    """
    started = _clock()
    line.sendall(wire)
    first_s, pieces, tail = 0.0, list[bytes](), b""
    whole = False
    while not whole:
        piece = line.recv(READ_BYTES)
        if not piece:
            raise ConnectionError("the server ended the connection before its answer did")
        first_s = first_s or _clock() - started
        pieces.append(piece)
        tail = (tail + piece)[-8:]
        whole = _may_be_whole(pieces, tail)
    seconds = _clock() - started
    head, _, body = b"".join(pieces).partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        body = _joined(body)
    return Fetched(head.partition(b"\r\n")[0].decode("latin-1"), body, seconds, first_s)


def _may_be_whole(pieces: list[bytes], tail: bytes) -> bool:
    """Whether all has come, at a cost that does not grow with what has come."""
    if b"\r\n\r\n" not in pieces[0]:
        return is_whole(b"".join(pieces))
    head, _, begun = pieces[0].partition(b"\r\n\r\n")
    lowered = head.lower()
    if b"chunked" in lowered:
        return tail.endswith(b"\r\n0\r\n\r\n")
    length = int(lowered.partition(_LENGTH)[2].partition(b"\r")[0])
    return len(begun) + sum(map(len, pieces[1:])) >= length


def _joined(body: bytes) -> bytes:
    """The chunks of a body, put together."""
    parts: list[bytes] = []
    at = 0
    while size := int(body[at : (end := body.index(b"\r\n", at))].partition(b";")[0], 16):
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return b"".join(parts)

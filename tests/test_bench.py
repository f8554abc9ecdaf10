"""The bench's own parts: what asks and judges, what counts, what draws and writes. No figure decides anything here."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from huaxiang.dialects.rabbitpre.inward import FORMATS as RABBITPRE
from huaxiang.dialects.telrobot.inward import FORMATS as TELROBOT
from huaxiang.dialects.tinet import signing
from huaxiang.dialects.tinet.inward import FORMATS as TINET
from huaxiang.identifiers import normalise
from huaxiang.model import Mention
from speed import data
from speed.asking import Doors, page, said_and_seen
from speed.drawing import drawn
from speed.figures import Figure, Part, cells, keep, kept, markdown, table, worst
from speed.load import Asked, Stream, WrongAnswers, fetch, is_whole, quantiles, run
from speed.marked import Unmarked, between

ZONE = ZoneInfo("Asia/Shanghai")
REQUEST = b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

Answer = Callable[[bytes], bytes]


# ── a server of a few lines ──────────────────────────────────────────────────────────────────────────────────────────


def plain(request: bytes) -> bytes:
    """The request's path, as a body with its length."""
    body = request.split(b" ")[1]
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def chunked(request: bytes) -> bytes:
    """The request's path as a body, a byte a chunk."""
    pieces = b"".join(b"1\r\n%c\r\n" % one for one in request.split(b" ")[1])
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"


def failing(_request: bytes) -> bytes:
    return b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"


@contextmanager
def answering(answer: Answer, *, keep_alive: bool = True) -> Generator[int]:
    """A server that answers each request by a function, each connection in a thread; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(line: socket.socket) -> None:
            with line:
                while request := line.recv(65536):
                    line.sendall(answer(request))
                    if not keep_alive:
                        return

        def accept() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(line,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)


def asked(count: int) -> list[Asked]:
    return [Asked(REQUEST % b"%d" % number, b"/%d" % number) for number in range(count)]


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("answer", [plain, chunked])
def test_every_answer_counts_however_its_end_is_told(answer: Answer) -> None:
    with answering(answer) as port:
        found = run([Stream("here", port, asked(100), connections=4)], 0.2)[0]
    assert len(found.times) >= max(found.in_time, 4)
    assert not found.unsent
    assert found.rate == found.in_time / 0.2


def test_an_answer_without_what_is_expected_fails_the_run() -> None:
    with answering(plain) as port, pytest.raises(WrongAnswers, match=r"here: .* times HTTP/1.1 200 OK"):
        run([Stream("here", port, [Asked(REQUEST % b"1", b"another")], connections=1)], 0.05)


def test_an_error_of_the_server_fails_the_run() -> None:
    with answering(failing) as port, pytest.raises(WrongAnswers, match="500 Internal Server Error"):
        run([Stream("here", port, asked(1), connections=1)], 0.05)


def test_a_paced_stream_asks_as_often_as_it_is_told() -> None:
    with answering(plain) as port:
        found = run([Stream("here", port, asked(10), connections=8, rate=100)], 0.5)[0]
    assert 49 <= len(found.times) + found.unsent <= 53  # the clock decides about the last ones


def test_what_a_stalling_server_kept_from_being_asked_is_counted_with_its_waiting() -> None:
    stalled = threading.Event()

    def stalling(request: bytes) -> bytes:
        stalled.wait(0.4)
        return plain(request)

    with answering(stalling) as port:
        found = run([Stream("here", port, asked(10), connections=1, rate=100)], 0.2)[0]
    assert found.unsent > 0
    assert 19 <= len(found.times) <= 23  # the clock decides about the last ones
    assert max(found.times) >= 0.2


def test_what_is_answered_in_the_lead_does_not_count() -> None:
    answered: list[bytes] = []

    def noting(request: bytes) -> bytes:
        answered.append(request)
        return plain(request)

    with answering(noting) as port:
        found = run([Stream("here", port, asked(10), connections=1)], 0.01, lead_s=0.2)[0]
    assert len(found.times) < len(answered)
    assert found.rate == found.in_time / 0.01


def test_what_belongs_together_is_asked_one_after_the_other_and_timed_as_one() -> None:
    pair = Asked(REQUEST % b"first", b"/first", Asked(REQUEST % b"then", b"/then"))
    with answering(plain) as port:
        found = run([Stream("here", port, [pair], connections=2, rate=50)], 0.2)[0]
    answered = len(found.times) - found.unsent  # the clock decides about the last one
    assert answered == len(found.steps[0]) == len(found.steps[1])
    told = found.told()
    assert told["first"] == quantiles(found.steps[0])
    assert told["then"] == quantiles(found.steps[1])


def test_a_stream_that_runs_again_goes_on_where_it_was() -> None:
    def numbers() -> Iterator[Asked]:
        yield from asked(1_000_000)

    seen: list[bytes] = []

    def noting(request: bytes) -> bytes:
        seen.append(request)
        return plain(request)

    with answering(noting) as port:
        stream = Stream("here", port, numbers(), connections=1)
        run([stream], 0.05)
        run([stream], 0.05)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("answer", [plain, chunked])
def test_a_large_body_is_fetched_whole(answer: Answer) -> None:
    path = b"x" * 50_000
    with answering(answer) as port, socket.create_connection(("127.0.0.1", port)) as line:
        assert fetch(line, REQUEST % path).body == b"/" + path


def test_an_answer_is_whole_at_its_last_byte_and_not_before() -> None:
    for answer in (plain(REQUEST % b"abc"), chunked(REQUEST % b"abc")):
        assert [is_whole(answer[:end]) for end in range(len(answer) + 1)] == [False] * len(answer) + [True]


def test_quantiles_are_of_what_was_measured() -> None:
    assert quantiles(number / 1000 for number in range(1, 101)) == {
        "p50_ms": 51.0,
        "p90_ms": 91.0,
        "p99_ms": 100.0,
        "max_ms": 100.0,
    }
    assert quantiles([]) == {}


def test_a_connection_that_ends_while_nobody_waits_is_no_error_and_is_not_used_again() -> None:
    with answering(plain, keep_alive=False) as port:
        found = run([Stream("here", port, asked(10), connections=16, rate=50)], 0.2)[0]
    assert len(found.times) in {10, 11}
    assert found.unsent <= 1  # the clock decides about the last one


# ── the requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_is_signed_as_the_vendor_signs() -> None:
    doors = Doors("key", "secret", "", "", "", "", "")
    wire = page(doors, [("portraits", data.RARE), ("limit", "10")])
    line, host = wire.split(b"\r\n")[:2]
    target = line.split(b" ")[1]
    path, _, query = target.partition(b"?")
    claimed = signing.claim(signing.decode_query(query))
    name = host.decode().removeprefix("Host: ")
    now = datetime.now(UTC)
    assert signing.verify(claimed, "GET", name, path.decode(), secret="secret", clock="utc", now=now) == "utc"


def test_a_push_tells_its_length_and_is_followed_by_the_look_up_that_must_show_it() -> None:
    doors = Doors("", "", "", "", "", "", "token")
    pushed = next(said_and_seen(doors, [5]))
    assert pushed.then is not None
    for one in (pushed, pushed.then):
        head, _, body = one.wire.partition(b"\r\n\r\n")
        assert b"Content-Length: %d" % len(body) in head
        assert data.phone(5).encode() in body
    word = json.loads(pushed.wire.partition(b"\r\n\r\n")[2])["facts"][0]["traits"]["remark"]
    assert pushed.then.expects == f'"{word}"'.encode()


# ── the rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_row_can_be_imported() -> None:
    parse = {form.name: form.parse for form in (*TINET, *RABBITPRE, *TELROBOT)}
    for number in range(200):
        assert parse["tinet.cdr"](data.call(number), ZONE).facts
        assert parse["rabbitpre.profile"](data.profile(number), ZONE).facts
        assert parse["telrobot.customer"](data.record(number), ZONE).facts


def test_every_customer_has_a_mobile_number_of_their_own() -> None:
    numbers = [data.phone(customer) for customer in range(20_000)]
    assert len(set(numbers)) == len(numbers)
    assert {normalise(Mention("phone", number)).kind for number in numbers[::97]} == {"phone"}


def test_a_hundredth_of_the_customers_has_the_rare_mark() -> None:
    marked = [customer for customer in range(1000) if data.RARE in {mark["name"] for mark in data.marks(customer)}]
    assert marked == list(range(0, 1000, 100))


def test_calls_from_the_middle_are_those_of_the_whole(tmp_path: Path) -> None:
    whole = [row for frame in data.calls(0, 60_000, 1000) for row in frame.iter_rows()]
    part = [row for frame in data.calls(49_990, 50_010, 1000) for row in frame.iter_rows()]
    assert part == whole[49_990:50_010]
    files = data.write_calls(tmp_path, "calls", 49_990, 50_010, 1000)
    lines = files["jsonl"].read_text("utf-8").splitlines()
    assert [tuple(json.loads(line).values()) for line in lines] == part


# ── the figures ──────────────────────────────────────────────────────────────────────────────────────────────────────

FAST = Figure("look-up by <number>", "a constant", 0.8, 0.4, "more", group="look-ups", ours="80/s", theirs="100/s")
SLOW = Figure("look-up by id", "a constant", 0.1, 0.4, "more", group="look-ups", ours="10/s", theirs="100/s")
LATE = Figure("p99", "-", 7.5, 5, "less", "ms")
PART = Part("tiny", "2026-01-01T00:00:00+00:00", 0.5, [FAST, SLOW, LATE], {"raw": [1, 2]})


def test_a_goal_is_reached_from_its_own_side() -> None:
    assert [one.reached for one in (FAST, SLOW, LATE)] == [True, False, False]
    assert [one.share for one in (FAST, SLOW)] == [2, 0.25]
    assert LATE.share == pytest.approx(5 / 7.5)
    assert Figure("exactly", "-", 2, 2, "less").reached


def test_a_part_is_kept_under_its_own_key_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    keep("page", PART, file)
    keep("lookups", PART, file)
    keep("page", Part("full", "2026-02-02T00:00:00+00:00", 0.1, [LATE], {}), file)
    found = kept(file)
    assert list(found) == ["lookups", "page"]
    assert found["lookups"] == PART
    assert found["page"].figures == [LATE]
    told = json.loads(file.read_text("utf-8"))
    assert {"machine", "versions", "commit"} < told.keys()


def test_nothing_is_kept_before_anything_was_measured(tmp_path: Path) -> None:
    assert kept(tmp_path / "results.json") == {}


def test_the_table_tells_what_against_what_and_whether_it_was_reached() -> None:
    assert cells(SLOW) == ("look-up by id", "a constant", "0.10 × (10/s : 100/s)", "≥ 0.40 ×", "no")
    lines = table([FAST, LATE]).splitlines()
    assert [line.split()[-1] for line in lines] == ["reached", "-" * len(lines[0]), "yes", "no"]
    assert "7.5 ms" in lines[-1]
    assert "≤ 5.0 ms" in lines[-1]


def test_in_short_a_group_is_its_worst_figure() -> None:
    assert worst([FAST, LATE, SLOW]) == [SLOW, LATE]


def test_the_figures_go_between_the_marks_and_nothing_else_changes() -> None:
    page = "before\n<!-- speed{}: begin -->\nold\n<!-- speed: end -->\nafter\n"
    whole = between(page.format(""), {"lookups": PART}, "a machine")
    assert whole.startswith("before\n<!-- speed: begin -->\nOn a machine (lookups at the size tiny, 2026-01-01):\n\n")
    assert whole.endswith(markdown([FAST, SLOW, LATE]) + "\n<!-- speed: end -->\nafter\n")
    short = between(page.format(", in short"), {"lookups": PART}, "a machine")
    assert markdown([SLOW, LATE]) in short
    assert "old" not in short
    assert between(whole, {"lookups": PART}, "a machine") == whole


def test_a_page_without_marks_is_told_of() -> None:
    with pytest.raises(Unmarked):
        between("no place", {"lookups": PART}, "a machine")


def test_the_drawing_has_a_bar_for_each_figure_as_long_as_the_goal_is_reached() -> None:
    root = ET.fromstring(drawn([FAST, SLOW, LATE], "a machine & a day"))  # noqa: S314 - our own text
    bars = [one for one in root.findall(".//{*}rect") if one.get("height") == "16"]
    lengths = [float(one.get("width", "")) for one in bars]
    assert lengths[0] > lengths[2] > lengths[1]
    assert len({one.get("fill") for one in bars}) == 2
    words = [one.text or "" for one in root.findall(".//{*}text")]
    assert "a machine & a day" in words
    assert "look-up by <number> ÷ a constant" in words


def test_a_bar_stays_in_the_drawing_however_far_the_goal_is() -> None:
    far = [Figure("far", "-", value, 1, "more") for value in (1e9, 1e-9, 0.0)]
    root = ET.fromstring(drawn(far, ""))  # noqa: S314 - our own text
    ends = [
        float(one.get("x", "")) + float(one.get("width", ""))
        for one in root.findall(".//{*}rect")
        if one.get("height") == "16"
    ]
    assert max(ends) == 470 + 420
    assert min(ends) == 470

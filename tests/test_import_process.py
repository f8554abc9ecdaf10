"""A large file is read in a process of its own: what comes of it is what comes of any file, whichever process ends."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from huaxiang.bookmark import Bookmark
from huaxiang.cli.batches import Batch, Batches, Source, Way
from huaxiang.cli.imports import FORMATS
from huaxiang.cli.reading import LARGE_BYTES, PACKED_BYTES, Readers
from huaxiang.errors import SettingsInvalid, SourceUnreadable
from huaxiang.model import Tenant, TenantSettings
from huaxiang.sources import read_mapping
from importing import BEFORE_A_BATCH, BEFORE_ITS_PLACE, Home, as_lines, calls, killed_at, lines_of, served

pytestmark = pytest.mark.skipif((os.cpu_count() or 1) == 1, reason="on one processor every file is read here")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROWS, BATCH = 400, 40
OPTIONS = ("--as", "tinet.cdr", "--batch", str(BATCH))
TENANT = Tenant(1, "acme", "acme", "Asia/Shanghai", b"k" * 32, UUID(int=1), UUID(int=2), TenantSettings())


def write(path: Path, *, rows: int = ROWS) -> None:
    """Calls with much to say each, so that few of them are a large file; one line is spoilt."""
    talk = "x" * (LARGE_BYTES // rows)
    lines = [{**row, "remark": talk} for row in calls(rows)]
    path.write_bytes(as_lines(lines[: rows // 2]) + b"{spoilt\n\n" + as_lines(lines[rows // 2 :]))
    assert path.stat().st_size >= LARGE_BYTES


def below(process: int) -> set[int]:
    """The processes that this one began, and those that they began."""
    found: set[int] = set()
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            found |= set(map(int, (task / "children").read_text("ascii").split()))
    return found.union(*map(below, found))


def reads(process: int) -> bool:
    """Whether it is the one that reads: it has the file open. None that has ended has."""
    with suppress(OSError):
        return any(one.readlink().name == "calls.jsonl" for one in Path(f"/proc/{process}/fd").iterdir())
    return False


def begun(process: subprocess.Popen[bytes]) -> int:
    """Wait for the process that reads."""
    while True:
        assert process.poll() is None
        for one in below(process.pid):
            if reads(one):
                return one
        time.sleep(0.005)


async def test_an_import_that_is_killed_again_and_again_ends_as_one_that_was_left_alone(home: Home, twin: Home) -> None:
    whole, killed = home.folder / "calls.jsonl", twin.folder / "calls.jsonl"
    for path in (whole, killed):
        write(path)
    expected = home.told(whole, *OPTIONS)
    places = [await killed_at(twin, hold, killed, *OPTIONS) for hold in (BEFORE_A_BATCH, BEFORE_ITS_PLACE) * 2]
    assert sorted(set(places)) == places
    told = twin.told(killed, *OPTIONS)
    assert told["state"] == "resumed"
    assert {key: told[key] for key in ("rows", "rejected", "landed", "known")} == {
        "rows": expected["rows"], "rejected": expected["rejected"], "landed": expected["landed"], "known": 0,
    }  # fmt: skip
    assert lines_of(told["rejects"]) == lines_of(expected["rejects"])
    assert await served(twin) == await served(home)


def test_who_reads_ends_with_who_lands_however_that_one_ends(home: Home) -> None:
    path = home.folder / "calls.jsonl"
    write(path)
    process = home.begun(path, *OPTIONS)
    try:
        reader = begun(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        while reads(reader):
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()


async def test_where_who_reads_is_killed_it_is_said_and_the_same_command_goes_on(home: Home, twin: Home) -> None:
    whole, broken = home.folder / "calls.jsonl", twin.folder / "calls.jsonl"
    for path in (whole, broken):
        write(path)
    expected = home.told(whole, *OPTIONS)
    status, said = ended(twin, broken, by=lambda process: os.kill(begun(process), signal.SIGKILL))
    assert status == 2
    assert b"the same command goes on from there" in said
    assert b"Traceback" not in said
    told = twin.told(broken, *OPTIONS)
    assert (told["rows"], told["landed"]) == (expected["rows"], expected["landed"])
    assert await served(twin) == await served(home)


def test_the_keyboard_interrupts_both_and_no_traceback_is_shown(home: Home) -> None:
    path = home.folder / "calls.jsonl"
    write(path)

    def interrupt(process: subprocess.Popen[bytes]) -> None:
        begun(process)
        os.killpg(process.pid, signal.SIGINT)

    status, said = ended(home, path, by=interrupt)
    assert status == 130
    assert b"goes on from here" in said
    assert b"Traceback" not in said
    assert home.told(path, *OPTIONS)["rows"] == ROWS + 1


def ended(home: Home, path: Path, *, by: Callable[[subprocess.Popen[bytes]], None]) -> tuple[int, bytes]:
    """An import that somebody ends; its status, and what it says."""
    command = home.command(path, *OPTIONS)
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            by(process)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, said


def test_one_process_reads_the_files_of_a_run_one_after_the_other(tmp_path: Path) -> None:
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in paths:
        write(path)
    seen: list[list[int | None]] = []
    readers = Readers()
    try:
        for path in paths:
            given = list(taken(readers, source(path)))
            alone = list(batches(source(path)))
            assert [as_told(one) for one in given] == [as_told(one) for one in alone]
            seen.append([one.pid for one in multiprocessing.active_children()])
    finally:
        readers.close()
    assert len(seen[0]) == 1
    assert seen[0] == seen[1]
    assert not multiprocessing.active_children()


def test_a_file_that_is_left_before_its_end_ends_the_process(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path)
    readers = Readers()
    next(left := taken(readers, source(path)))
    assert multiprocessing.active_children()
    left.close()  # type: ignore[attr-defined] (a generator)
    assert not multiprocessing.active_children()
    assert sum(one.items > 0 for one in taken(readers, source(path))) == len(list(batches(source(path))))
    readers.close()


def test_from_where_facts_land_as_claims_a_file_is_read_here(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path)
    readers = Readers()
    given: list[Batch] = []
    with readers.reading(source(path)) as reading:
        while not given or not given[-1].last:
            given.append(reading.take(can_pile=len(given) < 3))
    assert [one.items for one in given] == [one.items for one in batches(source(path))]
    packed = [one.prepared.alone is not None for one in given]
    assert packed == [True] * 3 + [False] * (len(given) - 3)
    assert not multiprocessing.active_children(), "it had not read to the end, and nobody needs it"


def test_from_where_facts_can_not_be_packed_a_file_is_read_here(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    talk = "x" * (LARGE_BYTES // 1500)
    again = [{**row, "remark": f"{talk}{n}"} for n in range(4) for row in calls(60)]  # a record's second revision
    path.write_bytes(as_lines([{**row, "remark": talk} for row in calls(1400, offset=100)] + again))
    readers, wanted = Readers(), source(path)
    wanted = wanted._replace(way=wanted.way._replace(batch_rows=100))
    given, alive = list[Batch](), list[bool]()
    for one in taken(readers, wanted):
        given.append(one)
        alive.append(bool(multiprocessing.active_children()))
    assert given[-1].items == 1640
    assert sum(len(one.prepared.claims) for one in given) > 0
    said = [
        sum(len(one.prepared.claims) + packed(one) + len(one.rejects) for one in of) for of in (given, batches(wanted))
    ]
    assert said == [1640, 1640]
    assert alive[0]
    assert not multiprocessing.active_children(), "it had not read to the end, and nobody needs it"


def test_facts_that_can_not_be_packed_are_read_here(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    said = {"kind": "transcript", "source": "feed", "details": {"remark": "x" * (LARGE_BYTES // 100)}}
    path.write_bytes(as_lines([{**said, "id": str(row), "call": str(row)} for row in range(110)]))
    assert path.stat().st_size >= LARGE_BYTES
    readers = Readers()
    given = list(taken(readers, source(path, form="facts")))
    assert not multiprocessing.active_children()
    assert sum(len(one.prepared.claims) for one in given) == given[-1].items == 110


def test_a_packed_file_that_breaks_off_gives_what_was_good_first(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    lines = [{**row, "remark": os.urandom(12_000).hex()} for row in calls(200)]
    path.write_bytes(gzip.compress(as_lines(lines), compresslevel=1)[:-30_000])
    assert path.stat().st_size >= PACKED_BYTES
    readers, given = Readers(), list[Batch]()
    with pytest.raises(SourceUnreadable, match="it breaks off"):
        given.extend(taken(readers, source(path)))
    assert 100 < given[-1].items < 200
    assert not multiprocessing.active_children()


def test_a_mapping_goes_along(home: Home) -> None:
    path, mapping = home.folder / "a.jsonl", home.folder / "map.toml"
    rows = [{"no": row["uniqueId"], "tel": row["customerNumber"]} for row in calls(ROWS) if "customerNumber" in row]
    path.write_bytes(as_lines([{**row, "remark": "x" * (LARGE_BYTES // len(rows))} for row in rows]))
    mapping.write_text('format = "tinet.cdr"\nrest = "drop"\n[fields]\nuniqueId = "no"\ncustomerNumber = "tel"\n')
    told = home.told(path, "--map", mapping)
    assert (told["rows"], told["landed"]) == (len(rows), len(rows))
    assert "not taken: remark" in home.run(path, "--map", mapping, "--again").stderr
    mapping.write_text(mapping.read_text() + 'startTime = "when"\n')
    assert "when" in home.run(path, "--map", mapping, status=2).stderr


def test_what_goes_to_the_other_process_and_back_is_the_same_there(tmp_path: Path) -> None:
    mapping = tmp_path / "map.toml"
    mapping.write_text('format = "tinet.cdr"\n[fields]\nuniqueId = "no"\n')
    read = read_mapping(mapping)
    again = pickle.loads(pickle.dumps(read))  # noqa: S301 (our own bytes)
    assert (again.text, again.format, again.row({"no": "1"})) == (read.text, read.format, {"uniqueId": "1"})
    error = pickle.loads(pickle.dumps(SettingsInvalid(field="map", reason="no such column")))  # noqa: S301 (our own bytes)
    assert (type(error), error.fields) == (SettingsInvalid, {"field": "map", "reason": "no such column"})


def source(path: Path, *, form: str = "tinet.cdr") -> Source:
    return Source(TENANT, path, Way(FORMATS[form], None, BATCH), Bookmark())


def taken(readers: Readers, wanted: Source) -> Iterator[Batch]:
    with readers.reading(wanted) as reading:
        last = False
        while not last:
            batch = reading.take(can_pile=True)
            yield batch
            last = batch.last


def batches(wanted: Source) -> Iterator[Batch]:
    here, last = Batches(wanted), False
    while not last:
        batch = here.take(can_pile=True)
        yield batch
        last = batch.last


def packed(batch: Batch) -> int:
    """How many facts of a batch are packed."""
    return sum(len(one.keys) for one in (batch.prepared.alone, batch.prepared.linked) if one is not None)


def as_told(batch: Batch) -> dict[str, Any]:
    """All of a batch but when it came."""
    alone = batch.prepared.alone
    assert alone is not None
    rejects = [(one.line, one.field, one.reason, json.dumps(row)) for one, row in batch.rejects]
    return {
        "where": (batch.items, batch.line, batch.last),
        "rejects": rejects,
        "said": (alone.keys, [msgspec.structs.replace(one, came_at=NOW) for one in alone.claims(TENANT)], alone.nodes),
    }

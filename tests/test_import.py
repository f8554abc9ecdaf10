"""`huaxiang import` in processes of its own: killed, taken up again, over folders, through mappings; its short ways.

A killed import is held still first, by a lock that the test takes in the database, so that no clock decides where.
"""

from __future__ import annotations

import fcntl
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import phonenumbers
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.bookmark import Bookmark, Place
from huaxiang.claim import Claim, any_claim, claim
from huaxiang.cli.batches import (
    BATCH_CALLS,
    BATCH_LINKED,
    BATCH_PACKED,
    BATCH_ROWS,
    CHUNK_ROWS,
    FIRST_CALLS,
    PACKED_LINKED,
    Batches,
    Source,
    Way,
)
from huaxiang.cli.gauge import Gauge
from huaxiang.cli.imports import FORMATS
from huaxiang.cli.intake import Taken
from huaxiang.dialects.tinet.inward import any_call, call
from huaxiang.errors import Busy, Refused
from huaxiang.identifiers import normalise
from huaxiang.model import Call, Identifier, Mention, Parsed, Tenant, TenantSettings
from huaxiang.packing.ahead import prepare
from huaxiang.packing.alone import Pile
from huaxiang.service import Service
from huaxiang.sources import Reader, Reject, RejectWriter
from importing import (
    BATCH,
    BEFORE_A_BATCH,
    BEFORE_ITS_PLACE,
    ROWS,
    Home,
    as_csv,
    as_lines,
    as_parquet,
    calls,
    killed_at,
    lines_of,
    served,
)

# ── killed ────────────────────────────────────────────────────────────────────────────────────────────────────────


def write(path: Path) -> None:
    """The calls as the kind of file that the path's name says; of those that are text, one line is spoilt."""
    rows = calls(ROWS)
    if path.suffix == ".parquet":
        as_parquet(path, rows)
    elif path.name.endswith(".csv"):
        as_csv(path, rows)
    else:
        text = as_lines(rows[:400]) + b"{spoilt\n\n" + as_lines(rows[400:])
        path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


@pytest.mark.parametrize("name", ["calls.jsonl", "calls.jsonl.gz", "calls.csv", "calls.parquet"])
async def test_an_import_that_is_killed_again_and_again_ends_as_one_that_was_left_alone(
    home: Home, twin: Home, name: str
) -> None:
    whole, killed = home.folder / name, twin.folder / name
    for path in (whole, killed):
        write(path)
    options = ("--as", "tinet.cdr", "--batch", str(BATCH))
    expected = home.told(whole, *options)
    places = [await killed_at(twin, hold, killed, *options) for hold in (BEFORE_A_BATCH, BEFORE_ITS_PLACE) * 2]
    assert sorted(set(places)) == places
    assert 0 < places[0] < places[-1] < expected["rows"]
    told = twin.told(killed, *options)
    assert told["state"] == "resumed"
    assert {key: told[key] for key in ("rows", "rejected", "landed", "known")} == {
        "rows": expected["rows"], "rejected": expected["rejected"], "landed": expected["landed"], "known": 0,
    }  # fmt: skip
    assert expected["landed"] + expected["rejected"] == expected["rows"] >= ROWS
    assert lines_of(told["rejects"]) == lines_of(expected["rejects"])
    assert len(lines_of(told["rejects"])) == expected["rejected"]
    assert await served(twin) == await served(home)


def test_a_finished_file_is_left_alone_and_lands_once_more_when_told_to(home: Home) -> None:
    path = home.folder / "a.jsonl"
    path.write_bytes(as_lines(calls(4)))
    first = home.told(path, "--as", "tinet.cdr")
    second = home.run(path, "--as", "tinet.cdr", "--json")
    third = home.told(path, "--as", "tinet.cdr", "--again")
    assert (first["state"], first["landed"]) == ("imported", 4)
    assert json.loads(second.stdout)["state"] == "done before"
    assert "--again does it once more" in second.stderr
    assert (third["state"], third["landed"], third["known"]) == ("imported", 0, 4)


def test_a_file_that_changed_is_another_file(home: Home) -> None:
    path = home.folder / "a.jsonl"
    path.write_bytes(as_lines(calls(3)))
    home.told(path, "--as", "tinet.cdr")
    path.write_bytes(as_lines(calls(4)))
    told = home.told(path, "--as", "tinet.cdr")
    assert (told["state"], told["landed"], told["known"]) == ("imported", 1, 3)


async def test_where_the_rejects_of_the_run_before_are_gone_the_file_is_begun_again(home: Home) -> None:
    path = home.folder / "a.jsonl"
    path.write_bytes(as_lines(calls(ROWS)))
    options = ("--as", "tinet.cdr", "--batch", str(BATCH))
    await killed_at(home, BEFORE_ITS_PLACE, path, *options)
    rejects = home.folder / "a.jsonl.rejects.jsonl"
    rejects.unlink()
    done = home.run(path, *options, "--json")
    assert "begun again" in done.stderr
    assert len(lines_of(rejects)) == json.loads(done.stdout)["rejected"] == ROWS // 9


def test_a_second_import_of_a_file_at_the_same_time_is_refused(home: Home) -> None:
    path = home.folder / "a.jsonl"
    path.write_bytes(as_lines(calls(3)))
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = home.run(path, "--as", "tinet.cdr", status=2)
    assert "another import of a.jsonl is under way" in done.stderr


async def test_a_place_moves_only_from_where_the_mover_stood_and_takes_its_batch_along(
    service: Service, tenant: Tenant
) -> None:
    name = UUID(int=1)
    await service.begin_import(tenant, name, "a", "tinet.cdr", again=False)
    batch = prepare(tenant, [(1, call(calls(1)[0], ZoneInfo("UTC")))], service.now())
    with pytest.raises(Busy):
        await service.land_prepared(tenant, batch, Place(name, 7, 8, 8, 0, 0))
    assert (await service.counts(tenant))["records"] == 0
    await service.land_prepared(tenant, batch, Place(name, 0, 1, 1, 0, 0))
    stand = await service.begin_import(tenant, name, "a", "tinet.cdr", again=False)
    assert (stand.items, stand.landed, stand.finished_at) == (1, 1, None)
    with pytest.raises(Busy):
        await service.land_prepared(tenant, batch, Place(name, 0, 1, 1, 0, 0))


# ── places in files ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.csv.gz", "a.parquet", "a.xlsx"])
def test_what_comes_behind_a_place_is_what_would_have_come(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"n": [f"{n}" if n % 5 else None for n in range(40)], "m": range(40)})
    text = frame.write_csv() + '7,"8\n9,"10"\n\n11,12,13\n14,15\n'
    path = tmp_path / name
    if name == "a.parquet":
        frame.write_parquet(path)
    elif name == "a.xlsx":
        frame.write_excel(path)
    elif name == "a.json":
        path.write_text(json.dumps(frame.to_dicts()))
    elif name == "a.jsonl":
        path.write_text(frame.write_ndjson().replace("\n", "\n\n", 3) + "{\n[]\n")
    else:
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    items = list(Reader(path))
    for count in range(len(items) + 1):
        line = items[count - 1].line if count else 0
        assert list(Reader(path).after(items=count, line=line)) == items[count:]


@pytest.mark.parametrize(("can_pile", "most"), [(True, PACKED_LINKED), (False, BATCH_LINKED)])
def test_a_batch_has_a_bound_in_the_names_that_its_facts_link(tmp_path: Path, *, can_pile: bool, most: int) -> None:
    names, path = 31, tmp_path / "facts.jsonl"
    rows = most // names + 100
    path.write_bytes(as_lines([
        {
            "kind": "trait", "source": "feed", "id": str(row), "at": "2021-03-01T12:00:00Z",
            "identifiers": [{"kind": "unionid", "value": f"u{row}.{one}"} for one in range(names)],
        }
        for row in range(rows)
    ]))  # fmt: skip
    first, rest = taken_from(path, can_pile=can_pile, batches=2)
    landing = [len(one.prepared.linked.keys if one.prepared.linked else one.prepared.claims) for one in (first, rest)]
    assert most <= landing[0] * names < most + CHUNK_ROWS * names
    assert sum(landing) == rest.items == rows
    assert (first.last, rest.last) == (False, True)


@pytest.mark.parametrize(
    ("said", "can_pile", "most"),
    [
        ({"kind": "trait", "identifiers": [{"kind": "unionid", "value": "u"}]}, True, BATCH_PACKED),
        ({"kind": "trait", "identifiers": [{"kind": "unionid", "value": "u"}]}, False, BATCH_ROWS),
    ],
)
def test_more_rows_land_together_where_they_are_packed_and_most_where_with_their_links(
    tmp_path: Path, said: dict[str, Any], *, can_pile: bool, most: int
) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_bytes(as_lines([{**said, "source": "feed", "id": str(row)} for row in range(most + 10)]))
    first, rest = taken_from(path, can_pile=can_pile, batches=2)
    assert most <= first.items < most + CHUNK_ROWS
    assert (rest.items, rest.last) == (most + 10, True)


def test_the_first_batches_of_calls_are_smaller(tmp_path: Path) -> None:
    call = {"kind": "call", "source": "feed", "identifiers": [{"kind": "phone", "value": "13900000001"}]}
    path, sizes = tmp_path / "calls.jsonl", [FIRST_CALLS, 2 * FIRST_CALLS, 4 * FIRST_CALLS, BATCH_CALLS, BATCH_CALLS]
    path.write_bytes(as_lines([{**call, "id": str(row)} for row in range(sum(sizes))]))
    ends = [batch.items for batch in taken_from(path, can_pile=True, batches=len(sizes))]
    assert sizes[-1] == 8 * sizes[0]
    for size, begin, end in zip(sizes, [0, *ends], ends, strict=False):
        assert size <= end - begin < size + CHUNK_ROWS or end == sum(sizes)


def taken_from(path: Path, *, can_pile: bool, batches: int) -> list[Any]:
    """The first batches of a file of facts, with what can be packed packed, if it may be."""
    tenant = Tenant(1, "acme", "acme", "Asia/Shanghai", b"k" * 32, UUID(int=1), UUID(int=2), TenantSettings())
    reading = Batches(Source(tenant, path, Way(FORMATS["facts"], None), Bookmark()))
    return [reading.take(can_pile=can_pile) for _ in range(batches)]


def test_a_run_that_goes_on_keeps_what_was_settled_and_only_that(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    with RejectWriter.beside(source) as rejects:
        rejects.write(Reject(1, "f", "r", "x"))
        settled_bytes = rejects.settle()
        rejects.write(Reject(2, "f", "r", "x"))
    with RejectWriter.beside(source, kept_bytes=settled_bytes) as rejects:
        assert rejects.keeps()
        rejects.write(Reject(3, "f", "r", "x"))
    path = tmp_path / "a.csv.rejects.jsonl"
    assert [json.loads(line)["line"] for line in path.read_text().splitlines()] == [1, 3]
    assert json.loads(path.read_text().splitlines()[0])["file"] == "a.csv"
    with RejectWriter.beside(source, kept_bytes=settled_bytes):
        pass
    assert path.exists()
    assert not RejectWriter.beside(source, kept_bytes=10_000).keeps()


# ── folders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_is_imported_whole_in_the_order_of_its_names(home: Home) -> None:
    folder = home.folder / "export"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "2.jsonl").write_bytes(as_lines(calls(9)))
    as_csv(folder / "b" / "1.csv", calls(3, offset=9))
    as_parquet(folder / "c.parquet", calls(3, offset=12))
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(as_lines(calls(2, offset=20))))
    (folder / "notes.pdf").write_bytes(b"%PDF-")
    (folder / ".hidden.csv").write_bytes(b"x\n")
    told = home.told(folder, folder / "c.parquet", "--as", "tinet.cdr")
    assert [(file["file"], file["rows"]) for file in told["files"]] == [
        ("a.jsonl.gz", 2), ("b/1.csv", 3), ("b/2.jsonl", 9), ("c.parquet", 3)
    ]  # fmt: skip
    assert told["passed_over"] == ["notes.pdf"]
    assert (told["rows"], told["landed"], told["rejected"]) == (17, 15, 2)
    [reject] = [json.loads(line) for line in (folder / "b" / "2.jsonl.rejects.jsonl").read_bytes().splitlines()]
    assert (reject["file"], reject["line"], reject["field"]) == ("b/2.jsonl", 5, "customerNumber")
    assert {file["state"] for file in home.told(folder, "--as", "tinet.cdr")["files"]} == {"done before"}


def test_a_file_of_a_folder_that_can_not_be_read_is_named_and_the_others_come_in(home: Home) -> None:
    folder, rejects = home.folder / "export", home.folder / "refused"
    folder.mkdir()
    (folder / "1.csv").write_bytes(b"")
    (folder / "2.jsonl").write_bytes(as_lines(calls(5)))
    told = home.told(folder, "--as", "tinet.cdr", "--rejects", rejects, status=2)
    assert [one["file"] for one in told["unreadable"]] == ["1.csv"]
    assert told["landed"] == 4
    assert (rejects / "2.jsonl.rejects.jsonl").is_file()
    assert sorted(path.name for path in folder.iterdir()) == ["1.csv", "2.jsonl"]


# ── mappings ──────────────────────────────────────────────────────────────────────────────────────────────────────

MAPPING = """format = "tinet.cdr"

[fields]
uniqueId = "编号"
userId = { value = "8000376" }
customerNumber = { from = "电话", trim = true, prefix = "0" }
startTime = { from = "开始", date = "%Y/%m/%d %H:%M", zone = "Asia/Tokyo" }
callType = { from = "类型", values = { "呼入" = "1", "呼出" = "4" }, otherwise = "0" }
"""
TABLE = """编号,电话,开始,类型,备注
1, 1062356151,2024/05/01 09:30,呼出,x
2,01062356151,2024/05/01 09:31,?,y
3,1,昨天,呼入,z
"""


@pytest.fixture
def mapped(home: Home) -> Callable[[str], tuple[Path, Path]]:
    def make(mapping: str) -> tuple[Path, Path]:
        (home.folder / "m.toml").write_text(mapping, "utf-8")
        (home.folder / "t.csv").write_text(TABLE, "gb18030")
        return home.folder / "t.csv", home.folder / "m.toml"

    return make


async def test_a_table_of_anybodys_comes_in_through_a_mapping(
    home: Home, mapped: Callable[[str], tuple[Path, Path]]
) -> None:
    path, mapping = mapped(MAPPING)
    done = home.run(path, "--map", mapping, "--json")
    told = json.loads(done.stdout)
    assert (told["landed"], told["rejected"]) == (2, 1)
    assert "not taken: 备注" in done.stderr
    [reject] = [json.loads(line) for line in lines_of(told["rejects"])]
    assert (reject["line"], reject["field"], reject["row"]["电话"]) == (4, "开始", "1")
    [row] = json.loads(await served(home))["data"]
    assert (row["customerNumber"], row["totalCallCount"]) == ("01062356151", 2)
    assert row["cdrIds"] == ["8000376-2", "8000376-1"]
    assert row["recentlyCallTime"] == datetime(2024, 5, 1, 0, 31, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('"编号"', '"编 号"', "line 4, fields.uniqueId: the file has no column 编 号; perhaps 编号"),
        ("callType =", "calType =", "line 8, fields.calType: tinet.cdr has no field calType; perhaps callType"),
        ("trim =", "trimmed =", "line 6, fields.customerNumber: Object contains unknown field `trimmed`"),
        ("trim = true", 'trim = "yes"', "line 6, fields.customerNumber: trim: Expected `bool`, got `str`"),
        ("Asia/Tokyo", "Asia/Tokio", "line 7, fields.startTime: there is no time zone Asia/Tokio"),
        ('value = "8000376"', "", "line 5, fields.userId: either `from`, a column, or `value`, a constant, is needed"),
        ("[fields]", "[fields", "at line 3"),
        ('format = "tinet.cdr"', 'format = "tinet"', "tinet is none of"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said_with_its_line_and_key(
    home: Home, mapped: Callable[[str], tuple[Path, Path]], was: str, becomes: str, said: str
) -> None:
    path, mapping = mapped(MAPPING.replace(was, becomes))
    done = home.run(path, "--map", mapping, status=2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mapping_for_one_format_is_not_used_for_another(
    home: Home, mapped: Callable[[str], tuple[Path, Path]]
) -> None:
    path, mapping = mapped(MAPPING)
    done = home.run(path, "--map", mapping, "--as", "facts", status=2)
    assert "the mapping is for tinet.cdr, not for facts" in done.stderr


# ── how it goes ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_on_no_terminal_a_line_tells_how_far_it_is_and_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    with Gauge(1000, every_seconds=0) as gauge:
        gauge.begin("a.jsonl")
        gauge.moved(Taken("a.jsonl", Path("r"), rows=1200, rejected=3, landed=1190, known=7), 250)
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("a.jsonl: 1,200 rows, 25%, ")
    assert "rows/s; landed 1,190, known 7, rejected 3; " in line
    assert line.endswith(" s left")


# ── the short ways ────────────────────────────────────────────────────────────────────────────────────────────────

FIELDS = (
    "uniqueId userId customerNumber startTime createTime endTime bridgeDuration totalDuration customerProvince "
    "customerCity rounds updatedAt callType customerNumberType originDataList answerTime businessPriority note"
)
NAMES = st.sampled_from(FIELDS.split())
TEXTS = (
    st.sampled_from(["", " ", "x", " x", "x\u3000", "1.0", "12", "北京", "x" * 128, "x" * 129, "x" * 300, "[1]"])
    | st.text()
)
NUMBERS = st.integers(-3, 3) | st.sampled_from(
    [1597656604, 2**31 - 1, 2**31, 253_402_214_400, 10**15, -(2**40), 10**30]
)
VALUES = TEXTS | NUMBERS | st.none() | st.booleans() | st.floats() | st.lists(st.integers(), max_size=2)
PLAIN = st.fixed_dictionaries(
    {"uniqueId": st.just("c.1"), "customerNumber": st.sampled_from(["13900000001", "010-62356151", "0"])},
    optional={
        "startTime": st.integers(0, 2**31) | st.sampled_from(["0", "1597656604", "1.0"]),
        "endTime": st.integers(0, 2**31),
        "bridgeDuration": st.integers(0, 9) | st.sampled_from(["7", "07", "٣", "9" * 11]),
        "userId": st.just("e"),
        "customerCity": st.just("北京"),
        "rounds": st.integers(0, 9),
    },
)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def outcome(parse: Callable[[dict[str, Any], ZoneInfo], Parsed], row: dict[str, Any]) -> bytes | tuple[str, str, str]:
    """What a row comes to: its facts to the byte, as they are kept, or why not."""
    try:
        return msgspec.json.encode(parse(dict(row), SHANGHAI), order="deterministic")
    except Refused as refusal:
        return type(refusal).__name__, refusal.field, refusal.reason


ODD = st.dictionaries(NAMES, VALUES)


@given(PLAIN | ODD | st.tuples(PLAIN, ODD).map(lambda both: both[0] | both[1]))
def test_a_call_comes_to_the_same_by_the_short_way_and_by_the_rules(row: dict[str, Any]) -> None:
    try:
        expected = outcome(any_call, row)
    except UnicodeEncodeError:
        return
    assert outcome(call, row) == expected


TIMES = st.none() | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]))
MENTIONS = st.builds(
    Mention,
    kind=st.sampled_from(["phone", "email", "unionid"]),
    value=st.sampled_from(
        ["13900000001", "010-62356151", "13900000001/13900000002", "1.39E+10", "", "0", "x" * 300, "a@b.cn", "１３９"]
    )
    | st.text(),
    scope=st.sampled_from(["", "s"]),
    verified=st.booleans(),
    about=st.sampled_from([{}, {"app": "x"}]),
)
PLAIN_CALL: dict[str, st.SearchStrategy[Any]] = {
    "source": st.just("tinet"),
    "enterprise": st.sampled_from(["", "e"]),
    "id": st.none() | st.just("c.1"),
    "at": st.datetimes(datetime(1900, 1, 2), datetime(2199, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (as the strategy wants them)
    "identifiers": st.sampled_from(["13900000001", "010-62356151", "0"]).map(lambda value: (Mention("phone", value),)),
    "duration": st.none() | st.integers(0, 2**31 - 1),
    "city": st.none() | st.just("北京"),
    "details": st.dictionaries(st.text(max_size=3), st.text() | NUMBERS | st.booleans() | st.none(), max_size=4),
}
ODD_CALL: dict[str, st.SearchStrategy[Any]] = {
    "source": st.sampled_from(["", "x" * 129]),
    "enterprise": st.just("x" * 129),
    "id": st.sampled_from(["", "x" * 257, "\ud800", "\0"]),
    "at": TIMES,
    "updated_at": TIMES,
    "created_at": TIMES,
    "identifiers": st.lists(MENTIONS, max_size=2).map(tuple) | MENTIONS.map(lambda one: (one,)),
    "traits": st.just({"name": "x"}),
    "duration": NUMBERS,
    "rounds": NUMBERS,
    "city": st.sampled_from(["", "x" * 4097, "\0"]),
    "details": st.dictionaries(st.text(max_size=3), VALUES, max_size=4),
}
ODDLY = st.one_of(st.just({}), *(st.fixed_dictionaries({name: values}) for name, values in ODD_CALL.items()))
CALLS = st.tuples(st.fixed_dictionaries(PLAIN_CALL), ODDLY).map(lambda both: Call(**{**both[0], **both[1]}))
TENANT = Tenant(1, "acme", "acme", "Asia/Shanghai", b"k" * 32, UUID(int=1), UUID(int=2), TenantSettings())


@given(CALLS)
def test_a_call_claims_the_same_by_the_short_way_and_by_reading_its_bytes_again(fact: Call) -> None:
    now = datetime(2024, 5, 1, tzinfo=UTC)
    short, long = claim(TENANT, 3, fact, now), any_claim(TENANT, 3, fact, now)
    if fact.id is None and fact.at is None:  # it is given an id at random, each time another one
        assert type(short) is type(long)
    else:
        assert short == long
        pile = Pile(TENANT, now)
        if pile.take(fact):
            piled = pile.packed()
            assert piled is not None
            assert isinstance(long, Claim)
            assert piled.keys == [long.key.hex]
            assert piled.claims(TENANT) == [msgspec.structs.replace(long, line=0)]


DIGITS = st.text("0123456789", min_size=7, max_size=8)


@given(st.sampled_from(["10", "21", "755", "577", "138", "179", "400", "95"]) | st.integers(1, 999).map(str), DIGITS)
def test_a_number_with_its_area_code_is_what_the_phone_library_makes_of_it(area: str, rest: str) -> None:
    for spelled in (f"0{area}{rest}", f"0{area}-{rest}", f"{area}{rest}"):
        assert normalise(Mention("phone", spelled)) == by_the_library(spelled)


def by_the_library(spelled: str) -> Identifier:
    try:
        number = phonenumbers.parse(spelled, "CN")
    except phonenumbers.NumberParseException:
        return Identifier("raw_number", spelled)
    if not phonenumbers.is_valid_number(number):
        return Identifier("raw_number", spelled)
    return Identifier("phone", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))

"""The generator: the same arguments, the same bytes; rows that every format takes; people whom several systems know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import phonenumbers
import pytest

from huaxiang import generate
from huaxiang.dialects.native import inward as native
from huaxiang.dialects.rabbitpre import inward as rabbitpre
from huaxiang.dialects.telrobot import inward as telrobot
from huaxiang.dialects.tinet import inward as tinet
from huaxiang.errors import SettingsInvalid
from huaxiang.generate.draws import Draws, Shuffle
from huaxiang.generate.people import NOBODYS_NUMBERS, People, spelled
from huaxiang.generate.words import cities
from huaxiang.identifiers import home, identifies, normalise
from huaxiang.model import Call, Identifier, Json, Link, Mark, Mention, Parsed, Transcript

FORMATS = {one.name: one for one in (*tinet.FORMATS, *rabbitpre.FORMATS, *telrobot.FORMATS, *native.FORMATS)}
SHANGHAI = ZoneInfo("Asia/Shanghai")
NUMBERS_OF_THE_DOCUMENTS = (
    "19999999901", "13977952899", "13833332222", "13667679151", "13339938205", "18819270183",
)  # fmt: skip

Rows = list[tuple[str, dict[str, Json]]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return [row for unit in generate.rows(customers=1500, calls=4000, seed=3) for row in unit]


@pytest.fixture(scope="module")
def parsed(rows: Rows) -> list[tuple[str, Parsed]]:
    return [(kind, FORMATS[kind].parse(row, SHANGHAI)) for kind, row in rows]


def written(folder: Path, seed: int) -> dict[str, bytes]:
    generate.generate(folder, customers=200, calls=400, seed=seed)
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    assert written(tmp_path / "one", 7) == written(tmp_path / "two", 7)


def test_another_seed_writes_other_bytes_to_every_file(tmp_path: Path) -> None:
    one, other = written(tmp_path / "one", 7), written(tmp_path / "other", 8)
    assert all(one[name] != other[name] for name in one)


def test_the_files_are_named_by_their_format_and_counted(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    counts = generate.generate(
        tmp_path, customers=300, calls=900, seed=1, progress=lambda done, total: told.append((done, total))
    )
    assert set(counts) == {file.name for file in tmp_path.iterdir()} == set(generate.FILES.values())
    assert all(name.endswith(f".{kind}.jsonl") for kind, name in generate.FILES.items())
    assert counts == {file.name: len(file.read_bytes().splitlines()) for file in tmp_path.iterdir()}
    assert counts["calls.tinet.cdr.jsonl"] == 900
    assert told[-1] == (1200, 1200)


def test_every_row_is_json_that_its_format_takes(parsed: list[tuple[str, Parsed]]) -> None:
    assert {kind for kind, _ in parsed} == set(generate.FILES)
    assert all(one.facts for _, one in parsed)


def test_everything_happens_before_the_day_that_is_given() -> None:
    now = datetime(2030, 3, 1, 4, tzinfo=UTC)
    facts = [
        fact
        for unit in generate.rows(customers=300, calls=300, seed=5, now=now)
        for kind, row in unit
        for fact in FORMATS[kind].parse(row, SHANGHAI).facts
        if not isinstance(fact, Mark)
    ]
    times = [fact.at for fact in facts if fact.at is not None]
    assert times
    assert max(times) <= now
    assert min(times) > now - timedelta(days=610)


def test_events_lie_within_ninety_days(rows: Rows) -> None:
    times = [row["time"] / 1000 for kind, row in rows if kind == "rabbitpre.event"]
    assert max(times) <= generate.NOW.timestamp()
    assert min(times) >= (generate.NOW - timedelta(days=90)).timestamp()


def test_events_include_follows_unfollows_and_shares_that_were_passed_on(rows: Rows) -> None:
    events = [row for kind, row in rows if kind == "rabbitpre.event"]
    assert {"view", "click", "share", "gzh_subscribe", "gzh_unsubscribe"} <= {event["eventKey"] for event in events}
    assert any("upstream" in event["eventargs"] for event in events)


def test_nobody_passes_a_work_on_to_themselves(rows: Rows) -> None:
    events = [row for kind, row in rows if kind == "rabbitpre.event" and "upstream" in row["eventargs"]]
    assert all(event["unionid"] != event["eventargs"]["upstream"]["unionid"] for event in events)


def test_sixty_of_a_hundred_customers_are_joined_over_several_systems(parsed: list[tuple[str, Parsed]]) -> None:
    groups = _joined(parsed)
    several = sum(1 for sources in groups.values() if len(sources) > 1)
    assert 0.55 < several / len(groups) < 0.65


def test_few_numbers_make_many_of_the_calls(parsed: list[tuple[str, Parsed]]) -> None:
    calls: defaultdict[str, int] = defaultdict(int)
    for fact in (fact for _, one in parsed for fact in one.facts):
        if isinstance(fact, Call):
            calls[normalise(fact.identifiers[0]).value] += 1
    most = sorted(calls.values(), reverse=True)
    assert sum(most[: len(most) // 10]) > 0.3 * sum(most)
    assert most[len(most) // 2] <= 3


def test_transcripts_and_marks_are_of_calls_that_were_made(parsed: list[tuple[str, Parsed]]) -> None:
    facts = [fact for _, one in parsed for fact in one.facts]
    calls = {(fact.source, fact.enterprise, fact.id) for fact in facts if isinstance(fact, Call)}
    waiting = [fact for fact in facts if isinstance(fact, Transcript | Mark)]
    assert waiting
    assert all((fact.source, fact.enterprise, fact.call) in calls for fact in waiting)


def test_marks_come_by_check_and_by_person_and_some_are_taken_off(parsed: list[tuple[str, Parsed]]) -> None:
    marks = [fact for _, one in parsed for fact in one.facts if isinstance(fact, Mark)]
    assert {(mark.by, mark.deleted) for mark in marks} == {("check", False), ("person", False), ("person", True)}


def test_a_checks_mark_stands_on_a_second_in_which_the_client_speaks(rows: Rows) -> None:
    begins: defaultdict[str, set[int]] = defaultdict(set)
    for kind, row in rows:
        if kind == "tinet.asr_text":
            begins[row["uniqueId"]] |= {line["beginTime"] // 1000 for line in row["asrText"]["result"]}
    marks = [row for kind, row in rows if kind == "facts" and row["by"] == "check"]
    assert all(mark["second"] in begins[mark["call"]] for mark in marks)


def test_crm_records_are_revised_under_the_same_id(rows: Rows) -> None:
    times: defaultdict[str, list[str]] = defaultdict(list)
    for kind, row in rows:
        if kind == "telrobot.customer":
            times[row["id"]].append(row["updated_at"])
    assert any(len(told) == 2 for told in times.values())
    assert all(told == sorted(told) for told in times.values())


def test_some_records_have_a_number_that_is_nobodys_or_another_customers(rows: Rows) -> None:
    records = [row for kind, row in rows if kind == "telrobot.customer"]
    assert any(row["phone"] in NOBODYS_NUMBERS for row in records)
    holders: defaultdict[str, set[str]] = defaultdict(set)
    for row in records:
        holders[normalise(Mention("phone", row["phone"])).value].add(row["name"])
    assert any(len(names) == 2 for names in holders.values())


def test_every_prefix_is_a_mobiles_and_of_its_city() -> None:
    for city in cities():
        for prefix in city.prefixes.split():
            place = home(f"+86{prefix}0000")
            assert place is not None
            assert place.city.startswith(city.city)
            assert normalise(Mention("phone", f"{prefix}0000")) == Identifier("phone", f"+86{prefix}0000")


def test_no_number_of_the_documents_can_be_made() -> None:
    prefixes = {prefix for city in cities() for prefix in city.prefixes.split()}
    assert not {number[:7] for number in NUMBERS_OF_THE_DOCUMENTS} & prefixes


def test_no_two_people_have_the_same_mobile() -> None:
    people = People(Draws(11), 3000)
    persons = [people.person(place) for place in range(3000)]
    phones = [phone for person in persons for phone in (person.phone, person.second_phone) if phone]
    assert len(phones) == len(set(phones))


def test_landlines_are_numbers_that_the_phone_library_knows() -> None:
    people = People(Draws(11), 3000)
    lines = [line for place in range(3000) if (line := people.person(place).landline)]
    assert lines
    for line in lines:
        assert phonenumbers.is_valid_number(phonenumbers.parse(line, "CN"))


@pytest.mark.parametrize("step", range(40))
def test_every_spelling_is_the_same_number(step: int) -> None:
    assert normalise(Mention("phone", spelled("13002071234", step / 40))).value == "+8613002071234"


def test_a_shuffle_gives_every_index_a_place_of_its_own() -> None:
    shuffle = Shuffle(Draws(2), b"test", 1009)
    assert sorted(shuffle[index] for index in range(1009)) == list(range(1009))


@pytest.mark.parametrize(("customers", "calls"), [(-1, 0), (10, -1), (0, 5), (10**9, 0)])
def test_numbers_that_can_not_be_are_refused(customers: int, calls: int) -> None:
    with pytest.raises(SettingsInvalid):
        generate.rows(customers=customers, calls=calls, seed=1)


def test_nobody_makes_no_files_but_empty_ones(tmp_path: Path) -> None:
    counts = generate.generate(tmp_path, customers=0, calls=0, seed=1)
    assert set(counts.values()) == {0}


def test_no_row_says_more_than_json_can(rows: Rows) -> None:
    assert all(msgspec.json.decode(msgspec.json.encode(row)) == row for _, row in rows)


def _joined(parsed: list[tuple[str, Parsed]]) -> dict[Identifier, set[str]]:
    """The customers, each with the sources that know it: a slow and obvious union of what stands in one record."""
    parent: dict[Identifier, Identifier] = {}
    known: list[tuple[Identifier, str]] = []

    def root(one: Identifier) -> Identifier:
        while parent.setdefault(one, one) != one:
            one = parent[one]
        return one

    join: Callable[[Identifier, Identifier], object] = lambda one, other: parent.__setitem__(root(one), root(other))  # noqa: E731 (one line)
    for fact in (fact for _, one in parsed for fact in one.facts):
        named = [name for name in map(normalise, fact.identifiers) if identifies(name)]
        assert not isinstance(fact, Link)
        for other in named[1:]:
            join(other, named[0])
        known += [(named[0], fact.source)] if named else []
    groups: defaultdict[Identifier, set[str]] = defaultdict(set)
    for one, source in known:
        groups[root(one)].add(source)
    return groups

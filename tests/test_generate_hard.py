"""The generator's hard mode: the same arguments, the same bytes; rows that import takes; a truth of every record."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import defaultdict
from itertools import combinations, pairwise
from math import comb
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from huaxiang import generate
from huaxiang.dialects.native import inward as native
from huaxiang.errors import SettingsInvalid
from huaxiang.generate.hard import people
from huaxiang.identifiers import identifies, normalise
from huaxiang.model import Fact, Json, Trait

FORMATS = {one.name: one for one in native.FORMATS}
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOBODYS = {"02161234567", "13800138000"}
CUSTOMERS = 3000
MEASURED = Path(__file__).resolve().parent.parent / "bench" / "suggest.json"


class Told(NamedTuple):
    """A record, read back, and whose it is."""

    fact: Fact
    person: int

    def values(self, kind: str) -> list[str]:
        return [mention.value for mention in self.fact.identifiers if mention.kind == kind]

    def called(self) -> Json:
        return self.fact.traits.get("real_name")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("hard")
    generate.generate_hard(found, customers=CUSTOMERS, seed=3)
    return found


@pytest.fixture(scope="module")
def truth(folder: Path) -> list[dict[str, str]]:
    with (folder / generate.TRUTH_FILE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def told(folder: Path, truth: list[dict[str, str]]) -> list[Told]:
    form = FORMATS[generate.HARD_FILE.split(".")[1]]
    persons = {(row["source"], row["record"]): int(row["person"]) for row in truth}
    lines = (folder / generate.HARD_FILE).read_bytes().splitlines()
    facts = [fact for line in lines for fact in form.parse(json.loads(line), SHANGHAI).facts]
    return [Told(fact, persons[fact.source, fact.id or ""]) for fact in facts]


def by_person(told: list[Told]) -> list[list[Told]]:
    """The records of each person."""
    found: defaultdict[int, list[Told]] = defaultdict(list)
    for one in told:
        found[one.person].append(one)
    return list(found.values())


def by_phone(told: list[Told]) -> dict[str, list[Told]]:
    """The records that name each phone which is somebody's."""
    found: defaultdict[str, list[Told]] = defaultdict(list)
    for one in told:
        for phone in one.values("phone"):
            if phone not in NOBODYS:
                found[phone].append(one)
    return found


def astray(one: str, other: str) -> bool:
    """Whether one is the other with a digit mistaken, or two neighbours transposed."""
    places = [place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right]
    if len(one) != len(other) or len(places) not in {1, 2}:
        return False
    first, last = places[0], places[-1]
    return first == last or (last == first + 1 and one[first : last + 1] == other[first : last + 1][::-1])


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 7), ("two", 7), ("other", 8)):
        generate.generate_hard(tmp_path / name, customers=300, seed=seed)
    for file in (generate.HARD_FILE, generate.TRUTH_FILE):
        one, two, other = ((tmp_path / name / file).read_bytes() for name in ("one", "two", "other"))
        assert one == two
        assert one != other


def test_what_is_told_is_what_is_written(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    counts = generate.generate_hard(
        tmp_path, customers=500, seed=1, progress=lambda done, total: heard.append((done, total))
    )
    lines = {file.name: len(file.read_bytes().splitlines()) for file in tmp_path.iterdir()}
    assert counts == {generate.HARD_FILE: lines["people.facts.jsonl"], generate.TRUTH_FILE: lines["truth.csv"] - 1}
    assert heard[-1] == (counts["truth.csv"], counts["truth.csv"])


def test_every_row_is_a_trait_that_import_takes(told: list[Told]) -> None:
    assert len(told) > CUSTOMERS
    assert all(isinstance(one.fact, Trait) for one in told)


def test_everything_was_written_in_the_year_before_the_day_that_is_given(told: list[Told]) -> None:
    days = [(generate.NOW - one.fact.at).days for one in told if one.fact.at]
    assert len(days) == len(told)
    assert 0 <= min(days) <= max(days) < 365


def test_the_truth_covers_every_record_once_and_every_person(told: list[Told], truth: list[dict[str, str]]) -> None:
    records = [(row["source"], row["record"]) for row in truth]
    assert len(set(records)) == len(records) == len(told)
    assert {(one.fact.source, one.fact.id) for one in told} == set(records)
    assert {one.person for one in told} == set(range(CUSTOMERS))


def test_every_record_has_an_identifier_that_no_other_has(told: list[Told]) -> None:
    own = [normalise(one.fact.identifiers[0]) for one in told]
    assert all(identifies(identifier) for identifier in own)
    assert len(set(own)) == len(told)


def test_no_record_tells_whose_it_is_by_its_id_or_its_place(told: list[Told]) -> None:
    ids = [int(one.fact.id or 0) for one in told]
    assert ids == list(range(1, len(told) + 1))
    later = sum(one.person < other.person for one, other in pairwise(told))
    assert 0.45 < later / len(told) < 0.55


def test_several_systems_know_one_person(told: list[Told]) -> None:
    assert any(len({one.fact.source for one in records}) > 1 for records in by_person(told))


def test_families_share_phones_under_one_surname(told: list[Told]) -> None:
    shared = [
        (one, other)
        for records in by_phone(told).values()
        for one, other in combinations(records, 2)
        if one.person != other.person and one.called() and other.called() and one.called()[0] == other.called()[0]
    ]
    assert len(shared) > CUSTOMERS / 100


def test_numbers_change_hands_between_strangers(told: list[Told]) -> None:
    recycled = [
        (one, other)
        for records in by_phone(told).values()
        for one, other in combinations(records, 2)
        if one.called() and other.called() and one.called()[0] != other.called()[0]
    ]
    assert len(recycled) > CUSTOMERS / 100


@pytest.mark.parametrize("kind", ["phone", "email"])
def test_digits_are_astray_in_what_one_person_gave_twice(told: list[Told], kind: str) -> None:
    mistyped = [
        (left, right)
        for records in by_person(told)
        for one, other in combinations(records, 2)
        for left in one.values(kind)
        for right in other.values(kind)
        if astray(left, right)
    ]
    assert len(mistyped) > 10


def test_names_and_birthdays_are_mistyped(told: list[Told]) -> None:
    pairs = [pair for records in by_person(told) for pair in combinations(records, 2)]
    names = [(one.called(), other.called()) for one, other in pairs if one.called() and other.called()]
    assert any(one[:-1] == other[:-1] and one != other and len(one) == len(other) == 3 for one, other in names)
    born = [(one.fact.traits.get("birthday"), other.fact.traits.get("birthday")) for one, other in pairs]
    assert any(one and other and one != other and one[4:] == other[6:] + other[4:6] for one, other in born)


def test_a_title_stands_for_a_name_and_numbers_are_nobodys(told: list[Told]) -> None:
    assert any(str(one.called()).endswith(("先生", "女士")) for one in told)
    assert {phone for one in told for phone in one.values("phone")} >= NOBODYS


def test_namesakes_are_strangers(told: list[Told]) -> None:
    persons: defaultdict[str, set[int]] = defaultdict(set)
    for one in told:
        if one.called() and not one.called().endswith(("先生", "女士")):
            persons[one.called()].add(one.person)
    assert any(len(holders) > 1 for holders in persons.values())


def test_the_bench_s_population_stops_at_the_records_that_are_asked_for() -> None:
    table = people(100, seed=2)
    assert 80 < table.height <= 100
    assert table["id"].to_list() == list(range(1, table.height + 1))
    assert table.equals(people(100, seed=2))


@pytest.mark.skipif(not MEASURED.exists(), reason="the benches are no part of a source distribution")
def test_the_bench_measured_this_very_population() -> None:
    measured = next(one for one in json.loads(MEASURED.read_bytes())["sets"] if one["name"] == "hard mode")
    table = people(100_000)
    copies = table["truth"].value_counts()["count"].to_list()
    assert (table.height, sum(comb(many, 2) for many in copies)) == (measured["records"], measured["true_pairs"])


def test_one_customer_can_be_made(tmp_path: Path) -> None:
    counts = generate.generate_hard(tmp_path, customers=1, seed=1)
    assert 1 <= counts[generate.HARD_FILE] <= 3


@pytest.mark.parametrize(("customers", "seed"), [(0, 1), (-1, 1), (10**9, 1), (10, -1)])
def test_numbers_that_can_not_be_are_refused(tmp_path: Path, customers: int, seed: int) -> None:
    with pytest.raises(SettingsInvalid):
        generate.generate_hard(tmp_path, customers=customers, seed=seed)


def test_without_numpy_the_ordinary_mode_works_and_the_hard_one_says_what_is_missing(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['numpy'] = None\n"
        "from pathlib import Path\n"
        "from huaxiang import errors, generate\n"
        "generate.generate(Path(sys.argv[1]), customers=1, calls=1, seed=1)\n"
        "try: generate.generate_hard(Path(sys.argv[1]), customers=1, seed=1)\n"
        "except errors.SettingsInvalid as refused: print(refused)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pip install numpy" in done.stdout


def test_the_command_line_writes_the_hard_mode_and_refuses_to_make_calls_in_it(tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "huaxiang", "generate", tmp_path, "--hard", "--customers", "20", "--json"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (done.returncode, set(json.loads(done.stdout))) == (0, {generate.HARD_FILE, generate.TRUTH_FILE})
    assert {file.name for file in tmp_path.iterdir()} == {generate.HARD_FILE, generate.TRUTH_FILE}
    refused = subprocess.run([*asked, "--calls", "5"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "calls" in refused.stderr

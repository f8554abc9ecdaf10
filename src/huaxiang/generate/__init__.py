"""Realistic made-up customers, in the shapes that sources push: `huaxiang generate`.

Takes how many customers and calls, and a seed; gives JSON Lines files, each named by the format that imports it, or the
same rows one unit after the other.

    draws      chance by name     words     names, cities, dialogues     people    who they are, and who knows them
    scripts    what is said       calls     calls, transcripts, marks    records   the CRM       followers    WeChat
    hard       records that are hard to tell apart, with the truth: `huaxiang generate --hard`

Rule 1: the same arguments give the same bytes, on any machine, at any time.
Rule 2: nothing is kept but a bounded cache: ten million calls take the memory of ten thousand.
    (The hard mode keeps all its records, and hangs on the versions of numpy and polars too.)
Rule 3: every row can be imported; what is odd in them (a number that is nobody's, a spelling) is odd on purpose.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from huaxiang.errors import SettingsInvalid
from huaxiang.generate.calls import SHANGHAI, Calls, Rows
from huaxiang.generate.draws import Draws
from huaxiang.generate.followers import Followers
from huaxiang.generate.people import MOST_CUSTOMERS, People
from huaxiang.generate.records import Records

FILES: Final = {
    "tinet.cdr": "calls.tinet.cdr.jsonl",
    "tinet.asr_text": "transcripts.tinet.asr_text.jsonl",
    "facts": "marks.facts.jsonl",
    "telrobot.customer": "customers.telrobot.customer.jsonl",
    "rabbitpre.profile": "profiles.rabbitpre.profile.jsonl",
    "rabbitpre.event": "events.rabbitpre.event.jsonl",
}
"""The file of each format."""

HARD_FILE: Final = "people.facts.jsonl"
TRUTH_FILE: Final = "truth.csv"
TRUTH: Final = ("source", "record", "person")
"""What stands in the hard mode's truth: of whom each record is, by the record's source and id."""

MOST_HARD: Final = 2_000_000
"""Customers in the hard mode, all of whom are in memory."""

NOW: Final = datetime(2026, 1, 1, tzinfo=SHANGHAI)
"""When everything has happened, unless it is said otherwise: never the clock, for Rule 1."""

_TOLD_EVERY: Final = 500


def generate(
    folder: Path,
    *,
    customers: int,
    calls: int,
    seed: int,
    now: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write `FILES` to `folder`, which is made if need be; files of the same names are written over.

    `now`: aware; everything happens before it. `progress(done, total)` counts customers and calls. Gives the rows of
    each file by its name. Raises `SettingsInvalid` as `rows` does.
    """
    units = rows(customers=customers, calls=calls, seed=seed, now=now)
    folder.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(FILES.values(), 0)
    encode = msgspec.json.Encoder().encode
    with ExitStack() as open_files:
        files = {
            kind: open_files.enter_context((folder / name).open("wb", buffering=1 << 18))
            for kind, name in FILES.items()
        }
        for done, unit in enumerate(units, 1):
            for kind, row in unit:
                files[kind].write(encode(row) + b"\n")
                counts[FILES[kind]] += 1
            if progress and (done % _TOLD_EVERY == 0 or done == customers + calls):
                progress(done, customers + calls)
    return counts


def generate_hard(
    folder: Path,
    *,
    customers: int,
    seed: int,
    now: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write `HARD_FILE` and its truth to `folder`, which is made if need be: the hard mode (`huaxiang.generate.hard`).

    `progress(done, total)` counts records, of which the total is not known before the last. Gives the rows of each file
    by its name, the truth's head left out. Raises `SettingsInvalid` for a number that can't be, and without numpy.
    """
    if not 1 <= customers <= MOST_HARD:
        raise SettingsInvalid(field="customers", reason=f"a number from 1 to {MOST_HARD} is needed")
    if seed < 0:
        raise SettingsInvalid(field="seed", reason="a number from 0 on is needed for the hard mode")
    if find_spec("numpy") is None:
        raise SettingsInvalid(field="hard", reason="the hard mode draws with numpy: pip install numpy")
    # numpy comes with no part of the product: only who asks for the hard mode needs it.
    from huaxiang.generate import hard  # noqa: PLC0415 (for the reason above)

    folder.mkdir(parents=True, exist_ok=True)
    encode, done = msgspec.json.Encoder().encode, 0
    facts = (folder / HARD_FILE).open("wb", buffering=1 << 18)
    told = (folder / TRUTH_FILE).open("w", encoding="utf-8", newline="")
    with facts, told:
        truth = csv.writer(told, lineterminator="\n")
        truth.writerow(TRUTH)
        for done, (fact, true) in enumerate(hard.rows(customers, seed, now or NOW), 1):
            facts.write(encode(fact) + b"\n")
            truth.writerow(true)
            if progress and done % _TOLD_EVERY == 0:
                progress(done, max(done, customers * 3 // 2))
    if progress:
        progress(done, done)
    return {HARD_FILE: done, TRUTH_FILE: done}


def rows(*, customers: int, calls: int, seed: int, now: datetime | None = None) -> Iterator[Rows]:
    """The rows, each with its format: one unit for each customer, then one for each call; `customers + calls` units.

    Raises `SettingsInvalid` for numbers that can't be, and for calls that nobody makes.
    """
    if not 0 <= customers <= MOST_CUSTOMERS:
        raise SettingsInvalid(field="customers", reason=f"a number from 0 to {MOST_CUSTOMERS} is needed")
    if calls < 0 or (calls and not customers):
        raise SettingsInvalid(field="calls", reason="a number from 0 on is needed, and customers who make them")
    draws, until = Draws(seed), now or NOW
    people = People(draws, customers)
    records, followers = Records(draws, until), Followers(people, until)
    of_people = (records.of(person) + followers.of(person) for person in map(people.person, range(customers)))
    return chain(of_people, Calls(people, calls, until))

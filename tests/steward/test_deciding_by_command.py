"""Decisions, the review, rehearsals and the feed by the real command line, in a process of its own each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from huaxiang.cluster import running

WORDS = ("--author", "wang", "--reason", "heard both voices")
LINE = "13900000001"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose server stays up between the commands, so that each of them is quick."""
    folder = tmp_path_factory.mktemp("cli")
    with running(None, folder):
        yield folder


def huaxiang(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command over this data folder."""
    return subprocess.run(
        [sys.executable, "-m", "huaxiang", *arguments],
        env={**os.environ, "HUAXIANG_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def answer(data: Path, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    """What a command that must succeed answers in JSON."""
    done = huaxiang(data, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def a_tenant(data: Path, name: str, people: int) -> None:
    """A tenant whose customers all called from one line."""
    answer(data, "tenant", "create", name)
    facts = [
        {
            "kind": "trait",
            "source": "crm",
            "id": str(number),
            "at": f"2024-05-0{number}T09:00:00+08:00",
            "identifiers": [{"kind": "unionid", "value": f"n{number}"}, {"kind": "phone", "value": LINE}],
        }
        for number in range(1, people + 1)
    ]
    file = data / f"{name}.jsonl"
    file.write_text("".join(json.dumps(fact) + "\n" for fact in facts), encoding="utf-8")
    assert answer(data, "import", str(file), "--tenant", name, "--as", "facts")["landed"] == people


def test_a_person_parts_joins_and_takes_it_back(data: Path) -> None:
    a_tenant(data, "one", 2)
    of = ("--tenant", "one")
    parted = answer(data, "part", "unionid:n1", *of, *WORDS)
    assert len(parted["customers"]) == 2
    joined = answer(data, "join", "unionid:n1", f"phone:{LINE}", *of, *WORDS)
    assert (len(joined["customers"]), joined["waits"]) == (1, [])
    undone = answer(data, "undo", joined["id"], *of, "--author", "li", "--reason", "a slip")
    assert undone["customers"] == parted["customers"]
    listed = answer(data, "decisions", *of)
    assert [(one["id"], one["undone"] and one["undone"]["author"]) for one in listed] == [
        (joined["id"], "li"),
        (parted["id"], None),
    ]
    (group,) = answer(data, "review", *of)
    assert (group["reason"], group["links"]) == ("apart", 1)
    refused = huaxiang(data, "apart", "unionid:n1", "unionid:nobody", *of, *WORDS)
    assert (refused.returncode, "nobody has mentioned it" in refused.stderr) == (2, True)
    assert "unionid:n1" in huaxiang(data, "review", *of).stdout
    assert "heard both voices" in huaxiang(data, "decisions", *of).stdout


def test_a_change_is_rehearsed_then_published_and_the_feed_tells_it(data: Path) -> None:
    a_tenant(data, "two", 3)
    of = ("--tenant", "two")
    (line, *_) = answer(data, "review", "--frequent", *of)
    assert (line["id"], line["neighbours"]) == (f"phone:+86{LINE}", 3)
    cursor = answer(data, "changes", *of)["newest"]
    told = answer(data, "rehearse", "--block", LINE, *of)
    assert (told["published"], told["joined"], told["parted"]) == (False, 0, 3)
    assert answer(data, "changes", "--after", str(cursor), *of)["changes"] == []
    shown = huaxiang(data, "rehearse", "--block", LINE, *of)
    assert "unionid:n2" in shown.stdout
    assert "--publish" in shown.stderr
    assert answer(data, "rehearse", "--block", LINE, "--publish", *of) == {**told, "published": True}
    changes = answer(data, "changes", "--after", str(cursor), *of)["changes"]
    parted = [one["customer"] for one in changes if one["what"] == "parted"]
    assert len(parted) == 3
    lead = answer(data, "id", str(parted[-1]), *of)
    assert (lead["customer"], lead["ids"]) == (parted[-1], [parted[-1]])
    assert "key" not in json.dumps(told)


def test_settings_of_a_tenant_tell_how_many_customers_they_join_and_part(data: Path) -> None:
    a_tenant(data, "three", 3)
    told = answer(data, "tenant", "set", "three", "--neighbours", "phone:unionid=2")
    assert (told["joined"], told["parted"], told["suspended"]) == (0, 3, {"neighbours": 3})
    again = answer(data, "tenant", "set", "three", "--neighbours", "phone:unionid=3", "--matching", "crm=phone,unionid")
    assert (again["joined"], again["parted"], again["freed"]) == (3, 0, 3)
    assert again["matching"] == {"crm": ["phone", "unionid"]}


def test_a_number_that_changed_hands_is_cut_and_listed(data: Path) -> None:
    a_tenant(data, "four", 2)
    of = ("--tenant", "four")
    cut = answer(data, "cut", f"phone:{LINE}", "--at", "2024-05-02", *of, *WORDS)
    assert cut["at"] == "2024-05-01T16:00:00Z"
    (listed,) = answer(data, "cuts", *of)
    assert listed == cut

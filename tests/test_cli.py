"""The real command line, in a process of its own, over an embedded PostgreSQL that it finds or starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import polars as pl
import pytest

from huaxiang.cluster import running

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL = {
    "uniqueId": "1597656604.156068",
    "userId": "sqcTest",
    "customerNumber": "13977952899",
    "startTime": 1597656604,
    "bridgeDuration": 692,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose server stays up between the commands, so that each of them is quick."""
    folder = tmp_path_factory.mktemp("cli")
    with running(None, folder):
        yield folder


@pytest.fixture(scope="module")
def tenant(data: Path) -> str:
    """A tenant that the command line made."""
    told = answer(data, "tenant", "create", "acme", "--login-name", "sqc-test")
    assert told["login_name"] == "sqc-test"
    return "acme"


def huaxiang(data: Path | None, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command over this data folder."""
    place = {} if data is None else {"HUAXIANG_DATA": str(data)}
    return subprocess.run(
        [sys.executable, "-m", "huaxiang", *arguments],
        env={**os.environ, **place, **environment},
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


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    """A file of JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_tenant_is_listed_without_its_key(data: Path, tenant: str) -> None:
    listed = answer(data, "tenant", "list")
    assert [one["name"] for one in listed] == [tenant]
    assert UUID(listed[0]["org"])
    assert "key" not in listed[0]


def test_a_second_tenant_of_the_same_name_is_refused(data: Path, tenant: str) -> None:
    done = huaxiang(data, "tenant", "create", tenant)
    assert done.returncode == 2
    assert "there is a tenant acme already" in done.stderr


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("tinet", {"access_key_id", "access_key_secret"}),
        ("rabbitpre", {"instanceAppid", "instanceSecrect"}),
        ("telrobot", {"user_id", "token"}),
        ("native", {"token"}),
    ],
)
def test_a_key_prints_the_credential_of_its_dialect(data: Path, tenant: str, dialect: str, fields: set[str]) -> None:
    assert set(answer(data, "key", "create", "--tenant", tenant, "--dialect", dialect)) == fields


def test_a_key_listing_lets_nobody_in_and_a_revoked_key_is_marked(data: Path, tenant: str) -> None:
    made = answer(data, "key", "create", "--tenant", tenant, "--dialect", "tinet", "--clock", "utc", "--retry", "never")
    listed = huaxiang(data, "key", "list", "--json").stdout
    assert made["access_key_id"] in listed
    assert made["access_key_secret"] not in listed
    answer(data, "key", "revoke", made["access_key_id"])
    [row] = [row for row in answer(data, "key", "list") if row["name"] == made["access_key_id"]]
    assert row["options"] == {"clock": "utc", "retry": "never"}
    assert row["revoked_at"] is not None


def test_an_option_that_the_dialect_lacks_is_refused(data: Path, tenant: str) -> None:
    done = huaxiang(data, "key", "create", "--tenant", tenant, "--dialect", "native", "--clock", "utc")
    assert done.returncode == 2
    assert "native keys have no --clock" in done.stderr


def test_the_first_account_named_is_the_main_one_and_the_next_stands_below(data: Path) -> None:
    answer(data, "tenant", "create", "accounts")
    main = "5832d184-dd53-42a0-8ace-0bf8d660f4cc"
    made = answer(data, "key", "create", "--tenant", "accounts", "--dialect", "telrobot", "--account", main)
    assert made["user_id"] == main
    below = "4fab5764-63c4-4d36-b4ef-1dcb670df629"
    answer(data, "key", "create", "--tenant", "accounts", "--dialect", "telrobot", "--account", below)
    [told] = [one for one in answer(data, "tenant", "list") if one["name"] == "accounts"]
    assert told["main_account"] == main


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_is_read_in_its_encoding(data: Path, tenant: str, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "calls.csv"
    header = "uniqueId,userId,customerNumber,startTime,bridgeDuration,customerProvince,customerCity\n"
    path.write_text(f"{header}{encoding}.1,sqcTest,13900000001,1597656604,60,北京,北京\n" * 1, encoding=encoding)
    told = answer(data, "import", str(path), "--tenant", tenant, "--as", "tinet.cdr")
    assert (told["rows"], told["taken"], told["landed"]) == (1, 1, 1)


def test_a_workbook_is_read_and_a_number_that_it_broke_is_refused(data: Path, tenant: str, tmp_path: Path) -> None:
    path = tmp_path / "calls.xlsx"
    columns = {
        "uniqueId": ["x.1", "x.2"],
        "userId": ["sqcTest", "sqcTest"],
        "customerNumber": ["13900000002", "1.39E+10"],
        "startTime": [1597656604, 1597656605],
    }
    pl.DataFrame(columns).write_excel(path)
    told = answer(data, "import", str(path), "--tenant", tenant, "--as", "tinet.cdr")
    assert (told["taken"], told["rejected"]) == (1, 1)
    [reject] = [json.loads(line) for line in Path(told["rejects"]).read_text("utf-8").splitlines()]
    assert (reject["line"], reject["field"]) == (3, "customerNumber")
    assert "spreadsheet broke" in reject["reason"]


def test_a_file_imported_twice_lands_once(data: Path, tenant: str, tmp_path: Path) -> None:
    path = lines(tmp_path / "calls.jsonl", CALL, {**CALL, "uniqueId": "twice.2"})
    first = answer(data, "import", str(path), "--tenant", tenant, "--as", "tinet.cdr")
    again = answer(data, "import", str(path), "--tenant", tenant, "--as", "tinet.cdr", "--again")
    assert (first["landed"], first["known"]) == (2, 0)
    assert (again["landed"], again["known"], again["rejects"]) == (0, 2, None)


def test_a_file_of_which_nothing_lands_ends_with_failure_and_its_reasons(
    data: Path, tenant: str, tmp_path: Path
) -> None:
    path = lines(tmp_path / "bad.jsonl", {"uniqueId": "no-number"})
    done = huaxiang(data, "import", str(path), "--tenant", tenant, "--as", "tinet.cdr")
    assert done.returncode == 1
    assert "line 1, customerNumber" in done.stderr
    assert (tmp_path / "bad.jsonl.rejects.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_corrected_rejects_file_can_be_imported(data: Path, tenant: str, tmp_path: Path) -> None:
    path = lines(tmp_path / "calls.jsonl", {**CALL, "uniqueId": "mend.1"}, {**CALL, "uniqueId": ""})
    told = answer(data, "import", str(path), "--tenant", tenant, "--as", "tinet.cdr")
    rejects = Path(told["rejects"])
    corrected = json.loads(rejects.read_text("utf-8"))
    corrected["row"]["uniqueId"] = "mend.2"
    lines(rejects, corrected)
    assert answer(data, "import", str(rejects), "--tenant", tenant, "--as", "tinet.cdr")["landed"] == 1


def test_an_unknown_format_or_file_is_an_error_of_one_line(data: Path, tenant: str, tmp_path: Path) -> None:
    for arguments in (("--as", "nonsense"), ("--as", "facts")):
        done = huaxiang(data, "import", str(tmp_path / "absent"), "--tenant", tenant, *arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith("huaxiang: ")


def test_what_a_tenant_decides_can_be_changed(data: Path) -> None:
    answer(data, "tenant", "create", "changed")
    told = answer(
        data, "tenant", "set", "changed", "--portrait-scope", "customer", "--weight", "share=3", "--weight", "*=2",
        "--block", "13900000003", "--neighbours", "phone=5", "--customer-size", "none", "--time-zone", "UTC",
    )  # fmt: skip
    assert told["portrait_scope"] == "customer"
    assert told["weights"] == {"*": 2, "share": 3}
    assert told["blocked"] == ["13900000003"]
    assert told["limits"]["neighbours"]["phone"] == 5
    assert told["limits"]["customer_size"] is None
    assert told["time_zone"] == "UTC"
    done = huaxiang(data, "tenant", "set", "changed", "--weight", "share")
    assert done.returncode == 2
    assert "NAME=NUMBER" in done.stderr


def test_rebuild_tells_how_much_it_made_anew(data: Path, tmp_path: Path) -> None:
    answer(data, "tenant", "create", "rebuilt")
    path = lines(tmp_path / "calls.jsonl", CALL, {**CALL, "uniqueId": "r.2"})
    answer(data, "import", str(path), "--tenant", "rebuilt", "--as", "tinet.cdr")
    assert answer(data, "rebuild", "--tenant", "rebuilt") == {"rebuilt": 2}


def test_doctor_tells_the_version_the_schema_and_the_settings(data: Path, tenant: str) -> None:
    told = answer(data, "doctor")
    assert int(told["postgresql"].split(".")[0]) >= 15
    assert (told["fsync"], told["synchronous_commit"], told["full_page_writes"]) == ("on", "on", "on")
    assert tenant in told["tenants"]


def test_both_places_at_once_are_refused() -> None:
    done = huaxiang(None, "doctor", "--database", "postgresql://127.0.0.1/x", "--data", "folder")
    assert done.returncode == 2
    assert "exclude each other" in done.stderr


def test_a_database_that_is_not_there_is_an_error_of_one_line(tmp_path: Path) -> None:
    done = huaxiang(tmp_path, "doctor", HUAXIANG_DATABASE="postgresql://u:secret@127.0.0.1:1/x")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_tables_are_for_people(data: Path, tenant: str) -> None:
    done = huaxiang(data, "key", "list", "--tenant", tenant)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split()[:3] == ["name", "tenant", "dialect"]


def test_without_the_server_extra_the_command_says_how_to_install_it(tmp_path: Path) -> None:
    absent = tmp_path / "cyclopts.py"
    absent.write_text("raise ModuleNotFoundError('absent', name='cyclopts')\n", encoding="utf-8")
    done = huaxiang(None, "--help", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "huaxiang: the command line needs cyclopts: pip install 'huaxiang[server]'\n"

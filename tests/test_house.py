"""The house rules that no linter knows, read off the source itself: each test is one rule, and its name says it.

Floors and imports are a check of their own (the contracts of import-linter, in pyproject.toml); here stand docstrings,
sizes, names, where SQL may be, what a client may load, what the lock files hold.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "huaxiang"
CLIENT = PACKAGE / "client"
LOCKS = (ROOT / "requirements" / "server.txt", ROOT / "requirements" / "dev.txt")
MODULES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])

MOST_LINES_OF_A_DOCSTRING = 25
MOST_LINES_OF_A_FILE = 600
WRITTEN_BY_HAND = {".py", ".sql", ".js", ".css", ".html"}
KEPT_TEXT = WRITTEN_BY_HAND | {".md", ".txt", ".toml", ".json", ".jsonl", ".csv", ".yml", ".yaml", ".svg", ".sh", ""}
NOT_KEPT = {"data", "dist", "build", "node_modules", "__pycache__"}

DRAWERS = {"util", "utils", "helper", "helpers", "common", "base", "misc", "manager", "managers", "handler", "handlers"}
SQL = re.compile(
    r"""^\s* (?: --[^\n]*\n \s* )*
    (?: select\b .* \bfrom\b | insert\s+into\b | update\b .* \bset\b | delete\s+from\b | truncate\s+\w
      | with\s+(?:recursive\s+)?\w+ (?:\s*\([^)]*\))? \s+as\b
      | (?:create|alter|drop)\s+(?:\w+\s+){0,3}(?:table|index|view|type|schema)\b )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
MACHINE_PATH = re.compile(r"(?<![\w.:/}-])/(?:tmp|work|root|home|Users)/\w")
CLIENT_MAY_NAME = re.compile(
    r"huaxiang\.(?:__version__|client|errors|model|dialects\.contract|dialects\.\w+\.(?:wire|neighbours|push|results|signing)"
    r"|dialects\.native\.(?:changes|decisions|dictionaries|erasure|evidence|rules|steps|suggestions))(?:\.|$)"
)


def shown(path: Path) -> str:
    """Give the path as a reader of the repository writes it."""
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    """Give the module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def kept_files() -> Iterator[Path]:
    """Give the text files that a clone holds: all but what tools and servers make (.gitignore names the same)."""
    for folder, below, files in os.walk(ROOT):
        below[:] = [name for name in below if name not in NOT_KEPT and (name == ".ci" or not name.startswith("."))]
        yield from (path for name in files if (path := Path(folder, name)).suffix in KEPT_TEXT and path.is_file())


def strings_of_the_program(tree: ast.Module) -> Iterator[ast.Constant]:
    """Give the string constants, the parts of f-strings too, that are not docstrings or other bare statements."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node


def names_imported(path: Path) -> Iterator[str]:
    """Give every name that the module imports, in full: `from a.b import c` is `a.b.c`, and so are relative ones."""
    package = path.relative_to(ROOT / "src").with_suffix("").parts[:-1]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)


def versions_in(lock: Path) -> dict[str, str]:
    """Give name -> version, of a lock file."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


def project() -> dict[str, Any]:
    """Give pyproject.toml as it stands."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def names_required(*requirements: str) -> set[str]:
    """Give the distributions' names without bounds, extras and markers."""
    return {re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0] for requirement in requirements}


def test_every_module_says_what_it_is_in_at_most_25_lines() -> None:
    docstrings = {shown(path): ast.get_docstring(parsed(path)) or "" for path in MODULES}
    assert [name for name, text in docstrings.items() if not text.strip()] == []
    assert [name for name, text in docstrings.items() if len(text.splitlines()) > MOST_LINES_OF_A_DOCSTRING] == []


def test_no_file_written_by_hand_is_longer_than_600_lines() -> None:
    files = [path for path in kept_files() if path.suffix in WRITTEN_BY_HAND]
    sizes = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in sizes.items() if lines > MOST_LINES_OF_A_FILE} == {}


def test_no_module_or_folder_is_a_drawer() -> None:
    words = {shown(path): set(re.split(r"[/_.]", shown(path))) for path in MODULES}
    assert {name: found & DRAWERS for name, found in words.items() if found & DRAWERS} == {}


def test_sql_is_written_in_sql_files_or_in_the_store_and_the_cluster() -> None:
    rooms = {"store", "cluster"}
    modules = [
        path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in rooms
    ]
    found = [
        f"{shown(path)}:{node.lineno}"
        for path in sorted(modules)
        for node in strings_of_the_program(parsed(path))
        if SQL.match(str(node.value))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "is_sql"),
    [
        ("select a\nfrom b", True),
        ("\n  -- newest\n  SELECT a FROM b", True),
        ("with n as (select 1) table n", True),
        ("insert into a values ($1)", True),
        ("create unlogged table a ()", True),
        ("update a set b = 1", True),
        ("delete the key first", False),
        ("with a time zone, or in the tenant's", False),
        ("update the file", False),
        ("create a tenant first", False),
    ],
)
def test_the_search_for_sql_knows_a_statement_from_a_sentence(text: str, is_sql: bool) -> None:
    assert bool(SQL.match(text)) is is_sql


def test_no_kept_file_names_a_path_of_one_machine() -> None:
    found = [
        f"{shown(path)}:{number}"
        for path in sorted(kept_files())
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


def test_the_client_names_only_wire_types_signatures_nouns_and_errors() -> None:
    found = {
        f"{shown(path)}: {name}"
        for path in CLIENT.rglob("*.py")
        for name in names_imported(path)
        if name.partition(".")[0] == "huaxiang" and not CLIENT_MAY_NAME.match(name)
    }
    assert found == set()


@pytest.mark.skipif(not CLIENT.exists(), reason="the client is not written yet")
def test_the_client_loads_where_nothing_of_the_server_is_installed() -> None:
    server = {name.lower() for name in names_required(*project()["project"]["optional-dependencies"]["server"])}
    absent = [module for module, sources in packages_distributions().items() if server & {s.lower() for s in sources}]
    assert "asyncpg" in absent
    program = (
        "import sys; sys.modules.update(dict.fromkeys(sys.argv[1:])); import huaxiang.client; "
        "import huaxiang.client.rabbitpre, huaxiang.client.telrobot, huaxiang.client.tinet"
    )
    done = subprocess.run([sys.executable, "-c", program, *absent], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_lock_files_hold_no_address() -> None:
    lines = [line for lock in LOCKS for line in lock.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if "://" in line or line.startswith(("-", "@")) or " @ " in line] == []


def test_every_locked_version_has_its_hashes() -> None:
    blocks = [
        block
        for lock in LOCKS
        for block in re.split(r"^(?=[a-z0-9])", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    ]
    assert [block for block in blocks if "==" in block and "--hash=sha256:" not in block] == []


def test_the_lock_for_tests_holds_the_very_versions_of_the_server() -> None:
    server, tests = (versions_in(lock) for lock in LOCKS)
    assert server.items() <= tests.items()


def test_every_dependency_of_the_project_is_locked() -> None:
    of = project()
    server = [*of["project"]["dependencies"], *of["project"]["optional-dependencies"]["server"]]
    tests = [*server, *of["dependency-groups"]["build"], *of["dependency-groups"]["dev"]]
    assert names_required(*server) - versions_in(LOCKS[0]).keys() == set()
    assert names_required(*tests) - versions_in(LOCKS[1]).keys() == set()

"""The embedded server, with real processes that share it, leave it, and are killed; and the settings that name it."""

from __future__ import annotations

import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from huaxiang.cluster import check, facts_about, running
from huaxiang.cluster.account import installation
from huaxiang.cluster.files import try_lock
from huaxiang.cluster.machine import settings_for
from huaxiang.errors import ClusterUnavailable, SettingsInvalid
from huaxiang.settings import Settings

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

# A command: joins, prints the URL, and leaves when its input ends.
COMMAND = """
    import os, sys
    from pathlib import Path
    from huaxiang.cluster import running
    with running(None, Path(sys.argv[1])) as cluster:
        print(cluster.url, flush=True)
        sys.stdin.read()
"""
# The same as the ordinary user `nobody`; what Python imports late must be there before, since nobody may not read it.
COMMAND_OF_NOBODY = """
    import encodings.ascii, os, pwd, sys
    from pathlib import Path
    from huaxiang.cluster import running
    entry = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    with running(None, Path(sys.argv[1])) as cluster:
        print(cluster.url, flush=True)
        sys.stdin.read()
"""
# A command whose child goes through the end of the block before it does.
COMMAND_THAT_FORKS = """
    import os, sys
    from pathlib import Path
    from huaxiang.cluster import running
    from huaxiang.cluster.files import try_lock
    data = Path(sys.argv[1])
    with running(None, data) as cluster:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            print("the server is there" if try_lock(data / "postgres" / "alive") is None else "gone", flush=True)
            sys.stdin.read()
"""


class Command:
    """A process that uses the server of a data folder."""

    def __init__(self, data: Path, program: str = COMMAND) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def url(self) -> str:
        """Wait until the command uses the server."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def leave(self) -> int:
        """Have it leave, and wait until it, and everybody who holds its output open, is gone."""
        self.process.communicate("")
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def command() -> Generator[type[Command]]:
    """Start commands; whichever a failed test left is killed."""
    started: list[Command] = []

    class Remembered(Command):
        def __init__(self, data: Path, program: str = COMMAND) -> None:
            super().__init__(data, program)
            started.append(self)

    yield Remembered
    for one in started:
        if one.process.poll() is None:
            one.leave()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a stopped server and one row, to be copied: a copy is faster than a new one."""
    data = tmp_path_factory.mktemp("made") / "data"
    with running(None, data) as cluster:
        url = cluster.url
        words = "CREATE TABLE kept (n int PRIMARY KEY); INSERT INTO kept VALUES (1);"
        subprocess.run([installation() / "bin" / "psql", "-q", url, "-c", words], check=True)
    return data


def copy_all(made: Path, copy: Path) -> None:
    """Copy a folder with the owners of its files."""
    subprocess.run(["/bin/cp", "-a", made, copy], check=True)


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Generator[Path]:
    """A data folder of this test's own; no server of it outlives the test."""
    copy = tmp_path / "data"
    copy_all(made, copy)
    yield copy
    with suppress(ClusterUnavailable), running(None, copy):
        """Whoever joins and leaves last stops what the test left."""


def postmaster_of(data: Path) -> int:
    return int((data / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def user_of(process: int) -> int:
    return Path(f"/proc/{process}").stat().st_uid


def is_stopped(data: Path) -> bool:
    """Whether no process of the server is left, by the lock that each of them holds."""
    free = try_lock(data / "postgres" / "alive")
    if free is not None:
        os.close(free)
    return free is not None


def wait_for_end(process: int) -> None:
    with suppress(ProcessLookupError):
        end = os.pidfd_open(process)
        select.select([end], [], [])
        os.close(end)


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    wait_for_end(process)


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


# Sharing


async def test_commands_share_one_server_and_the_last_to_leave_stops_it(data: Path, command: type[Command]) -> None:
    first, second = command(data), command(data)
    assert first.url() == second.url()
    server = postmaster_of(data)
    assert first.leave() == 0
    assert postmaster_of(data) == server
    with running(None, data) as cluster:
        assert await ask(cluster.url, "SELECT n FROM kept") == 1
        assert second.leave() == 0
        assert not is_stopped(data)
    assert is_stopped(data)
    assert list((data / "postgres" / "users").iterdir()) == []


async def test_four_commands_that_start_at_once_in_an_empty_folder_share_one_server(
    tmp_path: Path, command: type[Command]
) -> None:
    empty = tmp_path / "not yet" / "there"
    commands = [command(empty) for _ in range(4)]
    urls = {one.url() for one in commands}
    assert len(urls) == 1
    with running(None, empty) as cluster:
        assert facts_about(cluster)["users"] == "5"
        assert await ask(cluster.url, "SHOW server_encoding") == "UTF8"
    assert [one.leave() for one in commands] == [0, 0, 0, 0]
    assert is_stopped(empty)


def test_a_forked_child_that_ends_does_not_give_up_its_parents_lease(data: Path, command: type[Command]) -> None:
    forker = command(data, COMMAND_THAT_FORKS)
    assert forker.url() == "the server is there"
    assert forker.leave() == 0
    assert is_stopped(data)


def test_an_interrupted_command_leaves_and_the_server_is_out_of_its_terminals_reach(
    data: Path, command: type[Command]
) -> None:
    one = command(data)
    one.url()
    with running(None, data):
        server = postmaster_of(data)
        assert os.getsid(server) != os.getsid(one.process.pid)
        os.killpg(one.process.pid, signal.SIGINT)  # as Ctrl-C does
        assert one.leave() != 0
        assert postmaster_of(data) == server
        assert len(list((data / "postgres" / "users").iterdir())) == 1
    assert is_stopped(data)


# Killing either side


async def test_a_server_whose_only_command_was_killed_is_adopted_and_then_stopped(
    data: Path, command: type[Command]
) -> None:
    only = command(data)
    only.url()
    server = postmaster_of(data)
    only.kill()  # returns when the output is closed: the server does not hold it open
    assert not is_stopped(data)
    with running(None, data) as cluster:
        assert postmaster_of(data) == server
        assert facts_about(cluster)["users"] == "1"
        assert await ask(cluster.url, "SELECT n FROM kept") == 1
    assert is_stopped(data)


async def test_after_both_were_killed_the_next_command_finds_all_that_was_committed(
    data: Path, command: type[Command]
) -> None:
    only = command(data)
    await ask(only.url(), "INSERT INTO kept VALUES (2)")
    server = postmaster_of(data)
    only.kill()
    kill(server)
    with running(None, data) as cluster:
        assert postmaster_of(data) != server
        assert await ask(cluster.url, "SELECT sum(n) FROM kept") == 3
    assert is_stopped(data)


async def test_a_server_that_is_killed_under_its_commands_comes_back_at_the_same_url(
    data: Path, command: type[Command]
) -> None:
    other = command(data)
    other.url()
    with running(None, data) as cluster:
        await ask(cluster.url, "INSERT INTO kept VALUES (2)")
        server = postmaster_of(data)
        kill(server)
        while True:  # until one of the two commands has started it
            with suppress(OSError, asyncpg.PostgresError):
                assert await ask(cluster.url, "SELECT sum(n) FROM kept") == 3
                break
        assert postmaster_of(data) != server
        assert other.leave() == 0
    assert is_stopped(data)


async def test_a_start_waits_for_the_working_processes_of_a_server_that_was_killed(
    data: Path, command: type[Command]
) -> None:
    only = command(data)
    orphan = await asyncpg.connect(only.url())
    server, process = postmaster_of(data), orphan.get_server_pid()
    os.kill(process, signal.SIGSTOP)  # as one that is busy for a long time
    only.kill()
    kill(server)
    next_one = command(data)
    assert not is_stopped(data)
    os.kill(process, signal.SIGCONT)
    url = next_one.url()
    wait_for_end(process)
    assert await ask(url, "SELECT n FROM kept") == 1
    orphan.terminate()
    assert next_one.leave() == 0


async def test_a_process_id_file_that_names_a_living_stranger_does_not_keep_the_server_from_starting(
    data: Path,
) -> None:
    stale = data / "postgres" / "cluster" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n/nowhere\n1\n5432\n.\n\n1 1\nready   \n")
    with running(None, data) as cluster:
        assert await ask(cluster.url, "SELECT 1") == 1


async def test_a_folder_whose_making_was_interrupted_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "new" / "base").mkdir(parents=True)
    with running(None, tmp_path) as cluster:
        assert await ask(cluster.url, "SELECT current_database()") == "huaxiang"


# Places and people


@pytest.mark.parametrize("name", ["with space, and, commas", "客户 画像", "l" * 200, "per%cent?&#"])
async def test_a_data_folder_may_have_any_name(made: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    data = tmp_path / name / "data"
    copy_all(made, data)
    with running(None, data) as cluster, running(None, data) as again:
        assert cluster.url == again.url
        assert await ask(cluster.url, "SELECT n FROM kept") == 1
    assert is_stopped(data)


async def test_folders_that_are_closed_to_others_stay_closed_and_serve(made: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    copy_all(made, closed / "data")
    with running(None, closed / "data") as cluster:
        assert await ask(cluster.url, "SELECT n FROM kept") == 1
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "data").stat().st_mode & 0o777 == 0o700


@contextmanager
def folder_of_nobody() -> Generator[Path]:
    """A folder that belongs to the ordinary user `nobody`, in a place that everybody can reach."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        pytest.skip("there is no ordinary user to be")
    initdb = installation() / "bin" / "initdb"
    try:
        subprocess.run([initdb, "--version"], user=entry.pw_uid, check=True, capture_output=True)
    except PermissionError:
        pytest.skip("an ordinary user can't reach the installed programs")
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@AS_ROOT
async def test_an_ordinary_user_and_root_share_a_server_in_the_users_folder(command: type[Command]) -> None:
    with folder_of_nobody() as folder:
        user = command(folder / "data", COMMAND_OF_NOBODY)
        user.url()
        owner = (folder / "data").stat().st_uid
        with running(None, folder / "data") as cluster:  # as root
            assert await ask(cluster.url, "SELECT 1") == 1
            assert user.leave() == 0
        assert is_stopped(folder / "data")
        with running(None, folder / "data") as cluster:  # started by root this time, and the user's all the same
            assert user_of(postmaster_of(folder / "data")) == owner
            user = command(folder / "data", COMMAND_OF_NOBODY)
            assert user.url() == cluster.url
        assert user.leave() == 0
        assert is_stopped(folder / "data")


@AS_ROOT
def test_nobody_but_the_owner_and_root_can_connect_even_through_open_folders() -> None:
    with folder_of_nobody() as folder:
        folder.chmod(0o755)
        data = folder / "data"
        os.chown(folder, 0, 0)
        with running(None, data) as cluster:
            for open_one in (data, data / "postgres", data / "postgres" / "cluster"):
                open_one.chmod(0o755)
            (data / "postgres" / "cluster" / ".s.PGSQL.5432").chmod(0o777)
            psql = [installation() / "bin" / "psql", cluster.url, "-c", "SELECT 1"]
            refused = subprocess.run(psql, user="nobody", check=False, capture_output=True, text=True)
            (data / "postgres" / "cluster").chmod(0o700)
        assert "Peer authentication failed" in refused.stderr


# Settings of the server


async def test_durability_stays_on_whatever_the_configuration_says(data: Path) -> None:
    with (data / "postgres" / "cluster" / "postgresql.conf").open("a") as conf:
        conf.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nwork_mem = 5MB\n")
    with running(None, data) as cluster:
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await ask(cluster.url, f"SHOW {name}") == "on"
        assert await ask(cluster.url, "SHOW work_mem") == "5MB"
        assert await ask(cluster.url, "SHOW listen_addresses") == ""
        assert await ask(cluster.url, "SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL") == 0


@pytest.mark.parametrize(
    ("gigabytes", "shared"), [(0.25, "32MB"), (1, "128MB"), (8, "1024MB"), (64, "8192MB"), (512, "8192MB")]
)
def test_the_servers_memory_is_an_eighth_of_the_machines_within_bounds(gigabytes: float, shared: str) -> None:
    memory = int(gigabytes * (1 << 30))
    chosen = settings_for(memory_bytes=memory, processors=2, shared_bytes=1 << 30, disk_bytes=100 << 30)
    assert chosen["shared_buffers"] == shared


def test_a_container_with_little_shared_memory_shares_it_in_another_way() -> None:
    small = settings_for(memory_bytes=1 << 30, processors=2, shared_bytes=64 << 20, disk_bytes=1 << 30)
    assert small["dynamic_shared_memory_type"] == "sysv"
    assert small["max_wal_size"] == "128MB"


async def test_the_log_of_the_server_repeats_no_value(data: Path) -> None:
    with running(None, data) as cluster:
        for statement in ("INSERT INTO kept VALUES (1), (13800138000 % 100000)", "SELECT '13800138000'::bool"):
            with pytest.raises(asyncpg.PostgresError):
                await ask(cluster.url, statement)
    log = (data / "postgres" / "log").read_text()
    assert "ready to accept connections" in log
    assert "13800138000" not in log
    assert "kept" not in log


# Reasons


def test_a_folder_that_cannot_be_made_is_named_in_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClusterUnavailable, match="file") as raised, running(None, tmp_path / "file" / "data"):
        pytest.fail("it must not start")
    assert "can't be used" in str(raised.value)


def test_a_server_that_does_not_start_says_why_in_the_reason(data: Path) -> None:
    with (data / "postgres" / "cluster" / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(ClusterUnavailable, match="no_such_setting"), running(None, data):
        pytest.fail("it must not start")


def test_a_folder_of_another_major_version_is_refused(data: Path) -> None:
    (data / "postgres" / "cluster" / "PG_VERSION").write_text("14\n")
    with pytest.raises(ClusterUnavailable, match="written by PostgreSQL 14"), running(None, data):
        pytest.fail("it must not start")
    shutil.rmtree(data / "postgres")


# A server of yours


async def test_a_url_is_passed_on_and_checked_by_asking_the_server(data: Path) -> None:
    with running(None, data) as embedded, running(embedded.url, None) as cluster:
        assert cluster.url == embedded.url
        assert cluster.data is None
        version = await check(cluster.url)
        assert facts_about(embedded)["version"].endswith(version)


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:s3cret@127.0.0.1:1/db", "postgresql://me:s3c/s3cret@127.0.0.1:1/db", "postgresql://:s3cret"],
)
async def test_a_server_that_is_not_there_is_told_of_without_the_password(url: str) -> None:
    with pytest.raises(ClusterUnavailable) as raised:
        await check(url)
    assert "s3c" not in str(raised.value)
    with running(url, None) as cluster:
        assert "s3c" not in f"{cluster} {facts_about(cluster)}"


# The settings of a command


def test_a_flag_beats_the_environment_whichever_variable_it_is() -> None:
    environment = {"HUAXIANG_DATABASE": "postgresql://theirs/db", "HUAXIANG_DATA": "/theirs"}
    by_data = Settings.from_environment(None, Path("/mine"), environment=environment)
    assert (by_data.database, by_data.data) == (None, Path("/mine"))
    by_database = Settings.from_environment("postgresql://mine/db", None, environment=environment)
    assert (by_database.database, by_database.data) == ("postgresql://mine/db", Path("/theirs"))
    neither = Settings.from_environment(environment=environment)
    assert (neither.database, neither.data) == ("postgresql://theirs/db", Path("/theirs"))


def test_without_flags_and_variables_the_data_lie_where_the_platform_has_them() -> None:
    assert Settings.from_environment(environment={"HUAXIANG_DATABASE": ""}).data == (
        Path.home() / ".local" / "share" / "huaxiang"
    )
    assert Settings.from_environment(environment={"XDG_DATA_HOME": "/x"}).data == Path("/x/huaxiang")
    assert Settings.from_environment(environment={"HUAXIANG_PUBLIC_HOST": "h"}).public_host == "h"


def test_both_flags_together_are_refused_and_so_is_a_url_of_something_else() -> None:
    with pytest.raises(SettingsInvalid, match="exclude each other"):
        Settings.from_environment("postgresql://a/b", Path("/c"))
    with pytest.raises(SettingsInvalid, match="postgresql://") as raised:
        Settings.from_environment("mysql://me:s3cret@a/b")
    assert "s3cret" not in str(raised.value)

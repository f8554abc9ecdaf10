"""What a command prints: tables for people, JSON for machines, progress for whoever waits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import msgspec
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from huaxiang.errors import HuaxiangError, Refused, SettingsInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_stderr = Console(stderr=True, highlight=False)
_stdout = Console(highlight=False)
if not _stdout.is_terminal:
    _stdout.width = 240  # a pipe has no edge to wrap at


def show(document: object, *, as_json: bool) -> None:
    """Print one object: JSON, or a line for each of its fields."""
    if as_json:
        print_json(document)
        return
    built: Any = msgspec.to_builtins(document)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in built.items():
        table.add_row(str(name), _cell(value))
    _stdout.print(table)


def show_rows(rows: Sequence[Mapping[str, object]], columns: Iterable[str], *, as_json: bool) -> None:
    """Print many: a JSON array, or a table of these columns."""
    if as_json:
        print_json(rows)
        return
    headings = list(columns)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*[_cell(row[heading]) for heading in headings])
    _stdout.print(table)


def print_json(document: object) -> None:
    """Print JSON on one line, for a machine."""
    sys.stdout.write(msgspec.json.encode(document, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def print_rich(shown: RenderableType) -> None:
    """Print what rich draws: a tree, a table, or a line with its markup."""
    _stdout.print(shown)


def say(line: str) -> None:
    """Tell a person something beside the answer."""
    _stderr.print(line, markup=False, soft_wrap=True)


def fail(error: HuaxiangError) -> None:
    """Tell why a command did not do what it was asked."""
    if isinstance(error, (Refused, SettingsInvalid)):
        field = str(error.fields.get("field", ""))
        text = ": ".join(part for part in (field, str(error.fields.get("reason", ""))) if part)
        say(f"huaxiang: {text or error.code}")
    else:
        say(f"huaxiang: {error}")


def progress() -> Progress:
    """A bar on stderr: what, how far, how fast, how long yet. On no terminal it stays silent until its end."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        console=_stderr,
        transient=False,
        disable=not _stderr.is_terminal,
    )


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(one) for one in cast("list[object]", value)) or "-"
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    return str(value)

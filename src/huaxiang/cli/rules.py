"""`huaxiang rules …`: the quality check's rules, checked, tried on history, put in force."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape

from huaxiang.cli.output import print_json, print_rich, progress, say, show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.dialects.native.rules import (
    MOST_APPLIED,
    AppliedAnswer,
    ExampleAnswer,
    ProgressAnswer,
    TrialAnswer,
    VersionAnswer,
)
from huaxiang.errors import SourceUnreadable
from huaxiang.portrait import Checker, Ruleset, RulesInvalid, load
from huaxiang.steward import rules as steward

if TYPE_CHECKING:
    from huaxiang.service import Service

rules = App(
    name="rules", help="The quality check: rules on what is said in calls, and the portraits they give.  质检规则。"
)

Author = Annotated[str, Parameter(help="Who puts them in force.")]


class Checked(msgspec.Struct, frozen=True):
    """What is told of a file: its version, or all that is wrong with it."""

    file: str
    version: str | None
    rules: int
    problems: list[str]


def read(file: Path) -> tuple[Ruleset, str]:
    """The rules of a file, and its text.

    Raises:
        SourceUnreadable: no such file, or not UTF-8. RulesInvalid: all that is wrong with it.

    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or "unreadable"
        raise SourceUnreadable(path=str(file), reason=reason) from error
    return load(text, file.name), text


@rules.command
def check(*files: Path, place: Place = HERE) -> None:
    """Check files of rules: their words, their expressions, and that each example hits or misses as it says.

    Exits with 1 if anything is wrong; every problem is told, with its line and column.

    Parameters
    ----------
    files
        YAML files of rules.

    """
    told = [_checked(file) for file in files]
    if place.json:
        print_json(told)
    for one in () if place.json else told:
        for problem in one.problems:
            say(problem)
        say(f"{one.file}: " + (f"{one.rules} rules, version {one.version}" if one.version else "✗"))
    if any(one.problems for one in told):
        sys.exit(1)


def _checked(file: Path) -> Checked:
    try:
        ruleset, _ = read(file)
    except RulesInvalid as invalid:
        more = [f"and {invalid.more} more"] if invalid.more else []
        return Checked(file.name, None, 0, [*(problem.told(file.name) for problem in invalid.problems), *more])
    failures = Checker(ruleset).failing_examples()
    problems = [f"{file.name}: rule {one.rule}: {one.wanted} {one.number}: {one.reason}" for one in failures]
    return Checked(file.name, None if problems else ruleset.version, len(ruleset.rules), problems)


@rules.command(name="try")
def try_(file: Path, *, tenant: str, calls: int | None = None, examples: int = 3, place: Place = HERE) -> None:
    """Try a draft on history: which labels would come and go, in how many calls, and where. Nothing changes.

    Parameters
    ----------
    file
        A YAML file of rules.
    tenant
        Whose calls.
    calls
        On so many of them; on all, unless given. They are taken as good as at random, the same ones each time.
    examples
        So many calls of each label that would come, and of each that would go.

    """
    draft, _ = read(file)

    async def work(service: Service) -> TrialAnswer:
        found = await service.tenant(tenant)
        trial = steward.trial(service, found, draft, calls=calls, examples=examples)
        with progress() as bar:
            task = bar.add_task("calls", total=None, speed="")
            told = await anext(trial)
            while not told.finished:
                bar.update(task, total=told.calls, completed=told.done)
                told = await anext(trial)
        return told

    told = place.run(work)
    if place.json:
        print_json(told)
        return
    rows = [{"portrait": f"{one.type}/{one.name}", **msgspec.structs.asdict(one)} for one in told.effects]
    show_rows(rows, ("portrait", "comes", "goes", "stays"), as_json=False)
    for one in told.effects:
        for sign, shown in (("[green]+[/]", one.coming), ("[red]-[/]", one.going)):
            for example in shown:
                print_rich(f"{sign} {escape(f'{one.type}/{one.name}')}  {escape(_quoted(example))}")
    say(f"{told.done} calls tried; nothing has changed.  试运行完成，未作任何改动。")


def _quoted(example: ExampleAnswer) -> str:
    second = "" if example.second is None else f" {example.second // 60:02}:{example.second % 60:02}"
    said = f" {example.speaker or '?'}: {example.text}" if example.text else ""
    rule = f" ({example.rule})" if example.rule else ""
    return f"{example.call}{second}{said}{rule}"


@rules.command
def apply(file: Path, *, tenant: str, author: Author, place: Place = HERE) -> None:
    """Put a file's rules in force: every call, past and to come, has the marks that they give, and no others.

    What a person marked or deleted stays. Interrupted, the same command goes on where it was; calls that it has not
    come to are under the rules before.

    Parameters
    ----------
    file
        A YAML file of rules; its examples must hold.
    tenant
        Whose calls.

    """
    ruleset, text = read(file)

    async def work(service: Service) -> ProgressAnswer:
        found = await service.tenant(tenant)
        version = await steward.put(service, found, ruleset, text=text, author=author)
        return await _applied(service, tenant, version, author)

    _show(place.run(work), place)


@rules.command
def withdraw(*, tenant: str, author: Author, place: Place = HERE) -> None:
    """Take the rules out of force: the marks that they gave go; what a person said stays.

    Parameters
    ----------
    tenant
        Whose calls.

    """
    _show(place.run(lambda service: _applied(service, tenant, None, author)), place)


async def _applied(service: Service, tenant: str, version: str | None, author: str) -> ProgressAnswer:
    found, changed = await service.tenant(tenant), 0
    applying = steward.apply(service, found, version, author=author)
    with progress() as bar:
        task = bar.add_task("calls", total=None, speed="")
        told = await anext(applying)
        while not told.finished:
            changed += told.changed
            bar.update(task, total=told.calls, completed=told.done)
            told = await anext(applying)
    return msgspec.structs.replace(told, changed=changed)


def _show(told: ProgressAnswer, place: Place) -> None:
    show(told, as_json=place.json)


@rules.command(name="list")
def list_(*, tenant: str, place: Place = HERE) -> None:
    """List the versions of a tenant's rules, newest first.

    Parameters
    ----------
    tenant
        Whose rules.

    """

    async def work(service: Service) -> list[VersionAnswer]:
        return await steward.versions(service, await service.tenant(tenant))

    rows = [msgspec.structs.asdict(one) for one in place.run(work)]
    show_rows(rows, ("version", "rules", "author", "came_at", "in_force"), as_json=place.json)


@rules.command
def history(*, tenant: str, place: Place = HERE) -> None:
    """List which version was put in force when, and by whom, the newest first.

    Parameters
    ----------
    tenant
        Whose rules.

    """

    async def work(service: Service) -> list[AppliedAnswer]:
        return await steward.applied(service, await service.tenant(tenant), limit=MOST_APPLIED)

    rows = [msgspec.structs.asdict(one) for one in place.run(work)]
    show_rows(rows, ("at", "version", "author"), as_json=place.json)


@rules.command(name="show")
def show_(version: str, *, tenant: str, place: Place = HERE) -> None:
    """Print a version of the rules as it was written.

    Parameters
    ----------
    version
        Its name, as `rules list` tells it.
    tenant
        Whose rules.

    """

    async def work(service: Service) -> str:
        return await steward.written(service, await service.tenant(tenant), version)

    text = place.run(work)
    if place.json:
        print_json({"version": version, "text": text})
    else:
        sys.stdout.write(text)

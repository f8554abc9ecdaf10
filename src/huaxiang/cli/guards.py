"""The options that decide who is who, for `tenant set` and `rehearse`: guards, blocked values, ranks, order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from cyclopts import Parameter

from huaxiang.errors import SettingsInvalid
from huaxiang.model import TenantSettings


def _many(name: str, words: str) -> Parameter:
    return Parameter(name=name, consume_multiple=False, help=f"{words} May be repeated.")


@Parameter(name="*")
@dataclass(frozen=True)
class Guards:
    """What is to be changed; what is not given stays."""

    rank: Annotated[
        list[str] | None,
        _many("--rank", "SOURCE=N: which source wins of two that say something at the same time; the higher."),
    ] = None
    matching: Annotated[
        list[str] | None,
        _many(
            "--matching",
            "SOURCE=KIND,KIND,…: on which identifier a source's facts hang, the first that is there; `*` for every "
            "other source, `SOURCE=none` for the record's own order.",
        ),
    ] = None
    block: Annotated[
        list[str] | None,
        _many("--block", "A value that identifies nobody (a line of your own), or kind:value."),
    ] = None
    unblock: Annotated[list[str] | None, _many("--unblock", "The reverse.")] = None
    neighbours: Annotated[
        list[str] | None,
        _many(
            "--neighbours",
            "KIND=N: most neighbours of one kind that an identifier may have before it joins nobody; `none` lifts it.",
        ),
    ] = None
    identifiers: Annotated[
        list[str] | None,
        _many("--identifiers", "KIND=N: most identifiers of a kind in one customer; `none` lifts it."),
    ] = None
    customer_size: Annotated[
        str | None,
        Parameter(help="N: most identifiers of a set before its weakest links are suspended; `none` lifts it."),
    ] = None

    def over(self, had: TenantSettings) -> TenantSettings:
        """The settings with these changes.

        Raises:
            SettingsInvalid: an option is not of the form that its help tells.

        """
        limits = had.limits
        size = limits.customer_size if self.customer_size is None else number("customer_size", self.customer_size)
        return msgspec.structs.replace(
            had,
            ranks={**had.ranks, **pairs("rank", self.rank)},
            matching=_orders(had.matching, self.matching),
            blocked=tuple(sorted({*had.blocked, *(self.block or ())} - {*(self.unblock or ())})),
            limits=msgspec.structs.replace(
                limits,
                neighbours=_over(limits.neighbours, pairs("neighbours", self.neighbours)),
                identifiers=_over(limits.identifiers, pairs("identifiers", self.identifiers)),
                customer_size=size,
            ),
        )


UNCHANGED = Guards()
"""No option given."""


def _over(had: dict[str, int | None], given: dict[str, int | None]) -> dict[str, int | None]:
    """What was, with what is given over it: `phone` takes the place of every `phone:…` as well."""
    kept = {name: limit for name, limit in had.items() if name.partition(":")[0] not in given}
    return {**kept, **given}


def pairs(field: str, given: list[str] | None) -> dict[str, int | None]:
    """The numbers of `NAME=NUMBER` options, by name. Raises SettingsInvalid."""
    found: dict[str, int | None] = {}
    for name, text in _split(field, given, "NAME=NUMBER"):
        found[name] = number(field, text)
    return found


def number(field: str, text: str) -> int | None:
    """A whole number, or None for `none`. Raises SettingsInvalid."""
    if text == "none":
        return None
    try:
        return int(text)
    except ValueError as error:
        raise SettingsInvalid(field=field, reason=f"{text}: a whole number or `none` is expected") from error


def checked(settings: TenantSettings) -> TenantSettings:
    """The settings, if each is in its range. Raises SettingsInvalid."""
    try:
        return msgspec.convert(msgspec.to_builtins(settings), TenantSettings)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(field="settings", reason=str(error)) from error


def _orders(had: dict[str, tuple[str, ...]], given: list[str] | None) -> dict[str, tuple[str, ...]]:
    orders = dict(had)
    for source, text in _split("matching", given, "SOURCE=KIND,KIND"):
        kinds = tuple(kind.strip() for kind in text.split(",") if kind.strip())
        orders.pop(source, None)
        if text != "none":
            orders[source] = kinds
    return orders


def _split(field: str, given: list[str] | None, form: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for one in given or ():
        name, mark, text = one.rpartition("=")
        if not mark or not name:
            raise SettingsInvalid(field=field, reason=f"{one}: {form} is expected")
        found.append((name, text))
    return found

"""A query of Tinet's, read from decoded pairs: which parameters there are, and lists and integers among them.

Rule 1: the signature's parameters and `Version` may stand in every query; any other unknown one is InputUnknown.
Rule 2: a list is one parameter whose items stand between commas, as the vendor's SDK joins them; blanks around an item
    don't count, `[a, b]` and a repeated parameter are tolerated; an empty item is none, an empty list was not given.
Rule 3: every other parameter comes once at most; an integer is decimal.
Rule 4: a list has at most 10,000 items (else InputTooLarge), an item at most 257 characters, none of them NUL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from huaxiang.dialects.tinet import signing
from huaxiang.errors import InputInvalid, InputTooLarge, InputUnknown

ITEMS_MAX: Final = 10_000
"""Items of a list in a query."""

ITEM_MAX: Final = 257
"""Characters of an item: a label's type and its name have 128 each, and a slash between them."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,10}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_ALWAYS_ALLOWED: Final = signing.PARAMETERS | {"Version"}


def given(pairs: Iterable[tuple[str, str]], names: Iterable[str]) -> dict[str, list[str]]:
    """The values of each of these parameters, as they came (Rule 1). Raises InputUnknown with the parameter's name."""
    found: dict[str, list[str]] = {name: [] for name in names}
    for key, value in pairs:
        if key in found:
            found[key].append(value)
        elif key not in _ALWAYS_ALLOWED:
            raise InputUnknown(field=key if _NAME.fullmatch(key) else "query")
    return found


def once(name: str, values: Sequence[str]) -> str:
    """The value of a parameter that comes once at most, without blanks around it; empty when absent."""
    if len(values) > 1:
        raise InputInvalid(field=name, reason="只能出现一次")
    return values[0].strip() if values else ""


def items(name: str, values: Sequence[str]) -> tuple[str, ...]:
    """The items of a list, each once (Rules 2 and 4). Raises InputTooLarge, InputInvalid."""
    if len(values) == 1 and values[0].isalnum() and len(values[0]) <= ITEM_MAX:  # one item, and nothing around it
        return (values[0],)
    found: dict[str, None] = {}
    for value in values:
        bare = value.strip()
        if bare.startswith("[") and bare.endswith("]"):
            bare = bare[1:-1]
        found.update((item.strip(), None) for item in bare.split(","))
    found.pop("", None)
    if len(found) > ITEMS_MAX:
        raise InputTooLarge(field=name, reason=f"最多 {ITEMS_MAX} 项")
    if any(len(item) > ITEM_MAX or "\0" in item for item in found):
        raise InputInvalid(field=name, reason=f"每项最多 {ITEM_MAX} 个字符,不能含有空字符")
    return tuple(found)


def integer(name: str, values: Sequence[str], *, at_least: int, at_most: int, otherwise: int) -> int:
    """An integer within its bounds, or `otherwise` when absent. Raises InputInvalid."""
    if not values:
        return otherwise
    if len(values) > 1:
        raise InputInvalid(field=name, reason="只能出现一次")
    if not _INTEGER.fullmatch(values[0]) or not at_least <= int(values[0]) <= at_most:
        raise InputInvalid(field=name, reason=f"应为 {at_least} 到 {at_most} 的整数")
    return int(values[0])

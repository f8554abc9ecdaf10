"""`validate`: the rules that an account sets on its custom fields, applied when a value is written.

Takes definitions and values, gives the reasons why not, by field; knows nothing of where the values come from.

Rule 1: `sometimes` skips a field whose value is absent.
Rule 2: `required` refuses an absent value, null, "" and [].
Rule 3: `integer` takes an integer, or the digits of one; `date` takes `yyyy-MM-dd`, alone or with `HH:mm` or with
    `HH:mm:ss`.
Rule 4: of an empty value only `required` speaks; a rule by any other name is kept, and not applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from huaxiang.model import CustomField, Json

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?)?", re.ASCII)
_WORDS = {"required": "{name}不能为空", "integer": "{name}必须是整数", "date": "{name}不是有效的日期"}


def violations(fields: Iterable[CustomField], values: Mapping[str, Json]) -> dict[str, list[str]]:
    """The reasons why `values` (by the field's id) can't be written, by the field's id; empty when they can."""
    found = {str(field.id): broken(field, values) for field in fields}
    return {id_: reasons for id_, reasons in found.items() if reasons}


def broken(field: CustomField, values: Mapping[str, Json]) -> list[str]:
    """The reasons of one field, in the order of its rules."""
    rules: list[str] = [rule for rule in field.details.get("validate") or () if isinstance(rule, str)]
    if "sometimes" in rules and str(field.id) not in values:
        return []
    value = values.get(str(field.id))
    name = field.details.get("name") or str(field.id)
    return [_WORDS[rule].format(name=name) for rule in rules if rule in _WORDS and not _keeps(rule, value)]


def _keeps(rule: str, value: Json) -> bool:
    if value is None or value in ("", []):
        return rule != "required"
    match rule:
        case "integer":
            return not isinstance(value, bool) and isinstance(value, int | str) and bool(_INTEGER.fullmatch(str(value)))
        case "date":
            return isinstance(value, str) and bool(_DATE.fullmatch(value)) and _exists(value)
        case _:
            return True


def _exists(day: str) -> bool:
    try:
        datetime.fromisoformat(day)
    except ValueError:
        return False
    return True

"""What a Telrobot call asks for: a query or a body -> plain values, with the field at fault and why, in Chinese.

Rule 1: lists stand in a query as PHP writes them (`operator[0]=1`, `operator[]=1`, `components[0][id]=…`), or in one
        parameter: JSON, or items between commas. A body of JSON on a read says the same, and comes after the query.
Rule 2: a parameter that the call does not know is refused: a filter that is misspelt must not find everybody.
Rule 3: null, "" and an empty list ask for nothing.
Rule 4: a span is two times; both ends belong to it, a day alone to its last second.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from huaxiang.dialects.telrobot.wire import MOST_A_PAGE, MOST_ROWS, ListQuery
from huaxiang.errors import InputInvalid, InputMissing, InputTooLarge, InputUnknown
from huaxiang.model import Json

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Asked = TypeVar("Asked")

_NAME: Final = re.compile(r"(\w{1,64})((?:\[\w*\])*)", re.ASCII)
_STEP: Final = re.compile(r"\[(\w*)\]", re.ASCII)
_WHOLE: Final = re.compile(r"[0-9]{1,10}")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?P<clock>[ T]\d{2}:\d{2}:\d{2})?", re.ASCII)
_YEARS: Final = range(1900, 2200)
_PATH: Final = re.compile(r" - at `(?:key in )?\$\.?(.*)`$", re.DOTALL)
_MISSING: Final = re.compile(r"missing required field `(\w+)`")
_TOO_LONG: Final = re.compile(r"of length <= (\d+)")
_LONGEST: Final = 256
_MOST_FIELDS: Final = 100
_CARRIERS: Final = ("1", "2", "3")
_SEXES: Final = ("0", "1", "2")
Stage = Literal["clue", "deal", "own", "pool"]
"""Held and not closed; held and closed; held; in the public pool."""
_STAGES: Final[dict[str, Stage]] = {"clue": "clue", "deal": "deal", "own": "own", "pool": "pool"}
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


class Listing(msgspec.Struct, frozen=True):
    """What `get_customer` is asked for, in plain values; `span` is from, and before; the last two of a stage."""

    page: int
    per_page: int
    phone: str | None
    email: str | None
    company: str | None
    span: tuple[datetime, datetime] | None
    operators: tuple[int, ...]
    components: tuple[tuple[str, str], ...]
    sexes: tuple[int, ...] = ()
    is_followed: bool | None = None


class Batch(msgspec.Struct, frozen=True):
    """A body of `async_customer` whose rows are read one by one."""

    data: Annotated[tuple[Json, ...], Meta(max_length=MOST_ROWS)]
    sub_user_id: str | None = None
    encryption: Literal[False] | None = None


def listing(query: bytes, body: bytes, zone: ZoneInfo, *, of: type[ListQuery] = ListQuery) -> Listing:
    """The filter of a list, with the parameters of `of`. Raises InputUnknown, InputInvalid, InputTooLarge."""
    said = _query(query) | _object(body)
    for name in said:
        if name not in of.__struct_fields__:
            raise InputUnknown(field=name if _NAME.fullmatch(name) else "query")
    if str(said.get("encryption", "")).lower() not in ("", "none", "false", "0"):
        raise InputInvalid(field="encryption", reason="不支持加密号码")
    return Listing(
        page=_whole("page", said.get("page"), otherwise=1, most=2**31 - 1),
        per_page=_whole("per_page", said.get("per_page"), otherwise=15, most=MOST_A_PAGE),
        phone=_line("phone", said.get("phone")),
        email=_line("email", said.get("email")),
        company=_line("company", said.get("company")),
        span=span(_items("created_at", said.get("created_at")), zone),
        operators=_among("operator", _items("operator", said.get("operator")), _CARRIERS),
        components=_components(said.get("components")),
        sexes=_among("sex", _items("sex", said.get("sex")), _SEXES),
        is_followed=_flag("is_follow", said.get("is_follow")),
    )


def stage(said: str) -> Stage:
    """The stage in a path. Raises InputInvalid."""
    found = _STAGES.get(said)
    if found is None:
        raise InputInvalid(field="type", reason=f"必须是{'、'.join(_STAGES)}之一")
    return found


def span(times: list[Json], zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """From, and before, of a pair of times; None for no time. Raises InputInvalid."""
    if not times:
        return None
    if len(times) != 2:  # noqa: PLR2004 (a pair)
        raise InputInvalid(field="created_at", reason="必须是开始和结束两个时间")
    (since, _), (last, until) = (_second_or_day(time, zone) for time in times)
    if last < since:
        raise InputInvalid(field="created_at", reason="结束时间不能早于开始时间")
    return since, until


def body(content: bytes, kind: type[Asked]) -> Asked:
    """A body of JSON as `kind`. Raises InputMissing, InputInvalid, InputTooLarge, with the field by dots."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None
    except (ValueError, RecursionError):
        raise InputInvalid(field="request", reason="不是有效的JSON") from None


def _refusal(text: str) -> InputMissing | InputInvalid | InputTooLarge:
    found = _PATH.search(text)
    place = re.sub(r"\[(\d+|\.\.\.)\]", r".\1", found[1]).replace("...", "*").strip(".") if found else ""
    if missing := _MISSING.search(text):
        return InputMissing(field=f"{place}.{missing[1]}".strip("."), reason="不能为空")
    if too_long := _TOO_LONG.search(text):
        return InputTooLarge(field=place or "request", reason=f"长度不能超过{too_long[1]}")
    return InputInvalid(field=place or "request", reason="格式不正确")


# ── the query ────────────────────────────────────────────────────────────────────────────────────────────────────


def _query(query: bytes) -> dict[str, Json]:
    """Parameters by name; lists and objects put together."""
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError:
        raise InputInvalid(field="query", reason="格式不正确") from None
    said: dict[str, Json] = {}
    lists: dict[str, dict[str, Json]] = {}
    for key, value in pairs:
        found = _NAME.fullmatch(key)
        if found is None:
            raise InputUnknown(field="query")
        name, steps = found[1], _STEP.findall(found[2])
        if not steps:
            if name in said:
                raise InputInvalid(field=name, reason="只能出现一次")
            said[name] = value
        elif len(steps) == 1:
            items = lists.setdefault(name, {})
            items[steps[0] or f"+{len(items)}"] = value
        else:
            item = lists.setdefault(name, {}).setdefault(steps[0], {})
            if len(steps) > 2 or not isinstance(item, dict):  # noqa: PLR2004 (an item's own field)
                raise InputInvalid(field=name, reason="格式不正确")
            cast("dict[str, Json]", item)[steps[1]] = value
    return said | {name: [items[key] for key in sorted(items, key=_place)] for name, items in lists.items()}


def _place(key: str) -> tuple[int, str]:
    digits = key.removeprefix("+")
    return (int(digits) if digits.isdecimal() and len(digits) < 10 else 10**9, key)  # noqa: PLR2004 (no such list)


def _object(content: bytes) -> dict[str, Json]:
    """What a read's body says; nothing for none."""
    if not content.strip():
        return {}
    try:
        said = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InputInvalid(field="request", reason="不是有效的JSON")
    return cast("dict[str, Json]", said)


# ── one value ────────────────────────────────────────────────────────────────────────────────────────────────────


def _whole(field: str, value: Json, *, otherwise: int, most: int) -> int:
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if value is None or value == "":
        return otherwise
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= most:
        raise InputInvalid(field=field, reason=f"必须是1到{most}的整数")
    return int(text)


def _line(field: str, value: Json) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise InputInvalid(field=field, reason=f"必须是不超过{_LONGEST}个字符的文本")
    return value.strip() or None


def _items(field: str, value: Json) -> list[Json]:
    """A list's items: as they are, or of a text between commas, which may stand in brackets, with quotes."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        bare = value.strip().removeprefix("[").removesuffix("]")
        value = [item.strip().strip('"') for item in bare.split(",")] if bare.strip() else []
    if not isinstance(value, list) or len(cast("list[Json]", value)) > _MOST_FIELDS:
        raise InputInvalid(field=field, reason=f"必须是不超过{_MOST_FIELDS}项的数组")
    return cast("list[Json]", value)


def _among(field: str, items: list[Json], known: tuple[str, ...]) -> tuple[int, ...]:
    if not all(str(item).strip() in known for item in items):
        raise InputInvalid(field=field, reason=f"必须是{'、'.join(known)}之一")
    return tuple(sorted({int(item) for item in items}))


def _flag(field: str, value: Json) -> bool | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or str(value).strip() not in ("0", "1"):
        raise InputInvalid(field=field, reason="必须是0、1之一")
    return str(value).strip() == "1"


def _components(value: Json) -> tuple[tuple[str, str], ...]:
    if isinstance(value, str) and value.strip():
        try:
            value = msgspec.json.decode(value)
        except (ValueError, RecursionError):
            raise InputInvalid(field="components", reason="不是有效的JSON") from None
    return tuple(_component(index, item) for index, item in enumerate(_items("components", value)))


def _component(index: int, item: Json) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise InputInvalid(field=f"components.{index}", reason="必须是对象")
    said = cast("dict[str, Json]", item)
    id_, value = said.get("id"), said.get("value")
    if not isinstance(id_, str) or not _UUID.fullmatch(id_):
        raise InputInvalid(field=f"components.{index}.id", reason="必须是uuid")
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > _LONGEST:
        raise InputInvalid(field=f"components.{index}.value", reason=f"必须是不超过{_LONGEST}个字符的文本或数字")
    return id_.lower(), str(value)


def _second_or_day(value: Json, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a second, or a day, begins, and when the next one does."""
    text = value.strip() if isinstance(value, str) else ""
    found = _TIME.fullmatch(text)
    try:
        time = datetime.fromisoformat(text) if found else None
    except ValueError:
        time = None
    if found is None or time is None or time.year not in _YEARS:
        raise InputInvalid(field="created_at", reason="必须是yyyy-MM-dd HH:mm:ss格式的时间")
    if found["clock"]:
        begins = time.replace(tzinfo=zone).astimezone(UTC)
        return begins, begins + timedelta(seconds=1)
    return time.replace(tzinfo=zone).astimezone(UTC), (time + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)

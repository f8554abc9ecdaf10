"""Tags, as traits: what a record says of a tag, and which tags a customer's traits make stand.

A tag is put on by its name, with values or without, and taken off whole or by its values. Each of these is a trait of a
name of its own, so that its newest word wins, in any order of arrival:

    tag:NAME                put on without a value
    untag:NAME              taken off whole
    tag_value:NAME/VALUE    this value put on, or taken off

Rule 1: what was put on stands unless the tag was taken off whole since; of one instant, the later record's word counts.
Rule 2: a tag stands while one of its words does, and with the values that do. Its time is that of the newest of them.
Rule 3: particulars (its id, type and counts) are the newest that a standing word tells; nobody works them out here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import UNSET, UnsetType

from huaxiang.dialects.rabbitpre.neighbours import Tag, TagValue
from huaxiang.dialects.rabbitpre.row import EPOCH, MILLISECOND
from huaxiang.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from huaxiang.dialects.rabbitpre.row import Row
    from huaxiang.model import Json, Newest

LONGEST_TRAIT: Final = 128
_ON, _OFF, _VALUE = "tag:", "untag:", "tag_value:"
_NUMBERS: Final = {"tagId": "id", "execCount": "runs", "execUserCount": "users"}


def told(tag: Row, *, off: bool) -> dict[str, Json]:
    """The traits by which a record puts a tag on, or takes it off. Raises `InputMissing`, `InputInvalid`."""
    name = tag.needed("tagName", longest=LONGEST_TRAIT)
    about = _about(tag, name)
    values = list(_values(tag))
    found: dict[str, Json] = {_OFF + name: {"tag": name}} if off else {_ON + name: about}
    if values:
        # A name that holds the sign between name and value must not read as another name with another value.
        start = _VALUE + name.replace("\\", "\\\\").replace("/", "\\/") + "/"
        found = {start + value["value"]: {**about, **value, "on": not off} for value in values}
    if any(len(trait) > LONGEST_TRAIT for trait in found):
        raise InputInvalid(field=tag.place("tagName"), reason=f"longer than {LONGEST_TRAIT} characters, with its value")
    return found


def standing(traits: Mapping[str, Newest]) -> list[Tag]:
    """The tags that stand, newest first, then by name; the values of one by their text."""
    words: defaultdict[str, list[Newest]] = defaultdict(list)
    gone: dict[str, Newest] = {}
    for trait, newest in traits.items():
        name = _name(newest)
        if name is not None and trait.startswith(_OFF):
            gone[name] = newest
        elif name is not None and trait.startswith((_ON, _VALUE)):
            words[name].append(newest)
    found = [tag for name in words if (tag := _standing(name, words[name], gone.get(name))) is not None]
    return sorted(sorted(found, key=lambda tag: tag.tagName), key=lambda tag: tag.tagTime, reverse=True)


def _standing(name: str, words: list[Newest], gone: Newest | None) -> Tag | None:
    since = [word for word in words if gone is None or word.order > gone.order]
    live = sorted((word for word in since if word.value.get("on", True) is True), key=lambda word: word.order)
    if not live:
        return None
    about: dict[str, Json] = {}
    for word in live:
        about |= word.value
    values = {text: _value(text, word.value) for word in live if isinstance(text := word.value.get("value"), str)}
    return Tag(
        tagId=_whole(about.get("id")),
        execCount=_whole(about.get("runs")),
        tagTime=(live[-1].order.at - EPOCH) // MILLISECOND,
        tagName=name,
        tagType=kind if isinstance(kind := about.get("type"), str) else UNSET,
        execUserCount=_whole(about.get("users")),
        tagValueList=[values[text] for text in sorted(values)] or UNSET,
    )


def _value(text: str, said: Mapping[str, Json]) -> TagValue:
    return TagValue(tagValueId=_whole(said.get("value_id")), tagValue=text, markCount=_whole(said.get("weight")))


def _name(newest: Newest) -> str | None:
    """The tag that a trait tells of; none, where somebody else gave a trait of such a name another meaning."""
    said: Json = newest.value
    name = cast("dict[str, Json]", said).get("tag") if isinstance(said, dict) else None
    return name if isinstance(name, str) else None


def _whole(value: Json) -> int | UnsetType:
    return value if isinstance(value, int) and not isinstance(value, bool) else UNSET


def _about(tag: Row, name: str) -> dict[str, Json]:
    said: dict[str, Any] = {ours: tag.number(theirs) for theirs, ours in _NUMBERS.items()}
    said |= {"tag": name, "type": tag.text("tagType", longest=LONGEST_TRAIT)}
    return {field: value for field, value in said.items() if value is not None}


def _values(tag: Row) -> Iterator[dict[str, Json]]:
    """The values that a tag is named with: objects as they are answered, or their texts."""
    for field in ("tagValueList", "tagValues"):
        for index, item in enumerate(tag.items(field)):
            value = tag.item(item, f"{field}[{index}]", name="tagValue")
            said = {
                "value": value.needed("tagValue", longest=LONGEST_TRAIT),
                "value_id": value.number("tagValueId"),
                "weight": value.number("markCount"),
            }
            yield {name: one for name, one in said.items() if one is not None}

"""Facts that are just what their bytes decode to, as most are: nothing in them to convert, to seal, or to find out.

Takes a profile; gives its names, normalised, or None where the fact has to be read again to know what it says.

Rule 1: whatever is not seen here to be within the limits of the model goes the long way, which tells why not.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import NoneType
from typing import TYPE_CHECKING, Final

from huaxiang.identifiers import SEALED, lone_phone, normalise
from huaxiang.model import Mention

if TYPE_CHECKING:
    from huaxiang.model import AnyFact, Identifier, Json, Trait

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_ID: Final = 256
LONGEST_NAME: Final = 128
LONGEST_LINE: Final = 4096
LARGEST_COUNT: Final = 2**31 - 1
MOST_NAMES: Final = 32
PLAIN_VALUES: Final = frozenset({str, int, bool, NoneType})
TEXT: Final = frozenset({str})

_ID = re.compile(r"\s*[0-9]{1,20}\s*", re.ASCII)
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")


def is_own(mention: Mention, own: range) -> bool:
    """Whether a mention is by an id that the tenant gave out itself."""
    return mention.kind == "audience_id" and _ID.fullmatch(mention.value) is not None and int(mention.value) in own


def plain_names(fact: Trait, own: range) -> tuple[tuple[Identifier, Mention], ...] | None:
    """The names of a profile that is just what its bytes decode to; None for any other.

    `own`: the ids that its tenant gives out itself.
    """
    identifiers, traits, details = fact.identifiers, fact.traits, fact.details
    if type(identifiers) is not tuple or not 0 < len(identifiers) <= MOST_NAMES or fact.origin is not None:
        return None
    if not (is_named(fact) and is_instant(fact.at) and is_instant(fact.updated_at) and is_instant(fact.created_at)):
        return None
    if (traits != {} or details != {}) and not _are_plain(traits, details):
        return None
    found: dict[Identifier, Mention] = {}
    for mention in identifiers:
        if not _is_plain(mention) or is_own(mention, own):
            return None
        identifier = lone_phone(mention.value) if mention.kind == "phone" else normalise(mention)
        if identifier is None or found.setdefault(identifier, mention) is not mention:
            return None
    return tuple(found.items())


def _is_plain(mention: Mention) -> bool:
    """Whether a mention tells no more than a name, within the limits of the model."""
    if type(mention) is not Mention:
        return False
    value, scope, kind = mention.value, mention.scope, mention.kind
    return (
        type(value) is str
        and 0 < len(value) <= LONGEST_ID
        and type(kind) is str
        and _KIND.fullmatch(kind) is not None
        and kind not in SEALED
        and type(scope) is str
        and len(scope) <= LONGEST_NAME
        and type(mention.verified) is bool
        and mention.about == {}
        and mention.held_at is None
    )


def _are_plain(traits: dict[str, Json], details: dict[str, Json]) -> bool:
    """Whether what a profile tells is said in words, numbers and the like, under names that the model allows."""
    return (
        type(traits) is dict
        and type(details) is dict
        and PLAIN_VALUES.issuperset(map(type, traits.values()))
        and PLAIN_VALUES.issuperset(map(type, details.values()))
        and TEXT.issuperset(map(type, traits))
        and TEXT.issuperset(map(type, details))
        and all(0 < len(name) <= LONGEST_NAME for name in traits)
    )


def is_named(fact: AnyFact) -> bool:
    """Whether what a record is known by is what the model allows."""
    source, enterprise, name = fact.source, fact.enterprise, fact.id
    return (
        type(source) is str
        and type(enterprise) is str
        and 0 < len(source) <= LONGEST_NAME
        and len(enterprise) <= LONGEST_NAME
        and (name is None or (type(name) is str and 0 < len(name) <= LONGEST_ID))
    )


def is_count(number: int | None) -> bool:
    """Whether it is a number that the model counts in, or none."""
    return number is None or (type(number) is int and 0 <= number <= LARGEST_COUNT)


def is_instant(time: datetime | None) -> bool:
    """Whether a time is in UTC and in the range, or none."""
    return time is None or (type(time) is datetime and time.tzinfo is UTC and EARLIEST <= time < LATEST)

"""Facts that are just what their bytes decode to, as most are: nothing in them to convert, to seal, or to find out.

Takes a profile, a follow or a record; gives its names, normalised, or None where the fact has to be read again to know
what it says.

Rule 1: whatever is not seen here to be within the limits of the model goes the long way, which tells why not.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import NoneType
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from huaxiang.identifiers import SEALED, lone_phone, normalise
from huaxiang.model import Mention, Origin, Record, Subscription, Trait

if TYPE_CHECKING:
    from huaxiang.model import AnyFact, Identifier, Json

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_ID: Final = 256
LONGEST_NAME: Final = 128
LONGEST_LINE: Final = 4096
LARGEST_COUNT: Final = 2**31 - 1
LARGEST_NUMBER: Final = 2**63
MOST_NAMES: Final = 32
PLAIN_VALUES: Final = frozenset({str, int, bool, NoneType})
TEXT: Final = frozenset({str})
TEXT_OR_NUMBER: Final = frozenset({str, int})
PLAIN_KINDS: Final = frozenset({Trait, Subscription, Record})

_ID = re.compile(r"\s*[0-9]{1,20}\s*", re.ASCII)
_USUAL_KINDS: Final = frozenset({"phone", "email", "unionid", "openid", "external_userid", "crm_id", "audience_id"})
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")


def is_own(mention: Mention, own: range) -> bool:
    """Whether a mention is by an id that the tenant gave out itself."""
    return mention.kind == "audience_id" and _ID.fullmatch(mention.value) is not None and int(mention.value) in own


Seen: TypeAlias = "dict[int, tuple[Mention, Identifier]]"
"""What plain mentions are names of, by the mention's own address: the facts of one row mention the same ones."""


def plain_names(fact: AnyFact, own: range, seen: Seen) -> tuple[tuple[Identifier, Mention], ...] | None:
    """The names of a fact of one of PLAIN_KINDS that is just what its bytes decode to; None for any other.

    `own`: the ids that its tenant gives out itself. `seen`: mentions that were looked at before, for this tenant.
    """
    identifiers = fact.identifiers
    if type(identifiers) is not tuple or not 0 < len(identifiers) <= MOST_NAMES or not is_plain(fact):
        return None
    found: dict[Identifier, Mention] = {}
    for mention in identifiers:
        known = seen.get(id(mention))
        if known is None:
            identifier = plain_name(mention, own)
            if identifier is None:
                return None
            seen[id(mention)] = mention, identifier
        else:
            identifier = known[1]
        if found.setdefault(identifier, mention) is not mention:
            return None
    return tuple(found.items())


def plain_name(mention: Mention, own: range) -> Identifier | None:
    """Whom a plain mention names; None for any other. Raises `InputInvalid` as `normalise` does."""
    if not _is_plain_mention(mention) or is_own(mention, own):
        return None
    return lone_phone(mention.value) if mention.kind == "phone" else normalise(mention)


def is_plain(fact: AnyFact) -> bool:
    """Whether all that a fact of one of PLAIN_KINDS says but its names is plain."""
    return (
        is_named(fact)
        and is_instant(fact.at)
        and is_instant(fact.updated_at)
        and is_instant(fact.created_at)
        and _is_plain_document(fact.traits)
        and _is_plain_document(fact.details)
        and (fact.traits == {} or all(0 < len(name) <= LONGEST_NAME for name in fact.traits))
        and (fact.origin is None or _is_plain_origin(fact.origin))
        and (type(fact) is Trait or _has_plain_fields(fact))
    )


def _has_plain_fields(fact: AnyFact) -> bool:
    """Whether the fields that its kind alone has are plain."""
    if type(fact) is Subscription:
        is_follow = _is_text(fact.account, LONGEST_NAME, least=1) and _is_line(fact.account_name)
        return is_follow and type(fact.followed) is bool
    if type(fact) is Record:
        is_record = _is_text(fact.record, LONGEST_ID, least=1) and _is_text(fact.owner, LONGEST_NAME)
        return is_record and type(fact.deleted) is bool
    return False


def _is_plain_mention(mention: Mention) -> bool:
    """Whether a mention is a name, within the limits of the model, and what it tells of the identifier is plain."""
    if type(mention) is not Mention:
        return False
    value, scope, kind = mention.value, mention.scope, mention.kind
    return (
        type(value) is str
        and 0 < len(value) <= LONGEST_ID
        and type(kind) is str
        and (kind in _USUAL_KINDS or _KIND.fullmatch(kind) is not None)
        and kind not in SEALED
        and type(scope) is str
        and len(scope) <= LONGEST_NAME
        and type(mention.verified) is bool
        and (mention.about == {} or _is_plain_about(mention.about))
        and mention.held_at is None
    )


def _is_plain_about(about: dict[str, str | int]) -> bool:
    return (
        type(about) is dict
        and TEXT_OR_NUMBER.issuperset(map(type, about.values()))
        and TEXT.issuperset(map(type, about))
        and all(0 < len(name) <= LONGEST_NAME for name in about)
    )


def _is_plain_document(document: dict[str, Json]) -> bool:
    """Whether what is told is words, numbers and the like, or lists and objects of these, each under a text."""
    if type(document) is not dict or not document:
        return type(document) is dict
    if not TEXT.issuperset(map(type, document)):
        return False
    return PLAIN_VALUES.issuperset(map(type, document.values())) or all(map(_is_plain_value, document.values()))


def _is_plain_value(value: Json) -> bool:
    if type(value) is list:
        return PLAIN_VALUES.issuperset(map(type, cast("list[Json]", value)))
    if type(value) is dict:
        inner = cast("dict[str, Json]", value)
        return TEXT.issuperset(map(type, inner)) and PLAIN_VALUES.issuperset(map(type, inner.values()))
    return type(value) in PLAIN_VALUES


def _is_plain_origin(origin: Origin) -> bool:
    return (
        type(origin) is Origin
        and origin.upstream is None
        and all(map(_is_line, (origin.channel_name, origin.channel_type, origin.department_name, origin.work_type)))
        and all(map(_is_number, (origin.channel, origin.department, origin.task)))
    )


def _is_line(text: str | None) -> bool:
    return text is None or _is_text(text, LONGEST_LINE)


def _is_text(text: str, longest: int, *, least: int = 0) -> bool:
    return type(text) is str and least <= len(text) <= longest


def _is_number(number: int | None) -> bool:
    return number is None or (type(number) is int and -LARGEST_NUMBER <= number < LARGEST_NUMBER)


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

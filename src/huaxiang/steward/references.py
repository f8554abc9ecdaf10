"""What other people's facts say of an erased person, and the same facts without it. Pure.

Takes a fact that may refer to the person; gives it rewritten, or None where it does not.

Rule 1: a mention of the person's identifiers goes: in `identifiers`, `apart_from`, `upstream`, `origin.upstream`.
        By its time, where the identifier has changed hands; by its name alone, where nobody else has it.
Rule 2: in what people or programs wrote (traits, details, about, texts of a transcript, reasons, …) a value that
        identifies the person by itself becomes `***`: it alone or within a text, between characters that are no letter
        and no digit; a phone in any usual way of writing. Numbers that are such a value become 0.
Rule 3: values shorter than six characters identify nobody beyond their kind and scope: they go as mentions alone. So
        do service lines, placeholders, and values that somebody else holds too.
Rule 4: the name of a record (source, enterprise, id, call, record) stays: it is how its source finds it.
Rule 5: a link without two ends, or a parting without its other side, says nothing any more: it is withdrawn.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from huaxiang.claim import epoch_of
from huaxiang.errors import Refused
from huaxiang.identifiers import identifies, node_of, normalise, parts_of
from huaxiang.model import AnyFact, Fact, Identifier, Interaction, Json, Link, Mention, Transcript

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

ERASED = "***"
"""What stands where a value stood: no longer than any value, so that what was within its limits stays so."""
SHORTEST_WORD = 6
SHORTEST_RAW_NUMBER = 8
_LOOSELY = r'(?:[^0-9a-z"]|\\[tnr])*'
_BLANKS = r"(?:[[:space:]\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|\\[tnr])*"
_BETWEEN = r"[\s().~/\-\u2010-\u2015\u2212\u200b-\u200f]*"
_WRITTEN = ("city", "author", "reason", "account_name")
_OF_ORIGIN = ("channel_name", "channel_type", "department_name", "work_type")

Written = TypeVar("Written", bound=msgspec.Struct)


class Person(msgspec.Struct, frozen=True):
    """Who is erased. `nodes`: their places; `identifiers`: what these are called; `alone`: those that nobody else has.

    `words` finds their values in a text; None when none identifies them by itself. `key` and `cuts` are the tenant's.
    """

    key: bytes
    cuts: Mapping[Identifier, Sequence[datetime]]
    nodes: frozenset[UUID]
    identifiers: frozenset[Identifier]
    alone: frozenset[Identifier]
    words: re.Pattern[str] | None

    def named_by(self, mention: Mention | None, at: datetime) -> bool:
        """Whether a mention in a fact of that time means the person."""
        if mention is None:
            return False
        try:
            identifier = normalise(mention)
        except Refused:
            return False
        if identifier not in self.identifiers:
            return False
        epoch = epoch_of(self.cuts.get(identifier, ()), mention.held_at or at)
        return identifier in self.alone or node_of(self.key, identifier, epoch) in self.nodes


def searched(identifiers: Iterable[Identifier], blocked: frozenset[str], shared: frozenset[str]) -> list[Identifier]:
    """Those whose value identifies the person by itself, wherever it stands; somebody else holds `shared` ones too."""
    return [one for one in identifiers if one.value not in shared and _is_word(one, blocked)]


def _is_word(identifier: Identifier, blocked: frozenset[str]) -> bool:
    if identifier.kind == "raw_number":
        return len(identifier.value) >= SHORTEST_RAW_NUMBER
    return len(identifier.value) >= SHORTEST_WORD and identifies(identifier, blocked)


def words(identifiers: Iterable[Identifier], spellings: Iterable[str]) -> re.Pattern[str] | None:
    """What finds these identifiers' values, and these spellings, in a text."""
    patterns = {_written(one) for one in identifiers}
    patterns |= {re.escape(spelled.strip()) for spelled in spellings if len(spelled.strip()) >= SHORTEST_WORD}
    if not patterns:
        return None
    longest_first = sorted(patterns, key=lambda pattern: (-len(pattern), pattern))
    return re.compile(rf"(?<![0-9A-Za-z])(?:{'|'.join(longest_first)})(?![0-9A-Za-z])")


def _written(identifier: Identifier) -> str:
    if identifier.kind == "phone":
        base = identifier.value.partition(";")[0].removeprefix("+")
        if base.startswith("86"):
            return rf"(?:(?:\+|00)?86{_BETWEEN})?(?:\(?0{_BETWEEN})?{_digits(base[2:])}"
        return rf"(?:\+|00)?{_digits(base)}"
    escaped = re.escape(identifier.value)
    return f"(?i:{escaped})" if identifier.kind in {"email", "id_number"} else escaped


def _digits(number: str) -> str:
    return _BETWEEN.join(f"[{digit}{chr(0xFF10 + int(digit))}]" if digit.isascii() else digit for digit in number)


def pattern(identifiers: Iterable[Identifier], worded: Iterable[Identifier], spellings: Iterable[str]) -> str:
    """What finds, in PostgreSQL, the JSON of facts that may refer: words anywhere, all others where a mention stands.

    It may find too much, since `without` has the last word, and must not find too little.
    """
    found = {f'"value": ?"{_BLANKS}{_loose(one.value)}{_BLANKS}"' for one in identifiers if one.kind != "phone"}
    found |= {_loose(spelled.strip()) for spelled in spellings if len(spelled.strip()) >= SHORTEST_WORD}
    found |= {_loose(one.value) for one in worded if one.kind != "phone"}
    # The national number, or of a foreign one its end: the prefix is written in many ways.
    phones = (one.value.partition(";")[0] for one in identifiers if one.kind == "phone")
    found |= {_loose(phone[3:] if phone.startswith("+86") else phone[-7:]) for phone in phones}
    return "|".join(sorted(found))


def _loose(value: str) -> str:
    """A value in normal or full width, with anything between its characters that is no letter, no digit, no quote."""
    return _LOOSELY.join(map(_of_any_width, json.dumps(value, ensure_ascii=False)[1:-1]))


def _of_any_width(character: str) -> str:
    if character.isascii() and character.isalnum():
        return f"[{character}{chr(ord(character) + 0xFEE0)}]"
    wide = chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character
    return f"(?:{re.escape(character)}|{re.escape(wide)})"


# ── the same fact without them ────────────────────────────────────────────────────────────────────────────────────


def without(person: Person, fact: AnyFact, at: datetime) -> AnyFact | None:
    """The fact of that time as it is to stand; None when it does not refer to the person."""
    changed: AnyFact = _without_words(person, _without_mentions(person, fact, at))
    return None if changed == fact else changed


def _without_mentions(person: Person, fact: AnyFact, at: datetime) -> AnyFact:
    changes: dict[str, object] = {}
    kept = _kept(person, fact.identifiers, at)
    if kept != fact.identifiers:
        changes["identifiers"] = kept
    if fact.origin is not None and person.named_by(fact.origin.upstream, at):
        changes["origin"] = msgspec.structs.replace(fact.origin, upstream=None)
    if isinstance(fact, Interaction) and person.named_by(fact.upstream, at):
        changes["upstream"] = None
    if isinstance(fact, Link):
        apart = _kept(person, fact.apart_from, at)
        changes |= {"apart_from": apart} if apart != fact.apart_from else {}
        if changes and not _stands(kept, apart, parts=bool(fact.apart_from)):
            changes |= {"apart_from": (), "withdrawn": True}
    return msgspec.structs.replace(fact, **changes) if changes else fact


def _kept(person: Person, mentions: Sequence[Mention], at: datetime) -> tuple[Mention, ...]:
    """The mentions that mean others; of several numbers in one field, those of others."""
    kept: list[Mention] = []
    for one in mentions:
        parts = parts_of(one)
        others = [part for part in parts if not person.named_by(part, at)]
        if len(others) == len(parts):
            kept.append(one)
        elif others:
            kept.append(msgspec.structs.replace(one, value="/".join(part.value for part in others)))
    return tuple(kept)


def _stands(kept: Sequence[Mention], apart: Sequence[Mention], *, parts: bool) -> bool:
    """Whether a link still says something. A parting that lost its other side must not become a join."""
    if parts:
        return bool(kept and apart)
    return len({(normalise(part), part.held_at) for one in kept for part in parts_of(one)}) > 1


def _without_words(person: Person, fact: AnyFact) -> AnyFact:
    if person.words is None:
        return fact
    found = person.words
    changes: dict[str, object] = {
        "traits": _bare(found, fact.traits),
        "details": _bare(found, fact.details),
        "identifiers": tuple(_bare_mention(found, one) for one in fact.identifiers),
    }
    if fact.origin is not None:
        origin = _bare_texts(found, fact.origin, _OF_ORIGIN)
        changes["origin"] = msgspec.structs.replace(origin, upstream=_bare_upstream(found, origin.upstream))
    if isinstance(fact, Interaction):
        changes["upstream"] = _bare_upstream(found, fact.upstream)
    if isinstance(fact, Link):
        changes["apart_from"] = tuple(_bare_mention(found, one) for one in fact.apart_from)
    if isinstance(fact, Transcript):
        changes["utterances"] = tuple(_bare_texts(found, one, ("text",)) for one in fact.utterances)
    return _bare_texts(found, msgspec.structs.replace(fact, **changes), _WRITTEN)


def _bare_texts(found: re.Pattern[str], of: Written, names: Iterable[str]) -> Written:
    texts = {name: text for name in names if isinstance(text := getattr(of, name, None), str)}
    return msgspec.structs.replace(of, **{name: found.sub(ERASED, text) for name, text in texts.items()})


def _bare_mention(found: re.Pattern[str], mention: Mention) -> Mention:
    return msgspec.structs.replace(mention, about=_bare(found, mention.about)) if mention.about else mention


def _bare_upstream(found: re.Pattern[str], mention: Mention | None) -> Mention | None:
    return None if mention is None else _bare_mention(found, mention)


def _bare(found: re.Pattern[str], value: Json) -> Json:
    """A JSON value without the words, in keys and numbers too."""
    if isinstance(value, str):
        return found.sub(ERASED, value)
    if isinstance(value, int) and not isinstance(value, bool):
        return 0 if value >= 10**5 and found.fullmatch(str(value)) else value
    if isinstance(value, list):
        return [_bare(found, one) for one in cast("list[Json]", value)]
    if isinstance(value, dict):
        return {found.sub(ERASED, name): _bare(found, one) for name, one in cast("dict[str, Json]", value).items()}
    return value


def is_named_after(person: Person, fact: Fact) -> bool:
    """Whether the name of somebody else's record holds a word of the person: it stays, and the operator is told."""
    if person.words is None:
        return False
    names = (getattr(fact, name, None) for name in ("id", "call", "record"))
    return any(isinstance(name, str) and person.words.search(name) for name in names)

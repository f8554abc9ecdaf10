"""A raw phone or e-mail -> `Identifier`, or the reason why not; and what an identifier is worth and is called.

Takes a `Mention`, an identifier as a record spells it. Gives the normalised `Identifier`, whether it identifies
anybody, its node, and for phones the carrier and the home.

Rule 1: spellings of one number are one identifier: E.164 by the phone library, region CN; an extension is part of it.
Rule 2: a phone that the library does not find valid is kept, as a `raw_number`, which identifies nobody.
Rule 3: a value that can't be meant at all (an e-mail without a domain, a number that a spreadsheet broke) is refused.
Rule 4: what means the same everywhere (phone, e-mail, unionid) has no scope; every other kind keeps its own.
Rule 5: the keyed hashes encode their parts so that no two lists of parts read the same.
Rule 6: no refusal repeats the value, which is a personal datum.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from uuid import UUID, SafeUUID

import msgspec
import phonenumbers

from huaxiang.errors import InputInvalid
from huaxiang.model import OWN_IDS, SLOT_IDS, Identifier, Mention
from huaxiang.places import Home, home, parsed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "SEALED",
    "Home",
    "carrier",
    "home",
    "identifies",
    "lone_phone",
    "node_of",
    "normalise",
    "parts_of",
    "record_key",
    "revision_mark",
    "sealed",
    "slot_of",
]

REGION: Final = "CN"
SCOPELESS: Final = frozenset({"phone", "raw_number", "email", "unionid"})
SEALED: Final = frozenset({"id_number"})
"""Kinds that are kept only as a keyed hash."""
FEWEST_KEY_BYTES: Final = 16

_SEAL: Final = "sealed:"
_BETWEEN_NUMBERS = re.compile(r"[/\\,，、;；|或\n]|\s{2,}|(?<=\d{7})\s+(?=[1+(])")

# ── spelling ──────────────────────────────────────────────────────────────────────────────────────────────────────

# Marks of direction and zero-width characters, which contact lists put around a number that is copied out of them.
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SPACE = re.compile(r"\s+")
_DASH = re.compile("[\u2010-\u2015\u2212]")
# What a number may be written with, once its extension is off; letters would be dialled as digits by the library.
_WRITTEN = re.compile(r"\(?\+?[\d\s()./~-]+", re.ASCII)
_EXTENSION = re.compile(
    r"(?P<number>.+?)(?:转接?(?:分机号?)?|轉接?(?:分機號?)?|分机号?|分機號?|;ext=|extension|ext|[x#,])[\s:.]*(?P<extension>\d{1,7})",
    re.ASCII | re.IGNORECASE,
)
# The usual way to write an extension in China: another hyphen after the whole number.
_LAST_GROUP = re.compile(r"(?P<number>(?:\(?0\d{2,3}\)?-?\d{7,8}|1\d{10}))-(?P<extension>\d{1,6})", re.ASCII)
_SPREADSHEET = re.compile(r"[+-]?\d(?:\.\d+)?e\+?\d+", re.ASCII | re.IGNORECASE)
# A whole number that passed through a float has lost nothing.
_FLOAT = re.compile(r"\d{7,}\.0", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
_LONGEST_EMAIL = 254


def _pattern(kind: str) -> re.Pattern[str]:
    """The library's own pattern of a kind of mainland number, so that the short way can't disagree with the library."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(REGION)
    description = getattr(metadata, kind, None)
    return re.compile((description and description.national_number_pattern) or r"(?!)", re.ASCII)


_MOBILE, _FIXED = _pattern("mobile"), _pattern("fixed_line")
_WITH_AREA = re.compile(r"0\d{2,3}-?\d{7,8}", re.ASCII)


def lone_phone(value: str) -> Identifier | None:
    """What a phone's spelling means, if it means one number: as `parts_of` and `normalise` find it; else None.

    Raises `InputInvalid` as `normalise` does.
    """
    return _phone_as_mostly_written(value) or _lone_phone(value)


@lru_cache(maxsize=32_768)
def _lone_phone(value: str) -> Identifier | None:
    parts = parts_of(Mention("phone", value))
    return normalise(parts[0]) if len(parts) == 1 else None


def normalise(mention: Mention) -> Identifier:
    """The identifier that a mention means; kinds beyond the known ones are taken, their outer blanks removed.

    Raises `InputInvalid` (field `identifiers`) for a value that is empty, an e-mail that is none, and a phone that a
    spreadsheet turned into a power of ten.
    """
    kind, value = mention.kind, mention.value
    if kind == "phone":
        return _phone(value)
    if kind == "email":
        return Identifier(kind, _email(value))
    if kind == "raw_number":
        value = _cleaned(value)
    elif kind == "id_number":
        value = value if value.startswith(_SEAL) else _cleaned(value).upper()
    else:
        value = value.strip()
    if not value:
        raise InputInvalid(field="identifiers", reason=f"{kind} is blank")
    return Identifier(kind, value, "" if kind in SCOPELESS else mention.scope.strip())


def parts_of(mention: Mention) -> tuple[Mention, ...]:
    """A mention of several numbers in one field (`13800000001/010-65551234`) as a mention of each; any other as it is.

    Only where every part is a valid number: half a list is kept whole, as a `raw_number`.
    """
    if mention.kind != "phone" or _MOBILE.fullmatch(mention.value) or normalise(mention).kind == "phone":
        return (mention,)
    values = [part for part in _BETWEEN_NUMBERS.split(_visible(mention.value)) if part.strip()]
    parts = tuple(msgspec.structs.replace(mention, value=value.strip()) for value in values)
    whole = len(parts) > 1 and all(normalise(part).kind == "phone" for part in parts)
    return parts if whole else (mention,)


def sealed(key: bytes, mention: Mention) -> Mention:
    """A mention as it may be kept: the number of an identity card only as a hash keyed by the tenant's `key`."""
    if mention.kind not in SEALED or mention.value.startswith(_SEAL):
        return mention
    digest = blake2b(normalise(mention).value.encode(), digest_size=16, key=key, person=b"id-number").hexdigest()
    return msgspec.structs.replace(mention, value=_SEAL + digest)


def _phone(value: str) -> Identifier:
    """The short way for a number as it is mostly written; every other number goes the library's way."""
    return _phone_as_mostly_written(value) or _phone_by_library(value)


def _phone_as_mostly_written(value: str) -> Identifier | None:
    """A mainland mobile in its digits, or behind +86; a fixed line behind its area code."""
    if _MOBILE.fullmatch(value):
        return Identifier("phone", "+86" + value)
    if value.startswith("+86") and _MOBILE.fullmatch(value, 3):
        return Identifier("phone", value)
    if _WITH_AREA.fullmatch(value):
        national = value[1:].replace("-", "")
        if _FIXED.fullmatch(national) or _MOBILE.fullmatch(national):
            return Identifier("phone", "+86" + national)
    return None


@lru_cache(maxsize=16_384)
def _phone_by_library(value: str) -> Identifier:
    cleaned = _cleaned(value)
    if not cleaned:
        raise InputInvalid(field="identifiers", reason="phone is blank")
    if _SPREADSHEET.fullmatch(cleaned):
        raise InputInvalid(field="identifiers", reason="a spreadsheet turned this number into a power of ten")
    number = _valid(_visible(value))
    return Identifier("raw_number", cleaned) if number is None else Identifier("phone", number)


def _valid(text: str) -> str | None:
    """E.164 of the number written in `text`, with `;ext=` and its extension; None where the library finds none."""
    text = _DASH.sub("-", text.removeprefix("tel:"))
    if _FLOAT.fullmatch(text):
        text = text.removesuffix(".0")
    parts = _EXTENSION.fullmatch(text) or _LAST_GROUP.fullmatch(_SPACE.sub("", text))
    written, extension = (parts["number"], parts["extension"]) if parts else (text, "")
    if not _WRITTEN.fullmatch(written):
        return None
    try:
        number = phonenumbers.parse(written, REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{e164};ext={extension}" if extension else e164


def _email(value: str) -> str:
    address = _visible(value).lower()
    if len(address) > _LONGEST_EMAIL or not _EMAIL.fullmatch(address):
        raise InputInvalid(field="identifiers", reason="not an e-mail address")
    return address


def _visible(value: str) -> str:
    return _without(_INVISIBLE, unicodedata.normalize("NFKC", value)).strip()


def _cleaned(value: str) -> str:
    return _without(_SPACE, _visible(value))


def _without(what: re.Pattern[str], text: str) -> str:
    # Once more NFKC: what stood apart, and now meets, may compose, and a cleaned value has to clean to itself.
    return unicodedata.normalize("NFKC", what.sub("", text))


# ── worth ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# Service lines within an area code: 010 95588, 0755 10086, 021 12345. The bare ones are no valid numbers, and so raw.
_LOCAL_SERVICE = re.compile(r"(?:10|2\d|[3-9]\d\d)(?:1(?:00|23)\d{2,3}|9[56]\d{3,4})", re.ASCII)
# What people type when they have no number: behind the prefix or the area code, one digit throughout.
_MADE_UP = re.compile(r"(?:1\d\d|10|2\d|[3-9]\d\d)(\d)\1{6,7}", re.ASCII)
_ONE_DIGIT = re.compile(r"(\d)\1*", re.ASCII)
_PLACEHOLDER_PHONES = frozenset({"+8613800138000"})
_NOBODY = frozenset(
    {
        "null", "none", "nil", "nan", "undefined", "unknown", "default", "test", "string", "(null)", "<null>",
        "[object object]", "n/a", "na", "#n/a", "无", "暂无", "未知", "空", "没有", "测试",
    }
)  # fmt: skip
_NO_MAILBOX = frozenset(
    {
        "noreply", "no-reply", "no_reply", "no.reply", "donotreply", "do-not-reply", "do_not_reply", "mailer-daemon",
        "postmaster", "none", "null", "nobody", "undefined", "unknown", "na", "test", "test1", "test123", "testing",
    }
)  # fmt: skip
_KEYS_IN_A_ROW = re.compile(r"(.)\1{2,}|1234(?:5(?:6(?:7(?:8(?:90?)?)?)?)?)?")
_LONGEST_DOUBLED = 3
_NOTHING_BUT_ZEROS = re.compile(r"[\W_0]*")
_WECHAT_IDS = frozenset({"unionid", "openid", "external_userid", "selfbuilt_userid"})
_ONE_CHARACTER = re.compile(r"(.)\1*")
_SERVICE_TYPES = frozenset(
    {
        phonenumbers.PhoneNumberType.TOLL_FREE,
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
        phonenumbers.PhoneNumberType.UAN,
        phonenumbers.PhoneNumberType.VOICEMAIL,
    }
)


def identifies(identifier: Identifier, blocked: frozenset[str] = frozenset()) -> bool:
    """Whether the value stands for somebody, so that it may link.

    Not: a `raw_number`, a call's own node, service lines, placeholders, and what is `blocked`: `kind:value`, or a value
    of any kind, each as spelled or as normalised. Such a value keeps its facts; it only never links.
    """
    kind, value = identifier.kind, identifier.value
    if kind in {"raw_number", "call"}:
        return False
    if blocked and not _normalised(blocked).isdisjoint((value, f"{kind}:{value}")):
        return False
    if kind == "phone":
        return _phone_identifies(value)
    if kind == "email":
        return _email_identifies(value)
    if kind in _WECHAT_IDS and _ONE_CHARACTER.fullmatch(value):
        return False
    return value.casefold() not in _NOBODY and not _NOTHING_BUT_ZEROS.fullmatch(value)


def _phone_identifies(value: str) -> bool:
    base = value.partition(";")[0]
    if not base.startswith("+86"):
        return not _ONE_DIGIT.fullmatch(base, 2) and not _is_service(base)
    if base in _PLACEHOLDER_PHONES or _MADE_UP.fullmatch(base, 3):
        return False
    return bool(_MOBILE.fullmatch(base, 3)) or not (_LOCAL_SERVICE.fullmatch(base, 3) or _is_service(base))


@lru_cache(maxsize=4_096)
def _is_service(e164: str) -> bool:
    """Whether the library knows the number as a free, shared or paid line; so too if it can't read it at all."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return True
    return phonenumbers.number_type(number) in _SERVICE_TYPES


def _email_identifies(value: str) -> bool:
    mailbox, _, domain = value.partition("@")
    # a@a.com, abc@abc.com; longer ones may be somebody's own domain.
    doubled = len(mailbox) <= _LONGEST_DOUBLED and mailbox == domain.partition(".")[0]
    return not (doubled or mailbox in _NO_MAILBOX or _KEYS_IN_A_ROW.fullmatch(mailbox))


@lru_cache(maxsize=256)
def _normalised(blocked: frozenset[str]) -> frozenset[str]:
    """The entries as spelled, and as each of the kinds that they may be meant as would normalise them."""
    found = set(blocked)
    for entry in blocked:
        kind, colon, value = entry.partition(":")
        if colon and value:
            found |= _readings(kind, value, f"{kind}:")
        found |= _readings("phone", entry, "") | _readings("email", entry, "")
    return frozenset(found)


def _readings(kind: str, value: str, prefix: str) -> set[str]:
    try:
        return {prefix + normalise(Mention(kind, value)).value}
    except InputInvalid:
        return set()


# ── names in the store ────────────────────────────────────────────────────────────────────────────────────────────


def node_of(key: bytes, identifier: Identifier, epoch: int = 0) -> UUID:
    """The identifier's node: BLAKE2b-128, keyed by the tenant's `key` (16 to 64 bytes), of kind, scope, value, epoch.

    `epoch`: whose time it is, of an identifier that changes hands; 0 before the first. Raises `ValueError` for a key
    of another length.
    """
    return _keyed(key, b"node", (identifier.kind, identifier.scope), identifier.value, str(epoch))


def nodes_of(key: bytes, kind: str, scope: str) -> Callable[[bytes], bytes]:
    """What makes the nodes of many identifiers of one kind and scope, as `node_of` does: from a value in UTF-8.

    Gives the node's bytes; of the epoch before the first change of hands.
    """
    begun, lengths, text = _begun(key, b"node", (kind, scope))
    before, between = lengths, b" 1:" + text

    def node(value: bytes) -> bytes:
        keyed = begun.copy()
        keyed.update(b"%b%d%b%b0" % (before, len(value), between, value))
        return keyed.digest()

    return node


def record_key(key: bytes, source: str, enterprise: str, kind: str, record_id: str) -> UUID:
    """The key of a source's record in the registry, keyed like a node, and never equal to one but by chance.

    Raises `ValueError` for a key that is not 16 to 64 bytes long.
    """
    return _keyed(key, b"record", (source, enterprise), kind, record_id)


def keying(key: bytes, source: str, enterprise: str, kind: str) -> Callable[[bytes], bytes]:
    """What makes the keys of many records of one sort, as `record_key` does: from an id in UTF-8 to the key's bytes."""
    begun, lengths, text = _begun(key, b"record", (source, enterprise))
    before, between = b"%b%d " % (lengths, len(kind.encode())), b":" + text + kind.encode()

    def key_of(record_id: bytes) -> bytes:
        keyed = begun.copy()
        keyed.update(b"%b%d%b%b" % (before, len(record_id), between, record_id))
        return keyed.digest()

    return key_of


def placing(key: bytes, kind: str) -> Callable[[bytes], bytes]:
    """What makes the nodes of many identifiers of one kind, as `node_of` does: from a value in UTF-8 to its bytes."""
    begun, lengths, text = _begun(key, b"node", (kind, ""))

    def node(value: bytes) -> bytes:
        keyed = begun.copy()
        keyed.update(b"%b%d 1:%b%b0" % (lengths, len(value), text, value))
        return keyed.digest()

    return node


def revision_mark(key: bytes, record: UUID, digest: bytes) -> UUID:
    """What is kept of one erased revision of a record that lives: keyed like the record itself."""
    return _keyed(key, b"revision", (str(record), digest.hex()), "", "")


def slot_of(key: bytes) -> int:
    """Which slot of the ids that houses give a new tenant has, by its key; the first is that of tenants of old."""
    slots = (2**63 - OWN_IDS) // SLOT_IDS
    return 1 + int.from_bytes(blake2b(digest_size=8, key=key, person=b"slot").digest(), "big") % (slots - 1)


def _keyed(key: bytes, person: bytes, before: tuple[str, str], third: str, fourth: str) -> UUID:
    """The keyed hash of four parts, of which the first two are those of many others too."""
    begun, lengths, text = _begun(key, person, before)
    keyed, third_bytes, fourth_bytes = begun.copy(), third.encode(), fourth.encode()
    # The lengths first: a part that ends in what the next begins with is another list of parts.
    keyed.update(b"%b%d %d:%b%b%b" % (lengths, len(third_bytes), len(fourth_bytes), text, third_bytes, fourth_bytes))
    return uuid_of(keyed.digest())


@lru_cache(maxsize=256)
def _begun(key: bytes, person: bytes, before: tuple[str, str]) -> tuple[blake2b, bytes, bytes]:
    """A hash to be copied, which has taken in its key: that is done once; and how its text begins."""
    if len(key) < FEWEST_KEY_BYTES:
        raise ValueError(f"a tenant's key has at least {FEWEST_KEY_BYTES} bytes")
    one, two = [part.encode() for part in before]
    return blake2b(digest_size=16, key=key, person=person), b"%d %d " % (len(one), len(two)), one + two


def uuid_of(digest: bytes) -> UUID:
    """`UUID(bytes=…)`, without the questions that its constructor asks; they cost more than the hash."""
    made = _new(UUID)
    _set(made, "int", int.from_bytes(digest, "big"))
    _set(made, "is_safe", SafeUUID.unknown)
    return made


_new = object.__new__
_set = object.__setattr__


# ── phones ────────────────────────────────────────────────────────────────────────────────────────────────────────

_CARRIERS = {"中国电信": 1, "中国联通": 2, "中国移动": 3}


@lru_cache(maxsize=4_096)
def carrier(value: str) -> int:
    """The carrier that an E.164 mobile of the mainland was issued by: 1 电信, 2 联通, 3 移动, 0 for all else.

    Issued: a number keeps its digits when its holder changes carriers, and no public table follows it.
    """
    # Only a server that derives a carrier pays for the library's table of the world's carriers.
    from phonenumbers import carrier as carriers  # noqa: PLC0415  (for the reason above)

    number = parsed(value) if value.startswith("+86") else None
    if number is None:
        return 0
    # A number that is plainly a mobile needs no test whether it is one.
    named = carriers.name_for_valid_number if _MOBILE.fullmatch(value, 3) else carriers.name_for_number
    return _CARRIERS.get(named(number, "zh"), 0)

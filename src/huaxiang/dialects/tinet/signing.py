"""The signature of a request, as both sides of the wire make it: pure, it knows no socket, no store and no clock.

Takes a method, a host, a path and the query, raw or as decoded pairs; gives the string to sign, its signature, or the
reading of the timestamp under which a request passes. The source is the vendor's document and its Java SDK.

Rule 1: form encoding: a space is `+`; `A-Z a-z 0-9 . - * _` stay; everything else, `~` included, is `%XX` of its UTF-8.
Rule 2: the string to sign is METHOD host path ? pairs, nothing between the first three; the pairs are sorted by their
    encoded key in byte order, equal keys stay in the order in which they came, `Signature` is left out.
Rule 3: the host has neither scheme nor port.
Rule 4: `Signature` is base64 of HMAC-SHA1 over the string to sign; it is compared in constant time.
Rule 5: the query is decoded and encoded again, so that a client that left `:` as it is passes; what is not
    form-encoded UTF-8 is InputInvalid, never guessed. A query that came as it would be encoded is taken as it came;
    one in the form in which nearly all come is read in one pass (`by_sight`), with just what the long way would give.
Rule 6: without `AccessKeyId` or `Signature` nobody asks (InputMissing of that field); `Expires` (1..604800 seconds) and
    `Timestamp` (`yyyy-MM-dd'T'HH:mm:ss'Z'`) are required and well formed; each comes once.
Rule 7: an unknown key, a key without a secret and a wrong signature are the same NotAuthenticated, and that is said
    before anything about time.
Rule 8: the timestamp is read as UTC, or as the wall clock of Shanghai, or as either, as the key's `clock` says; where
    both readings pass, it is UTC.
Rule 9: a reading passes if it is at most `Expires` seconds old and at most 60 s in the future; else CredentialExpired.
"""

from __future__ import annotations

import hmac
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal, TypeAlias
from urllib.parse import quote_plus, unquote_to_bytes

import msgspec

from huaxiang.errors import CredentialExpired, InputInvalid, InputMissing, NotAuthenticated

Pairs: TypeAlias = Sequence[tuple[str, str]]
"""Decoded query parameters, in the order in which they came, repeated ones too."""

Reading: TypeAlias = Literal["utc", "shanghai"]
"""How a timestamp was understood."""

Clock: TypeAlias = Literal["both", "utc", "shanghai"]
"""Which readings an access key allows."""

EXPIRES_MAX_S: Final = 604_800
"""A week: the longest that a signature may be valid."""

SKEW_MAX_S: Final = 60
"""How far a client's clock may be ahead of ours."""

PARAMETERS: Final = frozenset({"AccessKeyId", "Expires", "Signature", "Timestamp"})
"""The parameters of the signature itself."""

_IN_ORDER: Final = ("AccessKeyId", "Signature", "Expires", "Timestamp")
"""What is missing is told in this order."""
_SHANGHAI_AHEAD_S: Final = 8 * 3600
_READINGS: Final[dict[Clock, tuple[tuple[Reading, int], ...]]] = {
    "both": (("utc", 0), ("shanghai", _SHANGHAI_AHEAD_S)),
    "utc": (("utc", 0),),
    "shanghai": (("shanghai", _SHANGHAI_AHEAD_S),),
}
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z")
_ESCAPED: Final = rb"[01][0-9A-F]|2[1-9BCF]|3[A-F]|40|5[B-E]|60|7[B-F]|[89A-F][0-9A-F]"
_PIECE: Final = rb"(?:[A-Za-z0-9.*_+-]++|%(?:" + _ESCAPED + rb"))*+"
_CANONICAL: Final = re.compile(_PIECE + b"=" + _PIECE + b"(?:&" + _PIECE + b"=" + _PIECE + b")*")
_DIGEST: Final = rb"((?:[A-Za-z0-9]|%2[BF]){27}%3D)"
_USUAL: Final = re.compile(
    rb"AccessKeyId=([A-Za-z0-9.*_-]{1,128})&Expires=([0-9]{1,6})(?:&Signature=" + _DIGEST + rb")?"
    rb"&Timestamp=([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}%3A[0-9]{2}%3A[0-9]{2}Z)"
    rb"((?:&[U-Za-z][A-Za-z]*+=" + _PIECE + rb")*+)(?:&Signature=" + _DIGEST + rb")?"
)
"""The form of nearly all queries: canonical, `Signature` in its place or last; the names behind `Timestamp` sort so."""
_KEY_ID: Final = re.compile(r"[!-~]{1,128}")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who a request says that it comes from, and the proof: well formed, not yet believed.

    `expires` in seconds; `timestamp`: the digits as they stand, in epoch seconds when read as UTC; `signed`: the
    query's part of the string to sign.
    """

    access_key_id: str
    signature: str
    expires: int
    timestamp: int
    signed: bytes


def read(query: bytes) -> tuple[Claim, Pairs]:
    """What a request claims by its raw query, and its parameters but for those of the signature, in their order.

    Raises as `decode_query`, then as `claim`.
    """
    return by_sight(query) or at_length(query)


def by_sight(query: bytes) -> tuple[Claim, Pairs] | None:
    """The same in one pass, where the query has its usual form; None where it has another. Raises as `read`."""
    seen = _USUAL.fullmatch(query)
    if seen is None:
        return None
    name, expires, inside, timestamp, business, last = seen.groups()
    seconds, signature = int(expires), inside or last
    if (inside is None) is (last is None) or not 1 <= seconds <= EXPIRES_MAX_S:
        return None
    pairs: list[tuple[str, str]] = []
    for piece in business.split(b"&")[1:]:
        key, _, value = piece.partition(b"=")
        text = value.decode("ascii") if b"%" not in piece and b"+" not in piece else _decoded(value)
        pairs.append((key.decode("ascii"), text))
    if len(pairs) > 1 and any(one[0] > other[0] for one, other in pairwise(pairs)):
        return None
    at, end = seen.span(3) if inside else seen.span(6)
    claimed = Claim(
        access_key_id=name.decode("ascii"),
        signature=_unescaped(signature),
        expires=seconds,
        timestamp=_timestamp_as_sent(timestamp),
        signed=query[: at - len("&Signature=")] + query[end:],
    )
    return claimed, pairs


def at_length(query: bytes) -> tuple[Claim, Pairs]:
    """The same for a query of any form."""
    pairs = decode_query(query)
    return claim(pairs, query), [pair for pair in pairs if pair[0] not in PARAMETERS]


def _unescaped(signature: bytes) -> str:
    return signature.replace(b"%3D", b"=").replace(b"%2B", b"+").replace(b"%2F", b"/").decode("ascii")


@lru_cache(maxsize=1024)
def _timestamp_as_sent(escaped: bytes) -> int:
    return _timestamp(escaped.decode("ascii").replace("%3A", ":"))


def decode_query(query: bytes) -> list[tuple[str, str]]:
    """Pairs of a raw query string, form-decoded (Rule 5); a parameter without `=` has the empty value.

    Raises InputInvalid on a broken `%` and on what is not UTF-8.
    """
    pairs: list[tuple[str, str]] = []
    for piece in query.split(b"&"):
        if piece:
            key, _, value = piece.partition(b"=")
            if piece.isascii() and b"%" not in piece and b"+" not in piece:  # most say just what they mean
                pairs.append((key.decode("ascii"), value.decode("ascii")))
            else:
                pairs.append((_decoded(key), _decoded(value)))
    return pairs


def enc(text: str) -> str:
    """Form encoding as Java's URLEncoder does it, in UTF-8 (Rule 1)."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def bare_host(host: str) -> str:
    """A host without its port (Rule 3): `example.com:8080` -> `example.com`, `[::1]:80` -> `[::1]`."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def string_to_sign(method: str, host: str, path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """What both sides sign (Rules 1 to 3). `pairs` are decoded; a `Signature` among them is left out."""
    return f"{method}{bare_host(host)}{path}?{_encoded(pairs)}"


def _encoded(pairs: Iterable[tuple[str, str]]) -> str:
    encoded = [(enc(key), enc(value)) for key, value in pairs if key != "Signature"]
    encoded.sort(key=lambda pair: pair[0])
    return "&".join(f"{key}={value}" for key, value in encoded)


def sign(secret: str, method: str, host: str, path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The `Signature` of a request (Rule 4), not yet encoded for the query.

    `pairs` hold `AccessKeyId`, `Expires` and `Timestamp` beside the business parameters.
    """
    return _signature(secret, string_to_sign(method, host, path, pairs).encode())


@lru_cache(maxsize=64)  # few hosts, fewer paths
def _addressed(method: str, host: str, path: str) -> bytes:
    """What stands before the query in the string to sign."""
    return f"{method}{bare_host(host)}{path}?".encode()


def _signature(secret: str, text: bytes) -> str:
    signing = _keyed(secret).copy()
    signing.update(text)
    return b2a_base64(signing.digest(), newline=False).decode("ascii")


@lru_cache(maxsize=64)  # to begin with a key costs more than to sign a query
def _keyed(secret: str) -> hmac.HMAC:
    return hmac.new(secret.encode(), digestmod="sha1")


def in_order(query: bytes) -> bytes | None:
    """A query's part of the string to sign, where the query is encoded as `enc` would do it; None where it is not."""
    if not _CANONICAL.fullmatch(query):
        return None
    pieces = [piece for piece in query.split(b"&") if not piece.startswith(b"Signature=")]
    pieces.sort(key=_key)
    return b"&".join(pieces)


def _key(piece: bytes) -> bytes:
    return piece.partition(b"=")[0]


def claim(pairs: Pairs, query: bytes | None = None) -> Claim:
    """What a request claims, before its key is looked up (Rule 6). `query`: what the pairs were decoded from.

    Raises InputMissing and InputInvalid with the name of the parameter, NotAuthenticated for what can't be a key's id.
    """
    stated: dict[str, list[str]] = {}
    for key, value in pairs:
        if key in PARAMETERS:
            stated.setdefault(key, []).append(value)
    name, signature, expires, timestamp = (_stated(stated, one) for one in _IN_ORDER)
    signed = None if query is None else in_order(query)
    claimed = Claim(
        access_key_id=name,
        signature=signature,
        expires=_expires(expires),
        timestamp=_timestamp(timestamp),
        signed=_encoded(pairs).encode() if signed is None else signed,
    )
    if not _KEY_ID.fullmatch(claimed.access_key_id):
        raise NotAuthenticated  # a NUL, say, which no store could even look for
    return claimed


def verify(
    claimed: Claim, method: str, host: str, path: str, *, secret: str | None, clock: Clock, now: datetime
) -> Reading:
    """The reading of the timestamp under which the request passes (Rules 4, 7, 8, 9).

    `secret` is None for a key that is not known; `now` is aware. Raises NotAuthenticated or CredentialExpired.
    """
    if secret is None:
        raise NotAuthenticated
    expected = _signature(secret, _addressed(method, host, path) + claimed.signed)
    if not hmac.compare_digest(expected.encode(), claimed.signature.encode()):
        raise NotAuthenticated
    at = now.timestamp()
    for reading, ahead in _READINGS[clock]:
        age = at - (claimed.timestamp - ahead)
        if -SKEW_MAX_S <= age <= claimed.expires:
            return reading
    raise CredentialExpired(field="Timestamp", reason="早于 Expires 所允许的时间,或超前于现在")


def _stated(stated: Mapping[str, Sequence[str]], name: str) -> str:
    values = stated.get(name)
    if not values or not values[0]:
        raise InputMissing(field=name)
    if len(values) > 1:
        raise InputInvalid(field=name, reason="只能出现一次")
    return values[0]


def _expires(text: str) -> int:
    if not _SECONDS.fullmatch(text) or not 1 <= int(text) <= EXPIRES_MAX_S:
        raise InputInvalid(field="Expires", reason=f"应为 1 到 {EXPIRES_MAX_S} 的整数(秒)")
    return int(text)


@lru_cache(maxsize=1024)  # a second's requests have the same
def _timestamp(text: str) -> int:
    if _TIMESTAMP.fullmatch(text):
        with suppress(ValueError):  # the 30th of February
            return int(datetime.fromisoformat(text).timestamp())
    raise InputInvalid(field="Timestamp", reason="格式应为 yyyy-MM-dd'T'HH:mm:ss'Z'")


def _decoded(piece: bytes) -> str:
    if b"+" in piece:
        piece = piece.replace(b"+", b" ")
    if b"%" in piece:
        if _BAD_ESCAPE.search(piece):
            raise InputInvalid(field="query", reason="百分号编码有误")
        piece = unquote_to_bytes(piece)
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        raise InputInvalid(field="query", reason="不是 UTF-8 编码") from None

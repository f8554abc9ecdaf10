"""The webhook `changeTag`: what an app is told, how it is signed, and what it answers; pure.

Takes a customer and who is told; gives a body, an address and headers, and what an answer means. README.md says what
the vendor's public documents tell, and what is decided here.

Rule 1: the address carries `instanceAppId`, `nonce`, `timestamp` and `signature`: the SHA-1, in hexadecimal digits, of
        all parameters of the address and `secret`, by their names, as `name=value` joined by `&`: the vendor's way.
Rule 2: that says nothing of the body; the header `X-Huaxiang-Signature` does: `sha256=` and the HMAC-SHA256, by the
        secret, of `timestamp.nonce.` and the body.
Rule 3: told is whoever answers with a status of 2xx, and, if that is JSON with a `code`, with the code 200.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b, sha1, sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import UNSET

from huaxiang.dialects.rabbitpre import enterprise, outward, tags
from huaxiang.dialects.rabbitpre.neighbours import ChangeTag
from huaxiang.dialects.rabbitpre.row import EPOCH, MILLISECOND
from huaxiang.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from huaxiang.model import AccessKey, Customer, Tenant

PARTS: Final = ("traits",)
"""What a body is made from."""
SIGNATURE: Final = "X-Huaxiang-Signature"
EVENT: Final = "X-Huaxiang-Event"
LONGEST_URL: Final = 2048
DIGEST_BYTES: Final = 16


def digest(customer: Customer, tenant: Tenant) -> bytes | None:
    """A keyed digest of a customer's tags; None for one without tags."""
    found = tags.standing(customer.summary.traits)
    if not found:
        return None
    return blake2b(
        msgspec.json.encode(found), digest_size=DIGEST_BYTES, key=tenant.key, person=b"huaxiang-tags"
    ).digest()


def mark(customer: Customer, tenant: Tenant) -> bytes:
    """A keyed digest of the id that a customer answers under."""
    number = str(outward.audience_id(customer)).encode()
    return blake2b(number, digest_size=DIGEST_BYTES, key=tenant.key, person=b"huaxiang-told").digest()


def company_told(customer: Customer, key: AccessKey, tenant: Tenant) -> str | None:
    """As which enterprise an app is told of a customer: its own, else the first that it may act for; or None."""
    may = [enterprise.own(key), *enterprise.others(key, tenant)]
    return next((company for company in may if enterprise.belongs(customer, tenant, company)), None)


def may_be_told(customer: Customer, key: AccessKey, tenant: Tenant, company: str) -> bool:
    """Whether an app may still be told of a customer as this enterprise."""
    may = company == enterprise.own(key) or company in enterprise.others(key, tenant)
    return may and enterprise.belongs(customer, tenant, company)


def body(customer: Customer, key: AccessKey, tenant: Tenant, *, company: str, event: UUID, at: datetime) -> bytes:
    """What an app is told; `at`: when the change was seen."""
    told = ChangeTag(
        orgId=str(enterprise.org(tenant, company)),
        createTime=(at - EPOCH) // MILLISECOND,
        audienceUserId=outward.audience_id(customer),
        taglist=tags.standing(customer.summary.traits),
        notifyId=str(event),
        instanceAppId=key.name,
        thirdCompanyId=company or UNSET,
    )
    return msgspec.json.encode(told)


def addressed(url: str, parameters: Mapping[str, str], secret: str) -> str:
    """The address with these parameters, and the signature of all that it has (Rule 1)."""
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *parameters.items()]
    pairs.append(("signature", parameters_signature(pairs, secret)))
    return urlunsplit(parts._replace(query=urlencode(pairs)))


def parameters_signature(pairs: list[tuple[str, str]], secret: str) -> str:
    """The vendor's signature of parameters."""
    text = "&".join(f"{name}={value}" for name, value in sorted([*pairs, ("secret", secret)]))
    return sha1(text.encode()).hexdigest()  # noqa: S324 (the vendor's way; the body has an HMAC of its own)


def body_signature(content: bytes, secret: str, *, timestamp: str, nonce: str) -> str:
    """The signature of a body (Rule 2)."""
    said = f"{timestamp}.{nonce}.".encode() + content
    return f"sha256={hmac.new(secret.encode(), said, sha256).hexdigest()}"


def is_taken(status: int, content: bytes) -> str:
    """What an answer means: `delivered`, or why not: by its `status`, or by its `code`."""
    if not 200 <= status < 300:  # noqa: PLR2004 - what HTTP calls a success
        return "status"
    try:
        said = msgspec.json.decode(content, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "delivered"
    return "delivered" if said.code is UNSET or str(said.code).strip() == "200" else "code"


class _Answer(msgspec.Struct):
    code: str | int | float | bool | msgspec.UnsetType | None = UNSET


def check_url(url: str) -> str:
    """An address that can be told at: http or https, with a host, without a name, a password or a fragment.

    Raises `InputInvalid`.
    """
    try:
        parts = urlsplit(url.strip())
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, has_place = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not has_place or not url.isprintable() or " " in url.strip():
        raise InputInvalid(field="url", reason="an address that begins with https:// or http:// is wanted")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InputInvalid(field="url", reason="an address without a name, a password or a fragment is wanted")
    if len(url) > LONGEST_URL:
        raise InputInvalid(field="url", reason=f"longer than {LONGEST_URL} characters")
    return urlunsplit(parts)

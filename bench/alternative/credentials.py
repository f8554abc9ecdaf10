"""Who is asking: a signature, an access token, a token; each looked up in the database, one query."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from urllib.parse import quote_plus

from fastapi import HTTPException
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from .tables import AccessKey, AccessToken, Tenant

_KEY = select(AccessKey, Tenant).join(Tenant, Tenant.id == AccessKey.tenant).where(AccessKey.revoked_at.is_(None))


async def of_signature(
    session: AsyncSession, method: str, host: str | None, path: str, query: dict[str, str]
) -> tuple[AccessKey, Tenant]:
    """The key that signed a request."""
    asked = _KEY.where(AccessKey.dialect == "tinet", AccessKey.name == query.get("AccessKeyId", ""))
    key, tenant = await _found(session, asked)
    pairs = sorted((quote_plus(name), quote_plus(value)) for name, value in query.items() if name != "Signature")
    text = f"{method}{host}{path}?" + "&".join(f"{name}={value}" for name, value in pairs)
    expected = base64.b64encode(hmac.digest((key.secret or "").encode(), text.encode(), "sha1")).decode()
    made_at = datetime.fromisoformat(query["Timestamp"])
    late = datetime.now(UTC) > made_at + timedelta(seconds=int(query["Expires"]))
    if late or not hmac.compare_digest(expected, query.get("Signature", "")):
        raise HTTPException(401)
    return key, tenant


async def of_access_token(session: AsyncSession, token: str) -> tuple[AccessKey, Tenant]:
    """The key that an access token was given for."""
    asked = _KEY.join(AccessToken, AccessToken.access_key == AccessKey.id).where(
        AccessToken.digest == _digest(token),
        AccessToken.purpose == "access",
        AccessToken.expires_at > datetime.now(UTC),
        AccessKey.dialect == "rabbitpre",
    )
    return await _found(session, asked)


async def of_token(session: AsyncSession, token: str) -> tuple[AccessKey, Tenant]:
    """The key whose token this is."""
    return await _found(session, _KEY.where(AccessKey.dialect == "telrobot", AccessKey.digest == _digest(token)))


async def _found(session: AsyncSession, asked: Select[AccessKey, Tenant]) -> tuple[AccessKey, Tenant]:
    row = (await session.execute(asked)).first()
    if row is None:
        raise HTTPException(401)
    return row[0], row[1]


def _digest(token: str) -> bytes:
    return blake2b(token.encode(), digest_size=32, person=b"huaxiang-key").digest()

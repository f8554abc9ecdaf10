"""The demo: a tenant with the customers of the vendors' documents, and a few thousand made-up ones, ready to be asked.

Takes a service, gives the credentials of one key for each dialect, once all is loaded; `curls` makes of them one call
for each API.

Rule 1: a second time finds what is there: credentials that still let in are kept, rows that are known land as known.
Rule 2: what has to be recent is told relative to the day on which the tenant's first key was made, which never changes.
Rule 3: no made-up customer shares an identifier with a customer of the documents.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from huaxiang.demo.curls import CUSTOMER_ID, PHONES, Credentials, curls
from huaxiang.demo.documents import document_rows
from huaxiang.dialects.contract import Format
from huaxiang.dialects.native import inward as native
from huaxiang.dialects.rabbitpre import inward as rabbitpre
from huaxiang.dialects.telrobot import inward as telrobot
from huaxiang.dialects.tinet import inward as tinet
from huaxiang.errors import NotFound
from huaxiang.generate import rows
from huaxiang.keyring import Dialect, KeyOptions
from huaxiang.model import Json, Outcome, Parsed, Tenant
from huaxiang.service import Service

__all__ = ["Credentials", "curls", "load", "prepare", "read_credentials", "write_credentials"]

TENANT: Final = "demo"
LOGIN_NAME: Final = "sqc-test"
"""As in Tinet's document."""
ACCOUNT: Final = UUID("5832d184-dd53-42a0-8ace-0bf8d660f4cc")
"""The main account of Telrobot's document."""
CREDENTIALS: Final = "credentials.json"
"""What the file in the data folder is called."""
CUSTOMERS, CALLS, SEED = 3_000, 10_000, 1

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many customers and calls are loaded, and of how many."""

_BATCH: Final = 2_000
_DIALECTS: Final[tuple[Dialect, ...]] = ("tinet", "rabbitpre", "telrobot", "native")
_FORMATS: Final[dict[str, Format]] = {
    one.name: one for one in (*tinet.FORMATS, *rabbitpre.FORMATS, *telrobot.FORMATS, *native.FORMATS)
}


async def prepare(
    service: Service,
    kept: Credentials | None = None,
    *,
    progress: Progress | None = None,
    customers: int = CUSTOMERS,
    calls: int = CALLS,
    seed: int = SEED,
) -> Credentials:
    """Make or find the demo's tenant, load it, and give its credentials, as `key create --json` prints them.

    `kept`: the credentials of an earlier time, which were written when all was loaded; where they still let in, nothing
    is loaded, and they are given back.
    """
    try:
        tenant = await service.tenant(TENANT)
    except NotFound:
        tenant = await service.create_tenant(TENANT, login_name=LOGIN_NAME)
    if kept is not None and await _let_in(service, kept):
        return kept
    credentials = await _make_keys(service, tenant)
    tenant = await service.tenant(TENANT)  # the key's account has become the tenant's main account
    await load(service, tenant, customers=customers, calls=calls, seed=seed, progress=progress)
    return credentials


async def load(
    service: Service,
    tenant: Tenant,
    *,
    customers: int = CUSTOMERS,
    calls: int = CALLS,
    seed: int = SEED,
    progress: Progress | None = None,
) -> Outcome:
    """Land the documents' customers and the made-up ones. Gives how many facts landed, and how many were known."""
    zone = ZoneInfo(tenant.time_zone)
    began_at = await _began_at(service, tenant)
    documents = document_rows(began_at.astimezone(zone).date())
    made_up = rows(customers=customers, calls=calls, seed=seed, now=began_at)
    parsed = (
        (done, _FORMATS[kind].parse(row, zone))
        for done, unit in enumerate(chain([documents], made_up))
        for kind, row in unit
    )
    landed = known = 0
    while batch := list(islice(parsed, _BATCH)):
        outcome = await _land(service, tenant, [one for _, one in batch])
        landed, known = landed + outcome.landed, known + outcome.known
        if progress:
            progress(batch[-1][0], customers + calls)
    if progress:
        progress(customers + calls, customers + calls)
    return Outcome(landed, known)


async def _land(service: Service, tenant: Tenant, batch: list[Parsed]) -> Outcome:
    outcome = await service.land(tenant, list(enumerate(batch, 1)))
    assert not outcome.rejects, "the demo's own rows are sound"
    return outcome


async def _began_at(service: Service, tenant: Tenant) -> datetime:
    """When the tenant's first key was made; now, where there is none."""
    keys = await service.keys(tenant.name)
    return min((key.created_at for key in keys), default=service.now())


# ── credentials ───────────────────────────────────────────────────────────────────────────────────────────────────


async def _make_keys(service: Service, tenant: Tenant) -> Credentials:
    made: Credentials = {}
    for dialect in _DIALECTS:
        options = KeyOptions(account=ACCOUNT) if dialect == "telrobot" else KeyOptions()
        made[dialect] = dict[str, Json](await service.create_key(tenant, dialect, options))
    made["rabbitpre"]["phones"] = list(PHONES)
    made["telrobot"]["customer_id"] = CUSTOMER_ID
    return made


async def _let_in(service: Service, kept: Credentials) -> bool:
    """Whether every one of the credentials still lets in, and to the demo's tenant."""
    try:
        by_name = [
            await service.key_by_name("tinet", kept["tinet"]["access_key_id"]),
            await service.key_by_name("rabbitpre", kept["rabbitpre"]["instanceAppid"]),
        ]
        by_token = [
            await service.key_by_token("telrobot", kept["telrobot"]["token"]),
            await service.key_by_token("native", kept["native"]["token"]),
        ]
        secrets = kept["tinet"]["access_key_secret"], kept["rabbitpre"]["instanceSecrect"]
    except KeyError:
        return False
    found = [key for key in (*by_name, *by_token) if key is not None and key.tenant.name == TENANT]
    if len(found) < len(_DIALECTS):
        return False
    return found[0].secret == secrets[0] and await service.check_secret(found[1], secrets[1])


def read_credentials(file: Path) -> Credentials | None:
    """The credentials that `write_credentials` left; None where there are none that can be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Credentials)
    except (OSError, msgspec.DecodeError):
        return None


def write_credentials(file: Path, credentials: Credentials) -> None:
    """Write them for the owner alone, all at once: who sees the file sees the whole of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    text = msgspec.json.format(msgspec.json.encode(credentials), indent=2) + b"\n"
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(text)
    fresh.replace(file)

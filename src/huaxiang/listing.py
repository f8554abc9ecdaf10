"""What is kept of each record of a CRM, so that lists, filters and counts of them stay on indexes.

Takes a transaction that has said or taken back something of records; gives each of them its entry: the newest word on
it and the steps about it, as `pool` puts them together.

Rule 1: an entry is made from the facts as they stand, whole, whatever came in which order; nothing is added to one.
Rule 2: nothing in an entry depends on the clock or on settings: a list asks with the time and the tenant's days.
Rule 3: entries are kept from the first time that somebody asks for a list. Who asks makes those that are not there; a
        rebuild forgets them all.
Rule 4: a time of creation counts by the second, as it is told, so that whoever copies a list keeps its order.
Rule 5: a company's name is found by its letters and pairs of letters, a custom field by its value, as keyed hashes.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from huaxiang import pool, read
from huaxiang.dialects.telrobot.inward import SOURCE
from huaxiang.identifiers import carrier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from huaxiang.model import CrmStep, Json, Tenant
    from huaxiang.store import Row, Store, Transaction

MANY: Final = 2_000
"""Entries that are made at once."""
MOBILE: Final = re.compile(r"(?:00)?(?:86)?0?(1[0-9]{10})", re.ASCII)
LONGEST_PHONE: Final = 32
LONGEST_EMAIL: Final = 256
LONGEST_COMPANY: Final = 4096
TAKEN_BACK: Final = frozenset({"retire_facts", "erase_records", "erase_facts_at"})
"""The statements that note of which records something was taken back."""
_NAME: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_PREFIX_DIGITS: Final = 4
"""A mobile number's carrier shows in so many of its first digits."""
_CARRIERS: Final = (1, 2, 3)
_SEXES: Final = (1, 2)


async def is_kept(tx: Transaction, tenant: Tenant) -> bool:
    """Whether the tenant's records have their entries."""
    row = await tx.row("crm_listed", tenant.id)
    return row is not None and row["any"]


async def keep(store: Store, tenant: Tenant) -> None:
    """Make an entry of every record, and keep them from now on; while it lasts, the tenant's writers wait."""
    async with store.writing() as tx:
        await tx.run("lock_tenant", tenant.id)
        if await is_kept(tx, tenant):
            return
        await tx.run("keep_listed", tenant.id)
        names = [row["name"] for row in await tx.rows("crm_named", tenant.id, SOURCE)]
        await _remake(tx, tenant, names)


async def refresh(tx: Transaction, tenant: Tenant, *, said: bool = True) -> None:
    """Make the entries anew of which something was said or taken back; while what landed is staged.

    `said`: whether anything of records, or steps about them, may be staged.
    """
    if not said and tx.ran.isdisjoint(TAKEN_BACK):
        return
    names = [row["name"] for row in await tx.rows("relisted", tenant.id)]
    if names:
        await tx.run("clear_relisted")
        await _remake(tx, tenant, names)


async def forget(tx: Transaction, tenant: Tenant) -> None:
    """Keep no entries, until somebody asks for them again."""
    await tx.run("forget_entries", tenant.id)
    await tx.run("forget_listed", tenant.id)


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _remake(tx: Transaction, tenant: Tenant, names: Iterable[str]) -> None:
    zone = ZoneInfo(tenant.time_zone)
    known = [name for name in names if _NAME.fullmatch(name)]
    for start in range(0, len(known), MANY):
        some = known[start : start + MANY]
        records: dict[str, Row] = {}
        steps: defaultdict[str, list[CrmStep]] = defaultdict(list)
        for row in await tx.rows("crm_words", tenant.id, SOURCE, some):
            if row["kind"] == "record":
                records[row["name"]] = row
            else:
                steps[row["name"]].append(read.crm_step(row, row["source"], row["enterprise"]))
        gone = [UUID(name) for name in some if name not in records]
        if gone:
            await tx.run("drop_entries", tenant.id, gone)
        entries = [_entry(row, steps[name], tenant, zone) for name, row in records.items()]
        await tx.each("put_entries", entries, tenant.id)


def _entry(row: Row, steps: Sequence[CrmStep], tenant: Tenant, zone: ZoneInfo) -> tuple[object, ...]:
    """The columns of an entry, after its tenant."""
    record = read.crm_record(row, row["source"], row["enterprise"])
    held, said = pool.held(record, steps, zone), {} if record.deleted else record.details
    digits, company = digits_of(said.get("phone")), _line(said.get("company"), LONGEST_COMPANY)
    return (
        UUID(row["name"]), row["node"], held.owner, row["at"], record.deleted,
        pool.time_of(record.details.get("created_at"), zone), (row["created_at"] or row["at"]).replace(microsecond=0),
        digits or None, _line(said.get("email"), LONGEST_EMAIL), company,
        _carrier(said.get("operator"), digits), _among(said.get("sex"), _SEXES), held.followed_at is not None,
        held.is_settled, held.is_pooled, held.back_at, held.unfollow_from, held.unsettled_from,
        ",".join(map(str, sorted(_words(tenant, said.get("components"), company)))),
    )  # fmt: skip


def digits_of(phone: Json) -> str:
    """The digits of a number as it is written; none for what is no text."""
    text = unicodedata.normalize("NFKC", phone) if isinstance(phone, str) else ""
    return "".join(sign for sign in text if sign in "0123456789")[:LONGEST_PHONE]


def _line(value: Json, longest: int) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= longest else None


def _among(value: Json, known: Sequence[int]) -> int:
    return value if isinstance(value, int) and value in known else 0


def _carrier(said: Json, digits: str) -> int:
    """1 电信, 2 联通, 3 移动: as the record says, else by the first digits of its mobile number; 0 for any other."""
    if said is not None:
        return _among(said, _CARRIERS)
    mobile = MOBILE.fullmatch(digits)
    return 0 if mobile is None else _by_prefix(mobile[1][:_PREFIX_DIGITS])


@lru_cache(maxsize=1000)
def _by_prefix(prefix: str) -> int:
    return carrier(f"+86{prefix}0000000")


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def company_words(tenant: Tenant, part: str) -> set[int]:
    """The words of every company in whose name this part stands; others may have them too."""
    pairs = {part[place : place + 2] for place in range(len(part) - 1)} or {part}
    return {_word(tenant.key, "company", one) for one in pairs}


def field_word(tenant: Tenant, field: str, value: str) -> int:
    """The word of a custom field that holds this value, as text."""
    return _word(tenant.key, field, value)


def _words(tenant: Tenant, components: Json, company: str | None) -> set[int]:
    found = {_word(tenant.key, "company", one) for one in company or ""}
    found |= company_words(tenant, company) if company else set()
    values = cast("dict[str, Json]", components) if isinstance(components, dict) else {}
    return found | {field_word(tenant, field, _text(value)) for field, value in values.items() if value is not None}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


@lru_cache(maxsize=10_000)
def _word(key: bytes, of: str, text: str) -> int:
    """The letters of companies are few, and come again and again."""
    digest = blake2b(f"{of}\0{text}".encode(), digest_size=8, key=key, person=b"crm.words")
    return int.from_bytes(digest.digest(), "big", signed=True)

"""A person's data gone: from every table, from what a rebuild would make, from what other people's facts say.

Takes a customer, by a number or an identifier, or one identifier of it only; gives what goes (`preview`), or what went.

Rule 1: what is the person's (`reach`) goes with all its revisions, links, past links, summaries and views, and with
        what was spread from it onto others.
Rule 2: other people's facts are rewritten (`references`) and land again under their old digests, so that their
        redelivery is known. A digest of what was is pseudonymous data.
Rule 3: the number of an erased identifier leads on while its customer lives; else the feed says once that it is erased,
        and nothing else of it.
Rule 4: while the tenant's facts are searched, whoever writes for the tenant waits.
Rule 5: after the commit the tables are vacuumed. What the database's files still hold is told, not promised.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from huaxiang import feed, fold, ingest, listing, pages
from huaxiang.claim import Claim, kind_of, of_stored
from huaxiang.dialects.native.erasure import MOST_EXAMPLES, Erasure, RewrittenFact
from huaxiang.errors import InputMissing
from huaxiang.identifiers import revision_mark
from huaxiang.resolve import resolve
from huaxiang.steward.reach import Reach, Rewriting, reach
from huaxiang.steward.references import ERASED, is_named_after
from huaxiang.store import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from huaxiang.model import Identifier, Tenant
    from huaxiang.service import Service
    from huaxiang.store import Transaction

LOG = "Huaxiang's log, and PostgreSQL's as Huaxiang sets it, hold no values of customers: nothing in them expires."
ROWS = "The rows are gone for every statement, and vacuumed out of pages, indexes and statistics."
ROWS_WAIT = "The rows are gone for every statement; their database may not be vacuumed by us: its own autovacuum will."
FILES = (
    "The files of tables and indexes may hold freed bytes until PostgreSQL writes over them; `huaxiang erase --scrub` "
    "(or `VACUUM FULL`) makes new files."
)
FILES_NEW = "The files of tables and indexes were made anew: the old ones, and the freed bytes in them, are deleted."
WAL = (
    "PostgreSQL's log of changes (WAL) keeps what was written until its segments are used again, some checkpoints on. "
    "Huaxiang keeps no longer log of changes. Archived WAL and replicas are the operator's."
)
BACKUPS = "Backups, dumps and snapshots are the operator's: the person is in them until they expire."
REJECTS = "Imported files, and FILE.rejects.jsonl beside them, are the operator's to delete."
TEXTS = "What other people's facts say was searched for identifiers, in any usual spelling, and not for names."
DIGESTS = "Rewritten facts keep a digest of what they were, so that a redelivery is known: pseudonymous data."
MARKS = "Keyed marks of the erased records are kept, as the tenant wants, to keep a redelivery out: pseudonymous data."
NO_MARKS = (
    "No marks are kept: a source that delivers the person's records again brings a new person, under a new number."
)
NAMED = (
    "Records of others are named after a value of the person; their names stay, as their sources know them by these."
)


class Erased(msgspec.Struct, frozen=True):
    """An erasure that was done: when, of which id, by whom and why, and how many rows of each table went."""

    at: datetime
    customer: int
    author: str
    reason: str
    rows: dict[str, int]


async def erasures(service: Service, tenant: Tenant) -> list[Erased]:
    """The register of erasures, oldest first; it holds no value of anybody."""
    async with service.store.reading() as tx:
        rows = await tx.rows("erasures", tenant.id)
    return [
        Erased(row["at"], row["customer"], row["author"], row["reason"], msgspec.json.decode(row["counts"]))
        for row in rows
    ]


async def preview(service: Service, tenant: Tenant, wanted: Identifier | int, *, only: bool = False) -> Erasure:
    """What an erasure would take along; nothing is changed.

    Raises:
        NotFound: nobody is known by this number or identifier.

    """
    # Nothing is written; but a search through all facts may take longer than a question may.
    async with service.store.writing() as tx:
        found = await reach(tx, tenant, wanted, service.now(), only=only)
        return _told(tenant, found, await _counts(tx, tenant, found), done=False, stays=[])


async def erase(
    service: Service,
    tenant: Tenant,
    wanted: Identifier | int,
    *,
    author: str,
    reason: str,
    only: bool = False,
    scrub: bool = False,
) -> Erasure:
    """Erase a customer, or `only` the one identifier that is named; gives what went, and what stays where.

    With `scrub` the files of the tables are made anew, while nobody reads or writes: no freed byte stays in them.

    Raises:
        InputMissing: no author, or no reason. NotFound: nobody is known by this number or identifier.

    """
    for field, text in (("author", author), ("reason", reason)):
        if not text.strip() or not can_be_kept(text):
            raise InputMissing(field=field, reason="an erasure has an author and a reason")
    async with service.store.writing() as tx:
        tenant = await service.hold(tx, tenant)
        found = await reach(tx, tenant, wanted, service.now(), only=only)
        counts = await _counts(tx, tenant, found)
        await _erase(tx, tenant, found, service.now())
        await _remember(tx, tenant, found, counts, (author, reason))
    files = await _vacuum(service, "scrub" if scrub else "vacuum")
    return _told(tenant, found, counts, done=True, stays=_stays(tenant, found, files))


async def _vacuum(service: Service, how: Literal["vacuum", "scrub"]) -> list[str]:
    """Take dead rows out of pages, indexes and statistics; gives what can be said of them and of the files."""
    done = [await service.store.maintain(name) for name in (f"erasure_{how}", f"erasure_{how}_statistics")]
    await service.store.maintain("checkpoint")
    if not all(done):
        return [ROWS_WAIT, FILES]
    return [ROWS, FILES_NEW if how == "scrub" else FILES]


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _counts(tx: Transaction, tenant: Tenant, found: Reach) -> dict[str, int]:
    own = found.own
    nodes = [row["node"] for row in own.nodes]
    row: Mapping[str, int] | None = await tx.row(
        "erasure_counts", tenant.id, nodes, list(own.records), list(found.places), found.views, found.unknown
    )
    return {name: count for name, count in (row or {}).items() if count}


def _told(tenant: Tenant, found: Reach, counts: dict[str, int], *, done: bool, stays: list[str]) -> Erasure:
    return Erasure(
        done=done,
        customer=found.customer,
        unknown=found.unknown,
        leading_on=sorted(found.onward),
        rows=counts,
        rewritten=len(found.rewriting),
        examples=[_example(one) for one in found.rewriting[:MOST_EXAMPLES]],
        marks=len(_marks(tenant, found)),
        stays=stays or _stays(tenant, found, [ROWS, FILES]),
    )


def _example(one: Rewriting) -> RewrittenFact:
    fields = [name for name in one.before.__struct_fields__ if getattr(one.before, name) != getattr(one.after, name)]
    return RewrittenFact(one.before.source, one.before.enterprise, kind_of(one.before), one.row["record_id"], fields)


def _stays(tenant: Tenant, found: Reach, files: list[str]) -> list[str]:
    told = [LOG, *files, WAL, BACKUPS, REJECTS, TEXTS]
    told += [DIGESTS] if found.rewriting else []
    told += [NAMED] if any(is_named_after(found.person, one.before) for one in found.rewriting) else []
    return [*told, MARKS if tenant.settings.erasure_marks else NO_MARKS]


def _marks(tenant: Tenant, found: Reach) -> set[UUID]:
    """What keeps a redelivery out, if wanted: a mark of each record, and of each revision whose record lives."""
    if not tenant.settings.erasure_marks:
        return set()
    return found.own.records | {revision_mark(tenant.key, *revision) for revision in found.own.revisions}


# ── what is done ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _erase(tx: Transaction, tenant: Tenant, found: Reach, now: datetime) -> None:
    touched, dirty = await _take_out(tx, tenant, found)
    islands = {row["island"] for row in found.own.nodes}
    await tx.run("erase_nodes", [row["node"] for row in found.own.nodes])
    around = {row["node"] for row in await tx.rows("nodes_of_islands", tenant.id, list(islands))}
    await tx.run("drop_islands", list(islands))
    claims = [_claim(one) for one in found.rewriting]
    landed = await ingest.replace(tx, tenant, claims, dirty - found.places, now)
    await pages.refresh(tx, tenant)
    await listing.refresh(tx, tenant)
    shrunk = (touched | around) - found.places
    moves = await resolve(tx, tenant, landed.touched | shrunk, shrunk)
    ids = await _strip_feed(tx, tenant, found)
    await feed.note(tx, tenant, landed, moves)
    await _lead_on(tx, tenant, found)
    await tx.each("put_changes", [("erased", number, None) for number in ids], tenant.id)
    await tx.run("erase_pull_places", tenant.id, [row["value"] for row in found.own.nodes])
    await tx.run("erase_told", tenant.id, [*found.unknown, *{row["customer"] for row in found.own.nodes}])
    await tx.each("put_erased", [(mark,) for mark in _marks(tenant, found)], tenant.id)


async def _take_out(tx: Transaction, tenant: Tenant, found: Reach) -> tuple[set[UUID], set[UUID]]:
    """Take out all that goes, and what comes back rewritten; gives nodes whose ties went, and nodes to fold anew."""
    own, places = found.own, list(found.places)
    nodes = [row["node"] for row in own.nodes]
    records = list(own.records)
    touching = [(node, key) for key, at_nodes in found.registered.items() for node in at_nodes]
    touched = {node for node, _ in touching}
    touched |= {row["node"] for row in await tx.rows("erasure_neighbours", nodes)}
    for statement in ("erase_links", "erase_aparts"):
        touched |= {row["node"] for row in await tx.each(statement, touching)}
    await tx.each("drop_spread", touching)
    dirty = {row["node"] for row in await tx.rows("erase_records", tenant.id, records)} | touched
    await tx.run("erase_facts_at", places)
    rewritten = [(one.row["node"], one.row["record"], one.row["digest"]) for one in found.rewriting]
    await tx.each("erase_revisions", rewritten)
    await tx.run("erase_registry", records)
    for statement in ("erase_past_links", "erase_past_aparts"):
        await tx.run(statement, tenant.id, nodes, records)
    for summary in fold.EVERY_SUMMARY:
        await tx.run(f"drop_{summary}", nodes)
    await tx.each("erase_cuts", [(one.kind, one.value, one.scope) for one in own.alone], tenant.id)
    await tx.run("erase_views", tenant.id, found.views)
    await tx.run("erase_suggestions", tenant.id, nodes)
    return touched, dirty | {node for node, _, _ in rewritten}


def _claim(one: Rewriting) -> Claim:
    columns = ("node", "record", "record_id", "digest", "came_at", "current")
    return of_stored(one.after, **{column: one.row[column] for column in columns})


async def _strip_feed(tx: Transaction, tenant: Tenant, found: Reach) -> list[int]:
    """Take the numbers that lead nowhere out of the feed; gives those of them that ever were ids of customers."""
    rows = await tx.rows("erasure_ids", tenant.id, found.unknown)
    ids = {row["number"] for row in rows} | {row["customer"] for row in found.own.nodes}
    await tx.run("erase_changes", tenant.id, found.unknown)
    await tx.run("strip_changes", tenant.id, found.unknown)
    return sorted(ids & set(found.unknown))


async def _lead_on(tx: Transaction, tenant: Tenant, found: Reach) -> None:
    """Let numbers lead on to what is left of their customer; the feed tells of those that were its id until now."""
    await tx.run("erase_leads", tenant.id, [row["number"] for row in found.own.nodes])
    await tx.each("put_leads", found.onward.items(), tenant.id)
    heads = [row["number"] for row in found.own.nodes if row["number"] == row["customer"]]
    rows = await tx.rows("customers_of_numbers", tenant.id, [number for number in heads if number in found.onward])
    await tx.each("put_changes", [("joined", row["number"], row["customer"]) for row in rows], tenant.id)


async def _remember(
    tx: Transaction, tenant: Tenant, found: Reach, counts: Mapping[str, int], by: tuple[str, str]
) -> None:
    """Who erased whom, by a number that says nothing any more, and why; without a value of theirs."""
    words = found.person.words
    author, reason = (text if words is None else words.sub(ERASED, text) for text in by)
    await tx.run("put_erasure", tenant.id, found.customer, author, reason, msgspec.json.encode(dict(counts)))

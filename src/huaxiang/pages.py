"""Pages of portraits: numbers with calls by descending spelling, ready to be sent, and the counts that find them.

Takes what a page is asked for, and how a row is rendered; gives how many rows match, and the page's rows as bytes in
pieces, so that no page lies in memory whole. `refresh` keeps what pages are found by true to the summaries.

Rule 1: a row is rendered once and kept beside its summary (`portrait`); whatever changes the summary empties it, in one
        statement with the change (`fold_call`, `drop_call`). A rendering is kept only where its row is as it was read.
Rule 2: rows, by their spelling and their labels, are counted in buckets along the page's order, by what changed
        (`page_change`) and in the transaction that changed it: a total is a sum of buckets, and so is a deep offset.
Rule 3: no bucket begins with the spelling of a row that is gone.
Rule 4: the ready rows of a bucket are also kept one behind the other, as a segment; whatever changes one of them drops
        it. A segment is put together where nobody writes.
Rule 5: rendering goes in portions of so many calls, what is sent in pieces of so many rows.
Rule 6: where a row is a customer with all its numbers (`portrait_scope`), a page is added up when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from huaxiang.model import PortraitPage, PortraitRow
from huaxiang.read import call_summaries, total

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from huaxiang.model import Tenant
    from huaxiang.store import Row, Transaction

CHUNK_ROWS = 1000
"""Rows that are asked for at once."""
PORTION_CALLS = 20_000
"""Calls that are rendered at once, but for a single row that has more."""
READY_BYTES = 8192
"""A longer row is rendered whenever it is asked for."""
SEGMENT_BYTES = 4 * 2**20
"""A bucket with more is never one segment."""
BUCKET_ROWS = 1024
FULL_ROWS = 2048
"""A bucket with more rows is split into pieces of `BUCKET_ROWS`."""

COUNTED = frozenset({"fold_call", "drop_call", "fold_mark", "drop_mark"})
"""The statements that note what pages count by."""

_BEYOND = "\U0010ffff" * 300
"""Greater than any spelling, which has 256 characters at most."""
_GAP = b"\n"
"""Between the rows of a segment; JSON has none."""
_LAST = UUID(int=2**128 - 1)
_UNREADY = -1
"""An edition that no row has."""


class Asked(NamedTuple):
    """What a page is asked for.

    `nodes`: only these; None for all. `past`: the nodes of former holders of numbers that changed hands: no row is
    called after one of these. `labels`: a row must carry them all, each a mark's name or `type/name`.
    """

    nodes: Sequence[UUID] | None
    past: Sequence[UUID]
    labels: Sequence[str]
    offset: int
    limit: int


class Rendering(NamedTuple):
    """How a row becomes bytes, which depend on nothing else.

    `edition`: another one for every change of `row`; rows of another edition are rendered anew.
    """

    edition: int
    row: Callable[[PortraitRow], bytes]


class Ready(NamedTuple):
    """A row as it was rendered, and the state of its summary that it was rendered from."""

    node: UUID
    version: str
    portrait: bytes


class Made(NamedTuple):
    """What pages had to make, to be kept: rows, and buckets (label, low) whose rows were not kept as a segment."""

    rows: list[Ready]
    buckets: list[tuple[str, str]]


class Page(NamedTuple):
    """A page on its way: `total` counts all rows that match."""

    total: int
    bodies: AsyncIterator[bytes]


class _Shown(NamedTuple):
    """As what rows are read: of which edition, with what between two of them."""

    edition: int
    between: bytes


class _Span(NamedTuple):
    """A stretch of a page's order: the rows from `low` up to below `high`, of which `skip` come before the page.

    `is_whole`: its rows are kept as one segment.
    """

    low: str
    high: str
    skip: int
    rows: int
    is_whole: bool = False


class _Start(NamedTuple):
    """Where a page is: the stretches that it lies in, among the rows with `label` and all `others`; or its nodes."""

    total: int
    spans: Sequence[_Span] = ()
    label: str = ""
    others: Sequence[str] = ()
    nodes: Sequence[UUID] | None = None


# ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def page(tx: Transaction, tenant: Tenant, asked: Asked) -> PortraitPage:
    """A page of numbers with calls (or of customers, if that is the tenant's scope), whole and not rendered."""
    if tenant.settings.portrait_scope == "customer":
        return await _callers(tx, tenant, asked)
    start = await _start(tx, tenant, asked, _UNREADY)
    rows: list[PortraitRow] = []
    async for _, nodes in _chunks(tx, tenant, asked, start, _Shown(_UNREADY, b""), []):
        known = {row["node"]: row for row in await tx.rows("portrait_rows", nodes or (), _UNREADY)}
        rows += [row async for _, row in _numbered(tx, list(nodes or ()), known)]
    return PortraitPage(start.total, tuple(rows))


async def rendered(
    tx: Transaction, tenant: Tenant, asked: Asked, rendering: Rendering, *, between: bytes, made: Made
) -> Page:
    """The same, rendered, while the transaction lasts: each body holds rows, with `between` between two of them.

    What had to be made comes into `made`, for `keep` and `join`.
    """
    if tenant.settings.portrait_scope == "customer":
        found = await _callers(tx, tenant, asked)
        return Page(found.total, _whole(found.rows, rendering, between))
    start = await _start(tx, tenant, asked, rendering.edition)
    return Page(start.total, _bodies(tx, tenant, asked, start, rendering, between, made))


async def rows(tx: Transaction, nodes: Sequence[UUID], rendering: Rendering, fresh: list[Ready]) -> dict[UUID, bytes]:
    """The rows of these nodes, rendered or as they are ready; a node without one is left out."""
    found = await tx.rows("portrait_rows", nodes, rendering.edition)
    portraits: dict[UUID, bytes] = {}
    for portion in _portions(found):
        portraits |= await _portraits(tx, portion, rendering, fresh)
    return portraits


async def keep(tx: Transaction, edition: int, rows: Sequence[Ready]) -> None:
    """Keep rows that were rendered, where nothing has changed since; this waits for nobody."""
    await tx.each("put_portraits", rows, edition)


async def join(tx: Transaction, tenant: int, edition: int, bucket: tuple[str, str]) -> None:
    """Keep a bucket's rows as one segment, if all of them are ready, and nobody writes for the tenant just now."""
    held = await tx.row("try_lock_tenant", tenant)
    if held and held["held"]:
        statement = "put_segment_labelled" if bucket[0] else "put_segment"
        await tx.run(statement, tenant, *bucket, _BEYOND, edition, SEGMENT_BYTES)


async def _start(tx: Transaction, tenant: Tenant, asked: Asked, edition: int) -> _Start:
    labels = list(dict.fromkeys(asked.labels))
    past = list(asked.past)
    if asked.nodes is not None:
        rows = await tx.rows("page_asked", tenant.id, list(asked.nodes), labels, past)
        return _Start(len(rows), nodes=[row["node"] for row in rows])
    if not labels:
        return await _placed(tx, tenant, asked, "", edition)
    counts = {row["label"]: row["rows"] for row in await tx.rows("count_labels", tenant.id, labels)}
    if "" in labels or len(counts) < len(labels):
        return _Start(0)
    rarest, *others = sorted(labels, key=counts.__getitem__)
    if not others:
        return await _placed(tx, tenant, asked, rarest, edition)
    counted = await tx.row("count_labelled", tenant.id, rarest, others, past)
    found = counted["total"] if counted else 0
    return _Start(found, [_Span("", _BEYOND, asked.offset, found)], rarest, others)


async def _placed(tx: Transaction, tenant: Tenant, asked: Asked, label: str, edition: int) -> _Start:
    """A page among all rows, or those with one label. A segment may hold rows that are past."""
    edition = _UNREADY if asked.past else edition
    found = await tx.rows("page_buckets", tenant.id, label, asked.offset, list(asked.past), asked.limit, edition)
    spans = [_Span(row["low"], row["high"] or _BEYOND, row["skip"], row["rows"], row["is_whole"]) for row in found]
    return _Start(found[0]["total"] if found else 0, spans, label)


async def _chunks(
    tx: Transaction,
    tenant: Tenant,
    asked: Asked,
    start: _Start,
    shown: _Shown,
    loose: list[tuple[str, str]],
) -> AsyncIterator[tuple[bytes, Sequence[UUID] | None]]:
    """The page in pieces: rows that are ready, joined; or, where not all of them are, their nodes.

    Buckets that are read row by row, most of them, come into `loose`.
    """
    left = min(asked.limit, max(0, start.total - asked.offset))
    if start.nodes is not None:
        nodes = start.nodes[asked.offset : asked.offset + left]
        for at in range(0, left, CHUNK_ROWS):
            yield b"", nodes[at : at + CHUNK_ROWS]
        return
    for span in start.spans:
        size = min(left, span.rows - span.skip)
        if size <= 0:
            continue
        left -= size
        if span.is_whole:
            row = await tx.row("page_segment", tenant.id, start.label, span.low, shown.edition)
            assert row is not None
            yield _part(row["body"], span, size, shown.between), None
            continue
        async for chunk in _row_by_row(tx, tenant, asked, start, span, size, shown):
            yield chunk
        if 2 * size > span.rows and not start.others and not asked.past:
            loose.append((start.label, span.low))


def _part(segment: bytes, span: _Span, size: int, between: bytes) -> bytes:
    """So many rows of a segment, behind those that are skipped."""
    if size == span.rows:
        return segment.replace(_GAP, between)
    return between.join(segment.split(_GAP)[span.skip : span.skip + size])


async def _row_by_row(
    tx: Transaction,
    tenant: Tenant,
    asked: Asked,
    start: _Start,
    span: _Span,
    left: int,
    shown: _Shown,
) -> AsyncIterator[tuple[bytes, Sequence[UUID] | None]]:
    statement, filtered = "page_chunk", ()
    if start.label:
        statement, filtered = "page_chunk_labelled", (start.label, start.others)
    spelling, node, skip = span.high, _LAST, span.skip
    while left > 0:
        place = spelling, node, list(asked.past), min(left, CHUNK_ROWS), skip
        row = await tx.row(statement, tenant.id, *place, *shown, span.low, *filtered)
        if row is None or not row["rows"]:
            return
        yield row["body"], row["nodes"]
        spelling, node, skip, left = row["spelling"], row["node"], 0, left - row["rows"]


async def _bodies(
    tx: Transaction,
    tenant: Tenant,
    asked: Asked,
    start: _Start,
    rendering: Rendering,
    between: bytes,
    made: Made,
) -> AsyncIterator[bytes]:
    shown = _Shown(rendering.edition, between)
    async for body, nodes in _chunks(tx, tenant, asked, start, shown, made.buckets):
        if nodes is None:
            yield body
            continue
        found = {row["node"]: row for row in await tx.rows("portrait_rows", nodes, rendering.edition)}
        for portion in _portions([found[node] for node in nodes]):
            portraits = await _portraits(tx, portion, rendering, made.rows)
            yield between.join(portraits.values())


async def _portraits(
    tx: Transaction, portion: Sequence[Row], rendering: Rendering, fresh: list[Ready]
) -> dict[UUID, bytes]:
    """The rows of a portion, in its order, each as it is ready, or as it is rendered now."""
    known = {row["node"]: row for row in portion}
    portraits: dict[UUID, bytes] = {row["node"]: row["portrait"] for row in portion}
    async for node, row in _numbered(tx, [row["node"] for row in portion if row["portrait"] is None], known):
        portraits[node] = rendering.row(row)
        if len(portraits[node]) <= READY_BYTES:
            fresh.append(Ready(node, known[node]["version"], portraits[node]))
    return portraits


async def _numbered(
    tx: Transaction, nodes: Sequence[UUID], known: dict[UUID, Row]
) -> AsyncIterator[tuple[UUID, PortraitRow]]:
    """What the row of each node is rendered from."""
    summaries = await call_summaries(tx, nodes) if nodes else {}
    for node in nodes:
        summary = summaries[node]
        yield node, PortraitRow(known[node]["spelling"], summary.calls, summary.call_refs, summary.marks)


def _portions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows in portions that are rendered at once (Rule 5)."""
    portion: list[Row] = []
    calls = 0
    for row in rows:
        more = row["calls"] if row["portrait"] is None else 0
        if portion and calls + more > PORTION_CALLS:
            yield portion
            portion, calls = [], 0
        portion.append(row)
        calls += more
    if portion:
        yield portion


# ── out, where a row is a customer ────────────────────────────────────────────────────────────────────────────────


async def _callers(tx: Transaction, tenant: Tenant, asked: Asked) -> PortraitPage:
    nodes = None if asked.nodes is None else list(asked.nodes)
    labels, past = list(asked.labels), list(asked.past)
    counted = await tx.row("count_callers", tenant.id, nodes, labels, past)
    found = await tx.rows("page_callers", tenant.id, nodes, labels, asked.limit, asked.offset, past)
    summaries = await call_summaries(tx, [node for row in found for node in row["nodes"]])
    rows: list[PortraitRow] = []
    for row in found:
        summary = total(summaries[node] for node in row["nodes"])
        rows.append(PortraitRow(row["spelling"], summary.calls, summary.call_refs, summary.marks))
    return PortraitPage(counted["total"] if counted else 0, tuple(rows))


async def _whole(rows: Sequence[PortraitRow], rendering: Rendering, between: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(rows), CHUNK_ROWS):
        yield between.join(map(rendering.row, rows[at : at + CHUNK_ROWS]))


# ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def refresh(tx: Transaction, tenant: Tenant) -> None:
    """Bring labels and counts up to what this transaction has folded; after each batch, under the tenant's lock."""
    if tx.ran.isdisjoint(COUNTED):
        return
    changed = await tx.row("page_changes", tenant.id)
    assert changed is not None
    if changed["labels"]:
        await tx.run("drop_stale_labels")
        await tx.run("put_labels")
    if changed["segments"] and changed["rows"]:
        await tx.run("touch_labels")
    if not (changed["labels"] or changed["rows"]):
        return
    flagged = await tx.rows("count_changes", tenant.id, FULL_ROWS)
    loose = [(row["label"], row["low"]) for row in flagged if not row["full"] or row["unbound"]]
    await tx.each("join_buckets", loose, tenant.id)
    if flagged:
        await _split(tx, tenant, {row["label"] for row in flagged})


async def _split(tx: Transaction, tenant: Tenant, labels: set[str]) -> None:
    full = [(row["label"], row["low"]) for row in await tx.rows("full_buckets", tenant.id, sorted(labels), FULL_ROWS)]
    if full:
        named, lows = map(list, zip(*full, strict=True))
        await tx.run("split_buckets", tenant.id, named, lows, _BEYOND, BUCKET_ROWS)


async def forget(tx: Transaction, tenant: Tenant) -> None:
    """Drop what the tenant's pages are found by, with all its summaries; a rebuild begins."""
    for part in ("portraits", "counts", "segments"):
        await tx.run(f"forget_{part}", tenant.id)

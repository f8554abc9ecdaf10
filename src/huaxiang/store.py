"""Speaks SQL: the pool, the transactions, the named statements of `sql/`, the schema and its migrations.

Takes names and parameters, gives rows. The only room that knows the driver: its errors are translated here, and nothing
above sees a connection.

Rule 1: a statement lives in `sql/*.sql` under `-- name: …`; nothing is spliced into one. What runs `later` gets its
        parameters as literals: numbers, times and UUIDs, which no input can make anything else of.
Rule 2: JSON goes in and out as bytes (`jsonb` by its binary form); what it means is the caller's business.
Rule 3: a read sees one snapshot; a write is one transaction, and holds its tenant's lock.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from uuid import UUID

import asyncpg

from huaxiang.errors import Busy, ClusterUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Sequence
    from types import CoroutineType

    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]

Row: TypeAlias = Any
"""A row: its columns by name, as attributes of an index (`row["node"]`)."""

Plain: TypeAlias = "int | datetime | UUID | Collection[int] | Collection[UUID]"
"""What a parameter may be that is written out: no text, which could be anything."""

OLDEST_SERVER = 150000
MIGRATION_LOCK = 7282
STATEMENT_SECONDS = 600
READ_SECONDS = 30
WAIT_SECONDS = 5.0
CONNECT_SECONDS = 10.0
ASK_SECONDS = 10.0
MOST_ASKING = 3
"""Connections for questions that ask for much at once."""
MOST_WAITING = 512
"""Requests that wait for a connection; past it, the next one is refused at once."""
SETTINGS = {"application_name": "huaxiang", "jit": "off", "timezone": "UTC", "temp_buffers": "64MB"}
"""Of every connection. A batch that is staged stays in memory; only what is used of it is taken."""
ASKING = SETTINGS | {
    "default_transaction_read_only": "on",
    # A question is planned once, and stays on its indexes whatever the statistics say.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
ENDED = (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError)
"""By these the database ends a connection."""
UNREACHABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError)


def statements(text: str) -> dict[str, str]:
    """The named statements of one SQL file: what follows each `-- name: …` up to the next."""
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def _load() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted(resources.files("huaxiang.sql").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            for name, body in statements(file.read_text(encoding="utf-8")).items():
                assert name not in found, f"two statements are named {name}"
                found[name] = body
    return found


STATEMENTS = _load()
STAGING = tuple(re.findall(r"create temporary table if not exists (\w+)", STATEMENTS["staging"]))
"""The tables in which a batch waits inside its transaction."""
STAGERS = frozenset(name for name, text in STATEMENTS.items() if re.search(rf"\b({'|'.join(STAGING)})\b", text))
"""The statements that use them."""
STAGING_BYTES = 256 << 10
"""Dead rows in a staging table are let be up to this size: to cut its files takes longer than to read past them."""
FEW_STAGED = 100
"""So few rows that their size is looked at only once in `SWEEPS` transactions."""
SWEEPS = 16


def can_be_kept(text: str) -> bool:
    """Whether the store can hold a text, and so whether it is worth asking for: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


class _Session:
    """What a connection keeps between transactions: its prepared statements, and how often its staging was swept."""

    def __init__(self) -> None:
        self.prepared: set[str] = set()
        self.sweeps = 0


class Transaction:
    """One transaction: statements by name, and bulk rows by COPY."""

    def __init__(self, connection: Connection, *, timeout_s: float, session: _Session | None = None) -> None:
        """Speak over this connection, each statement for so long at most; `Store` opens and ends the transaction."""
        self._connection = connection
        self._timeout_s = timeout_s
        self._session = session or _Session()
        self._later: list[tuple[str, str]] = []
        self._rows_staged = 0
        self.ran: set[str] = set()
        """The statements that ran so far, or are to run."""

    async def sweep(self) -> None:
        """Leave no row in the staging tables, at the end of a transaction that writes."""
        if STAGERS.isdisjoint(self.ran) and not self._rows_staged:
            return
        self._session.sweeps += 1
        self.later("sweep_staging")
        if self._rows_staged <= FEW_STAGED and self._session.sweeps % SWEEPS:
            return
        for row in await self.rows("staging_taken", STAGING, STAGING_BYTES):
            await self.run(f"cut_{row['name']}")

    async def rows(self, name: str, *parameters: object) -> list[Row]:
        """All rows that the statement gives."""
        if self._later:
            await self.settle()
        self.ran.add(name)
        return await self._connection.fetch(STATEMENTS[name], *parameters, timeout=self._timeout_s)

    async def row(self, name: str, *parameters: object) -> Row | None:
        """The first row, if any."""
        await self.settle()
        self.ran.add(name)
        return await self._connection.fetchrow(STATEMENTS[name], *parameters, timeout=self._timeout_s)

    async def run(self, name: str, *parameters: object) -> None:
        """Run it for its effect."""
        await self.rows(name, *parameters)

    def later(self, name: str, *parameters: Plain) -> None:
        """Run it for its effect, after all that was asked for until now, and before all that comes.

        Such statements travel together, in one trip, with what comes next of this kind or just before the next other
        one: a small transaction's time is mostly its trips. What goes wrong is raised there.
        """
        self.ran.add(name)
        told = f" ({', '.join(map(_literal, parameters))})" if parameters else ""
        self._later.append((name, f"execute {name}{told}"))

    def word(self, word: Literal["begin", "commit"]) -> None:
        """Begin, or commit, along with what runs later."""
        self._later.append(("", word))

    async def settle(self) -> None:
        """Run now what was to run later."""
        pending, self._later = self._later, []
        for name, _ in pending:
            if name and name not in self._session.prepared:
                await self._connection.execute(f"prepare {name} as {STATEMENTS[name]}", timeout=self._timeout_s)
                self._session.prepared.add(name)
        if pending:
            await self._connection.execute("; ".join(text for _, text in pending), timeout=self._timeout_s)

    async def each(self, name: str, records: Iterable[Sequence[object]], *first: object) -> list[Row]:
        """Run it for many records at once: `first`, then their columns as arrays; not at all for none."""
        columns = [list(column) for column in zip(*records, strict=True)]
        return await self.rows(name, *first, *columns) if columns else []

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
        """COPY records into a staging table, in binary."""
        await self.settle()
        rows = list(records)
        self._rows_staged += len(rows)
        await self._connection.copy_records_to_table(table, records=rows, columns=columns)

    async def copy_packed(self, table: str, columns: Sequence[str], chunks: Iterable[bytes]) -> None:
        """The same, of records that are packed already (see `copying`); into any table, where they are new to it."""
        await self.settle()
        if table in STAGING:
            self._rows_staged += FEW_STAGED + 1
        await self._connection.copy_to_table(table, source=_each(chunks), columns=columns, format="binary")

    async def read_packed(self, name: str, take: Callable[[bytes], None], *parameters: object) -> None:
        """Let something take the statement's rows as binary COPY gives them, some whole rows at a time."""
        await self.settle()
        self.ran.add(name)

        async def taken(chunk: bytes) -> None:
            take(chunk)

        statement = STATEMENTS[name].rstrip(";")
        await self._connection.copy_from_query(
            statement, *parameters, output=taken, format="binary", timeout=self._timeout_s
        )

    async def pages(self, name: str, *parameters: object, size: int) -> AsyncIterator[list[Row]]:
        """The statement's rows by a cursor, `size` at a time: for what does not fit in memory."""
        await self.settle()
        self.ran.add(name)
        page: list[Row] = []
        # Read to its end so, a cursor is closed: an open one would keep the staging tables from being cut.
        async for row in self._connection.cursor(STATEMENTS[name], *parameters, prefetch=size):
            page.append(row)
            if len(page) == size:
                yield page
                page = []
        if page:
            yield page


def _literal(value: Plain) -> str:
    """A parameter as SQL; the server makes of it what the statement takes."""
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, datetime):
        return f"'{value.isoformat()}'"
    if isinstance(value, UUID):
        return f"'{value}'"
    return f"'{{{','.join(str(one) if isinstance(one, UUID) else str(int(one)) for one in value)}}}'"


async def _each(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class Store:
    """A pool of connections to one database whose schema is ours."""

    def __init__(self) -> None:
        """A store that is not open yet; `opened` gives one that is."""
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._sessions: dict[int, _Session] = {}
        self.askers: _Askers | None = None
        """Those that questions are asked over."""
        self._waiting = 0

    @asynccontextmanager
    async def open(self, url: str, *, connections: int = 8) -> AsyncGenerator[Store]:
        """Open it at `url` for as long as the block lasts, its schema brought up to date.

        Raises:
            ClusterUnavailable: there is no PostgreSQL at the URL, it refuses us, or it is older than 15.

        """
        await _migrate(url)
        pool = await _pool(url, connections, self._begin)
        askers = _Askers(url)
        try:
            self._pool, self.askers = pool, askers
            yield self
        finally:
            self._pool = self.askers = None
            await askers.close()
            await pool.close()

    async def _begin(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Make a new connection ready; what is known of it goes when it ends."""
        await _prepare(connection)
        session = connection.get_server_pid()
        self._sessions[session] = _Session()

        def end(_: object) -> None:
            self._sessions.pop(session, None)

        connection.add_termination_listener(end)

    def _known(self, connection: Connection) -> _Session:
        return self._sessions[connection.get_server_pid()]

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[Transaction]:
        """A transaction that writes, committed at the end, or undone by an error.

        Raises:
            Busy: no connection is free in time, or the database can't serve just now.

        """
        async with self._connection(self._pool) as connection, connection.transaction():
            tx = Transaction(connection, timeout_s=STATEMENT_SECONDS, session=self._known(connection))
            yield tx
            await tx.sweep()
            await tx.settle()

    @asynccontextmanager
    async def landing(self, tenant: int) -> AsyncGenerator[Transaction]:
        """The same, holding the tenant's lock from its first trip on: for what comes often, and little at a time.

        Raises:
            Busy: as for `writing`.

        """
        async with self._connection(self._pool) as connection:
            tx = Transaction(connection, timeout_s=STATEMENT_SECONDS, session=self._known(connection))
            tx.word("begin")
            tx.later("lock_tenant", tenant)
            try:
                yield tx
                await tx.sweep()
                tx.word("commit")
                await tx.settle()
            except BaseException:
                await _undo(connection)
                raise

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Transaction]:
        """A transaction that reads one snapshot.

        Raises:
            Busy: as for `writing`.

        """
        async with (
            self._connection(self._pool) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield Transaction(connection, timeout_s=READ_SECONDS)

    def asking(self) -> _Asking:
        """Questions for what many callers want: no transaction is around them, so that each is one trip.

        Each sees a snapshot of its own. Their plans suit points, not heaps.

        Raises:
            Busy: as for `writing`.

        """
        return _Asking(self)

    async def maintain(self, name: str) -> bool:
        """Run a statement that no transaction may hold (VACUUM, CHECKPOINT); gives whether the database let us."""
        async with self._connection(self._pool) as connection:
            try:
                await connection.execute(STATEMENTS[name])
            except (asyncpg.InsufficientPrivilegeError, asyncpg.QueryCanceledError, TimeoutError):
                return False
        return True

    async def keep_statistics(self) -> None:
        """Let the database look at tables that have outgrown what it knows of them, in place of a minute later.

        Until then, a question that was planned when there was next to nothing reads whole tables.
        """
        async with self._connection(self._pool) as connection:
            if tables := [row["name"] for row in await connection.fetch(STATEMENTS["outgrown_tables"])]:
                await connection.execute(f"analyze {', '.join(tables)}")

    @asynccontextmanager
    async def _connection(self, pool: asyncpg.Pool[asyncpg.Record] | None) -> AsyncGenerator[Connection]:
        if pool is None:
            raise Busy(reason="the database is not open")
        self.begin_to_wait()
        waits = True
        try:
            async with pool.acquire(timeout=WAIT_SECONDS) as connection:
                self._waiting -= 1
                waits = False
                yield connection
        except Exception as error:
            if (busy := _busy(error)) is None:
                raise
            raise busy from error
        finally:
            self._waiting -= waits

    def begin_to_wait(self) -> None:
        """Count one that waits for a connection. Raises `Busy` past the bound."""
        if self._waiting >= MOST_WAITING:
            raise Busy(reason="too many requests wait for the database just now")
        self._waiting += 1

    async def connection_to_ask(self) -> asyncpg.Connection[asyncpg.Record]:
        """A connection of those for questions; to be given back. Raises `Busy`."""
        if self.askers is None:
            raise Busy(reason="the database is not open")
        self.begin_to_wait()
        try:
            return await self.askers.take()
        finally:
            self._waiting -= 1


async def _undo(connection: Connection) -> None:
    """Undo a transaction; a connection that can't is nobody's any more."""
    try:
        await connection.execute("rollback", timeout=READ_SECONDS)
    except BaseException:
        connection.terminate()
        raise


def _busy(error: BaseException) -> Busy | None:
    """What a failure of the driver means, if it means that the database can't serve just now."""
    if isinstance(error, (asyncpg.QueryCanceledError, asyncpg.AdminShutdownError, asyncpg.CannotConnectNowError)):
        return Busy(reason="the database gave up on the request")
    if isinstance(error, (TimeoutError, OSError, asyncpg.PostgresConnectionError, asyncpg.TooManyConnectionsError)):
        return Busy(reason="the database has no room for the request just now")
    if isinstance(error, asyncpg.InternalClientError):  # the driver has read that the connection ends, not yet its end
        return Busy(reason="the database has ended the connection")
    if isinstance(error, (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)):
        return Busy(reason="the database asks for the request again")
    if isinstance(error, asyncpg.InterfaceError) and error.__context__ is not None:  # undone over what is gone already
        return _busy(error.__context__)
    return None


class _Asking:
    """What `Store.asking` gives: written out, since a generator would cost a good part of a small question's time."""

    __slots__ = ("_connection", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def __aenter__(self) -> Transaction:
        try:
            self._connection = await self._store.connection_to_ask()
        except Exception as error:
            if (busy := _busy(error)) is None:
                raise
            raise busy from error
        return Transaction(self._connection, timeout_s=ASK_SECONDS)

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        assert self._connection is not None
        # Given up in the middle of a question, it may have an answer under way; what the database refuses is answered.
        is_whole = error is None or (isinstance(error, asyncpg.PostgresError) and not isinstance(error, ENDED))
        if self._store.askers is None:
            self._connection.terminate()
        else:
            self._store.askers.give(self._connection, is_whole=is_whole)
        if error is not None and (busy := _busy(error)) is not None:
            raise busy from error


class _Askers:
    """Connections for questions: made when they are needed, each asked by one at a time, and kept until it breaks.

    A pool looks after more than that, and costs a small question twice its own time.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[asyncpg.Connection[asyncpg.Record]] = []
        self._places = asyncio.Semaphore(MOST_ASKING)

    async def take(self) -> asyncpg.Connection[asyncpg.Record]:
        """A connection, to be given back. Raises `TimeoutError` if none is free in time, and the driver's own."""
        if self._places.locked():
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        else:
            await self._places.acquire()
        try:
            return self._left() or await self._made()
        except BaseException:
            self._places.release()
            raise

    def give(self, connection: asyncpg.Connection[asyncpg.Record], *, is_whole: bool) -> None:
        """Give one back; if it is not whole, nobody asks it any more."""
        if not is_whole:
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append(connection)
        self._places.release()

    def _left(self) -> asyncpg.Connection[asyncpg.Record] | None:
        while self._idle:
            if not (connection := self._idle.pop()).is_closed():
                return connection
        return None

    async def _made(self) -> asyncpg.Connection[asyncpg.Record]:
        connection = await asyncpg.connect(
            self._url,
            command_timeout=ASK_SECONDS,
            timeout=CONNECT_SECONDS,
            server_settings=ASKING,
            max_cached_statement_lifetime=0,
        )
        await _prepare_asking(connection)
        return connection

    async def close(self) -> None:
        """End those that nobody asks."""
        while connection := self._left():
            await connection.close()


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda document: b"\x01" + document,
        decoder=lambda data: bytes(data[1:]),
        format="binary",
    )
    await connection.set_type_codec("json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")
    await connection.execute(STATEMENTS["staging"])


async def _reset(_connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Nothing is left on a connection between uses but its empty staging tables."""


async def _prepare_asking(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    for kind in ("jsonb", "json"):
        decoder = _text_of_jsonb if kind == "jsonb" else bytes
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=bytes, decoder=decoder, format="binary")


def _text_of_jsonb(data: bytes) -> bytes:
    return bytes(data[1:])


async def _pool(
    url: str, connections: int, begin: Callable[[asyncpg.Connection[asyncpg.Record]], CoroutineType[Any, Any, None]]
) -> asyncpg.Pool[asyncpg.Record]:
    try:
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=connections,
            init=begin,
            reset=_reset,
            command_timeout=STATEMENT_SECONDS,
            timeout=CONNECT_SECONDS,
            server_settings=SETTINGS,
        )
    except UNREACHABLE as error:
        raise _unavailable(error) from error


async def _migrate(url: str) -> None:
    try:
        connection = await asyncpg.connect(
            url, command_timeout=STATEMENT_SECONDS, timeout=CONNECT_SECONDS, server_settings=SETTINGS
        )
    except UNREACHABLE as error:
        raise _unavailable(error) from error
    try:
        await migrate(connection)
    finally:
        await connection.close()


def _unavailable(error: Exception) -> ClusterUnavailable:
    return ClusterUnavailable(reason=f"no PostgreSQL takes us there ({type(error).__name__})")


@asynccontextmanager
async def opened(url: str, *, connections: int = 8) -> AsyncGenerator[Store]:
    """A store, open at `url` with at most so many connections (see `Store.open`)."""
    async with Store().open(url, connections=connections) as store:
        yield store


async def migrate(connection: Connection) -> None:
    """Run the migrations that the database has not seen, in order, each in a transaction of its own.

    Raises:
        ClusterUnavailable: the server is older than 15, or the schema is newer than this program.

    """
    if int(await connection.fetchval("show server_version_num")) < OLDEST_SERVER:
        raise ClusterUnavailable(reason="PostgreSQL 15 or later is needed")
    await connection.execute("select pg_advisory_lock($1)", MIGRATION_LOCK)
    try:
        await connection.execute(
            "create table if not exists migration (name text primary key, run_at timestamptz not null default now())"
        )
        done = {row["name"] for row in await connection.fetch("select name from migration")}
        known = migrations()
        if unknown := done - known.keys():
            raise ClusterUnavailable(reason=f"the schema is newer than this program: {', '.join(sorted(unknown))}")
        for name, text in known.items():
            if name not in done:
                async with connection.transaction():
                    await connection.execute(text)
                    await connection.execute("insert into migration (name) values ($1)", name)
    finally:
        await connection.execute("select pg_advisory_unlock($1)", MIGRATION_LOCK)


def migrations() -> dict[str, str]:
    """The schema's migrations, name to text, in order."""
    folder = resources.files("huaxiang.sql") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return {file.name: file.read_text(encoding="utf-8") for file in files}

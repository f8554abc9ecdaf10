"""Looking customers up for many callers at once.

Takes a caller's credential and what it asks for; gives customers, or the answer that was rendered from them. The
questions of all callers travel together (`together`), each batch in one statement, which also reads the versions that
what is remembered hangs on (`memory`), and what has changed since answers were kept (`answers`).

Rule 1: a caller passes by what is remembered of its key; the answer goes out only if a question that began after the
        request came found the tenant's version unchanged. If not, all is forgotten, and the request begins anew.
Rule 2: a refusal is an answer: it goes out under the same condition; but for `Busy`, which asks nothing.
Rule 3: a call counts against a key's rate once, however often it begins anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from huaxiang.answers import Answers, Key, how_many
from huaxiang.claim import epoch_of
from huaxiang.errors import Busy, NotAuthenticated, Refused
from huaxiang.identifiers import SEALED, node_of, normalise, sealed
from huaxiang.model import Customer, Identifier, Mention
from huaxiang.read import MOST_CHANGES, MOST_ROWS, Asked, Changed, Seen, look_up, rows_told
from huaxiang.store import can_be_kept
from huaxiang.together import Together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from huaxiang.memory import Credential, Kept, Known, Memory
    from huaxiang.model import AccessKey, Tenant
    from huaxiang.shelf import Shelf
    from huaxiang.store import Store, Transaction

MOST_TRIES = 5
MANY = 16
"""A request for more than these travels with a few others only."""
LARGEST = 2**63 - 1

Answer = TypeVar("Answer")
_Shape: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""What of customers is read: parts, and the traits of which values are told. Questions of one shape travel together."""


class Stale(Exception):
    """What was remembered of a tenant holds no longer."""


class _Question(NamedTuple):
    asked: Asked
    version: int


_Watch: TypeAlias = "tuple[int, UUID | None]"
"""A tenant that is asked whether all holds still; and the record of which it is told when it was viewed last."""
_Watched: TypeAlias = "tuple[dict[int, int], list[datetime | None]]"
"""The versions of tenants, and the views of records, in their order."""


_Cursors: TypeAlias = "Mapping[int, int | None]"
"""How far the feeds of tenants were read; None for one of which nothing was."""


class Viewing:
    """A view that is asked for along with an answer: of which record, and when the last one is `written`, if any."""

    __slots__ = ("record", "written")

    def __init__(self, record: UUID) -> None:
        """Ask for a record's, by the id of its dialect."""
        self.record = record
        self.written: datetime | None = None


class Passage:
    """A request on its way: whose it is, by what is remembered; `is_current`: as was read after it came."""

    __slots__ = ("is_accepted", "is_current", "kept", "key", "known", "tenant")

    def __init__(self, known: Known, *, is_current: bool, is_accepted: bool) -> None:
        """Pass by what is known: the caller's key, and what its tenant is."""
        self.known, self.is_current, self.is_accepted = known, is_current, is_accepted
        self.key: AccessKey = known.key
        self.kept: Kept = known.kept
        self.tenant: Tenant = known.kept.tenant


class Made(NamedTuple):
    """An answer, and what it was made from; `customers` is None for one that may not be kept."""

    content: bytes
    customers: Sequence[int] | None
    made_at: int


class Found(NamedTuple):
    """The customers of a question, in its order, None for what is unknown; as they were at the change `made_at`."""

    customers: list[Customer | None]
    made_at: int
    may_keep: bool

    def made(self, content: bytes, also: Found | None = None) -> Made:
        """An answer that was made from these customers, and from others beside.

        Somebody unknown may become known without a change of anybody else: such an answer is not kept.
        """
        every = (self,) if also is None else (self, also)
        ids = [customer.id for found in every for customer in found.customers if customer is not None]
        if not ids or not all(found.may_keep and None not in found.customers for found in every):
            return Made(content, None, 0)
        return Made(content, ids, min(found.made_at for found in every))


class Lookups:
    """Looks up over one store, for one event loop."""

    def __init__(self, store: Store, memory: Memory, *, most_bytes: int, shelf: Shelf | None = None) -> None:
        """`most_bytes`: of answers to keep; `shelf`: those that other workers have made, too."""
        self._store, self._memory = store, memory
        self.answers = Answers(most_bytes, shelf)
        self.asked = 0
        """How many questions for customers travelled so far."""
        self._checks: Together[_Watch, tuple[int, datetime | None]] = Together(self._check, most_items=1024)
        self._few: dict[_Shape, Together[_Question, Seen]] = {}
        self._many: dict[_Shape, Together[_Question, Seen]] = {}

    async def through(
        self,
        credential: Credential,
        serve: Callable[[Passage], Awaitable[Answer]],
    ) -> Answer:
        """What `serve` gives to the holder of a credential; it may be called again, if its caller's tenant has changed.

        Raises:
            NotAuthenticated: the credential is nobody's.
            Busy: the tenant changes faster than it can be served.

        """
        is_accepted = False
        for _ in range(MOST_TRIES):
            remembered = self._memory.recall(credential)
            known = remembered or await self._memory.meet(credential)
            if known is None:
                raise NotAuthenticated
            passage = Passage(known, is_current=remembered is None, is_accepted=is_accepted)
            try:
                found = await serve(passage)
            except Stale:
                self._memory.forget(known.kept)
            except Busy:
                raise
            except Refused:
                if passage.is_current or await self._memory.is_current(known):
                    raise
            else:
                if passage.is_current or await self._memory.is_current(known):
                    return found
            is_accepted = passage.is_accepted
        raise Busy(reason="the tenant changes faster than it can be served")

    async def customers(
        self,
        passage: Passage,
        wanted: Sequence[Identifier | int],
        *,
        parts: tuple[str, ...],
        names: tuple[str, ...] = (),
        now: datetime,
    ) -> Found:
        """The customers of identifiers (as they are held now) and of our own numbers, with these parts of them.

        `names`: the traits of which `values` tell (see `read.look_up`).

        Raises:
            Stale: the tenant has changed.

        """
        kept = passage.kept
        numbers = [one for one in wanted if isinstance(one, int) and -LARGEST <= one <= LARGEST]
        named = [one for one in wanted if isinstance(one, Identifier)]
        nodes = nodes_of(kept, named, now) if named else {}
        question = _Question(Asked(kept.tenant.id, list(nodes.values()), numbers), kept.version)
        seen = await self._travelling((parts, names), len(numbers) + len(nodes)).ask(question)
        passage.is_current = True
        customers = [_of(seen, kept.tenant.id, nodes, one) for one in wanted]
        # An identifier that changes hands is held by another one as soon as the time has come, without any change.
        may_keep = kept.cuts.keys().isdisjoint(nodes) and not any(one.kind in SEALED for one in named)
        return Found(customers, seen.newest[kept.tenant.id], may_keep)

    async def answer(
        self,
        passage: Passage,
        name: bytes,
        make: Callable[[Passage], Awaitable[Made]],
        viewing: Viewing | None = None,
    ) -> bytes:
        """The answer under a name that says all it depends on, beside the caller's key, its tenant and customers.

        `viewing` is told when the record was viewed.

        Raises:
            Stale: the tenant has changed.

        """
        kept, tenant = passage.kept, passage.tenant.id
        key = passage.key.id, kept.version, name
        content = self.answers.find(key, tenant=tenant)
        if content is None and viewing is None:
            return self._keep(kept, key, await make(passage))
        checked, made = self._checks.ask((tenant, None if viewing is None else viewing.record)), None
        if content is None:
            try:
                made = await make(passage)
            except BaseException:
                checked.cancel()
                raise
        version, written = await checked
        if version != kept.version:
            raise Stale
        passage.is_current = True
        if viewing is not None:
            viewing.written = written
        if content is not None and self.answers.has(key, content):
            return content
        return self._keep(kept, key, made or await make(passage))

    def _keep(self, kept: Kept, key: Key, made: Made) -> bytes:
        if made.customers is not None:
            self.answers.put(key, made.content, tenant=kept.tenant.id, customers=made.customers, made_at=made.made_at)
        return made.content

    def begin(self, newest: Mapping[int, int]) -> None:
        """Read the feeds of these tenants from their newest change on, where they are not read yet."""
        self.answers.learn(dict.fromkeys(newest), newest, {}, most=MOST_CHANGES)

    def _travelling(self, shape: _Shape, count: int) -> Together[_Question, Seen]:
        """The batches that a question for so many customers travels in."""
        lane, most = (self._few, 128) if count <= MANY else (self._many, 4)
        if shape not in lane:

            async def ask(questions: list[_Question]) -> Sequence[Seen | Stale]:
                return await self._ask(questions, shape)

            lane[shape] = Together(ask, most_items=most, most_waiting=1024 if lane is self._few else 64)
        return lane[shape]

    async def _ask(self, questions: list[_Question], shape: _Shape) -> Sequence[Seen | Stale]:
        parts, names = shape
        self.asked += len(questions)
        after = self.answers.after(question.asked.tenant for question in questions)
        async with self._store.asking() as tx:
            asked = [question.asked for question in questions]
            seen = await look_up(tx, asked, parts=parts, names=names, after=after)
            await self._learn(tx, after, seen.newest, seen.changed)
        return [seen if seen.versions[of.asked.tenant] == of.version else Stale() for of in questions]

    async def _learn(
        self, tx: Transaction, after: _Cursors, newest: Mapping[int, int], changed: dict[int, list[Changed]]
    ) -> None:
        """Learn what a question told of feeds, from `after` on; where there may be more, a later one tells of all.

        What was answered with the question stays as new as `newest` says, and no newer.
        """
        newest = dict(newest)
        for tenant, rows in changed.items():
            if len(rows) < MOST_ROWS:
                continue
            if how_many(rows) < MOST_CHANGES:
                told = await tx.rows("changes_after", tenant, after[tenant], MOST_CHANGES)
                rows[:] = [Changed(row["number"], row["customer"], row["other"]) for row in told]
            if how_many(rows) >= MOST_CHANGES:
                ((newest[tenant],),) = await tx.rows("newest_change", tenant)
        self.answers.learn(after, newest, changed, most=MOST_CHANGES)

    async def _check(self, asked: list[_Watch]) -> Sequence[tuple[int, datetime | None]]:
        """The versions of these tenants, and when records were viewed; what has changed is learnt on the way."""
        after = self.answers.after({tenant for tenant, _ in asked})
        viewed = [one for one in asked if one[1] is not None]
        async with self._store.asking() as tx:
            (tenant, number), *more = after.items()
            if number is None or more:
                versions, written = await self._watch_many(tx, after, viewed)
            else:
                versions, written = await self._watch(tx, tenant, number, [record for _, record in viewed])
        if not viewed and len(versions) == 1:
            return [(version, None) for version in versions.values()] * len(asked)
        told = iter(written)
        return [(versions[tenant], None if record is None else next(told)) for tenant, record in asked]

    async def _watch(self, tx: Transaction, tenant: int, after: int, viewed: list[UUID | None]) -> _Watched:
        """What has become of a tenant whose feed was read up to `after`."""
        if viewed:
            rows = await tx.rows("watch_views", tenant, after, MOST_ROWS, viewed)
        else:
            rows = await tx.rows("watch", tenant, after, MOST_ROWS)
        versions: dict[int, int] = {}
        written: list[datetime | None] = [None] * len(viewed)
        changed: list[Changed] = []
        for version, number, customer, other, customers, times in rows:
            if times is not None:
                written = times
            elif version is not None:
                versions[tenant] = version
            else:
                changed.append(Changed(number, customer, other, customers))
        if changed:
            changed.sort(key=lambda change: change.number)
            await self._learn(tx, {tenant: after}, {}, {tenant: changed})
        return versions, written

    async def _watch_many(self, tx: Transaction, after: _Cursors, viewed: list[_Watch]) -> _Watched:
        """The same of many tenants, or of one whose feed was not read yet."""
        rows = await tx.rows(
            "watch_many",
            list(after), list(after.values()), MOST_ROWS,
            [tenant for tenant, _ in viewed], [record for _, record in viewed],
        )  # fmt: skip
        versions: dict[int, int] = {}
        written: list[datetime | None] = [None] * len(viewed)
        newest: dict[int, int] = {}
        changed: dict[int, list[Changed]] = {}
        for tenant, version, newest_number, told, places, times in rows:
            versions[tenant], newest[tenant] = version, newest_number or 0
            if told:
                changed[tenant] = rows_told(told)
            for place, at in zip(places or (), times or (), strict=True):
                written[place - 1] = at
        await self._learn(tx, after, newest, changed)
        return versions, written


def nodes_of(kept: Kept, identifiers: Sequence[Identifier], now: datetime) -> dict[Identifier, UUID]:
    """The nodes that these identifiers have now; one that can't be kept has none."""
    key, cuts = kept.tenant.key, kept.cuts
    nodes: dict[Identifier, UUID] = {}
    for one in identifiers:
        if not can_be_kept(one.kind + one.scope + one.value):
            continue
        seal = one
        if one.kind in SEALED:
            seal = normalise(sealed(key, Mention(one.kind, one.value, one.scope)))
        nodes[one] = node_of(key, seal, epoch_of(cuts.get(seal, ()), now))
    return nodes


def _of(seen: Seen, tenant: int, nodes: dict[Identifier, UUID], one: Identifier | int) -> Customer | None:
    if isinstance(one, int):
        return seen.of_number(tenant, one)
    node = nodes.get(one)
    return None if node is None else seen.of_node(node)

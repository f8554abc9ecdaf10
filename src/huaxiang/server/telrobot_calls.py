"""Telrobot's neighbours of `customer/detail` over HTTP: lists, the field template, customers in and out, custom fields.

Takes a request, gives the vendor's bytes; whatever is refused is raised as an error of the house, and the app finds the
vendor's word for it.

Rule 1: in this order: the token (401), its rate (429), its permission and the account in the path (403), the body is
    JSON by its media type (415), what is asked for is right (422), it is there (404).
Rule 2: a read needs the permission `customer`, all else `change`. A key has what it was made with.
Rule 3: rows of a batch are answered one by one: a bad row keeps no good one out, and a row that is answered with
    success has landed.
Rule 4: a deletion is of the records that match at that moment; what comes of them later makes them live again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from litestar import Request, Response, delete, get, post, put

from huaxiang import roster
from huaxiang.dialects.telrobot import asked, outward, pushes, wire
from huaxiang.errors import InputInvalid, InputTooLarge, NotFound, Refused, WrongMediaType
from huaxiang.model import CustomField, Json, Parsed, Record
from huaxiang.roster import Filter
from huaxiang.server import bearer
from huaxiang.server.telrobot import DIALECT, account_in_path

if TYPE_CHECKING:
    from datetime import datetime

    from litestar.handlers import HTTPRouteHandler

    from huaxiang.dialects.contract import Endpoint
    from huaxiang.memory import Kept
    from huaxiang.model import Reject
    from huaxiang.roster import Fields, Standing
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

READ: Final = "customer"
CHANGE: Final = "change"
MOST_DELETED: Final = 10_000
"""Customers that one call may delete."""

_JSON: Final = frozenset({"", "application/json"})
Asked = TypeVar("Asked")


class Caller(NamedTuple):
    """Who asks: the tenant as it is, the account in the path, and the accounts that it sees."""

    kept: Kept
    account: UUID
    below: frozenset[UUID]

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's time zone."""
        return ZoneInfo(self.kept.tenant.time_zone)


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The handlers, over this service."""
    del options  # nothing here depends on how the server was started
    return [*_reads(service), *_ways_in(service), *_fields(service)]


def _reads(service: Service) -> list[HTTPRouteHandler]:
    @get(_path(wire.LIST), include_in_schema=False)
    async def listed(request: Request[Any, Any, Any], user_id: str) -> Response[bytes]:
        caller = await _caller(service, request, user_id, READ)
        wanted = asked.listing(request.scope["query_string"], await request.body(), caller.zone)
        return _answer(await _listed(service, caller, wanted, None))

    @get(_path(wire.STAGE), include_in_schema=False)
    async def at_stage(request: Request[Any, Any, Any], user_id: str, stage: str) -> Response[bytes]:
        caller = await _caller(service, request, user_id, READ)
        query, at = request.scope["query_string"], asked.stage(stage)
        wanted = asked.listing(query, await request.body(), caller.zone, of=wire.StageQuery)
        return _answer(await _listed(service, caller, wanted, at))

    @get(_path(wire.TEMPLATE), include_in_schema=False)
    async def template(request: Request[Any, Any, Any], user_id: str) -> Response[bytes]:
        caller = await _caller(service, request, user_id, READ)
        fields = caller.kept.fields.get(str(caller.account), ())
        return _answer(outward.template([field for field in fields if pushes.is_live(field)]))

    return [listed, at_stage, template]


async def _listed(service: Service, caller: Caller, wanted: asked.Listing, stage: asked.Stage | None) -> bytes:
    """A page of customers, as the list tells it."""
    offset = (wanted.page - 1) * wanted.per_page
    page = await roster.page(
        service, caller.kept, caller.account, _filter(wanted, stage), limit=wanted.per_page, offset=offset
    )
    return outward.listed(
        page.views, total=page.total, page=wanted.page, per_page=wanted.per_page, tenant=caller.kept.tenant
    )


def _ways_in(service: Service) -> list[HTTPRouteHandler]:
    @post(_path(wire.ADD), status_code=200, include_in_schema=False)
    async def add(request: Request[Any, Any, Any], user_id: str) -> Response[bytes]:
        caller = await _caller(service, request, user_id, CHANGE)
        batch = await _body(request, asked.Batch)
        if batch.sub_user_id:
            caller = caller._replace(account=_sub_account(caller, batch.sub_user_id))
        return _answer(outward.landed(await _landed(service, caller, batch.data)))

    @delete(_path(wire.DELETE), status_code=200, include_in_schema=False)
    async def delete_customers(request: Request[Any, Any, Any], user_id: str) -> Response[bytes]:
        caller = await _caller(service, request, user_id, CHANGE)
        said = await _body(request, wire.DeleteBody)
        span = asked.span(list(said.created_at or ()), caller.zone)
        return _answer(outward.deleted(await _deleted(service, caller, said.phone or (), span)))

    return [add, delete_customers]


def _fields(service: Service) -> list[HTTPRouteHandler]:
    @post(_path(wire.MAKE_FIELD), status_code=200, include_in_schema=False)
    async def make_field(request: Request[Any, Any, Any], user_id: str) -> Response[bytes]:
        caller = await _caller(service, request, user_id, CHANGE)
        said = await _body(request, wire.FieldBody)
        made = pushes.made_field(uuid4(), caller.account, said, service.now())
        await roster.define(service, caller.kept, caller.below, lambda _: made)
        return _answer(outward.component(made, message="创建公海组件成功", tenant=caller.kept.tenant))

    @put(_path(wire.CHANGE_FIELD), include_in_schema=False)
    async def change_field(request: Request[Any, Any, Any], user_id: str, component_id: str) -> Response[bytes]:
        caller = await _caller(service, request, user_id, CHANGE)
        said = await _body(request, wire.FieldChange)

        def change(fields: Fields) -> CustomField:
            had = fields.get(_uuid(component_id))
            if had is None:
                raise NotFound(field="component_id")
            return pushes.changed_field(had, said, service.now())

        changed = await roster.define(service, caller.kept, caller.below, change)
        return _answer(outward.component(changed, message="修改公海组件成功", tenant=caller.kept.tenant))

    @delete(_path(wire.DELETE_FIELDS), status_code=200, include_in_schema=False)
    async def delete_fields(request: Request[Any, Any, Any], user_id: str) -> Response[bytes]:
        caller = await _caller(service, request, user_id, CHANGE)
        said = await _body(request, wire.FieldsBody)

        def drop(fields: Fields) -> list[CustomField]:
            return [pushes.deleted_field(fields[id_], service.now()) for id_ in set(said.deletes) if id_ in fields]

        count = await roster.drop_fields(service, caller.kept, caller.below, drop)
        return _answer(outward.deleted(count, message="删除公海组件成功"))

    return [make_field, change_field, delete_fields]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _landed(service: Service, caller: Caller, rows: tuple[Json, ...]) -> list[wire.Landed]:
    """What became of each row."""
    told: dict[int, wire.Landed] = {}
    read: dict[int, tuple[dict[str, Json], Record]] = {}
    for number, row in enumerate(rows):
        try:
            given = pushes.owned(pushes.row(row, caller.zone), caller.account, caller.below)
            read[number] = given, pushes.record(given, caller.zone)
        except Refused as refusal:
            told[number] = _refused(number, refusal.field, refusal.reason)
    stood = await roster.standing(service, caller.kept.tenant, {fact.record for _, fact in read.values()})
    now, facts = service.now(), dict[int, Record]()
    for number, (given, fact) in read.items():
        broken = _broken(caller, fact, stood.get(fact.record))
        if broken:
            told[number] = wire.Landed(number, None, "error", broken)
        else:
            facts[number] = _timed(caller, given, now + number * pushes.TICK, stood.get(fact.record))
    outcome = await service.land(caller.kept.tenant, [(number, Parsed((fact,))) for number, fact in facts.items()])
    refused: dict[int, Reject] = {reject.line: reject for reject in outcome.rejects}
    for number, fact in facts.items():
        reject = refused.get(number)
        kept = wire.Landed(number, UUID(fact.record), "success", "导入成功")
        told[number] = kept if reject is None else _refused(number, reject.field, reject.reason)
    return [told[number] for number in range(len(rows))]


def _broken(caller: Caller, fact: Record, stood: Standing | None) -> dict[str, list[str]]:
    """Why a record can't be taken from this caller, by place."""
    tenant, below = caller.kept.tenant, {str(one) for one in caller.below}
    if wire.number_of(tenant.key, UUID(fact.record)) is not None:
        return {"id": ["不是客户记录的id"]}  # it is how a customer without a record is called
    if stood is not None and (stood.owner or str(tenant.main_account)) not in below:
        return {"id": ["没有权限访问该客户"]}
    return pushes.reasons(fact, caller.kept.fields.get(fact.owner, ()))


def _timed(caller: Caller, given: dict[str, Json], now: datetime, stood: Standing | None) -> Record:
    """The fact, with the times that its row does not say."""
    if stood is None:
        return pushes.record(pushes.timed(given, now, None, None), caller.zone)
    created = None if stood.deleted else stood.created_at
    return pushes.record(pushes.timed(given, now, stood.at, created), caller.zone)


def _refused(number: int, field: str, reason: str) -> wire.Landed:
    return wire.Landed(number, None, "error", {field or "request": [reason or "格式不正确"]})


async def _deleted(
    service: Service, caller: Caller, phones: tuple[str, ...], span: tuple[datetime, datetime] | None
) -> int:
    """How many records that match were deleted; none, if nothing says which."""
    if not phones and span is None:
        return 0
    since, until = span or (None, None)
    wanted = Filter(phones=phones or None, since=since, until=until)
    found = await roster.matched(service, caller.kept, caller.account, wanted, most=MOST_DELETED + 1)
    if len(found) > MOST_DELETED:
        raise InputTooLarge(field="created_at", reason=f"一次最多删除{MOST_DELETED}个客户")
    now = service.now()
    facts = [pushes.deletion(one.name, one.owner, pushes.after(now, one.at)) for one in found]
    outcome = await service.land(caller.kept.tenant, [(line, Parsed((fact,))) for line, fact in enumerate(facts, 1)])
    return len(facts) - len(outcome.rejects)


# ── who asks, and for what ───────────────────────────────────────────────────────────────────────────────────────


async def _caller(service: Service, request: Request[Any, Any, Any], user_id: str, permission: str) -> Caller:
    key = await bearer.caller(service, request, dialect=DIALECT, permission=permission)
    kept = await service.memory.tenant(key.tenant.id)
    if kept is None:
        raise NotFound(field="user_id")
    account = account_in_path(key, kept, user_id)
    return Caller(kept, account, kept.accounts_under(account))


def _sub_account(caller: Caller, said: str) -> UUID:
    account = _uuid(said.strip())
    if account not in caller.below:
        raise InputInvalid(field="sub_user_id", reason="没有权限访问该用户")
    return account


async def _body(request: Request[Any, Any, Any], kind: type[Asked]) -> Asked:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _JSON:
        raise WrongMediaType
    return asked.body(await request.body(), kind)


def _filter(wanted: asked.Listing, stage: asked.Stage | None) -> Filter:
    since, until = wanted.span or (None, None)
    return Filter(
        phones=None if wanted.phone is None else (wanted.phone,),
        email=wanted.email,
        company=wanted.company,
        since=since,
        until=until,
        carriers=wanted.operators,
        values=wanted.components,
        sexes=wanted.sexes,
        is_followed=wanted.is_followed,
        stage=stage,
    )


def _uuid(text: str) -> UUID:
    """The uuid that a text is; one that nothing has, for any other text."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _path(endpoint: Endpoint) -> str:
    """An endpoint's path as the framework writes it."""
    names = {"{user_id}": "{user_id:str}", "{id}": "{component_id:str}", "{type}": "{stage:str}"}
    path = endpoint.path
    for name, written in names.items():
        path = path.replace(name, written)
    return path


def _answer(content: bytes) -> Response[bytes]:
    return Response(content=content, media_type="application/json")

"""The three look-ups: Tinet's portrait by number, Rabbitpre's detail by phone and id, Telrobot's detail by id.

ALTERNATIVE_DATABASE=postgresql://… uvicorn alternative.app:app --workers 2
"""

# The handlers' parameters are read by FastAPI while the program runs.
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from huaxiang.identifiers import node_of, normalise
from huaxiang.model import Identifier, Mention

from . import answers, credentials
from .tables import (
    CustomField,
    Fact,
    Node,
    SummaryActivity,
    SummaryCall,
    SummaryIdentity,
    SummaryMark,
    SummaryOrigin,
    SummaryTrait,
    Tenant,
    View,
)

engine = create_async_engine(
    os.environ["ALTERNATIVE_DATABASE"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=16, max_overflow=0
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncGenerator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=_lifespan, openapi_url=None)


async def _session() -> AsyncGenerator[AsyncSession]:
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(_session)]


class DetailBody(BaseModel):
    """What Rabbitpre's detail is asked for."""

    audienceUserIdList: list[int] = []  # noqa: N815 - the vendor's name
    phoneList: list[str] = []  # noqa: N815 - the vendor's name


@app.get("/health")
async def health() -> dict[str, str]:
    """Whether it is up."""
    return {"status": "up"}


@app.get("/sqc/customerPortrait")
async def portrait(request: Request, session: Session) -> dict[str, Any]:
    """The portraits of the numbers asked for."""
    query = dict(request.query_params)
    key, tenant = await credentials.of_signature(session, request.method, request.url.hostname, request.url.path, query)
    numbers = [number for number in query.get("customerNumber", "").split(",") if number]
    nodes = [_phone(tenant, number) for number in numbers]
    calls = (
        await session.scalars(
            select(SummaryCall).where(SummaryCall.node.in_(nodes)).order_by(SummaryCall.spelling.desc())
        )
    ).all()
    refs = (
        await session.execute(
            select(Fact.node, Fact.enterprise, Fact.record_id)
            .where(Fact.node.in_(nodes), Fact.kind == "call", Fact.current)
            .order_by(Fact.at.desc(), Fact.record_id)
        )
    ).all()
    marks = (await session.scalars(select(SummaryMark).where(SummaryMark.node.in_(nodes)))).all()
    del key
    return answers.portraits(tenant, calls, refs, marks)


@app.post("/api/open/api/audience/detail")
async def audience_detail(body: DetailBody, session: Session, x_token: Annotated[str, Header()]) -> dict[str, Any]:
    """The profiles of the ids and phones asked for."""
    _, tenant = await credentials.of_access_token(session, x_token)
    nodes = [_node(tenant, Identifier("audience_id", str(number))) for number in body.audienceUserIdList]
    nodes += [_phone(tenant, phone) for phone in body.phoneList]
    people = await _people(session, tenant, nodes)
    every = [node.node for found in people.values() for node, _ in found]
    traits = await _traits(session, every)
    origins = (await session.scalars(select(SummaryOrigin).where(SummaryOrigin.node.in_(every)))).all()
    activity = (await session.scalars(select(SummaryActivity).where(SummaryActivity.node.in_(every)))).all()
    follows = (
        await session.scalars(
            select(Fact).where(Fact.node.in_(every), Fact.current, Fact.kind == "subscription").order_by(Fact.at)
        )
    ).all()
    return answers.profiles(tenant, people, answers.Told(traits, origins, activity, follows))


@app.get("/agent-api/user/{user_id}/customer/detail/{customer_id}")
async def customer_detail(
    user_id: UUID, customer_id: UUID, session: Session, authorization: Annotated[str, Header()]
) -> dict[str, Any]:
    """A CRM record with its customer."""
    key, tenant = await credentials.of_token(session, authorization.removeprefix("Bearer "))
    if user_id != key.account:
        raise HTTPException(403)
    people = await _people(session, tenant, [_node(tenant, Identifier("crm_id", str(customer_id), "telrobot"))])
    every = [node.node for found in people.values() for node, _ in found]
    records = (
        await session.scalars(select(Fact).where(Fact.node.in_(every), Fact.current, Fact.kind == "record"))
    ).all()
    record = next((one for one in records if one.record_id == str(customer_id)), None)
    if record is None:
        raise HTTPException(404)
    traits = await _traits(session, every)
    owner = str(tenant.main_account)
    fields = (
        await session.scalars(select(CustomField).where(CustomField.tenant == tenant.id, CustomField.owner == owner))
    ).all()
    viewed = await session.scalar(select(View.viewed_at).where(View.id == customer_id, View.tenant == tenant.id))
    return answers.crm(tenant, record, traits, fields, viewed)


def _phone(tenant: Tenant, number: str) -> UUID:
    return _node(tenant, normalise(Mention("phone", number)))


def _node(tenant: Tenant, identifier: Identifier) -> UUID:
    return node_of(tenant.key, identifier, 0)


async def _people(
    session: AsyncSession, tenant: Tenant, nodes: Sequence[UUID]
) -> dict[int, list[tuple[Node, SummaryIdentity]]]:
    """The customers of these nodes, each with all its identifiers."""
    customers = (
        await session.scalars(select(Node.customer).where(Node.node.in_(nodes), Node.tenant == tenant.id))
    ).all()
    rows = await session.execute(
        select(Node, SummaryIdentity)
        .join(SummaryIdentity, SummaryIdentity.node == Node.node)
        .where(Node.customer.in_(customers))
        .order_by(Node.number)
    )
    found: dict[int, list[tuple[Node, SummaryIdentity]]] = {}
    for node, identity in rows:
        found.setdefault(node.customer, []).append((node, identity))
    return found


async def _traits(session: AsyncSession, nodes: Sequence[UUID]) -> Sequence[SummaryTrait]:
    return (
        await session.scalars(
            select(SummaryTrait)
            .where(SummaryTrait.node.in_(nodes))
            .order_by(SummaryTrait.at, SummaryTrait.rank, SummaryTrait.record_id)
        )
    ).all()

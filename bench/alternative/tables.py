"""The tables that the answers are made of, as models: the columns that are needed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All of them."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        bytes: LargeBinary,
    }


class Tenant(Base):
    """An enterprise."""

    __tablename__ = "tenant"
    id: Mapped[int] = mapped_column(primary_key=True)
    login_name: Mapped[str]
    time_zone: Mapped[str]
    key: Mapped[bytes]
    org: Mapped[UUID]
    main_account: Mapped[UUID]
    slot: Mapped[int]


class AccessKey(Base):
    """A credential."""

    __tablename__ = "access_key"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    tenant: Mapped[int]
    dialect: Mapped[str]
    name: Mapped[str]
    secret: Mapped[str | None]
    digest: Mapped[bytes | None]
    account: Mapped[UUID | None]
    permissions: Mapped[list[str]]
    revoked_at: Mapped[datetime | None]


class AccessToken(Base):
    """A token that was given out."""

    __tablename__ = "access_token"
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    access_key: Mapped[int] = mapped_column(BigInteger)
    purpose: Mapped[str]
    expires_at: Mapped[datetime]


class Node(Base):
    """An identifier."""

    __tablename__ = "node"
    node: Mapped[UUID] = mapped_column(primary_key=True)
    tenant: Mapped[int]
    number: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    value: Mapped[str]
    scope: Mapped[str]
    customer: Mapped[int] = mapped_column(BigInteger)


class SummaryIdentity(Base):
    """What is said of an identifier."""

    __tablename__ = "summary_identity"
    node: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    rank: Mapped[int]
    spelling: Mapped[str]
    verified: Mapped[bool]
    first_at: Mapped[datetime]
    created_at: Mapped[datetime | None]


class SummaryCall(Base):
    """The calls of a number."""

    __tablename__ = "summary_call"
    node: Mapped[UUID] = mapped_column(primary_key=True)
    calls: Mapped[int]
    durations: Mapped[int]
    duration_sum: Mapped[int]
    duration_max: Mapped[int | None]
    rounds: Mapped[int]
    round_sum: Mapped[int]
    round_max: Mapped[int | None]
    at: Mapped[datetime]
    spelling: Mapped[str]
    city: Mapped[str | None]


class SummaryMark(Base):
    """A mark on a call."""

    __tablename__ = "summary_mark"
    node: Mapped[UUID] = mapped_column(primary_key=True)
    record: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    checked: Mapped[bool]
    added: Mapped[bool]
    deleted: Mapped[bool]
    second: Mapped[int | None]
    at: Mapped[datetime]
    label: Mapped[str]


class SummaryTrait(Base):
    """The newest of a trait."""

    __tablename__ = "summary_trait"
    node: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    rank: Mapped[int]
    record_id: Mapped[str]
    value: Mapped[Any] = mapped_column(JSONB)


class SummaryOrigin(Base):
    """Where somebody came from."""

    __tablename__ = "summary_origin"
    node: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    value: Mapped[dict[str, Any]]


class SummaryActivity(Base):
    """What happened on a day."""

    __tablename__ = "summary_activity"
    node: Mapped[UUID] = mapped_column(primary_key=True)
    side: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    newest_at: Mapped[datetime]


class Fact(Base):
    """What a source said."""

    __tablename__ = "fact"
    node: Mapped[UUID] = mapped_column(primary_key=True)
    record: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    current: Mapped[bool]
    at: Mapped[datetime]
    record_id: Mapped[str]
    enterprise: Mapped[str]
    said: Mapped[dict[str, Any]]


class CustomField(Base):
    """A field that an account made up."""

    __tablename__ = "custom_field"
    tenant: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner: Mapped[str]
    sort: Mapped[int]
    details: Mapped[dict[str, Any]]


class View(Base):
    """When a CRM record was last looked at."""

    __tablename__ = "view"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant: Mapped[int] = mapped_column(primary_key=True)
    viewed_at: Mapped[datetime]

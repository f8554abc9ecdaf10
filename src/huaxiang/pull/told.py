"""What a source tells: things, in steps, each step with the place at which to go on behind it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from huaxiang.model import AnyFact, CustomField, Json, Mention, Tenant
from huaxiang.service import Service

PREFIX = "pull:"
"""How the ids of records begin that only a pull tells: what it tells no longer, it can take back."""


class Told(msgspec.Struct, frozen=True):
    """One thing that a source tells of, whole.

    `name`: what it is called in a remark, as its source calls it. `own`: how the ids begin of the records that only
    pulls tell of it. A fact without a time is so since it was heard. `anchors`: by whom earlier words on it are found,
    beside those whom the facts name.
    """

    name: str
    own: tuple[str, ...]
    facts: tuple[AnyFact, ...]
    fields: tuple[CustomField, ...] = ()
    anchors: tuple[Mention, ...] = ()


class Refusal(NamedTuple):
    """A thing that could not be taken: its name at the source, the field at fault, and why."""

    name: str
    field: str
    reason: str


@dataclass(frozen=True)
class Step:
    """What was heard at one time. `done`: how much is behind it, of `total`, if that is known."""

    place: Json
    heard_at: datetime
    told: list[Told] = field(default_factory=list[Told])
    refused: list[Refusal] = field(default_factory=list[Refusal])
    done: int = 0
    total: int | None = None


class Progress(NamedTuple):
    """How a pull goes: things behind, how many there are, and what became of those that were told so far."""

    done: int
    total: int | None
    told: int
    changed: int
    known: int
    rejected: int


class Source(Protocol):
    """A server to pull from.

    `address`: where it is, without any secret. `who`: what of it is asked for (an app, an account), for the print that
    tells one pull from another. `remarks`: what a person should know of the run, once it is over.
    """

    dialect: str
    source: str
    address: str
    who: str
    remarks: list[str]

    async def begin(self, service: Service, tenant: Tenant) -> Tenant:
        """Look at the source before the first step; gives the tenant as it is then. Raises `ClientError`."""
        ...

    def steps(self, service: Service, tenant: Tenant, place: Json) -> AsyncGenerator[Step]:
        """All that it tells, from a place on (None: the beginning). Raises `ClientError`."""
        ...

    async def close(self) -> None:
        """Give up the connections."""
        ...

    def settled(self, standing: AnyFact | None, told: AnyFact) -> AnyFact:
        """What is to stand of a record, after what stands and what was told."""
        ...

    def taken_back(self, fact: AnyFact) -> AnyFact:
        """What a record is to say that is told no longer: nothing."""
        ...


Watch = Callable[[Progress], None]
"""Is told how a pull goes."""
Row = dict[str, Any]

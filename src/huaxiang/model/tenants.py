"""Whose customers these are, what they decide, and by which keys their callers are known."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from huaxiang.model.said import Json

OWN_IDS: Final = 5 * 10**18
"""Where the ids begin that houses give to customers of their own: a vendor's stay below, so that the two never meet."""
SLOT_IDS: Final = 2**40
"""How many of them a tenant has; the sum stays an int64."""


class Limits(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The guards against false merges; None lifts one.

    `neighbours`: most distinct neighbours of one kind that an identifier may have before it joins nobody, by its kind
    and theirs (`phone:unionid`), else by its kind, else `*`. A phone or a mailbox of more than five WeChat users is an
    office's; a WeChat user may well have dozens of openids. `identifiers`: most identifiers of one kind in a customer.
    `customer_size`: most nodes of a set connected by all its links before its weakest class is suspended.
    """

    neighbours: dict[str, Annotated[int, Meta(ge=1)] | None] = msgspec.field(
        default_factory=lambda: {"phone:unionid": 5, "email:unionid": 5, "unionid:openid": 100, "*": 20}
    )
    identifiers: dict[str, Annotated[int, Meta(ge=1)] | None] = msgspec.field(
        default_factory=lambda: {"openid": 100, "*": 50}
    )
    customer_size: Annotated[int, Meta(ge=1)] | None = 1000


EVERY_COMPANY: Final = "*"
"""Stands for every sub-enterprise, those still to come too; none has it for its id."""


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sub-enterprise under a tenant: what people call it, and its own id as an organisation."""

    name: str
    org: UUID


class TenantSettings(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a tenant decides. `weights`: by interaction type, `*` for every other; `ranks`: by source, 0 else.

    `matching`: by source, `*` for every other: kinds of identifiers in the order in which a fact hangs on them; others
    come after, in the record's own order. A call always hangs on its number. `erasure_marks`: keep a keyed mark of each
    erased record, pseudonymous data, which keeps its redelivery out. Not unless the tenant says so: of somebody who
    asked to be forgotten, nothing that could be left out stays by default. `companies`: the tenant's sub-enterprises by
    their ids, which facts name as their enterprise; a fact that names none of them is the tenant's own.
    `unfollow_days`, `unsettled_days`: after so many days without a follow-up, or without being closed, a CRM's customer
    goes back to the public pool; None: never.
    """

    portrait_scope: Literal["number", "customer"] = "number"
    weights: dict[str, Annotated[int, Meta(ge=0, le=1_000_000)]] = msgspec.field(default_factory=lambda: {"*": 1})
    ranks: dict[str, Annotated[int, Meta(ge=-1000, le=1000)]] = {}
    blocked: tuple[str, ...] = ()
    matching: dict[str, tuple[str, ...]] = {}
    limits: Limits = Limits()
    erasure_marks: bool = False
    companies: dict[str, Company] = {}
    unfollow_days: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    unsettled_days: Annotated[int, Meta(ge=1, le=10_000)] | None = None

    def weight(self, kind: str) -> int:
        """How much one interaction of this type counts; 1 what a source summed up itself, which has none."""
        return 1 if not kind else self.weights.get(kind, self.weights.get("*", 1))


class Tenant(msgspec.Struct, frozen=True):
    """The enterprise whose customers these are. `key` keys its nodes; `org` and `main_account` are its uuids.

    `slot`: which part of a range of ids the ones are of that it gives to customers itself.
    """

    id: int
    name: str
    login_name: str
    time_zone: str
    key: bytes
    org: UUID
    main_account: UUID
    settings: TenantSettings
    slot: int = 0

    @property
    def own_ids(self) -> range:
        """The ids that it gives to customers whom no vendor gave one: the first of them plus the customer's number."""
        first = OWN_IDS + self.slot * SLOT_IDS
        return range(first, first + SLOT_IDS)


class AccessKey(msgspec.Struct, frozen=True):
    """A credential's row, without what only its holder knows.

    `name` is its public half (access key id, app id, …). `secret` is kept only where signing needs it (tinet).
    `rate`: calls a second, None for no limit. `options`: the dialect's (`clock`, `retry`, `companies`, …).
    `readings`: by which readings of its clock its signatures were right so far.
    """

    id: int
    tenant: Tenant
    dialect: str
    name: str
    secret: str | None
    account: UUID | None
    permissions: tuple[str, ...]
    rate: float | None
    options: dict[str, Json]
    readings: tuple[str, ...] = ()

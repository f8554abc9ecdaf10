"""Telrobot over HTTP: `customer/detail` and `token`.

Takes a request, gives the vendor's bytes; whatever is refused is raised as an error of the house, and the app finds the
vendor's word for it.

Rule 1: in this order: the token is known (401) and not too often seen (429), the account in the path is the token's
    own or below it (403), the customer is there for that account (404).
Rule 2: an account that is no uuid is no account of the token (403); a customer that is no uuid is unknown (404).
Rule 3: a token that names no account acts for the tenant's main account.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from litestar import Request, Response, get

from huaxiang import crm
from huaxiang.dialects.telrobot import outward
from huaxiang.dialects.telrobot.wire import DETAIL, TOKEN
from huaxiang.errors import NotFound, NotPermitted
from huaxiang.lookup import Viewing
from huaxiang.server import bearer
from huaxiang.server.hot import Hot

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.lookup import Found, Made, Passage
    from huaxiang.memory import Kept
    from huaxiang.model import AccessKey
    from huaxiang.pool import CrmView
    from huaxiang.server.call import Call
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "telrobot"

PARTS: Final = ("values", "record", "step")
"""What the answer is made from."""

_INSTANT_BYTES: Final = 8
_FOR_EVER: Final = b"\xff" * _INSTANT_BYTES
_EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The dialect's handlers, over this service."""
    del options  # nothing here depends on how the server was started

    @get(TOKEN.path, include_in_schema=False)
    async def token(request: Request[Any, Any, Any]) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT)
        return _answer(outward.token(account=key.account or key.tenant.main_account))

    return [token]


def hots(service: Service, options: ServerOptions) -> list[Hot]:
    """The detail call, for the fast entry."""
    del options  # nothing here depends on how the server was started

    async def customer_detail(call: Call) -> bytes:
        user_id, customer_id = call.parameters["user_id"], call.parameters["customer_id"]

        async def serve(passage: Passage) -> bytes:
            account = account_in_path(passage.key, passage.kept, user_id)
            if not _UUID.fullmatch(customer_id):
                raise NotFound(field="customer_id")
            wanted = UUID(customer_id)
            viewing = Viewing(wanted)

            async def make(passage: Passage) -> Made:
                found = await service.lookups.customers(
                    passage,
                    [crm.wanted(passage.tenant, wanted)],
                    parts=PARTS,
                    names=outward.TRAITS,
                    now=service.now(),
                )
                view = _view(passage, found, account, wanted, service.now())
                return found.made(_until(view) + outward.detail(view, tenant=passage.tenant))

            content = await service.lookups.answer(passage, call.path.encode(), make, viewing)
            until = content[:_INSTANT_BYTES]
            if until != _FOR_EVER and until <= _instant(service.now()):  # kept, and the clock has overtaken it
                content = (await make(passage)).content
            before = service.views.note(passage.tenant, wanted, viewing.written)
            return outward.viewed(content[_INSTANT_BYTES:], before, tenant=passage.tenant)

        return await bearer.through(service, call, serve, dialect=DIALECT, permission="customer")

    pattern = f"/agent-api/user/(?P<user_id>{_UUID.pattern})/customer/detail/(?P<customer_id>{_UUID.pattern})"
    return [Hot(DETAIL, customer_detail, pattern)]


def account_in_path(key: AccessKey, kept: Kept, user_id: str) -> UUID:
    """The account in the path; raises `NotPermitted` when the key does not act for it."""
    own = key.account or kept.tenant.main_account
    account = _account(user_id)
    if account is None or (account != own and account not in kept.accounts_under(own)):
        raise NotPermitted(field="user_id")
    return account


@lru_cache(maxsize=1024)  # a caller names the same ones all the time
def _account(user_id: str) -> UUID | None:
    return UUID(user_id) if _UUID.fullmatch(user_id) else None


def _view(passage: Passage, found: Found, account: UUID, customer_id: UUID, now: datetime) -> CrmView:
    """The customer as the account sees it; one of another account is not found, in the very words of an unknown one."""
    try:
        return crm.view(passage.kept, found.customers[0], account=account, customer_id=customer_id, now=now)
    except NotFound:
        raise NotFound(field="customer_id") from None


def _until(view: CrmView) -> bytes:
    """Until when an answer holds, to stand before its bytes: the clock takes a customer to the public pool."""
    until = view.pool and view.pool.until
    return _FOR_EVER if until is None else _instant(until)


def _instant(time: datetime) -> bytes:
    """A time since 1900 in microseconds, the later the greater, as bytes too."""
    return ((time - _EARLIEST) // timedelta(microseconds=1)).to_bytes(_INSTANT_BYTES, "big")


def _answer(content: bytes) -> Response[bytes]:
    return Response(content=content, media_type="application/json")

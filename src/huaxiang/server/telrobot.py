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
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from litestar import Request, Response, get

from huaxiang.dialects.telrobot import outward
from huaxiang.dialects.telrobot.wire import DETAIL, TOKEN
from huaxiang.errors import NotFound, NotPermitted
from huaxiang.server import bearer

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from huaxiang.model import AccessKey, CrmView
    from huaxiang.server.options import ServerOptions
    from huaxiang.service import Service

DIALECT: Final = "telrobot"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def routes(service: Service, options: ServerOptions) -> list[HTTPRouteHandler]:
    """The dialect's handlers, over this service."""
    del options  # nothing here depends on how the server was started

    @get(DETAIL.path.replace("}", ":str}"), include_in_schema=False)
    async def customer_detail(request: Request[Any, Any, Any], user_id: str, customer_id: str) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT, permission="customer")
        account = await _account(service, key, user_id)
        view = await _view(service, key, account, customer_id)
        return _answer(outward.detail(view, tenant=key.tenant))

    @get(TOKEN.path, include_in_schema=False)
    async def token(request: Request[Any, Any, Any]) -> Response[bytes]:
        key = await bearer.caller(service, request, dialect=DIALECT)
        return _answer(outward.token(account=key.account or key.tenant.main_account))

    return [customer_detail, token]


async def _account(service: Service, key: AccessKey, user_id: str) -> UUID:
    """The account in the path; raises `NotPermitted` when the key does not act for it."""
    own = key.account or key.tenant.main_account
    account = UUID(user_id) if _UUID.fullmatch(user_id) else None
    if account is None or (account != own and account not in await service.accounts_under(key.tenant, own)):
        raise NotPermitted(field="user_id")
    return account


async def _view(service: Service, key: AccessKey, account: UUID, customer_id: str) -> CrmView:
    """The customer as the account sees it; one of another account is not found, in the very words of an unknown one."""
    if not _UUID.fullmatch(customer_id):
        raise NotFound(field="customer_id")
    try:
        return await service.crm_view(key.tenant, account=account, customer_id=UUID(customer_id), by=key)
    except NotFound:
        raise NotFound(field="customer_id") from None


def _answer(content: bytes) -> Response[bytes]:
    return Response(content=content, media_type="application/json")

"""The client: the wire of the server, spoken from the other side. It installs without the server.

    native.py     Client, AsyncClient: facts in, customers out, steps and dictionaries
    steward.py    of the same clients, what an operator does; steward_calls.py: its calls as data
    tinet/        SmartlinkClient: the vendor's SDK, name for name
    rabbitpre/    RabbitpreClient: its token kept, its rates respected
    telrobot/     TelrobotClient
    calls.py      its calls as data: bytes out, bytes in; records.py: those about a CRM's records
    batches.py    many rows handed over in a few calls
    exchange.py   a call, a reply, and when to try again
    pace.py       a vendor's rate, kept by waiting
    opened.py     a transport, held until it is closed
    reading.py    a vendor's JSON, read as it comes
    transport.py  how a call travels, over httpx
    errors.py     what can go wrong, as one tree

Rule 1: of the house it names only wire types, signatures, the nouns and the errors; no driver and no server.
"""

from __future__ import annotations

from huaxiang.client.errors import (
    ClientError,
    Declined,
    Expired,
    Invalid,
    NotFound,
    NotPermitted,
    ServerFault,
    TooLarge,
    TooOften,
    Unauthenticated,
    Unavailable,
    Unconfirmed,
    Unexpected,
)
from huaxiang.client.exchange import Retry
from huaxiang.client.native import AsyncClient, Client

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "Declined",
    "Expired",
    "Invalid",
    "NotFound",
    "NotPermitted",
    "Retry",
    "ServerFault",
    "TooLarge",
    "TooOften",
    "Unauthenticated",
    "Unavailable",
    "Unconfirmed",
    "Unexpected",
]

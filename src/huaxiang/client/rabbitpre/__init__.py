"""Rabbitpre's open platform, spoken from the client's side: against the vendor's host as against a Huaxiang server.

    client.py   RabbitpreClient, AsyncRabbitpreClient
    calls.py    its calls as data: bytes out, bytes in
    rows.py     ProfileRow, EventRow, TagRow: what is handed over
    answers.py  Profile and its parts; what a refusal means
    tokens.py   which token is good, and how the next is got

The errors are those of `huaxiang.client`.
"""

from __future__ import annotations

from huaxiang.client.rabbitpre.answers import (
    Account,
    Added,
    OpenId,
    Phone,
    Profile,
    RowAnswer,
    Tag,
    Tagged,
    TagValue,
    Window,
)
from huaxiang.client.rabbitpre.client import App, AsyncRabbitpreClient, RabbitpreClient, Rates
from huaxiang.client.rabbitpre.rows import (
    CustomField,
    EventArgs,
    EventRow,
    Identity,
    Params,
    ProfileRow,
    TagParams,
    TagRow,
    Upstream,
)

__all__ = [
    "Account",
    "Added",
    "App",
    "AsyncRabbitpreClient",
    "CustomField",
    "EventArgs",
    "EventRow",
    "Identity",
    "OpenId",
    "Params",
    "Phone",
    "Profile",
    "ProfileRow",
    "RabbitpreClient",
    "Rates",
    "RowAnswer",
    "Tag",
    "TagParams",
    "TagRow",
    "TagValue",
    "Tagged",
    "Upstream",
    "Window",
]

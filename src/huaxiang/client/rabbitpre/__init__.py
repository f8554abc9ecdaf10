"""Rabbitpre's open platform, spoken from the client's side: against the vendor's host as against a Huaxiang server.

    client.py   RabbitpreClient, AsyncRabbitpreClient
    calls.py    its calls as data: bytes out, bytes in
    rows.py     ProfileRow, EventRow, TagRow: what is handed over
    answers.py  Profile and its parts; what a refusal means
    tokens.py   which token is good, and how the next is got

    with RabbitpreClient("https://devintegrate.rabbitpre.com", App(app_id, secret)) as client:
        added = client.add_profiles([ProfileRow(unionid="oX-1", phone="13339938205", realName="莫俊驰")])
        print(added.taken, [(row.index, row.msg) for row in added.refused])
        client.add_events([EventRow(eventKey="view", eventId="e-1", unionid="oX-1")])
        client.tag([TagRow(unionid="oX-1", tags="老客,重点")])
        for customer in client.tags_of(client.user_ids()):
            print(customer.audienceUserId, [tag.tagName for tag in customer.tagList])

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

"""Rabbitpre's open platform, spoken from the client's side: against the vendor's host as against a Huaxiang server.

    client.py   RabbitpreClient, AsyncRabbitpreClient
    calls.py    its calls as data: bytes out, bytes in
    answers.py  Profile and its parts; what a refusal means
    tokens.py   which token is good, and how the next is got

The errors are those of `huaxiang.client`.
"""

from __future__ import annotations

from huaxiang.client.rabbitpre.answers import Account, OpenId, Phone, Profile, Tag, Tagged, TagValue, Window
from huaxiang.client.rabbitpre.client import App, AsyncRabbitpreClient, RabbitpreClient, Rates

__all__ = [
    "Account",
    "App",
    "AsyncRabbitpreClient",
    "OpenId",
    "Phone",
    "Profile",
    "RabbitpreClient",
    "Rates",
    "Tag",
    "TagValue",
    "Tagged",
    "Window",
]

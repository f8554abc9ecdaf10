"""Telrobot's customer contact, spoken from the client's side: against the vendor's host as against a Huaxiang server.

    client.py   TelrobotClient, AsyncTelrobotClient
    calls.py    its calls as data: bytes out, bytes in
    rows.py     CustomerRow: what is handed over
    answers.py  Customer and its parts; what a refusal means

    with TelrobotClient("https://telrobot.example.com", token, user_id) as client:
        for landed in client.add([CustomerRow(phone="13012121211", name="联系人1")]):
            print(landed.row, landed.id or landed.message)
        for customer in client.customers(Filter(operator=[1, 2], created_at=("2024-07-26", "2044-07-27"))):
            print(customer.name, customer.phone)

The errors are those of `huaxiang.client`.
"""

from __future__ import annotations

from huaxiang.client.telrobot.answers import Component, ComponentData, Customer, Landed, Meta, Page, TokenState
from huaxiang.client.telrobot.calls import Filter
from huaxiang.client.telrobot.client import AsyncTelrobotClient, TelrobotClient
from huaxiang.client.telrobot.rows import CustomerRow, FieldChanges, FieldRule, FieldType, Value

__all__ = [
    "AsyncTelrobotClient",
    "Component",
    "ComponentData",
    "Customer",
    "CustomerRow",
    "FieldChanges",
    "FieldRule",
    "FieldType",
    "Filter",
    "Landed",
    "Meta",
    "Page",
    "TelrobotClient",
    "TokenState",
    "Value",
]

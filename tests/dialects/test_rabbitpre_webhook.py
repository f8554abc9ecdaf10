"""The webhook `changeTag` without a server: golden requests, byte for byte, signatures worked out otherwise, answers.

A case says what there is, and what is sent; its signatures were made with `openssl`, not with the code that is tested.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.dialects.rabbitpre import webhook
from huaxiang.dialects.rabbitpre.inward import parse_tag
from huaxiang.errors import InputInvalid
from huaxiang.model import (
    AccessKey,
    Company,
    Customer,
    Identifier,
    Identity,
    Newest,
    Order,
    Summary,
    Tenant,
    TenantSettings,
)

CASES = Path(__file__).parent.parent / "golden" / "rabbitpre" / "webhook"


def tenant_of(case: dict[str, Any]) -> Tenant:
    companies = {id_: Company(id_, UUID(org)) for id_, org in case["companies"].items()}
    settings = TenantSettings(companies=companies)
    return Tenant(1, "acme", "acme", "Asia/Shanghai", b"k" * 32, UUID(case["org"]), UUID(int=2), settings)


def key_of(case: dict[str, Any], tenant: Tenant) -> AccessKey:
    options = case.get("key", {})
    return AccessKey(1, tenant, "rabbitpre", case["app"], None, None, ("tags",), None, options)


def customer_of(case: dict[str, Any]) -> Customer:
    """Who the rows of tags speak of; each row later than the one before, where none says when."""
    traits: dict[str, Newest] = {}
    for place, row in enumerate(case["rows"]):
        for fact in parse_tag(row, ZoneInfo("Asia/Shanghai")).facts:
            order = Order(fact.at or datetime(2000, 1, 1, tzinfo=UTC), 0, str(place), UUID(int=place))
            traits |= {name: Newest(order, value) for name, value in fact.traits.items()}
    first = datetime(2022, 3, 24, tzinfo=UTC)
    name = Identifier("audience_id", str(case["rows"][0]["audienceUserId"]))
    newest = Order(first, 0, "1", UUID(int=1))
    identity = Identity(
        node=UUID(int=3), identifier=name, number=1, spelling=name.value, verified=False, first_at=first,
        created_at=None, newest=newest, about={},
    )  # fmt: skip
    summary = Summary(traits=traits, companies=tuple(case.get("of", ())))
    return Customer(id=1, identities=(identity,), summary=summary, created_at=first)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_sent_is_what_the_case_says(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    said, sent = case["given"], case["request"]
    tenant = tenant_of(said)
    key, customer = key_of(said, tenant), customer_of(said)
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=said["created"])
    company = webhook.company_told(customer, key, tenant)
    assert company is not None
    content = webhook.body(customer, key, tenant, company=company, event=UUID(said["event"]), at=at)
    assert content.decode() == sent["body"]
    pairs = {"instanceAppId": key.name, "nonce": said["nonce"], "timestamp": said["timestamp"]}
    assert webhook.addressed(said["url"], pairs, said["secret"]) == sent["url"]
    signature = webhook.body_signature(content, said["secret"], timestamp=said["timestamp"], nonce=said["nonce"])
    assert sent["headers"] == {webhook.EVENT: said["event"], webhook.SIGNATURE: signature}


ANSWERS: list[tuple[int, bytes, str]] = [
    (200, b'{"code":"200","msg":"ok"}', "delivered"),
    (200, b'{"code":200}', "delivered"),
    (201, b"", "delivered"),
    (204, b"", "delivered"),
    (200, b"success", "delivered"),
    (200, b'{"msg":"ok"}', "delivered"),
    (200, b'["code"]', "delivered"),
    (200, b"\xff\xfe", "delivered"),
    (200, b'{"code":"500"}', "code"),
    (200, b'{"code":0}', "code"),
    (200, b'{"code":null}', "code"),
    (199, b'{"code":"200"}', "status"),
    (301, b'{"code":"200"}', "status"),
    (404, b"", "status"),
    (500, b'{"code":"200"}', "status"),
]


@pytest.mark.parametrize(("status", "content", "outcome"), ANSWERS)
def test_an_answer_is_taken_by_its_status_and_its_code(status: int, content: bytes, outcome: str) -> None:
    assert webhook.is_taken(status, content) == outcome


@given(
    st.integers(100, 599), st.binary() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_answer_is_too_strange(status: int, content: bytes) -> None:
    assert webhook.is_taken(status, content) in {"delivered", "status", "code"}


@given(st.text() | st.text().map("https://".__add__) | st.text().map("https://example.cn/".__add__))
def test_an_address_is_kept_as_it_can_be_called_or_refused(url: str) -> None:
    try:
        kept = webhook.check_url(url)
    except InputInvalid:
        return
    assert kept.startswith(("http://", "https://"))
    called = webhook.addressed(kept, {"nonce": "1"}, "s")
    assert called.partition("?")[2].endswith("signature=" + called[-40:])
    assert webhook.check_url(kept) == kept

"""The examples that users read, in the client's docstrings and in the README, run against a real server as they stand.

Only what nobody can type stands in for what is written: the server's address, and the keys.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import House

import huaxiang.client
from huaxiang.client import rabbitpre, telrobot, tinet
from huaxiang.model import Call, Mention, Tenant

ROOT = Path(__file__).parents[2]
MODULES = [one.name for one in pkgutil.walk_packages(huaxiang.client.__path__, "huaxiang.client.")]
AT_HAND: dict[str, Any] = {
    name: getattr(package, name)
    for package in (huaxiang.client, rabbitpre, telrobot, tinet)
    for name in package.__all__
} | {"Call": Call, "Mention": Mention}
"""What a reader of a docstring imports: what the packages give, and the nouns."""
OPENS = re.compile(r"^with \w*Client\((?!…)", re.MULTILINE)
CUSTOMER = {"id": "780f7216-b131-462b-ba30-de7cd1f527de", "phone": "13667679151", "name": "ai_7227840"}
PROFILE = {"audienceUserId": 643, "unionid": "oX-1", "phone": "13339938205", "realName": "莫俊驰"}
CALL = {"uniqueId": "c-1", "customerNumber": "13667679151", "startTime": 1700000000, "cdrType": "cdr_ib"}


def written() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where each example stands, the example, and the names that its reader has at hand."""
    for name in MODULES:
        for number, block in enumerate(indented(importlib.import_module(name).__doc__ or "")):
            yield f"{name.removeprefix('huaxiang.')}-{number}", block, AT_HAND
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", readme, re.DOTALL)):
        yield f"README-{number}", block, {}


def indented(docstring: str) -> Iterator[str]:
    """The blocks of a docstring that open a client."""
    for block in re.split(r"\n\n(?=\S|    \S)", docstring):
        text = textwrap.dedent(block)
        if block.startswith("    ") and OPENS.search(text):
            yield text


EXAMPLES = list(written())
OWN_IDS = tuple("56789")
"""How an id of our own begins: its slot is its tenant's."""
SAYS: dict[str, list[str | tuple[str, ...]]] = {
    "client.rabbitpre-0": [
        "1 []",
        "643 ['老客', '重点']",
        tuple("56789"),
    ],  # an id of our own: its slot is the tenant's
    "client.rabbitpre.client-0": ["643 莫俊驰"],
    "client.telrobot-0": ["0 ", "联系人1 13012121211"],
    "client.telrobot.client-0": ["ai_7227840"],
    "client.native-0": [],
    "client.tinet.smartlink-0": ["13667679151 []"],
}
"""The beginnings of what each prints, line by line; the README's own say it beside them."""


def test_every_example_of_a_docstring_is_known_by_what_it_prints() -> None:
    assert {name for name, _, _ in EXAMPLES if not name.startswith("README")} == set(SAYS)
    assert len(EXAMPLES) > len(SAYS)


@pytest.mark.parametrize(("name", "example", "names"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
async def test_an_example_does_what_it_says(
    house: House, mine: Tenant, capsys: pytest.CaptureFixture[str], name: str, example: str, names: dict[str, Any]
) -> None:
    await house.land(
        mine,
        ("rabbitpre.profile", PROFILE),
        ("telrobot.customer", {**CUSTOMER, "user_id": str(mine.main_account)}),
        ("tinet.cdr", CALL),
    )
    program, known = await filled(example, house, mine)
    await asyncio.to_thread(exec, program, {**names, **known})
    printed = capsys.readouterr().out.splitlines()
    begins = SAYS.get(name, re.findall(r"print\(.*  # (.*)", example))
    assert len(printed) == len(begins)
    assert [line for line, start in zip(printed, begins, strict=True) if not line.startswith(start)] == []


async def filled(example: str, house: House, mine: Tenant) -> tuple[str, dict[str, str]]:
    """The example with the server's address in place of its own, and the keys that it names."""
    signing, app = await house.key(mine, "tinet"), await house.key(mine, "rabbitpre")
    of = "telrobot" if "Telrobot" in example else "native"
    host, _, port = house.address.removeprefix("http://").partition(":")
    program = re.sub(r'"https?://[^"]+"', f'"{house.address}"', example)
    program = re.sub(r'setHost\("[^"]+", \d+\)', f'setHost("{host}", {port})', program)
    program = program.replace('"AKDEMO0001"', "access_key_id").replace('"…"', "access_key_secret")
    return program, {
        **signing,
        **await house.key(mine, of),
        "app_id": app["instanceAppid"],
        "secret": app["instanceSecrect"],
    }

"""The documentation as it is served: every call, kind of fact and format, and examples that run as they stand."""

from __future__ import annotations

import asyncio
import json
import os
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from shutil import which
from typing import cast, get_args
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from caller import PARSERS, Door, Serving

import huaxiang.dialects
from huaxiang.dialects.contract import Endpoint, Format
from huaxiang.dialects.native.dictionaries import DROP_ENTRY
from huaxiang.dialects.tinet.wire import CALL_DETAIL
from huaxiang.identifiers import normalise
from huaxiang.keyring import Dialect
from huaxiang.model import AnyFact
from huaxiang.server.page import contracts, facts, html, openapi, samples, shapes
from huaxiang.server.page.columns import COLUMNS, ROWS
from huaxiang.server.page.contracts import DIALECTS, Contract

CALLS = [
    pytest.param(dialect, endpoint, id=contracts.call_name(dialect, endpoint))
    for dialect in DIALECTS
    for endpoint in dialect.endpoints
]
FORMATS = [form for dialect in DIALECTS for form in dialect.formats]


class Reader(HTMLParser):
    """Reads a page: its anchors, its links, what it would load from elsewhere, and whether its tags close."""

    EMPTY = frozenset({"meta", "br", "!doctype"})

    def __init__(self) -> None:
        super().__init__()
        self.anchors: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.anchors += [said["id"] or ""] if "id" in said else []
        if tag == "a":
            self.links.append(said["href"] or "")
        elif {"src", "href", "onclick"} & said.keys() or tag in {"script", "link", "iframe"}:
            self.loaded.append(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page() -> Reader:
    """The page, read."""
    reader = Reader()
    reader.feed(html.page())
    return reader


def test_the_page_is_served_as_it_is_made_and_the_root_leads_to_it(server: Serving) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        root, page = client.get("/"), client.get("/docs")
    assert (root.status_code // 100, root.headers["location"]) == (3, "/docs")
    assert page.text == html.page()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_openapi_is_served_as_it_is_made(server: Serving) -> None:
    answer = httpx.get(f"{server.url}/docs/openapi.json", trust_env=False)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(msgspec.json.encode(openapi.document()))


def test_the_page_is_whole_and_asks_for_nothing_from_elsewhere(page: Reader) -> None:
    assert page.open == []
    assert page.loaded == []
    assert len(page.anchors) == len(set(page.anchors))
    assert {link for link in page.links if link.startswith("#")} <= {f"#{anchor}" for anchor in page.anchors}
    assert {link for link in page.links if not link.startswith("#")} == {"docs/openapi.json", "health"}
    assert re.findall(r"url\(|@import|https?://(?!\$HOST)", html.page()) == []


@pytest.mark.parametrize(("dialect", "endpoint"), CALLS)
def test_the_page_tells_every_call_whole(page: Reader, dialect: Contract, endpoint: Endpoint) -> None:
    assert contracts.call_name(dialect, endpoint) in page.anchors
    for words in (endpoint.path, endpoint.title, endpoint.summary, samples.command(endpoint)):
        assert words in page.text
    for type_ in openapi.types_of(endpoint):
        assert all(field in page.text for field in type_.__struct_fields__)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_the_page_shows_every_type_that_an_answer_is_made_of(dialect: Contract) -> None:
    shown = set(re.findall(r"<code>(\w+)</code>", html.page()))
    for name, schema in openapi.components(dialect).items():
        assert set(schema.get("properties", {})) <= shown, name


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_the_page_shows_every_refusal_as_it_is_answered(page: Reader, dialect: Contract) -> None:
    assert f"refusals-{dialect.name}" in page.anchors
    for kind, _, body in contracts.refusals(dialect):
        assert kind.code in page.text
        assert body.decode() in page.text


def test_there_is_one_good_example_of_each_kind_of_fact(page: Reader) -> None:
    decoder: msgspec.json.Decoder[AnyFact] = msgspec.json.Decoder(AnyFact)
    kinds = {type(decoder.decode(json.dumps(example))) for _, _, example in facts.EXAMPLES}
    assert kinds == set(get_args(AnyFact))
    for _, _, example in facts.EXAMPLES:
        assert shapes.pretty(example) in page.text
        for field in openapi.components(DIALECTS[-1])[f"native.{example['kind'].capitalize()}"]["properties"]:
            assert field in page.text


async def test_the_examples_of_facts_land(server: Serving) -> None:
    door = await server.door(await server.tenant(), "native")
    answer = door.call("POST", "/v1/facts", json={"facts": [example for _, _, example in facts.EXAMPLES]}).json()
    assert answer == {"landed": len(facts.EXAMPLES), "known": 0, "rejected": []}


def test_what_every_fact_has_is_explained() -> None:
    call = openapi.components(DIALECTS[-1])["native.Call"]["properties"]
    assert set(facts.COMMON) == set(call) - {"duration", "rounds", "city"}


def test_an_identifiers_example_becomes_what_the_house_makes_of_it(page: Reader) -> None:
    for kind in facts.KINDS:
        assert kind.name in page.text
        for mention in kind.spellings:
            assert mention.kind == kind.name
            assert normalise(mention).value in page.text


def test_every_format_has_its_columns_and_a_row_that_it_takes(page: Reader) -> None:
    assert set(COLUMNS) == set(ROWS) == set(PARSERS) == {form.name for form in FORMATS}
    for form in FORMATS:
        assert f"import-{form.name}" in page.anchors
        assert form.parse(dict(ROWS[form.name]), ZoneInfo("Asia/Shanghai")).facts
        assert set(ROWS[form.name]) <= {name for column in COLUMNS[form.name] for name in column.names}


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_column_that_is_told_is_one_that_its_dialect_knows(form: Format) -> None:
    dialect = next(one.name for one in DIALECTS if form in one.formats)
    folder = Path(str(huaxiang.dialects.__file__)).parent / dialect
    sources = [*folder.glob("*.py"), *([folder.parents[1] / "model" / "said.py"] if dialect == "native" else [])]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    names = {name for column in COLUMNS[form.name] for name in column.names}
    assert {name for name in names if not re.search(rf"\b{name}\b", text)} == set()


def test_a_kind_of_facts_fields_are_all_columns_of_the_native_format() -> None:
    names = {name for column in COLUMNS["facts"] for name in column.names}
    known = openapi.components(DIALECTS[-1])
    fields = {
        name for _, _, one in facts.EXAMPLES for name in known[f"native.{one['kind'].capitalize()}"]["properties"]
    }
    assert names == fields


def test_whatever_a_contract_says_is_escaped() -> None:
    odd = "<b>&\"'"
    schema = {
        "properties": {odd: {"type": "string", "description": odd, "pattern": odd}},
        "description": f"{odd} `{odd}`",
    }
    assert "<b>&" not in shapes.table(schema)
    assert unescape(shapes.table(schema)).count("<b>&") == 5
    assert odd not in shapes.code(odd)


# ── OpenAPI ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_call_stands_in_the_document_under_a_name_of_its_own() -> None:
    operations = {
        (method.upper(), path): operation["operationId"]
        for path, methods in openapi.document()["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {(endpoint.method, endpoint.path) for one in DIALECTS for endpoint in one.endpoints}
    assert len(set(operations.values())) == len(operations)


def test_every_reference_and_every_security_scheme_is_there() -> None:
    document = openapi.document()
    text = json.dumps(document)
    references = set(re.findall(rf'"{openapi.REFERENCE}([^"]+)"', text))
    assert references <= set(document["components"]["schemas"])
    schemes = set(document["components"]["securitySchemes"])
    asked = {
        name for path in document["paths"].values() for one in path.values() for way in one["security"] for name in way
    }
    assert asked == schemes


def test_times_are_told_as_times() -> None:
    schemas = openapi.document()["components"]["schemas"]
    assert schemas["native.Customer"]["properties"]["created_at"]["format"] == "date-time"
    assert schemas["native.Call"]["properties"]["at"]["anyOf"][0]["format"] == "date-time"


# ── examples to copy ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(
    not (which("curl") and which("openssl") and which("bash")), reason="the examples need curl, openssl, bash"
)
@pytest.mark.parametrize(("dialect", "endpoint"), CALLS)
async def test_an_example_runs_as_it_stands(server: Serving, dialect: Contract, endpoint: Endpoint) -> None:
    door = await server.door(await server.tenant(), cast("Dialect", dialect.name))
    script = samples.command(endpoint)
    for name, value in {"HOST": httpx.URL(server.url).netloc.decode(), **known(door)}.items():
        script = re.sub(rf"^{name}=.*$", f"{name}={value}", script, flags=re.MULTILINE)
    assert "…" not in script
    environment = {**os.environ, "no_proxy": "*"}
    shell = await asyncio.create_subprocess_exec("bash", "-c", script, stdout=asyncio.subprocess.PIPE, env=environment)
    answer, _ = await shell.communicate()
    assert shell.returncode == 0
    # A fresh tenant has an account, but no customer and no call to be shown by its id, and nobody to decide about.
    path = endpoint.path.replace("{user_id}", "").replace("{type}", "")
    nobody = "{" in path or "/decisions/" in path or path == CALL_DETAIL.path or endpoint is DROP_ENTRY
    expected = endpoint.refusal if nobody else endpoint.answer
    msgspec.json.decode(answer, type=expected)
    assert not nobody or b"404" in answer or b"not_found" in answer or b"ResourceNotFound" in answer
    assert endpoint.path in samples.SAMPLES


def known(door: Door) -> dict[str, str]:
    """What the holder of a key fills in."""
    credential = door.credential
    if door.dialect == "tinet":
        return {"KEY": credential["access_key_id"], "SECRET": credential["access_key_secret"]}
    if door.dialect == "rabbitpre":
        token = door.token()
        app = {"APP": credential["instanceAppid"], "SECRET": credential["instanceSecrect"]}
        return {**app, "TOKEN": token, "REFRESH_TOKEN": door.refresh_token}
    return {"TOKEN": credential["token"], "ACCOUNT": credential.get("user_id", "")}

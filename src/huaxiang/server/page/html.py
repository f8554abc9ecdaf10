"""The page at `/docs`: calls, facts, identifiers, import formats, refusals, in Chinese and English.

Takes the contracts and the data beside this module, gives one HTML document. It has no script, and asks for nothing
from elsewhere: it reads the same in a data centre that is closed.
"""

from __future__ import annotations

import re
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Final

import msgspec

from huaxiang import __version__
from huaxiang.errors import InputInvalid
from huaxiang.identifiers import identifies, normalise
from huaxiang.model import Call, Fact, Mention
from huaxiang.server.page import facts, shapes
from huaxiang.server.page.columns import COLUMNS, ROWS, Column
from huaxiang.server.page.contracts import DIALECTS, Contract, call_name, refusals
from huaxiang.server.page.openapi import REFERENCE, Schema, components, parameters
from huaxiang.server.page.samples import command

if TYPE_CHECKING:
    from huaxiang.dialects.contract import Endpoint, Format

_AUTH: Final = {
    "signature": (
        "签名:AccessKeyId、Expires、Timestamp、Signature 四个查询参数",
        "signed: four parameters in the query",
    ),
    "x-token": ("请求头 X-Token,两小时内有效", "header X-Token, good for two hours"),
    "bearer": ("请求头 Authorization: Bearer", "header Authorization: Bearer"),
    "none": ("无需令牌", "no token"),
}
_START: Final = (
    "同一位客户,四种接口。每个路径前缀说一家的话,拒绝时也是。",
    "One resolved customer behind four interfaces. Each path speaks its vendor’s words, in a refusal too.",
)
_A_FACT: Final = (
    "事实是一个来源说的一件事,用 `POST /v1/facts` 或 `huaxiang import FILE --as facts` 写入;顺序和批次不限,重复无妨。",
    "A fact is one thing that one source said. Any order, any batches, twice is once. A field not listed is refused.",
)
_AN_IDENTIFIER: Final = (
    "同一号码的各种写法是同一个标识。占位号、客服号等不代表任何人:照样保存,但不合并客户。",
    "All spellings of a number are one identifier. Placeholders and service lines are kept, and join no customers.",
)
_AN_IMPORT: Final = (
    "`huaxiang import FILE --as FORMAT`:CSV、xlsx、Parquet、JSON Lines。空单元格表示没有说;坏行列出,其余照收。",
    "An empty cell says nothing; a bad row is listed with its reason, and the others land.",
)
_PARTS: Final = (
    ("start", "开始", "Start"),
    *((dialect.name, dialect.title.partition(" · ")[0], dialect.name.capitalize()) for dialect in DIALECTS),
    ("facts", "事实", "Facts"),
    ("identifiers", "标识", "Identifiers"),
    ("imports", "导入", "Import"),
    ("refusals", "拒绝", "Refusals"),
)


def page() -> str:
    """The whole document."""
    style = (resources.files("huaxiang.server.page") / "style.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>画像 Huaxiang · API</title><style>{style}</style>'
        f"</head><body>{_navigation()}<main>{_start()}"
        + "".join(_dialect(dialect) for dialect in DIALECTS)
        + _facts()
        + _identifiers()
        + _imports()
        + _refusals()
        + "</main></body></html>"
    )


def _navigation() -> str:
    links = ""
    for name, title, summary in _PARTS:
        links += f'<a class="part" href="#{name}">{escape(title)} <small>{escape(summary)}</small></a>'
        for dialect in DIALECTS:
            if dialect.name == name:
                links += "".join(_link(dialect, endpoint) for endpoint in dialect.endpoints)
    return f'<nav><a class="mark" href="#start">画像 <span>Huaxiang</span></a>{links}</nav>'


def _link(dialect: Contract, endpoint: Endpoint) -> str:
    return f'<a class="call" href="#{escape(call_name(dialect, endpoint))}">{escape(endpoint.title)}</a>'


def _start() -> str:
    rows = "".join(
        shapes.cells(
            (
                f'<a href="#{dialect.name}">{escape(dialect.title)}</a><br><small>{escape(dialect.summary)}</small>',
                f"<code>{escape(dialect.prefix)}</code>",
                "<br>".join(sorted({escape(_AUTH[one.auth][0]) for one in dialect.endpoints if one.auth != "none"})),
                f"<code>huaxiang key create --tenant NAME --dialect {dialect.name}</code>",
            )
        )
        for dialect in DIALECTS
    )
    return (
        f'<section id="start"><h1>画像 <span>Huaxiang {escape(__version__)}</span></h1>'
        + _both(*_START)
        + '<p><a href="docs/openapi.json">OpenAPI 3.1</a> · <a href="health">健康检查 health</a></p>'
        + shapes.framed(("接口 Interface", "前缀 Prefix", "认证 Authentication", "创建密钥 Create a key"), rows)
        + "</section>"
    )


def _both(zh: str, en: str) -> str:
    """A paragraph in both languages."""
    return f"<p>{shapes.inline(zh)}<br><small>{shapes.inline(en)}</small></p>"


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _dialect(dialect: Contract) -> str:
    known = components(dialect)
    calls = "".join(_call(dialect, endpoint, known) for endpoint in dialect.endpoints)
    types = "".join(_type(name, schema) for name, schema in known.items() if name in _linked(dialect, known))
    return (
        f'<section id="{dialect.name}"><h2>{escape(dialect.title)} <span>{escape(dialect.summary)}</span></h2>'
        f"{calls}<h3>类型 <span>Types</span></h3>{types}</section>"
    )


def _linked(dialect: Contract, known: dict[str, Schema]) -> set[str]:
    """The types that stand by themselves: what others are made of, but not facts, which have a part of their own."""
    linked = set(re.findall(rf'"{REFERENCE}([\w.]+)"', msgspec.json.encode(known).decode()))
    linked |= {f"{dialect.name}.{endpoint.refusal.__name__}" for endpoint in dialect.endpoints}
    return linked - {f"native.{example['kind'].capitalize()}" for _, _, example in facts.EXAMPLES}


def _call(dialect: Contract, endpoint: Endpoint, known: dict[str, Schema]) -> str:
    zh, en = _AUTH[endpoint.auth]
    name, method = escape(call_name(dialect, endpoint)), endpoint.method
    answer = known[f"{dialect.name}.{endpoint.answer.__name__}"]
    return (
        f'<article id="{name}"><h3>{escape(endpoint.title)} <span>{escape(endpoint.summary)}</span></h3>'
        f'<p class="path"><b class="{method.lower()}">{method}</b> <code>{escape(endpoint.path)}</code></p>'
        f"<p><small>{escape(zh)} · {escape(en)}</small></p>"
        + _asked(dialect, endpoint, known)
        + f"<h4>返回 <span>Answer</span></h4>{shapes.table(answer, heads=shapes.ANSWER_HEADS)}"
        + f"<h4>拒绝 <span>Refusals</span></h4>{_codes(dialect, endpoint)}"
        + f"<h4>示例 <span>Example</span></h4>{shapes.code(command(endpoint))}</article>"
    )


def _asked(dialect: Contract, endpoint: Endpoint, known: dict[str, Schema]) -> str:
    """What goes into a call: its parameters, its body."""
    html = ""
    if asked := parameters(dialect, endpoint):
        query: Schema = known[f"{dialect.name}.{endpoint.query.__name__}"] if endpoint.query else {"properties": {}}
        whole, by_field = shapes.told(query.get("description", ""), query["properties"])
        rows = "".join(_parameter(one, by_field.get(one["name"], "")) for one in asked)
        html += "<h4>参数 <span>Parameters</span></h4>" + shapes.prose(whole) + shapes.framed(shapes.HEADS, rows)
    if endpoint.body is not None:
        body = known[f"{dialect.name}.{endpoint.body.__name__}"]
        html += "<h4>请求体 <span>Body</span></h4>" + shapes.table(body)
    return html


def _parameter(parameter: Schema, words: str) -> str:
    place = "路径 in the path" if parameter["in"] == "path" else ""
    joined = "逗号分隔 joined by commas" if parameter.get("explode") is False else ""
    notes = "; ".join(part for part in (place, joined, words) if part)
    return shapes.row(parameter["name"], parameter["schema"], parameter["required"], notes)


def _codes(dialect: Contract, endpoint: Endpoint) -> str:
    said = {
        f"<code>{status} {escape(_word(body))}</code>"
        for _, status, body in refusals(dialect)
        if status in endpoint.statuses
    }
    return f'<p>{" ".join(sorted(said))} · <a href="#refusals-{dialect.name}">全部 all</a></p>'


def _word(body: bytes) -> str:
    """The code by which a refusal is told from another, in whichever field the dialect has it."""
    refusal = msgspec.json.decode(body)
    within = refusal.get("error", refusal)
    word = within.get("errorCode") or within["code"]
    return "" if isinstance(word, int) else str(word)


def _type(name: str, schema: Schema) -> str:
    return (
        f'<details id="type-{escape(name)}" open><summary><code>{escape(schema["title"])}</code></summary>'
        f"{shapes.table(schema, heads=shapes.ANSWER_HEADS)}</details>"
    )


# ── facts, identifiers ────────────────────────────────────────────────────────────────────────────────────────────


def _facts() -> str:
    known = components(DIALECTS[-1])
    common = [Call.__struct_config__.tag_field or "kind", *Fact.__struct_fields__]
    call = known["native.Call"]
    kinds = {"enum": [example["kind"] for _, _, example in facts.EXAMPLES]}
    any_kind = {**call, "properties": {**call["properties"], "kind": kinds}}
    parts = [
        '<section id="facts"><h2>事实 <span>Facts</span></h2>',
        _both(*_A_FACT),
        "<h3>共有字段 <span>What every kind has</span></h3>",
        shapes.table(any_kind, only=common, notes=facts.COMMON),
    ]
    for title, summary, example in facts.EXAMPLES:
        schema = known[f"native.{example['kind'].capitalize()}"]
        own = [name for name in schema["properties"] if name not in common]
        parts.append(
            f'<article id="type-native.{escape(schema["title"])}"><h3>{escape(title)} <code>{escape(example["kind"])}'
            f"</code> <span>{escape(summary)}</span></h3>"
            + shapes.table(schema, only=own)
            + shapes.code(shapes.pretty(example))
            + "</article>"
        )
    rows = "".join(
        shapes.cells((f"<code>{escape(name)}</code>", escape(title), escape(value)))
        for name, title, value in facts.TRAITS
    )
    parts.append("<h3>特征的名称 <span>Names of traits</span></h3>")
    parts.append(shapes.framed(("名称 Name", "含义 Meaning", "值 Value"), rows) + "</section>")
    return "".join(parts)


def _identifiers() -> str:
    rows = "".join(
        shapes.cells(
            (
                f"<code>{escape(kind.name)}</code><br><small>{escape(kind.title)}</small>",
                escape(kind.scope),
                escape(kind.rule),
                "<br>".join(_becomes(mention) for mention in kind.spellings),
            )
        )
        for kind in facts.KINDS
    )
    return (
        '<section id="identifiers"><h2>标识 <span>Identifiers</span></h2>'
        + _both(*_AN_IDENTIFIER)
        + shapes.framed(("种类 Kind", "作用域 scope", "规范化 Normalised", "例 Example"), rows)
        + "</section>"
    )


def _becomes(mention: Mention) -> str:
    try:
        identifier = normalise(mention)
    except InputInvalid as error:
        return f"<code>{escape(mention.value)}</code> → {escape(error.reason)}"
    kind = "" if identifier.kind == mention.kind else f"{identifier.kind} "
    nobody = "" if identifies(identifier) else " <small>(不合并 joins nobody)</small>"
    return f"<code>{escape(mention.value)}</code> → <code>{escape(kind + identifier.value)}</code>{nobody}"


# ── import, refusals ──────────────────────────────────────────────────────────────────────────────────────────────


def _imports() -> str:
    parts = "".join(_format(format_) for dialect in DIALECTS for format_ in dialect.formats)
    return f'<section id="imports"><h2>导入 <span>Import</span></h2>{_both(*_AN_IMPORT)}{parts}</section>'


def _format(format_: Format) -> str:
    rows = "".join(_column(column) for column in COLUMNS.get(format_.name, ()))
    row = shapes.code(shapes.pretty(ROWS[format_.name])) if format_.name in ROWS else ""
    return (
        f'<article id="import-{escape(format_.name)}"><h3><code>{escape(format_.name)}</code> '
        f"<span>{escape(format_.summary)}</span></h3>"
        + shapes.framed(("列 Columns", "含义 Meaning", "必填 Required", "说明 Notes"), rows)
        + row
        + "</article>"
    )


def _column(column: Column) -> str:
    names = " ".join(f"<code>{escape(name)}</code>" for name in column.names)
    required = "<b>是 yes</b>" if column.required else "否 no"
    return shapes.cells((names, escape(column.title), required, shapes.inline(column.summary)))


def _refusals() -> str:
    parts = ""
    for dialect in DIALECTS:
        rows = "".join(
            shapes.cells(
                (
                    str(status),
                    f"<code>{escape(kind.code)}</code><br><small>{escape(kind.__doc__ or '')}</small>",
                    f"<code>{escape(body.decode())}</code>",
                )
            )
            for kind, status, body in refusals(dialect)
        )
        parts += (
            f'<h3 id="refusals-{dialect.name}">{escape(dialect.title)} <span>{escape(dialect.prefix)}</span></h3>'
            + shapes.framed(("HTTP", "原因 Why", "返回 Body"), rows)
        )
    return f'<section id="refusals"><h2>拒绝 <span>Refusals</span></h2>{parts}</section>'

"""A JSON schema -> HTML that a person reads: a type in one line, a struct as a table of its fields.

Takes the components of the OpenAPI document, gives escaped HTML.

Rule 1: everything that comes in is escaped here; what these functions give is safe to put into the page.
Rule 2: in a struct's docstring, a clause that begins with names of its fields is told beside those fields, with what
    follows it in its sentence; the rest is told above the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any, Final

from huaxiang.server.page.openapi import REFERENCE, Schema

_CLAUSE = re.compile(r"(?<=[.;])\s+")
_NAMED = re.compile(r"(?:`\w+`(?:, | and )?)+")
_CODE = re.compile(r"`([^`]+)`")
_NULL: Final[Schema] = {"type": "null"}
_LARGEST_SHOWN: Final = 10**12
_NO_DEFAULT: Final[tuple[object, ...]] = (None, "", (), [], {})
HEADS: Final = ("字段 Field", "类型 Type", "必填 Required", "说明 Notes")
ANSWER_HEADS: Final = ("字段 Field", "类型 Type", "总有 Always", "说明 Notes")


def prose(text: str) -> str:
    """Words with `code` in them, and empty lines between paragraphs."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return "".join(f"<p>{inline(paragraph)}</p>" for paragraph in paragraphs if paragraph)


def inline(text: str) -> str:
    """Words with `code` in them."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def told(docstring: str, fields: Iterable[str]) -> tuple[str, dict[str, str]]:
    """A docstring as (what it says of the whole, what it says of single fields)."""
    known, whole, by_field = frozenset(fields), list[str](), dict[str, str]()
    for paragraph in docstring.split("\n\n"):
        rest: list[str] = []
        names: list[str] = []
        for clause in _CLAUSE.split(" ".join(paragraph.split())):
            named = _NAMED.match(clause)
            said = _CODE.findall(named[0]) if named else []
            if named and known.issuperset(said):
                names = said
                by_field.update(dict.fromkeys(names, clause[len(named[0]) :].lstrip(": ")))
            elif names:
                by_field.update({name: f"{by_field[name]} {clause}" for name in names})
            else:
                rest.append(clause)
            names = names if clause.endswith(";") else []
        whole.append(" ".join(rest))
    return "\n\n".join(whole), {name: words.rstrip(".;") for name, words in by_field.items()}


def table(
    schema: Schema,
    *,
    only: Iterable[str] | None = None,
    notes: Mapping[str, str] | None = None,
    heads: tuple[str, ...] = HEADS,
) -> str:
    """The fields of a struct, or `only` some of them, under what its docstring says; or without it, with `notes`."""
    fields: Mapping[str, Schema] = schema["properties"]
    shown = [name for name in fields if only is None or name in frozenset(only)]
    whole, by_field = told(schema.get("description", ""), fields) if notes is None else ("", notes)
    if not shown:
        return prose(whole)
    required = frozenset(schema.get("required", ()))
    rows = "".join(row(name, fields[name], name in required, by_field.get(name, "")) for name in shown)
    return prose(whole) + framed(heads, rows)


def row(name: str, schema: Schema, is_required: bool, words: str = "") -> str:  # noqa: FBT001 - a column of the table
    """One field of a table."""
    notes = [inline(part) for part in (schema.get("description", ""), words) if part]
    default = schema.get("default")
    if default not in _NO_DEFAULT:
        notes.append(f"默认 default <code>{escape(json.dumps(default, ensure_ascii=False))}</code>")
    required = "<b>是 yes</b>" if is_required else "否 no"
    return cells((f"<code>{escape(name)}</code>", shape(schema), required, "; ".join(notes)))


def shape(schema: Schema) -> str:
    """A type and its limits, in one line."""
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix(REFERENCE)
        return f'<a href="#type-{escape(name)}">{escape(name.partition(".")[2])}</a>'
    if "anyOf" in schema:
        kinds = [shape(one) for one in schema["anyOf"] if one != _NULL]
        return " · ".join([*kinds, *(["null"] if _NULL in schema["anyOf"] else [])])
    if "enum" in schema:
        return " · ".join(f"<code>{escape(json.dumps(value, ensure_ascii=False))}</code>" for value in schema["enum"])
    return _SHAPES.get(schema.get("type", ""), _scalar)(schema)


def _array(schema: Schema) -> str:
    inner = shape(schema["items"]) if schema.get("items") else "any"
    return f"array{_between(schema, 'minItems', 'maxItems')} of {inner}"


def _object(schema: Schema) -> str:
    values: Schema | bool = schema.get("additionalProperties", False)
    return "object" if isinstance(values, bool) or not values else f"object of {shape(values)}"


def _scalar(schema: Schema) -> str:
    pattern = f" <code>{escape(schema['pattern'])}</code>" if "pattern" in schema else ""
    limits = _between(schema, "minLength", "maxLength") + _between(schema, "minimum", "maximum")
    return escape(schema.get("format") or schema.get("type", "any")) + limits + pattern


_SHAPES: Final[dict[str, Callable[[Schema], str]]] = {"array": _array, "object": _object}


def framed(heads: tuple[str, ...], rows: str) -> str:
    """A table that scrolls by itself where the window is narrow."""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def cells(contents: Iterable[str]) -> str:
    """A row of a table, of HTML."""
    return "<tr>" + "".join(f"<td>{content}</td>" for content in contents) + "</tr>"


def code(text: str) -> str:
    """A block to copy; a click selects it whole."""
    return f'<pre tabindex="0">{escape(text)}</pre>'


def pretty(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """JSON for people: a short list or object on one line."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _between(schema: Schema, least: str, most: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if low is None and high is None:
        return ""
    if low is None or (low == 0 and high is not None and "Length" in most):
        return f" ≤ {_number(high)}"
    if high is None:
        return f" ≥ {_number(low)}"
    return f" {_number(low)} … {_number(high)}"


def _number(value: Any) -> str:  # noqa: ANN401 - an int or a float, as the schema has it
    """A limit; a power of two as it is thought of."""
    for bits in (31, 32, 63, 64):
        if value == 2**bits - 1:
            return f"2<sup>{bits}</sup> − 1"
        if value == -(2**bits):
            return f"−2<sup>{bits}</sup>"
    return escape(f"{value:,}" if abs(value) < _LARGEST_SHOWN else str(value))

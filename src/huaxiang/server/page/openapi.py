"""Endpoints -> an OpenAPI 3.1 document.

Takes `DIALECTS`, gives plain values ready to be encoded.

Rule 1: a type is called `dialect.Name`, since two dialects may have types of one name.
Rule 2: a refusal stands under each status that its endpoint may carry; where success and refusal share a status, the
        answer is either.
Rule 3: a list in a query is one parameter, its items between commas.
Rule 4: times are `date-time`; msgspec leaves the format out, because a time that comes in may lack its zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from msgspec import inspect

from huaxiang import __version__
from huaxiang.server.page.contracts import DIALECTS, Contract, call_name

if TYPE_CHECKING:
    from huaxiang.dialects.contract import Endpoint

Schema: TypeAlias = dict[str, Any]
"""A JSON schema, or a part of one."""

OK: Final = 200
REFERENCE: Final = "#/components/schemas/"
SIGNATURE: Final = ("AccessKeyId", "Expires", "Timestamp", "Signature")
SECURITY_SCHEMES: Final[dict[str, Schema]] = {
    **{
        f"tinet.{name}": {"type": "apiKey", "in": "query", "name": name, "description": words}
        for name, words in zip(
            SIGNATURE,
            (
                "The public half of the key",
                "How many seconds the signature is good for, 1 to 604800",
                "When it was made: yyyy-MM-dd'T'HH:mm:ss'Z'",
                "Base64 of HMAC-SHA1 over METHOD host path ? sorted, form-encoded pairs",
            ),
            strict=True,
        )
    },
    "x-token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Token",
        "description": "orgAccessToken of getOrgAccessToken, good for 7200 s",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The key's token"},
}
_SECURITY: Final[dict[str, list[dict[str, list[str]]]]] = {
    "signature": [{f"tinet.{name}": [] for name in SIGNATURE}],
    "x-token": [{"x-token": []}],
    "bearer": [{"bearer": []}],
    "none": [],
}
_PARAMETER = re.compile(r"\{(\w+)\}")


def document() -> Schema:
    """The whole document."""
    schemas: dict[str, Schema] = {}
    paths: dict[str, Schema] = {}
    for dialect in DIALECTS:
        schemas |= components(dialect)
        for endpoint in dialect.endpoints:
            paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(dialect, endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "画像 Huaxiang",
            "version": __version__,
            "summary": "One resolved customer, in the words that its callers speak",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": dialect.name, "description": f"{dialect.title} · {dialect.summary}"} for dialect in DIALECTS],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": SECURITY_SCHEMES},
    }


def components(dialect: Contract) -> dict[str, Schema]:
    """The schemas of all types that the dialect's calls name, by `dialect.Name`."""
    types = [type_ for endpoint in dialect.endpoints for type_ in types_of(endpoint)]
    _, found = msgspec.json.schema_components(types, ref_template=f"{REFERENCE}{dialect.name}.{{name}}")
    for struct in _structs(types):
        _tell_times(found[struct.cls.__name__], struct)
    return {f"{dialect.name}.{name}": schema for name, schema in found.items()}


def types_of(endpoint: Endpoint) -> list[Any]:
    """The types of one call: query, body, answer, refusal."""
    return [one for one in (endpoint.query, endpoint.body, endpoint.answer, endpoint.refusal) if one is not None]


def parameters(dialect: Contract, endpoint: Endpoint) -> list[Schema]:
    """The parameters of one call, those of its path first."""
    found: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(endpoint.path)
    ]
    if endpoint.query is None:
        return found
    query = components(dialect)[f"{dialect.name}.{endpoint.query.__name__}"]
    for name, schema in query["properties"].items():
        parameter: Schema = {"name": name, "in": "query", "required": name in query["required"], "schema": schema}
        if schema.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        found.append(parameter)
    return found


def _operation(dialect: Contract, endpoint: Endpoint) -> Schema:
    operation: Schema = {
        "operationId": call_name(dialect, endpoint),
        "tags": [dialect.name],
        "summary": endpoint.title,
        "description": endpoint.summary,
        "parameters": parameters(dialect, endpoint),
        "responses": _responses(dialect, endpoint),
        "security": _SECURITY[endpoint.auth],
    }
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(dialect, [endpoint.body])}
    return operation


def _responses(dialect: Contract, endpoint: Endpoint) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for status in sorted({OK, *endpoint.statuses}):
        types = ([endpoint.answer] if status == OK else []) + (
            [endpoint.refusal] if status in endpoint.statuses else []
        )
        words = " or ".join("成功 success" if type_ is endpoint.answer else "拒绝 refusal" for type_ in types)
        found[str(status)] = {"description": words, "content": _content(dialect, types)}
    return found


def _content(dialect: Contract, types: list[Any]) -> Schema:
    references: list[Schema] = [{"$ref": f"{REFERENCE}{dialect.name}.{type_.__name__}"} for type_ in types]
    return {"application/json": {"schema": references[0] if len(references) == 1 else {"anyOf": references}}}


# ── times ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _structs(types: Iterable[Any]) -> list[inspect.StructType]:
    """Every struct that these types reach."""
    found: dict[type, inspect.StructType] = {}
    waiting: list[object] = list(inspect.multi_type_info(types))
    while waiting:
        one = waiting.pop()
        if isinstance(one, inspect.StructType):
            if one.cls not in found:
                found[one.cls] = one
                waiting += [field.type for field in one.fields]
        else:
            waiting += _inside(one)
    return list(found.values())


def _inside(one: object) -> list[object]:
    """The types that a type is made of."""
    if isinstance(one, inspect.UnionType):
        return list(one.types)
    if isinstance(one, inspect.DictType):
        return [one.value_type]
    inner: object = getattr(one, "item_type", None) or getattr(one, "type", None)
    return [inner] if inner is not None else []


def _tell_times(schema: Schema, struct: inspect.StructType) -> None:
    for field in struct.fields:
        types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
        if any(isinstance(one, inspect.DateTimeType) for one in types):
            told = schema["properties"][field.encode_name]
            strings = [one for one in told.get("anyOf", [told]) if one.get("type") == "string"]
            strings[0]["format"] = "date-time"

"""The four dialects as the documentation sees them: endpoints, import formats, and the word for each refusal.

Takes nothing, gives `DIALECTS`; what is documented of a dialect is read off what its server and its importer run on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from huaxiang.dialects.native import endpoints as native_endpoints
from huaxiang.dialects.native import errors as native_errors
from huaxiang.dialects.native import inward as native_inward
from huaxiang.dialects.rabbitpre import errors as rabbitpre_errors
from huaxiang.dialects.rabbitpre import inward as rabbitpre_inward
from huaxiang.dialects.rabbitpre import neighbours as rabbitpre_neighbours
from huaxiang.dialects.rabbitpre import wire as rabbitpre_wire
from huaxiang.dialects.telrobot import errors as telrobot_errors
from huaxiang.dialects.telrobot import inward as telrobot_inward
from huaxiang.dialects.telrobot import wire as telrobot_wire
from huaxiang.dialects.tinet import errors as tinet_errors
from huaxiang.dialects.tinet import inward as tinet_inward
from huaxiang.dialects.tinet import wire as tinet_wire
from huaxiang.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huaxiang.dialects.contract import Endpoint, Format


class Answer(Protocol):
    """A dialect's way to refuse: HTTP status and body of an error."""

    def __call__(self, error: Refused, *, request_id: str) -> tuple[int, bytes]:
        """The refusal of `error`."""
        ...


@dataclass(frozen=True)
class Contract:
    """One dialect. `title` is Chinese, `summary` English; `prefix` is the path below which it answers."""

    name: str
    title: str
    summary: str
    prefix: str
    endpoints: tuple[Endpoint, ...]
    formats: tuple[Format, ...]
    answer: Answer


DIALECTS: Final = (
    Contract(
        name="tinet",
        title="天润融通 · 客户画像",
        summary="Tinet Smartlink SQC: portraits, calls and transcripts, their results",
        prefix="/sqc",
        endpoints=tinet_wire.ENDPOINTS,
        formats=tinet_inward.FORMATS,
        answer=tinet_errors.answer,
    ),
    Contract(
        name="rabbitpre",
        title="兔展 · 用户资料",
        summary="Rabbitpre: audience/detail, ids and tags; profiles, events and tags in",
        prefix="/api/open",
        endpoints=(*rabbitpre_wire.ENDPOINTS, *rabbitpre_neighbours.ENDPOINTS),
        formats=rabbitpre_inward.FORMATS,
        answer=rabbitpre_errors.answer,
    ),
    Contract(
        name="telrobot",
        title="云蝠智能 · 客户详情",
        summary="Telrobot: customer/detail, lists and fields; customers in and out",
        prefix="/agent-api",
        endpoints=telrobot_wire.ENDPOINTS,
        formats=telrobot_inward.FORMATS,
        answer=telrobot_errors.answer,
    ),
    Contract(
        name="native",
        title="画像 · 原生接口",
        summary="Huaxiang's own: facts in, customers out",
        prefix="/v1",
        endpoints=native_endpoints.ENDPOINTS,
        formats=native_inward.FORMATS,
        answer=native_errors.answer,
    ),
)

REQUEST_ID: Final = "6f1f6f0e-3f0a-4f0c-9c57-0d8a4d2f4a11"
"""The id that the examples of refusals carry."""


def refusals(dialect: Contract) -> Iterator[tuple[type[Refused], int, bytes]]:
    """Each refusal of the house with the status and the body that this dialect has for it."""
    for kind in Refused.__subclasses__():
        status, body = dialect.answer(kind(), request_id=REQUEST_ID)
        yield kind, status, body


def call_name(dialect: Contract, endpoint: Endpoint) -> str:
    """The endpoint's name among all: the dialect's, the last word of its path that is no parameter, `delete`, `put`.

    Where the paths of several calls end so, as many words as it takes to tell them apart.
    """
    words = _words(endpoint)
    others = [other for one in dialect.endpoints if (other := _words(one)) != words]
    counts = (n for n in range(1, len(words)) if all(other[-n:] != words[-n:] for other in others))
    name = ".".join(words[-next(counts, len(words)) :])
    return f"{dialect.name}.{name}{f'.{endpoint.method.lower()}' if endpoint.method in {'DELETE', 'PUT'} else ''}"


def _words(endpoint: Endpoint) -> list[str]:
    """The words of a path that are no parameters."""
    return [word for word in endpoint.path.split("/") if word and not word.startswith("{")]

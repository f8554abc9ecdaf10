"""A page of portraits as the vendor serves it: takes the model's rows, gives bytes; pure, the same bytes every time.

Rule 1: a field without a value is left out; averages are floats, over the calls that have the value; counts are exact.
Rule 2: `cdrIds` come newest call first, then by id, and at most 10,000 of them.
Rule 3: details group the marks by (`portraitTypeName`, `name`, `qcType`, `added`, `deleted`), in that order; a detail's
    `startTime` is the second in its newest call, `message` is left out («暂不适用»).
Rule 4: for the vendor's SDK (`for_sdk`) a row has no `retry`, which its row class refuses, and what is not ASCII is
    escaped, since a client in the C locale decodes bytes as ASCII; for anybody else `retry` is 0 and text is UTF-8.
Rule 5: a page is also put together from rows that were rendered before (`prepared`), which know neither the login name
    nor the caller: `head`, each row behind an `opening`, the first one's without its comma, `TAIL`. Those are the very
    bytes of `page`. Whoever changes what a row looks like counts up `EDITION`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET

from huaxiang.dialects.tinet.wire import CDR_IDS_MAX, CustomerPortrait, CustomerPortraitAnswer, PortraitDetail
from huaxiang.model import CallMark, CallRef, PortraitPage, PortraitRow

EDITION: Final = 1
TAIL: Final = b"]}"

_ROW: Final = b'{"id":"'
_RETRY: Final = b'","retry":0,"customerNumber":'
_NO_RETRY: Final = b'","customerNumber":'
_ENCODER: Final = msgspec.json.Encoder()
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]+")
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_SECOND: Final = timedelta(seconds=1)

_Group: TypeAlias = tuple[str, str, int, int, int]


def page(portraits: PortraitPage, *, login_name: str, offset: int, limit: int, request_id: str, for_sdk: bool) -> bytes:
    """The answer of `GET /sqc/customerPortrait`: one page of `limit` rows from row `offset`."""
    answer = CustomerPortraitAnswer(
        requestId=request_id,
        pageNumber=offset // limit + 1,
        pageSize=limit,
        totalCount=portraits.total,
        start=offset,
        totalPageCount=-(-portraits.total // limit),
        data=[_row(row, login_name=login_name, for_sdk=for_sdk) for row in portraits.rows],
    )
    encoded = _ENCODER.encode(answer)
    return ascii_json(encoded) if for_sdk else encoded


def prepared(row: PortraitRow) -> bytes:
    """A row behind its login name, for anybody but the vendor's SDK (Rule 5)."""
    return _ENCODER.encode(_row(row, login_name="", for_sdk=False))[len(_ROW) :]


@lru_cache(maxsize=64)
def opening(login_name: str) -> bytes:
    """What stands between a row and the one before it."""
    return b"," + _ROW + _ENCODER.encode(login_name)[1:-1]


def head(total: int, *, offset: int, limit: int, request_id: str) -> bytes:
    """What stands before the rows of a page."""
    before, after = _head(total, offset, limit)
    return b"".join((before, _ENCODER.encode(request_id), after))


@lru_cache(maxsize=256)  # most pages are one row's
def _head(total: int, offset: int, limit: int) -> tuple[bytes, bytes]:
    """A head's bytes before and after the request's id."""
    answer = CustomerPortraitAnswer(
        requestId="",
        pageNumber=offset // limit + 1,
        pageSize=limit,
        totalCount=total,
        start=offset,
        totalPageCount=-(-total // limit),
        data=[],
    )
    before, nobody, after = _ENCODER.encode(answer)[: -len(TAIL)].partition(b'""')
    assert nobody
    return before, after


def for_sdk(rows: bytes) -> bytes:
    """Prepared rows as the vendor's SDK can read them (Rule 4); no text can look like the field that is left out."""
    return ascii_json(rows.replace(_RETRY, _NO_RETRY))


def ascii_json(encoded: bytes) -> bytes:
    r"""The same JSON with every character beyond ASCII as `\uXXXX`, two of them for one beyond U+FFFF."""
    if encoded.isascii():
        return encoded
    return _BEYOND_ASCII.sub(lambda run: _escaped(run[0]), encoded.decode()).encode("ascii")


def _row(row: PortraitRow, *, login_name: str, for_sdk: bool) -> CustomerPortrait:
    calls = row.calls
    newest = calls.newest
    return CustomerPortrait(
        id=f"{login_name}-{row.number}",
        retry=UNSET if for_sdk else 0,
        customerNumber=row.number,
        customerCity=(newest.city if newest else None) or UNSET,
        totalCallCount=calls.count,
        maxCallDuration=UNSET if calls.duration_max is None else calls.duration_max,
        maxRound=UNSET if calls.round_max is None else calls.round_max,
        avgRound=calls.round_sum / calls.rounds if calls.rounds else UNSET,
        avgCallDuration=calls.duration_sum / calls.durations if calls.durations else UNSET,
        cdrIds=_cdr_ids(row.call_refs),
        recentlyCallTime=(newest.order.at - _EPOCH) // _SECOND if newest else UNSET,
        portraitDetails=_details(row.marks),
    )


def _cdr_ids(refs: Iterable[CallRef]) -> list[str]:
    """Newest first, then by label: two stable sorts, which cost little where the order is right already."""
    ordered = sorted(refs, key=lambda ref: ref.label)
    ordered.sort(key=lambda ref: ref.at, reverse=True)
    return [ref.label for ref in ordered[:CDR_IDS_MAX]]


def _details(marks: Sequence[CallMark]) -> list[PortraitDetail]:
    if not marks:
        return []
    ordered = sorted(marks, key=lambda mark: mark.call.label)
    ordered.sort(key=lambda mark: mark.call.at, reverse=True)
    ordered.sort(key=_group)
    return [_detail(group, list(members)) for group, members in groupby(ordered, key=_group)]


def _group(mark: CallMark) -> _Group:
    return mark.type, mark.name, 0 if mark.checked else 1, int(mark.added), int(mark.deleted)


def _detail(group: _Group, marks: Sequence[CallMark]) -> PortraitDetail:
    kind, name, qc_type, added, deleted = group
    second = marks[0].second
    return PortraitDetail(
        added=1 if added else 0,
        cdrIds=[mark.call.label for mark in marks[:CDR_IDS_MAX]],
        deleted=1 if deleted else 0,
        name=name,
        portraitTypeName=kind,
        qcType=1 if qc_type else 0,
        startTime=UNSET if second is None else second,
    )


@lru_cache(maxsize=4096)  # a page repeats the same cities and labels
def _escaped(run: str) -> str:
    units = run.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

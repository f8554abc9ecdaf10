"""The made-up rows: customers with a number, a profile, a CRM record, calls and marks; and plain calls by the million.

Takes how many, gives files that `huaxiang import` reads; the same count always gives the same rows, and a shorter file
is the beginning of a longer one.

Rule 1: customer `i` can be made without those before it, so that a request can be made, and its answer be expected.
Rule 2: every hundredth customer has the mark `RARE`, and nobody else: what `portraits=` is asked for.
Rule 3: a call has the twenty fields that a call centre pushes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import numpy as np
import polars as pl

VERSION: Final = 1
"""Of the rows: another one, and what was loaded before is loaded anew."""

ENTERPRISE: Final = "8000376"
RARE: Final = "询问价格"
"""On every hundredth customer."""

USUAL: Final = "预约到店"
"""On every seventh."""

RARE_EVERY: Final = 100
CALLS_A_CUSTOMER: Final = 2
CALLS_A_NUMBER: Final = 5
"""Of an import's numbers."""

_USUAL_EVERY: Final = 7
_PREFIXES: Final = (*range(130, 140), *range(150, 154), *range(155, 160), *range(180, 190))
_SPACE: Final = len(_PREFIXES) * 10**8
_STEP: Final = 32_452_843
"""A prime that the space has no factor of, so that numbers jump about, and none comes twice."""

_START: Final = 1_735_660_800
"""The first call, in epoch seconds: 2025 begins in Shanghai."""

_CHUNK: Final = 50_000
_CITIES: Final = (
    ("广东", "深圳", "0755"), ("广东", "广州", "020"), ("北京", "北京", "010"), ("上海", "上海", "021"),
    ("浙江", "杭州", "0571"), ("江苏", "南京", "025"), ("四川", "成都", "028"), ("湖北", "武汉", "027"),
)  # fmt: skip
_QUEUES: Final = ("售前咨询", "售后服务", "投诉专线", "会员服务")
_SURNAMES, _GIVEN = "王李张刘陈杨赵黄周吴", "伟芳娜敏静丽强磊军洋"
_ENCODE: Final = msgspec.json.Encoder().encode

Row = dict[str, Any]


# ── customers ────────────────────────────────────────────────────────────────────────────────────────────────────────


def phone(customer: int) -> str:
    """The number of a customer."""
    place = (customer * _STEP + 7) % _SPACE
    return f"{_PREFIXES[place // 10**8]}{place % 10**8:08d}"


def audience(customer: int) -> int:
    """The id that Rabbitpre gave to a customer."""
    return 700_000_000_000_000_000 + customer * 7919


def crm_id(customer: int) -> str:
    """The id that Telrobot gave to a customer."""
    return str(UUID(bytes=_digest(b"crm", customer)[:16], version=4))


def unionid(customer: int) -> str:
    """What WeChat calls a customer."""
    return "o" + _digest(b"union", customer).hex()[:27]


def write_customers(folder: Path, customers: int) -> dict[str, Path]:
    """Write what is known of so many customers; gives the files by the names of their formats, in a good order."""
    kinds = {
        "tinet.cdr": (call(number) for number in range(customers * CALLS_A_CUSTOMER)),
        "facts": (mark for customer in range(customers) for mark in marks(customer)),
        "rabbitpre.profile": map(profile, range(customers)),
        "telrobot.customer": map(record, range(customers)),
    }
    return {kind: _written(folder / f"{kind}.jsonl", rows) for kind, rows in kinds.items()}


def call(number: int) -> Row:
    """One call of `tinet.cdr`; the customers call in turns."""
    customer, start = number // CALLS_A_CUSTOMER, _START + number * 13 % 31_000_000
    province, city, area = _CITIES[customer % len(_CITIES)]
    seconds = 20 + number * 37 % 600
    return {
        "uniqueId": call_id(number),
        "userId": ENTERPRISE,
        "cdrType": "cdr_ib",
        "callType": "1",
        "customerNumber": phone(customer),
        "customerNumberType": 2,
        "customerAreaCode": area,
        "customerProvince": province,
        "customerCity": city,
        "cno": str(2001 + number % 40),
        "agentName": _name(number % 40),
        "qno": "0001",
        "qname": _QUEUES[number % 4],
        "hotline": "4006660376",
        "startTime": start,
        "answerTime": start + 1,
        "bridgeTime": start + 9,
        "endTime": start + 9 + seconds,
        "bridgeDuration": seconds,
        "totalDuration": seconds + 9,
        "status": "bridged",
        "endReason": "1000",
        "rounds": seconds // 14,
    }


def call_id(number: int) -> str:
    """What the call centre calls a customer's call."""
    return f"medias_{number % 4 + 1}-{_START + number * 13 % 31_000_000}.{number}"


def marks(customer: int) -> Iterator[Row]:
    """The marks on a customer's calls: facts."""
    for every, name in ((RARE_EVERY, RARE), (_USUAL_EVERY, USUAL)):
        if customer % every == 0:
            yield _mark(call_id(customer * CALLS_A_CUSTOMER), name)


def _mark(call: str, name: str) -> Row:
    return {
        "kind": "mark",
        "source": "tinet",
        "enterprise": ENTERPRISE,
        "id": f"{call}/购买意向/{name}/check",
        "at": "2026-01-01T08:00:00+08:00",
        "call": call,
        "type": "购买意向",
        "name": name,
        "by": "check",
        "second": 7,
    }


def profile(customer: int) -> Row:
    """One row of `rabbitpre.profile`."""
    province, city, _ = _CITIES[customer % len(_CITIES)]
    account = {"appid": "wx2b7e1f60c4d98a35", "wechatName": "云上优选"}
    openid = {"openid": "o" + _digest(b"open", customer).hex()[:27], "fromTo": "gzh", "platform": "gzh"}
    return {
        "audienceUserId": audience(customer),
        "createTime": "2025-01-02 02:08:56",
        "unionid": unionid(customer),
        "updateTime": "2025-10-11 10:07:48",
        "openids": [{**openid, "appid": account["appid"]}],
        "sex": "男" if customer % 2 else "女",
        "wxNickname": "简单",
        "wxCountry": "中国",
        "wxProvince": province,
        "wxCity": city,
        "province": province,
        "city": city,
        "sourceCnl": 33,
        "sourceCnlName": "展会",
        "sourceCnlType": "FIXED",
        "sourceAppType": "公众号",
        "realName": _name(customer),
        "phoneList": [{"phone": phone(customer), "isVerify": "1"}],
        "birthday": "1998-11-26",
        "subWechatList": [account],
        "wechatList": [{**account, "firstSubDate": 1_735_754_936_000}],
        "remark": "希望上门看一次",
        "markFlag": 1,
        "userType": ["个人"],
        "industry": ["零售/批发"],
    }


def record(customer: int) -> Row:
    """One row of `telrobot.customer`."""
    created = datetime(2025, 1, 4, tzinfo=UTC) + timedelta(seconds=customer)
    told = f"{created:%Y-%m-%d %H:%M:%S}"
    return {
        "id": crm_id(customer),
        "phone": phone(customer),
        "company": "东莞华瑞贸易有限公司",
        "is_back": 0,
        "email": f"c{customer}@example.com",
        "source_id": 714,
        "industry_id": 1002,
        "grade_id": 61,
        "sort": 0,
        "name": _name(customer),
        "created_at": told,
        "updated_at": told,
        "inputted_at": told,
        "flow": 2,
        "extra": None,
        "sex": 1 + customer % 2,
        "expect_transaction_at": None,
        "expect_transaction_fee": "0.00",
        "followed_at": told,
    }


def _name(person: int) -> str:
    return _SURNAMES[person % 10] + _GIVEN[person // 10 % 10] + _GIVEN[person // 100 % 10]


def _digest(purpose: bytes, customer: int) -> bytes:
    return blake2b(customer.to_bytes(8, "little"), digest_size=20, person=purpose).digest()


def _written(file: Path, rows: Iterable[Row]) -> Path:
    with file.open("wb", buffering=1 << 18) as out:
        out.writelines(_ENCODE(row) + b"\n" for row in rows)
    return file


# ── calls by the million ─────────────────────────────────────────────────────────────────────────────────────────────


def calls(begin: int, end: int, numbers: int) -> Iterator[pl.DataFrame]:
    """The calls from number `begin` up to `end` (excluded), some thousands at a time, of so many callers at random."""
    for chunk in range(begin // _CHUNK, -(-end // _CHUNK)):
        first = chunk * _CHUNK
        frame = _chunk(first, numbers)
        yield frame.slice(max(begin - first, 0), min(end, first + _CHUNK) - max(begin, first))


def write_calls(folder: Path, name: str, begin: int, end: int, numbers: int) -> dict[str, Path]:
    """Write calls (as `calls` gives them) as JSON Lines, as Parquet, and as CSV for COPY; gives the files by ending."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {ending: folder / f"{name}.{ending}" for ending in ("jsonl", "parquet", "csv")}
    parts = folder / f"{name}.parts"
    parts.mkdir(exist_ok=True)
    with files["jsonl"].open("wb") as lines, files["csv"].open("wb") as cells:
        for place, frame in enumerate(calls(begin, end, numbers)):
            frame.write_ndjson(lines)
            frame.write_csv(cells, include_header=False)
            frame.write_parquet(parts / f"{place:06d}.parquet")
    pl.scan_parquet(parts / "*.parquet").sink_parquet(files["parquet"])
    for part in parts.iterdir():
        part.unlink()
    parts.rmdir()
    return files


def write_call_marks(file: Path, begin: int, end: int, numbers: int) -> Path:
    """Write a few marks, on every hundredth of these calls."""
    found = (
        _mark(unique_id, USUAL)
        for frame in calls(begin, end, numbers)
        for unique_id in frame["uniqueId"].gather_every(100)
    )
    return _written(file, found)


def _chunk(first: int, numbers: int) -> pl.DataFrame:
    chance = np.random.default_rng((first, numbers))
    number = np.arange(first, first + _CHUNK, dtype=np.int64)
    caller = chance.integers(0, numbers, _CHUNK)
    place = (caller * _STEP + 7) % _SPACE
    start, wait = _START + number * 3, chance.integers(3, 30, _CHUNK)
    seconds = np.where(chance.random(_CHUNK) < 0.9, chance.integers(20, 600, _CHUNK), 0)  # noqa: PLR2004 (answered)
    city, seat = caller % len(_CITIES), chance.integers(0, 40, _CHUNK)
    words = pl.DataFrame({"number": number, "start": start}).select(
        uniqueId=pl.format("medias_{}-{}.{}", pl.col("number") % 4 + 1, "start", "number")
    )
    prefix = np.array(_PREFIXES)[place // 10**8]
    return words.with_columns(
        userId=pl.lit(ENTERPRISE), cdrType=pl.lit("cdr_ib"), callType=pl.lit("1"),
        customerNumber=pl.Series((prefix * 10**8 + place % 10**8).astype(np.int64)).cast(pl.String),
        customerNumberType=pl.lit(2),
        customerAreaCode=_among([one[2] for one in _CITIES], city),
        customerProvince=_among([one[0] for one in _CITIES], city),
        customerCity=_among([one[1] for one in _CITIES], city),
        cno=pl.Series(seat + 2001).cast(pl.String), agentName=_among([_name(one) for one in range(40)], seat),
        qno=pl.lit("0001"), qname=_among(_QUEUES, seat % 4), hotline=pl.lit("4006660376"),
        startTime=pl.Series(start), answerTime=pl.Series(start + 1), endTime=pl.Series(start + wait + seconds),
        bridgeDuration=pl.Series(seconds), totalDuration=pl.Series(wait + seconds),
        status=_among(("missed", "bridged"), (seconds > 0).astype(np.int64)), rounds=pl.Series(seconds // 14),
    )  # fmt: skip


def _among(things: Iterable[str], places: np.ndarray[Any, Any]) -> pl.Series:
    return pl.Series(list(things)).gather(places)

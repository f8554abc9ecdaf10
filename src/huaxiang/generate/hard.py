"""The hard mode: made-up customers as several systems wrote them down, and who they truly are.

Takes how many, and a seed; gives a frame with a `Person`'s fields (`huaxiang.suggest`) and `truth`, who each record is
of; and the same records as rows of the format `facts`, each with its row of the truth.

All of it on purpose: families that share a phone, a surname and an address; numbers that changed hands and stand with
two strangers; a switchboard's number and a placeholder; a digit or a letter mistyped; day and month swapped; a title
for a name; people of the same name.

Rule 1: the same arguments give the same records, with the same versions of numpy and polars.
Rule 2: no record tells whose it is: not its id, not its place among the others, not its time.
Rule 3: a record has an identifier of its own, and the phones and e-mails that it names; nothing else joins it.
Rule 4: here, unlike in the rest of the generator, all records are in memory at once: about 1 kB each.

numpy comes with no part of the product: who wants the hard mode installs it.
"""

# ruff: noqa: PLR2004 -- the rates of a made-up world say what they are where they stand

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from huaxiang.generate.words import cities, names
from huaxiang.model import Json

FACTS: Final = "facts"
SOURCES: Final = ("shop", "service_desk", "trade_fair")
"""The systems that wrote the records down."""

HOUSEHOLDS: Final = 0.35
"""How many people live in families of two to four."""


def people(records: int, seed: int = 7) -> pl.DataFrame:
    """About so many records, at least 2 and never more, of about 0.65 times as many people."""
    return _records(int(records * 0.65), seed, most=records)


def rows(customers: int, seed: int, now: datetime) -> Iterator[tuple[dict[str, Json], tuple[str, str, int]]]:
    """Each record of so many people, at least 1, as a fact; and its truth: its source, its id, the person.

    There are about 1.5 records for a person. `now`: aware; all were written in the year before it.
    """
    for record in _records(customers, seed).iter_rows(named=True):
        fact = _fact(record, now)
        yield fact, (fact["source"], fact["id"], record["truth"])


def _fact(record: dict[str, Any], now: datetime) -> dict[str, Json]:
    """The record as a fact. An account is an app's, where the record has an openid that no other record has."""
    place: int = record["id"]
    source, name = SOURCES[place % len(SOURCES)], f"{place:08}"
    said = {trait: record[trait] for trait in ("company", "birthday", "address") if record[trait]}
    city = {"wechat_place": {"city": record["city"]}} if record["city"] else {}
    return {
        "kind": "trait",
        "source": source,
        "id": name,
        "at": (now - timedelta(hours=1 + place % (365 * 24 - 1))).isoformat(),
        "identifiers": [
            {"kind": "crm_id", "value": name, "scope": source},
            *({"kind": "phone", "value": phone} for phone in record["phones"]),
            *({"kind": "email", "value": email} for email in record["emails"]),
            *({"kind": "openid", "value": f"o{name}", "scope": account} for account in record["accounts"]),
        ],
        "traits": {**_called(record["family"], record["given"], place), **said, **city},
    }


def _called(family: str | None, given: str | None, place: int) -> dict[str, Json]:
    """What a record calls its person: by name; by surname and title; by a given name alone; or not at all."""
    if family:
        return {"real_name": family + (given or ("先生", "女士")[place % 2])}
    return {"nickname": given} if given else {}


def _records(count: int, seed: int, *, most: int | None = None) -> pl.DataFrame:
    """The records of so many people, shuffled: one to three of each, until there are `most`."""
    chance = np.random.default_rng(seed)
    truth = _people(count, chance)
    copies = chance.choice([1, 2, 3], size=truth.height, p=[0.57, 0.33, 0.10])
    each = truth.with_columns(copies=pl.Series(copies)).select(pl.all().repeat_by("copies").explode()).drop("copies")
    each = each if most is None else each.head(most)
    each = each.sample(fraction=1.0, shuffle=True, seed=seed)
    return _written_down(each, chance).with_row_index("id").with_columns(pl.col("id").cast(pl.Int64) + 1)


def _people(count: int, chance: np.random.Generator) -> pl.DataFrame:
    """The people, as they are."""
    known = names()
    surnames = np.array([name for name, _, _ in known.surnames])
    frequency = np.array([weight for _, _, weight in known.surnames], dtype=float)
    sort = known.male, known.female
    first = np.array([letter for one in sort for letter in one.first])
    second = np.array([letter for one in sort for letter in one.second])
    single = np.array([name for one in sort for name in one.whole])
    given = np.where(
        chance.random(count) < 0.15,
        chance.choice(single, count),
        np.char.add(chance.choice(first, count), chance.choice(second, count)),
    )
    household = _households(count, chance)
    places = np.array([city.city for city in cities()])
    surname = chance.choice(surnames, count, p=frequency / frequency.sum())[household]
    city = places[chance.integers(0, len(places), count)][household]
    trade = np.array([form for form, _, _ in known.trades])
    company = np.char.add(
        np.char.add(chance.choice(np.array(known.trade_names), count), chance.choice(first, count)),
        chance.choice(trade, count),
    )
    street = np.char.add(chance.choice(np.array(known.streets), count), chance.integers(1, 400, count).astype(str))
    room = np.char.add("号", np.char.add(chance.integers(1, 40, count).astype(str), "室"))
    born = np.datetime64("1950-01-01") + chance.integers(0, 20_000, count).astype("timedelta64[D]")
    phone = _phones(count, chance)
    return pl.DataFrame(
        {
            "truth": np.arange(count),
            "family": surname,
            "given": given,
            "phone": phone,
            "home_phone": phone[household],
            "second_phone": _phones(count, chance),
            "recycled": phone[chance.integers(0, count, count)],
            "email": np.char.add(
                np.char.add(chance.integers(10_000_000, 3_000_000_000, count).astype(str), "@"),
                chance.choice(np.array(known.emails), count),
            ),
            "account": np.char.add("gh_", chance.integers(0, count * 2, count).astype(str)),
            "company": company[chance.integers(0, max(count // 8, 1), count)],
            "city": city,
            "birthday": np.datetime_as_string(born),
            "address": np.char.add(street, room)[household],
        }
    )


def _households(count: int, chance: np.random.Generator) -> np.ndarray:
    """For each person, the first person of their family, which may be themselves."""
    place = np.arange(count)
    back = chance.integers(1, 4, count)
    joins = (place % 4 >= back) & (chance.random(count) < HOUSEHOLDS / 0.5)
    return np.where(joins, place - back, place)


def _phones(count: int, chance: np.random.Generator) -> np.ndarray:
    """Mobiles in the prefixes that were given out."""
    prefixes = np.array([prefix for city in cities() for prefix in city.prefixes.split()])
    suffixes = np.char.zfill(chance.integers(0, 10_000, count).astype(str), 4)
    return np.char.add(chance.choice(prefixes, count), suffixes)


def _written_down(each: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    """Each person as one system wrote them down."""
    each = _with_chances(each, chance)
    given, company, address = pl.col("given"), pl.col("company"), pl.col("address")
    year, month, day = (pl.col("birthday").str.slice(start, size) for start, size in ((0, 4), (5, 2), (8, 2)))
    born = year + month + day
    another = given.str.slice(0, given.str.len_chars() - 1) + pl.col("letter")
    typed = {name: pl.col(f"by_{name}_typed") for name in _COLUMNS}
    phone, email = _mistyped(_which_phone(), 0.05, "phone"), _mistyped(pl.col("email"), 0.04, "email")
    birthday = (
        pl.when(typed["birthday"] < 0.03)
        .then(year + day + month)
        .when(typed["birthday"] < 0.06)
        .then(_mistyped(born, 1.0, "birthday"))
        .otherwise(born)
    )
    called = _told("given", 0.06, pl.when(typed["given"] < 0.05).then(another).otherwise(given))
    short = pl.when(typed["company"] < 0.3).then(company.str.replace("有限公司", "")).otherwise(company)
    bare = pl.when(typed["address"] < 0.2).then(address.str.replace("室", "")).otherwise(address)
    return each.select(
        "truth",
        family=_told("family", 0.03),
        given=pl.when(typed["family"] >= 0.08).then(called),
        phones=pl.concat_list(_told("phone", 0.1, phone)).list.drop_nulls(),
        emails=pl.concat_list(_told("email", 0.6, email)).list.drop_nulls(),
        accounts=pl.concat_list(_told("account", 0.8)).list.drop_nulls(),
        company=_told("company", 0.6, short),
        city=_told("city", 0.2),
        birthday=_told("birthday", 0.45, birthday),
        address=_told("address", 0.5, bare),
    )


def _with_chances(each: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    """With what is to befall each record: whether a column is told (`by_…`), and how it is mistyped (`by_…_typed`)."""
    names = ("which", *_COLUMNS, *(f"{name}_typed" for name in _COLUMNS))
    return each.with_columns(
        *(pl.Series(f"by_{name}", chance.random(each.height)) for name in names),
        place=pl.Series(chance.integers(0, 1_000, each.height)),
        digit=pl.Series(chance.integers(0, 10, each.height)).cast(pl.String),
        letter=pl.Series(chance.choice(np.array(list("伟薇辉慧洁杰婷庭莉丽健建")), each.height)),
    )


def _which_phone() -> pl.Expr:
    """Their own number mostly; or the family's, a second one, one that was somebody else's, or nobody's."""
    which = pl.col("by_which")
    nobodys = pl.when(which < 0.98).then(pl.lit("02161234567")).otherwise(pl.lit("13800138000"))
    others = pl.when(which < 0.92).then("second_phone").when(which < 0.95).then("recycled").otherwise(nobodys)
    return pl.when(which < 0.70).then("phone").when(which < 0.80).then("home_phone").otherwise(others)


_COLUMNS = ("family", "given", "phone", "email", "account", "company", "city", "birthday", "address")


def _told(name: str, missing: float, value: pl.Expr | None = None) -> pl.Expr:
    """The value, in all but `missing` of the records."""
    return pl.when(pl.col(f"by_{name}") > missing).then(pl.col(name) if value is None else value)


def _mistyped(value: pl.Expr, often: float, name: str) -> pl.Expr:
    """The value, `often` with one digit mistaken, half of the time, or with two transposed."""
    at = pl.col("place") % (value.str.len_chars().cast(pl.Int64) - 1)
    before, after = value.str.slice(0, at), value.str.slice(at + 2)
    one, two = value.str.slice(at, 1), value.str.slice(at + 1, 1)
    drawn = pl.col(f"by_{name}_typed")
    mistaken, transposed = before + pl.col("digit") + two + after, before + two + one + after
    return pl.when(drawn < often / 2).then(mistaken).when(drawn < often).then(transposed).otherwise(value)

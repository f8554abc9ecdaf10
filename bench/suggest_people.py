"""Made-up customers for the bench of the suggestions: who they truly are, and how several systems wrote them down.

Takes how many records and a seed; gives a frame with a `Person`'s fields, and `truth`, who each record is of.

The hard mode, all of it on purpose: families that share a phone, a surname and an address; numbers that changed hands and stand with
two strangers; a switchboard's number and a placeholder; a digit or a letter mistyped; day and month swapped; a title for
a name; people of the same name; people who moved.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from huaxiang.generate.words import cities, names

HOUSEHOLDS = 0.35
"""How many people live in families of two to four."""


def people(records: int, seed: int = 7) -> pl.DataFrame:
    """About so many records, of about 0.65 times as many people."""
    chance = np.random.default_rng(seed)
    truth = _people(int(records * 0.65), chance)
    copies = chance.choice([1, 2, 3], size=truth.height, p=[0.57, 0.33, 0.10])
    each = truth.with_columns(copies=pl.Series(copies)).select(pl.all().repeat_by("copies").explode()).drop("copies")
    each = each.head(records).sample(fraction=1.0, shuffle=True, seed=seed)
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
        np.char.add(chance.choice(np.array(known.trade_names), count), chance.choice(first, count)), chance.choice(trade, count)
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
    return np.where(joins, place - back, place) // 1


def _phones(count: int, chance: np.random.Generator) -> np.ndarray:
    """Mobiles in the prefixes that were given out."""
    prefixes = np.array([prefix for city in cities() for prefix in city.prefixes.split()])
    suffixes = np.char.zfill(chance.integers(0, 10_000, count).astype(str), 4)
    return np.char.add(chance.choice(prefixes, count), suffixes)


def _written_down(each: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    """Each person as one system wrote them down."""
    often = {name: pl.Series(name, chance.random(each.height)) for name in ("which", *_COLUMNS, *(f"{n}_typed" for n in _COLUMNS))}
    each = each.with_columns(
        *(series.alias(f"by_{name}") for name, series in often.items()),
        place=pl.Series(chance.integers(0, 1_000, each.height)),
        digit=pl.Series(chance.integers(0, 10, each.height)).cast(pl.String),
        letter=pl.Series(chance.choice(np.array(list("伟薇辉慧洁杰婷庭莉丽健建")), each.height)),
    )
    which = pl.col("by_which")
    phone = (
        pl.when(which < 0.70).then("phone").when(which < 0.80).then("home_phone").when(which < 0.92).then("second_phone")
        .when(which < 0.95).then("recycled").when(which < 0.98).then(pl.lit("02161234567")).otherwise(pl.lit("13800138000"))
    )  # fmt: skip
    place = pl.col("place")
    given = pl.col("given")
    year, month, day = (pl.col("birthday").str.slice(start, size) for start, size in ((0, 4), (5, 2), (8, 2)))
    titled = pl.col("by_family_typed") < 0.08
    return each.select(
        "truth",
        family=_told("family", 0.03),
        given=pl.when(~titled).then(_told("given", 0.06, pl.when(pl.col("by_given_typed") < 0.05).then(
            given.str.slice(0, given.str.len_chars() - 1) + pl.col("letter")).otherwise(given))),
        phones=pl.concat_list(pl.when(pl.col("by_phone") > 0.10).then(_mistyped(phone, place, 0.05, "phone"))).list.drop_nulls(),
        emails=pl.concat_list(pl.when(pl.col("by_email") > 0.60).then(_mistyped(pl.col("email"), place, 0.04, "email"))).list.drop_nulls(),
        accounts=pl.concat_list(pl.when(pl.col("by_account") > 0.80).then("account")).list.drop_nulls(),
        company=_told("company", 0.6, pl.when(pl.col("by_company_typed") < 0.3).then(
            pl.col("company").str.replace("有限公司", "")).otherwise("company")),
        city=_told("city", 0.2),
        birthday=_told("birthday", 0.45, pl.when(pl.col("by_birthday_typed") < 0.03).then(year + day + month)
            .when(pl.col("by_birthday_typed") < 0.06).then(_mistyped(year + month + day, place, 1.0, "birthday"))
            .otherwise(year + month + day)),
        address=_told("address", 0.5, pl.when(pl.col("by_address_typed") < 0.2).then(
            pl.col("address").str.replace("室", "")).otherwise("address")),
    )  # fmt: skip


_COLUMNS = ("family", "given", "phone", "email", "account", "company", "city", "birthday", "address")


def _told(name: str, missing: float, value: pl.Expr | None = None) -> pl.Expr:
    """The value, in all but `missing` of the records."""
    return pl.when(pl.col(f"by_{name}") > missing).then(pl.col(name) if value is None else value)


def _mistyped(value: pl.Expr, place: pl.Expr, often: float, name: str) -> pl.Expr:
    """The value, `often` with one digit mistaken, half of the time, or with two transposed."""
    at = place % (value.str.len_chars().cast(pl.Int64) - 1)
    before, one, two, after = value.str.slice(0, at), value.str.slice(at, 1), value.str.slice(at + 1, 1), value.str.slice(at + 2)
    drawn = pl.col(f"by_{name}_typed")
    return (
        pl.when(drawn < often / 2).then(before + pl.col("digit") + two + after)
        .when(drawn < often).then(before + two + one + after).otherwise(value)
    )  # fmt: skip

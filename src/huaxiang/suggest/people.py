"""Customers -> the table that is compared: what each is called, where each can be reached, in one spelling.

Takes `Person`s, or a frame with their fields; gives a frame with the columns `COLUMNS`, and the blocks in which
customers meet. Nothing is looked up and nothing is judged here, only spelt alike.

Rule 1: a Chinese name is its characters: the surname is the first one, or one of the two-character surnames; a title
    (先生, 女士, 总) is no part of it, and alone with a surname it leaves the given name unknown.
Rule 2: other names part at the last blank; what stands before it is given.
Rule 3: phones are digits without the country's code; birthdays are eight digits; a company goes without its legal form,
    a city without its province.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import polars as pl

from huaxiang.suggest.blocks import Block, Key
from huaxiang.suggest.columns import LISTS, Column

if TYPE_CHECKING:
    from collections.abc import Iterable


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one customer. `name` whole, or in parts. `accounts`: official accounts, devices, groups."""

    id: int
    name: str | None = None
    family: str | None = None
    given: str | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    company: str | None = None
    city: str | None = None
    birthday: str | None = None
    address: str | None = None


COLUMNS: Final = (
    Column("family", "name", partner="given", shared=True),
    Column("given", "name", partner="family"),
    Column("phones", "numbers", shared=True),
    Column("emails", "texts"),
    Column("accounts", "words"),
    Column("company", "text", shared=True),
    Column("city", "word", shared=True),
    Column("birthday", "date"),
    Column("address", "text", shared=True),
)
"""What of a person is compared, and how."""

BLOCKS: Final = (
    Block((Key("phones"),)),
    Block((Key("emails"),)),
    Block((Key("accounts"), Key("given"))),
    Block((Key("family"), Key("given")), unordered=True),
    Block((Key("family"), Key("given"), Key("city"))),
    Block((Key("phones", "first", 7), Key("given"))),
    Block((Key("phones", "last", 4), Key("given"))),
    Block((Key("phones", "last", 4), Key("family"), Key("city"))),
    Block((Key("birthday"), Key("given"))),
    Block((Key("birthday"), Key("family"))),
    Block((Key("birthday"), Key("phones", "last", 4))),
    Block((Key("company"), Key("given"))),
    Block((Key("company"), Key("family"), Key("city"))),
    Block((Key("address"), Key("given"))),
    Block((Key("address"), Key("family"))),
)
"""Where two customers meet. A digit astray in a number leaves its first seven or its last four as they were."""

_TITLES: Final = "(先生|女士|小姐|太太|老师|师傅|经理|总监|主任|医生|总|姐|哥)$"
_DOUBLE: Final = (
    "^(欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|端木|长孙|宇文|轩辕|夏侯|南宫|独孤|呼延|申屠|百里|东郭|"
    "闻人|澹台|赫连|钟离|鲜于|闾丘|司空|公羊|太史|万俟|淳于|单于|濮阳|宗政|拓跋|完颜|西门)"
)
_CHINESE: Final = r"^[\u3400-\u9fff·]+$"
_LEGAL_FORM: Final = "(股份|有限|责任|集团|总公司|分公司|公司|co\\.?,? ?ltd\\.?|inc\\.?|llc)+$"
_FIELDS: Final = {column.name: pl.List(pl.String) if column.kind in LISTS else pl.String for column in COLUMNS}


def frame_of(people: Iterable[Person]) -> pl.DataFrame:
    """The people as a frame, a row each, as they are."""
    rows = [msgspec.structs.asdict(person) for person in people]
    return pl.DataFrame(rows, schema={"id": pl.Int64, "name": pl.String, **_FIELDS}, orient="row")


def spelt(people: pl.DataFrame) -> pl.DataFrame:
    """A frame with an `id` and any of a person's fields -> `id` and `COLUMNS`, spelt alike; absent fields are null."""
    absent = {"name": pl.String, **_FIELDS}
    whole = people.with_columns(
        [pl.lit(None, dtype=kind).alias(name) for name, kind in absent.items() if name not in people.columns]
    )
    family, given = _parted(_plain("name"))
    return whole.select(
        "id",
        pl.coalesce(_plain("family"), family).alias("family"),
        pl.coalesce(_plain("given"), given).alias("given"),
        pl.col("phones").list.eval(_digits(pl.element()).str.replace(r"^(0086|86)(1\d{10})$", "$2")),
        pl.col("emails").list.eval(pl.element().str.strip_chars().str.to_lowercase()),
        pl.col("accounts"),
        _plain("company").str.replace_all(" ", "").str.replace(_LEGAL_FORM, ""),
        _plain("city").str.split("-").list.last().str.replace("市$", ""),
        _birthday(),
        _plain("address").str.replace_all(r"\s", ""),
    )


def _plain(name: str) -> pl.Expr:
    """A text in its plainest form: half-width, lower-case, without blanks around it."""
    return pl.col(name).str.normalize("NFKC").str.strip_chars().str.to_lowercase().alias(name)


def _parted(name: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """A whole name -> family and given; see rules 1 and 2."""
    chinese = name.str.contains(_CHINESE)
    bare = name.str.replace(_TITLES, "")
    length = pl.when(bare.str.contains(_DOUBLE) & (bare.str.len_chars() > 2)).then(2).otherwise(1)  # noqa: PLR2004 -- characters
    family, given = bare.str.slice(0, length), bare.str.slice(length)
    last = name.str.extract(r"(\S+)$")
    before = name.str.extract(r"^(.*\S)\s+\S+$")
    return _filled(pl.when(chinese).then(family).otherwise(last)), _filled(
        pl.when(chinese).then(given).otherwise(before)
    )


def _filled(value: pl.Expr) -> pl.Expr:
    """The value, or null where there is nothing in it."""
    return pl.when(value != "").then(value)


def _digits(value: pl.Expr) -> pl.Expr:
    """The digits alone; null without any."""
    return _filled(value.str.normalize("NFKC").str.replace_all(r"\D", ""))


def _birthday() -> pl.Expr:
    """Eight digits, or null: a birthday without its year, or a time with it, is cut or left."""
    digits = _digits(pl.col("birthday")).str.slice(0, 8)
    return pl.when(digits.str.len_chars() == 8).then(digits).alias("birthday")  # noqa: PLR2004 -- YYYYMMDD

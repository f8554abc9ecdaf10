"""Suggestions: which pairs are compared, what is learnt from them, and what is said of them."""

from __future__ import annotations

from itertools import combinations
from math import log2
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("splink", reason="the extra `suggest` is not installed")

from huaxiang.suggest import Person, Settings, Suggestion, find, score, study, suggestions
from huaxiang.suggest.blocks import Block, Key, pairs, unpacked
from huaxiang.suggest.columns import Column, first_weights, levels_of
from huaxiang.suggest.learn import COUNT, Evidence, learn
from huaxiang.suggest.people import COLUMNS, frame_of, spelt

FAMILIES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
FIRST = "建国志文俊子浩宇泽家明海天嘉晓永振春正宏立少景博铭承思逸梓奕秀桂玉淑美雅丽佳梦雨欣诗婉紫"
SECOND = "华军伟强平辉峰林波涛轩杰龙飞鹏斌民东生宁阳然博豪源航凯睿晨瑞英兰珍芳梅琴云莲霞娟玲红燕萍涵怡"


# ── spelling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "family", "given_name"),
    [
        ("张伟明", "张", "伟明"),
        ("欧阳修", "欧阳", "修"),
        ("单于", "单", "于"),
        ("王先生", "王", None),
        ("李总", "李", None),
        ("陈小姐", "陈", None),
        ("John van Dyke", "dyke", "john van"),
        ("Madonna", "madonna", None),
        ("张 ", "张", None),
    ],
)
def test_a_whole_name_parts_into_surname_and_given_name(name: str, family: str, given_name: str | None) -> None:
    alike = spelt(frame_of([Person(id=1, name=name)]))
    assert alike.select("family", "given").row(0) == (family, given_name)


def test_one_spelling_for_phones_birthdays_companies_cities_and_addresses() -> None:
    one = Person(
        id=1,
        phones=("+86 139-1234-5678", "013912345678"),
        emails=(" A@Example.com",),
        company="恒信科技股份有限公司",
        city="江苏省-苏州市",
        birthday="1980-03-04T00:00:00",
        address="人民路 1２ 号",
    )
    alike = spelt(frame_of([one])).row(0, named=True)
    assert alike["phones"] == ["13912345678", "013912345678"]
    assert alike["emails"] == ["a@example.com"]
    told = [alike[name] for name in ("company", "city", "birthday", "address")]
    assert told == ["恒信科技", "苏州", "19800304", "人民路12号"]


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_RECORDS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from(["a", "bb", "cc", None]),
        st.lists(st.sampled_from("xyz"), max_size=2),
        st.integers(0, 1),
    ),
    min_size=2,
    max_size=12,
)


@given(records=_RECORDS, across=st.booleans())
def test_pairs_are_those_that_share_a_key_once_each(
    records: list[tuple[str | None, str | None, list[str], int]], across: bool
) -> None:
    table = pl.DataFrame(
        [(row, *record) for row, record in enumerate(records)],
        schema={"row": pl.Int64, "one": pl.String, "two": pl.String, "many": pl.List(pl.String), "source": pl.Int64},
        orient="row",
    )
    blocks = [
        Block((Key("one"), Key("many"))),
        Block((Key("two", "last", 2),)),
        Block((Key("one"), Key("two")), unordered=True),
    ]
    packed = pairs(table if across else table.drop("source"), blocks, budget=10_000, most_sharing=100)
    found = unpacked(packed).rows()
    expected = {
        (i, j) if not across or records[i][3] < records[j][3] else (j, i)
        for i, j in combinations(range(len(records)), 2)
        if _share(records[i], records[j]) and (not across or records[i][3] != records[j][3])
    }
    assert len(found) == len(set(found))
    assert set(found) == expected


def _share(
    left: tuple[str | None, str | None, list[str], int], right: tuple[str | None, str | None, list[str], int]
) -> bool:
    """The three blocks of the test above, in plain words."""
    first = left[0] is not None and left[0] == right[0] and bool(set(left[2]) & set(right[2]))
    second = left[1] is not None and len(left[1]) == 2 and left[1] == right[1]
    both = (left[0], left[1], right[0], right[1])
    third = None not in both and {left[:2], left[1::-1]} >= {right[:2]}
    return first or second or third


def test_a_value_that_everybody_holds_pairs_nobody() -> None:
    table = pl.DataFrame({"row": range(1000), "phone": ["13800138000"] * 1000})
    assert pairs(table, [Block((Key("phone"),))], budget=10**9, most_sharing=50).is_empty()


def test_a_block_gives_no_more_pairs_than_its_budget_the_smallest_groups_first() -> None:
    table = pl.DataFrame({"row": range(30), "word": ["twice"] * 2 + ["often"] * 28})
    found = pairs(table, [Block((Key("word"),))], budget=100, most_sharing=50)
    assert unpacked(found).rows() == [(0, 1)]


# ── learning ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_TAUGHT = (Column("one", "words"), Column("two", "words"), Column("three", "words"), Column("four", "words"))


def test_how_matches_and_strangers_agree_is_learnt_without_labels() -> None:
    chance = Random(4)  # noqa: S311 -- made-up data, not a secret
    same_if_match, same_by_chance = (0.95, 0.8, 0.7, 0.9), (0.01, 0.02, 0.005, 0.1)

    def pattern(rates: tuple[float, ...]) -> list[int]:
        return [int(chance.random() < rate) for rate in rates]

    schema = {column.name: pl.Int64 for column in _TAUGHT}
    strangers = pl.DataFrame([pattern(same_by_chance) for _ in range(200_000)], schema=schema, orient="row")
    matches = pl.DataFrame([pattern(same_if_match) for _ in range(2_000)], schema=schema, orient="row")
    every = pl.concat([strangers, matches])
    agreeing = every.filter(pl.any_horizontal(pl.all() == 1))
    at_random, compared = (frame.group_by(pl.all()).agg(pl.len().alias(COUNT)) for frame in (every, agreeing))
    learnt = learn(_TAUGHT, Evidence(compared, at_random, 1.0, 202_000, {}))
    assert learnt.matches == pytest.approx(2_000, rel=0.05)
    for column, m, u in zip(_TAUGHT, same_if_match, same_by_chance, strict=True):
        assert learnt.weights[column.name].m[0] == pytest.approx(m, abs=0.03)
        assert learnt.weights[column.name].u[0] == pytest.approx(u, rel=0.1)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_before_anything_is_learnt_the_shares_of_a_column_add_up(column: Column) -> None:
    weights = first_weights(column)
    assert sum(weights.m) == pytest.approx(1)
    assert sum(weights.u) == pytest.approx(1)
    assert len(weights.m) == len(weights.u) == len(levels_of(column))


# ── suggestions ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _strangers(count: int, seed: int = 1) -> list[Person]:
    """People of whom no two are one, each with a number, a city, and mostly a birthday."""
    chance = Random(seed)  # noqa: S311 -- as above
    return [
        Person(
            id=number,
            name=chance.choice(FAMILIES) + chance.choice(FIRST) + chance.choice(SECOND),
            phones=(f"1{chance.choice('3578')}{chance.randrange(10**9):09d}",),
            city=f"城{chance.randrange(60)}",
            birthday=f"{chance.randrange(1950, 2005)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}",
        )
        for number in range(1, count + 1)
    ]


def _said(found: list[Suggestion], one: int, other: int) -> dict[str, str]:
    """What the columns of one suggestion say."""
    return next({part.column: part.says for part in it.parts} for it in found if (it.one, it.other) == (one, other))


def test_a_digit_astray_and_a_swapped_birthday_are_seen_through() -> None:
    strangers = _strangers(2000)
    known = Person(id=9001, name="欧阳晓燕", phones=("13912345678",), city="江苏-苏州", birthday="1980-03-04")
    again = Person(id=9002, name="欧阳晓燕", phones=("13912345687",), city="苏州市", birthday="1980-04-03")
    found = score([*strangers, known, again])
    said = _said(found, 9001, 9002)
    assert said["phones"] == "one digit astray"
    assert said["birthday"] == "day and month swapped"
    assert said["given"] == said["family"] == said["city"] == "same"


def test_swapped_given_name_and_surname_are_seen_through() -> None:
    straight = Person(id=9001, family="Dreyer", given="Jinni", emails=("jd@example.com",), birthday="1980-03-04")
    swapped = Person(id=9002, family="Jinni", given="Dreyer", birthday="1980-03-04")
    found = score([*_strangers(500), straight, swapped])
    assert _said(found, 9001, 9002)["family"] == "swapped"


def test_strangers_are_hardly_ever_suggested() -> None:
    assert len(score(_strangers(5000))) <= 5


def test_a_family_that_shares_phone_surname_and_address_is_not_one_person() -> None:
    chance = Random(2)  # noqa: S311 -- as above
    people: list[Person] = []
    for home in range(600):
        surname, phone = chance.choice(FAMILIES), f"139{home:08d}"
        members = [
            Person(
                id=home * 10 + member,
                family=surname,
                given=chance.choice(FIRST) + chance.choice(SECOND),
                phones=(phone,),
                birthday=f"{chance.randrange(1950, 2005)}{chance.randrange(1, 13):02d}{chance.randrange(1, 29):02d}",
                address=f"人民路{home}号",
                city=f"城{home % 40}",
            )
            for member in range(3)
        ]
        again = members[2]
        people += members
        people.append(
            Person(id=home * 10 + 9, family=surname, given=again.given, phones=(phone,), birthday=again.birthday)
        )
    found = {(it.one, it.other) for it in score(people)}
    true = {(home * 10 + 2, home * 10 + 9) for home in range(600)}
    assert len(found & true) >= 590
    assert len(found - true) <= 10


def test_the_weights_of_the_parts_and_of_any_two_customers_add_up_to_a_suggestions_own() -> None:
    strangers = _strangers(300)
    copies = [Person(id=1000 + one.id, name=one.name, phones=one.phones, city=one.city) for one in strangers[:60]]
    findings = study([*strangers, *copies])
    start = log2(findings.learnt.chance / (1 - findings.learnt.chance))
    found = suggestions(findings, COLUMNS)
    assert len(found) >= 55
    for it in found:
        assert sum(part.weight for part in it.parts) + start == pytest.approx(it.weight, abs=0.01)
        assert it.probability == pytest.approx(1 / (1 + 2**-it.weight))
        assert it.one < it.other


def test_a_rare_name_weighs_more_than_a_common_one() -> None:
    people = [Person(id=number, name="王" + name, birthday="1980-03-04") for number, name in enumerate(["伟明"] * 30)]
    people += [Person(id=100 + number, name="欧阳晓燕", birthday="1980-03-04") for number in range(2)]
    people += [*(Person(id=1000 + one.id, name=one.name, birthday=one.birthday) for one in _strangers(2000))]
    found = score(people, settings=Settings(least_probability=0.0))
    weights = {(it.one, it.other): {part.column: part.weight for part in it.parts} for it in found}
    assert weights[100, 101]["family"] > weights[0, 1]["family"]
    assert weights[100, 101]["given"] > weights[0, 1]["given"]


def test_the_same_customers_in_another_order_give_the_same_suggestions() -> None:
    people = _strangers(800)
    people += [Person(id=5000 + one.id, name=one.name, phones=one.phones) for one in people[:100]]
    shuffled = Random(3).sample(people, len(people))  # noqa: S311 -- as above
    assert score(people) == score(shuffled)


def test_a_switchboards_number_is_no_evidence() -> None:
    people = [Person(id=one.id, name=one.name, phones=("02161234567",), city=one.city) for one in _strangers(300)]
    found = study(people, settings=Settings(least_probability=0.0)).pairs
    assert set(found["phones"].to_list()) <= {-1} if "phones" in found.columns else True


@pytest.mark.parametrize(
    "people",
    [
        [],
        [Person(id=1)],
        [Person(id=1, name="张伟明")],
        [Person(id=1), Person(id=2)],
        [Person(id=n, city="苏州") for n in range(80)],
    ],
    ids=["nobody", "nobody known", "one", "two of whom nothing is known", "only a city"],
)
def test_where_there_is_nothing_to_say_nothing_is_said(people: list[Person]) -> None:
    assert score(people) == []


def test_two_customers_can_be_a_suggestion_where_there_is_nothing_to_learn_from() -> None:
    one = Person(id=1, name="欧阳晓燕", phones=("13912345678",), birthday="1980-03-04")
    other = Person(id=2, name="欧阳晓燕", phones=("13912345679",), birthday="1980-03-04")
    assert [(it.one, it.other) for it in score([one, other])] == [(1, 2)]


def test_between_two_sources_each_record_matches_one_at_most() -> None:
    names = [one.name for one in _strangers(200)]
    table = pl.DataFrame(
        {
            "id": range(402),
            "source": [0] * 200 + [1] * 202,
            "given": [*names, *names, names[0], names[1]],
            "day": [f"1980{n:04d}" for n in [*range(200), *range(200), 0, 1]],
        }
    )
    columns = (Column("given", "name"), Column("day", "date"))
    every, single = (
        find(table, columns, settings=Settings(one_to_one=one_to_one)).pairs for one_to_one in (False, True)
    )
    assert every["one"].n_unique() < every.height
    assert single["one"].n_unique() == single["other"].n_unique() == single.height
    assert every["one"].max() == 199


def test_a_column_that_is_no_plain_word_is_refused() -> None:
    with pytest.raises(ValueError, match="lower-case"):
        Column("name; --", "name")

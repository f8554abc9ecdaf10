"""What sources may say, drawn by Hypothesis from alphabets so small that everything collides with everything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from huaxiang.model import (
    Amendment,
    AnyFact,
    Call,
    Company,
    Fact,
    Interaction,
    Limits,
    Link,
    Mark,
    Mention,
    Origin,
    Record,
    Step,
    Subscription,
    TenantSettings,
    Trait,
    Transcript,
    Utterance,
)

Cut: TypeAlias = tuple[Mention, datetime]

NAMES: list[str | None] = ["1", "2", "3", None]
# Around midnights of Shanghai, so that days are told apart; one without a zone, which is the tenant's.
TIMES = [datetime(2021, 3, 1, 12, tzinfo=UTC) + timedelta(hours=hours) for hours in (0, 3, 5, 24, 480)]
NAIVE = datetime(2021, 3, 2, 0, 0)  # noqa: DTZ001 (it is meant: a source that tells no zone)
SPELLINGS = [
    Mention("phone", "13900000001"),
    Mention("phone", "+86 139-0000-0001"),
    Mention("phone", "13900000002"),
    Mention("phone", "13900000003"),
    Mention("unionid", "u1"),
    Mention("unionid", "u2"),
    Mention("openid", " o1", scope="app"),
    Mention("openid", "o1", scope="app"),
    Mention("crm_id", "c1", scope="e"),
    Mention("email", "A@example.cn"),
    Mention("phone", "13800138000"),  # a placeholder, which identifies nobody
    Mention("phone", "123"),  # no valid number, so a raw one
]
ABOUT: list[dict[str, str | int]] = [{}, {}, {}, {"platform": 1}, {"platform": 2, "app": "x"}]
VALUES = st.sampled_from([None, True, 1, 2.5, "x", "画像", [1, None], {"b": {"a": None}}])


@st.composite
def mentioned(draw: st.DrawFn) -> Mention:
    """One of the spellings, verified or not, with or without particulars."""
    spelled = draw(st.sampled_from(SPELLINGS))
    return msgspec.structs.replace(spelled, verified=draw(st.booleans()), about=draw(st.sampled_from(ABOUT)))


mentions = mentioned()
some_mentions = st.lists(mentions, min_size=1, max_size=3).map(tuple)
times = st.sampled_from([*TIMES, NAIVE])
origins = st.none() | st.builds(Origin, channel=st.sampled_from([None, 1]), channel_name=st.sampled_from([None, "n"]))
cuts = st.tuples(st.sampled_from(SPELLINGS), st.sampled_from(TIMES))


def said(**more: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """The fields that every fact has. Without an id, a fact is keyed by its content."""
    return {
        "source": st.sampled_from(["crm", "web"]),
        "enterprise": st.sampled_from(["", "e"]),
        "id": st.sampled_from(NAMES),
        "at": times,
        "updated_at": st.sampled_from([None, None, *TIMES[:2]]),
        "created_at": st.sampled_from([None, None, *TIMES[:2]]),
        "identifiers": some_mentions,
        "traits": st.dictionaries(st.sampled_from(["name", "city"]), VALUES, max_size=2),
        "origin": origins,
    } | more


call_names: dict[str, st.SearchStrategy[Any]] = {
    "source": st.just("crm"),
    "enterprise": st.just("e"),
    "call": st.sampled_from(["1", "2"]),
    "identifiers": st.just(()),
    "traits": st.just({}),
    "origin": st.none(),
}
utterances = st.builds(
    Utterance, st.sampled_from(["好", ""]), st.sampled_from([0, 10, 20]), channel=st.sampled_from([0, 1])
)
counts = st.sampled_from([None, 0, 7, 60])


def calls_named(names: list[str | None]) -> st.SearchStrategy[Call]:
    more = said(
        source=st.just("crm"), enterprise=st.just("e"), id=st.sampled_from(names), duration=counts, rounds=counts
    )
    return st.builds(Call, **more, city=st.sampled_from([None, "北京-北京"]))


def transcripts_named(names: list[str | None]) -> st.SearchStrategy[Transcript]:
    more = said(**call_names, id=st.sampled_from(names), side=st.sampled_from([None, "agent", "client"]))
    return st.builds(Transcript, **more, utterances=st.lists(utterances, max_size=3).map(tuple))


def marks_named(names: list[str | None]) -> st.SearchStrategy[Mark]:
    labels = {"type": st.just("意向"), "name": st.sampled_from(["高", "低"]), "second": counts}
    more = said(**call_names, **labels, id=st.sampled_from(names))
    return st.builds(Mark, **more, by=st.sampled_from(["check", "person"]), deleted=st.booleans())


def amendments_named(names: list[str | None]) -> st.SearchStrategy[Amendment]:
    more = said(**call_names, id=st.sampled_from(names))
    return st.builds(Amendment, **more, details=st.dictionaries(st.just("priority"), VALUES))


interactions = st.builds(
    Interaction,
    **said(type=st.sampled_from(["view", "share"]), account=st.sampled_from([None, "gh"])),
    upstream=st.none() | st.sampled_from(SPELLINGS),
)
profiles = st.builds(Trait, **said())
subscriptions = st.builds(Subscription, **said(account=st.just("gh")), followed=st.booleans())
crm_records = st.builds(
    Record,
    **said(record=st.sampled_from(["r1", "r2"]), details=st.dictionaries(st.just("name"), VALUES)),
    deleted=st.booleans(),
)
crm_steps = st.builds(
    Step,
    **said(
        record=st.sampled_from(["r1", "r2"]),
        what=st.sampled_from(["follow", "settle", "claim", "release"]),
        owner=st.sampled_from(["", "a"]),
        author=st.sampled_from([None, "me"]),
    ),
    withdrawn=st.booleans(),
)
links = st.builds(
    Link,
    **said(identifiers=st.lists(mentions, min_size=2, max_size=3).map(tuple), author=st.sampled_from([None, "me"])),
    withdrawn=st.sampled_from([False, False, True]),
)
partings = st.builds(
    Link,
    **said(
        identifiers=st.lists(mentions, min_size=1, max_size=2).map(tuple),
        apart_from=st.lists(mentions, min_size=1, max_size=2).map(tuple),
        author=st.sampled_from([None, "me"]),
    ),
    withdrawn=st.sampled_from([False, False, True]),
)

linking: st.SearchStrategy[AnyFact] = st.one_of(links, partings, profiles)
facts: st.SearchStrategy[AnyFact] = st.one_of(
    calls_named(NAMES),
    calls_named(NAMES),
    transcripts_named(NAMES),
    marks_named(NAMES),
    amendments_named(NAMES),
    interactions,
    profiles,
    subscriptions,
    crm_records,
    crm_steps,
    links,
    partings,
)
# Two calls, and one transcript and one mark that go from one to the other and back.
calling: st.SearchStrategy[AnyFact] = st.one_of(
    calls_named(["1", "2"]),
    transcripts_named(["1"]),
    marks_named(["1"]),
    marks_named(["1", "2"]),
    amendments_named(["1"]),
)
limits = st.builds(
    Limits,
    neighbours=st.sampled_from([{"*": 20}, {"*": 1}, {"*": 2}, {"phone": 1, "*": None}, {"phone:unionid": 1}]),
    identifiers=st.sampled_from([{"*": 50}, {"*": 1}, {"phone": 1}, {"*": 2}]),
    customer_size=st.sampled_from([None, 3, 4, 1000]),
)
tenant_settings = st.builds(
    TenantSettings,
    ranks=st.sampled_from([{}, {"web": 1}]),
    blocked=st.sampled_from([(), ("unionid:u1",)]),
    limits=limits,
    companies=st.sampled_from([{}, {"e": Company("子企业", UUID(int=1))}]),
)


def spoiled(kind: type[Fact], **wrong: Any) -> Any:  # noqa: ANN401 (a fact of that kind)
    """A fact that would be good but for what is said here."""
    good: dict[str, Any] = {"source": "crm", "at": TIMES[0], "identifiers": (Mention("unionid", "u1"),)}
    return kind(**{**good, **wrong})


BAD: list[AnyFact] = [
    spoiled(Trait, traits={"name": "\0"}),
    spoiled(Trait, traits={"name": "\ud800"}),
    spoiled(Trait, traits={"n" * 129: 1}),
    spoiled(Trait, traits={"": 1}),
    spoiled(Trait, details={"deep": json.loads("[" * 40 + "]" * 40)}),
    spoiled(Trait, details={"digits": 10**5000}),
    spoiled(Trait, id=""),
    spoiled(Trait, at=datetime(1800, 1, 1, tzinfo=UTC)),
    spoiled(Trait, at=datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))),
    spoiled(Trait, updated_at=datetime(2200, 1, 1, tzinfo=UTC)),
    spoiled(Trait, identifiers=()),
    spoiled(Trait, identifiers=(Mention("email", "nobody"),)),
    spoiled(Trait, identifiers=(Mention("phone", "1.39E+10"),)),
    spoiled(Trait, identifiers=(Mention("unionid", "u" * 257),)),
    spoiled(Interaction, type="view", upstream=Mention("email", "nobody")),
    spoiled(Call, duration=-1),
    spoiled(Call, duration=2**31),
    spoiled(Link),
    spoiled(Link, apart_from=(Mention("unionid", "u1"),)),
]
bad_facts = st.sampled_from(BAD)

"""The Tinet signature, rule by rule, as the head of `signing` numbers them; the vector is the vendor's way to sign."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huaxiang import errors as house
from huaxiang.dialects.tinet import errors, signing

HOST = "smartlink-sqc-openapi-test.tinetcloud.com"
PATH = "/sqc/customerPortrait"
KEY, SECRET = "AKDEMO0001", "demo-secret"
NOW = datetime(2020, 8, 25, 2, 0, 0, tzinfo=UTC)
SIGNED = [
    ("AccessKeyId", KEY),
    ("Expires", "5"),
    ("Timestamp", "2020-08-25T02:00:00Z"),
    ("limit", "10"),
    ("offset", "0"),
]


def reading(
    pairs: list[tuple[str, str]] = SIGNED,
    *,
    host: str = HOST,
    secret: str | None = SECRET,
    clock: signing.Clock = "both",
    now: datetime = NOW,
    signature: str | None = None,
) -> signing.Reading:
    """What the server makes of `pairs`, signed rightly unless a `signature` is given."""
    made = signature or signing.sign(SECRET, "GET", HOST, PATH, pairs)
    claimed = signing.claim([*pairs, ("Signature", made)])
    return signing.verify(claimed, "GET", host, PATH, secret=secret, clock=clock, now=now)


def changed(name: str, value: str) -> list[tuple[str, str]]:
    """The signed pairs with one parameter changed."""
    return [(key, value if key == name else text) for key, text in SIGNED]


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("a b", "a+b"),
        ("A-Z.z*_9", "A-Z.z*_9"),
        ("~", "%7E"),
        ("02:00", "02%3A00"),
        ("意向/高", "%E6%84%8F%E5%90%91%2F%E9%AB%98"),
    ],
)
def test_rule_1_encoding_is_that_of_a_form(text: str, encoded: str) -> None:
    assert signing.enc(text) == encoded


def test_rule_2_the_documented_vector_is_signed_as_the_vendor_signs_it() -> None:
    assert signing.string_to_sign("GET", HOST, PATH, SIGNED) == (
        "GETsmartlink-sqc-openapi-test.tinetcloud.com/sqc/customerPortrait"
        "?AccessKeyId=AKDEMO0001&Expires=5&Timestamp=2020-08-25T02%3A00%3A00Z&limit=10&offset=0"
    )
    assert signing.sign(SECRET, "GET", HOST, PATH, SIGNED) == "AnPoKLAIFjcyD4vqI2CPfgbWabc="


def test_rule_2_the_order_of_the_query_does_not_matter_but_that_of_equal_keys_does() -> None:
    assert signing.sign(SECRET, "GET", HOST, PATH, SIGNED[::-1]) == signing.sign(SECRET, "GET", HOST, PATH, SIGNED)
    assert signing.string_to_sign("GET", HOST, PATH, [("b", "2"), ("B", "3"), ("b", "1")]).endswith("?B=3&b=2&b=1")


@pytest.mark.parametrize(
    ("host", "bare"), [("a.b:8080", "a.b"), ("a.b", "a.b"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("", "")]
)
def test_rule_3_a_host_is_signed_without_its_port(host: str, bare: str) -> None:
    assert signing.bare_host(host) == bare
    assert reading(host=f"{HOST}:8080") == "utc"


@pytest.mark.parametrize("signature", ["AnPoKLAIFjcyD4vqI2CPfgbWabd=", "x", "签名"])
def test_rule_4_another_signature_is_refused(signature: str) -> None:
    with pytest.raises(house.NotAuthenticated):
        reading(signature=signature)


def test_rule_5_a_query_is_decoded_so_that_unescaped_characters_pass() -> None:
    raw = b"AccessKeyId=AKDEMO0001&Expires=5&Timestamp=2020-08-25T02:00:00Z&limit=10&&offset=0"
    assert signing.decode_query(raw) == SIGNED
    assert signing.decode_query("a=b+c%2B&意=%E6%84%8F&d&=e".encode()) == [
        ("a", "b c+"),
        ("意", "意"),
        ("d", ""),
        ("", "e"),
    ]


@pytest.mark.parametrize("query", [b"a=%", b"a=%4", b"a=%zz", b"%=1", b"a=%FF", b"a=\xff", b"a=%ED%A0%80"])
def test_rule_5_what_is_not_form_encoded_utf_8_is_invalid(query: bytes) -> None:
    with pytest.raises(house.InputInvalid):
        signing.decode_query(query)


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8")))))
def test_rule_5_decoding_is_the_inverse_of_encoding(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{signing.enc(key)}={signing.enc(value)}" for key, value in pairs)
    assert signing.decode_query(query.encode()) == pairs


texts = st.text("aZ09.-*_ ~+&=%:/é高\0😀", max_size=6)
raw_pieces = st.one_of(
    st.tuples(texts, texts).map(lambda pair: f"{signing.enc(pair[0])}={signing.enc(pair[1])}"),
    st.text("aZ9.*_-+%=~:25EFef高 ", max_size=8),
    st.sampled_from(
        ["", "a", "=", "a=b=c", "%41=1", "%7e=1", "%7E=1", "a=%20", "Signature=x%3D", "Signature=", "Sig=1"]
    ),
)


@given(st.lists(raw_pieces, max_size=6).map("&".join))
def test_rule_5_a_query_that_is_taken_as_it_came_is_what_decoding_and_encoding_makes_of_it(raw: str) -> None:
    query = raw.encode()
    taken = signing.in_order(query)
    try:
        made = signing.string_to_sign("GET", HOST, PATH, signing.decode_query(query))
    except house.InputInvalid:
        return  # such a query is refused before its signature is looked at
    if taken is not None:
        assert f"GET{HOST}{PATH}?{taken.decode()}" == made


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6))
def test_rule_5_a_query_as_the_vendor_s_clients_encode_it_is_taken_as_it_came(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{signing.enc(key)}={signing.enc(value)}" for key, value in pairs)
    taken = signing.in_order(query.encode())
    assert taken is not None
    assert f"GET{HOST}{PATH}?{taken.decode()}" == signing.string_to_sign("GET", HOST, PATH, pairs)


SIGNATURE = "AnPoKLAIFjcyD4vqI2CPfgbWabc%3D"


def one_of(usual: str, *others: str) -> st.SearchStrategy[str]:
    """A piece that is mostly the usual one."""
    return st.sampled_from([usual] * 4 * len(others) + [*others])


@st.composite
def raw_queries(draw: st.DrawFn) -> bytes:
    """Raw queries: as clients send them, or next to that in any way."""
    key = draw(one_of(KEY, "a.b*_-", "%41K", "", "a%20b", "a b", "x" * 129, "钥匙"))
    expires = draw(one_of("5", "604800", "05", "604801", "0", "1000000", "%35", "", "٥"))
    time = "2020-08-25T02%3A00%3A00Z"
    stamp = draw(
        one_of(time, time.replace("%3A", ":"), time.replace("%3A", "%3a"), "2020-02-30T02%3A00%3A00Z", time[:-1])
    )
    signature = draw(one_of(SIGNATURE, "An+/KLAIFjcyD4vqI2CPfgbWabc%3D", "An%2B%2FKLAIFjcyD4vqI2CPfgbWabc%3D", "x", ""))
    good = ["customerNumber=13900000000", "limit=10", "offset=0", "portraits=%E6%84%8F%2F+a", "Version=1", "a=1", "a=2"]
    odd = ["customerNumber=1%2C+2", "customerNumber=", "portraits=意", "portraits=a%20b", "Unknown=1", "Expires=5",
           "Signature=x", "a", "a=b=c", "=", "", "b=%FF", "b=%ED%A0%80", "b=%7E", "b=~", "b=%7e", "b=%", "b1=1",
           "b%41=1", "%62=1", f"Signature={SIGNATURE}"]  # fmt: skip
    business = draw(st.lists(st.sampled_from(good), max_size=3)) + draw(st.lists(st.sampled_from(odd), max_size=1))
    if draw(st.booleans()):
        business.sort(key=lambda piece: piece.partition("=")[0])
    pieces = [f"AccessKeyId={key}", f"Expires={expires}", f"Timestamp={stamp}", *business]
    for place in draw(st.sampled_from([[-1], [2], [-1], [2], [0], [2, -1]])):
        pieces.insert(place if place >= 0 else len(pieces), f"Signature={signature}")
    if draw(st.integers(0, 9)) == 0:
        pieces = draw(st.permutations(pieces))
    if draw(st.integers(0, 9)) == 0:
        pieces.pop(draw(st.integers(0, len(pieces) - 1)))
    return "&".join(pieces).encode()


def outcome(way: Callable[[bytes], object], query: bytes) -> object:
    """What a way makes of a query, or how it refuses it."""
    try:
        return way(query)
    except house.Refused as refused:
        return type(refused), refused.field, refused.reason


@settings(max_examples=1000)
@given(st.one_of(raw_queries(), st.lists(raw_pieces, max_size=6).map(lambda pieces: "&".join(pieces).encode())))
def test_rule_5_what_is_read_by_sight_is_what_is_read_at_length(query: bytes) -> None:
    assert outcome(signing.read, query) == outcome(signing.at_length, query)
    seen = outcome(signing.by_sight, query)
    if seen is not None:
        assert seen == outcome(signing.at_length, query)


@given(raw_queries())
def test_rule_5_what_counts_as_signed_is_what_decoding_and_encoding_makes_of_the_query(query: bytes) -> None:
    try:
        claimed, _ = signing.read(query)
    except house.Refused:
        return
    made = signing.string_to_sign("GET", HOST, PATH, signing.decode_query(query))
    assert f"GET{HOST}{PATH}?{claimed.signed.decode()}" == made


values = st.dictionaries(
    st.sampled_from(["customerNumber", "limit", "offset", "portraits", "Version"]),
    st.text(st.characters(codec="utf-8"), max_size=8),
)


@given(values, st.booleans(), st.booleans())
def test_rule_5_a_query_as_clients_send_it_is_read_by_sight_and_passes(
    more: dict[str, str],
    is_last: bool,
    is_right: bool,
) -> None:
    pairs = sorted([("AccessKeyId", KEY), ("Expires", "5"), ("Timestamp", "2020-08-25T02:00:00Z"), *more.items()])
    made = signing.sign(SECRET if is_right else "another", "GET", HOST, PATH, pairs)
    sent = [*pairs, ("Signature", made)] if is_last else sorted([*pairs, ("Signature", made)])
    query = "&".join(f"{signing.enc(key)}={signing.enc(value)}" for key, value in sent).encode()
    seen = signing.by_sight(query)
    assert seen is not None
    claimed, business = seen
    assert business == sorted(more.items())
    if is_right:
        assert signing.verify(claimed, "GET", HOST, PATH, secret=SECRET, clock="both", now=NOW) == "utc"
    else:
        with pytest.raises(house.NotAuthenticated):
            signing.verify(claimed, "GET", HOST, PATH, secret=SECRET, clock="both", now=NOW)


@pytest.mark.parametrize("name", ["AccessKeyId", "Signature", "Expires", "Timestamp"])
def test_rule_6_each_parameter_of_the_signature_is_required_and_comes_once(name: str) -> None:
    whole = [*SIGNED, ("Signature", "x")]
    for pairs in ([pair for pair in whole if pair[0] != name], [(key, "" if key == name else v) for key, v in whole]):
        with pytest.raises(house.InputMissing) as missing:
            signing.claim(pairs)
        assert missing.value.field == name
    with pytest.raises(house.InputInvalid) as twice:
        signing.claim([*whole, (name, "1")])
    assert twice.value.field == name


@pytest.mark.parametrize("expires", ["0", "604801", "-5", "5.0", "५", "9999999999", "five"])
def test_rule_6_expires_is_a_number_of_seconds_up_to_a_week(expires: str) -> None:
    with pytest.raises(house.InputInvalid, match="Expires"):
        reading(changed("Expires", expires))


@pytest.mark.parametrize(
    "timestamp",
    [
        "2020-08-25 02:00:00",
        "2020-08-25T02:00:00",
        "2020-02-30T02:00:00Z",
        "2020-08-25T24:00:00Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_rule_6_a_timestamp_has_one_form(timestamp: str) -> None:
    with pytest.raises(house.InputInvalid, match="Timestamp"):
        reading(changed("Timestamp", timestamp))


def test_rule_7_an_unknown_key_is_told_just_what_a_wrong_signature_is_even_when_it_is_late() -> None:
    late = NOW + timedelta(days=1)
    told: list[tuple[int, bytes]] = []
    for secret, signature in ((None, None), (SECRET, "x")):
        with pytest.raises(house.NotAuthenticated) as refused:
            reading(secret=secret, signature=signature, now=late)
        told.append(errors.answer(refused.value, request_id="r"))
    assert told[0] == told[1]


@pytest.mark.parametrize("name", ["a\0b", "钥匙", "x" * 129, "a b"])
def test_rule_7_what_can_t_be_a_key_s_id_is_an_unknown_key(name: str) -> None:
    with pytest.raises(house.NotAuthenticated):
        reading(changed("AccessKeyId", name))


@pytest.mark.parametrize("clock", ["both", "utc", "shanghai"])
@pytest.mark.parametrize("sent", ["utc", "shanghai"])
def test_rule_8_a_key_s_clock_says_which_readings_pass(clock: signing.Clock, sent: str) -> None:
    now = NOW if sent == "utc" else NOW - timedelta(hours=8)
    if clock in {"both", sent}:
        assert reading(clock=clock, now=now) == sent
    else:
        with pytest.raises(house.CredentialExpired):
            reading(clock=clock, now=now)


def test_rule_8_where_both_readings_pass_the_timestamp_is_utc() -> None:
    assert reading(changed("Expires", "40000")) == "utc"
    assert reading(changed("Expires", "40000"), clock="shanghai") == "shanghai"


@pytest.mark.parametrize(
    ("age_s", "passes"), [(-61, False), (-60, True), (0, True), (5, True), (5.001, False), (6, False)]
)
def test_rule_9_a_request_passes_from_a_minute_ahead_until_it_expires(age_s: float, passes: bool) -> None:
    now = NOW + timedelta(seconds=age_s)
    if passes:
        assert reading(now=now, clock="utc") == "utc"
    else:
        with pytest.raises(house.CredentialExpired):
            reading(now=now, clock="utc")


def test_rule_9_a_timestamp_at_either_end_of_time_is_only_old_or_early() -> None:
    for timestamp in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        with pytest.raises(house.CredentialExpired):
            reading(changed("Timestamp", timestamp))

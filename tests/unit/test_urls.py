"""URLs are read as browsers read them, and refused with a sentence that helps."""

import ada_url
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.urls import (
    MAX_PAGE_URL,
    InvalidURL,
    as_typed,
    host_of,
    is_third_party,
    join,
    origin_of,
    parse_url,
)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://example.com", "https://example.com/"),
        ("  https://example.com/\n", "https://example.com/"),
        ("HTTPS://EXAMPLE.com:443/a/../b", "https://example.com/b"),
        ("https:example.com", "https://example.com/"),
        ("https://münchen.de/ä b?q=ü", "https://xn--mnchen-3ya.de/%C3%A4%20b?q=%C3%BC"),
        ("https://xn--mnchen-3ya.de/", "https://xn--mnchen-3ya.de/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://[2001:DB8:0:0::1]/", "http://[2001:db8::1]/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://exam\tple.com/", "http://example.com/"),
        ("http:\\\\good.example\\@127.0.0.1/", "http://good.example/@127.0.0.1/"),
        ("http://example.com/#/route", "http://example.com/#/route"),
        ("http://example.com/\ud800", "http://example.com/%EF%BF%BD"),
    ],
)
def test_what_a_browser_accepts_is_accepted_in_normal_form(text: str, normal: str) -> None:
    assert parse_url(text) == normal


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \t\n", "empty"),
        ("example.com", "Write it as https://example.com"),
        ("//example.com/x", "Write it as https://example.com/x"),
        ("localhost:8000/x", "Write it as http://localhost:8000/x"),
        ("ftp://example.com/", "'ftp' cannot be weighed"),
        ("javascript:alert(1)", "'javascript' cannot be weighed"),
        ("file:///etc/passwd", "'file' cannot be weighed"),
        ("mailto:somebody@example.com", "'mailto' cannot be weighed"),
        ("https://", "no host"),
        ("https://exa mple.com/", "contains a space"),
        ("exa mple.com", "'exa mple.com' contains a space"),
        ("//exa mple.com/x", "'exa mple.com' contains a space"),
        ("https://example.com:70000/", "'70000' is not a number from 0 to 65535"),
        ("https://example.com:port/", "'port' is not a number"),
        ("https://user:secret@example.com/", "user name or password"),
        ("https://user@example.com/", "user name or password"),
        ("http://[::g]/", "is not an IPv6 address"),
        ("http://256.256.256.256/", "not a valid name or address"),
        ("http://%00/", "not a valid name or address"),
        ("https://example.com/" + "x" * 100_000, "100,020 characters long"),
        ("https://example.com/" + "ü" * 1_000, "characters long when encoded"),
        ("\ud800", "no scheme"),
    ],
)
def test_a_bad_url_is_refused_with_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InvalidURL) as refusal:
        parse_url(text)
    assert says in str(refusal.value)


def test_a_refusal_never_repeats_a_secret_or_a_long_text() -> None:
    for text in ("https://user:secret@example.com/", "https://user:secret@[::g]/", "x" * 2_000):
        with pytest.raises(InvalidURL) as refusal:
            parse_url(text)
        assert "secret" not in str(refusal.value)
        assert len(str(refusal.value)) < 300


@given(st.text(max_size=60) | st.text(max_size=40).map("http://".__add__))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        url = parse_url(text)
    except InvalidURL:
        return
    assert url.startswith(("http://", "https://"))
    assert url.isascii()
    assert len(url) <= MAX_PAGE_URL
    assert parse_url(url) == url


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("b.png", "https://example.com/a/b.png"),
        ("/b.png#part", "https://example.com/b.png"),
        ("//cdn.example/b.png", "https://cdn.example/b.png"),
        ("?q", "https://example.com/a/?q"),
        ("  b c.png\n", "https://example.com/a/b%20c.png"),
        ("", "https://example.com/a/"),
    ],
)
def test_references_are_joined_and_lose_their_fragment(reference: str, url: str) -> None:
    assert join("https://example.com/a/", reference) == url


@pytest.mark.parametrize(
    "reference",
    [
        "data:image/png;base64,AAAA",
        "DATA:,x",
        "blob:https://example.com/1",
        "about:blank",
        "javascript:void(0)",
        "mailto:a@b.example",
        "https://user:word@example.com/x.png",
        "http://[::g]/",
        "x" * 100_000,
    ],
)
def test_what_is_not_requested_joins_to_nothing(reference: str) -> None:
    assert join("https://example.com/", reference) is None


@given(st.text(max_size=80))
def test_any_reference_joins_to_an_http_url_or_nothing(reference: str) -> None:
    joined = join("https://example.com/a/b?c", reference)
    assert joined is None or joined.startswith(("http://", "https://"))


def test_hosts_carry_their_port_only_where_it_is_not_the_usual_one() -> None:
    assert host_of("https://example.com/x@y") == "example.com"
    assert host_of("http://example.com:8080/") == "example.com:8080"
    assert host_of("http://[::1]:81/") == "[::1]:81"
    assert origin_of("http://example.com:8080/x") == "http://example.com:8080"


@pytest.mark.parametrize(
    ("host", "page", "third"),
    [
        ("static.example.co.uk", "www.example.co.uk", False),
        ("example.co.uk", "other.co.uk", True),
        ("one.github.io", "two.github.io", True),
        ("example.com:8080", "example.com", False),
        ("127.0.0.1:1", "127.0.0.1:2", False),
        ("127.0.0.2", "127.0.0.1", True),
        ("[::1]:80", "[::1]", False),
        ("localhost", "localhost:8000", False),
        ("cdn.example.com.", "example.com", False),
        ("intranet", "wiki", True),
    ],
)
def test_parties_are_told_apart_by_registrable_domain(host: str, page: str, third: bool) -> None:
    assert is_third_party(host, page) is third


PLAIN_PARTS = st.sampled_from(
    ["a", "b.png", "..", ".", "/", "//", "?", "=", "&", "~", "-", "_", "x1", ":", "@"]
)


@given(
    st.lists(PLAIN_PARTS, max_size=8).map("".join),
    st.sampled_from(
        [
            "https://example.com/",
            "https://example.com/a/b?c/d#e/f",
            "http://[::1]:81/x/?y",
            "http://a.b/c#/d",
        ]
    ),
)
def test_the_short_way_of_joining_leads_where_the_long_way_does(reference: str, base: str) -> None:
    joined = join(base, reference)
    try:
        expected = ada_url.join_url(base, reference).partition("#")[0]
    except ValueError:
        expected = ""
    if not expected.startswith(("http://", "https://")) or "@" in expected.split("/")[2]:
        assert joined is None
    else:
        assert joined == expected


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("example.com", "https://example.com"),
        (" www.example.com/a?b=c:d#e ", "https://www.example.com/a?b=c:d#e"),
        ("münchen.example/", "https://münchen.example/"),
        ("example.com:8080/x", "http://example.com:8080/x"),
        ("example.com:443", "https://example.com:443"),
        ("localhost", "http://localhost"),
        ("localhost:8000/x", "http://localhost:8000/x"),
        ("app.localhost", "http://app.localhost"),
        ("127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("192.168.1.5/x", "http://192.168.1.5/x"),
        ("[::1]:9000/", "http://[::1]:9000/"),
        ("build:3000", "http://build:3000"),
    ],
)
def test_what_is_typed_without_a_scheme_gets_the_one_that_is_meant(typed: str, meant: str) -> None:
    assert as_typed(typed) == meant
    assert parse_url(as_typed(typed))


@pytest.mark.parametrize(
    "typed",
    ["https://example.com", "nowhere", "ftp://example.com", "mailto:a@example.com", "", "/x"],
)
def test_all_else_is_left_as_it_is(typed: str) -> None:
    assert as_typed(typed) == typed

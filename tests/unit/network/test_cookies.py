"""Cookies of one weighing: kept and sent as a browser would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.network.cookies import MAX_OF_A_SITE, CookieJar, parse_cookie, parse_date

NOW = 1_700_000_000.0
URL = "https://www.example.com/shop/cart?x=/y"


def jar(*lines: str, url: str = URL, trusted: bool = True, same_site: bool = True) -> CookieJar:
    kept = CookieJar(lambda: NOW)
    kept.take(url, lines, trusted=trusted, same_site=same_site)
    return kept


def sent(kept: CookieJar, url: str = URL, *, trusted: bool = True, same_site: bool = True) -> str:
    return kept.header(url, trusted=trusted, same_site=same_site)


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("a=1", "a=1"),
        (" a = 1 ; Path=/", "a=1"),
        ("a=b=c", "a=b=c"),
        ('a="x y"', 'a="x y"'),
        ("a=", "a="),
        ("alone", "alone"),
        ("=alone", "alone"),
        ("=", ""),
        ("", ""),
        ("; Path=/", ""),
        ("a=1\x01", ""),
        ("a=" + "x" * 4_095, "a=" + "x" * 4_095),
        ("a=" + "x" * 4_096, ""),
        ("a=北京", "a=北京"),
        ("a=" + "北" * 1_365, "a=" + "北" * 1_365),
        ("a=" + "北" * 1_366, ""),
        ("a=1; Max-Age=0", ""),
        ("a=1; Max-Age=-5", ""),
        ("a=1; Max-Age=5", "a=1"),
        ("a=1; Max-Age=soon", "a=1"),
        ("a=1; Max-Age=" + "9" * 400, "a=1"),
        ("a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT", ""),
        ("a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "a=1"),
        ("a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age=9", "a=1"),
        ("a=1; Expires=never", "a=1"),
        ("a=1; Unknown; Path", "a=1"),
        ("a=1; Max-Age=+0", ""),
        ("a=1\t2", ""),
        ("a\tb=1", ""),
        ("\ta\t=\t1\t;\tPath=/", "a=1"),
        ("==1", ""),
        ("=a=1", ""),
        ("a=1; Partitioned", ""),
        ("a=1; Partitioned; Secure", "a=1"),
        ("__Http-a=1; Secure", ""),
        ("__http-a=1; HttpOnly", ""),
        ("__Http-a=1; Secure; HttpOnly", "__Http-a=1"),
        ("__Host-Http-a=1; Secure; Path=/", ""),
        ("__Host-Http-a=1; Secure; HttpOnly; Path=/", "__Host-Http-a=1"),
        ("__Host-Http-a=1; Secure; HttpOnly; Path=/shop", ""),
    ],
)
def test_what_a_header_sets_is_sent_back(line: str, header: str) -> None:
    assert sent(jar(line)) == header


@pytest.mark.parametrize(
    ("setter", "domain", "host", "goes"),
    [
        ("www.example.com", None, "www.example.com", True),
        ("www.example.com", None, "a.www.example.com", False),
        ("www.example.com", "example.com", "img.example.com", True),
        ("www.example.com", ".Example.COM", "img.example.com", True),
        ("www.example.com", "example.com", "example.com", True),
        ("www.example.com", "example.com", "badexample.com", False),
        ("www.example.com", "www.example.com", "a.www.example.com", True),
        ("www.example.com", "a.www.example.com", "a.www.example.com", False),
        ("www.example.com", "example.org", "example.org", False),
        ("www.example.com", "com", "www.example.com", False),
        ("shop.example.co.uk", "co.uk", "shop.example.co.uk", False),
        ("shop.example.co.uk", "example.co.uk", "www.example.co.uk", True),
        ("one.github.io", "github.io", "two.github.io", False),
        ("one.github.io", "github.io", "one.github.io", False),
        ("github.io", "github.io", "github.io", True),
        ("github.io", "github.io", "one.github.io", False),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "0.0.1", "127.0.0.1", False),
        ("[::1]", None, "[::1]", True),
        ("localhost", "localhost", "localhost", True),
    ],
)
def test_a_cookie_goes_where_its_domain_says_and_to_no_public_suffix(
    setter: str, domain: str | None, host: str, goes: bool
) -> None:
    line = "a=1" if domain is None else f"a=1; Domain={domain}"
    kept = jar(line, url=f"https://{setter}/")
    assert (sent(kept, f"https://{host}/") == "a=1") is goes


def test_ports_share_their_cookies() -> None:
    assert sent(jar("a=1", url="http://localhost:1/"), "http://localhost:2/") == "a=1"
    assert sent(jar("a=1", url="http://[::1]:1/"), "http://[::1]:2/") == "a=1"


@pytest.mark.parametrize(
    ("path", "url", "goes"),
    [
        (None, "/shop/other", True),
        (None, "/shop", True),
        (None, "/shopping", False),
        (None, "/", False),
        ("/", "/anything", True),
        ("/shop", "/shop/cart", True),
        ("/shop", "/shop?x", True),
        ("/shop", "/shopping", False),
        ("/shop/", "/shop", False),
        ("nonsense", "/shop/other", True),
    ],
)
def test_a_cookie_goes_below_its_path(path: str | None, url: str, goes: bool) -> None:
    kept = jar("a=1" if path is None else f"a=1; Path={path}")
    assert (sent(kept, f"https://www.example.com{url}") == "a=1") is goes


@pytest.mark.parametrize(
    ("line", "set_trusted", "sent_trusted", "goes"),
    [
        ("a=1; Secure", True, True, True),
        ("a=1; Secure", True, False, False),
        ("a=1; Secure", False, True, False),
        ("a=1", False, False, True),
        ("__Secure-a=1; Secure", True, True, True),
        ("__secure-a=1", True, True, False),
        ("=__Secure-a=1; Secure", True, True, False),
        ("__Host-a=1; Secure; Path=/", True, True, True),
        ("__Host-a=1; Secure", True, True, False),
        ("__Host-a=1; Secure; Path=/; Domain=example.com", True, True, False),
    ],
)
def test_what_is_secure_goes_only_where_nobody_reads_along(
    line: str, set_trusted: bool, sent_trusted: bool, goes: bool
) -> None:
    kept = jar(line, trusted=set_trusted)
    assert bool(sent(kept, trusted=sent_trusted)) is goes


def test_what_anybody_could_have_written_does_not_replace_what_nobody_could_read() -> None:
    kept = jar("a=secret; Secure; Path=/")
    kept.take("http://www.example.com/", ["a=forged"], trusted=False, same_site=True)
    assert sent(kept) == "a=secret"
    assert sent(kept, trusted=False) == ""


@pytest.mark.parametrize(
    ("same_site", "to_own", "to_strangers"),
    [
        ("", True, False),
        ("; SameSite=Lax", True, False),
        ("; SameSite=Strict", True, False),
        ("; SameSite=nonsense", True, False),
        ("; SameSite=None; Secure", True, True),
        ("; SameSite=None", False, False),
    ],
)
def test_another_sites_page_gets_only_what_says_none(
    same_site: str, to_own: bool, to_strangers: bool
) -> None:
    kept = jar(f"a=1{same_site}")
    assert bool(sent(kept)) is to_own
    assert bool(sent(kept, same_site=False)) is to_strangers
    assert bool(jar(f"a=1{same_site}", same_site=False)) is to_strangers


def test_a_cookie_replaces_the_one_before_and_keeps_its_place_with_its_value() -> None:
    kept = jar("a=1", "b=2")
    assert kept.take(URL, ["a=3"], trusted=True, same_site=True)
    assert not kept.take(URL, ["a=3"], trusted=True, same_site=True)
    assert sent(kept) == "b=2; a=3"
    assert kept.take(URL, ["b=2; Max-Age=9"], trusted=True, same_site=True)
    assert sent(kept) == "b=2; a=3"
    assert kept.take(URL, ["a=; Max-Age=0"], trusted=True, same_site=True)
    assert sent(kept) == "b=2"


def test_longer_paths_go_first() -> None:
    assert sent(jar("a=1; Path=/", "b=2; Path=/shop", "c=3; Path=/")) == "b=2; a=1; c=3"


def test_a_jar_is_bounded() -> None:
    kept = jar(*(f"n{n}=x" for n in range(2 * MAX_OF_A_SITE)))
    assert len(kept) == MAX_OF_A_SITE
    assert f"n{2 * MAX_OF_A_SITE - 1}=x" in sent(kept)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Wed, 21 Oct 2015 07:28:00 GMT", 1_445_412_480),
        ("Wednesday, 21-Oct-15 07:28:00 GMT", 1_445_412_480),
        ("Wed Oct 21 07:28:00 2015", 1_445_412_480),
        ("21 oct 2015 7:28:0", 1_445_412_480),
        ("01-Jan-70 00:00:00", 0),
        ("Wed, 21 Oct 2015", None),
        ("31 Feb 2015 07:28:00", None),
        ("21 Oct 1600 07:28:00", None),
        ("21 Oct 2015 25:28:00", None),
        ("", None),
    ],
)
def test_dates_are_read_in_all_forms_that_servers_use(text: str, seconds: int | None) -> None:
    assert parse_date(text) == seconds


@given(line=st.text(max_size=200))
def test_whatever_a_server_sets_ends_in_a_header_without_a_line_break(line: str) -> None:
    cookie = parse_cookie(line, URL, NOW)
    assert cookie is None or not {"\r", "\n", "\0"} & set(cookie.header())

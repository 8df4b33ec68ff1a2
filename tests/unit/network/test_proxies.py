"""A command finds its proxies as curl does."""

import pytest

from libra.network.proxies import Proxies, ProxyError, proxies_of, without_credentials

P = "http://proxy.example:3128"
Q = "http://other.example:3128"


@pytest.mark.parametrize(
    ("environ", "http", "https"),
    [
        ({}, "", ""),
        ({"HTTP_PROXY": P}, P, ""),
        ({"http_proxy": P, "HTTP_PROXY": Q}, P, ""),
        ({"HTTPS_PROXY": P}, "", P),
        ({"ALL_PROXY": P}, P, P),
        ({"all_proxy": P, "https_proxy": Q}, P, Q),
        ({"HTTP_PROXY": ""}, "", ""),
        ({"HTTP_PROXY": "proxy.example:3128"}, P, ""),
        ({"HTTP_PROXY": P, "REQUEST_METHOD": "GET"}, "", ""),
        ({"http_proxy": P, "REQUEST_METHOD": "GET"}, P, ""),
    ],
)
def test_the_environment_names_the_proxies(environ: dict[str, str], http: str, https: str) -> None:
    assert proxies_of(environ) == Proxies(http, https)


def test_what_is_given_goes_before_the_environment() -> None:
    environ = {"HTTP_PROXY": Q, "HTTPS_PROXY": Q, "NO_PROXY": "a.example"}
    assert proxies_of(environ, P) == Proxies(P, P, ("a.example",))
    assert proxies_of(environ, "") == Proxies("", "", ("a.example",))
    assert proxies_of(environ, None, "b.example, c.example") == Proxies(
        Q, Q, ("b.example", "c.example")
    )
    assert proxies_of(environ, None, "").exempt == ()


@pytest.mark.parametrize(
    ("entry", "url", "exempt"),
    [
        ("example.com", "http://example.com/", True),
        ("example.com", "http://www.example.com/", True),
        ("example.com", "http://badexample.com/", False),
        (".example.com", "http://www.example.com/", True),
        (".example.com", "http://example.com/", True),
        ("*.example.com", "http://www.example.com/", True),
        ("EXAMPLE.com", "http://example.com/", True),
        ("example.com:8080", "http://example.com:8080/", True),
        ("example.com:8080", "http://example.com/", False),
        ("example.com:443", "https://example.com/", True),
        ("*", "http://anything.example/", True),
        ("127.0.0.1", "http://127.0.0.1:99/", True),
        ("127.0.0.1", "http://127.0.0.2/", False),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", False),
        ("::1", "http://[::1]/", True),
        ("[::1]", "http://[::1]:8000/", True),
        ("[::1]:8000", "http://[::1]:8000/", True),
        ("[::1]:8000", "http://[::1]/", False),
        ("fd00::/8", "http://[fd00::1]/", True),
        ("localhost", "http://127.0.0.1/", False),
        ("", "http://example.com/", False),
        (".", "http://example.com/", False),
    ],
)
def test_what_is_exempt_is_asked_directly(entry: str, url: str, exempt: bool) -> None:
    assert Proxies(P, P, (entry,)).of(url) == ("" if exempt else P)


@pytest.mark.parametrize(
    "text", ["socks5://proxy.example", "http://", "http://proxy.example:port", "http://a b"]
)
def test_what_is_no_proxy_is_named_without_its_password(text: str) -> None:
    with pytest.raises(ProxyError, match=r"--proxy: .* write it as"):
        proxies_of({}, text)
    with pytest.raises(ProxyError) as refused:
        proxies_of({"HTTP_PROXY": "ftp://user:secret@proxy.example"})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("proxy", "place"),
    [
        ("http://us%40er:p%3Aw@proxy.example:3128", "http://proxy.example:3128"),
        ("http://proxy.example", "http://proxy.example:1080"),
        ("https://[::1]", "https://[::1]:443"),
    ],
)
def test_where_a_proxy_is_says_nothing_of_who_may_use_it(proxy: str, place: str) -> None:
    assert without_credentials(proxy) == place

"""Requests look like Chromium's, as it was seen to send them, and say who asks."""

import pytest

from libra.weighing.options import Options
from libra.weighing.orders.orders import Fetch, Reference
from libra.weighing.roles import Role
from libra.weighing.static.request_headers import request_headers

PAGE = "https://www.example.com/page?x"
ORIGIN = "https://www.example.com"


def asked(
    url: str = f"{ORIGIN}/x",
    role: Role = "image",
    *,
    initiator: str | None = PAGE,
    document: str = ORIGIN,
    cors: bool = False,
    reader: str = "",
    hops: tuple[str, ...] = (),
    own: bool = False,
    options: Options | None = None,
    cookies: str = "",
) -> dict[str, str]:
    fetch = Fetch(
        0,
        Reference(url, role, cors=cors),
        initiator=initiator,
        document=document,
        reader=reader,
        hops=hops,
        own_origin=own,
    )
    lines = request_headers(fetch, options or Options(), cookies)
    assert lines.endswith("\r\n")
    pairs = [line.partition(": ") for line in lines.split("\r\n")[:-1]]
    assert len({name.lower() for name, _, _ in pairs}) == len(pairs)
    return {name.lower(): value for name, _, value in pairs}


def fetch_metadata(headers: dict[str, str]) -> tuple[str, str, str]:
    return (
        headers["sec-fetch-site"],
        headers["sec-fetch-mode"],
        headers["sec-fetch-dest"],
    )


def test_a_page_is_asked_for_as_if_somebody_had_typed_its_address() -> None:
    headers = asked(role="document", initiator=None, document="", own=True)
    assert fetch_metadata(headers) == ("none", "navigate", "document")
    assert headers["sec-fetch-user"] == "?1"
    assert headers["upgrade-insecure-requests"] == "1"
    assert "referer" not in headers
    assert not any(name.startswith("sec-ch-") for name in headers)


@pytest.mark.parametrize(
    ("role", "cors", "mode", "destination"),
    [
        ("frame", False, "navigate", "iframe"),
        ("object", False, "navigate", "object"),
        ("stylesheet", False, "no-cors", "style"),
        ("stylesheet", True, "cors", "style"),
        ("script", False, "no-cors", "script"),
        ("module", False, "cors", "script"),
        ("image", False, "no-cors", "image"),
        ("icon", False, "no-cors", "image"),
        ("font", False, "cors", "font"),
        ("media", False, "no-cors", "video"),
        ("track", False, "same-origin", "track"),
        ("manifest", False, "cors", "manifest"),
    ],
)
def test_each_part_is_asked_for_as_what_it_is(
    role: Role, cors: bool, mode: str, destination: str
) -> None:
    headers = asked(role=role, cors=cors)
    assert fetch_metadata(headers) == ("same-origin", mode, destination)
    assert "sec-fetch-user" not in headers
    assert ("upgrade-insecure-requests" in headers) is (mode == "navigate")
    assert headers.get("origin") == (ORIGIN if mode == "cors" and role != "manifest" else None)
    assert headers["referer"] == PAGE


@pytest.mark.parametrize(
    ("url", "hops", "site"),
    [
        ("https://www.example.com/a", (), "same-origin"),
        ("https://img.example.com/a", (), "same-site"),
        ("https://www.example.com:8443/a", (), "same-site"),
        ("https://example.org/a", (), "cross-site"),
        ("https://www.example.com/a", ("https://img.example.com/b",), "same-site"),
        ("https://www.example.com/a", ("https://example.org/b",), "cross-site"),
        ("https://img.example.com/a", ("https://example.org/b",), "cross-site"),
    ],
)
def test_the_furthest_of_all_redirects_says_where_a_request_comes_from(
    url: str, hops: tuple[str, ...], site: str
) -> None:
    assert asked(url, hops=hops)["sec-fetch-site"] == site


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://www.example.com/", False),
        ("http://10.0.0.1/", False),
        ("http://localhost.example.com/", False),
        ("http://localhost:8000/", True),
        ("http://shop.localhost/", True),
        ("http://127.0.0.9:81/", True),
        ("http://[::1]/", True),
        ("https://10.0.0.1/", True),
    ],
)
def test_only_who_can_be_trusted_is_told_about_the_request(url: str, told: bool) -> None:
    assert ("sec-fetch-site" in asked(url)) is told


def test_media_are_asked_for_as_they_are_from_their_beginning() -> None:
    headers = asked(role="media")
    assert (headers["accept-encoding"], headers["range"]) == ("identity", "bytes=0-")


def test_own_headers_take_the_place_of_the_usual_ones_at_the_own_origin_alone() -> None:
    options = Options(headers=(("ACCEPT", "a/b"), ("Sec-Fetch-Mode", "x"), ("X-Own", "1")))
    own = asked(own=True, options=options)
    assert (own["accept"], own["sec-fetch-mode"], own["x-own"]) == ("a/b", "x", "1")
    other = asked(options=options)
    assert "x-own" not in other
    assert other["accept"].startswith("image/")


@pytest.mark.parametrize(
    ("given", "kept", "sent"),
    [
        (None, "a=1; b=2", "a=1; b=2"),
        ("session=x", "", "session=x"),
        ("session=x; a=0", "a=1", "session=x; a=1"),
    ],
)
def test_cookies_that_a_server_set_join_those_that_were_given(
    given: str | None, kept: str, sent: str
) -> None:
    options = Options() if given is None else Options(headers=(("cookie", given),))
    assert asked(own=True, options=options, cookies=kept)["cookie"] == sent

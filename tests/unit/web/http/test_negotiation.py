from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.web.http.negotiation import etag_matches, newest_seen, wants_html

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept",
    [FIREFOX, "text/html", "text/*", "TEXT/HTML", "application/json;q=0.5, text/html;q=0.6"],
)
def test_who_prefers_html_gets_html(accept: str) -> None:
    assert wants_html(accept)


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "application/json",
        "application/json, text/html",
        "text/html;q=0, */*",
        "text/html;q=nonsense",
        "text/html;q=0.5, application/json",
        "image/png",
        ";;;,,,/",
    ],
)
def test_everybody_else_gets_json(accept: str | None) -> None:
    assert not wants_html(accept)


def test_the_most_specific_range_decides() -> None:
    assert not wants_html("text/*;q=1, text/html;q=0.1, application/json;q=0.5")
    assert wants_html("*/*;q=0.1, text/html")


@given(st.text(max_size=3000))
def test_no_accept_header_is_too_odd_to_be_read(accept: str) -> None:
    assert wants_html(accept) in (True, False)


@pytest.mark.parametrize("header", ['"7"', 'W/"7"', '"1", "7"', '"1",W/"7" ', "*", " * "])
def test_a_current_copy_is_recognised(header: str) -> None:
    assert etag_matches(header, '"7"')
    assert etag_matches(header, 'W/"7"')


@pytest.mark.parametrize("header", [None, "", '"70"', '"6", "8"', "7", '"7', 'w/"7"'])
def test_another_copy_is_not_current(header: str | None) -> None:
    assert not etag_matches(header, '"7"')


@given(st.text(max_size=200), st.integers(min_value=1))
def test_a_tag_matches_only_where_it_stands_in_the_list(header: str, version: int) -> None:
    tag = f'"{version}"'
    expected = header.strip() == "*" or tag in [
        item.strip().removeprefix("W/") for item in header.split(",")
    ]
    assert etag_matches(header, tag) == expected
    assert etag_matches(f"{header}, {tag}", tag)


def test_the_newest_version_that_a_client_has_is_in_its_entity_tags() -> None:
    assert newest_seen(None) == newest_seen("*") == newest_seen('"abc", ""') == (0, "")
    assert newest_seen('"7"') == (7, '"7"')
    assert newest_seen('W/"9-har", "8", W/"4294967297-0123456789ab"') == (
        4294967297,
        'W/"4294967297-0123456789ab"',
    )

"""A refresh is read as Chromium reads it, mistakes included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.headers.refresh import parse_refresh

PAGE = "https://example.com/dir/page.html"


def target(text: str) -> str | None:
    found = parse_refresh(text, PAGE, PAGE)
    if found is None or found.url is None:
        return None
    return found.url.removeprefix("https://example.com/")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0;url=/a", "a"),
        ("0, url = /a", "a"),
        ("0 /a", "a"),
        ("\v0;url=/a", "a"),
        ("0\v;url=/a", "a"),
        (".0;url='/a' and more", "a"),
        ('0;url="/a', "a"),
        ("0;;url=/a", "dir/;url=/a"),
        ("0;uri=/a", "dir/uri=/a"),
        ("0;\N{LATIN SMALL LETTER LONG S}url=/a", "dir/%C5%BFurl=/a"),
        ("0x;url=/a", None),
        ("-0;url=/a", None),
        ("\N{ARABIC-INDIC DIGIT ZERO};url=/a", None),
        (";url=/a", None),
    ],
)
def test_it_leads_somewhere(text: str, found: str | None) -> None:
    assert target(text) == found


@given(st.text("0.;, \t\v'\"urlURL=/a\N{NO-BREAK SPACE}", max_size=30))
def test_any_text_is_survived(text: str) -> None:
    parse_refresh(text, PAGE, PAGE)

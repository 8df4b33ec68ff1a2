"""Files are known by their names, whatever hash of their content bundlers put into them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.file_names import folded, name_matches, without_hash


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("app.3f2a9c1d.js", "app.js"),
        ("app-3f2a9c1d4b.min.js", "app.min.js"),
        ("index-DiwrgTda.js", "index.js"),
        ("0123456789abcdef.css", "*.css"),
        ("jquery.js", "jquery.js"),
        ("jquery-3.7.1.js", "jquery-3.7.1.js"),
        ("[slug]-3f2a9c1d.js", "[slug].js"),
    ],
)
def test_a_hash_is_left_out_and_a_version_is_not(name: str, bare: str) -> None:
    assert without_hash(name) == bare


@given(st.text("0123456789abcdef", min_size=8, max_size=32).filter(lambda text: not text.isalpha()))
def test_two_builds_of_a_file_have_one_folded_name(digest: str) -> None:
    assert folded(f"/js/app.{digest}.js") == "/js/app.*.js"
    assert name_matches(f"https://example.com/js/app.{digest}.js?v=1", "app.js")


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("[slug].js", True),
        ("[slug]-*.js", True),
        ("s.js", False),
        ("pages/*.js", True),
        ("/_next/*.js", True),
        ("*/pages/[slug].js", True),
        ("ages/*.js", False),
        ("*", True),
        ("?slug?.js", True),
    ],
)
def test_a_pattern_is_for_a_name_or_with_a_slash_for_a_path(pattern: str, matches: bool) -> None:
    url = "https://example.com/_next/pages/%5Bslug%5D-3f2a9c1d.js"
    assert name_matches(url, pattern) is matches

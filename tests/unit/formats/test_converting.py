"""What is made of large reports by a parser is what would be made of them in place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.formats.converting import (
    COMPARISON,
    arrange_comparison,
    arrange_page,
    convert,
    page_form,
    read_comparison,
    read_page,
)
from libra.formats.views.page_view import ORDERS, Look
from libra.report import Report, encode
from support.examples import examples
from support.samples import PAGE, asset, weighed


def report_of(assets: int, size: int = 9) -> Report:
    images = (asset(f"https://example.com/{number}.png", "image", size) for number in range(assets))
    return weighed([asset(PAGE, "document", 9), *images])


@pytest.mark.parametrize(
    "look",
    [Look(), Look("-size"), *map(Look, ORDERS), Look(find='a:"ä'), Look(show="image", page=2)],
)
def test_an_arranged_page_comes_back_as_it_was(look: Look) -> None:
    report = report_of(300)
    there_and_back = read_page(convert([encode(report)], page_form(look)))
    assert there_and_back == arrange_page(report, look)
    assert there_and_back.view.assets == 301
    assert there_and_back.report.assets == ()


@examples(20)
@given(st.integers(0, 300), st.integers(0, 300))
def test_a_comparison_comes_back_as_it_was_and_is_short(before: int, after: int) -> None:
    one, other = report_of(before), report_of(after, size=10)
    data = convert([encode(one), encode(other)], COMPARISON)
    assert read_comparison(data) == arrange_comparison(one, other)
    assert len(data) < 50_000

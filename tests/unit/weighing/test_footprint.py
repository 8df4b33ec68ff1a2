"""Figures of others: carbon and EcoIndex, by their own formulas and examples."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.formats.sentences import estimates
from libra.report import Figures, Report, decode, encode
from libra.weighing.footprint import (
    ELEMENTS,
    KILOBYTES,
    REQUESTS,
    co2_grams,
    ecoindex,
    figures,
    place,
)
from support.in_memory import Answer, weigh_in_memory


def test_a_gigabyte_is_what_the_model_says() -> None:
    assert co2_grams(1_000_000_000) == pytest.approx(148.2)
    assert figures(2_470_000, 1, None) == Figures(co2_grams=0.3661)


def test_ecoindex_is_that_of_its_reference() -> None:
    """The example of the reference's README, and the places that its tests want."""
    assert round(ecoindex(100, 100, 100_000)) == 72
    assert place(2500, KILOBYTES) == pytest.approx(14.086372025739513)
    assert place(150, ELEMENTS) == pytest.approx(2.892857142857143)
    assert place(23, REQUESTS) == pytest.approx(2.8)


@given(st.integers(0, 10**7), st.integers(0, 10**5), st.integers(0, 10**12))
def test_ecoindex_is_a_share_and_falls_with_each_of_its_three(
    elements: int, requests: int, transfer_bytes: int
) -> None:
    value = ecoindex(elements, requests, transfer_bytes)
    assert 0 <= value <= 100
    assert ecoindex(elements + 1, requests, transfer_bytes) <= value
    assert ecoindex(elements, requests + 1, transfer_bytes) <= value
    assert ecoindex(elements, requests, transfer_bytes + 1000) <= value


@pytest.mark.parametrize("twentieths", [ELEMENTS, REQUESTS, KILOBYTES])
def test_each_twentieth_is_one_place(twentieths: tuple[float, ...]) -> None:
    assert [place(value, twentieths) for value in twentieths] == list(range(21))
    assert list(twentieths) == sorted(twentieths)


def test_a_page_has_its_figures_when_it_is_weighed() -> None:
    html = b"<!doctype html><p>Text<svg><g><path></g></svg><img src=/a.png>"
    site = {
        "/": Answer((("Content-Type", "text/html"),), html),
        "/a.png": Answer((("Content-Type", "image/png"),), b"x" * 9_000),
    }

    def answer_at(url: str) -> Answer:
        return site.get(url.removeprefix("https://example.com"), Answer(status=404))

    report = weigh_in_memory("https://example.com/", answer_at).report
    weight = report.total.transfer_bytes
    # html, head, body, p, svg, img
    assert report.figures == figures(weight, report.total.requests, 6)


def test_a_report_that_was_stored_before_has_none_and_is_read() -> None:
    report = Report(id="", url="https://example.com/", status="weighed")
    old = encode(report).replace(b',"figures":null', b"")
    assert b"figures" not in old
    assert decode(old).figures is None
    new = msgspec.structs.replace(report, figures=figures(1_000, 2, 30))
    assert decode(encode(new)) == new


def test_estimates_are_told_as_such() -> None:
    assert estimates(figures(511_478, 41, 800)) == "0.08 g CO2e a visit, EcoIndex 57.1"
    assert estimates(figures(1_000, 2, None)) == "less than 0.01 g CO2e a visit"

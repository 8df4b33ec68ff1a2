"""Reports as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from libra.budgets.lighthouse import Limit, at_most, check
from libra.formats import to_junit
from support.samples import PAGE, asset, failed, hostile, ordinary, partial, weighed


def _parse(text: str | bytes) -> ET.Element:
    return ET.fromstring(text)


def test_each_page_is_a_suite() -> None:
    root = _parse(to_junit([ordinary(), failed()]))
    assert [suite.get("name") for suite in root] == [ordinary().url, failed().url]


def test_a_page_within_its_budget_passes() -> None:
    checks = check(ordinary(), limits=[at_most(10**6)])
    root = _parse(to_junit([ordinary()], checks))
    assert root.findall(".//failure") == []
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "0", "0")


def test_each_breach_is_a_failure_that_says_by_how_much() -> None:
    checks = check(ordinary(), limits=[at_most(500_000), Limit("image", "count", 3)])
    root = _parse(to_junit([ordinary()], checks))
    (failure,) = root.findall(".//failure")
    assert failure.get("message") == checks[0].sentence()
    assert (root.get("tests"), root.get("failures")) == ("3", "1")


def test_a_page_that_could_not_be_weighed_is_an_error_with_its_reason() -> None:
    root = _parse(to_junit([failed(error="tls: certificate expired")]))
    (error,) = root.findall(".//error")
    assert error.get("message") == "tls: certificate expired"
    assert root.get("errors") == "1"


def test_checks_stay_with_their_page() -> None:
    other = weighed([asset("https://b.example/", "document", 5)], url="https://b.example/")
    checks = [*check(ordinary(), limits=[at_most(1)]), *check(other, limits=[at_most(9)])]
    root = _parse(to_junit([ordinary(), other], checks))
    assert [suite.get("failures") for suite in root] == ["1", "0"]


def test_what_is_missing_from_the_total_is_told() -> None:
    root = _parse(to_junit([partial()]))
    output = root.findtext(".//system-out") or ""
    assert "slow.js: timeout: no response within 20 s" in output


def test_hostile_text_stays_text() -> None:
    root = _parse(to_junit([hostile(), failed(error='"/><evil>\x00\x1b')]))
    assert root.findall(".//evil") == []


@given(st.text(st.characters()))
def test_the_document_is_well_formed_whatever_a_page_says(text: str) -> None:
    report = weighed([asset(PAGE, "document", 1, error=text)], url=f"https://a.example/{text}")
    checks = check(report, limits=[at_most(0)])
    root = _parse(to_junit([report, failed(error=text)], checks).encode())
    assert root.get("failures") == "1"

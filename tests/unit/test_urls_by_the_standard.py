"""The URL tests of web-platform-tests (see the LICENSE beside them), as the standard was in 2018."""

import json
from pathlib import Path
from typing import Any

import pytest

from libra.urls import InvalidURL, join, parse_url

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "urltestdata/urltestdata.json").read_text("utf-8")
)

NO_LONGER_A_HOST = frozenset(
    {"http://0..0x300/", "http://256.256.256.256.256", "http://0177.0.0.0189"}
)
"""Since 2021 what ends in a number is an IPv4 address or nothing."""


def test_an_address_is_joined_as_the_standard_has_it() -> None:
    wrong = [
        (case["input"], case["base"], expected, found)
        for case in CASES
        if (found := join(case["base"], case["input"])) != (expected := _requested(case))
    ]
    assert wrong == []


def test_what_somebody_types_is_read_as_the_standard_has_it() -> None:
    typed = [case for case in CASES if case["base"] == "about:blank"]
    wrong = [
        (case["input"], expected, found)
        for case in typed
        if (found := _typed(case["input"])) != (expected := _requested(case))
    ]
    assert wrong == []
    assert len(typed) == 248


def test_all_of_the_tests_are_there() -> None:
    assert len(CASES) == 514
    assert {case["input"] for case in CASES} >= NO_LONGER_A_HOST


@pytest.mark.parametrize("address", sorted(NO_LONGER_A_HOST))
def test_a_host_that_ends_in_a_number_and_is_no_address_is_none(address: str) -> None:
    assert join("http://example.org/", address) is None


def _requested(case: dict[str, Any]) -> str | None:
    """What a browser requests: http and https, no credentials in parts of a page, no fragment."""
    href = case.get("href", "").partition("#")[0]
    if not href.startswith(("http://", "https://")) or case["input"] in NO_LONGER_A_HOST:
        return None
    authority = href.partition("://")[2].partition("/")[0]
    return None if "@" in authority else href


def _typed(text: str) -> str | None:
    try:
        return parse_url(text).partition("#")[0]
    except InvalidURL:
        return None

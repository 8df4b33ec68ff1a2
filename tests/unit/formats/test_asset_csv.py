"""Reports as CSV."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.formats import to_csv
from libra.report import Timings
from support.samples import PAGE, asset, hostile, ordinary, weighed


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_asset_has_a_row_under_the_names_of_the_report() -> None:
    rows = _rows(to_csv([ordinary(), hostile()]))
    assert len(rows) == len(ordinary().assets) + len(hostile().assets)
    assert rows[0]["page"] == PAGE
    assert rows[0]["transfer_bytes"] == "45896"
    assert rows[3]["third_party"] == "true"
    assert rows[0]["error"] == ""


def test_each_step_of_a_request_is_a_number_in_a_column() -> None:
    timed = asset(PAGE, "document", timings=Timings(connect_ms=3, body_ms=0))
    first, second = _rows(to_csv([weighed([timed, asset(f"{PAGE}a.js", "script")])]))
    steps = ("lookup_ms", "connect_ms", "tls_ms", "first_byte_ms", "body_ms")
    assert [first[step] for step in steps] == ["", "3", "", "", "0"]
    assert [second[step] for step in steps] == [""] * 5
    assert "timings" not in first


def test_no_cell_is_what_python_calls_a_thing() -> None:
    for row in _rows(to_csv([ordinary(), hostile()])):
        assert not any("(" in text and "=" in text for text in row.values() if text.isascii())


def test_lines_end_as_the_standard_says() -> None:
    text = to_csv([ordinary()])
    assert text.count("\r\n") == 1 + len(ordinary().assets)


@pytest.mark.parametrize(
    "start",
    [*"=+-@\t\r\n＝＋－＠", " =", "\x0b\xa0=", "\u200b\ufeff@"],
)
def test_no_cell_can_be_read_as_a_formula(start: str) -> None:
    row = _rows(to_csv([weighed([asset(PAGE, "document", content_type=f"{start}1+1")])]))[0]
    assert row["content_type"] == f"'{start}1+1"


@given(st.text())
def test_any_text_stays_in_its_cell(text: str) -> None:
    row = _rows(to_csv([weighed([asset(PAGE, "document", 7, error=text)])]))[0]
    assert row["transfer_bytes"] == "7"
    assert row["error"].removeprefix("'") == text.replace("\0", "").removeprefix("'")


def test_negative_numbers_are_not_made_text() -> None:
    row = _rows(to_csv([weighed([asset(PAGE, "document", duration_ms=-1)])]))[0]
    assert row["duration_ms"] == "-1"

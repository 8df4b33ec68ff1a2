"""Reports as JSON."""

from __future__ import annotations

import json

import msgspec
import pytest

from libra.formats import to_json
from libra.formats.report_json import from_json
from libra.report import Report, encode
from support.samples import failed, hostile, ordinary


def test_one_page_is_an_object_of_the_reports_own_shape() -> None:
    assert json.loads(to_json([ordinary()])) == json.loads(encode(ordinary()))


def test_several_pages_are_an_array_in_their_order() -> None:
    pages = json.loads(to_json([ordinary(), failed()]))
    assert [page["url"] for page in pages] == [ordinary().url, failed().url]


def test_no_pages_are_an_empty_array() -> None:
    assert json.loads(to_json([])) == []


@pytest.mark.parametrize("reports", [[ordinary()], [ordinary(), hostile()], []])
def test_what_was_written_reads_back(reports: list[Report]) -> None:
    assert from_json(to_json(reports)) == reports


def test_no_control_character_reaches_a_terminal() -> None:
    report = msgspec.structs.replace(ordinary(), title="a\x1b[31m\x9b31m\u2028b")
    text = to_json([report])
    assert all(character.isprintable() or character == "\n" for character in text)
    assert from_json(text) == [report]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"id": 1, "url": "x"}', "not json"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        from_json(text)

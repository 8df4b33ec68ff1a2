"""JSON and TOML of any depth and size is read or refused, and nothing else happens."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.budgets.lighthouse import BudgetError, parse_budgets
from libra.decoding import (
    DEPTH,
    Undecodable,
    decode_json,
    decode_json_as,
    decode_toml,
)
from libra.formats.page_lists import PageListError
from libra.formats.report_json import from_json
from libra.formats.sitemap import parse_sitemap
from libra.settings import Settings, SettingsError


class Known(msgspec.Struct):
    name: str = ""


MANY = 100_000

DEEP = {
    "lists": "[" * MANY,
    "closed lists": "[" * MANY + "]" * MANY,
    "objects": '{"name":' * MANY,
    "closed objects": '{"name":' * MANY + "1" + "}" * MANY,
    "lists in an unknown field": '{"other":' + "[" * MANY + "]" * MANY + "}",
    "just too deep to be shown": "[" * 900 + "]" * 900,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_json_that_is_too_deep_is_refused(text: str) -> None:
    with pytest.raises(Undecodable):
        decode_json(text)
    with pytest.raises(Undecodable):
        decode_json_as(text, list[Known])
    with pytest.raises(BudgetError):
        parse_budgets(f'[{{"path": {text}}}]')
    with pytest.raises(msgspec.DecodeError):
        from_json(text)


def test_what_is_not_too_deep_is_read() -> None:
    text = "[" * DEPTH + "]" * DEPTH
    assert json.dumps(decode_json(text)) == text
    assert decode_json('["' + "[" * MANY + '"]') == ["[" * MANY]


@pytest.mark.parametrize("digits", [5_000, 1_000])
def test_a_number_of_thousands_of_digits_is_refused(digits: int) -> None:
    with pytest.raises(BudgetError, match="digits"):
        parse_budgets('[{"resourceSizes": [{"budget": ' + "1" * digits + "}]}]")
    with pytest.raises(Undecodable):
        decode_toml(b"a = " + b"1" * 5_000)


TOML = {
    "lists": "a = " + "[" * MANY,
    "tables": "a = " + "{a=" * MANY,
    "a dotted key": "a." * MANY + "a = 1",
    "a dotted key with spaces": "a . " * MANY + "a = 1",
    "a dotted key in quotes": '"a".' * MANY + "a = 1",
    "a table's name": "[" + "a." * MANY + "a]",
    "a dotted key in a table": "a = {" + "b." * MANY + "b = 1}",
    "too much of it": "#" * 1_000_001,
    "no text": "\udcff",
}


@pytest.mark.parametrize("text", TOML.values(), ids=TOML)
def test_a_file_of_settings_that_is_too_deep_is_named_and_refused(
    text: str, tmp_path: Path
) -> None:
    file = tmp_path / "libra.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match=r"libra\.toml is not TOML"):
        Settings.load(file=file, environ={})


def test_a_list_of_many_networks_is_no_dotted_key() -> None:
    networks = ["10.0.0.0/8"] * 100
    assert decode_toml(f"allow = {json.dumps(networks)}".encode()) == {"allow": networks}


def test_a_sitemap_that_is_too_deep_is_refused() -> None:
    with pytest.raises(PageListError, match="nested more than 100 deep"):
        parse_sitemap(b"<urlset>" + b"<a>" * MANY)


@given(st.binary() | st.text(alphabet='[]{}":,.=a1-\\\n ').map(str.encode))
def test_whatever_it_is_it_is_read_or_refused(data: bytes) -> None:
    for decode in (decode_json, decode_toml, lambda d: decode_json_as(d, dict[str, Known])):
        with suppress(Undecodable):
            decode(data)

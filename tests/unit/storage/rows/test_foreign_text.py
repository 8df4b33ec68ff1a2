"""Foreign text made safe for a database and restored."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libra.storage.rows.foreign_text import escape, escape_json, unescape, unescape_json

# Mostly the characters that matter, so that they meet.
nasty = st.text(
    st.one_of(
        st.sampled_from("\x00\ud800\udbff\udc00\udfff\ue0ff\\u0eEfF8dD\"'"),
        st.characters(codec=None, categories=None),
    )
)


def is_safe(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


@given(nasty)
@example("\ue0ff0000")
@example("\ue0ff\ue0ff\x00")
def test_any_text_becomes_safe_and_comes_back(text: str) -> None:
    assert is_safe(escape(text))
    assert unescape(escape(text)) == text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\ue0ff")))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


def without_pairs(value: object) -> object:
    """JSON cannot tell two halves beside each other from the character that they make."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(value, list):
        return [without_pairs(item) for item in value]
    if isinstance(value, dict):
        return {without_pairs(key): without_pairs(item) for key, item in value.items()}
    return value


documents = st.recursive(
    st.one_of(nasty, st.integers(), st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(nasty, inner, max_size=3),
    max_leaves=8,
).map(without_pairs)


@given(documents, st.booleans())
@example(["\\u0000", "\\\\u0000", "\\\x00", "\U0001f9ea", "\ud83e", "\udcea\ud83e"], True)
@example(["\ue0ff", "\ue0ffd800", "\ue0ff\ue0ff"], False)
def test_any_json_becomes_safe_and_comes_back(document: object, ascii_only: bool) -> None:
    data = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    safe = escape_json(data)
    assert is_safe(safe)
    assert all(is_safe(text) for text in texts_of(json.loads(safe)))
    assert json.loads(unescape_json(safe)) == document


def texts_of(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    return [text for item in value for text in texts_of(item)] if isinstance(value, list) else []


def test_a_report_without_such_characters_is_not_touched() -> None:
    data = '{"title": "Grüße \U0001f9ea"}'.encode()
    assert escape_json(data).encode() == data
    assert unescape_json(data.decode()) == data


def test_what_is_not_text_at_all_is_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        escape_json(b'{"title": "\xff"}')

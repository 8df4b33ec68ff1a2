"""Access tokens, as they are written and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.credentials.tokens import (
    AccessToken,
    digest_of,
    new_token,
    parse_tokens,
    read_token_file,
)
from libra.settings import Settings, SettingsError

SECRET = "a-secret-of-some-length"
HASHED = f"ci:full:sha256:{digest_of(SECRET)}"


def test_a_token_is_the_same_with_its_secret_and_with_its_hash() -> None:
    assert AccessToken.parse(f"ci:full:{SECRET}") == AccessToken.parse(HASHED)
    assert str(AccessToken.parse(f"ci:full:{SECRET}")) == HASHED


def test_a_new_secret_is_long_and_never_the_same() -> None:
    first, token = new_token("ci", "read")
    second, _ = new_token("ci", "read")
    assert first != second
    assert len(first) >= 43
    assert AccessToken.parse(f"ci:read:{first}") == token
    assert first not in str(token)


@pytest.mark.parametrize(
    "text",
    ["", "ci", "ci:full", "ci:full:", "ci:admin:" + SECRET, "a b:full:" + SECRET, ":full:" + SECRET,
     "ci:full:short", "ci:full:with a space in it", "ci:full:sha256:00", "c.i:full:" + SECRET,
     "ci:full:" + "x" * 600, "ci:full:sécret-of-some-length"],
)  # fmt: skip
def test_what_is_no_token_is_refused_without_telling_the_secret(text: str) -> None:
    with pytest.raises(ValueError) as raised:
        AccessToken.parse(text)
    secret = text.rpartition(":")[2]
    assert not secret or secret not in str(raised.value)


@given(st.text())
def test_any_text_is_a_token_or_refused(text: str) -> None:
    try:
        token = AccessToken.parse(text)
    except ValueError:
        return
    assert AccessToken.parse(str(token)) == token


def test_a_file_has_a_token_on_each_line_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# who\n\n{HASHED}\n  me:read:{SECRET}\n")
    assert [token.name for token in read_token_file(file)] == ["ci", "me"]


@pytest.mark.parametrize("content", [b"nonsense", b"\xff", f"{HASHED}\n{HASHED}".encode()])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tokens"
    with pytest.raises(ValueError, match="tokens cannot be read"):
        read_token_file(file)
    file.write_bytes(content)
    with pytest.raises(ValueError, match="tokens"):
        read_token_file(file)


def test_a_line_that_is_no_token_is_named_by_its_number() -> None:
    with pytest.raises(ValueError, match="line 2: "):
        parse_tokens([HASHED, "x"])


def test_settings_never_hold_a_secret() -> None:
    settings = Settings.load({"token": (f"ci:full:{SECRET}",)}, environ={})
    assert SECRET not in repr(settings)
    assert settings.tokens() == (AccessToken.parse(HASHED),)
    with pytest.raises(SettingsError) as raised:
        Settings.load({"token": ("ci:wrong:" + SECRET,)}, environ={})
    assert SECRET not in str(raised.value)


def test_two_tokens_of_one_name_are_refused_wherever_they_come_from(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(HASHED)
    with pytest.raises(SettingsError, match="two tokens are named ci"):
        Settings.load({"token": (HASHED,), "token_file": str(file)}, environ={})

"""Who may do what, and for how long."""

from __future__ import annotations

import stat
import time
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from libra.credentials.session_key import session_key
from libra.credentials.tokens import AccessToken
from libra.settings import Settings
from libra.web.access.rights import (
    FULL,
    NOTHING,
    READ,
    SESSION,
    Access,
    Granted,
    Right,
    is_loopback,
    needed,
)

KEY = b"k" * 32
SECRET = "a-secret-of-some-length"
CI = AccessToken.parse(f"ci:full:{SECRET}")
RENEWED = AccessToken.parse("ci:full:another-secret-of-ours")


def access(**changes: Any) -> Access:
    return Access(Granted.by(Settings(**({"token": (str(CI),)} | changes))), KEY)


@pytest.mark.parametrize(
    ("settings", "strangers"),
    [
        ({"token": ()}, FULL),
        ({"token": (), "host": "::1"}, FULL),
        ({"token": (), "public": "read"}, Right.PAGES),
        ({"token": (), "host": "0.0.0.0"}, NOTHING),
        ({"token": (), "host": "192.0.2.1"}, NOTHING),
        ({"token": (), "host": "0.0.0.0", "public": "submit"}, Right.PAGES | Right.SUBMIT),
        ({}, NOTHING),
        ({"public": "read"}, Right.PAGES),
    ],
)
def test_what_strangers_may_do(settings: dict[str, Any], strangers: Right) -> None:
    assert access(**settings).strangers == strangers


def test_a_token_file_without_tokens_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("# later\n")
    assert access(token=(), token_file=file).strangers == NOTHING


def test_a_token_may_do_what_its_role_says_and_what_strangers_may() -> None:
    reader = AccessToken.parse("me:read:another-secret-of-ours")
    guarded = access(token=(str(CI), str(reader)), public="submit")
    assert guarded.rights(CI) == FULL
    assert guarded.rights(reader) == READ | Right.SUBMIT


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", "/", Right.PAGES),
        ("HEAD", "/pages/x.json", Right.PAGES),
        ("GET", "/metrics", Right.INTERNALS),
        ("GET", "/health", Right.INTERNALS),
        ("GET", "/health/", Right.INTERNALS),
        ("GET", "/health/live", NOTHING),
        ("GET", "/observer/events", Right.INTERNALS),
        ("GET", "/observers", Right.PAGES),
        ("GET", "/static/style.css", NOTHING),
        ("POST", "/login", NOTHING),
        ("POST", "/pages", Right.SUBMIT),
        ("POST", "/pages/", Right.SUBMIT),
        ("POST", "/pages/bulk", Right.SUBMIT),
        ("POST", "/pages/x/delete", Right.CHANGE),
        ("DELETE", "/pages/x", Right.CHANGE),
        ("POST", "/what/ever", Right.CHANGE),
        ("FOO", "/", Right.CHANGE),
    ],
)
def test_what_a_request_needs(method: str, path: str, right: Right) -> None:
    assert needed(method, path) == right


def test_a_secret_finds_its_token_and_nothing_else_does() -> None:
    guarded = access()
    assert guarded.of_secret(SECRET) == CI
    assert guarded.of_bearer(f"bearer  {SECRET} ") == CI
    for wrong in ("", f"Basic {SECRET}", f"Bearer {SECRET}x", "Bearer", f"Bearer {CI.digest}"):
        assert guarded.of_bearer(wrong) is None


def test_a_session_lets_in_until_it_ends() -> None:
    guarded = access()
    began = time.time()
    cookie = f"other=1; libra_session={guarded.session(CI)}; more=2"
    assert guarded.of_session(cookie) == CI
    assert guarded.of_session(cookie, now=began - 3600) == CI, "the clock was set back"
    assert guarded.of_session(cookie, now=began + SESSION - 60) == CI
    assert guarded.of_session(cookie, now=time.time() + SESSION) is None


def test_a_session_of_another_key_another_secret_or_another_name_is_none() -> None:
    session = access().session(CI)
    cookie = f"libra_session={session}"
    assert access().of_session(cookie) == CI
    other = Access(Granted.by(Settings(token=(str(CI),))), b"other" * 8)
    assert other.of_session(cookie) is None
    assert access(token=(str(RENEWED),)).of_session(cookie) is None
    assert access(token=("me:full:" + SECRET,)).of_session(cookie) is None


@given(st.data())
def test_a_session_that_was_changed_is_none(data: st.DataObject) -> None:
    session = access().session(CI)
    at = data.draw(st.integers(0, len(session) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != session[at]))
    changed = session[:at] + other + session[at + 1 :]
    assume(b64(changed) != b64(session))  # the last character of a signature has bits to spare
    assert access().of_session(f"libra_session={changed}") is None


def b64(session: str) -> tuple[str, bytes]:
    """What a session says, and its signature."""
    said, _, signature = session.rpartition(".")
    try:
        return said, urlsafe_b64decode(signature + "=")
    except ValueError:
        return said, b""


@given(st.text() | st.builds("libra_session={}.{}.{}".format, st.text(), st.text(), st.text()))
def test_whatever_a_cookie_says_it_is_read(text: str) -> None:
    assert access().of_session(text) is None


def test_the_key_of_sessions_is_kept_and_for_the_owner_only(tmp_path: Path) -> None:
    key = session_key(tmp_path)
    assert session_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["session.key"]
    assert stat.S_IMODE((tmp_path / "session.key").stat().st_mode) == 0o600


def test_without_a_disk_sessions_last_as_long_as_the_program(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    key = session_key(tmp_path / "file" / "below")
    assert len(key) == 32
    assert key != session_key(tmp_path / "file" / "below")
    (tmp_path / "session.key").write_bytes(b"")
    assert len(session_key(tmp_path)) == 32


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_an_address_of_this_machine_alone_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1"])
def test_an_address_that_others_reach_is_known(host: str) -> None:
    assert not is_loopback(host)

"""Tokens that are made in the browser: kept as hashes, until they are revoked or expire."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from libra.credentials.tokens import AccessToken
from libra.neighbours import Neighbours, SharedAccess
from libra.settings import Settings, SettingsError
from libra.web.access.guard import Guard
from libra.web.access.made_tokens import MadeTokens
from libra.web.access.rights import FULL, READ, Caller, Right, needed
from libra.web.serving.program import why_not

SECRET = "a-secret-of-some-length"
THEIRS = "another-secret-of-theirs"
ME = Caller("token:me", FULL, "me")


def guard(folder: Path, **changes: Any) -> Guard:
    return Guard(Settings(data_dir=folder, **{"token": (f"me:full:{SECRET}",), **changes}))


def rights(guard: Guard, secret: str) -> Right | None:
    token = guard.access.of_secret(secret)
    return None if token is None else guard.access.rights(token)


def is_open(guard: Guard) -> bool:
    return guard.access.open


def test_a_token_lets_in_at_once_and_after_a_restart_until_it_is_revoked(tmp_path: Path) -> None:
    first = guard(tmp_path)
    secret = first.make_token(ME, "grafana", "read", None, None)
    token = first.access.of_secret(secret)
    assert token is not None
    session = f"libra_session={first.access.session(token)}"
    again = guard(tmp_path)
    for one in (first, again):
        assert rights(one, secret) == READ
        assert one.access.of_session(session) is not None
    assert again.made[0].made_by == "me"
    assert again.revoke_token(ME, "grafana")
    assert not again.revoke_token(ME, "grafana")
    assert rights(again, secret) is None
    assert again.access.of_session(session) is None
    assert guard(tmp_path).made == ()


def test_what_is_kept_is_the_hash_for_nobody_else_on_the_machine(tmp_path: Path) -> None:
    secret = guard(tmp_path).make_token(ME, "ci", "push", "shop", None)
    path = tmp_path / "tokens.json"
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())[0]["token"]["project"] == "shop"


def test_a_token_that_has_expired_lets_nobody_in_nor_does_its_session(tmp_path: Path) -> None:
    made = guard(tmp_path)
    secret = made.make_token(ME, "guest", "read", None, 7)
    token = made.access.of_secret(secret)
    assert token is not None
    now = datetime.now(UTC)
    assert made.access.holds(token, now + timedelta(days=6))
    assert not made.access.holds(token, now + timedelta(days=8))
    MadeTokens(tmp_path)
    path = tmp_path / "tokens.json"
    path.write_text(path.read_text().replace(f"{now + timedelta(days=7):%Y-%m-%d}", "2020-01-01"))
    later = guard(tmp_path)
    assert rights(later, secret) is None
    assert later.access.of_session(f"libra_session={made.access.session(token)}") is None


def test_nobody_is_locked_out_by_a_click(tmp_path: Path) -> None:
    nothing = guard(tmp_path, token=())
    with pytest.raises(ValueError, match="the first token must have the role full"):
        nothing.make_token(ME, "guest", "read", None, None)
    assert is_open(nothing)
    nothing.make_token(ME, "boss", "full", None, None)
    assert not is_open(nothing)
    nothing.make_token(ME, "guest", "read", None, None)
    with pytest.raises(ValueError, match="boss is the last token with the role full"):
        nothing.revoke_token(ME, "boss")
    assert nothing.revoke_token(ME, "guest")
    nothing.make_token(ME, "deputy", "full", None, None)
    assert nothing.revoke_token(ME, "boss")


@pytest.mark.parametrize(
    ("name", "role", "project", "words"),
    [
        ("me", "read", None, "the settings already have"),
        ("twice", "read", None, "a token twice already exists"),
        ("a b", "read", None, "name is 1 to 64"),
        ("ci", "push", None, "push@PROJECT"),
    ],
)
def test_what_cannot_be_a_token_is_refused_with_its_reason(
    tmp_path: Path, name: str, role: Any, project: str | None, words: str
) -> None:
    made = guard(tmp_path)
    made.make_token(ME, "twice", "read", None, None)
    with pytest.raises(ValueError, match=words):
        made.make_token(ME, name, role, project, None)
    assert len(made.made) == 1


def test_a_disk_that_cannot_be_written_makes_and_revokes_nothing(tmp_path: Path) -> None:
    made = guard(tmp_path)
    secret = made.make_token(ME, "guest", "read", None, None)
    (tmp_path / "tokens.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        made.make_token(ME, "other", "read", None, None)
    with pytest.raises(OSError, match="directory"):
        made.revoke_token(ME, "guest")
    assert rights(made, secret) == READ
    assert len(made.made) == 1


def test_a_file_of_the_settings_that_became_invalid_keeps_no_token_from_being_made_or_revoked(
    tmp_path: Path,
) -> None:
    tokens, users = tmp_path / "tokens", tmp_path / "users"
    tokens.write_text(f"them:read:{THEIRS}\n")
    users.write_text("eve:full\n")
    made = guard(tmp_path, token_file=tokens, user_roles=users)
    secret = made.make_token(ME, "guest", "read", None, None)
    tokens.write_text("this is no token\n")
    users.unlink()
    other = made.make_token(ME, "other", "read", None, None)
    assert made.revoke_token(ME, "guest")
    assert [rights(made, one) for one in (secret, other, THEIRS)] == [None, READ, READ]
    assert made.access.rights_of_user("eve") == FULL


def test_an_edited_file_counts_from_when_the_settings_are_read_again_and_no_sooner(
    tmp_path: Path,
) -> None:
    file, neighbours = tmp_path / "tokens", Neighbours()
    file.write_text(f"them:read:{THEIRS}\n")
    settings = Settings(data_dir=tmp_path, token=(f"me:full:{SECRET}",), token_file=file)
    made = Guard(settings, neighbours)
    file.write_text("")
    made.make_token(ME, "guest", "read", None, None)
    shared = "a-secret-of-the-cluster"
    neighbours.access = SharedAccess(tokens=(AccessToken.parse(f"all:read:{shared}"),))
    assert [rights(made, one) for one in (THEIRS, shared)] == [READ, READ]
    made.reload(settings)
    assert [rights(made, one) for one in (THEIRS, shared)] == [None, READ]


def test_a_file_that_cannot_be_read_lets_nobody_in_by_a_guess(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("[{")
    with pytest.raises(SettingsError, match="cannot be read"):
        guard(tmp_path)
    settings = Settings(data_dir=tmp_path, host="0.0.0.0")
    assert "cannot be read" in (why_not(settings) or "")


def test_with_a_token_of_the_browser_it_starts_on_any_address(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, host="0.0.0.0")
    assert why_not(settings) is not None
    guard(tmp_path).make_token(ME, "boss", "full", None, None)
    assert why_not(settings) is None


def test_in_a_cluster_it_would_be_known_to_one_node(tmp_path: Path) -> None:
    node = guard(tmp_path, cluster=("nats://a:4222",), database="postgresql://db/l")
    with pytest.raises(ValueError, match="libra cluster tokens FILE"):
        node.make_token(ME, "guest", "read", None, None)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_only_who_may_do_everything_sees_or_changes_them(method: str) -> None:
    for path in ("/tokens", "/tokens/", "/tokens/ci/revoke"):
        assert needed(method, path) == Right.CHANGE

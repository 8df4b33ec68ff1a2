"""People whom a proxy signs in: believed from it, and from nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.settings import Settings, SettingsError
from libra.web.access.guard import Guard
from libra.web.access.rights import FULL, NOTHING, READ
from libra.web.http.problems import RequestRefused

SECRET = "a-secret-of-some-length"
HEADER = "x-remote-user"
PROXY, STRANGER = "127.0.0.1", "192.0.2.7"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("users")
    (path / "roles").write_text("# who may what\nalice:full\n\nmallory : none\nurn:x:bob:read\n")
    return path


@pytest.fixture(scope="module")
def guard(folder: Path) -> Guard:
    return Guard(settings(folder, token=(f"ci:full:{SECRET}",)))


def settings(folder: Path, **changes: Any) -> Settings:
    given = {"trusted_proxy": (PROXY,), "trusted_user_header": "X-Remote-User"}
    return Settings(data_dir=folder, user_roles=folder / "roles", **{**given, **changes})


def scope(*headers: tuple[str, str], peer: str = PROXY, method: str = "GET") -> Any:
    fields = [("host", "localhost"), ("x-forwarded-for", STRANGER), *headers]
    return {
        "method": method,
        "path": "/watches",
        "client": (peer, 5),
        "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in fields],
    }


@pytest.mark.parametrize(
    ("name", "rights"),
    [("alice", FULL), ("zoë@example.com", READ), ("urn:x:bob", READ), (" alice ", FULL)],
)
def test_who_the_proxy_names_may_read_or_what_the_file_says(
    guard: Guard, name: str, rights: object
) -> None:
    client = guard.judge(scope((HEADER, name)))
    assert (client.name, client.token, client.rights) == (name.strip(), None, rights)
    assert client.key == f"user:{name.strip()}"


def test_who_is_shut_out_is_told_so_by_name(guard: Guard) -> None:
    with pytest.raises(RequestRefused, match="mallory may not") as caught:
        guard.judge(scope((HEADER, "mallory")))
    assert caught.value.problem.status == 403
    assert "for the role read (--user-roles)" in (caught.value.problem.detail or "")
    with pytest.raises(RequestRefused, match=r"the role full .--user-roles"):
        guard.judge(scope((HEADER, "bob"), method="POST"))


@given(st.sampled_from(["alice", "bob", ""]), st.ip_addresses().map(str))
def test_nobody_but_the_proxy_is_believed(folder: Path, name: str, peer: str) -> None:
    public = Guard(settings(folder, public="read"))
    request = {**scope((HEADER, name), peer=peer), "path": "/pages"}
    client = public.judge(request)
    assert client.name is None or peer == PROXY
    assert client == public.judge({**request, "headers": request["headers"][:2]}) or peer == PROXY


def test_a_header_that_is_there_twice_is_a_client_s_and_the_proxy_s(guard: Guard) -> None:
    for names in (("alice", "bob"), ("alice", "alice")):
        with pytest.raises(RequestRefused) as caught:
            guard.judge(scope(*((HEADER, name) for name in names)))
        assert caught.value.problem.status == 400
    with pytest.raises(RequestRefused):
        guard.judge(scope((HEADER, "x" * 300)))


def test_an_empty_name_is_nobody(guard: Guard) -> None:
    with pytest.raises(RequestRefused) as caught:
        guard.judge(scope((HEADER, "")))
    assert caught.value.problem.status == 401


def test_a_token_counts_before_the_name_and_a_password_of_the_proxy_does_not(guard: Guard) -> None:
    request = scope((HEADER, "zoe"), ("authorization", f"Bearer {SECRET}"))
    assert guard.judge(request).token == "ci"
    request = scope((HEADER, "zoe"), ("authorization", "Basic em9lOnB3"))
    assert guard.judge(request).name == "zoe"


def test_a_page_of_another_site_writes_nothing_in_their_name(guard: Guard) -> None:
    for field, value in (
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ):
        with pytest.raises(RequestRefused) as caught:
            guard.judge(scope((HEADER, "alice"), (field, value), method="POST"))
        assert caught.value.problem.status == 403
    own = scope((HEADER, "alice"), ("sec-fetch-site", "same-origin"), method="POST")
    assert guard.judge(own).name == "alice"


def test_nothing_behind_the_guard_sees_the_header(guard: Guard, folder: Path) -> None:
    headers = scope((HEADER, "alice"))["headers"]
    assert guard.without_user(headers) == headers[:2]
    assert Guard(Settings(data_dir=folder)).without_user(headers) == headers


def test_with_such_a_proxy_nobody_else_is_let_in_on_loopback(folder: Path) -> None:
    closed = Guard(settings(folder))
    assert not closed.access.open
    assert closed.access.strangers == NOTHING


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trusted_proxy": ()}, "trusted_user_header needs trusted_proxy"),
        ({"trusted_user_header": "X Remote"}, "takes a header such as"),
        ({"trusted_user_header": "Cookie"}, "takes a header such as"),
        ({"trusted_user_header": None}, "user_roles needs trusted_user_header"),
        ({"user_roles": "/none"}, "/none cannot be read"),
    ],
)
def test_what_would_let_everybody_in_is_refused_at_the_start(
    folder: Path, changes: dict[str, Any], words: str
) -> None:
    given = {
        "trusted_proxy": (PROXY,),
        "trusted_user_header": "X-Remote-User",
        "user_roles": folder / "roles",
    }
    with pytest.raises(SettingsError, match=words):
        Settings(data_dir=folder, **{**given, **changes}).check()


@pytest.mark.parametrize("text", ["alice", "alice:admin", ":full", "alice:full\nalice:read"])
def test_a_line_that_is_no_role_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "roles").write_text(text)
    with pytest.raises(SettingsError, match=r"roles, line \d"):
        settings(tmp_path).check()

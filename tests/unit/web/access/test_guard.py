"""Which requests are let in, and whose they are."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.settings import Settings
from libra.web.access.guard import Guard
from libra.web.access.rate_limit import Rate
from libra.web.http.problems import RequestRefused
from libra.web.routes.login import local_path
from support.patience import FOR_EVER

SECRET = "a-secret-of-some-length"
TOKEN = f"ci:read:{SECRET}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def guard(folder: Path, **changes: Any) -> Guard:
    return Guard(Settings(data_dir=folder, **changes))


def scope(method: str = "GET", path: str = "/", peer: str = "192.0.2.7", **fields: str) -> Any:
    headers = {"host": "localhost"} | {k.replace("_", "-"): v for k, v in fields.items()}
    return {
        "method": method,
        "path": path,
        "client": (peer, 5),
        "http_version": "1.1",
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()],
    }


def status(guard: Guard, asked: Any) -> int:
    try:
        guard.judge(asked)
    except RequestRefused as refused:
        return refused.problem.status
    return 200


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:8000", "127.0.0.1:8000", "[::1]:8000", "192.0.2.1", "a.localhost",
     "libra.example", "libra.example.:443", "LIBRA.example:80"],
)  # fmt: skip
def test_it_goes_by_addresses_and_by_its_names(folder: Path, host: str) -> None:
    assert status(guard(folder, allowed_host=("Libra.Example",)), scope(host=host)) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", " ", "a:b:c",
     "libra.example@evil.example", "127.0.0.1:80:80", "2130706433", "0x7f.1", "xlocalhost"],
)  # fmt: skip
def test_it_goes_by_no_other_name(folder: Path, host: str) -> None:
    """What a browser of a rebound name sends is refused even where everything is open."""
    assert status(guard(folder), scope(host=host)) == 421


def test_there_is_exactly_one_host(folder: Path) -> None:
    asked = scope()
    asked["headers"].append((b"host", b"127.0.0.1"))
    assert status(guard(folder), asked) == 400
    known = guard(folder)
    assert status(known, scope(host="127.0.0.1")) == 200
    assert status(known, asked) == 400
    asked["headers"].clear()
    assert status(guard(folder), asked) == 400
    asked["http_version"] = "1.0"
    assert status(guard(folder), asked) == 200


def test_names_that_are_refused_are_not_remembered(folder: Path) -> None:
    guarded = guard(folder)
    for number in range(3000):
        status(guarded, scope(host=f"localhost:{number}"))
    assert len(guarded._rules.hosts._seen) == 1000
    assert status(guarded, scope(host="127.0.0.1:9")) == 200


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({}, False),
        ({"sec_fetch_site": "same-origin"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"sec_fetch_site": "same-site"}, True),
        ({"sec_fetch_site": "cross-site"}, True),
        ({"sec_fetch_site": "cross-site", "origin": "http://localhost"}, True),
        ({"origin": "http://localhost"}, False),
        ({"origin": "https://LOCALHOST"}, False),
        ({"origin": "http://localhost:81"}, True),
        ({"origin": "null"}, True),
        ({"origin": ""}, True),
        ({"origin": "http://localhost.evil.example"}, True),
        ({"origin": "http://evil.example"}, True),
    ],
)
def test_another_site_may_not_write_through_a_browser(
    folder: Path, fields: dict[str, str], refused: bool
) -> None:
    guarded = guard(folder)
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        assert status(guarded, scope(method, "/pages", **fields)) == (403 if refused else 200)
    assert status(guarded, scope("GET", "/pages", **fields)) == 200


def test_without_a_token_one_is_asked_for_and_a_wrong_one_is_said_to_be_wrong(folder: Path) -> None:
    guarded = guard(folder, token=(TOKEN,), public="read")
    assert status(guarded, scope()) == 200
    with pytest.raises(RequestRefused) as refused:
        guarded.judge(scope("DELETE", "/pages/x"))
    assert refused.value.headers == {"WWW-Authenticate": 'Bearer realm="libra"'}
    with pytest.raises(RequestRefused) as refused:
        guarded.judge(scope(authorization="Bearer wrong"))
    assert "invalid_token" in refused.value.headers["WWW-Authenticate"]


def test_a_token_that_does_not_suffice_is_403(folder: Path) -> None:
    guarded = guard(folder, token=(TOKEN,))
    shown = {"authorization": f"Bearer {SECRET}"}
    assert guarded.judge(scope(path="/metrics", **shown)).token == "ci"
    assert status(guarded, scope("POST", "/pages", **shown)) == 403


def test_probes_need_no_token_and_are_not_counted(folder: Path) -> None:
    guarded = guard(folder, token=(TOKEN,), read_limit="1/h")
    for _ in range(5):
        assert status(guarded, scope(path="/health/ready")) == 200


def test_a_proxy_that_nobody_named_before_an_open_service_is_warned_of_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    guarded = guard(folder)
    for _ in range(3):
        assert status(guarded, scope(x_forwarded_for="203.0.113.1")) == 200
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "--trusted-proxy" in caplog.text


def test_wrong_tokens_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The room for one more would otherwise come back meanwhile, in three seconds.
    monkeypatch.setattr("libra.web.access.guard.FAILURES", Rate(20, FOR_EVER))
    guarded = guard(folder, token=(TOKEN,))
    wrong = [status(guarded, scope(authorization="Bearer wrong")) for _ in range(25)]
    assert wrong == [401] * 20 + [429] * 5
    assert status(guarded, scope(authorization=f"Bearer {SECRET}")) == 200


def test_strangers_are_limited_and_holders_of_a_token_less(folder: Path) -> None:
    guarded = guard(folder, token=(TOKEN,), public="submit", read_limit="2/h")
    assert [status(guarded, scope()) for _ in range(3)] == [200, 200, 429]
    shown = scope(authorization=f"Bearer {SECRET}")
    assert [status(guarded, shown) for _ in range(41)] == [200] * 40 + [429]


def test_an_open_service_has_no_limits_unless_they_are_set(folder: Path) -> None:
    assert {status(guard(folder), scope()) for _ in range(300)} == {200}
    limited = guard(folder, read_limit="2/h")
    assert [status(limited, scope()) for _ in range(3)] == [200, 200, 429]


def test_submitted_pages_have_a_limit_of_their_own(folder: Path) -> None:
    guarded = guard(folder, public="submit", submit_limit="10/h")
    client = guarded.judge(scope("POST", "/pages"))
    guarded.submit(client, 9)
    with pytest.raises(RequestRefused) as refused:
        guarded.submit(client, 2)
    assert refused.value.problem.retry_after is not None
    guarded.submit(client, 1)


def test_a_reload_takes_on_other_tokens_and_keeps_what_was_spent(folder: Path) -> None:
    guarded = guard(folder, token=(TOKEN,), public="read", read_limit="2/h")
    assert [status(guarded, scope()) for _ in range(2)] == [200, 200]
    guarded.reload(Settings(data_dir=folder, public="read", read_limit="2/h"))
    assert status(guarded, scope()) == 429
    assert status(guarded, scope(authorization=f"Bearer {SECRET}", peer="192.0.2.8")) == 401


PROXIES = ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "key"),
    [
        ("192.0.2.7", "203.0.113.1", "192.0.2.7"),  # no proxy of ours: anybody can write this
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "203.0.113.1, 198.51.100.2", "198.51.100.2"),
        ("10.0.0.1", "203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.1, 10.9.9.9, 10.0.0.2", "203.0.113.1"),
        ("10.0.0.1", "203.0.113.1:4711", "203.0.113.1"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::/64"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::/64"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.1, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("::ffff:10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("fd00::1", "203.0.113.1", "203.0.113.1"),
    ],
)
def test_a_client_behind_proxies_of_ours_is_found_from_the_right(
    folder: Path, peer: str, forwarded: str, key: str
) -> None:
    guarded = guard(folder, trusted_proxy=PROXIES, public="read")
    assert guarded.judge(scope(peer=peer, x_forwarded_for=forwarded)).key == key


@given(spoofed=st.text(st.characters(codec="latin-1"), max_size=80))
def test_nothing_that_a_client_writes_changes_whose_request_it_is(spoofed: str) -> None:
    guarded = _GUARDED
    through = scope(peer="10.0.0.1", x_forwarded_for=f"{spoofed}, 203.0.113.1")
    assert guarded.judge(through).key == "203.0.113.1"
    assert guarded.judge(scope(x_forwarded_for=spoofed)).key == "192.0.2.7"


@pytest.fixture(scope="module", autouse=True)
def _one_guard(tmp_path_factory: pytest.TempPathFactory) -> None:
    global _GUARDED  # noqa: PLW0603 - hypothesis takes no fixture of a single example
    folder = tmp_path_factory.mktemp("guard")
    _GUARDED = guard(folder, trusted_proxy=PROXIES, public="read", read_limit="off")


_GUARDED: Guard


def test_tls_is_believed_of_a_proxy_of_ours_only(folder: Path) -> None:
    guarded = guard(folder, trusted_proxy=PROXIES, public="read")
    assert guarded.judge(scope(peer="10.0.0.1", x_forwarded_proto="https")).secure
    assert not guarded.judge(scope(x_forwarded_proto="https")).secure


def test_one_address_has_so_many_connections_and_a_proxy_of_ours_has_more(folder: Path) -> None:
    guarded = guard(folder, trusted_proxy=PROXIES, public="read")
    taken = [guarded.connected("192.0.2.7") for _ in range(510)]
    assert taken == [True] * 500 + [False] * 10
    assert guarded.connected("192.0.2.8")
    assert all(guarded.connected("10.0.0.1") for _ in range(510))
    for _ in range(510):
        guarded.disconnected("192.0.2.7")
    assert guarded.connected("192.0.2.7")
    guarded.disconnected("192.0.2.7")
    assert "192.0.2.7" not in guarded._connections._of_one


def test_connections_leave_files_for_everything_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (100, 200))
    guarded = guard(folder)
    taken = [guarded.connected(f"192.0.2.{number}") for number in range(60)]
    assert taken == [True] * 50 + [False] * 10


@pytest.mark.parametrize("path", ["/", "/pages/x?y=1#z", "/a//b", "/observer"])
def test_after_the_login_a_path_of_ours_follows(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [None, "", "//evil.example", "/\\evil.example", "\\/evil.example", "https://evil.example",
     "/\t/evil.example", "/\n/evil.example", "javascript:alert(1)", "evil", "/é", "/login", " /x",
     "/x\r\nSet-Cookie: a=b", "/logout", "/" + "x" * 5000],
)  # fmt: skip
def test_after_the_login_nobody_is_led_elsewhere(path: str | None) -> None:
    assert local_path(path) == "/"

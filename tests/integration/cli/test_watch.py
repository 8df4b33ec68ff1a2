"""`libra watch` as a program that talks to a running service."""

from __future__ import annotations

import json
import os
import re
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from libra.settings import Settings
from libra.testing import PageServer
from libra.testing.pages import redirect
from support.nursery import Nursery
from support.ports import refusing_port
from support.receiver import Receiver
from support.service import Service, running
from support.site import WebSite


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with running(settings) as up:
        yield up


@pytest.fixture
def site_url(site: WebSite) -> str:
    return site.url()


@pytest.fixture
def budget(tmp_path: Path) -> Path:
    path = tmp_path / "budget.json"
    path.write_text(json.dumps([{"resourceCounts": [{"resourceType": "total", "budget": 1}]}]))
    return path


Command = Callable[..., Awaitable[tuple[int, str, str]]]
"""Runs `libra watch` with a server and other arguments; returns its exit code and what it wrote."""


@pytest.fixture
def command(nursery: Nursery, tmp_path: Path) -> Command:
    async def run(server: str, *arguments: str, token: str = "") -> tuple[int, str, str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LIBRA_")}
        environment |= {"LIBRA_SERVER": server, **({"LIBRA_TOKEN": token} if token else {})}
        process = await nursery.libra(
            "watch", *arguments, stdout=PIPE, stderr=PIPE, env=environment, cwd=tmp_path
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    return run


async def test_a_url_is_watched_listed_and_forgotten(
    command: Command, service: Service, site_url: str
) -> None:
    server = service.server.url
    code, out, err = await command(server, site_url, "--every", "0 6 * * *", "--max-weight", "1kB")
    assert code == 0, err
    (watch_id,) = out.split()
    watch = service.libra.watch_of(watch_id)
    assert (watch.every, watch.terms.max_weight) == ("0 6 * * *", 1000)
    assert 'every "0 6 * * *", next at 20' in err
    assert f"{server}/pages/" in err
    code, out, _ = await command(server, "--list")
    assert code == 0
    assert re.match(rf"{watch_id}  (new|over-budget|failed) ", out)
    assert site_url in out
    assert (await command(server, "--list", "https://other.test/"))[1] == ""
    code, out, err = await command(server, "--run", watch_id)
    assert code == 0, err
    assert (await service.libra.report(out.strip())).url == site_url
    assert f"{server}/pages/{out.strip()}" in err
    code, _, err = await command(server, "--delete", watch_id)
    assert (code, err) == (0, f"Deleted watch {watch_id}.\n")
    code, _, err = await command(server, "--delete", watch_id)
    assert (code, err) == (1, "Error: No watch has this id.\n")


async def test_a_webhook_a_budget_and_jumps_are_passed_on(
    command: Command, service: Service, site_url: str, budget: Path
) -> None:
    async with Receiver() as receiver:
        flags = ["--budget", str(budget), "--webhook", receiver.url, "--jump-bytes", "1kB"]
        code, out, _ = await command(service.server.url, site_url, *flags)
        assert code == 0
        watch_id, secret = out.split()
        assert secret.startswith("whsec_")
        jump = service.libra.watch_of(watch_id).terms.jump
        assert jump is not None
        assert (jump.percent, jump.bytes) == (20, 1000)
        (delivery,) = await receiver.until_received(1)
        assert delivery.json["breaches"][0]["subject"] == "total count"
    code, out, _ = await command(service.server.url, site_url, "--no-jump")
    assert service.libra.watch_of(out.strip()).terms.jump is None


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "Give a URL to watch"),
        (["https://a.test/", "--delete", "x"], 2, "--delete ID cannot be combined"),
        (["--run", "x", "--delete", "x"], 2, "--run ID cannot be combined"),
        (["--run", "x"], 1, "No watch has this id"),
        (["https://a.test/", "--max-weight", "heavy"], 2, "500kB"),
        (["https://a.test/", "--server", "here"], 2, "http://127.0.0.1:8000"),
        (["a.test"], 2, "has no scheme"),
        (["https://a.test/", "--every", "soon"], 2, "cron expression"),
        (["https://a.test/", "--every", "99 * * * *"], 2, "Bad minute"),
        (["https://a.test/", "--webhook", "http://10.1.2.3/x"], 2, "--allow 10.1.2.0/24"),
    ],
)
async def test_a_mistake_is_told(
    command: Command, service: Service, arguments: list[str], code: int, words: str
) -> None:
    found, _, err = await command(service.server.url, *arguments)
    assert (found, words in err) == (code, True), err
    assert "Traceback" not in err


async def test_a_service_that_is_not_there_is_told(command: Command) -> None:
    with refusing_port() as port:
        code, _, err = await command(f"http://127.0.0.1:{port}", "--list")
    assert code == 1
    assert "libra serve" in err
    assert "Traceback" not in err


async def test_the_token_comes_from_the_environment(
    command: Command, settings: Settings, site_url: str
) -> None:
    guarded = msgspec.structs.replace(settings, token=("ci:full:a-secret-of-some-length",))
    async with running(guarded) as service:
        server = service.server.url
        code, _, err = await command(server, "--list")
        assert code == 1
        assert "LIBRA_TOKEN" in err
        for token in ("a-secret-of-some-length", "ci:full:a-secret-of-some-length"):
            assert (await command(server, site_url, token=token))[0] == 0
        assert len(service.libra.watches().watches) == 2


async def test_a_watch_is_changed_paused_resumed_and_tested(
    command: Command, service: Service, site_url: str
) -> None:
    server = service.server.url
    async with Receiver() as receiver:
        made = await service.libra.watch(site_url, webhook=receiver.url)
        code, out, err = await command(
            *(server, "--edit", made.id, "--name", "Shop", "--tag", "a", "--every", "30m"),
            *("--confirm", "2 of 3", "--header", "Cookie: a=b", "--no-recover"),
        )
        assert code == 0, err
        assert out.rstrip().endswith(f"{site_url}  Shop")
        watch = service.libra.watch_of(made.id)
        assert (watch.name, watch.tags, watch.every, watch.headers) == (
            "Shop",
            ("a",),
            "30m",
            ("Cookie",),
        )
        assert (str(watch.terms.confirm), watch.terms.recover) == ("2 of 3", False)
        assert (await command(server, "--pause", made.id))[1].count("paused") == 2
        assert service.libra.watch_of(made.id).paused
        assert "next 20" in (await command(server, "--resume", made.id))[1]
        assert (await command(server, "--test", made.id))[0] == 0
        (alert,) = await receiver.until_received(1)
        assert alert.json["event"] == "test"
    assert (await command(server, "--edit", made.id))[0] == 2
    assert (await command(server, "--pause", made.id, "--resume", made.id))[0] == 2


async def test_a_redirect_is_told_and_the_token_is_not_sent_there(command: Command) -> None:
    async with PageServer() as elsewhere:
        moved = redirect(elsewhere.url("/watches"), 308)
        async with PageServer(fallback=lambda _: moved) as server:
            code, _, err = await command(server.url().rstrip("/"), "--list", token="a-secret")
        assert code == 1
        assert f"redirects to {elsewhere.url('/watches')}" in err
        assert "--server" in err
        assert not elsewhere.requests


async def test_a_service_on_this_machine_is_asked_past_every_proxy(
    command: Command, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refusing_port() as port:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{port}")
        assert (await command(service.server.url, "--list"))[0] == 0

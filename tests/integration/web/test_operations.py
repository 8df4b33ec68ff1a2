"""`libra serve` in operation: its log, reloading, traces."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.nursery import Nursery, Program
from support.site import WebSite

FIRST = "a-secret-of-some-length"
SECOND = "another-secret-of-ours"


@dataclass
class Running:
    process: Program
    url: str
    passed: list[dict[str, Any]] = field(default_factory=list)

    async def logs(self, event: str) -> dict[str, Any]:
        """An event that begins so, as JSON, once it is logged; the order of events is not ours."""
        for number, seen in enumerate(self.passed):
            if seen["event"].startswith(event):
                return self.passed.pop(number)
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            with suppress(ValueError):
                found: dict[str, Any] = json.loads(line)
                if found["event"].startswith(event):
                    return found
                self.passed.append(found)
        raise AssertionError(f"it ended without {event!r}")

    async def status(self, secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=None) as client:
            return (await client.get("/pages")).status_code


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path, nursery: Nursery) -> AsyncIterator[Start]:
    started: list[Program] = []

    async def go(*flags: str) -> Running:
        process = await nursery.libra(
            *("serve", "--data-dir", str(tmp_path / "data")),
            *("--allow", "127.0.0.0/8", "--port", "0", *flags),
            stdout=PIPE,
            stderr=PIPE,
            cwd=tmp_path,
            env=os.environ,
        )
        started.append(process)
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode().split()
        return Running(process, line[-1] if line else "")

    yield go
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_the_life_of_a_page_can_be_followed_in_the_log(start: Start, site: WebSite) -> None:
    program = await start("--log-format", "json", "--allow-port", str(site.port))
    async with httpx.AsyncClient(base_url=program.url, timeout=None) as client:
        answer = await client.post(
            "/pages", json={"url": site.url()}, headers={"X-Request-Id": "my-request-7"}
        )
        page_id = answer.json()["id"]
        accepted = await program.logs("page accepted")
        assert (accepted["page_id"], accepted["request_id"]) == (page_id, "my-request-7")
        assert accepted["url"] == site.url()
        answered = await program.logs("POST /pages 202")
        assert (answered["request_id"], answered["route"]) == ("my-request-7", "/pages")
        weighed = await program.logs("page weighed")
        assert weighed["page_id"] == page_id
        assert weighed["transfer_bytes"] > 5000
        await client.delete(f"/pages/{page_id}")
        assert (await program.logs("page deleted"))["page_id"] == page_id


async def test_tokens_limits_and_the_level_of_the_log_are_reloaded(
    start: Start, tmp_path: Path
) -> None:
    file, tokens = tmp_path / "libra.toml", tmp_path / "tokens"
    settings = f'log-format = "json"\ntoken-file = "{tokens}"\n'
    file.write_text(settings)
    tokens.write_text(f"first:read:{FIRST}\n")
    program = await start()
    assert [await program.status(secret) for secret in (FIRST, SECOND)] == [200, 401]

    tokens.write_text(f"second:read:{SECOND}\n")
    file.write_text(settings + 'log-level = "debug"\nread-limit = "1/h"\nttl = "1h"\n')
    program.process.send_signal(signal.SIGHUP)
    reloaded = await program.logs("settings were read again")
    assert "read_limit, log_level changed, number of tokens: 1" in reloaded["event"]
    held = await program.logs("these changed settings need a restart")
    assert held["event"].endswith(": ttl")
    assert await program.status(FIRST) == 401
    statuses = [await program.status(SECOND) for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    assert (await program.logs("GET /pages 200"))["level"] == "debug"


@pytest.mark.parametrize(
    "content",
    ["ttl = 'x'", "nonsense", "[[", 'public = "maybe"', f'project-budgets = "{"x" * 300}"'],
    ids=["duration", "nonsense", "no TOML", "no choice", "a folder that cannot be looked at"],
)
async def test_settings_that_cannot_be_used_change_nothing(
    start: Start, tmp_path: Path, content: str
) -> None:
    (tmp_path / "libra.toml").write_text(f'token = ["first:read:{FIRST}"]\nlog-format = "json"\n')
    program = await start()
    assert await program.status(FIRST) == 200  # from here on its web server is there
    (tmp_path / "libra.toml").write_text(content)
    program.process.send_signal(signal.SIGHUP)
    refused = await program.logs("the new settings are invalid")
    assert refused["level"] == "error"
    assert await program.status(FIRST) == 200


async def test_a_reload_that_would_let_everybody_in_from_outside_is_refused(
    start: Start, tmp_path: Path
) -> None:
    settings = 'host = "0.0.0.0"\nlog-format = "json"\n'
    (tmp_path / "libra.toml").write_text(settings + f'token = ["first:read:{FIRST}"]')
    program = await start()
    program.url = program.url.replace("0.0.0.0", "127.0.0.1")
    # The address cannot change while it runs, whatever the file says of it now.
    (tmp_path / "libra.toml").write_text('log-format = "json"\n')
    program.process.send_signal(signal.SIGHUP)
    assert (
        "reachable from other machines"
        in (await program.logs("the new settings are invalid"))["event"]
    )
    assert await program.status(FIRST) == 200
    assert await program.status("wrong-secret-of-ours") == 401


async def test_traces_are_sent_where_opentelemetry_is_told(start: Start, site: WebSite) -> None:
    received: asyncio.Queue[bytes] = asyncio.Queue()

    async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        received.put_nowait(head.split(b" ")[1] + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    collector = await asyncio.start_server(collect, "127.0.0.1", 0)
    async with collector:
        host, port = collector.sockets[0].getsockname()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{host}:{port}")
            patch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
            patch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1000")
            program = await start("--otel", "--allow-port", str(site.port))
        async with httpx.AsyncClient(base_url=program.url, timeout=None) as client:
            path = (await client.post("/pages", data={"url": site.url()})).headers["location"]
            async with client.stream("GET", f"{path}/events") as stream:
                await stream.aread()
        program.process.send_signal(signal.SIGTERM)
        assert await program.process.wait() == 0
        sent = b""
        while not received.empty():
            sent += received.get_nowait()
    assert b"/v1/traces" in sent
    for text in (
        b"POST /pages",
        b"weigh static",
        b"libra.page.id",
        path.rpartition("/")[2].encode(),
    ):
        assert text in sent

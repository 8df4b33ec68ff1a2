"""`libra serve` as a program: its address, its signals, its exit codes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from libra.credentials.tokens import AccessToken
from support.asking import PATIENCE, eventually
from support.nursery import Nursery, Program
from support.site import WebSite


@dataclass
class Running:
    process: Program
    url: str

    async def says(self, text: bytes) -> bool:
        """Wait until it says that; it may say other things before."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            if text in line:
                return True
        return False

    async def end(self) -> int:
        return await self.process.wait()

    async def status_of(self, path: str) -> str:
        """The status of a page, asked for as long as the program says to come again."""
        async with httpx.AsyncClient(base_url=self.url, timeout=None) as client:

            async def told() -> httpx.Response | None:
                answer = await client.get(path)
                return None if answer.status_code == 503 else answer

            answer = await eventually(told, f"{path} is known", within=PATIENCE)
        status: str = answer.json()["status"]
        return status


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path, nursery: Nursery) -> AsyncIterator[Start]:
    started: list[Program] = []

    async def go(*flags: str) -> Running:
        process = await nursery.libra(
            *("serve", "--data-dir", str(tmp_path), "--allow", "127.0.0.0/8", *flags),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
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


async def test_it_prints_its_address_serves_and_ends_with_0(start: Start, site: WebSite) -> None:
    program = await start("--port", "0")
    async with httpx.AsyncClient(base_url=program.url, timeout=None) as client:
        answer = await client.post("/pages", data={"url": site.url()})
        assert answer.status_code == 202
        path = answer.headers["location"]
        async with client.stream("GET", f"{path}/events") as stream:
            assert b'"status":"weighed"' in await stream.aread()
        tree = (await client.get("/observer")).text
        assert "<b>web" in tree.lower()
    program.process.send_signal(signal.SIGTERM)
    assert await program.end() == 0
    again = await start("--port", "0")
    assert await again.status_of(path) == "weighed"
    again.process.send_signal(signal.SIGINT)
    assert await again.end() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_second_signal_ends_it_at_once(
    start: Start, site: WebSite, number: signal.Signals, code: int
) -> None:
    program = await start("--port", "0", "--shutdown-grace", "1h")
    async with httpx.AsyncClient(base_url=program.url, timeout=None) as client:
        await client.post("/pages", data={"url": site.url("/held")})
        await site.until_held()
    program.process.send_signal(number)
    assert await program.says(b"Stopping")
    program.process.send_signal(number)
    assert await program.end() == code


async def test_a_page_under_way_is_finished_first(start: Start, site: WebSite) -> None:
    program = await start("--port", "0")
    async with httpx.AsyncClient(base_url=program.url, timeout=None) as client:
        answer = await client.post("/pages", data={"url": site.url("/held")})
        await site.until_held()
    program.process.send_signal(signal.SIGTERM)
    assert await program.says(b"Stopping")
    site.gate.set()
    assert await program.end() == 0
    again = await start("--port", "0")
    assert await again.status_of(answer.headers["location"]) == "weighed"


async def test_a_port_that_is_taken_is_said_and_nothing_is_started(
    start: Start, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        program = await start("--port", str(taken.getsockname()[1]))
        assert await program.end() == 1
        assert await program.says(b"Another program listens on")
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 - nothing else runs here


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--host", "0.0.0.0"), b"0.0.0.0 is reachable from other machines. Set up access first"),
        (("--host", "::"), b":: is reachable from other machines"),
        (("--host", ""), b"Every address of this machine is reachable from other machines"),
        (("--trusted-proxy", "127.0.0.1"), b"Behind a proxy it is reachable from other machines"),
    ],
)
async def test_where_strangers_could_come_in_somebody_has_to_say_who_may(
    start: Start, tmp_path: Path, flags: tuple[str, ...], reason: bytes
) -> None:
    program = await start("--port", "0", *flags)
    assert await program.end() == 2
    assert await program.says(reason)
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 - nothing else runs here


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("203.0.113.9", b"libra: 203.0.113.9 is not an address of this machine."),
        ("no-such-host.invalid", b"libra: There is no host 'no-such-host.invalid'"),
    ],
)
async def test_an_address_that_is_not_ours_is_said_in_words(
    start: Start, host: str, reason: bytes
) -> None:
    program = await start("--port", "0", "--host", host, "--public")
    assert await program.end() == 1
    assert await program.says(reason)


async def test_a_secret_that_the_list_of_processes_shows_is_warned_of_and_not_repeated(
    start: Start,
) -> None:
    secret = "a-secret-of-some-length"
    program = await start("--port", "0", "--token", f"ci:full:{secret}")
    assert program.process.stderr is not None
    warning = await program.process.stderr.readline()
    assert warning.startswith(b"libra: everyone on this machine can read the secret of ci")
    program.process.send_signal(signal.SIGTERM)
    assert secret.encode() not in warning + await program.process.stderr.read()
    hashed = str(AccessToken.parse(f"ci:full:{secret}"))
    program = await start("--port", "0", "--token", hashed)
    assert program.process.stderr is not None
    program.process.send_signal(signal.SIGTERM)
    assert b"list of processes" not in await program.process.stderr.read()


async def test_with_a_token_or_a_word_it_listens_anywhere(start: Start, tmp_path: Path) -> None:
    secret = "a-secret-of-some-length"
    (tmp_path / "tokens").write_text(f"# who\nci:full:{secret}\n")
    token_file = str(tmp_path / "tokens")
    program = await start("--port", "0", "--host", "0.0.0.0", "--token-file", token_file)
    port = program.url.rpartition(":")[2]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None) as client:
        assert (await client.get("/pages")).status_code == 401
        shown = {"Authorization": f"Bearer {secret}"}
        assert (await client.get("/pages", headers=shown)).status_code == 200


READY = """
import gc, os, signal, sys
from pathlib import Path
from libra.settings import Settings
from libra.web.serving import program

def say(self):
    print(gc.get_freeze_count(), len(gc.get_objects()), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

program.Program._say_ready = say
sys.exit(program.run(Settings(data_dir=Path(sys.argv[1]), port=0)))
"""


async def test_the_garbage_collector_does_not_look_through_what_stays(tmp_path: Path) -> None:
    """Each full run of it would stop the loop for as long as it takes to look at every module."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READY, str(tmp_path), stdout=PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    stays, others = map(int, out.split())
    assert 10 * others < stays

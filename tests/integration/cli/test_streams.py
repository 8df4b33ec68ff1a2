"""Standard output and standard error that cannot be written to stop nothing, and are not passed over."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from libra.testing.pages import PageServer, html
from support.asking import PATIENCE, eventually
from support.ports import ReservedPort

LIBRA = f"{shlex.quote(sys.executable)} -m libra"

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


async def shell(folder: Path, command: str) -> Process:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIBRA_")}
    return await asyncio.create_subprocess_shell(
        f"exec {command}", stdin=DEVNULL, stdout=PIPE, stderr=PIPE, cwd=folder,
        env={**environment, "LIBRA_DATA_DIR": str(folder / "data")},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("streams", "code", "said"),
    [
        (">/dev/full", 2, "standard output cannot be written: No space left on device"),
        (">&-", 2, "standard output cannot be written: Bad file descriptor"),
        (">/dev/full 2>/dev/full", 2, ""),
        ("<&- >&- 2>&-", 2, ""),
        ("2>/dev/full", 0, ""),
        ("2>&-", 0, ""),
    ],
)
async def test_a_result_that_cannot_be_written_ends_the_command_with_2(
    tmp_path: Path, streams: str, code: int, said: str
) -> None:
    async with PageServer({"/": html("<p>Hello")}) as server:
        weigh = f"{LIBRA} weigh --format json {server.url()}"
        process = await shell(tmp_path, f"{weigh} {streams}")
        out, err = await process.communicate()
    assert process.returncode == code
    assert said in err.decode()
    assert "Traceback" not in err.decode()
    assert bool(out) is (code == 0)


@pytest.fixture
def port() -> Iterator[int]:
    with ReservedPort() as number:
        yield number


@pytest.mark.parametrize("streams", [">/dev/full 2>/dev/full", ">&- 2>&-", "2>&1 | true"])
async def test_the_service_goes_on_without_them(tmp_path: Path, streams: str, port: int) -> None:
    command = f"{LIBRA} serve --port {port} --log-level debug"
    # Of a pipeline the shell is what is started, so the service says its own number.
    wrapped = f"sh -c 'echo $$ > pid; exec {command}' {streams}"
    process = await shell(tmp_path, f"sh -c {shlex.quote(wrapped)}")
    async with aiohttp.ClientSession() as session:

        async def lives() -> bool:
            try:
                async with session.get(f"http://127.0.0.1:{port}/health/live") as answer:
                    return answer.status == 200
            except aiohttp.ClientConnectorError:
                return False

        await eventually(lives, "a sign of life", within=PATIENCE)
        async with session.get(f"http://127.0.0.1:{port}/nothing") as answer:
            assert answer.status == 404
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
    await process.communicate()
    if "|" not in streams:
        assert process.returncode == 0

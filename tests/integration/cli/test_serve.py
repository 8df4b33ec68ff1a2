"""`libra serve`, `libra db` and `libra history` as programs that share a data directory."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from libra.testing import pages
from support.nursery import Nursery, Program


@dataclass(frozen=True)
class Home:
    """A folder where commands are run that share a data directory in it."""

    folder: Path
    nursery: Nursery

    @property
    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LIBRA_")}
        return inherited | {"LIBRA_DATA_DIR": str(self.folder / "data")}

    async def start(self, *arguments: str) -> Program:
        return await self.nursery.libra(
            *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=self.folder, env=self.environment
        )

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        process = await self.start(*arguments)
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    @asynccontextmanager
    async def serving(self, *arguments: str) -> AsyncIterator[tuple[Program, str]]:
        flags = ("--port", "0", "--allow", "127.0.0.0/8")
        process = await self.start("serve", *flags, *arguments)
        assert process.stdout is not None
        try:
            line = (await process.stdout.readline()).decode()
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line
            yield process, found[0]
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


@pytest.fixture
def home(tmp_path: Path, nursery: Nursery) -> Home:
    return Home(tmp_path, nursery)


async def _weighed(address: str, url: str) -> str:
    """Submit a page and follow it until it is finished; its id."""
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{address}/pages", json={"url": url}) as answer:
            assert answer.status == 202
            place = answer.headers["Location"]
        async with session.get(f"{address}{place.removeprefix(address)}/events") as events:
            await events.read()
    return place.rpartition("/")[2]


async def test_serve_prints_its_address_and_ends_with_0_on_sigterm(home: Home) -> None:
    async with home.serving() as (process, _address):
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_what_it_keeps_is_for_nobody_else_on_the_machine(home: Home) -> None:
    """The journal and the database have the secrets that alerts are signed with."""
    async with home.serving() as (process, _address):
        assert (home.folder / "data").stat().st_mode & 0o077 == 0
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def test_ctrl_c_ends_it_without_a_traceback_before_it_has_begun(home: Home) -> None:
    """In the middle of its imports, which is when somebody notices that this was the wrong command."""
    (home.folder / "click.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libra", "serve"),
        stdout=PIPE, stderr=PIPE, env={**os.environ, "PYTHONPATH": str(home.folder)},
    )  # fmt: skip
    assert await process.communicate() == (b"", b"")
    assert process.returncode == 130


async def test_what_was_served_is_in_the_history_afterwards(home: Home) -> None:
    async with pages.PageServer(pages.simple()) as site:
        async with home.serving() as (process, address):
            page_id = await _weighed(address, site.url())
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        code, out, _ = await home.run("history", site.url())
    assert code == 0
    (line,) = out.splitlines()
    assert page_id in line
    assert "weighed" in line
    assert re.search(r"\d+\.\d kB +\d+ requests +score 100", line)


async def test_a_port_that_is_taken_is_an_error_that_says_so(home: Home) -> None:
    async with home.serving() as (_, address):
        port = address.rpartition(":")[2]
        code, _, err = await home.run("serve", "--port", port)
    assert code not in {0, 2}
    assert port in err
    assert "Traceback" not in err


async def test_a_database_is_made_and_its_schema_told(home: Home) -> None:
    code, out, _ = await home.run("db", "status")
    assert code == 1
    assert "run `libra db migrate`" in out
    code, out, _ = await home.run("db", "migrate")
    assert code == 0
    assert "which is current" in out
    code, out, _ = await home.run("db", "status")
    assert code == 0
    assert str(home.folder / "data") in out


async def test_prune_tells_how_many_pages_it_deleted(home: Home) -> None:
    await home.run("db", "migrate")
    code, out, _ = await home.run("db", "prune", "--older-than", "90d")
    assert (code, out) == (0, "Deleted 0 pages.\n")


@pytest.mark.parametrize(
    ("answer", "more", "code", "deleted"),
    [("n", (), 130, False), ("y", (), 0, True), ("", ("--yes",), 0, True)],
)
async def test_whoever_prunes_at_a_terminal_is_asked(
    home: Home, answer: str, more: tuple[str, ...], code: int, deleted: bool
) -> None:
    await home.run("db", "migrate")
    ours, theirs = os.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        command = (sys.executable, "-m", "libra", "db", "prune", "--older-than", "90d", *more)
        process = await asyncio.create_subprocess_exec(
            *command, stdin=theirs, stdout=PIPE, stderr=PIPE, env=home.environment
        )
        out, err = await process.communicate()
    finally:
        os.close(ours)
        os.close(theirs)
    assert (process.returncode, b"Deleted" in out) == (code, deleted)
    assert (b"for good? [y/N]" in err) == (not more)


async def test_the_history_of_a_page_that_nobody_weighed_is_empty(home: Home) -> None:
    await home.run("db", "migrate")
    code, out, err = await home.run("history", "https://example.com/")
    assert (code, out) == (0, "")
    assert "No weigh-ins of https://example.com/ are stored." in err


async def test_a_database_that_is_none_is_an_error_without_a_traceback(home: Home) -> None:
    (home.folder / "data").mkdir()
    (home.folder / "data" / "libra.sqlite3").write_text(json.dumps("not a database " * 100))
    code, _, err = await home.run("history", "https://example.com/")
    assert code == 1
    assert "cannot be used" in err
    assert "Traceback" not in err


async def test_a_backup_is_written_and_restored_by_the_command(home: Home) -> None:
    await home.run("db", "migrate")
    code, out, _ = await home.run("db", "backup", "kept.libra")
    assert (code, out[:47]) == (0, "Backed up 0 pages and 0 watches to kept.libra (")
    code, out, _ = await home.run("db", "restore", "kept.libra", "--yes")
    assert (code, out) == (0, "Restored 0 pages and 0 watches from kept.libra.\n")
    (home.folder / "notes.txt").write_text("dear diary")
    for arguments, words in (
        (("restore", "notes.txt", "--yes"), "notes.txt is not a backup of Libra"),
        (("restore", "none", "--yes"), "none: No such file or directory"),
        (("backup", "notes.txt"), "choose another name"),
    ):
        code, _, err = await home.run("db", *arguments)
        assert (code, words in err, "Traceback" in err) == (1, True, False), err


async def test_a_destination_that_cannot_be_used_is_an_error_without_a_traceback(
    home: Home,
) -> None:
    (home.folder / "libra.toml").write_text('[alerts.team]\nurl_file = "urls"\n')
    (home.folder / "urls").write_text("file:///etc/secret-hook\n")
    code, _, err = await home.run("serve", "--port", "0")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("libra: alerts.team: ")
    assert "secret-hook" not in err

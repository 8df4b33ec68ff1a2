"""`libra weigh` as a program, on pages of a server of the test's own."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from libra.formats.report_json import from_json
from libra.testing import pages
from support.command import Command
from support.nursery import Nursery
from support.ports import refusing_port

EVIL_TITLE = "\x1b]0;owned\x07\x1b[31mred [bold]x[/bold] :smile: \u202eturned"


class Server(pages.PageServer):
    """Ordinary pages, and an address that never answers, or hangs up `when_told`."""

    def __init__(self) -> None:
        images = "".join(f"<img src=/i/{n}.png>" for n in range(3))
        super().__init__(
            {
                **pages.simple(),
                "/evil": pages.html("<img src='/x\x1b[31m.png'>", title=EVIL_TITLE),
                "/partial": pages.html("<script src=/never></script>", title="Partial"),
                "/never-page": pages.html(images),
                "/moved": pages.redirect("/"),
            }
        )
        self.asked = asyncio.Event()
        self.when_told = asyncio.Event()

    async def answer(self, request: pages.Request, writer: asyncio.StreamWriter) -> bool:
        if request.path == "/never":
            self.asked.set()
            await self.when_told.wait()
            return False
        return await super().answer(request, writer)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server() as running:
        yield running


@pytest.fixture
def libra(tmp_path: Path, nursery: Nursery) -> Command:
    return Command(tmp_path, nursery)


async def test_a_page_is_told_in_sections_with_its_totals_and_score(
    libra: Command, server: Server
) -> None:
    ended = await libra("weigh", server.url())
    assert (ended.code, ended.err) == (0, "")
    headings = re.findall(r"^(\w+)(?:  .*)?$", ended.out, re.MULTILINE)
    assert headings == [
        "General", "Stylesheets", "Scripts", "Images", "Fonts", "Media", "Other", "Total",
        "Suggestions",
    ]  # fmt: skip
    assert "    10.0 kB  200      /photo.png" in ended.out
    assert "Simple" in ended.out
    assert re.search(r"Teledrin score  100  A for effort\.", ended.out)
    assert re.search(r"Size audit      100  by Lighthouse$", ended.out, re.MULTILINE)


async def test_the_heaviest_comes_first(libra: Command, server: Server) -> None:
    out = (await libra("weigh", server.url())).out
    assert out.index("/photo.png") < out.index("/back.png") < out.index("/icon.png")


async def test_json_is_the_report_of_the_page(libra: Command, server: Server) -> None:
    ended = await libra("weigh", server.url(), "--format", "json")
    (report,) = from_json(ended.out)
    assert (report.url, report.status, report.complete) == (server.url(), "weighed", True)
    assert report.total.transfer_bytes == sum(asset.transfer_bytes for asset in report.assets)
    assert isinstance(json.loads(ended.out), dict)
    assert UUID(report.id).version == 7


async def test_several_pages_are_an_array_in_the_order_given(
    libra: Command, server: Server
) -> None:
    addresses = [server.url("/never-page"), server.url("/"), server.url("/evil")]
    ended = await libra("weigh", *addresses, "--format", "json", "--concurrency", "3")
    assert [page["url"] for page in json.loads(ended.out)] == addresses
    assert len({page["id"] for page in json.loads(ended.out)}) == len(addresses)


async def test_several_pages_end_with_a_table_of_them_all(libra: Command, server: Server) -> None:
    ended = await libra("weigh", server.url("/never-page"), server.url("/"))
    *_, one, two = ended.out.splitlines()
    assert one.split()[-1] == server.url("/never-page")
    assert two.split()[-1] == server.url("/")


async def test_a_page_over_its_weight_ends_with_1_and_a_line(
    libra: Command, server: Server
) -> None:
    ended = await libra("weigh", server.url(), "--max-weight", "10kB")
    assert ended.code == 1
    assert re.search(r"over +total size is .* over its budget of 10\.0 kB", ended.out)
    assert (await libra("weigh", server.url(), "--max-weight", "1MB")).code == 0


async def test_a_budget_file_is_kept_to_and_every_breach_is_a_line(
    libra: Command, server: Server
) -> None:
    budget = [
        {
            "resourceSizes": [
                {"resourceType": "image", "budget": 1},
                {"resourceType": "font", "budget": 100},
            ],
            "resourceCounts": [{"resourceType": "script", "budget": 0}],
        }
    ]
    (libra.folder / "budget.json").write_text(json.dumps(budget))
    ended = await libra("weigh", server.url(), "--budget", "budget.json", "--format", "json")
    assert ended.code == 1
    over = [line for line in ended.err.splitlines() if line.startswith("over budget:")]
    assert len(over) == 2
    assert "image size is" in over[0]
    assert "script count is 1 request, 1 over its budget of 0" in over[1]


async def test_a_page_that_cannot_be_weighed_ends_with_3_and_its_reason(libra: Command) -> None:
    with refusing_port() as port:
        ended = await libra("weigh", f"http://127.0.0.1:{port}/", "--max-weight", "1")
    assert ended.code == 3
    assert re.search(r"Problem +refused: ", ended.out)


async def test_a_page_that_is_not_there_ends_with_3(libra: Command, server: Server) -> None:
    ended = await libra("weigh", server.url("/gone"))
    assert ended.code == 3
    assert "404" in ended.out


async def test_not_weighed_beats_over_budget(libra: Command, server: Server) -> None:
    ended = await libra("weigh", server.url("/gone"), server.url(), "--max-weight", "1")
    assert ended.code == 3


async def test_a_partial_result_says_so_and_why(libra: Command, server: Server) -> None:
    server.when_told.set()
    ended = await libra("weigh", server.url("/partial"))
    assert ended.code == 0
    assert re.search(r"failed +/never\n +disconnected: ", ended.out)
    assert re.search(r"But +partial: 1 failed request", ended.out)


async def test_a_foreign_page_cannot_speak_to_the_terminal(libra: Command, server: Server) -> None:
    for form in ("table", "json", "junit", "markdown"):
        ended = await libra("weigh", server.url("/evil"), "--format", form)
        assert ended.code == 0
        shown = ended.out + ended.err
        assert all(character.isprintable() or character == "\n" for character in shown)
        if form != "junit":  # which has no titles
            assert "[bold]x[/bold] :smile:" in shown.replace("\\", "")


async def test_without_a_terminal_there_are_no_colours(libra: Command, server: Server) -> None:
    ended = await libra("weigh", server.url(), TERM="xterm-256color")
    assert "\x1b" not in ended.out + ended.err


async def test_lines_keep_to_the_width_of_the_log(libra: Command, server: Server) -> None:
    server.site["/long"] = pages.html(f"<img src=/{'long/' * 60}photo.png>")
    ended = await libra("weigh", server.url("/long"), COLUMNS="80")
    assert max(map(len, ended.out.splitlines())) <= 80
    assert re.search(r"  /long/.*….*/photo\.png", ended.out)


async def test_the_result_can_go_to_a_file(libra: Command, server: Server) -> None:
    ended = await libra("weigh", server.url(), "--format", "har", "--output", "page.har")
    assert (ended.code, ended.out) == (0, "")
    assert json.loads((libra.folder / "page.har").read_text())["log"]["version"] == "1.2"


async def test_a_file_that_cannot_be_written_is_found_before_the_weighing(
    libra: Command, server: Server
) -> None:
    ended = await libra("weigh", server.url(), "--output", "no/such/folder.json")
    assert ended.code == 2
    assert "there is no folder no/such" in ended.err
    assert server.requests == []


async def test_junit_shows_what_is_over_budget(libra: Command, server: Server) -> None:
    ended = await libra("weigh", server.url(), "--max-weight", "1", "--format", "junit")
    assert ended.code == 1
    assert ET.fromstring(ended.out.encode()).get("failures") == "1"


async def test_the_summary_is_appended_beside_another_format(
    libra: Command, server: Server
) -> None:
    (libra.folder / "summary.md").write_text("before\n")
    ended = await libra("weigh", server.url(), "--format", "csv", "--summary", "summary.md")
    assert ended.out.startswith("page,url,kind")
    assert re.match(r"before\n## Page weight\n", (libra.folder / "summary.md").read_text())


async def test_what_changed_since_a_report_is_told(libra: Command, server: Server) -> None:
    await libra("weigh", server.url(), "--format", "json", "--output", "before.json")
    server.site["/photo.png"] = pages.image(12_001)
    ended = await libra("weigh", server.url(), "--compare", "before.json")
    assert re.search(r"\+2\.0 kB \(\+\d+\.\d %\): 1 changed", ended.out)
    assert re.search(r"\+2\.0 kB  changed  http://.*/photo\.png", ended.out)


async def test_pages_come_from_a_file_from_standard_input_and_from_the_command(
    libra: Command, server: Server
) -> None:
    (libra.folder / "urls.txt").write_text(f"# ours\n\n{server.url('/never-page')}\n")
    ended = await libra(
        "weigh", "-", server.url("/moved"), "--urls", "urls.txt", "--format", "json",
        stdin=server.url("/"),
    )  # fmt: skip
    assert [page["url"] for page in json.loads(ended.out)] == [
        server.url("/"),
        server.url("/moved"),
        server.url("/never-page"),
    ]


async def test_pages_come_from_a_sitemap_through_its_index(libra: Command, server: Server) -> None:
    def sitemap(root: str, item: str, *paths: str) -> pages.Page:
        items = "".join(f"<{item}><loc>{server.url(path)}</loc></{item}>" for path in paths)
        space = "http://www.sitemaps.org/schemas/sitemap/0.9"
        return pages.Page(f'<{root} xmlns="{space}">{items}</{root}>'.encode(), "text/xml")

    server.site["/index.xml"] = sitemap("sitemapindex", "sitemap", "/one.xml", "/two.xml")
    server.site["/one.xml"] = sitemap("urlset", "url", "/")
    server.site["/two.xml"] = sitemap("urlset", "url", "/never-page", "/evil")
    command = ("weigh", "--sitemap", server.url("/index.xml"), "--format", "json")
    found = json.loads((await libra(*command)).out)
    assert [page["url"] for page in found] == [
        server.url(path) for path in ("/", "/never-page", "/evil")
    ]
    ended = await libra(*command, "--limit", "2")
    assert len(json.loads(ended.out)) == 2
    assert "--limit" in ended.err


async def test_a_sitemap_that_is_none_is_an_error_that_says_so(
    libra: Command, server: Server
) -> None:
    for path, message in (("/", "not a sitemap"), ("/gone.xml", "answered 404")):
        ended = await libra("weigh", "--sitemap", server.url(path))
        assert ended.code == 2
        assert message in ended.err or "not well-formed" in ended.err


async def test_headers_and_user_agent_reach_the_page(libra: Command, server: Server) -> None:
    await libra(
        "weigh", server.url(), "--header", "X-Token: a:b", "--user-agent", "Probe/1",
        LIBRA_FORMAT="json",
    )  # fmt: skip
    assert server.requests[0].headers["x-token"] == "a:b"
    assert server.requests[0].headers["user-agent"] == "Probe/1"


async def test_the_proxy_of_the_environment_is_asked_unless_the_command_says_otherwise(
    libra: Command, server: Server
) -> None:
    server.site["http://intranet.invalid/"] = pages.html("through the proxy")
    proxy = server.url().rstrip("/")
    through = await libra("weigh", "http://intranet.invalid/", HTTP_PROXY=proxy)
    assert through.code == 0
    assert server.paths()[0] == "http://intranet.invalid/"
    around = await libra(
        "weigh", "http://intranet.invalid/", "--no-proxy", "invalid", HTTP_PROXY=proxy
    )
    assert around.code == 3
    assert "does not resolve" in around.out


async def test_a_flag_beats_the_environment_and_the_environment_the_file(
    libra: Command, server: Server
) -> None:
    (libra.folder / "libra.toml").write_text(
        'format = "csv"\nmax-weight = "1B"\nheader = "X-From: file"\nttl = "1h"\n'
    )
    from_file = await libra("weigh", server.url())
    assert from_file.out.startswith("page,url")
    assert from_file.code == 1
    assert server.requests[0].headers["x-from"] == "file"
    from_environment = await libra("weigh", server.url(), LIBRA_FORMAT="har")
    assert "log" in json.loads(from_environment.out)
    from_flag = await libra("weigh", server.url(), "--format", "json", LIBRA_FORMAT="har")
    assert "total" in json.loads(from_flag.out)


async def test_ctrl_c_ends_at_once_with_130_and_no_traceback(
    libra: Command, server: Server
) -> None:
    process = await libra.start("weigh", server.url("/partial"))
    await server.asked.wait()
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out, err) == (130, b"", b"")


async def test_a_reader_that_goes_away_is_no_traceback(libra: Command, server: Server) -> None:
    read, write = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "libra", "weigh", server.url(),
        stdout=write, stderr=PIPE, cwd=libra.folder, env=libra.environment(),
    )  # fmt: skip
    os.close(write)
    os.close(read)
    _, err = await process.communicate()
    assert (process.returncode, err) == (141, b"")


class Terminal:
    """A terminal of so many columns that a command runs in."""

    def __init__(self, columns: int) -> None:
        self._columns = columns

    async def run(
        self,
        command: Command,
        *arguments: str,
        seen: Callable[[bytes], None] = lambda _: None,
        **environment: str,
    ) -> str:
        master, slave = pty.openpty()
        env = command.environment(TERM="xterm-256color", COLUMNS=str(self._columns), **environment)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "libra", *arguments,
            stdin=slave, stdout=slave, stderr=slave, cwd=command.folder, env=env,
        )  # fmt: skip
        os.close(slave)
        try:
            output = await asyncio.to_thread(self._read, master, seen)
        finally:
            os.close(master)
        await process.wait()
        return output.decode()

    @staticmethod
    def _read(master: int, seen: Callable[[bytes], None]) -> bytes:
        data = b""
        while True:
            try:
                chunk = os.read(master, 65_536)
            except OSError:  # how Linux says that the last writer has closed a terminal
                return data
            if not chunk:
                return data
            data += chunk
            seen(data)


async def test_a_terminal_shows_progress_and_colours(libra: Command, server: Server) -> None:
    loop = asyncio.get_running_loop()

    def seen(data: bytes) -> None:
        if re.search(rb"of [23] requests", data):
            loop.call_soon_threadsafe(server.when_told.set)

    shown = await Terminal(100).run(libra, "weigh", server.url("/partial"), seen=seen)
    assert "\x1b[1m" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back


async def test_no_color_is_respected(libra: Command, server: Server) -> None:
    shown = await Terminal(100).run(libra, "weigh", server.url(), NO_COLOR="1")
    table = shown[shown.index("General") :]
    assert "\x1b" not in table


async def test_even_on_a_terminal_a_title_stays_text(libra: Command, server: Server) -> None:
    shown = await Terminal(100).run(libra, "weigh", server.url("/evil"))
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "[bold]x[/bold] :smile:" in shown

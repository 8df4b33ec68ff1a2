"""A hundred hostile pages, each of an origin of its own, as a program that disturbs nobody else.

    async with besieged() as urls: ...

There are pages that take a processor, pages that take memory, pages that send without end and pages that
never answer, in turn. It prints its port and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import cycle, islice
from pathlib import Path

from libra.testing.pages import Page, Request, head, html
from support.hostile_server import HostileServer

PAGES = 100
"""How many there are."""

PARAGRAPHS = 7_000_000
"""Of the page that takes the most memory: 28 MB, which would be 2 GB as a tree."""

_LAST = 19
"""The priority of who comes last, as `nice` counts."""

_WAYS = (
    "/cpu?siblings",
    "/silent",
    "/memory",
    "/many",
    "/cpu?descendants",
    "/drip",
    "/bomb?gzip",
    "/deep",
    "/cpu?last",
    "/interim",
    "/large",
    "/redirects-for-ever",
    "/bomb?br",
    "/tiny-chunks",
    "/endless",
    "/page-with?/silent-body",
)
"""The misdeeds, of which each page has one."""

_SLOW_TO_MATCH = {
    "siblings": (".z ~ p ~ p ~ p{background:url(/b)}", "<p>x" * 300 + "<b class=z>x</b>"),
    "descendants": (
        ".z div div div div p{background:url(/b)}",
        "<div>" * 200 + "<p>x" + "</div>" * 200 + "<b class=z>x</b>",
    ),
    "last": (
        "".join(f":nth-last-child({n}n+{n} of .a){{background:url(/b{n})}}" for n in range(1, 900)),
        "<p class=a>" * 9_000,
    ),
}


class Siege(HostileServer):
    """The misdeeds of its base, and documents that take a processor or all memory."""

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        path, _, query = request.path.partition("?")
        if path == "/cpu":
            css, body = _SLOW_TO_MATCH[query]
            page = html(body, title="Slow", head=f"<style>{css}</style>")
        elif path == "/memory":
            page = Page(b"<title>x</title>" + b"<p>x" * PARAGRAPHS)
        else:
            return await super().answer(request, writer)
        writer.writelines((head(page), page.body))
        await writer.drain()
        return True


@asynccontextmanager
async def besieged() -> AsyncIterator[list[str]]:
    """The addresses of the hundred pages, which are there as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    try:
        yield hostile_urls(int(await process.stdout.readline()))
    finally:
        await process.communicate(b"")


def environment() -> dict[str, str]:
    """That of the program, which is in the folder of the tests."""
    tests = Path(__file__).parents[1]
    return {**os.environ, "PYTHONPATH": f"{tests}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def hostile_urls(port: int) -> list[str]:
    """The addresses of the pages of a server at this port; their origins share no queue."""
    ways = islice(cycle(_WAYS), PAGES)
    return [f"http://127.0.1.{number}:{port}{way}" for number, way in enumerate(ways, 1)]


def _step_aside() -> None:
    """Who is hostile does not sit on the machine that is besieged: it takes what nobody else wants."""
    os.nice(_LAST)
    os.setsid()
    with suppress(OSError):  # sessions are no groups of the scheduler here
        Path("/proc/self/autogroup").write_text(str(_LAST))


async def _serve() -> None:
    _step_aside()
    async with Siege("0.0.0.0") as server:
        print(server.port, flush=True)  # noqa: T201 - for who started it
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())

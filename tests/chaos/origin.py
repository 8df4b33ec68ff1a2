"""The web site that is weighed, as a program of its own, so that it disturbs neither Libra nor clients.

``/page/N`` is done at once, ``/slow/N`` when a picture of it has taken its time, and ``/odd/N`` is
for pages whose rows a database is made to refuse. ``/ping`` answers at once: how long that takes is
the noise of the machine. It prints its address and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from libra.testing.pages import Page, PageServer, Request, css, html, image, script

SLOW = 0.7
"""Seconds that the picture of a slow page takes: long enough to be caught unfinished by a kill."""

_HEAD = (
    "<link rel=icon href=data:,>"
    "<link rel=stylesheet href=/style.css><script src=/script.js></script>"
)
_SITE = {
    "/style.css": css(" " * 900),
    "/script.js": script(" " * 4_000),
    "/image.png": image(9_000),
    "/late.png": image(9_000),
    "/ping": Page(b"{}", "application/json"),
}


@asynccontextmanager
async def running_origin() -> AsyncIterator[str]:
    """The address of a site that runs as long as the block does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        await process.communicate(b"")


class _Origin(PageServer):
    def __init__(self) -> None:
        super().__init__(_SITE, fallback=_page)

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        self.requests.clear()  # nobody looks at them, and a drill may take hours
        if request.path == "/late.png":
            taken = asyncio.Event()
            asyncio.get_running_loop().call_later(SLOW, taken.set)
            await taken.wait()
        return await super().answer(request, writer)


def _page(request: Request) -> Page:
    kind, _, number = request.path.strip("/").partition("/")
    if kind not in ("page", "odd", "slow"):
        return Page(status=404)
    picture = "/late.png" if kind == "slow" else "/image.png"
    return html(f"<img src={picture}>", title=f"Page {number}", head=_HEAD)


async def _serve() -> None:
    async with _Origin() as origin:
        print(origin.url(""), flush=True)  # noqa: T201 - for who started it
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())

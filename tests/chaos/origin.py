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

from aiohttp import web

SLOW = 0.7
"""Seconds that the picture of a slow page takes: long enough to be caught unfinished by a kill."""

_PAGE = (
    "<!doctype html><title>{0}</title><link rel=icon href=data:,>"
    "<link rel=stylesheet href=/style.css><script src=/script.js></script><body><img src={1}>"
)


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


async def _answer(request: web.Request) -> web.Response:
    kind, _, number = request.path.strip("/").partition("/")
    if kind in ("page", "odd", "slow"):
        image = "/late.png" if kind == "slow" else "/image.png"
        return web.Response(text=_PAGE.format(f"Page {number}", image), content_type="text/html")
    if kind == "late.png":
        taken = asyncio.Event()
        asyncio.get_running_loop().call_later(SLOW, taken.set)
        await taken.wait()
    bodies = {"style.css": ("text/css", 900), "script.js": ("text/javascript", 4_000)}
    content_type, size = bodies.get(kind, ("image/png", 9_000))
    if kind == "ping":
        content_type, size = "application/json", 2
    return web.Response(body=b" " * size, content_type=content_type)


async def _serve() -> None:
    app = web.Application()
    app.router.add_get("/{path:.*}", _answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)  # noqa: T201 - for who started it
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())

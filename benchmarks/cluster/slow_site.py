"""A site whose server takes its time, so that inspectors wait and do not work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from benchmarks.cluster.engine import pause


@asynccontextmanager
async def slow_site(seconds: float) -> AsyncIterator[str]:
    """The address of a page of one image, whose server takes its time for each of the two."""

    async def answer(request: web.Request) -> web.Response:
        await pause(seconds)
        if request.path.endswith(".png"):
            return web.Response(body=bytes(9_000), content_type="image/png")
        text = "<!doctype html><title>A page</title><link rel=icon href=data:,><img src=/a.png>"
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()

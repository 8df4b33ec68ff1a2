"""Take the screenshots of the documentation from a running Libra: `python scripts/screenshots.py`.

The script starts some small sites and a Libra on this machine, weighs the sites over a few rounds, takes
the database away and brings it back, and takes screenshots in a browser meanwhile. It needs the
development environment and a Chromium on the PATH.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright

from libra.app import Libra
from libra.settings import Settings
from libra.web import create_app
from libra.web.serving.server import WebServer

IMAGES = Path(__file__).parent.parent / "docs" / "images"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip
WIDTHS = {"wide": 1280, "phone": 360}
TYPES = {
    "css": "text/css", "js": "text/javascript", "jpg": "image/jpeg", "png": "image/png",
    "webp": "image/webp", "svg": "image/svg+xml", "woff2": "font/woff2", "mp4": "video/mp4",
    "json": "application/json", "webmanifest": "application/manifest+json",
}  # fmt: skip

SITES: dict[str, tuple[str, dict[str, int]]] = {
    "bakery.example": (
        "Sourdough & Sons: bread since 1907",
        {"css/site.css": 24, "js/menu.js": 31, "fonts/garamond.woff2": 38, "img/loaf.webp": 96,
         "img/oven.webp": 71, "img/crumb.webp": 54, "img/logo.svg": 6,
         "//cdn.fonts.example/map.js": 43},
    ),
    "gazette.example": (
        "The Evening Gazette — news, weather, crosswords",
        {"css/main.css": 212, "css/print.css": 18, "js/app.js": 640, "js/vendor.js": 480,
         "fonts/slab.woff2": 61, "fonts/slab-bold.woff2": 66, "img/front.jpg": 720,
         **{f"img/story-{n}.jpg": 60 + 17 * n for n in range(1, 17)},
         "//ads.tracker.example/tag.js": 310, "//ads.tracker.example/pixel.png": 1,
         "//video.cdn.example/teaser.mp4": 1900, "//stats.counter.example/hit.js": 88},
    ),
    "observatory.example": (
        "Night sky over the observatory",
        {"css/sky.css": 40, "js/stars.js": 120, "img/milkyway.webp": 610, "img/moon.webp": 330,
         "fonts/mono.woff2": 52, "data/stars.json": 3, "//cdn.fonts.example/chart.js": 205},
    ),
    "harbour.example": ("Harbour master: tides and berths", {"css/tide.css": 9, "img/pier.png": 44}),
}  # fmt: skip


class Sites:
    """Serves `SITES` by the host name of a request; ``round`` makes them grow a little."""

    def __init__(self) -> None:
        self.round = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self._random = random.Random(7)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one request."""
        name = request.host.partition(":")[0]
        await asyncio.sleep(self._random.uniform(0.004, 0.09))  # as far away as real ones
        if request.path == "/" and name in SITES:
            return web.Response(text=self._document(name, request.host), content_type="text/html")
        kilobytes = next(
            (size for _, assets in SITES.values() for path, size in assets.items()
             if f"{name}{request.path}".endswith(path.removeprefix("//"))), None,
        )  # fmt: skip
        if kilobytes is None:
            return web.Response(status=404)
        if kilobytes > 250:
            await self.hold.wait()
        growth = 1 + 0.11 * self.round if request.path.endswith((".js", ".jpg", ".webp")) else 1
        body = self._random.randbytes(int(kilobytes * 1000 * growth))
        kind = TYPES[request.path.rpartition(".")[2]]
        if kind in ("text/css", "text/javascript"):
            body = b"/*" + body.hex().encode()[: len(body)] + b"*/"
        return web.Response(body=body, content_type=kind)

    def _document(self, name: str, host: str) -> str:
        title, assets = SITES[name]
        port = host.partition(":")[2]
        tags = {
            "css": '<link rel="stylesheet" href="{}">',
            "js": '<script src="{}"></script>',
            "woff2": '<link rel="preload" as="font" crossorigin href="{}">',
            "mp4": '<video src="{}" autoplay></video>',
            "json": '<link rel="preload" as="fetch" crossorigin href="{}">',
        }
        lines = [f'<!doctype html><meta charset="utf-8"><title>{title}</title>']
        for path in assets:
            url = path
            if path.startswith("//"):
                other, _, rest = path[2:].partition("/")
                url = f"http://{other}:{port}/{rest}"
            lines.append(tags.get(path.rpartition(".")[2], '<img src="{}">').format(url))
        return "\n".join(lines) + "<p>text</p>" * 900


def names_of_this_machine() -> None:
    """Resolve every name below ``.example`` to this machine; RFC 2606 reserves these names."""
    ask = socket.getaddrinfo

    def answer(host: Any, *more: Any, **named: Any) -> Any:
        name = "127.0.0.1" if isinstance(host, str) and host.endswith(".example") else host
        return ask(name, *more, **named)

    socket.getaddrinfo = answer


class Studio:
    """A running Libra and a browser that takes screenshots of it."""

    def __init__(self, libra: Libra, url: str, browser: Browser, folder: Path) -> None:
        self.libra = libra
        self.url = url
        self._browser = browser
        self._folder = folder

    async def weigh(self, url: str) -> str:
        """Weigh a page to its end; returns its id."""
        page_id = await self.libra.weigh(url)
        async for _ in self.libra.follow(page_id):
            pass
        return page_id

    async def watch(self, url: str, **terms: Any) -> None:
        """Watch a page, and wait for its first weigh-in."""
        made = await self.libra.watch(url, **terms)
        with self.libra._context.records.followers.subscribe(made.id) as change:  # noqa: SLF001 - as tests do
            while self.libra.watch_of(made.id).last is None:
                await change.wait()
                change.clear()

    async def shoot(
        self,
        name: str,
        path: str,
        *,
        schemes: tuple[str, ...] = ("light",),
        before: Callable[[Page], Awaitable[None]] | None = None,
        full: bool = False,
    ) -> None:
        """Take one screenshot for each width and colour scheme."""
        for kind, width in WIDTHS.items():
            for scheme in schemes:
                size: Any = {"width": width, "height": 800 if width > 600 else 740}
                page = await self._browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
                await page.goto(self.url + path)
                if before is not None:
                    await before(page)
                mark = "" if scheme == "light" else f"-{scheme}"
                target = self._folder / f"{name}-{kind}{mark}.png"
                await page.screenshot(path=target, full_page=full)
                await page.close()


async def main(folder: Path, *, full: bool) -> None:
    """Start the sites, Libra and the browser, and take all screenshots."""
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    names_of_this_machine()
    async with AsyncExitStack() as stack:
        sites = Sites()
        runner = web.ServerRunner(web.Server(sites.answer))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 8080).start()
        driver = await stack.enter_async_context(async_playwright())
        browser = await driver.chromium.launch(executable_path=chromium, args=FLAGS)
        stack.push_async_callback(browser.close)
        data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = Settings(data_dir=data, allow=("127.0.0.0/8",), shutdown_grace=1)
        libra = await stack.enter_async_context(Libra.open(settings))
        app = await asyncio.to_thread(create_app, libra, settings)
        server = WebServer(app, "127.0.0.1", 0)
        await server.start()
        stack.push_async_callback(server.stop, 1)
        await take(Studio(libra, server.url, browser, folder), sites, data, full=full)


async def take(studio: Studio, sites: Sites, data: Path, *, full: bool) -> None:
    """Take the screenshots in the order of the story that they show."""
    latest: dict[str, str] = {}
    for sites.round in range(6):
        for name in SITES:
            if name in ("gazette.example", "bakery.example") or sites.round > 4:
                latest[name] = await studio.weigh(f"http://{name}:8080/")
    await studio.weigh("http://nobody.example:9/")
    gazette = latest["gazette.example"]
    both = ("light", "dark")
    rest = both if full else ("light",)
    history = "/history?url=http://gazette.example:8080/"
    await studio.shoot("home", "/", schemes=both, full=full)
    await studio.shoot("page", f"/pages/{latest['bakery.example']}", schemes=both, full=full)
    await studio.shoot("heavy", f"/pages/{gazette}", schemes=rest, full=full)
    await studio.shoot("history", history, schemes=rest, full=full)
    await studio.shoot("compare", f"/compare?b={gazette}", schemes=rest, full=full)
    await studio.watch("http://harbour.example:8080/", every="week", max_weight=100_000)
    await studio.watch("http://observatory.example:8080/", every="hour", jump=None)
    await studio.watch(
        "http://gazette.example:8080/", every="0 6 * * mon-fri", max_weight=5_000_000
    )
    await studio.watch(
        "http://bakery.example:8080/", max_weight=600_000, webhook="http://hooks.example:8080/key"
    )
    await studio.shoot("watches", "/watches", schemes=both, full=full)
    await studio.shoot("watch", history, schemes=rest, before=_unfold_the_form, full=full)
    await studio.shoot("observer", "/observer", schemes=rest, full=full)
    if full:
        await studio.shoot("docs", "/docs", schemes=both)
        await studio.shoot("missing", "/pages/0199aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa")
    sites.hold.clear()
    growing = await studio.libra.weigh("http://gazette.example:8080/")
    seen = asyncio.Event()

    async def follow() -> None:
        async for report in studio.libra.follow(growing):
            if sum(asset.status == "fetched" for asset in report.assets) > 12:
                seen.set()

    following = asyncio.create_task(follow())
    await seen.wait()
    await studio.shoot("weighing", f"/pages/{growing}", full=full)
    database = data / "libra.sqlite3"
    database.rename(data / "away")
    database.mkdir()
    sites.hold.set()
    await following
    await studio.shoot("outage", f"/pages/{growing}", full=full, before=_until_the_banner)
    database.rmdir()
    (data / "away").rename(database)


async def _unfold_the_form(page: Page) -> None:
    await page.locator(".watch-fold > summary").click()
    await page.locator(".watch-fold").scroll_into_view_if_needed()


async def _until_the_banner(page: Page) -> None:
    await page.locator("#outage .banner").wait_for()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--to", type=Path, default=IMAGES, help="the folder to write the pictures to"
    )
    parser.add_argument("--full", action="store_true", help="capture whole pages, and more of them")
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(given.to, full=given.full))

"""Record the requests that the small pages in `tests/unit/weighing/asked/` cause in Chromium.

    python scripts/ask_chromium.py [AREA]... [--browser /usr/bin/chromium]

The script serves each page on loopback under an address of its own and shows it in a tab. Run it when
the pages change, or with a new version of Chromium, and look at the differences: decide for each whether
Libra has to change.
"""
# ruff: noqa: T201 - a script, not a package

from __future__ import annotations

import argparse
import asyncio
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, async_playwright

FOLDER = Path(__file__).parents[1] / "tests/unit/weighing/asked"
TABS = 5
SETTLED_SECONDS = 0.6
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
BY_SUFFIX = {
    "png": ("image/png", PNG),
    "css": ("text/css", b""),
    "js": ("text/javascript", b""),
    "html": ("text/html", b"<!doctype html>x"),
    "woff2": ("font/woff2", b"x" * 100),
    "svg": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "mp4": ("video/mp4", b"\0" * 500),
    "json": ("application/json", b"{}"),
    "vtt": ("text/vtt", b"WEBVTT\n"),
}
NOT_ASKED = ("favicon.ico", ".webmanifest")


class Site:
    """Serves the pages under ``/c/NAME/`` and records the requests."""

    def __init__(self, cases: dict[str, dict[str, Any]]) -> None:
        self.cases = cases
        self.asked: dict[str, set[str]] = defaultdict(set)
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                target = head.split(" ", 2)[1]
                host = next(
                    (line for line in head.lower().splitlines() if line.startswith("host:")), ""
                )
                _, _, name, rest = f"{target}///".split("/", 3)
                path = "/" + rest.removesuffix("///").removesuffix("//")
                if target.startswith("/c/"):
                    self.asked[name].add(("X" if "localhost" in host else "") + path)
                writer.write(self._answer(name, path))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, name: str, path: str) -> bytes:
        site = self.cases.get(name, {"site": {}})["site"]
        plain = path.partition("?")[0]
        found = site.get(path) or site.get(plain)
        if found is None:
            kind, body = BY_SUFFIX.get(plain.rpartition(".")[2], ("text/plain", b""))
            fields, status = [["Content-Type", kind]], 200
        else:
            fields, body = found["fields"], found["body"].encode("latin-1")
            status = found.get("status", 200)
        names = {field.lower() for field, _ in fields}
        if "access-control-allow-origin" not in names:
            fields = [*fields, ["Access-Control-Allow-Origin", "*"]]
        body = self._filled(body.decode("latin-1"), name).encode("latin-1")
        lines = "".join(f"{field}: {self._filled(value, name)}\r\n" for field, value in fields)
        head = f"HTTP/1.1 {status} OK\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        return head.encode() + body

    def _filled(self, text: str, name: str) -> str:
        own, other = f"http://127.0.0.1:{self.port}", f"http://localhost:{self.port}"
        text = text.replace("{B}", f"{own}/c/{name}").replace("{X}", f"{other}/c/{name}")
        return text.replace("{O}", own)


async def show(context: BrowserContext, url: str) -> None:
    """Open a page and wait until its requests stop."""
    page = await context.new_page()
    try:
        await page.goto(url, wait_until="load", timeout=15_000)
        await page.wait_for_load_state("networkidle", timeout=8_000)
    except Exception as error:  # noqa: BLE001 - downloads, endless refreshes: the requests so far count
        print(url, str(error).splitlines()[0])
    await asyncio.sleep(SETTLED_SECONDS)
    await page.close()


async def ask(areas: list[str], browser: str) -> None:
    """Open all pages of these areas and rewrite their files."""
    files = {area: json.loads((FOLDER / f"{area}.json").read_text()) for area in areas}
    site = Site({case["name"]: case for cases in files.values() for case in cases})
    server = await asyncio.start_server(site.answer, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    turns = asyncio.Semaphore(TABS)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"]
        )
        context = await chromium.new_context(viewport={"width": 1350, "height": 940})

        async def one(name: str) -> None:
            async with turns:
                await show(context, f"http://127.0.0.1:{site.port}/c/{name}/")

        await asyncio.gather(*map(one, site.cases))
        await chromium.close()
    server.close()
    for area, cases in files.items():
        for case in cases:
            asked = sorted(
                path for path in site.asked[case["name"]] if not path.endswith(NOT_ASKED)
            )
            case["asked"] = [path for path in asked if path != "/"]
        write(area, cases)


def write(area: str, cases: list[dict[str, Any]]) -> None:
    """Write one case per line, so that a diff shows each change."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (FOLDER / f"{area}.json").write_text(f"[\n{lines}\n]\n")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("areas", nargs="*", default=sorted(p.stem for p in FOLDER.glob("*.json")))
    parser.add_argument("--browser", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    asyncio.run(ask(arguments.areas, arguments.browser))


if __name__ == "__main__":
    main()

"""What a page takes of memory while it is weighed: 500 images whose server never answers.

::

    python -m benchmarks.hanging --pages 20

A page is that large for as long as its deadline lets it be, so this is what many of them cost. Memory is
that of the program: its parsers have none of these pages any more.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from benchmarks import machine
from benchmarks.service import Service, libra

IMAGES = 500
FIRST = 3
"""Pages that are under way before anything is measured: what comes with the first is no page's."""

PATIENCE = 300.0
"""Seconds within which all references of a page are to be known."""

DOCUMENT = b"<!doctype html><title>Hanging</title><style>p{color:red}</style>" + b"".join(
    b"<div class='a b'><p>Some words <b>and</b> more<img src=/%d.png></div>" % number
    for number in range(IMAGES)
)


async def measure(pages: int) -> float:
    """Bytes that each of so many pages takes."""
    server = await asyncio.start_server(_answer, "0.0.0.0", 0)
    port = server.sockets[0].getsockname()[1]
    with (
        tempfile.TemporaryDirectory() as folder,
        libra(Path(folder), "--page-timeout", "1h", "--asset-timeout", "1h", core=None) as service,
    ):
        await _under_way(service, [f"http://127.0.1.{n + 1}:{port}/" for n in range(FIRST)])
        before = machine.resident_bytes(service.pid)
        await _under_way(service, [f"http://127.0.2.{n + 1}:{port}/" for n in range(pages)])
        return (machine.resident_bytes(service.pid) - before) / pages


async def _under_way(service: Service, urls: list[str]) -> None:
    """Submit pages, and wait until each knows all that it lacks."""
    ids = [await asyncio.to_thread(service.submit, url) for url in urls]
    async with asyncio.timeout(PATIENCE):
        for page_id in ids:
            while await asyncio.to_thread(_known, service, page_id) < IMAGES:  # noqa: ASYNC110
                await asyncio.sleep(0.2)


def _known(service: Service, page_id: str) -> int:
    return len(service.get(f"/pages/{page_id}")["assets"])


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The document to whoever asks for it, and nothing to whoever asks for an image."""
    # Cancelled at the end, which asyncio would tell as an error of each connection.
    with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        request = await reader.readuntil(b"\r\n\r\n")
        if request.split(b" ")[1] == b"/":
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n"
            writer.write(head % len(DOCUMENT) + b"Connection: close\r\n\r\n" + DOCUMENT)
            await writer.drain()
        else:
            await reader.read()  # until the client goes
    writer.close()


def main() -> None:
    """Measure once, and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pages", type=int, default=20, choices=range(1, 201), metavar="1..200")
    size = asyncio.run(measure(parser.parse_args().pages))
    sys.stdout.write(f"{size / 1000:,.0f} kB for each page of {IMAGES} images under way\n")


if __name__ == "__main__":
    main()

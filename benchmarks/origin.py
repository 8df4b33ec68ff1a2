"""The server that gives the page of 41 requests: nginx on a core of its own, else asyncio."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, page

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  types {{ text/html html; text/css css; text/javascript js; image/jpeg jpg; image/png png;
           font/woff2 woff2; }}
  sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_requests 1000000; keepalive_timeout 60s;
  open_file_cache max=1000 inactive=600s; open_file_cache_valid 600s;
  gzip_static always;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{listen}; root {folder}/www; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """A running server with the page.

    Attributes:
        url: the address of the page's document.
        urls: the 41 addresses, the document first.
        server: ``nginx`` or ``asyncio``.
        pid: the process that serves, to see how busy it was.
    """

    url: str
    urls: tuple[str, ...]
    server: str
    pid: int


@contextmanager
def serve_page(core: int) -> Iterator[Origin]:
    """The page on a loopback port, as long as the block lasts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx started by root reads as another user
        files = page.write_page(folder / "www")
        port = machine.free_port()
        try:
            program, server = machine.tool("nginx", "nginx-light"), "nginx"
        except machine.Lacking:
            program, server = "", "asyncio"
        if program:
            config = folder / "nginx.conf"
            config.write_text(
                NGINX.format(folder=folder, listen=f"{port} backlog=4096"), encoding="ascii"
            )
            command = [program, "-c", str(config), "-e", str(folder / "error.log"), "-p", name]
        else:
            command = [sys.executable, "-m", "benchmarks.origin", str(folder / "www"), str(port)]
        with machine.serving(command, core=core, ready=lambda: machine.listens(port)) as process:
            base = f"http://127.0.0.1:{port}/"
            urls = tuple(base + file for file in files)
            yield Origin(urls[0], urls, server, process.pid)


class Files(asyncio.Protocol):
    """Answers GET from a table of ready answers: HTTP/1.1, keep-alive, nothing more."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.answers = answers
        self.got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self.got = (self.got + data).split(b"\r\n\r\n")
        for request in requests:
            path = request.split(b" ", 2)[1]
            missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
            self.transport.write(self.answers.get(path, missing))


def answers(folder: Path) -> dict[bytes, bytes]:
    """What to send for each file; ``name.gz`` is sent as ``name`` with its encoding."""
    found = {}
    for file in folder.iterdir():
        data, name = file.read_bytes(), file.name.removesuffix(".gz")
        encoding = "Content-Encoding: gzip\r\n" if file.suffix == ".gz" else ""
        mime = _TYPES[Path(name).suffix]
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\n{encoding}"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        found[f"/{name}".encode()] = head.encode() + data
    return found


async def _serve(folder: Path, port: int) -> None:
    table = answers(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Files(table), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))

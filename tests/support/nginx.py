"""A real nginx with a configuration that is shipped, on loopback, for as long as a test lasts."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from support.needs import program

Change = tuple[str, str]
"""A regular expression that must match, and what is to be there instead."""

_AROUND = """
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/libra.conf;
}}
"""


def on_loopback(https: int, http: int) -> list[Change]:
    """The changes by which it listens on these ports of 127.0.0.1."""
    return [
        (r"listen \[::\].*", ""),  # there may be no IPv6 here
        (r"listen 443 ", f"listen 127.0.0.1:{https} "),
        (r"listen 80;", f"listen 127.0.0.1:{http};"),
    ]


@asynccontextmanager
async def running_nginx(
    shipped: Path, name: str, folder: Path, changes: Iterable[Change]
) -> AsyncIterator[Path]:
    """It runs, with a certificate of its own for ``name``; where that is.

    Raises:
        AssertionError: if a change has nothing to change, or nginx does not take the configuration.
    """
    folder.mkdir()  # noqa: ASYNC240 - in a moment
    text = shipped.read_text()  # noqa: ASYNC240
    certificates = (rf"/etc/letsencrypt/live/{re.escape(name)}", str(folder))
    for found, wanted in (*changes, certificates):
        text, times = re.subn(found, wanted, text)
        assert times, found
    (folder / "libra.conf").write_text(text)
    # Where root runs the tests, its workers would be somebody who may not write here.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_AROUND.format(folder=folder, user=user))
    await _run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
        *("-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")),
    )
    command = (
        *(program("nginx") or "nginx", "-e", str(folder / "error.log")),
        *("-c", str(folder / "nginx.conf")),
    )
    await _run(*command, "-t")
    await _run(*command)  # It goes to the background when it listens.
    try:
        yield folder / "fullchain.pem"
    finally:
        await _run(*command, "-s", "stop")


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()

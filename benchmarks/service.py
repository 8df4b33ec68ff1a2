"""`libra serve` in a process of its own, pinned to its cores, and a few words with it."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import machine


@dataclass(frozen=True, slots=True)
class Service:
    """A running Libra.

    Attributes:
        url: its address, without a slash at the end.
        pid: its process.
    """

    url: str
    pid: int

    def get(self, path: str) -> Any:
        """The JSON behind a path."""
        return get_json(self.url + path)

    def pages(self) -> int:
        """How many pages are in memory."""
        return sum(self.get("/health")["pages"].values())

    def submit(self, url: str) -> str:
        """Submit a page; its id."""
        request = urllib.request.Request(
            f"{self.url}/pages",
            data=json.dumps({"url": url}).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["id"])

    def wait_for_pages(self, count: int, timeout: float = 600.0) -> None:
        """Return when that many pages are in memory.

        Raises:
            ChildFailed: if they are not within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while (there := self.pages()) < count:
            if time.monotonic() > deadline:
                raise machine.ChildFailed(f"only {there} of {count} pages came back")
            time.sleep(0.2)


@contextmanager
def libra(
    data_dir: Path, *flags: str, core: machine.Core, environ: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """A Libra on a free port, until the block ends."""
    port = machine.free_port()
    command = [
        sys.executable,
        "-m",
        "libra",
        "serve",
        "--port",
        str(port),
        "--allow",
        "127.0.0.0/8",
    ]
    command += ["--data-dir", str(data_dir), *flags]
    url = f"http://127.0.0.1:{port}"
    ready = partial(_answers, url)
    with machine.serving(command, core=core, ready=ready, environ=environ) as process:
        yield Service(url, process.pid)


def get_json(url: str) -> Any:
    """The JSON behind a URL."""
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/live", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False

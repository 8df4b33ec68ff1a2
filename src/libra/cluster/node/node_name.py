"""The default name of a node: from its machine, and the same after each start."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from pathlib import Path


def name_in(folder: Path) -> str:
    """The name of the node that works in this data directory, chosen by its first start."""
    path = folder / "node"
    with suppress(OSError):
        known = path.read_text().strip()
        if known:
            return known
    name = f"{_host()}-{secrets.token_hex(2)}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    return name


def _host() -> str:
    host = "".join(c if c.isalnum() or c == "-" else "-" for c in socket.gethostname().lower())
    return host.strip("-")[:40] or "libra"

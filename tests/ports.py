"""Ports for servers that are started again on the same one."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_chance = random.SystemRandom()
"""Not that of `random`, which tests seed: processes that run side by side would choose alike."""


def free_port() -> int:
    """A free port that the system does not give to outgoing connections, so that it stays free."""
    while True:
        port = _chance.randint(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses: it is bound, so nobody gets it, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])

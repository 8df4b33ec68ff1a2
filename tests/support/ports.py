"""Ports of 127.0.0.1 that the system gave, and gives to nobody else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class ReservedPort:
    """A port for a server that is started on it, perhaps again and again, until `release`.

    It is bound and never listened on. The system gives a bound port to nobody who asks for any
    port, nor to outgoing connections. A server that names it and sets ``SO_REUSEADDR``, as all that
    we start do, may listen there all the same, since nobody else does; while none does, it refuses.
    """

    def __init__(self) -> None:
        self._bound = socket.socket()
        self._bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._bound.bind(("127.0.0.1", 0))
        self.number: int = self._bound.getsockname()[1]

    def release(self) -> None:
        """Let the system give it to others."""
        self._bound.close()

    def __enter__(self) -> int:
        return self.number

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses: it is bound, so nobody gets it, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])

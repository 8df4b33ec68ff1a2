"""The turns of each origin, the limit of connections, and the names of failures, for a `Fetcher`."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable

from libra.network.addresses.gate import Denied
from libra.network.failures import Failure
from libra.network.tolerant_http import NotHTTP

CONNECTIONS = 512
"""Connections that may be open concurrently."""

_LEAST = 4


def most_connections() -> int:
    """The limit of connections: at most a quarter of the files that the program may open.

    Otherwise kept connections to servers would leave no files for clients, the database and the disk.
    """
    try:
        import resource  # noqa: PLC0415 - see below
    except ImportError:  # Windows has none
        return CONNECTIONS
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return CONNECTIONS
    return min(CONNECTIONS, max(_LEAST, files // 4))


class HostSlots:
    """Limits the concurrent requests to each origin; the others wait in line.

    Args:
        limit: Returns the present limit of an origin, which may rise.
    """

    __slots__ = ("_active", "_limit", "_waiting")

    def __init__(self, limit: Callable[[str], int]) -> None:
        self._limit = limit
        self._active: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def busy(self) -> list[str]:
        """The origins with requests under way."""
        return list(self._active)

    def try_acquire(self, origin: str) -> bool:
        """Take a turn if one is free now."""
        active = self._active.get(origin, 0)
        if active >= self._limit(origin):
            return False
        self._active[origin] = active + 1
        return True

    async def acquire(self, origin: str) -> None:
        """Wait for a turn, as `try_acquire` has just found none."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(origin, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # The turn may have been given at the same moment: pass it on then.
            if turn.done() and not turn.cancelled():
                self.release(origin)
            raise

    def release(self, origin: str) -> None:
        """Give the turn back, and give the free turns to the next in line."""
        active = self._active.get(origin, 1) - 1
        waiting = self._waiting.get(origin)
        if waiting:
            limit = self._limit(origin)
            while waiting and active < limit:
                turn = waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    active += 1
            if not waiting:
                del self._waiting[origin]
        if active:
            self._active[origin] = active
        else:
            self._active.pop(origin, None)


def name_of_error(error: Failure | OSError | ValueError) -> str:
    """The named error (``code: explanation``) of a failed exchange."""
    if isinstance(error, (Failure, NotHTTP)):
        return str(error)
    return (
        _name_of_os_error(error)
        if isinstance(error, OSError)
        else "bad-url: the URL cannot be requested"
    )


def _name_of_os_error(error: OSError) -> str:
    text = str(error)
    match error:
        case Denied():
            return text
        case ConnectionRefusedError():
            return "refused: nothing listens at that address"
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError():
            return "disconnected: the connection was reset"
        case ssl.SSLError():
            return f"tls: {_short(error)}"
        case socket.gaierror():
            now = f" now: {_short(error)}" if error.errno == socket.EAI_AGAIN else ""
            return f"dns: the name does not resolve{now}"
        case TimeoutError():
            return "timeout: no connection in time"
        case _:
            if "Connect call failed" in text and "111" in text:
                return "refused: nothing listens at that address"
            return f"unreachable: {_short(error)}"


def _short(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join((text or type(error).__name__).split())[:120]

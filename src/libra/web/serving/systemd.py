"""Tells systemd the state of the service: ready, reloading, stopping, alive (sd_notify(3)).

Outside a unit, where ``NOTIFY_SOCKET`` is not set, it sends nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """Sends messages to the service manager.

    Args:
        environ: the environment; the process's own by default.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        # An abstract socket is written with an @ where the kernel expects a zero byte.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        watchdog = environ.get("WATCHDOG_USEC", "")
        # Twice as often as required, so that one beat may be late.
        self._interval = int(watchdog) / 2_000_000 if watchdog.isdigit() else 0.0
        self._beat: asyncio.TimerHandle | None = None

    def ready(self) -> None:
        """The service accepts requests; from now on, beats show that its event loop runs."""
        self._tell("READY=1")
        if self._address and self._interval and self._beat is None:
            self._alive()

    def reloading(self) -> None:
        """The service reads its configuration again; `ready` follows."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The service is stopping. That has a deadline of its own, so the beats end."""
        self._tell("STOPPING=1")
        if self._beat is not None:
            self._beat.cancel()

    def _alive(self) -> None:
        self._tell("WATCHDOG=1")
        loop = asyncio.get_running_loop()
        self._beat = loop.call_later(self._interval, self._alive)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        with (
            suppress(OSError),  # a missing manager does not stop the service
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
        ):
            channel.setblocking(False)
            channel.sendto(state.encode(), self._address)

"""What a service manager is told."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from libra.web.serving.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


async def heard(manager: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(manager, 1000)


async def test_it_is_told_when_the_service_is_ready_reloads_and_stops(
    manager: socket.socket,
) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready()
    assert await heard(manager) == b"READY=1"
    notifier.reloading()
    assert (await heard(manager)).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    notifier.stopping()
    assert await heard(manager) == b"STOPPING=1"


async def test_a_watchdog_is_shown_that_the_loop_turns_until_the_end_begins(
    manager: socket.socket,
) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "2000"}
    notifier = Notifier(environ)
    notifier.ready()
    assert await heard(manager) == b"READY=1"
    for _ in range(3):
        assert await heard(manager) == b"WATCHDOG=1"
    notifier.stopping()
    while await heard(manager) != b"STOPPING=1":
        pass
    with pytest.raises(BlockingIOError):
        manager.recv(100)


async def test_an_abstract_socket_is_found() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = f"libra-test-{os.getpid()}"  # others may run the same test at the same time
        listening.bind(f"\0{name}")
        listening.setblocking(False)
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert await heard(listening) == b"READY=1"


async def test_without_a_manager_or_with_one_that_is_gone_nothing_happens(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "x"}):
        notifier = Notifier(environ)
        notifier.ready()
        notifier.stopping()

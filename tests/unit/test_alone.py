"""A unit test that reaches out of its process fails."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest

from support.alone import NotAlone, alone, forgive


def listen() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))


def connect() -> None:
    with socket.socket() as connecting:
        connecting.connect(("127.0.0.1", 1))


def send() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sending:
        sending.sendto(b"x", ("127.0.0.1", 1))


def ask_for_a_name() -> None:
    socket.getaddrinfo("localhost", 80)


def start() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def fork() -> None:
    if os.fork() == 0:
        os._exit(1)


WAYS = [listen, connect, send, ask_for_a_name, start, fork]


@pytest.mark.parametrize("way", WAYS)
def test_no_unit_test_reaches_out(way: Callable[[], None]) -> None:
    with pytest.raises(NotAlone):
        way()
    assert len(forgive()) == 1


@pytest.mark.parametrize("way", WAYS)
def test_what_a_test_swallows_fails_it_all_the_same(way: Callable[[], None]) -> None:
    with pytest.raises(NotAlone, match="starts no process"), alone(), suppress(BaseException):
        way()


async def test_an_event_loop_may_be_made() -> None:
    assert await asyncio.to_thread(asyncio.run, asyncio.sleep(0, "made")) == "made"

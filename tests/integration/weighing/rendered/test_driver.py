"""How Libra speaks with Playwright's driver; programs of Python stand for drivers that do wrong."""

from __future__ import annotations

import asyncio
import sys

import pytest
from playwright._impl.connection import Connection

from libra.weighing.rendered.browsers.driver import Driver
from support.asking import PATIENCE, eventually

pytestmark = pytest.mark.asyncio

ENDLESS = """
import sys
sys.stdout.buffer.write(b"\\xff" * 4)
while True:
    sys.stdout.buffer.write(b"x" * 65_536)
"""


async def test_a_driver_that_talks_without_end_ends_with_most_of_it_unread() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        ENDLESS,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    transport = process.stdout._transport  # type: ignore[attr-defined]

    async def full() -> bool:
        return not transport.is_reading()

    await eventually(full, "asyncio has as much as it takes unread", within=PATIENCE)
    driver = Driver(process, Connection(asyncio.get_running_loop()))
    await driver.end()
    assert driver.why_ended == "the browser sent a message of 4,294,967,295 bytes"

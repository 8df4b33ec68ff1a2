"""Servers of asyncio that are closed with every connection that they have taken.

Before Python 3.13 one that is closed between taking a connection and making its transport, a turn of
the loop later, forgets that: nobody ever closes its socket
(https://github.com/python/cpython/issues/109564). And until its protocol has been told of it, in the
turn after that, its owner cannot know that it is there.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def stop_listening(server: asyncio.Server) -> None:
    """Take no connection any more; the protocol of each that was taken has it when this returns."""
    loop = asyncio.get_running_loop()
    for sock in server.sockets:
        with suppress(NotImplementedError):  # Windows listens otherwise
            loop.remove_reader(sock.fileno())  # as asyncio does itself when it closes one
    await asyncio.sleep(0)  # the transports are made
    await asyncio.sleep(0)  # the protocols are told
    server.close()

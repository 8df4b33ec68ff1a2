"""Closes asyncio servers together with every connection that they have accepted.

Before Python 3.13 a server that is closed right after it accepts a connection never closes that socket:
the transport is made only one turn of the loop later (https://github.com/python/cpython/issues/109564).
The protocol gets the connection in the turn after that, and until then its owner cannot know of it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def stop_listening(server: asyncio.Server) -> None:
    """Accept no more connections; on return the protocols have all accepted ones."""
    loop = asyncio.get_running_loop()
    for sock in server.sockets:
        with suppress(NotImplementedError):  # Windows listens in another way
            loop.remove_reader(sock.fileno())  # as asyncio does when it closes a server
    await asyncio.sleep(0)  # asyncio makes the transports
    await asyncio.sleep(0)  # asyncio calls the protocols
    server.close()

"""Time that passes at once for whatever goes by the event loop, such as the deadlines of fetches."""

from __future__ import annotations

import asyncio


def pass_time(seconds: float) -> None:
    """Let so many seconds pass on the running loop, as soon as it is its turn."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]

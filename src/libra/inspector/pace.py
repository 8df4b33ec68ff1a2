"""The pace of a restore: pages come back only as fast as live traffic allows."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Pages to bring back before yielding to the event loop: well under 10 ms of work.
SLICE = 50

#: The loop counts as busy if other work takes longer than this many seconds between two slices.
BUSY = 0.002

#: Seconds that a restore pauses between two slices, at most.
LONGEST_PAUSE = 0.1

#: New objects between two runs of Python's garbage collector while pages are brought back.
OBJECTS = 20_000


async def give_way() -> None:
    """Let live traffic go first; while it keeps the loop busy, the restore takes no more time than it.

    The time until control comes back is the time that other tasks took. If that is long, the restore
    sleeps for the same time before its next slice.
    """
    loop = asyncio.get_running_loop()
    asked = loop.time()
    await asyncio.sleep(0)
    busy = loop.time() - asked
    if busy > BUSY:
        await asyncio.sleep(min(busy, LONGEST_PAUSE))


@contextmanager
def few_collections() -> Iterator[None]:
    """Make Python's garbage collector run less often, since all objects made here stay.

    It would find no garbage, and would take a fifth of the time of a restore.
    """
    before = gc.get_threshold()
    if before[0]:  # otherwise it is switched off
        gc.set_threshold(max(before[0], OBJECTS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)

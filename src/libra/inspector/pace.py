"""The pace at which pages come back: no more of the event loop than live traffic leaves."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Pages that are brought back between two looks at the event loop: well under 10 ms of work.
SLICE = 50

#: Seconds of other work between two slices from which the loop counts as busy.
BUSY = 0.002

#: Seconds that a restore stands back at the most between two slices.
LONGEST_PAUSE = 0.1

#: New objects between two looks of Python's garbage collector while pages are brought back.
OBJECTS = 20_000


async def give_way() -> None:
    """Let live traffic go first: as long as it keeps the loop busy, take no more of it than it does.

    How long it took to get back here is what everybody else did meanwhile. When that is more than a
    moment, as much time again is left to them before the next slice.
    """
    loop = asyncio.get_running_loop()
    asked = loop.time()
    await asyncio.sleep(0)
    busy = loop.time() - asked
    if busy > BUSY:
        await asyncio.sleep(min(busy, LONGEST_PAUSE))


@contextmanager
def few_collections() -> Iterator[None]:
    """Have Python's garbage collector look less often, since all that is made here is there to stay.

    It would find nothing, and takes a fifth of the time of a restore to find it.
    """
    before = gc.get_threshold()
    if before[0]:  # else it is switched off
        gc.set_threshold(max(before[0], OBJECTS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)

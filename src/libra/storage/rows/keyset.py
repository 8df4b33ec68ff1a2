"""Reading a long table in batches, each beginning where the last one ended.

Unlike an offset this costs the same for every batch, and unlike a cursor it holds no transaction open
for as long as a restore takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeAlias

from libra.storage.rows.entries import Snapshot

Fetch: TypeAlias = Callable[[Snapshot | None], Coroutine[Any, Any, list[Snapshot]]]
"""Reads the batch that follows a snapshot; the first batch if it is None."""


async def read_ahead(fetch: Fetch, size: int) -> AsyncGenerator[list[Snapshot], None]:
    """Give batch after batch, with the next on its way while the caller works on this one.

    Args:
        fetch: reads one batch.
        size: how long a batch is, unless it is the last.
    """
    coming = asyncio.create_task(fetch(None))
    try:
        while batch := await coming:
            last = len(batch) < size
            if not last:
                coming = asyncio.create_task(fetch(batch[-1]))
            yield batch
            if last:
                return
    finally:
        # Whoever stops early has no use for what is on its way, be it a batch or an error.
        coming.cancel()
        await asyncio.wait({coming})
        if not coming.cancelled():
            coming.exception()

"""Reads a long table in batches, each of which begins where the last one ended.

Unlike an offset, this costs the same for every batch. Unlike a cursor, it holds no transaction open
for the whole restore.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeAlias

from libra.storage.rows.entries import Snapshot

Fetch: TypeAlias = Callable[[Snapshot | None], Coroutine[Any, Any, list[Snapshot]]]
"""Reads the batch that follows a snapshot; the first batch if it is None."""


async def read_ahead(fetch: Fetch, size: int) -> AsyncGenerator[list[Snapshot], None]:
    """Yield batch after batch; read the next one while the caller works on the present one.

    Args:
        fetch: reads one batch.
        size: the length of each batch but the last.
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
        # A caller that stops early does not need the next batch, nor its error.
        coming.cancel()
        await asyncio.wait({coming})
        if not coming.cancelled():
            coming.exception()

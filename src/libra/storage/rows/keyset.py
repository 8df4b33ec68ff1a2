"""Reads a long table in batches, each of which begins where the last one ended.

Unlike an offset, this costs the same for every batch. Unlike a cursor, it holds no transaction open
for the whole restore.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from libra.storage.rows.entries import Snapshot

Place: TypeAlias = tuple[Any, ...]
"""The id of a row, and when it expires, as its columns have them."""

_EXPIRES: Final = 10
"""The column of the expiry in a row of any engine; the id is the first one."""


class Batch(NamedTuple):
    """The pages of one batch, without unreadable ones, and its last place; None at the end."""

    pages: list[Snapshot]
    last: Place | None


Fetch: TypeAlias = Callable[[Place | None], Coroutine[Any, Any, Batch]]
"""Reads the batch that follows a place; the first batch if it is None."""


def last_place(rows: Sequence[Any], size: int) -> Place | None:
    """The place of the last row of a full batch; None if no batch follows."""
    return (rows[-1][0], rows[-1][_EXPIRES]) if len(rows) == size else None


async def read_ahead(fetch: Fetch) -> AsyncGenerator[list[Snapshot], None]:
    """Yield batch after batch; read the next one while the caller works on the present one.

    Args:
        fetch: reads one batch.
    """
    coming = asyncio.create_task(fetch(None))
    try:
        while True:
            pages, last = await coming
            if last is not None:
                coming = asyncio.create_task(fetch(last))
            if pages:
                yield pages
            if last is None:
                return
    finally:
        # A caller that stops early does not need the next batch, nor its error.
        coming.cancel()
        await asyncio.wait({coming})
        if not coming.cancelled():
            coming.exception()

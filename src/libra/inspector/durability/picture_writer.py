"""Writes pictures of pages to the database.

A picture is not part of the result: no durability level covers pictures, and one may be lost. So
pictures are in no journal and in no cluster's engine. They wait in memory, and if too many wait
during an outage, the oldest are dropped.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from libra.inspector.context import Context
from libra.storage import Rejected, Store, Unavailable
from libra.weighing.rendered.picture import Picture

log = logging.getLogger("libra.backup")

WAITING: Final = 200
"""The limit of waiting pictures: some 14 MB."""

PAUSE: Final = 5.0
"""Seconds until the next try while the database is unavailable."""


class PictureWriter:
    """Keeps pictures in the database and finds those that wait.

    Args:
        context: the shared state.
        store: the database.
    """

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        self._store = store
        self._waiting: dict[str, Picture] = {}
        self._more = asyncio.Event()

    def keep(self, page_id: str, picture: Picture) -> None:
        """Store a picture as soon as possible."""
        self._waiting[page_id] = picture
        while len(self._waiting) > WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._more.set()

    def forget(self, page_id: str) -> None:
        """Drop the waiting picture of a page that was deleted."""
        self._waiting.pop(page_id, None)

    def waiting(self, page_id: str) -> Picture | None:
        """The picture of a page that is not stored yet."""
        return self._waiting.get(page_id)

    async def serve(self) -> None:
        """Store waiting pictures, for ever."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                page_id, picture = next(iter(self._waiting.items()))
                if not await self._store_one(page_id, picture):
                    await asyncio.sleep(PAUSE)
                elif self._waiting.get(page_id) is picture:
                    del self._waiting[page_id]

    async def _store_one(self, page_id: str, picture: Picture) -> bool:
        """Store one picture; False if it must be tried again."""
        context = self._context
        if context.availability.outage is not None or not context.availability.opened.is_set():
            return False
        try:
            await self._store.keep_picture(page_id, picture.thumbnail, picture.whole)
        except Unavailable:
            return False
        except Rejected as error:
            log.warning("the database refuses the screenshot of page %s: %s", page_id, error)
        return True

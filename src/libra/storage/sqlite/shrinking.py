"""Gives the free space of a SQLite file back to the disk."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from libra.storage.sqlite.connection_thread import ConnectionThread, Job

_INCREMENTAL: Final = 2  # of `PRAGMA auto_vacuum`
_GIVEN_BACK_AT_ONCE: Final = 1000  # pages of the file: one transaction stays short


class Shrinking:
    """Shrinks a file, in steps.

    Args:
        writer: the thread that writes.
        limit: the time limit of each of its steps, in seconds.
    """

    def __init__(self, writer: ConnectionThread, limit: float) -> None:
        self._writer = writer
        self._limit = limit

    async def free(self) -> tuple[int, bool]:
        """The free bytes of the file, and whether it can shrink without being rewritten."""
        return await self._writer.run(_free, deadline=self._limit)

    async def shrink(self) -> int:
        """Give the free space back; return its bytes."""
        there, _ = await self.free()
        left = there
        while left:
            await self._writer.run(_give_some_back, deadline=self._limit)
            before, (left, _) = left, await self.free()
            if left >= before:
                break  # others remove and add rows meanwhile
        return max(0, there - left)

    async def rewrite(self, deadline: float) -> int:
        """Rewrite the file without its free space, so that it can shrink later; return the bytes saved.

        Args:
            deadline: seconds; nothing can be saved during the rewrite.
        """
        there, _ = await self.free()
        await self._writer.run(_rewrite, deadline=deadline)
        left, _ = await self.free()
        return there - left


def _free(connection: sqlite3.Connection, _job: Job[Any]) -> tuple[int, bool]:
    pages, size, mode = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("freelist_count", "page_size", "auto_vacuum")
    )
    return int(pages * size), mode == _INCREMENTAL


def _give_some_back(connection: sqlite3.Connection, _job: Job[Any]) -> None:
    connection.execute(f"PRAGMA incremental_vacuum({_GIVEN_BACK_AT_ONCE})").fetchall()


def _rewrite(connection: sqlite3.Connection, _job: Job[Any]) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("VACUUM")

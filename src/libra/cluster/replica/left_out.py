"""Which pages had to leave the memory of a web node although no database has them."""

from __future__ import annotations

from typing import Final

#: So many ids are remembered, some 10 MB.
MOST: Final = 100_000


class LeftOut:
    """Pages that are in the engine alone: as long as there are any, a list of this node lacks them."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._more = False

    def __bool__(self) -> bool:
        return self._more or bool(self._ids)

    def add(self, page_id: str) -> None:
        """A page leaves memory, and only the engine has it."""
        if len(self._ids) < MOST:
            self._ids.add(page_id)
        else:
            self._more = True  # which, is not known: this ends with the program

    def discard(self, page_id: str) -> None:
        """A page is in memory again, a database has it, or it is gone."""
        self._ids.discard(page_id)

"""Pages that had to leave the memory of a web node before any database had them."""

from __future__ import annotations

from typing import Final

#: Ids that are remembered at most, some 10 MB.
MOST: Final = 100_000


class LeftOut:
    """Pages that only the engine has: while there are any, the lists of this node lack them."""

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
            self._more = True  # it is not known which pages; this lasts until the program ends

    def discard(self, page_id: str) -> None:
        """A page is in memory again, a database has it, or it is gone."""
        self._ids.discard(page_id)

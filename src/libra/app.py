"""Libra: the public API and the root of the supervision tree."""

from __future__ import annotations

import msgspec

from libra.weighing.report import Summary


class LibraError(Exception):
    """What Libra raises of its own accord."""


class PageNotFound(LibraError):
    """There is no such page: neither in memory nor in the database."""


class PageUnknown(LibraError):
    """The page is not in memory and the database cannot be asked: it may exist.

    Attributes:
        retry_after: seconds after which asking again is worth while.
    """

    def __init__(self, page_id: str, retry_after: float) -> None:
        super().__init__(f"page {page_id} is not in memory and the database cannot be asked now")
        self.retry_after = retry_after


class Full(LibraError):
    """As many pages as `max_pages` are in memory and none may leave yet.

    Attributes:
        retry_after: seconds after which submitting again is worth while.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__("no room for another page at the moment")
        self.retry_after = retry_after


class PageList(msgspec.Struct, frozen=True):
    """A page of a list, newest first.

    ``next`` is the cursor to pass as ``after`` for what follows, None at the end. ``partial`` is
    true when the database could not be asked and the list is from memory alone.
    """

    pages: tuple[Summary, ...]
    next: str | None = None
    partial: bool = False

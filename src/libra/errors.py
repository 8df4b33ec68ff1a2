"""What Libra raises of its own accord. `libra.app` is where to import these from."""

from __future__ import annotations

#: Seconds after which asking again is worth while when the database is down or memory is full.
RETRY_AFTER = 2.0


class LibraError(Exception):
    """What Libra raises of its own accord."""


class PageNotFound(LibraError):
    """There is no such page: neither in memory nor in the database.

    Attributes:
        lost: what a database is known to have lost, if this page may have been among it; else None.
    """

    def __init__(self, page_id: str, lost: str | None = None) -> None:
        super().__init__(f"there is no page {page_id[:64]!r}" + (f". {lost}" if lost else ""))
        self.lost = lost


class PageUnknown(LibraError):
    """The page is not in memory and the database cannot be asked: it may exist.

    Attributes:
        retry_after: seconds after which asking again is worth while.
    """

    def __init__(self, page_id: str, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(f"page {page_id} is not in memory and the database cannot be asked now")
        self.retry_after = retry_after


class Full(LibraError):
    """As many pages as ``max_pages`` are in memory and none may leave yet.

    Attributes:
        retry_after: seconds after which submitting again is worth while.
    """

    def __init__(self, retry_after: float = RETRY_AFTER) -> None:
        super().__init__("no room for another page at the moment")
        self.retry_after = retry_after


class Stopping(Full):
    """This Libra is shutting down and takes no more pages; another one may."""

    def __init__(self, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(retry_after)
        self.args = ("Libra is shutting down",)


class NotConverted(LibraError):
    """A report could not be made into another format: the parsers that did it ended, and why.

    Attributes:
        retry_after: seconds after which asking again is worth while.
    """

    def __init__(self, reason: str, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Restoring(Full):
    """This Libra has just started and cannot tell yet whether it knows this idempotency key."""

    def __init__(self, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(retry_after)
        self.args = ("Libra has just started and still reads its idempotency keys",)


class CannotRender(LibraError):
    """Pages cannot be rendered here; the message says what to install."""


class WatchNotFound(LibraError):
    """There is no such watch.

    Attributes:
        lost: what a database is known to have lost, if this watch may have been among it; else None.
    """

    def __init__(self, watch_id: str, lost: str | None = None) -> None:
        super().__init__(f"there is no watch {watch_id[:64]!r}" + (f". {lost}" if lost else ""))
        self.lost = lost


class WatchUnknown(LibraError):
    """The watches of the database are not in memory yet: it may exist.

    Attributes:
        retry_after: seconds after which asking again is worth while.
    """

    def __init__(self, watch_id: str, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(f"watch {watch_id} is not in memory and the database cannot be asked now")
        self.retry_after = retry_after


class TooManyWatches(LibraError):
    """There are as many watches as there may be: delete one that nobody needs."""


class DataDirInUse(LibraError):
    """Another Libra works on the same data directory."""

"""Libra's public exceptions. Import them from `libra.app`."""

from __future__ import annotations

#: Seconds to wait before asking again when the database is down or memory is full.
RETRY_AFTER = 2.0


class LibraError(Exception):
    """The base of Libra's public exceptions."""


class PageNotFound(LibraError):
    """There is no such page: neither in memory nor in the database.

    Attributes:
        lost: which loss of a database may include this page; None if there is none.
    """

    def __init__(self, page_id: str, lost: str | None = None) -> None:
        super().__init__(f"no page has the id {page_id[:64]!r}" + (f". {lost}" if lost else ""))
        self.lost = lost


class PageUnknown(LibraError):
    """The page is not in memory, and the database does not answer: it may exist.

    Attributes:
        retry_after: seconds to wait before asking again.
    """

    def __init__(self, page_id: str, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(
            f"can't tell whether page {page_id} exists: it is not in memory "
            "and the database is unreachable"
        )
        self.retry_after = retry_after


class PageUnreadable(LibraError):
    """The page is in the database, and its row there is damaged."""

    def __init__(self, page_id: str) -> None:
        super().__init__(f"the row of page {page_id} in the database cannot be read")


class Behind(LibraError):
    """The named version is newer than any readable here now; only a node of a cluster can be behind."""


class Full(LibraError):
    """Memory holds ``max_pages`` pages, and none of them may leave yet.

    Attributes:
        retry_after: seconds to wait before submitting again.
    """

    def __init__(self, retry_after: float = RETRY_AFTER) -> None:
        super().__init__("memory is full of pages that must stay; try again in a moment")
        self.retry_after = retry_after


class Stopping(Full):
    """This Libra is shutting down and accepts no more pages; another one may."""

    def __init__(self, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(retry_after)
        self.args = ("Libra is shutting down",)


class NotConverted(LibraError):
    """A report could not be converted, because its parsers ended; the message says why they did.

    Attributes:
        retry_after: seconds to wait before asking again.
    """

    def __init__(self, reason: str, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Restoring(Full):
    """This Libra has just started and cannot tell yet whether it has seen this idempotency key."""

    def __init__(self, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(retry_after)
        self.args = ("Libra has just started and is still reading its idempotency keys",)


class CannotRender(LibraError):
    """Pages cannot be rendered here; the message says what to install."""


class NotWeighed(LibraError):
    """A page could not be weighed, and the caller needs its weight.

    Attributes:
        url: of the page.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} could not be weighed: {reason}")
        self.url = url


class UnusableResult(LibraError):
    """A client sent a report that cannot be kept; the message says what is wrong with it."""


class ResultDeleted(LibraError):
    """A CI job sent a result again that somebody has deleted here: it stays deleted."""

    def __init__(self) -> None:
        super().__init__(
            "This result was deleted, so Libra does not accept it again. "
            "Weigh the page again to get a new result for this commit."
        )


class NotWhole(LibraError):
    """Only a part of a page was weighed, and the caller needs its weight: it weighs that at least.

    Attributes:
        url: of the page.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"Libra weighed only a part of {url}: {reason}")
        self.url = url


class WatchNotFound(LibraError):
    """There is no such watch.

    Attributes:
        lost: which loss of a database may include this watch; None if there is none.
    """

    def __init__(self, watch_id: str, lost: str | None = None) -> None:
        super().__init__(f"no watch has the id {watch_id[:64]!r}" + (f". {lost}" if lost else ""))
        self.lost = lost


class WatchUnknown(LibraError):
    """The watches of the database are not in memory yet: this watch may exist.

    Attributes:
        retry_after: seconds to wait before asking again.
    """

    def __init__(self, watch_id: str, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(
            f"can't tell whether watch {watch_id} exists: it is not in memory "
            "and the database is unreachable"
        )
        self.retry_after = retry_after


class TooManyWatches(LibraError):
    """The limit of watches is reached. Delete a watch that you do not need."""


class EngineUnavailable(LibraError):
    """The engine of the cluster does not answer, and this operation needs it.

    Attributes:
        retry_after: seconds to wait before asking again.
    """

    def __init__(self, reason: str, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(f"the engine of the cluster is unreachable: {reason}")
        self.retry_after = retry_after


class DataDirInUse(LibraError):
    """Another Libra uses the same data directory."""

"""What lists of pages, of URLs and of watches hold."""

from __future__ import annotations

import msgspec

from libra.inspector.records.watches.watch_record import Watch
from libra.report import Summary


class PageList(msgspec.Struct, frozen=True):
    """A page of a list, newest first.

    ``next`` is the cursor to pass as ``after`` for what follows, None at the end. ``partial`` is
    true when the database could not be asked and the list is from memory alone.
    """

    pages: tuple[Summary, ...]
    next: str | None = None
    partial: bool = False


class UrlSummary(msgspec.Struct, frozen=True):
    """A URL: its newest weigh-in, whatever became of it, and how it was weighed lately.

    ``weights`` are the transfer sizes in bytes of up to 30 weigh-ins, all weighed in the way of the
    last one, the oldest first.
    """

    newest: Summary
    weights: tuple[int, ...] = ()

    @property
    def weight(self) -> int | None:
        """What it weighed last; None if it never was."""
        return self.weights[-1] if self.weights else None

    @property
    def change(self) -> int | None:
        """How much more that is than before; None if there is nothing to compare it with."""
        return self.weights[-1] - self.weights[-2] if len(self.weights) > 1 else None


class UrlList(msgspec.Struct, frozen=True):
    """A page of the list of URLs; ``next`` and ``partial`` are as those of `PageList`."""

    urls: tuple[UrlSummary, ...]
    next: str | None = None
    partial: bool = False


class WatchList(msgspec.Struct, frozen=True):
    """A page of a list of watches.

    ``next`` is the cursor to pass as ``after`` for what follows, None at the end. ``partial`` is
    true while those of the database could not be read since the start. ``counts`` says how many watches
    there are of each status, listed or not.
    """

    watches: tuple[Watch, ...]
    next: str | None = None
    partial: bool = False
    counts: dict[str, int] = {}

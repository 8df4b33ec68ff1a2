"""The query for a list of URLs, and its rows: one for each URL.

Both engines and memory order the rows in the same way (see `libra.inspector.pages.url_list`), so that
rows from both can be merged.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from libra.report import Status
from libra.storage.rows.entries import Snapshot

Sort: TypeAlias = Literal["newest", "heaviest", "site", "broken"]
"""By the newest weigh-in, by its weight, by host and URL, or broken URLs first."""

Key: TypeAlias = tuple[str | int, ...]
"""A place in a list: the values of the sort order."""

SHAPES: Final[dict[Sort, tuple[type, ...]]] = {
    "newest": (str,),
    "heaviest": (int, str),
    "site": (str, str),
    "broken": (int, str),
}
"""The types of the key in each order."""

ASCENDING: Final = frozenset[Sort]({"site"})

PAST: Final = 30
"""The weigh-ins in a row."""


class UrlQuery(msgspec.Struct, frozen=True):
    """Which URLs to list, and in which order.

    Attributes:
        limit: the maximum number of rows.
        sort: the order of the list.
        after: the key of the last row of the previous list, to continue from there.
        host: only URLs whose newest weigh-in was of this host or of one below it.
        text: only URLs with this text in the title of the newest weigh-in or in the URL, in any case.
        status: only URLs whose newest weigh-in has this status.
        urls: only these URLs; None for all.
        broken: URLs that count as broken for other reasons than a failed weigh-in.
    """

    limit: int
    sort: Sort = "newest"
    after: Key | None = None
    host: str | None = None
    text: str | None = None
    status: Status | None = None
    urls: frozenset[str] | None = None
    broken: frozenset[str] = frozenset()

    def key(self, row: Snapshot) -> Key:
        """The place of a row in this order."""
        match self.sort:
            case "newest":
                return (row.id,)
            case "heaviest":
                return (row.transfer_bytes, row.id)
            case "site":
                return (row.host, row.url)
            case "broken":
                return (int(row.status == "failed" or row.url in self.broken), row.id)

    def follows(self, key: Key) -> bool:
        """Whether a place comes after the previous list."""
        if self.after is None:
            return True
        return key > self.after if self.sort in ASCENDING else key < self.after

    def sorted(self, rows: Iterable[UrlRow]) -> list[UrlRow]:
        """Rows in this order."""
        return sorted(
            rows, key=lambda row: self.key(row.newest), reverse=self.sort not in ASCENDING
        )


class Past(NamedTuple):
    """A weighed page: its id, its transfer size in bytes, and how it was weighed, if known."""

    id: str
    transfer_bytes: int
    way: str | None


class UrlRow(msgspec.Struct, frozen=True):
    """A URL with its newest weigh-in and its newest `PAST` weighed pages, newest first."""

    newest: Snapshot
    past: tuple[Past, ...]


_past = msgspec.json.Decoder(tuple[Past, ...])


def write_place(key: Key) -> str:
    """Encode a place for a URL of a list."""
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def read_place(text: str | None, sort: Sort) -> Key | None:
    """Decode a place from `write_place` for a list of this order; None for any other text."""
    if not text:
        return None
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        key = tuple(msgspec.json.decode(data, type=list[str | int]))
    except (ValueError, msgspec.MsgspecError):
        return None
    numbers = (part for part in key if isinstance(part, int))
    if tuple(map(type, key)) != SHAPES[sort] or any(abs(one) >= 2**63 for one in numbers):
        return None
    return key


def read_past(data: str | None) -> tuple[Past, ...]:
    """Decode a past that a database wrote as a list of lists."""
    return () if data is None else _past.decode(data)

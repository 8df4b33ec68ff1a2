"""One row for each URL: what a list of URLs asks a database for, and what it gets.

Both engines order the rows in the same way, as does memory (see `libra.inspector.pages.url_list`), so
that what comes from the two can be put together.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from libra.report import Status
from libra.storage.rows.entries import Snapshot

Sort: TypeAlias = Literal["newest", "heaviest", "site", "broken"]
"""By the newest weigh-in, by its weight, by host and URL, or what is broken first."""

Key: TypeAlias = tuple[str | int, ...]
"""A place in a list, by what it is sorted by."""

SHAPES: Final[dict[Sort, tuple[type, ...]]] = {
    "newest": (str,),
    "heaviest": (int, str),
    "site": (str, str),
    "broken": (int, str),
}
"""What the keys of each order consist of."""

ASCENDING: Final = frozenset[Sort]({"site"})

PAST: Final = 30
"""Weigh-ins that a row tells of."""


class UrlQuery(msgspec.Struct, frozen=True):
    """Which URLs are wanted, and in which order.

    Attributes:
        limit: how many at most.
        sort: what comes first.
        after: the key of the last row of the list before, to continue from there.
        host: only those whose newest weigh-in was of this host or of one below it.
        text: only those with this in the title of the newest weigh-in or in the URL, whatever the case.
        status: only those whose newest weigh-in is there in its life.
        urls: only these; None for all.
        broken: what is broken for other reasons than that it could not be weighed.
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
        """Whether a place comes after the list before this one."""
        if self.after is None:
            return True
        return key > self.after if self.sort in ASCENDING else key < self.after

    def sorted(self, rows: Iterable[UrlRow]) -> list[UrlRow]:
        """Rows in this order."""
        return sorted(
            rows, key=lambda row: self.key(row.newest), reverse=self.sort not in ASCENDING
        )


class Past(NamedTuple):
    """A page that was weighed: its id, its transfer size in bytes, and how it was weighed if known."""

    id: str
    transfer_bytes: int
    way: str | None


class UrlRow(msgspec.Struct, frozen=True):
    """A URL: its newest weigh-in, and the newest `PAST` that were weighed, the newest first."""

    newest: Snapshot
    past: tuple[Past, ...]


_past = msgspec.json.Decoder(tuple[Past, ...])


def write_place(key: Key) -> str:
    """A place in a list as a text for addresses."""
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def read_place(text: str | None, sort: Sort) -> Key | None:
    """What `write_place` was given for a list of this order; None for any other text."""
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
    """What a database wrote as a list of lists."""
    return () if data is None else _past.decode(data)

"""Converts rows, of which a damaged disk or another program may have made some unreadable.

Each costs itself alone: no list and no restore fails because of it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from libra.report import decode_summary
from libra.storage.errors import UnreadableRow
from libra.storage.rows.entries import Snapshot
from libra.storage.rows.page_query import PageQuery
from libra.storage.rows.urls import UrlQuery

T = TypeVar("T")
Query = TypeVar("Query", PageQuery, UrlQuery)

log = logging.getLogger("libra.backup")

_UNREADABLE: Final = (ValueError, TypeError, msgspec.MsgspecError)
"""What the conversion of a row raises if a value is not of the kind of its column."""


class Found(NamedTuple, Generic[T]):
    """The converted rows, and how many rows there were, with those that cannot be read."""

    items: list[T]
    rows: int


def readable(rows: Iterable[Any], convert: Callable[[Any], T], unreadable: set[str]) -> Found[T]:
    """Convert rows; leave out those that cannot be read, and log each of them once.

    Args:
        rows: the rows; their first column is the id.
        convert: converts a row.
        unreadable: the ids of the rows that are known to be unreadable; this adds to them.
    """
    found: list[T] = []
    number = 0
    for number, row in enumerate(rows, 1):  # noqa: B007 - it is the number of all rows afterwards
        try:
            found.append(strictly(row, convert, unreadable))
        except UnreadableRow:
            continue
    return Found(found, number)


def strictly(row: Any, convert: Callable[[Any], T], unreadable: set[str]) -> T:
    """Convert one row; the arguments are as above.

    Raises:
        UnreadableRow: it cannot be read.
    """
    try:
        return convert(row)
    except _UNREADABLE as error:
        raise noted(str(row[0]), error, unreadable) from error


def noted(row_id: str, error: Exception, unreadable: set[str]) -> UnreadableRow:
    """The error for a row, which the log shows if that was not known."""
    if row_id not in unreadable:
        unreadable.add(row_id)
        log.error("the row of %s in the database cannot be read: %s", row_id, error)
    return UnreadableRow(f"the row of {row_id} cannot be read: {error}")


def with_summary(page: Snapshot) -> Snapshot:
    """A page whose report has a summary, which lists need.

    Raises:
        msgspec.MsgspecError: it has none.
    """
    decode_summary(page.report)
    return page


async def as_many(read: Callable[[Query], Awaitable[Found[T]]], query: Query) -> list[T]:
    """Read as many items as a query asks for if there are so many, because fewer end a list."""
    wider = query
    while True:
        items, rows = await read(wider)
        if len(items) >= query.limit or rows < wider.limit:
            return items[: query.limit]
        wider = msgspec.structs.replace(wider, limit=wider.limit * 2)

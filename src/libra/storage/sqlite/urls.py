"""SQL for the list of URLs in SQLite."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Final

from libra.storage.rows.foreign_text import escape, like
from libra.storage.rows.urls import PAST, UrlQuery

# The weigh-in with the highest id of each URL: with the aggregate max(), SQLite takes the other
# columns from the same row. All of them are in the index by URL.
_NEWEST: Final = """
    SELECT url, max(id) AS id, transfer_bytes, status, host, title FROM pages
    WHERE deleted_at IS NULL{only} GROUP BY url
"""
_PAST: Final = f"""
    SELECT json_group_array(json_array(id, transfer_bytes, way)) FROM (
        SELECT id, transfer_bytes, way FROM pages AS earlier
        WHERE earlier.url = pages.url AND deleted_at IS NULL AND status = 'weighed'
        ORDER BY id DESC LIMIT {PAST:d}
    )
"""  # noqa: S608 - a constant
_BROKEN: Final = "(status = 'failed' OR url IN (SELECT value FROM json_each(?)))"
_ORDER: Final = {
    "newest": "id DESC",
    "heaviest": "transfer_bytes DESC, id DESC",
    "site": "host, url",
    "broken": f"{_BROKEN} DESC, id DESC",
}
_AFTER: Final = {
    "newest": "id < ?",
    "heaviest": "(transfer_bytes, id) < (?, ?)",
    "site": "(host, url) > (?, ?)",
    "broken": f"({_BROKEN}, id) < (?, ?)",
}


def urls_sql(query: UrlQuery, columns: str) -> tuple[str, list[Any]]:
    """The statement and its arguments.

    A row has these columns and the past as JSON; the rows come in any order.
    """
    only, arguments = "", list[Any]()
    if query.urls is not None:
        only = " AND url IN (SELECT value FROM json_each(?))"
        arguments.append(_as_json(query.urls))
    conditions = ["1"]
    if query.host is not None:
        conditions.append(r"(host = ? OR host LIKE ? ESCAPE '\')")
        arguments += [escape(query.host), f"%.{like(query.host)}"]
    if query.text is not None:
        condition, values = text_condition(query.text)
        conditions.append(condition)
        arguments += values
    if query.status is not None:
        conditions.append("status = ?")
        arguments.append(query.status)
    if query.after is not None:
        conditions.append(_AFTER[query.sort])
        if query.sort == "broken":
            arguments.append(_as_json(query.broken))
        arguments += [escape(part) if isinstance(part, str) else part for part in query.after]
    if query.sort == "broken":
        arguments.append(_as_json(query.broken))
    order = _ORDER[query.sort]
    # Whole rows are read only for the result.
    sql = f"""
        SELECT {columns}, ({_PAST}) FROM pages WHERE id IN (
            SELECT id FROM ({_NEWEST.format(only=only)})
            WHERE {" AND ".join(conditions)} ORDER BY {order} LIMIT ?
        )
    """  # noqa: S608 - constants
    return sql, [*arguments, query.limit]


def timeline_sql(select: str) -> str:
    """A statement for the heaviest page of each span of a time.

    It takes ``:url``, ``:since`` (which may be null), ``:until`` and ``:spans``.

    Args:
        select: the columns of all pages, up to the conditions.
    """
    return f"""
    WITH whole (since, days) AS (
        SELECT begin, max(julianday(:until) - julianday(begin), 1e-9) FROM (
            SELECT coalesce(:since, (SELECT min(submitted_at) FROM pages
                WHERE deleted_at IS NULL AND url = :url AND status = 'weighed')) AS begin
        )
    )
    {select} AND id IN (
        SELECT id FROM (
            SELECT id, max(transfer_bytes),
                CAST((julianday(submitted_at) - julianday(since)) / days * :spans AS INTEGER) AS span
            FROM pages, whole WHERE deleted_at IS NULL AND url = :url AND status = 'weighed'
                AND submitted_at >= since AND submitted_at < :until
            GROUP BY span
        )
    ) ORDER BY id DESC
    """  # noqa: S608 - a constant


def text_condition(text: str) -> tuple[str, list[str]]:
    """A condition for pages with a text in their title or URL, in any case, and its arguments."""
    if text.isascii():
        return r"(title LIKE ? ESCAPE '\' OR url LIKE ? ESCAPE '\')", [f"%{like(text)}%"] * 2
    # SQLite knows upper and lower case of ASCII only.
    return "(libra_has(title, ?) OR libra_has(url, ?))", [escape(text).casefold()] * 2


def add_functions(connection: sqlite3.Connection) -> None:
    """Add the functions of `text_condition` to a connection."""
    connection.create_function("libra_has", 2, _has, deterministic=True)


def _has(text: str | None, wanted: str) -> bool:
    return text is not None and wanted in text.casefold()


def _as_json(urls: frozenset[str]) -> str:
    return json.dumps([escape(url) for url in urls])

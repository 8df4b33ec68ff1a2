"""SQL for reading pages from PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from libra.storage.postgres.rows import COLUMNS
from libra.storage.postgres.urls import text_condition, timeline_sql
from libra.storage.rows.foreign_text import escape, like
from libra.storage.rows.keyset import Place
from libra.storage.rows.page_query import PageQuery

_NAMES: Final = ", ".join(COLUMNS)
_SELECT_AS: Final = f"SELECT {_NAMES} FROM pages WHERE deleted_at IS NULL"  # noqa: S608 - a constant
# Libra reads the frame. For an old row without one, the server has to write the JSON.
SELECT: Final = _SELECT_AS.replace(
    " report,", " CASE WHEN report_zstd IS NULL THEN report END AS report,"
)
# The large parts of a report stay in the database: no list shows them.
_LIST: Final = _SELECT_AS.replace(
    " report,", " report - '{assets,by_host,findings}'::text[] AS report,"
).replace(", report_zstd", ", NULL::bytea AS report_zstd")
IN_LIST: Final = ", ".join(
    {
        "report": "pages.report - '{assets,by_host,findings}'::text[] AS report",
        "report_zstd": "NULL::bytea AS report_zstd",
    }.get(name, f"pages.{name}")
    for name in COLUMNS
)
TIMELINE: Final = timeline_sql(_LIST)


def recent_sql(query: PageQuery) -> tuple[str, list[Any]]:
    """A statement for pages, newest first, and its arguments; the reports have no assets."""
    sql, arguments = _LIST, list[Any]()

    def place(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    if query.url is not None:
        url = place(escape(query.url))
        sql += f" AND url_hash = md5({url})::uuid AND url = {url}"
    if query.host is not None:
        same, below = place(escape(query.host)), place(f"%.{like(query.host)}")
        sql += f" AND (host = {same} OR host LIKE {below})"
    if query.text is not None:
        sql += f" AND {text_condition(query.text, place)}"
    if query.status is not None:
        sql += f" AND status = {place(query.status)}"
    if query.since is not None:
        sql += f" AND id >= {place(escape(query.since))}"
    if query.series is not None:
        sql += f" AND series = {place(escape(query.series))}"
    if query.after is not None:
        sql += f" AND id < {place(escape(query.after))}"
    return f"{sql} ORDER BY id DESC LIMIT {place(query.limit)}", arguments


def batch_sql(now: datetime | None, size: int, last: Place | None) -> tuple[str, list[Any]]:
    """A statement for a batch of the pages that come back to memory, and its arguments.

    Args:
        now: select pages that expire after this; None for those that never expire.
        size: the maximum number of rows.
        last: the place before the batch; None for the first batch.
    """
    key = ["id"] if now is None else ["expires_at", "id"]
    sql, arguments = f"{SELECT} AND expires_at IS NULL", list[Any]()
    if now is not None:
        sql, arguments = f"{SELECT} AND expires_at > $1", [now]
    if last is not None:
        sql += f" AND ({', '.join(key)}) < ({'$1' if now is None else '$2, $3'})"
        page_id, expires_at = last
        arguments += [page_id] if now is None else [expires_at, page_id]
    # Of both columns in either case, so that the index gives the order.
    return f"{sql} ORDER BY expires_at DESC, id DESC LIMIT {size:d}", arguments

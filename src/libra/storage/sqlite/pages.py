"""SQL for reading pages from SQLite."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from libra.storage.rows.foreign_text import escape, like
from libra.storage.rows.keyset import Place
from libra.storage.rows.page_query import PageQuery
from libra.storage.sqlite.rows import COLUMNS, DamagedText, utc
from libra.storage.sqlite.urls import text_condition, timeline_sql

IN_PAGES: Final = ", ".join(f"pages.{name}" for name in COLUMNS.split(", "))
SELECT: Final = f"SELECT {COLUMNS} FROM pages WHERE deleted_at IS NULL"  # noqa: S608 - a constant
TIMELINE: Final = timeline_sql(SELECT)


def recent_sql(query: PageQuery) -> tuple[str, list[Any]]:
    """A statement for pages, newest first, and its arguments."""
    conditions = list[str]()
    arguments = list[Any]()
    if query.url is not None:
        conditions.append("url = ?")
        arguments.append(escape(query.url))
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
    if query.since is not None:
        conditions.append("id >= ?")
        arguments.append(escape(query.since))
    if query.series is not None:
        conditions.append("series = ?")
        arguments.append(escape(query.series))
    if query.after is not None:
        conditions.append("id < ?")
        arguments.append(escape(query.after))
    where = "".join(f" AND {condition}" for condition in conditions)
    return f"{SELECT}{where} ORDER BY id DESC LIMIT ?", [*arguments, query.limit]


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
        sql, arguments = f"{SELECT} AND expires_at > ?", [utc(now)]
    if last is not None:
        page_id, expires_at = last
        place = [page_id] if now is None else [expires_at, page_id]
        sql += f" AND ({', '.join(key)}) < ({', '.join(map(_placeholder, place))})"
        arguments += place
    order = ", ".join(f"{name} DESC" for name in key)
    return f"{sql} ORDER BY {order} LIMIT {size:d}", arguments


def _placeholder(value: Any) -> str:
    # The driver sends a damaged text as a blob, which sorts elsewhere.
    return "CAST(? AS TEXT)" if isinstance(value, DamagedText) else "?"

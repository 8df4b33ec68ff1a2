"""SQL for the list of URLs in PostgreSQL."""

from __future__ import annotations

from typing import Any, Final

from libra.storage.rows.foreign_text import caseless, escape, like
from libra.storage.rows.urls import PAST, UrlQuery

_PAST: Final = f"""
    SELECT json_agg(json_build_array(id, transfer_bytes, way))::text FROM (
        SELECT id, transfer_bytes, way FROM pages AS earlier
        WHERE earlier.url_hash = pages.url_hash AND deleted_at IS NULL AND status = 'weighed'
        ORDER BY id DESC LIMIT {PAST:d}
    ) AS earlier
"""  # noqa: S608 - a constant
_HASHES: Final = "SELECT md5(one)::uuid FROM unnest({urls}::text[]) AS one"
_BROKEN: Final = (
    f"(newest.status = 'failed' OR newest.url_hash IN ({_HASHES.format(urls='{broken}')}))::integer"
)
_ORDER: Final = {
    "newest": "newest.id DESC",
    "heaviest": "newest.transfer_bytes DESC, newest.id DESC",
    "site": 'host COLLATE "C", url COLLATE "C"',
    "broken": f"{_BROKEN} DESC, newest.id DESC",
}
_AFTER: Final = {
    "newest": "newest.id < {0}::text",
    "heaviest": "(newest.transfer_bytes, newest.id) < ({0}::bigint, {1}::text)",
    "site": '(host COLLATE "C", url COLLATE "C") > ({0}::text, {1}::text)',
    "broken": f"({_BROKEN}, newest.id) < ({{0}}::integer, {{1}}::text)",
}


def urls_sql(query: UrlQuery, columns: str) -> tuple[str, list[Any]]:
    """The statement and its arguments.

    A row has these columns and the past as JSON; the rows come in any order.
    """
    arguments = list[Any]()

    def place(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    conditions = ["true"]
    if query.host is not None:
        same, below = place(escape(query.host)), place(f"%.{like(query.host)}")
        conditions.append(f"(host = {same} OR host LIKE {below})")
    if query.text is not None:
        conditions.append(text_condition(query.text, place))
    if query.status is not None:
        conditions.append(f"newest.status = {place(query.status)}")
    broken = place([escape(url) for url in query.broken]) if query.sort == "broken" else ""
    if query.after is not None:
        parts = [place(escape(p) if isinstance(p, str) else p) for p in query.after]
        conditions.append(_AFTER[query.sort].format(*parts, broken=broken))
    only = ""
    if query.urls is not None:
        wanted = place([escape(url) for url in query.urls])
        only = f" AND url_hash IN ({_HASHES.format(urls=wanted)})"
    order = _ORDER[query.sort].format(broken=broken)
    # The index by URL has all columns that choosing the newest needs, so this reads no page of the
    # table for it. If the query needs more columns, it looks up the newest rows, and whole rows only
    # for the result.
    more = ""
    if query.sort == "site" or query.host is not None or query.text is not None:
        more = "JOIN (SELECT id, url, host, title FROM pages) AS more USING (id)"
    sql = f"""
        SELECT {columns}, ({_PAST}) AS past FROM pages WHERE id IN (
            SELECT newest.id FROM (
                SELECT DISTINCT ON (url_hash) url_hash, id, transfer_bytes, status FROM pages
                WHERE deleted_at IS NULL{only} ORDER BY url_hash, id DESC
            ) AS newest {more}
            WHERE {" AND ".join(conditions)} ORDER BY {order} LIMIT {place(query.limit)}
        )
    """  # noqa: S608 - constants
    return sql, arguments


def timeline_sql(select: str) -> str:
    """A statement for the heaviest page of each span of a time.

    It takes the URL, the beginning (which may be null), the end, and the number of spans.

    Args:
        select: the columns of all pages, up to the conditions.
    """
    return f"""
    WITH begin (since) AS (
        SELECT coalesce($2::timestamptz, (SELECT min(submitted_at) FROM pages WHERE deleted_at IS NULL
            AND url_hash = md5($1::text)::uuid AND url = $1::text AND status = 'weighed'))
    )
    {select} AND id IN (
        SELECT DISTINCT ON (span) id FROM (
            SELECT id, transfer_bytes, floor(extract(epoch FROM submitted_at - since)
                / greatest(extract(epoch FROM $3::timestamptz - since), 0.0001) * $4::integer) AS span
            FROM pages, begin WHERE deleted_at IS NULL
                AND url_hash = md5($1::text)::uuid AND url = $1::text AND status = 'weighed'
                AND submitted_at >= since AND submitted_at < $3::timestamptz
        ) AS inside ORDER BY span, transfer_bytes DESC, id DESC
    ) ORDER BY id DESC
    """  # noqa: S608 - a constant


def text_condition(text: str, place: Any) -> str:
    """A condition for pages with a text in their title or URL, in any case.

    Args:
        text: the text to search.
        place: takes an argument and returns its placeholder.
    """
    if text.isascii():
        pattern = place(f"%{like(text)}%")
        return f"(title ILIKE {pattern} OR url ILIKE {pattern})"
    # ILIKE's handling of case depends on the locale of the database.
    pattern = place(caseless(text))
    return f"(title ~ {pattern} OR url ~ {pattern})"
